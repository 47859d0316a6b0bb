//! What the log knows beyond its bytes: the chain of each open session and the decisions that wait for an outcome.
//!
//! The writer and recovery change it through the same functions. A batch is tentative until it is synced: [`State`]
//! keeps what it replaced and can go back.

use std::collections::{BTreeMap, HashMap};

use carnet_evidence::{Draft, Hash, LeafType};

/// End of a session's chain.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Tail {
    /// Number of the next leaf.
    pub(crate) n: u64,
    /// Hash of the last.
    pub(crate) last: Hash,
}

/// What matters of a leaf once it has its place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Placed {
    pub(crate) index: u64,
    pub(crate) n: u64,
    pub(crate) hash: Hash,
    pub(crate) gs: [u8; 16],
    pub(crate) ty: LeafType,
    pub(crate) of: Option<u64>,
    pub(crate) ow: bool,
}

impl Placed {
    pub(crate) fn new(draft: &Draft, index: u64, n: u64, hash: Hash) -> Self {
        Placed { index, n, hash, gs: draft.gs, ty: draft.ty, of: draft.of, ow: draft.ow }
    }
}

#[derive(Clone)]
enum Undo {
    Tail([u8; 16], Option<Tail>),
    Waits(u64),
    Answered(u64, [u8; 16]),
}

/// See the module.
#[derive(Clone, Default)]
pub(crate) struct State {
    /// Number of leaves.
    pub(crate) size: u64,
    pub(crate) tails: HashMap<[u8; 16], Tail>,
    /// Decisions without outcome and their session.
    pub(crate) waiting: BTreeMap<u64, [u8; 16]>,
    undo: Vec<Undo>,
}

impl State {
    pub(crate) fn of_size(size: u64) -> Self {
        State { size, ..State::default() }
    }

    /// Number and link of the next leaf of a session.
    pub(crate) fn place(&self, gs: &[u8; 16]) -> (u64, Option<Hash>) {
        self.tails.get(gs).map_or((0, None), |t| (t.n, Some(t.last)))
    }

    /// Whether an outcome may name this decision.
    pub(crate) fn waits(&self, of: u64, gs: &[u8; 16]) -> bool {
        self.waiting.get(&of) == Some(gs)
    }

    /// Takes a leaf in. [`State::back_to`] takes it out again until [`State::settle`].
    pub(crate) fn apply(&mut self, p: &Placed) {
        self.size = p.index + 1;
        let ends = matches!(p.ty, LeafType::SessionClose | LeafType::GwStop);
        let before = if ends {
            self.tails.remove(&p.gs)
        } else {
            self.tails.insert(p.gs, Tail { n: p.n + 1, last: p.hash })
        };
        self.undo.push(Undo::Tail(p.gs, before));
        if p.ty == LeafType::CallDecision && !p.ow {
            self.waiting.insert(p.index, p.gs);
            self.undo.push(Undo::Waits(p.index));
        }
        if let Some(of) = p.of.filter(|_| p.ty.answers())
            && let Some(gs) = self.waiting.remove(&of)
        {
            self.undo.push(Undo::Answered(of, gs));
        }
    }

    /// A mark to go back to.
    pub(crate) fn mark(&self) -> usize {
        self.undo.len()
    }

    /// Goes back to a mark and the size at that time.
    pub(crate) fn back_to(&mut self, mark: usize, size: u64) {
        while self.undo.len() > mark {
            match self.undo.pop() {
                Some(Undo::Tail(gs, Some(tail))) => drop(self.tails.insert(gs, tail)),
                Some(Undo::Tail(gs, None)) => drop(self.tails.remove(&gs)),
                Some(Undo::Waits(index)) => drop(self.waiting.remove(&index)),
                Some(Undo::Answered(of, gs)) => drop(self.waiting.insert(of, gs)),
                None => break,
            }
        }
        self.size = size;
    }

    /// What was applied is durable.
    pub(crate) fn settle(&mut self) {
        self.undo.clear();
    }
}
