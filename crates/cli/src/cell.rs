//! `carnet cell`: a gateway behind a front.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use carnet_gateway::load;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use sha2::{Digest, Sha256};

use crate::{ConfigFile, output, serve};

/// Subcommands of `carnet cell`.
#[derive(clap::Subcommand, Debug)]
pub(crate) enum Command {
    /// Run the gateway and join the front that its configuration names.
    Join(serve::Args),
    /// Print what a front knows a cell by: the SHA-256 of its certificate.
    Fingerprint {
        /// The certificate, a PEM file.
        certificate: PathBuf,
    },
}

/// Runs `carnet cell`.
pub(crate) fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Join(args) => join(args),
        Command::Fingerprint { certificate } => {
            let der = CertificateDer::from_pem_file(&certificate)
                .map_err(|_| anyhow::anyhow!("{} holds no certificate", certificate.display()))?;
            output::line(&Sha256::digest(&der).iter().map(|b| format!("{b:02x}")).collect::<String>());
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn join(args: serve::Args) -> anyhow::Result<ExitCode> {
    let ConfigFile { config } = &args.config;
    if let Ok(loaded) = load::read_config(config) {
        let help = "it names no front: add `front`, or use `carnet serve`";
        loaded.config.all_fronts().next().context(help).with_context(|| config.display().to_string())?;
    }
    // What is wrong with the configuration says `serve`, in the same words as ever.
    serve::run(args)
}
