//! Which records a package covers: from a kept checkpoint at or before the period to one at or after it. Both were signed
//! when they were made, not for the package.

use std::sync::Arc;
use std::time::{Duration, Instant};

use carnet_evidence::Hash;
use carnet_evidence::checkpoint::Checkpoint;
use carnet_evidence::note::Note;
use carnet_evidence::package::{ANCHORS, CONSISTENCY, END, FRONTIER, START, lines};
use carnet_evidence::tree::{Frontier, consistency, entries_path, hash_from_tiles, subtree_root};

use super::{Filter, other};
use crate::anchors;
use crate::disk::{Disk, read_file};
use crate::error::StoreError;
use crate::log::{CHECKPOINT, KEPT, minimum};
use crate::reader::Reader;

/// See the module.
pub(super) struct Range {
    pub(super) from: u64,
    pub(super) to: u64,
    pub(super) start: Option<Vec<u8>>,
    pub(super) end: Vec<u8>,
    /// The newest checkpoint: its size and itself.
    pub(super) newest: (u64, Vec<u8>),
    /// What others say of checkpoints up to that one; looked for at once, since it does not all stay.
    anchors: Vec<(String, Vec<u8>)>,
}

fn size_of(bytes: &[u8]) -> Option<u64> {
    Some(Checkpoint::parse_text(&Note::parse(bytes).ok()?.text).ok()?.size)
}

/// Time of the leaf of an index.
fn time(reader: &Reader, index: u64) -> Result<Option<u64>, StoreError> {
    let mut found = None;
    reader.read(index, &mut |stored| {
        found = Some(stored.leaf.draft.t);
        Ok(false)
    })?;
    Ok(found)
}

/// The first of the sizes, which ascend, at which `is` holds; it holds from some on.
fn first(sizes: &[u64], mut is: impl FnMut(u64) -> Result<bool, StoreError>) -> Result<usize, StoreError> {
    let (mut low, mut high) = (0, sizes.len());
    while low < high {
        let middle = usize::midpoint(low, high);
        match sizes.get(middle) {
            Some(size) if !is(*size)? => low = middle + 1,
            _ => high = middle,
        }
    }
    Ok(low)
}

pub(super) fn find(disk: &Arc<dyn Disk>, filter: &Filter) -> Result<Range, StoreError> {
    let reader = Reader::new(Arc::clone(disk));
    let newest = read_file(&**disk, CHECKPOINT)?;
    let newest = newest.and_then(|bytes| Some((size_of(&bytes)?, bytes)));
    let Some(newest) = newest.filter(|(size, _)| *size > 0) else {
        return Err(other(CHECKPOINT, "there is no checkpoint yet"));
    };
    let least = minimum(&**disk)?;
    let names = disk.list(KEPT).unwrap_or_default();
    let mut sizes: Vec<u64> =
        names.iter().filter_map(|n| n.parse().ok()).filter(|n| (least..newest.0).contains(n)).collect();
    sizes.sort_unstable();
    // The last one before the period, the first one after it. Times of the log ascend, but for steps of the clock.
    let begin = match filter.from {
        None => 0,
        Some(t) => first(&sizes, |size| Ok(time(&reader, size - 1)?.is_none_or(|last| last >= t)))?,
    };
    let end = match filter.to {
        None => sizes.len(),
        Some(t) => first(&sizes, |size| Ok(time(&reader, size - 1)?.is_none_or(|last| last >= t)))?,
    };
    let kept = |size: u64| read_file(&**disk, &format!("{KEPT}/{size:020}"));
    // A pruned log begins at a checkpoint that was signed for that.
    let from = begin.checked_sub(1).and_then(|i| sizes.get(i)).copied().unwrap_or(least);
    let start = if from == 0 { None } else { kept(from)? };
    let (to, end) = match sizes.get(end).filter(|to| **to > from) {
        Some(to) => (*to, kept(*to)?.unwrap_or_default()),
        None => newest.clone(),
    };
    let anchors = anchors::between(&**disk, from, newest.0)?;
    Ok(Range { from, to, start, end, newest, anchors })
}

/// How long a checkpoint is waited for that covers what is there already: one follows within a second.
const PATIENCE: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(50);

impl Range {
    /// Takes a newer checkpoint than the newest that is known, and waits for one where the log has records after it. Whether there
    /// is one.
    pub(super) fn follow(&mut self, disk: &Arc<dyn Disk>) -> Result<bool, StoreError> {
        let until = Instant::now() + PATIENCE;
        loop {
            let found = read_file(&**disk, CHECKPOINT)?.and_then(|bytes| Some((size_of(&bytes)?, bytes)));
            if let Some(found) = found.filter(|(size, _)| *size > self.newest.0) {
                self.anchors = anchors::between(&**disk, self.from, found.0)?;
                self.newest = found;
                return Ok(true);
            }
            let more = time(&Reader::new(Arc::clone(disk)), self.newest.0)?.is_some();
            if !more || Instant::now() > until {
                return Ok(false);
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Up to the newest checkpoint.
    pub(super) fn extend(&mut self) {
        (self.to, self.end) = self.newest.clone();
    }

    /// Checkpoints, frontier and consistency proof.
    pub(super) fn files(&self, disk: &Arc<dyn Disk>) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        // Tiles of a log that grows: a partial one may be replaced by a wider one while it is looked for.
        for _ in 0..5 {
            let newest = read_file(&**disk, CHECKPOINT)?.and_then(|b| size_of(&b)).unwrap_or(self.newest.0);
            if let Some((frontier, proof)) = self.proofs(disk, newest) {
                let mut out: Vec<(String, Vec<u8>)> =
                    self.start.iter().map(|start| (START.to_owned(), start.clone())).collect();
                out.push((END.to_owned(), self.end.clone()));
                out.push((FRONTIER.to_owned(), lines::frontier(&frontier).into_bytes()));
                let consistency = lines::consistency(self.from, self.to, &proof);
                out.push((CONSISTENCY.to_owned(), consistency.into_bytes()));
                let last = format!("{:020}", self.to);
                let ours =
                    self.anchors.iter().filter(|(name, _)| name.get(..20).is_some_and(|n| n <= &*last));
                out.extend(ours.map(|(name, bytes)| (format!("{ANCHORS}{name}"), bytes.clone())));
                return Ok(out);
            }
        }
        Err(other(&entries_path(self.from, 0), "the published tree is not whole"))
    }

    /// The tree before the range.
    pub(super) fn frontier(&self, disk: &Arc<dyn Disk>) -> Result<Frontier, StoreError> {
        for _ in 0..5 {
            let newest = read_file(&**disk, CHECKPOINT)?.and_then(|b| size_of(&b)).unwrap_or(self.newest.0);
            if let Some((frontier, _)) = self.proofs(disk, newest) {
                return Ok(frontier);
            }
        }
        Err(other(&entries_path(self.from, 0), "the published tree is not whole"))
    }

    fn proofs(&self, disk: &Arc<dyn Disk>, newest: u64) -> Option<(Frontier, Vec<Hash>)> {
        let mut file = |path: &str| read_file(&**disk, &format!("log/{path}")).ok().flatten();
        let mut read = |level, number| hash_from_tiles(level, number, newest, &mut file);
        let (mut at, mut hashes) = (0, Vec::new());
        for bit in (0..64).rev().filter(|bit| self.from >> bit & 1 == 1) {
            hashes.push(subtree_root(at, at + (1 << bit), &mut read).ok()?);
            at += 1 << bit;
        }
        let proof = consistency(self.from, self.to, &mut read).ok()?;
        Some((Frontier::from_parts(self.from, hashes)?, proof))
    }
}
