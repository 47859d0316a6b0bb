//! What a cached token is still checked for.

use serde_json::json;

use super::*;
use crate::{DenyList, NoRevocations, TokenHash, Verifier};

#[test]
fn a_hit_is_the_same_answer() {
    let cache = new_cache();
    let token = token(&good());
    let first = verify(&token, &[rules()], all_keys(), NOW, Some(&cache)).unwrap();
    let second = verify(&token, &[rules()], all_keys(), NOW, Some(&cache)).unwrap();
    assert!(Arc::ptr_eq(&first, &second));
    assert_eq!(cache.len(), 1);
}

#[test]
fn a_hit_is_checked_for_what_may_change() {
    let cache = new_cache();
    let token = token(&with(json!({"nbf": NOW, "sid": "s-1"})));
    verify(&token, &[rules()], all_keys(), NOW, Some(&cache)).unwrap();
    let at = |now: i64, keys: &Keys| rule_of(verify(&token, &[rules()], keys, now, Some(&cache)));
    assert_eq!(at(NOW + 359, all_keys()), "ok");
    assert_eq!(at(NOW + 360, all_keys()), "expired");
    assert_eq!(at(NOW - 61, all_keys()), "not-yet-valid");
    // The issuer withdraws the key, replaces it under the same name, or has no keys that are fresh enough.
    let s = signers();
    assert_eq!(at(NOW, &keys(&[&s.rsa.jwk])), "key-withdrawn");
    assert_eq!(at(NOW, &keys(&[&ed_signer("ed").jwk])), "key-withdrawn");
    assert_eq!(at(NOW, &Keys::new()), "no-keys");
    assert_eq!(at(NOW, all_keys()), "ok");

    let issuer: Arc<str> = ISSUER.into();
    let entry = |id: &str| [(issuer.clone(), Arc::from(id))].into();
    let lists = [
        DenyList { token_ids: entry("t-1"), ..DenyList::default() },
        DenyList { subjects: entry("u-1"), ..DenyList::default() },
        DenyList { sessions: entry("s-1"), ..DenyList::default() },
        DenyList { tokens: [TokenHash::of(&token)].into(), ..DenyList::default() },
    ];
    let rules = [rules()];
    for list in &lists {
        let verifier = Verifier { rules: &rules, keys: all_keys(), revocations: list, cache: Some(&cache) };
        assert_eq!(rule_of(verifier.verify(&token, NOW)), "revoked", "{list:?}");
    }
    let another = DenyList { subjects: entry("u-2"), token_ids: entry("x"), ..DenyList::default() };
    let verifier = Verifier { rules: &rules, keys: all_keys(), revocations: &another, cache: Some(&cache) };
    assert_eq!(rule_of(verifier.verify(&token, NOW)), "ok");
}

#[test]
fn an_agent_on_the_list_stops_the_call() {
    let list = DenyList { subjects: [(ISSUER.into(), "agent-7".into())].into(), ..DenyList::default() };
    let rules = [rules()];
    let verifier = Verifier { rules: &rules, keys: all_keys(), revocations: &list, cache: None };
    let token = token(&with(json!({"act": {"sub": "agent-7"}})));
    assert_eq!(rule_of(verifier.verify(&token, NOW)), "revoked");
}

#[test]
fn a_refused_token_is_not_kept() {
    let cache = new_cache();
    for changes in [json!({"exp": 0}), json!({"aud": "x"}), json!({"sub": ""})] {
        let _ = verify(&token(&with(changes)), &[rules()], all_keys(), NOW, Some(&cache));
    }
    assert!(cache.is_empty());
}

#[test]
fn the_cache_is_bounded_and_keeps_what_is_used() {
    let cache = VerifiedCache::new(32);
    let rules = [rules()];
    let verifier =
        Verifier { rules: &rules, keys: all_keys(), revocations: &NoRevocations, cache: Some(&cache) };
    let hot = token(&good());
    let first = verifier.verify(&hot, NOW).unwrap();
    for n in 0..300 {
        verifier.verify(&token(&with(json!({"jti": format!("j{n}")}))), NOW).unwrap();
        assert!(Arc::ptr_eq(&first, &verifier.verify(&hot, NOW).unwrap()), "{n}");
    }
    assert!(cache.len() <= 32, "{}", cache.len());
    cache.clear();
    assert!(cache.is_empty());
}

#[test]
fn it_is_shared_between_threads() {
    let cache = new_cache();
    let tokens: Vec<_> = (0..8).map(|n| token(&with(json!({"jti": format!("j{n}")})))).collect();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for token in tokens.iter().cycle().take(200) {
                    verify(token, &[rules()], all_keys(), NOW, Some(&cache)).unwrap();
                }
            });
        }
    });
    assert_eq!(cache.len(), 8);
}
