//! Any order of calls, erasures, holds, prunings, exports, restored backups, crashes and restarts, over the real gateway and the real
//! commands: all that was proven stays proven, what was answered and is neither erased nor pruned can be read, and what was
//! erased never comes back. The orders are drawn from a fixed seed until the time is over; `CARNET_LIFE_SEED` and
//! `CARNET_LIFE_SECONDS` ask for others.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use carnet_evidence::seal::{KeyRef, Slot};
use carnet_store::{Keys, Reader, RealDisk};
use carnet_tests::gateway::{ALLOW_ALL, Gateway, Setup, binary, identity, token};
use carnet_tests::records;
use carnet_tests::upstream::Upstream;
use carnet_tests::wire::Caller;
use serde_json::json;

const LIMIT: Duration = Duration::from_secs(60);
const ORIGIN: &str = "carnet.local/test";
const PEOPLE: u64 = 3;
/// Steps of one life.
const STEPS: usize = 14;
const SECONDS: u64 = 40;
/// Segments that fill quickly and a retention that is over soon, so that there is something to prune.
const EVIDENCE: &str = "evidence:\n  segment: 64KiB\n  backup_horizon: 1h\n  retention: { keep: 1s }\nlimits: { session_idle: 1s }\n";

/// splitmix64.
struct Draw(u64);

impl Draw {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Calls(u64),
    Erase(u64),
    Hold(u64),
    Release,
    Prune,
    Export,
    /// Killed while calls are under way.
    Kill(u64),
    Restart,
    Backup,
    /// Stopped, the key store of the last backup put in its place, started.
    Restore,
}

impl Step {
    fn draw(draw: &mut Draw) -> Step {
        let who = draw.below(PEOPLE);
        match draw.below(16) {
            0..=4 => Step::Calls(who),
            5..=6 => Step::Erase(who),
            7 => Step::Hold(who),
            8 => Step::Release,
            9..=10 => Step::Prune,
            11 => Step::Export,
            12..=13 => Step::Kill(who),
            14 => Step::Restart,
            _ if draw.below(2) == 0 => Step::Backup,
            _ => Step::Restore,
        }
    }
}

/// What somebody outside knows.
#[derive(Default)]
struct Known {
    /// Notes of calls that were answered, by person, that nobody has erased.
    kept: BTreeMap<u64, BTreeSet<String>>,
    /// Notes whose erasure was answered.
    erased: BTreeSet<String>,
    /// Open holds: number of the record, whom.
    holds: Vec<(String, u64)>,
    /// Packages that were exported.
    packages: Vec<PathBuf>,
    /// Whether a pruning or a retention was asked for: what is gone since may be gone.
    pruned: bool,
    /// Whether a backup is there, and whether keys have been made since: a restored backup does not have those.
    backup: bool,
    lost: bool,
    calls: u64,
}

struct Life {
    setup: Setup,
    _upstream: Upstream,
    gateway: Option<Gateway>,
    known: Known,
    done: Vec<Step>,
}

impl fmt::Debug for Life {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.done)
    }
}

impl Life {
    fn new() -> Result<Life> {
        let upstream = Upstream::echo()?;
        let people: &[(&str, &str, &[&str])] =
            &[("agent", "workload", &[]), ("iris", "user", &[]), ("otto", "user", &[])];
        let subject = "    subjects:\n      - { at: $.arguments.customer_id, kind: customer }\n";
        let head = format!("{}servers:\n{}{subject}{EVIDENCE}", identity(people), upstream.server("crm"));
        let setup = Setup::new(&head, ALLOW_ALL)?;
        let gateway = Some(setup.start()?);
        let checkpoint = setup.data().join("log/checkpoint");
        // The first one follows the first records within a second.
        let until = Instant::now() + LIMIT;
        while !checkpoint.is_file() {
            ensure!(Instant::now() < until, "there is no checkpoint");
            thread::sleep(Duration::from_millis(20));
        }
        Ok(Life { setup, _upstream: upstream, gateway, known: Known::default(), done: Vec::new() })
    }

    fn base(&self) -> Result<&str> {
        Ok(self.gateway.as_ref().context("a gateway")?.base())
    }

    /// Runs a command of an officer.
    fn carnet(&self, who: Option<&str>, words: &[&str]) -> Result<(bool, String)> {
        let mut command = Command::new(binary()?);
        command.current_dir(self.setup.path()).args(words).env_remove("CARNET_TOKEN").stdin(Stdio::null());
        if let Some(who) = who {
            command.env("CARNET_TOKEN", token(who));
        }
        let run = command.output()?;
        let text = [run.stdout, run.stderr].concat();
        Ok((run.status.success(), String::from_utf8_lossy(&text).into_owned()))
    }

    fn note(&mut self, who: u64) -> String {
        self.known.calls += 1;
        format!("note {} of person {who} ends", self.known.calls)
    }

    fn calls(&mut self, who: u64) -> Result<()> {
        let mut caller = Caller::new(self.base()?, "crm", &token("agent"))?;
        for id in 0..3 {
            let note = self.note(who);
            let arguments =
                json!({"customer_id": format!("person-{who}"), "note": note, "fill": "x ".repeat(4000)});
            let reply = caller.call(id, "look", &arguments)?;
            ensure!(reply.status == 200, "{}", reply.body);
            self.known.kept.entry(who).or_default().insert(note);
        }
        Ok(())
    }

    fn erase(&mut self, who: u64) -> Result<()> {
        let person = format!("customer=person-{who}");
        let (ok, said) = self.carnet(Some("iris"), &["subject", "erase", &person])?;
        ensure!(ok, "{said}");
        let Some(id) = number(&said) else { return Ok(()) };
        let (ok, said) = self.carnet(Some("otto"), &["subject", "erase", "--confirm", &id])?;
        let held = self.known.holds.iter().any(|(_, whom)| *whom == who);
        ensure!(ok != held, "erased {ok}, held {held}: {said}");
        if ok {
            let gone = self.known.kept.remove(&who).unwrap_or_default();
            self.known.erased.extend(gone);
        }
        Ok(())
    }

    fn step(&mut self, step: Step) -> Result<()> {
        self.done.push(step);
        match step {
            Step::Calls(who) => self.calls(who)?,
            Step::Erase(who) => self.erase(who)?,
            Step::Hold(who) => {
                let person = format!("customer=person-{who}");
                let (ok, said) =
                    self.carnet(Some("iris"), &["hold", "set", "--person", &person, "--reason", "court"])?;
                ensure!(ok, "{said}");
                self.known.holds.push((number(&said).context("a number")?, who));
            }
            Step::Release => {
                if let Some((id, _)) = self.known.holds.pop() {
                    let (ok, said) =
                        self.carnet(Some("iris"), &["hold", "release", &id, "--reason", "over"])?;
                    ensure!(ok, "{said}");
                }
            }
            Step::Prune => {
                self.known.pruned = true;
                let (ok, said) = self.carnet(Some("iris"), &["evidence", "prune"])?;
                ensure!(ok, "{said}");
            }
            Step::Export => self.export()?,
            Step::Kill(who) => self.kill(who)?,
            Step::Restart => {
                self.stop()?;
                self.gateway = Some(self.setup.start()?);
            }
            Step::Backup => {
                let _ = fs::remove_file(self.setup.path().join("keys.backup"));
                let (ok, said) = self.carnet(Some("iris"), &["keys", "backup", "-o", "keys.backup"])?;
                ensure!(ok, "{said}");
                self.known.backup = true;
            }
            Step::Restore if self.known.backup => {
                self.stop()?;
                let (ok, said) = self.carnet(None, &["keys", "restore", "keys.backup"])?;
                ensure!(ok, "{said}");
                self.known.lost = true;
                self.gateway = Some(self.setup.start()?);
            }
            Step::Restore => {}
        }
        self.check()
    }

    fn stop(&mut self) -> Result<()> {
        if let Some(mut gateway) = self.gateway.take() {
            let status = gateway.process.terminate(LIMIT)?;
            ensure!(status.success(), "{status}: {}", gateway.process.output());
        }
        // A start runs retention by itself.
        self.known.pruned = true;
        Ok(())
    }

    /// Kills the gateway while somebody calls and somebody erases.
    fn kill(&mut self, who: u64) -> Result<()> {
        let (base, note) = (self.base()?.to_owned(), self.note(who));
        let caller = thread::spawn(move || {
            let Ok(mut caller) = Caller::new(&base, "crm", &token("agent")) else { return false };
            let arguments = json!({"customer_id": format!("person-{who}"), "note": note});
            // Whether it was answered or not: this note is asked about by nobody.
            caller.call(1, "look", &arguments).is_ok()
        });
        thread::sleep(Duration::from_millis(self.known.calls % 7));
        let mut gateway = self.gateway.take().context("a gateway")?;
        gateway.process.kill()?;
        let _ = caller.join();
        self.known.pruned = true;
        self.gateway = Some(self.setup.start()?);
        Ok(())
    }

    fn export(&mut self) -> Result<()> {
        let name = format!("package-{}.carnet", self.known.packages.len());
        let (ok, said) = self.carnet(Some("iris"), &["evidence", "export", "-o", &name])?;
        ensure!(ok, "{said}");
        self.known.packages.push(self.setup.path().join(name));
        Ok(())
    }

    /// The frames that can be read now.
    fn readable(&self) -> Result<String> {
        let disk: Arc<dyn carnet_store::Disk> = Arc::new(RealDisk::new(self.setup.data()));
        let keys = Keys::open(disk.clone(), None)?;
        let mut text = String::new();
        let mut stored = Vec::new();
        Reader::new(disk).read(0, &mut |record| {
            stored.push(record);
            Ok(true)
        })?;
        for record in &stored {
            for (reference, clear) in record.leaf.draft.bl.iter().zip(record.unseal(ORIGIN, &keys)?) {
                if let (Some(clear), Slot::Frames) = (clear, KeyRef::parse(&reference.k)?.kind) {
                    text.push_str(&String::from_utf8(clear)?);
                    text.push('\n');
                }
            }
        }
        Ok(text)
    }

    fn check(&self) -> Result<()> {
        let readable = self.readable()?;
        for note in &self.known.erased {
            ensure!(!readable.contains(note.as_str()), "{note} is back");
        }
        // Without retention and lost keys everything that was answered can be read.
        if !self.known.pruned && !self.known.lost {
            for note in self.known.kept.values().flatten() {
                ensure!(readable.contains(note.as_str()), "{note} is lost");
            }
        }
        Ok(())
    }

    /// What an auditor checks: the log against every checkpoint seen, and every package of before.
    fn audit(&self) -> Result<()> {
        let trust = self.setup.data().join("log/vkey");
        let book = self.setup.path().join("book");
        let checkpoint = self.setup.data().join("log/checkpoint");
        let verify = |what: &PathBuf| -> Result<(bool, String)> {
            let mut command = Command::new(records::verifier()?);
            command.arg(what).arg("--trust").arg(&trust);
            if book.is_file() && *what == self.setup.data() {
                command.arg("--book").arg(&book);
            }
            let run = command.output()?;
            Ok((run.status.success(), String::from_utf8_lossy(&run.stdout).into_owned()))
        };
        let (ok, said) = verify(&self.setup.data())?;
        // A restored backup has lost the keys that were made after it; that is found, and nothing else.
        let only_lost =
            self.known.lost && said.contains("key-missing") && said.matches(" fails ").count() == 1;
        ensure!(ok || only_lost, "{said}");
        for package in &self.known.packages {
            let (ok, said) = verify(package)?;
            let only_lost = said.contains("key-missing") && said.matches(" fails ").count() == 1;
            ensure!(ok || (self.known.lost && only_lost), "{}: {said}", package.display());
        }
        let mut add = Command::new(records::verifier()?);
        add.args(["book", "add"]).arg(&book).arg(&checkpoint).arg("--trust").arg(&trust);
        let run = add.output()?;
        ensure!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        Ok(())
    }
}

fn number(said: &str) -> Option<String> {
    let word = said.split_whitespace().find(|w| w.bytes().all(|b| b.is_ascii_digit()));
    word.filter(|_| !said.contains("nothing to erase")).map(str::to_owned)
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn nothing_erased_comes_back_and_every_proof_holds() -> Result<()> {
    let end = Instant::now() + Duration::from_secs(setting("CARNET_LIFE_SECONDS", SECONDS));
    let mut seed = setting("CARNET_LIFE_SEED", 1);
    loop {
        let mut draw = Draw(seed);
        let mut life = Life::new()?;
        // Each life begins with somebody who can be erased.
        let first = [Step::Calls(0), Step::Calls(1), Step::Erase(0)];
        let steps: Vec<Step> = first.into_iter().chain((0..STEPS).map(|_| Step::draw(&mut draw))).collect();
        for (n, step) in steps.into_iter().enumerate() {
            let lived = life.step(step).and_then(|()| if n % 4 == 3 { life.audit() } else { Ok(()) });
            lived.with_context(|| format!("seed {seed}, after {life:?}"))?;
            if Instant::now() > end {
                break;
            }
        }
        let ended = life.stop().and_then(|()| life.check()).and_then(|()| life.audit());
        ended.with_context(|| format!("seed {seed}, after {life:?}"))?;
        if Instant::now() > end {
            return Ok(());
        }
        seed += 1;
    }
}
