//! The vault over crashes, faults and time.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::sync::Arc;

use zeroize::Zeroizing;

use super::{Erase, Owner, Vault, VaultDeposit};
use crate::disk::{Disk, RealDisk};
use crate::error::StoreError;
use crate::keys::Keys;

const KEK: [u8; 32] = [5; 32];

fn open(disk: &Arc<dyn Disk>, most: usize, now: u64) -> Vault {
    Vault::open(disk.clone(), Keys::open(disk.clone(), Some(&KEK)).unwrap(), most, now).unwrap()
}

fn deposit(n: u8, who: &str, expires: u64) -> VaultDeposit {
    let owner = Owner { about: who.into(), marks: vec![[who.len() as u8; 16]] };
    VaultDeposit {
        id: [n; 16],
        owner: Arc::new(owner),
        expires,
        value: Zeroizing::new(value(n).into_bytes()),
    }
}

fn value(n: u8) -> String {
    format!("alice{n}@example.org")
}

fn read(vault: &Vault, n: u8, now: u64) -> Vec<(String, String)> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let found = vault.find(&[n; 16], now);
    found.iter().map(|k| (text(&k.owner.about), text(&vault.value(k.place).unwrap().unwrap()))).collect()
}

fn temporary() -> (tempfile::TempDir, Arc<dyn Disk>) {
    let dir = tempfile::tempdir().unwrap();
    let disk: Arc<dyn Disk> = Arc::new(RealDisk::new(dir.path()));
    (dir, disk)
}

fn stored(dir: &tempfile::TempDir) -> Vec<u8> {
    let mut all = Vec::new();
    for file in std::fs::read_dir(dir.path().join("vault")).unwrap() {
        all.extend(std::fs::read(file.unwrap().path()).unwrap());
    }
    all
}

#[tokio::test]
async fn what_was_deposited_is_there_after_a_restart_and_nowhere_in_clear() {
    let (dir, disk) = temporary();
    let vault = open(&disk, 10, 100);
    vault.deposit(vec![deposit(1, "ada", 200), deposit(2, "ada", 200)], 100).await.unwrap();
    vault.deposit(vec![deposit(1, "grace", 200)], 100).await.unwrap();
    drop(vault);
    let bytes = stored(&dir);
    for clear in [b"alice1".as_slice(), b"ada", b"grace"] {
        assert!(!bytes.windows(clear.len()).any(|w| w == clear));
    }
    let vault = open(&disk, 10, 150);
    let both = [("ada".to_owned(), value(1)), ("grace".to_owned(), value(1))];
    assert_eq!(read(&vault, 1, 150), both);
    assert_eq!((vault.len(), read(&vault, 2, 199).len(), read(&vault, 2, 200).len()), (3, 1, 0));
    assert!(read(&vault, 3, 150).is_empty());
}

#[tokio::test]
async fn what_is_kept_already_is_not_written_again() {
    let (dir, disk) = temporary();
    let vault = open(&disk, 2, 0);
    vault.deposit(vec![deposit(1, "ada", 100)], 0).await.unwrap();
    let before = stored(&dir).len();
    vault.deposit(vec![deposit(1, "ada", 140)], 40).await.unwrap();
    assert_eq!(stored(&dir).len(), before);
    vault.deposit(vec![deposit(1, "ada", 180)], 80).await.unwrap();
    assert!(stored(&dir).len() > before);
    assert_eq!((vault.len(), read(&vault, 1, 170).len()), (1, 1));
    vault.deposit(vec![deposit(2, "ada", 180)], 80).await.unwrap();
    assert_eq!(vault.deposit(vec![deposit(3, "ada", 180)], 80).await, Err(StoreError::Full));
}

#[tokio::test]
async fn expired_files_go_with_their_keys() {
    let (dir, disk) = temporary();
    let vault = open(&disk, 10, 0);
    vault.deposit(vec![deposit(1, "ada", 100)], 0).await.unwrap();
    vault.deposit(vec![deposit(2, "ada", 1000)], 0).await.unwrap();
    let files = || std::fs::read_dir(dir.path().join("vault")).unwrap().count();
    assert_eq!(files(), 2);
    vault.sweep(100).await.unwrap();
    assert_eq!((files(), vault.len(), read(&vault, 2, 100).len()), (1, 1, 1));
    drop(vault);
    let vault = open(&disk, 10, 1000);
    assert_eq!((files(), vault.len()), (0, 0));
}

#[tokio::test]
async fn erased_values_are_zeros_and_stay_away() {
    let (dir, disk) = temporary();
    let vault = open(&disk, 10, 0);
    vault
        .deposit(vec![deposit(1, "ada", 100), deposit(2, "ada", 100), deposit(1, "grace", 100)], 0)
        .await
        .unwrap();
    // An older record of the same value goes too.
    vault.deposit(vec![deposit(1, "ada", 190)], 90).await.unwrap();
    let before = stored(&dir);
    assert_eq!(vault.erase(Erase::Marks(vec![[3; 16], [9; 16]])).await, Ok(2));
    assert_eq!(read(&vault, 1, 50), [("grace".to_owned(), value(1))]);
    let after = stored(&dir);
    assert_eq!(before.len(), after.len());
    assert!(after.windows(60).filter(|w| w.iter().all(|b| *b == 0)).count() > 0);
    assert_eq!(vault.erase(Erase::StandIn([1; 16])).await, Ok(1));
    drop(vault);
    let vault = open(&disk, 10, 50);
    assert!(vault.is_empty());
    assert_eq!(vault.erase(Erase::StandIn([1; 16])).await, Ok(0));
}

#[tokio::test]
async fn a_torn_end_is_passed_over_and_another_key_refused() {
    let (dir, disk) = temporary();
    let vault = open(&disk, 10, 0);
    vault.deposit(vec![deposit(1, "ada", 100)], 0).await.unwrap();
    vault.deposit(vec![deposit(2, "ada", 100)], 0).await.unwrap();
    drop(vault);
    let file = std::fs::read_dir(dir.path().join("vault")).unwrap().next().unwrap().unwrap().path();
    let whole = std::fs::read(&file).unwrap();
    for cut in 1..60 {
        std::fs::write(&file, &whole[..whole.len() - cut]).unwrap();
        let vault = open(&disk, 10, 0);
        assert_eq!((read(&vault, 1, 0).len(), read(&vault, 2, 0).len()), (1, 0), "{cut}");
        // What comes now goes elsewhere, and both are found.
        vault.deposit(vec![deposit(2, "ada", 100)], 0).await.unwrap();
        drop(vault);
        assert_eq!(read(&open(&disk, 10, 0), 2, 0).len(), 1);
        for other in std::fs::read_dir(dir.path().join("vault")).unwrap() {
            let other = other.unwrap().path();
            if other != file {
                std::fs::remove_file(other).unwrap();
            }
        }
    }
    std::fs::write(&file, &whole).unwrap();
    let keys = Keys::open(Arc::new(RealDisk::new(dir.path().join("other"))), Some(&[6; 32])).unwrap();
    assert!(matches!(Vault::open(disk, keys, 10, 0), Err(StoreError::Key(_))));
}

#[tokio::test]
async fn a_file_without_a_whole_beginning_is_passed_over() {
    let (dir, disk) = temporary();
    drop(open(&disk, 10, 0));
    std::fs::write(dir.path().join("vault/00000000000000000007.vault"), b"carnet/1 va").unwrap();
    let vault = open(&disk, 10, 0);
    vault.deposit(vec![deposit(1, "ada", 100)], 0).await.unwrap();
    assert!(dir.path().join("vault/00000000000000000008.vault").exists());
}

/// Every point of input and output with every fault: what was answered as kept is there afterwards, whatever happened to
/// the rest, and the vault opens.
#[tokio::test]
async fn what_was_answered_survives_every_fault() {
    use crate::disk::fault::{FAULTS, FaultDisk};
    let mut fired = 0;
    for at in 0..40 {
        for fault in FAULTS {
            let disk = FaultDisk::new();
            let shared: Arc<dyn Disk> = Arc::new(disk.clone());
            let mut kept = Vec::new();
            drop(open(&shared, 1000, 0));
            disk.plan(at, fault);
            let keys = Keys::open(shared.clone(), Some(&KEK));
            let vault = keys.and_then(|keys| Vault::open(shared, keys, 1000, 0));
            if let Ok(vault) = vault {
                for n in 0..6 {
                    if vault.deposit(vec![deposit(n, "ada", 100)], 0).await.is_ok() {
                        kept.push(n);
                    }
                }
            }
            fired += u64::from(disk.fired());
            for after in [disk.after_power_loss(at), disk.after_kill()] {
                let shared: Arc<dyn Disk> = Arc::new(after.clone());
                let vault = open(&shared, 1000, 0);
                // What was seen again is durable again, whatever the first process left behind.
                vault.deposit(vec![deposit(5, "ada", 100)], 0).await.unwrap();
                drop(vault);
                let shared: Arc<dyn Disk> = Arc::new(after.after_power_loss(at));
                let vault = open(&shared, 1000, 0);
                for n in kept.iter().chain(&[5]) {
                    assert_eq!(
                        read(&vault, *n, 0),
                        [("ada".to_owned(), value(*n))],
                        "{fault:?} at {at}, value {n}"
                    );
                }
            }
        }
    }
    assert!(fired > 60, "{fired}");
}
