//! The log as the gate sees it: records that are durable, the keys that they are sealed with, and what is owed to the log. How it is
//! opened, its heartbeats and the effects of records alone are beside.

mod beat;
mod only;
mod open;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use carnet_evidence::seal::{DataKey, KeyKind, MacKey, NewKey, Slot, key_text};
use carnet_evidence::{Draft, Epochs, LeafType, disclosure, field};
use carnet_gate::{Entry, NotRecorded, Receipt};
use carnet_store::{Disk, Index, KeyStore, Keys, Ledger, Log, Reader, StoreError, Stored, Table, Vault};
use tokio::sync::Notify;

use crate::gateway::now;

pub use beat::{heartbeat, settle};
pub use only::{NoAnswers, RecordOnly};
pub use open::{Opened, open};

/// The log and its keys, open for writing.
pub struct Recorder {
    /// Values whose stand-ins may come back.
    pub vault: Vault,
    /// What outlives the process besides: passkeys of approvers, messages to channels.
    pub table: Arc<Table>,
    pub(crate) log: Log,
    pub(crate) keys: Keys,
    pub(crate) mac: MacKey,
    /// Origin of the log.
    pub(crate) origin: String,
    disk: Arc<dyn Disk>,
    index: Mutex<Index>,
    /// The pseudonym of this run, for the gateway's own records.
    pub(crate) run: [u8; 16],
    /// The key of this run, made when the first of its records is sealed, and whether it is durable.
    run_key: Mutex<Option<(DataKey, Option<NewKey>)>>,
    /// Acts of operators that must not overtake each other.
    pub(crate) turn: tokio::sync::Mutex<()>,
    /// Who else holds something of a person.
    forget: Mutex<Vec<Box<Forget>>>,
    /// Decisions whose outcome the log did not take. Each gets an orphan once it takes records again.
    owed: Mutex<Vec<Owed>>,
    /// Something was not taken.
    refused: Notify,
    /// When the last heartbeat was recorded, Unix seconds.
    beat: AtomicU64,
    /// Records in the log when it was opened.
    opened: u64,
    /// Sinks that are down and without which no call goes on.
    blocking: AtomicU64,
}

/// Told of the keys of persons that were just destroyed.
pub type Forget = dyn Fn(&[[u8; 16]]) + Send + Sync;

/// A decision that is left without its outcome.
struct Owed {
    of: u64,
    gs: [u8; 16],
    epochs: Epochs,
}

/// Decisions that may be owed their end at once. Calls in work are fewer: more come together only when the log takes
/// decisions and no outcomes, and then no further decision is taken.
const MOST_OWED: usize = 1 << 16;

/// Orphans appended at once.
const ORPHANS: usize = 1000;

/// Fills a buffer with cryptographically secure random bytes: a ChaCha generator for each thread, seeded and reseeded by the
/// system. A system call for each record would cost more than the record.
pub fn entropy(out: &mut [u8]) {
    use rand::Rng;
    rand::rng().fill_bytes(out);
}

/// Unix seconds as records have them.
pub(crate) fn seconds() -> u64 {
    u64::try_from(now().seconds).unwrap_or(0)
}

impl Recorder {
    /// Makes a record durable.
    ///
    /// # Errors
    /// When it cannot be (invariant 3).
    pub async fn append(&self, entry: Entry) -> Result<Receipt, NotRecorded> {
        let Entry { draft, blobs, keys } = entry;
        let (gs, epochs) = (draft.gs, draft.ep);
        let owed = draft.of.filter(|_| draft.ty.answers()).map(|of| Owed { of, gs, epochs });
        if draft.ty == LeafType::CallDecision && self.owed().len() >= MOST_OWED {
            tracing::error!("too many outcomes are owed to the log; no further decision is taken");
            return Err(NotRecorded);
        }
        if draft.ty == LeafType::CallDecision && self.blocking.load(Ordering::Relaxed) > 0 {
            tracing::debug!("a sink is down that calls wait for (`when_down: block`)");
            return Err(NotRecorded);
        }
        // Keys that are new to this record are known to be durable after it.
        let new = keys.clone();
        match self.log.append(carnet_store::Entry { draft, blobs, keys }).await {
            Ok(receipt) => {
                self.keys.settled(&new);
                Ok(Receipt { index: receipt.index })
            }
            Err(error) => {
                tracing::error!(%error, "a record could not be made durable");
                if let Some(owed) = owed.filter(|_| !matches!(error, StoreError::NotWaiting(_))) {
                    self.owed().push(owed);
                }
                self.refused.notify_one();
                Err(NotRecorded)
            }
        }
    }

    fn owed(&self) -> MutexGuard<'_, Vec<Owed>> {
        self.owed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends an orphan for each decision whose outcome was not taken. Whether nothing is owed any more.
    pub async fn settle(&self) -> bool {
        loop {
            let mut some = {
                let mut owed = self.owed();
                let keep = owed.len().saturating_sub(ORPHANS);
                owed.split_off(keep)
            };
            if some.is_empty() {
                return true;
            }
            let t = seconds();
            let orphan = |o: &Owed| Draft::orphan(t, o.gs, o.epochs, o.of, "not-recorded");
            let orphans = some.iter().map(orphan).map(carnet_store::Entry::bare).collect();
            if self.log.append_all(orphans).await.is_err() {
                self.owed().append(&mut some);
                return false;
            }
        }
    }

    /// A new session's key, ready and wrapped.
    ///
    /// # Errors
    /// When the key store is down.
    pub fn session_key(&self) -> Result<(DataKey, NewKey), StoreError> {
        self.keys.new_session()
    }

    /// The key of an actor or data subject by its label, made at first sight, and what is to be stored of a new one.
    ///
    /// # Errors
    /// When the key store is down.
    pub fn key_of(&self, kind: KeyKind, label: [u8; 16]) -> Result<(DataKey, Option<NewKey>), NotRecorded> {
        self.keys.of(kind, label).map_err(|error| {
            tracing::error!(%error, "the key of a person cannot be had");
            NotRecorded
        })
    }

    /// The key of this run, and what is to be stored of it as long as it is not known to be durable.
    pub(crate) fn run_key(&self) -> Result<(DataKey, Option<NewKey>), StoreError> {
        let mut held = self.run_key.lock().unwrap_or_else(PoisonError::into_inner);
        if held.is_none() {
            let (key, new) = self.keys.new_session()?;
            *held = Some((key, Some(new)));
        }
        held.clone().ok_or(StoreError::Closed)
    }

    /// A record that brought the key of this run along is durable.
    pub(crate) fn run_key_settled(&self) {
        if let Some((_, new)) = &mut *self.run_key.lock().unwrap_or_else(PoisonError::into_inner) {
            *new = None;
        }
    }

    /// Makes a key durable before any record is sealed with it.
    pub(crate) async fn store_key(&self, new: NewKey, epochs: Epochs) -> Result<(), StoreError> {
        let mut draft = Draft::new(LeafType::KeyCreate, seconds(), self.run, epochs).text("why", "hold");
        draft.kr.push(key_text(&new.wrapped.id));
        let entry = carnet_store::Entry { keys: vec![new.clone()], ..carnet_store::Entry::bare(draft) };
        self.log.append(entry).await?;
        self.keys.settled(&[new]);
        Ok(())
    }

    /// The data folder.
    pub(crate) fn disk(&self) -> Arc<dyn Disk> {
        Arc::clone(&self.disk)
    }

    /// Reads the log.
    pub(crate) fn reader(&self) -> Reader {
        Reader::new(Arc::clone(&self.disk))
    }

    /// The index, after it has taken what is new in the log. Blocks.
    ///
    /// # Errors
    /// As the index, and as `with`.
    pub fn with_index<T>(
        &self,
        with: impl FnOnce(&mut Index, &Reader) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        let reader = self.reader();
        index.follow(&reader, &self.keys)?;
        with(&mut index, &reader)
    }

    /// Who acted, as a record says; `None` where it cannot be read.
    pub(crate) fn clerk_of(&self, stored: &Stored) -> Option<crate::desk::Clerk> {
        let clear = stored.unseal_one(&self.origin, &self.keys, Slot::Disclosures).ok()??;
        let all = disclosure::split(&clear)?;
        let actor = all.iter().filter_map(|one| disclosure::decode(one)).find(|d| d.name == field::ACTOR)?;
        serde_json::from_slice(&actor.value).ok()
    }

    /// From now on `forget` is told when keys of persons are destroyed: for who keeps something of them elsewhere.
    pub fn on_erasure(&self, forget: Box<Forget>) {
        self.forget.lock().unwrap_or_else(PoisonError::into_inner).push(forget);
    }

    pub(crate) fn erased(&self, ids: &[[u8; 16]]) {
        for forget in self.forget.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            forget(ids);
        }
    }

    /// Whether records can be made durable, and why not.
    ///
    /// # Errors
    /// The reason.
    pub fn healthy(&self) -> Result<(), String> {
        self.log.refuses().map_or(Ok(()), |e| Err(e.to_string()))
    }

    /// How many records of the log are durable.
    #[must_use]
    pub(crate) fn durable(&self) -> u64 {
        self.opened + self.log.metrics().records
    }

    /// A sink that calls wait for is down, or is well again.
    pub(crate) fn block(&self, down: bool) {
        if down {
            self.blocking.fetch_add(1, Ordering::Relaxed);
        } else {
            self.blocking.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Counters of the log.
    #[must_use]
    pub fn metrics(&self) -> carnet_store::Metrics {
        self.log.metrics()
    }

    /// A record of the gateway's own.
    ///
    /// # Errors
    /// When it cannot be made durable.
    pub async fn own(&self, draft: impl FnOnce(u64, [u8; 16]) -> Draft) -> Result<(), StoreError> {
        self.log.append(carnet_store::Entry::bare(draft(seconds(), self.run))).await.map(|_| ())
    }

    /// Finishes what waits and publishes the last checkpoint. Blocks.
    pub fn close(&self) {
        self.log.close();
    }
}

/// Whether a folder holds a log already.
#[must_use]
pub fn exists(data: &Path) -> bool {
    data.join("log").join("vkey").exists()
}
