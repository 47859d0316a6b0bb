//! The disk is full, really: calls are refused, nothing is answered without its record, and when there is space again the
//! service goes on by itself. As root the data lies on a small tmpfs; otherwise a limit on the size of files stands in.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use carnet_evidence::LeafType;
use carnet_tests::gateway::{ALLOW_ALL, Gateway, Setup, TOKEN};
use carnet_tests::http::{self, Reply as Http};
use carnet_tests::records::{self, Record};
use carnet_tests::upstream::{Gate, Reply, Seen, Upstream, echo};
use carnet_tests::wire::Caller;
use serde_json::json;

const NOT_RECORDED: i64 = -31005;

/// A data folder that can be full.
enum Space {
    /// A mounted tmpfs.
    Mount(PathBuf),
    /// A limit on the gateway's files, bytes.
    Limit,
}

impl Space {
    fn of(setup: &Setup) -> Result<Space> {
        let data = setup.data();
        fs::create_dir_all(&data)?;
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=6m", "tmpfs"]).arg(&data).output();
        Ok(if mounted.is_ok_and(|m| m.status.success()) { Space::Mount(data) } else { Space::Limit })
    }

    fn start(&self, setup: &Setup) -> Result<Gateway> {
        match self {
            Space::Mount(_) => setup.start(),
            Space::Limit => {
                // A write beyond the limit is then an error and no signal.
                let gateway = setup.command()?;
                let mut shell = Command::new("sh");
                shell.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""]).arg(gateway.get_program());
                shell.args(gateway.get_args()).current_dir(setup.path());
                Gateway::start(shell)
            }
        }
    }

    /// Takes what is left.
    fn fill(&self, gateway: &Gateway) -> Result<()> {
        match self {
            Space::Mount(data) => {
                let mut filler =
                    fs::OpenOptions::new().create(true).append(true).open(data.join("filler"))?;
                while filler.write(&[1; 4096]).is_ok() {}
                Ok(())
            }
            Space::Limit => limit(gateway, "16"),
        }
    }

    fn free(&self, gateway: &Gateway) -> Result<()> {
        match self {
            Space::Mount(data) => Ok(fs::remove_file(data.join("filler"))?),
            Space::Limit => limit(gateway, "unlimited"),
        }
    }
}

fn limit(gateway: &Gateway, bytes: &str) -> Result<()> {
    let id = gateway.process.id().to_string();
    let set = Command::new("prlimit").args(["--pid", &id, &format!("--fsize={bytes}:unlimited")]).status()?;
    ensure!(set.success(), "prlimit: {set}");
    Ok(())
}

impl Drop for Space {
    fn drop(&mut self) {
        if let Space::Mount(data) = self {
            let _gone = Command::new("umount").arg("-l").arg(data).status();
        }
    }
}

/// Holds back the answers to `slow`.
fn upstream(gate: &Arc<Gate>) -> Result<Upstream> {
    let gate = gate.clone();
    Upstream::start(move |seen: &Seen| match seen.tool().as_str() {
        "slow" => Reply::Held(gate.clone(), Box::new(echo(seen))),
        _ => echo(seen),
    })
}

fn text(n: u64) -> String {
    format!("marker {n} ends")
}

/// Refused for the reason that it could not be recorded.
fn refused(reply: &Http) -> bool {
    reply.status == 503
        && (reply.json()["error"]["code"] == NOT_RECORDED || reply.body.contains("could not be made durable"))
}

#[test]
fn invariant_3_a_full_disk_refuses_calls_and_loses_nothing() -> Result<()> {
    let gate = Arc::new(Gate::default());
    let upstream = upstream(&gate)?;
    let more = "evidence: { segment: 1MiB, heartbeat: 1s }\nadmin: { address: \"127.0.0.1:0\" }\n";
    let setup = Setup::with_token(&format!("{}{more}", upstream.server("light")), ALLOW_ALL)?;
    let space = Space::of(&setup)?;
    let mut gateway = space.start(&setup)?;
    let ready = format!("{}/readyz", gateway.admin()?);
    let mut caller = Caller::new(gateway.base(), "light", TOKEN)?;

    // Calls whose answers will come when there is no space for them.
    let slow: Vec<_> = (0..3)
        .map(|n| {
            let mut caller = Caller::new(gateway.base(), "light", TOKEN)?;
            Ok(thread::spawn(move || caller.call(n, "slow", &json!({"marker": "slow"}))))
        })
        .collect::<Result<_>>()?;
    until("the slow calls are out", || {
        Ok(upstream.seen().iter().filter(|s| s.tool() == "slow").count() == 3)
    })?;

    let mut acknowledged = BTreeSet::new();
    let mut in_a_row = 0;
    for n in 0.. {
        ensure!(n < 20_000, "the disk does not fill");
        // The log takes what its segment still has room for.
        space.fill(&gateway)?;
        let long = "lorem ipsum ".repeat(1000);
        let reply = caller.call(n, "echo", &json!({"marker": text(n), "long": long}))?;
        if reply.status == 200 {
            ensure!(reply.body.contains(&text(n)), "{reply:?}");
            acknowledged.insert(text(n));
            in_a_row = 0;
        } else {
            ensure!(refused(&reply), "{reply:?}");
            in_a_row += 1;
        }
        if in_a_row == 20 {
            break;
        }
    }
    ensure!(http::send("GET", &ready, &[], "")?.status == 503, "a gateway that cannot record is not ready");
    gate.open();
    for call in slow {
        let reply = call.join().unwrap()?;
        ensure!(refused(&reply), "an answer without its record: {reply:?}");
    }

    space.free(&gateway)?;
    // Nobody calls: the gateway finds out by itself.
    until("ready again", || Ok(http::send("GET", &ready, &[], "")?.status == 200))?;
    until("what was owed is settled", || {
        let records = records::read(&setup.data())?;
        Ok(unanswered(&records).is_empty())
    })?;
    for n in 30_000..30_020 {
        let reply = caller.call(n, "echo", &json!({"marker": text(n)}))?;
        ensure!(reply.status == 200, "{reply:?}");
        acknowledged.insert(text(n));
    }
    let status = gateway.process.terminate(Duration::from_secs(30))?;
    ensure!(status.success(), "{status}: {}", gateway.process.output());
    records::verify(&setup.data())?;
    let records = records::read(&setup.data())?;
    ensure!(records.last().is_some_and(|r| r.ty == LeafType::GwStop), "the run ended in order");
    let orphans = records.iter().filter(|r| r.ty == LeafType::CallOrphan).count();
    ensure!(orphans >= 3, "the slow calls have their orphans: {orphans}");
    for marker in &acknowledged {
        let recorded = |r: &Record| {
            r.ty == LeafType::CallOutcome && r.frame.as_ref().is_some_and(|frame| frame.contains(marker))
        };
        ensure!(records.iter().any(recorded), "no record of {marker}");
    }
    Ok(())
}

/// A disk that stays full until the end: the run ends without `gw.stop`, and the next start states what is missing.
#[test]
fn a_disk_that_stays_full_until_the_stop_is_found_by_the_next_start() -> Result<()> {
    let gate = Arc::new(Gate::default());
    let upstream = upstream(&gate)?;
    let more = "evidence: { segment: 1MiB }\ndrain: 5s\n";
    let setup = Setup::with_token(&format!("{}{more}", upstream.server("light")), ALLOW_ALL)?;
    let space = Space::of(&setup)?;
    let mut gateway = space.start(&setup)?;
    let mut caller = Caller::new(gateway.base(), "light", TOKEN)?;
    let slow = thread::spawn({
        let mut caller = Caller::new(gateway.base(), "light", TOKEN)?;
        move || caller.call(1, "slow", &json!({"marker": "slow"}))
    });
    until("the slow call is out", || Ok(upstream.saw("slow")))?;
    let mut in_a_row = 0;
    while in_a_row < 20 {
        space.fill(&gateway)?;
        let reply = caller.call(1, "echo", &json!({"long": "lorem ipsum ".repeat(1000)}))?;
        in_a_row = if reply.status == 200 { 0 } else { in_a_row + 1 };
    }
    gate.open();
    ensure!(refused(&slow.join().unwrap()?), "an answer without its record");
    let status = gateway.process.terminate(Duration::from_secs(30))?;
    ensure!(status.success(), "{status}: {}", gateway.process.output());
    space.free(&gateway).or_else(|e| matches!(space, Space::Limit).then_some(()).ok_or(e))?;
    let mut gateway = setup.start()?;
    let status = gateway.process.terminate(Duration::from_secs(30))?;
    ensure!(status.success(), "{status}");
    records::verify(&setup.data())?;
    let records = records::read(&setup.data())?;
    ensure!(unanswered(&records).is_empty(), "the next start states what is missing");
    Ok(())
}

/// Decisions that nothing answers yet.
fn unanswered(records: &[Record]) -> Vec<u64> {
    let answered: BTreeSet<_> = records.iter().filter_map(|r| r.of).collect();
    let due = records.iter().filter(|r| r.ty == LeafType::CallDecision && !r.one_way);
    due.map(|r| r.index).filter(|index| !answered.contains(index)).collect()
}

/// Asks again and again, for half a minute.
fn until(what: &str, mut holds: impl FnMut() -> Result<bool>) -> Result<()> {
    let end = Instant::now() + Duration::from_secs(30);
    while !holds().context(what.to_owned())? {
        if Instant::now() > end {
            bail!("not in half a minute: {what}");
        }
        thread::yield_now();
    }
    Ok(())
}
