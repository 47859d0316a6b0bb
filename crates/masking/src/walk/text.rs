//! One text: a plain view of it, documents that it holds, what the recognisers find in it, and encoded runs.

use std::ops::Range;

use carnet_json::{Kind, Limits, Tape};
use carnet_model::{ClassSet, DataClass};

use super::{Doc, Inspected, Prefix, Walk};
use crate::detect::ground;
use crate::encoded::{self, Text};
use crate::finding::{Findings, Form};
use crate::layer::Layer;
use crate::plan::Uninspectable;
use crate::scan::{Direct, Hit, Seen};
use crate::{spread, view};

/// Arrays and objects inside a document that is inside a string.
const NESTED_DEPTH: usize = 64;

impl Walk<'_> {
    pub(super) fn text(
        &mut self,
        t: &Inspected<'_>,
        path: &mut dyn FnMut() -> String,
    ) -> Result<(), Uninspectable> {
        if t.form == Form::Base64 {
            return self.binary(t, path);
        }
        let named = t.hint.is_some() || !self.names.free;
        if t.unmarked && named && t.form == Form::Text && self.direct(t, path)? {
            return Ok(());
        }
        if self.detector.scanner.is_stamp(t.text, t.hint) {
            return Ok(());
        }
        let mut seen = Seen::of(t.text.as_bytes());
        seen.unmarked = t.unmarked;
        if t.hint.is_none() && !self.names.free && self.detector.scanner.passes_over(t.text, seen) {
            return Ok(());
        }
        let opens = |b: &u8| matches!(b, b'{' | b'[' | b'"') || b.is_ascii_whitespace();
        let document = t.form == Form::Text && t.text.as_bytes().first().is_some_and(opens);
        let read = if document { self.documents(t, path)? } else { 0 };
        let rest = t.text.get(read..).unwrap_or_default();
        if read == 0 {
            return self.reading(t, seen, path);
        }
        if rest.is_empty() {
            return Ok(());
        }
        let layer = Layer { base: read as u32, map: None, up: Some(&t.layer) };
        let seen = Seen { unmarked: t.unmarked, ..Seen::of(rest.as_bytes()) };
        self.reading(&Inspected { text: rest, layer, ..*t }, seen, path)
    }

    /// Notes what is in a text of a simple form; says whether it was one.
    fn direct(&mut self, t: &Inspected<'_>, path: &mut dyn FnMut() -> String) -> Result<bool, Uninspectable> {
        self.hits.clear();
        let done = self.detector.scanner.direct(t.text, t.hint, &mut self.hits);
        let codes = match done {
            Some(Direct::Plain(codes)) => codes,
            Some(Direct::Figures) if self.hits.iter().any(|h| is_all(h, t.text)) => None,
            _ => return Ok(false),
        };
        let mut place = None;
        self.emit_all(t, &mut place, path)?;
        if let Some(codes) = codes {
            self.encoded(t, Seen { coded: true, codes, ..Seen::default() }, place, path)?;
        }
        Ok(true)
    }

    /// What a text that is no document holds: in its plain view if it has one, else as it stands.
    fn reading(
        &mut self,
        t: &Inspected<'_>,
        seen: Seen,
        path: &mut dyn FnMut() -> String,
    ) -> Result<(), Uninspectable> {
        if let Some((plain, map)) = view::plain(t.text, seen) {
            if t.views >= self.detector.budget.depth {
                return Err(Uninspectable::Depth { at: t.layer.outer(0..1).start });
            }
            self.spend(plain.len(), &t.layer)?;
            let layer = Layer { base: 0, map: Some(&map), up: Some(&t.layer) };
            let views = t.views + 1;
            return self.text(&Inspected { text: &plain, layer, views, unmarked: false, ..*t }, path);
        }
        self.hits.clear();
        self.detector.scanner.scan(t.text, seen, t.hint, &mut self.hits, &mut self.names);
        let mut place = None;
        self.emit_all(t, &mut place, path)?;
        if self.hits.iter().any(|h| is_all(h, t.text)) {
            return Ok(());
        }
        self.spread(t, seen, &mut place, path)?;
        self.encoded(t, seen, place, path)
    }

    /// Notes all hits for a text.
    fn emit_all(
        &mut self,
        t: &Inspected<'_>,
        place: &mut Option<u32>,
        path: &mut dyn FnMut() -> String,
    ) -> Result<(), Uninspectable> {
        if self.hits.is_empty() {
            return Ok(());
        }
        let hits = std::mem::take(&mut self.hits);
        let at = *place.get_or_insert_with(|| self.out.place(&mut *path));
        let done = hits.iter().try_for_each(|h| self.emit(t, *h, at));
        self.hits = hits;
        done
    }

    /// Looks at what is written apart, written together.
    fn spread(
        &mut self,
        t: &Inspected<'_>,
        seen: Seen,
        place: &mut Option<u32>,
        path: &mut dyn FnMut() -> String,
    ) -> Result<(), Uninspectable> {
        for regions in spread::regions(t.text, seen) {
            if regions.is_empty() {
                continue;
            }
            let reading = spread::Reading::of(t.text, regions);
            self.spend(reading.text.len(), &t.layer)?;
            self.hits.clear();
            let seen = Seen::of(reading.text.as_bytes());
            self.detector.scanner.scan(&reading.text, seen, t.hint, &mut self.hits, &mut self.names);
            // What a key or a header says of a whole value was said of the text as it stands.
            self.hits
                .retain(|h| !matches!(h.rule, "key" | "column") && reading.counts(h.start..h.end, said(h)));
            let layer = Layer { base: 0, map: Some(&reading.map), up: Some(&t.layer) };
            self.emit_all(&Inspected { text: &reading.text, layer, ..*t }, place, path)?;
        }
        Ok(())
    }

    /// Decodes runs of base64 and hexadecimal digits and inspects what they hold.
    fn encoded(
        &mut self,
        t: &Inspected<'_>,
        seen: Seen,
        mut place: Option<u32>,
        path: &mut dyn FnMut() -> String,
    ) -> Result<(), Uninspectable> {
        let most = self.detector.budget.bytes.saturating_sub(self.spent);
        encoded::runs(t.text.as_bytes(), seen, most, &mut |run| {
            let form = if t.form == Form::Text { run.form } else { t.form };
            let span = run.span.start as u32..run.span.end as u32;
            match &run.text {
                Text::Is(text) => self.inside(t, text, span, form, &mut place, path),
                Text::TooLarge => Err(Uninspectable::Budget { at: t.layer.outer(span).start }),
            }
        })
    }

    /// Inspects decoded text; what is found there is reported for the whole `span` that it was decoded from.
    fn inside(
        &mut self,
        t: &Inspected<'_>,
        text: &str,
        span: Range<u32>,
        form: Form,
        place: &mut Option<u32>,
        path: &mut dyn FnMut() -> String,
    ) -> Result<(), Uninspectable> {
        if t.coded >= self.detector.budget.depth {
            return Err(Uninspectable::Depth { at: t.layer.outer(span).start });
        }
        self.spend(text.len(), &t.layer)?;
        let mut inner = Findings::new();
        let mut walk = Walk::new(self.detector, &mut inner);
        walk.spent = self.spent;
        let deeper = Inspected {
            text,
            layer: ground(0),
            hint: None,
            form: Form::Text,
            depth: 0,
            object: 0,
            views: t.views,
            coded: t.coded + 1,
            unmarked: false,
        };
        walk.text(&deeper, &mut String::new)
            .map_err(|_| Uninspectable::Depth { at: t.layer.outer(span.clone()).start })?;
        self.spent = walk.spent;
        drop(walk);
        let mut done = ClassSet::EMPTY;
        for f in inner.iter() {
            if !done.contains(f.class) {
                done.insert(f.class);
                let at = *place.get_or_insert_with(|| self.out.place(&mut *path));
                let hit = Hit {
                    start: span.start,
                    end: span.end,
                    class: f.class,
                    kind: f.kind,
                    rule: "encoded",
                    score: f.score,
                };
                self.emit(&Inspected { form, ..*t }, hit, at)?;
            }
        }
        Ok(())
    }

    /// A string that is base64 as a whole. What is not text is reported as not inspected.
    fn binary(&mut self, t: &Inspected<'_>, path: &mut dyn FnMut() -> String) -> Result<(), Uninspectable> {
        let span = 0..t.text.len() as u32;
        let most = self.detector.budget.bytes.saturating_sub(self.spent);
        if let Some(Text::Is(text)) = encoded::whole(t.text, most) {
            return self.inside(t, &text, span, Form::Base64, &mut None, path);
        }
        let place = self.out.place(path);
        let class = DataClass::UNINSPECTED;
        self.emit(
            t,
            Hit { start: 0, end: span.end, class, kind: "UNINSPECTED", rule: "binary", score: 100 },
            place,
        )
    }

    /// Walks the documents that the text begins with, as JSON lines do; gives where they end. A document in front of other
    /// text counts when it holds strings: numbers in brackets are read as text as well.
    fn documents(
        &mut self,
        t: &Inspected<'_>,
        path: &mut dyn FnMut() -> String,
    ) -> Result<usize, Uninspectable> {
        let limits = Limits { bytes: usize::MAX >> 1, depth: NESTED_DEPTH };
        let mut read = 0;
        while let Some(rest) = t.text.get(read..).filter(|rest| rest.len() > 2) {
            let first = rest.bytes().find(|b| !b.is_ascii_whitespace());
            let shaped = matches!(first, Some(b'{' | b'['))
                || first == Some(b'"') && rest.trim_ascii_end().ends_with('"');
            if !shaped {
                break;
            }
            let Ok((tape, end)) = Tape::parse_first(rest, &limits) else { break };
            let whole = end == rest.len();
            let strings = || tape.nodes().iter().any(|n| matches!(n.kind, Kind::Key | Kind::String));
            if !whole && (first == Some(b'"') || !strings()) {
                break;
            }
            self.nested(t, read, rest, &tape, end, path)?;
            read += end;
        }
        Ok(read)
    }

    /// Walks the document at `from`, which is `bytes` long.
    fn nested(
        &mut self,
        t: &Inspected<'_>,
        from: usize,
        text: &str,
        tape: &Tape,
        bytes: usize,
        path: &mut dyn FnMut() -> String,
    ) -> Result<(), Uninspectable> {
        let layer = Layer { base: from as u32, map: None, up: Some(&t.layer) };
        if t.depth >= self.detector.budget.depth {
            return Err(Uninspectable::Depth { at: layer.outer(0..1).start });
        }
        self.spend(bytes, &layer)?;
        let prefix = path();
        let doc = Doc {
            bytes: text.as_bytes(),
            text,
            tape,
            layer: Some(&layer),
            depth: t.depth + 1,
            coded: t.coded,
            hint: t.hint,
            prefix: Prefix::Text(&prefix),
        };
        // Values of a document are no texts of their own.
        let free = std::mem::take(&mut self.names.free);
        let done = self.document(&doc, 0, &[]);
        self.names.free = free;
        done
    }
}

/// Whether a hit is the whole text and proves itself, digits for the most part: then no other value can be in it.
fn is_all(h: &Hit, text: &str) -> bool {
    let digits = [
        DataClass::CARD,
        DataClass::PHONE,
        DataClass::IP,
        DataClass::IBAN,
        DataClass::US_SSN,
        DataClass::NATIONAL_ID,
        DataClass::TAX_ID,
        DataClass::HEALTH_ID,
    ];
    h.start == 0
        && h.end as usize == text.len()
        && h.score >= 75
        && (h.rule != "key" || h.score >= 98)
        && digits.contains(&h.class)
        && text.bytes().filter(|b| !b.is_ascii_digit()).count() * 2 <= text.len()
}

/// Whether a word or key speaks for a hit that needs one.
fn said(h: &Hit) -> bool {
    h.class != DataClass::CARD && h.score >= 80
}
