//! The fault table: every I/O point of a small life of the log, every fault, then a start from what is left.

use carnet_evidence::LeafType;

use super::*;
use crate::disk::fault::{FAULTS, Fault, FaultDisk};

/// A small life: two sessions, calls, a new key, an ask of two, rotations, segments laid out, publications, a restart.
fn life(disk: &FaultDisk, acknowledged: &mut Vec<Receipt>) -> Result<(), StoreError> {
    let mut log = Stepped::open(disk)?;
    let vkey = log.vkey();
    acknowledged.push(log.one(genesis(&vkey))?);
    let keys = vec![log.session_key()];
    let open = Entry { draft: draft(LeafType::SessionOpen, 1), blobs: Vec::new(), keys };
    let call = Entry::bare(draft(LeafType::CallDecision, 1));
    acknowledged.extend(log.commit(vec![vec![open, call]]).remove(0)?);
    acknowledged.push(log.one(outcome(1, 2))?);
    log.publish()?;
    for round in 0..3 {
        // Nobody waits for it, so that without one the log goes on.
        if let Err(e) = log.lay_out()
            && disk.crashed()
        {
            return Err(e);
        }
        let batch = [1, 2, 1].map(|gs| vec![Entry::bare(draft(LeafType::CallDecision, gs))]);
        let mut refused = None;
        for answer in log.commit(batch.into()) {
            match answer {
                Ok(receipts) => acknowledged.extend(receipts),
                Err(e) => refused = Some(e),
            }
        }
        if let Some(e) = refused {
            return Err(e);
        }
        if round == 1 {
            log.publish()?;
        }
    }
    log.publish()?;
    drop(log);
    let mut log = Stepped::open(disk)?;
    acknowledged.push(log.one(draft(LeafType::Heartbeat, 0))?);
    log.publish()
}

fn new_disk(sync_each: bool) -> FaultDisk {
    let disk = FaultDisk::new();
    if sync_each {
        disk.sync_each();
    }
    disk
}

fn operations(sync_each: bool) -> u64 {
    let disk = new_disk(sync_each);
    life(&disk, &mut Vec::new()).unwrap();
    disk.operations()
}

#[test]
fn every_io_point_with_every_fault() {
    table(false, 3);
}

#[test]
fn every_io_point_with_every_fault_where_files_are_synced_one_by_one() {
    table(true, 2);
}

fn table(sync_each: bool, losses: u64) {
    let all = operations(sync_each);
    assert!(all > 60, "{all}");
    let mut fired = 0;
    for at in 0..all {
        for fault in FAULTS {
            let disk = new_disk(sync_each);
            disk.plan(at, fault);
            let mut acknowledged = Vec::new();
            let result = life(&disk, &mut acknowledged);
            fired += u64::from(disk.fired());
            if !disk.fired() {
                continue;
            }
            if matches!(fault, Fault::CrashBefore | Fault::CrashAfter) {
                assert!(disk.crashed() && result.is_err(), "{at} {fault:?}");
            }
            let mut after: Vec<FaultDisk> =
                (0..losses).map(|seed| disk.after_power_loss(seed * 977 + at)).collect();
            after.push(disk.after_kill());
            for disk in after {
                let mut log = Stepped::open(&disk).unwrap_or_else(|e| panic!("{at} {fault:?}: {e}"));
                settle_and_check(&mut log, &acknowledged);
                // And a second start, which must find all durable.
                drop(log);
                let disk = disk.after_power_loss(at);
                let mut log = Stepped::open(&disk).unwrap();
                assert_eq!(log.recovered.orphans, Vec::new());
                settle_and_check(&mut log, &acknowledged);
            }
        }
    }
    assert!(fired > all * 4, "{fired} of {all}");
}

/// A fault without a crash: the same process goes on. What was refused is not there, what comes later is.
#[test]
fn invariant_3_a_record_that_cannot_be_made_durable_is_refused() {
    for fault in [Fault::NoSpace, Fault::Short, Fault::Io] {
        for at in 0..12 {
            let disk = FaultDisk::new();
            let mut log = Stepped::open(&disk).unwrap();
            let mut acknowledged = vec![log.one(genesis(&log.vkey())).unwrap()];
            for _ in 0..2 {
                acknowledged.push(log.one(draft(LeafType::SessionOpen, 1)).unwrap());
            }
            disk.plan(at, fault);
            let mut refused = 0;
            for _ in 0..24 {
                match log.one(draft(LeafType::CallDecision, 1)) {
                    Ok(receipt) => acknowledged.push(receipt),
                    Err(StoreError::Io { .. }) => refused += 1,
                    Err(e) => panic!("{e}"),
                }
            }
            assert!(refused <= 2, "{fault:?} at {at}: {refused} refused");
            if fault == Fault::Io && disk.fired() && at < 2 {
                assert_eq!(refused, 1);
            }
            let indices: Vec<u64> = acknowledged.iter().map(|r| r.index).collect();
            assert_eq!(indices, (0..acknowledged.len() as u64).collect::<Vec<_>>());
            for disk in [disk.after_power_loss(at), disk.after_kill()] {
                let mut log = Stepped::open(&disk).unwrap();
                assert_eq!(log.recovered.size, acknowledged.len() as u64, "{fault:?} at {at}");
                settle_and_check(&mut log, &acknowledged);
            }
        }
    }
}

#[test]
fn disk_full_refuses_and_recovers_when_space_returns() {
    let disk = FaultDisk::new();
    let mut log = Stepped::open(&disk).unwrap();
    let mut acknowledged = vec![log.one(genesis(&log.vkey())).unwrap()];
    disk.set_full(true);
    for _ in 0..5 {
        assert!(log.one(draft(LeafType::SessionOpen, 1)).is_err());
    }
    assert!(log.writer.meters.why().is_some());
    assert!(log.publish().is_err());
    disk.set_full(false);
    acknowledged.push(log.one(draft(LeafType::SessionOpen, 1)).unwrap());
    assert_eq!((acknowledged[1].index, acknowledged[1].n), (1, 0));
    assert_eq!(log.writer.meters.why(), None);
    settle_and_check(&mut log, &acknowledged);
}
