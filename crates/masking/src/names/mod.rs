//! The light tier: people, places and organisations in running text, and whether a short value is a person's name.
//!
//! A small linear tagger ([`tagger`]) with lists of names ([`lists`]), trained offline on real sentences (`bench/names`). It
//! runs only on sentences that look like prose. What is found already stands in the text as a mask before it is tagged,
//! and tagging is repeated until nothing more is found: so masking what was masked changes nothing.

mod anchors;
mod cues;
mod features;
mod lists;
mod street;
mod tagger;
mod tokens;

use std::borrow::Cow;

use carnet_model::DataClass;

use crate::keys::Hint;
use crate::scan::Hit;
use crate::token::is_mask;
use tagger::{Model, Near, Work};
use tokens::Token;

static BYTES: &[u8] = include_bytes!("model.bin");

/// What stands for a value that is masked.
const MASK: &str = "[PERSON]";
/// More rounds than this are not made; two are the rule.
const ROUNDS: usize = 6;
/// What no name weighs more, in steps of the model's weights: finds that are less sure are not made.
const SHY: i32 = 8;
/// The same in text that is free text by its key.
const SHY_NOTE: i32 = 0;
/// Longer texts than this cost too much to be worth a look at every word.
const LONGEST: usize = 4 << 20;

/// Whether a text may be prose: blanks and a letter that could begin a name.
pub(crate) fn possible(text: &[u8], high: bool) -> bool {
    text.len() >= 10
        && text.len() <= LONGEST
        && memchr::memchr_iter(b' ', text).nth(1).is_some()
        && (high || text.iter().any(u8::is_ascii_uppercase))
}

/// A text in which everything found so far is a mask, and the way back.
struct Masked<'t> {
    text: Cow<'t, str>,
    /// Where a piece of the text begins here and there.
    points: Vec<(u32, u32)>,
}

impl<'t> Masked<'t> {
    /// `spans` in order, without overlaps.
    fn of(text: &'t str, spans: &[(u32, u32)]) -> Masked<'t> {
        if spans.is_empty() {
            return Masked { text: Cow::Borrowed(text), points: Vec::new() };
        }
        let mut masked = String::with_capacity(text.len());
        let mut points = Vec::with_capacity(spans.len() + 1);
        let mut from = 0;
        for (start, end) in spans.iter().map(|s| (s.0 as usize, s.1 as usize)) {
            points.push((masked.len() as u32, from as u32));
            masked.push_str(text.get(from..start).unwrap_or_default());
            masked.push_str(MASK);
            from = end;
        }
        points.push((masked.len() as u32, from as u32));
        masked.push_str(text.get(from..).unwrap_or_default());
        Masked { text: Cow::Owned(masked), points }
    }

    /// Whether one of the spans, which are masks here, lies in a sentence.
    fn holds(&self, sentence: &[Token], spans: &[(u32, u32)]) -> bool {
        let (Some(first), Some(last)) = (sentence.first(), sentence.last()) else { return false };
        let (start, end) = (self.back(first.start), self.back(last.end.saturating_sub(1)) + 1);
        let n = spans.partition_point(|s| s.1 <= start);
        spans.get(n).is_some_and(|s| s.0 < end)
    }

    /// Where a place outside of masks lies in the text it was made from.
    fn back(&self, at: u32) -> u32 {
        let n = self.points.partition_point(|p| p.0 <= at);
        self.points.get(n.saturating_sub(1)).map_or(at, |p| p.1 + (at - p.0))
    }
}

/// Buffers of the light tier, kept for their memory.
#[derive(Default)]
pub(crate) struct Scratch {
    tokens: Vec<Token>,
    near: Vec<Near>,
    found: Vec<Hit>,
    tagger: Work,
}

impl Scratch {
    /// The buffers for the next text; large ones are given back.
    pub(crate) fn kept(self) -> Scratch {
        if self.tokens.capacity() > 1 << 16 || self.found.capacity() > 1 << 14 {
            Scratch::default()
        } else {
            self
        }
    }
}

/// Finds names in a text; `hits` from `first` on are what was found in it so far.
pub(crate) fn scan(text: &str, hint: Option<Hint>, hits: &mut Vec<Hit>, first: usize, scratch: &mut Scratch) {
    let Scratch { tokens, near, found, tagger } = scratch;
    let model = Model::new(BYTES);
    tokens::cut(text, tokens);
    if text.bytes().any(|b| b.is_ascii_digit()) {
        street::scan(text, tokens, &model, hits);
    }
    let note = hint.is_some_and(|h| h.bits & crate::context::NOTE != 0);
    let shy = if note { SHY_NOTE } else { SHY };
    let mut fresh: Option<Vec<(u32, u32)>> = None;
    for _ in 0..ROUNDS {
        let spans = spans(hits.get(first..).unwrap_or_default());
        let masked = Masked::of(text, &spans);
        if !spans.is_empty() {
            tokens::cut(&masked.text, tokens);
        }
        join_masks(&masked.text, tokens);
        found.clear();
        let mut rest = tokens.as_slice();
        while !rest.is_empty() {
            let (sentence, more) = rest.split_at(sentence(&masked.text, rest));
            rest = more;
            cues::scan(&masked.text, sentence, found);
            // A sentence in which the last round found nothing stands there as it did.
            let changed = fresh.as_ref().is_none_or(|spans| masked.holds(sentence, spans));
            if changed
                && anchors::mark(&masked.text, sentence, fresh.is_some(), near)
                && prose(&masked.text, sentence)
            {
                model.tag_near(&masked.text, sentence, near, shy, tagger);
                names(&masked.text, sentence, &tagger.tags, &model, found);
            }
        }
        // A cue and the tagger may see the same name.
        found.sort_by_key(|h: &Hit| (h.start, std::cmp::Reverse(h.end)));
        found.dedup_by(|b, a| b.start < a.end);
        if found.is_empty() {
            return;
        }
        let from = hits.len();
        hits.extend(found.iter().map(|h: &Hit| Hit {
            start: masked.back(h.start),
            end: masked.back(h.end - 1) + 1,
            ..*h
        }));
        fresh = Some(self::spans(hits.get(from..).unwrap_or_default()));
    }
}

/// What was found, in order and without overlaps.
fn spans(hits: &[Hit]) -> Vec<(u32, u32)> {
    let mut all: Vec<(u32, u32)> = hits.iter().map(|h| (h.start, h.end)).collect();
    all.sort_unstable();
    all.dedup_by(|b, a| {
        let meet = b.0 < a.1;
        if meet {
            a.1 = a.1.max(b.1);
        }
        meet
    });
    all
}

/// Makes one token of each mask.
fn join_masks(text: &str, tokens: &mut Vec<Token>) {
    if memchr::memchr(b'[', text.as_bytes()).is_none() {
        return;
    }
    let mut out: Vec<Token> = Vec::with_capacity(tokens.len());
    let mut until = 0;
    for t in tokens.iter().filter(|t| t.end > t.start) {
        if t.start < until {
            continue;
        }
        let start = t.start as usize;
        let mut token = *t;
        if text.as_bytes().get(start) == Some(&b'[')
            && let Some(tail) = text.as_bytes().get(start..text.len().min(start + 48))
            && let Some(len) = memchr::memchr(b']', tail).map(|n| n + 1)
            && tail.get(..len).is_some_and(is_mask)
        {
            token.end = (start + len) as u32;
        }
        until = token.end;
        out.push(token);
    }
    *tokens = out;
}

/// Tokens of the first sentence.
fn sentence(text: &str, tokens: &[Token]) -> usize {
    let ends = |(i, t): (usize, &Token)| {
        let next = tokens.get(i + 1)?;
        let stop = matches!(text.get(t.start as usize..t.end as usize), Some("." | "!" | "?"));
        (next.gap == 2 || stop && next.gap > 0).then_some(i + 1)
    };
    tokens.iter().enumerate().find_map(ends).unwrap_or(tokens.len())
}

/// Three words, one of them in small letters, and not mostly signs and numbers.
fn prose(text: &str, tokens: &[Token]) -> bool {
    let (mut words, mut small, mut other, mut capital, mut signs) = (0, 0, 0, 0, 0);
    for t in tokens {
        match features::shape(text.get(t.start as usize..t.end as usize).unwrap_or_default()) {
            0 => {
                small += usize::from(t.end - t.start > 1);
                words += 1;
            }
            1..=4 | 6..=7 | 9 => {
                capital += 1;
                words += 1;
            }
            13..=15 => signs += 1,
            // Signs that prose has.
            10..=19 if t.end - t.start == 1 && sign(text, t) => {}
            _ => other += 1,
        }
    }
    let last = tokens.last().and_then(|t| text.get(t.start as usize..t.end as usize));
    let enough = if matches!(last, Some("." | "!" | "?")) { 1 } else { 2 };
    words >= 3 && small >= enough && capital >= 1 && other * 3 <= words && signs * 4 <= words
}

fn sign(text: &str, t: &Token) -> bool {
    matches!(
        text.as_bytes().get(t.start as usize),
        Some(b'.' | b',' | b'!' | b'?' | b'\'' | b'"' | b'(' | b')' | b'-' | b':' | b'@' | b'#')
    )
}

/// The tags of a sentence as hits.
fn names(text: &str, tokens: &[Token], tags: &[u8], model: &Model<'_>, out: &mut Vec<Hit>) {
    let mut at = 0;
    while let Some(tag) = tags.get(at).copied() {
        let from = at;
        at += 1;
        if tag == 0 {
            continue;
        }
        let kind = if tag % 2 == 0 { tag - 1 } else { tag };
        while tags.get(at) == Some(&(kind + 1)) {
            at += 1;
        }
        let run = tokens.get(from..at).unwrap_or_default();
        // What is masked already ends a name.
        for part in
            run.split(|t| is_mask(text.as_bytes().get(t.start as usize..t.end as usize).unwrap_or_default()))
        {
            let (Some(a), Some(b)) = (part.first(), part.last()) else { continue };
            let Some(span) = text.get(a.start as usize..b.end as usize) else { continue };
            if !sound(span, part, text, kind, model) {
                continue;
            }
            let (class, kind, rule, score) = match kind {
                1 => (DataClass::PERSON, "PERSON", "name_in_text", 70),
                3 => (DataClass::LOCATION, "LOCATION", "place_in_text", 60),
                _ => (DataClass::ORGANISATION, "ORGANIZATION", "organisation_in_text", 55),
            };
            out.push(Hit { start: a.start, end: b.end, class, kind, rule, score });
        }
    }
}

/// Whether a tagged span can be a name at all.
fn sound(span: &str, part: &[Token], text: &str, kind: u8, model: &Model<'_>) -> bool {
    let letters = span.chars().filter(|c| c.is_alphabetic()).count();
    if letters < 2 || span.len() > 120 || span.contains(['@', '_', '=', '{', '<', '/', '\n']) {
        return false;
    }
    let capital = span.chars().any(char::is_uppercase);
    let listed = |t: &Token| {
        let word = text.get(t.start as usize..t.end as usize).unwrap_or_default();
        lists::find(model.lists, word) & (lists::FIRST | lists::LAST) != 0
    };
    if kind != 1 {
        // `EAN`, `SO6134`: more often an abbreviation or a number than a firm.
        let lower = span.chars().any(char::is_lowercase);
        return capital && (lower || part.len() > 1) && !span.chars().any(|c| c.is_ascii_digit());
    }
    // One word alone, or a name in small letters, has to be in the lists.
    match part {
        [one] => capital && listed(one),
        _ => (capital || part.iter().all(listed)) && !span.chars().any(|c| c.is_ascii_digit()),
    }
}

/// Whether a value is one word with a capital that is in the lists of names and in no list of places.
pub(crate) fn known(value: &str) -> bool {
    let found = lists::find(Model::new(BYTES).lists, value);
    value.chars().next().is_some_and(char::is_uppercase)
        && value.chars().all(char::is_alphabetic)
        && found & lists::PLACE == 0
        && found & (lists::FIRST | lists::LAST) != 0
}

/// Whether a value is a person's full name beyond doubt: its first or last words are in the lists, and nothing else is in it.
pub(crate) fn surely(value: &str) -> bool {
    let model = Model::new(BYTES);
    let words: Vec<u8> = value
        .split([' ', ',', '-'])
        .filter(|w| w.chars().count() > 1)
        .map(|w| lists::find(model.lists, w.trim_matches(['.', '"'])))
        .collect();
    let first = words.iter().filter(|w| *w & lists::FIRST != 0).count();
    let known = words.iter().filter(|w| *w & (lists::FIRST | lists::LAST) != 0).count();
    (2..=5).contains(&words.len()) && first >= 1 && known == words.len().min(known.max(2)) && known >= 2
}

#[cfg(test)]
mod tests;
