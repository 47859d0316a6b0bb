//! Passkeys (WebAuthn Level 3): what an authenticator registered, and what it signed, checked against what was expected.
//!
//! [`register`] takes what a browser answered to `navigator.credentials.create` and gives the [`Credential`] to keep;
//! [`Credential::verify`] takes what it answered to `navigator.credentials.get`. Both want a user who was verified (PIN,
//! finger, face), a challenge that is exactly the expected one, a page of an expected origin that no other page framed, and
//! the expected relying party. Signatures are ES256 or EdDSA.
//!
//! Floor 1: no clock, sockets, files or randomness. The gateway calls it when somebody votes; whoever verifies evidence
//! calls the same function years later with the registered key, and gets the same answer.

mod authenticator;
mod cbor;
mod client;
mod credential;
mod error;
mod key;
mod registration;

pub use credential::{Assertion, Credential, Verified};
pub use error::WebauthnError;
pub use key::{Algorithm, PublicKey};
pub use registration::{Registration, register};

/// What the other side must have answered to.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The challenge, as bytes.
    pub challenge: &'a [u8],
    /// The relying party: a domain, such as `gateway.example.eu`.
    pub rp_id: &'a str,
    /// Origins of the page, such as `https://gateway.example.eu`; compared byte for byte.
    pub origins: &'a [&'a str],
}
