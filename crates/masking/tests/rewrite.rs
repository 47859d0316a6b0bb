//! What the transforms write.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use carnet_json::{Edits, Limits, Tape};
use carnet_masking::{
    Detector, Findings, Numbers, Part, PartKind, Plan, Report, TokenKey, Transform, Transforms,
};
use carnet_model::{ClassSet, DataClass};
use expect_test::expect;

const RECORD: &str = r#"{"customers":[{"name":"Erika Mustermann","email":"Erika@Example.org","card":"4111 1111 1111 1111","phone":49301234567,"dob":"1980-03-12","note":"mail erika@example.org"}],"raw":"{\"iban\":\"DE89370400440532013000\",\"ssn\":123456789}"}"#;

fn mask_with(text: &str, transforms: &Transforms, numbers: Numbers, shown: ClassSet) -> (String, Report) {
    let detector = Detector::default();
    let tape = Tape::parse(text.as_bytes(), &Limits::default()).unwrap();
    let mut findings = Findings::new();
    let part = [Part { node: 0, kind: PartKind::Json, exclude: &[] }];
    detector.find(text.as_bytes(), &tape, &part, &mut findings).unwrap();
    let key = TokenKey([9; 32]);
    let plan = Plan { shown, transforms, numbers, token_key: &key };
    let mut edits = Edits::new();
    let report = detector.rewrite(text.as_bytes(), &tape, &findings, &plan, &mut edits).unwrap();
    (String::from_utf8(edits.apply(text.as_bytes()).unwrap()).unwrap(), report)
}

fn mask(text: &str, transform: Transform) -> String {
    mask_with(text, &Transforms::all(transform), Numbers::Keep, ClassSet::EMPTY).0
}

#[test]
fn transforms() {
    expect![[r#"{"customers":[{"name":"[PERSON]","email":"[EMAIL]","card":"[CARD]","phone":24235548196,"dob":"[BIRTH_DATE]","note":"mail [EMAIL]"}],"raw":"{\"iban\":\"[IBAN]\",\"ssn\":483839874}"}"#]].assert_eq(&mask(RECORD, Transform::Redact));
    expect![[r#"{"customers":[{"name":"***** ******mann","email":"*****@******e.org","card":"**** **** **** 1111","phone":24235548196,"dob":"****-03-12","note":"mail *****@******e.org"}],"raw":"{\"iban\":\"******************3000\",\"ssn\":483839874}"}"#]].assert_eq(&mask(RECORD, Transform::KeepLast(4)));
    expect![[r#"{"customers":[{"name":"","email":"","card":"","phone":0,"dob":"","note":"mail "}],"raw":"{\"iban\":\"\",\"ssn\":0}"}"#]].assert_eq(&mask(RECORD, Transform::Drop));
    expect![[r#"{"customers":[{"name":"[PERSON:425cxfr88jz0]","email":"[EMAIL:aq7x22kmade4]","card":"[CARD:peqjfwndybqz]","phone":24235548196,"dob":"[BIRTH_DATE:ypxgg8pntm8d]","note":"mail [EMAIL:aq7x22kmade4]"}],"raw":"{\"iban\":\"[IBAN:kym5zsrtzqy0]\",\"ssn\":483839874}"}"#]].assert_eq(&mask(RECORD, Transform::Token));
    let (text, _) = mask_with(RECORD, &Transforms::default(), Numbers::Text, ClassSet::EMPTY);
    expect![[r#"{"customers":[{"name":"[PERSON]","email":"[EMAIL]","card":"[CARD]","phone":"[PHONE]","dob":"[BIRTH_DATE]","note":"mail [EMAIL]"}],"raw":"{\"iban\":\"[IBAN]\",\"ssn\":\"[SSN]\"}"}"#]].assert_eq(&text);
}

#[test]
fn shown_classes_stay_and_the_report_names_no_value() {
    let shown = [DataClass::PERSON, DataClass::EMAIL].into_iter().collect();
    let (text, report) = mask_with(RECORD, &Transforms::default(), Numbers::Keep, shown);
    assert!(
        text.contains("Erika Mustermann") && text.contains("Erika@Example.org") && !text.contains("4111")
    );
    expect![[r#"
        Report {
            masked: [
                (
                    phone,
                    1,
                ),
                (
                    card,
                    1,
                ),
                (
                    iban,
                    1,
                ),
                (
                    us_ssn,
                    1,
                ),
                (
                    birth_date,
                    1,
                ),
            ],
            shown: [
                (
                    email,
                    2,
                ),
                (
                    person,
                    1,
                ),
            ],
            places: [
                Place {
                    class: card,
                    kind: "CREDIT_CARD",
                    path: "customers[0].card",
                    rule: "key",
                    transform: "redact",
                },
                Place {
                    class: phone,
                    kind: "PHONE_NUMBER",
                    path: "customers[0].phone",
                    rule: "key",
                    transform: "redact",
                },
                Place {
                    class: birth_date,
                    kind: "DATE_OF_BIRTH",
                    path: "customers[0].dob",
                    rule: "key",
                    transform: "redact",
                },
                Place {
                    class: iban,
                    kind: "IBAN_CODE",
                    path: "raw>iban",
                    rule: "key",
                    transform: "redact",
                },
                Place {
                    class: us_ssn,
                    kind: "US_SSN",
                    path: "raw>ssn",
                    rule: "key",
                    transform: "redact",
                },
            ],
            more: 0,
            deposits: Deposits(0),
        }
    "#]]
    .assert_debug_eq(&report);
}

#[test]
fn tokens_agree_between_spellings_and_copies() {
    let out = mask(
        r#"["Erika@Example.org","mail erika@example.org","+49 30 1234567","+49-30-1234567"]"#,
        Transform::Token,
    );
    let v: Vec<String> = serde_json::from_str(&out).unwrap();
    assert_eq!(v[1], format!("mail {}", v[0]));
    assert_eq!(v[2], v[3]);
}

#[test]
fn a_hidden_value_inside_a_shown_one_is_still_hidden() {
    let shown = [DataClass::ADDRESS].into_iter().collect();
    let (text, _) = mask_with(
        r#"{"address":"Hauptstr. 5, phone +49 30 1234567"}"#,
        &Transforms::default(),
        Numbers::Keep,
        shown,
    );
    assert_eq!(text, r#"{"address":"Hauptstr. 5, phone [PHONE]"}"#);
}

#[test]
fn excluded_subtrees_and_other_bytes_stay() {
    let text = "{ \"a\" : [\"x@example.org\", 1.0],\t\"b\":\"y@example.org\" , \"c\":1E5 }";
    let detector = Detector::default();
    let tape = Tape::parse(text.as_bytes(), &Limits::default()).unwrap();
    let skip = tape.root(text.as_bytes()).get("b").unwrap().index();
    let mut findings = Findings::new();
    detector
        .find(
            text.as_bytes(),
            &tape,
            &[Part { node: 0, kind: PartKind::Json, exclude: &[skip] }],
            &mut findings,
        )
        .unwrap();
    let paths: Vec<_> = findings.iter().map(|f| findings.path(f)).collect();
    assert_eq!(paths, ["a[0]"]);
    let transforms = Transforms::default();
    let key = TokenKey([0; 32]);
    let plan =
        Plan { shown: ClassSet::EMPTY, transforms: &transforms, numbers: Numbers::Keep, token_key: &key };
    let mut edits = Edits::new();
    detector.rewrite(text.as_bytes(), &tape, &findings, &plan, &mut edits).unwrap();
    assert_eq!(edits.apply(text.as_bytes()).unwrap(), text.replace("x@example.org", "[EMAIL]").into_bytes());
}

#[test]
fn binary_and_uri_parts() {
    let text = r#"["aGVsbG8gYWxpY2VAZXhhbXBsZS5vcmc=","iVBORw0KGgoAAAANSUhEUgAA","file:///home/alice%40example.org/x"]"#;
    let detector = Detector::default();
    let tape = Tape::parse(text.as_bytes(), &Limits::default()).unwrap();
    let kinds = [(1, PartKind::Binary), (2, PartKind::Binary), (3, PartKind::Uri)];
    let parts = kinds.map(|(node, kind)| Part { node, kind, exclude: &[] });
    let mut findings = Findings::new();
    detector.find(text.as_bytes(), &tape, &parts, &mut findings).unwrap();
    let transforms = Transforms::default();
    let key = TokenKey([0; 32]);
    let plan =
        Plan { shown: ClassSet::EMPTY, transforms: &transforms, numbers: Numbers::Keep, token_key: &key };
    let mut edits = Edits::new();
    detector.rewrite(text.as_bytes(), &tape, &findings, &plan, &mut edits).unwrap();
    let out = String::from_utf8(edits.apply(text.as_bytes()).unwrap()).unwrap();
    expect![[r#"["W0VNQUlMXQ==","W1VOSU5TUEVDVEVEXQ==","file:///home/%5BEMAIL%5D/x"]"#]].assert_eq(&out);
}
