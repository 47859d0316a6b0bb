//! `carnet-verify`: checks a log of Carnet on disk, without a network and without the gateway.
//!
//! Exit status: 0 if everything holds, 1 if anything does not, 2 if it could not be checked at all.

mod arguments;
mod folder;

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use carnet_evidence::note::Verifier;
use carnet_evidence::verify::{Options, Report, verify};

use crate::arguments::{Arguments, Parsed, USAGE};
use crate::folder::Folder;

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(e) => {
            let _ = writeln!(std::io::stderr(), "carnet-verify: {e:#}");
            ExitCode::from(2)
        }
    }
}

fn run() -> anyhow::Result<bool> {
    let arguments = match arguments::parse(std::env::args_os().skip(1))? {
        Parsed::Help => return say(USAGE).map(|()| true),
        Parsed::Version => {
            return say(concat!("carnet-verify ", env!("CARGO_PKG_VERSION"), "\n")).map(|()| true);
        }
        Parsed::Run(arguments) => arguments,
    };
    let report = check(&arguments)?;
    let text = if arguments.json { report.to_json() + "\n" } else { report.to_text() };
    say(&text)?;
    Ok(report.holds())
}

fn check(arguments: &Arguments) -> anyhow::Result<Report> {
    let key = arguments.key.as_deref().map(read_key).transpose()?;
    let last = match &arguments.last_checkpoint {
        Some(path) => Some(std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?),
        None => None,
    };
    let folder = Folder::open(&arguments.folder)?;
    let options = Options::new(key.as_ref(), last.as_deref());
    Ok(verify(&folder, &options)?)
}

/// A verifier key as text, or the file that holds it.
fn read_key(given: &str) -> anyhow::Result<Verifier> {
    if let Ok(key) = Verifier::parse(given) {
        return Ok(key);
    }
    let text = std::fs::read_to_string(given)
        .with_context(|| format!("{given} is neither a verifier key nor a file"))?;
    Verifier::parse(&text).with_context(|| format!("{given} holds no verifier key"))
}

fn say(text: &str) -> anyhow::Result<()> {
    std::io::stdout().lock().write_all(text.as_bytes()).context("cannot write the answer")
}
