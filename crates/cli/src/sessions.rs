//! `carnet sessions`: recordings of sessions, masked as they were recorded. Reads the files of the log while the gateway
//! writes them; takes no lock and changes nothing.

use std::process::ExitCode;

mod keyring;
mod list;
mod opened;
mod place;
mod pretty;
mod replay;
mod show;
#[cfg(test)]
mod tests;
pub(crate) mod wording;

pub(crate) use keyring::{Closed, KeyRing};
pub(crate) use opened::pseudonym;
pub(crate) use place::{Place, Recordings, kek, newest};
pub(crate) use show::{records_json, records_text};
pub(crate) use wording::utc;

/// Subcommands of `carnet sessions`.
#[derive(clap::Subcommand, Debug)]
pub(crate) enum Command {
    /// List sessions: who, through which agent, with which server, from when to when.
    List(list::Args),
    /// Show every record of a session in order, with the masked messages.
    Show(show::Args),
    /// Show a session as it ran, decide it again with other policies, or serve its recorded answers to a client.
    Replay(replay::Args),
}

/// Runs `carnet sessions`.
pub(crate) fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::List(args) => list::run(&args),
        Command::Show(args) => show::run(&args),
        Command::Replay(args) => replay::run(&args),
    }
}
