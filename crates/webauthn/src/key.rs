//! Public keys as authenticators state them (COSE, RFC 9052 and 9053), and their signatures.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, ED25519, UnparsedPublicKey};

use crate::WebauthnError;
use crate::cbor::Value;

/// A signature algorithm.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
}

impl Algorithm {
    /// Its number in COSE.
    #[must_use]
    pub fn number(self) -> i64 {
        match self {
            Algorithm::Es256 => -7,
            Algorithm::EdDsa => -8,
        }
    }
}

/// A public key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PublicKey {
    algorithm: Algorithm,
    /// As aws-lc-rs takes it: an uncompressed point, or 32 bytes.
    point: Vec<u8>,
}

impl PublicKey {
    /// From COSE. The parameters must be those of the algorithm, all of them and once.
    ///
    /// # Errors
    /// [`WebauthnError::Key`].
    pub fn from_cose(bytes: &[u8]) -> Result<PublicKey, WebauthnError> {
        let map = Value::whole(bytes).map_err(|_| WebauthnError::Key)?;
        let number = |at: i64| map.numbered(at).and_then(Value::as_int);
        let coordinate = |at: i64| {
            map.numbered(at).and_then(Value::as_bytes).filter(|b| b.len() == 32).ok_or(WebauthnError::Key)
        };
        match (number(1), number(3), number(-1)) {
            // EC2, ES256, P-256
            (Some(2), Some(-7), Some(1)) => {
                let point = [&[4], coordinate(-2)?, coordinate(-3)?].concat();
                Ok(PublicKey { algorithm: Algorithm::Es256, point })
            }
            // OKP, EdDSA, Ed25519
            (Some(1), Some(-8), Some(6)) => {
                Ok(PublicKey { algorithm: Algorithm::EdDsa, point: coordinate(-2)?.to_vec() })
            }
            _ => Err(WebauthnError::Key),
        }
    }

    /// What it signs with.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Checks a signature.
    ///
    /// # Errors
    /// [`WebauthnError::Signature`].
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), WebauthnError> {
        let held = match self.algorithm {
            Algorithm::Es256 => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &self.point).verify(message, signature)
            }
            Algorithm::EdDsa => UnparsedPublicKey::new(&ED25519, &self.point).verify(message, signature),
        };
        held.map_err(|_| WebauthnError::Signature)
    }
}
