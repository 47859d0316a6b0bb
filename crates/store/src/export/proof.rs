//! What a report over the log itself stands on: every leaf from a signed checkpoint, or the beginning, up to the newest one, in its
//! order, folded to the root that it signs. A report that leaves out a record, or has one too many, is not given out.

use std::sync::Arc;

use carnet_evidence::Hash;
use carnet_evidence::checkpoint::Checkpoint;
use carnet_evidence::note::Verifier;
use carnet_evidence::tree::Frontier;

use super::Filter;
use super::range::{self, Range};
use crate::disk::Disk;
use crate::error::StoreError;
use crate::reader::Stored;

/// What a producer was given.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ran {
    /// How many records of the period.
    pub records: u64,
    /// Of which range they are all, and why; `None` where there is no checkpoint yet.
    pub complete: Option<Complete>,
}

/// A range of which nothing is missing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Complete {
    /// First index.
    pub from: u64,
    /// Index after the last: the size of the checkpoint.
    pub to: u64,
    /// The root that the checkpoint signs and the leaves give.
    pub root: Hash,
    /// Records of the period that came after it.
    pub later: u64,
}

/// The tree in the making.
pub(super) struct Proof(Option<(Range, Frontier, Hash, u64)>);

fn signed(bytes: &[u8], key: &Verifier) -> Result<Checkpoint, StoreError> {
    let opened = Checkpoint::open(bytes, key);
    Ok(opened.map_err(|e| super::other("log/checkpoint", &e.to_string()))?.0)
}

impl Proof {
    /// Of the range that a filter asks for.
    pub(super) fn begin(disk: &Arc<dyn Disk>, filter: &Filter, key: &Verifier) -> Result<Proof, StoreError> {
        // A log of a moment ago has no checkpoint.
        let Ok(range) = range::find(disk, filter) else { return Ok(Proof(None)) };
        let end = signed(&range.end, key)?;
        let tree = range.frontier(disk)?;
        let begin = range.start.as_ref().map(|start| signed(start, key)).transpose()?;
        if begin.is_some_and(|begin| begin.size != tree.size() || begin.root != tree.root()) {
            return Err(not_whole(range.from));
        }
        Ok(Proof(Some((range, tree, end.root, 0))))
    }

    /// Where to begin.
    pub(super) fn from(&self) -> u64 {
        self.0.as_ref().map_or(0, |(range, ..)| range.from)
    }

    /// The next record, and whether it is of the period.
    pub(super) fn push(&mut self, stored: &Stored, asked: bool) {
        let Some((range, tree, _, later)) = &mut self.0 else { return };
        if stored.index >= range.to {
            *later += u64::from(asked);
        } else if stored.index == tree.size() {
            tree.push(stored.leaf_hash);
        }
    }

    /// The range, if it is whole.
    pub(super) fn finish(self) -> Result<Option<Complete>, StoreError> {
        let Some((range, tree, root, later)) = self.0 else { return Ok(None) };
        if tree.size() != range.to || tree.root() != root {
            return Err(not_whole(tree.size()));
        }
        Ok(Some(Complete { from: range.from, to: range.to, root, later }))
    }
}

fn not_whole(index: u64) -> StoreError {
    StoreError::Damaged { what: "tree", path: "log/segments".to_owned(), index }
}
