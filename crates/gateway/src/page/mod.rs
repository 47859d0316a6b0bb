//! Where approvers act: a page for people, who sign in at the provider, and an API for programs and commands, which bring a
//! token. Both ask the same board, so both are decided by the same policies. A GET changes nothing, whoever follows a link:
//! a vote is a POST with the token of the visit.

mod api;
mod board;
mod call;
mod form;
mod html;
mod login;
mod manage;
mod passkeys;
mod people;
#[cfg(test)]
pub(crate) mod sample;
mod visits;

use std::sync::Arc;

use carnet_config::{Config, LoginConfig};
use carnet_gate::Caller;
use carnet_store::Table;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, LOCATION, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;

use crate::body::{self, Reply};
use crate::channels::Channels;
use crate::gateway::Gateway;
use crate::load::Runtime;
use crate::outbound::{Outbound, OutboundLimits};
use crate::server::Peer;

use board::Refusal;
pub(crate) use board::{Ballot, Board};
pub(crate) use form::Form;
#[cfg(test)]
pub(crate) use form::join;
pub(crate) use html::{Html, time};
pub(crate) use passkeys::Site;

/// No form and no document of the API is longer; what Slack sends has the whole message in it.
const LONGEST: usize = 256 << 10;
/// Everything comes from here, nothing is framed, no script stands in a page.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; form-action 'self'; \
     frame-ancestors 'none'; base-uri 'none'";

/// What the page and the channels keep besides the held calls themselves.
pub struct Approvers {
    pub(crate) visits: visits::Visits,
    pub(crate) passkeys: passkeys::Passkeys,
    pub(crate) channels: Channels,
    /// The client for the provider and the channels.
    pub(crate) outbound: Outbound,
}

impl Approvers {
    /// Over the store's table.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub(crate) fn new(table: Arc<Table>) -> Result<Approvers, String> {
        let tls = crate::tls::client(None, None).map_err(|e| e.to_string())?;
        Ok(Approvers {
            visits: visits::Visits::default(),
            passkeys: passkeys::Passkeys(Arc::clone(&table)),
            channels: Channels::new(table),
            outbound: Outbound::new(tls, OutboundLimits::default()),
        })
    }
}

/// The rest of a path below the page's, if it is one.
pub(crate) fn below<'a>(config: &Config, path: &'a str) -> Option<&'a str> {
    let base = &config.approvals.page.as_ref()?.path;
    path.strip_prefix(&**base).filter(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A request for the page or the API, and what is known around it.
pub(crate) struct Asked<'a> {
    pub(crate) gateway: &'a Arc<Gateway>,
    pub(crate) runtime: &'a Arc<Runtime>,
    /// The path of the page.
    pub(crate) base: &'a str,
    /// How people sign in; `None`: they do not.
    pub(crate) login: Option<&'a LoginConfig>,
    pub(crate) head: http::request::Parts,
    /// The other end of the connection.
    pub(crate) peer: Peer,
    pub(crate) body: Vec<u8>,
    /// Now, Unix seconds.
    pub(crate) now: i64,
}

impl Asked<'_> {
    /// Somebody with what their address says of where they are.
    pub(crate) fn seen(&self, caller: &Arc<Caller>) -> Result<Arc<Caller>, Refusal> {
        self.gateway.seen_from(self.runtime, caller, &self.peer).map_err(|_| Refusal::Elsewhere)
    }

    /// The held calls.
    pub(crate) fn board(&self) -> Board<'_> {
        Board { gateway: self.gateway, runtime: self.runtime, now: self.now }
    }

    /// Scheme, host and port as people and authenticators know them.
    pub(crate) fn site(&self) -> Site {
        site(self.gateway, self.runtime)
    }

    /// The path below the page's.
    pub(crate) fn path(&self) -> &str {
        self.head.uri.path().strip_prefix(self.base).unwrap_or_default()
    }

    /// The query as fields; empty for what is none.
    pub(crate) fn query(&self) -> Form {
        Form::parse(self.head.uri.query().unwrap_or_default()).unwrap_or_default()
    }
}

/// Where the page is. A browser takes no passkey for an address, so a gateway on loopback goes by its name there.
pub(crate) fn site(gateway: &Gateway, runtime: &Runtime) -> Site {
    let url = gateway.public_url(runtime);
    let origin = match &runtime.config.public_url {
        Some(_) => {
            let uri = url.parse::<http::Uri>().ok();
            uri.and_then(|u| Some(format!("{}://{}", u.scheme_str()?, u.authority()?))).unwrap_or(url)
        }
        None => url.replace("//127.0.0.1", "//localhost").replace("//[::1]", "//localhost"),
    };
    let authority = origin.split_once("//").map_or("", |(_, a)| a);
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    Site { rp_id: host.to_ascii_lowercase(), origin }
}

/// Answers a request below the page's path.
pub(crate) async fn answer(
    gateway: &Arc<Gateway>,
    runtime: &Arc<Runtime>,
    request: Request<Incoming>,
    peer: Peer,
) -> Response<Reply> {
    let Some(page) = &runtime.config.approvals.page else { return body::empty(StatusCode::NOT_FOUND) };
    let (head, body) = request.into_parts();
    let read =
        tokio::time::timeout(runtime.config.limits.header_timeout, Limited::new(body, LONGEST).collect());
    let Ok(Ok(body)) = read.await else {
        return guarded(body::text(StatusCode::PAYLOAD_TOO_LARGE, "the request is too long, or too slow\n"));
    };
    let asked = Asked {
        gateway,
        runtime,
        base: &page.path,
        login: page.login.as_ref(),
        head,
        peer,
        body: body.to_bytes().into(),
        now: crate::gateway::now().seconds,
    };
    let response = match asked.path() {
        "/style.css" => asset("text/css; charset=utf-8", include_str!("style.css")),
        "/passkey.js" => asset("text/javascript; charset=utf-8", include_str!("passkey.js")),
        path if path == "/v1" || path.starts_with("/v1/") => api::answer(&asked).await,
        path if path.starts_with("/slack/") => {
            if asked.head.method == Method::POST {
                crate::channels::interaction(&asked).await
            } else {
                body::empty(StatusCode::METHOD_NOT_ALLOWED)
            }
        }
        _ => people::answer(&asked).await,
    };
    guarded(response)
}

/// A file of the page. It changes with the binary only, but is small: it need not be kept.
fn asset(kind: &'static str, text: &'static str) -> Response<Reply> {
    body::typed(StatusCode::OK, HeaderValue::from_static(kind), text)
}

/// The headers that every answer has.
fn guarded(mut response: Response<Reply>) -> Response<Reply> {
    let headers = response.headers_mut();
    for (name, value) in [
        (CACHE_CONTROL, "no-store"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        // Not `no-referrer`: with it a browser says `Origin: null` for the page's own forms.
        (REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (
            HeaderName::from_static("permissions-policy"),
            "publickey-credentials-get=(self), publickey-credentials-create=(self), camera=(), microphone=(), geolocation=()",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// 303 to another page of ours, or to the provider.
pub(crate) fn see(to: &str) -> Response<Reply> {
    let mut response = body::empty(StatusCode::SEE_OTHER);
    match HeaderValue::from_str(to) {
        Ok(to) => drop(response.headers_mut().insert(LOCATION, to)),
        Err(_) => return body::empty(StatusCode::INTERNAL_SERVER_ERROR),
    }
    response
}
