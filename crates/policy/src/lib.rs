//! Cedar policies: loading, slicing, deciding, explaining.
//!
//! [`PolicySet::load`] checks policies against the embedded [`SCHEMA`] and slices them by scope.
//! [`PolicySet::decide`] answers one [`Request`]; whatever does not depend on the [`Context`] is decided once per
//! principal, action and resource. [`PolicySet::may_list`] filters lists, [`PolicySet::reveal`] and
//! [`PolicySet::transfer`] answer for classes of data, [`PolicySet::mask`] and [`PolicySet::restore`] for what replaces them.

mod cache;
mod context;
mod data;
mod diagnostic;
mod distributed;
mod entity;
mod evaluate;
mod explain;
mod index;
mod load;
mod matrix;
mod needs;
mod principal;
mod question;
mod rule;
mod set;
mod state;

pub use context::{Arguments, Context, Crossing, Direction, Given, NoArguments, Scalar};
pub use data::{Allowed, Choice};
pub use diagnostic::Diagnostic;
pub use distributed::only_forbids;
pub use entity::ServerFacts;
pub use explain::{Explained, Explanation, Holding, Outcome, Withholding};
pub use load::SCHEMA;
pub use principal::{PrincipalKey, identity_id};
pub use question::{Flow, Route};
pub use rule::Stop;
pub use set::{Options, PolicySet, Request};
