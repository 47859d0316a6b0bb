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
    ends: Ends,
    key: [u8; LONGEST],
    known: T,
}

/// Both ends of a key and its length: all of a key of up to sixteen bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Ends {
    head: u64,
    tail: u64,
    len: u64,
}

impl Ends {
    fn of(key: &[u8]) -> Ends {
        let long = |part: Option<&[u8; 8]>| part.map(|b| u64::from_le_bytes(*b));
        let short = |part: Option<&[u8; 4]>| part.map(|b| u64::from(u32::from_le_bytes(*b)));
        let (head, tail) = if let (Some(head), Some(tail)) = (long(key.first_chunk()), long(key.last_chunk()))
        {
            (head, tail)
        } else if let (Some(head), Some(tail)) = (short(key.first_chunk()), short(key.last_chunk())) {
            (head, tail)
        } else {
            (key.iter().fold(0, |h, b| h << 8 | u64::from(*b)), 0)
        };
        Ends { head, tail, len: key.len() as u64 }
    }

    fn hash(self) -> usize {
        let h = (self.head ^ self.tail.rotate_left(29) ^ self.len).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (h >> 40) as usize % SLOTS
    }
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

/// Slots that are tried from the hash on.
const TRIES: usize = 4;

impl<T> KeyCache<T> {
    #[inline]
    pub(crate) fn get(&self, key: &[u8]) -> Option<&T> {
        let ends = Ends::of(key);
        let first = ends.hash();
        (0..TRIES).find_map(|i| {
            let n = self.index.get((first + i) % SLOTS).copied()?.checked_sub(1)?;
            let slot = self.slots.get(usize::from(n))?;
            let same = slot.ends == ends && (key.len() <= 16 || slot.key.get(..key.len()) == Some(key));
            same.then_some(&slot.known)
        })
    }

    pub(crate) fn put(&mut self, key: &[u8], known: T) {
        let mut bytes = [0; LONGEST];
        let Some(head) = bytes.get_mut(..key.len()) else { return };
        head.copy_from_slice(key);
        let ends = Ends::of(key);
        let slot = Slot { ends, key: bytes, known };
        self.index.resize(SLOTS, 0);
        let first = ends.hash();
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
