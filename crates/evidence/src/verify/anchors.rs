//! What others say of checkpoints: witnesses, time stamp authorities, and the auditor's own book of checkpoints seen. Each
//! names a size and a root, which the leaves must give, and perhaps a time, before which what lies under it was there
//! and after which the rest came.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest as _, Sha256};

use super::report::{Fault, Step};
use super::{SourceError, open_checkpoint};
use crate::leaf::{Ext, Leaf, LeafType};
use crate::note::{Note, Verifier};
use crate::text::from_b64url;
use crate::tree::Hash;
use crate::witness::Policy;

/// How far a leaf's time may lie beyond what others saw, in seconds: clocks differ, and a checkpoint is not signed at once.
const SLACK: u64 = 300;
/// Ending of a time stamp on the checkpoint of the same name.
pub(crate) const STAMP: &str = ".tsr";

/// Checks RFC 3161 time stamps against the authorities that the auditor trusts.
pub trait Stamps {
    /// The time that a response states for a hash, Unix seconds.
    ///
    /// # Errors
    /// Why it is not believed.
    fn time(&self, imprint: &Hash, response: &[u8]) -> Result<u64, StampError>;
}

/// Why a time stamp is not believed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum StampError {
    /// Not of its form, of another hash, or its signature does not verify.
    #[error("{0}")]
    Bad(&'static str),
    /// Signed by nobody whom the auditor trusts.
    #[error("signed by an authority that is not trusted here")]
    Unknown,
}

/// What an auditor believes besides the key of the log.
#[derive(Clone, Copy, Default)]
pub struct Trust<'a> {
    /// Witnesses, and how many it takes.
    pub policy: Option<&'a Policy>,
    /// Time stamp authorities.
    pub stamps: Option<&'a dyn Stamps>,
    /// Checkpoints that were seen before, as signed notes.
    pub book: &'a [Vec<u8>],
}

impl std::fmt::Debug for Trust<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Trust(policy: {}, book: {})", self.policy.is_some(), self.book.len())
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Others,
    Book,
}

/// A checkpoint that the leaves must agree with.
struct Point {
    size: u64,
    root: Hash,
    by: By,
    seen: Option<u64>,
    quorum: bool,
}

pub(crate) struct Anchors<'a> {
    trust: Trust<'a>,
    witnesses: Step,
    time: Step,
    book: Step,
    points: Vec<Point>,
    at: usize,
    /// Largest size under a quorum that the leaves agreed with.
    covered: Option<u64>,
    newest: u64,
    floor: u64,
    stamps: BTreeMap<Hash, u64>,
    named: BTreeSet<Hash>,
    signatures: u64,
    unknown: u64,
    times: u64,
    /// Sizes at which others, and the book, have seen another root.
    forked: Vec<(u64, By)>,
}

/// Gives a file of `anchors/` by its name.
pub(crate) type ReadAnchor<'r> = dyn FnMut(&str) -> Result<Option<Vec<u8>>, SourceError> + 'r;

impl<'a> Anchors<'a> {
    /// `names` are the files of `anchors/`, `more` checkpoints from elsewhere that may have cosignatures.
    pub(crate) fn read(
        trust: Trust<'a>,
        key: Option<&Verifier>,
        mut names: Vec<String>,
        read: &mut ReadAnchor<'_>,
        more: &[Vec<u8>],
    ) -> Result<Self, SourceError> {
        let mut anchors = Anchors {
            trust,
            witnesses: Step::new("witnesses"),
            time: Step::new("time"),
            book: Step::new("book"),
            points: Vec::new(),
            at: 0,
            covered: None,
            newest: 0,
            floor: 0,
            stamps: BTreeMap::new(),
            named: BTreeSet::new(),
            signatures: 0,
            unknown: 0,
            times: 0,
            forked: Vec::new(),
        };
        let Some(key) = key else { return Ok(anchors) };
        names.sort();
        for name in names.iter().filter(|name| !name.ends_with(STAMP)) {
            let stamp = format!("{name}{STAMP}");
            let stamp = if names.binary_search(&stamp).is_ok() { read(&stamp)? } else { None };
            if let Some(bytes) = read(name)? {
                anchors.point(key, &bytes, Some(name), stamp.as_deref());
            }
        }
        for bytes in more {
            anchors.point(key, bytes, None, None);
        }
        for bytes in trust.book {
            if let Some(checkpoint) = open_checkpoint(&mut anchors.book, bytes, key) {
                let (size, root) = (checkpoint.size, checkpoint.root);
                anchors.points.push(Point { size, root, by: By::Book, seen: None, quorum: false });
            }
        }
        anchors.points.sort_by_key(|point| point.size);
        Ok(anchors)
    }

    /// A checkpoint and what is said of it.
    fn point(&mut self, key: &Verifier, bytes: &[u8], name: Option<&str>, stamp: Option<&[u8]>) {
        let mut step = Step::new("witnesses");
        let opened = open_checkpoint(&mut step, bytes, key).and_then(|c| Some((c, Note::parse(bytes).ok()?)));
        let Some((checkpoint, note)) = opened else {
            // What the log did not sign is nothing that a witness of it could have signed. Checkpoints from elsewhere are
            // judged where they are from.
            if let Some(name) = name {
                let fault = step.findings.first().map_or(Fault::CheckpointMalformed, |f| f.fault);
                self.witnesses.fault(fault, None, format!("anchors/{name}"));
            }
            return;
        };
        if name.is_none() && note.signatures.len() < 2 {
            // Only the log's own word: nobody else has seen it.
            return;
        }
        if name.is_some_and(|name| name != format!("{:020}", checkpoint.size)) {
            self.witnesses.fault(
                Fault::CheckpointMalformed,
                Some(checkpoint.size),
                "another size than its name's",
            );
        }
        let mut point =
            Point { size: checkpoint.size, root: checkpoint.root, by: By::Others, seen: None, quorum: false };
        self.signatures += note.signatures.len().saturating_sub(1) as u64;
        if let Some(policy) = self.trust.policy {
            let judged = policy.judge(&note);
            for name in &judged.bad {
                let detail = format!("the line of {name} does not verify");
                self.witnesses.fault(Fault::CosignatureBad, Some(point.size), detail);
            }
            self.unknown += judged.unknown;
            (point.seen, point.quorum) = (judged.seen(), judged.quorum && policy.asks());
        }
        if let Some(stamp) = stamp {
            self.stamp(&mut point, &note, stamp);
        }
        self.times += u64::from(point.seen.is_some());
        self.points.push(point);
    }

    fn stamp(&mut self, point: &mut Point, note: &Note, response: &[u8]) {
        self.stamps.insert(Sha256::digest(response).into(), point.size);
        let Some(stamps) = self.trust.stamps else { return };
        let imprint: Hash = Sha256::digest(&note.text).into();
        match stamps.time(&imprint, response) {
            Ok(t) => point.seen = Some(point.seen.map_or(t, |seen| seen.min(t))),
            Err(e) => {
                let fault = if e == StampError::Unknown { Fault::StampUnknown } else { Fault::StampBad };
                self.time.fault(fault, Some(point.size), e.to_string());
            }
        }
    }

    /// The leaves begin after a tree of this size and root.
    /// Of what lies before, `grew` says whether the tree at the end grew out of it, where that can be known.
    pub(crate) fn begin(
        &mut self,
        size: u64,
        root: impl FnOnce() -> Option<Hash>,
        grew: &dyn Fn(u64, &Hash) -> bool,
    ) {
        while let Some(point) = self.points.get(self.at).filter(|point| point.size < size) {
            self.at += 1;
            if !grew(point.size, &point.root) {
                let step = if point.by == By::Book { &mut self.book } else { &mut self.witnesses };
                step.fault(
                    Fault::Forked,
                    Some(point.size),
                    "the tree did not grow out of the one of that size",
                );
            }
            self.floor = self.floor.max(point.seen.unwrap_or(0));
        }
        self.reach(size, root);
    }

    /// A leaf, and the root of the tree that it completes.
    pub(crate) fn push(&mut self, index: u64, leaf: Option<&Leaf>, root: impl FnOnce() -> Option<Hash>) {
        if let Some(leaf) = leaf {
            let t = leaf.draft.t;
            if t.saturating_add(SLACK) < self.floor {
                let detail = format!("{} s before others had seen what precedes it", self.floor - t);
                self.time.fault(Fault::BackDated, Some(index), detail);
            }
            self.newest = self.newest.max(t);
            self.name(leaf);
        }
        self.reach(index + 1, root);
    }

    fn name(&mut self, leaf: &Leaf) {
        if leaf.draft.ty != LeafType::Anchor {
            return;
        }
        let hash = leaf.draft.ext.iter().find(|(key, _)| *key == "hash").map(|(_, value)| value);
        if let Some(Ext::Text(text)) = hash {
            self.named.extend(from_b64url::<32>(text));
        }
    }

    /// Compares what is said of this size with what is there.
    fn reach(&mut self, size: u64, root: impl FnOnce() -> Option<Hash>) {
        if self.points.get(self.at).is_none_or(|point| point.size != size) {
            return;
        }
        let root = root();
        while let Some(point) = self.points.get(self.at).filter(|point| point.size == size) {
            self.at += 1;
            if root.is_some_and(|root| root != point.root) {
                self.forked.push((size, point.by));
                continue;
            }
            if root.is_some() && point.quorum {
                self.covered = Some(size);
            }
            let Some(seen) = point.seen else { continue };
            if self.newest > seen.saturating_add(SLACK) {
                let detail = format!("{} s after others had seen it", self.newest - seen);
                self.time.fault(Fault::TimeAhead, Some(size), detail);
            }
            self.floor = self.floor.max(seen);
        }
    }

    /// The steps `witnesses`, `time` and `book`; `size` is that of the tree at the end.
    pub(crate) fn finish(mut self, size: u64) -> [Step; 3] {
        for point in self.points.get(self.at..).unwrap_or_default() {
            let step = if point.by == By::Book { &mut self.book } else { &mut self.witnesses };
            let detail = format!("{} leaves were seen, {size} are there", point.size);
            step.fault(Fault::RolledBack, Some(size), detail);
        }
        for (at, by) in std::mem::take(&mut self.forked) {
            // Where the checkpoint ends there are two of that size, and the log's key has signed both.
            let fault = if at == size { Fault::TwoCheckpoints } else { Fault::Forked };
            let step = if by == By::Book { &mut self.book } else { &mut self.witnesses };
            step.fault(fault, Some(at), "the tree of that size has another root here");
        }
        for _ in self.named.iter().filter(|hash| !self.stamps.contains_key(*hash)) {
            self.time.fault(Fault::AnchorMissing, None, "a record names a time stamp that is not there");
        }
        self.quorum(size);
        self.time.count("time stamps", self.stamps.len() as u64);
        self.time.count("checkpoints with a time", self.times);
        if self.times == 0 {
            self.time.skip("no time of a trusted witness or time stamp authority");
        }
        self.book.counts = vec![("checkpoints seen before", self.trust.book.len() as u64)];
        if self.trust.book.is_empty() {
            self.book.skip("no book of checkpoints was given");
        }
        [self.witnesses, self.time, self.book]
    }

    fn quorum(&mut self, size: u64) {
        self.witnesses.counts = vec![("cosignatures", self.signatures)];
        if !self.trust.policy.is_some_and(Policy::asks) {
            self.witnesses.skip("the trust file asks for no witness");
            return;
        }
        match self.covered {
            Some(covered) => {
                self.witnesses.count("leaves under a quorum", covered);
                self.witnesses.count("leaves after it", size.saturating_sub(covered));
            }
            None => {
                if self.unknown > 0 {
                    let detail = "cosignatures are by keys that the trust file does not have";
                    self.witnesses.fault(Fault::WitnessUnknown, None, detail);
                }
                let detail = "no checkpoint here is signed by as many witnesses as the trust file asks for";
                self.witnesses.fault(Fault::QuorumMissing, Some(size), detail);
            }
        }
    }
}
