//! The scanner: one pass over the bytes, an explicit stack, a flat list of nodes in document order.

use crate::error::{Error, ErrorKind};
use crate::text;
use crate::value::Value;

/// What a node is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Kind {
    /// `{...}`; its children alternate key and value.
    Object,
    /// `[...]`
    Array,
    /// A member's name; its value is the next node.
    Key,
    /// A string value.
    String,
    /// A number, in whatever format it was written.
    Number,
    /// `true`
    True,
    /// `false`
    False,
    /// `null`
    Null,
}

/// A value or key and where it lies. Strings include their quotes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Node {
    /// Offset of the first byte.
    pub start: u32,
    /// Offset behind the last byte.
    pub end: u32,
    /// Index of the first node that is not inside this one.
    pub after: u32,
    /// What it is.
    pub kind: Kind,
    /// For strings and keys: whether there is a backslash in it.
    pub escaped: bool,
}

/// What a buffer may not exceed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Bytes.
    pub bytes: usize,
    /// Arrays and objects around the innermost value.
    pub depth: usize,
}

impl Default for Limits {
    /// 16 MiB, 64 levels.
    fn default() -> Self {
        Limits { bytes: 16 << 20, depth: 64 }
    }
}

/// The nodes of one buffer, in document order. Index 0 is the root.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Tape {
    nodes: Vec<Node>,
}

impl Tape {
    /// Checks the whole buffer and notes where each value is.
    ///
    /// # Errors
    /// The first thing that is wrong, with its offset.
    pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Tape, Error> {
        if bytes.len() > limits.bytes || u32::try_from(bytes.len()).is_err() {
            return Err(Error::at(ErrorKind::TooLarge, limits.bytes.min(bytes.len())));
        }
        if let Err(e) = std::str::from_utf8(bytes) {
            return Err(Error::at(ErrorKind::Utf8, e.valid_up_to()));
        }
        let (tape, end) = Tape::run(bytes, limits, 16 + bytes.len() / 24)?;
        if end < bytes.len() { Err(Error::at(ErrorKind::Trailing, end)) } else { Ok(tape) }
    }

    /// The first value of a text that may go on behind it, and where that value and the white space behind it end. Costs
    /// what that value costs, however long the text is.
    ///
    /// # Errors
    /// The first thing that is wrong with that value, with its offset.
    pub fn parse_first(text: &str, limits: &Limits) -> Result<(Tape, usize), Error> {
        if u32::try_from(text.len()).is_err() {
            return Err(Error::at(ErrorKind::TooLarge, limits.bytes.min(text.len())));
        }
        Tape::run(text.as_bytes(), limits, 16)
    }

    fn run(bytes: &[u8], limits: &Limits, room: usize) -> Result<(Tape, usize), Error> {
        let mut scanner = Scanner {
            bytes,
            pos: 0,
            nodes: Vec::with_capacity(room),
            open: Vec::with_capacity(8),
            keys: Vec::with_capacity(16),
            depth: limits.depth,
        };
        scanner.run()?;
        Ok((Tape { nodes: scanner.nodes }, scanner.pos))
    }

    /// The root value, read against the buffer that was parsed.
    #[must_use]
    pub fn root<'a>(&'a self, bytes: &'a [u8]) -> Value<'a> {
        Value::at(bytes, &self.nodes, 0)
    }

    /// The value at a node index, read against the buffer that was parsed.
    #[must_use]
    pub fn value<'a>(&'a self, bytes: &'a [u8], index: u32) -> Value<'a> {
        Value::at(bytes, &self.nodes, index)
    }

    /// All nodes in document order.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }
}

/// An array or object that is not closed yet.
struct Open {
    node: u32,
    /// Where its keys begin in `Scanner::keys`; unused for arrays.
    keys: u32,
    /// One bit per cheap key hash; a second key on the same bit asks for a look at the hashes, and two equal hashes for a
    /// real comparison.
    seen: u128,
    clash: bool,
    object: bool,
}

/// Up to this many keys of an object are compared by their hashes.
const FEW: usize = 32;

struct Scanner<'a> {
    bytes: &'a [u8],
    pos: usize,
    nodes: Vec<Node>,
    open: Vec<Open>,
    /// Node indexes and hashes of the keys of all open objects.
    keys: Vec<(u32, u32)>,
    depth: usize,
}

#[derive(PartialEq, Clone, Copy)]
enum Expect {
    Value,
    ValueOrEnd,
    Key,
    KeyOrEnd,
    CommaOrEnd,
}

impl Scanner<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.pos).copied()
    }

    fn fail<T>(&self, kind: ErrorKind) -> Result<T, Error> {
        let kind = if kind == ErrorKind::Syntax && self.pos >= self.bytes.len() {
            ErrorKind::Truncated
        } else {
            kind
        };
        Err(Error::at(kind, self.pos))
    }

    fn white(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.pos += 1;
        }
    }

    fn run(&mut self) -> Result<(), Error> {
        let mut expect = Expect::Value;
        loop {
            self.white();
            let Some(b) = self.peek() else { return self.fail(ErrorKind::Truncated) };
            expect = match (expect, b) {
                (Expect::ValueOrEnd, b']') | (Expect::KeyOrEnd, b'}') => self.close()?,
                (Expect::Value | Expect::ValueOrEnd, _) => self.value(b)?,
                (Expect::Key | Expect::KeyOrEnd, b'"') => self.key()?,
                (Expect::CommaOrEnd, b',') => {
                    self.pos += 1;
                    if self.open.last().is_some_and(|o| o.object) { Expect::Key } else { Expect::Value }
                }
                (Expect::CommaOrEnd, b'}') if self.open.last().is_some_and(|o| o.object) => self.close()?,
                (Expect::CommaOrEnd, b']') if self.open.last().is_some_and(|o| !o.object) => self.close()?,
                _ => return self.fail(ErrorKind::Syntax),
            };
            if self.open.is_empty() {
                self.white();
                return Ok(());
            }
        }
    }

    fn push(&mut self, kind: Kind, start: usize, escaped: bool) {
        let after = self.nodes.len() as u32 + 1;
        self.nodes.push(Node { start: start as u32, end: self.pos as u32, after, kind, escaped });
    }

    fn value(&mut self, b: u8) -> Result<Expect, Error> {
        let start = self.pos;
        match b {
            b'"' => {
                let escaped = self.string()?;
                self.push(Kind::String, start, escaped);
            }
            b'{' | b'[' => return self.begin(b == b'{'),
            b'-' | b'0'..=b'9' => {
                self.number()?;
                self.push(Kind::Number, start, false);
            }
            b't' => self.word(b"true", Kind::True)?,
            b'f' => self.word(b"false", Kind::False)?,
            b'n' => self.word(b"null", Kind::Null)?,
            _ => return self.fail(ErrorKind::Syntax),
        }
        Ok(Expect::CommaOrEnd)
    }

    fn begin(&mut self, object: bool) -> Result<Expect, Error> {
        if self.open.len() >= self.depth {
            return self.fail(ErrorKind::Depth);
        }
        let start = self.pos;
        self.pos += 1;
        let node = self.nodes.len() as u32;
        self.push(if object { Kind::Object } else { Kind::Array }, start, false);
        self.open.push(Open { node, keys: self.keys.len() as u32, seen: 0, clash: false, object });
        Ok(if object { Expect::KeyOrEnd } else { Expect::ValueOrEnd })
    }

    fn close(&mut self) -> Result<Expect, Error> {
        self.pos += 1;
        let Some(open) = self.open.pop() else { return self.fail(ErrorKind::Syntax) };
        let after = self.nodes.len() as u32;
        if let Some(node) = self.nodes.get_mut(open.node as usize) {
            node.end = self.pos as u32;
            node.after = after;
        }
        if open.object {
            if open.clash {
                self.duplicates(open.keys as usize)?;
            }
            self.keys.truncate(open.keys as usize);
        }
        Ok(Expect::CommaOrEnd)
    }

    fn key(&mut self) -> Result<Expect, Error> {
        let start = self.pos;
        let escaped = self.string()?;
        let node = self.nodes.len() as u32;
        self.push(Kind::Key, start, escaped);
        let inner = self.bytes.get(start + 1..self.pos - 1).unwrap_or_default();
        let hash = cheap_hash(inner);
        if let Some(open) = self.open.last_mut() {
            // An escaped key may equal one spelled plainly: always compare then.
            let bit = 1u128 << (hash & 127);
            let before = self.keys.get(open.keys as usize..).unwrap_or_default();
            // A long list of keys is not worth a look at each of them.
            let same = || before.len() > FEW || before.iter().any(|k| k.1 == hash);
            open.clash |= escaped || open.seen & bit != 0 && same();
            open.seen |= bit;
        }
        self.keys.push((node, hash));
        self.white();
        if self.peek() != Some(b':') {
            return self.fail(ErrorKind::Syntax);
        }
        self.pos += 1;
        Ok(Expect::Value)
    }

    /// Compares the keys of the object whose keys begin at `from`.
    fn duplicates(&self, from: usize) -> Result<(), Error> {
        let mut named: Vec<(std::borrow::Cow<'_, str>, u32)> = self
            .keys
            .get(from..)
            .unwrap_or_default()
            .iter()
            .filter_map(|k| self.nodes.get(k.0 as usize))
            .map(|n| {
                let inner = self.bytes.get(n.start as usize + 1..n.end as usize - 1).unwrap_or_default();
                (text::decode(inner), n.start)
            })
            .collect();
        named.sort_unstable();
        for pair in named.windows(2) {
            if let [a, b] = pair
                && a.0 == b.0
            {
                return Err(Error::at(ErrorKind::DuplicateKey, a.1.max(b.1) as usize));
            }
        }
        Ok(())
    }

    fn word(&mut self, word: &[u8], kind: Kind) -> Result<(), Error> {
        let start = self.pos;
        if !self.bytes.get(start..).is_some_and(|rest| rest.starts_with(word)) {
            return self.fail(ErrorKind::Syntax);
        }
        self.pos += word.len();
        self.push(kind, start, false);
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Error> {
        let from = self.pos;
        while let Some(b'0'..=b'9') = self.peek() {
            self.pos += 1;
        }
        if self.pos == from { self.fail(ErrorKind::Syntax) } else { Ok(()) }
    }

    fn number(&mut self) -> Result<(), Error> {
        if self.peek() == Some(b'-') {
            self.pos += 1;
        }
        if self.peek() == Some(b'0') {
            self.pos += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.pos += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.pos += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.pos += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    /// Moves behind the closing quote; says whether there was a backslash.
    fn string(&mut self) -> Result<bool, Error> {
        self.pos += 1;
        let mut escaped = false;
        loop {
            let rest = self.bytes.get(self.pos..).unwrap_or_default();
            let Some(n) = text::plain_run(rest) else {
                self.pos = self.bytes.len();
                return self.fail(ErrorKind::Truncated);
            };
            self.pos += n;
            match self.peek() {
                Some(b'"') => {
                    self.pos += 1;
                    return Ok(escaped);
                }
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                _ => return self.fail(ErrorKind::Syntax),
            }
        }
    }

    fn escape(&mut self) -> Result<(), Error> {
        self.pos += 1;
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.pos += 1,
            Some(b'u') => {
                self.pos += 1;
                for _ in 0..4 {
                    if !self.peek().is_some_and(|b| b.is_ascii_hexdigit()) {
                        return self.fail(ErrorKind::Syntax);
                    }
                    self.pos += 1;
                }
            }
            _ => return self.fail(ErrorKind::Syntax),
        }
        Ok(())
    }
}

fn cheap_hash(key: &[u8]) -> u32 {
    let at = |i: usize| u32::from(key.get(i).copied().unwrap_or(0));
    let n = key.len();
    (n as u32)
        .wrapping_mul(0x9E37)
        .wrapping_add(at(0).wrapping_mul(31))
        .wrapping_add(at(n / 2).wrapping_mul(17))
        .wrapping_add(at(n.wrapping_sub(1)).wrapping_mul(7))
}
