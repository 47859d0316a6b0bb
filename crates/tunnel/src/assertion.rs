//! A front's word for one call: a JWS (RFC 7515, compact, HS256) of type `carnet-call+jwt`, under a key of the connection, over
//! the names of front and cell, method and path, the SHA-256 of the body and of all headers, a time and a number used once. It
//! says that this call with these headers, the caller's token among them, came to this front just now. Who the caller is it
//! does not say: the cell checks the token itself, against the identity provider's keys.

use std::borrow::Cow;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::bond::{Exported, in_time};

/// The header it travels in.
pub const HEADER: &str = "x-carnet-call";
/// How long it holds, in seconds.
pub const LIFETIME: i64 = 30;
/// How far two clocks may be apart, in seconds.
pub const SKEW: i64 = 30;
/// Longest assertion, in bytes.
const MOST: usize = 16 << 10;
/// The one header there is; nothing in it can be chosen by whoever sends it.
const JOSE: &str = r#"{"alg":"HS256","typ":"carnet-call+jwt"}"#;

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
struct Claims<'a> {
    iss: Cow<'a, str>,
    aud: Cow<'a, str>,
    iat: i64,
    exp: i64,
    jti: Cow<'a, str>,
    htm: Cow<'a, str>,
    htu: Cow<'a, str>,
    /// SHA-256 of the body.
    bh: Cow<'a, str>,
    /// SHA-256 of the headers.
    hh: Cow<'a, str>,
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
    /// It is about another connection.
    #[error("it is about another connection")]
    OtherConnection,
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

/// Makes and accepts assertions about the calls of one connection, under a key that only its two ends know: TLS gives it to both.
/// That the other end is the front, [`crate::Checker`] has found out before.
pub struct CallKey {
    key: hmac::Key,
    front: String,
    cell: String,
    head: String,
}

impl std::fmt::Debug for CallKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CallKey")
    }
}

impl CallKey {
    /// Of a connection between this front and this cell.
    #[must_use]
    pub fn new(front: &str, cell: &str, exported: &Exported) -> CallKey {
        CallKey {
            key: hmac::Key::new(hmac::HMAC_SHA256, &exported.key),
            front: front.to_owned(),
            cell: cell.to_owned(),
            head: BASE64URL.encode(JOSE),
        }
    }

    /// The assertion about a call with this body at `now` (Unix seconds).
    #[must_use]
    pub fn assert(&self, call: &Call<'_>, body: &[u8], now: i64, jti: [u8; 16]) -> String {
        let claims = Claims {
            iss: Cow::Borrowed(&self.front),
            aud: Cow::Borrowed(&self.cell),
            iat: now,
            exp: now.saturating_add(LIFETIME),
            jti: BASE64URL.encode(jti).into(),
            htm: Cow::Borrowed(call.method),
            htu: Cow::Borrowed(call.path),
            bh: digest(body).into(),
            hh: BASE64URL.encode(call.headers).into(),
        };
        let payload = serde_json::to_vec(&claims).unwrap_or_default();
        let mut text = String::with_capacity(640);
        text.push_str(&self.head);
        text.push('.');
        BASE64URL.encode_string(payload, &mut text);
        let tag = hmac::sign(&self.key, text.as_bytes());
        text.push('.');
        BASE64URL.encode_string(tag, &mut text);
        text
    }

    /// Checks all but the body, which comes later, and that it was not used before, which [`crate::Replays`] knows.
    ///
    /// # Errors
    /// Why it is not accepted.
    pub fn check(&self, assertion: &str, call: &Call<'_>, now: i64) -> Result<Asserted, NotAsserted> {
        if assertion.len() > MOST {
            return Err(NotAsserted::Unreadable);
        }
        let (signed, tag) = assertion.rsplit_once('.').ok_or(NotAsserted::Unreadable)?;
        let (head, payload) = signed.split_once('.').ok_or(NotAsserted::Unreadable)?;
        let decoded = |text: &str| BASE64URL.decode(text).map_err(|_| NotAsserted::Unreadable);
        if head != self.head {
            return Err(NotAsserted::Unreadable);
        }
        hmac::verify(&self.key, signed.as_bytes(), &decoded(tag)?).map_err(|_| NotAsserted::Signature)?;
        let payload = decoded(payload)?;
        let claims: Claims<'_> = serde_json::from_slice(&payload).map_err(|_| NotAsserted::Unreadable)?;
        self.holds(&claims, call, now)?;
        let jti = exact(&claims.jti).ok_or(NotAsserted::Unreadable)?;
        let body = exact(&claims.bh).ok_or(NotAsserted::Unreadable)?;
        Ok(Asserted { jti, body, hash: body_hash(assertion.as_bytes()) })
    }

    fn holds(&self, claims: &Claims<'_>, call: &Call<'_>, now: i64) -> Result<(), NotAsserted> {
        if claims.iss != self.front || claims.aud != self.cell {
            return Err(NotAsserted::NotForUs);
        }
        in_time(claims.iat, claims.exp, now)?;
        let same =
            claims.htm == call.method && claims.htu == call.path && exact(&claims.hh) == Some(call.headers);
        if same { Ok(()) } else { Err(NotAsserted::OtherCall) }
    }
}

/// The SHA-256 of a call's headers in one form, as RFC 9421 has them in a signature base: a line `name: value` for each, sorted
/// by name, several of one name in their order. Left out are the assertion itself, which cannot cover itself, and
/// `content-length`, which the connection sets and the hash of the body makes void.
#[must_use]
pub fn headers_hash<'a>(headers: impl Iterator<Item = (&'a str, &'a [u8])>) -> [u8; 32] {
    let mut lines: Vec<_> =
        headers.filter(|(name, _)| *name != HEADER && *name != "content-length").collect();
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

    const NOW: i64 = 1_800_000_000;

    fn key(front: &str, cell: &str, n: u8) -> CallKey {
        CallKey::new(front, cell, &Exported::from([n; 64]))
    }

    fn checker() -> CallKey {
        key("front", "eu", 1)
    }

    fn call<'a>() -> Call<'a> {
        Call { method: "POST", path: "/mcp/crm", headers: of(&[("authorization", "Bearer t")]) }
    }

    fn of(headers: &[(&str, &str)]) -> [u8; 32] {
        headers_hash(headers.iter().map(|(n, v)| (*n, v.as_bytes())))
    }

    #[test]
    fn what_was_asserted_is_accepted() {
        let text = checker().assert(&call(), b"body", NOW, [7; 16]);
        for at in [NOW - SKEW, NOW, NOW + LIFETIME, NOW + LIFETIME + SKEW - 1] {
            let asserted = checker().check(&text, &call(), at).unwrap();
            let hash = body_hash(text.as_bytes());
            assert_eq!(asserted, Asserted { jti: [7; 16], body: body_hash(b"body"), hash });
        }
    }

    #[test]
    fn everything_else_is_not() {
        let make = |front: &str, cell: &str| key(front, cell, 1).assert(&call(), b"body", NOW, [7; 16]);
        let good = make("front", "eu");
        let other = key("front", "eu", 2).assert(&call(), b"body", NOW, [7; 16]);
        assert_eq!(checker().check(&other, &call(), NOW).unwrap_err(), NotAsserted::Signature);
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
        let base = [
            ("accept", "a"),
            ("mcp-session-id", "s"),
            ("x-carnet-actor-token", "t"),
            ("via", "1"),
            ("via", "2"),
        ];
        let same: [&[(&str, &str)]; 3] = [
            &[
                ("via", "1"),
                ("x-carnet-actor-token", "t"),
                ("accept", "a"),
                ("mcp-session-id", "s"),
                ("via", "2"),
            ],
            &[
                ("accept", " a "),
                ("mcp-session-id", "s"),
                ("x-carnet-actor-token", "t"),
                ("via", "1"),
                ("via", "2\t"),
            ],
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
        let good = checker().assert(&call(), b"body", NOW, [7; 16]);
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
