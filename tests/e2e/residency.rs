//! Borders in the path of data: a real server in Germany, callers in France, in the United States, nowhere, and a program whose
//! model runs abroad. What may not go is masked or kept back, in both directions, and the record says why. A start is refused
//! that would let it out beside them.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use carnet_tests::gateway::{Gateway, Setup, binary, sha256_hex, token};
use carnet_tests::http;
use carnet_tests::records::{self, Record};
use carnet_tests::upstream::{Seen, Upstream};
use carnet_tests::wire::Caller;
use serde_json::{Value, json};

use crate::servers::node;

const EMAIL: &str = "greta.lindqvist@example.org";
const IBAN: &str = "DE89370400440532013000";

/// Everything is permitted and shown; personal data stays in the Union.
const SHOWN: &str =
    "@id(\"calls\") permit (principal, action, resource) unless { action == Action::\"transfer\" };\n";

fn policies() -> String {
    format!("{SHOWN}{}", include_str!("../../policies/eu-only/eu-only.cedar"))
}

/// Callers with a place each; `-` for none.
fn callers(all: &[(&str, &str, &str)]) -> String {
    let mut block = String::from("identity:\n  tokens:\n");
    for (name, kind, region) in all {
        let region = if *region == "-" { String::new() } else { format!("region: {region}, ") };
        block.push_str(&format!(
            "    - {{ name: {name}, sha256: \"{}\", subject: {name}, kind: {kind}, groups: [staff], {region}expires: \
             2099-01-01T00:00:00Z }}\n",
            sha256_hex(&token(name)),
        ));
    }
    block
}

const FIVE: &[(&str, &str, &str)] = &[
    ("ada", "user", "eu-west-3"),
    ("bob", "user", "us"),
    ("eve", "user", "-"),
    ("bot", "workload", "fr"),
    ("ron", "workload", "fr"),
];

fn call(gateway: &Gateway, who: &str, tool: &str, arguments: &Value) -> Result<String> {
    let mut caller = Caller::new(gateway.base(), "files", &token(who))?;
    caller.initialize()?;
    let reply = caller.call(1, tool, arguments)?;
    ensure!(reply.status == 200, "{reply:?}");
    Ok(reply.body)
}

/// The residency of the last record of a type whose actor has this name.
fn last<'a>(records: &'a [Record], who: &str, outcome: bool) -> Result<&'a Value> {
    let of = |r: &&Record| {
        r.disclosed.get("actor").is_some_and(|a| a["subject"] == who)
            && r.disclosed.contains_key("method") != outcome
            && r.disclosed.contains_key("decision")
    };
    records.iter().rev().find(of).and_then(|r| r.disclosed.get("residency")).context("a record")
}

#[test]
fn a_real_server_in_both_directions() -> Result<()> {
    let files = tempfile::tempdir()?;
    let folder = files.path().canonicalize()?;
    let at = |name: &str| folder.join(name).display().to_string();
    fs::write(at("customer.txt"), format!("write to {EMAIL}"))?;
    let command =
        node("@modelcontextprotocol/server-filesystem/dist/index.js", &[&folder.display().to_string()])?;
    let server = format!(
        "servers:\n  files:\n    command: {}\n    region: eu-central-1\n    subject_categories: [customers]\n",
        json!(command)
    );
    let residency = "residency: { models: { bot: us, ron: fr } }\n";
    let setup = Setup::new(&format!("{}{residency}{server}", callers(FIVE)), &policies())?;
    let gateway = setup.start()?;
    // What a caller sees, the ground of the crossing, and the verdict on it. Bob and Eve see nothing; the program sees
    // nothing because of where its model runs.
    for (who, sees, mechanism, verdict) in [
        ("ada", true, "not-needed", "allow"),
        ("bob", false, "none", "mask"),
        ("eve", false, "none", "mask"),
        ("bot", false, "none", "mask"),
        ("ron", true, "not-needed", "allow"),
    ] {
        let body = call(&gateway, who, "read_text_file", &json!({"path": at("customer.txt")}))?;
        ensure!(body.contains(EMAIL) == sees && body.contains("[EMAIL]") != sees, "{who}: {body}");
        let records = records::read(&setup.data())?;
        let residency = last(&records, who, true)?;
        ensure!(residency["mechanism"] == mechanism, "{who}: {residency}");
        ensure!(residency["verdict"] == verdict, "{who}: {residency}");
        ensure!(residency["moved"] == if sees { json!(["email"]) } else { json!([]) }, "{who}: {residency}");
        ensure!(residency["processing"] == "eu-central-1" && residency["storage"] == "de", "{residency}");
        ensure!((residency["model"] == "us") == (who == "bot"), "{residency}");
    }
    // The other way: what a caller writes reaches the server as it is only from where it may come.
    for (who, arrives) in [("ada", true), ("bob", false), ("eve", false), ("bot", true)] {
        let file = format!("{who}.txt");
        call(&gateway, who, "write_file", &json!({"path": at(&file), "content": format!("to {EMAIL}")}))?;
        let written = fs::read_to_string(at(&file))?;
        ensure!(
            written == if arrives { format!("to {EMAIL}") } else { "to [EMAIL]".to_owned() },
            "{who}: {written}"
        );
        let records = records::read(&setup.data())?;
        let residency = last(&records, who, false)?;
        ensure!(residency["to"] == "eu-central-1", "{who}: {residency}");
        ensure!(residency["verdict"] == if arrives { "allow" } else { "mask" }, "{who}: {residency}");
    }
    let records = records::read(&setup.data())?;
    let categories = records.iter().filter_map(|r| r.disclosed.get("subject_categories"));
    ensure!(categories.clone().count() > 0 && categories.into_iter().all(|c| *c == json!(["customers"])));
    Ok(())
}

/// A server that answers what it is asked for.
fn answers() -> Result<Upstream> {
    Upstream::start(|seen: &Seen| match seen.tool().as_str() {
        "contact" => seen.text(&format!("write to {EMAIL}")),
        "account" => seen.text(&format!("pay to {IBAN}")),
        _ => seen.text("nothing"),
    })
}

fn ask(gateway: &Gateway, who: &str, tool: &str) -> Result<String> {
    Ok(Caller::new(gateway.base(), "bank", &token(who))?.call(1, tool, &json!({}))?.body)
}

#[test]
fn what_a_policy_blocks_is_kept_back_whole() -> Result<()> {
    let upstream = answers()?;
    let block = "@id(\"accounts-stay\") @verdict(\"block\") forbid (principal, action == Action::\"transfer\", resource == \
                 DataClass::\"iban\") unless { context.within.contains(Region::\"eu\") };\n\
                 @id(\"contacts-wait\") @verdict(\"hold\") forbid (principal, action == Action::\"transfer\", resource == \
                 DataClass::\"email\") when { context.to == Region::\"ch\" };\n";
    let hidden = "@id(\"hidden\") forbid (principal, action == Action::\"reveal\", resource == DataClass::\"iban\");\n";
    let people = callers(&[("ada", "user", "fr"), ("bob", "user", "us"), ("uli", "user", "ch")]);
    let head = format!("{people}servers:\n{}", upstream.server("bank"));
    let setup = Setup::new(&head, &format!("{}{block}{hidden}", policies()))?;
    let gateway = setup.start()?;
    let cases = [
        ("ada", "account", "[IBAN]", "", "allow-or-mask"),
        // Masked it would have been anyway; that it was there at all may not be seen abroad.
        ("bob", "account", "a policy keeps back content with data of this kind", "blocked", "block"),
        ("bob", "contact", "[EMAIL]", "", "mask"),
        ("uli", "contact", "go only once it is approved", "held", "hold"),
    ];
    for (who, tool, shows, error, verdict) in cases {
        let body = ask(&gateway, who, tool)?;
        ensure!(body.contains(shows), "{who} {tool}: {body}");
        ensure!(!body.contains(IBAN) && (!body.contains(EMAIL)), "{body}");
        let records = records::read(&setup.data())?;
        let record = records.last().context("a record")?;
        ensure!(
            record.disclosed.get("error").map_or("", |e| e.as_str().unwrap_or("")) == error,
            "{record:?}"
        );
        if verdict != "allow-or-mask" {
            ensure!(record.disclosed["residency"]["verdict"] == verdict, "{record:?}");
        }
    }
    Ok(())
}

#[test]
fn what_a_server_is_not_said_to_have_is_reported_and_can_be_kept_back() -> Result<()> {
    let upstream = answers()?;
    let block = "@id(\"no-surprises\") @verdict(\"block\") forbid (principal, action == Action::\"reveal\", resource) when { \
                 context.undeclared && principal in Group::\"strict\" };\n";
    let head = format!(
        "{}admin: {{ address: \"127.0.0.1:0\" }}\nservers:\n{}    classes: [email]\n",
        callers(&[("ada", "user", "de")]),
        upstream.server("bank")
    );
    let setup = Setup::new(&head, &format!("{}{block}", policies()))?;
    let gateway = setup.start()?;
    let metrics =
        || Ok::<_, anyhow::Error>(http::send("GET", &format!("{}/metrics", gateway.admin()?), &[], "")?.body);
    ask(&gateway, "ada", "contact")?;
    ensure!(!metrics()?.contains("carnet_drift_total{"), "what is declared is no drift");
    let body = ask(&gateway, "ada", "account")?;
    ensure!(body.contains(IBAN), "drift alone keeps nothing back: {body}");
    let counted = metrics()?;
    ensure!(counted.contains("carnet_drift_total{server=\"bank\",found=\"iban\"} 1"), "{counted}");
    let drift = |records: &[Record]| records.last().and_then(|r| r.disclosed.get("x_drift").cloned());
    assert_eq!(drift(&records::read(&setup.data())?), Some(json!(["iban"])));
    setup.policies(&format!("{}{}", policies(), block.replace(" && principal in Group::\"strict\"", "")))?;
    // The change is in force within moments: ask until it is.
    let until = std::time::Instant::now() + std::time::Duration::from_secs(30);
    let body = loop {
        let body = ask(&gateway, "ada", "account")?;
        if !body.contains(IBAN) || std::time::Instant::now() > until {
            break body;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    };
    ensure!(body.contains("keeps back content") && !body.contains(IBAN), "{body}");
    assert_eq!(drift(&records::read(&setup.data())?), Some(json!(["iban"])));
    ensure!(ask(&gateway, "ada", "contact")?.contains(EMAIL));
    Ok(())
}

#[test]
fn a_start_is_refused_that_lets_out_what_may_not_go() -> Result<()> {
    let otlp = |region: &str| {
        format!("telemetry: {{ otlp: {{ endpoint: \"https://otel.example\", region: {region} }} }}\n")
    };
    let issuer = "identity:\n  issuers:\n    - { issuer: https://idp.example, audiences: [x]REGION }\n";
    let server = "servers:\n  bank: { url: https://bank.example/mcp, region: fr }\n";
    let nowhere = "servers:\n  bank: { url: https://bank.example/mcp }\n";
    let enforced = "residency: { enforce: true }\n";
    let cases = [
        (format!("{enforced}{server}{}", otlp("ie")), None),
        (format!("{server}{}", otlp("us")), None),
        (
            format!("{enforced}{server}{}", otlp("us")),
            Some("telemetry.otlp: no policy lets person, organisation go from de to us"),
        ),
        (format!("{enforced}{server}{}", otlp("eu-west-2")), Some("telemetry.otlp: no policy lets")),
        (format!("{enforced}{server}{}", otlp("moon")), Some("telemetry.otlp: `moon` is no country")),
        (format!("{enforced}{nowhere}"), Some("servers.bank.region: nobody says where it is")),
        (
            format!("{enforced}{server}{}", issuer.replace("REGION", "")),
            Some("identity.issuers[0]: nobody says where it is"),
        ),
        (format!("{enforced}{server}{}", issuer.replace("REGION", ", region: us")), None),
        (
            format!("residency: {{ zones: {{ eu: [de] }} }}\n{server}"),
            Some("residency.zones: `eu` is already"),
        ),
        (
            format!("residency: {{ mechanisms: [{{ kind: bcr, reference: x, to: uk }}] }}\n{server}"),
            Some("residency.mechanisms[0].to: `uk` is no country"),
        ),
        (format!("residency: {{ table: ./none.txt }}\n{server}"), Some("none.txt: entity not found")),
    ];
    for (head, why) in cases {
        let setup = Setup::new(&head, &policies())?;
        let mut check = Command::new(binary()?);
        let run = check.args(["check", "--config"]).arg(setup.config()).output()?;
        let said = String::from_utf8_lossy(&run.stdout).into_owned();
        ensure!(run.status.success() == why.is_none(), "{head}{said}");
        ensure!(why.is_none_or(|why| said.contains(why)), "{head}{said}");
        if let Some(why) = why {
            let run = Command::new(binary()?).args(["serve", "--config"]).arg(setup.config()).output()?;
            let said = String::from_utf8_lossy(&run.stderr).into_owned();
            ensure!(!run.status.success() && said.contains(why), "{head}{said}");
        }
    }
    Ok(())
}

#[test]
fn no_core_is_dumped() -> Result<()> {
    let upstream = Upstream::echo()?;
    let setup = Setup::new(&format!("{}servers:\n{}", callers(FIVE), upstream.server("bank")), SHOWN)?;
    let gateway = setup.start()?;
    let limits = fs::read_to_string(format!("/proc/{}/limits", gateway.process.id()))?;
    let core = limits.lines().find(|l| l.starts_with("Max core file size")).context("a limit")?;
    assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"]);
    Ok(())
}

/// What is in memory stays there: it is locked where the system lets it, and no temporary file is made, not even for a moment: that
/// would change the folder's time.
#[test]
fn nothing_is_swapped_or_written_aside() -> Result<()> {
    let upstream = Upstream::start(|seen: &Seen| match seen.tool().as_str() {
        "big" => seen.text(&format!("write to {EMAIL}, {}", "or not. ".repeat(200_000))),
        _ => seen.text(&format!("write to {EMAIL}")),
    })?;
    let head = format!("{}servers:\n{}", callers(&[("ada", "user", "de")]), upstream.server("bank"));
    let setup = Setup::new(&head, &policies())?;
    let aside = tempfile::tempdir()?;
    let changed = || Ok::<_, anyhow::Error>(fs::metadata(aside.path())?.modified()?);
    let before = changed()?;
    let mut command = setup.command()?;
    command.env("TMPDIR", aside.path()).env("SQLITE_TMPDIR", aside.path());
    let mut gateway = Gateway::start(command)?;
    for tool in ["contact", "big", "contact"] {
        ensure!(ask(&gateway, "ada", tool)?.contains(EMAIL));
    }
    let status = fs::read_to_string(format!("/proc/{}/status", gateway.process.id()))?;
    let field = |name: &str| {
        let line = status.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(':'));
        line.and_then(|l| l.split_whitespace().next()).context("a field of the status")
    };
    let may = u64::from_str_radix(field("CapEff")?, 16)? & 1 << 14 != 0;
    let limits = fs::read_to_string("/proc/self/limits")?;
    let limit = limits.lines().find(|l| l.starts_with("Max locked memory")).context("a limit")?;
    if may || limit.split_whitespace().nth(4) == Some("unlimited") {
        ensure!(field("VmLck")?.parse::<u64>()? > 0, "{status}");
    }
    gateway.process.terminate(std::time::Duration::from_secs(30))?;
    assert_eq!(changed()?, before, "something was written to the folder of temporary files");
    Ok(())
}

/// A number of another country is drift, even where its class is declared; a policy can keep it back, or make the result wait.
#[test]
fn a_number_of_another_country_is_drift() -> Result<()> {
    let upstream = Upstream::start(|seen: &Seen| match seen.tool().as_str() {
        "home" => seen.text(&format!("pay to {IBAN}")),
        _ => seen.text("numéro de sécurité sociale (NIR): 166047562034758"),
    })?;
    let server = format!("{}    data_countries: [de, at]\n", upstream.server("bank"));
    let people = callers(&[("ada", "user", "de")]);
    let head = format!(
        "{people}admin: {{ address: \"127.0.0.1:0\" }}\napprovals: {{ pending: 100ms }}\nservers:\n{server}"
    );
    let outcome = |setup: &Setup| -> Result<Record> {
        let records = records::read(&setup.data())?;
        records.into_iter().rev().find(|r| r.of.is_some()).context("an outcome")
    };
    let with = |more: &str| {
        let setup = Setup::new(&head, &format!("{}{more}", policies()))?;
        let gateway = setup.start()?;
        Ok::<_, anyhow::Error>((setup, gateway))
    };
    let (setup, gateway) = with("")?;
    let body = ask(&gateway, "ada", "abroad")?;
    ensure!(body.contains("166047562034758"), "drift alone keeps nothing back: {body}");
    let drift = outcome(&setup)?.disclosed.get("x_drift").cloned().context("drift")?;
    let kind = drift[0].as_str().context("a kind")?.to_owned();
    ensure!(kind.starts_with("FR_"), "{drift}");
    let metrics = http::send("GET", &format!("{}/metrics", gateway.admin()?), &[], "")?.body;
    ensure!(
        metrics.contains(&format!("carnet_drift_total{{server=\"bank\",found=\"{kind}\"}} 1")),
        "{metrics}"
    );
    drop(gateway);
    // The report over the log says so.
    let mut report = Command::new(binary()?);
    let run = report.args(["report", "drift", "--config"]).arg(setup.config()).output()?;
    let said = String::from_utf8_lossy(&run.stdout).into_owned();
    ensure!(run.status.success(), "{said}{}", String::from_utf8_lossy(&run.stderr));
    ensure!(said.contains(&kind) && said.contains("bank") && said.contains("abroad"), "{said}");
    let (_setup, gateway) = with(
        "@id(\"no-surprises\") @verdict(\"block\") forbid (principal, action == Action::\"reveal\", resource) when { \
         context.undeclared };\n",
    )?;
    let body = ask(&gateway, "ada", "abroad")?;
    ensure!(body.contains("keeps back content") && !body.contains("166047562034758"), "{body}");
    ensure!(ask(&gateway, "ada", "home")?.contains(IBAN), "what is declared goes");
    drop(gateway);
    let (setup, gateway) = with(
        "@id(\"surprises-wait\") @hold(\"dpo\") forbid (principal, action == Action::\"release\", resource) when { \
         context.counters.hasTag(\"undeclared\") } unless { context.approvals.contains(\"dpo\") };\n",
    )?;
    ensure!(ask(&gateway, "ada", "home")?.contains(IBAN));
    let body = ask(&gateway, "ada", "abroad")?;
    ensure!(!body.contains("166047562034758"), "{body}");
    assert_eq!(outcome(&setup)?.text("error"), "result-held");
    Ok(())
}
