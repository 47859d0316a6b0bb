//! `name: value` and `name=value` in text: the name is a key like one in JSON. Also credentials in URLs.

use carnet_model::DataClass;

use super::{Scanner, Text};
use crate::keys::Hint;
use crate::token::is_mask;
use crate::value;

/// Names are looked for this far back.
const NAME: usize = 40;
/// Values of other classes than secrets end here at the latest.
const VALUE: usize = 96;

/// Looks at every `:` and `=`.
pub(super) fn scan(t: &mut Text<'_>, s: &Scanner) {
    let bytes = t.bytes;
    let mut floor = 0;
    for at in memchr::memchr2_iter(b':', b'=', bytes) {
        if at < floor {
            continue;
        }
        if bytes.get(at..at + 3) == Some(b"://") {
            floor = credentials(t, at + 3).unwrap_or(at + 3);
            continue;
        }
        // No name ends in a digit; most colons in records are those of a time of day.
        let digit = at.checked_sub(1).and_then(|i| bytes.get(i)).is_some_and(u8::is_ascii_digit);
        if digit || operator(bytes, at) {
            continue;
        }
        let Some(name) = name(bytes, floor, at) else { continue };
        if in_mask(bytes, at, name) {
            continue;
        }
        let Some(hint) = s.keys.hint(name) else { continue };
        if let Some(end) = assigned(t, hint, at + 1) {
            floor = end;
        }
    }
}

/// `::`, `==`, `=>`, `!=`: code, not a name with a value.
fn operator(bytes: &[u8], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|i| bytes.get(i));
    matches!(before, Some(b':' | b'=' | b'!' | b'<' | b'>'))
        || matches!(bytes.get(at + 1), Some(b':' | b'>'))
        || bytes.get(at..at + 2) == Some(b"==")
}

/// The name is the label of `[LABEL]` or `[LABEL:token]`, which masking wrote.
fn in_mask(bytes: &[u8], at: usize, name: &str) -> bool {
    let from = at.saturating_sub(NAME + 1);
    let before = bytes.get(from..at).unwrap_or_default();
    let Some(open) = memchr::memrchr(b'[', before) else { return false };
    let rest = bytes.get(from + open..bytes.len().min(at + 24)).unwrap_or_default();
    let mask = memchr::memchr(b']', rest).and_then(|n| rest.get(..=n)).filter(|mask| is_mask(mask));
    mask.is_some_and(|mask| memchr::memmem::find(mask, name.as_bytes()).is_some())
}

/// `user:password@` in front of a host (RFC 3986, 3.2.1). Gives where the authority ends.
fn credentials(t: &mut Text<'_>, start: usize) -> Option<usize> {
    let rest = t.bytes.get(start..t.bytes.len().min(start + 512))?;
    let stop = |b: &u8| {
        matches!(b, b'/' | b'?' | b'#' | b'"' | b'\'' | b'<' | b'>' | b'`' | b'\\') || b.is_ascii_whitespace()
    };
    let len = rest.iter().take_while(|b| !stop(b)).count();
    let authority = rest.get(..len)?;
    let at = memchr::memrchr(b'@', authority)?;
    let user = authority.get(..at)?;
    let colon = memchr::memchr(b':', user)?;
    let password = user.get(colon + 1..)?;
    if password.is_empty() || value::placeholder(password) || is_mask(user) {
        return None;
    }
    t.hit(start, start + at, DataClass::URL_CREDENTIALS, "URL_CREDENTIALS", "url_credentials", 97);
    Some(start + at + 1)
}

/// The name in front of the sign at `at`.
fn name(bytes: &[u8], floor: usize, at: usize) -> Option<&str> {
    let window = bytes.get(at.saturating_sub(NAME).max(floor)..at)?;
    let mut end = window.len();
    while end > 0
        && window
            .get(end - 1)
            .is_some_and(|b| matches!(b, b' ' | b'"' | b'\'' | b'*' | b'`' | b']' | b'?' | b':'))
    {
        end -= 1;
    }
    let window = window.get(..end)?;
    let part =
        |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b' ' | b'.' | b'\'') || *b >= 0x80;
    let len = window.iter().rev().take_while(|b| part(b)).count();
    let text = window.get(end - len..)?;
    let from = text.iter().position(|b| b & 0xC0 != 0x80)?;
    let text = std::str::from_utf8(text.get(from..)?).ok()?.trim_matches([' ', '\'', '-', '.']);
    // Only the last words name the value.
    let cut = text.rmatch_indices(' ').nth(3).map_or(0, |(i, _)| i + 1);
    // `10:30`, `x=1`: no name.
    text.get(cut..).filter(|t| {
        t.len() >= 2 && t.bytes().next_back().is_some_and(|b| b.is_ascii_alphabetic() || b >= 0x80)
    })
}

/// The value behind a sign, if the hint accepts it.
fn assigned(t: &mut Text<'_>, hint: Hint, from: usize) -> Option<usize> {
    let class = hint.class?;
    let rest = t.bytes.get(from..)?;
    let lead = rest.iter().take_while(|b| matches!(b, b' ' | b'\t' | b'=' | b'*' | b'>')).count();
    let rest = rest.get(lead..)?;
    let quote = rest.first().copied().filter(|b| matches!(b, b'"' | b'\'' | b'`'));
    let open = usize::from(quote.is_some());
    let body = rest.get(open..)?;
    let limit = body.len().min(if class == DataClass::SECRET { 512 } else { VALUE });
    let body = body.get(..limit)?;
    let len = match quote {
        Some(q) => body.iter().position(|b| *b == q || *b == b'\n')?,
        None if class == DataClass::SECRET => body
            .iter()
            .position(|b| {
                b.is_ascii_whitespace() || matches!(b, b',' | b';' | b')' | b'}' | b'"' | b'\'' | b'<' | b'&')
            })
            .unwrap_or(limit),
        None => line(body, class),
    };
    let value = std::str::from_utf8(body.get(..len)?).ok()?;
    let value_end = value.trim_end().trim_end_matches(['.', '*']).len();
    let value = value.get(..value_end)?;
    let accepted = if class == DataClass::SECRET {
        value::secret(value, hint.strength, quote.is_some())
    } else {
        value::fits(hint, value) && (quote.is_some() || value::no_code(hint, value))
    };
    if !accepted {
        return None;
    }
    let start = from + lead + open;
    t.hit(start, start + value_end, class, hint.kind, "named_value", 85);
    Some(start + value_end)
}

/// Length of an unquoted value: to the end of the line or the next separator.
fn line(body: &[u8], class: DataClass) -> usize {
    let comma = class != DataClass::ADDRESS;
    let stop = |b: &u8| {
        matches!(b, b'\n' | b'\r' | b';' | b'|' | b'<' | b'"' | b'\t' | b'{' | b'}' | b'[' | b'(')
            || comma && *b == b','
    };
    let len = body.iter().position(stop).unwrap_or(body.len());
    // A cut inside a character.
    let mut len = len;
    while len > 0 && body.get(len).is_some_and(|b| b & 0xC0 == 0x80) {
        len -= 1;
    }
    // The end of a sentence.
    let sentence = body.get(..len).unwrap_or_default();
    memchr::memmem::find(sentence, b". ").filter(|_| comma).unwrap_or(len)
}
