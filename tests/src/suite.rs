//! The conformance suites: run against a URL, and two runs compared check by check and body by body. Their exit code
//! ignores what is not scored, and some checks pass on an answer that says nothing, so neither is enough by itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tempfile::TempDir;

use crate::peers;
use crate::process::Process;

/// What is run.
#[derive(Debug, Clone, Copy)]
pub struct Suite {
    /// Folder under `npm/`.
    pub place: &'static str,
    /// Its arguments.
    pub args: &'static [&'static str],
    /// How many checks a server that does everything passes.
    pub all: usize,
}

/// The suites, with what the fixture reaches.
pub const SUITES: [Suite; 4] = [
    Suite { place: "conformance-stable", args: &["--suite", "all"], all: 46 },
    Suite { place: "conformance-alpha", args: &["--requirements", "2025-11-25"], all: 83 },
    Suite { place: "conformance-alpha", args: &["--requirements", "2026-07-28"], all: 197 },
    Suite { place: "conformance-alpha", args: &["--suite", "all"], all: 233 },
];

/// Checks by scenario and id, with how often each status was seen.
type Checks = BTreeMap<(String, String), BTreeMap<String, usize>>;

/// One run.
pub struct Run {
    checks: Checks,
    exchanges: Vec<Value>,
}

impl Suite {
    /// Runs against `url` through a proxy that adds the token, if there is one, and keeps every exchange.
    ///
    /// # Errors
    /// When the suite cannot be run or leaves no results.
    pub fn run(&self, url: &str, token: Option<&str>) -> Result<Run> {
        let dir = TempDir::new()?;
        let (results, log) = (dir.path().join("results"), dir.path().join("exchanges"));
        fs::write(&log, "")?;
        let mut proxy = peers::script("peers/inject-proxy.mjs")?;
        proxy.arg(url).arg(&log);
        if let Some(token) = token {
            proxy
                .env("INJECT", serde_json::json!({ "authorization": format!("Bearer {token}") }).to_string());
        }
        let proxy = Process::start(proxy, "ready ")?;
        let entry = peers::npm(self.place, "@modelcontextprotocol/conformance/dist/index.js")?;
        let mut suite = Command::new(peers::node()?);
        suite.current_dir(dir.path()).arg(entry).args(["server", "--url", &proxy.ready, "-o"]).arg(&results);
        let output = suite.args(self.args).output().context("start the suite")?;
        let checks = read_checks(&results)?;
        if checks.is_empty() {
            bail!("the suite left no results:\n{}", String::from_utf8_lossy(&output.stdout));
        }
        let lines = fs::read_to_string(&log)?;
        let exchanges: Result<Vec<Value>, _> = lines.lines().map(serde_json::from_str).collect();
        Ok(Run { checks, exchanges: exchanges? })
    }
}

impl Run {
    /// How many checks passed and failed.
    #[must_use]
    pub fn score(&self) -> (usize, usize) {
        let count = |status: &str| self.checks.values().filter_map(|c| c.get(status)).sum();
        (count("SUCCESS"), count("FAILURE"))
    }

    /// The checks that failed, by scenario and id.
    #[must_use]
    pub fn failures(&self) -> Vec<String> {
        let failed = self.checks.iter().filter(|(_, c)| c.contains_key("FAILURE"));
        failed.map(|((scenario, id), _)| format!("{scenario} {id}")).collect()
    }

    /// Checks whose outcome is another than in `other`.
    #[must_use]
    pub fn changed_checks(&self, other: &Run) -> Vec<String> {
        let keys: BTreeSet<_> = self.checks.keys().chain(other.checks.keys()).collect();
        let changed = keys.into_iter().filter(|k| self.checks.get(*k) != other.checks.get(*k));
        changed
            .map(|k| format!("{} {}: {:?}, other {:?}", k.0, k.1, self.checks.get(k), other.checks.get(k)))
            .collect()
    }

    /// Requests that were answered otherwise than in `other`: what is different every time (session, task and event
    /// ids, times, sealed states) left aside.
    #[must_use]
    pub fn changed_bodies(&self, other: &Run) -> Vec<String> {
        let (a, b) = (answers(&self.exchanges), answers(&other.exchanges));
        let keys: BTreeSet<_> = a.keys().chain(b.keys()).collect();
        let same = |k: &String| match (a.get(k), b.get(k)) {
            (Some(a), Some(b)) => a.same(b),
            _ => false,
        };
        let changed = keys.into_iter().filter(|k| !same(k));
        changed.map(|k| format!("{k}\n  this  {:?}\n  other {:?}", a.get(k), b.get(k))).collect()
    }
}

fn read_checks(results: &Path) -> Result<Checks> {
    let mut checks = Checks::new();
    for entry in fs::read_dir(results).context("the suite's results")? {
        let dir = entry?.path();
        let name = dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let scenario =
            name.trim_start_matches("server-").split("-2026-").next().unwrap_or_default().to_owned();
        let Ok(text) = fs::read_to_string(dir.join("checks.json")) else { continue };
        for check in serde_json::from_str::<Vec<Value>>(&text)? {
            let word = |key: &str| check[key].as_str().unwrap_or_default().to_owned();
            if word("status") != "INFO" {
                *checks
                    .entry((scenario.clone(), word("id")))
                    .or_default()
                    .entry(word("status"))
                    .or_default() += 1;
            }
        }
    }
    Ok(checks)
}

/// What came back for one request, over all times it was sent.
#[derive(Debug, Default)]
struct Answers {
    messages: BTreeSet<String>,
    /// The suite hung up before the end, so how much it saw is chance.
    cut: bool,
    /// Requests that came in and were not over when the suite ended.
    open: i64,
}

impl Answers {
    fn same(&self, other: &Answers) -> bool {
        let within = |a: &Answers, b: &Answers| (a.cut || a.open > 0) && a.messages.is_subset(&b.messages);
        self.messages == other.messages || within(self, other) || within(other, self)
    }
}

fn answers(exchanges: &[Value]) -> BTreeMap<String, Answers> {
    let mut answers = BTreeMap::<String, Answers>::new();
    for exchange in exchanges {
        // Which stream of a session carries a notification is the server's choice each time, and so is how long an
        // open GET lasts.
        if exchange["method"] != "POST" {
            continue;
        }
        let status = exchange["status"].as_u64().unwrap_or_default();
        let request = steady_text(exchange["request"].as_str().unwrap_or_default());
        if exchange["arrived"] == true {
            answers.entry(request).or_default().open += 1;
            continue;
        }
        let body = exchange["response"].as_str().unwrap_or_default();
        let answer = |text: &str| format!("{status} {}", of_either(status, &request, text));
        let messages: Vec<String> =
            if exchange["type"].as_str().unwrap_or_default().starts_with("text/event-stream") {
                body.lines()
                    .filter_map(|l| l.strip_prefix("data:"))
                    .filter(|d| !d.trim().is_empty())
                    .map(answer)
                    .collect()
            } else {
                vec![answer(body)]
            };
        // How much of a listening stream is read before the suite closes it is chance; that it was granted is not.
        let granted = |m: &String| {
            !request.contains("subscriptions/listen") || m.contains("subscriptions/acknowledged")
        };
        let entry = answers.entry(request.clone()).or_default();
        // No status: the suite hung up before there was one.
        entry.messages.extend(messages.into_iter().filter(|m| status != 0 && granted(m)));
        entry.cut |= exchange["whole"] == false;
        entry.open -= 1;
    }
    answers
}

/// What is refused at the gateway's own door is refused in its own words: a foreign Host or Origin, the id of a session
/// that has ended, headers and metadata that do not agree (status and code are compared), and `initialize` where the
/// revision has none.
fn of_either(status: u64, request: &str, text: &str) -> String {
    if status == 403 || status == 404 && text.contains("Session not found") {
        return String::new();
    }
    let Ok(mut answer) = serde_json::from_str::<Value>(text.trim()) else { return steady_text(text) };
    let code = answer["error"]["code"].as_i64().unwrap_or_default();
    let initialize = status == 404 && request.contains(r#""method":"initialize""#);
    // A state that was tampered with does not get past the gateway.
    let state = code == -32602 && text.contains("requestState");
    if status == 400 && [-32020, -32602].contains(&code) || initialize || state {
        answer["error"]["message"] = Value::String("*".to_owned());
    }
    steady(&mut answer);
    answer.to_string()
}

fn steady_text(text: &str) -> String {
    match serde_json::from_str::<Value>(text.trim()) {
        Ok(mut value) => {
            steady(&mut value);
            value.to_string()
        }
        Err(_) => text.trim().to_owned(),
    }
}

fn steady(value: &mut Value) {
    match value {
        Value::Object(map) => {
            // The order of members says nothing; whether it is kept depends on how the workspace is built.
            let mut members: Vec<_> = std::mem::take(map).into_iter().collect();
            members.sort_by(|a, b| a.0.cmp(&b.0));
            map.extend(members);
            for (key, value) in map.iter_mut() {
                let changes = [
                    "id",
                    "requestId",
                    "taskId",
                    "requestState",
                    "createdAt",
                    "lastUpdatedAt",
                    "progressToken",
                ];
                if changes.contains(&key.as_str())
                    || key.ends_with("/subscriptionId")
                    || key.ends_with("ubscriptionId")
                {
                    *value = Value::String("*".to_owned());
                } else if key == "cacheScope" {
                    // A list that depends on the caller must be private, whatever the server said of its own.
                    *value = Value::String("private".to_owned());
                } else {
                    steady(value);
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(steady),
        Value::String(text) => *text = without_uuids(text),
        _ => {}
    }
}

/// Error texts name task ids.
fn without_uuids(text: &str) -> String {
    let like_uuid = |part: &&str| {
        let groups: Vec<usize> = part.split('-').map(str::len).collect();
        groups == [8, 4, 4, 4, 12] && part.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit())
    };
    let word = |c: char| !c.is_ascii_alphanumeric() && c != '-';
    text.split(word).filter(like_uuid).fold(text.to_owned(), |text, uuid| text.replace(uuid, "*"))
}
