//! Attacks, a corpus that grows: each is one test with what must come of it. From callers, from pages in a browser, and from
//! servers that are broken or mean.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use carnet_evidence::LeafType;
use carnet_tests::gateway::{ALLOW_ALL, Gateway, Setup, TOKEN, identity, token};
use carnet_tests::http::Reply as Http;
use carnet_tests::records::{self, Record};
use carnet_tests::upstream::{Reply, Seen, Upstream, echo};
use carnet_tests::wire::{Caller, Wire, call};
use serde_json::json;

const LIMIT: Duration = Duration::from_secs(30);

/// A gateway in front of an upstream, its only server.
struct Stand {
    upstream: Upstream,
    setup: Setup,
    gateway: Gateway,
}

impl Stand {
    fn new(behaviour: impl Fn(&Seen) -> Reply + Send + Sync + 'static, more: &str) -> Result<Stand> {
        let upstream = Upstream::start(behaviour)?;
        let setup = Setup::with_token(&format!("{}{more}", upstream.server("light")), ALLOW_ALL)?;
        let gateway = setup.start()?;
        Ok(Stand { upstream, setup, gateway })
    }

    fn caller(&self) -> Result<Caller> {
        Caller::new(self.gateway.base(), "light", TOKEN)
    }

    /// What comes back for these bytes on a connection of their own.
    fn raw(&self, bytes: &str) -> Result<Http> {
        let mut wire = Wire::connect(self.gateway.base())?;
        wire.send(bytes.as_bytes())?;
        wire.reply()
    }

    /// The service goes on, and its log holds.
    fn end(mut self) -> Result<Vec<Record>> {
        let reply = self.caller()?.call(999, "echo", &json!({"still": "there"}))?;
        ensure!(reply.status == 200 && reply.body.contains("still"), "the service does not go on: {reply:?}");
        let status = self.gateway.process.terminate(LIMIT)?;
        ensure!(status.success(), "{status}: {}", self.gateway.process.output());
        records::verify(&self.setup.data())?;
        records::read(&self.setup.data())
    }
}

fn request(path: &str, headers: &[(&str, &str)], body: &str) -> String {
    let mut text = format!(
        "POST {path} HTTP/1.1\r\nauthorization: Bearer {TOKEN}\r\ncontent-type: application/json\r\n"
    );
    text.push_str("accept: application/json, text/event-stream\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    text.push_str(body);
    text
}

#[test]
fn a_page_from_elsewhere_reaches_nothing() -> Result<()> {
    let stand = Stand::new(echo, "")?;
    let body = call(1, "echo", &json!({"a": "rebound"}));
    let length = body.len().to_string();
    for (headers, status) in [
        (vec![("host", "evil.example")], 403),
        (vec![("host", "127.0.0.1.evil.example")], 403),
        (vec![("host", "localhost.evil.example:80")], 403),
        (vec![("host", "localhost"), ("origin", "https://evil.example")], 403),
        (vec![("host", "localhost"), ("origin", "null")], 403),
        (vec![("host", "localhost"), ("origin", "http://localhost.evil.example")], 403),
        (vec![("host", "localhost"), ("host", "evil.example")], 400),
        (vec![], 400),
    ] {
        let mut all = headers.clone();
        all.push(("content-length", &length));
        let reply = stand.raw(&request("/mcp/light", &all, &body))?;
        ensure!(reply.status == status || reply.status == 403, "{headers:?}: {reply:?}");
    }
    ensure!(!stand.upstream.saw("rebound"), "it reached the server");
    stand.end()?;
    Ok(())
}

/// Sessions have ids at the upstream.
fn with_sessions(seen: &Seen) -> Reply {
    match (seen.method().as_str(), echo(seen)) {
        ("initialize", Reply::Json(body)) => {
            let headers = [("content-type", "application/json"), ("mcp-session-id", "id-of-the-upstream")];
            Reply::Http(200, headers.map(|(n, v)| (n, v.to_owned())).to_vec(), body.to_string())
        }
        (_, reply) => reply,
    }
}

#[test]
fn a_session_is_of_use_to_nobody_else() -> Result<()> {
    let upstream = Upstream::start(with_sessions)?;
    let callers = identity(&[("ada", "user", &[]), ("eve", "user", &[])]);
    let servers = format!("{callers}servers:\n{}{}", upstream.server("light"), upstream.server("other"));
    let setup = Setup::new(&servers, ALLOW_ALL)?;
    let mut gateway = setup.start()?;
    let mut ada = Caller::new(gateway.base(), "light", &token("ada"))?;
    let opened = ada.initialize()?;
    let id = opened.header("mcp-session-id").map(str::to_owned);
    let id = id.filter(|id| id != "id-of-the-upstream" && id.len() >= 32);
    let id = id.ok_or_else(|| anyhow::anyhow!("a session id of its own: {opened:?}"))?;
    ensure!(ada.call(1, "echo", &json!({}))?.status == 200);
    let guesses = [id.as_str(), "id-of-the-upstream", "chosen-by-the-caller", ""];
    let before = upstream.seen().len();
    for guess in guesses {
        for method in ["POST", "GET", "DELETE"] {
            let mut eve = Caller::new(gateway.base(), "light", &token("eve"))?;
            eve.set("mcp-session-id", guess);
            eve.send(
                method,
                if method == "POST" { r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"# } else { "" },
            )?;
            let reply = eve.wire().reply()?;
            ensure!(reply.status == 404, "{method} {guess:?}: {reply:?}");
        }
    }
    // Nor is it of use at another server, or for choosing an id at initialize.
    let mut elsewhere = Caller::new(gateway.base(), "other", &token("ada"))?;
    elsewhere.set("mcp-session-id", &id);
    ensure!(elsewhere.call(1, "echo", &json!({}))?.status == 404);
    let mut fixing = Caller::new(gateway.base(), "light", &token("eve"))?;
    fixing.set("mcp-session-id", "chosen-by-the-caller");
    ensure!(fixing.post(&carnet_tests::wire::initialize(1))?.status == 404);
    ensure!(upstream.seen().len() == before, "something of it reached the server");
    ensure!(ada.call(2, "echo", &json!({}))?.status == 200, "the session is still its owner's");
    ensure!(gateway.process.terminate(LIMIT)?.success());
    records::verify(&setup.data())?;
    Ok(())
}

#[test]
fn heads_and_bodies_have_limits_and_times() -> Result<()> {
    let more = "limits: { headers: 16KiB, header_timeout: 1s, request_timeout: 1s, request_body: 256KiB }\n";
    let stand = Stand::new(echo, more)?;
    let long = "x".repeat(64 << 10);
    let oversize = stand.raw(&request("/mcp/light", &[("host", "localhost"), ("x-long", &long)], ""));
    ensure!(oversize.as_ref().map_or(true, |r| matches!(r.status, 400 | 431)), "{oversize:?}");
    // Half a head; a head without its body. Both end by themselves.
    let mut loris = Wire::connect(stand.gateway.base())?;
    loris.send(b"POST /mcp/light HTTP/1.1\r\nhost: localhost\r\nx-slow: ")?;
    let mut body = Wire::connect(stand.gateway.base())?;
    body.send(request("/mcp/light", &[("host", "localhost"), ("content-length", "100")], "{").as_bytes())?;
    loris.closes()?;
    let reply = body.reply()?;
    ensure!(reply.status == 408, "{reply:?}");
    // Bombs are refused before they are taken apart.
    let began = Instant::now();
    let one = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    for bomb in [
        "[".repeat(200_000),
        format!("[{}]", vec![one; 5000].join(",")),
        format!("[{}]", "[],".repeat(50_000)),
    ] {
        let reply = stand.caller()?.post(&bomb)?;
        ensure!(reply.status == 400, "{reply:?}");
    }
    ensure!(began.elapsed() < LIMIT, "that took {:?}", began.elapsed());
    let mut packed = stand.caller()?;
    packed.set("content-encoding", "gzip");
    let reply = packed.post(&call(1, "echo", &json!({})))?;
    ensure!(matches!(reply.status, 400 | 415), "an encoded body is not read as if it were not: {reply:?}");
    ensure!(stand.upstream.seen().is_empty(), "something of it reached the server");
    stand.end()?;
    Ok(())
}

#[test]
fn connections_beyond_the_limit_wait_and_cost_nothing() -> Result<()> {
    let stand = Stand::new(echo, "limits: { connections: 64, header_timeout: 2s }\n")?;
    let idle: Vec<_> = (0..600).map(|_| Wire::connect(stand.gateway.base())).collect::<Result<_>>()?;
    let open = || fs::read_dir(format!("/proc/{}/fd", stand.gateway.process.id())).map(Iterator::count);
    ensure!(open()? < 64 + 100, "{} descriptors are open", open()?);
    drop(idle);
    // Who comes then is served, once those that say nothing have been turned out.
    stand.end()?;
    Ok(())
}

#[test]
fn requests_that_two_servers_would_cut_differently_are_not_served() -> Result<()> {
    let stand = Stand::new(echo, "")?;
    let inner = call(66, "echo", &json!({"a": "smuggled"}));
    let smuggled =
        request("/mcp/light", &[("host", "localhost"), ("content-length", &inner.len().to_string())], &inner);
    let ping = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    let chunked = format!("{:x}\r\n{ping}\r\n0\r\n\r\n{smuggled}", ping.len());
    let n = ping.len().to_string();
    let cases = [
        (
            "length and chunks",
            vec![("content-length", "4"), ("transfer-encoding", "chunked")],
            chunked.clone(),
        ),
        (
            "chunks and length",
            vec![("transfer-encoding", "chunked"), ("content-length", "4")],
            chunked.clone(),
        ),
        ("two lengths", vec![("content-length", &n), ("content-length", "0")], format!("{ping}{smuggled}")),
        ("an unknown coding", vec![("transfer-encoding", "chunked, identity")], chunked.clone()),
        (
            "a hidden coding",
            vec![("transfer-encoding", "xchunked"), ("content-length", &n)],
            format!("{ping}{smuggled}"),
        ),
        (
            "a blank before the colon",
            vec![("transfer-encoding ", "chunked"), ("content-length", &n)],
            chunked,
        ),
    ];
    for (what, mut headers, body) in cases {
        headers.push(("host", "localhost"));
        let mut wire = Wire::connect(stand.gateway.base())?;
        wire.send(request("/mcp/light", &headers, &body).as_bytes())?;
        let reply = wire.reply();
        println!("{what}: {:?}", reply.as_ref().map(|r| r.status));
        // Refused; or cut in the one way that the standard gives, and then the connection ends before the rest.
        ensure!(reply.as_ref().map_or(true, |r| r.status == 400 || r.status == 200), "{what}: {reply:?}");
        wire.patience(LIMIT)?;
        if reply.is_ok_and(|r| r.status == 200) {
            wire.closes()?;
        }
        ensure!(!stand.upstream.saw("smuggled"), "{what}: the inner request was served");
    }
    stand.end()?;
    Ok(())
}

#[test]
fn what_nobody_asked_for_goes_nowhere() -> Result<()> {
    let stand = Stand::new(echo, "")?;
    for body in [
        r#"{"jsonrpc":"2.0","id":"never-asked","result":{"action":"accept","content":{"a":"unasked"}}}"#,
        r#"{"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"unasked"}}"#,
        r#"{"jsonrpc":"2.0","id":{"a":"unasked"},"method":"ping"}"#,
        r#"{"jsonrpc":"1.0","id":1,"method":"unasked"}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"ping","result":{"a":"unasked"}}"#,
        r#""unasked""#,
        "[]",
    ] {
        let reply = stand.caller()?.post(body)?;
        ensure!((400..500).contains(&reply.status), "{body}: {reply:?}");
    }
    ensure!(!stand.upstream.saw("unasked"), "something of it reached the server");
    // Two identities are none.
    let body = call(1, "echo", &json!({"a": "unasked"}));
    let length = body.len().to_string();
    for second in [format!("Bearer {TOKEN}"), "Bearer another".to_owned(), "Basic YTpi".to_owned()] {
        let headers =
            [("host", "localhost"), ("content-length", length.as_str()), ("authorization", second.as_str())];
        let reply = stand.raw(&request("/mcp/light", &headers, &body))?;
        ensure!(matches!(reply.status, 400 | 401), "{second}: {reply:?}");
    }
    ensure!(!stand.upstream.saw("unasked"), "something of it reached the server");
    stand.end()?;
    Ok(())
}

#[test]
fn methods_that_no_policy_names_are_denied() -> Result<()> {
    let upstream = Upstream::echo()?;
    let policies = r#"permit (principal, action == Action::"tools/call", resource);"#;
    let setup = Setup::with_token(&upstream.server("light"), policies)?;
    let mut gateway = setup.start()?;
    for method in
        ["tools/Call", "tools/call ", "tools/call/x", "admin/do", "", "resources/read", "completion/complete"]
    {
        let mut caller = Caller::new(gateway.base(), "light", TOKEN)?;
        let body =
            json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": {"name": "echo", "uri": "a:b"}});
        let reply = caller.post(&body.to_string())?;
        ensure!(reply.json()["error"]["code"].is_i64(), "{method:?}: {reply:?}");
    }
    ensure!(upstream.seen().is_empty(), "one of them was forwarded");
    ensure!(gateway.process.terminate(LIMIT)?.success());
    records::verify(&setup.data())?;
    Ok(())
}

/// Upstreams that do not keep to anything.
fn mean(seen: &Seen) -> Reply {
    let id = &seen.json()["id"];
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
    match seen.tool().as_str() {
        "closes" => Reply::Raw(Vec::new()),
        "half a head" => Reply::Raw(b"HTTP/1.1 200 OK\r\ncontent-ty".to_vec()),
        "half a body" => Reply::Raw(format!("{head}content-length: 900\r\n\r\n{{\"jsonrpc\"").into_bytes()),
        "no http" => Reply::Raw(b"\x16\x03\x01 junk\r\n\r\n".to_vec()),
        "a long head" => {
            Reply::Raw(format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "y".repeat(2 << 20)).into_bytes())
        }
        "a large body" => {
            Reply::Http(200, vec![("content-type", "application/json".into())], "9".repeat(200 << 10))
        }
        "an endless event" => Reply::Endless("data: x\n".repeat(1000)),
        "an endless line" => Reply::Endless("x".repeat(8000)),
        "an endless stream" => {
            let note = json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progressToken": 1, "progress": 1}});
            Reply::Endless(format!("data: {note}\n\n"))
        }
        "no events" => Reply::Events(Vec::new()),
        "junk events" => Reply::Events(vec!["junk".into()]),
        "another id" => {
            Reply::Events(vec![json!({"jsonrpc": "2.0", "id": "x", "result": {"a": "wrong"}}).to_string()])
        }
        "two answers" => {
            let answer = json!({"jsonrpc": "2.0", "id": id, "result": {"content": []}}).to_string();
            Reply::Events(vec![answer.clone(), answer])
        }
        "silence" => Reply::Open(Vec::new()),
        "a redirect" => Reply::Http(307, vec![("location", "http://192.0.2.1/".into())], String::new()),
        "questions" => {
            let ask = |n: usize| json!({"jsonrpc": "2.0", "id": n % 300, "method": "elicitation/create", "params": {"message": "?", "requestedSchema": {}}});
            let mut events: Vec<_> = (0..600).map(|n| ask(n).to_string()).collect();
            events.push(json!({"jsonrpc": "2.0", "id": id, "result": {"content": []}}).to_string());
            Reply::Events(events)
        }
        _ => echo(seen),
    }
}

#[test]
fn a_mean_server_harms_only_its_own_answers() -> Result<()> {
    // Limits of a server lie with the server.
    let more = "    limits: { response_body: 64KiB }\n    timeouts: { request: 2s, stream_idle: 2s }\n";
    let stand = Stand::new(mean, more)?;
    let fails = [
        "closes",
        "half a head",
        "half a body",
        "no http",
        "a long head",
        "a large body",
        "an endless event",
        "an endless line",
        "no events",
        "junk events",
        "another id",
        "silence",
        "a redirect",
        "an endless stream",
    ];
    for (id, tool) in fails.into_iter().enumerate() {
        let reply = stand.caller()?.call(id as u64, tool, &json!({}))?;
        println!("{tool}: {} {:.300}", reply.status, reply.body);
        ensure!(reply.body.contains("-31006"), "{tool}: {} {:.300}", reply.status, reply.body);
        ensure!(!reply.body.contains("wrong"), "{tool}: somebody else's answer was delivered");
    }
    for tool in ["two answers", "questions"] {
        let reply = stand.caller()?.call(100, tool, &json!({}))?;
        ensure!(reply.status == 200 && reply.body.matches("\"result\"").count() == 1, "{tool}: {reply:?}");
    }
    let records = stand.end()?;
    let decisions = records.iter().filter(|r| r.ty == LeafType::CallDecision && !r.one_way).count();
    let outcomes = records.iter().filter(|r| r.ty == LeafType::CallOutcome).count();
    ensure!(decisions == outcomes, "{decisions} decisions, {outcomes} outcomes");
    Ok(())
}

/// Children of `sh`, each with a fault of its own: name, script, and whether the call has an answer.
const CHILDREN: &[(&str, &str, bool)] = &[
    ("dies", "read l; exit 3", false),
    ("dies-at-once", "exit 3", false),
    (
        "junk",
        r#"while read l; do echo starting up; echo '{"half'; id=$(echo "$l" | sed 's/.*"id":\([0-9]*\).*/\1/'); echo "{\"jsonrpc\":\"2.0\",\"id\":$id,\"result\":{\"content\":[]}}"; done"#,
        true,
    ),
    (
        "stderr",
        r#"while read l; do head -c 1000000 /dev/zero >&2; id=$(echo "$l" | sed 's/.*"id":\([0-9]*\).*/\1/'); echo "{\"jsonrpc\":\"2.0\",\"id\":$id,\"result\":{\"content\":[]}}"; done"#,
        true,
    ),
    (
        "floods-a-line",
        "read l; while :; do printf xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done",
        false,
    ),
    (
        "floods-notes",
        r#"read l; yes '{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"x"}}'"#,
        false,
    ),
    ("deaf", "while :; do read l; done", false),
    ("never-reads", "exec tail -f /dev/null", false),
];

#[test]
fn a_broken_child_harms_only_its_own_calls() -> Result<()> {
    let upstream = Upstream::echo()?;
    let mut servers = upstream.server("light");
    for (name, script, _) in CHILDREN {
        let script = json!(script);
        servers.push_str(&format!(
            "  {name}:\n    command: [sh, -c, {script}]\n    limits: {{ response_body: 64KiB }}\n    timeouts: {{ request: 2s }}\n"
        ));
    }
    let setup = Setup::with_token(&servers, ALLOW_ALL)?;
    let gateway = setup.start()?;
    for (name, _, answers) in CHILDREN {
        let reply = Caller::new(gateway.base(), name, TOKEN)?.call(1, "t", &json!({}))?;
        println!("{name}: {} {:.300}", reply.status, reply.body);
        ensure!(
            reply.body.contains("\"result\"") == *answers,
            "{name}: {} {:.300}",
            reply.status,
            reply.body
        );
        ensure!(*answers || reply.body.contains("-31006"), "{name}: {} {:.300}", reply.status, reply.body);
    }
    let id = gateway.process.id();
    Stand { upstream, setup, gateway }.end()?;
    ensure!(!fs::exists(format!("/proc/{id}"))?, "the gateway has gone");
    Ok(())
}
