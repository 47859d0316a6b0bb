//! What stands beside single calls: grants for calls like one that was approved, and votes that somebody lets another cast for a
//! while. Both lie where held calls lie, and are recorded before they count.

use std::sync::Arc;

use carnet_approvals::{Account, Delegation, Event, Grant, Held, Id, Inert};
use carnet_evidence::LeafType;
use carnet_gate::Waiting;
use carnet_model::{Action, AuthMethod, Identity, IdentityKind, Principal};
use carnet_policy::PrincipalKey;
use serde::{Deserialize, Serialize};

use super::act::{Approver, NotDone};
use super::{Entry, Holds, Saved};
use crate::desk::{Clerk, Desk};
use crate::gateway::{Gateway, now};

/// A grant as it is stored: with the call that it came from, for policies to say who may take it back.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SavedGrant {
    pub(super) grant: Grant,
    pub(super) from: Saved,
}

/// A delegation as it is stored: with what policies saw of who delegated.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SavedDelegation {
    pub(super) delegation: Delegation,
    groups: Vec<String>,
    scopes: Vec<String>,
}

/// A grant as approvers see it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct GrantView {
    /// Its name: that of the request that it came from.
    pub id: Id,
    /// Whose.
    pub actor: Inert,
    /// Through which agent.
    pub agent: Option<Inert>,
    /// What for.
    pub call: Inert,
    /// Places of the arguments that may differ.
    pub free: Vec<Inert>,
    /// Until when, Unix seconds.
    pub until: i64,
    /// How often it was used, of how often.
    pub used: u32,
    /// See `used`.
    pub uses: u32,
    /// Whether it still gives anything.
    pub alive: bool,
}

/// Longest time for which a vote is delegated, seconds.
const LONGEST: u64 = 14 * 86_400;

impl Holds {
    pub(super) fn grants(&self) -> Vec<SavedGrant> {
        self.standing().grants.values().cloned().collect()
    }

    /// The grant that a call may use, with one use of it taken.
    fn take(&self, waiting: &Waiting, now: i64) -> Option<SavedGrant> {
        let binding = &waiting.request.binding;
        let mut standing = self.standing();
        let fits = |g: &&mut SavedGrant| {
            let grant = &g.grant;
            let same =
                (&grant.actor, &grant.agent, &grant.server, &grant.method, &grant.tool, &grant.fingerprint)
                    == (
                        &binding.actor,
                        &binding.agent,
                        &binding.server,
                        &binding.method,
                        &binding.tool,
                        &binding.fingerprint,
                    );
            let names = waiting.request.requirement.names();
            same && grant.policy == binding.policy
                && names.iter().all(|name| grant.names.contains(name))
                && waiting.shape.as_ref().is_some_and(|shape| grant.shape.fits(shape, &grant.terms.free))
        };
        let saved = standing.grants.values_mut().find(fits)?;
        saved.grant.take(now).then(|| saved.clone())
    }

    /// What lies under another name than a call's, so that both have one.
    fn name(id: &Id) -> [u8; 16] {
        id.0.map(|b| !b)
    }

    async fn store_grant(&self, saved: &SavedGrant) -> Result<(), NotDone> {
        let bytes = serde_json::to_vec(saved).map_err(|_| NotDone::NotRecorded)?;
        let terms = &saved.grant.terms;
        let from = u64::try_from(saved.grant.from).unwrap_or(0);
        // Whatever is stored of it later has the same end.
        let end = from.saturating_add(terms.seconds).saturating_add(1);
        self.store
            .put(Self::name(&saved.grant.id), Vec::new(), end, bytes)
            .await
            .map_err(|_| NotDone::NotRecorded)
    }
}

impl Gateway {
    /// A request was approved: where all who approved offered a grant, it stands from now on.
    pub(super) async fn granted(&self, entry: &Entry, held: &Held) {
        let Some(terms) = held.terms() else { return };
        let Ok(from) = self.holds.saved(entry) else { return };
        let Some(shape) = from.shape.clone() else { return };
        let binding = &held.request.binding;
        let grant = Grant {
            id: entry.id,
            actor: binding.actor.clone(),
            agent: binding.agent.clone(),
            server: binding.server.clone(),
            method: binding.method.clone(),
            tool: binding.tool.clone(),
            fingerprint: binding.fingerprint,
            policy: binding.policy,
            shape,
            terms,
            names: held.request.requirement.names(),
            from: now().seconds,
            used: 0,
            revoked: false,
        };
        let saved = SavedGrant { grant, from };
        if self.holds.store_grant(&saved).await.is_ok() {
            self.holds.standing().grants.insert(entry.id, saved);
        }
    }

    /// Lets a request pass by a grant, if one fits. Its use is stored before it counts.
    pub(super) async fn by_grant(&self, entry: &Arc<Entry>, waiting: &Waiting) {
        let Some(saved) = self.holds.take(waiting, now().seconds) else { return };
        if self.holds.store_grant(&saved).await.is_err() {
            return;
        }
        let grant = saved.grant.id;
        let event = Event::Granted { grant, request: saved.from.held.index };
        if let Err(error) = self.happens(entry, &event).await {
            tracing::error!(%error, "a grant could not be used");
        }
    }

    /// The grants that somebody could have given.
    #[must_use]
    pub fn grants_for(&self, who: &Approver) -> Vec<GrantView> {
        let now = now().seconds;
        let seen = self.holds.grants().into_iter().filter(|saved| self.may_see(who, &saved.from));
        let mut all: Vec<GrantView> = seen.map(|saved| grant_view(&saved.grant, now)).collect();
        all.sort_by_key(|view| (view.until, view.id));
        all
    }

    /// Takes a grant back.
    ///
    /// # Errors
    /// Why not.
    pub async fn revoke_grant(&self, who: &Approver, id: &Id, reason: &str) -> Result<(), NotDone> {
        let found = self.holds.grants().into_iter().find(|saved| saved.grant.id == *id);
        let mut saved = found.filter(|saved| self.may_see(who, &saved.from)).ok_or(NotDone::Unknown)?;
        self.noted(who, "grant-revoke", None, &format!("grant {id}: {reason}")).await?;
        saved.grant.revoked = true;
        if let Some(standing) = self.holds.standing().grants.get_mut(id) {
            standing.grant.revoked = true;
        }
        self.holds.store_grant(&saved).await
    }

    /// Lets somebody else cast one's vote for a while.
    ///
    /// # Errors
    /// Why not.
    pub async fn delegate(
        &self,
        who: &Approver,
        to: Account,
        seconds: u64,
        reason: &str,
    ) -> Result<Id, NotDone> {
        if seconds == 0 || seconds > LONGEST || reason.trim().is_empty() || !to.is_person() {
            return Err(NotDone::Denied("delegation: a person, a reason, and at most 14d"));
        }
        let now = now().seconds;
        let mut id = [0; 16];
        crate::record::entropy(&mut id);
        let until = now.saturating_add(i64::try_from(seconds).unwrap_or(0));
        let (id, from) = (Id(id), who.account.clone());
        let delegation = Delegation { id, from, to, since: now, until, revoked: false };
        let texts = |all: &[Arc<str>]| all.iter().map(ToString::to_string).collect();
        let (groups, scopes) = (texts(&who.groups), texts(&who.scopes));
        let said = format!("to {} until {until}: {reason}", delegation.to.text());
        self.noted(who, "delegate", None, &said).await?;
        let saved = SavedDelegation { delegation, groups, scopes };
        let bytes = serde_json::to_vec(&saved).map_err(|_| NotDone::NotRecorded)?;
        let end = u64::try_from(until).unwrap_or(0);
        self.holds.store.put(id.0, Vec::new(), end, bytes).await.map_err(|_| NotDone::NotRecorded)?;
        self.holds.standing().delegations.insert(id, saved);
        Ok(id)
    }

    /// The approvals that are a delegator's to give, where they let `who` cast their vote. A delegate's own delegates have
    /// nothing: what counts is what policies permit the delegator in their own right.
    pub(super) fn delegated(&self, who: &Approver, of: &Account, saved: &Saved) -> Option<Vec<String>> {
        let people = super::people(&self.runtime.load().config);
        let now = now().seconds;
        let standing = self.holds.standing();
        let holds =
            |s: &&SavedDelegation| s.delegation.from == *of && s.delegation.holds(&people, &who.account, now);
        let delegation = standing.delegations.values().find(holds)?.clone();
        drop(standing);
        let kind = IdentityKind::User;
        let identity =
            Identity { kind, issuer: of.issuer.as_str().into(), subject: of.subject.as_str().into() };
        let arcs = |all: &[String]| all.iter().map(|t| Arc::from(t.as_str())).collect();
        let principal = Principal {
            groups: arcs(&delegation.groups),
            scopes: arcs(&delegation.scopes),
            ..Principal::new(identity, AuthMethod::Jwt)
        };
        let key = PrincipalKey::new(&principal);
        let names = saved.held.request.requirement.names();
        Some(names.into_iter().filter(|name| self.may(&key, Action::APPROVE, saved, name)).collect())
    }

    /// Those who let somebody cast their vote now.
    pub(super) fn delegators(&self, who: &Approver) -> Vec<Account> {
        let people = super::people(&self.runtime.load().config);
        let now = now().seconds;
        let standing = self.holds.standing();
        let mine = standing.delegations.values().filter(|s| s.delegation.holds(&people, &who.account, now));
        mine.map(|s| s.delegation.from.clone()).collect()
    }

    /// The record of something that changes no call. `of` is the log index of the request that it is about.
    pub(super) async fn noted(
        &self,
        who: &Approver,
        why: &str,
        of: Option<u64>,
        what: &str,
    ) -> Result<(), NotDone> {
        let clerk = Clerk {
            kind: who.account.kind.clone(),
            issuer: who.account.issuer.clone(),
            subject: who.account.subject.clone(),
            authenticated: who.assurance.word().to_owned(),
        };
        let runtime = self.runtime.load_full();
        let desk = Desk {
            recorder: &self.recorder,
            epochs: runtime.gate.epochs,
            clerk: &clerk,
            config: Some(&runtime.config),
        };
        let about = |draft: &mut carnet_evidence::Draft| draft.of = of;
        desk.record(LeafType::AdminRead, why, about, Some(what)).await.map_err(|_| NotDone::NotRecorded)?;
        Ok(())
    }
}

fn grant_view(grant: &Grant, now: i64) -> GrantView {
    let tool = grant.tool.as_deref().unwrap_or_default();
    GrantView {
        id: grant.id,
        actor: Inert::new(&grant.actor.text()),
        agent: grant.agent.as_ref().map(|a| Inert::new(&a.text())),
        call: Inert::new(&format!("{} {} {tool}", grant.server, grant.method)),
        free: grant.terms.free.iter().map(|at| Inert::new(at)).collect(),
        until: grant.from.saturating_add(i64::try_from(grant.terms.seconds).unwrap_or(i64::MAX)),
        used: grant.used,
        uses: grant.terms.uses,
        alive: grant.alive(now),
    }
}
