//! The second half of the tour: what was written, that it holds, and that a change to it is found.

use anyhow::{Context as _, ensure};
use carnet_evidence::LeafType;
use carnet_evidence::verify::{Fault, Outcome, Report, Step};

use super::PASTED;
use crate::demo::evidence::{self, Copy, Record};
use crate::demo::show::{Show, Tone, clean, wrap};
use crate::demo::world::World;
use crate::demo::{data, tamper};

pub(super) async fn play(show: &Show, world: &World) -> anyhow::Result<()> {
    let records = written(show, world)?;
    verified(show, world, 7, records.len()).await?;
    tampered(show, world, 8, &records)
}

fn written(show: &Show, world: &World) -> anyhow::Result<Vec<Record>> {
    show.step(6, "What was written");
    show.text(
        "Every call before it goes on, every answer before it is delivered. Sealed; opened here with the keys of this gateway. \
         Values count twice: these answers hold them as text and as structured content.",
    );
    show.gap();
    let records = evidence::records(&world.data)?;
    table(show, &records);
    let decisions =
        |word: &str| records.iter().filter(|r| r.text("decision") == word && is_decision(r)).count();
    let (permitted, denied) = (decisions("permit"), decisions("deny"));
    ensure!(
        (permitted, denied) == (7, 3),
        "{permitted} permitted and {denied} denied calls were recorded, not 7 and 3"
    );
    let outcomes = records.iter().filter(|r| r.ty == LeafType::CallOutcome).count();
    ensure!(outcomes == permitted, "{outcomes} outcomes for {permitted} permitted calls");
    for record in &records {
        let values = data::customers().into_iter().flat_map(|c| [c.iban, c.card]).chain([data::KEY, PASTED]);
        for value in values {
            ensure!(
                !record.readable.contains(value),
                "record {} holds a raw card, account or key",
                record.index
            );
        }
    }
    show.gap();
    show.text("No record holds a card, an account number or a key: the log has what the caller got, not what the server sent.");
    Ok(records)
}

fn is_decision(record: &Record) -> bool {
    record.ty == LeafType::CallDecision
}

/// A line for each record, with what was masked below it.
pub(in crate::demo) fn table(show: &Show, records: &[Record]) {
    let quiet = Some(Tone::Quiet);
    show.row(&[
        ("#", 3, quiet),
        ("record", 13, quiet),
        ("who", 13, quiet),
        ("what", 16, quiet),
        ("decision, by", 27, quiet),
    ]);
    for record in records {
        let number = record.index.to_string();
        let what = if record.text("tool").is_empty() { record.text("method") } else { record.text("tool") };
        let decision = record.text("decision");
        let by = match record.list("policies").join(", ") {
            none if none.is_empty() && decision == "deny" => "no policy permits it".to_owned(),
            policies => policies,
        };
        let (decided, tone) = match (is_decision(record), decision) {
            (true, "permit") => (format!("permit {by}"), Some(Tone::Good)),
            (true, _) => (format!("{decision} {by}"), Some(Tone::Bad)),
            (false, _) => (String::new(), None),
        };
        let who = if is_decision(record) { record.who() } else { String::new() };
        show.row(&[
            (&number, 3, quiet),
            (record.ty.as_str(), 13, None),
            (&clean(&who), 13, None),
            (&clean(what), 16, None),
            (&decided, 27, tone),
        ]);
        masked(show, record);
    }
}

fn masked(show: &Show, record: &Record) {
    let counts: Vec<_> = record.masked().iter().map(|(class, n)| format!("{class} {n}")).collect();
    for (what, all) in
        [("masked", counts.join(", ")), ("data policies", record.list("x_reveal_policies").join(", "))]
    {
        if !all.is_empty() {
            below(show, 17, &format!("{what}: {all}"));
        }
    }
}

/// Text under a row, from a column on.
fn below(show: &Show, column: usize, text: &str) {
    for line in wrap(text, 76 - column) {
        show.row(&[("", column, None), (&line, 76 - column, Some(Tone::Masked))]);
    }
}

/// Verifies the log and shows every step.
pub(in crate::demo) async fn verified(
    show: &Show,
    world: &World,
    step: usize,
    records: usize,
) -> anyhow::Result<()> {
    show.step(step, "The log holds");
    show.text("A Merkle tree over all records, its root signed. This is what carnet-verify does for an auditor, without the gateway.");
    show.gap();
    let report = evidence::verified(&world.data, records as u64).await?;
    steps(show, &report);
    ensure!(report.holds(), "the log does not hold");
    // The demo has no earlier checkpoint, pruned nothing, and asks no witness or time stamp authority. Nothing else may be
    // left out.
    let absent = ["history", "retention", "witnesses", "time", "book"];
    let left_out = |s: &&Step| s.outcome == Outcome::Skipped && !absent.contains(&s.name);
    let skipped = report.steps.iter().filter(left_out).count();
    ensure!(skipped == 0, "{skipped} steps of the verification were left out");
    Ok(())
}

fn steps(show: &Show, report: &Report) {
    for step in &report.steps {
        let tone = match step.outcome {
            Outcome::Holds => Tone::Good,
            Outcome::Fails => Tone::Bad,
            Outcome::Skipped => Tone::Quiet,
        };
        let counts: Vec<_> = step.counts.iter().map(|(what, n)| format!("{n} {what}")).collect();
        let counts = if step.outcome == Outcome::Skipped {
            "needs an earlier checkpoint".to_owned()
        } else {
            counts.join(", ")
        };
        for (n, line) in wrap(&counts, 53).iter().enumerate() {
            let (name, outcome) = if n == 0 { (step.name, step.outcome.as_str()) } else { ("", "") };
            show.row(&[(name, 12, None), (outcome, 8, Some(tone)), (line, 53, Some(Tone::Quiet))]);
        }
    }
}

fn tampered(show: &Show, world: &World, step: usize, records: &[Record]) -> anyhow::Result<()> {
    show.step(step, "A change is found");
    let target = records
        .iter()
        .find(|r| is_decision(r) && r.text("decision") == "deny" && r.who().starts_with("agent"))
        .context("the agent's denied call is not in the log")?;
    let mut copy = Copy::read(&world.data.join("log"))?;
    let change = tamper::change_time(&mut copy, target.index)?;
    let folder = world.data.join("tampered");
    copy.write(&folder.join("log"))?;
    show.text(&format!(
        "In a copy, the time of record {} (the agent's attempt to delete) is moved by a minute, from {} to {}, and the checksum \
         around it is mended. The verifier says:",
        target.index, change.before, change.after
    ));
    show.gap();
    let report = evidence::check(&world.data, &Copy::read(&folder.join("log"))?)?;
    let mut named = false;
    for step in &report.steps {
        for finding in &step.findings {
            let place = finding.at.map(|at| format!(" at {at}")).unwrap_or_default();
            named |= finding.fault == Fault::LeafAltered && finding.at == Some(target.index);
            show.pair(
                step.name,
                Some(Tone::Bad),
                &format!("{}{place}: {}", finding.fault.as_str(), finding.detail),
            );
        }
    }
    ensure!(!report.holds() && named, "the verifier did not name record {}", target.index);
    show.gap();
    show.line(&format!("   {}", show.paint(Tone::Good, "Everything above was checked as it was shown.")));
    Ok(())
}
