//! Paths of values, without keys that may be personal data.

use carnet_json::{Kind, Tape};

use super::{Doc, Frame, Prefix};
use crate::keys;

/// The path of the value at hand, without keys that may be personal data.
pub(super) fn path(doc: &Doc<'_>, frames: &[Frame]) -> String {
    let mut out = match doc.prefix {
        Prefix::Text("") => String::new(),
        Prefix::Text(text) => format!("{text}>"),
        Prefix::Node(node) => node_path(doc.bytes, doc.tape, node),
    };
    for f in frames {
        if f.object {
            let key = doc.tape.value(doc.bytes, f.key).as_str().unwrap_or_default();
            push_key(&mut out, if f.hide { "*" } else { &key });
        } else {
            out.push_str(&format!("[{}]", f.index));
        }
    }
    out
}

fn push_key(out: &mut String, key: &str) {
    if !out.is_empty() && !out.ends_with('>') {
        out.push('.');
    }
    out.push_str(key);
}

/// The path of a node, found from the root down.
fn node_path(bytes: &[u8], tape: &Tape, node: u32) -> String {
    let mut out = String::new();
    let mut at = tape.root(bytes);
    while at.index() != node {
        let inside = |v: &carnet_json::Value<'_>| v.index() <= node && node < v.node().after;
        let next = if at.kind() == Kind::Object {
            let Some((k, v)) = at.entries().find(|(_, v)| inside(v)) else { break };
            let key = k.as_str().unwrap_or_default();
            push_key(&mut out, if keys::is_field(&key) { &key } else { "*" });
            v
        } else {
            let Some((n, v)) = at.items().enumerate().find(|(_, v)| inside(v)) else { break };
            out.push_str(&format!("[{n}]"));
            v
        };
        at = next;
    }
    out
}
