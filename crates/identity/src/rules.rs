//! What an issuer's tokens must be like, and where in them the groups and the rest are found.

use std::sync::Arc;

use carnet_model::{IdentityKind, Region};

use crate::{Algorithm, ClaimPath};

/// What to do when a provider left out the groups because there are too many (Entra ID's overage: `_claim_names`
/// or `hasgroups`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Overage {
    /// Refuse the token, naming the reason. The default.
    #[default]
    Refuse,
    /// Accept it without those groups and set [`crate::Verified::groups_incomplete`].
    Flag,
}

/// How group names with a path (`/staff/support`, Keycloak) are taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum GroupPaths {
    /// As they are. The default.
    #[default]
    Keep,
    /// Without the leading slash.
    Trim,
    /// As they are, and the groups above them too: `/staff/support` is also in `/staff`.
    WithParents,
}

/// How a token is known to be a person's or a program's.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum KindRule {
    /// By the shapes of client-credentials tokens (`gty`, `idtyp`, the subject being the client).
    #[default]
    Detect,
    /// Every token of this issuer is of one kind (a CI system, a cluster's service accounts).
    Always(IdentityKind),
}

/// The rules for one issuer.
#[derive(Clone, Debug)]
pub struct IssuerRules {
    /// `iss`, compared byte for byte.
    pub issuer: Arc<str>,
    /// Accepted audiences, compared byte for byte. With none, no token is accepted.
    pub audiences: Vec<Arc<str>>,
    /// Algorithms that its tokens may use.
    pub algorithms: Vec<Algorithm>,
    /// Where the groups are; all places are joined.
    pub groups: Vec<ClaimPath>,
    /// How group names with a path are taken.
    pub group_paths: GroupPaths,
    /// What to do when groups were left out.
    pub overage: Overage,
    /// Where the subject is; `sub` by default (`oid` is the stable one at Entra ID).
    pub subject: ClaimPath,
    /// Claims that name the client, the first present one counts.
    pub client: Vec<ClaimPath>,
    /// Where the acting agent is; `act` by default (RFC 8693, 4.1). Elsewhere it may also be a plain text.
    pub actor: ClaimPath,
    /// Person or program.
    pub kind: KindRule,
    /// Where the caller's region is, if the token says so.
    pub region_claim: Option<ClaimPath>,
    /// The region of callers whose token names none.
    pub region: Option<Region>,
    /// Where the purpose is, if the token says so.
    pub purpose_claim: Option<ClaimPath>,
    /// Scopes that every token must have.
    pub required_scopes: Arc<[Arc<str>]>,
    /// Allowed difference of clocks, in seconds.
    pub skew: i64,
    /// Only tokens whose header says `typ: at+jwt` (RFC 9068).
    pub require_at_jwt: bool,
    /// Accept ID tokens as access tokens. Some local set-ups have nothing else.
    pub accept_id_tokens: bool,
    /// Accept tokens bound to a key (`cnf`) without a proof of that key. Weakens them to bearer tokens.
    pub accept_bound_as_bearer: bool,
}

impl IssuerRules {
    /// Rules with the defaults: every algorithm, groups in `groups`, 60 s skew.
    #[must_use]
    pub fn new(issuer: &str, audiences: &[&str]) -> Self {
        IssuerRules {
            issuer: issuer.into(),
            audiences: audiences.iter().map(|a| Arc::from(*a)).collect(),
            algorithms: Algorithm::ALL.to_vec(),
            groups: vec![ClaimPath::name("groups")],
            group_paths: GroupPaths::default(),
            overage: Overage::default(),
            subject: ClaimPath::name("sub"),
            client: ["azp", "client_id", "cid", "appid"].map(ClaimPath::name).into(),
            actor: ClaimPath::name("act"),
            kind: KindRule::default(),
            region_claim: None,
            region: None,
            purpose_claim: None,
            required_scopes: Arc::new([]),
            skew: 60,
            require_at_jwt: false,
            accept_id_tokens: false,
            accept_bound_as_bearer: false,
        }
    }

    /// Whether one of the accepted audiences is among these.
    pub(crate) fn accepts_audience(&self, audiences: &[Arc<str>]) -> bool {
        audiences.iter().any(|a| self.audiences.iter().any(|accepted| accepted == a))
    }
}
