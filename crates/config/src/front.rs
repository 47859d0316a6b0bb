//! The two ends of a tunnel: `front` in a cell's configuration, and the whole file of `carnet front`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use carnet_model::Region;

use crate::format::{ADMIN, IDENTITY, LIMITS, LISTENER, LISTENER_TLS, TELEMETRY};
use crate::resolve::{Resolver, seconds};
use crate::resolved::{Admin, IdentityConfig, Limits, Listener, ListenerTls, SecretRef, Telemetry};
use crate::scalar;
use crate::shape::Kind::{
    Address, Count, Duration as Time, Host, List, Map, Name, Path, Region as Place, Secret, Sha256,
    Table as T, Url, Version,
};
use crate::shape::{Table, key, need};
use crate::view::View;
use crate::{Diagnostic, Source};

pub(crate) static JOIN: Table = Table {
    name: "front",
    keys: &[
        need("address", Host, "Host and port of the front's listener for cells."),
        need("name", Name, "The front's name, as its assertions say."),
        need(
            "certificate",
            Path,
            "PEM chain that the cell shows; its fingerprint is what the front knows it by.",
        ),
        need("key", Secret, "Its private key, as file:PATH or env:NAME."),
        need("ca", Path, "PEM roots that the front's certificate must have."),
        need("assertions", Path, "PEM public key (Ed25519) of the front's assertions."),
        key(
            "policies",
            Path,
            "PEM public key (Ed25519) of who signs policies for all cells. Default: none are taken",
        ),
        key("region", Place, "Where the front is."),
        key(
            "connections",
            Count,
            "Connections to the front, so that no call waits for another's bytes. Default: 2",
        ),
    ],
};

pub(crate) static FRONT: Table = Table {
    name: "the front's configuration",
    keys: &[
        need("version", Version, "Version of this format: 1."),
        need("name", Name, "Name of the front."),
        need("region", Place, "Where it runs."),
        key("data", Path, "Folder of its routing records. Default: ./front-data"),
        key("listeners", List(&T(&LISTENER)), "Where callers connect. Default: 127.0.0.1:7300 without TLS."),
        key("public_url", Url, "The address that callers know. Default: from the first listener."),
        key("identity", T(&IDENTITY), "Who may call. The cells check it again by their own configuration."),
        need("tunnel", T(&TUNNEL), "Where cells connect."),
        need("assertions", Secret, "PEM private key (Ed25519) of its assertions, as file:PATH or env:NAME."),
        key("policies", Path, "Signed policies for all cells, from `carnet policy sign`."),
        need("cells", Map(&Name, &T(&CELL)), "The cells and what each of them owns."),
        key("limits", T(&LIMITS), "Sizes, counts and times."),
        key("telemetry", T(&TELEMETRY), "The front's own log."),
        key("admin", T(&ADMIN), "The operator's own listener: /metrics, and /readyz with the cells."),
        key("drain", Time, "How long open calls may run on after SIGTERM. Default: 25s"),
    ],
};

static TUNNEL: Table = Table {
    name: "the tunnel",
    keys: &[
        need("address", Address, "Address and port for cells, such as 0.0.0.0:7443."),
        need(
            "tls",
            T(&LISTENER_TLS),
            "Certificate, key, and client_ca: the roots of the cells' certificates.",
        ),
    ],
};

static CELL: Table = Table {
    name: "a cell",
    keys: &[
        need("certificate", Sha256, "SHA-256 of its certificate (DER), 64 hexadecimal digits."),
        need("region", Place, "Where it is; it must say the same itself."),
        need(
            "servers",
            List(&Name),
            "The servers that it may offer. No two cells have one of the same name.",
        ),
        key("approvals", Url, "Where its approvers act, its own page: linked from the front's /approvals."),
    ],
};

/// How a cell reaches a front.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JoinConfig {
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// The front's name.
    pub name: Arc<str>,
    /// PEM chain that the cell shows.
    pub certificate: PathBuf,
    /// Its key.
    pub key: SecretRef,
    /// Roots of the front's certificate.
    pub ca: PathBuf,
    /// Public key of the front's assertions.
    pub assertions: PathBuf,
    /// Public key of distributed policies.
    pub policies: Option<PathBuf>,
    /// Where the front is, where that is stated.
    pub region: Option<Region>,
    /// Connections at once.
    pub connections: usize,
}

/// A front's whole configuration.
#[derive(Clone, PartialEq, Debug)]
pub struct FrontConfig {
    /// Its name.
    pub name: Arc<str>,
    /// Where it runs.
    pub region: Region,
    /// Folder of its routing records.
    pub data: PathBuf,
    /// Where callers connect.
    pub listeners: Vec<Listener>,
    /// The address that callers know.
    pub public_url: Option<String>,
    /// Who may call.
    pub identity: IdentityConfig,
    /// Where cells connect.
    pub tunnel: SocketAddr,
    /// TLS there, with the roots of the cells' certificates.
    pub tunnel_tls: ListenerTls,
    /// Private key of its assertions.
    pub assertions: SecretRef,
    /// Signed policies for all cells.
    pub policies: Option<PathBuf>,
    /// The cells by name.
    pub cells: BTreeMap<Arc<str>, CellOfFront>,
    /// Sizes, counts and times.
    pub limits: Limits,
    /// The front's own log.
    pub telemetry: Telemetry,
    /// The operator's own listener.
    pub admin: Option<Admin>,
    /// How long open calls may run on after SIGTERM.
    pub drain: Duration,
}

/// A cell as its front knows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CellOfFront {
    /// SHA-256 of its certificate.
    pub certificate: [u8; 32],
    /// Where it is.
    pub region: Region,
    /// What it may offer.
    pub servers: Vec<Arc<str>>,
    /// The page of its approvers.
    pub approvals: Option<String>,
}

/// A front's configuration, and what to warn of.
#[derive(Clone, Debug)]
pub struct LoadedFront {
    /// The configuration.
    pub config: FrontConfig,
    /// Warnings, in the order of the file.
    pub warnings: Vec<Diagnostic>,
}

/// Reads a front's configuration.
///
/// # Errors
/// Every mistake in the text, in the order of the file.
pub fn load_front(source: Source<'_>) -> Result<LoadedFront, Vec<Diagnostic>> {
    crate::read(source, &FRONT, |resolver, root| resolver.front(root))
        .map(|(config, warnings, _)| LoadedFront { config, warnings })
}

impl Resolver<'_, '_> {
    /// `front` of a cell, where it is given.
    pub(crate) fn joined(&mut self, view: View<'_>) -> Option<JoinConfig> {
        if view.given() { self.join(view) } else { None }
    }

    /// `fronts` of a cell: further ones, of other names, that take policies of the same signer.
    pub(crate) fn others(&mut self, first: Option<&JoinConfig>, view: View<'_>) -> Vec<JoinConfig> {
        let mut all: Vec<JoinConfig> = Vec::new();
        for item in view.items() {
            let Some(next) = self.join(item) else { continue };
            for known in first.into_iter().chain(&all) {
                if known.name == next.name {
                    let help = "an assertion says its front's name: each has its own".to_owned();
                    self.report.error(item.at(), format!("two fronts are named `{}`", next.name), Some(help));
                }
                if known.policies != next.policies {
                    let help =
                        "one key signs the policies for all cells, whichever front brings them".to_owned();
                    self.report.error(item.at(), "two fronts with different `policies`", Some(help));
                }
            }
            all.push(next);
        }
        all
    }

    fn join(&mut self, view: View<'_>) -> Option<JoinConfig> {
        let folder = self.source.folder;
        let address = view.get("address");
        let parts = address.text().and_then(|text| {
            let (host, port) = text.rsplit_once(':')?;
            Some((host.trim_matches(['[', ']']).to_owned(), port.parse().ok()?))
        });
        if address.given() && parts.is_none() {
            let help = "such as front.example:7443";
            self.report.error(address.at(), "this is no HOST:PORT", Some(help.into()));
        }
        let (host, port) = parts?;
        Some(JoinConfig {
            host,
            port,
            name: view.get("name").shared()?,
            certificate: view.get("certificate").path(folder)?,
            key: self.secret(view.get("key"))?,
            ca: view.get("ca").path(folder)?,
            assertions: view.get("assertions").path(folder)?,
            policies: view.get("policies").path(folder),
            region: view.get("region").region(),
            connections: view.get("connections").count(2),
        })
    }

    /// A front's whole file.
    fn front(&mut self, root: View<'_>) -> Option<FrontConfig> {
        let folder = self.source.folder;
        let listeners = self.listeners(root.get("listeners"));
        let identity = self.identity(root.get("identity"), &listeners);
        let tunnel = root.get("tunnel");
        let tls = tunnel.get("tls");
        if tls.given() && !tls.get("client_ca").given() {
            let help = "name the roots of the cells' certificates: whoever connects there is a cell";
            self.report.error(tls.at(), "`tunnel.tls` needs `client_ca`", Some(help.into()));
        }
        let tunnel_tls = Some(ListenerTls {
            certificate: tls.get("certificate").path(folder)?,
            key: self.secret(tls.get("key"))?,
            client_ca: tls.get("client_ca").path(folder),
        });
        Some(FrontConfig {
            name: root.get("name").shared()?,
            region: root.get("region").region()?,
            data: root.get("data").path(folder).unwrap_or_else(|| scalar::path("front-data", folder)),
            public_url: root.get("public_url").text().map(|t| t.trim_end_matches('/').to_owned()),
            tunnel: tunnel.get("address").text().and_then(scalar::address)?,
            tunnel_tls: tunnel_tls?,
            assertions: self.secret(root.get("assertions"))?,
            policies: root.get("policies").path(folder),
            cells: self.cells(root.get("cells")),
            limits: crate::resolve::limits(root.get("limits")),
            telemetry: self.telemetry(root.get("telemetry")),
            admin: self.admin(root.get("admin")),
            drain: root.get("drain").duration(seconds(25)),
            listeners,
            identity,
        })
    }

    fn cells(&mut self, view: View<'_>) -> BTreeMap<Arc<str>, CellOfFront> {
        let mut cells = BTreeMap::new();
        let (mut servers, mut certificates) = (BTreeMap::new(), BTreeMap::new());
        for (name, _, cell) in view.pairs() {
            for server in cell.get("servers").items() {
                let Some(text) = server.text() else { continue };
                if let Some(other) = servers.insert(text.to_owned(), name.to_owned()) {
                    let help = format!("the cell `{other}` has it too: a call must have one way to go");
                    self.report.error(server.at(), format!("the server `{text}` has two cells"), Some(help));
                }
            }
            let certificate = cell.get("certificate");
            let Some(hash) = certificate.text().and_then(scalar::sha256) else { continue };
            if let Some(other) = certificates.insert(hash, name.to_owned()) {
                let help = format!("the cell `{other}` has it too: they could not be told apart");
                self.report.error(certificate.at(), "two cells have this certificate", Some(help));
            }
            let Some(region) = cell.get("region").region() else { continue };
            let servers = cell.get("servers").texts();
            let approvals = cell.get("approvals").text().map(str::to_owned);
            cells.insert(name.into(), CellOfFront { certificate: hash, region, servers, approvals });
        }
        cells
    }
}
