//! The detector: built once, asked for every message.

use std::sync::Mutex;

use carnet_json::Tape;
use carnet_model::ClassNames;

use crate::finding::{Finding, Findings, Form};
use crate::layer::Layer;
use crate::options::{Budget, DetectorOptions};
use crate::plan::Uninspectable;
use crate::scan::Scanner;
use crate::schema::SchemaHints;
use crate::walk::{Spare, Walk};

/// What a part of a message is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PartKind {
    /// JSON or text: keys, strings and numbers of the subtree.
    Json,
    /// A string that is a URI.
    Uri,
    /// A string that is base64 of something.
    Binary,
}

/// A subtree to inspect.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Part<'a> {
    /// Index of its node in the tape.
    pub node: u32,
    /// What it is.
    pub kind: PartKind,
    /// Indexes of nodes inside it that are skipped with all that they hold, in ascending order.
    pub exclude: &'a [u32],
}

/// Finds sensitive values. What it finds never changes; share it between threads.
pub struct Detector {
    pub(crate) scanner: Scanner,
    pub(crate) budget: Budget,
    pub(crate) classes: ClassNames,
    pub(crate) pool: Pool,
}

/// As many walks at once find buffers.
const POOLED: usize = 16;

/// Buffers of walks that ended, for those to come. Who finds none, or finds it locked, makes its own.
#[derive(Default)]
pub(crate) struct Pool(Mutex<Vec<Spare>>);

impl Pool {
    pub(crate) fn take(&self) -> Spare {
        self.0.try_lock().ok().and_then(|mut pool| pool.pop()).unwrap_or_default()
    }

    pub(crate) fn give(&self, spare: Spare) {
        if let Ok(mut pool) = self.0.try_lock()
            && pool.len() < POOLED
        {
            pool.push(spare);
        }
    }
}

impl std::fmt::Debug for Detector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Detector").field("countries", &self.scanner.countries()).finish_non_exhaustive()
    }
}

impl Default for Detector {
    fn default() -> Self {
        Detector::new(&DetectorOptions::default())
    }
}

impl Detector {
    /// Builds the tables.
    #[must_use]
    pub fn new(options: &DetectorOptions) -> Detector {
        Detector {
            scanner: Scanner::new(options),
            budget: options.budget,
            classes: options.classes.clone(),
            pool: Pool::default(),
        }
    }

    /// What the classes are called, a configuration's own among them.
    #[must_use]
    pub fn classes(&self) -> &ClassNames {
        &self.classes
    }

    /// Inspects the parts of a parsed buffer and adds what it finds. `findings` must be empty or hold findings of the
    /// same buffer.
    ///
    /// # Errors
    /// If not everything could be inspected; what was found so far stays in `findings` and is no basis for a decision.
    pub fn find(
        &self,
        bytes: &[u8],
        tape: &Tape,
        parts: &[Part<'_>],
        findings: &mut Findings,
    ) -> Result<(), Uninspectable> {
        self.find_described(bytes, tape, parts, None, findings)
    }

    /// Like [`Detector::find`], with what a schema says about the members of objects.
    ///
    /// # Errors
    /// As for [`Detector::find`].
    pub fn find_described(
        &self,
        bytes: &[u8],
        tape: &Tape,
        parts: &[Part<'_>],
        schema: Option<&SchemaHints>,
        findings: &mut Findings,
    ) -> Result<(), Uninspectable> {
        if self.scanner.is_idle() {
            return Ok(());
        }
        let mut walk = Walk::new(self, findings).with(schema);
        // A parsed buffer is UTF-8; checked here once instead of for every string.
        let Ok(text) = std::str::from_utf8(bytes) else { return Err(Uninspectable::Node { node: 0 }) };
        for part in parts {
            walk.part(text, tape, part)?;
        }
        Ok(())
    }

    /// What a JSON Schema says about the members it describes, by titles and descriptions such as "the customer's e-mail
    /// address". `None` if it says nothing, or is no JSON.
    #[must_use]
    pub fn schema_hints(&self, schema: &[u8]) -> Option<SchemaHints> {
        SchemaHints::read(schema, self.scanner.keys)
    }

    /// Inspects plain text.
    ///
    /// # Errors
    /// If not everything could be inspected.
    pub fn find_text(&self, text: &str, findings: &mut Findings) -> Result<(), Uninspectable> {
        if self.scanner.is_idle() {
            return Ok(());
        }
        Walk::new(self, findings).plain(text)
    }

    /// Inspects a string that stands alone and sorts what it finds; overlaps are resolved in favour of the longest and
    /// surest. For reports about text; masking uses [`Detector::find_text`] and [`Detector::rewrite_text`].
    ///
    /// # Errors
    /// If not everything could be inspected.
    pub fn scan(&self, text: &str) -> Result<Vec<Finding>, Uninspectable> {
        let mut findings = Findings::new();
        self.find_text(text, &mut findings)?;
        Ok(findings.resolved())
    }
}

impl Findings {
    /// Without overlaps, in the order of the buffer: the longest of overlapping findings stays, of equally long ones the
    /// surest.
    #[must_use]
    pub fn resolved(&self) -> Vec<Finding> {
        let mut all = self.list.clone();
        all.sort_by_key(|f| (f.span.start, std::cmp::Reverse((f.span.end, f.score))));
        let mut out: Vec<Finding> = Vec::with_capacity(all.len());
        for f in all {
            match out.last_mut() {
                Some(last) if f.span.start < last.span.end => {
                    let (a, b) = (f.span.len(), last.span.len());
                    if (a, f.score) > (b, last.score) {
                        *last = f;
                    }
                }
                _ => out.push(f),
            }
        }
        out
    }
}

/// A layer for text that is the outer buffer from `base` on.
pub(crate) fn ground(base: u32) -> Layer<'static> {
    Layer { base, map: None, up: None }
}

/// The form of text in a part.
pub(crate) fn form_of(kind: PartKind) -> Form {
    match kind {
        PartKind::Json => Form::Text,
        PartKind::Uri => Form::Uri,
        PartKind::Binary => Form::Base64,
    }
}
