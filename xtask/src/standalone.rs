//! `cargo xtask static`: the auditor's program as one file that needs nothing of the system it runs on, and the proof that it does not:
//! it verifies a golden package in an empty folder as its root, without a network.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::shell::{cargo, show, which};

const MUSL: &str = "x86_64-unknown-linux-musl";
const GLIBC: &str = "x86_64-unknown-linux-gnu";

/// Builds it, tries it, and says where it is.
pub(crate) fn run(root: &Path) -> Result<()> {
    let target = target();
    let mut build = cargo(root, &["build", "--release", "-p", "carnet-verify", "--target", target]);
    build.env("RUSTFLAGS", "-C target-feature=+crt-static -C relocation-model=static");
    show(&format!("build carnet-verify for {target}"), build)?;
    let folder = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let program = folder.join(target).join("release/carnet-verify");
    let bytes = std::fs::read(&program).with_context(|| program.display().to_string())?;
    let asks = interpreter(&bytes).with_context(|| format!("{} is no program", program.display()))?;
    ensure!(!asks, "{} asks for a loader: it is not static", program.display());
    alone(root, &folder.join("tmp/static"), &program)?;
    eprintln!("xtask: {} ({} KiB)", program.display(), bytes.len() >> 10);
    Ok(())
}

/// musl where rustup has it and there is a compiler for the C parts; else glibc, linked statically: the program opens files
/// and nothing else, so nothing of glibc that must be loaded is missed.
fn target() -> &'static str {
    let installed = Command::new("rustup").args(["target", "list", "--installed"]).output();
    let installed =
        installed.map(|run| String::from_utf8_lossy(&run.stdout).into_owned()).unwrap_or_default();
    let musl = installed.lines().any(|line| line == MUSL) && which("musl-gcc").is_some();
    if musl { MUSL } else { GLIBC }
}

/// Whether a 64-bit ELF file asks for a loader (a program header `PT_INTERP`). `None` where it is no such file.
fn interpreter(elf: &[u8]) -> Option<bool> {
    const INTERP: u32 = 3;
    if !elf.starts_with(b"\x7fELF\x02\x01") {
        return None;
    }
    let u16_at = |at: usize| Some(usize::from(u16::from_le_bytes(elf.get(at..at + 2)?.try_into().ok()?)));
    let start = usize::try_from(u64::from_le_bytes(elf.get(32..40)?.try_into().ok()?)).ok()?;
    let (size, count) = (u16_at(54)?, u16_at(56)?);
    for n in 0..count {
        let at = start.checked_add(n.checked_mul(size)?)?;
        let kind = u32::from_le_bytes(elf.get(at..at.checked_add(4)?)?.try_into().ok()?);
        if kind == INTERP {
            return Some(true);
        }
    }
    Some(false)
}

/// Runs it with a folder as its root that holds itself, a package and a key, in a network of nothing. Then with one byte changed.
fn alone(root: &Path, folder: &Path, program: &Path) -> Result<()> {
    let golden = root.join("crates/verify/testdata/carnet-1");
    let _ = std::fs::remove_dir_all(folder);
    std::fs::create_dir_all(folder)?;
    std::fs::copy(program, folder.join("carnet-verify"))?;
    let mut package = std::fs::read(golden.join("demo.carnet"))?;
    std::fs::write(folder.join("package.carnet"), &package)?;
    std::fs::copy(golden.join("demo.vkey"), folder.join("trust"))?;
    let middle = package.len() / 2;
    *package.get_mut(middle).context("an empty package")? ^= 1;
    std::fs::write(folder.join("changed.carnet"), &package)?;
    for (name, want) in [("package.carnet", 0), ("changed.carnet", 1)] {
        let mut run = Command::new("unshare");
        run.args(["--map-root-user", "--net", "chroot"]).arg(folder);
        run.args(["/carnet-verify", &format!("/{name}"), "--trust", "/trust"]);
        let output = run.output().context("unshare (util-linux)")?;
        if output.status.code() != Some(want) {
            let said = [output.stdout, output.stderr].concat();
            bail!("alone with {name}: {}, not {want}\n{}", output.status, String::from_utf8_lossy(&said));
        }
        eprintln!("xtask: alone in an empty root without a network, {name}: status {want}, as it should be");
    }
    Ok(std::fs::remove_dir_all(folder)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loader_is_seen() {
        let program = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert_eq!(interpreter(&program), Some(true));
        assert_eq!(interpreter(b"#!/bin/sh\n"), None);
        assert_eq!(interpreter(&program[..40]), None);
    }
}
