//! Check digits, from the public specifications. Digits come as values 0 to 9.

/// Luhn, ISO/IEC 7812-1 annex B.
pub(crate) fn luhn(d: &[u8]) -> bool {
    let sum: u32 = d
        .iter()
        .rev()
        .enumerate()
        .map(|(i, x)| {
            let x = u32::from(*x);
            if i % 2 == 0 {
                x
            } else if x > 4 {
                2 * x - 9
            } else {
                2 * x
            }
        })
        .sum();
    sum.is_multiple_of(10)
}

/// The weighted sum of the leading digits.
pub(crate) fn weighted(d: &[u8], weights: &[u8]) -> u32 {
    d.iter().zip(weights).map(|(a, b)| u32::from(*a) * u32::from(*b)).sum()
}

/// The digits as a number.
pub(crate) fn number(d: &[u8]) -> u64 {
    d.iter().fold(0, |n, x| n.wrapping_mul(10).wrapping_add(u64::from(*x)))
}

/// ISO/IEC 7064 MOD 11,10.
pub(crate) fn mod_11_10(d: &[u8]) -> bool {
    let Some((check, body)) = d.split_last() else { return false };
    let mut p = 10u32;
    for x in body {
        let s = (p + u32::from(*x)) % 10;
        p = if s == 0 { 10 } else { s } * 2 % 11;
    }
    (11 - p) % 10 == u32::from(*check)
}

/// EAN/GS1 check digit.
pub(crate) fn gs1(d: &[u8]) -> bool {
    let sum: u32 =
        d.iter().rev().enumerate().map(|(i, x)| u32::from(*x) * if i % 2 == 0 { 1 } else { 3 }).sum();
    sum.is_multiple_of(10)
}

/// A day and a month that exist together in some year.
pub(crate) fn day_month(day: u64, month: u64) -> bool {
    let last = match month {
        2 => 29,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return false,
    };
    (1..=last).contains(&day)
}

/// Two digits at an offset.
pub(crate) fn two(d: &[u8], at: usize) -> u64 {
    number(d.get(at..at + 2).unwrap_or(&[9, 9]))
}

/// All digits the same: a placeholder, not a value.
pub(crate) fn uniform(d: &[u8]) -> bool {
    d.windows(2).all(|w| w.first() == w.last())
}

/// Verhoeff's check, with the check digit last.
pub(crate) fn verhoeff(d: &[u8]) -> bool {
    // The dihedral group of order ten, and the permutation applied once for each place.
    const PERMUTE: [u8; 10] = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
    let mut c = 0u8;
    for (i, x) in d.iter().rev().enumerate() {
        let mut x = *x;
        for _ in 0..i % 8 {
            x = PERMUTE.get(usize::from(x)).copied().unwrap_or(0);
        }
        c = dihedral(c, x);
    }
    c == 0
}

/// The product of two elements: 0 to 4 are rotations, 5 to 9 reflections.
fn dihedral(a: u8, b: u8) -> u8 {
    match (a < 5, b < 5) {
        (true, true) => (a + b) % 5,
        (true, false) => (a + b) % 5 + 5,
        (false, true) => (a + 5 - b) % 5 + 5,
        (false, false) => (a + 5 - b) % 5,
    }
}
