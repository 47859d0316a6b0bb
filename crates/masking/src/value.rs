//! Whether a value can be what its key says: hints mask whole values, so they must not mask flags and placeholders.

use std::sync::LazyLock;

use carnet_model::DataClass;

use crate::context;
use crate::document;
use crate::keys::{Hint, Strength};
use crate::names;
use crate::token::{only_masks, without_masks};

/// Values that say there is none.
const NONE: [&str; 18] = [
    "n/a",
    "na",
    "none",
    "null",
    "nil",
    "unknown",
    "undefined",
    "-",
    "--",
    "yes",
    "no",
    "true",
    "false",
    "string",
    "number",
    "optional",
    "required",
    "anonymous",
];

/// No secret that stands under a name is longer.
const MAX_SECRET: usize = 16 << 10;

/// Whether a value only says that there is none.
pub(crate) fn says_nothing(text: &str) -> bool {
    NONE.iter().any(|n| n.eq_ignore_ascii_case(text)) || only_masks(text)
}

/// Whether the whole value is to be masked for its key.
pub(crate) fn fits(hint: Hint, text: &str) -> bool {
    let Some(class) = hint.class else { return false };
    // Padding does not make a value too long to be one; a private key may be long without any.
    let text = text.trim();
    let longest = if class == DataClass::SECRET { MAX_SECRET } else { 400 };
    if text.len() < 2 || text.len() > longest {
        return false;
    }
    let unmasked = without_masks(text);
    let trimmed = unmasked.trim();
    let b = trimmed.as_bytes();
    if b.len() < 2 || b.len() < 12 && NONE.iter().any(|n| n.eq_ignore_ascii_case(trimmed)) {
        return false;
    }
    let count = |(digits, letters, wide): (usize, usize, bool), b: &u8| {
        let letter = usize::from(b.is_ascii_alphabetic());
        (digits + usize::from(b.is_ascii_digit()), letters + letter, wide | (*b >= 0x80))
    };
    let (digits, letters, wide) = b.iter().fold((0, 0, false), count);
    let alnum = if wide { trimmed.chars().filter(|c| c.is_alphanumeric()).count() } else { digits + letters };
    if alnum == 0 {
        return false;
    }
    let compact = b.len() <= 48;
    match class {
        DataClass::EMAIL => {
            b.contains(&b'@') || trimmed.contains('＠') || b.len() <= 80 && obfuscated(trimmed)
        }
        DataClass::PHONE => (5..=20).contains(&digits) && b.len() <= 60 && !iso_date(b),
        DataClass::CARD => {
            compact
                && (if hint.kind == "CARD_CVV" {
                    (3..=4).contains(&alnum)
                } else {
                    (12..=19).contains(&digits)
                })
        }
        DataClass::IBAN => compact && alnum >= 10 && digits >= 4,
        DataClass::BANK_ACCOUNT => compact && digits >= 4,
        DataClass::US_SSN => compact && digits >= 4,
        DataClass::BIRTH_DATE if hint.strength == Strength::Weak => compact && document::dated(trimmed),
        DataClass::BIRTH_DATE => compact && digits >= 2,
        DataClass::NATIONAL_ID | DataClass::TAX_ID | DataClass::HEALTH_ID => {
            compact && digits >= 4 && alnum <= 30
        }
        DataClass::PASSPORT => compact && document::passport(trimmed, hint.strength == Strength::Weak),
        DataClass::DRIVING_LICENCE | DataClass::VEHICLE => {
            compact && digits >= 2 && (4..=24).contains(&alnum)
        }
        DataClass::IP | DataClass::MAC_ADDRESS => false,
        DataClass::BIC => crate::scan::bic::is(b),
        DataClass::CRYPTO => alnum >= 25 && b.len() <= 110,
        DataClass::SECRET => secret(trimmed, hint.strength, true),
        DataClass::PERSON if firm(trimmed) => false,
        DataClass::PERSON if hint.bits & context::NAMED != 0 => full_name(trimmed) && names::surely(trimmed),
        DataClass::PERSON if hint.strength == Strength::Weak => full_name(trimmed) || names::known(trimmed),
        DataClass::PERSON => {
            trimmed.chars().any(char::is_alphabetic) && b.len() <= 120 && !b.contains(&b'@') && !url(b)
        }
        // `via`, `cap`: only with a house number, or as a number.
        DataClass::ADDRESS if hint.strength == Strength::Weak => {
            digits > 0 && !url(b) && (hint.kind == "POSTAL_CODE" || alnum > digits + 3 && b.contains(&b' '))
        }
        DataClass::ADDRESS => alnum >= 2 && !url(b) && !b.contains(&b'@'),
        DataClass::LOCATION => {
            let capital = trimmed
                .chars()
                .next()
                .is_some_and(|c| c.is_uppercase() || c.is_alphabetic() && !c.is_lowercase());
            capital && digits == 0 && b.len() <= 80 && !url(b)
        }
        _ => alnum >= 2,
    }
}

/// Holds `://`. Nearly no value has a colon.
fn url(b: &[u8]) -> bool {
    memchr::memchr(b':', b)
        .is_some_and(|n| memchr::memmem::find(b.get(n..).unwrap_or_default(), b"://").is_some())
}

/// Whether an unquoted value in text is not a type or an expression: `name: String`, `address = base + 4`.
pub(crate) fn no_code(hint: Hint, text: &str) -> bool {
    if text.contains("::") || text.contains(['=', '(', '{', '<', '_', '$']) {
        return false;
    }
    match hint.class {
        Some(DataClass::PERSON) => {
            let capital = text.chars().next().is_some_and(|c| c.is_uppercase() || !c.is_ascii());
            let words = text.chars().all(|c| c.is_alphabetic() || matches!(c, ' ' | '-' | '\'' | '.' | '’'));
            capital && words && text.chars().any(|c| c.is_lowercase() || !c.is_ascii())
        }
        Some(DataClass::ADDRESS) => {
            text.bytes().any(|b| b.is_ascii_digit())
                && text.bytes().any(|b| b.is_ascii_alphabetic() || b >= 0x80)
                && text.contains(' ')
                || hint.kind == "POSTAL_CODE" && text.bytes().any(|b| b.is_ascii_digit())
        }
        _ => true,
    }
}

/// `john at example dot com`
fn obfuscated(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    [" at ", "(at)", "[at]", "%40"].iter().any(|m| lower.contains(m))
        && (lower.contains("dot") || lower.contains('.'))
}

fn iso_date(b: &[u8]) -> bool {
    matches!(b, [y1, _, _, _, b'-', _, _, b'-', ..] if y1.is_ascii_digit())
}

/// Two to four capitalised words: a person's name where the key alone does not tell.
fn full_name(text: &str) -> bool {
    let words = text.split([' ', '-']).filter(|w| !w.is_empty());
    let mut n = 0;
    for w in words {
        n += 1;
        let first = w.chars().next().is_some_and(char::is_uppercase);
        let small = matches!(
            w,
            "van"
                | "von"
                | "de"
                | "der"
                | "den"
                | "del"
                | "della"
                | "di"
                | "da"
                | "dos"
                | "la"
                | "le"
                | "zu"
                | "ten"
                | "ter"
                | "af"
                | "y"
                | "e"
        );
        let rest = w.chars().all(|c| c.is_alphabetic() || matches!(c, '\'' | '’' | '.'));
        if !rest || !(first || small) || company(w) {
            return false;
        }
    }
    (2..=5).contains(&n)
}

/// Ends with the legal form of a company.
fn firm(text: &str) -> bool {
    let last = text.bytes().next_back().unwrap_or(0);
    let end = |form: &str| {
        if !form.bytes().next_back().is_some_and(|b| b.eq_ignore_ascii_case(&last)) {
            return false;
        }
        let from = text.len().checked_sub(form.len() + 1);
        from.is_some_and(|n| {
            text.is_char_boundary(n + 1)
                && text.get(n + 1..).is_some_and(|t| t.eq_ignore_ascii_case(form))
                && text.as_bytes().get(n).is_some_and(|b| matches!(b, b' ' | b','))
        })
    };
    BY_LAST.get(usize::from(last.to_ascii_lowercase())).is_some_and(|forms| forms.iter().any(|f| end(f)))
}

/// The forms by their last byte in small letters.
static BY_LAST: LazyLock<Vec<Vec<&'static str>>> = LazyLock::new(|| {
    let mut forms: Vec<Vec<&'static str>> = vec![Vec::new(); 256];
    for form in FORMS {
        let last = form.bytes().next_back().unwrap_or(0).to_ascii_lowercase();
        if let Some(list) = forms.get_mut(usize::from(last)) {
            list.push(form);
        }
    }
    forms
});

/// Legal forms of companies in Europe and North America.
const FORMS: &[&str] = &[
    "GmbH",
    "AG",
    "KG",
    "OHG",
    "UG",
    "e.V.",
    "eG",
    "GmbH & Co. KG",
    "Ltd",
    "Ltd.",
    "Limited",
    "PLC",
    "LLP",
    "LLC",
    "Inc",
    "Inc.",
    "Corp",
    "Corp.",
    "Corporation",
    "Co.",
    "SA",
    "S.A.",
    "SAS",
    "S.A.S.",
    "SARL",
    "S.A R.L.",
    "EURL",
    "SL",
    "S.L.",
    "S.L.U.",
    "SLU",
    "SpA",
    "S.p.A.",
    "Srl",
    "S.r.l.",
    "S.n.c.",
    "BV",
    "B.V.",
    "NV",
    "N.V.",
    "VOF",
    "BVBA",
    "AB",
    "A/S",
    "ApS",
    "AS",
    "ASA",
    "Oy",
    "Oyj",
    "Sp. z o.o.",
    "sp.j.",
    "s.r.o.",
    "a.s.",
    "d.o.o.",
    "d.d.",
    "Kft",
    "Kft.",
    "Zrt.",
    "Nyrt.",
    "Bt.",
    "EOOD",
    "OOD",
    "SIA",
    "UAB",
    "OÜ",
    "Lda",
    "Lda.",
    "Unipessoal Lda",
    "S.R.L.",
    "hf.",
    "ehf.",
    "A.E.",
    "Ε.Π.Ε.",
    "ЕООД",
    "ООД",
];

fn company(word: &str) -> bool {
    let w = word.trim_end_matches(['.', ',']);
    [
        "Inc",
        "Ltd",
        "LLC",
        "GmbH",
        "AG",
        "SA",
        "SAS",
        "SARL",
        "SpA",
        "Srl",
        "BV",
        "NV",
        "AB",
        "Oy",
        "AS",
        "Corp",
        "Co",
        "Group",
        "Holding",
        "Company",
        "Service",
        "Services",
        "Server",
        "Tool",
        "Team",
        "Project",
        "Default",
        "Test",
        "Report",
        "System",
        "Solutions",
        "Bank",
        "University",
    ]
    .iter()
    .any(|c| c.eq_ignore_ascii_case(w))
}

/// Text that stands where a secret would stand.
pub(crate) fn placeholder(text: &[u8]) -> bool {
    let lower = text.to_ascii_lowercase();
    let wrapped = matches!(
        (text.first(), text.last()),
        (Some(b'<'), Some(b'>'))
            | (Some(b'{'), Some(b'}'))
            | (Some(b'['), Some(b']'))
            | (Some(b'%'), Some(b'%'))
    );
    let reference = [
        &b"${"[..],
        b"$(",
        b"{{",
        b"%s",
        b"%(",
        b"process.env",
        b"os.environ",
        b"getenv",
        b"env.",
        b"env(",
        b"secrets.",
        b"config.",
        b"self.",
        b"this.",
        b"vault:",
        b"arn:",
        b"ref:",
        b"file:",
        b"env:",
    ]
    .iter()
    .any(|m| lower.starts_with(m));
    let words = [
        &b"your_"[..],
        b"your-",
        b"your ",
        b"yourpass",
        b"changeme",
        b"change_me",
        b"change-me",
        b"placeholder",
        b"example",
        b"xxxx",
        b"dummy",
        b"redacted",
        b"insert_",
        b"replace",
        b"todo",
        b"****",
        b"....",
    ]
    .iter()
    .any(|m| memchr::memmem::find(&lower, m).is_some());
    let variable = text.first() == Some(&b'$')
        && text
            .get(1..)
            .is_some_and(|r| r.len() > 2 && r.iter().all(|b| b.is_ascii_uppercase() || *b == b'_'));
    let uniform = text.windows(2).all(|w| w.first() == w.last());
    wrapped
        || reference
        || words
        || variable
        || uniform
        || NONE.iter().any(|n| n.as_bytes() == lower.as_slice())
}

/// Whether a value under the name of a secret is one. `quoted` values and JSON strings need less to convince.
pub(crate) fn secret(text: &str, strength: Strength, quoted: bool) -> bool {
    let b = text.as_bytes();
    if b.len() < 4 || b.len() > MAX_SECRET || placeholder(b) || only_masks(text) {
        return false;
    }
    let digits = b.iter().filter(|b| b.is_ascii_digit()).count();
    let upper = b.iter().any(u8::is_ascii_uppercase);
    let lower = b.iter().any(u8::is_ascii_lowercase);
    let sign = b.iter().any(|b| b.is_ascii_punctuation() && !matches!(b, b'_' | b'-' | b'.' | b'(' | b')'));
    let path = !quoted && memchr::memmem::find(b, b"::").is_some();
    let call = path || b.contains(&b'(') && (!quoted || b.ends_with(b")"));
    let kinds = usize::from(digits > 0) + usize::from(upper) + usize::from(lower) + usize::from(sign);
    let spaces = b.iter().filter(|b| **b == b' ').count();
    if call || spaces > 6 {
        return false;
    }
    match strength {
        // `token`, `key`: only what looks drawn.
        Strength::Weak => b.len() >= 12 && spaces == 0 && digits >= 2 && kinds >= 2 && varied(b),
        Strength::Strong if quoted => true,
        Strength::Strong => b.len() >= 6 && kinds >= 2 && (digits > 0 || sign) && spaces == 0,
    }
}

/// Many different characters for its length.
fn varied(b: &[u8]) -> bool {
    let set = b.iter().fold(0u128, |s, b| s | 1 << (b & 127)).count_ones() as usize;
    set >= 8.min(b.len() / 2)
}
