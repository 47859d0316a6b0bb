//! Inclusion and consistency proofs (RFC 9162, sections 2.1.3 and 2.1.4): made from stored hashes, checked from roots.

use super::{Hash, node_hash};

/// Why a proof does not hold or cannot be made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ProofError {
    /// Index or sizes that make no sense together.
    #[error("proof is asked for a place outside the tree")]
    Range,
    /// A stored hash is not there.
    #[error("a stored hash is missing")]
    Missing,
    /// Too few or too many hashes.
    #[error("proof has the wrong length")]
    Length,
    /// The hashes do not lead to the root.
    #[error("proof does not lead to the root")]
    Root,
}

/// Gives the hash of the whole subtree of a height (0: leaves) and number.
pub type ReadHash<'a> = dyn FnMut(u8, u64) -> Option<Hash> + 'a;

/// Root of the leaves from `start` to before `end`, where `start` is a multiple of the smallest power of two that is
/// not smaller than their number.
///
/// # Errors
/// [`ProofError::Missing`], or [`ProofError::Range`] for an empty range.
pub fn subtree_root(start: u64, end: u64, read: &mut ReadHash<'_>) -> Result<Hash, ProofError> {
    let len = end.checked_sub(start).filter(|len| *len > 0).ok_or(ProofError::Range)?;
    if len.is_power_of_two() {
        let height = u8::try_from(len.ilog2()).map_err(|_| ProofError::Range)?;
        return read(height, start >> height).ok_or(ProofError::Missing);
    }
    let k = split(len);
    let left = subtree_root(start, start + k, read)?;
    let right = subtree_root(start + k, end, read)?;
    Ok(node_hash(&left, &right))
}

/// The largest power of two smaller than `n`, for `n` of 2 and more.
fn split(n: u64) -> u64 {
    1 << (n - 1).ilog2()
}

/// The inclusion proof of leaf `index` in the tree of `size` leaves.
///
/// # Errors
/// [`ProofError::Range`] when the leaf is not in the tree, [`ProofError::Missing`].
pub fn inclusion(index: u64, size: u64, read: &mut ReadHash<'_>) -> Result<Vec<Hash>, ProofError> {
    if index >= size {
        return Err(ProofError::Range);
    }
    let (mut start, mut end, mut path) = (0, size, Vec::new());
    while end - start > 1 {
        let k = split(end - start);
        if index < start + k {
            path.push(subtree_root(start + k, end, read)?);
            end = start + k;
        } else {
            path.push(subtree_root(start, start + k, read)?);
            start += k;
        }
    }
    path.reverse();
    Ok(path)
}

/// The consistency proof between the trees of `old` and `size` leaves. Empty when `old` is 0 or both are the same.
///
/// # Errors
/// [`ProofError::Range`] when `old` is larger, [`ProofError::Missing`].
pub fn consistency(old: u64, size: u64, read: &mut ReadHash<'_>) -> Result<Vec<Hash>, ProofError> {
    if old > size {
        return Err(ProofError::Range);
    }
    if old == 0 || old == size {
        return Ok(Vec::new());
    }
    let (mut start, mut end, mut path) = (0, size, Vec::new());
    // RFC 9162, SUBPROOF(m, D_n, b): `b` holds as long as the old tree is the left edge.
    while end != old {
        let k = split(end - start);
        if old <= start + k {
            path.push(subtree_root(start + k, end, read)?);
            end = start + k;
        } else {
            path.push(subtree_root(start, start + k, read)?);
            start += k;
        }
    }
    if start != 0 {
        path.push(subtree_root(start, end, read)?);
    }
    path.reverse();
    Ok(path)
}

/// Checks an inclusion proof (RFC 9162, section 2.1.3.2).
///
/// # Errors
/// [`ProofError::Range`], [`ProofError::Length`], [`ProofError::Root`].
pub fn verify_inclusion(
    leaf: &Hash,
    index: u64,
    size: u64,
    proof: &[Hash],
    root: &Hash,
) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::Range);
    }
    let (mut fnode, mut snode, mut hash) = (index, size - 1, *leaf);
    for p in proof {
        if snode == 0 {
            return Err(ProofError::Length);
        }
        if fnode & 1 == 1 || fnode == snode {
            hash = node_hash(p, &hash);
            while fnode & 1 == 0 && fnode != 0 {
                fnode >>= 1;
                snode >>= 1;
            }
        } else {
            hash = node_hash(&hash, p);
        }
        fnode >>= 1;
        snode >>= 1;
    }
    if snode != 0 {
        return Err(ProofError::Length);
    }
    if hash == *root { Ok(()) } else { Err(ProofError::Root) }
}

/// Checks a consistency proof (RFC 9162, section 2.1.4.2).
///
/// # Errors
/// [`ProofError::Range`], [`ProofError::Length`], [`ProofError::Root`].
pub fn verify_consistency(
    old: u64,
    old_root: &Hash,
    size: u64,
    root: &Hash,
    proof: &[Hash],
) -> Result<(), ProofError> {
    if old > size {
        return Err(ProofError::Range);
    }
    if old == size || old == 0 {
        let same = if old == 0 { *old_root == super::empty_root() } else { old_root == root };
        return match (proof.is_empty(), same) {
            (false, _) => Err(ProofError::Length),
            (true, true) => Ok(()),
            (true, false) => Err(ProofError::Root),
        };
    }
    let mut rest = proof.iter();
    let first = if old.is_power_of_two() { old_root } else { rest.next().ok_or(ProofError::Length)? };
    let (mut fnode, mut snode) = (old - 1, size - 1);
    while fnode & 1 == 1 {
        fnode >>= 1;
        snode >>= 1;
    }
    let (mut from_old, mut from_new) = (*first, *first);
    for c in rest {
        if snode == 0 {
            return Err(ProofError::Length);
        }
        if fnode & 1 == 1 || fnode == snode {
            from_old = node_hash(c, &from_old);
            from_new = node_hash(c, &from_new);
            while fnode & 1 == 0 && fnode != 0 {
                fnode >>= 1;
                snode >>= 1;
            }
        } else {
            from_new = node_hash(&from_new, c);
        }
        fnode >>= 1;
        snode >>= 1;
    }
    if snode != 0 {
        return Err(ProofError::Length);
    }
    if from_old == *old_root && from_new == *root { Ok(()) } else { Err(ProofError::Root) }
}
