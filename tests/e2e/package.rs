//! `carnet evidence export` of a log that a gateway is writing, and what `carnet-verify` says of the package: the recorded
//! calls are decided again, what is withheld is accounted for, and a changed byte is seen.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use carnet_tests::gateway::{Setup, TOKEN, binary};
use carnet_tests::records;
use carnet_tests::upstream::Upstream;
use carnet_tests::wire::Caller;
use serde_json::{Value, json};

/// Calls of `echo` are permitted by name, one kind of argument is forbidden, nothing is shown.
const POLICIES: &str = r#"
@id("everything") permit (principal, action, resource);
@id("nothing-unmasked") forbid (principal, action == Action::"reveal", resource);
@id("not-this-tool") forbid (principal, action == Action::"tools/call", resource) when { resource.name == "refused" };
"#;

fn export(setup: &Setup, file: &Path, more: &[&str]) -> Result<Output> {
    let mut command = Command::new(binary()?);
    command.args(["evidence", "export", "--data"]).arg(setup.data()).arg("-o").arg(file).args(more);
    Ok(command.output()?)
}

fn exported(setup: &Setup, file: &Path, more: &[&str]) -> Result<()> {
    let run = export(setup, file, more)?;
    ensure!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    Ok(())
}

/// The verifier's answer as JSON, and whether its status says the same.
fn verified(setup: &Setup, package: &Path) -> Result<Value> {
    let mut command = Command::new(records::verifier()?);
    command.arg(package).arg("--trust").arg(setup.data().join("log/vkey")).arg("--json");
    let run = command.output()?;
    let report: Value = serde_json::from_slice(&run.stdout).context("a report")?;
    ensure!(run.status.success() == (report["holds"] == true), "{}", run.status);
    Ok(report)
}

fn step<'a>(report: &'a Value, name: &str) -> &'a Value {
    let steps = report["steps"].as_array().map(Vec::as_slice).unwrap_or_default();
    steps.iter().find(|s| s["step"] == name).unwrap_or(&Value::Null)
}

/// Calls with values that are masked, one that is forbidden; then waits until the checkpoint covers them.
fn calls(setup: &Setup) -> Result<carnet_tests::gateway::Gateway> {
    let gateway = setup.start()?;
    let mut caller = Caller::new(gateway.base(), "light", TOKEN)?;
    for id in 0..12 {
        caller.call(
            id,
            "echo",
            &json!({"text": "write to ada@example.com, IBAN DE89 3704 0044 0532 0130 00"}),
        )?;
    }
    caller.call(12, "refused", &json!({"text": "no"}))?;
    let written = records::read(&setup.data())?.len() as u64;
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        let text = fs::read_to_string(setup.data().join("log/checkpoint")).unwrap_or_default();
        let size = text.lines().nth(1).and_then(|n| n.parse::<u64>().ok()).unwrap_or(0);
        if size >= written {
            return Ok(gateway);
        }
        ensure!(Instant::now() < until, "the checkpoint does not follow: {size} of {written}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_package_of_a_running_gateway_verifies_and_decides_again() -> Result<()> {
    let upstream = Upstream::echo()?;
    let setup = Setup::with_token(&upstream.server("light"), POLICIES)?;
    let _gateway = calls(&setup)?;
    let package = setup.path().join("all.carnet");
    exported(&setup, &package, &[])?;
    let report = verified(&setup, &package)?;
    ensure!(report["holds"] == true, "{report:#}");
    ensure!(step(&report, "policies")["counts"]["decided again"].as_u64() >= Some(13), "{report:#}");
    ensure!(step(&report, "masking")["counts"]["looked at"].as_u64() >= Some(12), "{report:#}");
    ensure!(!setup.path().join("all.carnet.parts").exists(), "the streams are removed");
    let bytes = fs::read(&package)?;
    ensure!(!bytes.windows(15).any(|w| w == b"ada@example.com"), "a value is in the package");
    // What is there is not written over; the same log and question give the same bytes unless it has grown.
    ensure!(!export(&setup, &package, &[])?.status.success(), "written over");

    let narrow = setup.path().join("narrow.carnet");
    exported(&setup, &narrow, &["--server", "other", "--without", "agent"])?;
    let report = verified(&setup, &narrow)?;
    ensure!(report["holds"] == true, "{report:#}");
    ensure!(step(&report, "disclosures")["counts"]["slots disclosed"] == 0, "{report:#}");
    ensure!(step(&report, "slots")["counts"]["withheld"].as_u64() >= Some(24), "{report:#}");

    let mut damaged = bytes;
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    let file = setup.path().join("damaged.carnet");
    fs::write(&file, damaged)?;
    ensure!(verified(&setup, &file)?["holds"] == false, "a changed byte");
    Ok(())
}

#[test]
fn an_encrypted_package_opens_for_its_recipient_alone() -> Result<()> {
    let upstream = Upstream::echo()?;
    let setup = Setup::with_token(&upstream.server("light"), POLICIES)?;
    let _gateway = calls(&setup)?;
    let package = setup.path().join("for-you.carnet.age");
    let recipient = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";
    exported(&setup, &package, &["--for", recipient])?;
    let bytes = fs::read(&package)?;
    ensure!(bytes.starts_with(b"age-encryption.org/v1\n"), "an age file");
    ensure!(!bytes.windows(14).any(|w| w == b"manifest.json\""), "clear text");
    let run = Command::new(records::verifier()?).arg(&package).output()?;
    ensure!(run.status.code() == Some(2), "{}", run.status);
    ensure!(String::from_utf8_lossy(&run.stderr).contains("decrypt it first"), "says what to do");
    ensure!(!export(&setup, &setup.path().join("x"), &["--for", "age1no"])?.status.success(), "no recipient");
    Ok(())
}
