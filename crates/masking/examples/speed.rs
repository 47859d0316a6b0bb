//! Speed of detection on one core: MB/s of CPU time on dense JSON, clean JSON and prose, with and without the parsing.
//! `cargo run --release -p carnet-masking --example speed`
#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::time::{Duration, Instant};

use carnet_json::{Edits, Limits, Tape};
use carnet_masking::{
    Detector, DetectorOptions, Findings, Names, Numbers, Part, PartKind, Plan, TokenKey, Transform,
    Transforms,
};

fn main() {
    // `speed find dense`, and `names` behind it with the light tier, repeats only that, for a profiler.
    if std::env::args().nth(1).as_deref() == Some("find") {
        return profile(&std::env::args().nth(2).unwrap());
    }
    let detector = patterns();
    let light = Detector::default();
    println!(
        "{:>8} {:14} {:>9} {:>9} {:>9} {:>9} {:>9} {:>7}",
        "bytes", "input", "parse", "find", "both", "+rewrite", "+names", "hits"
    );
    for size in [16 << 10, 1 << 20] {
        for (name, text) in
            [("dense JSON", dense(size)), ("clean JSON", clean(size)), ("prose JSON", prose(size))]
        {
            let bytes = text.as_bytes();
            let limits = Limits::default();
            let parse = rate(bytes, || Tape::parse(bytes, &limits).unwrap().nodes().len());
            let tape = Tape::parse(bytes, &limits).unwrap();
            let part = [Part { node: 0, kind: PartKind::Json, exclude: &[] }];
            let mut findings = Findings::new();
            let find = rate(bytes, || {
                findings.clear();
                detector.find(bytes, &tape, &part, &mut findings).unwrap();
                findings.len()
            });
            let hits = findings.len();
            let both = 1.0 / (1.0 / parse + 1.0 / find);
            let transforms = Transforms::all(Transform::Redact);
            let key = TokenKey([7; 32]);
            let plan = Plan {
                shown: Default::default(),
                transforms: &transforms,
                numbers: Numbers::Keep,
                token_key: &key,
            };
            let write = rate(bytes, || {
                let mut edits = Edits::new();
                detector.rewrite(bytes, &tape, &findings, &plan, &mut edits).unwrap();
                edits.apply(bytes).unwrap().len()
            });
            let all = 1.0 / (1.0 / both + 1.0 / write);
            let names = rate(bytes, || {
                findings.clear();
                light.find(bytes, &tape, &part, &mut findings).unwrap();
                findings.len()
            });
            println!(
                "{size:>8} {name:14} {parse:>9.0} {find:>9.0} {both:>9.0} {all:>9.0} {names:>9.0} {hits:>7}"
            );
        }
        let text = prose_text(size);
        let mut findings = Findings::new();
        let find = rate(text.as_bytes(), || {
            findings.clear();
            detector.find_text(&text, &mut findings).unwrap();
            findings.len()
        });
        let hits = findings.len();
        let names = rate(text.as_bytes(), || {
            findings.clear();
            light.find_text(&text, &mut findings).unwrap();
            findings.len()
        });
        println!(
            "{size:>8} {:14} {:>9} {find:>9.0} {:>9} {:>9} {names:>9.0} {hits:>7}",
            "prose text", "", "", ""
        );
    }
}

/// Without the light tier, which reads running text word by word.
fn patterns() -> Detector {
    Detector::new(&DetectorOptions { names: Names::Keys, ..Default::default() })
}

fn profile(input: &str) {
    let text = match input {
        "dense" => dense(1 << 20),
        "clean" => clean(1 << 20),
        _ => prose(1 << 20),
    };
    let light = std::env::args().nth(3).as_deref() == Some("names");
    let detector = if light { Detector::default() } else { patterns() };
    let tape = Tape::parse(text.as_bytes(), &Limits::default()).unwrap();
    let mut findings = Findings::new();
    for _ in 0..if light { 10 } else { 100 } {
        findings.clear();
        let part = [Part { node: 0, kind: PartKind::Json, exclude: &[] }];
        detector.find(text.as_bytes(), &tape, &part, &mut findings).unwrap();
    }
}

/// MB/s, the best of several rounds: the machine may be shared.
fn rate(bytes: &[u8], mut work: impl FnMut() -> usize) -> f64 {
    let mut best = f64::MAX;
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_millis(400) {
        let times = (1 << 18) / bytes.len().max(1) + 1;
        let start = Instant::now();
        for _ in 0..times {
            std::hint::black_box(work());
        }
        best = best.min(start.elapsed().as_secs_f64() / times as f64);
    }
    bytes.len() as f64 / best / 1e6
}

fn fill(size: usize, row: impl Fn(usize) -> String) -> String {
    let mut out = String::from("[");
    let mut n = 0;
    while out.len() < size {
        if n > 0 {
            out.push(',');
        }
        out.push_str(&row(n));
        n += 1;
    }
    out.push(']');
    out
}

fn dense(size: usize) -> String {
    fill(size, |n| {
        format!(
            r#"{{"id":{n},"name":"Erika Mustermann","email":"erika.m{n}@example.org","phone":"+49 30 {:07}","iban":"DE89 3704 0044 0532 0130 00","card":"4111 1111 1111 1111","ip":"10.1.{}.{}","note":"Customer called on 2026-03-{:02} about invoice {n}, reachable at erika.m{n}@example.org","ssn":"123-45-{:04}","city":"Berlin","status":"active"}}"#,
            1_000_000 + n % 8_999_999,
            n % 256,
            n * 7 % 256,
            n % 28 + 1,
            n % 9000 + 1000
        )
    })
}

fn clean(size: usize) -> String {
    fill(size, |n| {
        format!(
            r#"{{"sku":"A-{n}","title":"Steel water bottle, double wall","description":"Keeps drinks cold for a day and hot for half of one. Dishwasher safe, with a lid that does not leak.","price":{}.95,"stock":{},"tags":["kitchen","outdoor","steel"],"active":true,"created":"2026-02-{:02}T10:00:00Z"}}"#,
            n % 90 + 9,
            n % 400,
            n % 28 + 1
        )
    })
}

fn prose_text(size: usize) -> String {
    let line = "The river rose during the night and by morning the lower fields were under water, so the children stayed home and read. In 1994 the dam had held; nobody expected it to fail now, 32 years later.\n";
    line.repeat(size / line.len() + 1)
}

fn prose(size: usize) -> String {
    serde_json::to_string(&serde_json::json!({"content": [{"type": "text", "text": prose_text(size)}]}))
        .unwrap()
}
