//! The published tree: tiles and entry bundles first, then the checkpoint that speaks of them, then the short cut.
//!
//! Each is written beside, synced (many by one call), renamed, and its folder synced, before the next begins. A crash between any two
//! leaves the older checkpoint with all files it needs; what is new is written again from the segments. Partial tiles
//! of the checkpoint before are removed last.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use carnet_evidence::Tree;
use carnet_evidence::checkpoint::Checkpoint;
use carnet_evidence::note::Signer;
use carnet_evidence::tree::TileFile;

use super::feed::Feed;
use super::metrics::Meters;
use super::shortcut;
use super::state::State;
use crate::disk::{Disk, replace};
use crate::error::StoreError;

pub(crate) const CHECKPOINT: &str = "log/checkpoint";
pub(crate) const VKEY: &str = "log/vkey";
pub(crate) const SHORTCUT: &str = "log/state";
/// Checkpoints that stay, by size: where packages may begin and end.
pub(crate) const KEPT: &str = "log/checkpoints";
/// One is kept so often, and the last of a run.
const KEEP_EVERY: Duration = Duration::from_secs(3600);
/// The short cut is written when the log has grown by so much: what a start reads at most, but for the last second.
const SHORTCUT_EVERY: u64 = 1 << 20;

/// See the module.
pub(crate) struct Publisher {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) signer: Signer,
    pub(crate) tree: Tree,
    /// Follows the feed, so that it is the state at the size of the tree.
    pub(crate) state: State,
    pub(crate) place: (u64, u64),
    /// Size of the checkpoint on disk.
    pub(crate) published: Option<u64>,
    pub(crate) feed: Arc<Feed>,
    pub(crate) meters: Arc<Meters>,
    /// Files not yet written.
    pub(crate) files: Vec<TileFile>,
    /// Partial files of the checkpoint on disk.
    pub(crate) partial: Vec<String>,
    /// When and at which size a checkpoint was last kept.
    pub(crate) kept: (Instant, u64),
    /// Place of the last short cut.
    pub(crate) cut: (u64, u64),
}

impl Publisher {
    /// Brings tiles and checkpoint to what the feed has. After an error the next call goes on.
    pub(crate) fn publish(&mut self, last: bool) -> Result<(), StoreError> {
        // What could not be written is tried again first. Meanwhile the feed fills, and then records are refused.
        if self.files.is_empty() {
            self.follow();
        }
        let size = self.tree.size();
        if self.published != Some(size) {
            self.files.extend(self.tree.flush());
            let files: Vec<(String, &[u8])> =
                self.files.iter().map(|f| (format!("log/{}", f.path), f.bytes.as_slice())).collect();
            replace(&*self.disk, &files)?;
            let partial = self.files.drain(..).filter(|f| f.path.contains(".p/"));
            let partial: Vec<String> = partial.map(|f| format!("log/{}", f.path)).collect();
            self.checkpoint(size)?;
            self.tidy(partial);
        }
        self.keep(last)?;
        let far = self.cut.0 != self.place.0 || self.place.1.saturating_sub(self.cut.1) >= SHORTCUT_EVERY;
        if self.cut != self.place && (last || far) {
            let bytes = shortcut::write(&self.state, self.place);
            replace(&*self.disk, &[(SHORTCUT.to_owned(), &bytes)])?;
            self.cut = self.place;
        }
        Ok(())
    }

    fn follow(&mut self) {
        let fed = self.feed.take();
        let mut from = 0;
        for (placed, end) in &fed.leaves {
            self.tree.push_hashed(fed.bytes.get(from..*end).unwrap_or_default(), placed.hash);
            self.state.apply(placed);
            from = *end;
        }
        self.state.settle();
        if !fed.leaves.is_empty() {
            self.place = fed.place;
        }
    }

    fn checkpoint(&mut self, size: u64) -> Result<(), StoreError> {
        let note = self.signed(size)?;
        replace(&*self.disk, &[(CHECKPOINT.to_owned(), note.as_bytes())])?;
        self.published = Some(size);
        self.meters.published.store(size, Ordering::Relaxed);
        Ok(())
    }

    fn signed(&self, size: u64) -> Result<String, StoreError> {
        let checkpoint = Checkpoint::new(self.signer.verifier().name(), size, self.tree.root());
        let note = checkpoint.sign(&self.signer).map_err(|_| StoreError::Key("cannot sign"))?;
        Ok(note.to_text())
    }

    /// Keeps the newest checkpoint under its size from time to time, and at the end. It is signed once more, to the same bytes.
    fn keep(&mut self, last: bool) -> Result<(), StoreError> {
        let size = self.tree.size();
        let (at, before) = self.kept;
        if size == before || self.published != Some(size) || !(last || at.elapsed() >= KEEP_EVERY) {
            return Ok(());
        }
        let note = self.signed(size)?;
        replace(&*self.disk, &[(format!("{KEPT}/{size:020}"), note.as_bytes())])?;
        self.kept = (Instant::now(), size);
        Ok(())
    }

    /// Removes the partial files that only the checkpoint before needed. If one stays, it does no harm.
    fn tidy(&mut self, partial: Vec<String>) {
        for old in std::mem::replace(&mut self.partial, partial) {
            // A level that did not change since is still needed as it is.
            if self.superseded(&old) {
                let _ = self.disk.remove(&old);
            } else {
                self.partial.push(old);
            }
        }
    }

    fn superseded(&self, old: &str) -> bool {
        let Some((number, width)) = old.split_once(".p/") else { return false };
        let level = number.strip_prefix("log/tile/").and_then(|l| l.split('/').next());
        let level = match level {
            Some("entries") => 0,
            Some(level) => level.parse::<u32>().unwrap_or(0),
            None => return false,
        };
        let count = self.tree.size().checked_shr(8 * level).unwrap_or(0);
        let width = width.parse::<u64>().unwrap_or(0);
        let still = count % 256 == width
            && (number == format!("log/{}", carnet_evidence::tree::entries_path(count / 256, 0))
                || u8::try_from(level).is_ok_and(|l| {
                    number == format!("log/{}", carnet_evidence::tree::tile_path(l, count / 256, 0))
                }));
        !still
    }
}
