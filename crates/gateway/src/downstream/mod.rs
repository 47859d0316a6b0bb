//! accept: from an HTTP request to the phase that fits it. Host and Origin are checked here, identity and session are
//! found, and every answer that has nothing to do with a message is given.

pub mod get;
pub mod post;
pub mod stdio;
pub mod streams;
pub mod way;

use std::net::IpAddr;
use std::sync::Arc;

use carnet_config::Listener;
use carnet_gate::Caller;
use carnet_identity::{IdentityError, ResourceMetadata, challenge, protected_resource_metadata};
use http::header::{HOST, HeaderMap, HeaderValue, ORIGIN, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Method, Request, Response, StatusCode, Uri};
use hyper::body::Incoming;

use crate::body::{self, Reply};
use crate::gateway::{Gateway, now};
use crate::identity::Identities;
use crate::load::Runtime;
use crate::observed::Elsewhere;
use crate::server::{Answer, Peer};
use crate::servers::{Reach, Server};

/// Where the metadata of protected resources is (RFC 9728).
pub(crate) const METADATA: &str = "/.well-known/oauth-protected-resource";

/// What a path asks for.
enum Route<'a> {
    /// A server's endpoint.
    Endpoint(&'a Arc<Server>),
    /// The GET stream of HTTP+SSE.
    Sse(&'a Arc<Server>),
    /// The POST endpoint of HTTP+SSE.
    Messages(&'a Arc<Server>),
}

impl Answer for Gateway {
    async fn answer(self: Arc<Self>, request: Request<Incoming>, peer: Peer) -> Response<Reply> {
        let runtime = self.runtime.load_full();
        match request.uri().path() {
            "/healthz" => return body::text(StatusCode::OK, "ok\n"),
            "/readyz" => return self.ready(false),
            _ => {}
        }
        if *self.stopping.borrow() {
            return later(StatusCode::SERVICE_UNAVAILABLE, 1, "the gateway is stopping");
        }
        let (listeners, public) = (&runtime.config.listeners, runtime.config.public_url.as_deref());
        if let Err(refusal) = check_origin(listeners, public, request.headers(), request.uri(), &peer) {
            return refusal;
        }
        if let Some(path) = request.uri().path().strip_prefix(METADATA) {
            return self.metadata(&runtime, path);
        }
        if crate::page::below(&runtime.config, request.uri().path()).is_some() {
            return crate::page::answer(&self, &runtime, request, peer).await;
        }
        let Some(route) = route(&runtime, request.uri(), request.headers()) else {
            return body::empty(StatusCode::NOT_FOUND);
        };
        let caller = match runtime.identities.identify(request.headers(), now().seconds).await {
            Ok(caller) => caller,
            Err(error) => return self.unauthenticated(&runtime, request.uri(), &error),
        };
        let Ok(caller) = self.seen_from(&runtime, &caller, &peer) else {
            let text = "your address is in another country than you are said to be\n";
            return body::text(StatusCode::FORBIDDEN, text);
        };
        let front = crate::join::front_of(request.extensions());
        let arrived = Arrived { runtime: runtime.clone(), caller, front };
        match (route, request.method()) {
            (Route::Endpoint(server), &Method::POST) => post::endpoint(&self, arrived, server, request).await,
            (Route::Endpoint(server), &Method::GET) => get::endpoint(&self, arrived, server, request).await,
            (Route::Endpoint(server), &Method::DELETE) => get::delete(&self, arrived, server, request).await,
            (Route::Sse(server), &Method::GET) => {
                get::legacy(&self, arrived, server, request.uri().path()).await
            }
            (Route::Messages(server), &Method::POST) => post::messages(&self, arrived, server, request).await,
            _ => body::empty(StatusCode::METHOD_NOT_ALLOWED),
        }
    }
}

/// A request whose sender is known.
pub struct Arrived {
    /// The configuration it began under.
    pub runtime: Arc<Runtime>,
    /// Who sent it.
    pub caller: Arc<Caller>,
    /// The front that it came through, as records have it; `None` for what came by a listener.
    pub front: Option<Arc<str>>,
}

impl Gateway {
    /// `/readyz`: whether calls can be served. Details are for the operator's own listener.
    #[must_use]
    pub fn ready(&self, details: bool) -> Response<Reply> {
        let stopping = *self.stopping.borrow();
        let store = self.recorder.healthy();
        let errors = self.reload_errors.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        let status =
            if stopping || store.is_err() { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
        if !details {
            return body::text(status, if status.is_success() { "ready\n" } else { "not ready\n" });
        }
        let document = serde_json::json!({
            "ready": status.is_success(),
            "stopping": stopping,
            "store": store.err().unwrap_or_else(|| "ok".to_owned()),
            "reload": if errors.is_empty() { serde_json::json!("ok") } else { serde_json::json!(errors) },
            "sessions": self.sessions.len(),
            "overdue_reviews": self.metrics.reviews_overdue.get(),
        });
        body::json(status, format!("{document:#}\n"))
    }

    fn metadata(&self, runtime: &Runtime, path: &str) -> Response<Reply> {
        let base = self.public_url(runtime);
        // At the root there is no single resource unless there is a single server.
        let path = match (path, runtime.servers.first_key_value()) {
            ("" | "/", Some((name, _))) if runtime.servers.len() == 1 => format!("/mcp/{name}"),
            (path, _) => path.to_owned(),
        };
        let known = path
            .strip_prefix("/mcp/")
            .map(|p| p.trim_end_matches("/sse"))
            .is_some_and(|n| runtime.servers.contains_key(n));
        if !known || runtime.identities.issuers.is_empty() {
            return body::empty(StatusCode::NOT_FOUND);
        }
        metadata(&runtime.identities, &base, &path)
    }

    /// A caller with what its address says. Behind a front there is only the front's.
    pub(crate) fn seen_from(
        &self,
        runtime: &Runtime,
        caller: &Arc<Caller>,
        peer: &Peer,
    ) -> Result<Arc<Caller>, Elsewhere> {
        let direct = runtime.config.listeners.get(peer.listener).is_some();
        let Some(observed) = runtime.observed.as_ref().filter(|_| direct) else { return Ok(caller.clone()) };
        let seen = observed.caller(caller, peer.address.ip());
        if seen.as_ref().map_or(true, |caller| caller.elsewhere) {
            self.metrics.elsewhere("caller");
            tracing::warn!("a caller's address is in another country than they are said to be");
        }
        seen
    }

    fn unauthenticated(&self, runtime: &Runtime, uri: &Uri, error: &IdentityError) -> Response<Reply> {
        self.metrics.unauthenticated(error.rule());
        unauthenticated(&runtime.identities, &self.public_url(runtime), uri.path(), error)
    }
}

/// The metadata of one resource (RFC 9728).
pub(crate) fn metadata(identities: &Identities, base: &str, path: &str) -> Response<Reply> {
    let resource = format!("{base}{path}");
    let document = protected_resource_metadata(&ResourceMetadata {
        resource: &resource,
        authorization_servers: &identities.issuers,
        scopes: &identities.scopes,
        ..ResourceMetadata::default()
    });
    body::json(StatusCode::OK, document)
}

/// The answer to a request whose sender is not known, and where to become known.
pub(crate) fn unauthenticated(
    identities: &Identities,
    base: &str,
    path: &str,
    error: &IdentityError,
) -> Response<Reply> {
    tracing::debug!(rule = error.rule(), "a request was not identified");
    let metadata = (!identities.issuers.is_empty()).then(|| format!("{base}{METADATA}{path}"));
    let challenge = challenge(error, metadata.as_deref(), &identities.scopes);
    let status = StatusCode::from_u16(challenge.status).unwrap_or(StatusCode::UNAUTHORIZED);
    let mut response = body::text(status, format!("{}\n", challenge.description));
    if let Some(value) = challenge.www_authenticate.and_then(|v| HeaderValue::from_str(&v).ok()) {
        response.headers_mut().insert(WWW_AUTHENTICATE, value);
    }
    response
}

/// `/mcp/NAME`, `/mcp/NAME/sse`, `/mcp/NAME/messages`; or the address that the server itself has, where the gateway has
/// taken over its name or port.
fn route<'a>(runtime: &'a Runtime, uri: &Uri, headers: &HeaderMap) -> Option<Route<'a>> {
    let path = uri.path();
    if let Some(rest) = path.strip_prefix("/mcp/") {
        let (name, tail) = rest.split_once('/').unwrap_or((rest, ""));
        if let Some(server) = runtime.servers.get(name) {
            return match tail {
                "" => Some(Route::Endpoint(server)),
                "sse" => Some(Route::Sse(server)),
                "messages" => Some(Route::Messages(server)),
                _ => None,
            };
        }
    }
    let host = host_of(uri, headers).map(|h| name_of(h).to_owned());
    let mut same_path = runtime.servers.values().filter_map(|server| {
        let (Reach::Http { http, .. } | Reach::LegacySse { http, .. }) = &server.reach else { return None };
        (http.path.path() == path)
            .then(|| (name_of(http.host.to_str().unwrap_or_default()).to_owned(), server))
    });
    let first = same_path.next()?;
    let all: Vec<_> = std::iter::once(first).chain(same_path).collect();
    let by_host = all.iter().find(|(name, _)| Some(name) == host.as_ref());
    // Without a host that tells them apart, only a single candidate is unambiguous.
    let (_, server) = by_host.or_else(|| all.first().filter(|_| all.len() == 1))?;
    match &server.reach {
        Reach::LegacySse { .. } => Some(Route::Sse(server)),
        _ => Some(Route::Endpoint(server)),
    }
}

fn host_of<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    match uri.authority() {
        Some(authority) => Some(authority.as_str()),
        None => headers.get(HOST)?.to_str().ok(),
    }
}

/// A host without its port.
fn name_of(host: &str) -> &str {
    if let Some(end) = host.find(']') {
        return host.get(..=end).unwrap_or(host);
    }
    host.rsplit_once(':').map_or(host, |(name, _)| name)
}

/// DNS rebinding: a page that a browser loaded from elsewhere must not reach the gateway under a name that is not its own
/// (MCP, Streamable HTTP, security).
pub(crate) fn check_origin(
    listeners: &[Listener],
    public_url: Option<&str>,
    headers: &HeaderMap,
    uri: &Uri,
    peer: &Peer,
) -> Result<(), Response<Reply>> {
    let forbid = || Err(body::text(StatusCode::FORBIDDEN, "this Host or Origin is not accepted\n"));
    let Some(listener) = listeners.get(peer.listener) else { return Ok(()) };
    // Which of two is meant, the gateway and whoever stands before it could see differently.
    if headers.get_all(HOST).iter().nth(1).is_some() || headers.get_all(ORIGIN).iter().nth(1).is_some() {
        return forbid();
    }
    let Some(host) = host_of(uri, headers) else { return forbid() };
    let public = public_url.and_then(|u| u.parse::<Uri>().ok());
    let public_host = public.as_ref().and_then(Uri::host);
    let name = name_of(host).to_ascii_lowercase();
    let own = |name: &str| {
        let bare = name.trim_matches(['[', ']']);
        bare == "localhost"
            || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback() || ip == listener.address.ip())
            || public_host.is_some_and(|h| h.eq_ignore_ascii_case(name))
            || listener.hosts.iter().any(|h| name_of(h) == name)
    };
    if !own(&name) {
        return forbid();
    }
    let Some(origin) = headers.get(ORIGIN) else { return Ok(()) };
    let Ok(origin) = origin.to_str() else { return forbid() };
    let listed = listener.origins.iter().any(|o| o == origin);
    let same = origin
        .parse::<Uri>()
        .ok()
        .and_then(|o| o.host().map(str::to_ascii_lowercase))
        .is_some_and(|h| own(&h));
    if listed || same { Ok(()) } else { forbid() }
}

/// 429 or 503 with the time to wait.
#[must_use]
pub fn later(status: StatusCode, seconds: u64, text: &'static str) -> Response<Reply> {
    let mut response = body::text(status, format!("{text}\n"));
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds.max(1)));
    response
}

/// A message as an event.
pub(crate) fn message_event(bytes: Vec<u8>) -> Vec<u8> {
    let event =
        carnet_mcp::sse::Event { event: Some("message".to_owned()), ..carnet_mcp::sse::Event::of(bytes) };
    event.to_bytes()
}
