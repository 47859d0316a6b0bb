//! Escape sequences of JSON, JavaScript, C, URLs and HTML: one sequence is one character, however often it was escaped
//! again.

/// The escape sequence at the start of `rest`: its character and its length.
pub(super) fn escape(rest: &[u8]) -> Option<(char, usize)> {
    match rest.first()? {
        b'%' => percent(rest),
        b'\\' => backslash(rest),
        b'&' => entity(rest),
        _ => None,
    }
}

/// `%40`, `%2540`, `%u0040`, and UTF-8 in several of them.
fn percent(rest: &[u8]) -> Option<(char, usize)> {
    let (first, mut used) = octet(rest)?;
    if first < 0x80 {
        return Some((char::from(first), used));
    }
    let more = match first {
        0xC2..=0xDF => 1,
        0xE0..=0xEF => 2,
        0xF0..=0xF4 => 3,
        _ => return wide(rest),
    };
    let mut utf8 = [first, 0, 0, 0];
    for slot in utf8.iter_mut().skip(1).take(more) {
        let (b, n) = octet(rest.get(used..)?)?;
        *slot = b;
        used += n;
    }
    let text = std::str::from_utf8(utf8.get(..=more)?).ok()?;
    Some((text.chars().next()?, used))
}

/// One escaped octet. Each further escaping puts `25` between the sign and the digits.
fn octet(rest: &[u8]) -> Option<(u8, usize)> {
    if rest.first() != Some(&b'%') {
        return None;
    }
    let mut at = 1;
    while rest.get(at..at + 2) == Some(b"25") && hex(rest.get(at + 2..at + 4)?).is_some() {
        at += 2;
    }
    let value = hex(rest.get(at..at + 2)?)?;
    Some((u8::try_from(value).ok()?, at + 2))
}

/// `%u0040`
fn wide(rest: &[u8]) -> Option<(char, usize)> {
    let value = rest.strip_prefix(b"%u").and_then(|r| hex(r.get(..4)?))?;
    Some((char::from_u32(value)?, 6))
}

/// `\u0040`, `\u{40}`, `\U00000040`, `\x40`, `\100`, `\n`, behind any number of backslashes.
fn backslash(rest: &[u8]) -> Option<(char, usize)> {
    let lead = rest.iter().take(LONGEST_RUN).take_while(|b| **b == b'\\').count();
    let tail = rest.get(lead..)?;
    let (value, used) = match tail {
        [b'u', b'{', body @ ..] => {
            let len = body.iter().take(7).position(|b| *b == b'}')?;
            (hex(body.get(..len)?)?, len + 3)
        }
        [b'u', a, b, c, d, more @ ..] => unit(hex(&[*a, *b, *c, *d])?, more, lead)?,
        [b'U', a, b, c, d, e, f, g, h, ..] => (hex(&[*a, *b, *c, *d, *e, *f, *g, *h])?, 9),
        [b'x', a, b, ..] => (hex(&[*a, *b])?, 3),
        [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', ..] => {
            (u32::from(a - b'0') * 64 + u32::from(b - b'0') * 8 + u32::from(c - b'0'), 3)
        }
        [b'n', ..] => (0x0A, 1),
        [b'r', ..] => (0x0D, 1),
        [b't', ..] => (0x09, 1),
        [sign @ (b'"' | b'\'' | b'/'), ..] => (u32::from(*sign), 1),
        _ => return None,
    };
    Some((char::from_u32(value)?, lead + used))
}

/// More backslashes in a row are no escaping.
const LONGEST_RUN: usize = 64;

/// A UTF-16 unit, joined with the one behind it if both are halves of a pair.
fn unit(high: u32, more: &[u8], lead: usize) -> Option<(u32, usize)> {
    if !(0xD800..0xDC00).contains(&high) {
        return Some((high, 5));
    }
    let slashes = more.iter().take(lead).take_while(|b| **b == b'\\').count();
    let low = more.get(slashes..).and_then(|r| r.strip_prefix(b"u")).and_then(|r| hex(r.get(..4)?))?;
    let low = low.checked_sub(0xDC00).filter(|n| *n < 0x400)?;
    Some((0x10000 + ((high - 0xD800) << 10) + low, 10 + slashes))
}

fn hex(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u32, |n, b| {
        char::from(*b).to_digit(16).and_then(|d| n.checked_mul(16).and_then(|n| n.checked_add(d)))
    })
}

/// `&#64;`, `&#x40;`, `&commat;`, also with `amp;` in front of what was escaped again.
fn entity(rest: &[u8]) -> Option<(char, usize)> {
    let mut at = 1;
    while at < LONGEST_RUN && rest.get(at..at + 4) == Some(b"amp;") {
        at += 4;
    }
    let tail = rest.get(at..)?;
    let inner = match tail {
        [b'#', b'x' | b'X', digits @ ..] => numeric(digits, 16, 2),
        [b'#', digits @ ..] => numeric(digits, 10, 1),
        _ => named(tail),
    };
    match inner {
        Some((c, used)) => Some((c, at + used)),
        None if at > 1 => Some(('&', at)),
        None => None,
    }
}

/// The digits of a reference. The semicolon may be missing, as browsers allow.
fn numeric(digits: &[u8], radix: u32, lead: usize) -> Option<(char, usize)> {
    let mut value = 0u32;
    let mut n = 0;
    while let Some(d) = digits.get(n).and_then(|b| char::from(*b).to_digit(radix)).filter(|_| n < 8) {
        value = value.checked_mul(radix)?.checked_add(d)?;
        n += 1;
    }
    let close = usize::from(digits.get(n) == Some(&b';'));
    (n > 0).then_some(())?;
    Some((char::from_u32(value)?, lead + n + close))
}

/// Names of the signs that occur in values (HTML standard, 13.5).
static NAMED: &[(&str, char)] = &[
    ("commat;", '@'),
    ("period;", '.'),
    ("plus;", '+'),
    ("lowbar;", '_'),
    ("UnderBar;", '_'),
    ("nbsp;", ' '),
    ("NonBreakingSpace;", ' '),
    ("ensp;", ' '),
    ("emsp;", ' '),
    ("thinsp;", ' '),
    ("Tab;", '\t'),
    ("NewLine;", '\n'),
    ("colon;", ':'),
    ("semi;", ';'),
    ("comma;", ','),
    ("hyphen;", '-'),
    ("dash;", '-'),
    ("minus;", '-'),
    ("ndash;", '-'),
    ("shy;", '\u{AD}'),
    ("zwj;", '\u{200D}'),
    ("zwnj;", '\u{200C}'),
    ("ZeroWidthSpace;", '\u{200B}'),
    ("NoBreak;", '\u{2060}'),
    ("lrm;", '\u{200E}'),
    ("rlm;", '\u{200F}'),
    ("quot;", '"'),
    ("apos;", '\''),
    ("equals;", '='),
    ("sol;", '/'),
    ("bsol;", '\\'),
    ("lpar;", '('),
    ("rpar;", ')'),
    ("num;", '#'),
    ("excl;", '!'),
    ("dollar;", '$'),
    ("percnt;", '%'),
    ("ast;", '*'),
    ("lt;", '<'),
    ("gt;", '>'),
];

fn named(tail: &[u8]) -> Option<(char, usize)> {
    NAMED.iter().find(|(name, _)| tail.starts_with(name.as_bytes())).map(|(name, c)| (*c, name.len()))
}
