//! Addresses of wallets: base58 with its checksum (Bitcoin, Litecoin, XRP, Monero), bech32 and bech32m (BIP 173, BIP 350),
//! and Ethereum's (EIP-55). Solana's have no checksum and need a word.

use carnet_model::DataClass;
use sha2::{Digest, Sha256};

use super::number::{ends, meaning};
use super::{Scanner, Text};
use crate::context;

const BITCOIN: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
const RIPPLE: &[u8; 58] = b"rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz";

/// Looks at a word of letters and digits.
pub(super) fn at(t: &mut Text<'_>, s: &Scanner, start: usize, end: usize) -> Option<usize> {
    let word = t.bytes.get(start..end)?;
    let first = word.first().copied()?;
    let kind = match word.len() {
        25..=35 if matches!(first, b'1' | b'3' | b'L' | b'M' | b'D' | b'T' | b'm' | b'n' | b'2') => {
            base58(word, BITCOIN)
        }
        25..=35 if first == b'r' => base58(word, RIPPLE).map(|_| "CRYPTO_XRP"),
        42 if word.starts_with(b"0x") => ethereum(word).then_some("CRYPTO_ETH"),
        95 if matches!(first, b'4' | b'8') => {
            word.iter().all(|b| BITCOIN.contains(b)).then_some("CRYPTO_XMR")
        }
        _ => None,
    };
    let kind = kind.or_else(|| {
        if !(14..=110).contains(&word.len()) || !matches!(first, b'b' | b'l' | b'a' | b't' | b'B' | b'L') {
            return None;
        }
        bech32(word)
    });
    let kind = kind.or_else(|| {
        let plain = (43..=44).contains(&word.len()) && word.iter().all(|b| BITCOIN.contains(b));
        (plain && meaning(t, s, start, end) & context::CRYPTO != 0).then_some("CRYPTO_SOL")
    })?;
    if !ends(t.bytes, end) {
        return None;
    }
    t.hit(start, end, DataClass::CRYPTO, kind, "crypto", 93);
    Some(end)
}

/// Version, 20 bytes and the first four of a double SHA-256 over them.
fn base58(word: &[u8], alphabet: &[u8; 58]) -> Option<&'static str> {
    let mut out = [0u8; 25];
    for b in word {
        let mut carry = alphabet.iter().position(|x| x == b)? as u32;
        for slot in out.iter_mut().rev() {
            carry += u32::from(*slot) * 58;
            *slot = carry as u8;
            carry >>= 8;
        }
        if carry != 0 {
            return None;
        }
    }
    let (body, check) = out.split_at(21);
    let sum = Sha256::digest(Sha256::digest(body));
    if sum.get(..4) != Some(check) {
        return None;
    }
    Some(match body.first() {
        Some(0x30 | 0x32) => "CRYPTO_LTC",
        Some(0x1e) => "CRYPTO_DOGE",
        Some(0x41) => "CRYPTO_TRX",
        _ => "CRYPTO_BTC",
    })
}

/// The checksum of BIP 173, with the constant of BIP 350 for later versions.
fn bech32(word: &[u8]) -> Option<&'static str> {
    const CHARSET: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    let lower = word.to_ascii_lowercase();
    if lower != word && word.to_ascii_uppercase() != word {
        return None;
    }
    let cut = lower.iter().rposition(|b| *b == b'1')?;
    let kind = match lower.get(..cut)? {
        b"bc" | b"tb" => "CRYPTO_BTC",
        b"ltc" => "CRYPTO_LTC",
        b"addr" => "CRYPTO_ADA",
        _ => return None,
    };
    let mut sum = 1u32;
    let head = lower.get(..cut)?;
    let spread = head.iter().map(|b| b >> 5).chain([0]).chain(head.iter().map(|b| b & 31));
    let data: Option<Vec<u8>> =
        lower.get(cut + 1..)?.iter().map(|b| CHARSET.iter().position(|x| x == b).map(|p| p as u8)).collect();
    for v in spread.chain(data?) {
        let top = sum >> 25;
        sum = (sum & 0x1ff_ffff) << 5 ^ u32::from(v);
        for (i, g) in [0x3b6a_57b2u32, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3].iter().enumerate()
        {
            if top >> i & 1 == 1 {
                sum ^= g;
            }
        }
    }
    matches!(sum, 1 | 0x2bc8_30a3).then_some(kind)
}

/// `0x` and forty digits; where both cases occur, they are the checksum of EIP-55.
fn ethereum(word: &[u8]) -> bool {
    let Some(hex) = word.get(2..).filter(|h| h.iter().all(u8::is_ascii_hexdigit)) else { return false };
    let upper = hex.iter().any(u8::is_ascii_uppercase);
    let lower = hex.iter().any(u8::is_ascii_lowercase);
    if !(upper && lower) {
        // Zeros and other constants of programs are no wallets.
        let mut seen = 0u128;
        for b in hex {
            seen |= 1 << (b & 127);
        }
        return lower && seen.count_ones() >= 8;
    }
    let hash = keccak(&hex.to_ascii_lowercase());
    hex.iter().enumerate().all(|(i, b)| {
        let byte = hash.get(i / 2).copied().unwrap_or(0);
        let nibble = if i % 2 == 0 { byte >> 4 } else { byte & 15 };
        !b.is_ascii_alphabetic() || b.is_ascii_uppercase() == (nibble > 7)
    })
}

/// Keccak-256 of less than one block: the hash of Ethereum, with the padding from before FIPS 202.
fn keccak(text: &[u8]) -> [u8; 32] {
    let mut block = [0u8; 136];
    for (slot, b) in block.iter_mut().zip(text) {
        *slot = *b;
    }
    if let Some(b) = block.get_mut(text.len()) {
        *b ^= 1;
    }
    if let Some(b) = block.last_mut() {
        *b ^= 0x80;
    }
    let mut state = [0u64; 25];
    for (lane, bytes) in state.iter_mut().zip(block.as_chunks::<8>().0) {
        *lane = u64::from_le_bytes(*bytes);
    }
    permute(&mut state);
    let mut out = [0u8; 32];
    for (bytes, lane) in out.as_chunks_mut::<8>().0.iter_mut().zip(state) {
        *bytes = lane.to_le_bytes();
    }
    out
}

/// Keccak-f[1600]: 24 rounds; the round constants come from the shift register of the specification.
#[allow(clippy::indexing_slicing, reason = "all indexes are taken modulo the length")]
fn permute(a: &mut [u64; 25]) {
    let mut register = 1u8;
    for _ in 0..24 {
        let mut c = [0u64; 5];
        for (i, lane) in a.iter().enumerate() {
            c[i % 5] ^= lane;
        }
        for (i, lane) in a.iter_mut().enumerate() {
            *lane ^= c[(i + 4) % 5] ^ c[(i + 1) % 5].rotate_left(1);
        }
        let (mut x, mut y, mut last) = (1usize, 0usize, a[1]);
        for t in 0..24u32 {
            (x, y) = (y, (2 * x + 3 * y) % 5);
            let at = (x + 5 * y) % 25;
            let next = a[at];
            a[at] = last.rotate_left((t + 1) * (t + 2) / 2 % 64);
            last = next;
        }
        for row in 0..5 {
            let copy: [u64; 5] = std::array::from_fn(|i| a[row * 5 + i]);
            for i in 0..5 {
                a[row * 5 + i] = copy[i] ^ (!copy[(i + 1) % 5] & copy[(i + 2) % 5]);
            }
        }
        for j in 0..7u32 {
            if register & 1 == 1 {
                a[0] ^= 1 << ((1u32 << j) - 1);
            }
            register = (register << 1) ^ if register >> 7 == 1 { 0x71 } else { 0 };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keccak_of_known_texts() {
        let hex = |h: [u8; 32]| h.iter().map(|b| format!("{b:02x}")).collect::<String>();
        assert_eq!(hex(keccak(b"")), "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470");
        assert_eq!(hex(keccak(b"abc")), "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45");
    }
}
