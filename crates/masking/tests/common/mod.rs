//! What the tests of recognisers share.
#![allow(dead_code, unreachable_pub, reason = "each test binary takes what it needs")]

use carnet_masking::Detector;

pub fn found(detector: &Detector, text: &str) -> Vec<(&'static str, String)> {
    let list = detector.scan(text).unwrap();
    list.iter().map(|f| (f.kind, text[f.span.start as usize..f.span.end as usize].to_owned())).collect()
}

pub fn check(kind: &str, yes: &[(&str, &str)], no: &[&str]) {
    let d = Detector::default();
    let mut wrong = Vec::new();
    for (text, value) in yes {
        let got = found(&d, text);
        if !got.iter().any(|(k, v)| *k == kind && v == value) {
            wrong.push(format!("{kind} in {text:?}: {got:?}"));
        }
    }
    for text in no {
        let got = found(&d, text);
        if got.iter().any(|(k, _)| *k == kind) {
            wrong.push(format!("no {kind} in {text:?}: {got:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
