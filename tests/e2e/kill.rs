//! kill -9 under load, two hundred times, on one data folder: what a caller has seen is in the log, and every start
//! recovers. The moments are drawn, also some in the middle of a start.

use std::collections::BTreeSet;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use carnet_evidence::LeafType;
use carnet_tests::gateway::{ALLOW_ALL, Setup, TOKEN};
use carnet_tests::records;
use carnet_tests::upstream::Upstream;
use carnet_tests::wire::Caller;
use serde_json::json;

const KILLS: u64 = 200;
const CLIENTS: u64 = 6;
/// Replies in all between a start and its kill, at most.
const MOST: u64 = 20;
/// Kills between two checks of the log.
const CHECK: u64 = 20;

/// What the clients share.
#[derive(Default)]
struct Load {
    /// Where the gateway is now, and how often it was started.
    base: Mutex<(u64, String)>,
    started: Condvar,
    replies: AtomicU64,
    over: AtomicBool,
}

impl Load {
    fn announce(&self, base: &str) {
        let mut at = self.base.lock().unwrap();
        *at = (at.0 + 1, base.to_owned());
        self.started.notify_all();
    }

    /// The gateway after the one of this number.
    fn next(&self, number: u64) -> (u64, String) {
        let mut at = self.base.lock().unwrap();
        while at.0 <= number && !self.over.load(Ordering::Acquire) {
            at = self.started.wait(at).unwrap();
        }
        at.clone()
    }

    /// Calls until the end; gives the markers of all replies that were seen.
    fn client(&self, name: u64) -> BTreeSet<String> {
        let mut seen = BTreeSet::new();
        let (mut number, mut sent) = (0, 0u64);
        while !self.over.load(Ordering::Acquire) {
            let (next, base) = self.next(number);
            number = next;
            let Ok(mut caller) = Caller::new(&base, "light", TOKEN) else { continue };
            while !self.over.load(Ordering::Acquire) {
                sent += 1;
                let marker = marker(name, sent);
                let Ok(reply) = caller.call(sent, "echo", &json!({"marker": marker})) else { break };
                assert_eq!(reply.status, 200, "{reply:?}");
                assert!(reply.body.contains(&marker), "{reply:?}");
                seen.insert(marker);
                self.replies.fetch_add(1, Ordering::AcqRel);
            }
        }
        seen
    }
}

fn marker(client: u64, call: u64) -> String {
    format!("marker {client} of call {call} ends")
}

/// splitmix64: the same moments in every run, as far as the machine allows.
struct Draw(u64);

impl Draw {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }
}

/// Lets a drawn time pass.
fn pass(time: Duration) {
    let end = Instant::now() + time;
    while Instant::now() < end {
        thread::yield_now();
    }
}

#[test]
fn no_reply_without_its_record_after_200_kills() -> Result<()> {
    let upstream = Upstream::echo()?;
    let servers = format!("{}evidence: {{ segment: 1MiB }}\n", upstream.server("light"));
    let setup = Setup::with_token(&servers, ALLOW_ALL)?;
    let load = Load::default();
    let seen = thread::scope(|scope| -> Result<BTreeSet<String>> {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|name| {
                scope.spawn({
                    let load = &load;
                    move || load.client(name)
                })
            })
            .collect();
        let kills = kills(&setup, &load);
        load.over.store(true, Ordering::Release);
        load.started.notify_all();
        let seen = clients.into_iter().flat_map(|c| c.join().unwrap()).collect();
        kills.map(|()| seen)
    })?;
    let mut gateway = setup.start()?;
    let status = gateway.process.terminate(Duration::from_secs(30))?;
    ensure!(status.success(), "{status}: {}", gateway.process.output());
    records::verify(&setup.data())?;
    complete(&setup, &seen)
}

fn kills(setup: &Setup, load: &Load) -> Result<()> {
    let mut draw = Draw(1);
    for kill in 1..=KILLS {
        let mut gateway = setup.start().with_context(|| format!("start after {kill} kills"))?;
        load.announce(gateway.base());
        let enough = load.replies.load(Ordering::Acquire) + 1 + draw.below(MOST);
        let limit = Instant::now() + Duration::from_secs(30);
        while load.replies.load(Ordering::Acquire) < enough {
            ensure!(Instant::now() < limit, "no replies after kill {kill}: {}", gateway.process.output());
            thread::yield_now();
        }
        if kill % CHECK == 0 {
            holds(setup).with_context(|| format!("after {kill} kills"))?;
        }
        pass(Duration::from_micros(draw.below(3000)));
        gateway.process.kill()?;
        if kill % 8 == 0 {
            kill_a_start(setup, Duration::from_millis(draw.below(60)))?;
        }
    }
    Ok(())
}

/// The log holds. Its checkpoint follows within a second, so the first one may still be on its way.
fn holds(setup: &Setup) -> Result<()> {
    let limit = Instant::now() + Duration::from_secs(10);
    loop {
        match records::verify(&setup.data()) {
            Err(error) if Instant::now() > limit => return Err(error),
            Err(_) => {}
            Ok(_) => return Ok(()),
        }
    }
}

/// A start that is killed after this time, whatever it is at.
fn kill_a_start(setup: &Setup, after: Duration) -> Result<()> {
    let mut command = setup.command()?;
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    pass(after);
    child.kill()?;
    child.wait()?;
    Ok(())
}

/// Every reply that was seen has an outcome with its text, and that a decision with it.
fn complete(setup: &Setup, seen: &BTreeSet<String>) -> Result<()> {
    let records = records::read(&setup.data())?;
    let marked = |frame: &Option<String>| -> Option<String> {
        let frame = frame.as_ref()?;
        let from = frame.find("marker ")?;
        Some(frame[from..][..frame[from..].find(" ends")? + 5].to_owned())
    };
    let mut recorded = BTreeSet::new();
    for outcome in records.iter().filter(|r| r.ty == LeafType::CallOutcome) {
        let of =
            outcome.of.and_then(|of| usize::try_from(of).ok()).context("an outcome answers a decision")?;
        let decision = records.get(of).context("the decision is there")?;
        ensure!(
            decision.ty == LeafType::CallDecision && decision.index == outcome.of.unwrap(),
            "{decision:?}"
        );
        if let Some(marker) = marked(&outcome.frame) {
            ensure!(
                marked(&decision.frame) == Some(marker.clone()),
                "{outcome:?} does not answer {decision:?}"
            );
            ensure!(recorded.insert(marker), "{outcome:?} is there twice");
        }
    }
    let missing: Vec<_> = seen.difference(&recorded).collect();
    ensure!(missing.is_empty(), "{} replies have no record: {missing:?}", missing.len());
    let unseen = recorded.len() - seen.len();
    println!("{} kills, {} replies seen, {unseen} more recorded that nobody saw", KILLS, seen.len());
    ensure!(seen.len() as u64 > KILLS, "too few calls to mean anything");
    Ok(())
}
