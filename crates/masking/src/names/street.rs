//! Street addresses in running text, by their forms: a number before or behind the name of a street, the word for street
//! in the languages of Europe, and what follows: a flat, a postal code, a town.
//!
//! Every number is looked at once, with a bounded look to both sides.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use carnet_model::DataClass;

use super::lists;
use super::tagger::Model;
use super::tokens::Token;
use crate::scan::Hit;

/// Behind number and name: `221 Baker Street`.
const AFTER: &str = " street st road rd avenue ave av lane ln drive dr court ct boulevard blvd way terrace ter place pl square sq close crescent cres gardens gdns grove hill park parkway pkwy highway hwy row walk mews trail trl circle cir quay rise green alley loop plaza expressway turnpike pike crossing view heights bridge ";
/// Behind the number, before the name: `12 rue de la Paix`.
const BETWEEN: &str = " rue avenue av boulevard bd blvd place pl chemin ch impasse allée allées allee route rte quai cours square passage sentier villa cité hameau lotissement résidence esplanade faubourg ";
/// Before the name, number last: `Calle Mayor 5`.
const BEFORE: &str = " calle c avenida avda av plaza pza paseo pº camino carrer carretera ronda travesía via viale v.le piazza p.zza corso largo vicolo strada contrada rua r travessa praça praca alameda estrada calçada beco str bulevardul bd b-dul aleea șoseaua splaiul ul ulica al aleja aleje os osiedle pl plac ulice nám náměstí námestie třída trg cesta ulitsa ул улица бул бульвар булевард οδός οδος λεωφόρος rue avenue boulevard place chemin impasse allée sokak caddesi cad triq ";
/// Ends of names of streets, number last: `Hauptstraße 5`.
const ENDS: &[&str] = &[
    "straße", "strasse", "str.", "str", "gasse", "allee", "platz", "damm", "ufer", "weg", "ring", "steig",
    "chaussee", "straat", "laan", "plein", "gracht", "kade", "singel", "dreef", "steenweg", "dijk", "gatan",
    "gata", "vägen", "väg", "gränd", "torget", "gade", "vej", "vænge", "allé", "veien", "vegen", "gate",
    "katu", "tie", "kuja", "polku", "iela", "gatvė", "tänav", "maantee", "stræde",
];
/// Words of their own behind the name, number last: `Kossuth Lajos utca 5`.
const BEHIND: &str = " straße strasse str weg allee platz gasse ring damm ufer straat laan plein utca út útja tér körút köz sétány dűlő iela gatvė g tänav tn mnt pst prospektas alėja gatan gata väg gade vej vei gate tie katu sokak sokağı caddesi bulvarı ";
/// Words inside names of streets.
const SMALL: &str = " de la le les du des d l da do das dos del della di e y i and of the van der den am an im in zur zum unter der auf alten st saint san santa ";
const UNIT: &str = " apt apartment suite ste unit flat floor fl room rm piso apto int interno scala wohnung top stiege appartement appt bât bat étage m lok lokal mieszkanie box dept # ";

/// Finds addresses and adds them.
pub(super) fn scan(text: &str, all: &[Token], model: &Model<'_>, hits: &mut Vec<Hit>) {
    let t = Street { text, tokens: all, model };
    let mut floor = 0;
    for at in 0..all.len() {
        if at < floor || !t.number(at) {
            continue;
        }
        let Some((from, to)) = t.forward(at).or_else(|| t.backward(at)).filter(|s| s.0 >= floor) else {
            continue;
        };
        let last = t.extend(to);
        if let (Some(a), Some(b)) = (all.get(from), all.get(last)) {
            let (class, kind) = (DataClass::ADDRESS, "STREET_ADDRESS");
            hits.push(Hit { start: a.start, end: b.end, class, kind, rule: "street_in_text", score: 75 });
        }
        floor = last + 1;
    }
}

/// Which of the lists a word is in, one bit each.
type In = u8;
const IN_AFTER: In = 1;
const IN_BETWEEN: In = 2;
const IN_BEFORE: In = 4;
const IN_BEHIND: In = 8;
const IN_SMALL: In = 16;
const IN_UNIT: In = 32;

/// The words of all lists by their hashes, in order.
static WORDS: LazyLock<Vec<(u64, In)>> = LazyLock::new(|| {
    let lists = [
        (AFTER, IN_AFTER),
        (BETWEEN, IN_BETWEEN),
        (BEFORE, IN_BEFORE),
        (BEHIND, IN_BEHIND),
        (SMALL, IN_SMALL),
        (UNIT, IN_UNIT),
    ];
    let mut words: BTreeMap<u64, In> = BTreeMap::new();
    for (list, bit) in lists {
        for word in list.split_whitespace() {
            *words.entry(lists::hash(word)).or_default() |= bit;
        }
    }
    words.into_iter().collect()
});

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
        let hash = lists::hash(word.trim_end_matches('.'));
        let found = WORDS.binary_search_by_key(&hash, |w| w.0).ok().and_then(|n| WORDS.get(n));
        found.map_or(0, |w| w.1)
    }

    fn within(&self, at: usize, list: In) -> bool {
        self.lists(at) & list != 0
    }

    /// In small letters, without the dot of an abbreviation.
    fn small(&self, at: usize) -> String {
        let word = self.word(at);
        if word.len() > 24 { String::new() } else { word.trim_end_matches('.').to_lowercase() }
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
        for k in at + 1..at + 7 {
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
        let before = at.checked_sub(1)?;
        if self.gap(at) != 1 {
            return None;
        }
        if self.word(before).trim_end_matches('.').eq_ignore_ascii_case("box")
            && matches!(&*self.small(before.checked_sub(1)?), "o" | "po" | "p.o" | "o.")
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

    /// How far an address goes on behind its street: flat, postal code, town, state.
    fn extend(&self, core: usize) -> usize {
        let mut last = core;
        for _ in 0..5 {
            let mut at = last + 1;
            while matches!(self.word(at), "," | "-" | "–") {
                at += 1;
            }
            let Some(end) = self.part(at) else { break };
            last = end;
        }
        last
    }

    fn part(&self, at: usize) -> Option<usize> {
        if self.within(at, IN_UNIT) && self.word(at + 1).len() <= 6 && self.gap(at + 1) < 2 {
            let dot = usize::from(self.word(at + 1) == ".");
            return Some(at + 1 + dot);
        }
        if let Some(code) = self.postal(at) {
            return Some(self.town(code + 1).filter(|_| self.gap(code + 1) == 1).unwrap_or(code));
        }
        // A town or a state counts only with a postal code behind it, or when it is a known place.
        let town = self.town(at)?;
        let mut next = town + 1;
        if self.word(next) == "," {
            next += 1;
        }
        let state = self.word(next);
        if state.len() == 2 && state.bytes().all(|b| b.is_ascii_uppercase()) {
            let code = self.postal(next + 1);
            return code.or(Some(next));
        }
        if let Some(code) = self.postal(next) {
            return Some(code);
        }
        let place = lists::find(self.model.lists, self.word(town)) & lists::PLACE != 0;
        (place && self.word(at.wrapping_sub(1)) == ",").then_some(town)
    }

    /// One to three words with capitals.
    fn town(&self, at: usize) -> Option<usize> {
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
    fn postal(&self, at: usize) -> Option<usize> {
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
        (outward && near && inward).then_some(at + 1)
    }
}
