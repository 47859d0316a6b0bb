//! All that crosses between cells, front and callers, opened: each in a network namespace of its own, tunnels decrypted, while
//! calls fail, are held and approved and tried again, cells are killed, auditors' packages made and checkpoints witnessed.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use carnet_tests::cells::{Front, Plan, World};
use carnet_tests::gateway::{TOKEN, binary};
use carnet_tests::net::{Flows, Net, found, in_memory};
use carnet_tests::process::Process;
use carnet_tests::records;
use carnet_tests::wire::Caller;
use serde_json::{Value, json};

use crate::borders::{self, CELLS, personal, tool};

const LIMIT: Duration = Duration::from_secs(60);

/// Nothing personal is shown, in neither direction; whole folders wait for an approval.
const POLICY: &str = r#"
@id("everything") permit (principal, action, resource);
@id("nothing-personal") forbid (principal, action == Action::"reveal", resource)
unless { resource == DataClass::"uninspected" };
@id("many-wait") @hold("dpo") forbid (principal, action == Action::"tools/call", resource)
when { resource.name == "read_multiple_files" }
unless { context.approvals.contains("dpo") };
"#;

/// What a caller says of a person to the servers of one cell.
fn own(cell: &str) -> String {
    format!("visitor.{cell}@callers.example")
}

/// A caller of the file server beside a cell, with a session.
struct Visit {
    caller: Caller,
    sent: u64,
}

impl Visit {
    fn new(base: &str, cell: &str) -> Result<Visit> {
        let mut caller = Caller::new(base, &format!("files-{cell}"), TOKEN)?;
        caller.set("host", base.trim_start_matches("http://"));
        caller.initialize()?;
        caller.set("mcp-protocol-version", "2025-11-25");
        caller.post(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#)?;
        Ok(Visit { caller, sent: 0 })
    }

    fn call(&mut self, name: &str, arguments: &Value) -> Result<String> {
        self.sent += 1;
        Ok(self.caller.post(&tool(self.sent, name, arguments))?.body)
    }
}

/// Callers who go on whatever happens, trying again what was refused.
struct Visitors {
    base: String,
    over: AtomicBool,
    answered: [AtomicU64; 3],
    refused: AtomicU64,
}

impl Visitors {
    fn visit(&self, n: usize, place: &Path) -> Result<()> {
        let cell = CELLS[n].0;
        let folder = place.join(format!("files-{cell}"));
        let person = json!({"path": folder.join("person.txt")});
        // What the server says of it has the name in it.
        let missing = json!({"path": folder.join(own(cell))});
        while !self.over.load(Ordering::Acquire) {
            let Ok(mut visit) = Visit::new(&self.base, cell) else {
                self.refused.fetch_add(1, Ordering::AcqRel);
                thread::sleep(Duration::from_millis(20));
                continue;
            };
            while !self.over.load(Ordering::Acquire) {
                let said = visit.call("read_text_file", &missing);
                let Ok(said) = said.and_then(|one| Ok(one + &visit.call("read_text_file", &person)?)) else {
                    break;
                };
                if !said.contains("[IBAN]") {
                    self.refused.fetch_add(1, Ordering::AcqRel);
                    break;
                }
                let shown = personal(cell).into_iter().chain([own(cell)]).find(|value| said.contains(value));
                ensure!(shown.is_none(), "{shown:?} was shown: {said}");
                self.answered[n].fetch_add(1, Ordering::AcqRel);
            }
        }
        Ok(())
    }

    fn wait_for(&self, n: usize, more: u64) -> Result<()> {
        let enough = self.answered[n].load(Ordering::Acquire) + more;
        let end = Instant::now() + LIMIT;
        while self.answered[n].load(Ordering::Acquire) < enough {
            ensure!(Instant::now() < end, "no answers of {}", CELLS[n].0);
            thread::yield_now();
        }
        Ok(())
    }
}

/// `carnet` beside a cell, with its configuration.
fn beside(world: &World, cell: &str, words: &[&str]) -> Result<String> {
    let mut command = Command::new(binary()?);
    command.args(words).arg("--config").arg(world.folder(cell).join("carnet.yaml"));
    let output = command.output()?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(output.status.success(), "{words:?}: {said}{}", String::from_utf8_lossy(&output.stderr));
    Ok(said)
}

/// A call that is held, is seen and approved where it is held, and comes back masked.
fn approved(world: &World, front: &Front, place: &Path, cell: &str) -> Result<()> {
    let mut visit = Visit::new(&front.base, cell)?;
    let path = place.join(format!("files-{cell}/person.txt"));
    let arguments = json!({"paths": [path]});
    let first = visit.call("read_multiple_files", &arguments)?;
    ensure!(!first.contains("[IBAN]"), "it was not held: {first}");
    let end = Instant::now() + LIMIT;
    let id = loop {
        let listed: Value = serde_json::from_str(&beside(world, cell, &["approvals", "list", "--json"])?)?;
        let waits = listed.as_array().and_then(|all| all.iter().find(|view| view["state"] == "pending"));
        if let Some(id) = waits.and_then(|view| view["id"].as_str()) {
            break id.to_owned();
        }
        ensure!(Instant::now() < end, "nothing waits: {listed} {first}");
    };
    beside(world, cell, &["approvals", "show", &id])?;
    beside(world, cell, &["approvals", "approve", &id, "--reason", "it is right"])?;
    loop {
        let said = visit.call("read_multiple_files", &arguments)?;
        ensure!(personal(cell).iter().all(|value| !said.contains(value)), "{said}");
        if said.contains("[IBAN]") {
            return Ok(());
        }
        ensure!(Instant::now() < end, "the approved call does not come back: {said}");
    }
}

/// A witness for each cell's log, beside the next cell.
fn witnesses(world: &World, net: &Net) -> Result<Vec<Process>> {
    let mut all = Vec::new();
    for (n, (cell, _)) in CELLS.iter().enumerate() {
        let at = CELLS[(n + 1) % CELLS.len()].0;
        let (data, logs) = (world.folder(&format!("witness-of-{cell}")), world.data(cell).join("log/vkey"));
        let mut command = Command::new(binary()?);
        command.args([
            "witness",
            "--name",
            &format!("witness.example/of-{cell}"),
            "--plaintext-beyond-loopback",
        ]);
        command.args(["--listen", &format!("{}:0", net.address(at))]);
        command.arg("--data").arg(&data).arg("--logs").arg(&logs);
        let process = Process::start(net.command(at, &command), "logs on ")?;
        let (log, key) = (fs::read_to_string(&logs)?, fs::read_to_string(data.join("vkey"))?);
        let policy = format!(
            "log {}\nwitness w {} {}\ngroup others all w\nquorum others\n",
            log.trim(),
            key.trim(),
            process.ready.trim()
        );
        fs::write(world.folder(cell).join("trust.policy"), policy)?;
        all.push(process);
    }
    Ok(all)
}

#[test]
fn whatever_happens_nothing_crosses_that_was_not_released() -> Result<()> {
    let Some(net) = Net::new(&["front", "eu", "us", "asia"]) else { return Ok(()) };
    let place = tempfile::tempdir()?;
    let plans = borders::plans(place.path())?.into_iter().map(|plan| Plan { policies: POLICY, ..plan });
    let mut world = World::new_at(plans.collect(), &net.address("front"))?;
    let net = Arc::new(net);
    world.net = Some(net.clone());
    let keys = place.path().join("keys");
    world.key_log = Some(keys.clone());
    let mut capture = net.capture(&place.path().join("capture"))?;
    let mut front = world.front(None)?;
    // Each log is begun, so that its witness can be told its key.
    for (cell, _) in CELLS {
        let mut process = world.cell(cell)?;
        front.joined(cell, 2)?;
        ensure!(process.terminate(LIMIT)?.success(), "{}", process.output());
    }
    let _witnesses = witnesses(&world, &net)?;
    world.cell_more = "approvals: { pending: 100ms }\n\
                       evidence: { witness: { policy: ./trust.policy, every: 200ms, allow_plaintext: true }, heartbeat: 1s }\n"
        .to_owned();
    let mut cells = CELLS.iter().map(|(cell, _)| world.cell(cell)).collect::<Result<Vec<_>>>()?;
    for (cell, _) in CELLS {
        front.joined(cell, 4)?;
    }
    let visitors = Visitors {
        base: front.base.clone(),
        over: AtomicBool::new(false),
        answered: Default::default(),
        refused: AtomicU64::new(0),
    };
    thread::scope(|scope| {
        let place = place.path();
        let all: Vec<_> = (0..3)
            .map(|n| {
                scope.spawn({
                    let v = &visitors;
                    move || v.visit(n, place)
                })
            })
            .collect();
        let happened = happens(&world, &front, place, &mut cells, &visitors);
        visitors.over.store(true, Ordering::Release);
        let ended: Result<Vec<()>> =
            all.into_iter().map(|v| v.join().map_err(|_| anyhow::anyhow!("a caller failed"))?).collect();
        happened.and(ended)
    })?;
    ensure!(visitors.refused.load(Ordering::Acquire) > 0, "nobody noticed the dead cells");
    for ((cell, _), process) in CELLS.iter().zip(&mut cells) {
        ensure!(process.terminate(LIMIT)?.success(), "{}", process.output());
        records::verify(&world.data(cell))?;
    }
    ensure!(front.process.terminate(LIMIT)?.success());
    let flows = capture.end()?;
    in_clear(&net, &flows)?;
    let port = front.tunnel.rsplit(':').next().context("a port")?;
    if keys.exists() {
        let (opened, said) = capture.opened(port, &keys)?;
        eprintln!("{}", said.trim());
        in_tunnels(&net, &opened)
    } else {
        // A release has no way to note keys. What the test was built with, the gateway mostly is, too.
        ensure!(std::env::var_os("CARNET_BIN").is_some() || !cfg!(debug_assertions), "no keys were noted");
        eprintln!("tunnels were not opened: the gateway is a release");
        Ok(())
    }
}

/// In each cell in turn: errors, an approval, a package, a kill with calls open, and what was tried again.
fn happens(
    world: &World,
    front: &Front,
    place: &Path,
    cells: &mut [Process],
    visitors: &Visitors,
) -> Result<()> {
    let all: Vec<String> = CELLS.iter().flat_map(|(cell, _)| personal(cell)).collect();
    let secret: Vec<&str> = all.iter().map(String::as_str).collect();
    for (n, (cell, _)) in CELLS.iter().enumerate() {
        visitors.wait_for(n, 2)?;
        borders::use_it(front, place, cell)?;
        approved(world, front, place, cell)?;
        let package = world.folder(cell).join("package.carnet");
        beside(world, cell, &["evidence", "export", "-o", &package.display().to_string()])?;
        cells[n].kill()?;
        ensure!(Visit::new(&front.base, cell).is_err(), "a dead cell answered");
        cells[n] = world.cell(cell)?;
        front.joined(cell, 6)?;
        visitors.wait_for(n, 2)?;
        approved(world, front, place, cell)?;
        ensure!(in_memory(front.process.id(), &secret)?.is_empty(), "a value is in the front's memory");
    }
    (0..3).try_for_each(|n| visitors.wait_for(n, 2))
}

/// Without any key: who spoke with whom, and what can be read.
fn in_clear(net: &Net, flows: &Flows) -> Result<()> {
    let (front, callers) = (net.address("front"), net.own_address());
    let at = |n: usize| net.address(CELLS[n % CELLS.len()].0);
    let witnessed: BTreeSet<_> = (0..3).flat_map(|n| [(at(n), at(n + 1)), (at(n + 1), at(n))]).collect();
    let all: Vec<String> = CELLS.iter().flat_map(|(cell, _)| personal(cell)).collect();
    let secret: Vec<&str> = all.iter().map(String::as_str).collect();
    let (mut asked, mut signed) = (0, 0);
    for ((from, to), streams) in flows {
        let of_callers = *from == callers || *to == callers;
        let of_witness = witnessed.contains(&(from.clone(), to.clone()));
        ensure!(*from == front || *to == front || of_witness, "{from} spoke with {to}");
        for stream in streams {
            ensure!(found(stream, &secret).is_empty(), "{from} to {to}: {:?}", found(stream, &secret));
            if of_witness {
                let text = std::str::from_utf8(stream)?;
                only_checkpoints(text).with_context(|| format!("{from} to {to}: {text}"))?;
                asked += text.matches("POST /add-checkpoint").count();
                signed += text.matches("HTTP/1.1 200").count();
            } else if !of_callers {
                let harmless = found(stream, &["harmless words", "jsonrpc", "person.txt"]);
                ensure!(harmless.is_empty(), "{from} to {to} is in clear: {harmless:?}");
            }
            if *to == callers {
                let visitors: Vec<String> = CELLS.iter().map(|(cell, _)| own(cell)).collect();
                let visitors: Vec<&str> = visitors.iter().map(String::as_str).collect();
                ensure!(found(stream, &visitors).is_empty(), "what callers said came back");
            }
        }
    }
    ensure!(asked > 3 && signed > 3, "no checkpoint was witnessed: {asked} {signed}");
    Ok(())
}

/// Tunnels, opened: no value of a cell leaves it; what callers say goes to the cell that they called, and nowhere else.
fn in_tunnels(net: &Net, opened: &Flows) -> Result<()> {
    let front = net.address("front");
    let values: Vec<String> = CELLS.iter().flat_map(|(cell, _)| personal(cell)).collect();
    for (cell, _) in CELLS {
        let at = net.address(cell);
        let flow =
            |from: &String, to: &String| opened.get(&(from.clone(), to.clone())).context("a tunnel").cloned();
        let (out, back) = (flow(&at, &front)?.concat(), flow(&front, &at)?.concat());
        for (way, bytes) in [("from", &out), ("to", &back)] {
            let shown: Vec<&String> = values.iter().filter(|v| !found(bytes, &[v]).is_empty()).collect();
            ensure!(shown.is_empty(), "{way} {cell}: {shown:?}");
            for (other, _) in CELLS {
                let said = !found(bytes, &[&own(other)]).is_empty();
                ensure!(said == (other == cell && way == "to"), "{}: {way} {cell}: {said}", own(other));
            }
        }
        // It sees what it is to see.
        let harmless = format!("harmless words of {cell}");
        for mark in [harmless.as_str(), "[EMAIL]", "[IBAN]", "content-type: ", "\"waiting\""] {
            ensure!(!found(&out, &[mark]).is_empty(), "{mark} is not in what {cell} sent");
        }
        for mark in [TOKEN, "read_multiple_files", "x-carnet-call: ", "jsonrpc"] {
            ensure!(!found(&back, &[mark]).is_empty(), "{mark} is not in what {cell} was sent");
        }
    }
    Ok(())
}

/// Lines of HTTP with the headers of it, and of checkpoints: an origin, sizes, hashes, signatures.
fn only_checkpoints(text: &str) -> Result<()> {
    let number = |text: &str| text.parse::<u64>().is_ok();
    let bytes = |text: &str, most: usize| BASE64.decode(text).is_ok_and(|b| b.len() <= most);
    let header = |line: &str| {
        let (name, value) = line.split_once(':').unwrap_or_default();
        let value = value.trim();
        match name {
            "host" => value.parse::<std::net::SocketAddr>().is_ok(),
            "content-length" => number(value),
            "content-type" => value.starts_with("text/"),
            "date" => value.ends_with(" GMT") && value.len() == 29,
            _ => false,
        }
    };
    let signature = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        let names = ["carnet.local/test".to_owned()].into_iter();
        let mut names = names.chain(CELLS.iter().map(|(cell, _)| format!("witness.example/of-{cell}")));
        matches!(words[..], ["—", name, value] if names.any(|n| n == name) && bytes(value, 80))
    };
    for line in text.lines() {
        let known = line.is_empty()
            || line == "POST /add-checkpoint HTTP/1.1"
            || line.strip_prefix("HTTP/1.1 ").is_some_and(|rest| rest.len() < 32)
            || line == "carnet.local/test"
            || line.strip_prefix("old ").is_some_and(number)
            || number(line)
            || bytes(line, 32)
            || header(line)
            || signature(line);
        ensure!(known, "no part of a checkpoint: {line:?}");
    }
    Ok(())
}
