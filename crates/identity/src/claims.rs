//! Reading the claims of a verified token: times, audiences, scopes, groups, and whether it is an access token.

use std::sync::Arc;

use carnet_json::{Kind, Value};
use carnet_model::Region;

use crate::{ClaimPath, GroupPaths, IdentityError, IssuerRules, Overage};

/// Longest subject, client or id that is accepted, in bytes.
const MAX_NAME: usize = 1024;

pub(crate) fn shape(claim: &str) -> IdentityError {
    IdentityError::ClaimShape { claim: claim.into() }
}

/// A text claim; absent, `null` and empty are alike.
pub(crate) fn text_at(root: Value<'_>, path: &ClaimPath) -> Result<Option<Arc<str>>, IdentityError> {
    let Some(value) = path.find(root) else { return Ok(None) };
    let text = value.as_str().filter(|t| t.len() <= MAX_NAME).ok_or_else(|| shape(path.text()))?;
    Ok((!text.is_empty()).then(|| Arc::from(&*text)))
}

pub(crate) fn text(root: Value<'_>, claim: &str) -> Result<Option<Arc<str>>, IdentityError> {
    text_at(root, &ClaimPath::name(claim))
}

/// A NumericDate (RFC 7519, 2): seconds, perhaps with a fraction, which is dropped.
pub(crate) fn date(root: Value<'_>, claim: &str) -> Result<Option<i64>, IdentityError> {
    let Some(value) = root.get(claim) else { return Ok(None) };
    if value.kind() != Kind::Number {
        return Err(shape(claim));
    }
    if let Some(whole) = value.as_i64() {
        return Ok(Some(whole));
    }
    let number: f64 = value.raw_str().parse().map_err(|_| shape(claim))?;
    if !number.is_finite() || number.abs() > 1e15 {
        return Err(shape(claim));
    }
    #[allow(clippy::cast_possible_truncation)]
    Ok(Some(number.floor() as i64))
}

/// `aud`: one text or a list of texts.
pub(crate) fn audiences(root: Value<'_>) -> Result<Vec<Arc<str>>, IdentityError> {
    let Some(value) = root.get("aud") else {
        return Err(IdentityError::ClaimMissing { claim: "aud".into() });
    };
    texts(value).ok_or_else(|| shape("aud"))
}

/// A text as a list of one, or a list of texts; none for anything else.
fn texts(value: Value<'_>) -> Option<Vec<Arc<str>>> {
    match value.kind() {
        Kind::String => value.as_str().map(|t| vec![Arc::from(&*t)]),
        Kind::Array => value.items().map(|v| v.as_str().map(|t| Arc::from(&*t))).collect(),
        _ => None,
    }
}

/// `scope` (RFC 8693, 4.2: one text with spaces) and `scp` (Entra ID: a text, Okta: a list), joined.
pub(crate) fn scopes(root: Value<'_>) -> Result<Vec<Arc<str>>, IdentityError> {
    let mut all = Vec::new();
    for claim in ["scope", "scp"] {
        let Some(value) = root.get(claim).filter(|v| v.kind() != Kind::Null) else { continue };
        let list = texts(value).ok_or_else(|| shape(claim))?;
        all.extend(list.iter().flat_map(|t| t.split_ascii_whitespace()).map(Arc::from));
    }
    all.sort();
    all.dedup();
    Ok(all)
}

/// The groups, and whether the provider left some out. A claim of another form is an error: an unreadable group
/// must not become an absent one, because a `forbid` may hang on it.
pub(crate) fn groups(root: Value<'_>, rules: &IssuerRules) -> Result<(Vec<Arc<str>>, bool), IdentityError> {
    let mut all = Vec::new();
    let mut incomplete = false;
    for path in &rules.groups {
        if left_out(root, path.first()) {
            if rules.overage == Overage::Refuse {
                return Err(IdentityError::GroupOverage);
            }
            incomplete = true;
        }
        let Some(value) = path.find(root) else { continue };
        for name in texts(value).ok_or_else(|| shape(path.text()))? {
            add_group(&mut all, name, rules.group_paths);
        }
    }
    all.sort();
    all.dedup();
    Ok((all, incomplete))
}

/// Distributed claims (OpenID Connect Core, 5.6.2), as Entra ID uses them for overage, and its older `hasgroups`.
fn left_out(root: Value<'_>, claim: &str) -> bool {
    let distributed = root.get("_claim_names").is_some_and(|names| names.get(claim).is_some());
    let flagged = root.get("hasgroups").is_some_and(|v| v.as_bool() == Some(true) || v.is_str("true"));
    distributed || (flagged && claim == "groups")
}

fn add_group(all: &mut Vec<Arc<str>>, name: Arc<str>, paths: GroupPaths) {
    match paths {
        GroupPaths::Keep => all.push(name),
        GroupPaths::Trim => all.push(name.strip_prefix('/').map_or_else(|| name.clone(), Arc::from)),
        GroupPaths::WithParents => {
            if name.starts_with('/') {
                let parents = name.match_indices('/').skip(1).filter_map(|(at, _)| name.get(..at));
                all.extend(parents.map(Arc::from));
            }
            all.push(name);
        }
    }
}

/// The region: what the token says, else what the rules say.
pub(crate) fn region(root: Value<'_>, rules: &IssuerRules) -> Result<Option<Region>, IdentityError> {
    let Some(path) = &rules.region_claim else { return Ok(rules.region.clone()) };
    let Some(name) = text_at(root, path)? else { return Ok(rules.region.clone()) };
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if name.len() > 64 || !name.chars().all(plain) {
        return Err(shape(path.text()));
    }
    Ok(Some(Region::new(&name)))
}

/// Refuses what was clearly not issued as an access token (RFC 8725, 3.11 and 3.12; RFC 9068, 4).
///
/// A header `typ` of `at+jwt` settles it. Otherwise these are telling: Keycloak's own `typ` claim; `events` (logout
/// and security event tokens); the hashes that only ID tokens have; a `nonce` without anything that grants access
/// (old Keycloak puts a nonce into access tokens too).
pub(crate) fn refuse_other_tokens(
    root: Value<'_>,
    at_jwt: bool,
    rules: &IssuerRules,
) -> Result<(), IdentityError> {
    if rules.require_at_jwt && !at_jwt {
        return Err(IdentityError::TokenType);
    }
    let has = |claim: &str| root.get(claim).is_some();
    let keycloak = root.get("typ").and_then(|v| v.as_str());
    if has("events") || matches!(keycloak.as_deref(), Some("Refresh" | "Offline" | "Logout")) {
        return Err(IdentityError::NotAccessToken);
    }
    if at_jwt || rules.accept_id_tokens {
        return Ok(());
    }
    let grants = has("scope") || has("scp") || keycloak.as_deref() == Some("Bearer");
    let hashes = ["at_hash", "c_hash", "s_hash"].iter().any(|c| has(c));
    if hashes || keycloak.as_deref() == Some("ID") || (has("nonce") && !grants) {
        return Err(IdentityError::NotAccessToken);
    }
    Ok(())
}

/// A token bound to a key (RFC 7800: DPoP, mutual TLS) is worth nothing without that key.
pub(crate) fn refuse_bound(root: Value<'_>, rules: &IssuerRules) -> Result<(), IdentityError> {
    let bound = root.get("cnf").is_some_and(|v| v.kind() != Kind::Null);
    if bound && !rules.accept_bound_as_bearer { Err(IdentityError::SenderConstrained) } else { Ok(()) }
}
