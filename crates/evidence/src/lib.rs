//! Evidence of what passed the gateway, format `carnet/1`: leaves, Merkle tree, checkpoints and their verification.
//!
//! The writing side, in the order of one record: [`Disclosures`] salts and hashes what was seen, `seal` encrypts it
//! (feature `seal`), a [`Draft`] becomes the leaf when the log knows its place, [`segment`] frames it for the
//! disk, [`Tree`] grows, [`checkpoint`] signs. The reading side is [`verify`]. `docs/evidence-format.md` has every
//! byte of it. Floor 1: no files, no clock, no randomness; time and entropy are parameters.

pub mod checkpoint;
pub mod disclosure;
pub mod field;
pub mod leaf;
pub mod note;
pub mod package;
#[cfg(feature = "seal")]
pub mod seal;
pub mod segment;
pub mod stamp;
mod text;
pub mod tree;
pub mod verify;
pub mod witness;

#[cfg(test)]
mod tests;

pub use disclosure::Disclosures;
pub use leaf::{BlobRef, Draft, Epochs, Ext, Leaf, LeafError, LeafType};
pub use tree::{Hash, Tree, leaf_hash, node_hash};
