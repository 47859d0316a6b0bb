//! The way of one message to its server: over HTTP with the headers that may go on, or by the channel of its session. Nothing is
//! opened here: that waits for the gate's permission.

use std::sync::Arc;

use carnet_mcp::{Era, Message};
use carnet_model::Action;
use http::header::{HeaderMap, HeaderName, HeaderValue};

use super::Arrived;
use crate::servers::{Reach, Server};
use crate::sessions::Open;
use crate::upstream::link::{self, Link};

/// Bytes that a server may send in all before it answers; a standing stream has no end.
pub(crate) fn most_bytes(arrived: &Arrived, open: &Open, action: Action) -> Option<usize> {
    let server = arrived.runtime.servers.get(&*open.gate.server.name)?;
    let most = usize::try_from(server.config.limits.response_body).unwrap_or(usize::MAX);
    (action != Action::SUBSCRIPTIONS_LISTEN).then_some(most)
}

/// The way to the server for one message. Nothing is opened yet: that waits for the gate's permission.
pub(crate) fn way(
    arrived: &Arrived,
    server: &Arc<Server>,
    headers: &HeaderMap,
    open: &Arc<Open>,
    message: &Message,
) -> Link {
    let limits = arrived.runtime.gate.limits;
    match &server.reach {
        Reach::Http { http, credentials } => {
            let mut headers = passed_on(headers);
            if message.era() == Era::Legacy {
                headers = plain(headers);
            }
            let repeats = |name: &HeaderName| name.as_str().starts_with("mcp-param-");
            headers.retain(|(n, v)| {
                !repeats(n) || is_clean(arrived.runtime.gate.detector(&server.config.name), v)
            });
            // Only headers that repeat arguments need to know whether masking changed them.
            let repeats = headers.iter().any(|(name, _)| repeats(name));
            Link::Http {
                http: http.clone(),
                credentials: credentials.clone(),
                original: if repeats { link::mark(message) } else { 0 },
                headers,
                tools: server.tools.clone(),
                open: open.clone(),
                limits,
            }
        }
        Reach::Stdio(_) | Reach::LegacySse { .. } => Link::Channel {
            server: server.clone(),
            open: open.clone(),
            limits,
            shared: open.id.get().is_none() && message.action() != Action::INITIALIZE,
            wait: server.config.timeouts.request,
        },
    }
}

/// Headers that may go on to a server. Everything else a caller sends stays here, its token above all (invariant 6).
pub(super) fn passed_on(headers: &HeaderMap) -> Vec<(HeaderName, HeaderValue)> {
    let passes = |name: &str, value: &HeaderValue| match name {
        "accept" | "last-event-id" | "mcp-protocol-version" | "mcp-method" | "mcp-name" => true,
        "traceparent" => is_traceparent(value.as_bytes()),
        _ => name.starts_with("mcp-param-"),
    };
    headers.iter().filter(|(n, v)| passes(n.as_str(), v)).map(|(n, v)| (n.clone(), v.clone())).collect()
}

/// `version-trace-parent-flags` in hex (W3C Trace Context): nothing else can hide in it.
fn is_traceparent(value: &[u8]) -> bool {
    value.len() == 55 && value.iter().all(|b| b.is_ascii_hexdigit() || *b == b'-')
}

/// What is left of the headers where the protocol has no others: on GET, DELETE and older revisions.
pub(super) fn plain(mut headers: Vec<(HeaderName, HeaderValue)>) -> Vec<(HeaderName, HeaderValue)> {
    headers.retain(|(name, _)| !name.as_str().starts_with("mcp-") || name == "mcp-protocol-version");
    headers
}

/// A header that repeats an argument is content: it does not go on when something is found in it.
fn is_clean(detector: &carnet_masking::Detector, value: &HeaderValue) -> bool {
    let mut findings = carnet_masking::Findings::new();
    let text = carnet_mcp::headers::decode(value.as_bytes());
    text.is_some_and(|text| detector.find_text(&text, &mut findings).is_ok()) && findings.is_empty()
}
