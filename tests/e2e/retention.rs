//! Retention end to end: the beginning of the log goes by itself, what remains verifies, what was exported before does too,
//! and a legal hold stops it.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use carnet_tests::gateway::{ALLOW_ALL_MASKED, Gateway, Setup, TOKEN, binary};
use carnet_tests::records;
use carnet_tests::upstream::Upstream;
use carnet_tests::wire::Caller;
use serde_json::json;

const EVIDENCE: &str = "evidence:\n  segment: 64KiB\n  backup_horizon: 1h\n  retention: { keep: 1s }\nlimits: { session_idle: 1s }\n";

fn carnet(setup: &Setup, words: &[&str]) -> Result<Output> {
    let mut command = Command::new(binary()?);
    command.current_dir(setup.path()).args(words).arg("--config").arg(setup.config());
    Ok(command.output()?)
}

fn calls(gateway: &Gateway, n: u64) -> Result<()> {
    let mut caller = Caller::new(gateway.base(), "light", TOKEN)?;
    let text = "a line that is long enough to fill a segment. ".repeat(40);
    for id in 0..n {
        caller.call(id, "echo", &json!({"text": text}))?;
    }
    Ok(())
}

/// Waits until the published tree covers every record that is there now.
fn published(setup: &Setup) -> Result<()> {
    let reader = carnet_store::Reader::new(std::sync::Arc::new(carnet_store::RealDisk::new(setup.data())));
    let written = reader.read(0, &mut |_| Ok(true))?;
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        let text = fs::read_to_string(setup.data().join("log/checkpoint")).unwrap_or_default();
        let size = text.lines().nth(1).and_then(|n| n.parse::<u64>().ok()).unwrap_or(0);
        if size >= written {
            return Ok(());
        }
        ensure!(Instant::now() < until, "the checkpoint does not follow: {size} of {written}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Asks until the log was cut, and again until nothing more is to go.
fn pruned(setup: &Setup) -> Result<u64> {
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        let run = carnet(setup, &["evidence", "prune"])?;
        let said = String::from_utf8_lossy(&run.stdout).into_owned();
        ensure!(run.status.success(), "{said}{}", String::from_utf8_lossy(&run.stderr));
        if let Some((_, rest)) = said.split_once("begins at record ") {
            return Ok(rest.split(' ').next().unwrap_or_default().parse()?);
        }
        ensure!(Instant::now() < until, "nothing is pruned: {said}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn export(setup: &Setup, name: &str) -> Result<std::path::PathBuf> {
    let run = carnet(setup, &["evidence", "export", "-o", name])?;
    ensure!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    Ok(setup.path().join(name))
}

fn holds(setup: &Setup, what: &Path, more: &[&str]) -> Result<String> {
    let mut command = Command::new(records::verifier()?);
    command.arg(what).arg("--trust").arg(setup.data().join("log/vkey")).args(more);
    let run = command.output()?;
    let said = String::from_utf8_lossy(&run.stdout).into_owned();
    ensure!(run.status.success(), "{said}{}", String::from_utf8_lossy(&run.stderr));
    Ok(said)
}

#[test]
fn the_beginning_of_the_log_goes_and_proofs_stay() -> Result<()> {
    let upstream = Upstream::echo()?;
    let setup = Setup::with_token(&upstream.server("light"), ALLOW_ALL_MASKED)?;
    let config = fs::read_to_string(setup.config())?;
    fs::write(setup.config(), format!("{config}{EVIDENCE}"))?;
    let mut gateway = setup.start()?;
    calls(&gateway, 60)?;
    published(&setup)?;
    let before = export(&setup, "before.carnet")?;
    let checkpoint = setup.path().join("checkpoint.before");
    fs::copy(setup.data().join("log/checkpoint"), &checkpoint)?;

    // A hold stops it.
    let hold = carnet(&setup, &["hold", "set", "--reason", "litigation"])?;
    ensure!(hold.status.success(), "{}", String::from_utf8_lossy(&hold.stderr));
    std::thread::sleep(Duration::from_millis(1500));
    calls(&gateway, 60)?;
    let run = carnet(&setup, &["evidence", "prune"])?;
    ensure!(!String::from_utf8_lossy(&run.stdout).contains("begins at"), "{run:?}");
    let said = String::from_utf8_lossy(&hold.stdout).into_owned();
    let id = said.split(|c: char| !c.is_ascii_digit()).find(|n| !n.is_empty()).unwrap_or_default().to_owned();
    let release = carnet(&setup, &["hold", "release", &id, "--reason", "settled"])?;
    ensure!(release.status.success(), "{said}{}", String::from_utf8_lossy(&release.stderr));

    let to = pruned(&setup)?;
    ensure!(to > 20, "{to}");
    let first = fs::read_dir(setup.data().join("log/segments"))?.flatten().map(|e| e.file_name()).min();
    ensure!(first.is_some_and(|name| name.to_string_lossy().starts_with(&format!("{to:020}"))), "segments");
    calls(&gateway, 5)?;
    published(&setup)?;
    let kept = ["--last-checkpoint", checkpoint.to_str().unwrap_or_default()];
    let said = holds(&setup, &setup.data(), &kept)?;
    ensure!(said.contains(&format!("{to} leaves pruned")), "{said}");
    // What was exported before verifies, what is exported now begins where the log does.
    holds(&setup, &before, &[])?;
    let after = export(&setup, "after.carnet")?;
    let said = holds(&setup, &after, &[])?;
    ensure!(said.contains(&format!("{to} leaves before")), "{said}");

    // A restart goes on from there, also when it has to look at everything.
    gateway.process.kill()?;
    drop(gateway);
    fs::remove_dir_all(setup.data().join("index"))?;
    let _ = fs::remove_file(setup.data().join("log/state"));
    let gateway = setup.start()?;
    calls(&gateway, 5)?;
    drop(gateway);
    holds(&setup, &setup.data(), &kept).map(drop)
}
