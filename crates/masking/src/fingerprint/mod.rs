//! Recognises one's own code and documents by winnowing fingerprints (Schleimer, Wilkerson, Aiken: Winnowing, SIGMOD 2003).
//!
//! A text becomes tokens, each run of [`GRAM`] tokens a hash, and of every [`WINDOW`] hashes in a row the smallest is kept. So
//! every run of `GRAM + WINDOW - 1` tokens that two texts share gives both a fingerprint in common, whatever the white space.
//! What is stored is a keyed hash of each: without the key nobody can try whether a text is in the set, and no content is kept.

mod file;
mod set;
mod sip;
mod tokens;
mod winnow;

pub use file::{FingerprintMistake, Gathered};
pub use set::{DEFAULT_THRESHOLD, Fingerprints};
pub use tokens::Identifiers;

/// Tokens of one hash. Shorter runs are idioms that all code shares.
pub(crate) const GRAM: usize = 16;

/// Hashes of which one is kept.
pub(crate) const WINDOW: usize = 8;
