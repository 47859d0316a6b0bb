//! A log whose beginning was pruned: the tree over it stays, and a record says so.

use super::report::{Fault, Step};
use super::{LogSource, SourceError};
use crate::leaf::{Ext, Leaf, LeafType};
use crate::package::lines;
use crate::tree::{Hash, Tree, consistency, hash_from_tiles, verify_consistency};

pub(super) struct Pruned {
    step: Step,
    /// Index of the first leaf that is there.
    pub(super) to: u64,
    /// The tree up to there.
    pub(super) tree: Tree,
    said: bool,
}

impl Pruned {
    /// What `pruned` says; nothing for a log that is whole.
    pub(super) fn read(source: &dyn LogSource, size: u64) -> Result<Pruned, SourceError> {
        let mut out = Pruned { step: Step::new("retention"), to: 0, tree: Tree::new(), said: false };
        let Some(bytes) = source.file("pruned")? else { return Ok(out) };
        let first = bytes.split_inclusive(|b| *b == b'\n').next().unwrap_or_default();
        let Some(frontier) = lines::read_frontier(first).filter(|f| f.size() <= size && f.size() > 0) else {
            out.step.fault(Fault::FrontierWrong, None, "pruned is not of its form");
            return Ok(out);
        };
        out.to = frontier.size();
        let mut failed = None;
        let tree = Tree::within(out.to, size, &mut |path| match source.file(path) {
            Ok(bytes) => bytes,
            Err(e) => {
                failed = Some(e);
                None
            }
        });
        if let Some(e) = failed {
            return Err(e);
        }
        match tree {
            Ok(tree) => {
                if tree.frontier() != &frontier {
                    let detail = "pruned has another frontier than the published tree";
                    out.step.fault(Fault::FrontierWrong, Some(out.to), detail);
                }
                out.tree = tree;
            }
            Err(e) => out.step.fault(Fault::TileMissing, Some(out.to), e.to_string()),
        }
        Ok(out)
    }

    pub(super) fn push(&mut self, leaf: &Leaf) {
        if leaf.draft.ty == LeafType::RetentionPrune {
            self.said |=
                leaf.draft.ext.iter().any(|(key, value)| *key == "to" && *value == Ext::Int(self.to));
        }
    }

    pub(super) fn finish(mut self) -> Step {
        if self.to == 0 && self.step.found == 0 {
            self.step.skip("nothing was pruned");
            return self.step;
        }
        if !self.said {
            let detail = "no record says that the log was pruned up to here";
            self.step.fault(Fault::PruneUnrecorded, Some(self.to), detail);
        }
        self.step.count("leaves pruned", self.to);
        self.step
    }
}

/// Whether the tree of now grew out of one of before, by the published tiles, which stay when leaves are pruned.
pub(super) fn consistent(source: &dyn LogSource, then: u64, root: &Hash, now: Option<(u64, Hash)>) -> bool {
    let Some((size, now)) = now else { return false };
    let mut file = |path: &str| source.file(path).ok().flatten();
    let mut hash = |level, number| hash_from_tiles(level, number, size, &mut file);
    let proof = consistency(then, size, &mut hash);
    proof.is_ok_and(|proof| verify_consistency(then, root, size, &now, &proof).is_ok())
}
