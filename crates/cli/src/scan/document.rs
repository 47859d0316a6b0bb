//! One text or document: what was found in it, in code points, and its masked copy.

use std::path::Path;

use anyhow::bail;
use carnet_gate::MaskingRules;
use carnet_gateway::load;
use carnet_json::{Edits, Limits, Tape};
use carnet_masking::{
    Country, Detector, DetectorOptions, Finding, Findings, Numbers, Part, PartKind, Plan, TokenKey,
    Transforms,
};
use serde::{Deserialize, Serialize};

use crate::output;

/// What a text is.
#[derive(clap::ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Text,
    Json,
}

/// A line of the input.
#[derive(Deserialize)]
pub(super) struct Line {
    #[serde(default)]
    id: serde_json::Value,
    pub(super) text: String,
}

/// A line of the output.
#[derive(Serialize)]
struct Answer<'a> {
    id: &'a serde_json::Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    entities: Option<Vec<Entity>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

/// One finding. No value.
#[derive(Serialize, Clone, PartialEq, Debug)]
pub(super) struct Entity {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) subtype: Option<String>,
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) score: f32,
    pub(super) rule: &'static str,
}

/// What was found in one text, or why it could not be inspected.
pub(super) struct Found {
    pub(super) list: Vec<Finding>,
    all: Findings,
    tape: Option<Tape>,
    pub(super) error: Option<String>,
}

/// The detector, and the rules for masking.
pub(super) struct Reader {
    kind: Kind,
    detector: Detector,
    rules: MaskingRules,
}

impl Reader {
    pub(super) fn new(kind: Kind, config: Option<&Path>, countries: &[String]) -> anyhow::Result<Reader> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(|e| anyhow::anyhow!("no randomness: {e}"))?;
        if let Some(path) = config {
            let loaded = load::read_config(path).map_err(|all| anyhow::anyhow!(all.join("\n")))?;
            let rules = load::masking(&loaded.config, key);
            let detectors = carnet_gateway::detectors::Detectors::load(&loaded.config);
            let detector = detectors.map_err(|all| anyhow::anyhow!(all.join("\n")))?.general;
            return Ok(Reader { kind, detector, rules });
        }
        let mut enabled = Vec::new();
        for code in countries {
            let Some(country) = Country::new(code) else {
                bail!("{code:?} is no country code of two letters")
            };
            enabled.push(country);
        }
        let detector = Detector::new(&DetectorOptions { countries: enabled, ..DetectorOptions::default() });
        let rules = MaskingRules {
            transforms: Transforms::default(),
            transforms_in: Transforms::default(),
            numbers: Numbers::default(),
            token_key: TokenKey(key),
        };
        Ok(Reader { kind, detector, rules })
    }

    /// Inspects a text, as the gateway does with a message (JSON) or a string in it (text).
    pub(super) fn read(&self, text: &str) -> Found {
        let mut all = Findings::new();
        let mut tape = None;
        let done = self.inspect(text, &mut all, &mut tape);
        let error = done.err();
        let list = if error.is_none() { all.resolved() } else { Vec::new() };
        Found { list, all, tape, error }
    }

    fn inspect(&self, text: &str, all: &mut Findings, tape: &mut Option<Tape>) -> Result<(), String> {
        if u32::try_from(text.len()).is_err() {
            return Err("longer than 4 GiB".to_owned());
        }
        if self.kind == Kind::Text {
            return self.detector.find_text(text, all).map_err(|e| e.to_string());
        }
        let limits = Limits { bytes: usize::MAX, ..Limits::default() };
        let parsed = Tape::parse(text.as_bytes(), &limits).map_err(|e| e.to_string())?;
        let root = Part { node: 0, kind: PartKind::Json, exclude: &[] };
        let done = self.detector.find(text.as_bytes(), &parsed, &[root], all).map_err(|e| e.to_string());
        *tape = Some(parsed);
        done
    }

    /// The masked copy. What could not be inspected is withheld.
    pub(super) fn mask(&self, text: &str, found: &Found) -> anyhow::Result<String> {
        if let Some(error) = &found.error {
            bail!("withheld: {error}");
        }
        let plan = Plan {
            shown: Default::default(),
            transforms: &self.rules.transforms,
            numbers: self.rules.numbers,
            token_key: &self.rules.token_key,
        };
        let Some(tape) = &found.tape else {
            return Ok(self.detector.rewrite_text(text, &found.all, &plan)?.0);
        };
        let mut edits = Edits::new();
        self.detector.rewrite(text.as_bytes(), tape, &found.all, &plan, &mut edits)?;
        Ok(String::from_utf8(edits.apply(text.as_bytes())?)?)
    }
}

impl Line {
    /// Its findings as a line. What could not be inspected is one entity over all of it: so the gateway treats it.
    pub(super) fn entities(&self, found: &Found, out: &mut Vec<u8>) -> anyhow::Result<()> {
        let entities = Some(entities(&self.text, found));
        let answer = Answer { id: &self.id, entities, text: None, error: found.error.as_deref() };
        serde_json::to_writer(&mut *out, &answer)?;
        out.push(b'\n');
        Ok(())
    }

    /// Its masked text as a line; without a text where it is withheld.
    pub(super) fn masked(&self, text: Option<&str>, found: &Found, out: &mut Vec<u8>) -> anyhow::Result<()> {
        let answer = Answer { id: &self.id, entities: None, text, error: found.error.as_deref() };
        serde_json::to_writer(&mut *out, &answer)?;
        out.push(b'\n');
        Ok(())
    }
}

/// The findings with offsets in code points.
pub(super) fn entities(text: &str, found: &Found) -> Vec<Entity> {
    let mut at = Offsets { text, byte: 0, chars: 0 };
    if found.error.is_some() {
        let end = at.of(text.len());
        let (kind, rule) = ("UNINSPECTED", "uninspected");
        return vec![Entity { kind, subtype: None, start: 0, end, score: 1.0, rule }];
    }
    let mut out = Vec::with_capacity(found.list.len());
    for f in &found.list {
        let (kind, subtype) = f.type_name();
        let (start, end) = (at.of(f.span.start as usize), at.of(f.span.end as usize));
        let subtype = subtype.map(str::to_ascii_lowercase);
        out.push(Entity { kind, subtype, start, end, score: f32::from(f.score) / 100.0, rule: f.rule });
    }
    out
}

/// Byte offsets as code points; asked in ascending order.
struct Offsets<'a> {
    text: &'a str,
    byte: usize,
    chars: usize,
}

impl Offsets<'_> {
    fn of(&mut self, byte: usize) -> usize {
        let passed = self.text.as_bytes().get(self.byte..byte).unwrap_or_default();
        self.chars += passed.iter().filter(|b| (**b as i8) >= -0x40).count();
        self.byte = self.byte.max(byte);
        self.chars
    }
}

/// Prints the findings of a file for a person: place, type, path, rule.
pub(super) fn print(name: &str, text: &str, found: &Found) {
    if let Some(error) = &found.error {
        output::line(&format!("{name}: withheld: {error}"));
        return;
    }
    let (mut line, mut from, mut at) = (1, 0, 0);
    for f in &found.list {
        let start = f.span.start as usize;
        for (i, _) in text.get(at..start).unwrap_or_default().match_indices('\n') {
            (line, from) = (line + 1, at + i + 1);
        }
        at = start;
        let column = text.get(from..start).unwrap_or_default().chars().count() + 1;
        let (kind, subtype) = f.type_name();
        let subtype = subtype.map(|s| format!("/{}", s.to_ascii_lowercase())).unwrap_or_default();
        let path = crate::sessions::wording::clean(found.all.path(f));
        let what = format!("{kind}{subtype}");
        output::line(
            format!("{name}:{line}:{column}: {what:<28} {:>3} {:<16} {path}", f.score, f.rule).trim_end(),
        );
    }
}
