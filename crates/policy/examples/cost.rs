//! What a decision costs: `cargo run --release -p carnet-policy --example cost`.
#![expect(clippy::print_stdout, clippy::expect_used, reason = "a program that prints figures")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use carnet_model::{Action, AuthMethod, ClassSet, DataClass, Identity, IdentityKind, Principal, Resource};
use carnet_policy::{Context, Direction, Flow, Options, PolicySet, PrincipalKey, Request, Scalar};

/// `n` policies for as many teams and servers, and the handful that the measured call meets.
fn policies(n: usize) -> String {
    let mut text = String::from(
        r#"@id("fixed") permit(principal in Group::"analysts", action == Action::"tools/call", resource in Server::"fixed");
@id("call") permit(principal in Group::"analysts", action == Action::"tools/call", resource in Server::"crm")
  when { context.numbers.hasTag("limit") && context.numbers.getTag("limit") <= 100 };
@id("night") forbid(principal, action == Action::"tools/call", resource in Server::"crm") when { context.hour < 4 };
@id("dpo") @hold("dpo") forbid(principal, action == Action::"tools/call", resource == Tool::"crm.t0")
  when { context.arguments.hasTag("table") && context.arguments.getTag("table") == "salaries" }
  unless { context.approvals.contains("dpo") };
@id("time") permit(principal in Group::"analysts", action == Action::"tools/call", resource in Server::"clock") when { context.now > 5 };
@id("iban") permit(principal in Group::"analysts", action == Action::"reveal", resource == DataClass::"iban") when { context.server == Server::"crm" };
"#,
    );
    for i in 5..n {
        text.push_str(&format!(
            "@id(\"p{i}\") permit(principal in Group::\"team{}\", action == Action::\"tools/call\", resource in Server::\"s{}\") when {{ context.hour > 6 }};\n",
            i % 97, i % 53
        ));
    }
    text
}

fn time(name: &str, rounds: u32, mut work: impl FnMut()) {
    work();
    let start = Instant::now();
    (0..rounds).for_each(|_| work());
    println!("  {name:<44} {:>9.0} ns", start.elapsed().as_nanos() as f64 / f64::from(rounds));
}

fn main() {
    let identity = Identity { kind: IdentityKind::User, issuer: "https://idp".into(), subject: "ann".into() };
    let mut principal = Principal::new(identity, AuthMethod::Jwt);
    principal.groups = ["all", "analysts", "berlin", "staff", "team3"].map(Into::into).to_vec();
    let tool =
        |server: &str, n: usize| Resource::Tool { server: server.into(), name: format!("t{n}").into() };
    for n in [10, 100, 1000] {
        println!("{n} policies");
        let text = policies(n);
        let start = Instant::now();
        let load = || PolicySet::load(&[("p.cedar", &text)], &Options::default()).expect("valid policies");
        let set = load();
        println!("  load {:>48.1} ms", start.elapsed().as_secs_f64() * 1e3);
        let key = PrincipalKey::new(&principal);
        let arguments = vec![
            ("table", Scalar::Text("orders")),
            ("limit", Scalar::Int(10)),
            ("filter.x", Scalar::Bool(true)),
        ];
        let context = Context { arguments: &arguments, now: 1_790_000_000, ..Context::default() };
        let decide = |resource: &Resource| {
            black_box(set.decide(&Request {
                principal: &key,
                action: Action::TOOLS_CALL,
                resource,
                context: &context,
            }));
        };
        let [fixed, call, clock] = ["fixed", "crm", "clock"].map(|server| tool(server, 0));
        time("principal key (once per token)", 10_000, || drop(black_box(PrincipalKey::new(&principal))));
        time("decided before, no context needed", 1_000_000, || decide(&fixed));
        time("one open policy, time only", 200_000, || decide(&clock));
        time("three open policies with arguments", 200_000, || decide(&call));
        let tools: Vec<_> = (0..500).map(|n| tool("crm", n)).collect();
        let list =
            |set: &PolicySet| tools.iter().filter(|t| set.may_list(&key, Action::TOOLS_CALL, t)).count();
        time("list of 500, seen before", 1_000, || {
            black_box(list(&set));
        });
        let fresh = load();
        let start = Instant::now();
        black_box(list(&fresh));
        println!("  {:<44} {:>9} ns", "list of 500, first time", start.elapsed().as_nanos());
        let (server, name): (Arc<str>, Arc<str>) = ("crm".into(), "t0".into());
        let flow = Flow { server: &server, tool: Some(&name), direction: Direction::Out };
        let all: ClassSet = DataClass::BUILT_IN.iter().copied().collect();
        let few: ClassSet = [DataClass::IBAN, DataClass::EMAIL, DataClass::PHONE].into_iter().collect();
        time("reveal, 3 classes", 200_000, || drop(black_box(set.reveal(&key, flow, few, &context))));
        time("reveal, every built-in class", 50_000, || {
            drop(black_box(set.reveal(&key, flow, all, &context)))
        });
    }
}
