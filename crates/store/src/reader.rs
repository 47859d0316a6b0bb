//! Reads records back, from a log that may be written to at the same time by another process.

use std::sync::Arc;

use carnet_evidence::seal::{KeyRef, SealError};
use carnet_evidence::segment;
use carnet_evidence::{Hash, Leaf};

use crate::disk::{Disk, read_file};
use crate::error::StoreError;
use crate::keys::KeyStore;
use crate::log::{list_segments, segment_name};

/// One record as stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stored {
    /// Index in the log.
    pub index: u64,
    /// The leaf.
    pub leaf: Leaf,
    /// Its RFC 6962 hash.
    pub leaf_hash: Hash,
    /// Ciphertexts, in the order of the leaf's `bl`.
    pub blobs: Vec<Vec<u8>>,
}

impl Stored {
    /// Opens the blobs, in the order of `bl`; `None` for one whose key is destroyed.
    ///
    /// # Errors
    /// [`StoreError::Key`] for a blob that does not open, [`StoreError::Io`] from the key store.
    pub fn unseal(&self, origin: &str, keys: &dyn KeyStore) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let bad = |_: SealError| StoreError::Key("a blob does not open");
        let mut out = Vec::with_capacity(self.blobs.len());
        for (reference, bytes) in self.leaf.draft.bl.iter().zip(&self.blobs) {
            let at = KeyRef::parse(&reference.k).map_err(bad)?;
            out.push(match keys.session(&at.session_key)? {
                None => None,
                Some(key) => {
                    let slot = key.slot(origin, at.slot).map_err(bad)?;
                    Some(slot.open(at.kind, bytes.clone()).map_err(bad)?)
                }
            });
        }
        Ok(out)
    }
}

/// Reads a log without its lock. What it sees last may not be durable yet.
#[derive(Clone, Debug)]
pub struct Reader {
    disk: Arc<dyn Disk>,
}

impl Reader {
    /// On the folder of the store.
    #[must_use]
    pub fn new(disk: Arc<dyn Disk>) -> Self {
        Reader { disk }
    }

    /// Gives the records from an index on, oldest first, until `each` says `false`. Gives the index after the last;
    /// call again with it for what came since. One segment is in memory at a time.
    ///
    /// # Errors
    /// [`StoreError::Io`], [`StoreError::Damaged`] for a record that is no leaf, and whatever `each` returns.
    pub fn read(
        &self,
        from: u64,
        each: &mut dyn FnMut(Stored) -> Result<bool, StoreError>,
    ) -> Result<u64, StoreError> {
        let firsts = list_segments(&*self.disk)?;
        let begin = firsts.partition_point(|f| *f <= from).saturating_sub(1);
        let mut next = from;
        for first in firsts.into_iter().skip(begin) {
            let path = segment_name(first);
            let Some(bytes) = read_file(&*self.disk, &path)? else { continue };
            // A segment that is just being begun has no header yet.
            let Ok(entries) = segment::entries(&bytes) else { break };
            for entry in entries.filter(|e| e.index >= from) {
                let damaged = || StoreError::Damaged { what: "leaf", path: path.clone(), index: entry.index };
                let leaf = Leaf::parse(entry.leaf).map_err(|_| damaged())?;
                next = entry.index + 1;
                let blobs = entry.blobs.iter().flatten().map(|(_, bytes)| bytes.to_vec()).collect();
                if !each(Stored { index: entry.index, leaf, leaf_hash: entry.leaf_hash, blobs })? {
                    return Ok(next);
                }
            }
        }
        Ok(next)
    }
}
