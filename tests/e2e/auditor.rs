//! An auditor at work, as docs/auditors.md says: one package of a gateway with a call that was approved, a person who was erased,
//! data that crossed a border and a witness; and with it nothing but the verifier, a trust file of their own and the checkpoint
//! that they kept, in a folder with nothing else in it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use carnet_tests::gateway::{Gateway, Setup, binary, identity, token};
use carnet_tests::records;
use carnet_tests::upstream::Upstream;
use carnet_tests::wire::Caller;
use serde_json::{Value, json};

use crate::approvals::{LIMIT, PEOPLE, POLICY, QUICK, approve, legacy};
use crate::witness::{Witness, begun, until};

fn carnet(setup: &Setup, who: &str, words: &[&str]) -> Result<String> {
    let mut command = Command::new(binary()?);
    command.current_dir(setup.path()).args(words).env("CARNET_TOKEN", token(who)).stdin(Stdio::null());
    let run = command.output()?;
    let said = String::from_utf8([run.stdout, run.stderr].concat())?;
    ensure!(run.status.success(), "{words:?}: {said}");
    Ok(said)
}

/// Calls of every kind that an auditor asks about.
fn happen(setup: &Setup, gateway: &Gateway) -> Result<()> {
    let mut caller = Caller::new(gateway.base(), "up", &token("ada"))?;
    for customer in ["7", "8"] {
        let arguments = json!({"customer_id": customer, "text": "write to ada@example.com"});
        ensure!(caller.call(1, "echo", &arguments)?.status == 200);
    }
    let mut abroad = Caller::new(gateway.base(), "abroad", &token("ada"))?;
    ensure!(abroad.call(2, "echo", &json!({"text": "write to eve@example.com"}))?.status == 200);
    thread::scope(|scope| -> Result<()> {
        let held = scope.spawn(|| legacy(&mut caller, 3, &json!({"to": "a partner"}), Some("p")));
        approve(setup, "bob")?;
        let reply = held.join().ok().context("the held call")??;
        ensure!(reply.body.contains("a partner"), "{}", reply.body);
        Ok(())
    })?;
    let said = carnet(setup, "bob", &["subject", "erase", "customer=7"])?;
    let id = said.split_whitespace().find(|w| w.bytes().all(|b| b.is_ascii_digit())).context("a number")?;
    carnet(setup, "cleo", &["subject", "erase", "--confirm", id])?;
    Ok(())
}

/// What the verifier says in the auditor's folder, without an environment, and with which status it ends.
fn audited(folder: &Path, words: &[&str]) -> Result<(Option<i32>, Value)> {
    let mut command = Command::new(records::verifier()?.canonicalize()?);
    let run = command.env_clear().current_dir(folder).args(words).arg("--json").output()?;
    let said = serde_json::from_slice(&run.stdout)
        .with_context(|| String::from_utf8_lossy(&run.stderr).into_owned())?;
    Ok((run.status.code(), said))
}

fn count(said: &Value, step: &str, what: &str) -> u64 {
    let steps = said["steps"].as_array().cloned().unwrap_or_default();
    let step = steps.into_iter().find(|s| s["step"] == step).unwrap_or_default();
    step["counts"][what].as_u64().unwrap_or(0)
}

#[test]
fn an_auditor_needs_the_package_the_program_and_what_they_kept() -> Result<()> {
    let upstream = Upstream::echo()?;
    let people = "    subjects:\n      - { at: $.arguments.customer_id, kind: customer }\n";
    let other = upstream.server("abroad").replace("region: de", "region: us");
    let head = format!("{}servers:\n{}{people}{other}{QUICK}", identity(PEOPLE), upstream.server("up"));
    let setup = Setup::new(&head, POLICY)?;
    let log = begun(&setup)?;
    let witness = Witness::new(&setup, "w1");
    let (_running, base) = witness.start("127.0.0.1:0")?;
    let policy = |address: &str| -> Result<String> {
        Ok(format!("log {log}\nwitness w1 {}{address}\ngroup one 1 w1\nquorum one\n", witness.vkey()?))
    };
    fs::write(setup.path().join("witnesses"), policy(&format!(" {base}"))?)?;
    let more = "evidence: { witness: { policy: ./witnesses, every: 200ms } }\n";
    fs::write(setup.config(), fs::read_to_string(setup.config())? + more)?;
    let gateway = setup.start()?;
    until(&setup, &gateway, "quorum")?;

    // What the auditor has: a checkpoint of an earlier visit, and a trust file that they wrote.
    let folder = tempfile::tempdir()?;
    fs::copy(setup.data().join("log/checkpoint"), folder.path().join("kept"))?;
    fs::write(folder.path().join("trust"), policy("")?)?;
    happen(&setup, &gateway)?;
    let disk = std::sync::Arc::new(carnet_store::RealDisk::new(setup.data()));
    let before = carnet_store::Reader::new(disk).read(0, &mut |_| Ok(true))?;
    let until = Instant::now() + LIMIT;
    loop {
        let _ = fs::remove_file(setup.path().join("p.carnet"));
        carnet(&setup, "cleo", &["evidence", "export", "--exports", "all", "-o", "p.carnet"])?;
        fs::copy(setup.path().join("p.carnet"), folder.path().join("p.carnet"))?;
        let (_, said) = audited(folder.path(), &["p.carnet", "--trust", "trust"])?;
        if count(&said, "witnesses", "leaves under a quorum") >= before {
            break;
        }
        ensure!(Instant::now() < until, "no witness covers what happened: {said:#}");
        thread::sleep(Duration::from_millis(100));
    }

    let words = ["p.carnet", "--trust", "trust", "--last-checkpoint", "kept"];
    let (status, said) = audited(folder.path(), &words)?;
    ensure!(status == Some(0) && said["holds"] == true, "{said:#}");
    for (step, what, least) in [
        ("approvals", "requests", 1),
        ("approvals", "votes", 1),
        ("approvals", "used", 1),
        ("slots", "erased", 2),
        ("policies", "decided again", 3),
        ("frames", "frames", 4),
        ("reports", "computed again", 30),
        ("witnesses", "leaves under a quorum", before),
    ] {
        ensure!(count(&said, step, what) >= least, "{step}: {what} is not {least}: {said:#}");
    }
    // Only what the auditor did not bring is skipped.
    let steps = said["steps"].as_array().context("steps")?;
    let skipped: Vec<&str> =
        steps.iter().filter(|s| s["outcome"] == "skipped").filter_map(|s| s["step"].as_str()).collect();
    ensure!(skipped == ["book"], "{skipped:?}");
    let bytes = fs::read(folder.path().join("p.carnet"))?;
    for secret in ["ada@example.com", "eve@example.com"] {
        ensure!(!bytes.windows(secret.len()).any(|w| w == secret.as_bytes()), "{secret} is in the package");
    }
    // The other verifier, written from the page of the format.
    let found = crate::foreign::second(&setup.data().join("log/vkey"), &[&folder.path().join("p.carnet")])?;
    ensure!(found.values().all(BTreeSet::is_empty), "{found:?}");
    // A book instead of the checkpoint; then one byte of the package is another.
    let mut book = Command::new(records::verifier()?.canonicalize()?);
    book.env_clear().current_dir(folder.path()).args(["book", "add", "book", "p.carnet", "--trust", "trust"]);
    ensure!(book.output()?.status.success(), "the book");
    let words = ["p.carnet", "--trust", "trust", "--book", "book"];
    ensure!(audited(folder.path(), &words)?.0 == Some(0), "with a book");
    let mut damaged = bytes;
    let at = damaged.len() / 3;
    damaged[at] ^= 4;
    fs::write(folder.path().join("p.carnet"), damaged)?;
    ensure!(audited(folder.path(), &words)?.0 == Some(1), "a changed byte");
    Ok(())
}
