//! Key hints: what a member's name says about its value, by itself, under the key above it and beside its siblings.
//!
//! A name is read as words and compared with terms ([`terms`], [`people`]). The words at its end count most
//! (`customer_phone_number`). A word such as `name`, `city` or `number` says something only together with what is
//! around it: `customer: {name}`, `passport: {number}`, `{name, email}`.

mod company;
mod people;
mod said;
mod stems;
mod terms;
mod wide;
mod words;

use std::hash::{BuildHasherDefault, Hasher};

use carnet_model::DataClass;

use crate::catalog::{Recogniser, Tier};
use crate::context;
use company::{LIKELY_NAME, MAYBE_NAME, NAME};
pub(crate) use company::{inside, together, unknown};
pub(crate) use said::{Company, Hint, Loose, Role, Said, Strength, Tells};
use stems::Stems;
use words::Words;

use Strength::{Strong, Weak};

pub(crate) const A_PASSPORT: Hint = Hint::of(DataClass::PASSPORT, "PASSPORT", context::PASSPORT, Strong);

/// What the terms name, for [`crate::recognisers`].
pub(crate) fn recognisers() -> Vec<Recogniser> {
    let named = terms::TERMS.iter().filter_map(|(class, kind, _, strength, country, _)| {
        Some(Recogniser {
            kind,
            class: (*class)?,
            country: (!country.is_empty()).then_some(*country),
            validation: if *strength == Strong { "key" } else { "key, and the value looks like it" },
            source: "schema.org, vCard, FHIR, and the words of each language",
            tier: Tier::Key,
        })
    });
    named.collect()
}

/// A quick hash for tables whose entries nobody outside chooses.
#[derive(Default)]
pub(crate) struct Quick(u64);

impl Quick {
    fn add(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(23) ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
}

impl Hasher for Quick {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.add(u64::from_le_bytes(*word));
        }
        if !rest.is_empty() {
            self.add(rest.iter().fold(0, |word, b| word << 8 | u64::from(*b)));
        }
    }

    fn write_u8(&mut self, byte: u8) {
        self.0 ^= u64::from(byte);
    }

    fn finish(&self) -> u64 {
        self.0 ^ self.0 >> 32
    }
}

type HashMap<K, V> = std::collections::HashMap<K, V, BuildHasherDefault<Quick>>;
type HashSet<T> = std::collections::HashSet<T, BuildHasherDefault<Quick>>;

/// The terms, ready to be asked.
pub(crate) struct Keys {
    terms: HashMap<&'static str, Hint>,
    loose: HashMap<&'static str, Loose>,
    alone: HashSet<&'static str>,
    nouns: HashSet<&'static str>,
    neutral: HashSet<&'static str>,
    things: HashSet<&'static str>,
    about: HashSet<&'static str>,
    of_persons: HashSet<&'static str>,
    of_things: HashSet<&'static str>,
    labels: HashSet<&'static str>,
    kinds: HashSet<&'static str>,
    stems: Stems,
}

impl Keys {
    pub(crate) fn new() -> Self {
        let mut terms = HashMap::default();
        for (class, kind, bits, code, words) in crate::scan::terms::KEYS {
            let bits = bits | <&[u8; 2]>::try_from(code.as_bytes()).map_or(0, context::country);
            for word in words.split_whitespace() {
                terms.entry(word).or_insert(Hint::of(*class, kind, bits, Strong));
            }
        }
        for (class, kind, bits, strength, code, words) in terms::TERMS.iter().chain(wide::TERMS) {
            let bits = bits | <&[u8; 2]>::try_from(code.as_bytes()).map_or(0, context::country);
            for word in words.split_whitespace() {
                terms.entry(word).or_insert(Hint { class: *class, kind, bits, strength: *strength, own: 0 });
            }
        }
        let set = |list: &'static str| list.split_whitespace().collect();
        let mut loose = HashMap::default();
        let lists = [
            (people::PLACE, Loose::Place),
            (people::LINE, Loose::Line),
            (people::NAME, Loose::Name),
            (people::PART, Loose::Part),
            (people::NUMBER, Loose::Number),
            (people::VALUE, Loose::Value),
            (people::WHEN, Loose::When),
        ];
        for (list, kind) in lists {
            loose.extend(list.split_whitespace().map(|w| (w, kind)));
        }
        Keys {
            terms,
            loose,
            alone: set(people::NAME_ALONE),
            nouns: set(people::NOUNS),
            neutral: set(people::NEUTRAL),
            things: set(people::THINGS),
            about: set(people::ABOUT),
            of_persons: set(people::OF_PERSONS),
            of_things: set(people::OF_THINGS),
            labels: set(people::LABELS),
            kinds: set(people::KINDS),
            stems: Stems::new(),
        }
    }

    /// The hint of a key that stands alone, as in `Name: ...`. A plain `name` is a weak one.
    pub(crate) fn hint(&self, key: &str) -> Option<Hint> {
        if key.bytes().next_back().is_some_and(|b| b.is_ascii_digit()) {
            let said = self.read(key);
            return said.hint.or_else(|| said.alone.then_some(LIKELY_NAME));
        }
        // What else the words say is not asked.
        let words = Words::read(key)?;
        let short = || words.without_fillers().and_then(|w| self.term(&w));
        let hint = self.term(&words).or_else(short).flatten();
        hint.or_else(|| self.alone.contains(words.join(0, words.n)).then_some(LIKELY_NAME))
    }

    /// All that a key says. A number at its end counts for nothing where it makes the key unknown: `phone2`.
    pub(crate) fn read(&self, key: &str) -> Said {
        let said = self.read_words(key);
        let bare = key.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches(['_', '-', ' ', '.']);
        let numbered = said.open && (2..key.len()).contains(&bare.len());
        if numbered { self.read_words(bare) } else { said }
    }

    fn read_words(&self, key: &str) -> Said {
        let Some(words) = Words::read(key) else { return Said::default() };
        let short = words.without_fillers();
        let hint = self.term(&words).or_else(|| short.as_ref().and_then(|w| self.term(w)));
        let whole = words.join(0, words.n);
        let last = words.join(words.n - 1, words.n);
        let hint = self.stemmed(&words, hint);
        let hinted = hint.is_some();
        let loose = self.loose.get(whole).copied();
        // `billing_city`
        let loose = loose.or_else(|| self.loose.get(last).copied().filter(|l| !hinted && *l == Loose::Place));
        let hint = hint.flatten();
        let role = self.role(&words, hint);
        let beside = self.beside(whole, hint);
        let known = hinted
            || loose.is_some()
            || role != Role::Unknown
            || beside != Company::default()
            || self.labels.contains(whole)
            || self.about.contains(last)
            || (0..words.n).any(|n| self.things.contains(words.join(n, n + 1)));
        Said { hint, role, loose, alone: self.alone.contains(whole), beside, own: 0, open: !known }
    }

    /// What parts of the words say where the terms say less.
    fn stemmed(&self, words: &Words, hint: Option<Option<Hint>>) -> Option<Option<Hint>> {
        let told = hint.flatten();
        if told.is_some_and(|h| h.is_strong() && !h.is_general() && h.class != Some(DataClass::CARD)) {
            return hint;
        }
        let numbered = |w: &str| self.loose.get(w) == Some(&Loose::Number);
        let Some(stem) = self.stems.read(words, numbered, |w| self.nouns.contains(w)) else { return hint };
        // `passport_owner`, `card_birth_date`
        let kept = match told.and_then(|h| h.class) {
            Some(DataClass::PERSON) => stem.class == Some(DataClass::PASSPORT),
            Some(DataClass::CARD) => stem.class == Some(DataClass::BIRTH_DATE),
            _ => false,
        };
        if kept { hint } else { Some(Some(stem)) }
    }

    /// The hint of the words; `Some(None)` when they say that there is none.
    fn term(&self, words: &Words) -> Option<Option<Hint>> {
        let last = words.join(words.n - 1, words.n);
        // `birth_date` ends in a word that is about something and is a term itself, also behind `member`.
        let named = || (0..words.n - 1).any(|from| self.terms.contains_key(words.join(from, words.n)));
        if words.n > 1 && self.about.contains(last) && !named() {
            return Some(None);
        }
        for from in 0..words.n {
            let Some(hint) = self.terms.get(words.join(from, words.n)) else { continue };
            let before = words.join(from.saturating_sub(1), from);
            let of_thing = from > 0 && hint.strength == Weak && self.things.contains(before);
            return Some(Some(*hint).filter(|h| !of_thing && !self.otherwise(h, words, from, words.n)));
        }
        if words.n > 1 && self.alone.contains(last) {
            return Some(self.named(words));
        }
        // `phone_home`, `email2`, `iban_customer`: the words in front, if no thing is in them.
        (1..words.n).rev().find_map(|to| {
            self.terms
                .get(words.join(0, to))
                .filter(|h| h.strength == Strong && h.class != Some(DataClass::SECRET))
                .map(|h| Some(*h).filter(|h| !self.otherwise(h, words, 0, to)))
        })
    }

    /// Whether a term for a birth date or a passport is about something else: `birthday_discount`.
    fn otherwise(&self, hint: &Hint, words: &Words, from: usize, to: usize) -> bool {
        matches!(hint.class, Some(DataClass::BIRTH_DATE | DataClass::PASSPORT))
            && (from > 0 || to < words.n)
            && self.stems.otherwise(words, from, to)
    }

    /// `customer_name`, `product_name`, `shown_name`.
    fn named(&self, words: &Words) -> Option<Hint> {
        let mut person = None;
        for from in (0..words.n - 1).rev() {
            let noun = words.join(from, words.n - 1);
            let one = words.join(from, from + 1);
            if self.things.contains(noun) || self.things.contains(one) && person.is_none() {
                return None;
            }
            if self.nouns.contains(noun) || self.nouns.contains(one) || self.of_terms(noun) {
                person = Some(NAME);
            }
        }
        Some(person.unwrap_or(MAYBE_NAME))
    }

    fn of_terms(&self, noun: &str) -> bool {
        self.terms.get(noun).is_some_and(|h| h.class == Some(DataClass::PERSON))
    }

    fn role(&self, words: &Words, hint: Option<Hint>) -> Role {
        let whole = words.join(0, words.n);
        let last = words.join(words.n - 1, words.n);
        let one = |w: &str| {
            let single = w.strip_suffix('s').unwrap_or(w);
            self.nouns.contains(w) || self.nouns.contains(single)
        };
        if self.alone.contains(whole) {
            // `name: {given, family}`: whatever is named, its given name is a person's.
            return Role::Neutral;
        }
        match hint.and_then(|h| h.class) {
            Some(DataClass::PERSON) => return Role::Person,
            Some(DataClass::ADDRESS | DataClass::LOCATION) => return Role::Address,
            _ => {}
        }
        if one(whole) || one(last) {
            Role::Person
        } else if matches!(last, "addresses" | "adressen" | "adresses" | "direcciones" | "indirizzi") {
            Role::Address
        } else if self.neutral.contains(whole) {
            Role::Neutral
        } else if self.things.contains(last) {
            Role::Thing
        } else {
            Role::Unknown
        }
    }

    /// Whether a key holds the name of what its sibling `value` is (`type`, `docType`), or the kind of a document (`scheme`).
    pub(crate) fn tells(&self, key: &str) -> Tells {
        let Some(w) = Words::read(key) else { return Tells::Nothing };
        let (whole, last) = (w.join(0, w.n), w.join(w.n - 1, w.n));
        if matches!(whole, "name" | "title") {
            Tells::Title
        } else if self.labels.contains(whole) || matches!(last, "type" | "kind") {
            Tells::Label
        } else if self.kinds.contains(whole) || self.kinds.contains(last) {
            Tells::Kind
        } else {
            Tells::Nothing
        }
    }

    /// Whether a key names a number of something: `documentNumber`, not `id`.
    pub(crate) fn names_number(&self, key: &str) -> bool {
        let said = self.read(key);
        let number = said.loose == Some(Loose::Number) || said.hint.is_some_and(|h| h.kind == "NATIONAL_ID");
        number && !is_reference(key)
    }

    /// The hint of a label such as `Phone (home)` or `http://hl7.org/fhir/sid/us-ssn`.
    pub(crate) fn label(&self, label: &str) -> Option<Hint> {
        let colon = memchr::memchr(b':', label.as_bytes());
        let name = if colon.is_some() && label.contains("://") || label.starts_with("urn:") {
            label.trim_end_matches('/').rsplit(['/', ':', '#']).next()?
        } else {
            label.split(['(', ':', '?', '*']).next()?
        };
        let code = name.trim();
        if ["pp", "ppt", "ppn", "pass", "pas"].iter().any(|c| c.eq_ignore_ascii_case(code)) {
            return Some(A_PASSPORT);
        }
        self.hint(name)
    }

    /// What a key says about its siblings.
    fn beside(&self, whole: &str, hint: Option<Hint>) -> Company {
        let mut company = Company::default();
        match hint.and_then(|h| h.class.filter(|_| h.strength == Strong)) {
            Some(DataClass::EMAIL | DataClass::PHONE) => company.contact = true,
            Some(
                DataClass::BIRTH_DATE
                | DataClass::NATIONAL_ID
                | DataClass::US_SSN
                | DataClass::PASSPORT
                | DataClass::HEALTH_ID
                | DataClass::DRIVING_LICENCE
                | DataClass::PERSON,
            ) => company.person = true,
            Some(DataClass::ADDRESS) => company.address = true,
            _ => {
                company.person = self.of_persons.contains(whole);
                company.thing = self.of_things.contains(whole);
            }
        }
        company
    }
}

/// `id`, `code`: of the record, where something beside it is a number.
pub(crate) fn is_reference(key: &str) -> bool {
    ["id", "_id", "code", "identifier", "reference", "raw"].iter().any(|w| w.eq_ignore_ascii_case(key))
}

/// Whether a key looks like the name of a field, which may be printed in a path, and not like a value.
pub(crate) fn is_field(key: &str) -> bool {
    let b = key.as_bytes();
    !b.is_empty()
        && b.len() <= 48
        && b.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'$' | b'.' | b'/'))
        && b.iter().filter(|b| b.is_ascii_digit()).count() < 5
}

#[cfg(test)]
mod tests;
