//! Vehicles: identification numbers (ISO 3779) by their check digit or a word, and number plates by a word.

use carnet_model::DataClass;

use super::number::{ends, meaning};
use super::{Scanner, Text};
use crate::context;

/// Seventeen letters and digits without I, O and Q.
pub(super) fn vin(t: &mut Text<'_>, s: &Scanner, start: usize, end: usize) -> Option<usize> {
    let word = t.bytes.get(start..end).filter(|w| w.len() == 17)?;
    let allowed = |b: &u8| b.is_ascii_digit() || b.is_ascii_uppercase() && !b"IOQ".contains(b);
    let serial = word.get(13..)?.iter().all(u8::is_ascii_digit);
    let letters = word.iter().filter(|b| b.is_ascii_uppercase()).count();
    if !word.iter().all(allowed) || !ends(t.bytes, end) || letters < 2 {
        return None;
    }
    let checked = serial && word.get(8) == check(word).as_ref();
    let bits = meaning(t, s, start, end);
    if bits & context::PLATE == 0 && (!checked || bits & context::OTHER != 0) {
        return None;
    }
    t.hit(start, end, DataClass::VEHICLE, "VIN", "vin", if checked { 90 } else { 75 });
    Some(end)
}

/// The check digit of North America and China, at the ninth place (49 CFR 565.15).
fn check(word: &[u8]) -> Option<u8> {
    const WEIGHTS: [u32; 17] = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];
    let sum: u32 = word
        .iter()
        .zip(WEIGHTS)
        .map(|(b, k)| {
            k * match b {
                b'0'..=b'9' => u32::from(b - b'0'),
                b'A'..=b'H' => u32::from(b - b'A') + 1,
                b'J'..=b'R' => u32::from(b - b'J') + 1,
                _ => u32::from(b.wrapping_sub(b'S')) + 2,
            }
        })
        .sum();
    match sum % 11 {
        10 => Some(b'X'),
        n => Some(b'0' + n as u8),
    }
}

/// Groups of capital letters and digits around a word, such as `B-AB 1234`, `AB-123-CD`, `1234 BCD`.
pub(super) fn plate(t: &mut Text<'_>, start: usize, end: usize) -> Option<usize> {
    let bytes = t.bytes;
    let part = |b: &u8| b.is_ascii_uppercase() || b.is_ascii_digit();
    let group = |b: Option<&u8>| b.is_some_and(part);
    let (mut from, mut to) = (start, end);
    // Backwards over groups of up to three letters, forwards over groups of up to four.
    for _ in 0..2 {
        let gap =
            from.checked_sub(1).and_then(|i| bytes.get(i)).is_some_and(|b| matches!(b, b' ' | b'-' | b'.'));
        if !gap || !group(from.checked_sub(2).and_then(|i| bytes.get(i))) {
            break;
        }
        let head = bytes.get(from.saturating_sub(5)..from - 1)?;
        let len = head.iter().rev().take_while(|b| part(b)).count();
        if len > 3 {
            break;
        }
        from -= len + 1;
    }
    for _ in 0..2 {
        if !bytes.get(to).is_some_and(|b| matches!(b, b' ' | b'-' | b'.')) || !group(bytes.get(to + 1)) {
            break;
        }
        let len = bytes.get(to + 1..)?.iter().take(5).take_while(|b| part(b)).count();
        if len > 4 || !ends(bytes, to + 1 + len) {
            break;
        }
        to += 1 + len;
    }
    let all = bytes.get(from..to)?;
    let letters = all.iter().filter(|b| b.is_ascii_uppercase()).count();
    let digits = all.iter().filter(|b| b.is_ascii_digit()).count();
    let lower = all.iter().any(u8::is_ascii_lowercase);
    if lower || letters == 0 || digits == 0 || !(4..=9).contains(&(letters + digits)) || !ends(bytes, to) {
        return None;
    }
    t.hit(from, to, DataClass::VEHICLE, "LICENSE_PLATE", "context", 70);
    Some(to)
}
