//! The keys of a data folder, to read with. A key store that is not there is not made.

use std::path::Path;
use std::sync::Arc;

use carnet_evidence::seal::{DataKey, KeyRef, Slot};
use carnet_store::{Disk, Kek, KeyState, KeyStore as _, Keys, RealDisk, StoreError};

/// The keys of a data folder.
pub(crate) struct KeyRing {
    pub(crate) keys: Keys,
    /// Keys of persons whose data may not be shown (Art. 18 GDPR).
    pub(crate) restricted: Vec<[u8; 16]>,
}

/// Why a sealed part of a record stays closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Closed {
    /// One of its keys was destroyed, which is how personal data is erased.
    Erased,
    /// It concerns a person whose data may not be shown.
    Restricted,
    /// There is no key and no sign that there was one.
    NoKey,
    /// It does not open with its keys: another key of the cell, or damage.
    Unreadable,
}

impl Closed {
    /// In words.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Closed::Erased => "erased: its key was destroyed",
            Closed::Restricted => "restricted: it concerns a person whose data may not be shown",
            Closed::NoKey => "its key is not in the key store",
            Closed::Unreadable => "does not open with its key",
        }
    }
}

impl From<StoreError> for Closed {
    fn from(_: StoreError) -> Self {
        Closed::Unreadable
    }
}

impl From<carnet_evidence::seal::SealError> for Closed {
    fn from(_: carnet_evidence::seal::SealError) -> Self {
        Closed::Unreadable
    }
}

impl KeyRing {
    /// Opens the key store of a data folder.
    pub(crate) fn open(data: &Path, kek: &dyn Kek) -> anyhow::Result<KeyRing> {
        let disk: Arc<dyn Disk> = Arc::new(RealDisk::new(data));
        if !Keys::exists(&*disk)? {
            anyhow::bail!("there are no keys in {}", data.display());
        }
        let keys = Keys::open_with(disk, kek).map_err(|e| match e {
            StoreError::Key(_) => {
                anyhow::anyhow!("the key of the cell is not the one that {} was made with", data.display())
            }
            e => e.into(),
        })?;
        Ok(KeyRing { keys, restricted: Vec::new() })
    }

    /// The key of an id, for the verifier.
    pub(crate) fn key(&self, id: &[u8; 16]) -> Option<DataKey> {
        self.keys.key(id).ok().flatten()
    }

    /// Opens a sealed slot from the reference in the leaf and its ciphertext.
    pub(crate) fn unseal(
        &self,
        origin: &str,
        reference: &str,
        bytes: &[u8],
    ) -> Result<(Slot, Vec<u8>), Closed> {
        let at = KeyRef::parse(reference)?;
        if at.keys.iter().any(|id| self.restricted.contains(id)) {
            return Err(Closed::Restricted);
        }
        match at.open(origin, bytes.to_vec(), &mut |id| self.keys.key(id))? {
            Some(clear) => Ok((at.kind, clear)),
            None => Err(self.why(&at)),
        }
    }

    /// Why one of its keys is not there.
    fn why(&self, at: &KeyRef) -> Closed {
        let erased = at.keys.iter().any(|id| self.keys.state(id) == Ok(KeyState::Destroyed));
        if erased { Closed::Erased } else { Closed::NoKey }
    }
}
