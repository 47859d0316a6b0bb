//! Calls that wait for an approval: who asks, who has answered, what may run, and what was not picked up.
//!
//! [`Holds`] is the table. What it holds in memory of a call is its state; what approvers see, its arguments and a result
//! that nobody has fetched lie sealed on disk (`held/`, [`carnet_store::HeldStore`]), so a restart loses none of them. A change
//! is recorded in the log before it counts, and then stored: at a start the log has the last word ([`Holds::open`]).
//!
//! [`wait`] keeps callers waiting as their revision allows, [`act`] is what approvers do, [`leaf`] writes the records.

pub mod act;
mod ask;
mod beside;
mod estimate;
mod keep;
mod leaf;
mod results;
mod run;
mod shown;
mod standing;
mod tasks;
mod tick;
mod unmask;
mod wait;

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use carnet_approvals::{Account, Ending, Held, Id, People, Phase, View};
use carnet_evidence::LeafType;
use carnet_gate::Waiting;
use carnet_store::{HeldStore, Reader, StoreError};
use tokio::sync::{Notify, broadcast};

pub use act::{Approver, Ballot, NotDone};
pub use ask::{Ask, Reply};
pub use keep::{On, Saved};
pub use standing::GrantView;
pub(crate) use tasks::Asked;
pub use tick::tick;
pub(crate) use wait::{Caller, Held as OnHold, Run};

/// What has happened to a held call, for whoever tells approvers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum News {
    /// It waits for approvers.
    Asked(Id),
    /// Somebody has voted, and more votes are needed.
    Voted(Id),
    /// Nobody has answered in time: it is asked again, louder.
    Escalated(Id),
    /// It may run.
    Approved(Id),
    /// It is over.
    Ended(Id, Ending),
    /// Somebody lifted it in an emergency.
    BreakGlass(Id),
    /// That emergency was reviewed.
    Reviewed(Id),
    /// Its review is overdue.
    Overdue(Id),
}

/// News that wait for a slow reader before the oldest are lost to it. It then looks at the whole list.
const NEWS: usize = 1024;

/// One held call in memory.
pub struct Entry {
    /// Its name.
    pub id: Id,
    pub(crate) key: [u8; 16],
    /// Marks of the keys that its record is erased with.
    pub(crate) marks: Vec<[u8; 16]>,
    /// Changes come one after the other.
    turn: tokio::sync::Mutex<()>,
    held: Mutex<Held>,
    /// Told when it has changed.
    pub(crate) changed: Notify,
    /// Callers who wait for it.
    waiting: AtomicUsize,
}

impl Entry {
    fn new(key: [u8; 16], marks: Vec<[u8; 16]>, held: Held) -> Arc<Entry> {
        Arc::new(Entry {
            id: held.request.id,
            key,
            marks,
            turn: tokio::sync::Mutex::default(),
            held: Mutex::new(held),
            changed: Notify::new(),
            waiting: AtomicUsize::new(0),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its state now.
    #[must_use]
    pub fn held(&self) -> Held {
        self.lock().clone()
    }

    /// Whether it is this caller's.
    pub(crate) fn is_of(&self, caller: &carnet_gate::Caller) -> bool {
        let (actor, agent) = Account::both(&caller.principal);
        let held = self.lock();
        let binding = &held.request.binding;
        let behind = caller.behind.iter().map(Account::of);
        binding.actor == actor && binding.agent == agent && behind.eq(binding.behind.iter().cloned())
    }

    /// Whether more than one caller waits.
    pub(crate) fn is_shared(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 1
    }
}

/// A caller's place among those who wait.
pub(crate) struct Place(Arc<Entry>);

impl Place {
    pub(crate) fn of(entry: &Arc<Entry>) -> Place {
        entry.waiting.fetch_add(1, Ordering::Relaxed);
        Place(entry.clone())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

#[derive(Default)]
struct Table {
    by_id: HashMap<Id, Arc<Entry>>,
    by_key: HashMap<[u8; 16], Id>,
    /// How often a requester asked for a tool since the start.
    asked: HashMap<u64, u64>,
}

/// The same call asked twice at once is one request: requests are made under one of these.
const LANES: usize = 64;

/// Grants and delegations.
#[derive(Default)]
struct Standing {
    grants: HashMap<Id, standing::SavedGrant>,
    delegations: HashMap<Id, standing::SavedDelegation>,
}

type Callers = HashMap<([u8; 16], Vec<u8>), Arc<Entry>>;

/// A caller who waits, as its client names the request.
pub(crate) struct Listed {
    holds: Arc<Holds>,
    key: ([u8; 16], Vec<u8>),
}

/// All held calls.
pub struct Holds {
    callers: Mutex<Callers>,
    standing: Mutex<Standing>,
    shown: Mutex<shown::Shown>,
    table: Mutex<Table>,
    pub(crate) store: HeldStore,
    lanes: Vec<tokio::sync::Mutex<()>>,
    news: broadcast::Sender<News>,
}

impl Holds {
    /// Reads what an earlier run left. The log has the last word on what was used or has ended: a crash may have come
    /// between its record and the store.
    ///
    /// # Errors
    /// When log or store cannot be read.
    pub fn open(store: HeldStore, reader: &Reader, now: u64) -> Result<Holds, StoreError> {
        let (mut saved, mut standing) = (Vec::new(), Standing::default());
        for (marks, bytes) in store.all(now)? {
            // One that cannot be read was of another version: its caller asks again.
            if let Ok(one) = serde_json::from_slice::<Saved>(&bytes) {
                saved.push((marks, one));
            } else if let Ok(one) = serde_json::from_slice::<standing::SavedGrant>(&bytes) {
                standing.grants.insert(one.grant.id, one);
            } else if let Ok(one) = serde_json::from_slice::<standing::SavedDelegation>(&bytes) {
                standing.delegations.insert(one.delegation.id, one);
            }
        }
        let mut ends: HashMap<u64, Ending> = HashMap::new();
        if let Some(first) = saved.iter().map(|(_, s)| s.held.index).min() {
            reader.read(first, &mut |stored| {
                if let Some((of, ending)) = ending_of(&stored.leaf.draft) {
                    ends.insert(of, ending);
                }
                Ok(true)
            })?;
        }
        let mut table = Table::default();
        for (marks, one) in saved {
            let ended = ends.get(&one.held.index).copied();
            let Some(key) = one.key() else { continue };
            let entry = Entry::new(key, marks, one.held.recover(ended));
            table.by_key.insert(key, entry.id);
            table.by_id.insert(entry.id, entry);
        }
        let lanes = (0..LANES).map(|_| tokio::sync::Mutex::default()).collect();
        Ok(Holds {
            callers: Mutex::default(),
            standing: Mutex::new(standing),
            shown: Mutex::default(),
            table: Mutex::new(table),
            store,
            lanes,
            news: broadcast::Sender::new(NEWS),
        })
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn callers(&self) -> MutexGuard<'_, Callers> {
        self.callers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hears what happens from now on.
    #[must_use]
    pub fn listen(&self) -> broadcast::Receiver<News> {
        self.news.subscribe()
    }

    pub(crate) fn tell(&self, news: News) {
        // Nobody need listen.
        let _ = self.news.send(news);
    }

    /// One of them.
    #[must_use]
    pub fn get(&self, id: &Id) -> Option<Arc<Entry>> {
        self.table().by_id.get(id).cloned()
    }

    /// All of them, those that have just ended too.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Entry>> {
        self.table().by_id.values().cloned().collect()
    }

    /// How many wait.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.table().by_id.values().filter(|e| e.lock().phase == Phase::Pending).count()
    }

    pub(crate) fn by_key(&self, key: &[u8; 16]) -> Option<Arc<Entry>> {
        let table = self.table();
        table.by_key.get(key).and_then(|id| table.by_id.get(id)).cloned()
    }

    fn put(&self, entry: &Arc<Entry>) {
        let mut table = self.table();
        table.by_key.insert(entry.key, entry.id);
        table.by_id.insert(entry.id, entry.clone());
    }

    pub(crate) fn remove(&self, entry: &Entry) {
        let mut table = self.table();
        table.by_id.remove(&entry.id);
        if table.by_key.get(&entry.key) == Some(&entry.id) {
            table.by_key.remove(&entry.key);
        }
    }

    /// Counts a request and says how many there were before.
    fn asked_before(&self, waiting: &Waiting) -> u64 {
        use std::hash::{Hash as _, Hasher as _};
        let binding = &waiting.request.binding;
        let mut hash = std::hash::DefaultHasher::new();
        (&binding.actor, &binding.agent, &binding.server, &binding.tool).hash(&mut hash);
        let mut table = self.table();
        // A count that is forgotten is a count from now on; it is for people to look at, and decides nothing.
        if table.asked.len() > 100_000 {
            table.asked.clear();
        }
        let asked = table.asked.entry(hash.finish()).or_default();
        *asked += 1;
        *asked - 1
    }

    fn lane(&self, key: &[u8; 16]) -> Option<&tokio::sync::Mutex<()>> {
        let n = usize::from(key.first().copied().unwrap_or(0)) % LANES;
        self.lanes.get(n)
    }
}

/// What a record says about the end of a request.
fn ending_of(draft: &carnet_evidence::Draft) -> Option<(u64, Ending)> {
    let why = || {
        draft.ext.iter().find_map(|(key, value)| match value {
            carnet_evidence::Ext::Text(text) if *key == "why" => Some(text.as_str()),
            _ => None,
        })
    };
    let ending = match draft.ty {
        LeafType::ApprovalConsume => Ending::Consumed,
        LeafType::ApprovalExpire => {
            let all = [Ending::Denied, Ending::Expired, Ending::Cancelled, Ending::Revoked, Ending::Void];
            all.into_iter().find(|e| Some(e.word()) == why()).unwrap_or(Ending::Void)
        }
        _ => return None,
    };
    Some((draft.of?, ending))
}

/// What approvers see of a held call as it stands now.
#[must_use]
pub fn view_of(saved: &Saved, held: &Held, now: i64) -> View {
    keep::view_of(saved, held, now)
}

/// Who is who, as the configuration says.
#[must_use]
pub fn people(config: &carnet_config::Config) -> People {
    People(config.approvals.people.iter().map(|p| p.accounts.clone()).collect())
}
