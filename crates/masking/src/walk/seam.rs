//! Values that are split over the elements of an array, the members of an object, or the texts of a list of parts: which
//! strings stand beside each other and may be pieces of one value. They are then read together ([`super::pieces`]).

use carnet_json::{Kind, Node};

use super::kin::{kin, name};
use super::pieces::{PIECE, Piece, Sort, decoded, sort};
use super::{Doc, Frame, Walk, inner};
use crate::plan::Uninspectable;
use crate::scan::secret;

/// Strings that stand in a row.
#[derive(Default)]
pub(super) struct Run {
    list: Vec<Member>,
    /// Some two neighbours meet.
    meet: bool,
}

/// One of them with its key.
struct Member {
    node: Node,
    key: Option<u32>,
    /// It may be a piece of one value with the one before it.
    meets: bool,
}

impl Run {
    fn add(&mut self, doc: &Doc<'_>, node: Node, key: Option<u32>) {
        let meets = self.list.last().is_some_and(|last| meet(doc, &last.node, &node, key));
        self.meet |= meets;
        self.list.push(Member { node, key, meets });
    }

    pub(super) fn clear(&mut self) {
        self.list.clear();
        self.meet = false;
    }
}

impl Frame {
    /// Notes the next child, the value `node` at `index`: whether it may go on with the one before it.
    pub(super) fn beside(&mut self, doc: &Doc<'_>, index: u32, node: &Node, skipped: bool) {
        let text = match node.kind {
            _ if skipped => None,
            Kind::String => Some(*node),
            Kind::Object if !self.object => text_of_part(doc, index),
            _ => None,
        };
        #[cfg(test)]
        if crate::scan::OPEN.get() {
            self.meets = true;
        }
        if let (Some(before), Some(text), false) = (&self.last, &text, self.meets) {
            self.meets = meet(doc, before, text, self.object.then_some(self.key));
        }
        self.last = text;
    }
}

/// A look at the ends of two neighbours: whether they may be pieces of one value.
fn meet(doc: &Doc<'_>, a: &Node, b: &Node, key: Option<u32>) -> bool {
    let (left, right) = (inner(doc.bytes, a), inner(doc.bytes, b));
    let (Some(last), Some(first)) = (left.last(), right.first()) else { return false };
    if a.escaped && left.len() <= 2 * PIECE || b.escaped && right.len() <= 2 * PIECE {
        return true;
    }
    let figure = |b: &u8| b.is_ascii_digit() || matches!(b, b'-' | b'.' | b' ' | b'+' | b'/');
    if figure(last) && figure(first) || *last == b'@' || *first == b'@' || *last >= 0x80 && *first >= 0x80 {
        return true;
    }
    let alnum = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'=' | b'/');
    if !alnum(last) || !alnum(first) {
        return false;
    }
    let node = key.and_then(|key| doc.tape.nodes().get(key as usize));
    let called = node.map(|node| inner(doc.bytes, node)).unwrap_or_default();
    // Nearly all names end otherwise, and their last letter tells.
    if called.last().is_some_and(|b| b"ntlrex".contains(b))
        && [&b"domain"[..], b"host", b"part", b"local", b"user", b"username", b"mailbox", b"login"]
            .iter()
            .any(|end| called.ends_with(end))
    {
        return true;
    }
    let tail = left.get(left.len().saturating_sub(PIECE)..).unwrap_or_default();
    let word = memchr::memrchr(b' ', tail).map_or(tail, |n| tail.get(n + 1..).unwrap_or_default());
    let (at, digit) =
        word.iter().fold((false, false), |(a, d), b| (a | (*b == b'@'), d | b.is_ascii_digit()));
    at || digit && (figure(first) || word.len() >= 4) || secret::begins(word)
}

impl Walk<'_> {
    /// Reads the direct children of an array or object together.
    pub(super) fn seams(
        &mut self,
        doc: &Doc<'_>,
        frames: &[Frame],
        container: &Frame,
        exclude: &[u32],
    ) -> Result<(), Uninspectable> {
        let nodes = doc.tape.nodes();
        let mut run = std::mem::take(&mut self.run);
        let mut i = container.node + 1;
        let mut key = None;
        let mut done = Ok(());
        while i < container.after && done.is_ok() {
            let Some(node) = nodes.get(i as usize).copied() else { break };
            let skipped = !exclude.is_empty() && exclude.binary_search(&i).is_ok();
            let next = node.after.max(i + 1);
            match node.kind {
                Kind::Key => {
                    key = Some(i);
                    i += 1;
                    continue;
                }
                Kind::String if !skipped => run.add(doc, node, key),
                Kind::Object if !skipped && !container.object => match text_of_part(doc, i) {
                    Some(text) => run.add(doc, text, None),
                    None => done = self.run(doc, frames, container, &mut run),
                },
                _ => done = self.run(doc, frames, container, &mut run),
            }
            i = next;
        }
        let done = done.and_then(|()| self.run(doc, frames, container, &mut run));
        run.clear();
        self.run = run;
        done
    }

    /// Strings that stand in a row.
    fn run(
        &mut self,
        doc: &Doc<'_>,
        frames: &[Frame],
        container: &Frame,
        run: &mut Run,
    ) -> Result<(), Uninspectable> {
        let mut done = Ok(());
        if run.meet && !container.object {
            done = self.chain(doc, frames, container, &run.list);
        } else if run.meet {
            self.chains(doc, container, run);
            let mut rest = run.list.as_slice();
            while !rest.is_empty() && done.is_ok() {
                let len = 1 + rest.iter().skip(1).take_while(|m| m.meets).count();
                let (chain, more) = rest.split_at_checked(len).unwrap_or((rest, &[]));
                if len > 1 {
                    done = self.chain(doc, frames, container, chain);
                }
                rest = more;
            }
        }
        run.clear();
        done
    }

    /// Parts the members of an object into chains: those that meet, and those whose names belong together. What was found
    /// as a whole is no piece of anything.
    fn chains(&self, doc: &Doc<'_>, container: &Frame, run: &mut Run) {
        let mut found = self.out.list.get(container.found as usize..).unwrap_or_default();
        // The member before, and whether it is a value by itself.
        let mut before: Option<(Option<u32>, Node, bool)> = None;
        for member in &mut run.list {
            let (start, end) = (member.node.start + 1, member.node.end.saturating_sub(1));
            while let Some((_, rest)) = found.split_first().filter(|(f, _)| f.span.end <= start) {
                found = rest;
            }
            let here = found.iter().take(4).any(|f| f.span.start <= start && f.span.end >= end);
            let whole = here && doc.layer.is_none();
            let meets = |(key, node, was_whole): (Option<u32>, Node, bool)| {
                let beside = member.meets && !whole && !was_whole;
                (beside || key.zip(member.key).is_some_and(|(a, b)| kin(doc, a, b)))
                    && is_piece(doc, &node)
                    && is_piece(doc, &member.node)
            };
            let now = before.is_some_and(meets);
            member.meets = now;
            before = Some((member.key, member.node, whole));
        }
    }

    /// Strings that may be pieces of one value.
    fn chain(
        &mut self,
        doc: &Doc<'_>,
        frames: &[Frame],
        container: &Frame,
        run: &[Member],
    ) -> Result<(), Uninspectable> {
        let texts: Vec<_> = run.iter().map(|m| decoded(doc, &m.node)).collect();
        let pieces: Vec<Piece<'_>> =
            run.iter().zip(&texts).map(|(m, text)| Piece { node: m.node, text, sort: sort(text) }).collect();
        let keys: Vec<String> =
            run.iter().map(|m| m.key.map_or_else(String::new, |k| name(doc, k))).collect();
        let mut from = 0;
        while from + 1 < pieces.len() {
            let Some(first) = pieces.get(from) else { break };
            let alike =
                |p: &&Piece<'_>| p.sort == first.sort || p.sort != Sort::Text && first.sort == Sort::Word;
            let len = pieces.iter().skip(from).take_while(alike).count();
            let these = pieces.get(from..from + len).unwrap_or_default();
            let names = keys.get(from..from + len).unwrap_or_default();
            match first.sort {
                Sort::Digits => self.digits(doc, frames, container, these, names)?,
                Sort::Word => self.words(doc, frames, container, these, names)?,
                Sort::Text if !container.object => self.texts(doc, frames, container, these)?,
                Sort::Text => {}
            }
            // Where the sorts differ, the ends still meet.
            if let (false, Some(pair)) = (container.object, pieces.get(from + len - 1..from + len + 1)) {
                self.texts(doc, frames, container, pair)?;
            }
            from += len.max(1);
        }
        Ok(())
    }
}

/// The string under the usual names of text in an element of a list of parts.
fn text_of_part(doc: &Doc<'_>, object: u32) -> Option<Node> {
    const NAMES: [&[u8]; 8] =
        [b"text", b"content", b"delta", b"chunk", b"data", b"value", b"line", b"message"];
    let nodes = doc.tape.nodes();
    let end = nodes.get(object as usize)?.after;
    let mut best: Option<(usize, Node)> = None;
    let mut key = object + 1;
    while key < end {
        let (name, value) = (nodes.get(key as usize)?, nodes.get(key as usize + 1)?);
        let raw = inner(doc.bytes, name);
        let rank = |text: &[u8]| NAMES.iter().position(|n| *n == text);
        let first = match raw.len() {
            _ if value.kind != Kind::String => None,
            _ if name.escaped => rank(carnet_json::decode(raw).as_bytes()),
            4..=7 if matches!(raw.first(), Some(b't' | b'c' | b'd' | b'v' | b'l' | b'm')) => rank(raw),
            _ => None,
        };
        if let Some(first) = first.filter(|n| best.is_none_or(|(b, _)| *n < b)) {
            best = Some((first, *value));
        }
        key = value.after.max(key + 2);
    }
    best.map(|(_, node)| node)
}

/// Whether a member can be a piece: a word or digits.
fn is_piece(doc: &Doc<'_>, node: &Node) -> bool {
    let text = doc.text.get(node.start as usize + 1..(node.end as usize).saturating_sub(1));
    node.escaped || text.is_some_and(|text| sort(text) != Sort::Text)
}
