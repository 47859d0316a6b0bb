//! The pages stay true of the format: every key is described, every snippet loads, every link leads somewhere.

use std::path::{Path, PathBuf};

use crate::{format, parse_policy_tests, render};

use super::examples::keys;
use super::read;

/// README and pages, with their text.
fn pages() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let top = ["README.md", "ARCHITECTURE.md", "SECURITY.md", "CHANGELOG.md"].map(|n| root.join(n));
    let docs = std::fs::read_dir(root.join("docs")).unwrap().map(|e| e.unwrap().path());
    let all = top.into_iter().chain(docs.filter(|p| p.extension().is_some_and(|e| e == "md")));
    all.map(|p| (p.clone(), std::fs::read_to_string(&p).unwrap())).collect()
}

/// The fenced blocks of a language.
fn blocks<'a>(text: &'a str, language: &str) -> Vec<&'a str> {
    let open = format!("```{language}\n");
    text.split(&open).skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

#[test]
fn the_page_describes_every_key() {
    let page = include_str!("../../../../docs/configuration.md");
    let mut all = Vec::new();
    keys(&format::FILE, &mut all);
    let missing: Vec<_> = all.into_iter().filter(|k| !page.contains(&format!("`{k}`"))).collect();
    assert!(missing.is_empty(), "{missing:?}");
    let page = include_str!("../../../../docs/cells.md");
    let mut all: Vec<_> = crate::front::FRONT.keys.iter().map(|k| k.name).collect();
    // The rest is as in a gateway's own file.
    all.retain(|k| !["version", "telemetry", "admin", "limits", "identity"].contains(k));
    all.extend(["certificate", "region", "servers", "address", "tls", "client_ca"]);
    let missing: Vec<_> = all.into_iter().filter(|k| !page.contains(&format!("`{k}`"))).collect();
    assert!(missing.is_empty(), "{missing:?}");
    let page = include_str!("../../../../docs/configuration.md");
    for word in
        format::identity::ALGORITHMS.iter().chain(format::masking::TRANSFORMS).chain(format::identity::KINDS)
    {
        assert!(page.contains(&format!("`{word}`")), "{word}");
    }
}

#[test]
fn every_snippet_loads() {
    let mut configurations = 0;
    for (path, text) in pages() {
        for block in blocks(&text, "yaml") {
            let problems = if block.starts_with("version:") {
                configurations += 1;
                if block.contains("\ntunnel:") { super::read_front(block).err() } else { read(block).err() }
            } else {
                parse_policy_tests("tests.yaml", block).err()
            };
            assert!(problems.is_none(), "{}\n{}", path.display(), render(&problems.unwrap_or_default()));
        }
        for block in blocks(&text, "json") {
            assert!(serde_json::from_str::<serde_json::Value>(block).is_ok(), "{}\n{block}", path.display());
        }
    }
    assert!(configurations >= 6);
}

/// What stands between backquotes.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|l| !l.starts_with("```")).flat_map(|l| l.split('`').skip(1).step_by(2))
}

#[test]
fn every_file_that_is_named_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for (page, text) in pages() {
        let files = quoted(&text)
            .filter(|w| ["crates/", "tests/", "docs/", "examples/"].iter().any(|p| w.starts_with(p)));
        for file in files.filter(|w| !w.contains(' ')) {
            assert!(root.join(file).exists(), "{}: {file}", page.display());
        }
    }
}

#[test]
fn every_test_that_holds_an_invariant_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let page = std::fs::read_to_string(root.join("ARCHITECTURE.md")).unwrap();
    let table =
        page.split("## Invariants, and what holds each").nth(1).unwrap().split("\n## ").next().unwrap();
    let mut sources = String::new();
    let mut open = vec![root.join("crates"), root.join("tests")];
    while let Some(folder) = open.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()) {
            match path.extension() {
                None if path.is_dir() => open.push(path),
                Some(e) if e == "rs" => sources.push_str(&std::fs::read_to_string(path).unwrap()),
                _ => {}
            }
        }
    }
    let names: Vec<_> = quoted(table)
        .filter(|w| w.matches('_').count() > 2 && w.bytes().all(|b| b == b'_' || b.is_ascii_alphanumeric()))
        .collect();
    assert!(names.len() > 10);
    for name in names {
        assert!(sources.contains(&format!("fn {name}(")), "there is no test {name}");
    }
}

#[test]
fn every_link_leads_to_a_file() {
    for (path, text) in pages() {
        let folder = path.parent().unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = link.split('#').next().unwrap_or_default();
            let local = !file.is_empty() && !link.starts_with("http");
            assert!(!local || folder.join(file).exists(), "{}: {link}", path.display());
        }
    }
}
