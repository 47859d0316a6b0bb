//! `carnet front`: the front as configured, until SIGTERM or Ctrl-C.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use carnet_config::{LoadedFront, Source};
use carnet_gateway::front;
use carnet_gateway::load::unix_now;

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
    let loaded = match read(&args.config) {
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
        let running = match front::start(loaded).await {
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
        terminated.await;
        output::note("carnet: stopping");
        running.stop().await;
        Ok(ExitCode::SUCCESS)
    })
}

fn read(path: &Path) -> Result<LoadedFront, Vec<String>> {
    let text =
        std::fs::read_to_string(path).map_err(|e| vec![format!("{}: {}", path.display(), e.kind())])?;
    let environment: BTreeMap<String, String> = std::env::vars_os()
        .filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)))
        .collect();
    let file = path.display().to_string();
    let folder = carnet_config::folder_of(path);
    carnet_config::load_front(Source {
        file: &file,
        text: &text,
        folder,
        environment: &environment,
        now: unix_now(),
    })
    .map_err(|all| all.iter().map(ToString::to_string).collect())
}
