//! What somebody has read, in words that policies can ask for: the labels of servers and tools whose results they were given, a word
//! for each class of data that they saw unmasked, and `untrusted` for what came from an open world. Kept for each principal with
//! one agent, whatever the server, since a program that has read something here may write it there. No clock, no values.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use carnet_model::{Action, ClassNames};

use crate::decide::Subject;
use crate::mask::Masked;
use crate::session::Session;

/// Words, sorted.
pub(crate) type Labels = Vec<Arc<str>>;

/// What a tool's results are that it has from anywhere (`annotations.openWorldHint`).
const UNTRUSTED: &str = "untrusted";

/// A row that is to be durable before something is given out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    /// Its name; what was under it is replaced.
    pub name: String,
    /// What is kept.
    pub value: Vec<u8>,
}

/// When something was last read, and the last time of that which is durable.
#[derive(Clone, Copy, Debug)]
struct Read {
    last: i64,
    stored: Option<i64>,
}

/// What one principal with one agent has read.
#[derive(Clone, Default, Debug)]
pub struct Reading(BTreeMap<Arc<str>, Read>);

impl Reading {
    /// Notes what was read, before the process began.
    pub fn restore(&mut self, label: &str, value: &[u8]) -> Option<()> {
        let at = i64::from_be_bytes(value.try_into().ok()?);
        self.0.insert(label.into(), Read { last: at, stored: Some(at) });
        Some(())
    }

    /// Forgets what was read too long ago, and says what that was.
    pub fn forget(&mut self, now: i64, lasts: i64) -> Vec<Arc<str>> {
        let over = now.saturating_sub(lasts);
        self.0.extract_if(.., |_, read| read.last < over).map(|(label, _)| label).collect()
    }

    /// Whether nothing was read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn since(&self, over: i64) -> impl Iterator<Item = &Arc<str>> {
        self.0.iter().filter(move |(_, read)| read.last >= over).map(|(label, _)| label)
    }

    /// Notes what is about to be read. Those of which a later time is to be made durable: time passes by sixtieths.
    fn note(&mut self, labels: &[Arc<str>], now: i64, lasts: i64) -> Labels {
        let step = lasts / 60;
        let mut stale = Vec::new();
        for label in labels {
            let read = self.0.entry(label.clone()).or_insert(Read { last: now, stored: None });
            read.last = read.last.max(now);
            if read.stored.is_none_or(|stored| stored.saturating_add(step) < read.last) {
                stale.push(label.clone());
            }
        }
        stale
    }

    fn stored(&mut self, labels: &[Arc<str>], at: i64) {
        for label in labels {
            if let Some(read) = self.0.get_mut(label) {
                read.stored = read.stored.max(Some(at));
            }
        }
    }
}

/// What a session knows of that: its own part lasts as long as it does.
#[derive(Clone, Default, Debug)]
pub struct Readings {
    own: Arc<Mutex<BTreeSet<Arc<str>>>>,
    shared: Arc<Mutex<Reading>>,
    /// Rows are named after who reads.
    name: Arc<str>,
}

impl Readings {
    /// Of a new session. `name` and the label name a row.
    #[must_use]
    pub fn of(name: &str, shared: Arc<Mutex<Reading>>) -> Readings {
        Readings { own: Arc::default(), shared, name: name.into() }
    }

    /// What was read, as policies see it.
    pub(crate) fn labels(&self, now: i64, lasts: i64) -> Labels {
        let shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        let own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        let all: BTreeSet<&Arc<str>> = own.iter().chain(shared.since(now.saturating_sub(lasts))).collect();
        all.into_iter().cloned().collect()
    }

    /// Notes what is about to be read: it counts from now on, and what is returned is to be durable before it is.
    pub(crate) fn note(&self, labels: &[Arc<str>], now: i64, lasts: i64) -> Vec<Row> {
        let stale = self.shared.lock().unwrap_or_else(PoisonError::into_inner).note(labels, now, lasts);
        self.own.lock().unwrap_or_else(PoisonError::into_inner).extend(labels.iter().cloned());
        let row = |label: &Arc<str>| Row {
            name: format!("{}{label}", self.name),
            value: now.to_be_bytes().to_vec(),
        };
        stale.iter().map(row).collect()
    }

    /// It is durable.
    pub(crate) fn stored(&self, labels: &[Arc<str>], at: i64) {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner).stored(labels, at);
    }
}

/// Whether messages of this kind give somebody data to read. Lists and signs of life do not.
fn gives(action: Action) -> bool {
    matches!(
        action,
        Action::TOOLS_CALL
            | Action::RESOURCES_READ
            | Action::PROMPTS_GET
            | Action::COMPLETE
            | Action::TASKS_GET
            | Action::TASKS_RESULT
            | Action::TASKS_STATUS
            | Action::SAMPLING
            | Action::ELICITATION
            | Action::MESSAGE
            | Action::PROGRESS
            | Action::OTHER
    )
}

/// What a message of a server makes of who gets it.
pub(crate) fn of_message(
    session: &Session,
    subject: &Subject,
    masked: &Masked,
    names: &ClassNames,
) -> Labels {
    if !gives(subject.action) {
        return Vec::new();
    }
    let server = &session.server;
    let mut all: BTreeSet<Arc<str>> = server.labels.iter().cloned().collect();
    if let Some(tool) = subject.tool() {
        let of_tool = server.tool_labels.iter().filter(|(name, _)| name.as_str() == &**tool);
        all.extend(of_tool.flat_map(|(_, labels)| labels.iter().cloned()));
        if session.tools.get(tool).is_some_and(|facts| facts.open_world) {
            all.insert(UNTRUSTED.into());
        }
    }
    all.extend(masked.moved.moved.iter().map(|class| format!("class.{}", names.name(class)).into()));
    all.into_iter().collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn labels(all: &[&str]) -> Labels {
        all.iter().map(|l| Arc::from(*l)).collect()
    }

    #[test]
    fn what_was_read_lasts_for_its_time_and_in_its_session() {
        let shared = Arc::<Mutex<Reading>>::default();
        let (hr, chat) = (Readings::of("read/a/", shared.clone()), Readings::of("read/a/", shared.clone()));
        let rows = hr.note(&labels(&["class.email", "hr"]), 1000, 600);
        let names: Vec<&str> = rows.iter().map(|r| r.name.as_str()).collect();
        assert_eq!(names, ["read/a/class.email", "read/a/hr"]);
        for (now, own, other) in [
            (1000, vec!["class.email", "hr"], vec!["class.email", "hr"]),
            (1600, vec!["class.email", "hr"], vec!["class.email", "hr"]),
            (1601, vec!["class.email", "hr"], vec![]),
            // A clock that was put back forgets nothing.
            (10, vec!["class.email", "hr"], vec!["class.email", "hr"]),
        ] {
            assert_eq!((hr.labels(now, 600), chat.labels(now, 600)), (labels(&own), labels(&other)), "{now}");
        }
        assert_eq!(shared.lock().unwrap().forget(1601, 600).len(), 2);
        assert!(shared.lock().unwrap().is_empty());
    }

    #[test]
    fn what_is_durable_is_written_again_only_as_time_passes() {
        let readings = Readings::of("", Arc::default());
        let hr = labels(&["hr"]);
        assert_eq!(readings.note(&hr, 0, 600).len(), 1);
        // It was not stored.
        assert_eq!(readings.note(&hr, 0, 600).len(), 1);
        readings.stored(&hr, 0);
        assert!(readings.note(&hr, 10, 600).is_empty());
        assert_eq!(readings.note(&hr, 11, 600).len(), 1);
        let mut again = Reading::default();
        assert_eq!(again.restore("hr", &readings.note(&hr, 11, 600)[0].value), Some(()));
        assert_eq!(again.since(11).count(), 1);
        assert_eq!(again.restore("hr", b"short"), None);
    }
}
