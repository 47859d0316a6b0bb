//! The state of the connection: session, revision, tools with headers of their own; and one exchange after the other.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use carnet_mcp::headers::ParamHeaders;
use carnet_mcp::{Era, Message, Refusal, code, error_response, requests};
use carnet_model::Action;
use http::header::{HeaderName, HeaderValue};
use http::{Method, Response, StatusCode};
use hyper::body::Incoming;
use tokio::sync::mpsc;

use super::http::{Http, Trouble};
use super::outgoing::{Asked, Outgoing, limits};
use crate::output;

pub(super) const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");
const VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
const LAST_EVENT: HeaderName = HeaderName::from_static("last-event-id");

/// The connection to one server.
pub(super) struct Link {
    pub(super) http: Http,
    pub(super) lines: mpsc::Sender<Vec<u8>>,
    state: Mutex<State>,
    /// Held while a lost session is begun anew.
    renewing: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    session: Option<HeaderValue>,
    version: Option<HeaderValue>,
    /// The client's `initialize`, to begin a lost session anew.
    initialize: Option<Bytes>,
    /// Tools whose schema asks for headers.
    tools: HashMap<String, Arc<ParamHeaders>>,
    /// The last thing that the person was told, so as not to repeat it for every message.
    told: Option<String>,
}

impl Link {
    pub(super) fn new(http: Http, lines: mpsc::Sender<Vec<u8>>) -> Link {
        Link { http, lines, state: Mutex::default(), renewing: tokio::sync::Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The headers that a tool's schema asks for.
    pub(super) fn params(&self, tool: &str) -> Option<Arc<ParamHeaders>> {
        self.state().tools.get(tool).cloned()
    }

    pub(super) fn session(&self) -> Option<HeaderValue> {
        self.state().session.clone()
    }

    /// Sends `initialize` and takes the session from the head of its answer.
    pub(super) async fn begin(&self, outgoing: &Outgoing) -> Result<Response<Incoming>, Trouble> {
        *self.state() = State { initialize: Some(outgoing.body.clone()), ..State::default() };
        let response = self.http.send(&Method::POST, &[], &outgoing.body).await?;
        self.state().session = response.headers().get(SESSION).cloned();
        Ok(response)
    }

    /// Sends a request and gives its answer, or the reason why there is none, to the client.
    pub(super) async fn ask(&self, outgoing: &Outgoing) {
        let sent = self.post(outgoing).await;
        self.finish(outgoing, sent).await;
    }

    /// Gives the answer to the client.
    pub(super) async fn finish(&self, outgoing: &Outgoing, sent: Result<Response<Incoming>, Trouble>) {
        let mut open = outgoing.asked.clone();
        let read = match sent {
            Ok(response) => self.read(response, outgoing.era, &mut open).await,
            Err(trouble) => Err(trouble),
        };
        if let Err(trouble) = read {
            self.tell_person(&trouble);
            for asked in &open {
                self.fail(asked, &trouble).await;
            }
        }
    }

    /// Sends a notification or a response.
    pub(super) async fn tell(&self, outgoing: &Outgoing) {
        let trouble = match self.post(outgoing).await {
            Ok(response) if response.status().is_success() => return,
            Ok(response) => self.http.refused(&response),
            Err(trouble) => trouble,
        };
        self.tell_person(&Trouble { told: true, ..trouble });
    }

    async fn fail(&self, asked: &Asked, trouble: &Trouble) {
        let refusal = Refusal::new(502, code::UPSTREAM, trouble.text.clone());
        let _ = self.lines.send(error_response(Some(&asked.id), &refusal)).await;
    }

    /// Says on standard error what only the person can change, once.
    pub(super) fn tell_person(&self, trouble: &Trouble) {
        let mut state = self.state();
        if trouble.told && state.told.as_deref() != Some(&trouble.text) {
            output::note(&format!("carnet connect: {}", trouble.text));
            state.told = Some(trouble.text.clone());
        }
    }

    /// Sends a message; begins the session anew if the server has forgotten it, as the specification asks of clients.
    async fn post(&self, outgoing: &Outgoing) -> Result<Response<Incoming>, Trouble> {
        let session = self.session();
        let response = self.http.send(&Method::POST, &self.headers(outgoing), &outgoing.body).await?;
        let lost =
            response.status() == StatusCode::NOT_FOUND && outgoing.era == Era::Legacy && session.is_some();
        if !lost {
            return Ok(response);
        }
        self.renew(session).await?;
        self.http.send(&Method::POST, &self.headers(outgoing), &outgoing.body).await
    }

    fn headers(&self, outgoing: &Outgoing) -> Vec<(HeaderName, HeaderValue)> {
        if outgoing.era == Era::Legacy {
            return self.legacy_headers(None);
        }
        let mirrored = outgoing.headers.iter().filter_map(|(name, value)| {
            Some((HeaderName::from_bytes(name.as_bytes()).ok()?, HeaderValue::from_bytes(value).ok()?))
        });
        mirrored.collect()
    }

    /// Session and revision, and where a stream goes on.
    fn legacy_headers(&self, last_event: Option<&str>) -> Vec<(HeaderName, HeaderValue)> {
        let state = self.state();
        let session = state.session.clone().map(|s| (SESSION, s));
        let version = state.version.clone().map(|v| (VERSION, v));
        let last = last_event.and_then(|id| HeaderValue::from_str(id).ok()).map(|id| (LAST_EVENT, id));
        [session, version, last].into_iter().flatten().collect()
    }

    /// Opens the server's stream of messages, or goes on with one.
    pub(super) async fn get(&self, last_event: Option<&str>) -> Result<Response<Incoming>, Trouble> {
        self.http.send(&Method::GET, &self.legacy_headers(last_event), &Bytes::new()).await
    }

    /// Begins a session anew, with the client's own `initialize`. Calls that lost it together do it once.
    pub(super) async fn renew(&self, lost: Option<HeaderValue>) -> Result<(), Trouble> {
        let _one = self.renewing.lock().await;
        if self.session() != lost {
            return Ok(());
        }
        let again =
            || Trouble::new(format!("{} has forgotten the session and begins none anew", self.http.host()));
        let body = self.state().initialize.clone().ok_or_else(again)?;
        let message = Message::parse_one(body.to_vec(), &limits()).map_err(|_| again())?;
        let message = message.with_id(b"\"carnet-connect\"").map_err(|_| again())?;
        let response = self.http.send(&Method::POST, &[], &Bytes::from(message.into_bytes())).await?;
        if !response.status().is_success() {
            return Err(self.http.refused(&response));
        }
        let session = response.headers().get(SESSION).cloned();
        let answer = self.first_answer(response).await.ok_or_else(again)?;
        self.state().session = session;
        self.note(Action::INITIALIZE, &answer);
        let headers = self.legacy_headers(None);
        self.http.send(&Method::POST, &headers, &Bytes::from(requests::initialized())).await?;
        output::note(&format!(
            "carnet connect: {} had forgotten the session; a new one was begun",
            self.http.host()
        ));
        Ok(())
    }

    /// Takes from an answer what later messages need.
    pub(super) fn note(&self, asked: Action, answer: &Message) {
        if asked == Action::INITIALIZE {
            let version = answer.result().and_then(|r| r.get("protocolVersion")).and_then(|v| v.as_str());
            self.state().version = version.and_then(|v| HeaderValue::from_str(&v).ok());
        }
        let Some(list) =
            (asked == Action::TOOLS_LIST).then(|| carnet_mcp::lists::read(answer, asked)).flatten()
        else {
            return;
        };
        for item in list.items {
            let params = item.input_schema.and_then(|schema| ParamHeaders::from_schema(schema).ok());
            let mut state = self.state();
            match params.filter(|p| !p.is_empty()) {
                Some(params) => drop(state.tools.insert(item.name.into_owned(), Arc::new(params))),
                None => drop(state.tools.remove(&*item.name)),
            }
        }
    }

    /// Ends the session, where there is one. The server may not offer that, and need not be waited for.
    pub(super) async fn end(&self) {
        if self.session().is_some() {
            let (headers, empty) = (self.legacy_headers(None), Bytes::new());
            let delete = self.http.send(&Method::DELETE, &headers, &empty);
            let _ = tokio::time::timeout(Duration::from_secs(2), delete).await;
        }
    }
}
