//! Pictures and documents in binary fields, and a real Presidio beside the gateway.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use carnet_tests::driver::{Reach, Sdk, drive};
use carnet_tests::gateway::{ALLOW_ALL_MASKED, Gateway, Setup, TOKEN};
use carnet_tests::peers;
use carnet_tests::process::Process;
use carnet_tests::records;
use carnet_tests::upstream::{self, Reply, Seen, Upstream};
use carnet_tests::wire::Caller;
use serde_json::{Value, json};

const DOCX: &str = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
const PDF: &str = "application/pdf";
const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

fn data(name: &str) -> &'static [u8] {
    match name {
        "clean.docx" => include_bytes!("../../crates/documents/tests/data/clean.docx"),
        "letter.docx" => include_bytes!("../../crates/documents/tests/data/letter.docx"),
        "pictured.docx" => include_bytes!("../../crates/documents/tests/data/pictured.docx"),
        "customers.xlsx" => include_bytes!("../../crates/documents/tests/data/customers.xlsx"),
        "clean.pdf" => include_bytes!("../../crates/documents/tests/data/clean.pdf"),
        "letter.pdf" => include_bytes!("../../crates/documents/tests/data/letter.pdf"),
        "scanned.pdf" => include_bytes!("../../crates/documents/tests/data/scanned.pdf"),
        "encrypted.pdf" => include_bytes!("../../crates/documents/tests/data/encrypted.pdf"),
        "subset.pdf" => include_bytes!("../../crates/documents/tests/data/subset.pdf"),
        "bomb.docx" => include_bytes!("../../crates/documents/tests/data/bomb.docx"),
        "photo.png" => include_bytes!("../../crates/documents/tests/data/photo.png"),
        "photo.jpg" => include_bytes!("../../crates/documents/tests/data/photo.jpg"),
        _ => b"",
    }
}

/// Gives out the file that is asked for, as a resource in a result or as a picture.
fn files(seen: &Seen) -> Reply {
    let arguments = seen.json()["params"]["arguments"].clone();
    let (name, kind) = (arguments["name"].as_str().unwrap_or_default(), &arguments["type"]);
    let blob = STANDARD.encode(data(name));
    match (seen.method().as_str(), seen.tool().as_str()) {
        ("tools/call", "document") => seen.result(json!({"content": [
            {"type": "resource", "resource": {"uri": "file:///d", "mimeType": kind, "blob": blob}}]})),
        ("tools/call", "picture") => {
            seen.result(json!({"content": [{"type": "image", "mimeType": kind, "data": blob}]}))
        }
        _ => upstream::echo(seen),
    }
}

const RULES: &str = "
masking:
  binary:
    - { types: [image/png, image/jpeg], size: 1MiB, action: strip }
    - { types: [application/vnd.openxmlformats-officedocument.wordprocessingml.document, application/vnd.openxmlformats-officedocument.spreadsheetml.sheet, application/pdf], size: 1MiB, action: inspect }
";

/// What the caller gets of a file: bytes, or the text that stands in their place.
fn fetch(caller: &mut Caller, tool: &str, name: &str, kind: &str) -> Result<Vec<u8>> {
    let result = caller.call(1, tool, &json!({"name": name, "type": kind}))?.json()["result"].clone();
    let block = &result["content"][0];
    let text = block["data"].as_str().or(block["resource"]["blob"].as_str());
    Ok(STANDARD.decode(text.with_context(|| format!("base64: {result}"))?)?)
}

#[test]
fn pictures_are_stripped_and_documents_are_read() -> Result<()> {
    let upstream = Upstream::start(files)?;
    let setup =
        Setup::with_token(&format!("{}{}", upstream.server("files"), RULES.trim_start()), ALLOW_ALL_MASKED)?;
    let gateway = setup.start()?;
    let mut caller = Caller::new(gateway.base(), "files", TOKEN)?;
    for (name, kind) in [("photo.png", "image/png"), ("photo.jpg", "image/jpeg")] {
        let got = fetch(&mut caller, "picture", name, kind)?;
        ensure!(got.len() > 60 && got.get(..4) == data(name).get(..4), "{name} is a picture");
        ensure!(!String::from_utf8_lossy(&got).contains("Greta"), "{name} has its metadata");
    }
    for (name, kind) in [("clean.docx", DOCX), ("clean.pdf", PDF)] {
        ensure!(fetch(&mut caller, "document", name, kind)? == data(name), "{name}: as it was");
    }
    for (name, kind, shown) in [
        ("letter.docx", DOCX, "[IBAN]"),
        ("customers.xlsx", XLSX, "[CARD]"),
        ("pictured.docx", DOCX, "[UNINSPECTED]"),
        ("bomb.docx", DOCX, "[UNINSPECTED]"),
        ("letter.pdf", PDF, "[IBAN]"),
        ("subset.pdf", PDF, "[IBAN]"),
        ("scanned.pdf", PDF, "[UNINSPECTED]"),
        ("encrypted.pdf", PDF, "[UNINSPECTED]"),
        // Not what it is said to be.
        ("photo.png", DOCX, "[UNINSPECTED]"),
        ("clean.docx", "image/png", "[UNINSPECTED]"),
    ] {
        let got = String::from_utf8(fetch(&mut caller, "document", name, kind)?).unwrap_or_default();
        ensure!(got.starts_with('[') && got.len() < 40, "{name}: {} bytes: {got:.60}", got.len());
        // One label stands for all that it holds.
        ensure!(shown == "[IBAN]" || shown == "[CARD]" || got == shown, "{name}: {got}");
    }
    let actions: Vec<String> = records::read(&setup.data())?
        .iter()
        .filter_map(|r| r.disclosed.get("x_binary")?[0]["action"].as_str().map(str::to_owned))
        .collect();
    for action in ["strip", "inspect", "withhold"] {
        ensure!(actions.iter().any(|a| a == action), "{actions:?}");
    }
    Ok(())
}

/// Whoever may see what a document holds gets it.
#[test]
fn a_document_goes_to_who_may_see_its_classes() -> Result<()> {
    let upstream = Upstream::start(files)?;
    let policies = r#"
@id("everything") permit (principal, action, resource);
@id("not-binary") forbid (principal, action == Action::"reveal", resource == DataClass::"uninspected");
"#;
    let setup = Setup::with_token(&format!("{}{}", upstream.server("files"), RULES.trim_start()), policies)?;
    let gateway = setup.start()?;
    let reach = Reach::Http(gateway.url("files"), Some(TOKEN.to_owned()));
    let arguments = json!({"name": "letter.docx", "type": DOCX});
    let steps = [json!({"do": "tools/call", "name": "document", "arguments": arguments})];
    let seen = drive(Sdk::TsV2, &[reach], &steps)?.pop().context("one session")?;
    let blob = seen[0]["result"]["content"][0]["resource"]["blob"].as_str().context("a blob")?;
    ensure!(STANDARD.decode(blob)? == data("letter.docx"), "as it was");
    Ok(())
}

fn presidio() -> Result<Process> {
    let mut command = Command::new(peers::folder()?.join("py/presidio/bin/python"));
    command.arg("-B").arg(peers::source("peers/presidio.py"));
    Process::start(command, "presidio: listening on ")
}

/// The analyzer for models of one's own, with a model of a few words that a script makes.
fn model(folder: &std::path::Path) -> Result<Process> {
    let python = peers::folder()?.join("py/onnx/bin/python");
    let made = Command::new(&python)
        .arg("-B")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/peers/onnx_tiny.py"))
        .arg(folder)
        .status()?;
    ensure!(made.success(), "the model was not made");
    let mut command = Command::new(python);
    command.arg("-B").arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/onnx/analyzer.py"));
    command.arg(folder).args(["--listen", "127.0.0.1:0"]);
    Process::start(command, "onnx: listening on ")
}

#[test]
fn a_model_of_ones_own_finds_names_and_without_it_nothing_goes_on() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (mut model, upstream) = (model(folder.path())?, Upstream::echo()?);
    let url = model.ready.trim().to_owned();
    let setup = Setup::with_token(
        &format!("{}{}", upstream.server("notes"), analyzed(&url, "de", "withhold")),
        ALLOW_ALL_MASKED,
    )?;
    let gateway = setup.start()?;
    let told = ask(&gateway, "für Ünal Ğğışş \"und\" Zyxqua Brmblfx heute")?.to_string();
    ensure!(told.contains("für [PERSON]") && told.contains("[PERSON] heute"), "{told}");
    // Behind the end of the model's window too.
    let far = format!("{} von Zyxqua Brmblfx", "noch ein Wort ".repeat(40));
    let told = ask(&gateway, &far)?.to_string();
    ensure!(told.contains("von [PERSON]") && !upstream.saw("Brmblfx") && !upstream.saw("Ünal"), "{told}");
    model.kill()?;
    let told = ask(&gateway, "a note that nobody looked at")?.to_string();
    ensure!(told.contains("an analyzer that has to see the content did not answer"), "{told}");
    ensure!(!upstream.saw("nobody looked at"), "it went on");
    ensure!(!model.output().contains("Zyxqua"), "the analyzer printed a name");
    Ok(())
}

fn analyzed(url: &str, region: &str, on_failure: &str) -> String {
    format!(
        "masking:\n  names: keys\n  analyzers:\n    - {{ name: presidio, url: \"{url}\", region: {region}, classes: [person], timeout: 3s, \
         on_failure: {on_failure} }}\n"
    )
}

fn ask(gateway: &Gateway, text: &str) -> Result<Value> {
    let mut caller = Caller::new(gateway.base(), "notes", TOKEN)?;
    Ok(caller.call(1, "echo", &json!({"note": text}))?.json()["result"].clone())
}

#[test]
fn a_real_presidio_finds_what_the_gateway_does_not() -> Result<()> {
    let (presidio, upstream) = (presidio()?, Upstream::echo()?);
    let url = presidio.ready.trim().to_owned();
    // The other tests' policies show nothing; here the caller's words reach the server masked.
    let setup = Setup::with_token(
        &format!("{}{}", upstream.server("notes"), analyzed(&url, "de", "withhold")),
        ALLOW_ALL_MASKED,
    )?;
    let gateway = setup.start()?;
    for _ in 0..2 {
        let told = ask(&gateway, "für Ünal Ğğışş \"und\" Zyxqua Brmblfx heute")?.to_string();
        ensure!(told.contains("für [PERSON]") && told.contains("[PERSON] heute"), "{told}");
    }
    ensure!(!upstream.saw("Brmblfx") && !upstream.saw("Ünal"), "the server got a name");
    let records = records::read(&setup.data())?;
    ensure!(
        records.iter().any(|r| format!("{:?}", r.disclosed).contains("analyzer")),
        "who found it is recorded"
    );
    let told = ask(&gateway, "this is broken for now")?.to_string();
    ensure!(told.contains("an analyzer that has to see the content did not answer"), "{told}");
    ensure!(!upstream.saw("broken"), "it went on");
    Ok(())
}

#[test]
fn without_an_answer_the_configuration_decides_and_without_transfer_nobody_is_asked() -> Result<()> {
    let upstream = Upstream::echo()?;
    let nobody = "http://127.0.0.1:9";
    let passing = Setup::with_token(
        &format!("{}{}", upstream.server("notes"), analyzed(nobody, "de", "pass")),
        ALLOW_ALL_MASKED,
    )?;
    let told = ask(&passing.start()?, "a note of some words")?.to_string();
    ensure!(told.contains("a note of some words"), "{told}");

    let presidio = presidio()?;
    let url = presidio.ready.trim().to_owned();
    let policies = r#"
@id("everything") permit (principal, action, resource);
@id("nothing-leaves") forbid (principal, action == Action::"transfer", resource);
"#;
    let abroad = Setup::with_token(
        &format!("{}{}", upstream.server("notes"), analyzed(&url, "us", "withhold")),
        policies,
    )?;
    let told = ask(&abroad.start()?, "for Zyxqua Brmblfx today")?.to_string();
    ensure!(told.contains("may not get it"), "{told}");
    Ok(())
}
