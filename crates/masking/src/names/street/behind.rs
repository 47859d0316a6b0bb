//! What follows a street: a flat, a postal code, a town, a state.

use super::super::lists;
use super::Street;
use super::words::IN_UNIT;

/// How far an address goes.
#[derive(Clone, Copy)]
pub(super) struct Reach {
    /// Its last token.
    pub(super) last: usize,
    /// A flat or a postal code is in it, so that it is one.
    pub(super) sure: bool,
    /// A postal code with a town that is in the lists.
    pub(super) town: bool,
}

impl Street<'_> {
    /// How far an address goes on behind its street: flat, postal code, town, state.
    pub(super) fn extend(&self, core: usize) -> Reach {
        let mut reach = Reach { last: core, sure: false, town: false };
        for _ in 0..5 {
            let mut at = reach.last + 1;
            while matches!(self.word(at), "," | "-" | "–") {
                at += 1;
            }
            let Some(part) = self.part(at) else { break };
            reach = Reach { last: part.last, sure: reach.sure || part.sure, town: reach.town || part.town };
        }
        reach
    }

    fn part(&self, at: usize) -> Option<Reach> {
        let plain = |last| Some(Reach { last, sure: false, town: false });
        if self.within(at, IN_UNIT) && self.word(at + 1).len() <= 6 && self.gap(at + 1) < 2 {
            let dot = usize::from(self.word(at + 1) == ".");
            return Some(Reach { last: at + 1 + dot, sure: true, town: false });
        }
        if let Some(last) = self.floor(at) {
            return plain(last);
        }
        if let Some(code) = self.postal(at) {
            let town = self.town(code + 1).filter(|_| self.gap(code + 1) == 1);
            let known = town.is_some() && self.is_place(code + 1);
            return Some(Reach { last: town.unwrap_or(code), sure: !self.year(at), town: known });
        }
        // A town or a state counts only with a postal code behind it, or when it is a known place.
        let town = self.town(at)?;
        let mut next = town + 1;
        if self.word(next) == "," {
            next += 1;
        }
        let coded = |last, code| Some(Reach { last, sure: !self.year(code), town: self.is_place(town) });
        let state = self.word(next);
        if state.len() == 2 && state.bytes().all(|b| b.is_ascii_uppercase()) {
            return self.postal(next + 1).map_or_else(|| plain(next), |code| coded(code, next + 1));
        }
        if let Some(code) = self.postal(next) {
            return coded(code, next);
        }
        if self.is_place(town) && self.word(at.wrapping_sub(1)) == "," { plain(town) } else { None }
    }

    /// `3º B`, `2. th.`, `2.º Esq.`: the last token of a floor and a side.
    fn floor(&self, at: usize) -> Option<usize> {
        let word = self.word(at);
        let digits = word.bytes().take_while(u8::is_ascii_digit).count();
        if !(1..=2).contains(&digits) || self.gap(at) == 2 {
            return None;
        }
        // The plain view of a text has `3o` for `3º`.
        let ordinal = |at: usize| self.word(at).len() < 5 && self.word(at).ends_with(['º', 'ª', 'o', 'a']);
        let mut last = at;
        if word.len() == digits && self.word(at + 1) == "." && self.gap(at + 1) == 0 {
            last = at + 1 + usize::from(ordinal(at + 2) && self.gap(at + 2) == 0);
        }
        let sides = ["th", "tv", "mf", "esq", "dto", "dcha", "izq", "izda", "etage", "sal", "krs", "og"];
        let letter = |k: usize| self.word(k).len() == 1 && self.capital(k);
        let side = |k: usize| self.gap(k) == 1 && (self.is_one(k, &sides) || letter(k));
        if !(ordinal(last) || last > at && side(last + 1)) {
            return None;
        }
        let last = last + usize::from(side(last + 1));
        Some(
            last + usize::from(
                self.word(last + 1) == "." && self.gap(last + 1) == 0 && self.word(last + 2) == ",",
            ),
        )
    }

    fn is_place(&self, at: usize) -> bool {
        lists::find(self.model.lists, self.word(at)) & lists::PLACE != 0
    }

    /// Four digits that are more often a year than a postal code.
    fn year(&self, at: usize) -> bool {
        let word = self.word(at);
        word.len() == 4 && (word.starts_with("19") || word.starts_with("20")) && self.word(at + 1).len() != 2
    }

    /// The last token of the number of a house: `5/7`, `12 B`.
    pub(super) fn house(&self, at: usize) -> usize {
        if self.word(at + 1) == "/" && self.gap(at + 1) == 0 && self.number(at + 2) && self.gap(at + 2) == 0 {
            return at + 2;
        }
        let letter = self.number(at)
            && self.gap(at + 1) == 1
            && matches!(self.word(at + 1).as_bytes(), [b'A'..=b'F'])
            && (self.gap(at + 2) == 2 || self.word(at + 2) == ",");
        at + usize::from(letter)
    }

    /// Where an address begins that has a flat in front: `Flat 2, 12 High Street`, `Studio 4 Elm Road`.
    pub(super) fn flat(&self, from: usize, floor: usize) -> usize {
        let short = |at: usize| {
            let word = self.word(at);
            word.len() == 1 || word.len() <= 4 && word.bytes().any(|b| b.is_ascii_digit())
        };
        let back = |n: usize| from.checked_sub(n).filter(|at| *at >= floor && self.within(*at, IN_UNIT));
        if let Some(at) = back(1).filter(|_| self.gap(from) == 1) {
            return at;
        }
        if let Some(at) = back(2).filter(|at| self.gap(at + 1) == 1 && short(at + 1)) {
            return at;
        }
        let comma = from.checked_sub(1).is_some_and(|at| self.word(at) == ",");
        back(3).filter(|at| comma && self.gap(at + 1) == 1 && short(at + 1)).unwrap_or(from)
    }

    /// One to three words with capitals.
    pub(super) fn town(&self, at: usize) -> Option<usize> {
        let is = |k: usize| {
            let word = self.word(k);
            self.capital(k) && word.chars().count() > 2 && !word.contains(|c: char| c.is_ascii_digit())
        };
        if !is(at) {
            return None;
        }
        let mut last = at;
        for k in at + 1..at + 4 {
            if self.gap(k) != 1 || !is(k) {
                break;
            }
            last = k;
        }
        Some(last)
    }

    /// A postal code: `12345`, `1234 AB`, `12-345`, `123 45`, `SW1A 1AA`. Gives its last token.
    pub(super) fn postal(&self, at: usize) -> Option<usize> {
        let word = self.word(at);
        let b = word.as_bytes();
        let digits = b.iter().filter(|b| b.is_ascii_digit()).count();
        let all = digits == b.len();
        let next = self.word(at + 1);
        let near = self.gap(at + 1) == 1;
        if b.len() == 6 && b.get(2) == Some(&b'-') && digits == 5
            || b.len() == 10 && b.get(5) == Some(&b'-') && digits == 9
        {
            return Some(at);
        }
        if all && b.len() == 4 && near && next.len() == 2 && next.bytes().all(|b| b.is_ascii_uppercase()) {
            return Some(at + 1);
        }
        // `1037YM`
        let (head, tail) = b.split_at_checked(4).unwrap_or((b, &[]));
        if b.len() == 6 && head.iter().all(u8::is_ascii_digit) && tail.iter().all(u8::is_ascii_uppercase) {
            return Some(at);
        }
        if all && b.len() == 3 && near && next.len() == 2 && next.bytes().all(|b| b.is_ascii_digit()) {
            return Some(at + 1);
        }
        if all && (4..=6).contains(&b.len()) {
            return Some(at);
        }
        let outward = (2..=4).contains(&b.len())
            && b.first().is_some_and(u8::is_ascii_uppercase)
            && digits >= 1
            && word.is_ascii();
        let inward = next.len() == 3
            && next.as_bytes().first().is_some_and(u8::is_ascii_digit)
            && next.bytes().skip(1).all(|b| b.is_ascii_uppercase());
        // `L3R 4V6`
        let canadian = matches!(b, [b'A'..=b'Z', b'0'..=b'9', b'A'..=b'Z'])
            && matches!(next.as_bytes(), [b'0'..=b'9', b'A'..=b'Z', b'0'..=b'9']);
        (near && (outward && inward || canadian)).then_some(at + 1)
    }
}
