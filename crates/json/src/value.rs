//! Reading a parsed buffer.

use std::borrow::Cow;
use std::ops::Range;

use crate::scan::{Kind, Node};
use crate::text;

/// A value in a parsed buffer: cheap to copy, reads on demand.
#[derive(Clone, Copy)]
pub struct Value<'a> {
    bytes: &'a [u8],
    nodes: &'a [Node],
    index: u32,
}

const NULL: Node = Node { start: 0, end: 0, after: 0, kind: Kind::Null, escaped: false };

impl std::fmt::Debug for Value<'_> {
    /// Kind and place, never the content.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}@{:?}", self.kind(), self.span())
    }
}

impl<'a> Value<'a> {
    pub(crate) fn at(bytes: &'a [u8], nodes: &'a [Node], index: u32) -> Self {
        Value { bytes, nodes, index }
    }

    /// The node itself.
    #[must_use]
    pub fn node(&self) -> Node {
        self.nodes.get(self.index as usize).copied().unwrap_or(NULL)
    }

    /// Its index in the tape.
    #[must_use]
    pub fn index(&self) -> u32 {
        self.index
    }

    /// What it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.node().kind
    }

    /// Where it lies in the buffer, quotes and brackets included.
    #[must_use]
    pub fn span(&self) -> Range<usize> {
        let n = self.node();
        n.start as usize..n.end as usize
    }

    /// Its bytes as they came.
    #[must_use]
    pub fn raw(&self) -> &'a [u8] {
        self.bytes.get(self.span()).unwrap_or_default()
    }

    /// Its bytes as text. JSON that was parsed is UTF-8.
    #[must_use]
    pub fn raw_str(&self) -> &'a str {
        std::str::from_utf8(self.raw()).unwrap_or_default()
    }

    /// For a string or key: the bytes between the quotes, still escaped.
    #[must_use]
    pub fn inner(&self) -> Option<&'a [u8]> {
        matches!(self.kind(), Kind::String | Kind::Key).then(|| {
            self.raw().get(1..).and_then(|r| r.split_last()).map(|(_, inner)| inner).unwrap_or_default()
        })
    }

    /// For a string or key: its text.
    #[must_use]
    pub fn as_str(&self) -> Option<Cow<'a, str>> {
        let inner = self.inner()?;
        if self.node().escaped {
            Some(text::decode(inner))
        } else {
            Some(Cow::Borrowed(std::str::from_utf8(inner).unwrap_or_default()))
        }
    }

    /// Whether it is a string or key with exactly this text.
    #[must_use]
    pub fn is_str(&self, text: &str) -> bool {
        match self.inner() {
            Some(inner) if !self.node().escaped => inner == text.as_bytes(),
            Some(_) => self.as_str().is_some_and(|s| s == text),
            None => false,
        }
    }

    /// A whole number that fits, written without fraction or exponent.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        (self.kind() == Kind::Number).then(|| self.raw_str().parse().ok()).flatten()
    }

    /// `true` or `false`.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self.kind() {
            Kind::True => Some(true),
            Kind::False => Some(false),
            _ => None,
        }
    }

    /// The member of an object with this key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<Value<'a>> {
        self.entries().find(|(k, _)| k.is_str(key)).map(|(_, v)| v)
    }

    /// The members of an object in document order; none for anything else.
    #[must_use]
    pub fn entries(&self) -> Entries<'a> {
        let n = self.node();
        let end = if n.kind == Kind::Object { n.after } else { 0 };
        Entries { value: *self, next: self.index + 1, end }
    }

    /// The elements of an array in document order; none for anything else.
    #[must_use]
    pub fn items(&self) -> Items<'a> {
        let n = self.node();
        let end = if n.kind == Kind::Array { n.after } else { 0 };
        Items { value: *self, next: self.index + 1, end }
    }
}

/// See [`Value::entries`].
#[derive(Clone, Debug)]
pub struct Entries<'a> {
    value: Value<'a>,
    next: u32,
    end: u32,
}

impl<'a> Iterator for Entries<'a> {
    type Item = (Value<'a>, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.next >= self.end {
            return None;
        }
        let key = Value { index: self.next, ..self.value };
        let value = Value { index: self.next + 1, ..self.value };
        self.next = value.node().after.max(self.next + 2);
        Some((key, value))
    }
}

/// See [`Value::items`].
#[derive(Clone, Debug)]
pub struct Items<'a> {
    value: Value<'a>,
    next: u32,
    end: u32,
}

impl<'a> Iterator for Items<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next >= self.end {
            return None;
        }
        let item = Value { index: self.next, ..self.value };
        self.next = item.node().after.max(self.next + 1);
        Some(item)
    }
}
