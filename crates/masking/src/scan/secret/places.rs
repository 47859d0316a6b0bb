//! Secrets by the place they stand in: behind a mark of a protocol, a command, a format or a sentence.

use super::drawn::{drawn, sample};
use super::marks::hit;
use super::names::secret;
use crate::keys::Strength;
use crate::scan::bytes::token;
use crate::scan::{Scanner, Text};
use crate::value;

/// How far a value reaches at most.
const LONGEST: usize = 4096;

fn window(bytes: &[u8], from: usize, len: usize) -> &[u8] {
    bytes.get(from..bytes.len().min(from + len)).unwrap_or_default()
}

/// The bytes of an unquoted value.
fn plain(b: u8) -> bool {
    !b.is_ascii_whitespace()
        && !matches!(b, b'"' | b'\'' | b'`' | b'<' | b'>' | b',' | b';' | b')' | b'}' | b'\\')
}

/// A value with quotes or without: where it begins and ends, and whether it is quoted.
fn argument_at(bytes: &[u8], from: usize) -> Option<(usize, usize, bool)> {
    let rest = window(bytes, from, 512);
    let lead = rest.iter().take_while(|b| matches!(b, b' ' | b'\t' | b'=')).count();
    let rest = rest.get(lead..)?;
    let quote = rest.first().copied().filter(|b| matches!(b, b'"' | b'\'' | b'`'));
    let start = from + lead + usize::from(quote.is_some());
    let body = window(bytes, start, 512);
    let len = match quote {
        Some(q) => body.iter().position(|b| *b == q || *b == b'\n')?,
        None => body.iter().take_while(|b| plain(**b)).count(),
    };
    (len > 0).then_some((start, start + len, quote.is_some()))
}

fn text(bytes: &[u8], start: usize, end: usize) -> Option<&str> {
    std::str::from_utf8(bytes.get(start..end)?).ok()
}

/// Whether what stands there can be a password.
fn password(bytes: &[u8], start: usize, end: usize, quoted: bool) -> bool {
    let Some(v) = text(bytes, start, end) else { return false };
    let b = v.as_bytes();
    !sample(b) && value::secret(v, Strength::Strong, quoted) && !b.starts_with(b"$") && !b.starts_with(b"-")
}

/// Private keys from BEGIN to END, or to the end of the text when that is cut off (RFC 7468).
pub(super) fn pem(t: &mut Text<'_>, _: &Scanner, begin: usize, from: usize) -> usize {
    let bytes = t.bytes;
    let line = window(bytes, from, 48);
    let Some(label) = memchr::memmem::find(line, b"-----").and_then(|n| line.get(..n)) else { return from };
    let upper = label.to_ascii_uppercase();
    if !upper.ends_with(b"PRIVATE KEY") && !upper.ends_with(b"PRIVATE KEY BLOCK") {
        return from;
    }
    let rest = bytes.get(from + label.len() + 5..).unwrap_or_default();
    let tail = memchr::memmem::find(rest, b"-----END ").map_or(rest.len(), |n| {
        let close = rest.get(n + 9..).and_then(|r| memchr::memmem::find(r.get(..r.len().min(64))?, b"-----"));
        close.map_or(rest.len(), |c| n + 9 + c + 5)
    });
    let end = from + label.len() + 5 + tail;
    hit(t, begin, end, "SECRET_PRIVATE_KEY", "pem", 99);
    end
}

/// PuTTY's own format, up to its MAC.
pub(super) fn putty(t: &mut Text<'_>, _: &Scanner, begin: usize, from: usize) -> usize {
    let rest = t.bytes.get(from..).unwrap_or_default();
    let tail = memchr::memmem::find(rest, b"Private-MAC:").map_or(rest.len(), |n| {
        let line = rest.get(n..).unwrap_or_default();
        n + memchr::memchr(b'\n', line).unwrap_or(line.len())
    });
    hit(t, begin, from + tail, "SECRET_PRIVATE_KEY", "putty", 99);
    from + tail
}

fn webhook(t: &mut Text<'_>, from: usize, kind: &'static str, least: usize) -> usize {
    let rest = window(t.bytes, from, 400);
    let len = rest.iter().take_while(|b| token(**b) || matches!(b, b'/' | b'@' | b'+')).count();
    if len >= least && drawn(rest.get(..len).unwrap_or_default(), 3.0) {
        hit(t, from, from + len, kind, "webhook", 92);
    }
    from + len
}

pub(super) fn slack(t: &mut Text<'_>, _: &Scanner, _: usize, from: usize) -> usize {
    webhook(t, from, "SECRET_SLACK", 30)
}

pub(super) fn discord(t: &mut Text<'_>, _: &Scanner, _: usize, from: usize) -> usize {
    webhook(t, from, "SECRET_DISCORD", 60)
}

pub(super) fn teams(t: &mut Text<'_>, _: &Scanner, _: usize, from: usize) -> usize {
    webhook(t, from, "SECRET_TEAMS", 80)
}

/// `Bearer TOKEN` (RFC 6750).
pub(super) fn bearer(t: &mut Text<'_>, _: &Scanner, _: usize, from: usize) -> usize {
    let rest = window(t.bytes, from, LONGEST);
    let len = rest.iter().take_while(|b| token(**b) || matches!(b, b'.' | b'~' | b'+' | b'/' | b'=')).count();
    let v = rest.get(..len).unwrap_or_default();
    if len >= 16 && v.iter().any(u8::is_ascii_digit) && drawn(v, 3.0) {
        hit(t, from, from + len, "SECRET_BEARER", "bearer", 92);
        return from + len;
    }
    from
}

/// `Basic` and base64 of user and password (RFC 7617).
pub(super) fn basic(t: &mut Text<'_>, _: &Scanner, start: usize, from: usize) -> usize {
    let lead = start.checked_sub(1).and_then(|i| t.bytes.get(i)).is_some_and(|b| matches!(b, b'B' | b'b'));
    let rest = window(t.bytes, from, 512);
    let len =
        rest.iter().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=')).count();
    let v = rest.get(..len).unwrap_or_default();
    if lead && len >= 8 && decodes(v) {
        hit(t, from, from + len, "SECRET_BASIC_AUTH", "basic", 92);
        return from + len;
    }
    from
}

/// Base64 of `user:password`.
fn decodes(v: &[u8]) -> bool {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD_NO_PAD;
    let cut = v.iter().rposition(|b| *b != b'=').map_or(0, |n| n + 1);
    let Some(body) = v.get(..cut) else { return false };
    STANDARD_NO_PAD.decode(body).is_ok_and(|d| {
        d.contains(&b':') && d.iter().filter(|b| b.is_ascii_graphic()).count() * 10 >= d.len() * 8
    })
}

/// `curl -u user:password`, on the same command: lines that end in a backslash go on.
pub(super) fn curl(t: &mut Text<'_>, _: &Scanner, _: usize, from: usize) -> usize {
    let bytes = t.bytes;
    let rest = window(bytes, from, 1000);
    for flag in [&b"-u"[..], b"--user", b"--proxy-user"] {
        let mut at = 0;
        // Two looks for each flag are enough for a command and bound the work on hostile text.
        for _ in 0..2 {
            let Some(n) = rest.get(at..).and_then(|r| memchr::memmem::find(r, flag)) else { break };
            let begin = at + n;
            at = begin + flag.len();
            let free = begin.checked_sub(1).and_then(|i| rest.get(i)).is_none_or(u8::is_ascii_whitespace);
            if free && let Some(end) = userinfo(t, from + at) {
                return end;
            }
        }
    }
    from
}

/// `user:password` as an argument.
fn userinfo(t: &mut Text<'_>, from: usize) -> Option<usize> {
    let bytes = t.bytes;
    let mut start =
        from + window(bytes, from, 16).iter().take_while(|b| matches!(b, b' ' | b'=' | b'\t')).count();
    if start == from {
        return None;
    }
    let quote = bytes.get(start).copied().filter(|b| matches!(b, b'"' | b'\''));
    start += usize::from(quote.is_some());
    let rest = window(bytes, start, 300);
    let len = match quote {
        // `"user":"password"`: the quotes go on behind the colon.
        Some(q) => {
            let first = memchr::memchr(q, rest)?;
            let more = rest.get(first + 1) == Some(&b':') && rest.get(first + 2) == Some(&q);
            first + if more { 3 + memchr::memchr(q, rest.get(first + 3..)?)? } else { 0 }
        }
        None => rest.iter().take_while(|b| !b.is_ascii_whitespace()).count(),
    };
    let all = rest.get(..len)?;
    let colon = memchr::memchr(b':', all)?;
    let trim = |v: &[u8]| {
        let end = v.iter().rposition(|b| !matches!(b, b'"' | b'\'')).map_or(0, |n| n + 1);
        (v.iter().take_while(|b| matches!(b, b'"' | b'\'')).count().min(end), end)
    };
    let (a, b) = trim(all.get(colon + 1..)?);
    let (c, d) = trim(all.get(..colon)?);
    let (user, pass) = (all.get(c..d)?, all.get(colon + 1 + a..colon + 1 + b)?);
    let reference = |v: &[u8]| {
        v.iter().any(|b| matches!(b, b'$' | b'<' | b'['))
            && v.first().is_some_and(|b| matches!(b, b'$' | b'<' | b'[' | b'{'))
    };
    let known =
        ["password", "pass", "passwd", "pwd", "token", "test", "changeit", "changeme", "secret", "yyy"];
    let common = |v: &[u8]| known.iter().any(|k| k.as_bytes().eq_ignore_ascii_case(v)) || sample(v);
    let value = if pass.is_empty() { user } else { pass };
    if value.len() < 3
        || reference(value)
        || common(value)
        || value::placeholder(value)
        || value.starts_with(b"//")
    {
        return None;
    }
    hit(t, start, start + len, "SECRET_BASIC_AUTH", "command", 88);
    Some(start + len)
}

/// `mysql -uroot -pPASSWORD`.
pub(super) fn mysql(t: &mut Text<'_>, _: &Scanner, _: usize, from: usize) -> usize {
    let line = window(t.bytes, from, 300);
    let line = line.split(|b| *b == b'\n').next().unwrap_or_default();
    let Some(n) = memchr::memmem::find(line, b" -p") else { return from };
    let start = from + n + 3;
    let Some((a, b, quoted)) = argument_at(t.bytes, start).filter(|v| v.0 <= start + 1) else { return from };
    if password(t.bytes, a, b, quoted) {
        hit(t, a, b, "SECRET_PASSWORD", "command", 85);
        return b;
    }
    from
}

/// `sshpass -p 'PASSWORD'`.
pub(super) fn sshpass(t: &mut Text<'_>, _: &Scanner, _: usize, from: usize) -> usize {
    let n = memchr::memmem::find(window(t.bytes, from, 40), b"-p");
    let Some((a, b, _)) = n.and_then(|n| argument_at(t.bytes, from + n + 2)) else { return from };
    if password(t.bytes, a, b, true) {
        hit(t, a, b, "SECRET_PASSWORD", "command", 88);
        return b;
    }
    from
}

/// `--password VALUE`.
pub(super) fn flag(t: &mut Text<'_>, s: &Scanner, start: usize, from: usize) -> usize {
    let before = start.checked_sub(1).and_then(|i| t.bytes.get(i));
    // `Token abc` and `-vaultToken abc`: only with something drawn behind it.
    let word = t.bytes.get(start..from).unwrap_or_default();
    let weak = !word.starts_with(b"-") || before.is_some_and(|b| b.is_ascii_alphanumeric());
    if t.bytes.get(from) == Some(&b'=') {
        return from;
    }
    let Some((a, b, quoted)) = argument_at(t.bytes, from) else { return from };
    let Some(v) = text(t.bytes, a, b) else { return from };
    let found = if weak || memchr::memmem::find(word, b"pass").is_none() {
        secret(s.secret_names.look("token"), None, v, quoted).is_some()
    } else {
        (quoted || v.len() >= 6) && password(t.bytes, a, b, true)
    };
    if found {
        hit(t, a, b, "SECRET", "command", 85);
        return b;
    }
    from
}

/// `IDENTIFIED BY 'PASSWORD'`.
pub(super) fn sql(t: &mut Text<'_>, _: &Scanner, _: usize, from: usize) -> usize {
    match argument_at(t.bytes, from) {
        Some((a, b, true)) if password(t.bytes, a, b, true) => {
            hit(t, a, b, "SECRET_PASSWORD", "sql", 88);
            b
        }
        _ => from,
    }
}

/// `PASSWORD 'PASSWORD'`: the mark ends with the quote.
pub(super) fn quoted(t: &mut Text<'_>, s: &Scanner, start: usize, from: usize) -> usize {
    sql(t, s, start, from - 1)
}

/// `the password is X`.
pub(super) fn told(t: &mut Text<'_>, _: &Scanner, _: usize, from: usize) -> usize {
    let Some((a, b, quoted)) = argument_at(t.bytes, from) else { return from };
    let v = t.bytes.get(a..b).unwrap_or_default();
    let dot = v.iter().rev().take_while(|b| matches!(b, b'.' | b'!' | b'?' | b':')).count();
    let b = if quoted || dot == v.len() || v.ends_with(b"!") { b } else { b - dot };
    if password(t.bytes, a, b, quoted) {
        hit(t, a, b, "SECRET_PASSWORD", "told", 80);
        return b;
    }
    from
}

/// `machine HOST login USER password PASSWORD`.
pub(super) fn netrc(t: &mut Text<'_>, _: &Scanner, start: usize, from: usize) -> usize {
    let before = t.bytes.get(start.saturating_sub(120)..start).unwrap_or_default();
    let login = memchr::memmem::find(before, b"login ").is_some()
        || memchr::memmem::find(before, b"machine ").is_some();
    let Some((a, b, quoted)) = argument_at(t.bytes, from).filter(|_| login) else { return from };
    if password(t.bytes, a, b, quoted)
        || b - a >= 6
            && t.bytes.get(a..b).is_some_and(|v| drawn(v, 2.5))
            && !quoted
            && memchr::memmem::find(before, b"machine ").is_some()
    {
        hit(t, a, b, "SECRET_PASSWORD", "netrc", 85);
        return b;
    }
    from
}

/// `<apiKey>VALUE</apiKey>`.
pub(super) fn element(t: &mut Text<'_>, s: &Scanner, start: usize, from: usize) -> usize {
    let bytes = t.bytes;
    let before = bytes.get(start.saturating_sub(48)..from - 1).unwrap_or_default();
    let Some(open) = memchr::memrchr(b'<', before) else { return from };
    let Some(name) = before.get(open + 1..).and_then(|n| std::str::from_utf8(n).ok()) else { return from };
    if name.starts_with('/') {
        return from;
    }
    let rest = window(bytes, from, 600);
    let Some(close) = memchr::memchr(b'<', rest) else { return from };
    let lead = rest.iter().take_while(|b| b.is_ascii_whitespace()).count().min(close);
    let body = rest.get(lead..close).unwrap_or_default();
    let len = body.iter().rposition(|b| !b.is_ascii_whitespace()).map_or(0, |n| n + 1);
    named(t, s, name, from + lead, from + lead + len, true, from)
}

/// Notes the value at `a..b` if the name makes it a secret; gives where to go on.
fn named(t: &mut Text<'_>, s: &Scanner, name: &str, a: usize, b: usize, quoted: bool, from: usize) -> usize {
    let hint = s.keys.hint(name).filter(|h| h.class == Some(carnet_model::DataClass::SECRET));
    let Some(v) = text(t.bytes, a, b) else { return from };
    match secret(s.secret_names.look(name), hint, v, quoted) {
        Some(kind) => {
            hit(t, a, b, kind, "named_value", 85);
            b
        }
        None => from,
    }
}

/// `set("API_TOKEN", "VALUE")`: a name and a value between quotes.
pub(super) fn argument(t: &mut Text<'_>, s: &Scanner, start: usize, from: usize) -> usize {
    let bytes = t.bytes;
    let Some(quote) = bytes.get(start).copied() else { return from };
    let before = bytes.get(start.saturating_sub(40)..start).unwrap_or_default();
    let Some(open) = memchr::memrchr(quote, before) else { return from - 1 };
    let Some(name) = before.get(open + 1..).and_then(|n| std::str::from_utf8(n).ok()) else {
        return from - 1;
    };
    let field =
        name.len() >= 3 && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'));
    if !field || s.secret_names.look(name).silent() {
        return from - 1;
    }
    let Some(len) = memchr::memchr(quote, window(bytes, from, 512)) else { return from - 1 };
    // A row of cells tells a name and a value no better than any two words.
    let Some(v) = text(bytes, from, from + len) else { return from - 1 };
    match secret(s.secret_names.look(name), None, v, true) {
        Some(kind) => {
            hit(t, from, from + len, kind, "named_value", 80);
            from + len
        }
        None => from - 1,
    }
}

/// `process.env.API_TOKEN || "VALUE"`.
pub(super) fn fallback(t: &mut Text<'_>, s: &Scanner, start: usize, from: usize) -> usize {
    let before = t.bytes.get(start.saturating_sub(48)..start).unwrap_or_default();
    let end = before.iter().rposition(|b| *b != b' ').map_or(0, |n| n + 1);
    let head = before.get(..end).unwrap_or_default();
    let len = head.iter().rev().take_while(|b| token(**b)).count();
    let Some(name) = head.get(end - len..).and_then(|n| std::str::from_utf8(n).ok()) else { return from };
    match argument_at(t.bytes, from - 1) {
        Some((a, b, true)) => named(t, s, name, a, b, true, from),
        _ => from,
    }
}

/// The values under `data:` and `stringData:` of a Kubernetes secret.
pub(super) fn kubernetes(t: &mut Text<'_>, _: &Scanner, start: usize, from: usize) -> usize {
    let bytes = t.bytes;
    if bytes.get(from).is_some_and(|b| !b.is_ascii_whitespace()) {
        return from;
    }
    // The document around the mark.
    let first = start.saturating_sub(4000);
    let head = bytes.get(first..start).unwrap_or_default();
    let top = memchr::memmem::rfind(head, b"\n---").map_or(first, |n| first + n + 4);
    let rest = window(bytes, from, 8000);
    let end = from + memchr::memmem::find(rest, b"\n---").unwrap_or(rest.len());
    let mut at = top;
    let mut indent = None;
    for line in bytes.get(top..end).unwrap_or_default().split_inclusive(|b| *b == b'\n') {
        let begin = at;
        at += line.len();
        let lead = line.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
        let body = line.get(lead..).unwrap_or_default().trim_ascii_end();
        if body.is_empty() || body.starts_with(b"#") {
            continue;
        }
        match indent {
            _ if body == b"data:" || body == b"stringData:" => indent = Some(lead),
            Some(outer) if lead > outer => entry(t, begin + lead, body),
            _ => indent = None,
        }
    }
    end
}

/// `name: value` or a value alone on its line.
fn entry(t: &mut Text<'_>, at: usize, body: &[u8]) {
    let cut = memchr::memmem::find(body, b": ").map_or(0, |n| n + 2);
    let v = body.get(cut..).unwrap_or_default();
    let lead = v.iter().take_while(|b| matches!(b, b' ' | b'"' | b'\'')).count();
    let end = v.iter().rposition(|b| !matches!(b, b'"' | b'\'')).map_or(0, |n| n + 1);
    let Some(inner) = v.get(lead..end) else { return };
    if inner.len() >= 4
        && !inner.ends_with(b":")
        && !value::placeholder(inner)
        && !sample(inner)
        && !inner.starts_with(b"{{")
    {
        hit(t, at + cut + lead, at + cut + end, "SECRET_KUBERNETES", "kubernetes", 88);
    }
}

/// Azure client secrets: three characters, a digit, `Q~`, 31 to 34 more.
pub(super) fn azure(t: &mut Text<'_>, _: &Scanner, start: usize, from: usize) -> usize {
    let body = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'~' | b'.' | b'-');
    let rest = window(t.bytes, from, 64);
    let len = rest.iter().take_while(|b| body(b)).count();
    let Some(begin) = start.checked_sub(4) else { return from };
    let Some(head) = t.bytes.get(begin..start) else { return from };
    let digit = head.last().is_some_and(u8::is_ascii_digit);
    let free = begin.checked_sub(1).and_then(|i| t.bytes.get(i)).is_none_or(|b| !body(b) && *b != b'/');
    let v = t.bytes.get(begin..from + len).unwrap_or_default();
    if (31..=34).contains(&len) && digit && free && head.iter().all(body) && drawn(v, 3.0) {
        hit(t, begin, from + len, "SECRET_AZURE", "vendor_shape", 93);
        return from + len;
    }
    from
}

/// HCP Terraform: 14 letters and digits, `.atlasv1.`, 60 to 70 more.
pub(super) fn terraform(t: &mut Text<'_>, _: &Scanner, start: usize, from: usize) -> usize {
    let head = t.bytes.get(start.saturating_sub(14)..start).unwrap_or_default();
    let len = window(t.bytes, from, 80).iter().take_while(|b| token(**b) || **b == b'=').count();
    let drawn = t.bytes.get(from..from + len).is_some_and(|v| drawn(v, 3.0));
    if drawn && head.len() == 14 && head.iter().all(u8::is_ascii_alphanumeric) && len >= 50 {
        hit(t, start - 14, from + len, "SECRET_TERRAFORM", "vendor_shape", 95);
        return from + len;
    }
    from
}

/// Authress: `sc_CLIENT.KEY.acc-ACCOUNT.SECRET`.
pub(super) fn authress(t: &mut Text<'_>, _: &Scanner, start: usize, from: usize) -> usize {
    let head = t.bytes.get(start.saturating_sub(60)..start).unwrap_or_default();
    let back = head.iter().rev().take_while(|b| token(**b) || **b == b'.').count();
    let word = head.get(head.len() - back..).unwrap_or_default();
    let mine = [&b"sc_"[..], b"ext_", b"scauth_", b"authress_"].iter().any(|p| word.starts_with(p));
    let rest = window(t.bytes, from, 200);
    let len = rest.iter().take_while(|b| token(**b) || matches!(b, b'.' | b'+' | b'/' | b'=')).count();
    if mine && len >= 40 {
        hit(t, start - back, from + len, "SECRET_AUTHRESS", "vendor_shape", 93);
        return from + len;
    }
    from
}
