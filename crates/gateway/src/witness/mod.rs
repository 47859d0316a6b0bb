//! Witnesses on both sides: [`serve`] answers logs as a C2SP tlog-witness, `tend` submits this cell's own checkpoints.

mod anchor;
mod authority;
mod serve;
mod submit;

pub use anchor::{Anchoring, tend};
pub use serve::{WitnessDesk, serve};
