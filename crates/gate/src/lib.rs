//! The phases of a call, in the one place that orders them.
//!
//! [`walk`] reads as the list of phases. Each phase is a function in the file of its name, and the type changes at
//! each: a message becomes [`Permitted`], then [`Recorded`], and only a `Recorded<Permitted<_>>` can be handed to an
//! upstream, only a `Recorded<_>` to a caller. Their constructors are private to this crate, so "nothing unrecorded is
//! forwarded" is checked by the compiler.
//!
//! Floor 2: pure. The effects (durable append, forwarding, delivery) are traits that the shell implements; the clock
//! and randomness are asked of the shell.

mod ahead;
mod answered;
mod arguments;
mod asked;
mod crossing;
mod decide;
mod estimate;
mod facts;
mod hold;
mod inspect;
mod labels;
mod look;
mod mask;
mod permitted;
mod recipients;
mod record;
mod refused;
mod release;
mod reply;
mod restore;
mod reveal;
mod session;
mod shell;
mod snapshot;
mod state;
mod subjects;
mod tally;
mod tools;
mod turned;
mod turns;
mod vault;
mod walk;
mod withheld;

pub use answered::{back, respond};
pub use crossing::{Crossing, Places, ResidencyRules};
pub use estimate::{Estimate, estimate};
pub use facts::{Caller, Cell, Seen, ServerFacts, Sighting};
pub use hold::Waiting;
pub use labels::{Reading, Readings, Row};
pub use permitted::{Permitted, Recorded};
pub use recipients::{Recipient, Recipients};
pub use record::Entry;
pub use refused::{Turned, Unfinished, held_answer};
pub use reply::Delivery;
pub use session::Session;
pub use shell::{
    Analyzed, Answers, Moment, NotAnalyzed, NotForwarded, NotRecorded, Receipt, Replies, Shell, Unread,
};
pub use snapshot::{AnalyzerFacts, ApprovalRules, BinaryAction, BinaryRule, Epochs, MaskingRules, Snapshot};
pub use state::hold_state;
pub use subjects::{MOST_SUBJECTS, SubjectRule, actor_label, subject_label};
pub use tally::{Tallies, Tally, Totals};
pub use tools::{ToolFacts, ToolTable};
pub use turned::{close, open, refuse};
pub use turns::{Coming, InTurn};
pub use vault::{Deposit, Kept, Recall};
pub use walk::{Related, Walk, Walked, walk};
