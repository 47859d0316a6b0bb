//! What approvers see. All text of a call, a tool or a person is [`Inert`]; arguments are masked, and how many values are is
//! said.

use serde::{Deserialize, Serialize};

use crate::inert::Inert;
use crate::vote::{Assurance, Choice};
use crate::{Digest, Id};

/// A policy that holds the call.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Why {
    /// Its id.
    pub policy: Inert,
    /// The approval that it asks for.
    pub hold: Inert,
    /// Its `@reason`.
    pub reason: Option<Inert>,
    /// Its text.
    pub text: Inert,
}

/// Where data is and goes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Jurisdictions {
    /// Where the server processes.
    pub processing: Inert,
    /// Where the caller is.
    pub recipient: Inert,
    /// Where the record lies.
    pub storage: Inert,
}

/// An approval that is needed, and how far it is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PartView {
    /// Its name.
    pub name: Inert,
    /// How many people.
    pub quorum: u32,
    /// How many have approved.
    pub approved: u32,
    /// Its stage.
    pub stage: u32,
    /// Whether votes for it count now.
    pub open: bool,
    /// The least assurance.
    pub assurance: Assurance,
}

/// A vote.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct VoteView {
    /// Who.
    pub voter: Inert,
    /// Whose vote, where it was delegated.
    pub for_account: Option<Inert>,
    /// Yes or no.
    pub choice: Choice,
    /// Why.
    pub reason: Inert,
    /// How.
    pub channel: Inert,
    /// How sure.
    pub assurance: Assurance,
    /// The part it counts for.
    pub part: Option<Inert>,
    /// When, Unix seconds.
    pub at: i64,
    /// From where.
    #[serde(default)]
    pub place: Option<Inert>,
}

/// One held call as approvers see it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct View {
    /// Its name.
    pub id: Id,
    /// What is approved.
    pub digest: Digest,
    /// `pending`, `approved`, `consumed`, `denied`, `expired`, `cancelled`, `revoked`, `void`.
    pub state: String,
    /// Why it ended as it did, where there is more to say.
    pub ended_by: Option<Inert>,
    /// `call`: it has not run. `result`: it has, and its result is withheld.
    pub kind: String,
    /// Who asks.
    pub requester: Inert,
    /// Through which agent.
    pub agent: Option<Inert>,
    /// Who stands behind that agent.
    #[serde(default)]
    pub behind: Vec<Inert>,
    /// At which server.
    pub server: Inert,
    /// The method.
    pub method: Inert,
    /// The tool, prompt or resource.
    pub tool: Option<Inert>,
    /// What the server says the tool does.
    pub description: Option<Inert>,
    /// Whether its definition is another than when it was first seen.
    pub definition_changed: Option<bool>,
    /// The arguments, masked.
    pub arguments: Inert,
    /// How many values in them are masked.
    pub masked: u64,
    /// Which classes those are.
    pub classes: Vec<Inert>,
    /// What who asks had read before.
    #[serde(default)]
    pub labels: Vec<Inert>,
    /// Why it is held.
    pub why: Vec<Why>,
    /// Where data goes.
    pub jurisdictions: Jurisdictions,
    /// How often this requester asked for this tool before.
    pub asked_before: u64,
    /// What would come back, where that could be asked.
    pub estimate: Option<Inert>,
    /// When it was asked, Unix seconds.
    pub asked_at: i64,
    /// When silence denies it, or an approval is none any more.
    pub until: i64,
    /// It was asked again, louder.
    pub escalated: bool,
    /// Who must approve.
    pub parts: Vec<PartView>,
    /// Who has voted.
    pub votes: Vec<VoteView>,
    /// It was lifted in an emergency: when that must be reviewed; `None` when it was not, or has been.
    pub review_until: Option<i64>,
    /// The review is overdue.
    pub overdue: bool,
    /// Approvers may grant calls like it, for up to so many seconds.
    pub grants: Option<u64>,
    /// Places of the arguments, for a grant.
    pub places: Vec<Inert>,
    /// It can be lifted in an emergency.
    pub break_glass: bool,
}

/// The arguments of a held call as they are, for one look of one approver.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Unmasked {
    /// Its name.
    pub id: Id,
    /// What is approved.
    pub digest: Digest,
    /// The arguments, nothing in them masked.
    pub arguments: Inert,
}
