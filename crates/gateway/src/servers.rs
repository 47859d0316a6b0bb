//! The servers of a configuration, made ready: connections, credentials, what is known of their tools.

use std::collections::BTreeMap;
use std::sync::Arc;

use carnet_config::{EnvValue, HttpUpstream, ServerConfig, StdioUpstream, Transport};
use carnet_gate::{ServerFacts, Sighting, ToolTable};
use carnet_model::Sensitive;
use http::{HeaderValue, Uri};
use tokio::sync::Semaphore;

use crate::credentials::{UpstreamCredentials, resolve};
use crate::identity::pem;
use crate::limits::Rates;
use crate::observed::Sight;
use crate::outbound::{Outbound, OutboundLimits};
use crate::tls;
use crate::upstream::child::ChildCommand;
use crate::upstream::http::HttpServer;
use crate::upstream::pool::Pool;

/// A server in front of which the gateway stands.
pub struct Server {
    /// What decisions and evidence need.
    pub facts: Arc<ServerFacts>,
    /// How it is reached.
    pub reach: Reach,
    /// Secrets that it was given in its environment: it may not hand them on.
    pub secrets: Arc<[Vec<u8>]>,
    /// What it says of its tools.
    pub tools: Arc<ToolTable>,
    /// Calls at once.
    pub places: Arc<Semaphore>,
    /// Rate of one principal at this server.
    pub per_principal: Option<Rates<[u8; 32]>>,
    /// Rates of one principal at one tool.
    pub tool_rates: BTreeMap<String, Rates<[u8; 32]>>,
    /// What is seen of its place.
    pub sight: Arc<Sight>,
    /// What it was made from: a reload keeps a server whose configuration is the same.
    pub config: ServerConfig,
}

/// The ways to a server.
pub enum Reach {
    /// Streamable HTTP.
    Http {
        /// Connections and address.
        http: Arc<HttpServer>,
        /// What the gateway shows it.
        credentials: UpstreamCredentials,
    },
    /// HTTP+SSE, one channel for each session.
    LegacySse {
        /// Connections and address.
        http: Arc<HttpServer>,
        /// What the gateway shows it.
        credentials: UpstreamCredentials,
    },
    /// A child process for each session.
    Stdio(ChildCommand),
}

impl Server {
    /// Prepares a server. Nothing is connected or started yet.
    ///
    /// # Errors
    /// A sentence that says what cannot be used.
    pub fn load(config: &ServerConfig) -> Result<Server, String> {
        let seen = Arc::<Sighting>::default();
        let sight = Sight::new(&config.name, &config.region, &seen);
        let reach = match &config.transport {
            Transport::Http(http) => http_reach(config, http, &sight)?,
            Transport::Stdio(stdio) => Reach::Stdio(child(config, stdio)?),
        };
        let facts = ServerFacts {
            name: config.name.clone(),
            region: config.region.clone(),
            origin: config.origin.clone(),
            classes: config.classes,
            countries: config.data_countries.clone(),
            categories: config.subject_categories.clone(),
            purpose: config.purpose.clone(),
            legal_basis: config.legal_basis.clone(),
            labels: config.labels.clone(),
            tool_labels: config.tool_labels.clone(),
            subjects: config.subjects.iter().map(subject_rule).collect(),
            seen,
        };
        let limits = &config.limits;
        Ok(Server {
            facts: Arc::new(facts),
            reach,
            sight,
            secrets: secrets(config)?,
            tools: Arc::default(),
            places: Arc::new(Semaphore::new(limits.concurrency.min(Semaphore::MAX_PERMITS))),
            per_principal: limits.per_principal.and_then(Rates::new),
            tool_rates: limits
                .tools
                .iter()
                .filter_map(|(name, r)| Some((name.clone(), Rates::new(*r)?)))
                .collect(),
            config: config.clone(),
        })
    }
}

fn subject_rule(config: &carnet_config::SubjectConfig) -> carnet_gate::SubjectRule {
    carnet_gate::SubjectRule {
        tools: config.tools.clone(),
        path: config.path.clone(),
        kind: config.kind.clone(),
    }
}

/// The values of the environment's secrets, where they are long enough to be told from other text.
fn secrets(config: &ServerConfig) -> Result<Arc<[Vec<u8>]>, String> {
    let Transport::Stdio(stdio) = &config.transport else { return Ok(Arc::default()) };
    let mut found = Vec::new();
    for value in stdio.environment.values() {
        if let EnvValue::Secret(reference) = value {
            let secret = resolve(reference).map_err(|e| e.to_string())?;
            if secret.expose().len() >= crate::upstream::link::SHORTEST {
                found.push(secret.expose().as_bytes().to_vec());
            }
        }
    }
    Ok(found.into())
}

fn http_reach(config: &ServerConfig, http: &HttpUpstream, sight: &Arc<Sight>) -> Result<Reach, String> {
    let url: Uri = http.url.parse().map_err(|_| "its url is not a URL".to_owned())?;
    let key = http.tls.key.as_ref().map(|k| Ok::<_, String>((pem(k)?, k.to_string()))).transpose()?;
    let identity = match (&http.tls.certificate, &key) {
        (Some(certificate), Some((pem, named))) => {
            Some((certificate.as_path(), pem.as_str(), named.as_str()))
        }
        _ => None,
    };
    let mut tls = tls::client(http.tls.ca.as_deref(), identity).map_err(|e| e.to_string())?;
    let outbound = Outbound::new(tls.clone(), OutboundLimits::default());
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    let credentials = UpstreamCredentials::load(&http.credentials, &outbound).map_err(|e| e.to_string())?;
    let authority = url.authority().map(|a| a.as_str().to_owned()).unwrap_or_default();
    let path = url.path_and_query().map_or_else(|| Uri::from_static("/"), |p| Uri::from(p.clone()));
    let server = Arc::new(HttpServer {
        pool: Pool::new(&url, Arc::new(tls), config.timeouts.connect, http.idle_connections, sight.clone())
            .map_err(|e| e.to_string())?,
        path,
        host: HeaderValue::from_str(&authority).map_err(|_| "its url has no usable host".to_owned())?,
        limit: usize::try_from(config.limits.response_body).unwrap_or(usize::MAX),
        head_timeout: config.timeouts.request,
        stream_idle: config.timeouts.stream_idle,
    });
    let reach = if http.legacy_sse {
        Reach::LegacySse { http: server, credentials }
    } else {
        Reach::Http { http: server, credentials }
    };
    Ok(reach)
}

fn child(config: &ServerConfig, stdio: &StdioUpstream) -> Result<ChildCommand, String> {
    let mut environment = BTreeMap::new();
    // A program is found through PATH; without one of its own, a child could not start `npx` or `python`.
    for name in stdio.inherit.iter().map(String::as_str).chain(["PATH"]) {
        if let Ok(value) = std::env::var(name) {
            environment.insert(name.to_owned(), Sensitive::new(value));
        }
    }
    for (name, value) in &stdio.environment {
        let value = match value {
            EnvValue::Plain(text) => Sensitive::new(text.clone()),
            EnvValue::Secret(reference) => resolve(reference).map_err(|e| e.to_string())?,
        };
        environment.insert(name.clone(), value);
    }
    let (program, arguments) =
        stdio.command.split_first().ok_or_else(|| "its command is empty".to_owned())?;
    Ok(ChildCommand {
        program: program.clone(),
        arguments: arguments.to_vec(),
        environment,
        folder: stdio.directory.clone(),
        line_limit: usize::try_from(config.limits.response_body).unwrap_or(usize::MAX),
    })
}
