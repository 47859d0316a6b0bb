//! From a checked tree to [`Config`]: defaults, and everything that concerns more than one key.

mod approvals;
mod channels;
mod content;
mod identity;
mod masking;
mod reporting;
mod residency;
mod server;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use carnet_model::{ClassNames, ClassSet, DataClass, Region};

use crate::Source;
use crate::report::Report;
use crate::resolved::{
    Admin, Cell, Config, EvidenceConfig, Hsm, Limits, Listener, ListenerTls, LogFormat, LogLevel, Otlp,
    SecretRef, Telemetry, TimestampConfig, WitnessConfig,
};
use crate::scalar;
use crate::view::View;

/// What resolving reads and writes besides the tree.
pub(crate) struct Resolver<'a, 'r> {
    pub(crate) source: Source<'a>,
    pub(crate) report: &'r mut Report,
}

/// The longest that a vault keeps a value.
const LONGEST_KEPT: Duration = seconds(90 * 24 * 60 * 60);

pub(crate) const fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

impl Resolver<'_, '_> {
    /// The whole configuration. It may only be used if nothing was reported as an error.
    pub(crate) fn config(&mut self, root: View<'_>) -> Config {
        let folder = self.source.folder;
        let mut cell = cell(root.get("cell"));
        cell.attestation = self.attestation(root.get("cell").get("attestation"), &cell.origin);
        let listeners = self.listeners(root.get("listeners"));
        let limits = limits(root.get("limits"));
        let identity = self.identity(root.get("identity"), &listeners);
        let masking = self.masking(root.get("masking"));
        let servers = self.servers(root.get("servers"), &cell, &limits, &masking.names);
        let front = self.joined(root.get("front"));
        let policies: Vec<_> = root.get("policies").items().filter_map(|v| v.path(folder)).collect();
        if policies.is_empty() {
            let help = Some("name a file or folder under `policies`".to_owned());
            self.report.warn(root.key_at("policies"), "without policies every call is denied", help);
        }
        Config {
            data: root.get("data").path(folder).unwrap_or_else(|| scalar::path("data", folder)),
            public_url: root.get("public_url").text().map(|t| t.trim_end_matches('/').to_owned()),
            residency: self.residency(root.get("residency")),
            masking,
            evidence: self.evidence(root.get("evidence")),
            approvals: self.approvals(root.get("approvals"), &identity),
            telemetry: self.telemetry(root.get("telemetry")),
            fronts: self.others(front.as_ref(), root.get("fronts")),
            front,
            admin: self.admin(root.get("admin")),
            processing: self.processing(root.get("processing"), &servers),
            sinks: self.sinks(root.get("sinks")),
            reload_asked: root.get("reload").text() == Some("asked"),
            drain: root.get("drain").duration(seconds(25)),
            cell,
            listeners,
            identity,
            policies,
            servers,
            limits,
        }
    }

    pub(crate) fn listeners(&mut self, view: View<'_>) -> Vec<Listener> {
        if !view.given() {
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 7300));
            return vec![Listener {
                address,
                tls: None,
                plaintext_beyond_loopback: false,
                hosts: Vec::new(),
                origins: Vec::new(),
            }];
        }
        let listeners: Vec<Listener> = view.items().filter_map(|v| self.listener(v)).collect();
        for (n, item) in view.items().enumerate() {
            let address = item.get("address");
            let same = view.items().take(n).any(|o| o.get("address").text() == address.text());
            let any_port = address.text().is_some_and(|t| t.ends_with(":0"));
            if same && address.given() && !any_port {
                self.report.error(address.at(), "two listeners have this address", None);
            }
        }
        listeners
    }

    fn listener(&mut self, view: View<'_>) -> Option<Listener> {
        let folder = self.source.folder;
        let tls = view.get("tls");
        let plain = view.get("plaintext_beyond_loopback").flag();
        let lower = |v: View<'_>| v.text().map(str::to_ascii_lowercase);
        let read_tls = tls.given().then(|| {
            Some(ListenerTls {
                certificate: tls.get("certificate").path(folder)?,
                key: self.secret(tls.get("key"))?,
                client_ca: tls.get("client_ca").path(folder),
            })
        });
        let address = view.get("address");
        let socket = address.text().and_then(scalar::address)?;
        if !socket.ip().is_loopback() && !tls.given() && !plain {
            let help = "give it `tls`, or allow it by `plaintext_beyond_loopback: true`";
            self.report.error(address.at(), "plain HTTP beyond loopback", Some(help.into()));
        }
        Some(Listener {
            address: socket,
            tls: read_tls.flatten(),
            plaintext_beyond_loopback: plain,
            hosts: view.get("hosts").items().filter_map(lower).collect(),
            origins: view.get("origins").items().filter_map(lower).collect(),
        })
    }

    /// A reference; warns if it names a variable that is not set.
    pub(crate) fn secret(&mut self, view: View<'_>) -> Option<SecretRef> {
        let reference = view.secret(self.source.folder)?;
        if let SecretRef::Env(name) = &reference
            && !self.source.environment.contains_key(name)
        {
            let message = format!("the environment variable `{name}` is not set");
            self.report.warn(view.at(), message, Some("Carnet does not start without it".into()));
        }
        Some(reference)
    }

    /// Refuses `http://` to another machine unless it was allowed.
    pub(crate) fn no_plaintext(&mut self, view: View<'_>, allowed: bool, help: &str) {
        let Some(url) = view.text().and_then(scalar::url) else { return };
        if !url.https && !scalar::loopback_host(url.host) && !allowed {
            self.report.error(view.at(), "plain HTTP beyond loopback", Some(help.to_owned()));
        }
    }

    fn hsm(&mut self, view: View<'_>, kek: View<'_>) -> Option<Hsm> {
        if view.given() && kek.given() {
            self.report.error(view.key_at("module"), "the KEK is either `kek` or in the `hsm`", None);
        }
        Some(Hsm {
            module: view.get("module").path(self.source.folder)?,
            token: view.get("token").shared()?,
            key: view.get("key").shared()?,
            pin: self.secret(view.get("pin"))?,
            region: view.get("region").region(),
        })
    }

    fn evidence(&mut self, view: View<'_>) -> EvidenceConfig {
        EvidenceConfig {
            kek: self.secret(view.get("kek")),
            hsm: self.hsm(view.get("hsm"), view.get("kek")),
            heartbeat: view.get("heartbeat").duration(seconds(60)),
            checkpoint: view.get("checkpoint").duration(seconds(1)),
            segment: view.get("segment").size(64 << 20),
            persons: self.persons(view.get("subjects").get("detected")),
            retention: retention(view.get("retention")),
            retention_acts: given(view.get("retention").get("acts")),
            retention_approvals: given(view.get("retention").get("approvals")),
            backup_horizon: view.get("backup_horizon").duration(seconds(30 * DAY)),
            witness: self.witness(view.get("witness")),
            timestamp: self.timestamp(view.get("timestamp")),
        }
    }

    fn witness(&mut self, view: View<'_>) -> Option<WitnessConfig> {
        Some(WitnessConfig {
            policy: view.get("policy").path(self.source.folder)?,
            every: view.get("every").duration(seconds(60)),
            regions: view.get("regions").items().filter_map(|v| v.region()).collect(),
            ca: view.get("ca").path(self.source.folder),
            allow_plaintext: view.get("allow_plaintext").flag(),
        })
    }

    fn timestamp(&mut self, view: View<'_>) -> Option<TimestampConfig> {
        let allow = view.get("allow_plaintext").flag();
        self.no_plaintext(view.get("url"), allow, "use https, or allow it by `allow_plaintext: true`");
        Some(TimestampConfig {
            url: view.get("url").string()?,
            every: view.get("every").duration(seconds(3600)),
            region: view.get("region").region(),
            ca: view.get("ca").path(self.source.folder),
            allow_plaintext: allow,
        })
    }

    /// Classes whose values name a person, and one person only. What is stored under a name of one's own would be lost
    /// when the configuration changes, so only built-in classes will do.
    fn persons(&mut self, view: View<'_>) -> ClassSet {
        for item in view.items() {
            if item.text().is_some_and(|t| DataClass::by_name(t).is_none() && ClassNames::acceptable(t)) {
                self.report.error(item.at(), "this is not a built-in class", None);
            }
        }
        if view.given() {
            return view.items().filter_map(|v| DataClass::by_name(v.text()?)).collect();
        }
        use DataClass as C;
        [C::EMAIL, C::PHONE, C::IBAN, C::US_SSN, C::NATIONAL_ID, C::TAX_ID, C::HEALTH_ID, C::PASSPORT]
            .into_iter()
            .collect()
    }

    pub(crate) fn telemetry(&mut self, view: View<'_>) -> Telemetry {
        let log = view.get("log");
        let level = match log.get("level").text() {
            Some("error") => LogLevel::Error,
            Some("warn") => LogLevel::Warn,
            Some("debug") => LogLevel::Debug,
            Some("trace") => LogLevel::Trace,
            _ => LogLevel::Info,
        };
        let json = log.get("format").text() == Some("json");
        let otlp = view.get("otlp");
        Telemetry {
            level,
            format: if json { LogFormat::Json } else { LogFormat::Text },
            otlp: if otlp.given() { self.otlp(otlp) } else { None },
        }
    }

    fn otlp(&mut self, view: View<'_>) -> Option<Otlp> {
        let allow = view.get("allow_plaintext").flag();
        self.no_plaintext(view.get("endpoint"), allow, "use https, or allow it by `allow_plaintext: true`");
        let mut headers = std::collections::BTreeMap::new();
        for (name, _, value) in view.get("headers").pairs() {
            if let Some(reference) = self.secret(value) {
                headers.insert(name.to_ascii_lowercase(), reference);
            }
        }
        Some(Otlp {
            endpoint: view.get("endpoint").string()?,
            region: view.get("region").region()?,
            headers,
            allow_plaintext: allow,
        })
    }

    pub(crate) fn admin(&mut self, view: View<'_>) -> Option<Admin> {
        let address = view.get("address");
        let socket = address.text().and_then(scalar::address)?;
        if !socket.ip().is_loopback() && !view.get("plaintext_beyond_loopback").flag() {
            let help = "choose 127.0.0.1, or allow it by `plaintext_beyond_loopback: true`";
            self.report.error(
                address.at(),
                "the admin listener is plain HTTP beyond loopback",
                Some(help.into()),
            );
        }
        Some(Admin { address: socket })
    }
}

fn cell(view: View<'_>) -> Cell {
    let name = view.get("name").shared().unwrap_or_else(|| "carnet".into());
    let origin = view.get("origin").shared();
    Cell {
        origin: origin.unwrap_or_else(|| format!("carnet.local/{name}").into()),
        region: view.get("region").region().unwrap_or_else(Region::unknown),
        attestation: None,
        name,
    }
}

const DAY: u64 = 86_400;

fn given(view: View<'_>) -> Option<Duration> {
    view.given().then(|| view.duration(seconds(0)))
}

/// The longer of preset and `keep` where both are given: who names both wants neither broken.
fn retention(view: View<'_>) -> Option<Duration> {
    let preset = match view.get("preset").text() {
        Some("ai-act") => Some(seconds(183 * DAY)),
        Some("pci") => Some(seconds(366 * DAY)),
        Some("hipaa") => Some(seconds(2192 * DAY)),
        _ => None,
    };
    let keep = view.get("keep").given().then(|| view.get("keep").duration(seconds(0)));
    preset.max(keep)
}

pub(crate) fn limits(view: View<'_>) -> Limits {
    let rate = view.get("rate");
    Limits {
        request_body: view.get("request_body").size(4 << 20),
        response_body: view.get("response_body").size(16 << 20),
        headers: view.get("headers").size(64 << 10),
        connections: view.get("connections").count(1024),
        concurrency: view.get("concurrency").count(512),
        sessions: view.get("sessions").count(10_000),
        session_idle: view.get("session_idle").duration(seconds(30 * 60)),
        stream_idle: view.get("stream_idle").duration(seconds(5 * 60)),
        request_timeout: view.get("request_timeout").duration(seconds(60)),
        header_timeout: view.get("header_timeout").duration(seconds(10)),
        per_principal: rate.get("per_principal").rate(),
        per_tool: rate.get("per_tool").rate(),
    }
}

/// The folder that `./x` starts from, for callers that only have the file's path.
#[must_use]
pub fn folder_of(file: &Path) -> &Path {
    file.parent().unwrap_or(Path::new(""))
}
