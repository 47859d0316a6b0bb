//! Channels end to end, each against its other side on loopback: a real mail server, a workflow of Teams, an on-call service. What is
//! late is tried again, what is refused for good is a dead letter, and nothing that they answer is a vote.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Result, ensure};
use carnet_tests::http;
use carnet_tests::peers;
use carnet_tests::process::Process;
use carnet_tests::upstream::{Reply, Seen, Upstream};
use serde_json::{Value, json};

use crate::approvers::{World, result, text, wait_for};

/// A server that fails so often before it takes what it gets, and answers as if that decided anything.
fn late(failures: usize) -> Result<Upstream> {
    let seen = Arc::new(AtomicUsize::new(0));
    Upstream::start(move |_: &Seen| {
        let n = seen.fetch_add(1, Ordering::Relaxed);
        let approve = r#"{"choice":"approve","status":"approved","text":"approve"}"#.to_owned();
        Reply::Http(if n < failures { 503 } else { 202 }, Vec::new(), approve)
    })
}

fn bodies(upstream: &Upstream, path: &str) -> Vec<Value> {
    upstream.seen().iter().filter(|s| s.line.contains(path)).map(Seen::json).collect()
}

fn mails(server: &Process) -> Vec<Value> {
    server.output().lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

fn dead(world: &World) -> Vec<Value> {
    let listed = world.api("ops", "GET", "/messages", &json!(null)).map(|r| r.json()).unwrap_or_default();
    listed["messages"].as_array().cloned().unwrap_or_default()
}

#[test]
fn mail_cards_and_calls_at_night_through_the_real_binary() -> Result<()> {
    let python = peers::folder()?.join("py/smtp/bin/python");
    let mut command = Command::new(python);
    command.arg("-B").arg(peers::source("peers/smtp.py"));
    let mail = Process::start(command, "ready ")?;
    // The card is late: it comes with the third try.
    let (teams, pager) = (late(2)?, late(0)?);
    let channels = format!(
        "  channels:\n    mail:\n      region: de\n      on: [requested, decided]\n      email: {{ server: \"127.0.0.1:{}\", security: plain, \
         from: carnet@example.eu, to: [dpo@example.eu, gone@example.eu, busy@example.eu] }}\n    team:\n      region: de\n      on: [requested]\n      \
         teams: {{ url: file:./teams }}\n    night:\n      region: de\n      on: [requested, decided]\n      pagerduty: {{ routing_key: file:./token, url: \
         \"http://{}/v2/enqueue\" }}\n",
        mail.ready,
        pager.address()
    );
    let mut world = World::with_files(
        "",
        &channels,
        &[("teams", &format!("http://{}/workflows/x?sig=very-secret", teams.address()))],
    )?;
    let arguments = json!({ "to": "x@example.com", "n": "<b>\u{202e}\u{1b}[2J" });
    ensure!(result(&world.asks(1, &arguments)?).contains("waits for an approval"));
    let view = world.one("pending")?;
    let id = text(&view, "id");

    // One mail for each recipient, as text, masked, with a link that opens the page and no more.
    let got = wait_for("two mails", || Some(mails(&mail)).filter(|all| all.len() >= 2))?;
    for mail in &got {
        let body = text(mail, "text");
        ensure!(mail["to"].as_array().is_some_and(|to| to.len() == 1), "{mail}");
        ensure!(body.contains("[EMAIL]") && body.contains(&format!("/approvals/c/{id}")), "{body}");
        ensure!(!body.contains("x@example.com") && !body.contains(['\u{202e}', '\u{1b}']), "{body}");
        ensure!(
            mail["headers"]["Content-Type"].as_str().is_some_and(|t| t.starts_with("text/plain")),
            "{mail}"
        );
    }
    let to: Vec<String> = got.iter().map(|m| m["to"][0].as_str().unwrap_or_default().to_owned()).collect();
    ensure!(
        to.contains(&"dpo@example.eu".to_owned()) && to.contains(&"busy@example.eu".to_owned()),
        "{to:?}"
    );
    // Who is not there is a dead letter, for those who may see it.
    let letters = wait_for("a dead letter", || Some(dead(&world)).filter(|all| !all.is_empty()))?;
    ensure!(
        letters.len() == 1 && letters[0]["channel"] == "mail" && letters[0]["approval"] == id,
        "{letters:?}"
    );
    ensure!(!letters[0].to_string().contains("very-secret"), "{letters:?}");

    let cards = wait_for("a card", || Some(bodies(&teams, "/workflows/x")).filter(|all| all.len() == 3))?;
    let card = cards[2].to_string();
    ensure!(cards[0] == cards[1] && cards[1] == cards[2], "each try is the same card");
    ensure!(
        card.contains("AdaptiveCard")
            && card.contains(&format!("/approvals/c/{id}"))
            && card.contains("[EMAIL]"),
        "{card}"
    );
    ensure!(
        !card.contains("Action.Submit") && !card.contains("x@example.com") && !card.contains('\u{202e}'),
        "{card}"
    );
    let event = wait_for("an event", || bodies(&pager, "/v2/enqueue").into_iter().next())?;
    ensure!(
        event["event_action"] == "trigger" && event["dedup_key"].as_str().is_some_and(|k| k.contains(&id)),
        "{event}"
    );

    // What they answered was no vote, nor is what a card or a pager could send back, or a mail's link that a scanner opens.
    for path in [
        "/approvals/slack/team",
        "/approvals/slack/night",
        "/approvals/slack/mail",
        &format!("/approvals/c/{id}/vote"),
    ] {
        let url = format!("{}{path}", world.gateway.base());
        for method in ["GET", "POST"] {
            let body = if method == "POST" { r#"{"choice":"approve","reason":"x"}"# } else { "" };
            let reply = http::send(method, &url, &[("content-type", "application/json")], body)?;
            // Who is not signed in is sent to do so.
            ensure!(reply.status >= 300, "{method} {path}: {reply:?}");
        }
    }
    ensure!(text(&world.one("pending")?, "id") == id && world.ran() == 0, "nothing of that was a vote");

    let ballot = json!({ "choice": "approve", "reason": "asked her", "digest": view["digest"] });
    ensure!(world.api("bob", "POST", &format!("/approvals/{id}/votes"), &ballot)?.status == 200);
    wait_for("the alarm to end", || {
        bodies(&pager, "/v2/enqueue").into_iter().find(|e| e["event_action"] == "resolve")
    })?;
    wait_for("a word about the outcome", || {
        mails(&mail).into_iter().find(|m| text(m, "text").contains("approved"))
    })?;
    ensure!(result(&world.asks(2, &arguments)?).contains("\"n\""));
    let log = world.gateway.process.output();
    ensure!(!log.contains("very-secret") && !log.contains("x@example.com"), "{log}");
    world.stop()?;
    Ok(())
}
