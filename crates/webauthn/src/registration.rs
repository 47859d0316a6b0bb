//! Registration: the answer to `navigator.credentials.create` becomes a key to keep (WebAuthn 7.1).
//!
//! The page asks for no attestation, so that the model of somebody's authenticator is nobody's business. `none` is
//! accepted, and `packed` where the key attests itself; a certificate of a maker is refused, because no roots are configured
//! that could say what it is worth.

use aws_lc_rs::digest;

use crate::authenticator::Data;
use crate::cbor::Value;
use crate::credential::Credential;
use crate::key::PublicKey;
use crate::{Expected, WebauthnError, client};

/// What the browser answered.
#[derive(Clone, Copy)]
pub struct Registration<'a> {
    /// `response.clientDataJSON`.
    pub client_data: &'a [u8],
    /// `response.attestationObject`.
    pub attestation: &'a [u8],
}

/// Checks a registration and gives the key to keep.
///
/// # Errors
/// The rule that failed.
pub fn register(answer: &Registration<'_>, expected: &Expected<'_>) -> Result<Credential, WebauthnError> {
    client::check(answer.client_data, "webauthn.create", expected)?;
    let object = Value::whole(answer.attestation)?;
    let member = |name: &str| object.named(name).ok_or(WebauthnError::AuthenticatorData);
    let bytes = member("authData")?.as_bytes().ok_or(WebauthnError::AuthenticatorData)?;
    let data = Data::parse(bytes)?;
    data.check(expected)?;
    let attested = data.attested.as_ref().ok_or(WebauthnError::AuthenticatorData)?;
    let key = PublicKey::from_cose(attested.key)?;
    let statement = member("attStmt")?;
    match member("fmt")? {
        Value::Text("none") if *statement == Value::Map(Vec::new()) => {}
        Value::Text("packed") => self_attested(statement, &key, bytes, answer.client_data)?,
        _ => return Err(WebauthnError::Attestation),
    }
    Ok(Credential {
        id: attested.id.to_vec(),
        key: attested.key.to_vec(),
        counter: data.counter,
        aaguid: attested.aaguid,
        synced: data.backup_eligible(),
    })
}

/// `packed` without certificates: the new key signs its own registration (WebAuthn 8.2).
fn self_attested(
    statement: &Value<'_>,
    key: &PublicKey,
    data: &[u8],
    client_data: &[u8],
) -> Result<(), WebauthnError> {
    let same = statement.named("alg").and_then(Value::as_int) == Some(key.algorithm().number());
    let signature = statement.named("sig").and_then(Value::as_bytes);
    let (Some(signature), true, None) = (signature, same, statement.named("x5c")) else {
        return Err(WebauthnError::Attestation);
    };
    let hash = digest::digest(&digest::SHA256, client_data);
    key.verify(&[data, hash.as_ref()].concat(), signature).map_err(|_| WebauthnError::Attestation)
}
