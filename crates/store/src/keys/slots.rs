//! The file `keys/data`: slots of 96 bytes, appended by the writer of the log, overwritten when a key is destroyed.
//!
//! ```text
//!  0 77  wrapped key: kind, id, nonce, ciphertext and tag      77 16  label: blind index of the person, or zeros
//! ```
//!
//! A slot of zeros is free. Of a destroyed key `x`, the id and the kind stay, so that *erased* can be told from *missing*.
//! A key may stand in several slots: two records that are the first to use it each bring it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use carnet_evidence::seal::{KeyKind, NewKey, WRAPPED, WrappedKey};

use super::{DIR, Gone, locked};
use crate::disk::{Disk, DiskFile, Mode, write_all_at};
use crate::error::{At as _, StoreError};

pub(super) const DATA: &str = "keys/data";
/// Bytes of a slot.
pub(super) const SLOT: usize = 96;
/// Slots are written as zeros this far ahead, so that a new key needs no commit of the journal.
const AHEAD: u64 = 256 * SLOT as u64;
const DESTROYED: u8 = b'x';
/// The file is read in pieces of this many bytes.
const PIECE: usize = SLOT << 13;

/// What the store knows of a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeyState {
    /// It is there.
    There,
    /// It was destroyed.
    Destroyed,
    /// It was never there, as far as this store knows.
    Unknown,
}

/// A new key as a slot.
pub(crate) fn slot(key: &NewKey) -> [u8; SLOT] {
    let mut out = [0u8; SLOT];
    let bytes = key.wrapped.to_bytes();
    for (to, from) in out.iter_mut().zip(bytes.iter().chain(&key.label)) {
        *to = *from;
    }
    out
}

/// What stays of a destroyed key.
fn marked(id: &[u8; 16], kind: u8) -> [u8; SLOT] {
    let mut out = [0u8; SLOT];
    for (to, from) in out.iter_mut().zip(std::iter::once(&DESTROYED).chain(id).chain([&kind])) {
        *to = *from;
    }
    out
}

/// The id in a slot, `None` for a free one.
fn id(slot: &[u8; SLOT]) -> Option<[u8; 16]> {
    let (first, rest) = slot.split_first()?;
    (*first != 0).then(|| rest.first_chunk().copied()).flatten()
}

/// Where each key lies.
#[derive(Default)]
pub(super) struct Table {
    /// Number of the slot; `None` for a destroyed key.
    ids: HashMap<[u8; 16], Option<u32>>,
    labels: HashMap<(KeyKind, [u8; 16]), [u8; 16]>,
    /// Slots before this one were read.
    upto: u32,
}

impl Table {
    /// Reads what was appended since.
    pub(super) fn refresh(&mut self, disk: &dyn Disk) -> Result<(), StoreError> {
        let mut number = self.upto;
        each(disk, u64::from(self.upto), &mut |_, slot| {
            if let Some(id) = id(slot) {
                self.take(number, id, slot);
                self.upto = number + 1;
            }
            number += 1;
        })
    }

    fn take(&mut self, number: u32, id: [u8; 16], slot: &[u8; SLOT]) {
        if slot.first() == Some(&DESTROYED) {
            self.ids.insert(id, None);
            return;
        }
        // Half a slot of a crash is no key.
        let Some(key) = slot.first_chunk::<WRAPPED>().and_then(|w| WrappedKey::from_bytes(w).ok()) else {
            return;
        };
        // A mark in another slot counts more: it is of a key that was destroyed.
        if self.ids.get(&id) == Some(&None) {
            return;
        }
        self.ids.insert(id, Some(number));
        let label =
            slot.get(WRAPPED..).and_then(|rest| rest.first_chunk::<16>()).copied().unwrap_or_default();
        if label != [0; 16] {
            self.labels.insert((key.kind, label), id);
        }
    }

    pub(super) fn state(&self, id: &[u8; 16]) -> KeyState {
        match self.ids.get(id) {
            Some(Some(_)) => KeyState::There,
            Some(None) => KeyState::Destroyed,
            None => KeyState::Unknown,
        }
    }

    pub(super) fn label(&self, kind: KeyKind, label: &[u8; 16]) -> Option<[u8; 16]> {
        self.labels.get(&(kind, *label)).copied().filter(|id| self.state(id) == KeyState::There)
    }

    /// The wrapped key of an id, read from its slot now: another process may have destroyed it.
    pub(super) fn read(&self, disk: &dyn Disk, of: &[u8; 16]) -> Result<Option<WrappedKey>, StoreError> {
        let Some(Some(number)) = self.ids.get(of) else { return Ok(None) };
        let file = disk.open(DATA, Mode::Read).at("open", DATA)?;
        let bytes = file.read_at(u64::from(*number) * SLOT as u64, WRAPPED).at("read", DATA)?;
        Ok(WrappedKey::from_bytes(&bytes).ok().filter(|key| key.id == *of))
    }
}

/// Gives each slot from a number on with its offset, free ones too.
fn each(disk: &dyn Disk, from: u64, sink: &mut dyn FnMut(u64, &[u8; SLOT])) -> Result<(), StoreError> {
    let file = match disk.open(DATA, Mode::Read) {
        Ok(file) => file,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(StoreError::io("open", DATA, &e)),
    };
    let mut at = from * SLOT as u64;
    loop {
        let bytes = file.read_at(at, PIECE).at("read", DATA)?;
        let slots = bytes.as_chunks::<SLOT>().0;
        for slot in slots {
            sink(at, slot);
            at += SLOT as u64;
        }
        if bytes.len() < PIECE {
            return Ok(());
        }
    }
}

/// Overwrites every slot of these keys. How many keys were there. Durable when it returns; done again after a crash, it
/// finishes.
pub(super) fn destroy(disk: &dyn Disk, ids: &HashSet<[u8; 16]>) -> Result<u64, StoreError> {
    let mut found: Vec<(u64, [u8; 16], u8)> = Vec::new();
    let mut keys: HashSet<[u8; 16]> = HashSet::new();
    each(disk, 0, &mut |at, slot| {
        let first = slot.first().copied().unwrap_or(0);
        // Of a mark that a crash cut in half, the rest is still a key.
        let kind = if first == DESTROYED { slot.get(17).copied().unwrap_or(0) } else { first };
        // What is marked already is marked again: after a failed sync a mark may be in the memory of the system only.
        if let Some(id) = id(slot).filter(|id| ids.contains(id)) {
            found.push((at, id, kind));
            if *slot != marked(&id, kind) {
                keys.insert(id);
            }
        }
    })?;
    if found.is_empty() {
        return Ok(0);
    }
    let file = disk.open(DATA, Mode::Write).at("open", DATA)?;
    for (at, id, kind) in &found {
        write_all_at(&*file, &marked(id, *kind), *at).at("write", DATA)?;
    }
    file.sync_data().at("sync", DATA)?;
    Ok(keys.len() as u64)
}

/// The writer's end of the file.
pub(crate) struct Slots {
    file: Box<dyn DiskFile>,
    at: u64,
    len: u64,
    failed: bool,
    disk: Arc<dyn Disk>,
    gone: Gone,
}

impl Slots {
    pub(crate) fn open(disk: Arc<dyn Disk>, gone: Gone) -> Result<Slots, StoreError> {
        let file = disk.open(DATA, Mode::Create).at("open", DATA)?;
        let len = file.len().at("stat", DATA)?;
        let mut at = len - len % SLOT as u64;
        // Back over the free slots, in pieces.
        while at > 0 {
            let from = at.saturating_sub(AHEAD);
            let piece = file.read_at(from, usize::try_from(at - from).unwrap_or(0)).at("read", DATA)?;
            let slots = piece.as_chunks::<SLOT>().0;
            if let Some(last) = slots.iter().rposition(|s| s.iter().any(|b| *b != 0)) {
                at = from + ((last + 1) * SLOT) as u64;
                break;
            }
            at = from;
        }
        // What a killed process wrote may still be only in memory of the system.
        file.sync_all().at("sync", DATA)?;
        disk.sync_dir(DIR).at("sync folder", DIR)?;
        Ok(Slots { file, at, len, failed: false, disk, gone })
    }

    /// Appends slots and syncs. On an error none counts; what may be there of them is never written over.
    pub(crate) fn append(&mut self, slots: &mut [u8]) -> Result<(), StoreError> {
        let done = self.try_append(slots);
        self.failed = done.is_err();
        if done.is_ok() {
            self.at += slots.len() as u64;
        }
        done
    }

    fn try_append(&mut self, slots: &mut [u8]) -> Result<(), StoreError> {
        if self.failed {
            *self = Slots::open(Arc::clone(&self.disk), Arc::clone(&self.gone))?;
        }
        let end = self.at + slots.len() as u64;
        if end > self.len {
            let zeros = vec![0u8; usize::try_from(AHEAD).unwrap_or(0) + slots.len()];
            write_all_at(&*self.file, &zeros, self.at).at("write", DATA)?;
            self.len = self.at + zeros.len() as u64;
        }
        // Held while it is written: a key is destroyed either before, and then only its mark is written, or after, and
        // then its slot is there to be overwritten.
        let gone = locked(&self.gone);
        for slot in slots.as_chunks_mut::<SLOT>().0 {
            if let Some(id) = id(slot).filter(|id| gone.contains(id)) {
                *slot = marked(&id, slot.first().copied().unwrap_or(0));
            }
        }
        write_all_at(&*self.file, slots, self.at).at("write", DATA)?;
        self.file.sync_data().at("sync", DATA)
    }
}
