//! A set of fingerprints, and where a text overlaps with it.

use std::ops::Range;
use std::sync::Arc;

use carnet_model::DataClass;

use super::tokens::Identifiers;
use super::winnow::winnow;
use crate::custom::intern;
use crate::scan::Hit;

/// The share of a region's fingerprints, in hundredths, that has to be in the set.
pub const DEFAULT_THRESHOLD: u32 = 50;

/// Fewer common fingerprints in a region say nothing.
const LEAST: u32 = 4;

/// Fingerprints that are not in the set between two that are and belong together.
const GAP: u32 = 6;

/// No shorter text can hold enough of them.
const SHORTEST: usize = 64;

/// The fingerprints of one's own code or documents. Cheap to clone. `Debug` prints their number.
#[derive(Clone)]
pub struct Fingerprints {
    rule: &'static str,
    names: Identifiers,
    key: (u64, u64),
    threshold: u32,
    hashes: Arc<[u64]>,
    /// Where hashes with the same first sixteen bits begin.
    index: Arc<[u32]>,
}

impl std::fmt::Debug for Fingerprints {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fingerprints").field("hashes", &self.hashes.len()).finish_non_exhaustive()
    }
}

/// A stretch of text under way.
struct Region {
    span: Range<u32>,
    hits: u32,
    /// All fingerprints up to the last hit, and those behind it.
    all: u32,
    behind: u32,
}

impl Fingerprints {
    /// A set of sorted hashes. `name` says in records what the text was taken from; `threshold` is in hundredths.
    pub(super) fn new(
        name: &str,
        names: Identifiers,
        key: (u64, u64),
        threshold: u32,
        hashes: Vec<u64>,
    ) -> Self {
        let start = |n: usize| hashes.partition_point(|h| ((h >> 24) as usize) < n) as u32;
        let index = (0..=1 << 16).map(start).collect();
        let rule = intern(&format!("fingerprint:{name}"));
        Fingerprints { rule, names, key, threshold, index, hashes: hashes.into() }
    }

    /// How many fingerprints there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.hashes.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    pub(crate) fn may_read(&self, text: &str) -> bool {
        text.len() >= SHORTEST
    }

    fn contains(&self, hash: u64) -> bool {
        let first = (hash >> 24) as usize;
        let at = |n: usize| self.index.get(n).map_or(0, |i| *i as usize);
        self.hashes.get(at(first)..at(first + 1)).is_some_and(|part| part.binary_search(&hash).is_ok())
    }

    /// Adds the regions of a text that overlap with the set, in whole lines.
    pub(crate) fn scan(&self, text: &str, hits: &mut Vec<Hit>) {
        if !self.may_read(text) {
            return;
        }
        let mut open: Option<Region> = None;
        winnow(text, self.names, |kept| {
            let hit = self.contains(kept.fingerprint(self.key));
            match (&mut open, hit) {
                (Some(r), true) => {
                    r.span.end = r.span.end.max(kept.end);
                    r.hits += 1;
                    r.all += r.behind + 1;
                    r.behind = 0;
                }
                (Some(r), false) if r.behind < GAP => r.behind += 1,
                (Some(r), false) => {
                    self.close(text, r, hits);
                    open = None;
                }
                (None, true) => {
                    open = Some(Region { span: kept.start..kept.end, hits: 1, all: 1, behind: 0 });
                }
                (None, false) => {}
            }
        });
        if let Some(r) = &open {
            self.close(text, r, hits);
        }
    }

    fn close(&self, text: &str, r: &Region, hits: &mut Vec<Hit>) {
        if r.hits < LEAST || r.hits * 100 < r.all * self.threshold {
            return;
        }
        let b = text.as_bytes();
        let (start, end) = (r.span.start as usize, r.span.end as usize);
        let start = b.get(..start).and_then(|h| memchr::memrchr(b'\n', h)).map_or(0, |n| n + 1);
        let end = b.get(end..).and_then(|t| memchr::memchr(b'\n', t)).map_or(b.len(), |n| end + n);
        let (start, end) = (start as u32, end as u32);
        let class = DataClass::PROPRIETARY;
        hits.push(Hit { start, end, class, kind: "PROPRIETARY", rule: self.rule, score: 90 });
    }
}
