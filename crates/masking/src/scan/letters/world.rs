//! More personal numbers with letters: of other countries, and those of the EU that only their own words name.

use super::{digits, weigh_731};
use crate::scan::checks::day_month;
use crate::scan::schemes;

fn shaped(w: &[u8], shape: &[u8]) -> bool {
    w.len() == shape.len()
        && w.iter().zip(shape).all(|(b, s)| match s {
            b'A' => b.is_ascii_uppercase(),
            b'9' => b.is_ascii_digit(),
            b'X' => b.is_ascii_uppercase() || b.is_ascii_digit(),
            s => b == s,
        })
}

fn value(b: u8) -> u32 {
    if b.is_ascii_digit() { u32::from(b - b'0') } else { u32::from(b.wrapping_sub(b'A')) + 10 }
}

/// Krankenversichertennummer: a letter as two digits, weights 1 and 2 in turn, sums of digits mod 10 (§ 290 SGB V).
pub(super) fn de_kvnr(w: &[u8]) -> bool {
    let Some((letter, body)) = w.split_first() else { return false };
    if !letter.is_ascii_uppercase() || digits(body).is_none() || body.len() != 9 {
        return false;
    }
    let place = letter - b'A' + 1;
    let sum: u32 = [place / 10, place % 10]
        .into_iter()
        .chain(body.iter().take(8).map(|b| b - b'0'))
        .enumerate()
        .map(|(i, x)| {
            let p = u32::from(x) * if i % 2 == 0 { 1 } else { 2 };
            p / 10 + p % 10
        })
        .sum();
    body.last().is_some_and(|c| u32::from(c - b'0') == sum % 10)
}

/// CIF: a letter for the kind of company, seven digits, a check digit or letter.
pub(super) fn es_cif(w: &[u8]) -> bool {
    let [kind, body @ .., check] = w else { return false };
    if !b"ABCDEFGHJNPQRSUVW".contains(kind) || body.len() != 7 || digits(body).is_none() {
        return false;
    }
    let sum: u32 = body
        .iter()
        .enumerate()
        .map(|(i, b)| {
            let v = u32::from(b - b'0');
            if i % 2 == 0 { v * 2 / 10 + v * 2 % 10 } else { v }
        })
        .sum();
    let c = (10 - sum % 10) % 10;
    *check == b'0' + c as u8 || b"JABCDEFGHI".get(c as usize) == Some(check)
}

/// Carta d'identità elettronica: two letters, five digits, two letters.
pub(super) fn it_card(w: &[u8]) -> bool {
    shaped(w, b"AA99999AA")
}

/// Greek identity card: two letters, six digits.
pub(super) fn gr_card(w: &[u8]) -> bool {
    shaped(w, b"AA999999")
}

/// PAN: the fourth letter tells the kind of holder.
pub(super) fn in_pan(w: &[u8]) -> bool {
    shaped(w, b"AAAAA9999A") && w.get(3).is_some_and(|b| b"ABCFGHJLPT".contains(b))
}

/// GSTIN: state, PAN, entity, Z, a check character mod 36.
pub(super) fn in_gstin(w: &[u8]) -> bool {
    let state = w.get(..2).and_then(digits).is_some_and(|n| (1..=38).contains(&n) || n == 97);
    let sum: u32 = w
        .iter()
        .take(14)
        .enumerate()
        .map(|(i, b)| {
            let p = value(*b) * if i % 2 == 0 { 1 } else { 2 };
            p / 36 + p % 36
        })
        .sum();
    shaped(w, b"99AAAAA9999AXZX")
        && state
        && w.get(2..12).is_some_and(in_pan)
        && w.get(14).is_some_and(|c| value(*c) == (36 - sum % 36) % 36)
}

/// Electoral photo identity card: three letters, seven digits, of which the last is a Luhn digit.
pub(super) fn in_voter(w: &[u8]) -> bool {
    let d: Vec<u8> = w.iter().skip(3).map(|b| b.wrapping_sub(b'0')).collect();
    shaped(w, b"AAA9999999") && crate::scan::checks::luhn(&d)
}

/// NRIC and FIN of Singapore: weights 2, 7, 6, 5, 4, 3, 2 and a letter.
pub(super) fn sg_nric(w: &[u8]) -> bool {
    let [kind, body @ .., check] = w else { return false };
    if body.len() != 7 || digits(body).is_none() {
        return false;
    }
    let sum: u32 = body.iter().zip([2u32, 7, 6, 5, 4, 3, 2]).map(|(b, k)| u32::from(b - b'0') * k).sum();
    let letters: &[u8; 11] = match kind {
        b'S' | b'T' => b"JZIHGFEDCBA",
        b'F' | b'G' => b"XWUTRQPNMLK",
        b'M' => b"KLJNPQRTUWX",
        _ => return false,
    };
    let sum = sum + if matches!(kind, b'T' | b'G') { 4 } else { 0 } + if *kind == b'M' { 3 } else { 0 };
    letters.get((sum % 11) as usize) == Some(check)
}

/// CURP: initials, YYMMDD, sex, state, consonants, and a check digit in base 37 with Ñ.
pub(super) fn mx_curp(w: &[u8]) -> bool {
    let place = |b: &u8| match b {
        b'0'..=b'9' => u32::from(b - b'0'),
        b'A'..=b'N' => u32::from(b - b'A') + 10,
        _ => u32::from(b.wrapping_sub(b'A')) + 11,
    };
    let sum: u32 = w.iter().take(17).zip((2..=18).rev()).map(|(b, k)| place(b) * k).sum();
    let date = w.get(4..10).and_then(digits);
    shaped(w, b"AAAA999999AAAAAAX9")
        && date.is_some_and(|n| day_month(n % 100, n / 100 % 100))
        && w.get(10).is_some_and(|b| matches!(b, b'H' | b'M' | b'X'))
        && w.get(17).is_some_and(|b| u32::from(b - b'0') == (10 - sum % 10) % 10)
}

/// Resident identity number of China with X as its check character.
pub(super) fn cn_ric(w: &[u8]) -> bool {
    if w.len() != 18 || w.last() != Some(&b'X') || digits(w.get(..17).unwrap_or_default()).is_none() {
        return false;
    }
    let mut d: Vec<u8> = w.iter().take(17).map(|b| b - b'0').collect();
    d.push(10);
    schemes::cn_with_x(&d)
}

/// Medicare beneficiary identifier: digits and letters at fixed places, no S, L, O, I, B, Z (CMS).
pub(super) fn us_mbi(w: &[u8]) -> bool {
    let letter = |b: &u8| b"ACDEFGHJKMNPQRTUVWXY".contains(b);
    let digit = u8::is_ascii_digit;
    w.len() == 11
        && w.iter().enumerate().all(|(i, b)| match i {
            0 => matches!(b, b'1'..=b'9'),
            1 | 4 | 7 | 8 => letter(b),
            2 | 5 => letter(b) || digit(b),
            _ => digit(b),
        })
}

/// DEA number: two letters, six digits, a check digit.
pub(super) fn us_dea(w: &[u8]) -> bool {
    let [kind, second, body @ ..] = w else { return false };
    if !b"ABCDEFGHJKLMPRSTUX".contains(kind) || !(second.is_ascii_uppercase() || *second == b'9') {
        return false;
    }
    let Some(n) = digits(body).filter(|_| body.len() == 7) else { return false };
    let d = |place: u32| n / 10u64.pow(6 - place) % 10;
    (d(0) + d(2) + d(4) + 2 * (d(1) + d(3) + d(5))) % 10 == d(6)
}

/// Driver number of Great Britain: surname, decade, month (women plus 50), day, year, initials, three more.
pub(super) fn uk_driver(w: &[u8]) -> bool {
    let name = w.get(..5).is_some_and(|n| {
        let letters = n.iter().take_while(|b| b.is_ascii_uppercase()).count();
        letters > 0 && n.iter().skip(letters).all(|b| *b == b'9')
    });
    let month = w.get(6..8).and_then(digits).map_or(0, |m| if m > 50 { m - 50 } else { m });
    let day = w.get(8..10).and_then(digits).unwrap_or(0);
    let initials = w.get(11..13).is_some_and(|i| {
        i.first().is_some_and(u8::is_ascii_uppercase)
            && i.iter().all(|b| b.is_ascii_uppercase() || *b == b'9')
    });
    w.len() == 16
        && name
        && initials
        && day_month(day, month)
        && [5, 10, 13].iter().all(|i| w.get(*i).is_some_and(u8::is_ascii_digit))
        && w.get(14..).is_some_and(|t| t.iter().all(u8::is_ascii_uppercase))
}

/// German passport and identity card with its check digit (ICAO 9303).
pub(super) fn de_document(w: &[u8]) -> bool {
    let Some((check, body)) = w.split_last() else { return false };
    body.len() == 9
        && super::de_card(body)
        && check.is_ascii_digit()
        && weigh_731(body) % 10 == u32::from(check - b'0')
}
