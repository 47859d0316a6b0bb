//! Keys and tokens: those that vendors mark, JSON web tokens, private keys, and what stands behind a mark such as
//! `Authorization:` or `--password`.

mod drawn;
mod marks;
mod names;
mod places;
mod vendors;

use std::sync::LazyLock;

use carnet_model::DataClass;

use super::bytes::token;
use super::{Seen, Text};
use drawn::drawn;
pub(crate) use drawn::{sample, uuid};
pub(crate) use marks::Marks;
pub(super) use marks::words as marks;
pub(super) use names::{Names, secret};
use vendors::{Body, DOTTED, PREFIXES, Prefix, allowed};

/// Runs shorter than this are no token that a prefix marks.
const SHORTEST: usize = 16;

/// Texts shorter than this hold no mark with a value behind it.
const MARKED: usize = 20;

/// The prefixes by their first byte, made once.
pub(crate) struct Vendors {
    first: Vec<Vec<&'static Prefix>>,
}

impl Vendors {
    pub(super) fn new() -> Self {
        let mut first: Vec<Vec<&'static Prefix>> = (0..128).map(|_| Vec::new()).collect();
        for prefix in PREFIXES {
            if let Some(list) = prefix.0.bytes().next().and_then(|b| first.get_mut(usize::from(b))) {
                list.push(prefix);
            }
        }
        Vendors { first }
    }

    /// The prefixes that begin with this byte.
    fn with(&self, first: u8) -> &[&'static Prefix] {
        self.first.get(usize::from(first)).map_or(&[], Vec::as_slice)
    }
}

/// Looks at every run of token characters that is long enough. Bytes between runs are passed over in steps of
/// [`SHORTEST`].
pub(super) fn scan(t: &mut Text<'_>, s: &super::Scanner, seen: Seen) {
    let bytes = t.bytes;
    let mut from = if seen.token { 0 } else { bytes.len() };
    while let Some(b) = bytes.get(from + SHORTEST - 1) {
        if !token(*b) {
            from += SHORTEST;
            continue;
        }
        let probe = from + SHORTEST - 1;
        let mut start = probe;
        while start > from && bytes.get(start - 1).copied().is_some_and(token) {
            start -= 1;
        }
        // The run ends before it is long enough: go on behind its end without looking for that.
        if !bytes.get(start + SHORTEST - 1).copied().is_some_and(token) {
            from = start + SHORTEST;
            continue;
        }
        let mut end = probe + 1;
        while bytes.get(end).copied().is_some_and(token) {
            end += 1;
        }
        from = if end - start >= SHORTEST { run(t, s.vendors, start, end) } else { end };
    }
    if bytes.len() >= MARKED {
        marks::scan(t, s, seen);
    }
}

/// Looks at one run; gives where to go on.
fn run(t: &mut Text<'_>, vendors: &Vendors, start: usize, end: usize) -> usize {
    let Some(word) = t.bytes.get(start..end) else { return end };
    let Some(first) = word.first().copied() else { return end };
    if first == b'e'
        && word.starts_with(b"eyJ")
        && let Some(end) = jwt(t, start, end)
    {
        return end;
    }
    let before = start.checked_sub(1).and_then(|i| t.bytes.get(i)).copied();
    if matches!(before, Some(b'.' | b'~' | b'-'))
        && let Some(end) = dotted(t, start, end)
    {
        return end;
    }
    for prefix in vendors.with(first) {
        if let Some(end) = prefixed(t.bytes, start, end, prefix) {
            // `image.ico-…`, `a/b+EZAK…`: the middle of something longer.
            if matches!(before, Some(b'.' | b'+')) || before == Some(b'/') && prefix.0.len() < 6 {
                break;
            }
            t.hit(start, end, DataClass::SECRET, prefix.4, "vendor_prefix", 95);
            return end;
        }
    }
    match shaped(t.bytes, start, end) {
        Some((from, to, kind)) => {
            t.hit(from, to, DataClass::SECRET, kind, "vendor_shape", 90);
            to
        }
        None => end,
    }
}

/// Where the token ends that this prefix marks.
fn prefixed(bytes: &[u8], start: usize, end: usize, prefix: &Prefix) -> Option<usize> {
    let (mark, least, most, body, _) = *prefix;
    let word = bytes.get(start..end)?;
    word.strip_prefix(mark.as_bytes())?;
    let from = start + mark.len();
    let mut to = end;
    if matches!(body, Body::Base64 | Body::Dotted) {
        let more = bytes.get(end..bytes.len().min(from + most + 4))?;
        to += more.iter().take_while(|b| allowed(**b, body)).count();
        while to > end && bytes.get(to - 1) == Some(&b'.') {
            to -= 1;
        }
    }
    let rest = bytes.get(from..to)?;
    let long = (least..=most).contains(&rest.len());
    let enough = if rest.len() < 20 || mark.starts_with("xox") { 2.3 } else { 2.9 };
    let fits = long
        && rest.iter().all(|b| allowed(*b, body))
        && (rest.is_empty() || drawn(rest, if body == Body::Hex { 2.5 } else { enough }))
        && !drawn::sample(bytes.get(start..to)?);
    // Words with hyphens or underscores are names: `key-value-store`, `sk_live_your_key`.
    // One in thirty of Amazon's key numbers has no digit.
    let amazon = mark.len() == 4 && prefix.4 == "SECRET_AWS_KEY";
    let named = !amazon
        && rest.len() > 8
        && body != Body::Letters
        && !rest.iter().any(u8::is_ascii_digit)
        && rest.len() < 30;
    let words = !rest.iter().any(u8::is_ascii_digit) && drawn::spelled(rest);
    (fits && !named && !words).then_some(to)
}

/// Tokens without a prefix but with a form of their own.
fn shaped(bytes: &[u8], start: usize, end: usize) -> Option<(usize, usize, &'static str)> {
    let word = bytes.get(start..end)?;
    let before = start.checked_sub(1).and_then(|i| bytes.get(i)).copied();
    let digits_before = || {
        bytes
            .get(start.saturating_sub(18)..start - 1)
            .map_or(0, |w| w.iter().rev().take_while(|b| b.is_ascii_digit()).count())
    };
    match word.len() {
        // Telegram: `123456789:AAxxxxx`.
        35 if before == Some(b':') && word.first() == Some(&b'A') && (8..=10).contains(&digits_before()) => {
            drawn(word, 3.0).then(|| (start - 1 - digits_before(), end, "SECRET_TELEGRAM"))
        }
        // Facebook: application number, a bar, the token.
        27..=40 if before == Some(b'|') && (15..=16).contains(&digits_before()) => {
            drawn(word, 3.0).then(|| (start - 1 - digits_before(), end, "SECRET_FACEBOOK"))
        }
        // Vault tokens of old: `s.` and 24 letters and digits.
        24 if before == Some(b'.')
            && bytes.get(start.wrapping_sub(2)) == Some(&b's')
            && !start.checked_sub(3).and_then(|i| bytes.get(i)).is_some_and(|b| token(*b) || *b == b'.') =>
        {
            let digits = word.iter().any(u8::is_ascii_digit);
            (digits && drawn(word, 3.5)).then_some((start - 2, end, "SECRET_VAULT"))
        }
        36 | 37 if word.get(32..35) == Some(b"-us") => {
            let hex = word.get(..32)?.iter().all(u8::is_ascii_hexdigit);
            (hex && drawn(word, 2.5)).then_some((start, end, "SECRET_MAILCHIMP"))
        }
        40 if word.ends_with(b"_mmk") && word.get(6) == Some(&b'_') => {
            drawn(word, 3.5).then_some((start, end, "SECRET_MAXMIND"))
        }
        // Airtable: `pat`, 14 letters and digits, a dot, 64 hexadecimal digits.
        17 if word.starts_with(b"pat") && bytes.get(end) == Some(&b'.') => {
            let tail = bytes.get(end + 1..end + 65)?;
            tail.iter().all(u8::is_ascii_hexdigit).then_some((start, end + 65, "SECRET_AIRTABLE"))
        }
        // Discord bots: three parts, the first is a number in base64.
        24..=26 if matches!(word.first(), Some(b'M' | b'N' | b'O')) && bytes.get(end) == Some(&b'.') => {
            let rest = bytes.get(end + 1..)?;
            let middle = rest.iter().take_while(|b| token(**b)).count();
            let tail = rest.get(middle + 1..)?.iter().take_while(|b| token(**b)).count();
            let dots = rest.get(middle) == Some(&b'.') && middle == 6 && (27..=40).contains(&tail);
            dots.then_some((start, end + 1 + middle + 1 + tail, "SECRET_DISCORD"))
        }
        _ => None,
    }
}

/// Header, payload and signature of a JSON web token (RFC 7515); the signature may be empty.
fn jwt(t: &mut Text<'_>, start: usize, head: usize) -> Option<usize> {
    let mut end = head;
    let mut parts = 1;
    while parts < 5 && t.bytes.get(end) == Some(&b'.') {
        let len = t.bytes.get(end + 1..)?.iter().take_while(|b| token(**b)).count();
        end += 1 + len;
        parts += 1;
    }
    if parts < 3 || t.bytes.get(head + 1..head + 3) != Some(b"ey") && parts < 5 {
        return None;
    }
    t.hit(start, end, DataClass::SECRET, "SECRET_JWT", "jwt", 95);
    Some(end)
}

/// Prefixes with dots begin in front of the run or in it.
fn dotted(t: &mut Text<'_>, start: usize, end: usize) -> Option<usize> {
    let from = start.saturating_sub(10);
    let window = t.bytes.get(from..end)?;
    let at = start - from;
    for (prefix, least, kind) in DOTTED {
        // The part of the prefix behind its last sign belongs to the run.
        let cut = prefix.rfind(['.', '~']).map_or(0, |n| n + 1);
        let Some(begin) = at.checked_sub(cut) else { continue };
        if !window.get(begin..).is_some_and(|w| w.starts_with(prefix.as_bytes())) {
            continue;
        }
        let begin = from + begin;
        let free = begin.checked_sub(1).and_then(|i| t.bytes.get(i)).is_none_or(|b| !token(*b) && *b != b'.');
        let more = t.bytes.get(end..)?.iter().take_while(|b| token(**b) || matches!(b, b'.' | b'=')).count();
        let to = end + more;
        if free && to - begin >= *least && drawn(t.bytes.get(begin + prefix.len()..to)?, 3.0) {
            t.hit(begin, to, DataClass::SECRET, kind, "vendor_prefix", 92);
            return Some(to);
        }
    }
    None
}

/// Whether a word begins as the keys of some vendor do.
pub(crate) fn begins(word: &[u8]) -> bool {
    static BY_FIRST: LazyLock<Vendors> = LazyLock::new(Vendors::new);
    let [first, second, ..] = word else { return false };
    // Nearly all words differ in their first two letters.
    let next = BEGINNINGS.get(usize::from(*first)).copied().unwrap_or(0);
    *second < 128
        && next >> second & 1 == 1
        && BY_FIRST.with(*first).iter().any(|p| word.starts_with(p.0.as_bytes()))
}

// Evaluated by the compiler: an index out of bounds would not build, and neither would a prefix of one letter.
#[allow(clippy::indexing_slicing)]
const fn beginnings() -> [u128; 128] {
    let mut sets = [0u128; 128];
    let mut i = 0;
    while i < PREFIXES.len() {
        let prefix = PREFIXES[i].0.as_bytes();
        sets[prefix[0] as usize] |= 1 << prefix[1];
        i += 1;
    }
    sets
}

/// For each first byte, a bit for every second byte of a prefix.
static BEGINNINGS: [u128; 128] = beginnings();

// What reads texts of digits and hyphens alone relies on it.
#[allow(clippy::indexing_slicing)]
const _: () = {
    let (sets, mut digit) = (beginnings(), b'0');
    let figures = 0x3FF << b'0' | 1 << b'-';
    while digit <= b'9' {
        assert!(sets[digit as usize] & figures == 0, "a prefix may be a number");
        digit += 1;
    }
};

/// The types that the tables give.
pub(super) fn kinds() -> impl Iterator<Item = &'static str> {
    PREFIXES.iter().map(|p| p.4).chain(DOTTED.iter().map(|d| d.2)).chain(names::kinds())
}
