//! The recognisers of one text: a cheap look at the bytes decides which of them run. Each is a small validator behind
//! that look; there is no pattern over the whole text.

mod about;
mod assign;
pub(crate) mod bic;
pub(crate) mod bytes;
mod card;
pub(crate) mod checks;
mod crypto;
mod dates;
mod digits;
mod direct;
mod email;
pub(crate) mod iban;
mod ip;
mod letters;
mod mrz;
mod number;
mod phone;
pub(crate) mod schemes;
pub(crate) mod secret;
mod seen;
mod survey;
pub(crate) mod terms;
mod vehicle;
mod word;

use std::ops::Range;
use std::sync::LazyLock;

pub(crate) use about::recognisers;
use carnet_model::{ClassSet, DataClass};
pub(crate) use direct::Direct;
pub(crate) use number::next_digit;
pub(crate) use seen::Seen;
#[cfg(test)]
pub(crate) use seen::tests::OPEN;
pub(crate) use survey::Survey;

use crate::columns;
use crate::context::{self, Words};
use crate::custom::Custom;
use crate::keys::{Hint, Keys, Said, Strength};
use crate::names;
use crate::options::{Country, DetectorOptions, Names};
use crate::value;

/// A sensitive span of one text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hit {
    pub(crate) start: u32,
    pub(crate) end: u32,
    pub(crate) class: DataClass,
    pub(crate) kind: &'static str,
    pub(crate) rule: &'static str,
    pub(crate) score: u8,
}

/// What no configuration changes, made once in a process: a reload makes a new detector, and the tables take longer than all
/// the rest of it.
struct Tables {
    keys: Keys,
    words: Words,
    marks: secret::Marks,
    vendors: secret::Vendors,
    secret_names: secret::Names,
    plans: phone::Plans,
    schemes: schemes::Schemes,
}

static TABLES: LazyLock<Tables> = LazyLock::new(|| Tables {
    keys: Keys::new(),
    words: Words::new(),
    marks: secret::Marks::new(),
    vendors: secret::Vendors::new(),
    secret_names: secret::Names::new(),
    plans: phone::Plans::new(),
    schemes: schemes::Schemes::new(),
});

/// Which recognisers run and the tables they need, fixed when the detector is built.
pub(crate) struct Scanner {
    countries: Vec<Country>,
    pub(crate) disabled: ClassSet,
    pub(crate) keys: &'static Keys,
    words: &'static Words,
    marks: &'static secret::Marks,
    vendors: &'static secret::Vendors,
    secret_names: &'static secret::Names,
    plans: &'static phone::Plans,
    names: Names,
    schemes: &'static schemes::Schemes,
    own: Custom,
}

/// A text under inspection and what is known about it.
pub(crate) struct Text<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) hint: Option<Hint>,
    pub(crate) hits: &'a mut Vec<Hit>,
}

impl Text<'_> {
    pub(crate) fn hit(
        &mut self,
        start: usize,
        end: usize,
        class: DataClass,
        kind: &'static str,
        rule: &'static str,
        score: u8,
    ) {
        self.hits.push(Hit { start: start as u32, end: end as u32, class, kind, rule, score });
    }
}

impl Scanner {
    pub(crate) fn new(options: &DetectorOptions) -> Self {
        Scanner {
            countries: options.countries.clone(),
            disabled: options.disabled,
            keys: &TABLES.keys,
            words: &TABLES.words,
            marks: &TABLES.marks,
            vendors: &TABLES.vendors,
            secret_names: &TABLES.secret_names,
            plans: &TABLES.plans,
            names: options.names,
            schemes: &TABLES.schemes,
            own: Custom::new(options),
        }
    }

    pub(crate) fn countries(&self) -> &[Country] {
        &self.countries
    }

    /// All that a key says.
    pub(crate) fn read_key(&self, key: &str) -> Said {
        Said { own: self.own.of_key(key), ..self.keys.read(key) }
    }

    /// Which of a configuration's own rules a name speaks for.
    pub(crate) fn own_of(&self, name: &str) -> crate::custom::Own {
        self.own.of_key(name)
    }

    /// Whether a configuration disables every class and has no rules of its own: then nothing is looked for.
    pub(crate) fn is_idle(&self) -> bool {
        !self.own.has_rules() && DataClass::BUILT_IN.iter().all(|class| self.disabled.contains(*class))
    }

    /// Whether nothing can be found in a text without a hint, so that it need not be looked at.
    pub(crate) fn passes_over(&self, text: &str, seen: Seen) -> bool {
        seen.quiet(text.len())
            && !(self.names == Names::Light && names::brief(text.as_bytes()))
            && !self.own.wakes(text)
    }

    /// Whether a text is a point in time, in which nothing can be found under such a hint.
    pub(crate) fn is_stamp(&self, text: &str, hint: Option<Hint>) -> bool {
        hint.is_none_or(|h| h.class.is_none() && h.own == 0 && h.bits & context::BIRTH == 0)
            && dates::is_stamp(text.as_bytes())
            && !self.own.wakes(text)
    }

    /// Whether a JSON number without a hint is too short to be anything.
    pub(crate) fn is_short(&self, number: &[u8]) -> bool {
        // The shortest number that says something by itself has eight digits.
        number.len() < 8 && !self.own.has_patterns()
    }

    fn country(&self, code: &[u8; 2]) -> bool {
        self.countries.iter().any(|c| c.code() == *code)
    }

    /// Cells of tables and values of dictionaries in a text, under what their headers and keys say.
    fn columns(&self, text: &str, seen: Seen, hits: &mut Vec<Hit>, scratch: &mut names::Scratch) {
        // A cell is a value.
        let free = std::mem::take(&mut scratch.free);
        let mut cell = |span: Range<usize>, hint: Hint| {
            let Some(value) = text.get(span.clone()) else { return };
            let from = hits.len();
            self.scan(value, Seen::of(value.as_bytes()), Some(hint), hits, scratch);
            for hit in hits.iter_mut().skip(from) {
                hit.start += span.start as u32;
                hit.end += span.start as u32;
                hit.rule = if hit.rule == "key" { "column" } else { hit.rule };
            }
        };
        if seen.line {
            columns::cells(text, self.keys, &mut cell);
        }
        if seen.brace {
            columns::dictionaries(text, self.keys, &mut cell);
        }
        scratch.free = free;
    }

    /// Finds what is in one text. Hits may overlap and come in no order.
    pub(crate) fn scan(
        &self,
        text: &str,
        seen: Seen,
        hint: Option<Hint>,
        hits: &mut Vec<Hit>,
        scratch: &mut names::Scratch,
    ) {
        let whole = hint.filter(|h| value::fits(*h, text));
        let mut t = Text { bytes: text.as_bytes(), hint, hits };
        let first = t.hits.len();
        if seen.digit {
            number::scan(&mut t, self);
        }
        if seen.assign {
            assign::scan(&mut t, self);
            if seen.colon {
                ip::v6(&mut t);
            }
        }
        if seen.at {
            email::scan(&mut t);
            drop_false_mail(t.hits, first);
        }
        secret::scan(&mut t, self, seen);
        if hint.is_none() && (seen.line || seen.brace) {
            self.columns(text, seen, t.hits, scratch);
        }
        if let Some(hint) = whole {
            whole_value(&mut t, hint, first);
        } else if self.names == Names::Light
            && (names::possible(t.bytes, seen.high) || scratch.free && names::worth(t.bytes, seen.high))
        {
            names::scan(text, hint, t.hits, first, scratch);
        }
        self.own.scan(text, hint, hits);
        self.own.filter(text, first, hits);
    }
}

/// The hint's hit over the whole value. A recogniser that saw the same value names it more exactly; lesser readings of
/// it are dropped.
fn whole_value(t: &mut Text<'_>, hint: Hint, first: usize) {
    let Some(class) = hint.class else { return };
    let len = t.bytes.len();
    let lead = t.bytes.iter().take_while(|b| b.is_ascii_whitespace()).count();
    let tail = t.bytes.iter().rev().take_while(|b| b.is_ascii_whitespace()).count();
    let (start, end) = (lead, len.saturating_sub(tail).max(lead));
    let found = t.hits.get(first..).unwrap_or_default();
    let same = found
        .iter()
        .find(|h| h.class == class && h.start as usize == start && h.end as usize == end)
        .copied();
    let strong = hint.strength == Strength::Strong && numeric(class);
    let mut n = 0;
    t.hits.retain(|h| {
        n += 1;
        n <= first || h.class != class && !(strong && numeric(h.class))
    });
    let kind = same.map_or(hint.kind, |h| h.kind);
    t.hit(start, end, class, kind, "key", if same.is_some() { 98 } else { 88 });
}

/// Classes whose values are numbers that may be taken for one another.
fn numeric(class: DataClass) -> bool {
    [
        DataClass::PHONE,
        DataClass::NATIONAL_ID,
        DataClass::TAX_ID,
        DataClass::HEALTH_ID,
        DataClass::US_SSN,
        DataClass::BANK_ACCOUNT,
        DataClass::PASSPORT,
        DataClass::DRIVING_LICENCE,
        DataClass::BIRTH_DATE,
    ]
    .contains(&class)
}

/// `user:pass@host.example` in a URL is no e-mail address.
fn drop_false_mail(hits: &mut Vec<Hit>, first: usize) {
    if !hits.iter().skip(first).any(|h| h.class == DataClass::URL_CREDENTIALS) {
        return;
    }
    let urls: Vec<(u32, u32)> = hits
        .iter()
        .skip(first)
        .filter(|h| h.class == DataClass::URL_CREDENTIALS)
        .map(|h| (h.start, h.end))
        .collect();
    // Both lists are in the order of the text, so one pass is enough.
    let mut at = urls.iter().peekable();
    hits.retain(|h| {
        if h.class != DataClass::EMAIL {
            return true;
        }
        while at.next_if(|u| u.1 < h.start).is_some() {}
        at.peek().is_none_or(|u| h.end <= u.0 || u.1 <= h.start)
    });
}
