//! Words of letters and digits: bank accounts, personal numbers with letters, and what only the words around it tell.

use carnet_model::DataClass;

use super::bytes::{digit, hex};
use super::digits::Row;
use super::number::{ends, meaning};
use super::{Scanner, Text, bic, crypto, dates, iban, letters, vehicle};
use crate::context;

/// Looks at a word that has a digit and a letter; gives where to go on.
pub(super) fn scan(t: &mut Text<'_>, s: &Scanner, start: usize, end: usize) -> usize {
    let len = end - start;
    if len == 2
        && let Some(end) = mac(t, start)
    {
        return end;
    }
    if len == 11
        && let Some(end) = letters::hetu(t, start)
    {
        return end;
    }
    if len == 4
        && let Some(end) = mac_of_cisco(t, start)
    {
        return end;
    }
    if len <= 4
        && t.bytes.get(start).is_some_and(u8::is_ascii_digit)
        && let Some(end) = ordinal(t, s, start, end)
    {
        return end;
    }
    if len == 17
        && let Some(end) = vehicle::vin(t, s, start, end)
    {
        return end;
    }
    if (14..=110).contains(&len)
        && let Some(end) = crypto::at(t, s, start, end)
    {
        return end;
    }
    iban::at(t, start, end)
        .or_else(|| letters::at(t, s, start, end))
        .or_else(|| by_words(t, s, start, end))
        .unwrap_or(end)
}

/// Six pairs of hexadecimal digits with hyphens. Those with colons are found with the colons.
pub(super) fn mac(t: &mut Text<'_>, start: usize) -> Option<usize> {
    let run = t.bytes.get(start..start + 17)?;
    let shaped = run.iter().enumerate().all(|(i, b)| if i % 3 == 2 { *b == b'-' } else { hex(*b) });
    let letter = run.iter().any(u8::is_ascii_alphabetic);
    let glued = start.checked_sub(1).and_then(|i| t.bytes.get(i)).is_some_and(|b| *b == b'-');
    if !shaped || !letter || glued || !ends(t.bytes, start + 17) || t.bytes.get(start + 17) == Some(&b'-') {
        return None;
    }
    t.hit(start, start + 17, DataClass::MAC_ADDRESS, "MAC_ADDRESS", "mac", 85);
    Some(start + 17)
}

/// A group of capital letters stands in front of a number or behind it.
fn capitals_beside(bytes: &[u8], start: usize, end: usize) -> bool {
    let gap = |b: Option<&u8>| matches!(b, Some(b' ' | b'-'));
    let capital = |i: Option<usize>| i.and_then(|i| bytes.get(i)).is_some_and(u8::is_ascii_uppercase);
    gap(start.checked_sub(1).and_then(|i| bytes.get(i))) && capital(start.checked_sub(2))
        || gap(bytes.get(end)) && capital(Some(end + 1))
}

/// `12th March 1980`.
fn ordinal(t: &mut Text<'_>, s: &Scanner, start: usize, end: usize) -> Option<usize> {
    let digits = t.bytes.get(start..end)?.iter().take_while(|b| digit(**b)).count();
    dates::spelled(t, s, start, start + digits)
}

/// Three groups of four hexadecimal digits with dots.
pub(super) fn mac_of_cisco(t: &mut Text<'_>, start: usize) -> Option<usize> {
    let run = t.bytes.get(start..start + 14)?;
    let shaped = run.iter().enumerate().all(|(i, b)| if i % 5 == 4 { *b == b'.' } else { hex(*b) });
    let letter = run.iter().any(u8::is_ascii_alphabetic);
    let glued = start.checked_sub(1).and_then(|i| t.bytes.get(i)).is_some_and(|b| *b == b'.');
    if !shaped || !letter || glued || !ends(t.bytes, start + 14) || t.bytes.get(start + 14) == Some(&b'.') {
        return None;
    }
    t.hit(start, start + 14, DataClass::MAC_ADDRESS, "MAC_ADDRESS", "mac", 85);
    Some(start + 14)
}

/// Numbers without a check: passports, licences and accounts, by the words beside them.
pub(super) fn by_words(t: &mut Text<'_>, s: &Scanner, start: usize, end: usize) -> Option<usize> {
    let len = end - start;
    if !(2..=20).contains(&len) || t.bytes.len() < len + 3 {
        return None;
    }
    if in_mask(t.bytes, start) || in_uuid(t.bytes, start, end) {
        return None;
    }
    let word = t.bytes.get(start..end)?;
    let digits = word.iter().filter(|b| digit(**b)).count();
    let capital = word.iter().any(u8::is_ascii_uppercase);
    // Most short words and numbers can be nothing, and looking at what stands around them costs more than they do.
    let plate = len <= 9 && (capital || capitals_beside(t.bytes, start, end));
    let code = capital && matches!(len, 8 | 11);
    // `GHH7GKF15`: numbers of passports may be letters for the most part.
    let serial =
        matches!(len, 8 | 9) && digits >= 1 && word.iter().all(|b| digit(*b) || b.is_ascii_uppercase());
    if !plate && !code && !serial && (digits < 4 || len < 5) {
        return None;
    }
    let bits = s.words.around(t.bytes, start, end);
    if code && bits & context::BIC != 0 && bic::is(word) {
        t.hit(start, end, DataClass::BIC, "BIC", "bic", 85);
        return Some(end);
    }
    if plate
        && bits & context::PLATE != 0
        && let Some(end) = vehicle::plate(t, start, end)
    {
        return Some(end);
    }
    if serial && (bits & context::PASSPORT != 0 || digits >= 5 && capital && behind_pass(t.bytes, start)) {
        t.hit(start, end, DataClass::PASSPORT, "PASSPORT", "context", 65);
        return Some(end);
    }
    if digits < 4 || len < 5 {
        return None;
    }
    let rule = "context";
    let (class, kind) = if bits & context::PASSPORT != 0 && (6..=9).contains(&len) {
        (DataClass::PASSPORT, "PASSPORT")
    } else if bits & context::LICENCE != 0 && (5..=16).contains(&len) {
        (DataClass::DRIVING_LICENCE, "DRIVING_LICENCE")
    } else if bits & context::ACCOUNT != 0 && digits == len && (6..=17).contains(&len) {
        (DataClass::BANK_ACCOUNT, "BANK_ACCOUNT")
    } else if bits & context::ID != 0 && bits & context::OTHER == 0 && digits >= 6 && (7..=18).contains(&len)
    {
        (DataClass::NATIONAL_ID, "NATIONAL_ID")
    } else {
        return None;
    };
    t.hit(start, end, class, kind, rule, 65);
    Some(end)
}

/// `Pass C01X00T47`, `pas nr. XR1234567`, but not a pass to enter something.
fn behind_pass(bytes: &[u8], start: usize) -> bool {
    let before = bytes.get(start.saturating_sub(28)..start).unwrap_or_default();
    let mut words = before.rsplit(|b| !b.is_ascii_alphabetic()).filter(|w| !w.is_empty());
    let is = |w: Option<&[u8]>, list: &[&str]| {
        w.is_some_and(|w| list.iter().any(|l| l.as_bytes().eq_ignore_ascii_case(w)))
    };
    let mut last = words.next();
    if is(last, &["no", "nr", "number", "nummer", "num"]) {
        last = words.next();
    }
    is(last, &["pass", "pas"])
        && !is(
            words.next(),
            &["boarding", "season", "day", "guest", "visitor", "parking", "press", "bus", "ski", "gate"],
        )
}

/// The word is a group of a UUID.
fn in_uuid(bytes: &[u8], start: usize, end: usize) -> bool {
    let dash = |i: Option<usize>| i.and_then(|i| bytes.get(i)) == Some(&b'-');
    if !dash(Some(end)) && !dash(start.checked_sub(1)) {
        return false;
    }
    let part = |b: &u8| b.is_ascii_hexdigit() || *b == b'-';
    let back = bytes.get(start.saturating_sub(24)..start).unwrap_or_default();
    let from = start - back.iter().rev().take_while(|b| part(b)).count();
    bytes.get(from..from + 36).is_some_and(super::secret::uuid)
}

/// The word stands in `[LABEL:word]`, which masking wrote.
fn in_mask(bytes: &[u8], start: usize) -> bool {
    let Some(label) = start.checked_sub(1).filter(|i| bytes.get(*i) == Some(&b':')) else { return false };
    let before = bytes.get(label.saturating_sub(24)..label).unwrap_or_default();
    let len = before.iter().rev().take_while(|b| b.is_ascii_uppercase() || **b == b'_').count();
    len > 0 && label.checked_sub(len + 1).and_then(|i| bytes.get(i)) == Some(&b'[')
}

/// A date beside a word for birth.
pub(super) fn dated(t: &mut Text<'_>, s: &Scanner, start: usize, row: &Row) -> Option<usize> {
    let (lengths, n) = row.lengths();
    let shaped = matches!(lengths.get(..n.min(3))?, [4, 1 | 2, 1 | 2] | [1 | 2, 1 | 2, 4 | 2]);
    let end = row.ends().get(2)?.0;
    let same = row.ends().get(1)?.2 == row.ends().get(2)?.2 && row.ends().get(1)?.2 != b' ';
    let after = t.bytes.get(end).is_none_or(|b| !b.is_ascii_alphanumeric() || *b == b'T');
    if !shaped || !same || !after || meaning(t, s, start, end) & context::BIRTH == 0 {
        return None;
    }
    t.hit(start, end, DataClass::BIRTH_DATE, "DATE_OF_BIRTH", "birth_date", 80);
    Some(end)
}
