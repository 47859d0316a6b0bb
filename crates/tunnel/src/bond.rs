//! A front's word that a connection is its own: a JWS (RFC 7515, compact, EdDSA) of type `carnet-front+jwt` over the names of front and
//! cell, a time, and what TLS exports of that very connection (RFC 8446, section 7.5; as `tls-exporter` of RFC 9266 does). It
//! goes with every hello. From then on both sides know that the other end of the connection holds the front's key, so each
//! call needs no more than a MAC under a key of that connection ([`crate::CallKey`]): a signature for each call would cost
//! more than all else that a front does.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde::{Deserialize, Serialize};

use crate::assertion::{LIFETIME, NotAsserted, SKEW};
use crate::keys::{PublicKey, SigningKey};

/// What TLS is asked for.
pub const LABEL: &[u8] = b"EXPORTER-carnet-tunnel/1";
/// How much of it: what is signed, then the key of the calls.
pub const EXPORTED: usize = 64;
/// Longest, in bytes.
const MOST: usize = 4 << 10;
const JOSE: &str = r#"{"alg":"EdDSA","typ":"carnet-front+jwt"}"#;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claims {
    iss: String,
    aud: String,
    iat: i64,
    exp: i64,
    /// What TLS exports of the connection.
    ekm: String,
}

/// The two halves of what TLS exports.
#[derive(Clone, Copy)]
pub struct Exported {
    pub(crate) binding: [u8; 32],
    pub(crate) key: [u8; 32],
}

impl std::fmt::Debug for Exported {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Exported")
    }
}

impl From<[u8; EXPORTED]> for Exported {
    fn from(bytes: [u8; EXPORTED]) -> Exported {
        let mut exported = Exported { binding: [0; 32], key: [0; 32] };
        let (binding, key) = bytes.split_at(32);
        exported.binding.copy_from_slice(binding);
        exported.key.copy_from_slice(key);
        exported
    }
}

/// Signs in the name of a front.
#[derive(Debug)]
pub struct Signer {
    key: SigningKey,
    front: String,
}

impl Signer {
    /// For a front of this name.
    #[must_use]
    pub fn new(front: &str, key: SigningKey) -> Signer {
        Signer { key, front: front.to_owned() }
    }

    /// The word about a connection to this cell at `now` (Unix seconds).
    #[must_use]
    pub fn bind(&self, cell: &str, exported: &Exported, now: i64) -> String {
        let claims = Claims {
            iss: self.front.clone(),
            aud: cell.to_owned(),
            iat: now,
            exp: now.saturating_add(LIFETIME),
            ekm: BASE64URL.encode(exported.binding),
        };
        let payload = serde_json::to_vec(&claims).unwrap_or_default();
        let signed = format!("{}.{}", BASE64URL.encode(JOSE), BASE64URL.encode(payload));
        format!("{signed}.{}", BASE64URL.encode(self.key.sign(signed.as_bytes())))
    }
}

/// Accepts the connections of one front for one cell.
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

    /// Whether this connection is the front's.
    ///
    /// # Errors
    /// Why it is not.
    pub fn check(&self, bond: &str, exported: &Exported, now: i64) -> Result<(), NotAsserted> {
        let parts: Vec<&str> = bond.splitn(4, '.').collect();
        let ([head, payload, signature], true) = (parts.as_slice(), bond.len() <= MOST) else {
            return Err(NotAsserted::Unreadable);
        };
        let decoded = |text: &str| BASE64URL.decode(text).map_err(|_| NotAsserted::Unreadable);
        if decoded(head)? != JOSE.as_bytes() {
            return Err(NotAsserted::Unreadable);
        }
        if !self.key.verify(format!("{head}.{payload}").as_bytes(), &decoded(signature)?) {
            return Err(NotAsserted::Signature);
        }
        let claims: Claims =
            serde_json::from_slice(&decoded(payload)?).map_err(|_| NotAsserted::Unreadable)?;
        if claims.iss != self.front || claims.aud != self.cell {
            return Err(NotAsserted::NotForUs);
        }
        in_time(claims.iat, claims.exp, now)?;
        let same = claims.ekm == BASE64URL.encode(exported.binding);
        if same { Ok(()) } else { Err(NotAsserted::OtherConnection) }
    }

    /// The front.
    #[must_use]
    pub fn front(&self) -> &str {
        &self.front
    }

    /// The cell.
    #[must_use]
    pub fn cell(&self) -> &str {
        &self.cell
    }

    /// What names the front's key: its JWK thumbprint.
    #[must_use]
    pub fn key_id(&self) -> String {
        self.key.thumbprint()
    }
}

pub(crate) fn in_time(iat: i64, exp: i64, now: i64) -> Result<(), NotAsserted> {
    let lasts = exp.checked_sub(iat);
    let in_time = now >= iat.saturating_sub(SKEW) && now < exp.saturating_add(SKEW);
    if in_time && lasts.is_some_and(|l| (0..=LIFETIME).contains(&l)) {
        Ok(())
    } else {
        Err(NotAsserted::Time)
    }
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

    fn exported(n: u8) -> Exported {
        Exported::from([n; EXPORTED])
    }

    #[test]
    fn only_this_front_on_this_connection_to_this_cell_at_this_time() {
        use NotAsserted as N;
        let good = signer("front").bind("eu", &exported(1), NOW);
        for at in [NOW - SKEW, NOW, NOW + LIFETIME + SKEW - 1] {
            assert_eq!(checker().check(&good, &exported(1), at), Ok(()));
        }
        let rows = [
            (signer("other").bind("eu", &exported(1), NOW), exported(1), NOW, N::NotForUs),
            (signer("front").bind("us", &exported(1), NOW), exported(1), NOW, N::NotForUs),
            (good.clone(), exported(2), NOW, N::OtherConnection),
            (good.clone(), exported(1), NOW + LIFETIME + SKEW, N::Time),
            (good.clone(), exported(1), NOW - SKEW - 1, N::Time),
            (String::new(), exported(1), NOW, N::Unreadable),
            (format!("{good}.x"), exported(1), NOW, N::Unreadable),
            ("a".repeat(MOST + 1), exported(1), NOW, N::Unreadable),
        ];
        for (bond, exported, now, error) in rows {
            assert_eq!(checker().check(&bond, &exported, now), Err(error), "{bond}");
        }
    }

    #[test]
    fn no_flipped_bit_passes() {
        let good = signer("front").bind("eu", &exported(1), NOW);
        for at in 0..good.len() {
            for bit in 0..7 {
                let mut bytes = good.clone().into_bytes();
                bytes[at] ^= 1 << bit;
                let Ok(text) = String::from_utf8(bytes) else { continue };
                assert!(checker().check(&text, &exported(1), NOW).is_err(), "{at} {bit}");
            }
        }
    }
}
