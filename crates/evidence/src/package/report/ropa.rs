//! Records of processing, Art. 30(1) GDPR for controllers and 30(2) for processors: what the configuration declares against
//! what was recorded. What was seen and is not declared is marked as drift. Categories, not people.

use std::collections::{BTreeMap, BTreeSet};

use super::MOST;
use super::declared::{Activity, Declared, declared};
use super::table::{Cell, Table};
use crate::leaf::LeafType;
use crate::package::manifest::Facts;
use crate::package::produce::{Given, Produce, Sink};
use crate::package::walk::Record;
use crate::tree::Hash;

const COLUMNS: &[&str] = &["article", "activity", "what", "declared", "observed", "drift"];

/// What was seen of one server.
#[derive(Default)]
struct Seen {
    calls: u64,
    purposes: BTreeSet<String>,
    bases: BTreeSet<String>,
    classes: BTreeSet<String>,
    places: BTreeSet<String>,
    mechanisms: BTreeSet<String>,
    groups: BTreeSet<String>,
}

#[derive(Default)]
struct Ropa {
    servers: BTreeMap<String, Seen>,
    configuration: Option<Hash>,
}

pub(super) fn make(_: &Facts) -> Box<dyn Produce> {
    Box::<Ropa>::default()
}

fn add(set: &mut BTreeSet<String>, value: &str) {
    if !value.is_empty() && set.len() < MOST && !set.contains(value) {
        set.insert(value.to_owned());
    }
}

impl Produce for Ropa {
    fn push(&mut self, record: &Record<'_>, _: &mut dyn Sink) {
        let draft = &record.leaf.draft;
        // An operator's command has no configuration in force.
        if draft.ep.configuration != [0; 32] {
            self.configuration = Some(draft.ep.configuration);
        }
        let is_call = matches!(draft.ty, LeafType::CallDecision | LeafType::CallOutcome);
        let event = record.event();
        let (true, Some(server)) = (is_call, &event.server) else { return };
        if self.servers.len() >= MOST && !self.servers.contains_key(server) {
            return;
        }
        let seen = self.servers.entry(server.clone()).or_default();
        seen.calls += u64::from(draft.ty == LeafType::CallDecision);
        event.purpose.iter().for_each(|p| add(&mut seen.purposes, p));
        event.basis.iter().for_each(|b| add(&mut seen.bases, b));
        event.classes.iter().for_each(|c| add(&mut seen.classes, c));
        if let Some(places) = &event.places {
            [&places.processing, &places.recipient, &places.storage]
                .iter()
                .for_each(|p| add(&mut seen.places, p));
            add(&mut seen.mechanisms, &places.mechanism);
        }
        event.actor.iter().flat_map(|a| &a.groups).for_each(|g| add(&mut seen.groups, g));
    }

    fn finish(self: Box<Self>, given: &Given<'_>, out: &mut dyn Sink) {
        let declared = declared(given, self.configuration);
        let mut table = Table::new("ropa", "Records of processing (Art. 30 GDPR)", COLUMNS);
        organisation(&mut table, &declared, out);
        let mut known = BTreeSet::new();
        for activity in &declared.activities {
            known.extend(activity.servers.iter().cloned());
            let seen: Vec<&Seen> = activity.servers.iter().filter_map(|s| self.servers.get(s)).collect();
            of_activity(&mut table, &declared, activity, &seen, out);
        }
        let strange: Vec<String> = self.servers.keys().filter(|s| !known.contains(*s)).cloned().collect();
        if !strange.is_empty() {
            let drift = format!("used, and in no declared activity: {}", strange.join(", "));
            let row = [
                article(&declared, 'b'),
                Cell::Nothing,
                "servers".into(),
                Cell::Nothing,
                strange.into(),
                drift.into(),
            ];
            table.row(&row, out);
        }
        let note = "Declared is what the configuration in force at the end of the range says; observed is what the records of the \
                    range show. Empty fields are for the organisation to fill in.";
        table.finish(note, out);
    }
}

/// The place in Art. 30 of a letter of paragraph 1, for who is a processor of paragraph 2.
fn article(declared: &Declared, letter: char) -> Cell {
    let letter = match (declared.is_processor, letter) {
        (false, letter) => return format!("30(1)({letter})").into(),
        (true, 'a') => 'a',
        (true, 'e') => 'c',
        (true, 'g') => 'd',
        (true, _) => 'b',
    };
    format!("30(2)({letter})").into()
}

fn organisation(table: &mut Table, declared: &Declared, out: &mut dyn Sink) {
    let who = if declared.is_processor { "processor" } else { "controller" };
    let fields = [
        (who, &declared.organisation),
        ("contact", &declared.contact),
        ("representative", &declared.representative),
        ("data protection officer", &declared.officer),
    ];
    for (what, value) in fields {
        let missing = value.is_none() && what != "representative";
        let drift = missing.then(|| "not declared".to_owned());
        let row = [
            article(declared, 'a'),
            Cell::Nothing,
            what.into(),
            value.clone().into(),
            Cell::Nothing,
            drift.into(),
        ];
        table.row(&row, out);
    }
    let drift = declared.measures.is_empty().then(|| "not declared".to_owned());
    let row = [
        article(declared, 'g'),
        Cell::Nothing,
        "technical and organisational measures".into(),
        declared.measures.clone().into(),
        Cell::Nothing,
        drift.into(),
    ];
    table.row(&row, out);
}

/// One line: what is declared, what was seen, and what was seen without being declared.
struct Line<'a> {
    letter: char,
    what: &'static str,
    declared: &'a [String],
    observed: BTreeSet<String>,
    /// Whether it can be seen in records at all.
    seen: bool,
}

fn of_activity(
    table: &mut Table,
    declared: &Declared,
    activity: &Activity,
    seen: &[&Seen],
    out: &mut dyn Sink,
) {
    let union = |of: fn(&Seen) -> &BTreeSet<String>| -> BTreeSet<String> {
        seen.iter().flat_map(|s| of(s)).cloned().collect()
    };
    let texts = |text: &Option<String>| -> Vec<String> { text.iter().cloned().collect() };
    let (mechanism, keep) = (texts(&activity.mechanism), texts(&activity.keep));
    let none = BTreeSet::new;
    let line = |letter, what, declared, observed, seen| Line { letter, what, declared, observed, seen };
    let mut lines = vec![
        line('b', "purposes", &activity.purposes, union(|s| &s.purposes), true),
        line('b', "legal basis", &activity.bases, union(|s| &s.bases), true),
        line('c', "categories of data subjects", &activity.subjects, none(), false),
        line('c', "categories of personal data", &activity.classes, union(|s| &s.classes), true),
        line('d', "categories of recipients", &activity.recipients, union(|s| &s.groups), false),
        line('e', "places", &activity.countries, union(|s| &s.places), true),
        line('e', "transfer mechanism", &mechanism, union(|s| &s.mechanisms), false),
        line('f', "time limits", &keep, none(), false),
    ];
    if declared.is_processor {
        lines.push(line('a', "controllers", &activity.clients, none(), false));
    }
    for line in lines {
        let strange: Vec<String> =
            line.observed.iter().filter(|o| !line.declared.contains(o)).cloned().collect();
        let drift = match (line.seen && !strange.is_empty(), line.declared.is_empty()) {
            (true, _) => Some(format!("seen, not declared: {}", strange.join(", "))),
            (false, true) if line.what != "transfer mechanism" => Some("not declared".to_owned()),
            _ => None,
        };
        let row = [
            article(declared, line.letter),
            activity.name.clone().into(),
            line.what.into(),
            line.declared.to_vec().into(),
            line.observed.into_iter().collect::<Vec<_>>().into(),
            drift.into(),
        ];
        table.row(&row, out);
    }
    let calls: u64 = seen.iter().map(|s| s.calls).sum();
    let drift = (calls == 0).then(|| "declared, not seen in this range".to_owned());
    let row = [
        article(declared, 'b'),
        activity.name.clone().into(),
        "calls".into(),
        activity.servers.clone().into(),
        calls.to_string().into(),
        drift.into(),
    ];
    table.row(&row, out);
}
