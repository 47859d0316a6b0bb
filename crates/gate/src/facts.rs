//! What is known about a crossing before its content is looked at: the caller and the server.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use carnet_evidence::seal::MacKey;
use carnet_model::{ClassSet, Identity, IdentityKind, Principal, Region};
use carnet_policy::PrincipalKey;
use carnet_residency::{Known, Place};

use crate::shell::Moment;
use crate::subjects::SubjectRule;

/// An authenticated caller with what is derived from it once per token rather than once per call.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Who it is.
    pub principal: Principal,
    /// The policy's key for it.
    pub key: PrincipalKey,
    /// When its token ends, Unix seconds; `None` for callers without a token.
    pub expires: Option<i64>,
    /// Who stands behind the agent: the rest of the chain that the token names.
    pub behind: Vec<Identity>,
    /// How its place is known.
    pub known: Known,
    /// Its address is in another country than it is said to be.
    pub elsewhere: bool,
    /// The `actor` disclosure's value, JSON.
    pub(crate) actor: String,
    /// The `agent` disclosure's value, JSON; `None` where nobody acts for another.
    pub(crate) agent: Option<String>,
}

impl Caller {
    /// Whether its token has ended. A stream may outlive the token that opened it.
    #[must_use]
    pub fn has_expired(&self, now: Moment) -> bool {
        self.expires.is_some_and(|expires| expires <= now.seconds)
    }

    /// Prepares a principal for many calls.
    #[must_use]
    pub fn new(principal: Principal, expires: Option<i64>) -> Self {
        let key = PrincipalKey::new(&principal);
        let actor = actor_json(&principal);
        let agent = principal.agent.as_ref().map(identity_json);
        let known = principal.region.as_ref().map_or(Known::Unknown, |r| Place::asserted(r.clone()).known);
        Caller { principal, key, expires, behind: Vec::new(), known, elsewhere: false, actor, agent }
    }

    /// With who stands behind the agent. `actors` is the whole chain, the agent first.
    #[must_use]
    pub fn with_chain(self, actors: &[Identity]) -> Self {
        Caller { behind: actors.iter().skip(1).cloned().collect(), ..self }
    }

    /// The same caller whose address was looked at: the place that is sure now, or none where it contradicts what is said.
    #[must_use]
    pub fn seen_at(&self, place: &Place) -> Caller {
        let region = Some(&place.region).filter(|_| place.known != Known::Unknown);
        let mut seen = self.clone();
        seen.known = place.known;
        seen.elsewhere = place.known == Known::Unknown && self.principal.region.is_some();
        if region != self.principal.region.as_ref() {
            seen.principal.region = region.cloned();
            seen.key = PrincipalKey::new(&seen.principal);
        }
        seen
    }
}

fn identity_json(identity: &Identity) -> String {
    let kind = match identity.kind {
        IdentityKind::User => "user",
        IdentityKind::Workload => "workload",
    };
    let (issuer, subject) = (carnet_json::quote(&identity.issuer), carnet_json::quote(&identity.subject));
    format!(r#"{{"kind":"{kind}","issuer":{issuer},"subject":{subject}}}"#)
}

fn actor_json(principal: &Principal) -> String {
    let mut json = identity_json(&principal.identity);
    json.pop();
    if !principal.scopes.is_empty() {
        let scopes: Vec<_> = principal.scopes.iter().map(|s| carnet_json::quote(s)).collect();
        json.push_str(&format!(r#","scopes":[{}]"#, scopes.join(",")));
    }
    let groups: Vec<_> = principal.groups.iter().map(|g| carnet_json::quote(g)).collect();
    json.push_str(&format!(
        r#","groups":[{}],"authenticated":"{}"}}"#,
        groups.join(","),
        principal.method.as_str()
    ));
    json
}

/// This gateway with its log and its keys, in one region.
#[derive(Debug)]
pub struct Cell {
    /// The log's origin line.
    pub origin: String,
    /// The key of the MAC over raw messages.
    pub mac: MacKey,
}

/// What the configuration says about a server, as far as decisions and evidence need it.
#[derive(Clone, Debug)]
pub struct ServerFacts {
    /// Its name in the configuration.
    pub name: Arc<str>,
    /// Where it is.
    pub region: Region,
    /// Whose law its data is under, where that is another place than where it is.
    pub origin: Option<Region>,
    /// The classes of data that it is said to give out; `None`: nobody says.
    pub classes: Option<ClassSet>,
    /// The countries whose numbers it is said to give out; `None`: nobody says.
    pub countries: Option<Vec<Region>>,
    /// Whom its data is about, such as `patients`.
    pub categories: Vec<Arc<str>>,
    /// Why its data is processed, where stated.
    pub purpose: Option<Arc<str>>,
    /// On which legal basis, where stated.
    pub legal_basis: Option<Arc<str>>,
    /// What whoever reads its results has read.
    pub labels: Vec<Arc<str>>,
    /// The same of single tools.
    pub tool_labels: Vec<(String, Vec<Arc<str>>)>,
    /// Where its messages name a person.
    pub subjects: Vec<SubjectRule>,
    /// What its address says of where it is.
    pub seen: Arc<Sighting>,
}

impl ServerFacts {
    /// Where it is, as far as nothing contradicts that.
    pub(crate) fn place(&self) -> Region {
        if self.seen.get() == Seen::Elsewhere { Region::unknown() } else { self.region.clone() }
    }
}

/// What an address says of a place that was stated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Seen {
    /// Nothing: there is none, or nobody knows where it is.
    Nothing,
    /// The same.
    There,
    /// Another country.
    Elsewhere,
}

/// What was last seen of a server. The shell notes it when it connects.
#[derive(Debug, Default)]
pub struct Sighting(AtomicU8);

impl Sighting {
    /// Notes it.
    pub fn note(&self, seen: Seen) {
        self.0.store(seen as u8, Ordering::Relaxed);
    }

    /// What was noted.
    #[must_use]
    pub fn get(&self) -> Seen {
        match self.0.load(Ordering::Relaxed) {
            0 => Seen::Nothing,
            1 => Seen::There,
            _ => Seen::Elsewhere,
        }
    }
}
