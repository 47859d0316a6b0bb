//! Who else gets something from the gateway, besides callers and servers: every way out that a configuration opens, where it
//! leads and what goes there. The start refuses what may not go there; decisions and records name them.

use carnet_model::{ClassSet, DataClass, Region};

use super::{Config, Credentials, Transport};

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
    /// Nothing about anybody: a request for public keys or for a token of the gateway's own.
    Nothing,
    /// Hashes and signatures.
    Hashes,
    /// How much is used: counts, times, names of servers and tools.
    Usage,
    /// What records say: who used what and when, and which classes of data were in it.
    Records,
    /// What is told of calls that wait: who asks for what, and masked arguments where those may go.
    Notices,
    /// Content, where `transfer` lets it go, asked for each message before it is sent.
    Asked,
    /// What passes, masked or not.
    Content,
    /// The key of all that is kept.
    Keys,
}

impl Gets {
    /// The word in records.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Gets::Nothing => "nothing",
            Gets::Hashes => "hashes",
            Gets::Usage => "usage",
            Gets::Records => "records",
            Gets::Notices => "notices",
            Gets::Asked | Gets::Content => "content",
            Gets::Keys => "keys",
        }
    }

    /// The classes of data that it would get whatever passes, as policies name them.
    #[must_use]
    pub fn classes(self) -> ClassSet {
        use DataClass as C;
        match self {
            Gets::Nothing | Gets::Hashes | Gets::Asked => ClassSet::EMPTY,
            Gets::Usage | Gets::Records | Gets::Notices => [C::PERSON, C::ORGANISATION].into_iter().collect(),
            Gets::Content | Gets::Keys => C::BUILT_IN.iter().copied().collect(),
        }
    }
}

impl Config {
    /// Everybody besides callers and servers who gets something. Who adds a way out adds it here.
    #[must_use]
    pub fn endpoints(&self) -> Vec<Endpoint> {
        let mut all = self.of_evidence();
        let mut add = |at: String, region: Option<&Region>, gets| {
            all.push(Endpoint { at, region: region.cloned(), gets });
        };
        if let Some(otlp) = &self.telemetry.otlp {
            add("telemetry.otlp".to_owned(), Some(&otlp.region), Gets::Usage);
        }
        if let Some(front) = &self.front {
            add("front".to_owned(), front.region.as_ref(), Gets::Content);
        }
        for (n, front) in self.fronts.iter().enumerate() {
            add(format!("fronts[{n}]"), front.region.as_ref(), Gets::Content);
        }
        for channel in &self.approvals.channels {
            add(format!("approvals.channels.{}", channel.name), Some(&channel.region), Gets::Notices);
        }
        for (n, analyzer) in self.masking.analyzers.iter().enumerate() {
            add(format!("masking.analyzers[{n}]"), Some(&analyzer.region), Gets::Asked);
        }
        for (n, issuer) in self.identity.issuers.iter().enumerate() {
            add(format!("identity.issuers[{n}]"), issuer.region.as_ref(), Gets::Nothing);
        }
        for server in &self.servers {
            if let Transport::Http(http) = &server.transport
                && let Credentials::OAuth(oauth) = &http.credentials
            {
                let at = format!("servers.{}.credentials.oauth", server.name);
                add(at, oauth.region.as_ref(), Gets::Nothing);
            }
        }
        all
    }

    /// Those who get records, hashes of them, or the key that opens them.
    fn of_evidence(&self) -> Vec<Endpoint> {
        let mut all = Vec::new();
        let mut add = |at: String, region: Option<&Region>, gets| {
            all.push(Endpoint { at, region: region.cloned(), gets });
        };
        for sink in &self.sinks {
            add(format!("sinks.{}", sink.name), Some(&sink.region), Gets::Records);
        }
        if let Some(witness) = &self.evidence.witness {
            let none = witness.regions.is_empty().then_some(None);
            for region in witness.regions.iter().map(Some).chain(none) {
                add("evidence.witness".to_owned(), region, Gets::Hashes);
            }
        }
        if let Some(authority) = &self.evidence.timestamp {
            add("evidence.timestamp".to_owned(), authority.region.as_ref(), Gets::Hashes);
        }
        if let Some(hsm) = &self.evidence.hsm {
            add(
                "evidence.hsm".to_owned(),
                Some(hsm.region.as_ref().unwrap_or(&self.cell.region)),
                Gets::Keys,
            );
        }
        all
    }
}
