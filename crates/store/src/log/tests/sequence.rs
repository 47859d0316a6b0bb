//! Any order of calls, erasures, holds, prunings, faults, kills and losses of power: all proofs hold, those of checkpoints seen
//! before too; what was erased never comes back; what is held stays.

use std::collections::{BTreeMap, BTreeSet};

use carnet_evidence::LeafType;
use carnet_evidence::seal::{DataKey, KeyRef, Slot, SlotKey, key_text};
use carnet_evidence::verify::Trust;
use proptest::prelude::*;

use super::*;
use crate::disk::fault::{FAULTS, FaultDisk};
use crate::keys::{KeyState, KeyStore as _};
use crate::log::{candidate, minimum, prune};

const PEOPLE: u8 = 4;

#[derive(Clone, Debug)]
enum Step {
    /// Calls of a person, each with something sealed.
    Calls(u8, u8),
    Erase(u8),
    Hold(u8),
    Release(u8),
    Prune,
    Publish,
    Fault(u64, usize),
    Kill,
    PowerLoss(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..PEOPLE, 1u8..6).prop_map(|(who, n)| Step::Calls(who, n)),
        2 => (0..PEOPLE).prop_map(Step::Erase),
        1 => (0..PEOPLE).prop_map(Step::Hold),
        1 => (0..PEOPLE).prop_map(Step::Release),
        3 => Just(Step::Prune),
        2 => Just(Step::Publish),
        2 => (0u64..20, 0..FAULTS.len()).prop_map(|(at, fault)| Step::Fault(at, fault)),
        1 => Just(Step::Kill),
        1 => any::<u64>().prop_map(Step::PowerLoss),
    ]
}

/// What somebody outside knows.
#[derive(Default)]
struct Known {
    /// Records that were answered, and whose.
    answered: BTreeMap<u64, (Receipt, u8)>,
    /// Key ids of persons whose erasure was answered.
    erased: BTreeSet<[u8; 16]>,
    /// Checkpoints that were seen.
    book: Vec<Vec<u8>>,
    /// Open holds: whom, and from which record on.
    held: BTreeMap<u8, u64>,
}

struct World {
    log: Stepped,
    /// The key of each person, `None` when there is none yet or it was destroyed.
    keys: BTreeMap<u8, (DataKey, Option<carnet_evidence::seal::NewKey>)>,
    known: Known,
}

impl World {
    /// A start as the gateway makes it: keys that the log says are destroyed are destroyed again.
    fn start(disk: &FaultDisk, known: Known) -> World {
        let mut log = Stepped::open(disk).unwrap();
        let least = minimum(disk).unwrap();
        let left: Vec<Receipt> =
            known.answered.values().map(|(r, _)| *r).filter(|r| r.index >= least).collect();
        settle_and_check(&mut log, &left);
        let mut named = Vec::new();
        crate::Reader::new(Arc::new(disk.clone()))
            .read(0, &mut |stored| {
                if stored.leaf.draft.ty == LeafType::KeyDestroy {
                    named.extend(stored.leaf.draft.kr.iter().filter_map(|k| id_of(k)));
                }
                Ok(true)
            })
            .unwrap();
        named.retain(|id| log.keys.state(id).unwrap() == KeyState::There);
        log.keys.destroy(&named).unwrap();
        let world = World { log, keys: BTreeMap::new(), known };
        world.check();
        world
    }

    fn call(&mut self, who: u8) {
        if !self.keys.contains_key(&who) {
            let Ok((key, new)) = self.log.keys.new_session() else { return };
            self.keys.insert(who, (key, Some(new)));
        }
        let Some((key, new)) = self.keys.get_mut(&who) else { return };
        let mut slot = [0; 16];
        slot[..8].copy_from_slice(&self.log.writer.state.size.to_le_bytes());
        slot[8] = who;
        let sealed = SlotKey::of(&[key]).seal(ORIGIN, slot, Slot::Frames, b"who".to_vec()).unwrap();
        let mut draft = Draft { ow: true, ..draft(LeafType::CallDecision, who + 1) };
        draft.bl = vec![sealed.reference];
        let entry = Entry { draft, blobs: vec![sealed.bytes], keys: new.iter().cloned().collect() };
        if let Some(Ok(receipts)) = self.log.commit(vec![vec![entry]]).pop() {
            *new = None;
            for receipt in receipts {
                self.known.answered.insert(receipt.index, (receipt, who));
            }
        }
    }

    /// The leaf first, then the deed; answered when both are done.
    fn erase(&mut self, who: u8) {
        if self.known.held.contains_key(&who) || self.keys.get(&who).is_none_or(|(_, new)| new.is_some()) {
            return;
        }
        let Some((key, _)) = self.keys.get(&who) else { return };
        let id = key.id();
        let mut leaf = draft(LeafType::KeyDestroy, 0).text("why", "art-17");
        leaf.kr = vec![key_text(&id)];
        let Ok(receipt) = self.log.one(leaf) else { return };
        self.known.answered.insert(receipt.index, (receipt, PEOPLE));
        self.keys.remove(&who);
        if self.log.keys.destroy(&[id]).is_ok() {
            self.known.erased.insert(id);
        }
    }

    fn prune(&mut self) {
        let disk: Arc<dyn Disk> = Arc::new(self.log.disk.clone());
        let keep = self.known.held.values().copied().min().unwrap_or(u64::MAX);
        let Ok(Some(to)) = candidate(&disk, 1_800_000_001, keep) else { return };
        let leaf = draft(LeafType::RetentionPrune, 0).text("why", "retention").int("to", to);
        let Ok(receipt) = self.log.one(leaf) else { return };
        self.known.answered.insert(receipt.index, (receipt, PEOPLE));
        let signer = self.log.keys.signer(ORIGIN).unwrap();
        let _ = prune(&disk, &signer, to);
    }

    fn publish(&mut self) {
        if self.log.publish().is_ok()
            && let Ok(Some(bytes)) = read_file(&self.log.disk, "log/checkpoint")
        {
            self.known.book.push(bytes);
        }
    }

    /// Every checkpoint that was ever seen is of this log; what was erased is; what is held can be read.
    fn check(&self) {
        let trust = Trust { book: &self.known.book, ..Trust::default() };
        let options = Options { trust, ..Options::new(None, None) };
        let report = verify(&Source(self.log.disk.clone()), &options).unwrap();
        assert!(report.holds(), "{}", report.to_text());
        let keys = Keys::open(Arc::new(self.log.disk.clone()), Some(&KEK)).unwrap();
        for id in &self.known.erased {
            assert!(keys.key(id).unwrap().is_none(), "an erased key is back");
        }
        let mut there = BTreeMap::new();
        crate::Reader::new(Arc::new(self.log.disk.clone()))
            .read(0, &mut |stored| {
                for (reference, blob) in stored.leaf.draft.bl.iter().zip(&stored.blobs) {
                    let at = KeyRef::parse(&reference.k).unwrap();
                    let open: Result<_, StoreError> = at.open(ORIGIN, blob.clone(), &mut |id| keys.key(id));
                    let clear = open.unwrap();
                    let erased = at.keys.iter().any(|id| self.known.erased.contains(id));
                    assert!(!(erased && clear.is_some()), "erased data can be read");
                    there.insert(stored.index, clear.is_some());
                }
                Ok(true)
            })
            .unwrap();
        for (who, from) in &self.known.held {
            for (index, (_, whose)) in self.known.answered.range(from..) {
                assert!(*whose != *who || there.get(index) == Some(&true), "held record {index} is gone");
            }
        }
    }

    fn apply(mut self, step: Step) -> World {
        match step {
            Step::Calls(who, n) => (0..n).for_each(|_| self.call(who)),
            Step::Erase(who) => self.erase(who),
            Step::Hold(who) => {
                // From the person's first record that is still there, and not erased: a new key is a new beginning.
                let least = minimum(&self.log.disk).unwrap_or(u64::MAX);
                let ours =
                    self.known.answered.range(least.max(self.since(who))..).filter(|(_, (_, w))| *w == who);
                let first = ours.map(|(index, _)| *index).next();
                if let Some(first) = first {
                    self.known.held.entry(who).or_insert(first);
                }
            }
            Step::Release(who) => drop(self.known.held.remove(&who)),
            Step::Prune => self.prune(),
            Step::Publish => self.publish(),
            Step::Fault(at, fault) => self.log.disk.plan(at, FAULTS[fault]),
            Step::Kill => {
                let disk = self.log.disk.after_kill();
                self = World::start(&disk, self.known);
            }
            Step::PowerLoss(seed) => {
                let disk = self.log.disk.after_power_loss(seed);
                self = World::start(&disk, self.known);
            }
        }
        self
    }

    /// The record after the last `key.destroy`: what is older may be of a key that is gone.
    fn since(&self, _who: u8) -> u64 {
        let ours = self.known.answered.iter().rev().find(|(_, (_, whose))| *whose == PEOPLE);
        ours.map_or(0, |(index, _)| index + 1)
    }
}

fn id_of(text: &str) -> Option<[u8; 16]> {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn proofs_hold_and_what_is_erased_stays_erased(steps in prop::collection::vec(step(), 1..60)) {
        let mut world = World::start(&FaultDisk::new(), Known::default());
        for step in steps {
            world = world.apply(step);
        }
        let disk = world.log.disk.after_power_loss(1);
        World::start(&disk, world.known);
    }
}
