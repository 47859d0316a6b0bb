//! Any text as a configuration and as a file of policy tests: no panic, and what is reported can be printed.
#![no_main]

use std::collections::BTreeMap;
use std::path::Path;

use carnet_config::{Source, load, parse_policy_tests, render};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let environment = BTreeMap::new();
    let source =
        Source { file: "f.yaml", text, folder: Path::new("/f"), environment: &environment, now: 1_795_219_200 };
    match load(source) {
        Ok(loaded) => assert!(loaded.config.canonical().starts_with("carnet-config 1")),
        Err(found) => assert!(!render(&found).is_empty()),
    }
    if let Err(found) = parse_policy_tests("t.yaml", text) {
        assert!(!render(&found).is_empty());
    }
});
