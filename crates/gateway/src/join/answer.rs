//! One request that came through the tunnel: the front's assertion about it is checked, then it is a request like any other.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use carnet_tunnel::announce::{self, Announcement, Hello};
use carnet_tunnel::{Asserted, Call, CallKey, Checker, Exported, NotAsserted, PublicKey, Replays, assertion};
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
    key_id: String,
    policies: Option<PublicKey>,
    /// One set of distributed policies is taken at a time, whichever front brings it.
    taking: Arc<tokio::sync::Mutex<()>>,
}

/// What is known of a request that came through a front.
#[derive(Clone)]
struct Through {
    /// The SHA-256 that its body must have.
    body: [u8; 32],
    /// Which front, by which key and with which assertion: the disclosure `front`.
    disclosed: Arc<str>,
}

/// Whether a body is the one that a front asserted; true for a request that came by a listener.
#[must_use]
pub fn is_as_asserted(of: &Extensions, body: &[u8]) -> bool {
    of.get::<Through>().is_none_or(|through| assertion::body_hash(body) == through.body)
}

/// The disclosure `front` of a request; `None` for one that came by a listener.
#[must_use]
pub fn front_of(of: &Extensions) -> Option<Arc<str>> {
    of.get::<Through>().map(|through| through.disclosed.clone())
}

impl Joined {
    pub(super) fn new(
        gateway: Arc<Gateway>,
        checker: Checker,
        policies: Option<PublicKey>,
        taking: Arc<tokio::sync::Mutex<()>>,
    ) -> Joined {
        Joined { gateway, key_id: checker.key_id(), checker, policies, taking }
    }

    fn through(&self, asserted: &Asserted) -> Through {
        // Names of the configuration and base64url: nothing of it needs escaping.
        let assertion = BASE64URL.encode(asserted.hash);
        let (key, name) = (&self.key_id, self.checker.front());
        let disclosed = format!(r#"{{"assertion":"{assertion}","key":"{key}","name":"{name}"}}"#);
        Through { body: asserted.body, disclosed: disclosed.into() }
    }
}

/// A connection to a front, and what is known of it.
pub(super) struct Channel {
    joined: Arc<Joined>,
    exported: Exported,
    key: CallKey,
    /// The front's key has signed that this connection is its own.
    bound: AtomicBool,
    replays: Mutex<Replays>,
}

impl Channel {
    pub(super) fn new(joined: Arc<Joined>, exported: Exported) -> Channel {
        let key = CallKey::new(joined.checker.front(), joined.checker.cell(), &exported);
        Channel { joined, exported, key, bound: AtomicBool::new(false), replays: Mutex::default() }
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
            Ok(through) => drop(request.extensions_mut().insert(through)),
            Err(why) => {
                tracing::warn!(why, "a request of the front was not accepted");
                return body::text(StatusCode::FORBIDDEN, "the cell does not accept the front's assertion\n");
            }
        }
        request.headers_mut().remove(assertion::HEADER);
        let peer = Peer { address, listener: NO_LISTENER, certificate: None };
        self.joined.gateway.clone().answer(request, peer).await
    }

    fn asserted(&self, request: &Request<Incoming>) -> Result<Through, String> {
        if !self.bound.load(Ordering::Acquire) {
            return Err("the front has not said who it is".to_owned());
        }
        let headers = request.headers();
        let mut all = headers.get_all(assertion::HEADER).iter();
        let (Some(value), None) = (all.next(), all.next()) else { return Err("there is not one".to_owned()) };
        let text = value.to_str().map_err(|_| "it is no text".to_owned())?;
        let call = Call {
            method: request.method().as_str(),
            path: request.uri().path_and_query().map_or("/", |p| p.as_str()),
            headers: assertion::headers_hash(headers.iter().map(|(n, v)| (n.as_str(), v.as_bytes()))),
        };
        let now = now().seconds;
        let asserted = self.key.check(text, &call, now).map_err(|e| e.to_string())?;
        let mut replays = self.replays.lock().unwrap_or_else(PoisonError::into_inner);
        if replays.first_use(asserted.jti, now) {
            Ok(self.joined.through(&asserted))
        } else {
            Err("it was used before".to_owned())
        }
    }

    /// Takes what the front distributes, and says who and where this cell is and what it serves.
    async fn hello(&self, request: Request<Incoming>) -> Response<Reply> {
        let read = Limited::new(request.into_body(), announce::MOST).collect().await;
        let hello = read.ok().and_then(|body| Hello::parse(&body.to_bytes()).ok());
        let Some(hello) = hello else { return body::empty(StatusCode::BAD_REQUEST) };
        if let Err(why) = self.joined.checker.check(&hello.bond, &self.exported, now().seconds) {
            tracing::warn!(%why, "the front has not shown that it is the one");
            // With the certificate of another cell, it is that one for the front.
            return match why {
                NotAsserted::NotForUs => body::empty(StatusCode::MISDIRECTED_REQUEST),
                _ => body::text(StatusCode::FORBIDDEN, "the cell does not accept the front's key\n"),
            };
        }
        self.bound.store(true, Ordering::Release);
        let Joined { gateway, policies, taking, .. } = &*self.joined;
        let refused = match hello.policies {
            None => None,
            Some(bundle) => {
                let _one = taking.lock().await;
                policies::take(gateway, policies.as_ref(), &bundle).await.err()
            }
        };
        if let Some(why) = &refused {
            tracing::warn!(why, "policies from the front were not taken");
        }
        let runtime = gateway.runtime.load_full();
        let cell = &runtime.config.cell;
        let servers = runtime.servers.keys().map(AsRef::as_ref);
        let mut said = Announcement::new(&cell.name, cell.region.as_str(), servers);
        said.policies = runtime.distributed;
        said.waiting = u64::try_from(gateway.holds.pending()).unwrap_or(u64::MAX);
        said.refused = refused;
        body::json(StatusCode::OK, said.to_bytes())
    }
}
