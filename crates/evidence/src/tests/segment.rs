//! Segments: what is written is read, and every way to end is told apart.

use proptest::prelude::*;
use sha2::{Digest as _, Sha256};

use crate::segment::{self, End, HEADER, HeaderError};
use crate::tree::leaf_hash;

/// A segment of `groups` commit groups of three entries, from index 100, and the offset after each entry.
fn segment(groups: u64) -> (Vec<u8>, Vec<usize>) {
    let mut out = segment::header(100).to_vec();
    let mut ends = vec![];
    for i in 0..groups * 3 {
        let leaf = format!("leaf number {i}").into_bytes();
        let blob = vec![i as u8 + 1; 40 + i as usize];
        let hash = Sha256::digest(&blob).into();
        let blobs = [(&hash, blob.as_slice()), (&hash, blob.as_slice())];
        let some = blobs.get(..i as usize % 3).unwrap();
        segment::encode(&mut out, 100 + i, (i % 3) as u32, &leaf, &leaf_hash(&leaf), some);
        ends.push(out.len());
    }
    (out, ends)
}

fn read(bytes: &[u8]) -> (u64, End) {
    let mut entries = segment::entries(bytes).unwrap();
    let count = entries.by_ref().count() as u64;
    (count, entries.end().unwrap())
}

#[test]
fn what_is_written_is_read() {
    let (bytes, ends) = segment(2);
    let all: Vec<_> = segment::entries(&bytes).unwrap().collect();
    assert_eq!(all.len(), 6);
    for (i, entry) in all.iter().enumerate() {
        assert_eq!(entry.index, 100 + i as u64);
        assert_eq!(entry.leaf, format!("leaf number {i}").as_bytes());
        assert_eq!(entry.blobs.iter().flatten().count(), i % 3);
    }
    assert_eq!(read(&bytes), (6, End::Clean { at: ends[5] }));
    assert_eq!(read(&[bytes, vec![0; 1000]].concat()), (6, End::Clean { at: ends[5] }));
    assert_eq!(read(&segment::header(3)), (0, End::Clean { at: HEADER }));
}

#[test]
fn headers_that_are_none() {
    assert_eq!(segment::read_header(b"short"), Err(HeaderError::Short));
    assert_eq!(segment::read_header(&[0; 64]), Err(HeaderError::Damaged));
    let mut bytes = segment::header(1);
    bytes[8] = 9;
    assert_eq!(segment::read_header(&bytes), Err(HeaderError::Version(9)));
    let mut bytes = segment::header(1);
    bytes[17] ^= 1;
    assert_eq!(segment::read_header(&bytes), Err(HeaderError::Damaged));
}

proptest! {
    /// Cut anywhere: the entries before are there, and the rest is torn or clean, never corrupt.
    #[test]
    fn cut_anywhere(at in any::<prop::sample::Index>(), zeros in 0usize..200) {
        let (bytes, ends) = segment(3);
        let at = HEADER + at.index(bytes.len() - HEADER + 1);
        let cut = [&bytes[..at], &vec![0; zeros]].concat();
        let whole = ends.iter().filter(|e| **e <= at).count();
        let last = if whole == 0 { HEADER } else { ends[whole - 1] };
        let end = if last == at { End::Clean { at } } else { End::Torn { at: last } };
        prop_assert_eq!(read(&cut), (whole as u64, end));
    }

    /// One byte changed: in the last group it is torn, before that it is corrupt.
    #[test]
    fn one_byte_anywhere(at in any::<prop::sample::Index>(), flip in 1u8..) {
        let (mut bytes, ends) = segment(3);
        let at = HEADER + at.index(bytes.len() - HEADER);
        bytes[at] ^= flip;
        let hit = ends.iter().filter(|e| **e <= at).count();
        let from = if hit == 0 { HEADER } else { ends[hit - 1] };
        let (count, end) = read(&bytes);
        prop_assert_eq!(count, hit as u64);
        let want = if hit >= 6 { End::Torn { at: from } } else { End::Corrupt { at: from, index: 100 + hit as u64 } };
        prop_assert_eq!(end, want);
    }

    #[test]
    fn no_bytes_panic(tail in proptest::collection::vec(any::<u8>(), 0..300)) {
        let bytes = [segment::header(0).as_slice(), b"CARE", &tail].concat();
        read(&bytes);
    }
}
