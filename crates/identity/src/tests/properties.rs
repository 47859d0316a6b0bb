//! Nothing that a caller can send makes the check panic or pass.

use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn any_text_is_refused(text in "\\PC{0,200}") {
        prop_assert!(check(&text, &rules()).is_err());
    }

    #[test]
    fn any_three_parts_are_refused(header in any::<Vec<u8>>(), payload in any::<Vec<u8>>(), sig in any::<Vec<u8>>()) {
        let text = format!("{}.{}.{}", b64(&header), b64(&payload), b64(&sig));
        prop_assert!(check(&text, &rules()).is_err());
    }

    /// Any payload, properly signed, gives an answer; who passes has the subject that was signed.
    #[test]
    fn any_signed_claims_give_an_answer(
        claim in "sub|exp|nbf|iat|aud|iss|groups|scope|scp|act|may_act|cnf|azp|jti|sid|_claim_names|gty|idtyp|nonce|typ",
        value in arbitrary_json(),
    ) {
        let mut claims = good();
        claims[claim] = value;
        let token = token(&claims);
        if let Ok(v) = check(&token, &rules()) {
            prop_assert_eq!(Some(&*v.principal.identity.subject), claims["sub"].as_str());
            prop_assert_eq!(Some(&*v.principal.identity.issuer), claims["iss"].as_str());
        }
    }

    /// One changed byte anywhere in a good token is noticed.
    #[test]
    fn any_changed_byte_is_refused(at in any::<prop::sample::Index>(), to in 33u8..127) {
        let good = token(&good());
        let mut bytes = good.clone().into_bytes();
        let at = at.index(bytes.len());
        prop_assume!(bytes[at] != to);
        bytes[at] = to;
        prop_assert!(check(std::str::from_utf8(&bytes).unwrap(), &rules()).is_err());
    }

    #[test]
    fn any_key_set_is_read(text in "\\PC{0,200}") {
        let _ = KeySet::parse(text.as_bytes());
    }
}

fn arbitrary_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-z:/. ]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map("sub|iss|act|groups|[a-z]{1,4}", inner, 0..4)
                .prop_map(|m| Value::Object(m.into_iter().collect())),
        ]
    })
}
