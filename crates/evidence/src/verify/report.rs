//! What a verification says: steps with results and counts, and a name for every kind of damage.
//!
//! The names are part of the format: scripts of auditors match them. Details are numbers, places and names of files,
//! never content of a record.

use std::fmt::Write as _;

macro_rules! faults {
    ($($(#[$doc:meta])* $variant:ident $name:literal;)*) => {
        /// A kind of damage, by a name that stays.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Fault { $($(#[$doc])* $variant,)* }

        impl Fault {
            /// Every kind.
            pub const ALL: &'static [Fault] = &[$(Fault::$variant,)*];

            /// The stable name.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Fault::$variant => $name,)* }
            }
        }
    };
}

faults! {
    /// There is no verifier key, or it is no key.
    KeyUnusable "key-unusable";
    /// There is no checkpoint.
    CheckpointMissing "checkpoint-missing";
    /// The checkpoint is no signed note or no checkpoint.
    CheckpointMalformed "checkpoint-malformed";
    /// The checkpoint is not signed by the key, or its signature does not verify.
    CheckpointSignature "checkpoint-signature";
    /// The checkpoint is of another log than the key.
    CheckpointOrigin "checkpoint-origin";
    /// The log is smaller than at an earlier checkpoint.
    RolledBack "rolled-back";
    /// There is no log, and there was one.
    Vanished "vanished";
    /// The log has another history than at an earlier checkpoint.
    Forked "forked";
    /// Two signed checkpoints of one size have two roots.
    TwoCheckpoints "two-checkpoints";
    /// Fewer witnesses signed than the auditor asks for.
    QuorumMissing "quorum-missing";
    /// Cosignatures are by nobody whom the auditor knows.
    WitnessUnknown "witness-unknown";
    /// A line of a known witness does not verify.
    CosignatureBad "cosignature-bad";
    /// A time stamp is not of its form, of something else, or not signed.
    StampBad "time-stamp-bad";
    /// A time stamp is by nobody whom the auditor trusts.
    StampUnknown "time-stamp-unknown-authority";
    /// A record names a time stamp that is not there.
    AnchorMissing "anchor-missing";
    /// A leaf states a time before others had seen what precedes it.
    BackDated "back-dated";
    /// A leaf states a time after others had seen it.
    TimeAhead "time-ahead";
    /// A segment in the middle is not there.
    SegmentMissing "segment-missing";
    /// A segment is damaged.
    SegmentCorrupt "segment-corrupt";
    /// A segment ends in half an entry that the checkpoint covers.
    SegmentTorn "segment-torn";
    /// A beginning was pruned, and no record says so.
    PruneUnrecorded "prune-unrecorded";
    /// Fewer leaves than the checkpoint covers.
    Truncated "truncated";
    /// A leaf is not the one that was logged.
    LeafAltered "leaf-altered";
    /// The root computed from the leaves is not the checkpoint's.
    RootMismatch "root-mismatch";
    /// A tile is not there.
    TileMissing "tile-missing";
    /// A tile does not agree with the leaves.
    TileAltered "tile-altered";
    /// An entry bundle is not there.
    BundleMissing "bundle-missing";
    /// An entry bundle does not agree with the leaves.
    BundleAltered "bundle-altered";
    /// Something in the log is no leaf of `carnet/1`.
    LeafMalformed "leaf-malformed";
    /// The log does not begin with its genesis, or has a second one.
    GenesisMissing "genesis-missing";
    /// The genesis names another key.
    GenesisKey "genesis-key";
    /// Counters of a session are not 0, 1, 2, ...
    SessionCounterGap "session-counter-gap";
    /// A leaf does not link to the one before it in its session.
    SessionLinkBroken "session-link-broken";
    /// A session states another count than there is.
    SessionCountWrong "session-count-wrong";
    /// An outcome or orphan answers no open decision of its session.
    OutcomeWithoutDecision "outcome-without-decision";
    /// A decision whose session or run has ended was never answered.
    DecisionWithoutOutcome "decision-without-outcome";
    /// The gateway was silent for longer than it promised and no `gap` explains it.
    HeartbeatGap "heartbeat-gap";
    /// A blob is not the one that was recorded.
    BlobAltered "blob-altered";
    /// A blob that a leaf names is not there.
    BlobMissing "blob-missing";
    /// A blob that no leaf names.
    BlobUnreferenced "blob-unreferenced";
    /// A disclosure slot does not open with its key.
    DisclosureUnreadable "disclosure-unreadable";
    /// A disclosure whose digest is not in the leaf.
    DisclosureUnreferenced "disclosure-unreferenced";
    /// A package's archive is no zip of its form.
    ArchiveMalformed "archive-malformed";
    /// A header in the archive is not what the directory says.
    ArchiveHeaders "archive-headers-differ";
    /// Bytes that belong to no file, or files that lie over each other.
    ArchiveGap "archive-gap";
    /// A name that could lead out of a folder.
    ArchiveName "archive-unsafe-name";
    /// A name that is there twice.
    ArchiveTwice "archive-name-twice";
    /// A file that is compressed or encrypted.
    ArchiveCompressed "archive-compressed";
    /// A file with another CRC than stated.
    ArchiveCrc "archive-crc";
    /// The package has no manifest.
    ManifestMissing "manifest-missing";
    /// The manifest or its envelope is not of its form.
    ManifestMalformed "manifest-malformed";
    /// The manifest is not signed by the key.
    ManifestSignature "manifest-signature";
    /// The manifest states another log, key or range than the package is of.
    ManifestWrong "manifest-wrong";
    /// A file that the manifest does not list.
    FileUnlisted "file-unlisted";
    /// A file that the manifest lists and that is not there.
    FileMissing "file-missing";
    /// A file that is not the listed one.
    FileAltered "file-altered";
    /// The frontier does not fold to the first checkpoint's root.
    FrontierWrong "frontier-wrong";
    /// The consistency proof does not lead from the first checkpoint to the last.
    ConsistencyWrong "consistency-wrong";
    /// The package begins after the checkpoint that the auditor kept.
    HistoryShort "history-short";
    /// A leaf of the range is not there.
    LeafOmitted "leaf-omitted";
    /// A leaf stands after a later one.
    LeafReordered "leaf-reordered";
    /// A leaf where there is no place for one.
    LeafInserted "leaf-inserted";
    /// A leaf is much older than one before it.
    TimeBackwards "time-backwards";
    /// A line of disclosures is not of its form.
    DisclosureMalformed "disclosure-malformed";
    /// A slot is disclosed, and not all of its disclosures are there.
    DisclosureMissing "disclosure-missing";
    /// A line of frames is not of its form.
    FrameMalformed "frame-malformed";
    /// A frame is not the one recorded.
    FrameAltered "frame-altered";
    /// A frame whose hash nothing discloses.
    FrameUnreferenced "frame-unreferenced";
    /// A slot that is neither disclosed nor said to be withheld.
    SlotUnaccounted "slot-unaccounted";
    /// A line about what is withheld is not of its form, or of what is there.
    WithheldMalformed "withheld-malformed";
    /// A line about what is withheld is about no slot.
    WithheldUnreferenced "withheld-unreferenced";
    /// A slot is said to be erased, and no `key.destroy` says so.
    ErasedWithoutDestroy "erased-without-key-destroy";
    /// A slot cannot be read, and nothing explains it.
    KeyMissing "key-missing";
    /// The manifest states other numbers than there are.
    CountWrong "count-wrong";
    /// The state that a leaf names is not in the package.
    StateMissing "state-missing";
    /// The state that a leaf names has another hash.
    StateAltered "state-altered";
    /// The state that a leaf names cannot be used.
    StateUnusable "state-unusable";
    /// The policies decide otherwise than recorded.
    DecisionDiffers "decision-differs";
    /// A value can be read that no policy showed.
    ValueUnmasked "value-unmasked";
    /// A vote, a use or an end of an approval that nobody asked for.
    ApprovalWithoutRequest "approval-without-request";
    /// An approval that was used had too few votes.
    ApprovalWithoutQuorum "approval-without-quorum";
    /// An approval was used a second time.
    ApprovalUsedTwice "approval-used-twice";
    /// Something was done about a request that had ended.
    ApprovalAfterEnd "approval-after-end";
    /// An approval was used after its time.
    ApprovalExpired "approval-expired";
    /// What was approved is not what was asked, or not what ran.
    ApprovalDigest "approval-digest";
    /// Who asked, or stands behind the agent, has approved.
    ApprovalOwn "approval-own-call";
    /// One person has approved twice.
    ApprovalSamePerson "approval-same-person";
    /// What is disclosed of an approval is not of its form.
    ApprovalMalformed "approval-malformed";
    /// A vote's signature does not verify.
    ApprovalSignature "approval-signature";
    /// What is disclosed of a call's front is not of its form.
    FrontMalformed "front-malformed";
    /// One assertion of a front stands in two sessions.
    AssertionUsedTwice "assertion-used-twice";
    /// A report is not what the records give.
    ReportDiffers "report-differs";
    /// A report that the records give is not there.
    ReportMissing "report-missing";
    /// A report that nothing gives.
    ReportUnlisted "report-unlisted";
}

/// Findings that are listed per step; further ones are counted.
pub const LISTED: usize = 20;

/// One damage.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// Its kind.
    pub fault: Fault,
    /// Log index, where there is one.
    pub at: Option<u64>,
    /// In words.
    pub detail: String,
}

/// How a step ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It holds.
    Holds,
    /// It does not.
    Fails,
    /// It could not be done or was not asked for.
    Skipped,
}

impl Outcome {
    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Holds => "holds",
            Outcome::Fails => "fails",
            Outcome::Skipped => "skipped",
        }
    }
}

/// One step of a verification.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    /// Its name.
    pub name: &'static str,
    /// How it ended.
    pub outcome: Outcome,
    /// What was counted.
    pub counts: Vec<(&'static str, u64)>,
    /// Damage, at most [`LISTED`].
    pub findings: Vec<Finding>,
    /// Number of findings in all.
    pub found: u64,
    /// What is no damage and worth knowing.
    pub notes: Vec<String>,
}

impl Step {
    pub(crate) fn new(name: &'static str) -> Self {
        Step { name, outcome: Outcome::Holds, counts: vec![], findings: vec![], found: 0, notes: vec![] }
    }

    pub(crate) fn fault(&mut self, fault: Fault, at: Option<u64>, detail: impl Into<String>) {
        self.outcome = Outcome::Fails;
        self.found += 1;
        if self.findings.len() < LISTED {
            self.findings.push(Finding { fault, at, detail: detail.into() });
        }
    }

    pub(crate) fn skip(&mut self, why: &str) {
        if self.outcome == Outcome::Holds {
            self.outcome = Outcome::Skipped;
            self.notes.push(why.to_owned());
        }
    }

    pub(crate) fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    pub(crate) fn count(&mut self, what: &'static str, n: u64) {
        self.counts.push((what, n));
    }
}

/// The whole of a verification.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    /// What was verified: `log` or `package`.
    pub subject: &'static str,
    /// Origin of the log, where it is known.
    pub origin: Option<String>,
    /// Leaves that the checkpoint covers.
    pub size: u64,
    /// Leaves that were read.
    pub leaves: u64,
    /// The steps, in order.
    pub steps: Vec<Step>,
}

impl Report {
    /// Whether nothing failed.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.steps.iter().all(|s| s.outcome != Outcome::Fails)
    }

    /// The kinds of damage found, each once.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        let mut all: Vec<Fault> =
            self.steps.iter().flat_map(|s| s.findings.iter().map(|f| f.fault)).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// For people: a line per step, with findings and notes below it.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut out = String::new();
        let origin = self.origin.as_deref().unwrap_or("unknown");
        let _ = writeln!(
            out,
            "{} {origin}: {} leaves, {} under the checkpoint",
            self.subject, self.leaves, self.size
        );
        for step in &self.steps {
            let counts: Vec<String> = step.counts.iter().map(|(what, n)| format!("{n} {what}")).collect();
            let line = format!("  {:<12} {:<8} {}", step.name, step.outcome.as_str(), counts.join(", "));
            let _ = writeln!(out, "{}", line.trim_end());
            for finding in &step.findings {
                let at = finding.at.map_or(String::new(), |at| format!(" at {at}"));
                let _ = writeln!(out, "      {}{at}: {}", finding.fault.as_str(), finding.detail);
            }
            let more = step.found.saturating_sub(step.findings.len() as u64);
            if more > 0 {
                let _ = writeln!(out, "      and {more} more");
            }
            for note in &step.notes {
                let _ = writeln!(out, "      note: {note}");
            }
        }
        let _ = if self.holds() {
            writeln!(out, "the {} holds", self.subject)
        } else {
            writeln!(out, "THE {} DOES NOT HOLD", self.subject.to_ascii_uppercase())
        };
        out
    }

    /// For programs: one JSON object.
    #[must_use]
    pub fn to_json(&self) -> String {
        let steps: Vec<String> = self.steps.iter().map(step_json).collect();
        let origin = self.origin.as_deref().map_or_else(|| "null".to_owned(), carnet_json::quote);
        format!(
            "{{\"format\":\"carnet-verify/1\",\"subject\":\"{}\",\"holds\":{},\"origin\":{origin},\"size\":{},\"leaves\":{},\"steps\":[{}]}}",
            self.subject,
            self.holds(),
            self.size,
            self.leaves,
            steps.join(",")
        )
    }
}

fn step_json(step: &Step) -> String {
    use carnet_json::quote;
    let counts: Vec<String> = step.counts.iter().map(|(what, n)| format!("{}:{n}", quote(what))).collect();
    let finding = |f: &Finding| {
        let at = f.at.map_or_else(|| "null".to_owned(), |at| at.to_string());
        format!("{{\"fault\":\"{}\",\"at\":{at},\"detail\":{}}}", f.fault.as_str(), quote(&f.detail))
    };
    let findings: Vec<String> = step.findings.iter().map(finding).collect();
    let notes: Vec<String> = step.notes.iter().map(|n| quote(n)).collect();
    format!(
        "{{\"step\":\"{}\",\"outcome\":\"{}\",\"counts\":{{{}}},\"found\":{},\"findings\":[{}],\"notes\":[{}]}}",
        step.name,
        step.outcome.as_str(),
        counts.join(","),
        step.found,
        findings.join(","),
        notes.join(",")
    )
}
