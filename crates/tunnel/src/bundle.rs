//! Policies that an operator signs once and a front hands to all cells. The signature is the operator's, not the front's:
//! a front can keep a bundle back, and cannot make or change one. A cell takes only a newer version than it has.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};

use crate::keys::{PublicKey, SigningKey};

/// What stands before the payload in what is signed, so that the signature serves for nothing else.
const CONTEXT: &[u8] = b"carnet-policies/1\n";

/// A signed set of policies.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    payload: String,
    signature: String,
}

/// What it holds.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policies {
    /// Grows with each bundle; at least 1.
    pub version: u64,
    /// The files.
    pub policies: Vec<PolicyText>,
}

/// One policy file.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyText {
    /// Its name, for messages.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// A bundle that is not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotABundle {
    /// It cannot be read.
    #[error("the bundle cannot be read")]
    Unreadable,
    /// Another key signed it, or it was changed.
    #[error("the bundle's signature does not hold")]
    Signature,
}

impl Bundle {
    /// Signs policies.
    #[must_use]
    pub fn sign(policies: &Policies, key: &SigningKey) -> Bundle {
        let payload = serde_json::to_vec(policies).unwrap_or_default();
        let signature = key.sign(&[CONTEXT, &payload].concat());
        Bundle { payload: BASE64.encode(payload), signature: BASE64.encode(signature) }
    }

    /// As text for a file.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = serde_json::to_string(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// From a file's text.
    ///
    /// # Errors
    /// When it is no bundle.
    pub fn parse(text: &str) -> Result<Bundle, NotABundle> {
        serde_json::from_str(text).map_err(|_| NotABundle::Unreadable)
    }

    /// The policies, if this key has signed them.
    ///
    /// # Errors
    /// When it has not.
    pub fn open(&self, key: &PublicKey) -> Result<Policies, NotABundle> {
        let payload = BASE64.decode(&self.payload).map_err(|_| NotABundle::Unreadable)?;
        let signature = BASE64.decode(&self.signature).map_err(|_| NotABundle::Unreadable)?;
        if !key.verify(&[CONTEXT, &payload].concat(), &signature) {
            return Err(NotABundle::Signature);
        }
        self.unchecked()
    }

    /// The version that it claims: enough for a front, which only passes it on.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.unchecked().map_or(0, |p| p.version)
    }

    fn unchecked(&self) -> Result<Policies, NotABundle> {
        let payload = BASE64.decode(&self.payload).map_err(|_| NotABundle::Unreadable)?;
        let policies: Policies = serde_json::from_slice(&payload).map_err(|_| NotABundle::Unreadable)?;
        if policies.version == 0 { Err(NotABundle::Unreadable) } else { Ok(policies) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n";

    #[test]
    fn only_what_was_signed_opens() {
        let key = SigningKey::from_pem(KEY).unwrap();
        let text =
            PolicyText { name: "a.cedar".into(), text: "forbid (principal, action, resource);".into() };
        let policies = Policies { version: 3, policies: vec![text] };
        let bundle = Bundle::parse(&Bundle::sign(&policies, &key).to_text()).unwrap();
        assert_eq!(bundle.open(&key.public()), Ok(policies.clone()));
        assert_eq!(bundle.version(), 3);
        let other = Bundle::sign(&Policies { version: 4, ..policies }, &key);
        let mixed = Bundle { payload: other.payload, signature: bundle.signature };
        assert_eq!(mixed.open(&key.public()), Err(NotABundle::Signature));
        assert_eq!(Bundle::parse("{}"), Err(NotABundle::Unreadable));
    }
}
