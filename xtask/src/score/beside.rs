//! Carnet's scores beside those of other detectors, as a page.

use super::Scored;
use super::matching::{Count, Tally};

/// The programs, by the folder of their answers, as `bench/quality/others/run.sh` lays them out.
pub(super) const PROGRAMS: &[&str] =
    &["presidio", "presidio-all", "contextforge", "leakguard", "llm-pii-redact", "redact-core"];

/// Groups of types that need no list of names.
const STRUCTURED: &[&str] = &[
    "EMAIL_ADDRESS",
    "PHONE_NUMBER",
    "CREDIT_CARD",
    "IBAN_CODE",
    "IP_ADDRESS",
    "MAC_ADDRESS",
    "NATIONAL_ID",
    "PASSPORT",
    "DATE_OF_BIRTH",
    "DRIVING_LICENCE",
];

type Figure = (&'static str, &'static str, fn(&Tally) -> String);

const FIGURES: &[Figure] = &[
    ("records: spans covered, any type", "records", |t| three(t.any.recall())),
    ("records: findings that are right", "records", |t| three(t.any.precision())),
    ("records: over-masked characters", "records", |t| percent(t.over_masked())),
    ("records: structured types, recall by type", "records", |t| three(structured(t).recall())),
    ("records: phone F1", "records", |t| f1(t, "PHONE_NUMBER")),
    ("records: personal numbers F1", "records", |t| f1(t, "NATIONAL_ID")),
    ("records: passport F1", "records", |t| f1(t, "PASSPORT")),
    ("records: birth date F1", "records", |t| f1(t, "DATE_OF_BIRTH")),
    ("records: card F1", "records", |t| f1(t, "CREDIT_CARD")),
    ("records: IBAN F1", "records", |t| f1(t, "IBAN_CODE")),
    ("records: e-mail F1", "records", |t| f1(t, "EMAIL_ADDRESS")),
    ("records: IP F1", "records", |t| f1(t, "IP_ADDRESS")),
    ("records: person F1", "records", |t| f1(t, "PERSON")),
    ("messages: spans covered, any type", "messages", |t| three(t.any.recall())),
    ("messages: findings that are right", "messages", |t| three(t.any.precision())),
    ("tables: spans covered, any type", "tables", |t| three(t.any.recall())),
    ("ids: personal numbers F1", "ids", |t| f1(t, "NATIONAL_ID")),
    ("ids: over-masked characters", "ids", |t| percent(t.over_masked())),
    ("secrets: spans covered", "secrets", |t| three(t.any.recall())),
    ("clean: texts with a finding", "clean", |t| percent(t.hit_share())),
    ("business: over-masked characters", "business", |t| percent(t.over_masked())),
    ("evasions: values covered", "evasions", |t| three(t.any.recall())),
];

fn three(value: f64) -> String {
    format!("{value:.3}")
}

fn percent(value: f64) -> String {
    format!("{:.1} %", 100.0 * value)
}

fn f1(t: &Tally, kind: &str) -> String {
    t.types.get(kind).map_or("–".to_owned(), |c| three(c.f1()))
}

fn structured(t: &Tally) -> Count {
    let mut sum = Count::default();
    for c in STRUCTURED.iter().filter_map(|kind| t.types.get(*kind)) {
        sum.hit += c.hit;
        sum.miss += c.miss;
    }
    sum
}

/// One table for each split.
pub(super) fn page(programs: &[(String, Vec<Scored>)]) -> String {
    let mut out = String::from(
        "# Beside others\n\nOne run over the same sets, counted by the same rule; made by `others/run.sh` and `cargo xtask score --beside DIR`. Versions are pinned \
         in `others/requirements.txt` and `others/crates/Cargo.toml`. All others read the text of a document as it is. Presidio has no language \
         model here (none installs from PyPI), so its names and places are left out of what it can find: compare `structured types` and the single types. \
         `presidio-all` is every pattern recogniser it ships, set to English. None but Carnet was tuned on anything like `dev`.\n",
    );
    for split in ["dev", "test"] {
        out.push_str(&format!("\n## {split}\n\n|"));
        for (name, _) in programs {
            out.push_str(&format!(" | {name}"));
        }
        out.push_str(&format!(" |\n|---{}|\n", "|---".repeat(programs.len())));
        for (title, set, figure) in FIGURES {
            out.push_str(&format!("| {title}"));
            for (_, scored) in programs {
                let found = scored.iter().find(|s| s.name == format!("{split}/{set}"));
                out.push_str(&format!(" | {}", found.map_or("–".to_owned(), |s| figure(&s.tally))));
            }
            out.push_str(" |\n");
        }
    }
    out
}
