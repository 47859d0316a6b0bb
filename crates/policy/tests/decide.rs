//! Decisions, seen from outside.

#![expect(clippy::panic, reason = "test code outside the test function")]

use carnet_model::{
    Action, AuthMethod, ClassSet, DataClass, Decided, Identity, IdentityKind, Principal, Resource, Transform,
};
use carnet_policy::{
    Choice, Context, Direction, Flow, Given, Options, PolicySet, PrincipalKey, Request, Route, Scalar,
};

fn principal(subject: &str, groups: &[&str]) -> PrincipalKey {
    let identity =
        Identity { kind: IdentityKind::User, issuer: "https://idp".into(), subject: subject.into() };
    let mut p = Principal::new(identity, AuthMethod::Jwt);
    p.groups = groups.iter().map(|g| (*g).into()).collect();
    PrincipalKey::new(&p)
}

fn tool(server: &str, name: &str) -> Resource {
    Resource::Tool { server: server.into(), name: name.into() }
}

fn load(text: &str) -> PolicySet {
    PolicySet::load(&[("test.cedar", text)], &Options::default())
        .unwrap_or_else(|e| panic!("{}", e.iter().map(|d| format!("{d}\n")).collect::<String>()))
}

#[test]
fn invariant_1_no_match_denies_and_errors_deny() {
    let set = load(
        r#"@id("overflow") forbid(principal, action == Action::"tools/call", resource == Tool::"crm.b") when { context.now * 9223372036854775807 > 5 };
           @id("all") permit(principal in Group::"g", action == Action::"tools/call", resource in Server::"crm");
           @id("static") permit(principal, action == Action::"tools/call", resource == Tool::"crm.c") when { 9223372036854775807 + 1 > 5 };"#,
    );
    let context = Context { now: 10, ..Context::default() };
    let decide = |p: &PrincipalKey, r: &Resource| {
        set.decide(&Request { principal: p, action: Action::TOOLS_CALL, resource: r, context: &context })
    };
    let (inside, outside) = (principal("a", &["g"]), principal("b", &[]));
    assert_eq!(decide(&outside, &tool("crm", "a")).decided, Decided::NoMatch);
    assert!(!decide(&outside, &tool("crm", "a")).is_permit());
    assert!(decide(&inside, &tool("crm", "a")).is_permit());
    for (name, id) in [("b", "overflow"), ("c", "static")] {
        let verdict = decide(&inside, &tool("crm", name));
        assert!(!verdict.is_permit());
        assert_eq!(verdict.decided, Decided::EvaluationError);
        assert_eq!(verdict.policies.iter().map(|p| p.0.as_ref()).collect::<Vec<_>>(), [id]);
    }
}

#[test]
fn arguments_decide() {
    let set = load(
        r#"permit(principal, action == Action::"tools/call", resource == Tool::"crm.export")
           when { context.numbers.hasTag("limit") && context.numbers.getTag("limit") <= 10 };"#,
    );
    let p = principal("a", &[]);
    for (limit, permitted) in [(Some(10), true), (Some(11), false), (None, false)] {
        let arguments: Vec<_> = limit.map(|n| ("limit", Scalar::Int(n))).into_iter().collect();
        let context = Context { arguments: &arguments, ..Context::default() };
        let request = Request {
            principal: &p,
            action: Action::TOOLS_CALL,
            resource: &tool("crm", "export"),
            context: &context,
        };
        assert_eq!(set.decide(&request).is_permit(), permitted);
    }
    assert!(set.needs_context(&p, Action::TOOLS_CALL, &tool("crm", "export")));
    assert!(set.may_list(&p, Action::TOOLS_CALL, &tool("crm", "export")));
    assert!(!set.may_list(&p, Action::TOOLS_CALL, &tool("crm", "other")));
}

fn verdict_of(
    set: &PolicySet,
    key: &PrincipalKey,
    action: Action,
    resource: &Resource,
    context: &Context<'_>,
) -> String {
    let v = set.decide(&Request { principal: key, action, resource, context });
    let ids: Vec<_> = v.policies.iter().map(|p| p.0.as_ref()).collect();
    format!("{:?} {:?} {}", v.effect, v.decided, ids.join(","))
}

const POLICIES: &str = r#"@id("analysts-read") @reason("Analysts may look things up.")
permit(principal in Group::"analysts", action in [Action::"tools/list", Action::"tools/call"], resource in Server::"crm");

@id("export-needs-dpo") @hold("dpo") @reason("Bulk exports need the privacy officer.")
forbid(principal, action == Action::"tools/call", resource == Tool::"crm.export")
unless { context.approvals.contains("dpo") };

@id("no-bots-at-night")
forbid(principal, action == Action::"tools/call", resource)
when { principal has agent && context.hour < 6 };

@id("officers-see-iban")
permit(principal in Group::"officers", action == Action::"reveal", resource == DataClass::"iban")
when { context.direction == "out" && context.server == Server::"crm" };

permit(principal in Group::"officers", action == Action::"transfer", resource)
when { context.from in Region::"eu" && context.to in Region::"eu" };

@id("own-class") permit(principal, action == Action::"reveal", resource == DataClass::"customer_number");
"#;

fn options() -> Options {
    let region = carnet_model::Region::new;
    Options {
        zones: vec![(region("de"), vec![region("eu")]), (region("ie"), vec![region("eu")])],
        custom_classes: vec!["customer_number".into()],
        ..Options::default()
    }
}

#[test]
fn the_matrix() {
    let set = PolicySet::load(&[("p.cedar", POLICIES)], &options()).unwrap();
    let mut agent = Principal::new(
        Identity { kind: IdentityKind::User, issuer: "https://idp".into(), subject: "ann".into() },
        AuthMethod::Jwt,
    );
    agent.groups = vec!["analysts".into()];
    agent.agent =
        Some(Identity { kind: IdentityKind::Workload, issuer: "https://idp".into(), subject: "bot".into() });
    let principals = [
        ("analyst", principal("ann", &["analysts"])),
        ("agent", PrincipalKey::new(&agent)),
        ("officer", principal("eve", &["officers"])),
    ];
    let rows = [
        (Action::TOOLS_LIST, Resource::Server("crm".into())),
        (Action::TOOLS_CALL, tool("crm", "search")),
        (Action::TOOLS_CALL, tool("crm", "export")),
        (Action::TOOLS_CALL, tool("hr", "search")),
        (Action::PING, Resource::Server("crm".into())),
    ];
    expect_test::expect![[r#"
                                       analyst  agent  officer
        tools/list Server::"crm"       yes      yes    no
        tools/call Tool::"crm.search"  yes      if     no
        tools/call Tool::"crm.export"  if       if     no
        tools/call Tool::"hr.search"   no       no     no
        ping Server::"crm"             no       no     no
    "#]]
    .assert_eq(&set.matrix(&principals, &rows));
}

#[test]
fn holds_and_explanations() {
    let set = PolicySet::load(&[("p.cedar", POLICIES)], &options()).unwrap();
    let ann = principal("ann", &["analysts"]);
    let (export, context) = (tool("crm", "export"), Context::default());
    let request =
        Request { principal: &ann, action: Action::TOOLS_CALL, resource: &export, context: &context };
    assert_eq!(set.held_by(&request).unwrap(), ["dpo".into()]);
    expect_test::expect![[r#"
        tools/call on Tool::"crm.export": forbidden by export-needs-dpo
          reason: Bulk exports need the privacy officer.
          held: permitted once approved by dpo

        analysts-read (p.cedar:1:1) permit applies
          | @id("analysts-read") @reason("Analysts may look things up.")
          | permit(principal in Group::"analysts", action in [Action::"tools/list", Action::"tools/call"], resource in Server::"crm");

        export-needs-dpo (p.cedar:4:1) forbid applies
          | @id("export-needs-dpo") @hold("dpo") @reason("Bulk exports need the privacy officer.")
          | forbid(principal, action == Action::"tools/call", resource == Tool::"crm.export")
          | unless { context.approvals.contains("dpo") };

        no-bots-at-night (p.cedar:8:1) forbid does not apply
          | @id("no-bots-at-night")
          | forbid(principal, action == Action::"tools/call", resource)
          | when { principal has agent && context.hour < 6 };
    "#]].assert_eq(&set.explain(&request).to_string());

    let approvals = ["dpo".into()];
    let approved = Context { approvals: &approvals, ..context };
    assert_eq!(
        verdict_of(&set, &ann, Action::TOOLS_CALL, &export, &approved),
        "Permit ByPolicy analysts-read"
    );
    assert_eq!(set.held_by(&Request { context: &approved, ..request }), None);

    // Nobody may approve what nothing permits.
    let eve = principal("eve", &["officers"]);
    let others = Request { principal: &eve, ..request };
    assert_eq!(set.held_by(&others), None);
    expect_test::expect![[r#"
        tools/call on Tool::"crm.export": denied: no policy permits it

        export-needs-dpo (p.cedar:4:1) forbid applies
          | @id("export-needs-dpo") @hold("dpo") @reason("Bulk exports need the privacy officer.")
          | forbid(principal, action == Action::"tools/call", resource == Tool::"crm.export")
          | unless { context.approvals.contains("dpo") };

        no-bots-at-night (p.cedar:8:1) forbid does not apply
          | @id("no-bots-at-night")
          | forbid(principal, action == Action::"tools/call", resource)
          | when { principal has agent && context.hour < 6 };

        analysts-read (p.cedar:1:1) permit is for another principal
          | @id("analysts-read") @reason("Analysts may look things up.")
          | permit(principal in Group::"analysts", action in [Action::"tools/list", Action::"tools/call"], resource in Server::"crm");
    "#]].assert_eq(&set.explain(&others).to_string());
}

#[test]
fn data_is_hidden_and_stays_unless_permitted() {
    use carnet_model::{ClassSet, DataClass, Region};
    use carnet_policy::{Direction, Flow};
    let set = PolicySet::load(&[("p.cedar", POLICIES)], &options()).unwrap();
    let (ann, eve) = (principal("ann", &["analysts"]), principal("eve", &["officers"]));
    let own = DataClass::custom(0).unwrap();
    let classes: ClassSet = [DataClass::IBAN, DataClass::EMAIL, own].into_iter().collect();
    let show = |who: &PrincipalKey, server: &str, direction| {
        let server = server.into();
        let flow = Flow { server: &server, tool: None, direction };
        let allowed = set.reveal(who, flow, classes, &Context::default());
        assert_eq!(allowed.verdicts.len(), 3);
        allowed.classes.iter().map(|c| c.name()).collect::<Vec<_>>()
    };
    assert_eq!(show(&ann, "crm", Direction::Out), ["custom_0"]);
    assert_eq!(show(&eve, "crm", Direction::Out), ["iban", "custom_0"]);
    assert_eq!(show(&eve, "crm", Direction::In), ["custom_0"]);
    assert_eq!(show(&eve, "hr", Direction::Out), ["custom_0"]);
    let cross = |who: &PrincipalKey, from: &str, to: &str| {
        let server = "crm".into();
        let flow = Flow { server: &server, tool: None, direction: Direction::Out };
        let (from, to) = (Region::new(from), Region::new(to));
        let route = Route::new(&from, &to);
        let allowed = set.transfer(who, flow, route, classes, &Context::default());
        (allowed.classes == classes, allowed.policies().iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    assert_eq!(cross(&eve, "de", "ie"), (true, vec!["p.cedar#4".to_owned()]));
    assert_eq!(cross(&eve, "de", "us"), (false, vec![]));
    assert_eq!(cross(&eve, "unknown", "de"), (false, vec![]));
    assert_eq!(cross(&ann, "de", "ie"), (false, vec![]));
}

#[test]
fn hostile_names_name_nobody_else() {
    let set = load(
        "permit(principal == User::\"https://idp|ann\", action == Action::\"ping\", resource == Server::\"crm\");
         permit(principal in Group::\"a\\\"b\", action == Action::\"ping\", resource == Server::\"hr\");",
    );
    let crm = Resource::Server("crm".into());
    let who = |issuer: &str, subject: &str| {
        let identity = Identity { kind: IdentityKind::User, issuer: issuer.into(), subject: subject.into() };
        PrincipalKey::new(&Principal::new(identity, AuthMethod::Jwt))
    };
    let may = |p: &PrincipalKey, r: &Resource| set.may_list(p, Action::PING, r);
    assert!(may(&who("https://idp", "ann"), &crm));
    for (issuer, subject) in [
        ("https:", "//idp|ann"),
        ("https://idp|ann", ""),
        ("", "https://idp|ann"),
        ("https://idp", "ann\n"),
        ("https://idp", "ann\"; permit(principal, action, resource); //"),
        ("https://idp", "Ann"),
        ("https://idp%7Cann", ""),
    ] {
        assert!(!may(&who(issuer, subject), &crm), "{issuer:?} {subject:?}");
    }
    let ids: std::collections::BTreeSet<_> = [("a|b", "c"), ("a", "b|c"), ("a%7Cb", "c"), ("a%257Cb", "c")]
        .map(|(issuer, subject)| {
            carnet_policy::identity_id(&Identity {
                kind: IdentityKind::User,
                issuer: issuer.into(),
                subject: subject.into(),
            })
        })
        .into();
    assert_eq!(ids.len(), 4);
    let hr = Resource::Server("hr".into());
    assert!(may(&principal("x", &["a\"b"]), &hr) && !may(&principal("x", &["a", "b"]), &hr));
}

#[test]
fn one_path_with_two_values_denies() {
    let set = load(
        r#"permit(principal, action == Action::"tools/call", resource in Server::"crm")
           when { context.arguments.hasTag("filter.country") && context.arguments.getTag("filter.country") == "de" };"#,
    );
    let p = principal("a", &[]);
    let decide = |arguments: &Vec<(&str, Scalar<'_>)>| {
        let context = Context { arguments, ..Context::default() };
        verdict_of(&set, &p, Action::TOOLS_CALL, &tool("crm", "a"), &context)
    };
    let (de, us) = (("filter.country", Scalar::Text("de")), ("filter.country", Scalar::Text("us")));
    assert_eq!(decide(&vec![de]), "Permit ByPolicy test.cedar#0");
    assert_eq!(
        decide(&vec![de, ("other", Scalar::Int(1)), ("other", Scalar::Int(2))]),
        "Permit ByPolicy test.cedar#0"
    );
    assert_eq!(decide(&vec![us]), "Forbid NoMatch ");
    for both in [vec![de, us], vec![us, de], vec![de, de]] {
        assert_eq!(decide(&both), "Forbid EvaluationError test.cedar#0");
    }
}

#[test]
fn a_change_of_groups_is_a_new_question() {
    let set = load(r#"permit(principal in Group::"g", action == Action::"ping", resource);"#);
    let crm = Resource::Server("crm".into());
    assert!(set.may_list(&principal("a", &["g"]), Action::PING, &crm));
    assert!(!set.may_list(&principal("a", &["h"]), Action::PING, &crm));
    assert!(principal("a", &["g", "h"]) == principal("a", &["g", "h"]));
    assert!(principal("a", &["g", "h"]) != principal("a", &["gh"]));
}

#[test]
fn the_hash_is_of_names_and_texts_in_any_order() {
    let one = ("a.cedar", "permit(principal, action == Action::\"ping\", resource);");
    let two = ("b.cedar", "forbid(principal, action == Action::\"ping\", resource);");
    let hash = |s: &[(&str, &str)]| PolicySet::load(s, &Options::default()).unwrap().hash();
    assert_eq!(hash(&[one, two]), hash(&[two, one]));
    assert_ne!(hash(&[one, two]), hash(&[one]));
    assert_ne!(hash(&[one]), hash(&[("b.cedar", one.1)]));
}

#[test]
fn the_state_makes_the_same_set_again() {
    let source = ("a.cedar", "permit(principal, action == Action::\"ping\", resource);");
    let set = PolicySet::load(&[source], &options()).unwrap();
    let again = PolicySet::from_state(set.state()).unwrap();
    assert_eq!(again.hash(), set.hash());
    assert_eq!(again.state(), set.state());
    assert!(PolicySet::from_state(b"{}").is_err());
}

#[test]
fn every_action_is_in_the_schema() {
    for action in Action::ALL {
        let text = format!("forbid(principal, action == Action::{:?}, resource);", action.as_str());
        load(&text);
    }
}

#[test]
fn what_would_have_to_hold_is_said() {
    let set = load(
        r#"@id("small") permit(principal, action == Action::"tools/call", resource)
when { context.numbers.hasTag("limit") && context.numbers.getTag("limit") <= 10 };"#,
    );
    let context = Context::default();
    let (p, export) = (principal("a", &[]), tool("crm", "export"));
    let request = Request { principal: &p, action: Action::TOOLS_CALL, resource: &export, context: &context };
    expect_test::expect![[r#"
        tools/call on Tool::"crm.export": denied: no policy permits it

        small (test.cedar:1:1) permit does not apply
          it would apply if: context.numbers.hasTag("limit") && (context.numbers.getTag("limit") <= 10)
          | @id("small") permit(principal, action == Action::"tools/call", resource)
          | when { context.numbers.hasTag("limit") && context.numbers.getTag("limit") <= 10 };
    "#]]
    .assert_eq(&set.explain(&request).to_string());
}

#[test]
fn a_small_cache_and_long_names_change_nothing() {
    let text = r#"permit(principal, action == Action::"resources/read", resource in Server::"crm");"#;
    let small = Options { cache_entries: 1, ..Options::default() };
    let set = PolicySet::load(&[("a.cedar", text)], &small).unwrap();
    let p = principal("a", &[]);
    for round in 0..3 {
        for n in [1, 20, 511, 512, 513, 4096] {
            for (server, permitted) in [("crm", true), ("hr", false)] {
                let resource = Resource::Resource { server: server.into(), uri: "x".repeat(n).into() };
                assert_eq!(
                    set.may_list(&p, Action::RESOURCES_READ, &resource),
                    permitted,
                    "{n} in round {round}"
                );
            }
        }
    }
}

const MASKING: &str = r#"
@id("years") @transform("generalise") permit (principal, action == Action::"mask", resource == DataClass::"birth_date");
@id("round-trip") @transform("vault")
permit (principal in Group::"support", action == Action::"mask", resource) when { context.server == Server::"crm" };
@id("cards") @transform("keep-last-4") permit (principal, action == Action::"mask", resource == DataClass::"card");
@id("all") permit (principal, action, resource);
@id("not-out") forbid (principal, action == Action::"mask", resource == DataClass::"email") when { context.direction == "in" };
"#;

fn chosen(set: &PolicySet, key: &PrincipalKey, server: &str, direction: Direction) -> String {
    let server = server.into();
    let flow = Flow { server: &server, tool: None, direction };
    let classes: ClassSet = [DataClass::EMAIL, DataClass::CARD, DataClass::BIRTH_DATE].into_iter().collect();
    let context = Context { direction, ..Context::default() };
    let choices = set.mask(key, flow, classes, &context);
    let one = |c: &Choice| {
        format!(
            "{} {} {}",
            c.class,
            c.transform,
            c.policies.iter().map(|p| &*p.0).collect::<Vec<_>>().join("+")
        )
    };
    choices.iter().map(one).collect::<Vec<_>>().join(", ")
}

#[test]
fn policies_choose_transforms_and_the_strictest_holds() {
    let set = load(MASKING);
    let (support, other) = (principal("a", &["support"]), principal("b", &[]));
    for (key, server, direction, expected) in [
        (&other, "crm", Direction::Out, "card keep-last-4 cards, birth_date generalise years"),
        (
            &support,
            "crm",
            Direction::Out,
            "email vault round-trip, card vault round-trip, birth_date vault round-trip",
        ),
        (&support, "erp", Direction::Out, "card keep-last-4 cards, birth_date generalise years"),
        (
            &other,
            "crm",
            Direction::In,
            "email redact not-out, card keep-last-4 cards, birth_date generalise years",
        ),
    ] {
        assert_eq!(chosen(&set, key, server, direction), expected);
    }
    assert_eq!(chosen(&load(r#"permit (principal, action, resource);"#), &other, "crm", Direction::Out), "");
}

#[test]
fn a_policy_of_mask_that_fails_redacts() {
    let set = load(
        r#"@id("x") @transform("vault") permit (principal, action == Action::"mask", resource) when { context.now * 9223372036854775807 > 5 };"#,
    );
    let server = "crm".into();
    let flow = Flow { server: &server, tool: None, direction: Direction::Out };
    let context = Context { now: 10, ..Context::default() };
    let choices = set.mask(&principal("a", &[]), flow, [DataClass::EMAIL].into_iter().collect(), &context);
    assert_eq!(choices.first().map(|c| c.transform), Some(Transform::Redact));
}

#[test]
fn a_stand_in_is_restored_where_a_policy_says_so() {
    let set = load(
        r#"permit (principal, action == Action::"restore", resource)
             when { context.same_principal && context.same_purpose && context.same_server };
           permit (principal in Group::"support", action == Action::"restore", resource == DataClass::"email")
             when { context.owner_groups.contains("support") && context.origin == Server::"crm" };"#,
    );
    let groups = ["support".into()];
    let own = Given {
        same_principal: true,
        same_purpose: true,
        same_server: true,
        origin: "crm",
        owner_groups: &groups,
    };
    let (support, other) = (principal("a", &["support"]), principal("b", &[]));
    let ask = |key: &PrincipalKey, class, given| {
        let server = "crm".into();
        let flow = Flow { server: &server, tool: None, direction: Direction::In };
        set.restore(key, flow, class, given, &Context::default()).is_permit()
    };
    let colleague = Given { same_principal: false, same_server: false, ..own };
    assert!(ask(&other, DataClass::CARD, own) && ask(&support, DataClass::EMAIL, colleague));
    assert!(!ask(&other, DataClass::EMAIL, colleague) && !ask(&support, DataClass::CARD, colleague));
    assert!(!ask(&support, DataClass::EMAIL, Given { origin: "erp", ..colleague }));
    assert!(!ask(&support, DataClass::EMAIL, Given { owner_groups: &[], ..colleague }));
    assert!(!ask(&other, DataClass::CARD, Given { same_purpose: false, ..own }));
}

#[test]
fn a_transform_that_is_none_refuses_to_load() {
    for (text, expected) in [
        (
            r#"@transform("tokn") permit (principal, action == Action::"mask", resource);"#,
            "there is no transform \"tokn\"",
        ),
        (r#"permit (principal, action == Action::"mask", resource);"#, "a permit of \"mask\" says how"),
        (
            r#"@transform("token") permit (principal, action == Action::"reveal", resource);"#,
            "@transform chooses nothing here",
        ),
        (
            r#"@transform("token") forbid (principal, action == Action::"mask", resource);"#,
            "@transform chooses nothing here",
        ),
    ] {
        let Err(errors) = PolicySet::load(&[("t.cedar", text)], &Options::default()) else {
            panic!("{text}")
        };
        assert!(errors.iter().any(|e| e.message.contains(expected)), "{text}: {errors:?}");
    }
}
