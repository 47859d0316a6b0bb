//! The invariants of the design, end to end, each test named after its number. 1 is in `crates/policy/tests/decide.rs`, 8 in
//! `crates/config`; 3 is in `disk.rs` and, point by point, in `crates/store`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use carnet_evidence::LeafType;
use carnet_tests::gateway::{ALLOW_ALL, ALLOW_ALL_MASKED, Gateway, Setup, TOKEN};
use carnet_tests::records::{self, Record};
use carnet_tests::upstream::{Reply, Seen, Upstream, echo};
use carnet_tests::wire::{Caller, call};
use carnet_tests::{http, peers};
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_secs(30);

fn stop(mut gateway: Gateway, setup: &Setup) -> Result<Vec<Record>> {
    let status = gateway.process.terminate(LIMIT)?;
    ensure!(status.success(), "{status}: {}", gateway.process.output());
    records::verify(&setup.data())?;
    records::read(&setup.data())
}

/// A modern request's `_meta`.
fn meta(revision: &str) -> Value {
    json!({"io.modelcontextprotocol/protocolVersion": revision, "io.modelcontextprotocol/clientCapabilities": {}})
}

/// A message that two readers could read differently, or that is beyond a limit: headers, body, status, code.
type Bad<'a> = (&'a str, Vec<(&'a str, &'a str)>, Vec<u8>, u16, i64);

fn bad_messages() -> Vec<Bad<'static>> {
    let call = |params: &str| {
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{params}}}"#).into_bytes()
    };
    let deep = format!(r#"{{"name":"echo","arguments":{{"unseen":{}1{}}}}}"#, "[".repeat(70), "]".repeat(70));
    let large = format!(r#"{{"name":"echo","arguments":{{"unseen":"{}"}}}}"#, "x".repeat(70 << 10));
    let modern = |revision: &str| {
        let params = json!({"name": "echo", "arguments": {"a": "unseen"}, "_meta": meta(revision)});
        call(&params.to_string())
    };
    let header = |name: &'static str| {
        vec![("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/call"), ("mcp-name", name)]
    };
    let mut latin1 = call(r#"{"name":"echo","arguments":{"a":"unseen ?"}}"#);
    for b in &mut latin1 {
        if *b == b'?' {
            *b = 0xe9;
        }
    }
    let batch =
        [b"[".to_vec(), call(r#"{"name":"echo","arguments":{"a":"unseen"}}"#), b"]".to_vec()].concat();
    vec![
        ("a key twice", vec![], call(r#"{"name":"echo","name":"unseen","arguments":{}}"#), 400, -32600),
        ("an escaped key twice", vec![], call(r#"{"name":"echo","n\u0061me":"unseen"}"#), 400, -32600),
        ("keys that differ in case", vec![], call(r#"{"name":"echo","Name":"unseen"}"#), 400, -32600),
        (
            "an argument twice",
            vec![],
            call(r#"{"name":"echo","arguments":{"a":1,"a":"unseen"}}"#),
            400,
            -32600,
        ),
        ("no JSON", vec![], b"{\"unseen\":".to_vec(), 400, -32700),
        ("more behind it", vec![], [call("{}"), b"{\"unseen\":1}".to_vec()].concat(), 400, -32700),
        ("no UTF-8", vec![], latin1, 400, -32700),
        ("too deep", vec![], call(&deep), 400, -32600),
        ("too large", vec![], call(&large), 413, -32600),
        ("another tool in the header", header("other"), modern("2026-07-28"), 400, -32020),
        ("another revision in the header", header("echo"), modern("2025-11-25"), 400, -32020),
        (
            "an invented revision",
            vec![("mcp-protocol-version", "2027-01-01")],
            modern("2027-01-01"),
            400,
            -32022,
        ),
        ("a batch of a later revision", vec![("mcp-protocol-version", "2025-06-18")], batch, 400, -32600),
    ]
}

#[test]
fn invariant_2_what_is_ambiguous_is_refused_recorded_and_never_forwarded() -> Result<()> {
    let upstream = Upstream::echo()?;
    let setup = Setup::with_token(
        &format!("{}limits: {{ request_body: 64KiB }}\n", upstream.server("light")),
        ALLOW_ALL,
    )?;
    let gateway = setup.start()?;
    let mut wrong = Vec::new();
    let bad = bad_messages();
    for (what, headers, body, status, code) in &bad {
        let mut caller = Caller::new(gateway.base(), "light", TOKEN)?;
        let mut head = String::from("POST /mcp/light HTTP/1.1\r\n");
        for (name, value) in headers {
            caller.set(name, value);
        }
        for (name, value) in &caller.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
        let wire = caller.wire();
        wire.send(&[head.as_bytes(), body].concat())?;
        let reply = wire.reply()?;
        let got = (reply.status, reply.json()["error"]["code"].as_i64().unwrap_or_default());
        if got != (*status, *code) {
            wrong.push(format!("{what}: {got:?} {}", reply.body));
        }
    }
    ensure!(wrong.is_empty(), "{wrong:#?}");
    ensure!(!upstream.saw("unseen"), "the upstream saw one of them");
    let records = stop(gateway, &setup)?;
    let refused = records.iter().filter(|r| r.text("decision") == "refuse").count();
    ensure!(refused == bad.len(), "{refused} of {} are recorded as refused", bad.len());
    ensure!(
        records.iter().all(|r| r.frame.as_ref().is_none_or(|f| !f.contains("unseen"))),
        "a frame was kept"
    );
    Ok(())
}

/// Results that cannot be inspected or masked.
fn unsafe_results(seen: &Seen) -> Reply {
    let deep = |levels: usize| format!("{}\"withheld\"{}", "[".repeat(levels), "]".repeat(levels));
    match (seen.method().as_str(), seen.tool().as_str()) {
        ("tools/list", _) => seen.result(json!({"tools": [{
            "name": "schema", "inputSchema": {"type": "object"},
            "outputSchema": {"type": "object", "properties": {"mail": {"type": "string", "pattern": "@"}}},
        }]})),
        (_, "schema") => seen.result(json!({
            "content": [{"type": "text", "text": "withheld"}],
            "structuredContent": {"mail": "ada.lovelace@example.com"},
        })),
        (_, "deep") => {
            let body = format!(
                r#"{{"jsonrpc":"2.0","id":{},"result":{{"content":{}}}}}"#,
                seen.json()["id"],
                deep(80)
            );
            Reply::Http(200, vec![("content-type", "application/json".into())], body)
        }
        (_, "nested") => {
            // JSON in a string in JSON in a string ...
            let mut text = "withheld".to_owned();
            for _ in 0..12 {
                text = json!({ "a": text }).to_string();
            }
            seen.text(&text)
        }
        (_, "twice") => {
            let body = format!(
                r#"{{"jsonrpc":"2.0","id":{},"result":{{"a":"withheld","a":1}}}}"#,
                seen.json()["id"]
            );
            Reply::Http(200, vec![("content-type", "application/json".into())], body)
        }
        (_, "other-id") => {
            Reply::Json(json!({"jsonrpc": "2.0", "id": "another", "result": {"a": "withheld"}}))
        }
        (_, "plain") => Reply::Http(200, vec![("content-type", "text/plain".into())], "withheld".into()),
        (_, "gzip") => Reply::Http(
            200,
            vec![("content-type", "application/json".into()), ("content-encoding", "gzip".into())],
            "withheld".into(),
        ),
        _ => echo(seen),
    }
}

#[test]
fn invariant_4_what_cannot_be_masked_is_withheld() -> Result<()> {
    let upstream = Upstream::start(unsafe_results)?;
    let setup = Setup::with_token(&upstream.server("light"), ALLOW_ALL_MASKED)?;
    let gateway = setup.start()?;
    let mut caller = Caller::new(gateway.base(), "light", TOKEN)?;
    caller.post(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#)?;
    for (id, tool) in
        ["schema", "deep", "nested", "twice", "other-id", "plain", "gzip"].into_iter().enumerate()
    {
        let reply = Caller::new(gateway.base(), "light", TOKEN)?.call(id as u64 + 2, tool, &json!({}))?;
        ensure!(
            !reply.body.contains("withheld\"") && !reply.body.contains("ada"),
            "{tool} came through: {}",
            reply.body
        );
        let refused =
            reply.json()["result"]["isError"] == json!(true) || reply.json()["error"]["code"].is_i64();
        ensure!(refused, "{tool} has no answer: {reply:?}");
    }
    let records = stop(gateway, &setup)?;
    ensure!(
        records.iter().filter(|r| r.text("decision") == "withhold").count() >= 1,
        "the schema's case is a withholding"
    );
    let kept = |r: &Record| r.frame.as_ref().is_some_and(|f| f.contains("withheld"));
    ensure!(!records.iter().any(kept), "the log kept what was withheld");
    Ok(())
}

/// A marker of every kind, fictional.
const MARKERS: &[&str] = &[
    "ada.lovelace@analytical.example.com",
    "DE89 3704 0044 0532 0130 00",
    "4111 1111 1111 1111",
    "+49 30 901820",
    "536-90-4399",
    "AKIAZ7QXPL3MNDK5WTRE",
    "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
    "203.0.113.77",
];

fn markers() -> String {
    format!("customer {}", MARKERS.join(" ; "))
}

/// Shows every marker in every place that the protocol has.
fn indiscreet(seen: &Seen) -> Reply {
    let told = markers();
    let note = json!({"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": told}});
    let ask = json!({"jsonrpc": "2.0", "id": "ask-1", "method": "elicitation/create", "params": {
        "message": told, "requestedSchema": {"type": "object", "properties": {}}}});
    let answer =
        |result: Value| json!({"jsonrpc": "2.0", "id": seen.json()["id"], "result": result}).to_string();
    match (seen.method().as_str(), seen.tool().as_str()) {
        ("initialize", _) => seen.result(json!({
            "protocolVersion": "2025-11-25", "capabilities": {}, "instructions": told,
            "serverInfo": {"name": "light", "version": "1", "title": told}})),
        ("tools/list", _) => seen.result(json!({"tools": [
            {"name": "a", "description": told, "inputSchema": {"type": "object", "description": told}}]})),
        ("resources/list", _) => {
            seen.result(json!({"resources": [{"uri": "file:///a", "name": "a", "description": told}]}))
        }
        ("resources/read", _) => seen.result(json!({"contents": [{"uri": "file:///a", "text": told}]})),
        ("prompts/get", _) => {
            seen.result(json!({"messages": [{"role": "user", "content": {"type": "text", "text": told}}]}))
        }
        (_, "error") => Reply::Json(json!({"jsonrpc": "2.0", "id": seen.json()["id"], "error": {
            "code": -32000, "message": told, "data": {"row": told}}})),
        (_, "stream") => Reply::Events(vec![
            note.to_string(),
            ask.to_string(),
            answer(json!({"content": [{"type": "text", "text": told}]})),
        ]),
        (_, "structured") => seen.result(json!({
            "content": [{"type": "text", "text": json!({"row": told}).to_string()}],
            "structuredContent": {"rows": [{"a": told}]}, "_meta": {"x": told}})),
        _ => seen.text(&told),
    }
}

fn ask_everything(caller: &mut Caller) -> Result<String> {
    let told = markers();
    let mut replies = String::new();
    let methods = [
        (
            "initialize",
            json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": told, "version": "1"}}),
        ),
        ("tools/list", json!({})),
        ("resources/list", json!({})),
        ("resources/read", json!({"uri": format!("file:///people/{}", MARKERS[0])})),
        ("prompts/get", json!({"name": "p", "arguments": {"a": told}})),
        ("logging/setLevel", json!({"level": told})),
        ("unheard/of", json!({"a": told})),
    ];
    for (id, (method, params)) in methods.into_iter().enumerate() {
        let body = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        replies.push_str(&caller.post(&body.to_string())?.body);
    }
    for (id, tool) in ["plain", "error", "stream", "structured", "forbidden"].into_iter().enumerate() {
        let reply = caller.call(
            100 + id as u64,
            tool,
            &json!({"to": told, "rows": [{"a": told}], "text": json!({"x": told}).to_string()}),
        )?;
        replies.push_str(&reply.body);
    }
    // Names are content too, when a caller makes them so.
    replies.push_str(&caller.call(150, MARKERS[0], &json!({}))?.body);
    let odd = json!({"jsonrpc": "2.0", "id": 151, "method": format!("find/{}", MARKERS[0]), "params": {}});
    caller.post(&odd.to_string())?;
    // Refused as ambiguous: what was in it is nobody's either.
    let twice = call(200, "plain", &json!({"to": told})).replacen("\"name\"", "\"name\":\"x\",\"name\"", 1);
    replies.push_str(&caller.post(&twice)?.body);
    let note = json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progressToken": "t", "progress": 1, "message": told}});
    replies.push_str(&caller.post(&note.to_string())?.body);
    Ok(replies)
}

/// Every file below a folder.
fn files(folder: &Path) -> Result<Vec<(String, Vec<u8>)>> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            all.extend(files(&path)?);
        } else {
            all.push((path.display().to_string(), fs::read(&path)?));
        }
    }
    Ok(all)
}

#[test]
fn invariant_5_nothing_shows_what_the_caller_may_not_see() -> Result<()> {
    let upstream = Upstream::start(indiscreet)?;
    let policies = format!(
        "{ALLOW_ALL_MASKED}\n@id(\"no\") forbid (principal, action == Action::\"tools/call\", resource == Tool::\"light.forbidden\");"
    );
    let more = "admin: { address: \"127.0.0.1:0\" }\n";
    let setup = Setup::with_token(&format!("{}{more}", upstream.server("light")), &policies)?;
    let mut command = setup.command()?;
    command.env("CARNET_LOG", "trace");
    let gateway = Gateway::start(command)?;
    let admin = gateway.admin()?;
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    let mut caller = Caller::new(gateway.base(), "light", TOKEN)?;
    seen.insert("replies".into(), ask_everything(&mut caller)?);
    for page in ["metrics", "readyz", "healthz"] {
        seen.insert(page.into(), http::send("GET", &format!("{admin}/{page}"), &[], "")?.body);
    }
    for request in &*upstream.seen() {
        // Masked for the upstream too: nothing is revealed to it.
        seen.entry("upstream".into()).or_default().push_str(&request.body);
    }
    let mut gateway = gateway;
    ensure!(gateway.process.terminate(LIMIT)?.success());
    seen.insert("log output".into(), gateway.process.output());
    records::verify(&setup.data())?;
    for record in records::read(&setup.data())? {
        let text = format!("{} {:?} {:?}\n", record.ty.as_str(), record.disclosed, record.frame);
        seen.entry("records".into()).or_default().push_str(&text);
    }
    for (path, bytes) in files(&setup.data())? {
        seen.insert(path, String::from_utf8_lossy(&bytes).into_owned());
    }
    ensure!(seen["replies"].contains("[EMAIL]"), "something came back: {}", seen["replies"]);
    ensure!(seen["log output"].len() > 100, "the log says something");
    let mut shown = Vec::new();
    for (place, text) in &seen {
        for marker in MARKERS.iter().filter(|marker| text.contains(**marker)) {
            let at = text.find(marker).unwrap_or_default();
            let start =
                (0..=at.saturating_sub(160)).rev().find(|i| text.is_char_boundary(*i)).unwrap_or_default();
            shown.push(format!("{marker} in {place}: ...{}", &text[start..at]));
        }
    }
    ensure!(shown.is_empty(), "{shown:#?}");
    Ok(())
}

/// Gives back what it was sent, its headers above all, in every way there is.
fn reflecting(seen: &Seen) -> Reply {
    let headers = format!("{:?}", seen.headers);
    match seen.tool().as_str() {
        "unauthorized" => Reply::Http(401, vec![("www-authenticate", headers.clone())], headers),
        "forbidden" => Reply::Http(403, Vec::new(), headers),
        "broken" => Reply::Http(500, vec![("x-echo", "upstream-credential-0123456789".into())], headers),
        "error" => Reply::Json(
            json!({"jsonrpc": "2.0", "id": seen.json()["id"], "error": {"code": -32000, "message": headers}}),
        ),
        "stream" => {
            let result = json!({"content": [{"type": "text", "text": headers}]});
            Reply::Events(vec![
                json!({"jsonrpc": "2.0", "id": seen.json()["id"], "result": result}).to_string(),
            ])
        }
        "text" => seen.text(&headers),
        _ => echo(seen),
    }
}

#[test]
fn invariant_6_neither_side_sees_the_other_ones_credential() -> Result<()> {
    const CREDENTIAL: &str = "upstream-credential-0123456789";
    let upstream = Upstream::start(reflecting)?;
    let server =
        format!("{}    credentials: {{ bearer: env:UPSTREAM_CREDENTIAL }}\n", upstream.server("light"));
    let setup = Setup::with_token(&server, ALLOW_ALL)?;
    let mut command = setup.command()?;
    command.env("UPSTREAM_CREDENTIAL", CREDENTIAL).env("CARNET_LOG", "trace");
    let gateway = Gateway::start(command)?;
    let mut replies = String::new();
    for (id, tool) in
        ["echo", "unauthorized", "forbidden", "broken", "error", "stream", "text"].into_iter().enumerate()
    {
        let mut caller = Caller::new(gateway.base(), "light", TOKEN)?;
        for (name, value) in [
            ("cookie", "session=caller-cookie"),
            ("x-forwarded-for", "caller-address"),
            ("x-api-key", "caller-key"),
            ("proxy-authorization", "Basic caller-proxy"),
            ("mcp-protocol-version", "2025-11-25"),
        ] {
            caller.set(name, value);
        }
        replies.push_str(&format!("{tool}: {:?}\n", caller.call(id as u64, tool, &json!({}))?));
    }
    for secret in [TOKEN, "caller-cookie", "caller-address", "caller-key", "caller-proxy"] {
        ensure!(!upstream.saw(secret), "the upstream saw {secret}");
    }
    ensure!(upstream.saw(CREDENTIAL), "the upstream got the gateway's credential");
    ensure!(!replies.contains(CREDENTIAL), "the caller saw the upstream's credential: {replies}");
    let mut gateway = gateway;
    ensure!(gateway.process.terminate(LIMIT)?.success());
    ensure!(!gateway.process.output().contains(CREDENTIAL), "the log output has it");
    ensure!(!gateway.process.output().contains(TOKEN), "the log output has the caller's token");
    let records = format!("{:?}", records::read(&setup.data())?);
    ensure!(!records.contains(CREDENTIAL) && !records.contains(TOKEN), "a record has one of them");
    Ok(())
}

/// What an approval is bound to is in `crates/approvals/tests/orders.rs` and `approvals.rs`. A policy that says nothing of who could
/// lift it denies, and nothing in a request stands for an approval.
#[test]
fn invariant_7_what_only_an_approval_would_permit_is_denied() -> Result<()> {
    let upstream = Upstream::echo()?;
    let policies = format!(
        "{ALLOW_ALL}\n@id(\"needs-dpo\") forbid (principal, action == Action::\"tools/call\", resource == Tool::\"light.echo\") \
         unless {{ context.approvals.contains(\"dpo\") }};"
    );
    let setup = Setup::with_token(&upstream.server("light"), &policies)?;
    let gateway = setup.start()?;
    let mut caller = Caller::new(gateway.base(), "light", TOKEN)?;
    caller.set("x-carnet-approval", "dpo");
    for arguments in [json!({"a": 1}), json!({"approvals": ["dpo"]})] {
        let reply = caller.call(1, "echo", &arguments)?;
        ensure!(
            reply.json()["result"]["isError"] == json!(true) && reply.body.contains("needs-dpo"),
            "{reply:?}"
        );
    }
    ensure!(upstream.seen().is_empty(), "a call went on without an approval");
    stop(gateway, &setup)?;
    Ok(())
}

#[test]
fn invariant_9_the_log_only_grows() -> Result<()> {
    let upstream = Upstream::echo()?;
    let setup = Setup::with_token(
        &format!("{}evidence: {{ segment: 1MiB }}\n", upstream.server("light")),
        ALLOW_ALL,
    )?;
    let mut before: Vec<(String, Vec<u8>)> = Vec::new();
    for round in 0..4 {
        let mut gateway = setup.start()?;
        let mut caller = Caller::new(gateway.base(), "light", TOKEN)?;
        for id in 0..60 {
            caller.call(id, "echo", &json!({"round": round, "text": "lorem ipsum ".repeat(400)}))?;
        }
        // One of the ends is not in order.
        if round == 2 {
            gateway.process.kill()?;
        } else {
            ensure!(gateway.process.terminate(LIMIT)?.success());
        }
        let after = files(&setup.data().join("log/segments"))?;
        for (path, old) in &before {
            let (_, new) =
                after.iter().find(|(p, _)| p == path).with_context(|| format!("{path} is gone"))?;
            ensure!(new.get(..old.len()) == Some(old), "{path} is not what it was");
        }
        // Behind the last record there are zeros, which the next ones replace.
        before = after;
        for (_, bytes) in &mut before {
            let end = bytes.iter().rposition(|b| *b != 0).map_or(0, |last| last + 1);
            bytes.truncate(end);
        }
        consistent(&setup, round)?;
    }
    ensure!(before.len() > 1, "more than one segment");
    Ok(())
}

/// The log has only grown since the checkpoint that the auditor kept, and is checked to be so; the auditor keeps the new one.
fn consistent(setup: &Setup, round: u32) -> Result<()> {
    let kept = setup.path().join("kept-checkpoint");
    let mut verify = Command::new(records::verifier()?);
    verify.arg(setup.data());
    if kept.is_file() {
        verify.arg("--last-checkpoint").arg(&kept);
    }
    let run = verify.output()?;
    ensure!(run.status.success(), "round {round}: {}", String::from_utf8_lossy(&run.stdout));
    fs::copy(setup.data().join("log/checkpoint"), kept)?;
    Ok(())
}

/// A gateway alone in a network of its own, with nothing but a loopback interface: whatever it would send elsewhere has no
/// route, and the system counts that.
#[test]
fn invariant_10_nothing_is_sent_to_anybody_who_is_not_configured() -> Result<()> {
    let fixture = peers::fixture_binary()?;
    let server = format!("  light:\n    command: [\"{}\", --stdio]\n", fixture.display());
    let more = "evidence: { heartbeat: 1s }\n";
    let setup = Setup::with_token(&format!("{server}{more}"), ALLOW_ALL)?;
    let gateway = setup.command()?;
    let mut alone = Command::new("unshare");
    alone.current_dir(setup.path()).args(["--net", "--map-root-user", "sh", "-c"]);
    alone
        .arg("ip link set lo up 2>/dev/null; exec \"$0\" \"$@\"")
        .arg(gateway.get_program())
        .args(gateway.get_args());
    let mut gateway = Gateway::start(alone)?;
    let counters = || fs::read_to_string(format!("/proc/{}/net/snmp", gateway.process.id()));
    // A caller inside that network.
    let body = call(1, "echo", &json!({}));
    let url = gateway.url("light");
    let (inside, auth) = (gateway.process.id().to_string(), format!("authorization: Bearer {TOKEN}"));
    let within = ["--target", &inside, "--net", "--user", "--preserve-credentials"];
    for _ in 0..3 {
        let mut curl = Command::new("nsenter");
        curl.args(within).args([
            "curl",
            "-s",
            "-m",
            "20",
            "-H",
            &auth,
            "-H",
            "content-type: application/json",
            "-d",
            &body,
            &url,
        ]);
        let run = curl.stdin(Stdio::null()).output()?;
        ensure!(run.status.success(), "{run:?}");
    }
    let (sent, datagrams) =
        (count(&counters()?, "Ip", "OutNoRoutes")?, count(&counters()?, "Udp", "OutDatagrams")?);
    ensure!(sent == 0 && datagrams == 0, "{sent} packets had no route, {datagrams} datagrams were sent");
    // That the counter counts: somebody else in there tries.
    let mut curl = Command::new("nsenter");
    curl.args(within).args(["curl", "-s", "-m", "1", "http://192.0.2.1/"]);
    let _unreachable = curl.stdin(Stdio::null()).output()?;
    ensure!(count(&counters()?, "Ip", "OutNoRoutes")? > 0, "the counter does not count");
    let status = gateway.process.terminate(LIMIT)?;
    ensure!(status.success(), "{status}: {}", gateway.process.output());
    let records = records::read(&setup.data())?;
    ensure!(records.iter().any(|r| r.ty == LeafType::CallOutcome), "calls were made");
    Ok(())
}

/// A counter of `/proc/net/snmp`.
fn count(text: &str, group: &str, name: &str) -> Result<u64> {
    let mut lines = text.lines().filter_map(|l| l.strip_prefix(group)?.strip_prefix(':'));
    let (names, values) = (lines.next().context("names")?, lines.next().context("values")?);
    let at = names.split_whitespace().position(|n| n == name).context("the counter")?;
    Ok(values.split_whitespace().nth(at).context("its value")?.parse()?)
}
