//! What the policy said.

use std::fmt;
use std::sync::Arc;

/// The name of a policy: its `@id` annotation, else `file.cedar#n` with n counted from 0.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct PolicyId(pub Arc<str>);

impl fmt::Display for PolicyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Permit or forbid.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Effect {
    /// At least one `permit` applies and no `forbid` does.
    Permit,
    /// A `forbid` applies, nothing permits, or a policy failed to evaluate.
    Forbid,
}

/// Why a verdict came out as it did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Decided {
    /// The named policies decided.
    ByPolicy,
    /// No policy applied (invariant 1: denied).
    NoMatch,
    /// The named policies failed to evaluate (invariant 1: denied).
    EvaluationError,
}

/// The policy's answer for one request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verdict {
    /// Permit or forbid.
    pub effect: Effect,
    /// What kind of decision it was.
    pub decided: Decided,
    /// The policies that decided, sorted.
    pub policies: Arc<[PolicyId]>,
    /// The `@reason` annotations of those policies that have one, for people to read.
    pub reasons: Arc<[Arc<str>]>,
}

impl Verdict {
    /// Whether the action may go ahead.
    #[must_use]
    pub fn is_permit(&self) -> bool {
        self.effect == Effect::Permit
    }
}
