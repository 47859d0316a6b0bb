//! Why a registration or an assertion is not accepted. One name for each rule, and nothing of what was sent.

/// The rule that failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum WebauthnError {
    /// The client data are not the JSON that a browser writes.
    #[error("the client data cannot be read")]
    ClientData,
    /// It was made for another ceremony.
    #[error("the client data are of another ceremony")]
    Ceremony,
    /// Another challenge was signed.
    #[error("another challenge was signed")]
    Challenge,
    /// The page is not one of the gateway's.
    #[error("the page is of another origin")]
    Origin,
    /// A page of somebody else's framed it.
    #[error("the page was inside a page of another origin")]
    CrossOrigin,
    /// The authenticator's data are cut off, too long or contradict themselves.
    #[error("the authenticator's data cannot be read")]
    AuthenticatorData,
    /// It signed for another relying party.
    #[error("the authenticator signed for another relying party")]
    RelyingParty,
    /// Nobody was there.
    #[error("the authenticator saw no user")]
    UserPresence,
    /// It was not verified that it is the user.
    #[error("the authenticator did not verify the user")]
    UserVerification,
    /// The key is none of ES256 or EdDSA, or not well-formed.
    #[error("the key is of no supported kind")]
    Key,
    /// The attestation is none of `none` or `packed` by the key itself, or does not hold.
    #[error("the attestation is not accepted")]
    Attestation,
    /// It is the assertion of another key.
    #[error("this is another key")]
    Credential,
    /// The user handle is another person's.
    #[error("the key is another person's")]
    UserHandle,
    /// The signature does not hold.
    #[error("the signature does not hold")]
    Signature,
    /// The counter went back or stood still: the key may have been copied.
    #[error("the authenticator's counter went back: the key may have been copied")]
    Counter,
}
