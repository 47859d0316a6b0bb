//! Speed of detection on one core: MB/s of CPU time, for JSON and text with and without something to find.
//!
//! `cargo run --release -p carnet-masking --example speed` prints the table. `speed FILE.jsonl...` measures labelled sets
//! (`bench/quality/sets`), `speed find INPUT [names]` repeats one input for a profiler, and `speed show FILE.jsonl...` prints
//! what is found and where, so that two versions can be compared.
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::indexing_slicing)]

use std::time::{Duration, Instant};

use carnet_json::{Edits, Limits, Tape};
use carnet_masking::{
    Detector, DetectorOptions, Findings, Names, Numbers, Part, PartKind, Plan, TokenKey, Transform,
    Transforms,
};

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        [] => table(),
        ["find", input, rest @ ..] => profile(input, rest.first() == Some(&"names")),
        ["show", files @ ..] => files.iter().for_each(|f| show(f)),
        files => sets(files),
    }
}

fn table() {
    println!(
        "{:>8} {:14} {:>7} {:>7} {:>7} {:>8} {:>7} {:>10} {:>7}",
        "bytes", "input", "parse", "find", "both", "+rewrite", "names", "both+names", "hits"
    );
    for size in [16 << 10, 1 << 20] {
        for name in ["dense", "varied", "clean", "prose", "people"] {
            row(size, name, &input(name, size));
        }
        text(size, &prose_text(size));
    }
}

/// One line of the table for a JSON document.
fn row(size: usize, name: &str, text: &str) {
    let (detector, light) = (patterns(), Detector::default());
    let bytes = text.as_bytes();
    let limits = Limits::default();
    let parse = rate(bytes.len(), || Tape::parse(bytes, &limits).unwrap().nodes().len());
    let tape = Tape::parse(bytes, &limits).unwrap();
    let part = [Part { node: 0, kind: PartKind::Json, exclude: &[] }];
    let mut findings = Findings::new();
    let find = rate(bytes.len(), || {
        findings.clear();
        detector.find(bytes, &tape, &part, &mut findings).unwrap();
        findings.len()
    });
    let hits = findings.len();
    let transforms = Transforms::all(Transform::Redact);
    let key = TokenKey([7; 32]);
    let plan =
        Plan { shown: Default::default(), transforms: &transforms, numbers: Numbers::Keep, token_key: &key };
    let write = rate(bytes.len(), || {
        let mut edits = Edits::new();
        detector.rewrite(bytes, &tape, &findings, &plan, &mut edits).unwrap();
        edits.apply(bytes).unwrap().len()
    });
    let names = rate(bytes.len(), || {
        findings.clear();
        light.find(bytes, &tape, &part, &mut findings).unwrap();
        findings.len()
    });
    println!(
        "{size:>8} {name:14} {parse:>7.0} {find:>7.0} {:>7.0} {:>8.0} {names:>7.0} {:>10.0} {hits:>7}",
        along(&[parse, find]),
        along(&[parse, find, write]),
        along(&[parse, names]),
    );
}

/// One line of the table for running text.
fn text(size: usize, text: &str) {
    let (detector, light) = (patterns(), Detector::default());
    let mut findings = Findings::new();
    let mut run = |detector: &Detector| {
        rate(text.len(), || {
            findings.clear();
            detector.find_text(text, &mut findings).unwrap();
            findings.len()
        })
    };
    let (find, names) = (run(&detector), run(&light));
    let hits = findings.len();
    println!(
        "{size:>8} {:14} {:>7} {find:>7.0} {:>7} {:>8} {names:>7.0} {:>10} {hits:>7}",
        "text", "", "", "", ""
    );
}

/// The rate of several steps one after the other.
fn along(rates: &[f64]) -> f64 {
    1.0 / rates.iter().map(|r| 1.0 / r).sum::<f64>()
}

/// Texts of a labelled set.
fn texts(file: &str) -> Vec<String> {
    let lines = std::fs::read_to_string(file).unwrap();
    lines
        .lines()
        .map(|l| serde_json::from_str::<serde_json::Value>(l).unwrap())
        .map(|v| v["text"].as_str().unwrap().to_owned())
        .collect()
}

/// Rates for labelled sets.
fn sets(files: &[&str]) {
    println!("{:>8} {:34} {:>7} {:>7}", "bytes", "set", "find", "names");
    for file in files {
        let texts = texts(file);
        let json = file.contains(".json.");
        let bytes: usize = texts.iter().map(String::len).sum();
        let run =
            |detector: &Detector| rate(bytes, || texts.iter().map(|t| find(detector, t, json).len()).sum());
        let name = file.rsplit('/').take(2).collect::<Vec<_>>();
        let name = name.into_iter().rev().collect::<Vec<_>>().join("/");
        println!("{bytes:>8} {name:34} {:>7.1} {:>7.1}", run(&patterns()), run(&Detector::default()));
    }
}

fn find(detector: &Detector, text: &str, json: bool) -> Findings {
    let mut findings = Findings::new();
    if json {
        let tape = Tape::parse(text.as_bytes(), &Limits::default()).unwrap();
        let part = [Part { node: 0, kind: PartKind::Json, exclude: &[] }];
        let _ = detector.find(text.as_bytes(), &tape, &part, &mut findings);
    } else {
        let _ = detector.find_text(text, &mut findings);
    }
    findings
}

/// Types and places of what is found.
fn show(file: &str) {
    let detector = Detector::default();
    for (n, text) in texts(file).iter().enumerate() {
        for f in find(&detector, text, file.contains(".json.")).resolved() {
            println!("{file} {n} {} {} {} {} {}", f.span.start, f.span.end, f.kind, f.rule, f.score);
        }
    }
}

/// Without the light tier, which reads running text word by word.
fn patterns() -> Detector {
    Detector::new(&DetectorOptions { names: Names::Keys, ..Default::default() })
}

fn profile(name: &str, light: bool) {
    let text = input(name, 1 << 20);
    let detector = if light { Detector::default() } else { patterns() };
    let tape = Tape::parse(text.as_bytes(), &Limits::default()).unwrap();
    let mut findings = Findings::new();
    let begin = cpu();
    let mut times = 0;
    while cpu() - begin < Duration::from_secs(3) {
        times += 1;
        findings.clear();
        let part = [Part { node: 0, kind: PartKind::Json, exclude: &[] }];
        detector.find(text.as_bytes(), &tape, &part, &mut findings).unwrap();
    }
    println!("{times} times, {:.1} MB/s", (text.len() * times) as f64 / (cpu() - begin).as_secs_f64() / 1e6);
}

/// CPU time of this thread, where the system tells it.
fn cpu() -> Duration {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    let start = START.get_or_init(Instant::now);
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanos = told.and_then(|t| t.split(' ').next()?.parse().ok());
    nanos.map_or_else(|| start.elapsed(), Duration::from_nanos)
}

/// MB/s of CPU time, the best of several rounds: other work on the machine empties the caches.
fn rate(bytes: usize, mut work: impl FnMut() -> usize) -> f64 {
    let mut best = f64::MAX;
    for _ in 0..4 {
        let (start, mut times) = (cpu(), 0);
        let spent = loop {
            let begin = Instant::now();
            while begin.elapsed() < Duration::from_millis(60) {
                std::hint::black_box(work());
                times += 1;
            }
            let spent = cpu() - start;
            if spent > Duration::from_millis(50) {
                break spent;
            }
        };
        best = best.min(spent.as_secs_f64() / f64::from(times));
    }
    bytes as f64 / best / 1e6
}

fn input(name: &str, size: usize) -> String {
    match name {
        "dense" => fill(size, dense),
        "varied" => fill(size, varied),
        "clean" => fill(size, clean),
        "people" => fill(size, people),
        _ => prose(size),
    }
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

/// One value to hide for each forty bytes.
fn dense(n: usize) -> String {
    format!(
        r#"{{"id":{n},"name":"Erika Mustermann","email":"erika.m{n}@example.org","phone":"+49 30 {:07}","iban":"DE89 3704 0044 0532 0130 00","card":"4111 1111 1111 1111","ip":"10.1.{}.{}","note":"Customer called on 2026-03-{:02} about invoice {n}, reachable at erika.m{n}@example.org","ssn":"123-45-{:04}","city":"Berlin","status":"active"}}"#,
        1_000_000 + n % 8_999_999,
        n % 256,
        n * 7 % 256,
        n % 28 + 1,
        n % 9000 + 1000
    )
}

/// The same number of values, of which none comes again, and words in an order of their own.
fn varied(n: usize) -> String {
    let mut state = n as u64 ^ 0x5EED;
    let mut next = move |most: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % most
    };
    let syllables = ["ma", "ri", "so", "len", "ka", "tor", "vi", "ne", "bel", "dor", "ha", "mi"];
    let mut word = |parts: usize| (0..parts).map(|_| syllables[next(12) as usize]).collect::<String>();
    let capital = |word: String| word[..1].to_uppercase() + &word[1..];
    let (first, last, town) = (word(2), word(4), word(3));
    let note: Vec<String> = (0..12).map(|i| word(1 + i % 3)).collect();
    let mut digits = |n: usize| (0..n).map(|_| char::from(b'0' + next(10) as u8)).collect::<String>();
    let (phone, account, half) = (digits(7), digits(18), digits(14));
    let rest = format!("{account}131400").bytes().fold(0, |r, b| (r * 10 + u32::from(b - b'0')) % 97);
    let luhn = |(i, b): (usize, u8)| match u32::from(b - b'0') * (2 - i as u32 % 2) {
        n if n > 9 => n - 9,
        n => n,
    };
    let check = (10 - format!("4{half}").bytes().rev().enumerate().map(luhn).sum::<u32>() % 10) % 10;
    format!(
        r#"{{"id":{n},"name":"{} {}","email":"{first}.{last}{n}@example.org","phone":"+49 30 {phone}","iban":"DE{:02}{account}","card":"4{half}{check}","city":"{}","note":"{}","status":"active"}}"#,
        capital(first.clone()),
        capital(last.clone()),
        98 - rest,
        capital(town),
        note.join(" "),
    )
}

/// Nothing to hide.
fn clean(n: usize) -> String {
    format!(
        r#"{{"sku":"A-{n}","title":"Steel water bottle, double wall","description":"Keeps drinks cold for a day and hot for half of one. Dishwasher safe, with a lid that does not leak.","price":{}.95,"stock":{},"tags":["kitchen","outdoor","steel"],"active":true,"created":"2026-02-{:02}T10:00:00Z"}}"#,
        n % 90 + 9,
        n % 400,
        n % 28 + 1
    )
}

/// Notes with names, which only the light tier finds.
fn people(n: usize) -> String {
    let names = ["Maria Schmidt", "John Carter", "Anna Kowalska", "Pierre Durand", "Sofia Rossi"];
    let towns = ["Hamburg", "Chicago", "Warsaw", "Lyon", "Turin"];
    format!(
        r#"{{"ticket":{n},"summary":"Refund for a broken lamp","body":"{} wrote from {} that the lamp arrived broken. We sent a new one on Monday and {} said that it works. The courier was told to ring twice, because the bell is quiet and the yard is large."}}"#,
        names[n % 5],
        towns[n / 5 % 5],
        names[(n + 2) % 5].split(' ').next().unwrap()
    )
}

fn prose_text(size: usize) -> String {
    let line = "The river rose during the night and by morning the lower fields were under water, so the children stayed home and read. In 1994 the dam had held; nobody expected it to fail now, 32 years later.\n";
    line.repeat(size / line.len() + 1)
}

fn prose(size: usize) -> String {
    serde_json::to_string(&serde_json::json!({"content": [{"type": "text", "text": prose_text(size)}]}))
        .unwrap()
}
