//! HAR 1.2, one file for each session: the masked messages as requests and responses. Times between them are those of the
//! records; what went over the wire in headers is not recorded.

use std::collections::{BTreeMap, BTreeSet};

use super::object::Object;
use crate::leaf::LeafType;
use crate::package::manifest::Facts;
use crate::package::produce::{Given, Produce, Sink};
use crate::package::walk::Record;
use crate::text::b64url;

/// A request that is not answered yet.
struct Asked {
    session: String,
    micros: u64,
    server: String,
    frame: Option<String>,
    said: String,
}

#[derive(Default)]
struct Har {
    asked: BTreeMap<u64, Asked>,
    begun: BTreeSet<String>,
}

pub(super) fn make(_: &Facts) -> Box<dyn Produce> {
    Box::<Har>::default()
}

fn frame(record: &Record<'_>) -> Option<String> {
    record.frame.map(|f| String::from_utf8_lossy(f).into_owned())
}

fn said(record: &Record<'_>) -> String {
    match record.closed() {
        Some(why) => format!("not disclosed: {}", why.as_str()),
        None => record.event().decision.clone().unwrap_or_default(),
    }
}

fn request(asked: &Asked) -> Object {
    let text = asked.frame.as_deref().unwrap_or_default();
    let data = Object::new().text("mimeType", "application/json").raw("text", &carnet_json::quote(text));
    Object::new()
        .text("method", "POST")
        .text("url", &format!("https://carnet.invalid/mcp/{}", path(&asked.server)))
        .text("httpVersion", "HTTP/1.1")
        .raw("cookies", "[]")
        .raw("headers", "[]")
        .raw("queryString", "[]")
        .object("postData", data)
        .raw("headersSize", "-1")
        .number("bodySize", text.len() as u64)
        .text("comment", &asked.said)
}

/// A server's name has letters, digits and hyphens; anything else in a record is not put into a URL.
fn path(server: &str) -> String {
    server.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect()
}

fn response(frame: Option<&str>, said: &str) -> Object {
    let text = frame.unwrap_or_default();
    // A gateway that answered itself, or an answer that is not disclosed, has none.
    let (status, words) = if frame.is_some() { (200, "OK") } else { (204, "No Content") };
    let content = Object::new()
        .number("size", text.len() as u64)
        .text("mimeType", "application/json")
        .raw("text", &carnet_json::quote(text));
    Object::new()
        .number("status", status)
        .text("statusText", words)
        .text("httpVersion", "HTTP/1.1")
        .raw("cookies", "[]")
        .raw("headers", "[]")
        .object("content", content)
        .raw("redirectURL", "\"\"")
        .raw("headersSize", "-1")
        .number("bodySize", text.len() as u64)
        .text("comment", said)
}

impl Har {
    fn entry(&mut self, asked: &Asked, end: u64, response: Object, out: &mut dyn Sink) {
        let wait = format!(
            "{}.{:03}",
            end.saturating_sub(asked.micros) / 1000,
            end.saturating_sub(asked.micros) % 1000
        );
        let timings = Object::new().raw("send", "0").raw("wait", &wait).raw("receive", "0");
        let entry = Object::new()
            .text("startedDateTime", &crate::package::event::rfc3339(asked.micros))
            .raw("time", &wait)
            .object("request", request(asked))
            .object("response", response)
            .raw("cache", "{}")
            .object("timings", timings)
            .end();
        let file = name(&asked.session);
        if self.begun.insert(asked.session.clone()) {
            let begin = "{\"log\":{\"version\":\"1.2\",\"creator\":{\"name\":\"Carnet\",\"version\":\"1\"},\"entries\":[\n";
            out.write(&file, begin.as_bytes());
        } else {
            out.write(&file, b",\n");
        }
        out.write(&file, entry.as_bytes());
    }
}

/// The file of a session. A pseudonym may begin with a hyphen, which no file name should.
fn name(session: &str) -> String {
    format!("exports/har/session-{session}.har")
}

impl Produce for Har {
    fn push(&mut self, record: &Record<'_>, out: &mut dyn Sink) {
        let (e, draft) = (record.event(), &record.leaf.draft);
        match draft.ty {
            LeafType::CallDecision => {
                let session = b64url(&draft.gs);
                let server = e.server.clone().unwrap_or_default();
                let asked =
                    Asked { session, micros: e.micros, server, frame: frame(record), said: said(record) };
                if draft.ow {
                    self.entry(&asked, e.micros, response(None, &asked.said), out);
                } else {
                    self.asked.insert(record.index, asked);
                }
            }
            LeafType::CallOutcome | LeafType::CallOrphan => {
                if let Some(asked) = draft.of.and_then(|of| self.asked.remove(&of)) {
                    let answer = response(frame(record).as_deref(), &said(record));
                    self.entry(&asked, e.micros, answer, out);
                }
            }
            _ => {}
        }
    }

    fn finish(mut self: Box<Self>, _: &Given<'_>, out: &mut dyn Sink) {
        for (_, asked) in std::mem::take(&mut self.asked) {
            self.entry(&asked, asked.micros, response(None, "no outcome in this range"), out);
        }
        for session in &self.begun {
            out.write(&name(session), b"\n]}}\n");
        }
    }
}
