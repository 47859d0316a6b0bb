//! Pieces that stand beside each other, read as one text: what crosses a border counts where its own form is proof enough.
//! Also what a stream has told before and after a text.

use std::ops::Range;

use carnet_json::{Kind, Node, Tape};
use carnet_model::DataClass;

use super::kin::{belong, domain_key, local_key};
use super::path::path;
use super::{Doc, Frame, Inspected, Prefix, Walk, inner};
use crate::detect::ground;
use crate::finding::{Finding, Findings, Form};
use crate::keys::Hint;
use crate::layer::{Layer, unescape};
use crate::plan::Uninspectable;
use crate::scan::{Hit, bytes};
use crate::stream::{Seam, near, withheld_end};

/// Longer strings are no piece of a value, but their ends may be.
pub(super) const PIECE: usize = 64;
/// More pieces are a list.
const PIECES: usize = 34;
/// No value but a key is longer, and a key is not cut more often.
const JOINED: usize = 256;

/// What a string may be a piece of.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Sort {
    /// Digits and what stands between digits.
    Digits,
    /// One word of the characters of keys, addresses and account numbers.
    Word,
    /// Something longer, of which only the ends matter.
    Text,
}

/// A string that is read together with its neighbours.
#[derive(Clone, Copy)]
pub(super) struct Piece<'t> {
    pub(super) node: Node,
    pub(super) text: &'t str,
    pub(super) sort: Sort,
}

impl Walk<'_> {
    /// Groups of digits: all of them are one value.
    pub(super) fn digits(
        &mut self,
        doc: &Doc<'_>,
        frames: &[Frame],
        container: &Frame,
        pieces: &[Piece<'_>],
        keys: &[String],
    ) -> Result<(), Uninspectable> {
        let total: usize = pieces.iter().map(|p| p.text.bytes().filter(u8::is_ascii_digit).count()).sum();
        if pieces.len() < 2 || pieces.len() > PIECES || !(7..=34).contains(&total) {
            return Ok(());
        }
        let hint = self.hint(container, keys);
        let loose = container.object && !belong(keys);
        let whole = |joined: &str, f: &Finding| {
            let lead = joined.len() - joined.trim_start_matches(['+', '(', ' ']).len();
            f.span.start as usize <= lead && f.span.end as usize >= joined.trim_end_matches([')', ' ']).len()
        };
        for joiner in ["", " "] {
            let counts = |joined: &str, f: &Finding, _: &[usize]| {
                let proof = match f.class {
                    DataClass::CARD => {
                        !loose && matches!(total, 15 | 16)
                            || hint.is_some_and(|h| h.class == Some(DataClass::CARD))
                    }
                    DataClass::PHONE => f.score >= 80,
                    DataClass::IP => !loose,
                    _ => f.score >= 80,
                };
                proof && validated(f) && whole(joined, f)
            };
            if self.joined(doc, frames, pieces, joiner, hint, &counts)? {
                break;
            }
        }
        Ok(())
    }

    /// Words: an account number, a key, or an e-mail address cut at its sign or in its host.
    pub(super) fn words(
        &mut self,
        doc: &Doc<'_>,
        frames: &[Frame],
        container: &Frame,
        pieces: &[Piece<'_>],
        keys: &[String],
    ) -> Result<(), Uninspectable> {
        let hint = self.hint(container, keys);
        let mut from = 0;
        while from + 1 < pieces.len() {
            let mut n = 0;
            let mut size = 0;
            while let Some(p) = pieces.get(from + n).filter(|p| n < PIECES && size + p.text.len() <= JOINED) {
                size += p.text.len();
                n += 1;
            }
            let these = pieces.get(from..from + n.max(2)).unwrap_or_default();
            let worth = these.iter().any(|p| p.text.bytes().any(|b| b.is_ascii_digit() || b == b'@'));
            if worth {
                self.joined(doc, frames, these, "", hint, &crosses)?;
            }
            if from + n >= pieces.len() {
                break;
            }
            // The last of these may begin what the next go on with.
            from += (n / 2).max(1);
        }
        let pairs = keys.windows(2).zip(pieces.windows(2));
        for (names, pair) in pairs {
            let ([a, b], [x, y], true) = (names, pair, container.object) else { continue };
            let whole: &dyn Fn(&str, &Finding, &[usize]) -> bool = &|_, f, _| f.class == DataClass::EMAIL;
            if local_key(a) && domain_key(b) {
                self.joined(doc, frames, pair, "@", None, whole)?;
            } else if local_key(b) && domain_key(a) {
                self.joined(doc, frames, &[*y, *x], "@", None, whole)?;
            }
        }
        Ok(())
    }

    /// Longer texts: the end of each and the beginning of the next.
    pub(super) fn texts(
        &mut self,
        doc: &Doc<'_>,
        frames: &[Frame],
        container: &Frame,
        pieces: &[Piece<'_>],
    ) -> Result<(), Uninspectable> {
        for pair in pieces.windows(2) {
            let [a, b] = pair else { continue };
            let (tail, head) = (edge(a.text, true), edge(b.text, false));
            let worth = |t: &str| t.bytes().any(|b| b.is_ascii_digit() || b == b'@' || b >= 0x80);
            if !(worth(tail) || worth(head)) {
                continue;
            }
            let ends = [Piece { text: tail, ..*a }, Piece { text: head, ..*b }];
            for joiner in ["", " "] {
                if self.joined(doc, frames, &ends, joiner, container.hint, &crosses)? {
                    break;
                }
            }
        }
        Ok(())
    }

    /// What the key in front of the list, or the first of several keys, says.
    fn hint(&self, container: &Frame, keys: &[String]) -> Option<Hint> {
        if !container.object {
            return container.hint;
        }
        let key =
            keys.first()?.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '_' | '-' | ' '));
        self.detector.scanner.keys.read(key).hint
    }

    /// Inspects pieces as one text, and notes for each piece what crosses into another and counts. Says whether anything
    /// did.
    fn joined(
        &mut self,
        doc: &Doc<'_>,
        frames: &[Frame],
        pieces: &[Piece<'_>],
        joiner: &str,
        hint: Option<Hint>,
        counts: &dyn Fn(&str, &Finding, &[usize]) -> bool,
    ) -> Result<bool, Uninspectable> {
        let mut text = String::new();
        let mut starts = Vec::with_capacity(pieces.len());
        for (n, piece) in pieces.iter().enumerate() {
            text.push_str(if n > 0 { joiner } else { "" });
            starts.push(text.len());
            text.push_str(piece.text);
        }
        let mut found = Findings::new();
        self.aside(&text, hint, doc, pieces, &mut found)?;
        let mut place = None;
        for f in found.iter() {
            let (start, end) = (f.span.start as usize, f.span.end as usize);
            let crossed = starts.iter().skip(1).filter(|s| start < **s && **s < end).count();
            if crossed == 0 || !counts(&text, f, &starts) {
                continue;
            }
            let at = *place.get_or_insert_with(|| self.out.place(|| path(doc, frames)));
            for (piece, begin) in pieces.iter().zip(&starts) {
                let (a, b) = (start.max(*begin), end.min(begin + piece.text.len()));
                if a < b {
                    self.piece(doc, piece, a - begin..b - begin, f, at)?;
                }
            }
        }
        Ok(place.is_some())
    }

    /// Inspects a text that stands nowhere; what is found has offsets in it.
    fn aside(
        &mut self,
        text: &str,
        hint: Option<Hint>,
        doc: &Doc<'_>,
        pieces: &[Piece<'_>],
        found: &mut Findings,
    ) -> Result<(), Uninspectable> {
        let at = pieces.first().map_or(0, |p| p.node.start);
        let layer = Layer { base: at, map: None, up: doc.layer };
        self.spend(text.len(), &layer)?;
        let mut walk = Walk::new(self.detector, found);
        walk.spent = self.spent;
        let t = Inspected {
            text,
            layer: ground(0),
            hint,
            form: Form::Text,
            depth: doc.depth,
            object: 0,
            views: 0,
            coded: doc.coded,
            unmarked: false,
        };
        let done = walk.text(&t, &mut String::new);
        self.spent = walk.spent;
        done.map_err(|_| Uninspectable::Depth { at: layer.outer(0..1).start })
    }

    /// Notes a part of a piece.
    fn piece(
        &mut self,
        doc: &Doc<'_>,
        piece: &Piece<'_>,
        span: Range<usize>,
        f: &Finding,
        place: u32,
    ) -> Result<(), Uninspectable> {
        let hit = Hit { start: 0, end: 0, class: f.class, kind: f.kind, rule: "joined", score: f.score };
        self.hit(doc, piece, span, hit, place)
    }

    fn hit(
        &mut self,
        doc: &Doc<'_>,
        piece: &Piece<'_>,
        span: Range<usize>,
        hit: Hit,
        place: u32,
    ) -> Result<(), Uninspectable> {
        let inner = inner(doc.bytes, &piece.node);
        let base = piece.node.start + 1;
        let (full, map) = unescape(inner);
        // The piece may be the end of its text.
        let shift = full.rfind(piece.text).filter(|_| piece.text.len() < full.len()).unwrap_or(0);
        let shift = if full.starts_with(piece.text) { 0 } else { shift };
        let layer = Layer { base, map: Some(&map), up: doc.layer };
        let t = Inspected {
            text: &full,
            layer,
            hint: None,
            form: Form::Text,
            depth: doc.depth,
            object: 0,
            views: 0,
            coded: doc.coded,
            unmarked: false,
        };
        let (start, end) = ((shift + span.start) as u32, (shift + span.end) as u32);
        self.emit(&t, Hit { start, end, ..hit }, place)
    }
}

pub(super) fn decoded(doc: &Doc<'_>, node: &Node) -> String {
    let text = inner(doc.bytes, node);
    if node.escaped { unescape(text).0 } else { String::from_utf8_lossy(text).into_owned() }
}

pub(super) fn sort(text: &str) -> Sort {
    if text.is_empty() || text.len() > PIECE {
        return Sort::Text;
    }
    let between = |b: u8| matches!(b, b' ' | b'-' | b'.' | b'/' | b'(' | b')' | b'+' | b'_');
    if text.bytes().all(|b| b.is_ascii_digit() || between(b)) && text.bytes().any(|b| b.is_ascii_digit()) {
        return Sort::Digits;
    }
    let word = |b: u8| bytes::token(b) || matches!(b, b'@' | b'.' | b'+' | b'%' | b'=' | b'/') || b >= 0x80;
    let grouped = || text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b' ');
    if text.bytes().all(word) || grouped() { Sort::Word } else { Sort::Text }
}

/// Not only a key says so.
fn validated(f: &Finding) -> bool {
    f.rule != "key" || f.score >= 95
}

/// What proves itself when it crosses a border.
fn crosses(joined: &str, f: &Finding, starts: &[usize]) -> bool {
    let (start, end) = (f.span.start as usize, f.span.end as usize);
    match f.class {
        DataClass::EMAIL => {
            let found = joined.get(start..end).unwrap_or_default();
            let Some(sign) = found.find('@').map(|n| n + start) else { return f.rule == "encoded" };
            // The piece with the sign is an address by itself: only what makes another of it counts.
            let n = starts.partition_point(|s| *s <= sign);
            let from = n.checked_sub(1).and_then(|n| starts.get(n)).copied().unwrap_or(0);
            let to = starts.get(n).copied().unwrap_or(joined.len());
            let host = joined.get(sign + 1..to).unwrap_or_default();
            !(from < sign && host.trim_end_matches('.').contains('.') && !host.ends_with('.'))
        }
        DataClass::SECRET => matches!(f.rule, "vendor_prefix" | "jwt" | "pem" | "webhook" | "encoded"),
        DataClass::PHONE => f.score >= 90,
        DataClass::IBAN | DataClass::CARD | DataClass::IP | DataClass::US_SSN => validated(f),
        DataClass::NATIONAL_ID | DataClass::TAX_ID | DataClass::HEALTH_ID => f.score >= 90 && validated(f),
        _ => false,
    }
}

/// The end or the beginning of a text, as far as a value may reach.
fn edge(text: &str, end: bool) -> &str {
    if text.len() <= PIECE {
        return text;
    }
    if end {
        text.get(text.ceil_char_boundary(text.len() - PIECE)..).unwrap_or_default()
    } else {
        text.get(..text.floor_char_boundary(PIECE)).unwrap_or_default()
    }
}

impl Walk<'_> {
    /// Inspects one string of the outer buffer with what stands around it in its stream.
    pub(crate) fn seam(
        &mut self,
        bytes: &[u8],
        tape: &Tape,
        node: u32,
        seam: &Seam,
    ) -> Result<(), Uninspectable> {
        let missing = Uninspectable::Node { node };
        let at =
            tape.nodes().get(node as usize).copied().filter(|n| n.kind == Kind::String).ok_or(missing)?;
        let text = std::str::from_utf8(bytes).map_err(|_| missing)?;
        let doc = Doc {
            bytes,
            text,
            tape,
            layer: None,
            depth: 0,
            coded: 0,
            hint: None,
            prefix: Prefix::Node(node),
        };
        let own = decoded(&doc, &at);
        let piece = Piece { node: at, text: &own, sort: Sort::Text };
        let near = near(seam, &own);
        let joined = format!("{}{near}{}", seam.before, seam.after);
        let (start, end) = (seam.before.len(), seam.before.len() + near.len());
        let mut found = Findings::new();
        self.aside(&joined, None, &doc, &[piece], &mut found)?;
        let place = self.out.place(|| path(&doc, &[]));
        for f in found.iter() {
            let (a, b) = (f.span.start as usize, f.span.end as usize);
            let (from, to) = (a.max(start), b.min(end));
            if from < to && (a < start || b > end) {
                self.piece(&doc, &piece, from - start..to - start, f, place)?;
            }
        }
        if let Some((from, class)) = withheld_end(seam, &own).filter(|_| seam.unfinished) {
            let hit = Hit { start: 0, end: 0, class, kind: "UNINSPECTED", rule: "unfinished", score: 100 };
            self.hit(&doc, &piece, from..own.len(), hit, place)?;
        }
        Ok(())
    }
}
