//! Who acts: a person or a workload, and the agent that acts for a person.

use std::fmt;
use std::sync::Arc;

use crate::Region;

/// Whether an identity is a person or a program.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub enum IdentityKind {
    /// A person, `User` in policies.
    User,
    /// A program with an identity of its own, `Workload` in policies.
    Workload,
}

/// A subject at an issuer. Subjects of two issuers are two identities even if they are spelled alike.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identity {
    /// Person or program.
    pub kind: IdentityKind,
    /// The issuer's identifier (`iss`), or `carnet:tokens` for static tokens, `carnet:local` for `wrap`.
    pub issuer: Arc<str>,
    /// The stable subject at that issuer (`sub`).
    pub subject: Arc<str>,
}

impl fmt::Debug for Identity {
    /// The subject identifies a person, so it is not printed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}(at {})", self.kind, self.issuer)
    }
}

/// How the caller proved who it is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum AuthMethod {
    /// A signed token of an OpenID provider.
    Jwt,
    /// A static API token from the configuration.
    StaticToken,
    /// A client certificate.
    Certificate,
    /// The local user who started a stdio gateway.
    Local,
    /// A button in a chat whose provider signed the request; only approvers are known so.
    Chat,
    /// Nobody asked (only where the configuration says so).
    Anonymous,
}

impl AuthMethod {
    /// The word used in evidence.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            AuthMethod::Jwt => "jwt",
            AuthMethod::StaticToken => "static-token",
            AuthMethod::Certificate => "certificate",
            AuthMethod::Local => "local",
            AuthMethod::Chat => "chat",
            AuthMethod::Anonymous => "anonymous",
        }
    }
}

/// The authenticated caller: an identity, its groups, and the agent acting for it where there is one.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Principal {
    /// Who is responsible: the person, or the workload itself where nobody stands behind it.
    pub identity: Identity,
    /// The workload that acts for the person (`act`, or an actor token).
    pub agent: Option<Identity>,
    /// Groups, sorted, without duplicates.
    pub groups: Vec<Arc<str>>,
    /// Scopes that the token carries, sorted, without duplicates.
    pub scopes: Vec<Arc<str>>,
    /// How the identity was proved.
    pub method: AuthMethod,
    /// Where the caller is, as far as the token or the configuration says.
    pub region: Option<Region>,
    /// The purpose claimed in the token or set by the configuration.
    pub purpose: Option<Arc<str>>,
}

impl Principal {
    /// A principal with nothing but an identity.
    #[must_use]
    pub fn new(identity: Identity, method: AuthMethod) -> Self {
        Principal {
            identity,
            agent: None,
            groups: Vec::new(),
            scopes: Vec::new(),
            method,
            region: None,
            purpose: None,
        }
    }

    /// Whether two principals are the same identities, whatever their groups are by now. A session or a
    /// requestState belongs to one principal in this sense.
    #[must_use]
    pub fn same_identity(&self, other: &Principal) -> bool {
        self.identity == other.identity && self.agent == other.agent
    }
}

impl fmt::Debug for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Principal")
            .field("identity", &self.identity)
            .field("agent", &self.agent)
            .field("method", &self.method)
            .finish_non_exhaustive()
    }
}
