//! A server over Streamable HTTP (revisions 2025-03-26 to 2026-07-28).
//!
//! Headers are chosen, not copied: the caller's token, cookies and addresses never reach a server. What is copied is what
//! the protocol gives a meaning: `Accept`, `MCP-Protocol-Version`, `Last-Event-ID`, `Mcp-*` (recomputed after a rewrite).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use carnet_mcp::sse::{Decoder, Event};
use http::header::{ACCEPT, CONTENT_TYPE, HOST, HeaderName, HeaderValue};
use http::{Method, Request, Response, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;

use super::UpstreamError;
use super::pool::{Lease, Outgoing, Pool};

/// Where and how a server is reached.
pub struct HttpServer {
    /// Its connections.
    pub pool: Arc<Pool>,
    /// Path and query of its endpoint.
    pub path: Uri,
    /// Its own authority, for `Host`.
    pub host: HeaderValue,
    /// Bytes of an answer, or of one event.
    pub limit: usize,
    /// Until the head of an answer.
    pub head_timeout: Duration,
    /// On a stream on which nothing comes.
    pub stream_idle: Duration,
}

/// One request to a server.
pub struct Outbound {
    /// POST, GET or DELETE.
    pub method: Method,
    /// Protocol headers, the session's id and the credential among them.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The message; empty for GET and DELETE.
    pub body: Vec<u8>,
}

/// What a server answered.
pub struct Answer {
    /// Its HTTP status.
    pub status: u16,
    /// The session id it gave out.
    pub session: Option<String>,
    /// What it sent.
    pub body: AnswerBody,
}

/// The content of an answer.
pub enum AnswerBody {
    /// Nothing, or something that is no message (it is not passed on).
    None,
    /// One JSON document.
    Json(Vec<u8>),
    /// A stream of events.
    Events(Box<Events>),
}

impl HttpServer {
    /// Sends one request and reads its answer's head, and the whole of it unless it is a stream.
    ///
    /// # Errors
    /// See [`UpstreamError`].
    pub async fn send(&self, outbound: Outbound) -> Result<Answer, UpstreamError> {
        let request = self.request(outbound)?;
        let (response, lease) = tokio::time::timeout(self.head_timeout, self.pool.send(request))
            .await
            .map_err(|_| UpstreamError::Timeout)??;
        let status = response.status().as_u16();
        if matches!(status, 401 | 403) {
            return Err(UpstreamError::Credential);
        }
        let session = header_text(&response, "mcp-session-id");
        let body = match content_type(&response) {
            Some("text/event-stream") if status == 200 => AnswerBody::Events(Box::new(Events {
                decoder: Decoder::new(self.limit),
                ready: Vec::new().into_iter(),
                body: response.into_body(),
                lease: Some(lease),
                idle: self.stream_idle,
            })),
            Some("application/json") => AnswerBody::Json(self.whole(response, lease).await?),
            _ => {
                // Read to the end so that the connection can be used again; bounded by the limit.
                let _ = self.whole(response, lease).await?;
                AnswerBody::None
            }
        };
        Ok(Answer { status, session, body })
    }

    fn request(&self, outbound: Outbound) -> Result<Request<Outgoing>, UpstreamError> {
        let mut request = Request::new(Full::new(Bytes::from(outbound.body)));
        let post = outbound.method == Method::POST;
        *request.method_mut() = outbound.method;
        *request.uri_mut() = self.path.clone();
        let headers = request.headers_mut();
        headers.insert(HOST, self.host.clone());
        if post {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        for (name, value) in outbound.headers {
            headers.append(name, value);
        }
        if !headers.contains_key(ACCEPT) {
            return Err(UpstreamError::Protocol("no Accept header"));
        }
        Ok(request)
    }

    async fn whole(&self, response: Response<Incoming>, lease: Lease) -> Result<Vec<u8>, UpstreamError> {
        let mut body = response.into_body();
        let known =
            http_body::Body::size_hint(&body).exact().and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
        if known > self.limit {
            return Err(UpstreamError::TooLarge);
        }
        let mut whole = Vec::with_capacity(known);
        while let Some(frame) = next_frame(&mut body, self.stream_idle).await? {
            if whole.len() + frame.len() > self.limit {
                return Err(UpstreamError::TooLarge);
            }
            whole.extend_from_slice(&frame);
        }
        lease.give_back();
        Ok(whole)
    }
}

/// The events of a stream. Dropping it closes the connection, which cancels the request at the server.
pub struct Events {
    decoder: Decoder,
    ready: std::vec::IntoIter<Event>,
    body: Incoming,
    lease: Option<Lease>,
    idle: Duration,
}

impl Events {
    /// Takes any silence.
    pub fn stand(&mut self) {
        self.idle = Duration::from_secs(365 * 24 * 60 * 60);
    }

    /// The next event; `None` at the end of the stream.
    ///
    /// # Errors
    /// When the stream breaks, stays silent too long, or an event is too large.
    pub async fn next(&mut self) -> Result<Option<Event>, UpstreamError> {
        loop {
            if let Some(event) = self.ready.next() {
                return Ok(Some(event));
            }
            match next_frame(&mut self.body, self.idle).await? {
                Some(chunk) => {
                    let events = self.decoder.push(&chunk).map_err(|_| UpstreamError::TooLarge)?;
                    self.ready = events.into_iter();
                }
                None => {
                    if let Some(lease) = self.lease.take() {
                        lease.give_back();
                    }
                    return Ok(None);
                }
            }
        }
    }
}

async fn next_frame(body: &mut Incoming, idle: Duration) -> Result<Option<Bytes>, UpstreamError> {
    loop {
        let frame = tokio::time::timeout(idle, body.frame()).await.map_err(|_| UpstreamError::Timeout)?;
        match frame {
            None => return Ok(None),
            Some(Err(_)) => return Err(UpstreamError::Closed),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}

fn header_text(response: &Response<Incoming>, name: &str) -> Option<String> {
    response.headers().get(name)?.to_str().ok().map(str::to_owned)
}

fn content_type(response: &Response<Incoming>) -> Option<&str> {
    let value = response.headers().get(CONTENT_TYPE)?.to_str().ok()?;
    value.split(';').next().map(str::trim)
}
