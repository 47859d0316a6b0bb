//! A draft of the notification of a personal data breach to the supervisory authority (Art. 33(3) GDPR): what the records can
//! say is filled in, the rest is left to who notifies. The period and filters of the package say which incident it is about.

use std::collections::{BTreeMap, BTreeSet};

use super::MOST;
use super::declared::{Activity, declared};
use super::table::{Cell, Table};
use crate::leaf::LeafType;
use crate::package::event::rfc3339;
use crate::package::manifest::Facts;
use crate::package::produce::{Given, Produce, Sink};
use crate::package::walk::Record;
use crate::tree::Hash;

const COLUMNS: &[&str] = &["article", "field", "value", "from"];
const FILL: &str = "TO BE FILLED IN";
/// People that are counted one by one.
const PEOPLE: usize = 1_000_000;

#[derive(Default)]
struct Breach {
    asked: crate::package::manifest::Asked,
    first: Option<u64>,
    last: u64,
    calls: u64,
    shown: BTreeMap<String, u64>,
    masked: BTreeMap<String, u64>,
    people: BTreeSet<String>,
    more_people: bool,
    actors: BTreeSet<String>,
    servers: BTreeSet<String>,
    places: BTreeSet<String>,
    stopped: u64,
    erased: u64,
    configuration: Option<Hash>,
}

pub(super) fn make(facts: &Facts) -> Box<dyn Produce> {
    Box::new(Breach { asked: facts.asked.clone(), ..Breach::default() })
}

fn some(set: &mut BTreeSet<String>, value: &str) {
    if !value.is_empty() && set.len() < MOST && !set.contains(value) {
        set.insert(value.to_owned());
    }
}

/// Keys of persons in the key reference of a recording: those behind the session's and the actor's.
pub(crate) fn persons(reference: &str) -> impl Iterator<Item = &str> {
    let keys = if reference.ends_with("/f") { reference.split('/').next() } else { None };
    keys.into_iter().flat_map(|keys| keys.split('.').skip(2))
}

impl Breach {
    fn call(&mut self, record: &Record<'_>) {
        let (event, draft) = (record.event(), &record.leaf.draft);
        if draft.ty == LeafType::CallDecision {
            self.calls += 1;
            self.stopped += u64::from(event.decision.as_deref().is_some_and(|d| d != "permit"));
        }
        let went = event.decision.as_deref() == Some("permit");
        let masked = |class: &String| event.masking.iter().any(|(c, _)| c == class);
        for class in event.classes.iter().filter(|c| went && !masked(c)) {
            *self.shown.entry(class.clone()).or_default() += 1;
        }
        for (class, n) in &event.masking {
            *self.masked.entry(class.clone()).or_default() += n;
        }
        for person in draft.bl.iter().flat_map(|b| persons(&b.k)) {
            self.more_people |= self.people.len() >= PEOPLE && !self.people.contains(person);
            if self.people.len() < PEOPLE {
                self.people.insert(person.to_owned());
            }
        }
        event.actor.iter().for_each(|a| some(&mut self.actors, &a.subject));
        event.server.iter().for_each(|s| some(&mut self.servers, s));
        if let Some(p) = &event.places {
            [&p.processing, &p.recipient, &p.storage].iter().for_each(|p| some(&mut self.places, p));
        }
    }
}

impl Produce for Breach {
    fn push(&mut self, record: &Record<'_>, _: &mut dyn Sink) {
        let draft = &record.leaf.draft;
        if draft.ep.configuration != [0; 32] {
            self.configuration = Some(draft.ep.configuration);
        }
        let inside =
            self.asked.from.is_none_or(|t| draft.t >= t) && self.asked.to.is_none_or(|t| draft.t < t);
        // What was not asked for is not part of the incident.
        if !inside || record.closed().is_some_and(|why| why.as_str().starts_with("outside")) {
            return;
        }
        self.first.get_or_insert(draft.t);
        self.last = draft.t;
        self.erased += u64::from(draft.ty == LeafType::KeyDestroy);
        if matches!(draft.ty, LeafType::CallDecision | LeafType::CallOutcome) {
            self.call(record);
        }
    }

    fn finish(self: Box<Self>, given: &Given<'_>, out: &mut dyn Sink) {
        let declared = declared(given, self.configuration);
        let counts = |map: &BTreeMap<String, u64>| -> Cell {
            map.iter().map(|(class, n)| format!("{class}: {n}")).collect::<Vec<_>>().into()
        };
        let of = |set: &BTreeSet<String>| -> Cell { set.iter().cloned().collect::<Vec<_>>().into() };
        let or_fill = |text: &Option<String>| Cell::from(text.clone().unwrap_or_else(|| FILL.to_owned()));
        let touched = |a: &&Activity| a.servers.iter().any(|s| self.servers.contains(s));
        let subjects: BTreeSet<String> =
            declared.activities.iter().filter(touched).flat_map(|a| a.subjects.clone()).collect();
        let time = |t: Option<u64>| t.map_or_else(|| FILL.to_owned(), |t| rfc3339(t * 1_000_000));
        let people = format!("{}{}", if self.more_people { "more than " } else { "" }, self.people.len());
        let last = self.first.map(|_| self.last);
        let rows: [(&str, &str, Cell, &str); 21] = [
            ("33(1)", "supervisory authority", or_fill(&declared.authority), "configuration"),
            ("33(1)", "controller", or_fill(&declared.organisation), "configuration"),
            ("33(1)", "became aware at", FILL.into(), ""),
            ("33(1)", "notify before (72 hours after becoming aware)", FILL.into(), ""),
            ("33(3)(a)", "nature of the breach", FILL.into(), ""),
            ("33(3)(a)", "first record", time(self.first).into(), "records"),
            ("33(3)(a)", "last record", time(last).into(), "records"),
            ("33(3)(a)", "categories of data subjects", of(&subjects), "configuration"),
            (
                "33(3)(a)",
                "approximate number of data subjects",
                people.into(),
                "records: keys of persons, by pseudonym",
            ),
            (
                "33(3)(a)",
                "categories of data that passed as values, messages",
                counts(&self.shown),
                "records",
            ),
            ("33(3)(a)", "categories of data that were masked, values", counts(&self.masked), "records"),
            ("33(3)(a)", "approximate number of calls", self.calls.into(), "records"),
            ("33(3)(a)", "calls that were stopped", self.stopped.into(), "records"),
            ("33(3)(a)", "identities that acted", of(&self.actors), "records"),
            ("33(3)(a)", "servers", of(&self.servers), "records"),
            ("33(3)(a)", "places", of(&self.places), "records"),
            ("33(3)(b)", "data protection officer", or_fill(&declared.officer), "configuration"),
            ("33(3)(b)", "contact", or_fill(&declared.contact), "configuration"),
            ("33(3)(c)", "likely consequences", FILL.into(), ""),
            ("33(3)(d)", "measures taken or proposed", declared.measures.clone().into(), "configuration"),
            ("33(3)(d)", "keys destroyed since", self.erased.into(), "records"),
        ];
        let mut table = Table::new("breach", "Draft: notification of a breach (Art. 33(3) GDPR)", COLUMNS);
        for (article, field, value, from) in rows {
            table.row(&[article.into(), field.into(), value, from.into()], out);
        }
        let note = "A draft. Whether there is a breach, whether it is notified and what else is said is for the controller to \
                    decide. The number of data subjects counts people whose data the configured places or detected identifiers named.";
        table.finish(note, out);
    }
}
