//! No text makes the reader panic, and what it reports can always be printed.

use proptest::prelude::*;

use super::read;
use crate::{parse_policy_tests, render};

const WORDS: &[&str] = &[
    "version",
    "cell",
    "servers",
    "listeners",
    "identity",
    "tokens",
    "url",
    "command",
    "credentials",
    "bearer",
    "1",
    "env:X",
    "de",
    "[",
    "]",
    "{",
    "}",
    ": ",
    "- ",
    "\n",
    "\n  ",
    "\n    ",
    "\t",
    ",",
    "\"",
    "'",
    "&a ",
    "*a",
    "!t ",
    "|",
    ">",
    "#",
    "? ",
    "~",
    "é",
    "\u{2028}",
    "\r\n",
    "---",
    "as",
    "call",
    "tools/call a.b",
    "0",
    "4MiB",
    "\u{feff}",
    "%",
];

proptest! {
    #[test]
    fn any_text_is_read_or_explained(text in "\\PC{0,200}") {
        if let Err(found) = read(&text) {
            prop_assert!(!render(&found).is_empty());
        }
        let _ = parse_policy_tests("t.yaml", &text);
    }

    #[test]
    fn any_words_are_read_or_explained(picks in prop::collection::vec(0..WORDS.len(), 0..60)) {
        let text: String = picks.into_iter().map(|n| WORDS[n]).collect();
        if let Err(found) = read(&text) {
            prop_assert!(!render(&found).is_empty());
        }
        let _ = parse_policy_tests("t.yaml", &text);
    }

    #[test]
    fn a_cut_example_is_read_or_explained(cut in 0usize..20_000) {
        let text = include_str!("../../../../examples/carnet.yaml");
        let cut = (0..=cut.min(text.len())).rev().find(|n| text.is_char_boundary(*n)).unwrap();
        if let Err(found) = read(&text[..cut]) {
            prop_assert!(!render(&found).is_empty());
        }
    }
}
