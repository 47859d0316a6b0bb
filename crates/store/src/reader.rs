//! Reads records back, from a log that may be written to at the same time by another process.

use std::sync::Arc;

use carnet_evidence::seal::{KeyRef, SealError, Slot};
use carnet_evidence::segment::{self, ENTRY_HEADER, HEADER};
use carnet_evidence::{Hash, Leaf};

use crate::disk::{Disk, Mode, read_file};
use crate::error::{At as _, StoreError};
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
            out.push(at.open(origin, bytes.clone(), &mut |id| keys.key(id))?);
        }
        Ok(out)
    }

    /// Opens one slot; `None` if the record does not have it, or its key is destroyed.
    ///
    /// # Errors
    /// As [`Stored::unseal`].
    pub fn unseal_one(
        &self,
        origin: &str,
        keys: &dyn KeyStore,
        kind: Slot,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let bad = |_: SealError| StoreError::Key("a blob does not open");
        for (reference, bytes) in self.leaf.draft.bl.iter().zip(&self.blobs) {
            let at = KeyRef::parse(&reference.k).map_err(bad)?;
            if at.kind != kind {
                continue;
            }
            return at.open(origin, bytes.clone(), &mut |id| keys.key(id));
        }
        Ok(None)
    }
}

/// Where a reader is: the next record and where its bytes begin. The default is the beginning of what is there.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Place {
    /// First index of the segment.
    pub segment: u64,
    /// Offset in it; 0 when not known.
    pub at: u64,
    /// Log index of the next record.
    pub next: u64,
    /// Offset of the record before, if it was given from this segment; else 0.
    pub last: u64,
}

impl Place {
    fn begin(segment: u64) -> Place {
        Place { segment, at: HEADER as u64, next: segment, last: 0 }
    }
}

/// A log is followed in pieces of this size. An entry may be larger.
const STEP: usize = 1 << 20;

/// No entry is larger.
const LARGEST: usize = 32 << 20;

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

    /// The place of a record, to [`Reader::follow`] from: of the segment that has it, so that a few more come before it.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn locate(&self, index: u64) -> Result<Place, StoreError> {
        let firsts = list_segments(&*self.disk)?;
        let before = firsts.partition_point(|f| *f <= index).saturating_sub(1);
        let first = firsts.get(before).copied().unwrap_or(0);
        Ok(Place::begin(first))
    }

    /// Gives the records of these indexes, which ascend, until `each` says `false`. One that is not there is left out.
    ///
    /// # Errors
    /// As [`Reader::read`].
    pub fn get(
        &self,
        indexes: &[u64],
        each: &mut dyn FnMut(Stored) -> Result<bool, StoreError>,
    ) -> Result<(), StoreError> {
        let mut wanted = indexes.iter().copied().peekable();
        let mut on = true;
        let firsts = list_segments(&*self.disk)?;
        while let Some(index) = wanted.peek().copied().filter(|_| on) {
            let mut place = self.locate(index)?;
            let end = firsts.iter().copied().find(|first| *first > index).unwrap_or(u64::MAX);
            self.follow(&mut place, &mut |stored| {
                let at = stored.index;
                while wanted.next_if(|next| *next < at).is_some() {}
                if wanted.next_if_eq(&at).is_some() {
                    on = each(stored)?;
                }
                // What lies in a later segment is looked for there.
                Ok(on && wanted.peek().is_some_and(|next| *next < end))
            })?;
            wanted.next_if_eq(&index);
        }
        Ok(())
    }

    /// Gives the records from a place on, oldest first, until `each` says `false`, and moves the place behind what was
    /// given. Reads only what comes after the place, so it may be called often.
    ///
    /// # Errors
    /// As [`Reader::read`]. The place is behind the last record that `each` took.
    pub fn follow(
        &self,
        place: &mut Place,
        each: &mut dyn FnMut(Stored) -> Result<bool, StoreError>,
    ) -> Result<(), StoreError> {
        if place.at == 0 {
            *place = self.locate(place.next)?;
        }
        loop {
            match self.piece(place, each)? {
                Piece::More => {}
                Piece::Enough => return Ok(()),
                Piece::End => {
                    let firsts = list_segments(&*self.disk)?;
                    if place.next <= place.segment || !firsts.contains(&place.next) {
                        return Ok(());
                    }
                    *place = Place::begin(place.next);
                }
            }
        }
    }

    /// The entries of one piece of a segment.
    fn piece(
        &self,
        place: &mut Place,
        each: &mut dyn FnMut(Stored) -> Result<bool, StoreError>,
    ) -> Result<Piece, StoreError> {
        let path = segment_name(place.segment);
        let file = match self.disk.open(&path, Mode::Read) {
            Ok(file) => file,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Piece::End),
            Err(e) => return Err(StoreError::io("open", &path, &e)),
        };
        let mut len = STEP;
        loop {
            let bytes = file.read_at(place.at, len).at("read", &path)?;
            let whole = bytes.len() < len;
            let (from, start) = (place.at, place.next);
            for entry in segment::entries_from(&bytes, 0, start) {
                let damaged = || StoreError::Damaged { what: "leaf", path: path.clone(), index: entry.index };
                let leaf = Leaf::parse(entry.leaf).map_err(|_| damaged())?;
                let sizes = entry.blobs.iter().flatten().map(|(_, bytes)| bytes.len()).sum::<usize>();
                let end = entry.at + ENTRY_HEADER + entry.leaf.len() + sizes;
                let blobs = entry.blobs.iter().flatten().map(|(_, bytes)| bytes.to_vec()).collect();
                let (index, leaf_hash) = (entry.index, entry.leaf_hash);
                let more = each(Stored { index, leaf, leaf_hash, blobs })?;
                place.last = from + entry.at as u64;
                place.at = from + end as u64;
                place.next = index + 1;
                if !more {
                    return Ok(Piece::Enough);
                }
            }
            if place.next > start {
                return Ok(Piece::More);
            }
            // Nothing whole in it: the end of what is written, or an entry larger than the piece.
            if whole || len >= LARGEST || bytes.iter().take(ENTRY_HEADER).all(|b| *b == 0) {
                return Ok(Piece::End);
            }
            len *= 2;
        }
    }
}

/// What a piece came to.
enum Piece {
    More,
    Enough,
    End,
}
