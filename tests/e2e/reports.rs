//! Reports and exports of a log that a gateway is writing: what they say, that the auditor's program computes the same, that
//! each export is recorded, and that programs not written here accept the exports and refuse damaged ones.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use carnet_evidence::LeafType;
use carnet_tests::gateway::{Gateway, Setup, TOKEN, binary};
use carnet_tests::upstream::Upstream;
use carnet_tests::wire::Caller;
use carnet_tests::{peers, records};
use serde_json::{Value, json};

const POLICIES: &str = r#"
@id("everything") permit (principal, action, resource);
@id("nothing-unmasked") forbid (principal, action == Action::"reveal", resource);
@id("not-this-tool") forbid (principal, action == Action::"tools/call", resource) when { resource.name == "refused" };
"#;

const DECLARED: &str = "    purpose: customer care\n    legal_basis: contract\nprocessing:\n  organisation: Acme\n  contact: privacy\n  \
    officer: the officer\n  measures: [masking]\n  activities:\n    - { name: care, servers: [crm], purposes: [customer care], legal_basis: \
    contract, subjects: [customers], classes: [email], countries: [de], keep: 30 days }\n";

/// A gateway that has answered some calls and refused one.
fn called() -> Result<(Setup, Gateway, Upstream)> {
    let upstream = Upstream::echo()?;
    let setup = Setup::with_token(&format!("{}{DECLARED}", upstream.server("crm")), POLICIES)?;
    let gateway = setup.start()?;
    let mut caller = Caller::new(gateway.base(), "crm", TOKEN)?;
    for id in 0..4 {
        caller.call(
            id,
            "echo",
            &json!({"text": "=write to ada@example.com, IBAN DE89 3704 0044 0532 0130 00"}),
        )?;
    }
    caller.call(4, "refused", &json!({"text": "no"}))?;
    published(&setup)?;
    Ok((setup, gateway, upstream))
}

/// Waits until a checkpoint covers what is recorded.
fn published(setup: &Setup) -> Result<()> {
    let written = records::read(&setup.data())?.len() as u64;
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        let text = fs::read_to_string(setup.data().join("log/checkpoint")).unwrap_or_default();
        if text.lines().nth(1).and_then(|n| n.parse::<u64>().ok()).is_some_and(|size| size >= written) {
            return Ok(());
        }
        ensure!(Instant::now() < until, "the checkpoint does not follow");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn carnet(setup: &Setup, arguments: &[&str]) -> Result<String> {
    let mut command = Command::new(binary()?);
    let run = command.current_dir(setup.path()).args(arguments).output()?;
    ensure!(run.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&run.stderr));
    Ok(String::from_utf8(run.stdout)?)
}

fn report(setup: &Setup, name: &str) -> Result<Vec<Value>> {
    let text = carnet(setup, &["report", name, "--format", "json"])?;
    let value: Value = serde_json::from_str(&text).with_context(|| text.clone())?;
    value["rows"].as_array().cloned().context("rows")
}

fn export(setup: &Setup, form: &str) -> Result<PathBuf> {
    let file = setup.path().join(format!("as-{form}"));
    carnet(setup, &["evidence", "export", "--as", form, "-o", &file.display().to_string()])?;
    Ok(file)
}

#[test]
fn reports_say_what_was_recorded() -> Result<()> {
    let (setup, _gateway, _upstream) = called()?;
    let calls = report(&setup, "calls")?;
    let echo: Vec<&Value> = calls.iter().filter(|c| c["tool"] == "echo").collect();
    ensure!(echo.len() == 4 && echo[0]["actor"] == "tester" && echo[0]["outcome"] == "permit", "{calls:#?}");
    ensure!(echo[0]["processed_in"].is_string() && echo[0]["stored_in"] == "de", "{:#}", echo[0]);
    ensure!(calls.iter().any(|c| c["tool"] == "refused" && c["decision"] == "deny"), "{calls:#?}");
    let masking = report(&setup, "masking")?;
    ensure!(
        masking.iter().any(|m| m["class"] == "iban" && m["values"] == 4 && m["way"] == "asked"),
        "{masking:#?}"
    );
    let sessions = report(&setup, "sessions")?;
    ensure!(sessions.iter().any(|s| s["server"] == "crm" && s["denied"] == 1), "{sessions:#?}");
    // Four addresses and four IBANs on the way in, each masked; the refused call went nowhere.
    let crossings = report(&setup, "crossings")?;
    let row = |class: &str, verdict: &str| {
        let found = |r: &&Value| r["class"] == class && r["verdict"] == verdict;
        crossings.iter().filter(found).map(|r| r["messages"].as_u64().unwrap_or(0)).sum::<u64>()
    };
    ensure!(row("email", "masked") == 4 && row("iban", "masked") == 4, "{crossings:#?}");
    ensure!(row("(none found)", "stopped") == 1, "{crossings:#?}");
    let written = records::read(&setup.data())?.len() as u64;
    let inventory = report(&setup, "inventory")?;
    let sum = |name: &str| inventory.iter().map(|r| r[name].as_u64().unwrap_or(0)).sum::<u64>();
    ensure!(sum("records") > written && sum("records") < written + 5, "{written}: {inventory:#?}");
    let crm = inventory.iter().find(|r| r["class"] == "recordings" && r["server"] == "crm");
    let crm = crm.context("a row of the server's recordings")?;
    for name in ["records", "leaf_bytes", "fact_bytes", "recording_bytes", "keys"] {
        ensure!(crm[name].as_u64() > Some(0), "{name}: {crm:#}");
    }
    ensure!(
        crm["storage"] == json!(["de"]) && inventory.iter().any(|r| r["class"] == "reading"),
        "{inventory:#?}"
    );
    // The IBAN was seen and is not declared; the organisation is.
    let ropa = report(&setup, "ropa")?;
    let of = |what: &str| ropa.iter().find(|r| r["what"] == what).cloned().unwrap_or_default();
    ensure!(of("controller")["declared"] == "Acme", "{ropa:#?}");
    let drift = of("categories of personal data")["drift"].to_string();
    ensure!(drift.contains("iban") && !drift.contains("email"), "{ropa:#?}");
    ensure!(of("purposes")["drift"].is_null(), "{ropa:#?}");
    let breach = report(&setup, "breach")?;
    ensure!(
        breach.iter().any(|b| b["field"] == "data protection officer" && b["value"] == "the officer"),
        "{breach:#?}"
    );
    let controls = report(&setup, "controls")?;
    let results: Vec<&str> = controls.iter().filter_map(|c| c["result"].as_str()).collect();
    ensure!(results.iter().all(|r| ["evidence for", "gap"].contains(r)) && results.contains(&"evidence for"));
    // Reading a report is itself a record, and so in the next one.
    let acts = report(&setup, "acts")?;
    ensure!(acts.iter().any(|a| a["type"] == "admin.read" && a["detail"] == "report calls"), "{acts:#?}");
    let csv = carnet(&setup, &["report", "calls", "--format", "csv"])?;
    let (first, rest) = csv.split_once("\r\n").context("a first line")?;
    ensure!(first.starts_with("# complete for the records 0 to "), "{first}");
    ensure!(rest.starts_with("record,time,session,actor") && !csv.contains("ada@example.com"), "{csv}");
    ensure!(carnet(&setup, &["report", "calls"])?.starts_with("> It is complete for the records 0 to "));
    Ok(())
}

/// The statement is the log's: size and root are those of a checkpoint of it, and a log that was changed gives no report.
#[test]
fn a_report_over_the_log_says_of_what_it_is_complete() -> Result<()> {
    let (setup, mut gateway, _upstream) = called()?;
    let said: Value = serde_json::from_str(&carnet(&setup, &["report", "calls", "--format", "json"])?)?;
    let (from, to) = (said["log"]["from"].as_u64(), said["log"]["to"].as_u64().context("to")?);
    ensure!(from == Some(0) && to > 5 && said["log"]["later"].is_u64(), "{:#}", said["log"]);
    gateway.process.terminate(Duration::from_secs(30))?;
    let checkpoint = fs::read_to_string(setup.data().join("log/checkpoint"))?;
    let said: Value = serde_json::from_str(&carnet(&setup, &["report", "calls", "--format", "json"])?)?;
    // Reading it has left a record of its own, and so a newer checkpoint.
    ensure!(said["log"]["origin"].as_str() == checkpoint.lines().next(), "{:#}", said["log"]);
    let newest = fs::read_to_string(setup.data().join("log/checkpoint"))?;
    let stated = (said["log"]["to"].to_string(), said["log"]["root"].as_str().map(str::to_owned));
    let line = |n: usize| newest.lines().nth(n).map(str::to_owned);
    ensure!((Some(stated.0), stated.1) == (line(1), line(2)), "{newest}: {:#}", said["log"]);
    let segment = setup.data().join("log/segments/00000000000000000000.seg");
    let mut bytes = fs::read(&segment)?;
    let at = bytes.windows(12).position(|w| w == b"call.outcome").context("an outcome")?;
    bytes[at] ^= 1;
    fs::write(&segment, bytes)?;
    let data = setup.data().display().to_string();
    let run = Command::new(binary()?).args(["report", "calls", "--data", &data]).output()?;
    ensure!(!run.status.success() && run.stdout.is_empty(), "a report over a damaged log");
    Ok(())
}

#[test]
fn what_concerns_a_person_is_a_report_and_a_package_of_its_own() -> Result<()> {
    let upstream = Upstream::echo()?;
    let subject = "    subjects:\n      - { at: $.arguments.customer_id, kind: customer }\n";
    let setup = Setup::with_token(&format!("{}{subject}", upstream.server("crm")), POLICIES)?;
    let gateway = setup.start()?;
    let mut caller = Caller::new(gateway.base(), "crm", TOKEN)?;
    for (id, customer) in [(0, "4711"), (1, "4712"), (2, "4711")] {
        caller.call(id, "look", &json!({"customer_id": customer}))?;
    }
    published(&setup)?;
    let text = carnet(&setup, &["report", "access", "--subject", "customer=4711", "--format", "json"])?;
    let value: Value = serde_json::from_str(&text)?;
    let rows = value["rows"].as_array().context("rows")?;
    let shown: Vec<&Value> =
        rows.iter().filter(|r| r["decision"] == "permit" && r["tool"] == "look").collect();
    ensure!(shown.len() == 2, "{text}");
    let package = setup.path().join("person.carnet");
    let out = package.display().to_string();
    carnet(&setup, &["evidence", "export", "--subject", "customer=4711", "-o", &out])?;
    let run = Command::new(records::verifier()?).arg(&package).arg("--json").output()?;
    let said: Value = serde_json::from_slice(&run.stdout)?;
    ensure!(said["holds"] == true, "{said:#}");
    let bytes = fs::read(&package)?;
    let stands = |text: &str| bytes.windows(text.len()).any(|w| w == text.as_bytes());
    ensure!(
        stands("4711") && !stands("4712") && !stands("customer=4711"),
        "only this person, and not by name"
    );
    Ok(())
}

#[test]
fn a_package_with_exports_verifies_and_each_export_is_recorded() -> Result<()> {
    let (setup, _gateway, _upstream) = called()?;
    let package = setup.path().join("all.carnet");
    carnet(&setup, &["evidence", "export", "--exports", "all", "-o", &package.display().to_string()])?;
    let run = Command::new(records::verifier()?).arg(&package).arg("--json").output()?;
    let said: Value = serde_json::from_slice(&run.stdout)?;
    ensure!(said["holds"] == true, "{said:#}");
    let page = base64url_sha256(&fs::read(&package)?);
    let file = export(&setup, "ecs")?;
    let lines = fs::read_to_string(&file)?;
    ensure!(
        lines
            .lines()
            .all(|l| serde_json::from_str::<Value>(l).is_ok_and(|v| v["ecs"]["version"] == "8.17.0"))
    );
    let made: Vec<_> =
        records::read(&setup.data())?.into_iter().filter(|r| r.ty == LeafType::ExportMade).collect();
    ensure!(made.len() == 2 && made[0].text("detail").starts_with("package of records 0 to"), "{made:#?}");
    let acts = report(&setup, "acts")?;
    ensure!(
        acts.iter().any(|a| a["stated"].to_string().contains(&page)),
        "the hash of the package: {acts:#?}"
    );
    Ok(())
}

/// What the checker of a kind says of a file or folder, with a change in it or none; whether it holds.
fn foreign(kind: &str, path: &Path, change: &str) -> Result<(bool, String)> {
    let mut command = if kind == "har" {
        peers::script("peers/clients/har.mjs")?
    } else {
        let mut python = Command::new(peers::folder()?.join("py/siem/bin/python"));
        python.arg(peers::source("peers/clients/siem.py")).arg(kind);
        python
    };
    let run = command.arg(path).arg(change).output()?;
    let said = format!("{}{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    Ok((run.status.success(), said))
}

#[test]
fn foreign_programs_accept_exports_and_refuse_damaged_ones() -> Result<()> {
    let (setup, _gateway, _upstream) = called()?;
    for (kind, changes) in [
        ("ocsf", vec!["type", "required", "unknown", "profile", "enum"]),
        ("cef", vec!["header", "escape"]),
        ("har", vec!["version", "time", "timings"]),
        ("oscal", vec!["uuid", "state", "metadata"]),
    ] {
        let path = export(&setup, kind)?;
        let (holds, said) = foreign(kind, &path, "")?;
        let n: u64 = said.trim().parse().unwrap_or(0);
        ensure!(holds && n > 0, "{kind}: {said}");
        for change in changes {
            let (holds, said) = foreign(kind, &path, change)?;
            ensure!(
                !holds && said.starts_with(&format!("not {kind}")),
                "{kind} with {change} damaged: {said}"
            );
        }
    }
    Ok(())
}

/// SHA-256 as a record states it.
fn base64url_sha256(bytes: &[u8]) -> String {
    use base64::Engine as _;
    use sha2::Digest as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(sha2::Sha256::digest(bytes))
}
