//! Properties: no panic, edits apply, JSON stays JSON of the same shape, no found value is left, masking twice changes
//! nothing more, and cost grows with length only.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use carnet_json::{Edits, Kind, Limits, Tape};
use carnet_masking::{
    Budget, Detector, DetectorOptions, Findings, Numbers, Part, PartKind, Plan, TokenKey, Transform,
    Transforms,
};
use proptest::prelude::*;
use std::sync::LazyLock;

static DETECTOR: LazyLock<Detector> = LazyLock::new(Detector::default);

/// `None` where the content would be withheld: it nests too deep.
fn mask(text: &str, transform: Transform) -> Option<(String, Vec<String>)> {
    let bytes = text.as_bytes();
    let tape = Tape::parse(bytes, &Limits::default()).unwrap();
    let mut findings = Findings::new();
    let part = [Part { node: 0, kind: PartKind::Json, exclude: &[] }];
    DETECTOR.find(bytes, &tape, &part, &mut findings).ok()?;
    // What only a key or a word tells may stand elsewhere without it.
    let sure = ["email", "card", "iban", "ipv4", "url_credentials"];
    let values = findings
        .iter()
        .filter(|f| sure.contains(&f.rule))
        .map(|f| text[f.span.start as usize..f.span.end as usize].to_owned())
        .collect();
    let transforms = Transforms::all(transform);
    let key = TokenKey([3; 32]);
    let plan =
        Plan { shown: Default::default(), transforms: &transforms, numbers: Numbers::Keep, token_key: &key };
    let mut edits = Edits::new();
    DETECTOR.rewrite(bytes, &tape, &findings, &plan, &mut edits).unwrap();
    Some((String::from_utf8(edits.apply(bytes).unwrap()).unwrap(), values))
}

/// Without digits: numbers that a key asks to mask get another stand-in each time.
fn strings(text: &str) -> String {
    text.chars().filter(|c| !c.is_ascii_digit()).collect()
}

fn shape(text: &str) -> Vec<Kind> {
    Tape::parse(text.as_bytes(), &Limits::default()).unwrap().nodes().iter().map(|n| n.kind).collect()
}

fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("alice@example.org".to_owned()),
        Just("+49 30 1234567".to_owned()),
        Just("4111 1111 1111 1111".to_owned()),
        Just("DE89 3704 0044 0532 0130 00".to_owned()),
        Just("123-45-6789".to_owned()),
        Just("203.0.113.7".to_owned()),
        Just("79391089469".to_owned()),
        Just("postgres://app:s3cr3tpw@db.example/x".to_owned()),
        Just("password=Tr0ub4dor&3".to_owned()),
        Just("Erika Mustermann".to_owned()),
        Just("YWxpY2VAZXhhbXBsZS5vcmc=".to_owned()),
        Just("{\"email\":\"bob@example.org\",\"phone\":49301234567}".to_owned()),
        "[ -~äß\u{200b}\u{a0}０-９]{0,24}",
        "\\PC{0,12}",
    ]
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "email",
            "phone",
            "name",
            "firstName",
            "password",
            "token",
            "iban",
            "steuerId",
            "address",
            "dob",
            "note",
            "order_id",
            "id",
            "ssn"
        ])
        .prop_map(str::to_owned),
        piece(),
    ]
}

/// Keys that say nothing about values. With others a second look may mask more than the first, never less: a value that
/// was too long for a birth date is not any more when a part of it is masked.
fn plain_key() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec!["note", "x", "data", "items"]).prop_map(str::to_owned),
        Just("bob@example.org".to_owned())
    ]
}

fn document(key: BoxedStrategy<String>) -> impl Strategy<Value = serde_json::Value> {
    let text = prop::collection::vec(piece(), 1..4).prop_map(|p| serde_json::Value::from(p.join(" ")));
    let leaf = prop_oneof![4 => text, 1 => any::<i64>().prop_map(Into::into), 1 => Just(serde_json::json!(4111111111111111u64)), 1 => Just(serde_json::json!(null))];
    leaf.prop_recursive(3, 24, 5, move |inner| {
        let key = key.clone();
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::btree_map(key, inner.clone(), 0..5)
                .prop_map(|m| m.into_iter().collect::<serde_json::Map<_, _>>().into()),
            inner.prop_map(|v| serde_json::Value::from(v.to_string())),
        ]
    })
}

/// 400 cases, or as many as `PROPTEST_CASES` says.
fn config() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(400);
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_text_is_read_without_panic(text in "\\PC{0,200}") {
        let mut findings = Findings::new();
        let _ = DETECTOR.find_text(&text, &mut findings);
        for f in findings.iter() {
            prop_assert!(text.get(f.span.start as usize..f.span.end as usize).is_some());
        }
    }

    #[test]
    fn dense_bytes_are_read_without_panic(text in "[0-9+().\\- /@:=%&#;\\\\ux{}\\[\\]\"'A-Fa-z٠-٩０-９\u{200b}]{0,120}") {
        let mut findings = Findings::new();
        let _ = DETECTOR.find_text(&text, &mut findings);
    }

    #[test]
    fn the_masked_document_has_the_same_shape_and_no_found_value(v in document(key().boxed()), t in 0usize..4) {
        let transform = [Transform::Redact, Transform::KeepLast(4), Transform::Drop, Transform::Token][t];
        let text = v.to_string();
        let Some((out, values)) = mask(&text, transform) else { return Ok(()) };
        prop_assert_eq!(shape(&text), shape(&out));
        for value in values.iter().filter(|v| v.len() >= 8 && v.bytes().any(|b| b.is_ascii_alphanumeric())) {
            prop_assert!(!out.contains(value.as_str()), "left in {}", out);
        }
    }

    #[test]
    fn masking_twice_changes_nothing_more(v in document(plain_key().boxed()), token: bool) {
        let transform = if token { Transform::Token } else { Transform::Redact };
        let Some((once, _)) = mask(&v.to_string(), transform) else { return Ok(()) };
        let (twice, _) = mask(&once, transform).unwrap();
        prop_assert_eq!(strings(&once), strings(&twice));
    }
}

/// What the property above found before.
#[test]
fn masking_these_twice_changes_nothing_more() {
    for text in [
        r#"["{\"email\":\"bob@example.org\",\"phone\":49301234567} 79391089469 123-45-6789"]"#,
        r#"["alice@example.org :@A"]"#,
        r#"["{\"a\":\"bob@example.org\"}\n{\"a\":\"alice@example.org\"} alice@example.org"]"#,
    ] {
        let (once, _) = mask(text, Transform::Redact).unwrap();
        assert_eq!(strings(&mask(&once, Transform::Redact).unwrap().0), strings(&once));
    }
}

/// Nanoseconds of processor time that this thread has used: a busy machine makes the clock on the wall useless.
fn processor_time() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse().unwrap()
}

/// Work on hostile input grows with its length: one text costs what its sixteen parts cost one by one. Where work is
/// quadratic it costs sixteen times as much; between the two lies four. The kernel counts in ticks, so little is rounded up,
/// and what a busy machine made dear is done again.
#[test]
fn cost_is_linear_on_hostile_input() {
    for unit in [
        "@",
        "a@",
        "1 ",
        "1-",
        "1.",
        "+1",
        "(1",
        "4111 ",
        "a:",
        "a=",
        "://a:",
        "::",
        "1:",
        "-----BEGIN PRIVATE KEY",
        "eyJ.",
        "&#",
        "%4",
        "\\u00",
        "AB12 ",
        "[",
        "{\"a\":",
        "\u{200b}",
        "ａ",
        "\"@",
        "password:",
        "YWJj",
        "31",
        "1_",
        "1, ",
        "1.\n",
        "a ",
        "a.b ",
        "four ",
        "x at y dot ",
        "[at]",
        "a @ \n",
        "a@b\n",
        "=4",
        "=41",
        "=\n",
        "41:",
        "41 ",
        "0x41, ",
        "YWJj\n",
        "H4sIAAAA",
        "S87P/",
        "DE89_",
        "DE 89 ",
        "\\",
        "%25",
        "&amp;",
        "\u{43e}1",
        "AKIA\n",
        "{}",
        "{\"a\":1}\n",
        "curl -u ",
        "<<",
        "\",\"",
        "kind: Secret",
        "Anna ",
        "a,b\n",
        "{'a': ",
        "Mr. A ",
        "Deflate7",
        "a, b, c",
        "{\"a1\":\"12\"},",
    ] {
        let cost = |bytes: usize, times: usize| {
            let text = unit.repeat(bytes / unit.len());
            let begin = processor_time();
            (0..times).for_each(|_| {
                let _ = DETECTOR.find_text(&text, &mut Findings::new());
            });
            processor_time() - begin
        };
        let linear = || {
            let (parts, whole) = (cost(4 << 10, 16), cost(64 << 10, 1));
            (whole < parts.max(20_000_000) * 4).then_some(()).ok_or((parts, whole))
        };
        let result = linear().or_else(|_| linear()).or_else(|_| linear());
        assert!(result.is_ok(), "{unit:?}: nanoseconds in parts and as a whole: {result:?}");
    }
}

#[test]
fn past_a_budget_nothing_is_guessed() {
    let mut text = "a@example.org".to_owned();
    for _ in 0..5 {
        text = serde_json::to_string(&serde_json::json!({ "x": text })).unwrap();
    }
    assert!(DETECTOR.find_text(&text, &mut Findings::new()).is_err());
    let small = Detector::new(&DetectorOptions {
        budget: Budget { bytes: 8, ..Budget::default() },
        ..Default::default()
    });
    assert!(small.find_text("{\"a\":\"bcdefghij\"}", &mut Findings::new()).is_err());
}
