//! An agent acting for a person: the `act` claim and the actor token.

use carnet_model::IdentityKind;
use serde_json::json;

use super::*;
use crate::{ClaimPath, NoRevocations, Verifier};

fn delegated(subject: Value, actor: Value) -> Result<Arc<Verified>, IdentityError> {
    let rules = [rules()];
    let verifier = Verifier { rules: &rules, keys: all_keys(), revocations: &NoRevocations, cache: None };
    verifier.verify_delegated(&token(&with(subject)), &token(&with(actor)), NOW)
}

/// A client-credentials token of an agent.
fn agent(changes: Value) -> Value {
    let mut claims = json!({"sub": "agent-7", "client_id": "agent-7", "azp": null, "groups": null});
    claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    claims
}

#[test]
fn the_act_claim_names_the_agent() {
    let act = json!({"sub": "agent-7", "act": {"sub": "agent-3", "iss": "https://other.example"}});
    let v = check(&token(&with(json!({"act": act}))), &rules()).unwrap();
    let names: Vec<_> = v.actors.iter().map(|a| (&*a.subject, &*a.issuer, a.kind)).collect();
    let workload = IdentityKind::Workload;
    assert_eq!(names, [("agent-7", ISSUER, workload), ("agent-3", "https://other.example", workload)]);
    assert_eq!(v.principal.agent.as_ref(), v.actors.first());
    assert_eq!(&*v.principal.identity.subject, "u-1");
}

#[test]
fn an_act_claim_of_another_form_is_refused() {
    let mut deep = json!({"sub": "a"});
    for _ in 0..8 {
        deep = json!({"sub": "a", "act": deep});
    }
    for act in [json!("agent"), json!([]), json!({}), json!({"sub": ""}), json!({"sub": 1}), deep] {
        assert_eq!(rule_of(check(&token(&with(json!({"act": act}))), &rules())), "actor-shape", "{act}");
    }
}

#[test]
fn the_actor_may_be_in_another_claim() {
    let mut rules = rules();
    rules.actor = ClaimPath::parse("https://acme.example/agent").unwrap();
    let v = check(&token(&with(json!({"https://acme.example/agent": "agent-9"}))), &rules).unwrap();
    assert_eq!(v.principal.agent.as_ref().map(|a| &*a.subject), Some("agent-9"));
}

#[test]
fn an_actor_token_gives_the_agent() {
    let v = delegated(json!({}), agent(json!({"exp": NOW + 20}))).unwrap();
    assert_eq!(&*v.principal.identity.subject, "u-1");
    assert_eq!(v.principal.agent.as_ref().map(|a| &*a.subject), Some("agent-7"));
    // The groups stay the person's, and the sooner end counts.
    assert_eq!(v.principal.groups.join(" "), "eu support");
    assert_eq!(v.expires, Some(NOW + 20));
}

#[test]
fn actor_tokens_that_do_not_fit() {
    let expired = IdentityError::Actor(Box::new(IdentityError::Expired));
    let cases = [
        ("a person as actor", json!({}), json!({"sub": "u-2"}), "actor-not-workload"),
        ("expired", json!({}), agent(json!({"exp": 0})), "actor"),
        ("other audience", json!({}), agent(json!({"aud": "x"})), "actor"),
        ("act names it", json!({"act": {"sub": "agent-7"}}), agent(json!({})), "ok"),
        ("act names another", json!({"act": {"sub": "agent-1"}}), agent(json!({})), "actor-mismatch"),
        ("may_act allows it", json!({"may_act": {"sub": "agent-7"}}), agent(json!({})), "ok"),
        (
            "may_act allows another",
            json!({"may_act": {"sub": "agent-1"}}),
            agent(json!({})),
            "actor-mismatch",
        ),
        (
            "may_act at another issuer",
            json!({"may_act": {"sub": "agent-7", "iss": "x"}}),
            agent(json!({})),
            "actor-mismatch",
        ),
        ("acting for itself", agent(json!({})), agent(json!({})), "actor-mismatch"),
        ("an actor with an actor", json!({}), agent(json!({"act": {"sub": "z"}})), "actor-not-workload"),
    ];
    for (what, subject, actor, expected) in cases {
        assert_eq!(rule_of(delegated(subject, actor)), expected, "{what}");
    }
    assert_eq!(delegated(json!({}), agent(json!({"exp": 0}))).unwrap_err(), expired);
}
