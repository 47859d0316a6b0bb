//! Telephone numbers: international ones by code and length (E.164), North American ones by their form, others with a
//! word or a key.

use carnet_model::DataClass;

use super::bytes::digit;
use super::digits::Digits;
use super::number::{Candidate, ends, meaning};
use super::{Scanner, Text, card};
use crate::context;

mod plan;
mod plans;

pub(crate) use plan::Plans;

/// A number with the separators that telephone numbers have.
struct Extent {
    end: usize,
    digits: Digits,
    groups: usize,
    /// End and count of digits after each group.
    stops: [(usize, usize); 12],
    /// Where each group begins.
    starts: [usize; 12],
}

impl Extent {
    /// How many groups stand in front of a card: `+49 30 12345678 4539 1488 0343 6467` is two values.
    fn before_card(&self, bytes: &[u8]) -> usize {
        let groups = self.groups.min(12);
        if self.digits.all().len() < 16 {
            return groups;
        }
        let starts = self.starts.get(1..groups).unwrap_or_default();
        starts.iter().position(|at| card::begins(bytes, *at)).map_or(groups, |n| n + 1)
    }

    /// Without the last groups, the longest beginning that is an international number.
    fn international(&self, bytes: &[u8], plans: &Plans) -> Option<(usize, u8)> {
        // A stop in the middle of something with dots or hyphens would leave the rest of it.
        let clean = |end: usize| {
            !(matches!(bytes.get(end), Some(b'.' | b'-' | b'/'))
                && bytes.get(end + 1).copied().is_some_and(digit))
        };
        let stops = self.stops.get(..self.before_card(bytes))?;
        stops
            .iter()
            .rev()
            .filter(|(end, _)| clean(*end))
            .find_map(|(end, n)| Some((*end, international(self.digits.first(*n), plans)?)))
    }
}

fn extent(bytes: &[u8], start: usize) -> Extent {
    let mut e =
        Extent { end: start, digits: Digits::default(), groups: 0, stops: [(0, 0); 12], starts: [0; 12] };
    let (mut i, mut gap, mut count) = (start, 2, 0);
    let mut open = false;
    let wrapped = start.checked_sub(1).and_then(|i| bytes.get(i)) == Some(&b'(');
    while let Some(b) = bytes.get(i).copied() {
        if digit(b) {
            if count == 20 {
                break;
            }
            if gap > 0 {
                if let Some(at) = e.starts.get_mut(e.groups) {
                    *at = i;
                }
                e.groups += 1;
            }
            e.digits.push(b);
            count += 1;
            (e.end, gap) = (i + 1, 0);
            if let Some(stop) = e.groups.checked_sub(1).and_then(|g| e.stops.get_mut(g)) {
                *stop = (i + 1, count);
            }
        } else if matches!(b, b' ' | b'-' | b'.' | b'/' | b'(' | b')') && gap < 3 {
            if b == b'(' && open || b == b')' && !open && !wrapped {
                break;
            }
            open = if b == b'(' { true } else { open && b != b')' };
            gap += 1;
        } else {
            break;
        }
        i += 1;
    }
    e
}

/// What stands between a number and its extension, longest first.
const EXTENSIONS: &[&[u8]] = &[
    b"extension ",
    b"durchwahl ",
    b"toestel ",
    b"interno ",
    b"anexo ",
    b"ramal ",
    b"poste ",
    b";ext=",
    b"ext. ",
    b"ext.",
    b"ext:",
    b"ext ",
    b"ext",
    b"dw ",
    b"w. ",
    b"x ",
    b"x",
    b"# ",
    b"#",
];

/// `x123`, `ext. 123` behind a number.
fn extension(bytes: &[u8], end: usize) -> usize {
    let rest = bytes.get(end..bytes.len().min(end + 24)).unwrap_or_default();
    let lead = rest.iter().take_while(|b| matches!(b, b' ' | b',')).count();
    let rest = rest.get(lead..).unwrap_or_default();
    let Some(first) = rest.first().map(u8::to_ascii_lowercase) else { return end };
    for mark in EXTENSIONS.iter().filter(|m| m.first() == Some(&first)) {
        if rest.get(..mark.len()).is_some_and(|r| r.eq_ignore_ascii_case(mark)) {
            let tail = rest.get(mark.len()..).unwrap_or_default();
            let n = tail.iter().take_while(|b| digit(**b)).count();
            if (1..=6).contains(&n) && ends(tail, n) {
                return end + lead + mark.len() + n;
            }
        }
    }
    end
}

fn report(t: &mut Text<'_>, start: usize, end: usize, score: u8) -> Option<usize> {
    let end = extension(t.bytes, end);
    t.hit(start, end, DataClass::PHONE, "PHONE_NUMBER", "phone", score);
    Some(end)
}

/// How sure digits are a calling code and a number of its plan; `None` if no number of that code is so long. A national
/// trunk zero may be left in. First digits that are not given out yet weigh a little less: plans grow.
fn international(d: &[u8], plans: &Plans) -> Option<u8> {
    let (n, plan) = plans.of(d)?;
    let rest = d.get(n..).unwrap_or_default();
    let bare = rest.strip_prefix(&[0]).unwrap_or(rest);
    if plan.fits(rest) || plan.fits(bare) {
        return Some(92);
    }
    (plan.long_enough(rest.len()) || plan.long_enough(bare.len())).then_some(82).filter(|_| rest.len() >= 6)
}

/// A number behind `+` or `(`.
pub(super) fn marked(t: &mut Text<'_>, s: &Scanner, start: usize) -> Option<usize> {
    let bytes = t.bytes;
    let mut from = start - 1;
    let mut plus = bytes.get(from) == Some(&b'+');
    if !plus && from > 0 && bytes.get(from - 1) == Some(&b'+') {
        from -= 1;
        plus = true;
    }
    let e = extent(bytes, start);
    let (end, d) = (e.end, e.digits);
    if plus {
        let free = from.checked_sub(1).and_then(|i| bytes.get(i)).is_none_or(|b| !b.is_ascii_alphanumeric());
        if free
            && let Some((end, score)) = e.international(bytes, s.plans)
            && (ends(bytes, end) || extension(bytes, end) != end)
        {
            return report(t, from, end, score);
        }
        let said = ends(bytes, end) && d.all().len() >= 7 && meaning(t, s, from, end) & context::PHONE != 0;
        return if free && said { report(t, from, end, 80) } else { None };
    }
    if !ends(bytes, end) && extension(bytes, end) == end {
        return None;
    }
    // (ddd) ddd-dddd
    let close = bytes.get(start + 3) == Some(&b')');
    if close && d.all().len() == 10 && north_american(d.all()) {
        return report(t, from, end, 80);
    }
    let closed = memchr::memchr(b')', bytes.get(start..end)?).is_some_and(|n| (1..=6).contains(&n));
    if closed && (7..=15).contains(&d.all().len()) && meaning(t, s, from, end) & context::PHONE != 0 {
        return report(t, from, end, 80);
    }
    None
}

/// Area and exchange begin with 2 to 9 (NANP).
fn north_american(d: &[u8]) -> bool {
    d.first().is_some_and(|x| *x >= 2) && d.get(3).is_some_and(|x| *x >= 2)
}

/// A number without a mark.
pub(super) fn plain(t: &mut Text<'_>, s: &Scanner, c: &mut Candidate<'_>) -> Option<usize> {
    let (lengths, n) = c.row.lengths();
    let Extent { end, digits: d, groups, .. } = extent(t.bytes, c.start);
    let count = d.all().len();
    if !(6..=15).contains(&count) || !ends(t.bytes, end) && extension(t.bytes, end) == end {
        return None;
    }
    let before = c.start.checked_sub(1).and_then(|i| t.bytes.get(i)).copied();
    let digit_before = c.start.checked_sub(2).and_then(|i| t.bytes.get(i)).is_some_and(u8::is_ascii_digit);
    if before
        .is_some_and(|b| matches!(b, b'-' | b'.' | b'/' | b'_' | b'$' | b'#') || b == b',' && digit_before)
    {
        return None;
    }
    let american = match lengths.get(..n)? {
        [3, 3, 4] => north_american(d.all()),
        [1, 3, 3, 4] => d.all().first() == Some(&1) && north_american(d.all().get(1..)?),
        _ => false,
    };
    let zero_zero =
        d.all().starts_with(&[0, 0]) && groups > 1 && international(d.all().get(2..)?, s.plans).is_some();
    let even = n < 3 || c.row.ends().get(n - 1)?.2 == c.row.ends().get(n - 2)?.2;
    if zero_zero || american && even {
        let bits = c.meaning(t, s, end);
        if bits & context::PHONE != 0 || bits & context::OTHER == 0 {
            return report(t, c.start, end, if bits & context::PHONE != 0 { 90 } else { 70 });
        }
        return None;
    }
    if dated(&lengths, n) && c.row.ends().get(1).is_some_and(|g| g.2 != b' ') {
        return None;
    }
    let bits = c.meaning(t, s, end);
    // `75 23 18`: six digits are enough in pairs.
    let short = lengths.get(..n) == Some(&[2, 2, 2]) && c.row.ends().get(1).is_some_and(|g| g.2 == b' ');
    if bits & context::PHONE != 0 && (count >= 7 || short || t.hint.is_some()) {
        return report(t, c.start, end, 80);
    }
    // A country that is enabled, in the form that is dialled there. Without separators only with the trunk zero.
    let written = groups > 1 || d.all().first() == Some(&0);
    let own = written
        && bits & (context::OTHER | context::VERSION) == 0
        && !c.glued
        && s.countries.iter().any(|country| s.plans.national(&country.code(), d.all()));
    if own || pairs(&lengths, n, d.all()) && even && bits & context::OTHER == 0 {
        return report(t, c.start, end, if own { 72 } else { 65 });
    }
    None
}

/// `06 12 34 56 78`: five pairs behind a zero, as in France and nowhere else.
fn pairs(lengths: &[usize], n: usize, d: &[u8]) -> bool {
    lengths.get(..n) == Some(&[2, 2, 2, 2, 2]) && d.first() == Some(&0) && d.get(1).is_some_and(|x| *x > 0)
}

/// Written like a date.
fn dated(lengths: &[usize], n: usize) -> bool {
    matches!(lengths.get(..n), Some([4, 2, 2] | [2, 2, 4]))
}
