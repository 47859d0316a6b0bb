//! `carnet demo`: everything on one machine, in one process, in half a minute. A sample server (or the user's own), a development
//! identity provider with three personas, policies and an empty log; a tour that shows what Carnet does and checks every
//! claim it makes; then, unless `--once`, the lines that connect real clients.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;

use crate::{output, serve};

mod client;
mod data;
mod evidence;
pub(crate) mod http;
mod issuer;
mod lines;
mod own;
mod personas;
mod policies;
mod sample;
mod show;
mod tamper;
mod tour;
mod world;

/// The port of the gateway, unless told otherwise.
const PORT: u16 = 7300;

/// Arguments of `carnet demo`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// End after the tour: status 0 if everything was as it says, else not 0.
    #[arg(long)]
    once: bool,
    /// Port of the gateway on 127.0.0.1. Default: 7300, or a free one if that is taken; with --once a free one.
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
    /// An empty folder for log and keys, which stays. Default: a temporary one.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// A stdio server of your own to put behind Carnet instead of the sample server.
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
}

/// Runs the demo.
pub(crate) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start")?;
    runtime.block_on(Box::pin(play(args)))
}

async fn play(args: Args) -> anyhow::Result<ExitCode> {
    let show = show::Show::new();
    let world = match Box::pin(world::World::start(&args)).await? {
        Ok(world) => world,
        Err(errors) => return Ok(serve::refused(&errors)),
    };
    let toured = match &world.sample {
        Some(sample) => tour::play(&show, &world, sample).await,
        None => own::play(&show, &world).await,
    };
    let result = match toured {
        Ok(()) if args.once => Ok(()),
        Ok(()) => {
            lines::print(&show, &world)?;
            serve::terminated().await
        }
        Err(error) => Err(error.context("the demo ended early, something is not as it should be")),
    };
    let stopped = world.stop().await;
    result.and(stopped)?;
    if !args.once {
        output::note("carnet: stopped");
    }
    Ok(ExitCode::SUCCESS)
}
