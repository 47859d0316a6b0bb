//! A second view of a text in which disguised characters are plain: full-width and other digits, invisible characters,
//! odd spaces and dashes, percent, HTML and backslash escapes. Made only where such a character occurs.

use crate::layer::Map;
use crate::scan::Seen;

/// What becomes of a character.
enum Plain {
    Keep,
    Drop,
    As(char),
}

/// The plain view, if it differs from the text.
pub(crate) fn plain(text: &str, seen: Seen) -> Option<(String, Map)> {
    if !(seen.escape || seen.high) || !needed(text, seen) {
        return None;
    }
    let mut out = String::with_capacity(text.len());
    let mut map = Map::default();
    let mut changed = false;
    let mut run = false;
    let mut i = 0;
    while let Some(rest) = text.get(i..).filter(|r| !r.is_empty()) {
        let Some(first) = rest.chars().next() else { break };
        let (plain, used) = escape(rest.as_bytes())
            .map_or_else(|| (read(first), first.len_utf8()), |(c, n)| (Plain::As(c), n));
        match plain {
            Plain::Keep => {
                if !run {
                    map.point(out.len(), i);
                    run = true;
                }
                out.push(first);
            }
            Plain::Drop => (changed, run) = (true, false),
            Plain::As(c) => {
                map.point(out.len(), i);
                out.push(c);
                (changed, run) = (true, false);
            }
        }
        i += used;
    }
    map.finish(out.len(), text.len());
    changed.then_some((out, map))
}

/// A quick look: whether any character could be a disguise.
fn needed(text: &str, seen: Seen) -> bool {
    let b = text.as_bytes();
    if seen.escape
        && memchr::memchr3(b'%', b'&', b'\\', b).is_some_and(|n| {
            let rest = b.get(n..).unwrap_or_default();
            memchr::memchr3_iter(b'%', b'&', b'\\', rest)
                .any(|i| rest.get(i..).is_some_and(|r| escape(r).is_some()))
        })
    {
        return true;
    }
    seen.high && text.chars().any(|c| !matches!(read(c), Plain::Keep))
}

fn read(c: char) -> Plain {
    if c.is_ascii() {
        return Plain::Keep;
    }
    let n = c as u32;
    match n {
        0xAD
        | 0x034F
        | 0x061C
        | 0x180E
        | 0x200B..=0x200F
        | 0x202A..=0x202E
        | 0x2060..=0x2064
        | 0x2066..=0x206F
        | 0xFE00..=0xFE0F
        | 0xFEFF => Plain::Drop,
        0xA0 | 0x1680 | 0x2000..=0x200A | 0x202F | 0x205F | 0x3000 => Plain::As(' '),
        0x2010..=0x2015 | 0x2212 | 0xFE58 | 0xFE63 => Plain::As('-'),
        0xFF01..=0xFF5E => char::from_u32(n - 0xFEE0).map_or(Plain::Keep, Plain::As),
        0x3002 | 0xFF61 | 0x2024 => Plain::As('.'),
        0xFE6B => Plain::As('@'),
        _ => decimal(n).map_or(Plain::Keep, |d| Plain::As(char::from(b'0' + d))),
    }
}

/// The value of a decimal digit of another script, a mathematical or a circled one.
fn decimal(n: u32) -> Option<u8> {
    const ZEROS: [u32; 20] = [
        0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6, 0x0D66,
        0x0E50, 0x0ED0, 0x0F20, 0x1040, 0x17E0, 0x1810, 0x2080, 0x24EA,
    ];
    if (0x1D7CE..=0x1D7FF).contains(&n) {
        return Some(((n - 0x1D7CE) % 10) as u8);
    }
    if (0x2460..=0x2468).contains(&n) {
        return Some((n - 0x2460 + 1) as u8);
    }
    match n {
        0xB9 => return Some(1),
        0xB2 | 0xB3 => return Some((n - 0xB0) as u8),
        0x2070 | 0x2074..=0x2079 => return Some((n - 0x2070) as u8),
        _ => {}
    }
    ZEROS
        .iter()
        .find(|z| (**z..**z + 10).contains(&n) && (**z != 0x24EA || n == 0x24EA))
        .map(|z| (n - z) as u8)
}

/// One escape sequence for an ASCII character at the start of `rest`, and its length.
fn escape(rest: &[u8]) -> Option<(char, usize)> {
    let (value, used) = match rest {
        [b'%', hi, lo, ..] => (hex(&[*hi, *lo])?, 3),
        [b'\\', b'u', a, b, c, d, ..] => (hex(&[*a, *b, *c, *d])?, 6),
        [b'\\', b'x', a, b, ..] => (hex(&[*a, *b])?, 4),
        [b'&', b'#', b'x' | b'X', tail @ ..] => entity(tail, 16, 3)?,
        [b'&', b'#', tail @ ..] => entity(tail, 10, 2)?,
        [b'&', tail @ ..] => named(tail)?,
        _ => return None,
    };
    let c = char::from_u32(value)?;
    // What is no text stays as it is: it would only split the text.
    (matches!(c, ' '..='~')).then_some((c, used))
}

fn hex(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0u32, |n, b| char::from(*b).to_digit(16).map(|d| n * 16 + d))
}

fn entity(tail: &[u8], radix: u32, lead: usize) -> Option<(u32, usize)> {
    let len = tail.iter().take(8).position(|b| *b == b';')?;
    let value = tail.get(..len)?.iter().try_fold(0u32, |n, b| {
        char::from(*b).to_digit(radix).map(|d| n.wrapping_mul(radix).wrapping_add(d))
    })?;
    (len > 0).then_some((value, lead + len + 1))
}

fn named(tail: &[u8]) -> Option<(u32, usize)> {
    [
        ("commat;", '@'),
        ("period;", '.'),
        ("plus;", '+'),
        ("lowbar;", '_'),
        ("nbsp;", ' '),
        ("colon;", ':'),
        ("amp;", '&'),
        ("hyphen;", '-'),
        ("dash;", '-'),
        ("quot;", '"'),
        ("apos;", '\''),
        ("equals;", '='),
        ("sol;", '/'),
    ]
    .iter()
    .find(|(n, _)| tail.starts_with(n.as_bytes()))
    .map(|(n, c)| (*c as u32, n.len() + 1))
}
