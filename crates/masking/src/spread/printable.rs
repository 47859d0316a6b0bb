//! Quoted-printable (RFC 2045, 6.7): `=40` for a sign, `=` at the end of a line for nothing.

use super::{Region, Trust};

/// Finds runs without white space in which a sign is escaped.
pub(super) fn find(text: &str, out: &mut Vec<Region>) {
    let b = text.as_bytes();
    let mut floor = 0;
    for at in memchr::memchr_iter(b'=', b) {
        if at < floor || escaped(b, at).is_none() {
            continue;
        }
        let part = |b: &&u8| !b.is_ascii_whitespace() && !matches!(b, b'<' | b'>' | b'"');
        let back = b.get(floor..at).unwrap_or_default().iter().rev().take(128).take_while(part).count();
        let mut start = at - back;
        while !text.is_char_boundary(start) {
            start += 1;
        }
        let (region, end) = read(text, start);
        floor = end;
        out.extend(region);
    }
}

/// What `=` at `at` and what follows stand for, and how many bytes they are.
fn escaped(b: &[u8], at: usize) -> Option<(Option<u8>, usize)> {
    match b.get(at + 1..)? {
        // White space behind it: the end of base64, not a line that goes on.
        [b'\r', b'\n', next, ..] if !next.is_ascii_whitespace() => Some((None, 3)),
        [b'\n', next, ..] if !next.is_ascii_whitespace() => Some((None, 2)),
        [hi, lo, ..] if !hi.is_ascii_lowercase() && !lo.is_ascii_lowercase() => {
            let value = char::from(*hi).to_digit(16)? * 16 + char::from(*lo).to_digit(16)?;
            Some((Some(u8::try_from(value).ok()?), 3))
        }
        _ => None,
    }
}

/// Reads from `start` to the next white space; gives where that is.
fn read(text: &str, start: usize) -> (Option<Region>, usize) {
    let b = text.as_bytes();
    let mut region = Region::new(start, Trust::Any);
    let mut i = start;
    let mut signs = 0;
    // Bytes of a character beyond ASCII come one by one.
    let mut wide: Vec<u8> = Vec::new();
    while let Some(byte) = b.get(i).filter(|b| !b.is_ascii_whitespace()) {
        let code = if *byte == b'=' { escaped(b, i) } else { None };
        match code {
            Some((Some(value), used)) => {
                signs += 1;
                if value.is_ascii() {
                    wide.clear();
                    region.push(i, char::from(value).encode_utf8(&mut [0; 4]));
                } else {
                    wide.push(value);
                    if let Ok(whole) = std::str::from_utf8(&wide) {
                        region.push(i, whole);
                        wide.clear();
                    }
                }
                i += used;
            }
            Some((None, used)) => i += used,
            None => {
                let Some(c) = text.get(i..).and_then(|rest| rest.chars().next()) else { break };
                region.push(i, c.encode_utf8(&mut [0; 4]));
                i += c.len_utf8();
            }
        }
    }
    let folded = b.get(start..i).is_some_and(|run| memchr::memchr(b'\n', run).is_some());
    ((signs > 0 || folded).then(|| region.ending(i)), i.max(start + 1))
}
