//! The policies on the pages are policies: each snippet loads against the schema, without a warning.

use std::path::Path;

use carnet_policy::{Options, PolicySet};

#[test]
fn every_snippet_loads() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut found = 0;
    for name in ["README.md", "docs/policies.md", "docs/residency.md"] {
        let text = std::fs::read_to_string(root.join(name)).unwrap();
        for block in text.split("```cedar\n").skip(1).filter_map(|rest| rest.split("```").next()) {
            found += 1;
            match PolicySet::load(&[(name, block)], &Options::default()) {
                Ok(set) => assert!(set.warnings().is_empty(), "{name}\n{}", set.warnings()[0]),
                Err(errors) => panic!("{name}\n{}", errors[0]),
            }
        }
    }
    assert!(found >= 7);
}

#[test]
fn the_page_names_what_the_context_has() {
    let page = include_str!("../../../docs/policies.md");
    let schema = carnet_policy::SCHEMA;
    let context = schema.split("type CallContext = {").nth(1).unwrap().split('}').next().unwrap();
    for line in context.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with("//")) {
        let name = line.split([':', '?']).next().unwrap();
        assert!(page.contains(&format!("`{name}`")) || page.contains(&format!("`context.{name}`")), "{name}");
    }
}
