//! A record with its disclosures opened: what the gate wrote into it, by name.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use carnet_evidence::seal::Slot;
use carnet_evidence::{Ext, LeafType, disclosure, field};
use carnet_store::Stored;
use serde_json::Value;

use super::keyring::{Closed, KeyRing};
use super::wording;

/// One record, opened as far as its keys allow.
pub(super) struct Opened {
    pub(super) index: u64,
    pub(super) ty: LeafType,
    /// Unix seconds.
    pub(super) t: u64,
    pub(super) of: Option<u64>,
    /// What this type of record states openly, such as why a session was closed.
    pub(super) ext: Vec<(&'static str, Ext)>,
    /// Disclosures by name; each value is JSON, byte for byte.
    pub(super) disclosed: BTreeMap<String, Vec<u8>>,
    /// The masked message.
    pub(super) frame: Option<Vec<u8>>,
    /// Why a sealed part could not be opened.
    pub(super) closed: Option<Closed>,
}

impl Opened {
    /// Opens a record.
    pub(super) fn new(stored: &Stored, origin: &str, keys: &KeyRing) -> Opened {
        let draft = &stored.leaf.draft;
        let mut opened = Opened {
            index: stored.index,
            ty: draft.ty,
            t: draft.t,
            of: draft.of,
            ext: draft.ext.clone(),
            disclosed: BTreeMap::new(),
            frame: None,
            closed: None,
        };
        for (reference, bytes) in draft.bl.iter().zip(&stored.blobs) {
            match keys.unseal(origin, &reference.k, bytes) {
                Ok((Slot::Disclosures, clear)) => opened.disclose(&clear),
                Ok((Slot::Frames, clear)) => opened.frame = Some(clear),
                Err(closed) => opened.closed = Some(closed),
            }
        }
        opened
    }

    fn disclose(&mut self, clear: &[u8]) {
        match disclosure::split(clear) {
            Some(encoded) => {
                let read = encoded.iter().filter_map(|one| disclosure::decode(one));
                self.disclosed.extend(read.map(|d| (d.name, d.value)));
            }
            None => self.closed = Some(Closed::Unreadable),
        }
    }

    /// A disclosure as JSON.
    pub(super) fn value(&self, name: &str) -> Option<Value> {
        serde_json::from_slice(self.disclosed.get(name)?).ok()
    }

    /// A disclosure that is a text.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        match self.value(name)? {
            Value::String(text) => Some(text),
            other => Some(other.to_string()),
        }
    }

    /// A member of a disclosure that is a text.
    pub(super) fn member(&self, name: &str, member: &str) -> Option<String> {
        Some(self.value(name)?.get(member)?.as_str()?.to_owned())
    }

    /// A disclosure that is a list of texts, joined.
    pub(super) fn list(&self, name: &str) -> Option<String> {
        let Value::Array(items) = self.value(name)? else { return None };
        let items: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
        (!items.is_empty()).then(|| items.join(", "))
    }

    /// When it happened, to the microsecond where that is disclosed.
    pub(super) fn time(&self) -> String {
        match self.value(field::TIME).and_then(|t| t.as_u64()) {
            Some(micros) => format!("{}.{:06}", wording::utc(micros / 1_000_000), micros % 1_000_000),
            None => wording::utc(self.t),
        }
    }

    /// Who acted: `user ada at https://idp.example, groups analysts (jwt)`.
    pub(super) fn actor(&self) -> Option<String> {
        let actor = self.value(field::ACTOR)?;
        let mut out = identity(&actor)?;
        let groups: Vec<&str> = actor.get("groups")?.as_array()?.iter().filter_map(Value::as_str).collect();
        if !groups.is_empty() {
            out.push_str(&format!(", groups {}", groups.join(", ")));
        }
        let method = actor.get("authenticated").or_else(|| actor.get("method")).and_then(Value::as_str);
        if let Some(method) = method {
            out.push_str(&format!(" ({method})"));
        }
        Some(out)
    }

    /// What acted for them.
    pub(super) fn agent(&self) -> Option<String> {
        identity(&self.value(field::AGENT)?)
    }

    /// A member of `x`.
    pub(super) fn ext(&self, key: &str) -> Option<String> {
        self.ext.iter().find(|(k, _)| *k == key).map(|(_, value)| match value {
            Ext::Int(n) => n.to_string(),
            Ext::Text(text) => text.clone(),
        })
    }
}

/// `user ada at https://idp.example`. Both spellings of the members are read.
fn identity(value: &Value) -> Option<String> {
    let text = |a: &str, b: &str| value.get(a).or_else(|| value.get(b)).and_then(Value::as_str);
    let subject = text("subject", "sub").or_else(|| text("id", "client"))?;
    let kind = text("kind", "kind").map(|k| format!("{k} ")).unwrap_or_default();
    let issuer = text("issuer", "iss").map(|i| format!(" at {i}")).unwrap_or_default();
    Some(format!("{kind}{subject}{issuer}"))
}

/// The pseudonym of a session as it is printed: base64url, 22 characters.
pub(crate) fn pseudonym(gs: &[u8; 16]) -> String {
    URL_SAFE_NO_PAD.encode(gs)
}
