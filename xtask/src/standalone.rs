//! `cargo xtask static`: the auditor's program as one file that needs nothing of the system it runs on.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::shell::{cargo, show, which};

/// Builds it and says where it is.
pub(crate) fn run(root: &Path) -> Result<()> {
    let target = target();
    let mut build = cargo(root, &["build", "--release", "-p", "carnet-verify", "--target", target]);
    build.env("RUSTFLAGS", "-C target-feature=+crt-static -C relocation-model=static");
    show(&format!("build carnet-verify for {target}"), build)?;
    let folder = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let program = folder.join(target).join("release/carnet-verify");
    let bytes = std::fs::read(&program).with_context(|| program.display().to_string())?;
    // The name of a loader is in every program that needs one.
    if [&b"/ld-linux"[..], b"/ld-musl"].iter().any(|name| bytes.windows(name.len()).any(|w| w == *name)) {
        bail!("{} asks for a loader: it is not static", program.display());
    }
    eprintln!("xtask: {} ({} KiB)", program.display(), bytes.len() >> 10);
    Ok(())
}

/// musl where rustup has it and there is a compiler for the C parts; else glibc, linked statically: the program opens files
/// and nothing else, so nothing of glibc that must be loaded is missed.
fn target() -> &'static str {
    let installed = Command::new("rustup").args(["target", "list", "--installed"]).output();
    let installed =
        installed.map(|run| String::from_utf8_lossy(&run.stdout).into_owned()).unwrap_or_default();
    let musl = "x86_64-unknown-linux-musl";
    if installed.lines().any(|line| line == musl) && which("musl-gcc").is_some() {
        return musl;
    }
    "x86_64-unknown-linux-gnu"
}
