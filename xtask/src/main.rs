//! The project's own commands:
//!
//! - `cargo xtask test` runs every test, after installing the real peers they need (once) under `target/peers`.
//! - `cargo xtask test --quick` runs those that need nothing but Rust.
//! - `cargo xtask score` measures masking on the labelled sets.
//! - `cargo xtask peers` only installs; `cargo xtask ci` does what the project's CI does.

mod ci;
mod peers;
mod score;
mod shell;
mod standalone;
mod test;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

const USAGE: &str = "usage: cargo xtask <command>

  test [--quick] [--without postgres|browser] [-- FILTER...]
         all tests; --quick: only those that need nothing but Rust
  peers  install the clients and servers that the tests drive, and nothing else
  score  [--write] [--check] [--faults TYPE] [--answers DIR] [--beside DIR] [FILE...]
         how well masking finds what the labelled sets hold (bench/quality)
  static carnet-verify as one file that needs nothing of the system it runs on
  ci     [STEP...]  format, clippy, deny, test, examples, score, fuzz: all, or those named";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("xtask: {e:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[String]) -> Result<()> {
    let root = root()?;
    let (command, rest) = args.split_first().map_or(("help", args), |(c, rest)| (c.as_str(), rest));
    match command {
        "test" => test::run(&root, &test::Options::parse(rest)?),
        "peers" => peers::install(&root, &peers::Wanted::default()).map(drop),
        "score" => score::run(&root, &score::Options::parse(rest)?),
        "ci" => ci::run(&root, rest),
        "static" => standalone::run(&root),
        "help" | "--help" | "-h" => {
            println!("{USAGE}");
            Ok(())
        }
        other => bail!("no command `{other}`\n{USAGE}"),
    }
}

/// The folder of the workspace.
fn root() -> Result<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().map(Path::to_path_buf).context("the workspace's folder")
}
