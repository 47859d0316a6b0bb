//! `carnet reload`: the gateway that runs reads its configuration anew, and the record of what comes into force names who asked.

use std::process::ExitCode;

use anyhow::Context as _;
use carnet_gateway::control;
use carnet_gateway::desk::{Act, Ask};

use crate::output;
use crate::sessions::Place;

/// Arguments of `carnet reload`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(flatten)]
    place: Place,
}

/// Runs `carnet reload`. Who asks is the user of the system, or whose token is in CARNET_TOKEN.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let config = crate::desk::config(&args.place)?;
    let ask = Ask { act: Act::Reload, token: crate::desk::token() };
    let answer = control::ask(&config.data, &ask)
        .context("the gateway does not answer on its control socket")?
        .context("no gateway runs: the next start reads the configuration")?;
    if let Some(error) = answer.error {
        anyhow::bail!(error);
    }
    output::line(&answer.said);
    Ok(ExitCode::SUCCESS)
}
