//! Who may do what, asked of the running gateway and compared with `matrix.txt`: persona × method × tool. The policies are
//! those of `examples/policies`. `UPDATE_MATRIX=1` writes the file anew; a change in it is a change of who may do what.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};
use carnet_tests::gateway::{Setup, identity, token};
use carnet_tests::records;
use carnet_tests::upstream::{Reply, Seen, Upstream, echo};
use carnet_tests::wire::Caller;
use serde_json::{Value, json};

type Persona = (&'static str, &'static str, &'static [&'static str]);

const PERSONAS: &[Persona] = &[
    ("analyst", "user", &["analysts"]),
    ("developer", "user", &["developers"]),
    ("stranger", "user", &[]),
    ("automation", "workload", &["automation"]),
    ("both", "user", &["analysts", "developers"]),
];

const SERVERS: &[&str] = &["crm", "files"];

const TOOLS: &[&str] =
    &["search_customers", "get_customer", "update_customer", "export_customers", "read_file"];

/// Every method that a client sends, with its least parameters.
fn methods() -> Vec<(&'static str, Value)> {
    vec![
        (
            "initialize",
            json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "m", "version": "1"}}),
        ),
        ("server/discover", json!({})),
        ("ping", json!({})),
        ("tools/list", json!({})),
        ("resources/list", json!({})),
        ("resources/templates/list", json!({})),
        ("resources/read", json!({"uri": "file:///a"})),
        ("resources/subscribe", json!({"uri": "file:///a"})),
        ("prompts/list", json!({})),
        ("prompts/get", json!({"name": "p"})),
        (
            "completion/complete",
            json!({"ref": {"type": "ref/prompt", "name": "p"}, "argument": {"name": "a", "value": "b"}}),
        ),
        ("logging/setLevel", json!({"level": "info"})),
        ("tasks/get", json!({"taskId": "1"})),
        ("invented/method", json!({})),
    ]
}

/// Tools of both servers, and rows with values of the classes that policies speak of.
fn upstream(seen: &Seen) -> Reply {
    match seen.method().as_str() {
        "tools/list" => {
            let tools: Vec<_> =
                TOOLS.iter().map(|name| json!({"name": name, "inputSchema": {"type": "object"}})).collect();
            seen.result(json!({ "tools": tools }))
        }
        "tools/call" => seen.text("ada.lovelace@example.com DE89 3704 0044 0532 0130 00"),
        _ => echo(seen),
    }
}

struct Asker {
    caller: Caller,
    id: u64,
}

impl Asker {
    fn ask(&mut self, method: &str, params: &Value) -> Result<Value> {
        self.id += 1;
        let body = json!({"jsonrpc": "2.0", "id": self.id, "method": method, "params": params});
        let reply = self.caller.post(&body.to_string())?;
        ensure!(reply.status == 200, "{method}: {reply:?}");
        Ok(reply.json())
    }

    /// `yes`, or `no` and the policies.
    fn verdict(&mut self, method: &str, params: &Value) -> Result<String> {
        let reply = self.ask(method, params)?;
        let said = reply["error"]["message"].as_str().or(reply["result"]["content"][0]["text"].as_str());
        Ok(match said.and_then(|said| said.strip_prefix("Denied by Carnet: ")) {
            None => {
                let text = said.unwrap_or_default();
                let shown: Vec<_> =
                    [("email", "ada.lovelace@example.com"), ("iban", "DE89 3704 0044 0532 0130 00")]
                        .into_iter()
                        .filter(|(_, value)| text.contains(value))
                        .map(|(class, _)| class)
                        .collect();
                let shows = method == "tools/call" && !shown.is_empty();
                if shows { format!("yes, shows {}", shown.join(" ")) } else { "yes".to_owned() }
            }
            Some(why) => format!("no: {}", why.split('.').next().unwrap_or_default()),
        })
    }
}

#[test]
fn the_authorisation_matrix_is_the_committed_one() -> Result<()> {
    let upstream = Upstream::start(upstream)?;
    let servers: String = SERVERS.iter().map(|name| upstream.server(name)).collect();
    let policies = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/policies");
    let mut text = String::new();
    for file in ["10-basics.cedar", "20-crm.cedar", "30-data.cedar"] {
        text.push_str(&fs::read_to_string(policies.join(file))?);
    }
    let setup = Setup::new(&format!("{}servers:\n{servers}", identity(PERSONAS)), &text)?;
    let mut gateway = setup.start()?;
    let mut table = String::new();
    for (name, kind, groups) in PERSONAS {
        for server in SERVERS {
            writeln!(table, "\n{name} ({kind}; {}) at {server}", groups.join(", "))?;
            let mut asker = Asker { caller: Caller::new(gateway.base(), server, &token(name))?, id: 0 };
            for (method, params) in methods() {
                writeln!(table, "  {method:<26} {}", asker.verdict(method, &params)?)?;
            }
            let list = asker.ask("tools/list", &json!({}))?;
            let listed: Vec<_> = list["result"]["tools"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|t| t["name"].as_str())
                .collect();
            for tool in TOOLS {
                let verdict = asker.verdict("tools/call", &json!({"name": tool, "arguments": {}}))?;
                let listed = listed.contains(tool);
                // Listed is what some context permits: a denial by purpose or argument takes nothing out of the list.
                ensure!(
                    listed || !verdict.starts_with("yes"),
                    "{name} is not shown {tool} at {server}: {verdict}"
                );
                writeln!(table, "  tools/call {tool:<16} {verdict}{}", if listed { ", listed" } else { "" })?;
            }
        }
    }
    ensure!(gateway.process.terminate(Duration::from_secs(30))?.success());
    records::verify(&setup.data())?;
    let table = format!("Who may do what with examples/policies, as the running gateway answers.\n{table}");
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("e2e/matrix.txt");
    if std::env::var_os("UPDATE_MATRIX").is_some() {
        fs::write(&committed, &table)?;
    }
    let expected = fs::read_to_string(&committed).unwrap_or_default();
    let different: Vec<_> =
        table.lines().zip(expected.lines().chain(std::iter::repeat(""))).filter(|(a, b)| a != b).collect();
    ensure!(table == expected, "the matrix has changed (UPDATE_MATRIX=1 takes it over): {different:#?}");
    Ok(())
}
