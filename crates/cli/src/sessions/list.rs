//! `carnet sessions list`: one line for each session.

use std::collections::HashMap;
use std::process::ExitCode;

use carnet_evidence::field;
use carnet_gateway::desk::Act;
use carnet_json::quote;
use carnet_store::{Index, Stored};

use super::opened::{Opened, pseudonym};
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

/// Runs `carnet sessions list`. That it is read is recorded first.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let text = if args.json { json_text(&args.place, args.newest)? } else { text(&args.place, args.newest)? };
    crate::desk::act(&args.place, Act::Read { what: "the list of sessions".to_owned(), person: None })?;
    output::line(text.trim_end());
    Ok(ExitCode::SUCCESS)
}

/// The newest sessions as a table.
pub(super) fn text(place: &Place, newest: usize) -> anyhow::Result<String> {
    let (recordings, index) = place.indexed()?;
    let rows = rows(&recordings, &index, newest)?;
    if rows.is_empty() {
        return Ok("no sessions yet".to_owned());
    }
    let all = usize::try_from(index.session_count()?).unwrap_or(usize::MAX);
    let skipped = all.saturating_sub(rows.len());
    let mut text = wording::clean(&table(&opened(&rows, &recordings)));
    if skipped > 0 {
        let older = wording::count(skipped, "session");
        text.push_str(&format!("{older} older; `--newest {all}` shows all\n"));
    }
    Ok(text)
}

fn json_text(place: &Place, newest: usize) -> anyhow::Result<String> {
    let (recordings, index) = place.indexed()?;
    let rows = rows(&recordings, &index, newest)?;
    let lines: Vec<String> =
        opened(&rows, &recordings).iter().map(|(row, opened)| json(row, opened)).collect();
    Ok(format!("[{}]", lines.join(",\n ")))
}

/// The rows with their disclosures.
fn opened<'r>(rows: &'r [Row], from: &Recordings) -> Vec<(&'r Row, Opened)> {
    rows.iter().map(|row| (row, Opened::new(&row.opening, &from.origin, &from.keys))).collect()
}

/// The newest sessions in the order of their opening: the index knows them, the log has the records.
fn rows(recordings: &Recordings, index: &Index, newest: usize) -> anyhow::Result<Vec<Row>> {
    let sessions = index.sessions(newest as u64)?;
    let mut wanted: Vec<u64> = sessions.iter().flat_map(|s| s.closed.into_iter().chain([s.first])).collect();
    wanted.sort_unstable();
    let mut found: HashMap<u64, Stored> = HashMap::new();
    recordings.reader.get(&wanted, &mut |stored| {
        found.insert(stored.index, stored);
        Ok(true)
    })?;
    let why = |stored: Stored| {
        let why = stored.leaf.draft.ext.iter().find(|(k, _)| *k == "why").map(|(_, v)| match v {
            carnet_evidence::Ext::Text(text) => text.clone(),
            carnet_evidence::Ext::Int(n) => n.to_string(),
        });
        (stored.leaf.draft.t, why)
    };
    let rows = sessions.iter().filter_map(|session| {
        let closed = session.closed.filter(|c| *c != session.first).and_then(|c| found.remove(&c)).map(why);
        let opening = found.remove(&session.first)?;
        Some(Row { opening, closed, calls: session.calls, records: session.records })
    });
    Ok(rows.collect())
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
