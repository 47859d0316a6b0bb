//! Response bodies: one buffer, or a stream that is fed through a bounded channel.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::sync::{mpsc, oneshot};

/// Events that may wait for a slow reader before its stream is held up.
pub const STREAM_QUEUE: usize = 16;

/// A response's body.
#[derive(Debug)]
pub enum Reply {
    /// The whole of it; taken when sent.
    Whole(Bytes),
    /// Chunks as they come, and what tells the sending side, when dropped, that the caller is gone.
    Stream(mpsc::Receiver<Bytes>, Option<Present>),
    /// What another side sends, as it sends it.
    Relay(Incoming),
}

/// Held as long as the caller is there.
pub type Present = oneshot::Sender<()>;

impl Body for Reply {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut *self {
            Reply::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Reply::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Reply::Stream(chunks, _) => {
                chunks.poll_recv(cx).map(|chunk| chunk.map(|bytes| Ok(Frame::data(bytes))))
            }
            Reply::Relay(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Reply::Whole(bytes) => bytes.is_empty(),
            Reply::Stream(..) => false,
            Reply::Relay(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Reply::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Reply::Stream(..) => SizeHint::default(),
            Reply::Relay(body) => body.size_hint(),
        }
    }
}

/// A response without a body.
#[must_use]
pub fn empty(status: StatusCode) -> Response<Reply> {
    let mut response = Response::new(Reply::Whole(Bytes::new()));
    *response.status_mut() = status;
    response
}

/// A JSON response.
#[must_use]
pub fn json(status: StatusCode, body: impl Into<Bytes>) -> Response<Reply> {
    typed(status, HeaderValue::from_static("application/json"), body)
}

/// A plain-text response.
#[must_use]
pub fn text(status: StatusCode, body: impl Into<Bytes>) -> Response<Reply> {
    typed(status, HeaderValue::from_static("text/plain; charset=utf-8"), body)
}

/// A response of a given type.
#[must_use]
pub fn typed(status: StatusCode, kind: HeaderValue, body: impl Into<Bytes>) -> Response<Reply> {
    let mut response = Response::new(Reply::Whole(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

/// An event stream and the end that feeds it.
#[must_use]
pub fn event_stream(present: Option<Present>) -> (mpsc::Sender<Bytes>, Response<Reply>) {
    let (feed, chunks) = mpsc::channel(STREAM_QUEUE);
    let mut response = Response::new(Reply::Stream(chunks, present));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(http::header::CACHE_CONTROL, HeaderValue::from_static("no-cache, no-transform"));
    // Proxies in front of the gateway must not hold events back.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    (feed, response)
}
