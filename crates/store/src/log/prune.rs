//! Pruning: at the end of retention a prefix of the log goes, as C2SP tlog-tiles allows. What stays is the tree over it (its
//! hashes name nobody), so every proof about what remains, and every proof made before, still holds.
//!
//! The order: `retention.prune` is durable (whoever asks sees to that); `log/pruned` says from where the log is there, with
//! the frontier and the state of sessions at that place; then segments and entry bundles are removed. A crash in
//! between leaves too much, never too little, and the next start removes it.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use carnet_evidence::checkpoint::Checkpoint;
use carnet_evidence::note::Signer;
use carnet_evidence::package::lines;
use carnet_evidence::segment::HEADER;
use carnet_evidence::tree::{Frontier, TILE_WIDTH, entries_path, hash_from_tiles, subtree_root};

use super::publish::KEPT;
use super::recover::segments;
use super::segments::{SEGMENTS, name};
use super::shortcut;
use super::state::{Placed, State};
use crate::disk::{Disk, read_file, remove_if_there, replace};
use crate::error::{At as _, StoreError};
use crate::reader::Reader;

pub(crate) const PRUNED: &str = "log/pruned";

/// Where a pruned log begins.
pub(crate) struct Pruned {
    /// Sessions and decisions that are open there; its size is the minimum index.
    pub(crate) state: State,
}

/// What `log/pruned` says: a line as in packages, then the state in base64.
pub(crate) fn read(disk: &dyn Disk) -> Result<Option<Pruned>, StoreError> {
    let Some(bytes) = read_file(disk, PRUNED)? else { return Ok(None) };
    let damaged = || StoreError::Damaged { what: "beginning", path: PRUNED.to_owned(), index: 0 };
    let read = || {
        let at = bytes.iter().position(|b| *b == b'\n')?;
        let (first, second) = bytes.split_at_checked(at + 1)?;
        let frontier = lines::read_frontier(first)?;
        let state = STANDARD.decode(second.strip_suffix(b"\n")?).ok()?;
        let (state, _) = shortcut::read(&state)?;
        (state.size == frontier.size() && state.size > 0).then_some(Pruned { state })
    };
    read().map(Some).ok_or_else(damaged)
}

/// The minimum index: 0 for a log that was never pruned.
///
/// # Errors
/// [`StoreError::Io`], [`StoreError::Damaged`].
pub fn minimum(disk: &dyn Disk) -> Result<u64, StoreError> {
    Ok(read(disk)?.map_or(0, |pruned| pruned.state.size))
}

/// How far a log may be pruned: to the beginning of a segment, so that every record before it is older than `before` (Unix
/// seconds), and no record from `keep_from` on goes. `None` if that is nothing.
///
/// # Errors
/// [`StoreError::Io`], [`StoreError::Damaged`].
pub fn candidate(disk: &Arc<dyn Disk>, before: u64, keep_from: u64) -> Result<Option<u64>, StoreError> {
    let firsts = segments(&**disk)?;
    let covered = crate::anchors::newest(&**disk)?.map_or(0, |(_, checkpoint)| checkpoint.size);
    let (reader, mut to) = (Reader::new(Arc::clone(disk)), None);
    let least = minimum(&**disk)?;
    for pair in firsts.windows(2) {
        let [first, next] = pair else { break };
        if *next > covered.min(keep_from) || !older(&reader, *first.max(&least), *next, before)? {
            break;
        }
        to = Some(*next).filter(|next| *next > least);
    }
    Ok(to)
}

/// Whether every record of a range is older.
fn older(reader: &Reader, from: u64, to: u64, before: u64) -> Result<bool, StoreError> {
    let mut all = true;
    reader.read(from, &mut |stored| {
        if stored.index < to {
            all &= stored.leaf.draft.t < before;
        }
        Ok(all && stored.index + 1 < to)
    })?;
    Ok(all)
}

/// Prunes a log to an index that [`candidate`] gave and whose `retention.prune` is durable. How many segments went.
///
/// # Errors
/// [`StoreError`]; ask again then, or start again.
pub fn prune(disk: &Arc<dyn Disk>, signer: &Signer, to: u64) -> Result<u64, StoreError> {
    let missing = |what| StoreError::Damaged { what, path: SEGMENTS.to_owned(), index: to };
    if !segments(&**disk)?.contains(&to) {
        return Err(missing("no segment begins where it was to be pruned"));
    }
    let state = state_at(disk, to)?;
    let frontier = frontier(&**disk, to).ok_or_else(|| missing("tiles are missing"))?;
    // A package begins at a signed checkpoint: here is the first one that still can.
    let checkpoint = Checkpoint::new(signer.verifier().name(), to, frontier.root());
    let note = checkpoint.sign(signer).map_err(|_| StoreError::Key("cannot sign"))?.to_text();
    replace(&**disk, &[(format!("{KEPT}/{to:020}"), note.as_bytes())])?;
    let state = STANDARD.encode(shortcut::write(&state, (to, HEADER as u64)));
    let text = format!("{}{state}\n", lines::frontier(&frontier));
    replace(&**disk, &[(PRUNED.to_owned(), text.as_bytes())])?;
    finish(&**disk, to)
}

/// Removes what lies before the minimum index. Done again at each start: a crash may have left some of it.
pub(crate) fn finish(disk: &dyn Disk, to: u64) -> Result<u64, StoreError> {
    let mut gone = 0;
    for first in segments(disk)?.into_iter().filter(|first| *first < to) {
        remove_if_there(disk, &name(first))?;
        gone += 1;
    }
    // The bundle that reaches over the minimum index stays, as the standard asks.
    for number in 0..to / TILE_WIDTH {
        let path = format!("log/{}", entries_path(number, 0));
        match disk.remove(&path) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
            other => other.at("remove", &path)?,
        }
    }
    for kept in disk.list(KEPT).unwrap_or_default() {
        if kept.parse::<u64>().is_ok_and(|size| size < to) {
            remove_if_there(disk, &format!("{KEPT}/{kept}"))?;
        }
    }
    disk.sync_dir(SEGMENTS).at("sync folder", SEGMENTS)?;
    Ok(gone)
}

/// Sessions and decisions that are open at an index.
fn state_at(disk: &Arc<dyn Disk>, to: u64) -> Result<State, StoreError> {
    let mut state = read(&**disk)?.map_or_else(State::default, |pruned| pruned.state);
    let from = state.size;
    let end = Reader::new(Arc::clone(disk)).read(from, &mut |stored| {
        if stored.index < to {
            let leaf = &stored.leaf;
            state.apply(&Placed::new(&leaf.draft, stored.index, leaf.n, stored.leaf_hash));
            state.settle();
        }
        Ok(stored.index + 1 < to)
    })?;
    let damaged = StoreError::Damaged { what: "leaf", path: SEGMENTS.to_owned(), index: end };
    if state.size == to { Ok(state) } else { Err(damaged) }
}

/// The frontier at an index, from the published tree.
fn frontier(disk: &dyn Disk, to: u64) -> Option<Frontier> {
    // Partial tiles give way to wider ones while the gateway writes: then those of the next checkpoint have it.
    for _ in 0..5 {
        let size = crate::anchors::newest(disk).ok().flatten()?.1.size;
        let mut file = |path: &str| read_file(disk, &format!("log/{path}")).ok().flatten();
        let mut hash = |level, number| hash_from_tiles(level, number, size, &mut file);
        let (mut at, mut hashes) = (0, Some(Vec::new()));
        for bit in (0..64).rev().filter(|bit| to >> bit & 1 == 1) {
            let next = subtree_root(at, at + (1 << bit), &mut hash).ok();
            hashes = hashes.zip(next).map(|(mut all, next)| {
                all.push(next);
                all
            });
            at += 1 << bit;
        }
        if let Some(hashes) = hashes {
            return Frontier::from_parts(to, hashes);
        }
    }
    None
}
