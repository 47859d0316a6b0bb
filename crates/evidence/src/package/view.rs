//! The first version of the page for people, `index.html`, which packages still have ([`super::page`] is the newest), and
//! `VERIFY.md`. The page is whole in itself: no script, nothing loaded, and every text of a record is escaped.

use std::fmt::Write as _;

use super::lines::Why;
use super::manifest::Facts;
use super::produce::{Given, Produce, Sink, Summary};
use super::walk::Record;
use crate::field;
use crate::leaf::LeafType;

/// Calls that are listed. All of them are in the streams.
const LISTED: u64 = 1000;

pub(super) const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:76rem;padding:0 1rem;color:#1b1b1b;\
background:#fff}h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}table{border-collapse:collapse;width:100%}\
th,td{text-align:left;padding:.25rem .6rem;border-bottom:1px solid #ddd;vertical-align:top;overflow-wrap:anywhere}\
th{background:#f4f4f4}.deny,.withhold,.refuse{color:#a40000;font-weight:600}code{font-size:.9em}";

/// Text for HTML: nothing in it is markup, and nothing in it turns the line around.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' => {
                out.push('\u{fffd}')
            }
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

struct Page {
    facts: Facts,
    summary: Summary,
    rows: String,
    calls: u64,
}

/// Makes the page.
pub(super) fn page(facts: &Facts) -> Box<dyn Produce> {
    Box::new(Page { facts: facts.clone(), summary: Summary::default(), rows: String::new(), calls: 0 })
}

impl Produce for Page {
    fn push(&mut self, record: &Record<'_>, _: &mut dyn Sink) {
        self.summary.add(record);
        let draft = &record.leaf.draft;
        if draft.ty != LeafType::CallDecision {
            return;
        }
        self.calls += 1;
        if self.calls > LISTED {
            return;
        }
        let text = |name: &str| escape(&record.text(name).unwrap_or_default());
        let decision = record.closed().map_or_else(|| text(field::DECISION), |why| why.as_str().to_owned());
        let actor = escape(&record.member(field::ACTOR, "subject").unwrap_or_default());
        let policies = escape(&record.list(field::POLICIES).join(", "));
        let _ = writeln!(
            self.rows,
            "<tr><td>{}</td><td>{}</td><td>{actor}</td><td>{}</td><td>{}</td><td>{}</td>\
             <td class=\"{decision}\">{decision}</td><td>{policies}</td></tr>",
            record.index,
            utc(draft.t),
            text(field::SERVER),
            text(field::METHOD),
            text(field::TOOL),
        );
    }

    fn finish(self: Box<Self>, _: &Given<'_>, out: &mut dyn Sink) {
        let f = &self.facts;
        let mut html = format!(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; \
             img-src data:; base-uri 'none'; form-action 'none'\">\n\
             <meta name=\"viewport\" content=\"width=device-width\"><title>Carnet evidence</title>\n\
             <style>{STYLE}</style></head><body>\n<h1>Evidence of {}</h1>\n\
             <p>Records {} to {} of the log. This page proves nothing by itself: <code>carnet-verify</code> checks the \
             package, and computes this page again. See <code>VERIFY.md</code>.</p>\n",
            escape(&f.origin),
            f.from,
            f.to.saturating_sub(1),
        );
        asked(&mut html, f);
        let s = &self.summary;
        table(&mut html, "Decisions", s.decisions.iter().map(|(k, n)| (k.as_str(), *n)));
        table(&mut html, "Tools", s.tools.iter().map(|(k, n)| (k.as_str(), *n)));
        table(&mut html, "Masked values by class", s.masked.iter().map(|(k, n)| (k.as_str(), *n)));
        table(&mut html, "Records", s.types.iter().map(|(k, n)| (*k, *n)));
        let kept: Vec<_> = Why::ALL.iter().map(|w| (w.as_str(), s.kept_back(*w))).collect();
        table(&mut html, "Kept back", kept.into_iter().filter(|(_, n)| *n > 0));
        let _ =
            writeln!(html, "<h2>Calls</h2>\n<p>{} in all, {} here.</p>", self.calls, self.calls.min(LISTED));
        html.push_str(
            "<table><tr><th>Record<th>Time (UTC)<th>Actor<th>Server<th>Method<th>Tool<th>Decision<th>Policies</tr>\n",
        );
        html.push_str(&self.rows);
        html.push_str("</table>\n</body></html>\n");
        out.write("index.html", html.as_bytes());
    }
}

pub(super) fn asked(html: &mut String, facts: &Facts) {
    let asked = &facts.asked;
    let times = [("from", asked.from), ("to", asked.to)];
    let times = times.into_iter().filter_map(|(name, t)| Some((name.to_owned(), utc(t?))));
    let all: Vec<_> = times.chain(asked.filters.iter().map(|(k, v)| (k.clone(), v.clone()))).collect();
    if all.is_empty() {
        return;
    }
    html.push_str("<h2>Asked for</h2>\n<table>");
    for (name, value) in all {
        let _ = writeln!(html, "<tr><th>{}</th><td>{}</td></tr>", escape(&name), escape(&value));
    }
    html.push_str("</table>\n");
}

pub(super) fn table<'a>(html: &mut String, title: &str, rows: impl Iterator<Item = (&'a str, u64)>) {
    let mut rows = rows.peekable();
    if rows.peek().is_none() {
        return;
    }
    let _ = writeln!(html, "<h2>{title}</h2>\n<table>");
    for (name, n) in rows {
        let _ = writeln!(html, "<tr><td>{}</td><td>{n}</td></tr>", escape(name));
    }
    html.push_str("</table>\n");
}

/// `2026-11-20 08:15:00`, by the civil calendar.
pub(super) fn utc(t: u64) -> String {
    let (days, rest) = (t / 86_400, t % 86_400);
    // Days from 1 March of year 0, in eras of 400 years.
    let z = days + 719_468;
    let (era, doe) = (z / 146_097, z % 146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let (day, month) = (doy - (153 * mp + 2) / 5 + 1, if mp < 10 { mp + 3 } else { mp - 9 });
    let year = yoe + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}", rest / 3600, rest / 60 % 60, rest % 60)
}

struct Readme(Facts);

/// Makes `VERIFY.md`.
pub(super) fn readme(facts: &Facts) -> Box<dyn Produce> {
    Box::new(Readme(facts.clone()))
}

impl Produce for Readme {
    fn push(&mut self, _: &Record<'_>, _: &mut dyn Sink) {}

    fn finish(self: Box<Self>, _: &Given<'_>, out: &mut dyn Sink) {
        let f = &self.0;
        let text = format!(
            "# How to verify this package\n\n\
             It covers records {} to {} of the log\n\n    {}\n\n\
             1. Get the verifier key of the log another way than with this package. The package says it is\n\n        {}\n\n\
             2. Put it into a file and run, without a network:\n\n        \
             carnet-verify PACKAGE --trust FILE [--last-checkpoint checkpoint-of-your-last-visit]\n\n\
             3. Status 0: everything holds. 1: something does not, and the report names it. 2: it could not be checked.\n\n\
             4. Keep `log/checkpoint.end`. Next time it shows that nothing of this was rewritten.\n\n\
             Every file but `manifest.json` and `manifest.dsse.json` is listed in the manifest with its SHA-256. The form of each\n\
             file is in Carnet's documentation, `evidence-format.md`, which is enough to write a verifier of one's own.\n\
             `index.html` opens in a browser and needs nothing else.\n",
            f.from,
            f.to.saturating_sub(1),
            f.origin,
            f.key
        );
        out.write("VERIFY.md", text.as_bytes());
    }
}
