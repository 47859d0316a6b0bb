//! The light tier: people, places and organisations in running text, and whether a short value is a person's name.
//!
//! A small linear tagger ([`tagger`]) with lists of names ([`lists`]), trained offline on real sentences (`bench/names`). It
//! runs only on sentences that look like prose. What is found already stands in the text as a mask before it is tagged,
//! and tagging is repeated until nothing more is found: so masking what was masked changes nothing.

mod again;
mod anchors;
mod cues;
mod features;
mod kind;
mod lists;
mod said;
mod street;
mod tagger;
mod tokens;

use std::borrow::Cow;

use carnet_model::DataClass;

use crate::keys::Hint;
use crate::scan::Hit;
use crate::token::is_mask;
use kind::{Kind, Text};
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
/// Texts with a single blank are names only up to this length.
const SHORT: usize = 48;
/// Titles that a tagged name does not keep.
const TITLES: [&str; 13] =
    ["Mr", "Mrs", "Ms", "Miss", "Dr", "Drs", "Prof", "Herr", "Frau", "Mme", "Sig", "Sr", "Sra"];
/// Words in front of a name, with a capital at the beginning of a line.
const BEFORE: [&str; 13] =
    ["To", "From", "Cc", "CC", "Bcc", "BCC", "Dear", "Hi", "Hello", "Hey", "Attn", "Thanks", "President"];
/// Words at the beginning of sentences that are also in the lists of names.
const WORDS: [&str; 18] = [
    "Sie", "Kunde", "Kundin", "Reads", "Read", "Bitte", "Der", "Die", "Das", "Order", "Bonjour", "Hola",
    "Ciao", "Hallo", "Client", "Cliente", "Paziente", "Klant",
];

/// Whether a text may hold names: blanks and a letter that could begin one; with a single blank, two words with capitals.
pub(crate) fn possible(text: &[u8], high: bool) -> bool {
    if brief(text) {
        return true;
    }
    let mut blanks = memchr::memchr_iter(b' ', text);
    let Some(first) = blanks.next().filter(|_| (5..=LONGEST).contains(&text.len())) else { return false };
    if blanks.next().is_none() {
        let capital = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_uppercase() || *b >= 0x80);
        return text.len() <= SHORT && capital(text.first()) && capital(text.get(first + 1));
    }
    text.len() >= 10 && (high || text.iter().any(u8::is_ascii_uppercase))
}

/// Whether a text of a few bytes may be a name: two words with capitals, or one that is called by it, as in `Renee,`.
pub(crate) fn brief(text: &[u8]) -> bool {
    let capital = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_uppercase() || *b >= 0x80);
    let inner = text.get(1..).unwrap_or_default();
    (4..SHORT).contains(&text.len())
        && capital(text.first())
        && match memchr::memchr(b' ', inner) {
            Some(n) => text.len() < 12 && capital(inner.get(n + 1)),
            None => text.ends_with(b",") && text.len() < 16,
        }
}

/// Whether a text that is a document of its own may hold names. People write them in small letters too.
pub(crate) fn worth(text: &[u8], high: bool) -> bool {
    (2..=LONGEST).contains(&text.len()) && (high || text.iter().any(u8::is_ascii_alphabetic))
}

/// A short text that is a name and nothing else.
fn whole(text: &str, hits: &mut Vec<Hit>) {
    let name = text.trim_matches([' ', ',', '.']);
    let model = Model::new(BYTES);
    let found = |word: &str| lists::find(model.lists, word.trim_matches('.'));
    let words = || name.split([' ', '-']).filter(|w| !w.is_empty());
    let known = words().all(|w| found(w) & (lists::FIRST | lists::LAST) != 0);
    let places = words().all(|w| found(w) & lists::PLACE != 0);
    let first = words().next().is_some_and(|w| found(w) & lists::FIRST != 0);
    let last = words().next_back().is_some_and(|w| found(w) & lists::LAST != 0);
    // `Renee,` calls somebody; `Renee` alone may be anything.
    let called = text.trim_end().ends_with(',') && !name.contains([' ', '.']);
    let sure = if called {
        first && !places && !anchors::common(name) && found(name) & lists::PLACE == 0
    } else {
        known && first && last && !places
    };
    if sure {
        let start = text.len() - text.trim_start_matches([' ', ',', '.']).len();
        hits.push(Hit {
            start: start as u32,
            end: (start + name.len()) as u32,
            class: DataClass::PERSON,
            kind: "PERSON",
            rule: "name_in_text",
            score: 65,
        });
    }
}

/// Two words, the first a given name and nothing else: the tagger is asked about the second.
fn given(text: &str) -> bool {
    let mut words = text.split(' ').filter(|w| !w.is_empty());
    let (Some(first), Some(second)) = (words.next(), words.next()) else { return false };
    let letters = |w: &str| w.chars().all(|c| c.is_alphabetic() || matches!(c, '-' | '\'' | '’'));
    let found = lists::find(Model::new(BYTES).lists, first);
    first.len() > 2
        && letters(first)
        && letters(second.trim_end_matches([',', '.']))
        && second.chars().next().is_some_and(char::is_uppercase)
        && text.chars().any(char::is_lowercase)
        && found & lists::FIRST != 0
        && found & lists::PLACE == 0
        && !anchors::common(first)
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
    /// The text is a document of its own, and no value in another one: it is read as written by somebody to somebody, however
    /// short it is.
    pub(crate) free: bool,
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
    let before = hits.len();
    let note = scratch.free || hint.is_some_and(|h| h.bits & crate::context::NOTE != 0);
    if text.len() <= SHORT && memchr::memchr_iter(b' ', text.as_bytes()).nth(1).is_none() {
        whole(text, hits);
        if hits.len() > before || !(note || given(text)) {
            return;
        }
    }
    let shy = if note && !scratch.free { SHY_NOTE } else { SHY };
    let Scratch { tokens, near, found, tagger, .. } = scratch;
    let model = Model::new(BYTES);
    tokens::cut(text, tokens);
    if text.bytes().any(|b| b.is_ascii_digit()) {
        street::scan(text, tokens, &model, hits);
    }
    let kind = Text::of(text, note);
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
        let mut prev = None;
        // A sentence in which the last round found nothing stands there as it did.
        let is_changed = |s: &[Token]| fresh.as_ref().is_none_or(|spans| masked.holds(s, spans));
        let mut length = sentence(rest);
        let mut before = false;
        let mut changed = is_changed(rest.get(..length).unwrap_or_default());
        while !rest.is_empty() {
            let (sentence, more) = rest.split_at(length);
            rest = more;
            length = self::sentence(rest);
            let behind = is_changed(rest.get(..length).unwrap_or_default());
            let next = more.first().copied();
            // What stands beside a sentence tells something about it too.
            if before || changed || behind {
                cues::scan(&masked.text, sentence, found);
                let said =
                    said::Said { text: &masked.text, tokens: sentence, lists: model.lists, next, prev };
                said.scan(found);
            }
            prev = sentence.last().copied();
            let here = std::mem::replace(&mut changed, behind);
            before = here;
            if here
                && anchors::mark(&masked.text, sentence, fresh.is_some(), near)
                && let Some(kind) = kind.sentence(&masked.text, sentence)
            {
                model.tag_near(&masked.text, sentence, near, shy, tagger);
                names(&masked.text, sentence, &tagger.tags, &model, kind, found);
            }
        }
        found.iter_mut().for_each(|h| trim(&masked.text, h));
        // A cue and the tagger may see the same name.
        found.sort_by_key(|h: &Hit| (h.start, std::cmp::Reverse(h.end)));
        found.dedup_by(|b, a| b.start < a.end);
        if kind == Text::Free {
            again::scan(&masked.text, tokens, found);
        }
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

/// Leaves what stands in front of a person's name and is none of it: `To Grace Hopper`, `; Merkel`.
fn trim(text: &str, hit: &mut Hit) {
    while hit.class == DataClass::PERSON {
        let Some(name) = text.get(hit.start as usize..hit.end as usize) else { return };
        let bare = name.trim_start_matches([' ', ',', ';', ':', '-']);
        let step = match bare.split_once(' ') {
            _ if bare.is_empty() => return,
            _ if bare.len() < name.len() => name.len() - bare.len(),
            Some((word, rest)) if BEFORE.contains(&word.trim_end_matches(':')) && !rest.trim().is_empty() => {
                word.len()
            }
            _ => return,
        };
        hit.start += step as u32;
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
fn sentence(tokens: &[Token]) -> usize {
    let ends = |(i, t): (usize, &Token)| {
        let next = tokens.get(i + 1)?;
        let stop = t.end - t.start == 1 && matches!(t.first, b'.' | b'!' | b'?');
        (next.gap == 2 || stop && next.gap > 0).then_some(i + 1)
    };
    tokens.iter().enumerate().find_map(ends).unwrap_or(tokens.len())
}

/// The tags of a sentence as hits.
fn names(text: &str, tokens: &[Token], tags: &[u8], model: &Model<'_>, sentence: Kind, out: &mut Vec<Hit>) {
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
        // In a line of words with capitals, a name stands between signs: `Jane Doe Chair` is none.
        let sign = |t: Option<&Token>| {
            let text = t.and_then(|t| text.get(t.start as usize..t.end as usize)).unwrap_or_default();
            !text.contains(char::is_alphanumeric)
        };
        if matches!(sentence, Kind::Roll | Kind::Brief)
            && !(sentence == Kind::Brief && partly(text, run, model))
            && !(from.checked_sub(1).is_none_or(|i| sign(tokens.get(i))) && sign(tokens.get(at)))
        {
            continue;
        }
        // What is masked already ends a name.
        for part in
            run.split(|t| is_mask(text.as_bytes().get(t.start as usize..t.end as usize).unwrap_or_default()))
        {
            let part = if kind == 1 { bare(text, part) } else { part };
            let (Some(a), Some(b)) = (part.first(), part.last()) else { continue };
            let Some(span) = text.get(a.start as usize..b.end as usize) else { continue };
            let fits = match sentence {
                Kind::Prose => true,
                Kind::Loose => kind == 1,
                Kind::Roll => kind == 1 && (listed(text, part, model) || given(span)),
                Kind::Brief => kind == 1 && (partly(text, part, model) || first(span, part, model)),
            };
            if !fits || !sound(span, part, text, kind, model) {
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

/// Two words or more, all of them in the lists, the first as a given name.
fn listed(text: &str, part: &[Token], model: &Model<'_>) -> bool {
    let word =
        |t: &Token| text.get(t.start as usize..t.end as usize).unwrap_or_default().trim_end_matches('.');
    let found = |t: &Token| lists::find(model.lists, word(t));
    part.len() >= 2
        && part.first().is_some_and(|t| found(t) & lists::FIRST != 0)
        && part.iter().all(|t| word(t).chars().count() < 2 || found(t) & (lists::FIRST | lists::LAST) != 0)
}

/// Two words or more with capitals, one of them in the lists.
fn partly(text: &str, part: &[Token], model: &Model<'_>) -> bool {
    let word =
        |t: &Token| text.get(t.start as usize..t.end as usize).unwrap_or_default().trim_end_matches('.');
    let known = |t: &Token| lists::find(model.lists, word(t)) & (lists::FIRST | lists::LAST) != 0;
    part.len() >= 2
        && part.iter().all(|t| word(t).chars().next().is_some_and(char::is_uppercase))
        && part.iter().any(known)
}

/// One word that is a given name, and neither a place nor a word that begins sentences.
fn first(span: &str, part: &[Token], model: &Model<'_>) -> bool {
    let found = lists::find(model.lists, span.trim_end_matches('.'));
    part.len() == 1 && found & lists::FIRST != 0 && found & lists::PLACE == 0 && !anchors::common(span)
}

/// Without a title in front.
fn bare<'t>(text: &str, part: &'t [Token]) -> &'t [Token] {
    let word = |t: &Token| text.get(t.start as usize..t.end as usize).unwrap_or_default();
    match part {
        [first, rest @ ..] if !rest.is_empty() && TITLES.contains(&word(first).trim_end_matches('.')) => rest,
        _ => part,
    }
}

/// Whether a tagged span can be a name at all.
fn sound(span: &str, part: &[Token], text: &str, kind: u8, model: &Model<'_>) -> bool {
    let letters = span.chars().filter(|c| c.is_alphabetic()).count();
    if letters < 2 || span.len() > 120 || span.contains(['@', '_', '=', '{', '}', '[', ']', '<', '/', '\n']) {
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
    // A short word alone, or a name in small letters, has to be in the lists.
    match part {
        [one] => {
            let whole = letters > 3 && span.chars().any(char::is_lowercase);
            capital && (whole || listed(one)) && !WORDS.contains(&span)
        }
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
    let (mut words, mut first, mut known) = (0, 0, 0);
    for word in value.split([' ', ',', '-']).filter(|w| w.chars().nth(1).is_some()) {
        let found = lists::find(model.lists, word.trim_matches(['.', '"']));
        words += 1;
        first += usize::from(found & lists::FIRST != 0);
        known += usize::from(found & (lists::FIRST | lists::LAST) != 0);
    }
    (2..=5).contains(&words) && first >= 1 && known == words.min(known.max(2)) && known >= 2
}

#[cfg(test)]
mod tests;
