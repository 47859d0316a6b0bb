//! SipHash-2-4 (Aumasson, Bernstein 2012): a keyed hash of a few words.

/// The hash of some 64-bit words under a 128-bit key.
pub(super) fn hash(key: (u64, u64), words: impl Iterator<Item = u64>) -> u64 {
    let mut v = [
        key.0 ^ 0x736f_6d65_7073_6575,
        key.1 ^ 0x646f_7261_6e64_6f6d,
        key.0 ^ 0x6c79_6765_6e65_7261,
        key.1 ^ 0x7465_6462_7974_6573,
    ];
    let mut bytes = 0u64;
    for word in words {
        take(&mut v, word);
        bytes += 8;
    }
    take(&mut v, bytes << 56);
    v[2] ^= 0xff;
    (0..4).for_each(|_| round(&mut v));
    v[0] ^ v[1] ^ v[2] ^ v[3]
}

fn take(v: &mut [u64; 4], word: u64) {
    v[3] ^= word;
    round(v);
    round(v);
    v[0] ^= word;
}

fn round(v: &mut [u64; 4]) {
    v[0] = v[0].wrapping_add(v[1]);
    v[1] = v[1].rotate_left(13) ^ v[0];
    v[0] = v[0].rotate_left(32);
    v[2] = v[2].wrapping_add(v[3]);
    v[3] = v[3].rotate_left(16) ^ v[2];
    v[0] = v[0].wrapping_add(v[3]);
    v[3] = v[3].rotate_left(21) ^ v[0];
    v[2] = v[2].wrapping_add(v[1]);
    v[1] = v[1].rotate_left(17) ^ v[2];
    v[2] = v[2].rotate_left(32);
}

#[cfg(test)]
mod tests {
    /// The reference vectors of the paper's code: key 00..0f, message 00..(8n-1).
    #[test]
    fn the_reference_vectors() {
        let key = (0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908);
        assert_eq!(super::hash(key, [].into_iter()), 0x726f_db47_dd0e_0e31);
        assert_eq!(super::hash(key, [0x0706_0504_0302_0100].into_iter()), 0x93f5_f579_9a93_2462);
    }
}
