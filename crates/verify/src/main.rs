//! `carnet-verify`: checks a package of evidence, or a log of Carnet on disk, without a network and without the gateway.
//!
//! Exit status: 0 if everything holds, 1 if anything does not, 2 if it could not be checked at all.

mod arguments;
mod folder;
#[cfg(feature = "judge")]
mod judge;
mod package;

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use carnet_evidence::note::Verifier;
use carnet_evidence::package::Files;
use carnet_evidence::package::verify::Judge;
use carnet_evidence::verify::{Options, Report, verify};

use crate::arguments::{Arguments, Parsed, USAGE};
use crate::folder::Folder;
use crate::package::Opened;

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
    let key = match (&arguments.trust, &arguments.key) {
        (Some(file), _) => Some(trusted(file)?),
        (None, key) => key.as_deref().map(read_key).transpose()?,
    };
    let last = match &arguments.last_checkpoint {
        Some(path) => Some(std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?),
        None => None,
    };
    let own = |fault, detail: &str| Ok(carnet_evidence::package::verify::damaged(fault, detail));
    match package::open(&arguments.folder)? {
        Opened::Package(files) => return packed(&*files, key.as_ref(), last.as_deref()),
        Opened::Damaged(fault, detail) => return own(fault, &detail),
        Opened::Other => {}
    }
    let folder = Folder::open(&arguments.folder)?;
    let options = Options::new(key.as_ref(), last.as_deref());
    Ok(verify(&folder, &options)?)
}

/// Checks a package.
fn packed(files: &dyn Files, key: Option<&Verifier>, last: Option<&[u8]>) -> anyhow::Result<Report> {
    let options = carnet_evidence::package::verify::Options { key, last_checkpoint: last };
    #[cfg(feature = "judge")]
    let mut bench = judge::Bench::default();
    #[cfg(feature = "judge")]
    let judge: Option<&mut dyn Judge> = Some(&mut bench);
    #[cfg(not(feature = "judge"))]
    let judge: Option<&mut dyn Judge> = None;
    Ok(carnet_evidence::package::verify::verify(files, &options, judge)?)
}

/// The key in a trust file: a line with a verifier key, or `log KEY` as in a C2SP tlog-policy.
fn trusted(path: &std::path::Path) -> anyhow::Result<Verifier> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let keys = text.lines().filter_map(|line| {
        let word = line.strip_prefix("log ").unwrap_or(line).split_whitespace().next()?;
        Verifier::parse(word).ok()
    });
    let mut keys: Vec<Verifier> = keys.collect();
    match (keys.pop(), keys.is_empty()) {
        (Some(key), true) => Ok(key),
        (None, _) => anyhow::bail!("{} holds no verifier key", path.display()),
        (Some(_), false) => anyhow::bail!("{} holds the keys of several logs; give one", path.display()),
    }
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
