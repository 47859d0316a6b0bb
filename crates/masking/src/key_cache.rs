//! What is known about keys that are names of fields. The same few keys come again in every row of a result, and in the next
//! result.

use crate::keys::{Said, Tells};

/// Longer keys are looked at each time.
const LONGEST: usize = 30;
const SLOTS: usize = 512;

/// What a key that holds nothing sensitive says.
#[derive(Clone, Copy)]
pub(crate) struct Known {
    pub(crate) said: Said,
    /// Looks like the name of a field.
    pub(crate) field: bool,
    /// Whether its value tells what a sibling's is.
    pub(crate) tells: Tells,
}

struct Slot<T> {
    key: [u8; LONGEST],
    len: u8,
    known: T,
}

/// A few slots per hash; when all are taken, the first is given away.
pub(crate) struct KeyCache<T = Known> {
    slots: Vec<Slot<T>>,
    /// Slot number plus one for each hash.
    index: Vec<u16>,
}

impl<T> Default for KeyCache<T> {
    fn default() -> Self {
        KeyCache { slots: Vec::new(), index: Vec::new() }
    }
}

fn hash(key: &[u8]) -> usize {
    // Both ends and the length: they overlap in keys up to sixteen bytes, longer ones may share a slot.
    let h = match (key.first_chunk::<8>(), key.last_chunk::<8>()) {
        (Some(head), Some(tail)) => u64::from_le_bytes(*head) ^ u64::from_le_bytes(*tail).rotate_left(29),
        _ => key.iter().fold(0u64, |h, b| h << 8 | u64::from(*b)),
    };
    let h = (h ^ key.len() as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (h >> 40) as usize % SLOTS
}

/// Slots that are tried from the hash on.
const TRIES: usize = 4;

impl<T> KeyCache<T> {
    pub(crate) fn get(&self, key: &[u8]) -> Option<&T> {
        let first = hash(key);
        (0..TRIES).find_map(|i| {
            let n = self.index.get((first + i) % SLOTS).copied()?.checked_sub(1)?;
            let slot = self.slots.get(usize::from(n))?;
            (slot.key.get(..usize::from(slot.len)) == Some(key)).then_some(&slot.known)
        })
    }

    pub(crate) fn put(&mut self, key: &[u8], known: T) {
        let mut bytes = [0; LONGEST];
        let Some(head) = bytes.get_mut(..key.len()) else { return };
        head.copy_from_slice(key);
        let slot = Slot { key: bytes, len: key.len() as u8, known };
        self.index.resize(SLOTS, 0);
        let first = hash(key);
        let free = (0..TRIES).map(|i| (first + i) % SLOTS).find(|i| self.index.get(*i) == Some(&0));
        let Some(n) = self.index.get_mut(free.unwrap_or(first)) else { return };
        match n.checked_sub(1).and_then(|n| self.slots.get_mut(usize::from(n))) {
            Some(old) => *old = slot,
            None => {
                self.slots.push(slot);
                *n = self.slots.len() as u16;
            }
        }
    }
}
