//! Words around a value that say what it is, or that it is something else.

use std::collections::BTreeMap;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use crate::scan::terms;

/// A set of meanings.
pub(crate) type Bits = u64;

pub(crate) const PHONE: Bits = 1;
pub(crate) const CARD: Bits = 1 << 1;
pub(crate) const ID: Bits = 1 << 2;
pub(crate) const TAX: Bits = 1 << 3;
pub(crate) const HEALTH: Bits = 1 << 4;
pub(crate) const BIRTH: Bits = 1 << 5;
pub(crate) const PASSPORT: Bits = 1 << 6;
pub(crate) const LICENCE: Bits = 1 << 7;
pub(crate) const ACCOUNT: Bits = 1 << 8;
pub(crate) const SSN: Bits = 1 << 9;
pub(crate) const VERSION: Bits = 1 << 10;
/// Says that a number is a machine's or a business's: order, tracking, hash.
pub(crate) const OTHER: Bits = 1 << 11;
/// A number plate or vehicle number.
pub(crate) const PLATE: Bits = 1 << 12;
pub(crate) const CRYPTO: Bits = 1 << 13;
pub(crate) const BIC: Bits = 1 << 14;

/// The value is free text about people.
pub(crate) const NOTE: Bits = 1 << 62;
/// Only a value that is a person's name beyond doubt counts.
pub(crate) const NAMED: Bits = 1 << 63;

const FIRST_COUNTRY: u32 = 16;
const COUNTRIES: &[&[u8; 2]] = &[
    b"DE", b"FR", b"IT", b"ES", b"NL", b"BE", b"PL", b"SE", b"DK", b"FI", b"PT", b"AT", b"IE", b"CZ", b"SK",
    b"RO", b"BG", b"GR", b"HU", b"HR", b"SI", b"LT", b"EE", b"LV", b"LU", b"MT", b"CY", b"GB", b"CH", b"NO",
    b"US", b"CA", b"AU", b"IN", b"BR", b"JP", b"KR", b"IS", b"LI", b"SG", b"TR", b"ZA", b"MX", b"CN", b"IL",
    b"TH",
];

/// The bit for words that belong to one country's numbers.
pub(crate) fn country(code: &[u8; 2]) -> Bits {
    COUNTRIES.iter().position(|c| *c == code).map_or(0, |n| 1 << (n as u32 + FIRST_COUNTRY))
}

/// Word, meanings, country. Lower case, without diacritics beyond what people also leave out.
const WORDS: &[(&str, Bits, &str)] = &[
    ("phone", PHONE, ""),
    ("telephone", PHONE, ""),
    ("tel", PHONE, ""),
    ("mobile", PHONE, ""),
    ("cell", PHONE, ""),
    ("cellphone", PHONE, ""),
    ("call me", PHONE, ""),
    ("call us", PHONE, ""),
    ("call", PHONE, ""),
    ("whatsapp", PHONE, ""),
    ("sms", PHONE, ""),
    ("fax", PHONE, ""),
    ("dial", PHONE, ""),
    ("reach me", PHONE, ""),
    ("telefon", PHONE, ""),
    ("telefono", PHONE, ""),
    ("teléfono", PHONE, ""),
    ("telefone", PHONE, ""),
    ("téléphone", PHONE, ""),
    ("portable", PHONE, ""),
    ("handy", PHONE, ""),
    ("mobil", PHONE, ""),
    ("movil", PHONE, ""),
    ("móvil", PHONE, ""),
    ("cellulare", PHONE, ""),
    ("telefoon", PHONE, ""),
    ("puhelin", PHONE, ""),
    ("rufnummer", PHONE, ""),
    ("telemovel", PHONE, ""),
    ("telemóvel", PHONE, ""),
    ("komorka", PHONE, ""),
    ("komórka", PHONE, ""),
    ("numer telefonu", PHONE, ""),
    ("phone number", PHONE, ""),
    ("contact number", PHONE, ""),
    ("hotline", PHONE, ""),
    ("reach", PHONE, ""),
    ("answering at", PHONE, ""),
    ("office", PHONE, ""),
    ("text me", PHONE, ""),
    ("τηλέφωνο", PHONE, ""),
    ("телефон", PHONE, ""),
    ("gsm", PHONE, ""),
    ("tlf", PHONE, ""),
    ("llámame", PHONE, ""),
    ("llamame", PHONE, ""),
    ("llámeme", PHONE, ""),
    ("llámenos", PHONE, ""),
    ("llamar", PHONE, ""),
    ("rufen", PHONE, ""),
    ("anrufen", PHONE, ""),
    ("anruf", PHONE, ""),
    ("erreichbar", PHONE, ""),
    ("erreichen unter", PHONE, ""),
    ("appelez", PHONE, ""),
    ("appelez-moi", PHONE, ""),
    ("appeler", PHONE, ""),
    ("joignable", PHONE, ""),
    ("joindre", PHONE, ""),
    ("chiamami", PHONE, ""),
    ("chiamare", PHONE, ""),
    ("chiamatemi", PHONE, ""),
    ("ligue", PHONE, ""),
    ("ligue-me", PHONE, ""),
    ("ligar", PHONE, ""),
    ("bel mij", PHONE, ""),
    ("bellen", PHONE, ""),
    ("bereikbaar", PHONE, ""),
    ("zadzwoń", PHONE, ""),
    ("zadzwon", PHONE, ""),
    ("dzwonić", PHONE, ""),
    ("zadzwonić", PHONE, ""),
    ("ring mig", PHONE, ""),
    ("ring meg", PHONE, ""),
    ("ringe", PHONE, ""),
    ("ringa", PHONE, ""),
    ("soita", PHONE, ""),
    ("soittaa", PHONE, ""),
    ("zavolejte", PHONE, ""),
    ("zavolejte mi", PHONE, ""),
    ("volejte", PHONE, ""),
    ("zavolajte", PHONE, ""),
    ("hívjon", PHONE, ""),
    ("hívj fel", PHONE, ""),
    ("sunați-mă", PHONE, ""),
    ("sunați", PHONE, ""),
    ("suna-ma", PHONE, ""),
    ("nazovite", PHONE, ""),
    ("nazovi", PHONE, ""),
    ("pokličite", PHONE, ""),
    ("pokliči", PHONE, ""),
    ("καλέστε", PHONE, ""),
    ("πάρτε με", PHONE, ""),
    ("обадете се", PHONE, ""),
    ("paskambinkite", PHONE, ""),
    ("piezvaniet", PHONE, ""),
    ("zvaniet", PHONE, ""),
    ("helista", PHONE, ""),
    ("helistage", PHONE, ""),
    ("arayın", PHONE, ""),
    ("ara beni", PHONE, ""),
    ("voicemail", PHONE, ""),
    ("pager", PHONE, ""),
    ("ring me", PHONE, ""),
    ("ring us", PHONE, ""),
    ("card", CARD, ""),
    ("credit card", CARD, ""),
    ("visa", CARD, ""),
    ("mastercard", CARD, ""),
    ("amex", CARD, ""),
    ("debit", CARD, ""),
    ("kreditkarte", CARD, ""),
    ("carte", CARD, ""),
    ("tarjeta", CARD, ""),
    ("cc", CARD, ""),
    ("pan", CARD, ""),
    ("national id", ID, ""),
    ("id number", ID, ""),
    ("identity number", ID, ""),
    ("identification number", ID, ""),
    ("personal number", ID, ""),
    ("personal id", ID, ""),
    ("identity card", ID, ""),
    ("national identification", ID, ""),
    ("national number", ID, ""),
    ("identity", ID, ""),
    ("id card", ID, ""),
    ("nationalid", ID, ""),
    ("tax", TAX, ""),
    ("tax id", TAX, ""),
    ("taxpayer", TAX, ""),
    ("tin", TAX, ""),
    ("fiscal", TAX, ""),
    ("vat", TAX, ""),
    ("health", HEALTH, ""),
    ("patient", HEALTH, ""),
    ("insurance number", HEALTH | ID, ""),
    ("social insurance", ID | HEALTH, ""),
    ("medical record", HEALTH, ""),
    ("born", BIRTH, ""),
    ("birth", BIRTH, ""),
    ("birthday", BIRTH, ""),
    ("birthdate", BIRTH, ""),
    ("dob", BIRTH, ""),
    ("d.o.b", BIRTH, ""),
    ("geboren", BIRTH, ""),
    ("geb.", BIRTH, ""),
    ("geburtsdatum", BIRTH, ""),
    ("né le", BIRTH, ""),
    ("née le", BIRTH, ""),
    ("naissance", BIRTH, ""),
    ("nato il", BIRTH, ""),
    ("nata il", BIRTH, ""),
    ("nascita", BIRTH, ""),
    ("nacido", BIRTH, ""),
    ("nacimiento", BIRTH, ""),
    ("nascimento", BIRTH, ""),
    ("geboortedatum", BIRTH, ""),
    ("urodzony", BIRTH, ""),
    ("urodzona", BIRTH, ""),
    ("urodzenia", BIRTH, ""),
    ("född", BIRTH, ""),
    ("født", BIRTH, ""),
    ("syntynyt", BIRTH, ""),
    ("narozen", BIRTH, ""),
    ("passport", PASSPORT, ""),
    ("reisepass", PASSPORT, ""),
    ("passeport", PASSPORT, ""),
    ("pasaporte", PASSPORT, ""),
    ("passaporto", PASSPORT, ""),
    ("paspoort", PASSPORT, ""),
    ("paszport", PASSPORT, ""),
    ("passaporte", PASSPORT, ""),
    ("passi", PASSPORT, ""),
    ("driver's license", LICENCE, ""),
    ("drivers license", LICENCE, ""),
    ("driver license", LICENCE, ""),
    ("driving licence", LICENCE, ""),
    ("driving license", LICENCE, ""),
    ("driver's licence", LICENCE, ""),
    ("licence number", LICENCE, ""),
    ("license number", LICENCE, ""),
    ("führerschein", LICENCE, ""),
    ("permis de conduire", LICENCE, ""),
    ("patente", LICENCE, ""),
    ("dl number", LICENCE, ""),
    ("dln", LICENCE, ""),
    ("account", ACCOUNT, ""),
    ("account number", ACCOUNT, ""),
    ("bank account", ACCOUNT, ""),
    ("routing", ACCOUNT, ""),
    ("kontonummer", ACCOUNT, ""),
    ("konto", ACCOUNT, ""),
    ("compte", ACCOUNT, ""),
    ("cuenta", ACCOUNT, ""),
    ("iban", ACCOUNT, ""),
    ("acct", ACCOUNT, ""),
    ("ssn", SSN, "US"),
    ("social security", SSN | ID, ""),
    ("social", SSN, "US"),
    ("itin", TAX, "US"),
    ("steuer-id", TAX, "DE"),
    ("steueridentifikationsnummer", TAX, "DE"),
    ("steuernummer", TAX, "DE"),
    ("steuer", TAX, "DE"),
    ("idnr", TAX, "DE"),
    ("rentenversicherung", ID, "DE"),
    ("versichertennummer", HEALTH, "DE"),
    ("sozialversicherungsnummer", ID, "AT"),
    ("svnr", ID, "AT"),
    ("ausweis", ID, "DE"),
    ("personalausweis", ID, "DE"),
    ("nir", ID, "FR"),
    ("sécurité sociale", ID, "FR"),
    ("securite sociale", ID, "FR"),
    ("insee", ID, "FR"),
    ("numéro fiscal", TAX, "FR"),
    ("spi", TAX, "FR"),
    ("codice fiscale", TAX, "IT"),
    ("c.f.", TAX, "IT"),
    ("dni", ID, "ES"),
    ("nie", ID, "ES"),
    ("nif", TAX, "ES"),
    ("bsn", ID, "NL"),
    ("burgerservicenummer", ID, "NL"),
    ("sofinummer", ID, "NL"),
    ("rijksregisternummer", ID, "BE"),
    ("registre national", ID, "BE"),
    ("niss", ID, "BE"),
    ("insz", ID, "BE"),
    ("rijksregister", ID, "BE"),
    ("national register", ID, "BE"),
    ("pesel", ID, "PL"),
    ("nip", TAX, "PL"),
    ("dowód", ID, "PL"),
    ("personnummer", ID, "SE"),
    ("fødselsnummer", ID, "NO"),
    ("fodselsnummer", ID, "NO"),
    ("d-nummer", ID, "NO"),
    ("samordningsnummer", ID, "SE"),
    ("cpr", ID, "DK"),
    ("personnummer", ID, "DK"),
    ("hetu", ID, "FI"),
    ("henkilötunnus", ID, "FI"),
    ("henkilotunnus", ID, "FI"),
    ("contribuinte", TAX, "PT"),
    ("cartão de cidadão", ID, "PT"),
    ("ppsn", ID, "IE"),
    ("pps", ID, "IE"),
    ("rodné číslo", ID, "CZ"),
    ("rodne cislo", ID, "CZ"),
    ("rodné", ID, "SK"),
    ("cnp", ID, "RO"),
    ("egn", ID, "BG"),
    ("егн", ID, "BG"),
    ("amka", HEALTH, "GR"),
    ("αμκα", HEALTH, "GR"),
    ("afm", TAX, "GR"),
    ("αφμ", TAX, "GR"),
    ("taj", HEALTH, "HU"),
    ("adóazonosító", TAX, "HU"),
    ("személyi", ID, "HU"),
    ("oib", ID, "HR"),
    ("emso", ID, "SI"),
    ("emšo", ID, "SI"),
    ("davčna", TAX, "SI"),
    ("asmens kodas", ID, "LT"),
    ("isikukood", ID, "EE"),
    ("personas kods", ID, "LV"),
    ("matricule", ID, "LU"),
    ("nino", ID, "GB"),
    ("national insurance", ID, "GB"),
    ("nhs", HEALTH, "GB"),
    ("utr", TAX, "GB"),
    ("ahv", ID, "CH"),
    ("avs", ID, "CH"),
    ("version", VERSION, ""),
    ("ver.", VERSION, ""),
    ("release", VERSION, ""),
    ("build", VERSION | OTHER, ""),
    ("section", VERSION, ""),
    ("chapter", VERSION, ""),
    ("firmware", VERSION, ""),
    ("v.", VERSION, ""),
    ("upgrade to", VERSION, ""),
    ("epoch", OTHER, ""),
    ("uuid", OTHER, ""),
    ("guid", OTHER, ""),
    ("sha", OTHER, ""),
    ("ean", OTHER, ""),
    ("isbn", OTHER, ""),
    ("order", OTHER, ""),
    ("tracking", OTHER, ""),
    ("sku", OTHER, ""),
    ("invoice", OTHER, ""),
    ("timestamp", OTHER, ""),
    ("serial", OTHER, ""),
    ("commit", OTHER, ""),
    ("bytes", OTHER, ""),
    ("gtin", OTHER, ""),
    ("upc", OTHER, ""),
    ("issn", OTHER, ""),
    ("doi", OTHER, ""),
    ("ticket", OTHER, ""),
    ("bestellung", OTHER, ""),
    ("rechnung", OTHER, ""),
    ("commande", OTHER, ""),
    ("facture", OTHER, ""),
    ("hash", OTHER, ""),
    ("checksum", OTHER, ""),
    ("nonce", OTHER, ""),
    ("transaction id", OTHER, ""),
    ("port", OTHER, ""),
    ("revision", OTHER | VERSION, ""),
];

/// How far before a value words count, in bytes.
const BEFORE: usize = 56;
/// How far behind it.
const AFTER: usize = 20;

/// The compiled words.
pub(crate) struct Words {
    automaton: Option<AhoCorasick>,
    meanings: Vec<Bits>,
}

/// Where the sentence ends that a text begins in.
fn sentence(text: &[u8]) -> Option<usize> {
    memchr::memmem::find(text, b". ")
}

impl Words {
    pub(crate) fn new() -> Self {
        // A word may belong to several countries: it means all of them.
        let mut all: BTreeMap<String, Bits> = BTreeMap::new();
        for (word, bits, code) in WORDS.iter().chain(terms::WORDS).chain(terms::papers::WORDS) {
            let bits = bits | <&[u8; 2]>::try_from(code.as_bytes()).map_or(0, country);
            *all.entry((*word).to_owned()).or_default() |= bits;
            // Case is folded for ASCII only.
            if !word.is_ascii() {
                *all.entry(word.to_uppercase()).or_default() |= bits;
                let mut chars = word.chars();
                let first = chars.next().into_iter().flat_map(char::to_uppercase);
                *all.entry(first.chain(chars).collect()).or_default() |= bits;
            }
        }
        let automaton = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::LeftmostLongest)
            // Half a megabyte of table, built once, for half the time per byte.
            .kind(Some(AhoCorasickKind::DFA))
            .build(all.keys())
            .ok();
        let meanings = all.into_values().collect();
        Words { automaton, meanings }
    }

    /// What the words around `start..end` mean.
    pub(crate) fn around(&self, bytes: &[u8], start: usize, end: usize) -> Bits {
        let before = bytes.get(start.saturating_sub(BEFORE)..start).unwrap_or_default();
        // A line break two lines up, or the end of a sentence, ends what belongs to the value.
        let cut = memchr::memrchr_iter(b'\n', before).nth(1).unwrap_or(0);
        let after = bytes.get(end..bytes.len().min(end + AFTER)).unwrap_or_default();
        let stop = after.iter().position(|b| matches!(b, b'\n' | b';')).unwrap_or(after.len());
        let (said, other) = self.before(before.get(cut..).unwrap_or_default());
        // `order 82656062. Call me`: what stands in front names the value, not what follows.
        if other {
            return said;
        }
        // `Teléfono 612 345 678. PESEL 44051401359`: what is named is not named again by the next sentence.
        let stop = if said == 0 { stop } else { sentence(after).unwrap_or(stop).min(stop) };
        let behind = self.read(after.get(..stop).unwrap_or_default());
        // `NIF 10111176-P (order 9195)`: behind a value that is named, another one is named.
        said | if said == 0 { behind } else { behind & !OTHER }
    }

    /// What the words in front of a value mean, and whether the last of them speaks of a machine's number. Words in front
    /// of another number belong to that one if there are words behind it.
    fn before(&self, text: &[u8]) -> (Bits, bool) {
        let mut bits = 0;
        let mut last = (0, 0);
        self.each(text, |start, end, meaning| {
            let between = text.get(last.1..start).unwrap_or_default();
            if last.1 > 0 && between.iter().filter(|b| b.is_ascii_digit()).count() >= 4 {
                bits = 0;
            }
            bits |= meaning;
            last = (meaning, end);
        });
        let rest = text.get(last.1..).unwrap_or_default();
        let digits = rest.iter().filter(|b| b.is_ascii_digit()).count();
        // `born 1980-03-14, admitted on 2024-05-03`: that one had its date.
        if digits >= 6 {
            bits &= !BIRTH;
        }
        // `Order 82656062. Call me`: that one had its number, and its sentence has ended.
        if digits >= 4 && memchr::memmem::find(rest, b". ").is_some() {
            return (0, false);
        }
        (bits, last.0 & OTHER != 0)
    }

    /// What the words of a text mean.
    pub(crate) fn read(&self, text: &[u8]) -> Bits {
        let mut bits = 0;
        self.each(text, |_, _, meaning| bits |= meaning);
        bits
    }

    /// Gives each word: where it begins and ends, and what it means.
    fn each(&self, text: &[u8], mut found: impl FnMut(usize, usize, Bits)) {
        let Some(automaton) = &self.automaton else { return };
        let letter = |b: &u8| b.is_ascii_alphabetic() || *b >= 0x80;
        // Two letters in a row, or an abbreviation such as `p.k.`
        if !text.windows(2).any(|w| matches!(w, [a, b] if letter(a) && (letter(b) || *b == b'.'))) {
            return;
        }
        for m in automaton.find_iter(text) {
            let open =
                m.start().checked_sub(1).and_then(|i| text.get(i)).is_none_or(|b| !b.is_ascii_alphabetic());
            // Short words must stand alone; longer ones may be the head of a compound or a plural.
            let next = text.get(m.end()).copied().unwrap_or(b' ');
            let close = m.end() - m.start() > 5 || !next.is_ascii_alphabetic() || next == b's';
            // `[PHONE]` was written by masking and says nothing about what stands beside it.
            let mask = m.start().checked_sub(1).and_then(|i| text.get(i)) == Some(&b'[')
                && (m.end() == text.len() || matches!(next, b']' | b':' | b'#' | b'_'));
            if open && close && !mask {
                let meaning = self.meanings.get(m.pattern().as_usize()).copied().unwrap_or(0);
                found(m.start(), m.end(), meaning);
            }
        }
    }
}
