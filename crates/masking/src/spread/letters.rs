//! Values spelled letter by letter with the same separator between each two, and keys that a line break cuts.

use super::{Region, Trust};
use crate::periodic;
use crate::scan::{bytes, secret};

/// Fewer characters in a row hold no value.
const SHORTEST: usize = 7;

/// Finds rows of single characters: the same separator stands between each two. `periodic` is where the first may be.
pub(super) fn find(text: &str, periodic: Option<usize>, out: &mut Vec<Region>) {
    let mut i = periodic.unwrap_or(text.len());
    while let Some(at) = periodic::next(text.as_bytes(), i) {
        let floor = out.last().map_or(0, |r| r.span.end);
        i = at + 1;
        if let Some((region, end)) = [2, 3].into_iter().find_map(|period| row(text, at, period, floor)) {
            i = end.max(i);
            out.extend(region);
        }
    }
    lines(text, out);
}

fn separator(b: u8) -> bool {
    matches!(b, b' ' | b'-' | b'_' | b'.' | b'|' | b'/' | b'*' | b',' | b'\n' | b'~' | b':' | b';' | b'+')
}

/// A row with a separator of `period - 1` bytes around `at`, and where it ends; no region where it is of digits only, which
/// are read as such.
fn row(text: &str, at: usize, period: usize, floor: usize) -> Option<(Option<Region>, usize)> {
    let b = text.as_bytes();
    let sep = b.get(at..at + period - 1)?;
    let same = |i: usize| b.get(i..i + period - 1) == Some(sep);
    let single = |i: usize| b.get(i).is_some_and(|c| c.is_ascii_graphic() && Some(c) != sep.first());
    if !sep.iter().all(|b| separator(*b)) || !same(at + period) || !single(at + period - 1) {
        return None;
    }
    let mut start = at;
    while start >= floor + period && same(start - period) && single(start - 1) {
        start -= period;
    }
    let mut end = at;
    while same(end + period) && single(end + period - 1) {
        end += period;
    }
    // Behind the last separator, and in front of the first, one character stands alone or belongs to a word.
    let alone = |i: usize| single(i) && !b.get(i + 1).is_some_and(u8::is_ascii_alphanumeric);
    let last = if alone(end + period - 1) { end + period } else { end };
    let lead = start.checked_sub(1).filter(|i| {
        single(*i)
            && *i >= floor
            && !i.checked_sub(1).and_then(|i| b.get(i)).is_some_and(u8::is_ascii_alphanumeric)
    });
    let first = lead.unwrap_or(start + period - 1);
    let count = (last.saturating_sub(first)).div_ceil(period);
    if count < SHORTEST || !text.is_char_boundary(first) || !text.is_char_boundary(last) {
        return None;
    }
    let mut region = Region::new(first, Trust::Any);
    let mut letters = false;
    for i in (first..last).step_by(period) {
        letters |= !b.get(i)?.is_ascii_digit();
        region.push(i, text.get(i..i + 1)?);
    }
    Some((letters.then(|| region.ending(last)), last))
}

/// A word or the name of a setting, with which another line begins: `make deploy`, `TOKEN=`.
fn begins_line(run: &[u8], behind: &[u8]) -> bool {
    let word = run.len() <= 12 && run.iter().skip(1).all(u8::is_ascii_lowercase);
    let sign = behind.iter().take(12).find(|b| **b != b' ');
    word && matches!(behind.first(), Some(b' ' | b'.' | b',')) || matches!(sign, Some(b'=' | b':'))
}

/// Runs of a key's characters on both sides of a line break, if the first begins like a key.
fn lines(text: &str, out: &mut Vec<Region>) {
    let b = text.as_bytes();
    for at in memchr::memchr_iter(b'\n', b) {
        let left = b.get(..at).unwrap_or_default();
        let left = left.strip_suffix(b"\r").unwrap_or(left);
        let run = left.iter().rev().take(200).take_while(|b| bytes::token(**b)).count();
        let word = left.get(left.len() - run..).unwrap_or_default();
        if run < 4 || !secret::begins(word) {
            continue;
        }
        let right = b.get(at + 1..).unwrap_or_default();
        let indent = right.iter().take(8).take_while(|b| matches!(b, b' ' | b'\t')).count();
        let more = right.iter().skip(indent).take(200).take_while(|b| bytes::token(**b)).count();
        let (from, behind) = (left.len() - run, at + 1 + indent);
        let next = right.get(indent..indent + more).unwrap_or_default();
        if more == 0
            || begins_line(next, right.get(indent + more..).unwrap_or_default())
            || out.last().is_some_and(|r| r.span.end > from)
        {
            continue;
        }
        let mut region = Region::new(from, Trust::Whole);
        region.push(from, text.get(from..left.len()).unwrap_or_default());
        region.push(behind, text.get(behind..behind + more).unwrap_or_default());
        out.push(region.ending(behind + more));
    }
}
