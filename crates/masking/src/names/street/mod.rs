//! Street addresses in running text, by their forms: a number before or behind the name of a street, the word for street
//! in the languages of Europe, and what follows: a flat, a postal code, a town.
//!
//! Every number is looked at once, with a bounded look to both sides.

mod behind;
mod likely;
mod words;

use carnet_model::DataClass;

use super::tagger::Model;
use super::tokens::Token;
use crate::scan::Hit;
use words::{ENDS, IN_AFTER, IN_BEFORE, IN_BEHIND, IN_BETWEEN, IN_SMALL, IN_UNIT, In};

/// Finds addresses and adds them.
pub(super) fn scan(text: &str, all: &[Token], model: &Model<'_>, hits: &mut Vec<Hit>) {
    let t = Street { text, tokens: all, model };
    let mut floor = 0;
    for at in 0..all.len() {
        if at < floor {
            continue;
        }
        let found = if t.number(at) {
            let sure = t.forward(at).or_else(|| t.backward(at)).filter(|s| s.0 >= floor);
            let sure = sure.map(|(from, to)| (from, t.extend(t.house(to)).last));
            sure.or_else(|| t.likely(at, floor)).map(|(from, last)| (t.flat(from, floor), last))
        } else {
            t.code(at)
        };
        let Some((from, last)) = found.filter(|s| s.0 >= floor) else { continue };
        if let (Some(a), Some(b)) = (all.get(from), all.get(last)) {
            let (class, kind) = (DataClass::ADDRESS, "STREET_ADDRESS");
            hits.push(Hit { start: a.start, end: b.end, class, kind, rule: "street_in_text", score: 75 });
        }
        floor = last + 1;
    }
}

struct Street<'a> {
    text: &'a str,
    tokens: &'a [Token],
    model: &'a Model<'a>,
}

impl Street<'_> {
    fn word(&self, at: usize) -> &str {
        self.tokens.get(at).and_then(|t| self.text.get(t.start as usize..t.end as usize)).unwrap_or_default()
    }

    fn gap(&self, at: usize) -> u8 {
        self.tokens.get(at).map_or(2, |t| t.gap)
    }

    /// Which lists hold a word, without the dot of an abbreviation.
    fn lists(&self, at: usize) -> In {
        let word = self.word(at);
        if word.is_empty() || word.len() > 24 {
            return 0;
        }
        words::lists_of(word.trim_end_matches('.'))
    }

    fn within(&self, at: usize, list: In) -> bool {
        self.lists(at) & list != 0
    }

    /// Whether a word is one of these, in any case and without the dot of an abbreviation.
    fn is_one(&self, at: usize, of: &[&str]) -> bool {
        let word = self.word(at).trim_end_matches('.');
        !word.is_empty() && of.iter().any(|w| w.eq_ignore_ascii_case(word))
    }

    fn capital(&self, at: usize) -> bool {
        self.word(at).chars().next().is_some_and(char::is_uppercase)
    }

    /// `12`, `12a`, `12-14`: the number of a house.
    fn number(&self, at: usize) -> bool {
        let word = self.word(at).as_bytes();
        let digits = word.iter().take_while(|b| b.is_ascii_digit()).count();
        let rest = word.get(digits..).unwrap_or_default();
        (1..=5).contains(&digits)
            && rest.len() <= 5
            && (rest.len() <= 1 || rest.starts_with(b"-"))
            && rest.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-')
    }

    /// The number first.
    fn forward(&self, at: usize) -> Option<(usize, usize)> {
        let mut next = at + 1;
        if matches!(self.word(next), "bis" | "ter" | ",") {
            next += 1;
        }
        if self.gap(next) == 1 && self.within(next, IN_BETWEEN) {
            let last = self.name(next + 1, 6)?;
            return Some((at, last));
        }
        let mut named = false;
        // `Flat 12, High Street`
        let flat = self.word(at + 1) == "," && at.checked_sub(1).is_some_and(|b| self.within(b, IN_UNIT));
        for k in at + 1 + usize::from(flat)..at + 7 {
            // `Queen's Road`
            if self.gap(k) == 0 && named && matches!(self.word(k), "'" | "’" | "'s" | "’s" | "s") {
                continue;
            }
            if self.gap(k) != 1 {
                return None;
            }
            if named && self.capital(k) && self.within(k, IN_AFTER) {
                let side = matches!(self.word(k + 1), "N" | "S" | "E" | "W" | "NE" | "NW" | "SE" | "SW")
                    && self.gap(k + 1) == 1;
                return Some((at, k + usize::from(side)));
            }
            let ordinal = self.word(k).as_bytes().first().is_some_and(u8::is_ascii_digit)
                && self.word(k).trim_end_matches('.').len() > 2;
            if !(self.capital(k) || ordinal || named && self.within(k, IN_SMALL)) {
                return None;
            }
            named |= self.capital(k) || ordinal;
        }
        None
    }

    /// The last word of a name that begins at `from`: words with capitals, small ones between them.
    fn name(&self, from: usize, most: usize) -> Option<usize> {
        let mut last = None;
        for k in from..from + most {
            let joined = k == from || self.gap(k) == 1 || self.word(k - 1).ends_with(['\'', '’']);
            if !joined && !matches!(self.word(k), "'" | "’") {
                break;
            }
            if self.capital(k) {
                last = Some(k);
            } else if !self.within(k, IN_SMALL) && !matches!(self.word(k), "'" | "’") {
                break;
            }
        }
        last
    }

    /// The number last.
    fn backward(&self, at: usize) -> Option<(usize, usize)> {
        let mut before = at.checked_sub(1)?;
        // `Heinstr. 13`
        if self.word(before) == "." && self.gap(before) == 0 {
            before = before.checked_sub(1)?;
        }
        if self.gap(at) != 1 {
            return None;
        }
        if self.word(before).trim_end_matches('.').eq_ignore_ascii_case("box")
            && self.is_one(before.checked_sub(1)?, &["o", "po", "p.o"])
        {
            return Some((before.saturating_sub(1 + usize::from(self.word(before - 1).len() < 2)), at));
        }
        let name = self.word(before).trim_end_matches('.');
        let letters = name.chars().count();
        let last = name.chars().next_back().and_then(|c| c.to_lowercase().next());
        let stem = |end: &str| {
            let n = end.chars().count();
            let small = name.chars().rev().flat_map(char::to_lowercase);
            letters >= n + 3 && small.take(n).eq(end.chars().rev())
        };
        let compound = self.capital(before)
            && name.len() <= 24
            && ENDS.iter().any(|e| e.chars().next_back() == last && stem(e));
        let behind = self.within(before, IN_BEHIND);
        if compound || behind && before > 0 && self.capital(before - 1) && self.gap(before) == 1 {
            let mut from = before;
            while from > 0 && before - from < 3 && self.gap(from) == 1 && behind && self.capital(from - 1) {
                from -= 1;
            }
            return Some((from, at));
        }
        let mut named = false;
        for back in 1..8 {
            let k = at.checked_sub(back)?;
            let lists = self.lists(k);
            if named
                && lists & IN_BEFORE != 0
                && (self.word(k).trim_end_matches('.').chars().count() > 2
                    || self.word(k + 1).starts_with(['.', '/'])
                    || self.word(k).ends_with('.'))
            {
                return Some((k, at));
            }
            let sign = matches!(
                self.word(k),
                "," | "." | "/" | "'" | "’" | "º" | "n" | "nº" | "n." | "no" | "nr" | "č"
            );
            let ordinal = self.word(k).as_bytes().first().is_some_and(u8::is_ascii_digit);
            let part = self.capital(k) || sign || lists & IN_SMALL != 0 || ordinal && named;
            if !part || self.gap(k) == 2 {
                return None;
            }
            named |= self.capital(k);
        }
        None
    }
}
