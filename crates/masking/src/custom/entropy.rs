//! Shannon entropy: how far a value is from a word or a row of equal letters.

/// Bits for each byte of a text, in hundredths; 0 for an empty one.
pub(crate) fn centibits(text: &str) -> u32 {
    let mut counts = [0u32; 256];
    for b in text.bytes() {
        if let Some(n) = counts.get_mut(usize::from(b)) {
            *n += 1;
        }
    }
    let total = text.len() as f64;
    let bits: f64 = counts
        .iter()
        .filter(|n| **n > 0)
        .map(|n| {
            let p = f64::from(*n) / total;
            -p * p.log2()
        })
        .sum();
    (bits * 100.0).round() as u32
}

#[cfg(test)]
mod tests {
    use super::centibits;

    #[test]
    fn equal_letters_have_none() {
        assert_eq!(
            (centibits(""), centibits("aaaa"), centibits("abab"), centibits("abcdefgh")),
            (0, 0, 100, 300)
        );
    }
}
