//! A place that a cloud provider signs for: the identity document of an Amazon EC2 instance, the identity token of one of Google's, the
//! attested document of one of Azure's. Who calls fetches and reads; this only checks.

mod azure;
mod google;

pub use azure::azure;
pub use google::google;

use aws_lc_rs::signature::{RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use carnet_json::{Limits, Tape};
use carnet_model::Region;

use crate::known::{Known, Place};

/// Why a document attests nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AttestError {
    /// The key is no PEM of a public key.
    #[error("the key is no public key in PEM")]
    Key,
    /// The signature is not base64, or not of this document by this key.
    #[error("the signature does not fit the document and the key")]
    Signature,
    /// It is signed, and says nothing of a region.
    #[error("the document cannot be read, or names no region")]
    Document,
    /// It was made for somebody else: another audience, another nonce, another issuer.
    #[error("the document was made for somebody else: audience, nonce or issuer do not fit")]
    Other,
    /// It is not valid any more, or not yet.
    #[error("the document is not valid at this time")]
    Time,
    /// The certificate that signed it was issued by nobody who is trusted, or is not valid.
    #[error("the certificate of its signature is not trusted, or not valid at this time")]
    Untrusted,
}

/// The region that Amazon's signed instance identity document names. Document and signature come from the instance's metadata service
/// (`/latest/dynamic/instance-identity/document` and `.../signature`), the key from Amazon's published certificate of the region. The
/// document says neither whom it was made for nor when: who has a copy can show it elsewhere. `key` is a public key in PEM (`openssl x509 -pubkey`); `signature` is the
/// base64 text that the metadata service gives.
///
/// # Errors
/// When anything does not fit.
pub fn amazon(document: &[u8], signature: &str, key: &str) -> Result<Place, AttestError> {
    let compact = |text: &str| text.split_ascii_whitespace().collect::<String>();
    let key = key
        .split_once("-----BEGIN PUBLIC KEY-----")
        .and_then(|(_, rest)| rest.split_once("-----END PUBLIC KEY-----"))
        .and_then(|(body, _)| STANDARD.decode(compact(body)).ok())
        .ok_or(AttestError::Key)?;
    let signature = STANDARD.decode(compact(signature)).map_err(|_| AttestError::Signature)?;
    // Amazon's keys for this signature have 1024 bits; the 2048-bit ones are for the PKCS#7 form.
    UnparsedPublicKey::new(&RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, &key)
        .verify(document, &signature)
        .map_err(|_| AttestError::Signature)?;
    let tape = Tape::parse(document, &Limits::default()).map_err(|_| AttestError::Document)?;
    let region = tape.root(document).get("region").and_then(|r| r.as_str().map(|r| Region::new(&r)));
    // Qualified: another provider's region of the same name may be elsewhere.
    let region = region.ok_or(AttestError::Document)?;
    Ok(Place { region: Region::new(&format!("aws:{region}")), known: Known::Attested })
}
