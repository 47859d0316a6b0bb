//! `carnet policy`: what the policies of a configuration decide, why, and whether that is what was meant.

use std::process::ExitCode;

mod arguments;
mod asked;
mod explain;
mod matrix;
mod sign;
mod test;
mod who;
mod world;

/// Subcommands of `carnet policy`.
#[derive(clap::Subcommand, Debug)]
pub(crate) enum Command {
    /// Say what would be decided about a call, and why.
    Explain(Box<explain::Args>),
    /// Run cases from files: who calls what, and what the policies must say.
    Test(test::Args),
    /// Print who may do what, as a table to commit and to compare.
    Matrix(matrix::Args),
    /// Sign policies that a front distributes to its cells.
    Sign(sign::Args),
}

/// Runs `carnet policy`.
pub(crate) fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Explain(args) => explain::run(&args),
        Command::Test(args) => test::run(&args),
        Command::Matrix(args) => matrix::run(&args),
        Command::Sign(args) => sign::run(&args),
    }
}
