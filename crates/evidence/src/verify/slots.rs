//! What of a log on disk can still be read: a slot is erased when a `key.destroy` names one of its keys; where the key store
//! lies beside the log, one that is neither there nor named so is missing, which is a fault.

use std::collections::{HashMap, HashSet};

use super::report::{Fault, Step};
use crate::leaf::{Leaf, LeafType};
use crate::text::from_b64url;

/// The ids of keys in a key store.
#[derive(Clone, Default, Debug)]
pub struct KeyIds {
    /// Of keys that are there.
    pub there: HashSet<[u8; 16]>,
    /// Of keys that were destroyed.
    pub destroyed: HashSet<[u8; 16]>,
}

impl KeyIds {
    /// Reads the slots of `keys/data`: a kind and an id, 96 bytes each. Nothing that is wrapped is opened.
    #[must_use]
    pub fn read(data: &[u8]) -> KeyIds {
        let mut out = KeyIds::default();
        for slot in data.as_chunks::<96>().0 {
            let id = slot.get(1..17).and_then(|id| <[u8; 16]>::try_from(id).ok()).unwrap_or_default();
            match slot.first() {
                None | Some(0) => {}
                Some(b'x') => drop(out.destroyed.insert(id)),
                Some(_) => drop(out.there.insert(id)),
            }
        }
        out
    }
}

/// Slots under the same keys.
struct Under {
    first: u64,
    count: u64,
}

pub(super) struct Slots {
    keys: Option<KeyIds>,
    under: HashMap<Vec<[u8; 16]>, Under>,
    destroyed: HashSet<[u8; 16]>,
}

impl Slots {
    pub(super) fn new(keys: Option<KeyIds>) -> Self {
        Slots { keys, under: HashMap::new(), destroyed: HashSet::new() }
    }

    pub(super) fn push(&mut self, index: u64, leaf: &Leaf) {
        let draft = &leaf.draft;
        if draft.ty == LeafType::KeyDestroy {
            self.destroyed.extend(draft.kr.iter().filter_map(|k| from_b64url::<16>(k)));
        }
        for reference in &draft.bl {
            let ids = reference.k.split('/').next().unwrap_or_default().split('.');
            let ids: Vec<[u8; 16]> = ids.filter_map(from_b64url::<16>).collect();
            self.under.entry(ids).or_insert(Under { first: index, count: 0 }).count += 1;
        }
    }

    /// The keys as they are after the leaves were read: where the log grows meanwhile, a key is there before the leaf that
    /// needs it, and may be gone when that leaf has been read.
    pub(super) fn look_again(&mut self, keys: Option<KeyIds>) {
        match (&mut self.keys, keys) {
            (Some(before), Some(now)) => before.there.extend(now.there),
            (before, now) => *before = now,
        }
    }

    pub(super) fn finish(self) -> Step {
        let mut step = Step::new("slots");
        let (mut erased, mut readable, mut unsure) = (0, 0, 0);
        for (ids, under) in &self.under {
            if ids.iter().any(|id| self.destroyed.contains(id)) {
                erased += under.count;
                continue;
            }
            let Some(keys) = &self.keys else {
                unsure += under.count;
                continue;
            };
            if ids.iter().all(|id| keys.there.contains(id)) {
                readable += under.count;
            } else {
                let detail =
                    format!("{} slots have a key that is not there, and no record says why", under.count);
                step.fault(Fault::KeyMissing, Some(under.first), detail);
            }
        }
        step.count("erased", erased);
        match &self.keys {
            Some(keys) => {
                step.count("with their keys", readable);
                let left = self.destroyed.iter().filter(|id| keys.there.contains(*id)).count();
                if left > 0 {
                    step.note(format!(
                        "{left} keys that the log says are destroyed are there: the next start destroys them"
                    ));
                }
            }
            None => {
                step.count("others", unsure);
                step.note(
                    "there is no key store beside the log: what is missing cannot be told from what is there",
                );
            }
        }
        step
    }
}
