//! What each actor was given lately, for policies about bulk ([`carnet_gate::Tally`]): one for each, kept in the store's table so
//! that a restart forgets nothing. It is written a second after it has changed: a crash may forget that second.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use carnet_gate::Tally;
use carnet_store::Table;

use crate::gateway::{Gateway, now};

const ROWS: &str = "tally/";
const EVERY: Duration = Duration::from_secs(1);

/// See the module.
#[derive(Default)]
pub(crate) struct Tallies(Mutex<HashMap<String, Arc<Mutex<Tally>>>>);

impl Tallies {
    /// Those that an earlier run has left.
    #[must_use]
    pub(crate) fn open(table: &Table) -> Tallies {
        let rows = table.starting(ROWS).into_iter();
        let tally = |(name, value): (String, zeroize::Zeroizing<Vec<u8>>)| {
            Some((name, Arc::new(Mutex::new(Tally::restore(&value)?))))
        };
        Tallies(Mutex::new(rows.filter_map(tally).collect()))
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, Arc<Mutex<Tally>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The one of an actor, by the label of its key.
    pub(crate) fn of(&self, label: &[u8; 16]) -> Arc<Mutex<Tally>> {
        let name: String = label.iter().map(|b| format!("{b:02x}")).collect();
        self.all().entry(format!("{ROWS}{name}")).or_default().clone()
    }

    /// Stores what has changed, and forgets what is over and nobody uses.
    fn store(&self, table: &Table, now: i64, window: i64) {
        let (mut changed, mut over) = (Vec::new(), Vec::new());
        self.all().retain(|name, tally| {
            let unused = Arc::strong_count(tally) == 1;
            let mut one = tally.lock().unwrap_or_else(PoisonError::into_inner);
            let empty = one.is_empty(now, window);
            let bytes = one.changed();
            match (empty, bytes) {
                (true, Some(_)) => over.push(name.clone()),
                (false, Some(bytes)) => changed.push((name.clone(), bytes, tally.clone())),
                (_, None) => {}
            }
            !(empty && unused)
        });
        for name in over {
            if let Err(error) = table.remove(&name) {
                tracing::warn!(%error, "counts that are over could not be forgotten");
            }
        }
        let rows: Vec<(&str, &[u8])> = changed.iter().map(|(n, b, _)| (n.as_str(), b.as_slice())).collect();
        if !rows.is_empty()
            && let Err(error) = table.put_all(&rows)
        {
            tracing::error!(%error, "counts for policies could not be stored");
            for (_, _, tally) in &changed {
                tally.lock().unwrap_or_else(PoisonError::into_inner).unstored();
            }
        }
    }
}

impl Gateway {
    /// Stores what was counted since it was last stored.
    pub(crate) async fn store_tallies(self: &Arc<Self>) {
        let gateway = self.clone();
        let window = self.runtime.load().gate.approvals.window;
        let work = move || gateway.tallies.store(&gateway.recorder.table, now().seconds, window);
        let _ = tokio::task::spawn_blocking(work).await;
    }
}

/// Stores counts until the gateway stops; what comes after that is stored by the stop.
pub(crate) async fn tend(gateway: Arc<Gateway>) {
    let mut stopping = gateway.stopping.subscribe();
    loop {
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = crate::stop::reached(Some(&mut stopping)) => return,
        }
        gateway.store_tallies().await;
    }
}
