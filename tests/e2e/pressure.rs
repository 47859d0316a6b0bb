//! Back-pressure: what nobody reads waits in the cell, not in the front, and holds up nobody else; a cell that stands still takes as
//! many places as there are, and no memory.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use carnet_tests::cells::World;
use carnet_tests::gateway::TOKEN;
use carnet_tests::process::Process;
use carnet_tests::upstream::{Upstream, echo};
use carnet_tests::wire::{Caller, Wire};
use serde_json::json;

use crate::approvals::resident;
use crate::fronts::{ask, plan};

const LIMIT: Duration = Duration::from_secs(60);

/// A server with a tool `large`, whose text is `bytes` long.
fn with_large(bytes: usize) -> Result<Upstream> {
    let text = Arc::new("words ".repeat(bytes / 6));
    Upstream::start(move |seen| if seen.tool() == "large" { seen.text(&text) } else { echo(seen) })
}

/// Callers who read nothing.
const LAZY: u64 = 40;

#[test]
fn replies_that_nobody_reads_hold_up_nobody_else() -> Result<()> {
    let upstream = with_large(4 << 20)?;
    let mut world = World::new(vec![plan("eu", "de", "crm", &upstream)])?;
    let front = world.front(None)?;
    let _cell = world.cell("eu")?;
    front.joined("eu", 2)?;
    // More than a connection's window would hold if it were as small as HTTP/2's usual one, on both connections.
    let (mut lazy, before) = (Vec::new(), resident(front.process.id())?);
    for id in 0..LAZY {
        let mut wire = Wire::connect(&front.base)?;
        let body = carnet_tests::wire::call(id, "large", &json!({}));
        wire.send(
            format!(
                "POST /mcp/crm HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {TOKEN}\r\ncontent-type: application/json\r\n\
                 accept: application/json, text/event-stream\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            )
            .as_bytes(),
        )?;
        ensure!(wire.head()?.0 == 200);
        lazy.push(wire);
    }
    let began = Instant::now();
    for id in 0..50 {
        ensure!(ask(&front.base, "crm", 100 + id)?.status == 200);
    }
    ensure!(began.elapsed() < LIMIT / 2, "small calls took {:?}", began.elapsed());
    // Of each reply the front holds its window and what the sockets' buffers have not taken; the rest waits in the cell.
    let grown = resident(front.process.id())?.saturating_sub(before) >> 20;
    ensure!(grown < LAZY * 2, "the front has {grown} MiB more for {LAZY} replies of 4 MiB that nobody reads");
    // Whoever reads in the end gets everything.
    let mut wire = lazy.pop().context("one")?;
    let mut read = 0;
    while read < 4 << 20 {
        read += wire.some()?;
    }
    Ok(())
}

/// A cell that stands still: as many calls as have a place wait for it, all others are told at once, and nothing is put by.
#[test]
fn a_cell_that_stands_still_fills_the_places_and_no_memory() -> Result<()> {
    const PLACES: usize = 8;
    let upstream = Upstream::echo()?;
    let mut world =
        World::new(vec![plan("eu", "de", "crm", &upstream), plan("us", "us", "desk", &upstream)])?;
    world.front_more = format!("limits: {{ concurrency: {PLACES} }}\n");
    let front = world.front(None)?;
    let cells = [world.cell("eu")?, world.cell("us")?];
    front.joined("eu", 2)?;
    front.joined("us", 2)?;
    let before = resident(front.process.id())?;
    signal("-STOP", &cells[0])?;
    let text = "words ".repeat(20_000);
    let waiting: Vec<_> = (0..PLACES as u64)
        .map(|id| {
            let (base, text) = (front.base.clone(), text.clone());
            // The question below takes a place too, for a moment.
            thread::spawn(move || {
                loop {
                    let reply =
                        Caller::new(&base, "crm", TOKEN)?.call(id, "echo", &json!({ "text": text }))?;
                    if reply.status != 503 {
                        return Ok::<_, anyhow::Error>(reply);
                    }
                }
            })
        })
        .collect();
    // Once every place is taken, whoever comes is told so.
    let busy = |id| Ok::<_, anyhow::Error>(ask(&front.base, "desk", id)?.status == 503);
    let end = Instant::now() + LIMIT;
    while !busy(100)? {
        ensure!(Instant::now() < end, "there is always a place");
    }
    for id in 0..200 {
        ensure!(busy(101 + id)?, "a place that is taken was given again");
    }
    let grown = resident(front.process.id())?.saturating_sub(before) >> 20;
    ensure!(grown < 24, "the front has {grown} MiB more");
    signal("-CONT", &cells[0])?;
    for call in waiting {
        let reply = call.join().map_err(|_| anyhow::anyhow!("a caller failed"))??;
        ensure!(reply.status == 200, "{reply:?}");
    }
    ensure!(ask(&front.base, "desk", 9)?.status == 200);
    Ok(())
}

fn signal(name: &str, process: &Process) -> Result<()> {
    let sent = std::process::Command::new("kill").args([name, &process.id().to_string()]).status()?;
    ensure!(sent.success(), "{name} could not be sent");
    Ok(())
}
