//! Real clients, each as it is by default, whose call is held for longer than they wait: it is approved from another process, and
//! the result comes once. The times here are real, because they are what is tested; the clients wait side by side.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use carnet_tests::driver::{Reach, Sdk, drive_within};
use carnet_tests::gateway::token;
use carnet_tests::peers;
use carnet_tests::process::Process;
use carnet_tests::upstream::{Reply, Seen, Upstream, echo};
use serde_json::{Value, json};

use crate::approvals::{POLICY, approve, one, ran, setup, stop};

/// Longer than any SDK waits for an answer by default (Python 2.3 for 300 seconds), and than the gateway lets them wait in one go.
const HELD: Duration = Duration::from_secs(306);
/// Longer than agents wait, for 60 seconds.
const AGENT_HELD: Duration = Duration::from_secs(70);

/// Calls that it takes: who offers no progress and knows no legs is told to call again every 45 seconds.
fn calls(sdk: Sdk) -> usize {
    match sdk {
        Sdk::TsV1 | Sdk::TsV2 | Sdk::Py1 => 7,
        Sdk::TsV2Auto | Sdk::Py2 | Sdk::Rmcp => 1,
    }
}

/// A server of both eras: who asks for the newest revision gets it.
fn both(seen: &Seen) -> Reply {
    let newest =
        seen.headers.iter().any(|(name, value)| name == "mcp-protocol-version" && value == "2026-07-28");
    let mut result = match seen.method().as_str() {
        "server/discover" => {
            json!({"supportedVersions": ["2026-07-28", "2025-11-25"], "capabilities": {"tools": {}},
            "_meta": {"io.modelcontextprotocol/serverInfo": {"name": "both", "version": "1"}}, "ttlMs": 0, "cacheScope": "private"})
        }
        "tools/list" => {
            json!({"tools": [{"name": "echo", "inputSchema": {"type": "object"}}], "ttlMs": 0, "cacheScope": "private"})
        }
        "tools/call" => {
            let text = seen.json()["params"]["arguments"].to_string();
            json!({"content": [{"type": "text", "text": text}]})
        }
        _ => return echo(seen),
    };
    if newest {
        result["resultType"] = "complete".into();
    }
    seen.result(result)
}

fn held(sdk: Sdk) -> Result<Vec<Value>> {
    let upstream = Upstream::start(both)?;
    let setup = setup(&upstream, POLICY, "")?;
    let gateway = setup.start()?;
    let step = json!({"do": "tools/call", "name": "echo", "arguments": {"to": "x", "n": 11}});
    let reach = Reach::Http(gateway.url("up"), Some(token("ada")));
    let lines = thread::scope(|scope| {
        let driven = scope.spawn(|| drive_within(2 * HELD, sdk, &[reach], &vec![step; calls(sdk)]));
        // Programs may take long to start where others work beside them.
        ensure!((0..6).any(|_| one(&setup, "bob", "pending").is_ok()), "it is not held");
        thread::sleep(HELD);
        approve(&setup, "bob")?;
        driven.join().expect("no panic")
    })?;
    ensure!(ran(&upstream) == 1, "{sdk:?}: it ran {} times", ran(&upstream));
    stop(gateway, &setup)?;
    lines.into_iter().next().context("one reach")
}

#[test]
fn real_clients_are_held_longer_than_they_wait_and_get_the_result_once() -> Result<()> {
    let wrong: Vec<String> = thread::scope(|scope| {
        let all = Sdk::ALL.map(|sdk| scope.spawn(move || (sdk, held(sdk))));
        let judge = |(sdk, lines): (Sdk, Result<Vec<Value>>)| match lines {
            Err(e) => Some(format!("{sdk:?}: {e:#}")),
            Ok(lines) => {
                let texts: Vec<String> = lines.iter().map(ToString::to_string).collect();
                let got = texts.iter().filter(|t| t.contains("\\\"n\\\":11")).count();
                (got != 1).then(|| format!("{sdk:?}: {got} results in {texts:.600?}"))
            }
        };
        all.into_iter().filter_map(|one| judge(one.join().expect("no panic"))).collect()
    });
    ensure!(wrong.is_empty(), "{wrong:#?}");
    Ok(())
}

/// An agent without a terminal, told to call one tool.
struct Agent {
    command: Command,
    /// The tool as its model names it.
    tool: &'static str,
}

/// Continue's CLI, which `cargo xtask peers` installs. It waits as the TypeScript SDK v1 does.
fn cn(home: &Path, gateway: &str, model: u16) -> Result<Agent> {
    let config = format!(
        "name: test\nversion: 1.0.0\nschema: v1\nmodels:\n  - {{ name: fake, provider: anthropic, model: fake, apiKey: none, \
         apiBase: \"http://127.0.0.1:{model}/v1/\", roles: [chat] }}\nmcpServers:\n  - name: up\n    type: streamable-http\n    url: {gateway}\n    \
         requestOptions: {{ headers: {{ Authorization: \"Bearer {}\" }} }}\n",
        token("ada")
    );
    let file = home.join("config.yaml");
    std::fs::write(&file, config)?;
    let mut command = Command::new(peers::node()?);
    command.arg(peers::npm("agent", "@continuedev/cli/dist/cn.js")?).args(["-p", "--auto", "--config"]);
    command.arg(&file).arg("call the tool").env("CONTINUE_TELEMETRY_ENABLED", "0");
    Ok(Agent { command, tool: "echo" })
}

/// Claude Code, where `CARNET_AGENT` says that it is: it is large and not free software, so that nothing installs it here.
fn claude(program: &OsStr, home: &Path, gateway: &str, model: u16) -> Result<Agent> {
    let servers = json!({"mcpServers": {"up": {"type": "http", "url": gateway,
        "headers": {"Authorization": format!("Bearer {}", token("ada"))}}}});
    let file = home.join("mcp.json");
    std::fs::write(&file, servers.to_string())?;
    let mut command = Command::new(program);
    command.args(["-p", "call the tool", "--strict-mcp-config", "--allowedTools", "mcp__up__echo"]);
    command.arg("--mcp-config").arg(&file).env("ENABLE_TOOL_SEARCH", "false");
    command.env("ANTHROPIC_BASE_URL", format!("http://127.0.0.1:{model}")).env("ANTHROPIC_API_KEY", "none");
    command.env("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1");
    Ok(Agent { command, tool: "mcp__up__echo" })
}

/// Holds the call of an agent and approves it; its model is told the result once.
fn agent_is_held(program: Option<&OsStr>) -> Result<()> {
    let upstream = Upstream::start(both)?;
    let setup = setup(&upstream, POLICY, "")?;
    let gateway = setup.start()?;
    let tool = if program.is_some() { "mcp__up__echo" } else { "echo" };
    let mut model = peers::script("peers/clients/model.mjs")?;
    model.args([tool, r#"{"to":"x","n":11}"#]);
    let model = Process::start(model, "ready ")?;
    let port = model.ready.parse()?;
    let home = setup.path().join("home");
    std::fs::create_dir(&home)?;
    let url = gateway.url("up");
    let agent = match program {
        Some(program) => claude(program, &home, &url, port)?,
        None => cn(&home, &url, port)?,
    };
    ensure!(agent.tool == tool);
    let mut command = agent.command;
    command.current_dir(&home).env("HOME", &home).stdin(Stdio::null());
    let began = Instant::now();
    let output = thread::scope(|scope| {
        let ran = scope.spawn(|| command.output());
        // Programs may take long to start where others work beside them.
        ensure!((0..6).any(|_| one(&setup, "bob", "pending").is_ok()), "it is not held");
        thread::sleep(AGENT_HELD);
        approve(&setup, "bob")?;
        Ok::<_, anyhow::Error>(ran.join().expect("no panic")?)
    })?;
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success() && began.elapsed() > AGENT_HELD && said.contains("done"), "{said}");
    // Text in JSON in JSON, as often as the agent likes.
    let told = model.output().replace('\\', "");
    ensure!(told.matches("\"n\":11").count() == 1, "the model was told: {told}");
    ensure!(ran(&upstream) == 1);
    stop(gateway, &setup)?;
    Ok(())
}

#[test]
fn an_agent_is_held_longer_than_it_waits_and_its_model_gets_the_result_once() -> Result<()> {
    let other = std::env::var_os("CARNET_AGENT");
    thread::scope(|scope| {
        let other = scope.spawn(|| other.as_deref().map_or(Ok(()), |program| agent_is_held(Some(program))));
        agent_is_held(None).context("cn")?;
        other.join().expect("no panic").context("CARNET_AGENT")
    })
}
