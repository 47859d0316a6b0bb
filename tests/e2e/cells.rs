//! A front and cells as processes: calls go to the cell that owns the server and leave their records there; what a cell
//! may not do with another's name or certificate; what is lost when something dies, and what is not.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use carnet_evidence::LeafType;
use carnet_tests::cells::{Front, Plan, World};
use carnet_tests::gateway::{ALLOW_ALL, ALLOW_ALL_MASKED, TOKEN, binary};
use carnet_tests::process::Process;
use carnet_tests::records;
use carnet_tests::upstream::{Gate, Reply, Upstream, echo};
use carnet_tests::weather::Weather;
use carnet_tests::wire::Caller;
use serde_json::json;

fn plan(name: &'static str, region: &'static str, server: &str, upstream: &Upstream) -> Plan {
    let lines = format!("  {server}:\n    url: {}\n    region: {region}\n", upstream.url());
    Plan { name, region, servers: vec![(server.to_owned(), lines)], policies: ALLOW_ALL_MASKED }
}

/// A front with three cells that have joined, and the servers behind them.
struct Three {
    world: World,
    front: Front,
    cells: Vec<Process>,
    upstreams: Vec<Arc<Upstream>>,
}

const CELLS: [(&str, &str, &str); 3] = [("eu", "de", "crm"), ("us", "us", "desk"), ("asia", "in", "shop")];

fn three(policies: &'static str) -> Result<Three> {
    let upstreams: Vec<_> = (0..3).map(|_| Upstream::echo().map(Arc::new)).collect::<Result<_>>()?;
    let plans = CELLS.iter().zip(&upstreams);
    let plans = plans.map(|((cell, region, server), up)| Plan { policies, ..plan(cell, region, server, up) });
    let mut world = World::new(plans.collect())?;
    let front = world.front(None)?;
    let cells = CELLS.iter().map(|(cell, ..)| world.cell(cell)).collect::<Result<Vec<_>>>()?;
    for (cell, ..) in CELLS {
        front.joined(cell, 1)?;
    }
    Ok(Three { world, front, cells, upstreams })
}

/// The text of every frame in a cell's log.
fn frames(world: &World, cell: &str) -> Result<String> {
    let records = records::read(&world.data(cell))?;
    Ok(records.iter().filter_map(|r| r.frame.as_deref()).collect())
}

#[test]
fn a_call_goes_to_the_cell_that_owns_the_server_and_is_recorded_there_alone() -> Result<()> {
    let mut three = three(ALLOW_ALL_MASKED)?;
    for (n, (cell, _, server)) in CELLS.iter().enumerate() {
        let mut caller = Caller::new(&three.front.base, server, TOKEN)?;
        // A caller's own header of the tunnel's name counts for nothing.
        caller.set("x-carnet-call", "forged");
        let marker = format!("marker of {cell}");
        let said = json!({"note": marker, "email": format!("anna.{cell}@example.org")});
        let reply = caller.call(n as u64, "echo", &said)?;
        ensure!(reply.status == 200 && reply.body.contains(&marker), "{reply:?}");
        ensure!(!reply.body.contains("@example.org"), "not masked: {reply:?}");
        ensure!(three.upstreams[n].saw(&marker) && !three.upstreams[n].saw("x-carnet-call"));
        ensure!(!three.upstreams[n].saw(TOKEN), "the caller's token went on to a server");
    }
    let stranger = Caller::new(&three.front.base, "crm", "carnet_no")?.call(9, "echo", &json!({}))?;
    ensure!(stranger.status == 401, "{stranger:?}");
    let nowhere = Caller::new(&three.front.base, "nothing", TOKEN)?.call(9, "echo", &json!({}))?;
    ensure!(nowhere.status == 404, "{nowhere:?}");
    for (process, (cell, ..)) in three.cells.iter_mut().zip(CELLS) {
        ensure!(process.terminate(Duration::from_secs(30))?.success(), "{}", process.output());
        records::verify(&three.world.data(cell))?;
        let frames = frames(&three.world, cell)?;
        for (other, ..) in CELLS {
            ensure!(frames.contains(&format!("marker of {other}")) == (cell == other), "{cell} {other}");
        }
    }
    ensure!(three.front.process.terminate(Duration::from_secs(30))?.success());
    nothing_stayed_in_the_front(&three)
}

/// Lines with names and numbers, one for each call, are all that a front keeps.
fn nothing_stayed_in_the_front(three: &Three) -> Result<()> {
    let folder = three.world.folder("front/data");
    let kept: Vec<_> =
        fs::read_dir(&folder)?.filter_map(|e| e.ok()?.file_name().into_string().ok()).collect();
    ensure!(kept == ["routes.jsonl"], "{kept:?}");
    let routes = fs::read_to_string(folder.join("routes.jsonl"))?;
    ensure!(routes.lines().count() == 3, "{routes}");
    for text in [&routes, &three.front.process.output()] {
        ensure!(!text.contains("marker") && !text.contains("example.org") && !text.contains(TOKEN), "{text}");
    }
    Ok(())
}

#[test]
fn a_cell_that_is_away_is_said_to_be_and_comes_back() -> Result<()> {
    let mut three = three(ALLOW_ALL)?;
    let ask = |front: &Front| Caller::new(&front.base, "crm", TOKEN)?.call(7, "echo", &json!({"a": 1}));
    ensure!(ask(&three.front)?.status == 200);
    let stopped = three.cells[0].terminate(Duration::from_secs(30))?;
    ensure!(stopped.success(), "{}", three.cells[0].output());
    let reply = ask(&three.front)?;
    ensure!(reply.status == 503, "{reply:?}");
    ensure!(reply.json()["id"] == 7 && reply.json()["error"]["message"].is_string(), "{reply:?}");
    // The others are as they were.
    let other = Caller::new(&three.front.base, "desk", TOKEN)?.call(8, "echo", &json!({}))?;
    ensure!(other.status == 200, "{other:?}");
    let _again = three.world.cell("eu")?;
    three.front.joined("eu", 3)?;
    ensure!(ask(&three.front)?.status == 200);
    // A front that is killed is joined again by all.
    three.front.process.kill()?;
    let base = three.front.base.clone();
    three.front = three.world.front(Some(&base))?;
    for (cell, ..) in CELLS {
        three.front.joined(cell, 1)?;
    }
    ensure!(ask(&three.front)?.status == 200);
    Ok(())
}

#[test]
fn a_cell_that_stops_finishes_what_is_open() -> Result<()> {
    let gate = Arc::new(Gate::default());
    let held = gate.clone();
    let upstream = Upstream::start(move |seen| match seen.tool().as_str() {
        "echo" => Reply::Held(held.clone(), Box::new(echo(seen))),
        _ => echo(seen),
    })?;
    let mut world = World::new(vec![plan("eu", "de", "crm", &upstream)])?;
    let front = world.front(None)?;
    let mut cell = world.cell("eu")?;
    front.joined("eu", 2)?;
    let base = front.base.clone();
    let call =
        thread::spawn(move || Caller::new(&base, "crm", TOKEN)?.call(1, "echo", &json!({"a": "late"})));
    let end = Instant::now() + Duration::from_secs(30);
    while !upstream.saw("late") && !frames(&world, "eu").unwrap_or_default().contains("late") {
        ensure!(Instant::now() < end, "the call did not arrive");
        thread::yield_now();
    }
    cell.ask_to_stop()?;
    gate.open();
    let reply = call.join().map_err(|_| anyhow::anyhow!("the caller failed"))??;
    ensure!(reply.status == 200 && reply.body.contains("late"), "{reply:?}");
    ensure!(cell.ended(Duration::from_secs(30))?.success(), "{}", cell.output());
    records::verify(&world.data("eu"))?;
    Ok(())
}

#[test]
fn a_stolen_certificate_neither_reads_nor_acts_for_another_cell() -> Result<()> {
    let three = three(ALLOW_ALL)?;
    // With the certificate of `us`: as `eu`; and as itself, offering what `eu` has.
    let as_other = three.world.configure("thief", "eu", "us")?;
    let thief = Process::start(three.world.join(&as_other)?, "carnet: ready")?;
    three.front.says("it says that it is another cell")?;
    drop(thief);
    let text = fs::read_to_string(three.world.configure("thief", "us", "us")?)?;
    let file = three.world.folder("thief/carnet.yaml");
    fs::write(&file, text.replace("  desk:\n", "  crm:\n"))?;
    let thief = Process::start(three.world.join(&file)?, "carnet: ready")?;
    three.front.says("it offers a server that is not its own")?;
    drop(thief);
    let moved = fs::read_to_string(three.world.configure("thief", "us", "us")?)?;
    fs::write(&file, moved.replace("region: us, origin", "region: fr, origin"))?;
    let thief = Process::start(three.world.join(&file)?, "carnet: ready")?;
    three.front.says("it says that it is in another region")?;
    drop(thief);
    // What was asked meanwhile went to the cell that owns it.
    let reply = Caller::new(&three.front.base, "crm", TOKEN)?.call(1, "echo", &json!({"a": "mine"}))?;
    ensure!(reply.status == 200 && three.upstreams[0].saw("mine") && !three.upstreams[1].saw("mine"));
    Ok(())
}

#[test]
fn a_front_with_another_key_is_not_obeyed() -> Result<()> {
    let upstream = Upstream::echo()?;
    let mut world = World::new(vec![plan("eu", "de", "crm", &upstream)])?;
    let front = world.front(None)?;
    let base = front.base.clone();
    let cell = world.cell("eu")?;
    front.joined("eu", 1)?;
    drop(front);
    // The same certificate, another key for assertions: what a stolen server key alone is worth.
    fs::copy(world.folder("policies.key"), world.folder("assertions.key"))?;
    let front = world.front(Some(&base))?;
    front.says("the cell does not accept this front's key")?;
    let reply = Caller::new(&front.base, "crm", TOKEN)?.call(1, "echo", &json!({"a": "forged"}))?;
    ensure!(reply.status == 503 && !upstream.saw("forged"), "{reply:?}");
    drop(cell);
    Ok(())
}

fn sign(world: &World, policy: &str, number: u64) -> Result<bool> {
    fs::write(world.folder("all.cedar"), policy)?;
    let mut command = Command::new(binary()?);
    command
        .args(["policy", "sign", "--number", &number.to_string(), "--key"])
        .arg(world.folder("policies.key"));
    command.arg("-o").arg(world.folder("bundle.json")).arg(world.folder("all.cedar"));
    Ok(command.output()?.status.success())
}

#[test]
fn distributed_policies_only_take_away_and_outlive_the_front() -> Result<()> {
    const NO_ECHO: &str =
        r#"@id("all-no-echo") forbid (principal, action == Action::"tools/call", resource);"#;
    let upstream = Upstream::echo()?;
    let mut world = World::new(vec![plan("eu", "de", "crm", &upstream)])?;
    ensure!(!sign(&world, ALLOW_ALL, 1)?, "a policy that permits was signed");
    ensure!(sign(&world, NO_ECHO, 2)?);
    world.front_more = "policies: ../bundle.json\n".to_owned();
    let mut front = world.front(None)?;
    let base = front.base.clone();
    let mut cell = world.cell("eu")?;
    front.joined("eu", 1)?;
    let call = |n| Caller::new(&base, "crm", TOKEN)?.call(n, "echo", &json!({"n": n}));
    ensure!(call(1)?.body.contains("all-no-echo"), "{:?}", call(1)?);
    // An older one is not taken; one of another key neither. What was taken stays without the front, too.
    front.process.kill()?;
    ensure!(sign(&world, r#"@id("nothing") forbid (principal, action == Action::"ping", resource);"#, 1)?);
    cell.kill()?;
    front = world.front(Some(&base))?;
    cell = world.cell("eu")?;
    front.joined("eu", 1)?;
    ensure!(call(2)?.body.contains("all-no-echo"));
    let kept = world.data("eu").join("front-policies.json");
    let text = fs::read_to_string(&kept)?;
    cell.kill()?;
    fs::write(&kept, text.replacen("\"payload\":\"ey", "\"payload\":\"eX", 1))?;
    let refused = world.join(&world.folder("eu/carnet.yaml"))?.output()?;
    ensure!(!refused.status.success(), "a changed bundle was taken");
    fs::write(&kept, text)?;
    // A newer one takes its place.
    let _cell = world.cell("eu")?;
    ensure!(sign(&world, r#"@id("nothing") forbid (principal, action == Action::"ping", resource);"#, 3)?);
    let end = Instant::now() + Duration::from_secs(60);
    while call(3)?.status != 200 || call(3)?.body.contains("all-no-echo") {
        ensure!(Instant::now() < end, "version 3 did not come into force");
        thread::yield_now();
    }
    ensure!(upstream.saw("\"n\":3") && !upstream.saw("\"n\":1") && !upstream.saw("\"n\":2"));
    Ok(())
}

/// Clients that call without end; each marker is used once.
struct Load {
    base: String,
    over: AtomicBool,
    replies: AtomicU64,
    /// Answered with an error that says what is the matter.
    refused: AtomicU64,
    /// Not answered at all.
    silent: AtomicU64,
}

impl Load {
    fn new(three: &Three) -> Load {
        Load {
            base: three.front.base.clone(),
            over: AtomicBool::new(false),
            replies: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            silent: AtomicU64::new(0),
        }
    }

    fn client(&self, name: usize) -> BTreeSet<String> {
        let (mut seen, mut sent) = (BTreeSet::new(), 0u64);
        while !self.over.load(Ordering::Acquire) {
            let server = CELLS[name % 3].2;
            let Ok(mut caller) = Caller::new(&self.base, server, TOKEN) else { continue };
            while !self.over.load(Ordering::Acquire) {
                sent += 1;
                let marker = format!("marker {name} of call {sent} ends");
                let Ok(reply) = caller.call(sent, "echo", &json!({"marker": marker})) else {
                    self.silent.fetch_add(1, Ordering::AcqRel);
                    break;
                };
                match reply.status {
                    200 if reply.body.contains(&marker) => {
                        seen.insert(marker);
                        self.replies.fetch_add(1, Ordering::AcqRel);
                    }
                    502 | 503 if reply.json()["error"]["message"].is_string() => {
                        self.refused.fetch_add(1, Ordering::AcqRel);
                    }
                    _ => panic!("{reply:?}"),
                }
            }
        }
        seen
    }

    fn wait_for(&self, more: u64) -> Result<()> {
        let enough = self.replies.load(Ordering::Acquire) + more;
        let end = Instant::now() + Duration::from_secs(60);
        while self.replies.load(Ordering::Acquire) < enough {
            ensure!(Instant::now() < end, "no replies");
            thread::yield_now();
        }
        Ok(())
    }
}

#[test]
fn killed_under_load_nothing_runs_twice_and_nothing_answered_is_lost() -> Result<()> {
    let mut three = three(ALLOW_ALL)?;
    let load = Load::new(&three);
    let seen = under_load(&load, || kills(&mut three, &load))?;
    all_held(&mut three, &seen)
}

/// What clients have seen answered while something happened.
fn under_load(load: &Load, happens: impl FnOnce() -> Result<()>) -> Result<Vec<BTreeSet<String>>> {
    thread::scope(|scope| -> Result<Vec<BTreeSet<String>>> {
        let clients: Vec<_> = (0..6).map(|n| scope.spawn(move || load.client(n))).collect();
        let happened = happens();
        load.over.store(true, Ordering::Release);
        let seen = clients.into_iter().map(|c| c.join().map_err(|_| anyhow::anyhow!("a client failed")));
        let seen = seen.collect();
        happened.and(seen)
    })
}

/// The proofs of every cell verify, and its log and its server agree with what clients have seen.
fn all_held(three: &mut Three, seen: &[BTreeSet<String>]) -> Result<()> {
    for (n, (cell, ..)) in CELLS.iter().enumerate() {
        ensure!(three.cells[n].terminate(Duration::from_secs(30))?.success(), "{}", three.cells[n].output());
        records::verify(&three.world.data(cell))?;
        let answered: BTreeSet<_> =
            seen.iter().enumerate().filter(|(c, _)| c % 3 == n).flat_map(|(_, s)| s).collect();
        held(three, n, &answered).with_context(|| (*cell).to_owned())?;
    }
    Ok(())
}

#[test]
fn delayed_cut_and_partitioned_under_load_nothing_runs_twice_and_every_call_is_answered() -> Result<()> {
    let upstreams: Vec<_> = (0..3).map(|_| Upstream::echo().map(Arc::new)).collect::<Result<_>>()?;
    let plans = CELLS.iter().zip(&upstreams);
    let plans = plans
        .map(|((cell, region, server), up)| Plan { policies: ALLOW_ALL, ..plan(cell, region, server, up) });
    let mut world = World::new(plans.collect())?;
    let front = world.front(None)?;
    let weather: Vec<_> =
        CELLS.iter().map(|_| Weather::before(front.tunnel.parse()?)).collect::<Result<_>>()?;
    world.through = CELLS.iter().zip(&weather).map(|((cell, ..), w)| (*cell, w.address)).collect();
    let cells = CELLS.iter().map(|(cell, ..)| world.cell(cell)).collect::<Result<Vec<_>>>()?;
    for (cell, ..) in CELLS {
        front.joined(cell, 2)?;
    }
    let mut three = Three { world, front, cells, upstreams };
    let load = Load::new(&three);
    let seen = under_load(&load, || storm(&three.front, &weather, &load))?;
    // A caller who was connected the whole time got an answer to each call, if only one that says what is the matter.
    let (refused, silent) = (load.refused.load(Ordering::Acquire), load.silent.load(Ordering::Acquire));
    ensure!(silent == 0 && refused > 0, "{silent} calls without an answer, {refused} refused");
    all_held(&mut three, &seen)
}

fn storm(front: &Front, weather: &[Weather], load: &Load) -> Result<()> {
    load.wait_for(30)?;
    for (n, weather) in weather.iter().enumerate() {
        weather.delay(Duration::from_millis(20 * (n as u64 + 1)));
    }
    load.wait_for(60)?;
    for round in 0..9 {
        weather[round % 3].cut();
        load.wait_for(20)?;
    }
    // Two cells cannot be reached, and nobody is told: what was asked of them is answered all the same, and the third goes on.
    let gone = "a connection of a cell has ended";
    for n in [0, 1] {
        let ended = front.process.output().matches(gone).count();
        weather[n].swallow(true);
        let noticed = front.process.wait_for(|said| (said.matches(gone).count() >= ended + 2).then_some(()));
        noticed.context("the partition was not noticed")?;
        let third = Caller::new(&front.base, "shop", TOKEN)?.call(
            1,
            "echo",
            &json!({"marker": format!("in {n}")}),
        )?;
        ensure!(third.status == 200, "{third:?}");
        weather[n].swallow(false);
        let end = Instant::now() + Duration::from_secs(60);
        while Caller::new(&front.base, CELLS[n].2, TOKEN)?.call(1, "ping", &json!({}))?.status == 503 {
            ensure!(Instant::now() < end, "{} did not come back", CELLS[n].0);
        }
        load.wait_for(20)?;
    }
    weather.iter().for_each(|w| w.delay(Duration::ZERO));
    load.wait_for(60)
}

fn kills(three: &mut Three, load: &Load) -> Result<()> {
    for round in 0..9 {
        load.wait_for(20)?;
        match round % 3 {
            0 => {
                three.front.process.kill()?;
                three.front = three.world.front(Some(&load.base))?;
            }
            _ => {
                let n = round % 2;
                three.cells[n].kill()?;
                three.cells[n] = three.world.cell(CELLS[n].0)?;
            }
        }
    }
    load.wait_for(20)
}

/// Every reply that a caller has seen is an outcome in the log of its cell; no call reached its server twice; nothing of
/// another cell's callers is there.
fn held(three: &Three, n: usize, answered: &BTreeSet<&String>) -> Result<()> {
    ensure!(!answered.is_empty(), "nothing was answered");
    let records = records::read(&three.world.data(CELLS[n].0))?;
    let outcomes: String =
        records.iter().filter(|r| r.ty == LeafType::CallOutcome).filter_map(|r| r.frame.as_deref()).collect();
    for marker in answered {
        ensure!(outcomes.contains(marker.as_str()), "{marker} was answered and is not recorded");
    }
    let frames: String = records.iter().filter_map(|r| r.frame.as_deref()).collect();
    for other in (0..6).filter(|client| client % 3 != n) {
        ensure!(!frames.contains(&format!("marker {other} of call")), "a record of another cell's caller");
    }
    let ran = three.upstreams[n].seen();
    let mut once = BTreeSet::new();
    for call in ran.iter().filter(|s| s.tool() == "echo") {
        let marker = call.json()["params"]["arguments"]["marker"].to_string();
        ensure!(once.insert(marker.clone()), "{marker} ran twice");
    }
    Ok(())
}
