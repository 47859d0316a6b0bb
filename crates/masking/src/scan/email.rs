//! E-mail addresses: RFC 5322 dot-atoms and their international form (RFC 6531), at a host name or an address literal.

use carnet_model::DataClass;

use super::Text;
use super::bytes::{host, local};

/// Local parts are at most 64 octets (RFC 5321, 4.5.3.1.1); international ones may be longer before encoding.
const MAX_LOCAL: usize = 96;
const MAX_HOST: usize = 253;

/// Looks at every `@`.
pub(super) fn scan(text: &mut Text<'_>) {
    let bytes = text.bytes;
    let mut floor = 0;
    for at in memchr::memchr_iter(b'@', bytes) {
        let before = bytes.get(floor..at).unwrap_or_default();
        let after = bytes.get(at + 1..).unwrap_or_default();
        let (Some(left), Some(right)) = (local_part(before), host_part(after)) else { continue };
        text.hit(at - left, at + 1 + right, DataClass::EMAIL, "EMAIL_ADDRESS", "email", 95);
        floor = at + 1 + right;
    }
}

/// Length of the local part that ends here.
fn local_part(before: &[u8]) -> Option<usize> {
    if before.last() == Some(&b'"') {
        let inner = before.get(..before.len() - 1)?;
        let open = memchr::memrchr(b'"', inner.get(inner.len().saturating_sub(MAX_LOCAL)..)?)?;
        let start = inner.len().saturating_sub(MAX_LOCAL) + open;
        return (start + 1 < inner.len()).then_some(before.len() - start);
    }
    let run = before.iter().rev().take(MAX_LOCAL).take_while(|b| local(**b)).count();
    let part = before.get(before.len() - run..)?;
    // Punctuation that belongs to the sentence or the URL around it.
    let lead = part.iter().take_while(|b| !b.is_ascii_alphanumeric() && **b < 0x80 && **b != b'_').count();
    let mut part = part.get(lead..)?;
    // `mailto=a@b`, `to=a@b`, `x/a@b`: the address begins behind the last of these.
    if let Some(cut) = part.iter().rposition(|b| matches!(b, b'=' | b'/' | b'?' | b'&' | b'|')) {
        part = part.get(cut + 1..)?;
    }
    // A cut inside a character: begin at the next one.
    let tail = part.iter().take_while(|b| **b & 0xC0 == 0x80).count();
    let part = part.get(tail..)?;
    (!part.is_empty() && part.last() != Some(&b'.')).then_some(part.len())
}

/// Length of the host that begins here.
fn host_part(after: &[u8]) -> Option<usize> {
    if after.first() == Some(&b'[') {
        let end = memchr::memchr(b']', after.get(..after.len().min(48))?)?;
        let inner = after.get(1..end)?;
        let literal =
            inner.iter().all(|b| b.is_ascii_hexdigit() || matches!(b, b'.' | b':' | b'I' | b'P' | b'v'));
        return (literal && inner.len() >= 7).then_some(end + 1);
    }
    let run = after.iter().take(MAX_HOST).take_while(|b| host(**b)).count();
    let mut name = after.get(..run)?;
    if name.is_ascii() {
        return plain_host(name);
    }
    while let Some((last, rest)) = name.split_last()
        && matches!(last, b'.' | b'-')
    {
        name = rest;
    }
    // General punctuation (ellipsis, quotes, dashes) ends a host; an ideographic full stop does not.
    let name = std::str::from_utf8(name)
        .or_else(|e| std::str::from_utf8(name.get(..e.valid_up_to()).unwrap_or_default()))
        .ok()?;
    let end = name
        .char_indices()
        .find(|(_, c)| !c.is_ascii() && !c.is_alphanumeric() && *c != '。')
        .map_or(name.len(), |(i, _)| i);
    let name = name.get(..end)?.trim_end_matches(['.', '-']);
    let dot = name.rfind(['.', '。'])?;
    let top = name.get(dot..)?.trim_start_matches(['.', '。']);
    let known = top.chars().count() >= 2 && (top.chars().all(char::is_alphabetic) || top.starts_with("xn--"));
    let start_ok = name.chars().next().is_some_and(char::is_alphanumeric);
    (known && start_ok && !name.contains("..")).then_some(name.len())
}

/// The same for a run of letters, digits, hyphens and dots in ASCII, as nearly all hosts are.
pub(super) fn plain_host(run: &[u8]) -> Option<usize> {
    let end = run.iter().rposition(|b| !matches!(b, b'.' | b'-'))? + 1;
    let name = run.get(..end)?;
    let top = name.get(memchr::memrchr(b'.', name)? + 1..)?;
    let known = top.len() >= 2 && (top.iter().all(u8::is_ascii_alphabetic) || top.starts_with(b"xn--"));
    let start_ok = name.first().is_some_and(u8::is_ascii_alphanumeric);
    (known && start_ok && !name.windows(2).any(|w| w == b"..")).then_some(end)
}
