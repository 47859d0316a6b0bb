//! Keys that say who may call.

use crate::shape::Kind::{Claim, List, Name, Path, Region, Sha256, Table as T, Text, Time, Url, Words};
use crate::shape::{Table, key, need};

pub(crate) const ALGORITHMS: &[&str] =
    &["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"];

pub(crate) const KINDS: &[&str] = &["user", "workload"];

pub(crate) static IDENTITY: Table = Table {
    name: "identity",
    keys: &[
        key("issuers", List(&T(&ISSUER)), "OpenID providers whose tokens are accepted."),
        key("tokens", List(&T(&TOKEN)), "Static API tokens; only their hash is written here."),
        key(
            "anonymous",
            T(&ANONYMOUS),
            "Who a caller without a token is. Only if every listener is loopback.",
        ),
    ],
};

pub(crate) static ISSUER: Table = Table {
    name: "an issuer",
    keys: &[
        need("issuer", Url, "The iss value of its tokens, exactly."),
        need("audiences", List(&Text), "Accepted aud values."),
        key("jwks_uri", Url, "Where its keys are. Default: found by discovery."),
        key("algorithms", List(&Words(ALGORITHMS)), "Accepted signature algorithms. Default: [RS256, ES256]"),
        key("claims", T(&CLAIMS), "Which claim says what."),
        key("required_scopes", List(&Text), "Scopes that every token must carry."),
        key("ca", Path, "PEM roots for fetching its keys, instead of the system's."),
        key("region", Region, "Where it is."),
    ],
};

pub(crate) static CLAIMS: Table = Table {
    name: "claims",
    keys: &[
        key("groups", Claim, "Groups. Default: groups"),
        key("subject", Claim, "The stable subject. Default: sub"),
        key("client", Claim, "The client that asked for the token. Default: azp, client_id, cid or appid"),
        key("region", Claim, "Where the caller is."),
        key("purpose", Claim, "What the caller works on."),
        key("actor", Claim, "The agent that acts for the subject. Default: act (RFC 8693)"),
    ],
};

pub(crate) static TOKEN: Table = Table {
    name: "a token",
    keys: &[
        need("name", Name, "Name for logs and errors."),
        need("sha256", Sha256, "SHA-256 of the token, 64 hexadecimal digits. `carnet token new` makes both."),
        need("subject", Text, "The identity's subject."),
        key("kind", Words(KINDS), "Person or program. Default: workload"),
        key("groups", List(&Text), "Groups."),
        need("expires", Time, "From when on it is refused, such as 2027-01-01T00:00:00Z."),
        key("purpose", Text, "What it is used for."),
        key("region", Region, "Where its holder is."),
    ],
};

pub(crate) static ANONYMOUS: Table = Table {
    name: "anonymous",
    keys: &[
        need("subject", Text, "The identity's subject."),
        key("kind", Words(KINDS), "Person or program. Default: user"),
        key("groups", List(&Text), "Groups."),
    ],
};
