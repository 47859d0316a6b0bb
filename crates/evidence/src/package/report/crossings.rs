//! The matrix of transfers: what class of data went, or was kept from going, from which place to which, on what ground, by what
//! verdict, how often. One row for each combination; records that are not disclosed are counted too, so every record of a call
//! in the range is in it.

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
    "origin",
    "class",
    "mechanism",
    "verdict",
    "messages",
    "masked_values",
    "first_record",
    "last_record",
];

/// From, to, origin, class, mechanism, verdict.
type Key = [String; 6];

#[derive(Default)]
struct Sum {
    messages: u64,
    masked: u64,
    first: u64,
    last: u64,
}

#[derive(Default)]
struct Crossings(BTreeMap<Key, Sum>);

pub(super) fn make(_: &Facts) -> Box<dyn Produce> {
    Box::<Crossings>::default()
}

impl Crossings {
    fn add(&mut self, mut key: Key, masked: u64, record: u64) {
        if self.0.len() >= MOST && !self.0.contains_key(&key) {
            key = std::array::from_fn(|_| OTHERS.to_owned());
        }
        let sum = self.0.entry(key).or_insert_with(|| Sum { first: record, ..Sum::default() });
        sum.messages += 1;
        sum.masked += masked;
        sum.last = record;
    }
}

impl Produce for Crossings {
    fn push(&mut self, record: &Record<'_>, _: &mut dyn Sink) {
        let (event, draft) = (record.event(), &record.leaf.draft);
        if !matches!(draft.ty, LeafType::CallDecision | LeafType::CallOutcome) {
            return;
        }
        let text = |t: &str| t.to_owned();
        let Some(places) = &event.places else {
            let why = record.closed().map_or("not recorded", |why| why.as_str());
            let nothing = text("(not disclosed)");
            let key = [nothing.clone(), nothing.clone(), text(""), nothing, text(""), text(why)];
            return self.add(key, 0, record.index);
        };
        // What crosses names its two ends; what stays in one country went from the caller to the server, or back.
        let inward =
            (draft.ty == LeafType::CallDecision) == (event.direction.as_deref() != Some("to_client"));
        let (from, to) = match (places.from.is_empty(), inward) {
            (false, _) => (&places.from, &places.to),
            (true, true) => (&places.recipient, &places.processing),
            (true, false) => (&places.processing, &places.recipient),
        };
        let origin = if places.origin.is_empty() { from } else { &places.origin };
        let stopped = event.decision.as_deref() != Some("permit");
        let crosses = !places.from.is_empty();
        let mechanism = match (crosses, places.mechanism.as_str()) {
            (false, _) => "not-needed",
            (true, "") => "not recorded",
            (true, mechanism) => mechanism,
        };
        let key = |class: &str, verdict: &str| {
            [from.clone(), to.clone(), origin.clone(), text(class), text(mechanism), text(verdict)]
        };
        if event.classes.is_empty() {
            let verdict = if stopped { "stopped" } else { "went" };
            return self.add(key("(none found)", verdict), 0, record.index);
        }
        for class in &event.classes {
            let masked = event.masking.iter().find(|(name, _)| name == class).map_or(0, |(_, n)| *n);
            let verdict = match places.verdict.as_str() {
                kept @ ("hold" | "block") => kept,
                _ if stopped => "stopped",
                _ if masked > 0 => "masked",
                _ => "went",
            };
            self.add(key(class, verdict), masked, record.index);
        }
    }

    fn finish(self: Box<Self>, given: &Given<'_>, out: &mut dyn Sink) {
        let mut table = Table::new("crossings", "Transfers by places, class, mechanism and verdict", COLUMNS);
        for (key, sum) in self.0 {
            let mut row: Vec<_> = key.into_iter().map(Into::into).collect();
            row.extend([sum.messages, sum.masked, sum.first, sum.last].map(Into::into));
            table.row(&row, out);
        }
        let note = "A message is counted once for each class that was found in it. `went`: as it is; `masked`: its values were replaced \
                    before it went; `hold`, `block`: a policy kept the whole message back for it; `stopped`: the call went no further for \
                    another reason. What is not disclosed is counted with the reason.";
        table.finish_stating(note, given.facts, out);
    }
}
