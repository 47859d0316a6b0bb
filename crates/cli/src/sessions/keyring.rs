//! The session keys of a data folder, to read with. Opening the key store as the gateway does would make what is not
//! there, so this reads its files instead (their form: `carnet_store::keys`): slots of 96 bytes, a wrapped key then zeros,
//! or `x` and the id of a key that was destroyed.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use carnet_evidence::seal::{CellKey, KeyKind, KeyRef, SessionKey, Slot, WRAPPED, WrappedKey};
use zeroize::Zeroizing;

const SLOT: usize = 96;
const DESTROYED: u8 = b'x';

/// A session's key, or the knowledge that it was destroyed.
type Known = Option<WrappedKey>;

/// The session keys of a data folder.
pub(crate) struct KeyRing {
    file: PathBuf,
    cell: CellKey,
    slots: RefCell<HashMap<[u8; 16], Known>>,
}

/// Why a sealed part of a record stays closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Closed {
    /// Its key was destroyed, which is how personal data is erased.
    Erased,
    /// There is no key and no sign that there was one.
    NoKey,
    /// It does not open with its key: another key of the cell, or damage.
    Unreadable,
}

impl Closed {
    /// In words.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Closed::Erased => "erased: its key was destroyed",
            Closed::NoKey => "its key is not in the key store",
            Closed::Unreadable => "does not open with its key",
        }
    }
}

impl KeyRing {
    /// Reads the key store of a data folder.
    pub(crate) fn open(data: &Path, kek: Zeroizing<[u8; 32]>) -> anyhow::Result<KeyRing> {
        let cell = CellKey::new(&kek).context("the key of the cell cannot be used")?;
        let log_key = data.join("keys").join("log.key");
        let wrapped =
            std::fs::read(&log_key).map_err(|e| anyhow::anyhow!("{}: {}", log_key.display(), e.kind()))?;
        let fits = WrappedKey::from_bytes(&wrapped).is_ok_and(|w| cell.unwrap_key(&w).is_ok());
        if !fits {
            anyhow::bail!("the key of the cell is not the one that {} was made with", data.display());
        }
        let ring = KeyRing { file: data.join("keys").join("sessions"), cell, slots: RefCell::default() };
        ring.read()?;
        Ok(ring)
    }

    fn read(&self) -> anyhow::Result<()> {
        let bytes = match std::fs::read(&self.file) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
            Err(e) => anyhow::bail!("{}: {}", self.file.display(), e.kind()),
        };
        self.slots.borrow_mut().extend(slots(&bytes));
        Ok(())
    }

    /// The key of a session, for the verifier.
    pub(crate) fn session(&self, id: &[u8; 16]) -> Option<SessionKey> {
        self.find(id).ok()
    }

    fn find(&self, id: &[u8; 16]) -> Result<SessionKey, Closed> {
        let known = self.slots.borrow().get(id).cloned();
        let known = match known {
            Some(known) => known,
            None => {
                // The session may have begun since the file was read.
                self.read().map_err(|_| Closed::NoKey)?;
                self.slots.borrow().get(id).cloned().ok_or(Closed::NoKey)?
            }
        };
        let wrapped = known.ok_or(Closed::Erased)?;
        let key = self.cell.unwrap_key(&wrapped).map_err(|_| Closed::Unreadable)?;
        Ok(SessionKey::new(*id, &key))
    }

    /// Opens a sealed slot from the reference in the leaf and its ciphertext.
    pub(crate) fn unseal(
        &self,
        origin: &str,
        reference: &str,
        bytes: &[u8],
    ) -> Result<(Slot, Vec<u8>), Closed> {
        let at = KeyRef::parse(reference).map_err(|_| Closed::Unreadable)?;
        let key = self.find(&at.session_key)?;
        let slot = key.slot(origin, at.slot).map_err(|_| Closed::Unreadable)?;
        slot.open(at.kind, bytes.to_vec()).map(|clear| (at.kind, clear)).map_err(|_| Closed::Unreadable)
    }
}

fn slots(bytes: &[u8]) -> impl Iterator<Item = ([u8; 16], Known)> {
    bytes.as_chunks::<SLOT>().0.iter().filter_map(|slot| {
        let (first, rest) = slot.split_first()?;
        if *first == DESTROYED {
            return Some((*rest.first_chunk::<16>()?, None));
        }
        let wrapped = WrappedKey::from_bytes(slot.first_chunk::<WRAPPED>()?).ok()?;
        (wrapped.kind == KeyKind::Session).then_some((wrapped.id, Some(wrapped)))
    })
}
