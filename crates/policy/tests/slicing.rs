//! Slicing, remembering and building only what is needed change no decision: for random policies and requests the
//! answer is that of Cedar's own authorizer over the whole set, with entities and context made from JSON.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code outside the test function")]

use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::Arc;

use carnet_model::{
    Action, AuthMethod, ClassSet, DataClass, Decided, Identity, IdentityKind, Principal, Region, Resource,
};
use carnet_policy::{
    Context, Direction, Flow, Options, PolicySet, PrincipalKey, Request, SCHEMA, Scalar, ServerFacts,
};
use cedar_policy::AuthorizationError;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::json;

/// Conditions that hold, do not hold, fail, and depend on the call, in every mixture.
const CALL_ATOMS: &[&str] = &[
    "true",
    "false",
    "9223372036854775807 + 1 > 0",
    "context.now * 9223372036854775807 > 0",
    "context.hour < 12",
    "principal in Group::\"g1\"",
    "principal.region in Region::\"eu\"",
    "context.server_region in Region::\"eu\"",
    "context.caller_region == context.server_region",
    "Server::\"crm\".labels.contains(\"prod\")",
    "context has purpose && context.purpose == \"support\"",
    "principal has purpose && principal.purpose == \"support\"",
    "principal has agent && principal.agent.subject == \"bot\"",
    "principal.scopes.contains(\"write\")",
    "context.approvals.contains(\"dpo\")",
    "context.labels.containsAny([\"secret\", \"pii\"])",
    "context.counters.hasTag(\"calls\") && context.counters.getTag(\"calls\") > 3",
];
const ARGUMENT_ATOMS: &[&str] = &[
    "context.arguments.hasTag(\"country\") && context.arguments.getTag(\"country\") == \"de\"",
    "context.numbers.hasTag(\"limit\") && context.numbers.getTag(\"limit\") <= 10",
    "context.arguments.hasTag(context.method)",
];
const REVEAL_ATOMS: &[&str] = &[
    "context.server == Server::\"crm\"",
    "context.server.labels.contains(\"prod\")",
    "context has tool && context.tool in Server::\"crm\"",
    "context.direction == \"out\"",
];

fn condition(atoms: Vec<&'static str>) -> impl Strategy<Value = String> {
    prop::sample::select(atoms).prop_map(|a| format!("({a})")).prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} && {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} || {b})")),
            inner.clone().prop_map(|a| format!("!{a}")),
            (inner.clone(), inner.clone(), inner).prop_map(|(a, b, c)| format!("(if {a} then {b} else {c})")),
        ]
    })
}

const PRINCIPALS: &[&str] = &[
    "principal",
    "principal == User::\"https://idp|ann\"",
    "principal in Group::\"g1\"",
    "principal in Group::\"g2\"",
    "principal is Workload",
    "principal is User in Group::\"g2\"",
];

fn policy() -> impl Strategy<Value = String> {
    let call = {
        let resources =
            ["resource", "resource == Tool::\"crm.a\"", "resource in Server::\"crm\"", "resource is Tool"];
        let actions = [
            "action == Action::\"tools/call\"",
            "action in [Action::\"tools/call\", Action::\"tools/list\"]",
        ];
        let atoms = [CALL_ATOMS, ARGUMENT_ATOMS].concat();
        (prop::sample::select(resources.to_vec()), prop::sample::select(actions.to_vec()), condition(atoms))
    };
    let reveal = {
        let resources = ["resource", "resource == DataClass::\"iban\"", "resource is DataClass"];
        let atoms = [CALL_ATOMS, REVEAL_ATOMS].concat();
        (prop::sample::select(resources.to_vec()), Just("action == Action::\"reveal\""), condition(atoms))
    };
    (
        prop_oneof![3 => Just("permit"), 2 => Just("forbid")],
        prop::sample::select(PRINCIPALS),
        prop_oneof![2 => call.boxed(), 1 => reveal.boxed()],
        prop::option::of(prop::sample::select(&["when", "unless"][..])),
    )
        .prop_map(|(effect, principal, (resource, action, condition), clause)| {
            let clause = clause.map_or(String::new(), |c| format!("{c} {{ {condition} }}"));
            format!("{effect}({principal}, {action}, {resource}) {clause};")
        })
}

#[derive(Clone, Debug)]
struct Call {
    workload: bool,
    subject: &'static str,
    groups: Vec<&'static str>,
    agent: bool,
    principal_purpose: Option<&'static str>,
    region: Option<&'static str>,
    write: bool,
    server: &'static str,
    tool: &'static str,
    class: bool,
    purpose: Option<&'static str>,
    now: i64,
    approved: bool,
    label: Option<&'static str>,
    calls: Option<i64>,
    country: Option<&'static str>,
    limit: Option<i64>,
}

prop_compose! {
    fn call()(
        (workload, agent, write, class, approved) in any::<(bool, bool, bool, bool, bool)>(),
        subject in prop::sample::select(&["ann", "bob"][..]),
        groups in prop::sample::subsequence(vec!["g1", "g2", "g3"], 0..3),
        (principal_purpose, purpose) in (
            prop::option::of(prop::sample::select(&["support", "audit"][..])),
            prop::option::of(prop::sample::select(&["support", "audit"][..])),
        ),
        region in prop::option::of(prop::sample::select(&["de", "us"][..])),
        server in prop::sample::select(&["crm", "hr", "new"][..]),
        tool in prop::sample::select(&["a", "b"][..]),
        now in prop::sample::select(&[0i64, 1, 40_000, 80_000][..]),
        label in prop::option::of(prop::sample::select(&["secret", "dull"][..])),
        calls in prop::option::of(0i64..6),
        country in prop::option::of(prop::sample::select(&["de", "fr"][..])),
        limit in prop::option::of(8i64..13),
    ) -> Call {
        Call {
            workload, subject, groups, agent, principal_purpose, region, write, server, tool, class, purpose, now, approved,
            label, calls, country, limit,
        }
    }
}

const SERVERS: [(&str, &str, &[&str]); 2] = [("crm", "de", &["prod"]), ("hr", "us", &[])];

fn options() -> Options {
    let server = |(name, region, labels): (&str, &str, &[&str])| ServerFacts {
        name: name.into(),
        region: Region::new(region),
        labels: labels.iter().map(|l| (*l).into()).collect(),
        classes: None,
    };
    Options {
        servers: SERVERS.into_iter().map(server).collect(),
        zones: vec![
            (Region::new("de"), vec![Region::new("dach")]),
            (Region::new("dach"), vec![Region::new("eu")]),
        ],
        cell_region: Region::new("de"),
        ..Options::default()
    }
}

impl Call {
    fn principal(&self) -> Principal {
        let identity =
            |kind, subject: &str| Identity { kind, issuer: "https://idp".into(), subject: subject.into() };
        let kind = if self.workload { IdentityKind::Workload } else { IdentityKind::User };
        Principal {
            agent: self.agent.then(|| identity(IdentityKind::Workload, "bot")),
            groups: self.groups.iter().map(|g| (*g).into()).collect(),
            scopes: if self.write { vec!["write".into()] } else { Vec::new() },
            region: self.region.map(Region::new),
            purpose: self.principal_purpose.map(Into::into),
            ..Principal::new(identity(kind, self.subject), AuthMethod::Jwt)
        }
    }

    fn type_name(&self) -> &'static str {
        if self.workload { "Workload" } else { "User" }
    }

    fn server_region(&self) -> &'static str {
        SERVERS.iter().find(|s| s.0 == self.server).map_or("unknown", |s| s.1)
    }

    /// The same call for Cedar's own authorizer. Nothing here uses what is tested.
    fn reference(&self, policies: &cedar_policy::PolicySet) -> cedar_policy::Response {
        let schema = cedar_policy::Schema::from_cedarschema_str(SCHEMA).unwrap().0;
        let entities = cedar_policy::Entities::from_json_value(self.entities(), Some(&schema)).unwrap();
        let (action, resource) = if self.class {
            ("reveal", "DataClass::\"iban\"".to_owned())
        } else {
            ("tools/call", format!("Tool::\"{}.{}\"", self.server, self.tool))
        };
        let action: cedar_policy::EntityUid = format!("Action::\"{action}\"").parse().unwrap();
        let context =
            cedar_policy::Context::from_json_value(self.context(), Some((&schema, &action))).unwrap();
        let principal = format!("{}::\"https://idp|{}\"", self.type_name(), self.subject).parse().unwrap();
        let request =
            cedar_policy::Request::new(principal, action, resource.parse().unwrap(), context, Some(&schema))
                .unwrap();
        cedar_policy::Authorizer::new().is_authorized(&request, policies, &entities)
    }

    fn entities(&self) -> serde_json::Value {
        let e = |ty: &str, id: &str| json!({"__entity": {"type": ty, "id": id}});
        let uid = |ty: &str, id: &str| json!({"type": ty, "id": id});
        let mut own = json!({
            "issuer": "https://idp", "subject": self.subject, "method": "jwt",
            "scopes": if self.write { vec!["write"] } else { vec![] },
            "region": e("Region", self.region.unwrap_or("unknown")),
        });
        if let Some(purpose) = self.principal_purpose {
            own["purpose"] = json!(purpose);
        }
        if self.agent {
            own["agent"] = e("Workload", "https://idp|bot");
        }
        let parents: Vec<_> = self.groups.iter().map(|g| uid("Group", g)).collect();
        let id = format!("https://idp|{}", self.subject);
        let mut all = vec![
            json!({"uid": uid(self.type_name(), &id), "attrs": own, "parents": parents}),
            json!({"uid": uid("Workload", "https://idp|bot"), "parents": [], "attrs": {
                "issuer": "https://idp", "subject": "bot", "method": "jwt", "scopes": [], "region": e("Region", "unknown")}}),
            json!({"uid": uid("Region", "de"), "attrs": {}, "parents": [uid("Region", "dach")]}),
            json!({"uid": uid("Region", "dach"), "attrs": {}, "parents": [uid("Region", "eu")]}),
            json!({"uid": uid("Tool", &format!("{}.{}", self.server, self.tool)), "parents": [uid("Server", self.server)],
                "attrs": {"name": self.tool, "server": e("Server", self.server)}}),
            json!({"uid": uid("Arguments", "call"), "attrs": {}, "parents": [], "tags": self.argument_tags()}),
            json!({"uid": uid("Numbers", "call"), "attrs": {}, "parents": [],
                "tags": self.limit.map_or(json!({}), |n| json!({"limit": n}))}),
            json!({"uid": uid("Numbers", "counters"), "attrs": {}, "parents": [],
                "tags": self.calls.map_or(json!({}), |n| json!({"calls": n}))}),
        ];
        let servers =
            SERVERS.iter().copied().chain((self.server == "new").then_some(("new", "unknown", &[][..])));
        all.extend(servers.map(|(name, region, labels)| {
            json!({"uid": uid("Server", name), "parents": [],
                "attrs": {"region": e("Region", region), "labels": labels}})
        }));
        json!(all)
    }

    fn argument_tags(&self) -> serde_json::Value {
        let mut tags = json!({});
        if let Some(country) = self.country {
            tags["country"] = json!(country);
        }
        if let Some(limit) = self.limit {
            tags["limit"] = json!(limit.to_string());
        }
        tags
    }

    fn context(&self) -> serde_json::Value {
        let e = |ty: &str, id: &str| json!({"__entity": {"type": ty, "id": id}});
        let mut context = json!({
            "direction": "out", "now": self.now, "hour": self.now / 3600,
            "server_region": e("Region", self.server_region()),
            "caller_region": e("Region", self.region.unwrap_or("unknown")),
            "cell_region": e("Region", "de"),
            "labels": self.label.into_iter().collect::<Vec<_>>(),
            "approvals": if self.approved { vec!["dpo"] } else { vec![] },
            "counters": e("Numbers", "counters"),
        });
        if let Some(purpose) = self.purpose {
            context["purpose"] = json!(purpose);
        }
        if self.class {
            context["server"] = e("Server", self.server);
            context["undeclared"] = json!(false);
            context["tool"] = e("Tool", &format!("{}.{}", self.server, self.tool));
        } else {
            context["arguments"] = e("Arguments", "call");
            context["numbers"] = e("Numbers", "call");
            context["method"] = json!("country");
            context["classes"] = json!([]);
        }
        context
    }

    /// Whether the answer to the call waits for its context.
    fn is_open(&self, set: &PolicySet) -> bool {
        let resource = Resource::Tool { server: self.server.into(), name: self.tool.into() };
        !self.class && set.needs_context(&PrincipalKey::new(&self.principal()), Action::TOOLS_CALL, &resource)
    }

    /// The verdict of the sliced set, asked twice: fresh and remembered.
    fn sliced(&self, set: &PolicySet) -> carnet_model::Verdict {
        let principal = PrincipalKey::new(&self.principal());
        let (server, tool): (Arc<str>, Arc<str>) = (self.server.into(), self.tool.into());
        let mut arguments = Vec::new();
        arguments.extend(self.country.map(|c| ("country", Scalar::Text(c))));
        arguments.extend(self.limit.map(|n| ("limit", Scalar::Int(n))));
        let labels: Vec<Arc<str>> = self.label.into_iter().map(Into::into).collect();
        let approvals: Vec<Arc<str>> = if self.approved { vec!["dpo".into()] } else { Vec::new() };
        let counters: Vec<(Arc<str>, i64)> = self.calls.into_iter().map(|n| ("calls".into(), n)).collect();
        let context = Context {
            arguments: &arguments,
            method: "country",
            direction: Direction::Out,
            purpose: self.purpose,
            legal_basis: None,
            now: self.now,
            labels: &labels,
            classes: &[],
            counters: &counters,
            approvals: &approvals,
            given: None,
            foreign: carnet_model::ClassSet::EMPTY,
            crossing: None,
        };
        let resource = Resource::Tool { server: server.clone(), name: tool.clone() };
        let request = Request {
            principal: &principal,
            action: Action::TOOLS_CALL,
            resource: &resource,
            context: &context,
        };
        let ask = || {
            if !self.class {
                return set.decide(&request);
            }
            let flow = Flow { server: &server, tool: Some(&tool), direction: Direction::Out };
            let classes: ClassSet = [DataClass::IBAN].into_iter().collect();
            let allowed = set.reveal(&principal, flow, classes, &context);
            let (_, verdict) = allowed.verdicts.into_iter().next().unwrap();
            assert_eq!(allowed.classes.contains(DataClass::IBAN), verdict.is_permit());
            verdict
        };
        let (first, second) = (ask(), ask());
        assert_eq!(first, second);
        if !self.class {
            // A list may show more than can be called, never less.
            assert!(set.may_list(&principal, Action::TOOLS_CALL, &resource) || !first.is_permit());
            assert_eq!(set.explain(&request).verdict, first);
        }
        first
    }
}

/// How often each kind of answer came up, so that the property cannot become empty unnoticed.
#[derive(Default)]
struct Seen {
    permits: Cell<u32>,
    forbids: Cell<u32>,
    errors: Cell<u32>,
    open: Cell<u32>,
}

fn compare(policies: &[String], calls: &[Call], seen: &Seen) -> Result<(), TestCaseError> {
    let text: String =
        policies.iter().enumerate().map(|(n, p)| format!("@id(\"policy{n}\")\n{p}\n")).collect();
    let set = PolicySet::load(&[("p.cedar", &text)], &options())
        .map_err(|e| TestCaseError::fail(e.iter().map(|d| format!("{d}\n")).collect::<String>()))?;
    let whole: cedar_policy::PolicySet = text.parse().unwrap();
    for call in calls {
        let verdict = call.sliced(&set);
        let reference = call.reference(&whole);
        let diagnostics = reference.diagnostics();
        let failed = |e: &AuthorizationError| match e {
            AuthorizationError::PolicyEvaluationError(e) => e.policy_id().to_string(),
        };
        let errors: BTreeSet<_> = diagnostics.errors().map(failed).collect();
        let reasons: BTreeSet<_> = diagnostics.reason().map(ToString::to_string).collect();
        let named: BTreeSet<_> = verdict.policies.iter().map(|p| p.0.to_string()).collect();
        let permitted = errors.is_empty() && reference.decision() == cedar_policy::Decision::Allow;
        prop_assert_eq!(verdict.is_permit(), permitted, "{:?}\n{}", call, text);
        let count = match verdict.decided {
            Decided::EvaluationError => {
                prop_assert!(!named.is_empty() && named.is_subset(&errors));
                &seen.errors
            }
            Decided::ByPolicy if permitted => {
                prop_assert_eq!(named, reasons);
                &seen.permits
            }
            // A forbid that holds whatever the context ends the search, so others need not be named.
            Decided::ByPolicy => {
                prop_assert!(!named.is_empty() && named.is_subset(&reasons));
                &seen.forbids
            }
            Decided::NoMatch => {
                prop_assert!(named.is_empty());
                continue;
            }
        };
        count.set(count.get() + 1);
        seen.open.set(seen.open.get() + u32::from(call.is_open(&set)));
    }
    Ok(())
}

#[test]
fn sliced_is_unsliced() {
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) };
    let strategy = (prop::collection::vec(policy(), 1..12), prop::collection::vec(call(), 1..8));
    let seen = Seen::default();
    let result =
        TestRunner::new(config).run(&strategy, |(policies, calls)| compare(&policies, &calls, &seen));
    assert!(result.is_ok(), "{}", result.unwrap_err());
    for (kind, count) in
        [("permits", seen.permits), ("forbids", seen.forbids), ("errors", seen.errors), ("open", seen.open)]
    {
        assert!(count.get() >= 30, "only {} {kind}", count.get());
    }
}
