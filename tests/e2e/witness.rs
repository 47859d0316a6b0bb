//! Witnesses end to end: a cell submits its checkpoints to three `carnet witness`, some of which go down and come back,
//! and the auditor's program asks for a quorum, knows a fork and a rollback, and keeps a book.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result, ensure};
use carnet_evidence::witness::{Cosigner, Submission};
use carnet_tests::gateway::{ALLOW_ALL_MASKED, Gateway, Setup, TOKEN, binary};
use carnet_tests::http::send;
use carnet_tests::process::Process;
use carnet_tests::records;
use carnet_tests::upstream::Upstream;
use carnet_tests::wire::Caller;
use serde_json::{Value, json};

/// Names the folder of a witness.
pub(crate) struct Witness {
    data: PathBuf,
    logs: PathBuf,
    name: String,
}

impl Witness {
    pub(crate) fn new(setup: &Setup, name: &str) -> Witness {
        let data = setup.path().join(name);
        Witness { data, logs: setup.data().join("log/vkey"), name: format!("witness.example/{name}") }
    }

    /// Starts it, on a port of the system's or one that it had; gives its base address.
    pub(crate) fn start(&self, address: &str) -> Result<(Process, String)> {
        let mut command = Command::new(binary()?);
        command.args(["witness", "--name", &self.name, "--listen", address]);
        command.arg("--data").arg(&self.data).arg("--logs").arg(&self.logs);
        let process = Process::start(command, "logs on ")?;
        let base = process.ready.trim().to_owned();
        Ok((process, base))
    }

    pub(crate) fn vkey(&self) -> Result<String> {
        Ok(fs::read_to_string(self.data.join("vkey"))?.trim().to_owned())
    }
}

/// A log that was begun, so that witnesses can be told its key.
pub(crate) fn begun(setup: &Setup) -> Result<String> {
    let mut gateway = setup.start()?;
    gateway.process.terminate(std::time::Duration::from_secs(30))?;
    Ok(fs::read_to_string(setup.data().join("log/vkey"))?.trim().to_owned())
}

/// What each `witness.change` of a log states.
fn whys(setup: &Setup) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let disk = std::sync::Arc::new(carnet_store::RealDisk::new(setup.data()));
    carnet_store::Reader::new(disk).read(0, &mut |stored| {
        let draft = &stored.leaf.draft;
        if draft.ty == carnet_evidence::LeafType::WitnessChange {
            let why = draft.ext.iter().find(|(key, _)| *key == "why").map(|(_, why)| format!("{why:?}"));
            found.push(why.unwrap_or_default());
        }
        Ok(true)
    })?;
    Ok(found)
}

/// The same, and what each witness did.
fn changes(setup: &Setup) -> Result<Vec<(String, String)>> {
    let details: Vec<String> = records::read(&setup.data())?
        .iter()
        .filter(|r| r.ty == carnet_evidence::LeafType::WitnessChange)
        .map(|r| r.text("detail").to_owned())
        .collect();
    Ok(whys(setup)?.into_iter().zip(details).collect())
}

/// Waits until the newest `witness.change` says this.
pub(crate) fn until(setup: &Setup, gateway: &Gateway, want: &str) -> Result<String> {
    let want = format!("Text({want:?})");
    let found = gateway.process.wait_for(|_| {
        let last = changes(setup).ok()?.pop()?;
        std::thread::sleep(std::time::Duration::from_millis(100));
        (last.0 == want).then_some(last.1)
    });
    found.with_context(|| format!("no {want}: {:?}", changes(setup)))
}

/// A copy of a log that a gateway is writing, made as a backup is: the checkpoint first.
fn frozen(setup: &Setup, log: &Path) -> Result<PathBuf> {
    let copy = setup.path().join("frozen");
    for _ in 0..20 {
        let _ = fs::remove_dir_all(&copy);
        fs::create_dir_all(&copy)?;
        for name in ["checkpoint", "vkey"] {
            fs::copy(log.join(name), copy.join(name))?;
        }
        let whole = ["tile", "anchors"].map(|name| {
            let run = Command::new("cp").arg("-r").arg(log.join(name)).arg(&copy).output();
            run.is_ok_and(|run| run.status.success())
        });
        // A partial tile may have given way to a wider one meanwhile.
        if whole == [true, true] && fs::read(log.join("checkpoint"))? == fs::read(copy.join("checkpoint"))? {
            return Ok(copy);
        }
    }
    anyhow::bail!("the log does not stand still")
}

fn verifier(words: &[&dyn AsRef<std::ffi::OsStr>]) -> Result<Output> {
    let mut command = Command::new(records::verifier()?);
    for word in words {
        command.arg(word);
    }
    Ok(command.output()?)
}

fn report(what: &Path, trust: &Path) -> Result<Value> {
    let run = verifier(&[&what, &"--trust", &trust, &"--json"])?;
    serde_json::from_slice(&run.stdout).with_context(|| String::from_utf8_lossy(&run.stderr).into_owned())
}

fn faults(report: &Value) -> Vec<String> {
    let steps = report["steps"].as_array().cloned().unwrap_or_default();
    let found = steps.iter().flat_map(|s| s["findings"].as_array().cloned().unwrap_or_default());
    found.map(|f| f["fault"].as_str().unwrap_or_default().to_owned()).collect()
}

fn leaves_under_a_quorum(report: &Value) -> u64 {
    let steps = report["steps"].as_array().cloned().unwrap_or_default();
    let step = steps.into_iter().find(|s| s["step"] == "witnesses").unwrap_or_default();
    step["counts"]["leaves under a quorum"].as_u64().unwrap_or(0)
}

fn export(setup: &Setup, name: &str) -> Result<PathBuf> {
    let package = setup.path().join(name);
    let mut command = Command::new(binary()?);
    command.args(["evidence", "export", "--data"]).arg(setup.data()).arg("-o").arg(&package);
    let run = command.output()?;
    ensure!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    Ok(package)
}

fn call(gateway: &Gateway, id: u64) -> Result<()> {
    let mut caller = Caller::new(gateway.base(), "light", TOKEN)?;
    let answer = caller.call(id, "echo", &json!({"text": "hello"}))?;
    ensure!(answer.json().get("result").is_some(), "{answer:?}");
    Ok(())
}

#[test]
fn a_cell_is_witnessed_by_two_of_three_and_serves_without() -> Result<()> {
    let upstream = Upstream::echo()?;
    let setup = Setup::with_token(&upstream.server("light"), ALLOW_ALL_MASKED)?;
    let log = begun(&setup)?;
    let witnesses: Vec<Witness> = ["w1", "w2", "w3"].iter().map(|name| Witness::new(&setup, name)).collect();
    let mut running = Vec::new();
    let mut policy = format!("log {log}\n");
    for witness in &witnesses {
        let (process, base) = witness.start("127.0.0.1:0")?;
        let name = witness.name.rsplit('/').next().context("a name")?;
        policy += &format!("witness {name} {} {base}\n", witness.vkey()?);
        running.push((process, base));
    }
    let trust = setup.path().join("trust.policy");
    fs::write(&trust, format!("{policy}group two 2 w1 w2 w3\nquorum two\n"))?;
    let config = fs::read_to_string(setup.config())?;
    fs::write(
        setup.config(),
        format!(
            "{config}evidence:\n  witness: {{ policy: ./trust.policy, every: 200ms }}\n  heartbeat: 1s\n"
        ),
    )?;

    let gateway = setup.start()?;
    call(&gateway, 1)?;
    ensure!(until(&setup, &gateway, "quorum")?.contains("w3 signed"), "{:?}", changes(&setup));
    // One of three may go; with two gone it is said, and calls go on.
    running[0].0.kill()?;
    running[1].0.kill()?;
    let said = until(&setup, &gateway, "no-quorum")?;
    ensure!(said.contains("w2 down") && said.contains("w3 signed"), "{said}");
    call(&gateway, 2)?;
    // It comes back with its memory, at another size than the cell last knew of.
    let address = running[1].1.trim_start_matches("http://").to_owned();
    running[1] = witnesses[1].start(&address)?;
    until(&setup, &gateway, "quorum")?;

    // Go's sumdb reads the same notes.
    let log_folder = setup.data().join("log");
    let witness = witnesses[2].vkey()?;
    if let Some(said) = crate::foreign::sumdb(&frozen(&setup, &log_folder)?, &witness, "")? {
        ensure!(said == (true, "note, inclusion, consistency, cosignatures".to_owned()), "{said:?}");
        let changed =
            crate::foreign::sumdb(&frozen(&setup, &log_folder)?, &witness, "time")?.context("as before")?;
        ensure!(!changed.0, "another time: {changed:?}");
    }
    let package = export(&setup, "all.carnet")?;
    let whole = report(&package, &trust)?;
    ensure!(whole["holds"] == true && leaves_under_a_quorum(&whole) > 3, "{whole:#}");
    let folder = report(&setup.data(), &trust)?;
    ensure!(faults(&folder).is_empty() && leaves_under_a_quorum(&folder) > 3, "{folder:#}");

    // An auditor who asks for somebody else, or for all of whom one never came back for the newest.
    let stranger = Cosigner::new("stranger.example", &[8; 32])?.public().to_text();
    let strict = setup.path().join("strict.policy");
    fs::write(&strict, format!("log {log}\nwitness s {stranger}\nquorum s\n"))?;
    ensure!(faults(&report(&package, &strict)?) == ["witness-unknown", "quorum-missing"], "strict");

    // The auditor's book knows what was seen: here a checkpoint of now, against an export of before.
    let book = setup.path().join("book");
    let added = verifier(&[&"book", &"add", &book, &package, &"--trust", &trust])?;
    ensure!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
    ensure!(
        String::from_utf8_lossy(&verifier(&[&"book", &"list", &book])?.stdout).contains("carnet.local/test")
    );
    let check = |what: &Path| verifier(&[&"book", &"check", &book, &what, &"--trust", &trust, &"--json"]);
    ensure!(check(&package)?.status.success() && check(&setup.data())?.status.success(), "the same log");
    drop(gateway);

    rolled_back(&setup, &trust, &book)
}

/// The operator goes back to what the log was and lets it grow again. Witnesses do not sign it, the cell says so, and the
/// book knows.
fn rolled_back(setup: &Setup, trust: &Path, book: &Path) -> Result<()> {
    let gone = setup.path().join("gone");
    fs::rename(setup.data().join("log"), &gone)?;
    fs::remove_dir_all(setup.data().join("index"))?;
    let gateway = setup.start()?;
    let said = until(setup, &gateway, "refused")?;
    ensure!(said.contains("w3 refused"), "{said}");
    call(&gateway, 3)?;
    let other = report(&setup.data(), trust)?;
    ensure!(faults(&other).contains(&"quorum-missing".to_owned()), "{other:#}");
    let run = verifier(&[&"book", &"check", &book, &setup.data(), &"--trust", &trust, &"--json"])?;
    let found = faults(&serde_json::from_slice(&run.stdout)?);
    ensure!(found.iter().any(|f| f == "forked" || f == "rolled-back"), "{found:?}");
    Ok(())
}

#[test]
fn a_witness_answers_as_the_specification_says() -> Result<()> {
    let upstream = Upstream::echo()?;
    let setup = Setup::with_token(&upstream.server("light"), ALLOW_ALL_MASKED)?;
    begun(&setup)?;
    let checkpoint = fs::read_to_string(setup.data().join("log/checkpoint"))?;
    let size: u64 = checkpoint.lines().nth(1).context("a size")?.parse()?;
    let (_process, base) = Witness::new(&setup, "w").start("127.0.0.1:0")?;
    let post = |body: &str| send("POST", &format!("{base}/add-checkpoint"), &[], body);
    let first = Submission::body(0, &[], &checkpoint);
    let unsigned = first.replace("— carnet.local/test ", "— somebody ");
    let unknown = first.replace("carnet.local/test", "carnet.local/other");
    for (body, status) in [
        ("", 400),
        ("old 1\n", 400),
        (unsigned.as_str(), 403),
        (unknown.as_str(), 404),
        (first.as_str(), 200),
    ] {
        let reply = post(body)?;
        ensure!(reply.status == status, "{status}: {reply:?}");
    }
    let stale = post(&first)?;
    ensure!(stale.status == 409 && stale.body == format!("{size}\n"), "{stale:?}");
    ensure!(stale.header("content-type") == Some("text/x.tlog.size"), "{stale:?}");
    let again = post(&Submission::body(size, &[], &checkpoint))?;
    ensure!(again.status == 200 && again.body.starts_with("— witness.example/w "), "{again:?}");
    let wrong = post(&Submission::body(size, &[[1; 32]], &checkpoint))?;
    ensure!(wrong.status == 422, "{wrong:?}");
    ensure!(send("GET", &format!("{base}/add-checkpoint"), &[], "")?.status == 404, "GET");
    Ok(())
}

#[test]
fn two_cells_witness_each_other() -> Result<()> {
    let upstream = Upstream::echo()?;
    let cells = [
        Setup::with_token(&upstream.server("light"), ALLOW_ALL_MASKED)?,
        Setup::with_token(&upstream.server("light"), ALLOW_ALL_MASKED)?,
    ];
    let config = fs::read_to_string(cells[1].config())?;
    fs::write(cells[1].config(), config.replace("name: test", "name: other"))?;
    let logs = [begun(&cells[0])?, begun(&cells[1])?];
    let mut running = Vec::new();
    for (cell, other) in [(0, 1), (1, 0)] {
        // Beside each cell runs a witness of the other one's log.
        let mut witness = Witness::new(&cells[cell], "beside");
        witness.logs = cells[other].data().join("log/vkey");
        witness.name = format!("witness.example/beside-{cell}");
        let (process, base) = witness.start("127.0.0.1:0")?;
        let policy = format!("log {}\nwitness w {} {base}\nquorum w\n", logs[other], witness.vkey()?);
        fs::write(cells[other].path().join("trust.policy"), policy)?;
        let config = fs::read_to_string(cells[other].config())?;
        let block = "evidence: { witness: { policy: ./trust.policy, every: 200ms }, heartbeat: 1s }\n";
        fs::write(cells[other].config(), config + block)?;
        running.push(process);
    }
    for cell in &cells {
        let gateway = cell.start()?;
        let signed = gateway.process.wait_for(|_| {
            std::thread::sleep(std::time::Duration::from_millis(100));
            whys(cell).ok()?.contains(&"Text(\"quorum\")".to_owned()).then_some(())
        });
        signed.with_context(|| format!("{:?}", whys(cell)))?;
        drop(gateway);
        let report = report(&cell.data(), &cell.path().join("trust.policy"))?;
        ensure!(leaves_under_a_quorum(&report) > 0, "{report:#}");
    }
    Ok(())
}

#[test]
fn of_three_cells_that_witness_each_other_no_log_can_vanish() -> Result<()> {
    let upstream = Upstream::echo()?;
    let cells = (0..3)
        .map(|_| Setup::with_token(&upstream.server("light"), ALLOW_ALL_MASKED))
        .collect::<Result<Vec<_>>>()?;
    let mut logs = Vec::new();
    for (n, cell) in cells.iter().enumerate() {
        // Each log has an origin of its own: a witness tells logs apart by it.
        let config = fs::read_to_string(cell.config())?;
        fs::write(cell.config(), config.replace("name: test", &format!("name: cell-{n}")))?;
        logs.push(begun(cell)?);
    }
    let all = cells[0].path().join("logs");
    fs::write(&all, logs.join("\n"))?;
    let mut witnesses = Vec::new();
    for (n, cell) in cells.iter().enumerate() {
        let mut witness = Witness::new(cell, "beside");
        witness.logs.clone_from(&all);
        witness.name = format!("witness.example/beside-{n}");
        let (process, base) = witness.start("127.0.0.1:0")?;
        let line = format!("witness w{n} {} {base}", witness.vkey()?);
        witnesses.push((witness, line, process));
    }
    for (n, cell) in cells.iter().enumerate() {
        let (a, b) = ((n + 1) % 3, (n + 2) % 3);
        let (one, other) = (&witnesses[a].1, &witnesses[b].1);
        let policy = format!("log {}\n{one}\n{other}\ngroup others all w{a} w{b}\nquorum others\n", logs[n]);
        fs::write(cell.path().join("trust.policy"), policy)?;
        let config = fs::read_to_string(cell.config())?;
        let block = "evidence: { witness: { policy: ./trust.policy, every: 200ms }, heartbeat: 1s }\n";
        fs::write(cell.config(), config + block)?;
    }
    let (a, trust) = (&cells[0], cells[0].path().join("trust.policy"));
    let backup = a.path().join("backup");
    for cell in &cells {
        let gateway = cell.start()?;
        let signed = gateway.process.wait_for(|_| {
            std::thread::sleep(std::time::Duration::from_millis(100));
            whys(cell).ok()?.contains(&"Text(\"quorum\")".to_owned()).then_some(())
        });
        signed.with_context(|| format!("{:?}", whys(cell)))?;
        if std::ptr::eq(cell, a) {
            let log = frozen(a, &a.data().join("log"))?;
            let copied = Command::new("cp").arg("-r").arg(&log).arg(&backup).output()?;
            ensure!(copied.status.success());
            let segments =
                Command::new("cp").arg("-r").arg(a.data().join("log/segments")).arg(&backup).output()?;
            ensure!(segments.status.success());
            for id in 0..5 {
                call(&gateway, id)?;
            }
            let seen =
                |n: usize| fs::read_to_string(witness_of(&witnesses[n].0, &logs[0])?).context("its memory");
            let size = |note: String| note.lines().nth(1).and_then(|n| n.parse::<u64>().ok()).unwrap_or(0);
            let before = size(fs::read_to_string(backup.join("checkpoint"))?);
            let grown = gateway.process.wait_for(|_| {
                std::thread::sleep(std::time::Duration::from_millis(100));
                [1, 2].iter().all(|n| seen(*n).is_ok_and(|note| size(note) > before)).then_some(())
            });
            grown.context("the others have not seen it grow")?;
        }
    }
    // All of it is gone: what its neighbours remember says that it was there, how large, and what its root was.
    let gone = a.path().join("gone");
    fs::rename(a.data(), &gone)?;
    for n in [1, 2] {
        let memory = &witnesses[n].0.data;
        let run = verifier(&[&"book", &"check", memory, &a.data(), &"--trust", &trust, &"--json"])?;
        let report: Value = serde_json::from_slice(&run.stdout)?;
        ensure!(run.status.code() == Some(1) && faults(&report) == ["vanished"], "{report:#}");
        ensure!(report["size"].as_u64().unwrap_or(0) > 5, "{report:#}");
        // A backup in its place is smaller than what they have signed.
        let run = verifier(&[&"book", &"check", memory, &backup, &"--trust", &trust, &"--json"])?;
        let report: Value = serde_json::from_slice(&run.stdout)?;
        ensure!(faults(&report).contains(&"rolled-back".to_owned()), "{report:#}");
        // What is there holds.
        let run = verifier(&[&"book", &"check", memory, &gone, &"--trust", &trust, &"--json"])?;
        ensure!(run.status.success(), "{}", String::from_utf8_lossy(&run.stdout));
    }
    Ok(())
}

/// Where a witness keeps the checkpoint that it signed last of a log, by the log's verifier key.
fn witness_of(witness: &Witness, log: &str) -> Result<PathBuf> {
    use sha2::Digest as _;
    let origin = log.split('+').next().context("a name")?;
    let hex: String = sha2::Sha256::digest(origin).iter().map(|b| format!("{b:02x}")).collect();
    Ok(witness.data.join("logs").join(hex))
}

/// A time stamp authority: `openssl ts -reply` behind a tiny HTTP server.
struct Tsa {
    folder: PathBuf,
    address: std::net::SocketAddr,
}

fn openssl(folder: &Path, words: &str) -> Result<()> {
    let run = Command::new("openssl").current_dir(folder).args(words.split(' ')).output()?;
    ensure!(run.status.success(), "openssl {words}: {}", String::from_utf8_lossy(&run.stderr));
    Ok(())
}

impl Tsa {
    /// Certificates: an authority that issues the signer's; the signer's key is RSA or of a curve.
    fn start(folder: PathBuf, key: &str) -> Result<Tsa> {
        fs::create_dir_all(&folder)?;
        let extensions =
            "[tsa]\nextendedKeyUsage = critical, timeStamping\n[ca]\nbasicConstraints = critical, CA:TRUE\n";
        fs::write(folder.join("ext.cnf"), extensions)?;
        let config = "[tsa]\ndefault_tsa = one\n[one]\nserial = serial\nsigner_cert = tsa.pem\ncerts = ca.pem\nsigner_key = tsa.key\n\
                      signer_digest = sha256\ndefault_policy = 1.2.3.4\ndigests = sha256\nordering = yes\ntsa_name = yes\n\
                      ess_cert_id_alg = sha256\n";
        fs::write(folder.join("tsa.cnf"), config)?;
        fs::write(folder.join("serial"), "01\n")?;
        let make = |name: &str| openssl(&folder, &format!("genpkey {key} -out {name}.key"));
        make("ca")?;
        make("tsa")?;
        openssl(&folder, "req -new -x509 -key ca.key -subj /CN=TestAuthority -days 30 -out ca.pem -addext basicConstraints=critical,CA:TRUE")
            .or_else(|_| openssl(&folder, "req -new -x509 -key ca.key -subj /CN=TestAuthority -days 30 -out ca.pem"))?;
        openssl(&folder, "req -new -key tsa.key -subj /CN=TestStamps -out tsa.csr")?;
        openssl(
            &folder,
            "x509 -req -in tsa.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -out tsa.pem -extfile ext.cnf -extensions tsa",
        )?;
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        let tsa = Tsa { folder: folder.clone(), address: listener.local_addr()? };
        std::thread::spawn(move || {
            listener.incoming().flatten().try_for_each(|stream| answer(&folder, stream))
        });
        Ok(tsa)
    }
}

/// One request, one answer.
fn answer(folder: &Path, mut stream: std::net::TcpStream) -> Result<()> {
    use std::io::{BufRead as _, BufReader, Read as _, Write as _};
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let line = line.trim().to_ascii_lowercase();
        if let Some(n) = line.strip_prefix("content-length:") {
            length = n.trim().parse()?;
        }
        if line.is_empty() {
            break;
        }
    }
    let mut query = vec![0; length];
    reader.read_exact(&mut query)?;
    fs::write(folder.join("query.tsq"), query)?;
    openssl(folder, "ts -reply -config tsa.cnf -queryfile query.tsq -out reply.tsr")?;
    let reply = fs::read(folder.join("reply.tsr"))?;
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/timestamp-reply\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        reply.len()
    );
    stream.write_all(head.as_bytes())?;
    Ok(stream.write_all(&reply)?)
}

fn stamped(kind: &str, key: &str) -> Result<()> {
    let upstream = Upstream::echo()?;
    let setup = Setup::with_token(&upstream.server("light"), ALLOW_ALL_MASKED)?;
    let tsa = Tsa::start(setup.path().join("tsa"), key)?;
    let config = fs::read_to_string(setup.config())?;
    let block = format!("evidence:\n  timestamp: {{ url: \"http://{}/tsr\", every: 300ms }}\n", tsa.address);
    fs::write(setup.config(), config + &block)?;
    let gateway = setup.start()?;
    call(&gateway, 1)?;
    let recorded = gateway.process.wait_for(|_| {
        std::thread::sleep(std::time::Duration::from_millis(100));
        let all = records::read(&setup.data()).ok()?;
        (all.iter().filter(|r| r.ty == carnet_evidence::LeafType::Anchor).count() > 1).then_some(())
    });
    recorded.context("no anchor")?;
    // The checkpoint that covers the anchors, and what is in the package.
    drop(gateway);
    setup.start()?.process.terminate(std::time::Duration::from_secs(30))?;
    let package = export(&setup, "stamped.carnet")?;
    let vkey = setup.data().join("log/vkey");
    let check = |pem: &str| -> Result<Value> {
        let pem = tsa.folder.join(pem);
        let run = verifier(&[&package, &"--trust", &vkey, &"--tsa", &pem, &"--json"])?;
        serde_json::from_slice(&run.stdout).with_context(|| String::from_utf8_lossy(&run.stderr).into_owned())
    };
    for pem in ["tsa.pem", "ca.pem"] {
        let report = check(pem)?;
        ensure!(report["holds"] == true, "{kind} {pem}: {report:#}");
        let steps = report["steps"].as_array().context("steps")?.clone();
        let time = steps.iter().find(|s| s["step"] == "time").context("time")?;
        ensure!(time["counts"]["checkpoints with a time"].as_u64() > Some(1), "{time:#}");
    }
    openssl(&tsa.folder, &format!("genpkey {key} -out other.key"))?;
    openssl(&tsa.folder, "req -new -x509 -key other.key -subj /CN=Other -days 30 -out other.pem")?;
    ensure!(faults(&check("other.pem")?).contains(&"time-stamp-unknown-authority".to_owned()), "a stranger");

    // openssl says the same of the files as they are.
    let anchors = setup.data().join("log/anchors");
    let stamp = fs::read_dir(&anchors)?
        .flatten()
        .map(|e| e.path())
        .find(|p| p.extension().is_some_and(|e| e == "tsr"));
    let stamp = stamp.context("a time stamp")?;
    let note = fs::read_to_string(stamp.with_extension(""))?;
    let text = tsa.folder.join("text");
    let verify = |text: &Path| {
        let mut command = Command::new("openssl");
        command.args(["ts", "-verify", "-data"]).arg(text).arg("-in").arg(&stamp);
        command
            .arg("-CAfile")
            .arg(tsa.folder.join("ca.pem"))
            .arg("-untrusted")
            .arg(tsa.folder.join("tsa.pem"));
        command.output()
    };
    fs::write(
        &text,
        note.split_inclusive("\n\n").next().context("a text")?.trim_end_matches('\n').to_owned() + "\n",
    )?;
    let said = verify(&text)?;
    ensure!(said.status.success(), "{kind}: {}", String::from_utf8_lossy(&said.stderr));
    fs::write(&text, "something else\n")?;
    ensure!(!verify(&text)?.status.success(), "openssl accepts another text");

    // A changed bit in a stamp is seen.
    let mut bytes = fs::read(&stamp)?;
    let last = bytes.len() - 10;
    bytes[last] ^= 1;
    fs::write(&stamp, bytes)?;
    let pem = tsa.folder.join("tsa.pem");
    let run = verifier(&[&setup.data(), &"--trust", &vkey, &"--tsa", &pem, &"--json"])?;
    let found = faults(&serde_json::from_slice(&run.stdout)?);
    ensure!(
        found.contains(&"time-stamp-bad".to_owned()) && found.contains(&"anchor-missing".to_owned()),
        "{found:?}"
    );
    Ok(())
}

#[test]
fn checkpoints_are_time_stamped_by_rsa_and_openssl_agrees() -> Result<()> {
    stamped("RSA", "-algorithm RSA -pkeyopt rsa_keygen_bits:2048")
}

#[test]
fn checkpoints_are_time_stamped_by_a_curve_and_openssl_agrees() -> Result<()> {
    stamped("P-256", "-algorithm EC -pkeyopt ec_paramgen_curve:P-256")
}
