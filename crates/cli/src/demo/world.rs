//! Everything that the demo starts: server, issuer, gateway, in a folder of its own, on ports of this machine.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, anyhow, bail, ensure};
use carnet_config::{Loaded, Source};
use carnet_evidence::LeafType;
use carnet_gateway::run::{Running, Start};
use serde_json::json;
use tempfile::TempDir;

use super::client::Client;
use super::issuer::{self, Issuer, REGION};
use super::personas::{self, Persona};
use super::{Args, PORT, evidence, policies, sample};
use crate::{log, output};

/// The name of a server of the user's own.
const OWN: &str = "own";
/// How long the tokens live that are written down for `curl`, seconds.
const WRITTEN_SECONDS: u64 = 12 * 3600;

/// What runs.
pub(super) struct World {
    /// The server's name in the configuration.
    pub(super) name: &'static str,
    /// The sample server; `None` where the user brought one.
    pub(super) sample: Option<Sampled>,
    pub(super) issuer: Arc<Issuer>,
    /// Where the gateway listens.
    pub(super) address: SocketAddr,
    /// Log, keys and tokens.
    pub(super) data: PathBuf,
    /// Whether the folder stays.
    pub(super) kept: bool,
    gateway: Running,
    /// Removed at the end.
    _temporary: Option<TempDir>,
}

/// The sample server and the key that only it and Carnet know.
pub(super) struct Sampled {
    pub(super) server: sample::Running,
    pub(super) key: String,
}

impl World {
    /// Starts everything. The inner error is what the gateway found wrong.
    pub(super) async fn start(args: &Args) -> anyhow::Result<Result<World, Vec<String>>> {
        let (data, temporary) = folder(args.data.as_deref())?;
        let port = port(args)?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let own = !args.command.is_empty();
        let name = if own { OWN } else { sample::NAME };
        let listener = issuer::listener(if args.once { 0 } else { port.wrapping_add(1) })
            .or_else(|_| issuer::listener(0))?;
        let issuer = issuer::start(listener, vec![format!("http://{address}/mcp/{name}")])?;
        let sample = if own {
            None
        } else {
            let key = random_hex()?;
            secret(&data.join("crm.key"), &key)?;
            Some(Sampled { server: sample::start(key.clone())?, key })
        };
        let text = configuration(address, name, &issuer, sample.as_ref(), &args.command, &data);
        let loaded = load(&text, &data)?;
        log::start(&loaded.config.telemetry);
        let sources = if own { policies::OWN } else { policies::CRM };
        let sources = sources.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        let start = Start { loaded, policies: sources, file: None };
        let gateway = match carnet_gateway::run::start(start).await {
            Ok(gateway) => gateway,
            Err(errors) => return Ok(Err(errors)),
        };
        for persona in personas::ALL {
            secret(&token_file(&data, persona), &issuer.mint(persona, REGION, WRITTEN_SECONDS)?)?;
        }
        let kept = temporary.is_none();
        Ok(Ok(World { name, sample, issuer, address, data, kept, gateway, _temporary: temporary }))
    }

    /// The path of the server's endpoint at the gateway.
    pub(super) fn path(&self) -> String {
        format!("/mcp/{}", self.name)
    }

    /// The address that clients are given.
    pub(super) fn url(&self) -> String {
        format!("http://{}{}", self.address, self.path())
    }

    /// The token of a persona, in a file.
    pub(super) fn token_file(&self, persona: Persona) -> PathBuf {
        token_file(&self.data, persona)
    }

    /// A client with a persona's token.
    pub(super) fn client(&self, persona: Persona, region: &str) -> anyhow::Result<Client> {
        let token = self.issuer.mint(persona, region, issuer::ACCESS_SECONDS)?;
        Ok(Client::new(self.address, &self.path(), &token))
    }

    /// The same for a server that needs a greeting.
    pub(super) async fn greeting_client(&self, persona: Persona) -> anyhow::Result<Client> {
        let token = self.issuer.mint(persona, REGION, issuer::ACCESS_SECONDS)?;
        Client::greeting(self.address, &self.path(), &token).await
    }

    /// Stops the gateway in order: sessions are closed, the log gets its last record and checkpoint, and still holds.
    pub(super) async fn stop(self) -> anyhow::Result<()> {
        self.gateway.stop().await;
        let records = evidence::records(&self.data)?;
        let report = evidence::verified(&self.data, records.len() as u64).await?;
        let stopped = records.last().is_some_and(|r| r.ty == LeafType::GwStop);
        ensure!(stopped && report.holds(), "after the stop the log does not hold");
        Ok(())
    }
}

fn token_file(data: &Path, persona: Persona) -> PathBuf {
    data.join(format!("{}.token", persona.key))
}

/// The folder for log and keys: empty, so that the tour begins with an empty log.
fn folder(given: Option<&Path>) -> anyhow::Result<(PathBuf, Option<TempDir>)> {
    let Some(given) = given else {
        let temporary =
            tempfile::Builder::new().prefix("carnet-demo-").tempdir().context("cannot make a folder")?;
        return Ok((temporary.path().to_owned(), Some(temporary)));
    };
    std::fs::create_dir_all(given).with_context(|| format!("cannot make {}", given.display()))?;
    if std::fs::read_dir(given)?.next().is_some() {
        bail!("{} is not empty: the demo begins with an empty log", given.display());
    }
    Ok((std::path::absolute(given)?, None))
}

/// The gateway's port has to be known before it listens, because tokens name its address. So it is tried here first.
fn port(args: &Args) -> anyhow::Result<u16> {
    let free = |port: u16| -> anyhow::Result<u16> {
        Ok(std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port))?.local_addr()?.port())
    };
    match args.port {
        Some(port) => free(port).with_context(|| format!("port {port} cannot be used")),
        None if args.once => free(0),
        None => free(PORT).or_else(|_| {
            let other = free(0)?;
            output::note(&format!("carnet: port {PORT} is taken, using {other}"));
            Ok(other)
        }),
    }
}

fn configuration(
    address: SocketAddr,
    name: &str,
    issuer: &Issuer,
    sample: Option<&Sampled>,
    command: &[String],
    data: &Path,
) -> String {
    let server = match sample {
        Some(sample) => json!({
            "url": sample.server.url(),
            "region": REGION,
            "purpose": "customer care",
            "legal_basis": "contract",
            "credentials": { "bearer": format!("file:{}", data.join("crm.key").display()) },
        }),
        // A first start may have to fetch the server's package.
        None => json!({ "command": command, "region": REGION, "timeouts": { "connect": "150s" } }),
    };
    // JSON is YAML. The same configuration can be written by hand; examples/ has more.
    let text = json!({
        "version": 1,
        "cell": { "name": "demo", "region": REGION },
        "data": data,
        "listeners": [{ "address": address.to_string() }],
        "public_url": format!("http://{address}"),
        "identity": { "issuers": [{
            "issuer": issuer.url(),
            "audiences": [format!("http://{address}/mcp/{name}")],
            "algorithms": ["ES256"],
            "claims": { "groups": "groups", "region": "region" },
        }] },
        "servers": { name: server },
        "masking": { "classes": { "email": "token", "iban": "keep-last-4", "card": "keep-last-4" } },
        "evidence": { "checkpoint": "200ms" },
        "telemetry": { "log": { "level": "warn", "format": "text" } },
        "drain": "2s",
    });
    format!("{text:#}\n")
}

fn load(text: &str, folder: &Path) -> anyhow::Result<Loaded> {
    let environment = BTreeMap::new();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
    let source = Source { file: "demo.yaml", text, folder, environment: &environment, now };
    carnet_config::load(source).map_err(|all| {
        let all: Vec<_> = all.iter().map(ToString::to_string).collect();
        anyhow!("the demo's own configuration is not good:\n{}", all.join("\n"))
    })
}

/// A file for its owner alone.
fn secret(path: &Path, text: &str) -> anyhow::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(file.write_all(text.as_bytes())?)
}

fn random_hex() -> anyhow::Result<String> {
    let mut bytes = [0u8; 24];
    getrandom::fill(&mut bytes).map_err(|_| anyhow!("the system gives no random numbers"))?;
    Ok(bytes.iter().map(|b| format!("{b:02x}")).collect())
}
