//! Masking: how many values of which class were hidden how, by server and tool.

use std::collections::BTreeMap;

use super::table::Table;
use super::{MOST, OTHERS};
use crate::leaf::LeafType;
use crate::package::manifest::Facts;
use crate::package::produce::{Given, Produce, Sink};
use crate::package::walk::Record;

const COLUMNS: &[&str] =
    &["server", "tool", "way", "class", "values", "messages", "transforms", "first_record", "last_record"];

/// Server, tool, way, class.
type Key = (String, String, &'static str, String);

#[derive(Default)]
struct Sum {
    values: u64,
    messages: u64,
    transforms: Vec<String>,
    first: u64,
    last: u64,
}

#[derive(Default)]
struct Masking {
    sums: BTreeMap<Key, Sum>,
    /// Tools of decisions without their outcome.
    asked: BTreeMap<u64, String>,
}

pub(super) fn make(_: &Facts) -> Box<dyn Produce> {
    Box::<Masking>::default()
}

impl Produce for Masking {
    fn push(&mut self, record: &Record<'_>, _: &mut dyn Sink) {
        let (event, draft) = (record.event(), &record.leaf.draft);
        let (tool, way) = match draft.ty {
            LeafType::CallDecision => {
                let tool = event.tool.clone().or_else(|| event.method.clone()).unwrap_or_default();
                if !draft.ow {
                    self.asked.insert(record.index, tool.clone());
                }
                (tool, "asked")
            }
            LeafType::CallOutcome => {
                (draft.of.and_then(|of| self.asked.remove(&of)).unwrap_or_default(), "answered")
            }
            LeafType::CallOrphan => {
                self.asked.remove(&draft.of.unwrap_or_default());
                return;
            }
            _ => return,
        };
        for (class, n) in &event.masking {
            let server = event.server.clone().unwrap_or_default();
            let mut key = (server, tool.clone(), way, class.clone());
            if self.sums.len() >= MOST && !self.sums.contains_key(&key) {
                key = (OTHERS.to_owned(), OTHERS.to_owned(), way, OTHERS.to_owned());
            }
            let first = record.index;
            let sum = self.sums.entry(key).or_insert_with(|| Sum { first, ..Sum::default() });
            sum.values += n;
            sum.messages += 1;
            sum.last = record.index;
            for (_, transform) in event.transforms.iter().filter(|(of, _)| of == class) {
                if !sum.transforms.contains(transform) {
                    sum.transforms.push(transform.clone());
                    sum.transforms.sort();
                }
            }
        }
    }

    fn finish(self: Box<Self>, _: &Given<'_>, out: &mut dyn Sink) {
        let mut table = Table::new("masking", "Masked values", COLUMNS);
        for ((server, tool, way, class), sum) in self.sums {
            let row = [
                server.into(),
                tool.into(),
                way.into(),
                class.into(),
                sum.values.into(),
                sum.messages.into(),
                sum.transforms.into(),
                sum.first.into(),
                sum.last.into(),
            ];
            table.row(&row, out);
        }
        table.finish("Of messages with many places, the first 128 tell the transforms.", out);
    }
}
