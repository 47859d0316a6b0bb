//! The tree: its root recomputed from the leaves, and every published tile and entry bundle compared with it.

use super::report::{Fault, Step};
use super::{Item, LogSource, SourceError};
use crate::checkpoint::Checkpoint;
use crate::note::Note;
use crate::tree::{Hash, TILE_WIDTH, TileFile, Tree, bundle_entries, entries_path, tile_path};

/// A published file that does not agree with the leaves.
struct Differs {
    path: String,
    /// First leaf that differs, for an entry bundle or a tile of level 0.
    leaf: Option<u64>,
}

pub(super) struct Stored<'a> {
    source: &'a dyn LogSource,
    checkpoint: Option<&'a Checkpoint>,
    earlier: Option<u64>,
    earlier_root: Option<Hash>,
    tree: Tree,
    tiles: Step,
    compared: u64,
    bundles: u64,
    differs: Vec<Differs>,
    differ: u64,
}

impl<'a> Stored<'a> {
    pub(super) fn new(
        source: &'a dyn LogSource,
        checkpoint: Option<&'a Checkpoint>,
        earlier: Option<u64>,
        tree: Tree,
    ) -> Self {
        let earlier_root = (earlier == Some(tree.size())).then(|| tree.root());
        Stored {
            source,
            checkpoint,
            earlier,
            earlier_root,
            tree,
            tiles: Step::new("tiles"),
            compared: 0,
            bundles: 0,
            differs: Vec::new(),
            differ: 0,
        }
    }

    pub(super) fn push(&mut self, item: &Item<'_>) -> Result<(), SourceError> {
        if self.checkpoint.is_none_or(|c| item.index >= c.size) {
            return Ok(());
        }
        self.tree.push_hashed(item.bytes, item.hash);
        if self.earlier == Some(self.tree.size()) {
            self.earlier_root = Some(self.tree.root());
        }
        for file in self.tree.take_full() {
            self.compare(&file)?;
        }
        Ok(())
    }

    /// Root of the leaves so far.
    pub(super) fn root(&self) -> Hash {
        self.tree.root()
    }

    /// Root of the tree at the size of the earlier checkpoint, once that many leaves were read.
    pub(super) fn earlier_root(&self) -> Option<Hash> {
        self.earlier_root
    }

    fn compare(&mut self, file: &TileFile) -> Result<(), SourceError> {
        let is_bundle = file.path.starts_with("tile/entries/");
        if is_bundle {
            self.bundles += 1;
        } else {
            self.compared += 1;
        }
        let Some(found) = self.read(file)? else {
            let fault = if is_bundle { Fault::BundleMissing } else { Fault::TileMissing };
            self.tiles.fault(fault, None, format!("{} is not there", file.path));
            return Ok(());
        };
        if found != file.bytes {
            self.differ += 1;
            if self.differs.len() < super::LISTED {
                let leaf = first_difference(file, &found);
                self.differs.push(Differs { path: file.path.clone(), leaf });
            }
        }
        Ok(())
    }

    /// The published file. A partial one may have been removed when a wider or the full one came, also just now by a
    /// gateway that is running: then the beginning of that one.
    fn read(&self, file: &TileFile) -> Result<Option<Vec<u8>>, SourceError> {
        if let Some(bytes) = self.source.file(&file.path)? {
            return Ok(Some(bytes));
        }
        let Some((full, width)) = file.path.split_once(".p/") else { return Ok(None) };
        for _ in 0..3 {
            let mut found = self.source.file(full)?;
            if found.is_none()
                && let Some(wider) = self.width_now(full)?.filter(|now| Some(*now) > width.parse().ok())
            {
                found = self.source.file(&format!("{full}.p/{wider}"))?;
            }
            if let Some(mut bytes) = found {
                bytes.truncate(file.bytes.len());
                return Ok(Some(bytes));
            }
        }
        Ok(None)
    }

    /// The width that the newest checkpoint gives to an open tile.
    fn width_now(&self, path: &str) -> Result<Option<u64>, SourceError> {
        let Some(bytes) = self.source.file("checkpoint")? else { return Ok(None) };
        let now = Note::parse(&bytes).ok().and_then(|note| Checkpoint::parse_text(&note.text).ok());
        let Some(level) = path.split('/').nth(1) else { return Ok(None) };
        let level = if level == "entries" { 0 } else { level.parse().unwrap_or(0u32) };
        Ok(now.and_then(|c| c.size.checked_shr(8 * level)).map(|count| count % TILE_WIDTH))
    }

    /// The steps `tree` and `tiles`. `whole`: all leaves under the checkpoint were read.
    pub(super) fn finish(mut self, whole: bool) -> Result<(Step, Step), SourceError> {
        let mut tree = Step::new("tree");
        let mut same = true;
        if whole {
            for file in self.tree.flush() {
                self.compare(&file)?;
            }
            let root = self.tree.root();
            same = self.checkpoint.is_none_or(|c| c.root == root);
        } else {
            tree.skip("no checkpoint, or not all leaves under it could be read");
        }
        // One of the two is wrong. If the leaves give the signed root, it is the published file.
        for d in &self.differs {
            match (same, d.leaf, d.path.starts_with("tile/entries/")) {
                (false, Some(leaf), _) => {
                    let detail = format!("differs from {}", d.path);
                    tree.fault(Fault::LeafAltered, Some(leaf), detail);
                }
                (_, leaf, true) => self.tiles.fault(Fault::BundleAltered, leaf, d.path.clone()),
                (_, leaf, false) => self.tiles.fault(Fault::TileAltered, leaf, d.path.clone()),
            }
        }
        if !same {
            tree.fault(Fault::RootMismatch, None, "the leaves give another root than the checkpoint's");
        }
        tree.count("leaves", self.tree.size());
        self.tiles.count("tiles", self.compared);
        self.tiles.count("entry bundles", self.bundles);
        self.tiles.found += self.differ.saturating_sub(self.differs.len() as u64);
        Ok((tree, self.tiles))
    }
}

/// The first leaf in which two bundles or two tiles of level 0 differ.
fn first_difference(file: &TileFile, found: &[u8]) -> Option<u64> {
    let number = number_of(&file.path)?;
    let within = if file.path.starts_with("tile/entries/") {
        let (ours, theirs) = (bundle_entries(&file.bytes)?, bundle_entries(found).unwrap_or_default());
        position(ours.into_iter(), theirs.into_iter())
    } else if file.path.starts_with("tile/0/") {
        position(file.bytes.chunks(32), found.chunks(32))
    } else {
        return None;
    };
    Some(number * TILE_WIDTH + within)
}

fn position<'x>(ours: impl Iterator<Item = &'x [u8]>, theirs: impl Iterator<Item = &'x [u8]>) -> u64 {
    ours.zip(theirs).take_while(|(a, b)| a == b).count() as u64
}

/// The number in a path of a bundle or tile.
fn number_of(path: &str) -> Option<u64> {
    let path = path.split(".p/").next()?;
    let digits: String = path.split('/').skip(2).map(|g| g.trim_start_matches('x')).collect();
    let number = digits.parse().ok()?;
    let same = path == entries_path(number, 0) || path == tile_path(0, number, 0);
    same.then_some(number)
}
