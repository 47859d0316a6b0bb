//! Content without anything to find costs no memory: after the first search with a detector the next allocates nothing,
//! however long the document is.
#![allow(clippy::unwrap_used)]

use carnet_json::{Limits, Tape};
use carnet_masking::{Detector, DetectorOptions, Findings, Names, Part, PartKind};

/// Bytes of one row are enough for every buffer to reach its size.
fn rows(count: usize) -> String {
    let row = r#"{"sku":"A-17","title":"Steel water bottle, double wall","description":"Keeps drinks cold for a day and hot for half of one. Dishwasher safe, with a lid that does not leak.","price":12.95,"stock":40,"tags":["kitchen","outdoor","steel"],"active":true,"created":"2026-02-03T10:00:00Z"}"#;
    format!("[{}]", vec![row; count].join(","))
}

fn prose(count: usize) -> String {
    "The river rose during the night and by morning the lower fields were under water. In 1994 the dam had held.\n"
        .repeat(count)
}

fn allocations(work: impl FnOnce()) -> u64 {
    allocation_counter::measure(work).count_total
}

#[test]
fn clean_json_allocates_nothing_after_the_first_search() {
    for names in [Names::Keys, Names::Light] {
        let detector = Detector::new(&DetectorOptions { names, ..Default::default() });
        let part = [Part { node: 0, kind: PartKind::Json, exclude: &[] }];
        let (small, large) = (rows(20), rows(2000));
        let parse = |text: &str| Tape::parse(text.as_bytes(), &Limits::default()).unwrap();
        let (tape, more) = (parse(&small), parse(&large));
        let mut findings = Findings::new();
        detector.find(small.as_bytes(), &tape, &part, &mut findings).unwrap();
        let again = allocations(|| detector.find(small.as_bytes(), &tape, &part, &mut findings).unwrap());
        let large = allocations(|| detector.find(large.as_bytes(), &more, &part, &mut findings).unwrap());
        assert_eq!((again, large), (0, 0), "{names:?}");
        assert!(findings.is_empty());
    }
}

#[test]
fn clean_text_allocates_nothing_after_the_first_search() {
    for names in [Names::Keys, Names::Light] {
        let detector = Detector::new(&DetectorOptions { names, ..Default::default() });
        let text = prose(500);
        let mut findings = Findings::new();
        detector.find_text(&text, &mut findings).unwrap();
        let again = allocations(|| detector.find_text(&text, &mut findings).unwrap());
        assert_eq!((again, findings.len()), (0, 0), "{names:?}");
    }
}
