//! Time for held calls: they expire, are asked again louder, and are forgotten.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use carnet_approvals::{Event, Id, Phase};
use futures_util::StreamExt as _;

use super::act::AT_ONCE;
use super::{Entry, News};
use crate::gateway::{Gateway, now};
use crate::stop::reached;

/// How often is looked. An approval ends at most so much later than it says; it is looked at again before it is used.
const EVERY: Duration = Duration::from_millis(200);

/// Lets time pass for held calls until the gateway stops.
pub async fn tick(gateway: Arc<Gateway>) {
    let mut stopping = gateway.stopping.subscribe();
    let work = async {
        let mut overdue = HashSet::new();
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

async fn once(gateway: &Gateway, overdue: &mut HashSet<Id>) {
    let now = now().seconds;
    let keep = i64::try_from(gateway.runtime.load().config.approvals.keep.as_secs()).unwrap_or(i64::MAX);
    let (mut due, mut over) = (Vec::new(), Vec::new());
    let (mut pending, mut late) = (0, 0);
    for entry in gateway.holds.all() {
        let held = entry.lock();
        let review = held.to_review().map(|b| b.review_until);
        let ended = matches!(held.phase, Phase::Ended(_)) && held.until().saturating_add(keep) <= now;
        pending += i64::from(held.phase == Phase::Pending);
        late += i64::from(review.is_some_and(|until| until <= now));
        let is_due = held.next().is_some_and(|at| at <= now);
        drop(held);
        if review.is_some_and(|until| until <= now) && overdue.insert(entry.id) {
            tracing::warn!(id = %entry.id, "emergency access has not been reviewed in time");
            gateway.holds.tell(News::Overdue(entry.id));
        }
        if is_due {
            due.push(entry);
        } else if ended && review.is_none() {
            over.push(entry);
        }
    }
    gateway.metrics.approvals_pending.set(pending);
    gateway.metrics.reviews_overdue.set(late);
    // Log and store write what comes at once with one write.
    let end = |entry: Arc<Entry>| async move {
        if let Err(error) = gateway.happens(&entry, &Event::Tick).await {
            tracing::error!(%error, "the end of a held call could not be recorded");
        }
    };
    futures_util::stream::iter(due).for_each_concurrent(AT_ONCE, end).await;
    for entry in &over {
        gateway.holds.remove(entry);
        overdue.remove(&entry.id);
    }
    let forget = |entry: Arc<Entry>| async move {
        if let Err(error) = gateway.holds.store.forget(&entry.id.0).await {
            tracing::error!(%error, "a held call that is over could not be forgotten");
        }
    };
    futures_util::stream::iter(over).for_each_concurrent(AT_ONCE, forget).await;
}
