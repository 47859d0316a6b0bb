//! Pruning: what goes is gone, what stays verifies and goes on, whatever fails at whatever point.

use carnet_evidence::LeafType;

use super::*;
use crate::disk::fault::{FAULTS, Fault, FaultDisk};
use crate::log::{candidate, minimum, prune};

const LATER: u64 = 1_800_000_001;

fn shared(disk: &FaultDisk) -> Arc<dyn Disk> {
    Arc::new(disk.clone())
}

/// Sessions that stay open over the place where the log is cut, one call that waits, many that are answered.
fn fill(log: &mut Stepped, acknowledged: &mut Vec<Receipt>, calls: u8) -> Result<(), StoreError> {
    for gs in 0..calls {
        let gs = 3 + gs % 5;
        let decision = log.one(draft(LeafType::CallDecision, gs))?;
        acknowledged.push(decision);
        acknowledged.push(log.one(outcome(gs, decision.index))?);
    }
    log.publish()
}

/// One round of what a gateway does by itself.
fn round(log: &mut Stepped, acknowledged: &mut Vec<Receipt>) -> Result<Option<u64>, StoreError> {
    let disk = shared(&log.disk);
    let Some(to) = candidate(&disk, LATER, u64::MAX)? else { return Ok(None) };
    let leaf =
        Draft { t: LATER, ..draft(LeafType::RetentionPrune, 0) }.text("why", "retention").int("to", to);
    acknowledged.push(log.one(leaf)?);
    prune(&disk, &log.keys.signer(ORIGIN)?, to)?;
    Ok(Some(to))
}

fn life(disk: &FaultDisk, acknowledged: &mut Vec<Receipt>) -> Result<(), StoreError> {
    let mut log = Stepped::open(disk)?;
    acknowledged.push(log.one(genesis(&log.vkey()))?);
    acknowledged.push(log.one(draft(LeafType::CallDecision, 9))?);
    fill(&mut log, acknowledged, 12)?;
    round(&mut log, acknowledged)?;
    log.publish()?;
    fill(&mut log, acknowledged, 12)?;
    drop(log);
    let mut log = Stepped::open(disk)?;
    acknowledged.push(log.one(outcome(9, 1))?);
    round(&mut log, acknowledged)?;
    log.publish()
}

/// After a start: verified, all that was answered and not pruned is there, nothing of what was pruned is.
fn check(disk: &FaultDisk, acknowledged: &[Receipt]) {
    let mut log = Stepped::open(disk).unwrap();
    let least = minimum(&log.disk).unwrap();
    let left: Vec<Receipt> = acknowledged.iter().filter(|r| r.index >= least).copied().collect();
    settle_and_check(&mut log, &left);
    let firsts = list_segments(&log.disk).unwrap();
    assert!(firsts.iter().all(|first| *first >= least), "{firsts:?} before {least}");
    // It goes on, and can be pruned again.
    let mut more = Vec::new();
    fill(&mut log, &mut more, 6).unwrap();
    round(&mut log, &mut more).unwrap();
    log.publish().unwrap();
    let again = minimum(&log.disk).unwrap();
    assert!(again >= least);
    more.retain(|r| r.index >= again);
    log.recovered.orphans.clear();
    settle_and_check(&mut log, &more);
}

#[test]
fn what_remains_of_a_pruned_log_verifies_and_goes_on() {
    let (disk, mut acknowledged) = (FaultDisk::new(), Vec::new());
    life(&disk, &mut acknowledged).unwrap();
    assert!(minimum(&disk).unwrap() > 20, "{}", minimum(&disk).unwrap());
    check(&disk, &acknowledged);
    // Also without the short cut.
    let disk2 = disk.after_kill();
    disk2.remove("log/state").unwrap();
    check(&disk2, &acknowledged);
}

#[test]
fn every_io_point_of_a_pruning_with_every_fault() {
    let disk = FaultDisk::new();
    life(&disk, &mut Vec::new()).unwrap();
    let all = disk.operations();
    for at in 0..all {
        for (n, fault) in (0u64..).zip(FAULTS) {
            let disk = FaultDisk::new();
            disk.plan(at, fault);
            let mut acknowledged = Vec::new();
            let result = life(&disk, &mut acknowledged);
            if matches!(fault, Fault::CrashBefore | Fault::CrashAfter) && disk.fired() {
                assert!(disk.crashed() && result.is_err(), "{at} {fault:?}");
            }
            // Each point by one of the two, all points by both over the faults.
            let after = if (at + n) % 2 == 0 { disk.after_power_loss(at) } else { disk.after_kill() };
            check(&after, &acknowledged);
        }
    }
}

#[test]
fn what_is_younger_or_held_stays() {
    let disk = FaultDisk::new();
    let mut log = Stepped::open(&disk).unwrap();
    log.one(genesis(&log.vkey())).unwrap();
    fill(&mut log, &mut Vec::new(), 12).unwrap();
    let disk = shared(&log.disk);
    assert_eq!(candidate(&disk, LATER - 1, u64::MAX).unwrap(), None, "not older");
    assert_eq!(candidate(&disk, LATER, 0).unwrap(), None, "held");
    let to = candidate(&disk, LATER, u64::MAX).unwrap().unwrap();
    assert!(candidate(&disk, LATER, to - 1).unwrap().is_none_or(|less| less < to));
    assert_eq!(candidate(&disk, LATER, to).unwrap(), Some(to));
}

#[test]
fn a_log_that_lost_its_beginning_without_a_record_does_not_verify() {
    let (disk, mut acknowledged) = (FaultDisk::new(), Vec::new());
    let mut log = Stepped::open(&disk).unwrap();
    acknowledged.push(log.one(genesis(&log.vkey())).unwrap());
    fill(&mut log, &mut acknowledged, 12).unwrap();
    let to = candidate(&shared(&disk), LATER, u64::MAX).unwrap().unwrap();
    // The operator cuts without saying so in the log.
    prune(&shared(&disk), &log.keys.signer(ORIGIN).unwrap(), to).unwrap();
    let report = verify(&Source(disk.clone()), &Options::default()).unwrap();
    assert_eq!(report.faults(), [carnet_evidence::verify::Fault::PruneUnrecorded]);
    // A beginning that is gone without a note is a missing segment.
    disk.remove("log/pruned").unwrap();
    let report = verify(&Source(disk), &Options::default()).unwrap();
    assert!(report.faults().contains(&carnet_evidence::verify::Fault::SegmentMissing));
}

#[test]
fn checkpoints_of_before_are_still_proven() {
    let (disk, mut acknowledged) = (FaultDisk::new(), Vec::new());
    let mut log = Stepped::open(&disk).unwrap();
    acknowledged.push(log.one(genesis(&log.vkey())).unwrap());
    fill(&mut log, &mut acknowledged, 3).unwrap();
    let early = read_file(&disk, "log/checkpoint").unwrap().unwrap();
    fill(&mut log, &mut acknowledged, 12).unwrap();
    round(&mut log, &mut acknowledged).unwrap();
    log.publish().unwrap();
    assert!(minimum(&disk).unwrap() > 7);
    let check = |bytes: &[u8]| {
        let book = [bytes.to_vec()];
        let trust = carnet_evidence::verify::Trust { book: &book, ..Default::default() };
        let options = Options { trust, ..Options::new(None, Some(bytes)) };
        verify(&Source(disk.clone()), &options).unwrap()
    };
    assert!(check(&early).holds(), "{}", check(&early).to_text());
    let signer = log.keys.signer(ORIGIN).unwrap();
    let other = carnet_evidence::checkpoint::Checkpoint::new(ORIGIN, 7, [1; 32]).sign(&signer).unwrap();
    let found = check(other.to_text().as_bytes()).faults();
    assert_eq!(found, [carnet_evidence::verify::Fault::Forked]);
}
