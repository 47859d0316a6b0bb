//! What runs by itself: the index follows the log, keys that were destroyed stay destroyed, erasures come to their end,
//! retention takes its course.

use std::sync::Arc;
use std::time::Duration;

use carnet_config::Config;
use carnet_evidence::LeafType;
use carnet_store::{Index, KeyState, KeyStore as _, Keys, StoreError};

use super::{Answer, Cases, Desk, Refused, texts};
use crate::gateway::Gateway;
use crate::record::seconds;

/// How often the index looks for new records.
const FOLLOW: Duration = Duration::from_secs(1);
/// How often retention and erasures are looked at.
const TEND: Duration = Duration::from_secs(3600);
/// Keys in one leaf.
const AT_ONCE: usize = 500;

/// Destroys again every key that the log says is destroyed: what a crash left undone, and what a restored backup brought
/// back. How many there were.
///
/// # Errors
/// As index and key store.
pub fn sweep(index: &Index, keys: &Keys) -> Result<u64, StoreError> {
    let mut back = Vec::new();
    for act in index.acts()?.iter().filter(|act| act.ty == LeafType::KeyDestroy) {
        for id in &act.keys {
            if keys.state(id)? == KeyState::There {
                back.push(*id);
            }
        }
    }
    if back.is_empty() {
        return Ok(0);
    }
    keys.destroy(&back)
}

/// Follows the log and tends to evidence until the gateway stops.
pub async fn tend(gateway: Arc<Gateway>) {
    let mut stopping = gateway.stopping.subscribe();
    let mut since = TEND;
    loop {
        let at = gateway.clone();
        let followed = tokio::task::spawn_blocking(move || at.recorder.with_index(|_, _| Ok(()))).await;
        if let Ok(Err(error)) = followed {
            tracing::warn!(%error, "the index does not follow the log");
        }
        if since >= TEND {
            since = Duration::ZERO;
            let runtime = gateway.runtime.load_full();
            let clerk = Desk::itself();
            let desk = Desk {
                recorder: &gateway.recorder,
                epochs: runtime.gate.epochs,
                clerk: &clerk,
                config: Some(&runtime.config),
            };
            if let Err(error) = desk.tend(&runtime.config).await {
                tracing::error!(%error, "erasures and retention wait");
            }
        }
        tokio::select! {
            () = tokio::time::sleep(FOLLOW) => since += FOLLOW,
            _ = stopping.wait_for(|stop| *stop) => return,
        }
    }
}

impl Desk<'_> {
    /// One round.
    ///
    /// # Errors
    /// [`Refused`] by the log or the key store; the next round goes on.
    pub async fn tend(&self, config: &Config) -> Result<(), Refused> {
        self.recorder.keys.stamp(seconds())?;
        self.finish_erasures(config.evidence.backup_horizon.as_secs()).await?;
        self.expire(config).await?;
        Ok(())
    }

    pub(super) async fn prune(&self) -> Result<Answer, Refused> {
        let said = match self.config {
            Some(config) => {
                format!("{} keys of sessions are past their time and destroyed", self.expire(config).await?)
            }
            None => "there is no configuration that says how long evidence is kept".to_owned(),
        };
        Ok(Answer { said, ..Answer::default() })
    }

    /// Destroys the keys of sessions whose time is over: their recordings cannot be read any more, the leaves stay. How
    /// many.
    async fn expire(&self, config: &Config) -> Result<u64, Refused> {
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
}
