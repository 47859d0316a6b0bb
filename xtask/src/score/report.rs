//! The score table, for a terminal and as a page.

use super::Scored;
use super::matching::Count;

/// One line for each set, then one for each type in it.
pub(super) fn table(all: &[Scored]) -> String {
    let mut out = format!(
        "{:<36} {:>6} {:>6} {:>6} {:>7} {:>7} {:>7}\n",
        "set / type", "labels", "missed", "false", "recall", "prec", "F1"
    );
    for s in all {
        let t = &s.tally;
        line(&mut out, &format!("{} (any type)", s.name), &t.any);
        out.push_str(&format!(
            "  over-masked characters {:.2} %, texts with a finding {:.1} % of {}\n",
            100.0 * t.over_masked(),
            100.0 * t.hit_share(),
            t.texts
        ));
        for (kind, count) in &t.types {
            line(&mut out, &format!("  {kind}"), count);
        }
        if s.name.ends_with("evasions") {
            for (family, count) in &t.families {
                line(&mut out, &format!("  by way: {family}"), count);
            }
        }
    }
    out
}

fn line(out: &mut String, name: &str, c: &Count) {
    out.push_str(&format!(
        "{name:<36} {:>6} {:>6} {:>6} {:>7.3} {:>7.3} {:>7.3}\n",
        c.hit + c.miss,
        c.miss,
        c.wrong,
        c.recall(),
        c.precision(),
        c.f1()
    ));
}

/// The committed page.
pub(super) fn page(all: &[Scored]) -> String {
    format!(
        "# Scores\n\nMade by `cargo xtask score --write`; a drop below `floors.json` fails CI. The sets are made up, see [README](README.md) for what they \
         are and for the rule by which findings are matched. `dev` is tuned on, `test` is not. In a line of a type, findings of that type that match \
         no label are false even where another label covers them; in `any type` they are not.\n\n```\n{}```\n",
        table(all)
    )
}
