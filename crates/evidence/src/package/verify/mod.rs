//! The auditor's check of a package: every step, in one pass over the records, in bounded memory.
//!
//! What stays in memory: sessions not closed, decisions not answered, slots said to be erased whose `key.destroy` has not
//! come yet, and what the producers keep.

mod files;
mod fronts;
mod order;
mod produced;
mod records;

use super::Files;
use super::walk::{Record, Walk};
use crate::note::Verifier;
use crate::tree::Hash;
use crate::verify::{Alive, Approvals, Fault, Item, Leaves, Report, Sessions, SourceError, Step, Trust};

/// What to verify against.
#[derive(Clone, Copy, Default, Debug)]
pub struct Options<'a> {
    /// Key of the log. Without it the package's own is taken, which shows damage and not forgery.
    pub key: Option<&'a Verifier>,
    /// A checkpoint that was kept from an earlier time.
    pub last_checkpoint: Option<&'a [u8]>,
    /// Witnesses, time stamp authorities, and checkpoints seen before.
    pub trust: Trust<'a>,
}

/// A kind of state that records name by hash.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum StateKind {
    /// The policy set, `p`.
    Policies,
    /// The configuration with the rules of masking, `c`.
    Configuration,
    /// Version and build of the gateway, `b`.
    Build,
    /// The table of jurisdictions, `j`.
    Jurisdictions,
}

impl StateKind {
    /// All of them.
    pub const ALL: [StateKind; 4] =
        [StateKind::Policies, StateKind::Configuration, StateKind::Build, StateKind::Jurisdictions];

    /// Name of the file of this state in a package.
    #[must_use]
    pub fn file(self, hash: &Hash) -> String {
        let hex: String = hash.iter().map(|b| format!("{b:02x}")).collect();
        match self {
            StateKind::Policies => format!("state/policies/{hex}.json"),
            StateKind::Configuration => format!("state/configuration/{hex}.json"),
            StateKind::Build => format!("state/build/{hex}.json"),
            StateKind::Jurisdictions => format!("state/jurisdictions/{hex}.txt"),
        }
    }

    /// The hash of this kind that a leaf names.
    #[must_use]
    pub fn of(self, epochs: &crate::leaf::Epochs) -> Hash {
        match self {
            StateKind::Policies => epochs.policy,
            StateKind::Configuration => epochs.configuration,
            StateKind::Build => epochs.build,
            StateKind::Jurisdictions => epochs.jurisdiction,
        }
    }
}

/// What deciding again gave.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Again {
    /// The same decision by the same policies.
    Same,
    /// Another one; names of policies and decisions, no content.
    Differs(String),
    /// It was no decision of policies, or what it depended on is not in the package.
    Cannot(&'static str),
}

/// Decides again and looks for values that should have been masked. Needs the policy engine and the detector, which this
/// crate does not know; a verifier without them skips the two steps.
pub trait Judge {
    /// A state that records after this name by its hash.
    ///
    /// # Errors
    /// Why it cannot be used.
    fn state(&mut self, kind: StateKind, hash: &Hash, bytes: &[u8]) -> Result<(), String>;
    /// Decides a `call.decision` again.
    fn decide(&mut self, record: &Record<'_>) -> Again;
    /// Classes of values that can be read in what is disclosed and that the record does not say were shown. `None`:
    /// there is nothing to look at.
    fn shown(&mut self, record: &Record<'_>) -> Option<Vec<String>>;
    /// What is wrong with a record of an approval, or of a call that ran by one, as far as it is disclosed.
    fn approval(&mut self, record: &Record<'_>) -> Vec<(Fault, String)>;
    /// What of approvals was checked, and what could not be, in sentences. Asked once, at the end.
    fn remarks(&mut self) -> Vec<String> {
        Vec::new()
    }
}

/// The report on an archive that cannot be read as a package.
#[must_use]
pub fn damaged(fault: Fault, detail: &str) -> Report {
    let mut step = Step::new("archive");
    step.fault(fault, None, detail);
    Report { subject: "package", origin: None, size: 0, leaves: 0, steps: vec![step] }
}

/// Verifies a package.
///
/// # Errors
/// [`SourceError`] when files cannot be read. Damage is no error but a finding in the report.
pub fn verify(
    files: &dyn Files,
    options: &Options<'_>,
    judge: Option<&mut dyn Judge>,
) -> Result<Report, SourceError> {
    let mut steps = Vec::new();
    let (step, read) = files::manifest(files, options)?;
    steps.push(step);
    let Some((manifest, key)) = read else {
        return Ok(Report { subject: "package", origin: None, size: 0, leaves: 0, steps });
    };
    let facts = &manifest.facts;
    steps.push(files::all(files, &manifest)?);
    let (step, ends) = files::checkpoints(files, facts, &key)?;
    steps.push(step);
    let (history, earlier) = files::history(options, facts, &key, ends.as_ref());

    let mut anchors = files::anchors(files, options, &key)?;
    let mut order = order::Order::new(facts, ends, earlier, history);
    // A package has no proof from before its beginning: the one before it has.
    anchors.begin(facts.from, || order.root(), &|_, _| true);
    let mut leaves = Leaves::new(Some(&key));
    let mut sessions = Sessions::from(facts.from);
    let mut alive = Alive::new();
    let mut approvals = Approvals::from(facts.from);
    let mut fronts = fronts::Fronts::default();
    let mut records = records::Records::new(files, judge);
    let mut produced = produced::Produced::new(facts);
    let mut walk = Walk::new(files)?;
    while let Some(seen) = walk.next_record()? {
        records.found(&mut walk.found);
        order.push(&seen);
        let item = Item { index: seen.index, bytes: &seen.bytes, hash: seen.hash, blobs: [None, None] };
        let leaf = leaves.note(&item, seen.leaf.clone());
        anchors.push(seen.index, leaf.as_ref(), || order.root());
        let Some(leaf) = leaf else { continue };
        sessions.push(&item, &leaf);
        alive.push(seen.index, &leaf);
        approvals.push(&item, &leaf);
        let disclosed = seen.disclosed();
        let record = seen.record(&leaf, &disclosed);
        records.push(&seen, &record)?;
        for (fault, detail) in records.approval(&record) {
            approvals.found(fault, seen.index, detail);
        }
        fronts.push(&record);
        produced.push(&record);
    }
    records.found(&mut walk.found);
    records.remarks().into_iter().for_each(|remark| approvals.note(remark));
    let count = leaves.count;
    let (last_start, stopped) = (leaves.last_start, leaves.stopped);
    steps.extend(order.finish());
    steps.push(leaves.finish());
    let (links, calls) = sessions.finish(last_start, stopped);
    steps.extend([links, calls, alive.finish()]);
    steps.extend(records.finish(facts));
    steps.push(produced.finish(files, &manifest));
    steps.extend(anchors.finish(facts.to));
    steps.push(approvals.finish());
    steps.extend(fronts.finish());
    Ok(Report {
        subject: "package",
        origin: Some(facts.origin.clone()),
        size: facts.to,
        leaves: count,
        steps,
    })
}

/// Whether the signature or a hash of a file does not hold: the first two steps alone.
#[cfg(test)]
pub(crate) fn files_differ(files: &dyn Files, options: &Options<'_>) -> bool {
    use crate::verify::Outcome::Fails;
    let Ok((step, read)) = files::manifest(files, options) else { return true };
    let Some((manifest, _)) = read else { return true };
    step.outcome == Fails || files::all(files, &manifest).is_ok_and(|step| step.outcome == Fails)
}
