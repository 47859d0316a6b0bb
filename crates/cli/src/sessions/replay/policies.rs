//! Recorded calls, decided again by other policies in the same world: the servers, regions and zones of then. Asked are whether a
//! call goes on, and what of its messages is shown and hidden (`masks.rs`).

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use carnet_evidence::package::lines::Why;
use carnet_evidence::package::walk::Record;
use carnet_evidence::{Epochs, Hash, LeafType, field};
use carnet_gateway::desk::Act;
use carnet_gateway::load;
use carnet_model::ClassNames;
use carnet_policy::PolicySet;
use carnet_residency::Jurisdictions;
use carnet_store::{RealDisk, read_state};
use carnet_verify::judge;
use serde_json::{Value, json};

use super::masks::{self, Around, Asked, Change, Fate, Remasked, World};
use super::{Args, Status};
use crate::extract::Which;
use crate::output;
use crate::sessions::wording;

/// What records name, by hash.
struct Worlds {
    disk: RealDisk,
    sources: Value,
    policies: HashMap<Hash, Option<World>>,
    tables: HashMap<Hash, Option<Jurisdictions>>,
    masking: HashMap<Hash, Option<Value>>,
    /// Permitted calls that the other policies permit too, and whose answer is still to come.
    open: HashMap<u64, Asked>,
}

impl Worlds {
    /// Both sets of policies in the world that a record names; it stays unknown where that state is not kept.
    fn learn(&mut self, epochs: &Epochs) -> anyhow::Result<()> {
        if !self.policies.contains_key(&epochs.policy) {
            let state = read_state(&self.disk, &epochs.policy)?;
            let world = state.map(|bytes| world(&bytes, &self.sources)).transpose()?;
            self.policies.insert(epochs.policy, world);
        }
        if !self.tables.contains_key(&epochs.jurisdiction) {
            let text = read_state(&self.disk, &epochs.jurisdiction)?;
            let text = text.and_then(|bytes| String::from_utf8(bytes).ok());
            self.tables.insert(epochs.jurisdiction, text.and_then(|text| Jurisdictions::parse(&text).ok()));
        }
        if !self.masking.contains_key(&epochs.configuration) {
            let state = read_state(&self.disk, &epochs.configuration)?;
            let state = state.and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
            let masking = state.and_then(|mut state| state.get_mut("masking").map(Value::take));
            self.masking.insert(epochs.configuration, masking);
        }
        Ok(())
    }

    fn world(&self, epochs: &Epochs) -> Option<&World> {
        self.policies.get(&epochs.policy)?.as_ref()
    }

    fn around(&self, epochs: &Epochs) -> Around<'_> {
        let table = self.tables.get(&epochs.jurisdiction).and_then(Option::as_ref);
        let masking = self.masking.get(&epochs.configuration).and_then(Option::as_ref);
        Around { table, masking }
    }
}

/// The policies of then and the other ones, in the same world.
fn world(state: &[u8], sources: &Value) -> anyhow::Result<World> {
    let unusable = |e: String| anyhow::anyhow!("these policies cannot be used: {e}");
    let then = PolicySet::from_state(state).map_err(unusable)?;
    let mut state: Value = serde_json::from_slice(state)?;
    let own = state.get("classes").and_then(Value::as_array).into_iter().flatten();
    let own: Vec<String> = own.filter_map(|name| name.as_str().map(str::to_owned)).collect();
    if let Some(of_then) = state.get_mut("sources") {
        of_then.clone_from(sources);
    }
    let now = PolicySet::from_state(state.to_string().as_bytes()).map_err(unusable)?;
    Ok(World { then, now, names: ClassNames::new(own.iter().map(String::as_str)) })
}

#[derive(Default)]
struct Counts {
    same: u64,
    otherwise: u64,
    perhaps: u64,
    cannot: u64,
    masked_same: u64,
    masked_otherwise: u64,
    masked_perhaps: u64,
    masked_cannot: u64,
    /// Values by class, and whether they would be shown that were hidden.
    shown: BTreeMap<String, u64>,
}

impl Counts {
    fn text(&self) -> String {
        let mut text = format!(
            "{} calls would be decided the same, {} otherwise, {} perhaps otherwise; {} cannot be decided again\n\
             {} messages with personal data or secrets would be masked the same, {} otherwise, {} perhaps otherwise; {} cannot be asked again",
            self.same,
            self.otherwise,
            self.perhaps,
            self.cannot,
            self.masked_same,
            self.masked_otherwise,
            self.masked_perhaps,
            self.masked_cannot
        );
        for (class, count) in &self.shown {
            text.push_str(&format!(
                "\n  {class}: {} that were hidden would be shown",
                wording::count(*count as usize, "value")
            ));
        }
        text
    }
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
    let mut worlds = Worlds {
        disk,
        sources: Value::Array(sources),
        policies: HashMap::new(),
        tables: HashMap::new(),
        masking: HashMap::new(),
        open: HashMap::new(),
    };
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
    let text = counts.text();
    if args.json {
        output::note(&text)
    } else {
        output::line(&text)
    }
    Ok(if status.holds { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn one(worlds: &mut Worlds, record: &Record<'_>, as_json: bool, counts: &mut Counts) -> anyhow::Result<()> {
    let draft = &record.leaf.draft;
    let outside = matches!(record.closed(), Some(Why::OutsideFilter | Why::OutsidePeriod));
    if outside || !matches!(draft.ty, LeafType::CallDecision | LeafType::CallOutcome) {
        return Ok(());
    }
    worlds.learn(&draft.ep).context("the state of a record")?;
    let asked = if draft.ty == LeafType::CallDecision {
        Asked::of(record).filter(|_| decided(worlds, record, as_json, counts))
    } else {
        draft.of.and_then(|of| worlds.open.remove(&of))
    };
    let Some(asked) = asked else { return Ok(()) };
    masked(worlds, record, &asked, as_json, counts);
    if draft.ty == LeafType::CallDecision && !draft.ow {
        worlds.open.insert(record.index, asked);
    }
    Ok(())
}

/// Decides a call again. Whether it went on, and would go on now.
fn decided(worlds: &Worlds, record: &Record<'_>, as_json: bool, counts: &mut Counts) -> bool {
    let set = worlds.world(&record.leaf.draft.ep).map(|world| &world.now);
    let retold = set.filter(|_| judge::by_policies(record)).and_then(|set| judge::ask(set, record));
    let Some(retold) = retold else {
        counts.cannot += 1;
        return false;
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
        return was;
    }
    counts.otherwise += 1;
    say(record, *now, by, retold.uncertain, as_json);
    false
}

/// Asks again what is shown and hidden of a message that goes on.
fn masked(worlds: &Worlds, record: &Record<'_>, asked: &Asked, as_json: bool, counts: &mut Counts) {
    let epochs = &record.leaf.draft.ep;
    let Some(world) = worlds.world(epochs) else { return };
    match masks::again(world, &worlds.around(epochs), record, asked) {
        Remasked::Nothing => {}
        Remasked::Cannot => counts.masked_cannot += 1,
        Remasked::Same => counts.masked_same += 1,
        Remasked::KeptBack(how, by) => {
            counts.masked_otherwise += 1;
            say_masked(record, &[], Some((how, &by)), true, as_json);
        }
        Remasked::Otherwise { changes, certain } => {
            if certain {
                counts.masked_otherwise += 1;
            } else {
                counts.masked_perhaps += 1;
            }
            for change in changes.iter().filter(|c| c.now == Fate::Shown) {
                *counts.shown.entry(change.class.clone()).or_default() += change.count.unwrap_or(0);
            }
            say_masked(record, &changes, None, certain, as_json);
        }
    }
}

fn say_masked(
    record: &Record<'_>,
    changes: &[Change],
    kept_back: Option<(&str, &[String])>,
    certain: bool,
    as_json: bool,
) {
    let e = record.event();
    let of = record.leaf.draft.of;
    let actor = e.actor.as_ref().map_or("", |a| a.subject.as_str());
    let each = |c: &Change| json!({"class": c.class, "count": c.count, "was": c.was.word(), "would_be": c.now.word(), "would_be_by": c.by});
    if as_json {
        let line = json!({
            "record": record.index, "answers": of, "time": e.time(), "session": e.session, "actor": actor,
            "server": e.server, "masking": changes.iter().map(each).collect::<Vec<_>>(),
            "kept_back": kept_back.map(|(how, _)| how), "kept_back_by": kept_back.map(|(_, by)| by), "certain": certain,
        });
        return output::line(&line.to_string());
    }
    let list = |all: &[String]| if all.is_empty() { "no policy".to_owned() } else { all.join(", ") };
    let each = |c: &Change| {
        let count = c.count.map(|n| format!(" ({n})")).unwrap_or_default();
        format!("{}{count} was {}, would be {} by {}", c.class, c.was.word(), c.now.word(), list(&c.by))
    };
    let said = match kept_back {
        Some((how, by)) => format!("would be kept back ({how}) by {}", list(by)),
        None => changes.iter().map(each).collect::<Vec<_>>().join("; "),
    };
    let what = of.map_or_else(|| "message".to_owned(), |of| format!("answer to #{of}"));
    let server = e.server.as_deref().unwrap_or_default();
    let hint = if certain { "" } else { " (it depends on masked content)" };
    output::line(&wording::clean(&format!(
        "#{} {} {actor} {server} {what}: {said}{hint}",
        record.index,
        e.time()
    )));
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
