//! `carnet keys`: another KEK, backups of the key store, and their restoring.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use carnet_config::{EvidenceConfig, SecretRef};
use carnet_gateway::desk::Act;
use carnet_gateway::kek::Device;
use carnet_gateway::load::{self, unix_now};
use carnet_store::keys::{read_backup, restore, rotate, write_backup};
use carnet_store::{Disk, Kek, Keys, RealDisk};

use crate::desk::act;
use crate::output;
use crate::sessions::{Place, kek};

/// Subcommands of `carnet keys`.
#[derive(clap::Subcommand, Debug)]
pub(crate) enum Command {
    /// Put the key of the cell under another KEK. Data and all other keys stay as they are.
    Rotate(Rotate),
    /// Write a backup of the key store. Without the KEK it opens nothing.
    Backup(Backup),
    /// Put a backup in the place of the key store, while no gateway runs. One past its horizon is refused.
    Restore(Restore),
}

#[derive(clap::Args, Debug)]
pub(crate) struct Rotate {
    /// The new KEK: file:PATH or env:NAME. Then write it into the configuration (evidence.kek).
    #[arg(
        long,
        value_name = "REFERENCE",
        required_unless_present = "to_config",
        conflicts_with = "to_config"
    )]
    to: Option<String>,
    /// The configuration that will be used from now on: its evidence.kek or evidence.hsm is the new KEK.
    #[arg(long, value_name = "FILE")]
    to_config: Option<PathBuf>,
    /// Make the key in the device of that configuration, if there is none of its label.
    #[arg(long, requires = "to_config")]
    make: bool,
    #[command(flatten)]
    place: Place,
}

#[derive(clap::Args, Debug)]
pub(crate) struct Backup {
    /// Where to.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    #[command(flatten)]
    place: Place,
}

#[derive(clap::Args, Debug)]
pub(crate) struct Restore {
    /// The backup.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    place: Place,
}

/// Runs `carnet keys`.
pub(crate) fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Rotate(args) => new_kek(&args),
        Command::Backup(args) => backup(&args),
        Command::Restore(args) => from_backup(&args),
    }
}

/// The data folder, what is configured of its KEK, and for how many seconds a backup may be used.
fn place(place: &Place) -> anyhow::Result<(PathBuf, EvidenceConfig, u64)> {
    let config = crate::desk::config(place)?;
    let horizon = config.evidence.backup_horizon.as_secs();
    Ok((config.data, config.evidence, horizon))
}

fn disk(data: &Path) -> Arc<dyn Disk> {
    Arc::new(RealDisk::new(data))
}

fn new_kek(args: &Rotate) -> anyhow::Result<ExitCode> {
    let (data, old, _) = place(&args.place)?;
    let (new, then) = next(args)?;
    let from = carnet_gateway::kek::of(&old).map_err(anyhow::Error::msg)?;
    // Known to be the right one before anything is recorded.
    Keys::open_with(disk(&data), &*kek(&data, Some(&old))?)?;
    act(&args.place, Act::Note { why: "keys-rotate".to_owned(), what: "another KEK".to_owned() })?;
    rotate(&disk(&data), from.as_deref(), &*new)?;
    output::line(&format!("the key of the cell is now under another KEK; {then}"));
    Ok(ExitCode::SUCCESS)
}

/// The new KEK, and what to do with the configuration.
fn next(args: &Rotate) -> anyhow::Result<(Box<dyn Kek>, String)> {
    if let Some(file) = &args.to_config {
        let loaded = load::read_config(file).map_err(|e| anyhow::anyhow!(e.join("\n\n")))?;
        let evidence = loaded.config.evidence;
        let kek: Option<Box<dyn Kek>> = match &evidence.hsm {
            Some(hsm) => Some(Box::new(Device::open(hsm, args.make).map_err(anyhow::Error::msg)?)),
            None => carnet_gateway::kek::of(&evidence).map_err(anyhow::Error::msg)?,
        };
        let kek =
            kek.with_context(|| format!("{} names neither evidence.kek nor evidence.hsm", file.display()))?;
        return Ok((kek, format!("start with {} from now on", file.display())));
    }
    let to = match args.to.as_deref().and_then(|to| to.split_once(':')) {
        Some(("file", path)) => SecretRef::File(path.into()),
        Some(("env", name)) => SecretRef::Env(name.to_owned()),
        _ => anyhow::bail!("a KEK is named file:PATH or env:NAME"),
    };
    let kek = carnet_gateway::kek::local(&to).map_err(anyhow::Error::msg)?;
    Ok((Box::new(kek), format!("write `kek: {to}` under `evidence` in the configuration")))
}

fn backup(args: &Backup) -> anyhow::Result<ExitCode> {
    let (data, evidence, horizon) = place(&args.place)?;
    let disk = disk(&data);
    let keys = Keys::open_with(Arc::clone(&disk), &*kek(&data, Some(&evidence))?)?;
    act(
        &args.place,
        Act::Note { why: "keys-backup".to_owned(), what: "a backup of the key store".to_owned() },
    )?;
    let bytes = write_backup(&*disk, &keys, unix_now(), horizon)?;
    std::fs::write(&args.output, bytes).with_context(|| format!("cannot write {}", args.output.display()))?;
    output::line(&format!("written; it can be restored for {} days, with the KEK", horizon / 86_400));
    Ok(ExitCode::SUCCESS)
}

fn from_backup(args: &Restore) -> anyhow::Result<ExitCode> {
    let config = crate::desk::config(&args.place)?;
    let bytes = std::fs::read(&args.file).with_context(|| format!("cannot read {}", args.file.display()))?;
    let backup = read_backup(&bytes)?;
    let disk = disk(&config.data);
    let lock = disk.lock("lock")?.context("a gateway has this data folder open: stop it first")?;
    let kek = kek(&config.data, Some(&config.evidence))?;
    let newest = crate::sessions::newest(&disk)?;
    restore(&disk, &backup, &*kek, unix_now().max(newest.unwrap_or(0)))?;
    // Only with its keys can the log take a record.
    drop(lock);
    let what = "a backup in the place of the key store".to_owned();
    act(&args.place, Act::Note { why: "keys-restore".to_owned(), what })
        .context("it is restored, and could not be recorded")?;
    output::line("restored; what the log says was destroyed since is destroyed again");
    Ok(ExitCode::SUCCESS)
}
