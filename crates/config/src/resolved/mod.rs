//! The configuration as the rest of Carnet sees it: plain typed data, every default filled in, every path
//! absolute or relative to the process as the caller's folder was, every secret still only a reference.
//!
//! `Debug` is safe everywhere: no field can hold a secret's value.

mod approvals;
mod channels;
mod content;
mod endpoints;
mod identity;
mod masking;
mod reporting;
mod residency;
mod server;

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use carnet_model::{ClassSet, Region};

pub use self::approvals::*;
pub use self::channels::*;
pub use self::content::*;
pub use self::endpoints::*;
pub use self::identity::*;
pub use self::masking::*;
pub use self::reporting::*;
pub use self::residency::*;
pub use self::server::*;

/// Where a secret is read from, written `env:NAME` or `file:PATH`. The value itself is never in a configuration.
#[derive(Clone, PartialEq, Eq, Debug, Hash, PartialOrd, Ord)]
pub enum SecretRef {
    /// An environment variable of the gateway.
    Env(String),
    /// A file, read whole, with one trailing newline cut off.
    File(PathBuf),
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SecretRef::Env(name) => write!(f, "env:{name}"),
            SecretRef::File(path) => write!(f, "file:{}", path.display()),
        }
    }
}

/// One variable of a stdio child's environment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum EnvValue {
    /// Read from a reference when the child starts.
    Secret(SecretRef),
    /// Written in the configuration as `value:TEXT`: a setting, not a secret.
    Plain(String),
}

/// A whole configuration, checked.
#[derive(Clone, PartialEq, Debug)]
pub struct Config {
    /// Name, place and log origin of this cell.
    pub cell: Cell,
    /// Folder of log, keys and state.
    pub data: PathBuf,
    /// Where callers connect; at least one unless the gateway only wraps a stdio server.
    pub listeners: Vec<Listener>,
    /// The address that callers know, without a trailing slash; `None`: derive it from the first listener.
    pub public_url: Option<String>,
    /// Who may call and how they prove who they are.
    pub identity: IdentityConfig,
    /// Policy files, or folders of `*.cedar`.
    pub policies: Vec<PathBuf>,
    /// The upstreams, in the order of the file. Served at `/mcp/NAME` (see [`ServerConfig::name`]).
    pub servers: Vec<ServerConfig>,
    /// Where data may be and go.
    pub residency: ResidencyConfig,
    /// What happens to values that the policy does not reveal.
    pub masking: MaskingConfig,
    /// How calls wait for an approval, and who is who.
    pub approvals: ApprovalsConfig,
    /// Sizes, counts, times and rates.
    pub limits: Limits,
    /// How evidence is kept.
    pub evidence: EvidenceConfig,
    /// Logs, metrics and traces of the gateway itself.
    pub telemetry: Telemetry,
    /// The front that this gateway joins as a cell.
    pub front: Option<crate::front::JoinConfig>,
    /// Further fronts, see [`Config::all_fronts`].
    pub fronts: Vec<crate::front::JoinConfig>,
    /// The operator's own listener: `/metrics`, `/readyz` with details.
    pub admin: Option<Admin>,
    /// What is declared of the processing of personal data; reports compare it with what was recorded.
    pub processing: Option<Processing>,
    /// Where records are streamed to.
    pub sinks: Vec<Sink>,
    /// Only who asks for it with `carnet reload` has the files read anew.
    pub reload_asked: bool,
    /// How long open calls may run on after SIGTERM.
    pub drain: Duration,
}

/// One gateway with its log and keys, in one region.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cell {
    /// Short name, `[a-z0-9-]+`.
    pub name: Arc<str>,
    /// Origin line of the log's checkpoints; derived as `carnet.local/NAME` if not given.
    pub origin: Arc<str>,
    /// Where the gateway runs and its log lies.
    pub region: Region,
    /// What its cloud signs about its place.
    pub attestation: Option<Attestation>,
}

/// A socket that callers connect to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listener {
    /// Address and port; port 0 asks the system for one.
    pub address: SocketAddr,
    /// Certificate and key; `None`: plain HTTP.
    pub tls: Option<ListenerTls>,
    /// Plain HTTP on an address that is not loopback was allowed in so many words.
    pub plaintext_beyond_loopback: bool,
    /// Accepted `Host` values (lower case, port optional) besides loopback names and the address itself.
    pub hosts: Vec<String>,
    /// Accepted `Origin` values besides the listener's own.
    pub origins: Vec<String>,
}

/// TLS of a listener.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListenerTls {
    /// PEM chain.
    pub certificate: PathBuf,
    /// PEM private key.
    pub key: SecretRef,
    /// PEM roots for client certificates; given, a client certificate is required.
    pub client_ca: Option<PathBuf>,
}

/// So many in a period, and so many at once after a rest.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rate {
    /// How many.
    pub count: u32,
    /// In which time.
    pub period: Duration,
    /// How many at once after a rest; at least 1.
    pub burst: u32,
}

/// General limits. Sizes are in bytes.
#[derive(Clone, PartialEq, Debug)]
pub struct Limits {
    /// Body of a request.
    pub request_body: u64,
    /// Body of a reply, or one message of a stream.
    pub response_body: u64,
    /// All header fields of a request.
    pub headers: u64,
    /// Open connections of all listeners.
    pub connections: usize,
    /// Calls in work.
    pub concurrency: usize,
    /// Open sessions.
    pub sessions: usize,
    /// A session without a call ends.
    pub session_idle: Duration,
    /// A stream without an event ends.
    pub stream_idle: Duration,
    /// For a whole request.
    pub request_timeout: Duration,
    /// For the header of a request to come in.
    pub header_timeout: Duration,
    /// Calls of one principal.
    pub per_principal: Option<Rate>,
    /// Calls of one principal to one tool.
    pub per_tool: Option<Rate>,
}

/// How evidence is kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EvidenceConfig {
    /// Key that encrypts the cell's keys; `None`: one is made beside the data (fit for a trial only).
    pub kek: Option<SecretRef>,
    /// The key is in a device instead.
    pub hsm: Option<Hsm>,
    /// A heartbeat record at least this often.
    pub heartbeat: Duration,
    /// A signed checkpoint at most this long after a record. More than a second counts as a second.
    pub checkpoint: Duration,
    /// Bytes of a segment file.
    pub segment: u64,
    /// Classes whose findings name a data subject.
    pub persons: ClassSet,
    /// How long evidence is kept; `None`: for ever.
    pub retention: Option<Duration>,
    /// How long records of what operators did are kept at least; `None`: as all evidence.
    pub retention_acts: Option<Duration>,
    /// How long records of approvals are kept at least; `None`: as all evidence.
    pub retention_approvals: Option<Duration>,
    /// How long a backup of the key store may be restored.
    pub backup_horizon: Duration,
    /// Who else signs checkpoints; `None`: nobody.
    pub witness: Option<WitnessConfig>,
    /// Who states the time of checkpoints; `None`: nobody.
    pub timestamp: Option<TimestampConfig>,
}

/// A key in a PKCS #11 device.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hsm {
    /// The device's library.
    pub module: PathBuf,
    /// Label of the token.
    pub token: Arc<str>,
    /// Label of the AES key.
    pub key: Arc<str>,
    /// PIN of the user.
    pub pin: SecretRef,
    /// Where the device is; `None`: with the cell.
    pub region: Option<Region>,
}

/// Witnesses.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WitnessConfig {
    /// A C2SP tlog-policy.
    pub policy: PathBuf,
    /// How often a checkpoint is submitted.
    pub every: Duration,
    /// Where the witnesses are; empty: nobody says.
    pub regions: Vec<Region>,
    /// PEM roots for https; `None`: the system's.
    pub ca: Option<PathBuf>,
    /// Plain HTTP beyond loopback was allowed in so many words.
    pub allow_plaintext: bool,
}

/// A time stamp authority.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TimestampConfig {
    /// Its address.
    pub url: String,
    /// How often a checkpoint is stamped.
    pub every: Duration,
    /// Where it is, where that is stated.
    pub region: Option<Region>,
    /// PEM roots for https; `None`: the system's.
    pub ca: Option<PathBuf>,
    /// Plain HTTP beyond loopback was allowed in so many words.
    pub allow_plaintext: bool,
}

/// Logs, metrics and traces of the gateway itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Telemetry {
    /// `error`, `warn`, `info`, `debug` or `trace`.
    pub level: LogLevel,
    /// How a log line looks.
    pub format: LogFormat,
    /// Where traces and metrics are sent; `None`: nowhere (invariant 10).
    pub otlp: Option<Otlp>,
}

/// How much is logged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl LogLevel {
    /// The word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            LogLevel::Error => "error",
            LogLevel::Warn => "warn",
            LogLevel::Info => "info",
            LogLevel::Debug => "debug",
            LogLevel::Trace => "trace",
        }
    }
}

/// How a log line looks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Where traces and metrics are sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Otlp {
    /// Base URL of the collector (OTLP over HTTP, protobuf).
    pub endpoint: String,
    /// Where the collector is.
    pub region: Region,
    /// Extra headers, lower-case names.
    pub headers: BTreeMap<String, SecretRef>,
    /// Plain HTTP beyond loopback was allowed in so many words.
    pub allow_plaintext: bool,
}

/// The operator's own listener.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Admin {
    /// Address and port.
    pub address: SocketAddr,
}
