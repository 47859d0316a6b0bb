//! Recorded calls, decided again by other policies in the same world: the servers, regions and zones of then. What is asked is
//! whether a call goes on; what would be masked otherwise is not.

use std::collections::HashMap;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use carnet_evidence::package::lines::Why;
use carnet_evidence::package::walk::Record;
use carnet_evidence::{LeafType, field};
use carnet_gateway::desk::Act;
use carnet_gateway::load;
use carnet_policy::PolicySet;
use carnet_store::{RealDisk, read_state};
use carnet_verify::judge;
use serde_json::{Value, json};

use super::{Args, Status};
use crate::extract::Which;
use crate::output;
use crate::sessions::wording;

/// Policies by the hash of the state in which they are tried.
struct Worlds {
    disk: RealDisk,
    sources: Value,
    known: HashMap<[u8; 32], Option<PolicySet>>,
}

impl Worlds {
    /// The policies in the world that a record names. `None` where that state is not kept.
    fn of(&mut self, hash: &[u8; 32]) -> anyhow::Result<Option<&PolicySet>> {
        if !self.known.contains_key(hash) {
            let set = match read_state(&self.disk, hash)? {
                None => None,
                Some(bytes) => {
                    let mut state: Value = serde_json::from_slice(&bytes)?;
                    if let Some(sources) = state.get_mut("sources") {
                        sources.clone_from(&self.sources);
                    }
                    let set = PolicySet::from_state(state.to_string().as_bytes());
                    Some(set.map_err(|e| anyhow::anyhow!("these policies cannot be used: {e}"))?)
                }
            };
            self.known.insert(*hash, set);
        }
        Ok(self.known.get(hash).and_then(Option::as_ref))
    }
}

#[derive(Default)]
struct Counts {
    same: u64,
    otherwise: u64,
    perhaps: u64,
    cannot: u64,
}

/// Decides again and prints what differs.
pub(super) fn run(args: &Args, policy: &Path, status: &Status) -> anyhow::Result<ExitCode> {
    let (sources, _) =
        load::read_policies(&[policy.to_owned()]).map_err(|e| anyhow::anyhow!(e.join("\n")))?;
    anyhow::ensure!(!sources.is_empty(), "there are no policies in {}", policy.display());
    let mut sources: Vec<_> =
        sources.iter().map(|(name, text)| json!({"name": name, "text": text})).collect();
    sources.sort_by_key(|s| s.get("name").map(Value::to_string));
    let session = match &args.id {
        Some(id) => Some(crate::sessions::show::pseudonym_of(&args.place, id)?),
        None => None,
    };
    let what = session.as_ref().map_or_else(|| "a period".to_owned(), |id| format!("session {id}"));
    crate::desk::act(&args.place, Act::Read { what: format!("{what}, decided again"), person: None })?;
    let which = Which::of(args.place.clone(), args.from, args.to, session);
    let source = which.open()?;
    let data = crate::desk::config(&args.place)?.data;
    let disk = RealDisk::new(&data);
    let mut worlds = Worlds { disk, sources: Value::Array(sources), known: HashMap::new() };
    if !args.json {
        output::line(&status.text);
    }
    let (mut counts, mut failed) = (Counts::default(), None);
    source.with(Vec::new(), |export| {
        export.records(&mut |record| {
            if failed.is_none() {
                failed = one(&mut worlds, record, args.json, &mut counts).err();
            }
            Ok(())
        })
    })?;
    if let Some(error) = failed {
        return Err(error);
    }
    let Counts { same, otherwise, perhaps, cannot } = counts;
    let text = format!(
        "{same} calls would be decided the same, {otherwise} otherwise, {perhaps} perhaps otherwise; {cannot} cannot be decided again"
    );
    if args.json {
        output::note(&text)
    } else {
        output::line(&text)
    }
    Ok(if status.holds { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn one(worlds: &mut Worlds, record: &Record<'_>, as_json: bool, counts: &mut Counts) -> anyhow::Result<()> {
    let outside = matches!(record.closed(), Some(Why::OutsideFilter | Why::OutsidePeriod));
    if record.leaf.draft.ty != LeafType::CallDecision || outside {
        return Ok(());
    }
    let hash = record.leaf.draft.ep.policy;
    let set = worlds.of(&hash).context("the state of a record")?;
    let retold = set.filter(|_| judge::by_policies(record)).and_then(|set| judge::ask(set, record));
    let Some(retold) = retold else {
        counts.cannot += 1;
        return Ok(());
    };
    let was = record.text(field::DECISION).as_deref() == Some("permit");
    let [(now, by), (other, _)] = &retold.said;
    if *now == was || *other == was {
        // What depends on masked content may have been otherwise with the content of then.
        if retold.uncertain {
            counts.perhaps += 1
        } else {
            counts.same += 1
        }
        return Ok(());
    }
    counts.otherwise += 1;
    say(record, *now, by, retold.uncertain, as_json);
    Ok(())
}

fn word(permit: bool) -> &'static str {
    if permit { "permit" } else { "deny" }
}

fn say(record: &Record<'_>, now: bool, by: &[String], uncertain: bool, as_json: bool) {
    let e = record.event();
    let was = e.decision.clone().unwrap_or_default();
    let actor: Arc<str> = e.actor.as_ref().map_or("", |a| a.subject.as_str()).into();
    if as_json {
        let line = json!({
            "record": record.index, "time": e.time(), "session": e.session, "actor": &*actor, "server": e.server,
            "method": e.method, "tool": e.tool, "was": was, "was_by": e.policies, "would_be": word(now),
            "would_be_by": by, "certain": !uncertain,
        });
        return output::line(&line.to_string());
    }
    let tool = e.tool.as_deref().map(|t| format!(" {t}")).unwrap_or_default();
    let list = |all: &[String]| if all.is_empty() { "no policy".to_owned() } else { all.join(", ") };
    let line = format!(
        "#{} {} {actor} {} {}{tool}: was {was} by {}, would be {} by {}{}",
        record.index,
        e.time(),
        e.server.as_deref().unwrap_or_default(),
        e.method.as_deref().unwrap_or_default(),
        list(&e.policies),
        word(now),
        list(by),
        if uncertain { " (it depends on masked content)" } else { "" }
    );
    output::line(&wording::clean(&line));
}
