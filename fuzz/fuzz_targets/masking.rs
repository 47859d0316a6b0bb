//! Any bytes, as JSON or as text: detection and rewriting never panic, edits apply, JSON stays JSON of the same shape, and
//! every finding lies in the input.
#![no_main]

use std::sync::LazyLock;

use carnet_json::{Edits, Kind, Limits, Tape};
use carnet_masking::{
    Detector, Findings, Numbers, Part, PartKind, Plan, TokenKey, Transform, Transforms,
};
use libfuzzer_sys::fuzz_target;

static DETECTOR: LazyLock<Detector> = LazyLock::new(Detector::default);

fn shape(tape: &Tape) -> Vec<Kind> {
    tape.nodes().iter().map(|n| n.kind).collect()
}

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(found) = DETECTOR.scan(text) {
        assert!(found.windows(2).all(|w| w[0].span.end <= w[1].span.start));
        assert!(found.iter().all(|f| f.span.start < f.span.end && f.span.end as usize <= text.len()));
    }
    let Ok(tape) = Tape::parse(data, &Limits::default()) else { return };
    let mut findings = Findings::new();
    let part = [Part { node: 0, kind: PartKind::Json, exclude: &[] }];
    if DETECTOR.find(data, &tape, &part, &mut findings).is_err() {
        return;
    }
    let transforms = Transforms::all(if data.len() % 2 == 0 { Transform::Redact } else { Transform::Token });
    let key = TokenKey([3; 32]);
    let plan =
        Plan { shown: Default::default(), transforms: &transforms, numbers: Numbers::Keep, token_key: &key };
    let mut edits = Edits::new();
    DETECTOR.rewrite(data, &tape, &findings, &plan, &mut edits).unwrap();
    let masked = edits.apply(data).unwrap();
    assert_eq!(shape(&Tape::parse(&masked, &Limits::default()).unwrap()), shape(&tape));
});
