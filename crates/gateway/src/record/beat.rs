//! Signs of life: heartbeats, the silences that are stated, and what is owed to the log as soon as it takes records again.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use carnet_evidence::{Draft, Epochs};
use carnet_store::{Ledger, StoreError};

use super::{Recorder, seconds};
use crate::gateway::Gateway;
use crate::stop::reached;

impl Recorder {
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
