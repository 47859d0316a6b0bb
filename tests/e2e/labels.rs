//! What somebody has read, and what is in a call, decide where it may go: labels of servers and tools, classes of data, over
//! sessions, servers, a crash, and with a real client.

use anyhow::{Result, ensure};
use carnet_evidence::LeafType;
use carnet_tests::driver::{Reach, Sdk, drive};
use carnet_tests::gateway::{Setup, identity, token};
use carnet_tests::upstream::{Reply, Seen, Upstream, echo};
use carnet_tests::wire::Caller;
use serde_json::json;

use crate::approvals::{PEOPLE, QUICK, approve, last, one, ran, stop, text};
use crate::approvers::audited;

const COMMON: &str = r#"
@id("all") permit (principal, action, resource) unless { action == Action::"approve" };
@id("dpo-approves") permit (principal in Group::"dpo", action == Action::"approve", resource);
"#;

const LABELS: &str = r#"
@id("hr-to-chat") @hold("dpo") @reason("What was read in HR leaves only when somebody has looked.")
forbid (principal, action == Action::"tools/call", resource in Server::"chat")
when { context.labels.contains("hr") }
unless { context.approvals.contains("dpo") };
@id("salaries-stay")
forbid (principal, action == Action::"tools/call", resource in Server::"chat")
when { context.labels.contains("salaries") };
@id("no-writes-after-the-web")
forbid (principal, action == Action::"tools/call", resource == Tool::"hr.write")
when { context.labels.contains("untrusted") };
@id("phones-hidden") forbid (principal, action == Action::"reveal", resource == DataClass::"phone");
"#;

/// A server whose `search` has its results from anywhere.
fn anything(seen: &Seen) -> Reply {
    let tool = |name: &str, open: bool| json!({"name": name, "inputSchema": {"type": "object"}, "annotations": {"openWorldHint": open}});
    match (seen.method().as_str(), seen.json()["params"]["name"].as_str().unwrap_or_default()) {
        ("tools/list", _) => {
            seen.result(json!({"tools": [tool("echo", false), tool("search", true), tool("write", false)]}))
        }
        ("tools/call", "people") => seen
            .result(json!({"content": [{"type": "text", "text": "a.b@example.com, phone +49 30 1234567"}]})),
        _ => echo(seen),
    }
}

fn call(caller: &mut Caller, tool: &str, n: u64) -> Result<String> {
    let params = json!({"name": tool, "arguments": {"n": n}});
    let body = json!({"jsonrpc": "2.0", "id": n, "method": "tools/call", "params": params});
    let reply = last(&caller.post(&body.to_string())?);
    Ok(if reply.get("error").is_some() { reply.to_string() } else { text(&reply) })
}

fn setup(hr: &Upstream, chat: &Upstream) -> Result<Setup> {
    let servers = format!(
        "servers:\n{}    labels: [hr]\n    tool_labels: [{{ tools: [payroll], labels: [salaries] }}]\n{}{}",
        hr.server("hr"),
        hr.server("web"),
        chat.server("chat")
    );
    Setup::new(&format!("{}{servers}{QUICK}", identity(PEOPLE)), &format!("{COMMON}{LABELS}"))
}

#[test]
fn who_has_read_hr_data_writes_to_a_chat_only_with_an_approval() -> Result<()> {
    let (hr, chat) = (Upstream::start(anything)?, Upstream::echo()?);
    let setup = setup(&hr, &chat)?;
    let mut gateway = setup.start()?;
    let at = |base: &str, server: &str, who: &str| Caller::new(base, server, &token(who));
    let free = call(&mut at(gateway.base(), "chat", "ada")?, "post", 1)?;
    ensure!(free.contains("\"n\":1"), "{free}");
    // Lists are not data.
    at(gateway.base(), "hr", "ada")?.post(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#)?;
    ensure!(call(&mut at(gateway.base(), "chat", "ada")?, "post", 2)?.contains("\"n\":2"));
    call(&mut at(gateway.base(), "hr", "ada")?, "people", 3)?;
    // A crash right after the answer forgets nothing.
    gateway.process.kill()?;
    gateway = setup.start()?;
    let held = call(&mut at(gateway.base(), "chat", "ada")?, "post", 4)?;
    ensure!(held.contains("waits for an approval"), "{held}");
    let view = one(&setup, "bob", "pending")?;
    ensure!(view["labels"] == json!(["class.email", "hr"]), "what was hidden was not read: {view}");
    ensure!(view["why"][0]["policy"] == "hr-to-chat", "{view}");
    // Somebody else has read nothing.
    ensure!(call(&mut at(gateway.base(), "chat", "cleo")?, "post", 5)?.contains("\"n\":5"));
    approve(&setup, "bob")?;
    let done = call(&mut at(gateway.base(), "chat", "ada")?, "post", 4)?;
    ensure!(done.contains("\"n\":4") && ran(&chat) == 4, "{done}");
    // A tool has labels of its own; these no approval lifts.
    call(&mut at(gateway.base(), "hr", "cleo")?, "payroll", 6)?;
    let denied = call(&mut at(gateway.base(), "chat", "cleo")?, "post", 7)?;
    ensure!(denied.contains("salaries-stay") && ran(&chat) == 4, "{denied}");
    let records = stop(gateway, &setup)?;
    let labelled =
        records.iter().filter(|r| r.ty == LeafType::CallDecision && r.disclosed.contains_key("labels"));
    ensure!(labelled.count() >= 2, "decisions say what they were made with");
    let report = audited(&setup)?;
    ensure!(report["holds"] == true, "decided again it is the same: {report:#}");
    Ok(())
}

#[test]
fn what_comes_from_anywhere_makes_its_reader_untrusted() -> Result<()> {
    let (hr, chat) = (Upstream::start(anything)?, Upstream::echo()?);
    let setup = setup(&hr, &chat)?;
    let gateway = setup.start()?;
    let mut web = Caller::new(gateway.base(), "web", &token("ada"))?;
    web.post(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#)?;
    let mut hr = Caller::new(gateway.base(), "hr", &token("ada"))?;
    call(&mut web, "echo", 1)?;
    let free = call(&mut hr, "write", 2)?;
    ensure!(free.contains("\"n\":2"), "{free}");
    call(&mut web, "search", 3)?;
    let denied = call(&mut hr, "write", 4)?;
    ensure!(denied.contains("no-writes-after-the-web"), "{denied}");
    stop(gateway, &setup)?;
    Ok(())
}

#[test]
fn a_real_client_that_has_read_hr_data_is_held_at_the_chat() -> Result<()> {
    let (hr, chat) = (Upstream::start(anything)?, Upstream::echo()?);
    let setup = setup(&hr, &chat)?;
    let gateway = setup.start()?;
    let reach = |server: &str| Reach::Http(gateway.url(server), Some(token("ada")));
    let step = |tool: &str| json!({"do": "tools/call", "name": tool, "arguments": {"n": 12}});
    let said = |sdk: Sdk, server: &str, tool: &str| -> Result<String> {
        Ok(drive(sdk, &[reach(server)], &[step(tool)])?.concat().iter().map(ToString::to_string).collect())
    };
    let read = said(Sdk::Py1, "hr", "people")?;
    ensure!(read.contains("a.b@example.com"), "{read}");
    let held = said(Sdk::TsV1, "chat", "post")?;
    ensure!(held.contains("waits for an approval") && ran(&chat) == 0, "{held}");
    approve(&setup, "bob")?;
    let done = said(Sdk::Py1, "chat", "post")?;
    ensure!(done.contains("\\\"n\\\":12") && ran(&chat) == 1, "{done}");
    stop(gateway, &setup)?;
    Ok(())
}

const CLASSES: &str = r#"
@id("accounts-need-dpo") @hold("dpo") @reason("It names a bank account.")
forbid (principal, action == Action::"tools/call", resource)
when { context.classes.contains("iban") }
unless { context.approvals.contains("dpo") };
@id("no-mail") forbid (principal, action == Action::"tools/call", resource == Tool::"up.post")
when { context.classes.contains("email") };
"#;

#[test]
fn a_call_with_a_bank_account_in_its_arguments_is_held_and_one_without_runs() -> Result<()> {
    let upstream = Upstream::echo()?;
    let head = format!("{}servers:\n{}{QUICK}", identity(PEOPLE), upstream.server("up"));
    let setup = Setup::new(&head, &format!("{COMMON}{CLASSES}"))?;
    let gateway = setup.start()?;
    let mut ada = Caller::new(gateway.base(), "up", &token("ada"))?;
    let mut ask = |id: u64, tool: &str, what: &str| -> Result<String> {
        let params = json!({"name": tool, "arguments": {"text": what}});
        let body = json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params});
        Ok(last(&ada.post(&body.to_string())?).to_string())
    };
    let free = ask(1, "pay", "the rent")?;
    ensure!(free.contains("the rent") && ran(&upstream) == 1, "{free}");
    let iban = "pay DE89 3704 0044 0532 0130 00 now";
    let held = ask(2, "pay", iban)?;
    ensure!(held.contains("waits for an approval") && ran(&upstream) == 1, "{held}");
    let view = one(&setup, "bob", "pending")?;
    ensure!(view["classes"] == json!(["iban"]) && view["why"][0]["policy"] == "accounts-need-dpo", "{view}");
    let denied = ask(3, "post", "to a.b@example.com")?;
    ensure!(denied.contains("no-mail") && ran(&upstream) == 1, "{denied}");
    // In pieces and encoded it is one too.
    let hidden = ask(4, "pay", "cGF5IERFODkzNzA0MDA0NDA1MzIwMTMwMDA=")?;
    ensure!(hidden.contains("waits for an approval"), "{hidden}");
    approve(&setup, "bob")?;
    approve(&setup, "bob")?;
    let done = ask(5, "pay", iban)?;
    ensure!(done.contains("DE89 3704") && ran(&upstream) == 2, "{done}");
    stop(gateway, &setup)?;
    let report = audited(&setup)?;
    ensure!(report["holds"] == true, "{report:#}");
    Ok(())
}
