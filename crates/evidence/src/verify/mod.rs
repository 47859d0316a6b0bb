//! Verification of a log on disk: every step over all leaves, in one pass, in bounded memory.
//!
//! Pure over [`LogSource`]; the auditor's binary and the operator's command give it files. Memory holds one segment,
//! the open tiles, and what is open at the time: sessions not closed, decisions not answered.

mod alive;
mod anchors;
mod approvals;
mod blobs;
mod pruned;
mod read;
mod report;
mod sessions;
mod slots;
mod stored;
#[cfg(test)]
mod tests;
mod vanished;

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::leaf::{Ext, Leaf, LeafError, LeafType};
use crate::note::{NoteError, Verifier};
use crate::tree::Hash;

pub(crate) use alive::Alive;
pub(crate) use anchors::Anchors;
pub use anchors::{StampError, Stamps, Trust};
pub(crate) use approvals::Approvals;
#[cfg(feature = "seal")]
pub use blobs::KeyLookup;
pub use report::{Fault, Finding, LISTED, Outcome, Report, Step};
pub(crate) use sessions::Sessions;
pub use slots::KeyIds;
pub use vanished::vanished;

/// The files of a log could not be read: not damage, but no answer either.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("cannot read {path}: {why}")]
pub struct SourceError {
    /// Path below the log.
    pub path: String,
    /// Kind of error.
    pub why: String,
}

/// Gives the files below `log/`.
pub trait LogSource {
    /// The bytes of a file, `None` if it is not there. Paths are like `checkpoint` or `tile/0/x001/234`.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    fn file(&self, path: &str) -> Result<Option<Vec<u8>>, SourceError>;

    /// Names of the files in `segments/`, in any order.
    ///
    /// # Errors
    /// When the folder cannot be read.
    fn segments(&self) -> Result<Vec<String>, SourceError>;

    /// Names of the files in `anchors/`, in any order.
    ///
    /// # Errors
    /// When the folder cannot be read.
    fn anchors(&self) -> Result<Vec<String>, SourceError> {
        Ok(Vec::new())
    }

    /// The ids of keys in the key store beside the log, `None` where there is none.
    ///
    /// # Errors
    /// When it cannot be read.
    fn keys(&self) -> Result<Option<KeyIds>, SourceError> {
        Ok(None)
    }
}

/// What to verify against.
#[derive(Clone, Copy, Default)]
pub struct Options<'a> {
    /// Key of the log. Without it the log's own `vkey` is taken, which proves less, and the report says so.
    pub key: Option<&'a Verifier>,
    /// A checkpoint that was kept from an earlier time.
    pub last_checkpoint: Option<&'a [u8]>,
    /// Witnesses, time stamp authorities, and checkpoints seen before.
    pub trust: Trust<'a>,
    /// Session keys, to open disclosures.
    #[cfg(feature = "seal")]
    pub keys: Option<&'a KeyLookup<'a>>,
}

impl<'a> Options<'a> {
    /// What an auditor has: perhaps the key, perhaps an earlier checkpoint.
    #[must_use]
    pub fn new(key: Option<&'a Verifier>, last_checkpoint: Option<&'a [u8]>) -> Self {
        Options {
            key,
            last_checkpoint,
            trust: Trust::default(),
            #[cfg(feature = "seal")]
            keys: None,
        }
    }
}

impl std::fmt::Debug for Options<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Options(key: {}, last: {})", self.key.is_some(), self.last_checkpoint.is_some())
    }
}

/// One leaf on its way through the steps.
pub(crate) struct Item<'a> {
    pub(crate) index: u64,
    pub(crate) bytes: &'a [u8],
    pub(crate) hash: Hash,
    pub(crate) blobs: [Option<(Hash, &'a [u8])>; 2],
}

/// Verifies a log.
///
/// # Errors
/// [`SourceError`] when files cannot be read. Damage is no error but a finding in the report.
pub fn verify(source: &dyn LogSource, options: &Options<'_>) -> Result<Report, SourceError> {
    let (first, key, checkpoint) = check_checkpoint(source, options)?;
    let (mut history, earlier) = check_history(options, key.as_ref(), checkpoint.as_ref());
    let size = checkpoint.as_ref().map_or(0, |c| c.size);

    let mut pruned = pruned::Pruned::read(source, size)?;
    let earlier_size = earlier.as_ref().map(|c| c.size);
    let tree = std::mem::take(&mut pruned.tree);
    let mut stored = stored::Stored::new(source, checkpoint.as_ref(), earlier_size, tree);
    let mut leaves = Leaves::new(key.as_ref());
    let mut sessions = Sessions::from(pruned.to);
    let mut alive = Alive::new();
    let mut approvals = Approvals::from(pruned.to);
    let mut blobs = blobs::Blobs::new(options, checkpoint.as_ref().map(|c| c.origin.as_str()));
    let mut slots = slots::Slots::new(source.keys()?);
    let mut anchors = read_anchors(source, options, key.as_ref())?;
    let now = checkpoint.as_ref().map(|c| (c.size, c.root));
    anchors
        .begin(pruned.to, || Some(stored.root()), &|then, root| pruned::consistent(source, then, root, now));
    let (segments, whole) = read::each(source, size, pruned.to, &mut |item| {
        stored.push(item)?;
        let leaf = leaves.note(item, Leaf::parse(item.bytes));
        if let Some(leaf) = &leaf {
            pruned.push(leaf);
        }
        if item.index < size {
            anchors.push(item.index, leaf.as_ref(), || Some(stored.root()));
        }
        if let Some(leaf) = leaf {
            sessions.push(item, &leaf);
            alive.push(item.index, &leaf);
            approvals.push(item, &leaf);
            blobs.push(item, &leaf);
            slots.push(item.index, &leaf);
        }
        Ok(())
    })?;

    let count = leaves.count;
    if let Some(earlier) = &earlier
        && history.outcome == Outcome::Holds
        && whole
        && !(stored.earlier_root() == Some(earlier.root)
            || (earlier.size < pruned.to && pruned::consistent(source, earlier.size, &earlier.root, now)))
    {
        history.fault(Fault::Forked, Some(earlier.size), "the tree of that size has another root now");
    }
    let (tree, tiles) = stored.finish(whole && checkpoint.is_some())?;
    let (links, calls) = sessions.finish(leaves.last_start, leaves.stopped);
    let mut steps = vec![first, history, segments, tree, tiles, pruned.finish()];
    steps.extend([leaves.finish(), links, calls, alive.finish()]);
    steps.push(approvals.finish());
    steps.extend(anchors.finish(size));
    steps.extend(blobs.finish());
    slots.look_again(source.keys()?);
    steps.push(slots.finish());
    Ok(Report { subject: "log", origin: checkpoint.map(|c| c.origin), size, leaves: count, steps })
}

fn read_anchors<'a>(
    source: &dyn LogSource,
    options: &Options<'a>,
    key: Option<&Verifier>,
) -> Result<Anchors<'a>, SourceError> {
    let newest: Vec<Vec<u8>> = source.file("checkpoint")?.into_iter().collect();
    let mut read = |name: &str| source.file(&format!("anchors/{name}"));
    Anchors::read(options.trust, key, source.anchors()?, &mut read, &newest)
}

type FirstStep = (Step, Option<Verifier>, Option<Checkpoint>);

/// The checkpoint: a signed note, by the key of this origin.
fn check_checkpoint(source: &dyn LogSource, options: &Options<'_>) -> Result<FirstStep, SourceError> {
    let mut step = Step::new("checkpoint");
    let key = match options.key {
        Some(key) => Some(key.clone()),
        None => {
            step.note("the key is the log's own: compare it with one that you got another way");
            let file = source.file("vkey")?;
            file.and_then(|bytes| Verifier::parse(std::str::from_utf8(&bytes).ok()?).ok())
        }
    };
    if key.is_none() {
        step.fault(Fault::KeyUnusable, None, "no verifier key, or not the form of one");
    }
    let checkpoint = match (source.file("checkpoint")?, &key) {
        (None, _) => {
            step.fault(Fault::CheckpointMissing, None, "there is no file checkpoint");
            None
        }
        (Some(_), None) => None,
        (Some(bytes), Some(key)) => open_checkpoint(&mut step, &bytes, key),
    };
    if let Some(checkpoint) = &checkpoint {
        step.count("leaves covered", checkpoint.size);
    }
    Ok((step, key, checkpoint))
}

pub(crate) fn open_checkpoint(step: &mut Step, bytes: &[u8], key: &Verifier) -> Option<Checkpoint> {
    match Checkpoint::open(bytes, key) {
        Ok((checkpoint, note)) => {
            step.count("signature lines", note.signatures.len() as u64);
            Some(checkpoint)
        }
        Err(e) => {
            let fault = match e {
                CheckpointError::Note(NoteError::Unsigned | NoteError::Signature) => {
                    Fault::CheckpointSignature
                }
                CheckpointError::Origin => Fault::CheckpointOrigin,
                _ => Fault::CheckpointMalformed,
            };
            step.fault(fault, None, e.to_string());
            None
        }
    }
}

/// Against a checkpoint of an earlier time: the log may only have grown. Its root is compared when the leaves are read.
fn check_history(
    options: &Options<'_>,
    key: Option<&Verifier>,
    now: Option<&Checkpoint>,
) -> (Step, Option<Checkpoint>) {
    let mut step = Step::new("history");
    let (Some(bytes), Some(key)) = (options.last_checkpoint, key) else {
        step.skip("no earlier checkpoint to compare with");
        return (step, None);
    };
    let Some(earlier) = open_checkpoint(&mut step, bytes, key) else { return (step, None) };
    step.counts = vec![("leaves then", earlier.size)];
    match now {
        None => step.skip("no checkpoint now"),
        Some(now) if now.size < earlier.size => {
            let detail = format!("{} leaves now, {} then", now.size, earlier.size);
            step.fault(Fault::RolledBack, Some(now.size), detail);
        }
        Some(now) if now.size == earlier.size && now.root != earlier.root => {
            step.fault(Fault::TwoCheckpoints, Some(now.size), "two checkpoints of one size with two roots");
        }
        Some(_) => {}
    }
    (step, Some(earlier))
}

/// Leaves one by one: form, genesis, types.
pub(crate) struct Leaves<'a> {
    step: Step,
    key: Option<&'a Verifier>,
    pub(crate) count: u64,
    newest: u64,
    pub(crate) last_start: Option<u64>,
    pub(crate) stopped: bool,
}

impl<'a> Leaves<'a> {
    pub(crate) fn new(key: Option<&'a Verifier>) -> Self {
        let step = Step::new("leaves");
        Leaves { step, key, count: 0, newest: 0, last_start: None, stopped: false }
    }

    /// Takes note of one that was read, or could not be.
    pub(crate) fn note(&mut self, item: &Item<'_>, read: Result<Leaf, LeafError>) -> Option<Leaf> {
        self.count += 1;
        let leaf = match read {
            Ok(leaf) => leaf,
            Err(e) => {
                self.step.fault(Fault::LeafMalformed, Some(item.index), e.to_string());
                return None;
            }
        };
        self.genesis(item.index, &leaf);
        self.newest = self.newest.max(leaf.draft.t);
        self.stopped = leaf.draft.ty == LeafType::GwStop;
        if leaf.draft.ty == LeafType::GwStart {
            self.last_start = Some(item.index);
        }
        Some(leaf)
    }

    fn genesis(&mut self, index: u64, leaf: &Leaf) {
        let is = leaf.draft.ty == LeafType::CellGenesis;
        if is != (index == 0) {
            let detail = if is { "a second genesis" } else { "the first leaf is no genesis" };
            self.step.fault(Fault::GenesisMissing, Some(index), detail);
        }
        if !is {
            return;
        }
        let named = leaf.draft.ext.iter().find(|(k, _)| *k == "key").map(|(_, v)| v);
        let ours = self.key.map(|k| Ext::Text(k.to_text()));
        if self.key.is_some() && named != ours.as_ref() {
            self.step.fault(
                Fault::GenesisKey,
                Some(index),
                "the genesis names another key than the one used here",
            );
        }
    }

    pub(crate) fn finish(mut self) -> Step {
        self.step.count("well formed", self.count - self.step.found.min(self.count));
        if self.newest > 0 {
            self.step.note(format!("newest leaf is of {} (Unix seconds)", self.newest));
        }
        self.step
    }
}
