//! What each score must not fall below: the scores at the time of writing with a margin, so that one sample more or less does not
//! decide.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use super::Scored;

/// How far a share may fall.
const MARGIN: f64 = 0.02;
/// How far the over-masked share may rise.
const MARGIN_OVER: f64 = 0.003;
/// Types with fewer labels are too few to judge by.
const ENOUGH: usize = 20;

/// Each figure by name; more is better, but for those that begin with `<`.
fn figures(all: &[Scored]) -> BTreeMap<String, f64> {
    let mut out = BTreeMap::new();
    for s in all {
        let t = &s.tally;
        let mut put = |what: &str, value: f64| {
            out.insert(format!("{} {what}", s.name), value);
        };
        if t.any.hit + t.any.miss == 0 {
            put("< texts hit", t.hit_share());
            continue;
        }
        put("any recall", t.any.recall());
        put("any precision", t.any.precision());
        put("< over-masked", t.over_masked());
        for (kind, count) in t.types.iter().filter(|(_, c)| c.hit + c.miss >= ENOUGH) {
            put(&format!("{kind} F1"), count.f1());
        }
    }
    out
}

/// Writes the floors.
pub(super) fn write(file: &Path, all: &[Scored]) -> Result<()> {
    let floors: BTreeMap<String, f64> = figures(all)
        .into_iter()
        .map(|(name, value)| {
            let floor = match (name.contains('<'), name.contains("over-masked")) {
                (true, true) => value + MARGIN_OVER,
                (true, false) => value + MARGIN,
                _ => (value - MARGIN).max(0.0),
            };
            (name, (floor * 10_000.0).round() / 10_000.0)
        })
        .collect();
    Ok(fs::write(file, serde_json::to_string_pretty(&floors)? + "\n")?)
}

/// Compares with the floors.
pub(super) fn check(file: &Path, all: &[Scored]) -> Result<()> {
    let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let fallen = fallen(&serde_json::from_str(&text)?, &figures(all));
    if fallen.is_empty() {
        return Ok(());
    }
    bail!("scores have fallen (`cargo xtask score --faults TYPE FILE` shows what)\n  {}", fallen.join("\n  "))
}

fn fallen(floors: &BTreeMap<String, f64>, now: &BTreeMap<String, f64>) -> Vec<String> {
    let mut out = Vec::new();
    for (name, floor) in floors {
        match now.get(name) {
            None => out.push(format!("{name}: no longer measured")),
            Some(v) if name.contains('<') && v > floor => {
                out.push(format!("{name}: {v:.4}, at most {floor:.4} allowed"));
            }
            Some(v) if !name.contains('<') && v < floor => {
                out.push(format!("{name}: {v:.4}, at least {floor:.4} asked"));
            }
            Some(_) => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::matching::{Span, Tally};

    /// A set of one text with thirty names, of which so many are found, and with six characters too many masked.
    fn scored(found: usize) -> Vec<Scored> {
        let span =
            |i: usize| Span { kind: "PERSON".to_owned(), start: 10 * i, end: 10 * i + 5, optional: false };
        let labels: Vec<Span> = (0..30).map(span).collect();
        let mut tally = Tally::default();
        tally.add("x-1", 300, &labels, &labels.iter().take(found).cloned().collect::<Vec<_>>());
        vec![Scored { name: "dev/x".to_owned(), tally }]
    }

    #[test]
    fn a_drop_is_named_and_a_sample_more_or_less_is_none() {
        let floors: BTreeMap<String, f64> = figures(&scored(30))
            .into_iter()
            .map(|(n, v)| (n, v - MARGIN))
            .filter(|(n, _)| !n.contains('<'))
            .collect();
        assert!(fallen(&floors, &figures(&scored(30))).is_empty());
        assert_eq!(
            fallen(&floors, &figures(&scored(28))),
            [
                "dev/x PERSON F1: 0.9655, at least 0.9800 asked",
                "dev/x any recall: 0.9333, at least 0.9800 asked"
            ]
        );
        assert_eq!(fallen(&floors, &BTreeMap::new()).len(), floors.len());
    }

    #[test]
    fn more_over_masking_is_a_drop() {
        let at_most = BTreeMap::from([("dev/x < over-masked".to_owned(), 0.01)]);
        let now = BTreeMap::from([("dev/x < over-masked".to_owned(), 0.02)]);
        assert_eq!(fallen(&at_most, &now), ["dev/x < over-masked: 0.0200, at most 0.0100 allowed"]);
        assert!(fallen(&at_most, &at_most).is_empty());
    }
}
