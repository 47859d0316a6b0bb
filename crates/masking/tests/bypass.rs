//! The corpus of disguises: nothing of the value may be left.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use carnet_json::{Edits, Limits, Tape};
use carnet_masking::{Detector, Findings, Part, PartKind, Plan, Report, TokenKey, Transform, Transforms};

fn mask(text: &str) -> (String, Report) {
    let detector = Detector::default();
    let tape = Tape::parse(text.as_bytes(), &Limits::default()).unwrap();
    let mut findings = Findings::new();
    detector
        .find(text.as_bytes(), &tape, &[Part { node: 0, kind: PartKind::Json, exclude: &[] }], &mut findings)
        .unwrap();
    let transforms = Transforms::all(Transform::Redact);
    let key = TokenKey([1; 32]);
    let plan = Plan {
        shown: Default::default(),
        transforms: &transforms,
        numbers: Default::default(),
        token_key: &key,
    };
    let mut edits = Edits::new();
    let report = detector.rewrite(text.as_bytes(), &tape, &findings, &plan, &mut edits).unwrap();
    (String::from_utf8(edits.apply(text.as_bytes()).unwrap()).unwrap(), report)
}

#[test]
fn nothing_of_a_disguised_value_is_left() {
    let mut wrong = Vec::new();
    for line in include_str!("data/bypass.txt").lines().filter(|l| !l.starts_with('#')) {
        let (inner, gone) = line.split_once('|').unwrap();
        let (out, report) = mask(&format!("{{\"text\":\"{inner}\"}}"));
        Tape::parse(out.as_bytes(), &Limits::default()).unwrap();
        for word in gone.split(' ') {
            if out.contains(word) || report.masked.is_empty() {
                wrong.push(format!("{inner} -> {out}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn keys_are_inspected_too() {
    let (out, _) = mask(r#"{"alice@example.org":1,"bob@example.org":{"x":"y"},"ok":2}"#);
    assert_eq!(out, r#"{"[EMAIL]":1,"[EMAIL#2]":{"x":"y"},"ok":2}"#);
}
