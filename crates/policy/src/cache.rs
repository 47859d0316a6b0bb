//! What was decided before the context was known: a table of fixed size with small sets, each under its own lock.
//!
//! A set holds a few entries and overwrites them in turn, so neither many callers nor chosen names (a resource's URI
//! comes from outside) can make it grow or make it slow.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use crate::question::{Asked, Question};

const WAYS: usize = 4;

/// A question with its answer.
type Entry<T> = Option<Arc<(Asked, T)>>;

struct Set<T> {
    entries: RwLock<[Entry<T>; WAYS]>,
    next: AtomicU8,
}

/// Decisions by question.
pub(crate) struct Cache<T> {
    sets: Box<[Set<T>]>,
}

impl<T> Cache<T> {
    /// A cache of at least `entries`, rounded up to a power of two.
    pub(crate) fn new(entries: usize) -> Cache<T> {
        let sets = (entries / WAYS).max(1).next_power_of_two();
        let empty = || Set { entries: RwLock::new([const { None }; WAYS]), next: AtomicU8::new(0) };
        Cache { sets: std::iter::repeat_with(empty).take(sets).collect() }
    }

    /// The answer kept for the question, or the one that `make` gives now.
    pub(crate) fn get(&self, question: &Question<'_>, make: impl FnOnce() -> T) -> Arc<(Asked, T)> {
        let place = usize::try_from(question.place() & (self.sets.len() as u64 - 1)).unwrap_or(0);
        let Some(set) = self.sets.get(place) else { return Arc::new((question.keep(), make())) };
        // A panic elsewhere cannot leave an entry half written: an entry is one pointer.
        let entries = set.entries.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = entries.iter().flatten().find(|e| question.is(&e.0)) {
            return found.clone();
        }
        drop(entries);
        let made = Arc::new((question.keep(), make()));
        let way = usize::from(set.next.fetch_add(1, Ordering::Relaxed)) % WAYS;
        if let Some(entry) = set.entries.write().unwrap_or_else(PoisonError::into_inner).get_mut(way) {
            *entry = Some(made.clone());
        }
        made
    }
}
