//! Each record: what is disclosed belongs to its leaf and is all there is, what is kept back is accounted for, the state it
//! names is there, and it can be decided again.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest as _, Sha256};

use super::{Again, Judge, StateKind};
use crate::disclosure::{Disclosure, digest};
use crate::field;
use crate::leaf::LeafType;
use crate::package::lines::Why;
use crate::package::manifest::Facts;
use crate::package::walk::{Found, Record, Seen};
use crate::package::{Files, whole};
use crate::tree::Hash;
use crate::verify::{Fault, SourceError, Step};

/// Different states that one package may name.
const STATES: usize = 100_000;

pub(super) struct Records<'a, 'j> {
    files: &'a dyn Files,
    judge: Option<&'a mut (dyn Judge + 'j)>,
    disclosures: Step,
    frames: Step,
    slots: Step,
    state: Step,
    policies: Step,
    shown: Step,
    states: BTreeSet<(StateKind, Hash)>,
    /// Keys that a `key.destroy` names.
    destroyed: BTreeSet<String>,
    /// Slots said to be erased, whose `key.destroy` has not come yet.
    erased: BTreeMap<u64, Vec<String>>,
    counts: BTreeMap<&'static str, u64>,
    same: u64,
    cannot: BTreeMap<&'static str, u64>,
    looked_at: u64,
}

impl<'a, 'j> Records<'a, 'j> {
    pub(super) fn new(files: &'a dyn Files, judge: Option<&'a mut (dyn Judge + 'j)>) -> Self {
        Records {
            files,
            judge,
            disclosures: Step::new("disclosures"),
            frames: Step::new("frames"),
            slots: Step::new("slots"),
            state: Step::new("state"),
            policies: Step::new("policies"),
            shown: Step::new("masking"),
            states: BTreeSet::new(),
            destroyed: BTreeSet::new(),
            erased: BTreeMap::new(),
            counts: ["disclosed", "erased", "frames", "leaves", "withheld"].map(|n| (n, 0)).into(),
            same: 0,
            cannot: BTreeMap::new(),
            looked_at: 0,
        }
    }

    /// What the streams themselves show.
    pub(super) fn found(&mut self, found: &mut Vec<Found>) {
        for (fault, at, detail) in found.drain(..) {
            let step = match fault {
                Fault::FrameMalformed | Fault::FrameUnreferenced => &mut self.frames,
                Fault::WithheldMalformed | Fault::WithheldUnreferenced => &mut self.slots,
                _ => &mut self.disclosures,
            };
            step.fault(fault, at, detail);
        }
    }

    fn add(&mut self, what: &'static str, n: u64) {
        *self.counts.entry(what).or_default() += n;
    }

    pub(super) fn push(&mut self, seen: &Seen, record: &Record<'_>) -> Result<(), SourceError> {
        self.add("leaves", 1);
        self.state(record)?;
        self.disclosed(seen, record);
        self.frame(seen, record);
        self.slots(record);
        if record.leaf.draft.ty == LeafType::KeyDestroy {
            self.destroyed.extend(record.leaf.draft.kr.iter().cloned());
            let destroyed = &self.destroyed;
            self.erased.retain(|_, keys| !keys.iter().any(|k| is_destroyed(destroyed, k)));
        }
        self.judge(record);
        Ok(())
    }

    /// Every hash in `ep` leads to a file with that hash.
    fn state(&mut self, record: &Record<'_>) -> Result<(), SourceError> {
        for kind in StateKind::ALL {
            let hash = kind.of(&record.leaf.draft.ep);
            if self.states.len() > STATES || !self.states.insert((kind, hash)) {
                continue;
            }
            let name = kind.file(&hash);
            let Some(bytes) = whole(self.files, &name)? else {
                self.state.fault(Fault::StateMissing, Some(record.index), name);
                continue;
            };
            if <[u8; 32]>::from(Sha256::digest(&bytes)) != hash {
                self.state.fault(Fault::StateAltered, Some(record.index), name);
                continue;
            }
            if let Some(judge) = &mut self.judge
                && let Err(why) = judge.state(kind, &hash, &bytes)
            {
                self.policies.fault(Fault::StateUnusable, Some(record.index), format!("{name}: {why}"));
            }
        }
        Ok(())
    }

    fn disclosed(&mut self, seen: &Seen, record: &Record<'_>) {
        let Some(encoded) = &seen.encoded else { return };
        self.add("disclosed", 1);
        let at = Some(record.index);
        for (i, one) in encoded.iter().enumerate() {
            if record.leaf.draft.sd.binary_search(&digest(one)).is_err() {
                self.disclosures.fault(Fault::DisclosureUnreferenced, at, format!("disclosure {i}"));
            }
        }
        if record.disclosed.len() != encoded.len() {
            self.disclosures.fault(Fault::DisclosureMalformed, at, "not `[salt, name, value]`");
        }
        let mut names: Vec<&str> = record.disclosed.iter().map(|d| d.name.as_str()).collect();
        names.extend(record.withheld.names.iter().map(String::as_str));
        names.sort_unstable();
        if names.windows(2).any(|pair| matches!(pair, [a, b] if a == b)) {
            self.disclosures.fault(Fault::DisclosureMalformed, at, "one name twice");
        }
        match stated(record.disclosed) {
            Some(stated) if stated == names.len() as u64 => {}
            Some(stated) => {
                let detail = format!("{stated} are stated, {} are there or named as withheld", names.len());
                self.disclosures.fault(Fault::DisclosureMissing, at, detail);
            }
            None => self.disclosures.fault(Fault::DisclosureMissing, at, "their number is not disclosed"),
        }
    }

    fn frame(&mut self, seen: &Seen, record: &Record<'_>) {
        let Some(frame) = &seen.frame else { return };
        self.add("frames", 1);
        let hash: Hash = Sha256::digest(frame).into();
        let at = Some(record.index);
        match record.text(field::FRAME) {
            None => {
                self.frames.fault(Fault::FrameUnreferenced, at, "no hash of it is disclosed");
            }
            Some(stated) if stated != crate::text::b64url(&hash) => {
                self.frames.fault(Fault::FrameAltered, at, "its hash is not the disclosed one");
            }
            Some(_) => {}
        }
    }

    /// Each slot that the leaf names is here, or kept back for a reason.
    fn slots(&mut self, record: &Record<'_>) {
        let withheld = record.withheld;
        let at = Some(record.index);
        let (mut has_d, mut has_f) = (false, false);
        for blob in &record.leaf.draft.bl {
            let is_frame = blob.k.ends_with("/f");
            let (here, why) = if is_frame {
                has_f = true;
                (record.frame.is_some(), withheld.f)
            } else {
                has_d = true;
                (!record.disclosed.is_empty(), withheld.d)
            };
            match (here, why) {
                (true, None) => {}
                (true, Some(_)) => {
                    self.slots.fault(Fault::WithheldMalformed, at, "it is disclosed and said to be withheld");
                }
                (false, None) => self.slots.fault(Fault::SlotUnaccounted, at, blob.k.clone()),
                (false, Some(Why::KeyMissing)) => {
                    self.slots.fault(Fault::KeyMissing, at, "it is unreadable and no key.destroy says why");
                }
                (false, Some(Why::Erased)) => {
                    self.add("erased", 1);
                    if !is_destroyed(&self.destroyed, &blob.k) {
                        self.erased.entry(record.index).or_default().push(blob.k.clone());
                    }
                }
                (false, Some(_)) => self.add("withheld", 1),
            }
        }
        if (withheld.d.is_some() && !has_d) || (withheld.f.is_some() && !has_f) {
            self.slots.fault(Fault::WithheldUnreferenced, at, "the leaf has no such slot");
        }
    }

    fn judge(&mut self, record: &Record<'_>) {
        let Some(judge) = &mut self.judge else { return };
        if record.leaf.draft.ty == LeafType::CallDecision && !record.disclosed.is_empty() {
            match judge.decide(record) {
                Again::Same => self.same += 1,
                Again::Differs(detail) => {
                    self.policies.fault(Fault::DecisionDiffers, Some(record.index), detail);
                }
                Again::Cannot(why) => *self.cannot.entry(why).or_default() += 1,
            }
        }
        if let Some(classes) = judge.shown(record) {
            self.looked_at += 1;
            if !classes.is_empty() {
                let detail = format!("{} can be read, and no policy showed it", classes.join(", "));
                self.shown.fault(Fault::ValueUnmasked, Some(record.index), detail);
            }
        }
    }

    /// What the judge finds in a record of an approval.
    pub(super) fn approval(&mut self, record: &Record<'_>) -> Vec<(Fault, String)> {
        let disclosed = !record.disclosed.is_empty();
        self.judge.as_mut().filter(|_| disclosed).map_or_else(Vec::new, |judge| judge.approval(record))
    }

    /// What the judge says of approvals at the end.
    pub(super) fn remarks(&mut self) -> Vec<String> {
        self.judge.as_mut().map_or_else(Vec::new, |judge| judge.remarks())
    }

    pub(super) fn finish(mut self, facts: &Facts) -> Vec<Step> {
        for at in std::mem::take(&mut self.erased).into_keys() {
            let detail = "it is said to be erased, and no key.destroy names its key";
            self.slots.fault(Fault::ErasedWithoutDestroy, Some(at), detail);
        }
        for (name, n) in &self.counts {
            if facts.counts.get(*name) != Some(n) {
                let detail = format!("{n} {name}, the manifest states another number");
                self.slots.fault(Fault::CountWrong, None, detail);
            }
        }
        let of = |name: &str| self.counts.get(name).copied().unwrap_or(0);
        self.disclosures.count("slots disclosed", of("disclosed"));
        self.frames.count("frames", of("frames"));
        self.slots.count("withheld", of("withheld"));
        self.slots.count("erased", of("erased"));
        self.state.count("states", self.states.len() as u64);
        if self.judge.is_some() {
            self.policies.count("decided again", self.same);
            for (why, n) in &self.cannot {
                self.policies.note(format!("{n} not decided again: {why}"));
            }
            self.shown.count("looked at", self.looked_at);
        } else {
            self.policies.skip("this program was built without the policy engine");
            self.shown.skip("this program was built without the detector");
        }
        vec![self.disclosures, self.frames, self.slots, self.state, self.policies, self.shown]
    }
}

/// How many disclosures the slot says that it has.
fn stated(disclosed: &[Disclosure]) -> Option<u64> {
    let one = disclosed.iter().find(|d| d.name == field::COUNT)?;
    std::str::from_utf8(&one.value).ok()?.parse().ok()
}

/// Whether one of the keys in a key reference was destroyed. The last two parts are the slot, not keys.
fn is_destroyed(destroyed: &BTreeSet<String>, reference: &str) -> bool {
    let keys = reference.rsplitn(3, '/').nth(2).unwrap_or(reference);
    keys.split(['/', '.', '+', ',']).any(|key| destroyed.contains(key))
}
