//! Where data may be and go: the zones, grounds and places that a configuration states.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use carnet_model::Region;
use carnet_residency::Declared;

/// What the configuration says of places.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ResidencyConfig {
    /// Unknown places are refused: at the start for whatever the configuration names, and for callers in each message.
    pub enforce: bool,
    /// A table of jurisdictions in place of the one that is built in.
    pub table: Option<PathBuf>,
    /// Zones of one's own, in the order of the file.
    pub zones: Vec<(String, Vec<Region>)>,
    /// Grounds on which data may go.
    pub mechanisms: Vec<Declared>,
    /// Where the models run of agents, by the agent's subject.
    pub models: BTreeMap<Arc<str>, Region>,
}

/// Files that attest where an Amazon EC2 instance runs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attestation {
    /// The instance identity document.
    pub document: PathBuf,
    /// Its signature in base64.
    pub signature: PathBuf,
    /// The key, PEM.
    pub key: PathBuf,
}

/// Somebody besides callers and servers who gets something from the gateway.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Endpoint {
    /// The key that names it, such as `telemetry.otlp`.
    pub at: String,
    /// Where it is; `None`: nobody says.
    pub region: Option<Region>,
    /// What it gets, in a word.
    pub gets: Gets,
}

/// What an endpoint gets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Gets {
    /// Nothing about anybody: a request for public keys, hashes.
    Nothing,
    /// Who used what and when: counts, names of servers and tools, identities.
    Metadata,
    /// What passes, masked or not.
    Content,
}

impl Gets {
    /// The classes of data that it would get, as policies name them.
    #[must_use]
    pub fn classes(self) -> carnet_model::ClassSet {
        use carnet_model::DataClass as C;
        match self {
            Gets::Nothing => carnet_model::ClassSet::EMPTY,
            Gets::Metadata => [C::PERSON, C::ORGANISATION].into_iter().collect(),
            Gets::Content => C::BUILT_IN.iter().copied().collect(),
        }
    }
}

impl super::Config {
    /// Everybody besides callers and servers who gets something. Who adds a way out adds it here: the start refuses what
    /// lies where its data may not go.
    #[must_use]
    pub fn endpoints(&self) -> Vec<Endpoint> {
        let mut all = Vec::new();
        let mut add = |at: String, region: Option<&Region>, gets| {
            all.push(Endpoint { at, region: region.cloned(), gets });
        };
        if let Some(otlp) = &self.telemetry.otlp {
            add("telemetry.otlp".to_owned(), Some(&otlp.region), Gets::Metadata);
        }
        if let Some(witness) = &self.evidence.witness {
            let none = witness.regions.is_empty().then_some(None);
            for region in witness.regions.iter().map(Some).chain(none) {
                add("evidence.witness".to_owned(), region, Gets::Nothing);
            }
        }
        if let Some(authority) = &self.evidence.timestamp {
            add("evidence.timestamp".to_owned(), authority.region.as_ref(), Gets::Nothing);
        }
        for sink in &self.sinks {
            add(format!("sinks.{}", sink.name), Some(&sink.region), Gets::Metadata);
        }
        if let Some(front) = &self.front {
            add("front".to_owned(), front.region.as_ref(), Gets::Content);
        }
        for (n, issuer) in self.identity.issuers.iter().enumerate() {
            add(format!("identity.issuers[{n}]"), issuer.region.as_ref(), Gets::Nothing);
        }
        for server in &self.servers {
            if let super::Transport::Http(http) = &server.transport
                && let super::Credentials::OAuth(oauth) = &http.credentials
            {
                let at = format!("servers.{}.credentials.oauth", server.name);
                add(at, oauth.region.as_ref(), Gets::Nothing);
            }
        }
        all
    }
}
