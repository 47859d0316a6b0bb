//! Text in pieces: what is shown does not depend on where it was cut, and no piece shows the beginning of a value.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::VecDeque;
use std::sync::LazyLock;

use carnet_json::{Edits, Limits, Tape};
use carnet_masking::{
    Detector, Findings, Flow, Part, PartKind, Plan, Seam, Stream, TokenKey, Transform, Transforms,
};
use proptest::prelude::*;

static DETECTOR: LazyLock<Detector> = LazyLock::new(Detector::default);

const VALUES: &[&str] = &[
    "DE89 3704 0044 0532 0130 00",
    "maria.keller@example.org",
    "4539 1488 0343 6467",
    "+49 30 12345678",
    "AKIAQ3EGRV5J2XHB7NTK",
    "203.0.113.77",
    "536-22-8726",
];

fn mask(text: &str, seam: &Seam) -> String {
    let document = serde_json::to_string(text).unwrap();
    let bytes = document.as_bytes();
    let tape = Tape::parse(bytes, &Limits::default()).unwrap();
    let mut findings = Findings::new();
    let part = [Part { node: 0, kind: PartKind::Json, exclude: &[] }];
    DETECTOR.find(bytes, &tape, &part, &mut findings).unwrap();
    DETECTOR.find_seam(bytes, &tape, 0, seam, &mut findings).unwrap();
    let transforms = Transforms::all(Transform::Redact);
    let key = TokenKey([1; 32]);
    let plan = Plan {
        shown: Default::default(),
        transforms: &transforms,
        numbers: Default::default(),
        token_key: &key,
    };
    let mut edits = Edits::new();
    DETECTOR.rewrite(bytes, &tape, &findings, &plan, &mut edits).unwrap();
    serde_json::from_slice(&edits.apply(bytes).unwrap()).unwrap()
}

/// What is shown of the pieces; `flow` is asked after each of them.
fn shown(pieces: &[&str], flow: Flow) -> Vec<String> {
    let (mut stream, mut waiting, mut out) = (Stream::default(), VecDeque::new(), Vec::new());
    for piece in pieces {
        stream.push((*piece).to_owned());
        waiting.push_back(*piece);
        while let Some(seam) = stream.pop(flow) {
            out.push(mask(waiting.pop_front().unwrap(), &seam));
        }
    }
    while let Some(seam) = stream.pop(Flow::End) {
        out.push(mask(waiting.pop_front().unwrap(), &seam));
    }
    assert!(waiting.is_empty());
    out
}

/// Without labels: a value that was cut has one in each piece.
fn plain(text: &str) -> String {
    let mut out = text.to_owned();
    while let Some(from) = out.find('[') {
        let to = from + out[from..].find(']').unwrap();
        out.replace_range(from..=to, "");
    }
    out
}

#[test]
fn every_cut_shows_the_same() {
    for value in VALUES {
        let text = format!("so we see {value} here and go on");
        let whole = plain(&mask(&text, &Seam::default()));
        for a in 1..text.len() {
            let two = shown(&[&text[..a], &text[a..]], Flow::More).concat();
            assert_eq!(plain(&two), whole, "cut at {a}: {two}");
            for b in (a + 1..text.len()).step_by(3) {
                let three = shown(&[&text[..a], &text[a..b], &text[b..]], Flow::More).concat();
                assert_eq!(plain(&three), whole, "cut at {a} and {b}: {three}");
            }
        }
    }
}

#[test]
fn byte_by_byte_shows_the_same() {
    for value in VALUES {
        let text = format!("so we see {value} here and go on");
        let pieces: Vec<&str> = (0..text.len()).map(|i| &text[i..=i]).collect();
        let out = shown(&pieces, Flow::More).concat();
        assert_eq!(plain(&out), plain(&mask(&text, &Seam::default())), "{out}");
    }
}

/// What ends in a complete sentence goes at once.
#[test]
fn nothing_waits_without_need() {
    for (text, waits) in [
        ("Reading 3 files, please wait!", false),
        ("(1 of 20)", false),
        ("done ", false),
        ("Reading file", true),
        ("to DE89 3704", true),
        ("to DE89 3704 ", true),
        ("-----BEGIN PRIVATE KEY-----\nMIIE\n", true),
    ] {
        let mut stream = Stream::default();
        stream.push(text.to_owned());
        assert_eq!(stream.pop(Flow::More).is_none(), waits, "{text}");
        assert_eq!(stream.pop(Flow::Quiet).is_some(), waits, "{text}");
    }
}

#[test]
fn when_nothing_comes_the_beginning_of_a_value_is_kept_out() {
    for (first, second) in [
        ("pay to DE89 3704 0044", " 0532 0130 00 now"),
        ("mail maria.keller@", "example.org now"),
        ("card 4539 1488", " 0343 6467 now"),
        ("key AKIAQ3EGRV", "5J2XHB7NTK now"),
        ("call +49 30 12", "345678 now"),
    ] {
        let out = shown(&[first, second], Flow::Quiet);
        let tail = first.split_once(' ').unwrap().1;
        assert!(!out[0].contains(&tail[tail.len() - 4..]) && !out[0].contains(&tail[..4]), "{out:?}");
    }
}

/// A private key longer than what is held back stays hidden to its end.
#[test]
fn a_long_private_key_stays_hidden() {
    let body = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQDf".repeat(400);
    let text = format!("key:\n-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\nthat was it.");
    let pieces: Vec<&str> = text.as_bytes().chunks(300).map(|c| std::str::from_utf8(c).unwrap()).collect();
    let out = shown(&pieces, Flow::More).concat();
    assert!(
        !out.contains("MIIE") && !out.contains("ggSjAgEA") && out.contains("that was it"),
        "{}",
        &out[..200]
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_cut_of_any_text_shows_no_value(
        words in prop::collection::vec(prop_oneof![
            prop::sample::select(VALUES).prop_map(str::to_owned), "[a-z]{1,8}", "[0-9]{1,3}", Just("ready.".to_owned()),
        ], 1..8),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let text = words.join(" - ");
        let mut at: Vec<usize> = cuts.iter().map(|c| c.index(text.len() + 1)).collect();
        at.extend([0, text.len()]);
        at.sort_unstable();
        let pieces: Vec<&str> = at.windows(2).map(|w| &text[w[0]..w[1]]).filter(|p| !p.is_empty()).collect();
        let out = shown(&pieces, Flow::More).concat();
        for value in VALUES.iter().filter(|v| text.contains(**v)) {
            prop_assert!(!out.contains(&value[..value.len() / 2]) && !out.contains(&value[value.len() / 2..]), "{}", out);
        }
    }
}
