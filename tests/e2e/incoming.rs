//! What goes in is masked by rules of its own: arguments, answers to sampling and to elicitation; and what a server's output
//! schema says of its fields counts for what it sends.

use anyhow::{Context, Result, ensure};
use carnet_tests::driver::{Reach, Sdk, drive};
use carnet_tests::gateway::{ALLOW_ALL_MASKED, Setup, TOKEN};
use carnet_tests::peers;
use carnet_tests::records;
use carnet_tests::upstream::{self, Reply, Seen, Upstream};
use carnet_tests::wire::Caller;
use serde_json::{Value, json};

const EMAIL: &str = "greta.lindqvist@example.org";
const IBAN: &str = "DE89370400440532013000";

/// Results are redacted; what servers get has other transforms.
const RULES: &str = "masking:\n  default: redact\n  in:\n    default: redact\n    \
    classes: { email: token, iban: keep-last-4, birth_date: generalise }\n";

fn rows(seen: &Seen) -> Reply {
    if seen.tool() == "row" { seen.text(&format!("{EMAIL} pays from {IBAN}")) } else { upstream::echo(seen) }
}

/// The arguments that reached the server last.
fn arrived(upstream: &Upstream) -> Value {
    upstream.seen().last().map(|s| s.json()["params"]["arguments"].clone()).unwrap_or_default()
}

#[test]
fn arguments_have_transforms_of_their_own() -> Result<()> {
    let upstream = Upstream::start(rows)?;
    let setup = Setup::with_token(&format!("{}{RULES}", upstream.server("up")), ALLOW_ALL_MASKED)?;
    let gateway = setup.start()?;
    let mut caller = Caller::new(gateway.base(), "up", TOKEN)?;
    let arguments = json!({"to": EMAIL, "note": format!("from {IBAN}"), "birthDate": "1980-03-14",
        "nested": json!({"mail": EMAIL}).to_string(), "phone": "+49 30 901820"});
    caller.call(1, "echo", &arguments)?;
    let got = arrived(&upstream);
    let token = got["to"].as_str().context("a token")?.to_owned();
    ensure!(token.starts_with("[EMAIL:") && token.len() > 12, "{got}");
    ensure!(got["nested"].as_str().is_some_and(|n| n.contains(&token)), "the same inside a string: {got}");
    let note = got["note"].as_str().unwrap_or_default();
    ensure!(note.ends_with("3000") && !note.contains("DE89") && note.contains("****"), "{got}");
    ensure!(got["birthDate"] == "1980" && got["phone"] == "[PHONE]", "{got}");
    let row = caller.call(2, "row", &json!({}))?.body;
    ensure!(row.contains("[EMAIL] pays from [IBAN]"), "results have theirs: {row}");
    for value in [EMAIL, IBAN] {
        ensure!(!upstream.saw(value), "the server saw {value}");
    }
    let rules: Vec<String> = records::read(&setup.data())?
        .iter()
        .filter_map(|r| r.disclosed.get("masks").or(r.disclosed.get("masked")).map(ToString::to_string))
        .collect();
    ensure!(!rules.iter().any(|r| r.contains(EMAIL)), "a record holds a value");
    Ok(())
}

/// What a policy shows to callers it need not show to servers.
#[test]
fn a_direction_is_a_matter_of_policy() -> Result<()> {
    let upstream = Upstream::start(rows)?;
    let policies = r#"
@id("everything") permit (principal, action, resource);
@id("out-only") forbid (principal, action == Action::"reveal", resource) unless { context.direction == "out" };
"#;
    let setup = Setup::with_token(&format!("{}{RULES}", upstream.server("up")), policies)?;
    let gateway = setup.start()?;
    let mut caller = Caller::new(gateway.base(), "up", TOKEN)?;
    ensure!(caller.call(1, "row", &json!({}))?.body.contains(EMAIL), "callers see it");
    caller.call(2, "echo", &json!({"to": EMAIL}))?;
    ensure!(
        !upstream.saw(EMAIL) && arrived(&upstream)["to"].as_str().is_some_and(|t| t.starts_with("[EMAIL:"))
    );
    Ok(())
}

/// Asks what its tool is named after, and then gives back what it was answered.
fn asks(seen: &Seen) -> Reply {
    let params = &seen.json()["params"];
    if !params["inputResponses"].is_null() {
        let told = params["inputResponses"].to_string();
        return seen.result(json!({"resultType": "complete", "content": [{"type": "text", "text": told}]}));
    }
    let request = if seen.tool() == "sampler" {
        json!({"method": "sampling/createMessage", "params": {"messages": [], "maxTokens": 9}})
    } else {
        json!({"method": "elicitation/create", "params": {"message": "where to?", "requestedSchema":
            {"type": "object", "properties": {"contact": {"type": "string"}}}}})
    };
    seen.result(json!({"resultType": "input_required", "requestState": "s", "inputRequests": {"a": request}}))
}

fn modern(caller: &mut Caller, tool: &str, more: &Value) -> Result<Value> {
    caller.set("mcp-protocol-version", "2026-07-28");
    caller.set("mcp-method", "tools/call");
    caller.set("mcp-name", tool);
    let mut params = json!({"name": tool, "arguments": {}, "_meta": {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}});
    for (key, value) in more.as_object().into_iter().flatten() {
        params[key] = value.clone();
    }
    let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
    Ok(caller.post(&message.to_string())?.json())
}

#[test]
fn answers_to_a_server_are_masked_like_arguments() -> Result<()> {
    let upstream = Upstream::start(asks)?;
    let setup = Setup::with_token(&format!("{}{RULES}", upstream.server("up")), ALLOW_ALL_MASKED)?;
    let gateway = setup.start()?;
    let mut caller = Caller::new(gateway.base(), "up", TOKEN)?;
    for (tool, answer) in [
        ("elicitor", json!({"action": "accept", "content": {"contact": format!("{EMAIL}, {IBAN}")}})),
        (
            "sampler",
            json!({"role": "assistant", "model": "m", "content": {"type": "text", "text": format!("Write to {EMAIL} about {IBAN}.")}}),
        ),
    ] {
        let asked = modern(&mut caller, tool, &json!({}))?;
        let state = asked["result"]["requestState"].clone();
        ensure!(state.is_string(), "{asked}");
        modern(&mut caller, tool, &json!({"requestState": state, "inputResponses": {"a": answer}}))?;
        let got = upstream
            .seen()
            .last()
            .map(|s| s.json()["params"]["inputResponses"].to_string())
            .unwrap_or_default();
        ensure!(got.contains("[EMAIL:") && got.contains("****") && got.contains("3000"), "{tool}: {got}");
        ensure!(!upstream.saw(EMAIL) && !upstream.saw(IBAN), "{tool}: {got}");
    }
    Ok(())
}

/// The names of the fields say nothing; their descriptions, which the SDK puts into the schema, do.
#[test]
fn descriptions_in_an_output_schema_say_what_fields_hold() -> Result<()> {
    let python = peers::folder()?.join("py/sdk1/bin/python").display().to_string();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/described.py");
    let server = format!("  up:\n    command: {}\n    inherit: [PATH, HOME]\n", json!([python, script]));
    let setup = Setup::with_token(&format!("{server}{RULES}"), ALLOW_ALL_MASKED)?;
    let gateway = setup.start()?;
    let reach = Reach::Http(gateway.url("up"), Some(TOKEN.to_owned()));
    let steps = [json!({"do": "tools/list"}), json!({"do": "tools/call", "name": "card", "arguments": {}})];
    let seen = drive(Sdk::Py2, &[reach], &steps)?.pop().context("one session")?;
    let result = seen[1]["result"].to_string();
    for value in ["Zyx Qorr", "C01X00T47", "14 03 1980"] {
        ensure!(!result.contains(value), "{value}: {result}");
    }
    ensure!(
        result.contains("Deep Blue") && result.contains("[PERSON]") && result.contains("[PASSPORT]"),
        "{result}"
    );
    Ok(())
}
