//! Stand-ins that can come back: what a vault keeps of them, and how they are found in what a caller sends.
//!
//! A stand-in is a token in brackets, or digits and letters of the same form as the value. It is looked up by a hash of its
//! own text, so that it needs neither key nor class to be found.

use std::fmt;
use std::ops::Range;

use carnet_model::{DataClass, Sensitive};
use sha2::{Digest, Sha256};

use crate::token::{TOKEN_LEN, is_mask};

/// Longer values, in bytes, are replaced and not kept: a private key does not come back.
pub const MAX_KEPT: usize = 4096;

/// Letters and digits that a stand-in of the same form must have to come back: shorter ones could be any number.
const LEAST_FORM: usize = 8;
/// The longest of that form, separators included.
const MOST_FORM: usize = 64;

/// The name under which a vault keeps a value: a hash of the stand-in's text.
pub type StandInId = [u8; 16];

/// A stand-in in a text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StandIn {
    /// Its bytes in the text.
    pub span: Range<usize>,
    /// What to ask a vault for.
    pub id: StandInId,
    /// Whether it is a token in brackets, which nothing else looks like.
    pub token: bool,
    /// Whether it is percent-encoded, as in a URI.
    pub percent: bool,
}

/// A value that was replaced, and the stand-in under which it may be asked for.
#[derive(Clone)]
pub struct Deposit {
    /// Its class.
    pub class: DataClass,
    /// The finer type, as in [`Finding::kind`](crate::Finding::kind).
    pub kind: &'static str,
    /// The hash of its stand-in.
    pub id: StandInId,
    /// The value as it was spelled.
    pub value: Sensitive<String>,
}

/// The id says which value it is.
impl PartialEq for Deposit {
    fn eq(&self, other: &Deposit) -> bool {
        (self.class, self.id) == (other.class, other.id)
    }
}

impl Eq for Deposit {}

impl fmt::Debug for Deposit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Deposit({})", self.class)
    }
}

/// Values of one message, each once. `Debug` prints how many.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Deposits(pub Vec<Deposit>);

impl fmt::Debug for Deposits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Deposits({})", self.0.len())
    }
}

fn id(kind: &str, parts: &[&[u8]]) -> StandInId {
    let mut hash = Sha256::new();
    hash.update(kind);
    parts.iter().for_each(|p| hash.update(p));
    let digest: [u8; 32] = hash.finalize().into();
    digest.first_chunk().copied().unwrap_or_default()
}

/// Of a token, with or without brackets around it: `EMAIL:7f3k9q2mbx4d`.
pub(crate) fn token_id(inner: &[u8]) -> StandInId {
    id("carnet stand-in token\n", &[inner])
}

/// Of a value of the same form, whatever its separators and case.
pub(crate) fn form_id(text: &str) -> Option<StandInId> {
    if text.len() > MOST_FORM || !text.is_ascii() {
        return None;
    }
    let chars: Vec<u8> =
        text.bytes().filter(u8::is_ascii_alphanumeric).map(|b| b.to_ascii_uppercase()).collect();
    let digits = chars.iter().filter(|b| b.is_ascii_digit()).count();
    (chars.len() >= LEAST_FORM && digits >= 4).then(|| id("carnet stand-in form\n", &[&chars]))
}

/// The stand-in that a whole string or number is.
#[must_use]
pub fn whole_stand_in(text: &str) -> Option<StandIn> {
    let inner = text.trim();
    let start = text.len() - text.trim_start().len();
    let id = form_id(inner)?;
    Some(StandIn { span: start..start + inner.len(), id, token: false, percent: false })
}

impl StandIn {
    /// The tokens in a text, in order.
    pub fn tokens(text: &str) -> impl Iterator<Item = StandIn> {
        let bytes = text.as_bytes();
        let mut from = 0;
        std::iter::from_fn(move || {
            loop {
                let open = from + memchr::memchr2(b'[', b'%', bytes.get(from..)?)?;
                from = open + 1;
                if let Some(found) = token_at(bytes, open) {
                    from = found.span.end;
                    return Some(found);
                }
            }
        })
    }
}

/// `[LABEL:token]`, `[LABEL:token#2]`, or the same with `%5B` and `%5D`.
fn token_at(bytes: &[u8], open: usize) -> Option<StandIn> {
    // The longest label and token together have fewer than 48 bytes.
    let tail = bytes.get(open..bytes.len().min(open + 64))?;
    let percent = tail.first() == Some(&b'%');
    let (begin, end): (&[u8], &[u8]) = if percent { (b"%5B", b"%5D") } else { (b"[", b"]") };
    let rest =
        tail.get(..begin.len()).filter(|b| b.eq_ignore_ascii_case(begin)).and(tail.get(begin.len()..))?;
    let len = rest.windows(end.len()).position(|w| w.eq_ignore_ascii_case(end))?;
    let mut inner = rest.get(..len)?.to_vec();
    if percent {
        // What masking writes into a URI escapes these two as well.
        inner = String::from_utf8_lossy(&inner)
            .replace("%23", "#")
            .replace("%3A", ":")
            .replace("%3a", ":")
            .into_bytes();
    }
    if !is_mask(&[b"[", inner.as_slice(), b"]"].concat()) {
        return None;
    }
    let colon = inner.iter().position(|b| *b == b':')?;
    let id = token_id(inner.get(..colon + 1 + TOKEN_LEN)?);
    Some(StandIn { span: open..open + begin.len() + len + end.len(), id, token: true, percent })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_found_and_nothing_else() {
        let text = "to [EMAIL:0123456789ab], [EMAIL:0123456789ab#2] [EMAIL] [x] [EMAIL:short] \
                    %5BIBAN:0123456789ab%5D [[PHONE:0123456789ab]] [EMAIL:0123456789al]";
        let found: Vec<_> = StandIn::tokens(text).map(|s| &text[s.span]).collect();
        let expected = [
            "[EMAIL:0123456789ab]",
            "[EMAIL:0123456789ab#2]",
            "%5BIBAN:0123456789ab%5D",
            "[PHONE:0123456789ab]",
        ];
        assert_eq!(found, expected);
        let ids: Vec<_> = StandIn::tokens(text).map(|s| s.id).collect();
        assert_eq!(ids[0], ids[1]);
        assert_ne!(ids[0], ids[3]);
    }

    #[test]
    fn forms_need_eight_characters() {
        assert_eq!(form_id("DE12 3456 7890"), form_id("de1234567890"));
        assert_eq!(whole_stand_in(" 12345678 ").unwrap().span, 1..9);
        for text in ["1234567", "ABCDEFGH", "１２３４５６７８", &"1".repeat(65)] {
            assert_eq!(whole_stand_in(text), None, "{text}");
        }
    }
}
