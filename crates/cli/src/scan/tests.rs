#![allow(clippy::unwrap_used, clippy::panic)]

use std::io::BufReader;

use expect_test::{Expect, expect};

use super::document::{Kind, Reader, entities};
use super::stats::Stats;

fn found(kind: Kind, text: &str) -> String {
    let reader = Reader::new(kind, None, &[]).unwrap();
    let found = reader.read(text);
    let chars: Vec<char> = text.chars().collect();
    let rows = entities(text, &found).into_iter().map(|e| {
        let value: String = chars.get(e.start..e.end).unwrap().iter().collect();
        format!("{} {:?} {}..{} {} {value}\n", e.kind, e.subtype, e.start, e.end, e.rule)
    });
    rows.collect()
}

fn check(kind: Kind, text: &str, expect: Expect) {
    expect.assert_eq(&found(kind, text));
}

#[test]
fn offsets_are_code_points() {
    check(
        Kind::Text,
        "Grüße 🙂 an jörg@example.org, 192.0.2.7",
        expect![[r#"
            EMAIL_ADDRESS None 11..27 email jörg@example.org
            IP_ADDRESS None 29..38 ipv4 192.0.2.7
        "#]],
    );
}

#[test]
fn a_secret_carries_a_subtype() {
    check(
        Kind::Json,
        r#"{"ä":"AKIAQ3EGRZ7XYPM4WTBL","n":4111111111111111}"#,
        expect![[r#"
            SECRET Some("aws_key") 6..26 vendor_prefix AKIAQ3EGRZ7XYPM4WTBL
            CREDIT_CARD None 32..48 card 4111111111111111
        "#]],
    );
}

#[test]
fn what_is_no_document_is_uninspected_as_a_whole() {
    check(
        Kind::Json,
        r#"{"a":"bob@example.org""#,
        expect![[r#"
            UNINSPECTED None 0..22 uninspected {"a":"bob@example.org"
        "#]],
    );
}

#[test]
fn lines_are_masked_and_those_withheld_have_no_text() {
    let reader = Reader::new(Kind::Json, None, &[]).unwrap();
    let mut out = Vec::new();
    for line in [r#"{"id":7,"text":"[\"bob@example.org\"]"}"#, r#"{"id":"b","text":"[1"}"#] {
        let line: super::document::Line = serde_json::from_str(line).unwrap();
        let found = reader.read(&line.text);
        let masked =
            if found.error.is_none() { Some(reader.mask(&line.text, &found).unwrap()) } else { None };
        line.masked(masked.as_deref(), &found, &mut out).unwrap();
    }
    expect![[r#"
        {"id":7,"text":"[\"[EMAIL]\"]"}
        {"id":"b","error":"ends too early at byte 2"}
    "#]]
    .assert_eq(&String::from_utf8(out).unwrap());
}

#[test]
fn a_line_that_is_none_is_named_without_its_text() {
    let args = super::Args {
        files: Vec::new(),
        jsonl: true,
        content: Kind::Text,
        mask: false,
        stats: false,
        list: false,
        config: None,
        countries: Vec::new(),
    };
    let reader = Reader::new(Kind::Text, None, &[]).unwrap();
    let mut input =
        BufReader::new(&b"\n{\"id\":1,\"text\":\"\"}\n{\"id\":2,\"text\":[\"bob@example.org\"]}\n"[..]);
    let error = super::one(&args, "in", &mut input, &reader, &mut Stats::default()).unwrap_err();
    assert_eq!(error.to_string(), "in:3: not an object with `id` and `text`, a string");
}

#[test]
fn every_kind_that_is_found_is_listed() {
    let listed = carnet_masking::recognisers();
    let text = "Erika, 4111 1111 1111 1111, bob@example.org, DE89370400440532013000, ssn 123-45-6789";
    for f in carnet_masking::Detector::default().scan(text).unwrap() {
        assert!(listed.iter().any(|r| r.kind == f.kind && r.class == f.class), "{}", f.kind);
    }
}
