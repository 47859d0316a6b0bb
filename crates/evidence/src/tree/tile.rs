//! C2SP tlog-tiles: names and contents of the files that publish a tree.

use super::{Hash, node_hash};

/// Hashes in a full tile, entries in a full bundle.
pub const TILE_WIDTH: u64 = 256;

/// A file to write.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TileFile {
    /// Its path below the log, for example `tile/1/x001/234`.
    pub path: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Path of a tile: `tile/<level>/<number>`, with `.p/<width>` when `width` is not 0.
#[must_use]
pub fn tile_path(level: u8, number: u64, width: u64) -> String {
    with_number(&format!("tile/{level}/"), number, width)
}

/// Path of an entry bundle: `tile/entries/<number>`, with `.p/<width>` when `width` is not 0.
#[must_use]
pub fn entries_path(number: u64, width: u64) -> String {
    with_number("tile/entries/", number, width)
}

/// The number in groups of three digits, all but the last with an `x`: 1234067 is `x001/x234/067`.
fn with_number(prefix: &str, number: u64, width: u64) -> String {
    let mut groups = vec![format!("{:03}", number % 1000)];
    let mut rest = number / 1000;
    while rest > 0 {
        groups.push(format!("x{:03}", rest % 1000));
        rest /= 1000;
    }
    groups.reverse();
    let path = format!("{prefix}{}", groups.join("/"));
    if width == 0 { path } else { format!("{path}.p/{width}") }
}

/// The entries of a bundle, each after its length in 16 bits, big-endian. `None` if it does not come out even.
#[must_use]
pub fn bundle_entries(bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let mut out = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let (len, after) = rest.split_first_chunk::<2>()?;
        let (entry, after) = after.split_at_checked(usize::from(u16::from_be_bytes(*len)))?;
        out.push(entry);
        rest = after;
    }
    Some(out)
}

/// Root of a whole subtree from the hashes of one level; their number is a power of two.
pub(super) fn tile_root(hashes: &[Hash]) -> Hash {
    let mut row = hashes.to_vec();
    while row.len() > 1 {
        row = row.as_chunks::<2>().0.iter().map(|[l, r]| node_hash(l, r)).collect();
    }
    row.first().copied().unwrap_or_default()
}

/// The hash of the whole subtree of height `level` and number `index` in a tree of `size` leaves, from tiles. `read`
/// gives a file by its path. `None` when the tile is not there, is short, or the subtree is not whole at this size.
pub fn hash_from_tiles(
    level: u8,
    index: u64,
    size: u64,
    read: &mut dyn FnMut(&str) -> Option<Vec<u8>>,
) -> Option<Hash> {
    let (tile_level, height) = (level / 8, level % 8);
    let count = size.checked_shr(u32::from(tile_level) * 8)?;
    let first = index.checked_shl(u32::from(height))?;
    let last = first.checked_add(1 << height)?;
    if last > count {
        return None;
    }
    let number = first / TILE_WIDTH;
    let width = if number == count / TILE_WIDTH { count % TILE_WIDTH } else { 0 };
    let bytes = read(&tile_path(tile_level, number, width))?;
    let hashes = bytes.as_chunks::<32>().0;
    let from = usize::try_from(first % TILE_WIDTH).ok()?;
    Some(tile_root(hashes.get(from..from + (1 << height))?))
}
