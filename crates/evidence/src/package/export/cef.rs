//! ArcSight Common Event Format, version 0 of the specification 25: one line for a record.

use std::fmt::Write as _;

use crate::package::walk::Record;
use crate::text::b64url;

/// Text in the header: bars and backslashes are escaped, no line ends.
fn header(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '|' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// A value: equals signs and backslashes are escaped, line ends are written.
fn value(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '=' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

pub(super) fn line(record: &Record<'_>, origin: &str) -> String {
    let (e, draft) = (record.event(), &record.leaf.draft);
    let refused = e.decision.as_deref().is_some_and(|d| d != "permit");
    let severity = if refused || e.error.is_some() { 6 } else { 3 };
    let name = e.method.as_deref().unwrap_or(draft.ty.as_str());
    let ty = draft.ty.as_str();
    let mut out = format!("CEF:0|Carnet|Carnet|1|{}|{}|{severity}|", header(ty), header(name));
    let mut put = |name: &str, text: &str| {
        if !text.is_empty() {
            let space = if out.ends_with('|') { "" } else { " " };
            let _ = write!(out, "{space}{name}={}", value(text));
        }
    };
    put("rt", &(e.micros / 1000).to_string());
    put("externalId", &record.index.to_string());
    put("deviceExternalId", origin);
    if let Some(actor) = &e.actor {
        put("suser", &actor.subject);
        put("sntdom", &actor.issuer);
    }
    put("act", e.decision.as_deref().unwrap_or_default());
    put("outcome", if refused { "failure" } else { "success" });
    put("destinationServiceName", e.server.as_deref().unwrap_or_default());
    put("reason", e.error.as_deref().unwrap_or_default());
    let masked: Vec<String> = e.masking.iter().map(|(class, n)| format!("{class}:{n}")).collect();
    let places = e.places.as_ref();
    let places = places
        .map(|p| format!("processing {} recipient {} storage {}", p.processing, p.recipient, p.storage));
    let stated = super::jsonl::stated(record).end();
    let of = draft.of.map(|of| of.to_string()).unwrap_or_default();
    let custom = [
        ("cs1", "session", b64url(&draft.gs)),
        ("cs2", "tool", e.tool.clone().unwrap_or_default()),
        ("cs3", "policies", e.policies.join(",")),
        ("cs4", "dataClasses", e.classes.join(",")),
        ("cs5", "masked", masked.join(",")),
        ("cs6", "places", places.unwrap_or_default()),
        ("flexString1", "stated", if stated == "{}" { String::new() } else { stated }),
        ("flexString2", "answers", of),
    ];
    for (key, label, text) in custom.iter().filter(|(.., text)| !text.is_empty()) {
        put(key, text);
        put(&format!("{key}Label"), label);
    }
    put("msg", &record.closed().map(|w| format!("withheld: {}", w.as_str())).unwrap_or_default());
    out
}
