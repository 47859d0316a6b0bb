//! A start: what the disk has becomes the state that the writer had, through the writer's own functions.

use std::sync::Arc;

use carnet_evidence::checkpoint::Checkpoint;
use carnet_evidence::note::Verifier;
use carnet_evidence::segment::{self, End, HEADER};
use carnet_evidence::{Leaf, Tree};

use super::prune;
use super::publish::{CHECKPOINT, SHORTCUT};
use super::segments::{Active, SEGMENTS, name};
use super::shortcut;
use super::state::{Placed, State};
use super::writer::MAX_BATCH;
use crate::disk::{Disk, DiskFile, Mode, read_file, write_all_at};
use crate::error::{At as _, StoreError};

/// A segment is read in pieces of this size.
const STEP: usize = 1 << 20;

/// What was found.
pub(crate) struct Found {
    pub(crate) state: State,
    pub(crate) tree: Tree,
    pub(crate) place: (u64, u64),
    pub(crate) published: Option<u64>,
    pub(crate) active: Option<Active>,
    /// The active segment has an unfinished write at its end.
    pub(crate) torn: bool,
    pub(crate) scanned: u64,
}

/// Reads the log.
pub(crate) fn recover(disk: &Arc<dyn Disk>, key: &Verifier) -> Result<Found, StoreError> {
    let checkpoint = match read_file(&**disk, CHECKPOINT)? {
        None => None,
        Some(bytes) => Some(Checkpoint::open(&bytes, key).map_err(|_| StoreError::OtherKey)?.0),
    };
    let begin = prune::read(&**disk)?.map(|pruned| pruned.state).unwrap_or_default();
    let least = begin.size;
    if least > 0 {
        prune::finish(&**disk, least)?;
    }
    let names = segments(&**disk)?;
    let size = checkpoint.as_ref().map_or(0, |c| c.size);
    let tree = checkpoint.as_ref().and_then(|c| stored_tree(&**disk, c));
    let cut = read_file(&**disk, SHORTCUT)?.and_then(|bytes| shortcut::read(&bytes));
    let cut = cut.filter(|(state, place)| state.size <= size && names.contains(&place.0));
    let whole = tree.is_none() && size > 0;
    if whole && least > 0 {
        // There are no leaves to make them from.
        return Err(StoreError::Damaged {
            what: "tiles of a pruned log",
            path: "log/tile".to_owned(),
            index: size,
        });
    }
    let mut scan = match (tree, cut) {
        (Some(tree), Some((state, place))) => Scan::new(disk, state, tree, place),
        (Some(tree), None) => Scan::new(disk, begin, tree, (least, HEADER as u64)),
        // Tiles are lost or damaged: made again from the leaves, and compared with the checkpoint on the way.
        (None, _) => Scan::new(disk, State::default(), Tree::new(), (0, HEADER as u64)),
    };
    scan.expect = checkpoint.as_ref().filter(|_| whole).map(|c| (c.size, c.root));
    let (active, torn) = scan.segments(&names)?;
    if scan.state.size < size {
        let path = SEGMENTS.to_owned();
        return Err(StoreError::Damaged {
            what: "fewer leaves than the checkpoint",
            path,
            index: scan.state.size,
        });
    }
    scan.state.settle();
    let published = checkpoint.map(|c| c.size).filter(|_| !whole);
    let Scan { state, tree, place, scanned, .. } = scan;
    Ok(Found { state, tree, place, published, active, torn, scanned })
}

pub(crate) fn segments(disk: &dyn Disk) -> Result<Vec<u64>, StoreError> {
    let names = disk.list(SEGMENTS).at("list", SEGMENTS)?;
    let mut firsts: Vec<u64> =
        names.iter().filter_map(|n| n.strip_suffix(".seg")).filter_map(|n| n.parse().ok()).collect();
    firsts.sort_unstable();
    Ok(firsts)
}

/// The tree as the tiles have it, if it is the checkpoint's.
fn stored_tree(disk: &dyn Disk, checkpoint: &Checkpoint) -> Option<Tree> {
    let mut read = |path: &str| read_file(disk, &format!("log/{path}")).ok().flatten();
    let tree = Tree::resume(checkpoint.size, &mut read).ok()?;
    (tree.root() == checkpoint.root).then_some(tree)
}

struct Scan<'a> {
    disk: &'a Arc<dyn Disk>,
    state: State,
    tree: Tree,
    place: (u64, u64),
    scanned: u64,
    expect: Option<(u64, carnet_evidence::Hash)>,
}

impl<'a> Scan<'a> {
    fn new(disk: &'a Arc<dyn Disk>, state: State, tree: Tree, place: (u64, u64)) -> Self {
        Scan { disk, state, tree, place, scanned: 0, expect: None }
    }

    /// Reads segments from the place on. Gives the last one, and whether it is torn.
    fn segments(&mut self, firsts: &[u64]) -> Result<(Option<Active>, bool), StoreError> {
        let last = firsts.last().copied();
        let mut end = (None, false);
        let from = self.place.0;
        for first in firsts.iter().copied().filter(|f| *f >= from) {
            let resumed = first == self.place.0 && self.state.size > 0;
            if !resumed {
                if first != self.state.size {
                    return Err(damaged("segment missing", first, self.state.size));
                }
                self.place = (first, HEADER as u64);
            }
            end = self.segment(first, last == Some(first))?;
        }
        Ok(end)
    }

    fn segment(&mut self, first: u64, is_last: bool) -> Result<(Option<Active>, bool), StoreError> {
        let path = name(first);
        let file = self.disk.open(&path, if is_last { Mode::Write } else { Mode::Read }).at("open", &path)?;
        let len = file.len().at("stat", &path)?;
        let head = file.read_at(0, HEADER).at("read", &path)?;
        if segment::read_header(&head) != Ok(first) {
            // Begun and not finished: its first batch was never written. The header is synced before any entry.
            let rest = file.read_at(HEADER as u64, usize::try_from(len).unwrap_or(0)).at("read", &path)?;
            if is_last && rest.iter().all(|b| *b == 0) {
                drop(file);
                self.disk.remove(&path).at("remove", &path)?;
                return Ok((None, false));
            }
            return Err(damaged("segment header", first, first));
        }
        let (from, index) = (self.place.1, self.state.size);
        if from > len {
            return Err(damaged("segment is shorter than it was", first, self.state.size));
        }
        // The entries that come, behind a header of their own so that they can be read from the middle of a segment.
        let mut bytes = tail(&*file, from, len).at("read", &path)?;
        for (to, header) in bytes.iter_mut().zip(segment::header(self.state.size)) {
            *to = header;
        }
        let mut entries = segment::entries(&bytes).map_err(|_| damaged("segment header", first, first))?;
        // Where the last group begins, and whether another stands before it.
        let (mut last_group, mut proven) = (None, from > HEADER as u64);
        for entry in entries.by_ref() {
            if entry.back == 0 {
                proven |= last_group.is_some();
                last_group = Some(entry.at);
            }
            self.entry(first, &entry)?;
        }
        let (at, torn) = match entries.end() {
            Some(End::Clean { at }) => (at, false),
            Some(End::Torn { at }) if is_last => (at, true),
            _ => return Err(damaged("entry", first, self.state.size)),
        };
        if is_last {
            // The last group may be only in the memory of the system, marked clean by a sync that failed in a process
            // that then died: no later sync would write it. Writing the same bytes again makes it do so. A group before
            // it was synced, or the last would not have been written; so was the header before the first.
            if let Some((tail, begin)) = last_group.and_then(|begin| Some((bytes.get(begin..at)?, begin))) {
                write_all_at(&*file, tail, from + (begin - HEADER) as u64).at("write", &path)?;
            }
            if !proven {
                write_all_at(&*file, &head, 0).at("write", &path)?;
            }
        }
        let at = from + (at - HEADER) as u64;
        self.place = (first, at);
        Ok((is_last.then_some(Active { file, path, first, at, since: (from, index) }), torn))
    }

    fn entry(&mut self, first: u64, entry: &segment::Entry<'_>) -> Result<(), StoreError> {
        let leaf = Leaf::parse(entry.leaf).map_err(|_| damaged("leaf", first, entry.index))?;
        if self.state.place(&leaf.draft.gs) != (leaf.n, leaf.ps) {
            return Err(damaged("link of a session", first, entry.index));
        }
        self.state.apply(&Placed::new(&leaf.draft, entry.index, leaf.n, entry.leaf_hash));
        self.state.settle();
        self.scanned += 1;
        if entry.index == self.tree.size() {
            self.tree.push_hashed(entry.leaf, entry.leaf_hash);
        }
        if self.expect.is_some_and(|(size, root)| size == self.tree.size() && root != self.tree.root()) {
            return Err(damaged("leaves give another root than the checkpoint", first, entry.index));
        }
        Ok(())
    }
}

/// What is in the file from [`HEADER`] bytes before an offset, up to where no batch can have reached: a batch has at
/// most [`MAX_BATCH`] bytes and is written behind the last, so that after so many zeros there is nothing.
fn tail(file: &dyn DiskFile, from: u64, len: u64) -> std::io::Result<Vec<u8>> {
    let start = from.saturating_sub(HEADER as u64);
    let mut bytes = file.read_at(start, HEADER)?;
    let (mut at, mut zeros) = (start + bytes.len() as u64, 0);
    while at < len && (zeros as u64) < MAX_BATCH {
        let more = file.read_at(at, STEP)?;
        if more.is_empty() {
            break;
        }
        at += more.len() as u64;
        if is_zero(&more) {
            zeros += more.len();
        } else {
            bytes.resize(bytes.len() + zeros, 0);
            bytes.extend_from_slice(&more);
            zeros = 0;
        }
    }
    Ok(bytes)
}

fn is_zero(bytes: &[u8]) -> bool {
    let (blocks, rest) = bytes.as_chunks::<64>();
    blocks.iter().all(|b| *b == [0; 64]) && rest.iter().all(|b| *b == 0)
}

fn damaged(what: &'static str, segment: u64, index: u64) -> StoreError {
    StoreError::Damaged { what, path: name(segment), index }
}
