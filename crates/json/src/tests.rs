//! Against serde_json as the oracle, and the refusals that it does not make.

use proptest::prelude::*;

use crate::{Edits, ErrorKind, Kind, Limits, Tape, Value, decode, escape_into};

fn kind_of(text: &str) -> Result<(), ErrorKind> {
    Tape::parse(text.as_bytes(), &Limits::default()).map(|_| ()).map_err(|e| e.kind)
}

fn to_serde(v: Value<'_>) -> serde_json::Value {
    match v.kind() {
        Kind::Object => v
            .entries()
            .map(|(k, v)| (k.as_str().unwrap().into_owned(), to_serde(v)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Kind::Array => v.items().map(to_serde).collect::<Vec<_>>().into(),
        Kind::String | Kind::Key => v.as_str().unwrap().into_owned().into(),
        _ => serde_json::from_slice(v.raw()).unwrap(),
    }
}

#[test]
fn refusals() {
    use ErrorKind::*;
    for (text, want) in [
        ("", Truncated),
        ("{", Truncated),
        ("[1,", Truncated),
        ("\"a", Truncated),
        ("tru", Syntax),
        ("{\"a\":1,}", Syntax),
        ("[1,]", Syntax),
        ("[,1]", Syntax),
        ("{\"a\" 1}", Syntax),
        ("{a:1}", Syntax),
        ("01", Trailing),
        ("-", Truncated),
        ("1.", Truncated),
        ("1.e3", Syntax),
        ("+1", Syntax),
        (".5", Syntax),
        ("NaN", Syntax),
        ("\"\u{1}\"", Syntax),
        ("\"\\x\"", Syntax),
        ("\"\\u12g4\"", Syntax),
        ("[1}", Syntax),
        ("{\"a\":1]", Syntax),
        ("1 2", Trailing),
        ("{} {}", Trailing),
        ("'a'", Syntax),
        ("[1 2]", Syntax),
        ("{\"a\":1,\"a\":2}", DuplicateKey),
        ("{\"a\":1,\"\\u0061\":2}", DuplicateKey),
        ("{\"x\":{\"b\":1,\"c\":2,\"b\":3}}", DuplicateKey),
        ("\u{feff}{}", Syntax),
        ("/**/1", Syntax),
    ] {
        assert_eq!(kind_of(text), Err(want), "{text}");
    }
    assert_eq!(Tape::parse(b"\"\xff\"", &Limits::default()).unwrap_err().kind, Utf8);
    assert_eq!(Tape::parse(b"[1,2]", &Limits { bytes: 4, depth: 9 }).unwrap_err().kind, TooLarge);
}

#[test]
fn depth_is_counted_not_recursed() {
    let nest = |n: usize| "[".repeat(n) + &"]".repeat(n);
    assert_eq!(kind_of(&nest(64)), Ok(()));
    assert_eq!(kind_of(&nest(65)), Err(ErrorKind::Depth));
    assert_eq!(kind_of(&"[".repeat(1_000_000)), Err(ErrorKind::Depth));
}

#[test]
fn many_keys_are_compared_in_order_n_log_n() {
    let object =
        |n: usize| format!("{{{}}}", (0..n).map(|i| format!("\"k{i}\":{i}")).collect::<Vec<_>>().join(","));
    assert_eq!(kind_of(&object(50_000)), Ok(()));
    let mut twice = object(50_000);
    twice.insert_str(1, "\"k49999\":0,");
    assert_eq!(kind_of(&twice), Err(ErrorKind::DuplicateKey));
}

#[test]
fn numbers_keep_their_format() {
    let text = br#"{"a":1.0,"b":1E+400,"c":12345678901234567890123,"d":-0}"#;
    let tape = Tape::parse(text, &Limits::default()).unwrap();
    let raw: Vec<_> = tape.root(text).entries().map(|(_, v)| v.raw_str()).collect();
    assert_eq!(raw, ["1.0", "1E+400", "12345678901234567890123", "-0"]);
}

#[test]
fn overlapping_edits_write_nothing() {
    let mut e = Edits::new();
    e.replace(2..5, b"x");
    e.replace(4..6, b"y");
    assert!(e.apply(b"0123456789").is_err());
    let mut e = Edits::new();
    e.replace(5..6, b"!!");
    e.replace(0..1, b"");
    assert_eq!(e.apply(b"0123456789").unwrap(), b"1234!!6789");
    let mut e = Edits::new();
    e.replace(9..12, b"");
    assert!(e.apply(b"0123456789").is_err());
}

fn arb_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_filter("finite", |f| f.is_finite()).prop_map(Into::into),
        any::<String>().prop_map(Into::into),
    ];
    leaf.prop_recursive(6, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Into::into),
            prop::collection::btree_map(any::<String>(), inner, 0..8)
                .prop_map(|m| m.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    })
}

proptest! {
    #[test]
    fn reads_what_serde_reads(v in arb_json(), pretty: bool) {
        let text = if pretty { serde_json::to_string_pretty(&v) } else { serde_json::to_string(&v) }.unwrap();
        let tape = Tape::parse(text.as_bytes(), &Limits::default()).unwrap();
        let root = tape.root(text.as_bytes());
        prop_assert_eq!(to_serde(root), serde_json::from_str::<serde_json::Value>(&text).unwrap());
        prop_assert_eq!(root.raw(), text.as_bytes());
    }

    #[test]
    fn accepts_nothing_that_serde_refuses(bytes in "[\\[\\]{}\",:\\\\u0-9a-f.eE+\\- tn]{0,24}") {
        let ours = Tape::parse(bytes.as_bytes(), &Limits::default()).is_ok();
        let theirs: Result<&serde_json::value::RawValue, _> = serde_json::from_str(&bytes);
        let duplicate = Tape::parse(bytes.as_bytes(), &Limits::default()).is_err_and(|e| e.kind == ErrorKind::DuplicateKey);
        prop_assert!(ours == theirs.is_ok() || duplicate, "{} ours {} theirs {:?}", bytes, ours, theirs.is_ok());
    }

    #[test]
    fn the_first_of_several_values_ends_where_the_next_begins(v in arb_json(), rest in "[a-z{\\[\"]{0,8}") {
        // A number would go on in what follows.
        prop_assume!(!v.is_number());
        let text = format!("{v} {rest}");
        let (tape, end) = Tape::parse_first(&text, &Limits::default()).unwrap();
        prop_assert_eq!(&text[end..], rest);
        let alone = v.to_string();
        prop_assert_eq!(tape, Tape::parse(alone.as_bytes(), &Limits::default()).unwrap());
    }

    #[test]
    fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Tape::parse(&bytes, &Limits::default());
    }

    #[test]
    fn escape_then_decode_is_the_identity(s: String) {
        let mut out = Vec::new();
        escape_into(&mut out, &s);
        prop_assert_eq!(decode(&out), s);
    }
}

#[test]
fn runs_end_at_the_first_special_byte() {
    for plain in [b'a', b' ', b'!', b'#', b'[', b']', 0x7F, 0x80, 0xFF] {
        for special in [b'"', b'\\', 0x1F, 0x00, b'\n'] {
            for at in 0..64 {
                let mut bytes = vec![plain; 80];
                bytes[at] = special;
                bytes[at + 3] = b'"';
                bytes[at + 9] = b'\\';
                assert_eq!(crate::text::plain_run(&bytes), Some(at), "{plain} {special} {at}");
            }
        }
    }
    assert_eq!(crate::text::plain_run(&[b'a'; 20]), None);
}
