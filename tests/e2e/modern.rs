//! What revision 2026-07-28 asks of a gateway beyond the conformance suites: a `requestState` belongs to one caller and one
//! request, what a result asks for is decided, headers carry nothing that was not inspected; and a server whose process ends
//! takes no session with it.

use anyhow::{Result, ensure};
use carnet_tests::gateway::{Setup, TOKEN, identity, token};
use carnet_tests::http::Reply as Http;
use carnet_tests::upstream::{Gate, Reply, Seen, Upstream};
use carnet_tests::wire::Caller;
use serde_json::{Value, json};

const STATE: &str = "what the server wants back";

const PEOPLE: &[(&str, &str, &[&str])] = &[("ada", "user", &["all"]), ("bob", "user", &["all"])];

const POLICY: &str = r#"
@id("all") permit (principal, action, resource);
@id("no-sampling") forbid (principal, action == Action::"sampling/createMessage", resource);
@id("masked") forbid (principal, action == Action::"reveal", resource);
"#;

/// Asks for input at first, by `elicitation` or by `sampling` as the tool's name says, and answers when its state comes back.
fn asks(seen: &Seen) -> Reply {
    let params = &seen.json()["params"];
    if params["requestState"].as_str() == Some(STATE) {
        return seen
            .result(json!({"resultType": "complete", "content": [{"type": "text", "text": "thank you"}]}));
    }
    if params.get("requestState").is_some() {
        return seen.text("a state that I never gave");
    }
    let (method, asked) = if seen.tool() == "sampler" {
        ("sampling/createMessage", json!({"messages": [], "maxTokens": 1}))
    } else {
        (
            "elicitation/create",
            json!({"message": "how many?", "requestedSchema": {"type": "object", "properties": {}}}),
        )
    };
    seen.result(json!({"resultType": "input_required", "requestState": STATE,
        "inputRequests": {"a": {"method": method, "params": asked}}}))
}

fn call(caller: &mut Caller, tool: &str, arguments: &Value, state: Option<&str>) -> Result<Http> {
    caller.set("mcp-protocol-version", "2026-07-28");
    caller.set("mcp-method", "tools/call");
    caller.set("mcp-name", tool);
    let mut params = json!({"name": tool, "arguments": arguments, "_meta": {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}});
    if let Some(state) = state {
        params["requestState"] = state.into();
        params["inputResponses"] = json!({"a": {"action": "accept", "content": {}}});
    }
    let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
    caller.post(&message.to_string())
}

#[test]
fn a_request_state_comes_back_only_from_its_caller_with_its_request() -> Result<()> {
    let upstream = Upstream::start(asks)?;
    let setup = Setup::new(&format!("{}servers:\n{}", identity(PEOPLE), upstream.server("up")), POLICY)?;
    let gateway = setup.start()?;
    let mut ada = Caller::new(gateway.base(), "up", &token("ada"))?;
    let mut bob = Caller::new(gateway.base(), "up", &token("bob"))?;
    let asked = call(&mut ada, "asker", &json!({"n": 1}), None)?.json();
    let state = asked["result"]["requestState"].as_str().unwrap_or_default().to_owned();
    ensure!(asked["result"]["resultType"] == "input_required" && state.ends_with(STATE), "{asked}");
    let refused = |reply: Http| {
        ensure!(reply.json()["error"]["code"] == -32602, "{reply:?}");
        Ok(())
    };
    refused(call(&mut bob, "asker", &json!({"n": 1}), Some(&state))?)?;
    refused(call(&mut ada, "asker", &json!({"n": 2}), Some(&state))?)?;
    refused(call(&mut ada, "other", &json!({"n": 1}), Some(&state))?)?;
    refused(call(&mut ada, "asker", &json!({"n": 1}), Some(STATE))?)?;
    refused(call(&mut ada, "asker", &json!({"n": 1}), Some(&state.replace("c1.", "c1.9")))?)?;
    let done = call(&mut ada, "asker", &json!({"n": 1}), Some(&state))?;
    ensure!(done.body.contains("thank you"), "{done:?}");
    ensure!(upstream.seen().len() == 2, "what was refused never arrived");
    Ok(())
}

#[test]
fn what_a_result_asks_for_is_decided_like_a_request_of_its_own() -> Result<()> {
    let upstream = Upstream::start(asks)?;
    let setup = Setup::with_token(&upstream.server("up"), POLICY)?;
    let gateway = setup.start()?;
    let mut caller = Caller::new(gateway.base(), "up", TOKEN)?;
    let reply = call(&mut caller, "sampler", &json!({}), None)?;
    ensure!(
        reply.body.contains("no policy permits it to ask for") && !reply.body.contains("inputRequests"),
        "{reply:?}"
    );
    ensure!(call(&mut caller, "asker", &json!({}), None)?.body.contains("elicitation/create"));
    Ok(())
}

#[test]
fn headers_carry_nothing_that_was_not_inspected() -> Result<()> {
    let upstream = Upstream::start(|seen| seen.text("fine"))?;
    let setup = Setup::with_token(&upstream.server("up"), POLICY)?;
    let gateway = setup.start()?;
    let mut caller = Caller::new(gateway.base(), "up", TOKEN)?;
    for (name, value) in [
        ("mcp-x", "jane.doe@example.org"),
        ("mcp-param-mail", "jane.doe@example.org"),
        ("tracestate", "a=jane.doe@example.org"),
        ("traceparent", "jane.doe@example.org"),
        ("cookie", "jane.doe@example.org"),
        ("x-forwarded-for", "192.0.2.7"),
    ] {
        caller.set(name, value);
    }
    ensure!(caller.call(1, "echo", &json!({}))?.status == 200, "legacy");
    ensure!(call(&mut caller, "echo", &json!({}), None)?.status == 200, "modern");
    for seen in upstream.seen().iter() {
        let shown = format!("{:?}", seen.headers);
        ensure!(!shown.contains("jane") && !shown.contains("192.0.2.7") && !shown.contains(TOKEN), "{shown}");
    }
    Ok(())
}

#[test]
fn a_caller_who_hangs_up_before_the_answer_cancels_the_call() -> Result<()> {
    let gate = std::sync::Arc::new(Gate::default());
    let held = gate.clone();
    let upstream = Upstream::start(move |seen| Reply::Held(held.clone(), Box::new(seen.text("too late"))))?;
    let setup = Setup::with_token(&upstream.server("up"), POLICY)?;
    let gateway = setup.start()?;
    let mut caller = Caller::new(gateway.base(), "up", TOKEN)?;
    for (name, value) in
        [("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/call"), ("mcp-name", "slow")]
    {
        caller.set(name, value);
    }
    let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "slow", "arguments": {},
        "_meta": {"io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {}}}});
    caller.send("POST", &message.to_string())?;
    let end = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while upstream.seen().is_empty() {
        ensure!(std::time::Instant::now() < end, "the call did not arrive");
        std::thread::yield_now();
    }
    drop(caller);
    let cancelled = |r: &carnet_tests::records::Record| r.of.is_some() && r.text("error") == "cancelled";
    while !carnet_tests::records::read(&setup.data())?.iter().any(cancelled) {
        ensure!(std::time::Instant::now() < end, "the call was not cancelled");
        std::thread::yield_now();
    }
    gate.open();
    Ok(())
}

#[test]
fn a_server_whose_process_ends_is_started_again() -> Result<()> {
    // One answer, and the process is gone.
    let once = r#"read line; id=$(printf '%s' "$line" | sed 's/.*"id":\([0-9]*\).*/\1/'); printf '{"jsonrpc":"2.0","id":%s,"result":{"content":[]}}\n' "$id""#;
    let servers = format!("  up:\n    command: [sh, -c, {}]\n    region: de\n", serde_json::to_string(once)?);
    let setup = Setup::with_token(&servers, POLICY)?;
    let gateway = setup.start()?;
    let mut caller = Caller::new(gateway.base(), "up", TOKEN)?;
    let end = std::time::Instant::now() + std::time::Duration::from_secs(30);
    let mut good = 0;
    while good < 3 {
        ensure!(std::time::Instant::now() < end, "a session with a server that has ended goes on failing");
        // Between the end of the process and its being seen, a call may still fail: the next one begins anew.
        good += u32::from(call(&mut caller, "any", &json!({}), None)?.body.contains("\"result\""));
    }
    Ok(())
}
