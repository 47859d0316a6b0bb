//! Names that a word in front of them tells: a greeting, a title, "my name is"; and lines that hold nothing but a name.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::sync::LazyLock;

use carnet_model::DataClass;

use super::lists::{self, FIRST, LAST, PLACE};
use super::tokens::Token;
use crate::keys::Quick;
use crate::scan::Hit;

/// First words of letters and messages.
const GREETINGS: &str = " dear hi hello hey morning liebe lieber hallo geehrter geehrte cher chère bonjour salut hola estimado estimada querido querida ciao gentile caro cara egregio spettabile beste geachte olá prezado prezada caro witaj drogi droga szanowny szanowna kära käre hej kjære kære hei moi ahoj milý milá vážený vážená drahý dragi draga poštovani kedves tisztelt dragă stimate stimată ";
/// In front of the name of a person.
const TITLES: &str = " mr mrs ms miss mx dr prof professor sir madam herr frau hr fr mme mlle madame monsieur sr sra srta señor señora don doña signor signora sig dott dottssa mevrouw meneer dhr mevr pan pani pán paní senhor senhora dom dona fru domnul doamna úr nurse officer judge attorney captain colonel sergeant doctor drs president senator governor mayor congressman congresswoman chancellor coach pope archbishop rabbi imam sheikh ayatollah reverend rev sgt gen lt col maj capt cpl adm gov sen rep pres lieutenant commander constable detective inspector uncle aunt auntie grandma grandpa ";
/// What is greeted and is nobody.
const NOBODY: &str = " customer customers sir madam madame team all everyone everybody support colleague colleagues friend friends hiring manager user users member members guest world there folks guys client partner partners applicant candidate student students parents tenant resident subscriber reader readers damen herren kunde kundin kollegen kolleginnen monsieur messieurs mesdames client clients señor señores señora cliente clientes signori collega collega's heer klant państwo kunden ladies gentlemen god please thanks thank again both bot assistant chat agent admin ";
/// What somebody is told by name at the beginning of a sentence: `Thanks Josh!`
const TOLD: &str = " thanks thank thx ty welcome congrats congratulations cheers sorry bye goodbye happy please merci danke gracias grazie obrigado obrigada bedankt tack dziękuję dzięki ";
/// Words behind which a name stands, as they end.
const BEHIND: &[&[&str]] = &[
    &["my", "name", "is"],
    &["my", "name's"],
    &["name", "is"],
    &["name", "was"],
    &["'s", "name"],
    &["name", ":"],
    &["call", "me"],
    &["calls", "me"],
    &["calls", "him"],
    &["calls", "her"],
    &["called", "myself"],
    &["i", "am"],
    &["i", "'", "m"],
    &["i'm"],
    &["i’m"],
    &["this", "is"],
    &["here", "'", "s"],
    &["here's"],
    &["posted", "by"],
    &["written", "by"],
    &["reported", "by"],
    &["submitted", "by"],
    &["created", "by"],
    &["prepared", "by"],
    &["approved", "by"],
    &["signed", "by"],
    &["assigned", "to"],
    &["speaking", "with"],
    &["spoke", "with"],
    &["spoke", "to"],
    &["ich", "heiße"],
    &["mein", "name", "ist"],
    &["je", "m'appelle"],
    &["je", "suis"],
    &["me", "llamo"],
    &["mi", "nombre", "es"],
    &["mi", "chiamo"],
    &["chamo-me"],
    &["nazywam", "się"],
    &["jag", "heter"],
    &["ik", "heet"],
    &["mijn", "naam", "is"],
    &["jmenuji", "se"],
];

/// What a word is: in one of the lists above, or the last of the words behind which a name stands.
const GREETING: u8 = 1;
const TITLE: u8 = 2;
const NONE: u8 = 4;
const LAST_WORD: u8 = 8;
const THANKS: u8 = 16;

/// All words of the lists: each word of a text is looked for once.
static KINDS: LazyLock<HashMap<&'static str, u8, BuildHasherDefault<Quick>>> = LazyLock::new(|| {
    let mut kinds = HashMap::default();
    for (list, kind) in [(GREETINGS, GREETING), (TITLES, TITLE), (NOBODY, NONE), (TOLD, THANKS)] {
        list.split_whitespace().for_each(|w| *kinds.entry(w).or_default() |= kind);
    }
    for word in BEHIND.iter().filter_map(|words| words.last()) {
        *kinds.entry(*word).or_default() |= LAST_WORD;
    }
    kinds
});

/// A sentence and the lists that know names.
pub(super) struct Said<'a> {
    pub(super) text: &'a str,
    pub(super) tokens: &'a [Token],
    pub(super) lists: &'a [u8],
    /// What stands behind the sentence.
    pub(super) next: Option<Token>,
    /// What stands in front of it.
    pub(super) prev: Option<Token>,
}

impl Said<'_> {
    /// Adds what is found.
    pub(super) fn scan(&self, out: &mut Vec<Hit>) {
        if self.alone(out) {
            return;
        }
        self.greeted(out);
        self.told(out);
        for at in 0..self.tokens.len() {
            if self.tokens.get(at).is_some_and(|t| t.first == b'<') {
                self.addressed(at, out);
            }
            if matches!(
                self.word(at),
                "mr" | "mr." | "mrs" | "mrs." | "ms." | "miss" | "dr" | "dr." | "prof."
            ) {
                self.titled_small(at, out);
            }
            // Nearly all words are followed by one in small letters.
            if self.opens(at) || self.name(at + 1) {
                let small = self.small(at);
                let kind = kind(&small);
                if kind & TITLE != 0 {
                    self.titled(at, out);
                }
                if kind & LAST_WORD != 0 {
                    self.introduced(at, &small, out);
                }
            }
        }
    }

    /// `is`, `me` and `:`, behind which also a name in small letters may stand.
    fn opens(&self, at: usize) -> bool {
        self.tokens.get(at).is_some_and(|t| t.end - t.start <= 2)
            && matches!(self.word(at), "is" | "me" | ":")
    }

    /// Whether the first byte of a word may be that of a name: nearly none is.
    fn begins_name(&self, at: usize) -> bool {
        self.tokens.get(at).is_some_and(|t| t.first.is_ascii_uppercase() || !t.first.is_ascii())
    }

    fn word(&self, at: usize) -> &str {
        self.tokens.get(at).and_then(|t| self.text.get(t.start as usize..t.end as usize)).unwrap_or_default()
    }

    /// In small letters, without the dot of an abbreviation; empty for what is long.
    fn small(&self, at: usize) -> Small {
        let word = self.word(at);
        if word.len() > 16 { Small::default() } else { Small::of(word.trim_end_matches('.')) }
    }

    /// Whether one of these lists holds the word.
    fn is(&self, at: usize, kinds: u8) -> bool {
        kind(&self.small(at)) & kinds != 0
    }

    fn known(&self, at: usize) -> u8 {
        lists::find(self.lists, self.word(at).trim_end_matches('.'))
    }

    /// Begins with a capital letter and holds letters only.
    fn name(&self, at: usize) -> bool {
        if !self.begins_name(at) {
            return false;
        }
        let mut chars = self.word(at).chars();
        chars.next().is_some_and(char::is_uppercase)
            && chars.all(|c| c.is_alphabetic() || matches!(c, '.' | '-' | '\'' | '’'))
    }

    /// How many words of a name stand at `from`, three at most; an initial counts.
    fn run(&self, from: usize) -> usize {
        (from..from + 3)
            .take_while(|k| {
                let joined = *k == from || self.tokens.get(*k).is_some_and(|t| t.gap == 1);
                joined && self.name(*k) && !self.is(*k, NONE | TITLE)
            })
            .count()
    }

    fn add(&self, from: usize, count: usize, score: u8, out: &mut Vec<Hit>) {
        let last = from + count - 1;
        if let (Some(a), Some(b)) = (self.tokens.get(from), self.tokens.get(last))
            && b.end - a.start > 1
        {
            let end = if self.word(last).len() > 2 { self.word(last).trim_end_matches('.').len() } else { 0 };
            let end = if end > 0 { b.start + end as u32 } else { b.end };
            let (class, kind) = (DataClass::PERSON, "PERSON");
            out.push(Hit { start: a.start, end, class, kind, rule: "name_by_place", score });
        }
    }

    /// A line that is a name, perhaps behind a mark of quotation or a title, and nothing else.
    fn alone(&self, out: &mut Vec<Hit>) -> bool {
        if self.tokens.len() > 8 {
            return false;
        }
        let lead = (0..self.tokens.len().min(4))
            .take_while(|k| self.word(*k).chars().all(|c| !c.is_alphanumeric()))
            .count();
        let titled = self.is(lead, TITLE);
        let from = lead + usize::from(titled);
        let count = self.run(from);
        let rest = (from + count..self.tokens.len()).all(|k| matches!(self.word(k), "," | "." | "-"));
        if !rest || count == 0 {
            return false;
        }
        let held = |list: u8| (from..from + count).filter(|k| self.known(*k) & list != 0).count();
        // Above the number of a house, or with a title, one word that is a name is enough.
        let house = self.next.is_some_and(|t| {
            self.text.as_bytes().get(t.start as usize).is_some_and(u8::is_ascii_digit) && t.gap == 2
        });
        let first = self.known(from);
        let sure = count >= 2 && first & FIRST != 0 && held(FIRST | LAST) == count;
        let likely = count >= 2 && first & FIRST != 0 && first & PLACE == 0 && house;
        // `Renee,` above a letter, `Kay` below its last words.
        let broken = self.tokens.first().is_some_and(|t| t.gap == 2);
        let comma = |t: &Token| self.text.get(t.start as usize..t.end as usize) == Some(",");
        let above = self.next.is_some_and(|t| t.gap == 2) && self.word(from + 1) == ",";
        let below = self.prev.as_ref().is_some_and(comma);
        let line = count == 1 && broken && first & FIRST != 0 && first & PLACE == 0 && (above || below);
        if sure || likely || line || titled && held(FIRST | LAST) > 0 {
            self.add(from, count, 72, out);
            return true;
        }
        false
    }

    /// `Dear Ms. Holt,`, `Hi Jo,`.
    fn greeted(&self, out: &mut Vec<Hit>) {
        // A name stands at most four words behind a greeting, which is among the first three words.
        if !(1..7).any(|k| self.begins_name(k)) {
            return;
        }
        let Some(at) = (0..self.tokens.len().min(3)).find(|k| self.is(*k, GREETING)) else {
            return;
        };
        let mut from = at + 1;
        let mut titled = false;
        while from < at + 4 && self.is(from, TITLE) {
            (from, titled) = (from + 1, true);
        }
        let count = self.run(from);
        if count == 0 {
            return;
        }
        let known = (from..from + count).any(|k| self.known(k) & (FIRST | LAST) != 0);
        let closed = matches!(self.word(from + count), "" | "," | "!" | "." | "-" | "–" | ":");
        // `Hey Vladi,` in a line of its own calls somebody, whoever it is.
        let line = self.tokens.len() == from + count + 1
            || self.tokens.get(from + count + 1).is_some_and(|t| t.gap == 2);
        let called = self.word(from + count) == ","
            && (&*self.small(at) == "dear" || at == 0 && count == 1 && line && self.word(from).len() > 2);
        if titled || known && closed || called {
            self.add(from, count, 78, out);
        }
    }

    /// `Thanks Josh!`, `Welcome, Darin.`
    fn told(&self, out: &mut Vec<Hit>) {
        if !self.is(0, THANKS) {
            return;
        }
        let you = usize::from(matches!(&*self.small(1), "you" | "again"));
        let from = 1 + you + usize::from(self.word(1 + you) == ",");
        let count = self.run(from);
        let first = self.known(from);
        let closed = matches!(self.word(from + count), "" | "," | "!" | "." | "?" | "-");
        if (1..=2).contains(&count) && closed && first & FIRST != 0 && first & PLACE == 0 {
            self.add(from, count, 72, out);
        }
    }

    /// `Dr. Sandhu`, `Frau Weiß`.
    fn titled(&self, at: usize, out: &mut Vec<Hit>) {
        let next = at + 1;
        if self.tokens.get(next).is_none_or(|t| t.gap != 1) {
            return;
        }
        let short = self.word(at).len() <= 4 || self.word(at).ends_with('.');
        let count = self.run(next);
        let known = (next..next + count).any(|k| self.known(k) & (FIRST | LAST) != 0);
        if count > 0 && (known || short && self.capital(at) && self.word(next).chars().count() > 2) {
            self.add(next, count, 76, out);
        }
    }

    /// `mr. freeman`, as people write in chats: the name has to be in the lists.
    fn titled_small(&self, at: usize, out: &mut Vec<Hit>) {
        let part = |k: usize, list: u8| {
            self.tokens.get(k).is_some_and(|t| t.gap == 1)
                && self.word(k).len() > 2
                && self.word(k).chars().all(char::is_lowercase)
                && self.known(k) & list != 0
        };
        if part(at + 1, FIRST | LAST) {
            let two = self.known(at + 1) & FIRST != 0 && part(at + 2, LAST);
            self.add(at + 1, 1 + usize::from(two), 70, out);
        }
    }

    /// `"Townsend, George" <`, `George Townsend <`: what is shown of an address of mail, which is a mask by now.
    fn addressed(&self, at: usize, out: &mut Vec<Hit>) {
        let mail =
            self.tokens.get(at + 1).is_some_and(|t| t.first == b'[') || self.word(at + 1).contains('@');
        let quoted = at.checked_sub(1).is_some_and(|b| matches!(self.word(b), "\"" | "'"));
        let end = at - usize::from(quoted);
        let mut from = end;
        let mut commas = 0;
        while from > 0 && end - from < 5 {
            let comma = self.word(from - 1) == "," && from < end && commas == 0;
            if !(comma || self.name(from - 1)) {
                break;
            }
            commas += usize::from(comma);
            from -= 1;
        }
        if self.word(from) == "," {
            from += 1;
        }
        let known = (from..end).any(|k| self.known(k) & (FIRST | LAST) != 0);
        if mail && from < end && (known || quoted && commas == 1) && (quoted || end - from > 1) {
            self.add(from, end - from, 76, out);
        }
    }

    fn capital(&self, at: usize) -> bool {
        self.word(at).chars().next().is_some_and(char::is_uppercase)
    }

    /// `My name is Leidy`; in small letters only a word that is in the lists and begins no other phrase.
    fn introduced(&self, at: usize, small: &str, out: &mut Vec<Hit>) {
        let ends = |words: &&&[&str]| {
            words.len() <= at + 1
                && words.last() == Some(&small)
                && words.iter().rev().enumerate().skip(1).all(|(n, w)| &*self.small(at - n) == *w)
        };
        let Some(words) = BEHIND.iter().find(ends) else { return };
        let from = at + 1;
        let count = self.run(from);
        let own = words.first() == Some(&"my") || words.contains(&"name");
        if count > 0 && (self.known(from) & FIRST != 0 || count > 1 && self.known(from + 1) & LAST != 0) {
            self.add(from, count, 76, out);
        } else if own && count == 0 && self.known(from) & FIRST != 0 && self.word(from).len() > 2 {
            let last =
                self.known(from + 1) & LAST != 0 && self.tokens.get(from + 1).is_some_and(|t| t.gap == 1);
            self.add(from, 1 + usize::from(last), 70, out);
        }
    }
}

/// Which lists hold a word in small letters.
fn kind(word: &str) -> u8 {
    if word.is_empty() { 0 } else { KINDS.get(word).copied().unwrap_or(0) }
}

/// A short word in small letters, without memory of its own.
#[derive(Clone, Copy, Default)]
struct Small {
    bytes: [u8; 32],
    len: usize,
}

impl Small {
    /// Empty for what does not fit.
    fn of(word: &str) -> Small {
        let mut small = Small::default();
        if word.is_ascii() {
            let Some(room) = small.bytes.get_mut(..word.len()) else { return small };
            room.copy_from_slice(word.as_bytes());
            room.make_ascii_lowercase();
            small.len = word.len();
            return small;
        }
        for c in word.chars().flat_map(char::to_lowercase) {
            let Some(room) = small.bytes.get_mut(small.len..small.len + c.len_utf8()) else {
                return Small::default();
            };
            c.encode_utf8(room);
            small.len += c.len_utf8();
        }
        small
    }
}

impl std::ops::Deref for Small {
    type Target = str;

    fn deref(&self) -> &str {
        self.bytes.get(..self.len).and_then(|b| std::str::from_utf8(b).ok()).unwrap_or_default()
    }
}
