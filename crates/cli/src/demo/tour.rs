//! The guided tour with the sample server. Every step checks what it says; the first that is not so ends the tour with an error.

pub(super) mod proof;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use super::client::{Called, Client};
use super::data::{self, Customer};
use super::issuer::REGION;
use super::personas::{AGENT, ANALYST, PRIVACY};
use super::show::{Show, Tone};
use super::world::{Sampled, World};

/// The customer of the tour: the one with a key in a note.
const CUSTOMER: &str = "C-1001";
/// What the tables of a customer show: label and place.
const FIELDS: [(&str, &str); 10] = [
    ("name", "/name"),
    ("email", "/email"),
    ("phone", "/phone"),
    ("street", "/address/street"),
    ("city", "/address/city"),
    ("birth_date", "/birth_date"),
    ("national_id", "/national_id"),
    ("iban", "/iban"),
    ("card", "/card"),
    ("plan", "/plan"),
];
/// A key that the agent of the tour tries to write into a note. In two parts, for scanners of source code.
const PASTED: &str = concat!("ghp", "_Zt7mQ2xWv9RkLp4NcYb8HdJs3FgTa6UeB1oV");

/// Plays it.
pub(super) async fn play(show: &Show, world: &World, sample: &Sampled) -> anyhow::Result<()> {
    opening(show, world, sample);
    let analyst = world.client(ANALYST, REGION)?;
    let agent = world.client(AGENT, REGION)?;
    masked(show, &analyst, sample).await?;
    listed(show, &analyst, &agent, sample).await?;
    denied(show, &analyst, &agent, sample).await?;
    inward(show, &agent, sample).await?;
    revealed(show, world).await?;
    kept_apart(sample)?;
    proof::play(show, world).await
}

fn opening(show: &Show, world: &World, sample: &Sampled) {
    show.line(&show.paint(Tone::Head, "Carnet demo"));
    show.text(
        "A customer register with fictional people, Carnet in front of it, and an identity provider with three personas. \
         All of it runs in this process, on this machine only. No request below is simulated.",
    );
    show.gap();
    show.pair("server", None, &format!("{} (12 customers, 5 tools)", sample.server.url()));
    show.pair("through Carnet", None, &world.url());
    show.pair("sign-in", None, world.issuer.url());
    show.pair("log", None, &world.data.display().to_string());
}

/// The client that has the server's own key, as every caller would without Carnet.
fn direct(sample: &Sampled) -> Client {
    Client::new(sample.server.address, "/mcp", &sample.key)
}

fn customer() -> anyhow::Result<Customer> {
    data::customers()
        .into_iter()
        .find(|c| c.id == CUSTOMER)
        .context("the register lacks the customer of the tour")
}

fn at<'a>(called: &'a Called, place: &str) -> &'a str {
    called.structured.pointer(place).and_then(Value::as_str).unwrap_or_default()
}

async fn masked(show: &Show, analyst: &Client, sample: &Sampled) -> anyhow::Result<()> {
    show.step(1, "What the analyst sees");
    show.text(&format!(
        "Ana calls get_customer {CUSTOMER}. Left, what the server answers; right, what reaches her."
    ));
    show.gap();
    let arguments = json!({ "id": CUSTOMER });
    let raw = direct(sample).call("get_customer", arguments.clone()).await?;
    let seen = analyst.call("get_customer", arguments).await?;
    ensure!(!raw.failed && !seen.failed, "get_customer failed: {}{}", raw.text, seen.text);
    header(show, ["at the server", "through Carnet"]);
    for (label, place) in FIELDS {
        let (left, right) = (at(&raw, place), at(&seen, place));
        row(show, label, left, right, left != right);
    }
    show.gap();
    show.pair("note, server", None, at(&raw, "/notes/0"));
    show.pair("note, Carnet", Some(Tone::Masked), at(&seen, "/notes/0"));
    for value in customer()?.personal().into_iter().chain([data::KEY]) {
        ensure!(raw.whole.contains(value), "the server did not send what the register holds");
        ensure!(!seen.whole.contains(value), "a personal value or the key reached the analyst");
    }
    ensure!(at(&raw, "/address/city") != at(&seen, "/address/city"), "the town reached the analyst");
    for same in ["/id", "/plan", "/address/country"] {
        ensure!(at(&raw, same) == at(&seen, same), "{same} was changed");
    }
    show.gap();
    show.text("No policy lets her see more. What is not personal, such as plan and country, is untouched.");
    Ok(())
}

fn header(show: &Show, titles: [&str; 2]) {
    let [left, right] = titles;
    show.row(&[("", 12, None), (left, 31, Some(Tone::Quiet)), (right, 31, Some(Tone::Quiet))]);
}

fn row(show: &Show, label: &str, left: &str, right: &str, masked: bool) {
    let tone = masked.then_some(Tone::Masked);
    show.row(&[(label, 12, Some(Tone::Quiet)), (left, 31, None), (right, 31, tone)]);
}

async fn listed(show: &Show, analyst: &Client, agent: &Client, sample: &Sampled) -> anyhow::Result<()> {
    show.step(2, "What the agent does not even know of");
    show.text("An agent works for Ana; its token names both. tools/list shows a caller what it may use, and nothing else.");
    show.gap();
    let all = direct(sample).tools().await?;
    let (ana, bot) = (analyst.tools().await?, agent.tools().await?);
    show.row(&[
        ("tool", 20, Some(Tone::Quiet)),
        ("Ana", 12, Some(Tone::Quiet)),
        ("agent for Ana", 14, Some(Tone::Quiet)),
    ]);
    for tool in &all {
        let cell = |list: &[String]| {
            if list.contains(tool) { ("listed", Some(Tone::Good)) } else { ("-", Some(Tone::Bad)) }
        };
        let ((for_ana, a), (for_bot, b)) = (cell(&ana), cell(&bot));
        show.row(&[(tool, 20, None), (for_ana, 12, a), (for_bot, 14, b)]);
    }
    let has = |list: &[String], tool: &str| list.iter().any(|t| t == tool);
    ensure!(all.len() == 5, "the server has {} tools instead of 5", all.len());
    ensure!(
        has(&ana, "export_customers") && !has(&ana, "delete_customer"),
        "Ana's list is not as the policies say"
    );
    ensure!(!has(&bot, "export_customers") && !has(&bot, "delete_customer"), "the agent's list is too long");
    ensure!(has(&bot, "get_customer") && has(&bot, "add_note"), "the agent's list is too short");
    Ok(())
}

async fn denied(show: &Show, analyst: &Client, agent: &Client, sample: &Sampled) -> anyhow::Result<()> {
    show.step(3, "What is denied, and by which policy");
    let calls = [
        ("Ana", analyst, "export_customers", json!({}), "no-bulk-export"),
        ("agent for Ana", agent, "delete_customer", json!({ "id": CUSTOMER }), "agents-stay-small"),
        ("Ana", analyst, "delete_customer", json!({ "id": CUSTOMER }), "no policy permits"),
    ];
    for (who, client, tool, arguments, by) in calls {
        let shown = if arguments == json!({}) { String::new() } else { format!(" {CUSTOMER}") };
        show.gap();
        show.pair(who, None, &format!("{tool}{shown}"));
        let called = client.call(tool, arguments).await?;
        show.pair("", Some(Tone::Bad), &called.text);
        ensure!(called.failed && called.text.contains(by), "{tool} was not denied by {by}");
        ensure!(!sample.server.sample.seen().calls.contains_key(tool), "{tool} reached the server");
    }
    show.gap();
    show.text("The model reads these sentences and can go on. The server never saw the calls.");
    // One country is no bulk export: the policy looks at the arguments.
    let one = analyst.call("export_customers", json!({ "country": "ES" })).await?;
    ensure!(!one.failed, "the export of one country was denied: {}", one.text);
    let found = one.structured.get("customers").and_then(Value::as_array).map_or(0, Vec::len);
    ensure!(found == 1, "the export of Spain has {found} customers");
    for customer in data::customers() {
        ensure!(!customer.personal().iter().any(|v| one.whole.contains(v)), "the export is not masked");
    }
    show.text("export_customers for Spain alone is permitted to Ana, and comes masked.");
    Ok(())
}

async fn inward(show: &Show, agent: &Client, sample: &Sampled) -> anyhow::Result<()> {
    show.step(4, "What does not get in");
    show.text("The agent pastes a key into a note. Arguments are inspected like results.");
    show.gap();
    let note = format!("New key: {PASTED}");
    let called = agent.call("add_note", json!({ "id": "C-1003", "text": note })).await?;
    ensure!(!called.failed, "add_note failed: {}", called.text);
    let stored = sample.server.sample.notes("C-1003");
    let stored = stored.last().map(String::as_str).unwrap_or_default();
    show.pair("written", None, &note);
    show.pair("at the server", Some(Tone::Masked), stored);
    ensure!(stored.starts_with("New key: ") && !stored.contains(PASTED), "the key reached the server");
    Ok(())
}

async fn revealed(show: &Show, world: &World) -> anyhow::Result<()> {
    show.step(5, "What the privacy officer sees, and where");
    show.text(
        "Paul may see who a customer is, within the EU. Accounts and cards keep four digits, keys are shown to nobody. \
         The same Paul with a token that says he is in the US:",
    );
    show.gap();
    let arguments = json!({ "id": CUSTOMER });
    let home = world.client(PRIVACY, REGION)?.call("get_customer", arguments.clone()).await?;
    let abroad = world.client(PRIVACY, "us")?.call("get_customer", arguments).await?;
    ensure!(!home.failed && !abroad.failed, "get_customer failed: {}{}", home.text, abroad.text);
    let customer = customer()?;
    let raw = customer.to_json();
    header(show, ["Paul, in Germany", "Paul, in the US"]);
    for (label, place) in FIELDS {
        let original = raw.pointer(place).and_then(Value::as_str).unwrap_or_default();
        let tone = |text: &str| (text != original).then_some(Tone::Masked);
        let (left, right) = (at(&home, place), at(&abroad, place));
        show.row(&[(label, 12, Some(Tone::Quiet)), (left, 31, tone(left)), (right, 31, tone(right))]);
    }
    let shown = [customer.name, customer.email, customer.phone, customer.street, customer.birth_date];
    ensure!(shown.iter().all(|v| home.whole.contains(v)), "Paul does not see who the customer is");
    ensure!(
        ![customer.iban, customer.card, data::KEY].iter().any(|v| home.whole.contains(v)),
        "Paul sees too much"
    );
    ensure!(!customer.personal().iter().any(|v| abroad.whole.contains(v)), "personal data left the EU");
    ensure!(!abroad.whole.contains(data::KEY), "the key left the EU");
    show.gap();
    show.text(
        "privacy-sees-people reveals them; within-the-eu is the only policy that lets such values cross a border, and the US \
         is not in it.",
    );
    Ok(())
}

/// The server saw its own key and nothing else: no caller's token was passed on.
fn kept_apart(sample: &Sampled) -> anyhow::Result<()> {
    let seen = sample.server.sample.seen().authorizations;
    let own = format!("Bearer {}", sample.key);
    ensure!(seen.iter().all(|a| *a == own), "a caller's token reached the server");
    Ok(())
}
