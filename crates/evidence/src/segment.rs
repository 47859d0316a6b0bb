//! Segments: how leaves and their sealed blobs lie on disk, so that one sync makes both durable.
//!
//! A segment is a header and then entries without gaps; all numbers are little-endian.
//!
//! ```text
//! header, 32 bytes
//!   0  8  "CARNETSG"
//!   8  4  version, 1
//!  12  4  zero
//!  16  8  log index of the first entry
//!  24  8  first 8 bytes of SHA-256 of the 24 bytes before
//! entry, 36 bytes, then leaf, disclosures blob, frames blob
//!   0  4  "CARE"
//!   4  4  entries of the same commit group before this one
//!   8  8  log index
//!  16  4  length of the leaf
//!  20  4  length of the first blob of the leaf's `bl`, 0 for none
//!  24  4  length of the second
//!  28  8  first 8 bytes of SHA-256(the 28 bytes before || leaf hash || SHA-256 of each blob that is there)
//! ```
//!
//! The file may be preallocated: zeros to the end are a clean end. After a crash the last commit group may be half
//! there, in any order. So a bad entry is *torn* when nothing valid of a later group follows it (its group was never
//! synced, nobody was answered) and *corrupt* when a later group does follow, since a group is written only after
//! the one before is synced.

use sha2::{Digest as _, Sha256};

use crate::tree::{Hash, leaf_hash};

/// Bytes of the header.
pub const HEADER: usize = 32;
/// Bytes before the leaf in an entry.
pub const ENTRY_HEADER: usize = 36;

const MAGIC: &[u8; 8] = b"CARNETSG";
const MARK: &[u8; 4] = b"CARE";
const VERSION: u32 = 1;

/// What the first bytes of a segment say when they are no header.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum HeaderError {
    /// Fewer bytes than a header.
    #[error("segment is shorter than its header")]
    Short,
    /// Not a segment, or a damaged header.
    #[error("segment header is damaged")]
    Damaged,
    /// A later version.
    #[error("segment is of version {0}, which this program does not know")]
    Version(u32),
}

/// A sealed blob on its way to disk: its SHA-256 (known from sealing) and its bytes.
pub type BlobBytes<'a> = (&'a Hash, &'a [u8]);

/// The header of a segment that begins with log index `first`.
#[must_use]
pub fn header(first: u64) -> [u8; HEADER] {
    let mut out = [0u8; HEADER];
    let mut body = Vec::with_capacity(HEADER);
    body.extend_from_slice(MAGIC);
    body.extend_from_slice(&VERSION.to_le_bytes());
    body.extend_from_slice(&[0; 4]);
    body.extend_from_slice(&first.to_le_bytes());
    let check = check8(Sha256::digest(&body).into());
    body.extend_from_slice(&check);
    out.copy_from_slice(&body);
    out
}

/// The log index of the first entry, from a segment's bytes.
///
/// # Errors
/// See [`HeaderError`].
pub fn read_header(bytes: &[u8]) -> Result<u64, HeaderError> {
    let head: &[u8; HEADER] = bytes.first_chunk().ok_or(HeaderError::Short)?;
    if !head.starts_with(MAGIC) {
        return Err(HeaderError::Damaged);
    }
    let version = u32_at(head, 8);
    if version != VERSION {
        return Err(HeaderError::Version(version));
    }
    let first = u64_at(head, 16);
    if header(first) == *head { Ok(first) } else { Err(HeaderError::Damaged) }
}

/// Appends one entry. `back` is the number of entries of the same commit group before it, `leaf_hash` the RFC 6962
/// hash of `leaf`, `blobs` at most two, in the order of the leaf's `bl`.
pub fn encode(
    out: &mut Vec<u8>,
    index: u64,
    back: u32,
    leaf: &[u8],
    leaf_hash: &Hash,
    blobs: &[BlobBytes<'_>],
) {
    let len = |n: usize| u32::try_from(n).unwrap_or(u32::MAX).to_le_bytes();
    let blob = |i: usize| blobs.get(i).map_or(0, |b| b.1.len());
    let start = out.len();
    out.reserve(ENTRY_HEADER + leaf.len() + blob(0) + blob(1));
    out.extend_from_slice(MARK);
    out.extend_from_slice(&back.to_le_bytes());
    out.extend_from_slice(&index.to_le_bytes());
    out.extend_from_slice(&len(leaf.len()));
    out.extend_from_slice(&len(blob(0)));
    out.extend_from_slice(&len(blob(1)));
    let hashes = [blobs.first().map(|b| b.0), blobs.get(1).map(|b| b.0)];
    let check = entry_check(out.get(start..).unwrap_or_default(), leaf_hash, hashes);
    out.extend_from_slice(&check);
    out.extend_from_slice(leaf);
    for (_, bytes) in blobs.iter().take(2) {
        out.extend_from_slice(bytes);
    }
}

fn entry_check(head: &[u8], leaf: &Hash, blobs: [Option<&Hash>; 2]) -> [u8; 8] {
    let mut sha = Sha256::new();
    sha.update(head);
    sha.update(leaf);
    for hash in blobs.into_iter().flatten() {
        sha.update(hash);
    }
    check8(sha.finalize().into())
}

fn check8(hash: Hash) -> [u8; 8] {
    hash.first_chunk().copied().unwrap_or_default()
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(|b| b.first_chunk()).copied().map_or(0, u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..).and_then(|b| b.first_chunk()).copied().map_or(0, u64::from_le_bytes)
}

/// One entry as read back. Its check holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry<'a> {
    /// Offset of the entry in the segment.
    pub at: usize,
    /// Log index.
    pub index: u64,
    /// Entries of the same commit group before it.
    pub back: u32,
    /// Bytes of the leaf.
    pub leaf: &'a [u8],
    /// RFC 6962 hash of the leaf.
    pub leaf_hash: Hash,
    /// Blobs in the order of `bl`, each with its SHA-256.
    pub blobs: [Option<(Hash, &'a [u8])>; 2],
}

/// How the entries of a segment end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// At the end of the file, or with zeros to it. The next entry goes to offset `at`.
    Clean {
        /// Offset after the last entry.
        at: usize,
    },
    /// An entry whose commit group was never synced. Nobody was answered on it: cut the segment at `at`.
    Torn {
        /// Offset after the last whole entry.
        at: usize,
    },
    /// A synced entry is damaged.
    Corrupt {
        /// Offset of the damaged entry.
        at: usize,
        /// Log index it should have.
        index: u64,
    },
}

/// Reads the entries of a segment in order. When it has given its last, [`Entries::end`] says how they end.
#[derive(Clone, Debug)]
pub struct Entries<'a> {
    bytes: &'a [u8],
    at: usize,
    next: u64,
    end: Option<End>,
}

/// Opens a segment for reading.
///
/// # Errors
/// See [`HeaderError`].
pub fn entries(bytes: &[u8]) -> Result<Entries<'_>, HeaderError> {
    let next = read_header(bytes)?;
    Ok(Entries { bytes, at: HEADER, next, end: None })
}

/// Goes on reading at an offset where entry `next` begins.
#[must_use]
pub fn entries_from(bytes: &[u8], at: usize, next: u64) -> Entries<'_> {
    Entries { bytes, at, next, end: None }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        if self.end.is_some() {
            return None;
        }
        match read_entry(self.bytes, self.at) {
            Some((entry, len)) if entry.index == self.next => {
                self.at += len;
                self.next += 1;
                Some(entry)
            }
            _ => {
                self.end = Some(self.judge());
                None
            }
        }
    }
}

impl Entries<'_> {
    /// How the entries end; `None` until the iterator has given `None`.
    #[must_use]
    pub fn end(&self) -> Option<End> {
        self.end
    }

    /// Log index of the entry that would come next.
    #[must_use]
    pub fn next_index(&self) -> u64 {
        self.next
    }

    fn judge(&self) -> End {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        if rest.iter().all(|b| *b == 0) {
            return End::Clean { at: self.at };
        }
        // Bytes made to look like many entries must not cost the square of their number.
        let mut budget = 4 * rest.len();
        let mut from = 0;
        while let Some(n) = rest.get(from..).and_then(|r| r.windows(MARK.len()).position(|w| w == MARK)) {
            if let Some(len) = self.may_follow(rest, from + n) {
                let valid = budget >= len && read_entry(rest, from + n).is_some();
                if valid || budget < len {
                    return End::Corrupt { at: self.at, index: self.next };
                }
                budget -= len;
            }
            from += n + 1;
        }
        End::Torn { at: self.at }
    }
}

impl Entries<'_> {
    /// The length of what stands at an offset, if its header could be of an entry of a later commit group.
    fn may_follow(&self, rest: &[u8], at: usize) -> Option<usize> {
        let head: &[u8; ENTRY_HEADER] = rest.get(at..)?.first_chunk()?;
        let (index, back) = (u64_at(head, 8), u64::from(u32_at(head, 4)));
        let most = self.next.saturating_add((rest.len() / ENTRY_HEADER) as u64);
        let later = index > self.next && index <= most && index.saturating_sub(back) > self.next;
        let len = [16, 20, 24]
            .into_iter()
            .try_fold(ENTRY_HEADER, |sum, i| sum.checked_add(u32_at(head, i) as usize))?;
        (later && len <= rest.len() - at).then_some(len)
    }
}

/// Which part of an entry is damaged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Damage {
    /// The leaf: with the hash that the tree has for it, the check holds.
    Leaf,
    /// A blob: with the hashes that the leaf states, the check holds.
    Blob,
}

/// Looks at an entry whose check fails and is `index`: if either the leaf's hash or the blobs' hashes are replaced by
/// what they should be (`expected`, `stated`) and the check then holds, only that part is damaged and the entry can be
/// stepped over.
#[must_use]
pub fn diagnose<'a>(
    bytes: &'a [u8],
    at: usize,
    index: u64,
    expected: Option<&Hash>,
    stated: &dyn Fn(&[u8]) -> Vec<Hash>,
) -> Option<(Entry<'a>, usize, Damage)> {
    let (entry, len, check) = frame(bytes, at)?;
    if entry.index != index {
        return None;
    }
    let head = bytes.get(at..)?.get(..28)?;
    let there = [entry.blobs[0].map(|b| b.0), entry.blobs[1].map(|b| b.0)];
    let by_leaf =
        expected.is_some_and(|leaf| entry_check(head, leaf, [there[0].as_ref(), there[1].as_ref()]) == check);
    if by_leaf {
        return Some((entry, len, Damage::Leaf));
    }
    let stated = stated(entry.leaf);
    let by_blob = entry_check(head, &entry.leaf_hash, [stated.first(), stated.get(1)]) == check;
    by_blob.then_some((entry, len, Damage::Blob))
}

/// The entry at an offset and its length, if it is whole and its check holds.
fn read_entry(bytes: &[u8], at: usize) -> Option<(Entry<'_>, usize)> {
    let (entry, len, check) = frame(bytes, at)?;
    let head = bytes.get(at..)?.get(..28)?;
    let hashes = [entry.blobs[0].as_ref().map(|b| &b.0), entry.blobs[1].as_ref().map(|b| &b.0)];
    (entry_check(head, &entry.leaf_hash, hashes) == check).then_some((entry, len))
}

/// The parts of the entry at an offset, its length and its check, which is not looked at.
fn frame(bytes: &[u8], at: usize) -> Option<(Entry<'_>, usize, [u8; 8])> {
    let rest = bytes.get(at..)?;
    let head: &[u8; ENTRY_HEADER] = rest.first_chunk()?;
    if !head.starts_with(MARK) {
        return None;
    }
    let size = |at: usize| usize::try_from(u32_at(head, at)).ok();
    let (leaf_len, first_len, second_len) = (size(16)?, size(20)?, size(24)?);
    let body = rest.get(ENTRY_HEADER..)?;
    let (leaf, body) = body.split_at_checked(leaf_len)?;
    let (first, body) = body.split_at_checked(first_len)?;
    let (second, _) = body.split_at_checked(second_len)?;
    let blobs = [hashed(first), hashed(second)];
    let entry =
        Entry { at, index: u64_at(head, 8), back: u32_at(head, 4), leaf, leaf_hash: leaf_hash(leaf), blobs };
    Some((entry, ENTRY_HEADER + leaf_len + first_len + second_len, *head.last_chunk()?))
}

fn hashed(blob: &[u8]) -> Option<(Hash, &[u8])> {
    (!blob.is_empty()).then(|| (Sha256::digest(blob).into(), blob))
}
