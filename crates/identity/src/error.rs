//! Why a caller was not identified. Each error names the rule that failed; none holds anything out of a token.
//! What the caller is told is shorter still ([`IdentityError::outward`]).

use std::sync::Arc;

use crate::Algorithm;

/// A part of a token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    /// The protected header.
    Header,
    /// The claims.
    Payload,
    /// The signature.
    Signature,
}

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Part::Header => "header",
            Part::Payload => "payload",
            Part::Signature => "signature",
        })
    }
}

/// The rule that failed. Safe in logs and evidence.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum IdentityError {
    /// The request carries no token.
    #[error("no token was presented")]
    Missing,
    /// Longer than [`crate::MAX_TOKEN_BYTES`].
    #[error("the token is longer than {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// Not three parts with dots between them.
    #[error("the token is not a JSON Web Token")]
    NotJwt,
    /// Five parts: encrypted (RFC 7516), which no access token for a gateway needs.
    #[error("the token is encrypted")]
    Encrypted,
    /// A part is not base64url without padding.
    #[error("the {part} is not base64url")]
    Base64 {
        /// Which part.
        part: Part,
    },
    /// A part is not strict JSON; a duplicate member is reported here.
    #[error("the {part}: {error}")]
    Json {
        /// Which part.
        part: Part,
        /// What is wrong and where; never the text.
        error: carnet_json::Error,
    },
    /// A part is JSON but not an object.
    #[error("the {part} is not an object")]
    NotObject {
        /// Which part.
        part: Part,
    },
    /// `alg` is absent, `none`, a shared-secret algorithm or unknown.
    #[error("the signature algorithm is not one that can be accepted")]
    UnsupportedAlgorithm,
    /// `alg` is known but this issuer's rules do not allow it.
    #[error("{algorithm} is not allowed for this issuer")]
    AlgorithmNotAllowed {
        /// What the header names.
        algorithm: Algorithm,
    },
    /// `crit` (RFC 7515, 4.1.11) or `b64` (RFC 7797): an extension that is not understood.
    #[error("the header demands an extension that is not supported")]
    Critical,
    /// `typ` names something that is not an access token.
    #[error("the header's typ is not that of an access token")]
    TokenType,
    /// The token is clearly an ID token, refresh token or logout token.
    #[error("the token is not an access token")]
    NotAccessToken,
    /// The token is bound to a key (`cnf`) whose possession was not shown.
    #[error("the token is bound to a key and was presented as a bearer token")]
    SenderConstrained,
    /// `iss` is none of the accepted issuers.
    #[error("the issuer is not accepted")]
    UnknownIssuer,
    /// No keys of the issuer are at hand (never fetched, or too stale).
    #[error("no keys of {issuer} are available")]
    NoKeys {
        /// The issuer, as configured.
        issuer: Arc<str>,
    },
    /// No key of the issuer has this `kid`. A fetch may help.
    #[error("{issuer} has no key with the token's kid")]
    UnknownKey {
        /// The issuer, as configured.
        issuer: Arc<str>,
    },
    /// The token names no key and more than one would fit (OpenID Connect Core, 10.1).
    #[error("the token names no key and several would fit")]
    AmbiguousKey,
    /// The key is there but is not for this algorithm, or not for signatures.
    #[error("the key is not for this algorithm or not for signatures")]
    KeyMismatch,
    /// The signature does not fit.
    #[error("the signature is not valid")]
    Signature,
    /// The key that verified this token was withdrawn by the issuer.
    #[error("the key that signed the token has been withdrawn")]
    KeyWithdrawn,
    /// A required claim is absent or empty.
    #[error("the claim {claim} is missing")]
    ClaimMissing {
        /// Its name, from the rules.
        claim: Arc<str>,
    },
    /// A claim has the wrong type or form.
    #[error("the claim {claim} has a form that is not accepted")]
    ClaimShape {
        /// Its name, from the rules.
        claim: Arc<str>,
    },
    /// `exp` has passed.
    #[error("the token has expired")]
    Expired,
    /// `nbf` is in the future.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// `iat` is in the future.
    #[error("the token was issued in the future")]
    IssuedInFuture,
    /// `aud` names none of the accepted audiences.
    #[error("the token is for another audience")]
    Audience,
    /// Scopes that the rules require are absent. The names are those of the rules.
    #[error("the token lacks a required scope")]
    InsufficientScope {
        /// The scopes that are required, all of them.
        required: Arc<[Arc<str>]>,
    },
    /// The provider left the groups out because they are too many (Entra ID's overage).
    #[error("the provider left out the groups because there are too many (overage)")]
    GroupOverage,
    /// The token, its subject or its session is on the deny list.
    #[error("the token has been revoked")]
    Revoked,
    /// `act` is not an object with a subject, or nests too deeply.
    #[error("the act claim has a form that is not accepted")]
    ActorShape,
    /// The actor token belongs to a person, not to a workload.
    #[error("the actor token is not that of a workload")]
    ActorNotWorkload,
    /// The actor token and the token's `act` or `may_act` disagree.
    #[error("the actor is not the one that the token allows")]
    ActorMismatch,
    /// What is wrong is wrong with the actor token.
    #[error("actor token: {0}")]
    Actor(Box<IdentityError>),
    /// No static token has this hash, or its checksum is wrong.
    #[error("the static token is not known")]
    UnknownStaticToken,
}

/// What the caller is told: nothing that was not already known to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Outward {
    /// The HTTP status.
    pub status: u16,
    /// RFC 6750's error code; none where no token was presented.
    pub error: Option<&'static str>,
    /// A short sentence without values.
    pub description: &'static str,
}

impl IdentityError {
    /// A stable short name of the rule, for metrics and evidence.
    #[must_use]
    pub fn rule(&self) -> &'static str {
        match self {
            IdentityError::Missing => "missing",
            IdentityError::TooLarge { .. } => "too-large",
            IdentityError::NotJwt | IdentityError::Base64 { .. } | IdentityError::NotObject { .. } => {
                "malformed"
            }
            IdentityError::Json { error, .. } if error.kind == carnet_json::ErrorKind::DuplicateKey => {
                "duplicate-claim"
            }
            IdentityError::Json { .. } => "malformed",
            IdentityError::Encrypted => "encrypted",
            IdentityError::UnsupportedAlgorithm | IdentityError::AlgorithmNotAllowed { .. } => "algorithm",
            IdentityError::Critical => "crit",
            IdentityError::TokenType => "typ",
            IdentityError::NotAccessToken => "not-access-token",
            IdentityError::SenderConstrained => "sender-constrained",
            IdentityError::UnknownIssuer => "issuer",
            IdentityError::NoKeys { .. } => "no-keys",
            IdentityError::UnknownKey { .. } => "unknown-key",
            IdentityError::AmbiguousKey => "ambiguous-key",
            IdentityError::KeyMismatch => "key-mismatch",
            IdentityError::Signature => "signature",
            IdentityError::KeyWithdrawn => "key-withdrawn",
            IdentityError::ClaimMissing { .. } => "claim-missing",
            IdentityError::ClaimShape { .. } => "claim-shape",
            IdentityError::Expired => "expired",
            IdentityError::NotYetValid => "not-yet-valid",
            IdentityError::IssuedInFuture => "issued-in-future",
            IdentityError::Audience => "audience",
            IdentityError::InsufficientScope { .. } => "scope",
            IdentityError::GroupOverage => "group-overage",
            IdentityError::Revoked => "revoked",
            IdentityError::ActorShape => "actor-shape",
            IdentityError::ActorNotWorkload => "actor-not-workload",
            IdentityError::ActorMismatch => "actor-mismatch",
            IdentityError::Actor(_) => "actor",
            IdentityError::UnknownStaticToken => "unknown-static-token",
        }
    }

    /// The issuer whose keys should be fetched again, where that may help.
    #[must_use]
    pub fn wants_keys_of(&self) -> Option<&Arc<str>> {
        match self {
            IdentityError::NoKeys { issuer } | IdentityError::UnknownKey { issuer } => Some(issuer),
            IdentityError::Actor(inner) => inner.wants_keys_of(),
            _ => None,
        }
    }

    /// What the caller is told.
    #[must_use]
    pub fn outward(&self) -> Outward {
        let invalid = |description| Outward { status: 401, error: Some("invalid_token"), description };
        match self {
            IdentityError::Missing => {
                Outward { status: 401, error: None, description: "authentication is required" }
            }
            IdentityError::InsufficientScope { .. } => Outward {
                status: 403,
                error: Some("insufficient_scope"),
                description: "the token lacks a required scope",
            },
            // The caller did nothing wrong: a new login would not help, so this is no challenge.
            IdentityError::NoKeys { .. } => {
                Outward { status: 503, error: None, description: "tokens cannot be checked at the moment" }
            }
            IdentityError::Actor(inner) if inner.outward().status == 503 => inner.outward(),
            IdentityError::Expired => invalid("the token has expired"),
            IdentityError::Audience => invalid("the token is for another audience"),
            IdentityError::Revoked => invalid("the token has been revoked"),
            IdentityError::GroupOverage => invalid("the token does not carry its groups"),
            _ => invalid("the token is not valid here"),
        }
    }
}
