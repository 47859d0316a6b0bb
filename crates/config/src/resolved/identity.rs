//! Who may call: issuers, static tokens, anonymous callers.

use std::path::PathBuf;
use std::sync::Arc;

use carnet_model::{IdentityKind, Region};

/// Who may call.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct IdentityConfig {
    /// OpenID providers whose tokens are accepted.
    pub issuers: Vec<IssuerConfig>,
    /// Static API tokens, hashed.
    pub tokens: Vec<TokenConfig>,
    /// Who a caller without a token is; only accepted when every listener is loopback.
    pub anonymous: Option<AnonymousConfig>,
}

/// One OpenID provider.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IssuerConfig {
    /// The `iss` value, exactly.
    pub issuer: Arc<str>,
    /// Accepted `aud` values; at least one.
    pub audiences: Vec<Arc<str>>,
    /// Where the keys are; `None`: found by discovery.
    pub jwks_uri: Option<String>,
    /// Accepted signature algorithms, as in RFC 7518 (`RS256`, `EdDSA`, ...); never `none`, never HMAC.
    pub algorithms: Vec<SignatureAlgorithm>,
    /// Which claim says what.
    pub claims: ClaimPaths,
    /// Scopes that every token must carry.
    pub required_scopes: Vec<Arc<str>>,
    /// Extra trust root (PEM) for fetching discovery and keys.
    pub ca: Option<PathBuf>,
    /// Where it is, where that is stated.
    pub region: Option<Region>,
}

/// Signature algorithms that a token may use (RFC 7518, RFC 8037). HMAC is deliberately absent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[allow(missing_docs)]
pub enum SignatureAlgorithm {
    RS256,
    RS384,
    RS512,
    PS256,
    PS384,
    PS512,
    ES256,
    ES384,
    EdDSA,
}

impl SignatureAlgorithm {
    /// All of them.
    pub const ALL: &'static [SignatureAlgorithm] = &[
        Self::RS256,
        Self::RS384,
        Self::RS512,
        Self::PS256,
        Self::PS384,
        Self::PS512,
        Self::ES256,
        Self::ES384,
        Self::EdDSA,
    ];

    /// The `alg` value.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RS256 => "RS256",
            Self::RS384 => "RS384",
            Self::RS512 => "RS512",
            Self::PS256 => "PS256",
            Self::PS384 => "PS384",
            Self::PS512 => "PS512",
            Self::ES256 => "ES256",
            Self::ES384 => "ES384",
            Self::EdDSA => "EdDSA",
        }
    }
}

/// Claim paths: names joined by dots; a name that contains a dot or is a URL is written as one list element.
/// Each path is a list of names, outermost first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClaimPaths {
    /// Groups: an array of strings or one string. Default `groups`.
    pub groups: Vec<String>,
    /// The stable subject. Default `sub`.
    pub subject: Vec<String>,
    /// The client that asked for the token. Default: `azp`, then `client_id`, `cid`, `appid`.
    pub client: Option<Vec<String>>,
    /// Where the caller is.
    pub region: Option<Vec<String>>,
    /// What for.
    pub purpose: Option<Vec<String>>,
    /// The acting agent. Default `act` (RFC 8693).
    pub actor: Vec<String>,
}

/// A static API token: only its SHA-256 is known.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TokenConfig {
    /// Name for logs and errors.
    pub name: Arc<str>,
    /// SHA-256 of the token.
    pub sha256: [u8; 32],
    /// The identity's subject; the issuer is `carnet:tokens`.
    pub subject: Arc<str>,
    /// Person or program.
    pub kind: IdentityKind,
    /// Groups.
    pub groups: Vec<Arc<str>>,
    /// Seconds since 1970 (UTC) from which it is refused.
    pub expires: u64,
    /// Purpose of what is done with it.
    pub purpose: Option<Arc<str>>,
    /// Where its holder is.
    pub region: Option<Region>,
}

/// Who a caller without a token is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AnonymousConfig {
    /// The identity's subject; the issuer is `carnet:local`.
    pub subject: Arc<str>,
    /// Person or program.
    pub kind: IdentityKind,
    /// Groups.
    pub groups: Vec<Arc<str>>,
}
