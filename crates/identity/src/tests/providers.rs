//! Token shapes of the common providers: groups, overage, workloads, regions.

use carnet_model::IdentityKind::{self, User, Workload};
use serde_json::json;

use super::*;
use crate::{ClaimPath, GroupPaths, KindRule, Overage};

fn groups_at(paths: &[&str], style: GroupPaths, changes: Value) -> String {
    let mut rules = rules();
    rules.groups = paths.iter().map(|p| ClaimPath::parse(p).unwrap()).collect();
    rules.group_paths = style;
    let mut changes = changes;
    if changes.get("groups").is_none() {
        changes["groups"] = Value::Null;
    }
    match check(&token(&with(changes)), &rules) {
        Ok(v) => v.principal.groups.join(" "),
        Err(e) => format!("refused: {}", e.rule()),
    }
}

#[test]
fn groups_of_each_provider() {
    use GroupPaths::{Keep, Trim, WithParents};
    let keycloak = json!({
        "realm_access": {"roles": ["dpo", "analyst"]},
        "resource_access": {"crm": {"roles": ["reader"]}, "my.client": {"roles": ["writer"]}},
    });
    let auth0 = json!({"https://acme.example/groups": ["sales"]});
    let cases = [
        (
            vec!["groups", "roles"],
            Keep,
            json!({"groups": ["g-2", "g-1", "g-2"], "roles": ["App.Read"]}),
            "App.Read g-1 g-2",
        ),
        (vec!["groups"], Keep, json!({"groups": ["Everyone"]}), "Everyone"),
        (vec!["realm_access.roles"], Keep, keycloak.clone(), "analyst dpo"),
        (
            vec!["resource_access.crm.roles", "realm_access.roles"],
            Keep,
            keycloak.clone(),
            "analyst dpo reader",
        ),
        (vec!["/resource_access/my.client/roles"], Keep, keycloak, "writer"),
        (vec!["groups"], Keep, json!({"groups": ["/staff/support"]}), "/staff/support"),
        (vec!["groups"], Trim, json!({"groups": ["/staff/support", "x"]}), "staff/support x"),
        (
            vec!["groups"],
            WithParents,
            json!({"groups": ["/staff/eu/support"]}),
            "/staff /staff/eu /staff/eu/support",
        ),
        (vec!["https://acme.example/groups"], Keep, auth0, "sales"),
        (vec!["a.b"], Keep, json!({"a.b": ["literal"], "a": {"b": ["path"]}}), "literal"),
        (vec!["realm_access.roles"], Keep, json!({"realm_access": "x"}), ""),
        (vec!["realm_access.roles"], Keep, json!({"realm_access": {"roles": 1}}), "refused: claim-shape"),
    ];
    for (paths, style, claims, expected) in cases {
        assert_eq!(groups_at(&paths, style, claims), expected, "{paths:?}");
    }
    for text in ["", "a..b", ".", "/", "/a//b"] {
        assert!(ClaimPath::parse(text).is_err(), "{text}");
    }
}

#[test]
fn overage_is_never_silent() {
    let shapes = [
        json!({"groups": null, "_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {"endpoint": "x"}}}),
        json!({"groups": null, "hasgroups": true}),
        json!({"groups": null, "hasgroups": "true"}),
    ];
    for shape in shapes {
        let token = token(&with(shape.clone()));
        assert_eq!(rule_of(check(&token, &rules())), "group-overage", "{shape}");
        let mut lenient = rules();
        lenient.overage = Overage::Flag;
        assert!(check(&token, &lenient).unwrap().groups_incomplete);
    }
    // Another claim left out is no overage of the groups.
    assert_eq!(rule_of(check(&token(&with(json!({"_claim_names": {"address": "s"}}))), &rules())), "ok");
    assert!(!check(&token(&good()), &rules()).unwrap().groups_incomplete);
}

#[test]
fn persons_and_workloads() {
    let keycloak = json!({"azp": "batch", "preferred_username": "service-account-batch"});
    let cases: [(&str, Value, IdentityKind); 12] = [
        ("person", json!({}), User),
        ("Okta: sub is cid", json!({"sub": "0oa1", "cid": "0oa1", "azp": null}), Workload),
        ("RFC 9068: sub is client_id", json!({"sub": "svc", "client_id": "svc", "azp": null}), Workload),
        ("Auth0: gty", json!({"gty": "client-credentials"}), Workload),
        ("Auth0: another grant", json!({"gty": "password", "sub": "ide"}), User),
        ("Auth0: @clients", json!({"sub": "ide@clients"}), Workload),
        ("Entra: idtyp", json!({"idtyp": "app"}), Workload),
        ("Entra: idtyp user wins", json!({"idtyp": "user", "sub": "ide"}), User),
        ("Entra: app without idtyp", json!({"oid": "o", "sub": "o", "scope": null}), Workload),
        ("Entra: a person's oid", json!({"oid": "o", "sub": "o", "upn": "a@b"}), User),
        ("Keycloak", keycloak.clone(), Workload),
        (
            "Keycloak: a browser session",
            json!({"azp": "batch", "preferred_username": "service-account-batch", "sid": "s"}),
            User,
        ),
    ];
    for (what, claims, expected) in cases {
        let v = check(&token(&with(claims)), &rules()).unwrap();
        assert_eq!(v.principal.identity.kind, expected, "{what}");
    }
    let mut always = rules();
    always.kind = KindRule::Always(Workload);
    assert_eq!(check(&token(&good()), &always).unwrap().principal.identity.kind, Workload);
}

#[test]
fn subject_region_and_purpose_from_claims() {
    let mut rules = rules();
    rules.subject = ClaimPath::name("oid");
    rules.region_claim = Some(ClaimPath::parse("https://acme.example/region").unwrap());
    rules.purpose_claim = Some(ClaimPath::parse("ctx.purpose").unwrap());
    rules.region = Some(carnet_model::Region::new("eu"));
    let said = |claims: Value| {
        check(&token(&with(claims)), &rules).map_err(|e| e.rule()).map(|v| {
            let p = &v.principal;
            format!(
                "{} {} {}",
                p.identity.subject,
                p.region.as_ref().map_or("-", |r| r.as_str()),
                p.purpose.as_deref().unwrap_or("-")
            )
        })
    };
    let full = json!({"oid": "o1", "https://acme.example/region": "DE", "ctx": {"purpose": "support"}});
    assert_eq!(said(full), Ok("o1 de support".to_owned()));
    assert_eq!(said(json!({"oid": "o1"})), Ok("o1 eu -".to_owned()));
    assert_eq!(said(json!({})), Err("claim-missing"));
    assert_eq!(said(json!({"oid": "o1", "https://acme.example/region": "d e"})), Err("claim-shape"));
}
