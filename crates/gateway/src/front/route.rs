//! A caller's request on its way to the cell that owns the server, and the cell's reply on its way back, as it is. A request
//! goes to a cell at most once: what may have reached it is never sent again.

use std::sync::Arc;

use bytes::Bytes;
use carnet_mcp::{Incoming as Parsed, Refusal, error_response};
use carnet_tunnel::{Call, CallKey, assertion};
use http::header::{
    CONNECTION, CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue, TE, TRAILER, TRANSFER_ENCODING,
    UPGRADE,
};
use http::request::Parts;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;

use super::cells::{Away, Cell};
use super::force::InForce;
use super::routes::Passed;
use super::{Front, approvals};
use crate::body::{self, Reply};
use crate::downstream::{self, METADATA, later};
use crate::gateway::now;
use crate::server::{Answer, Peer};

/// JSON-RPC code of an answer that the front gives itself (outside the range that JSON-RPC reserves).
const UNREACHABLE: i64 = -31_050;

impl Answer for Front {
    async fn answer(self: Arc<Self>, request: Request<Incoming>, peer: Peer) -> Response<Reply> {
        match request.uri().path() {
            "/healthz" => return body::text(StatusCode::OK, "ok\n"),
            "/readyz" => return self.ready(false),
            _ => {}
        }
        if *self.stopping.borrow() {
            return later(StatusCode::SERVICE_UNAVAILABLE, 1, "the front is stopping");
        }
        let force = self.force.load_full();
        let (config, uri) = (&force.config, request.uri());
        let public = config.public_url.as_deref();
        if let Err(refusal) =
            downstream::check_origin(&config.listeners, public, request.headers(), uri, &peer)
        {
            return refusal;
        }
        if let Some(path) = uri.path().strip_prefix(METADATA) {
            return self.metadata(&force, path);
        }
        if uri.path() == approvals::PATH && request.method() == http::Method::GET {
            return approvals::page(&force);
        }
        let Some(cell) = server_of(uri.path()).and_then(|server| force.cells.owner(server)).cloned() else {
            return body::empty(StatusCode::NOT_FOUND);
        };
        if let Err(error) = force.identities.identify(request.headers(), now().seconds).await {
            self.metrics.unauthenticated.inc();
            let public = self.public_url(config);
            return downstream::unauthenticated(&force.identities, &public, uri.path(), &error);
        }
        let Ok(_place) = self.places.try_acquire() else {
            return later(StatusCode::SERVICE_UNAVAILABLE, 1, "the front is busy");
        };
        self.pass(&force, &cell, request).await
    }
}

/// `NAME` of `/mcp/NAME` and what is below it.
fn server_of(path: &str) -> Option<&str> {
    path.strip_prefix("/mcp/").map(|rest| rest.split_once('/').map_or(rest, |(name, _)| name))
}

impl Front {
    fn metadata(&self, force: &InForce, path: &str) -> Response<Reply> {
        let known = server_of(path.trim_end_matches("/sse")).is_some_and(|s| force.cells.owner(s).is_some());
        let mut servers = force.cells.servers();
        let path = match (path, servers.next(), servers.next()) {
            // At the root there is no single resource unless there is a single server.
            ("" | "/", Some(only), None) => format!("/mcp/{only}"),
            _ if known => path.to_owned(),
            _ => return body::empty(StatusCode::NOT_FOUND),
        };
        if force.identities.issuers.is_empty() {
            return body::empty(StatusCode::NOT_FOUND);
        }
        downstream::metadata(&force.identities, &self.public_url(&force.config), &path)
    }

    /// Reads the request, passes it on, and notes where it went.
    async fn pass(&self, force: &InForce, cell: &Arc<Cell>, request: Request<Incoming>) -> Response<Reply> {
        let (mut head, body) = request.into_parts();
        end_to_end(&mut head.headers);
        // A caller's own header of this name goes no further.
        head.headers.remove(assertion::HEADER);
        let bytes = match read(&force.config.limits, body).await {
            Ok(bytes) => bytes,
            Err(status) => return body::empty(status),
        };
        let size = bytes.len();
        let server = server_of(head.uri.path()).unwrap_or_default().to_owned();
        let method = head.method.clone();
        let mut sent = None;
        let response = self.forward(force, cell, &server, head, bytes, &mut sent).await;
        let status = response.status().as_u16();
        self.metrics.routed(&server, status);
        let method = method.as_str();
        let passed =
            Passed { at: now(), server: &server, cell: &cell.name, method, status, size, assertion: sent };
        self.routes.note(&passed).await;
        response
    }

    /// `sent` becomes the hash of the assertion that it went with.
    async fn forward(
        &self,
        force: &InForce,
        cell: &Cell,
        server: &str,
        head: Parts,
        bytes: Bytes,
        sent: &mut Option<[u8; 32]>,
    ) -> Response<Reply> {
        let mut tried = Vec::new();
        loop {
            let way = match cell.way(server, &tried) {
                Ok(way) => way,
                Err(Away::Server) => return away(&bytes, "its cell does not offer this server now"),
                Err(Away::Cell) => return away(&bytes, "the cell of this server is not connected"),
            };
            let mut send = way.send.clone();
            tried.push(way.clone());
            let Some((request, hash)) = asserted(&way.key, &head, bytes.clone()) else {
                return body::empty(StatusCode::BAD_REQUEST);
            };
            if send.ready().await.is_err() {
                continue;
            }
            *sent = Some(hash);
            match send.try_send_request(request).await {
                Ok(response) => return self.relay(force, head.uri.path(), response),
                Err(mut error) => {
                    // What never left may go by another connection.
                    if error.take_message().is_none() {
                        return lost(&bytes);
                    }
                }
            }
        }
    }

    fn relay(&self, force: &InForce, path: &str, response: Response<Incoming>) -> Response<Reply> {
        let (mut head, body) = response.into_parts();
        if head.status == StatusCode::UNAUTHORIZED {
            // The cell does not know the address by which callers know it.
            let error = carnet_identity::IdentityError::Missing;
            let public = self.public_url(&force.config);
            return downstream::unauthenticated(&force.identities, &public, path, &error);
        }
        end_to_end(&mut head.headers);
        if let Some(length) = http_body::Body::size_hint(&body).exact() {
            head.headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        let mut relayed = Response::new(Reply::Relay(body));
        *relayed.status_mut() = head.status;
        *relayed.headers_mut() = head.headers;
        relayed
    }
}

/// The body, whole: the cell gets its hash before its bytes.
async fn read(limits: &carnet_config::Limits, body: Incoming) -> Result<Bytes, StatusCode> {
    let most = usize::try_from(limits.request_body).unwrap_or(usize::MAX);
    let read = tokio::time::timeout(limits.request_timeout, Limited::new(body, most).collect()).await;
    match read {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(e)) if e.is::<LengthLimitError>() => Err(StatusCode::PAYLOAD_TOO_LARGE),
        Ok(Err(_)) => Err(StatusCode::BAD_REQUEST),
        Err(_) => Err(StatusCode::REQUEST_TIMEOUT),
    }
}

/// The request for the cell, with the front's word beside it.
fn asserted(key: &CallKey, head: &Parts, bytes: Bytes) -> Option<(Request<Full<Bytes>>, [u8; 32])> {
    let path = head.uri.path_and_query()?;
    let hash = assertion::headers_hash(head.headers.iter().map(|(n, v)| (n.as_str(), v.as_bytes())));
    let call = Call { method: head.method.as_str(), path: path.as_str(), headers: hash };
    let mut jti = [0; 16];
    crate::record::entropy(&mut jti);
    let word = key.assert(&call, &bytes, now().seconds, jti);
    let mut request = Request::new(Full::new(bytes));
    *request.method_mut() = head.method.clone();
    let mut uri = http::uri::Parts::default();
    uri.scheme = Some(http::uri::Scheme::HTTPS);
    uri.authority = Some(http::uri::Authority::from_static("cell"));
    uri.path_and_query = Some(path.clone());
    *request.uri_mut() = http::Uri::from_parts(uri).ok()?;
    request.headers_mut().clone_from(&head.headers);
    let hash = assertion::body_hash(word.as_bytes());
    let mut word = HeaderValue::from_maybe_shared(Bytes::from(word)).ok()?;
    // No two are the same: in the table of header compression they would only push out those that come again.
    word.set_sensitive(true);
    request.headers_mut().insert(assertion::HEADER, word);
    Some((request, hash))
}

/// Takes out headers that are about one connection (RFC 9110, section 7.6.1).
fn end_to_end(headers: &mut HeaderMap) {
    const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|v| v.to_str().ok())
        .flat_map(|v| v.split(','))
        .filter_map(|name| HeaderName::from_bytes(name.trim().as_bytes()).ok())
        .collect();
    for name in [CONNECTION, KEEP_ALIVE, TE, TRAILER, TRANSFER_ENCODING, UPGRADE, HOST, CONTENT_LENGTH] {
        headers.remove(name);
    }
    for name in named {
        headers.remove(name);
    }
}

/// The server cannot be reached; the call was not sent, so it may be tried again.
fn away(request: &[u8], why: &'static str) -> Response<Reply> {
    let mut response = refusal(request, StatusCode::SERVICE_UNAVAILABLE, why);
    response.headers_mut().insert(http::header::RETRY_AFTER, HeaderValue::from(5));
    response
}

/// The tunnel broke under the call.
fn lost(request: &[u8]) -> Response<Reply> {
    refusal(
        request,
        StatusCode::BAD_GATEWAY,
        "the connection to the cell of this server broke; whether the call ran is in the cell's records",
    )
}

/// A JSON-RPC error with the id of the request, where it has one.
fn refusal(request: &[u8], status: StatusCode, why: &'static str) -> Response<Reply> {
    let parsed = carnet_mcp::Message::parse(request.to_vec(), &carnet_mcp::Limits::default()).ok();
    let id = parsed.and_then(|parsed| match parsed {
        Parsed::One(message) => message.id_raw().map(<[u8]>::to_vec),
        Parsed::Batch(_) => None,
    });
    body::json(status, error_response(id.as_deref(), &Refusal::new(status.as_u16(), UNREACHABLE, why)))
}
