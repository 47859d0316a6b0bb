//! Who else gets something of a call, and where everybody is: sinks abroad get what policies let go there, decided with the call and
//! written in its record; addresses that contradict what is said are refused or told; and the start names, with line and column,
//! every way out that leads where its data may not go.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use carnet_tests::gateway::{Gateway, Setup, binary, sha256_hex, token};
use carnet_tests::http::{self, Reply};
use carnet_tests::records;
use carnet_tests::upstream::{Seen, Upstream};
use carnet_tests::wire::Caller;
use serde_json::{Value, json};

const EMAIL: &str = "greta.lindqvist@example.org";
const IBAN: &str = "DE89370400440532013000";
const CARD: &str = "4111 1111 1111 1111";

/// Callers by name and place; `-` for none.
fn callers(all: &[(&str, &str)]) -> String {
    let one = |(name, region): &(&str, &str)| {
        let region = if *region == "-" { String::new() } else { format!("region: {region}, ") };
        format!(
            "    - {{ name: {name}, sha256: \"{}\", subject: {name}, kind: user, {region}expires: 2099-01-01T00:00:00Z }}\n",
            sha256_hex(&token(name))
        )
    };
    format!("identity:\n  tokens:\n{}", all.iter().map(one).collect::<String>())
}

fn answers() -> Result<Upstream> {
    Upstream::start(|seen: &Seen| match seen.tool().as_str() {
        "contact" => seen.text(&format!("write to {EMAIL}")),
        "account" => seen.text(&format!("pay to {IBAN}")),
        "card" => seen.text(&format!("charge {CARD}")),
        _ => seen.text("nothing of anybody"),
    })
}

fn ask(gateway: &Gateway, who: &str, tool: &str) -> Result<Reply> {
    Caller::new(gateway.base(), "bank", &token(who))?.call(1, tool, &json!({}))
}

/// Waits until a file has a record, and gives its line.
fn line_of(path: &Path, index: u64) -> Result<String> {
    let end = Instant::now() + Duration::from_secs(30);
    let is = |line: &&str| serde_json::from_str::<Value>(line).is_ok_and(|record| record["index"] == index);
    loop {
        let said = fs::read_to_string(path).unwrap_or_default();
        if let Some(line) = said.lines().find(is) {
            return Ok(line.to_owned());
        }
        ensure!(Instant::now() < end, "{} does not come to have {index}: {said}", path.display());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// What the record says of one recipient.
fn of<'a>(residency: &'a Value, at: &str) -> Result<&'a Value> {
    let all = residency["recipients"].as_array().context("recipients")?;
    all.iter().find(|r| r["at"] == at).with_context(|| format!("{at} in {residency}"))
}

/// Everything is shown. Records of people go anywhere, of e-mail addresses nowhere abroad; accounts block the call, cards hold it.
const VERDICTS: &str = r#"
@id("calls") permit (principal, action, resource) unless { action == Action::"transfer" };
@id("within") permit (principal, action == Action::"transfer", resource) when { context.within.contains(Region::"eu") };
@id("who") permit (principal, action == Action::"transfer", resource == DataClass::"person");
@id("accounts-stay") @verdict("block")
forbid (principal, action == Action::"transfer", resource == DataClass::"iban") when { context.to == Region::"us" };
@id("cards-wait") @verdict("hold")
forbid (principal, action == Action::"transfer", resource == DataClass::"card") when { context.to == Region::"us" };
"#;

#[test]
fn who_else_gets_a_record_is_decided_with_the_call() -> Result<()> {
    let upstream = answers()?;
    let sinks = "sinks:\n  home: { file: ./home.jsonl, region: de }\n  abroad: { file: ./abroad.jsonl, region: us }\n";
    let head = format!("{}servers:\n{}{sinks}", callers(&[("ada", "de")]), upstream.server("bank"));
    let setup = Setup::new(&head, VERDICTS)?;
    let gateway = setup.start()?;
    for (tool, sees, verdict) in [
        ("plain", "nothing of anybody", "allow"),
        // The call goes on, in one country; what is said of it does not leave with the class.
        ("contact", EMAIL, "mask"),
        ("account", "a policy keeps back content with data of this kind", "block"),
        ("card", "go only once it is approved", "hold"),
    ] {
        let body = ask(&gateway, "ada", tool)?.body;
        ensure!(body.contains(sees), "{tool}: {body}");
        let records = records::read(&setup.data())?;
        let outcome = records.iter().rev().find(|r| r.of.is_some()).context("an outcome")?;
        let residency = &outcome.disclosed["residency"];
        let (home, abroad) = (of(residency, "sinks.home")?, of(residency, "sinks.abroad")?);
        assert_eq!(
            *home,
            json!({"at": "sinks.home", "gets": "records", "known": "asserted", "region": "de"})
        );
        ensure!(abroad["region"] == "us" && abroad["known"] == "asserted", "{abroad}");
        ensure!(abroad["verdict"] == if verdict == "allow" { "allow" } else { "mask" }, "{tool}: {abroad}");
        let error = outcome.disclosed.get("error").and_then(Value::as_str).unwrap_or_default();
        ensure!(
            error
                == match verdict {
                    "block" => "blocked",
                    "hold" => "held",
                    _ => "",
                },
            "{tool}: {error}"
        );
        ensure!(line_of(&setup.path().join("home.jsonl"), outcome.index)?.contains("\"ada\""), "{tool}");
        let away = line_of(&setup.path().join("abroad.jsonl"), outcome.index)?;
        ensure!(away.contains("\"ada\"") == (verdict == "allow"), "{tool}: {away}");
        ensure!(![EMAIL, IBAN, CARD].iter().any(|marker| away.contains(marker)), "{away}");
    }
    // What was kept from a place then stays so, whatever is permitted later: the cursor begins again, under other policies.
    let before = fs::read_to_string(setup.path().join("abroad.jsonl"))?;
    drop(gateway);
    fs::remove_file(setup.data().join("sinks/abroad"))?;
    fs::remove_file(setup.path().join("abroad.jsonl"))?;
    setup.policies("@id(\"all\") permit (principal, action, resource);\n")?;
    let _gateway = setup.start()?;
    let last = before.lines().filter_map(|l| serde_json::from_str::<Value>(l).ok()?["index"].as_u64()).max();
    line_of(&setup.path().join("abroad.jsonl"), last.context("lines")?)?;
    let again = fs::read_to_string(setup.path().join("abroad.jsonl"))?;
    ensure!(!again.contains("\"email\"") && !again.contains("\"iban\""), "{again}");
    Ok(())
}

#[test]
fn addresses_are_compared_with_what_is_said() -> Result<()> {
    let upstream = answers()?;
    let people = callers(&[("here", "us"), ("there", "fr"), ("nobody", "-"), ("region", "us-east-1")]);
    let with = |policy: &str, server: &str| {
        let servers = format!("servers:\n  bank:\n    url: {}\n    region: {server}\n", upstream.url());
        format!(
            "{people}admin: {{ address: \"127.0.0.1:0\" }}\nresidency: {{ addresses: {{ file: ./addresses, on_conflict: {policy} }} }}\n{servers}"
        )
    };
    let policies = "@id(\"all\") permit (principal, action, resource);\n";
    let start = |policy: &str, server: &str| {
        let setup = Setup::new(&with(policy, server), policies)?;
        fs::write(setup.path().join("addresses"), "# loopback is abroad\n127.0.0.0/8 us\n::1 us\n")?;
        let gateway = setup.start()?;
        Ok::<_, anyhow::Error>((setup, gateway))
    };
    let last = |setup: &Setup| -> Result<Value> {
        let records = records::read(&setup.data())?;
        let record = records.iter().rev().find(|r| r.of.is_some()).context("an outcome")?;
        Ok(record.disclosed["residency"].clone())
    };
    let conflicts = |gateway: &Gateway| {
        let metrics = http::send("GET", &format!("{}/metrics", gateway.admin()?), &[], "")?.body;
        let line = |l: &&str| l.starts_with("carnet_elsewhere_total");
        Ok::<_, anyhow::Error>(metrics.lines().filter(line).map(str::to_owned).collect::<Vec<_>>().join("\n"))
    };
    // A server where it is said to be.
    let (setup, gateway) = start("refuse", "us-west-2")?;
    for (who, recipient, known) in
        [("here", "us", "observed"), ("nobody", "us", "observed"), ("region", "us-east-1", "observed")]
    {
        let body = ask(&gateway, who, "contact")?.body;
        ensure!(body.contains(EMAIL), "{who}: {body}");
        let residency = last(&setup)?;
        ensure!(
            residency["recipient"] == recipient && residency["recipient_known"] == known,
            "{who}: {residency}"
        );
        ensure!(residency["processing"] == "us-west-2", "{residency}");
        ensure!(residency["processing_known"] == "observed", "{residency}");
    }
    let refused = ask(&gateway, "there", "contact")?;
    ensure!(refused.status == 403 && !refused.body.contains(EMAIL), "{refused:?}");
    ensure!(conflicts(&gateway)? == "carnet_elsewhere_total{cause=\"caller\"} 1", "{}", conflicts(&gateway)?);
    drop(gateway);
    // A server that is elsewhere is not connected to.
    let (_setup, gateway) = start("refuse", "de")?;
    let before = upstream.seen().len();
    let body = ask(&gateway, "here", "contact")?.body;
    ensure!(body.contains("the server's address is in another country"), "{body}");
    assert_eq!(upstream.seen().len(), before, "nothing reached it");
    drop(gateway);
    // Told instead: both places count as unknown, so nothing that asks for a place lets it go.
    let (setup, gateway) = start("alarm", "de")?;
    setup.policies(
        "@id(\"calls\") permit (principal, action, resource) unless { action == Action::\"transfer\" };\n\
         @id(\"known\") permit (principal, action == Action::\"transfer\", resource) when { context.within.contains(Region::\"world\") };\n",
    )?;
    drop(gateway);
    let gateway = setup.start()?;
    let body = ask(&gateway, "there", "contact")?.body;
    ensure!(body.contains("[EMAIL]"), "{body}");
    let residency = last(&setup)?;
    ensure!(residency["recipient"] == "unknown" && residency["recipient_known"] == "unknown", "{residency}");
    ensure!(residency["processing_known"] == "unknown" && residency["from"] == "unknown", "{residency}");
    ensure!(conflicts(&gateway)?.contains("cause=\"server\""), "{}", conflicts(&gateway)?);
    Ok(())
}

#[test]
fn a_file_of_addresses_that_cannot_be_used_stops_the_start() -> Result<()> {
    let head = format!("{}residency: {{ addresses: {{ file: ./addresses }} }}\n", callers(&[("ada", "de")]));
    for (text, why) in [
        (None, "addresses: entity not found"),
        (
            Some("192.0.2.0/24 de\n192.0.2.0/24 fr\n"),
            "line 2 says something else of addresses that another line has too",
        ),
        (Some("somewhere\n"), "line 1 is no range of addresses with a country"),
    ] {
        let setup = Setup::new(&head, "")?;
        text.map_or(Ok(()), |text| fs::write(setup.path().join("addresses"), text))?;
        let run = Command::new(binary()?).args(["serve", "--config"]).arg(setup.config()).output()?;
        let said = String::from_utf8_lossy(&run.stderr).into_owned();
        ensure!(!run.status.success() && said.contains(why), "{text:?}: {said}");
    }
    Ok(())
}

/// One row for each way out: the fragment, the key that is named, and why.
const WAYS_OUT: &[(&str, &str, &str)] = &[
    // The gateway's own log, sent on.
    (
        "sinks: { siem: { syslog: \"tls://siem.example:6514\", region: us } }",
        "sinks.siem",
        "no policy lets person, organisation go",
    ),
    (
        "sinks: { siem: { url: \"https://siem.example\", region: moon } }",
        "sinks.siem",
        "`moon` is no country",
    ),
    // A bucket, as a folder.
    (
        "sinks: { bucket: { file: ./bucket/records, region: us-east-1 } }",
        "sinks.bucket",
        "go from de to us-east-1",
    ),
    (
        "telemetry: { otlp: { endpoint: \"https://otel.example\", region: us } }",
        "telemetry.otlp",
        "no policy lets person",
    ),
    ("evidence: { witness: { policy: ./witnesses } }", "evidence.witness", "nobody says where it is"),
    (
        "evidence: { witness: { policy: ./witnesses, regions: [us, moon] } }",
        "evidence.witness",
        "`moon` is no country",
    ),
    (
        "evidence: { timestamp: { url: \"https://tsa.example\" } }",
        "evidence.timestamp",
        "nobody says where it is",
    ),
    (
        "evidence: { hsm: { module: ./p11.so, token: t, key: k, pin: \"file:./pin\", region: us } }",
        "evidence.hsm",
        "which it would get",
    ),
    (
        "approvals: { channels: { post: { region: us, email: { server: \"mx.example:465\", from: \"a@b.example\", to: [\"c@d.example\"] } } } }",
        "approvals.channels.post",
        "no policy lets person, organisation go",
    ),
    (
        "approvals: { channels: { chat: { region: us, webhook: { url: \"https://hooks.example\", secret: \"file:./s\" } } } }",
        "approvals.channels.chat",
        "which it would get",
    ),
    (
        "front: { address: \"front.example:7443\", name: f, certificate: ./c, key: \"file:./k\", ca: ./a, assertions: ./p, region: us }",
        "front",
        "which it would get",
    ),
    (
        "front: { address: \"front.example:7443\", name: f, certificate: ./c, key: \"file:./k\", ca: ./a, assertions: ./p }",
        "front",
        "nobody says where it is",
    ),
    (
        "fronts: [{ address: \"front.example:7443\", name: f, certificate: ./c, key: \"file:./k\", ca: ./a, assertions: ./p, region: us }]",
        "fronts[0]",
        "which it would get",
    ),
    (
        "masking: { analyzers: [{ name: ner, url: \"https://ner.example\", region: moon }] }",
        "masking.analyzers[0]",
        "`moon` is no country",
    ),
    (
        "identity: { issuers: [{ issuer: \"https://idp.example\", audiences: [x] }] }",
        "identity.issuers[0]",
        "nobody says where",
    ),
];

#[test]
fn every_way_out_is_looked_at_before_the_start() -> Result<()> {
    let policies = include_str!("../../policies/eu-only/eu-only.cedar");
    let enforced = "residency: { enforce: true }\nservers: { bank: { url: \"https://bank.example/mcp\", region: fr } }\n";
    let check = |setup: &Setup| {
        let run = Command::new(binary()?).args(["check", "--config"]).arg(setup.config()).output()?;
        Ok::<_, anyhow::Error>((run.status.success(), String::from_utf8_lossy(&run.stdout).into_owned()))
    };
    for (fragment, at, why) in WAYS_OUT {
        let setup = Setup::new(&format!("{enforced}{fragment}\n"), policies)?;
        let (fine, said) = check(&setup)?;
        // The line of the fragment, and a column in it.
        let place = said.lines().find(|l| l.contains(&format!("{at}: "))).unwrap_or_default();
        ensure!(!fine && place.contains("carnet.yaml:9:") && place.contains(why), "{fragment}\n{said}");
        ensure!(said.contains("= help: "), "{fragment}\n{said}");
        // Where the data may go, or is nobody's, it is taken.
        let nearer = fragment
            .replace("us-east-1", "eu-central-1")
            .replace("region: us", "region: ie")
            .replace("moon", "ie")
            .replace("./witnesses }", "./witnesses, regions: [us] }")
            .replace("tsa.example\" }", "tsa.example\", region: us }")
            .replace("assertions: ./p }", "assertions: ./p, region: ie }")
            .replace("audiences: [x] }", "audiences: [x], region: us }");
        let setup = Setup::new(&format!("{enforced}{nearer}\n"), policies)?;
        let (fine, said) = check(&setup)?;
        ensure!(fine, "{nearer}\n{said}");
        // And `serve` says the same.
        if !fragment.contains("hsm") {
            let setup = Setup::new(&format!("{enforced}{fragment}\n"), policies)?;
            let run = Command::new(binary()?).args(["serve", "--config"]).arg(setup.config()).output()?;
            let said = String::from_utf8_lossy(&run.stderr).into_owned();
            ensure!(
                !run.status.success() && said.contains(&format!("{at}: ")) && said.contains(why),
                "{said}"
            );
        }
    }
    Ok(())
}

/// The same is asked at a reload, of the new way and of the new policies; what is refused is recorded, and the old stays.
#[test]
fn a_reload_that_opens_a_way_out_is_refused() -> Result<()> {
    let upstream = answers()?;
    let policies = "@id(\"calls\") permit (principal, action, resource) unless { action == Action::\"transfer\" };\n\
                    @id(\"home\") permit (principal, action == Action::\"transfer\", resource) when { context.within.contains(Region::\"eu\") };\n";
    let head = format!(
        "{}residency: {{ enforce: true }}\nservers:\n{}sinks: {{ siem: {{ file: ./siem.jsonl, region: ie }} }}\n",
        callers(&[("ada", "de")]),
        upstream.server("bank")
    );
    let setup = Setup::new(&head, policies)?;
    let gateway = setup.start()?;
    let refused = |times: usize| {
        let mark = "sinks.siem: no policy lets";
        let said = gateway.process.wait_for(|said| (said.matches(mark).count() >= times).then_some(()));
        said.with_context(|| gateway.process.output())
    };
    let good = fs::read_to_string(setup.config())?;
    fs::write(setup.config(), good.replace("region: ie", "region: us"))?;
    refused(1)?;
    fs::write(setup.config(), &good)?;
    ensure!(ask(&gateway, "ada", "plain")?.status == 200);
    setup.policies(&policies.replace("\"eu\"", "\"ch\""))?;
    refused(2)?;
    ensure!(ask(&gateway, "ada", "plain")?.status == 200);
    drop(gateway);
    let changes: Vec<String> =
        records::clear(&setup.data())?.into_iter().filter(|r| r.starts_with("config.change")).collect();
    ensure!(changes.iter().filter(|r| r.contains("refused")).count() == 2, "{changes:?}");
    Ok(())
}

/// Approvers are recipients: abroad they see that a call waits, and what is in it only where it may go.
#[test]
fn an_approver_abroad_sees_what_may_go_there() -> Result<()> {
    let upstream = answers()?;
    let people = callers(&[("ada", "de"), ("dora", "de"), ("sam", "us"), ("urs", "ch")]);
    let head = format!(
        "{people}approvals: {{ page: /approvals, pending: 100ms }}\nservers:\n{}",
        upstream.server("bank")
    );
    let policies = r#"
@id("calls") permit (principal, action, resource) unless { action == Action::"transfer" };
@id("within") permit (principal, action == Action::"transfer", resource) when { context.within.contains(Region::"eu") };
@id("to-ch") permit (principal, action == Action::"transfer", resource == DataClass::"email") when { context.to == Region::"ch" };
@id("four-eyes") @hold("dpo") forbid (principal, action == Action::"tools/call", resource)
unless { context.approvals.contains("dpo") };
"#;
    let setup = Setup::new(&head, policies)?;
    let gateway = setup.start()?;
    let call =
        |arguments: &Value| Caller::new(gateway.base(), "bank", &token("ada"))?.call(1, "send", arguments);
    call(&json!({"to": EMAIL, "note": "the usual"}))?;
    let api = |who: &str, method: &str, path: &str, body: &str| {
        let bearer = format!("Bearer {}", token(who));
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        http::send(method, &format!("{}/approvals/v1{path}", gateway.base()), &headers, body)
    };
    let view = |who: &str| {
        let listed = api(who, "GET", "/approvals?state=pending", "")?.json();
        listed["approvals"].as_array().and_then(|all| all.first().cloned()).context("a call")
    };
    for (who, sees, unmasks) in [("dora", true, true), ("urs", true, true), ("sam", false, false)] {
        let view = view(who)?;
        let arguments = view["arguments"].as_str().context("arguments")?;
        ensure!(arguments.contains("the usual") == sees && !arguments.contains(EMAIL), "{who}: {arguments}");
        ensure!(
            sees || arguments.contains("no policy lets what is in this call go to where you are"),
            "{arguments}"
        );
        ensure!(
            view["digest"].as_str().is_some_and(|d| !d.is_empty()) && view["state"] == "pending",
            "{view}"
        );
        let id = view["id"].as_str().context("an id")?;
        let reply = api(
            who,
            "POST",
            &format!("/approvals/{id}/unmask"),
            &json!({"reason": "to be sure"}).to_string(),
        )?;
        ensure!(reply.body.contains(EMAIL) == unmasks, "{who}: {reply:?}");
        ensure!(unmasks || reply.status == 403, "{who}: {reply:?}");
    }
    // An account may not go to Switzerland either.
    call(&json!({"to": IBAN, "note": "the other"}))?;
    let waiting = |who: &str| Ok::<_, anyhow::Error>(api(who, "GET", "/approvals?state=pending", "")?.body);
    let of_urs = waiting("urs")?;
    ensure!(!of_urs.contains("the other"), "{of_urs}");
    ensure!(waiting("dora")?.contains("the other"));
    // Who looked, and from where, is in the record.
    let records = records::read(&setup.data())?;
    let details: Vec<&str> =
        records.iter().map(|r| r.text("detail")).filter(|d| d.contains("to be sure")).collect();
    ensure!(
        details.len() == 2
            && details[0].contains(r#""place":"de""#)
            && details[1].contains(r#""place":"ch""#),
        "{details:?}"
    );
    Ok(())
}

/// The first record of a cell says where it is and how that is known; what is signed and says something else stops the start.
#[test]
fn the_first_record_says_where_the_cell_is() -> Result<()> {
    const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/residency/src/tests/data");
    let upstream = answers()?;
    let head = format!("{}servers:\n{}", callers(&[("ada", "de")]), upstream.server("bank"));
    let attested = |region: &str| {
        let setup = Setup::new(&head, VERDICTS)?;
        let text = fs::read_to_string(setup.config())?;
        let cell = format!(
            "cell: {{ name: test, region: {region}, attestation: {{ document: \"{DATA}/instance.json\", signature: \"{DATA}/signature-2048\", key: \"{DATA}/key-2048.pub\" }} }}"
        );
        fs::write(setup.config(), text.replace("cell: { name: test, region: de }", &cell))?;
        Ok::<_, anyhow::Error>(setup)
    };
    let plain = Setup::new(&head, VERDICTS)?;
    for (setup, region, known) in
        [(&plain, "de", "configured"), (&attested("eu-central-1")?, "eu-central-1", "attested")]
    {
        let gateway = setup.start()?;
        ensure!(ask(&gateway, "ada", "plain")?.status == 200);
        let genesis = records::clear(&setup.data())?.into_iter().next().context("a record")?;
        ensure!(
            genesis.contains("cell.genesis") && genesis.contains(region) && genesis.contains(known),
            "{genesis}"
        );
        let records = records::read(&setup.data())?;
        let residency =
            records.iter().rev().find_map(|r| r.disclosed.get("residency")).context("residency")?;
        ensure!(residency["storage"] == region, "{residency}");
        ensure!((residency["storage_known"] == "attested") == (known == "attested"), "{residency}");
    }
    for region in ["fr", "eu-central-2", "us"] {
        let setup = attested(region)?;
        let run = Command::new(binary()?).args(["serve", "--config"]).arg(setup.config()).output()?;
        let said = String::from_utf8_lossy(&run.stderr).into_owned();
        ensure!(
            !run.status.success() && said.contains("the attestation aws:eu-central-1"),
            "{region}: {said}"
        );
    }
    Ok(())
}
