//! Against a software authenticator that is not ours (1Password's, on the pure Rust curves): what it registers and signs is
//! accepted, and every change of it is refused by the rule of its own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use carnet_webauthn::{
    Algorithm, Assertion, Credential, Expected, PublicKey, Registration, WebauthnError, register,
};
use passkey_authenticator::{Authenticator, MemoryStore, UiHint, UserCheck, UserValidationMethod};
use passkey_client::{Client, DefaultClientData};
use passkey_types::Passkey;
use passkey_types::ctap2::{Aaguid, Ctap2Error};
use passkey_types::webauthn::{CredentialCreationOptions, CredentialRequestOptions};
use serde_json::json;
use url::Url;

const RP: &str = "gateway.example.com";
const ORIGIN: &str = "https://gateway.example.com";
const CHALLENGE: [u8; 32] = [7; 32];

/// Somebody with a finger on the reader, or without.
struct Finger(bool);

#[async_trait::async_trait]
impl UserValidationMethod for Finger {
    type PasskeyItem = Passkey;

    async fn check_user<'a>(
        &self,
        _: UiHint<'a, Passkey>,
        presence: bool,
        _: bool,
    ) -> Result<UserCheck, Ctap2Error> {
        Ok(UserCheck { presence, verification: self.0 })
    }

    fn is_presence_enabled(&self) -> bool {
        true
    }

    fn is_verification_enabled(&self) -> Option<bool> {
        Some(self.0)
    }
}

struct Registered {
    client_data: Vec<u8>,
    attestation: Vec<u8>,
}

struct Signed {
    id: Vec<u8>,
    client_data: Vec<u8>,
    authenticator_data: Vec<u8>,
    signature: Vec<u8>,
}

impl Signed {
    fn assertion(&self) -> Assertion<'_> {
        Assertion {
            id: &self.id,
            client_data: &self.client_data,
            authenticator_data: &self.authenticator_data,
            signature: &self.signature,
            user_handle: None,
        }
    }
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

/// One key, and two signatures by it.
fn ceremony(algorithm: i64, finger: bool, counts: bool) -> (Registered, Signed, Signed) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let backend = passkey_crypto::AvailableBackend;
        let mut authenticator =
            Authenticator::new(Aaguid::new_empty(), MemoryStore::new(), Finger(finger), backend);
        authenticator.set_make_credentials_with_signature_counter(counts);
        let mut client = Client::new(authenticator);
        let origin = Url::parse(ORIGIN).unwrap();
        let verification = if finger { "required" } else { "discouraged" };
        let create: CredentialCreationOptions = serde_json::from_value(json!({ "publicKey": {
            "rp": { "id": RP, "name": "Carnet" },
            "user": { "id": base64(b"ines"), "name": "ines", "displayName": "Ines" },
            "challenge": base64(&CHALLENGE),
            "pubKeyCredParams": [{ "type": "public-key", "alg": algorithm }],
            "authenticatorSelection": { "userVerification": verification },
            "attestation": "none",
        }}))
        .unwrap();
        let made = client.register(&origin, create, DefaultClientData).await.unwrap();
        let registered = Registered {
            client_data: made.response.client_data_json.to_vec(),
            attestation: made.response.attestation_object.to_vec(),
        };
        let mut signed = Vec::new();
        for _ in 0..2 {
            let get: CredentialRequestOptions = serde_json::from_value(json!({ "publicKey": {
                "challenge": base64(&CHALLENGE),
                "rpId": RP,
                "allowCredentials": [{ "type": "public-key", "id": base64(&made.raw_id) }],
                "userVerification": verification,
            }}))
            .unwrap();
            let answer = client.authenticate(&origin, get, DefaultClientData).await.unwrap();
            signed.push(Signed {
                id: answer.raw_id.to_vec(),
                client_data: answer.response.client_data_json.to_vec(),
                authenticator_data: answer.response.authenticator_data.to_vec(),
                signature: answer.response.signature.to_vec(),
            });
        }
        let second = signed.pop().unwrap();
        (registered, signed.pop().unwrap(), second)
    })
}

fn expected() -> Expected<'static> {
    Expected { challenge: &CHALLENGE, rp_id: RP, origins: &["https://other.example.com", ORIGIN] }
}

fn keep(registered: &Registered) -> Result<Credential, WebauthnError> {
    let answer = Registration { client_data: &registered.client_data, attestation: &registered.attestation };
    register(&answer, &expected())
}

#[test]
fn both_algorithms_register_and_sign() {
    for (number, algorithm) in [(-7, Algorithm::Es256), (-8, Algorithm::EdDsa)] {
        let (registered, first, second) = ceremony(number, true, false);
        let key = keep(&registered).unwrap();
        assert_eq!(PublicKey::from_cose(&key.key).unwrap().algorithm(), algorithm);
        for signed in [&first, &second] {
            let verified = key.verify(&signed.assertion(), b"ines", &expected()).unwrap();
            assert_eq!(verified.counter, 0, "this authenticator does not count");
        }
    }
}

#[test]
fn a_counter_only_grows() {
    let (registered, first, second) = ceremony(-7, true, true);
    let mut key = keep(&registered).unwrap();
    key.counter = key.verify(&first.assertion(), b"ines", &expected()).unwrap().counter;
    let again = key.verify(&first.assertion(), b"ines", &expected());
    assert_eq!(again, Err(WebauthnError::Counter), "the same assertion twice");
    key.counter = key.verify(&second.assertion(), b"ines", &expected()).unwrap().counter;
    assert_eq!(key.verify(&first.assertion(), b"ines", &expected()), Err(WebauthnError::Counter));
}

#[test]
fn a_user_who_was_not_verified_is_nobody() {
    let (registered, ..) = ceremony(-7, false, false);
    assert_eq!(keep(&registered), Err(WebauthnError::UserVerification));
}

#[test]
fn what_was_expected_is_what_counts() {
    let (registered, signed, _) = ceremony(-7, true, false);
    let key = keep(&registered).unwrap();
    let good = expected();
    let cases = [
        (Expected { challenge: &[8; 32], ..good }, WebauthnError::Challenge),
        (Expected { challenge: &[], ..good }, WebauthnError::Challenge),
        (Expected { rp_id: "example.com", ..good }, WebauthnError::RelyingParty),
        (Expected { origins: &["http://gateway.example.com"], ..good }, WebauthnError::Origin),
        (Expected { origins: &["https://gateway.example.com:444"], ..good }, WebauthnError::Origin),
        (Expected { origins: &[], ..good }, WebauthnError::Origin),
    ];
    for (other, error) in cases {
        assert_eq!(key.verify(&signed.assertion(), b"ines", &other), Err(error), "{other:?}");
        let answer =
            Registration { client_data: &registered.client_data, attestation: &registered.attestation };
        assert_eq!(register(&answer, &other), Err(error), "{other:?}");
    }
}

#[test]
fn an_assertion_is_bound_to_all_its_parts() {
    let (registered, signed, _) = ceremony(-7, true, false);
    let key = keep(&registered).unwrap();
    let (other, ..) = ceremony(-7, true, false);
    let other = keep(&other).unwrap();
    let check = |assertion: Assertion<'_>| key.verify(&assertion, b"ines", &expected()).unwrap_err();
    let good = signed.assertion();

    assert_eq!(check(Assertion { id: &other.id, ..good }), WebauthnError::Credential);
    assert_eq!(check(Assertion { user_handle: Some(b"omar"), ..good }), WebauthnError::UserHandle);
    assert_eq!(check(Assertion { client_data: &registered.client_data, ..good }), WebauthnError::Ceremony);
    let stolen = Credential { id: signed.id.clone(), ..other };
    assert_eq!(stolen.verify(&good, b"ines", &expected()), Err(WebauthnError::Signature));

    let framed = String::from_utf8(signed.client_data.clone()).unwrap();
    let framed = framed.replacen('{', "{\"topOrigin\":\"https://evil.example\",", 1);
    assert_eq!(check(Assertion { client_data: framed.as_bytes(), ..good }), WebauthnError::CrossOrigin);
    let twice = framed.replace("topOrigin", "type");
    assert_eq!(check(Assertion { client_data: twice.as_bytes(), ..good }), WebauthnError::ClientData);

    let mut flags = signed.authenticator_data.clone();
    for (bit, error) in [(1u8, WebauthnError::UserPresence), (4, WebauthnError::UserVerification)] {
        flags[32] ^= bit;
        assert_eq!(check(Assertion { authenticator_data: &flags, ..good }), error);
        flags[32] ^= bit;
    }
    flags.push(0);
    assert_eq!(check(Assertion { authenticator_data: &flags, ..good }), WebauthnError::AuthenticatorData);
}

#[test]
fn no_flipped_bit_goes_unseen() {
    for algorithm in [-7, -8] {
        let (registered, signed, _) = ceremony(algorithm, true, false);
        let key = keep(&registered).unwrap();
        let flip = |bytes: &[u8], bit: usize| {
            let mut changed = bytes.to_vec();
            changed[bit / 8] ^= 1 << (bit % 8);
            changed
        };
        for bit in 0..signed.authenticator_data.len() * 8 {
            let changed = flip(&signed.authenticator_data, bit);
            let assertion = Assertion { authenticator_data: &changed, ..signed.assertion() };
            assert!(key.verify(&assertion, b"ines", &expected()).is_err(), "authenticator data, bit {bit}");
        }
        for bit in 0..signed.client_data.len() * 8 {
            let changed = flip(&signed.client_data, bit);
            let assertion = Assertion { client_data: &changed, ..signed.assertion() };
            assert!(key.verify(&assertion, b"ines", &expected()).is_err(), "client data, bit {bit}");
        }
        for bit in 0..signed.signature.len() * 8 {
            let changed = flip(&signed.signature, bit);
            let assertion = Assertion { signature: &changed, ..signed.assertion() };
            assert!(key.verify(&assertion, b"ines", &expected()).is_err(), "signature, bit {bit}");
        }
    }
}

#[test]
fn only_a_key_that_attests_itself_or_none() {
    let (registered, ..) = ceremony(-7, true, false);
    let text = |from: &[u8], to: &[u8]| {
        let at = registered.attestation.windows(from.len()).position(|w| w == from).unwrap();
        let all = &registered.attestation;
        [&all[..at], to, &all[at + from.len()..]].concat()
    };
    // "fmt": "none" becomes another format; an empty statement is not enough for it.
    for format in [&b"\x66packed"[..], b"\x68fido-u2f", b"\x63tpm"] {
        let changed = Registered {
            client_data: registered.client_data.clone(),
            attestation: text(b"\x64none", format),
        };
        assert_eq!(keep(&changed), Err(WebauthnError::Attestation));
    }
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_an_answer_or_an_error(a in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
        let client = format!(
            r#"{{"type":"webauthn.create","challenge":"{}","origin":"{ORIGIN}"}}"#, base64(&CHALLENGE));
        let answer = Registration { client_data: client.as_bytes(), attestation: &a };
        proptest::prop_assert!(register(&answer, &expected()).is_err());
        proptest::prop_assert!(PublicKey::from_cose(&a).is_err() || a.len() > 40);
    }
}
