//! `carnet sessions show`: a session record by record, as an investigator reads it.

use std::fmt::Write as _;
use std::process::ExitCode;

use carnet_evidence::{LeafType, field};
use carnet_gateway::desk::Act;
use carnet_json::quote;
use carnet_store::{Index, Query, Stored};

use super::opened::{Opened, pseudonym};
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
    /// Also what is restricted (Art. 18 GDPR). It is recorded that it was asked for.
    #[arg(long)]
    restricted: bool,
}

/// Runs `carnet sessions show`. That it is read is recorded first.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let (id, text) = rendered(&args.place, &args.id, args.json, args.restricted)?;
    let more = if args.restricted { ", restricted too" } else { "" };
    crate::desk::act(&args.place, Act::Read { what: format!("session {id}{more}"), person: None })?;
    output::line(text.trim_end());
    Ok(ExitCode::SUCCESS)
}

/// The session's pseudonym, and the session as it is printed.
pub(super) fn rendered(
    place: &Place,
    id: &str,
    as_json: bool,
    restricted: bool,
) -> anyhow::Result<(String, String)> {
    let (recordings, index) = place.indexed()?;
    let recordings = if restricted { recordings.with_restricted() } else { recordings };
    let (id, records) = records(&recordings, &index, id)?;
    let opened = opened(&recordings, &records);
    let text = if as_json { json(&id, &opened) } else { wording::clean(&text(&id, &opened)) };
    Ok((id, text))
}

/// The records of a session, opened as far as its keys allow.
pub(super) fn session(place: &Place, id: &str) -> anyhow::Result<(String, Vec<Opened>)> {
    let (recordings, index) = place.indexed()?;
    let (id, records) = records(&recordings, &index, id)?;
    let opened = opened(&recordings, &records);
    Ok((id, opened))
}

/// The whole pseudonym of the session that begins so.
pub(super) fn pseudonym_of(place: &Place, id: &str) -> anyhow::Result<String> {
    let (recordings, index) = place.indexed()?;
    Ok(records(&recordings, &index, id)?.0)
}

fn opened(recordings: &Recordings, records: &[Stored]) -> Vec<Opened> {
    records.iter().map(|r| Opened::new(r, &recordings.origin, &recordings.keys)).collect()
}

/// Records of several sessions as JSON.
pub(crate) fn records_json(recordings: &Recordings, records: &[Stored]) -> String {
    let each = opened(recordings, records);
    let lines: Vec<String> = each
        .iter()
        .zip(records)
        .map(|(record, stored)| {
            let session = quote(&pseudonym(&stored.leaf.draft.gs));
            format!("{{\"session\":{session},\"record\":{}}}", one_json(record))
        })
        .collect();
    format!("{{\"format\":\"carnet-subject/1\",\"records\":[\n{}\n]}}\n", lines.join(",\n"))
}

/// Records of several sessions for people.
pub(crate) fn records_text(recordings: &Recordings, records: &[Stored]) -> String {
    let mut out = format!("{}\n", wording::count(records.len(), "record"));
    for (record, stored) in opened(recordings, records).iter().zip(records) {
        let _ = write!(out, "\nsession {}\n", pseudonym(&stored.leaf.draft.gs));
        one(&mut out, record);
    }
    wording::clean(&out)
}

/// The one session whose pseudonym begins so: pseudonym and records.
fn records(recordings: &Recordings, index: &Index, prefix: &str) -> anyhow::Result<(String, Vec<Stored>)> {
    let found: Vec<[u8; 16]> =
        index.pseudonyms()?.into_iter().filter(|gs| pseudonym(gs).starts_with(prefix)).collect();
    let gs = match found.as_slice() {
        [] => anyhow::bail!("no session begins with {prefix}; see `carnet sessions list`"),
        [one] => *one,
        several => {
            let names: Vec<String> = several.iter().take(5).map(pseudonym).collect();
            anyhow::bail!("{} sessions begin with {prefix}, such as {}", several.len(), names.join(", "))
        }
    };
    let of: Vec<u64> = index.find(&Query { session: Some(gs), ..Query::default() })?.collect();
    let mut records = Vec::new();
    recordings.reader.get(&of, &mut |stored| {
        records.push(stored);
        Ok(true)
    })?;
    Ok((pseudonym(&gs), records))
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
        ("front", record.member(field::FRONT, "name")),
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
