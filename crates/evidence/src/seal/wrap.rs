//! Keys under the key of the cell, as the key store keeps them.

use aws_lc_rs::aead::{Aad, LessSafeKey, Nonce};
use zeroize::Zeroizing;

use super::{SealError, aes};

const WRAP_LABEL: &[u8] = b"carnet/1 wrap";

/// What a wrapped key is for. It is bound into the wrapping.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum KeyKind {
    /// Key of one gateway session.
    Session,
    /// Key of the MAC over raw arguments and results.
    Mac,
    /// Seed of the key that signs checkpoints.
    Log,
    /// Key of the cell, under the KEK.
    Cell,
    /// Key of an actor.
    Actor,
    /// Key of a data subject.
    Subject,
    /// Key of one file of the vault.
    Vault,
}

impl KeyKind {
    fn byte(self) -> u8 {
        match self {
            KeyKind::Session => b's',
            KeyKind::Mac => b'm',
            KeyKind::Log => b'l',
            KeyKind::Cell => b'c',
            KeyKind::Actor => b'a',
            KeyKind::Subject => b'p',
            KeyKind::Vault => b'v',
        }
    }

    fn from_byte(byte: u8) -> Option<Self> {
        use KeyKind::{Actor, Cell, Log, Mac, Session, Subject, Vault};
        [Session, Mac, Log, Cell, Actor, Subject, Vault].into_iter().find(|k| k.byte() == byte)
    }
}

/// The key of the cell, which wraps all others.
pub struct CellKey(LessSafeKey);

/// A key under the key of the cell, as the key store keeps it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WrappedKey {
    /// Random id of the key.
    pub id: [u8; 16],
    /// What it is for.
    pub kind: KeyKind,
    /// Nonce of the wrapping.
    pub nonce: [u8; 12],
    /// Ciphertext and tag.
    pub bytes: [u8; 48],
}

/// A key that is not stored yet, and what it is found by.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewKey {
    /// The key under the key of the cell.
    pub wrapped: WrappedKey,
    /// Blind index of the person; zeros for a session's.
    pub label: [u8; 16],
}

/// Bytes of [`WrappedKey::to_bytes`].
pub const WRAPPED: usize = 1 + 16 + 12 + 48;

impl WrappedKey {
    /// Kind, id, nonce, ciphertext and tag.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; WRAPPED] {
        let all = [[self.kind.byte()].as_slice(), &self.id, &self.nonce, &self.bytes].concat();
        all.try_into().unwrap_or([0; WRAPPED])
    }

    /// Reads what [`WrappedKey::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`SealError::Malformed`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SealError> {
        Self::read(bytes).ok_or(SealError::Malformed)
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (kind, rest) = bytes.split_first()?;
        let (id, rest) = rest.split_first_chunk()?;
        let (nonce, rest) = rest.split_first_chunk()?;
        Some(WrappedKey {
            id: *id,
            kind: KeyKind::from_byte(*kind)?,
            nonce: *nonce,
            bytes: rest.try_into().ok()?,
        })
    }
}

impl std::fmt::Debug for CellKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CellKey")
    }
}

impl CellKey {
    /// From 32 random bytes.
    ///
    /// # Errors
    /// [`SealError::Encrypt`] if the cipher refuses the key, which it does not.
    pub fn new(key: &[u8; 32]) -> Result<Self, SealError> {
        Ok(CellKey(aes(key)?))
    }

    /// Wraps a key. `nonce` is random and never used before with this cell key.
    ///
    /// # Errors
    /// [`SealError::Encrypt`].
    pub fn wrap(
        &self,
        id: [u8; 16],
        kind: KeyKind,
        key: &[u8; 32],
        nonce: [u8; 12],
    ) -> Result<WrappedKey, SealError> {
        let mut data = Zeroizing::new(key.to_vec());
        data.reserve_exact(16);
        let aad = Aad::from(wrap_aad(&id, kind));
        self.0
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut *data)
            .map_err(|_| SealError::Encrypt)?;
        let bytes = data.as_slice().try_into().map_err(|_| SealError::Encrypt)?;
        Ok(WrappedKey { id, kind, nonce, bytes })
    }

    /// Unwraps a key.
    ///
    /// # Errors
    /// [`SealError::Decrypt`].
    pub fn unwrap_key(&self, wrapped: &WrappedKey) -> Result<Zeroizing<[u8; 32]>, SealError> {
        let mut data = Zeroizing::new(wrapped.bytes);
        let aad = Aad::from(wrap_aad(&wrapped.id, wrapped.kind));
        let clear = self
            .0
            .open_in_place(Nonce::assume_unique_for_key(wrapped.nonce), aad, &mut *data)
            .map_err(|_| SealError::Decrypt)?;
        let key: &[u8; 32] = (&*clear).try_into().map_err(|_| SealError::Decrypt)?;
        Ok(Zeroizing::new(*key))
    }
}

fn wrap_aad(id: &[u8; 16], kind: KeyKind) -> Vec<u8> {
    [WRAP_LABEL, &[0, kind.byte()], id.as_slice()].concat()
}
