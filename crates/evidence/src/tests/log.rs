//! A writer of logs in memory, as small as one can be, and a log as a map of files.

use std::collections::{BTreeMap, HashMap};

use sha2::{Digest as _, Sha256};

use crate::checkpoint::Checkpoint;
use crate::leaf::{BlobRef, Draft, Epochs, LeafType};
use crate::note::Signer;
use crate::segment;
use crate::tree::{Hash, Tree, leaf_hash};
use crate::verify::{LogSource, SourceError};

pub(crate) const ORIGIN: &str = "gw.example/acme/eu-central-1/1";
pub(crate) const T0: u64 = 1_790_000_000;
pub(crate) const RUN: [u8; 16] = [0xee; 16];

#[derive(Clone, Default)]
pub(crate) struct Files(pub(crate) BTreeMap<String, Vec<u8>>);

impl LogSource for Files {
    fn file(&self, path: &str) -> Result<Option<Vec<u8>>, SourceError> {
        Ok(self.0.get(path).cloned())
    }

    fn segments(&self) -> Result<Vec<String>, SourceError> {
        Ok(self.0.keys().filter_map(|k| k.strip_prefix("segments/")).map(str::to_owned).collect())
    }
}

pub(crate) fn signer() -> Signer {
    Signer::new(ORIGIN, &[42; 32]).unwrap()
}

#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) leaf: Vec<u8>,
    pub(crate) blobs: Vec<Vec<u8>>,
}

/// Assigns indexes, counters and links, as the store does.
#[derive(Clone, Default)]
pub(crate) struct Log {
    pub(crate) entries: Vec<Entry>,
    sessions: HashMap<[u8; 16], (u64, Hash)>,
}

impl Log {
    pub(crate) fn add(&mut self, draft: Draft) -> u64 {
        self.add_with(draft, vec![])
    }

    pub(crate) fn add_with(&mut self, draft: Draft, blobs: Vec<Vec<u8>>) -> u64 {
        let last = self.sessions.get(&draft.gs).copied();
        let n = last.map_or(0, |(n, _)| n + 1);
        let leaf = draft.finish(n, last.as_ref().map(|(_, hash)| hash)).unwrap();
        self.sessions.insert(draft.gs, (n, leaf_hash(&leaf)));
        self.entries.push(Entry { leaf, blobs });
        self.entries.len() as u64 - 1
    }

    /// The files, two segments, three entries a commit group, the checkpoint over the first `size` leaves.
    pub(crate) fn files(&self, size: u64) -> Files {
        let mut out = BTreeMap::new();
        let half = self.entries.len() / 2;
        for (first, part) in [(0, &self.entries[..half]), (half, &self.entries[half..])] {
            let mut bytes = segment::header(first as u64).to_vec();
            for (i, entry) in part.iter().enumerate() {
                let hashes: Vec<Hash> = entry.blobs.iter().map(|b| Sha256::digest(b).into()).collect();
                let blobs: Vec<_> = hashes.iter().zip(&entry.blobs).map(|(h, b)| (h, b.as_slice())).collect();
                let hash = leaf_hash(&entry.leaf);
                segment::encode(&mut bytes, (first + i) as u64, (i % 3) as u32, &entry.leaf, &hash, &blobs);
            }
            bytes.resize(bytes.len() + 500, 0);
            out.insert(format!("segments/{first:020}.seg"), bytes);
        }
        let mut tree = Tree::new();
        for entry in self.entries.iter().take(size as usize) {
            tree.push(&entry.leaf);
        }
        out.extend(tree.flush().into_iter().map(|f| (f.path, f.bytes)));
        let note = Checkpoint::new(ORIGIN, size, tree.root()).sign(&signer()).unwrap();
        out.insert("checkpoint".into(), note.to_text().into_bytes());
        out.insert("vkey".into(), signer().verifier().to_text().into_bytes());
        Files(out)
    }
}

pub(crate) fn epochs() -> Epochs {
    Epochs { policy: [1; 32], configuration: [2; 32], build: [3; 32], jurisdiction: [4; 32] }
}

pub(crate) fn session(i: u8) -> [u8; 16] {
    [i; 16]
}

/// A decision with a blob; `at` is its time.
pub(crate) fn decision(gs: [u8; 16], at: u64) -> (Draft, Vec<Vec<u8>>) {
    let blob = format!("sealed {at} of {}", gs[0]).into_bytes();
    let mut draft = Draft::new(LeafType::CallDecision, at, gs, epochs());
    draft.sd = vec![[1; 32], [2; 32], [3; 32], [4; 32]];
    draft.bl = vec![BlobRef { h: Sha256::digest(&blob).into(), k: "key/slot/d".into() }];
    (draft, vec![blob])
}

pub(crate) fn outcome(gs: [u8; 16], at: u64, of: u64) -> Draft {
    Draft { of: Some(of), ..Draft::new(LeafType::CallOutcome, at, gs, epochs()) }
}

/// A log of one run: two sessions, 140 calls, a notification, a call that became an orphan, an orderly stop.
pub(crate) fn sample() -> Log {
    let mut log = Log::default();
    let vkey = signer().verifier().to_text();
    log.add(Draft::genesis(T0, RUN, epochs(), &vkey, "eu-central-1", "configured"));
    log.add(Draft::gateway_start(T0, RUN, epochs(), 60, "0.1.0"));
    log.add(Draft::session_open(T0, session(1), epochs()));
    log.add(Draft::session_open(T0, session(2), epochs()));
    for i in 0..140 {
        let (gs, at) = (session(1 + (i % 2) as u8), T0 + 2 * i);
        let (draft, blobs) = decision(gs, at);
        let of = log.add_with(draft, blobs);
        if i == 139 {
            log.add(Draft::orphan(at, gs, epochs(), of, "disconnected"));
        } else {
            log.add(outcome(gs, at, of));
        }
        if i % 30 == 29 {
            log.add(Draft::heartbeat(at, RUN, epochs(), 60));
        }
    }
    let (draft, blobs) = decision(session(1), T0 + 281);
    log.add_with(Draft { ow: true, ..draft }, blobs);
    log.add(Draft::session_close(T0 + 282, session(1), epochs(), Some(71), "idle"));
    log.add(Draft::session_close(T0 + 282, session(2), epochs(), Some(70), "idle"));
    log.add(Draft::gateway_stop(T0 + 283, RUN, epochs(), "asked"));
    log
}
