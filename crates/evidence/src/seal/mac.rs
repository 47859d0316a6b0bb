//! The keyed MAC: proves later what was masked, and is no guessable hash of personal data.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::SealError;

const MAC_LABEL: &[u8] = b"carnet/1 mac";

/// The key of the MAC over raw arguments and results.
#[derive(Clone)]
pub struct MacKey(Hmac<Sha256>);

impl std::fmt::Debug for MacKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MacKey")
    }
}

impl MacKey {
    /// From 32 random bytes.
    ///
    /// # Errors
    /// [`SealError::Malformed`] if HMAC refuses the key, which it does not.
    pub fn new(key: &[u8; 32]) -> Result<Self, SealError> {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).map_err(|_| SealError::Malformed)?;
        mac.update(MAC_LABEL);
        Ok(MacKey(mac))
    }

    /// HMAC-SHA256 over `"carnet/1 mac" || 0 || what || 0 || bytes`. `what` is the name of the disclosure.
    #[must_use]
    pub fn mac(&self, what: &str, bytes: &[u8]) -> [u8; 32] {
        let mut mac = self.0.clone();
        mac.update(&[0]);
        mac.update(what.as_bytes());
        mac.update(&[0]);
        mac.update(bytes);
        mac.finalize().into_bytes().into()
    }
}
