//! One request that came through the tunnel: the front's assertion about it is checked, then it is a request like any other.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use carnet_tunnel::announce::{self, Announcement, Hello};
use carnet_tunnel::{Call, Checker, PublicKey, Replays, assertion};
use http::header::AUTHORIZATION;
use http::{Extensions, Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;

use super::policies;
use crate::body::{self, Reply};
use crate::gateway::{Gateway, now};
use crate::server::{Answer as _, Peer};

/// Of the listeners, none: Host and Origin were checked by the front.
const NO_LISTENER: usize = usize::MAX - 1;

/// A cell as its front sees it.
pub(super) struct Joined {
    pub(super) gateway: Arc<Gateway>,
    checker: Checker,
    policies: Option<PublicKey>,
    replays: Mutex<Replays>,
    /// One set of distributed policies is taken at a time.
    taking: tokio::sync::Mutex<()>,
}

/// The SHA-256 that the body of a request must have.
#[derive(Clone, Copy)]
struct BodyHash([u8; 32]);

/// Whether a body is the one that a front asserted; true for a request that came by a listener.
#[must_use]
pub fn is_as_asserted(of: &Extensions, body: &[u8]) -> bool {
    of.get::<BodyHash>().is_none_or(|BodyHash(hash)| assertion::body_hash(body) == *hash)
}

impl Joined {
    pub(super) fn new(gateway: Arc<Gateway>, checker: Checker, policies: Option<PublicKey>) -> Joined {
        Joined {
            gateway,
            checker,
            policies,
            replays: Mutex::default(),
            taking: tokio::sync::Mutex::default(),
        }
    }

    pub(super) async fn answer(
        self: Arc<Self>,
        mut request: Request<Incoming>,
        address: SocketAddr,
    ) -> Response<Reply> {
        if request.uri().path() == announce::PATH {
            return self.hello(request).await;
        }
        match self.asserted(&request) {
            Ok(hash) => drop(request.extensions_mut().insert(hash)),
            Err(why) => {
                tracing::warn!(why, "a request of the front was not accepted");
                return body::text(StatusCode::FORBIDDEN, "the cell does not accept the front's assertion\n");
            }
        }
        request.headers_mut().remove(assertion::HEADER);
        let peer = Peer { address, listener: NO_LISTENER, certificate: None };
        self.gateway.clone().answer(request, peer).await
    }

    fn asserted(&self, request: &Request<Incoming>) -> Result<BodyHash, String> {
        let headers = request.headers();
        let mut all = headers.get_all(assertion::HEADER).iter();
        let (Some(value), None) = (all.next(), all.next()) else { return Err("there is not one".to_owned()) };
        let text = value.to_str().map_err(|_| "it is no text".to_owned())?;
        let call = Call {
            method: request.method().as_str(),
            path: request.uri().path_and_query().map_or("/", |p| p.as_str()),
            authorization: headers.get(AUTHORIZATION).map(http::HeaderValue::as_bytes),
        };
        let now = now().seconds;
        let asserted = self.checker.check(text, &call, now).map_err(|e| e.to_string())?;
        let mut replays = self.replays.lock().unwrap_or_else(PoisonError::into_inner);
        if replays.first_use(asserted.jti, now) {
            Ok(BodyHash(asserted.body))
        } else {
            Err("it was used before".to_owned())
        }
    }

    /// Takes what the front distributes, and says who and where this cell is and what it serves.
    async fn hello(&self, request: Request<Incoming>) -> Response<Reply> {
        let read = Limited::new(request.into_body(), announce::MOST).collect().await;
        let hello = read.ok().and_then(|body| Hello::parse(&body.to_bytes()).ok());
        let Some(hello) = hello else { return body::empty(StatusCode::BAD_REQUEST) };
        let refused = match hello.policies {
            None => None,
            Some(bundle) => {
                let _one = self.taking.lock().await;
                policies::take(&self.gateway, self.policies.as_ref(), &bundle).await.err()
            }
        };
        if let Some(why) = &refused {
            tracing::warn!(why, "policies from the front were not taken");
        }
        let runtime = self.gateway.runtime.load_full();
        let cell = &runtime.config.cell;
        let servers = runtime.servers.keys().map(AsRef::as_ref);
        let mut said = Announcement::new(&cell.name, cell.region.as_str(), servers);
        said.policies = runtime.distributed;
        said.refused = refused;
        body::json(StatusCode::OK, said.to_bytes())
    }
}
