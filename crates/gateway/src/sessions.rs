//! Open sessions. A session belongs to one principal; somebody else's session id is answered like an unknown one.
//!
//! Explicit sessions carry an `Mcp-Session-Id` of Carnet's own (the upstream's is never shown downstream). Requests
//! without one (revision 2026-07-28, servers without sessions) share an implicit session per identity, agent and
//! server until it has been idle too long.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

use carnet_gate::{Caller, Session};
use carnet_mcp::Revision;
use carnet_model::Identity;
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore};

use crate::upstream::duplex::Duplex;

/// A session and what the shell keeps for it.
pub struct Open {
    /// The gate's part.
    pub gate: Session,
    /// The caller's id for it; `None` for implicit sessions.
    pub id: OnceLock<String>,
    /// The upstream's own id for it.
    pub upstream_id: OnceLock<String>,
    /// The revision agreed at initialize.
    pub revision: OnceLock<Revision>,
    /// The channel to a server over stdio or HTTP+SSE.
    pub duplex: OnceLock<Arc<Duplex>>,
    /// Told when the channel is open.
    pub opened: tokio::sync::Notify,
    /// The caller's stream of HTTP+SSE.
    pub stream: OnceLock<tokio::sync::mpsc::Sender<bytes::Bytes>>,
    /// Who opened it. A session belongs to one principal, whatever its groups are by now.
    pub caller: Arc<Caller>,
    used: AtomicI64,
    closed: AtomicBool,
    /// A place for each message in work.
    work: Arc<Semaphore>,
}

/// Messages of one session in work at once.
const AT_ONCE: u32 = 1 << 16;

impl Open {
    /// A session of this caller.
    #[must_use]
    pub fn new(gate: Session, caller: Arc<Caller>, now: i64) -> Arc<Open> {
        Arc::new(Open {
            gate,
            id: OnceLock::new(),
            upstream_id: OnceLock::new(),
            revision: OnceLock::new(),
            duplex: OnceLock::new(),
            opened: tokio::sync::Notify::new(),
            stream: OnceLock::new(),
            caller,
            used: AtomicI64::new(now),
            closed: AtomicBool::new(false),
            work: Arc::new(Semaphore::new(AT_ONCE as usize)),
        })
    }

    fn belongs_to(&self, caller: &Caller) -> bool {
        self.caller.principal.same_identity(&caller.principal)
    }

    /// Whether its server's process or stream has ended, so that no call can succeed in it any more.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        self.duplex.get().is_some_and(|duplex| duplex.is_closed())
    }

    /// Notes a use.
    pub fn touch(&self, now: i64) {
        self.used.store(now, Ordering::Relaxed);
    }

    /// A message's place in it, held as long as there is something to record for it. `None` when it is closing.
    #[must_use]
    pub fn enter(&self) -> Option<OwnedSemaphorePermit> {
        self.work.clone().try_acquire_owned().ok()
    }

    /// Whether no message is in work.
    #[must_use]
    pub fn at_rest(&self) -> bool {
        self.work.available_permits() == AT_ONCE as usize
    }

    /// Resolves when the last message has left; none enters any more.
    pub async fn left(&self) {
        if let Ok(all) = self.work.acquire_many(AT_ONCE).await {
            all.forget();
        }
    }

    /// Marks it closed; `true` for the one caller who closed it.
    pub fn close(&self) -> bool {
        !self.closed.swap(true, Ordering::AcqRel)
    }
}

/// What an implicit session is kept under.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ImplicitKey {
    /// The server's name.
    pub server: Arc<str>,
    /// The caller.
    pub identity: Identity,
    /// The agent acting for it.
    pub agent: Option<Identity>,
}

impl ImplicitKey {
    /// The key of a caller at a server.
    #[must_use]
    pub fn of(server: &Arc<str>, caller: &Caller) -> Self {
        ImplicitKey {
            server: server.clone(),
            identity: caller.principal.identity.clone(),
            agent: caller.principal.agent.clone(),
        }
    }
}

/// The table of open sessions.
#[derive(Default)]
pub struct Sessions {
    explicit: RwLock<HashMap<String, Arc<Open>>>,
    implicit: Mutex<HashMap<ImplicitKey, Arc<OnceCell<Arc<Open>>>>>,
}

impl Sessions {
    /// The explicit session with this id, if it is this caller's and with this server.
    #[must_use]
    pub fn find(&self, id: &str, server: &str, caller: &Caller) -> Option<Arc<Open>> {
        let open = self.explicit.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()?;
        (open.belongs_to(caller) && &*open.gate.server.name == server).then_some(open)
    }

    /// Gives a session an id and keeps it. `false` when there are `most` already.
    pub fn keep(&self, id: String, open: Arc<Open>, most: usize) -> bool {
        let mut explicit = self.explicit.write().unwrap_or_else(PoisonError::into_inner);
        if explicit.len() >= most || open.id.set(id.clone()).is_err() {
            return false;
        }
        explicit.insert(id, open);
        true
    }

    /// The place of an implicit session; whoever comes first fills it. `None` when there are `most` already.
    #[must_use]
    pub fn implicit(&self, key: &ImplicitKey, most: usize) -> Option<Arc<OnceCell<Arc<Open>>>> {
        let mut implicit = self.implicit.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cell) = implicit.get(key) {
            return Some(cell.clone());
        }
        if implicit.len() >= most {
            return None;
        }
        let cell = Arc::new(OnceCell::new());
        implicit.insert(key.clone(), cell.clone());
        Some(cell)
    }

    /// Takes an implicit session out, to be closed, if it still is this one.
    pub fn forget(&self, key: &ImplicitKey, open: &Arc<Open>) -> bool {
        let mut implicit = self.implicit.lock().unwrap_or_else(PoisonError::into_inner);
        let same =
            implicit.get(key).and_then(|cell| cell.get()).is_some_and(|known| Arc::ptr_eq(known, open));
        same && implicit.remove(key).is_some()
    }

    /// Takes an explicit session out, to be closed.
    pub fn remove(&self, id: &str) -> Option<Arc<Open>> {
        self.explicit.write().unwrap_or_else(PoisonError::into_inner).remove(id)
    }

    /// Takes out every session at rest that was not used since `before` (Unix seconds), to be closed.
    #[must_use]
    pub fn take_idle(&self, before: i64) -> Vec<Arc<Open>> {
        self.take(|open| open.used.load(Ordering::Relaxed) < before && open.at_rest())
    }

    /// Takes out every session, to be closed.
    #[must_use]
    pub fn take_all(&self) -> Vec<Arc<Open>> {
        self.take(|_| true)
    }

    fn take(&self, idle: impl Fn(&Arc<Open>) -> bool) -> Vec<Arc<Open>> {
        let mut taken: Vec<_> = self
            .explicit
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .extract_if(|_, o| idle(o))
            .map(|(_, o)| o)
            .collect();
        let mut implicit = self.implicit.lock().unwrap_or_else(PoisonError::into_inner);
        implicit.retain(|_, cell| match cell.get() {
            Some(open) if idle(open) => {
                taken.push(open.clone());
                false
            }
            // An empty place nobody is filling: its session could not be opened.
            None => Arc::strong_count(cell) > 1,
            Some(_) => true,
        });
        taken
    }

    /// How many are open.
    #[must_use]
    pub fn len(&self) -> usize {
        self.explicit.read().unwrap_or_else(PoisonError::into_inner).len()
            + self.implicit.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether none is open.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
