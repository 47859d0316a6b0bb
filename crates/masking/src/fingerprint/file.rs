//! Making a set, and its file: a line of text, then the sorted hashes as differences (LEB128).

use std::collections::HashMap;

use sha2::{Digest, Sha256};

use super::set::Fingerprints;
use super::tokens::Identifiers;
use super::winnow::winnow;
use super::{GRAM, WINDOW};

const MAGIC: &str = "carnet-fingerprints 1";

/// What is in more files than this, and in more than one in [`COMMON_SHARE`] of them, is a licence or a header.
const COMMON_FILES: u32 = 3;
const COMMON_SHARE: u32 = 20;

/// Why a file of fingerprints cannot be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FingerprintMistake {
    /// It is something else, or cut off.
    #[error("this is not a file of fingerprints")]
    Format,
    /// It was made with another key.
    #[error("the fingerprints were made with another key")]
    Key,
}

/// Fingerprints of files on their way into a set.
#[derive(Default)]
pub struct Gathered {
    names: Identifiers,
    key: (u64, u64),
    /// In how many files each stands, and the last of them.
    counts: HashMap<u64, (u32, u32)>,
    files: u32,
}

impl std::fmt::Debug for Gathered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gathered").field("files", &self.files).finish_non_exhaustive()
    }
}

impl Gathered {
    /// An empty set under a key of any length.
    #[must_use]
    pub fn new(secret: &[u8], names: Identifiers) -> Self {
        Gathered { names, key: derive(secret), ..Gathered::default() }
    }

    /// Adds the text of one file.
    pub fn add(&mut self, text: &str) {
        self.files += 1;
        let (file, key) = (self.files, self.key);
        winnow(text, self.names, |kept| {
            let (count, last) = self.counts.entry(kept.fingerprint(key)).or_default();
            if *last != file {
                (*count, *last) = (*count + 1, file);
            }
        });
    }

    /// Takes out what a text that everybody may see has in common with the set. Call it after all `add`.
    pub fn remove(&mut self, text: &str) {
        let key = self.key;
        winnow(text, self.names, |kept| {
            self.counts.remove(&kept.fingerprint(key));
        });
    }

    /// Files so far.
    #[must_use]
    pub fn files(&self) -> u32 {
        self.files
    }

    /// The file's bytes and how many fingerprints it holds. What stands in many files is left out.
    #[must_use]
    pub fn write(&self) -> (Vec<u8>, usize) {
        let most = COMMON_FILES.max(self.files / COMMON_SHARE);
        let mut hashes: Vec<u64> =
            self.counts.iter().filter(|(_, (count, _))| *count <= most).map(|(h, _)| *h).collect();
        hashes.sort_unstable();
        let names = if self.names == Identifiers::Ignored { "ignored" } else { "kept" };
        let check = check(self.key);
        let head = format!(
            "{MAGIC} gram {GRAM} window {WINDOW} names {names} key {check:016x} hashes {}\n",
            hashes.len()
        );
        let mut out = head.into_bytes();
        let mut last = 0;
        for h in &hashes {
            leb128(h - last, &mut out);
            last = *h;
        }
        (out, hashes.len())
    }
}

impl Fingerprints {
    /// Reads a file. `name` says in records what it was made from; `threshold` is in hundredths.
    ///
    /// # Errors
    /// If it is no such file, or was made with another key.
    pub fn read(
        bytes: &[u8],
        secret: &[u8],
        name: &str,
        threshold: u32,
    ) -> Result<Fingerprints, FingerprintMistake> {
        let end = memchr::memchr(b'\n', bytes.get(..bytes.len().min(256)).unwrap_or_default());
        let (head, body) = end.and_then(|n| bytes.split_at_checked(n)).ok_or(FingerprintMistake::Format)?;
        let head = std::str::from_utf8(head).map_err(|_| FingerprintMistake::Format)?;
        let words: Vec<&str> =
            head.strip_prefix(MAGIC).ok_or(FingerprintMistake::Format)?.split_whitespace().collect();
        let word = |name: &str| {
            let at = words.iter().position(|w| *w == name)?;
            words.get(at + 1).copied()
        };
        let same = |name: &str, n: usize| word(name) == Some(n.to_string().as_str());
        if !same("gram", GRAM) || !same("window", WINDOW) {
            return Err(FingerprintMistake::Format);
        }
        let key = derive(secret);
        if word("key") != Some(format!("{:016x}", check(key)).as_str()) {
            return Err(FingerprintMistake::Key);
        }
        let names = if word("names") == Some("ignored") { Identifiers::Ignored } else { Identifiers::Kept };
        let count = word("hashes").and_then(|n| n.parse().ok()).ok_or(FingerprintMistake::Format)?;
        let hashes = hashes(body.get(1..).unwrap_or_default(), count).ok_or(FingerprintMistake::Format)?;
        Ok(Fingerprints::new(name, names, key, threshold, hashes))
    }
}

/// All hashes, ascending and as many as the head says; `None` if they are not.
fn hashes(mut body: &[u8], count: usize) -> Option<Vec<u64>> {
    let mut out = Vec::with_capacity(count.min(body.len()));
    let mut last = 0u64;
    while !body.is_empty() {
        let (difference, used) = unleb128(body)?;
        last = last.checked_add(difference)?;
        if difference == 0 && !out.is_empty() {
            return None;
        }
        out.push(last);
        body = body.get(used..)?;
    }
    (out.len() == count).then_some(out)
}

fn derive(secret: &[u8]) -> (u64, u64) {
    let digest = Sha256::new().chain_update(b"carnet fingerprint key\0").chain_update(secret).finalize();
    let word = |n: usize| digest.iter().skip(n * 8).take(8).fold(0u64, |w, b| w << 8 | u64::from(*b));
    (word(0), word(1))
}

/// Tells keys apart and says nothing about them.
fn check(key: (u64, u64)) -> u64 {
    super::sip::hash(key, [u64::MAX].into_iter())
}

fn leb128(mut n: u64, out: &mut Vec<u8>) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

fn unleb128(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut n = 0u64;
    for (i, b) in bytes.iter().take(10).enumerate() {
        n |= u64::from(b & 0x7f).checked_shl(7 * i as u32)?;
        if b & 0x80 == 0 {
            return Some((n, i + 1));
        }
    }
    None
}
