//! Checks that a rule may ask for, from the public specifications. Separators do not count.

use crate::scan::checks;

/// A check digit scheme.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Validator {
    /// Luhn, ISO/IEC 7812-1 annex B: cards, IMEI.
    Luhn,
    /// Verhoeff's dihedral check (1969): Aadhaar.
    Verhoeff,
    /// Damm's quasigroup check (2004).
    Damm,
    /// ISO/IEC 7064 MOD 97-10 over digits and letters, check digits last: LEI.
    Mod97,
    /// The same with the first four characters moved to the end, ISO 13616: IBAN, RF creditor references.
    Iban,
    /// Weights 1, 2, 3, ... from the last digit on, `X` for ten, modulo 11: ISBN-10.
    Mod11,
    /// Weights 1, then 2 to 7 in turns from the last digit on, modulo 11: German and other bank and customer numbers.
    Mod11Weights7,
    /// ISO/IEC 7064 MOD 11-2, `X` for ten: ISNI, ORCID.
    Mod11_2,
    /// ISO/IEC 7064 MOD 11,10: German tax id, Croatian OIB.
    Mod11_10,
    /// ISO/IEC 7064 MOD 37,36 over digits and letters.
    Mod37_36,
    /// GS1: EAN, GTIN, SSCC.
    Gs1,
}

impl Validator {
    /// Every one, with the name that the configuration uses.
    pub const ALL: &'static [(&'static str, Validator)] = &[
        ("luhn", Validator::Luhn),
        ("verhoeff", Validator::Verhoeff),
        ("damm", Validator::Damm),
        ("mod97", Validator::Mod97),
        ("iban", Validator::Iban),
        ("mod11", Validator::Mod11),
        ("mod11-weights-2-7", Validator::Mod11Weights7),
        ("mod11-2", Validator::Mod11_2),
        ("mod11-10", Validator::Mod11_10),
        ("mod37-36", Validator::Mod37_36),
        ("gs1", Validator::Gs1),
    ];

    /// The one with this name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Validator> {
        Self::ALL.iter().find(|(n, _)| *n == name).map(|(_, v)| *v)
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, v)| *v == self).map_or("", |(n, _)| n)
    }

    /// Whether a value passes. Schemes of digits read only the digits of it (and a last `X` where that is ten), so a
    /// prefix of letters does no harm; the others read letters too.
    #[must_use]
    pub fn accepts(self, value: &str) -> bool {
        let letters = matches!(self, Validator::Mod97 | Validator::Iban | Validator::Mod37_36);
        let d = if letters { alphanumerics(value) } else { digits(value) };
        if d.len() < 3 {
            return false;
        }
        let plain = d.iter().all(|x| *x < 10);
        match self {
            Validator::Luhn => plain && checks::luhn(&d),
            Validator::Verhoeff => plain && verhoeff(&d),
            Validator::Damm => plain && damm(&d),
            Validator::Mod97 => mod97(&d) == 1,
            Validator::Iban => {
                let (head, tail) = d.split_at(d.len().min(4));
                mod97(&[tail, head].concat()) == 1
            }
            Validator::Mod11 => weighted(&d, usize::MAX).is_multiple_of(11),
            Validator::Mod11Weights7 => plain && weighted(&d, 7).is_multiple_of(11),
            Validator::Mod11_2 => d.iter().fold(0, |p, x| (p * 2 + u32::from(*x)) % 11) == 1,
            Validator::Mod11_10 => plain && checks::mod_11_10(&d),
            Validator::Mod37_36 => mod_37_36(&d),
            Validator::Gs1 => plain && checks::gs1(&d),
        }
    }
}

/// The digits, and ten for an `X` that stands last.
fn digits(value: &str) -> Vec<u8> {
    let mut out: Vec<u8> = value.bytes().filter(u8::is_ascii_digit).map(|b| b - b'0').collect();
    if value.ends_with(['X', 'x']) {
        out.push(10);
    }
    out
}

/// Digits as they are, letters as 10 to 35.
fn alphanumerics(value: &str) -> Vec<u8> {
    value.chars().filter_map(|c| c.to_digit(36)).map(|n| n as u8).collect()
}

fn mod97(d: &[u8]) -> u32 {
    d.iter().fold(0, |p, x| (p * if *x < 10 { 10 } else { 100 } + u32::from(*x)) % 97)
}

/// The sum with weights 1, 2, 3 and so on from the last on; past `top` they begin again at 2.
fn weighted(d: &[u8], top: usize) -> u64 {
    let weight = |i: usize| if i == 0 || top == usize::MAX { i + 1 } else { (i - 1) % (top - 1) + 2 };
    d.iter().rev().enumerate().map(|(i, x)| u64::from(*x) * weight(i) as u64).sum()
}

fn mod_37_36(d: &[u8]) -> bool {
    let Some((check, body)) = d.split_last() else { return false };
    let mut p = 36u32;
    for x in body {
        let s = (p + u32::from(*x)) % 36;
        p = if s == 0 { 36 } else { s } * 2 % 37;
    }
    (p + u32::from(*check)) % 36 == 1
}

/// Multiplication in the dihedral group of the pentagon.
fn dihedral(a: u8, b: u8) -> u8 {
    match (a < 5, b < 5) {
        (true, true) => (a + b) % 5,
        (true, false) => (a + b - 5) % 5 + 5,
        (false, true) => (a - 5 + 5 - b) % 5 + 5,
        (false, false) => (a + 5 - b) % 5,
    }
}

fn verhoeff(d: &[u8]) -> bool {
    const PERMUTE: [u8; 10] = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
    let sum = d.iter().rev().enumerate().fold(0, |c, (i, x)| {
        let permuted = (0..i % 8).fold(*x, |y, _| PERMUTE.get(usize::from(y)).copied().unwrap_or(0));
        dihedral(c, permuted)
    });
    sum == 0
}

fn damm(d: &[u8]) -> bool {
    const TABLE: [[u8; 10]; 10] = [
        [0, 3, 1, 7, 5, 9, 8, 6, 4, 2],
        [7, 0, 9, 2, 1, 5, 4, 8, 6, 3],
        [4, 2, 0, 6, 8, 7, 1, 3, 5, 9],
        [1, 7, 5, 0, 9, 8, 3, 4, 2, 6],
        [6, 1, 2, 3, 0, 4, 5, 9, 7, 8],
        [3, 6, 7, 4, 2, 0, 9, 5, 8, 1],
        [5, 8, 6, 9, 7, 2, 0, 1, 3, 4],
        [8, 9, 4, 5, 3, 6, 2, 0, 1, 7],
        [9, 4, 3, 8, 6, 1, 7, 2, 0, 5],
        [2, 5, 8, 1, 4, 3, 6, 7, 9, 0],
    ];
    let next =
        |c: u8, x: &u8| TABLE.get(usize::from(c)).and_then(|r| r.get(usize::from(*x))).copied().unwrap_or(9);
    d.iter().fold(0, next) == 0
}

#[cfg(test)]
mod tests {
    use super::Validator;

    /// Examples of the specifications; in the last column one digit is changed.
    #[test]
    fn published_numbers_pass_and_changed_ones_do_not() {
        let table: &[(&str, &[&str], &[&str])] = &[
            ("luhn", &["4111 1111 1111 1111", "KD-79927398713"], &["4111 1111 1111 1112", "79927398714"]),
            ("verhoeff", &["234123412346", "2363"], &["234123412345", "2364"]),
            ("damm", &["5724"], &["5727"]),
            ("mod97", &["5493001KJTIIGC8Y1R12"], &["5493001KJTIIGC8Y1R13"]),
            ("iban", &["DE89 3704 0044 0532 0130 00", "RF18539007547034"], &["DE89 3704 0044 0532 0130 01"]),
            ("mod11", &["0-306-40615-2", "080442957X"], &["0-306-40615-3", "0804429570"]),
            ("mod11-weights-2-7", &["123456785"], &["123456786"]),
            ("mod11-2", &["0000-0002-1825-0097", "000000012146438X"], &["0000-0002-1825-0098"]),
            ("mod11-10", &["02476291358"], &["02476291359"]),
            ("mod37-36", &["A12425GABC1234002M"], &["A12425GABC1234002N"]),
            ("gs1", &["4006381333931"], &["4006381333932"]),
        ];
        for (name, good, bad) in table {
            let v = Validator::by_name(name).unwrap();
            assert_eq!(v.name(), *name);
            good.iter().for_each(|g| assert!(v.accepts(g), "{name} {g}"));
            bad.iter().for_each(|b| assert!(!v.accepts(b), "{name} {b}"));
        }
        assert_eq!(table.len(), Validator::ALL.len());
    }
}
