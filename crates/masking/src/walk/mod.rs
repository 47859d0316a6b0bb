//! The walk over a document: keys, strings and numbers, documents inside strings, and the way back to the outer buffer.

mod around;
mod kin;
mod noted;
mod path;
mod pieces;
mod repeat;
mod seam;
mod text;

use std::ops::Range;

use carnet_json::{Kind, Node, Tape};

use crate::detect::{Detector, Part, PartKind, form_of, ground};
use crate::finding::{Finding, Findings, Form};
use crate::key_cache::{KeyCache, Known};
use crate::keys::{self, Company, Hint, Role};
use crate::layer::{Layer, unescape};
use crate::names::Scratch;
use crate::plan::Uninspectable;
use crate::scan::{Hit, Seen, Survey};
use crate::schema::SchemaHints;
use crate::token::without_masks;
pub use noted::Noted;
use path::path;
use repeat::{Outcome, Repeats};

/// An array or object that is being walked.
struct Frame {
    after: u32,
    object: bool,
    /// The key whose value is walked; unused for arrays.
    key: u32,
    /// That key is personal data or does not look like a field.
    hide: bool,
    /// The element that is walked; unused for objects.
    index: u32,
    /// Number of the object among all objects of the findings.
    id: u32,
    /// What the key in front of the array says, or of the value at hand.
    hint: Option<Hint>,
    /// The array or object itself.
    node: u32,
    /// What the object is: a person, an address.
    role: Role,
    /// What the objects under the key at hand are.
    below: Role,
    /// The hint of the key above the object.
    above: Option<Hint>,
    /// What the keys of the object say together, when it was asked for.
    company: Option<Company>,
    /// One more than the table whose rows (in an array) or cells (in a row) lie here; 0 for none.
    rows: u16,
    cells: u16,
    /// The first row holds the names.
    headed: bool,
    /// How much had been found when it began.
    found: u32,
    /// The child before the one at hand, if it is a string that a value may be cut behind.
    last: Option<Node>,
    /// Some two of its children may be pieces of one value.
    meets: bool,
}

/// A parsed document and where it lies.
#[derive(Clone, Copy)]
struct Doc<'a> {
    bytes: &'a [u8],
    /// The same, checked once.
    text: &'a str,
    tape: &'a Tape,
    /// The text that the document is; `None` for the outer buffer.
    layer: Option<&'a Layer<'a>>,
    depth: u8,
    coded: u8,
    /// What is known of the string that holds the document.
    hint: Option<Hint>,
    /// The path in front of its own paths.
    prefix: Prefix<'a>,
}

#[derive(Clone, Copy)]
enum Prefix<'a> {
    /// The path of this node in the outer tape.
    Node(u32),
    /// The path of the string that holds the document.
    Text(&'a str),
}

/// One text that is inspected.
#[derive(Clone, Copy)]
struct Inspected<'a> {
    text: &'a str,
    layer: Layer<'a>,
    hint: Option<Hint>,
    form: Form,
    depth: u8,
    object: u32,
    /// Plain views made so far of this text.
    views: u8,
    /// Encodings around this text.
    coded: u8,
    /// The look at its document found no words in it that begin something.
    unmarked: bool,
}

/// Buffers of a walk, kept for their memory, and what its detector said about keys that are names of fields.
#[derive(Default)]
pub(crate) struct Spare {
    hits: Vec<Hit>,
    keys: KeyCache,
    labels: KeyCache<Option<Hint>>,
    frames: Vec<Frame>,
    run: seam::Run,
    names: Scratch,
    survey: Survey,
    repeats: Repeats,
}

impl Drop for Walk<'_> {
    fn drop(&mut self) {
        self.run.clear();
        self.frames.clear();
        self.hits.clear();
        self.survey.clear();
        self.detector.pool.give(Spare {
            hits: std::mem::take(&mut self.hits),
            keys: std::mem::take(&mut self.keys),
            labels: std::mem::take(&mut self.labels),
            frames: std::mem::take(&mut self.frames),
            run: std::mem::take(&mut self.run),
            names: std::mem::take(&mut self.names).kept(),
            survey: std::mem::take(&mut self.survey),
            repeats: std::mem::take(&mut self.repeats),
        });
    }
}

/// The state of one call of `find`.
pub(crate) struct Walk<'d> {
    detector: &'d Detector,
    out: &'d mut Findings,
    hits: Vec<Hit>,
    keys: KeyCache,
    /// What words say that name a sibling.
    labels: KeyCache<Option<Hint>>,
    frames: Vec<Frame>,
    /// What the columns of tables in arrays say.
    tables: Vec<Vec<Option<Hint>>>,
    /// What the schema of the tool says about keys.
    schema: Option<&'d SchemaHints>,
    /// Kept for their memory.
    run: seam::Run,
    names: Scratch,
    /// What one look at the document at hand has told.
    survey: Survey,
    /// What was found in values of it that may come again.
    repeats: Repeats,
    /// Bytes decoded so far.
    spent: usize,
}

impl<'d> Walk<'d> {
    pub(crate) fn new(detector: &'d Detector, out: &'d mut Findings) -> Self {
        let Spare { hits, keys, labels, frames, run, names, survey, mut repeats } = detector.pool.take();
        // What is known from before is of another buffer.
        repeats.enter();
        let tables = Vec::new();
        Walk {
            detector,
            out,
            hits,
            keys,
            labels,
            frames,
            tables,
            schema: None,
            run,
            names,
            survey,
            repeats,
            spent: 0,
        }
    }

    /// Heeds what the schema of the tool says about keys.
    pub(crate) fn with(mut self, schema: Option<&'d SchemaHints>) -> Self {
        self.schema = schema;
        self
    }

    /// Walks one part of the outer buffer.
    pub(crate) fn part(&mut self, text: &str, tape: &Tape, part: &Part<'_>) -> Result<(), Uninspectable> {
        let node = *tape.nodes().get(part.node as usize).ok_or(Uninspectable::Node { node: part.node })?;
        let doc = Doc {
            bytes: text.as_bytes(),
            text,
            tape,
            layer: None,
            depth: 0,
            coded: 0,
            hint: None,
            prefix: Prefix::Node(part.node),
        };
        if part.kind == PartKind::Json || node.kind != Kind::String {
            return self.document(&doc, part.node, part.exclude);
        }
        self.string(&doc, &[], node, None, form_of(part.kind))
    }

    /// Inspects plain text.
    pub(crate) fn plain(&mut self, text: &str) -> Result<(), Uninspectable> {
        let t = Inspected {
            text,
            layer: ground(0),
            hint: None,
            form: Form::Text,
            depth: 0,
            object: 0,
            views: 0,
            coded: 0,
            unmarked: false,
        };
        self.names.free = true;
        let done = self.text(&t, &mut || String::new());
        self.names.free = false;
        done
    }

    fn document(&mut self, doc: &Doc<'_>, root: u32, exclude: &[u32]) -> Result<(), Uninspectable> {
        let nodes = doc.tape.nodes();
        let Some(top) = nodes.get(root as usize) else { return Ok(()) };
        let mut frames = std::mem::take(&mut self.frames);
        frames.clear();
        let outer = doc.layer.is_some().then(|| std::mem::take(&mut self.survey));
        self.survey.begin(top.start..top.end);
        let around = self.repeats.enter();
        let done = self.nodes(doc, &mut frames, root..top.after, exclude);
        self.frames = frames;
        self.repeats.leave(around);
        if let Some(outer) = outer {
            self.survey = outer;
        }
        done
    }

    /// Walks the nodes of a document; `frames` are the arrays and objects around the one at hand.
    fn nodes(
        &mut self,
        doc: &Doc<'_>,
        frames: &mut Vec<Frame>,
        range: Range<u32>,
        exclude: &[u32],
    ) -> Result<(), Uninspectable> {
        let nodes = doc.tape.nodes();
        let (mut i, end) = (range.start, range.end);
        while i < end {
            let Some(node) = nodes.get(i as usize).copied() else { break };
            if frames.last().is_some_and(|f| f.after <= i) {
                self.leave(doc, frames, i, exclude)?;
            }
            if node.kind == Kind::Key {
                self.key(doc, frames, i, node)?;
                i += 1;
                continue;
            }
            if let Some(f) = frames.last_mut().filter(|f| !f.object) {
                f.index = f.index.wrapping_add(1);
            }
            let skipped = !exclude.is_empty() && exclude.binary_search(&i).is_ok();
            if let Some(f) = frames.last_mut() {
                f.beside(doc, i, &node, skipped);
            }
            if skipped {
                i = node.after.max(i + 1);
                continue;
            }
            let hint = frames.last().map_or(doc.hint, |f| self.cell(f));
            match node.kind {
                Kind::Object | Kind::Array => {
                    self.out.objects += u32::from(node.kind == Kind::Object);
                    let id = self.out.objects;
                    let mut frame = Frame::new(i, &node, id, hint, frames.last());
                    frame.found = self.out.list.len() as u32;
                    self.table(doc, &mut frame, frames.last());
                    frames.push(frame);
                }
                Kind::String => self.string(doc, frames, node, hint, Form::Text)?,
                Kind::Number => self.number(doc, frames, node, hint)?,
                _ => {}
            }
            i += 1;
        }
        self.leave(doc, frames, u32::MAX, exclude)
    }

    /// Leaves the arrays and objects that end in front of node `at`.
    fn leave(
        &mut self,
        doc: &Doc<'_>,
        frames: &mut Vec<Frame>,
        at: u32,
        exclude: &[u32],
    ) -> Result<(), Uninspectable> {
        while let Some(frame) = frames.pop_if(|f| f.after <= at) {
            if frame.meets {
                self.seams(doc, frames, &frame, exclude)?;
            }
        }
        Ok(())
    }

    fn key(
        &mut self,
        doc: &Doc<'_>,
        frames: &mut [Frame],
        index: u32,
        node: Node,
    ) -> Result<(), Uninspectable> {
        let inner = inner(doc.bytes, &node);
        let known = if node.escaped { None } else { self.keys.get(inner).copied() };
        if let Some(f) = frames.last_mut() {
            (f.key, f.hide) = (index, known.is_none_or(|k| !k.field));
        }
        if let Some(known) = known {
            self.say(doc, frames, index, &known.said);
            return Ok(());
        }
        let before = self.out.len();
        self.string(doc, frames, node, None, Form::Key)?;
        let key = doc.tape.value(doc.bytes, index).as_str().unwrap_or_default();
        let clean = self.out.len() == before;
        let known = Known {
            said: self.detector.scanner.read_key(&without_masks(&key)),
            field: clean && keys::is_field(&key),
            tells: self.detector.scanner.keys.tells(&key),
        };
        if clean && !node.escaped {
            self.keys.put(inner, known);
        }
        if let Some(f) = frames.last_mut() {
            f.hide = !known.field;
        }
        self.say(doc, frames, index, &known.said);
        Ok(())
    }

    fn string(
        &mut self,
        doc: &Doc<'_>,
        frames: &[Frame],
        node: Node,
        hint: Option<Hint>,
        form: Form,
    ) -> Result<(), Uninspectable> {
        let inner = inner(doc.bytes, &node);
        if inner.is_empty() {
            return Ok(());
        }
        let object = frames.last().map_or(0, |f| f.id);
        let base = node.start + 1;
        let mut path = || path(doc, frames);
        if node.escaped {
            let (text, map) = unescape(inner);
            let layer = Layer { base, map: Some(&map), up: doc.layer };
            self.spend(text.len(), &layer)?;
            return self.text(
                &Inspected {
                    text: &text,
                    layer,
                    hint,
                    form,
                    depth: doc.depth,
                    object,
                    views: 0,
                    coded: doc.coded,
                    unmarked: false,
                },
                &mut path,
            );
        }
        let layer = Layer { base, map: None, up: doc.layer };
        let text = doc.text.get(base as usize..base as usize + inner.len()).unwrap_or_default();
        let unmarked = self.survey.is_free(doc.bytes, base..base + text.len() as u32);
        let (depth, coded) = (doc.depth, doc.coded);
        let t = Inspected { text, layer, hint, form, depth, object, views: 0, coded, unmarked };
        if form != Form::Text {
            return self.text(&t, &mut path);
        }
        if let Some(outcome) = self.repeats.get(doc.bytes, inner, hint) {
            let Some(hit) = outcome.hit(inner.len()) else { return Ok(()) };
            let place = self.out.place(path);
            return self.emit(&t, hit, place);
        }
        let (found, spent) = (self.out.list.len(), self.spent);
        self.text(&t, &mut path)?;
        let whole = || layer.outer(0..text.len() as u32);
        let outcome = Outcome::of(self.out.list.get(found..).unwrap_or_default(), whole, depth);
        // What was decoded is paid for each time.
        if let Some(outcome) = outcome.filter(|_| spent == self.spent) {
            self.repeats.put(base, inner, hint, outcome);
        }
        Ok(())
    }

    fn number(
        &mut self,
        doc: &Doc<'_>,
        frames: &[Frame],
        node: Node,
        hint: Option<Hint>,
    ) -> Result<(), Uninspectable> {
        let raw = doc.bytes.get(node.start as usize..node.end as usize).unwrap_or_default();
        if hint.is_none() && self.detector.scanner.is_short(raw) {
            return Ok(());
        }
        let text = doc.text.get(node.start as usize..node.end as usize).unwrap_or_default();
        self.hits.clear();
        let seen = Seen { unmarked: true, ..Seen::of(raw) };
        self.detector.scanner.scan(text, seen, hint, &mut self.hits, &mut self.names);
        let Some(best) = self.hits.iter().max_by_key(|h| (h.score, h.end - h.start)).copied() else {
            return Ok(());
        };
        let hit = Hit { start: 0, end: raw.len() as u32, ..best };
        let layer = Layer { base: node.start, map: None, up: doc.layer };
        let t = Inspected {
            text,
            layer,
            hint,
            form: Form::Number,
            depth: doc.depth,
            object: 0,
            views: 0,
            coded: doc.coded,
            unmarked: false,
        };
        let place = self.out.place(|| path(doc, frames));
        self.emit(&t, hit, place)
    }

    fn spend(&mut self, bytes: usize, layer: &Layer<'_>) -> Result<(), Uninspectable> {
        self.spent += bytes;
        if self.spent > self.detector.budget.bytes {
            return Err(Uninspectable::Budget { at: layer.outer(0..0).start });
        }
        Ok(())
    }

    fn emit(&mut self, t: &Inspected<'_>, hit: Hit, place: u32) -> Result<(), Uninspectable> {
        if self.detector.scanner.disabled.contains(hit.class) {
            return Ok(());
        }
        let span = t.layer.outer(hit.start..hit.end);
        if self.out.list.len() >= self.detector.budget.findings {
            return Err(Uninspectable::Findings { at: span.start });
        }
        let from = self.out.values.len() as u32;
        if !t.layer.verbatim() {
            self.out.values.push_str(t.text.get(hit.start as usize..hit.end as usize).unwrap_or_default());
        }
        let value = from..self.out.values.len() as u32;
        self.out.list.push(Finding {
            class: hit.class,
            kind: hit.kind,
            rule: hit.rule,
            span,
            score: hit.score,
            form: t.form,
            depth: t.depth,
            place,
            object: t.object,
            value,
        });
        Ok(())
    }
}

/// What stands between the quotes of a string.
fn inner<'a>(bytes: &'a [u8], node: &Node) -> &'a [u8] {
    bytes.get(node.start as usize + 1..(node.end as usize).saturating_sub(1)).unwrap_or_default()
}
