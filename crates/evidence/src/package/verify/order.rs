//! Completeness: the frontier of the start, and every leaf after it, must fold to the root of the end. Where they do not,
//! indexes and stated hashes tell what was done.

use std::collections::BTreeSet;

use super::files::Ends;
use crate::checkpoint::Checkpoint;
use crate::package::manifest::Facts;
use crate::package::walk::Seen;
use crate::tree::{Frontier, Hash};
use crate::verify::{Fault, Step};

/// How far a leaf's time may lie before that of an earlier one, in seconds: clocks are set right in steps.
const BACK: u64 = 300;
/// Indexes that are waited for, before they are said to be missing.
const WAITING: u64 = 1000;

pub(super) struct Order {
    step: Step,
    history: Step,
    range: (u64, u64),
    tree: Option<(Frontier, Hash)>,
    earlier: Option<Checkpoint>,
    next: u64,
    waiting: BTreeSet<u64>,
    newest: u64,
    count: u64,
}

impl Order {
    pub(super) fn new(facts: &Facts, ends: Option<Ends>, earlier: Option<Checkpoint>, history: Step) -> Self {
        let mut order = Order {
            step: Step::new("completeness"),
            history,
            range: (facts.from, facts.to),
            tree: ends.map(|e| (e.frontier, e.root)),
            earlier,
            next: facts.from,
            waiting: BTreeSet::new(),
            newest: 0,
            count: 0,
        };
        order.compare();
        order
    }

    /// Root of the tree so far, where the package says how it began.
    pub(super) fn root(&self) -> Option<Hash> {
        self.tree.as_ref().map(|(tree, _)| tree.root())
    }

    /// The tree of the size of the earlier checkpoint must have had its root.
    fn compare(&mut self) {
        if let (Some(earlier), Some((tree, _))) = (&self.earlier, &self.tree)
            && tree.size() == earlier.size
            && tree.root() != earlier.root
        {
            // Where this package ends, its log has signed the other root: two signatures convict it.
            let fault = if earlier.size == self.range.1 { Fault::TwoCheckpoints } else { Fault::Forked };
            let detail = "the tree of that size has another root now";
            self.history.fault(fault, Some(earlier.size), detail);
        }
    }

    pub(super) fn push(&mut self, seen: &Seen) {
        self.count += 1;
        self.place(seen);
        if seen.hash != seen.stated {
            let detail = "its hash is not the one stated beside it";
            self.step.fault(Fault::LeafAltered, Some(seen.index), detail);
        }
        if let Ok(leaf) = &seen.leaf {
            let t = leaf.draft.t;
            if t.saturating_add(BACK) < self.newest {
                let detail = format!("{} s before a record that precedes it", self.newest - t);
                self.step.fault(Fault::TimeBackwards, Some(seen.index), detail);
            }
            self.newest = self.newest.max(t);
        }
        if let Some((tree, _)) = &mut self.tree {
            tree.push(seen.hash);
        }
        self.compare();
    }

    fn place(&mut self, seen: &Seen) {
        let index = seen.index;
        if index == self.next && index < self.range.1 {
            self.next += 1;
        } else if self.waiting.remove(&index) {
            self.step.fault(Fault::LeafReordered, Some(index), "it stands after a later one");
        } else if index > self.next && index < self.range.1 {
            for missing in (self.next..index).take(usize::try_from(WAITING).unwrap_or(0)) {
                self.waiting.insert(missing);
            }
            self.next = index + 1;
        } else {
            self.step.fault(Fault::LeafInserted, Some(index), "its place is taken, or outside the range");
        }
    }

    pub(super) fn finish(mut self) -> [Step; 2] {
        for index in std::mem::take(&mut self.waiting) {
            self.step.fault(Fault::LeafOmitted, Some(index), "it is not there");
        }
        if self.next < self.range.1 {
            let detail = format!("the range ends at {}, {} are there", self.range.1, self.next);
            self.step.fault(Fault::Truncated, Some(self.next), detail);
        }
        match &self.tree {
            None => self.step.skip("the checkpoints of the package cannot be used"),
            Some((tree, root)) if tree.root() != *root => {
                let detail = "frontier and leaves give another root than the last checkpoint's";
                self.step.fault(Fault::RootMismatch, None, detail);
            }
            Some(_) => {}
        }
        self.step.count("leaves", self.count);
        [self.history, self.step]
    }
}
