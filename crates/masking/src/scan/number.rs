//! Numbers in a text: finds each row of digits and asks the recognisers that its shape allows.

use carnet_model::DataClass;
use wide::u8x16;

use super::digits::Row;
use super::schemes::{Needs, Scheme};
use super::{Scanner, Text, card, checks, dates, ip, letters, phone, word};
use crate::context::{self, Bits};

/// Looks at every row of digits and every word with a digit in it.
pub(super) fn scan(t: &mut Text<'_>, s: &Scanner) {
    let bytes = t.bytes;
    let mut i = 0;
    while let Some(at) = next_digit(bytes, i) {
        let mut start = at;
        while start > i && bytes.get(start - 1).is_some_and(u8::is_ascii_alphanumeric) {
            start -= 1;
        }
        let mut end = at;
        let mut letters = start < at;
        while let Some(b) = bytes.get(end).filter(|b| b.is_ascii_alphanumeric()) {
            letters |= !b.is_ascii_digit();
            end += 1;
        }
        let next = if letters { word::scan(t, s, start, end) } else { number(t, s, start, end) };
        i = next.max(end);
    }
}

/// The next digit from `i` on; sixteen bytes are looked at together.
pub(crate) fn next_digit(bytes: &[u8], mut i: usize) -> Option<usize> {
    loop {
        let rest = bytes.get(i..)?;
        let Some((block, _)) = rest.split_first_chunk::<16>() else {
            return rest.iter().position(u8::is_ascii_digit).map(|n| i + n);
        };
        let from = u8x16::from(*block) - u8x16::splat(b'0');
        let digits = from.min(u8x16::splat(9)).simd_eq(from).to_bitmask();
        if digits != 0 {
            return Some(i + digits.trailing_zeros() as usize);
        }
        i += block.len();
    }
}

/// A row of digits and what surrounds it.
pub(super) struct Candidate<'r> {
    pub(super) start: usize,
    pub(super) row: &'r Row,
    /// Part of something longer: a decimal, a UUID, a version.
    pub(super) glued: bool,
    meaning: Option<Bits>,
}

impl Candidate<'_> {
    /// What key and words say. Looked up once, and only when a number already fits.
    pub(super) fn meaning(&mut self, t: &Text<'_>, s: &Scanner, end: usize) -> Bits {
        *self.meaning.get_or_insert_with(|| meaning(t, s, self.start, end))
    }
}

/// What the key and the words around a span say.
pub(super) fn meaning(t: &Text<'_>, s: &Scanner, start: usize, end: usize) -> Bits {
    let key = t.hint.map_or(0, |h| h.bits);
    if t.bytes.len() < end - start + 3 {
        return key;
    }
    key | s.words.around(t.bytes, start, end)
}

/// Looks at the number at `start..end`; gives where to go on.
fn number(t: &mut Text<'_>, s: &Scanner, start: usize, end: usize) -> usize {
    let bytes = t.bytes;
    let before = start.checked_sub(1).and_then(|i| bytes.get(i)).copied().unwrap_or(b' ');
    if matches!(before, b'+' | b'(')
        && let Some(end) = phone::marked(t, s, start)
    {
        return end;
    }
    let len = end - start;
    if matches!(len, 1 | 2 | 4)
        && let Some(end) = dates::spelled(t, s, start, end)
    {
        return end;
    }
    if len <= 4
        && beside_capitals(bytes, start)
        && let Some(end) = word::by_words(t, s, start, end)
    {
        return end;
    }
    // A short number that stands alone is no value of any kind; most numbers end here.
    if len < 4 && !row_goes_on(bytes, end) {
        return end;
    }
    // Nor is a year: four digits mean nothing without more digits behind them.
    if len == 4 && !more_groups(bytes, end) {
        return end;
    }
    if len == 2
        && let Some(end) = word::mac(t, start)
    {
        return end;
    }
    if len == 6
        && let Some(end) = letters::hetu(t, start)
    {
        return end;
    }
    if matches!(len, 2 | 6 | 7 | 8)
        && let Some(end) = letters::beside(t, s, start, end)
    {
        return end;
    }
    let row = Row::read(bytes, start);
    let total = row.ends().last().map_or(0, |e| e.1);
    // Shorter rows are no value of any kind but an address, a date or a short account.
    if total < 4 {
        return end;
    }
    if is_date(&row) {
        return word::dated(t, s, start, &row).unwrap_or_else(|| behind_date(bytes, start));
    }
    let glued = matches!(before, b'-' | b'.' | b'/' | b'_' | b':' | b',')
        && start.checked_sub(2).and_then(|i| bytes.get(i)).is_some_and(u8::is_ascii_hexdigit);
    let mut c = Candidate { start, row: &row, glued, meaning: None };
    if len <= 3
        && !c.glued
        && let Some(end) = ip::v4(t, s, &mut c)
    {
        return end;
    }
    card::scan(t, s, &mut c)
        .or_else(|| ssn(t, s, &mut c))
        .or_else(|| schemes(t, s, &mut c))
        .or_else(|| phone::plain(t, s, &mut c))
        .or_else(|| word::dated(t, s, start, &row))
        .or_else(|| word::by_words(t, s, start, end))
        .unwrap_or(end)
}

/// `2026-03-01`: the most common row of digits in records, and never anything else.
fn is_date(row: &Row) -> bool {
    let (lengths, _) = row.lengths();
    let [first, second, third, ..] = row.ends() else { return false };
    let century = row.digits.first(2);
    lengths.starts_with(&[4, 2, 2])
        && first.2 == 0
        && (second.2, third.2) == (b'-', b'-')
        && (century == [1, 9] || century == [2, 0])
        && checks::day_month(checks::two(row.digits.all(), 6), checks::two(row.digits.all(), 4))
}

/// Where to go on behind a date that is no birth date: behind the time of day if one follows (RFC 3339), else at the
/// day, which may begin another row. A row from the month on cannot be anything.
fn behind_date(bytes: &[u8], start: usize) -> usize {
    let time = bytes.get(start + 10..start + 19).is_some_and(|time| {
        time.iter().zip(b"T00:00:00").all(
            |(b, shape)| {
                if *shape == b'0' { b.is_ascii_digit() } else { b == shape }
            },
        )
    });
    let more = bytes.get(start + 19).is_some_and(u8::is_ascii_digit);
    start + if time && !more { 19 } else { 8 }
}

/// `AB-123`, `B 12`: up to three capital letters in front, as on number plates.
fn beside_capitals(bytes: &[u8], start: usize) -> bool {
    let before = bytes.get(start.saturating_sub(5)..start).unwrap_or_default();
    let Some((gap, head)) = before.split_last() else { return false };
    let letters = head.iter().rev().take_while(|b| b.is_ascii_uppercase()).count();
    let next = head.len().checked_sub(letters + 1).and_then(|i| head.get(i));
    matches!(gap, b' ' | b'-')
        && (1..=3).contains(&letters)
        && next.is_none_or(|b| !b.is_ascii_alphanumeric())
}

/// Whether a separator and something more stand behind a group.
fn row_goes_on(bytes: &[u8], end: usize) -> bool {
    matches!(bytes.get(end), Some(b' ' | b'-' | b'.' | b'/' | b')'))
        && bytes.get(end + 1).is_some_and(|b| b.is_ascii_hexdigit() || matches!(b, b' ' | b'(' | b'-'))
}

/// Whether a separator and then a digit or a second separator stand behind a group.
fn more_groups(bytes: &[u8], end: usize) -> bool {
    let gap = |b: &u8| matches!(b, b' ' | b'-' | b'.' | b'/' | b'(' | b')');
    bytes.get(end).is_some_and(gap) && bytes.get(end + 1).is_some_and(|b| b.is_ascii_digit() || gap(b))
}

/// Whether a value may end at `end`.
pub(super) fn ends(bytes: &[u8], end: usize) -> bool {
    !bytes.get(end).is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_')
}

/// Social security numbers: 3-2-4, or nine digits with a word or key. No area 000, 666 or 900 and up, no group 00, no
/// serial 0000 (SSA).
fn ssn(t: &mut Text<'_>, s: &Scanner, c: &mut Candidate<'_>) -> Option<usize> {
    let (lengths, n) = c.row.lengths();
    let (groups, spoken) = match lengths.get(..n)? {
        [3, 2, 4, rest @ ..] if c.row.ends().get(1)?.2 == c.row.ends().get(2)?.2 => {
            // The row goes on with the same separator: a longer number.
            if !rest.is_empty() && c.row.ends().get(3)?.2 == c.row.ends().get(2)?.2 {
                return None;
            }
            (3, c.row.ends().get(1)?.2 == b'-')
        }
        [9, ..] => (1, false),
        _ => return None,
    };
    let end = c.row.ends().get(groups - 1)?.0;
    let d = c.row.digits.first(9);
    let area = checks::number(d.get(..3)?);
    let valid =
        (1..900).contains(&area) && area != 666 && checks::two(d, 3) != 0 && checks::number(d.get(5..)?) != 0;
    if !valid || c.glued || !ends(t.bytes, end) {
        return None;
    }
    let bits = c.meaning(t, s, end);
    // Another number of the same length may be named: an EIN, an NPI, a routing number.
    let another = bits & (context::TAX | context::HEALTH | context::ACCOUNT) != 0 && bits & context::SSN == 0;
    let said = bits & (context::SSN | context::country(b"US")) != 0 && !another;
    if !said && (!spoken || bits & context::OTHER != 0) {
        return None;
    }
    t.hit(c.start, end, DataClass::US_SSN, "US_SSN", "us_ssn", if said { 95 } else { 75 });
    Some(end)
}

/// National numbers of digits only.
fn schemes(t: &mut Text<'_>, s: &Scanner, c: &mut Candidate<'_>) -> Option<usize> {
    if c.glued {
        return None;
    }
    let mut best: Option<(usize, u8, &'static Scheme)> = None;
    for (k, (end, total, _)) in c.row.ends().iter().enumerate() {
        if !(8..=18).contains(total)
            || !ends(t.bytes, *end)
            || c.row.ends().get(k + 1).is_some_and(|next| next.2 != b' ')
        {
            continue;
        }
        for scheme in s.schemes.of(*total) {
            if !(scheme.check)(c.row.digits.first(*total)) {
                continue;
            }
            let bits = c.meaning(t, s, *end);
            let score = judge(s, scheme, c.row, k, bits);
            if score > best.map_or(0, |b| b.1) {
                best = Some((*end, score, scheme));
            }
        }
    }
    let (end, score, scheme) = best?;
    t.hit(c.start, end, scheme.class, scheme.kind, "national_number", score);
    Some(end)
}

/// Thirteen digits that are a time of the years 2001 to 2030 in milliseconds since 1970.
fn milliseconds(d: &[u8]) -> bool {
    d.len() == 13 && d.first() == Some(&1) && d.get(1).is_some_and(|x| *x < 9)
}

/// How sure a number is of a scheme whose check it passes; 0 for not at all.
fn judge(s: &Scanner, scheme: &Scheme, row: &Row, last_group: usize, bits: Bits) -> u8 {
    let (lengths, _) = row.lengths();
    let shaped = last_group > 0 && lengths.get(..=last_group) == Some(scheme.shape);
    let written = last_group == 0 || shaped;
    let own = bits & context::country(scheme.country) != 0;
    let general = bits & (scheme.words | context::ID) != 0;
    let enabled = s.country(scheme.country);
    let other = bits & context::OTHER != 0;
    let rare = match scheme.needs {
        Needs::Nothing => written && !(last_group == 0 && milliseconds(row.digits.first(scheme.len))),
        Needs::Shape => shaped,
        Needs::Word | Needs::Own => false,
    };
    match (own, general, enabled) {
        (true, ..) if bits & scheme.words != 0 => 96,
        (true, ..) => 95,
        _ if scheme.needs == Needs::Own => 0,
        (_, true, true) => 92,
        (_, true, false) => 80,
        (_, false, true) if written && !other => 75,
        _ if rare && !other => 70,
        _ => 0,
    }
}
