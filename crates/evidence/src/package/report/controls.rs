//! What the records of a package are evidence for, by frameworks of controls. The mapping is data: `controls/*.json`, each control
//! with queries over counted records. A report says "evidence for" or "gap"; whether anybody complies is for people to judge.

use carnet_json::{Limits, Tape, Value};

use super::measure::{Count, Measure};
use super::table::{Cell, Table};
use crate::package::manifest::Facts;
use crate::package::produce::{Given, Produce, Sink};
use crate::package::walk::Record;

const COLUMNS: &[&str] = &["framework", "control", "title", "result", "shows", "findings", "records"];

/// The mapping, version 1.
const DATA: &[&str] = &[
    include_str!("../controls/gdpr.json"),
    include_str!("../controls/nist-800-53.json"),
    include_str!("../controls/soc2.json"),
    include_str!("../controls/iso-27001.json"),
    include_str!("../controls/pci-dss.json"),
    include_str!("../controls/hipaa.json"),
    include_str!("../controls/dora.json"),
    include_str!("../controls/ai-act.json"),
];

/// A question to the counted records.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Query {
    /// At least so many.
    Count(String, u64),
    /// At least so many percent of another number.
    Share(String, String, u64),
    /// Not one.
    None(String),
}

/// One control of a framework.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Control {
    pub(crate) framework: String,
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) shows: String,
    pub(crate) queries: Vec<Query>,
}

/// What a control came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Answer {
    pub(crate) holds: bool,
    pub(crate) findings: Vec<String>,
    pub(crate) records: Vec<u64>,
}

fn text(value: &Value<'_>, name: &str) -> Option<String> {
    Some(value.get(name)?.as_str()?.into_owned())
}

fn query(value: &Value<'_>) -> Option<Query> {
    let min = || u64::try_from(value.get("min")?.as_i64()?).ok();
    if let Some(name) = text(value, "count") {
        return Some(Query::Count(name, min()?));
    }
    if let Some(name) = text(value, "share") {
        return Some(Query::Share(name, text(value, "of")?, min()?));
    }
    Some(Query::None(text(value, "none")?))
}

fn control(framework: &str, value: &Value<'_>) -> Option<Control> {
    let queries = value.get("queries")?.items().map(|q| query(&q)).collect::<Option<Vec<_>>>()?;
    Some(Control {
        framework: framework.to_owned(),
        id: text(value, "id")?,
        title: text(value, "title")?,
        shows: text(value, "shows")?,
        queries,
    })
}

/// Every control of the mapping.
pub(crate) fn controls() -> Vec<Control> {
    let read = |data: &&str| {
        let tape = Tape::parse(data.as_bytes(), &Limits::default()).ok()?;
        let root = tape.root(data.as_bytes());
        let framework = text(&root, "framework")?;
        root.get("controls")?.items().map(|c| control(&framework, &c)).collect::<Option<Vec<_>>>()
    };
    DATA.iter().filter_map(read).flatten().collect()
}

impl Query {
    fn ask(&self, m: &Measure, answer: &mut Answer) {
        let (holds, count, said) = match self {
            Query::Count(name, min) => {
                let c = m.get(name);
                (c.n >= *min, c, format!("{name}: {}, at least {min}", c.n))
            }
            Query::Share(name, of, min) => {
                let (c, all) = (m.get(name), m.get(of).n);
                let holds = all > 0 && c.n.saturating_mul(100) >= min.saturating_mul(all);
                (holds, c, format!("{name}: {} of {all} {of}, at least {min} %", c.n))
            }
            Query::None(name) => {
                let c = m.get(name);
                (c.n == 0, c, format!("{name}: {}, none expected", c.n))
            }
        };
        answer.findings.push(if holds { said } else { format!("not shown: {said}") });
        answer.holds &= holds;
        if let Count { n: 1.., first, last } = count {
            answer.records.extend([first, last]);
        }
    }
}

impl Control {
    /// Asks its queries.
    pub(crate) fn ask(&self, measure: &Measure) -> Answer {
        let mut answer = Answer { holds: true, findings: Vec::new(), records: Vec::new() };
        self.queries.iter().for_each(|q| q.ask(measure, &mut answer));
        answer.records.sort_unstable();
        answer.records.dedup();
        answer
    }
}

#[derive(Default)]
struct Controls(Measure);

pub(super) fn make(_: &Facts) -> Box<dyn Produce> {
    Box::<Controls>::default()
}

impl Produce for Controls {
    fn push(&mut self, record: &Record<'_>, _: &mut dyn Sink) {
        self.0.push(record);
    }

    fn finish(self: Box<Self>, _: &Given<'_>, out: &mut dyn Sink) {
        let mut table = Table::new("controls", "What the records are evidence for", COLUMNS);
        for control in controls() {
            let answer = control.ask(&self.0);
            let row = [
                control.framework.into(),
                control.id.into(),
                control.title.into(),
                if answer.holds { "evidence for" } else { "gap" }.into(),
                control.shows.into(),
                answer.findings.into(),
                Cell::List(answer.records.iter().map(u64::to_string).collect()),
            ];
            table.row(&row, out);
        }
        let note = "`evidence for`: the records of this range show what is said. `gap`: they do not, which may be because nothing of \
                    the kind happened. Neither says that a control is met.";
        table.finish(note, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every file is read whole, and asks for numbers that exist.
    #[test]
    fn the_mapping_is_sound() {
        for data in DATA {
            let value: serde_json::Value = serde_json::from_str(data).unwrap();
            let framework = value["framework"].as_str().unwrap();
            let stated = value["controls"].as_array().unwrap().len();
            let read: Vec<Control> = controls().into_iter().filter(|c| c.framework == framework).collect();
            assert_eq!(read.len(), stated, "{framework}");
            assert!(!value["source"].as_str().unwrap().is_empty());
            for c in read {
                assert!(!c.queries.is_empty(), "{framework} {}", c.id);
                for q in c.queries {
                    let (Query::Count(name, _) | Query::Share(name, _, _) | Query::None(name)) = q;
                    assert!(exists(&name), "{framework} {}: {name}", c.id);
                }
            }
        }
    }

    fn exists(name: &str) -> bool {
        use crate::leaf::LeafType;
        let plain = ["disclosed", "authenticated", "place-known", "recording", "masked", "identified-act"];
        match name.split_once(':') {
            None => plain.contains(&name),
            Some(("record", rest)) => LeafType::by_name(rest.split(':').next().unwrap()).is_some(),
            Some(("field", rest)) => crate::field::ALL.contains(&rest),
            Some(("decision", rest)) => ["permit", "deny", "hold", "withhold", "refuse"].contains(&rest),
            Some(("masked" | "class", rest)) => carnet_model::DataClass::by_name(rest).is_some(),
            Some(_) => false,
        }
    }
}
