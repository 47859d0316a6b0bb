//! Packages in memory: a log with real disclosures and frames, packed as the exporter packs it.

use std::collections::BTreeMap;
use std::io::BufRead;

use sha2::{Digest as _, Sha256};

use crate::checkpoint::Checkpoint;
use crate::disclosure::{Disclosures, split};
use crate::field;
use crate::leaf::{BlobRef, Draft, Epochs, LeafType};
use crate::note::Verifier;
use crate::package::lines::{self, Why, Withheld};
use crate::package::manifest::{Asked, Facts, Manifest, sign};
use crate::package::produce::{Sink, current};
use crate::package::verify::{Judge, Options, StateKind, verify};
use crate::package::{
    CONSISTENCY, DISCLOSURES, END, ENVELOPE, FRAMES, FRONTIER, Files, LEAVES, MANIFEST, START, VKEY,
    WITHHELD, archive, assemble,
};
use crate::tests::log::{Log, ORIGIN, RUN, T0, session, signer};
use crate::tree::{Frontier, consistency, hash_from_tiles, leaf_hash};
use crate::verify::{Fault, Report, SourceError};

/// Files of a package in memory.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(crate) struct Map(pub(crate) BTreeMap<String, Vec<u8>>);

impl Files for Map {
    fn names(&self) -> Result<Vec<String>, SourceError> {
        Ok(self.0.keys().cloned().collect())
    }
    fn open<'s>(&'s self, name: &str) -> Result<Option<Box<dyn BufRead + 's>>, SourceError> {
        Ok(self.0.get(name).map(|b| Box::new(b.as_slice()) as Box<dyn BufRead>))
    }
}

impl Sink for Map {
    fn write(&mut self, file: &str, bytes: &[u8]) {
        self.0.entry(file.to_owned()).or_default().extend_from_slice(bytes);
    }
}

/// One record before it is packed.
#[derive(Clone)]
pub(crate) struct One {
    pub(crate) leaf: Vec<u8>,
    pub(crate) encoded: Option<Vec<Vec<u8>>>,
    pub(crate) frame: Option<String>,
    pub(crate) withheld: Withheld,
}

/// A package before it is packed.
#[derive(Clone)]
pub(crate) struct Pack {
    pub(crate) records: Vec<One>,
    pub(crate) from: u64,
    /// The tree and everything signed, made from these leaves even where `records` says otherwise.
    pub(crate) signed: Vec<Vec<u8>>,
    pub(crate) state: BTreeMap<String, Vec<u8>>,
}

pub(crate) const STATES: [(StateKind, &[u8]); 4] = [
    (StateKind::Policies, b"{\"format\":\"carnet-policies/1\"}"),
    (StateKind::Configuration, b"{\"format\":\"carnet-configuration/1\"}"),
    (StateKind::Build, b"{\"format\":\"carnet-build/1\"}"),
    (StateKind::Jurisdictions, b"version 1\n"),
];

fn epochs() -> Epochs {
    let hash = |i: usize| <[u8; 32]>::from(Sha256::digest(STATES[i].1));
    Epochs { policy: hash(0), configuration: hash(1), build: hash(2), jurisdiction: hash(3) }
}

/// Records a message: a decision or an outcome with disclosures and a frame.
fn message(log: &mut Log, all: &mut Vec<One>, mut draft: Draft, method: &str, slot: u8) -> u64 {
    let mut n = slot;
    let mut entropy = |out: &mut [u8]| {
        for b in out {
            n = n.wrapping_mul(31).wrapping_add(7);
            *b = n;
        }
    };
    let frame = format!(
        "{{\"jsonrpc\":\"2.0\",\"method\":\"{method}\",\"params\":{{\"text\":\"<b>[EMAIL]</b>\\n\"}}}}"
    );
    let mut d = Disclosures::new(&mut entropy);
    d.add(field::ACTOR, b"{\"kind\":\"user\",\"issuer\":\"i\",\"subject\":\"<script>ada\",\"groups\":[]}");
    d.add_str(field::SERVER, "crm");
    if draft.ty == LeafType::CallDecision {
        d.add_str(field::METHOD, method);
        d.add_str(field::TOOL, "find");
    }
    d.add_str(field::DECISION, "permit");
    d.add(field::POLICIES, b"[\"everything\"]");
    d.add(field::MASKING, b"{\"email\":1}");
    let hash: [u8; 32] = Sha256::digest(&frame).into();
    d.add_bytes(field::FRAME, &hash);
    let done = d.finish();
    draft.sd = done.digests;
    let key = format!("key{}/slot{slot}", draft.gs[0]);
    let blob = |kind: &str| BlobRef { h: [slot; 32], k: format!("{key}/{kind}") };
    draft.bl = vec![blob("d"), blob("f")];
    let index = log.add(draft);
    all.push(One {
        leaf: log.entries[index as usize].leaf.clone(),
        encoded: split(&done.encoded),
        frame: Some(frame),
        withheld: Withheld::default(),
    });
    index
}

fn own(log: &mut Log, all: &mut Vec<One>, draft: Draft) {
    let index = log.add(draft);
    let leaf = log.entries[index as usize].leaf.clone();
    all.push(One { leaf, encoded: None, frame: None, withheld: Withheld::default() });
}

/// A log of one run: a session with `calls` calls, a heartbeat, the first call's key destroyed, an orderly stop.
pub(crate) fn pack(calls: u8) -> Pack {
    let (mut log, mut all, ep) = (Log::default(), Vec::new(), epochs());
    let vkey = signer().verifier().to_text();
    own(&mut log, &mut all, Draft::genesis(T0, RUN, ep, &vkey, "de", "configured"));
    own(&mut log, &mut all, Draft::gateway_start(T0, RUN, ep, 60, "0.1.0"));
    own(&mut log, &mut all, Draft::session_open(T0, session(1), ep));
    for i in 0..calls {
        let t = T0 + u64::from(i);
        let decision = Draft::new(LeafType::CallDecision, t, session(1), ep);
        let of = message(&mut log, &mut all, decision, "tools/call", 2 * i);
        let outcome = Draft { of: Some(of), ..Draft::new(LeafType::CallOutcome, t, session(1), ep) };
        message(&mut log, &mut all, outcome, "result", 2 * i + 1);
    }
    own(&mut log, &mut all, Draft::heartbeat(T0 + 60, RUN, ep, 60));
    own(&mut log, &mut all, Draft::session_close(T0 + 61, session(1), ep, Some(calls.into()), "idle"));
    let mut destroy = Draft::new(LeafType::KeyDestroy, T0 + 62, RUN, ep).text("why", "retention");
    destroy.kr = vec!["key9".to_owned()];
    own(&mut log, &mut all, destroy);
    own(&mut log, &mut all, Draft::gateway_stop(T0 + 63, RUN, ep, "asked"));
    let state = STATES.iter().map(|(k, b)| (k.file(&Sha256::digest(b).into()), b.to_vec())).collect();
    let signed = log.entries.iter().map(|e| e.leaf.clone()).collect();
    Pack { records: all, from: 0, signed, state }
}

impl Pack {
    /// Begins the package later.
    pub(crate) fn starting(mut self, from: u64) -> Pack {
        self.records.drain(..from as usize);
        self.from = from;
        self
    }

    /// Rebuilds what is signed from the records: what one does who holds the key.
    pub(crate) fn rebuilt(mut self) -> Pack {
        self.signed.truncate(self.from as usize);
        self.signed.extend(self.records.iter().map(|r| r.leaf.clone()));
        self
    }

    fn streams(&self, out: &mut Map) {
        let (mut leaves, mut d, mut f, mut w) = (vec![], vec![], vec![], vec![]);
        for (i, one) in (self.from..).zip(&self.records) {
            lines::leaf(&mut leaves, i, &leaf_hash(&one.leaf), &one.leaf);
            if let Some(encoded) = &one.encoded {
                lines::disclosures(&mut d, i, encoded.iter().map(Vec::as_slice));
            }
            if let Some(frame) = &one.frame {
                lines::frame(&mut f, i, frame);
            }
            lines::withheld(&mut w, i, &one.withheld);
        }
        for (name, bytes) in [(LEAVES, leaves), (DISCLOSURES, d), (FRAMES, f), (WITHHELD, w)] {
            out.0.insert(name.to_owned(), bytes);
        }
    }

    /// The files, signed and whole.
    pub(crate) fn files(&self) -> Map {
        let mut out = Map(self.state.clone());
        self.streams(&mut out);
        let (mut tree, mut start) = (crate::tree::Tree::new(), Frontier::new());
        for (i, leaf) in self.signed.iter().enumerate() {
            if (i as u64) < self.from {
                start.push(leaf_hash(leaf));
            }
            tree.push(leaf);
        }
        let to = tree.size();
        let tiles: BTreeMap<String, Vec<u8>> = tree.flush().into_iter().map(|f| (f.path, f.bytes)).collect();
        let mut read = |level, n| hash_from_tiles(level, n, to, &mut |p| tiles.get(p).cloned());
        let proof = consistency(self.from, to, &mut read).unwrap();
        let note = |size, root| Checkpoint::new(ORIGIN, size, root).sign(&signer()).unwrap().to_text();
        let mut put = |name: &str, text: String| out.0.insert(name.to_owned(), text.into_bytes());
        if self.from > 0 {
            put(START, note(self.from, start.root()));
        }
        put(END, note(to, tree.root()));
        put(FRONTIER, lines::frontier(&start));
        put(CONSISTENCY, lines::consistency(self.from, to, &proof));
        put(VKEY, format!("{}\n", signer().verifier().to_text()));
        produce(&mut out, self.from, to);
        out
    }
}

/// Computes what is computed from the streams, and signs.
pub(crate) fn produce(out: &mut Map, from: u64, to: u64) {
    produce_with(out, from, to, Vec::new());
}

/// As [`produce`], with exports.
pub(crate) fn produce_with(out: &mut Map, from: u64, to: u64, exports: Vec<String>) {
    produce_by(out, from, to, current(&exports));
}

/// As [`produce`], by these producers.
pub(crate) fn produce_by(out: &mut Map, from: u64, to: u64, producers: BTreeMap<String, u64>) {
    out.0.retain(|name, _| {
        !name.starts_with("reports/")
            && !name.starts_with("exports/")
            && name != "index.html"
            && name != "VERIFY.md"
    });
    let mut facts = Facts {
        origin: ORIGIN.to_owned(),
        key: signer().verifier().to_text(),
        from,
        to,
        asked: Asked { from: Some(T0), to: None, filters: [("server".to_owned(), "crm".to_owned())].into() },
        counts: BTreeMap::new(),
        producers,
    };
    let streams = out.clone();
    match assemble::produce(&streams, &facts, out, &mut |_| {}) {
        Ok(counts) => facts.counts = counts,
        Err(_) => facts.counts = [("leaves".to_owned(), 0)].into(),
    }
    resign(out, facts);
}

/// A manifest over the files as they are.
pub(crate) fn resign(out: &mut Map, facts: Facts) {
    out.0.retain(|name, _| name != MANIFEST && name != ENVELOPE);
    let subjects = out.0.iter().map(|(n, b)| (n.clone(), Sha256::digest(b).into())).collect();
    let json = Manifest { facts, subjects }.to_json();
    out.0.insert(ENVELOPE.to_owned(), sign(json.as_bytes(), &signer()).into_bytes());
    out.0.insert(MANIFEST.to_owned(), json.into_bytes());
}

/// The facts that a package states.
pub(crate) fn facts(files: &Map) -> Facts {
    Manifest::parse(&files.0[MANIFEST]).unwrap().facts
}

/// The archive of a package.
pub(crate) fn zip(files: &Map) -> Vec<u8> {
    let (mut out, mut entries) = (Vec::new(), Vec::new());
    for (name, bytes) in &files.0 {
        let entry = archive::Entry {
            name: name.clone(),
            size: bytes.len() as u64,
            crc: crc32fast::hash(bytes),
            at: out.len() as u64,
        };
        out.extend(archive::local(&entry));
        out.extend_from_slice(bytes);
        entries.push(entry);
    }
    let at = out.len() as u64;
    out.extend(archive::directory(&entries, at));
    out
}

/// An archive as files.
pub(crate) struct Zipped(pub(crate) Vec<u8>, pub(crate) Vec<archive::Entry>);

impl Zipped {
    pub(crate) fn open(bytes: Vec<u8>) -> Result<Zipped, archive::ArchiveError> {
        let entries = archive::read(&bytes)?;
        Ok(Zipped(bytes, entries))
    }
}

impl Files for Zipped {
    fn names(&self) -> Result<Vec<String>, SourceError> {
        Ok(self.1.iter().map(|e| e.name.clone()).collect())
    }
    fn open<'s>(&'s self, name: &str) -> Result<Option<Box<dyn BufRead + 's>>, SourceError> {
        let Some(entry) = self.1.iter().find(|e| e.name == name) else { return Ok(None) };
        let from = entry.at as usize + archive::local(entry).len();
        Ok(Some(Box::new(&self.0[from..from + entry.size as usize])))
    }
    fn crc(&self, name: &str) -> Option<u32> {
        self.1.iter().find(|e| e.name == name).map(|e| e.crc)
    }
}

pub(crate) fn report(files: &dyn Files, last: Option<&[u8]>, judge: Option<&mut dyn Judge>) -> Report {
    let signer = signer();
    let key: &Verifier = signer.verifier();
    verify(files, &Options { key: Some(key), last_checkpoint: last, ..Options::default() }, judge).unwrap()
}

/// The names of what a report found.
pub(crate) fn faults(files: &dyn Files) -> Vec<&'static str> {
    report(files, None, None).faults().into_iter().map(Fault::as_str).collect()
}

/// One slot kept back.
pub(crate) fn keep_back(one: &mut One, why: Why) {
    one.encoded = None;
    one.frame = None;
    one.withheld = Withheld { d: Some(why), f: Some(why), names: vec![] };
}
