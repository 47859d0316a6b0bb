//! The text of strings: unescaping, escaping, and runs that need neither.

use std::borrow::Cow;

/// Length of the run before the next quote, backslash or control character; `None` if there is none.
pub(crate) fn plain_run(rest: &[u8]) -> Option<usize> {
    // Most keys and many values are short: eight bytes at a time beat the set-up of a vector search.
    let head = rest.get(..rest.len().min(HEAD)).unwrap_or_default();
    let mut words = head.chunks_exact(8);
    for (i, word) in words.by_ref().enumerate() {
        let specials = <[u8; 8]>::try_from(word).map_or(0, |word| specials(u64::from_le_bytes(word)));
        if specials != 0 {
            return Some(i * 8 + specials.trailing_zeros() as usize / 8);
        }
    }
    if let Some(n) = words.remainder().iter().position(|b| special(*b)) {
        return Some(head.len() / 8 * 8 + n);
    }
    let tail = rest.get(head.len()..)?;
    let n = memchr::memchr2(b'"', b'\\', tail)?;
    let run = tail.get(..n)?;
    // A fold without a branch is vectorised; the exact place is looked for only when there is one.
    let control = run.iter().fold(false, |c, b| c | (*b < 0x20));
    let n = if control { run.iter().position(|b| *b < 0x20)? } else { n };
    Some(head.len() + n)
}

/// Bytes that are looked at without a vector search.
const HEAD: usize = 40;

/// The high bit of the first byte that is a quote, a backslash or a control character; higher bits may be wrong.
fn specials(word: u64) -> u64 {
    const ONES: u64 = u64::MAX / 255;
    let zero = |w: u64| w.wrapping_sub(ONES) & !w;
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    (zero(word ^ (ONES * u64::from(b'"'))) | zero(word ^ (ONES * u64::from(b'\\'))) | control) & (ONES << 7)
}

fn special(b: u8) -> bool {
    b == b'"' || b == b'\\' || b < 0x20
}

/// The text of a string's inside (without its quotes). Borrowed where nothing was escaped. A lone surrogate
/// becomes U+FFFD.
#[must_use]
pub fn decode(inner: &[u8]) -> Cow<'_, str> {
    if memchr::memchr(b'\\', inner).is_none() {
        return String::from_utf8_lossy(inner);
    }
    let mut out = String::with_capacity(inner.len());
    decode_mapped(inner, &mut out, &mut |_, _| ());
    Cow::Owned(out)
}

/// Appends the text of a string's inside to `out` and calls `step(out_offset, inner_offset)` at the start of every
/// run in which both advance alike, and at each escape sequence. Offsets count from the start of `inner` and from
/// the length that `out` had.
pub fn decode_mapped(inner: &[u8], out: &mut String, step: &mut dyn FnMut(usize, usize)) {
    let base = out.len();
    // Checked once: a run between backslashes is then a slice, not a check of its own.
    let text = std::str::from_utf8(inner).ok();
    let mut i = 0;
    while i < inner.len() {
        let rest = inner.get(i..).unwrap_or_default();
        let run = backslash(rest);
        if run > 0 {
            step(out.len() - base, i);
            match text.and_then(|t| t.get(i..i + run)) {
                Some(plain) => out.push_str(plain),
                None => out.push_str(&String::from_utf8_lossy(rest.get(..run).unwrap_or_default())),
            }
            i += run;
            continue;
        }
        step(out.len() - base, i);
        let (c, used) = one_escape(rest);
        out.push(c);
        i += used;
    }
}

/// How many bytes stand in front of the next backslash.
fn backslash(rest: &[u8]) -> usize {
    const ONES: u64 = u64::MAX / 255;
    // In a document that is a string, quotes stand close together: most runs end within a few words.
    for (i, word) in rest.chunks_exact(8).take(HEAD / 8).enumerate() {
        let word = <[u8; 8]>::try_from(word).map_or(0, u64::from_le_bytes) ^ (ONES * u64::from(b'\\'));
        let found = word.wrapping_sub(ONES) & !word & (ONES << 7);
        if found != 0 {
            return i * 8 + found.trailing_zeros() as usize / 8;
        }
    }
    let head = rest.len().min(HEAD) / 8 * 8;
    let tail = rest.get(head..).unwrap_or_default();
    memchr::memchr(b'\\', tail).map_or(rest.len(), |n| head + n)
}

/// One escape sequence at the start of `rest`: its character and its length.
fn one_escape(rest: &[u8]) -> (char, usize) {
    let c = match rest.get(1) {
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => return unicode_escape(rest),
        Some(other) => char::from(*other),
        None => return ('\u{fffd}', 1),
    };
    (c, 2)
}

fn unicode_escape(rest: &[u8]) -> (char, usize) {
    let Some(first) = hex4(rest.get(2..6)) else { return ('\u{fffd}', rest.len().min(6)) };
    if let Some(c) = char::from_u32(first) {
        return (c, 6);
    }
    if (0xD800..0xDC00).contains(&first)
        && rest.get(6..8) == Some(b"\\u")
        && let Some(second) = hex4(rest.get(8..12))
        && (0xDC00..0xE000).contains(&second)
        && let Some(c) = char::from_u32(0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00))
    {
        return (c, 12);
    }
    ('\u{fffd}', 6)
}

fn hex4(digits: Option<&[u8]>) -> Option<u32> {
    u32::from_str_radix(std::str::from_utf8(digits?).ok()?, 16).ok()
}

/// Appends `text` escaped for the inside of a JSON string (RFC 8259, section 7), escaping only what must be.
pub fn escape_into(out: &mut Vec<u8>, text: &str) {
    let mut rest = text.as_bytes();
    while let Some(n) = rest.iter().position(|b| special(*b)) {
        out.extend_from_slice(rest.get(..n).unwrap_or_default());
        match rest.get(n).copied().unwrap_or_default() {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0c => out.extend_from_slice(b"\\f"),
            b => {
                out.extend_from_slice(b"\\u00");
                out.push(b"0123456789abcdef".get(usize::from(b >> 4)).copied().unwrap_or(b'0'));
                out.push(b"0123456789abcdef".get(usize::from(b & 15)).copied().unwrap_or(b'0'));
            }
        }
        rest = rest.get(n + 1..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
}

/// `text` as a JSON string with its quotes.
#[must_use]
pub fn quote(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len() + 2);
    out.push(b'"');
    escape_into(&mut out, text);
    out.push(b'"');
    String::from_utf8(out).unwrap_or_default()
}
