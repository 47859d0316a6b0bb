//! Rules of a configuration's own: what they find, what they ask for besides, what they never see; and what is allowed.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use carnet_masking::{
    Allow, AllowSpec, Detector, DetectorOptions, Findings, Numbers, Plan, Rule, RuleMistake, RuleSpec,
    TokenKey, Transform, Transforms, Validator,
};
use carnet_model::{ClassNames, ClassSet, DataClass};
use expect_test::expect;

fn own() -> DataClass {
    DataClass::custom(0).unwrap()
}

fn spec(pattern: Option<&str>) -> RuleSpec {
    RuleSpec {
        name: "customer-number".into(),
        class: own(),
        class_name: "customer_number".into(),
        pattern: pattern.map(str::to_owned),
        ignore_case: false,
        validator: None,
        entropy: 0,
        keys: Vec::new(),
        context: Vec::new(),
        without: Vec::new(),
    }
}

fn detector(specs: &[RuleSpec], allow: &[AllowSpec], disabled_types: &[&str]) -> Detector {
    Detector::new(&DetectorOptions {
        rules: specs.iter().map(|s| Rule::new(s).unwrap()).collect(),
        allow: allow.iter().map(|a| Allow::new(a).unwrap()).collect(),
        classes: ClassNames::new(["customer_number"]),
        disabled_types: disabled_types.iter().map(|t| (*t).to_owned()).collect(),
        ..DetectorOptions::default()
    })
}

fn masked(d: &Detector, text: &str) -> String {
    let mut findings = Findings::new();
    d.find_text(text, &mut findings).unwrap();
    let transforms = Transforms::all(Transform::Redact);
    let key = TokenKey([7; 32]);
    let plan =
        Plan { shown: ClassSet::EMPTY, transforms: &transforms, numbers: Numbers::Keep, token_key: &key };
    d.rewrite_text(text, &findings, &plan).unwrap().0
}

/// Each text masked. A number that became another one reads `NUMBER`.
fn table(d: &Detector, texts: &[&str]) -> String {
    let line = |t: &&str| {
        let out = masked(d, t);
        let number = |s: &str| {
            let at = s.find("\"customer_no\":")? + 14;
            let n = s[at..].bytes().take_while(u8::is_ascii_digit).count();
            (n > 0).then(|| s[at..at + n].to_owned())
        };
        match (number(t), number(&out)) {
            (Some(before), Some(after)) if before != after => out.replacen(&after, "NUMBER", 1) + "\n",
            _ => out + "\n",
        }
    };
    texts.iter().map(line).collect()
}

#[test]
fn a_pattern_finds_everywhere() {
    let d = detector(&[spec(Some(r"\bKD-[0-9]{6}\b"))], &[], &[]);
    expect![[r#"
        call [CUSTOMER_NUMBER] now
        {"note":"see [CUSTOMER_NUMBER]"}
        {"note":"{\"id\":\"[CUSTOMER_NUMBER]\"}"}
        W0NVU1RPTUVSX05VTUJFUl0=
        XKD-123456 and KD-1234567
        KD-12345
    "#]]
    .assert_eq(&table(
        &d,
        &[
            "call KD-123456 now",
            r#"{"note":"see KD-123456"}"#,
            r#"{"note":"{\"id\":\"KD-123456\"}"}"#,
            "S0QtMTIzNDU2",
            "XKD-123456 and KD-1234567",
            "KD-12345",
        ],
    ));
}

#[test]
fn a_disguised_match_is_one() {
    let d = detector(&[spec(Some(r"\bKD-[0-9]{6}\b"))], &[], &[]);
    for text in ["ＫＤ－１２３４５６", "KD-12\u{200b}3456", "KD%2D123456", "&#75;D-123456"] {
        assert_eq!(masked(&d, text), "[CUSTOMER_NUMBER]", "{text}");
    }
}

#[test]
fn letters_without_a_digit_are_looked_at_too() {
    let d = detector(&[RuleSpec { ignore_case: true, ..spec(Some("project (condor|ibis)")) }], &[], &[]);
    assert_eq!(masked(&d, "about Project Condor"), "about [CUSTOMER_NUMBER]");
    let d = detector(&[spec(Some("Fähre [ÄÖÜ]{2,4}"))], &[], &[]);
    assert_eq!(masked(&d, "die Fähre ÄÖÜ fährt"), "die [CUSTOMER_NUMBER] fährt");
}

#[test]
fn a_match_never_ends_within_a_character() {
    let d = detector(&[spec(Some("KD.{4}"))], &[], &[]);
    assert_eq!(masked(&d, "KD€€€"), "[CUSTOMER_NUMBER]€");
}

#[test]
fn keys_context_and_check_digits() {
    let keyed = RuleSpec { keys: vec!["customer_no".into(), "Kundennummer".into()], ..spec(None) };
    let d = detector(&[keyed], &[], &[]);
    expect![[r#"
        {"customerNo":"[CUSTOMER_NUMBER]"}
        {"kunden-nummer":"[CUSTOMER_NUMBER]"}
        {"customer_no":NUMBER}
        {"customer_no":"n/a"}
        {"order_no":4711}
    "#]]
    .assert_eq(&table(
        &d,
        &[
            r#"{"customerNo":"A 4711"}"#,
            r#"{"kunden-nummer":"A 4711"}"#,
            r#"{"customer_no":4711}"#,
            r#"{"customer_no":"n/a"}"#,
            r#"{"order_no":4711}"#,
        ],
    ));
    let careful = RuleSpec {
        validator: Some(Validator::Luhn),
        keys: vec!["customer_no".into()],
        context: vec!["customer".into(), "Kunde".into()],
        without: vec!["invoice".into()],
        ..spec(Some(r"\b[0-9]{6}\b"))
    };
    let d = detector(&[careful], &[], &[]);
    expect![[r#"
        customer [CUSTOMER_NUMBER]
        customer 123456
        number 123455
        Kundenstamm 123455
        der Kunde: [CUSTOMER_NUMBER]
        invoice of the customer 123455
        {"customer_no":NUMBER,"x":123455}
    "#]]
    .assert_eq(&table(
        &d,
        &[
            "customer 123455",
            "customer 123456",
            "number 123455",
            "Kundenstamm 123455",
            "der Kunde: 123455",
            "invoice of the customer 123455",
            r#"{"customer_no":123455,"x":123455}"#,
        ],
    ));
}

#[test]
fn entropy_tells_a_key_from_a_word() {
    let d = detector(&[RuleSpec { entropy: 350, ..spec(Some("tok_[a-z0-9]{16}")) }], &[], &[]);
    assert_eq!(masked(&d, "tok_aaaaaaaaaaaaaaaa"), "tok_aaaaaaaaaaaaaaaa");
    assert_eq!(masked(&d, "tok_9f3kq7zm2xw8bv1d"), "[CUSTOMER_NUMBER]");
}

#[test]
fn what_is_allowed_stays() {
    let value = AllowSpec { values: vec!["Support@Example.com".into()], ..AllowSpec::default() };
    let own_domain = AllowSpec {
        pattern: Some(r"[a-z]+@carnet\.example".into()),
        classes: [DataClass::EMAIL].into_iter().collect(),
        ..AllowSpec::default()
    };
    let d = detector(&[], &[value, own_domain], &["MAC_ADDRESS"]);
    expect![[r#"
        support@example.com and [EMAIL]
        {"email":"support@example.com"}
        press@carnet.example, [EMAIL]
        00:1b:44:11:3a:b7
    "#]]
    .assert_eq(&table(
        &d,
        &[
            "support@example.com and jo@example.com",
            r#"{"email":"support@example.com"}"#,
            "press@carnet.example, x@press.carnet.example",
            "00:1b:44:11:3a:b7",
        ],
    ));
}

#[test]
fn what_could_be_slow_or_mask_everything_is_refused() {
    let mistake = |p: &str| Rule::new(&spec(Some(p))).map(|_| ()).unwrap_err();
    assert_eq!(mistake("KD-[0-9]+"), RuleMistake::Unbounded);
    assert_eq!(mistake("(KD){2,}"), RuleMistake::Unbounded);
    assert_eq!(mistake("[a-z]{5000}"), RuleMistake::Unbounded);
    assert_eq!(mistake("x?"), RuleMistake::Short);
    assert_eq!(mistake(""), RuleMistake::Short);
    assert_eq!(mistake(&"ab".repeat(600)), RuleMistake::Large);
    assert!(matches!(mistake("KD-("), RuleMistake::Syntax(_)));
    assert!(matches!(mistake(r"ä\d{3}"), RuleMistake::Syntax(_)));
    assert!(matches!(mistake(r"(a)\1"), RuleMistake::Syntax(_)));
    assert_eq!(Rule::new(&spec(None)).map(|_| ()).unwrap_err(), RuleMistake::Nothing);
}
