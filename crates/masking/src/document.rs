//! What numbers of passports and dates look like, for keys that say so, and where they end in running text.

use carnet_model::DataClass;

/// Whether a text can be the number of a passport; behind a key that says less, only what looks like nothing else.
pub(crate) fn passport(text: &str, strict: bool) -> bool {
    let count = |of: fn(&u8) -> bool| text.bytes().filter(of).count();
    let (digits, letters) = (count(u8::is_ascii_digit), count(u8::is_ascii_alphabetic));
    let small = count(u8::is_ascii_lowercase);
    let alnum = digits + letters;
    // `JRRTH40J3`: most of them may be letters.
    let serial = digits >= 1 && (8..=9).contains(&alnum) && small == 0;
    if !(4..=24).contains(&alnum) || digits < 2 && !serial || dated(text) && text.len() > 9 {
        return false;
    }
    let spaced = count(|b| *b == b' ') <= 3;
    !strict || (5..=14).contains(&alnum) && text.is_ascii() && spaced && (small == 0 || digits * 2 >= alnum)
}

/// Whether a text is a date, with or without a time: `1980-03-14`, `14.3.80`, `14 mars 1980`, `19800314`, `1980`.
pub(crate) fn dated(text: &str) -> bool {
    let day = text.split(['T', ',']).next().unwrap_or_default();
    let mut groups = day.split(|c: char| !c.is_ascii_digit()).filter(|g| !g.is_empty());
    let number = |g: Option<&str>| g.and_then(|g| g.parse::<u32>().ok()).unwrap_or(0);
    let year = |n: u32| (1850..2100).contains(&n);
    let (a, b, c, more) = (groups.next(), groups.next(), groups.next(), groups.next());
    let len = |g: Option<&str>| g.map_or(0, str::len);
    let named = text.chars().filter(|c| c.is_alphabetic()).count();
    let plain = named <= usize::from(text.contains('T')) * 5;
    match (len(a), len(b), len(c), len(more)) {
        // `14 March 1980`, `March 14th, 1980`
        _ if named >= 3 && (!text.contains(['-', '/', '.', 'T', ':']) || short_month(text)) => {
            let mut all = text.split(|c: char| !c.is_ascii_digit()).filter(|g| !g.is_empty());
            named <= 24 && text.len() <= 40 && all.any(|g| year(g.parse().unwrap_or(0)))
        }
        (4, 0, 0, 0) => year(number(a)) && plain,
        (8, 0, 0, 0) => {
            plain && number(a) / 10_000 % 10_000 >= 1850 && number(a) < 21_000_000 && month_day(number(a))
        }
        (4, 1 | 2, 1 | 2, _) => year(number(a)) && number(b) <= 12 && number(c) <= 31,
        (1 | 2, 1 | 2, 2 | 4, _) => {
            let (a, b) = (number(a), number(b));
            named <= 10 && (1..=31).contains(&a) && (1..=31).contains(&b) && a.min(b) <= 12
        }
        _ => false,
    }
}

/// The last four digits of `19800314`.
fn month_day(n: u32) -> bool {
    (1..=12).contains(&(n / 100 % 100)) && (1..=31).contains(&(n % 100))
}

/// `14-Mar-1980`, `14. März 1980`: a word of letters alone between or before the digits.
fn short_month(text: &str) -> bool {
    text.split(|c: char| !c.is_alphabetic()).filter(|w| w.chars().count() >= 3).count() == 1
        && !text.contains([':', '@', '_'])
}

/// Classes whose values are numbers, so that a word behind one is no part of it.
const NUMBERS: [DataClass; 9] = [
    DataClass::PASSPORT,
    DataClass::DRIVING_LICENCE,
    DataClass::NATIONAL_ID,
    DataClass::TAX_ID,
    DataClass::HEALTH_ID,
    DataClass::US_SSN,
    DataClass::CARD,
    DataClass::IBAN,
    DataClass::PHONE,
];

/// The beginning of a text behind `name:` that is the value: `AB1234567 was rejected` ends behind the number.
pub(crate) fn leading(text: &str, class: DataClass) -> &str {
    let digit = |w: &str| w.bytes().any(|b| b.is_ascii_digit());
    let birth = class == DataClass::BIRTH_DATE;
    if !birth && !NUMBERS.contains(&class) {
        return text;
    }
    let (mut seen, mut at) = (false, 0);
    for word in text.split(' ').take(12) {
        let end = at + word.len();
        if birth {
            let date = text.get(..end).unwrap_or_default().trim_end_matches([')', '.', ']']);
            if date.len() > 5 && dated(date) {
                return date;
            }
        } else if seen && !digit(word) && word.chars().any(char::is_lowercase) {
            return text.get(..at).unwrap_or_default().trim_end();
        }
        seen |= digit(word);
        at = end + 1;
    }
    text
}
