//! The log as the gate sees it, and the gateway's own records: genesis, start, heartbeats, orphans, stop.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use carnet_config::Config;
use carnet_documents::Text;
use carnet_evidence::seal::{DataKey, KeyKind, MacKey, NewKey, Slot, key_text};
use carnet_evidence::{Draft, Epochs, LeafType, disclosure, field};
use carnet_gate::{
    Analyzed, Answers, Deposit, Entry, Kept, Moment, NotAnalyzed, NotForwarded, NotRecorded, Permitted,
    Recall, Receipt, Recorded, Row, Shell, Unread,
};
use carnet_masking::{Report, StandInId};
use carnet_mcp::Message;
use carnet_model::{ClassNames, Sensitive};
use carnet_residency::Known;
use carnet_store::{
    Disk, HeldStore, Index, KeyStore, Keys, Ledger, Log, LogOptions, Reader, RealDisk, Recovered, StoreError,
    Stored, Table, Vault,
};
use tokio::sync::Notify;

use crate::gateway::{Gateway, now};
use crate::stop::reached;

/// The log and its keys, open for writing.
pub struct Recorder {
    /// Values whose stand-ins may come back.
    pub vault: Vault,
    /// What outlives the process besides: passkeys of approvers, messages to channels.
    pub table: Arc<Table>,
    pub(crate) log: Log,
    pub(crate) keys: Keys,
    pub(crate) mac: MacKey,
    /// Origin of the log.
    pub(crate) origin: String,
    disk: Arc<dyn Disk>,
    index: Mutex<Index>,
    /// The pseudonym of this run, for the gateway's own records.
    pub(crate) run: [u8; 16],
    /// The key of this run, made when the first of its records is sealed, and whether it is durable.
    run_key: Mutex<Option<(DataKey, Option<NewKey>)>>,
    /// Acts of operators that must not overtake each other.
    pub(crate) turn: tokio::sync::Mutex<()>,
    /// Who else holds something of a person.
    forget: Mutex<Vec<Box<Forget>>>,
    /// Decisions whose outcome the log did not take. Each gets an orphan once it takes records again.
    owed: Mutex<Vec<Owed>>,
    /// Something was not taken.
    refused: Notify,
    /// When the last heartbeat was recorded, Unix seconds.
    beat: AtomicU64,
    /// Records in the log when it was opened.
    opened: u64,
    /// Sinks that are down and without which no call goes on.
    blocking: AtomicU64,
}

/// Told of the keys of persons that were just destroyed.
pub type Forget = dyn Fn(&[[u8; 16]]) + Send + Sync;

/// A decision that is left without its outcome.
struct Owed {
    of: u64,
    gs: [u8; 16],
    epochs: Epochs,
}

/// Decisions that may be owed their end at once. Calls in work are fewer: more come together only when the log takes
/// decisions and no outcomes, and then no further decision is taken.
const MOST_OWED: usize = 1 << 16;

/// Orphans appended at once.
const ORPHANS: usize = 1000;

/// What opening found.
pub struct Opened {
    /// The recorder.
    pub recorder: Recorder,
    /// The key of the MAC over raw messages.
    pub mac: MacKey,
    /// The key that tokens are made with.
    pub token_key: [u8; 32],
    /// Calls that wait for an approval.
    pub held: HeldStore,
    recovered: Recovered,
    /// Type and time of the last record of an earlier run.
    last: Option<(LeafType, u64)>,
    /// What was in force then.
    pub(crate) before: Option<Epochs>,
}

/// Fills a buffer with cryptographically secure random bytes: a ChaCha generator for each thread, seeded and reseeded by the
/// system. A system call for each record would cost more than the record.
pub fn entropy(out: &mut [u8]) {
    use rand::Rng;
    rand::rng().fill_bytes(out);
}

/// Opens the data folder of a configuration.
///
/// # Errors
/// A sentence that says what is wrong and where.
pub fn open(config: &Config) -> Result<Opened, String> {
    let at = |e: StoreError| format!("{}: {e}", config.data.display());
    // Log and keys are nobody else's business.
    let mut folder = std::fs::DirBuilder::new();
    std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
    folder
        .recursive(true)
        .create(&config.data)
        .map_err(|e| format!("{}: {}", config.data.display(), e.kind()))?;
    let disk: Arc<dyn Disk> = Arc::new(RealDisk::new(&config.data));
    let kek = crate::kek::of(&config.evidence)?;
    let keys = Keys::open_under(Arc::clone(&disk), kek.as_deref()).map_err(at)?;
    let mut options = LogOptions::new(&*config.cell.origin);
    options.segment_bytes = config.evidence.segment;
    options.publish_every = config.evidence.checkpoint.min(Duration::from_secs(1));
    let (log, recovered) = Log::open(Arc::clone(&disk), &options, &keys).map_err(at)?;
    let (last, before) = last(Arc::clone(&disk), recovered.size).map_err(at)?;
    let mac = keys.mac().map_err(at)?;
    not_too_old(&keys, last.map(|(_, t)| t), config.evidence.backup_horizon).map_err(at)?;
    let mut index = Index::open(&config.data, mac.clone(), &config.cell.origin).map_err(at)?;
    index.follow(&Reader::new(Arc::clone(&disk)), &keys).map_err(at)?;
    let back = crate::desk::sweep(&index, &keys).map_err(at)?;
    if back > 0 {
        tracing::warn!(
            keys = back,
            "keys that the log says are destroyed were in the key store; they are destroyed again"
        );
    }
    let token_key = mac.mac("token-key", b"");
    let keys_of_vault = Keys::open_under(Arc::clone(&disk), kek.as_deref()).map_err(at)?;
    let entries = config.masking.vault.entries;
    let vault = Vault::open(Arc::clone(&disk), keys_of_vault, entries, seconds()).map_err(at)?;
    let keys_of_held = Keys::open_under(Arc::clone(&disk), kek.as_deref()).map_err(at)?;
    // As many again: those that are over, until they are forgotten.
    let most = config.approvals.most.saturating_mul(2);
    let held = HeldStore::open(Arc::clone(&disk), keys_of_held, most, seconds()).map_err(at)?;
    let keys_of_table = Keys::open_under(Arc::clone(&disk), kek.as_deref()).map_err(at)?;
    let table = Arc::new(Table::open(Arc::clone(&disk), keys_of_table).map_err(at)?);
    let mut run = [0; 16];
    entropy(&mut run);
    Ok(Opened {
        recorder: Recorder {
            vault,
            table,
            log,
            keys,
            mac: mac.clone(),
            origin: config.cell.origin.to_string(),
            disk,
            index: Mutex::new(index),
            run,
            run_key: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
            forget: Mutex::default(),
            owed: Mutex::default(),
            refused: Notify::new(),
            beat: AtomicU64::new(seconds()),
            opened: recovered.size,
            blocking: AtomicU64::new(0),
        },
        mac,
        token_key,
        held,
        recovered,
        last,
        before,
    })
}

/// A key store that was last in use long before the log was is a restored backup, and may hold keys that were erased for
/// good: it is refused.
fn not_too_old(keys: &Keys, newest: Option<u64>, horizon: Duration) -> Result<(), StoreError> {
    let stamped = keys.stamped()?;
    match (stamped, newest) {
        (Some(stamp), Some(newest)) if newest.saturating_sub(stamp) > horizon.as_secs() => {
            Err(StoreError::Key(
                "it is older than the log by more than evidence.backup_horizon: a backup that may not be used any more",
            ))
        }
        (None, Some(_)) => Err(StoreError::Key("keys/stamp is missing: its age is not known")),
        _ => keys.stamp(stamped.unwrap_or(0).max(seconds())),
    }
}

/// Records at the end of the log that are looked at for what was in force: commands of the operator have none.
const LOOK_BACK: u64 = 64;

type Last = (Option<(LeafType, u64)>, Option<Epochs>);

/// Type and time of the last record in the log, and what was in force last; nothing of an empty log.
fn last(disk: Arc<dyn Disk>, size: u64) -> Result<Last, StoreError> {
    let (mut last, mut before) = (None, None);
    Reader::new(disk).read(size.saturating_sub(LOOK_BACK), &mut |stored| {
        let draft = &stored.leaf.draft;
        last = Some((draft.ty, draft.t));
        before = Some(draft.ep).filter(|ep| *ep != Epochs::default()).or(before);
        Ok(true)
    })?;
    // Where nothing says it, it was something else.
    Ok((last, before.or(last.map(|_| Epochs::default()))))
}

/// Unix seconds as records have them.
pub(crate) fn seconds() -> u64 {
    u64::try_from(now().seconds).unwrap_or(0)
}

impl Opened {
    /// Writes what a start owes: the genesis of a new log, the start, the end of what a crash left open.
    ///
    /// # Errors
    /// When a record cannot be made durable.
    pub async fn begin(&mut self, config: &Config, epochs: Epochs, known: Known) -> Result<(), StoreError> {
        let Opened { recorder, recovered, last, .. } = self;
        let (t, run) = (seconds(), recorder.run);
        if recovered.size == 0 {
            let known = if known == Known::Attested { "attested" } else { "configured" };
            let vkey = recorder.keys.signer(&config.cell.origin)?.verifier().to_text();
            let genesis = Draft::genesis(t, run, epochs, &vkey, config.cell.region.as_str(), known);
            recorder.log.append(carnet_store::Entry::bare(genesis)).await?;
        }
        let every = config.evidence.heartbeat.as_secs().max(1);
        // A run that did not end in order left a silence behind: it is stated, not hidden.
        if let Some((_, from)) = last.take().filter(|(ty, _)| *ty != LeafType::GwStop) {
            let gap = Draft::gap(t, run, epochs, from.min(t), t, "crash");
            recorder.log.append(carnet_store::Entry::bare(gap)).await?;
        }
        let start = Draft::gateway_start(t, run, epochs, every, env!("CARGO_PKG_VERSION"));
        recorder.log.append(carnet_store::Entry::bare(start)).await?;
        let orphans = recovered.orphans.drain(..).map(|(of, gs)| Draft::orphan(t, gs, epochs, of, "crash"));
        let closed =
            recovered.open_sessions.drain(..).map(|gs| Draft::session_close(t, gs, epochs, None, "crash"));
        let left: Vec<_> = orphans.chain(closed).map(carnet_store::Entry::bare).collect();
        if !left.is_empty() {
            recorder.log.append_all(left).await?;
        }
        Ok(())
    }
}

impl Recorder {
    /// Makes a record durable.
    ///
    /// # Errors
    /// When it cannot be (invariant 3).
    pub async fn append(&self, entry: Entry) -> Result<Receipt, NotRecorded> {
        let Entry { draft, blobs, keys } = entry;
        let (gs, epochs) = (draft.gs, draft.ep);
        let owed = draft.of.filter(|_| draft.ty.answers()).map(|of| Owed { of, gs, epochs });
        if draft.ty == LeafType::CallDecision && self.owed().len() >= MOST_OWED {
            tracing::error!("too many outcomes are owed to the log; no further decision is taken");
            return Err(NotRecorded);
        }
        if draft.ty == LeafType::CallDecision && self.blocking.load(Ordering::Relaxed) > 0 {
            tracing::debug!("a sink is down that calls wait for (`when_down: block`)");
            return Err(NotRecorded);
        }
        // Keys that are new to this record are known to be durable after it.
        let new = keys.clone();
        match self.log.append(carnet_store::Entry { draft, blobs, keys }).await {
            Ok(receipt) => {
                self.keys.settled(&new);
                Ok(Receipt { index: receipt.index })
            }
            Err(error) => {
                tracing::error!(%error, "a record could not be made durable");
                if let Some(owed) = owed.filter(|_| !matches!(error, StoreError::NotWaiting(_))) {
                    self.owed().push(owed);
                }
                self.refused.notify_one();
                Err(NotRecorded)
            }
        }
    }

    fn owed(&self) -> MutexGuard<'_, Vec<Owed>> {
        self.owed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends an orphan for each decision whose outcome was not taken. Whether nothing is owed any more.
    pub async fn settle(&self) -> bool {
        loop {
            let mut some = {
                let mut owed = self.owed();
                let keep = owed.len().saturating_sub(ORPHANS);
                owed.split_off(keep)
            };
            if some.is_empty() {
                return true;
            }
            let t = seconds();
            let orphan = |o: &Owed| Draft::orphan(t, o.gs, o.epochs, o.of, "not-recorded");
            let orphans = some.iter().map(orphan).map(carnet_store::Entry::bare).collect();
            if self.log.append_all(orphans).await.is_err() {
                self.owed().append(&mut some);
                return false;
            }
        }
    }

    /// A new session's key, ready and wrapped.
    ///
    /// # Errors
    /// When the key store is down.
    pub fn session_key(&self) -> Result<(DataKey, NewKey), StoreError> {
        self.keys.new_session()
    }

    /// The key of an actor or data subject by its label, made at first sight, and what is to be stored of a new one.
    ///
    /// # Errors
    /// When the key store is down.
    pub fn key_of(&self, kind: KeyKind, label: [u8; 16]) -> Result<(DataKey, Option<NewKey>), NotRecorded> {
        self.keys.of(kind, label).map_err(|error| {
            tracing::error!(%error, "the key of a person cannot be had");
            NotRecorded
        })
    }

    /// The key of this run, and what is to be stored of it as long as it is not known to be durable.
    pub(crate) fn run_key(&self) -> Result<(DataKey, Option<NewKey>), StoreError> {
        let mut held = self.run_key.lock().unwrap_or_else(PoisonError::into_inner);
        if held.is_none() {
            let (key, new) = self.keys.new_session()?;
            *held = Some((key, Some(new)));
        }
        held.clone().ok_or(StoreError::Closed)
    }

    /// A record that brought the key of this run along is durable.
    pub(crate) fn run_key_settled(&self) {
        if let Some((_, new)) = &mut *self.run_key.lock().unwrap_or_else(PoisonError::into_inner) {
            *new = None;
        }
    }

    /// Makes a key durable before any record is sealed with it.
    pub(crate) async fn store_key(&self, new: NewKey, epochs: Epochs) -> Result<(), StoreError> {
        let mut draft = Draft::new(LeafType::KeyCreate, seconds(), self.run, epochs).text("why", "hold");
        draft.kr.push(key_text(&new.wrapped.id));
        let entry = carnet_store::Entry { keys: vec![new.clone()], ..carnet_store::Entry::bare(draft) };
        self.log.append(entry).await?;
        self.keys.settled(&[new]);
        Ok(())
    }

    /// The data folder.
    pub(crate) fn disk(&self) -> Arc<dyn Disk> {
        Arc::clone(&self.disk)
    }

    /// Reads the log.
    pub(crate) fn reader(&self) -> Reader {
        Reader::new(Arc::clone(&self.disk))
    }

    /// The index, after it has taken what is new in the log. Blocks.
    ///
    /// # Errors
    /// As the index, and as `with`.
    pub fn with_index<T>(
        &self,
        with: impl FnOnce(&mut Index, &Reader) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        let reader = self.reader();
        index.follow(&reader, &self.keys)?;
        with(&mut index, &reader)
    }

    /// Who acted, as a record says; `None` where it cannot be read.
    pub(crate) fn clerk_of(&self, stored: &Stored) -> Option<crate::desk::Clerk> {
        let clear = stored.unseal_one(&self.origin, &self.keys, Slot::Disclosures).ok()??;
        let all = disclosure::split(&clear)?;
        let actor = all.iter().filter_map(|one| disclosure::decode(one)).find(|d| d.name == field::ACTOR)?;
        serde_json::from_slice(&actor.value).ok()
    }

    /// From now on `forget` is told when keys of persons are destroyed: for who keeps something of them elsewhere.
    pub fn on_erasure(&self, forget: Box<Forget>) {
        self.forget.lock().unwrap_or_else(PoisonError::into_inner).push(forget);
    }

    pub(crate) fn erased(&self, ids: &[[u8; 16]]) {
        for forget in self.forget.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            forget(ids);
        }
    }

    /// Whether records can be made durable, and why not.
    ///
    /// # Errors
    /// The reason.
    pub fn healthy(&self) -> Result<(), String> {
        self.log.refuses().map_or(Ok(()), |e| Err(e.to_string()))
    }

    /// How many records of the log are durable.
    #[must_use]
    pub(crate) fn durable(&self) -> u64 {
        self.opened + self.log.metrics().records
    }

    /// A sink that calls wait for is down, or is well again.
    pub(crate) fn block(&self, down: bool) {
        if down {
            self.blocking.fetch_add(1, Ordering::Relaxed);
        } else {
            self.blocking.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Counters of the log.
    #[must_use]
    pub fn metrics(&self) -> carnet_store::Metrics {
        self.log.metrics()
    }

    /// A record of the gateway's own.
    ///
    /// # Errors
    /// When it cannot be made durable.
    pub async fn own(&self, draft: impl FnOnce(u64, [u8; 16]) -> Draft) -> Result<(), StoreError> {
        self.log.append(carnet_store::Entry::bare(draft(seconds(), self.run))).await.map(|_| ())
    }

    /// A heartbeat, and before it the silence since the last one where that was longer than promised.
    async fn beat(&self, epochs: Epochs, every: Duration) -> Result<(), StoreError> {
        let (t, every, last) = (seconds(), every.as_secs(), self.beat.load(Ordering::Relaxed));
        let silent = t.saturating_sub(last) > every;
        let gap = silent.then(|| Draft::gap(t, self.run, epochs, last, t, "not-recorded"));
        let beat = Draft::heartbeat(t, self.run, epochs, every);
        self.log.append_all(gap.into_iter().chain([beat]).map(carnet_store::Entry::bare).collect()).await?;
        self.beat.store(t, Ordering::Relaxed);
        Ok(())
    }

    /// Finishes what waits and publishes the last checkpoint. Blocks.
    pub fn close(&self) {
        self.log.close();
    }
}

/// Writes heartbeats until it is aborted, which is the last thing before the log ends. A silent stop then shows as a gap;
/// a time in which the log took no records is stated as one.
pub async fn heartbeat(gateway: Arc<Gateway>) {
    loop {
        let (every, epochs) = promised(&gateway);
        // A little early, so that the promise holds under load.
        tokio::time::sleep(every.mul_f32(0.8)).await;
        if let Err(error) = gateway.recorder.beat(epochs, every).await {
            tracing::error!(%error, "a heartbeat could not be recorded");
        }
    }
}

/// The time between heartbeats, and what is in force.
fn promised(gateway: &Gateway) -> (Duration, Epochs) {
    let runtime = gateway.runtime.load();
    (runtime.config.evidence.heartbeat.max(Duration::from_secs(1)), runtime.gate.epochs)
}

/// How long the log is left alone when it did not take what is owed to it.
const AGAIN: Duration = Duration::from_secs(1);

/// Appends what is owed to the log as soon as it takes records again, until the gateway stops. A heartbeat finds out
/// when that is: while the gateway is not ready, perhaps nobody calls.
pub async fn settle(gateway: Arc<Gateway>) {
    let mut stopping = gateway.stopping.subscribe();
    let work = async {
        loop {
            gateway.recorder.refused.notified().await;
            while !well(&gateway).await {
                tokio::time::sleep(AGAIN).await;
            }
        }
    };
    tokio::select! {
        () = work => {}
        () = reached(Some(&mut stopping)) => {}
    }
}

/// Whether the log takes records and is owed none.
async fn well(gateway: &Gateway) -> bool {
    let (every, epochs) = promised(gateway);
    let ill = gateway.recorder.healthy().is_err();
    (!ill || gateway.recorder.beat(epochs, every).await.is_ok()) && gateway.recorder.settle().await
}

/// The effects of records alone: nothing is forwarded.
pub struct RecordOnly<'a>(pub &'a Gateway);

/// No answers: [`RecordOnly`] forwards nothing.
pub enum NoAnswers {}

impl Answers for NoAnswers {
    async fn next(&mut self) -> Option<Result<(Message, Option<String>), NotForwarded>> {
        match *self {}
    }

    fn status(&self) -> u16 {
        match *self {}
    }
}

impl Recall for RecordOnly<'_> {
    fn kept(&self, id: &StandInId) -> Vec<Kept> {
        self.0.kept(id)
    }

    fn value(&self, kept: &Kept) -> Option<Sensitive<String>> {
        self.0.value(kept)
    }

    fn keeps_nothing(&self) -> bool {
        self.0.recorder.vault.is_empty()
    }
}

impl Shell for RecordOnly<'_> {
    type Answers = NoAnswers;

    fn now(&self) -> Moment {
        now()
    }

    async fn pause(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    fn entropy(&self, out: &mut [u8]) {
        entropy(out);
    }

    async fn append(&self, entry: Entry) -> Result<Receipt, NotRecorded> {
        self.0.append(entry).await
    }

    fn subject_key(&self, label: [u8; 16]) -> Result<(DataKey, Option<NewKey>), NotRecorded> {
        self.0.recorder.key_of(KeyKind::Subject, label)
    }

    async fn keep(&self, deposits: Vec<Deposit>) -> Result<(), NotRecorded> {
        self.0.keep(deposits).await
    }

    async fn remember(&self, rows: Vec<Row>) -> Result<(), NotRecorded> {
        self.0.remember(rows).await
    }

    async fn read_document(&self, bytes: Vec<u8>) -> Result<Text, Unread> {
        crate::documents::read(bytes).await
    }

    async fn analyze(
        &self,
        analyzer: &str,
        texts: &[String],
    ) -> Result<Vec<Arc<Vec<Analyzed>>>, NotAnalyzed> {
        let runtime = self.0.runtime.load_full();
        runtime.analyzers.ask(analyzer, texts).await
    }

    fn masked(&self, report: &Report, classes: &ClassNames) {
        self.0.count_masked(report, classes);
    }

    fn drifted(&self, server: &str, what: &[&str]) {
        self.0.drifted(server, what);
    }

    fn unexpected(&self) {
        self.0.metrics.upstream_error("unexpected-response");
    }

    async fn forward(&self, _: Recorded<Permitted<Message>>) -> Result<NoAnswers, NotForwarded> {
        Err(NotForwarded::Upstream { reason: "nothing is forwarded here", status: 500 })
    }
}

/// Whether a folder holds a log already.
#[must_use]
pub fn exists(data: &Path) -> bool {
    data.join("log").join("vkey").exists()
}
