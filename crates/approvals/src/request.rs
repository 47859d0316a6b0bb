//! What is asked for, how far it is, and how it ended.

use serde::{Deserialize, Serialize};

use crate::binding::{Binding, Digest, Id};
use crate::people::Account;
use crate::requirement::Requirement;

/// What is asked for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Request {
    /// Its name.
    pub id: Id,
    /// The call.
    pub binding: Binding,
    /// Who must approve.
    pub requirement: Requirement,
    /// The call has run; it is its result that waits.
    pub result: bool,
}

impl Request {
    /// What is approved.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.binding.digest()
    }
}

/// How a request ended. There is one leaf for it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// The approval was used.
    Consumed,
    /// An approver said no.
    Denied,
    /// Nobody answered in time, or nobody used the approval in time.
    Expired,
    /// The caller took it back.
    Cancelled,
    /// An approver took the approval back before it was used.
    Revoked,
    /// Tool, policy, identity or argument is not what was approved.
    Void,
}

impl Ending {
    /// The word in evidence.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Ending::Consumed => "consumed",
            Ending::Denied => "denied",
            Ending::Expired => "expired",
            Ending::Cancelled => "cancelled",
            Ending::Revoked => "revoked",
            Ending::Void => "void",
        }
    }
}

/// How far a request is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// It waits for votes.
    Pending,
    /// It may run.
    Approved,
    /// Somebody is about to run it.
    Taken,
    /// It is over.
    Ended(Ending),
}

/// Emergency access to one call.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct BreakGlass {
    /// Who.
    pub by: Account,
    /// Why.
    pub reason: String,
    /// When, Unix seconds.
    pub at: i64,
    /// When somebody else must have looked at it.
    pub review_until: i64,
    /// Who has.
    pub reviewed: Option<Review>,
}

/// What somebody else said of an emergency access.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Review {
    /// Who.
    pub by: Account,
    /// What they found.
    pub reason: String,
    /// When, Unix seconds.
    pub at: i64,
}
