//! Content as real servers give it: text that streams, rules and fingerprints of one's own, and what a schema says.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use carnet_tests::driver::{Reach, Sdk, drive};
use carnet_tests::gateway::{ALLOW_ALL_MASKED, Gateway, Setup, TOKEN, binary};
use carnet_tests::peers;
use carnet_tests::records;
use carnet_tests::upstream::{self, Reply, Seen, Upstream};
use carnet_tests::wire::Caller;
use serde_json::{Value, json};

use crate::servers::node;

fn call(name: &str, arguments: &Value) -> Value {
    json!({ "do": "tools/call", "name": name, "arguments": arguments })
}

fn run(gateway: &Gateway, server: &str, sdk: Sdk, steps: &[Value]) -> Result<Vec<Value>> {
    let reach = Reach::Http(gateway.url(server), Some(TOKEN.to_owned()));
    drive(sdk, &[reach], steps)?.pop().context("one session")
}

/// Values, each cut in two over two messages, and a piece of each half that must not be seen.
const CUT: [(&str, &str); 6] = [
    ("transfer to DE89 3704 0044", " 0532 0130 00 is done!"),
    ("call +49 30 901", "820 1234 now!"),
    ("the key is AKIAQ3EGRV", "5J2XHB7NTK, keep it!"),
    ("card 4539 1488", " 0343 6467 was charged!"),
    ("write to maria.kel", "ler@example.org please!"),
    ("ssn 536-22", "-8726 is on file!"),
];
const HALVES: [&str; 12] =
    ["3704", "0532", "901", "820", "AKIA", "5J2X", "4539", "6467", "maria", "ler@", "536-22", "8726"];

fn notification(method: &str, params: Value) -> String {
    json!({"jsonrpc": "2.0", "method": method, "params": params}).to_string()
}

/// Answers a call with the values cut over progress, over log messages, or over the last progress and the result.
fn streaming(seen: &Seen) -> Reply {
    let asked = seen.json();
    let token = asked["params"]["_meta"]["progressToken"].clone();
    let mut step = 0;
    let mut progress = |text: &str| {
        step += 1;
        let params = json!({"progressToken": token, "progress": step, "total": 400, "message": text});
        notification("notifications/progress", params)
    };
    let log = |text: &str| notification("notifications/message", json!({"level": "info", "data": text}));
    let result = |text: &str| {
        json!({"jsonrpc": "2.0", "id": asked["id"], "result": {"content": [{"type": "text", "text": text}]}})
            .to_string()
    };
    let mut events = Vec::new();
    match (seen.method().as_str(), seen.tool().as_str()) {
        ("tools/call", "progress") => {
            for (first, second) in CUT {
                events.extend([progress(first), progress(second)]);
            }
            events.push(progress("row 14 of 400"));
            events.push(result("done"));
        }
        ("tools/call", "log") => {
            for (first, second) in CUT {
                events.extend([log(first), progress("meanwhile!"), log(second)]);
            }
            events.push(result("done"));
        }
        ("tools/call", "result") => {
            events.extend([progress("transfer to DE89 3704 0044"), result(" 0532 0130 00 is done!")]);
        }
        ("tools/call", "stall") => return Reply::Open(vec![progress("transfer to DE89 3704 0044")]),
        _ => return upstream::echo(seen),
    }
    Reply::Events(events)
}

fn with_progress(tool: &str) -> String {
    let params = json!({"name": tool, "arguments": {}, "_meta": {"progressToken": "p"}});
    json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).to_string()
}

fn no_half(text: &str) -> Result<()> {
    for half in HALVES {
        ensure!(!text.contains(half), "{half} is shown: {text}");
    }
    Ok(())
}

#[test]
fn a_value_that_is_cut_over_messages_is_found_and_no_part_of_it_goes() -> Result<()> {
    let upstream = Upstream::start(streaming)?;
    let setup = Setup::with_token(&upstream.server("work"), ALLOW_ALL_MASKED)?;
    let gateway = setup.start()?;
    let mut caller = Caller::new(gateway.base(), "work", TOKEN)?;
    for tool in ["progress", "log", "result"] {
        let reply = caller.post(&with_progress(tool))?;
        no_half(&reply.body)?;
        // Nothing is lost, and the order stays.
        let steps: Vec<u64> = reply
            .body
            .match_indices("\"progress\":")
            .filter_map(|(at, key)| {
                reply.body.get(at + key.len()..)?.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
            })
            .collect();
        let expected = match tool {
            "progress" => 13,
            "log" => 6,
            _ => 1,
        };
        assert_eq!(steps, (1..=expected).collect::<Vec<u64>>(), "{tool}: {}", reply.body);
        ensure!(reply.body.contains("[IBAN]"), "{tool}: {}", reply.body);
    }
    let reply = caller.post(&with_progress("progress"))?;
    for kept in ["row 14 of 400", "keep it!", "was charged!", "transfer to "] {
        ensure!(reply.body.contains(kept), "{kept} is gone: {}", reply.body);
    }
    // The log holds what was delivered.
    for record in records::read(&setup.data())? {
        no_half(&format!("{:?}", record.frame))?;
    }
    Ok(())
}

/// A server that falls silent inside a value: the caller gets the message in time, without the beginning of the value.
#[test]
fn a_value_that_is_never_ended_is_withheld_and_its_message_goes() -> Result<()> {
    let upstream = Upstream::start(streaming)?;
    let setup = Setup::with_token(&upstream.server("work"), ALLOW_ALL_MASKED)?;
    let gateway = setup.start()?;
    let mut caller = Caller::new(gateway.base(), "work", TOKEN)?;
    caller.send("POST", &with_progress("stall"))?;
    caller.wire().head()?;
    let chunk = String::from_utf8(caller.wire().chunk()?.context("an event")?)?;
    ensure!(chunk.contains("transfer to [UNINSPECTED]"), "{chunk}");
    no_half(&chunk)
}

/// A stdio server of a few lines, which cuts values like `streaming`.
const SCRIPT: &str = r#"
const cut = JSON.parse(process.argv[2]);
const say = (m) => process.stdout.write(JSON.stringify({ jsonrpc: '2.0', ...m }) + '\n');
const info = { protocolVersion: '2025-06-18', capabilities: { tools: {} }, serverInfo: { name: 's', version: '1' } };
const tools = [{ name: 'progress', inputSchema: { type: 'object' } }];
require('readline').createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method, params } = JSON.parse(line);
  if (method === 'initialize') return say({ id, result: info });
  if (method === 'tools/list') return say({ id, result: { tools } });
  if (method !== 'tools/call') return id === undefined || say({ id, result: {} });
  const progressToken = params._meta?.progressToken;
  cut.flat().forEach((message, progress) => say({ method: 'notifications/progress', params: { progressToken, progress, message } }));
  say({ id, result: { content: [{ type: 'text', text: 'done' }] } });
});
"#;

#[test]
fn the_typescript_sdk_sees_no_half_of_a_value_over_http_and_stdio() -> Result<()> {
    let upstream = Upstream::start(streaming)?;
    let folder = tempfile::tempdir()?;
    let script = folder.path().join("server.cjs");
    fs::write(&script, SCRIPT)?;
    let command =
        [peers::node()?.display().to_string(), script.display().to_string(), json!(CUT).to_string()];
    let stdio = format!("  lines:\n    command: {}\n    region: de\n", json!(command));
    let setup = Setup::with_token(&format!("{}{stdio}", upstream.server("work")), ALLOW_ALL_MASKED)?;
    let gateway = setup.start()?;
    for server in ["work", "lines"] {
        let step = json!({ "do": "tools/call", "name": "progress", "arguments": {}, "progress": true });
        let seen = json!(run(&gateway, server, Sdk::TsV2, &[step])?);
        let said = seen[0]["result"]["progress"].as_array().map_or(0, Vec::len);
        ensure!(said >= 12, "{server}: every message arrives: {seen}");
        no_half(&seen.to_string())?;
    }
    Ok(())
}

/// Code of one's own, as it might lie in a repository.
const CODE: &str = include_str!("../../crates/masking/tests/data/fingerprint/own-1.txt");

#[test]
fn rules_and_fingerprints_of_ones_own_hold_in_front_of_a_real_server() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let root = folder.path().canonicalize()?;
    let (served, own) = (root.join("served"), root.join("own"));
    fs::create_dir_all(&served)?;
    fs::create_dir_all(&own)?;
    fs::write(own.join("billing.rs"), CODE)?;
    let snippet: String = CODE.lines().skip(10).take(40).collect::<Vec<_>>().join("\n");
    fs::write(served.join("paste.txt"), format!("as I wrote:\n\n{snippet}\n"))?;
    fs::write(served.join("ticket.txt"), "Kunde KD-10000008 called about order KD-x and is waiting.\n")?;
    fs::write(root.join("key"), "a key of the tests, long enough to be one")?;
    let (file, key) = (root.join("billing.fp"), root.join("key"));
    let made = Command::new(binary()?)
        .arg("fingerprint")
        .arg(&own)
        .arg("-o")
        .arg(&file)
        .arg("--key")
        .arg(&key)
        .output()?;
    ensure!(made.status.success(), "{made:?}");
    let command =
        node("@modelcontextprotocol/server-filesystem/dist/index.js", &[&served.display().to_string()])?;
    let configuration = format!(
        "  files:\n    command: {}\n    inherit: [PATH, HOME]\n    region: de\nmasking:\n  rules:\n    - {{ name: customer-number, \
         pattern: '\\bKD-[0-9]{{8}}\\b', context: [kunde] }}\n  fingerprints:\n    - {{ name: billing, file: {}, key: \"file:{}\" }}\n",
        json!(command),
        file.display(),
        key.display()
    );
    let setup = Setup::with_token(&configuration, ALLOW_ALL_MASKED)?;
    let gateway = setup.start()?;
    let at = |name: &str| json!({"path": served.join(name).display().to_string()});
    let steps = [call("read_text_file", &at("ticket.txt")), call("read_text_file", &at("paste.txt"))];
    let seen = run(&gateway, "files", Sdk::TsV2, &steps)?;
    let (ticket, paste) = (seen[0].to_string(), seen[1].to_string());
    ensure!(ticket.contains("[CUSTOMER_NUMBER]") && ticket.contains("KD-x"), "{ticket}");
    ensure!(!ticket.contains("KD-10000008"), "{ticket}");
    ensure!(paste.contains("[PROPRIETARY]") && !paste.contains("fingerprint:"), "{paste}");
    let longest = snippet.lines().max_by_key(|l| l.len()).unwrap_or_default().trim();
    ensure!(!paste.contains(&json!(longest).to_string().trim_matches('"').to_owned()), "{paste}");
    // Those who may read the log learn which set it was.
    let records = records::read(&setup.data())?;
    let places: Vec<String> =
        records.iter().filter_map(|r| Some(r.disclosed.get("masking_places")?.to_string())).collect();
    let all = format!("{:?}", records.iter().map(|r| &r.disclosed).collect::<Vec<_>>());
    ensure!(all.contains("fingerprint:billing"), "{places:?}");
    ensure!(all.contains("customer-number") || all.contains("customer_number"), "{all}");
    Ok(())
}

/// A tool whose members have names that say nothing; their descriptions do.
fn described(seen: &Seen) -> Reply {
    let text = |description: &str| json!({"type": "string", "description": description});
    let row = json!({"f1": "Quill Zabriskie", "f2": "1980-02-03", "f3": "blue"});
    match seen.method().as_str() {
        "tools/list" => seen.result(json!({"tools": [{"name": "row", "inputSchema": {"type": "object"}, "outputSchema": {
            "type": "object", "properties": {
                "f1": text("The customer's full name"), "f2": text("Date of birth of the customer"), "f3": text("Colour of the item"),
            }}}]})),
        "tools/call" => {
            seen.result(json!({"content": [{"type": "text", "text": row.to_string()}], "structuredContent": row}))
        }
        _ => upstream::echo(seen),
    }
}

#[test]
fn descriptions_of_the_output_schema_count_for_real_clients() -> Result<()> {
    let upstream = Upstream::start(described)?;
    let setup = Setup::with_token(&upstream.server("rows"), ALLOW_ALL_MASKED)?;
    let gateway = setup.start()?;
    for sdk in [Sdk::TsV2, Sdk::Py2] {
        let steps = [json!({"do": "tools/list"}), call("row", &json!({}))];
        let seen = json!(run(&gateway, "rows", sdk, &steps)?).to_string();
        ensure!(!seen.contains("Zabriskie") && !seen.contains("1980-02-03"), "{sdk:?}: {seen}");
        ensure!(seen.contains("blue"), "{sdk:?}: {seen}");
    }
    Ok(())
}
