//! What an approval is bound to: one call, with everything that makes it that call. Approvers sign [`Binding::digest`].
//!
//! The text that is hashed holds no argument but a keyed hash (MAC) of all of them: so it can be kept, disclosed and hashed
//! again by an auditor without showing or giving away by guessing what the arguments were.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::canonical::quote;
use crate::people::Account;

/// 32 bytes; base64url as text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Digest(pub [u8; 32]);

/// The name of a request: 16 random bytes; hex as text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Id(pub [u8; 16]);

/// A text is no digest and no id.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not of this form")]
pub struct Malformed;

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl FromStr for Digest {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| Malformed)?;
        bytes.try_into().map(Digest).map_err(|_| Malformed)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl FromStr for Id {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        if text.len() != 32 || !text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
            return Err(Malformed);
        }
        let mut id = [0; 16];
        for (n, byte) in id.iter_mut().enumerate() {
            let pair = text.get(2 * n..2 * n + 2).ok_or(Malformed)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| Malformed)?;
        }
        Ok(Id(id))
    }
}

macro_rules! as_text {
    ($type:ident) => {
        impl Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = String::deserialize(from)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

as_text!(Digest);
as_text!(Id);

/// Where the call's data is and goes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Residency {
    /// Where the server processes.
    pub processing: String,
    /// Where the caller is.
    pub recipient: String,
    /// Where the record lies.
    pub storage: String,
}

/// One call, and for how long an approval of it may be used.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Binding {
    /// The method.
    pub method: String,
    /// The tool, prompt or resource.
    pub tool: Option<String>,
    /// SHA-256 of the definition of the tool as the server gave it.
    pub fingerprint: Option<Digest>,
    /// MAC of the canonical JSON of the parameters, without `_meta`.
    pub arguments: Digest,
    /// Who.
    pub actor: Account,
    /// Through which agent.
    pub agent: Option<Account>,
    /// Who stands behind that agent: the rest of the chain that its token names, nearest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub behind: Vec<Account>,
    /// At which server.
    pub server: String,
    /// SHA-256 of the policies in force.
    pub policy: Digest,
    /// Where data goes.
    pub residency: Residency,
    /// From when, Unix seconds.
    pub from: i64,
    /// Not after.
    pub until: i64,
    /// Random: no two requests share a digest.
    pub nonce: Digest,
}

impl Binding {
    /// The canonical JSON that is hashed.
    #[must_use]
    pub fn text(&self) -> String {
        let optional = |value: Option<String>| value.unwrap_or_else(|| "null".to_owned());
        let residency = &self.residency;
        let behind: Vec<String> = self.behind.iter().map(Account::canonical).collect();
        let behind = match behind.as_slice() {
            [] => String::new(),
            some => format!(r#""behind":[{}],"#, some.join(",")),
        };
        format!(
            concat!(
                r#"{{"actor":{},"agent":{},"arguments":"{}",{}"fingerprint":{},"from":{},"method":{},"nonce":"{}","#,
                r#""policy":"{}","residency":{{"processing":{},"recipient":{},"storage":{}}},"server":{},"tool":{},"#,
                r#""until":{},"v":"carnet/1 call"}}"#
            ),
            self.actor.canonical(),
            optional(self.agent.as_ref().map(Account::canonical)),
            self.arguments,
            behind,
            optional(self.fingerprint.map(|f| format!("\"{f}\""))),
            self.from,
            quote(&self.method),
            self.nonce,
            self.policy,
            quote(&residency.processing),
            quote(&residency.recipient),
            quote(&residency.storage),
            quote(&self.server),
            optional(self.tool.as_deref().map(quote)),
            self.until,
        )
    }

    /// SHA-256 of [`Binding::text`]: what approvers sign.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest(Sha256::digest(self.text()).into())
    }

    /// A binding from its text, which must be the canonical one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Binding> {
        let mut value: serde_json::Value = serde_json::from_str(text).ok()?;
        if value.as_object_mut()?.remove("v")? != "carnet/1 call" {
            return None;
        }
        let binding: Binding = serde_json::from_value(value).ok()?;
        (binding.text() == text).then_some(binding)
    }

    /// Whether the same is asked by the same: a call that comes again belongs to the request that waits.
    #[must_use]
    pub fn same_call(&self, other: &Binding) -> bool {
        let asks = |b: &Binding| (b.actor.clone(), b.agent.clone(), b.behind.clone());
        (&self.method, &self.tool, &self.arguments, &self.server)
            == (&other.method, &other.tool, &other.arguments, &other.server)
            && asks(self) == asks(other)
    }

    /// What has changed since, if anything: an approval of `self` does not hold for `now`.
    #[must_use]
    pub fn changed(&self, now: &Binding) -> Option<&'static str> {
        [
            (self.same_call(now), "the call"),
            (self.fingerprint == now.fingerprint, "the definition of the tool"),
            (self.policy == now.policy, "the policies"),
            (self.residency == now.residency, "where the data goes"),
        ]
        .into_iter()
        .find(|(same, _)| !same)
        .map(|(_, what)| what)
    }
}
