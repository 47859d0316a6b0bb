//! Good and bad tokens, each with the rule that decides.

use jsonwebtoken::Algorithm as Alg;
use serde_json::json;

use super::*;

#[test]
fn every_algorithm_is_verified() {
    let s = signers();
    let cases = [
        (Alg::RS256, &s.rsa, "rsa"),
        (Alg::RS384, &s.rsa, "rsa"),
        (Alg::RS512, &s.rsa, "rsa"),
        (Alg::PS256, &s.rsa, "rsa"),
        (Alg::PS384, &s.rsa, "rsa"),
        (Alg::PS512, &s.rsa, "rsa"),
        (Alg::ES256, &s.p256, "p256"),
        (Alg::ES384, &s.p384, "p384"),
        (Alg::EdDSA, &s.ed, "ed"),
    ];
    for (alg, signer, kid) in cases {
        let header = json!({"alg": format!("{alg:?}"), "kid": kid, "typ": "at+jwt"});
        let token = sign_raw(&header, &good().to_string(), &signer.key, alg);
        let verified = check(&token, &rules()).unwrap_or_else(|e| panic!("{alg:?}: {e}"));
        assert_eq!(&*verified.principal.identity.subject, "u-1");
        // One changed bit of the signature, and another payload under the same signature.
        let mut damaged = token.clone().into_bytes();
        let at = damaged.len() - 20;
        damaged[at] = if damaged[at] == b'A' { b'B' } else { b'A' };
        assert_eq!(rule_of(check(std::str::from_utf8(&damaged).unwrap(), &rules())), "signature", "{alg:?}");
        let (signed, sig) = token.rsplit_once('.').unwrap();
        let (head, _) = signed.split_once('.').unwrap();
        let other = b64(with(json!({"sub": "admin"})).to_string().as_bytes());
        assert_eq!(rule_of(check(&format!("{head}.{other}.{sig}"), &rules())), "signature", "{alg:?}");
    }
}

#[test]
fn a_good_token_says_everything() {
    let v = check(&token(&good()), &rules()).unwrap();
    let texts = |list: &[Arc<str>]| list.join(",");
    assert_eq!(texts(&v.principal.groups), "eu,support");
    assert_eq!(texts(&v.principal.scopes), "mcp,openid");
    assert_eq!(v.principal.identity.kind, carnet_model::IdentityKind::User);
    assert_eq!(&*v.principal.identity.issuer, ISSUER);
    assert_eq!((v.expires, v.issued, v.not_before), (Some(NOW + 300), Some(NOW - 10), Some(NOW - 10)));
    assert_eq!((v.token_id.as_deref(), v.client.as_deref()), (Some("t-1"), Some("ide")));
    // Nothing of it is printed.
    assert!(!format!("{v:?}").contains("u-1"));
}

#[test]
fn claims_decide() {
    let cases = [
        (json!({"aud": ["x", AUDIENCE]}), "ok"),
        (json!({"aud": "https://carnet.example/mcp/crm/"}), "audience"),
        (json!({"aud": ["x", "y"]}), "audience"),
        (json!({"aud": []}), "audience"),
        (json!({"aud": 7}), "claim-shape"),
        (json!({"aud": [AUDIENCE, 7]}), "claim-shape"),
        (json!({"aud": null}), "claim-missing"),
        (json!({"iss": null}), "claim-missing"),
        (json!({"iss": "https://idp.example/realms/acme/"}), "issuer"),
        (json!({"iss": "https://IDP.example/realms/acme"}), "issuer"),
        (json!({"iss": [ISSUER]}), "claim-shape"),
        (json!({"sub": null}), "claim-missing"),
        (json!({"sub": ""}), "claim-missing"),
        (json!({"sub": 5}), "claim-shape"),
        (json!({"exp": null}), "claim-missing"),
        (json!({"exp": "1800000300"}), "claim-shape"),
        (json!({"exp": true}), "claim-shape"),
        (json!({"exp": 1_800_000_300.75}), "ok"),
        // Skew edges: 60 s either way, and the second past it.
        (json!({"exp": NOW - 59}), "ok"),
        (json!({"exp": NOW - 60}), "expired"),
        (json!({"exp": -1}), "expired"),
        (json!({"exp": 0}), "expired"),
        (json!({"nbf": NOW + 60}), "ok"),
        (json!({"nbf": NOW + 61}), "not-yet-valid"),
        (json!({"iat": NOW + 60}), "ok"),
        (json!({"iat": NOW + 61}), "issued-in-future"),
        (json!({"nbf": null, "iat": null}), "ok"),
        (json!({"nbf": "soon"}), "claim-shape"),
        (json!({"groups": "support"}), "ok"),
        (json!({"groups": [["support"]]}), "claim-shape"),
        (json!({"groups": {"a": 1}}), "claim-shape"),
        (json!({"groups": null}), "ok"),
        (json!({"scope": 3}), "claim-shape"),
        (json!({"cnf": {"jkt": "abc"}}), "sender-constrained"),
        // What was not issued as an access token.
        (json!({"at_hash": "x"}), "not-access-token"),
        (json!({"nonce": "x", "scope": null}), "not-access-token"),
        (json!({"nonce": "x"}), "ok"),
        (json!({"typ": "ID"}), "not-access-token"),
        (json!({"typ": "Refresh"}), "not-access-token"),
        (json!({"typ": "Bearer"}), "ok"),
        (json!({"events": {"http://schemas.openid.net/event/backchannel-logout": {}}}), "not-access-token"),
    ];
    for (changes, expected) in cases {
        assert_eq!(rule_of(check(&token(&with(changes.clone())), &rules())), expected, "{changes}");
    }
}

#[test]
fn headers_decide() {
    let cases = [
        (json!({"alg": "EdDSA", "kid": "ed"}), "ok"),
        (json!({"alg": "Ed25519", "kid": "ed"}), "ok"),
        (json!({"alg": "eddsa", "kid": "ed"}), "algorithm"),
        (json!({"kid": "ed"}), "algorithm"),
        (json!({"alg": ["EdDSA"], "kid": "ed"}), "algorithm"),
        (json!({"alg": "none", "kid": "ed"}), "algorithm"),
        (json!({"alg": "HS256", "kid": "ed"}), "algorithm"),
        (json!({"alg": "ES256K", "kid": "ed"}), "algorithm"),
        (json!({"alg": "EdDSA", "kid": 7}), "claim-shape"),
        (json!({"alg": "EdDSA", "kid": "gone"}), "unknown-key"),
        (json!({"alg": "ES256", "kid": "ed"}), "key-mismatch"),
        (json!({"alg": "EdDSA", "kid": "ed", "typ": "JWT"}), "ok"),
        (json!({"alg": "EdDSA", "kid": "ed", "typ": "application/AT+JWT"}), "ok"),
        (json!({"alg": "EdDSA", "kid": "ed", "typ": "dpop+jwt"}), "typ"),
        (json!({"alg": "EdDSA", "kid": "ed", "typ": "logout+jwt"}), "typ"),
        (json!({"alg": "EdDSA", "kid": "ed", "typ": 1}), "typ"),
        (json!({"alg": "EdDSA", "kid": "ed", "crit": ["exp"]}), "crit"),
        (json!({"alg": "EdDSA", "kid": "ed", "crit": []}), "crit"),
        (json!({"alg": "EdDSA", "kid": "ed", "b64": false}), "crit"),
        (json!({"alg": "EdDSA", "kid": "ed", "enc": "A128GCM"}), "encrypted"),
        (json!("EdDSA"), "malformed"),
    ];
    for (header, expected) in cases {
        let token = sign_raw(&header, &good().to_string(), &signers().ed.key, Alg::EdDSA);
        assert_eq!(rule_of(check(&token, &rules())), expected, "{header}");
    }
}

#[test]
fn none_and_shared_secret_forgeries_are_refused() {
    let payload = b64(good().to_string().as_bytes());
    for alg in ["none", "None", "NONE", "nOnE", ""] {
        let header = b64(json!({"alg": alg, "kid": "rsa"}).to_string().as_bytes());
        for signature in ["", "AAAA"] {
            let forged = format!("{header}.{payload}.{signature}");
            assert_eq!(rule_of(check(&forged, &rules())), "algorithm", "{alg:?}");
        }
    }
    // The public key as an HMAC secret, in the forms an attacker has it.
    let rsa = &signers().rsa;
    for secret in
        [rsa.public.clone(), rsa.jwk.to_string().into_bytes(), rsa.jwk["n"].to_string().into_bytes()]
    {
        for alg in [Alg::HS256, Alg::HS384, Alg::HS512] {
            let header = json!({"alg": format!("{alg:?}"), "kid": "rsa"});
            let forged = sign_raw(&header, &good().to_string(), &EncodingKey::from_secret(&secret), alg);
            assert_eq!(rule_of(check(&forged, &rules())), "algorithm");
        }
    }
}

#[test]
fn keys_in_the_header_are_not_used() {
    let attacker = ed_signer("ed");
    for member in ["jwk", "jku", "x5c", "x5u"] {
        let mut header = json!({"alg": "EdDSA", "kid": "ed"});
        header[member] = attacker.jwk.clone();
        let forged = sign_raw(&header, &good().to_string(), &attacker.key, Alg::EdDSA);
        assert_eq!(rule_of(check(&forged, &rules())), "signature", "{member}");
    }
}

#[test]
fn an_algorithm_that_the_rules_leave_out_is_refused() {
    let mut only_rsa = rules();
    only_rsa.algorithms = vec![crate::Algorithm::RS256];
    assert_eq!(rule_of(check(&token(&good()), &only_rsa)), "algorithm");
}

#[test]
fn duplicate_claims_are_refused() {
    let text = good().to_string();
    let inner = &text[1..];
    let header = json!({"alg": "EdDSA", "kid": "ed"});
    for extra in [r#""sub":"admin","#, r#""s\u0075b":"admin","#, r#""groups":["admin"],"#] {
        let token = sign_raw(&header, &format!("{{{extra}{inner}"), &signers().ed.key, Alg::EdDSA);
        assert_eq!(rule_of(check(&token, &rules())), "duplicate-claim", "{extra}");
    }
    let header = b64(br#"{"alg":"EdDSA","kid":"ed","alg":"none"}"#);
    let forged = format!("{header}.{}.AAAA", b64(text.as_bytes()));
    assert_eq!(rule_of(check(&forged, &rules())), "duplicate-claim");
}

#[test]
fn malformed_tokens_are_refused() {
    let good = token(&good());
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let big = with(json!({"x": "a".repeat(20_000)}));
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(40), "]".repeat(40));
    let header = json!({"alg": "EdDSA", "kid": "ed"});
    let cases = [
        (String::new(), "missing"),
        ("x".to_owned(), "malformed"),
        ("a.b".to_owned(), "malformed"),
        ("..".to_owned(), "malformed"),
        ("a.b.c.d.e".to_owned(), "encrypted"),
        ("a.b.c.d".to_owned(), "malformed"),
        (format!("{good}="), "malformed"),
        (format!("{good} "), "malformed"),
        (format!("{good}\n"), "malformed"),
        (format!("{signed}."), "signature"),
        (format!("{signed}.{}", signature.replace(['-', '_'], "+")), "malformed"),
        (token(&big), "too-large"),
        (sign_raw(&header, &deep, &signers().ed.key, Alg::EdDSA), "malformed"),
        (sign_raw(&header, "[]", &signers().ed.key, Alg::EdDSA), "malformed"),
        (sign_raw(&header, "{} ", &signers().ed.key, Alg::EdDSA), "claim-missing"),
    ];
    for (token, expected) in cases {
        let shown: String = token.chars().take(40).collect();
        // A signature without - and _ stays what it was.
        if token != good {
            assert_eq!(rule_of(check(&token, &rules())), expected, "{shown}");
        }
    }
}

#[test]
fn errors_hold_no_value() {
    let secret = "s3cr3t-subject";
    for changes in [
        json!({"sub": secret, "exp": 0}),
        json!({"iss": secret}),
        json!({"aud": secret}),
        json!({"sub": secret, "groups": {secret: 1}}),
        json!({"jti": {secret: 1}}),
    ] {
        let error = check(&token(&with(changes)), &rules()).unwrap_err();
        assert!(!format!("{error} {error:?} {:?}", error.outward()).contains(secret));
    }
}

#[test]
fn required_scopes() {
    let mut strict = rules();
    strict.required_scopes = Arc::new(["mcp".into(), "crm".into()]);
    assert_eq!(rule_of(check(&token(&good()), &strict)), "scope");
    assert_eq!(rule_of(check(&token(&with(json!({"scp": ["crm"]}))), &strict)), "ok");
}

#[test]
fn two_rules_of_one_issuer_are_told_apart_by_the_audience() {
    let mut second = IssuerRules::new(ISSUER, &["other"]);
    second.region = Some(carnet_model::Region::new("de"));
    let both = [rules(), second];
    let v = verify(&token(&with(json!({"aud": "other"}))), &both, all_keys(), NOW, None).unwrap();
    assert_eq!(v.principal.region.as_ref().map(|r| r.as_str()), Some("de"));
}

#[test]
fn no_audience_configured_accepts_nothing() {
    assert_eq!(rule_of(check(&token(&good()), &IssuerRules::new(ISSUER, &[]))), "audience");
}
