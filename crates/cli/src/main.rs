//! The `carnet` command: one file for each subcommand, and nothing in them that the library crates could do.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod approvals;
mod cell;
mod check;
mod connect;
mod demo;
mod desk;
mod document_text;
mod evidence;
mod extract;
mod fingerprint;
mod front;
mod keys;
mod log;
mod output;
mod policy;
mod reload;
mod report;
mod scan;
mod serve;
mod sessions;
mod subject;
mod token;
mod verify;
mod witness;
mod wrap;

/// Carnet: a gateway in front of MCP servers that identifies, decides, masks, records and proves.
#[derive(Parser, Debug)]
#[command(name = "carnet", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Show what Carnet does, with a sample server, a development identity provider and three personas.
    Demo(demo::Args),
    /// Run the gateway.
    Serve(serve::Args),
    /// Run as a cell behind a front.
    #[command(subcommand)]
    Cell(cell::Command),
    /// Run a front: one address for callers, in front of cells that dial in.
    Front(front::Args),
    /// Validate configuration and policies, without a network.
    Check(check::Args),
    /// Let the gateway that runs read its configuration anew, in the name of who asks.
    Reload(reload::Args),
    /// Print the JSON Schema of the configuration, for editors.
    Schema,
    /// Stand as a stdio server around a local stdio server.
    Wrap(wrap::Args),
    /// Join a client that only speaks stdio to a remote gateway or server.
    Connect(connect::Args),
    /// Find personal data and secrets in files or standard input, as the gateway would.
    Scan(scan::Args),
    /// Read recordings.
    #[command(subcommand)]
    Sessions(sessions::Command),
    /// Find, export, restrict and erase what concerns a person.
    #[command(subcommand)]
    Subject(subject::Command),
    /// List, approve and deny calls that wait for an approval.
    #[command(subcommand)]
    Approvals(approvals::Command),
    /// Set and release legal holds.
    #[command(subcommand)]
    Hold(subject::Hold),
    /// Exchange the KEK, back up and restore the key store.
    #[command(subcommand)]
    Keys(keys::Command),
    /// Export packages for auditors.
    #[command(subcommand)]
    Evidence(evidence::Command),
    /// Print a report over the log: who did what, transfers, records of processing, controls.
    Report(report::Args),
    /// Check the log in a data folder.
    Verify(verify::Args),
    /// Sign the checkpoints of other logs, as long as they only grow (C2SP tlog-witness).
    Witness(witness::Args),
    /// Explain and test policies.
    #[command(subcommand)]
    Policy(policy::Command),
    /// Make fingerprints of one's own code and documents, which masking then recognises.
    Fingerprint(fingerprint::Args),
    /// Read the text of a document (the gateway starts this itself).
    #[command(hide = true)]
    DocumentText,
    /// Make a static API token and the configuration lines for it.
    Token(token::Args),
}

/// The configuration file that most commands take.
#[derive(clap::Args, Debug, Clone)]
struct ConfigFile {
    /// The configuration file.
    #[arg(short, long, value_name = "FILE", default_value = "carnet.yaml")]
    config: PathBuf,
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Demo(args) => demo::run(args),
        Command::Serve(args) => serve::run(args),
        Command::Cell(command) => cell::run(command),
        Command::Front(args) => front::run(&args),
        Command::Check(args) => check::run(args),
        Command::Reload(args) => reload::run(&args),
        Command::Schema => check::schema(),
        Command::Wrap(args) => wrap::run(args),
        Command::Connect(args) => connect::run(args),
        Command::Scan(args) => scan::run(args),
        Command::Sessions(command) => sessions::run(command),
        Command::Subject(command) => subject::run(command),
        Command::Approvals(command) => approvals::run(command),
        Command::Hold(command) => subject::hold(command),
        Command::Keys(command) => keys::run(command),
        Command::Evidence(command) => evidence::run(command),
        Command::Report(args) => report::run(&args),
        Command::Verify(args) => verify::run(args),
        Command::Witness(args) => witness::run(args),
        Command::Policy(command) => policy::run(command),
        Command::Fingerprint(args) => fingerprint::run(&args),
        Command::DocumentText => document_text::run(),
        Command::Token(args) => token::run(args),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            output::error(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}
