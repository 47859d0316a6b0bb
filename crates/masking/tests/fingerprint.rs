//! Fingerprints: what is found again, how much may be changed, what is nobody's, and what the file keeps.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use carnet_masking::{
    DEFAULT_THRESHOLD, Detector, DetectorOptions, FingerprintMistake, Fingerprints, Gathered, Identifiers,
};
use carnet_model::DataClass;

const KEY: &[u8] = b"a key for tests";

/// Sources of Carnet as they once were stand for one's own code and for somebody else's.
const OWN: &[&str] = &[
    include_str!("data/fingerprint/own-1.txt"),
    include_str!("data/fingerprint/own-2.txt"),
    include_str!("data/fingerprint/own-3.txt"),
    include_str!("data/fingerprint/own-4.txt"),
    include_str!("data/fingerprint/own-5.txt"),
];
const OTHER: &[&str] = &[
    include_str!("data/fingerprint/other-1.txt"),
    include_str!("data/fingerprint/other-2.txt"),
    include_str!("data/fingerprint/other-3.txt"),
    include_str!("data/fingerprint/other-4.txt"),
    include_str!("data/fingerprint/other-5.txt"),
];

fn set(names: Identifiers, texts: &[&str]) -> (Vec<u8>, Detector) {
    let mut gathered = Gathered::new(KEY, names);
    texts.iter().for_each(|t| gathered.add(t));
    let (file, _) = gathered.write();
    let fingerprints = vec![Fingerprints::read(&file, KEY, "app", DEFAULT_THRESHOLD).unwrap()];
    (file, Detector::new(&DetectorOptions { fingerprints, ..DetectorOptions::default() }))
}

/// Bytes of a text that are said to be one's own.
fn covered(d: &Detector, text: &str) -> usize {
    let found = d.scan(text).unwrap();
    let own = found.iter().filter(|f| f.class == DataClass::PROPRIETARY);
    own.map(|f| f.span.len()).sum()
}

/// Pieces of 20 lines, as a tool's answer might hold them.
fn snippets<'a>(texts: &'a [&str]) -> Vec<String> {
    let lines = |t: &'a str| t.lines().collect::<Vec<&'a str>>();
    let pieces = texts.iter().flat_map(|t| lines(t).chunks(20).map(|c| c.join("\n")).collect::<Vec<_>>());
    pieces.filter(|p| p.split_whitespace().count() > 60).collect()
}

/// The share of snippets found, in percent.
fn found(d: &Detector, snippets: &[String]) -> usize {
    snippets.iter().filter(|s| covered(d, s) > 0).count() * 100 / snippets.len()
}

#[test]
fn snippets_are_found_and_those_of_others_are_not() {
    let (_, d) = set(Identifiers::Kept, OWN);
    let own = snippets(OWN);
    assert!(own.len() > 30, "{}", own.len());
    assert_eq!(found(&d, &own), 100);
    for s in snippets(OTHER) {
        assert_eq!(covered(&d, &s), 0, "{s}");
    }
}

#[test]
fn white_space_and_case_change_nothing() {
    let (_, d) = set(Identifiers::Kept, OWN);
    let squeezed = |s: &String| s.split_whitespace().collect::<Vec<_>>().join(" ");
    let spread = |s: &String| s.replace(' ', "   ").replace('\n', "\r\n\n\t").to_uppercase();
    assert_eq!(found(&d, &snippets(OWN).iter().map(squeezed).collect::<Vec<_>>()), 100);
    assert_eq!(found(&d, &snippets(OWN).iter().map(spread).collect::<Vec<_>>()), 100);
}

#[test]
fn one_line_of_five_may_be_changed() {
    let (_, d) = set(Identifiers::Kept, OWN);
    let edited = |s: &String| {
        let line =
            |(n, l): (usize, &str)| if n % 5 == 3 { format!("changed({n}); // {n}") } else { l.to_owned() };
        s.lines().enumerate().map(line).collect::<Vec<_>>().join("\n")
    };
    let share = found(&d, &snippets(OWN).iter().map(edited).collect::<Vec<_>>());
    assert!(share >= 90, "{share} %");
}

#[test]
fn renamed_variables_need_the_option() {
    let rename = |s: &String| {
        ["text", "hint", "value", "out", "map", "bytes", "span", "words", "class"]
            .iter()
            .fold(s.clone(), |s, w| s.replace(w, &format!("my_{w}2")))
    };
    let renamed: Vec<String> = snippets(OWN).iter().map(rename).collect();
    let (_, kept) = set(Identifiers::Kept, OWN);
    let (_, ignored) = set(Identifiers::Ignored, OWN);
    let (a, b) = (found(&kept, &renamed), found(&ignored, &renamed));
    assert!(a < b && b >= 90, "{a} % with names, {b} % without");
}

#[test]
fn only_the_stretch_is_masked_in_whole_lines() {
    let (_, d) = set(Identifiers::Kept, OWN);
    let own = snippets(OWN)[0].clone();
    let text = format!("Here is what I found:\n{own}\nThat is all.");
    let hits = d.scan(&text).unwrap();
    let hit = hits.iter().find(|f| f.class == DataClass::PROPRIETARY).unwrap();
    let span = &text[hit.span.start as usize..hit.span.end as usize];
    assert!(!span.contains("Here is") && !span.contains("That is all"));
    assert!(span.len() * 10 > own.len() * 8);
    assert_eq!(hit.rule, "fingerprint:app");
    // Also inside JSON.
    let json = format!("{{\"content\":{}}}", serde_json::Value::String(text));
    assert!(covered(&d, &json) > 0);
}

#[test]
fn what_is_in_many_files_or_public_is_nobodys() {
    let licence = include_str!("../../../LICENSE");
    let files: Vec<String> = (0..8).map(|n| format!("{licence}\nfile {n} of its own")).collect();
    let texts: Vec<&str> = files.iter().map(String::as_str).collect();
    let (_, d) = set(Identifiers::Kept, &texts);
    assert_eq!(covered(&d, licence), 0);
    let mut gathered = Gathered::new(KEY, Identifiers::Kept);
    OWN.iter().for_each(|t| gathered.add(t));
    let before = gathered.write().1;
    gathered.remove(OWN[0]);
    assert!(gathered.write().1 < before);
}

#[test]
fn the_file_keeps_no_content_and_needs_its_key() {
    let (file, _) = set(Identifiers::Kept, OWN);
    let text: usize = OWN.iter().map(|t| t.len()).sum();
    assert!(file.len() * 2 < text, "{} of {text} bytes", file.len());
    for word in ["fingerprint", "keys", "struct", "Detector"] {
        assert!(!String::from_utf8_lossy(&file[100..]).contains(word));
    }
    let read = |file: &[u8], key: &[u8]| Fingerprints::read(file, key, "app", 50).map(|f| f.len());
    assert_eq!(read(&file, b"another"), Err(FingerprintMistake::Key));
    assert_eq!(read(&file[..file.len() - 1], KEY), Err(FingerprintMistake::Format));
    assert_eq!(read(b"", KEY), Err(FingerprintMistake::Format));
    assert_eq!(read(&[0xff; 300], KEY), Err(FingerprintMistake::Format));
}
