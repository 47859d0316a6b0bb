//! Who did what, when, and where the data lived: each call with its outcome.

use std::collections::BTreeMap;

use super::table::{Cell, Table};
use crate::leaf::LeafType;
use crate::package::event::{Event, Places};
use crate::package::manifest::Facts;
use crate::package::produce::{Given, Produce, Sink};
use crate::package::walk::Record;

const COLUMNS: &[&str] = &[
    "record",
    "time",
    "session",
    "actor",
    "issuer",
    "agent",
    "server",
    "method",
    "tool",
    "direction",
    "decision",
    "policies",
    "reasons",
    "purpose",
    "legal_basis",
    "classes",
    "masked_values",
    "processed_in",
    "stored_in",
    "caller_in",
    "places_known",
    "outcome",
    "outcome_record",
    "outcome_classes",
    "outcome_masked_values",
    "error",
];

/// A decision whose outcome has not come.
type Asked = Vec<Cell>;

struct Calls {
    table: Table,
    asked: BTreeMap<u64, Asked>,
}

pub(super) fn make(_: &Facts) -> Box<dyn Produce> {
    let table = Table::new("calls", "Who did what, when, and where the data lived", COLUMNS);
    Box::new(Calls { table, asked: BTreeMap::new() })
}

fn masked(event: &Event) -> u64 {
    event.masking.iter().map(|(_, n)| n).sum()
}

fn asked(record: &Record<'_>) -> Asked {
    let event = record.event();
    let decision = match record.closed() {
        Some(why) => Cell::from(why.as_str()),
        None => event.decision.clone().into(),
    };
    let actor = event.actor.as_ref();
    let none = Places::default();
    let places = event.places.as_ref().unwrap_or(&none);
    let place = |text: &str| if text.is_empty() { Cell::Nothing } else { Cell::from(text) };
    vec![
        record.index.into(),
        event.time().into(),
        event.session.clone().into(),
        actor.map(|a| a.subject.clone()).into(),
        actor.map(|a| a.issuer.clone()).into(),
        event.agent.as_ref().map(|a| a.subject.clone()).into(),
        event.server.clone().into(),
        event.method.clone().into(),
        event.tool.clone().into(),
        event.direction.clone().into(),
        decision,
        event.policies.clone().into(),
        event.reasons.clone().into(),
        event.purpose.clone().into(),
        event.basis.clone().into(),
        event.classes.clone().into(),
        masked(event).into(),
        place(&places.processing),
        place(&places.storage),
        place(&places.recipient),
        place(&places.known),
    ]
}

/// What came of it: the last columns.
fn outcome(record: &Record<'_>) -> [Cell; 5] {
    let event = record.event();
    let said = match (record.leaf.draft.ty, record.closed()) {
        (LeafType::CallOrphan, _) => Cell::from("none: the outcome was lost"),
        (_, Some(why)) => why.as_str().into(),
        (_, None) => event.decision.clone().into(),
    };
    [
        said,
        record.index.into(),
        event.classes.clone().into(),
        masked(event).into(),
        event.error.clone().into(),
    ]
}

fn no_outcome(error: Option<String>) -> [Cell; 5] {
    [Cell::Nothing, Cell::Nothing, Cell::Nothing, Cell::Nothing, error.into()]
}

impl Produce for Calls {
    fn push(&mut self, record: &Record<'_>, out: &mut dyn Sink) {
        let draft = &record.leaf.draft;
        match draft.ty {
            LeafType::CallDecision if draft.ow => {
                let mut row = asked(record);
                row.extend(no_outcome(record.event().error.clone()));
                self.table.row(&row, out);
            }
            LeafType::CallDecision => drop(self.asked.insert(record.index, asked(record))),
            LeafType::CallOutcome | LeafType::CallOrphan => {
                // Its decision may lie before the range: then it is a row of its own.
                let before = || {
                    let mut row = asked(record);
                    if let Some(cell) = row.first_mut() {
                        *cell = draft.of.into();
                    }
                    row
                };
                let known = draft.of.and_then(|of| self.asked.remove(&of));
                let mut row = known.unwrap_or_else(before);
                row.extend(outcome(record));
                self.table.row(&row, out);
            }
            _ => {}
        }
    }

    fn finish(mut self: Box<Self>, _: &Given<'_>, out: &mut dyn Sink) {
        for (_, mut row) in std::mem::take(&mut self.asked) {
            row.extend(no_outcome(None));
            self.table.row(&row, out);
        }
        let note = "Calls come in the order of their outcomes. In place of a decision stands why it is not disclosed, where it is not.";
        self.table.finish(note, out);
    }
}
