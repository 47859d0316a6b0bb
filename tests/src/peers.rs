//! The real peers: where `cargo xtask peers` put them, and how each is started.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::http;
use crate::process::Process;

/// The folder of the installed peers.
///
/// # Errors
/// When nothing is installed.
pub fn folder() -> Result<PathBuf> {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/peers");
    let folder = std::env::var_os("CARNET_PEERS").map_or(default, PathBuf::from);
    folder
        .canonicalize()
        .context("the peers are not installed: run `cargo xtask test`, or `cargo xtask peers` once")
}

/// A file of this package, such as `peers/clients/ts-v1.mjs`.
#[must_use]
pub fn source(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The Node that the peers brought with them.
///
/// # Errors
/// When nothing is installed.
pub fn node() -> Result<PathBuf> {
    Ok(folder()?.join("npm/node/node_modules/node/bin/node"))
}

/// A script of this package, started with the peers' Node.
///
/// # Errors
/// When nothing is installed.
pub fn script(path: &str) -> Result<Command> {
    let mut command = Command::new(node()?);
    command.arg(source(path)).env("CARNET_PEERS", folder()?);
    Ok(command)
}

/// The entry file of an installed npm program, such as `servers`, `@modelcontextprotocol/server-memory/dist/index.js`.
///
/// # Errors
/// When it is not there.
pub fn npm(place: &str, file: &str) -> Result<PathBuf> {
    let path = folder()?.join("npm").join(place).join("node_modules").join(file);
    if path.is_file() { Ok(path) } else { bail!("{} is not there", path.display()) }
}

/// The fixture server's program, beside this test's own.
///
/// # Errors
/// When it was not built.
pub fn fixture_binary() -> Result<PathBuf> {
    let target = crate::gateway::target_folder()?;
    let file = target.join("fixture-server");
    if file.is_file() {
        Ok(file)
    } else {
        bail!("fixture-server is not built: cargo build -p carnet-tests --bins")
    }
}

/// Starts the fixture on a port of its own; `ready` is its URL.
///
/// # Errors
/// When it does not come up.
pub fn fixture() -> Result<Process> {
    let mut command = Command::new(fixture_binary()?);
    command.args(["--http", "127.0.0.1:0"]);
    Process::start(command, "fixture: listening on ")
}

/// A throwaway PostgreSQL on a port of its own, with one table of fictional customers. Gone when dropped.
pub struct Postgres {
    dir: TempDir,
    /// `postgres://...`
    pub url: String,
}

impl Postgres {
    /// Starts one; `None` when the tests were told to do without.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn start() -> Result<Option<Postgres>> {
        if std::env::var_os("CARNET_WITHOUT_POSTGRES").is_some() {
            return Ok(None);
        }
        let dir = tempfile::Builder::new().prefix("carnet-pg").tempdir()?;
        let started = Self::script("start", dir.path()).output()?;
        let said = String::from_utf8_lossy(&started.stdout).trim().to_owned();
        if !started.status.success() {
            bail!("PostgreSQL: {said}\n{}", String::from_utf8_lossy(&started.stderr));
        }
        Ok(Some(Postgres { dir, url: said }))
    }

    fn script(what: &str, dir: &Path) -> Command {
        let mut command = Command::new("bash");
        command.arg(source("peers/postgres.sh")).arg(what).arg(dir);
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let _gone = Self::script("stop", self.dir.path()).output();
    }
}

/// The OpenID provider (see `peers/oidc/provider.mjs`).
pub struct Oidc {
    process: Process,
}

impl Oidc {
    /// Starts one that issues tokens for these resources; the first is the default.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn start(resources: &[&str]) -> Result<Oidc> {
        let mut command = script("peers/oidc/provider.mjs")?;
        command.args(resources);
        Ok(Oidc { process: Process::start(command, "ready ")? })
    }

    /// Its `iss`.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.process.ready
    }

    /// What only a test may ask: `rotate`, `groups`, `expired`.
    ///
    /// # Errors
    /// When it does not answer with JSON.
    pub fn admin(&self, what: &str, body: &Value) -> Result<Value> {
        let url = format!("{}/admin/{what}", self.issuer());
        let reply = http::send("POST", &url, &[("content-type", "application/json")], &body.to_string())?;
        serde_json::from_str(&reply.body).with_context(|| format!("/admin/{what}: {}", reply.body))
    }

    /// An access token of a person, by code and PKCE.
    ///
    /// # Errors
    /// When the provider refuses.
    pub fn user_token(&self, user: &str, resource: &str) -> Result<String> {
        access_token(&self.admin("login", &json!({ "user": user, "resource": resource }))?)
    }

    /// An access token of a program, by client credentials.
    ///
    /// # Errors
    /// When the provider refuses.
    pub fn client_token(&self, client: &str, resource: &str) -> Result<String> {
        access_token(&self.admin("client", &json!({ "client": client, "resource": resource }))?)
    }
}

fn access_token(reply: &Value) -> Result<String> {
    let token = reply["access_token"].as_str().with_context(|| format!("no token: {}", reply["error"]))?;
    Ok(token.to_owned())
}
