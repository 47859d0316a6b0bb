//! What lets more than one call pass: a grant for calls of one shape, for a time and a number of uses; and a delegation of
//! one's vote, for a time.

use serde::{Deserialize, Serialize};

use crate::people::{Account, People};
use crate::shape::Shape;
use crate::{Digest, Id};

/// The terms that an approver offers for a grant.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Terms {
    /// For how long, seconds.
    pub seconds: u64,
    /// For how many calls.
    pub uses: u32,
    /// Places of the arguments whose values may differ.
    pub free: Vec<String>,
}

impl Terms {
    /// What two approvers both agree to.
    #[must_use]
    pub fn least(self, other: &Terms) -> Terms {
        let free = self.free.into_iter().filter(|at| other.free.contains(at)).collect();
        Terms { seconds: self.seconds.min(other.seconds), uses: self.uses.min(other.uses), free }
    }
}

/// Calls that need not be asked about again: of one principal, at one tool, with arguments of one shape.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Grant {
    /// The request that it came from.
    pub id: Id,
    /// Whose.
    pub actor: Account,
    /// Through which agent.
    pub agent: Option<Account>,
    /// The server.
    pub server: String,
    /// The method.
    pub method: String,
    /// The tool, prompt or resource.
    pub tool: Option<String>,
    /// The definition that was shown.
    pub fingerprint: Option<Digest>,
    /// The policies that were in force.
    pub policy: Digest,
    /// The arguments.
    pub shape: Shape,
    /// What was agreed.
    pub terms: Terms,
    /// Approvals that it gives.
    pub names: Vec<String>,
    /// From when, Unix seconds.
    pub from: i64,
    /// How often it was used.
    pub used: u32,
    /// It was taken back.
    pub revoked: bool,
}

impl Grant {
    /// Whether it still gives anything.
    #[must_use]
    pub fn alive(&self, now: i64) -> bool {
        let until = self.from.saturating_add(i64::try_from(self.terms.seconds).unwrap_or(i64::MAX));
        !self.revoked && self.used < self.terms.uses && now >= self.from && now < until
    }

    /// Uses it once.
    #[must_use]
    pub fn take(&mut self, now: i64) -> bool {
        let alive = self.alive(now);
        self.used += u32::from(alive);
        alive
    }
}

/// Somebody lets another vote for them, for a time. A delegate's delegate has nothing: a vote counts as that of whom it was
/// delegated by, who must be permitted it in their own right.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Delegation {
    /// Its name.
    pub id: Id,
    /// Whose vote.
    pub from: Account,
    /// Who may cast it.
    pub to: Account,
    /// From when, Unix seconds.
    pub since: i64,
    /// Until when.
    pub until: i64,
    /// It was taken back.
    pub revoked: bool,
}

impl Delegation {
    /// Whether `voter` may cast the vote now.
    #[must_use]
    pub fn holds(&self, people: &People, voter: &Account, now: i64) -> bool {
        !self.revoked
            && self.since <= now
            && now < self.until
            && self.to == *voter
            && !people.same(&self.from, &self.to)
    }
}
