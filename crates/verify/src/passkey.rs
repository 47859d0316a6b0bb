//! Passkeys: the signature of a vote is checked again with the key that its owner had registered, by the function that the
//! gateway checked it with. The challenge is the digest of the call, so a signature over another call is no vote for this one.

use std::collections::{HashMap, HashSet};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use carnet_approvals::{Account, Assurance, Proof, Vote};
use carnet_webauthn::{Assertion, Credential, Expected};
use serde_json::Value;

/// A key as its record shows it.
struct Registered {
    account: Account,
    key: Credential,
    owner: Vec<u8>,
    rp_id: String,
    origin: String,
}

/// Registered keys by the index of their record.
#[derive(Default)]
pub(crate) struct Passkeys {
    keys: HashMap<u64, Registered>,
    /// Registrations whose record is not disclosed.
    sealed: HashSet<u64>,
    /// First record that is read.
    first: Option<u64>,
}

/// What checking a vote gave.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Checked {
    /// The signature holds.
    Holds,
    /// There is none to be: the gateway said who it was.
    Word,
    /// The key was registered before the first record.
    Outside,
    /// The registration is kept back.
    Withheld,
    /// Why it does not hold.
    Wrong(String),
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

impl Passkeys {
    /// Takes the detail of a record that registers a key. `None` where it is not one.
    pub(crate) fn register(&mut self, index: u64, detail: &str) -> Option<()> {
        let value: Value = serde_json::from_str(detail).ok()?;
        let text = |name: &str| value.get(name).and_then(Value::as_str);
        let key = Credential {
            id: bytes(text("credential")?)?,
            key: bytes(text("key")?)?,
            counter: u32::try_from(value.get("counter")?.as_u64()?).ok()?,
            aaguid: bytes(text("aaguid")?)?.try_into().ok()?,
            synced: value.get("synced")?.as_bool()?,
        };
        let account = serde_json::from_value(value.get("account")?.clone()).ok()?;
        let owner = bytes(text("owner")?)?;
        let (rp_id, origin) = (text("rp_id")?.to_owned(), text("origin")?.to_owned());
        self.keys.insert(index, Registered { account, key, owner, rp_id, origin });
        Some(())
    }

    /// Sees every record in its order. `sealed`: it registers a key, and what it says is not disclosed.
    pub(crate) fn pass(&mut self, index: u64, sealed: bool) {
        self.first = self.first.or(Some(index));
        if sealed {
            self.sealed.insert(index);
        }
    }

    /// Checks the signature of a vote that stands in a record.
    pub(crate) fn check(&mut self, vote: &Vote, at: u64) -> Checked {
        let Proof::Passkey { registered, .. } = &vote.proof else {
            return match vote.assurance == Assurance::Passkey {
                true => Checked::Wrong("a vote counts as by passkey, and there is no signature".to_owned()),
                false => Checked::Word,
            };
        };
        let Some(index) = *registered else {
            return Checked::Wrong("the record of the key is not named".to_owned());
        };
        if self.keys.contains_key(&index) {
            return self.wrong(vote, index).map_or(Checked::Holds, Checked::Wrong);
        }
        if self.first.is_none_or(|first| index < first) {
            return Checked::Outside;
        }
        if index < at && self.sealed.contains(&index) {
            return Checked::Withheld;
        }
        Checked::Wrong(format!("record {index} registers no key"))
    }

    /// What is wrong with a signature by the key that a record registered; `None` if it holds.
    fn wrong(&mut self, vote: &Vote, index: u64) -> Option<String> {
        let Proof::Passkey { credential, authenticator_data, client_data, signature, .. } = &vote.proof
        else {
            return None;
        };
        let known = self.keys.get_mut(&index)?;
        if known.account != vote.voter {
            return Some("the key is registered for somebody else".to_owned());
        }
        let parts = (bytes(credential), bytes(authenticator_data), bytes(client_data), bytes(signature));
        let (Some(id), Some(authenticator_data), Some(client_data), Some(signature)) = parts else {
            return Some("the signature cannot be read".to_owned());
        };
        let assertion = Assertion {
            id: &id,
            client_data: &client_data,
            authenticator_data: &authenticator_data,
            signature: &signature,
            user_handle: None,
        };
        let origins = [known.origin.as_str()];
        let expected = Expected { challenge: &vote.digest.0, rp_id: &known.rp_id, origins: &origins };
        match known.key.verify(&assertion, &known.owner, &expected) {
            Ok(verified) => {
                known.key.counter = verified.counter;
                None
            }
            Err(error) => Some(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
    use carnet_approvals::{Choice, Digest};
    use sha2::{Digest as _, Sha256};

    fn text(bytes: &[u8]) -> String {
        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn account(subject: &str) -> Account {
        Account { kind: "user".into(), issuer: "https://idp.example".into(), subject: subject.into() }
    }

    /// The detail of a registration, and a vote by that key over a digest.
    fn signed(digest: Digest) -> (String, Vote) {
        let random = SystemRandom::new();
        let pair = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pair.as_ref()).unwrap();
        let point = pair.public_key().as_ref();
        let mut cose = vec![0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20];
        cose.extend(&point[1..33]);
        cose.extend([0x22, 0x58, 0x20]);
        cose.extend(&point[33..]);
        let detail = serde_json::json!({
            "account": account("ines"), "name": "laptop", "credential": text(b"key-1"), "key": text(&cose), "counter": 0,
            "aaguid": text(&[0; 16]), "synced": false, "rp_id": "gateway.example", "origin": "https://gateway.example",
            "owner": text(b"owner"), "added": 0, "registered": null,
        });
        let client =
            format!(r#"{{"type":"webauthn.get","challenge":"{digest}","origin":"https://gateway.example"}}"#);
        let mut data = Sha256::digest(b"gateway.example").to_vec();
        data.extend([5, 0, 0, 0, 7]);
        let message = [data.as_slice(), &Sha256::digest(&client)].concat();
        let signature = pair.sign(&random, &message).unwrap();
        let proof = Proof::Passkey {
            credential: text(b"key-1"),
            authenticator_data: text(&data),
            client_data: text(client.as_bytes()),
            signature: text(signature.as_ref()),
            registered: Some(9),
        };
        let vote = Vote {
            voter: account("ines"),
            for_account: None,
            choice: Choice::Approve,
            reason: "r".into(),
            channel: "page".into(),
            assurance: Assurance::Passkey,
            proof,
            digest,
            permitted: Vec::new(),
            grant: None,
            at: 0,
            part: None,
            place: None,
        };
        (detail.to_string(), vote)
    }

    #[test]
    fn a_signature_is_checked_with_the_registered_key() {
        let digest = Digest([3; 32]);
        let (detail, vote) = signed(digest);
        let check = |change: &dyn Fn(&mut Vote)| {
            let mut keys = Passkeys::default();
            keys.pass(5, false);
            keys.pass(8, true);
            keys.register(9, &detail).unwrap();
            let mut vote = vote.clone();
            change(&mut vote);
            keys.check(&vote, 12)
        };
        assert_eq!(check(&|_| {}), Checked::Holds);
        let by = |index: u64| {
            move |v: &mut Vote| {
                if let Proof::Passkey { registered, .. } = &mut v.proof {
                    *registered = Some(index);
                }
            }
        };
        assert_eq!(check(&by(4)), Checked::Outside, "before the range of the package");
        assert_eq!(check(&by(8)), Checked::Withheld, "not disclosed");
        assert_eq!(check(&|v| (v.assurance, v.proof) = (Assurance::Token, Proof::OsUser)), Checked::Word);
        type Forge<'a> = (&'a str, &'a dyn Fn(&mut Vote));
        let forged: [Forge<'_>; 9] = [
            ("a record that registers nothing", &by(7)),
            ("a later record", &by(12)),
            ("a record that is not there", &by(99)),
            ("another call", &|v| v.digest = Digest([4; 32])),
            ("somebody else", &|v| v.voter = account("omar")),
            ("no signature", &|v| v.proof = Proof::Token { method: "jwt".into() }),
            ("no record", &|v| {
                if let Proof::Passkey { registered, .. } = &mut v.proof {
                    *registered = None;
                }
            }),
            ("another signature", &|v| {
                if let (Proof::Passkey { signature, .. }, (_, other)) = (&mut v.proof, signed(v.digest))
                    && let Proof::Passkey { signature: theirs, .. } = other.proof
                {
                    *signature = theirs;
                }
            }),
            ("user not verified", &|v| {
                if let Proof::Passkey { authenticator_data, .. } = &mut v.proof {
                    let mut data = bytes(authenticator_data).unwrap();
                    data[32] = 1;
                    *authenticator_data = text(&data);
                }
            }),
        ];
        for (what, change) in forged {
            assert!(matches!(check(change), Checked::Wrong(_)), "{what}");
        }
    }

    #[test]
    fn the_same_signature_counts_once() {
        let (detail, vote) = signed(Digest([3; 32]));
        let mut keys = Passkeys::default();
        keys.register(9, &detail).unwrap();
        assert_eq!(keys.check(&vote, 12), Checked::Holds);
        assert!(matches!(keys.check(&vote, 13), Checked::Wrong(_)), "the counter stands still");
    }
}
