//! What a client is told so that it can start its login: the `WWW-Authenticate` header (RFC 6750, 3; RFC 9728, 5.1)
//! and the protected resource metadata (RFC 9728, 2).

use std::sync::Arc;

use carnet_json::quote;

use crate::IdentityError;

/// An HTTP status and, except for a 503, the header that goes with it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Challenge {
    /// 401, 403 or 503.
    pub status: u16,
    /// The value of `WWW-Authenticate`.
    pub www_authenticate: Option<String>,
    /// The short outward sentence, for the body.
    pub description: &'static str,
}

/// The answer to a caller who was not identified. `resource_metadata` is the URL of this resource's metadata,
/// `scopes` what a client should ask for (MCP 2025-11-25: the scopes needed for the present request).
#[must_use]
pub fn challenge(error: &IdentityError, resource_metadata: Option<&str>, scopes: &[Arc<str>]) -> Challenge {
    let outward = error.outward();
    let scopes = match error {
        IdentityError::InsufficientScope { required } => required,
        _ => scopes,
    };
    let mut parts = Vec::new();
    if let Some(code) = outward.error {
        parts.push(format!("error=\"{code}\""));
        parts.push(format!("error_description=\"{}\"", outward.description));
    }
    if let Some(url) = resource_metadata {
        parts.push(format!("resource_metadata=\"{}\"", quotable(url)));
    }
    if !scopes.is_empty() {
        parts.push(format!("scope=\"{}\"", quotable(&scopes.join(" "))));
    }
    let space = if parts.is_empty() { "" } else { " " };
    let header = format!("Bearer{space}{}", parts.join(", "));
    Challenge {
        status: outward.status,
        www_authenticate: (outward.status != 503).then_some(header),
        description: outward.description,
    }
}

/// What may stand between quotes in a header without escaping. Configured text has nothing else in it.
fn quotable(text: &str) -> String {
    text.chars().filter(|c| matches!(c, ' '..='~') && !matches!(c, '"' | '\\')).collect()
}

/// The facts of a protected resource.
#[derive(Clone, Debug, Default)]
pub struct ResourceMetadata<'a> {
    /// The resource's own URL, which must be the one that clients use.
    pub resource: &'a str,
    /// Issuers whose tokens are accepted.
    pub authorization_servers: &'a [Arc<str>],
    /// Scopes that a client may ask for.
    pub scopes: &'a [Arc<str>],
    /// A name for people.
    pub name: Option<&'a str>,
    /// A page for developers.
    pub documentation: Option<&'a str>,
}

/// The metadata document as JSON.
#[must_use]
pub fn protected_resource_metadata(facts: &ResourceMetadata<'_>) -> String {
    let list = |items: &[Arc<str>]| items.iter().map(|i| quote(i)).collect::<Vec<_>>().join(",");
    let mut members = vec![
        format!("\"resource\":{}", quote(facts.resource)),
        format!("\"authorization_servers\":[{}]", list(facts.authorization_servers)),
        "\"bearer_methods_supported\":[\"header\"]".to_owned(),
    ];
    if !facts.scopes.is_empty() {
        members.push(format!("\"scopes_supported\":[{}]", list(facts.scopes)));
    }
    if let Some(name) = facts.name {
        members.push(format!("\"resource_name\":{}", quote(name)));
    }
    if let Some(page) = facts.documentation {
        members.push(format!("\"resource_documentation\":{}", quote(page)));
    }
    format!("{{{}}}", members.join(","))
}
