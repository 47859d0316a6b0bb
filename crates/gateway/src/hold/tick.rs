//! Time for held calls: they expire, are asked again louder, and are forgotten.

use std::sync::Arc;
use std::time::Duration;

use carnet_approvals::{Event, Phase};

use super::News;
use crate::gateway::{Gateway, now};
use crate::stop::reached;

/// How often is looked. An approval ends at most so much later than it says; it is looked at again before it is used.
const EVERY: Duration = Duration::from_millis(200);

/// Lets time pass for held calls until the gateway stops.
pub async fn tick(gateway: Arc<Gateway>) {
    let mut stopping = gateway.stopping.subscribe();
    let work = async {
        let mut overdue = std::collections::HashSet::new();
        loop {
            tokio::time::sleep(EVERY).await;
            once(&gateway, &mut overdue).await;
        }
    };
    tokio::select! {
        () = work => {}
        () = reached(Some(&mut stopping)) => {}
    }
}

async fn once(gateway: &Gateway, overdue: &mut std::collections::HashSet<carnet_approvals::Id>) {
    let now = now().seconds;
    let keep = i64::try_from(gateway.runtime.load().config.approvals.keep.as_secs()).unwrap_or(i64::MAX);
    for entry in gateway.holds.all() {
        let (due, over, late) = {
            let held = entry.lock();
            let due = held.next().is_some_and(|at| at <= now);
            let review = held.to_review();
            let over = matches!(held.phase, Phase::Ended(_)) && held.until().saturating_add(keep) <= now;
            (due, over && review.is_none(), review.is_some_and(|b| b.review_until <= now))
        };
        if due && let Err(error) = gateway.happens(&entry, &Event::Tick).await {
            tracing::error!(%error, "the end of a held call could not be recorded");
        }
        if late && overdue.insert(entry.id) {
            tracing::warn!(id = %entry.id, "emergency access has not been reviewed in time");
            gateway.holds.tell(News::Overdue(entry.id));
        }
        if over {
            gateway.holds.remove(&entry);
            overdue.remove(&entry.id);
            if let Err(error) = gateway.holds.store.forget(&entry.id.0).await {
                tracing::error!(%error, "a held call that is over could not be forgotten");
            }
        }
    }
}
