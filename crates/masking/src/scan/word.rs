//! Words of letters and digits: bank accounts, personal numbers with letters, and what only the words around it tell.

use carnet_model::DataClass;

use super::bytes::{digit, hex};
use super::digits::Row;
use super::number::{ends, meaning};
use super::{Scanner, Text, iban, letters};
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

/// Numbers without a check: passports, licences and accounts, by the words beside them.
pub(super) fn by_words(t: &mut Text<'_>, s: &Scanner, start: usize, end: usize) -> Option<usize> {
    let len = end - start;
    if !(5..=20).contains(&len) || t.bytes.len() < len + 3 {
        return None;
    }
    if in_mask(t.bytes, start) {
        return None;
    }
    let word = t.bytes.get(start..end)?;
    let digits = word.iter().filter(|b| digit(**b)).count();
    if digits < 4 {
        return None;
    }
    let bits = s.words.around(t.bytes, start, end);
    let rule = "context";
    let (class, kind) = if bits & context::PASSPORT != 0 && (6..=9).contains(&len) {
        (DataClass::PASSPORT, "PASSPORT")
    } else if bits & context::LICENCE != 0 && (5..=16).contains(&len) {
        (DataClass::DRIVING_LICENCE, "DRIVING_LICENCE")
    } else if bits & context::ACCOUNT != 0 && digits == len && (6..=17).contains(&len) {
        (DataClass::BANK_ACCOUNT, "BANK_ACCOUNT")
    } else {
        return None;
    };
    t.hit(start, end, class, kind, rule, 65);
    Some(end)
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
