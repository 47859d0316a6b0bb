//! The check of one token, in this order: size, cache, form, issuer, key and signature, claims; and then what
//! may change while a token lives (time, audience, scopes, key withdrawn, revoked), which is checked
//! every time, by the same code, whether the signature was found in the cache or not.

use std::sync::Arc;

use carnet_json::Value;
use carnet_model::{AuthMethod, Identity, IdentityKind, Principal};

use crate::cache::VerifiedCache;
use crate::claims;
use crate::jws::{self, Parts};
use crate::keys::{KeyId, KeySource};
use crate::revoke::{NoRevocations, Revocations};
use crate::{IdentityError, IssuerRules, TokenHash, Verified, act, kind};

/// Longest token that is looked at, in bytes. Entra ID's largest are near 8 KiB.
pub const MAX_TOKEN_BYTES: usize = 16 << 10;

/// Everything that a token is checked against. Cheap to make for each request.
#[derive(Clone, Copy)]
pub struct Verifier<'a> {
    /// The accepted issuers. Two entries may have one issuer: the one whose audience fits applies.
    pub rules: &'a [IssuerRules],
    /// Their keys.
    pub keys: &'a dyn KeySource,
    /// Tokens refused in spite of a good signature.
    pub revocations: &'a dyn Revocations,
    /// Signatures verified before. It belongs to these rules: new rules, new cache.
    pub cache: Option<&'a VerifiedCache>,
}

impl std::fmt::Debug for Verifier<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verifier").field("issuers", &self.rules.len()).finish_non_exhaustive()
    }
}

/// Checks one token without a deny list; see [`Verifier::verify`].
///
/// # Errors
/// The rule that failed.
pub fn verify(
    token: &str,
    rules: &[IssuerRules],
    keys: &dyn KeySource,
    now_unix: i64,
    cache: Option<&VerifiedCache>,
) -> Result<Arc<Verified>, IdentityError> {
    Verifier { rules, keys, revocations: &NoRevocations, cache }.verify(token, now_unix)
}

impl Verifier<'_> {
    /// Checks one token at one time (seconds since 1970).
    ///
    /// # Errors
    /// The rule that failed.
    pub fn verify(&self, token: &str, now_unix: i64) -> Result<Arc<Verified>, IdentityError> {
        if token.is_empty() {
            return Err(IdentityError::Missing);
        }
        if token.len() > MAX_TOKEN_BYTES {
            return Err(IdentityError::TooLarge { limit: MAX_TOKEN_BYTES });
        }
        let hash = TokenHash::of(token);
        if let Some(known) = self.cache.and_then(|c| c.get(&hash)) {
            self.check_now(&known, now_unix)?;
            return Ok(known);
        }
        let fresh = Arc::new(self.check_signature(token, hash)?);
        self.check_now(&fresh, now_unix)?;
        if let Some(cache) = self.cache {
            cache.put(fresh.clone(), now_unix);
        }
        Ok(fresh)
    }

    /// Checks a token and the token of the agent that acts for its subject. Both must be good here by themselves;
    /// the actor must be a workload and must not contradict the token's `act` or `may_act`.
    ///
    /// # Errors
    /// The rule that failed, for the actor's token inside [`IdentityError::Actor`].
    pub fn verify_delegated(
        &self,
        token: &str,
        actor_token: &str,
        now_unix: i64,
    ) -> Result<Arc<Verified>, IdentityError> {
        let subject = self.verify(token, now_unix)?;
        let actor = self.verify(actor_token, now_unix).map_err(|e| IdentityError::Actor(Box::new(e)))?;
        delegate(&subject, &actor).map(Arc::new)
    }

    /// What does not change while the token and the rules stay the same.
    fn check_signature(&self, token: &str, hash: TokenHash) -> Result<Verified, IdentityError> {
        let parts = jws::split(token)?;
        let root = parts.payload_tape.root(&parts.payload);
        let issuer =
            claims::text(root, "iss")?.ok_or_else(|| IdentityError::ClaimMissing { claim: "iss".into() })?;
        let first = self.rules.iter().find(|r| r.issuer == issuer).ok_or(IdentityError::UnknownIssuer)?;
        // The audience chooses between rules of one issuer; it is checked for good in `check_now`.
        let audiences = claims::audiences(root)?;
        let fits = |r: &IssuerRules| r.issuer == issuer && r.accepts_audience(&audiences);
        let (at, rules) = self
            .rules
            .iter()
            .enumerate()
            .find(|(_, r)| fits(r))
            .unwrap_or((self.rules.iter().position(|r| r.issuer == issuer).unwrap_or_default(), first));
        let set = self
            .keys
            .keys(&rules.issuer)
            .ok_or_else(|| IdentityError::NoKeys { issuer: rules.issuer.clone() })?;
        let key = parts.verified_by(rules, &set)?.id();
        let mut verified = read_claims(&parts, root, rules, hash, key)?;
        verified.audiences = audiences;
        verified.rule = at;
        Ok(verified)
    }

    /// What may change while the token stays the same.
    fn check_now(&self, v: &Verified, now: i64) -> Result<(), IdentityError> {
        let rules = self
            .rules
            .get(v.rule)
            .filter(|r| r.issuer == v.principal.identity.issuer)
            .ok_or(IdentityError::UnknownIssuer)?;
        let key = v.key.ok_or(IdentityError::KeyWithdrawn)?;
        let set = self
            .keys
            .keys(&rules.issuer)
            .ok_or_else(|| IdentityError::NoKeys { issuer: rules.issuer.clone() })?;
        if !set.contains(key) {
            return Err(IdentityError::KeyWithdrawn);
        }
        check_times(v, now, rules.skew)?;
        if !rules.accepts_audience(&v.audiences) {
            return Err(IdentityError::Audience);
        }
        if self.revocations.is_revoked(v) {
            return Err(IdentityError::Revoked);
        }
        let has = |scope: &Arc<str>| v.principal.scopes.binary_search(scope).is_ok();
        if !rules.required_scopes.iter().all(has) {
            return Err(IdentityError::InsufficientScope { required: rules.required_scopes.clone() });
        }
        Ok(())
    }
}

/// RFC 7519, 4.1.4 to 4.1.6, with the allowed difference of clocks.
fn check_times(v: &Verified, now: i64, skew: i64) -> Result<(), IdentityError> {
    let latest = now.saturating_add(skew);
    if v.expires.is_none_or(|exp| now >= exp.saturating_add(skew)) {
        return Err(IdentityError::Expired);
    }
    if v.not_before.is_some_and(|nbf| nbf > latest) {
        return Err(IdentityError::NotYetValid);
    }
    if v.issued.is_some_and(|iat| iat > latest) {
        return Err(IdentityError::IssuedInFuture);
    }
    Ok(())
}

fn read_claims(
    parts: &Parts<'_>,
    root: Value<'_>,
    rules: &IssuerRules,
    token_hash: TokenHash,
    key: KeyId,
) -> Result<Verified, IdentityError> {
    claims::refuse_other_tokens(root, parts.header.at_jwt, rules)?;
    claims::refuse_bound(root, rules)?;
    let expires =
        claims::date(root, "exp")?.ok_or_else(|| IdentityError::ClaimMissing { claim: "exp".into() })?;
    let client = client(root, rules)?;
    let (principal, groups_incomplete, actors) = read_principal(root, rules, client.as_deref())?;
    Ok(Verified {
        principal: Arc::new(principal),
        actors,
        expires: Some(expires),
        not_before: claims::date(root, "nbf")?,
        issued: claims::date(root, "iat")?,
        token_hash,
        token_id: claims::text(root, "jti")?,
        session_id: claims::text(root, "sid")?,
        client,
        audiences: Vec::new(),
        groups_incomplete,
        may_act: act::may_act(root)?,
        key: Some(key),
        rule: 0,
    })
}

fn client(root: Value<'_>, rules: &IssuerRules) -> Result<Option<Arc<str>>, IdentityError> {
    for path in &rules.client {
        if let Some(client) = claims::text_at(root, path)? {
            return Ok(Some(client));
        }
    }
    Ok(None)
}

fn read_principal(
    root: Value<'_>,
    rules: &IssuerRules,
    client: Option<&str>,
) -> Result<(Principal, bool, Vec<Identity>), IdentityError> {
    let subject = claims::text_at(root, &rules.subject)?
        .ok_or_else(|| IdentityError::ClaimMissing { claim: rules.subject.text().clone() })?;
    let identity = Identity { kind: kind::kind(root, client, rules), issuer: rules.issuer.clone(), subject };
    let actors = act::actors(root, rules)?;
    let (groups, incomplete) = claims::groups(root, rules)?;
    let purpose = match &rules.purpose_claim {
        Some(path) => claims::text_at(root, path)?,
        None => None,
    };
    let principal = Principal {
        agent: actors.first().cloned(),
        groups,
        scopes: claims::scopes(root)?,
        region: claims::region(root, rules)?,
        purpose,
        ..Principal::new(identity, AuthMethod::Jwt)
    };
    Ok((principal, incomplete, actors))
}

/// The subject's token with the actor's identity in it.
fn delegate(subject: &Verified, actor: &Verified) -> Result<Verified, IdentityError> {
    let agent = &actor.principal.identity;
    if agent.kind != IdentityKind::Workload || actor.principal.agent.is_some() {
        return Err(IdentityError::ActorNotWorkload);
    }
    let named = |(sub, iss): &(Arc<str>, Option<Arc<str>>)| {
        *sub == agent.subject && *iss.as_ref().unwrap_or(&subject.principal.identity.issuer) == agent.issuer
    };
    if subject.may_act.as_ref().is_some_and(|m| !named(m))
        || subject.principal.agent.as_ref().is_some_and(|a| a != agent)
        || subject.principal.identity == *agent
    {
        return Err(IdentityError::ActorMismatch);
    }
    let mut both = subject.clone();
    if both.actors.is_empty() {
        both.actors.push(agent.clone());
    }
    both.principal = Arc::new(Principal { agent: Some(agent.clone()), ..(*subject.principal).clone() });
    both.expires = subject.expires.min(actor.expires);
    Ok(both)
}
