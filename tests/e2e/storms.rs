//! Packets that are lost, doubled, late and overtaken, and a cable that is out, under load: no call runs twice, none is lost
//! without a word, every record is in the right cell, and the proofs verify. The servers are real databases beside their cells.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use carnet_evidence::LeafType;
use carnet_tests::cells::{Plan, World};
use carnet_tests::gateway::{ALLOW_ALL, TOKEN};
use carnet_tests::net::{Net, Storm};
use carnet_tests::peers;
use carnet_tests::records;
use carnet_tests::wire::Caller;
use serde_json::json;

use crate::borders::{CELLS, tool};
use crate::servers;

const LIMIT: Duration = Duration::from_secs(120);
const CALLERS: usize = 6;

fn python(program: &str, words: &[&str]) -> Result<String> {
    let mut command = Command::new(peers::folder()?.join("py/sqlite/bin/python"));
    let output = command.args(["-c", program]).args(words).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A database beside each cell, with a row for each call that ran.
fn plans(place: &Path) -> Result<Vec<Plan>> {
    let mut plans = Vec::new();
    for (cell, region) in CELLS {
        let file = place.join(format!("{cell}.db")).display().to_string();
        python(
            "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('create table ran (call text)')",
            &[&file],
        )?;
        let command = servers::python("sqlite", "mcp-server-sqlite", &["--db-path", &file])?;
        let name = format!("rows-{cell}");
        let lines = format!(
            "  {name}:\n    command: {}\n    inherit: [PATH, HOME]\n    region: {region}\n",
            json!(command)
        );
        plans.push(Plan { name: cell, region, servers: vec![(name, lines)], policies: ALLOW_ALL });
    }
    Ok(plans)
}

/// What became of calls.
#[derive(Default)]
struct Load {
    base: String,
    over: AtomicBool,
    done: [AtomicU64; 3],
    refused: AtomicU64,
}

/// Of one caller: calls whose result came, and those of which the answer was an error or which broke off.
#[derive(Default)]
struct Seen {
    done: BTreeSet<String>,
    told: BTreeSet<String>,
    silent: BTreeSet<String>,
}

impl Load {
    fn caller(&self, name: usize) -> Seen {
        let (mut seen, mut sent, n) = (Seen::default(), 0u64, name % 3);
        let cell = CELLS[n].0;
        while !self.over.load(Ordering::Acquire) {
            let Ok(mut caller) = self.session(cell) else {
                self.refused.fetch_add(1, Ordering::AcqRel);
                thread::sleep(Duration::from_millis(20));
                continue;
            };
            while !self.over.load(Ordering::Acquire) {
                sent += 1;
                let call = format!("storm {cell} {name} {sent} ends");
                let query = format!("insert into ran values ('{call}')");
                let Ok(reply) = caller.post(&tool(sent, "write_query", &json!({ "query": query }))) else {
                    seen.silent.insert(call);
                    break;
                };
                if reply.status == 200 && reply.body.contains("affected_rows") {
                    seen.done.insert(call);
                    self.done[n].fetch_add(1, Ordering::AcqRel);
                } else {
                    let error = reply.json()["error"]["message"].is_string();
                    assert!(error && matches!(reply.status, 404 | 502 | 503), "{reply:?}");
                    seen.told.insert(call);
                    self.refused.fetch_add(1, Ordering::AcqRel);
                    break;
                }
            }
        }
        seen
    }

    fn session(&self, cell: &str) -> Result<Caller> {
        let mut caller = Caller::new(&self.base, &format!("rows-{cell}"), TOKEN)?;
        caller.set("host", self.base.trim_start_matches("http://"));
        caller.initialize()?;
        caller.set("mcp-protocol-version", "2025-11-25");
        caller.post(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#)?;
        Ok(caller)
    }

    fn wait_for(&self, n: usize, more: u64) -> Result<()> {
        let enough = self.done[n].load(Ordering::Acquire) + more;
        let end = Instant::now() + LIMIT;
        while self.done[n].load(Ordering::Acquire) < enough {
            ensure!(Instant::now() < end, "no results of {}", CELLS[n].0);
            thread::yield_now();
        }
        Ok(())
    }
}

#[test]
fn lost_doubled_and_overtaken_packets_make_no_call_run_twice_and_lose_none_without_a_word() -> Result<()> {
    let Some(net) = Net::new(&["front", "eu", "us", "asia"]) else { return Ok(()) };
    let place = tempfile::tempdir()?;
    let mut world = World::new_at(plans(place.path())?, &net.address("front"))?;
    let net = Arc::new(net);
    world.net = Some(net.clone());
    let mut storm =
        net.weather(&Storm { loss: 5, doubles: 2, reordered: 20, delay: 4, jitter: 2, seed: 7 })?;
    let mut front = world.front(None)?;
    let mut cells = CELLS.iter().map(|(cell, _)| world.cell(cell)).collect::<Result<Vec<_>>>()?;
    for (cell, _) in CELLS {
        front.joined(cell, 2)?;
    }
    let load = Load { base: front.base.clone(), ..Load::default() };
    let seen = thread::scope(|scope| {
        let callers: Vec<_> = (0..CALLERS)
            .map(|n| {
                scope.spawn({
                    let l = &load;
                    move || l.caller(n)
                })
            })
            .collect();
        let happened = happens(&net, &world, &mut cells, &load);
        load.over.store(true, Ordering::Release);
        let seen = callers.into_iter().map(|c| c.join().map_err(|_| anyhow::anyhow!("a caller failed")));
        let seen: Result<Vec<Seen>> = seen.collect();
        happened.and(seen)
    })?;
    ensure!(load.refused.load(Ordering::Acquire) > 0, "nobody noticed that a cell was gone");
    for ((cell, _), process) in CELLS.iter().zip(&mut cells) {
        ensure!(process.terminate(LIMIT)?.success(), "{}", process.output());
        records::verify(&world.data(cell))?;
    }
    ensure!(front.process.terminate(LIMIT)?.success());
    ensure!(storm.terminate(LIMIT)?.success(), "{}", storm.output());
    let said = storm.output();
    let count =
        |what: &str| said.split(what).nth(1).and_then(|r| r.split_whitespace().next()?.parse::<u64>().ok());
    for what in ["lost=", "doubled=", "reordered="] {
        ensure!(count(what).is_some_and(|n| n > 10), "too fine a weather: {said}");
    }
    (0..3).try_for_each(|n| agree(&world, place.path(), n, &seen).context(CELLS[n].0))
}

/// Bad weather all the time; then a cable is out and the others go on; then a cell is killed in it.
fn happens(
    net: &Net,
    world: &World,
    cells: &mut [carnet_tests::process::Process],
    load: &Load,
) -> Result<()> {
    (0..3).try_for_each(|n| load.wait_for(n, 10))?;
    let before = load.refused.load(Ordering::Acquire);
    net.link("us", false)?;
    load.wait_for(0, 5)?;
    load.wait_for(2, 5)?;
    let end = Instant::now() + LIMIT;
    while load.refused.load(Ordering::Acquire) == before {
        ensure!(Instant::now() < end, "callers of the cell that is gone are told nothing");
        thread::yield_now();
    }
    net.link("us", true)?;
    load.wait_for(1, 5)?;
    cells[2].kill()?;
    load.wait_for(0, 5)?;
    cells[2] = world.cell(CELLS[2].0)?;
    (0..3).try_for_each(|n| load.wait_for(n, 10))
}

/// The database, the log and what callers have seen agree.
fn agree(world: &World, place: &Path, n: usize, seen: &[Seen]) -> Result<()> {
    let cell = CELLS[n].0;
    let rows = python(
        "import sqlite3, sys; print('\\n'.join(r[0] for r in sqlite3.connect(sys.argv[1]).execute('select call from ran')))",
        &[&place.join(format!("{cell}.db")).display().to_string()],
    )?;
    let mut ran: BTreeMap<&str, usize> = BTreeMap::new();
    rows.lines().for_each(|row| *ran.entry(row).or_default() += 1);
    let twice: Vec<_> = ran.iter().filter(|(_, times)| **times > 1).collect();
    ensure!(twice.is_empty(), "{twice:?}");
    let records = records::read(&world.data(cell))?;
    let of = |ty: LeafType| -> String {
        records
            .iter()
            .filter(|r| r.ty == ty)
            .filter_map(|r| r.frame.as_deref())
            .collect::<Vec<_>>()
            .join("\n")
    };
    let (decided, all) = (of(LeafType::CallDecision), records.iter().filter_map(|r| r.frame.as_deref()));
    let all: String = all.collect::<Vec<_>>().join("\n");
    for (name, of_caller) in seen.iter().enumerate() {
        ensure!(of_caller.silent.is_empty(), "no answer to {:?}", of_caller.silent);
        for call in &of_caller.done {
            let here = name % 3 == n;
            ensure!(
                ran.contains_key(call.as_str()) == here,
                "{call} was answered, and ran elsewhere or never"
            );
            ensure!(decided.contains(call.as_str()) == here, "{call} is not recorded where it ran");
        }
        for call in &of_caller.told {
            let (here, recorded) = (name % 3 == n, all.contains(call.as_str()));
            ensure!(here || !recorded, "{call} is recorded in another cell");
            ensure!(recorded || !ran.contains_key(call.as_str()), "{call} ran and is not recorded");
        }
    }
    // Nothing ran that nobody has asked for, or that no record has.
    for call in ran.keys() {
        ensure!(decided.contains(call), "{call} ran without a record");
    }
    Ok(())
}
