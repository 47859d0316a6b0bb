//! The reader of configurations, seen from outside: what mistakes look like, what may not happen at all, and
//! that every example can be used.

mod docs;
mod examples;
mod front;
mod mistakes;
mod policy_cases;
mod properties;
mod reporting;
mod resolved;
mod rules;

use std::collections::BTreeMap;
use std::path::Path;

use crate::{Diagnostic, Loaded, LoadedFront, Source, load, load_front};

/// 2026-11-21T00:00:00Z.
const NOW: u64 = 1_795_219_200;

fn environment() -> BTreeMap<String, String> {
    ["CRM_TOKEN", "FILES_TOKEN"].map(|n| (n.to_owned(), "x".to_owned())).into()
}

fn read(text: &str) -> Result<Loaded, Vec<Diagnostic>> {
    let (environment, folder) = (environment(), Path::new("/etc/carnet"));
    load(Source { file: "carnet.yaml", text, folder, environment: &environment, now: NOW })
}

fn read_front(text: &str) -> Result<LoadedFront, Vec<Diagnostic>> {
    let (environment, folder) = (environment(), Path::new("/etc/carnet"));
    load_front(Source { file: "front.yaml", text, folder, environment: &environment, now: NOW })
}
