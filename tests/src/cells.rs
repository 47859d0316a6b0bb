//! A front and its cells: keys and certificates made here, each process with a folder of its own.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context, Result};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, PKCS_ED25519};
use sha2::Digest;
use tempfile::TempDir;

use crate::gateway::{TOKEN, binary, sha256_hex};
use crate::net::Net;
use crate::process::Process;

/// A cell as a test describes it.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Its name.
    pub name: &'static str,
    /// Where it is.
    pub region: &'static str,
    /// Its servers: names, and their lines of configuration.
    pub servers: Vec<(String, String)>,
    /// Its policies.
    pub policies: &'static str,
}

/// A certificate, its key, and its fingerprint.
struct Identity {
    certificate: String,
    key: String,
    fingerprint: String,
}

/// Keys, certificates and folders of a front and its cells.
pub struct World {
    dir: TempDir,
    plans: Vec<Plan>,
    /// Where the front listens for cells; known once it runs.
    tunnel: Option<String>,
    /// The same of a second front.
    second: Option<String>,
    /// Where cells dial instead, by their names.
    pub through: BTreeMap<&'static str, SocketAddr>,
    issuer: CertifiedIssuer<'static, KeyPair>,
    /// Lines that the front's configuration has besides.
    pub front_more: String,
    /// Lines that every cell's configuration has besides.
    pub cell_more: String,
    /// Where a front of a build for tests notes the keys of its tunnels.
    pub key_log: Option<PathBuf>,
    /// Namespaces that the processes run in, named `front` and as the cells are.
    pub net: Option<Arc<Net>>,
    host: String,
}

/// A running front.
pub struct Front {
    /// The process.
    pub process: Process,
    /// Where callers connect: scheme, host and port.
    pub base: String,
    /// Where cells connect: host and port.
    pub tunnel: String,
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

impl World {
    /// Makes the keys of a front and of these cells.
    ///
    /// # Errors
    /// When a folder cannot be written.
    pub fn new(plans: Vec<Plan>) -> Result<World> {
        World::new_at(plans, "127.0.0.1")
    }

    /// As [`World::new`], with the front at another address.
    ///
    /// # Errors
    /// As [`World::new`].
    pub fn new_at(plans: Vec<Plan>, host: &str) -> Result<World> {
        let dir = tempfile::Builder::new().prefix("carnet-cells").tempdir()?;
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "the tests' root");
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        let world = World {
            dir,
            plans,
            tunnel: None,
            second: None,
            through: BTreeMap::new(),
            issuer,
            front_more: String::new(),
            cell_more: String::new(),
            key_log: None,
            net: None,
            host: host.to_owned(),
        };
        for name in ["front", "front-b"] {
            fs::create_dir(world.folder(name))?;
            let front = world.identity(host)?;
            fs::write(world.folder(name).join("tls.pem"), front.certificate)?;
            fs::write(world.folder(name).join("tls.key"), front.key)?;
        }
        fs::write(world.folder("ca.pem"), world.issuer.pem())?;
        for name in ["assertions", "front-b-assertions", "policies"] {
            let key = KeyPair::generate_for(&PKCS_ED25519)?;
            fs::write(world.folder(&format!("{name}.key")), key.serialize_pem())?;
            fs::write(world.folder(&format!("{name}.pub")), key.public_key_pem())?;
        }
        for plan in &world.plans {
            fs::create_dir(world.folder(plan.name))?;
            let cell = world.identity(plan.name)?;
            fs::write(world.folder(plan.name).join("tls.pem"), cell.certificate)?;
            fs::write(world.folder(plan.name).join("tls.key"), cell.key)?;
            fs::write(world.folder(plan.name).join("fingerprint"), cell.fingerprint)?;
            fs::write(world.folder(plan.name).join("policies.cedar"), plan.policies)?;
        }
        Ok(world)
    }

    /// A path in the world's folder.
    #[must_use]
    pub fn folder(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The folder of a cell's log and keys.
    #[must_use]
    pub fn data(&self, cell: &str) -> PathBuf {
        self.folder(cell).join("data")
    }

    fn identity(&self, name: &str) -> Result<Identity> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(vec![name.to_owned()])?;
        params.distinguished_name.push(DnType::CommonName, name);
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Identity {
            fingerprint: hex(&sha2::Sha256::digest(certificate.der())),
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        })
    }

    fn token(&self) -> String {
        format!(
            "identity:\n  tokens:\n    - {{ name: tests, sha256: \"{}\", subject: tester, kind: workload, groups: [testers], \
             expires: 2099-01-01T00:00:00Z }}\n",
            sha256_hex(TOKEN)
        )
    }

    /// Writes the front's configuration and starts it. A front that is started again takes the ports of the first.
    ///
    /// # Errors
    /// When it does not start.
    pub fn front(&mut self, base: Option<&str>) -> Result<Front> {
        let tunnel = self.tunnel.clone();
        let front = self.front_named("front", "assertions", base, tunnel)?;
        self.tunnel = Some(front.tunnel.clone());
        Ok(front)
    }

    /// Starts a second front in front of the same cells; they join it when they are started after this.
    ///
    /// # Errors
    /// When it does not start.
    pub fn second_front(&mut self) -> Result<Front> {
        let front = self.front_named("front-b", "front-b-assertions", None, None)?;
        self.second = Some(front.tunnel.clone());
        Ok(front)
    }

    fn front_named(
        &self,
        name: &'static str,
        assertions: &str,
        base: Option<&str>,
        tunnel: Option<String>,
    ) -> Result<Front> {
        let any = format!("{}:0", self.host);
        let address = base.map_or(any.as_str(), |b| b.trim_start_matches("http://"));
        let tunnel = tunnel.unwrap_or_else(|| any.clone());
        let mut text = format!(
            "version: 1\nname: {name}\nregion: ch\ndata: ./data\nlisteners:\n  - address: {address}\n    plaintext_beyond_loopback: true\n{}assertions: file:../{assertions}.key\n\
             tunnel:\n  address: {tunnel}\n  tls: {{ certificate: tls.pem, key: \"file:tls.key\", client_ca: ../ca.pem }}\ncells:\n",
            self.token()
        );
        for plan in &self.plans {
            let servers: Vec<_> = plan.servers.iter().map(|(name, _)| name.as_str()).collect();
            let fingerprint = fs::read_to_string(self.folder(plan.name).join("fingerprint"))?;
            text.push_str(&format!(
                "  {}: {{ certificate: \"{fingerprint}\", region: {}, servers: [{}] }}\n",
                plan.name,
                plan.region,
                servers.join(", ")
            ));
        }
        text.push_str(&self.front_more);
        let file = self.folder(name).join("front.yaml");
        fs::write(&file, text)?;
        let mut command = Command::new(binary()?);
        command.arg("front").arg("--config").arg(&file);
        let mut command = self.placed(name, command);
        command.envs(self.key_log.iter().map(|file| ("SSLKEYLOGFILE", file)));
        let process = Process::start(command, "carnet: ready")?;
        let said = process.output();
        let after =
            |mark: &str| said.split_once(mark).and_then(|(_, rest)| rest.lines().next().map(str::to_owned));
        let tunnel = after("cells connect at ").context("a tunnel")?;
        Ok(Front { base: after("listening on ").context("an address")?, tunnel, process })
    }

    /// Writes a cell's configuration and starts it.
    ///
    /// # Errors
    /// When it does not start.
    pub fn cell(&self, name: &str) -> Result<Process> {
        let file = self.configure(name, name, name)?;
        Process::start(self.placed(name, self.join(&file)?), "carnet: ready")
    }

    /// A command in the namespace of its name, where there are namespaces.
    fn placed(&self, name: &str, command: Command) -> Command {
        match &self.net {
            Some(net) => net.command(name, &command),
            None => command,
        }
    }

    /// A cell's configuration, under a name and with a certificate that may be another's.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn configure(&self, folder: &str, name: &str, certificate: &str) -> Result<PathBuf> {
        let plan = self.plans.iter().find(|p| p.name == name).context("a plan")?;
        fs::create_dir_all(self.folder(folder))?;
        fs::write(self.folder(folder).join("policies.cedar"), plan.policies)?;
        let mut port =
            self.tunnel.as_deref().and_then(|t| t.rsplit_once(':')).context("a front")?.1.to_owned();
        if let Some(through) = self.through.get(plan.name) {
            port = through.port().to_string();
        }
        let further = self.second.as_ref().map_or_else(String::new, |tunnel| {
            format!(
                "fronts:\n  - {{ address: \"{tunnel}\", name: front-b, certificate: ../{certificate}/tls.pem, key: \"file:../{certificate}/tls.key\", \
                 ca: ../ca.pem, assertions: ../front-b-assertions.pub, policies: ../policies.pub }}\n"
            )
        });
        let mut text = format!(
            "version: 1\ncell: {{ name: {name}, region: {}, origin: carnet.local/test }}\ndata: ./data\nlisteners: []\n\
             policies: [./policies.cedar]\n{}front:\n  address: \"{}:{port}\"\n  name: front\n  certificate: ../{certificate}/tls.pem\n  \
             key: file:../{certificate}/tls.key\n  ca: ../ca.pem\n  assertions: ../assertions.pub\n  policies: ../policies.pub\n{further}{}servers:\n",
            plan.region,
            self.token(),
            self.host,
            self.cell_more,
        );
        for (_, lines) in &plan.servers {
            text.push_str(lines);
        }
        let file = self.folder(folder).join("carnet.yaml");
        fs::write(&file, text)?;
        Ok(file)
    }

    /// What starts a cell.
    ///
    /// # Errors
    /// When the binary does not build.
    pub fn join(&self, file: &Path) -> Result<Command> {
        let mut command = Command::new(binary()?);
        command.args(["cell", "join", "--config"]).arg(file);
        Ok(command)
    }
}

impl Front {
    /// Waits until a cell has joined, counted from the front's start.
    ///
    /// # Errors
    /// When it does not within a minute.
    pub fn joined(&self, cell: &str, times: usize) -> Result<()> {
        let mark = format!("a cell has joined cell={cell}");
        let there = self.process.wait_for(|said| (plain(said).matches(&mark).count() >= times).then_some(()));
        there.with_context(|| format!("{cell} has not joined: {}", self.process.output()))
    }

    /// Waits until the front has said something.
    ///
    /// # Errors
    /// When it does not within a minute.
    pub fn says(&self, mark: &str) -> Result<()> {
        let there = self.process.wait_for(|said| plain(said).contains(mark).then_some(()));
        there.with_context(|| format!("not said: {mark}\n{}", self.process.output()))
    }
}

/// Without the colours of a log.
fn plain(said: &str) -> String {
    let mut out = String::with_capacity(said.len());
    let mut rest = said;
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        out.push_str(before);
        rest = after.split_once('m').map_or("", |(_, after)| after);
    }
    out + rest
}
