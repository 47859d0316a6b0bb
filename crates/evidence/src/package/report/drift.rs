//! Drift: what servers gave out that the configuration does not say they have, class by class and number by number of a country, for each
//! tool. What is declared stands in the configuration that the records name.

use std::collections::BTreeMap;

use super::table::Table;
use super::{MOST, OTHERS};
use crate::leaf::LeafType;
use crate::package::manifest::Facts;
use crate::package::produce::{Given, Produce, Sink};
use crate::package::walk::Record;

const COLUMNS: &[&str] =
    &["server", "tool", "found", "messages", "withheld", "callers_in", "first_record", "last_record"];

#[derive(Default)]
struct Sum {
    messages: u64,
    withheld: u64,
    places: BTreeMap<String, ()>,
    first: u64,
    last: u64,
}

#[derive(Default)]
struct Drift {
    /// Server, tool, class or kind.
    found: BTreeMap<(String, String, String), Sum>,
    /// Tools of decisions whose outcome has not come.
    asked: BTreeMap<u64, String>,
}

pub(super) fn make(_: &Facts) -> Box<dyn Produce> {
    Box::<Drift>::default()
}

impl Produce for Drift {
    fn push(&mut self, record: &Record<'_>, _: &mut dyn Sink) {
        let (event, draft) = (record.event(), &record.leaf.draft);
        let tool = match draft.ty {
            LeafType::CallDecision => {
                let tool = event.tool.clone().or_else(|| event.method.clone()).unwrap_or_default();
                if !draft.ow {
                    self.asked.insert(record.index, tool.clone());
                }
                tool
            }
            LeafType::CallOutcome => draft.of.and_then(|of| self.asked.remove(&of)).unwrap_or_default(),
            _ => return,
        };
        let server = event.server.clone().unwrap_or_default();
        for found in &event.drift {
            let mut key = (server.clone(), tool.clone(), found.clone());
            if self.found.len() >= MOST && !self.found.contains_key(&key) {
                key = (OTHERS.to_owned(), OTHERS.to_owned(), OTHERS.to_owned());
            }
            let sum = self.found.entry(key).or_insert_with(|| Sum { first: record.index, ..Sum::default() });
            sum.messages += 1;
            sum.withheld += u64::from(event.decision.as_deref() == Some("withhold"));
            sum.last = record.index;
            if let Some(places) = event.places.as_ref().filter(|_| sum.places.len() < MOST) {
                sum.places.insert(places.recipient.clone(), ());
            }
        }
    }

    fn finish(self: Box<Self>, _: &Given<'_>, out: &mut dyn Sink) {
        let mut table = Table::new("drift", "What servers gave out and are not said to", COLUMNS);
        for ((server, tool, found), sum) in self.found {
            let row = [
                server.into(),
                tool.into(),
                found.into(),
                sum.messages.into(),
                sum.withheld.into(),
                sum.places.into_keys().collect::<Vec<_>>().into(),
                sum.first.into(),
                sum.last.into(),
            ];
            table.row(&row, out);
        }
        let note = "A class, such as iban, or a kind of number of a country, such as FR_NIR, that was found in what the server sent. \
                    Servers of which nothing is declared have no drift.";
        table.finish(note, out);
    }
}
