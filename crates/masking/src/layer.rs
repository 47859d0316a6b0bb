//! Where text that was decoded lies in the outer buffer: a chain of offset maps, one per decoding step.

use std::cell::Cell;
use std::ops::Range;

/// Offsets of a decoded text in what it was decoded from. Between two points both advance alike, or the part is one
/// escape sequence.
#[derive(Default, Debug)]
pub(crate) struct Map {
    points: Vec<(u32, u32)>,
    /// Lengths of both texts.
    end: (u32, u32),
    /// The point that was asked for last: the next one is near.
    near: Cell<usize>,
}

/// So many points are looked at one by one before all are searched.
const NEAR: usize = 32;

impl Map {
    /// Notes that `out` and `from` begin a run.
    pub(crate) fn point(&mut self, out: usize, from: usize) {
        self.points.push((out as u32, from as u32));
    }

    /// Notes the lengths of both texts.
    pub(crate) fn finish(&mut self, out: usize, from: usize) {
        self.end = (out as u32, from as u32);
    }

    /// The first point that does not lie in front of this place of the decoded text.
    fn first(&self, at: u32) -> usize {
        let near = self.near.get();
        let before = near == 0 || self.points.get(near - 1).is_some_and(|p| p.0 < at);
        let mut ahead = self.points.get(near..).unwrap_or_default().iter().take(NEAR);
        let n = match ahead.position(|p| p.0 >= at) {
            Some(n) if before => near + n,
            _ => self.points.partition_point(|p| p.0 < at),
        };
        self.near.set(n);
        n
    }

    fn start(&self, at: u32) -> u32 {
        let n = self.first(at);
        let n = n + self.points.get(n..).unwrap_or_default().partition_point(|p| p.0 <= at);
        let point = n.checked_sub(1).and_then(|n| self.points.get(n));
        point.map_or(at, |p| p.1 + (at - p.0)).min(self.end.1)
    }

    /// The end of a span: where the next run begins if the span ends with its run.
    fn stop(&self, at: u32) -> u32 {
        if at >= self.end.0 {
            return self.end.1;
        }
        let n = self.first(at);
        if let Some(p) = self.points.get(n)
            && p.0 == at
        {
            return p.1;
        }
        let point = n.checked_sub(1).and_then(|n| self.points.get(n));
        point.map_or(at, |p| p.1 + (at - p.0)).min(self.end.1)
    }

    fn span(&self, span: Range<u32>) -> Range<u32> {
        let start = self.start(span.start);
        start..self.stop(span.end).max(start)
    }
}

/// A text and the way back to the outer buffer.
#[derive(Clone, Copy)]
pub(crate) struct Layer<'a> {
    /// Where the text (or what it was decoded from) begins in the layer above.
    pub(crate) base: u32,
    /// From the text to what it was decoded from; `None` when they are the same bytes.
    pub(crate) map: Option<&'a Map>,
    /// The layer above; `None` for the outer buffer.
    pub(crate) up: Option<&'a Layer<'a>>,
}

impl Layer<'_> {
    /// Where a span of the text lies in the outer buffer.
    pub(crate) fn outer(&self, span: Range<u32>) -> Range<u32> {
        let mut layer = self;
        let mut span = span;
        loop {
            if let Some(map) = layer.map {
                span = map.span(span);
            }
            span = span.start + layer.base..span.end + layer.base;
            match layer.up {
                Some(up) => layer = up,
                None => return span,
            }
        }
    }

    /// Whether the outer bytes of a span are the text itself.
    pub(crate) fn verbatim(&self) -> bool {
        self.map.is_none() && self.up.is_none_or(Layer::verbatim)
    }
}

/// Decodes the inside of a JSON string.
pub(crate) fn unescape(inner: &[u8]) -> (String, Map) {
    let mut text = String::with_capacity(inner.len());
    let mut map = Map::default();
    let mut ahead = 0;
    carnet_json::decode_mapped(inner, &mut text, &mut |out, from| {
        // Where both go on as before there is nothing to note.
        if from - out != ahead {
            ahead = from - out;
            map.point(out, from);
        }
    });
    map.finish(text.len(), inner.len());
    (text, map)
}
