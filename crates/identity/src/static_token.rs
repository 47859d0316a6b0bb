//! API tokens for callers without OpenID: `carnet_`, 43 base62 digits of 256 random bits, six digits of checksum. The
//! configuration holds only the SHA-256 of a token, so that reading it gives no access.

use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use carnet_model::{AuthMethod, Identity, IdentityKind, Principal, Region, Sensitive};

use crate::revoke::Revocations;
use crate::{IdentityError, TokenHash, Verified};

/// The issuer of identities proved by a static token.
pub const STATIC_ISSUER: &str = "carnet:tokens";

const PREFIX: &str = "carnet_";
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const RANDOM_DIGITS: usize = 43;
const CHECK_DIGITS: usize = 6;

/// A static token as the configuration describes it.
#[derive(Clone, Debug)]
pub struct StaticToken {
    /// Its name, unique, shown in evidence.
    pub name: Arc<str>,
    /// SHA-256 of the token.
    pub sha256: TokenHash,
    /// Whom it stands for.
    pub subject: Arc<str>,
    /// Person or program.
    pub kind: IdentityKind,
    /// Groups of the subject.
    pub groups: Vec<Arc<str>>,
    /// Scopes, where policies look at them.
    pub scopes: Vec<Arc<str>>,
    /// When it ends, in seconds since 1970.
    pub expires: Option<i64>,
    /// Where the caller is.
    pub region: Option<Region>,
    /// What it is used for.
    pub purpose: Option<Arc<str>>,
}

/// The configured tokens are not usable.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum StaticTokenError {
    /// Two tokens have one name or one hash.
    #[error("static token {name}: the name or the hash occurs twice")]
    Duplicate {
        /// The token's name.
        name: Arc<str>,
    },
}

/// The configured tokens, made ready.
#[derive(Clone, Debug, Default)]
pub struct StaticTokens {
    tokens: Vec<Arc<Verified>>,
}

impl StaticTokens {
    /// Makes the tokens ready.
    ///
    /// # Errors
    /// A name or hash that occurs twice.
    pub fn new(tokens: &[StaticToken]) -> Result<Self, StaticTokenError> {
        let mut ready: Vec<Arc<Verified>> = Vec::with_capacity(tokens.len());
        for token in tokens {
            let hash = token.sha256;
            let taken = |v: &Arc<Verified>| v.token_hash == hash || v.token_id.as_ref() == Some(&token.name);
            if ready.iter().any(taken) {
                return Err(StaticTokenError::Duplicate { name: token.name.clone() });
            }
            ready.push(Arc::new(describe(token, hash)));
        }
        Ok(StaticTokens { tokens: ready })
    }

    /// Whether a token looks like one of these, so that it need not be tried as a JSON Web Token.
    #[must_use]
    pub fn looks_static(token: &str) -> bool {
        token.starts_with(PREFIX)
    }

    /// Checks a token at one time (seconds since 1970). Every configured hash is compared, each in constant time.
    ///
    /// # Errors
    /// Unknown, expired or revoked.
    pub fn verify(
        &self,
        token: &str,
        now_unix: i64,
        revocations: &dyn Revocations,
    ) -> Result<Arc<Verified>, IdentityError> {
        if !well_formed(token) {
            return Err(IdentityError::UnknownStaticToken);
        }
        let hash = TokenHash::of(token);
        let mut found = None;
        for known in &self.tokens {
            if verify_slices_are_equal(&known.token_hash.0, &hash.0).is_ok() {
                found = Some(known);
            }
        }
        let known = found.ok_or(IdentityError::UnknownStaticToken)?;
        // No skew: the clock that set the end is the one that reads it.
        if known.expires.is_some_and(|exp| now_unix >= exp) {
            return Err(IdentityError::Expired);
        }
        if revocations.is_revoked(known) {
            return Err(IdentityError::Revoked);
        }
        Ok(known.clone())
    }
}

fn describe(token: &StaticToken, token_hash: TokenHash) -> Verified {
    let identity =
        Identity { kind: token.kind, issuer: STATIC_ISSUER.into(), subject: token.subject.clone() };
    let sorted = |list: &[Arc<str>]| {
        let mut list = list.to_vec();
        list.sort();
        list.dedup();
        list
    };
    let principal = Principal {
        groups: sorted(&token.groups),
        scopes: sorted(&token.scopes),
        region: token.region.clone(),
        purpose: token.purpose.clone(),
        ..Principal::new(identity, AuthMethod::StaticToken)
    };
    Verified {
        principal: Arc::new(principal),
        actors: Vec::new(),
        expires: token.expires,
        not_before: None,
        issued: None,
        token_hash,
        token_id: Some(token.name.clone()),
        session_id: None,
        client: None,
        audiences: Vec::new(),
        groups_incomplete: false,
        may_act: None,
        key: None,
        rule: 0,
    }
}

/// A new token, shown once, and what the configuration keeps of it.
#[derive(Debug)]
pub struct NewToken {
    /// The token.
    pub token: Sensitive<String>,
    /// SHA-256 of it in hex: the configuration's `sha256`.
    pub sha256: String,
}

/// Makes a token from 32 bytes of entropy, which the caller must take from the system's random source.
#[must_use]
pub fn make_token(entropy: &[u8; 32]) -> NewToken {
    let random = base62(entropy, RANDOM_DIGITS);
    let check = base62(&crc32(random.as_bytes()).to_be_bytes(), CHECK_DIGITS);
    let token = format!("{PREFIX}{random}{check}");
    let sha256 = TokenHash::of(&token).to_hex();
    NewToken { token: Sensitive::new(token), sha256 }
}

/// Prefix, length and checksum: typing errors and scanners' finds are told apart without any secret.
fn well_formed(token: &str) -> bool {
    let Some(rest) = token.strip_prefix(PREFIX) else { return false };
    let Some((random, check)) = rest.split_at_checked(RANDOM_DIGITS) else { return false };
    check == base62(&crc32(random.as_bytes()).to_be_bytes(), CHECK_DIGITS)
}

/// A big-endian number in base 62, in so many digits.
fn base62(bytes: &[u8], digits: usize) -> String {
    let mut number = bytes.to_vec();
    let mut out = vec![b'0'; digits];
    for place in out.iter_mut().rev() {
        let mut rest = 0u16;
        for byte in &mut number {
            let with_rest = (rest << 8) | u16::from(*byte);
            *byte = u8::try_from(with_rest / 62).unwrap_or_default();
            rest = with_rest % 62;
        }
        *place = DIGITS.get(usize::from(rest)).copied().unwrap_or(b'0');
    }
    String::from_utf8(out).unwrap_or_default()
}

/// CRC-32 (IEEE 802.3), bit by bit: it sees 43 bytes.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |c: u32| if c & 1 == 1 { (c >> 1) ^ 0xEDB8_8320 } else { c >> 1 };
    !bytes.iter().fold(!0u32, |crc, b| (0..8).fold(crc ^ u32::from(*b), |c, _| step(c)))
}
