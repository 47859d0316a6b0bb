//! Consistent tokens: HMAC-SHA-256 over class and canonical value, cut to 60 bits and spelled in twelve characters.

use std::borrow::Cow;

use carnet_model::DataClass;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::plan::TokenKey;

/// Base32 without i, l, o and u (Crockford).
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Characters of a token. 60 bits: among a million values, two share a token with a chance of one in two million.
pub(crate) const TOKEN_LEN: usize = 12;

/// What two spellings of the same value have in common: letters and digits only, lower case. An e-mail address keeps
/// its dots and signs.
pub(crate) fn canonical(class: DataClass, text: &str, out: &mut Vec<u8>) {
    out.clear();
    let all =
        [DataClass::EMAIL, DataClass::SECRET, DataClass::IP, DataClass::URL_CREDENTIALS].contains(&class);
    let exact = class == DataClass::SECRET || class == DataClass::URL_CREDENTIALS;
    for c in text.chars() {
        if exact {
            push(out, c);
        } else if all || c.is_alphanumeric() {
            c.to_lowercase().for_each(|c| push(out, c));
        }
    }
    if out.is_empty() {
        out.extend_from_slice(text.as_bytes());
    }
}

fn push(out: &mut Vec<u8>, c: char) {
    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}

/// The keyed hash of a canonical value.
pub(crate) fn digest(key: &TokenKey, purpose: &[u8], class: DataClass, canonical: &[u8]) -> [u8; 32] {
    // HMAC takes keys of any length, so this cannot fail; an all-zero digest would only make tokens equal.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&key.0) else { return [0; 32] };
    mac.update(purpose);
    mac.update(&[0, class.index() as u8]);
    mac.update(canonical);
    mac.finalize().into_bytes().into()
}

/// A key for another purpose.
pub(crate) fn derived(key: &TokenKey, purpose: &[u8]) -> [u8; 32] {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&key.0) else { return [0; 32] };
    mac.update(b"key");
    mac.update(&[0]);
    mac.update(purpose);
    mac.finalize().into_bytes().into()
}

/// The characters for a digest.
pub(crate) fn spell(digest: &[u8; 32], out: &mut Vec<u8>) {
    let bits = digest.iter().take(8).fold(0u64, |n, b| n << 8 | u64::from(*b)) >> 4;
    for i in (0..TOKEN_LEN).rev() {
        let five = (bits >> (i * 5) & 31) as usize;
        out.push(ALPHABET.get(five).copied().unwrap_or(b'0'));
    }
}

/// Whether `text` is something that masking wrote: `[LABEL]`, `[LABEL#2]`, `[LABEL:token]`, `[LABEL:token#2]`.
pub(crate) fn is_mask(text: &[u8]) -> bool {
    let Some(inner) = text.strip_prefix(b"[").and_then(|t| t.strip_suffix(b"]")) else { return false };
    let label_len = inner.iter().take_while(|b| b.is_ascii_uppercase() || **b == b'_').count();
    let (label, rest) = inner.split_at(label_len);
    if label != b"MASKED" && !DataClass::BUILT_IN.iter().any(|c| c.label().as_bytes() == label) {
        return false;
    }
    let rest = match rest.strip_prefix(b":") {
        Some(token) if token.len() >= TOKEN_LEN => {
            let (token, rest) = token.split_at(TOKEN_LEN);
            if !token.iter().all(|b| ALPHABET.contains(b)) {
                return false;
            }
            rest
        }
        Some(_) => return false,
        None => rest,
    };
    match rest.strip_prefix(b"#") {
        Some(n) => !n.is_empty() && n.len() <= 4 && n.iter().all(u8::is_ascii_digit),
        None => rest.is_empty(),
    }
}

/// A text without what masking wrote into it.
pub(crate) fn without_masks(text: &str) -> Cow<'_, str> {
    let mut out = Cow::Borrowed(text);
    let mut from = 0;
    while let Some(open) = out.get(from..).and_then(|rest| rest.find('[')).map(|n| from + n) {
        // The longest mask has fewer than 48 bytes, so the look ahead is short.
        let tail = out.as_bytes().get(open..out.len().min(open + 48)).unwrap_or_default();
        let close = memchr::memchr(b']', tail).map(|n| open + n + 1);
        let mask = close.filter(|c| out.get(open..*c).is_some_and(|m| is_mask(m.as_bytes())));
        if let Some(close) = mask {
            out.to_mut().replace_range(open..close, "");
            from = open;
        } else {
            from = open + 1;
        }
    }
    out
}

/// Whether a text holds nothing but masks, stars and separators: then there is nothing left to find.
pub(crate) fn only_masks(text: &str) -> bool {
    text.len() < 4096 && without_masks(text).bytes().all(|b| !b.is_ascii_alphanumeric() && b < 0x80)
}
