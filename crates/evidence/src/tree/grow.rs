//! A tree that only grows: the frontier (hashes of its whole subtrees) and the tiles that are still open.

use super::tile::{TILE_WIDTH, TileFile, bundle_entries, entries_path, tile_path, tile_root};
use super::{Hash, empty_root, leaf_hash, node_hash};

/// The roots of the whole subtrees of a tree, largest first: at most 64 hashes, enough to append and to know the root.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Frontier {
    size: u64,
    hashes: Vec<Hash>,
}

impl Frontier {
    /// The frontier of the empty tree.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A frontier from its parts. `None` unless there is one hash for every bit set in `size`.
    #[must_use]
    pub fn from_parts(size: u64, hashes: Vec<Hash>) -> Option<Self> {
        (u64::from(size.count_ones()) == hashes.len() as u64).then_some(Frontier { size, hashes })
    }

    /// Number of leaves.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The hashes, largest subtree first.
    #[must_use]
    pub fn hashes(&self) -> &[Hash] {
        &self.hashes
    }

    /// Appends a leaf by its hash.
    pub fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.hashes.pop() {
                hash = node_hash(&left, &hash);
            }
        }
        self.hashes.push(hash);
        self.size += 1;
    }

    /// Root of the tree.
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut from_right = self.hashes.iter().rev();
        let Some(last) = from_right.next() else { return empty_root() };
        from_right.fold(*last, |right, left| node_hash(left, &right))
    }
}

/// Why a tree cannot go on from what is stored.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ResumeError {
    /// A tile or bundle that the size asks for is not there.
    #[error("{0} is missing")]
    Missing(String),
    /// A tile or bundle has the wrong length.
    #[error("{0} has the wrong length")]
    Length(String),
}

/// The growing tree with its open tiles and its open entry bundle: leaves go in, files to write come out.
#[derive(Clone, Default, Debug)]
pub struct Tree {
    frontier: Frontier,
    /// Hashes of the open tile of each level, fewer than 256 each.
    levels: Vec<Vec<Hash>>,
    /// Bytes of the open entry bundle.
    bundle: Vec<u8>,
    /// Files that became full since the last [`Tree::flush`].
    full: Vec<TileFile>,
    /// Size at the last flush: what is not open since then need not be written again.
    flushed: u64,
}

impl Tree {
    /// The empty tree.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The tree of `size` leaves, its open tiles read back. `read` gives a file by its path, for example
    /// `tile/0/000.p/5`.
    ///
    /// # Errors
    /// See [`ResumeError`]. Compare [`Tree::root`] with the checkpoint afterwards: nothing is verified here.
    pub fn resume(size: u64, read: &mut dyn FnMut(&str) -> Option<Vec<u8>>) -> Result<Self, ResumeError> {
        let mut tree = Tree { flushed: size, ..Tree::default() };
        let mut count = size;
        let mut level = 0u8;
        while count > 0 {
            tree.levels.push(read_open(level, count, read)?);
            count /= TILE_WIDTH;
            level += 1;
        }
        let open = size % TILE_WIDTH;
        if open > 0 {
            let path = entries_path(size / TILE_WIDTH, open);
            let bytes = read(&path).ok_or_else(|| ResumeError::Missing(path.clone()))?;
            if bundle_entries(&bytes).map(|e| e.len() as u64) != Some(open) {
                return Err(ResumeError::Length(path));
            }
            tree.bundle = bytes;
        }
        let mut hashes = Vec::new();
        for open in tree.levels.iter().rev() {
            push_subtrees(open, &mut hashes);
        }
        tree.frontier = Frontier { size, hashes };
        Ok(tree)
    }

    /// The tree of the first `old` leaves of a stored tree of `size` leaves: as [`Tree::resume`], from the files that the
    /// larger one has.
    ///
    /// # Errors
    /// See [`ResumeError`].
    pub fn within(
        old: u64,
        size: u64,
        read: &mut dyn FnMut(&str) -> Option<Vec<u8>>,
    ) -> Result<Self, ResumeError> {
        Tree::resume(old, &mut |path| {
            if let Some(bytes) = read(path) {
                return Some(bytes);
            }
            // The beginning of the tile or bundle that it has become.
            let (full, width) = path.split_once(".p/")?;
            let width = width.parse::<usize>().ok()?;
            let level = path.split('/').nth(1)?;
            let is_bundle = level == "entries";
            let level = if is_bundle { 0 } else { level.parse::<u32>().ok()? };
            let now = size.checked_shr(8 * level)? % TILE_WIDTH;
            let bytes = read(full).or_else(|| read(&format!("{full}.p/{now}")))?;
            if is_bundle {
                let entries = bundle_entries(&bytes)?;
                let len: usize = entries.get(..width)?.iter().map(|e| e.len() + 2).sum();
                return bytes.get(..len).map(<[u8]>::to_vec);
            }
            bytes.get(..32 * width).map(<[u8]>::to_vec)
        })
    }

    /// Number of leaves.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.frontier.size
    }

    /// Root of the tree.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.frontier.root()
    }

    /// The frontier.
    #[must_use]
    pub fn frontier(&self) -> &Frontier {
        &self.frontier
    }

    /// Appends a leaf (at most [`crate::leaf::MAX_LEAF`] bytes); gives its hash.
    pub fn push(&mut self, leaf: &[u8]) -> Hash {
        let hash = leaf_hash(leaf);
        self.push_hashed(leaf, hash);
        hash
    }

    /// Appends a leaf whose hash is known.
    pub fn push_hashed(&mut self, leaf: &[u8], hash: Hash) {
        let index = self.frontier.size;
        self.frontier.push(hash);
        let len = u16::try_from(leaf.len()).unwrap_or(u16::MAX);
        self.bundle.extend_from_slice(&len.to_be_bytes());
        self.bundle.extend_from_slice(leaf.get(..usize::from(len)).unwrap_or_default());
        if (index + 1).is_multiple_of(TILE_WIDTH) {
            let bytes = std::mem::take(&mut self.bundle);
            self.full.push(TileFile { path: entries_path(index / TILE_WIDTH, 0), bytes });
        }
        let (mut hash, mut number, mut level) = (hash, index, 0u8);
        loop {
            let at = usize::from(level);
            if self.levels.len() <= at {
                self.levels.push(Vec::new());
            }
            let Some(open) = self.levels.get_mut(at) else { break };
            open.push(hash);
            if (open.len() as u64) < TILE_WIDTH {
                break;
            }
            let bytes = open.concat();
            hash = tile_root(open);
            open.clear();
            number /= TILE_WIDTH;
            self.full.push(TileFile { path: tile_path(level, number, 0), bytes });
            level += 1;
        }
    }

    /// Files that became full since they were last asked for; the open ones stay. For who compares, not writes.
    #[must_use]
    pub fn take_full(&mut self) -> Vec<TileFile> {
        std::mem::take(&mut self.full)
    }

    /// Files to write so that the stored tree has this size: those that became full, then the open ones, partial.
    /// Write them, sync, and only then publish a checkpoint of this size.
    #[must_use]
    pub fn flush(&mut self) -> Vec<TileFile> {
        let mut files = std::mem::take(&mut self.full);
        let (size, before) = (self.frontier.size, self.flushed);
        self.flushed = size;
        if size == before {
            return files;
        }
        if !self.bundle.is_empty() {
            let path = entries_path(size / TILE_WIDTH, size % TILE_WIDTH);
            files.push(TileFile { path, bytes: self.bundle.clone() });
        }
        let (mut now, mut then) = (size, before);
        for (level, open) in (0u8..).zip(&self.levels) {
            if now == then {
                break;
            }
            if !open.is_empty() {
                let path = tile_path(level, now / TILE_WIDTH, now % TILE_WIDTH);
                files.push(TileFile { path, bytes: open.concat() });
            }
            now /= TILE_WIDTH;
            then /= TILE_WIDTH;
        }
        files
    }
}

/// The hashes of the open tile of a level with `count` hashes in all.
fn read_open(
    level: u8,
    count: u64,
    read: &mut dyn FnMut(&str) -> Option<Vec<u8>>,
) -> Result<Vec<Hash>, ResumeError> {
    let width = count % TILE_WIDTH;
    if width == 0 {
        return Ok(Vec::new());
    }
    let path = tile_path(level, count / TILE_WIDTH, width);
    let bytes = read(&path).ok_or_else(|| ResumeError::Missing(path.clone()))?;
    let (hashes, rest) = bytes.as_chunks::<32>();
    if hashes.len() as u64 != width || !rest.is_empty() {
        return Err(ResumeError::Length(path));
    }
    Ok(hashes.to_vec())
}

/// The whole subtrees of one open tile, largest first.
fn push_subtrees(open: &[Hash], out: &mut Vec<Hash>) {
    let mut rest = open;
    while !rest.is_empty() {
        let width = 1usize << rest.len().ilog2();
        let (subtree, after) = rest.split_at_checked(width).unwrap_or((rest, &[]));
        out.push(tile_root(subtree));
        rest = after;
    }
}
