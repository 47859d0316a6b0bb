//! `carnet wrap -- COMMAND`: stands as a stdio server in a desktop client's configuration, around a local stdio server. No
//! listener, no network: the local user is the caller, and the log lies in a folder of the server's name.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use carnet_config::{Loaded, Source};
use carnet_gateway::downstream::stdio;
use carnet_gateway::load::{self, PolicySource};
use carnet_gateway::run::Start;
use carnet_gateway::{identity, record};

use crate::{log, output};

/// What holds where no policies are named: everything may be called, nothing personal comes back.
const DEFAULT_POLICY: &str = include_str!("wrap/default.cedar");

/// Arguments of `carnet wrap`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Name of the server in policies and records.
    #[arg(long, default_value = "wrapped")]
    name: String,
    /// Policy files or folders; without them everything may be called and personal data is masked.
    #[arg(long, value_name = "PATH")]
    policies: Vec<PathBuf>,
    /// Folder of the log; by default one of the server's name below the user's state folder.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Where this machine is, such as `de`.
    #[arg(long, default_value = "unknown")]
    region: String,
    /// Groups of the local user, for policies.
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<String>,
    /// Environment variables that the server gets, by name, besides PATH and HOME.
    #[arg(long = "env", value_name = "NAME")]
    environment: Vec<String>,
    /// The server's command.
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<String>,
}

/// Runs until standard input ends.
pub(crate) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start")?;
    runtime.block_on(wrap(args))
}

async fn wrap(args: Args) -> anyhow::Result<ExitCode> {
    let policies = policies(&args)?;
    let mut number = 1;
    let running = loop {
        let data = folder(&args, number)?;
        let loaded = configuration(&args, &data)?;
        log::start(&loaded.config.telemetry);
        let start = Start { loaded, policies: policies.clone(), file: None };
        match carnet_gateway::run::start(start).await {
            Ok(running) => break running,
            // Another client runs the same server: its log has one writer, so this one gets a log of its own.
            Err(_) if args.data.is_none() && number < 32 && record::exists(&data) && in_use(&data) => {
                number += 1
            }
            Err(errors) => return Ok(crate::serve::refused(&errors)),
        }
    };
    let gateway = running.gateway.clone();
    let server = gateway.runtime.load().servers.get(args.name.as_str()).cloned();
    let server = server.ok_or_else(|| anyhow!("no server {}", args.name))?;
    let user = std::env::var("USER").unwrap_or_else(|_| "local".to_owned());
    let caller = Arc::new(identity::local(&user, &args.groups));
    let serving = stdio::serve(&gateway, &server, caller, tokio::io::stdin(), tokio::io::stdout());
    let mut serving = std::pin::pin!(serving);
    let served = tokio::select! {
        served = &mut serving => served.map_err(anyhow::Error::from),
        stopped = crate::serve::terminated() => {
            stopped?;
            // Calls in work are finished and recorded, and the session closes, before the log ends.
            gateway.stopping.send_replace(true);
            serving.await.map_err(anyhow::Error::from)
        }
    };
    running.stop().await;
    served?;
    Ok(ExitCode::SUCCESS)
}

fn policies(args: &Args) -> anyhow::Result<Vec<PolicySource>> {
    if args.policies.is_empty() {
        return Ok(vec![("default.cedar".to_owned(), DEFAULT_POLICY.to_owned())]);
    }
    load::read_policies(&args.policies).map(|(sources, _)| sources).map_err(|e| anyhow!(e.join("\n")))
}

/// The n-th folder for this server's log.
fn folder(args: &Args, number: u32) -> anyhow::Result<PathBuf> {
    if let Some(data) = &args.data {
        return Ok(data.clone());
    }
    let state = std::env::var_os("XDG_STATE_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/state")))
        .context("neither XDG_STATE_HOME nor HOME is set: name a folder with --data")?;
    let name = if number == 1 { args.name.clone() } else { format!("{}-{number}", args.name) };
    Ok(state.join("carnet").join(name))
}

fn in_use(data: &Path) -> bool {
    std::fs::File::open(data.join("lock")).is_ok_and(|file| file.try_lock().is_err())
}

/// The configuration that the arguments stand for.
fn configuration(args: &Args, data: &Path) -> anyhow::Result<Loaded> {
    let quote = |text: &str| carnet_json::quote(text);
    let command: Vec<_> = args.command.iter().map(|c| quote(c)).collect();
    let mut inherit = vec!["PATH".to_owned(), "HOME".to_owned()];
    inherit.extend(args.environment.iter().cloned());
    let inherit: Vec<_> = inherit.iter().map(|n| quote(n)).collect();
    let text = format!(
        "version: 1\ncell: {{ name: wrap, region: {region} }}\ndata: {data}\nlisteners: []\npolicies: []\n\
         telemetry: {{ log: {{ level: warn }} }}\nservers:\n  {name}:\n    command: [{command}]\n    \
         inherit: [{inherit}]\n    region: {region}\n",
        region = quote(&args.region),
        data = quote(&data.display().to_string()),
        name = args.name,
        command = command.join(", "),
        inherit = inherit.join(", "),
    );
    let environment: BTreeMap<String, String> = std::env::vars_os()
        .filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)))
        .collect();
    let source = Source {
        file: "arguments",
        text: &text,
        folder: Path::new("."),
        environment: &environment,
        now: load::unix_now(),
    };
    carnet_config::load(source).map_err(|all| {
        for diagnostic in &all {
            output::note(&diagnostic.message);
        }
        anyhow!("the arguments cannot be used")
    })
}
