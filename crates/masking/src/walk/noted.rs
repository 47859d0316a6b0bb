//! What others found, such as readers of documents and analyzers beside the gateway: it is noted like the detector's own
//! findings, and shown, masked and reported like them.

use std::ops::Range;

use carnet_json::{Kind, Tape};
use carnet_model::DataClass;

use super::path::path;
use super::{Doc, Inspected, Prefix, Walk, inner};
use crate::detect::{Detector, ground};
use crate::finding::{Findings, Form};
use crate::layer::{Layer, unescape};
use crate::plan::Uninspectable;
use crate::scan::Hit;

/// Something that was found in a string.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Noted {
    /// Its class.
    pub class: DataClass,
    /// Its type.
    pub kind: &'static str,
    /// Who says so, for records.
    pub rule: &'static str,
    /// How sure, 0 to 100.
    pub score: u8,
}

impl Detector {
    /// Notes that the whole of a string, which is base64, holds something.
    ///
    /// # Errors
    /// If there is no such string, or there are too many findings.
    pub fn note_binary(
        &self,
        bytes: &[u8],
        tape: &Tape,
        node: u32,
        noted: Noted,
        findings: &mut Findings,
    ) -> Result<(), Uninspectable> {
        self.note(bytes, tape, node, None, noted, findings)
    }

    /// Notes what lies at these bytes of a string's decoded text.
    ///
    /// # Errors
    /// As [`Detector::note_binary`].
    pub fn note_text(
        &self,
        bytes: &[u8],
        tape: &Tape,
        node: u32,
        span: Range<u32>,
        noted: Noted,
        findings: &mut Findings,
    ) -> Result<(), Uninspectable> {
        self.note(bytes, tape, node, Some(span), noted, findings)
    }

    fn note(
        &self,
        bytes: &[u8],
        tape: &Tape,
        node: u32,
        span: Option<Range<u32>>,
        noted: Noted,
        findings: &mut Findings,
    ) -> Result<(), Uninspectable> {
        let missing = Uninspectable::Node { node };
        let at =
            tape.nodes().get(node as usize).copied().filter(|n| n.kind == Kind::String).ok_or(missing)?;
        let text = std::str::from_utf8(bytes).map_err(|_| missing)?;
        let doc = whole(text, tape, node);
        let raw = inner(bytes, &at);
        let base = at.start + 1;
        let place = findings.place(|| path(&doc, &[]));
        let mut walk = Walk::new(self, findings);
        let Noted { class, kind, rule, score } = noted;
        let mut t = Inspected {
            text: std::str::from_utf8(raw).map_err(|_| missing)?,
            layer: ground(base),
            hint: None,
            form: Form::Base64,
            depth: 0,
            object: 0,
            views: 0,
            coded: 0,
            unmarked: false,
        };
        let Some(span) = span else {
            let hit = Hit { start: 0, end: raw.len() as u32, class, kind, rule, score };
            return walk.emit(&t, hit, place);
        };
        let hit = Hit { start: span.start, end: span.end, class, kind, rule, score };
        t.form = Form::Text;
        if !at.escaped {
            return walk.emit(&t, hit, place);
        }
        let (decoded, map) = unescape(raw);
        let layer = Layer { base, map: Some(&map), up: None };
        walk.emit(&Inspected { text: &decoded, layer, ..t }, hit, place)
    }

    /// The path of a value, as [`Findings::path`] says it.
    #[must_use]
    pub fn path_of(&self, bytes: &[u8], tape: &Tape, node: u32) -> String {
        std::str::from_utf8(bytes).map_or_else(|_| String::new(), |text| path(&whole(text, tape, node), &[]))
    }
}

fn whole<'a>(text: &'a str, tape: &'a Tape, node: u32) -> Doc<'a> {
    Doc {
        bytes: text.as_bytes(),
        text,
        tape,
        layer: None,
        depth: 0,
        coded: 0,
        hint: None,
        prefix: Prefix::Node(node),
    }
}
