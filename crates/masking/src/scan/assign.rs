//! `name: value` and `name=value` in text: the name is a key like one in JSON. Also credentials in URLs.

use carnet_model::DataClass;

use super::{Scanner, Text, secret};
use crate::document;
use crate::keys::Hint;
use crate::token::is_mask;
use crate::value;

/// Names are looked for this far back.
const NAME: usize = 56;
/// Values of other classes than secrets end here at the latest.
const VALUE: usize = 96;
/// Secrets end here at the latest.
const SECRET: usize = 1024;

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
        // Most colons in records are those of a time of day.
        let colon = bytes.get(at) == Some(&b':');
        let digit = at.checked_sub(1).and_then(|i| bytes.get(i)).is_some_and(u8::is_ascii_digit);
        if digit && colon || operator(bytes, at) {
            continue;
        }
        let Some(name) = named(bytes, floor, at) else { continue };
        if in_mask(bytes, at, name) {
            continue;
        }
        let hint = s.keys.hint(name);
        let end = match hint {
            Some(hint) if hint.class != Some(DataClass::SECRET) && hint.class.is_some() => {
                assigned(t, hint, at + 1)
            }
            _ => assigned_secret(t, s, name, hint.filter(|h| h.class.is_some()), at + 1),
        };
        floor = end.unwrap_or(floor);
    }
}

/// The name in front of the sign: behind a type (`token: string =`) the one in front of it, in front of `value` the one
/// that a `name` beside it tells.
fn named(bytes: &[u8], floor: usize, at: usize) -> Option<&str> {
    let last = name(bytes, floor, at)?;
    let typed = ["string", "String", "str", "text", "any", "Optional[str]"].contains(&last);
    if typed {
        let before = bytes.get(at.saturating_sub(NAME)..at)?;
        let colon = memchr::memrchr(b':', before)?;
        return name(bytes, at.saturating_sub(2 * NAME), at.saturating_sub(NAME) + colon).or(Some(last));
    }
    let value = last.rsplit([' ', '-']).next().is_some_and(|w| w.eq_ignore_ascii_case("value"));
    if value { alias(bytes, at).or(Some(last)) } else { Some(last) }
}

/// `key="NAME" value=`, or `name: NAME` on the line before `value:`.
fn alias(bytes: &[u8], at: usize) -> Option<&str> {
    let before = bytes.get(at.saturating_sub(120)..at)?;
    let cut = memchr::memrchr_iter(b'\n', before).nth(1).map_or(0, |n| n + 1);
    let lines = before.get(cut..)?;
    let sign = [&b"key="[..], b"name=", b"name:", b"name\":", b"key:", b"Name=", b"name ="]
        .iter()
        .filter_map(|m| memchr::memmem::rfind(lines, m).map(|n| n + m.len()))
        .max()?;
    let rest = lines.get(sign..)?;
    let lead = rest.iter().take_while(|b| matches!(b, b' ' | b'"' | b'\'')).count();
    let rest = rest.get(lead..)?;
    let len =
        rest.iter().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.')).count();
    std::str::from_utf8(rest.get(..len)?).ok().filter(|n| n.len() >= 3)
}

/// `::`, `==`, `!=`, `<=`: code, not a name with a value. `:=`, `?=`, `+=` and `=>` are looked at where their `=` stands.
fn operator(bytes: &[u8], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|i| bytes.get(i));
    let next = bytes.get(at + 1);
    if bytes.get(at) == Some(&b':') {
        return matches!(next, Some(b':' | b'=')) || before == Some(&b':');
    }
    next == Some(&b'=') || matches!(before, Some(b'=' | b'!' | b'<' | b'>'))
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
        matches!(b, b'/' | b'?' | b'"' | b'\'' | b'<' | b'>' | b'`' | b'\\') || b.is_ascii_whitespace()
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
        && window.get(end - 1).is_some_and(|b| {
            matches!(b, b' ' | b'"' | b'\'' | b'*' | b'`' | b']' | b'?' | b':' | b'.' | b'+' | b'|' | b'\\')
        })
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
        let letters = t.bytes().filter(|b| b.is_ascii_alphabetic() || *b >= 0x80).count();
        let last = t.bytes().next_back().is_some_and(|b| b.is_ascii_alphabetic() || b >= 0x80);
        t.len() >= 2 && (last || letters >= 3)
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
    let body = body.get(..body.len().min(VALUE))?;
    let len = match quote {
        Some(q) => body.iter().position(|b| *b == q || *b == b'\n')?,
        None => line(body, class),
    };
    let value = std::str::from_utf8(body.get(..len)?).ok()?;
    let value = if quote.is_none() { document::leading(value, class) } else { value };
    let value_end = value.trim_end().trim_end_matches(['.', '*']).len();
    let value = value.get(..value_end)?;
    if !(value::fits(hint, value) && (quote.is_some() || value::no_code(hint, value))) {
        return None;
    }
    let start = from + lead + open;
    t.hit(start, start + value_end, class, hint.kind, "named_value", 85);
    Some(start + value_end)
}

/// Words in front of the value of an `Authorization` header.
const SCHEMES: [&str; 9] =
    ["bearer", "basic", "token", "apikey", "api-token", "api-key", "digest", "negotiate", "key"];

/// The secret behind a sign, if the name makes it one.
fn assigned_secret(
    t: &mut Text<'_>,
    s: &Scanner,
    name: &str,
    hint: Option<Hint>,
    from: usize,
) -> Option<usize> {
    let look = s.secret_names.look(name);
    if hint.is_none() && look.silent() {
        return None;
    }
    let rest = t.bytes.get(from..t.bytes.len().min(from + SECRET))?;
    let lead = rest.iter().take_while(|b| matches!(b, b' ' | b'\t' | b'=' | b'*' | b'>' | b'\\')).count();
    let rest = rest.get(lead..)?;
    let quote = rest.first().copied().filter(|b| matches!(b, b'"' | b'\'' | b'`'));
    let open = usize::from(quote.is_some());
    let mut start = from + lead + open;
    let mut body = rest.get(open..)?;
    // The scheme of a header is not part of the secret.
    let word = body.iter().take_while(|b| b.is_ascii_alphabetic() || **b == b'-').count();
    let scheme = body.get(..word).and_then(|w| std::str::from_utf8(w).ok()).unwrap_or_default();
    let header = body.get(word) == Some(&b' ') && SCHEMES.iter().any(|s| s.eq_ignore_ascii_case(scheme));
    if header {
        (start, body) = (start + word + 1, body.get(word + 1..)?);
    }
    let lower = name.to_ascii_lowercase();
    let pair = body.iter().take(40).take_while(|b| !b.is_ascii_whitespace()).any(|b| *b == b'=');
    let cookie = (lower == "cookie" || lower == "set-cookie") && pair;
    let len = match quote {
        Some(q) => body.iter().position(|b| *b == q || *b == b'\n')?,
        None if cookie => body.iter().take_while(|b| !matches!(b, b'\n' | b'\r' | b'"' | b'\'')).count(),
        None => unquoted(body)?,
    };
    let value = std::str::from_utf8(body.get(..len)?).ok()?;
    let end = value.trim_end_matches(['.', '*', '\\', ' ']).len();
    let value = value.get(..end)?;
    let kind = if header {
        (value.len() >= 8 && !value::placeholder(value.as_bytes()) && !secret::sample(value.as_bytes()))
            .then_some("SECRET")
            .filter(|_| value.bytes().any(|b| b.is_ascii_digit() || b == b'='))
    } else {
        secret::secret(look, hint, value, quote.is_some() || cookie)
    }?;
    t.hit(start, start + end, DataClass::SECRET, kind, "named_value", 85);
    Some(start + end)
}

/// Signs between names and values that one unquoted secret may hold.
const SIGNS: usize = 3;
/// Up to this length a value may hold more of them.
const SIGNED: usize = 64;

/// Length of an unquoted secret. A backslash before `n` or `r` is the end of a line in a quoted text. A long row of names
/// and signs is no value: the look ends at the sign that tells, so that such a row costs little at each of its names.
fn unquoted(body: &[u8]) -> Option<usize> {
    let stop = |b: u8| {
        b.is_ascii_whitespace() || matches!(b, b',' | b';' | b')' | b'}' | b'"' | b'\'' | b'<' | b'&' | b'`')
    };
    let (mut colons, mut equals) = (0, 0);
    for (i, b) in body.iter().copied().enumerate() {
        let next = body.get(i + 1).copied().unwrap_or(b'=');
        match b {
            b':' => colons += 1,
            // Base64 ends in one or two of them.
            b'=' if next != b'=' && !stop(next) => equals += 1,
            b'\\' if matches!(next, b'n' | b'r' | b't') => return Some(i),
            _ if stop(b) => return Some(i),
            _ => {}
        }
        if i > SIGNED && (colons > SIGNS || equals > SIGNS) {
            return None;
        }
    }
    Some(body.len())
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
