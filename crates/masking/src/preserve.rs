//! Stand-ins of the same form: other digits and letters in the same places, with the check digits right.
//!
//! The places that may change are one number in a mixed radix. It is encrypted with FF1 over decimal digits and encrypted
//! again until it falls into the domain (cycle walking, SP 800-38G), so two values never get the same stand-in. Check digits
//! are not encrypted: they are what makes the new number valid under the rule that the old one satisfies. Domains below a
//! million values are refused, because all of them could be tried.

use carnet_model::DataClass;

use crate::ff1::Ff1;
use crate::scan::checks::luhn;
use crate::scan::schemes::SCHEMES;

/// The smallest domain: SP 800-38G revision 1 asks for a million.
const LEAST: u128 = 1_000_000;
/// The largest: 36 decimal digits.
const MOST: u128 = 10u128.pow(36);
/// After so many steps outside of what is valid there is no stand-in.
const STEPS: usize = 4000;

type Check = fn(&[u8]) -> bool;

/// Which letters and digits of a value may change, and what makes it valid.
struct Form {
    /// The letters and digits, upper case.
    chars: Vec<u8>,
    /// For each of them, how many values it may take; 1 for what stays.
    radix: Vec<u8>,
    /// Digits at the end that follow from the others.
    checked: usize,
    check: Option<Check>,
    /// Digits alone: as a number, it stays within the range of the type that it may be read into.
    digits: bool,
}

/// The largest numbers of the types that readers have. What fits one of them still does.
const RANGES: [u128; 5] =
    [0x7fff_ffff, 0xffff_ffff, (1 << 53) - 1, 0x7fff_ffff_ffff_ffff, 0xffff_ffff_ffff_ffff];

/// Writes a stand-in of the same form; `false` where there is none, and nothing is written then. `number` for a JSON
/// number, which does not begin with a zero.
pub(crate) fn stand_in(
    ff1: &Ff1,
    class: DataClass,
    kind: &str,
    value: &str,
    number: bool,
    out: &mut Vec<u8>,
) -> bool {
    let Some(form) = form(class, kind, value, number) else { return false };
    let Some(mut new) = form.walk(ff1, class) else { return false };
    if class == DataClass::IBAN {
        iban_digits(&mut new);
    }
    if new == form.chars {
        return false;
    }
    let mut new = new.into_iter();
    for b in value.bytes() {
        match b {
            b if b.is_ascii_lowercase() => out.extend(new.next().map(|c| c.to_ascii_lowercase())),
            b if b.is_ascii_alphanumeric() => out.extend(new.next()),
            b => out.push(b),
        }
    }
    true
}

fn form(class: DataClass, kind: &str, value: &str, number: bool) -> Option<Form> {
    let plain = |b: u8| b.is_ascii_digit() || b == b'-';
    if !value.is_ascii() || number && !value.bytes().all(plain) {
        return None;
    }
    let chars: Vec<u8> =
        value.bytes().filter(u8::is_ascii_alphanumeric).map(|b| b.to_ascii_uppercase()).collect();
    let digits: Option<Vec<u8>> = chars.iter().map(|b| b.is_ascii_digit().then(|| b - b'0')).collect();
    let mut radix: Vec<u8> = chars.iter().map(|b| if b.is_ascii_digit() { 10 } else { 26 }).collect();
    let (fixed, checked, check) = rules(class, kind, &chars, digits.as_deref(), number)?;
    // Digits alone may be a number, here or in another copy: a zero at the beginning stays, and none comes to be.
    if let (true, Some(first)) = (digits.is_some(), radix.first_mut()) {
        *first = if chars.first() == Some(&b'0') { 1 } else { 9 };
    }
    let fixed = if value.trim_start().starts_with('+') { fixed.max(2) } else { fixed };
    radix.iter_mut().take(fixed).for_each(|r| *r = 1);
    radix.truncate(radix.len().saturating_sub(checked));
    let form = Form { chars, radix, checked, check, digits: digits.is_some() };
    let domain = form.domain()?;
    (LEAST..MOST).contains(&domain).then_some(form)
}

/// How many characters at the beginning stay, how many digits at the end follow from the others, and by what. `None` where
/// the value has no form to keep.
fn rules(
    class: DataClass,
    kind: &str,
    chars: &[u8],
    digits: Option<&[u8]>,
    number: bool,
) -> Option<(usize, usize, Option<Check>)> {
    match class {
        DataClass::CARD => Some(if luhn(digits?) { (1, 1, Some(luhn as Check)) } else { (1, 0, None) }),
        DataClass::IBAN => {
            let letters = chars.iter().take(2).all(u8::is_ascii_alphabetic);
            let key = chars.get(2..4).is_some_and(|key| key.iter().all(u8::is_ascii_digit));
            let mut right = chars.to_vec();
            iban_digits(&mut right);
            (letters && key && right == chars).then_some((4, 0, None))
        }
        // A calling code has one to three digits; two are kept where there is a plus.
        DataClass::PHONE => Some((digits?.iter().take_while(|d| **d == 0).count(), 0, None)),
        DataClass::NATIONAL_ID | DataClass::TAX_ID | DataClass::HEALTH_ID => {
            let (checked, check) = digits.and_then(|d| scheme(kind, d)).unwrap_or((0, None));
            Some((0, checked, check))
        }
        DataClass::US_SSN
        | DataClass::PASSPORT
        | DataClass::DRIVING_LICENCE
        | DataClass::BANK_ACCOUNT
        | DataClass::VEHICLE => Some((0, 0, None)),
        class => (class.index() >= 96 || number).then_some((0, 0, None)),
    }
}

/// The check of a national number that satisfies it, and how many of its last digits follow from the others.
fn scheme(kind: &str, digits: &[u8]) -> Option<(usize, Option<Check>)> {
    let scheme = SCHEMES.iter().find(|s| s.kind == kind && s.len == digits.len() && (s.check)(digits))?;
    let checked = match kind {
        "FR_NIR" | "BE_NRN" | "NO_FODSELSNUMMER" => 2,
        "FR_TAX_ID" => 3,
        _ => 1,
    };
    Some((checked, Some(scheme.check)))
}

impl Form {
    fn domain(&self) -> Option<u128> {
        self.radix.iter().try_fold(1u128, |n, r| n.checked_mul(u128::from(*r)))
    }

    /// The open places as one number.
    fn number(&self) -> u128 {
        self.radix.iter().zip(&self.chars).fold(0, |n, (radix, c)| {
            let value = match radix {
                26 => u128::from(c - b'A'),
                10 => u128::from(c - b'0'),
                9 => u128::from((c - b'0').saturating_sub(1)),
                _ => 0,
            };
            n * u128::from(*radix) + value
        })
    }

    /// The letters and digits with this number in the open places; those that are checked are left out.
    fn with(&self, mut number: u128) -> Vec<u8> {
        let mut out: Vec<u8> = self
            .radix
            .iter()
            .zip(&self.chars)
            .rev()
            .map(|(radix, c)| {
                let value = (number % u128::from(*radix)) as u8;
                number /= u128::from(*radix);
                match radix {
                    26 => b'A' + value,
                    10 => b'0' + value,
                    9 => b'1' + value,
                    _ => *c,
                }
            })
            .collect();
        out.reverse();
        out
    }

    /// Encrypts until the number is one of the domain and has as many valid endings as the old one needs.
    fn walk(&self, ff1: &Ff1, class: DataClass) -> Option<Vec<u8>> {
        let domain = self.domain()?;
        let len = (domain - 1).checked_ilog10()? as usize + 1;
        let old = self.chars.get(..self.radix.len())?;
        let tail = self.chars.get(self.radix.len()..)?;
        let place = endings(old, self.checked, self.check).position(|e| e == tail)?;
        let mut number = self.number();
        for _ in 0..STEPS {
            number = again(ff1, class, number, len)?;
            if number >= domain {
                continue;
            }
            let mut new = self.with(number);
            if let Some(ending) = endings(&new, self.checked, self.check).nth(place) {
                new.extend(ending);
                if !self.digits || range(&new) == range(&self.chars) {
                    return Some(new);
                }
            }
        }
        None
    }
}

/// The first range that a number fits.
fn range(digits: &[u8]) -> usize {
    let value = digits
        .iter()
        .fold(0u128, |n, d| n.saturating_mul(10).saturating_add(u128::from(d.wrapping_sub(b'0'))));
    RANGES.iter().take_while(|most| value > **most).count()
}

/// One encryption of a number of so many decimal digits.
fn again(ff1: &Ff1, class: DataClass, mut number: u128, len: usize) -> Option<u128> {
    let mut digits = vec![0u8; len];
    for d in digits.iter_mut().rev() {
        *d = (number % 10) as u8;
        number /= 10;
    }
    let done = ff1.encrypt(10, class.name().as_bytes(), &digits)?;
    Some(done.iter().fold(0, |n, d| n * 10 + u128::from(*d)))
}

/// The endings of so many digits that make the beginning valid, in ascending order. The one empty ending where nothing is
/// checked.
fn endings(begin: &[u8], checked: usize, check: Option<Check>) -> impl Iterator<Item = Vec<u8>> + use<> {
    let digits: Vec<u8> = begin.iter().map(|b| b.wrapping_sub(b'0')).collect();
    (0..10u32.pow(checked as u32)).filter_map(move |n| {
        let ending: Vec<u8> = if checked == 0 { Vec::new() } else { format!("{n:0checked$}").into_bytes() };
        let Some(check) = check else { return Some(ending) };
        let mut all = digits.clone();
        all.extend(ending.iter().map(|b| b - b'0'));
        check(&all).then_some(ending)
    })
}

/// ISO 13616: the third and fourth character make the whole 1 modulo 97.
fn iban_digits(chars: &mut [u8]) {
    let Some((country, rest)) = chars.split_at_checked(4) else { return };
    let head =
        [country.first().copied().unwrap_or(b'A'), country.get(1).copied().unwrap_or(b'A'), b'0', b'0'];
    let r = rest.iter().chain(&head).fold(0u32, |r, b| {
        let v = if b.is_ascii_digit() { u32::from(b - b'0') } else { u32::from(b.wrapping_sub(b'A')) + 10 };
        if v > 9 { r * 100 + v } else { r * 10 + v }.wrapping_rem(97)
    });
    let key = 98 - r;
    if let Some(c) = chars.get_mut(2) {
        *c = b'0' + (key / 10) as u8;
    }
    if let Some(c) = chars.get_mut(3) {
        *c = b'0' + (key % 10) as u8;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn of(class: DataClass, kind: &str, value: &str) -> Option<String> {
        let mut out = Vec::new();
        let ff1 = Ff1::new(&[3; 32]);
        stand_in(&ff1, class, kind, value, false, &mut out).then(|| String::from_utf8(out).unwrap())
    }

    fn digits(text: &str) -> Vec<u8> {
        text.bytes().filter(u8::is_ascii_digit).map(|b| b - b'0').collect()
    }

    fn shape(text: &str) -> String {
        text.chars()
            .map(|c| match c {
                c if c.is_ascii_digit() => '0',
                c if c.is_ascii_uppercase() => 'A',
                c if c.is_ascii_lowercase() => 'a',
                c => c,
            })
            .collect()
    }

    #[test]
    fn what_has_no_form_or_too_few_values_has_no_stand_in() {
        for (class, value) in [
            (DataClass::EMAIL, "alice@example.org"),
            (DataClass::PASSPORT, "12345"),
            (DataClass::PASSPORT, "Ａ1234567"),
            (DataClass::CARD, "4111 11"),
            (DataClass::IBAN, "89370400440532013000"),
            (DataClass::PASSPORT, "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF"),
        ] {
            assert_eq!(of(class, "", value), None, "{value}");
        }
    }

    #[test]
    fn every_scheme_with_enough_values_stays_valid() {
        let (mut stood, mut failed) = (HashSet::new(), HashSet::new());
        for line in include_str!("../tests/data/national.txt").lines() {
            let [kind, _, _, values] = line.split('|').collect::<Vec<_>>()[..] else { continue };
            let value = values.split(',').next().unwrap();
            let d = digits(value);
            let valid = SCHEMES.iter().find(|s| s.kind == kind && s.len == d.len() && (s.check)(&d));
            // Accounts are changed by their class, which knows no check digits.
            let valid = valid.filter(|s| s.class != DataClass::BANK_ACCOUNT);
            let Some(scheme) = valid.filter(|_| value.bytes().all(|b| !b.is_ascii_alphabetic())) else {
                continue;
            };
            match of(scheme.class, kind, value) {
                Some(new) => {
                    assert!((scheme.check)(&digits(&new)), "{kind} {value} {new}");
                    assert_eq!(shape(&new), shape(value));
                    assert_ne!(new, value);
                    stood.insert(kind);
                }
                None => drop(failed.insert(kind)),
            }
        }
        assert!(stood.len() > 10, "{stood:?} {failed:?}");
    }

    proptest! {
        /// Invertible: as FF1 is, and cycle walking keeps it so. Two values with one stand-in would show here.
        #[test]
        fn no_two_values_share_a_stand_in(start in 0u64..9_000_000_000_000) {
            let luhn_of = |n: u64| {
                let body = format!("4{n:014}");
                (0..10).map(|c| format!("{body}{c}")).find(|card| luhn(&digits(card))).unwrap()
            };
            let cards: HashSet<String> = (start..start + 50).map(luhn_of).collect();
            let new: HashSet<String> = cards.iter().map(|c| of(DataClass::CARD, "CREDIT_CARD", c).unwrap()).collect();
            prop_assert_eq!(new.len(), cards.len());
            prop_assert!(new.iter().all(|c| luhn(&digits(c)) && c.starts_with('4') && c.len() == 16));
        }

        #[test]
        fn accounts_keep_country_shape_and_check_digits(bban in "[A-Z]{4} [0-9]{4} [0-9]{4} [0-9]{4} [0-9]{2}") {
            let mut chars: Vec<u8> = format!("GB00{bban}").bytes().filter(u8::is_ascii_alphanumeric).collect();
            iban_digits(&mut chars);
            let value = format!("GB{} {bban}", std::str::from_utf8(&chars[2..4]).unwrap());
            let new = of(DataClass::IBAN, "IBAN_CODE", &value).unwrap();
            prop_assert_eq!(shape(&new), shape(&value));
            let mut again: Vec<u8> = new.bytes().filter(u8::is_ascii_alphanumeric).collect();
            let checked = again.clone();
            iban_digits(&mut again);
            prop_assert_eq!(again, checked);
            prop_assert!(new.starts_with("GB"));
            // The same value in another spelling gets the same stand-in.
            let plain: String = value.chars().filter(|c| *c != ' ').collect();
            let new_plain: String = new.chars().filter(|c| *c != ' ').collect();
            prop_assert_eq!(of(DataClass::IBAN, "IBAN_CODE", &plain).unwrap(), new_plain);
        }

        #[test]
        fn numbers_stay_numbers_of_their_length(n in 1_000_000u64..u64::MAX) {
            let mut out = Vec::new();
            let text = n.to_string();
            prop_assert!(stand_in(&Ff1::new(&[5; 32]), DataClass::US_SSN, "", &text, true, &mut out));
            let new = String::from_utf8(out).unwrap();
            prop_assert_eq!(new.len(), text.len());
            prop_assert!(!new.starts_with('0') && new != text);
            prop_assert_eq!(range(new.as_bytes()), range(text.as_bytes()));
        }
    }
}
