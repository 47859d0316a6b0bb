//! Asks on their way to the writer: bounded in bytes, and one wake-up for all that gather during a sync.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use super::writer::{Ask, size};
use crate::error::StoreError;

#[derive(Default)]
struct Inner {
    asks: Vec<Ask>,
    /// Permits that the asks hold.
    held: usize,
    asleep: bool,
    closed: bool,
    callers: Callers,
}

/// The runtime that the asks of a group come from.
#[derive(Clone, Default)]
pub(crate) enum Callers {
    /// None asked yet.
    #[default]
    Nobody,
    /// All come from this one.
    One(Handle),
    /// Several, or no runtime at all.
    Others,
}

impl Callers {
    pub(crate) fn runtime(&self) -> Option<&Handle> {
        if let Callers::One(handle) = self { Some(handle) } else { None }
    }

    fn join(&mut self, handle: Option<Handle>) {
        let same = match (&*self, &handle) {
            (Callers::One(here), Some(handle)) => here.id() == handle.id(),
            (Callers::Nobody, _) => false,
            _ => return *self = Callers::Others,
        };
        if !same {
            let first = matches!(self, Callers::Nobody);
            *self = handle.filter(|_| first).map_or(Callers::Others, Callers::One);
        }
    }
}

/// See the module. A permit is a KiB.
pub(crate) struct Queue {
    inner: Mutex<Inner>,
    some: Condvar,
    room: Semaphore,
    most: u32,
}

impl Queue {
    pub(crate) fn new(bytes: usize) -> Self {
        let most = u32::try_from(bytes / 1024).unwrap_or(u32::MAX).max(1);
        let room = Semaphore::new(usize::try_from(most).unwrap_or(1).min(Semaphore::MAX_PERMITS));
        Queue { inner: Mutex::default(), some: Condvar::new(), room, most }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for room and puts the ask in line.
    pub(crate) async fn push(&self, ask: Ask) -> Result<(), StoreError> {
        let permits = u32::try_from(size(&ask) / 1024 + 1).unwrap_or(u32::MAX).min(self.most);
        let permit = self.room.acquire_many(permits).await.map_err(|_| StoreError::Closed)?;
        let runtime = Handle::try_current().ok();
        let mut inner = self.lock();
        if inner.closed {
            return Err(StoreError::Closed);
        }
        permit.forget();
        inner.callers.join(runtime);
        inner.asks.push(ask);
        inner.held += usize::try_from(permits).unwrap_or(0);
        let wake = std::mem::take(&mut inner.asleep);
        drop(inner);
        if wake {
            self.some.notify_one();
        }
        Ok(())
    }

    /// All asks that wait, into an empty vector; waits for one. `None` when closed and empty. Gives the permits to
    /// hand back with [`Queue::release`] when they are done, and where the asks come from.
    pub(crate) fn take(&self, into: &mut Vec<Ask>) -> Option<(usize, Callers)> {
        let mut inner = self.lock();
        while inner.asks.is_empty() {
            if inner.closed {
                return None;
            }
            inner.asleep = true;
            inner = self.some.wait(inner).unwrap_or_else(PoisonError::into_inner);
        }
        inner.asleep = false;
        std::mem::swap(&mut inner.asks, into);
        Some((std::mem::take(&mut inner.held), std::mem::take(&mut inner.callers)))
    }

    pub(crate) fn release(&self, permits: usize) {
        self.room.add_permits(permits);
    }

    pub(crate) fn len(&self) -> u64 {
        self.lock().asks.len() as u64
    }

    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.room.close();
        self.some.notify_one();
    }
}
