//! Packages by an operator who holds the log's key and signs anew what was changed, before the verifier with its policy engine.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop at anything odd")]
#![cfg(feature = "judge")]

mod approvals;
mod make;
mod matrix;
