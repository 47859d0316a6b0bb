//! `carnet evidence export`: a package for an auditor, made from the log while the gateway may write on.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, IsTerminal as _, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use carnet_evidence::package::lines::Why;
use carnet_store::RealDisk;
use carnet_store::export::{Done, Export, Filter};

use crate::output;
use crate::sessions::{Closed, Place, Recordings};

/// Subcommands of `carnet evidence`.
#[derive(clap::Subcommand, Debug)]
pub(crate) enum Command {
    /// Make a package that an auditor verifies with carnet-verify, without a network and without the gateway.
    Export(Args),
    /// Let retention take its course now instead of at the next hour: destroy keys, prune the log.
    Prune(crate::sessions::Place),
}

/// Arguments of `carnet evidence export`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(flatten)]
    place: Place,
    /// From this time on: a day such as 2026-11-20, a time such as 2026-11-20T08:00:00Z, or Unix seconds.
    #[arg(long, value_name = "TIME", value_parser = time)]
    from: Option<u64>,
    /// Before this time.
    #[arg(long, value_name = "TIME", value_parser = time)]
    to: Option<u64>,
    /// Disclose this session only: its pseudonym, as `carnet sessions list --json` prints it.
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    session: Option<String>,
    /// Disclose only what this subject did.
    #[arg(long, value_name = "SUBJECT")]
    actor: Option<String>,
    /// Disclose only what concerns this server.
    #[arg(long, value_name = "NAME")]
    server: Option<String>,
    /// Leave these disclosures out everywhere, such as `actor,agent`. The package says that they are.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    without: Vec<String>,
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
        Command::Export(args) => args,
        Command::Prune(place) => {
            let answer = crate::desk::act(&place, carnet_gateway::desk::Act::Prune)?;
            output::line(&answer.said);
            return Ok(ExitCode::SUCCESS);
        }
    };
    let recipients = recipients(&args.recipients)?;
    anyhow::ensure!(!args.output.exists(), "{} is there already", args.output.display());
    let (Recordings { keys, origin, data, .. }, _) = args.place.indexed()?;
    let disk = Arc::new(RealDisk::new(&data));
    let signer = keys.keys.signer(&origin)?;
    let open = |reference: &str, bytes: &[u8]| {
        keys.unseal(&origin, reference, bytes).map(|(_, clear)| clear).map_err(why)
    };
    let filter = Filter {
        from: args.from,
        to: args.to,
        session: args.session,
        actor: args.actor,
        server: args.server,
        without: args.without,
    };
    let export = Export { disk, signer: &signer, open: &open, filter };
    let done = write(&export, &args.output, &recipients)?;
    say(&done, &args.output);
    Ok(ExitCode::SUCCESS)
}

fn why(closed: Closed) -> Why {
    match closed {
        Closed::Erased => Why::Erased,
        Closed::Restricted => Why::Restricted,
        Closed::NoKey | Closed::Unreadable => Why::KeyMissing,
    }
}

/// Writes the package beside its name, then gives it the name.
fn write(export: &Export<'_>, output: &Path, to: &[age::x25519::Recipient]) -> anyhow::Result<Done> {
    let beside = |ending: &str| {
        let mut name = output.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name)
    };
    let (folder, part) = (beside(".parts"), beside(".new"));
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part);
    let file = BufWriter::with_capacity(1 << 18, file.with_context(|| part.display().to_string())?);
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
    finish(file, &part, output, &folder)?;
    Ok(done)
}

fn finish(file: BufWriter<File>, part: &Path, output: &Path, folder: &Path) -> anyhow::Result<()> {
    let file = file.into_inner().map_err(|e| anyhow::anyhow!("{}: {}", part.display(), e.error().kind()))?;
    file.sync_all()?;
    std::fs::rename(part, output).with_context(|| output.display().to_string())?;
    std::fs::remove_dir_all(folder).with_context(|| folder.display().to_string())
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

/// A day, a time in UTC, or Unix seconds.
fn time(text: &str) -> Result<u64, String> {
    if let Ok(seconds) = text.parse() {
        return Ok(seconds);
    }
    let bad = || format!("{text} is no day (2026-11-20) and no time in UTC (2026-11-20T08:00:00Z)");
    let (day, clock) = text.split_once('T').unwrap_or((text, "00:00:00Z"));
    let clock = clock.strip_suffix('Z').ok_or_else(bad)?;
    let numbers = |text: &str, between: char| -> Option<[u64; 3]> {
        text.split(between).map(|n| n.parse().ok()).collect::<Option<Vec<u64>>>()?.try_into().ok()
    };
    let ([year, month, date], [h, m, s]) =
        (numbers(day, '-').ok_or_else(bad)?, numbers(clock, ':').ok_or_else(bad)?);
    let fits = (1970..=9999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&date);
    if !(fits && h < 24 && m < 60 && s < 60) {
        return Err(bad());
    }
    // Days since 1970, with years that begin in March.
    let (y, mp) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * y + y / 4 - y / 100 + y / 400 + (153 * mp + 2) / 5 + date - 1 - 719_468;
    Ok(days * 86_400 + h * 3600 + m * 60 + s)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        assert_eq!(time("1790000000"), Ok(1_790_000_000));
        assert_eq!(time("2026-09-21T14:13:20Z"), Ok(1_790_000_000));
        assert_eq!(time("2000-02-29"), Ok(951_782_400));
        for bad in
            ["", "yesterday", "2026-13-01", "2026-11-20T08:00:00", "2026-11-20T24:00:00Z", "1969-12-31"]
        {
            assert!(time(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_no_recipient_is_refused() {
        assert!(recipients(&["age1nothing".to_owned()]).is_err());
        assert_eq!(recipients(&[]).unwrap().len(), 0);
    }
}
