//! Runs of base64 and hexadecimal digits that hold text.

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::finding::Form;
use crate::scan::bytes;

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const PLAIN: GeneralPurpose = GeneralPurpose::new(&STANDARD, LENIENT);
const URL: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, LENIENT);

/// Shorter runs hold no value worth hiding that their letters would not show.
const SHORTEST: usize = 12;

/// A run that decodes to text.
pub(crate) struct Run {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) text: String,
    pub(crate) form: Form,
}

/// The next run from `from` on that decodes to text.
pub(crate) fn next(bytes: &[u8], mut from: usize) -> Option<Run> {
    while let Some(b) = bytes.get(from + SHORTEST - 1) {
        if !part(*b) {
            from += SHORTEST;
            continue;
        }
        let probe = from + SHORTEST - 1;
        let mut start = probe;
        while start > from && bytes.get(start - 1).copied().is_some_and(part) {
            start -= 1;
        }
        // The run ends before it is long enough: go on behind its end without looking for that.
        if !bytes.get(start + SHORTEST - 1).copied().is_some_and(part) {
            from = start + SHORTEST;
            continue;
        }
        let mut end = probe + 1;
        while bytes.get(end).copied().is_some_and(part) {
            end += 1;
        }
        from = end;
        let run = bytes.get(start..end)?;
        if run.len() < SHORTEST {
            continue;
        }
        let padding = bytes.get(end..)?.iter().take(2).take_while(|b| **b == b'=').count();
        if let Some((text, form)) = text_of(run) {
            let pad = if form == Form::Base64 { padding } else { 0 };
            return Some(Run { start, end: end + pad, text, form });
        }
    }
    None
}

fn part(b: u8) -> bool {
    bytes::encoded(b)
}

/// The text that a run stands for, if it is one.
fn text_of(run: &[u8]) -> Option<(String, Form)> {
    if run.len() >= 16
        && run.len().is_multiple_of(2)
        && run.iter().take(16).all(u8::is_ascii_hexdigit)
        && let Some(text) = hex(run)
    {
        return Some((text, Form::Text));
    }
    // The first twelve characters tell for nearly all words that they are no base64 of text.
    let head = run.get(..SHORTEST)?;
    let kinds = head.iter().any(u8::is_ascii_uppercase) || run.iter().any(u8::is_ascii_digit);
    if !kinds || run.len() % 4 == 1 {
        return None;
    }
    let safe = run.iter().any(|b| matches!(b, b'-' | b'_'));
    let engine = if safe { &URL } else { &PLAIN };
    let mut first = [0u8; 9];
    engine.decode_slice(head, &mut first).ok()?;
    if !first.iter().all(|b| text_byte(*b)) {
        return None;
    }
    let text = String::from_utf8(engine.decode(run).ok()?).ok()?;
    readable(&text).then_some((text, Form::Base64))
}

fn hex(run: &[u8]) -> Option<String> {
    let mut out = Vec::with_capacity(run.len() / 2);
    for pair in run.chunks_exact(2) {
        let value = pair.iter().try_fold(0u32, |n, b| char::from(*b).to_digit(16).map(|d| n * 16 + d))?;
        let b = u8::try_from(value).ok().filter(|b| text_byte(*b))?;
        out.push(b);
    }
    String::from_utf8(out).ok().filter(|t| readable(t))
}

fn text_byte(b: u8) -> bool {
    matches!(b, b' '..=b'~' | b'\n' | b'\r' | b'\t' | 0x80..)
}

fn readable(text: &str) -> bool {
    !text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
}

/// The text of a string that is base64 as a whole; `None` if it is not text.
pub(crate) fn whole(text: &str) -> Option<String> {
    let b: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    let engine = if b.iter().any(|b| matches!(b, b'-' | b'_')) { &URL } else { &PLAIN };
    String::from_utf8(engine.decode(&b).ok()?).ok().filter(|t| readable(t))
}
