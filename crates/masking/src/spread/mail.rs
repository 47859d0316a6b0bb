//! E-mail addresses in words ("name at example dot org", "name [at] example.org"), and such that white space cuts at the
//! sign or in the host.

use std::sync::LazyLock;

use regex_automata::meta::Regex;

use super::{Region, Trust};
use crate::scan::bytes::{host, local};

/// Top-level names that are believed without a sign.
static TOP: &[&str] = &[
    "com", "org", "net", "edu", "gov", "mil", "int", "info", "biz", "io", "co", "ai", "app", "dev", "eu",
    "de", "at", "ch", "fr", "it", "es", "nl", "be", "se", "dk", "fi", "pt", "ie", "cz", "sk", "ro", "bg",
    "gr", "hu", "hr", "si", "lt", "ee", "lv", "lu", "mt", "cy", "uk", "us", "ca", "au", "nz", "in", "br",
    "jp", "kr", "cn", "ru", "ua", "no", "is", "tr", "mx", "ar", "za", "pl", "example", "test",
];

static SPELLED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let dot = r"(?:\s?[(\[{]\s?(?:dot|\.)\s?[)\]}]\s?|\s+dot\s+|\.)";
    let at = r"(?:\s?[(\[{<]\s?(?:at|@)\s?[)\]}>]\s?|\s+at\s+|@)";
    let word = r"[A-Za-z0-9_+-]{1,64}";
    Regex::new(&format!(
        r"(?i-u){word}(?:{dot}{word}){{0,4}}{at}{word}(?:{dot}{word}){{0,4}}{dot}[A-Za-z]{{2,24}}\b"
    ))
    .ok()
});

/// Addresses in words. Asked only where a mark of one was seen.
pub(super) fn spelled(text: &str, out: &mut Vec<Region>) {
    let Some(regex) = SPELLED.as_ref() else { return };
    for m in regex.find_iter(text) {
        let Some(found) = text.get(m.range()) else { continue };
        let marked = found.contains(['(', '[', '{', '<']);
        let lower = found.to_ascii_lowercase();
        let top = lower.rsplit(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
        let plain = !lower.contains(" at ") || lower.contains(" dot ") && TOP.contains(&top);
        if marked || plain {
            out.push(read(m.start(), found));
        }
    }
}

/// Writes the words as an address.
fn read(start: usize, found: &str) -> Region {
    let mut region = Region::new(start, Trust::Any);
    let b = found.as_bytes();
    let mut i = 0;
    while let Some(byte) = b.get(i) {
        if !local(*byte) || matches!(byte, b'{' | b'}' | b'.') {
            if matches!(byte, b'@' | b'.') {
                region.push(start + i, if *byte == b'@' { "@" } else { "." });
            }
            i += 1;
            continue;
        }
        let len = b
            .iter()
            .skip(i)
            .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'+' | b'-'))
            .count();
        let word = found.get(i..i + len.max(1)).unwrap_or_default();
        let apart = |n: Option<usize>| {
            n.and_then(|n| b.get(n)).is_some_and(|b| !b.is_ascii_alphanumeric() && *b != b'.')
        };
        let between = apart(i.checked_sub(1)) && apart(Some(i + len));
        region.push(
            start + i,
            match word {
                _ if between && word.eq_ignore_ascii_case("at") => "@",
                _ if between && word.eq_ignore_ascii_case("dot") => ".",
                _ => word,
            },
        );
        i += len.max(1);
    }
    region.ending(start + found.len())
}

/// Addresses with white space beside the sign, or a line break in the host.
pub(super) fn broken(text: &str, line: bool, out: &mut Vec<Region>) {
    let b = text.as_bytes();
    let mut floor = 0;
    for at in memchr::memchr_iter(b'@', b) {
        // Without a line break, only white space behind the sign cuts an address.
        let cut = line || text.as_bytes().get(at + 1).is_some_and(u8::is_ascii_whitespace);
        if at < floor || !cut {
            continue;
        }
        if let Some(region) = around(text, at, floor) {
            floor = region.span.end;
            out.push(region);
        }
    }
}

fn around(text: &str, at: usize, floor: usize) -> Option<Region> {
    let b = text.as_bytes();
    let space = |b: &&u8| b.is_ascii_whitespace();
    let before = b.get(floor..at)?;
    let left = before.iter().rev().take(6).take_while(space).count();
    let before = before.get(..before.len() - left)?;
    let name = before
        .iter()
        .rev()
        .take(64)
        .take_while(|b| local(**b) && b.is_ascii() && !matches!(b, b'=' | b'/'))
        .count();
    let from = floor + before.len() - name;
    let after = b.get(at + 1..)?;
    let right = after.iter().take(6).take_while(space).count();
    let first = run(after.get(right..)?);
    let mut parts = vec![(at + 1 + right, first)];
    let mut end = at + 1 + right + first;
    if !top(text.get(at + 1 + right..end)?) {
        let rest = b.get(end..)?;
        let gap = rest.iter().take(8).take_while(space).count();
        let more = run(rest.get(gap..)?);
        if !rest.get(..gap)?.contains(&b'\n') || more == 0 {
            return None;
        }
        parts.push((end + gap, more));
        end += gap + more;
    } else {
        let line = b.get(at - left..=at + right)?.contains(&b'\n');
        if !(line || right > 0 && left == 0) {
            return None;
        }
    }
    let mut region = Region::new(from, Trust::Any);
    region.push(from, text.get(from..from + name)?);
    region.push(at, "@");
    for (start, len) in parts {
        region.push(start, text.get(start..start + len)?);
    }
    (name > 0 && top(region.out.split('@').nth(1)?)).then(|| region.ending(end))
}

fn run(rest: &[u8]) -> usize {
    let n = rest.iter().take(128).take_while(|b| host(**b) && b.is_ascii()).count();
    let tail = rest.get(..n).unwrap_or_default();
    n - tail.iter().rev().take_while(|b| **b == b'-').count()
}

/// Ends in a top-level name that is believed.
fn top(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    name.rsplit_once('.').is_some_and(|(_, top)| TOP.iter().any(|t| t.eq_ignore_ascii_case(top)))
}
