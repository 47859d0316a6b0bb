//! Parts of words that tell of a passport or a birth date wherever they stand in a key: `holder_passport_serial`,
//! `nrPaszportuKlienta`, `dobFormatted`. The terms name whole keys; here the value has to look like it too.

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use carnet_model::DataClass;

use super::Hint;
use super::Strength::Weak;
use super::words::Words;
use crate::context;

const PASSPORT: Hint = Hint::of(DataClass::PASSPORT, "PASSPORT", context::PASSPORT, Weak);
const BIRTH: Hint = Hint::of(DataClass::BIRTH_DATE, "DATE_OF_BIRTH", context::BIRTH, Weak);

/// Parts of words for a passport and a document to travel with, without accents.
const PASSPORTS: &str = "passport passeport pasaport passaport paspoort paszport reisepass psprt pssprt utlevel putovnic potnilist potnegalist cestovnipas cestovnypas cestovnehopas cestovnihopas passinumero passinro pasnummer pasnumeris pasonumeris pasonr pasesnumurs pasesnr vegabref διαβατηρ diavatir паспорт задграничен
    traveldoc traveldocument reisedok reisedoc reisdok reisdoc resedok rejsedok matkustusasiakirj documentvoyage documentdevoyage documentoviaje documentodeviaje documentoviaggio documentodiviaggio documentoviagem documentodeviagem titrevoyage";

/// The same for a birth and its date.
const BIRTHS: &str = "birth geburt naissanc nacimient nascit nascim geboorte urodz fodelse fodsel foedsel syntyma syntyny narozen narodzen narodeni narodeny rodjen rodenj rodeni rojstv rojstn szulet nasterii nastere nascut γεννησ γεννηθ gennisi рожд ражд роденна nacidoel nacidael nascidoem nascidaem родена sunniaeg sunniku sundinud gimim dzimsan dogumtar dogumgun faeding breithe twelid";

/// Whole words for a passport, which mean it beside a word for a number.
const PASSES: &[&str] =
    &["pass", "pas", "pp", "ppt", "ppn", "pasu", "pases", "paso", "passi", "passin", "phas", "pasului"];

/// Whole words for a birth or its date.
const BORN: &[&str] = &[
    "dob",
    "yob",
    "born",
    "ddn",
    "bday",
    "naiss",
    "geb",
    "geboren",
    "nato",
    "nata",
    "nacido",
    "nacida",
    "nascido",
    "nascida",
    "urodzony",
    "urodzona",
    "rojen",
    "rojena",
    "roden",
    "rodena",
    "rodjen",
    "fodt",
    "fodd",
    "dzimis",
    "dzimusi",
    "gime",
    "gimes",
    "роден",
    "родена",
    "нар",
    "née",
    "fnac",
    "dnasc",
    "ur",
    "rod",
    "nar",
    "bornat",
];

/// Beside one of them, words that say the value is another one: when a passport ends, where somebody was born.
const OTHERWISE: &str = "expir issu valid until country countr nationalit authorit place plac ort status verif page count scan photo image file url copy type typ kind name office city town state region certif weight order rate length height mark coupon gift discount remind regist updat creat sent ablauf gultig ausgestellt ausstell scaden rilasc caduc emision vencim delivr echeance expedit wazn wydan geldig afgifte utfard utgang udsted udlob platnos vydan kiall ervenyes lieu lugar luogo miejsc misto plats sted paikk hely issuer country2 age alter hash provider source method check link path policy flag party promo campaign greet wish bonus reward voucher offer defect stone control score match confirm requir missing privac consent enabl estimat review attempt deadline sync import export entered captur collect recorded change edit modif delet lock queue job notif alert rule field column index error warn reason note comment poids gewicht peso vekt vikt waga rabatt remise sconto descuento geschenk cadeau regalo";

/// The parts, ready to be looked for.
pub(super) struct Stems {
    parts: Option<AhoCorasick>,
    passports: usize,
    births: usize,
}

impl Stems {
    pub(super) fn new() -> Self {
        let lists = [PASSPORTS, BIRTHS, OTHERWISE];
        let [passports, births, _] = lists.map(|l| l.split_whitespace().count());
        let parts = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .build(lists.iter().flat_map(|l| l.split_whitespace()))
            .ok();
        Stems { parts, passports, births }
    }

    /// Whether a term at `from..to` is about something else than the value: `birth_weight`, `dob_verified_on`. Words in front
    /// of it count only where it is no more than a word for a birth: `weight_at_birth`, but not `verified_date_of_birth`.
    pub(super) fn otherwise(&self, words: &Words, from: usize, to: usize) -> bool {
        let (start, end) = (words.join(0, from).len(), words.join(0, to).len());
        let bare = matches!(words.join(from, to), "birth" | "born" | "geburt" | "naissance" | "nascita");
        let outside = |at: usize| at >= end || bare && at < start;
        let other = |pattern: usize| pattern >= self.passports + self.births;
        self.parts.as_ref().is_some_and(|parts| {
            parts.find_iter(words.join(0, words.n)).any(|m| {
                let whole = words.begins(m.start()) && (m.len() >= 4 || words.begins(m.end()));
                other(m.pattern().as_usize()) && outside(m.start()) && whole
            })
        })
    }

    /// What the words say together; `numbered` tells words for a number, `owner` those for a person.
    pub(super) fn read(
        &self,
        words: &Words,
        numbered: impl Fn(&str) -> bool,
        owner: impl Fn(&str) -> bool,
    ) -> Option<Hint> {
        let whole = words.join(0, words.n);
        let word = |n: usize| words.join(n, n + 1);
        let mut found = None;
        for m in self.parts.as_ref()?.find_iter(whole) {
            match m.pattern().as_usize() {
                n if n < self.passports => found = found.or(Some(PASSPORT)),
                n if n < self.passports + self.births => found = found.or(Some(BIRTH)),
                // `profile` holds one of these words, `passport` another.
                _ if !(words.begins(m.start()) || words.n == 1 && m.len() > 4) => {}
                _ if m.len() < 4 && !words.begins(m.end()) => {}
                _ => return None,
            }
        }
        // `birth_date_format`, but not `dob_formatted`.
        if matches!(word(words.n - 1), "format" | "pattern" | "regex" | "label" | "hint" | "placeholder") {
            return None;
        }
        let only = |list: &[&str]| (0..words.n).any(|n| list.contains(&word(n)));
        let pass =
            || (0..words.n).all(|n| word(n).len() == 1 || PASSES.contains(&word(n)) || numbered(word(n)));
        // `holderdob`
        let owned = || whole.strip_suffix("dob").is_some_and(|w| w.len() > 3 && owner(w));
        found
            .or_else(|| (only(BORN) || words.n == 1 && owned()).then_some(BIRTH))
            .or_else(|| (words.n > 1 && only(PASSES) && pass()).then_some(PASSPORT))
    }
}
