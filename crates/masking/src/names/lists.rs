//! Lists of given names, family names and places, as Bloom filters: one in a few hundred other words passes for a name.
//! Also compiled into the trainer, so it uses nothing else of the crate.

/// Bits of one filter.
pub(crate) const BITS: usize = 1 << 19;
const HASHES: u64 = 4;
const SEED: u64 = 0xcbf2_9ce4_8422_2325;

/// In a list of given names, of family names, of places.
pub(crate) const FIRST: u8 = 1;
pub(crate) const LAST: u8 = 2;
pub(crate) const PLACE: u8 = 4;

/// The three filters behind one another.
pub(crate) const SIZE: usize = 3 * BITS / 8;

/// FNV-1a over lower-case letters.
pub(crate) fn hash(word: &str) -> u64 {
    let step = |h: u64, c: u32| (h ^ u64::from(c)).wrapping_mul(0x0100_0000_01b3);
    let h = if word.is_ascii() {
        word.bytes().fold(SEED, |h, b| step(h, u32::from(b.to_ascii_lowercase())))
    } else {
        let lower = word.chars().flat_map(char::to_lowercase);
        lower.fold(SEED, |h, c| step(h, u32::from(if c == '’' { '\'' } else { c })))
    };
    h ^ (h >> 29)
}

/// The places of a word in a filter.
pub(crate) fn bits(hash: u64) -> impl Iterator<Item = usize> {
    let step = (hash >> 32) | 1;
    (0..HASHES).map(move |i| hash.wrapping_add(i.wrapping_mul(step)) as usize % BITS)
}

/// Which lists hold a word.
pub(crate) fn find(filters: &[u8], word: &str) -> u8 {
    hold(filters, hash(word))
}

/// Which lists hold the word with this hash.
pub(crate) fn hold(filters: &[u8], hash: u64) -> u8 {
    let mut found = FIRST | LAST | PLACE;
    for bit in bits(hash) {
        for (n, list) in [FIRST, LAST, PLACE].into_iter().enumerate() {
            let byte = filters.get(n * BITS / 8 + bit / 8).copied().unwrap_or(0);
            if byte >> (bit % 8) & 1 == 0 {
                found &= !list;
            }
        }
        if found == 0 {
            break;
        }
    }
    found
}
