//! Tokens, good and bad, signed with real keys made in the test by a second library (`jsonwebtoken`).

mod actors;
mod cache;
mod challenge;
mod keys;
mod properties;
mod providers;
mod statics;
mod table;

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{EncodingKey, Header};
use serde_json::{Value, json};

use crate::{IdentityError, IssuerRules, KeySet, Verified, VerifiedCache, verify};

pub(super) const ISSUER: &str = "https://idp.example/realms/acme";
pub(super) const AUDIENCE: &str = "https://carnet.example/mcp/crm";
pub(super) const NOW: i64 = 1_800_000_000;

pub(super) fn b64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A key that signs, and its public JWK.
pub(super) struct Signer {
    pub(super) key: EncodingKey,
    pub(super) jwk: Value,
    /// The public key as a confused verifier would take it for a shared secret.
    pub(super) public: Vec<u8>,
}

pub(super) fn rsa_signer(kid: &str) -> Signer {
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let pkcs8: Pkcs8V1Der<'_> = pair.as_der().unwrap();
    // jsonwebtoken takes PKCS#1 here; the PEM reader takes PKCS#8.
    let key = EncodingKey::from_rsa_pem(pem(pkcs8.as_ref()).as_bytes()).unwrap();
    let public = pair.public_key().as_ref().to_vec();
    let (n, e) = rsa_parts(&public);
    let jwk = json!({"kty": "RSA", "kid": kid, "use": "sig", "n": b64(n), "e": b64(e)});
    Signer { key, jwk, public }
}

/// Modulus and exponent of a DER `RSAPublicKey` with a 2048 bit modulus and a 3 byte exponent.
fn rsa_parts(der: &[u8]) -> (&[u8], &[u8]) {
    let exponent = &der[der.len() - 3..];
    let modulus = &der[der.len() - 5 - 256..der.len() - 5];
    (modulus, exponent)
}

fn pem(der: &[u8]) -> String {
    let body = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<&str> = body.as_bytes().chunks(64).map(|c| std::str::from_utf8(c).unwrap()).collect();
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"))
}

pub(super) fn ec_signer(kid: &str, crv: &str) -> Signer {
    let algorithm = match crv {
        "P-256" => &signature::ECDSA_P256_SHA256_FIXED_SIGNING,
        _ => &signature::ECDSA_P384_SHA384_FIXED_SIGNING,
    };
    let pair = EcdsaKeyPair::generate(algorithm).unwrap();
    let pkcs8 = pair.to_pkcs8v1().unwrap();
    let public = pair.public_key().as_ref().to_vec();
    let half = (public.len() - 1) / 2;
    let (x, y) = (&public[1..=half], &public[half + 1..]);
    let jwk = json!({"kty": "EC", "kid": kid, "crv": crv, "x": b64(x), "y": b64(y)});
    Signer { key: EncodingKey::from_ec_der(pkcs8.as_ref()), jwk, public }
}

pub(super) fn ed_signer(kid: &str) -> Signer {
    let pair = Ed25519KeyPair::generate().unwrap();
    let pkcs8 = pair.to_pkcs8().unwrap();
    let public = pair.public_key().as_ref().to_vec();
    let jwk = json!({"kty": "OKP", "kid": kid, "crv": "Ed25519", "x": b64(&public)});
    Signer { key: EncodingKey::from_ed_der(pkcs8.as_ref()), jwk, public }
}

pub(super) struct Signers {
    pub(super) rsa: Signer,
    pub(super) p256: Signer,
    pub(super) p384: Signer,
    pub(super) ed: Signer,
}

/// One of each, made once.
pub(super) fn signers() -> &'static Signers {
    static MADE: OnceLock<Signers> = OnceLock::new();
    MADE.get_or_init(|| Signers {
        rsa: rsa_signer("rsa"),
        p256: ec_signer("p256", "P-256"),
        p384: ec_signer("p384", "P-384"),
        ed: ed_signer("ed"),
    })
}

pub(super) type Keys = HashMap<String, Arc<KeySet>>;

pub(super) fn key_set(jwks: &[&Value]) -> Arc<KeySet> {
    Arc::new(KeySet::parse(json!({ "keys": jwks }).to_string().as_bytes()).unwrap())
}

pub(super) fn keys(jwks: &[&Value]) -> Keys {
    HashMap::from([(ISSUER.to_owned(), key_set(jwks))])
}

pub(super) fn all_keys() -> &'static Keys {
    static MADE: OnceLock<Keys> = OnceLock::new();
    MADE.get_or_init(|| {
        let s = signers();
        keys(&[&s.rsa.jwk, &s.p256.jwk, &s.p384.jwk, &s.ed.jwk])
    })
}

pub(super) fn rules() -> IssuerRules {
    IssuerRules::new(ISSUER, &[AUDIENCE])
}

/// Claims of a good token of a person.
pub(super) fn good() -> Value {
    json!({
        "iss": ISSUER, "sub": "u-1", "aud": AUDIENCE, "exp": NOW + 300, "nbf": NOW - 10, "iat": NOW - 10,
        "jti": "t-1", "azp": "ide", "scope": "mcp openid", "groups": ["support", "eu"],
    })
}

/// The good claims with some replaced; `null` takes one away.
pub(super) fn with(changes: Value) -> Value {
    let mut claims = good();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value.clone();
        }
    }
    claims
}

/// Signs any header and any payload text.
pub(super) fn sign_raw(
    header: &Value,
    payload: &str,
    key: &EncodingKey,
    alg: jsonwebtoken::Algorithm,
) -> String {
    let message = format!("{}.{}", b64(header.to_string().as_bytes()), b64(payload.as_bytes()));
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), key, alg).unwrap();
    format!("{message}.{signature}")
}

/// A token signed with the Ed25519 key, the quickest.
pub(super) fn token(claims: &Value) -> String {
    signed(claims, &signers().ed, "ed")
}

pub(super) fn signed(claims: &Value, signer: &Signer, kid: &str) -> String {
    let mut header = Header::new(jsonwebtoken::Algorithm::EdDSA);
    header.kid = Some(kid.to_owned());
    jsonwebtoken::encode(&header, claims, &signer.key).unwrap()
}

pub(super) fn check(token: &str, rules: &IssuerRules) -> Result<Arc<Verified>, IdentityError> {
    verify(token, std::slice::from_ref(rules), all_keys(), NOW, None)
}

pub(super) fn rule_of(result: Result<Arc<Verified>, IdentityError>) -> &'static str {
    result.err().map_or("ok", |e| e.rule())
}

pub(super) fn new_cache() -> VerifiedCache {
    VerifiedCache::new(64)
}

/// The page explains every cause that the metric may have.
#[test]
fn the_page_names_every_rule() {
    let page = include_str!("../../../../docs/identity.md");
    let source = include_str!("../error.rs");
    let rules = source.split("pub fn rule(").nth(1).unwrap().split("wants_keys_of").next().unwrap();
    let named: Vec<_> = rules.split('"').skip(1).step_by(2).collect();
    assert!(named.len() >= 25);
    for name in named {
        assert!(page.contains(&format!("`{name}`")), "{name}");
    }
}
