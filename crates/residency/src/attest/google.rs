//! The identity token of a Google Compute Engine instance: a JWT that Google signs and that names the instance's zone.
//!
//! The instance asks its metadata service for it (`.../service-accounts/default/identity?audience=...&format=full`). The audience is
//! the origin of the cell's log unless another is configured, so that a token that was made for somebody else attests nothing here.

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use carnet_json::{Limits, Tape, Value};
use carnet_model::Region;

use super::AttestError;
use crate::known::{Known, Place};

/// How far the clocks may be apart, in seconds.
const SKEW: i64 = 300;

/// The region that a signed token names. `keys` is Google's key set (JWKS).
///
/// # Errors
/// When anything does not fit.
pub fn google(token: &str, keys: &str, audience: &str, now: i64) -> Result<Place, AttestError> {
    let token = token.trim();
    let (signed, signature) = token.rsplit_once('.').ok_or(AttestError::Document)?;
    let (header, claims) = signed.split_once('.').ok_or(AttestError::Document)?;
    let (header, claims, signature) = (decoded(header)?, decoded(claims)?, decoded(signature)?);
    let header = Json::read(header)?;
    // The algorithm is Google's; a token that names another one is none of theirs.
    if header.text("alg").as_deref() != Some("RS256") {
        return Err(AttestError::Signature);
    }
    let (n, e) = key(keys, &header.text("kid").ok_or(AttestError::Signature)?)?;
    RsaPublicKeyComponents { n: &n, e: &e }
        .verify(&RSA_PKCS1_2048_8192_SHA256, signed.as_bytes(), &signature)
        .map_err(|_| AttestError::Signature)?;
    let claims = Json::read(claims)?;
    let issuer = claims.text("iss");
    if !matches!(issuer.as_deref(), Some("https://accounts.google.com" | "accounts.google.com")) {
        return Err(AttestError::Other);
    }
    if claims.text("aud").as_deref() != Some(audience) {
        return Err(AttestError::Other);
    }
    let (from, until) = (claims.number("iat"), claims.number("exp"));
    let timely = from.is_some_and(|t| t <= now + SKEW) && until.is_some_and(|t| now < t + SKEW);
    if !timely {
        return Err(AttestError::Time);
    }
    let root = claims.root();
    let instance = root.get("google").and_then(|g| g.get("compute_engine"));
    let zone = instance.and_then(|i| i.get("zone")).and_then(|z| z.as_str().map(|z| z.into_owned()));
    // `europe-west3-a`: the region and a letter.
    let zone = zone.ok_or(AttestError::Document)?;
    let (region, letter) = zone.rsplit_once('-').ok_or(AttestError::Document)?;
    if letter.len() != 1 || !region.contains('-') {
        return Err(AttestError::Document);
    }
    Ok(Place { region: Region::new(&format!("gcp:{region}")), known: Known::Attested })
}

fn decoded(part: &str) -> Result<Vec<u8>, AttestError> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| AttestError::Document)
}

/// Modulus and exponent of the one RSA key with this name.
fn key(keys: &str, kid: &str) -> Result<(Vec<u8>, Vec<u8>), AttestError> {
    let set = Json::read(keys.as_bytes().to_vec()).map_err(|_| AttestError::Key)?;
    let root = set.root();
    let all = root.get("keys").ok_or(AttestError::Key)?;
    let mut of = all.items().filter(|k| k.get("kid").is_some_and(|id| id.is_str(kid)));
    let (Some(key), None) = (of.next(), of.next()) else { return Err(AttestError::Signature) };
    let part = |name: &str| {
        let text = key.get(name).and_then(|v| v.as_str().map(|t| t.into_owned()))?;
        URL_SAFE_NO_PAD.decode(text).ok()
    };
    if !key.get("kty").is_some_and(|t| t.is_str("RSA")) {
        return Err(AttestError::Key);
    }
    part("n").zip(part("e")).ok_or(AttestError::Key)
}

/// A JSON object.
pub(super) struct Json {
    bytes: Vec<u8>,
    tape: Tape,
}

impl Json {
    pub(super) fn read(bytes: Vec<u8>) -> Result<Json, AttestError> {
        let tape = Tape::parse(&bytes, &Limits::default()).map_err(|_| AttestError::Document)?;
        Ok(Json { bytes, tape })
    }

    pub(super) fn root(&self) -> Value<'_> {
        self.tape.root(&self.bytes)
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.root().get(name)?.as_str().map(|t| t.into_owned())
    }

    fn number(&self, name: &str) -> Option<i64> {
        self.root().get(name)?.as_i64()
    }
}
