//! What is kept of a value whose stand-in may come back: for whom it was hidden, from which server, for which purpose.

use std::sync::Arc;

use carnet_masking::StandInId;
use carnet_model::{DataClass, Identity, Region, Sensitive};

use crate::decide::purpose;
use crate::facts::Caller;
use crate::session::Session;

/// A value that a vault keeps, and whom for.
#[derive(Clone, Debug)]
pub struct Kept {
    /// What [`Deposit::owner`] said.
    pub owner: Vec<u8>,
    /// Where the vault has it; meaningless to the gate.
    pub place: [u64; 3],
}

/// A value to keep.
#[derive(Clone)]
pub struct Deposit {
    /// The name of its stand-in.
    pub id: StandInId,
    /// The value.
    pub value: Sensitive<String>,
    /// Whom it was hidden from, and where it came from. Meaningless to the vault.
    pub owner: Arc<[u8]>,
    /// What it is erased with: the ids of the keys that seal the message's recording.
    pub marks: Vec<[u8; 16]>,
}

impl std::fmt::Debug for Deposit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Deposit")
    }
}

/// What a vault is asked on the way of a message to its server.
pub trait Recall: Sync {
    /// Everything that is kept under a stand-in's name and has not expired.
    fn kept(&self, id: &StandInId) -> Vec<Kept>;

    /// The value; `None` when it was erased or cannot be read.
    fn value(&self, kept: &Kept) -> Option<Sensitive<String>>;

    /// Whether nothing is kept, so that nothing need be looked for.
    fn keeps_nothing(&self) -> bool;
}

/// Whom a value was hidden from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Owner {
    pub(crate) class: DataClass,
    /// The type that it was found as.
    pub(crate) kind: String,
    /// The person or workload, and the agent that acted for it.
    pub(crate) who: String,
    pub(crate) purpose: Option<String>,
    pub(crate) server: Arc<str>,
    pub(crate) region: Region,
    pub(crate) groups: Vec<Arc<str>>,
}

/// Identity and agent in one text that no other two share.
pub(crate) fn who(caller: &Caller) -> String {
    let one = |i: Option<&Identity>| {
        i.map_or("-".to_owned(), |i| format!("{}:{}{}", i.issuer.len(), i.issuer, i.subject))
    };
    let (actor, agent) = (one(Some(&caller.principal.identity)), one(caller.principal.agent.as_ref()));
    format!("{}:{actor}{agent}", actor.len())
}

impl Owner {
    pub(crate) fn of(class: DataClass, kind: &str, caller: &Caller, session: &Session) -> Owner {
        Owner {
            class,
            kind: kind.to_owned(),
            who: who(caller),
            purpose: purpose(caller, session).map(str::to_owned),
            server: session.server.name.clone(),
            region: session.server.region.clone(),
            groups: caller.principal.groups.iter().map(|g| Arc::from(&**g)).collect(),
        }
    }

    /// The class's number, then texts with their lengths: type, who, purpose (with a `+` where there is one), server, region,
    /// groups.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = vec![self.class.index() as u8];
        let purpose = self.purpose.as_ref().map_or(String::new(), |p| format!("+{p}"));
        let texts = [self.kind.as_str(), &self.who, &purpose, &self.server, self.region.as_str()];
        for text in texts.into_iter().chain(self.groups.iter().map(|g| &**g)) {
            out.extend_from_slice(&(text.len() as u32).to_be_bytes());
            out.extend_from_slice(text.as_bytes());
        }
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Owner> {
        let (class, mut rest) = bytes.split_first()?;
        let mut texts = Vec::new();
        while let Some((len, after)) = rest.split_first_chunk::<4>() {
            let (text, after) = after.split_at_checked(usize::try_from(u32::from_be_bytes(*len)).ok()?)?;
            texts.push(std::str::from_utf8(text).ok()?);
            rest = after;
        }
        let [kind, who, purpose, server, region, groups @ ..] = texts.as_slice() else { return None };
        Some(Owner {
            class: DataClass::from_index(usize::from(*class))?,
            kind: (*kind).to_owned(),
            who: (*who).to_owned(),
            purpose: purpose.strip_prefix('+').map(str::to_owned),
            server: (*server).into(),
            region: Region::new(region),
            groups: groups.iter().map(|g| Arc::from(*g)).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_are_read_back() {
        for purpose in [None, Some(String::new()), Some("care".to_owned())] {
            let owner = Owner {
                class: DataClass::IBAN,
                kind: "IBAN_CODE".to_owned(),
                who: "3:a|b".to_owned(),
                purpose,
                server: "crm".into(),
                region: Region::new("de"),
                groups: vec!["support".into(), "".into()],
            };
            assert_eq!(Owner::decode(&owner.encode()), Some(owner));
        }
        assert_eq!(Owner::decode(&[]), None);
        assert_eq!(Owner::decode(&[3, 0, 0, 0, 9, 1]), None);
    }
}
