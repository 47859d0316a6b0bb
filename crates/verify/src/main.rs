//! `carnet-verify`: checks a package of evidence, or a log of Carnet on disk, without a network and without the gateway.
//!
//! Exit status: 0 if everything holds, 1 if anything does not, 2 if it could not be checked at all.

mod arguments;
mod book;
mod folder;
mod package;

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use carnet_evidence::note::{Note, Verifier};
use carnet_evidence::package::verify::Judge;
use carnet_evidence::package::{END, Files};
use carnet_evidence::verify::{LogSource as _, Options, Report, Stamps, Trust, vanished, verify};
use carnet_evidence::witness::Policy;

use crate::arguments::{Arguments, Parsed, USAGE};
use crate::folder::Folder;
use crate::package::Opened;

/// Bytes of stack. Cedar refuses to decide where it believes that little is left, and with musl the stack of the first
/// thread looks as large as what was used of it so far.
const STACK: usize = 16 << 20;

fn main() -> ExitCode {
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(run);
    let done = thread.context("cannot start a thread").and_then(|thread| {
        thread
            .join()
            .unwrap_or_else(|_| Err(anyhow::anyhow!("a mistake in this program: it ended in the middle")))
    });
    match done {
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
        Parsed::List(book) => return say(&book::list(&book)?).map(|()| true),
        Parsed::Add(arguments) => return add(&arguments).map(|()| true),
        Parsed::Run(arguments) => arguments,
    };
    let report = check(&arguments)?;
    let text = if arguments.json { report.to_json() + "\n" } else { report.to_text() };
    say(&text)?;
    Ok(report.holds())
}

/// The key, and the policy where the trust file is one.
fn trust(arguments: &Arguments) -> anyhow::Result<(Option<Verifier>, Option<Policy>)> {
    match (&arguments.trust, &arguments.key) {
        (Some(file), _) => trusted(file).map(|(key, policy)| (Some(key), policy)),
        (None, key) => Ok((key.as_deref().map(read_key).transpose()?, None)),
    }
}

fn check(arguments: &Arguments) -> anyhow::Result<Report> {
    let (key, policy) = trust(arguments)?;
    let last = match &arguments.last_checkpoint {
        Some(path) => Some(std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?),
        None => None,
    };
    let origin = key.as_ref().map(Verifier::name);
    let book =
        arguments.book.as_deref().map(|path| book::notes(path, origin)).transpose()?.unwrap_or_default();
    let authorities = authorities(arguments)?;
    let stamps = authorities.as_ref().map(|a| a as &dyn Stamps);
    let trust = Trust { policy: policy.as_ref(), book: &book, stamps };
    let own = |fault, detail: &str| Ok(carnet_evidence::package::verify::damaged(fault, detail));
    if let (Some(key), true) = (&key, folder::holds_nothing(&arguments.folder))
        && let Some(report) = vanished(key, &book)
    {
        return Ok(report);
    }
    match package::open(&arguments.folder)? {
        Opened::Package(files) => return packed(&*files, key.as_ref(), last.as_deref(), trust),
        Opened::Damaged(fault, detail) => return own(fault, &detail),
        Opened::Other => {}
    }
    let folder = Folder::open(&arguments.folder)?;
    let options = Options { trust, ..Options::new(key.as_ref(), last.as_deref()) };
    Ok(verify(&folder, &options)?)
}

#[cfg(feature = "stamps")]
fn authorities(arguments: &Arguments) -> anyhow::Result<Option<carnet_evidence::stamp::Authorities>> {
    let Some(path) = &arguments.tsa else { return Ok(None) };
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let read = carnet_evidence::stamp::Authorities::from_pem(&text);
    read.map(Some).map_err(|why| anyhow::anyhow!("{}: {why}", path.display()))
}

/// Stands where this program was built without time stamps.
#[cfg(not(feature = "stamps"))]
struct Nobody;

#[cfg(not(feature = "stamps"))]
impl Stamps for Nobody {
    fn time(&self, _: &[u8; 32], _: &[u8]) -> Result<u64, carnet_evidence::verify::StampError> {
        Err(carnet_evidence::verify::StampError::Unknown)
    }
}

#[cfg(not(feature = "stamps"))]
fn authorities(arguments: &Arguments) -> anyhow::Result<Option<Nobody>> {
    anyhow::ensure!(arguments.tsa.is_none(), "this program was built without time stamps");
    Ok(None)
}

/// Adds the checkpoint of a package, of a log, or one by itself to the book.
fn add(arguments: &Arguments) -> anyhow::Result<()> {
    let (key, _) = trust(arguments)?;
    let (path, book) = (&arguments.folder, arguments.book.as_deref().context("which book?")?);
    let checkpoint =
        |found: Option<Vec<u8>>| found.with_context(|| format!("{}: no checkpoint", path.display()));
    let alone = path.is_file() && std::fs::metadata(path)?.len() < 1 << 16;
    let alone = if alone { Some(std::fs::read(path)?).filter(|b| Note::parse(b).is_ok()) } else { None };
    let note = match alone {
        Some(note) => note,
        None => match package::open(path)? {
            Opened::Package(files) => checkpoint(carnet_evidence::package::whole(&*files, END)?)?,
            Opened::Damaged(fault, detail) => anyhow::bail!("{}: {detail}", fault.as_str()),
            Opened::Other => checkpoint(Folder::open(path)?.file("checkpoint")?)?,
        },
    };
    say(&book::add(book, &note, key.as_ref())?)
}

/// Checks a package.
fn packed(
    files: &dyn Files,
    key: Option<&Verifier>,
    last: Option<&[u8]>,
    trust: Trust<'_>,
) -> anyhow::Result<Report> {
    let options = carnet_evidence::package::verify::Options { key, last_checkpoint: last, trust };
    #[cfg(feature = "judge")]
    let mut bench = carnet_verify::judge::Bench::default();
    #[cfg(feature = "judge")]
    let judge: Option<&mut dyn Judge> = Some(&mut bench);
    #[cfg(not(feature = "judge"))]
    let judge: Option<&mut dyn Judge> = None;
    Ok(carnet_evidence::package::verify::verify(files, &options, judge)?)
}

/// The key in a trust file: a line with a verifier key, or a C2SP tlog-policy with one log.
fn trusted(path: &std::path::Path) -> anyhow::Result<(Verifier, Option<Policy>)> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let is_policy = text.lines().any(|line| line.split_whitespace().next() == Some("quorum"));
    if is_policy {
        let mut policy = Policy::parse(&text).with_context(|| path.display().to_string())?;
        let key = match (policy.logs.pop(), policy.logs.is_empty()) {
            (Some((key, url)), true) => {
                policy.logs.push((key.clone(), url));
                key
            }
            (None, _) => anyhow::bail!("{} names no log", path.display()),
            (Some(_), false) => anyhow::bail!("{} names several logs; give one", path.display()),
        };
        return Ok((key, Some(policy)));
    }
    let keys = text.lines().filter_map(|line| {
        let word = line.strip_prefix("log ").unwrap_or(line).split_whitespace().next()?;
        Verifier::parse(word).ok()
    });
    let mut keys: Vec<Verifier> = keys.collect();
    match (keys.pop(), keys.is_empty()) {
        (Some(key), true) => Ok((key, None)),
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
