//! Which key verifies, and which keys are never used.

use jsonwebtoken::Algorithm as Alg;
use serde_json::json;

use super::*;
use crate::Skipped;

fn named(jwk: &Value, changes: Value) -> Value {
    let mut jwk = jwk.clone();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            jwk.as_object_mut().unwrap().remove(name);
        } else {
            jwk[name] = value.clone();
        }
    }
    jwk
}

fn ed_token(kid: Option<&str>) -> String {
    let mut header = json!({"alg": "EdDSA"});
    if let Some(kid) = kid {
        header["kid"] = kid.into();
    }
    sign_raw(&header, &good().to_string(), &signers().ed.key, Alg::EdDSA)
}

#[test]
fn which_key_is_taken() {
    let s = signers();
    let other = ed_signer("ed");
    let third = ed_signer("third");
    let no_kid = named(&s.ed.jwk, json!({"kid": null}));
    let cases: Vec<(&str, Option<&str>, Vec<&Value>, &str)> = vec![
        ("by name", Some("ed"), vec![&s.rsa.jwk, &s.ed.jwk], "ok"),
        ("two of one name, the wrong one first", Some("ed"), vec![&other.jwk, &s.ed.jwk], "ok"),
        ("only the wrong one", Some("ed"), vec![&other.jwk], "signature"),
        ("unknown name", Some("new"), vec![&s.ed.jwk], "unknown-key"),
        ("a name, and a key without one", Some("ed"), vec![&no_kid], "unknown-key"),
        ("no name, one key", None, vec![&s.ed.jwk], "ok"),
        ("no name, one key that fits", None, vec![&s.rsa.jwk, &s.p256.jwk, &s.ed.jwk], "ok"),
        ("no name, two that fit", None, vec![&s.ed.jwk, &third.jwk], "ambiguous-key"),
        ("no name, none that fits", None, vec![&s.rsa.jwk], "key-mismatch"),
        ("no keys", Some("ed"), vec![], "unknown-key"),
    ];
    for (what, kid, jwks, expected) in cases {
        let result = verify(&ed_token(kid), &[rules()], &keys(&jwks), NOW, None);
        assert_eq!(rule_of(result), expected, "{what}");
    }
}

#[test]
fn keys_that_say_they_are_for_something_else() {
    let jwk = &signers().ed.jwk;
    let cases = [
        (json!({"use": "sig", "alg": "EdDSA", "key_ops": ["verify"]}), "ok"),
        (json!({"use": "enc"}), "key-mismatch"),
        (json!({"key_ops": ["sign"]}), "key-mismatch"),
        (json!({"key_ops": "verify"}), "key-mismatch"),
        (json!({"alg": "ES256"}), "key-mismatch"),
        (json!({"alg": "HS256"}), "key-mismatch"),
        (json!({"d": "AAAA"}), "key-mismatch"),
        (json!({"crv": "X25519"}), "key-mismatch"),
        (json!({"kty": "oct", "k": "AAAA"}), "key-mismatch"),
        (json!({"x": "AAAA"}), "key-mismatch"),
    ];
    for (changes, expected) in cases {
        let set = keys(&[&named(jwk, changes.clone())]);
        assert_eq!(
            rule_of(verify(&ed_token(Some("ed")), &[rules()], &set, NOW, None)),
            expected,
            "{changes}"
        );
    }
}

#[test]
fn an_rsa_key_with_an_algorithm_is_for_that_one_only() {
    let rsa = &signers().rsa;
    let set = keys(&[&named(&rsa.jwk, json!({"alg": "PS256"}))]);
    for (alg, expected) in [(Alg::PS256, "ok"), (Alg::RS256, "key-mismatch")] {
        let header = json!({"alg": format!("{alg:?}"), "kid": "rsa"});
        let token = sign_raw(&header, &good().to_string(), &rsa.key, alg);
        assert_eq!(rule_of(verify(&token, &[rules()], &set, NOW, None)), expected);
    }
}

#[test]
fn bad_keys_do_not_spoil_the_set() {
    let small = json!({"kty": "RSA", "kid": "small", "n": b64(&[0xff; 128]), "e": "AQAB"});
    let jwks = json!({"keys": [
        {"kty": "AKP", "alg": "ML-DSA-44"}, {"kty": "oct", "k": "c2VjcmV0"}, {"kid": "x"}, 7, small,
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}, signers().ed.jwk,
    ]});
    let set = KeySet::parse(jwks.to_string().as_bytes()).unwrap();
    assert_eq!(set.keys().len(), 1);
    use Skipped::{Malformed, Unsupported};
    let expected = [Unsupported, Unsupported, Malformed, Malformed, Malformed, Malformed];
    assert_eq!(set.skipped().collect::<Vec<_>>(), expected);
}

#[test]
fn what_is_no_key_set() {
    let many = format!(r#"{{"keys":[{}]}}"#, vec!["{}"; 129].join(","));
    for text in ["", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":[],"keys":[]}"#, many.as_str()] {
        assert!(KeySet::parse(text.as_bytes()).is_err(), "{text:.20}");
    }
    assert!(KeySet::parse(br#"{"keys":[]}"#).unwrap().keys().is_empty());
}

#[test]
fn no_keys_is_not_the_callers_fault() {
    let error = verify(&ed_token(None), &[rules()], &Keys::new(), NOW, None).unwrap_err();
    assert_eq!((error.rule(), error.outward().status), ("no-keys", 503));
    assert_eq!(error.wants_keys_of().map(|i| &**i), Some(ISSUER));
}
