//! Backups of the key store: everything but the KEK, with the time it was taken and how long it may be used.
//!
//! ```text
//!  8 "CARNETKB"   8 time   8 horizon in seconds   4 files
//!  each file: 1 length of its name, name, 8 length, bytes
//!  32 HMAC of all before, with the store's MAC key
//! ```
//!
//! A backup brings back what was destroyed since. So one older than its horizon is refused, and whoever restores one
//! destroys again every key that the log has a `key.destroy` for (the start of the gateway does).

use std::sync::Arc;

use super::slots::DATA;
use super::{CELL, Kek, Keys, LOG, MAC};
use crate::disk::{Disk, read_file, replace};
use crate::error::StoreError;

const MAGIC: &[u8; 8] = b"CARNETKB";
const FILES: [&str; 4] = [CELL, LOG, MAC, DATA];
const DAMAGED: StoreError = StoreError::Key("this is no whole backup of a key store");

/// A backup as read: its time, its horizon, and its files.
pub struct Backup {
    /// When it was taken, Unix seconds.
    pub taken: u64,
    /// For how many seconds it may be used.
    pub horizon: u64,
    files: Vec<(&'static str, Vec<u8>)>,
    signed: Vec<u8>,
    mac: [u8; 32],
}

impl std::fmt::Debug for Backup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Backup({} files of {})", self.files.len(), self.taken)
    }
}

/// The bytes of a backup, taken now.
///
/// # Errors
/// [`StoreError::Io`].
pub fn write_backup(disk: &dyn Disk, keys: &Keys, now: u64, horizon: u64) -> Result<Vec<u8>, StoreError> {
    let mut out = MAGIC.to_vec();
    out.extend_from_slice(&now.to_le_bytes());
    out.extend_from_slice(&horizon.to_le_bytes());
    let count = u32::try_from(FILES.len()).unwrap_or(0);
    out.extend_from_slice(&count.to_le_bytes());
    for name in FILES {
        let bytes = read_file(disk, name)?.unwrap_or_default();
        out.push(u8::try_from(name.len()).unwrap_or(0));
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        out.extend_from_slice(&bytes);
    }
    let mac = keys.mac()?.mac("keys/backup", &out);
    out.extend_from_slice(&mac);
    Ok(out)
}

/// Takes a backup apart. Whether it is whole is known when it is restored: its key is in it.
///
/// # Errors
/// [`StoreError::Key`] for anything else than a backup.
pub fn read_backup(bytes: &[u8]) -> Result<Backup, StoreError> {
    parse(bytes).ok_or(DAMAGED)
}

fn parse(bytes: &[u8]) -> Option<Backup> {
    let (signed, mac) = bytes.split_last_chunk::<32>()?;
    let mut rest = signed;
    if take::<8>(&mut rest)? != *MAGIC {
        return None;
    }
    let (taken, horizon) = (u64::from_le_bytes(take(&mut rest)?), u64::from_le_bytes(take(&mut rest)?));
    let count = u32::from_le_bytes(take(&mut rest)?);
    let mut files = Vec::new();
    for _ in 0..count {
        let [len] = take::<1>(&mut rest)?;
        let (name, after) = rest.split_at_checked(usize::from(len))?;
        rest = after;
        let name = FILES.into_iter().find(|f| f.as_bytes() == name)?;
        let len = usize::try_from(u64::from_le_bytes(take(&mut rest)?)).ok()?;
        let (content, after) = rest.split_at_checked(len)?;
        rest = after;
        files.push((name, content.to_vec()));
    }
    let whole = rest.is_empty() && files.len() == FILES.len();
    whole.then(|| Backup { taken, horizon, files, signed: signed.to_vec(), mac: *mac })
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (head, tail) = rest.split_first_chunk::<N>()?;
    *rest = tail;
    Some(*head)
}

/// Puts a backup in the place of the key store. `now` is the latest time that is known, of the clock or of the log.
///
/// # Errors
/// [`StoreError::Key`] for a backup past its horizon, of another KEK, or not whole; [`StoreError::Io`]. On any the key
/// store is as it was, but for an error of the disk.
pub fn restore(disk: &Arc<dyn Disk>, backup: &Backup, kek: &dyn Kek, now: u64) -> Result<(), StoreError> {
    if now.saturating_sub(backup.taken) > backup.horizon {
        return Err(StoreError::Key("the backup is past its horizon: it may hold keys that were erased"));
    }
    let files: Vec<(String, &[u8])> =
        backup.files.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.as_slice())).collect();
    // Its MAC key is in it, under its key of the cell, under the KEK.
    let file = |name: &str| backup.files.iter().find(|(n, _)| *n == name).map(|(_, b)| b.as_slice());
    let cell = kek.open(file(CELL).unwrap_or_default())?;
    let cell = super::CellKey::new(&cell).map_err(|_| DAMAGED)?;
    let mac = super::WrappedKey::from_bytes(file(MAC).unwrap_or_default()).map_err(|_| DAMAGED)?;
    let mac = cell.unwrap_key(&mac).map_err(|_| DAMAGED)?;
    let mac = super::MacKey::new(&mac).map_err(|_| DAMAGED)?;
    if mac.mac("keys/backup", &backup.signed) != backup.mac {
        return Err(DAMAGED);
    }
    replace(&**disk, &files)?;
    // It is as old as the backup: the start compares it with the log.
    Keys::open_with(Arc::clone(disk), kek)?.stamp(backup.taken)
}
