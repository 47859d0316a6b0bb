//! POST: a message, or a batch, from a caller. read ▸ session ▸ limits; then the gate's walk in a task of its own.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use carnet_gate::Walk;
use carnet_mcp::headers::McpHeaders;
use carnet_mcp::{Era, Incoming, Kind, Message, Refusal, Revision, code, error_response};
use carnet_model::Action;
use http::header::{ACCEPT, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming as Body;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::way::{most_bytes, way};
use super::{Arrived, later};
use crate::body::{self, Reply};
use crate::call::{CallShell, Growing, Outbox};
use crate::gateway::{Gateway, NoSession, now};
use crate::hold::Entry;
use crate::servers::Server;
use crate::sessions::Open;
use crate::stop::reached;
use crate::telemetry::{self, Answer, Done, Origin, Watched};
use crate::upstream::link::Link;

/// A POST to a server's endpoint.
pub async fn endpoint(
    gateway: &Arc<Gateway>,
    arrived: Arrived,
    server: &Arc<Server>,
    request: Request<Body>,
) -> Response<Reply> {
    let (head, body) = request.into_parts();
    if !is_json(&head.headers) {
        return body::empty(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    let bytes = match read_body(gateway, &arrived, server, &head.headers, body).await {
        Ok(bytes) => bytes,
        Err(response) => return response,
    };
    let size = bytes.len();
    if !crate::join::is_as_asserted(&head.extensions, &bytes) {
        return refuse(gateway, &arrived, server, None, &not_asserted(), size, &head.headers).await;
    }
    let read = read(&arrived, &head.headers, bytes).and_then(|(messages, batch)| {
        for message in &messages {
            agree(server, &head.headers, message).map_err(|r| (message.id_raw().map(<[u8]>::to_vec), r))?;
        }
        Ok((messages, batch))
    });
    let (messages, batch) = match read {
        Ok(read) => read,
        Err((id, refusal)) => {
            return refuse(gateway, &arrived, server, id.as_deref(), &refusal, size, &head.headers).await;
        }
    };
    let first = messages.first().map_or(Action::OTHER, Message::action);
    let open = match session(gateway, &arrived, server, &head.headers, first).await {
        Ok(open) => open,
        Err(response) => return response,
    };
    run(gateway, arrived, server, &head.headers, open, messages, batch).await
}

/// A POST to the endpoint of HTTP+SSE: the answer comes by the stream.
pub async fn messages(
    gateway: &Arc<Gateway>,
    arrived: Arrived,
    server: &Arc<Server>,
    request: Request<Body>,
) -> Response<Reply> {
    let query = request.uri().query().unwrap_or_default();
    let id =
        query.split('&').find_map(|pair| pair.strip_prefix("session_id=")).unwrap_or_default().to_owned();
    let (mut head, body) = request.into_parts();
    // HTTP+SSE has no use for Accept on a POST; a server over Streamable HTTP asks for both.
    head.headers.insert(ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
    let Some(open) = gateway.sessions.find(&id, &server.facts.name, &arrived.caller) else {
        return body::empty(StatusCode::NOT_FOUND);
    };
    let bytes = match read_body(gateway, &arrived, server, &head.headers, body).await {
        Ok(bytes) => bytes,
        Err(response) => return response,
    };
    let size = bytes.len();
    if !crate::join::is_as_asserted(&head.extensions, &bytes) {
        return refuse(gateway, &arrived, server, None, &not_asserted(), size, &head.headers).await;
    }
    // HTTP+SSE knows no headers that mirror the body: as over stdio, the body alone says what a message is.
    let (messages, batch) = match read(&arrived, &head.headers, bytes) {
        Ok(read) => read,
        Err((id, refusal)) => {
            return refuse(gateway, &arrived, server, id.as_deref(), &refusal, size, &head.headers).await;
        }
    };
    let Some(stream) = open.stream.get().cloned() else { return body::empty(StatusCode::NOT_FOUND) };
    let asks = messages.iter().any(|m| m.kind() == Kind::Request);
    let id = messages.first().filter(|_| asks && !batch).and_then(|m| m.id_raw().map(<[u8]>::to_vec));
    let limits = arrived.runtime.gate.limits;
    let (gateway, server) = (gateway.clone(), server.clone());
    let walked = tokio::spawn(async move {
        let response = run(&gateway, arrived, &server, &head.headers, open, messages, batch).await;
        super::streams::copy(response, id.as_deref(), &limits, &stream).await;
    });
    // Order matters for what is not answered: `initialized` reaches the server before the next request is read.
    if !asks {
        let _ = walked.await;
    }
    body::empty(StatusCode::ACCEPTED)
}

/// A body that is not the one which the front took from the caller.
fn not_asserted() -> Refusal {
    Refusal::new(400, code::INVALID_REQUEST, "the body is not the one that the front asserted")
}

/// JSON, as it is: a body that is packed would have to be unpacked to be inspected, and no client packs one.
fn is_json(headers: &HeaderMap) -> bool {
    let plain = |v: &HeaderValue| v.as_bytes().eq_ignore_ascii_case(b"identity");
    if !headers.get_all(CONTENT_ENCODING).iter().all(plain) {
        return false;
    }
    let value = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    value.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

async fn read_body(
    gateway: &Arc<Gateway>,
    arrived: &Arrived,
    server: &Arc<Server>,
    headers: &HeaderMap,
    body: Body,
) -> Result<Vec<u8>, Response<Reply>> {
    let limits = &arrived.runtime.config.limits;
    let limited = Limited::new(body, usize::try_from(limits.request_body).unwrap_or(usize::MAX));
    match tokio::time::timeout(limits.request_timeout, limited.collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes().into()),
        Ok(Err(e)) if e.is::<http_body_util::LengthLimitError>() => {
            let refusal = Refusal::new(413, code::INVALID_REQUEST, "message too large");
            let size = usize::try_from(limits.request_body).unwrap_or(usize::MAX);
            Err(refuse(gateway, arrived, server, None, &refusal, size, headers).await)
        }
        Ok(Err(_)) => Err(body::empty(StatusCode::BAD_REQUEST)),
        Err(_) => Err(body::empty(StatusCode::REQUEST_TIMEOUT)),
    }
}

type Refused = (Option<Vec<u8>>, Refusal);

/// read: one message or a batch, of a revision that allows it.
fn read(arrived: &Arrived, headers: &HeaderMap, bytes: Vec<u8>) -> Result<(Vec<Message>, bool), Refused> {
    let incoming = Message::parse(bytes, &arrived.runtime.gate.limits).map_err(|r| (None, r))?;
    let batch = matches!(incoming, Incoming::Batch(_));
    let version = headers.get("mcp-protocol-version").and_then(|v| v.to_str().ok());
    // Without a header the specification assumes 2025-03-26, the one revision that has batches.
    let revision = version.map_or(Some(Revision::R2025_03_26), Revision::parse);
    let messages = incoming.into_messages(revision).map_err(|r| (None, r))?;
    Ok((messages, batch))
}

/// What `Mcp-*` headers a request has.
fn mcp_headers(headers: &HeaderMap) -> McpHeaders<'_> {
    McpHeaders::read(headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())))
}

/// Header and body must agree in the modern era; older revisions do not have these headers, and they are not trusted there.
fn agree(server: &Server, headers: &HeaderMap, message: &Message) -> Result<(), Refusal> {
    let headers = mcp_headers(headers);
    if headers.era(message, &Revision::ALL)? == Era::Legacy {
        return Ok(());
    }
    let target = message.target();
    let tool = target.text().and_then(|name| server.tools.get(name));
    headers.check(message, tool.as_ref().map(|t| &t.parameters))
}

/// The session of a request: the one it names, a new one for `initialize`, else the implicit one.
async fn session(
    gateway: &Arc<Gateway>,
    arrived: &Arrived,
    server: &Arc<Server>,
    headers: &HeaderMap,
    action: Action,
) -> Result<Arc<Open>, Response<Reply>> {
    let Arrived { runtime, caller, .. } = arrived;
    if let Some(id) = headers.get("mcp-session-id") {
        let id = id.to_str().unwrap_or_default();
        // Somebody else's session, an expired one and an invented one are told apart by nobody.
        let open = gateway.sessions.find(id, &server.facts.name, caller);
        let open = open.ok_or_else(|| body::json(StatusCode::NOT_FOUND, no_session()))?;
        if open.is_dead() {
            // Its server's process or stream has ended: the client is to begin anew.
            if gateway.sessions.remove(id).is_some() {
                gateway.close_session(&open, "server-ended").await;
            }
            return Err(body::json(StatusCode::NOT_FOUND, no_session()));
        }
        open.touch(now().seconds);
        return Ok(open);
    }
    let opened = if action == Action::INITIALIZE {
        gateway.open_session(runtime, server, caller).await
    } else {
        gateway.implicit_session(runtime, server, caller).await
    };
    opened.map_err(|why| match why {
        NoSession::TooMany => later(StatusCode::SERVICE_UNAVAILABLE, 30, "too many sessions are open"),
        NoSession::NotRecorded => {
            later(StatusCode::SERVICE_UNAVAILABLE, 5, "the record could not be made durable")
        }
    })
}

fn no_session() -> Vec<u8> {
    error_response(None, &Refusal::new(404, code::LEGACY_REQUEST_TIMEOUT, "Session not found"))
}

/// A refusal's name in evidence, from a closed list.
fn refusal_name(refusal: &Refusal) -> &'static str {
    match refusal.code {
        code::PARSE_ERROR => "parse-error",
        code::INVALID_PARAMS => "invalid-params",
        code::HEADER_MISMATCH => "header-mismatch",
        code::UNSUPPORTED_PROTOCOL_VERSION => "unsupported-revision",
        code::METHOD_NOT_FOUND => "no-such-method",
        _ => "invalid-request",
    }
}

/// Counts and logs a message that was turned away before its walk.
fn turned_away(
    gateway: &Gateway,
    server: &Server,
    action: Action,
    decision: &'static str,
    status: u16,
    headers: &HeaderMap,
) {
    let server = &server.facts.name;
    gateway.metrics.message(server, action, decision);
    let begun = gateway.telemetry.begin_unread(gateway.telemetry.origin(headers));
    let (elapsed, answer) = (Duration::ZERO, Answer::Fine);
    gateway.telemetry.end(begun, Done { server, action, decision, status, elapsed, answer });
}

/// The answer to something that was refused, with its record.
async fn refuse(
    gateway: &Arc<Gateway>,
    arrived: &Arrived,
    server: &Arc<Server>,
    id: Option<&[u8]>,
    refusal: &Refusal,
    size: usize,
    headers: &HeaderMap,
) -> Response<Reply> {
    let Arrived { runtime, caller, front } = arrived;
    turned_away(gateway, server, Action::OTHER, "refused", refusal.http_status, headers);
    let unrecorded = || later(StatusCode::SERVICE_UNAVAILABLE, 5, "the record could not be made durable");
    let Ok(open) = gateway.implicit_session(runtime, server, caller).await else { return unrecorded() };
    let shell = crate::record::RecordOnly(gateway);
    let walk = Walk::new(&shell, &gateway.cell, &runtime.gate, &open.gate, caller, front.as_deref());
    if carnet_gate::refuse(walk, size, refusal_name(refusal)).await.is_err() {
        return unrecorded();
    }
    let status = StatusCode::from_u16(refusal.http_status).unwrap_or(StatusCode::BAD_REQUEST);
    body::json(status, error_response(id, refusal))
}

/// Takes the places and rates that a call needs.
fn admit(
    gateway: &Gateway,
    arrived: &Arrived,
    server: &Server,
    headers: &HeaderMap,
    message: &Message,
) -> Result<Vec<OwnedSemaphorePermit>, Response<Reply>> {
    let Arrived { runtime, caller, .. } = arrived;
    let who = *caller.key.digest();
    let limited = |wait: crate::limits::TooMany| {
        turned_away(gateway, server, message.action(), "limited", 429, headers);
        let mut response = later(StatusCode::TOO_MANY_REQUESTS, wait.retry_after.as_secs() + 1, "");
        if let Some(id) = message.id_raw() {
            let refusal = Refusal::new(429, code::RATE_LIMITED, "Too many calls; try again later.");
            *response.body_mut() = Reply::Whole(error_response(Some(id), &refusal).into());
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        response
    };
    if let Some(rates) = &runtime.per_principal {
        rates.take(&who).map_err(limited)?;
    }
    if let Some(rates) = &server.per_principal {
        rates.take(&who).map_err(limited)?;
    }
    if message.action() == Action::TOOLS_CALL {
        let target = message.target();
        let tool = target.text().unwrap_or_default();
        if let Some(rates) = server.tool_rates.get(tool) {
            rates.take(&who).map_err(limited)?;
        } else if let Some(rates) = &runtime.per_tool {
            let mut hash = DefaultHasher::new();
            (&*server.facts.name, tool).hash(&mut hash);
            rates.take(&(who, hash.finish())).map_err(limited)?;
        }
    }
    let busy = |_| {
        turned_away(gateway, server, message.action(), "busy", 503, headers);
        later(StatusCode::SERVICE_UNAVAILABLE, 1, "too many calls are in work")
    };
    let all = gateway.places.clone().try_acquire_owned().map_err(busy)?;
    let own = server.places.clone().try_acquire_owned().map_err(busy)?;
    Ok(vec![all, own])
}

/// Walks each message; the reply grows meanwhile and is handed back as soon as its head is known.
async fn run(
    gateway: &Arc<Gateway>,
    arrived: Arrived,
    server: &Arc<Server>,
    headers: &HeaderMap,
    open: Arc<Open>,
    messages: Vec<Message>,
    batch: bool,
) -> Response<Reply> {
    let initializes = messages.first().is_some_and(|m| m.action() == Action::INITIALIZE);
    let Some(inside) = open.enter() else { return body::json(StatusCode::NOT_FOUND, no_session()) };
    let work = match prepare(gateway, &arrived, server, headers, &open, messages).await {
        Ok(work) => work,
        Err(response) => {
            drop(inside);
            // The session was opened for this message alone, and nobody knows its name.
            if initializes && open.id.get().is_none() {
                gateway.close_session(&open, "refused").await;
            }
            return response;
        }
    };
    let (respond, response) = oneshot::channel();
    let (present, gone) = oneshot::channel();
    // From 2026-07-28 on a caller who hangs up cancels; before, it does not.
    let cancels = work.first().is_some_and(|(m, ..)| m.era() == Era::Modern);
    let reply = Growing::new(respond, None, batch);
    let mut gone = cancels.then_some(gone);
    let origin = gateway.telemetry.origin(headers);
    let fetched = OnceLock::new();
    let task = Task { gateway: gateway.clone(), arrived, open, reply, origin, fetched };
    tokio::spawn(async move {
        for (message, link, places) in work {
            Box::pin(task.walk(message, link, gone.take(), places)).await;
        }
        if batch {
            task.reply.end_batch();
        }
        task.open.touch(now().seconds);
        drop(inside);
        // A session that nobody can name ends at once: the server keeps none, and what follows is implicit.
        if initializes && task.open.id.get().is_none() {
            task.gateway.close_session(&task.open, "no-session-id").await;
        }
    });
    // Held here until the reply begins, and by a stream from then on: whoever drops it has lost the caller.
    let present = cancels.then_some(present);
    let mut response = response.await.unwrap_or_else(|_| body::empty(StatusCode::INTERNAL_SERVER_ERROR));
    if let Reply::Stream(_, held) = response.body_mut() {
        *held = present;
    }
    response
}

/// A message, its way, and the places that it takes.
type Prepared = (Message, Link, Vec<OwnedSemaphorePermit>);

/// Gives each message its places and its way to the server.
async fn prepare(
    gateway: &Arc<Gateway>,
    arrived: &Arrived,
    server: &Arc<Server>,
    headers: &HeaderMap,
    open: &Arc<Open>,
    messages: Vec<Message>,
) -> Result<Vec<Prepared>, Response<Reply>> {
    let mut work = Vec::with_capacity(messages.len());
    for message in messages {
        // A notification or response is small change; only requests take a place.
        let places = match message.kind() {
            Kind::Request => admit(gateway, arrived, server, headers, &message)?,
            _ => Vec::new(),
        };
        let link = way(arrived, server, headers, open, &message);
        work.push((message, link, places));
    }
    Ok(work)
}

/// One caller's messages on their way.
pub(crate) struct Task {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) arrived: Arrived,
    pub(crate) open: Arc<Open>,
    pub(crate) reply: Arc<Growing>,
    pub(crate) origin: Origin,
    /// The held call whose kept result is the answer.
    pub(crate) fetched: OnceLock<Arc<Entry>>,
}

impl Task {
    pub(crate) async fn walk(
        &self,
        message: Message,
        link: Link,
        gone: Option<oneshot::Receiver<()>>,
        mut places: Vec<OwnedSemaphorePermit>,
    ) {
        let Task { gateway, arrived, open, reply, origin, fetched } = self;
        let (action, kind) = (message.action(), message.kind());
        let began = std::time::Instant::now();
        let begun =
            gateway.telemetry.begin(*origin, &message, &open.gate.tools, open.revision.get().copied());
        gateway.metrics.in_flight.inc();
        // A standing stream ends when the stop begins; a call has the drain time.
        let mut until = match action {
            Action::SUBSCRIPTIONS_LISTEN => gateway.stopping.subscribe(),
            _ => gateway.ending.cut(),
        };
        let shell = CallShell {
            gateway: gateway.clone(),
            open: open.clone(),
            most: arrived.runtime.config.limits.sessions,
            initialize: action == Action::INITIALIZE,
            until: until.clone(),
            most_bytes: most_bytes(arrived, open, action),
            link,
            reply: reply.clone(),
            gone: Mutex::new(gone),
            consumed: AtomicBool::new(false),
        };
        let at = Walk::new(
            &shell,
            &gateway.cell,
            &arrived.runtime.gate,
            &open.gate,
            &arrived.caller,
            arrived.front.as_deref(),
        );
        let outbox = Outbox { reply: reply.clone(), kept: None, keeps: false, until: until.clone() };
        let mut outbox = Watched::new(outbox, begun.is_some());
        let walked = match kind {
            Kind::Request | Kind::Notification => {
                Box::pin(self.walk_through(&shell, message, &mut outbox, &mut places)).await
            }
            Kind::Result | Kind::Error => carnet_gate::respond(at, message).await,
        };
        let decision = walked.as_ref().map_or_else(|turned| turned.decision, |_| "permit");
        let (server, elapsed) = (&open.gate.server.name, began.elapsed());
        gateway.metrics.message(server, action, decision);
        gateway.metrics.duration.observe(elapsed.as_secs_f64());
        gateway.metrics.in_flight.dec();
        let status = walked.as_ref().map_or_else(telemetry::status_of, |walked| walked.status);
        let answer = begun.as_ref().map_or(Answer::Fine, |_| Answer::of_walk(&walked, outbox.answer));
        gateway.telemetry.end(begun, Done { server, action, decision, status, elapsed, answer });
        tokio::select! {
            biased;
            there = reply.end(walked) => {
                if let Some(entry) = fetched.get().filter(|_| there) {
                    gateway.holds.fetched(entry).await;
                }
            }
            () = reached(Some(&mut until)) => {}
        }
    }
}
