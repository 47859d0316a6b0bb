//! `carnet sessions list`: one line for each session.

use std::collections::HashMap;
use std::process::ExitCode;

use carnet_evidence::{LeafType, field};
use carnet_json::quote;
use carnet_store::Stored;

use super::opened::{Opened, origin, pseudonym};
use super::place::{Place, Recordings};
use super::wording;
use crate::output;

/// Arguments of `carnet sessions list`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(flatten)]
    place: Place,
    /// Only the newest N sessions.
    #[arg(short = 'n', long, value_name = "N", default_value_t = 100)]
    newest: usize,
    /// Print a JSON array.
    #[arg(long)]
    json: bool,
}

/// A session as the list shows it.
struct Row {
    opening: Stored,
    closed: Option<(u64, Option<String>)>,
    calls: u64,
    records: u64,
}

/// Runs `carnet sessions list`.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let text = if args.json { json_text(&args.place, args.newest)? } else { text(&args.place, args.newest)? };
    output::line(text.trim_end());
    Ok(ExitCode::SUCCESS)
}

/// The newest sessions as a table.
pub(super) fn text(place: &Place, newest: usize) -> anyhow::Result<String> {
    let recordings = place.open()?;
    let (rows, origin) = rows(&recordings)?;
    if rows.is_empty() {
        return Ok("no sessions yet".to_owned());
    }
    let skipped = rows.len().saturating_sub(newest);
    let mut text = wording::clean(&table(&opened(&rows, skipped, &origin, &recordings)));
    if skipped > 0 {
        let older = wording::count(skipped, "session");
        text.push_str(&format!("{older} older; `--newest {}` shows all\n", rows.len()));
    }
    Ok(text)
}

fn json_text(place: &Place, newest: usize) -> anyhow::Result<String> {
    let recordings = place.open()?;
    let (rows, origin) = rows(&recordings)?;
    let shown = opened(&rows, rows.len().saturating_sub(newest), &origin, &recordings);
    let lines: Vec<String> = shown.iter().map(|(row, opened)| json(row, opened)).collect();
    Ok(format!("[{}]", lines.join(",\n ")))
}

/// The rows after the first `skipped`, with their disclosures: only what is shown is decrypted.
fn opened<'r>(rows: &'r [Row], skipped: usize, origin: &str, from: &Recordings) -> Vec<(&'r Row, Opened)> {
    rows.iter().skip(skipped).map(|row| (row, Opened::new(&row.opening, origin, &from.keys))).collect()
}

/// The sessions in the order of their opening, and the origin of the log.
fn rows(recordings: &Recordings) -> anyhow::Result<(Vec<Row>, String)> {
    let mut rows: Vec<Row> = Vec::new();
    let mut at: HashMap<[u8; 16], usize> = HashMap::new();
    let mut named = String::new();
    recordings.reader.read(0, &mut |stored| {
        let draft = &stored.leaf.draft;
        let row = at.get(&draft.gs).and_then(|n| rows.get_mut(*n));
        match draft.ty {
            LeafType::CellGenesis => named = origin(&stored).unwrap_or_default(),
            LeafType::SessionOpen => {
                at.insert(draft.gs, rows.len());
                rows.push(Row { opening: stored, closed: None, calls: 0, records: 1 });
            }
            ty => {
                if let Some(row) = row {
                    row.records += 1;
                    row.calls += u64::from(ty == LeafType::CallDecision);
                    if ty == LeafType::SessionClose {
                        let why = draft.ext.iter().find(|(k, _)| *k == "why").map(|(_, v)| match v {
                            carnet_evidence::Ext::Text(text) => text.clone(),
                            carnet_evidence::Ext::Int(n) => n.to_string(),
                        });
                        row.closed = Some((draft.t, why));
                    }
                }
            }
        }
        Ok(true)
    })?;
    Ok((rows, named))
}

fn table(shown: &[(&Row, Opened)]) -> String {
    let heads = ["SESSION", "OPENED (UTC)", "CLOSED", "CALLS", "SERVER", "ACTOR"];
    let mut lines: Vec<[String; 6]> = vec![heads.map(str::to_owned)];
    for (row, opened) in shown {
        let closed = match &row.closed {
            None => "open".to_owned(),
            Some((t, why)) => {
                let why = why.as_ref().map_or_else(String::new, |w| format!(" ({w})"));
                format!("{}{why}", wording::utc(*t))
            }
        };
        let known = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        let mut actor = match opened.closed {
            Some(closed) => format!("({})", closed.as_str()),
            None => known(opened.actor()),
        };
        if let Some(agent) = opened.agent() {
            actor.push_str(&format!(", through {agent}"));
        }
        lines.push([
            pseudonym(&row.opening.leaf.draft.gs),
            wording::utc(row.opening.leaf.draft.t),
            closed,
            row.calls.to_string(),
            known(opened.text(field::SERVER)),
            actor,
        ]);
    }
    columns(&lines)
}

/// Columns as wide as their widest cell.
fn columns<const N: usize>(lines: &[[String; N]]) -> String {
    let mut widths = [0; N];
    for line in lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = cell.chars().count().max(*width);
        }
    }
    let mut out = String::new();
    for line in lines {
        let cells: Vec<String> =
            line.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        out.push_str(cells.join("  ").trim_end());
        out.push('\n');
    }
    out
}

fn json(row: &Row, opened: &Opened) -> String {
    let raw = |name: &str| {
        opened
            .disclosed
            .get(name)
            .map_or_else(|| "null".to_owned(), |v| String::from_utf8_lossy(v).into_owned())
    };
    let closed = match &row.closed {
        None => "null".to_owned(),
        Some((t, why)) => {
            let why = why.as_ref().map_or_else(|| "null".to_owned(), |w| quote(w));
            format!("{{\"time\":{t},\"why\":{why}}}")
        }
    };
    let unreadable = opened.closed.map_or_else(|| "null".to_owned(), |c| quote(c.as_str()));
    format!(
        "{{\"session\":{},\"opened\":{},\"closed\":{closed},\"actor\":{},\"agent\":{},\"server\":{},\"calls\":{},\"records\":{},\"unreadable\":{unreadable}}}",
        quote(&pseudonym(&row.opening.leaf.draft.gs)),
        row.opening.leaf.draft.t,
        raw(field::ACTOR),
        raw(field::AGENT),
        raw(field::SERVER),
        row.calls,
        row.records,
    )
}
