//! One message of a caller on its way: the effects that the gate asks for, and the reply that grows meanwhile.
//!
//! The walk runs in a task of its own, so that a caller who hangs up neither loses the record of an outcome nor, before
//! revision 2026-07-28, cancels the call.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use carnet_documents::Text;
use carnet_evidence::seal::{DataKey, KeyKind, NewKey};
use carnet_gate::{
    Analyzed, Answers, Delivery, Deposit, Entry, Kept, Moment, NotAnalyzed, NotForwarded, NotRecorded,
    Permitted, Recall, Receipt, Recorded, Replies, Row, Seen, Shell, Turned, Unread, Walked,
};
use carnet_masking::{Report, StandInId};
use carnet_mcp::Message;
use carnet_mcp::sse::Event;
use carnet_model::{ClassNames, Sensitive};
use http::{HeaderValue, Response, StatusCode};
use tokio::sync::{mpsc, oneshot, watch};

use crate::body::{self, Present, Reply};
use crate::gateway::{Gateway, now};
use crate::sessions::Open;
use crate::stop::{STOPPING, reached};
use crate::upstream::link::{AnswerStream, Link};

/// The effects for one message.
pub struct CallShell {
    /// The gateway.
    pub gateway: Arc<Gateway>,
    /// The session.
    pub open: Arc<Open>,
    /// Sessions allowed at once.
    pub most: usize,
    /// Whether the message is `initialize`, which may give the session its id.
    pub initialize: bool,
    /// When it is to end, if the gateway stops meanwhile.
    pub until: watch::Receiver<bool>,
    /// Bytes that the server may send before it answers.
    pub most_bytes: Option<usize>,
    /// The way to the server.
    pub link: Link,
    /// Where the reply grows.
    pub reply: Arc<Growing>,
    /// Resolves when the caller is gone; `None` where that does not cancel.
    pub gone: Mutex<Option<oneshot::Receiver<()>>>,
    /// The approval that the call runs by was used.
    pub consumed: AtomicBool,
}

impl Recall for CallShell {
    fn kept(&self, id: &StandInId) -> Vec<Kept> {
        self.gateway.kept(id)
    }

    fn value(&self, kept: &Kept) -> Option<Sensitive<String>> {
        self.gateway.value(kept)
    }

    fn keeps_nothing(&self) -> bool {
        self.gateway.recorder.vault.is_empty()
    }
}

impl Shell for CallShell {
    type Answers = AnswerStream;

    fn now(&self) -> Moment {
        now()
    }

    async fn pause(&self, time: std::time::Duration) {
        tokio::time::sleep(time).await;
    }

    fn entropy(&self, out: &mut [u8]) {
        crate::record::entropy(out);
    }

    async fn append(&self, entry: Entry) -> Result<Receipt, NotRecorded> {
        self.gateway.append(entry).await
    }

    fn subject_key(&self, label: [u8; 16]) -> Result<(DataKey, Option<NewKey>), NotRecorded> {
        self.gateway.recorder.key_of(KeyKind::Subject, label)
    }

    async fn keep(&self, deposits: Vec<Deposit>) -> Result<(), NotRecorded> {
        self.gateway.keep(deposits).await
    }

    async fn remember(&self, rows: Vec<Row>) -> Result<(), NotRecorded> {
        self.gateway.remember(rows).await
    }

    async fn read_document(&self, bytes: Vec<u8>) -> Result<Text, Unread> {
        crate::documents::read(bytes).await
    }

    async fn analyze(
        &self,
        analyzer: &str,
        texts: &[String],
    ) -> Result<Vec<Arc<Vec<Analyzed>>>, NotAnalyzed> {
        let runtime = self.gateway.runtime.load_full();
        runtime.analyzers.ask(analyzer, texts).await
    }

    fn masked(&self, report: &Report, classes: &ClassNames) {
        self.gateway.count_masked(report, classes);
    }

    fn consumed(&self) {
        self.consumed.store(true, Ordering::Release);
    }

    fn drifted(&self, server: &str, what: &[&str]) {
        self.gateway.drifted(server, what);
    }

    fn unexpected(&self) {
        self.gateway.metrics.upstream_error("unexpected-response");
    }

    async fn forward(&self, message: Recorded<Permitted<Message>>) -> Result<AnswerStream, NotForwarded> {
        let gone = self.gone.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut until = self.until.clone();
        let sent = tokio::select! {
            biased;
            sent = self.link.send(message, gone, Some(self.reply.clone())) => sent,
            () = reached(Some(&mut until)) => Err(STOPPING),
        };
        if self.open.gate.server.seen.get() == Seen::Elsewhere {
            self.gateway.metrics.elsewhere("server");
        }
        let answers = sent
            .inspect_err(|e| self.gateway.metrics.upstream_error(e.name()))?
            .until(until)
            .within(self.most_bytes);
        if self.initialize && answers.status() == 200 {
            self.begin_session();
        }
        if answers.is_stream() {
            self.reply.stream();
        }
        Ok(answers)
    }
}

impl CallShell {
    /// Takes what says that the caller is gone, to wait for that elsewhere.
    pub(crate) fn gone(&self) -> Option<oneshot::Receiver<()>> {
        self.gone.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Gives it back.
    pub(crate) fn give_gone(&self, gone: Option<oneshot::Receiver<()>>) {
        *self.gone.lock().unwrap_or_else(PoisonError::into_inner) = gone;
    }

    /// Gives a session its id where the server has sessions: one on HTTP that gave out an id, or one on a channel.
    fn begin_session(&self) {
        let has_sessions = match &self.link {
            Link::Http { .. } => self.open.upstream_id.get().is_some(),
            Link::Channel { .. } => true,
        };
        if !has_sessions || self.open.id.get().is_some() {
            return;
        }
        let mut random = [0; 16];
        crate::record::entropy(&mut random);
        let id: String = random.iter().map(|b| format!("{b:02x}")).collect();
        if self.gateway.sessions.keep(id.clone(), self.open.clone(), self.most) {
            self.reply.session(id);
        }
    }
}

/// How messages stand in a stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Framing {
    /// As events.
    Events,
    /// One a line (stdio).
    Lines,
}

/// A reply under construction: nothing yet, then a stream, or one JSON document.
pub struct Growing {
    state: Mutex<State>,
}

struct State {
    respond: Option<oneshot::Sender<Response<Reply>>>,
    present: Option<Present>,
    feed: Option<mpsc::Sender<Bytes>>,
    framing: Framing,
    session: Option<String>,
    /// Collects the responses of a batch; `None` for single messages.
    batch: Option<Vec<Vec<u8>>>,
}

impl Growing {
    /// A reply that will be handed to `respond`. `present` is dropped when the caller is gone.
    #[must_use]
    pub fn new(
        respond: oneshot::Sender<Response<Reply>>,
        present: Option<Present>,
        batch: bool,
    ) -> Arc<Growing> {
        let batch = batch.then(Vec::new);
        let framing = Framing::Events;
        let state = State { respond: Some(respond), present, feed: None, framing, session: None, batch };
        Arc::new(Growing { state: Mutex::new(state) })
    }

    /// A reply that goes into a stream which is open already.
    #[must_use]
    pub fn into_stream(feed: mpsc::Sender<Bytes>, framing: Framing) -> Arc<Growing> {
        let state =
            State { respond: None, present: None, feed: Some(feed), framing, session: None, batch: None };
        Arc::new(Growing { state: Mutex::new(state) })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn feed(&self) -> (Option<mpsc::Sender<Bytes>>, Framing) {
        let state = self.lock();
        (state.feed.clone(), state.framing)
    }

    /// The session id that the caller is to use.
    pub fn session(&self, id: String) {
        self.lock().session.get_or_insert(id);
    }

    /// Whether it is the answers of a batch, which come all at once.
    #[must_use]
    pub fn is_batch(&self) -> bool {
        self.lock().batch.is_some()
    }

    /// Begins an event stream, unless the reply has begun.
    pub fn stream(&self) {
        let mut state = self.lock();
        if state.batch.is_some() {
            return;
        }
        let Some(respond) = state.respond.take() else { return };
        let (feed, mut response) = body::event_stream(state.present.take());
        session_header(&mut response, state.session.as_deref());
        if respond.send(response).is_ok() {
            state.feed = Some(feed);
        }
    }

    /// Passes on an event that carries no message: an id to resume from, a time to wait.
    pub async fn bare(&self, event: &Event) {
        self.stream();
        let (feed, framing) = self.feed();
        if let (Some(feed), Framing::Events) = (feed, framing) {
            let _ = feed.send(event.to_bytes().into()).await;
        }
    }

    /// Sends one message. `false` when the caller is gone.
    pub async fn message(&self, delivery: Delivery) -> bool {
        let begin = {
            let mut state = self.lock();
            if let Some(batch) = &mut state.batch {
                batch.push(delivery.bytes);
                return true;
            }
            // More than one message needs a stream, whatever the server used.
            state.feed.is_none() && !delivery.last
        };
        if begin {
            self.stream();
        }
        let (feed, framing) = self.feed();
        match feed {
            Some(feed) => feed.send(framed(delivery, framing).into()).await.is_ok(),
            None => {
                let status = StatusCode::from_u16(delivery.status).unwrap_or(StatusCode::OK);
                self.respond(body::json(status, delivery.bytes))
            }
        }
    }

    /// Ends the reply: an empty answer where nothing was sent, or what the gate itself says.
    /// Whether the caller was there to take it.
    pub async fn end(&self, walked: Result<Walked, Turned>) -> bool {
        let status = match walked {
            Ok(walked) => walked.status,
            Err(Turned { answer: Some(answer), .. }) => return self.message(answer).await,
            Err(turned) => turned.status,
        };
        if self.lock().batch.is_none() {
            self.respond(body::empty(StatusCode::from_u16(status).unwrap_or(StatusCode::ACCEPTED)));
        }
        true
    }

    /// The answers of a batch, all at once (revision 2025-03-26).
    pub fn end_batch(&self) {
        let batch = self.lock().batch.take().unwrap_or_default();
        if batch.is_empty() {
            self.respond(body::empty(StatusCode::ACCEPTED));
            return;
        }
        let mut all = batch.join(&b","[..]);
        all.insert(0, b'[');
        all.push(b']');
        self.respond(body::json(StatusCode::OK, all));
    }

    fn respond(&self, mut response: Response<Reply>) -> bool {
        let mut state = self.lock();
        let Some(respond) = state.respond.take() else { return false };
        session_header(&mut response, state.session.as_deref());
        respond.send(response).is_ok()
    }
}

/// A message as a stream has it: an event under the id that it came with, or a line.
fn framed(delivery: Delivery, framing: Framing) -> Vec<u8> {
    match framing {
        Framing::Events => {
            let event = Some("message".to_owned());
            Event { id: delivery.event_id, event, ..Event::of(delivery.bytes) }.to_bytes()
        }
        Framing::Lines => {
            let mut line = delivery.bytes;
            // A line end inside a message is JSON white space.
            for b in &mut line {
                if matches!(b, b'\n' | b'\r') {
                    *b = b' ';
                }
            }
            line.push(b'\n');
            line
        }
    }
}

fn session_header(response: &mut Response<Reply>, session: Option<&str>) {
    if let Some(value) = session.and_then(|s| HeaderValue::from_str(s).ok()) {
        response.headers_mut().insert("mcp-session-id", value);
    }
}

/// The gate's view of a growing reply.
pub struct Outbox {
    /// The reply.
    pub reply: Arc<Growing>,
    /// The last answer, where it is to be kept for a caller who may be gone, and whether that took it.
    pub kept: Option<(Vec<u8>, bool)>,
    /// Whether the last answer is to be kept.
    pub keeps: bool,
    /// When a slow reader is waited for no longer.
    pub until: watch::Receiver<bool>,
}

impl Replies for Outbox {
    async fn deliver(&mut self, message: Recorded<Delivery>) -> bool {
        let message = message.into_inner();
        let last = (self.keeps && message.last).then(|| message.bytes.clone());
        let there = tokio::select! {
            biased;
            there = self.reply.message(message) => there,
            () = reached(Some(&mut self.until)) => false,
        };
        self.kept = last.map(|bytes| (bytes, there));
        there
    }
}
