//! `carnet keys`: another KEK, backups of the key store, and their restoring.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use carnet_config::SecretRef;
use carnet_gateway::desk::Act;
use carnet_gateway::load::unix_now;
use carnet_store::keys::{read_backup, restore, rotate, write_backup};
use carnet_store::{Disk, Keys, LocalKek, RealDisk};

use crate::desk::act;
use crate::output;
use crate::sessions::{Place, kek, kek_of};

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
    #[arg(long, value_name = "REFERENCE")]
    to: String,
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

/// The data folder, the reference of its KEK, and for how many seconds a backup may be used.
fn place(place: &Place) -> anyhow::Result<(PathBuf, Option<SecretRef>, u64)> {
    let config = crate::desk::config(place)?;
    let horizon = config.evidence.backup_horizon.as_secs();
    Ok((config.data, config.evidence.kek, horizon))
}

fn disk(data: &Path) -> Arc<dyn Disk> {
    Arc::new(RealDisk::new(data))
}

fn new_kek(args: &Rotate) -> anyhow::Result<ExitCode> {
    let (data, old, _) = place(&args.place)?;
    let to = match args.to.split_once(':') {
        Some(("file", path)) => SecretRef::File(path.into()),
        Some(("env", name)) => SecretRef::Env(name.to_owned()),
        _ => anyhow::bail!("a KEK is named file:PATH or env:NAME"),
    };
    let new = LocalKek::new(&*kek_of(&to)?)?;
    let from = old.as_ref().map(kek_of).transpose()?.map(|k| LocalKek::new(&k)).transpose()?;
    // Known to be the right one before anything is recorded.
    let opened = kek(&data, old.as_ref())?;
    Keys::open(disk(&data), Some(&opened))?;
    act(&args.place, Act::Note { why: "keys-rotate".to_owned(), what: "another KEK".to_owned() })?;
    rotate(&disk(&data), from.as_ref().map(|k| k as &dyn carnet_store::Kek), &new)?;
    output::line(&format!(
        "the key of the cell is now under {to}; write `kek: {to}` under `evidence` in the configuration"
    ));
    Ok(ExitCode::SUCCESS)
}

fn backup(args: &Backup) -> anyhow::Result<ExitCode> {
    let (data, reference, horizon) = place(&args.place)?;
    let disk = disk(&data);
    let keys = Keys::open(Arc::clone(&disk), Some(&*kek(&data, reference.as_ref())?))?;
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
    let _lock = disk.lock("lock")?.context("a gateway has this data folder open: stop it first")?;
    let kek = LocalKek::new(&*kek(&config.data, config.evidence.kek.as_ref())?)?;
    let newest = crate::sessions::newest(&disk)?;
    restore(&disk, &backup, &kek, unix_now().max(newest.unwrap_or(0)))?;
    output::line("restored; the next start destroys again what the log says was destroyed since");
    Ok(ExitCode::SUCCESS)
}
