//! Personal numbers with letters in them.

use carnet_model::DataClass;

use super::checks::{day_month, number};
use super::number::{ends, meaning};
use super::schemes::Needs;
use super::{Scanner, Text};
use crate::context;

mod world;

const ID: DataClass = DataClass::NATIONAL_ID;
const TAX: DataClass = DataClass::TAX_ID;
const HEALTH: DataClass = DataClass::HEALTH_ID;
/// No letters and digits of one number go on longer.
const LONGEST: usize = 18;

/// And none has fewer of them.
const SHORTEST: usize = 8;

/// A format that a word fits.
struct Fit {
    kind: &'static str,
    class: DataClass,
    country: &'static [u8; 2],
    needs: Needs,
    end: usize,
}

/// Looks at the word at `start..end`.
pub(super) fn at(t: &mut Text<'_>, s: &Scanner, start: usize, end: usize) -> Option<usize> {
    let glued = start
        .checked_sub(1)
        .and_then(|i| t.bytes.get(i))
        .is_some_and(|b| matches!(b, b'-' | b'_' | b'.' | b'/' | b'+' | b'='));
    let mut buffer = [0u8; LONGEST];
    let (n, stops) = compact(t.bytes, start, &mut buffer);
    if n < SHORTEST {
        return None;
    }
    let word_len = end - start;
    let fit = buffer
        .get(..word_len.min(n))
        .filter(|_| word_len <= LONGEST && ends(t.bytes, end))
        .and_then(|w| whole(w, end))
        .or_else(|| grouped(&buffer, n, t.bytes, &stops))?;
    let bits = meaning(t, s, start, fit.end);
    let own = bits & context::country(fit.country) != 0;
    let said = own || fit.needs != Needs::Own && bits & (context::ID | context::TAX | context::HEALTH) != 0;
    let other = bits & context::OTHER != 0;
    let free = fit.needs == Needs::Nothing || fit.needs == Needs::Word && s.country(fit.country);
    if !said && (glued || other || !free) {
        return None;
    }
    t.hit(start, fit.end, fit.class, fit.kind, "national_number", if said { 95 } else { 78 });
    Some(fit.end)
}

/// Looks at a group of digits that letters stand beside: `12345678-Z`, `X-1234567-L`, `AB 12 34 56 C`.
pub(super) fn beside(t: &mut Text<'_>, s: &Scanner, start: usize, end: usize) -> Option<usize> {
    let bytes = t.bytes;
    let letter = |i: Option<usize>| i.and_then(|i| bytes.get(i)).is_some_and(u8::is_ascii_alphabetic);
    let gap =
        |i: Option<usize>| i.and_then(|i| t.bytes.get(i)).is_some_and(|b| matches!(b, b' ' | b'-' | b'.'));
    let before = |n: usize| start.checked_sub(n);
    let len = end - start;
    let ways = [
        (len == 6 && gap(before(1)) && letter(before(2)) && letter(before(3)) && !letter(before(4)), 3),
        (matches!(len, 7 | 8) && gap(before(1)) && letter(before(2)) && !letter(before(3)), 2),
        (len == 8 && gap(Some(end)) && letter(Some(end + 1)), 0),
        (len == 2 && gap(before(1)) && letter(before(2)) && letter(before(3)) && !letter(before(4)), 3),
    ];
    ways.into_iter().filter(|w| w.0).find_map(|(_, back)| at(t, s, start - back, start - back))
}

/// The next letters and digits without the separators between them, in upper case; how many, and where each ends.
fn compact(bytes: &[u8], start: usize, out: &mut [u8; LONGEST]) -> (usize, [usize; LONGEST]) {
    let (mut n, mut gap) = (0, 0);
    let mut stops = [0; LONGEST];
    for (i, b) in bytes.iter().enumerate().skip(start).take(LONGEST + 8) {
        if b.is_ascii_alphanumeric() {
            let (Some(slot), Some(stop)) = (out.get_mut(n), stops.get_mut(n)) else { break };
            (*slot, *stop) = (b.to_ascii_uppercase(), i + 1);
            (n, gap) = (n + 1, 0);
        } else if matches!(b, b' ' | b'-' | b'.') && gap == 0 {
            gap = 1;
        } else {
            break;
        }
    }
    (n, stops)
}

/// Length, check, type, class, country, what else it needs, and whether it is also read with separators inside.
pub(super) type Format = (usize, fn(&[u8]) -> bool, &'static str, DataClass, &'static [u8; 2], Needs, bool);

/// Every format; the first that fits is reported.
#[rustfmt::skip]
pub(super) static FORMATS: &[Format] = &[
    (16, codice_fiscale, "IT_FISCAL_CODE", TAX, b"IT", Needs::Nothing, true),
    (16, world::uk_driver, "DRIVING_LICENCE", DataClass::DRIVING_LICENCE, b"GB", Needs::Nothing, true),
    (9, dni, "ES_NIF", ID, b"ES", Needs::Nothing, true),
    (9, nie, "ES_NIE", ID, b"ES", Needs::Nothing, true),
    (9, nino, "UK_NINO", ID, b"GB", Needs::Nothing, true),
    (9, nino_of_none, "UK_NINO", ID, b"GB", Needs::Word, true),
    (9, pps, "IE_PPS", ID, b"IE", Needs::Nothing, false),
    (8, pps, "IE_PPS", ID, b"IE", Needs::Word, false),
    (15, corsica, "FR_NIR", ID, b"FR", Needs::Nothing, true),
    (12, pt_cc, "PT_CC", ID, b"PT", Needs::Nothing, true),
    (12, de_pension, "DE_SOCIAL_SECURITY", ID, b"DE", Needs::Word, true),
    (10, world::de_kvnr, "DE_KVNR", HEALTH, b"DE", Needs::Word, false),
    (10, world::de_document, "DE_ID_CARD", ID, b"DE", Needs::Word, false),
    (9, cy_tic, "CY_TIC", TAX, b"CY", Needs::Word, false),
    (8, mt_id, "MT_ID", ID, b"MT", Needs::Word, false),
    (9, world::it_card, "IT_IDENTITY_CARD", ID, b"IT", Needs::Word, false),
    (9, pl_card, "PL_ID_CARD", ID, b"PL", Needs::Word, false),
    (9, world::es_cif, "ES_CIF", TAX, b"ES", Needs::Own, false),
    (9, world::sg_nric, "SG_NRIC_FIN", ID, b"SG", Needs::Nothing, false),
    (9, world::us_dea, "US_DEA", HEALTH, b"US", Needs::Own, false),
    (9, de_card, "DE_ID_CARD", ID, b"DE", Needs::Word, false),
    (8, world::gr_card, "GR_ID_CARD", ID, b"GR", Needs::Own, true),
    (10, world::in_pan, "IN_PAN", TAX, b"IN", Needs::Nothing, false),
    (15, world::in_gstin, "IN_GSTIN", TAX, b"IN", Needs::Nothing, false),
    (10, world::in_voter, "IN_VOTER", ID, b"IN", Needs::Own, false),
    (18, world::mx_curp, "MX_CURP", ID, b"MX", Needs::Nothing, false),
    (18, world::cn_ric, "CN_RIC", ID, b"CN", Needs::Nothing, false),
    (11, world::us_mbi, "US_MBI", HEALTH, b"US", Needs::Nothing, true),
];

/// Formats written in one piece.
fn whole(w: &[u8], end: usize) -> Option<Fit> {
    fitting(w, end, |f| f.0 == w.len())
}

/// Formats written with separators.
fn grouped(all: &[u8; LONGEST], n: usize, bytes: &[u8], stops: &[usize; LONGEST]) -> Option<Fit> {
    [9, 11, 12, 15, 16, 8].into_iter().filter(|len| *len <= n).find_map(|len| {
        let end = *stops.get(len - 1)?;
        if !ends(bytes, end) {
            return None;
        }
        fitting(all.get(..len)?, end, |f| f.6 && f.0 == len)
    })
}

fn fitting(w: &[u8], end: usize, among: impl Fn(&Format) -> bool) -> Option<Fit> {
    let (_, _, kind, class, country, needs, _) = FORMATS.iter().find(|f| among(f) && (f.1)(w))?;
    Some(Fit { kind, class: *class, country, needs: *needs, end })
}

fn digits(w: &[u8]) -> Option<u64> {
    w.iter().all(u8::is_ascii_digit).then(|| w.iter().fold(0, |n, b| n * 10 + u64::from(b - b'0')))
}

/// Codice fiscale: the date of birth with omocodia letters, and the control letter (D.M. 23/12/1976).
fn codice_fiscale(w: &[u8]) -> bool {
    const ODD: [u8; 26] =
        [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];
    let plain = |b: u8| {
        if b.is_ascii_digit() {
            Some(b - b'0')
        } else {
            b"LMNPQRSTUV".iter().position(|x| *x == b).map(|p| p as u8)
        }
    };
    let letters = |r: std::ops::Range<usize>| w.get(r).is_some_and(|p| p.iter().all(u8::is_ascii_alphabetic));
    let digit_at = |i: usize| w.get(i).copied().and_then(plain);
    let month = w.get(8).is_some_and(|m| b"ABCDEHLMPRST".contains(m));
    let (Some(d1), Some(d2)) = (digit_at(9), digit_at(10)) else { return false };
    let day = d1 * 10 + d2;
    let shaped = letters(0..6)
        && [6, 7, 12, 13, 14].iter().all(|i| digit_at(*i).is_some())
        && letters(11..12)
        && letters(15..16);
    if !shaped || !month || !((1..=31).contains(&day) || (41..=71).contains(&day)) {
        return false;
    }
    let sum: u32 = w
        .iter()
        .take(15)
        .enumerate()
        .map(|(i, b)| {
            let v = if b.is_ascii_digit() { b - b'0' } else { b.wrapping_sub(b'A') };
            u32::from(if i % 2 == 0 { ODD.get(usize::from(v)).copied().unwrap_or(0) } else { v })
        })
        .sum();
    w.get(15).is_some_and(|c| u32::from(c - b'A') == sum % 26)
}

const NIF: &[u8; 23] = b"TRWAGMYFPDXBNJZSQVHLCKE";

/// DNI: eight digits and a letter, mod 23.
fn dni(w: &[u8]) -> bool {
    let Some((letter, body)) = w.split_last() else { return false };
    digits(body).is_some_and(|n| n > 0 && NIF.get((n % 23) as usize) == Some(letter))
}

/// NIE: X, Y or Z stands for 0, 1 or 2.
fn nie(w: &[u8]) -> bool {
    let [first, body @ .., letter] = w else { return false };
    let lead = match first {
        b'X' => 0,
        b'Y' => 1,
        b'Z' => 2,
        _ => return false,
    };
    digits(body).is_some_and(|n| NIF.get(((lead * 10_000_000 + n) % 23) as usize) == Some(letter))
}

/// National Insurance number: prefixes that HMRC gives out, suffix A to D.
fn nino(w: &[u8]) -> bool {
    let [a, b, body @ .., suffix] = w else { return false };
    let pair = [*a, *b];
    let never = [*b"BG", *b"GB", *b"NK", *b"KN", *b"TN", *b"NT", *b"ZZ"].contains(&pair);
    a.is_ascii_uppercase()
        && b.is_ascii_uppercase()
        && !b"DFIQUV".contains(a)
        && !b"DFIQUVO".contains(b)
        && !never
        && digits(body).is_some()
        && (b'A'..=b'D').contains(suffix)
}

/// The same with the letters that are never given out, as samples have them: `ZZ 12 34 56 T`.
fn nino_of_none(w: &[u8]) -> bool {
    let [b'Z', b'Z', body @ .., b'A'..=b'D' | b'T'] = w else { return false };
    digits(body).is_some()
}

/// PPS: seven digits, a check letter mod 23, and since 2013 one more letter that counts nine times.
fn pps(w: &[u8]) -> bool {
    let Some((body, tail)) = w.split_at_checked(7) else { return false };
    let [check, rest @ ..] = tail else { return false };
    let extra = match rest {
        [] => 0,
        [b @ (b'A'..=b'I' | b'T')] => {
            if *b == b'T' {
                0
            } else {
                u32::from(b - b'A' + 1) * 9
            }
        }
        [b'W'] => 0,
        _ => return false,
    };
    if digits(body).is_none() || !check.is_ascii_uppercase() {
        return false;
    }
    let sum: u32 = body.iter().zip((2..=8).rev()).map(|(b, k)| u32::from(b - b'0') * k).sum::<u32>() + extra;
    let want = match sum % 23 {
        0 => b'W',
        n => b'A' + n as u8 - 1,
    };
    *check == want
}

/// NIR of Corsica: 2A counts as 19, 2B as 18.
fn corsica(w: &[u8]) -> bool {
    let department = match w.get(5..7) {
        Some(b"2A") => *b"19",
        Some(b"2B") => *b"18",
        _ => return false,
    };
    let (Some(a), Some(b), Some(key)) =
        (w.get(..5).and_then(digits), w.get(7..13).and_then(digits), w.get(13..).and_then(digits))
    else {
        return false;
    };
    let n = (a * 100 + digits(&department).unwrap_or(0)) * 1_000_000 + b;
    97 - n % 97 == key
}

/// Versicherungsnummer: area, DDMMYY, letter, serial, check digit (§ 147 SGB VI, VKVV).
fn de_pension(w: &[u8]) -> bool {
    let (Some(head), Some(letter), Some(tail)) = (w.get(..8), w.get(8), w.get(9..)) else { return false };
    if digits(head).is_none() || !letter.is_ascii_uppercase() || digits(tail).is_none() {
        return false;
    }
    let index = letter - b'A' + 1;
    let mut d = [0u8; 12];
    for (slot, b) in d.iter_mut().zip(
        head.iter()
            .map(|b| b - b'0')
            .chain([index / 10, index % 10])
            .chain(tail.iter().take(2).map(|b| b - b'0')),
    ) {
        *slot = b;
    }
    let sum: u32 = d
        .iter()
        .zip([2u32, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1])
        .map(|(x, k)| {
            let p = u32::from(*x) * k;
            p / 10 + p % 10
        })
        .sum();
    day_month(number(&[d[2], d[3]]) % 50, number(&[d[4], d[5]]))
        && tail.last().is_some_and(|c| u32::from(c - b'0') == sum % 10)
}

/// Tax identification code: eight digits and a letter that weighs odd places by a table.
fn cy_tic(w: &[u8]) -> bool {
    const ODD: [u32; 10] = [1, 0, 5, 7, 9, 13, 15, 17, 19, 21];
    let Some((letter, body)) = w.split_last() else { return false };
    if digits(body).is_none() {
        return false;
    }
    let sum: u32 = body
        .iter()
        .enumerate()
        .map(|(i, b)| {
            let v = u32::from(b - b'0');
            if i % 2 == 0 { ODD.get(v as usize).copied().unwrap_or(0) } else { v }
        })
        .sum();
    u32::from(letter.wrapping_sub(b'A')) == sum % 26
}

/// Maltese identity card: seven digits and one of the register's letters.
fn mt_id(w: &[u8]) -> bool {
    let Some((letter, body)) = w.split_last() else { return false };
    digits(body).is_some() && b"MGAPLHBZ".contains(letter)
}

/// Weights 7, 3, 1 over digits and letters, as in machine-readable documents (ICAO 9303).
fn weigh_731(w: &[u8]) -> u32 {
    w.iter()
        .zip([7u32, 3, 1].iter().cycle())
        .map(|(b, k)| k * if b.is_ascii_digit() { u32::from(b - b'0') } else { u32::from(b - b'A') + 10 })
        .sum()
}

/// Personalausweis: nine characters without vowels; a check digit follows only on the card itself.
fn de_card(w: &[u8]) -> bool {
    w.first().is_some_and(u8::is_ascii_alphabetic)
        && w.iter().all(|b| b"0123456789CFGHJKLMNPRTVWXYZ".contains(b))
        && w.iter().any(u8::is_ascii_digit)
}

/// Dowód osobisty: three letters, a check digit, five digits.
fn pl_card(w: &[u8]) -> bool {
    let (Some(letters), Some(check), Some(tail)) = (w.get(..3), w.get(3), w.get(4..)) else { return false };
    letters.iter().all(u8::is_ascii_uppercase) && check.is_ascii_digit() && digits(tail).is_some() && {
        weigh_731(letters)
            + tail.iter().zip([7u32, 3, 1, 7, 3]).map(|(b, k)| u32::from(b - b'0') * k).sum::<u32>()
    } % 10
        == u32::from(check - b'0')
}

/// Cartão de cidadão: nine digits, two letters or digits, Luhn over values in base 36.
fn pt_cc(w: &[u8]) -> bool {
    let shaped = w.get(..9).and_then(digits).is_some()
        && w.get(9..11).is_some_and(|v| v.iter().all(u8::is_ascii_uppercase))
        && w.get(11).is_some_and(u8::is_ascii_digit);
    let sum: u32 = w
        .iter()
        .rev()
        .enumerate()
        .map(|(i, b)| {
            let v = if b.is_ascii_digit() { u32::from(b - b'0') } else { u32::from(b - b'A') + 10 };
            if i % 2 == 0 {
                v
            } else if 2 * v > 9 {
                2 * v - 9
            } else {
                2 * v
            }
        })
        .sum();
    shaped && sum.is_multiple_of(10)
}

/// HETU: DDMMYY, century sign, order, check character mod 31. Called where six digits stand before the sign.
pub(super) fn hetu(t: &mut Text<'_>, start: usize) -> Option<usize> {
    let w = t.bytes.get(start..start + 11)?;
    let (Some(date), Some(sign), Some(order), Some(check)) =
        (w.get(..6).and_then(digits), w.get(6), w.get(7..10).and_then(digits), w.get(10))
    else {
        return None;
    };
    let signs = b"+-ABCDEFUVWXY";
    let n = date * 1000 + order;
    let right = b"0123456789ABCDEFHJKLMNPRSTUVWXY".get((n % 31) as usize)? == &check.to_ascii_uppercase();
    if !signs.contains(sign)
        || !right
        || !day_month(date / 10_000, date / 100 % 100)
        || !ends(t.bytes, start + 11)
    {
        return None;
    }
    t.hit(start, start + 11, ID, "FI_PERSONAL_IDENTITY_CODE", "national_number", 88);
    Some(start + 11)
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_format_is_shorter_than_is_said() {
        assert!(super::FORMATS.iter().all(|f| f.0 >= super::SHORTEST));
    }
}
