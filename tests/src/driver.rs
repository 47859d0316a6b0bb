//! Real clients as child processes: a job goes in, one JSON line a step comes out (see `peers/clients/job.mjs`).

use std::process::{Command, Output, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::peers;

/// The SDKs. Each knows every transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sdk {
    /// TypeScript SDK v1.
    TsV1,
    /// TypeScript client v2, with the handshake that is its default.
    TsV2,
    /// TypeScript client v2, asking for the newest revision first.
    TsV2Auto,
    /// Python SDK 1.30.
    Py1,
    /// Python SDK 2.3, which asks for the newest revision first.
    Py2,
    /// rmcp, in this process. It has no HTTP+SSE.
    Rmcp,
}

impl Sdk {
    /// All of them.
    pub const ALL: [Sdk; 6] = [Sdk::TsV1, Sdk::TsV2, Sdk::TsV2Auto, Sdk::Py1, Sdk::Py2, Sdk::Rmcp];

    fn command(self) -> Result<Command> {
        let python = |venv: &str, file: &str| -> Result<Command> {
            let mut command = Command::new(peers::folder()?.join("py").join(venv).join("bin/python"));
            command.arg("-B").arg(peers::source(file));
            Ok(command)
        };
        match self {
            Sdk::TsV1 => peers::script("peers/clients/ts-v1.mjs"),
            Sdk::TsV2 | Sdk::TsV2Auto => peers::script("peers/clients/ts-v2.mjs"),
            Sdk::Py1 => python("sdk1", "peers/clients/py1.py"),
            Sdk::Py2 => python("sdk2", "peers/clients/py2.py"),
            Sdk::Rmcp => bail!("rmcp is a library of this process"),
        }
    }
}

/// How a client reaches its server.
#[derive(Debug, Clone)]
pub enum Reach {
    /// Streamable HTTP: URL and bearer token.
    Http(String, Option<String>),
    /// The HTTP+SSE of revision 2024-11-05: URL and bearer token.
    Sse(String, Option<String>),
    /// A command.
    Stdio(Vec<String>),
}

impl Reach {
    fn as_job(&self) -> Value {
        let headers = |token: &Option<String>| match token {
            Some(token) => json!({ "authorization": format!("Bearer {token}") }),
            None => json!({}),
        };
        match self {
            Reach::Http(url, token) => json!({ "transport": "http", "url": url, "headers": headers(token) }),
            Reach::Sse(url, token) => json!({ "transport": "sse", "url": url, "headers": headers(token) }),
            Reach::Stdio(command) => json!({ "transport": "stdio", "command": command }),
        }
    }
}

/// The longest that a client may take for all its sessions.
pub const LIMIT: Duration = Duration::from_secs(90);

/// Runs a program to its end, or kills it when it takes too long: then what it printed is kept.
fn within(limit: Duration, mut command: Command) -> Result<Output> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn()?;
    let id = child.id().to_string();
    let (send, ended) = channel();
    thread::spawn(move || send.send(child.wait_with_output()));
    if let Ok(output) = ended.recv_timeout(limit) {
        return Ok(output?);
    }
    Command::new("kill").args(["-KILL", &id]).status()?;
    Ok(ended.recv()??)
}

/// Runs the steps in one session with each reach and returns, for each, one line a step; or the one line `connect` with
/// the error. rmcp does lists and calls of tools only.
///
/// # Errors
/// When the client cannot be started or prints something else.
pub fn drive(sdk: Sdk, reaches: &[Reach], steps: &[Value]) -> Result<Vec<Vec<Value>>> {
    drive_within(LIMIT, sdk, reaches, steps)
}

/// The same for sessions that take longer.
///
/// # Errors
/// As [`drive`].
pub fn drive_within(
    limit: Duration,
    sdk: Sdk,
    reaches: &[Reach],
    steps: &[Value],
) -> Result<Vec<Vec<Value>>> {
    if sdk == Sdk::Rmcp {
        return crate::client::drive(limit, reaches, steps);
    }
    let reaches_json: Vec<Value> = reaches.iter().map(Reach::as_job).collect();
    let mut job = json!({ "reaches": reaches_json, "steps": steps });
    if sdk == Sdk::TsV2Auto {
        job["mode"] = json!("auto");
    }
    let mut command = sdk.command()?;
    command.arg(job.to_string());
    let output = within(limit, command).with_context(|| format!("{sdk:?}"))?;
    let mut all = vec![Vec::new(); reaches.len()];
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let mut line: Value = serde_json::from_str(line)
            .with_context(|| format!("{sdk:?} printed something else than JSON lines"))?;
        let reach = line.as_object_mut().and_then(|l| l.remove("reach")).and_then(|r| r.as_u64());
        let reach = reach.and_then(|r| usize::try_from(r).ok()).and_then(|r| all.get_mut(r));
        reach.context("a line without its reach")?.push(line);
    }
    for (reach, lines) in reaches.iter().zip(&all) {
        let failed = lines.first().is_some_and(|l| l["do"] == "connect");
        if lines.len() != steps.len() && !failed {
            let last = lines.last().map(Value::to_string).unwrap_or_default();
            bail!(
                "{sdk:?} did {} of {} steps over {reach:?}, last {last:.300}: {}",
                lines.len(),
                steps.len(),
                String::from_utf8_lossy(&output.stderr)
            );
        }
    }
    Ok(all)
}
