//! Digits in English words: "four one one one", "plus four nine", "five three six dash two two".

use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::packed::{MatchKind, Searcher};

use super::{Region, Trust, gap};

/// Any number of nine digits in words has one of these but by rare chance. Behind them the marks of a spelled e-mail
/// address.
const NUMBERS: usize = 21;

/// Digits in words, then marks of spelled e-mail addresses.
#[rustfmt::skip]
pub(crate) const NEEDLES: [&str; 37] = [
    "zero", "three", "four", "five", "seven", "eight", "nine", "Zero", "Three", "Four", "Five", "Seven", "Eight", "Nine",
    "ZERO", "THREE", "FOUR", "FIVE", "SEVEN", "EIGHT", "NINE", " dot ", "[dot]", "(dot)", "{dot}", "(at)", "[at]", "{at}",
    "<at>", " DOT ", "(AT)", "[AT]", "[@]", "(@)", " Dot ", "( at )", "[ at ]",
];

static SEARCHER: LazyLock<Option<Searcher>> = LazyLock::new(|| {
    aho_corasick::packed::Config::new().match_kind(MatchKind::LeftmostFirst).builder().extend(NEEDLES).build()
});

/// What the words of a text ask to look at.
pub(super) fn find(text: &str, out: &mut Vec<Region>) -> bool {
    let b = text.as_bytes();
    let mut mail = false;
    let mut floor = 0;
    let mut look = |id: usize, at: usize, out: &mut Vec<Region>| {
        if id >= NUMBERS {
            mail = true;
        } else if at >= floor {
            let (region, end) = row(text, at, floor);
            floor = end;
            out.extend(region);
        }
    };
    match SEARCHER.as_ref() {
        Some(searcher) if b.len() >= searcher.minimum_len() => {
            for m in searcher.find_iter(b) {
                look(m.pattern().as_usize(), m.start(), out);
            }
        }
        _ => {}
    }
    mail
}

/// What one word stands for.
fn token(word: &str) -> Option<&str> {
    let lower = word.to_ascii_lowercase();
    Some(match lower.as_str() {
        "zero" | "oh" => "0",
        "one" => "1",
        "two" => "2",
        "three" => "3",
        "four" => "4",
        "five" => "5",
        "six" => "6",
        "seven" => "7",
        "eight" => "8",
        "nine" => "9",
        "dash" | "hyphen" | "minus" => "-",
        "dot" | "point" => ".",
        "plus" => "+",
        "slash" => "/",
        "space" => " ",
        _ if word.len() == 1 => word,
        _ if word.len() <= 4 && word.bytes().all(|b| b.is_ascii_digit()) => word,
        _ => return None,
    })
}

/// The row of words around the one at `at`, and where to go on.
fn row(text: &str, at: usize, floor: usize) -> (Option<Region>, usize) {
    let b = text.as_bytes();
    let mut words: Vec<Range<usize>> = Vec::new();
    let mut i = at;
    // Back to the first word that stands for something.
    while let Some(word) = word_before(b, i, floor) {
        if token(text.get(word.clone()).unwrap_or_default()).is_none() {
            break;
        }
        i = word.start;
        words.insert(0, word);
        if words.len() >= 48 {
            break;
        }
    }
    let mut end = at;
    let mut i = at;
    while words.len() < 96 {
        let rest = b.get(i..).unwrap_or_default();
        let len = rest.iter().take_while(|b| b.is_ascii_alphanumeric()).count();
        if len == 0 || token(text.get(i..i + len).unwrap_or_default()).is_none() {
            end = end.max(i + len);
            break;
        }
        words.push(i..i + len);
        end = i + len;
        let n = gap(b.get(end..).unwrap_or_default());
        if n == 0 || n > 3 {
            break;
        }
        i = end + n;
    }
    (region(text, &words), end.max(at + 1))
}

/// The word in front of `end`, across a gap.
fn word_before(b: &[u8], end: usize, floor: usize) -> Option<Range<usize>> {
    let before = b.get(floor..end)?;
    let skip =
        before.iter().rev().take(3).take_while(|b| matches!(b, b' ' | b'-' | b',' | b'.' | b'\n')).count();
    let before = before.get(..before.len() - skip)?;
    let len = before.iter().rev().take(8).take_while(|b| b.is_ascii_alphanumeric()).count();
    let stop = floor + before.len();
    (skip > 0 && len > 0).then_some(stop - len..stop)
}

fn region(text: &str, words: &[Range<usize>]) -> Option<Region> {
    let read = |r: &Range<usize>| text.get(r.clone()).and_then(token).unwrap_or_default();
    let digit = |r: &Range<usize>| read(r).bytes().all(|b| b.is_ascii_digit());
    let first = words.iter().position(|r| digit(r) || read(r) == "+")?;
    let last = words.iter().rposition(digit)?;
    // Two letters in front may be the country of an account number.
    let country = first.checked_sub(2).filter(|n| {
        words
            .get(*n..first)
            .is_some_and(|w| w.iter().all(|r| read(r).bytes().all(|b| b.is_ascii_alphabetic())))
    });
    let words = words.get(country.unwrap_or(first)..=last)?;
    let spelled = words.iter().filter(|r| digit(r) && r.len() > 2).count();
    if spelled < 4 || words.iter().filter(|r| digit(r)).count() < 7 {
        return None;
    }
    let mut region = Region::new(words.first()?.start, Trust::Whole);
    for word in words {
        region.push(word.start, read(word));
    }
    Some(region.ending(words.last()?.end))
}
