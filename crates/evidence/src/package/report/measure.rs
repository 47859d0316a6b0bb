//! Numbers that the queries of the control mapping ask for, each with the first and the last record that count.

use std::collections::BTreeMap;

use crate::field;
use crate::leaf::{Ext, LeafType};
use crate::package::walk::Record;

/// How many, and where.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Count {
    pub(crate) n: u64,
    pub(crate) first: u64,
    pub(crate) last: u64,
}

/// The numbers by name. `docs/auditors.md` has the names.
#[derive(Default, Debug)]
pub(crate) struct Measure(BTreeMap<String, Count>);

/// Disclosures whose presence in decisions is counted.
const FIELDS: &[&str] = &[
    field::ACTOR,
    field::AGENT,
    field::PURPOSE,
    field::LEGAL_BASIS,
    field::RESIDENCY,
    field::POLICIES,
    field::TIME,
    field::TOOL_FINGERPRINT,
    field::ARGUMENTS_MAC,
];

impl Measure {
    fn note(&mut self, name: String, index: u64) {
        let count = self.0.entry(name).or_insert(Count { n: 0, first: index, last: index });
        count.n += 1;
        count.last = index;
    }

    /// A number; zero where nothing counted.
    pub(crate) fn get(&self, name: &str) -> Count {
        self.0.get(name).copied().unwrap_or_default()
    }

    pub(crate) fn push(&mut self, record: &Record<'_>) {
        let (draft, at) = (&record.leaf.draft, record.index);
        self.note(format!("record:{}", draft.ty.as_str()), at);
        for (key, value) in &draft.ext {
            if let Ext::Text(text) = value
                && (*key == "why" || *key == "result")
                && text.len() <= 64
                && self.0.len() < super::MOST
            {
                self.note(format!("record:{}:{text}", draft.ty.as_str()), at);
            }
        }
        match draft.ty {
            LeafType::CallDecision => self.decision(record),
            LeafType::CallOutcome if !record.disclosed.is_empty() => self.content(record),
            _ if record.event().actor.is_some() => self.note("identified-act".to_owned(), at),
            _ => {}
        }
    }

    fn decision(&mut self, record: &Record<'_>) {
        let at = record.index;
        if record.disclosed.is_empty() {
            return;
        }
        self.note("disclosed".to_owned(), at);
        for name in FIELDS.iter().filter(|name| record.value(name).is_some()) {
            self.note(format!("field:{name}"), at);
        }
        let event = record.event();
        if let Some(decision) = &event.decision {
            self.note(format!("decision:{decision}"), at);
        }
        if event.actor.as_ref().is_some_and(|a| !a.authenticated.is_empty() && a.authenticated != "anonymous")
        {
            self.note("authenticated".to_owned(), at);
        }
        if event.places.as_ref().is_some_and(|p| ![&p.processing, &p.storage].iter().any(|p| *p == "unknown"))
        {
            self.note("place-known".to_owned(), at);
        }
        self.content(record);
    }

    fn content(&mut self, record: &Record<'_>) {
        let at = record.index;
        if record.frame.is_some() {
            self.note("recording".to_owned(), at);
        }
        let event = record.event();
        if !event.masking.is_empty() {
            self.note("masked".to_owned(), at);
        }
        for (class, _) in &event.masking {
            self.note(format!("masked:{class}"), at);
        }
        for class in event.classes.iter().take(64) {
            self.note(format!("class:{class}"), at);
        }
    }
}
