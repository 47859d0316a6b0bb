//! Sealed slots: every blob is the one that its leaf names; with keys at hand, disclosures match their digests.

use super::report::{Fault, Step};
use super::{Item, Options};
use crate::leaf::Leaf;

/// Gives the key of an id, where there still is one.
#[cfg(feature = "seal")]
pub type KeyLookup<'a> = dyn Fn(&[u8; 16]) -> Option<crate::seal::DataKey> + 'a;

pub(super) struct Blobs<'a> {
    step: Step,
    blobs: u64,
    #[cfg(feature = "seal")]
    opened: Opened<'a>,
    #[cfg(not(feature = "seal"))]
    nothing: std::marker::PhantomData<&'a ()>,
}

impl<'a> Blobs<'a> {
    #[cfg(feature = "seal")]
    pub(super) fn new(options: &Options<'a>, origin: Option<&str>) -> Self {
        Blobs { step: Step::new("blobs"), blobs: 0, opened: Opened::new(options, origin) }
    }

    #[cfg(not(feature = "seal"))]
    pub(super) fn new(_: &Options<'a>, _: Option<&str>) -> Self {
        Blobs { step: Step::new("blobs"), blobs: 0, nothing: std::marker::PhantomData }
    }

    pub(super) fn push(&mut self, item: &Item<'_>, leaf: &Leaf) {
        let stated = &leaf.draft.bl;
        if stated.len() > item.blobs.len() {
            self.step.fault(Fault::BlobMissing, Some(item.index), "the leaf names more than two");
        }
        for (i, slot) in item.blobs.iter().enumerate() {
            match (stated.get(i), slot) {
                (None, None) => {}
                (Some(_), None) => self.step.fault(Fault::BlobMissing, Some(item.index), format!("blob {i}")),
                (None, Some(_)) => {
                    self.step.fault(Fault::BlobUnreferenced, Some(item.index), format!("blob {i}"))
                }
                (Some(stated), Some((hash, _))) if stated.h != *hash => {
                    let detail = format!("blob {i} has another hash than the leaf states");
                    self.step.fault(Fault::BlobAltered, Some(item.index), detail);
                }
                (Some(_stated), Some((_, _bytes))) => {
                    self.blobs += 1;
                    #[cfg(feature = "seal")]
                    self.opened.push(item.index, leaf, &_stated.k, _bytes);
                }
            }
        }
    }

    pub(super) fn finish(mut self) -> Vec<Step> {
        self.step.count("whole", self.blobs);
        #[cfg(feature = "seal")]
        return vec![self.step, self.opened.finish()];
        #[cfg(not(feature = "seal"))]
        {
            let _ = self.nothing;
            let mut disclosures = Step::new("disclosures");
            disclosures.skip("no keys at hand");
            vec![self.step, disclosures]
        }
    }
}

#[cfg(feature = "seal")]
struct Opened<'a> {
    step: Step,
    keys: Option<&'a KeyLookup<'a>>,
    origin: String,
    slots: u64,
    disclosures: u64,
    without_key: u64,
}

#[cfg(feature = "seal")]
impl<'a> Opened<'a> {
    fn new(options: &Options<'a>, origin: Option<&str>) -> Self {
        let origin = origin.unwrap_or_default().to_owned();
        let step = Step::new("disclosures");
        Opened { step, keys: options.keys, origin, slots: 0, disclosures: 0, without_key: 0 }
    }

    fn push(&mut self, index: u64, leaf: &Leaf, reference: &str, bytes: &[u8]) {
        use crate::seal::{KeyRef, SealError, Slot};
        let Some(keys) = self.keys else { return };
        let Ok(key_ref) = KeyRef::parse(reference) else {
            self.step.fault(Fault::DisclosureUnreadable, Some(index), "not the form of a key reference");
            return;
        };
        let opened =
            key_ref.open(&self.origin, bytes.to_vec(), &mut |id: &[u8; 16]| Ok::<_, SealError>(keys(id)));
        let clear = match opened {
            Ok(Some(clear)) => clear,
            Ok(None) => {
                self.without_key += 1;
                return;
            }
            Err(_) => {
                self.step.fault(
                    Fault::DisclosureUnreadable,
                    Some(index),
                    "the slot does not open with its key",
                );
                return;
            }
        };
        self.slots += 1;
        if key_ref.kind == Slot::Disclosures {
            self.digests(index, leaf, &clear);
        }
    }

    fn digests(&mut self, index: u64, leaf: &Leaf, clear: &[u8]) {
        let Some(encoded) = crate::disclosure::split(clear) else {
            self.step.fault(Fault::DisclosureUnreadable, Some(index), "the slot is no list of disclosures");
            return;
        };
        for (i, one) in encoded.iter().enumerate() {
            self.disclosures += 1;
            if leaf.draft.sd.binary_search(&crate::disclosure::digest(one)).is_err() {
                self.step.fault(Fault::DisclosureUnreferenced, Some(index), format!("disclosure {i}"));
            }
        }
    }

    fn finish(mut self) -> Step {
        if self.keys.is_none() {
            self.step.skip("no keys at hand");
            return self.step;
        }
        self.step.count("slots opened", self.slots);
        self.step.count("disclosures matched", self.disclosures - self.step.found.min(self.disclosures));
        self.step.count("slots without key", self.without_key);
        self.step
    }
}
