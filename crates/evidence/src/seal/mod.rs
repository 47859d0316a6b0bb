//! Encryption at rest: keys of sessions wrapped by the key of the cell, two slots per leaf, and the keyed MAC.
//!
//! A slot holds the disclosures (`d`) or the frames (`f`) of one leaf. Both keys come from one HKDF-SHA256
//! (RFC 5869): no salt, input the keys that apply, concatenated in this order: session, actor, data subject (so
//! that destroying any one makes the slot unreadable; `carnet/1` so far has the session key), info
//! `"carnet/1 slot" || slot id`, 64 bytes out: first `d`, then `f`. Each key is used for one AES-256-GCM message,
//! so the nonce is zero. Additional data: `"carnet/1 slot" || 0 || origin || 0 || slot id || kind`. The blob is
//! ciphertext and tag; its SHA-256 stands in the leaf.

mod mac;
mod wrap;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use hkdf::Hkdf;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::leaf::BlobRef;
use crate::text::{b64url, from_b64url};

pub use mac::MacKey;
pub use wrap::{CellKey, KeyKind, WRAPPED, WrappedKey};

const SLOT_LABEL: &[u8] = b"carnet/1 slot";

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

/// The key of one session, ready for use.
pub struct SessionKey {
    id: [u8; 16],
    id_text: String,
    /// HKDF after its extract step. As long as one key applies it is the same for all slots.
    hkdf: Hkdf<Sha256>,
}

impl std::fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SessionKey({})", self.id_text)
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

impl SessionKey {
    /// From its random id and 32 random bytes.
    #[must_use]
    pub fn new(id: [u8; 16], key: &[u8; 32]) -> Self {
        SessionKey { id, id_text: b64url(&id), hkdf: Hkdf::new(None, key) }
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> [u8; 16] {
        self.id
    }

    /// Its id as it stands in key references.
    #[must_use]
    pub fn id_text(&self) -> &str {
        &self.id_text
    }

    /// The keys of one leaf's slots. `slot` is random and never used before.
    ///
    /// # Errors
    /// [`SealError::Encrypt`] if the derivation fails, which it does not at this length.
    pub fn slot(&self, origin: &str, slot: [u8; 16]) -> Result<SlotKeys, SealError> {
        let mut keys = Zeroizing::new([0u8; 64]);
        self.hkdf.expand_multi_info(&[SLOT_LABEL, &slot], &mut *keys).map_err(|_| SealError::Encrypt)?;
        let aad = [SLOT_LABEL, &[0], origin.as_bytes(), &[0], &slot].concat();
        Ok(SlotKeys { reference: format!("{}/{}/", self.id_text, b64url(&slot)), keys, aad })
    }
}

/// The two keys of one leaf. Each seals once: sealing takes a `Slot` at most once per `SlotKeys` by the caller's
/// discipline, [`SlotKeys::seal_both`] does it right.
pub struct SlotKeys {
    reference: String,
    keys: Zeroizing<[u8; 64]>,
    aad: Vec<u8>,
}

impl std::fmt::Debug for SlotKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SlotKeys")
    }
}

impl SlotKeys {
    /// Seals the slots of one leaf, in the order of `bl`; an absent one is left out. Buffers are encrypted in place.
    ///
    /// # Errors
    /// [`SealError::Encrypt`].
    pub fn seal_both(
        self,
        disclosures: Option<Vec<u8>>,
        frames: Option<Vec<u8>>,
    ) -> Result<Vec<Blob>, SealError> {
        let mut out = Vec::with_capacity(2);
        for (slot, clear) in [(Slot::Disclosures, disclosures), (Slot::Frames, frames)] {
            if let Some(clear) = clear {
                out.push(self.seal(slot, clear)?);
            }
        }
        Ok(out)
    }

    fn seal(&self, slot: Slot, mut data: Vec<u8>) -> Result<Blob, SealError> {
        let aad = Aad::from(self.aad(slot));
        self.key(slot)?
            .seal_in_place_append_tag(Nonce::assume_unique_for_key([0; 12]), aad, &mut data)
            .map_err(|_| SealError::Encrypt)?;
        let reference =
            BlobRef { h: Sha256::digest(&data).into(), k: format!("{}{}", self.reference, slot.letter()) };
        Ok(Blob { reference, bytes: data })
    }

    /// Opens one slot, in place.
    ///
    /// # Errors
    /// [`SealError::Decrypt`].
    pub fn open(&self, slot: Slot, mut data: Vec<u8>) -> Result<Vec<u8>, SealError> {
        let aad = Aad::from(self.aad(slot));
        let clear = self
            .key(slot)?
            .open_in_place(Nonce::assume_unique_for_key([0; 12]), aad, &mut data)
            .map_err(|_| SealError::Decrypt)?
            .len();
        data.truncate(clear);
        Ok(data)
    }

    fn key(&self, slot: Slot) -> Result<LessSafeKey, SealError> {
        let half = match slot {
            Slot::Disclosures => self.keys.get(..32),
            Slot::Frames => self.keys.get(32..),
        };
        aes(half.ok_or(SealError::Encrypt)?)
    }

    fn aad(&self, slot: Slot) -> Vec<u8> {
        [self.aad.as_slice(), &[slot.letter() as u8]].concat()
    }
}

/// A key reference, taken apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeyRef {
    /// Id of the session key.
    pub session_key: [u8; 16],
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
            let session_key = from_b64url(parts.next()?)?;
            let slot = from_b64url(parts.next()?)?;
            let kind = match parts.next()? {
                "d" => Slot::Disclosures,
                "f" => Slot::Frames,
                _ => return None,
            };
            parts.next().is_none().then_some(KeyRef { session_key, slot, kind })
        })();
        parsed.ok_or(SealError::Malformed)
    }
}
