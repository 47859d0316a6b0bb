//! Retention: keys of sessions whose time is over are destroyed, and the beginning of the log goes when nothing in it is to be
//! kept any more. By itself every hour, and at once by `carnet evidence prune`.
//!
//! What is to be kept for how long goes by the class of record: recordings by their server, what operators did, approvals,
//! the rest. A log is cut at its beginning only, so the first record that is still to be kept holds all after it. So do
//! legal holds, open erasures and restrictions, and `key.destroy` records that a backup could still make matter.

use std::time::Duration;

use carnet_config::Config;
use carnet_evidence::{Ext, LeafType};
use carnet_store::{Index, KeyState, Query, StoreError, candidate, prune};

use super::{Answer, Cases, Desk, Refused, texts};
use crate::record::seconds;

/// Keys in one leaf.
const AT_ONCE: usize = 500;

/// What operators did.
const ACTS: [LeafType; 16] = [
    LeafType::AdminRead,
    LeafType::KeyCreate,
    LeafType::KeyDestroy,
    LeafType::ErasureRequest,
    LeafType::ErasureDone,
    LeafType::HoldSet,
    LeafType::HoldRelease,
    LeafType::RestrictSet,
    LeafType::RestrictRelease,
    LeafType::ExportMade,
    LeafType::PeriodClose,
    LeafType::RetentionPrune,
    LeafType::PolicyActivate,
    LeafType::ConfigChange,
    LeafType::WitnessChange,
    LeafType::Anchor,
];

/// Held calls and what became of them.
const APPROVALS: [LeafType; 6] = [
    LeafType::ApprovalRequest,
    LeafType::ApprovalVote,
    LeafType::ApprovalConsume,
    LeafType::ApprovalExpire,
    LeafType::BreakglassOpen,
    LeafType::BreakglassReview,
];

impl Desk<'_> {
    pub(super) async fn prune(&self) -> Result<Answer, Refused> {
        let Some(config) = self.config else {
            let said = "there is no configuration that says how long evidence is kept".to_owned();
            return Ok(Answer { said, ..Answer::default() });
        };
        let keys = self.expire(config).await?;
        let said = match self.cut(config).await? {
            Some(to) => format!("{keys} keys of sessions are destroyed; the log begins at record {to} now"),
            None => format!("{keys} keys of sessions are past their time and destroyed; no record is to go"),
        };
        Ok(Answer { said, ..Answer::default() })
    }

    /// Destroys the keys of sessions whose time is over: their recordings cannot be read any more. How many.
    pub(super) async fn expire(&self, config: &Config) -> Result<u64, Refused> {
        let mut expired = 0;
        for server in &config.servers {
            let Some(keep) = server.retention.or(config.evidence.retention) else { continue };
            expired += self.expire_of(Some(&server.name), keep).await?;
        }
        Ok(expired)
    }

    async fn expire_of(&self, server: Option<&str>, keep: Duration) -> Result<u64, Refused> {
        let _turn = self.recorder.turn.lock().await;
        let before = seconds().saturating_sub(keep.as_secs());
        let keys = &self.recorder.keys;
        let over = self.recorder.with_index(|index, _| {
            let cases = Cases::of(&index.acts()?);
            let mut over = Vec::new();
            for row in index.sessions_before(before, server)? {
                let Some(key) = row.key.filter(|_| row.closed.is_some()) else { continue };
                if keys.state(&key)? == KeyState::There && cases.held(&[key], index)?.is_none() {
                    over.push(key);
                }
            }
            Ok(over)
        })?;
        for some in over.chunks(AT_ONCE) {
            self.record(LeafType::KeyDestroy, "retention", |d| d.kr = texts(some), None).await?;
            self.destroy(some).await?;
        }
        Ok(over.len() as u64)
    }

    /// Cuts the beginning of the log off, where it is past its time. Gives where it begins now, if that is another place.
    pub(super) async fn cut(&self, config: &Config) -> Result<Option<u64>, Refused> {
        let Some(keep) = longest(config) else { return Ok(None) };
        // No hold comes in between.
        let _turn = self.recorder.turn.lock().await;
        let now = seconds();
        let before = now.saturating_sub(keep.as_secs());
        let from = self.recorder.with_index(|index, _| keep_from(index, config, now))?;
        let disk = self.recorder.disk();
        let at = disk.clone();
        let to = blocking(move || candidate(&at, before, from)).await?;
        let Some(to) = to else { return Ok(None) };
        let change = |d: &mut carnet_evidence::Draft| d.ext.push(("to", Ext::Int(to)));
        self.record(LeafType::RetentionPrune, "retention", change, None).await?;
        let signer = self.recorder.keys.signer(&self.recorder.origin)?;
        let gone = blocking(move || prune(&disk, &signer, to)).await?;
        self.recorder.with_index(|index, _| index.prune(to))?;
        tracing::info!(to, segments = gone, "the beginning of the log is pruned");
        Ok(Some(to))
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| StoreError::Closed)?
}

/// For how long a record that is in no class of its own is kept: as long as any server's recordings. `None`: for ever.
fn longest(config: &Config) -> Option<Duration> {
    let general = config.evidence.retention;
    let mut longest = general?;
    for server in &config.servers {
        longest = longest.max(server.retention.or(general)?);
    }
    Some(longest)
}

/// The first record that must stay whatever its age.
fn keep_from(index: &mut Index, config: &Config, now: u64) -> Result<u64, StoreError> {
    let acts = index.acts()?;
    let cases = Cases::of(&acts);
    let mut first = cases.keep_from(index)?.unwrap_or(u64::MAX);
    for case in cases.0.values().filter(|case| !case.closed) {
        first = first.min(case.id);
    }
    // A key store that is restored from a backup is told again which keys are destroyed.
    let horizon = now.saturating_sub(config.evidence.backup_horizon.as_secs());
    for act in acts.iter().filter(|act| act.ty == LeafType::KeyDestroy && act.t >= horizon) {
        first = first.min(act.index);
    }
    let evidence = &config.evidence;
    for (keep, types) in
        [(evidence.retention_acts, &ACTS[..]), (evidence.retention_approvals, &APPROVALS[..])]
    {
        let Some(keep) = keep else { continue };
        let from = now.saturating_sub(keep.as_secs());
        let query = Query { from: Some(from), types: types.to_vec(), limit: Some(1), ..Query::default() };
        first = first.min(index.find(&query)?.next().unwrap_or(u64::MAX));
    }
    Ok(first)
}
