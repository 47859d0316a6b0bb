//! Running other programs, and saying in one line what failed.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};

/// A command in a folder, with its arguments.
pub(crate) fn command<A: AsRef<OsStr>>(program: impl AsRef<OsStr>, dir: &Path, args: &[A]) -> Command {
    let mut command = Command::new(program);
    command.current_dir(dir).args(args);
    command
}

/// The cargo that started this program.
pub(crate) fn cargo(root: &Path, args: &[&str]) -> Command {
    command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()), root, args)
}

/// Runs with the output shown.
pub(crate) fn show(what: &str, mut command: Command) -> Result<()> {
    eprintln!("xtask: {what}");
    let start = Instant::now();
    let status = command.stdin(Stdio::null()).status().with_context(|| format!("{what}: cannot start"))?;
    if !status.success() {
        bail!("{what}: {status}");
    }
    eprintln!("xtask: {what}: done in {} s", start.elapsed().as_secs());
    Ok(())
}

/// Runs with the output kept; shows its last lines when it fails.
pub(crate) fn quiet(what: &str, mut command: Command) -> Result<()> {
    eprintln!("xtask: {what}");
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("{what}: cannot start"))?;
    if !output.status.success() {
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        let tail = lines.get(lines.len().saturating_sub(15)..).unwrap_or_default().join("\n");
        bail!("{what}: {}\n{tail}", output.status);
    }
    Ok(())
}

/// Where a program is, looked up as the shell would.
pub(crate) fn which(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(program)).find(|file| file.is_file())
}
