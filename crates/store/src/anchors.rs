//! What others say of checkpoints: cosignatures of witnesses and time stamps, in `log/anchors/`. Written by one task,
//! read by exports. Without them the log is whole; with them it is known that there was no other.

use carnet_evidence::Hash;
use carnet_evidence::checkpoint::Checkpoint;
use carnet_evidence::note::Note;
use carnet_evidence::tree::{consistency, hash_from_tiles};

use crate::disk::{Disk, read_file, remove_if_there, replace};
use crate::error::StoreError;
use crate::log::CHECKPOINT;

pub(crate) const ANCHORS: &str = "log/anchors";
const STAMP: &str = ".tsr";

/// Path of the checkpoint of a size, and of the time stamp on it.
fn paths(size: u64) -> (String, String) {
    let note = format!("{ANCHORS}/{size:020}");
    let stamp = format!("{note}{STAMP}");
    (note, stamp)
}

/// The newest checkpoint, `None` before the first.
///
/// # Errors
/// [`StoreError::Io`]; [`StoreError::Damaged`] for what is no checkpoint.
pub fn newest(disk: &dyn Disk) -> Result<Option<(Note, Checkpoint)>, StoreError> {
    let Some(bytes) = read_file(disk, CHECKPOINT)? else { return Ok(None) };
    let read =
        Note::parse(&bytes).ok().and_then(|note| Some((Checkpoint::parse_text(&note.text).ok()?, note)));
    let damaged = || StoreError::Damaged { what: "checkpoint", path: CHECKPOINT.to_owned(), index: 0 };
    read.map(|(checkpoint, note)| Some((note, checkpoint))).ok_or_else(damaged)
}

/// The consistency proof between two sizes, the larger one being of a checkpoint. `None` when the tiles of that checkpoint
/// have given way to those of a newer one: take that one.
#[must_use]
pub fn proof(disk: &dyn Disk, old: u64, size: u64) -> Option<Vec<Hash>> {
    let mut file = |path: &str| read_file(disk, &format!("log/{path}")).ok().flatten();
    consistency(old, size, &mut |level, number| hash_from_tiles(level, number, size, &mut file)).ok()
}

/// Keeps a checkpoint with the cosignatures that it has, and the time stamp on it.
///
/// # Errors
/// [`StoreError::Io`].
pub fn keep(disk: &dyn Disk, size: u64, note: &Note, stamp: Option<&[u8]>) -> Result<(), StoreError> {
    let (path, stamp_path) = paths(size);
    let text = note.to_text();
    let mut files = vec![(path, text.as_bytes())];
    if let Some(stamp) = stamp {
        files.push((stamp_path, stamp));
    }
    replace(disk, &files)
}

/// The checkpoint that is kept of a size.
///
/// # Errors
/// [`StoreError::Io`].
pub fn kept(disk: &dyn Disk, size: u64) -> Result<Option<Note>, StoreError> {
    Ok(read_file(disk, &paths(size).0)?.and_then(|bytes| Note::parse(&bytes).ok()))
}

/// Removes a checkpoint that a later one stands for, unless it has a time stamp.
///
/// # Errors
/// [`StoreError::Io`].
pub fn drop_unstamped(disk: &dyn Disk, size: u64) -> Result<(), StoreError> {
    let (path, stamp) = paths(size);
    if read_file(disk, &stamp)?.is_none() { remove_if_there(disk, &path) } else { Ok(()) }
}

/// Names and bytes of all that is kept of sizes from `from` to `to`, both included.
///
/// # Errors
/// [`StoreError::Io`].
pub fn between(disk: &dyn Disk, from: u64, to: u64) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
    let mut out = Vec::new();
    for name in disk.list(ANCHORS).unwrap_or_default() {
        let size = name.strip_suffix(STAMP).unwrap_or(&name).parse::<u64>();
        if size.is_ok_and(|size| (from..=to).contains(&size))
            && let Some(bytes) = read_file(disk, &format!("{ANCHORS}/{name}"))?
        {
            out.push((name, bytes));
        }
    }
    out.sort();
    Ok(out)
}
