//! IBAN: the country's length from the registry (ISO 13616) and mod 97, in one piece or in groups.

use carnet_model::DataClass;

use super::Text;
use super::number::ends;

/// Country and length, from the SWIFT registry.
static LENGTHS: &[(&[u8; 2], usize)] = &[
    (b"AD", 24),
    (b"AE", 23),
    (b"AL", 28),
    (b"AT", 20),
    (b"AZ", 28),
    (b"BA", 20),
    (b"BE", 16),
    (b"BG", 22),
    (b"BH", 22),
    (b"BI", 27),
    (b"BR", 29),
    (b"BY", 28),
    (b"CH", 21),
    (b"CR", 22),
    (b"CY", 28),
    (b"CZ", 24),
    (b"DE", 22),
    (b"DJ", 27),
    (b"DK", 18),
    (b"DO", 28),
    (b"EE", 20),
    (b"EG", 29),
    (b"ES", 24),
    (b"FI", 18),
    (b"FK", 18),
    (b"FO", 18),
    (b"FR", 27),
    (b"GB", 22),
    (b"GE", 22),
    (b"GI", 23),
    (b"GL", 18),
    (b"GR", 27),
    (b"GT", 28),
    (b"HN", 28),
    (b"HR", 21),
    (b"HU", 28),
    (b"IE", 22),
    (b"IL", 23),
    (b"IQ", 23),
    (b"IS", 26),
    (b"IT", 27),
    (b"JO", 30),
    (b"KW", 30),
    (b"KZ", 20),
    (b"LB", 28),
    (b"LC", 32),
    (b"LI", 21),
    (b"LT", 20),
    (b"LU", 20),
    (b"LV", 21),
    (b"LY", 25),
    (b"MC", 27),
    (b"MD", 24),
    (b"ME", 22),
    (b"MK", 19),
    (b"MN", 20),
    (b"MR", 27),
    (b"MT", 31),
    (b"MU", 30),
    (b"NI", 28),
    (b"NL", 18),
    (b"NO", 15),
    (b"OM", 23),
    (b"PK", 24),
    (b"PL", 28),
    (b"PS", 29),
    (b"PT", 25),
    (b"QA", 29),
    (b"RO", 24),
    (b"RS", 22),
    (b"RU", 33),
    (b"SA", 24),
    (b"SC", 31),
    (b"SD", 18),
    (b"SE", 24),
    (b"SI", 19),
    (b"SK", 24),
    (b"SM", 27),
    (b"SO", 23),
    (b"ST", 25),
    (b"SV", 28),
    (b"TL", 23),
    (b"TN", 24),
    (b"TR", 26),
    (b"UA", 29),
    (b"VA", 22),
    (b"VG", 24),
    (b"XK", 20),
    (b"YE", 30),
];

/// The parts of the account behind the check digits where they are not all digits (`n` digits, `a` letters, `c` either).
static STRUCTURES: &[(&[u8; 2], &str)] = &[
    (b"AL", "8n16c"),
    (b"AD", "8n12c"),
    (b"AZ", "4a20c"),
    (b"BH", "4a14c"),
    (b"BG", "4a6n8c"),
    (b"BR", "23n1a1c"),
    (b"BY", "4c4n16c"),
    (b"CH", "5n12c"),
    (b"CY", "8n16c"),
    (b"DO", "4c20n"),
    (b"FK", "2a12n"),
    (b"FR", "10n11c2n"),
    (b"GB", "4a14n"),
    (b"GE", "2a16n"),
    (b"GI", "4a15c"),
    (b"GR", "7n16c"),
    (b"GT", "4c20c"),
    (b"HN", "4a20n"),
    (b"IE", "4a14n"),
    (b"IQ", "4a15n"),
    (b"IT", "1a10n12c"),
    (b"JO", "4a4n18c"),
    (b"KW", "4a22c"),
    (b"KZ", "3n13c"),
    (b"LB", "4n20c"),
    (b"LC", "4a24c"),
    (b"LI", "5n12c"),
    (b"LU", "3n13c"),
    (b"LV", "4a13c"),
    (b"MC", "10n11c2n"),
    (b"MD", "2c18c"),
    (b"MK", "3n10c2n"),
    (b"MT", "4a5n18c"),
    (b"MU", "4a19n3a"),
    (b"NI", "4a20n"),
    (b"NL", "4a10n"),
    (b"OM", "3n16c"),
    (b"PK", "4a16c"),
    (b"PS", "4a21c"),
    (b"QA", "4a21c"),
    (b"RO", "4a16c"),
    (b"RU", "14n15c"),
    (b"SA", "2n18c"),
    (b"SC", "4a20n3a"),
    (b"SM", "1a10n12c"),
    (b"SV", "4a20n"),
    (b"TR", "5n1n16c"),
    (b"UA", "6n19c"),
    (b"VG", "4a16n"),
    (b"YE", "4a4n18c"),
];

/// Whether the account has the parts that its country asks for.
fn structured(country: [u8; 2], account: &[u8]) -> bool {
    let Some((_, parts)) = STRUCTURES.iter().find(|s| s.0 == &country) else {
        return account.iter().all(u8::is_ascii_digit);
    };
    let (mut rest, mut n) = (account, 0usize);
    for b in parts.bytes() {
        if b.is_ascii_digit() {
            n = n * 10 + usize::from(b - b'0');
            continue;
        }
        let Some((part, tail)) = rest.split_at_checked(n) else { return false };
        let fits = match b {
            b'n' => part.iter().all(u8::is_ascii_digit),
            b'a' => part.iter().all(u8::is_ascii_alphabetic),
            _ => true,
        };
        if !fits {
            return false;
        }
        (rest, n) = (tail, 0);
    }
    rest.is_empty()
}

/// How long the account numbers of a country are.
pub(crate) fn length(country: [u8; 2]) -> Option<usize> {
    let i = LENGTHS.binary_search_by_key(&&country, |l| l.0).ok()?;
    LENGTHS.get(i).map(|l| l.1)
}

/// Whether letters and digits without separators, in upper case, are an account number.
pub(crate) fn valid(iban: &[u8]) -> bool {
    let Some((head, account)) = iban.split_at_checked(4) else { return false };
    let [a, b, c, d] = head else { return false };
    c.is_ascii_digit() && d.is_ascii_digit() && structured([*a, *b], account) && mod_97(iban)
}

/// Looks for an account number at the beginning of a word.
pub(super) fn at(t: &mut Text<'_>, start: usize, word_end: usize) -> Option<usize> {
    let word = t.bytes.get(start..word_end)?;
    let [a, b, c, d, ..] = word else { return None };
    if !a.is_ascii_alphabetic() || !b.is_ascii_alphabetic() || !c.is_ascii_digit() || !d.is_ascii_digit() {
        return None;
    }
    let country = [a.to_ascii_uppercase(), b.to_ascii_uppercase()];
    let found = known(t.bytes, country, start).map(|end| (end, 97));
    let (end, score) = found.or_else(|| other(word).then_some((word_end, 80)))?;
    t.hit(start, end, DataClass::IBAN, "IBAN_CODE", "iban", score);
    Some(end)
}

/// The end of an account number as its country writes it.
fn known(bytes: &[u8], country: [u8; 2], start: usize) -> Option<usize> {
    let len = length(country)?;
    let mut buffer = [0u8; 34];
    let end = collect(bytes, start, len, &mut buffer)?;
    let valid = mod_97(buffer.get(..len)?) && structured(country, buffer.get(4..len)?);
    (valid && ends(bytes, end)).then_some(end)
}

/// A number in the form of an account number whose check digits are right, of a country that has none or of another length,
/// as generators of test data make them: perhaps four letters of a bank, then digits.
fn other(word: &[u8]) -> bool {
    let Some((head, rest)) = word.split_at_checked(4) else { return false };
    let bank = if rest.first().is_some_and(u8::is_ascii_uppercase) { 4 } else { 0 };
    let Some((bank, digits)) = rest.split_at_checked(bank) else { return false };
    (16..=32).contains(&word.len())
        && head.iter().take(2).all(u8::is_ascii_uppercase)
        && bank.iter().all(u8::is_ascii_uppercase)
        && digits.iter().all(u8::is_ascii_digit)
        && mod_97(word)
}

/// Takes `len` letters and digits, with a space, hyphen or dot between groups or a line break; gives the end.
fn collect(bytes: &[u8], start: usize, len: usize, out: &mut [u8; 34]) -> Option<usize> {
    let mut n = 0;
    let mut i = start;
    let mut gap = 0;
    while n < len {
        let b = *bytes.get(i)?;
        if b.is_ascii_alphanumeric() {
            *out.get_mut(n)? = b.to_ascii_uppercase();
            n += 1;
            gap = 0;
        } else if matches!(b, b' ' | b'-' | b'.') && gap == 0 && n >= 2 {
            gap = 1;
        } else if matches!(b, b'\n' | b'\r' | b' ') && gap < 4 && n >= 4 && breaks(bytes, i) {
            gap += 1;
        } else {
            return None;
        }
        i += 1;
    }
    Some(i)
}

/// A line break stands here or beside the spaces that stand here.
fn breaks(bytes: &[u8], at: usize) -> bool {
    bytes.get(at.saturating_sub(2)..bytes.len().min(at + 3)).is_some_and(|w| w.contains(&b'\n'))
}

/// ISO/IEC 7064 MOD 97-10 with the first four characters moved to the end.
fn mod_97(iban: &[u8]) -> bool {
    let Some((head, tail)) = iban.split_at_checked(4) else { return false };
    let mut r = 0u32;
    for b in tail.iter().chain(head) {
        let v = if b.is_ascii_digit() { u32::from(b - b'0') } else { u32::from(b - b'A') + 10 };
        r = if v > 9 { r * 100 + v } else { r * 10 + v } % 97;
    }
    r == 1
}
