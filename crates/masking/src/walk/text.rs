//! One text: a plain view of it, documents that it holds, what the recognisers find in it, and encoded runs.

use std::ops::Range;

use carnet_json::{Limits, Tape};
use carnet_model::{ClassSet, DataClass};

use super::{Doc, Inspected, Prefix, Walk};
use crate::detect::ground;
use crate::encoded;
use crate::finding::{Findings, Form};
use crate::layer::Layer;
use crate::plan::Uninspectable;
use crate::scan::{Hit, Seen};
use crate::token::only_masks;
use crate::view;

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
        let seen = Seen::of(t.text.as_bytes());
        if seen.quiet(t.text.len()) && t.hint.is_none() {
            return Ok(());
        }
        if t.form == Form::Text && self.nested(t, path)? {
            return Ok(());
        }
        if let Some((plain, map)) = view::plain(t.text, seen) {
            if t.views >= self.detector.budget.depth {
                return Err(Uninspectable::Depth { at: t.layer.outer(0..1).start });
            }
            self.spend(plain.len(), &t.layer)?;
            let layer = Layer { base: 0, map: Some(&map), up: Some(&t.layer) };
            return self.text(&Inspected { text: &plain, layer, views: t.views + 1, ..*t }, path);
        }
        self.hits.clear();
        self.detector.scanner.scan(t.text, seen, t.hint, &mut self.hits);
        let mut place = None;
        if !self.hits.is_empty() {
            let hits = std::mem::take(&mut self.hits);
            let at = *place.insert(self.out.place(&mut *path));
            let done = hits.iter().try_for_each(|h| self.emit(t, *h, at));
            self.hits = hits;
            done?;
        }
        self.encoded(t, place, path)
    }

    /// Decodes runs of base64 and hexadecimal digits and inspects what they hold.
    fn encoded(
        &mut self,
        t: &Inspected<'_>,
        mut place: Option<u32>,
        path: &mut dyn FnMut() -> String,
    ) -> Result<(), Uninspectable> {
        let mut from = 0;
        while let Some(run) = encoded::next(t.text.as_bytes(), from) {
            from = run.end;
            let form = if t.form == Form::Text { run.form } else { t.form };
            let span = run.start as u32..run.end as u32;
            self.inside(t, &run.text, span, form, &mut place, path)?;
        }
        Ok(())
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
        };
        walk.text(&deeper, &mut String::new)
            .map_err(|_| Uninspectable::Depth { at: t.layer.outer(span.clone()).start })?;
        self.spent = walk.spent;
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
        if let Some(text) = encoded::whole(t.text) {
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

    /// Walks the text as a document if it is one.
    fn nested(&mut self, t: &Inspected<'_>, path: &mut dyn FnMut() -> String) -> Result<bool, Uninspectable> {
        let trimmed = t.text.trim_ascii();
        let (Some(first), Some(last)) = (trimmed.bytes().next(), trimmed.bytes().last()) else {
            return Ok(false);
        };
        let shaped = matches!((first, last), (b'{', b'}') | (b'[', b']') | (b'"', b'"')) && trimmed.len() > 2;
        if !shaped || only_masks(trimmed) {
            return Ok(false);
        }
        let limits = Limits { bytes: usize::MAX >> 1, depth: NESTED_DEPTH };
        let Ok(tape) = Tape::parse(t.text.as_bytes(), &limits) else { return Ok(false) };
        if t.depth >= self.detector.budget.depth {
            return Err(Uninspectable::Depth { at: t.layer.outer(0..1).start });
        }
        self.spend(t.text.len(), &t.layer)?;
        let prefix = path();
        let doc = Doc {
            bytes: t.text.as_bytes(),
            text: t.text,
            tape: &tape,
            layer: Some(&t.layer),
            depth: t.depth + 1,
            coded: t.coded,
            prefix: Prefix::Text(&prefix),
        };
        self.document(&doc, 0, &[])?;
        Ok(true)
    }
}
