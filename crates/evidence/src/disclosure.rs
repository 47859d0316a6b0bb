//! Disclosures after RFC 9901: each is `[salt, name, value]`, base64url-encoded; its SHA-256 stands in the leaf.
//!
//! The encoded disclosures of one leaf travel together as a JSON array of strings, which is then sealed. Digests are
//! sorted and padded with decoys to a multiple of [`PAD`], so that their number and order say nothing.

use sha2::{Digest as _, Sha256};

use crate::text::push_b64url;

/// Digests of a leaf come in multiples of this.
pub const PAD: usize = 4;

/// Salt of one disclosure, bytes.
pub const SALT: usize = 32;

/// How much entropy is asked for at a time: for sixteen salts.
const POOL: usize = 16 * SALT;

/// Collects the disclosures of one leaf.
pub struct Disclosures<'e> {
    entropy: &'e mut dyn FnMut(&mut [u8]),
    pool: [u8; POOL],
    used: usize,
    scratch: Vec<u8>,
    encoded: Vec<u8>,
    digests: Vec<[u8; 32]>,
}

/// What [`Disclosures::finish`] gives.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Disclosed {
    /// JSON array of the encoded disclosures: clear text of the slot `d`. Personal data: seal it.
    pub encoded: Vec<u8>,
    /// Digests with decoys, sorted: `_sd` of the leaf.
    pub digests: Vec<[u8; 32]>,
}

impl std::fmt::Debug for Disclosed {
    /// Numbers, never content.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Disclosed({} bytes, {} digests)", self.encoded.len(), self.digests.len())
    }
}

impl<'e> Disclosures<'e> {
    /// An empty set. `entropy` fills a buffer with random bytes; it is asked for 512 at a time.
    pub fn new(entropy: &'e mut dyn FnMut(&mut [u8])) -> Self {
        Disclosures {
            entropy,
            pool: [0; POOL],
            used: POOL,
            scratch: Vec::with_capacity(256),
            encoded: Vec::with_capacity(3072),
            digests: Vec::with_capacity(16),
        }
    }

    /// Adds one. `name` is from [`crate::field`], `value` is well-formed JSON and stays byte for byte.
    pub fn add(&mut self, name: &str, value: &[u8]) {
        self.open(name);
        self.scratch.extend_from_slice(value);
        self.close();
    }

    /// Adds one whose value is a text.
    pub fn add_str(&mut self, name: &str, value: &str) {
        self.open(name);
        self.scratch.push(b'"');
        carnet_json::escape_into(&mut self.scratch, value);
        self.scratch.push(b'"');
        self.close();
    }

    /// Adds one whose value is a number.
    pub fn add_u64(&mut self, name: &str, value: u64) {
        self.open(name);
        crate::text::push_u64(&mut self.scratch, value);
        self.close();
    }

    /// Adds one whose value is base64url of bytes (a MAC, a fingerprint).
    pub fn add_bytes(&mut self, name: &str, value: &[u8]) {
        self.open(name);
        self.scratch.push(b'"');
        push_b64url(&mut self.scratch, value);
        self.scratch.push(b'"');
        self.close();
    }

    /// Closes the set: says how many there are, so that none can be left out unseen, and adds decoys. A set without
    /// disclosures gives none of these.
    #[must_use]
    pub fn finish(mut self) -> Disclosed {
        if self.digests.is_empty() {
            return Disclosed::default();
        }
        self.add_u64(crate::field::COUNT, self.digests.len() as u64 + 1);
        self.encoded.push(b']');
        while !self.digests.len().is_multiple_of(PAD) {
            let number = self.salt();
            self.digests.push(Sha256::digest(number).into());
        }
        self.digests.sort_unstable();
        Disclosed { encoded: self.encoded, digests: self.digests }
    }

    fn open(&mut self, name: &str) {
        let salt = self.salt();
        self.scratch.clear();
        self.scratch.extend_from_slice(b"[\"");
        push_b64url(&mut self.scratch, &salt);
        self.scratch.extend_from_slice(b"\",\"");
        carnet_json::escape_into(&mut self.scratch, name);
        self.scratch.extend_from_slice(b"\",");
    }

    fn close(&mut self) {
        self.scratch.push(b']');
        self.encoded.extend_from_slice(if self.digests.is_empty() { b"[\"" } else { b",\"" });
        let start = self.encoded.len();
        push_b64url(&mut self.encoded, &self.scratch);
        // RFC 9901, section 4.2.3: the digest is over the base64url text, not over what it encodes.
        self.digests.push(digest(self.encoded.get(start..).unwrap_or_default()));
        self.encoded.push(b'"');
    }

    fn salt(&mut self) -> [u8; SALT] {
        if self.used + SALT > POOL {
            (self.entropy)(&mut self.pool);
            self.used = 0;
        }
        let salt =
            self.pool.get(self.used..).and_then(|p| p.first_chunk::<SALT>()).copied().unwrap_or_default();
        self.used += SALT;
        salt
    }
}

/// Digest of one encoded disclosure.
#[must_use]
pub fn digest(encoded: &[u8]) -> [u8; 32] {
    Sha256::digest(encoded).into()
}

/// The encoded disclosures of a slot, from its clear text. `None` if it is no JSON array of plain strings.
#[must_use]
pub fn split(clear: &[u8]) -> Option<Vec<Vec<u8>>> {
    let limits = carnet_json::Limits { bytes: usize::MAX, depth: 1 };
    let tape = carnet_json::Tape::parse(clear, &limits).ok()?;
    let root = tape.root(clear);
    if root.kind() != carnet_json::Kind::Array {
        return None;
    }
    root.items().map(|item| Some(item.as_str()?.into_owned().into_bytes())).collect()
}

/// One disclosure, taken apart.
#[derive(Clone, PartialEq, Eq)]
pub struct Disclosure {
    /// Its name.
    pub name: String,
    /// Its value: JSON, byte for byte.
    pub value: Vec<u8>,
}

impl std::fmt::Debug for Disclosure {
    /// The name, never the value.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Disclosure({}, {} bytes)", self.name, self.value.len())
    }
}

/// Reads one encoded disclosure. `None` if it is not `[salt, name, value]`.
#[must_use]
pub fn decode(encoded: &[u8]) -> Option<Disclosure> {
    let bytes = crate::text::from_b64url_vec(encoded)?;
    let tape = carnet_json::Tape::parse(&bytes, &carnet_json::Limits::default()).ok()?;
    let root = tape.root(&bytes);
    let mut items = root.items();
    let (_salt, name, value) = (items.next()?.as_str()?, items.next()?, items.next()?);
    if items.next().is_some() {
        return None;
    }
    Some(Disclosure { name: name.as_str()?.into_owned(), value: value.raw().to_vec() })
}
