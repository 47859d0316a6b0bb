//! What the vault knows in memory: where each value lies, for whom and until when.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::record::shared;
use super::writer::Open;
use super::{Erase, Id, Kept, Owner, VaultDeposit};

/// Where a record lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Entry {
    pub(crate) file: u64,
    pub(crate) at: u64,
    /// Bytes of the sealed record.
    pub(crate) len: u32,
}

struct Held {
    owner: Arc<Owner>,
    expires: u64,
    entry: Entry,
    /// This process saw it become durable. What an earlier one left may be only in memory of the system, after a sync that
    /// failed.
    sure: bool,
}

#[derive(Default)]
pub(super) struct Index {
    held: HashMap<Id, Vec<Held>>,
    files: BTreeMap<u64, Filed>,
    owners: HashSet<Arc<Owner>>,
    count: usize,
}

struct Filed {
    file: Arc<Open>,
    /// The last expiry of its records.
    until: u64,
}

impl Index {
    pub(super) fn len(&self) -> usize {
        self.count
    }

    pub(super) fn file(&self, number: u64) -> Option<Arc<Open>> {
        self.files.get(&number).map(|f| Arc::clone(&f.file))
    }

    pub(super) fn find(&self, id: &Id, now: u64) -> Vec<Kept> {
        let held = self.held.get(id).into_iter().flatten().filter(|h| h.expires > now);
        let place = |e: &Entry| [e.file, e.at, u64::from(e.len)];
        held.map(|h| Kept { owner: Arc::clone(&h.owner), expires: h.expires, place: place(&h.entry) })
            .collect()
    }

    /// Every name with what was added last under it.
    pub(super) fn all(&self, now: u64) -> Vec<(Id, Kept)> {
        let place = |e: &Entry| [e.file, e.at, u64::from(e.len)];
        let newest = |held: &[Held]| {
            let held = held.iter().filter(|h| h.expires > now).max_by_key(|h| (h.entry.file, h.entry.at))?;
            let owner = Arc::clone(&held.owner);
            Some(Kept { owner, expires: held.expires, place: place(&held.entry) })
        };
        self.held.iter().filter_map(|(id, held)| Some((*id, newest(held)?))).collect()
    }

    /// Whether a deposit is there already, for at least half as long as it asks for.
    pub(super) fn keeps(&self, deposit: &VaultDeposit, now: u64) -> bool {
        let enough = now + deposit.expires.saturating_sub(now).div_ceil(2);
        let held = self.held.get(&deposit.id).into_iter().flatten();
        held.into_iter().any(|h| h.sure && h.owner == deposit.owner && h.expires >= enough)
    }

    pub(super) fn add_file(&mut self, number: u64, file: Arc<Open>) {
        self.files.insert(number, Filed { file, until: 0 });
    }

    /// Adds a record; one of the same stand-in and owner takes the place of the older.
    pub(super) fn add(&mut self, id: Id, owner: Owner, expires: u64, entry: Entry, sure: bool) {
        let owner = shared(&mut self.owners, owner);
        if let Some(filed) = self.files.get_mut(&entry.file) {
            filed.until = filed.until.max(expires);
        }
        let held = self.held.entry(id).or_default();
        match held.iter_mut().find(|h| h.owner == owner) {
            Some(old) => *old = Held { owner, expires, entry, sure },
            None => {
                held.push(Held { owner, expires, entry, sure });
                self.count += 1;
            }
        }
    }

    /// The stand-ins of which something is to be erased.
    fn matching(&self, what: &Erase) -> HashSet<Id> {
        match what {
            Erase::StandIn(id) => [*id].into_iter().collect(),
            Erase::Marks(marks) => {
                let marked = |held: &Vec<Held>| held.iter().any(|h| h.owner.has(marks));
                self.held.iter().filter(|(_, held)| marked(held)).map(|(id, _)| *id).collect()
            }
        }
    }

    /// Takes out what is to be erased; how many.
    pub(super) fn take(&mut self, what: &Erase) -> usize {
        let before = self.count;
        let ids = self.matching(what);
        for id in ids {
            self.retain(&id, |h| match what {
                Erase::StandIn(_) => false,
                Erase::Marks(marks) => !h.owner.has(marks),
            });
        }
        before - self.count
    }

    fn retain(&mut self, id: &Id, keep: impl FnMut(&Held) -> bool) {
        let Some(held) = self.held.get_mut(id) else { return };
        let before = held.len();
        held.retain(keep);
        self.count -= before - held.len();
        if held.is_empty() {
            self.held.remove(id);
        }
    }

    pub(super) fn numbers(&self) -> Vec<u64> {
        self.files.keys().copied().collect()
    }

    /// Forgets what has expired; gives the files that hold nothing else.
    pub(super) fn forget(&mut self, now: u64) -> Vec<u64> {
        let mut count = 0;
        self.held.retain(|_, held| {
            held.retain(|h| h.expires > now);
            count += held.len();
            !held.is_empty()
        });
        self.count = count;
        let used: HashSet<&Arc<Owner>> = self.held.values().flatten().map(|h| &h.owner).collect();
        self.owners = used.into_iter().cloned().collect();
        self.files.iter().filter(|(_, f)| f.until <= now).map(|(n, _)| *n).collect()
    }

    pub(super) fn drop_file(&mut self, number: u64) {
        self.files.remove(&number);
    }
}
