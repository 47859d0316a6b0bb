//! Exports are whole documents, each record is in them, and a package that has them verifies.

use serde_json::Value;

use super::super::tests::make::{Map, facts, faults, pack, produce_with, resign};
use super::names;

/// A package with every export.
fn files() -> Map {
    let mut files = pack(3).files();
    produce_with(&mut files, 0, 13, names().iter().map(|n| (*n).to_owned()).collect());
    files
}

fn text(files: &Map, name: &str) -> String {
    String::from_utf8(files.0[name].clone()).unwrap()
}

#[test]
fn a_package_with_exports_holds() {
    let files = files();
    assert_eq!(faults(&files), [""; 0]);
    let mut changed = files.clone();
    changed.0.get_mut("exports/ocsf.jsonl").unwrap()[5] ^= 1;
    assert_eq!(faults(&changed), ["file-altered"]);
    let stated = facts(&changed);
    resign(&mut changed, stated);
    assert_eq!(faults(&changed), ["report-differs"]);
}

#[test]
fn each_record_is_in_each_stream() {
    let files = files();
    for name in ["exports/records.jsonl", "exports/ecs.jsonl"] {
        let text = text(&files, name);
        let lines: Vec<Value> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        assert_eq!(lines.len(), 13, "{name}");
    }
    assert_eq!(text(&files, "exports/cef.log").lines().count(), 13);
    let ocsf = text(&files, "exports/ocsf.jsonl");
    let ocsf: Vec<Value> = ocsf.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(ocsf.iter().filter(|e| e["class_uid"] == 6003).count(), 13);
    assert_eq!(ocsf.iter().filter(|e| e["class_uid"] == 2006).count(), 6);
    let otlp: Value = serde_json::from_str(&text(&files, "exports/otlp.json")).unwrap();
    let records = &otlp["resourceLogs"][0]["scopeLogs"][0]["logRecords"];
    assert_eq!(records.as_array().unwrap().len(), 13);
}

#[test]
fn messages_are_in_no_stream_and_in_the_archive_of_their_session() {
    let files = files();
    for (name, bytes) in
        files.0.iter().filter(|(n, _)| n.starts_with("exports/") && !n.starts_with("exports/har"))
    {
        assert!(!String::from_utf8_lossy(bytes).contains("[EMAIL]"), "{name}");
    }
    let har: Vec<&String> = files.0.keys().filter(|n| n.starts_with("exports/har/")).collect();
    assert_eq!(har.len(), 1);
    let har: Value = serde_json::from_slice(&files.0[har[0]]).unwrap();
    let entries = har["log"]["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 3);
    assert!(entries[0]["request"]["postData"]["text"].as_str().unwrap().contains("[EMAIL]"));
}

#[test]
fn every_framework_has_its_two_documents() {
    let files = files();
    let oscal: Vec<&String> = files.0.keys().filter(|n| n.starts_with("exports/oscal/")).collect();
    assert_eq!(oscal.len(), 16, "{oscal:?}");
    for name in oscal {
        let value: Value = serde_json::from_slice(&files.0[name]).unwrap();
        assert_eq!(value.as_object().unwrap().len(), 1, "{name}");
    }
}

#[test]
fn reports_are_in_three_forms_and_say_no_more_than_they_know() {
    let files = files();
    for name in super::super::report::names() {
        for ending in ["json", "csv", "md"] {
            assert!(files.0.contains_key(&format!("reports/{name}.{ending}")), "{name}.{ending}");
        }
        let json: Value = serde_json::from_slice(&files.0[&format!("reports/{name}.json")]).unwrap();
        assert!(json["rows"].is_array(), "{name}");
    }
    let calls: Value = serde_json::from_str(&text(&files, "reports/calls.json")).unwrap();
    assert_eq!(calls["rows"].as_array().unwrap().len(), 3);
    assert_eq!(calls["rows"][0]["tool"], "find");
    let controls = text(&files, "reports/controls.md");
    assert!(controls.contains("evidence for") && controls.contains("gap") && !controls.contains("compliant"));
    let breach = text(&files, "reports/breach.md");
    assert!(breach.contains("TO BE FILLED IN"), "{breach}");
}
