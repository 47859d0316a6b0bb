//! A server over HTTP+SSE, the transport of revision 2024-11-05: one GET stream for everything that comes back, and an
//! endpoint, named by the stream's first event, that takes messages by POST.

use std::sync::Arc;
use std::time::Duration;

use http::header::{ACCEPT, HeaderName, HeaderValue};
use http::{Method, Uri};
use tokio::sync::mpsc;

use super::UpstreamError;
use super::http::{AnswerBody, Events, HttpServer, Outbound};

/// Messages that may wait in either direction.
const QUEUE: usize = 64;

/// Opens a channel: queues for messages to and from the server.
///
/// # Errors
/// When the stream does not open, or names no endpoint of the same origin.
pub async fn open(
    server: Arc<HttpServer>,
    headers: Vec<(HeaderName, HeaderValue)>,
    wait: Duration,
) -> Result<(mpsc::Sender<Vec<u8>>, mpsc::Receiver<Vec<u8>>), UpstreamError> {
    let mut asked = headers.clone();
    asked.push((ACCEPT, HeaderValue::from_static("text/event-stream")));
    let answer = server.send(Outbound { method: Method::GET, headers: asked, body: Vec::new() }).await?;
    let AnswerBody::Events(mut events) = answer.body else {
        return Err(UpstreamError::Protocol("no event stream"));
    };
    let endpoint =
        tokio::time::timeout(wait, endpoint(&mut events)).await.map_err(|_| UpstreamError::Timeout)??;
    // The stream stands as long as the session: silence on it is no fault.
    events.stand();
    let path = same_origin(&server, &endpoint)?;
    let poster = HttpServer {
        pool: server.pool.clone(),
        path,
        host: server.host.clone(),
        limit: server.limit,
        head_timeout: server.head_timeout,
        stream_idle: server.stream_idle,
    };
    let (out, outgoing) = mpsc::channel(QUEUE);
    let (incoming, from) = mpsc::channel(QUEUE);
    tokio::spawn(post(poster, headers, outgoing));
    tokio::spawn(async move {
        while let Ok(Some(event)) = events.next().await {
            let message = event.event.as_deref().is_none_or(|name| name == "message");
            let Some(data) = event.data.filter(|data| message && !data.is_empty()) else { continue };
            if incoming.send(data).await.is_err() {
                return;
            }
        }
    });
    Ok((out, from))
}

async fn endpoint(events: &mut Events) -> Result<String, UpstreamError> {
    while let Some(event) = events.next().await? {
        if event.event.as_deref() == Some("endpoint") {
            return String::from_utf8(event.data.unwrap_or_default())
                .map_err(|_| UpstreamError::Protocol("endpoint is not text"));
        }
    }
    Err(UpstreamError::Protocol("the stream ended before it named an endpoint"))
}

/// The endpoint's path on this origin. An endpoint elsewhere would send messages, and the credential, to another host.
fn same_origin(server: &HttpServer, endpoint: &str) -> Result<Uri, UpstreamError> {
    let bad = UpstreamError::Protocol("the endpoint is not on the server's own origin");
    let uri: Uri = endpoint.trim().parse().map_err(|_| bad)?;
    if let Some(authority) = uri.authority()
        && authority.as_str().as_bytes() != server.host.as_bytes()
    {
        return Err(bad);
    }
    uri.path_and_query().map(|p| Uri::from(p.clone())).ok_or(bad)
}

async fn post(
    server: HttpServer,
    headers: Vec<(HeaderName, HeaderValue)>,
    mut outgoing: mpsc::Receiver<Vec<u8>>,
) {
    while let Some(body) = outgoing.recv().await {
        let mut headers = headers.clone();
        headers.push((ACCEPT, HeaderValue::from_static("application/json, text/event-stream")));
        let sent = server.send(Outbound { method: Method::POST, headers, body }).await;
        match sent {
            Ok(answer) if answer.status < 300 => {}
            Ok(answer) => tracing::warn!(status = answer.status, "a server did not take a message"),
            Err(error) => tracing::warn!(%error, "a message could not be sent to a server"),
        }
    }
}
