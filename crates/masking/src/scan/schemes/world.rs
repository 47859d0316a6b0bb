//! Checks of numbers of other countries.

use crate::scan::checks::{day_month, luhn, number, two, uniform, verhoeff, weighted};

/// ITIN: 9xx, a group that the IRS gives out, serial.
pub(super) fn us_itin(d: &[u8]) -> bool {
    d.first() == Some(&9) && matches!(two(d, 3), 50..=65 | 70..=88 | 90..=92 | 94..=99)
}

/// EIN: a prefix of a campus of the IRS.
pub(super) fn us_ein(d: &[u8]) -> bool {
    let never = matches!(two(d, 0), 0 | 7..=9 | 17..=19 | 28 | 29 | 49 | 69 | 70 | 78 | 79 | 89 | 96 | 97);
    !never && !uniform(d)
}

/// NPI: Luhn with 80840 in front (CMS).
pub(super) fn us_npi(d: &[u8]) -> bool {
    let mut all = vec![8, 0, 8, 4, 0];
    all.extend_from_slice(d);
    d.first().is_some_and(|x| matches!(x, 1 | 2)) && luhn(&all)
}

/// Routing number of the American Bankers Association: weights 3, 7, 1.
pub(super) fn us_aba(d: &[u8]) -> bool {
    weighted(d, &[3, 7, 1, 3, 7, 1, 3, 7, 1]).is_multiple_of(10)
        && matches!(two(d, 0), 0..=12 | 21..=32 | 61..=72 | 80)
        && !uniform(d)
}

/// Social insurance number: Luhn; none begins with 0 or 8.
pub(super) fn ca_sin(d: &[u8]) -> bool {
    luhn(d) && !matches!(d.first(), Some(0 | 8)) && !uniform(d)
}

/// Tax file number: mod 11.
pub(super) fn au_tfn(d: &[u8]) -> bool {
    weighted(d, &[1, 4, 3, 7, 5, 8, 6, 9, 10]).is_multiple_of(11) && !uniform(d)
}

/// Australian business number: one off the first digit, mod 89.
pub(super) fn au_abn(d: &[u8]) -> bool {
    let Some((first, rest)) = d.split_first() else { return false };
    *first > 0
        && (u32::from(first - 1) * 10 + weighted(rest, &[1, 3, 5, 7, 9, 11, 13, 15, 17, 19]))
            .is_multiple_of(89)
}

/// Australian company number: weights 8 to 1, mod 10.
pub(super) fn au_acn(d: &[u8]) -> bool {
    let sum = weighted(d.get(..8).unwrap_or_default(), &[8, 7, 6, 5, 4, 3, 2, 1]);
    d.get(8).is_some_and(|x| (10 - sum % 10) % 10 == u32::from(*x)) && !uniform(d)
}

/// Medicare card: begins with 2 to 6, the ninth digit checks the first eight.
pub(super) fn au_medicare(d: &[u8]) -> bool {
    let sum = weighted(d.get(..8).unwrap_or_default(), &[1, 3, 7, 9, 1, 3, 7, 9]);
    d.first().is_some_and(|x| (2..=6).contains(x))
        && d.get(8).is_some_and(|x| sum % 10 == u32::from(*x))
        && d.get(9).is_some_and(|x| *x > 0)
}

/// Aadhaar: Verhoeff; begins with 2 to 9 and is no palindrome (UIDAI).
pub(super) fn in_aadhaar(d: &[u8]) -> bool {
    d.first().is_some_and(|x| *x > 1) && verhoeff(d) && !d.iter().eq(d.iter().rev())
}

/// One check digit of CPF and CNPJ.
fn br_digit(d: &[u8], weights: &[u8]) -> u8 {
    let r = weighted(d, weights) % 11;
    if r < 2 { 0 } else { 11 - r as u8 }
}

/// CPF: two digits mod 11.
pub(super) fn br_cpf(d: &[u8]) -> bool {
    let at = |n: usize| d.get(..n).unwrap_or_default();
    d.get(9) == Some(&br_digit(at(9), &[10, 9, 8, 7, 6, 5, 4, 3, 2]))
        && d.get(10) == Some(&br_digit(at(10), &[11, 10, 9, 8, 7, 6, 5, 4, 3, 2]))
        && !uniform(d)
}

/// CNPJ: two digits mod 11.
pub(super) fn br_cnpj(d: &[u8]) -> bool {
    let at = |n: usize| d.get(..n).unwrap_or_default();
    d.get(12) == Some(&br_digit(at(12), &[5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]))
        && d.get(13) == Some(&br_digit(at(13), &[6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]))
        && !uniform(d)
}

/// My Number: mod 11 over eleven digits (Ordinance 85 of 2014).
pub(super) fn jp_my_number(d: &[u8]) -> bool {
    let sum = weighted(d.get(..11).unwrap_or_default(), &[6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11;
    let c = if sum < 2 { 0 } else { 11 - sum };
    d.get(11).is_some_and(|x| u32::from(*x) == c) && !uniform(d)
}

/// RRN: YYMMDD, sex and century, place, check digit. Numbers given since October 2020 have none.
pub(super) fn kr_rrn(d: &[u8]) -> bool {
    let sum = weighted(d.get(..12).unwrap_or_default(), &[2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5]);
    kr_rrn_new(d) && d.get(12).is_some_and(|x| (11 - sum % 11) % 10 == u32::from(*x))
}

/// RRN without its check digit.
pub(super) fn kr_rrn_new(d: &[u8]) -> bool {
    day_month(two(d, 4), two(d, 2)) && d.get(6).is_some_and(|x| (1..=8).contains(x))
}

/// T.C. kimlik: two check digits.
pub(super) fn tr_tckn(d: &[u8]) -> bool {
    let sum = |from: usize| d.iter().take(9).skip(from).step_by(2).map(|x| i64::from(*x)).sum::<i64>();
    let tenth = (sum(0) * 7 - sum(1)).rem_euclid(10);
    let all: i64 = d.iter().take(10).map(|x| i64::from(*x)).sum();
    d.first() != Some(&0)
        && d.get(9).is_some_and(|x| i64::from(*x) == tenth)
        && d.get(10).is_some_and(|x| i64::from(*x) == all % 10)
}

/// South African identity number: YYMMDD, serial, citizenship, Luhn.
pub(super) fn za_id(d: &[u8]) -> bool {
    day_month(two(d, 4), two(d, 2)) && d.get(10).is_some_and(|x| *x < 3) && luhn(d)
}

/// Thai citizen number: kind of registration, office, order, mod 11.
pub(super) fn th_pin(d: &[u8]) -> bool {
    let sum = weighted(d.get(..12).unwrap_or_default(), &[13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2]);
    d.first().is_some_and(|x| (1..=8).contains(x))
        && d.get(12).is_some_and(|x| (11 - sum % 11) % 10 == u32::from(*x))
        && !uniform(d)
}

/// Resident identity number: division, date, order, mod 11-2 (GB 11643). A last X is ten.
pub(super) fn cn_ric(d: &[u8]) -> bool {
    let sum =
        weighted(d.get(..17).unwrap_or_default(), &[7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]);
    let year = number(d.get(6..10).unwrap_or_default());
    (11..=82).contains(&two(d, 0))
        && (1900..2100).contains(&year)
        && day_month(two(d, 12), two(d, 10))
        && d.get(17).is_some_and(|x| (12 - sum % 11) % 11 == u32::from(*x))
}

/// Teudat zehut: Luhn over nine digits.
pub(super) fn il_id(d: &[u8]) -> bool {
    luhn(d) && !uniform(d)
}
