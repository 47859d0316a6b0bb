//! OSCAL 1.1: assessment results and a component definition for each framework of the control mapping. An observation says what
//! the records show; a finding is `satisfied` where they are evidence for it and `not-satisfied` where there is a gap, of the
//! evidence, which is not a judgement of the control.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use super::object::Object;
use crate::package::event::rfc3339;
use crate::package::manifest::Facts;
use crate::package::produce::{Given, Produce, Sink};
use crate::package::report::controls::{Control, controls};
use crate::package::report::measure::Measure;
use crate::package::walk::Record;

const VERSION: &str = "1.1.3";

#[derive(Default)]
struct Oscal {
    measure: Measure,
    first: Option<u64>,
    last: u64,
}

pub(super) fn make(_: &Facts) -> Box<dyn Produce> {
    Box::<Oscal>::default()
}

/// An identifier in the form of a UUID, from what it identifies: the same records give the same file.
fn uuid(of: &str) -> String {
    let mut h: [u8; 32] = Sha256::digest(of).into();
    h[6] = h[6] & 0x0f | 0x50;
    h[8] = h[8] & 0x3f | 0x80;
    let hex: String = h.iter().take(16).map(|b| format!("{b:02x}")).collect();
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default().to_owned();
    format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
}

/// A token of OSCAL from the number of a control.
fn token(framework: &str, id: &str) -> String {
    let text = match framework {
        // These have identifiers in the catalogues of NIST: ac-6.9 for AC-6(9).
        "NIST SP 800-53" => id.to_lowercase().replace('(', ".").replace(')', ""),
        _ => format!("{framework}-{id}").to_lowercase(),
    };
    text.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' || c == '-' { c } else { '_' }).collect()
}

fn metadata(title: &str, time: &str) -> Object {
    Object::new()
        .text("title", title)
        .text("last-modified", time)
        .text("version", "1")
        .text("oscal-version", VERSION)
}

/// The framework as a name of a file.
fn file(framework: &str) -> String {
    token("NIST SP 800-53", &framework.replace([' ', '/'], "-"))
}

struct Range<'a> {
    facts: &'a Facts,
    from: String,
    to: String,
}

impl Range<'_> {
    fn id(&self, what: &str) -> String {
        uuid(&format!("{} {} {} {what}", self.facts.origin, self.from, self.to))
    }

    fn results(&self, framework: &str, all: &[Control], measure: &Measure) -> String {
        let (mut observations, mut findings, mut ids) = (Vec::new(), Vec::new(), Vec::new());
        for control in all {
            let answer = control.ask(measure);
            let id = token(framework, &control.id);
            let observation = self.id(&format!("observation {id}"));
            let evidence = answer.records.iter().map(|r| {
                Object::new()
                    .text("href", &format!("urn:carnet:record:{r}"))
                    .text("description", &format!("record {r} of the log"))
            });
            observations.push(
                Object::new()
                    .text("uuid", &observation)
                    .text("description", &answer.findings.join(". "))
                    .raw("methods", "[\"EXAMINE\"]")
                    .text("collected", &self.to)
                    .objects("relevant-evidence", evidence),
            );
            let status = Object::new()
                .text("state", if answer.holds { "satisfied" } else { "not-satisfied" })
                .text("reason", if answer.holds { "evidence-for" } else { "gap" });
            let target =
                Object::new().text("type", "objective-id").text("target-id", &id).object("status", status);
            findings.push(
                Object::new()
                    .text("uuid", &self.id(&format!("finding {id}")))
                    .text("title", &format!("{} {}", control.id, control.title))
                    .text("description", &control.shows)
                    .object("target", target)
                    .objects(
                        "related-observations",
                        [Object::new().text("observation-uuid", &observation)].into_iter(),
                    ),
            );
            ids.push(Object::new().text("control-id", &id));
        }
        let selection = Object::new().objects("include-controls", ids.into_iter());
        let result = Object::new()
            .text("uuid", &self.id(&format!("result {framework}")))
            .text("title", &format!("What the records show for {framework}"))
            .text("description", "Queries over the records of a Carnet log. `satisfied` says evidence for, not that a control is met.")
            .text("start", &self.from)
            .text("end", &self.to)
            .object("reviewed-controls", Object::new().objects("control-selections", [selection].into_iter()))
            .objects("observations", observations.into_iter())
            .objects("findings", findings.into_iter());
        let inner = Object::new()
            .text("uuid", &self.id(&format!("assessment {framework}")))
            .object("metadata", metadata(&format!("Carnet evidence for {framework}"), &self.to))
            .object("import-ap", Object::new().text("href", "#none"))
            .objects("results", [result].into_iter());
        Object::new().object("assessment-results", inner).end()
    }

    fn component(&self, framework: &str, all: &[Control]) -> String {
        let requirements = all.iter().map(|control| {
            let id = token(framework, &control.id);
            Object::new()
                .text("uuid", &self.id(&format!("requirement {id}")))
                .text("control-id", &id)
                .text("description", &control.shows)
        });
        let implementation = Object::new()
            .text("uuid", &self.id(&format!("implementation {framework}")))
            .text("source", &format!("urn:carnet:framework:{}", file(framework)))
            .text("description", "What records of the gateway can show.")
            .objects("implemented-requirements", requirements);
        let component = Object::new()
            .text("uuid", &self.id("component"))
            .text("type", "software")
            .text("title", "Carnet")
            .text(
                "description",
                "A gateway in front of MCP servers that identifies, decides, masks and records.",
            )
            .objects("control-implementations", [implementation].into_iter());
        let inner = Object::new()
            .text("uuid", &self.id(&format!("definition {framework}")))
            .object("metadata", metadata(&format!("Carnet, for {framework}"), &self.to))
            .objects("components", [component].into_iter());
        Object::new().object("component-definition", inner).end()
    }
}

impl Produce for Oscal {
    fn push(&mut self, record: &Record<'_>, _: &mut dyn Sink) {
        self.measure.push(record);
        self.first.get_or_insert(record.leaf.draft.t);
        self.last = self.last.max(record.leaf.draft.t);
    }

    fn finish(self: Box<Self>, given: &Given<'_>, out: &mut dyn Sink) {
        let time = |t: u64| rfc3339(t * 1_000_000);
        let range = Range { facts: given.facts, from: time(self.first.unwrap_or(0)), to: time(self.last) };
        let mut frameworks: BTreeMap<String, Vec<Control>> = BTreeMap::new();
        for control in controls() {
            frameworks.entry(control.framework.clone()).or_default().push(control);
        }
        for (framework, all) in frameworks {
            let name = file(&framework);
            let results = range.results(&framework, &all, &self.measure);
            out.write(
                &format!("exports/oscal/{name}.assessment-results.json"),
                format!("{results}\n").as_bytes(),
            );
            let component = range.component(&framework, &all);
            out.write(
                &format!("exports/oscal/{name}.component-definition.json"),
                format!("{component}\n").as_bytes(),
            );
        }
    }
}
