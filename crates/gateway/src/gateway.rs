//! The gateway's state: the configuration in force, the log, the sessions; and what is done with them on every path.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use carnet_evidence::seal::KeyKind;
use carnet_gate::{Caller, Cell, Deposit, Entry, Kept, Moment, NotRecorded, Receipt, Session, Walk};
use carnet_masking::{Report, StandInId};
use carnet_model::{ClassNames, Sensitive};
use carnet_store::VaultDeposit;
use carnet_store::vault::Owner;
use tokio::sync::{Semaphore, watch};
use zeroize::Zeroizing;

use crate::hold::Holds;
use crate::load::Runtime;
use crate::metrics::Metrics;
use crate::record::Recorder;
use crate::servers::Server;
use crate::sessions::{ImplicitKey, Open, Sessions};
use crate::stop::Ending;
use crate::telemetry::Telemetry;

/// The TLS of a listener, swapped on reload.
pub type ListenerTls = Arc<arc_swap::ArcSwapOption<rustls::ServerConfig>>;

/// A running gateway.
pub struct Gateway {
    /// The configuration in force. A call loads it once.
    pub runtime: ArcSwap<Runtime>,
    /// The log.
    pub recorder: Recorder,
    /// Calls that wait for an approval.
    pub holds: Arc<Holds>,
    /// This gateway's origin and MAC key.
    pub cell: Cell,
    /// The key that tokens are made with.
    pub token_key: [u8; 32],
    /// Open sessions.
    pub sessions: Sessions,
    /// Metrics.
    pub metrics: Arc<Metrics>,
    /// Where approvers act: visits, passkeys, messages to channels.
    pub approvers: crate::page::Approvers,
    /// The collector, if there is one.
    pub telemetry: Telemetry,
    /// Where records are streamed to.
    pub(crate) sinks: crate::sink::Sinks,
    /// The fronts that it joins.
    pub(crate) joins: crate::join::Joins,
    /// Calls at once.
    pub places: Arc<Semaphore>,
    /// TLS in force of each listener, in the order of the configuration.
    pub tls: Mutex<Vec<ListenerTls>>,
    /// Turns true when the gateway is to stop.
    pub stopping: watch::Sender<bool>,
    /// The second stage of a stop.
    pub ending: Ending,
    /// The configuration file, for reloads.
    pub file: Option<PathBuf>,
    /// What each actor was given lately.
    pub(crate) tallies: crate::tallies::Tallies,
    /// Keeps the keys of the issuers in force fresh.
    pub keys: Mutex<Option<crate::keys::Tended>>,
    /// What everybody has read.
    pub(crate) readers: crate::remembered::Readers,
    /// What is to be durable before it is given out.
    pub(crate) queue: crate::remembered::Queue,
    /// The last reload's mistakes; empty when it went well.
    pub reload_errors: Mutex<Vec<String>>,
    /// Held by who reloads.
    pub(crate) reloading: tokio::sync::Mutex<()>,
    /// Addresses that the listeners really have, in the order of the configuration.
    pub bound: Mutex<Vec<std::net::SocketAddr>>,
}

/// The time.
#[must_use]
pub fn now() -> Moment {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Moment { seconds: i64::try_from(since.as_secs()).unwrap_or(i64::MAX), micros: since.subsec_micros() }
}

/// A session could not be opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoSession {
    /// As many as are allowed are open.
    TooMany,
    /// Its record, or its key, could not be made durable.
    NotRecorded,
}

impl Gateway {
    /// Keeps the keys of the issuers in force fresh, and no longer those of the issuers before.
    pub fn tend_keys(&self) {
        let fresh = self.runtime.load().identities.keys.tend();
        *self.keys.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(fresh);
    }

    /// Makes a record durable.
    ///
    /// # Errors
    /// When it cannot be (invariant 3).
    pub async fn append(&self, entry: Entry) -> Result<Receipt, NotRecorded> {
        self.recorder.append(entry).await
    }

    /// Keeps values whose stand-ins are about to be delivered.
    ///
    /// # Errors
    /// When they could not be made durable, or the vault is full.
    pub async fn keep(&self, deposits: Vec<Deposit>) -> Result<(), NotRecorded> {
        let now = u64::try_from(now().seconds).unwrap_or(0);
        let expires = now.saturating_add(self.runtime.load().config.masking.vault.keep.as_secs());
        let mut owners: HashMap<Arc<[u8]>, Arc<Owner>> = HashMap::new();
        let deposits = deposits.into_iter().map(|Deposit { id, value, owner, marks }| {
            let owner = owners
                .entry(owner)
                .or_insert_with_key(|about| Arc::new(Owner { about: about.to_vec(), marks }))
                .clone();
            let value = Zeroizing::new(value.expose().clone().into_bytes());
            VaultDeposit { id, owner, expires, value }
        });
        let deposits = deposits.collect();
        self.recorder.vault.deposit(deposits, now).await.map_err(|error| {
            tracing::error!(%error, "values could not be kept for their return");
            NotRecorded
        })
    }

    /// What the vault keeps under a stand-in's name.
    #[must_use]
    pub fn kept(&self, id: &StandInId) -> Vec<Kept> {
        let found = self.recorder.vault.find(id, u64::try_from(now().seconds).unwrap_or(0));
        found.into_iter().map(|k| Kept { owner: k.owner.about.clone(), place: k.place }).collect()
    }

    /// A value of the vault.
    #[must_use]
    pub fn value(&self, kept: &Kept) -> Option<Sensitive<String>> {
        match self.recorder.vault.value(kept.place) {
            Ok(value) => value.and_then(|v| String::from_utf8(v.to_vec()).ok()).map(Sensitive::new),
            Err(error) => {
                tracing::error!(%error, "a value of the vault cannot be read");
                None
            }
        }
    }

    /// Counts what was masked.
    pub fn count_masked(&self, report: &Report, classes: &ClassNames) {
        for (class, count) in &report.masked {
            self.metrics.masked(classes.name(*class), *count);
        }
    }

    /// Counts and logs what a server gives out that it is not said to have. Classes, no content.
    pub fn drifted(&self, server: &str, what: &[&str]) {
        self.metrics.drifted(server, what);
        tracing::warn!(server, found = what.join(","), "the server gives out what it is not said to have");
    }

    /// A new session, its key and its first record durable.
    ///
    /// # Errors
    /// When they could not be made so.
    pub async fn open_session(
        &self,
        runtime: &Runtime,
        server: &Server,
        caller: &Arc<Caller>,
    ) -> Result<Arc<Open>, NoSession> {
        let mut gs = [0; 16];
        crate::record::entropy(&mut gs);
        let (key, new) = self.recorder.session_key().map_err(|_| NoSession::NotRecorded)?;
        let who = &caller.principal.identity;
        let label = carnet_gate::actor_label(&self.cell.mac, &who.issuer, &who.subject);
        let (actor, first) =
            self.recorder.key_of(KeyKind::Actor, label).map_err(|_| NoSession::NotRecorded)?;
        let new: Vec<_> = std::iter::once(new).chain(first).collect();
        let session = Session::new(gs, server.facts.clone(), [key, actor], server.tools.clone());
        let session =
            session.counting(self.tallies.of(&label)).remembering(self.readers.of(&self.cell.mac, caller));
        let open = Open::new(session, caller.clone(), now().seconds);
        let shell = crate::record::RecordOnly(self);
        let walk = Walk::new(&shell, &self.cell, &runtime.gate, &open.gate, caller, None);
        carnet_gate::open(walk, new).await.map_err(|_| NoSession::NotRecorded)?;
        self.metrics.sessions.inc();
        Ok(open)
    }

    /// The implicit session of a caller at a server, opened if there is none.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub async fn implicit_session(
        self: &Arc<Self>,
        runtime: &Runtime,
        server: &Server,
        caller: &Arc<Caller>,
    ) -> Result<Arc<Open>, NoSession> {
        let key = ImplicitKey::of(&server.facts.name, caller);
        let cell = self.sessions.implicit(&key, runtime.config.limits.sessions).ok_or(NoSession::TooMany)?;
        let open = cell.get_or_try_init(|| self.open_session(runtime, server, caller)).await?.clone();
        if !open.is_dead() {
            open.touch(now().seconds);
            return Ok(open);
        }
        // Its server's process or stream has ended: what follows is another session.
        if self.sessions.forget(&key, &open) {
            self.close_session(&open, "server-ended").await;
        }
        let cell = self.sessions.implicit(&key, runtime.config.limits.sessions).ok_or(NoSession::TooMany)?;
        Ok(cell.get_or_try_init(|| self.open_session(runtime, server, caller)).await?.clone())
    }

    /// Closes a session that was taken out of the table: after its last call, since what a closed session still owes could
    /// not be told from what was kept back. Calls that are open are waited for in a task of their own.
    pub async fn close_session(self: &Arc<Self>, open: &Arc<Open>, why: &'static str) {
        if !open.close() {
            return;
        }
        self.metrics.sessions.dec();
        if let Some(duplex) = open.duplex.get() {
            duplex.close();
        }
        let (gateway, open, closing) = (self.clone(), open.clone(), self.ending.closing());
        let at_rest = open.at_rest();
        let close = async move {
            open.left().await;
            gateway.record_close(&open, why).await;
            drop(closing);
        };
        // In a task of its own, so that a caller who hangs up does not take the record with it.
        let closed = tokio::spawn(close);
        if at_rest {
            let _ = closed.await;
        }
    }

    /// The last record of a session, which states its count.
    async fn record_close(&self, open: &Open, why: &'static str) {
        // A decision whose outcome is owed gets its orphan first.
        if !self.recorder.settle().await {
            tracing::error!("the record of a session's end could not be made durable");
            return;
        }
        let runtime = self.runtime.load_full();
        let shell = crate::record::RecordOnly(self);
        let (session, caller) = (&open.gate, &*open.caller);
        let walk = Walk::new(&shell, &self.cell, &runtime.gate, session, caller, None);
        if carnet_gate::close(walk, why).await.is_err() {
            tracing::error!("the record of a session's end could not be made durable");
        }
    }

    /// Closes sessions that were idle too long, and forgets rates at rest. Runs until the gateway stops.
    pub async fn sweep(self: Arc<Self>) {
        let mut stopping = self.stopping.subscribe();
        loop {
            let pause = tokio::time::sleep(Duration::from_secs(15));
            tokio::select! {
                () = pause => {}
                _ = stopping.wait_for(|stop| *stop) => return,
            }
            let runtime = self.runtime.load_full();
            let idle = i64::try_from(runtime.config.limits.session_idle.as_secs()).unwrap_or(i64::MAX);
            for open in self.sessions.take_idle(now().seconds.saturating_sub(idle)) {
                self.close_session(&open, "idle").await;
            }
            let _closed = self.holds.store.sweep(u64::try_from(now().seconds).unwrap_or(0)).await;
            let _closed = self.recorder.vault.sweep(u64::try_from(now().seconds).unwrap_or(0)).await;
            if let Some(rates) = &runtime.per_principal {
                rates.forget_idle();
            }
            if let Some(rates) = &runtime.per_tool {
                rates.forget_idle();
            }
        }
    }

    /// Closes every session: the last thing before the log is closed.
    pub async fn close_all(self: &Arc<Self>) {
        for open in self.sessions.take_all() {
            self.close_session(&open, "stop").await;
        }
    }

    /// The address that callers know, without a trailing slash.
    #[must_use]
    pub fn public_url(&self, runtime: &Runtime) -> String {
        if let Some(url) = &runtime.config.public_url {
            return url.trim_end_matches('/').to_owned();
        }
        let bound = self.bound.lock().unwrap_or_else(PoisonError::into_inner);
        let scheme =
            if runtime.config.listeners.first().is_some_and(|l| l.tls.is_some()) { "https" } else { "http" };
        bound.first().map(|a| format!("{scheme}://{a}")).unwrap_or_default()
    }
}
