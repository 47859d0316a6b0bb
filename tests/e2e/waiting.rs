//! Real clients, each as it is by default, whose call is held for longer than they wait: it is approved from another process, and
//! the result comes once. The times here are real, because they are what is tested; the clients wait side by side.

use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use carnet_tests::driver::{Reach, Sdk, drive};
use carnet_tests::gateway::token;
use carnet_tests::peers;
use carnet_tests::process::Process;
use carnet_tests::upstream::{Reply, Seen, Upstream, echo};
use serde_json::{Value, json};

use crate::approvals::{POLICY, approve, one, ran, setup, stop};

/// Longer than the TypeScript SDKs, rmcp and the agent wait for an answer, and than the gateway lets them wait in one go.
const HELD: Duration = Duration::from_secs(70);

/// Calls that it takes: who offers no progress and knows no legs is told to call again before its time is over.
fn calls(sdk: Sdk) -> usize {
    match sdk {
        Sdk::TsV1 | Sdk::TsV2 | Sdk::Py1 => 2,
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
        let driven = scope.spawn(|| drive(sdk, &[reach], &vec![step; calls(sdk)]));
        one(&setup, "bob", "pending")?;
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

/// Claude Code with a model on loopback. `CARNET_AGENT` says where its program is: it is large and not free software, so that
/// nothing installs it here.
#[test]
fn an_agent_is_held_longer_than_it_waits_and_its_model_gets_the_result_once() -> Result<()> {
    let Some(agent) = std::env::var_os("CARNET_AGENT") else {
        eprintln!("CARNET_AGENT does not name the program of Claude Code: nothing was checked");
        return Ok(());
    };
    let upstream = Upstream::start(both)?;
    let setup = setup(&upstream, POLICY, "")?;
    let gateway = setup.start()?;
    let mut model = peers::script("peers/clients/model.mjs")?;
    model.args(["mcp__up__echo", r#"{"to":"x","n":11}"#]);
    let model = Process::start(model, "ready ")?;
    let servers = json!({"mcpServers": {"up": {"type": "http", "url": gateway.url("up"),
        "headers": {"Authorization": format!("Bearer {}", token("ada"))}}}});
    let file = setup.path().join("mcp.json");
    std::fs::write(&file, servers.to_string())?;
    let home = setup.path().join("home");
    std::fs::create_dir(&home)?;
    let mut command = Command::new(agent);
    command.args([
        "-p",
        "call the tool",
        "--strict-mcp-config",
        "--allowedTools",
        "mcp__up__echo",
        "--mcp-config",
    ]);
    command.arg(&file).current_dir(&home).env("HOME", &home).env("ENABLE_TOOL_SEARCH", "false");
    command
        .env("ANTHROPIC_BASE_URL", format!("http://127.0.0.1:{}", model.ready))
        .env("ANTHROPIC_API_KEY", "none");
    command.env("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1").stdin(Stdio::null());
    let began = Instant::now();
    let output = thread::scope(|scope| {
        let ran = scope.spawn(|| command.output());
        one(&setup, "bob", "pending")?;
        thread::sleep(HELD);
        approve(&setup, "bob")?;
        Ok::<_, anyhow::Error>(ran.join().expect("no panic")?)
    })?;
    ensure!(output.status.success() && began.elapsed() > HELD, "{}", String::from_utf8_lossy(&output.stdout));
    let said = model.output();
    ensure!(said.matches("\\\"n\\\":11").count() == 1, "the model was told: {said}");
    ensure!(ran(&upstream) == 1);
    stop(gateway, &setup)?;
    Ok(())
}
