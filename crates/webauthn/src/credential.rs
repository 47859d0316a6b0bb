//! A registered key, and the check of what it signed (WebAuthn 7.2).

use aws_lc_rs::digest;

use crate::authenticator::Data;
use crate::key::PublicKey;
use crate::{Expected, WebauthnError, client};

/// A registered key: what is kept of it. Nothing here is secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Credential {
    /// The name that the authenticator gave it.
    pub id: Vec<u8>,
    /// The public key, COSE.
    pub key: Vec<u8>,
    /// The authenticator's counter when it was last seen; 0 for those that do not count.
    pub counter: u32,
    /// The make of the authenticator, zeros where it is not said.
    pub aaguid: [u8; 16],
    /// Copies of it may be on other devices of the same person.
    pub synced: bool,
}

/// What the browser answered to `navigator.credentials.get`.
#[derive(Clone, Copy)]
pub struct Assertion<'a> {
    /// `rawId`.
    pub id: &'a [u8],
    /// `response.clientDataJSON`.
    pub client_data: &'a [u8],
    /// `response.authenticatorData`.
    pub authenticator_data: &'a [u8],
    /// `response.signature`.
    pub signature: &'a [u8],
    /// `response.userHandle`, where it was sent.
    pub user_handle: Option<&'a [u8]>,
}

/// An assertion that holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Verified {
    /// The counter to keep.
    pub counter: u32,
}

impl Credential {
    /// Checks an assertion by this key. `owner` is the user handle that the key was registered for.
    ///
    /// # Errors
    /// The rule that failed.
    pub fn verify(
        &self,
        answer: &Assertion<'_>,
        owner: &[u8],
        expected: &Expected<'_>,
    ) -> Result<Verified, WebauthnError> {
        if answer.id != self.id {
            return Err(WebauthnError::Credential);
        }
        if answer.user_handle.is_some_and(|handle| !handle.is_empty() && handle != owner) {
            return Err(WebauthnError::UserHandle);
        }
        client::check(answer.client_data, "webauthn.get", expected)?;
        let data = Data::parse(answer.authenticator_data)?;
        data.check(expected)?;
        let hash = digest::digest(&digest::SHA256, answer.client_data);
        let signed = [answer.authenticator_data, hash.as_ref()].concat();
        PublicKey::from_cose(&self.key)?.verify(&signed, answer.signature)?;
        // Authenticators that do not count say 0 every time.
        if (data.counter, self.counter) != (0, 0) && data.counter <= self.counter {
            return Err(WebauthnError::Counter);
        }
        Ok(Verified { counter: data.counter })
    }
}
