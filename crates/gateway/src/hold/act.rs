//! What approvers do: vote, take back, lift in an emergency, review that. Every act is decided by policy (`approve`,
//! `breakglass`), then by the rules of [`carnet_approvals::Held`], recorded, stored, and only then true.

use std::sync::Arc;

use carnet_approvals::{
    Account, Assurance, Choice, Digest, Effect, Ending, Event, Held, Id, Inert, Leaf, Proof, Rejected, Terms,
    View, Vote,
};
use carnet_model::{Action, AuthMethod, Identity, IdentityKind, Principal, Region, Resource};
use carnet_policy::{Context, PrincipalKey, Request};
use futures_util::StreamExt as _;

use super::{Entry, News, Saved, view_of};
use crate::gateway::{Gateway, now};
use crate::residency;

/// Held calls that end together are written together, so many at once.
pub(super) const AT_ONCE: usize = 1024;

/// In place of arguments.
const NOT_HERE: &str = "(not shown: no policy lets what is in this call go to where you are)";

/// Somebody who acts on held calls: who it is, and how that is known.
#[derive(Clone)]
pub struct Approver {
    /// Who.
    pub account: Account,
    /// As policies see them.
    pub key: PrincipalKey,
    /// How sure it is.
    pub assurance: Assurance,
    /// What shows it.
    pub proof: Proof,
    /// `cli`, `api`, `page`, `slack`, ...
    pub channel: &'static str,
    /// Where they are; `None`: at the machine of the cell.
    pub(super) place: Option<Region>,
    /// Groups and scopes, for who votes in their place.
    pub(super) groups: Vec<Arc<str>>,
    pub(super) scopes: Vec<Arc<str>>,
}

impl Approver {
    /// A principal that the gateway has identified.
    #[must_use]
    pub fn new(principal: &Principal, assurance: Assurance, proof: Proof, channel: &'static str) -> Approver {
        let account = Account::of(&principal.identity);
        let (groups, scopes) = (principal.groups.clone(), principal.scopes.clone());
        let place = Some(principal.region.clone().unwrap_or_else(Region::unknown));
        Approver {
            account,
            key: PrincipalKey::new(principal),
            assurance,
            proof,
            channel,
            place,
            groups,
            scopes,
        }
    }

    /// A user of the operating system, `User::"os|uid:N"` in policies.
    #[must_use]
    pub fn os(uid: u32) -> Approver {
        let subject = format!("uid:{uid}").into();
        let identity = Identity { kind: IdentityKind::User, issuer: "os".into(), subject };
        let principal = Principal::new(identity, AuthMethod::Local);
        Approver { place: None, ..Approver::new(&principal, Assurance::Token, Proof::OsUser, "cli") }
    }
}

impl std::fmt::Debug for Approver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Approver({:?}, {})", self.account, self.channel)
    }
}

/// What somebody says about a call.
#[derive(Clone, Debug)]
pub struct Ballot {
    /// Yes or no.
    pub choice: Choice,
    /// Why.
    pub reason: String,
    /// The digest of what they were shown; without it, of what waits now.
    pub digest: Option<Digest>,
    /// For whom, where somebody delegated their vote.
    pub for_account: Option<Account>,
    /// Not only this call.
    pub grant: Option<Terms>,
}

/// Why an act had no effect. For who acts.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotDone {
    /// There is none of this name, or none that they may know of.
    #[error("there is no such held call, or no policy lets you act on it")]
    Unknown,
    /// No policy permits it.
    #[error("no policy permits this: {0}")]
    Denied(&'static str),
    /// The rules of approvals.
    #[error(transparent)]
    Rejected(#[from] Rejected),
    /// It could not be recorded or stored.
    #[error("the record could not be made durable")]
    NotRecorded,
}

impl Gateway {
    /// Whether a policy lets somebody do something with a call, for the approval of this name.
    pub(super) fn may(&self, who: &PrincipalKey, action: Action, saved: &Saved, hold: &str) -> bool {
        let runtime = self.runtime.load();
        let resource = Resource::Held(Arc::new(saved.call(hold)));
        let context = Context { now: now().seconds, method: action.as_str(), ..Context::default() };
        let request = Request { principal: who, action, resource: &resource, context: &context };
        runtime.gate.policies.decide(&request).is_permit()
    }

    /// The approvals of a call that are somebody's to give.
    fn parts_of(&self, who: &PrincipalKey, saved: &Saved) -> Vec<String> {
        let names = saved.held.request.requirement.names();
        names.into_iter().filter(|name| self.may(who, Action::APPROVE, saved, name)).collect()
    }

    /// Whether somebody may know of a call: who may approve it, or lift it in an emergency.
    #[must_use]
    pub fn may_see(&self, who: &Approver, saved: &Saved) -> bool {
        !self.parts_of(&who.key, saved).is_empty()
            || self.may(&who.key, Action::BREAK_GLASS, saved, "")
            || self
                .delegators(who)
                .iter()
                .any(|of| self.delegated(who, of, saved).is_some_and(|p| !p.is_empty()))
    }

    /// What somebody may know of, the oldest first.
    #[must_use]
    pub fn held_for(&self, who: &Approver) -> Vec<View> {
        let now = now().seconds;
        let mut all: Vec<View> = self
            .holds
            .all()
            .iter()
            .filter_map(|entry| self.holds.saved(entry).ok())
            .filter(|saved| self.may_see(who, saved))
            .map(|saved| self.as_seen_by(who, view_of(&saved, &saved.held, now)))
            .collect();
        all.sort_by_key(|view| (view.asked_at, view.id));
        all
    }

    pub(super) fn entry_for(&self, who: &Approver, id: &Id) -> Result<(Arc<Entry>, Saved), NotDone> {
        let entry = self.holds.get(id).ok_or(NotDone::Unknown)?;
        let saved = self.holds.saved(&entry).map_err(|_| NotDone::Unknown)?;
        if self.may_see(who, &saved) { Ok((entry, saved)) } else { Err(NotDone::Unknown) }
    }

    /// One call as somebody may see it.
    ///
    /// # Errors
    /// [`NotDone::Unknown`].
    pub fn show_held(&self, who: &Approver, id: &Id) -> Result<View, NotDone> {
        let (_, saved) = self.entry_for(who, id)?;
        Ok(self.as_seen_by(who, view_of(&saved, &saved.held, now().seconds)))
    }

    /// Where somebody is: at the machine of the cell, where nothing else is said.
    pub(super) fn place_of(&self, who: &Approver) -> Region {
        who.place.clone().unwrap_or_else(|| self.runtime.load().gate.cell_region.clone())
    }

    /// Whether what is in a call may go to where somebody is: an approver is a recipient.
    pub(super) fn reaches(&self, who: &Approver, view: &View) -> bool {
        let Some(place) = &who.place else { return true };
        residency::may_be_seen(&self.runtime.load(), &who.key, place, view, now().seconds)
    }

    /// A call as it may be seen where somebody is: who asks for what, and nothing of what is in it where that may not go there.
    fn as_seen_by(&self, who: &Approver, view: View) -> View {
        // What is masked is shown to who does not say where they are, unless places are enforced.
        let enforced = self.runtime.load().config.residency.enforce;
        let nowhere = who.place.as_ref().is_some_and(|place| *place == Region::unknown());
        if (nowhere && !enforced) || self.reaches(who, &view) {
            return view;
        }
        View { arguments: Inert::lines(NOT_HERE), estimate: None, places: Vec::new(), ..view }
    }

    /// A vote.
    ///
    /// # Errors
    /// Why it does not count.
    pub async fn vote(&self, who: &Approver, id: &Id, ballot: Ballot) -> Result<View, NotDone> {
        let (entry, saved) = self.entry_for(who, id)?;
        let permitted = match &ballot.for_account {
            None => self.parts_of(&who.key, &saved),
            Some(of) => self.delegated(who, of, &saved).ok_or(NotDone::Denied("delegation"))?,
        };
        let vote = Vote {
            voter: who.account.clone(),
            for_account: ballot.for_account,
            choice: ballot.choice,
            reason: ballot.reason,
            channel: who.channel.to_owned(),
            assurance: who.assurance,
            proof: who.proof.clone(),
            digest: ballot.digest.unwrap_or_else(|| saved.held.request.digest()),
            permitted,
            grant: ballot.grant,
            at: 0,
            part: None,
            place: Some(self.place_of(who).as_str().to_owned()),
        };
        self.happens(&entry, &Event::Vote(Box::new(vote))).await?;
        self.show_held(who, id)
    }

    /// Takes back an approval that was not used yet, or the request with it.
    ///
    /// # Errors
    /// Why not.
    pub async fn revoke_held(&self, who: &Approver, id: &Id, reason: &str) -> Result<View, NotDone> {
        let (entry, saved) = self.entry_for(who, id)?;
        if self.parts_of(&who.key, &saved).is_empty() {
            return Err(NotDone::Denied("approve"));
        }
        let event = Event::Revoke { by: who.account.clone(), reason: reason.to_owned() };
        self.happens(&entry, &event).await?;
        self.show_held(who, id)
    }

    /// Lifts a call in an emergency.
    ///
    /// # Errors
    /// Why not.
    pub async fn break_glass(&self, who: &Approver, id: &Id, reason: &str) -> Result<View, NotDone> {
        let (entry, saved) = self.entry_for(who, id)?;
        if !self.may(&who.key, Action::BREAK_GLASS, &saved, "") {
            return Err(NotDone::Denied("breakglass"));
        }
        let event = Event::BreakGlass { by: who.account.clone(), reason: reason.to_owned() };
        self.happens(&entry, &event).await?;
        tracing::warn!(id = %id, "emergency access: a held call was lifted and is to be reviewed");
        self.show_held(who, id)
    }

    /// Looks at an emergency.
    ///
    /// # Errors
    /// Why not.
    pub async fn review_held(&self, who: &Approver, id: &Id, reason: &str) -> Result<View, NotDone> {
        let (entry, saved) = self.entry_for(who, id)?;
        if self.parts_of(&who.key, &saved).is_empty() {
            return Err(NotDone::Denied("approve"));
        }
        let event = Event::Review { by: who.account.clone(), reason: reason.to_owned() };
        self.happens(&entry, &event).await?;
        self.show_held(who, id)
    }

    /// Lets something happen to a held call: its records are durable, then it is stored, then it is true.
    ///
    /// # Errors
    /// When it has no effect, or could not be recorded.
    pub(crate) async fn happens(&self, entry: &Arc<Entry>, event: &Event) -> Result<Vec<Effect>, NotDone> {
        let _turn = entry.turn.lock().await;
        let runtime = self.runtime.load_full();
        let people = super::people(&runtime.config);
        let mut held = entry.held();
        let effects = held.apply(event, &people, now().seconds)?;
        let used = matches!(event, Event::Consume { .. });
        for effect in &effects {
            if let Effect::Record(leaf) = effect
                // The gate has written it already, in the caller's session, before the call went on.
                && !(used && *leaf == Leaf::Consume && !held.request.result)
            {
                self.approval_leaf(*leaf, &held).await.map_err(|_| NotDone::NotRecorded)?;
            }
        }
        self.stored(entry, &held, &effects, event).await?;
        let approved = effects.contains(&Effect::Release) && matches!(event, Event::Vote(_));
        if approved {
            self.granted(entry, &held).await;
        }
        *entry.lock() = held;
        entry.changed.notify_waiters();
        self.tell_of(entry.id, &effects, event);
        Ok(effects)
    }

    /// Stores a change. A call that is taken for its run, or given back, is as before after a crash: that need not be stored.
    async fn stored(
        &self,
        entry: &Entry,
        held: &Held,
        effects: &[Effect],
        event: &Event,
    ) -> Result<(), NotDone> {
        if matches!(event, Event::Take | Event::GiveBack) || effects.is_empty() {
            return Ok(());
        }
        let ended = effects.iter().any(|e| matches!(e, Effect::Ended(_)));
        let saved = match self.holds.saved(entry) {
            Ok(mut saved) => {
                saved.held = held.clone();
                saved
            }
            // Erased with the keys of its session: its end is in the log.
            Err(_) if ended => return Ok(()),
            Err(_) => return Err(NotDone::Unknown),
        };
        match self.holds.save(entry, &saved).await {
            Ok(()) => Ok(()),
            // The log has it, and has the last word at the next start.
            Err(error) if ended => {
                tracing::error!(%error, "the end of a held call could not be stored");
                Ok(())
            }
            Err(_) => Err(NotDone::NotRecorded),
        }
    }

    fn tell_of(&self, id: Id, effects: &[Effect], event: &Event) {
        match event {
            Event::BreakGlass { .. } => self.holds.tell(News::BreakGlass(id)),
            Event::Review { .. } => self.holds.tell(News::Reviewed(id)),
            _ => {}
        }
        for effect in effects {
            match effect {
                Effect::Release if !matches!(event, Event::GiveBack) => self.holds.tell(News::Approved(id)),
                Effect::Ended(ending) => self.holds.tell(News::Ended(id, *ending)),
                Effect::Escalate => self.holds.tell(News::Escalated(id)),
                Effect::Counted if !effects.contains(&Effect::Release) => self.holds.tell(News::Voted(id)),
                _ => {}
            }
        }
    }

    /// Ends a call that is not what was asked about any more.
    pub(crate) async fn void(&self, entry: &Arc<Entry>, why: &str) {
        let have = if why.ends_with("policies") { "have" } else { "has" };
        if let Err(error) = self.happens(entry, &Event::Void { why: format!("{why} {have} changed") }).await
            && error != NotDone::Rejected(Rejected::Ended)
        {
            tracing::error!(%error, "a held call could not be ended");
        }
    }

    /// New policies are in force: what waits under others is void, and whoever waits for it is told.
    pub(crate) async fn void_other_policies(&self) {
        let policy = Digest(self.runtime.load().gate.epochs.policy);
        let stale = |entry: &Arc<Entry>| {
            let held = entry.lock();
            held.ending().is_none() && held.request.binding.policy != policy
        };
        let all: Vec<Arc<Entry>> = self.holds.all().into_iter().filter(stale).collect();
        // Log and store write what comes at once with one write.
        let void = |entry: Arc<Entry>| async move {
            let why = "the policies have changed".to_owned();
            match self.happens(&entry, &Event::Outdated { why }).await {
                Ok(_) | Err(NotDone::Rejected(_)) => {}
                Err(error) => tracing::error!(%error, "a held call could not be ended"),
            }
        };
        futures_util::stream::iter(all).for_each_concurrent(AT_ONCE, void).await;
    }
}

/// Whether a request that ended so is answered so again for a while, instead of being asked anew.
pub(crate) fn stays(ending: Ending) -> bool {
    ending == Ending::Denied
}
