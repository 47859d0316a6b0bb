//! Counters of the log and whether it takes records.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::error::StoreError;

/// Counters since the log was opened.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Metrics {
    /// Records made durable.
    pub records: u64,
    /// Bytes written to segments.
    pub bytes: u64,
    /// Groups, each one write and one sync.
    pub batches: u64,
    /// Groups refused.
    pub failures: u64,
    /// Nanoseconds in write and sync.
    pub sync_nanos: u64,
    /// Asks that wait now.
    pub queued: u64,
    /// Leaves covered by the published checkpoint.
    pub published: u64,
    /// Publications that failed.
    pub publish_failures: u64,
}

#[derive(Default)]
pub(crate) struct Meters {
    pub(crate) records: AtomicU64,
    pub(crate) bytes: AtomicU64,
    pub(crate) batches: AtomicU64,
    pub(crate) failures: AtomicU64,
    pub(crate) sync_nanos: AtomicU64,
    pub(crate) published: AtomicU64,
    pub(crate) publish_failures: AtomicU64,
    ill: AtomicBool,
    why: Mutex<Option<StoreError>>,
}

impl Meters {
    pub(crate) fn healthy(&self) {
        if self.ill.swap(false, Ordering::AcqRel) {
            *self.why.lock().unwrap_or_else(PoisonError::into_inner) = None;
            tracing::info!("evidence log takes records again");
        }
    }

    pub(crate) fn failed(&self, e: &StoreError) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        *self.why.lock().unwrap_or_else(PoisonError::into_inner) = Some(e.clone());
        if !self.ill.swap(true, Ordering::AcqRel) {
            tracing::error!(error = %e, "evidence log refuses records");
        }
    }

    pub(crate) fn why(&self) -> Option<StoreError> {
        if !self.ill.load(Ordering::Acquire) {
            return None;
        }
        self.why.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn snapshot(&self, queued: u64) -> Metrics {
        let get = |a: &AtomicU64| a.load(Ordering::Relaxed);
        Metrics {
            records: get(&self.records),
            bytes: get(&self.bytes),
            batches: get(&self.batches),
            failures: get(&self.failures),
            sync_nanos: get(&self.sync_nanos),
            queued,
            published: get(&self.published),
            publish_failures: get(&self.publish_failures),
        }
    }
}
