//! The inventory: what is kept of the period, by class of record, server and place of storage; how much of it, under how many
//! keys, and for how long. Bytes are those of the package: leaves, disclosed facts, recordings.

use std::collections::{BTreeMap, BTreeSet};

use carnet_json::{Limits, Tape};

use super::table::{Cell, Table};
use super::{MOST, OTHERS};
use crate::leaf::LeafType;
use crate::package::manifest::Facts;
use crate::package::produce::{Given, Produce, Sink};
use crate::package::verify::StateKind;
use crate::package::walk::Record;
use crate::tree::Hash;

const COLUMNS: &[&str] = &[
    "class",
    "server",
    "storage",
    "records",
    "leaf_bytes",
    "fact_bytes",
    "recording_bytes",
    "not_disclosed",
    "erased",
    "keys",
    "keep",
    "first",
    "last",
];

/// Keys that are counted one by one in all rows together.
const KEYS: usize = 200_000;

/// The class of a type of record, as retention tells them apart.
fn class(ty: LeafType) -> &'static str {
    use LeafType::{
        AdminRead, Anchor, ApprovalConsume, ApprovalExpire, ApprovalRequest, ApprovalVote, BreakglassOpen,
        BreakglassReview, CallDecision, CallOrphan, CallOutcome, CellGenesis, Gap, GwStart, GwStop,
        Heartbeat, SessionClose, SessionOpen,
    };
    match ty {
        CallDecision | CallOutcome | CallOrphan | SessionOpen | SessionClose => "recordings",
        ApprovalRequest | ApprovalVote | ApprovalConsume | ApprovalExpire | BreakglassOpen
        | BreakglassReview => "approvals",
        CellGenesis | GwStart | GwStop | Gap | Heartbeat | Anchor => "running",
        AdminRead => "reading",
        _ => "acts",
    }
}

/// Class, server.
type Key = (&'static str, String);

#[derive(Default)]
struct Sum {
    records: u64,
    leaf: u64,
    facts: u64,
    recording: u64,
    closed: u64,
    erased: u64,
    keys: BTreeSet<Box<str>>,
    more_keys: bool,
    first: u64,
    last: u64,
}

#[derive(Default)]
struct Inventory {
    rows: BTreeMap<Key, Sum>,
    keys: usize,
    configuration: Option<Hash>,
    /// Where the log lies, as records of calls say. All of it lies there.
    storage: BTreeSet<String>,
}

pub(super) fn make(_: &Facts) -> Box<dyn Produce> {
    Box::<Inventory>::default()
}

impl Produce for Inventory {
    fn push(&mut self, record: &Record<'_>, _: &mut dyn Sink) {
        let (event, draft) = (record.event(), &record.leaf.draft);
        if draft.ep.configuration != [0; 32] {
            self.configuration = Some(draft.ep.configuration);
        }
        if let Some(places) =
            event.places.as_ref().filter(|p| !p.storage.is_empty() && self.storage.len() < MOST)
        {
            self.storage.insert(places.storage.clone());
        }
        let mut key = (class(draft.ty), event.server.clone().unwrap_or_default());
        if self.rows.len() >= MOST && !self.rows.contains_key(&key) {
            key.1 = OTHERS.to_owned();
        }
        let sum = self.rows.entry(key).or_insert_with(|| Sum { first: draft.t, ..Sum::default() });
        sum.records += 1;
        sum.leaf += record.size as u64;
        sum.facts += record.disclosed.iter().map(|d| d.name.len() + d.value.len()).sum::<usize>() as u64;
        sum.recording += record.frame.map_or(0, <[u8]>::len) as u64;
        let kept_back = [record.withheld.d, record.withheld.f];
        sum.closed += u64::from(kept_back.iter().any(Option::is_some));
        sum.erased += u64::from(kept_back.contains(&Some(crate::package::lines::Why::Erased)));
        sum.last = sum.last.max(draft.t);
        for blob in &draft.bl {
            for id in ids(&blob.k) {
                if sum.keys.contains(id) {
                    continue;
                }
                if self.keys >= KEYS {
                    sum.more_keys = true;
                    continue;
                }
                self.keys += 1;
                sum.keys.insert(id.into());
            }
        }
    }

    fn finish(self: Box<Self>, given: &Given<'_>, out: &mut dyn Sink) {
        let keeps = Keeps::of(given, self.configuration);
        let mut table = Table::new("inventory", "What is kept, where and for how long", COLUMNS);
        let storage: Vec<String> = self.storage.into_iter().collect();
        for ((class, server), sum) in self.rows {
            let keys = match sum.more_keys {
                true => Cell::Text(format!("more than {}", sum.keys.len())),
                false => Cell::Number(sum.keys.len() as u64),
            };
            let row = [
                class.into(),
                server.as_str().into(),
                storage.clone().into(),
                sum.records.into(),
                sum.leaf.into(),
                sum.facts.into(),
                sum.recording.into(),
                sum.closed.into(),
                sum.erased.into(),
                keys,
                keeps.of_row(class, &server).into(),
                crate::package::view::utc(sum.first).into(),
                crate::package::view::utc(sum.last).into(),
            ];
            table.row(&row, out);
        }
        let note = "Bytes are those in this package: leaves as they were hashed, facts and recordings in clear; sealed in the log they are \
                    some longer. `keep` is what the newest configuration of the period says; nothing stands for: no limit is configured, or \
                    it is not known. Storage is the place of the whole log, as records of calls name it.";
        table.finish_stating(note, given.facts, out);
    }
}

/// The key ids in a key reference; its last two parts are the slot.
fn ids(reference: &str) -> impl Iterator<Item = &str> {
    let keys = reference.rsplitn(3, '/').nth(2).unwrap_or_default();
    keys.split(['/', '.']).filter(|id| !id.is_empty())
}

/// For how long what is kept.
#[derive(Default)]
struct Keeps {
    servers: BTreeMap<String, String>,
    classes: BTreeMap<String, String>,
}

impl Keeps {
    fn of(given: &Given<'_>, hash: Option<Hash>) -> Keeps {
        let file = hash.map(|hash| StateKind::Configuration.file(&hash));
        let bytes = file.and_then(|file| crate::package::whole(given.files, &file).ok().flatten());
        let limits = Limits { bytes: usize::MAX, ..Limits::default() };
        let Some(bytes) = bytes else { return Keeps::default() };
        let Ok(tape) = Tape::parse(&bytes, &limits) else { return Keeps::default() };
        let root = tape.root(&bytes);
        let mut keeps = Keeps::default();
        for server in root.get("servers").iter().flat_map(carnet_json::Value::items) {
            let text = |name: &str| Some(server.get(name)?.as_str()?.into_owned());
            if let (Some(name), Some(keep)) = (text("name"), text("keep")) {
                keeps.servers.insert(name, keep);
            }
        }
        for (name, keep) in root.get("retention").iter().flat_map(carnet_json::Value::entries) {
            if let (Some(name), Some(keep)) = (name.as_str(), keep.as_str()) {
                keeps.classes.insert(name.into_owned(), keep.into_owned());
            }
        }
        keeps
    }

    fn of_row(&self, class: &str, server: &str) -> Option<String> {
        let of_class = match class {
            "recordings" => self.servers.get(server),
            "reading" => self.classes.get("acts"),
            class => self.classes.get(class),
        };
        of_class.or_else(|| self.classes.get("general")).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_names_its_keys() {
        let all = |text| ids(text).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(all("a.b.c/slot/d"), ["a", "b", "c"]);
        assert_eq!(all("a/slot/f"), ["a"]);
        assert!(all("slot/f").is_empty() && all("").is_empty());
    }

    #[test]
    fn what_is_kept_how_long() {
        let one = |name: &str, keep: &str| BTreeMap::from([(name.to_owned(), keep.to_owned())]);
        let mut keeps = Keeps { servers: one("crm", "30 days"), classes: one("acts", "365 days") };
        assert_eq!(keeps.of_row("recordings", "crm").as_deref(), Some("30 days"));
        assert_eq!(keeps.of_row("recordings", "files"), None);
        assert_eq!(keeps.of_row("reading", "").as_deref(), Some("365 days"));
        keeps.classes.insert("general".to_owned(), "90 days".to_owned());
        assert_eq!(keeps.of_row("running", "").as_deref(), Some("90 days"));
    }
}
