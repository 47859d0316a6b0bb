//! The upstreams: how each is reached, with which credentials, within which limits.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use carnet_model::{ClassSet, Region};

use super::{EnvValue, Rate, SecretRef, ServerMasking};

/// One upstream.
#[derive(Clone, PartialEq, Debug)]
pub struct ServerConfig {
    /// Name in paths (`/mcp/NAME`, and `/mcp/NAME/sse` for HTTP+SSE), policies (`Server::"NAME"`) and records, `[a-z0-9-]+`.
    pub name: Arc<str>,
    /// How it is reached.
    pub transport: Transport,
    /// Where it processes data.
    pub region: Region,
    /// Whose law its data is under, where that is stated.
    pub origin: Option<Region>,
    /// The classes of data that it gives out, where that is stated.
    pub classes: Option<ClassSet>,
    /// The countries whose numbers it gives out, where that is stated.
    pub data_countries: Option<Vec<Region>>,
    /// Whom its data is about.
    pub subject_categories: Vec<Arc<str>>,
    /// What calls to it are for, unless the token says otherwise.
    pub purpose: Option<Arc<str>>,
    /// On which legal basis (free text for the record, such as `contract`).
    pub legal_basis: Option<Arc<str>>,
    /// Labels that policies may test, and that whoever reads its results has.
    pub labels: Vec<Arc<str>>,
    /// Labels that whoever reads results of a tool has besides.
    pub tool_labels: Vec<(String, Vec<Arc<str>>)>,
    /// Where its messages name a person.
    pub subjects: Vec<SubjectConfig>,
    /// How to ask what a call would return.
    pub dry_run: Vec<DryRun>,
    /// How long recordings of calls to it can be read; `None`: as all evidence.
    pub retention: Option<Duration>,
    /// Times.
    pub timeouts: Timeouts,
    /// What differs from the general masking.
    pub masking: ServerMasking,
    /// Limits that differ from the general ones.
    pub limits: ServerLimits,
}

/// A place in a server's messages that names a person.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SubjectConfig {
    /// Names of members, `params` or `result` first.
    pub path: Vec<String>,
    /// What the reference is called.
    pub kind: String,
    /// Tools it holds for; empty for all messages.
    pub tools: Vec<String>,
}

/// How to ask what calls of a tool would return.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DryRun {
    /// The tool.
    pub tool: String,
    /// By what.
    pub way: DryRunWay,
    /// It changes nothing, whatever its definition says.
    pub read_only: bool,
}

/// By what a server is asked what a call would return.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DryRunWay {
    /// Another tool with the same arguments.
    With(String),
    /// An argument of the tool itself.
    Argument(String),
}

/// How an upstream is reached.
#[derive(Clone, PartialEq, Debug)]
pub enum Transport {
    /// Streamable HTTP, or legacy HTTP+SSE.
    Http(HttpUpstream),
    /// A child process.
    Stdio(StdioUpstream),
}

/// An upstream over HTTP.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HttpUpstream {
    /// Absolute `http` or `https` URL.
    pub url: String,
    /// The pair of GET stream and POST endpoint of revision 2024-11-05.
    pub legacy_sse: bool,
    /// Plain HTTP beyond loopback was allowed in so many words.
    pub allow_plaintext: bool,
    /// What Carnet shows the upstream.
    pub credentials: Credentials,
    /// TLS towards it.
    pub tls: UpstreamTls,
    /// Connections kept open.
    pub idle_connections: usize,
}

/// What Carnet shows an upstream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Credentials {
    /// Nothing.
    None,
    /// `Authorization: Bearer VALUE`.
    Bearer(SecretRef),
    /// A header of another name.
    Header {
        /// Lower-case header name.
        name: String,
        /// Its whole value.
        value: SecretRef,
    },
    /// OAuth 2.0 client credentials (RFC 6749, 4.4).
    OAuth(Box<OAuthClient>),
}

/// An OAuth client of the gateway's own.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OAuthClient {
    /// Token endpoint.
    pub token_url: String,
    /// Client identifier.
    pub client_id: String,
    /// Client secret.
    pub client_secret: SecretRef,
    /// `scope`, space separated.
    pub scope: Option<String>,
    /// `resource` (RFC 8707).
    pub resource: Option<String>,
    /// `audience` (Auth0).
    pub audience: Option<String>,
    /// How the client shows its secret.
    pub auth: ClientAuth,
    /// Where the token endpoint is, where that is stated.
    pub region: Option<Region>,
}

/// How an OAuth client shows its secret.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ClientAuth {
    /// `client_secret_basic`.
    Basic,
    /// `client_secret_post`.
    Post,
}

/// TLS towards an upstream.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct UpstreamTls {
    /// PEM roots to trust instead of the system's.
    pub ca: Option<PathBuf>,
    /// PEM chain of the client certificate.
    pub certificate: Option<PathBuf>,
    /// PEM key of the client certificate; given exactly when `certificate` is.
    pub key: Option<SecretRef>,
}

/// An upstream as a child process.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StdioUpstream {
    /// Program and arguments; never empty.
    pub command: Vec<String>,
    /// Its environment, besides what is inherited.
    pub environment: BTreeMap<String, EnvValue>,
    /// Variables taken over from the gateway's environment by name.
    pub inherit: Vec<String>,
    /// Working folder.
    pub directory: Option<PathBuf>,
}

/// Times of an upstream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Timeouts {
    /// For a connection, or for the stream of an HTTP+SSE server to open.
    pub connect: Duration,
    /// For a request, until its reply is complete; progress starts it anew.
    pub request: Duration,
    /// For a stream on which nothing comes.
    pub stream_idle: Duration,
}

/// Limits of an upstream.
#[derive(Clone, PartialEq, Debug)]
pub struct ServerLimits {
    /// Bytes of a reply's body or message.
    pub response_body: u64,
    /// Calls at once.
    pub concurrency: usize,
    /// Calls of one principal to this server.
    pub per_principal: Option<Rate>,
    /// Calls of one principal to one tool; overrides the general one. Key: tool name.
    pub tools: BTreeMap<String, Rate>,
}
