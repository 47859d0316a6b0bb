//! Witnesses: others who sign a checkpoint only if it grew out of the one that they signed before (C2SP tlog-cosignature,
//! tlog-policy, tlog-witness). A log that shows two histories needs them to sign both, which none does.
//!
//! [`cosign`] has the signatures, [`policy`] says who they must be of, [`submission`] is what a log asks a witness, and
//! what the witness decides.

pub mod cosign;
pub mod policy;
pub mod submission;
#[cfg(test)]
mod tests;

pub use cosign::{Cosigner, CosignerKey};
pub use policy::{Policy, PolicyError, Witness, Witnessed};
pub use submission::{Refusal, Submission, consider};
