//! Reads the segments in order and hands over one leaf after the other.

use super::report::{Fault, Step};
use super::{Item, LogSource, SourceError};
use crate::leaf::Leaf;
use crate::segment::{self, Damage, End, HeaderError};
use crate::tree::{Hash, hash_from_tiles};

/// How often the end of a log that is being written is read again.
const LOOKS: u32 = 3;

/// Damaged entries of one segment that are stepped over.
const MOST: u32 = 1000;

type Sink<'a> = dyn FnMut(&Item<'_>) -> Result<(), SourceError> + 'a;

/// Gives every leaf to `sink`. Returns the step and whether the leaves that the checkpoint covers are all there.
pub(super) fn each(
    source: &dyn LogSource,
    size: u64,
    from: u64,
    sink: &mut Sink<'_>,
) -> Result<(Step, bool), SourceError> {
    let mut names = source.segments()?;
    names.sort_unstable();
    // What a pruning has not removed yet is not there.
    names.retain(|name| {
        name.strip_suffix(".seg").and_then(|n| n.parse::<u64>().ok()).is_none_or(|n| n >= from)
    });
    let mut reader = Reader { source, size, step: Step::new("segments"), next: from, covered_end: true };
    let last = names.len().saturating_sub(1);
    let mut read = 0;
    for (i, name) in names.iter().enumerate() {
        let path = format!("segments/{name}");
        let bytes = source.file(&path)?.unwrap_or_default();
        read += 1;
        if !reader.segment(name, bytes, i == last, sink)? {
            break;
        }
    }
    let Reader { mut step, next, covered_end, .. } = reader;
    if next < size && step.found == 0 {
        step.fault(
            Fault::Truncated,
            Some(next),
            format!("the checkpoint covers {size} leaves, {next} are there"),
        );
    }
    step.count("segments", read);
    step.count("leaves", next - from);
    if next > size {
        step.note(format!("{} leaves are newer than the checkpoint and not yet covered by it", next - size));
    }
    Ok((step, covered_end && next >= size))
}

struct Reader<'a> {
    source: &'a dyn LogSource,
    size: u64,
    step: Step,
    next: u64,
    covered_end: bool,
}

impl Reader<'_> {
    /// Reads one segment. Whether to go on with the next.
    fn segment(
        &mut self,
        name: &str,
        bytes: Vec<u8>,
        last: bool,
        sink: &mut Sink<'_>,
    ) -> Result<bool, SourceError> {
        let first = match segment::read_header(&bytes) {
            Ok(first) => first,
            Err(e) => return Ok(self.bad_header(name, &bytes, last, e)),
        };
        if name != format!("{first:020}.seg") {
            self.step.fault(Fault::SegmentCorrupt, Some(first), format!("{name} holds leaves from {first}"));
            return Ok(false);
        }
        if first != self.next {
            let detail = format!("{name} follows leaf {}: a segment between them is not there", self.next);
            self.step.fault(Fault::SegmentMissing, Some(self.next), detail);
            return Ok(false);
        }
        self.entries(name, bytes, last, sink)
    }

    fn entries(
        &mut self,
        name: &str,
        bytes: Vec<u8>,
        last: bool,
        sink: &mut Sink<'_>,
    ) -> Result<bool, SourceError> {
        let (mut bytes, mut from, mut fresh, mut damaged) = (bytes, segment::HEADER, 0, 0);
        loop {
            let mut entries = segment::entries_from(&bytes, from, self.next);
            for entry in entries.by_ref() {
                self.next = entry.index + 1;
                sink(&Item {
                    index: entry.index,
                    bytes: entry.leaf,
                    hash: entry.leaf_hash,
                    blobs: entry.blobs,
                })?;
            }
            let Some(End::Torn { at } | End::Corrupt { at, .. }) = entries.end() else { return Ok(true) };
            let end = entries.end();
            from = at;
            // The gateway may be writing right now, and the file was not read in one instant: look again.
            if self.next >= self.size && fresh < LOOKS {
                fresh += 1;
                bytes = self.source.file(&format!("segments/{name}"))?.unwrap_or_default();
                continue;
            }
            damaged += 1;
            match self.damaged(name, &bytes, at, sink)? {
                Some(len) if damaged < MOST => from += len,
                _ => return Ok(self.stop(name, last, end)),
            }
        }
    }

    fn bad_header(&mut self, name: &str, bytes: &[u8], last: bool, e: HeaderError) -> bool {
        // A segment that was made and not yet begun.
        if last && bytes.iter().all(|b| *b == 0) {
            self.step.note(format!("{name} is empty"));
            return true;
        }
        self.step.fault(Fault::SegmentCorrupt, Some(self.next), format!("{name}: {e}"));
        false
    }

    /// An entry that can be read although it is damaged: says which part, gives the leaf on, returns its length.
    fn damaged(
        &mut self,
        name: &str,
        bytes: &[u8],
        at: usize,
        sink: &mut Sink<'_>,
    ) -> Result<Option<usize>, SourceError> {
        let expected = self.expected(self.next);
        let Some((entry, len, damage)) = segment::diagnose(bytes, at, self.next, expected.as_ref(), &stated)
        else {
            return Ok(None);
        };
        let detail = format!("in {name} at byte {at}");
        match damage {
            Damage::Leaf => self.step.fault(Fault::LeafAltered, Some(self.next), detail),
            // The step about blobs names it, from the leaf's own hash.
            Damage::Blob => self.step.note(format!("a blob of leaf {} is damaged {detail}", self.next)),
        }
        sink(&Item { index: entry.index, bytes: entry.leaf, hash: entry.leaf_hash, blobs: entry.blobs })?;
        self.next += 1;
        Ok(Some(len))
    }

    /// The hash that the published tree has for a leaf.
    fn expected(&self, index: u64) -> Option<Hash> {
        hash_from_tiles(0, index, self.size, &mut |path| self.source.file(path).ok().flatten())
    }

    fn stop(&mut self, name: &str, last: bool, end: Option<End>) -> bool {
        let covered = self.next < self.size;
        let (fault, at) = match end {
            Some(End::Corrupt { at, .. }) => (Fault::SegmentCorrupt, at),
            Some(End::Torn { at }) if covered || !last => (Fault::SegmentTorn, at),
            Some(End::Torn { at }) => {
                self.step
                    .note(format!("{name} ends in an unfinished write at byte {at}, after the checkpoint"));
                return false;
            }
            _ => return true,
        };
        self.covered_end = !covered;
        self.step.fault(fault, Some(self.next), format!("{name} at byte {at}"));
        false
    }
}

fn stated(leaf: &[u8]) -> Vec<Hash> {
    Leaf::parse(leaf).map(|l| l.draft.bl.iter().map(|b| b.h).collect()).unwrap_or_default()
}
