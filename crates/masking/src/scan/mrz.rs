//! Machine-readable zones of travel documents (ICAO 9303): two lines of 44 or 36 characters or three of 30, with their
//! check digits, also without line breaks between them.

use carnet_model::DataClass;

use super::{Scanner, Text};

fn part(b: &u8) -> bool {
    b.is_ascii_uppercase() || b.is_ascii_digit() || *b == b'<'
}

/// Lengths of lines and how many there are.
const FORMS: [(usize, usize); 3] = [(44, 2), (36, 2), (30, 3)];

/// Called where `<<` stands. Gives where to go on.
pub(super) fn at(t: &mut Text<'_>, _: &Scanner, start: usize, from: usize) -> usize {
    let bytes = t.bytes;
    let back = bytes.get(start.saturating_sub(90)..start).unwrap_or_default();
    let begin = start - back.iter().rev().take_while(|b| part(b)).count();
    // Behind the longest run that is read.
    let run = bytes.get(begin..).unwrap_or_default().iter().take(100).take_while(|b| part(b)).count();
    for (width, lines) in FORMS {
        // The name stands in the first line of two, in the last of three.
        for up in [0, lines - 1] {
            if let Some((first, end)) = zone(bytes, begin, width, lines, up) {
                t.hit(first, end, DataClass::PASSPORT, "PASSPORT", "mrz", 97);
                return end;
            }
        }
    }
    from.max(begin + run)
}

/// The zone whose line `up` begins at `begin`, if its check digits are right.
fn zone(bytes: &[u8], begin: usize, width: usize, lines: usize, up: usize) -> Option<(usize, usize)> {
    let mut text = [b'<'; 90];
    let mut first = begin;
    for _ in 0..up {
        let gap = back(bytes, first)?;
        first = gap.checked_sub(width)?;
    }
    let mut at = first;
    for line in 0..lines {
        let row = bytes.get(at..at + width).filter(|r| r.iter().all(part))?;
        text.get_mut(line * width..(line + 1) * width)?.copy_from_slice(row);
        at += width;
        if line + 1 < lines {
            at += gap(bytes, at);
        }
    }
    if bytes.get(at).is_some_and(part) {
        return None;
    }
    right(&text, width).then_some((first, at))
}

/// Bytes of a line break, also of one written as `\n`, or a space.
fn gap(bytes: &[u8], at: usize) -> usize {
    match bytes.get(at..at + 2) {
        Some([b'\r', b'\n'] | [b'\\', b'n']) => 2,
        Some([b'\n' | b' ', _]) => 1,
        _ => 0,
    }
}

/// Where the line before this one ends.
fn back(bytes: &[u8], at: usize) -> Option<usize> {
    let before = bytes.get(at.checked_sub(2)?..at)?;
    Some(match before {
        [b'\r', b'\n'] | [b'\\', b'n'] => at - 2,
        [_, b'\n' | b' '] => at - 1,
        _ => at,
    })
}

/// A check digit over a field: weights 7, 3, 1.
fn digit(text: &[u8], field: std::ops::Range<usize>, check: usize) -> bool {
    let sum: u32 = text
        .get(field)
        .unwrap_or_default()
        .iter()
        .zip([7u32, 3, 1].iter().cycle())
        .map(|(b, k)| {
            k * match b {
                b'0'..=b'9' => u32::from(b - b'0'),
                b'A'..=b'Z' => u32::from(b - b'A') + 10,
                _ => 0,
            }
        })
        .sum();
    match text.get(check) {
        Some(b'<') => sum == 0,
        Some(b) => b.is_ascii_digit() && u32::from(b - b'0') == sum % 10,
        None => false,
    }
}

/// Number, birth date and expiry carry right check digits. The number's is left out where it is longer than its field.
fn right(text: &[u8], width: usize) -> bool {
    let letter = text.first().is_some_and(|b| b"PIACV".contains(b));
    letter
        && match width {
            44 => digit(text, 44..53, 53) && digit(text, 57..63, 63) && digit(text, 65..71, 71),
            36 => digit(text, 36..45, 45) && digit(text, 49..55, 55) && digit(text, 57..63, 63),
            _ => {
                (digit(text, 5..14, 14) || text.get(14) == Some(&b'<'))
                    && digit(text, 30..36, 36)
                    && digit(text, 38..44, 44)
            }
        }
}
