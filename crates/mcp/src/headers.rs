//! The HTTP headers that mirror the body in 2026-07-28: the era of a request, agreement with the body, and what is to be
//! sent upstream after a rewrite. On older revisions these headers are neither used nor checked.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use carnet_json::{Kind as JsonKind, Value};
use carnet_model::Action;

use crate::message::{Kind, Message};
use crate::refusal::{Refusal, code};
use crate::revision::{Era, Revision};
use crate::target::Target;

mod params;
pub use params::{InvalidSchema, ParamHeaders};

/// The headers of a request that MCP gives a meaning.
#[derive(Clone, Default)]
pub struct McpHeaders<'h> {
    version: Option<&'h [u8]>,
    method: Option<&'h [u8]>,
    name: Option<&'h [u8]>,
    /// Name behind `Mcp-Param-`, and value.
    params: Vec<(&'h str, &'h [u8])>,
    repeated: bool,
}

impl std::fmt::Debug for McpHeaders<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "McpHeaders({} params)", self.params.len())
    }
}

const PARAM: &str = "mcp-param-";

impl<'h> McpHeaders<'h> {
    /// Picks them out of all headers. Names in any case; a header that occurs twice must not, and is refused by
    /// [`McpHeaders::era`] and [`McpHeaders::check`].
    #[must_use]
    pub fn read(all: impl IntoIterator<Item = (&'h str, &'h [u8])>) -> McpHeaders<'h> {
        let mut found = McpHeaders::default();
        for (name, value) in all {
            let slot = if name.eq_ignore_ascii_case("mcp-protocol-version") {
                &mut found.version
            } else if name.eq_ignore_ascii_case("mcp-method") {
                &mut found.method
            } else if name.eq_ignore_ascii_case("mcp-name") {
                &mut found.name
            } else {
                if let Some(param) = name.get(PARAM.len()..)
                    && name.get(..PARAM.len()).is_some_and(|p| p.eq_ignore_ascii_case(PARAM))
                {
                    found.repeated |= found.params.iter().any(|(n, _)| n.eq_ignore_ascii_case(param));
                    found.params.push((param, value));
                }
                continue;
            };
            found.repeated |= slot.replace(value).is_some();
        }
        found
    }

    /// The value of `MCP-Protocol-Version`, where it is ASCII.
    #[must_use]
    pub fn version(&self) -> Option<&'h str> {
        self.version.and_then(|v| std::str::from_utf8(v).ok())
    }

    /// The era of a request or notification, from header and body. `supported` is what is said to a client that asks for
    /// an unknown revision.
    ///
    /// # Errors
    /// Header and body name two revisions (400, -32020); an unknown revision (400, -32022); `initialize` under a
    /// revision that has none (404, -32601).
    pub fn era(&self, message: &Message, supported: &[Revision]) -> Result<Era, Refusal> {
        let body = message.meta_version();
        let header = match (self.version, self.version()) {
            (Some(_), None) => return Err(Refusal::mismatch("MCP-Protocol-Version has invalid characters")),
            (_, header) => header,
        };
        let era = match (header, body.as_deref()) {
            (None, None) => Era::Legacy,
            (Some(one), None) | (None, Some(one)) => era_of(one, supported)?,
            (Some(h), Some(b)) if h == b => era_of(h, supported)?,
            (Some(_), Some(_)) => return Err(Refusal::mismatch("MCP-Protocol-Version and _meta differ")),
        };
        if era == Era::Modern && message.action() == Action::INITIALIZE {
            return Err(Refusal::new(
                404,
                code::METHOD_NOT_FOUND,
                "this protocol revision has no initialize",
            ));
        }
        if self.repeated && (era == Era::Modern || self.version.is_some()) {
            return Err(Refusal::mismatch("an MCP header occurs twice"));
        }
        Ok(era)
    }

    /// Checks a message of the modern era: required headers and metadata, agreement with the body. `params` are the
    /// headers that the called tool's schema asks for, where it is known.
    ///
    /// # Errors
    /// -32020 for headers, -32602 for missing metadata, -32600 for a response; all 400.
    pub fn check(&self, message: &Message, params: Option<&ParamHeaders>) -> Result<(), Refusal> {
        if self.repeated {
            return Err(Refusal::mismatch("an MCP header occurs twice"));
        }
        match message.kind() {
            Kind::Request => check_meta(message)?,
            // 2026-07-28 defines no headers for notifications: what is there must agree.
            Kind::Notification => {}
            Kind::Result | Kind::Error => {
                return Err(Refusal::invalid("clients send no responses in this protocol revision"));
            }
        }
        let required = message.kind() == Kind::Request;
        if required && self.version.is_none() {
            return Err(Refusal::mismatch("MCP-Protocol-Version is missing"));
        }
        let method = message.method().unwrap_or_default();
        match self.method {
            None if required => return Err(Refusal::mismatch("Mcp-Method is missing")),
            Some(m) if m != method.as_bytes() => {
                return Err(Refusal::mismatch("Mcp-Method differs from the body's method"));
            }
            _ => {}
        }
        self.check_name(message)?;
        match params {
            Some(params) => self.check_params(message, params),
            None => Ok(()),
        }
    }

    fn check_name(&self, message: &Message) -> Result<(), Refusal> {
        let target = message.target();
        let required =
            matches!(message.action(), Action::TOOLS_CALL | Action::PROMPTS_GET | Action::RESOURCES_READ);
        match (self.name, target.text()) {
            (None, _) if required => Err(Refusal::mismatch("Mcp-Name is missing")),
            (None, _) => Ok(()),
            (Some(header), Some(body)) if decode(header).is_some_and(|h| h == body) => Ok(()),
            (Some(_), Some(_)) => Err(Refusal::mismatch("Mcp-Name differs from the body")),
            // A name where the body has none to compare with must not be believed further on.
            (Some(_), None) => Err(Refusal::mismatch("Mcp-Name on a message that names nothing")),
        }
    }

    fn check_params(&self, message: &Message, params: &ParamHeaders) -> Result<(), Refusal> {
        for (name, path) in params.iter() {
            let header = self.params.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| *v);
            let body = params::argument(message, path).filter(|v| v.kind() != JsonKind::Null);
            let agrees = match (header, body) {
                (None, None) => true,
                (Some(header), Some(body)) => decode(header).is_some_and(|h| same(&h, body)),
                (Some(_), None) | (None, Some(_)) => false,
            };
            if !agrees {
                return Err(Refusal::mismatch(format!("Mcp-Param-{name} differs from the body")));
            }
        }
        Ok(())
    }

    /// The headers to send upstream with a message of the modern era, recomputed from its body; `Mcp-Param-*` that the
    /// schema does not know are passed on as they came. On a legacy message there are none.
    #[must_use]
    pub fn recompute(&self, message: &Message, params: Option<&ParamHeaders>) -> Vec<(String, Vec<u8>)> {
        let mut out = recompute(message, params);
        let known = |name: &str| params.is_some_and(|p| p.iter().any(|(n, _)| n.eq_ignore_ascii_case(name)));
        for (name, value) in self.params.iter().filter(|(n, _)| !known(n)) {
            out.push((format!("Mcp-Param-{name}"), value.to_vec()));
        }
        out
    }
}

/// The headers that mirror the body of a message of the modern era.
#[must_use]
pub fn recompute(message: &Message, params: Option<&ParamHeaders>) -> Vec<(String, Vec<u8>)> {
    let mut out = Vec::with_capacity(4);
    if let Some(version) = message.meta_version() {
        out.push(("MCP-Protocol-Version".to_owned(), version.as_bytes().to_vec()));
    }
    if let Some(method) = message.method() {
        out.push(("Mcp-Method".to_owned(), method.as_bytes().to_vec()));
    }
    let target = message.target();
    if message.action() != Action::COMPLETE
        && !matches!(target, Target::None)
        && let Some(name) = target.text()
    {
        out.push(("Mcp-Name".to_owned(), encode(name).into_owned().into_bytes()));
    }
    for (name, path) in params.into_iter().flat_map(ParamHeaders::iter) {
        let text = params::argument(message, path).and_then(|value| header_text(value));
        if let Some(text) = text {
            out.push((format!("Mcp-Param-{name}"), encode(&text).into_owned().into_bytes()));
        }
    }
    out
}

fn era_of(version: &str, supported: &[Revision]) -> Result<Era, Refusal> {
    Revision::parse(version)
        .filter(|r| supported.contains(r))
        .map(Revision::era)
        .ok_or_else(|| Refusal::unsupported_version(version, supported))
}

fn check_meta(message: &Message) -> Result<(), Refusal> {
    if message.meta_version().is_none() {
        return Err(Refusal::params("_meta has no io.modelcontextprotocol/protocolVersion"));
    }
    let capabilities = message.meta().and_then(|m| m.get("io.modelcontextprotocol/clientCapabilities"));
    if capabilities.is_none_or(|c| c.kind() != JsonKind::Object) {
        return Err(Refusal::params("_meta has no io.modelcontextprotocol/clientCapabilities"));
    }
    Ok(())
}

fn header_text(value: Value<'_>) -> Option<Cow<'_, str>> {
    match value.kind() {
        JsonKind::String => value.as_str(),
        JsonKind::Number => Some(Cow::Borrowed(value.raw_str())),
        JsonKind::True => Some(Cow::Borrowed("true")),
        JsonKind::False => Some(Cow::Borrowed("false")),
        JsonKind::Null | JsonKind::Object | JsonKind::Array | JsonKind::Key => None,
    }
}

/// Numbers are compared as numbers (`42.0` is `42`), everything else as text.
fn same(header: &str, body: Value<'_>) -> bool {
    let Some(text) = header_text(body) else { return false };
    if header == text {
        return true;
    }
    body.kind() == JsonKind::Number && matches!((whole(header), whole(&text)), (Some(a), Some(b)) if a == b)
}

/// A whole number, with zeros at most behind the point. No floating point: two big numbers must not become one.
fn whole(text: &str) -> Option<i64> {
    let digits = match text.split_once('.') {
        Some((digits, zeros)) if !zeros.is_empty() && zeros.bytes().all(|b| b == b'0') => digits,
        Some(_) => return None,
        None => text,
    };
    digits.strip_prefix('+').is_none().then(|| digits.parse().ok()).flatten()
}

const OPEN: &str = "=?base64?";
const CLOSE: &str = "?=";

/// The text of a header's value. `None` if it has characters that a header must not have, or wrong base64.
#[must_use]
pub fn decode(value: &[u8]) -> Option<Cow<'_, str>> {
    let text = std::str::from_utf8(value).ok()?;
    if !text.bytes().all(|b| b == b'\t' || (b' '..=b'~').contains(&b)) {
        return None;
    }
    let Some(inner) = text.strip_prefix(OPEN).and_then(|t| t.strip_suffix(CLOSE)) else {
        return Some(Cow::Borrowed(text));
    };
    let bytes = STANDARD.decode(inner).ok()?;
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

/// A header's value for this text: itself, or base64 where it would not survive.
#[must_use]
pub fn encode(text: &str) -> Cow<'_, str> {
    let visible = text.bytes().all(|b| (b' '..=b'~').contains(&b));
    let padded = text.is_empty() || text.starts_with(' ') || text.ends_with(' ');
    let looks_encoded = text.starts_with(OPEN) && text.ends_with(CLOSE);
    let plain = visible && !padded && !looks_encoded;
    if plain { Cow::Borrowed(text) } else { Cow::Owned(format!("{OPEN}{}{CLOSE}", STANDARD.encode(text))) }
}
