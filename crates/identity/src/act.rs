//! Who acts for the subject: the `act` claim (RFC 8693, 4.1), nested for a chain, and `may_act` (4.4).

use std::sync::Arc;

use carnet_json::{Kind, Value};
use carnet_model::{Identity, IdentityKind};

use crate::{IdentityError, IssuerRules};

/// Longest chain of actors.
const MAX_CHAIN: usize = 8;

/// The actors, the current one first. An actor is a workload: a person who acts for a person has a token of
/// their own. Without an issuer of its own an actor belongs to the token's.
pub(crate) fn actors(root: Value<'_>, rules: &IssuerRules) -> Result<Vec<Identity>, IdentityError> {
    let mut chain = Vec::new();
    let mut next = rules.actor.find(root);
    while let Some(act) = next {
        if chain.len() >= MAX_CHAIN {
            return Err(IdentityError::ActorShape);
        }
        let plain = if rules.actor.first() == "act" { None } else { act.as_str().filter(|t| !t.is_empty()) };
        let (subject, named) = match plain {
            Some(text) => (Arc::from(&*text), None),
            None => party(act)?,
        };
        let issuer = named.unwrap_or_else(|| rules.issuer.clone());
        chain.push(Identity { kind: IdentityKind::Workload, issuer, subject });
        next = act.get("act").filter(|v| v.kind() != Kind::Null);
    }
    Ok(chain)
}

/// Subject and issuer of `may_act`.
#[allow(clippy::type_complexity)]
pub(crate) fn may_act(root: Value<'_>) -> Result<Option<(Arc<str>, Option<Arc<str>>)>, IdentityError> {
    root.get("may_act").filter(|v| v.kind() != Kind::Null).map(party).transpose()
}

fn party(value: Value<'_>) -> Result<(Arc<str>, Option<Arc<str>>), IdentityError> {
    if value.kind() != Kind::Object {
        return Err(IdentityError::ActorShape);
    }
    let text = |claim: &str| match value.get(claim) {
        None => Ok(None),
        Some(v) => match v.as_str() {
            Some(t) if !t.is_empty() && t.len() <= 1024 => Ok(Some(Arc::from(&*t))),
            _ => Err(IdentityError::ActorShape),
        },
    };
    // Some providers name the acting client and no subject.
    let subject = match text("sub")? {
        Some(subject) => Some(subject),
        None => text("client_id")?,
    };
    Ok((subject.ok_or(IdentityError::ActorShape)?, text("iss")?))
}
