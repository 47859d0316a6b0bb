//! One held call and every rule about it, as values: what an event does to it, and what must be recorded for that.
//!
//! [`Held::apply`] changes the state and names the records. Who drives it applies an event to a copy, makes the records
//! durable, and only then keeps the copy: what a crash interrupts has not happened. A call that was taken for its run is
//! approved again after a crash, unless the log has the record of its use ([`Held::recover`]): so it runs at most once.
//!
//! Time does not go backwards here, whatever the clock does: what has expired stays so.

use serde::{Deserialize, Serialize};

use crate::binding::{Binding, Id};
use crate::event::{Effect, Event, Leaf, Rejected};
use crate::grant::Terms;
use crate::people::{Account, People};
use crate::request::{BreakGlass, Ending, Phase, Request, Review};
use crate::requirement::Part;
use crate::vote::{Choice, Vote};

/// An approval that is good for one run: what `context.approvals` holds. Made by [`Held::released`] alone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Released {
    names: Vec<String>,
    binding: Binding,
    request: u64,
}

impl Released {
    /// The names for `context.approvals`.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// What it is bound to.
    #[must_use]
    pub fn binding(&self) -> &Binding {
        &self.binding
    }

    /// Log index of the request.
    #[must_use]
    pub fn request(&self) -> u64 {
        self.request
    }
}

/// One held call.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Held {
    /// What is asked for.
    pub request: Request,
    /// Log index of `approval.request`.
    pub index: u64,
    /// How far it is.
    pub phase: Phase,
    /// Votes that were taken, in order.
    pub votes: Vec<Vote>,
    /// Emergency access. Rare, so that it takes no room in those that have none.
    pub broken: Option<Box<BreakGlass>>,
    /// The grant that covers it, and the log index of the request that this came from.
    #[serde(default)]
    pub granted: Option<(Id, u64)>,
    /// It was asked again, louder.
    pub escalated: bool,
    /// When an approval ends that is not used.
    pub use_until: i64,
    /// What has changed, who took it back, for those who ask.
    pub why: Option<String>,
    /// The latest time it has seen.
    latest: i64,
}

impl Held {
    /// A new request whose record has this index.
    #[must_use]
    pub fn new(request: Request, index: u64) -> Held {
        let latest = request.binding.from;
        Held {
            request,
            index,
            phase: Phase::Pending,
            votes: Vec::new(),
            broken: None,
            granted: None,
            escalated: false,
            use_until: 0,
            why: None,
            latest,
        }
    }

    /// How it ended, if it did.
    #[must_use]
    pub fn ending(&self) -> Option<Ending> {
        match self.phase {
            Phase::Ended(ending) => Some(ending),
            _ => None,
        }
    }

    /// When it ends by itself.
    #[must_use]
    pub fn until(&self) -> i64 {
        let asked = seconds(self.request.requirement.expires).saturating_add(self.request.binding.from);
        match self.phase {
            Phase::Pending => asked.min(self.request.binding.until),
            Phase::Approved | Phase::Taken => self.use_until,
            Phase::Ended(_) => self.latest,
        }
    }

    /// When it wants to be told of the time next, if ever.
    #[must_use]
    pub fn next(&self) -> Option<i64> {
        let escalates = self.request.requirement.escalate.filter(|_| !self.escalated);
        match self.phase {
            Phase::Pending => {
                let louder = escalates.map(|s| self.request.binding.from.saturating_add(seconds(s)));
                Some(louder.map_or(self.until(), |at| at.min(self.until())))
            }
            Phase::Approved => Some(self.use_until),
            Phase::Taken | Phase::Ended(_) => None,
        }
    }

    /// Whether an emergency access waits for its review.
    #[must_use]
    pub fn to_review(&self) -> Option<&BreakGlass> {
        self.broken.as_deref().filter(|broken| broken.reviewed.is_none())
    }

    /// What may run, while it is taken for that.
    #[must_use]
    pub fn released(&self) -> Option<Released> {
        (self.phase == Phase::Taken).then(|| Released {
            names: self.request.requirement.names(),
            binding: self.request.binding.clone(),
            request: self.index,
        })
    }

    /// What all approvers offered for calls like it: every counted vote must offer a grant.
    #[must_use]
    pub fn terms(&self) -> Option<Terms> {
        let counted = self.votes.iter().filter(|v| v.part.is_some());
        let all: Option<Vec<Terms>> = counted.map(|v| v.grant.clone()).collect();
        if self.broken.is_some() || self.granted.is_some() {
            return None;
        }
        all?.into_iter().reduce(|least, next| least.least(&next))
    }

    /// How many people have approved a part.
    #[must_use]
    pub fn approved(&self, part: &Part) -> u32 {
        let counts = |v: &&Vote| v.part.as_deref() == Some(part.name.as_str());
        u32::try_from(self.votes.iter().filter(counts).count()).unwrap_or(u32::MAX)
    }

    /// Whether votes for a part count now: those of earlier stages are complete, and it is not.
    #[must_use]
    pub fn open(&self, part: &Part) -> bool {
        let earlier = self.request.requirement.parts.iter().filter(|p| p.stage < part.stage);
        self.phase == Phase::Pending
            && self.approved(part) < part.quorum
            && earlier.into_iter().all(|p| self.approved(p) >= p.quorum)
    }

    /// After a crash or a stop: what the store has last seen, and whether the log has the record of an end.
    #[must_use]
    pub fn recover(mut self, in_log: Option<Ending>) -> Held {
        match in_log {
            Some(ending) => self.phase = Phase::Ended(ending),
            None if self.phase == Phase::Taken => self.phase = Phase::Approved,
            None => {}
        }
        self
    }

    /// What an event does.
    ///
    /// # Errors
    /// Why it does nothing. The state is as it was.
    pub fn apply(&mut self, event: &Event, people: &People, now: i64) -> Result<Vec<Effect>, Rejected> {
        let now = now.max(self.latest);
        let mut effects = self.tick(now);
        if !effects.is_empty() && self.ending().is_some() {
            // It ended by itself before the event came.
            self.latest = now;
            return Ok(effects);
        }
        let before = self.clone();
        match self.event(event, people, now) {
            Ok(more) => {
                self.latest = now;
                effects.extend(more);
                Ok(effects)
            }
            Err(rejected) => {
                *self = before;
                if effects.is_empty() { Err(rejected) } else { Ok(effects) }
            }
        }
    }

    fn event(&mut self, event: &Event, people: &People, now: i64) -> Result<Vec<Effect>, Rejected> {
        match event {
            Event::Review { by, reason } => return self.review(by, reason, people, now),
            Event::Tick => return Ok(Vec::new()),
            _ if self.ending().is_some() => return Err(Rejected::Ended),
            _ => {}
        }
        match event {
            Event::Vote(vote) => self.vote(vote, people, now),
            Event::Cancel if self.phase != Phase::Taken => Ok(self.end(Ending::Cancelled, None)),
            Event::Revoke { by, reason } => self.revoke(by, reason),
            Event::BreakGlass { by, reason } => self.break_glass(by, reason, now),
            Event::Granted { grant, request } if self.phase == Phase::Pending && self.votes.is_empty() => {
                self.granted = Some((*grant, *request));
                let released = self.release(now);
                Ok(vec![Effect::Record(Leaf::Granted), released])
            }
            Event::Take if self.phase == Phase::Approved => {
                self.phase = Phase::Taken;
                Ok(Vec::new())
            }
            Event::GiveBack if self.phase == Phase::Taken => {
                self.phase = Phase::Approved;
                Ok(vec![Effect::Release])
            }
            Event::Consume { digest } if self.phase == Phase::Taken => {
                if *digest != self.request.digest() {
                    return Err(Rejected::Digest);
                }
                self.phase = Phase::Ended(Ending::Consumed);
                Ok(vec![Effect::Record(Leaf::Consume), Effect::Ended(Ending::Consumed)])
            }
            Event::Void { why } => Ok(self.end(Ending::Void, Some(why.clone()))),
            Event::Outdated { why } if self.phase != Phase::Taken => {
                Ok(self.end(Ending::Void, Some(why.clone())))
            }
            _ => Err(Rejected::Phase),
        }
    }

    /// Ends what has had its time. What is taken is left to who took it: they are about to consume it or to give it back.
    fn tick(&mut self, now: i64) -> Vec<Effect> {
        let over = matches!(self.phase, Phase::Pending | Phase::Approved) && now >= self.until();
        if over {
            return self.end(Ending::Expired, None);
        }
        let asked = self.request.binding.from;
        let due = self.request.requirement.escalate.map(|s| asked.saturating_add(seconds(s)));
        if self.phase == Phase::Pending && !self.escalated && due.is_some_and(|due| now >= due) {
            self.escalated = true;
            return vec![Effect::Escalate];
        }
        Vec::new()
    }

    fn end(&mut self, ending: Ending, why: Option<String>) -> Vec<Effect> {
        self.phase = Phase::Ended(ending);
        self.why = why;
        vec![Effect::Record(Leaf::End(ending)), Effect::Ended(ending)]
    }

    /// Whether somebody asked for the call, or stands behind who did.
    #[must_use]
    pub fn asked(&self, people: &People, who: &Account) -> bool {
        let binding = &self.request.binding;
        let behind = binding.agent.iter().chain(&binding.behind);
        people.same(who, &binding.actor) || behind.into_iter().any(|a| people.same(who, a))
    }

    /// Whether a person, by any of their accounts, has a vote in it already.
    fn has_voted(&self, people: &People, who: &Account) -> bool {
        let cast = |v: &Vote| people.same(&v.voter, who) || v.for_account.iter().any(|f| people.same(f, who));
        self.votes.iter().any(cast)
    }

    fn vote(&mut self, vote: &Vote, people: &People, now: i64) -> Result<Vec<Effect>, Rejected> {
        if self.phase != Phase::Pending {
            return Err(Rejected::Phase);
        }
        let who = [Some(&vote.voter), vote.for_account.as_ref()];
        for account in who.into_iter().flatten() {
            if !account.is_person() {
                return Err(Rejected::NotAPerson);
            }
            if self.asked(people, account) {
                return Err(Rejected::Requester);
            }
            if self.has_voted(people, account) {
                return Err(Rejected::Voted);
            }
        }
        if vote.reason.trim().is_empty() {
            return Err(Rejected::NoReason);
        }
        if vote.digest != self.request.digest() {
            return Err(Rejected::Digest);
        }
        let parts = &self.request.requirement.parts;
        let mine = || parts.iter().filter(|p| vote.permitted.contains(&p.name));
        let mut vote = Vote { at: now, part: None, ..vote.clone() };
        if vote.choice == Choice::Deny {
            // A no needs no stage, and no passkey: it opens nothing.
            if mine().next().is_none() {
                return Err(Rejected::NotAsked);
            }
            vote.grant = None;
            self.votes.push(vote);
            let mut effects = vec![Effect::Record(Leaf::Vote)];
            effects.extend(self.end(Ending::Denied, None));
            return Ok(effects);
        }
        let mut open = mine().filter(|p| self.open(p)).peekable();
        if open.peek().is_none() {
            return Err(Rejected::NotAsked);
        }
        let part = open.find(|p| vote.assurance >= p.assurance).ok_or(Rejected::Assurance)?;
        vote.part = Some(part.name.clone());
        if let Some(terms) = &vote.grant {
            let most = self.request.requirement.grants.ok_or(Rejected::Grant)?;
            if terms.seconds > most || terms.uses == 0 || self.request.result {
                return Err(Rejected::Grant);
            }
        }
        self.votes.push(vote);
        let mut effects = vec![Effect::Record(Leaf::Vote), Effect::Counted];
        if parts.iter().all(|p| self.approved(p) >= p.quorum) {
            effects.push(self.release(now));
        }
        Ok(effects)
    }

    fn release(&mut self, now: i64) -> Effect {
        self.phase = Phase::Approved;
        self.use_until =
            now.saturating_add(seconds(self.request.requirement.valid)).min(self.request.binding.until);
        Effect::Release
    }

    fn revoke(&mut self, by: &Account, reason: &str) -> Result<Vec<Effect>, Rejected> {
        if reason.trim().is_empty() {
            return Err(Rejected::NoReason);
        }
        if !by.is_person() {
            return Err(Rejected::NotAPerson);
        }
        match self.phase {
            Phase::Pending | Phase::Approved => Ok(self.end(Ending::Revoked, Some(reason.to_owned()))),
            _ => Err(Rejected::Phase),
        }
    }

    fn break_glass(&mut self, by: &Account, reason: &str, now: i64) -> Result<Vec<Effect>, Rejected> {
        let review = self.request.requirement.break_glass.ok_or(Rejected::NoBreakGlass)?;
        if self.phase != Phase::Pending {
            return Err(Rejected::Phase);
        }
        if !by.is_person() {
            return Err(Rejected::NotAPerson);
        }
        if reason.trim().is_empty() {
            return Err(Rejected::NoReason);
        }
        let review_until = now.saturating_add(seconds(review));
        let (by, reason) = (by.clone(), reason.to_owned());
        self.broken = Some(Box::new(BreakGlass { by, reason, at: now, review_until, reviewed: None }));
        let released = self.release(now);
        Ok(vec![Effect::Record(Leaf::BreakGlass), released])
    }

    fn review(
        &mut self,
        by: &Account,
        reason: &str,
        people: &People,
        now: i64,
    ) -> Result<Vec<Effect>, Rejected> {
        let asked = self.asked(people, by);
        let broken =
            self.broken.as_mut().filter(|b| b.reviewed.is_none()).ok_or(Rejected::NothingToReview)?;
        if !by.is_person() {
            return Err(Rejected::NotAPerson);
        }
        if asked || people.same(&broken.by, by) {
            return Err(Rejected::Requester);
        }
        if reason.trim().is_empty() {
            return Err(Rejected::NoReason);
        }
        broken.reviewed = Some(Review { by: by.clone(), reason: reason.to_owned(), at: now });
        Ok(vec![Effect::Record(Leaf::Review)])
    }
}

fn seconds(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX)
}
