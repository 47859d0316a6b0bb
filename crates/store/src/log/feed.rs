//! What is durable and not yet in the published tree, from the writer to the publisher.

use std::ops::Range;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::state::Placed;

/// From so many bytes on, the tree follows at once: what waits for it is what a start after a crash must read.
const EARLY: usize = 4 << 20;

/// Leaves in log order, contiguous.
#[derive(Default)]
pub(crate) struct Fed {
    pub(crate) bytes: Vec<u8>,
    /// Each leaf: what matters of it, and where it ends in `bytes`.
    pub(crate) leaves: Vec<(Placed, usize)>,
    /// First index of the segment and length of it after the last leaf.
    pub(crate) place: (u64, u64),
    closed: bool,
    wake: bool,
    stuck: bool,
}

/// The feed. More than `limit` bytes in it means that the tree cannot be written; then appends are refused.
pub(crate) struct Feed {
    inner: Mutex<Fed>,
    more: Condvar,
    /// Something was taken, or cannot be.
    less: Condvar,
    limit: usize,
}

impl Feed {
    pub(crate) fn new(limit: usize) -> Self {
        Feed { inner: Mutex::default(), more: Condvar::new(), less: Condvar::new(), limit }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Fed> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn push(&self, bytes: &[u8], leaves: &[Range<usize>], placed: &[Placed], place: (u64, u64)) {
        let mut fed = self.lock();
        let (first, early) = (fed.leaves.is_empty(), fed.bytes.len() >= EARLY);
        for (range, placed) in leaves.iter().zip(placed) {
            fed.bytes.extend_from_slice(bytes.get(range.clone()).unwrap_or_default());
            let end = fed.bytes.len();
            fed.leaves.push((*placed, end));
        }
        fed.place = place;
        let early = !early && fed.bytes.len() >= EARLY;
        drop(fed);
        if first || early {
            self.more.notify_one();
        }
    }

    /// How many leaves wait, if that is too much and stays so: a tree that is only slow is waited for, one that cannot
    /// be written is not.
    pub(crate) fn full(&self, patience: Duration) -> Option<u64> {
        let mut fed = self.lock();
        if fed.bytes.len() > self.limit {
            let waits = |fed: &mut Fed| fed.bytes.len() > self.limit && !fed.stuck;
            let wait = self.less.wait_timeout_while(fed, patience, waits);
            fed = wait.unwrap_or_else(PoisonError::into_inner).0;
        }
        (fed.bytes.len() > self.limit).then_some(fed.leaves.len() as u64)
    }

    /// Whether the last publication failed.
    pub(crate) fn stuck(&self, stuck: bool) {
        let mut fed = self.lock();
        fed.stuck = stuck;
        drop(fed);
        self.less.notify_one();
    }

    /// Takes what is there.
    pub(crate) fn take(&self) -> Fed {
        let mut fed = self.lock();
        let (closed, wake, place, stuck) = (fed.closed, fed.wake, fed.place, fed.stuck);
        let taken = std::mem::replace(&mut *fed, Fed { closed, wake, place, stuck, ..Fed::default() });
        drop(fed);
        self.less.notify_one();
        taken
    }

    /// Waits until there is something, then `interval` for more to come, or until it is much. `false` when closed.
    pub(crate) fn wait(&self, interval: Duration) -> bool {
        let mut fed = self.lock();
        while fed.leaves.is_empty() && !fed.closed && !fed.wake {
            fed = self.more.wait(fed).unwrap_or_else(PoisonError::into_inner);
        }
        fed.wake = false;
        let wait = self.more.wait_timeout_while(fed, interval, |fed| !fed.closed && fed.bytes.len() < EARLY);
        !wait.unwrap_or_else(PoisonError::into_inner).0.closed
    }

    /// Something else than leaves is to be done.
    pub(crate) fn wake(&self) {
        self.lock().wake = true;
        self.more.notify_one();
    }

    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.more.notify_one();
    }
}
