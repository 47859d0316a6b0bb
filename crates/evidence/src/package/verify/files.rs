//! Before any record is read: the manifest and its signature, every file against it, the checkpoints at both ends.

use std::io::BufRead as _;

use sha2::{Digest as _, Sha256};

use super::Options;
use crate::checkpoint::Checkpoint;
use crate::note::Verifier;
use crate::package::manifest::{EnvelopeError, Facts, Manifest, check};
use crate::package::{
    ANCHORS, CONSISTENCY, END, ENVELOPE, FRONTIER, Files, MANIFEST, START, VKEY, lines, unreadable, whole,
};
use crate::tree::{Frontier, Hash, empty_root, verify_consistency};
use crate::verify::{Anchors, Fault, Outcome, SourceError, Step, open_checkpoint};

/// The checkpoints of a package and the frontier between them.
pub(super) struct Ends {
    pub(super) frontier: Frontier,
    pub(super) root: Hash,
}

type Read = Option<(Manifest, Verifier)>;

/// The manifest, and the key that everything is checked with.
pub(super) fn manifest(files: &dyn Files, options: &Options<'_>) -> Result<(Step, Read), SourceError> {
    let mut step = Step::new("manifest");
    let key = match options.key {
        Some(key) => Some(key.clone()),
        None => {
            step.note("the key is the package's own: compare it with one that you got another way");
            let own = whole(files, VKEY)?;
            own.and_then(|bytes| Verifier::parse(std::str::from_utf8(&bytes).ok()?).ok())
        }
    };
    let (bytes, envelope) = (whole(files, MANIFEST)?, whole(files, ENVELOPE)?);
    let (Some(bytes), Some(envelope)) = (bytes, envelope) else {
        step.fault(Fault::ManifestMissing, None, format!("{MANIFEST} or {ENVELOPE} is not there"));
        return Ok((step, None));
    };
    let Some(key) = key else {
        step.fault(Fault::KeyUnusable, None, "no verifier key, or not the form of one");
        return Ok((step, None));
    };
    match check(&envelope, &bytes, &key) {
        Ok(()) => {}
        Err(EnvelopeError::Signature) => {
            step.fault(Fault::ManifestSignature, None, "the manifest is not signed by the key of the log");
        }
        Err(EnvelopeError::Malformed) => {
            let detail = "the envelope is not of this form, or not around this manifest";
            step.fault(Fault::ManifestMalformed, None, detail);
        }
    }
    let Some(manifest) = Manifest::parse(&bytes) else {
        step.fault(Fault::ManifestMalformed, None, "the statement is not of this form");
        return Ok((step, None));
    };
    let facts = &manifest.facts;
    if facts.key != key.to_text() || facts.origin != key.name() || facts.from >= facts.to {
        step.fault(Fault::ManifestWrong, None, "it names another key or log, or no range");
    }
    step.count("files listed", manifest.subjects.len() as u64);
    Ok((step, Some((manifest, key))))
}

/// Every file is the one that the manifest lists.
pub(super) fn all(files: &dyn Files, manifest: &Manifest) -> Result<Step, SourceError> {
    let mut step = Step::new("files");
    let mut names = files.names()?;
    names.sort();
    for name in &names {
        let listed = manifest.subjects.get(name);
        if listed.is_none() && name != MANIFEST && name != ENVELOPE {
            step.fault(Fault::FileUnlisted, None, name.clone());
            continue;
        }
        let Some((hash, crc, len)) = digest(files, name)? else { continue };
        if listed.is_some_and(|listed| *listed != hash) {
            step.fault(Fault::FileAltered, None, name.clone());
        } else if files.crc(name).is_some_and(|stated| stated != crc) {
            step.fault(Fault::ArchiveCrc, None, name.clone());
        }
        step.counts =
            vec![("files", step.counts.first().map_or(0, |c| c.1) + 1), ("bytes", bytes(&step) + len)];
    }
    for name in manifest.subjects.keys().filter(|n| names.binary_search(n).is_err()) {
        step.fault(Fault::FileMissing, None, name.clone());
    }
    Ok(step)
}

fn bytes(step: &Step) -> u64 {
    step.counts.get(1).map_or(0, |c| c.1)
}

/// SHA-256, CRC-32 and length of a file.
fn digest(files: &dyn Files, name: &str) -> Result<Option<(Hash, u32, u64)>, SourceError> {
    let Some(mut reader) = files.open(name)? else { return Ok(None) };
    let with_crc = files.crc(name).is_some();
    let (mut sha, mut crc, mut len) = (Sha256::new(), crc32fast::Hasher::new(), 0);
    loop {
        let part = reader.fill_buf().map_err(|e| unreadable(name, &e))?;
        let n = part.len();
        if n == 0 {
            return Ok(Some((sha.finalize().into(), crc.finalize(), len)));
        }
        sha.update(part);
        if with_crc {
            crc.update(part);
        }
        len += n as u64;
        reader.consume(n);
    }
}

/// The checkpoints, and that the one grew out of the other.
pub(super) fn checkpoints(
    files: &dyn Files,
    facts: &Facts,
    key: &Verifier,
) -> Result<(Step, Option<Ends>), SourceError> {
    let mut step = Step::new("checkpoints");
    let start = match whole(files, START)? {
        None if facts.from == 0 => Some(Checkpoint::new(&facts.origin, 0, empty_root())),
        start => signed(&mut step, start.as_deref(), START, key),
    };
    let end = signed(&mut step, whole(files, END)?.as_deref(), END, key);
    let (Some(start), Some(end)) = (start, end) else { return Ok((step, None)) };
    if (start.size, end.size) != (facts.from, facts.to) {
        let detail = format!("they are of {} and {} leaves, the range is another", start.size, end.size);
        step.fault(Fault::ManifestWrong, None, detail);
    }
    let frontier = whole(files, FRONTIER)?.and_then(|bytes| lines::read_frontier(&bytes));
    let Some(frontier) = frontier.filter(|f| f.size() == start.size && f.root() == start.root) else {
        let detail = format!("{FRONTIER} does not fold to the root of the first checkpoint");
        step.fault(Fault::FrontierWrong, Some(start.size), detail);
        return Ok((step, None));
    };
    let proof = whole(files, CONSISTENCY)?.and_then(|bytes| lines::read_consistency(&bytes));
    let holds = proof.is_some_and(|(old, new, proof)| {
        (old, new) == (start.size, end.size)
            && verify_consistency(old, &start.root, new, &end.root, &proof).is_ok()
    });
    if !holds {
        step.fault(Fault::ConsistencyWrong, Some(end.size), "the end did not grow out of the start");
    }
    step.counts.clear();
    step.count("leaves before", start.size);
    step.count("leaves at the end", end.size);
    Ok((step, Some(Ends { frontier, root: end.root })))
}

fn signed(step: &mut Step, bytes: Option<&[u8]>, name: &str, key: &Verifier) -> Option<Checkpoint> {
    match bytes {
        Some(bytes) => open_checkpoint(step, bytes, key),
        None => {
            step.fault(Fault::CheckpointMissing, None, format!("{name} is not there"));
            None
        }
    }
}

/// What others say of checkpoints in the range.
pub(super) fn anchors<'a>(
    files: &dyn Files,
    options: &Options<'a>,
    key: &Verifier,
) -> Result<Anchors<'a>, SourceError> {
    let names = files.names()?;
    let names = names.iter().filter_map(|name| name.strip_prefix(ANCHORS)).map(str::to_owned).collect();
    let ends = [whole(files, START)?, whole(files, END)?];
    let ends: Vec<Vec<u8>> = ends.into_iter().flatten().collect();
    let mut read = |name: &str| whole(files, &format!("{ANCHORS}{name}"));
    Anchors::read(options.trust, Some(key), names, &mut read, &ends)
}

/// Against a checkpoint that the auditor kept. Its root is compared on the way.
pub(super) fn history(
    options: &Options<'_>,
    facts: &Facts,
    key: &Verifier,
    ends: Option<&Ends>,
) -> (Step, Option<Checkpoint>) {
    let mut step = Step::new("history");
    let Some(bytes) = options.last_checkpoint else {
        step.skip("no earlier checkpoint to compare with");
        return (step, None);
    };
    let Some(earlier) = open_checkpoint(&mut step, bytes, key) else { return (step, None) };
    step.counts = vec![("leaves then", earlier.size)];
    if earlier.size > facts.to {
        let detail = format!("it ends at {} leaves, your checkpoint has {}", facts.to, earlier.size);
        step.fault(Fault::RolledBack, Some(facts.to), detail);
    } else if earlier.size < facts.from {
        let detail = format!(
            "it begins after {} leaves, your checkpoint has {}: ask for more",
            facts.from, earlier.size
        );
        step.fault(Fault::HistoryShort, Some(earlier.size), detail);
    } else if ends.is_none() && step.outcome == Outcome::Holds {
        step.skip("the checkpoints of the package cannot be used");
    }
    let usable = step.outcome == Outcome::Holds;
    (step, usable.then_some(earlier))
}
