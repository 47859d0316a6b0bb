//! Evidence about evidence: every command that reads, exports or changes evidence leaves a record with who did it. The table names
//! every command there is; one that is added and not in it fails the test.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use carnet_evidence::seal::{KeyRef, Slot};
use carnet_evidence::{Ext, LeafType};
use carnet_store::{Keys, Reader, RealDisk, Stored};
use carnet_tests::gateway::{ALLOW_ALL, Setup, binary, identity, token};
use carnet_tests::upstream::Upstream;
use carnet_tests::wire::Caller;
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_secs(60);
const ORIGIN: &str = "carnet.local/test";

fn setup(upstream: &Upstream) -> Result<Setup> {
    let people: &[(&str, &str, &[&str])] =
        &[("agent", "workload", &["agents"]), ("iris", "user", &["officers"]), ("omar", "user", &[])];
    let subject = "    subjects:\n      - { at: $.arguments.customer_id, kind: customer }\n";
    let policies = format!(
        "{ALLOW_ALL}\n@id(\"officers-only\") forbid (principal, action in [Action::\"evidence:read\", Action::\"evidence:export\"], \
         resource) unless {{ principal in Group::\"officers\" }};\n"
    );
    Setup::new(&format!("{}servers:\n{}{subject}", identity(people), upstream.server("crm")), &policies)
}

fn carnet(setup: &Setup, who: Option<&str>, arguments: &[&str]) -> Result<(bool, String)> {
    let mut command = Command::new(binary()?);
    command.current_dir(setup.path()).args(arguments).env_remove("CARNET_TOKEN").stdin(Stdio::null());
    if let Some(who) = who {
        command.env("CARNET_TOKEN", token(who));
    }
    let run = command.output()?;
    let said = format!("{}{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    Ok((run.status.success(), said))
}

/// What a record says: type, `why`, who and detail as far as they can be read.
#[derive(Debug)]
struct Said {
    ty: LeafType,
    why: String,
    actor: Value,
    detail: String,
}

fn said(stored: &Stored, keys: &Keys) -> Result<Said> {
    let draft = &stored.leaf.draft;
    let why = draft.ext.iter().find_map(|(name, value)| match value {
        Ext::Text(text) if *name == "why" => Some(text.clone()),
        _ => None,
    });
    let mut facts: BTreeMap<String, Value> = BTreeMap::new();
    for (reference, clear) in draft.bl.iter().zip(stored.unseal(ORIGIN, keys)?) {
        let (Some(clear), Slot::Disclosures) = (clear, KeyRef::parse(&reference.k)?.kind) else { continue };
        for encoded in carnet_evidence::disclosure::split(&clear).context("disclosures")? {
            let one = carnet_evidence::disclosure::decode(&encoded).context("a disclosure")?;
            facts.insert(one.name, serde_json::from_slice(&one.value)?);
        }
    }
    let detail = facts.get("detail").and_then(Value::as_str).unwrap_or_default().to_owned();
    let actor = facts.get("actor").cloned().unwrap_or(Value::Null);
    Ok(Said { ty: draft.ty, why: why.unwrap_or_default(), actor, detail })
}

/// The records from an index on, and how many there are in all.
fn since(setup: &Setup, from: u64) -> Result<(Vec<Said>, u64)> {
    let disk: Arc<dyn carnet_store::Disk> = Arc::new(RealDisk::new(setup.data()));
    let keys = Keys::open(disk.clone(), None)?;
    let mut stored = Vec::new();
    let all = Reader::new(disk).read(from, &mut |record| {
        stored.push(record);
        Ok(true)
    })?;
    Ok((stored.iter().map(|record| said(record, &keys)).collect::<Result<_>>()?, all))
}

/// A command, the record that it leaves, and a part of its detail.
type Row = (&'static [&'static str], LeafType, &'static str);

const ONLINE: &[Row] = &[
    (&["sessions", "list"], LeafType::AdminRead, "list of sessions"),
    (&["sessions", "show", "ID"], LeafType::AdminRead, "session "),
    (&["sessions", "replay", "ID"], LeafType::AdminRead, "replayed"),
    (&["sessions", "replay", "ID", "--policy", "policies.cedar"], LeafType::AdminRead, "decided again"),
    (&["sessions", "replay", "ID", "--as-server"], LeafType::AdminRead, "replayed to a client"),
    (&["subject", "find", "customer=7"], LeafType::AdminRead, "subject find"),
    (&["subject", "export", "customer=7"], LeafType::AdminRead, "subject export"),
    (&["subject", "export", "customer=7", "--restricted"], LeafType::AdminRead, "restricted too"),
    (&["subject", "restrict", "customer=7", "--reason", "contested"], LeafType::RestrictSet, "contested"),
    (&["subject", "release", "LAST", "--reason", "settled"], LeafType::RestrictRelease, "settled"),
    (&["subject", "erase", "customer=7", "--reason", "asked"], LeafType::ErasureRequest, "asked"),
    (&["subject", "cases"], LeafType::AdminRead, "open erasures"),
    (&["hold", "set", "--reason", "court"], LeafType::HoldSet, "court"),
    (&["hold", "release", "LAST", "--reason", "over"], LeafType::HoldRelease, "over"),
    (&["evidence", "export", "-o", "all.carnet"], LeafType::ExportMade, "package of records"),
    (&["evidence", "export", "--as", "ocsf", "-o", "all.ocsf"], LeafType::ExportMade, "as ocsf"),
    (&["evidence", "prune"], LeafType::AdminRead, "retention"),
    (&["report", "calls"], LeafType::AdminRead, "report calls"),
    (&["verify", "data"], LeafType::AdminRead, "verification"),
    (&["keys", "backup", "-o", "keys.backup"], LeafType::AdminRead, "a backup"),
];

const OFFLINE: &[Row] = &[
    (&["sessions", "list"], LeafType::AdminRead, "list of sessions"),
    (&["verify", "data", "--config", "carnet.yaml"], LeafType::AdminRead, "verification"),
    (&["keys", "restore", "keys.backup"], LeafType::AdminRead, "in the place of the key store"),
    (&["keys", "rotate", "--to", "file:kek"], LeafType::AdminRead, "another KEK"),
];

/// Runs the rows and looks for the record of each, by this actor.
fn run(setup: &Setup, who: Option<&str>, rows: &[Row], session: &str, subject: &str) -> Result<()> {
    let (_, mut next) = since(setup, 0)?;
    let mut last = 0;
    for (words, ty, detail) in rows {
        let last_text = last.to_string();
        let words: Vec<&str> = words
            .iter()
            .map(|word| match *word {
                "ID" => session,
                "LAST" => last_text.as_str(),
                word => word,
            })
            .collect();
        let (ok, text) = carnet(setup, who, &words)?;
        ensure!(ok, "{words:?}: {text}");
        let (found, all) = since(setup, next)?;
        let at = found.iter().position(|s| s.ty == *ty && s.detail.contains(detail));
        let at = at.with_context(|| format!("{words:?} left no record of it: {found:?}"))?;
        ensure!(found[at].actor["subject"] == subject, "{words:?}: {:?}", found[at]);
        last = next + at as u64;
        next = all;
    }
    Ok(())
}

/// The subcommands that a command's help lists.
fn verbs(setup: &Setup, group: &str) -> Result<BTreeSet<String>> {
    let (_, help) = carnet(setup, None, &[group, "--help"])?;
    let listed = help.lines().skip_while(|l| !l.starts_with("Commands:")).skip(1);
    let names = listed.take_while(|l| l.starts_with("  ")).filter_map(|l| l.split_whitespace().next());
    Ok(names.filter(|n| *n != "help").map(str::to_owned).collect())
}

#[test]
fn every_command_leaves_a_record_with_who_did_it() -> Result<()> {
    let upstream = Upstream::echo()?;
    let setup = setup(&upstream)?;
    for group in ["sessions", "subject", "hold", "evidence", "keys"] {
        let rows = ONLINE.iter().chain(OFFLINE);
        let known: BTreeSet<String> =
            rows.filter(|r| r.0[0] == group).filter_map(|r| r.0.get(1)).map(|v| (*v).to_owned()).collect();
        ensure!(verbs(&setup, group)? == known, "{group}: {known:?} are in the table");
    }
    let mut gateway = setup.start()?;
    let mut caller = Caller::new(gateway.base(), "crm", &token("agent"))?;
    caller.initialize()?;
    caller.call(1, "look", &json!({"customer_id": "7"}))?;
    let (_, list) = carnet(&setup, None, &["sessions", "list", "--json"])?;
    let list: Value = serde_json::from_str(&list).with_context(|| list.clone())?;
    let sessions = list.as_array().context("sessions")?;
    let session = sessions.iter().max_by_key(|s| s["calls"].as_u64()).context("a session")?;
    let session = session["session"].as_str().context("a session")?.to_owned();
    run(&setup, Some("iris"), ONLINE, &session, "iris")?;

    // Who may not is told so, and that they tried is a record.
    let (_, next) = since(&setup, 0)?;
    for words in [&["sessions", "list"][..], &["keys", "backup", "-o", "other.backup"]] {
        let (ok, text) = carnet(&setup, Some("omar"), words)?;
        ensure!(!ok && text.contains("no policy permits"), "{text}");
    }
    ensure!(!setup.path().join("other.backup").exists());
    let (found, _) = since(&setup, next)?;
    let refused: Vec<_> = found.iter().filter(|s| s.why == "refused").collect();
    ensure!(refused.len() == 2 && refused.iter().all(|s| s.actor["subject"] == "omar"), "{found:?}");

    // A change of the policies names whose the file is.
    let (_, next) = since(&setup, 0)?;
    setup.policies(ALLOW_ALL)?;
    let until = std::time::Instant::now() + LIMIT;
    let changed = loop {
        let (found, _) = since(&setup, next)?;
        if let Some(one) = found.into_iter().find(|s| s.ty == LeafType::ConfigChange) {
            break one;
        }
        ensure!(std::time::Instant::now() < until, "the change is not recorded");
        std::thread::sleep(Duration::from_millis(50));
    };
    ensure!(changed.actor["authenticated"] == "file-owner", "{changed:?}");
    ensure!(changed.detail.contains("policies.cedar"), "{changed:?}");

    ensure!(gateway.process.terminate(LIMIT)?.success());
    fs::write(setup.path().join("kek"), "0123456789abcdef0123456789abcdef")?;
    let uid = format!("uid:{}", fs::metadata(setup.config())?.uid());
    run(&setup, None, &OFFLINE[..3], &session, &uid)?;
    // What was changed while nothing ran is recorded by the next start.
    let (_, next) = since(&setup, 0)?;
    setup.policies(&format!("{ALLOW_ALL}\n// changed\n"))?;
    let mut gateway = setup.start()?;
    let (found, _) = since(&setup, next)?;
    ensure!(
        found.iter().any(|s| s.ty == LeafType::PolicyActivate && s.actor["subject"] == *uid),
        "{found:?}"
    );
    ensure!(gateway.process.terminate(LIMIT)?.success());
    let (ok, text) = carnet(&setup, None, OFFLINE[3].0)?;
    ensure!(ok, "{text}");
    Ok(())
}

#[test]
fn a_copy_is_verified_and_not_written_to() -> Result<()> {
    let upstream = Upstream::echo()?;
    let setup = setup(&upstream)?;
    let mut gateway = setup.start()?;
    Caller::new(gateway.base(), "crm", &token("agent"))?.initialize()?;
    ensure!(gateway.process.terminate(LIMIT)?.success());
    let (_, before) = since(&setup, 0)?;
    let (ok, text) = carnet(&setup, None, &["verify", "data"])?;
    ensure!(ok && text.contains("is not recorded: no gateway runs here"), "{text}");
    ensure!(since(&setup, 0)?.1 == before, "written to");
    Ok(())
}

/// Where reloads are asked for, a file and a signal change nothing, and each change names who asked.
#[test]
fn a_reload_that_is_asked_for_names_who_asked() -> Result<()> {
    let upstream = Upstream::echo()?;
    let people: &[(&str, &str, &[&str])] = &[("agent", "workload", &[]), ("iris", "user", &[])];
    let head = format!("{}servers:\n{}reload: asked\n", identity(people), upstream.server("crm"));
    let setup = Setup::new(&head, ALLOW_ALL)?;
    let mut gateway = setup.start()?;
    let uid = format!("uid:{}", fs::metadata(setup.config())?.uid());
    let (_, next) = since(&setup, 0)?;
    let (ok, text) = carnet(&setup, None, &["reload"])?;
    ensure!(ok && text.contains("nothing has changed"), "{text}");
    let mut from = next;
    for (n, who, kind) in [(0, None, "os-user"), (1, Some("iris"), "static-token")] {
        setup.policies(&format!("{ALLOW_ALL}\n// change {n}\n"))?;
        let (ok, text) = carnet(&setup, who, &["reload"])?;
        ensure!(ok && text.contains("is in force"), "{text}");
        let (found, next) = since(&setup, from)?;
        from = next;
        let subject = who.unwrap_or(&uid);
        for ty in [LeafType::PolicyActivate, LeafType::ConfigChange] {
            let one: Vec<_> = found.iter().filter(|s| s.ty == ty).collect();
            ensure!(one.len() == 1, "{found:?}");
            ensure!(one[0].actor["subject"] == subject && one[0].actor["issuer"].is_string(), "{:?}", one[0]);
            ensure!(one[0].actor["authenticated"] != "file-owner", "{:?} is known as {kind}", one[0]);
            ensure!(one[0].detail.starts_with("carnet reload; the newest file is "), "{:?}", one[0]);
        }
    }
    // What does not hold together is refused, and who asked for it is on record; so is each who asks again.
    setup.policies("permit (principal, action, resource")?;
    for _ in 0..2 {
        let (ok, text) = carnet(&setup, Some("iris"), &["reload"])?;
        ensure!(!ok && text.contains("the old configuration stays in force"), "{text}");
        let (found, next) = since(&setup, from)?;
        from = next;
        let changes: Vec<_> = found.iter().filter(|s| s.ty == LeafType::ConfigChange).collect();
        ensure!(changes.len() == 1 && changes[0].actor["subject"] == "iris", "{found:?}");
    }
    let (ok, text) = carnet(&setup, Some("nobody"), &["reload"])?;
    ensure!(!ok && text.contains("does not accept this token"), "{text}");
    ensure!(gateway.process.terminate(LIMIT)?.success());
    let (ok, text) = carnet(&setup, None, &["reload"])?;
    ensure!(!ok && text.contains("no gateway runs"), "{text}");
    Ok(())
}
