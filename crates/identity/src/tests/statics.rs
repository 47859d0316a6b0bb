//! Static API tokens.

use carnet_model::{AuthMethod, IdentityKind};

use super::*;
use crate::{DenyList, NoRevocations, STATIC_ISSUER, StaticToken, StaticTokens, TokenHash, make_token};

fn configured(name: &str, hex: &str, expires: Option<i64>) -> StaticToken {
    StaticToken {
        name: name.into(),
        sha256: TokenHash::from_hex(hex).unwrap(),
        subject: "ci".into(),
        kind: IdentityKind::Workload,
        groups: vec!["build".into()],
        scopes: Vec::new(),
        expires,
        region: None,
        purpose: None,
    }
}

#[test]
fn a_made_token_is_known_again() {
    let made = make_token(&[7; 32]);
    let token = made.token.expose();
    expect_test::expect!["carnet_1fJjkkpe9PiTw9KSulA8Ghct30vZz4HpdQ5c5b9cPF12dZ9Ea"].assert_eq(token);
    let tokens = StaticTokens::new(&[configured("ci", &made.sha256, Some(NOW + 1))]).unwrap();
    let v = tokens.verify(token, NOW, &NoRevocations).unwrap();
    assert_eq!(v.principal.method, AuthMethod::StaticToken);
    assert_eq!((&*v.principal.identity.issuer, &*v.principal.identity.subject), (STATIC_ISSUER, "ci"));
    assert_eq!(v.token_id.as_deref(), Some("ci"));
    assert_eq!(rule_of(tokens.verify(token, NOW + 1, &NoRevocations)), "expired");
    let list = DenyList { token_ids: [(STATIC_ISSUER.into(), "ci".into())].into(), ..DenyList::default() };
    assert_eq!(rule_of(tokens.verify(token, NOW, &list)), "revoked");
    assert!(!format!("{made:?} {tokens:?}").contains(token.as_str()));
}

#[test]
fn other_tokens_are_unknown() {
    let made = make_token(&[1; 32]);
    let other = make_token(&[2; 32]);
    let tokens = StaticTokens::new(&[configured("a", &made.sha256, None)]).unwrap();
    let good = made.token.expose();
    let mut typo = good.clone();
    typo.replace_range(10..11, if &good[10..11] == "a" { "b" } else { "a" });
    for token in ["", "carnet_", "carnet_ä", other.token.expose(), &typo, &good[..good.len() - 1]] {
        assert_eq!(rule_of(tokens.verify(token, NOW, &NoRevocations)), "unknown-static-token", "{token}");
    }
    assert!(StaticTokens::looks_static(good) && !StaticTokens::looks_static("ey.."));
}

#[test]
fn names_and_hashes_are_unique() {
    let (a, b) = (make_token(&[1; 32]).sha256, make_token(&[2; 32]).sha256);
    assert!(StaticTokens::new(&[configured("x", &a, None), configured("x", &b, None)]).is_err());
    assert!(StaticTokens::new(&[configured("x", &a, None), configured("y", &a, None)]).is_err());
    assert!(StaticTokens::new(&[configured("x", &a, None), configured("y", &b, None)]).is_ok());
}

#[test]
fn the_extremes_of_entropy_have_the_same_length() {
    for entropy in [[0; 32], [0xff; 32]] {
        assert_eq!(make_token(&entropy).token.expose().len(), 7 + 43 + 6);
    }
}

#[test]
fn hex_is_strict() {
    let hex = "ab".repeat(32);
    assert_eq!(TokenHash::from_hex(&hex).unwrap().to_hex(), hex);
    for bad in ["", "ab", &"+1".repeat(32), &"zz".repeat(32), &"ab".repeat(33)] {
        assert_eq!(TokenHash::from_hex(bad), None);
    }
}
