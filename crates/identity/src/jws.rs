//! The outside of a token: three parts, the header, the signature (RFC 7515). Nothing in a header is ever used to
//! find a key but `kid` and `alg`; `jwk`, `jku` and `x5c` are ignored.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use carnet_json::{Kind, Limits, Tape};

use crate::error::Part;
use crate::keys::{Key, KeySet};
use crate::{Algorithm, IdentityError, IssuerRules};

/// A header carries a handful of short members.
const MAX_HEADER_BYTES: usize = 4 << 10;

/// The decoded parts of a token, not verified yet.
pub(crate) struct Parts<'a> {
    pub(crate) header: Header,
    pub(crate) payload: Vec<u8>,
    pub(crate) payload_tape: Tape,
    signed: &'a [u8],
    signature: Vec<u8>,
}

/// What matters of a header.
pub(crate) struct Header {
    pub(crate) algorithm: Algorithm,
    pub(crate) kid: Option<String>,
    /// `typ` says that this is an access token (RFC 9068).
    pub(crate) at_jwt: bool,
}

pub(crate) fn split(token: &str) -> Result<Parts<'_>, IdentityError> {
    let (signed, signature) = token.rsplit_once('.').ok_or(IdentityError::NotJwt)?;
    let (header, payload) = signed.split_once('.').ok_or(IdentityError::NotJwt)?;
    match payload.bytes().filter(|b| *b == b'.').count() {
        0 => {}
        2 => return Err(IdentityError::Encrypted),
        _ => return Err(IdentityError::NotJwt),
    }
    let header = read_header(&decode(header, Part::Header)?)?;
    let payload = decode(payload, Part::Payload)?;
    let payload_tape = object(&payload, Part::Payload, payload.len())?;
    let signature = decode(signature, Part::Signature)?;
    Ok(Parts { header, payload, payload_tape, signed: signed.as_bytes(), signature })
}

fn decode(text: &str, part: Part) -> Result<Vec<u8>, IdentityError> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| IdentityError::Base64 { part })
}

fn object(bytes: &[u8], part: Part, limit: usize) -> Result<Tape, IdentityError> {
    let tape = Tape::parse(bytes, &Limits { bytes: limit, depth: 16 })
        .map_err(|error| IdentityError::Json { part, error })?;
    if tape.root(bytes).kind() != Kind::Object {
        return Err(IdentityError::NotObject { part });
    }
    Ok(tape)
}

fn read_header(bytes: &[u8]) -> Result<Header, IdentityError> {
    let tape = object(bytes, Part::Header, MAX_HEADER_BYTES)?;
    let root = tape.root(bytes);
    if root.get("crit").is_some() || root.get("b64").is_some() {
        return Err(IdentityError::Critical);
    }
    if root.get("enc").is_some() {
        return Err(IdentityError::Encrypted);
    }
    let algorithm = root
        .get("alg")
        .and_then(|v| v.as_str())
        .and_then(|name| Algorithm::from_name(&name))
        .ok_or(IdentityError::UnsupportedAlgorithm)?;
    let at_jwt = match root.get("typ") {
        Some(typ) => token_type(&typ.as_str().ok_or(IdentityError::TokenType)?)?,
        None => false,
    };
    let kid = match root.get("kid") {
        Some(kid) => {
            Some(kid.as_str().ok_or(IdentityError::ClaimShape { claim: "kid".into() })?.into_owned())
        }
        None => None,
    };
    Ok(Header { algorithm, kid, at_jwt })
}

/// `at+jwt` and `JWT`, in any case, with or without `application/` (RFC 7515, 4.1.9). Everything else was made for
/// another purpose (RFC 8725, 3.11): `dpop+jwt`, `logout+jwt`, `secevent+jwt`, ...
fn token_type(typ: &str) -> Result<bool, IdentityError> {
    let lower = typ.to_ascii_lowercase();
    match lower.strip_prefix("application/").unwrap_or(&lower) {
        "at+jwt" => Ok(true),
        "jwt" => Ok(false),
        _ => Err(IdentityError::TokenType),
    }
}

impl Parts<'_> {
    /// Finds the key and checks the signature with it.
    pub(crate) fn verified_by<'k>(
        &'k self,
        rules: &IssuerRules,
        set: &'k KeySet,
    ) -> Result<&'k Key, IdentityError> {
        let algorithm = self.header.algorithm;
        if !rules.algorithms.contains(&algorithm) {
            return Err(IdentityError::AlgorithmNotAllowed { algorithm });
        }
        let candidates = match &self.header.kid {
            Some(kid) => named_keys(set, kid, algorithm, rules)?,
            None => vec![only_key(set, algorithm)?],
        };
        candidates
            .into_iter()
            .find(|key| {
                let parsed = key.for_algorithm(algorithm);
                parsed.is_some_and(|k| k.verify_sig(self.signed, &self.signature).is_ok())
            })
            .ok_or(IdentityError::Signature)
    }
}

/// All keys of the name that fit; two keys may share a name while a provider rotates. A set of a hundred keys of
/// one name would make every bad token dear, so four are tried.
fn named_keys<'k>(
    set: &'k KeySet,
    kid: &'k str,
    algorithm: Algorithm,
    rules: &IssuerRules,
) -> Result<Vec<&'k Key>, IdentityError> {
    let mut named = set.named(kid).peekable();
    if named.peek().is_none() {
        return Err(if set.is_skipped(kid) {
            IdentityError::KeyMismatch
        } else {
            IdentityError::UnknownKey { issuer: rules.issuer.clone() }
        });
    }
    let fitting: Vec<_> = named.filter(|k| k.for_algorithm(algorithm).is_some()).take(4).collect();
    if fitting.is_empty() { Err(IdentityError::KeyMismatch) } else { Ok(fitting) }
}

fn only_key(set: &KeySet, algorithm: Algorithm) -> Result<&Key, IdentityError> {
    let mut fitting = set.keys().iter().filter(|k| k.for_algorithm(algorithm).is_some());
    match (fitting.next(), fitting.next()) {
        (Some(key), None) => Ok(key),
        (Some(_), Some(_)) => Err(IdentityError::AmbiguousKey),
        _ => Err(IdentityError::KeyMismatch),
    }
}
