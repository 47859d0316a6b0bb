//! Splices: a changed copy of a buffer in which only the named spans differ.

use std::ops::Range;

/// Two edits want the same bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("two edits overlap")]
pub struct Overlap;

/// A set of replacements of spans of one buffer. The texts lie in one arena: an edit costs no allocation.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Edits {
    ops: Vec<Op>,
    text: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Op {
    start: usize,
    end: usize,
    text: (usize, usize),
}

impl Edits {
    /// No edits.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Replaces `span` by `with`. An empty span inserts.
    pub fn replace(&mut self, span: Range<usize>, with: &[u8]) {
        let from = self.text.len();
        self.text.extend_from_slice(with);
        self.ops.push(Op { start: span.start, end: span.end, text: (from, self.text.len()) });
    }

    /// Whether nothing changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ops.is_empty()
    }

    /// How many spans change.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ops.len()
    }

    /// Takes over another set of edits of the same buffer.
    pub fn extend(&mut self, other: &Edits) {
        let base = self.text.len();
        self.text.extend_from_slice(&other.text);
        self.ops.extend(other.ops.iter().map(|op| Op { text: (op.text.0 + base, op.text.1 + base), ..*op }));
    }

    /// The changed copy.
    ///
    /// # Errors
    /// If two edits overlap or lie outside the buffer: then neither can be trusted, and nothing is written.
    pub fn apply(&self, bytes: &[u8]) -> Result<Vec<u8>, Overlap> {
        let sorted;
        let ops = if self.ops.is_sorted_by_key(|o| (o.start, o.end)) {
            &self.ops
        } else {
            let mut copy = self.ops.clone();
            copy.sort_by_key(|o| (o.start, o.end));
            sorted = copy;
            &sorted
        };
        let mut out = Vec::with_capacity(bytes.len() + self.text.len());
        let mut pos = 0;
        for op in ops {
            let keep = bytes.get(pos..op.start).ok_or(Overlap)?;
            out.extend_from_slice(keep);
            out.extend_from_slice(self.text.get(op.text.0..op.text.1).ok_or(Overlap)?);
            if op.end < op.start {
                return Err(Overlap);
            }
            pos = op.end;
        }
        out.extend_from_slice(bytes.get(pos..).ok_or(Overlap)?);
        Ok(out)
    }
}
