//! The nouns of Carnet: who acts ([`Principal`]), what is done ([`Action`]), on what ([`Resource`]),
//! which data ([`DataClass`]), where ([`Region`]), and what the policy said ([`Verdict`]).
//!
//! Floor 0: no input or output, no clock, no randomness. Every other crate speaks in these words.

mod action;
mod class;
mod class_names;
mod principal;
mod region;
mod resource;
mod sensitive;
mod transform;
mod verdict;

pub use action::Action;
pub use class::{ClassSet, DataClass};
pub use class_names::ClassNames;
pub use principal::{AuthMethod, Identity, IdentityKind, Principal};
pub use region::Region;
pub use resource::{HeldCall, Resource};
pub use sensitive::Sensitive;
pub use transform::Transform;
pub use verdict::{Decided, Effect, PolicyId, Verdict};
