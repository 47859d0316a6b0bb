//! An approver abroad, in a real browser, who comes by the front: the front knows of no call, the cell shows what may go to where the
//! approver is, and a value only by itself and only there.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use carnet_evidence::LeafType;
use carnet_tests::cells::{Plan, World};
use carnet_tests::gateway::TOKEN;
use carnet_tests::peers::Oidc;
use carnet_tests::process::Process;
use carnet_tests::records;
use carnet_tests::upstream::Upstream;
use carnet_tests::visitor::Browser;
use carnet_tests::wire::Caller;
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_secs(60);
const EMAIL: &str = "greta@lindqvist.example";

/// Addresses go within the Union; who asked is told of nothing else.
const POLICY: &str = r#"
@id("calls") permit (principal, action, resource) unless { action == Action::"transfer" };
@id("within") permit (principal, action == Action::"transfer", resource) when { context.within.contains(Region::"eu") };
@id("four-eyes") @hold("dpo") forbid (principal, action == Action::"tools/call", resource)
unless { context.approvals.contains("dpo") };
"#;

fn text<'a>(shown: &'a Value, name: &str) -> &'a str {
    shown[name].as_str().unwrap_or_default()
}

/// A cell that joins the front and has a listener besides, with the page of its approvers: the process, and the page.
fn cell_with_page(world: &World, oidc: &Oidc) -> Result<(Process, String)> {
    let file = world.configure("eu", "eu", "eu")?;
    let issuer = format!(
        "identity:\n  issuers:\n    - {{ issuer: \"{}\", audiences: [\"https://unused.example/mcp\"], claims: {{ groups: groups, region: region }} }}\n",
        oidc.issuer()
    );
    let config = fs::read_to_string(&file)?
        .replace("listeners: []", "listeners:\n  - address: 127.0.0.1:0")
        .replace("identity:\n", &issuer);
    fs::write(&file, config)?;
    fs::write(world.folder("eu/client"), "page-secret")?;
    let process = Process::start(world.join(&file)?, "carnet: ready")?;
    let said = process.output();
    let base = said.split("listening on ").nth(1).and_then(|r| r.lines().next()).context("an address")?;
    let page = format!("{}/approvals", base.replace("127.0.0.1", "localhost"));
    oidc.admin("page", &json!({ "redirect": format!("{page}/login/return") }))?;
    Ok((process, page))
}

#[test]
fn an_approver_abroad_comes_by_the_front_and_sees_what_may_go_there_from_the_cell_alone() -> Result<()> {
    let Some(mut browser) = Browser::start()? else { return Ok(()) };
    let (upstream, oidc) = (Upstream::echo()?, Oidc::start(&["https://unused.example/mcp"])?);
    let lines = format!("  crm:\n    url: {}\n    region: de\n", upstream.url());
    let plan = Plan { name: "eu", region: "de", servers: vec![("crm".to_owned(), lines)], policies: POLICY };
    let mut world = World::new(vec![plan])?;
    world.cell_more = format!(
        "approvals:\n  page: /approvals\n  pending: 100ms\n  login: {{ issuer: \"{}\", client_id: page, client_secret: file:./client, scopes: [groups] }}\n",
        oidc.issuer()
    );
    let front = world.front(None)?;
    let (mut cell, page) = cell_with_page(&world, &oidc)?;
    front.joined("eu", 2)?;
    let file = world.folder("front/front.yaml");
    let config = fs::read_to_string(&file)?;
    fs::write(&file, config.replace("servers: [crm]", &format!("servers: [crm], approvals: \"{page}\"")))?;
    front.says("configuration reloaded")?;

    let arguments = json!({"to": EMAIL, "note": "the usual words"});
    let mut caller = Caller::new(&front.base, "crm", TOKEN)?;
    caller.call(1, "echo", &arguments)?;
    ensure!(!upstream.saw("the usual words"), "it was not held");

    // From the United States, by the front's address.
    oidc.admin("person", &json!({ "user": "petra" }))?;
    oidc.admin("region", &json!({ "user": "petra", "region": "us" }))?;
    let begin = browser.ask(&format!("open {}/approvals", front.base))?;
    ensure!(text(&begin, "text").contains("eu") && !text(&begin, "text").contains("echo"), "{begin}");
    let list = browser.ask(&format!("follow {page}"))?;
    ensure!(text(&list, "url").starts_with(&page) && text(&list, "text").contains("echo"), "{list}");
    ensure!(!text(&list, "text").contains("the usual words"), "{list}");
    let id = pending(&world)?;
    let call = format!("{page}/c/{id}");
    let abroad = browser.ask(&format!("open {call}"))?;
    let shown = text(&abroad, "text");
    ensure!(shown.contains("no policy lets what is in this call go to where you are"), "{shown}");
    ensure!(!shown.contains("the usual words") && !shown.contains(EMAIL), "{shown}");
    let nobody = browser.ask("from the usual words")?;
    ensure!(nobody["with"] == json!([]), "{nobody}");

    // From Germany: masked by default, and unmasked from the cell itself.
    oidc.admin("region", &json!({ "user": "petra", "region": "de" }))?;
    browser.ask(&format!("open {page}/login?fresh=1&next=/"))?;
    let home = browser.ask(&format!("open {call}"))?;
    let shown = text(&home, "text");
    ensure!(
        shown.contains("the usual words") && shown.contains("[EMAIL]") && !shown.contains(EMAIL),
        "{shown}"
    );
    let unmasked = browser.ask("unmask to be sure")?;
    ensure!(text(&unmasked, "text").contains(EMAIL), "{unmasked}");
    let hosts = browser.ask(&format!("from {EMAIL}"))?;
    let host = page.trim_start_matches("http://").trim_end_matches("/approvals");
    ensure!(hosts["with"] == json!([host]), "{hosts}");
    let front_host = front.base.trim_start_matches("http://");
    ensure!(hosts["all"].as_array().is_some_and(|all| all.iter().any(|h| h == front_host)), "{hosts}");
    browser.ask(&format!("open {call}"))?;
    let done = browser.ask("approve I looked at it")?;
    ensure!(text(&done, "text").contains("approved"), "{done}");
    let violations = browser.ask("violations")?;
    ensure!(violations["violations"].as_array().is_some_and(Vec::is_empty), "{violations}");
    let end = Instant::now() + LIMIT;
    while !caller.call(2, "echo", &arguments)?.body.contains("the usual words") {
        ensure!(Instant::now() < end, "what was approved does not come back");
    }

    ensure!(cell.terminate(LIMIT)?.success(), "{}", cell.output());
    records::verify(&world.data("eu"))?;
    let records = records::read(&world.data("eu"))?;
    ensure!(records.iter().filter(|r| r.ty == LeafType::ApprovalVote).count() == 1);
    let looks: Vec<&str> =
        records.iter().map(|r| r.text("detail")).filter(|d| d.contains("to be sure")).collect();
    ensure!(looks.len() == 1 && looks[0].contains(r#""place":"de""#), "{looks:?}");
    let kept = fs::read_to_string(world.folder("front/data/routes.jsonl"))?;
    ensure!(!kept.contains("approvals") && !front.process.output().contains("the usual words"), "{kept}");
    Ok(())
}

/// The call that waits in the cell.
fn pending(world: &World) -> Result<String> {
    let mut list = std::process::Command::new(carnet_tests::gateway::binary()?);
    list.args(["approvals", "list", "--json", "--config"]).arg(world.folder("eu/carnet.yaml"));
    let output = list.output()?;
    let listed: Value = serde_json::from_slice(&output.stdout)
        .with_context(|| String::from_utf8_lossy(&output.stderr).into_owned())?;
    let all = listed.as_array().context("a list")?;
    let one = all.iter().find(|view| view["state"] == "pending").context("nothing waits")?;
    Ok(text(one, "id").to_owned())
}
