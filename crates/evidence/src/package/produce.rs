//! What is computed from the records of a package: reports, exports, the page for people. The exporter writes it, and the
//! verifier computes it again and compares, so a changed report is seen even where the manifest was signed anew.
//!
//! [`TABLE`] lists the producers. A new one is a line there; a change of what one writes is a new version, and the old one stays
//! as long as packages have it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use carnet_json::quote;

use super::Files;
use super::lines::Why;
use super::manifest::Facts;
use super::walk::Record;
use crate::field;
use crate::leaf::LeafType;

/// Takes what a producer writes.
pub trait Sink {
    /// Appends to a file of the package. Names begin with `reports/` or `exports/`, but for [`super::view`]'s own.
    fn write(&mut self, file: &str, bytes: &[u8]);
}

/// What there is beside the records: what the package says of itself, and its files, of which the states are held by the
/// hashes in records.
#[derive(Clone, Copy)]
pub struct Given<'a> {
    /// What the package says of itself. Counts are not there yet when a package is made.
    pub facts: &'a Facts,
    /// Read files below `state/` only.
    pub files: &'a dyn Files,
}

impl std::fmt::Debug for Given<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Given({:?})", self.facts)
    }
}

/// Sees every record once, in order, and writes as it goes or at the end. It may depend on nothing else, so that it gives the
/// same bytes anywhere; it must not keep all records.
pub trait Produce {
    /// One record.
    fn push(&mut self, record: &Record<'_>, out: &mut dyn Sink);
    /// The end.
    fn finish(self: Box<Self>, given: &Given<'_>, out: &mut dyn Sink);
}

/// A producer in the table.
#[derive(Clone, Copy)]
pub struct Producer {
    /// Its name in the manifest.
    pub name: &'static str,
    /// Version of what it writes.
    pub version: u64,
    /// Makes one.
    pub make: fn(&Facts) -> Box<dyn Produce>,
    /// Only in a package for which it is asked: the exports.
    pub asked: bool,
}

impl std::fmt::Debug for Producer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Producer({} {})", self.name, self.version)
    }
}

/// The producers that are no report and no export. Of two versions the later one is the newest.
const PAGES: &[Producer] = &[
    Producer { name: "summary", version: 1, make: |_| Box::<Summary>::default(), asked: false },
    Producer { name: "view", version: 1, make: super::view::page, asked: false },
    Producer { name: "view", version: 2, make: super::page::page, asked: false },
    Producer { name: "readme", version: 1, make: super::view::readme, asked: false },
];

/// Every producer.
pub fn table() -> impl Iterator<Item = &'static Producer> {
    PAGES.iter().chain(super::report::REPORTS).chain(super::export::EXPORTS)
}

/// The producers of the newest versions, as they go into a manifest: all that need not be asked for, and these exports.
#[must_use]
pub fn current(exports: &[String]) -> BTreeMap<String, u64> {
    let wanted = |p: &&Producer| !p.asked || exports.iter().any(|e| e == p.name);
    table().filter(wanted).map(|p| (p.name.to_owned(), p.version)).collect()
}

/// The newest producer of a name.
#[must_use]
pub fn named(name: &str) -> Option<&'static Producer> {
    table().filter(|p| p.name == name).max_by_key(|p| p.version)
}

/// `reports/summary.json`: how many records of each type, decisions, methods and tools, masked values by class, what is
/// kept back.
#[derive(Default)]
pub(super) struct Summary {
    pub(super) types: BTreeMap<&'static str, u64>,
    pub(super) decisions: BTreeMap<String, u64>,
    pub(super) methods: BTreeMap<String, u64>,
    pub(super) tools: BTreeMap<String, u64>,
    pub(super) masked: BTreeMap<String, u64>,
    pub(super) withheld: BTreeMap<&'static str, u64>,
}

/// Names that are counted one by one; what comes after them is counted together.
const MOST: usize = 500;

/// Adds to a count.
fn count(map: &mut BTreeMap<String, u64>, name: String, n: u64) {
    let known = map.contains_key(&name) || map.len() < MOST;
    *map.entry(if known { name } else { "(others)".to_owned() }).or_default() += n;
}

impl Summary {
    /// Counts one record.
    pub(super) fn add(&mut self, record: &Record<'_>) {
        let ty = record.leaf.draft.ty;
        *self.types.entry(ty.as_str()).or_default() += 1;
        for why in [record.withheld.d, record.withheld.f].into_iter().flatten() {
            *self.withheld.entry(why.as_str()).or_default() += 1;
        }
        if ty == LeafType::CallDecision {
            if let Some(decision) = record.text(field::DECISION) {
                count(&mut self.decisions, decision, 1);
            }
            if let Some(method) = record.text(field::METHOD) {
                count(&mut self.methods, method, 1);
            }
            if let (Some(server), Some(tool)) = (record.text(field::SERVER), record.text(field::TOOL)) {
                count(&mut self.tools, format!("{server}: {tool}"), 1);
            }
        }
        if let Some(bytes) = record.value(field::MASKING)
            && let Ok(tape) = carnet_json::Tape::parse(bytes, &carnet_json::Limits::default())
        {
            for (class, n) in tape.root(bytes).entries() {
                let (class, n) = (class.as_str(), n.as_i64().and_then(|n| u64::try_from(n).ok()));
                count(&mut self.masked, class.unwrap_or_default().into_owned(), n.unwrap_or(0));
            }
        }
    }

    /// Slots that are kept back for a reason.
    pub(super) fn kept_back(&self, why: Why) -> u64 {
        self.withheld.get(why.as_str()).copied().unwrap_or(0)
    }
}

fn object<K: AsRef<str>>(map: &BTreeMap<K, u64>) -> String {
    let mut out = String::from("{");
    for (i, (name, n)) in map.iter().enumerate() {
        let comma = if i == 0 { "" } else { "," };
        let _ = write!(out, "{comma}{}:{n}", quote(name.as_ref()));
    }
    out.push('}');
    out
}

impl Produce for Summary {
    fn push(&mut self, record: &Record<'_>, _: &mut dyn Sink) {
        self.add(record);
    }

    fn finish(self: Box<Self>, _: &Given<'_>, out: &mut dyn Sink) {
        let text = format!(
            "{{\"decisions\":{},\"masked\":{},\"methods\":{},\"tools\":{},\"types\":{},\"withheld\":{}}}\n",
            object(&self.decisions),
            object(&self.masked),
            object(&self.methods),
            object(&self.tools),
            object(&self.types),
            object(&self.withheld)
        );
        out.write("reports/summary.json", text.as_bytes());
    }
}
