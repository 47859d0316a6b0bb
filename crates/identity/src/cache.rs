//! Tokens whose signature was verified before, by the hash of the token. A hit saves the signature and the
//! reading of claims; time, audience, key and revocation are checked again every time (`verify.rs`).

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::{TokenHash, Verified};

const SHARDS: usize = 16;

/// A bounded cache, safe to share between threads. It belongs to one set of rules (it keeps what they made of a
/// token) and is dropped with them at a reload. An issuer's key that is withdrawn needs no clearing: each entry holds
/// its key's fingerprint.
pub struct VerifiedCache {
    shards: [Mutex<Shard>; SHARDS],
    per_shard: usize,
}

impl std::fmt::Debug for VerifiedCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VerifiedCache").field("len", &self.len()).finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Shard {
    entries: HashMap<TokenHash, Entry, BuildHasherDefault<FirstBytes>>,
    /// Second-chance order: the oldest at the front.
    order: VecDeque<TokenHash>,
}

struct Entry {
    verified: Arc<Verified>,
    used: bool,
}

impl VerifiedCache {
    /// A cache of about this many tokens (a few hundred bytes to a few kilobytes each).
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        VerifiedCache { shards: Default::default(), per_shard: capacity.div_ceil(SHARDS).max(1) }
    }

    /// How many tokens it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shards.iter().map(|s| lock(s).entries.len()).sum()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets everything.
    pub fn clear(&self) {
        for shard in &self.shards {
            *lock(shard) = Shard::default();
        }
    }

    pub(crate) fn get(&self, hash: &TokenHash) -> Option<Arc<Verified>> {
        let mut shard = lock(self.shard(hash)?);
        let entry = shard.entries.get_mut(hash)?;
        entry.used = true;
        Some(entry.verified.clone())
    }

    pub(crate) fn put(&self, verified: Arc<Verified>, now: i64) {
        let hash = verified.token_hash;
        let Some(shard) = self.shard(&hash) else { return };
        let mut shard = lock(shard);
        if shard.entries.contains_key(&hash) {
            return;
        }
        while shard.entries.len() >= self.per_shard && shard.evict(now) {}
        shard.order.push_back(hash);
        shard.entries.insert(hash, Entry { verified, used: false });
    }

    fn shard(&self, hash: &TokenHash) -> Option<&Mutex<Shard>> {
        // The last byte, because the map uses the first ones.
        self.shards.get(usize::from(hash.0.last().copied().unwrap_or_default()) % SHARDS)
    }
}

impl Shard {
    /// Drops one entry: the oldest that was not used since it was last looked at, or has expired.
    fn evict(&mut self, now: i64) -> bool {
        while let Some(hash) = self.order.pop_front() {
            let Some(entry) = self.entries.get_mut(&hash) else { continue };
            let alive = entry.verified.expires.is_none_or(|exp| exp > now);
            if entry.used && alive {
                entry.used = false;
                self.order.push_back(hash);
                continue;
            }
            self.entries.remove(&hash);
            return true;
        }
        false
    }
}

/// A panic elsewhere cannot leave a shard half changed in a way that matters: each entry is whole.
fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The keys are hashes already.
#[derive(Default)]
struct FirstBytes(u64);

impl Hasher for FirstBytes {
    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk() {
            self.0 = u64::from_le_bytes(*first);
        }
    }

    // `[u8; 32]` writes its length first.
    fn write_usize(&mut self, _: usize) {}

    fn finish(&self) -> u64 {
        self.0
    }
}
