//! Base64 in the two alphabets of the format (RFC 4648): URL-safe without padding in leaves and disclosures,
//! standard with padding in notes.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The two letters of each twelve bits: half the looks of a table of single letters. Each fact of a record is encoded twice.
#[allow(clippy::indexing_slicing, clippy::cast_possible_truncation, reason = "made when it is compiled")]
static PAIRS: [[u8; 2]; 4096] = {
    let mut pairs = [[0; 2]; 4096];
    let mut n = 0;
    while n < 4096 {
        pairs[n] = [ALPHABET[n >> 6], ALPHABET[n & 63]];
        n += 1;
    }
    pairs
};

/// The eight letters of six bytes.
fn letters(six: [u8; 6]) -> [u8; 8] {
    let [a, b, c, d, e, f] = six;
    let bits = u64::from_be_bytes([0, 0, a, b, c, d, e, f]);
    let pair = |shift: u32| {
        let n = usize::try_from(bits >> shift & 0xfff).unwrap_or(0);
        PAIRS.get(n).copied().unwrap_or_default()
    };
    let [[a, b], [c, d], [e, f], [g, h]] = [pair(36), pair(24), pair(12), pair(0)];
    [a, b, c, d, e, f, g, h]
}

/// Appends `bytes` in base64url without padding.
pub(crate) fn push_b64url(out: &mut Vec<u8>, bytes: &[u8]) {
    let (groups, rest) = bytes.as_chunks::<6>();
    out.reserve(groups.len() * 8 + 8);
    for six in groups {
        out.extend_from_slice(&letters(*six));
    }
    // Fewer than six: zeros after them, and as many letters as they have bits for.
    let mut six = [0; 6];
    six.iter_mut().zip(rest).for_each(|(to, byte)| *to = *byte);
    let len = (rest.len() * 8).div_ceil(6);
    out.extend_from_slice(letters(six).get(..len).unwrap_or_default());
}

/// `bytes` in base64url without padding.
pub(crate) fn b64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Exactly `N` bytes from base64url without padding.
pub(crate) fn from_b64url<const N: usize>(text: &str) -> Option<[u8; N]> {
    URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}

/// `bytes` in standard base64 with padding.
pub(crate) fn b64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Bytes from standard base64 with padding.
pub(crate) fn from_b64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// Appends a number in decimal.
pub(crate) fn push_u64(out: &mut Vec<u8>, mut n: u64) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        if let Some(d) = digits.get_mut(at) {
            *d = b'0' + u8::try_from(n % 10).unwrap_or(0);
        }
        n /= 10;
        if n == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(at..).unwrap_or_default());
}

/// Any number of bytes from base64url without padding.
pub(crate) fn from_b64url_vec(text: &[u8]) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn base64url_is_that_of_the_library(bytes in prop::collection::vec(any::<u8>(), 0..80), before in "[a-z]{0,3}") {
            let mut out = before.clone().into_bytes();
            push_b64url(&mut out, &bytes);
            prop_assert_eq!(out, (before + &b64url(&bytes)).into_bytes());
        }
    }
}
