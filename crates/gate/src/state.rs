//! requestState (2026-07-28): what a server gives a caller to bring back is bound to the caller, the request and a short time.
//!
//! To the gateway and the caller it is opaque; to the server it is untrusted input from whoever holds it. So it goes out as
//! `c1.EXPIRY.MAC.STATE`, with a MAC under the cell's key over who asked for what, and comes back only from the same identity
//! with the same request before it expires. The server gets its own text again.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use carnet_evidence::seal::MacKey;
use carnet_json::{Edits, Kind, Value};
use carnet_mcp::{Era, Message};
use carnet_model::{Action, Identity};

use crate::facts::{Caller, Cell};
use crate::session::Session;
use crate::shell::Moment;

/// How long a caller may take for one leg: clients give up after some nine minutes in all.
const LIFE: i64 = 900;

/// What a state of this request is bound to; `None` for requests that have none.
pub(crate) fn binding(session: &Session, caller: &Caller, request: &Message) -> Option<Vec<u8>> {
    let has_state =
        matches!(request.action(), Action::TOOLS_CALL | Action::PROMPTS_GET | Action::RESOURCES_READ);
    if !has_state || request.era() == Era::Legacy {
        return None;
    }
    let mut out = Vec::with_capacity(256);
    let mut part = |bytes: &[u8]| {
        out.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
        out.extend_from_slice(bytes);
    };
    let mut who = |identity: Option<&Identity>| {
        part(identity.map_or(b"", |i| i.issuer.as_bytes()));
        part(identity.map_or(b"", |i| i.subject.as_bytes()));
    };
    who(Some(&caller.principal.identity));
    who(caller.principal.agent.as_ref());
    part(session.server.name.as_bytes());
    part(request.action().as_str().as_bytes());
    part(request.target().text().unwrap_or_default().as_bytes());
    part(request.params().and_then(|p| p.get("arguments")).map_or(b"", |a| a.raw()));
    Some(out)
}

/// What the gateway's own states begin with: how often a caller was told to come again while its call is held.
const HOLD: &str = "carnet-hold.";

/// A state of the gateway's own for a call that is held, bound as a server's is.
#[must_use]
pub fn hold_state(
    cell: &Cell,
    session: &Session,
    caller: &Caller,
    request: &Message,
    now: Moment,
    leg: u32,
) -> Option<String> {
    // A state that a server waits for cannot be given to the caller again: the call would lose it.
    if state(request.params()).is_some() {
        return None;
    }
    let binding = binding(session, caller, request)?;
    let (text, expiry) = (format!("{HOLD}{leg}"), now.seconds.saturating_add(LIFE).to_string());
    Some(format!("c1.{expiry}.{}.{text}", mac(&cell.mac, &binding, &expiry, &text)))
}

/// Takes the gateway's own state out of a request: the server has not given it. How often the caller was told to come again.
pub(crate) fn taken(request: Message) -> (Message, u32) {
    let leg = state(request.params()).and_then(|s| s.as_str()?.strip_prefix(HOLD)?.parse::<u32>().ok());
    let (Some(leg), Some(params)) = (leg, request.params()) else { return (request, 0) };
    let mut members = Vec::new();
    for (key, value) in
        params.entries().filter(|(k, _)| !k.is_str("requestState") && !k.is_str("inputResponses"))
    {
        members.push(format!("{}:{}", key.raw_str(), value.raw_str()));
    }
    let mut edits = Edits::new();
    edits.replace(params.span(), format!("{{{}}}", members.join(",")).as_bytes());
    match request.edited(&edits) {
        Ok(request) => (request, leg),
        // Members that were read are written as they were: that always fits.
        Err(_) => (request, leg),
    }
}

fn state(object: Option<Value<'_>>) -> Option<Value<'_>> {
    object?.get("requestState").filter(|state| state.kind() == Kind::String)
}

fn mac(key: &MacKey, binding: &[u8], expiry: &str, text: &str) -> String {
    let bound = [binding, expiry.as_bytes(), b".", text.as_bytes()].concat();
    URL_SAFE_NO_PAD.encode(key.mac("request_state", &bound))
}

/// A server's state on its way out.
pub(crate) fn bind(key: &MacKey, binding: Option<&[u8]>, now: Moment, response: Message) -> Message {
    let (Some(binding), Some(value)) = (binding, state(response.result())) else { return response };
    let text = value.as_str().unwrap_or_default();
    let expiry = now.seconds.saturating_add(LIFE).to_string();
    let bound = format!("c1.{expiry}.{}.{text}", mac(key, binding, &expiry, &text));
    let mut edits = Edits::new();
    edits.replace(value.span(), carnet_json::quote(&bound).as_bytes());
    // One string takes the place of another: that always fits. Unbound, the state would not be taken back.
    response.edited(&edits).unwrap_or(response)
}

/// A caller's state on its way in, as the server wrote it.
///
/// # Errors
/// The message, when its state was not given to this caller for this request, or has expired.
pub(crate) fn unbind(
    key: &MacKey,
    binding: Option<&[u8]>,
    now: Moment,
    request: Message,
) -> Result<Message, Message> {
    let (Some(binding), Some(value)) = (binding, state(request.params())) else { return Ok(request) };
    let bound = value.as_str().unwrap_or_default();
    let parts = bound.strip_prefix("c1.").and_then(|rest| rest.split_once('.'));
    let parts = parts.and_then(|(expiry, rest)| rest.split_once('.').map(|(mac, text)| (expiry, mac, text)));
    let Some((expiry, shown, text)) = parts else { return Err(request) };
    let alive = expiry.parse::<i64>().is_ok_and(|expiry| now.seconds < expiry);
    // Both sides are MACs in the same encoding; comparing all of them takes the same time wherever they differ.
    let wanted = mac(key, binding, expiry, text);
    let same = wanted.len() == shown.len()
        && wanted.bytes().zip(shown.bytes()).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0;
    if !alive || !same {
        return Err(request);
    }
    let mut edits = Edits::new();
    edits.replace(value.span(), carnet_json::quote(text).as_bytes());
    request.edited(&edits).map_err(|_| request)
}
