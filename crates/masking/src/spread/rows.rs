//! Rows of digits with any separators, account numbers among them, and digits that letters stand in for.

use super::{Region, Trust, gap};
use crate::scan::{iban, next_digit};

/// More groups or digits are no value.
const GROUPS: usize = 40;

/// Groups of digits and the gaps between them.
struct Row {
    groups: [(usize, usize); GROUPS],
    count: usize,
    digits: usize,
    end: usize,
    /// Letters that stand for digits.
    alike: usize,
    /// Gaps with a line break.
    breaks: usize,
    /// All gaps but line breaks are the same.
    uniform: bool,
    /// Some gap is not one of those that the recognisers know.
    odd: bool,
    /// Bytes of all gaps.
    comma: bool,
    colon: bool,
    dot: bool,
}

pub(super) fn find(text: &str) -> Vec<Region> {
    let b = text.as_bytes();
    let mut out = Vec::new();
    let mut i = 0;
    while let Some(at) = next_digit(b, i) {
        let mut start = at;
        while start > i && b.get(start - 1).is_some_and(u8::is_ascii_alphanumeric) {
            start -= 1;
        }
        if let Some(region) = account(text, start, i) {
            i = region.span.end;
            out.push(region);
            continue;
        }
        if let Some(end) = alone(b, start) {
            i = end;
            continue;
        }
        let row = Row::read(b, start);
        i = row.end.max(at + 1);
        if row.count == 0 {
            i = at + b.get(at..).map_or(1, |r| r.iter().take_while(|b| b.is_ascii_alphanumeric()).count());
        } else if let Some(region) = row.region(text, start) {
            out.push(region);
        }
    }
    out
}

/// Where digits end behind which no other group stands: they are read as they stand. Most numbers are such.
fn alone(b: &[u8], start: usize) -> Option<usize> {
    let rest = b.get(start..)?;
    let len = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    let behind = rest.get(len..)?;
    if len == 0 || behind.first().is_some_and(u8::is_ascii_alphanumeric) {
        return None;
    }
    let next = behind.get(gap(behind)..)?;
    let group = next.iter().take_while(|b| b.is_ascii_alphanumeric());
    let more =
        next.first().is_some_and(u8::is_ascii_alphanumeric) && group.copied().all(|b| figure(b).is_some());
    (!more).then_some(start + len)
}

/// The digit that a byte is or stands for.
fn figure(b: u8) -> Option<u8> {
    match b {
        b'0'..=b'9' => Some(b),
        b'O' | b'o' => Some(b'0'),
        b'l' | b'I' => Some(b'1'),
        _ => None,
    }
}

/// One dot, in brackets or with white space around it.
fn dot(gap: &[u8]) -> bool {
    let signs = || gap.iter().filter(|b| !b.is_ascii_whitespace());
    let lines = gap.iter().filter(|b| **b == b'\n').count();
    lines <= 1 && (signs().eq(b".") || signs().eq(b"[.]") || signs().eq(b"(.)") || signs().eq(b"{.}"))
}

impl Row {
    /// Reads from a group on; all groups of the row, however many.
    fn read(b: &[u8], start: usize) -> Row {
        let mut row = Row {
            groups: [(0, 0); GROUPS],
            count: 0,
            digits: 0,
            end: start,
            alike: 0,
            breaks: 0,
            uniform: true,
            odd: false,
            comma: false,
            colon: false,
            dot: true,
        };
        let mut first: Option<&[u8]> = None;
        let mut i = start;
        loop {
            let rest = b.get(i..).unwrap_or_default();
            let len = rest.iter().take_while(|b| b.is_ascii_alphanumeric()).count();
            let group = rest.get(..len).unwrap_or_default();
            let plain = group.iter().filter(|b| b.is_ascii_digit()).count();
            if plain == 0 || !group.iter().all(|b| figure(*b).is_some()) {
                break;
            }
            row.alike += len - plain;
            row.digits += len;
            if let Some(slot) = row.groups.get_mut(row.count) {
                *slot = (i, i + len);
            }
            row.count += 1;
            row.end = i + len;
            let rest = b.get(row.end..).unwrap_or_default();
            let n = gap(rest);
            let between = rest.get(..n).unwrap_or_default();
            let broken = between.contains(&b'\n');
            if n == 0 || n > 3 && !broken || !rest.get(n).is_some_and(u8::is_ascii_alphanumeric) {
                break;
            }
            // Is a group of digits behind the gap?
            let next = rest.get(n..).unwrap_or_default();
            if !next.iter().take_while(|b| b.is_ascii_alphanumeric()).all(|b| figure(*b).is_some()) {
                break;
            }
            row.breaks += usize::from(broken);
            if !broken {
                row.uniform &= *first.get_or_insert(between) == between;
            }
            row.odd |= !matches!(between, b" " | b"-" | b"." | b"/");
            row.comma |= between.contains(&b',');
            row.colon |= between.contains(&b':');
            row.dot &= dot(between);
            i = row.end + n;
        }
        row
    }

    fn lengths(&self) -> impl Iterator<Item = usize> {
        self.groups.iter().take(self.count.min(GROUPS)).map(|(a, b)| b - a)
    }

    /// The row as a region, if a value may be in it that the recognisers do not see as it stands.
    fn region(&self, text: &str, start: usize) -> Option<Region> {
        let b = text.as_bytes();
        if self.count > GROUPS || !(4..=19).contains(&self.digits) {
            return None;
        }
        let before = start.checked_sub(1).and_then(|i| b.get(i)).copied().unwrap_or(b' ');
        let behind = b.get(self.end).copied().unwrap_or(b' ');
        if before == b'.' && start > 1 || before == b'_' || behind == b'_' {
            return None;
        }
        if let Some(region) = self.address(text, start) {
            return Some(region);
        }
        let trust = self.trust()?;
        let mut region = Region::new(start, trust);
        for (from, to) in self.groups.iter().take(self.count) {
            for (i, byte) in b.iter().enumerate().take(*to).skip(*from) {
                region.push(i, char::from(figure(*byte)?).encode_utf8(&mut [0; 4]));
            }
        }
        Some(region.ending(self.end))
    }

    /// Which values may be in the row; `None` where the recognisers see them or nothing can be.
    fn trust(&self) -> Option<Trust> {
        let longest = self.lengths().max()?;
        let first = self.lengths().next()?;
        let card = self.count == 3 && self.lengths().eq([4, 6, 5]);
        let regular = card || self.lengths().take(self.count - 1).all(|n| n == first) && longest == first;
        if self.digits < 7 || self.dated() || self.colon && (!self.uniform || longest == 2) {
            return None;
        }
        if self.alike > 0 {
            let few = self.alike * 5 <= self.digits * 2;
            let written = self.count == 1 || regular;
            return few.then_some(if written && self.digits >= 13 { Trust::Whole } else { Trust::Said });
        }
        if self.count < 2 || !self.odd && (!regular || first == 4) {
            return None;
        }
        let list = self.comma && !(longest == 1 || first == 4 && self.count == 4);
        let cut = self.breaks == 1 && self.count <= 6 && matches!(self.digits, 15 | 16);
        let whole = regular && self.uniform && self.digits >= 12 || cut && !self.comma;
        Some(if whole && !list { Trust::Whole } else { Trust::Said })
    }

    /// Begins like a date.
    fn dated(&self) -> bool {
        let mut lengths = self.lengths();
        let three = (lengths.next(), lengths.next(), lengths.next());
        matches!(three, (Some(4), Some(1 | 2), Some(1 | 2)) | (Some(1 | 2), Some(1 | 2), Some(4)))
    }

    /// An address of version 4 whose dots have something around them, or whose gaps are something else behind "ip".
    fn address(&self, text: &str, start: usize) -> Option<Region> {
        if self.count != 4 || !self.odd || self.alike > 0 || self.lengths().any(|n| n > 3) {
            return None;
        }
        let lead = text.get(text.floor_char_boundary(start.saturating_sub(14))..start).unwrap_or_default();
        let named = lead
            .split(|c: char| !c.is_ascii_alphanumeric())
            .any(|w| ["ip", "ipv4", "host", "address"].iter().any(|n| n.eq_ignore_ascii_case(w)));
        if !self.dot && !named {
            return None;
        }
        let mut region = Region::new(start, Trust::Whole);
        for (n, (from, to)) in self.groups.iter().take(4).enumerate() {
            if n > 0 {
                region.push(*from, ".");
            }
            let group = text.get(*from..*to)?;
            if group.parse::<u16>().ok().is_none_or(|n| n > 255) {
                return None;
            }
            region.push(*from, group);
        }
        Some(region.ending(self.end))
    }
}

/// An account number (IBAN) with other gaps than the recogniser knows, or with letters for digits.
fn account(text: &str, start: usize, floor: usize) -> Option<Region> {
    let b = text.as_bytes();
    let mut begin = start;
    let mut word = b.get(start..)?;
    if word.first()?.is_ascii_digit() {
        // `DE 89 ...`: the country stands in front.
        begin = (1..=3).filter_map(|n| start.checked_sub(n + 2)).find(|i| {
            let pair = b.get(*i..*i + 2).unwrap_or_default();
            *i >= floor
                && pair.iter().all(u8::is_ascii_uppercase)
                && gap(b.get(*i + 2..start).unwrap_or_default()) == start - i - 2
                && i.checked_sub(1).and_then(|i| b.get(i)).is_none_or(|b| !b.is_ascii_alphanumeric())
        })?;
        word = b.get(begin..)?;
    }
    let country = [word.first()?.to_ascii_uppercase(), word.get(1)?.to_ascii_uppercase()];
    let len = iban::length(country)?;
    let (mut i, mut n, mut odd, mut alike) = (begin, 0, begin != start, false);
    let mut compact = [0u8; 34];
    let mut places = [0usize; 34];
    while n < len {
        let byte = *b.get(i)?;
        if byte.is_ascii_alphanumeric() {
            *compact.get_mut(n)? = byte.to_ascii_uppercase();
            *places.get_mut(n)? = i;
            alike |= n >= 2 && figure(byte).is_some_and(|f| f != byte);
            (i, n) = (i + 1, n + 1);
        } else {
            let wide = gap(b.get(i..)?);
            if wide == 0 || n < 2 {
                return None;
            }
            odd |= wide > 1 || !matches!(byte, b' ' | b'-' | b'.');
            i += wide;
        }
    }
    if b.get(i).is_some_and(u8::is_ascii_alphanumeric) {
        return None;
    }
    if !iban::valid(compact.get(..len)?) {
        if !alike {
            return None;
        }
        for (byte, at) in compact.iter_mut().zip(places).take(len).skip(2) {
            *byte = b.get(at).and_then(|b| figure(*b)).unwrap_or(*byte);
        }
        odd = iban::valid(compact.get(..len)?);
    }
    // A constant of a program may pass the check by chance; one with few digits is no account number.
    let digits = compact.iter().take(len).filter(|b| b.is_ascii_digit()).count();
    if !odd || digits * 5 < len * 2 {
        return None;
    }
    let mut region = Region::new(begin, Trust::Whole);
    for (byte, at) in compact.iter().zip(places).take(len) {
        region.push(at, char::from(*byte).encode_utf8(&mut [0; 4]));
    }
    Some(region.ending(i))
}
