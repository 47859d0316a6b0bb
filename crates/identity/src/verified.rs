//! What a good token says.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest;
use carnet_model::{Identity, Principal};

use crate::KeyId;

/// SHA-256 of a token. Names a token in evidence and in the cache without holding it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash(pub [u8; 32]);

impl TokenHash {
    /// The hash of a token.
    #[must_use]
    pub fn of(token: &str) -> Self {
        TokenHash(sha256(token.as_bytes()))
    }

    /// Lower-case hex.
    #[must_use]
    pub fn to_hex(self) -> String {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digit = |n: u8| DIGITS.get(usize::from(n)).copied().map_or('0', char::from);
        self.0.iter().flat_map(|b| [digit(b >> 4), digit(b & 15)]).collect()
    }

    /// From 64 hex digits.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        let mut out = [0; 32];
        for (byte, pair) in out.iter_mut().zip(text.as_bytes().chunks(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(TokenHash(out))
    }
}

impl fmt::Debug for TokenHash {
    /// Eight digits tell tokens apart.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_hex().chars().take(8).collect::<String>())
    }
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    for (to, from) in out.iter_mut().zip(digest::digest(&digest::SHA256, bytes).as_ref()) {
        *to = *from;
    }
    out
}

/// The caller, and the facts of its token that later decisions need.
#[derive(Clone, PartialEq)]
pub struct Verified {
    /// Who calls.
    pub principal: Arc<Principal>,
    /// The agents, the one that acts now first and those before it behind (RFC 8693, 4.1). The first is
    /// `principal.agent`.
    pub actors: Vec<Identity>,
    /// When the token (or the actor's, if sooner) expires; seconds since 1970. Only static tokens may have none.
    pub expires: Option<i64>,
    /// `nbf`.
    pub not_before: Option<i64>,
    /// `iat`.
    pub issued: Option<i64>,
    /// SHA-256 of the token as presented.
    pub token_hash: TokenHash,
    /// `jti`, or the name of a static token.
    pub token_id: Option<Arc<str>>,
    /// `sid`: the session at the provider.
    pub session_id: Option<Arc<str>>,
    /// The client that got the token.
    pub client: Option<Arc<str>>,
    /// `aud`.
    pub audiences: Vec<Arc<str>>,
    /// Groups were left out by the provider ([`crate::Overage::Flag`]).
    pub groups_incomplete: bool,
    /// Who may act for the subject, by the token's `may_act`: subject and, if stated, issuer.
    pub(crate) may_act: Option<(Arc<str>, Option<Arc<str>>)>,
    /// The key that verified it; none for static tokens.
    pub(crate) key: Option<KeyId>,
    /// Which of the rules applied.
    pub(crate) rule: usize,
}

impl fmt::Debug for Verified {
    /// Neither subject nor client nor ids.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified")
            .field("principal", &self.principal)
            .field("actors", &self.actors.len())
            .field("expires", &self.expires)
            .field("token_hash", &self.token_hash)
            .finish_non_exhaustive()
    }
}
