//! Sinks: every record arrives at least once, in a file, at a syslog receiver and at an HTTP endpoint, whatever dies in between;
//! what policies keep from a place does not go there; calls go on without a sink unless they are told to wait for it.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use carnet_tests::gateway::{ALLOW_ALL, Setup, TOKEN};
use carnet_tests::records;
use carnet_tests::upstream::Upstream;
use carnet_tests::wire::Caller;
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(20);

/// What a receiver does with a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Syslog,
    Http,
}

/// A receiver on loopback, with the record indexes that it took. It can be killed, started again on its port, and told to
/// be slow or to refuse.
struct Receiver {
    kind: Kind,
    address: SocketAddr,
    taken: Arc<Mutex<Vec<u64>>>,
    stop: Arc<AtomicBool>,
    refuse: Arc<AtomicBool>,
    slow: Arc<AtomicU64>,
    worker: Option<thread::JoinHandle<()>>,
}

impl Receiver {
    fn new(kind: Kind) -> Result<Receiver> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let mut receiver = Receiver {
            kind,
            address: listener.local_addr()?,
            taken: Arc::default(),
            stop: Arc::default(),
            refuse: Arc::default(),
            slow: Arc::default(),
            worker: None,
        };
        receiver.serve(listener);
        Ok(receiver)
    }

    fn serve(&mut self, listener: TcpListener) {
        let (kind, taken, stop) = (self.kind, self.taken.clone(), Arc::new(AtomicBool::new(false)));
        let (refuse, slow) = (self.refuse.clone(), self.slow.clone());
        self.stop = stop.clone();
        self.worker = Some(thread::spawn(move || {
            for stream in listener.incoming() {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                thread::sleep(Duration::from_millis(slow.load(Ordering::SeqCst)));
                // One at a time; a connection that breaks is the other side's.
                let _ = match kind {
                    Kind::Syslog => syslog(stream, &taken),
                    Kind::Http => http(stream, &taken, refuse.load(Ordering::SeqCst)),
                };
            }
        }));
    }

    /// Stops listening.
    fn kill(&mut self) -> Result<()> {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        if let Some(worker) = self.worker.take() {
            worker.join().ok().context("the receiver panicked")?;
        }
        Ok(())
    }

    /// Listens again on the same port.
    fn revive(&mut self) -> Result<()> {
        let until = Instant::now() + LIMIT;
        let listener = loop {
            match TcpListener::bind(self.address) {
                Ok(listener) => break listener,
                Err(e) if Instant::now() > until => return Err(e.into()),
                Err(_) => thread::sleep(POLL),
            }
        };
        self.serve(listener);
        Ok(())
    }

    fn indexes(&self) -> BTreeSet<u64> {
        self.taken.lock().unwrap().iter().copied().collect()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

/// Messages with octet counting, to the end of the connection.
fn syslog(mut stream: TcpStream, taken: &Mutex<Vec<u64>>) -> Result<()> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    let mut rest = bytes.as_slice();
    while !rest.is_empty() {
        let space = rest.iter().position(|b| *b == b' ').context("a count")?;
        let count: usize = std::str::from_utf8(&rest[..space])?.parse()?;
        let message = std::str::from_utf8(&rest[space + 1..space + 1 + count])?;
        ensure!(message.starts_with("<110>1 ") && message.contains("CEF:0|Carnet|"), "{message}");
        let index =
            message.split("externalId=").nth(1).and_then(|t| t.split(' ').next()).context("an index")?;
        taken.lock().unwrap().push(index.parse()?);
        rest = &rest[space + 1 + count..];
    }
    Ok(())
}

/// One request with its length in the head; answered, and the connection is closed.
fn http(mut stream: TcpStream, taken: &Mutex<Vec<u64>>, refuse: bool) -> Result<()> {
    let (mut bytes, mut piece) = (Vec::new(), [0; 4096]);
    let (head, length) = loop {
        let n = stream.read(&mut piece)?;
        ensure!(n > 0, "no request");
        bytes.extend_from_slice(&piece[..n]);
        let Some(head) = bytes.windows(4).position(|w| w == b"\r\n\r\n") else { continue };
        let text = String::from_utf8(bytes[..head].to_vec())?.to_lowercase();
        let length = text.lines().find_map(|l| l.strip_prefix("content-length:")).context("a length")?;
        break (head + 4, length.trim().parse::<usize>()?);
    };
    while bytes.len() < head + length {
        let n = stream.read(&mut piece)?;
        ensure!(n > 0, "a whole body");
        bytes.extend_from_slice(&piece[..n]);
    }
    let status = if refuse { "503 Service Unavailable" } else { "200 OK" };
    if !refuse {
        let body: Value = serde_json::from_slice(&bytes[head..])?;
        let records = &body["resourceLogs"][0]["scopeLogs"][0]["logRecords"];
        for record in records.as_array().context("records")? {
            let attributes = record["attributes"].as_array().context("attributes")?;
            let index = attributes.iter().find(|a| a["key"] == "carnet.record.index").context("an index")?;
            taken.lock().unwrap().push(index["value"]["stringValue"].as_str().context("a text")?.parse()?);
        }
    }
    write!(stream, "HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")?;
    Ok(())
}

/// Record indexes in a file of JSON lines.
fn in_file(path: &Path) -> Result<Vec<u64>> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let index = |line: &str| serde_json::from_str::<Value>(line).ok()?["index"].as_u64();
    text.lines().map(|l| index(l).with_context(|| l.to_owned())).collect()
}

/// Waits until something holds.
fn until(what: &str, mut holds: impl FnMut() -> Result<bool>) -> Result<()> {
    let end = Instant::now() + LIMIT;
    while !holds()? {
        ensure!(Instant::now() < end, "{what}");
        thread::sleep(POLL);
    }
    Ok(())
}

fn written(setup: &Setup) -> Result<u64> {
    Ok(records::read(&setup.data())?.len() as u64)
}

fn calls(base: &str, n: u64) -> Result<()> {
    let mut caller = Caller::new(base, "crm", TOKEN)?;
    for id in 0..n {
        let reply = caller.call(id, "echo", &json!({"text": "seen"}))?;
        ensure!(reply.status == 200, "{}", reply.body);
    }
    Ok(())
}

#[test]
fn each_record_arrives_whatever_dies() -> Result<()> {
    let upstream = Upstream::echo()?;
    let (mut syslog, mut http) = (Receiver::new(Kind::Syslog)?, Receiver::new(Kind::Http)?);
    let sinks = format!(
        "sinks:\n  archive: {{ file: ./siem/records.jsonl, region: de }}\n  siem: {{ syslog: \"tcp://{}\", region: de }}\n  \
         lake: {{ url: \"http://{}/v1/logs\", format: otlp, region: de }}\nadmin: {{ address: \"127.0.0.1:0\" }}\n",
        syslog.address, http.address
    );
    let setup = Setup::with_token(&format!("{}{sinks}", upstream.server("crm")), ALLOW_ALL)?;
    let file = setup.path().join("siem/records.jsonl");
    let mut gateway = setup.start()?;
    calls(gateway.base(), 5)?;
    until("the file follows", || Ok(!in_file(&file)?.is_empty()))?;

    // A receiver that is gone holds up nobody.
    syslog.kill()?;
    http.refuse.store(true, Ordering::SeqCst);
    calls(gateway.base(), 5)?;
    syslog.revive()?;
    http.refuse.store(false, Ordering::SeqCst);
    http.slow.store(50, Ordering::SeqCst);

    // The gateway is killed in the middle of it, and started again.
    calls(gateway.base(), 5)?;
    gateway.process.kill()?;
    drop(gateway);
    gateway = setup.start()?;
    calls(gateway.base(), 5)?;
    http.kill()?;
    calls(gateway.base(), 5)?;
    http.revive()?;

    let all: BTreeSet<u64> = (0..written(&setup)?).collect();
    until("every record arrives everywhere", || {
        let file: BTreeSet<u64> = in_file(&file)?.into_iter().collect();
        Ok([&file, &syslog.indexes(), &http.indexes()].iter().all(|there| there.is_superset(&all)))
    })?;
    let metrics = carnet_tests::http::send("GET", &format!("{}/metrics", gateway.admin()?), &[], "")?.body;
    ensure!(metrics.contains("carnet_sink_records_total{sink=\"siem\"}"), "{metrics}");
    ensure!(metrics.contains("carnet_sink_lag_records{sink=\"lake\"}"), "{metrics}");
    // In a file, each is once, and in the order of the log, as long as nothing died in between.
    let once = in_file(&file)?;
    ensure!(once.windows(2).all(|w| w[0] < w[1]) || once.len() > all.len(), "{once:?}");
    Ok(())
}

/// Nobody's name goes to a place that policies do not permit it to go to.
#[test]
fn a_place_gets_what_policies_let_go_there() -> Result<()> {
    let upstream = Upstream::echo()?;
    let sinks = "sinks:\n  home: { file: ./home.jsonl, region: de }\n  abroad: { file: ./abroad.jsonl, region: us }\n  \
                 friend: { file: ./friend.jsonl, region: ch }\n";
    let policies = r#"
@id("calls") permit (principal, action, resource) unless { action == Action::"transfer" };
@id("to-ch") permit (principal, action == Action::"transfer", resource) when { context.to == Region::"ch" };
"#;
    let setup = Setup::with_token(&format!("{}{sinks}", upstream.server("crm")), policies)?;
    let gateway = setup.start()?;
    calls(gateway.base(), 3)?;
    let all = written(&setup)?;
    let file = |name: &str| setup.path().join(name);
    for name in ["home.jsonl", "abroad.jsonl", "friend.jsonl"] {
        until(name, || Ok(in_file(&file(name))?.len() as u64 >= all))?;
    }
    let text = |name: &str| fs::read_to_string(file(name));
    ensure!(text("home.jsonl")?.contains("tester") && text("friend.jsonl")?.contains("tester"));
    let abroad = text("abroad.jsonl")?;
    ensure!(!abroad.contains("tester") && abroad.contains("\"withheld\":\"outside-filter\""), "{abroad}");
    Ok(())
}

#[test]
fn calls_wait_for_a_sink_that_says_so() -> Result<()> {
    let upstream = Upstream::echo()?;
    let mut http = Receiver::new(Kind::Http)?;
    let sinks = format!(
        "sinks:\n  lake: {{ url: \"http://{}/v1/logs\", format: otlp, region: de, when_down: block }}\n",
        http.address
    );
    let setup = Setup::with_token(&format!("{}{sinks}", upstream.server("crm")), ALLOW_ALL)?;
    let gateway = setup.start()?;
    calls(gateway.base(), 1)?;
    http.kill()?;
    let mut caller = Caller::new(gateway.base(), "crm", TOKEN)?;
    let mut id = 100;
    let mut answered = || -> Result<bool> {
        id += 1;
        let reply = caller.call(id, "echo", &json!({"text": "seen"}))?;
        Ok(reply.status == 200 && reply.json()["result"].is_object())
    };
    until("calls are refused while it is down", || Ok(!answered()?))?;
    http.revive()?;
    until("calls go on when it is back", answered)?;
    Ok(())
}

#[test]
fn sinks_follow_a_reload_and_lose_nothing() -> Result<()> {
    let upstream = Upstream::echo()?;
    let setup = Setup::with_token(&upstream.server("crm"), ALLOW_ALL)?;
    let head = fs::read_to_string(setup.config())?;
    let (one, two) = (setup.path().join("one.jsonl"), setup.path().join("two.jsonl"));
    let with = |sinks: &str| fs::write(setup.config(), format!("{head}{sinks}"));
    with("sinks:\n  first: { file: ./one.jsonl, region: de }\n")?;
    let mut gateway = setup.start()?;
    calls(gateway.base(), 3)?;
    let all = |path: &Path| -> Result<bool> {
        let seen: BTreeSet<u64> = in_file(path)?.into_iter().collect();
        Ok((0..written(&setup)?).all(|index| seen.contains(&index)))
    };
    until("the first sink has all", || all(&one))?;
    // Another is added; it begins at the beginning. The first goes on without a gap or a repetition.
    with(
        "sinks:\n  first: { file: ./one.jsonl, region: de }\n  second: { file: ./two.jsonl, region: de }\n",
    )?;
    until("the second sink has all", || all(&two))?;
    calls(gateway.base(), 3)?;
    until("both have all", || Ok(all(&one)? && all(&two)?))?;
    // The first is taken out, the second goes elsewhere: it goes on where it was.
    let before = in_file(&one)?.len();
    with("sinks:\n  second: { file: ./three.jsonl, region: de }\n")?;
    let three = setup.path().join("three.jsonl");
    until("the changed sink writes elsewhere", || Ok(!in_file(&three)?.is_empty()))?;
    calls(gateway.base(), 3)?;
    let both =
        || -> Result<BTreeSet<u64>> { Ok(in_file(&two)?.into_iter().chain(in_file(&three)?).collect()) };
    until("nothing is left out", || {
        let seen = both()?;
        Ok((0..written(&setup)?).all(|index| seen.contains(&index)))
    })?;
    ensure!(in_file(&one)?.len() <= before + 2, "the first goes on though it was taken out");
    // One that cannot be used refuses the reload, and the others work on.
    with(
        "sinks:\n  second: { file: ./three.jsonl, region: de }\n  bad: { syslog: \"tls://127.0.0.1:1\", region: de, ca: ./no.pem }\n",
    )?;
    until("the reload is refused", || Ok(gateway.process.output().contains("sink bad")))?;
    calls(gateway.base(), 1)?;
    until("the others work on", || {
        let seen = both()?;
        Ok((0..written(&setup)?).all(|index| seen.contains(&index)))
    })?;
    ensure!(gateway.process.terminate(LIMIT)?.success());
    records::verify(&setup.data()).map(drop)
}

#[test]
fn what_a_syslog_receiver_read_and_lost_is_sent_again() -> Result<()> {
    let upstream = Upstream::echo()?;
    let mut receiver = Receiver::new(Kind::Syslog)?;
    let sinks = format!("sinks:\n  siem: {{ syslog: \"tcp://{}\", region: de }}\n", receiver.address);
    let setup = Setup::with_token(&format!("{}{sinks}", upstream.server("crm")), ALLOW_ALL)?;
    let mut gateway = setup.start()?;
    calls(gateway.base(), 2)?;
    until("all is read", || Ok(receiver.indexes().len() as u64 == written(&setup)?))?;
    // It dies, and what it read last had not been kept.
    receiver.kill()?;
    let lost = *receiver.indexes().last().context("a record")?;
    receiver.taken.lock().unwrap().retain(|index| *index != lost);
    calls(gateway.base(), 1)?;
    until("the gateway notices", || Ok(gateway.process.output().contains("does not take records")))?;
    receiver.revive()?;
    until("the lost one comes again", || Ok(receiver.indexes().len() as u64 == written(&setup)?))?;
    ensure!(receiver.indexes().contains(&lost));
    ensure!(gateway.process.terminate(LIMIT)?.success());
    Ok(())
}
