//! Values that are known, wherever they stand: what went to a server in place of a stand-in must not come back in a
//! sentence that no recogniser would find it in.
//!
//! It is looked for as it was spelled, in any case, escaped or not, up to two documents deep. Another spelling is found only
//! where a recogniser finds it.

use aho_corasick::{AhoCorasick, MatchKind};
use carnet_json::{Kind, Node, Tape, Value};
use carnet_model::{DataClass, Sensitive};

use crate::detect::{Detector, Part, PartKind};
use crate::finding::{Finding, Findings, Form};
use crate::scan::schemes::SCHEMES;

/// Shorter values stand in too many words.
const LEAST: usize = 3;

/// A value to look for.
#[derive(Clone, Debug)]
pub struct KnownValue {
    /// Its class.
    pub class: DataClass,
    /// The type that it was found as, which says how its stand-in is made.
    pub kind: String,
    /// As it was spelled.
    pub value: Sensitive<String>,
}

/// Values to look for.
pub struct Known {
    find: AhoCorasick,
    /// For each pattern: whose value it is, and how many documents deep it is escaped.
    of: Vec<(usize, u8)>,
    values: Vec<KnownValue>,
}

impl std::fmt::Debug for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Known({})", self.values.len())
    }
}

impl Known {
    /// Prepares to look for these; `None` where there is nothing to look for.
    pub fn new(values: impl IntoIterator<Item = KnownValue>) -> Option<Known> {
        let values: Vec<_> =
            values.into_iter().filter(|v| v.value.expose().chars().count() >= LEAST).collect();
        let (mut patterns, mut of): (Vec<Vec<u8>>, Vec<_>) = (Vec::new(), Vec::new());
        for (n, known) in values.iter().enumerate() {
            for (depth, pattern) in spellings(known.value.expose()) {
                patterns.push(pattern);
                of.push((n, depth));
            }
        }
        let find = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::LeftmostLongest)
            .build(&patterns)
            .ok()?;
        (!values.is_empty()).then_some(Known { find, of, values })
    }
}

/// As a value stands in a string, in a document in a string, and in one in that.
fn spellings(value: &str) -> Vec<(u8, Vec<u8>)> {
    let escaped = |text: &str| {
        let mut out = Vec::new();
        carnet_json::escape_into(&mut out, text);
        String::from_utf8(out).unwrap_or_default()
    };
    let ascii = |text: &str| {
        let mut out = String::new();
        for c in text.chars() {
            match c {
                c if c.is_ascii() => out.push(c),
                c => c.encode_utf16(&mut [0; 2]).iter().for_each(|u| out.push_str(&format!("\\u{u:04x}"))),
            }
        }
        out
    };
    let mut all: Vec<(u8, Vec<u8>)> = Vec::new();
    let (mut plain, mut coded) = (escaped(value), ascii(&escaped(value)));
    for depth in 0..3 {
        for text in [&plain, &coded] {
            if !all.iter().any(|(_, known)| known == text.as_bytes()) {
                all.push((depth, text.clone().into_bytes()));
            }
        }
        (plain, coded) = (escaped(&plain), escaped(&coded));
    }
    all
}

impl Detector {
    /// Adds the places of known values in the parts to `findings`, which hold findings of the same buffer.
    pub fn find_known(
        &self,
        bytes: &[u8],
        tape: &Tape,
        parts: &[Part<'_>],
        known: &Known,
        findings: &mut Findings,
    ) {
        let nodes = tape.nodes();
        for found in known.find.find_iter(bytes) {
            let Some((index, node)) = node_at(nodes, found.start()) else { continue };
            let Some(&(n, depth)) = known.of.get(found.pattern().as_usize()) else { continue };
            let Some(KnownValue { class, kind, value }) = known.values.get(n) else { continue };
            let form = match (node.kind, part_of(parts, index)) {
                (_, None | Some(PartKind::Binary)) => continue,
                (Kind::String, Some(PartKind::Uri)) => Form::Uri,
                (Kind::String, _) => Form::Text,
                (Kind::Key, _) => Form::Key,
                (Kind::Number, _) => Form::Number,
                _ => continue,
            };
            let (start, end) = (found.start(), found.end());
            let whole = node.start as usize == start && node.end as usize == end;
            if end > node.end as usize || (form == Form::Number) != whole || !apart(bytes, start, end) {
                continue;
            }
            let place = findings.place(|| path(tape.root(bytes), index));
            let from = findings.values.len() as u32;
            findings.values.push_str(value.expose());
            findings.list.push(Finding {
                class: *class,
                kind: scheme_of(kind),
                rule: "restored",
                span: start as u32..end as u32,
                score: 99,
                form,
                depth,
                place,
                object: index,
                value: from..findings.values.len() as u32,
            });
        }
    }
}

/// The name of a national scheme, whose check digits its stand-ins have. Other types need no name.
fn scheme_of(kind: &str) -> &'static str {
    SCHEMES.iter().find(|s| s.kind == kind).map_or("RESTORED", |s| s.kind)
}

/// The last node that begins at or before a byte: the scalar that it lies in, if it lies in one.
fn node_at(nodes: &[Node], at: usize) -> Option<(u32, Node)> {
    let index = nodes.partition_point(|n| n.start as usize <= at).checked_sub(1)?;
    Some((u32::try_from(index).ok()?, *nodes.get(index)?))
}

fn part_of(parts: &[Part<'_>], index: u32) -> Option<PartKind> {
    let own = parts.iter().find(|p| p.node == index && p.kind != PartKind::Json);
    if let Some(part) = own {
        return Some(part.kind);
    }
    parts.iter().find(|p| p.kind == PartKind::Json && !p.exclude.contains(&index)).map(|p| p.kind)
}

/// Not in the middle of a longer word or number.
fn apart(bytes: &[u8], start: usize, end: usize) -> bool {
    let word = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
    let first = word(bytes.get(start)) && word(start.checked_sub(1).and_then(|i| bytes.get(i)));
    // A letter before may be the end of an escape, such as \n.
    let escape = start.checked_sub(2).and_then(|i| bytes.get(i)) == Some(&b'\\');
    (!first || escape) && !(word(end.checked_sub(1).and_then(|i| bytes.get(i))) && word(bytes.get(end)))
}

/// Where a node is, for the report. Keys that do not look like names of fields read `*`.
fn path(root: Value<'_>, index: u32) -> String {
    let mut path = String::new();
    let mut at = root;
    loop {
        let inside = |v: &Value<'_>| (v.index()..v.node().after).contains(&index);
        let next = match at.kind() {
            Kind::Object => at.entries().find(|(k, v)| k.index() == index || inside(v)).map(|(k, v)| {
                let key = k.as_str().unwrap_or_default();
                let plain = |b: u8| b.is_ascii_alphabetic() || matches!(b, b'_' | b'-');
                let name = if key.len() <= 40 && key.bytes().all(plain) { &*key } else { "*" };
                let dot = if path.is_empty() { "" } else { "." };
                path.push_str(&format!("{dot}{name}"));
                v
            }),
            Kind::Array => at.items().enumerate().find(|(_, v)| inside(v)).map(|(i, v)| {
                path.push_str(&format!("[{i}]"));
                v
            }),
            _ => None,
        };
        match next {
            Some(next) if next.index() <= index => at = next,
            _ => return path,
        }
    }
}

#[cfg(test)]
mod tests {
    use carnet_json::Limits;

    use super::*;

    fn found(text: &str, values: &[&str]) -> Vec<String> {
        let known = values.iter().map(|v| KnownValue {
            class: DataClass::PERSON,
            kind: String::new(),
            value: Sensitive::new((*v).to_owned()),
        });
        let tape = Tape::parse(text.as_bytes(), &Limits::default()).unwrap();
        let mut findings = Findings::new();
        let parts = [Part { node: 0, kind: PartKind::Json, exclude: &[] }];
        let known = Known::new(known).unwrap();
        Detector::default().find_known(text.as_bytes(), &tape, &parts, &known, &mut findings);
        let show = |f: &Finding| format!("{} {}", findings.path(f), findings.text(text.as_bytes(), f));
        findings.iter().map(show).collect()
    }

    #[test]
    fn wherever_and_however_it_stands() {
        let text = r#"{"a":"for erika müller.","b":["ERIKA M\u00fcller"],"c":"{\"n\":\"Erika M\\u00fcller\"}","d":"Erika Müllers"}"#;
        assert_eq!(found(text, &["Erika Müller"]), ["a Erika Müller", "b[0] Erika Müller", "c Erika Müller"]);
        assert_eq!(found(r#"{"a":"say \"Al\" now"}"#, &["\"Al\""]), ["a \"Al\""]);
        assert_eq!(
            found(r#"{"a":4930123,"b":49301234,"c":"x 4930123"}"#, &["4930123"]),
            ["a 4930123", "c 4930123"]
        );
        assert_eq!(found(r#"{"Erika M":{"x":"line\nErika M"}}"#, &["Erika M"]), ["* Erika M", "*.x Erika M"]);
    }
}
