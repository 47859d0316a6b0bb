//! Masking rules of one's own: what is resolved, and what a user sees for each kind of mistake.

use carnet_masking::Validator;
use carnet_model::DataClass;
use expect_test::{Expect, expect};

use super::read;
use crate::{Config, render};

fn with(masking: &str) -> String {
    format!("version: 1\ncell: {{ region: de }}\nmasking:\n{masking}\n")
}

fn shows(masking: &str, expected: Expect) {
    let found = read(&with(masking)).expect_err("the text has a mistake");
    expected.assert_eq(&render(&found));
}

fn config(text: &str) -> Config {
    match read(text) {
        Ok(loaded) => loaded.config,
        Err(found) => panic!("{}", render(&found)),
    }
}

#[test]
fn rules_are_resolved() {
    let config = config(&with(
        "  classes: { customer_number: token }
  rules:
    - { name: customer-number, pattern: 'KD-[0-9]{4}', validator: luhn, entropy: 1.5 }
    - { name: staff, class: national_id, keys: [staff_no] }
  allow: [{ values: [a@b.example], reason: public }]
  disable: [ip, DE_TAX_ID]",
    ));
    let masking = config.masking;
    let own = masking.names.by_name("customer_number").unwrap();
    assert!(masking.classes.contains_key(&own));
    let [first, second] = &masking.rules[..] else { panic!("two rules") };
    assert_eq!((first.class, first.validator, first.entropy), (own, Some(Validator::Luhn), 150));
    assert_eq!((second.class, second.class_name.as_str()), (DataClass::NATIONAL_ID, "national_id"));
    assert!(masking.disable.classes.contains(DataClass::IP) && masking.disable.types == ["DE_TAX_ID"]);
}

#[test]
fn an_example_that_fails_has_its_place() {
    shows(
        "  rules:
    - name: customer-number
      pattern: '\\bKD-[0-9]{4}\\b'
      examples:
        match:
          - see KD-1234
          - see KD-12345
        no_match: [KD-123, about KD-9999]",
        expect![[r#"
            carnet.yaml:10:13: the rule `customer-number` finds nothing here
               |
            10 |           - see KD-12345
               |             ^^^^^^^^^^^^
               = help: matches need the check digits, entropy, key or words that the rule asks for

            carnet.yaml:11:28: the rule `customer-number` finds something here
               |
            11 |         no_match: [KD-123, about KD-9999]
               |                            ^^^^^^^^^^^^^
        "#]],
    );
}

#[test]
fn patterns_that_cannot_be_used() {
    shows(
        "  rules:
    - { name: a, class: own_a, pattern: 'KD-[0-9]+' }
    - { name: b, class: own_b, pattern: 'KD-(' }
    - { name: c, class: own_c }
    - { name: c, class: Own, pattern: 'KD-1' }
  allow: [{ pattern: '(', reason: none }, { reason: none }]",
        expect![[r#"
            carnet.yaml:5:41: the pattern may match more than 4096 bytes
              |
            5 |     - { name: a, class: own_a, pattern: 'KD-[0-9]+' }
              |                                         ^^^^^^^^^^^
              = help: give it an end: write `{1,32}` in place of `+`, `{0,32}` of `*`

            carnet.yaml:6:41: this is not a pattern: unclosed group
              |
            6 |     - { name: b, class: own_b, pattern: 'KD-(' }
              |                                         ^^^^^^
              = help: the syntax is that of the Rust crate `regex`; `\d`, `\w` and `\b` only in a pattern that is ASCII

            carnet.yaml:7:15: a rule needs `pattern` or `keys`
              |
            7 |     - { name: c, class: own_c }
              |               ^

            carnet.yaml:8:25: `Own` is not a data class
              |
            8 |     - { name: c, class: Own, pattern: 'KD-1' }
              |                         ^^^
              = help: one of: email, phone, card, iban, ip, us_ssn, national_id, secret, person, address, birth_date, passport, tax_id, health_id, driving_licence, location, organisation, mac_address, crypto, bic, vehicle, url_credentials, free_text, proprietary, bank_account, uninspected

            carnet.yaml:9:22: this is not a pattern: unclosed group
              |
            9 |   allow: [{ pattern: '(', reason: none }, { reason: none }]
              |                      ^^^
              = help: the syntax is that of the Rust crate `regex`; `\d`, `\w` and `\b` only in a pattern that is ASCII

            carnet.yaml:9:43: an entry of allow needs `values` or `pattern`
              |
            9 |   allow: [{ pattern: '(', reason: none }, { reason: none }]
              |                                           ^
        "#]],
    );
}

#[test]
fn classes_and_types_that_are_not_there() {
    shows(
        "  classes: { custommer_number: token }
  disable: [emial, DE_TAXID]
  rules: [{ name: customer-number, pattern: 'KD-[0-9]{4}' }]",
        expect![[r#"
            carnet.yaml:4:14: `custommer_number` is not a data class
              |
            4 |   classes: { custommer_number: token }
              |              ^^^^^^^^^^^^^^^^
              = help: did you mean `customer_number`?

            carnet.yaml:5:13: `emial` is neither a data class nor a type such as `DE_TAX_ID`
              |
            5 |   disable: [emial, DE_TAXID]
              |             ^^^^^
              = help: did you mean `email`?

            carnet.yaml:5:20: `DE_TAXID` is not a type
              |
            5 |   disable: [emial, DE_TAXID]
              |                    ^^^^^^^^
              = help: did you mean `DE_TAX_ID`?
        "#]],
    );
}
