//! Installs the real clients, servers and suites that the end-to-end tests drive. Every one has a folder of its own,
//! because their dependencies contradict each other, and is pinned by a lock file under `tests/peers`. A folder whose
//! lock has not changed is left alone.
//!
//! Everything goes under `target/peers`, or where `CARNET_PEERS` says.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::shell::{command, quiet, which};

/// What may be left out.
#[derive(Default)]
pub(crate) struct Wanted {
    /// Do not ask for PostgreSQL.
    pub(crate) without_postgres: bool,
    /// Do not ask for Chromium.
    pub(crate) without_browser: bool,
}

/// Installs what is missing and returns the folder.
pub(crate) fn install(root: &Path, wanted: &Wanted) -> Result<PathBuf> {
    let peers = folder(root)?;
    npm(root, &peers)?;
    python(root, &peers)?;
    debian();
    if let Err(error) = go(root, &peers) {
        eprintln!("xtask: no check by Go's sumdb: {error:#}");
    }
    if !wanted.without_postgres {
        postgres()?;
    }
    if !wanted.without_browser {
        chromium()?;
    }
    Ok(peers)
}

fn folder(root: &Path) -> Result<PathBuf> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let folder = std::env::var_os("CARNET_PEERS").map_or_else(|| target.join("peers"), PathBuf::from);
    fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
    folder.canonicalize().with_context(|| format!("find {}", folder.display()))
}

/// The names of what lies in a folder, sorted.
fn names(dir: &Path) -> Result<Vec<String>> {
    let entries = fs::read_dir(dir).with_context(|| format!("read {}", dir.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// True if `stamp` was written for exactly this lock.
fn fresh(stamp: &Path, lock: &[u8]) -> bool {
    fs::read(stamp).is_ok_and(|was| was == lock)
}

fn npm(root: &Path, peers: &Path) -> Result<()> {
    let from = root.join("tests/peers/npm");
    for name in names(&from)? {
        let (source, dir) = (from.join(&name), peers.join("npm").join(&name));
        let lock =
            fs::read(source.join("package-lock.json")).with_context(|| format!("the lock of npm/{name}"))?;
        let stamp = dir.join(".installed");
        if fresh(&stamp, &lock) {
            continue;
        }
        let Some(npm) = which("npm") else {
            bail!(
                "npm is not there: install Node.js 18 or newer (the tests bring their own Node 22 with it)"
            );
        };
        fs::create_dir_all(&dir)?;
        for file in ["package.json", "package-lock.json", ".npmrc"] {
            fs::copy(source.join(file), dir.join(file)).with_context(|| format!("copy npm/{name}/{file}"))?;
        }
        let args = ["ci", "--no-audit", "--no-fund", "--prefer-offline"];
        quiet(&format!("install npm/{name}"), command(npm, &dir, &args))?;
        fs::write(&stamp, &lock)?;
    }
    let node = peers.join("npm/node/node_modules/node/bin/node");
    if !node.is_file() {
        bail!("{} is not there although npm installed it", node.display());
    }
    Ok(())
}

fn python(root: &Path, peers: &Path) -> Result<()> {
    let from = root.join("tests/peers/py");
    for file in names(&from)? {
        let Some(name) = file.strip_suffix(".txt") else { continue };
        let lock = fs::read(from.join(&file))?;
        let dir = peers.join("py").join(name);
        let stamp = dir.join(".installed");
        if fresh(&stamp, &lock) {
            continue;
        }
        let python = interpreter()?;
        fs::create_dir_all(&dir)?;
        let place = dir.display().to_string();
        let args = ["-m", "venv", "--clear", &place];
        quiet(&format!("make the Python environment {name}"), command(python, root, &args))
            .context("Python's venv module is needed (Debian: python3-venv)")?;
        let requirements = from.join(&file).display().to_string();
        let args = ["-m", "pip", "install", "-q", "--disable-pip-version-check", "-r", &requirements];
        quiet(&format!("install py/{name}"), command(dir.join("bin/python"), root, &args))?;
        fs::write(&stamp, &lock)?;
    }
    Ok(())
}

/// A Python of 3.10 or newer, which the SDKs need.
fn interpreter() -> Result<PathBuf> {
    let test = "import sys; sys.exit(sys.version_info < (3, 10))";
    for name in ["python3", "python3.13", "python3.12", "python3.11", "python3.10"] {
        let Some(python) = which(name) else { continue };
        if Command::new(&python).args(["-c", test]).status().is_ok_and(|s| s.success()) {
            return Ok(python);
        }
    }
    bail!("no Python of 3.10 or newer is there: install python3 and python3-venv")
}

/// Programs that foreign checks use. Where one cannot be installed, its test says so in a line and checks nothing.
fn debian() {
    let wanted = [
        ("age", "age"),
        ("softhsm2-util", "softhsm2"),
        ("openssl", "openssl"),
        ("go", "golang-go"),
        ("ip", "iproute2"),
        ("faketime", "faketime"),
    ];
    let mut missing: Vec<&str> =
        wanted.iter().filter(|(program, _)| which(program).is_none()).map(|(_, package)| *package).collect();
    if !Path::new(SUMDB).is_dir() {
        missing.push("golang-golang-x-mod-dev");
    }
    let Some(apt) = which("apt-get").filter(|_| !missing.is_empty()) else { return };
    let here = Path::new("/");
    let _stale = quiet("apt-get update", command(&apt, here, &["update", "-q"]));
    for package in missing {
        let mut install = command(&apt, here, &["install", "-y", "-q", "--no-install-recommends", package]);
        install.env("DEBIAN_FRONTEND", "noninteractive");
        if let Err(error) = quiet(&format!("install {package}"), install) {
            eprintln!("xtask: {error:#}");
        }
    }
}

/// Go's transparency log packages, as Debian installs them.
const SUMDB: &str = "/usr/share/gocode/src/golang.org/x/mod/sumdb";

/// The check of logs by Go's packages.
fn go(root: &Path, peers: &Path) -> Result<()> {
    let source = root.join("tests/peers/go/tlog.go");
    let (text, dir) = (fs::read(&source)?, peers.join("go"));
    let stamp = dir.join(".installed");
    if fresh(&stamp, &text) {
        return Ok(());
    }
    let go = which("go").context("Go is not there")?;
    fs::create_dir_all(&dir)?;
    let (out, source) = (dir.join("tlog").display().to_string(), source.display().to_string());
    let mut build = command(go, &dir, &["build", "-o", &out, &source]);
    build.env("GO111MODULE", "off").env("GOPATH", "/usr/share/gocode").env("GOCACHE", dir.join("cache"));
    quiet("build the check by Go's sumdb", build)?;
    let _ = fs::remove_dir_all(dir.join("cache"));
    fs::write(&stamp, &text)?;
    Ok(())
}

/// PostgreSQL's own programs are only needed on this machine; the tests start a server of their own with them.
fn postgres() -> Result<()> {
    if has_postgres() {
        return Ok(());
    }
    let line = "PostgreSQL is not there and cannot be installed: `apt-get install postgresql`, \
                or set PGBIN to the folder of initdb, or test `--without postgres`";
    let Some(apt) = which("apt-get") else { bail!(line) };
    let here = Path::new("/");
    let _stale = quiet("apt-get update", command(&apt, here, &["update", "-q"]));
    let mut install = command(&apt, here, &["install", "-y", "-q", "--no-install-recommends", "postgresql"]);
    install.env("DEBIAN_FRONTEND", "noninteractive");
    quiet("install PostgreSQL", install).context(line)?;
    if has_postgres() { Ok(()) } else { bail!(line) }
}

/// The browser that the page of approvals is tried in.
fn chromium() -> Result<()> {
    let there = || std::env::var_os("CHROMIUM").is_some() || Path::new("/usr/bin/chromium").is_file();
    if there() {
        return Ok(());
    }
    let line = "Chromium is not there and cannot be installed: `apt-get install chromium`, \
                or set CHROMIUM to its program, or test `--without browser`";
    let Some(apt) = which("apt-get") else { bail!(line) };
    let here = Path::new("/");
    let _stale = quiet("apt-get update", command(&apt, here, &["update", "-q"]));
    let mut install = command(&apt, here, &["install", "-y", "-q", "--no-install-recommends", "chromium"]);
    install.env("DEBIAN_FRONTEND", "noninteractive");
    quiet("install Chromium", install).context(line)?;
    if there() { Ok(()) } else { bail!(line) }
}

fn has_postgres() -> bool {
    if std::env::var_os("PGBIN").is_some_and(|dir| Path::new(&dir).join("initdb").is_file()) {
        return true;
    }
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    versions.map(|v| v.path().join("bin/initdb")).any(|f| f.is_file()) || which("initdb").is_some()
}
