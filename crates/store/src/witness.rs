//! What a witness keeps: its key, and of each log the checkpoint that it signed last. That one is durable before its
//! cosignature leaves, and what is asked about one log is decided one after the other: so no crash and no race makes
//! a witness sign two histories.
//!
//! ```text
//! DIR/lock                    one process
//! DIR/witness.key             seed of its key, mode 0600
//! DIR/vkey                    its verifier key
//! DIR/logs/<hash of origin>   the checkpoint signed last
//! ```

use std::sync::{Arc, Mutex, PoisonError};

use carnet_evidence::checkpoint::Checkpoint;
use carnet_evidence::note::{Note, NoteSignature, Verifier};
use carnet_evidence::witness::{Cosigner, Refusal, Submission, consider};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::disk::{Disk, read_file, replace};
use crate::error::StoreError;

const KEY: &str = "witness.key";
const VKEY: &str = "vkey";

/// A witness with its memory.
pub struct WitnessStore {
    disk: Arc<dyn Disk>,
    cosigner: Cosigner,
    /// Checking and keeping are one step.
    turn: Mutex<()>,
    _lock: Box<dyn Send + Sync>,
}

impl std::fmt::Debug for WitnessStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "WitnessStore({})", self.cosigner.public().name())
    }
}

impl WitnessStore {
    /// Opens the folder of a witness; makes its key at first, under this name.
    ///
    /// # Errors
    /// [`StoreError::Locked`]; [`StoreError::OtherKey`] when the folder is of a witness of another name; [`StoreError::Io`].
    pub fn open(disk: Arc<dyn Disk>, name: &str) -> Result<WitnessStore, StoreError> {
        let lock = disk.lock("lock").map_err(|e| StoreError::io("lock", "lock", &e))?;
        let lock = lock.ok_or(StoreError::Locked)?;
        let seed = match read_file(&*disk, KEY)?.map(Zeroizing::new) {
            Some(bytes) => {
                let seed = <[u8; 32]>::try_from(bytes.as_slice());
                Zeroizing::new(seed.map_err(|_| StoreError::Key("witness.key has the wrong length"))?)
            }
            None if read_file(&*disk, VKEY)?.is_some() => {
                return Err(StoreError::Key("witness.key is missing, and there was one"));
            }
            None => {
                let seed = crate::keys::random::<32>()?;
                replace(&*disk, &[(KEY.to_owned(), seed.as_slice())])?;
                seed
            }
        };
        let cosigner = Cosigner::new(name, &seed).map_err(|_| StoreError::Key("this is no name of a key"))?;
        let vkey = format!("{}\n", cosigner.public().to_text());
        match read_file(&*disk, VKEY)? {
            Some(there) if there != vkey.as_bytes() => return Err(StoreError::OtherKey),
            Some(_) => {}
            None => replace(&*disk, &[(VKEY.to_owned(), vkey.as_bytes())])?,
        }
        Ok(WitnessStore { disk, cosigner, turn: Mutex::new(()), _lock: lock })
    }

    /// Its verifier key.
    #[must_use]
    pub fn vkey(&self) -> String {
        self.cosigner.public().to_text()
    }

    /// Answers a request: the cosignature, or why not. `keys` are all keys that this witness trusts; `now` in Unix seconds.
    ///
    /// # Errors
    /// [`StoreError`]: then nothing was signed.
    pub fn add(
        &self,
        asked: &Submission,
        keys: &[Verifier],
        now: u64,
    ) -> Result<Result<NoteSignature, Refusal>, StoreError> {
        let origin = &asked.checkpoint.origin;
        let ours: Vec<&Verifier> = keys.iter().filter(|key| key.name() == origin.as_str()).collect();
        if ours.is_empty() {
            return Ok(Err(Refusal::UnknownLog));
        }
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let last = self.last(origin)?;
        if let Err(refusal) = consider(asked, &ours, last.as_ref()) {
            return Ok(Err(refusal));
        }
        // Also when it is the same again: what a failed sync left may be seen and not be durable.
        replace(&*self.disk, &[(place(origin), asked.note.to_text().as_bytes())])?;
        Ok(Ok(self.cosigner.cosign(&asked.note.text, now)))
    }

    /// The checkpoint of a log that was signed last.
    ///
    /// # Errors
    /// [`StoreError`]. A file that cannot be read is never taken for one that is not there.
    pub fn last(&self, origin: &str) -> Result<Option<Checkpoint>, StoreError> {
        let path = place(origin);
        let Some(bytes) = read_file(&*self.disk, &path)? else { return Ok(None) };
        let read = Note::parse(&bytes).ok().and_then(|note| Checkpoint::parse_text(&note.text).ok());
        let read = read.filter(|checkpoint| checkpoint.origin == origin);
        read.map(Some).ok_or(StoreError::Damaged { what: "checkpoint", path, index: 0 })
    }
}

fn place(origin: &str) -> String {
    let hex: String = Sha256::digest(origin).iter().map(|b| format!("{b:02x}")).collect();
    format!("logs/{hex}")
}

#[cfg(test)]
mod tests {
    use carnet_evidence::note::Signer;
    use carnet_evidence::tree::{Tree, consistency, hash_from_tiles};

    use super::*;
    use crate::disk::fault::{FAULTS, FaultDisk};

    const ORIGIN: &str = "carnet.example/acme/de/1";

    fn asked(old: u64, size: u64, salt: &str) -> Submission {
        let mut tree = Tree::new();
        for i in 0..size {
            tree.push(format!("{salt} {i}").as_bytes());
        }
        let files: std::collections::BTreeMap<_, _> =
            tree.flush().into_iter().map(|f| (f.path, f.bytes)).collect();
        let mut read = |path: &str| files.get(path).cloned();
        let proof = consistency(old, size, &mut |l, i| hash_from_tiles(l, i, size, &mut read)).unwrap();
        let note = Checkpoint::new(ORIGIN, size, tree.root()).sign(&log()).unwrap();
        Submission::read(Submission::body(old, &proof, &note.to_text()).as_bytes()).unwrap()
    }

    fn log() -> Signer {
        Signer::new(ORIGIN, &[1; 32]).unwrap()
    }

    fn keys() -> Vec<Verifier> {
        vec![log().verifier().clone()]
    }

    /// Growth of one log, then the other history at every size. Gives the sizes that were signed, of which history.
    fn life(disk: &FaultDisk, signed: &mut Vec<(u64, &'static str)>) -> Result<(), StoreError> {
        let asks = [(0, 3, "a"), (3, 7, "a"), (0, 7, "b"), (3, 9, "b"), (7, 7, "a"), (7, 9, "a")];
        for (old, size, salt) in asks {
            let witness = match WitnessStore::open(Arc::new(disk.clone()), "w.example") {
                Ok(witness) => witness,
                Err(e) if disk.crashed() => return Err(e),
                Err(_) => continue,
            };
            // Asked again after a failure, as a log does.
            for _ in 0..2 {
                match witness.add(&asked(old, size, salt), &keys(), 5) {
                    Ok(answer) => {
                        signed.extend(answer.is_ok().then_some((size, salt)));
                        break;
                    }
                    Err(e) if disk.crashed() => return Err(e),
                    Err(_) => {}
                }
            }
        }
        Ok(())
    }

    #[test]
    fn what_is_signed_is_durable_before() {
        let disk = FaultDisk::new();
        let mut signed = Vec::new();
        life(&disk, &mut signed).unwrap();
        assert_eq!(signed, [(3, "a"), (7, "a"), (7, "a"), (9, "a")]);
        let all = disk.operations();
        for at in 0..all {
            for fault in FAULTS {
                let disk = FaultDisk::new();
                disk.plan(at, fault);
                let mut signed = Vec::new();
                let _ = life(&disk, &mut signed);
                // What was refused for a fault at the first request lets the other history be the first.
                let of_a = signed.iter().all(|(_, salt)| *salt == "a");
                let of_b = signed.iter().all(|(_, salt)| *salt == "b");
                assert!(of_a || of_b, "{signed:?}: {fault:?} at {at}");
                for disk in [disk.after_power_loss(at), disk.after_kill()] {
                    let witness = WitnessStore::open(Arc::new(disk), "w.example").unwrap();
                    let last = witness.last(ORIGIN).unwrap().map_or(0, |c| c.size);
                    let most = signed.iter().map(|(size, _)| *size).max().unwrap_or(0);
                    assert!(last >= most, "signed {most}, remembers {last}: {fault:?} at {at}");
                    // It goes on from there, in one history.
                    let goes = |salt| witness.add(&asked(last, 11, salt), &keys(), 6).unwrap().is_ok();
                    let (a, b) = (last > 0 && goes("b"), last > 0 && goes("a"));
                    assert!(last == 0 || a != b, "{fault:?} at {at}");
                }
            }
        }
    }

    #[test]
    fn a_folder_is_of_one_witness_and_one_process() {
        let disk: Arc<dyn Disk> = Arc::new(FaultDisk::new());
        let witness = WitnessStore::open(Arc::clone(&disk), "w.example").unwrap();
        assert!(matches!(WitnessStore::open(Arc::clone(&disk), "w.example"), Err(StoreError::Locked)));
        let vkey = witness.vkey();
        drop(witness);
        assert!(matches!(WitnessStore::open(Arc::clone(&disk), "v.example"), Err(StoreError::OtherKey)));
        assert_eq!(WitnessStore::open(Arc::clone(&disk), "w.example").unwrap().vkey(), vkey);
        disk.remove(KEY).unwrap();
        assert!(
            matches!(WitnessStore::open(disk, "w.example"), Err(StoreError::Key(_))),
            "a new key under an old name"
        );
    }

    #[test]
    fn a_damaged_memory_signs_nothing() {
        let disk: Arc<dyn Disk> = Arc::new(FaultDisk::new());
        let witness = WitnessStore::open(Arc::clone(&disk), "w.example").unwrap();
        assert!(witness.add(&asked(0, 3, "a"), &keys(), 1).unwrap().is_ok());
        assert_eq!(witness.add(&asked(0, 3, "a"), &[], 1).unwrap(), Err(Refusal::UnknownLog));
        replace(&*disk, &[(place(ORIGIN), b"nothing".as_slice())]).unwrap();
        assert!(witness.add(&asked(0, 3, "b"), &keys(), 1).is_err());
    }
}
