//! Down again in order. The first stage (`Gateway::stopping`): nothing new is taken, standing streams end, open calls go on.
//! The second, when the drain time ends: calls that are still open end with an error and an outcome. Then sessions close,
//! and the log ends with `gw.stop` — unless something is owed to it that it does not take: then it ends without, and the
//! next start finds and states what is missing, as after a crash.

use std::sync::Arc;
use std::time::Duration;

use carnet_evidence::Draft;
use carnet_gate::NotForwarded;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::timeout;

use crate::gateway::Gateway;
use crate::run::Running;

/// How long calls may take to end once they are told to: an outcome to record and a reply to hand over.
pub const LAST: Duration = Duration::from_secs(5);

/// Sessions that may be closing at once.
const CLOSINGS: u32 = 1 << 20;

/// The second stage of a stop, and what it waits for.
#[derive(Debug)]
pub struct Ending {
    cut: watch::Sender<bool>,
    closings: Arc<Semaphore>,
    /// All of `Gateway::places`; a reload does not change their number.
    calls: u32,
}

impl Ending {
    /// For so many calls at once.
    #[must_use]
    pub fn new(calls: usize) -> Ending {
        Ending {
            cut: watch::Sender::new(false),
            closings: Arc::new(Semaphore::new(CLOSINGS as usize)),
            calls: u32::try_from(calls).unwrap_or(u32::MAX),
        }
    }

    /// Turns true when open calls are to end.
    #[must_use]
    pub fn cut(&self) -> watch::Receiver<bool> {
        self.cut.subscribe()
    }

    /// Ends what is still open.
    pub fn now(&self) {
        self.cut.send_replace(true);
    }

    /// Held while a session closes.
    #[must_use]
    pub fn closing(&self) -> Option<OwnedSemaphorePermit> {
        self.closings.clone().try_acquire_owned().ok()
    }
}

/// What a call that is ended by a stop is told.
pub const STOPPING: NotForwarded = NotForwarded::Upstream { reason: "the gateway is stopping", status: 503 };

/// Resolves when a stage has come; never where there is none.
pub async fn reached(stage: Option<&mut watch::Receiver<bool>>) {
    match stage {
        // An error means that the gateway itself is gone.
        Some(stage) => drop(stage.wait_for(|on| *on).await),
        None => std::future::pending().await,
    }
}

impl Running {
    /// Stops: no new connections, open calls finish within the drain time, sessions close, the log ends in order.
    pub async fn stop(self) {
        let Running { gateway, listeners, heartbeats, .. } = self;
        gateway.stopping.send_replace(true);
        let runtime = gateway.runtime.load_full();
        let ending = &gateway.ending;
        // Calls run in tasks of their own: wait for their places to come back.
        if timeout(runtime.config.drain, gateway.places.acquire_many(ending.calls)).await.is_err() {
            tracing::warn!("calls were still open when the drain time ended; they end with an error");
            ending.now();
            if timeout(LAST, gateway.places.acquire_many(ending.calls)).await.is_err() {
                tracing::error!("calls did not end");
            }
        }
        for task in listeners {
            let _ = task.await;
        }
        gateway.joins.ended().await;
        gateway.close_all().await;
        if timeout(LAST, ending.closings.acquire_many(CLOSINGS)).await.is_err() {
            tracing::error!("sessions did not close");
        }
        heartbeats.abort();
        gateway.store_tallies().await;
        gateway.last_record().await;
        // What the log holds does not depend on the collector.
        gateway.telemetry.stop().await;
        let closing = gateway.clone();
        let _ = tokio::task::spawn_blocking(move || closing.recorder.close()).await;
    }
}

impl Gateway {
    async fn last_record(&self) {
        if !self.recorder.settle().await {
            tracing::error!(
                "outcomes are owed to the log; it ends without a stop, and the next start states them"
            );
            return;
        }
        let epochs = self.runtime.load().gate.epochs;
        if let Err(error) = self.recorder.own(|t, run| Draft::gateway_stop(t, run, epochs, "signal")).await {
            tracing::error!(%error, "the stop could not be recorded");
        }
    }
}
