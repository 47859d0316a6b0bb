//! RFC 3161 time stamps on checkpoints: what is asked of an authority, and, with the feature `stamps`, whether an auditor
//! may believe the answer.

#[cfg(feature = "stamps")]
mod check;
#[cfg(feature = "stamps")]
mod tsp;

#[cfg(feature = "stamps")]
pub use check::Authorities;

use crate::tree::Hash;

/// `MessageImprint` up to the hash: SHA-256.
const IMPRINT: [u8; 19] = [
    0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00,
    0x04, 0x20,
];
/// Largest answer that is kept.
pub const MOST: usize = 64 << 10;

/// A `TimeStampReq` for a SHA-256, with a nonce, that asks for the authority's certificate too.
#[must_use]
pub fn request(imprint: &Hash, nonce: u64) -> Vec<u8> {
    let mut out = vec![0x30, 0x43, 0x02, 0x01, 0x01];
    out.extend_from_slice(&IMPRINT);
    out.extend_from_slice(imprint);
    out.extend_from_slice(&[0x02, 0x08]);
    out.extend_from_slice(&number(nonce));
    out.extend_from_slice(&[0x01, 0x01, 0xff]);
    out
}

/// A nonce of exactly eight bytes: positive, and without a zero in front.
fn number(nonce: u64) -> [u8; 8] {
    (nonce >> 2 | 1 << 62).to_be_bytes()
}

/// Whether bytes look like the answer to a request: granted, and about this hash and nonce. Nothing is verified; it keeps a
/// page of an error from being stored as a time stamp.
#[must_use]
pub fn answers(response: &[u8], imprint: &Hash, nonce: u64) -> bool {
    let holds = |part: &[u8]| response.windows(part.len()).any(|window| window == part);
    let asked = [IMPRINT.as_slice(), imprint].concat();
    let nonce = [[0x02, 0x08].as_slice(), &number(nonce)].concat();
    response.len() <= MOST && granted(response).unwrap_or(false) && holds(&asked) && holds(&nonce)
}

/// `status` of a `TimeStampResp`: 0 or 1, the first number in it.
fn granted(response: &[u8]) -> Option<bool> {
    let outer = inside(response)?;
    let status = inside(outer)?;
    Some(matches!(status.get(..3)?, [0x02, 0x01, 0 | 1]))
}

/// What a DER sequence begins with.
fn inside(bytes: &[u8]) -> Option<&[u8]> {
    let (first, rest) = bytes.split_first_chunk::<2>()?;
    match first {
        [0x30, 0..=0x7f] => Some(rest),
        [0x30, n @ 0x81..=0x84] => rest.get(usize::from(n - 0x80)..),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_of_its_form() {
        let request = request(&[7; 32], u64::MAX);
        assert_eq!(request.len(), 2 + 0x43);
        assert_eq!(usize::from(request[1]), request.len() - 2);
        assert_eq!(number(0)[0], 0x40);
    }

    #[test]
    fn pages_of_errors_are_no_answers() {
        let hash = [7; 32];
        let mut good = vec![0x30, 0x82, 1, 0, 0x30, 0x03, 0x02, 0x01, 0x00];
        good.extend_from_slice(&request(&hash, 5));
        assert!(answers(&good, &hash, 5));
        let mut refused = good.clone();
        refused[8] = 2;
        for bad in [&b""[..], b"<html>", &refused] {
            assert!(!answers(bad, &hash, 5));
        }
        assert!(!answers(&good, &hash, 500) && !answers(&good, &[8; 32], 5));
    }
}
