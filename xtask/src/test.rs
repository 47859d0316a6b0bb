//! `cargo xtask test`: peers, binaries, tests. The end-to-end tests drive the binaries that are built here.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::peers::{self, Wanted};
use crate::shell::{cargo, show, which};

/// What `cargo xtask test` was asked for.
#[derive(Default)]
pub(crate) struct Options {
    quick: bool,
    wanted: Wanted,
    filters: Vec<String>,
}

impl Options {
    pub(crate) fn parse(args: &[String]) -> Result<Options> {
        let mut options = Options::default();
        let mut args = args.iter().map(String::as_str);
        while let Some(arg) = args.next() {
            match (arg, arg == "--without") {
                ("--quick", _) => options.quick = true,
                (_, true) => match args.next() {
                    Some("postgres") => options.wanted.without_postgres = true,
                    Some("browser") => options.wanted.without_browser = true,
                    other => bail!(
                        "--without {}: only postgres and browser can be left out",
                        other.unwrap_or_default()
                    ),
                },
                ("--", _) => options.filters.extend(args.by_ref().map(str::to_owned)),
                (other, _) => bail!("`test` has no option `{other}`"),
            }
        }
        Ok(options)
    }
}

pub(crate) fn run(root: &Path, options: &Options) -> Result<()> {
    let mut tests = runner(root);
    if options.quick {
        tests.args(["--workspace", "--exclude", "carnet-tests"]).args(&options.filters);
        return show("tests without peers", tests);
    }
    let peers = peers::install(root, &options.wanted)?;
    // With the tests: by themselves the binaries would have other features, and most would be compiled twice.
    show("build", cargo(root, &["build", "--workspace", "--all-targets"]))?;
    tests.arg("--workspace").args(&options.filters);
    tests.env("CARNET_PEERS", peers).env("CARNET_BIN", binary(root, "carnet")?);
    if options.wanted.without_postgres {
        tests.env("CARNET_WITHOUT_POSTGRES", "1");
        eprintln!("xtask: the servers on PostgreSQL are left out");
    }
    if options.wanted.without_browser {
        tests.env("CARNET_WITHOUT_BROWSER", "1");
        eprintln!("xtask: the approval page in a browser is left out");
    }
    show("tests", tests)
}

/// nextest where it is installed: it runs each test in a process of its own and ends what hangs.
fn runner(root: &Path) -> Command {
    match which("cargo-nextest") {
        Some(_) => cargo(root, &["nextest", "run", "--no-fail-fast"]),
        None => cargo(root, &["test", "--no-fail-fast"]),
    }
}

/// The path of a binary that `cargo build` has just made.
pub(crate) fn binary(root: &Path, name: &str) -> Result<PathBuf> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let file = target.join("debug").join(name);
    file.canonicalize().with_context(|| format!("{} was not built", file.display()))
}
