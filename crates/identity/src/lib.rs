//! From a token and a key set to a principal.
//!
//! [`Verifier`] takes a JSON Web Token, the rules of the accepted issuers ([`IssuerRules`]) and their keys
//! ([`KeySource`]) and answers who is calling ([`Verified`]), or which rule failed ([`IdentityError`]). [`StaticTokens`] does the
//! same for API tokens of those without OpenID. [`challenge`] and [`protected_resource_metadata`] are what a
//! client is told so that it starts its login at the right provider (RFC 6750, RFC 9728).
//!
//! Floor 1: no clock, sockets, files or randomness; time and entropy are parameters. Tokens are read with the
//! strict scanner, so a duplicate claim is an error and not a choice.

mod act;
mod algorithm;
mod cache;
mod challenge;
mod claims;
mod error;
mod jws;
mod keys;
mod kind;
mod path;
mod revoke;
mod rules;
mod static_token;
mod verified;
mod verify;

pub use algorithm::Algorithm;
pub use cache::VerifiedCache;
pub use challenge::{Challenge, ResourceMetadata, challenge, protected_resource_metadata};
pub use error::{IdentityError, Outward, Part};
pub use keys::{Key, KeyId, KeySet, KeySetError, KeySource, Skipped};
pub use path::{ClaimPath, ClaimPathError};
pub use revoke::{DenyList, NoRevocations, Revocations};
pub use rules::{GroupPaths, IssuerRules, KindRule, Overage};
pub use static_token::{NewToken, STATIC_ISSUER, StaticToken, StaticTokenError, StaticTokens, make_token};
pub use verified::{TokenHash, Verified};
pub use verify::{MAX_TOKEN_BYTES, Verifier, verify};

#[cfg(test)]
mod tests;
