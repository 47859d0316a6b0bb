//! identify: from the headers of a request to a caller. The token is checked on every request; what is cached is the work
//! of its signature, never the answer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use carnet_config::{IdentityConfig, SignatureAlgorithm};
use carnet_gate::Caller;
use carnet_identity::{
    Algorithm, ClaimPath, IdentityError, IssuerRules, NoRevocations, StaticToken, StaticTokens, TokenHash,
    Verified, VerifiedCache, Verifier,
};
use carnet_model::{AuthMethod, Identity, IdentityKind, Principal};
use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::credentials::resolve;
use crate::keys::{KeyOrigin, KeySettings, KeyStore};
use crate::outbound::{Outbound, OutboundLimits};
use crate::tls;

/// Tokens whose signatures are remembered.
const CACHED: usize = 10_000;

/// Callers by the hash of their token, with the check that they were prepared from.
type Prepared = HashMap<TokenHash, (Arc<Verified>, Arc<Caller>)>;

/// Who may call, made ready.
pub struct Identities {
    rules: Vec<IssuerRules>,
    /// The issuers' keys.
    pub keys: Arc<KeyStore>,
    cache: VerifiedCache,
    statics: StaticTokens,
    anonymous: Option<Arc<Caller>>,
    callers: Mutex<Prepared>,
    /// Issuers, for the metadata document.
    pub issuers: Vec<Arc<str>>,
    /// Scopes a client should ask for.
    pub scopes: Vec<Arc<str>>,
}

impl Identities {
    /// Prepares a configuration. Nothing is fetched yet.
    ///
    /// # Errors
    /// A sentence for each thing that cannot be used.
    pub fn load(config: &IdentityConfig) -> Result<Identities, Vec<String>> {
        let mut errors = Vec::new();
        let mut origins = Vec::new();
        let mut rules = Vec::new();
        for issuer in &config.issuers {
            match rules_of(issuer) {
                Ok(r) => rules.push(r),
                Err(e) => errors.push(format!("issuer {}: {e}", issuer.issuer)),
            }
            match origin_of(issuer) {
                Ok(o) => origins.push(o),
                Err(e) => errors.push(format!("issuer {}: {e}", issuer.issuer)),
            }
        }
        let tokens: Vec<_> = config.tokens.iter().map(static_token).collect();
        let statics = StaticTokens::new(&tokens).unwrap_or_else(|e| {
            errors.push(e.to_string());
            StaticTokens::default()
        });
        if !errors.is_empty() {
            return Err(errors);
        }
        let anonymous = config.anonymous.as_ref().map(|a| {
            let identity =
                Identity { kind: a.kind, issuer: "carnet:local".into(), subject: a.subject.clone() };
            let mut principal = Principal::new(identity, AuthMethod::Anonymous);
            principal.groups.clone_from(&a.groups);
            principal.groups.sort();
            principal.groups.dedup();
            Arc::new(Caller::new(principal, None))
        });
        let mut scopes: Vec<_> =
            config.issuers.iter().flat_map(|i| i.required_scopes.iter().cloned()).collect();
        scopes.sort();
        scopes.dedup();
        Ok(Identities {
            rules,
            keys: Arc::new(KeyStore::new(origins, KeySettings::default())),
            cache: VerifiedCache::new(CACHED),
            statics,
            anonymous,
            callers: Mutex::default(),
            issuers: config.issuers.iter().map(|i| i.issuer.clone()).collect(),
            scopes,
        })
    }

    /// The caller of a request.
    ///
    /// # Errors
    /// The rule that failed.
    pub async fn identify(&self, headers: &HeaderMap, now: i64) -> Result<Arc<Caller>, IdentityError> {
        let Some(token) = bearer(headers)? else {
            return self.anonymous.clone().ok_or(IdentityError::Missing);
        };
        let verified = if StaticTokens::looks_static(token) {
            self.statics.verify(token, now, &NoRevocations)?
        } else {
            let actor = headers.get("x-carnet-actor-token").and_then(|v| v.to_str().ok());
            let verifier = Verifier {
                rules: &self.rules,
                keys: &*self.keys,
                cache: Some(&self.cache),
                revocations: &NoRevocations,
            };
            self.keys.verify(&verifier, token, actor, now).await?
        };
        Ok(self.caller(verified))
    }

    /// Who signed in: the person of an ID token that was given to a client of ours, read by the rules of its issuer.
    ///
    /// # Errors
    /// The rule that failed.
    pub async fn id_token(
        &self,
        token: &str,
        issuer: &str,
        client: &str,
        now: i64,
    ) -> Result<Arc<Caller>, IdentityError> {
        let of_issuer =
            self.rules.iter().find(|r| &*r.issuer == issuer).ok_or(IdentityError::UnknownIssuer)?;
        let rules = [IssuerRules {
            audiences: vec![client.into()],
            required_scopes: Arc::new([]),
            require_at_jwt: false,
            accept_id_tokens: true,
            ..of_issuer.clone()
        }];
        let verifier =
            Verifier { rules: &rules, keys: &*self.keys, cache: None, revocations: &NoRevocations };
        let verified = self.keys.verify(&verifier, token, None, now).await?;
        Ok(Arc::new(Caller::new((*verified.principal).clone(), verified.expires)))
    }

    /// The prepared caller of a checked token. Preparing costs some microseconds, so it is done once per token.
    fn caller(&self, verified: Arc<Verified>) -> Arc<Caller> {
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, caller)) = callers.get(&verified.token_hash)
            && (Arc::ptr_eq(known, &verified) || known == &verified)
        {
            return caller.clone();
        }
        let caller = Caller::new((*verified.principal).clone(), verified.expires);
        let caller = Arc::new(caller.with_chain(&verified.actors));
        if callers.len() >= CACHED {
            callers.clear();
        }
        callers.insert(verified.token_hash, (verified, caller.clone()));
        caller
    }
}

/// The bearer token of a request; `None` without an `Authorization` header.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, IdentityError> {
    let mut all = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = all.next() else { return Ok(None) };
    // Two credentials are ambiguous.
    if all.next().is_some() {
        return Err(IdentityError::Missing);
    }
    let text = value.to_str().map_err(|_| IdentityError::Missing)?;
    match text.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(Some(token.trim())),
        _ => Err(IdentityError::Missing),
    }
}

fn rules_of(issuer: &carnet_config::IssuerConfig) -> Result<IssuerRules, String> {
    let path = |steps: &Vec<String>| ClaimPath::steps(steps).map_err(|e| e.to_string());
    let audiences: Vec<&str> = issuer.audiences.iter().map(AsRef::as_ref).collect();
    let mut rules = IssuerRules::new(&issuer.issuer, &audiences);
    if !issuer.algorithms.is_empty() {
        rules.algorithms = issuer.algorithms.iter().filter_map(|a| algorithm(*a)).collect();
    }
    let claims = &issuer.claims;
    rules.groups = vec![path(&claims.groups)?];
    rules.subject = path(&claims.subject)?;
    if let Some(client) = &claims.client {
        rules.client = vec![path(client)?];
    }
    rules.region_claim = claims.region.as_ref().map(path).transpose()?;
    rules.purpose_claim = claims.purpose.as_ref().map(path).transpose()?;
    rules.actor = path(&claims.actor)?;
    rules.required_scopes = issuer.required_scopes.clone().into();
    Ok(rules)
}

fn algorithm(a: SignatureAlgorithm) -> Option<Algorithm> {
    Algorithm::from_name(a.as_str())
}

fn origin_of(issuer: &carnet_config::IssuerConfig) -> Result<KeyOrigin, String> {
    let jwks_uri =
        issuer.jwks_uri.as_ref().map(|u| u.parse().map_err(|_| "jwks_uri is not a URL")).transpose()?;
    let client = tls::client(issuer.ca.as_deref(), None).map_err(|e| e.to_string())?;
    let outbound = Outbound::new(client, OutboundLimits::default());
    Ok(KeyOrigin { issuer: issuer.issuer.clone(), jwks_uri, outbound })
}

fn static_token(token: &carnet_config::TokenConfig) -> StaticToken {
    StaticToken {
        name: token.name.clone(),
        sha256: TokenHash(token.sha256),
        subject: token.subject.clone(),
        kind: token.kind,
        groups: token.groups.clone(),
        scopes: Vec::new(),
        expires: i64::try_from(token.expires).ok(),
        region: token.region.clone(),
        purpose: token.purpose.clone(),
    }
}

/// The caller of a stdio gateway: the local user who started it.
#[must_use]
pub fn local(subject: &str, groups: &[String]) -> Caller {
    let identity =
        Identity { kind: IdentityKind::User, issuer: "carnet:local".into(), subject: subject.into() };
    let mut principal = Principal::new(identity, AuthMethod::Local);
    principal.groups = groups.iter().map(|g| Arc::from(g.as_str())).collect();
    principal.groups.sort();
    principal.groups.dedup();
    Caller::new(principal, None)
}

/// Reads a PEM key named by the configuration.
pub(crate) fn pem(reference: &carnet_config::SecretRef) -> Result<String, String> {
    resolve(reference).map(|s| s.expose().clone()).map_err(|e| e.to_string())
}
