//! Replay: a session as it ran with the verifier's word on top, what other policies would have decided, and the recorded answers
//! given to a real client, over stdio and HTTP, while the server is gone.

use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use carnet_tests::client::RmcpClient;
use carnet_tests::gateway::{ALLOW_ALL_MASKED, Setup, TOKEN, binary};
use carnet_tests::process::Process;
use carnet_tests::upstream::{Upstream, echo};
use carnet_tests::wire::Caller;
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_secs(60);

/// A session with two calls, with gateway and server gone.
fn recorded() -> Result<(Setup, String)> {
    let upstream = Upstream::start(|seen| match seen.tool().as_str() {
        "look" => seen.text("bob@example.com and eve@example.com"),
        _ => echo(seen),
    })?;
    let setup = Setup::with_token(&upstream.server("crm"), ALLOW_ALL_MASKED)?;
    let mut gateway = setup.start()?;
    let mut caller = Caller::new(gateway.base(), "crm", TOKEN)?;
    caller.initialize()?;
    caller.call(1, "look", &json!({"text": "first, ada@example.com"}))?;
    caller.call(2, "delete", &json!({"text": "second"}))?;
    gateway.process.terminate(LIMIT)?;
    drop((gateway, upstream));
    let (_, list, _) = carnet(&setup, &["sessions", "list", "--json"])?;
    let list: Value = serde_json::from_str(&list).with_context(|| list.clone())?;
    // Who opens a session has it beside the calls, where the server gives none.
    let sessions = list.as_array().cloned().unwrap_or_default();
    let id = sessions.iter().max_by_key(|s| s["calls"].as_u64()).and_then(|s| s["session"].as_str());
    Ok((setup, id.with_context(|| list.to_string())?.to_owned()))
}

fn command(setup: &Setup, arguments: &[&str]) -> Result<Command> {
    let mut command = Command::new(binary()?);
    command.current_dir(setup.path()).args(arguments);
    Ok(command)
}

/// Whether it ended well, and what it said on both outputs.
fn carnet(setup: &Setup, arguments: &[&str]) -> Result<(bool, String, String)> {
    let run = command(setup, arguments)?.output()?;
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    Ok((run.status.success(), text(&run.stdout), text(&run.stderr)))
}

#[test]
fn a_session_is_shown_with_the_verifiers_word_on_top() -> Result<()> {
    let (setup, id) = recorded()?;
    let (ok, said, error) = carnet(&setup, &["sessions", "replay", &id])?;
    ensure!(ok && said.starts_with("VERIFIED: "), "{said}{error}");
    ensure!(said.contains("tools/call look: PERMIT") && said.contains("[EMAIL]"), "{said}");
    ensure!(!said.contains("ada@example.com"));
    // One byte of the log: it still shows what it can, and says on top what that is worth.
    let segment = fs::read_dir(setup.data().join("log/segments"))?.next().context("a segment")??.path();
    let mut bytes = fs::read(&segment)?;
    let at = bytes.windows(12).position(|w| w == b"session.open").context("a leaf")?;
    bytes[at] = b'S';
    fs::write(&segment, bytes)?;
    let (ok, said, error) = carnet(&setup, &["sessions", "replay", &id])?;
    ensure!(!ok && !said.starts_with("VERIFIED"), "{said}{error}");
    Ok(())
}

#[test]
fn other_policies_would_have_decided_otherwise() -> Result<()> {
    let (setup, id) = recorded()?;
    let stricter = format!(
        "{ALLOW_ALL_MASKED}\n@id(\"no-deleting\") forbid (principal, action == Action::\"tools/call\", resource) when {{ resource.name == \"delete\" }};\n"
    );
    let folder = setup.path().join("stricter");
    fs::create_dir(&folder)?;
    fs::write(folder.join("all.cedar"), stricter)?;
    let folder = folder.display().to_string();
    for arguments in [vec![id.as_str()], vec![], vec!["--from", "2020-01-01"]] {
        let arguments =
            [&["sessions", "replay", "--json", "--policy", &folder], arguments.as_slice()].concat();
        let (ok, said, error) = carnet(&setup, &arguments)?;
        let lines: Vec<Value> = said.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
        ensure!(ok && lines.len() == 1, "{arguments:?}: {said}{error}");
        let line = &lines[0];
        ensure!(
            line["tool"] == "delete" && line["was"] == "permit" && line["would_be"] == "deny",
            "{line:#}"
        );
        ensure!(line["would_be_by"] == json!(["no-deleting"]) && line["certain"] == true, "{line:#}");
    }
    // Nothing of a time before the log.
    let (ok, said, _) =
        carnet(&setup, &["sessions", "replay", "--json", "--policy", &folder, "--to", "2020-01-01"])?;
    ensure!(ok && said.is_empty(), "{said}");
    // The policies of then decide as then.
    let (ok, said, error) = carnet(&setup, &["sessions", "replay", &id, "--policy", "policies.cedar"])?;
    ensure!(ok && said.contains(" 0 otherwise") && said.starts_with("VERIFIED"), "{said}{error}");
    Ok(())
}

#[test]
fn other_policies_would_have_shown_and_hidden_otherwise() -> Result<()> {
    let (setup, id) = recorded()?;
    let folder = setup.path().join("other");
    fs::create_dir(&folder)?;
    let replay = |policies: &str, more: &[&str]| -> Result<(Vec<Value>, String)> {
        fs::write(folder.join("all.cedar"), policies)?;
        let folder = folder.display().to_string();
        let arguments = [&["sessions", "replay", "--json", "--policy", &folder], more].concat();
        let (ok, said, error) = carnet(&setup, &arguments)?;
        ensure!(ok, "{said}{error}");
        Ok((said.lines().map(serde_json::from_str).collect::<Result<_, _>>()?, error))
    };
    // Everything is shown: the address in the call, and in the answer that repeats it.
    let everything = r#"@id("everything") permit (principal, action, resource);"#;
    for more in [&[id.as_str()][..], &[], &["--from", "2020-01-01"]] {
        let (lines, summary) = replay(everything, more)?;
        ensure!(lines.len() == 2, "{more:?}: {lines:#?}");
        for line in &lines {
            let change = &line["masking"][0];
            ensure!(change["class"] == "email" && change["count"].as_u64() > Some(0), "{line:#}");
            ensure!(change["was"] == "redact" && change["would_be"] == "shown", "{line:#}");
            ensure!(change["would_be_by"] == json!(["everything"]) && line["certain"] == true, "{line:#}");
        }
        ensure!(lines[1]["answers"] == lines[0]["record"], "{lines:#?}");
        ensure!(summary.contains("email: 3 values that were hidden would be shown"), "{summary}");
    }
    // Hidden in another way; kept back; and as then.
    let masked = format!(
        "{ALLOW_ALL_MASKED}\n@id(\"stars\") @transform(\"drop\") permit (principal, action == Action::\"mask\", resource);\n"
    );
    let (lines, _) = replay(&masked, &[&id])?;
    ensure!(lines.len() == 2 && lines[0]["masking"][0]["would_be"] == "drop", "{lines:#?}");
    let blocked = format!(
        "{ALLOW_ALL_MASKED}\n@id(\"no-mail\") @verdict(\"block\") forbid (principal, action == Action::\"reveal\", resource == DataClass::\"email\");\n"
    );
    let (lines, _) = replay(&blocked, &[&id])?;
    ensure!(lines.len() == 2 && lines[0]["kept_back"] == "block", "{lines:#?}");
    ensure!(lines[0]["kept_back_by"] == json!(["no-mail", "nothing-unmasked"]), "{lines:#?}");
    let (lines, summary) = replay(ALLOW_ALL_MASKED, &[])?;
    ensure!(lines.is_empty() && summary.contains("2 messages with personal data"), "{lines:#?} {summary}");
    // What is denied is not masked: it is said once.
    let denied = format!(
        "{ALLOW_ALL_MASKED}\n@id(\"none\") forbid (principal, action == Action::\"tools/call\", resource);\n"
    );
    let (lines, _) = replay(&denied, &[&id])?;
    ensure!(lines.len() == 2 && lines.iter().all(|l| l["would_be"] == "deny"), "{lines:#?}");
    Ok(())
}

#[test]
fn recorded_answers_are_served_to_a_client() -> Result<()> {
    let (setup, id) = recorded()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let answers = |client: RmcpClient| async move {
        let first = client.call("look", json!({"text": "first, ada@example.com"})).await?;
        ensure!(first.to_string().contains("[EMAIL]"), "{first}");
        ensure!(
            client.call("delete", json!({"text": "something else"})).await?.to_string().contains("second")
        );
        ensure!(client.call("unheard", json!({})).await.is_err(), "not in the recording");
        client.close().await
    };
    let stdio = command(&setup, &["sessions", "replay", &id, "--as-server"])?;
    runtime
        .block_on(async { answers(RmcpClient::stdio(stdio.into()).await?).await })
        .context("over stdio")?;
    let http = command(&setup, &["sessions", "replay", &id, "--as-server", "--listen", "127.0.0.1:0"])?;
    let process = Process::start(http, "replay: listening on ")?;
    let url = process.ready.trim().to_owned();
    runtime.block_on(async { answers(RmcpClient::http(&url, None).await?).await }).context("over HTTP")?;
    Ok(())
}
