//! A caller's request on its way to the cell that owns the server, and the cell's reply on its way back, as it is. A request
//! goes to a cell at most once: what may have reached it is never sent again.

use std::sync::Arc;

use bytes::Bytes;
use carnet_mcp::{Incoming as Parsed, Refusal, error_response};
use carnet_tunnel::{Call, assertion};
use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};
use http::request::Parts;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;

use super::Front;
use super::cells::{Away, Cell};
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
        let (config, uri) = (&self.config, request.uri());
        let public = config.public_url.as_deref();
        if let Err(refusal) =
            downstream::check_origin(&config.listeners, public, request.headers(), uri, &peer)
        {
            return refusal;
        }
        if let Some(path) = uri.path().strip_prefix(METADATA) {
            return self.metadata(path);
        }
        let Some(cell) = server_of(uri.path()).and_then(|server| self.cells.owner(server)).cloned() else {
            return body::empty(StatusCode::NOT_FOUND);
        };
        if let Err(error) = self.identities.identify(request.headers(), now().seconds).await {
            self.metrics.unauthenticated.inc();
            return downstream::unauthenticated(&self.identities, &self.public_url(), uri.path(), &error);
        }
        let Ok(_place) = self.places.try_acquire() else {
            return later(StatusCode::SERVICE_UNAVAILABLE, 1, "the front is busy");
        };
        self.pass(&cell, request).await
    }
}

/// `NAME` of `/mcp/NAME` and what is below it.
fn server_of(path: &str) -> Option<&str> {
    path.strip_prefix("/mcp/").map(|rest| rest.split_once('/').map_or(rest, |(name, _)| name))
}

impl Front {
    fn metadata(&self, path: &str) -> Response<Reply> {
        let known = server_of(path.trim_end_matches("/sse")).is_some_and(|s| self.cells.owner(s).is_some());
        let mut servers = self.cells.servers();
        let path = match (path, servers.next(), servers.next()) {
            // At the root there is no single resource unless there is a single server.
            ("" | "/", Some(only), None) => format!("/mcp/{only}"),
            _ if known => path.to_owned(),
            _ => return body::empty(StatusCode::NOT_FOUND),
        };
        if self.identities.issuers.is_empty() {
            return body::empty(StatusCode::NOT_FOUND);
        }
        downstream::metadata(&self.identities, &self.public_url(), &path)
    }

    /// Reads the request, passes it on, and notes where it went.
    async fn pass(&self, cell: &Arc<Cell>, request: Request<Incoming>) -> Response<Reply> {
        let (head, body) = request.into_parts();
        let bytes = match self.read(body).await {
            Ok(bytes) => bytes,
            Err(status) => return body::empty(status),
        };
        let size = bytes.len();
        let server = server_of(head.uri.path()).unwrap_or_default().to_owned();
        let method = head.method.clone();
        let response = self.forward(cell, &server, head, bytes).await;
        let status = response.status().as_u16();
        self.metrics.routed(&server, status);
        self.routes.note(now(), &server, &cell.name, method.as_str(), status, size).await;
        response
    }

    async fn read(&self, body: Incoming) -> Result<Bytes, StatusCode> {
        let limits = &self.config.limits;
        let most = usize::try_from(limits.request_body).unwrap_or(usize::MAX);
        let read = tokio::time::timeout(limits.request_timeout, Limited::new(body, most).collect()).await;
        match read {
            Ok(Ok(body)) => Ok(body.to_bytes()),
            Ok(Err(e)) if e.is::<LengthLimitError>() => Err(StatusCode::PAYLOAD_TOO_LARGE),
            Ok(Err(_)) => Err(StatusCode::BAD_REQUEST),
            Err(_) => Err(StatusCode::REQUEST_TIMEOUT),
        }
    }

    async fn forward(&self, cell: &Cell, server: &str, head: Parts, bytes: Bytes) -> Response<Reply> {
        let mut tried = Vec::new();
        loop {
            let (number, mut send) = match cell.way(server, &tried) {
                Ok(way) => way,
                Err(Away::Server) => return away(&bytes, "its cell does not offer this server now"),
                Err(Away::Cell) => return away(&bytes, "the cell of this server is not connected"),
            };
            tried.push(number);
            let Some(request) = self.asserted(cell, &head, bytes.clone()) else {
                return body::empty(StatusCode::BAD_REQUEST);
            };
            if send.ready().await.is_err() {
                continue;
            }
            match send.try_send_request(request).await {
                Ok(response) => return self.relay(head.uri.path(), response),
                Err(mut error) => {
                    // What never left may go by another connection.
                    if error.take_message().is_none() {
                        return lost(&bytes);
                    }
                }
            }
        }
    }

    /// The request for the cell, with the front's word beside it.
    fn asserted(&self, cell: &Cell, head: &Parts, bytes: Bytes) -> Option<Request<Full<Bytes>>> {
        let path = head.uri.path_and_query().map_or("/", |p| p.as_str());
        let authorization = head.headers.get(AUTHORIZATION).map(HeaderValue::as_bytes);
        let call = Call { method: head.method.as_str(), path, authorization };
        let mut jti = [0; 16];
        crate::record::entropy(&mut jti);
        let word = self.signer.assert(&cell.name, &call, &bytes, now().seconds, jti);
        let mut request = Request::builder()
            .method(head.method.clone())
            .uri(format!("https://cell{path}"))
            .body(Full::new(bytes))
            .ok()?;
        *request.headers_mut() = end_to_end(&head.headers);
        // A caller's own header of this name goes no further.
        request.headers_mut().insert(assertion::HEADER, HeaderValue::from_str(&word).ok()?);
        Some(request)
    }

    fn relay(&self, path: &str, response: Response<Incoming>) -> Response<Reply> {
        let (mut head, body) = response.into_parts();
        if head.status == StatusCode::UNAUTHORIZED {
            // The cell does not know the address by which callers know it.
            let error = carnet_identity::IdentityError::Missing;
            return downstream::unauthenticated(&self.identities, &self.public_url(), path, &error);
        }
        head.headers = end_to_end(&head.headers);
        if let Some(length) = http_body::Body::size_hint(&body).exact() {
            head.headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        let mut relayed = Response::new(Reply::Relay(body));
        *relayed.status_mut() = head.status;
        *relayed.headers_mut() = head.headers;
        relayed
    }
}

/// Headers that are not about one connection (RFC 9110, section 7.6.1).
fn end_to_end(headers: &HeaderMap) -> HeaderMap {
    const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
    let hop = [CONNECTION, KEEP_ALIVE, TE, TRAILER, TRANSFER_ENCODING, UPGRADE, HOST, CONTENT_LENGTH];
    let named: Vec<_> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|v| v.to_str().ok())
        .flat_map(|v| v.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .collect();
    let stays = |name: &HeaderName| hop.contains(name) || named.iter().any(|n| n == name.as_str());
    headers.iter().filter(|(name, _)| !stays(name)).map(|(n, v)| (n.clone(), v.clone())).collect()
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
