//! The log of one cell: [`Log::append`] and what stands behind it.
//!
//! The *writer* takes all asks that wait, gives each record its place, makes them durable with one write and one
//! `fdatasync`, and answers. The *publisher* follows with tiles and checkpoint. A third thread lays out the next segment.

mod answers;
mod feed;
mod metrics;
pub(crate) mod prune;
mod publish;
mod queue;
mod recover;
mod run;
mod segments;
mod shortcut;
mod state;
#[cfg(test)]
mod tests;
mod writer;

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use carnet_evidence::seal::NewKey;
use carnet_evidence::{Draft, Hash};
use tokio::sync::oneshot;

pub use metrics::Metrics;
pub use prune::{candidate, minimum, prune};

use crate::disk::{Disk, Mode, read_file, replace};
use crate::error::{At as _, StoreError};
use crate::keys::{Keys, Slots};
use feed::Feed;
use metrics::Meters;
use publish::{Publisher, VKEY};
use queue::Queue;
use run::Layout;
use segments::{SEGMENTS, SPARE, Segments, Spare};
use writer::{Ask, Writer};

pub(crate) use publish::{CHECKPOINT, KEPT};
pub(crate) use recover::segments as list_segments;
pub(crate) use segments::name as segment_name;

/// A record to append.
#[derive(Debug)]
pub struct Entry {
    /// The leaf without its place.
    pub draft: Draft,
    /// Ciphertexts in the order of the draft's `bl`.
    pub blobs: Vec<Vec<u8>>,
    /// New keys that this record is among the first to use. Durable before the record.
    pub keys: Vec<NewKey>,
}

impl Entry {
    /// A record without blobs and without a new key.
    #[must_use]
    pub fn bare(draft: Draft) -> Self {
        Entry { draft, blobs: Vec::new(), keys: Vec::new() }
    }
}

/// A record is durable, and this is its place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Receipt {
    /// Index in the log.
    pub index: u64,
    /// Number in the session.
    pub n: u64,
    /// RFC 6962 hash of the leaf.
    pub leaf_hash: Hash,
}

/// Sizes and times of a log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogOptions {
    /// Origin, `<host>/<tenant>/<region>/<epoch>`, also the name of the key.
    pub origin: String,
    /// Bytes of a segment.
    pub segment_bytes: u64,
    /// Bytes of asks that may wait; who comes after waits for room.
    pub queue_bytes: usize,
    /// Bytes of leaves that may wait for the tree before appends are refused.
    pub feed_bytes: usize,
    /// How long tiles and checkpoint may be behind.
    pub publish_every: Duration,
    /// Lay out the next segment ahead. Costs its size on disk.
    pub spare: bool,
}

impl LogOptions {
    /// The defaults: segments of 64 MiB, 16 MiB waiting, tree behind by at most half a second and 64 MiB.
    #[must_use]
    pub fn new(origin: impl Into<String>) -> Self {
        LogOptions {
            origin: origin.into(),
            segment_bytes: 64 << 20,
            queue_bytes: 16 << 20,
            feed_bytes: 64 << 20,
            publish_every: Duration::from_millis(500),
            spare: true,
        }
    }
}

/// What a start found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Recovered {
    /// Number of leaves. 0: the log is new, and its first record must be `cell.genesis`.
    pub size: u64,
    /// Decisions without an outcome, index and session: append a `call.orphan` for each.
    pub orphans: Vec<(u64, [u8; 16])>,
    /// Sessions and runs that were not closed.
    pub open_sessions: Vec<[u8; 16]>,
    /// An unfinished write was cut off.
    pub torn: bool,
    /// Leaves that were read for it.
    pub scanned: u64,
}

/// Where records go. [`Log`] is the embedded one; a cluster is another.
pub trait Ledger: Send + Sync {
    /// Appends a record; it is durable when this resolves to `Ok`. On an error it is not in the log. A future that is
    /// dropped may have appended.
    fn append(&self, entry: Entry) -> impl Future<Output = Result<Receipt, StoreError>> + Send;
    /// Appends several as one ask: all are answered with `Ok` or none, contiguous and in this order. After a crash
    /// before the answer a prefix of them may be in the log.
    fn append_all(
        &self,
        entries: Vec<Entry>,
    ) -> impl Future<Output = Result<Vec<Receipt>, StoreError>> + Send;
    /// Why records are refused, `None` if they are taken.
    fn refuses(&self) -> Option<StoreError>;
}

/// See the module.
pub struct Log {
    queue: Arc<Queue>,
    feed: Arc<Feed>,
    meters: Arc<Meters>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    _lock: Box<dyn Send + Sync>,
}

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Log")
    }
}

/// The log without its threads, as a start gives it.
struct Parts {
    writer: Writer,
    publisher: Publisher,
    recovered: Recovered,
    spare: Arc<Spare>,
    lock: Box<dyn Send + Sync>,
}

fn start(disk: &Arc<dyn Disk>, options: &LogOptions, keys: &Keys) -> Result<Parts, StoreError> {
    disk.make_dirs(SEGMENTS).at("make folder", SEGMENTS)?;
    let lock = disk.lock("lock").at("lock", "lock")?.ok_or(StoreError::Locked)?;
    let signer = keys.signer(&options.origin)?;
    let vkey = format!("{}\n", signer.verifier().to_text());
    match read_file(&**disk, VKEY)? {
        Some(stored) if stored != vkey.as_bytes() => return Err(StoreError::OtherKey),
        Some(_) => {}
        None => replace(&**disk, &[(VKEY.to_owned(), vkey.as_bytes())])?,
    }
    let found = recover::recover(disk, signer.verifier())?;
    let spare = Arc::new(Spare::new(options.spare && spare_there(&**disk, options.segment_bytes)));
    let mut segments =
        Segments::new(Arc::clone(disk), found.active, options.segment_bytes, Arc::clone(&spare));
    segments.settle(found.state.size, found.torn)?;
    let recovered = Recovered {
        size: found.state.size,
        orphans: found.state.waiting.iter().map(|(index, gs)| (*index, *gs)).collect(),
        open_sessions: found.state.tails.keys().copied().collect(),
        torn: found.torn,
        scanned: found.scanned,
    };
    let (feed, meters) = (Arc::new(Feed::new(options.feed_bytes)), Arc::new(Meters::default()));
    meters.published.store(found.published.unwrap_or(0), Ordering::Relaxed);
    let publisher = Publisher {
        disk: Arc::clone(disk),
        signer,
        tree: found.tree,
        state: found.state.clone(),
        place: found.place,
        published: found.published,
        feed: Arc::clone(&feed),
        meters: Arc::clone(&meters),
        files: Vec::new(),
        partial: Vec::new(),
        kept: (std::time::Instant::now(), found.published.unwrap_or(0)),
        cut: (0, 0),
    };
    let slots = Slots::open(Arc::clone(disk), keys.gone())?;
    let writer = Writer::new(found.state, segments, slots, feed, meters, options.segment_bytes);
    Ok(Parts { writer, publisher, recovered, spare, lock })
}

fn spare_there(disk: &dyn Disk, len: u64) -> bool {
    disk.open(SPARE, Mode::Read).and_then(|f| f.len()).is_ok_and(|there| there == len)
}

impl Log {
    /// Opens the log in the folder of the disk, makes it at first, and repairs what a crash left.
    ///
    /// # Errors
    /// [`StoreError::Locked`]; [`StoreError::Damaged`] when synced records are damaged or gone;
    /// [`StoreError::OtherKey`]; [`StoreError::Io`].
    pub fn open(
        disk: Arc<dyn Disk>,
        options: &LogOptions,
        keys: &Keys,
    ) -> Result<(Log, Recovered), StoreError> {
        let Parts { mut writer, mut publisher, recovered, spare, lock } = start(&disk, options, keys)?;
        let queue = Arc::new(Queue::new(options.queue_bytes));
        let (feed, meters) = (Arc::clone(&writer.feed), Arc::clone(&writer.meters));
        if publisher.published != Some(publisher.tree.size()) {
            feed.wake();
        }
        let (every, asks) = (options.publish_every, Arc::clone(&queue));
        let layout = options.spare.then(|| Layout::new(disk, spare, options.segment_bytes)).transpose()?;
        let threads = vec![
            run::spawn("carnet-log", move || run::write(&mut writer, &asks))?,
            run::spawn("carnet-tree", move || run::publish(&mut publisher, every, layout.as_ref()))?,
        ];
        Ok((Log { queue, feed, meters, threads: Mutex::new(threads), _lock: lock }, recovered))
    }

    /// Counters.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        self.meters.snapshot(self.queue.len())
    }

    /// Takes no more, finishes what waits, publishes the last checkpoint. Blocks; also done when the log is dropped.
    pub fn close(&self) {
        self.queue.close();
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            if thread.join().is_err() {
                self.feed.close();
            }
        }
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.close();
    }
}

impl Ledger for Log {
    async fn append(&self, entry: Entry) -> Result<Receipt, StoreError> {
        let (tell, told) = oneshot::channel();
        self.queue.push(Ask::One(Box::new(entry), tell)).await?;
        told.await.map_err(|_| StoreError::Closed)?
    }

    async fn append_all(&self, entries: Vec<Entry>) -> Result<Vec<Receipt>, StoreError> {
        let (tell, told) = oneshot::channel();
        self.queue.push(Ask::Many(entries, tell)).await?;
        told.await.map_err(|_| StoreError::Closed)?
    }

    fn refuses(&self) -> Option<StoreError> {
        self.meters.why()
    }
}
