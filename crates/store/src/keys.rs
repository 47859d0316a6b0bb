//! The key store in `keys/`: the key of the cell, what it wraps, and the slots of session keys.
//!
//! `log.key` (seed of the checkpoint key) and `mac.key` are one wrapped key each. `sessions` is a row of slots of 96
//! bytes: a wrapped key, then zeros. A slot of zeros is free. A destroyed slot is overwritten: the letter `x` and the id
//! stay, so that *erased* can be told from *missing*. The writer of the log appends slots, before the records that
//! use them.

use std::sync::Arc;

use carnet_evidence::note::Signer;
use carnet_evidence::seal::{CellKey, KeyKind, MacKey, SessionKey, WRAPPED, WrappedKey};
use zeroize::Zeroizing;

use crate::disk::{Disk, DiskFile, Mode, read_file, replace, write_all_at};
use crate::error::{At as _, StoreError};

const DIR: &str = "keys";
const KEK: &str = "keys/kek";
const SESSIONS: &str = "keys/sessions";
/// Bytes of a slot.
const SLOT: usize = 96;
/// Slots are written as zeros this far ahead, so that a new key needs no commit of the journal.
const AHEAD: u64 = 256 * SLOT as u64;
const DESTROYED: u8 = b'x';

/// Where keys come from. The embedded one is [`Keys`]; a KMS or a cluster is another.
pub trait KeyStore: Send + Sync {
    /// A new session key. The wrapped form goes into the first [`crate::Entry`] that uses it.
    ///
    /// # Errors
    /// When entropy or the key of the cell is not to be had.
    fn new_session(&self) -> Result<(SessionKey, WrappedKey), StoreError>;
    /// The session key of an id, `None` if it is destroyed or was never there.
    ///
    /// # Errors
    /// When the store cannot be read or the key cannot be unwrapped.
    fn session(&self, id: &[u8; 16]) -> Result<Option<SessionKey>, StoreError>;
    /// Destroys a session key. Whether it was there. Durable when it returns.
    ///
    /// # Errors
    /// When the slot cannot be overwritten.
    fn destroy(&self, id: &[u8; 16]) -> Result<bool, StoreError>;
}

/// The embedded key store.
pub struct Keys {
    disk: Arc<dyn Disk>,
    cell: CellKey,
    log_seed: Zeroizing<[u8; 32]>,
    mac: Zeroizing<[u8; 32]>,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys")
    }
}

fn random<const N: usize>() -> Result<Zeroizing<[u8; N]>, StoreError> {
    let mut out = Zeroizing::new([0u8; N]);
    getrandom::fill(&mut *out).map_err(|_| StoreError::Key("no entropy"))?;
    Ok(out)
}

impl Keys {
    /// Opens the key store, makes it at first. `kek` is the key of the cell; without one it is kept beside the log in
    /// `keys/kek`, mode 0600, which protects nothing from who can read the folder.
    ///
    /// # Errors
    /// [`StoreError::Io`]; [`StoreError::Key`] for another `kek` than the store was made with.
    pub fn open(disk: Arc<dyn Disk>, kek: Option<&[u8; 32]>) -> Result<Keys, StoreError> {
        disk.make_dirs(DIR).at("make folder", DIR)?;
        let cell = match kek {
            Some(kek) => cell_key(kek)?,
            None => embedded(&disk)?,
        };
        let log_seed = kept(&disk, &cell, "keys/log.key", KeyKind::Log)?;
        let mac = kept(&disk, &cell, "keys/mac.key", KeyKind::Mac)?;
        Ok(Keys { disk, cell, log_seed, mac })
    }

    /// Signs the checkpoints of the log of this origin.
    ///
    /// # Errors
    /// [`StoreError::Key`] when the origin is no key name.
    pub fn signer(&self, origin: &str) -> Result<Signer, StoreError> {
        Signer::new(origin, &self.log_seed).map_err(|_| StoreError::Key("origin is no key name"))
    }

    /// The key of the MAC over raw arguments and results.
    ///
    /// # Errors
    /// [`StoreError::Key`].
    pub fn mac(&self) -> Result<MacKey, StoreError> {
        MacKey::new(&self.mac).map_err(|_| StoreError::Key("MAC key"))
    }

    /// Looks for a slot: its offset and key. Reads the file from its end, since the newest is asked for most.
    fn find(&self, id: &[u8; 16]) -> Result<Option<(u64, Option<WrappedKey>)>, StoreError> {
        let Some(bytes) = read_file(&*self.disk, SESSIONS)? else { return Ok(None) };
        for (number, slot) in bytes.as_chunks::<SLOT>().0.iter().enumerate().rev() {
            if slot.get(1..17) == Some(id.as_slice()) && slot.first() != Some(&0) {
                let wrapped = slot.first_chunk::<WRAPPED>().and_then(|w| WrappedKey::from_bytes(w).ok());
                return Ok(Some(((number * SLOT) as u64, wrapped)));
            }
        }
        Ok(None)
    }
}

impl KeyStore for Keys {
    fn new_session(&self) -> Result<(SessionKey, WrappedKey), StoreError> {
        let (id, key, nonce) = (random::<16>()?, random::<32>()?, random::<12>()?);
        let wrapped = self
            .cell
            .wrap(*id, KeyKind::Session, &key, *nonce)
            .map_err(|_| StoreError::Key("cannot wrap"))?;
        Ok((SessionKey::new(*id, &key), wrapped))
    }

    fn session(&self, id: &[u8; 16]) -> Result<Option<SessionKey>, StoreError> {
        let Some((_, Some(wrapped))) = self.find(id)? else { return Ok(None) };
        let key =
            self.cell.unwrap_key(&wrapped).map_err(|_| StoreError::Key("cannot unwrap a session key"))?;
        Ok(Some(SessionKey::new(*id, &key)))
    }

    fn destroy(&self, id: &[u8; 16]) -> Result<bool, StoreError> {
        let Some((at, Some(_))) = self.find(id)? else { return Ok(false) };
        let mut gone = [0u8; SLOT];
        for (to, from) in gone.iter_mut().zip(std::iter::once(&DESTROYED).chain(id)) {
            *to = *from;
        }
        let file = self.disk.open(SESSIONS, Mode::Write).at("open", SESSIONS)?;
        write_all_at(&*file, &gone, at).at("write", SESSIONS)?;
        file.sync_data().at("sync", SESSIONS)?;
        Ok(true)
    }
}

fn cell_key(kek: &[u8; 32]) -> Result<CellKey, StoreError> {
    CellKey::new(kek).map_err(|_| StoreError::Key("key of the cell"))
}

fn embedded(disk: &Arc<dyn Disk>) -> Result<CellKey, StoreError> {
    if let Some(bytes) = read_file(&**disk, KEK)?.map(Zeroizing::new) {
        let kek: &[u8; 32] =
            bytes.as_slice().try_into().map_err(|_| StoreError::Key("keys/kek has the wrong length"))?;
        return cell_key(kek);
    }
    let kek = random::<32>()?;
    replace(&**disk, &[(KEK.to_owned(), kek.as_slice())])?;
    cell_key(&kek)
}

/// A wrapped key of its own file, made at first.
fn kept(
    disk: &Arc<dyn Disk>,
    cell: &CellKey,
    path: &'static str,
    kind: KeyKind,
) -> Result<Zeroizing<[u8; 32]>, StoreError> {
    if let Some(bytes) = read_file(&**disk, path)? {
        let wrapped = WrappedKey::from_bytes(&bytes).map_err(|_| StoreError::Key("a key file is damaged"))?;
        if wrapped.kind != kind {
            return Err(StoreError::Key("a key file holds another kind of key"));
        }
        return cell
            .unwrap_key(&wrapped)
            .map_err(|_| StoreError::Key("keys are wrapped by another key of the cell"));
    }
    let (id, key, nonce) = (random::<16>()?, random::<32>()?, random::<12>()?);
    let wrapped = cell.wrap(*id, kind, &key, *nonce).map_err(|_| StoreError::Key("cannot wrap"))?;
    replace(&**disk, &[(path.to_owned(), wrapped.to_bytes().as_slice())])?;
    Ok(key)
}

/// A wrapped key as a slot.
pub(crate) fn slot(key: &WrappedKey) -> [u8; SLOT] {
    let mut out = [0; SLOT];
    for (to, from) in out.iter_mut().zip(key.to_bytes()) {
        *to = from;
    }
    out
}

/// The slot file, as the writer of the log has it.
pub(crate) struct Slots {
    file: Box<dyn DiskFile>,
    /// End of the slots that are taken.
    at: u64,
    /// Length of the file.
    len: u64,
    /// After a failed sync: open anew and write elsewhere.
    failed: bool,
    disk: Arc<dyn Disk>,
}

impl Slots {
    pub(crate) fn open(disk: Arc<dyn Disk>) -> Result<Slots, StoreError> {
        let file = disk.open(SESSIONS, Mode::Create).at("open", SESSIONS)?;
        let len = file.len().at("stat", SESSIONS)?;
        let mut at = len - len % SLOT as u64;
        // Back over the free slots, in pieces.
        while at > 0 {
            let from = at.saturating_sub(AHEAD);
            let piece = file.read_at(from, usize::try_from(at - from).unwrap_or(0)).at("read", SESSIONS)?;
            let slots = piece.as_chunks::<SLOT>().0;
            if let Some(last) = slots.iter().rposition(|s| s.iter().any(|b| *b != 0)) {
                at = from + ((last + 1) * SLOT) as u64;
                break;
            }
            at = from;
        }
        // What a killed process wrote may still be only in memory of the system.
        file.sync_all().at("sync", SESSIONS)?;
        disk.sync_dir(DIR).at("sync folder", DIR)?;
        Ok(Slots { file, at, len, failed: false, disk })
    }

    /// Appends slots and syncs. On an error none counts; what may be there of them is never written over.
    pub(crate) fn append(&mut self, slots: &[u8]) -> Result<(), StoreError> {
        let done = self.try_append(slots);
        self.failed = done.is_err();
        if done.is_ok() {
            self.at += slots.len() as u64;
        }
        done
    }

    fn try_append(&mut self, slots: &[u8]) -> Result<(), StoreError> {
        if self.failed {
            *self = Slots::open(Arc::clone(&self.disk))?;
        }
        let end = self.at + slots.len() as u64;
        if end > self.len {
            let zeros = vec![0u8; usize::try_from(AHEAD).unwrap_or(0) + slots.len()];
            write_all_at(&*self.file, &zeros, self.at).at("write", SESSIONS)?;
            self.len = self.at + zeros.len() as u64;
        }
        write_all_at(&*self.file, slots, self.at).at("write", SESSIONS)?;
        self.file.sync_data().at("sync", SESSIONS)
    }
}
