//! Fronts: what they say in evidence, reload of their file, two in front of one cell, streams that nobody reads beside calls that
//! are wanted, streams that are taken up again, and peers that do not speak as they should.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use carnet_evidence::LeafType;
use carnet_tests::cells::{Front, Plan, World};
use carnet_tests::gateway::{ALLOW_ALL, TOKEN};
use carnet_tests::http;
use carnet_tests::process::Process;
use carnet_tests::records;
use carnet_tests::upstream::{Reply, Upstream, echo};
use carnet_tests::wire::{Caller, Wire};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The longest that anything may take.
const LIMIT: Duration = Duration::from_secs(60);

pub(crate) fn plan(name: &'static str, region: &'static str, server: &str, upstream: &Upstream) -> Plan {
    let lines = format!("  {server}:\n    url: {}\n    region: {region}\n", upstream.url());
    Plan { name, region, servers: vec![(server.to_owned(), lines)], policies: ALLOW_ALL }
}

pub(crate) fn ask(base: &str, server: &str, id: u64) -> Result<http::Reply> {
    Caller::new(base, server, TOKEN)?.call(id, "echo", &json!({ "n": id }))
}

/// Asks until the answer has this status.
fn until(base: &str, server: &str, status: u16) -> Result<http::Reply> {
    let end = Instant::now() + LIMIT;
    let mut id = 1000;
    loop {
        id += 1;
        let reply = ask(base, server, id)?;
        if reply.status == status {
            return Ok(reply);
        }
        ensure!(Instant::now() < end, "{server} never answers {status}: {reply:?}");
        std::thread::yield_now();
    }
}

fn stop(mut process: Process) -> Result<()> {
    ensure!(process.terminate(LIMIT)?.success(), "{}", process.output());
    Ok(())
}

/// Lines of a front's routing records.
fn routes(folder: &Path) -> Result<Vec<Value>> {
    let text = fs::read_to_string(folder.join("data/routes.jsonl"))?;
    text.lines().map(|line| serde_json::from_str(line).context("a line")).collect()
}

#[test]
fn a_record_names_the_front_that_its_call_came_through() -> Result<()> {
    let upstream = Upstream::echo()?;
    let mut world = World::new(vec![plan("eu", "de", "crm", &upstream)])?;
    let front = world.front(None)?;
    let second = world.second_front()?;
    let cell = world.cell("eu")?;
    front.joined("eu", 2)?;
    second.joined("eu", 2)?;
    for (id, base) in [(1, &front.base), (2, &second.base), (3, &front.base)] {
        ensure!(ask(base, "crm", id)?.status == 200);
    }
    stop(cell)?;
    stop(front.process)?;
    stop(second.process)?;
    let records = records::read(&world.data("eu"))?;
    let calls = records.iter().filter(|r| r.ty == LeafType::CallDecision && r.text("tool") == "echo");
    let named: Vec<&Value> = calls.map(|r| &r.disclosed["front"]).collect();
    let names: Vec<_> = named.iter().map(|f| f["name"].as_str().unwrap_or_default()).collect();
    ensure!(names == ["front", "front-b", "front"], "{names:?}");
    // The key is that of the operator's file, and each front's own lines have the same assertions.
    for (name, key) in [("front", "assertions.pub"), ("front-b", "front-b-assertions.pub")] {
        let of_front: Vec<&&Value> = named.iter().filter(|f| f["name"] == name).collect();
        let thumbprint = thumbprint(&fs::read_to_string(world.folder(key))?)?;
        ensure!(of_front.iter().all(|f| f["key"] == thumbprint.as_str()), "{of_front:?}");
        let kept = routes(&world.folder(name))?;
        let kept: Vec<_> = kept.iter().map(|line| line["assertion"].clone()).collect();
        let recorded: Vec<_> = of_front.iter().map(|f| f["assertion"].clone()).collect();
        ensure!(kept == recorded && !kept.is_empty(), "{kept:?} {recorded:?}");
    }
    let package = world.folder("package");
    let mut export = std::process::Command::new(carnet_tests::gateway::binary()?);
    export.args(["evidence", "export", "--data"]).arg(world.data("eu")).arg("-o").arg(&package);
    ensure!(export.output()?.status.success());
    let said = records::verify(&package)?;
    ensure!(
        said.contains("2 through the front front,") && said.contains("1 through the front front-b,"),
        "{said}"
    );
    Ok(())
}

/// RFC 7638 of an Ed25519 key: the last 32 bytes of its PEM form.
fn thumbprint(pem: &str) -> Result<String> {
    let text: String = pem.lines().filter(|l| !l.starts_with('-')).collect();
    let der = base64::engine::general_purpose::STANDARD.decode(text)?;
    let x = URL_SAFE_NO_PAD.encode(der.get(12..).context("a key")?);
    Ok(URL_SAFE_NO_PAD.encode(Sha256::digest(format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#))))
}

/// Rewrites a front's file, whole, as an editor does.
fn rewrite(world: &World, change: impl Fn(&str) -> String) -> Result<()> {
    let file = world.folder("front/front.yaml");
    let new = world.folder("front/new.yaml");
    fs::write(&new, change(&fs::read_to_string(&file)?))?;
    fs::rename(new, file)?;
    Ok(())
}

#[test]
fn a_front_takes_a_new_file_and_keeps_the_old_one_when_it_is_bad() -> Result<()> {
    let upstreams = [Upstream::echo()?, Upstream::echo()?];
    let mut world =
        World::new(vec![plan("eu", "de", "crm", &upstreams[0]), plan("us", "us", "desk", &upstreams[1])])?;
    let front = world.front(None)?;
    let cells = [world.cell("eu")?, world.cell("us")?];
    front.joined("eu", 2)?;
    front.joined("us", 2)?;
    ensure!(ask(&front.base, "crm", 1)?.status == 200 && ask(&front.base, "desk", 2)?.status == 200);
    // A bad file: everything stays as it was.
    rewrite(&world, |text| text.replace("region: ch\n", "region: ch\nfrobs: 1\n"))?;
    front.says("reload refused")?;
    ensure!(ask(&front.base, "desk", 3)?.status == 200);
    // A stolen certificate is taken out: its connections end at once, the other cell keeps its own.
    let us = fs::read_to_string(world.folder("us/fingerprint"))?;
    rewrite(&world, |text| text.replace("frobs: 1\n", "").replace(&us, &"ab".repeat(32)))?;
    front.says("its certificate is not that of a cell")?;
    ensure!(until(&front.base, "desk", 503)?.body.contains("not connected"));
    ensure!(ask(&front.base, "crm", 4)?.status == 200);
    ensure!(front.process.output().matches("cell has joined").count() == 4, "{}", front.process.output());
    // And it is put back: the cell, which dials on, is there again.
    rewrite(&world, |text| text.replace(&"ab".repeat(32), &us))?;
    until(&front.base, "desk", 200)?;
    // What needs a restart says so.
    rewrite(&world, |text| text.replace("data: ./data", "data: ./other"))?;
    front.says("a change of data needs a restart")?;
    cells.into_iter().try_for_each(stop)?;
    stop(front.process)
}

#[test]
fn one_front_of_two_may_die() -> Result<()> {
    let upstream = Upstream::echo()?;
    let mut world = World::new(vec![plan("eu", "de", "crm", &upstream)])?;
    let mut front = world.front(None)?;
    let second = world.second_front()?;
    let cell = world.cell("eu")?;
    front.joined("eu", 2)?;
    second.joined("eu", 2)?;
    front.process.kill()?;
    for id in 0..20 {
        ensure!(ask(&second.base, "crm", id)?.status == 200);
    }
    let front = world.front(Some(&front.base))?;
    front.joined("eu", 1)?;
    ensure!(until(&front.base, "crm", 200)?.status == 200);
    // The key of one front is worth nothing in the name of the other.
    fs::copy(world.folder("front-b-assertions.key"), world.folder("assertions.key"))?;
    drop(front);
    let front = world.front(None)?;
    front.says("the cell does not accept this front's key")?;
    ensure!(ask(&front.base, "crm", 1)?.status == 503 && ask(&second.base, "crm", 2)?.status == 200);
    stop(cell)
}

#[test]
fn a_cell_joins_and_leaves_fronts_without_a_restart() -> Result<()> {
    let upstream = Upstream::echo()?;
    let mut world = World::new(vec![plan("eu", "de", "crm", &upstream)])?;
    let front = world.front(None)?;
    let cell = world.cell("eu")?;
    front.joined("eu", 2)?;
    let second = world.second_front()?;
    ensure!(ask(&second.base, "crm", 1)?.status == 503);
    // Its file has the second front now.
    let file = world.configure("eu", "eu", "eu")?;
    second.joined("eu", 2)?;
    until(&second.base, "crm", 200)?;
    // A file that names what is not there changes nothing.
    let good = fs::read_to_string(&file)?;
    fs::write(&file, good.replace("front-b-assertions.pub", "nothing.pub"))?;
    cell.wait_for(|said| said.contains("reload refused").then_some(())).context("a bad file was taken")?;
    ensure!(ask(&front.base, "crm", 2)?.status == 200 && ask(&second.base, "crm", 3)?.status == 200);
    // Nor does the same file again.
    fs::write(&file, &good)?;
    ensure!(ask(&second.base, "crm", 4)?.status == 200);
    let left: Vec<&str> =
        good.lines().filter(|l| !l.starts_with("fronts:") && !l.contains("front-b")).collect();
    fs::write(&file, left.join("\n") + "\n")?;
    until(&second.base, "crm", 503)?;
    second.says("a connection of a cell has ended")?;
    ensure!(ask(&front.base, "crm", 5)?.status == 200);
    let said = front.process.output();
    ensure!(said.matches("a cell has joined").count() == 2 && !said.contains("has ended"), "{said}");
    stop(cell)?;
    records::verify(&world.data("eu"))?;
    Ok(())
}

#[test]
fn a_stream_goes_on_after_the_tunnel_broke_under_it() -> Result<()> {
    let upstream = Upstream::start(|seen| {
        let event = |n: u64| {
            format!(
                "{{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{{\"level\":\"info\",\"data\":\"event {n}\"}}}}\nid: e{n}"
            )
        };
        match (
            seen.line.split(' ').next().unwrap_or_default(),
            seen.headers.iter().find(|(n, _)| n == "last-event-id"),
        ) {
            ("GET", None) => Reply::Open(vec![event(1), event(2)]),
            ("GET", Some((_, last))) if last == "e2" => Reply::Open(vec![event(3)]),
            ("GET", Some((_, last))) => Reply::Http(400, Vec::new(), format!("unexpected {last}")),
            _ if seen.method() == "initialize" => {
                let Reply::Json(body) = echo(seen) else { return echo(seen) };
                let session = vec![
                    ("content-type", "application/json".to_owned()),
                    ("mcp-session-id", "s1".to_owned()),
                ];
                Reply::Http(200, session, body.to_string())
            }
            _ => echo(seen),
        }
    })?;
    let mut world = World::new(vec![plan("eu", "de", "crm", &upstream)])?;
    let mut front = world.front(None)?;
    let cell = world.cell("eu")?;
    front.joined("eu", 2)?;
    let mut caller = Caller::new(&front.base, "crm", TOKEN)?;
    caller.initialize()?;
    let session = caller.headers.iter().find(|(n, _)| n == "mcp-session-id").context("a session")?.1.clone();
    let listen = |base: &str, last: Option<&str>| -> Result<Wire> {
        let mut wire = Wire::connect(base)?;
        let last = last.map_or_else(String::new, |last| format!("last-event-id: {last}\r\n"));
        wire.send(
            format!(
                "GET /mcp/crm HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {TOKEN}\r\naccept: text/event-stream\r\n\
                 mcp-protocol-version: 2025-11-25\r\nmcp-session-id: {session}\r\n{last}\r\n"
            )
            .as_bytes(),
        )?;
        let (status, headers) = wire.head()?;
        ensure!(status == 200, "{status} {headers:?}");
        Ok(wire)
    };
    let mut stream = listen(&front.base, None)?;
    let text = chunks_until(&mut stream, "event 2")?;
    ensure!(text.contains("event 1") && text.contains("id: e2"), "{text}");
    front.process.kill()?;
    front = world.front(Some(&front.base))?;
    front.joined("eu", 1)?;
    // The session is the cell's, and outlived the front.
    let mut again = listen(&front.base, Some("e2"))?;
    let text = chunks_until(&mut again, "event 3")?;
    ensure!(!text.contains("event 2"), "{text}");
    drop(again);
    drop(caller);
    stop(cell)
}

fn chunks_until(wire: &mut Wire, mark: &str) -> Result<String> {
    let mut text = String::new();
    while !text.contains(mark) {
        let chunk = wire.chunk()?.with_context(|| format!("the stream ended: {text}"))?;
        text.push_str(&String::from_utf8_lossy(&chunk));
    }
    // The id of an event stands after or before its data.
    Ok(text)
}

/// A TLS connection to a front's tunnel with the certificate of a cell.
struct Peer {
    tls: rustls::StreamOwned<rustls::ClientConnection, TcpStream>,
}

impl Peer {
    fn connect(world: &World, front: &Front, cell: &str, protocol: &[u8]) -> Result<Peer> {
        use rustls::pki_types::pem::PemObject;
        use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(world.folder("ca.pem"))?)?;
        let chain = vec![CertificateDer::from_pem_file(world.folder(cell).join("tls.pem"))?];
        let key = PrivateKeyDer::from_pem_file(world.folder(cell).join("tls.key"))?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config =
            rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let mut config = config.with_root_certificates(roots).with_client_auth_cert(chain, key)?;
        config.alpn_protocols = vec![protocol.to_vec()];
        let connection = rustls::ClientConnection::new(Arc::new(config), ServerName::try_from("127.0.0.1")?)?;
        let stream = TcpStream::connect(&front.tunnel)?;
        stream.set_read_timeout(Some(LIMIT))?;
        stream.set_write_timeout(Some(LIMIT))?;
        Ok(Peer { tls: rustls::StreamOwned::new(connection, stream) })
    }

    /// Whether the front ends the connection after these bytes, and a `GOAWAY` or nothing.
    fn ends_after(mut self, bytes: &[u8]) -> Result<()> {
        // A front that hangs up in the middle of it has done what it should.
        if self.tls.write_all(bytes).and_then(|()| self.tls.flush()).is_err() {
            return Ok(());
        }
        let mut chunk = [0; 4096];
        loop {
            match self.tls.read(&mut chunk) {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(e)
                    if matches!(e.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) =>
                {
                    bail!("the front still listens after {} bytes", bytes.len())
                }
                Err(_) => return Ok(()),
            }
        }
    }
}

/// A frame of HTTP/2.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX).to_be_bytes();
    let mut out = length[1..].to_vec();
    out.extend([kind, flags]);
    out.extend(stream.to_be_bytes());
    out.extend_from_slice(payload);
    out
}

#[test]
fn peers_that_do_not_speak_as_they_should_are_ended_and_nobody_else_notices() -> Result<()> {
    let upstreams = [Upstream::echo()?, Upstream::echo()?];
    let mut world =
        World::new(vec![plan("eu", "de", "crm", &upstreams[0]), plan("us", "us", "desk", &upstreams[1])])?;
    let front = world.front(None)?;
    let cell = world.cell("eu")?;
    front.joined("eu", 2)?;
    let alpn = b"carnet-tunnel/1".as_slice();
    let settings = frame(4, 0, 0, &[]);
    // 200 HEADERS that say `:status: 200`, then an answer that is no announcement; header lists without end; and so on.
    let hello = |body: &[u8]| {
        [settings.clone(), frame(4, 1, 0, &[]), frame(1, 4, 1, &[0x88]), frame(0, 1, 1, body)].concat()
    };
    let own = |name: &str, server: &str| {
        json!({"v": 1, "cell": name, "region": "us", "servers": [server], "policies": 0})
            .to_string()
            .into_bytes()
    };
    let rows: Vec<(&str, Vec<u8>)> = vec![
        ("no HTTP/2 at all", b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_vec()),
        ("noise", (0..100_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect()),
        ("a frame larger than agreed", [settings.clone(), frame(0, 0, 1, &vec![0; 1 << 20])].concat()),
        (
            "headers without an end",
            [settings.clone(), frame(1, 0, 1, &vec![0x40; 16_000]).repeat(40)].concat(),
        ),
        ("an answer to nothing", [settings.clone(), frame(1, 5, 99, &[0x88])].concat()),
        ("settings without end", frame(4, 0, 0, &[0, 3, 0, 0, 0, 9]).repeat(60_000)),
        ("no announcement", hello(b"{}")),
        ("another cell's name", hello(&own("eu", "desk"))),
        ("another cell's server", hello(&own("us", "crm"))),
        ("an announcement that is cut off", {
            let mut bytes = hello(b"");
            bytes.truncate(bytes.len() - 4);
            bytes
        }),
        ("a certificate and then nothing", Vec::new()),
    ];
    for (what, bytes) in rows {
        let peer = Peer::connect(&world, &front, "us", alpn)?;
        peer.ends_after(&bytes).with_context(|| what.to_owned())?;
        let reply = ask(&front.base, "crm", 1)?;
        ensure!(reply.status == 200, "after {what}: {reply:?}");
    }
    // Another protocol, a connection without TLS, and one that never begins.
    let peer = Peer::connect(&world, &front, "us", b"h2")?;
    peer.ends_after(&settings)?;
    let mut plain = TcpStream::connect(&front.tunnel)?;
    plain.write_all(&[settings, b"GET / HTTP/1.1\r\n\r\n".to_vec()].concat())?;
    let _slow = TcpStream::connect(&front.tunnel)?;
    ensure!(ask(&front.base, "crm", 2)?.status == 200 && ask(&front.base, "desk", 3)?.status == 503);
    ensure!(!front.process.output().contains("panicked") && !cell.output().contains("panicked"));
    stop(cell)?;
    stop(front.process)
}

#[test]
fn approvers_are_sent_to_their_cell_and_the_front_knows_no_call() -> Result<()> {
    let upstream = Upstream::echo()?;
    let policy = r#"
@id("all") permit (principal, action, resource);
@id("ask") @hold("dpo") forbid (principal, action == Action::"tools/call", resource)
unless { context.approvals.contains("dpo") };"#;
    let mut world = World::new(vec![Plan { policies: policy, ..plan("eu", "de", "crm", &upstream) }])?;
    world.cell_more = "approvals: { pending: 100ms }\n".to_owned();
    world.front_more = "admin: { address: \"127.0.0.1:0\" }\n".to_owned();
    let front = world.front(None)?;
    let cell = world.cell("eu")?;
    front.joined("eu", 2)?;
    let page = http::send("GET", &format!("{}/approvals", front.base), &[], "")?;
    ensure!(page.status == 404, "{page:?}");
    rewrite(&world, |text| {
        text.replace("servers: [crm]", "servers: [crm], approvals: \"https://eu.example/approvals\"")
    })?;
    front.says("configuration reloaded")?;
    let marker = "a marker that stays in its cell";
    let mut caller = Caller::new(&front.base, "crm", TOKEN)?;
    let held = caller.call(7, "echo", &json!({ "note": marker }))?;
    ensure!(!upstream.saw(marker), "{held:?}");
    let page = http::send("GET", &format!("{}/approvals", front.base), &[], "")?;
    ensure!(page.status == 200 && page.body.contains("href=\"https://eu.example/approvals\""), "{page:?}");
    ensure!(!page.body.contains("marker") && !page.body.contains("crm"), "{page:?}");
    // How many wait is all that the front is told, and it tells it to its operator alone.
    let said = front.process.output();
    let admin =
        said.split("readiness on ").nth(1).and_then(|r| r.lines().next()).context("admin")?.to_owned();
    let end = Instant::now() + LIMIT;
    loop {
        let ready = http::send("GET", &format!("{admin}/readyz"), &[], "")?;
        ensure!(!ready.body.contains("marker"), "{ready:?}");
        if ready.json()["cells"]["eu"]["waiting"] == 1 {
            break;
        }
        ensure!(Instant::now() < end, "{ready:?}");
    }
    // The cell's own way shows it, masked.
    let mut list = std::process::Command::new(carnet_tests::gateway::binary()?);
    list.args(["approvals", "list", "--json", "--config"]).arg(world.folder("eu/carnet.yaml"));
    let listed = String::from_utf8_lossy(&list.output()?.stdout).into_owned();
    ensure!(listed.contains("pending"), "{listed}");
    stop(cell)?;
    ensure!(!front.process.output().contains("marker"));
    stop(front.process)
}
