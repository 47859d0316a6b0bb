//! `carnet evidence export`: a package for an auditor, made from the log while the gateway may write on.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, IsTerminal as _, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use carnet_evidence::package::export;
use carnet_gateway::desk::Act;
use carnet_store::export::{Done, Export};
use sha2::{Digest as _, Sha256};

use crate::extract::Which;
use crate::output;

mod files;

/// Subcommands of `carnet evidence`.
#[derive(clap::Subcommand, Debug)]
pub(crate) enum Command {
    /// Make a package that an auditor verifies with carnet-verify, without a network and without the gateway.
    Export(Box<Args>),
    /// Let retention take its course now instead of at the next hour: destroy keys, prune the log.
    Prune(crate::sessions::Place),
}

/// Arguments of `carnet evidence export`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(flatten)]
    which: Which,
    /// Write the records in this form instead of a package: ocsf, ecs, cef, otlp, jsonl into a file, har, oscal into a folder.
    #[arg(long = "as", value_name = "FORM", value_parser = form, conflicts_with = "exports")]
    form: Option<String>,
    /// Put these exports into the package too, such as ocsf,har, or all.
    #[arg(long, value_name = "FORMS", value_delimiter = ',', value_parser = form_or_all)]
    exports: Vec<String>,
    /// Encrypt for this age recipient (age1...). Repeat it for several.
    #[arg(long = "for", value_name = "RECIPIENT")]
    recipients: Vec<String>,
    /// The package, such as november.carnet. It must not be there yet.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

/// Runs `carnet evidence`.
pub(crate) fn run(command: Command) -> anyhow::Result<ExitCode> {
    let args = match command {
        Command::Export(args) => *args,
        Command::Prune(place) => {
            let answer = crate::desk::act(&place, carnet_gateway::desk::Act::Prune)?;
            output::line(&answer.said);
            return Ok(ExitCode::SUCCESS);
        }
    };
    let recipients = recipients(&args.recipients)?;
    anyhow::ensure!(!args.output.exists(), "{} is there already", args.output.display());
    let source = args.which.open()?;
    if let Some(form) = &args.form {
        anyhow::ensure!(
            recipients.is_empty(),
            "--for encrypts packages; without one, encrypt the file yourself"
        );
        return files::write(&args, &source, form);
    }
    let all = || export::names().iter().map(|n| (*n).to_owned()).collect();
    let exports = if args.exports.iter().any(|e| e == "all") { all() } else { args.exports.clone() };
    let done = source.with(exports, |export| write(export, &args, &recipients))?;
    say(&done, &args.output);
    Ok(ExitCode::SUCCESS)
}

fn form(text: &str) -> Result<String, String> {
    let names = export::names();
    match names.contains(&text) {
        true => Ok(text.to_owned()),
        false => Err(format!("one of {}", names.join(", "))),
    }
}

fn form_or_all(text: &str) -> Result<String, String> {
    if text == "all" { Ok(text.to_owned()) } else { form(text) }
}

/// Writes the package beside its name, then gives it the name.
fn write(export: &Export<'_>, args: &Args, to: &[age::x25519::Recipient]) -> anyhow::Result<Done> {
    let output = args.output.as_path();
    let beside = |ending: &str| {
        let mut name = output.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name)
    };
    let (folder, part) = (beside(".parts"), beside(".new"));
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part);
    let file = file.with_context(|| part.display().to_string())?;
    let file = Hashed { inner: BufWriter::with_capacity(1 << 18, file), sha: Sha256::new() };
    let mut bar = Bar::new();
    let mut progress = |stage: &'static str, done: u64, all: u64| bar.step(stage, done, all);
    let written = if to.is_empty() {
        let mut file = file;
        export.write(&folder, &mut file, &mut progress).map(|done| (done, file))
    } else {
        let recipients = to.iter().map(|r| r as &dyn age::Recipient);
        let encryptor = age::Encryptor::with_recipients(recipients).context("no such recipients")?;
        let mut cipher = encryptor.wrap_output(file)?;
        match export.write(&folder, &mut cipher, &mut progress) {
            Ok(done) => Ok((done, cipher.finish()?)),
            Err(e) => Err(e),
        }
    };
    bar.end();
    let (done, file) = written.with_context(|| {
        format!("the same command goes on with what is in {}; it holds clear text", folder.display())
    })?;
    let f = &done.facts;
    let what = format!("package of records {} to {}", f.from, f.to.saturating_sub(1));
    finish(file, &part, (args, &what))?;
    std::fs::remove_dir_all(&folder).with_context(|| folder.display().to_string())?;
    Ok(done)
}

/// Writes and hashes.
struct Hashed {
    inner: BufWriter<File>,
    sha: Sha256,
}

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let n = self.inner.write(bytes)?;
        self.sha.update(bytes.get(..n).unwrap_or_default());
        Ok(n)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.inner.flush()
    }
}

/// That it was exported is recorded before the file has its name.
fn finish(file: Hashed, part: &Path, (args, what): (&Args, &str)) -> anyhow::Result<()> {
    let Hashed { inner, sha } = file;
    let file = inner.into_inner().map_err(|e| anyhow::anyhow!("{}: {}", part.display(), e.error().kind()))?;
    file.sync_all()?;
    exported(args, &sha.finalize().into(), what)?;
    std::fs::rename(part, &args.output).with_context(|| args.output.display().to_string())
}

/// Records that something was exported.
fn exported(args: &Args, hash: &[u8; 32], what: &str) -> anyhow::Result<()> {
    use base64::Engine as _;
    let hash = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(hash);
    let act = Act::Exported { hash, what: what.to_owned() };
    crate::desk::act(&args.which.place, act).context("it could not be recorded, so it is not given out")?;
    Ok(())
}

fn say(done: &Done, output: &Path) {
    let f = &done.facts;
    let counts: Vec<String> = f.counts.iter().map(|(name, n)| format!("{n} {name}")).collect();
    output::line(&format!(
        "{}: records {} to {} of {}, {} bytes\n{}",
        output.display(),
        f.from,
        f.to.saturating_sub(1),
        f.origin,
        done.bytes,
        counts.join(", ")
    ));
}

fn recipients(given: &[String]) -> anyhow::Result<Vec<age::x25519::Recipient>> {
    let read = |text: &String| {
        text.parse().map_err(|why: &'static str| anyhow::anyhow!("{text} is no age recipient: {why}"))
    };
    given.iter().map(read).collect()
}

/// A line on a terminal that says how far it is.
struct Bar {
    shown: Option<Instant>,
    is_terminal: bool,
}

impl Bar {
    fn new() -> Bar {
        Bar { shown: None, is_terminal: std::io::stderr().is_terminal() }
    }

    fn step(&mut self, stage: &str, done: u64, all: u64) {
        let soon = self.shown.is_some_and(|at| at.elapsed() < Duration::from_millis(100));
        if !self.is_terminal || (soon && done != all) {
            return;
        }
        self.shown = Some(Instant::now());
        let filled = usize::try_from(done.saturating_mul(30) / all.max(1)).unwrap_or(0).min(30);
        let _ = write!(
            std::io::stderr(),
            "\r{stage:<8} [{}{}] {done} of {all}\x1b[K",
            "#".repeat(filled),
            " ".repeat(30 - filled)
        );
    }

    fn end(&self) {
        if self.shown.is_some() {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_recipient_is_refused() {
        assert!(recipients(&["age1nothing".to_owned()]).is_err());
        assert_eq!(recipients(&[]).unwrap().len(), 0);
    }
}
