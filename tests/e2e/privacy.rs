//! Finding, holding, restricting and erasing a person's data, with the real commands against a gateway that runs and one
//! that does not; afterwards everything that was proven before still is.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use carnet_tests::gateway::{ALLOW_ALL, Gateway, Setup, binary, identity, token};
use carnet_tests::records;
use carnet_tests::upstream::Upstream;
use carnet_tests::wire::Caller;
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_secs(60);

/// Two officers and an agent; customers are known by an argument.
fn setup(upstream: &Upstream) -> Result<Setup> {
    let people: &[(&str, &str, &[&str])] = &[
        ("agent", "workload", &["agents"]),
        ("iris", "user", &["officers"]),
        ("otto", "user", &["officers"]),
    ];
    let subject = "    subjects:\n      - { at: $.arguments.customer_id, kind: customer }\n";
    Setup::new(&format!("{}servers:\n{}{subject}", identity(people), upstream.server("crm")), ALLOW_ALL)
}

/// Runs a command of the operator, with a token if it is somebody's own.
fn carnet(setup: &Setup, who: Option<&str>, arguments: &[&str]) -> Result<(bool, String)> {
    let mut command = Command::new(binary()?);
    command.current_dir(setup.path()).args(arguments).env_remove("CARNET_TOKEN");
    if let Some(who) = who {
        command.env("CARNET_TOKEN", token(who));
    }
    let run = command.output()?;
    let said = format!("{}{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    Ok((run.status.success(), said))
}

fn done(setup: &Setup, who: Option<&str>, arguments: &[&str]) -> Result<String> {
    let (ok, said) = carnet(setup, who, arguments)?;
    ensure!(ok, "{arguments:?}: {said}");
    Ok(said)
}

fn refused(setup: &Setup, who: Option<&str>, arguments: &[&str], why: &str) -> Result<()> {
    let (ok, said) = carnet(setup, who, arguments)?;
    ensure!(!ok && said.contains(why), "{arguments:?} gave {said}");
    Ok(())
}

/// The number in `erasure 12 is requested`.
fn number(said: &str) -> Result<String> {
    let word = said.split_whitespace().find(|w| w.bytes().all(|b| b.is_ascii_digit()));
    word.map(str::to_owned).with_context(|| said.to_owned())
}

fn call(gateway: &Gateway, customer: &str) -> Result<()> {
    let mut caller = Caller::new(gateway.base(), "crm", &token("agent"))?;
    caller.initialize()?;
    let reply = caller.call(2, "look", &json!({"customer_id": customer, "note": "seen twice"}))?;
    ensure!(reply.status == 200, "{}", reply.body);
    Ok(())
}

fn found(setup: &Setup, person: &str) -> Result<u64> {
    let said = done(setup, None, &["subject", "find", person, "--json"])?;
    serde_json::from_str::<Value>(&said)?["records"].as_u64().with_context(|| said.clone())
}

/// Whether a text stands in any file of a folder.
fn stands_in(folder: &Path, text: &str) -> Result<bool> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let there = if path.is_dir() {
            stands_in(&path, text)?
        } else if path.is_file() {
            fs::read(&path)?.windows(text.len()).any(|w| w == text.as_bytes())
        } else {
            false
        };
        if there {
            return Ok(true);
        }
    }
    Ok(false)
}

fn stop(mut gateway: Gateway) -> Result<()> {
    let status = gateway.process.terminate(LIMIT)?;
    ensure!(status.success(), "{status}: {}", gateway.process.output());
    Ok(())
}

/// The types of all records, in order. Slots that do not open any more are no matter.
fn types(setup: &Setup) -> Result<Vec<String>> {
    let said = done(setup, None, &["verify", "data", "--json"])?;
    ensure!(said.contains("\"holds\":true"), "{said}");
    let disk: std::sync::Arc<dyn carnet_store::Disk> =
        std::sync::Arc::new(carnet_store::RealDisk::new(setup.data()));
    let mut all = Vec::new();
    carnet_store::Reader::new(disk).read(0, &mut |record| {
        all.push(record.leaf.draft.ty.as_str().to_owned());
        Ok(true)
    })?;
    Ok(all)
}

#[test]
fn a_person_is_found_held_erased_and_stays_erased() -> Result<()> {
    let upstream = Upstream::echo()?;
    let setup = setup(&upstream)?;
    let gateway = setup.start()?;
    call(&gateway, "customer-4711")?;
    call(&gateway, "customer-4712")?;
    let (one, other) = ("customer=customer-4711", "customer=customer-4712");
    // The call, and the answer to it.
    ensure!(found(&setup, one)? == 2 && found(&setup, other)? == 2 && found(&setup, "customer=nobody")? == 0);
    let export = done(&setup, None, &["subject", "export", one])?;
    ensure!(export.contains("customer-4711") && !export.contains("customer-4712"), "{export}");
    ensure!(!stands_in(&setup.data(), "customer-4711")?, "the data folder does not hold the person");
    done(&setup, None, &["keys", "backup", "-o", "keys.backup"])?;

    // Restricted: it is not shown unless it is asked for.
    let id = number(&done(&setup, Some("iris"), &["subject", "restrict", one, "--reason", "contested"])?)?;
    let export = done(&setup, None, &["subject", "export", one])?;
    ensure!(!export.contains("seen twice") && export.contains("restricted"), "{export}");
    let export = done(&setup, None, &["subject", "export", one, "--restricted"])?;
    ensure!(export.contains("seen twice"), "{export}");
    done(&setup, Some("iris"), &["subject", "release", &id, "--reason", "settled"])?;

    // Four eyes, and a hold in the way.
    let hold = number(&done(&setup, Some("iris"), &["hold", "set", "--person", one, "--reason", "court"])?)?;
    let id = number(&done(&setup, Some("iris"), &["subject", "erase", one])?)?;
    let confirm = ["subject", "erase", "--confirm", id.as_str()];
    refused(&setup, Some("iris"), &confirm, "another person must")?;
    refused(&setup, None, &confirm, "the same kind of identity")?;
    refused(&setup, Some("otto"), &confirm, "stands in the way")?;
    done(&setup, Some("otto"), &["hold", "release", &hold, "--reason", "over"])?;
    done(&setup, Some("otto"), &confirm)?;
    refused(&setup, Some("otto"), &confirm, "confirmed already")?;

    ensure!(found(&setup, one)? == 0 && found(&setup, other)? == 2);
    let cases = done(&setup, None, &["subject", "cases"])?;
    ensure!(cases.contains("backups may still hold them"), "{cases}");
    // A new contact is a new matter.
    call(&gateway, "customer-4711")?;
    ensure!(found(&setup, one)? == 2);
    stop(gateway)?;

    // Everything that was proven is still proven, by the auditor's own program.
    records::verify(&setup.data())?;
    let all = types(&setup)?;
    for ty in
        ["erasure.request", "key.destroy", "hold.set", "hold.release", "restrict.set", "restrict.release"]
    {
        ensure!(all.iter().any(|t| t == ty), "{ty} in {all:?}");
    }
    ensure!(all.iter().filter(|t| *t == "admin.read").count() >= 8, "reading is recorded: {all:?}");
    ensure!(!all.iter().any(|t| t == "erasure.done"), "not before the backups are gone");
    ensure!(!stands_in(&setup.data(), "customer-4711")?);

    // The backup of before brings the key back; whoever opens the log next destroys it again.
    let said = done(&setup, None, &["keys", "restore", "keys.backup"])?;
    ensure!(said.contains("destroyed again"), "{said}");
    let gateway = setup.start()?;
    // The key of the new contact is younger than the backup: it is lost, and said to be.
    ensure!(found(&setup, one)? == 0 && found(&setup, other)? == 2);
    stop(gateway)?;
    // The auditor's program says so too, and that nothing else is wrong.
    let said = records::verify(&setup.data()).err().context("lost keys")?.to_string();
    ensure!(said.contains("key-missing") && said.matches(" fails ").count() == 1, "{said}");
    Ok(())
}

#[test]
fn while_no_gateway_runs_the_command_takes_the_log_and_gives_it_back() -> Result<()> {
    let upstream = Upstream::echo()?;
    let setup = setup(&upstream)?;
    let gateway = setup.start()?;
    call(&gateway, "customer-4711")?;
    stop(gateway)?;
    let before = types(&setup)?;
    let list: Value = serde_json::from_str(&done(&setup, None, &["sessions", "list", "--json"])?)?;
    let newest = list.as_array().and_then(|all| all.last()).context("sessions")?;
    let session = newest["session"].as_str().context("a session")?.to_owned();
    let shown = done(&setup, None, &["sessions", "show", &session])?;
    ensure!(shown.contains("customer-4711"), "{shown}");
    let id = number(&done(&setup, None, &["subject", "erase", "customer=customer-4711"])?)?;
    // The same user of the system is the same person.
    refused(&setup, None, &["subject", "erase", "--confirm", &id], "another person must")?;
    refused(&setup, Some("otto"), &["subject", "erase", "--confirm", &id], "no gateway runs")?;
    let all = types(&setup)?;
    let new: Vec<&str> = all.iter().skip(before.len()).map(String::as_str).collect();
    let expected = [
        ["gw.start", "admin.read", "gw.stop"].as_slice(),
        ["gw.start", "admin.read", "gw.stop"].as_slice(),
        ["gw.start", "erasure.request", "gw.stop"].as_slice(),
        ["gw.start", "gw.stop"].as_slice(),
    ];
    ensure!(new == expected.concat(), "{new:?}");
    records::verify(&setup.data())?;
    // The gateway goes on behind it.
    let gateway = setup.start()?;
    call(&gateway, "customer-4711")?;
    stop(gateway)?;
    records::verify(&setup.data())?;
    Ok(())
}

#[test]
fn another_kek_and_recordings_stay_readable() -> Result<()> {
    let upstream = Upstream::echo()?;
    let setup = setup(&upstream)?;
    let gateway = setup.start()?;
    call(&gateway, "customer-4711")?;
    fs::write(setup.path().join("kek"), "0123456789abcdef0123456789abcdef")?;
    done(&setup, None, &["keys", "rotate", "--to", "file:kek"])?;
    call(&gateway, "customer-4712")?;
    stop(gateway)?;
    // Without the new key there is no way in.
    if setup.start().is_ok() {
        bail!("it started without its key");
    }
    let config = fs::read_to_string(setup.config())?;
    fs::write(setup.config(), format!("{config}evidence: {{ kek: file:./kek }}\n"))?;
    let gateway = setup.start()?;
    ensure!(found(&setup, "customer=customer-4711")? == 2 && found(&setup, "customer=customer-4712")? == 2);
    stop(gateway)?;
    records::verify(&setup.data())?;
    Ok(())
}
