//! `carnet front`: the front as configured, until SIGTERM or Ctrl-C.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use carnet_gateway::{front, load};

use crate::serve::{refused, termination};
use crate::{log, output};

/// Arguments of `carnet front`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The front's configuration file.
    #[arg(short, long, value_name = "FILE", default_value = "front.yaml")]
    config: PathBuf,
    /// Only say whether it could be used.
    #[arg(long)]
    check: bool,
}

/// Runs the front.
pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let loaded = match load::read_front(&args.config) {
        Ok(loaded) => loaded,
        Err(errors) => return Ok(refused(&errors)),
    };
    for warning in &loaded.warnings {
        output::note(&warning.to_string());
    }
    if args.check {
        output::line(&format!("{}: ok, {} cells", args.config.display(), loaded.config.cells.len()));
        return Ok(ExitCode::SUCCESS);
    }
    log::start(&loaded.config.telemetry);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start")?;
    runtime.block_on(async {
        let terminated = termination()?;
        let schemes: Vec<_> =
            loaded.config.listeners.iter().map(|l| if l.tls.is_some() { "https" } else { "http" }).collect();
        let running = match front::start(loaded, Some(args.config.clone())).await {
            Ok(running) => running,
            Err(errors) => return Ok(refused(&errors)),
        };
        output::note(&format!("carnet: cells connect at {}", running.tunnel));
        if let Some(admin) = running.admin {
            output::note(&format!("carnet: metrics and readiness on http://{admin}"));
        }
        for (address, scheme) in running.addresses.iter().zip(schemes) {
            output::note(&format!("carnet: listening on {scheme}://{address}"));
        }
        output::note("carnet: ready");
        let reloading = tokio::spawn(front::watch(running.front()));
        terminated.await;
        output::note("carnet: stopping");
        running.stop().await;
        reloading.abort();
        Ok(ExitCode::SUCCESS)
    })
}
