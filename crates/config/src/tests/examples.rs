//! Every example is loaded, fits the schema for editors, and the full one names every key there is.

use crate::shape::{Kind, Table};
use crate::{format, parse_policy_tests, render, schema};

use super::read;

const EXAMPLES: &[(&str, &str)] = &[
    ("carnet.yaml", include_str!("../../../../examples/carnet.yaml")),
    ("minimal.yaml", include_str!("../../../../examples/minimal.yaml")),
    ("oidc.yaml", include_str!("../../../../examples/oidc.yaml")),
    ("stdio.yaml", include_str!("../../../../examples/stdio.yaml")),
];

#[test]
fn every_example_loads() {
    for (name, text) in EXAMPLES {
        match read(text) {
            // Variables are not set here, which is the only thing to warn of.
            Ok(loaded) => {
                for warning in loaded.warnings {
                    assert!(warning.message.contains("is not set"), "{name}: {warning}");
                }
            }
            Err(found) => panic!("{name}\n{}", render(&found)),
        }
    }
}

#[test]
fn the_policy_tests_load() {
    let text = include_str!("../../../../examples/policies/tests.yaml");
    match parse_policy_tests("tests.yaml", text) {
        Ok(tests) => assert_eq!(tests.len(), text.matches("expect:").count()),
        Err(found) => panic!("{}", render(&found)),
    }
}

/// Every key of a table and of the tables below it.
pub(super) fn keys(table: &Table, out: &mut Vec<&'static str>) {
    for key in table.keys {
        out.push(key.name);
        below(&key.kind, out);
    }
}

fn below(kind: &Kind, out: &mut Vec<&'static str>) {
    match kind {
        Kind::Table(table) => keys(table, out),
        Kind::List(item) | Kind::Map(_, item) => below(item, out),
        _ => {}
    }
}

#[test]
fn the_full_example_names_every_key() {
    let mut all = Vec::new();
    keys(&format::FILE, &mut all);
    let text = EXAMPLES[0].1;
    let missing: Vec<_> = all.into_iter().filter(|k| !text.contains(&format!("{k}:"))).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn examples_fit_the_schema_and_mistakes_do_not() {
    let schema: serde_json::Value = serde_json::from_str(&schema()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for (name, text) in EXAMPLES {
        let value = crate::policy_tests::to_json(text);
        let errors: Vec<_> =
            validator.iter_errors(&value).map(|e| format!("{} {e}", e.instance_path())).collect();
        assert!(errors.is_empty(), "{name}: {errors:?}");
    }
    let start = "version: 1\ncell: { region: de }\n";
    assert!(validator.is_valid(&crate::policy_tests::to_json(start)));
    let bad = [
        "version: 2",
        "listners: []",
        "drain: 25",
        "drain: 25sec",
        "servers: { A: {} }",
        "evidence: { kek: x }",
    ];
    for more in bad {
        let text = if more.starts_with("version") { more.to_owned() } else { format!("{start}{more}") };
        assert!(!validator.is_valid(&crate::policy_tests::to_json(&text)), "{text}");
    }
}
