//! The look against its meaning byte by byte.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::cell::Cell;
use std::path::Path;

use carnet_json::{Limits, Tape};
use proptest::prelude::*;

use super::*;
use crate::scan::bytes;
use crate::{Detector, DetectorOptions, Finding, Findings, Names, Part, PartKind};

thread_local! {
    /// Looks say everything: the recognisers run on every text, as if there were no first look, none at the document, none at
    /// the ends of neighbours and no short way for values of a simple form.
    pub(crate) static OPEN: Cell<bool> = const { Cell::new(false) };
}

/// A look that rules nothing out.
pub(super) fn everything(text: &[u8]) -> Seen {
    let all = Seen { sign: true, token: true, coded: true, short: true, ..plainly(text) };
    Seen { codes: (0, u32::MAX), digits: u32::MAX, signs: u32::MAX, unmarked: false, ..all }
}

/// What the look says, byte by byte.
fn plainly(text: &[u8]) -> Seen {
    let any = |is: fn(u8) -> bool| text.iter().any(|b| is(*b));
    let runs = |is: fn(u8) -> bool, least: usize, more: fn(u8) -> bool| {
        text.split(|b| !is(*b)).any(|run| run.len() >= least && run.iter().any(|b| more(*b)))
    };
    let control = |b: u8| b == 0x7F || b < 32 && !matches!(b, 9 | 10 | 13);
    Seen {
        digit: any(|b| b.is_ascii_digit()),
        at: any(|b| b == b'@'),
        assign: any(|b| matches!(b, b':' | b'=')),
        colon: any(|b| b == b':'),
        high: text.iter().any(|b| *b >= 0x80 || control(*b)),
        escape: any(|b| matches!(b, b'%' | b'&' | b'\\')),
        line: any(|b| b == b'\n'),
        brace: any(|b| b == b'{'),
        sign: any(|b| matches!(b, b'"' | b'\'' | b'>' | b'/')) || text.windows(2).any(|w| w == b"--"),
        token: runs(bytes::encoded, 16, |_| true),
        coded: runs(bytes::encoded, 10, |b| b < b'a' && b.is_ascii_alphanumeric()) || ends_line(text),
        codes: (0, 0),
        short: any(|b| matches!(b, b'<' | b'~')),
        unmarked: false,
        digits: text.iter().filter(|b| b.is_ascii_digit()).count() as u32,
        signs: text.iter().filter(|b| !b.is_ascii_alphanumeric()).count() as u32,
        periodic: periodic::next(text, 0).and_then(|n| u32::try_from(n).ok()),
    }
}

/// Ten characters of base64 stand in front of the end of a line.
fn ends_line(text: &[u8]) -> bool {
    text.windows(11).any(|w| {
        w.split_last().is_some_and(|(last, run)| {
            matches!(last, b'\n' | b'\r') && run.iter().all(|b| bytes::encoded(*b))
        })
    })
}

/// As far as counts are of interest.
fn counted(seen: Seen) -> Seen {
    Seen { digits: seen.digits.min(ENOUGH), signs: seen.signs.min(ENOUGH), codes: (0, 0), ..seen }
}

proptest! {
    #[test]
    fn it_says_what_is_there(text in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert_eq!(counted(Seen::of(&text)), counted(plainly(&text)));
    }

    #[test]
    fn it_says_what_is_there_in_text(text in "([a-c]{0,18}|[A-C0-2]{0,3}|[ ,:-]{0,2}|[\n\"'>/{@=%_+-]|0x)*") {
        prop_assert_eq!(counted(Seen::of(text.as_bytes())), counted(plainly(text.as_bytes())));
    }

    #[test]
    fn rows_are_seen_across_blocks(lead in 0usize..150, unit in "[ab1A_/+ ,.-]{1,3}", times in 1usize..9) {
        let text = format!("{}{}{}", " ".repeat(lead), unit.repeat(times), "z".repeat(70));
        prop_assert_eq!(counted(Seen::of(text.as_bytes())), counted(plainly(text.as_bytes())));
        let text = format!("{}{}", "x.".repeat(lead), unit.repeat(times));
        prop_assert_eq!(counted(Seen::of(text.as_bytes())), counted(plainly(text.as_bytes())));
    }
}

/// All that is found, with the first look or as if it ruled nothing out.
fn found(detector: &Detector, text: &str, open: bool) -> (bool, Vec<Finding>) {
    OPEN.set(open);
    let mut findings = Findings::new();
    let done = match Tape::parse(text.as_bytes(), &Limits::default()) {
        Ok(tape) => {
            let part = [Part { node: 0, kind: PartKind::Json, exclude: &[] }];
            detector.find(text.as_bytes(), &tape, &part, &mut findings).is_ok()
        }
        Err(_) => detector.find_text(text, &mut findings).is_ok(),
    };
    OPEN.set(false);
    (done, findings.iter().cloned().collect())
}

/// What a detector knows of keys comes from how it looked at them, so each way of looking has its own.
fn both() -> [Detector; 2] {
    [(); 2].map(|()| Detector::new(&DetectorOptions { names: Names::Keys, ..Default::default() }))
}

fn same(both: &[Detector; 2], text: &str) {
    let [looked, open] = both;
    assert_eq!(found(looked, text, false), found(open, text, true), "{text}");
}

#[test]
fn the_look_loses_nothing_of_the_labelled_sets() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../bench/quality/sets/dev");
    let both = both();
    let mut texts = 0;
    for entry in std::fs::read_dir(root).unwrap() {
        for line in std::fs::read_to_string(entry.unwrap().path()).unwrap().lines() {
            let value: serde_json::Value = serde_json::from_str(line).unwrap();
            same(&both, value["text"].as_str().unwrap());
            texts += 1;
        }
    }
    assert!(texts > 1000, "{texts}");
}

#[test]
fn the_look_loses_nothing_of_the_bypasses() {
    let both = both();
    include_str!("../../../tests/data/bypass.txt").lines().for_each(|line| same(&both, line));
}

proptest! {
    #[test]
    fn the_look_loses_nothing_of_random_text(
        text in "([a-zA-Z]{1,12}|[0-9]{1,6}|[ ,.:=/@-]|[\"'<>(){}]|--|\n|4111 1111|DE89|four |eyJ|Y29u|é|%40){0,24}"
    ) {
        let both = both();
        same(&both, &text);
        same(&both, &serde_json::json!({"a": text, "b": [text, {"phone": text}]}).to_string());
    }
}

/// Values as records have them, and such that only look like them.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{1,9}[.-]?[a-z]{0,12}[0-9]{0,4}@[a-z]{1,8}([.-][a-z]{1,4}){0,3}",
        "[a-z0-9._-]{1,20}@[a-z0-9.-]{1,12}",
        "[+]?(49|33|44|1)[ -]?[0-9]{2,4}[ /-]?[0-9]{3,8}",
        "[A-ZŁÉ][a-zéü]{1,11}[ -][A-Z]?[.]?[ ]?[A-Z][a-zéł]{1,17}",
        "[A-Za-zé .-]{1,24}",
        "(DE89 ?3704 ?0044 ?0532 ?0130 ?00|GB29NWBK60161331926819|FR1420041010050500013M02606)[0 ]?",
        "(4111[ -]?1111[ -]?1111[ -]?1111|378282246310005|10[.]1[.]2[.][0-9]{1,3}|123-45-[0-9]{4})[ 0]?",
        "[0-9]{1,4}([ ./-][0-9]{1,5}){0,4}",
        "[A-Z]{2}[0-9]{2}[0-9A-Z -]{4,28}",
        "[A-Za-z0-9]{8,24}",
        Just("password is geheim12".to_owned()),
        Just("four one one one two two three three four".to_owned()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn the_short_ways_lose_nothing_of_random_records(values in proptest::collection::vec(value(), 12)) {
        let keys = [
            "email", "phone", "name", "city", "iban", "card", "ip", "ssn", "steuerId", "street", "note", "id",
        ];
        let row: serde_json::Map<_, _> =
            keys.into_iter().zip(&values).map(|(k, v)| (k.to_owned(), v.clone().into())).collect();
        let again: serde_json::Map<_, _> =
            keys.into_iter().zip(values.iter().rev()).map(|(k, v)| (k.to_owned(), v.clone().into())).collect();
        let text = serde_json::json!({ "rows": [row, again], "list": values }).to_string();
        let country = |code| crate::Country::new(code).unwrap();
        for countries in [Vec::new(), ["DE", "FR", "IT", "PL", "US"].into_iter().map(country).collect()] {
            let detector = || {
                let options = DetectorOptions { names: Names::Keys, countries: countries.clone(), ..Default::default() };
                Detector::new(&options)
            };
            same(&[detector(), detector()], &text);
        }
        same(&[Detector::default(), Detector::default()], &text);
    }
}
