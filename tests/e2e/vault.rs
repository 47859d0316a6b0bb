//! The round trip: a stand-in that a caller brings back is the value again for the server, and for nobody else.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use carnet_tests::driver::{Reach, Sdk, drive};
use carnet_tests::gateway::{Gateway, Setup, identity, token};
use carnet_tests::records::{self, Record};
use carnet_tests::upstream::{self, Reply, Seen, Upstream};
use carnet_tests::wire::Caller;
use serde_json::{Value, json};

use crate::servers::node;

const NAME: &str = "Greta Lindqvist";
const EMAIL: &str = "greta.lindqvist@example.org";

/// Nobody sees anything; what was given to a caller goes back where it came from.
const ROUND_TRIP: &str = r#"
@id("everything") permit (principal, action, resource);
@id("nothing-shown") forbid (principal, action == Action::"reveal", resource);
@id("own-only") forbid (principal, action == Action::"restore", resource)
unless { context.same_principal && context.same_purpose && context.same_server };
"#;

fn head(servers: &str, masking: &str) -> String {
    let callers = identity(&[("ada", "user", &["support"]), ("bob", "user", &["support"])]);
    format!("{callers}servers:\n{servers}masking: {masking}\n")
}

fn call(name: &str, arguments: &Value) -> Value {
    json!({ "do": "tools/call", "name": name, "arguments": arguments })
}

fn run(gateway: &Gateway, sdk: Sdk, who: &str, steps: &[Value]) -> Result<Vec<Value>> {
    let reach = Reach::Http(gateway.url("files"), Some(token(who)));
    drive(sdk, &[reach], steps)?.pop().context("one session")
}

/// The tokens of a class in a text.
fn tokens(text: &str, label: &str) -> Vec<String> {
    let begin = format!("[{label}:");
    let each = text
        .match_indices(&begin)
        .filter_map(|(at, _)| Some(text[at..][..=text[at..].find(']')?].to_owned()));
    each.collect()
}

/// Nothing of the log, of the vault's files and of what the gateway printed holds the value.
fn nowhere(setup: &Setup, printed: &str, value: &str) -> Result<Vec<Record>> {
    let records = records::read(&setup.data())?;
    for record in &records {
        let shown = format!("{:?} {:?}", record.disclosed, record.frame);
        ensure!(!shown.contains(value), "a record holds the value: {shown}");
    }
    for file in fs::read_dir(setup.data().join("vault"))? {
        let bytes = fs::read(file?.path())?;
        ensure!(
            !bytes.windows(value.len()).any(|w| w == value.as_bytes()),
            "the vault holds the value in clear"
        );
    }
    ensure!(!printed.contains(value), "the gateway printed the value");
    Ok(records)
}

#[test]
fn a_token_comes_back_as_its_value_for_its_owner_alone() -> Result<()> {
    let files = tempfile::tempdir()?;
    let folder = files.path().canonicalize()?;
    let at = |name: &str| folder.join(name).display().to_string();
    fs::write(at("customer.json"), json!({"customer": {"full_name": NAME, "email": EMAIL}}).to_string())?;
    let command =
        node("@modelcontextprotocol/server-filesystem/dist/index.js", &[&folder.display().to_string()])?;
    let servers =
        format!("  files:\n    command: {}\n    inherit: [PATH, HOME]\n    region: de\n", json!(command));
    let setup = Setup::new(&head(&servers, "{ default: vault }"), ROUND_TRIP)?;
    let mut gateway = setup.start()?;
    let read = call("read_text_file", &json!({"path": at("customer.json")}));
    let seen = json!(run(&gateway, Sdk::TsV2, "ada", &[read])?).to_string();
    ensure!(!seen.contains(NAME) && !seen.contains(EMAIL), "{seen}");
    let (email, name) = (tokens(&seen, "EMAIL"), tokens(&seen, "PERSON"));
    let (email, name) = (email.first().context("a token")?.clone(), name.first().context("a token")?.clone());
    ensure!(tokens(&seen, "EMAIL").iter().all(|t| *t == email), "text and structured content agree: {seen}");
    let mut printed = gateway.process.output();
    gateway.process.kill()?;

    let gateway = setup.start()?;
    let letter = format!("To {name} <{email}>, not [EMAIL:000000000000]");
    let steps = [
        call("write_file", &json!({"path": at("letter.txt"), "content": letter})),
        call("read_text_file", &json!({"path": at("letter.txt")})),
    ];
    let back = run(&gateway, Sdk::Py2, "ada", &steps)?;
    let written = fs::read_to_string(at("letter.txt"))?;
    assert_eq!(written, format!("To {NAME} <{EMAIL}>, not [EMAIL:000000000000]"));
    let text = json!(back).to_string();
    ensure!(!text.contains(NAME) && !text.contains(EMAIL) && text.contains(&letter), "{text}");

    let steps = [call("write_file", &json!({"path": at("stolen.txt"), "content": letter}))];
    let stolen = json!(run(&gateway, Sdk::Py2, "bob", &steps)?).to_string();
    ensure!(stolen.contains("stands for a value that may not be used here"), "{stolen}");
    ensure!(!Path::new(&at("stolen.txt")).exists(), "another principal's use of it reached the server");

    printed.push_str(&gateway.process.output());
    for value in [NAME, EMAIL] {
        nowhere(&setup, &printed, value)?;
    }
    let records = records::read(&setup.data())?;
    let restored: Vec<_> = records.iter().filter_map(|r| r.disclosed.get("x_restored")).collect();
    let place = "params.arguments.content";
    assert_eq!(restored, [&json!([{"at": place, "class": "person"}, {"at": place, "class": "email"}])]);
    let denied: Vec<_> = records.iter().filter(|r| r.text("error") == "restore-denied").collect();
    assert_eq!(denied.len(), 1);
    Ok(())
}

/// A tool with an `outputSchema` of numbers, and one that takes a number.
fn accounts(seen: &Seen) -> Reply {
    let number = json!({"type": "integer", "minimum": 10_000_000, "maximum": 2_147_483_647});
    let account = json!({"type": "object", "properties": {"us_ssn": number, "phone": {"type": "integer"}}, "required": ["us_ssn"]});
    match seen.method().as_str() {
        "tools/list" => seen.result(json!({"tools": [
            {"name": "find", "inputSchema": {"type": "object"}, "outputSchema": account},
            {"name": "use", "inputSchema": {"type": "object"}, "outputSchema": {"type": "object"}},
        ]})),
        "tools/call" if seen.tool() == "find" => {
            let found =
                json!({"us_ssn": 123_456_789, "phone": 49_301_234_567_u64, "card": "4111 1111 1111 1111"});
            seen.result(
                json!({"content": [{"type": "text", "text": found.to_string()}], "structuredContent": found}),
            )
        }
        "tools/call" => {
            let given = seen.json()["params"]["arguments"].clone();
            let content = json!([{"type": "text", "text": format!("done for {}", given["us_ssn"])}]);
            seen.result(json!({"content": content, "structuredContent": given}))
        }
        _ => upstream::echo(seen),
    }
}

#[test]
fn numbers_stay_numbers_and_come_back_as_the_value() -> Result<()> {
    let upstream = Upstream::start(accounts)?;
    let setup = Setup::new(&head(&upstream.server("files"), "{ default: format-preserving }"), ROUND_TRIP)?;
    let gateway = setup.start()?;
    let ada_token = token("ada");
    let mut ada = Caller::new(gateway.base(), "files", &ada_token)?;
    ada.post(&json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}).to_string())?;
    let found = ada.call(2, "find", &json!({}))?.json()["result"].clone();
    let masked = &found["structuredContent"];
    let (ssn, phone) =
        (masked["us_ssn"].as_u64().context("a number")?, masked["phone"].as_u64().context("a number")?);
    ensure!(ssn != 123_456_789 && phone != 49_301_234_567, "{found}");
    let text: Value = serde_json::from_str(found["content"][0]["text"].as_str().context("a text")?)?;
    assert_eq!(&text, masked, "the copy in text agrees");
    let card = masked["card"].as_str().context("a card")?;
    ensure!(card.len() == 19 && card.starts_with('4') && card != "4111 1111 1111 1111", "{card}");

    let arguments = json!({"us_ssn": ssn, "nested": json!({"phone": phone}).to_string(), "card": card, "note": format!("pay with {card}.")});
    let used = ada.call(3, "use", &arguments)?.json()["result"].clone();
    let got =
        upstream.seen().iter().rfind(|s| s.tool() == "use").context("a call")?.json()["params"]["arguments"]
            .clone();
    let real = "4111 1111 1111 1111";
    let expected = json!({"us_ssn": 123_456_789, "nested": "{\"phone\":49301234567}", "card": real, "note": format!("pay with {real}.")});
    assert_eq!(got, expected);
    assert_eq!(used["structuredContent"], arguments, "what comes back is masked to the same");
    assert_eq!(used["content"][0]["text"], format!("done for {ssn}"));

    // To anybody else they are only numbers.
    let bob_token = token("bob");
    let mut bob = Caller::new(gateway.base(), "files", &bob_token)?;
    bob.call(1, "use", &json!({"us_ssn": ssn}))?;
    let got =
        upstream.seen().iter().rfind(|s| s.tool() == "use").context("a call")?.json()["params"]["arguments"]
            .clone();
    ensure!(got["us_ssn"] != 123_456_789, "{got}");
    nowhere(&setup, &gateway.process.output(), "123456789")?;
    nowhere(&setup, &gateway.process.output(), real)?;
    Ok(())
}
