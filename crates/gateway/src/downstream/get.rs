//! GET: a caller's standing stream, new or resumed; the stream of HTTP+SSE. DELETE: the end of a session.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use carnet_gate::{Answers, NotForwarded};
use carnet_mcp::Message;
use http::header::HeaderMap;
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use tokio::sync::{mpsc, oneshot};

use super::{Arrived, later, streams, way};
use crate::body::{self, Reply};
use crate::call::{CallShell, Framing, Growing};
use crate::gateway::Gateway;
use crate::servers::{Reach, Server};
use crate::sessions::Open;
use crate::upstream::link::{AnswerStream, Link, outbound, secret};

/// How often a comment shows that a quiet stream is alive.
const KEEP_ALIVE: std::time::Duration = std::time::Duration::from_secs(15);

/// GET on a server's endpoint.
pub async fn endpoint(
    gateway: &Arc<Gateway>,
    arrived: Arrived,
    server: &Arc<Server>,
    request: Request<Incoming>,
) -> Response<Reply> {
    let headers = request.headers();
    if !accepts_events(headers) {
        return body::empty(StatusCode::NOT_ACCEPTABLE);
    }
    let open = match headers.get("mcp-session-id") {
        Some(id) => {
            match gateway.sessions.find(id.to_str().unwrap_or_default(), &server.facts.name, &arrived.caller)
            {
                Some(open) => open,
                None => return body::empty(StatusCode::NOT_FOUND),
            }
        }
        // Neither a session nor a revision: a client of 2024-11-05 that looks for its endpoint.
        None if !headers.contains_key("mcp-protocol-version") && !headers.contains_key("last-event-id") => {
            return legacy(gateway, arrived, server, request.uri().path()).await;
        }
        None => match gateway.implicit_session(&arrived.runtime, server, &arrived.caller).await {
            Ok(open) => open,
            Err(_) => return later(StatusCode::SERVICE_UNAVAILABLE, 5, "a session could not be opened"),
        },
    };
    match &server.reach {
        Reach::Http { .. } => http_stream(gateway, arrived, server, headers, open).await,
        Reach::Stdio(_) | Reach::LegacySse { .. } => channel_stream(gateway, arrived, server, &open),
    }
}

fn accepts_events(headers: &HeaderMap) -> bool {
    let accept = headers.get(http::header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or("*/*");
    accept.contains("text/event-stream") || accept.contains("*/*")
}

/// The shell of a stream's messages; the link takes the refusals that go back to the server.
pub(super) fn shell(gateway: &Arc<Gateway>, open: &Arc<Open>, link: Link, reply: Arc<Growing>) -> CallShell {
    let (gateway, open) = (gateway.clone(), open.clone());
    let until = gateway.ending.cut();
    CallShell {
        gateway,
        open,
        most: 0,
        initialize: false,
        until,
        most_bytes: None,
        link,
        reply,
        gone: Mutex::new(None),
        consumed: std::sync::atomic::AtomicBool::new(false),
    }
}

/// The server's own GET stream, walked.
async fn http_stream(
    gateway: &Arc<Gateway>,
    arrived: Arrived,
    server: &Arc<Server>,
    headers: &HeaderMap,
    open: Arc<Open>,
) -> Response<Reply> {
    let Reach::Http { http, credentials } = &server.reach else {
        return body::empty(StatusCode::METHOD_NOT_ALLOWED);
    };
    let passed = way::plain(way::passed_on(headers));
    let Ok(asked) = outbound(Method::GET, &passed, credentials, &open, Vec::new()).await else {
        return body::empty(StatusCode::BAD_GATEWAY);
    };
    let secret = secret(&asked);
    let Ok(answer) = http.send(asked).await else { return body::empty(StatusCode::BAD_GATEWAY) };
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::BAD_GATEWAY);
    let limits = arrived.runtime.gate.limits;
    let (respond, response) = oneshot::channel();
    let (present, gone) = oneshot::channel();
    let reply = Growing::new(respond, Some(present), false);
    let Ok(answers) = AnswerStream::http(answer, limits, Some(gone), Some(reply.clone())) else {
        return body::empty(StatusCode::BAD_GATEWAY);
    };
    let answers = answers.hiding(secret).until(gateway.stopping.subscribe());
    if !answers.is_stream() {
        // 405 says that the server has no such stream; other answers carry no message either.
        return body::empty(status);
    }
    let link = Link::Http {
        http: http.clone(),
        credentials: credentials.clone(),
        headers: passed,
        original: 0,
        tools: server.tools.clone(),
        open: open.clone(),
        limits,
    };
    let shell = shell(gateway, &open, link, reply);
    shell.reply.stream();
    tokio::spawn(async move { Box::pin(streams::stand(&arrived, &shell, answers)).await });
    response.await.unwrap_or_else(|_| body::empty(StatusCode::INTERNAL_SERVER_ERROR))
}

/// The messages of a channel that belong to no request.
fn channel_stream(
    gateway: &Arc<Gateway>,
    arrived: Arrived,
    server: &Arc<Server>,
    open: &Arc<Open>,
) -> Response<Reply> {
    let Some(duplex) = open.duplex.get().cloned() else { return body::empty(StatusCode::METHOD_NOT_ALLOWED) };
    let (feed, response) = body::event_stream(None);
    let shared = open.id.get().is_none();
    let limits = arrived.runtime.gate.limits;
    let link = Link::Channel { server: server.clone(), open: open.clone(), limits, shared, wait: KEEP_ALIVE };
    let shell = shell(gateway, open, link, Growing::into_stream(feed.clone(), Framing::Events));
    tokio::spawn(pump(arrived, shell, duplex.listen(), feed));
    response
}

async fn pump(
    arrived: Arrived,
    shell: CallShell,
    messages: mpsc::Receiver<Message>,
    feed: mpsc::Sender<Bytes>,
) {
    let stopping = shell.gateway.stopping.subscribe();
    streams::stand(&arrived, &shell, Fed { messages, feed, stopping }).await;
}

/// The messages of a channel for a stream that shows that it is alive, as long as somebody reads it.
struct Fed {
    messages: mpsc::Receiver<Message>,
    feed: mpsc::Sender<Bytes>,
    stopping: tokio::sync::watch::Receiver<bool>,
}

impl Answers for Fed {
    async fn next(&mut self) -> Option<Result<(Message, Option<String>), NotForwarded>> {
        loop {
            tokio::select! {
                message = self.messages.recv() => return message.map(|message| Ok((message, None))),
                () = self.feed.closed() => return None,
                () = stopped(&mut self.stopping) => return None,
                () = tokio::time::sleep(KEEP_ALIVE) => {
                    self.feed.send(Bytes::from_static(b": \n\n")).await.ok()?;
                }
            }
        }
    }

    fn status(&self) -> u16 {
        200
    }
}

/// The GET stream of HTTP+SSE (revision 2024-11-05): a session of its own, whose first event names where to POST.
pub async fn legacy(
    gateway: &Arc<Gateway>,
    arrived: Arrived,
    server: &Arc<Server>,
    _path: &str,
) -> Response<Reply> {
    let Arrived { runtime, caller, .. } = &arrived;
    let Ok(open) = gateway.open_session(runtime, server, caller).await else {
        return later(StatusCode::SERVICE_UNAVAILABLE, 5, "a session could not be opened");
    };
    let mut random = [0; 16];
    crate::record::entropy(&mut random);
    let id: String = random.iter().map(|b| format!("{b:02x}")).collect();
    let (feed, response) = body::event_stream(None);
    if open.stream.set(feed.clone()).is_err()
        || !gateway.sessions.keep(id.clone(), open.clone(), runtime.config.limits.sessions)
    {
        gateway.close_session(&open, "refused").await;
        return later(StatusCode::SERVICE_UNAVAILABLE, 30, "too many sessions are open");
    }
    let endpoint = format!("event: endpoint\ndata: /mcp/{}/messages?session_id={id}\n\n", server.facts.name);
    if feed.send(endpoint.into()).await.is_err() {
        return body::empty(StatusCode::INTERNAL_SERVER_ERROR);
    }
    let (gateway, server) = (gateway.clone(), server.clone());
    tokio::spawn(async move {
        Box::pin(standing(&gateway, arrived, &server, &open, feed)).await;
        // The stream is the session: without it nothing can be answered.
        if gateway.sessions.remove(&id).is_some() {
            gateway.close_session(&open, "stream-ended").await;
        }
    });
    response
}

/// What comes outside any request on a session of HTTP+SSE.
async fn standing(
    gateway: &Arc<Gateway>,
    arrived: Arrived,
    server: &Arc<Server>,
    open: &Arc<Open>,
    feed: mpsc::Sender<Bytes>,
) {
    let limits = arrived.runtime.gate.limits;
    if matches!(server.reach, Reach::Http { .. }) {
        // A server over Streamable HTTP: its own stream is opened when there is a session to open it for.
        keep_alive(gateway, &feed).await;
        return;
    }
    // The first permitted message opens the channel; a stream alone starts nothing.
    tokio::select! {
        () = keep_alive(gateway, &feed) => return,
        () = open.opened.notified() => {}
    }
    let Some(duplex) = open.duplex.get().cloned() else { return };
    let link =
        Link::Channel { server: server.clone(), open: open.clone(), limits, shared: false, wait: KEEP_ALIVE };
    let shell = shell(gateway, open, link, Growing::into_stream(feed.clone(), Framing::Events));
    Box::pin(pump(arrived, shell, duplex.listen(), feed)).await;
}

async fn keep_alive(gateway: &Gateway, feed: &mpsc::Sender<Bytes>) {
    let mut stopping = gateway.stopping.subscribe();
    loop {
        tokio::select! {
            () = feed.closed() => return,
            () = stopped(&mut stopping) => return,
            () = tokio::time::sleep(KEEP_ALIVE) => {
                if feed.send(Bytes::from_static(b": \n\n")).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// Resolves when the gateway stops.
async fn stopped(stopping: &mut tokio::sync::watch::Receiver<bool>) {
    let _ = stopping.wait_for(|stop| *stop).await;
}

/// DELETE on a server's endpoint: the caller ends its session.
pub async fn delete(
    gateway: &Arc<Gateway>,
    arrived: Arrived,
    server: &Arc<Server>,
    request: Request<Incoming>,
) -> Response<Reply> {
    let id = request.headers().get("mcp-session-id").and_then(|v| v.to_str().ok()).unwrap_or_default();
    let Some(open) = gateway.sessions.find(id, &server.facts.name, &arrived.caller) else {
        return body::empty(StatusCode::NOT_FOUND);
    };
    let status = match &server.reach {
        Reach::Http { http, credentials } => {
            let mut headers = way::plain(way::passed_on(request.headers()));
            headers.retain(|(name, _)| name != http::header::ACCEPT);
            headers.push((http::header::ACCEPT, http::HeaderValue::from_static("*/*")));
            match outbound(Method::DELETE, &headers, credentials, &open, Vec::new()).await {
                Ok(asked) => http.send(asked).await.map_or(502, |answer| answer.status),
                Err(_) => 502,
            }
        }
        Reach::Stdio(_) | Reach::LegacySse { .. } => 200,
    };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    // A server that does not let sessions be ended (405) keeps its own; Carnet's ends with it or by idling.
    if status.is_success() && gateway.sessions.remove(id).is_some() {
        gateway.close_session(&open, "client").await;
    }
    body::empty(status)
}
