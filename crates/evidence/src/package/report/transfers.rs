//! Transfers: from which place to which other the data of calls went, and on what that rests. By pairs of places, as
//! recorded; what a place is in law stands in the table of jurisdictions.

use std::collections::BTreeMap;

use super::table::Table;
use super::{MOST, OTHERS};
use crate::leaf::LeafType;
use crate::package::manifest::Facts;
use crate::package::produce::{Given, Produce, Sink};
use crate::package::walk::Record;

const COLUMNS: &[&str] = &[
    "from",
    "to",
    "kind",
    "mechanism",
    "places_known",
    "messages",
    "classes",
    "servers",
    "first_record",
    "last_record",
];

/// From, to, kind, mechanism, known.
type Key = (String, String, &'static str, String, String);

#[derive(Default)]
struct Sum {
    messages: u64,
    classes: BTreeMap<String, ()>,
    servers: BTreeMap<String, ()>,
    first: u64,
    last: u64,
}

#[derive(Default)]
struct Transfers(BTreeMap<Key, Sum>);

pub(super) fn make(_: &Facts) -> Box<dyn Produce> {
    Box::<Transfers>::default()
}

impl Produce for Transfers {
    fn push(&mut self, record: &Record<'_>, _: &mut dyn Sink) {
        let (event, draft) = (record.event(), &record.leaf.draft);
        let is_call = matches!(draft.ty, LeafType::CallDecision | LeafType::CallOutcome);
        let went = event.decision.as_deref() == Some("permit");
        let Some(places) = event.places.as_ref().filter(|_| is_call && went) else { return };
        // A decision goes to the server and its outcome back; what a server asks goes the other way.
        let inward =
            (draft.ty == LeafType::CallDecision) == (event.direction.as_deref() != Some("to_client"));
        let (from, to) = match inward {
            true => (&places.recipient, &places.processing),
            false => (&places.processing, &places.recipient),
        };
        let ways = [
            (from, to, if inward { "to the server" } else { "to the caller" }),
            (from, &places.storage, "to the log"),
        ];
        for (from, to, kind) in ways {
            let mechanism =
                if from == to { "none needed: the same place" } else { places.mechanism.as_str() };
            let mechanism = if mechanism.is_empty() { "not recorded" } else { mechanism };
            let mut key = (from.clone(), to.clone(), kind, mechanism.to_owned(), places.known.clone());
            if self.0.len() >= MOST && !self.0.contains_key(&key) {
                key = (OTHERS.to_owned(), OTHERS.to_owned(), kind, OTHERS.to_owned(), String::new());
            }
            let sum = self.0.entry(key).or_insert_with(|| Sum { first: record.index, ..Sum::default() });
            sum.messages += 1;
            sum.last = record.index;
            for class in &event.classes {
                sum.classes.insert(class.clone(), ());
            }
            if let Some(server) = event.server.as_ref().filter(|_| sum.servers.len() < MOST) {
                sum.servers.insert(server.clone(), ());
            }
        }
    }

    fn finish(self: Box<Self>, _: &Given<'_>, out: &mut dyn Sink) {
        let mut table = Table::new("transfers", "Transfers by pair of places and mechanism", COLUMNS);
        for ((from, to, kind, mechanism, known), sum) in self.0 {
            let row = [
                from.into(),
                to.into(),
                kind.into(),
                mechanism.into(),
                known.into(),
                sum.messages.into(),
                sum.classes.into_keys().collect::<Vec<_>>().into(),
                sum.servers.into_keys().collect::<Vec<_>>().into(),
                sum.first.into(),
                sum.last.into(),
            ];
            table.row(&row, out);
        }
        let note = "Classes are those that were found in the messages; masked ones did not pass as values. `unknown` is a place \
                    that nobody stated.";
        table.finish(note, out);
    }
}
