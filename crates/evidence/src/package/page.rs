//! The page for people, `index.html`, version 2: with plots, and the way to the reports. It is whole in itself: no script, nothing
//! loaded, and every text of a record is escaped. It opens by a double click once the package is unpacked.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::lines::Why;
use super::manifest::Facts;
use super::plot;
use super::produce::{Given, Produce, Sink, Summary};
use super::view::{STYLE, asked, escape, table, utc};
use super::walk::Record;
use crate::leaf::LeafType;

/// Calls that are listed. All of them are in the reports and streams.
const LISTED: u64 = 1000;
/// Decisions that have a colour of their own.
const DECISIONS: [&str; 4] = ["permit", "deny", "withhold", "refuse"];
/// Days that are counted: more than a century.
const DAYS: usize = 40_000;

struct Page {
    facts: Facts,
    summary: Summary,
    days: BTreeMap<u64, [u64; 5]>,
    rows: String,
    calls: u64,
}

/// Makes the page.
pub(super) fn page(facts: &Facts) -> Box<dyn Produce> {
    Box::new(Page {
        facts: facts.clone(),
        summary: Summary::default(),
        days: BTreeMap::new(),
        rows: String::new(),
        calls: 0,
    })
}

impl Page {
    fn count(&mut self, t: u64, decision: &str) {
        let day = t / 86_400;
        if self.days.len() >= DAYS && !self.days.contains_key(&day) {
            return;
        }
        let part = DECISIONS.iter().position(|d| *d == decision).unwrap_or(4);
        if let Some(n) = self.days.entry(day).or_default().get_mut(part) {
            *n += 1;
        }
    }

    fn plots(&self, html: &mut String) {
        if !self.days.is_empty() {
            html.push_str("<h2>Calls per day</h2>\n");
            let names: Vec<&str> = DECISIONS.iter().copied().chain(["other or not disclosed"]).collect();
            html.push_str(&plot::columns("Calls per day, by decision", &names, &joined(&self.days)));
        }
        let bars = |map: &BTreeMap<String, u64>| -> Vec<(String, u64)> {
            let mut bars: Vec<_> = map.iter().map(|(k, n)| (k.clone(), *n)).collect();
            bars.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
            bars.truncate(30);
            bars
        };
        for (title, map) in
            [("Decisions", &self.summary.decisions), ("Masked values by class", &self.summary.masked)]
        {
            if !map.is_empty() {
                let _ = writeln!(html, "<h2>{title}</h2>");
                html.push_str(&plot::rows(title, &bars(map)));
            }
        }
    }
}

/// A bar for each day, or for so many days that there are few enough bars.
fn joined(days: &BTreeMap<u64, [u64; 5]>) -> Vec<(String, Vec<u64>)> {
    let (Some((first, _)), Some((last, _))) = (days.first_key_value(), days.last_key_value()) else {
        return Vec::new();
    };
    let width = (last - first) / plot::COLUMNS + 1;
    let bars = (last - first) / width + 1;
    let mut out: Vec<(String, Vec<u64>)> = (0..bars)
        .map(|i| {
            let day = utc((first + i * width) * 86_400);
            (day.split(' ').next().unwrap_or_default().to_owned(), vec![0; 5])
        })
        .collect();
    for (day, parts) in days {
        let at = usize::try_from((day - first) / width).unwrap_or(usize::MAX);
        if let Some((_, sum)) = out.get_mut(at) {
            sum.iter_mut().zip(parts).for_each(|(a, b)| *a += b);
        }
    }
    out
}

impl Produce for Page {
    fn push(&mut self, record: &Record<'_>, _: &mut dyn Sink) {
        self.summary.add(record);
        let draft = &record.leaf.draft;
        if draft.ty != LeafType::CallDecision {
            return;
        }
        let event = record.event();
        let decision = match record.closed() {
            Some(why) => why.as_str().to_owned(),
            None => escape(event.decision.as_deref().unwrap_or_default()),
        };
        self.count(draft.t, &decision);
        self.calls += 1;
        if self.calls > LISTED {
            return;
        }
        let text = |text: &Option<String>| escape(text.as_deref().unwrap_or_default());
        let actor = escape(event.actor.as_ref().map_or("", |a| a.subject.as_str()));
        let places = event.places.as_ref().map_or(String::new(), |p| escape(&p.processing));
        let _ = writeln!(
            self.rows,
            "<tr><td>{}</td><td>{}</td><td>{actor}</td><td>{}</td><td>{}</td><td>{}</td>\
             <td class=\"{decision}\">{decision}</td><td>{}</td><td>{places}</td></tr>",
            record.index,
            utc(draft.t),
            text(&event.server),
            text(&event.method),
            text(&event.tool),
            escape(&event.policies.join(", ")),
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
        reports(&mut html, f);
        self.plots(&mut html);
        let s = &self.summary;
        table(&mut html, "Tools", s.tools.iter().map(|(k, n)| (k.as_str(), *n)));
        table(&mut html, "Records", s.types.iter().map(|(k, n)| (*k, *n)));
        let kept: Vec<_> = Why::ALL.iter().map(|w| (w.as_str(), s.kept_back(*w))).collect();
        table(&mut html, "Kept back", kept.into_iter().filter(|(_, n)| *n > 0));
        let _ =
            writeln!(html, "<h2>Calls</h2>\n<p>{} in all, {} here.</p>", self.calls, self.calls.min(LISTED));
        html.push_str(
            "<table><tr><th>Record<th>Time (UTC)<th>Actor<th>Server<th>Method<th>Tool<th>Decision<th>Policies\
             <th>Processed in</tr>\n",
        );
        html.push_str(&self.rows);
        html.push_str("</table>\n</body></html>\n");
        out.write("index.html", html.as_bytes());
    }
}

/// Links to the reports that are in the package.
fn reports(html: &mut String, facts: &Facts) {
    html.push_str("<h2>Reports</h2>\n<ul>");
    for name in super::report::names().iter().filter(|n| facts.producers.contains_key(**n)) {
        let _ = writeln!(
            html,
            "<li>{name}: <a href=\"reports/{name}.md\">text</a>, <a href=\"reports/{name}.csv\">table</a>, \
             <a href=\"reports/{name}.json\">JSON</a></li>"
        );
    }
    html.push_str("</ul>\n");
}
