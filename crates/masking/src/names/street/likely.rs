//! Addresses without a word for street: something speaks of an address in front of them, or a flat, a postal code and a town
//! follow. Also those of the American forces, and postal codes by themselves.

use super::Street;
use super::words::{
    IN_ADDRESS, IN_AFTER, IN_BEFORE, IN_BEHIND, IN_BETWEEN, IN_CODE, IN_PERHAPS, IN_SMALL, IN_TOWARDS,
    IN_UNIT,
};

/// Tokens in front of an address in which a word may speak of it.
const SIGHT: usize = 7;
/// Words with a number behind them that are no streets.
const COUNTED: &str = " january february march april may june july august september october november december jan feb mar apr jun jul aug sep sept oct nov dec monday tuesday wednesday thursday friday saturday sunday januar februar märz mai juni juli oktober dezember janvier février mars avril juin juillet août septembre octobre novembre décembre enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre page chapter section step version room invoice order ticket item line level day week part phase figure table article rechnung auftrag seite kapitel facture commande factura pedido fattura ordine number no nr ";
/// Words that do not stand inside the names of streets in small letters.
const APART: &str = " by on in per the to for of and from at with is are was were or a an ";

/// What speaks of an address in front of a place.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Cue {
    Nothing,
    /// `lives at`, `send it to`
    Towards,
    /// `my address is`
    Address,
}

fn holds(list: &str, word: &str) -> bool {
    let same = |entry: &str| word.chars().flat_map(char::to_lowercase).eq(entry.chars());
    !word.is_empty() && word.len() < 16 && list.split(' ').any(same)
}

impl Street<'_> {
    /// An address around the number at `at`, where more than its form tells of it.
    pub(super) fn likely(&self, at: usize, floor: usize) -> Option<(usize, usize)> {
        let forces = self.forces(at, floor);
        if forces.is_some() {
            return forces;
        }
        self.after(at).or_else(|| self.before(at, floor))
    }

    /// The number first: `138 Courtois Falls`, with a cue also `5 Mill Bank`.
    fn after(&self, at: usize) -> Option<(usize, usize)> {
        let mut last = None;
        let mut suffix = false;
        let flat = self.word(at + 1) == "," && at.checked_sub(1).is_some_and(|b| self.within(b, IN_UNIT));
        for k in at + 1 + usize::from(flat)..at + 6 {
            let word = self.word(k);
            if last.is_some() && self.within(k, IN_UNIT) {
                break;
            }
            let inner = word.chars().next().is_some_and(char::is_alphabetic) && self.gap(k) == 1;
            if !inner || !(self.capital(k) || last.is_some() && self.within(k, IN_SMALL)) {
                break;
            }
            if self.capital(k) && word.chars().count() > 2 {
                last = Some(k);
                suffix = k > at + 1 + usize::from(flat) && self.within(k, IN_PERHAPS | IN_AFTER);
            }
        }
        let Some(last) = last else { return self.small_letters(at) };
        let reach = self.extend(last);
        let ends = self.gap(last + 1) == 2 || !self.word(last + 1).starts_with(char::is_alphanumeric);
        let told = match self.cue(at) {
            Cue::Address => suffix || ends || reach.sure,
            Cue::Towards => suffix || reach.sure && reach.town,
            Cue::Nothing => suffix && reach.sure,
        };
        told.then_some((at, reach.last))
    }

    /// `12 high street`, as people write in chats.
    fn small_letters(&self, at: usize) -> Option<(usize, usize)> {
        let street = |k: usize| {
            matches!(
                self.word(k),
                "street"
                    | "road"
                    | "avenue"
                    | "lane"
                    | "drive"
                    | "boulevard"
                    | "crescent"
                    | "rd"
                    | "ave"
                    | "blvd"
            )
        };
        let named = |k: usize| {
            self.gap(k) == 1
                && self.word(k).chars().all(char::is_alphabetic)
                && self.word(k).len() > 2
                && !holds(APART, self.word(k))
        };
        let last = (at + 2..at + 5).find(|k| street(*k) && self.gap(*k) == 1)?;
        let reach = self.extend(last);
        let told = reach.sure || self.cue(at) > Cue::Nothing;
        ((at + 1..last).all(named) && told).then_some((at, reach.last))
    }

    /// The number last: `Urzáiz 12, 36201 Vigo`, with a cue also `Laugarvegur 66`.
    fn before(&self, at: usize, floor: usize) -> Option<(usize, usize)> {
        let mut from = at;
        while from > floor && at - from < 4 && self.gap(from) == 1 {
            let word = self.word(from - 1);
            let joins = from < at && self.within(from - 1, IN_SMALL | IN_BETWEEN | IN_BEFORE);
            let letters = word.chars().all(|c| c.is_alphabetic() || matches!(c, '-' | '.' | '\'' | '’'));
            if !(letters && (self.capital(from - 1) || joins)) {
                break;
            }
            from -= 1;
        }
        while from < at && self.within(from, IN_SMALL) {
            from += 1;
        }
        let name = self.word(at.checked_sub(1)?);
        if from == at || name.chars().count() < 4 || (from..at).any(|k| holds(COUNTED, self.word(k))) {
            return None;
        }
        let reach = self.extend(self.house(at));
        let typed = (from..at).any(|k| self.within(k, IN_BETWEEN | IN_BEFORE | IN_BEHIND));
        let told = match self.cue(from) {
            Cue::Address => true,
            Cue::Towards => typed || reach.sure && reach.town,
            Cue::Nothing => reach.sure && (reach.town || typed && reach.last > at),
        };
        told.then_some((from, reach.last))
    }

    /// `Unit 9456 Box 8731, DPO AA 74226`, found at the code.
    fn forces(&self, at: usize, floor: usize) -> Option<(usize, usize)> {
        let area = at.checked_sub(1)?;
        let post = at.checked_sub(2)?;
        let here = self.word(at).len() == 5
            && self.is_one(area, &["aa", "ae", "ap"])
            && self.is_one(post, &["apo", "fpo", "dpo"]);
        let opens = |k: &usize| {
            self.is_one(*k, &["unit", "psc", "cmr", "usns", "uss", "usnv", "usnumb", "uscgc", "box"])
        };
        let first = (post.saturating_sub(7).max(floor)..post).find(opens);
        here.then(|| (first.unwrap_or(post), at))
    }

    /// A postal code that a word names: `my zip code is 37773`.
    pub(super) fn code(&self, at: usize) -> Option<(usize, usize)> {
        // Nearly no word begins like these.
        let begins = self.tokens.get(at).is_some_and(|t| matches!(t.first | 0x20, b'z' | b'p' | b'c'));
        if !begins || !self.within(at, IN_CODE) {
            return None;
        }
        let skipped =
            |k: &usize| self.is_one(*k, &["code", "is", "ist", "lautet", "to", "number", ":", "=", "now"]);
        let from = at + 1 + (at + 1..at + 5).take_while(skipped).count();
        let joined = (at + 1..=from).all(|k| self.gap(k) < 2);
        self.postal(from).filter(|_| joined).map(|last| (from, last))
    }

    /// What speaks of an address in front of `at`, in the same sentence.
    fn cue(&self, at: usize) -> Cue {
        let mut cue = Cue::Nothing;
        for k in (at.saturating_sub(SIGHT)..at).rev() {
            let word = self.word(k);
            if matches!(word, "." | "!" | "?" | ";")
                || self.is_one(k, &["email", "e-mail", "ip", "mac", "web"])
            {
                break;
            }
            if self.within(k, IN_ADDRESS) {
                let kinds = ["email", "e-mail", "ip", "mac", "web", "mail"];
                let electronic = k.checked_sub(1).is_some_and(|b| self.is_one(b, &kinds));
                // `address this in Sprint 12` speaks of none.
                let is = k + 1 == at
                    || matches!(self.word(k + 1), ":" | "é" | "è" | "är")
                    || self.is_one(
                        k + 1,
                        &["is", "to", "was", "are", "lautet", "ist", "est", "es", "er", "je", "on"],
                    );
                return match () {
                    () if electronic => cue,
                    () if is => Cue::Address,
                    () => Cue::Towards,
                };
            }
            if self.within(k, IN_TOWARDS) {
                cue = Cue::Towards;
            }
        }
        cue
    }
}
