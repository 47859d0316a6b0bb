//! `carnet verify`: checks the log of a data folder step by step, as `carnet-verify` does for an auditor, and with the
//! operator's keys also opens every disclosure and compares it with its digest.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use carnet_evidence::note::Verifier;
use carnet_evidence::verify::{LogSource, Options, Report, SourceError, verify};
use carnet_gateway::desk::{Act, Ask};
use carnet_gateway::{control, load};

use crate::desk;
use crate::output;
use crate::sessions::{KeyRing, Place, kek};

/// Arguments of `carnet verify`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The data folder of the gateway, or a copy of its log folder.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Verifier key of the log, or a file that holds it. Without it the log's own key is taken, which proves less.
    #[arg(long, value_name = "FILE|KEY")]
    key: Option<String>,
    /// A checkpoint that was kept from an earlier time: the log may only have grown.
    #[arg(long, value_name = "FILE")]
    last_checkpoint: Option<PathBuf>,
    /// The configuration, if it refers to the key of the cell (evidence.kek).
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Runs `carnet verify`; that it is, is recorded first. Status 0 if everything holds, 1 if anything does not, 2 if it could not be checked.
pub(crate) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let recorded = record(&args);
    if let Ok(Some(why)) = &recorded {
        output::note(&format!("that it was verified is not recorded: {why}"));
    }
    match recorded.and_then(|_| check(&args)) {
        Ok((report, without)) => {
            let text = if args.json { report.to_json() } else { report.to_text() };
            output::line(text.trim_end());
            if let Some(why) = without {
                output::note(&format!("disclosures were not opened: {why}"));
            }
            Ok(if report.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Err(error) => {
            output::error(&format!("{error:#}"));
            Ok(ExitCode::from(2))
        }
    }
}

/// Records that the log was verified, where it is the log of a gateway that runs or of the named configuration. A copy is never
/// written to: it would become another log under the same key. Gives why there is no record, where there is none.
fn record(args: &Args) -> anyhow::Result<Option<String>> {
    let folder = args.folder.canonicalize().with_context(|| args.folder.display().to_string())?;
    let act = || Act::Read { what: "verification of the log".to_owned(), person: None };
    if args.config.is_some() {
        let place = Place { config: args.config.clone(), data: None };
        let data = desk::config(&place)?.data;
        if data.canonicalize().is_ok_and(|data| data == folder || data.join("log") == folder) {
            // What is damaged is verified all the same.
            return Ok(desk::act(&place, act()).err().map(|e| format!("{e:#}")));
        }
        return Ok(Some("this is not the data folder of that configuration".to_owned()));
    }
    let ask = Ask { act: act(), token: desk::token() };
    let data = if folder.ends_with("log") { folder.parent().unwrap_or(&folder) } else { &folder };
    Ok(match control::ask(data, &ask) {
        Ok(Some(answer)) => answer.error,
        Ok(None) => {
            Some("no gateway runs here; name its configuration with --config to have it recorded".to_owned())
        }
        Err(e) => Some(format!("the gateway does not answer on its control socket: {}", e.kind())),
    })
}

/// The report, and why the disclosures could not be opened if they could not.
fn check(args: &Args) -> anyhow::Result<(Report, Option<String>)> {
    let key = args.key.as_deref().map(read_key).transpose()?;
    let last = match &args.last_checkpoint {
        Some(path) => Some(std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?),
        None => None,
    };
    let folder = Folder::open(&args.folder)?;
    let (ring, without) = match keys(args) {
        Ok(ring) => (Some(ring), None),
        // Keys that were asked for must be there; the others are a bonus.
        Err(error) if args.config.is_some() => return Err(error),
        Err(error) => (None, Some(format!("{error:#}"))),
    };
    let lookup = |id: &[u8; 16]| ring.as_ref()?.key(id);
    let mut options = Options::new(key.as_ref(), last.as_deref());
    if ring.is_some() {
        options.keys = Some(&lookup);
    }
    Ok((verify(&folder, &options)?, without))
}

/// The report on a folder by its own verifier key: what shows damage, not forgery.
pub(crate) fn of_folder(folder: &Path) -> anyhow::Result<Report> {
    Ok(verify(&Folder::open(folder)?, &Options::new(None, None))?)
}

/// The report on a folder with its own keys, for tests.
#[cfg(test)]
pub(crate) fn text(folder: &Path) -> anyhow::Result<String> {
    let args =
        Args { folder: folder.to_owned(), key: None, last_checkpoint: None, config: None, json: false };
    Ok(check(&args)?.0.to_text())
}

fn keys(args: &Args) -> anyhow::Result<KeyRing> {
    let evidence = match &args.config {
        Some(file) => {
            Some(load::read_config(file).map_err(|e| anyhow::anyhow!(e.join("\n\n")))?.config.evidence)
        }
        None => None,
    };
    KeyRing::open(&args.folder, &*kek(&args.folder, evidence.as_ref())?)
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

/// A folder with a log in it.
struct Folder {
    log: PathBuf,
}

impl Folder {
    /// `given` is the folder above `log/`, or the log itself.
    fn open(given: &Path) -> anyhow::Result<Folder> {
        for log in [given.join("log"), given.to_owned()] {
            if log.join("segments").is_dir() || log.join("checkpoint").is_file() {
                return Ok(Folder { log });
            }
        }
        anyhow::bail!("there is no log in {}", given.display())
    }
}

fn failed(path: &str, e: &std::io::Error) -> SourceError {
    SourceError { path: path.to_owned(), why: e.kind().to_string() }
}

impl LogSource for Folder {
    fn file(&self, path: &str) -> Result<Option<Vec<u8>>, SourceError> {
        match std::fs::read(self.log.join(path)) {
            Ok(bytes) => Ok(Some(bytes)),
            // In a damaged folder a path may run through a file: that is not there either.
            Err(e)
                if matches!(
                    e.kind(),
                    ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::IsADirectory
                ) =>
            {
                Ok(None)
            }
            Err(e) => Err(failed(path, &e)),
        }
    }

    fn segments(&self) -> Result<Vec<String>, SourceError> {
        let entries = match std::fs::read_dir(self.log.join("segments")) {
            Ok(entries) => entries,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(failed("segments", &e)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let name = entry.map_err(|e| failed("segments", &e))?.file_name();
            names.extend(name.to_str().filter(|n| n.ends_with(".seg")).map(str::to_owned));
        }
        Ok(names)
    }

    fn anchors(&self) -> Result<Vec<String>, SourceError> {
        let entries = match std::fs::read_dir(self.log.join("anchors")) {
            Ok(entries) => entries,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(failed("anchors", &e)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let name = entry.map_err(|e| failed("anchors", &e))?.file_name();
            // What is being written has another ending.
            let whole = |n: &&str| n.trim_end_matches(".tsr").bytes().all(|b| b.is_ascii_digit());
            names.extend(name.to_str().filter(whole).map(str::to_owned));
        }
        Ok(names)
    }
}
