//! Held calls in `held/`: sealed, erasable and durable as the vault is, whose form they have. A record is written anew whenever
//! its call changes; the newest is the one that counts. One that is over is written empty: the same expiry as before keeps an
//! older version from coming back while its file is still there.

use std::sync::Arc;

use zeroize::Zeroizing;

use crate::disk::Disk;
use crate::error::StoreError;
use crate::keys::Keys;
use crate::vault::{Erase, Id, Owner, Vault, VaultDeposit};

const DIR: &str = "held";

/// What is kept, with the marks that it is erased by.
pub(crate) type Marked = (Vec<Id>, Zeroizing<Vec<u8>>);

/// The held calls of a cell.
#[derive(Debug)]
pub struct HeldStore(Vault);

impl HeldStore {
    /// Opens it. `most` calls are kept at once; what expired before `now` is not.
    ///
    /// # Errors
    /// As [`Vault::open`].
    pub fn open(disk: Arc<dyn Disk>, keys: Keys, most: usize, now: u64) -> Result<HeldStore, StoreError> {
        Vault::open_replacing(DIR, disk, keys, most, now).map(HeldStore)
    }

    /// Everything that is kept, with the marks that it is erased by.
    ///
    /// # Errors
    /// When a record cannot be read.
    pub fn all(&self, now: u64) -> Result<Vec<Marked>, StoreError> {
        let mut all = Vec::new();
        for (_, kept) in self.0.all(now) {
            if let Some(value) = self.0.value(kept.place)?.filter(|value| !value.is_empty()) {
                all.push((kept.owner.marks.clone(), value));
            }
        }
        Ok(all)
    }

    /// The newest record of a call; `None` where it is over, or was erased.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn get(&self, id: &Id) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        // Whoever asks has the call in memory: whether it has expired is theirs to say.
        let Some(kept) = self.0.find(id, 0).pop() else { return Ok(None) };
        Ok(self.0.value(kept.place)?.filter(|value| !value.is_empty()))
    }

    /// Keeps a record in place of the one before. Durable when it returns. `marks` and `expires` are the same for every record
    /// of a call.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`], [`StoreError::Full`], or when it cannot be written: then the one before is kept.
    pub async fn put(&self, id: Id, marks: Vec<Id>, expires: u64, value: Vec<u8>) -> Result<(), StoreError> {
        let owner = Arc::new(Owner { about: Vec::new(), marks });
        let deposit = VaultDeposit { id, owner, expires, value: Zeroizing::new(value) };
        self.0.deposit(vec![deposit], 0).await
    }

    /// Forgets a call that is over.
    ///
    /// # Errors
    /// When that cannot be written.
    pub async fn forget(&self, id: &Id) -> Result<(), StoreError> {
        let Some(kept) = self.0.find(id, 0).pop() else { return Ok(()) };
        let owner = Arc::clone(&kept.owner);
        let deposit =
            VaultDeposit { id: *id, owner, expires: kept.expires, value: Zeroizing::new(Vec::new()) };
        self.0.deposit(vec![deposit], 0).await
    }

    /// Erases what is marked by keys that were destroyed.
    ///
    /// # Errors
    /// As [`Vault::erase`].
    pub async fn erase(&self, marks: Vec<Id>) -> Result<usize, StoreError> {
        self.0.erase(Erase::Marks(marks)).await
    }

    /// Forgets what has expired.
    ///
    /// # Errors
    /// As [`Vault::sweep`].
    pub async fn sweep(&self, now: u64) -> Result<(), StoreError> {
        self.0.sweep(now).await
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::disk::RealDisk;

    const KEK: [u8; 32] = [7; 32];

    fn open(disk: &Arc<dyn Disk>, now: u64) -> HeldStore {
        let keys = Keys::open(disk.clone(), Some(&KEK)).unwrap();
        HeldStore::open(disk.clone(), keys, 10, now).unwrap()
    }

    #[tokio::test]
    async fn the_newest_counts_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let disk: Arc<dyn Disk> = Arc::new(RealDisk::new(dir.path()));
        let held = open(&disk, 0);
        held.put([1; 16], vec![[9; 16]], 100, b"one".to_vec()).await.unwrap();
        held.put([1; 16], vec![[9; 16]], 100, b"two".to_vec()).await.unwrap();
        held.put([2; 16], vec![], 100, b"other".to_vec()).await.unwrap();
        assert_eq!(**held.get(&[1; 16]).unwrap().unwrap(), *b"two");
        drop(held);
        let held = open(&disk, 1);
        assert_eq!(**held.get(&[1; 16]).unwrap().unwrap(), *b"two");
        held.forget(&[2; 16]).await.unwrap();
        drop(held);
        let held = open(&disk, 2);
        assert_eq!(held.all(2).unwrap().len(), 1);
        assert!(held.get(&[2; 16]).unwrap().is_none());
        assert_eq!(held.erase(vec![[9; 16]]).await.unwrap(), 1);
        assert!(held.get(&[1; 16]).unwrap().is_none());
    }
}
