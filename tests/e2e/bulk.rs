//! Bulk and borders on the way out: many small exports count as the large one that they are, over sessions and a restart; a result
//! whose content may go only once that is approved waits, and the call does not run again.

use anyhow::{Result, ensure};
use carnet_evidence::LeafType;
use carnet_tests::gateway::{Setup, identity, token};
use carnet_tests::upstream::{Reply, Seen, Upstream, echo};
use carnet_tests::wire::Caller;
use serde_json::{Value, json};

use crate::approvals::{PEOPLE, QUICK, approve, count, last, one, ran, stop, text};
use crate::approvers::audited;

const COMMON: &str = r#"
@id("all") permit (principal, action, resource) unless { action == Action::"approve" };
@id("dpo-approves") permit (principal in Group::"dpo", action == Action::"approve", resource);
"#;

const MANY: &str = r#"
@id("many") @hold("dpo") @reason("Many people over the hour.")
forbid (principal, action == Action::"release", resource)
when { context.counters.hasTag("actor_subjects") && context.counters.getTag("actor_subjects") > 50 }
unless { context.approvals.contains("dpo") };
@id("one-by-one") @hold("dpo")
forbid (principal, action == Action::"tools/call", resource == Tool::"up.lookup")
when { context.counters.hasTag("actor_subjects") && context.counters.getTag("actor_subjects") > 3 }
unless { context.approvals.contains("dpo") };
@id("rows") forbid (principal, action == Action::"release", resource)
when { context.counters.hasTag("session_rows") && context.counters.getTag("session_rows") > 1000 };
@id("masked") forbid (principal, action == Action::"reveal", resource);
"#;

/// A server with people: as many as it is asked for, from the one that it is asked for.
fn people(seen: &Seen) -> Reply {
    let asked = seen.json()["params"]["arguments"].clone();
    let (from, n) = (asked["from"].as_u64().unwrap_or(0), asked["n"].as_u64().unwrap_or(0));
    let rows: Vec<Value> =
        (from..from + n).map(|i| json!({"id": i, "email": format!("person{i}@example.com")})).collect();
    match seen.method().as_str() {
        "tools/call" => seen.result(json!({"content": [{"type": "text", "text": json!(rows).to_string()}]})),
        _ => echo(seen),
    }
}

fn call(caller: &mut Caller, id: u64, tool: &str, arguments: &Value) -> Result<String> {
    let params = json!({"name": tool, "arguments": arguments});
    let body = json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params});
    let reply = last(&caller.post(&body.to_string())?);
    Ok(if reply.get("error").is_some() { reply.to_string() } else { text(&reply) })
}

fn setup(upstream: &Upstream, identity: &str, policy: &str) -> Result<Setup> {
    let head = format!("{identity}servers:\n{}{QUICK}", upstream.server("up"));
    Setup::new(&head, &format!("{COMMON}{policy}"))
}

#[test]
fn ten_small_exports_are_one_large_one() -> Result<()> {
    let upstream = Upstream::start(people)?;
    let setup = setup(&upstream, &identity(PEOPLE), MANY)?;
    let mut gateway = setup.start()?;
    let page = |base: &str, id: u64, from: u64| -> Result<String> {
        let mut ada = Caller::new(base, "up", &token("ada"))?;
        call(&mut ada, id, "page", &json!({"from": from, "n": 6}))
    };
    for part in 0..5 {
        let got = page(gateway.base(), part, part * 6)?;
        ensure!(got.contains("[EMAIL"), "{part}: {got}");
    }
    // The same people again are no more people.
    let again = page(gateway.base(), 9, 0)?;
    ensure!(again.contains("[EMAIL"), "{again}");
    // A restart forgets nothing.
    let status = gateway.process.terminate(std::time::Duration::from_secs(30))?;
    ensure!(status.success());
    gateway = setup.start()?;
    for part in 5..8 {
        let got = page(gateway.base(), part, part * 6)?;
        ensure!(got.contains("[EMAIL"), "{part}: {got}");
    }
    let ninth = page(gateway.base(), 20, 48)?;
    ensure!(ninth.contains("waits for an approval"), "{ninth}");
    let view = one(&setup, "bob", "pending")?;
    ensure!(view["kind"] == "result" && view["why"][0]["policy"] == "many", "{view}");
    // Somebody else has a count of their own.
    let mut cleo = Caller::new(gateway.base(), "up", &token("cleo"))?;
    ensure!(call(&mut cleo, 1, "page", &json!({"from": 0, "n": 6}))?.contains("[EMAIL"));
    let before = ran(&upstream);
    approve(&setup, "bob")?;
    let got = page(gateway.base(), 21, 48)?;
    ensure!(got.contains("[EMAIL") && got.contains("\"id\":53"), "{got}");
    ensure!(ran(&upstream) == before, "it has not run again");
    let tenth = page(gateway.base(), 22, 54)?;
    ensure!(tenth.contains("waits for an approval"), "{tenth}");
    stop(gateway, &setup)?;
    let report = audited(&setup)?;
    ensure!(report["holds"] == true, "{report:#}");
    Ok(())
}

#[test]
fn a_kill_after_each_answer_forgets_no_export() -> Result<()> {
    let upstream = Upstream::start(people)?;
    let setup = setup(&upstream, &identity(PEOPLE), MANY)?;
    for part in 0..9 {
        let mut gateway = setup.start()?;
        let mut ada = Caller::new(gateway.base(), "up", &token("ada"))?;
        let got = call(&mut ada, part, "page", &json!({"from": part * 6, "n": 6}))?;
        // Within the second in which counts are written.
        gateway.process.kill()?;
        let expected = if part < 8 { "[EMAIL" } else { "waits for an approval" };
        ensure!(got.contains(expected), "{part}: {got}");
    }
    let gateway = setup.start()?;
    let view = one(&setup, "bob", "pending")?;
    ensure!(view["why"][0]["policy"] == "many", "{view}");
    stop(gateway, &setup)?;
    let report = audited(&setup)?;
    ensure!(report["holds"] == true, "{report:#}");
    Ok(())
}

#[test]
fn people_asked_for_one_by_one_are_counted_before_the_call_runs() -> Result<()> {
    let upstream = Upstream::echo()?;
    let setup = setup(&upstream, &identity(PEOPLE), MANY)?;
    let gateway = setup.start()?;
    let mut ada = Caller::new(gateway.base(), "up", &token("ada"))?;
    let mut ask =
        |id: u64, who: &str| call(&mut ada, id, "lookup", &json!({"email": format!("{who}@example.com")}));
    for (n, who) in ["a.one", "b.two", "c.three", "a.one"].into_iter().enumerate() {
        let got = ask(n as u64, who)?;
        ensure!(!got.contains("waits for an approval"), "{got}");
    }
    let fourth = ask(5, "d.four")?;
    ensure!(fourth.contains("waits for an approval") && ran(&upstream) == 4, "{fourth}");
    approve(&setup, "bob")?;
    let approved = ask(6, "d.four")?;
    ensure!(!approved.contains("waits for an approval") && ran(&upstream) == 5, "{approved}");
    stop(gateway, &setup)?;
    let report = audited(&setup)?;
    ensure!(report["holds"] == true, "{report:#}");
    Ok(())
}

#[test]
fn two_exports_at_once_see_each_other() -> Result<()> {
    let upstream = Upstream::start(people)?;
    let setup = setup(&upstream, &identity(PEOPLE), MANY)?;
    let gateway = setup.start()?;
    let base = gateway.base();
    let got: Vec<String> = std::thread::scope(|scope| {
        let ask = |n: u64| -> Result<String> {
            let mut ada = Caller::new(base, "up", &token("ada"))?;
            call(&mut ada, n, "page", &json!({"from": n * 30, "n": 30}))
        };
        let all: Vec<_> = (0..4).map(|n| scope.spawn(move || ask(n))).collect();
        all.into_iter().map(|one| one.join().expect("no panic")).collect::<Result<_>>()
    })?;
    let went = got.iter().filter(|text| text.contains("[EMAIL")).count();
    ensure!(went <= 1, "{went} of 30 people each went out: {got:.200?}");
    stop(gateway, &setup)?;
    Ok(())
}

const ABROAD: &str = r#"
@id("mail-abroad") @verdict("hold") @hold("dpo") @reason("Addresses leave the Union.")
forbid (principal, action == Action::"transfer", resource == DataClass::"email")
unless { context.approvals.contains("dpo") };
"#;

/// Ada is in the United States.
fn abroad() -> String {
    identity(PEOPLE).replacen("region: de", "region: us", 1)
}

#[test]
fn a_result_that_may_not_leave_waits_and_does_not_run_again() -> Result<()> {
    let upstream = Upstream::start(people)?;
    let setup = setup(&upstream, &abroad(), ABROAD)?;
    let mut gateway = setup.start()?;
    let mut ada = Caller::new(gateway.base(), "up", &token("ada"))?;
    let held = call(&mut ada, 1, "page", &json!({"from": 0, "n": 2}))?;
    ensure!(held.contains("waits for an approval") && !held.contains("@example.com"), "{held}");
    let view = one(&setup, "bob", "pending")?;
    ensure!(view["kind"] == "result" && view["why"][0]["policy"] == "mail-abroad", "{view}");
    ensure!(!view.to_string().contains("@example.com") && ran(&upstream) == 1, "{view}");
    // Neither in memory nor on the disk in clear, and a crash loses nothing.
    gateway.process.kill()?;
    for file in std::fs::read_dir(setup.data().join("held"))? {
        let bytes = std::fs::read(file?.path())?;
        ensure!(!String::from_utf8_lossy(&bytes).contains("person1"), "it lies in clear");
    }
    gateway = setup.start()?;
    approve(&setup, "bob")?;
    let mut ada = Caller::new(gateway.base(), "up", &token("ada"))?;
    let got = call(&mut ada, 2, "page", &json!({"from": 0, "n": 2}))?;
    ensure!(got.contains("person1@example.com"), "approved as it would go: {got}");
    ensure!(ran(&upstream) == 1, "it has not run again");
    // One approval, one result.
    let again = call(&mut ada, 3, "page", &json!({"from": 0, "n": 2}))?;
    ensure!(again.contains("waits for an approval") && ran(&upstream) == 2, "{again}");
    // Who is at home is asked nothing.
    let mut cleo = Caller::new(gateway.base(), "up", &token("cleo"))?;
    ensure!(call(&mut cleo, 1, "page", &json!({"from": 0, "n": 2}))?.contains("person1@example.com"));
    let records = stop(gateway, &setup)?;
    ensure!(count(&records, LeafType::ApprovalConsume) == 1);
    let report = audited(&setup)?;
    ensure!(report["holds"] == true, "{report:#}");
    Ok(())
}

#[test]
fn arguments_that_may_not_leave_wait_as_a_call() -> Result<()> {
    let upstream = Upstream::echo()?;
    let setup = setup(&upstream, &abroad(), ABROAD)?;
    let gateway = setup.start()?;
    let mut ada = Caller::new(gateway.base(), "up", &token("ada"))?;
    let arguments = json!({"to": "person1@example.com"});
    let held = call(&mut ada, 1, "echo", &arguments)?;
    ensure!(held.contains("waits for an approval") && ran(&upstream) == 0, "{held}");
    let view = one(&setup, "bob", "pending")?;
    ensure!(view["kind"] == "call" && !view.to_string().contains("person1"), "{view}");
    approve(&setup, "bob")?;
    // It runs; what comes back is a result of its own, which may not leave either.
    let result = call(&mut ada, 2, "echo", &arguments)?;
    ensure!(result.contains("waits for an approval") && ran(&upstream) == 1, "{result}");
    ensure!(upstream.saw("person1@example.com"), "it went as it was approved");
    let view = one(&setup, "bob", "pending")?;
    ensure!(view["kind"] == "result", "{view}");
    approve(&setup, "bob")?;
    let got = call(&mut ada, 3, "echo", &arguments)?;
    ensure!(got.contains("person1@example.com") && ran(&upstream) == 1, "{got}");
    stop(gateway, &setup)?;
    let report = audited(&setup)?;
    ensure!(report["holds"] == true, "{report:#}");
    Ok(())
}

#[test]
fn content_that_no_approval_lets_go_is_kept_back_at_once() -> Result<()> {
    let upstream = Upstream::start(people)?;
    let never = format!(
        "{ABROAD}@id(\"never-mail\") @verdict(\"block\") forbid (principal, action == Action::\"transfer\", resource == DataClass::\"email\");"
    );
    let setup = setup(&upstream, &abroad(), &never)?;
    let gateway = setup.start()?;
    let mut ada = Caller::new(gateway.base(), "up", &token("ada"))?;
    let kept = call(&mut ada, 1, "page", &json!({"from": 0, "n": 2}))?;
    ensure!(kept.contains("Withheld by Carnet"), "{kept}");
    stop(gateway, &setup)?;
    Ok(())
}

/// A server that exports, and can say how much that would be.
fn exporter(seen: &Seen) -> Reply {
    let tool = |name: &str, reads: bool| json!({"name": name, "inputSchema": {"type": "object"}, "annotations": {"readOnlyHint": reads}});
    let params = seen.json()["params"].clone();
    let said = |text: &str| seen.result(json!({"content": [{"type": "text", "text": text}]}));
    match (seen.method().as_str(), params["name"].as_str().unwrap_or_default()) {
        ("tools/list", _) => seen.result(json!({"tools": [tool("export", false), tool("count", true), tool("wipe", false), tool("liar", false)]})),
        ("tools/call", "count") => said("[{\"of\":\"a.b@example.com\"},{\"of\":\"c.d@example.com\"}]"),
        ("tools/call", "wipe") if params["arguments"]["dryRun"] == true => said("412 customers would go"),
        ("tools/call", "fails") => seen.result(json!({"isError": true, "content": [{"type": "text", "text": "a.b@example.com"}]})),
        ("tools/call", _) => said("done"),
        _ => echo(seen),
    }
}

#[test]
fn approvers_see_what_a_dry_run_says_and_its_failure_changes_nothing() -> Result<()> {
    let upstream = Upstream::start(exporter)?;
    let rules = "    dry_run:\n      - { tool: export, with: count }\n      - { tool: wipe, argument: dryRun, read_only: true }\n      \
                 - { tool: broken, with: fails, read_only: true }\n      - { tool: other, with: liar }\n";
    let policy = r#"
@id("changes") @hold("dpo") forbid (principal, action == Action::"tools/call", resource)
when { context.arguments.hasTag("to") && !context.arguments.hasTag("dryRun") && resource != Tool::"up.count" && resource != Tool::"up.fails" }
unless { context.approvals.contains("dpo") };
"#;
    let head = format!("{}servers:\n{}{rules}{QUICK}", identity(PEOPLE), upstream.server("up"));
    let setup = Setup::new(&head, &format!("{COMMON}{policy}"))?;
    let gateway = setup.start()?;
    let mut ada = Caller::new(gateway.base(), "up", &token("ada"))?;
    ada.post(&json!({"jsonrpc": "2.0", "id": 99, "method": "tools/list"}).to_string())?;
    let cases = [
        ("export", Some("dry run: 2 rows,"), 1),
        ("wipe", Some("412 customers would go"), 2),
        ("broken", Some("not known: the dry run failed"), 3),
        // A tool that may change something is not called to try.
        ("other", None, 3),
    ];
    for (n, (tool, said, calls)) in cases.into_iter().enumerate() {
        let held = call(&mut ada, n as u64, tool, &json!({"to": "x"}))?;
        ensure!(held.contains("waits for an approval"), "{tool}: {held}");
        let view = one(&setup, "bob", "pending")?;
        ensure!(view["tool"] == tool && !view.to_string().contains("@example.com"), "{view}");
        let estimate = view["estimate"].as_str();
        ensure!(
            said.map_or(estimate.is_none(), |said| estimate.is_some_and(|e| e.contains(said))),
            "{tool}: {view}"
        );
        ensure!(ran(&upstream) == calls, "{tool}: {} calls reached the server", ran(&upstream));
        // The same call again is not tried again.
        call(&mut ada, 50 + n as u64, tool, &json!({"to": "x"}))?;
        ensure!(ran(&upstream) == calls, "{tool}");
        let id = view["id"].as_str().unwrap_or_default().to_owned();
        let (done, said) = crate::approvals::approvals(&setup, "bob", &["deny", &id, "--reason", "seen"])?;
        ensure!(done, "{said}");
    }
    let records = stop(gateway, &setup)?;
    let tried =
        records.iter().filter(|r| r.ty == LeafType::CallDecision && r.text("tool") == "count").count();
    ensure!(tried == 1, "a dry run is a call in the log");
    let report = audited(&setup)?;
    ensure!(report["holds"] == true, "{report:#}");
    Ok(())
}

#[test]
fn a_dry_run_that_is_late_holds_nothing_up() -> Result<()> {
    let upstream = Upstream::start(|seen| {
        if seen.method() == "tools/call" && seen.json()["params"]["name"] == "count" {
            // The time is what is tested: longer than the gateway waits.
            std::thread::sleep(std::time::Duration::from_secs(3));
        }
        exporter(seen)
    })?;
    let rules = "    dry_run:\n      - { tool: export, with: count, read_only: true }\n";
    let policy = r#"
@id("changes") @hold("dpo") forbid (principal, action == Action::"tools/call", resource == Tool::"up.export")
unless { context.approvals.contains("dpo") };
"#;
    let quick = QUICK.replace("keep: 20s", "keep: 20s, estimate: 50ms");
    let head = format!("{}servers:\n{}{rules}{quick}", identity(PEOPLE), upstream.server("up"));
    let setup = Setup::new(&head, &format!("{COMMON}{policy}"))?;
    let gateway = setup.start()?;
    let mut ada = Caller::new(gateway.base(), "up", &token("ada"))?;
    let began = std::time::Instant::now();
    let held = call(&mut ada, 1, "export", &json!({"to": "x"}))?;
    ensure!(held.contains("waits for an approval") && began.elapsed().as_secs() < 3, "{held}");
    let view = one(&setup, "bob", "pending")?;
    ensure!(view["estimate"] == "not known: the dry run took too long", "{view}");
    approve(&setup, "bob")?;
    let done = call(&mut ada, 2, "export", &json!({"to": "x"}))?;
    ensure!(done == "done", "{done}");
    // It is recorded all the same, with its outcome.
    let records = stop(gateway, &setup)?;
    let tried = records.iter().find(|r| r.ty == LeafType::CallDecision && r.text("tool") == "count");
    ensure!(
        tried.is_some_and(|t| records.iter().any(|r| r.of == Some(t.index))),
        "a decision and what came of it"
    );
    Ok(())
}
