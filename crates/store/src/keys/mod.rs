//! The key store in `keys/`: the key of the cell, wrapped by the KEK, and what the key of the cell wraps.
//!
//! ```text
//! keys/kek       the KEK itself, only where the configuration names none
//! keys/cell.key  the key of the cell under the KEK: another KEK rewrites this file and nothing else
//! keys/log.key   seed of the checkpoint key     keys/mac.key  key of MACs and blind indexes
//! keys/data      slots of 96 bytes: the keys of sessions, actors and data subjects (`slots`)
//! keys/stamp     when this store was last in use: an older copy of it is known by it (`backup`)
//! ```
//!
//! The writer of the log appends to `data`, before the records that use a key. Destroying a key overwrites its slot. No
//! key is held in memory for longer than it is used, but for a cache of those in use.

mod backup;
mod kek;
mod slots;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use carnet_evidence::note::Signer;
use carnet_evidence::seal::{CellKey, DataKey, KeyKind, MacKey, NewKey, VaultKey, WrappedKey};
use zeroize::Zeroizing;

use crate::disk::{Disk, read_file, replace};
use crate::error::{At as _, StoreError};

pub use backup::{read_backup, restore, write_backup};
pub use kek::{Kek, LocalKek, rotate};
pub use slots::KeyState;
pub(crate) use slots::{Slots, slot};

use slots::Table;

const DIR: &str = "keys";
const CELL: &str = "keys/cell.key";
const LOG: &str = "keys/log.key";
const MAC: &str = "keys/mac.key";
const STAMP: &str = "keys/stamp";
/// Keys of actors and data subjects that are kept ready.
const CACHED: usize = 4096;

/// Ids of keys that this process destroyed: the writer of the log must not append them again.
pub(crate) type Gone = Arc<Mutex<HashSet<[u8; 16]>>>;

/// New keys of persons, by kind and label.
type Fresh = HashMap<(KeyKind, [u8; 16]), (NewKey, DataKey)>;

/// Where keys come from. The embedded one is [`Keys`]; a KMS or a cluster is another.
pub trait KeyStore: Send + Sync {
    /// A new session key. What is to be stored goes into the first [`crate::Entry`] that uses it.
    ///
    /// # Errors
    /// When entropy or the key of the cell is not to be had.
    fn new_session(&self) -> Result<(DataKey, NewKey), StoreError>;
    /// The key of an id, `None` if it is destroyed or was never there.
    ///
    /// # Errors
    /// When the store cannot be read or the key cannot be unwrapped.
    fn key(&self, id: &[u8; 16]) -> Result<Option<DataKey>, StoreError>;
    /// Destroys keys. How many were there. Durable when it returns.
    ///
    /// # Errors
    /// When a slot cannot be overwritten; ask again then.
    fn destroy(&self, ids: &[[u8; 16]]) -> Result<u64, StoreError>;
}

/// The embedded key store.
pub struct Keys {
    disk: Arc<dyn Disk>,
    cell: CellKey,
    log_seed: Zeroizing<[u8; 32]>,
    mac: Zeroizing<[u8; 32]>,
    table: Mutex<Table>,
    /// Made and not known to be durable: each record that uses one carries it.
    fresh: Mutex<Fresh>,
    cache: Mutex<HashMap<[u8; 16], DataKey>>,
    gone: Gone,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys")
    }
}

pub(crate) fn random<const N: usize>() -> Result<Zeroizing<[u8; N]>, StoreError> {
    let mut out = Zeroizing::new([0u8; N]);
    getrandom::fill(&mut *out).map_err(|_| StoreError::Key("no entropy"))?;
    Ok(out)
}

fn locked<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Keys {
    /// Opens the key store, makes it at first. `kek` wraps the key of the cell; without one it is kept beside the log in
    /// `keys/kek`, mode 0600, which protects nothing from who can read the folder.
    ///
    /// # Errors
    /// As [`Keys::open_with`].
    pub fn open(disk: Arc<dyn Disk>, kek: Option<&[u8; 32]>) -> Result<Keys, StoreError> {
        disk.make_dirs(DIR).at("make folder", DIR)?;
        let kek = match kek {
            Some(kek) => LocalKek::new(kek)?,
            None => kek::embedded(&disk)?,
        };
        Self::open_with(disk, &kek)
    }

    /// As [`Keys::open_with`], under the KEK beside the log where there is no other.
    ///
    /// # Errors
    /// As [`Keys::open_with`].
    pub fn open_under(disk: Arc<dyn Disk>, kek: Option<&dyn Kek>) -> Result<Keys, StoreError> {
        match kek {
            Some(kek) => Self::open_with(disk, kek),
            None => Self::open(disk, None),
        }
    }

    /// Opens the key store under any KEK, makes it at first.
    ///
    /// # Errors
    /// [`StoreError::Io`]; [`StoreError::Key`] for another KEK than wraps the key of the cell.
    pub fn open_with(disk: Arc<dyn Disk>, kek: &dyn Kek) -> Result<Keys, StoreError> {
        disk.make_dirs(DIR).at("make folder", DIR)?;
        let cell = match read_file(&*disk, CELL)? {
            Some(wrapped) => kek.open(&wrapped)?,
            None if read_file(&*disk, LOG)?.is_some() => {
                return Err(StoreError::Key("keys/cell.key is missing, and there are keys under it"));
            }
            None => {
                let key = random::<32>()?;
                replace(&*disk, &[(CELL.to_owned(), kek.wrap(&key)?.as_slice())])?;
                key
            }
        };
        let cell = CellKey::new(&cell).map_err(|_| StoreError::Key("key of the cell"))?;
        let log_seed = kept(&disk, &cell, LOG, KeyKind::Log)?;
        let mac = kept(&disk, &cell, MAC, KeyKind::Mac)?;
        let table = Mutex::new(Table::default());
        let (fresh, cache, gone) = (Mutex::default(), Mutex::default(), Gone::default());
        Ok(Keys { disk, cell, log_seed, mac, table, fresh, cache, gone })
    }

    /// Whether there is a key store in the folder: who only reads must not make one.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn exists(disk: &dyn Disk) -> Result<bool, StoreError> {
        Ok(read_file(disk, CELL)?.is_some())
    }

    /// Signs the checkpoints of the log of this origin.
    ///
    /// # Errors
    /// [`StoreError::Key`] when the origin is no key name.
    pub fn signer(&self, origin: &str) -> Result<Signer, StoreError> {
        Signer::new(origin, &self.log_seed).map_err(|_| StoreError::Key("origin is no key name"))
    }

    /// The key of the MAC over raw arguments and results, and of blind indexes.
    ///
    /// # Errors
    /// [`StoreError::Key`].
    pub fn mac(&self) -> Result<MacKey, StoreError> {
        MacKey::new(&self.mac).map_err(|_| StoreError::Key("MAC key"))
    }

    /// A new key for a file of the vault.
    pub(crate) fn new_vault(&self) -> Result<(VaultKey, WrappedKey), StoreError> {
        let (id, key, nonce) = (random::<16>()?, random::<32>()?, random::<12>()?);
        let wrapped = self.cell.wrap(*id, KeyKind::Vault, &key, *nonce);
        let wrapped = wrapped.map_err(|_| StoreError::Key("cannot wrap"))?;
        let key = VaultKey::new(&key).map_err(|_| StoreError::Key("key of the vault"))?;
        Ok((key, wrapped))
    }

    /// The key of a file of the vault.
    pub(crate) fn vault(&self, wrapped: &WrappedKey) -> Result<VaultKey, StoreError> {
        if wrapped.kind != KeyKind::Vault {
            return Err(StoreError::Key("a file of the vault holds another kind of key"));
        }
        let key = self.cell.unwrap_key(wrapped);
        let key = key.map_err(|_| StoreError::Key("the vault is wrapped by another key of the cell"))?;
        VaultKey::new(&key).map_err(|_| StoreError::Key("key of the vault"))
    }

    /// The key of an actor or data subject by its label (a blind index), made at first sight. As long as a new one is
    /// not known to be durable ([`Keys::settled`]), what is to be stored comes with it and goes into the record's entry.
    ///
    /// # Errors
    /// As [`KeyStore::key`].
    pub fn of(&self, kind: KeyKind, label: [u8; 16]) -> Result<(DataKey, Option<NewKey>), StoreError> {
        // Held throughout, so that two calls do not make two keys.
        let mut fresh = locked(&self.fresh);
        if let Some((new, key)) = fresh.get(&(kind, label)) {
            return Ok((key.clone(), Some(new.clone())));
        }
        if let Some(id) = self.labelled(kind, &label)?
            && let Some(key) = self.key(&id)?
        {
            return Ok((key, None));
        }
        let (key, new) = self.make(kind, label)?;
        fresh.insert((kind, label), (new.clone(), key.clone()));
        Ok((key, Some(new)))
    }

    /// The id of the key that has a label, if there is one and it is durable.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn labelled(&self, kind: KeyKind, label: &[u8; 16]) -> Result<Option<[u8; 16]>, StoreError> {
        let mut table = locked(&self.table);
        if let Some(id) = table.label(kind, label) {
            return Ok(Some(id));
        }
        table.refresh(&*self.disk)?;
        Ok(table.label(kind, label))
    }

    /// What is known of an id.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn state(&self, id: &[u8; 16]) -> Result<KeyState, StoreError> {
        let mut table = locked(&self.table);
        table.refresh(&*self.disk)?;
        Ok(table.state(id))
    }

    /// New keys are durable: a record that carried them is.
    pub fn settled(&self, keys: &[NewKey]) {
        if keys.is_empty() {
            return;
        }
        let mut fresh = locked(&self.fresh);
        for key in keys {
            let name = (key.wrapped.kind, key.label);
            if fresh.get(&name).is_some_and(|(new, _)| new.wrapped.id == key.wrapped.id) {
                fresh.remove(&name);
            }
        }
    }

    /// What the writer of the log must not append again.
    pub(crate) fn gone(&self) -> Gone {
        Arc::clone(&self.gone)
    }

    fn make(&self, kind: KeyKind, label: [u8; 16]) -> Result<(DataKey, NewKey), StoreError> {
        let (id, key, nonce) = (random::<16>()?, random::<32>()?, random::<12>()?);
        let wrapped = self.cell.wrap(*id, kind, &key, *nonce).map_err(|_| StoreError::Key("cannot wrap"))?;
        Ok((DataKey::new(*id, &key), NewKey { wrapped, label }))
    }

    /// When this store was last in use, Unix seconds; `None` for one without a stamp.
    ///
    /// # Errors
    /// [`StoreError::Key`] for a stamp that this store did not write.
    pub fn stamped(&self) -> Result<Option<u64>, StoreError> {
        let Some(bytes) = read_file(&*self.disk, STAMP)? else { return Ok(None) };
        let (t, mac) = bytes.split_first_chunk::<8>().ok_or(StoreError::Key("keys/stamp is damaged"))?;
        if self.mac()?.mac("keys/stamp", t) != *mac {
            return Err(StoreError::Key("keys/stamp is damaged"));
        }
        Ok(Some(u64::from_le_bytes(*t)))
    }

    /// Says that this store is in use now.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn stamp(&self, now: u64) -> Result<(), StoreError> {
        let t = now.to_le_bytes();
        let bytes = [t.as_slice(), &self.mac()?.mac("keys/stamp", &t)].concat();
        replace(&*self.disk, &[(STAMP.to_owned(), &bytes)])
    }
}

impl KeyStore for Keys {
    fn new_session(&self) -> Result<(DataKey, NewKey), StoreError> {
        self.make(KeyKind::Session, [0; 16])
    }

    fn key(&self, id: &[u8; 16]) -> Result<Option<DataKey>, StoreError> {
        if let Some(key) = locked(&self.cache).get(id) {
            return Ok(Some(key.clone()));
        }
        let wrapped = {
            let mut table = locked(&self.table);
            if table.state(id) == KeyState::Unknown {
                table.refresh(&*self.disk)?;
            }
            table.read(&*self.disk, id)?
        };
        let Some(wrapped) = wrapped else { return Ok(None) };
        let key = self.cell.unwrap_key(&wrapped).map_err(|_| StoreError::Key("cannot unwrap a key"))?;
        let key = DataKey::new(*id, &key);
        let mut cache = locked(&self.cache);
        // One that was destroyed just now stays out.
        if locked(&self.gone).contains(id) {
            return Ok(None);
        }
        if cache.len() >= CACHED {
            cache.clear();
        }
        cache.insert(*id, key.clone());
        Ok(Some(key))
    }

    fn destroy(&self, ids: &[[u8; 16]]) -> Result<u64, StoreError> {
        // From here on the writer appends none of them: what it appended before is overwritten below.
        locked(&self.gone).extend(ids.iter().copied());
        let wanted: HashSet<[u8; 16]> = ids.iter().copied().collect();
        locked(&self.fresh).retain(|_, (new, _)| !wanted.contains(&new.wrapped.id));
        locked(&self.cache).retain(|id, _| !wanted.contains(id));
        let done = slots::destroy(&*self.disk, &wanted)?;
        *locked(&self.table) = Table::default();
        Ok(done)
    }
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
