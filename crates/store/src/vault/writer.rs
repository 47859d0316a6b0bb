//! The thread that writes the vault: groups of deposits, erasure, and files that have had their time.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};

use carnet_evidence::seal::{VaultKey, WRAPPED, WrappedKey};
use tokio::sync::{mpsc, oneshot};
use zeroize::Zeroizing;

use super::index::{Entry, Index};
use super::record::{Record, decode, encode};
use super::{Erase, Id, VaultDeposit, path};
use crate::disk::{Disk, DiskFile, Mode, remove_if_there, write_all_at};
use crate::error::{At as _, StoreError};
use crate::keys::{KeyState, Keys};

const MAGIC: &[u8] = b"carnet/1 vault\n";
/// Bytes before the first record.
pub(super) const HEADER: usize = MAGIC.len() + WRAPPED;
/// A file takes no more records beyond this size.
const LARGEST: u64 = 64 << 20;
/// No record is longer.
const LONGEST: u32 = 1 << 20;
/// A group takes no more deposits beyond this.
const GROUP: usize = 4096;

type Tell<T> = oneshot::Sender<Result<T, StoreError>>;

/// What the thread is asked for.
pub(super) enum Ask {
    Deposit(Vec<VaultDeposit>, u64, Tell<()>),
    Erase(Erase, Tell<usize>),
    Sweep(u64, Tell<()>),
}

/// A file with its key.
pub(crate) struct Open {
    file: Box<dyn DiskFile>,
    key: VaultKey,
    path: String,
}

impl Open {
    /// A new file, durable with its name.
    fn make(disk: &dyn Disk, dir: &str, path: String, keys: &Keys) -> Result<Open, StoreError> {
        let (key, wrapped) = keys.new_vault()?;
        let file = disk.open(&path, Mode::Create).at("create", &path)?;
        let header = [MAGIC, wrapped.to_bytes().as_slice()].concat();
        write_all_at(&*file, &header, 0).at("write", &path)?;
        file.sync_all().at("sync", &path)?;
        disk.sync_dir(dir).at("sync folder", dir)?;
        Ok(Open { file, key, path })
    }

    /// A file that is there. What a killed process wrote to it may still be only in memory of the system.
    /// `None` for one whose beginning was never written: nobody has seen a stand-in of it.
    pub(super) fn read(disk: &dyn Disk, path: &str, keys: &Keys) -> Result<Option<Open>, StoreError> {
        let file = disk.open(path, Mode::Write).at("open", path)?;
        file.sync_all().at("sync", path)?;
        let header = file.read_at(0, HEADER).at("read", path)?;
        let wrapped = header.strip_prefix(MAGIC).and_then(|w| WrappedKey::from_bytes(w).ok());
        let Some(wrapped) = wrapped else { return Ok(None) };
        Ok(Some(Open { file, key: keys.vault(&wrapped)?, path: path.to_owned() }))
    }

    /// Every record that opens, with its place. Erased and torn ones are passed over.
    fn records(&self, each: &mut dyn FnMut(u64, u32, Record)) -> Result<(), StoreError> {
        let len = self.file.len().at("stat", &self.path)?;
        let size = usize::try_from(len).unwrap_or(usize::MAX);
        let bytes = self.file.read_at(0, size).at("read", &self.path)?;
        let mut at = HEADER;
        while let Some((head, rest)) = bytes.get(at..).and_then(<[u8]>::split_first_chunk::<4>) {
            let long = u32::from_be_bytes(*head);
            let sealed = usize::try_from(long).ok().and_then(|long| rest.get(..long));
            let Some(sealed) = sealed.filter(|_| (1..=LONGEST).contains(&long)) else { break };
            if let Ok(clear) = self.key.open(at as u64, sealed.to_vec())
                && let Some(record) = decode(&clear)
            {
                each(at as u64, long, record);
            }
            at += 4 + sealed.len();
        }
        Ok(())
    }

    /// Takes what is still valid of it into the index, and erases what is marked by a key that is destroyed.
    pub(super) fn recover(
        self,
        number: u64,
        now: u64,
        keys: &Keys,
        index: &mut Index,
    ) -> Result<(), StoreError> {
        let file = Arc::new(self);
        index.add_file(number, Arc::clone(&file));
        let (mut gone, mut places): (HashMap<Id, bool>, _) = (HashMap::new(), Vec::new());
        let mut failed = Ok(());
        file.records(&mut |at, len, record| {
            let mut is_gone = |id: &Id| match gone.get(id) {
                Some(known) => *known,
                None => {
                    let state = keys.state(id).map(|state| state == KeyState::Destroyed);
                    let destroyed = *state.as_ref().unwrap_or(&false);
                    failed = std::mem::replace(&mut failed, Ok(())).and(state.map(|_| ()));
                    gone.insert(*id, destroyed);
                    destroyed
                }
            };
            if record.owner.marks.iter().any(&mut is_gone) {
                places.push((at, len));
            } else if record.expires > now {
                index.add(record.id, record.owner, record.expires, Entry { file: number, at, len }, false);
            }
        })?;
        failed?;
        file.zero(&places)
    }

    /// Writes zeros over records.
    fn zero(&self, places: &[(u64, u32)]) -> Result<(), StoreError> {
        for (at, len) in places {
            let zeros = vec![0u8; usize::try_from(*len).unwrap_or(0)];
            write_all_at(&*self.file, &zeros, at + 4).at("write", &self.path)?;
        }
        if places.is_empty() { Ok(()) } else { self.file.sync_data().at("sync", &self.path) }
    }

    /// The value of a record; `None` where it is erased.
    pub(super) fn value(&self, at: u64, len: usize) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        let sealed = self.file.read_at(at + 4, len).at("read", &self.path)?;
        if sealed.iter().all(|b| *b == 0) {
            return Ok(None);
        }
        let clear = self.key.open(at, sealed).map_err(|_| StoreError::Key("a record of the vault"))?;
        Ok(decode(&clear).map(|record| record.value))
    }
}

/// The file that is written to.
struct Current {
    number: u64,
    open: Arc<Open>,
    /// Where the next record goes.
    at: u64,
    /// Records that expire later go into the next file, so that this one goes in time.
    until: u64,
}

pub(super) struct Writer {
    dir: &'static str,
    disk: Arc<dyn Disk>,
    keys: Keys,
    index: Arc<RwLock<Index>>,
    current: Option<Current>,
    next: u64,
}

impl Writer {
    pub(super) fn new(
        dir: &'static str,
        disk: Arc<dyn Disk>,
        keys: Keys,
        index: Arc<RwLock<Index>>,
        next: u64,
    ) -> Writer {
        Writer { dir, disk, keys, index, current: None, next }
    }

    fn index(&self) -> RwLockWriteGuard<'_, Index> {
        self.index.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Until nobody can ask any more.
    pub(super) fn run(mut self, mut asks: mpsc::Receiver<Ask>) {
        let mut left = None;
        while let Some(ask) = left.take().or_else(|| asks.blocking_recv()) {
            match ask {
                Ask::Deposit(deposits, now, tell) => {
                    let (mut all, mut tells) = (deposits, vec![tell]);
                    while all.len() < GROUP {
                        match asks.try_recv() {
                            Ok(Ask::Deposit(more, _, tell)) => {
                                all.extend(more);
                                tells.push(tell);
                            }
                            Ok(other) => {
                                left = Some(other);
                                break;
                            }
                            Err(_) => break,
                        }
                    }
                    let done = self.deposit(&all, now);
                    for tell in tells {
                        // Who does not wait any more is not told.
                        let _gone = tell.send(done.clone());
                    }
                }
                Ask::Erase(what, tell) => {
                    let done = self.erase(&what);
                    let _gone = tell.send(done);
                }
                Ask::Sweep(now, tell) => {
                    self.forget(now);
                    let _gone = tell.send(Ok(()));
                }
            }
        }
    }

    /// One write and one sync. After an error the file is left alone: what it holds is read, and nothing is added.
    fn deposit(&mut self, deposits: &[VaultDeposit], now: u64) -> Result<(), StoreError> {
        let done = self.try_deposit(deposits, now);
        if let Err(error) = &done {
            tracing::error!(%error, "values could not be kept");
            self.current = None;
        }
        done
    }

    fn try_deposit(&mut self, deposits: &[VaultDeposit], now: u64) -> Result<(), StoreError> {
        let last = deposits.iter().map(|d| d.expires).max().unwrap_or(now);
        let current = self.file_for(last, now)?;
        let (from, mut bytes) = (current.at, Vec::new());
        let mut entries = Vec::with_capacity(deposits.len());
        for deposit in deposits {
            let at = from + bytes.len() as u64;
            let record = encode(deposit).ok_or(StoreError::TooLarge)?;
            let sealed = current.open.key.seal(at, record).map_err(|_| StoreError::Key("cannot seal"))?;
            let len =
                u32::try_from(sealed.len()).ok().filter(|n| *n <= LONGEST).ok_or(StoreError::TooLarge)?;
            bytes.extend_from_slice(&len.to_be_bytes());
            bytes.extend_from_slice(&sealed);
            entries.push(Entry { file: current.number, at, len });
        }
        write_all_at(&*current.open.file, &bytes, from).at("write", &current.open.path)?;
        current.open.file.sync_data().at("sync", &current.open.path)?;
        current.at = from + bytes.len() as u64;
        let mut index = self.index();
        for (deposit, entry) in deposits.iter().zip(entries) {
            index.add(deposit.id, (*deposit.owner).clone(), deposit.expires, entry, true);
        }
        Ok(())
    }

    fn file_for(&mut self, last: u64, now: u64) -> Result<&mut Current, StoreError> {
        let fits = |c: &Current| last <= c.until && c.at < LARGEST;
        if !self.current.as_ref().is_some_and(fits) {
            let number = self.next;
            // The number is used up even when it fails: a half-made file is never written to.
            self.next += 1;
            let open = Arc::new(Open::make(&*self.disk, self.dir, path(self.dir, number), &self.keys)?);
            self.index().add_file(number, Arc::clone(&open));
            let until = last + last.saturating_sub(now) / 8;
            self.current = Some(Current { number, open, at: HEADER as u64, until });
        }
        self.current.as_mut().ok_or(StoreError::Closed)
    }

    /// Zeros over every record that is meant, also over older ones that a newer has taken the place of.
    fn erase(&mut self, what: &Erase) -> Result<usize, StoreError> {
        let numbers = self.index().numbers();
        for number in numbers {
            let Some(open) = self.index().file(number) else { continue };
            let mut places = Vec::new();
            open.records(&mut |at, len, record| {
                let meant = match what {
                    Erase::StandIn(id) => record.id == *id,
                    Erase::Marks(marks) => record.owner.has(marks),
                };
                if meant {
                    places.push((at, len));
                }
            })?;
            open.zero(&places)?;
        }
        Ok(self.index().take(what))
    }

    /// Forgets what has expired and removes files that hold nothing else. A file that cannot be removed is tried again.
    pub(super) fn forget(&mut self, now: u64) {
        let over = self.index().forget(now);
        for number in over {
            if self.current.as_ref().is_some_and(|c| c.number == number) {
                self.current = None;
            }
            match remove_if_there(&*self.disk, &path(self.dir, number)) {
                Ok(()) => self.index().drop_file(number),
                Err(error) => tracing::error!(%error, "an expired file of the vault could not be removed"),
            }
        }
    }
}
