//! Dates with the name of a month in them, beside a word for birth: `12 March 1980`, `March 12, 1980`, `12. März 1980`,
//! `12 de marzo de 1980`, `1980. március 12.`.

use std::sync::LazyLock;

use carnet_model::DataClass;

use super::number::meaning;
use super::{Scanner, Text};
use crate::context;

/// Names of months in the languages of the EU, of Norway, Iceland and Turkey, in lower case: nominative, genitive, short.
#[rustfmt::skip]
const MONTHS: &[&str] = &[
    // English, German, Dutch, Danish, Norwegian, Swedish, Icelandic
    "jan", "january", "januar", "jänner", "januari", "janúar", "feb", "february", "februar", "februari", "febrúar",
    "mar", "march", "märz", "mrz", "maart", "mrt", "marts", "mars", "apr", "april", "apríl", "may", "mai", "mei", "maj",
    "maí", "jun", "june", "juni", "júní", "jul", "july", "juli", "júlí", "aug", "august", "augustus", "augusti", "ágúst",
    "sep", "sept", "september", "oct", "october", "okt", "oktober", "október", "nov", "november", "nóvember", "dec",
    "december", "dez", "dezember", "des", "desember",
    // French, Italian, Spanish, Portuguese, Romanian
    "janvier", "janv", "février", "fevrier", "févr", "avril", "avr", "juin", "juillet", "juil", "août", "aout",
    "septembre", "octobre", "novembre", "décembre", "decembre", "déc", "gennaio", "gen", "febbraio", "marzo", "aprile",
    "maggio", "mag", "giugno", "giu", "luglio", "lug", "agosto", "ago", "settembre", "set", "ottobre", "ott", "dicembre",
    "dic", "enero", "ene", "febrero", "abril", "abr", "mayo", "junio", "julio", "septiembre", "setiembre", "octubre",
    "noviembre", "diciembre", "janeiro", "fevereiro", "fev", "março", "maio", "junho", "julho", "setembro", "outubro",
    "out", "novembro", "dezembro", "ianuarie", "ian", "februarie", "martie", "aprilie", "iunie", "iun", "iulie", "iul",
    "septembrie", "octombrie", "noiembrie", "decembrie",
    // Polish, Czech, Slovak, Slovene, Croatian
    "stycznia", "styczeń", "lutego", "luty", "marca", "marzec", "kwietnia", "kwiecień", "maja", "czerwca", "czerwiec",
    "lipca", "lipiec", "sierpnia", "sierpień", "września", "wrzesień", "października", "październik", "listopada",
    "listopad", "grudnia", "grudzień", "ledna", "leden", "února", "únor", "března", "březen", "dubna", "duben", "května",
    "květen", "června", "červen", "července", "červenec", "srpna", "srpen", "září", "října", "říjen", "prosince",
    "prosinec", "januára", "január", "februára", "február", "apríla", "mája", "máj", "júna", "jún", "júla", "júl",
    "augusta", "septembra", "októbra", "novembra", "decembra", "januarja", "februarja", "marec", "aprila", "junij",
    "junija", "julij", "julija", "avgust", "avgusta", "oktobra", "siječnja", "siječanj", "veljače", "veljača", "ožujka",
    "ožujak", "travnja", "travanj", "svibnja", "svibanj", "lipnja", "lipanj", "srpnja", "srpanj", "kolovoza", "kolovoz",
    "rujna", "rujan", "listopad", "studenoga", "studenog", "studeni", "prosinca", "prosinac",
    // Hungarian, Finnish, Estonian, Latvian, Lithuanian
    "március", "április", "május", "június", "július", "augusztus", "szeptember", "tammikuuta", "tammikuu", "helmikuuta",
    "helmikuu", "maaliskuuta", "maaliskuu", "huhtikuuta", "huhtikuu", "toukokuuta", "toukokuu", "kesäkuuta", "kesäkuu",
    "heinäkuuta", "heinäkuu", "elokuuta", "elokuu", "syyskuuta", "syyskuu", "lokakuuta", "lokakuu", "marraskuuta",
    "marraskuu", "joulukuuta", "joulukuu", "jaanuar", "veebruar", "märts", "aprill", "juuni", "juuli", "detsember",
    "oktoober", "janvāris", "janvārī", "februāris", "februārī", "aprīlis", "aprīlī", "maijs", "maijā", "jūnijs",
    "jūnijā", "jūlijs", "jūlijā", "augusts", "augustā", "septembris", "septembrī", "oktobris", "oktobrī", "novembris",
    "novembrī", "decembris", "decembrī", "sausio", "sausis", "vasario", "vasaris", "kovo", "kovas", "balandžio",
    "balandis", "gegužės", "gegužė", "birželio", "birželis", "liepos", "liepa", "rugpjūčio", "rugpjūtis", "rugsėjo",
    "rugsėjis", "spalio", "spalis", "lapkričio", "lapkritis", "gruodžio", "gruodis",
    // Greek, Bulgarian, Irish, Maltese, Turkish
    "ιανουαρίου", "ιανουάριος", "φεβρουαρίου", "φεβρουάριος", "μαρτίου", "μάρτιος", "απριλίου", "απρίλιος", "μαΐου",
    "μάιος", "ιουνίου", "ιούνιος", "ιουλίου", "ιούλιος", "αυγούστου", "αύγουστος", "σεπτεμβρίου", "σεπτέμβριος",
    "οκτωβρίου", "οκτώβριος", "νοεμβρίου", "νοέμβριος", "δεκεμβρίου", "δεκέμβριος", "януари", "февруари", "март",
    "април", "май", "юни", "юли", "август", "септември", "октомври", "ноември", "декември", "eanáir", "feabhra",
    "márta", "aibreán", "bealtaine", "meitheamh", "iúil", "lúnasa", "meán fómhair", "samhain", "nollaig", "jannar",
    "frar", "marzu", "mejju", "ġunju", "lulju", "awwissu", "settembru", "ottubru", "novembru", "diċembru", "ocak",
    "şubat", "mart", "nisan", "mayıs", "haziran", "temmuz", "ağustos", "eylül", "ekim", "kasım", "aralık",
];

fn gap(b: Option<&u8>) -> bool {
    matches!(b, Some(b' ' | b'.' | b',' | b'-' | b'/'))
}

fn letter(b: Option<&u8>) -> bool {
    b.is_some_and(|b| b.is_ascii_alphabetic() || *b >= 0x80)
}

/// Behind the number of a day.
const MARKS: [&str; 7] = ["st", "nd", "rd", "th", "er", "º", "ª"];

/// Signs and small words between the parts of a date: `. `, `st `, `º de `, `-`.
fn between(bytes: &[u8], mut i: usize) -> usize {
    let first = bytes.get(i).copied().unwrap_or(0);
    let marks: &[&str] = if matches!(first, b's' | b'n' | b'r' | b't' | b'e' | 0xC2) { &MARKS } else { &[] };
    for mark in marks {
        if bytes.get(i..i + mark.len()) == Some(mark.as_bytes()) && !letter(bytes.get(i + mark.len())) {
            i += mark.len();
            break;
        }
    }
    let skip = |mut i: usize, most: usize| {
        let end = i + most;
        while i < end && gap(bytes.get(i)) {
            i += 1;
        }
        i
    };
    i = skip(i, 2);
    if !matches!(bytes.get(i), Some(b'd' | b'o' | b'm' | b'g')) {
        return i;
    }
    for word in ["de ", "del ", "of ", "d'", "do ", "m. ", "gada "] {
        if bytes.get(i..i + word.len()) == Some(word.as_bytes()) {
            return skip(i + word.len(), 1);
        }
    }
    i
}

/// The end of the name of a month that begins at `i`.
fn month(bytes: &[u8], i: usize) -> Option<usize> {
    let rest = bytes.get(i..bytes.len().min(i + 28))?;
    let len = rest.iter().take_while(|b| b.is_ascii_alphabetic() || **b >= 0x80).count();
    (len >= 3 && is_month(rest.get(..len)?)).then_some(i + len)
}

fn is_month(word: &[u8]) -> bool {
    if word.len() > 24 {
        return false;
    }
    if !word.is_ascii() {
        return std::str::from_utf8(word).is_ok_and(|w| MONTHS.contains(&w.to_lowercase().as_str()));
    }
    // Almost every word fails on its first letter and its length.
    let first = word.first().map_or(0, |b| b.to_ascii_lowercase().wrapping_sub(b'a') & 31);
    BEGINNINGS.get(word.len()).is_some_and(|set| set >> first & 1 == 1)
        && ASCII
            .get(word.len() * 32 + usize::from(first))
            .is_some_and(|months| months.iter().any(|m| m.as_bytes().eq_ignore_ascii_case(word)))
}

/// The names in ASCII by their length and first letter.
static ASCII: LazyLock<Vec<Vec<&'static str>>> = LazyLock::new(|| {
    let mut lists: Vec<Vec<&'static str>> = (0..25 * 32).map(|_| Vec::new()).collect();
    for month in MONTHS.iter().filter(|m| m.is_ascii()) {
        let first = month.bytes().next().map_or(0, |b| b.wrapping_sub(b'a') & 31);
        if let Some(list) = lists.get_mut(month.len() * 32 + usize::from(first)) {
            list.push(month);
        }
    }
    lists
});

// Evaluated by the compiler: an index out of bounds would not build.
#[allow(clippy::indexing_slicing)]
const fn beginnings() -> [u32; 32] {
    let mut sets = [0u32; 32];
    let mut i = 0;
    while i < MONTHS.len() {
        let month = MONTHS[i].as_bytes();
        if month[0].is_ascii_lowercase() {
            sets[month.len()] |= 1 << (month[0] - b'a');
        }
        i += 1;
    }
    sets
}

/// For each length, a bit for every letter that a month begins with.
static BEGINNINGS: [u32; 32] = beginnings();

fn number_at(bytes: &[u8], i: usize) -> Option<(usize, u32)> {
    let rest = bytes.get(i..bytes.len().min(i + 5))?;
    let len = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    let n = rest.get(..len)?.iter().fold(0, |n, b| n * 10 + u32::from(b - b'0'));
    (len > 0 && len < 5).then_some((len, n))
}

fn year(len: usize, n: u32) -> bool {
    len == 4 && (1850..2100).contains(&n) || len == 2
}

/// Looks at a number that may be the first one of such a date; `end` is behind its digits.
pub(super) fn spelled(t: &mut Text<'_>, s: &Scanner, start: usize, end: usize) -> Option<usize> {
    let bytes = t.bytes;
    let next = bytes.get(end);
    if !gap(next) && !letter(next) {
        return None;
    }
    let (len, n) = number_at(bytes, start)?;
    let at = between(bytes, end);
    let (from, to) = if letter(bytes.get(at)) {
        // Day or year first, then the month.
        let after = between(bytes, month(bytes, at)?);
        let (last, m) = number_at(bytes, after)?;
        let fits = len <= 2 && (1..=31).contains(&n) && year(last, m)
            || len == 4 && year(len, n) && last <= 2 && (1..=31).contains(&m);
        if !fits {
            return None;
        }
        (start, after + last)
    } else {
        // The month stands in front of the day.
        let (last, m) = number_at(bytes, at).filter(|_| len <= 2 && (1..=31).contains(&n) && at > end)?;
        let head = bytes.get(start.saturating_sub(26)..start)?;
        let head = head.get(..head.len() - head.iter().rev().take(2).take_while(|b| gap(Some(b))).count())?;
        let back = head.iter().rev().take_while(|b| b.is_ascii_alphabetic() || **b >= 0x80).count();
        if last != 4 || !year(last, m) || back < 3 || !is_month(head.get(head.len() - back..)?) {
            return None;
        }
        (start - (bytes.get(start.saturating_sub(26)..start)?.len() - (head.len() - back)), at + last)
    };
    if bytes.get(to).is_some_and(u8::is_ascii_alphanumeric) || meaning(t, s, from, to) & context::BIRTH == 0 {
        return None;
    }
    t.hit(from, to, DataClass::BIRTH_DATE, "DATE_OF_BIRTH", "birth_date", 82);
    Some(to)
}

/// A point in time as APIs write it (RFC 3339), and nothing else: `2026-02-03`, `2026-02-03T10:00:00.000Z`. Without a word
/// for birth it is nothing to hide: a test tries the days of two centuries.
pub(crate) fn is_stamp(text: &[u8]) -> bool {
    let ([b'1', b'9', rest @ ..] | [b'2', b'0', rest @ ..]) = text else { return false };
    let Some((date, time)) = rest.split_at_checked(8).filter(|(date, _)| shaped(b"00-00-00", date)) else {
        return false;
    };
    let number = |at: usize| date.iter().skip(at).take(2).fold(0, |n, b| n * 10 + u64::from(b & 15));
    if !super::checks::day_month(number(6), number(3)) {
        return false;
    }
    let Some((clock, zone)) = time.split_at_checked(9) else { return time.is_empty() };
    let zone =
        zone.split_at_checked(4).filter(|(part, _)| shaped(b".000", part)).map_or(zone, |(_, zone)| zone);
    let known = matches!(zone, b"" | b"Z") || shaped(b"+00:00", zone) || shaped(b"-00:00", zone);
    shaped(b"T00:00:00", clock) && known
}

/// Whether a text is as a shape says, in which zeros stand for digits.
fn shaped(shape: &[u8], text: &[u8]) -> bool {
    let fits = |(s, b): (&u8, &u8)| if *s == b'0' { b.is_ascii_digit() } else { s == b };
    shape.len() == text.len() && shape.iter().zip(text).all(fits)
}

#[cfg(test)]
mod tests {
    use super::is_stamp;
    use crate::{Detector, Findings};

    #[test]
    fn nothing_is_found_in_a_point_in_time() {
        let detector = Detector::default();
        let ends =
            ["", "T00:00:00Z", "T23:59:59.123+05:30", "T07:31:08-11:00", "T12:00:00.999Z", "T19:45:10"];
        for n in 0..200 * 12 * 31 {
            let (year, month, day) = (1900 + n / 372, n / 31 % 12 + 1, n % 31 + 1);
            let end = ends.get(n % ends.len()).copied().unwrap_or_default();
            let stamp = format!("{year}-{month:02}-{day:02}{end}");
            // In brackets it is looked at.
            let mut findings = Findings::new();
            assert!(detector.find_text(&format!("({stamp})"), &mut findings).is_ok());
            assert!(findings.is_empty(), "{stamp}");
            assert!(is_stamp(stamp.as_bytes()) || day > 28, "{stamp}");
        }
    }

    #[test]
    fn what_only_begins_like_one_is_none() {
        for text in [
            "2026-13-01",
            "2026-02-32T10:00:00",
            "2026-02-03 10:00:00",
            "2026-02-03T10:00:00.1234567Z",
            "2026-02-03T",
            "1126-02-03",
            "2026-02-03T10:00:00Z x",
            "2026-02-03T10:00:00+491701234567",
        ] {
            assert!(!is_stamp(text.as_bytes()), "{text}");
        }
    }
}
