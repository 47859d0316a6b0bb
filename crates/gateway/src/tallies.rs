//! What each actor was given lately, for policies about bulk ([`carnet_gate::Tally`]): one for each, kept in the store's table so
//! that neither a restart nor a crash forgets anything. Each result has a row of its own before it is given out; every second
//! the sums are written and the rows go, with one write.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use carnet_gate::Tally;
use carnet_store::Table;

use crate::gateway::{Gateway, now};

/// Sums, by the label of an actor's key.
const SUMS: &str = "tally/";
/// Single results that may be in no sum yet: `counted/LABEL/NUMBER`.
const SINGLE: &str = "counted/";
const EVERY: Duration = Duration::from_secs(1);

/// See the module.
#[derive(Default)]
pub(crate) struct Tallies(Mutex<HashMap<String, Arc<Mutex<Tally>>>>);

impl Tallies {
    /// Those that an earlier run has left.
    #[must_use]
    pub(crate) fn open(table: &Table, now: i64, window: i64) -> Tallies {
        let mut all = HashMap::<String, Tally>::new();
        for (name, value) in table.starting(SUMS) {
            let label = name.strip_prefix(SUMS).unwrap_or_default().to_owned();
            all.extend(Tally::restore(&value).map(|tally| (label, tally)));
        }
        for (name, value) in table.starting(SINGLE) {
            if let Some((label, number)) = single(&name) {
                let _unreadable =
                    all.entry(label.to_owned()).or_default().replay(number, &value, now, window);
            }
        }
        Tallies(Mutex::new(all.into_iter().map(|(label, t)| (label, Arc::new(Mutex::new(t)))).collect()))
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, Arc<Mutex<Tally>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a new session of an actor counts in, by the label of its key.
    pub(crate) fn of(&self, label: &[u8; 16]) -> carnet_gate::Tallies {
        let label: String = label.iter().map(|b| format!("{b:02x}")).collect();
        let rows = format!("{SINGLE}{label}/");
        carnet_gate::Tallies::of(&rows, self.all().entry(label).or_default().clone())
    }

    /// Stores what has changed, and forgets what is over and nobody uses.
    fn store(&self, table: &Table, now: i64, window: i64) {
        let (mut changed, mut over) = (Vec::new(), Vec::new());
        self.all().retain(|label, tally| {
            let unused = Arc::strong_count(tally) == 1;
            let mut one = tally.lock().unwrap_or_else(PoisonError::into_inner);
            let empty = one.is_empty(now, window);
            let bytes = one.changed();
            match bytes {
                Some(_) if empty => over.push((format!("{SUMS}{label}"), label.clone(), one.number())),
                Some(bytes) => {
                    changed.push((format!("{SUMS}{label}"), bytes, tally.clone()));
                    over.push((String::new(), label.clone(), one.number()));
                }
                None => {}
            }
            !(empty && unused)
        });
        let put: Vec<(&str, &[u8])> = changed.iter().map(|(n, b, _)| (n.as_str(), b.as_slice())).collect();
        let mut gone = Vec::new();
        for (sums, label, number) in over {
            let singles = table.starting(&format!("{SINGLE}{label}/")).into_iter().map(|(name, _)| name);
            gone.extend(singles.filter(|name| single(name).is_none_or(|(_, n)| n <= number)));
            gone.extend(Some(sums).filter(|name| !name.is_empty()));
        }
        let gone: Vec<&str> = gone.iter().map(String::as_str).collect();
        if let Err(error) = table.change(&put, &gone) {
            tracing::error!(%error, "counts for policies could not be stored");
            for (_, _, tally) in &changed {
                tally.lock().unwrap_or_else(PoisonError::into_inner).unstored();
            }
        }
    }
}

/// The label and the number in the name of a single result's row.
fn single(name: &str) -> Option<(&str, u64)> {
    let (label, number) = name.strip_prefix(SINGLE)?.split_once('/')?;
    Some((label, u64::from_str_radix(number, 16).ok()?))
}

impl Gateway {
    /// Stores what was counted since it was last stored.
    pub(crate) async fn store_tallies(self: &Arc<Self>) {
        let gateway = self.clone();
        let rules = self.runtime.load().gate.approvals;
        let work = move || {
            let (table, now) = (&gateway.recorder.table, now().seconds);
            gateway.tallies.store(table, now, rules.window);
            gateway.readers.forget(table, now, rules.labels);
        };
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
