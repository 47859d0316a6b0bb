//! A front's word for one call: a JWS (RFC 7515, compact, EdDSA) of type `carnet-call+jwt` over the names of front and cell,
//! method and path, the SHA-256 of the body and of all headers, a time and a number used once. It says that
//! this call with these headers, the caller's token among them, came to this front just now. Who the caller is it does not say: the
//! cell checks the token itself, against the identity provider's keys.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::keys::{PublicKey, SigningKey};

/// The header it travels in.
pub const HEADER: &str = "x-carnet-call";
/// How long it holds, in seconds.
pub const LIFETIME: i64 = 30;
/// How far two clocks may be apart, in seconds.
pub const SKEW: i64 = 30;
/// Longest assertion, in bytes.
const MOST: usize = 16 << 10;
/// The one header there is; nothing in it can be chosen by whoever sends it.
const JOSE: &str = r#"{"alg":"EdDSA","typ":"carnet-call+jwt"}"#;

/// The call that an assertion is about.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// HTTP method.
    pub method: &'a str,
    /// Path and query.
    pub path: &'a str,
    /// Its headers, from [`headers_hash`].
    pub headers: [u8; 32],
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claims {
    iss: String,
    aud: String,
    iat: i64,
    exp: i64,
    jti: String,
    htm: String,
    htu: String,
    /// SHA-256 of the body.
    bh: String,
    /// SHA-256 of the headers.
    hh: String,
}

/// Why an assertion is not accepted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotAsserted {
    /// It is not one.
    #[error("the assertion cannot be read")]
    Unreadable,
    /// Another key signed it, or it was changed.
    #[error("the signature does not hold")]
    Signature,
    /// From another front, or for another cell.
    #[error("it is another front's, or for another cell")]
    NotForUs,
    /// It has run out, or is not valid yet.
    #[error("it is not valid at this time")]
    Time,
    /// It is about another call.
    #[error("it is about another call")]
    OtherCall,
}

/// What holds of a call whose assertion was accepted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Asserted {
    /// Its number: to be used once.
    pub jti: [u8; 16],
    /// SHA-256 that its body must have.
    pub body: [u8; 32],
    /// SHA-256 of the assertion itself, by which records name it.
    pub hash: [u8; 32],
}

/// Makes assertions in the name of a front.
#[derive(Debug)]
pub struct Signer {
    key: SigningKey,
    front: String,
    head: String,
}

impl Signer {
    /// For a front of this name.
    #[must_use]
    pub fn new(front: &str, key: SigningKey) -> Signer {
        Signer { key, front: front.to_owned(), head: BASE64URL.encode(JOSE) }
    }

    /// The assertion about a call with this body to this cell at `now` (Unix seconds).
    #[must_use]
    pub fn assert(&self, cell: &str, call: &Call<'_>, body: &[u8], now: i64, jti: [u8; 16]) -> String {
        let claims = Claims {
            iss: self.front.clone(),
            aud: cell.to_owned(),
            iat: now,
            exp: now.saturating_add(LIFETIME),
            jti: BASE64URL.encode(jti),
            htm: call.method.to_owned(),
            htu: call.path.to_owned(),
            bh: digest(body),
            hh: BASE64URL.encode(call.headers),
        };
        let payload = serde_json::to_vec(&claims).unwrap_or_default();
        let signed = format!("{}.{}", self.head, BASE64URL.encode(payload));
        let signature = self.key.sign(signed.as_bytes());
        format!("{signed}.{}", BASE64URL.encode(signature))
    }
}

/// Accepts the assertions of one front for one cell.
#[derive(Clone, Debug)]
pub struct Checker {
    key: PublicKey,
    front: String,
    cell: String,
}

impl Checker {
    /// Of this front, for this cell.
    #[must_use]
    pub fn new(front: &str, cell: &str, key: PublicKey) -> Checker {
        Checker { key, front: front.to_owned(), cell: cell.to_owned() }
    }

    /// Checks all but the body, which comes later, and that it was not used before, which [`crate::Replays`] knows.
    ///
    /// # Errors
    /// Why it is not accepted.
    pub fn check(&self, assertion: &str, call: &Call<'_>, now: i64) -> Result<Asserted, NotAsserted> {
        if assertion.len() > MOST {
            return Err(NotAsserted::Unreadable);
        }
        let (signed, signature) = assertion.rsplit_once('.').ok_or(NotAsserted::Unreadable)?;
        let (head, payload) = signed.split_once('.').ok_or(NotAsserted::Unreadable)?;
        let decoded = |text: &str| BASE64URL.decode(text).map_err(|_| NotAsserted::Unreadable);
        if decoded(head)? != JOSE.as_bytes() {
            return Err(NotAsserted::Unreadable);
        }
        if !self.key.verify(signed.as_bytes(), &decoded(signature)?) {
            return Err(NotAsserted::Signature);
        }
        let claims: Claims =
            serde_json::from_slice(&decoded(payload)?).map_err(|_| NotAsserted::Unreadable)?;
        self.holds(&claims, call, now)?;
        let jti = exact(&claims.jti).ok_or(NotAsserted::Unreadable)?;
        let body = exact(&claims.bh).ok_or(NotAsserted::Unreadable)?;
        Ok(Asserted { jti, body, hash: body_hash(assertion.as_bytes()) })
    }

    /// The front whose assertions these are.
    #[must_use]
    pub fn front(&self) -> &str {
        &self.front
    }

    /// What names the key that they are signed with: its JWK thumbprint.
    #[must_use]
    pub fn key_id(&self) -> String {
        self.key.thumbprint()
    }

    fn holds(&self, claims: &Claims, call: &Call<'_>, now: i64) -> Result<(), NotAsserted> {
        if claims.iss != self.front || claims.aud != self.cell {
            return Err(NotAsserted::NotForUs);
        }
        let lasts = claims.exp.checked_sub(claims.iat);
        let in_time = now >= claims.iat.saturating_sub(SKEW) && now < claims.exp.saturating_add(SKEW);
        if !in_time || !lasts.is_some_and(|l| (0..=LIFETIME).contains(&l)) {
            return Err(NotAsserted::Time);
        }
        let same = claims.htm == call.method
            && claims.htu == call.path
            && exact(&claims.hh) == Some(call.headers);
        if same { Ok(()) } else { Err(NotAsserted::OtherCall) }
    }
}

/// The SHA-256 of a call's headers in one form, as RFC 9421 has them in a signature base: a line `name: value` for each, sorted
/// by name, several of one name in their order. Left out are the assertion itself, which cannot cover itself, and
/// `content-length`, which the connection sets and the hash of the body makes void.
#[must_use]
pub fn headers_hash<'a>(headers: impl Iterator<Item = (&'a str, &'a [u8])>) -> [u8; 32] {
    let mut lines: Vec<_> = headers.filter(|(name, _)| *name != HEADER && *name != "content-length").collect();
    // Stable: several values of one name stay in their order.
    lines.sort_by_key(|(name, _)| *name);
    let mut hash = Sha256::new();
    for (name, value) in lines {
        // No header's name has a colon, and none of its values a newline: no two lists give the same bytes.
        for part in [name.as_bytes(), b": ", value.trim_ascii(), b"\n"] {
            hash.update(part);
        }
    }
    hash.finalize().into()
}

fn exact<const N: usize>(text: &str) -> Option<[u8; N]> {
    BASE64URL.decode(text).ok()?.try_into().ok()
}

fn digest(bytes: &[u8]) -> String {
    BASE64URL.encode(Sha256::digest(bytes))
}

/// The SHA-256 that [`Asserted::body`] is compared with.
#[must_use]
pub fn body_hash(body: &[u8]) -> [u8; 32] {
    Sha256::digest(body).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n";
    const NOW: i64 = 1_800_000_000;

    fn signer(front: &str) -> Signer {
        Signer::new(front, SigningKey::from_pem(KEY).unwrap())
    }

    fn checker() -> Checker {
        Checker::new("front", "eu", SigningKey::from_pem(KEY).unwrap().public())
    }

    fn call<'a>() -> Call<'a> {
        Call { method: "POST", path: "/mcp/crm", headers: of(&[("authorization", "Bearer t")]) }
    }

    fn of(headers: &[(&str, &str)]) -> [u8; 32] {
        headers_hash(headers.iter().map(|(n, v)| (*n, v.as_bytes())))
    }

    #[test]
    fn what_was_asserted_is_accepted() {
        let text = signer("front").assert("eu", &call(), b"body", NOW, [7; 16]);
        for at in [NOW - SKEW, NOW, NOW + LIFETIME, NOW + LIFETIME + SKEW - 1] {
            let asserted = checker().check(&text, &call(), at).unwrap();
            let hash = body_hash(text.as_bytes());
            assert_eq!(asserted, Asserted { jti: [7; 16], body: body_hash(b"body"), hash });
        }
    }

    #[test]
    fn everything_else_is_not() {
        let make = |front: &str, cell: &str| signer(front).assert(cell, &call(), b"body", NOW, [7; 16]);
        let good = make("front", "eu");
        let check = |text: &str, call: Call<'_>, now| checker().check(text, &call, now).unwrap_err();
        assert_eq!(check(&make("other", "eu"), call(), NOW), NotAsserted::NotForUs);
        assert_eq!(check(&make("front", "us"), call(), NOW), NotAsserted::NotForUs);
        assert_eq!(check(&good, call(), NOW + LIFETIME + SKEW), NotAsserted::Time);
        assert_eq!(check(&good, call(), NOW - SKEW - 1), NotAsserted::Time);
        let others = [
            Call { method: "GET", ..call() },
            Call { path: "/mcp/files", ..call() },
            Call { headers: of(&[("authorization", "Bearer u")]), ..call() },
            Call { headers: of(&[]), ..call() },
            Call { headers: of(&[("authorization", "Bearer t"), ("last-event-id", "7")]), ..call() },
        ];
        for other in others {
            assert_eq!(check(&good, other, NOW), NotAsserted::OtherCall, "{other:?}");
        }
        let (signed, _) = good.rsplit_once('.').unwrap();
        for bad in ["", ".", "..", signed, &"a".repeat(MOST + 1), "a.b.c"] {
            assert_eq!(check(bad, call(), NOW), NotAsserted::Unreadable, "{bad}");
        }
        // No other algorithm, `none` least of all.
        let none = BASE64URL.encode(r#"{"alg":"none","typ":"carnet-call+jwt"}"#);
        let payload = signed.split_once('.').unwrap().1;
        assert_eq!(check(&format!("{none}.{payload}."), call(), NOW), NotAsserted::Unreadable);
    }

    #[test]
    fn every_header_counts_and_their_order_does_not() {
        let base = [("accept", "a"), ("mcp-session-id", "s"), ("x-carnet-actor-token", "t"), ("via", "1"), ("via", "2")];
        let same: [&[(&str, &str)]; 3] = [
            &[("via", "1"), ("x-carnet-actor-token", "t"), ("accept", "a"), ("mcp-session-id", "s"), ("via", "2")],
            &[("accept", " a "), ("mcp-session-id", "s"), ("x-carnet-actor-token", "t"), ("via", "1"), ("via", "2\t")],
            &[
                ("accept", "a"),
                ("mcp-session-id", "s"),
                ("x-carnet-actor-token", "t"),
                ("via", "1"),
                ("via", "2"),
                ("content-length", "9"),
                (HEADER, "x"),
            ],
        ];
        for other in same {
            assert_eq!(of(other), of(&base), "{other:?}");
        }
        for at in 0..base.len() {
            let mut without = base.to_vec();
            let (name, value) = without.remove(at);
            assert_ne!(of(&without), of(&base), "{name}");
            without.push((name, "another"));
            assert_ne!(of(&without), of(&base), "{name}");
            without.pop();
            without.insert(at, ("another", value));
            assert_ne!(of(&without), of(&base), "{name}");
        }
        let mut turned = base;
        turned.swap(3, 4);
        assert_ne!(of(&turned), of(&base));
        assert_ne!(of(&[("via", "1, 2")]), of(&[("via", "1"), ("via", "2")]));
    }

    #[test]
    fn no_flipped_bit_passes() {
        let good = signer("front").assert("eu", &call(), b"body", NOW, [7; 16]);
        for at in 0..good.len() {
            for bit in 0..7 {
                let mut bytes = good.clone().into_bytes();
                bytes[at] ^= 1 << bit;
                let Ok(text) = String::from_utf8(bytes) else { continue };
                assert!(checker().check(&text, &call(), NOW).is_err(), "{at} {bit}");
            }
        }
    }
}
