//! What the commands for evidence share: the data folder, and the way to its log. A gateway that runs is asked over its
//! control socket; where none runs, the command takes the log itself, as a short run of its own.

use std::path::PathBuf;

use anyhow::Context as _;
use carnet_config::{Config, Source};
use carnet_evidence::{Draft, Epochs};
use carnet_gateway::desk::{Act, Answer, Ask, Clerk, Desk, Person};
use carnet_gateway::{control, load, record};
use carnet_residency::Known;

use crate::sessions::Place;

/// Where the token of who acts is read from.
const TOKEN: &str = "CARNET_TOKEN";

/// A reference to a person on the command line.
#[derive(clap::Args, Debug, Clone)]
pub(crate) struct PersonArg {
    /// The person: KIND=VALUE, such as email=ada@example.com, customer=4711 (the `kind` of servers.NAME.subjects), or
    /// actor=ISSUER|SUBJECT for who called.
    #[arg(value_name = "KIND=VALUE", value_parser = person)]
    pub(crate) person: Person,
}

pub(crate) fn person(text: &str) -> Result<Person, String> {
    match text.split_once('=') {
        Some((kind, value)) if !kind.is_empty() && !value.is_empty() => {
            Ok(Person { kind: kind.to_owned(), value: value.to_owned() })
        }
        _ => Err("a person is written KIND=VALUE, such as email=ada@example.com".to_owned()),
    }
}

/// The token of who acts, where they act in their own name.
pub(crate) fn token() -> Option<String> {
    std::env::var(TOKEN).ok()
}

/// Does something at the operator's desk. What is refused is an error.
pub(crate) fn act(place: &Place, act: Act) -> anyhow::Result<Answer> {
    let config = config(place)?;
    let ask = Ask { act, token: token() };
    let answer = match control::ask(&config.data, &ask)
        .context("the gateway does not answer on its control socket")?
    {
        Some(answer) => answer,
        None if ask.token.is_some() => {
            anyhow::bail!(
                "no gateway runs that could accept the token in {TOKEN}; without it, you act as a user of the system"
            )
        }
        None => alone(&config, ask.act)?,
    };
    match answer.error {
        Some(error) => Err(anyhow::anyhow!(error)),
        None => Ok(answer),
    }
}

/// Takes the log, does it, and gives the log back.
fn alone(config: &Config, act: Act) -> anyhow::Result<Answer> {
    if !record::exists(&config.data) {
        anyhow::bail!("there is no log in {}", config.data.display());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        let mut opened = record::open(config).map_err(|e| anyhow::anyhow!(e))?;
        // No configuration is in force while a command runs.
        let epochs = Epochs::default();
        // The log is there, so its genesis is.
        opened.begin(config, epochs, Known::Asserted).await?;
        let clerk = Clerk::os(rustix::process::getuid().as_raw());
        let desk = Desk { recorder: &opened.recorder, epochs, clerk: &clerk, config: Some(config) };
        let answer = desk.act(act).await;
        opened.recorder.own(|t, run| Draft::gateway_stop(t, run, epochs, "command")).await?;
        let recorder = opened.recorder;
        tokio::task::spawn_blocking(move || recorder.close()).await?;
        Ok(answer?)
    })
}

/// The configuration that the place names, or the little that is known of a bare data folder.
pub(crate) fn config(place: &Place) -> anyhow::Result<Config> {
    let default = (place.config.is_none() && place.data.is_none()).then(|| PathBuf::from("carnet.yaml"));
    if let Some(file) = place.config.as_ref().or(default.as_ref()) {
        let loaded = load::read_config(file)
            .map_err(|e| anyhow::anyhow!("{}\n(or name a data folder with --data DIR)", e.join("\n\n")))?;
        let mut config = loaded.config;
        if let Some(data) = &place.data {
            config.data.clone_from(data);
        }
        return Ok(config);
    }
    let data = place.data.clone().unwrap_or_default();
    let vkey = data.join("log/vkey");
    let vkey =
        std::fs::read_to_string(&vkey).map_err(|e| anyhow::anyhow!("{}: {}", vkey.display(), e.kind()))?;
    let origin = vkey.split('+').next().unwrap_or_default();
    // The genesis of the log says where it is; this is only needed to read it.
    let text = format!("version: 1\ncell: {{ region: de, origin: {} }}\n", carnet_json::quote(origin));
    let environment = std::collections::BTreeMap::new();
    let source = Source { file: "--data", text: &text, folder: &data, environment: &environment, now: 0 };
    let loaded =
        carnet_config::load(source).map_err(|_| anyhow::anyhow!("the log's origin cannot be used"))?;
    let mut config = loaded.config;
    config.data = data;
    Ok(config)
}
