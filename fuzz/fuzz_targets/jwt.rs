//! Any bytes as a token, as a key set, and, where they look like claims, as the payload of a token with a good
//! signature, so that the reading of claims is reached too. Needs carnet-identity, aws-lc-rs and base64.
#![no_main]

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use carnet_identity::{IssuerRules, KeySet, NoRevocations, StaticTokens, verify};
use libfuzzer_sys::fuzz_target;

const ISSUER: &str = "https://idp.example";
const NOW: i64 = 1_800_000_000;

struct Fixed {
    pair: Ed25519KeyPair,
    keys: HashMap<String, Arc<KeySet>>,
    rules: [IssuerRules; 1],
}

static FIXED: LazyLock<Fixed> = LazyLock::new(|| {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[1; 32]).expect("a seed of 32 bytes");
    let x = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
    let jwks = format!(r#"{{"keys":[{{"kty":"OKP","crv":"Ed25519","x":"{x}"}}]}}"#);
    let set = Arc::new(KeySet::parse(jwks.as_bytes()).expect("a key set"));
    Fixed {
        pair,
        keys: HashMap::from([(ISSUER.to_owned(), set)]),
        rules: [IssuerRules::new(ISSUER, &["carnet"])],
    }
});

fuzz_target!(|data: &[u8]| {
    let fixed = &*FIXED;
    let _ = KeySet::parse(data);
    if let Ok(text) = std::str::from_utf8(data) {
        // Without the private key there is no good token.
        assert!(verify(text, &fixed.rules, &fixed.keys, NOW, None).is_err());
        assert!(StaticTokens::default().verify(text, NOW, &NoRevocations).is_err());
    }
    if data.first() == Some(&b'{') {
        let header = URL_SAFE_NO_PAD.encode(br#"{"alg":"EdDSA"}"#);
        let message = format!("{header}.{}", URL_SAFE_NO_PAD.encode(data));
        let signature = URL_SAFE_NO_PAD.encode(fixed.pair.sign(message.as_bytes()).as_ref());
        if let Ok(verified) = verify(&format!("{message}.{signature}"), &fixed.rules, &fixed.keys, NOW, None)
        {
            assert_eq!(&*verified.principal.identity.issuer, ISSUER);
            assert!(verified.expires.is_some_and(|exp| exp > NOW - 60));
        }
    }
});
