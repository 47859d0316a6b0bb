//! Who approvers are, and what they may see: everybody behind an agent is excluded however long the chain, a login counts by
//! its time and class, and what is masked is shown to who may see it, for the record.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use carnet_evidence::LeafType;
use carnet_tests::gateway::{binary, token};
use carnet_tests::peers::Oidc;
use carnet_tests::visitor::{Visitor, hidden};
use carnet_tests::wire::Caller;
use serde_json::{Value, json};

use crate::approvers::{World, last, result, text};

const AUDIENCE: &str = "https://unused.example/mcp";

fn ballot(view: &Value) -> Value {
    json!({ "choice": "approve", "reason": "it is right", "digest": view["digest"] })
}

#[test]
fn nobody_behind_the_agent_approves_however_long_the_chain() -> Result<()> {
    let oidc = Oidc::start(&[AUDIENCE])?;
    // The planner behind the agent is bob's; they share no subject.
    let people = format!(
        "  people:\n    - {{ name: bob, accounts: [\"carnet:tokens|bob\", \"{}|planner\"] }}\n",
        oidc.issuer()
    );
    let mut world = World::new("", Some(oidc), &people)?;
    let oidc = world.oidc.as_ref().context("a provider")?;
    let chain = json!({ "sub": "agent-7", "act": { "sub": "planner", "act": { "sub": "petra" } } });
    oidc.admin("act", &json!({ "user": "alice", "act": chain }))?;
    let asks = |token: &str, id: u64| -> Result<Value> {
        let mut alice = Caller::new(world.gateway.base(), "up", token)?;
        Ok(last(&alice.call(id, "echo", &json!({ "to": "x", "n": 1 }))?))
    };
    let alice = oidc.user_token("alice", AUDIENCE)?;
    let held = asks(&alice, 1)?;
    ensure!(result(&held).contains("waits for an approval"), "{held}");
    let view = world.one("pending")?;
    ensure!(view["agent"].as_str().is_some_and(|a| a.ends_with("|agent-7")), "{view}");
    let behind: Vec<&str> =
        view["behind"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    ensure!(behind.len() == 2 && behind[0].ends_with("|planner") && behind[1].ends_with("|petra"), "{view}");

    let path = format!("/approvals/{}/votes", text(&view, "id"));
    let petra = oidc.user_token("petra", AUDIENCE)?;
    let own = [
        ("petra, at the end of the chain", petra),
        ("her second account", token("petra")),
        ("the planner's owner", token("bob")),
    ];
    for (who, token) in own {
        let refused = world.api_with(&token, "POST", &path, &ballot(&view))?;
        ensure!(refused.status == 409 && refused.body.contains("cannot approve it"), "{who}: {refused:?}");
    }
    // Another chain of the same agent is another call: nobody is let in by the back door.
    let shorter = json!({ "sub": "agent-7", "act": { "sub": "planner" } });
    oidc.admin("act", &json!({ "user": "alice", "act": shorter }))?;
    let other = asks(&oidc.user_token("alice", AUDIENCE)?, 2)?;
    ensure!(!result(&other).contains(&text(&view, "id")), "{other}");
    let done = world.api("cyd", "POST", &path, &ballot(&view))?;
    ensure!(done.status == 200 && done.json()["state"] == "approved", "{done:?}");
    let other = asks(&oidc.user_token("alice", AUDIENCE)?, 3)?;
    ensure!(result(&other).contains("waits for an approval") && world.ran() == 0, "{other}");
    let ran = asks(&alice, 4)?;
    ensure!(result(&ran).contains("\"n\":1") && world.ran() == 1, "{ran}");
    world.stop()?;
    let report = crate::approvers::audited(&world.setup)?;
    ensure!(report["holds"] == true, "{report:#}");
    Ok(())
}

/// Somebody who signs in at the page as the provider says they did, and what the page offers them.
fn offered(world: &World, how: &Value, path: &str) -> Result<(u16, String)> {
    world.oidc.as_ref().context("a provider")?.admin("person", how)?;
    let (_, shown) = Visitor::default().open(&format!("{}{path}", world.page()))?;
    Ok((shown.status, shown.body))
}

#[test]
fn a_login_counts_by_its_time_and_its_class() -> Result<()> {
    let mut world = World::with_provider_and("@assurance(\"login\")", "acr: [smartcard], fresh: 2m, ")?;
    world.asks(1, &json!({ "to": "x", "n": 1 }))?;
    let view = world.one("pending")?;
    let (id, digest) = (text(&view, "id"), text(&view, "digest"));
    let call = format!("/c/{id}");
    let again = format!("/login?fresh=1&next={}", call.replace('/', "%2F"));
    let cases = [
        ("too old", json!({ "user": "petra", "acr": "smartcard", "age": 600 }), &call, 200, false),
        ("a weak class", json!({ "user": "petra", "acr": "password" }), &call, 200, false),
        ("no class", json!({ "user": "petra" }), &call, 200, false),
        ("fresh and strong", json!({ "user": "petra", "acr": "smartcard" }), &call, 200, true),
        // Asked for a fresh login, the provider gives out an old one.
        (
            "an old login for a fresh one",
            json!({ "user": "petra", "acr": "smartcard", "age": 600 }),
            &again,
            403,
            false,
        ),
        (
            "a fresh one where it was asked for",
            json!({ "user": "petra", "acr": "smartcard" }),
            &again,
            200,
            true,
        ),
    ];
    for (what, how, path, status, votes) in cases {
        let (got, body) = offered(&world, &how, path)?;
        let offers = body.contains("value=\"approve\">Approve</button>");
        ensure!(got == status && offers == votes, "{what}: {got} {body}");
        ensure!(status != 200 || votes || body.contains("This needs a fresh login"), "{what}: {body}");
    }
    // The form of an old login, filled in by hand, counts as what it is.
    let oidc = world.oidc.as_ref().context("a provider")?;
    let vote = |how: &Value| -> Result<u16> {
        oidc.admin("person", how)?;
        let mut petra = Visitor::default();
        let (at, shown) = petra.open(&format!("{}{call}", world.page()))?;
        let csrf = hidden(&shown.body, "csrf");
        let fields =
            [("csrf", csrf.as_str()), ("digest", &digest), ("choice", "approve"), ("reason", "looked at it")];
        Ok(petra.submit(&format!("{at}/vote"), &fields)?.status)
    };
    ensure!(vote(&json!({ "user": "petra", "acr": "smartcard", "age": 600 }))? == 409);
    ensure!(vote(&json!({ "user": "petra", "acr": "password" }))? == 409);
    ensure!(text(&world.one("pending")?, "id") == id, "nothing of that was a vote");
    ensure!(vote(&json!({ "user": "petra", "acr": "smartcard" }))? == 303);
    let records = world.stop()?;
    let vote = records.iter().find(|r| r.ty == LeafType::ApprovalVote).context("a vote")?;
    let proof = &vote.disclosed["approval"]["proof"];
    ensure!(proof["by"] == "login" && proof["acr"] == "smartcard", "{proof}");
    Ok(())
}

#[test]
fn what_is_masked_is_shown_to_who_may_see_it_and_that_is_recorded() -> Result<()> {
    const MAIL: &str = "petra.k@example.com";
    let mut world = World::with_provider("")?;
    world.asks(1, &json!({ "to": MAIL, "n": 1 }))?;
    let view = world.one("pending")?;
    let (id, path) = (text(&view, "id"), format!("/approvals/{}/unmask", text(&view, "id")));
    ensure!(!view.to_string().contains(MAIL), "{view}");
    // Who may not see the call, may not unmask it, or says no reason.
    for (who, reason, status) in
        [("ada", "x", 404), ("bob", "I am curious", 403), ("cyd", " ", 409), ("nobody", "x", 401)]
    {
        let refused = world.api(who, "POST", &path, &json!({ "reason": reason }))?;
        ensure!(refused.status == status && !refused.body.contains(MAIL), "{who}: {refused:?}");
    }
    ensure!(world.api("cyd", "GET", &path, &json!(null))?.status == 404, "a GET shows nothing");
    let shown = world.api("cyd", "POST", &path, &json!({ "reason": "is it our Petra?" }))?;
    ensure!(
        shown.status == 200 && shown.body.contains(MAIL) && shown.header("cache-control") == Some("no-store"),
        "{shown:?}"
    );
    // Once is once: the view stays as it was.
    ensure!(!world.api("cyd", "GET", &format!("/approvals/{id}"), &json!(null))?.body.contains(MAIL));
    command(&world, &id, MAIL)?;
    page(&world, &id, MAIL)?;
    // A class that the policy leaves out.
    world.asks(2, &json!({ "to": "DE89 3704 0044 0532 0130 00" }))?;
    let other = world.api("cyd", "GET", "/approvals?state=pending", &json!(null))?.json();
    let both = other["approvals"].as_array().context("two wait")?;
    let other = both.iter().map(|view| text(view, "id")).find(|one| *one != id).context("the second")?;
    let refused =
        world.api("cyd", "POST", &format!("/approvals/{other}/unmask"), &json!({ "reason": "x" }))?;
    ensure!(refused.status == 403, "{refused:?}");
    // What has ended is shown to nobody.
    let no = json!({ "choice": "deny", "reason": "no", "digest": view["digest"] });
    ensure!(world.api("bob", "POST", &format!("/approvals/{id}/votes"), &no)?.status == 200);
    ensure!(world.api("cyd", "POST", &path, &json!({ "reason": "late" }))?.status == 409);
    ensure!(!world.gateway.process.output().contains(MAIL), "not in the logs");
    let records = world.stop()?;
    let request = records.iter().find(|r| r.ty == LeafType::ApprovalRequest).context("a request")?.index;
    let looks: Vec<_> = records
        .iter()
        .filter(|r| {
            r.ty == LeafType::AdminRead
                && r.disclosed.get("detail").is_some_and(|d| d.to_string().contains("digest"))
        })
        .collect();
    let channels: Vec<Value> = looks
        .iter()
        .filter_map(|r| serde_json::from_str::<Value>(r.text("detail")).ok())
        .map(|d| d["channel"].clone())
        .collect();
    ensure!(channels == ["api", "cli", "page"], "{channels:?}");
    ensure!(looks.iter().all(|r| r.of == Some(request)), "each names its request");
    ensure!(looks[0].disclosed["actor"]["subject"] == "cyd" && !looks[0].text("detail").contains(MAIL));
    Ok(())
}

/// The command shows it to who may see it.
fn command(world: &World, id: &str, value: &str) -> Result<()> {
    let show = |who: &str, more: &[&str]| -> Result<(bool, String)> {
        let mut command = Command::new(binary()?);
        command.args(["approvals", "show", id]).args(more).arg("--config").arg(world.setup.config());
        let output = command.env("CARNET_TOKEN", token(who)).output()?;
        let text =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        Ok((output.status.success(), text))
    };
    let (done, said) = show("bob", &["--unmask", "--reason", "x"])?;
    ensure!(!done && said.contains("unmask") && !said.contains(value), "{said}");
    let (done, said) = show("cyd", &["--unmask"])?;
    ensure!(!done && said.contains("--reason"), "{said}");
    let (done, said) = show("cyd", &["--unmask", "--reason", "to be sure"])?;
    ensure!(done && said.contains("UNMASKED") && said.contains(value), "{said}");
    let (done, said) = show("cyd", &[])?;
    ensure!(done && !said.contains(value), "{said}");
    Ok(())
}

/// The page shows it in the answer to its form, and takes it from the screen again.
fn page(world: &World, id: &str, value: &str) -> Result<()> {
    let oidc = world.oidc.as_ref().context("a provider")?;
    let call = format!("{}/c/{id}", world.page());
    let visit = |groups: &[&str]| -> Result<(Visitor, String)> {
        oidc.admin("groups", &json!({ "user": "petra", "groups": groups }))?;
        world.as_person("petra")?;
        let mut petra = Visitor::default();
        let (_, shown) = petra.open(&call)?;
        Ok((petra, shown.body))
    };
    let ask = |petra: &mut Visitor, body: &str| {
        let csrf = hidden(body, "csrf");
        petra.submit(&format!("{call}/unmask"), &[("csrf", csrf.as_str()), ("reason", "to be sure")])
    };
    let (mut petra, body) = visit(&["privacy"])?;
    ensure!(!body.contains("Unmask"), "{body}");
    ensure!(ask(&mut petra, &body)?.status == 403);
    let (mut petra, body) = visit(&["privacy", "seniors"])?;
    ensure!(body.contains("Unmask the arguments") && !body.contains(value), "{body}");
    ensure!(
        petra.submit(&format!("{call}/unmask"), &[("reason", "x")])?.status == 403,
        "no token of the visit"
    );
    let shown = ask(&mut petra, &body)?;
    ensure!(shown.status == 200 && shown.body.contains(value), "{shown:?}");
    ensure!(shown.header("refresh").is_some_and(|r| r.starts_with("60; url=/approvals/c/")), "{shown:?}");
    let (_, after) = petra.open(&call)?;
    ensure!(!after.body.contains(value));
    Ok(())
}
