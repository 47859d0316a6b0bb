//! The log against a disk that fails: whatever happens, what was answered is there, once, in order, and verifies.

mod faults;
mod life;
mod model;
mod prune;
mod sequence;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use carnet_evidence::verify::{LogSource, Options, SourceError, verify};
use carnet_evidence::{Draft, Epochs, Hash, LeafType};
use tokio::sync::oneshot;

use super::*;
use crate::disk::fault::FaultDisk;

pub(super) const ORIGIN: &str = "gateway.example/acme/eu/1";
const KEK: [u8; 32] = [7; 32];

pub(super) fn options() -> LogOptions {
    LogOptions { segment_bytes: 4096, spare: true, ..LogOptions::new(ORIGIN) }
}

/// A log without threads: each step is made by the test.
pub(super) struct Stepped {
    pub(super) disk: FaultDisk,
    writer: Writer,
    publisher: Publisher,
    pub(super) recovered: Recovered,
    keys: Keys,
    spare: Arc<Spare>,
    _lock: Box<dyn Send + Sync>,
}

impl Stepped {
    pub(super) fn open(disk: &FaultDisk) -> Result<Stepped, StoreError> {
        let shared: Arc<dyn Disk> = Arc::new(disk.clone());
        let keys = Keys::open(Arc::clone(&shared), Some(&KEK))?;
        let Parts { writer, publisher, recovered, spare, lock } = start(&shared, &options(), &keys)?;
        Ok(Stepped { disk: disk.clone(), writer, publisher, recovered, keys, spare, _lock: lock })
    }

    /// One batch. Each group of entries is an ask.
    pub(super) fn commit(&mut self, asks: Vec<Vec<Entry>>) -> Vec<Result<Vec<Receipt>, StoreError>> {
        let (mut queue, mut told) = (Vec::new(), Vec::new());
        for entries in asks {
            let (tell, answer) = oneshot::channel();
            queue.push(Ask::Many(entries, tell));
            told.push(answer);
        }
        self.writer.commit(&mut queue, None);
        told.iter_mut().map(|t| t.try_recv().expect("answered")).collect()
    }

    pub(super) fn one(&mut self, draft: Draft) -> Result<Receipt, StoreError> {
        self.commit(vec![vec![Entry::bare(draft)]]).remove(0).map(|r| r[0])
    }

    pub(super) fn publish(&mut self) -> Result<(), StoreError> {
        self.publisher.publish(true)
    }

    /// Lays out the next segment, if there is none.
    pub(super) fn lay_out(&self) -> Result<(), StoreError> {
        self.spare.make(&self.disk, options().segment_bytes, &AtomicBool::new(false))
    }

    pub(super) fn vkey(&self) -> String {
        self.keys.signer(ORIGIN).unwrap().verifier().to_text()
    }

    pub(super) fn session_key(&self) -> carnet_evidence::seal::NewKey {
        use crate::keys::KeyStore as _;
        self.keys.new_session().unwrap().1
    }
}

pub(super) fn draft(ty: LeafType, gs: u8) -> Draft {
    Draft::new(ty, 1_800_000_000, [gs; 16], Epochs::default())
}

pub(super) fn genesis(vkey: &str) -> Draft {
    Draft::genesis(1_800_000_000, [0; 16], Epochs::default(), vkey, "eu", "configured")
}

pub(super) fn outcome(gs: u8, of: u64) -> Draft {
    Draft { of: Some(of), ..draft(LeafType::CallOutcome, gs) }
}

struct Source(FaultDisk);

impl LogSource for Source {
    fn file(&self, path: &str) -> Result<Option<Vec<u8>>, SourceError> {
        Ok(read_file(&self.0, &format!("log/{path}")).unwrap())
    }

    fn segments(&self) -> Result<Vec<String>, SourceError> {
        Ok(self.0.list(SEGMENTS).unwrap())
    }

    fn anchors(&self) -> Result<Vec<String>, SourceError> {
        Ok(self.0.list("log/anchors").unwrap())
    }
}

/// After a start: orphans are answered, the tree is published, the auditor's verification holds, and all that was
/// answered is there, at its place, once.
pub(super) fn settle_and_check(log: &mut Stepped, acknowledged: &[Receipt]) {
    if log.writer.state.size == 0 {
        log.one(genesis(&log.vkey())).unwrap();
    }
    for (of, gs) in log.recovered.orphans.clone() {
        let orphan = Draft::orphan(1_800_000_001, gs, Epochs::default(), of, "crash");
        log.one(orphan).unwrap();
    }
    log.publish().unwrap();
    let report = verify(&Source(log.disk.clone()), &Options::default()).unwrap();
    assert!(report.holds(), "{}", report.to_text());
    let mut hashes: HashMap<u64, (Hash, u64)> = HashMap::new();
    let reader = crate::Reader::new(Arc::new(log.disk.clone()));
    let end = reader
        .read(0, &mut |s| {
            assert!(hashes.insert(s.index, (s.leaf_hash, s.leaf.n)).is_none());
            Ok(true)
        })
        .unwrap();
    assert_eq!(end, log.writer.state.size);
    for receipt in acknowledged {
        assert_eq!(
            hashes.get(&receipt.index),
            Some(&(receipt.leaf_hash, receipt.n)),
            "leaf {}",
            receipt.index
        );
    }
}
