//! `carnet policy sign`: policies for all cells of a front, signed by whoever answers for all of them.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use carnet_gateway::load;
use carnet_tunnel::{Bundle, Policies, PolicyText, SigningKey};

use crate::output;

/// Arguments of `carnet policy sign`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Policy files, or folders of *.cedar. They may only forbid.
    #[arg(required = true)]
    policies: Vec<PathBuf>,
    /// The private key: PEM, Ed25519 (`openssl genpkey -algorithm ed25519`).
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The version; cells take only one that is greater than what they have.
    #[arg(long = "number", value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    number: u64,
    /// Where the signed bundle goes.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

/// Runs `carnet policy sign`.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let (sources, _) =
        load::read_policies(&args.policies).map_err(|errors| anyhow::anyhow!(errors.join("\n")))?;
    if let Some((name, _)) = sources.iter().find(|(_, text)| !carnet_policy::only_forbids(text)) {
        bail!("{name}: distributed policies may only forbid; what is permitted each cell says itself");
    }
    let pem = std::fs::read_to_string(&args.key).with_context(|| args.key.display().to_string())?;
    let key = SigningKey::from_pem(&pem).with_context(|| args.key.display().to_string())?;
    let policies: Vec<_> = sources
        .into_iter()
        .map(|(path, text)| {
            let name = PathBuf::from(&path).file_name().map(|n| n.to_string_lossy().into_owned());
            PolicyText { name: name.unwrap_or(path), text }
        })
        .collect();
    let count = policies.len();
    let bundle = Bundle::sign(&Policies { version: args.number, policies }, &key);
    // A front that reads it meanwhile sees the old one or the new one.
    let new = args.output.with_extension("new");
    std::fs::write(&new, bundle.to_text()).with_context(|| new.display().to_string())?;
    std::fs::rename(&new, &args.output).with_context(|| args.output.display().to_string())?;
    output::line(&format!("{}: version {}, {count} files", args.output.display(), args.number));
    Ok(ExitCode::SUCCESS)
}
