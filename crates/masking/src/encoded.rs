//! Runs of base64 and hexadecimal digits that hold text, as they stand or compressed.

use std::ops::Range;

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::finding::Form;
use crate::inflate::{Inflated, inflate};
use crate::periodic;
use crate::scan::{Seen, bytes};

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const PLAIN: GeneralPurpose = GeneralPurpose::new(&STANDARD, LENIENT);
const URL: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, LENIENT);

/// Shorter runs hold no value worth hiding that their letters would not show.
const SHORTEST: usize = 10;
/// The first characters of a run tell whether it is worth decoding.
const HEAD: usize = 48;

/// A run that decodes to text.
pub(crate) struct Run {
    pub(crate) span: Range<usize>,
    pub(crate) text: Text,
    pub(crate) form: Form,
}

/// What a run decodes to.
pub(crate) enum Text {
    Is(String),
    /// Compressed, and more than may be inspected.
    TooLarge,
}

/// Calls `each` for every run that decodes to text; `most` is how many bytes one may decode to.
pub(crate) fn runs<E>(
    bytes: &[u8],
    seen: Seen,
    most: usize,
    each: &mut dyn FnMut(Run) -> Result<(), E>,
) -> Result<(), E> {
    let (first, last) = (seen.codes.0 as usize, seen.codes.1 as usize);
    let mut from = if seen.coded { first - behind(bytes, first) } else { bytes.len() };
    while let Some(span) = next(bytes, from).filter(|span| span.start <= last) {
        from = span.end;
        // Words, by far the most runs, have small letters only, and small letters alone encode no text.
        if bytes
            .get(span.clone())
            .is_some_and(|run| run.iter().any(|b| *b < b'a' && b.is_ascii_alphanumeric()))
        {
            one(bytes, span, most, each)?;
        }
    }
    let Some(first) = seen.periodic else { return Ok(()) };
    for (span, raw) in pairs(bytes, first as usize) {
        if let Some(text) = decoded(&raw, most) {
            each(Run { span, text, form: Form::Text })?;
        }
    }
    Ok(())
}

/// How many bytes in front of `at` are of the same run.
fn behind(bytes: &[u8], at: usize) -> usize {
    bytes.get(..at).unwrap_or_default().iter().rev().take_while(|b| part(**b)).count()
}

/// The next run of base64 characters from `from` on. Lines of base64 are one run.
fn next(bytes: &[u8], mut from: usize) -> Option<Range<usize>> {
    while let Some(b) = bytes.get(from + SHORTEST - 1) {
        if let Some((window, _)) = bytes.get(from..).and_then(|rest| rest.split_first_chunk::<WINDOW>())
            && !begins(window)
        {
            from += BLOCK;
            continue;
        }
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
        return Some(start..end(bytes, probe + 1));
    }
    None
}

/// Places that are looked at together for the beginning of a run, and the bytes that takes.
const BLOCK: usize = 32;
const WINDOW: usize = BLOCK + 16;

/// Whether a run of [`SHORTEST`] bytes begins at one of the first places, without a branch.
// All indexes are below the length of the arrays; checked ones are not vectorised.
#[allow(clippy::indexing_slicing, clippy::needless_range_loop)]
fn begins(window: &[u8; WINDOW]) -> bool {
    let (mut one, mut two, mut four) = ([0u8; WINDOW], [0u8; WINDOW], [0u8; WINDOW]);
    for i in 0..WINDOW {
        let b = window[i];
        let letter = u8::from((b | 0x20).wrapping_sub(b'a') < 26) | u8::from(b.wrapping_sub(b'0') < 10);
        let sign = u8::from(b == b'-') | u8::from(b == b'_') | u8::from(b == b'+') | u8::from(b == b'/');
        one[i] = letter | sign;
    }
    for i in 0..WINDOW - 1 {
        two[i] = one[i] & one[i + 1];
    }
    for i in 0..WINDOW - 3 {
        four[i] = two[i] & two[i + 2];
    }
    let mut found = 0;
    for i in 0..BLOCK {
        found |= four[i] & four[i + 4] & two[i + 8];
    }
    found != 0
}

/// Where a run ends that goes on at `at`.
fn end(bytes: &[u8], mut at: usize) -> usize {
    loop {
        while bytes.get(at).copied().is_some_and(part) {
            at += 1;
        }
        let rest = bytes.get(at..).unwrap_or_default();
        let fold = match rest {
            [b'\r', b'\n', ..] => 2,
            [b'\n', ..] => 1,
            _ => 0,
        };
        if fold == 0 || !rest.get(fold).copied().is_some_and(part) {
            return at;
        }
        at += fold;
    }
}

fn part(b: u8) -> bool {
    bytes::encoded(b)
}

/// Looks at one run: as a whole, line by line, and between the signs that also stand in paths and names.
fn one<E>(
    bytes: &[u8],
    span: Range<usize>,
    most: usize,
    each: &mut dyn FnMut(Run) -> Result<(), E>,
) -> Result<(), E> {
    let run = bytes.get(span.clone()).unwrap_or_default();
    if let Some((text, form)) = text_of(run, most) {
        let pad =
            bytes.get(span.end..).unwrap_or_default().iter().take(2).take_while(|b| **b == b'=').count();
        let pad = if form == Form::Base64 { pad } else { 0 };
        return each(Run { span: span.start..span.end + pad, text, form });
    }
    let lines = run.contains(&b'\n');
    let apart =
        |b: &u8| if lines { matches!(b, b'\n' | b'\r') } else { matches!(b, b'/' | b'-' | b'_' | b'+') };
    let mut at = span.start;
    for piece in run.split(apart).filter(|p| p.len() < run.len()) {
        if piece.len() >= SHORTEST {
            one(bytes, at..at + piece.len(), most, each)?;
        }
        at += piece.len() + 1;
    }
    Ok(())
}

/// The text that a run stands for, if it is one.
fn text_of(run: &[u8], most: usize) -> Option<(Text, Form)> {
    if run.len() < SHORTEST || date(run) {
        return None;
    }
    text_behind(run, most)
}

fn text_behind(run: &[u8], most: usize) -> Option<(Text, Form)> {
    let digits = run.strip_prefix(b"0x").or_else(|| run.strip_prefix(b"0X")).unwrap_or(run);
    if digits.len() >= 14 && digits.iter().take(HEAD).all(|b| b.is_ascii_hexdigit() || white(*b)) {
        // The first bytes tell whether the rest is worth decoding; nearly always it is a hash.
        let head = digits.get(..digits.len().min(HEAD) / 2 * 2).unwrap_or_default();
        let worth = digits.len() <= HEAD || head.iter().any(|b| white(*b)) || hex_head(head);
        let raw = if worth { unhex(digits) } else { None };
        if let Some(text) = raw.and_then(|raw| decoded(&raw, most)) {
            return Some((text, Form::Text));
        }
    }
    let kinds = run.iter().take(HEAD).any(u8::is_ascii_uppercase) || run.iter().any(u8::is_ascii_digit);
    if !kinds {
        return None;
    }
    let mut compact = Vec::new();
    let run = if run.iter().any(|b| white(*b)) {
        compact.extend(run.iter().copied().filter(|b| !white(*b)));
        compact.as_slice()
    } else {
        run
    };
    if run.len() % 4 == 1 {
        return None;
    }
    let safe = run.iter().any(|b| matches!(b, b'-' | b'_'));
    let head = run.get(..run.len().min(HEAD) / 4 * 4)?;
    let mut first = [0u8; HEAD];
    let n = beginning(head, safe, &mut first)?;
    if !promising(first.get(..n)?) {
        return None;
    }
    let engine = if safe { &URL } else { &PLAIN };
    Some((decoded(&engine.decode(run).ok()?, most)?, Form::Base64))
}

/// Decodes whole groups of four characters; gives how many bytes they are. Nearly all runs are words and end here, so it is done
/// without what a decoder needs for longer ones.
fn beginning(head: &[u8], safe: bool, out: &mut [u8; HEAD]) -> Option<usize> {
    let mut n = 0;
    for (group, to) in head.as_chunks::<4>().0.iter().zip(out.as_chunks_mut::<3>().0) {
        let mut bits = 0;
        for b in group {
            bits = bits << 6 | u32::from(sextet(*b, safe)?);
        }
        let [_, a, b, c] = bits.to_be_bytes();
        *to = [a, b, c];
        n += 3;
    }
    Some(n)
}

/// What a character of base64 stands for.
fn sextet(b: u8, safe: bool) -> Option<u8> {
    Some(match b {
        b'A'..=b'Z' => b - b'A',
        b'a'..=b'z' => b - b'a' + 26,
        b'0'..=b'9' => b - b'0' + 52,
        b'-' if safe => 62,
        b'_' if safe => 63,
        b'+' if !safe => 62,
        b'/' if !safe => 63,
        _ => return None,
    })
}

/// `2026-03-01`, which encodes nothing: a test tries them all.
fn date(run: &[u8]) -> bool {
    let ([b'1', b'9', rest @ ..] | [b'2', b'0', rest @ ..]) = run else { return false };
    let fits = |(b, shape): (&u8, &u8)| if *shape == b'0' { b.is_ascii_digit() } else { b == shape };
    run.len() == SHORTEST && rest.iter().zip(b"00-00-00").all(fits)
}

fn white(b: u8) -> bool {
    matches!(b, b'\n' | b'\r')
}

/// Whether bytes that begin like this may be text or hold compressed text.
fn promising(first: &[u8]) -> bool {
    let whole = match std::str::from_utf8(first) {
        Ok(text) => readable(text),
        // A cut inside a character.
        Err(e) => e.error_len().is_none() && e.valid_up_to() > 0,
    };
    whole || mostly(first) || crate::inflate::promising(first)
}

/// More than four in five bytes are ASCII text.
fn mostly(raw: &[u8]) -> bool {
    let text = raw.iter().filter(|b| matches!(b, b' '..=b'~' | b'\n' | b'\r' | b'\t')).count();
    text * 5 > raw.len() * 4
}

fn readable(text: &str) -> bool {
    !text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
}

/// The text that bytes are, or hold compressed.
fn decoded(raw: &[u8], most: usize) -> Option<Text> {
    if let Some(text) = plain(raw) {
        return Some(Text::Is(text));
    }
    match inflate(raw, most)? {
        Inflated::Bytes(bytes) => plain(&bytes).map(Text::Is),
        Inflated::TooLarge => Some(Text::TooLarge),
    }
}

fn plain(raw: &[u8]) -> Option<String> {
    match std::str::from_utf8(raw) {
        Ok(text) if readable(text) => Some(text.to_owned()),
        _ if mostly(raw) => Some(String::from_utf8_lossy(raw).into_owned()),
        _ => None,
    }
}

fn unhex(digits: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(digits.len() / 2);
    let mut high = None;
    for b in digits.iter().filter(|b| !white(**b)) {
        let value = figure(*b)?;
        high = match high {
            None => Some(value),
            Some(h) => {
                out.push(h << 4 | value);
                None
            }
        };
    }
    high.is_none().then_some(out)
}

/// Whether these hexadecimal digits may begin text, or what inflates to text.
fn hex_head(digits: &[u8]) -> bool {
    let mut first = [0; HEAD / 2];
    for (slot, pair) in first.iter_mut().zip(digits.chunks_exact(2)) {
        let [high, low] = pair else { continue };
        *slot = figure(*high).unwrap_or(0) << 4 | figure(*low).unwrap_or(0);
    }
    first.get(..digits.len() / 2).is_some_and(promising)
}

/// What a hexadecimal digit stands for.
fn figure(b: u8) -> Option<u8> {
    char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok())
}

/// Rows of hexadecimal bytes with something between each two: `61 6c`, `61:6c`, `0x61, 0x6c`.
fn pairs(bytes: &[u8], from: usize) -> Vec<(Range<usize>, Vec<u8>)> {
    let mut out = Vec::new();
    let (mut i, mut floor) = (from, 0);
    // In a row every third byte, or every fifth or sixth where `0x` stands in front, is the same separator.
    while let Some(at) = periodic::next(bytes, i) {
        let start = at - back(bytes, at, floor.max(at.saturating_sub(8)));
        let (end, raw) = row(bytes, start);
        if raw.len() >= 6 {
            out.push((start..end, raw));
            (i, floor) = (end, end);
        } else {
            i = at + 1;
        }
    }
    out
}

/// How many bytes the pair in front of `at` takes.
fn back(bytes: &[u8], at: usize, floor: usize) -> usize {
    let before = bytes.get(floor..at).unwrap_or_default();
    let hex = before.iter().rev().take_while(|b| b.is_ascii_hexdigit() || matches!(b, b'x' | b'X')).count();
    if hex == 2 || hex == 4 { hex } else { 0 }
}

fn row(bytes: &[u8], start: usize) -> (usize, Vec<u8>) {
    let mut raw = Vec::new();
    let (mut i, mut end) = (start, start);
    loop {
        let rest = bytes.get(i..).unwrap_or_default();
        let rest = rest.strip_prefix(b"0x").or_else(|| rest.strip_prefix(b"0X")).unwrap_or(rest);
        let two = match rest {
            [high, low, ..] => figure(*high).zip(figure(*low)).map(|(high, low)| high << 4 | low),
            _ => None,
        };
        let Some(value) = two.filter(|_| !rest.get(2).is_some_and(u8::is_ascii_alphanumeric)) else { break };
        raw.push(value);
        end = bytes.len() - rest.len() + 2;
        let gap = rest.iter().skip(2).take(3).take_while(|b| !b.is_ascii_alphanumeric()).count();
        if gap == 0 || gap > 2 {
            break;
        }
        i = end + gap;
    }
    (end, raw)
}

/// The text of a string that is base64 as a whole; `None` if it is not text.
pub(crate) fn whole(text: &str, most: usize) -> Option<Text> {
    let b: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    let engine = if b.iter().any(|b| matches!(b, b'-' | b'_')) { &URL } else { &PLAIN };
    let raw = engine.decode(&b).ok()?;
    match std::str::from_utf8(&raw) {
        Ok(text) if readable(text) => Some(Text::Is(text.to_owned())),
        _ => match inflate(&raw, most)? {
            Inflated::Bytes(bytes) => std::str::from_utf8(&bytes).ok().map(|t| Text::Is(t.to_owned())),
            Inflated::TooLarge => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginnings_are_what_a_decoder_says() {
        let mut state = 7u64;
        for n in 0..20_000 {
            let mut head = Vec::new();
            for _ in 0..4 * (n % 13) {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let all = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_";
                let most = if n % 3 == 0 { all.len() } else { 62 };
                head.extend(all.get((state >> 33) as usize % most));
            }
            for (safe, engine) in [(true, &URL), (false, &PLAIN)] {
                let mut out = [0; HEAD];
                let own = beginning(&head, safe, &mut out).and_then(|n| out.get(..n).map(<[u8]>::to_vec));
                assert_eq!(own, engine.decode(&head).ok(), "{head:?}");
            }
        }
    }

    #[test]
    fn no_date_encodes_text() {
        for n in 0..2_000_000u32 {
            let (year, month, day) = (1900 + n / 10_000, n / 100 % 100, n % 100);
            let text = format!("{year}-{month:02}-{day:02}");
            assert!(date(text.as_bytes()), "{text}");
            assert!(text_behind(text.as_bytes(), 1 << 20).is_none(), "{text}");
        }
    }
}
