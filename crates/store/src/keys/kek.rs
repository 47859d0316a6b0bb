//! What wraps the key of the cell: a key from a file or the environment, or a device that never gives its own out.

use std::sync::Arc;

use carnet_evidence::seal::{CellKey, KeyKind, WrappedKey};
use zeroize::Zeroizing;

use super::{CELL, random};
use crate::disk::{Disk, read_file, remove_if_there, replace};
use crate::error::{At as _, StoreError};

const EMBEDDED: &str = "keys/kek";

/// Wraps and opens the key of the cell.
pub trait Kek: Send + Sync {
    /// The key of the cell as `keys/cell.key` has it. The first byte says which kind of KEK it was.
    ///
    /// # Errors
    /// [`StoreError::Key`].
    fn wrap(&self, key: &[u8; 32]) -> Result<Vec<u8>, StoreError>;
    /// The key of the cell back.
    ///
    /// # Errors
    /// [`StoreError::Key`] when it was wrapped by another.
    fn open(&self, wrapped: &[u8]) -> Result<Zeroizing<[u8; 32]>, StoreError>;
}

/// 32 bytes in memory.
pub struct LocalKek(CellKey);

impl std::fmt::Debug for LocalKek {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LocalKek")
    }
}

impl LocalKek {
    /// From 32 random bytes.
    ///
    /// # Errors
    /// [`StoreError::Key`] if the cipher refuses the key, which it does not.
    pub fn new(kek: &[u8; 32]) -> Result<Self, StoreError> {
        CellKey::new(kek).map(LocalKek).map_err(|_| StoreError::Key("KEK"))
    }
}

impl Kek for LocalKek {
    fn wrap(&self, key: &[u8; 32]) -> Result<Vec<u8>, StoreError> {
        let (id, nonce) = (random::<16>()?, random::<12>()?);
        let wrapped = self.0.wrap(*id, KeyKind::Cell, key, *nonce);
        Ok(wrapped.map_err(|_| StoreError::Key("cannot wrap"))?.to_bytes().to_vec())
    }

    fn open(&self, wrapped: &[u8]) -> Result<Zeroizing<[u8; 32]>, StoreError> {
        let wrapped = WrappedKey::from_bytes(wrapped)
            .ok()
            .filter(|w| w.kind == KeyKind::Cell)
            .ok_or(StoreError::Key("keys/cell.key is damaged, or wrapped by another kind of KEK"))?;
        self.0
            .unwrap_key(&wrapped)
            .map_err(|_| StoreError::Key("the key of the cell is wrapped by another KEK (evidence.kek)"))
    }
}

/// The KEK beside the log, made at first.
pub(super) fn embedded(disk: &Arc<dyn Disk>) -> Result<LocalKek, StoreError> {
    if let Some(bytes) = read_file(&**disk, EMBEDDED)?.map(Zeroizing::new) {
        let kek: &[u8; 32] =
            bytes.as_slice().try_into().map_err(|_| StoreError::Key("keys/kek has the wrong length"))?;
        return LocalKek::new(kek);
    }
    if read_file(&**disk, CELL)?.is_some() {
        return Err(StoreError::Key(
            "the key of the cell is wrapped by a KEK that must be named (evidence.kek)",
        ));
    }
    let kek = random::<32>()?;
    replace(&**disk, &[(EMBEDDED.to_owned(), kek.as_slice())])?;
    LocalKek::new(&kek)
}

/// Puts the key of the cell under another KEK. One file is replaced; data and all other keys stay as they are, and a
/// gateway that runs is not disturbed. A crash leaves the old or the new. With `None` for `from` the KEK beside the log
/// is meant, which is removed at last.
///
/// # Errors
/// [`StoreError::Key`] for the wrong `from`; [`StoreError::Io`].
pub fn rotate(disk: &Arc<dyn Disk>, from: Option<&dyn Kek>, to: &dyn Kek) -> Result<(), StoreError> {
    let wrapped = read_file(&**disk, CELL)?.ok_or(StoreError::Key("there is no key store"))?;
    let key = match from {
        Some(kek) => kek.open(&wrapped)?,
        None => embedded(disk)?.open(&wrapped)?,
    };
    replace(&**disk, &[(CELL.to_owned(), to.wrap(&key)?.as_slice())])?;
    if from.is_none() {
        remove_if_there(&**disk, EMBEDDED)?;
        disk.sync_dir("keys").at("sync folder", "keys")?;
    }
    Ok(())
}
