//! `carnet sessions show`: a session record by record, as an investigator reads it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::ExitCode;

use carnet_evidence::{LeafType, field};
use carnet_json::quote;
use carnet_store::Stored;

use super::opened::{Opened, origin, pseudonym};
use super::place::{Place, Recordings};
use super::pretty::pretty;
use super::wording;
use crate::output;

/// Arguments of `carnet sessions show`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The session's pseudonym, as `carnet sessions list` prints it, or its beginning.
    #[arg(value_name = "ID", allow_hyphen_values = true)]
    id: String,
    #[command(flatten)]
    place: Place,
    /// Print a JSON object.
    #[arg(long)]
    json: bool,
}

/// Runs `carnet sessions show`.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    output::line(rendered(&args.place, &args.id, args.json)?.trim_end());
    Ok(ExitCode::SUCCESS)
}

/// The session as it is printed.
pub(super) fn rendered(place: &Place, id: &str, as_json: bool) -> anyhow::Result<String> {
    let recordings = place.open()?;
    let (id, records, origin) = records(&recordings, id)?;
    let opened: Vec<Opened> = records.iter().map(|r| Opened::new(r, &origin, &recordings.keys)).collect();
    Ok(if as_json { json(&id, &opened) } else { wording::clean(&text(&id, &opened)) })
}

/// The one session whose pseudonym begins so: pseudonym, records, origin of the log.
fn records(recordings: &Recordings, prefix: &str) -> anyhow::Result<(String, Vec<Stored>, String)> {
    let mut found: BTreeMap<String, Vec<Stored>> = BTreeMap::new();
    let mut named = String::new();
    recordings.reader.read(0, &mut |stored| {
        let draft = &stored.leaf.draft;
        if draft.ty == LeafType::CellGenesis {
            named = origin(&stored).unwrap_or_default();
        }
        let id = pseudonym(&draft.gs);
        if id.starts_with(prefix) {
            let records = found.entry(id).or_default();
            // Of several sessions only the names are needed, to say that there are several.
            if records.is_empty() || prefix.len() >= 8 {
                records.push(stored);
            }
        }
        Ok(true)
    })?;
    let names: Vec<String> = found.keys().take(5).cloned().collect();
    match found.len() {
        0 => anyhow::bail!("no session begins with {prefix}; see `carnet sessions list`"),
        1 if prefix.len() < 8 => {
            // Short and yet the only one: read it again in full.
            let id = names.into_iter().next().unwrap_or_default();
            records(recordings, &id)
        }
        1 => found
            .into_iter()
            .next()
            .map(|(id, records)| (id, records, named))
            .ok_or_else(|| anyhow::anyhow!("no such session")),
        n => anyhow::bail!("{n} sessions begin with {prefix}, such as {}", names.join(", ")),
    }
}

fn text(id: &str, records: &[Opened]) -> String {
    let mut out = format!("session {id}\n");
    let opening = records.iter().find(|r| r.ty == LeafType::SessionOpen);
    let facts = [
        ("server", opening.and_then(|o| o.text(field::SERVER))),
        ("actor", opening.and_then(Opened::actor)),
        ("agent", opening.and_then(Opened::agent)),
    ];
    for (name, value) in facts.into_iter().filter_map(|(name, value)| Some((name, value?))) {
        let _ = writeln!(out, "  {name:<8} {value}");
    }
    let calls = records.iter().filter(|r| r.ty == LeafType::CallDecision).count();
    let _ = writeln!(out, "  {:<8} {} in {}", "calls", calls, wording::count(records.len(), "record"));
    for record in records {
        out.push('\n');
        one(&mut out, record);
    }
    out
}

/// One record: a headline, what is known, and the masked message.
fn one(out: &mut String, record: &Opened) {
    let _ = writeln!(out, "#{} {} {}", record.index, record.time(), headline(record));
    let facts = [
        ("policies", record.list(field::POLICIES)),
        ("reasons", record.list(field::REASONS)),
        ("error", record.text(field::ERROR)),
        ("found", record.list(field::DATA_CLASSES)),
        ("masked", counts(record)),
        ("shown by", record.list("x_reveal_policies")),
        ("purpose", record.text(field::PURPOSE)),
        ("basis", record.text(field::LEGAL_BASIS)),
        ("places", residency(record)),
        ("why", record.ext("why")),
        ("sealed", record.closed.map(|c| c.as_str().to_owned())),
    ];
    for (name, value) in facts.into_iter().filter_map(|(name, value)| Some((name, value?))) {
        let _ = writeln!(out, "    {name:<9} {value}");
    }
    if let Some(frame) = &record.frame {
        let _ = writeln!(out, "{}", pretty(frame, "    "));
    }
}

fn headline(record: &Opened) -> String {
    let decision =
        record.text(field::DECISION).map(|d| format!(": {}", d.to_uppercase())).unwrap_or_default();
    match record.ty {
        LeafType::SessionOpen => "session opens".to_owned(),
        LeafType::SessionClose => {
            let calls = record.ext("calls").map(|n| format!(" after {n} calls")).unwrap_or_default();
            format!("session closes{calls}")
        }
        LeafType::CallDecision => {
            let way = match record.text(field::DIRECTION).as_deref() {
                Some("to_client") => "from server to client",
                _ => "from client to server",
            };
            let method = record.text(field::METHOD).unwrap_or_else(|| "message".to_owned());
            let tool = record.text(field::TOOL).map(|t| format!(" {t}")).unwrap_or_default();
            format!("{way}, {method}{tool}{decision}")
        }
        LeafType::CallOutcome => format!("answer to #{}{decision}", record.of.unwrap_or_default()),
        LeafType::CallOrphan => {
            format!("#{} has no answer and will have none", record.of.unwrap_or_default())
        }
        other => format!("{}{decision}", other.as_str()),
    }
}

/// `email 2, iban 1`.
fn counts(record: &Opened) -> Option<String> {
    let serde_json::Value::Object(counts) = record.value(field::MASKING)? else { return None };
    let counts: Vec<String> = counts.iter().map(|(class, n)| format!("{class} {n}")).collect();
    (!counts.is_empty()).then(|| counts.join(", "))
}

/// `processing de, recipient fr, storage de`.
fn residency(record: &Opened) -> Option<String> {
    let value = record.value(field::RESIDENCY)?;
    let place = |name: &str| Some(format!("{name} {}", value.get(name)?.as_str()?));
    let places: Vec<String> =
        ["origin", "processing", "recipient", "storage"].into_iter().filter_map(place).collect();
    (!places.is_empty()).then(|| places.join(", "))
}

fn json(id: &str, records: &[Opened]) -> String {
    let records: Vec<String> = records.iter().map(one_json).collect();
    format!("{{\"session\":{},\"records\":[\n{}\n]}}", quote(id), records.join(",\n"))
}

/// A record as JSON; disclosures and message are as they were recorded.
fn one_json(record: &Opened) -> String {
    let null = || "null".to_owned();
    let raw = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let members: Vec<String> =
        record.disclosed.iter().map(|(name, value)| format!("{}:{}", quote(name), raw(value))).collect();
    let stated: Vec<String> = record
        .ext
        .iter()
        .map(|(key, value)| match value {
            carnet_evidence::Ext::Int(n) => format!("{}:{n}", quote(key)),
            carnet_evidence::Ext::Text(text) => format!("{}:{}", quote(key), quote(text)),
        })
        .collect();
    format!(
        "{{\"index\":{},\"type\":{},\"time\":{},\"of\":{},\"stated\":{{{}}},\"disclosed\":{{{}}},\"message\":{},\"unreadable\":{}}}",
        record.index,
        quote(record.ty.as_str()),
        record.t,
        record.of.map_or_else(null, |n| n.to_string()),
        stated.join(","),
        members.join(","),
        record.frame.as_deref().map_or_else(null, |f| if record_is_json(f) {
            raw(f)
        } else {
            quote(&raw(f))
        }),
        record.closed.map_or_else(null, |c| quote(c.as_str())),
    )
}

fn record_is_json(frame: &[u8]) -> bool {
    let limits = carnet_json::Limits { bytes: usize::MAX, ..carnet_json::Limits::default() };
    carnet_json::Tape::parse(frame, &limits).is_ok()
}
