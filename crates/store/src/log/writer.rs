//! The writer: the only one that gives a record its place. A batch is encoded, written, synced, and then it counts.
//!
//! Order: new session keys (their file is synced first, since a record without its key could never be read), then the
//! batch, then state, answers, feed of the tree. A crash before the sync loses a batch of which nobody was told; a
//! crash after it leaves records that recovery finds.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use carnet_evidence::{Hash, leaf_hash, segment};
use tokio::runtime::Handle;

use super::answers::Answers;
use super::feed::Feed;
use super::metrics::Meters;
use super::segments::Segments;
use super::state::{Placed, State};
use super::{Entry, Receipt};
use crate::error::StoreError;
use crate::keys::Slots;

/// No batch, and so no ask, has more bytes. Recovery looks no further than this behind the last entry.
pub(crate) const MAX_BATCH: u64 = 24 << 20;

/// How long the writer waits for a tree that is far behind before it refuses.
const PATIENCE: Duration = Duration::from_secs(2);

/// One ask: entries that are accepted or refused together.
pub(crate) enum Ask {
    One(Box<Entry>, tokio::sync::oneshot::Sender<Result<Receipt, StoreError>>),
    Many(Vec<Entry>, tokio::sync::oneshot::Sender<Result<Vec<Receipt>, StoreError>>),
}

impl Ask {
    fn entries(&self) -> &[Entry] {
        match self {
            Ask::One(entry, _) => std::slice::from_ref(entry),
            Ask::Many(entries, _) => entries,
        }
    }

    fn refuse(self, e: StoreError) {
        match self {
            Ask::One(_, tell) => drop(tell.send(Err(e))),
            Ask::Many(_, tell) => drop(tell.send(Err(e))),
        }
    }
}

/// See the module.
pub(crate) struct Writer {
    pub(crate) state: State,
    pub(crate) segments: Segments,
    pub(crate) slots: Slots,
    pub(crate) feed: Arc<Feed>,
    pub(crate) meters: Arc<Meters>,
    pub(crate) limit: u64,
    bytes: Vec<u8>,
    leaf: Vec<u8>,
    placed: Vec<Placed>,
    keys: Vec<u8>,
    /// Where the leaves of the batch lie in `bytes`.
    leaves: Vec<std::ops::Range<usize>>,
}

impl Writer {
    pub(crate) fn new(
        state: State,
        segments: Segments,
        slots: Slots,
        feed: Arc<Feed>,
        meters: Arc<Meters>,
        limit: u64,
    ) -> Self {
        Writer {
            state,
            segments,
            slots,
            feed,
            meters,
            limit,
            bytes: Vec::new(),
            leaf: Vec::new(),
            placed: Vec::new(),
            keys: Vec::new(),
            leaves: Vec::new(),
        }
    }

    /// Makes the asks durable and answers them, on the runtime that they come from if it is known. Leaves the vector
    /// empty.
    pub(crate) fn commit(&mut self, asks: &mut Vec<Ask>, on: Option<&Handle>) {
        let mut waiting = asks.drain(..).peekable();
        while waiting.peek().is_some() {
            self.batch(&mut waiting, on);
        }
    }

    /// One write and one sync: as many asks as fit a segment.
    fn batch(&mut self, asks: &mut std::iter::Peekable<std::vec::Drain<'_, Ask>>, on: Option<&Handle>) {
        let start = self.state.size;
        let mut taken = Vec::with_capacity(asks.len());
        self.bytes.clear();
        self.placed.clear();
        self.keys.clear();
        self.leaves.clear();
        let room = self.limit.saturating_sub(segment::HEADER as u64).min(MAX_BATCH);
        while let Some(ask) = asks.next_if(|a| taken.is_empty() || self.bytes.len() as u64 + size(a) <= room)
        {
            if size(&ask) > room {
                ask.refuse(StoreError::TooLarge);
                continue;
            }
            match self.encode(&ask) {
                Ok(()) => taken.push(ask),
                Err(e) => ask.refuse(e),
            }
        }
        if taken.is_empty() {
            self.state.settle();
            return;
        }
        match self.write(start) {
            Ok(()) => {
                self.state.settle();
                self.meters.healthy();
                let receipt = |p: &Placed| Receipt { index: p.index, n: p.n, leaf_hash: p.hash };
                Answers::new(taken, self.placed.iter().map(receipt)).tell(on);
                self.feed.push(&self.bytes, &self.leaves, &self.placed, self.segments.place());
            }
            Err(e) => {
                self.state.back_to(0, start);
                self.meters.failed(&e);
                taken.into_iter().for_each(|ask| ask.refuse(e.clone()));
            }
        }
    }

    fn write(&mut self, start: u64) -> Result<(), StoreError> {
        if let Some(ahead) = self.feed.full(PATIENCE) {
            return Err(StoreError::Behind(ahead));
        }
        let began = Instant::now();
        if !self.keys.is_empty() {
            self.slots.append(&mut self.keys)?;
        }
        self.segments.write(start, &mut self.bytes)?;
        let took = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.meters.sync_nanos.fetch_add(took, Ordering::Relaxed);
        self.meters.batches.fetch_add(1, Ordering::Relaxed);
        self.meters.records.fetch_add(self.placed.len() as u64, Ordering::Relaxed);
        self.meters.bytes.fetch_add(self.bytes.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    /// Encodes one ask behind the batch. On an error the batch is as it was.
    fn encode(&mut self, ask: &Ask) -> Result<(), StoreError> {
        let (mark, size) = (self.state.mark(), self.state.size);
        let (bytes, placed, keys) = (self.bytes.len(), self.placed.len(), self.keys.len());
        for entry in ask.entries() {
            if let Err(e) = self.encode_one(entry) {
                self.state.back_to(mark, size);
                self.bytes.truncate(bytes);
                self.placed.truncate(placed);
                self.leaves.truncate(placed);
                self.keys.truncate(keys);
                return Err(e);
            }
        }
        Ok(())
    }

    fn encode_one(&mut self, entry: &Entry) -> Result<(), StoreError> {
        let draft = &entry.draft;
        if let Some(of) = draft.of.filter(|_| draft.ty.answers())
            && !self.state.waits(of, &draft.gs)
        {
            return Err(StoreError::NotWaiting(of));
        }
        let mut blobs: [(&Hash, &[u8]); 2] = [(&[0; 32], &[]); 2];
        if entry.blobs.len() != draft.bl.len() || entry.blobs.len() > blobs.len() {
            return Err(StoreError::Blobs);
        }
        for ((to, stated), bytes) in blobs.iter_mut().zip(&draft.bl).zip(&entry.blobs) {
            *to = (&stated.h, bytes);
        }
        let (n, ps) = self.state.place(&draft.gs);
        self.leaf.clear();
        draft.finish_into(n, ps.as_ref(), &mut self.leaf)?;
        let hash = leaf_hash(&self.leaf);
        let back = u32::try_from(self.placed.len()).unwrap_or(u32::MAX);
        let at = self.bytes.len() + segment::ENTRY_HEADER;
        let blobs = blobs.get(..entry.blobs.len()).unwrap_or_default();
        segment::encode(&mut self.bytes, self.state.size, back, &self.leaf, &hash, blobs);
        self.leaves.push(at..at + self.leaf.len());
        let placed = Placed::new(draft, self.state.size, n, hash);
        self.state.apply(&placed);
        self.placed.push(placed);
        for key in &entry.keys {
            self.keys.extend_from_slice(&crate::keys::slot(key));
        }
        Ok(())
    }
}

/// Upper bound of what an ask needs in a segment.
pub(crate) fn size(ask: &Ask) -> u64 {
    ask.entries().iter().map(entry_size).sum()
}

pub(crate) fn entry_size(entry: &Entry) -> u64 {
    let draft = &entry.draft;
    let lists = draft.sd.len() * 48 + draft.bl.len() * 160 + draft.kr.len() * 64 + draft.ext.len() * 96;
    let blobs: usize = entry.blobs.iter().map(Vec::len).sum();
    (segment::ENTRY_HEADER + 700 + lists + blobs) as u64
}
