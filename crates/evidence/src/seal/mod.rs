//! Encryption at rest: keys of sessions, actors and data subjects under the key of the cell, two slots per leaf, and the
//! keyed MAC.
//!
//! A slot holds the disclosures (`d`) or the frames (`f`) of one leaf, and is sealed with all keys that apply to it
//! ([`DataKey`]), so that destroying any one makes it unreadable: [`SlotKey::of`] takes the session's, the actor's and
//! then those of data subjects in the order of their ids. HKDF-SHA256 (RFC 5869): no salt, input the keys one after
//! the other, info `"carnet/1 slot" || slot id || kind`, 32 bytes out. Each key is used for one AES-256-GCM message, so
//! the nonce is zero. Additional data: `"carnet/1 slot" || 0 || origin || 0 || slot id || kind`. The blob is ciphertext
//! and tag; its SHA-256 stands in the leaf, and so do the ids of its keys.

mod mac;
mod vault;
mod wrap;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use hkdf::Hkdf;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::leaf::BlobRef;
use crate::text::{b64url, from_b64url};

pub use mac::MacKey;
pub use vault::VaultKey;
pub use wrap::{CellKey, KeyKind, NewKey, WRAPPED, WrappedKey};

const SLOT_LABEL: &[u8] = b"carnet/1 slot";

/// Most keys that apply to one slot: session, actor and 32 data subjects.
pub const MOST_KEYS: usize = 34;

/// Why something cannot be sealed or opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SealError {
    /// The cipher refused; with a well-formed key it does so only beyond 64 GiB.
    #[error("cannot encrypt")]
    Encrypt,
    /// Wrong key, wrong place or altered ciphertext.
    #[error("cannot decrypt: wrong key or altered ciphertext")]
    Decrypt,
    /// Not the form of a wrapped key or key reference.
    #[error("not a wrapped key or key reference")]
    Malformed,
}

/// Which slot of a leaf.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Slot {
    /// Disclosures, `d`.
    Disclosures,
    /// Masked frames, `f`.
    Frames,
}

impl Slot {
    /// The letter in a key reference.
    #[must_use]
    pub fn letter(self) -> char {
        match self {
            Slot::Disclosures => 'd',
            Slot::Frames => 'f',
        }
    }
}

fn aes(key: &[u8]) -> Result<LessSafeKey, SealError> {
    UnboundKey::new(&AES_256_GCM, key).map(LessSafeKey::new).map_err(|_| SealError::Encrypt)
}

/// The key of a session, an actor or a data subject.
#[derive(Clone)]
pub struct DataKey {
    id: [u8; 16],
    key: Zeroizing<[u8; 32]>,
}

impl std::fmt::Debug for DataKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DataKey({})", b64url(&self.id))
    }
}

impl DataKey {
    /// From its random id and 32 random bytes.
    #[must_use]
    pub fn new(id: [u8; 16], key: &[u8; 32]) -> Self {
        DataKey { id, key: Zeroizing::new(*key) }
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> [u8; 16] {
        self.id
    }
}

/// A slot after encryption.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Blob {
    /// What stands in the leaf.
    pub reference: BlobRef,
    /// Ciphertext and tag.
    pub bytes: Vec<u8>,
}

/// All keys that apply to a slot, ready for use. The same keys serve many slots.
#[derive(Clone)]
pub struct SlotKey {
    /// Ids in their order, as they stand in key references.
    ids: String,
    /// HKDF after its extract step.
    hkdf: Hkdf<Sha256>,
}

impl std::fmt::Debug for SlotKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SlotKey({})", self.ids)
    }
}

impl SlotKey {
    /// From the keys that apply: the session's, the actor's, those of data subjects in the order of their ids.
    #[must_use]
    pub fn of(keys: &[&DataKey]) -> Self {
        let mut input = Zeroizing::new(Vec::with_capacity(32 * keys.len()));
        let mut ids = String::with_capacity(23 * keys.len());
        for key in keys {
            input.extend_from_slice(&*key.key);
            if !ids.is_empty() {
                ids.push('.');
            }
            ids.push_str(&b64url(&key.id));
        }
        SlotKey { ids, hkdf: Hkdf::new(None, &input) }
    }

    /// Seals one slot. `slot` is random and, for one kind, never used before with these keys. The buffer is encrypted
    /// in place.
    ///
    /// # Errors
    /// [`SealError::Encrypt`].
    pub fn seal(
        &self,
        origin: &str,
        slot: [u8; 16],
        kind: Slot,
        mut data: Vec<u8>,
    ) -> Result<Blob, SealError> {
        self.key(&slot, kind)?
            .seal_in_place_append_tag(nonce(), Aad::from(aad(origin, &slot, kind)), &mut data)
            .map_err(|_| SealError::Encrypt)?;
        let k = format!("{}/{}/{}", self.ids, b64url(&slot), kind.letter());
        Ok(Blob { reference: BlobRef { h: Sha256::digest(&data).into(), k }, bytes: data })
    }

    /// Opens one slot, in place.
    ///
    /// # Errors
    /// [`SealError::Decrypt`].
    pub fn open(
        &self,
        origin: &str,
        slot: [u8; 16],
        kind: Slot,
        mut data: Vec<u8>,
    ) -> Result<Vec<u8>, SealError> {
        let clear = self
            .key(&slot, kind)?
            .open_in_place(nonce(), Aad::from(aad(origin, &slot, kind)), &mut data)
            .map_err(|_| SealError::Decrypt)?
            .len();
        data.truncate(clear);
        Ok(data)
    }

    fn key(&self, slot: &[u8; 16], kind: Slot) -> Result<LessSafeKey, SealError> {
        let mut key = Zeroizing::new([0u8; 32]);
        self.hkdf
            .expand_multi_info(&[SLOT_LABEL, slot, &[kind.letter() as u8]], &mut *key)
            .map_err(|_| SealError::Encrypt)?;
        aes(&*key)
    }
}

/// Each key seals one message.
fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}

fn aad(origin: &str, slot: &[u8; 16], kind: Slot) -> Vec<u8> {
    [SLOT_LABEL, &[0], origin.as_bytes(), &[0], slot, &[kind.letter() as u8]].concat()
}

/// The id of a key as it stands in `kr` of a leaf.
#[must_use]
pub fn key_text(id: &[u8; 16]) -> String {
    b64url(id)
}

/// Reads the id of a key from `kr` of a leaf.
#[must_use]
pub fn key_id(text: &str) -> Option<[u8; 16]> {
    from_b64url(text)
}

/// Gives the key of an id; `None` where it is not there.
pub type FindKey<'a, E> = dyn FnMut(&[u8; 16]) -> Result<Option<DataKey>, E> + 'a;

/// A key reference, taken apart.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyRef {
    /// Ids of the keys that apply, the session's first.
    pub keys: Vec<[u8; 16]>,
    /// Id of the slot.
    pub slot: [u8; 16],
    /// Which slot.
    pub kind: Slot,
}

impl KeyRef {
    /// Reads the `k` of a [`BlobRef`].
    ///
    /// # Errors
    /// [`SealError::Malformed`].
    pub fn parse(text: &str) -> Result<KeyRef, SealError> {
        let mut parts = text.split('/');
        let parsed = (|| {
            let keys: Option<Vec<[u8; 16]>> = parts.next()?.split('.').map(from_b64url).collect();
            let keys = keys.filter(|keys| keys.len() <= MOST_KEYS)?;
            let slot = from_b64url(parts.next()?)?;
            let kind = match parts.next()? {
                "d" => Slot::Disclosures,
                "f" => Slot::Frames,
                _ => return None,
            };
            parts.next().is_none().then_some(KeyRef { keys, slot, kind })
        })();
        parsed.ok_or(SealError::Malformed)
    }

    /// Opens a slot with what `find` gives for the ids of its keys: `Ok(None)` where one of them is not there.
    ///
    /// # Errors
    /// What `find` says; [`SealError::Decrypt`] where all keys are there and it does not open.
    pub fn open<E: From<SealError>>(
        &self,
        origin: &str,
        bytes: Vec<u8>,
        find: &mut FindKey<'_, E>,
    ) -> Result<Option<Vec<u8>>, E> {
        let mut keys = Vec::with_capacity(self.keys.len());
        for id in &self.keys {
            let Some(key) = find(id)? else { return Ok(None) };
            keys.push(key);
        }
        let keys: Vec<&DataKey> = keys.iter().collect();
        Ok(Some(SlotKey::of(&keys).open(origin, self.slot, self.kind, bytes)?))
    }
}
