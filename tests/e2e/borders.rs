//! Three cells, a front and their callers in network namespaces of their own: nothing crosses between them but calls and
//! what the cells released, with errors, crashes, retries and exports going on.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use carnet_tests::cells::{Front, Plan, World};
use carnet_tests::gateway::{NOTHING_PERSONAL, TOKEN, binary};
use carnet_tests::net::{Flows, Net, Storm, found, in_memory};
use carnet_tests::records;
use carnet_tests::wire::Caller;
use serde_json::{Value, json};

use crate::servers;

pub(crate) const CELLS: [(&str, &str); 3] = [("eu", "de"), ("us", "us"), ("asia", "in")];

/// What must stay where it is: a value of each class, another in each cell.
pub(crate) fn personal(cell: &str) -> [String; 4] {
    let n = CELLS.iter().position(|(c, _)| *c == cell).unwrap_or(0);
    let iban = ["DE89370400440532013000", "GB29NWBK60161331926819", "FR1420041010050500013M02606"];
    let card = ["4111111111111111", "5555555555554444", "378282246310005"];
    let phone = ["+49 30 901820", "+1 202-456-1414", "+91 11 2338 8911"];
    [format!("greta.{cell}@lindqvist.example"), iban[n].to_owned(), card[n].to_owned(), phone[n].to_owned()]
}

pub(crate) fn tool(id: u64, name: &str, arguments: &Value) -> String {
    json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {"name": name, "arguments": arguments}})
        .to_string()
}

/// A session of a real server: initialised, then one call for each row.
pub(crate) fn session(front: &Front, server: &str, calls: &[(&str, Value)]) -> Result<Vec<String>> {
    let mut caller = Caller::new(&front.base, server, TOKEN)?;
    caller.set("host", front.base.trim_start_matches("http://"));
    caller.initialize()?;
    caller.set("mcp-protocol-version", "2025-11-25");
    caller.post(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#)?;
    let mut said = Vec::new();
    for (n, (name, arguments)) in calls.iter().enumerate() {
        said.push(caller.post(&tool(n as u64 + 1, name, arguments))?.body);
    }
    Ok(said)
}

/// A folder of files for the file server beside each cell.
pub(crate) fn plans(world: &std::path::Path) -> Result<Vec<Plan>> {
    let mut plans = Vec::new();
    for (cell, region) in CELLS {
        let files = world.join(format!("files-{cell}"));
        fs::create_dir_all(&files)?;
        fs::write(files.join("person.txt"), personal(cell).join(", "))?;
        fs::write(files.join("plain.txt"), format!("harmless words of {cell}"))?;
        let command = servers::node(
            "@modelcontextprotocol/server-filesystem/dist/index.js",
            &[&files.display().to_string()],
        )?;
        let name = format!("files-{cell}");
        let lines = format!(
            "  {name}:\n    command: {}\n    inherit: [PATH, HOME]\n    region: {region}\n",
            json!(command)
        );
        plans.push(Plan { name: cell, region, servers: vec![(name, lines)], policies: NOTHING_PERSONAL });
    }
    Ok(plans)
}

#[test]
fn nothing_crosses_between_namespaces_that_was_not_released() -> Result<()> {
    let Some(net) = Net::new(&["front", "eu", "us", "asia"]) else { return Ok(()) };
    let place = tempfile::tempdir()?;
    let mut world = World::new_at(plans(place.path())?, &net.address("front"))?;
    let net = std::sync::Arc::new(net);
    world.net = Some(net.clone());
    let mut capture = net.capture(&place.path().join("capture"))?;
    let mut front = world.front(None)?;
    let mut cells = CELLS.iter().map(|(cell, _)| world.cell(cell)).collect::<Result<Vec<_>>>()?;
    for (cell, _) in CELLS {
        front.joined(cell, 1)?;
    }
    let all: Vec<String> = CELLS.iter().flat_map(|(cell, _)| personal(cell)).collect();
    let secret: Vec<&str> = all.iter().map(String::as_str).collect();
    for round in 0..3 {
        for (n, (cell, _)) in CELLS.iter().enumerate() {
            use_it(&front, place.path(), cell).with_context(|| format!("{cell} in round {round}"))?;
            export(&world, cell, round)?;
            ensure!(in_memory(front.process.id(), &secret)?.is_empty(), "a value is in the front's memory");
            if round == n {
                cells[n].kill()?;
                let away = session(&front, &format!("files-{cell}"), &[]);
                ensure!(away.is_err(), "a dead cell answered");
                cells[n] = world.cell(cell)?;
                front.joined(cell, 2 + usize::from(round > 0))?;
            }
        }
    }
    for ((cell, _), process) in CELLS.iter().zip(&mut cells) {
        ensure!(process.terminate(Duration::from_secs(30))?.success(), "{}", process.output());
        records::verify(&world.data(cell))?;
    }
    ensure!(front.process.terminate(Duration::from_secs(30))?.success());
    judge(&net, &capture.end()?, &secret)
}

#[test]
fn a_cell_whose_cable_is_out_is_said_to_be_gone_and_comes_back() -> Result<()> {
    let Some(net) = Net::new(&["front", "eu", "us", "asia"]) else { return Ok(()) };
    let place = tempfile::tempdir()?;
    let mut world = World::new_at(plans(place.path())?, &net.address("front"))?;
    let net = std::sync::Arc::new(net);
    world.net = Some(net.clone());
    let _bad = net.weather(&Storm { loss: 3, doubles: 1, reordered: 20, delay: 5, jitter: 3, seed: 1 })?;
    let front = world.front(None)?;
    let mut cells = [world.cell("eu")?, world.cell("us")?];
    front.joined("eu", 2)?;
    front.joined("us", 2)?;
    let plain = |cell: &str| {
        let file = json!({"path": place.path().join(format!("files-{cell}")).join("plain.txt")});
        session(&front, &format!("files-{cell}"), &[("read_text_file", file)])
    };
    ensure!(plain("eu")?[0].contains("harmless words of eu"));
    net.link("eu", false)?;
    let path = place.path().join("files-eu/plain.txt");
    let mut caller = Caller::new(&front.base, "files-eu", TOKEN)?;
    caller.set("host", front.base.trim_start_matches("http://"));
    // It cannot be known whether this one ran: that is what its caller is told, as soon as the silence is noticed.
    let lost = caller.post(&tool(1, "read_text_file", &json!({ "path": path })))?;
    ensure!(lost.status == 502 && lost.body.contains("whether the call ran"), "{lost:?}");
    ensure!(plain("us")?[0].contains("harmless words of us"), "the other cell is held up");
    front.says("a connection of a cell has ended")?;
    net.link("eu", true)?;
    front.joined("eu", 4)?;
    ensure!(plain("eu")?[0].contains("harmless words of eu"));
    for ((cell, _), process) in CELLS.iter().zip(&mut cells) {
        ensure!(process.terminate(Duration::from_secs(30))?.success(), "{}", process.output());
        records::verify(&world.data(cell))?;
    }
    Ok(())
}

/// What is asked of a cell: a file that is harmless, one with persons, one that is not there, one that is forbidden.
pub(crate) fn use_it(front: &Front, place: &std::path::Path, cell: &str) -> Result<()> {
    let file = |name: &str| json!({"path": place.join(format!("files-{cell}")).join(name)});
    let calls = [
        ("read_text_file", file("plain.txt")),
        ("read_text_file", file("person.txt")),
        ("read_text_file", file("no-such-file")),
        ("read_text_file", json!({"path": "/etc/shadow"})),
        ("no_such_tool", json!({})),
    ];
    let said = session(front, &format!("files-{cell}"), &calls)?;
    ensure!(said[0].contains(&format!("harmless words of {cell}")), "{said:?}");
    for value in personal(cell) {
        ensure!(said.iter().all(|s| !s.contains(&value)), "{value} was shown");
    }
    ensure!(said[1].contains("[EMAIL]") && said[1].contains("[IBAN]"), "{}", said[1]);
    Ok(())
}

/// An auditor's package is made while calls go on; it stays in the cell.
fn export(world: &World, cell: &str, round: usize) -> Result<()> {
    let mut command = Command::new(binary()?);
    command.args(["evidence", "export", "--config"]).arg(world.folder(cell).join("carnet.yaml"));
    command.arg("-o").arg(world.folder(cell).join(format!("{round}.carnet")));
    let output = command.output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// Callers and cells speak with the front and with nobody else; what the front gives to callers in clear holds no value
/// that no cell released, and what cells send nobody reads.
fn judge(net: &Net, flows: &Flows, secret: &[&str]) -> Result<()> {
    let (front, callers) = (net.address("front"), net.own_address());
    let mut pairs = BTreeSet::new();
    for ((from, to), streams) in flows {
        ensure!(*from == front || *to == front, "{from} spoke with {to}");
        pairs.insert((from.clone(), to.clone()));
        for stream in streams {
            let shown = found(stream, secret);
            ensure!(shown.is_empty(), "{from} to {to}: {shown:?}");
            let harmless = found(stream, &["harmless words", "jsonrpc", "person.txt"]);
            let in_clear = *from == callers || *to == callers;
            ensure!(in_clear || harmless.is_empty(), "{from} to {to} is in clear: {harmless:?}");
        }
    }
    // The capture sees what it is to see.
    for other in CELLS.iter().map(|(cell, _)| net.address(cell)).chain([callers.clone()]) {
        ensure!(pairs.contains(&(other.clone(), front.clone())), "nothing captured from {other}");
    }
    let replies = flows.get(&(front, callers)).context("replies")?;
    ensure!(replies.iter().any(|s| !found(s, &["harmless words of eu"]).is_empty()), "no reply was captured");
    Ok(())
}
