//! A principal made ready for decisions: its Cedar entities and a digest, built once per token and reused.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use carnet_model::{AuthMethod, Identity, IdentityKind, Principal, Region};
use cedar_policy_core::ast::{Entity, EntityUID, Value};
use sha2::{Digest, Sha256};

use crate::entity::{Attrs, TYPES, entity, region_uid, string_set, uid};

/// A principal as the policy sees it. Cheap to clone. It belongs to no snapshot: keep it beside the checked token.
///
/// Two keys are equal if and only if every fact that a policy can see is equal, groups and scopes included, so a
/// change of groups is never answered from an old decision.
#[derive(Clone)]
pub struct PrincipalKey(Arc<Inner>);

struct Inner {
    digest: [u8; 32],
    uid: EntityUID,
    ancestors: Vec<EntityUID>,
    entities: Vec<Arc<Entity>>,
    region: Region,
}

impl PrincipalKey {
    /// Makes a principal ready; some microseconds, so do it once per token.
    #[must_use]
    pub fn new(principal: &Principal) -> PrincipalKey {
        let groups: Vec<_> = principal.groups.iter().map(|g| uid(&TYPES.group, g)).collect();
        let region = principal.region.clone().unwrap_or_else(Region::unknown);
        let mut attrs = facts(&principal.identity, principal.method, &region);
        attrs.push(("scopes", string_set(principal.scopes.iter().map(AsRef::as_ref))));
        if let Some(purpose) = &principal.purpose {
            attrs.push(("purpose", Value::from(purpose.as_ref())));
        }
        let mut entities = Vec::with_capacity(2);
        if let Some(agent) = &principal.agent {
            attrs.push(("agent", Value::from(identity_uid(agent))));
            // A program that acts for itself is one entity, not two that disagree.
            if identity_uid(agent) != identity_uid(&principal.identity) {
                let mut own = facts(agent, principal.method, &Region::unknown());
                own.push(("scopes", string_set([])));
                entities.push(entity(identity_uid(agent), own, HashSet::new()));
            }
        }
        let uid = identity_uid(&principal.identity);
        entities.push(entity(uid.clone(), attrs, groups.iter().cloned().collect()));
        PrincipalKey(Arc::new(Inner { digest: digest(principal), uid, ancestors: groups, entities, region }))
    }

    /// A hash of everything a policy can see of the principal.
    #[must_use]
    pub fn digest(&self) -> &[u8; 32] {
        &self.0.digest
    }

    pub(crate) fn uid(&self) -> &EntityUID {
        &self.0.uid
    }

    pub(crate) fn groups(&self) -> &[EntityUID] {
        &self.0.ancestors
    }

    pub(crate) fn entities(&self) -> &[Arc<Entity>] {
        &self.0.entities
    }

    pub(crate) fn region(&self) -> &Region {
        &self.0.region
    }
}

impl PartialEq for PrincipalKey {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.digest == other.0.digest
    }
}

impl Eq for PrincipalKey {}

impl fmt::Debug for PrincipalKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrincipalKey")
    }
}

/// The id that policies use for an identity: `issuer|subject`.
///
/// `%` and `|` in the issuer are written `%25` and `%7C`, so the first `|` always ends the issuer and no two
/// identities share an id, whatever the subject contains.
#[must_use]
pub fn identity_id(identity: &Identity) -> String {
    let issuer = identity.issuer.replace('%', "%25").replace('|', "%7C");
    format!("{issuer}|{}", identity.subject)
}

fn identity_uid(identity: &Identity) -> EntityUID {
    let ty = match identity.kind {
        IdentityKind::User => &TYPES.user,
        IdentityKind::Workload => &TYPES.workload,
    };
    uid(ty, &identity_id(identity))
}

fn facts(identity: &Identity, method: AuthMethod, region: &Region) -> Attrs {
    vec![
        ("issuer", Value::from(identity.issuer.as_ref())),
        ("subject", Value::from(identity.subject.as_ref())),
        ("method", Value::from(method.as_str())),
        ("region", Value::from(region_uid(region))),
    ]
}

/// Every part goes in with its length, so that no two principals have the same input.
fn digest(p: &Principal) -> [u8; 32] {
    let mut hash = Sha256::new();
    let mut part = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
    };
    for identity in std::iter::once(&p.identity).chain(&p.agent) {
        part(&[u8::from(identity.kind == IdentityKind::User)]);
        part(identity.issuer.as_bytes());
        part(identity.subject.as_bytes());
    }
    for list in [&p.groups, &p.scopes] {
        part(&(list.len() as u64).to_be_bytes());
        list.iter().for_each(|item| part(item.as_bytes()));
    }
    part(p.method.as_str().as_bytes());
    part(&[u8::from(p.agent.is_some()), u8::from(p.region.is_some()), u8::from(p.purpose.is_some())]);
    part(p.region.as_ref().map_or("", Region::as_str).as_bytes());
    part(p.purpose.as_deref().unwrap_or_default().as_bytes());
    hash.finalize().into()
}
