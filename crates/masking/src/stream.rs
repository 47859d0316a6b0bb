//! Text that comes in pieces: which pieces have to wait for the next, and what is known around each when it goes.
//!
//! A piece whose end may be the beginning of a value waits until more has come, the stream has ended, or the shell finds
//! that nothing comes. No clock here: the shell says when.

use std::collections::VecDeque;

use carnet_model::DataClass;

use crate::detect::Detector;
use crate::finding::Findings;
use crate::plan::Uninspectable;
use crate::scan::{bytes, secret};
use carnet_json::Tape;

/// More than this is not held back.
const HELD: usize = 8 << 10;
/// More pieces than this are not held back.
const PIECES: usize = 64;
/// How much of what went out is remembered: no value but a private key is longer.
const MEMORY: usize = 512;

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";

/// What stands around a piece that goes.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Seam {
    /// The end of what went before.
    pub before: String,
    /// What comes behind it, as far as it is known.
    pub after: String,
    /// More may come behind that.
    pub unfinished: bool,
}

impl Seam {
    /// Nothing stands around it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.before.is_empty() && self.after.is_empty() && !self.unfinished
    }
}

impl std::fmt::Debug for Seam {
    /// Sizes, never the content.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Seam({} before, {} after)", self.before.len(), self.after.len())
    }
}

/// Why pieces are asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flow {
    /// More may come: only what is complete goes.
    More,
    /// Nothing has come for a while: everything goes, and what looks like the beginning of a value is kept out of it.
    Quiet,
    /// Nothing will come: everything goes.
    End,
}

/// The state of one stream of text.
#[derive(Default)]
pub struct Stream {
    before: String,
    held: VecDeque<String>,
    bytes: usize,
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Stream({} pieces held)", self.held.len())
    }
}

impl Stream {
    /// Adds the next piece.
    pub fn push(&mut self, text: String) {
        self.bytes += text.len();
        self.held.push_back(text);
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Lets the oldest piece that waits go, if it may.
    pub fn pop(&mut self, flow: Flow) -> Option<Seam> {
        let first = self.held.front()?;
        let mut text = format!("{}{first}", self.before);
        let end = text.len();
        for piece in self.held.iter().skip(1) {
            text.push_str(piece);
        }
        let full = self.bytes > HELD || self.held.len() > PIECES;
        // What is behind it may leave it open, too.
        let open = flow != Flow::End && open(&text) < end;
        if flow == Flow::More && !full && open {
            return None;
        }
        let after = text.get(end..).unwrap_or_default().to_owned();
        let gone = self.held.pop_front().unwrap_or_default();
        self.bytes -= gone.len();
        text.truncate(end);
        let before = std::mem::replace(&mut self.before, memory(&text));
        Some(Seam { before, after, unfinished: open })
    }
}

/// What is remembered of a text that went: its end, and that a private key is under way.
fn memory(text: &str) -> String {
    let rest = text.get(text.ceil_char_boundary(text.len().saturating_sub(MEMORY))..).unwrap_or_default();
    match under_way(text) {
        Some(begin) if text.len() - begin > MEMORY => {
            let label = text.get(begin..).and_then(|t| t.lines().next()).unwrap_or_default();
            format!("{}\n{rest}", label.get(..label.len().min(64)).unwrap_or_default())
        }
        _ => rest.to_owned(),
    }
}

/// Where a private key begins that has not ended.
fn under_way(text: &str) -> Option<usize> {
    text.rfind(BEGIN).filter(|n| !text.get(*n..).unwrap_or_default().contains(END))
}

/// Where the end of a text begins that may be the beginning of a value; its length if there is none. That is its last
/// word, and in front of it the groups that may belong to the same value.
fn open(text: &str) -> usize {
    if let Some(begin) = under_way(text) {
        return begin;
    }
    let b = text.as_bytes();
    let mut at = b.len();
    let (word, gap) = last_word(b, at);
    if gap == 0 {
        if closed(word) {
            return at;
        }
        at -= word.len();
        if !grouped(word) {
            return at;
        }
    }
    let floor = b.len().saturating_sub(MEMORY);
    loop {
        let (word, gap) = last_word(b, at);
        if word.is_empty() || gap > 2 || !grouped(word) || closed(word) || at < floor {
            return at;
        }
        at -= gap + word.len();
    }
}

/// The last word in front of `at`, and how much white space is behind it.
fn last_word(b: &[u8], at: usize) -> (&[u8], usize) {
    let before = b.get(..at).unwrap_or_default();
    let gap = before.iter().rev().take(3).take_while(|b| b.is_ascii_whitespace()).count();
    let before = before.get(..at - gap).unwrap_or_default();
    let len = before.iter().rev().take(MEMORY).take_while(|b| !b.is_ascii_whitespace()).count();
    (before.get(before.len() - len..).unwrap_or_default(), gap)
}

/// May be a group of a number or of an account number.
fn grouped(word: &[u8]) -> bool {
    word.iter().any(u8::is_ascii_digit)
        || word.len() <= 4 && word.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_punctuation())
}

/// Ends as no part of a value ends.
fn closed(group: &[u8]) -> bool {
    group.last().is_none_or(|b| {
        matches!(b, b'!' | b'?' | b')' | b']' | b'}' | b'"' | b'\'' | b'>' | b';' | b',' | b'|')
    })
}

/// Whether the beginning of a value is likely, not only possible.
fn suspicious(tail: &str) -> bool {
    let b = tail.as_bytes();
    let digits = b.iter().filter(|b| b.is_ascii_digit()).count();
    let letters = b.iter().any(u8::is_ascii_alphabetic);
    let word = b.rsplit(u8::is_ascii_whitespace).next().unwrap_or_default();
    digits >= 4
        || digits >= 2 && letters && tail.len() <= 12
        || b.contains(&b'@')
        || tail.starts_with(BEGIN)
        || b.first() == Some(&b'+') && digits > 0
        || word.len() >= 4 && secret::begins(word)
        || word.len() >= 16 && digits >= 2 && word.iter().all(|b| bytes::token(*b))
}

impl Detector {
    /// Inspects a string again with what stands around it in its stream, and adds what crosses its ends. Where the stream
    /// is unfinished, an end that is likely to begin a value is noted as not inspected.
    ///
    /// # Errors
    /// If not everything could be inspected.
    pub fn find_seam(
        &self,
        bytes: &[u8],
        tape: &Tape,
        node: u32,
        seam: &Seam,
        findings: &mut Findings,
    ) -> Result<(), Uninspectable> {
        crate::walk::Walk::new(self, findings).seam(bytes, tape, node, seam)
    }
}

/// The end of a piece that may not be shown while its stream is unfinished, and the class it is noted as.
pub(crate) fn withheld_end(seam: &Seam, text: &str) -> Option<(usize, DataClass)> {
    let (before, after) = (&seam.before, &seam.after);
    let whole = format!("{before}{text}{after}");
    let from = open(&whole);
    whole.get(from..).filter(|tail| !tail.is_empty() && suspicious(tail))?;
    let from = from.saturating_sub(before.len());
    (from < text.len()).then_some((from, DataClass::UNINSPECTED))
}

/// How much of a text may belong to a value that crosses its ends.
pub(crate) fn near<'a>(seam: &Seam, text: &'a str) -> &'a str {
    if seam.unfinished || !seam.after.is_empty() || under_way(&seam.before).is_some() {
        return text;
    }
    text.get(..text.floor_char_boundary(8 * MEMORY)).unwrap_or_default()
}
