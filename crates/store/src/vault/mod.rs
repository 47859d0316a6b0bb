//! Values whose stand-ins may come back, in `vault/`: encrypted, for a time, erasable.
//!
//! A value is durable when [`Vault::deposit`] returns, so a stand-in that a caller has seen can be resolved after any crash.
//! Records are appended to files, everything that waits in one write and one `fdatasync`, by a thread of the vault's own.
//! Each file has a key of its own, wrapped by the key of the cell, and goes as a whole when its last record has expired.
//! A start begins a new file, so nothing is ever written over but by [`Vault::erase`], which writes zeros. In memory is an
//! index: a hundred bytes or so for each value, and no value.
//!
//! ```text
//! vault/<number, 20 digits>.vault = "carnet/1 vault\n" || wrapped key || record*
//! record = length (u32, big endian) || AES-256-GCM of (expiry || id || owner || value); zeros where it was erased
//! ```
//!
//! A record goes with the keys that mark it: [`Vault::erase`] after a key was destroyed, and, where a crash came between, or
//! an old copy of the folder came back, the next start.
//!
//! A crash during a write leaves a record that does not open: nobody has seen its stand-in. It is passed over.

mod index;
mod record;
#[cfg(test)]
mod tests;
mod writer;

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;

use tokio::sync::{mpsc, oneshot};
use zeroize::Zeroizing;

use crate::disk::Disk;
use crate::error::{At as _, StoreError};
use crate::keys::Keys;

use index::Index;
use writer::{Ask, Open, Writer};

const DIR: &str = "vault";

/// Bytes about an owner, and of a value, that fit a record.
const MOST_ABOUT: usize = u16::MAX as usize;
const MOST_VALUE: usize = 256 << 10;

/// A stand-in's name, or a mark to erase by: the id of the key of a session, an actor or a data subject.
pub type Id = [u8; 16];

/// Who a value was hidden from, as the gate writes it, and the marks it can be erased by.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Owner {
    /// Meaningless to the store.
    pub about: Vec<u8>,
    /// All records of a mark can be erased together.
    pub marks: Vec<Id>,
}

impl Owner {
    fn has(&self, marks: &[Id]) -> bool {
        self.marks.iter().any(|mark| marks.contains(mark))
    }
}

/// A value to keep.
pub struct VaultDeposit {
    /// Its stand-in's name.
    pub id: Id,
    /// Whom it is kept for.
    pub owner: Arc<Owner>,
    /// When it is to be forgotten, Unix seconds.
    pub expires: u64,
    /// The value.
    pub value: Zeroizing<Vec<u8>>,
}

impl std::fmt::Debug for VaultDeposit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("VaultDeposit")
    }
}

/// What is to be erased.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Erase {
    /// All that is kept under a stand-in's name.
    StandIn(Id),
    /// All that has one of these marks.
    Marks(Vec<Id>),
}

/// A value that is kept. The value itself is read by [`Vault::value`].
#[derive(Clone, Debug)]
pub struct Kept {
    /// Whom for.
    pub owner: Arc<Owner>,
    /// Until when, Unix seconds.
    pub expires: u64,
    /// Where it lies: what [`Vault::value`] takes.
    pub place: [u64; 3],
}

/// The vault of a cell.
pub struct Vault {
    index: Arc<RwLock<Index>>,
    asks: mpsc::Sender<Ask>,
    thread: Mutex<Option<JoinHandle<()>>>,
    most: usize,
    /// A deposit takes the place of an older one of the same name and owner, whatever that holds.
    replaces: bool,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Vault({})", self.len())
    }
}

impl Vault {
    /// Opens the vault and reads its index. `most` values are kept at once; what expired before `now` is not.
    ///
    /// # Errors
    /// [`StoreError::Io`]; [`StoreError::Key`] for another key of the cell than it was made with.
    pub fn open(disk: Arc<dyn Disk>, keys: Keys, most: usize, now: u64) -> Result<Vault, StoreError> {
        Vault::open_at(DIR, disk, keys, most, now)
    }

    /// As [`Vault::open`], in another folder, for what changes.
    pub(crate) fn open_replacing(
        dir: &'static str,
        disk: Arc<dyn Disk>,
        keys: Keys,
        most: usize,
        now: u64,
    ) -> Result<Vault, StoreError> {
        let mut vault = Vault::open_at(dir, disk, keys, most, now)?;
        vault.replaces = true;
        Ok(vault)
    }

    fn open_at(
        dir: &'static str,
        disk: Arc<dyn Disk>,
        keys: Keys,
        most: usize,
        now: u64,
    ) -> Result<Vault, StoreError> {
        disk.make_dirs(dir).at("make folder", dir)?;
        let mut index = Index::default();
        let mut next = 0;
        for name in sorted(&*disk, dir)? {
            let path = format!("{dir}/{name}");
            let number = name.strip_suffix(".vault").and_then(|n| n.parse::<u64>().ok());
            let Some(number) = number else { continue };
            next = next.max(number + 1);
            match Open::read(&*disk, &path, &keys)? {
                Some(file) => file.recover(number, now, &keys, &mut index)?,
                None => tracing::warn!(%path, "a file of the vault has no beginning and is passed over"),
            }
        }
        let index = Arc::new(RwLock::new(index));
        let (asks, waiting) = mpsc::channel(1024);
        let mut writer = Writer::new(dir, disk, keys, Arc::clone(&index), next);
        writer.forget(now);
        let thread = std::thread::Builder::new()
            .name("carnet-vault".into())
            .spawn(move || writer.run(waiting))
            .map_err(|e| StoreError::io("start thread", dir, &e))?;
        Ok(Vault { index, asks, thread: Mutex::new(Some(thread)), most, replaces: false })
    }

    fn index(&self) -> std::sync::RwLockReadGuard<'_, Index> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many values are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.index().len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Every name that something is kept under, with what is kept, the newest where there are several.
    pub(crate) fn all(&self, now: u64) -> Vec<(Id, Kept)> {
        self.index().all(now)
    }

    /// Everything that is kept under a stand-in's name and has not expired.
    #[must_use]
    pub fn find(&self, id: &Id, now: u64) -> Vec<Kept> {
        self.index().find(id, now)
    }

    /// A value; `None` if it was erased or forgotten since it was found.
    ///
    /// # Errors
    /// [`StoreError::Io`], or [`StoreError::Key`] for a record that does not open.
    pub fn value(&self, place: [u64; 3]) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        let [file, at, len] = place;
        let Some(open) = self.index().file(file) else { return Ok(None) };
        open.value(at, usize::try_from(len).unwrap_or(0))
    }

    /// Keeps values. Durable when it returns. What is kept already, for at least half as long as is asked for now, costs
    /// nothing.
    ///
    /// # Errors
    /// [`StoreError::Full`]; [`StoreError::Io`]: then none of them is kept.
    pub async fn deposit(&self, mut deposits: Vec<VaultDeposit>, now: u64) -> Result<(), StoreError> {
        // One that no record can hold would take the others of its group with it.
        if deposits.iter().any(|d| d.owner.about.len() > MOST_ABOUT || d.value.len() > MOST_VALUE) {
            return Err(StoreError::TooLarge);
        }
        {
            let index = self.index();
            deposits.retain(|d| self.replaces || !index.keeps(d, now));
            if deposits.is_empty() {
                return Ok(());
            }
            if index.len().saturating_add(deposits.len()) > self.most {
                return Err(StoreError::Full);
            }
        }
        self.ask(|tell| Ask::Deposit(deposits, now, tell)).await
    }

    /// Erases values; how many. Their records are zeros on disk when it returns.
    ///
    /// # Errors
    /// [`StoreError::Io`]: then some may still be there, and it is to be asked again.
    pub async fn erase(&self, what: Erase) -> Result<usize, StoreError> {
        self.ask(|tell| Ask::Erase(what, tell)).await
    }

    /// Forgets what has expired, and removes files with nothing else in them.
    ///
    /// # Errors
    /// [`StoreError::Closed`].
    pub async fn sweep(&self, now: u64) -> Result<(), StoreError> {
        self.ask(|tell| Ask::Sweep(now, tell)).await
    }

    async fn ask<T>(
        &self,
        ask: impl FnOnce(oneshot::Sender<Result<T, StoreError>>) -> Ask,
    ) -> Result<T, StoreError> {
        let (tell, told) = oneshot::channel();
        self.asks.send(ask(tell)).await.map_err(|_| StoreError::Closed)?;
        told.await.map_err(|_| StoreError::Closed)?
    }
}

impl Drop for Vault {
    /// The thread ends when nobody can ask any more, after what waits.
    fn drop(&mut self) {
        let (closed, _) = mpsc::channel(1);
        self.asks = closed;
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _ended = thread.join();
        }
    }
}

fn sorted(disk: &dyn Disk, dir: &str) -> Result<Vec<String>, StoreError> {
    let mut names = disk.list(dir).at("list", dir)?;
    names.sort_unstable();
    Ok(names)
}

/// The path of a file.
fn path(dir: &str, number: u64) -> String {
    format!("{dir}/{number:020}.vault")
}
