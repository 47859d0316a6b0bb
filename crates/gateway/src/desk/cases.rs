//! Erasures, holds and restrictions as the leaves of the log have them: what is open, and what stands in the way.

use std::collections::BTreeMap;

use carnet_evidence::LeafType;
use carnet_store::{ActRow, Index, Query, StoreError};

/// One of them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Case {
    /// Log index of the leaf that opened it: its number for people.
    pub id: u64,
    /// Its type: `erasure.request`, `hold.set` or `restrict.set`.
    pub ty: LeafType,
    /// When, Unix seconds.
    pub t: u64,
    /// Why, in a word.
    pub why: String,
    /// The keys that it concerns; none for everything.
    pub keys: Vec<[u8; 16]>,
    /// When its keys were destroyed.
    pub destroyed: Option<u64>,
    /// Released or done.
    pub closed: bool,
}

/// All of them, by number.
#[derive(Clone, Default, Debug)]
pub struct Cases(pub BTreeMap<u64, Case>);

impl Cases {
    /// From the acts of a log, in their order.
    #[must_use]
    pub fn of(acts: &[ActRow]) -> Cases {
        let mut all = BTreeMap::new();
        for act in acts {
            match act.ty {
                LeafType::ErasureRequest | LeafType::HoldSet | LeafType::RestrictSet => {
                    let why = act.why.clone().unwrap_or_default();
                    let (id, ty, t, keys) = (act.index, act.ty, act.t, act.keys.clone());
                    all.insert(id, Case { id, ty, t, why, keys, destroyed: None, closed: false });
                }
                LeafType::KeyDestroy => {
                    if let Some(case) = act.of.and_then(|of| all.get_mut(&of)) {
                        case.destroyed = Some(act.t);
                    }
                }
                LeafType::ErasureDone | LeafType::HoldRelease | LeafType::RestrictRelease => {
                    if let Some(case) = act.of.and_then(|of| all.get_mut(&of)) {
                        case.closed = true;
                    }
                }
                _ => {}
            }
        }
        Cases(all)
    }

    /// Open ones of a type.
    pub fn open(&self, ty: LeafType) -> impl Iterator<Item = &Case> {
        self.0.values().filter(move |case| case.ty == ty && !case.closed)
    }

    /// The open case of a number and type.
    #[must_use]
    pub fn get(&self, id: u64, ty: LeafType) -> Option<&Case> {
        self.0.get(&id).filter(|case| case.ty == ty && !case.closed)
    }

    /// Whether keys may not be shown (Art. 18).
    #[must_use]
    pub fn restricted(&self, keys: &[[u8; 16]]) -> bool {
        self.open(LeafType::RestrictSet).any(|case| case.keys.iter().any(|k| keys.contains(k)))
    }

    /// The hold that keeps these keys from being destroyed: one over everything, over one of them, or over a session in
    /// which one of them was used.
    ///
    /// # Errors
    /// As the index.
    pub fn held(&self, keys: &[[u8; 16]], index: &Index) -> Result<Option<u64>, StoreError> {
        for case in self.open(LeafType::HoldSet) {
            if case.keys.is_empty() || case.keys.iter().any(|k| keys.contains(k)) {
                return Ok(Some(case.id));
            }
            for held in &case.keys {
                for key in keys {
                    if index.together(held, key)? {
                        return Ok(Some(case.id));
                    }
                }
            }
        }
        Ok(None)
    }

    /// The log index that a pruning must not pass, if a hold stands in its way.
    ///
    /// # Errors
    /// As the index.
    pub fn keep_from(&self, index: &Index) -> Result<Option<u64>, StoreError> {
        let mut first = None;
        for case in self.open(LeafType::HoldSet) {
            if case.keys.is_empty() {
                return Ok(Some(0));
            }
            for key in &case.keys {
                let query = Query { key: Some(*key), limit: Some(1), ..Query::default() };
                let used = index.find(&query)?.next();
                let session = index.session_of(key)?.map(|row| row.first);
                first = [first, used, session].into_iter().flatten().min();
            }
        }
        Ok(first)
    }
}
