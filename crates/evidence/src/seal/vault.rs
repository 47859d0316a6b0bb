//! The key of one file of a vault: AES-256-GCM, the nonce being where a record stands in its file.

use aws_lc_rs::aead::{Aad, LessSafeKey, Nonce};
use zeroize::Zeroizing;

use super::{SealError, aes};

const VAULT_LABEL: &[u8] = b"carnet/1 vault";

/// The key of one file, ready for use.
pub struct VaultKey(LessSafeKey);

impl std::fmt::Debug for VaultKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("VaultKey")
    }
}

fn nonce(at: u64) -> Nonce {
    let mut nonce = [0u8; 12];
    nonce.iter_mut().skip(4).zip(at.to_be_bytes()).for_each(|(to, from)| *to = from);
    Nonce::assume_unique_for_key(nonce)
}

impl VaultKey {
    /// From 32 random bytes.
    ///
    /// # Errors
    /// [`SealError::Encrypt`] if the cipher refuses the key, which it does not.
    pub fn new(key: &[u8; 32]) -> Result<Self, SealError> {
        Ok(VaultKey(aes(key)?))
    }

    /// Seals a record in place. `at` is its offset in the file; no other record under this key is ever sealed there.
    ///
    /// # Errors
    /// [`SealError::Encrypt`].
    pub fn seal(&self, at: u64, mut record: Vec<u8>) -> Result<Vec<u8>, SealError> {
        self.0
            .seal_in_place_append_tag(nonce(at), Aad::from(VAULT_LABEL), &mut record)
            .map_err(|_| SealError::Encrypt)?;
        Ok(record)
    }

    /// Opens the record of this offset.
    ///
    /// # Errors
    /// [`SealError::Decrypt`].
    pub fn open(&self, at: u64, sealed: Vec<u8>) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let mut data = Zeroizing::new(sealed);
        let len = self
            .0
            .open_in_place(nonce(at), Aad::from(VAULT_LABEL), &mut data)
            .map_err(|_| SealError::Decrypt)?
            .len();
        data.truncate(len);
        Ok(data)
    }
}
