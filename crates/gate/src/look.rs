//! look: what the detector cannot do by itself, before a message is masked. Binary fields are compared with what they are said to be and dealt
//! with by the first rule that speaks of their kind and size; the shell reads the text of documents. Free text goes to analyzers
//! where some are configured and the data may go where they are.
//!
//! What cannot be read, or is not what it is said to be, is of the class `uninspected`, like everything that no rule permits.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use carnet_documents::Kind as Sort;
use carnet_json::{Edits, Kind as JsonKind, Value};
use carnet_masking::{Detector, Findings, Noted, recognisers};
use carnet_mcp::Message;
use carnet_mcp::content::{self, PartKind};
use carnet_model::{Action, ClassSet, DataClass};

use crate::shell::{NotAnalyzed, Shell};
use crate::snapshot::{BinaryAction, BinaryRule, Snapshot};

/// Texts of more bytes are not sent to analyzers: they count as not analyzed.
const TEXT: usize = 64 << 10;
/// More bytes in one message are not sent either.
const TEXTS: usize = 1 << 20;

/// What was seen in a message.
#[derive(Debug, Default)]
pub(crate) struct Looked {
    /// Binary fields that were dealt with here: the detector passes over them.
    pub binaries: Vec<Binary>,
    /// What analyzers found: node, place in its decoded text, what.
    pub noted: Vec<(u32, std::ops::Range<u32>, Noted)>,
    /// An analyzer did not answer, and content is withheld then.
    pub unanalyzed: bool,
    /// What the detector has found in it, where it was asked before.
    pub scanned: Option<Scanned>,
}

/// What the detector has found in a message.
#[derive(Clone, Debug)]
pub(crate) struct Scanned {
    pub found: Findings,
    /// It saw all of it.
    pub complete: bool,
}

/// Nothing was looked at.
pub(crate) static NOTHING: Looked =
    Looked { binaries: Vec::new(), noted: Vec::new(), unanalyzed: false, scanned: None };

impl Looked {
    /// Whether the detector is to pass over this node.
    pub(crate) fn dealt_with(&self, node: u32) -> bool {
        self.binaries.iter().any(|b| b.node == node)
    }

    /// For those who are to see nothing of what is not text.
    pub(crate) fn without_binaries(&self) -> Looked {
        Looked { noted: self.noted.clone(), unanalyzed: self.unanalyzed, ..Looked::default() }
    }

    /// Tells the detector's findings what was seen here.
    pub(crate) fn note(
        &self,
        detector: &Detector,
        message: &Message,
        findings: &mut Findings,
    ) -> Result<(), ()> {
        let (bytes, tape) = (message.bytes(), message.tape());
        for binary in &self.binaries {
            for noted in &binary.found {
                detector.note_binary(bytes, tape, binary.node, *noted, findings).map_err(|_| ())?;
            }
        }
        for (node, span, noted) in &self.noted {
            detector.note_text(bytes, tape, *node, span.clone(), *noted, findings).map_err(|_| ())?;
        }
        Ok(())
    }

    /// Puts binary content without its metadata in place of what came.
    pub(crate) fn strip(&self, message: &Message, edits: &mut Edits) {
        for binary in &self.binaries {
            if let Some(less) = &binary.stripped {
                let span = message.tape().value(message.bytes(), binary.node).span();
                edits.replace(span.start + 1..span.end.saturating_sub(1), less.as_bytes());
            }
        }
    }

    /// What was done with binary content, for the record: JSON, one object for each.
    pub(crate) fn account(&self, detector: &Detector, message: &Message) -> Vec<String> {
        let one = |b: &Binary| {
            let at = carnet_json::quote(&detector.path_of(message.bytes(), message.tape(), b.node));
            let (kind, size, done) = b.what;
            format!(r#"{{"action":"{done}","at":{at},"size":{size},"type":"{kind}"}}"#)
        };
        self.binaries.iter().take(carnet_masking::MAX_PLACES).map(one).collect()
    }
}

/// A binary field.
#[derive(Debug)]
pub(crate) struct Binary {
    /// Its node.
    pub node: u32,
    /// What it really is, how long, and what was done.
    pub what: (&'static str, usize, &'static str),
    /// What it holds.
    pub found: Vec<Noted>,
    /// The same without metadata.
    pub stripped: Option<String>,
}

/// Looks at a message. `may` says of each analyzer whether the data may go to it.
pub(crate) async fn look<S: Shell>(
    shell: &S,
    snapshot: &Snapshot,
    detector: &Detector,
    message: &Message,
    answers: Option<Action>,
    may: &[bool],
) -> Looked {
    let mut looked = Looked::default();
    let content = content::parts(message, answers);
    if !snapshot.binary.is_empty() {
        for part in content.parts.iter().filter(|p| p.kind == PartKind::Binary) {
            let value = message.tape().value(message.bytes(), part.node);
            let declared = part.declared.map(|node| message.tape().value(message.bytes(), node));
            let declared = declared.and_then(|d| d.as_str()).unwrap_or_default();
            if let Some(binary) = binary(shell, snapshot, detector, value, &declared).await {
                looked.binaries.push(binary);
            }
        }
    }
    if !snapshot.analyzers.is_empty() {
        analyze(shell, snapshot, message, &content.exclude, may, &mut looked).await;
    }
    looked
}

/// What a binary field is and holds; `None` where it is text, which the detector reads.
async fn binary<S: Shell>(
    shell: &S,
    snapshot: &Snapshot,
    detector: &Detector,
    value: Value<'_>,
    declared: &str,
) -> Option<Binary> {
    let bytes = STANDARD.decode(value.as_str()?.as_bytes()).ok()?;
    let sort = Sort::of(&bytes);
    if sort == Sort::Other && std::str::from_utf8(&bytes).is_ok() {
        return None;
    }
    let node = value.index();
    let unseen = |rule| Noted { class: DataClass::UNINSPECTED, kind: "UNINSPECTED", rule, score: 100 };
    let (kind, size) = (sort.media_type(), bytes.len());
    let made = |done, found, stripped| Some(Binary { node, what: (kind, size, done), found, stripped });
    let with = |found: Vec<Noted>| made(if found.is_empty() { "pass" } else { "withhold" }, found, None);
    if !sort.fits(declared) {
        return with(vec![unseen("type-mismatch")]);
    }
    let of = |rule: &&BinaryRule| rule.covers(sort.media_type(), bytes.len());
    let Some(rule) = snapshot.binary.iter().find(of) else { return with(vec![unseen("binary")]) };
    match rule.action {
        BinaryAction::Withhold => with(vec![unseen("binary")]),
        BinaryAction::Pass => with(Vec::new()),
        BinaryAction::Strip => match carnet_documents::strip(&bytes) {
            Ok(less) => made("strip", Vec::new(), Some(STANDARD.encode(less))),
            Err(_) => with(vec![unseen("unreadable")]),
        },
        BinaryAction::Inspect => {
            let Ok(read) = shell.read_document(bytes).await else { return with(vec![unseen("unreadable")]) };
            let mut findings = Findings::new();
            let mut found = Vec::new();
            if detector.find_text(&read.text, &mut findings).is_err() || read.rest {
                found.push(unseen("not-read"));
            } else if read.pictures && !rule.pictures {
                found.push(unseen("pictures"));
            }
            let mut seen = ClassSet::EMPTY;
            for f in findings.iter() {
                if !seen.contains(f.class) {
                    seen.insert(f.class);
                    found.push(Noted { class: f.class, kind: f.kind, rule: "document", score: f.score });
                }
            }
            made("inspect", found, None)
        }
    }
}

/// Sends free text to the analyzers.
async fn analyze<S: Shell>(
    shell: &S,
    snapshot: &Snapshot,
    message: &Message,
    exclude: &[u32],
    may: &[bool],
    looked: &mut Looked,
) {
    let Some((nodes, texts)) = free_texts(message, exclude) else {
        looked.unanalyzed = snapshot.analyzers.iter().any(|a| a.withhold);
        return;
    };
    if texts.is_empty() {
        return;
    }
    for (analyzer, may) in snapshot.analyzers.iter().zip(may) {
        let answer = if *may { shell.analyze(&analyzer.name, &texts).await } else { Err(NotAnalyzed) };
        let Ok(found) = answer else {
            looked.unanalyzed |= analyzer.withhold;
            continue;
        };
        for (one, (node, text)) in found.iter().zip(nodes.iter().zip(&texts)) {
            looked.noted.extend(one.iter().filter_map(|f| {
                let span = bytes_of(text, f.start, f.end)?;
                let (class, kind) =
                    class_of(&f.kind).filter(|(class, _)| analyzer.classes.contains(*class))?;
                Some((*node, span, Noted { class, kind, rule: "analyzer", score: f.score }))
            }));
        }
    }
}

/// The texts of a message that people wrote, with their nodes; `None` where they are more than is sent.
fn free_texts(message: &Message, exclude: &[u32]) -> Option<(Vec<u32>, Vec<String>)> {
    let (mut nodes, mut texts, mut size) = (Vec::new(), Vec::new(), 0);
    let tape = message.tape();
    let mut i = 0;
    while let Some(node) = tape.nodes().get(i as usize).copied() {
        let skipped = exclude.binary_search(&i).is_ok();
        if node.kind == JsonKind::String && !skipped {
            let text = tape.value(message.bytes(), i).as_str().unwrap_or_default();
            if is_free(&text) {
                size += text.len();
                if text.len() > TEXT || size > TEXTS {
                    return None;
                }
                nodes.push(i);
                texts.push(text.into_owned());
            }
        }
        i = if skipped { node.after.max(i + 1) } else { i + 1 };
    }
    Some((nodes, texts))
}

/// Text that people write: at least two words. Everything else is the detector's own.
fn is_free(text: &str) -> bool {
    text.len() >= 8 && text.contains(char::is_whitespace) && text.contains(char::is_alphabetic)
}

/// The bytes of code points, which is how analyzers count.
fn bytes_of(text: &str, start: usize, end: usize) -> Option<std::ops::Range<u32>> {
    let at = |n: usize| {
        let all = text.char_indices().map(|(at, _)| at).chain(std::iter::once(text.len()));
        all.skip(n).map(u32::try_from).next()?.ok()
    };
    let (start, end) = (at(start)?, at(end)?);
    (start < end).then_some(start..end)
}

/// The class of one of Presidio's types.
fn class_of(kind: &str) -> Option<(DataClass, &'static str)> {
    let more = [
        ("DATE_TIME", DataClass::BIRTH_DATE, "DATE_OF_BIRTH"),
        ("NRP", DataClass::PERSON, "PERSON"),
        ("MEDICAL_LICENSE", DataClass::HEALTH_ID, "US_NPI"),
        ("UK_NHS", DataClass::HEALTH_ID, "UK_NHS"),
    ];
    let known = recognisers().into_iter().find(|r| r.kind == kind).map(|r| (r.class, r.kind));
    known.or_else(|| more.iter().find(|(name, ..)| *name == kind).map(|(_, class, kind)| (*class, *kind)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn code_points_become_bytes() {
        assert_eq!(bytes_of("für Jürgen hier", 4, 10), Some(5..12));
        assert_eq!(bytes_of("ab", 0, 2), Some(0..2));
        for (start, end) in [(2, 2), (1, 9), (7, 9), (2, 1)] {
            assert_eq!(bytes_of("ab", start, end), None, "{start} {end}");
        }
    }

    #[test]
    fn presidio_types_have_classes() {
        for (kind, class) in [
            ("PERSON", DataClass::PERSON),
            ("LOCATION", DataClass::LOCATION),
            ("EMAIL_ADDRESS", DataClass::EMAIL),
            ("IBAN_CODE", DataClass::IBAN),
            ("US_SSN", DataClass::US_SSN),
        ] {
            assert_eq!(class_of(kind).map(|(class, _)| class), Some(class), "{kind}");
        }
        assert_eq!(class_of("SOMETHING"), None);
    }
}
