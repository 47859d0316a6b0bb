//! Opens the log of a cell with all that lies beside it, and writes what a start owes: the genesis, the start, the end of what a
//! crash left open. A key store that is too old to be trusted with erasures is refused.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use carnet_config::Config;
use carnet_evidence::seal::MacKey;
use carnet_evidence::{Draft, Epochs, LeafType};
use carnet_residency::Known;
use carnet_store::{
    Disk, HeldStore, Index, Keys, Ledger, Log, LogOptions, Reader, RealDisk, Recovered, StoreError, Table,
    Vault,
};
use tokio::sync::Notify;

use super::{Recorder, entropy, seconds};

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

#[cfg(test)]
mod tests {
    use super::*;

    /// A key store that was copied away and put back, however that was done.
    #[test]
    fn a_key_store_older_than_the_horizon_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let keys = Keys::open(Arc::new(RealDisk::new(folder.path())), None).unwrap();
        let hour = Duration::from_secs(3600);
        keys.stamp(1000).unwrap();
        let refused = not_too_old(&keys, Some(1000 + 3601), hour).unwrap_err();
        assert!(refused.to_string().contains("may not be used any more"), "{refused}");
        assert_eq!(keys.stamped().unwrap(), Some(1000), "it is not made young by the try");
        not_too_old(&keys, Some(1000 + 3600), hour).unwrap();
        assert!(keys.stamped().unwrap() > Some(1000 + 3600), "in use now");
        std::fs::remove_file(folder.path().join("keys/stamp")).unwrap();
        assert!(not_too_old(&keys, Some(5000), hour).is_err(), "an age that is not known");
    }
}
