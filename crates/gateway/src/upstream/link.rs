//! The way of one message to its server, whatever the transport: what goes out, and the messages that come back.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use carnet_gate::{Answers, NotForwarded, Permitted, Recorded, ToolTable};
use carnet_json::Limits;
use carnet_mcp::headers::McpHeaders;
use carnet_mcp::{Era, Incoming, Kind, Message};
use http::Method;
use http::header::{HeaderName, HeaderValue};
use tokio::sync::{oneshot, watch};

use super::UpstreamError;
use super::duplex::{Asked, Duplex};
use super::http::{Answer, AnswerBody, Events, HttpServer, Outbound};
use crate::call::Growing;
use crate::credentials::UpstreamCredentials;
use crate::servers::Server;
use crate::sessions::Open;
use crate::stop::{STOPPING, reached};

/// How a message goes to its server.
pub enum Link {
    /// Over Streamable HTTP.
    Http {
        /// The server.
        http: Arc<HttpServer>,
        /// The gateway's own credential.
        credentials: UpstreamCredentials,
        /// Protocol headers of the caller's request: in the modern era `Mcp-*` is recomputed from what is really sent.
        headers: Vec<(HeaderName, HeaderValue)>,
        /// What the message was read from, to see whether masking changed it.
        original: u64,
        /// What is known of its tools, for the headers that they ask for.
        tools: Arc<ToolTable>,
        /// The session.
        open: Arc<Open>,
        /// What bounds a message.
        limits: Limits,
    },
    /// Over a two-way channel.
    Channel {
        /// The server, to open the channel with when the first permitted message goes out.
        server: Arc<Server>,
        /// The session, which keeps the channel.
        open: Arc<Open>,
        /// What bounds a message.
        limits: Limits,
        /// Several callers' programs share it, so ids and progress tokens are made unique on the way.
        shared: bool,
        /// How long a request may be without a message; progress starts it anew.
        wait: Duration,
    },
}

impl Link {
    /// Sends a message.
    ///
    /// # Errors
    /// When it did not reach the server, or no answer began.
    pub async fn send(
        &self,
        message: Recorded<Permitted<Message>>,
        gone: Option<oneshot::Receiver<()>>,
        reply: Option<Arc<Growing>>,
    ) -> Result<AnswerStream, NotForwarded> {
        let message = message.into_inner().into_inner();
        match self {
            Link::Http { http, credentials, headers, original, tools, open, limits } => {
                let headers = headers_for(headers, tools, &message, *original);
                let outbound =
                    outbound(Method::POST, &headers, credentials, open, message.into_bytes()).await?;
                let secret = secret(&outbound);
                let sending = http.send(outbound);
                let (answer, gone) = unless_gone(sending, gone).await?;
                if let Some(id) = &answer.session {
                    let _ = open.upstream_id.set(id.clone());
                }
                Ok(AnswerStream::http(answer, *limits, gone, reply)?.hiding(secret))
            }
            Link::Channel { server, open, limits, shared, wait } => {
                let duplex = &super::duplex_of(server, open, *limits).await.map_err(failed)?;
                if message.kind() != Kind::Request {
                    duplex.tell(message.into_bytes()).await.map_err(failed)?;
                    return Ok(AnswerStream::nothing());
                }
                let (message, alias) = if *shared { alias(message, duplex)? } else { (message, None) };
                let asked = duplex.ask(message).await.map_err(failed)?;
                Ok(AnswerStream {
                    status: 200,
                    gone,
                    until: None,
                    secret: None,
                    secrets: server.secrets.clone(),
                    left: None,
                    source: Source::Asked { asked, duplex: duplex.clone(), alias, wait: *wait },
                })
            }
        }
    }
}

/// A quick mark of a message's bytes.
#[must_use]
pub fn mark(message: &Message) -> u64 {
    let mut hash = DefaultHasher::new();
    message.bytes().hash(&mut hash);
    hash.finish()
}

/// The headers for one message. In the modern era `Mcp-*` is recomputed from what is really sent: a masked argument is masked
/// in its header too. An `Mcp-Param-*` that no known schema asks for goes on as it came only with an unchanged message, since
/// it may repeat what was masked.
fn headers_for(
    passed: &[(HeaderName, HeaderValue)],
    tools: &ToolTable,
    message: &Message,
    original: u64,
) -> Vec<(HeaderName, HeaderValue)> {
    if message.era() == Era::Legacy {
        return passed.to_vec();
    }
    let is_mcp = |name: &HeaderName| name.as_str().starts_with("mcp-");
    let mut out: Vec<_> = passed.iter().filter(|(name, _)| !is_mcp(name)).cloned().collect();
    let target = message.target();
    let tool = target.text().and_then(|name| tools.get(name));
    let parameters = tool.as_ref().map(|t| &t.parameters);
    let unknown = passed.iter().any(|(name, _)| name.as_str().starts_with("mcp-param-"));
    let headers = if unknown && mark(message) == original {
        McpHeaders::read(passed.iter().map(|(n, v)| (n.as_str(), v.as_bytes())))
            .recompute(message, parameters)
    } else {
        carnet_mcp::headers::recompute(message, parameters)
    };
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_bytes(&value)) {
            out.push((name, value));
        }
    }
    out
}

/// Waits for `work` unless the caller goes away first.
async fn unless_gone(
    work: impl Future<Output = Result<Answer, UpstreamError>>,
    gone: Option<oneshot::Receiver<()>>,
) -> Result<(Answer, Option<oneshot::Receiver<()>>), NotForwarded> {
    let Some(mut gone) = gone else { return Ok((work.await.map_err(failed)?, None)) };
    tokio::select! {
        answer = work => Ok((answer.map_err(failed)?, Some(gone))),
        _ = &mut gone => Err(NotForwarded::Cancelled),
    }
}

/// A request to a server over HTTP with the gateway's credential and the session's id.
///
/// # Errors
/// When there is no credential.
pub async fn outbound(
    method: Method,
    headers: &[(HeaderName, HeaderValue)],
    credentials: &UpstreamCredentials,
    open: &Open,
    body: Vec<u8>,
) -> Result<Outbound, NotForwarded> {
    let mut headers = headers.to_vec();
    if let Some(credential) = credentials.header().await.map_err(|_| failed(UpstreamError::Credential))? {
        headers.push(credential);
    }
    if let Some(id) = open.upstream_id.get().and_then(|id| HeaderValue::from_str(id).ok()) {
        headers.push((HeaderName::from_static("mcp-session-id"), id));
    }
    Ok(Outbound { method, headers, body })
}

/// A credential shorter than this is not looked for in answers: too much else would look like it.
pub(crate) const SHORTEST: usize = 8;

/// The credential in a request, without its scheme.
#[must_use]
pub fn secret(outbound: &Outbound) -> Option<Vec<u8>> {
    let (_, value) = outbound.headers.iter().find(|(_, value)| value.is_sensitive())?;
    let secret = value.as_bytes().rsplit(|b| *b == b' ').next()?;
    (secret.len() >= SHORTEST).then(|| secret.to_vec())
}

/// What the caller is told of a failure, and with which status.
#[must_use]
pub fn failed(error: UpstreamError) -> NotForwarded {
    let (reason, status) = match error {
        UpstreamError::Address => ("the server's address cannot be used", 502),
        UpstreamError::Resolve => ("the server's host name does not resolve", 502),
        UpstreamError::Elsewhere => ("the server's address is in another country than it is said to be", 502),
        UpstreamError::Connect => ("the server does not accept connections", 502),
        UpstreamError::Tls => ("the TLS handshake with the server failed", 502),
        UpstreamError::Closed => ("the server closed the connection before it answered", 502),
        UpstreamError::Timeout => ("the server did not answer in time", 504),
        UpstreamError::TooLarge => ("the server's answer is larger than the limit", 502),
        UpstreamError::Protocol(_) => ("the server's answer does not follow the protocol", 502),
        UpstreamError::Credential => ("the server refused the gateway's credential", 502),
        UpstreamError::Process => ("the server's process is not running", 502),
        UpstreamError::Busy => ("too many requests wait for this server", 503),
    };
    NotForwarded::Upstream { reason, status }
}

/// The caller's id and progress token of a request that went out under a unique id.
struct Alias {
    id: Vec<u8>,
    token: Option<Vec<u8>>,
}

fn alias(message: Message, duplex: &Duplex) -> Result<(Message, Option<Alias>), NotForwarded> {
    let broken = |_| failed(UpstreamError::Protocol("an id that cannot be replaced"));
    let id = message.id_raw().unwrap_or_default().to_vec();
    let token = message.progress_token_raw().map(<[u8]>::to_vec);
    let fresh = duplex.fresh_id().to_string();
    let mut message = message.with_id(fresh.as_bytes()).map_err(broken)?;
    if token.is_some() {
        message = message.with_progress_token(fresh.as_bytes()).map_err(broken)?;
    }
    Ok((message, Some(Alias { id, token })))
}

impl Alias {
    fn restore(&self, message: Message) -> Option<Message> {
        let restored = if matches!(message.kind(), Kind::Result | Kind::Error) {
            message.with_id(&self.id)
        } else if let (Some(token), true) = (&self.token, message.progress_token_raw().is_some()) {
            message.with_progress_token(token)
        } else {
            return Some(message);
        };
        restored.ok()
    }
}

/// The messages that come back for one message.
pub struct AnswerStream {
    status: u16,
    gone: Option<oneshot::Receiver<()>>,
    /// Turns true when the gateway has no more time for it.
    until: Option<watch::Receiver<bool>>,
    /// The credential it was asked with. A server that repeats it, in an error mostly, is not passed on (invariant 6).
    secret: Option<Vec<u8>>,
    /// Secrets that the server was given, besides.
    secrets: Arc<[Vec<u8>]>,
    /// Bytes that may still come before the answer: a server that tells and asks without end would fill the log.
    left: Option<usize>,
    source: Source,
}

enum Source {
    Nothing,
    Ready(Vec<Message>),
    Events { events: Box<Events>, limits: Limits, reply: Option<Arc<Growing>> },
    Asked { asked: Asked, duplex: Arc<Duplex>, alias: Option<Alias>, wait: Duration },
}

impl AnswerStream {
    fn nothing() -> Self {
        AnswerStream {
            status: 202,
            gone: None,
            until: None,
            secret: None,
            secrets: Arc::default(),
            left: None,
            source: Source::Nothing,
        }
    }

    /// The messages of a server's HTTP answer.
    ///
    /// # Errors
    /// When it is JSON and no message.
    pub fn http(
        answer: Answer,
        limits: Limits,
        gone: Option<oneshot::Receiver<()>>,
        reply: Option<Arc<Growing>>,
    ) -> Result<Self, NotForwarded> {
        let source = match answer.body {
            AnswerBody::None => Source::Nothing,
            AnswerBody::Events(events) => Source::Events { events, limits, reply },
            AnswerBody::Json(bytes) => Source::Ready(parse(bytes, &limits)?),
        };
        Ok(AnswerStream {
            status: answer.status,
            gone,
            until: None,
            secret: None,
            secrets: Arc::default(),
            left: None,
            source,
        })
    }

    /// Lets no message through that holds this.
    #[must_use]
    pub fn hiding(mut self, secret: Option<Vec<u8>>) -> Self {
        self.secret = secret;
        self
    }

    /// Ends with an error when the server sends more than this before it answers.
    #[must_use]
    pub fn within(mut self, bytes: Option<usize>) -> Self {
        self.left = bytes;
        self
    }

    /// Whether a message is one too many.
    fn exceeds(&mut self, message: &Message) -> bool {
        if matches!(message.kind(), Kind::Result | Kind::Error) {
            return false;
        }
        let Some(left) = &mut self.left else { return false };
        match left.checked_sub(message.bytes().len()) {
            Some(less) => *left = less,
            None => return true,
        }
        false
    }

    fn shows(&self, message: &Message) -> bool {
        let held = |secret: &Vec<u8>| memchr::memmem::find(message.bytes(), secret).is_some();
        self.secret.iter().chain(&*self.secrets).any(held)
    }

    /// Ends with an error when the gateway comes to this stage of a stop.
    #[must_use]
    pub fn until(mut self, stage: watch::Receiver<bool>) -> Self {
        self.until = Some(stage);
        self
    }

    /// Whether the server answers with a stream.
    #[must_use]
    pub fn is_stream(&self) -> bool {
        matches!(self.source, Source::Events { .. })
    }

    async fn step(source: &mut Source) -> Option<Result<(Message, Option<String>), NotForwarded>> {
        match source {
            Source::Nothing => None,
            Source::Ready(messages) => messages.pop().map(|message| Ok((message, None))),
            Source::Events { events, limits, reply } => next_event(events, limits, reply.as_deref()).await,
            Source::Asked { asked, alias, wait, .. } => {
                let next = tokio::time::timeout(*wait, asked.next()).await;
                let Ok(next) = next else { return Some(Err(failed(UpstreamError::Timeout))) };
                let Some(message) = next else { return Some(Err(failed(UpstreamError::Process))) };
                let restored = match alias {
                    Some(alias) => alias.restore(message),
                    None => Some(message),
                };
                Some(restored.map(|m| (m, None)).ok_or_else(|| failed(UpstreamError::Protocol("an id"))))
            }
        }
    }

    /// Tells a server on a channel that nobody waits any more; over HTTP the closed stream says so.
    fn cancel(&mut self) {
        if let Source::Asked { asked, duplex, .. } = &self.source {
            let (duplex, bytes) =
                (duplex.clone(), carnet_mcp::requests::cancelled(asked.id_raw(), "the caller has gone"));
            tokio::spawn(async move { duplex.tell(bytes).await });
        }
        self.source = Source::Nothing;
    }
}

impl Answers for AnswerStream {
    async fn next(&mut self) -> Option<Result<(Message, Option<String>), NotForwarded>> {
        let why = tokio::select! {
            biased;
            next = Self::step(&mut self.source) => match next {
                Some(Ok((message, _))) if self.shows(&message) => {
                    tracing::warn!("a server repeated the gateway's credential; its message was not passed on");
                    failed(UpstreamError::Protocol("the gateway's credential in an answer"))
                }
                Some(Ok((message, _))) if self.exceeds(&message) => failed(UpstreamError::TooLarge),
                next => return next,
            },
            () = left(&mut self.gone) => NotForwarded::Cancelled,
            () = reached(self.until.as_mut()) => STOPPING,
        };
        (self.gone, self.until) = (None, None);
        self.cancel();
        Some(Err(why))
    }

    fn status(&self) -> u16 {
        self.status
    }
}

/// Resolves when the caller has gone; never where that does not matter.
async fn left(gone: &mut Option<oneshot::Receiver<()>>) {
    match gone {
        Some(gone) => drop(gone.await),
        None => std::future::pending().await,
    }
}

/// The next message of an event stream. An event that carries none (an empty first one that only gives an id to resume
/// from) goes to the reply as it is, without its data.
async fn next_event(
    events: &mut Events,
    limits: &Limits,
    reply: Option<&Growing>,
) -> Option<Result<(Message, Option<String>), NotForwarded>> {
    loop {
        let mut event = match events.next().await {
            Ok(event) => event?,
            Err(error) => return Some(Err(failed(error))),
        };
        let data = event.data.take().filter(|data| !data.is_empty());
        let named_otherwise = event.event.as_deref().is_some_and(|name| name != "message");
        let Some(data) = data.filter(|_| !named_otherwise) else {
            if let (Some(reply), true) = (reply, event.id.is_some() || event.retry.is_some()) {
                event.data = event.id.is_some().then(Vec::new);
                event.event = None;
                reply.bare(&event).await;
            }
            continue;
        };
        return Some(match Message::parse(data, limits) {
            Ok(Incoming::One(message)) => Ok((message, event.id)),
            // A batch cannot stand in an event, and what cannot be read is not passed on.
            Ok(Incoming::Batch(_)) | Err(_) => {
                Err(failed(UpstreamError::Protocol("an event that is no message")))
            }
        });
    }
}

/// The messages of a JSON answer, last first.
fn parse(bytes: Vec<u8>, limits: &Limits) -> Result<Vec<Message>, NotForwarded> {
    match Message::parse(bytes, limits) {
        Ok(Incoming::One(message)) => Ok(vec![message]),
        Ok(Incoming::Batch(mut messages)) => {
            messages.reverse();
            Ok(messages)
        }
        Err(_) => Err(failed(UpstreamError::Protocol("an answer that is no message"))),
    }
}
