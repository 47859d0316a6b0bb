//! What runs by itself: the index follows the log, keys that were destroyed stay destroyed, erasures come to their end,
//! retention takes its course.

use std::sync::Arc;
use std::time::Duration;

use carnet_config::Config;
use carnet_evidence::LeafType;
use carnet_store::{Index, KeyState, KeyStore as _, Keys, StoreError};

use super::{Desk, Refused};
use crate::gateway::Gateway;
use crate::record::seconds;

/// How often the index looks for new records.
const FOLLOW: Duration = Duration::from_secs(1);
/// How often retention and erasures are looked at.
const TEND: Duration = Duration::from_secs(3600);

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
        self.cut(config).await?;
        Ok(())
    }
}
