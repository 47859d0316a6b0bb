//! `carnet serve`: the gateway as configured, until SIGTERM or Ctrl-C.

use std::process::ExitCode;

use anyhow::Context;
use carnet_gateway::load;
use carnet_gateway::run::{Running, Start};

use crate::{ConfigFile, log, output};

/// Arguments of `carnet serve`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) config: ConfigFile,
}

/// Runs the gateway.
pub(crate) fn run(args: Args) -> anyhow::Result<ExitCode> {
    carnet_gateway::memory::close();
    let file = args.config.config;
    let (loaded, policies) = match load::read_config(&file).and_then(|loaded| {
        load::read_policies(&loaded.config.policies).map(|(policies, _)| (loaded, policies))
    }) {
        Ok(read) => read,
        Err(errors) => return Ok(refused(&errors)),
    };
    log::start(&loaded.config.telemetry);
    carnet_gateway::memory::lock();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start")?;
    runtime.block_on(async {
        // From here on a signal is an orderly stop, also one that comes while the gateway starts.
        let terminated = termination()?;
        let start = Start { loaded, policies, file: Some(file) };
        let running = match carnet_gateway::run::start(start).await {
            Ok(running) => running,
            Err(errors) => return Ok(refused(&errors)),
        };
        announce(&running);
        let reloading = tokio::spawn(carnet_gateway::reload::watch(running.gateway.clone()));
        terminated.await;
        output::note("carnet: stopping");
        running.stop().await;
        reloading.abort();
        Ok(ExitCode::SUCCESS)
    })
}

/// Prints every error; nothing was started.
pub(crate) fn refused(errors: &[String]) -> ExitCode {
    for error in errors {
        output::note(error);
    }
    output::error(&format!(
        "not started: {} error{}",
        errors.len(),
        if errors.len() == 1 { "" } else { "s" }
    ));
    ExitCode::FAILURE
}

fn announce(running: &Running) {
    let runtime = running.gateway.runtime.load();
    for warning in &runtime.warnings {
        output::note(warning);
    }
    for (address, listener) in running.addresses.iter().zip(&runtime.config.listeners) {
        let scheme = if listener.tls.is_some() { "https" } else { "http" };
        output::note(&format!("carnet: listening on {scheme}://{address}"));
    }
    if let Some(admin) = running.admin {
        output::note(&format!("carnet: metrics and readiness on http://{admin}"));
    }
    for name in runtime.servers.keys() {
        output::note(&format!(
            "carnet: server {name} at {}/mcp/{name}",
            running.gateway.public_url(&runtime)
        ));
    }
    output::note("carnet: ready");
}

/// Resolves on SIGTERM or Ctrl-C.
pub(crate) async fn terminated() -> anyhow::Result<()> {
    termination()?.await;
    Ok(())
}

/// Begins to watch for SIGTERM and Ctrl-C; what it gives resolves on either.
pub(crate) fn termination() -> anyhow::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut term = signal(SignalKind::terminate()).context("cannot watch for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot watch for Ctrl-C")?;
    Ok(async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
