//! What can happen to a held call, what that brings about, and why it may not.

use crate::binding::{Digest, Id};
use crate::people::Account;
use crate::request::Ending;
use crate::vote::Vote;

/// What happens to a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// Time passes.
    Tick,
    /// Somebody votes.
    Vote(Box<Vote>),
    /// The caller takes it back.
    Cancel,
    /// An approver takes an approval back.
    Revoke {
        /// Who. A policy lets them approve.
        by: Account,
        /// Why.
        reason: String,
    },
    /// Somebody lifts it in an emergency. A policy lets them.
    BreakGlass {
        /// Who.
        by: Account,
        /// Why.
        reason: String,
    },
    /// Somebody looks at an emergency access. A policy lets them approve.
    Review {
        /// Who.
        by: Account,
        /// What they found.
        reason: String,
    },
    /// The call is about to run: nobody else may run it.
    Take,
    /// A grant covers it.
    Granted {
        /// Which: the request that it came from.
        grant: Id,
        /// Log index of that request.
        request: u64,
    },
    /// It did not come to run; nothing of it was recorded.
    GiveBack,
    /// The use is recorded.
    Consume {
        /// What runs.
        digest: Digest,
    },
    /// It is not what was approved any more: whoever has taken it says so.
    Void {
        /// What has changed.
        why: String,
    },
    /// What is in force has changed. Whoever has taken it finds that out, or runs it under what was in force.
    Outdated {
        /// What has changed.
        why: String,
    },
}

/// A record that must be durable before the new state counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Leaf {
    /// `approval.vote`, of the newest vote.
    Vote,
    /// `approval.vote`, by a grant.
    Granted,
    /// `approval.consume`.
    Consume,
    /// `approval.expire`: any ending but use.
    End(Ending),
    /// `breakglass.open`.
    BreakGlass,
    /// `breakglass.review`.
    Review,
}

/// What an event brings about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Effect {
    /// A record to make durable first.
    Record(Leaf),
    /// It may run.
    Release,
    /// It is over: whoever waits is told.
    Ended(Ending),
    /// It is to be asked again, louder.
    Escalate,
    /// A vote was counted.
    Counted,
}

/// Why an event has no effect.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Rejected {
    /// It has ended.
    #[error("this request has ended")]
    Ended,
    /// It is not in the phase for it.
    #[error("this cannot be done with this request now")]
    Phase,
    /// The requester, or somebody behind the agent.
    #[error("who asked for a call, and whoever stands behind the agent, cannot approve it")]
    Requester,
    /// Programs have no vote.
    #[error("only a person can approve")]
    NotAPerson,
    /// This person has voted.
    #[error("this person has voted already")]
    Voted,
    /// No part that is open is theirs.
    #[error("no approval that is asked for now is theirs to give")]
    NotAsked,
    /// It is not sure enough that it was them.
    #[error("this approval asks for a stronger proof of who votes")]
    Assurance,
    /// There is no reason.
    #[error("a reason is required")]
    NoReason,
    /// Another call was shown.
    #[error("this is not the call that waits")]
    Digest,
    /// The policy allows no grant, or none of this length.
    #[error("no policy allows this grant")]
    Grant,
    /// The policy allows no emergency access.
    #[error("no policy allows emergency access to this call")]
    NoBreakGlass,
    /// Nothing is to be reviewed.
    #[error("there is nothing to review")]
    NothingToReview,
}
