//! SIGTERM: what is open finishes within the drain time and is recorded; what takes longer ends with an error and an
//! outcome; standing streams end at once. The exit status is 0 and the log holds.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use carnet_evidence::LeafType;
use carnet_tests::gateway::{ALLOW_ALL, Gateway, Setup, TOKEN};
use carnet_tests::http::Reply as Http;
use carnet_tests::records::{self, Record};
use carnet_tests::upstream::{Gate, Reply, Seen, Upstream, echo};
use carnet_tests::wire::Caller;
use serde_json::json;

const LIMIT: Duration = Duration::from_secs(30);

/// `slow` waits for the gate; sessions have ids; a GET and `subscriptions/listen` are answered with an open stream.
fn upstream(gate: &Arc<Gate>) -> Result<Upstream> {
    let gate = gate.clone();
    Upstream::start(move |seen: &Seen| match (seen.method().as_str(), seen.tool().as_str()) {
        (_, "slow") => Reply::Held(gate.clone(), Box::new(seen.text("at last"))),
        ("initialize", _) => {
            let Reply::Json(body) = echo(seen) else { return echo(seen) };
            let headers = [("content-type", "application/json"), ("mcp-session-id", "upstream-session-id")];
            Reply::Http(200, headers.map(|(n, v)| (n, v.to_owned())).to_vec(), body.to_string())
        }
        ("subscriptions/listen", _) => Reply::Open(vec![
            json!({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}).to_string(),
        ]),
        _ if seen.line.starts_with("GET") => Reply::Open(Vec::new()),
        _ => echo(seen),
    })
}

struct Running {
    gate: Arc<Gate>,
    upstream: Upstream,
    setup: Setup,
    gateway: Gateway,
}

impl Running {
    fn start(drain: &str) -> Result<Running> {
        let gate = Arc::new(Gate::default());
        let upstream = upstream(&gate)?;
        let servers = format!("{}drain: {drain}\n", upstream.server("light"));
        let setup = Setup::with_token(&servers, ALLOW_ALL)?;
        let gateway = setup.start()?;
        Ok(Running { gate, upstream, setup, gateway })
    }

    fn caller(&self) -> Result<Caller> {
        Caller::new(self.gateway.base(), "light", TOKEN)
    }

    /// A call of the slow tool that has reached the server.
    fn slow(&self, mut caller: Caller) -> Result<thread::JoinHandle<Result<Http>>> {
        let call = thread::spawn(move || caller.call(7, "slow", &json!({})));
        // Requests are noted before they are answered, when they were read; the slow one is noted late.
        let end = Instant::now() + LIMIT;
        while !decided(&records::read(&self.setup.data())?) {
            ensure!(Instant::now() < end, "the call is not decided");
        }
        Ok(call)
    }

    /// The end, and the records of all of it.
    fn end(mut self) -> Result<Vec<Record>> {
        let status = self.gateway.process.ended(LIMIT)?;
        ensure!(status.success(), "{status}: {}", self.gateway.process.output());
        records::verify(&self.setup.data())?;
        let records = records::read(&self.setup.data())?;
        ensure!(records.last().is_some_and(|r| r.ty == LeafType::GwStop), "gw.stop is the last record");
        Ok(records)
    }
}

/// Whether a call of the slow tool is decided.
fn decided(records: &[Record]) -> bool {
    records.iter().any(|r| r.ty == LeafType::CallDecision && r.text("tool") == "slow")
}

/// The outcome of the slow call.
fn outcome(records: &[Record]) -> Result<&Record> {
    let Some(decision) = records.iter().find(|r| r.text("tool") == "slow") else { bail!("no decision") };
    let Some(outcome) = records.iter().find(|r| r.of == Some(decision.index)) else { bail!("no outcome") };
    Ok(outcome)
}

#[test]
fn an_open_call_finishes_within_the_drain_time() -> Result<()> {
    let running = Running::start("20s")?;
    let call = running.slow(running.caller()?)?;
    running.gateway.process.ask_to_stop()?;
    stops_taking_calls(&running)?;
    running.gate.open();
    let reply = call.join().unwrap()?;
    ensure!(reply.status == 200 && reply.body.contains("at last"), "{reply:?}");
    let records = running.end()?;
    let outcome = outcome(&records)?;
    ensure!(
        outcome.ty == LeafType::CallOutcome && outcome.frame.as_ref().is_some_and(|f| f.contains("at last"))
    );
    Ok(())
}

#[test]
fn a_call_beyond_the_drain_time_gets_an_error_and_an_outcome() -> Result<()> {
    let running = Running::start("1s")?;
    let call = running.slow(running.caller()?)?;
    running.gateway.process.ask_to_stop()?;
    let reply = call.join().unwrap()?;
    ensure!(reply.status == 503 && reply.body.contains("the gateway is stopping"), "{reply:?}");
    let records = running.end()?;
    let outcome = outcome(&records)?;
    ensure!(outcome.ty == LeafType::CallOutcome && outcome.text("error") == "upstream-failed", "{outcome:?}");
    Ok(())
}

#[test]
fn standing_streams_end_at_the_first_signal() -> Result<()> {
    let running = Running::start("20s")?;
    let mut get = running.caller()?;
    get.initialize()?;
    get.set("accept", "text/event-stream");
    get.send("GET", "")?;
    ensure!(get.wire().head()?.0 == 200);
    let mut listen = running.caller()?;
    for (name, value) in [("mcp-protocol-version", "2026-07-28"), ("mcp-method", "subscriptions/listen")] {
        listen.set(name, value);
    }
    let meta = json!({"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}});
    let params = json!({"notifications": {"toolsListChanged": true}, "_meta": meta});
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "subscriptions/listen", "params": params});
    listen.send("POST", &body.to_string())?;
    let head = listen.wire().head()?;
    ensure!(head.0 == 200, "{head:?}");
    ensure!(listen.wire().chunk()?.is_some(), "a notification");
    let call = running.slow(running.caller()?)?;
    running.gateway.process.ask_to_stop()?;
    // Both streams end while the call is still open.
    while get.wire().chunk()?.is_some() {}
    let mut last = Vec::new();
    while let Some(chunk) = listen.wire().chunk()? {
        last = chunk;
    }
    ensure!(String::from_utf8_lossy(&last).contains("the gateway is stopping"), "{last:?}");
    running.gate.open();
    ensure!(call.join().unwrap()?.status == 200);
    running.end()?;
    Ok(())
}

/// A session that is ended while a call is open closes after the call.
#[test]
fn a_session_closes_after_its_last_call() -> Result<()> {
    let running = Running::start("20s")?;
    let mut caller = running.caller()?;
    caller.initialize()?;
    let mut other = running.caller()?;
    other.headers.clone_from(&caller.headers);
    let call = running.slow(caller)?;
    other.send("DELETE", "")?;
    // The status is the upstream's own.
    let reply = other.wire().reply()?;
    ensure!(reply.status == 202, "{reply:?}");
    ensure!(other.call(1, "echo", &json!({}))?.status == 404, "an ended session takes no calls");
    running.gate.open();
    ensure!(call.join().unwrap()?.status == 200);
    running.gateway.process.ask_to_stop()?;
    let upstream = running.upstream.address();
    let records = running.end()?;
    let outcome = outcome(&records)?;
    let close = records.iter().find(|r| r.ty == LeafType::SessionClose && r.gs == outcome.gs);
    ensure!(close.is_some_and(|c| c.index > outcome.index), "{upstream}: the close comes after the outcome");
    Ok(())
}

/// Waits until new calls are refused.
fn stops_taking_calls(running: &Running) -> Result<()> {
    let end = Instant::now() + LIMIT;
    loop {
        match running.caller().and_then(|mut caller| caller.call(1, "echo", &json!({}))) {
            Ok(reply) if reply.status == 503 => return Ok(()),
            Err(_) => return Ok(()),
            Ok(_) => ensure!(Instant::now() < end, "calls are still taken"),
        }
    }
}
