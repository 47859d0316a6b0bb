//! Tokens, subjects and sessions that are refused although their signature is good.

use std::collections::HashSet;
use std::sync::Arc;

use crate::{TokenHash, Verified};

/// A deny list, asked on every request, cached token or not. Must be quick: it is on the path of every call.
pub trait Revocations: Send + Sync {
    /// Whether this token is refused.
    fn is_revoked(&self, verified: &Verified) -> bool;
}

/// Nothing is revoked.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoRevocations;

impl Revocations for NoRevocations {
    fn is_revoked(&self, _: &Verified) -> bool {
        false
    }
}

/// A deny list in memory.
#[derive(Clone, Default)]
pub struct DenyList {
    /// Token ids (`jti`) with their issuer.
    pub token_ids: HashSet<(Arc<str>, Arc<str>)>,
    /// Subjects with their issuer. A subject is refused as the person and as an agent.
    pub subjects: HashSet<(Arc<str>, Arc<str>)>,
    /// Provider sessions (`sid`) with their issuer.
    pub sessions: HashSet<(Arc<str>, Arc<str>)>,
    /// Whole tokens by their hash.
    pub tokens: HashSet<TokenHash>,
}

impl std::fmt::Debug for DenyList {
    /// Sizes only: subjects are persons.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DenyList")
            .field("token_ids", &self.token_ids.len())
            .field("subjects", &self.subjects.len())
            .field("sessions", &self.sessions.len())
            .field("tokens", &self.tokens.len())
            .finish()
    }
}

impl Revocations for DenyList {
    fn is_revoked(&self, v: &Verified) -> bool {
        let issuer = &v.principal.identity.issuer;
        let listed = |set: &HashSet<(Arc<str>, Arc<str>)>, id: &Option<Arc<str>>| {
            !set.is_empty() && id.as_ref().is_some_and(|id| set.contains(&(issuer.clone(), id.clone())))
        };
        let subject =
            |who: &carnet_model::Identity| self.subjects.contains(&(who.issuer.clone(), who.subject.clone()));
        listed(&self.token_ids, &v.token_id)
            || listed(&self.sessions, &v.session_id)
            || self.tokens.contains(&v.token_hash)
            || !self.subjects.is_empty() && (subject(&v.principal.identity) || v.actors.iter().any(subject))
    }
}
