//! FF1, format-preserving encryption by NIST SP 800-38G, with AES-256.
//!
//! Halves are kept in 128-bit numbers, so there is no arithmetic of big numbers: up to 28 decimal digits or 18 of radix 36
//! in each half, more than any value has that is replaced in this way.

use aes::Aes256;
use aes::cipher::{BlockCipherEncrypt, KeyInit};

/// The longest input, in numerals of radix 10.
pub(crate) const MOST_DIGITS: usize = 56;

/// The cipher under one key.
pub(crate) struct Ff1(Aes256);

/// What is the same in all rounds.
struct Sizes {
    radix: u32,
    /// Lengths of the left and the right half.
    u: usize,
    v: usize,
    /// Bytes of a half as a number.
    b: usize,
    /// Bytes taken of the pseudorandom function.
    d: usize,
}

impl Ff1 {
    pub(crate) fn new(key: &[u8; 32]) -> Ff1 {
        Ff1(Aes256::new(key.into()))
    }

    /// SP 800-38G, algorithm 7. `None` for fewer than two numerals, or more than fit.
    pub(crate) fn encrypt(&self, radix: u32, tweak: &[u8], numerals: &[u8]) -> Option<Vec<u8>> {
        let sizes = Sizes::of(radix, numerals.len())?;
        let (left, right) = numerals.split_at_checked(sizes.u)?;
        let (mut a, mut b) = (number(radix, left), number(radix, right));
        for i in 0..10u8 {
            let y = self.round(&sizes, tweak, i, b)?;
            let m = if i % 2 == 0 { sizes.u } else { sizes.v };
            let modulus = power(radix, m)?;
            let c = (a + y % modulus) % modulus;
            (a, b) = (b, c);
        }
        let mut out = Vec::with_capacity(numerals.len());
        spell(radix, a, sizes.u, &mut out);
        spell(radix, b, sizes.v, &mut out);
        Some(out)
    }

    /// SP 800-38G, algorithm 8: what the tests turn back with. The gateway keeps values in a vault instead.
    #[cfg(test)]
    pub(crate) fn decrypt(&self, radix: u32, tweak: &[u8], numerals: &[u8]) -> Option<Vec<u8>> {
        let sizes = Sizes::of(radix, numerals.len())?;
        let (left, right) = numerals.split_at_checked(sizes.u)?;
        let (mut a, mut b) = (number(radix, left), number(radix, right));
        for i in (0..10u8).rev() {
            let y = self.round(&sizes, tweak, i, a)?;
            let m = if i % 2 == 0 { sizes.u } else { sizes.v };
            let modulus = power(radix, m)?;
            let c = (b + modulus - y % modulus) % modulus;
            (a, b) = (c, a);
        }
        let mut out = Vec::with_capacity(numerals.len());
        spell(radix, a, sizes.u, &mut out);
        spell(radix, b, sizes.v, &mut out);
        Some(out)
    }

    /// Steps 6.i to 6.iv: the pseudorandom number of a round.
    fn round(&self, s: &Sizes, tweak: &[u8], i: u8, half: u128) -> Option<u128> {
        let n = u32::try_from(s.u + s.v).ok()?;
        let t = u32::try_from(tweak.len()).ok()?;
        let mut input = Vec::with_capacity(64 + tweak.len());
        input.extend_from_slice(&[1, 2, 1]);
        input.extend_from_slice(s.radix.to_be_bytes().get(1..)?);
        input.extend_from_slice(&[10, (s.u % 256) as u8]);
        input.extend_from_slice(&n.to_be_bytes());
        input.extend_from_slice(&t.to_be_bytes());
        input.extend_from_slice(tweak);
        while !(input.len() + s.b + 1).is_multiple_of(16) {
            input.push(0);
        }
        input.push(i);
        input.extend_from_slice(half.to_be_bytes().get(16 - s.b..)?);
        let mut block = [0u8; 16];
        for part in input.as_chunks::<16>().0 {
            block.iter_mut().zip(part).for_each(|(x, p)| *x ^= p);
            let mut of = block.into();
            self.0.encrypt_block(&mut of);
            block = of.into();
        }
        Some(block.get(..s.d)?.iter().fold(0u128, |n, x| n << 8 | u128::from(*x)))
    }
}

impl Sizes {
    fn of(radix: u32, n: usize) -> Option<Sizes> {
        let (u, v) = (n / 2, n - n / 2);
        if u == 0 || n > MOST_DIGITS {
            return None;
        }
        let bits = 128 - (power(radix, v)? - 1).leading_zeros() as usize;
        let b = bits.div_ceil(8);
        // One block of the cipher is enough, and a half with what is added to it stays below 2^128.
        (b <= 12).then_some(Sizes { radix, u, v, b, d: 4 * b.div_ceil(4) + 4 })
    }
}

fn power(radix: u32, n: usize) -> Option<u128> {
    u128::from(radix).checked_pow(u32::try_from(n).ok()?)
}

fn number(radix: u32, numerals: &[u8]) -> u128 {
    numerals.iter().fold(0, |n, x| n * u128::from(radix) + u128::from(*x))
}

fn spell(radix: u32, mut number: u128, len: usize, out: &mut Vec<u8>) {
    let from = out.len();
    for _ in 0..len {
        out.push((number % u128::from(radix)) as u8);
        number /= u128::from(radix);
    }
    if let Some(written) = out.get_mut(from..) {
        written.reverse();
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        text.as_bytes()
            .chunks(2)
            .map(|d| u8::from_str_radix(std::str::from_utf8(d).unwrap(), 16).unwrap())
            .collect()
    }

    fn numerals(text: &str) -> Vec<u8> {
        text.chars().map(|c| c.to_digit(36).unwrap() as u8).collect()
    }

    fn text(numerals: &[u8]) -> String {
        numerals.iter().map(|n| char::from_digit(u32::from(*n), 36).unwrap()).collect()
    }

    /// NIST, "FF1 samples", those with AES-256.
    #[test]
    fn nist_samples() {
        let key = hex("2B7E151628AED2A6ABF7158809CF4F3CEF4359D8D580AA4F7F036D6F04FC6A94");
        let ff1 = Ff1::new(&key.try_into().unwrap());
        for (radix, tweak, plain, cipher) in [
            (10, "", "0123456789", "6657667009"),
            (10, "39383736353433323130", "0123456789", "1001623463"),
            (36, "3737373770717273373737", "0123456789abcdefghi", "xs8a0azh2avyalyzuwd"),
        ] {
            let done = ff1.encrypt(radix, &hex(tweak), &numerals(plain)).unwrap();
            assert_eq!(text(&done), cipher);
            assert_eq!(text(&ff1.decrypt(radix, &hex(tweak), &done).unwrap()), plain);
        }
    }

    #[test]
    fn every_length_turns_back() {
        let ff1 = Ff1::new(&[7; 32]);
        for n in 2..=MOST_DIGITS {
            let plain: Vec<u8> = (0..n).map(|i| (i * 7 % 10) as u8).collect();
            let done = ff1.encrypt(10, b"t", &plain).unwrap();
            assert_eq!(ff1.decrypt(10, b"t", &done).unwrap(), plain, "{n}");
        }
        assert!(ff1.encrypt(10, b"", &[1]).is_none() && ff1.encrypt(10, b"", &[1; 57]).is_none());
    }
}
