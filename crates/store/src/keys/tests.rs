//! Keys on a disk that fails: what is destroyed stays destroyed, another KEK rewrites one file, old backups are refused.

use carnet_evidence::seal::{Slot, SlotKey};

use super::*;
use crate::disk::fault::{FAULTS, FaultDisk};

const DAY: u64 = 86_400;
const NOW: u64 = 1_800_000_000;

fn kek(n: u8) -> LocalKek {
    LocalKek::new(&[n; 32]).unwrap()
}

fn open(disk: &FaultDisk, n: u8) -> Result<Keys, StoreError> {
    Keys::open_with(Arc::new(disk.clone()), &kek(n))
}

/// As the writer of the log does it.
fn store(disk: &FaultDisk, keys: &Keys, new: &[NewKey]) {
    let mut slots = Slots::open(Arc::new(disk.clone()), keys.gone()).unwrap();
    let mut bytes: Vec<u8> = new.iter().flat_map(slot).collect();
    slots.append(&mut bytes).unwrap();
    keys.settled(new);
}

/// A key of a person, stored.
fn person(disk: &FaultDisk, keys: &Keys, label: u8) -> [u8; 16] {
    let (key, new) = keys.of(KeyKind::Subject, [label; 16]).unwrap();
    store(disk, keys, &new.into_iter().collect::<Vec<_>>());
    key.id()
}

fn clear(keys: &Keys, id: &[u8; 16]) -> Option<Vec<u8>> {
    let key = keys.key(id).unwrap()?;
    // Two keys are the same when one opens what the other sealed.
    let blob = SlotKey::of(&[&key]).seal("o", [1; 16], Slot::Frames, vec![7]).unwrap();
    Some(blob.bytes)
}

#[test]
fn a_person_has_one_key_until_it_is_destroyed_and_then_another() {
    let disk = FaultDisk::new();
    let keys = open(&disk, 1).unwrap();
    let (first, new) = keys.of(KeyKind::Subject, [5; 16]).unwrap();
    // Not durable yet: whoever uses it brings it along.
    let (again, also) = keys.of(KeyKind::Subject, [5; 16]).unwrap();
    assert_eq!((again.id(), &also), (first.id(), &new));
    assert_eq!(keys.labelled(KeyKind::Subject, &[5; 16]).unwrap(), None);
    store(&disk, &keys, &[new.unwrap(), also.unwrap()]);
    assert_eq!(keys.labelled(KeyKind::Subject, &[5; 16]).unwrap(), Some(first.id()));
    assert_eq!(keys.labelled(KeyKind::Actor, &[5; 16]).unwrap(), None);
    let (same, none) = keys.of(KeyKind::Subject, [5; 16]).unwrap();
    assert_eq!((same.id(), none), (first.id(), None));
    // Both slots of it go.
    assert_eq!(keys.destroy(&[first.id()]).unwrap(), 1);
    for keys in [keys, open(&disk, 1).unwrap()] {
        assert_eq!(keys.state(&first.id()).unwrap(), KeyState::Destroyed);
        assert!(keys.key(&first.id()).unwrap().is_none());
        assert_eq!(keys.labelled(KeyKind::Subject, &[5; 16]).unwrap(), None);
        assert_ne!(keys.of(KeyKind::Subject, [5; 16]).unwrap().0.id(), first.id());
    }
    let bytes = read_file(&disk, "keys/data").unwrap().unwrap();
    assert!(!bytes.windows(16).any(|w| w == [5; 16]), "the blind index is gone too");
}

#[test]
fn a_destroyed_key_is_not_appended_again_by_a_record_on_its_way() {
    let disk = FaultDisk::new();
    let keys = open(&disk, 1).unwrap();
    let (key, new) = keys.of(KeyKind::Subject, [5; 16]).unwrap();
    let new = new.unwrap();
    store(&disk, &keys, std::slice::from_ref(&new));
    keys.destroy(&[key.id()]).unwrap();
    store(&disk, &keys, std::slice::from_ref(&new));
    let keys = open(&disk, 1).unwrap();
    assert_eq!(keys.state(&key.id()).unwrap(), KeyState::Destroyed);
    assert!(keys.key(&key.id()).unwrap().is_none());
}

#[test]
fn another_process_that_destroys_is_noticed() {
    let disk = FaultDisk::new();
    let (ours, theirs) = (open(&disk, 1).unwrap(), open(&disk, 1).unwrap());
    let id = person(&disk, &ours, 5);
    assert!(theirs.labelled(KeyKind::Subject, &[5; 16]).unwrap().is_some());
    theirs.destroy(&[id]).unwrap();
    assert!(open(&disk, 1).unwrap().key(&id).unwrap().is_none());
}

#[test]
fn another_kek_rewrites_one_file() {
    let disk = FaultDisk::new();
    let keys = open(&disk, 1).unwrap();
    let id = person(&disk, &keys, 5);
    let before = clear(&keys, &id);
    let files = |disk: &FaultDisk| {
        ["log.key", "mac.key", "data"].map(|f| read_file(disk, &format!("keys/{f}")).unwrap())
    };
    let others = files(&disk);
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    assert!(rotate(&shared, Some(&kek(9)), &kek(2)).is_err());
    rotate(&shared, Some(&kek(1)), &kek(2)).unwrap();
    assert_eq!(files(&disk), others);
    assert_eq!(clear(&open(&disk, 2).unwrap(), &id), before);
    let wrong = open(&disk, 1).map(|_| ()).unwrap_err();
    assert_eq!(wrong, StoreError::Key("the key of the cell is wrapped by another KEK (evidence.kek)"));
    // The gateway that runs meanwhile is not disturbed.
    assert_eq!(clear(&keys, &id), before);
}

#[test]
fn from_the_kek_beside_the_log_to_a_named_one() {
    let disk = FaultDisk::new();
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let keys = Keys::open(shared.clone(), None).unwrap();
    let id = person(&disk, &keys, 5);
    rotate(&shared, None, &kek(2)).unwrap();
    assert_eq!(read_file(&disk, "keys/kek").unwrap(), None);
    assert_eq!(clear(&open(&disk, 2).unwrap(), &id), clear(&keys, &id));
    // Without a name no other is made beside it.
    assert!(Keys::open(shared, None).is_err());
    assert_eq!(read_file(&disk, "keys/kek").unwrap(), None);
}

#[test]
fn a_backup_is_restored_within_its_horizon_and_not_after() {
    let disk = FaultDisk::new();
    let keys = open(&disk, 1).unwrap();
    let id = person(&disk, &keys, 5);
    let backup = write_backup(&disk, &keys, NOW, 30 * DAY).unwrap();
    let later = person(&disk, &keys, 6);
    keys.destroy(&[id]).unwrap();
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let read = read_backup(&backup).unwrap();
    assert_eq!((read.taken, read.horizon), (NOW, 30 * DAY));
    let refused = restore(&shared, &read, &kek(1), NOW + 30 * DAY + 1).unwrap_err();
    assert_eq!(refused, StoreError::Key("the backup is past its horizon: it may hold keys that were erased"));
    assert_eq!(open(&disk, 1).unwrap().state(&id).unwrap(), KeyState::Destroyed);
    // Under another KEK than it was taken with, it says nothing.
    assert!(restore(&shared, &read, &kek(2), NOW).is_err());
    restore(&shared, &read, &kek(1), NOW + 30 * DAY).unwrap();
    let keys = open(&disk, 1).unwrap();
    assert_eq!(keys.stamped().unwrap(), Some(NOW));
    // Why the log must have the last word: the key is back, until the start destroys it again.
    assert_eq!(keys.state(&id).unwrap(), KeyState::There);
    assert_eq!(keys.state(&later).unwrap(), KeyState::Unknown);
    assert_eq!(keys.destroy(&[id]).unwrap(), 1);
}

#[test]
fn a_backup_that_was_touched_is_refused() {
    let disk = FaultDisk::new();
    let keys = open(&disk, 1).unwrap();
    person(&disk, &keys, 5);
    let backup = write_backup(&disk, &keys, NOW, DAY).unwrap();
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    // A later time or a longer horizon would make it live longer.
    for at in [8, 16, 28, 60, backup.len() - 40, backup.len() - 1] {
        let mut touched = backup.clone();
        touched[at] ^= 1;
        let done = read_backup(&touched).and_then(|b| restore(&shared, &b, &kek(1), NOW));
        assert!(done.is_err(), "byte {at}");
    }
    for len in 0..backup.len() {
        if let Ok(cut) = read_backup(&backup[..len]) {
            assert!(restore(&shared, &cut, &kek(1), NOW).is_err(), "length {len}");
        }
    }
}

#[test]
fn a_stamp_of_another_store_is_none() {
    let disk = FaultDisk::new();
    let keys = open(&disk, 1).unwrap();
    assert_eq!(keys.stamped().unwrap(), None);
    keys.stamp(NOW).unwrap();
    assert_eq!(keys.stamped().unwrap(), Some(NOW));
    let mut bytes = read_file(&disk, STAMP).unwrap().unwrap();
    bytes[0] ^= 1;
    replace(&disk, &[(STAMP.to_owned(), &bytes)]).unwrap();
    assert!(keys.stamped().is_err());
}

/// Every I/O point of destroying, stamping and putting under another KEK, with every fault: afterwards the store opens under
/// the old or the new KEK, what was not destroyed is there, and destroying again finishes it.
#[test]
fn every_io_point_with_every_fault() {
    let life = |disk: &FaultDisk, keys: &Keys, gone: [u8; 16]| {
        let shared: Arc<dyn Disk> = Arc::new(disk.clone());
        keys.destroy(&[gone])?;
        keys.stamp(NOW)?;
        rotate(&shared, Some(&kek(1)), &kek(2))
    };
    for fault in FAULTS {
        for at in 0..1000 {
            let disk = FaultDisk::new();
            let keys = open(&disk, 1).unwrap();
            let (gone, stays) = (person(&disk, &keys, 5), person(&disk, &keys, 6));
            let kept = clear(&keys, &stays);
            disk.plan(at, fault);
            let done = life(&disk, &keys, gone);
            if !disk.fired() {
                assert!(at > 10 && done.is_ok());
                break;
            }
            for disk in [disk.after_power_loss(at), disk.after_power_loss(at + 977), disk.after_kill()] {
                let opened = [2, 1].into_iter().find_map(|n| Some((n, open(&disk, n).ok()?)));
                let (n, keys) = opened.unwrap_or_else(|| panic!("{fault:?} at {at}"));
                assert!(done.is_err() || n == 2, "{fault:?} at {at}");
                assert_eq!(clear(&keys, &stays), kept, "{fault:?} at {at}");
                keys.destroy(&[gone]).unwrap();
                let keys = open(&disk.after_power_loss(at), n).unwrap();
                assert_eq!(keys.state(&gone).unwrap(), KeyState::Destroyed, "{fault:?} at {at}");
                let bytes = read_file(&disk, "keys/data").unwrap().unwrap();
                let slot = bytes.as_chunks::<96>().0.iter().find(|s| s[1..17] == gone).unwrap();
                assert!(slot[18..].iter().all(|b| *b == 0), "{fault:?} at {at}");
            }
        }
    }
}
