//! What was in force, in full: policy sets, configurations, builds and jurisdiction tables, each in `state/` under the hash
//! that records name it by.
//!
//! An object is durable before the first record that names it. A crash in between leaves an object that nobody names.

use sha2::{Digest as _, Sha256};

use crate::disk::{Disk, Mode, read_file, replace};
use crate::error::StoreError;

const DIR: &str = "state";

/// Keeps objects that are not kept yet. When this returns `Ok`, all are durable.
///
/// # Errors
/// [`StoreError::Io`]: then what they describe must not come into force.
pub fn keep_state(disk: &dyn Disk, objects: &[&[u8]]) -> Result<(), StoreError> {
    let mut new = Vec::new();
    for bytes in objects {
        let path = path(&Sha256::digest(bytes).into());
        if disk.open(&path, Mode::Read).is_err() {
            new.push((path, *bytes));
        }
    }
    if new.is_empty() { Ok(()) } else { replace(disk, &new) }
}

/// An object by its hash, `None` if it is not kept or is not what its name says.
///
/// # Errors
/// [`StoreError::Io`].
pub fn read_state(disk: &dyn Disk, hash: &[u8; 32]) -> Result<Option<Vec<u8>>, StoreError> {
    let bytes = read_file(disk, &path(hash))?;
    Ok(bytes.filter(|b| <[u8; 32]>::from(Sha256::digest(b)) == *hash))
}

fn path(hash: &[u8; 32]) -> String {
    let hex: String = hash.iter().map(|b| format!("{b:02x}")).collect();
    format!("{DIR}/{hex}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::RealDisk;

    #[test]
    fn objects_are_kept_by_their_hash() {
        let folder = tempfile::tempdir().unwrap();
        let disk = RealDisk::new(folder.path());
        keep_state(&disk, &[b"one", b"two"]).unwrap();
        keep_state(&disk, &[b"one"]).unwrap();
        let hash = Sha256::digest(b"two").into();
        assert_eq!(read_state(&disk, &hash).unwrap().unwrap(), b"two");
        assert_eq!(read_state(&disk, &[0; 32]).unwrap(), None);
        std::fs::write(folder.path().join(path(&hash)), b"2").unwrap();
        assert_eq!(read_state(&disk, &hash).unwrap(), None);
    }
}
