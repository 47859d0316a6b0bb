//! The Merkle tree of RFC 6962 and RFC 9162 over SHA-256: hashes, the growing frontier, tiles and proofs.

mod grow;
mod proof;
#[cfg(test)]
mod tests;
mod tile;

use sha2::{Digest as _, Sha256};

pub use grow::{Frontier, ResumeError, Tree};
pub use proof::{
    ProofError, ReadHash, consistency, inclusion, subtree_root, verify_consistency, verify_inclusion,
};
pub use tile::{TILE_WIDTH, TileFile, bundle_entries, entries_path, hash_from_tiles, tile_path};

/// A SHA-256 hash.
pub type Hash = [u8; 32];

/// Hash of a leaf (RFC 6962, section 2.1): SHA-256(0x00 || leaf).
#[must_use]
pub fn leaf_hash(leaf: &[u8]) -> Hash {
    let mut sha = Sha256::new();
    sha.update([0u8]);
    sha.update(leaf);
    sha.finalize().into()
}

/// Hash of an inner node: SHA-256(0x01 || left || right).
#[must_use]
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut sha = Sha256::new();
    sha.update([1u8]);
    sha.update(left);
    sha.update(right);
    sha.finalize().into()
}

/// Root of the empty tree: SHA-256 of nothing.
#[must_use]
pub fn empty_root() -> Hash {
    Sha256::digest([]).into()
}
