//! `cargo xtask ci`: what must hold before a change is taken. The steps run in the order of what is cheapest to find
//! out; each prints how long it took.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::shell::{cargo, command, quiet, show, which};
use crate::{score, test};

/// How long each fuzz target runs, in seconds.
const FUZZ_SECONDS: u32 = 20;

/// Pinned tools that CI installs for itself.
const CARGO_DENY: (&str, &str) = ("cargo-deny", "0.20.2");
const CARGO_FUZZ: (&str, &str) = ("cargo-fuzz", "0.13.2");

type Step = (&'static str, fn(&Path) -> Result<()>);

const STEPS: &[Step] = &[
    ("format", format),
    ("clippy", clippy),
    ("deny", deny),
    ("test", |root| test::run(root, &test::Options::default())),
    ("examples", examples),
    ("score", |root| score::run(root, &score::Options::checked())),
    ("fuzz", fuzz),
];

pub(crate) fn run(root: &Path, named: &[String]) -> Result<()> {
    if let Some(unknown) = named.iter().find(|n| STEPS.iter().all(|(name, _)| name != n)) {
        bail!("`ci` has no step `{unknown}`");
    }
    for (name, step) in STEPS {
        if named.is_empty() || named.iter().any(|n| n == name) {
            step(root).with_context(|| format!("step {name}"))?;
        }
    }
    eprintln!("xtask: all steps passed");
    Ok(())
}

fn format(root: &Path) -> Result<()> {
    show("format", cargo(root, &["fmt", "--all", "--check"]))
}

fn clippy(root: &Path) -> Result<()> {
    show(
        "clippy",
        cargo(root, &["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"]),
    )
}

/// Bans, licences and sources. Advisories need a database from the network and are not CI's to decide.
fn deny(root: &Path) -> Result<()> {
    let deny = tool(root, CARGO_DENY, &[])?;
    for args in [["check", "bans"], ["check", "licenses"], ["check", "sources"]] {
        let mut check = command(&deny, root, &["--offline", "--workspace", "--all-features"]);
        check.args(args);
        show(&format!("cargo deny {}", args.join(" ")), check)?;
    }
    Ok(())
}

/// Every example is a configuration that the gateway would start with, and the tour of the README ends well.
fn examples(root: &Path) -> Result<()> {
    // As the tests build it: a package alone has other features, and most would be compiled again.
    show("build", cargo(root, &["build", "--quiet", "--workspace", "--all-targets"]))?;
    let carnet = test::binary(root, "carnet")?;
    for file in files(&root.join("examples"), "yaml")? {
        let name = file.display().to_string();
        quiet(&format!("carnet check {name}"), command(&carnet, root, &["check", "--config", &name]))?;
    }
    // The ready-made sets of policies, each with the cases that it comes with.
    for entry in fs::read_dir(root.join("policies")).context("read policies")? {
        let file = entry?.path().join("carnet.yaml");
        if file.is_file() {
            let name = file.display().to_string();
            quiet(&format!("carnet check {name}"), command(&carnet, root, &["check", "--config", &name]))?;
            let test = ["policy", "test", "--config", &name];
            quiet(&format!("carnet policy test {name}"), command(&carnet, root, &test))?;
        }
    }
    quiet("carnet demo --once", command(&carnet, root, &["demo", "--once"]))?;
    Ok(())
}

/// Each target runs for a bounded time from its committed corpus. New finds go under `target`, never into the tree.
fn fuzz(root: &Path) -> Result<()> {
    let dir = root.join("fuzz");
    let fuzz = tool(root, CARGO_FUZZ, &[])?;
    let host = ["--sanitizer", "none", "--fuzz-dir", "fuzz"];
    let mut build = command(&fuzz, root, &["build"]);
    build.args(host).env("RUSTC_BOOTSTRAP", "1");
    show("build the fuzz targets", build)?;
    for target in files(&dir.join("fuzz_targets"), "rs")? {
        let name = target.file_stem().context("a fuzz target's name")?.to_string_lossy().into_owned();
        let finds = root.join("target/fuzz-finds").join(&name);
        fs::create_dir_all(&finds)?;
        let mut run = command(&fuzz, root, &["run"]);
        run.args(host).arg(&name).arg(&finds).env("RUSTC_BOOTSTRAP", "1");
        let corpus = dir.join("corpus").join(&name);
        if corpus.is_dir() {
            run.arg(&corpus);
        }
        run.arg("--")
            .arg(format!("-max_total_time={FUZZ_SECONDS}"))
            // The same walk each time: CI repeats what was tried, longer hunts are for people.
            .arg("-seed=1")
            .arg("-rss_limit_mb=2048")
            .arg("-timeout=10");
        quiet(&format!("fuzz {name} for {FUZZ_SECONDS} s"), run)?;
    }
    Ok(())
}

/// Files of a folder with this ending, sorted.
fn files(dir: &Path, ending: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).with_context(|| format!("read {}", dir.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == ending) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// An installed cargo tool, or one built once into CI's own cache (`CARNET_CACHE`).
fn tool(root: &Path, (name, version): (&str, &str), extra: &[&str]) -> Result<PathBuf> {
    if let Some(found) = which(name) {
        return Ok(found);
    }
    let cache = match std::env::var_os("CARNET_CACHE") {
        Some(dir) => PathBuf::from(dir),
        None => PathBuf::from(std::env::var_os("HOME").context("HOME is not set")?).join(".cache/carnet-ci"),
    };
    let place = cache.join(format!("{name}-{version}"));
    let file = place.join("bin").join(name);
    if !file.is_file() {
        let mut install = cargo(root, &["install", "--quiet", "--locked", "--root"]);
        install.arg(&place).arg("--version").arg(version).arg(name).args(extra);
        show(&format!("install {name} {version} (once)"), install)?;
    }
    Ok(file)
}
