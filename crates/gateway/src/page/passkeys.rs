//! Passkeys of approvers: registered after a fresh login, kept sealed in the store's table, and in the log with all that is
//! needed to check later what they signed. A key is of one identity at the provider.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use carnet_approvals::{Account, Digest, Proof};
use carnet_store::{StoreError, Table};
use carnet_webauthn::{Assertion, Credential, Expected, Registration, WebauthnError, register};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// One person registers no more.
const MOST: usize = 20;

/// A key as it is kept, and as its record in the log shows it. Binary values are base64url.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// Whose.
    pub(crate) account: Account,
    /// What they call it.
    pub(crate) name: String,
    /// The authenticator's name for it.
    pub(crate) credential: String,
    /// The public key, COSE.
    pub(crate) key: String,
    pub(crate) counter: u32,
    pub(crate) aaguid: String,
    pub(crate) synced: bool,
    /// The relying party and origin that it was registered for, and the handle of its owner.
    pub(crate) rp_id: String,
    pub(crate) origin: String,
    pub(crate) owner: String,
    /// When, Unix seconds.
    pub(crate) added: i64,
    /// The log index of its record.
    pub(crate) registered: Option<u64>,
}

impl Kept {
    fn credential(&self) -> Option<Credential> {
        Some(Credential {
            id: bytes(&self.credential)?,
            key: bytes(&self.key)?,
            counter: self.counter,
            aaguid: bytes(&self.aaguid)?.try_into().ok()?,
            synced: self.synced,
        })
    }

    fn row(&self) -> String {
        format!("passkey/{}/{}", self.owner, self.credential)
    }
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The handle of a person: names nobody to who finds it on an authenticator.
fn handle(account: &Account) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(b"carnet/1 passkey owner\0");
    hash.update(account.canonical());
    hash.finalize().into()
}

/// Where the page is, as authenticators know it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Site {
    /// Scheme, host and port.
    pub(crate) origin: String,
    /// The host.
    pub(crate) rp_id: String,
}

impl Site {
    fn expecting<'a>(&'a self, challenge: &'a [u8], origins: &'a [&'a str]) -> Expected<'a> {
        Expected { challenge, rp_id: &self.rp_id, origins }
    }
}

/// The keys of a table.
pub(crate) struct Passkeys(pub(crate) Arc<Table>);

impl Passkeys {
    /// A person's keys.
    pub(crate) fn of(&self, account: &Account) -> Vec<Kept> {
        let rows = self.0.starting(&format!("passkey/{}/", text(&handle(account))));
        let kept = rows.iter().filter_map(|(_, value)| serde_json::from_slice::<Kept>(value).ok());
        kept.filter(|k| k.account == *account).collect()
    }

    /// Keeps a key, or its new counter. It waits for the disk.
    pub(crate) fn keep(&self, kept: &Kept) -> Result<(), StoreError> {
        let value = serde_json::to_vec(kept).map_err(|_| StoreError::TooLarge)?;
        self.0.put(&kept.row(), &value)
    }

    /// Forgets a key. It waits for the disk.
    pub(crate) fn remove(&self, kept: &Kept) -> Result<(), StoreError> {
        self.0.remove(&kept.row())
    }

    /// What `navigator.credentials.create` is to be asked.
    pub(crate) fn creation(&self, site: &Site, account: &Account, challenge: &[u8]) -> Value {
        let known = self.of(account);
        let exclude: Vec<_> =
            known.iter().map(|k| json!({ "type": "public-key", "id": k.credential })).collect();
        json!({
            "rp": { "id": site.rp_id, "name": "Carnet" },
            "user": { "id": text(&handle(account)), "name": account.subject, "displayName": account.subject },
            "challenge": text(challenge),
            "pubKeyCredParams": [{ "type": "public-key", "alg": -7 }, { "type": "public-key", "alg": -8 }],
            "authenticatorSelection": { "userVerification": "required", "residentKey": "preferred" },
            "excludeCredentials": exclude,
            "attestation": "none",
            "timeout": 120_000,
        })
    }

    /// What `navigator.credentials.get` is to be asked: the challenge is the digest of the call.
    pub(crate) fn request(&self, site: &Site, account: &Account, digest: &Digest) -> Value {
        let known = self.of(account);
        let allow: Vec<_> =
            known.iter().map(|k| json!({ "type": "public-key", "id": k.credential })).collect();
        json!({
            "rpId": site.rp_id,
            "challenge": text(&digest.0),
            "allowCredentials": allow,
            "userVerification": "required",
            "timeout": 120_000,
        })
    }

    /// A new key, checked and not kept yet.
    pub(crate) fn registered(
        &self,
        site: &Site,
        account: &Account,
        challenge: &[u8],
        answer: &Answer<'_>,
    ) -> Result<Kept, WebauthnError> {
        let data = (bytes(answer.get("client_data")), bytes(answer.get("attestation")));
        let (Some(client_data), Some(attestation)) = data else { return Err(WebauthnError::ClientData) };
        let registration = Registration { client_data: &client_data, attestation: &attestation };
        let origins = [site.origin.as_str()];
        let made = register(&registration, &site.expecting(challenge, &origins))?;
        let known = self.of(account);
        let id = text(&made.id);
        if known.len() >= MOST
            || self.0.starting("passkey/").iter().any(|(row, _)| row.ends_with(&format!("/{id}")))
        {
            return Err(WebauthnError::Credential);
        }
        Ok(Kept {
            account: account.clone(),
            name: answer.get("name").chars().take(60).collect(),
            credential: id,
            key: text(&made.key),
            counter: made.counter,
            aaguid: text(&made.aaguid),
            synced: made.synced,
            rp_id: site.rp_id.clone(),
            origin: site.origin.clone(),
            owner: text(&handle(account)),
            added: 0,
            registered: None,
        })
    }

    /// A signature over a call's digest, checked: what the vote carries as its proof, and the key with its new counter.
    pub(crate) fn signed(
        &self,
        site: &Site,
        account: &Account,
        digest: &Digest,
        answer: &Answer<'_>,
    ) -> Result<(Proof, Kept), WebauthnError> {
        let field = |name: &str| bytes(answer.get(name)).ok_or(WebauthnError::ClientData);
        let (id, client_data) = (field("id")?, field("client_data")?);
        let (authenticator_data, signature) = (field("authenticator_data")?, field("signature")?);
        let user_handle = field("user_handle")?;
        let name = text(&id);
        let mut kept =
            self.of(account).into_iter().find(|k| k.credential == name).ok_or(WebauthnError::Credential)?;
        let credential = kept.credential().ok_or(WebauthnError::Key)?;
        let assertion = Assertion {
            id: &id,
            client_data: &client_data,
            authenticator_data: &authenticator_data,
            signature: &signature,
            user_handle: Some(&user_handle),
        };
        let origins = [site.origin.as_str()];
        let verified =
            credential.verify(&assertion, &handle(account), &site.expecting(&digest.0, &origins))?;
        kept.counter = verified.counter;
        let proof = Proof::Passkey {
            credential: name,
            authenticator_data: text(&authenticator_data),
            client_data: text(&client_data),
            signature: text(&signature),
            registered: kept.registered,
        };
        Ok((proof, kept))
    }
}

/// The fields that the browser filled in.
pub(crate) trait Fields {
    /// A field; empty where there is none.
    fn field(&self, name: &str) -> &str;
}

/// Fields of a form or of JSON, by the names that the script uses.
pub(crate) struct Answer<'a>(pub(crate) &'a (dyn Fields + Sync));

impl Answer<'_> {
    fn get(&self, name: &str) -> &str {
        self.0.field(name)
    }

    /// Whether there is one.
    pub(crate) fn is_some(&self) -> bool {
        !self.get("signature").is_empty() || !self.get("attestation").is_empty()
    }
}

impl Fields for super::form::Form {
    fn field(&self, name: &str) -> &str {
        self.get(&format!("passkey.{name}"))
    }
}

impl Fields for Value {
    fn field(&self, name: &str) -> &str {
        self.get(name).and_then(Value::as_str).unwrap_or_default()
    }
}
