//! What is counted and read is durable before it is given out: rows that come at once are written with one write. And what
//! everybody has read ([`carnet_gate::Reading`]), one for each principal with one agent, as an earlier run has left it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use carnet_evidence::seal::MacKey;
use carnet_gate::{Caller, NotRecorded, Reading, Readings, Row};
use carnet_model::Identity;
use carnet_store::Table;
use tokio::sync::oneshot;

use crate::gateway::Gateway;

const ROWS: &str = "read/";

type Waiting = (Vec<Row>, oneshot::Sender<bool>);

/// Rows on their way to the disk.
#[derive(Default)]
pub(crate) struct Queue {
    waiting: Mutex<Vec<Waiting>>,
    turn: tokio::sync::Mutex<()>,
}

impl Queue {
    fn waiting(&self) -> MutexGuard<'_, Vec<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Resolves when the rows are durable, or cannot be.
    async fn write(&self, table: &Arc<Table>, rows: Vec<Row>) -> Result<(), NotRecorded> {
        let (done, written) = oneshot::channel();
        self.waiting().push((rows, done));
        let turn = self.turn.lock().await;
        // Whoever had the turn before may have taken these along.
        let batch = std::mem::take(&mut *self.waiting());
        if !batch.is_empty() {
            let table = table.clone();
            let work = move || {
                let rows: Vec<(&str, &[u8])> = batch
                    .iter()
                    .flat_map(|(rows, _)| rows)
                    .map(|r| (r.name.as_str(), r.value.as_slice()))
                    .collect();
                let stored = table.put_all(&rows);
                if let Err(error) = &stored {
                    tracing::error!(%error, "what is counted and read could not be stored");
                }
                for (_, done) in batch {
                    let _gone = done.send(stored.is_ok());
                }
            };
            let _ = tokio::task::spawn_blocking(work).await;
        }
        drop(turn);
        if written.await.unwrap_or(false) { Ok(()) } else { Err(NotRecorded) }
    }
}

/// What everybody has read.
#[derive(Default)]
pub(crate) struct Readers(Mutex<HashMap<String, Arc<Mutex<Reading>>>>);

impl Readers {
    /// Those that an earlier run has left.
    #[must_use]
    pub(crate) fn open(table: &Table) -> Readers {
        let readers = Readers::default();
        for (name, value) in table.starting(ROWS) {
            if let Some((who, label)) = parts(&name) {
                let reading = readers.get(who);
                let _unreadable =
                    reading.lock().unwrap_or_else(PoisonError::into_inner).restore(label, &value);
            }
        }
        readers
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, Arc<Mutex<Reading>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, name: &str) -> Arc<Mutex<Reading>> {
        self.all().entry(name.to_owned()).or_default().clone()
    }

    /// Of a new session of this caller.
    pub(crate) fn of(&self, mac: &MacKey, caller: &Caller) -> Readings {
        let part = |identity: Option<&Identity>| {
            identity
                .map_or_else(|| "-".to_owned(), |i| format!("{}:{}:{}", i.issuer.len(), i.issuer, i.subject))
        };
        let principal = &caller.principal;
        let who = format!("{}\0{}", part(Some(&principal.identity)), part(principal.agent.as_ref()));
        let name: String =
            mac.mac("reader", who.as_bytes()).iter().take(16).map(|b| format!("{b:02x}")).collect();
        let name = format!("{ROWS}{name}/");
        let reading = self.get(&name);
        Readings::of(&name, reading)
    }

    /// Forgets what was read too long ago, on disk too.
    pub(crate) fn forget(&self, table: &Table, now: i64, lasts: i64) {
        let mut over = Vec::new();
        self.all().retain(|name, reading| {
            let unused = Arc::strong_count(reading) == 1;
            let mut one = reading.lock().unwrap_or_else(PoisonError::into_inner);
            over.extend(one.forget(now, lasts).iter().map(|label| format!("{name}{label}")));
            !(one.is_empty() && unused)
        });
        let over: Vec<&str> = over.iter().map(String::as_str).collect();
        if let Err(error) = table.change(&[], &over) {
            tracing::warn!(%error, "what was read long ago could not be forgotten");
        }
    }
}

/// `read/WHO/` and the label of a row.
fn parts(name: &str) -> Option<(&str, &str)> {
    let rest = name.strip_prefix(ROWS)?;
    let end = ROWS.len() + rest.find('/')? + 1;
    Some(name.split_at(end))
}

impl Gateway {
    /// See [`carnet_gate::Shell::remember`].
    pub(crate) async fn remember(&self, rows: Vec<Row>) -> Result<(), NotRecorded> {
        self.queue.write(&self.recorder.table, rows).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_names_who_and_what() {
        assert_eq!(parts("read/0a/class.email"), Some(("read/0a/", "class.email")));
        // A label may have a slash.
        assert_eq!(parts("read/0a/hr/payroll"), Some(("read/0a/", "hr/payroll")));
        for other in ["read/", "tally/0a", "read/0a"] {
            assert_eq!(parts(other), None, "{other}");
        }
    }
}
