//! `carnet subject`: what concerns a person, for their requests under Art. 15 to 20 GDPR; `carnet hold`: legal holds.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use carnet_evidence::seal::KeyKind;
use carnet_gate::{actor_label, subject_label};
use carnet_gateway::desk::{Act, Person};
use carnet_store::{Index, Query, Stored};

use crate::desk::{PersonArg, act, person};
use crate::output;
use crate::sessions::{Place, Recordings, records_json, records_text};

/// Subcommands of `carnet subject`.
#[derive(clap::Subcommand, Debug)]
pub(crate) enum Command {
    /// Say how many records concern a person, when and in which sessions.
    Find(Find),
    /// Write everything that concerns a person, as JSON or as text (Art. 15 and 20).
    Export(Export),
    /// Keep what concerns a person from being shown (Art. 18). `carnet subject release` ends it.
    Restrict(WithReason),
    /// End a restriction.
    Release(Release),
    /// Ask for the erasure of a person's data (Art. 17), or confirm it as a second person.
    Erase(Erase),
    /// List open erasures, holds and restrictions.
    Cases(Cases),
}

/// Subcommands of `carnet hold`.
#[derive(clap::Subcommand, Debug)]
pub(crate) enum Hold {
    /// Keep data from being erased and pruned: a person's, a session's, or everything.
    Set(SetHold),
    /// End a hold.
    Release(Release),
}

#[derive(clap::Args, Debug)]
pub(crate) struct Find {
    #[command(flatten)]
    person: PersonArg,
    #[command(flatten)]
    place: Place,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args, Debug)]
pub(crate) struct Export {
    #[command(flatten)]
    person: PersonArg,
    #[command(flatten)]
    place: Place,
    /// Write to this file instead of standard output.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Text for people instead of JSON.
    #[arg(long)]
    text: bool,
    /// Also what is restricted (Art. 18). It is recorded that it was asked for.
    #[arg(long)]
    restricted: bool,
}

#[derive(clap::Args, Debug)]
pub(crate) struct WithReason {
    #[command(flatten)]
    person: PersonArg,
    /// Why. It is kept sealed, beside who asked.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    place: Place,
}

#[derive(clap::Args, Debug)]
pub(crate) struct Release {
    /// Its number, as `carnet subject cases` prints it.
    #[arg(value_name = "ID")]
    id: u64,
    /// Why. It is kept sealed.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    place: Place,
}

#[derive(clap::Args, Debug)]
pub(crate) struct Erase {
    /// The person: KIND=VALUE.
    #[arg(value_name = "KIND=VALUE", value_parser = person, required_unless_present = "confirm", conflicts_with = "confirm")]
    person: Option<Person>,
    /// Confirm the request of this number. Another person than who asked must do it.
    #[arg(long, value_name = "ID")]
    confirm: Option<u64>,
    /// Why. It is kept sealed, beside who asked.
    #[arg(long, value_name = "TEXT", default_value = "request of the person")]
    reason: String,
    #[command(flatten)]
    place: Place,
}

#[derive(clap::Args, Debug)]
pub(crate) struct Cases {
    #[command(flatten)]
    place: Place,
}

#[derive(clap::Args, Debug)]
pub(crate) struct SetHold {
    /// Over a person's data: KIND=VALUE.
    #[arg(long, value_name = "KIND=VALUE", value_parser = person)]
    person: Option<Person>,
    /// Over a session, by its pseudonym. Without either: over everything.
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    session: Option<String>,
    /// Why. It is kept sealed.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    place: Place,
}

/// Runs `carnet subject`.
pub(crate) fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Find(args) => find(&args),
        Command::Export(args) => export(&args),
        Command::Restrict(args) => {
            said(&args.place, Act::Restrict { person: args.person.person, reason: args.reason })
        }
        Command::Release(args) => said(&args.place, Act::Release { id: args.id, reason: args.reason }),
        Command::Erase(args) => erase(args),
        Command::Cases(args) => said(&args.place, Act::Cases),
    }
}

/// Runs `carnet hold`.
pub(crate) fn hold(command: Hold) -> anyhow::Result<ExitCode> {
    match command {
        Hold::Set(args) => {
            let act = Act::Hold { person: args.person, session: args.session, reason: args.reason };
            said(&args.place, act)
        }
        Hold::Release(args) => said(&args.place, Act::Release { id: args.id, reason: args.reason }),
    }
}

/// Does it and prints what came of it.
pub(crate) fn said(place: &Place, what: Act) -> anyhow::Result<ExitCode> {
    output::line(act(place, what)?.said.trim_end());
    Ok(ExitCode::SUCCESS)
}

fn erase(args: Erase) -> anyhow::Result<ExitCode> {
    match (args.confirm, args.person) {
        (Some(id), _) => said(&args.place, Act::Confirm { id }),
        (None, Some(person)) => said(&args.place, Act::Erase { person, reason: args.reason }),
        (None, None) => anyhow::bail!("name the person, or the request to confirm"),
    }
}

/// The records that are sealed for a person, in their order.
fn of(recordings: &Recordings, index: &Index, person: &Person) -> anyhow::Result<Vec<u64>> {
    let Some(key) = key_of(recordings, person)? else { return Ok(Vec::new()) };
    Ok(index.find(&Query { key: Some(key), ..Query::default() })?.collect())
}

/// The id of a person's key, where something is sealed for them.
pub(crate) fn key_of(recordings: &Recordings, person: &Person) -> anyhow::Result<Option<[u8; 16]>> {
    let mac = recordings.keys.keys.mac()?;
    let (kind, label) = match person.kind.as_str() {
        "actor" => {
            let (issuer, subject) =
                person.value.rsplit_once('|').context("an actor is written actor=ISSUER|SUBJECT")?;
            (KeyKind::Actor, actor_label(&mac, issuer, subject))
        }
        kind => (KeyKind::Subject, subject_label(&mac, kind, &person.value)),
    };
    Ok(recordings.keys.keys.labelled(kind, &label)?)
}

fn find(args: &Find) -> anyhow::Result<ExitCode> {
    let (recordings, index) = args.place.indexed()?;
    let person = &args.person.person;
    act(
        &args.place,
        Act::Read { what: format!("subject find {}", person.kind), person: Some(person.clone()) },
    )?;
    let found = of(&recordings, &index, person)?;
    let (mut sessions, mut span) = (std::collections::BTreeSet::new(), None::<(u64, u64)>);
    recordings.reader.get(&found, &mut |stored| {
        let draft = &stored.leaf.draft;
        sessions.insert(crate::sessions::pseudonym(&draft.gs));
        span = Some(span.map_or((draft.t, draft.t), |(a, b)| (a.min(draft.t), b.max(draft.t))));
        Ok(true)
    })?;
    let names: Vec<String> = sessions.into_iter().collect();
    if args.json {
        let quoted: Vec<String> = names.iter().map(|s| carnet_json::quote(s)).collect();
        let (from, to) =
            span.map_or(("null".to_owned(), "null".to_owned()), |(a, b)| (a.to_string(), b.to_string()));
        output::line(&format!(
            "{{\"records\":{},\"from\":{from},\"to\":{to},\"sessions\":[{}]}}",
            found.len(),
            quoted.join(",")
        ));
    } else if let Some((from, to)) = span {
        let mut text = format!(
            "{} records from {} to {} in {} sessions\n",
            found.len(),
            crate::sessions::utc(from),
            crate::sessions::utc(to),
            names.len()
        );
        for name in names {
            let _ = writeln!(text, "  {name}");
        }
        output::line(text.trim_end());
    } else {
        output::line("no record is sealed for this person");
    }
    Ok(ExitCode::SUCCESS)
}

fn export(args: &Export) -> anyhow::Result<ExitCode> {
    let (recordings, index) = args.place.indexed()?;
    let person = &args.person.person;
    let more = if args.restricted { ", restricted too" } else { "" };
    act(
        &args.place,
        Act::Read { what: format!("subject export {}{more}", person.kind), person: Some(person.clone()) },
    )?;
    let recordings = if args.restricted { recordings.with_restricted() } else { recordings };
    let found = of(&recordings, &index, person)?;
    let mut records: Vec<Stored> = Vec::new();
    recordings.reader.get(&found, &mut |stored| {
        records.push(stored);
        Ok(true)
    })?;
    let text =
        if args.text { records_text(&recordings, &records) } else { records_json(&recordings, &records) };
    match &args.output {
        Some(file) => {
            std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))?;
            output::note(&format!("{} records written to {}", found.len(), file.display()));
        }
        None => output::line(text.trim_end()),
    }
    Ok(ExitCode::SUCCESS)
}
