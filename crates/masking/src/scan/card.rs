//! Payment cards: the issuers' ranges and lengths (ISO/IEC 7812), and Luhn.

use carnet_model::DataClass;

use super::checks::{luhn, number, uniform};
use super::digits::Row;
use super::number::{Candidate, ends};
use super::{Scanner, Text};
use crate::context;

/// Whether an issuer gives out numbers of this beginning and length; `sure` without the ranges that need a word.
fn issued(d: &[u8]) -> Option<bool> {
    let four = number(d.get(..4)?);
    let n = d.len();
    let sure = match four {
        4000..=4999 => matches!(n, 13 | 16 | 19),
        5100..=5599 | 2221..=2720 => n == 16,
        3400..=3499 | 3700..=3799 => n == 15,
        3000..=3059 | 3095 | 3600..=3699 | 3800..=3999 => (14..=19).contains(&n),
        6011 | 6440..=6599 | 6200..=6299 | 3528..=3589 | 8100..=8199 => (16..=19).contains(&n),
        9792 | 8600 | 9860 | 2205 | 5019 => n == 16,
        2200..=2204 | 1800 | 2131 => (15..=19).contains(&n),
        _ => false,
    };
    // JCB's range is narrower, but 35 is nobody else's. Maestro gives out twelve digits under these beginnings.
    let sure = sure
        || n == 16 && (3500..3600).contains(&four)
        || n == 12
            && matches!(four, 5018 | 5020 | 5038 | 5600..=5899 | 6304 | 6390 | 6759 | 6761..=6763 | 604);
    let maestro = matches!(four, 5000..=5099 | 5600..=5899 | 6000..=6999) && (12..=19).contains(&n);
    (sure || maestro).then_some(sure)
}

/// Whether a card in the groups that cards are printed in begins at `start`.
pub(super) fn begins(bytes: &[u8], start: usize) -> bool {
    let row = Row::read(bytes, start);
    let (lengths, n) = row.lengths();
    let printed = match lengths.get(..n).unwrap_or_default() {
        [4, 4, 4, 4, ..] => 16,
        [4, 6, 5, ..] => 15,
        _ => return false,
    };
    let d = row.digits.first(printed);
    luhn(d) && !uniform(d) && issued(d) == Some(true)
}

/// Looks for a card at the beginning of the row.
pub(super) fn scan(t: &mut Text<'_>, s: &Scanner, c: &mut Candidate<'_>) -> Option<usize> {
    let mut best = None;
    let mut sep = 0;
    for (k, (end, total, this)) in c.row.ends().iter().enumerate() {
        match k {
            0 => {}
            1 => sep = *this,
            _ if *this != sep => break,
            _ => {}
        }
        if k > 0 && !matches!(this, b' ' | b'-') {
            break;
        }
        let d = c.row.digits.first(*total);
        if !(12..=19).contains(total) || !ends(t.bytes, *end) || uniform(d) || !luhn(d) {
            continue;
        }
        if let Some(sure) = issued(d) {
            best = Some((*end, sure, k));
        }
    }
    let (end, sure, k) = best?;
    let (lengths, _) = c.row.lengths();
    let groups = lengths.get(..=k)?;
    let written = matches!(groups, [_] | [4, 4, 4, 1..=4] | [4, 4, 4, 4, 3] | [4, 6, 4 | 5]);
    let decimal = c.start.checked_sub(1).and_then(|i| t.bytes.get(i)) == Some(&b'.') && c.start > 1;
    if decimal {
        return None;
    }
    let single = matches!(groups, [_]);
    let bits = if sure && written && !(single && groups.first().is_some_and(|n| *n < 15)) {
        context::CARD
    } else {
        c.meaning(t, s, end)
    };
    // Thirteen and fourteen digits are also those of articles and of milliseconds.
    let short = sure && written && bits & (context::OTHER | context::CARD) == 0;
    if bits & context::CARD == 0 && !short {
        return None;
    }
    t.hit(c.start, end, DataClass::CARD, "CREDIT_CARD", "card", if sure { 95 } else { 85 });
    Some(end)
}
