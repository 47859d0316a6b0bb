//! An issuer's public keys (JWK Set, RFC 7517), parsed once when they are fetched.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::signature::{ParsedPublicKey, RsaPublicKeyComponents};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use carnet_json::{Kind, Limits, Tape, Value};

use crate::Algorithm;
use crate::verified::sha256;

/// Longest key set that is read, in bytes.
const MAX_SET_BYTES: usize = 512 << 10;
/// Most keys in a set.
const MAX_KEYS: usize = 128;

/// Gives the keys of an issuer as they are known now. Called for every token, so it must not wait or block.
pub trait KeySource: Send + Sync {
    /// The key set, or none where it was never fetched or is too old to be trusted.
    fn keys(&self, issuer: &str) -> Option<Arc<KeySet>>;
}

/// Fixed keys, by issuer.
impl KeySource for std::collections::HashMap<String, Arc<KeySet>> {
    fn keys(&self, issuer: &str) -> Option<Arc<KeySet>> {
        self.get(issuer).cloned()
    }
}

/// A fingerprint of a key with everything that says what it may be used for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct KeyId([u8; 32]);

/// One public key for signatures.
pub struct Key {
    id: KeyId,
    kid: Option<Box<str>>,
    /// Parsed for each algorithm it may be used with.
    parsed: Vec<(Algorithm, ParsedPublicKey)>,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let algorithms: Vec<_> = self.parsed.iter().map(|(a, _)| *a).collect();
        f.debug_struct("Key").field("kid", &self.kid).field("algorithms", &algorithms).finish_non_exhaustive()
    }
}

impl Key {
    /// Its fingerprint.
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.id
    }

    pub(crate) fn for_algorithm(&self, algorithm: Algorithm) -> Option<&ParsedPublicKey> {
        self.parsed.iter().find(|(a, _)| *a == algorithm).map(|(_, key)| key)
    }
}

/// Why a key of the set is not used. The set's other keys are (RFC 7517, 5).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Skipped {
    /// `kty`, `crv` or `alg` is not one that is supported; shared secrets (`oct`) are among these.
    Unsupported,
    /// `use` or `key_ops` says that it is not for verifying signatures.
    NotForSignatures,
    /// The set publishes the private part. Whoever can read it can sign: the key proves nothing.
    Private,
    /// A member is missing, is not base64url, or the key is not valid (an RSA key under 2048 bits included).
    Malformed,
}

/// The text is not a key set.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum KeySetError {
    /// Not strict JSON.
    #[error("key set: {0}")]
    Json(#[from] carnet_json::Error),
    /// There is no array `keys`.
    #[error("key set: there is no array \"keys\"")]
    NoKeys,
    /// More keys than any provider has.
    #[error("key set: more than {MAX_KEYS} keys")]
    TooMany,
}

/// The public keys of one issuer at one time.
#[derive(Debug, Default)]
pub struct KeySet {
    keys: Vec<Key>,
    skipped: Vec<(Option<Box<str>>, Skipped)>,
}

impl KeySet {
    /// Reads a JWK Set. Keys that cannot be used are noted, not an error.
    ///
    /// # Errors
    /// The text is not a key set at all.
    pub fn parse(json: &[u8]) -> Result<Self, KeySetError> {
        let tape = Tape::parse(json, &Limits { bytes: MAX_SET_BYTES, depth: 8 })?;
        let list = tape.root(json).get("keys").ok_or(KeySetError::NoKeys)?;
        if list.kind() != Kind::Array {
            return Err(KeySetError::NoKeys);
        }
        let mut set = KeySet::default();
        for jwk in list.items() {
            if set.keys.len() + set.skipped.len() >= MAX_KEYS {
                return Err(KeySetError::TooMany);
            }
            let kid = text(jwk, "kid").map(Box::from);
            match read_key(jwk) {
                Ok(parsed) => set.keys.push(Key { id: KeyId(sha256(jwk.raw())), kid, parsed }),
                Err(why) => set.skipped.push((kid, why)),
            }
        }
        Ok(set)
    }

    /// The usable keys.
    #[must_use]
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// How many keys were not used, and why.
    pub fn skipped(&self) -> impl Iterator<Item = Skipped> + '_ {
        self.skipped.iter().map(|(_, why)| *why)
    }

    /// Whether this very key is still in the set.
    #[must_use]
    pub fn contains(&self, id: KeyId) -> bool {
        self.keys.iter().any(|k| k.id == id)
    }

    /// The usable keys of this name. A provider should not give one name to two keys, but may while it rotates.
    pub(crate) fn named<'a>(&'a self, kid: &'a str) -> impl Iterator<Item = &'a Key> + 'a {
        self.keys.iter().filter(move |k| k.kid.as_deref() == Some(kid))
    }

    /// Whether the name belongs to a key that is in the set but not usable.
    pub(crate) fn is_skipped(&self, kid: &str) -> bool {
        self.skipped.iter().any(|(k, _)| k.as_deref() == Some(kid))
    }
}

fn text<'a>(jwk: Value<'a>, member: &str) -> Option<std::borrow::Cow<'a, str>> {
    jwk.get(member).and_then(|v| v.as_str())
}

fn bytes(jwk: Value<'_>, member: &str) -> Result<Vec<u8>, Skipped> {
    let encoded = text(jwk, member).ok_or(Skipped::Malformed)?;
    URL_SAFE_NO_PAD.decode(encoded.trim_end_matches('=')).map_err(|_| Skipped::Malformed)
}

fn read_key(jwk: Value<'_>) -> Result<Vec<(Algorithm, ParsedPublicKey)>, Skipped> {
    let kty = text(jwk, "kty").ok_or(Skipped::Malformed)?;
    if !matches!(&*kty, "RSA" | "EC" | "OKP") {
        return Err(Skipped::Unsupported);
    }
    if !for_signatures(jwk) {
        return Err(Skipped::NotForSignatures);
    }
    if ["d", "p", "q"].iter().any(|m| jwk.get(m).is_some()) {
        return Err(Skipped::Private);
    }
    let only = match text(jwk, "alg") {
        Some(name) => Some(Algorithm::from_name(&name).ok_or(Skipped::Unsupported)?),
        None => None,
    };
    let crv = text(jwk, "crv");
    match (&*kty, crv.as_deref()) {
        ("RSA", _) => rsa_key(jwk, only),
        ("EC", Some("P-256")) => curve_key(only, Algorithm::ES256, &point(jwk, 32)?),
        ("EC", Some("P-384")) => curve_key(only, Algorithm::ES384, &point(jwk, 48)?),
        ("OKP", Some("Ed25519")) => curve_key(only, Algorithm::EdDSA, &bytes(jwk, "x")?),
        _ => Err(Skipped::Unsupported),
    }
}

fn for_signatures(jwk: Value<'_>) -> bool {
    let use_ok = jwk.get("use").is_none_or(|v| v.is_str("sig"));
    let ops_ok = jwk.get("key_ops").is_none_or(|v| v.items().any(|op| op.is_str("verify")));
    use_ok && ops_ok
}

fn rsa_key(jwk: Value<'_>, only: Option<Algorithm>) -> Result<Vec<(Algorithm, ParsedPublicKey)>, Skipped> {
    let strip = |b: Vec<u8>| b.into_iter().skip_while(|b| *b == 0).collect::<Vec<u8>>();
    let n = strip(bytes(jwk, "n")?);
    let e = strip(bytes(jwk, "e")?);
    // The library checks the length only when it verifies.
    if n.len() < 256 || n.len() > 1024 || e.len() > 8 {
        return Err(Skipped::Malformed);
    }
    let fitting = Algorithm::ALL.into_iter().filter(|a| only.is_none_or(|o| o == *a));
    let parsed = fitting
        .filter_map(|a| Some((a, a.rsa()?)))
        .map(|(a, parameters)| {
            let components = RsaPublicKeyComponents { n: &n, e: &e };
            components.to_parsed_public_key(parameters).map(|key| (a, key)).map_err(|_| Skipped::Malformed)
        })
        .collect::<Result<Vec<_>, _>>()?;
    if parsed.is_empty() { Err(Skipped::Unsupported) } else { Ok(parsed) }
}

/// An uncompressed point (SEC 1, 2.3.3). RFC 7518, 6.2.1.2 fixes the length of each coordinate.
fn point(jwk: Value<'_>, length: usize) -> Result<Vec<u8>, Skipped> {
    let (x, y) = (bytes(jwk, "x")?, bytes(jwk, "y")?);
    if x.len() != length || y.len() != length {
        return Err(Skipped::Malformed);
    }
    Ok([&[4], x.as_slice(), y.as_slice()].concat())
}

fn curve_key(
    only: Option<Algorithm>,
    algorithm: Algorithm,
    public: &[u8],
) -> Result<Vec<(Algorithm, ParsedPublicKey)>, Skipped> {
    let parameters = algorithm.curve().ok_or(Skipped::Unsupported)?;
    if only.is_some_and(|o| o != algorithm) {
        return Err(Skipped::Unsupported);
    }
    let key = ParsedPublicKey::new(parameters, public).map_err(|_| Skipped::Malformed)?;
    Ok(vec![(algorithm, key)])
}
