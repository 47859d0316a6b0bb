//! `others CRATE OUT SET...`: asks one crate for the labelled sets, as `ask.py` does with programs in Python.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::{Value, json};

type Find = Box<dyn Fn(&str) -> Vec<(String, usize, usize)>>;

fn main() {
    let mut args = std::env::args().skip(1);
    let (tool, out) = (args.next().unwrap(), PathBuf::from(args.next().unwrap()));
    let find: Find = match tool.as_str() {
        "leakguard" => {
            let guard = leakguard::Redactor::new();
            Box::new(move |t| guard.find(t).iter().map(|m| (m.kind.label().to_owned(), m.start, m.end)).collect())
        }
        "llm-pii-redact" => {
            let redactor = llm_pii_redact::Redactor::default();
            Box::new(move |t| redactor.detect(t).iter().map(|d| (d.kind.clone(), d.start, d.end)).collect())
        }
        #[cfg(feature = "redact-core")]
        "redact-core" => {
            let engine = redact_core::AnalyzerEngine::new();
            Box::new(move |t| {
                let found = engine.analyze(t, None).unwrap().detected_entities;
                found.iter().map(|e| (e.entity_type.as_str().to_owned(), e.start, e.end)).collect()
            })
        }
        other => panic!("no crate {other}"),
    };
    for set in args {
        ask(&tool, Path::new(&set), &out, &find);
    }
}

fn ask(tool: &str, set: &Path, out: &Path, find: &Find) {
    let folder = out.join(set.parent().unwrap().file_name().unwrap());
    fs::create_dir_all(&folder).unwrap();
    let name = set.file_name().unwrap().to_string_lossy().split('.').next().unwrap().to_owned();
    let (mut answers, mut size) = (String::new(), 0);
    let start = Instant::now();
    for line in fs::read_to_string(set).unwrap().lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        let text = row["text"].as_str().unwrap();
        size += text.len();
        let chars = |byte: usize| text[..byte].chars().count();
        let found: Vec<Value> = find(text)
            .into_iter()
            .map(|(kind, s, e)| json!({"type": named(&kind), "start": chars(s), "end": chars(e)}))
            .collect();
        answers.push_str(&format!("{}\n", json!({"id": row["id"], "entities": found})));
    }
    eprintln!("{tool} {}: {:.1} MB/s", set.display(), size as f64 / start.elapsed().as_secs_f64() / 1e6);
    fs::write(folder.join(name).with_extension("jsonl"), answers).unwrap();
}

/// The crates' names for types that the sets name otherwise.
fn named(kind: &str) -> &str {
    match kind {
        "EMAIL" => "EMAIL_ADDRESS",
        "PHONE" | "PHONE_US" => "PHONE_NUMBER",
        "IP_V4" | "IP_V6" | "IPV4" | "IPV6" => "IP_ADDRESS",
        "IBAN" => "IBAN_CODE",
        "MAC" => "MAC_ADDRESS",
        "SSN" => "US_SSN",
        k if k.ends_with("_TOKEN") || k.ends_with("_KEY") || k.ends_with("_STRING") || k == "JWT" || k == "GENERIC_SECRET" => "SECRET",
        k => k,
    }
}
