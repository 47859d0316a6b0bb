//! The gateway under test: a folder with its configuration and policies, and the running process.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::process::Process;

/// The static token that [`Setup::with_token`] configures: [`token`] of `tests`.
pub const TOKEN: &str = "carnet_LE0tMdYNcEkYUS5UGqoEpCixMea3F4hGglMmJup34xF0oXRTw";

/// Everything is allowed, and nothing is shown unmasked.
pub const ALLOW_ALL_MASKED: &str = r#"
@id("everything") permit (principal, action, resource);
@id("nothing-unmasked") forbid (principal, action == Action::"reveal", resource);
"#;

/// Everything is allowed. Nothing personal is shown; what cannot be looked into, such as pictures, is.
pub const NOTHING_PERSONAL: &str = r#"
@id("everything") permit (principal, action, resource);
@id("nothing-personal") forbid (principal, action == Action::"reveal", resource)
unless { resource == DataClass::"uninspected" };
"#;

/// Everything is allowed and shown.
pub const ALLOW_ALL: &str = r#"@id("everything") permit (principal, action, resource);"#;

/// The folder of the binaries that cargo has built, two above the running test.
///
/// # Errors
/// When the test does not run from a target folder.
pub fn target_folder() -> Result<PathBuf> {
    let test = std::env::current_exe()?;
    let folder = test.parent().and_then(Path::parent).context("a target folder")?;
    Ok(folder.to_path_buf())
}

/// The binary: `CARNET_BIN`, or the one in the target folder, built now if it is not there.
///
/// # Errors
/// When it does not build.
pub fn binary() -> Result<PathBuf> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let built = BUILT.get_or_init(|| find_or_build().map_err(|e| format!("{e:#}")));
    built.clone().map_err(anyhow::Error::msg)
}

fn find_or_build() -> Result<PathBuf> {
    if let Some(file) = std::env::var_os("CARNET_BIN") {
        return Ok(PathBuf::from(file));
    }
    let file = target_folder()?.join("carnet");
    if !file.is_file() {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut build = Command::new(cargo);
        build.current_dir(env!("CARGO_MANIFEST_DIR")).args(["build", "--quiet", "-p", "carnet"]);
        if !build.status()?.success() {
            bail!("the gateway does not build");
        }
    }
    Ok(file)
}

/// A folder with `carnet.yaml`, a policy file and the gateway's data.
pub struct Setup {
    dir: TempDir,
}

impl Setup {
    /// Writes `head` (all of the configuration but listeners and policies) and the policies.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn new(head: &str, policies: &str) -> Result<Setup> {
        let dir = tempfile::Builder::new().prefix("carnet-e2e").tempdir()?;
        let setup = Setup { dir };
        setup.policies(policies)?;
        let fixed = "version: 1\ncell: { name: test, region: de }\ndata: ./data\n\
                     listeners:\n  - address: 127.0.0.1:0\npolicies: [./policies.cedar]\n";
        fs::write(setup.config(), format!("{fixed}{head}"))?;
        Ok(setup)
    }

    /// As [`Setup::new`], with [`TOKEN`] as the only way in; the caller is in the group `testers`.
    ///
    /// # Errors
    /// As [`Setup::new`].
    pub fn with_token(servers: &str, policies: &str) -> Result<Setup> {
        let identity = format!(
            "identity:\n  tokens:\n    - name: tests\n      sha256: \"{}\"\n      subject: tester\n      kind: workload\n      \
             groups: [testers]\n      expires: 2099-01-01T00:00:00Z\n",
            sha256_hex(TOKEN)
        );
        Setup::new(&format!("{identity}servers:\n{servers}"), policies)
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The folder of log and keys.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// The configuration file.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.dir.path().join("carnet.yaml")
    }

    /// Replaces the policies.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn policies(&self, text: &str) -> Result<()> {
        Ok(fs::write(self.dir.path().join("policies.cedar"), text)?)
    }

    /// Starts the gateway and waits until it listens.
    ///
    /// # Errors
    /// When it does not: with what it printed.
    pub fn start(&self) -> Result<Gateway> {
        Gateway::start(self.command()?)
    }

    /// What starts the gateway.
    ///
    /// # Errors
    /// When its binary does not build.
    pub fn command(&self) -> Result<Command> {
        let mut command = Command::new(binary()?);
        command.current_dir(self.path()).arg("serve").arg("--config").arg(self.config());
        Ok(command)
    }
}

/// A running gateway. Killed when dropped.
pub struct Gateway {
    /// The process, for signals and for what it printed.
    pub process: Process,
}

impl Gateway {
    /// Starts a command that becomes the gateway, and waits until it listens.
    ///
    /// # Errors
    /// When it does not: with what it printed.
    pub fn start(command: Command) -> Result<Gateway> {
        Ok(Gateway { process: Process::start(command, "carnet: listening on ")? })
    }

    /// Scheme, host and port of the operator's listener, where one is configured on port 0.
    ///
    /// # Errors
    /// When it is not printed within a minute.
    pub fn admin(&self) -> Result<String> {
        let mark = "metrics and readiness on ";
        let line = self.process.wait_for(|output| {
            output.lines().find_map(|line| line.split_once(mark)).map(|(_, base)| base.trim().to_owned())
        });
        line.context("the operator's listener")
    }

    /// Scheme, host and port.
    #[must_use]
    pub fn base(&self) -> &str {
        self.process.ready.trim_end_matches('/')
    }

    /// The address of a server for Streamable HTTP.
    #[must_use]
    pub fn url(&self, server: &str) -> String {
        format!("{}/mcp/{server}", self.base())
    }

    /// The address of a server for the HTTP+SSE of revision 2024-11-05.
    #[must_use]
    pub fn sse(&self, server: &str) -> String {
        format!("{}/mcp/{server}/sse", self.base())
    }
}

/// The static token of a name, the same in every run.
#[must_use]
pub fn token(name: &str) -> String {
    use sha2::Digest;
    carnet_identity::make_token(&sha2::Sha256::digest(name.as_bytes()).into()).token.expose().clone()
}

/// The `identity` block of callers with static tokens: name, kind (`user` or `workload`) and groups of each.
#[must_use]
pub fn identity(callers: &[(&str, &str, &[&str])]) -> String {
    let mut block = String::from("identity:\n  tokens:\n");
    for (name, kind, groups) in callers {
        block.push_str(&format!(
            "    - {{ name: {name}, sha256: \"{}\", subject: {name}, kind: {kind}, groups: [{}], region: de, expires: \
             2099-01-01T00:00:00Z }}\n",
            sha256_hex(&token(name)),
            groups.join(", ")
        ));
    }
    block
}

/// SHA-256 in hex, as a configuration has a token's.
#[must_use]
pub fn sha256_hex(text: &str) -> String {
    use sha2::Digest;
    sha2::Sha256::digest(text.as_bytes()).iter().map(|b| format!("{b:02x}")).collect()
}
