//! Approvals: a call that only an approval would permit is held, and goes on when the right people have approved exactly
//! that call.
//!
//! [`Binding`] is what an approval is bound to, [`Requirement`] who must approve, [`Held`] the state of one call with every
//! rule about votes, [`View`] what approvers see. Floor 1: no clock, no files, no randomness. The shell asks [`Held::apply`]
//! what an event does, makes the records durable that it names, and only then keeps the new state.

mod binding;
mod canonical;
mod event;
mod grant;
mod held;
mod inert;
mod people;
mod request;
mod requirement;
mod shape;
mod time;
mod view;
mod vote;

pub use binding::{Binding, Digest, Id, Malformed, Residency};
pub use canonical::{canonical, canonical_without};
pub use event::{Effect, Event, Leaf, Rejected};
pub use grant::{Delegation, Grant, Terms};
pub use held::{Held, Released};
pub use inert::Inert;
pub use people::{Account, People};
pub use request::{BreakGlass, Ending, Phase, Request, Review};
pub use requirement::{Mistake, Part, Requirement, Rule, Terms as Annotations};
pub use shape::{Shape, ShapeOf};
pub use time::duration;
pub use view::{Jurisdictions, PartView, Unmasked, View, VoteView, Why};
pub use vote::{Assurance, Choice, Proof, Vote};
