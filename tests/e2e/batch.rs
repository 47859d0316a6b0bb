//! Batches, which revision 2025-03-26 alone has: each message is decided and masked by itself, answers come together.

use anyhow::{Context, Result};
use carnet_tests::gateway::{NOTHING_PERSONAL, Setup, TOKEN};
use carnet_tests::http::{self, Reply};
use carnet_tests::peers;
use serde_json::{Value, json};

fn post(url: &str, session: Option<&str>, version: &str, body: &Value) -> Result<Reply> {
    let bearer = format!("Bearer {TOKEN}");
    let mut headers = vec![
        ("content-type", "application/json"),
        ("accept", "application/json, text/event-stream"),
        ("authorization", bearer.as_str()),
        ("mcp-protocol-version", version),
    ];
    headers.extend(session.map(|id| ("mcp-session-id", id)));
    http::send("POST", url, &headers, &body.to_string())
}

#[test]
fn a_batch_is_answered_as_a_batch_where_the_revision_has_them() -> Result<()> {
    let command = json!([peers::fixture_binary()?.display().to_string()]);
    let setup = Setup::with_token(
        &format!("  fixture:\n    command: {command}\n    region: de\n"),
        NOTHING_PERSONAL,
    )?;
    let gateway = setup.start()?;
    let url = gateway.url("fixture");
    let hello = json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
        "protocolVersion": "2025-03-26", "capabilities": {}, "clientInfo": { "name": "batch", "version": "1" },
    } });
    let opened = post(&url, None, "2025-03-26", &hello)?;
    let session = opened.header("mcp-session-id").context("a session")?.to_owned();
    let initialized = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    assert_eq!(post(&url, Some(&session), "2025-03-26", &initialized)?.status, 202);
    let batch = json!([
        { "jsonrpc": "2.0", "id": 1, "method": "ping" },
        { "jsonrpc": "2.0", "id": "two", "method": "tools/call", "params": { "name": "customers_text", "arguments": {} } },
    ]);
    let reply = post(&url, Some(&session), "2025-03-26", &batch)?;
    assert_eq!(reply.status, 200, "{reply:?}");
    let answers: Vec<Value> = serde_json::from_str(&reply.body)?;
    let ids: Vec<&Value> = answers.iter().map(|a| &a["id"]).collect();
    assert_eq!(ids, [&json!(1), &json!("two")], "{answers:?}");
    assert!(
        reply.body.contains("[EMAIL]") && !reply.body.contains("greta.lindqvist@example.org"),
        "{reply:?}"
    );

    let refused = post(&url, Some(&session), "2025-11-25", &batch)?;
    assert_eq!(refused.status, 400, "later revisions have none: {refused:?}");
    Ok(())
}
