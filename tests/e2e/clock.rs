//! The clock is moved under a gateway that runs (libfaketime): an approval comes neither back nor early, and every end has its leaf.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use carnet_evidence::LeafType;
use carnet_tests::gateway::{Gateway, Setup, token};
use carnet_tests::records::Record;
use carnet_tests::upstream::Upstream;
use carnet_tests::wire::Caller;
use serde_json::json;

use crate::approvals::{
    LIMIT, POLICY, QUICK, approvals, approve, count, id_of, last, legacy, one, ran, setup, stop, text,
};

const LIBRARY: [&str; 3] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1",
    "/usr/lib64/faketime/libfaketime.so.1",
];

/// A gateway whose clock is set by a file. Timers go by the real one.
struct Clock {
    upstream: Upstream,
    setup: Setup,
    file: PathBuf,
}

impl Clock {
    fn new() -> Result<Clock> {
        let upstream = Upstream::echo()?;
        let setup = setup(&upstream, POLICY, &format!("{QUICK}admin: {{ address: \"127.0.0.1:0\" }}\n"))?;
        let file = setup.path().join("offset");
        let clock = Clock { upstream, setup, file };
        clock.set("+0")?;
        Ok(clock)
    }

    /// Seconds before or after now, or days.
    fn set(&self, offset: &str) -> Result<()> {
        let new = self.file.with_extension("new");
        std::fs::write(&new, offset)?;
        Ok(std::fs::rename(new, &self.file)?)
    }

    fn start(&self) -> Result<Gateway> {
        let library = LIBRARY.into_iter().find(|l| std::path::Path::new(l).is_file());
        let library =
            library.ok_or_else(|| anyhow::anyhow!("libfaketime is not installed: `cargo xtask peers`"))?;
        let mut command = self.setup.command()?;
        command.env("LD_PRELOAD", library).env("FAKETIME_TIMESTAMP_FILE", &self.file);
        command.env("FAKETIME_NO_CACHE", "1").env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        Gateway::start(command)
    }

    /// Ada asks for the export: what she is told.
    fn ask(&self, gateway: &Gateway, id: u64) -> Result<String> {
        let mut ada = Caller::new(gateway.base(), "up", &token("ada"))?;
        Ok(text(&last(&legacy(&mut ada, id, &json!({"to": "x", "n": 3}), None)?)))
    }

    /// Bob says yes; whether that had an effect, and what he is told.
    fn vote(&self, id: &str) -> Result<(bool, String)> {
        approvals(&self.setup, "bob", &["approve", id, "--reason", "it is right"])
    }
}

#[test]
fn a_review_that_is_overdue_shows_everywhere() -> Result<()> {
    let clock = Clock::new()?;
    let gateway = clock.start()?;
    let admin = gateway.admin()?;
    let get = |path: &str| -> Result<String> {
        Ok(carnet_tests::http::send("GET", &format!("{admin}{path}"), &[], "")?.body)
    };
    clock.ask(&gateway, 1)?;
    let id = id_of(&one(&clock.setup, "cleo", "pending")?);
    let (done, said) = approvals(&clock.setup, "cleo", &["break-glass", &id, "--reason", "the house burns"])?;
    ensure!(done, "{said}");
    let got = clock.ask(&gateway, 2)?;
    ensure!(got.contains("\"n\":3") && ran(&clock.upstream) == 1, "{got}");
    ensure!(get("/metrics")?.contains("carnet_reviews_overdue 0"));
    clock.set("+2h")?;
    let began = std::time::Instant::now();
    while !get("/metrics")?.contains("carnet_reviews_overdue 1") {
        ensure!(began.elapsed() < LIMIT, "{}", get("/metrics")?);
    }
    ensure!(get("/readyz")?.contains("\"overdue_reviews\": 1"), "{}", get("/readyz")?);
    let (_, listed) = approvals(&clock.setup, "bob", &["list"])?;
    let (_, shown) = approvals(&clock.setup, "bob", &["show", &id])?;
    ensure!(listed.to_lowercase().contains("overdue") && shown.contains("OVERDUE"), "{listed}{shown}");
    let said = gateway.process.output();
    ensure!(said.contains("has not been reviewed in time"), "{said}");
    let (done, said) = approvals(&clock.setup, "bob", &["review", &id, "--reason", "it did burn"])?;
    ensure!(done, "{said}");
    while !get("/metrics")?.contains("carnet_reviews_overdue 0") {
        ensure!(began.elapsed() < LIMIT, "{}", get("/metrics")?);
    }
    // A clock that jumps over hours is a silence in the log, and the verifier says so: nothing to verify here.
    drop(gateway);
    Ok(())
}

fn endings(records: &[Record]) -> (usize, usize) {
    (count(records, LeafType::ApprovalExpire), count(records, LeafType::ApprovalConsume))
}

#[test]
fn forward_past_its_time_a_request_is_over_and_back_again_too() -> Result<()> {
    let clock = Clock::new()?;
    let mut gateway = clock.start()?;
    clock.ask(&gateway, 1)?;
    let id = id_of(&one(&clock.setup, "bob", "pending")?);
    clock.set("+25")?;
    one(&clock.setup, "bob", "expired")?;
    let (done, said) = clock.vote(&id)?;
    ensure!(!done, "{said}");
    // Back before its end, and over a crash: it stays over.
    clock.set("+1")?;
    ensure!(!clock.vote(&id)?.0);
    gateway.process.kill()?;
    let gateway = clock.start()?;
    let (done, said) = clock.vote(&id)?;
    ensure!(!done, "{said}");
    let again = clock.ask(&gateway, 2)?;
    ensure!(again.contains("waits for an approval") && !again.contains(&id), "{again}");
    ensure!(ran(&clock.upstream) == 0);
    let records = stop(gateway, &clock.setup)?;
    ensure!(endings(&records) == (1, 0), "{:?}", endings(&records));
    Ok(())
}

#[test]
fn backward_before_the_vote_nothing_is_gained_and_it_runs_once() -> Result<()> {
    let clock = Clock::new()?;
    let gateway = clock.start()?;
    clock.ask(&gateway, 1)?;
    let id = id_of(&one(&clock.setup, "bob", "pending")?);
    clock.set("-3600")?;
    let (done, said) = clock.vote(&id)?;
    ensure!(done, "{said}");
    let got = clock.ask(&gateway, 2)?;
    ensure!(got.contains("\"n\":3") && ran(&clock.upstream) == 1, "{got}");
    clock.set("+0")?;
    let again = clock.ask(&gateway, 3)?;
    ensure!(again.contains("waits for an approval") && ran(&clock.upstream) == 1, "{again}");
    let records = stop(gateway, &clock.setup)?;
    ensure!(endings(&records) == (0, 1), "{:?}", endings(&records));
    Ok(())
}

#[test]
fn an_approval_that_is_past_its_time_runs_nothing_however_the_clock_goes() -> Result<()> {
    let clock = Clock::new()?;
    let mut gateway = clock.start()?;
    clock.ask(&gateway, 1)?;
    approve(&clock.setup, "bob")?;
    // Past its time while nobody runs it, over a crash, and back.
    gateway.process.kill()?;
    clock.set("+25")?;
    let mut gateway = clock.start()?;
    one(&clock.setup, "bob", "expired")?;
    clock.set("+0")?;
    gateway.process.kill()?;
    let gateway = clock.start()?;
    let late = clock.ask(&gateway, 2)?;
    ensure!(late.contains("waits for an approval") && ran(&clock.upstream) == 0, "{late}");
    let records = stop(gateway, &clock.setup)?;
    ensure!(endings(&records) == (1, 0), "{:?}", endings(&records));
    Ok(())
}
