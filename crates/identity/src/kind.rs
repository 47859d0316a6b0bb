//! Person or program, told by the shapes that client-credentials tokens have at the common providers.

use carnet_json::Value;
use carnet_model::IdentityKind;

use crate::{IssuerRules, KindRule};

/// Claims that only a person's token has.
const PERSON: [&str; 7] =
    ["email", "preferred_username", "upn", "unique_name", "given_name", "family_name", "name"];

/// The kind of the token's subject. Unknown shapes are persons: a workload gets no more than it was shown to be.
pub(crate) fn kind(root: Value<'_>, client: Option<&str>, rules: &IssuerRules) -> IdentityKind {
    match rules.kind {
        KindRule::Always(kind) => kind,
        KindRule::Detect if is_workload(root, client) => IdentityKind::Workload,
        KindRule::Detect => IdentityKind::User,
    }
}

fn is_workload(root: Value<'_>, client: Option<&str>) -> bool {
    // Entra ID says it outright, where the optional claim is configured.
    if let Some(idtyp) = root.get("idtyp") {
        return idtyp.is_str("app");
    }
    // Auth0 names the grant.
    if let Some(gty) = root.get("gty") {
        return gty.is_str("client-credentials") || gty.items().any(|g| g.is_str("client-credentials"));
    }
    let subject = root.get("sub").and_then(|v| v.as_str()).unwrap_or_default();
    if let Some(client) = client {
        // RFC 9068, 2.2 (Okta and others); `@clients` is Auth0's older form.
        if subject == client || subject.strip_suffix("@clients") == Some(client) {
            return true;
        }
    }
    is_keycloak_service_account(root, client) || is_entra_app(root)
}

/// Keycloak: a service account is a user of a reserved name, without a browser session.
fn is_keycloak_service_account(root: Value<'_>, client: Option<&str>) -> bool {
    let name = root.get("preferred_username").and_then(|v| v.as_str()).unwrap_or_default();
    name.strip_prefix("service-account-").is_some_and(|n| client.is_some_and(|c| n.eq_ignore_ascii_case(c)))
        && root.get("sid").is_none()
        && root.get("session_state").is_none()
}

/// Entra ID without `idtyp`: the object is the subject, nothing is delegated, and there is nobody's name.
fn is_entra_app(root: Value<'_>) -> bool {
    let text = |claim: &str| root.get(claim).and_then(|v| v.as_str());
    text("oid").is_some()
        && text("oid") == text("sub")
        && root.get("scp").is_none()
        && PERSON.iter().all(|claim| root.get(claim).is_none())
}
