//! Who may call: issuers, static tokens, anonymous callers.

use std::collections::BTreeMap;
use std::sync::Arc;

use carnet_model::IdentityKind;

use super::Resolver;
use crate::resolved::{
    AnonymousConfig, ClaimPaths, IdentityConfig, IssuerConfig, Listener, SignatureAlgorithm, TokenConfig,
};
use crate::scalar;
use crate::view::View;

impl Resolver<'_, '_> {
    pub(crate) fn identity(&mut self, view: View<'_>, listeners: &[Listener]) -> IdentityConfig {
        let issuers = view.get("issuers").items().filter_map(|v| self.issuer(v)).collect();
        self.no_duplicates(view.get("issuers"), "issuer", "issuers");
        let tokens = view.get("tokens").items().filter_map(|v| self.token(v)).collect();
        self.no_duplicates(view.get("tokens"), "name", "tokens");
        self.no_duplicates(view.get("tokens"), "sha256", "tokens");
        let anonymous = self.anonymous(view.get("anonymous"), listeners);
        let identity = IdentityConfig { issuers, tokens, anonymous };
        if identity == IdentityConfig::default() && !self.report.has_errors() {
            let help = "give `identity` an issuer, a token or, on loopback, `anonymous`";
            self.report.warn(
                view.at(),
                "nobody can call: no way to identify is configured",
                Some(help.into()),
            );
        }
        identity
    }

    fn no_duplicates(&mut self, list: View<'_>, key: &str, what: &str) {
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        for value in list.items().map(|v| v.get(key)) {
            let Some(text) = value.text() else { continue };
            if let Some(line) = seen.insert(text.to_ascii_lowercase(), value.at().line) {
                let help = Some(format!("the other one is in line {line}"));
                self.report.error(value.at(), format!("two {what} have the same `{key}`"), help);
            }
        }
    }

    fn issuer(&mut self, view: View<'_>) -> Option<IssuerConfig> {
        let help = "keys fetched without TLS could be anybody's: use https";
        self.no_plaintext(view.get("issuer"), false, help);
        self.no_plaintext(view.get("jwks_uri"), false, help);
        let audiences = view.get("audiences");
        if audiences.given() && audiences.items().next().is_none() {
            let help = "a token for anybody would be accepted: name this gateway's audience";
            self.report.error(audiences.at(), "`audiences` is empty", Some(help.into()));
        }
        Some(IssuerConfig {
            issuer: view.get("issuer").shared()?,
            audiences: audiences.texts(),
            jwks_uri: view.get("jwks_uri").string(),
            algorithms: self.algorithms(view.get("algorithms")),
            claims: claims(view.get("claims")),
            required_scopes: view.get("required_scopes").texts(),
            ca: view.get("ca").path(self.source.folder),
            region: view.get("region").region(),
        })
    }

    fn algorithms(&mut self, view: View<'_>) -> Vec<SignatureAlgorithm> {
        if !view.given() {
            return vec![SignatureAlgorithm::RS256, SignatureAlgorithm::ES256];
        }
        let named =
            |v: View<'_>| SignatureAlgorithm::ALL.iter().copied().find(|a| Some(a.as_str()) == v.text());
        if view.items().next().is_none() {
            self.report.error(view.at(), "`algorithms` is empty: no token could be accepted", None);
        }
        view.items().filter_map(named).collect()
    }

    fn token(&mut self, view: View<'_>) -> Option<TokenConfig> {
        let expires = view.get("expires").text().and_then(scalar::time)?;
        if expires <= self.source.now {
            let name = view.get("name").text().unwrap_or_default();
            let help = Some("it is refused; take it out or set another time".to_owned());
            self.report.warn(view.get("expires").at(), format!("the token `{name}` has expired"), help);
        }
        Some(TokenConfig {
            name: view.get("name").shared()?,
            sha256: view.get("sha256").text().and_then(scalar::sha256)?,
            subject: view.get("subject").shared()?,
            kind: kind(view.get("kind"), IdentityKind::Workload),
            groups: groups(view.get("groups")),
            expires,
            purpose: view.get("purpose").shared(),
            region: view.get("region").region(),
        })
    }

    fn anonymous(&mut self, view: View<'_>, listeners: &[Listener]) -> Option<AnonymousConfig> {
        if view.given() && listeners.iter().any(|l| !l.address.ip().is_loopback()) {
            let help = "take out `anonymous`, or bind every listener to 127.0.0.1 or [::1]";
            let message = "anonymous callers are only accepted when every listener is loopback";
            self.report.error(view.at(), message, Some(help.into()));
        }
        Some(AnonymousConfig {
            subject: view.get("subject").shared()?,
            kind: kind(view.get("kind"), IdentityKind::User),
            groups: groups(view.get("groups")),
        })
    }
}

fn kind(view: View<'_>, default: IdentityKind) -> IdentityKind {
    match view.text() {
        Some("user") => IdentityKind::User,
        Some("workload") => IdentityKind::Workload,
        _ => default,
    }
}

/// Sorted, without duplicates, as a principal has them.
fn groups(view: View<'_>) -> Vec<Arc<str>> {
    let mut groups = view.texts();
    groups.sort();
    groups.dedup();
    groups
}

fn claims(view: View<'_>) -> ClaimPaths {
    let or = |key: &str, default: &str| view.get(key).claim().unwrap_or_else(|| vec![default.to_owned()]);
    ClaimPaths {
        groups: or("groups", "groups"),
        subject: or("subject", "sub"),
        client: view.get("client").claim(),
        region: view.get("region").claim(),
        purpose: view.get("purpose").claim(),
        actor: or("actor", "act"),
    }
}
