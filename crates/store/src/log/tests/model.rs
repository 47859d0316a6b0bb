//! Any order of appends, publications, faults, kills and losses of power: the model is the list of what was answered.

use carnet_evidence::LeafType;
use proptest::prelude::*;

use super::*;
use crate::disk::fault::{FAULTS, FaultDisk};

#[derive(Clone, Debug)]
enum Step {
    /// A batch of decisions, by session.
    Batch(Vec<u8>),
    /// A session ends.
    Close(u8),
    Publish,
    /// The next segment is laid out.
    LayOut,
    Fault(u64, usize),
    Kill,
    PowerLoss(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => prop::collection::vec(1u8..4, 1..6).prop_map(Step::Batch),
        1 => (1u8..4).prop_map(Step::Close),
        2 => Just(Step::Publish),
        2 => Just(Step::LayOut),
        2 => (0u64..20, 0..FAULTS.len()).prop_map(|(at, fault)| Step::Fault(at, fault)),
        1 => Just(Step::Kill),
        1 => any::<u64>().prop_map(Step::PowerLoss),
    ]
}

fn reopen(disk: &FaultDisk, acknowledged: &[Receipt]) -> Stepped {
    let mut log = Stepped::open(disk).unwrap();
    settle_and_check(&mut log, acknowledged);
    log
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn whatever_happens_nothing_answered_is_lost(steps in prop::collection::vec(step(), 1..40)) {
        let mut acknowledged = Vec::new();
        let mut log = reopen(&FaultDisk::new(), &acknowledged);
        for step in steps {
            let asks = match step {
                Step::Batch(sessions) => sessions.iter().map(|gs| draft(LeafType::CallDecision, *gs)).collect(),
                Step::Close(gs) => {
                    let waiting = log.writer.state.waiting.iter().filter(|(_, g)| **g == [gs; 16]);
                    let mut asks: Vec<_> = waiting.map(|(of, _)| outcome(gs, *of)).collect();
                    asks.push(Draft::session_close(1_800_000_000, [gs; 16], Epochs::default(), None, "idle"));
                    asks
                }
                Step::Publish => {
                    let _ = log.publish();
                    Vec::new()
                }
                Step::LayOut => {
                    let _ = log.lay_out();
                    Vec::new()
                }
                Step::Fault(at, fault) => {
                    log.disk.plan(at, FAULTS[fault]);
                    Vec::new()
                }
                Step::Kill => {
                    let disk = log.disk.after_kill();
                    log = reopen(&disk, &acknowledged);
                    Vec::new()
                }
                Step::PowerLoss(seed) => {
                    let disk = log.disk.after_power_loss(seed);
                    log = reopen(&disk, &acknowledged);
                    Vec::new()
                }
            };
            // One ask, so that a session does not close when one of its outcomes was refused.
            if !asks.is_empty() {
                let asks = vec![asks.into_iter().map(Entry::bare).collect()];
                acknowledged.extend(log.commit(asks).into_iter().flatten().flatten());
            }
        }
        let disk = log.disk.after_power_loss(1);
        reopen(&disk, &acknowledged);
    }
}
