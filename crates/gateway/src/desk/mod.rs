//! What an operator does with evidence: reading, exporting, erasing, legal holds, restriction. Each act is a record with the
//! identity of who did it, and is in the log before it has an effect.
//!
//! An erasure (Art. 17 GDPR) has these steps: `erasure.request`; another person confirms; no hold stands in the way;
//! `key.destroy`, which names the keys; then they are destroyed; `erasure.done` when no backup can bring them back. The
//! leaf comes before the deed: what a crash leaves undone, the next start does, for every key that any `key.destroy` of
//! the log names ([`sweep`]). So a key store that is restored from a backup forgets again what was erased since.

mod acts;
mod cases;
mod changes;
mod retain;
mod tend;

use carnet_config::Config;
use carnet_evidence::seal::{DataKey, KeyKind, NewKey, Slot, SlotKey, key_text};
use carnet_evidence::{Disclosures, Draft, Epochs, LeafType, field};
use carnet_gate::{actor_label, subject_label};
use carnet_model::{IdentityKind, Principal};
use carnet_store::vault::Erase;
use carnet_store::{KeyStore as _, Ledger as _, StoreError};
use serde::{Deserialize, Serialize};

use crate::record::{Recorder, entropy, seconds};

pub use acts::{Act, Answer, Ask, Person};
pub use cases::{Case, Cases};
pub(crate) use changes::{activated, refused, started};
pub use tend::{sweep, tend};

/// Who acts.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Clerk {
    /// `user` or `workload`.
    pub kind: String,
    /// Issuer of the token, or `os` for a user of the operating system.
    pub issuer: String,
    /// The token's subject, or `uid:N`.
    pub subject: String,
    /// How that is known: `jwt`, `static-token`, or `os-user`: what the operating system says of the process that asked.
    pub authenticated: String,
}

impl Clerk {
    /// A user of the operating system.
    #[must_use]
    pub fn os(uid: u32) -> Clerk {
        let (kind, issuer, authenticated) = ("user".to_owned(), "os".to_owned(), "os-user".to_owned());
        Clerk { kind, issuer, subject: format!("uid:{uid}"), authenticated }
    }

    /// Whoever brought a token, or signed in.
    #[must_use]
    pub fn of(principal: &Principal) -> Clerk {
        let who = &principal.identity;
        let kind = if who.kind == IdentityKind::User { "user" } else { "workload" };
        Clerk {
            kind: kind.to_owned(),
            issuer: who.issuer.to_string(),
            subject: who.subject.to_string(),
            authenticated: principal.method.as_str().to_owned(),
        }
    }

    fn json(&self) -> String {
        format!(
            r#"{{"kind":{},"issuer":{},"subject":{},"groups":[],"authenticated":{}}}"#,
            carnet_json::quote(&self.kind),
            carnet_json::quote(&self.issuer),
            carnet_json::quote(&self.subject),
            carnet_json::quote(&self.authenticated)
        )
    }
}

/// Why an act was not done. For the person who asked.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refused {
    /// The rules do not permit it, or it names nothing.
    #[error("{0}")]
    Not(String),
    /// The log or the key store does not work.
    #[error("{0}")]
    Store(#[from] StoreError),
}

pub(crate) fn not<T>(why: impl Into<String>) -> Result<T, Refused> {
    Err(Refused::Not(why.into()))
}

/// Somebody at the operator's desk, and the log in front of them.
#[derive(Clone, Copy)]
pub struct Desk<'a> {
    /// The log.
    pub recorder: &'a Recorder,
    /// What is in force; zeros where no gateway runs.
    pub epochs: Epochs,
    /// Who acts.
    pub clerk: &'a Clerk,
    /// What says how long evidence is kept, where it is known.
    pub config: Option<&'a Config>,
}

impl Desk<'_> {
    /// Appends the record of an act: the leaf names nobody, who acted and the detail are sealed.
    pub(crate) async fn record(
        &self,
        ty: LeafType,
        why: &str,
        change: impl FnOnce(&mut Draft) + Send,
        detail: Option<&str>,
    ) -> Result<u64, Refused> {
        let mut draft = Draft::new(ty, seconds(), self.recorder.run, self.epochs).text("why", why);
        change(&mut draft);
        self.put(draft, detail).await
    }

    /// Appends a record with who acted and the detail sealed.
    pub(crate) async fn put(&self, draft: Draft, detail: Option<&str>) -> Result<u64, Refused> {
        let entry = self.sealed(draft, detail, None)?;
        let keys = entry.keys.clone();
        let receipt = self.recorder.log.append(entry).await?;
        self.recorder.keys.settled(&keys);
        self.recorder.run_key_settled();
        Ok(receipt.index)
    }

    /// Appends the record of something done to a held call. What it says is sealed, as in [`Desk::record`].
    pub(crate) async fn approval(
        &self,
        ty: LeafType,
        why: &str,
        change: impl FnOnce(&mut Draft) + Send,
        said: &str,
    ) -> Result<u64, Refused> {
        let mut draft = Draft::new(ty, seconds(), self.recorder.run, self.epochs).text("why", why);
        change(&mut draft);
        let entry = self.sealed(draft, None, Some(said))?;
        let keys = entry.keys.clone();
        let receipt = self.recorder.log.append(entry).await?;
        self.recorder.keys.settled(&keys);
        self.recorder.run_key_settled();
        Ok(receipt.index)
    }

    fn sealed(
        &self,
        mut draft: Draft,
        detail: Option<&str>,
        approval: Option<&str>,
    ) -> Result<carnet_store::Entry, Refused> {
        let recorder = self.recorder;
        let (run, first) = recorder.run_key()?;
        let label = actor_label(&recorder.mac, &self.clerk.issuer, &self.clerk.subject);
        let (actor, new) = recorder.keys.of(KeyKind::Actor, label)?;
        let keys: Vec<NewKey> = first.into_iter().chain(new).collect();
        let mut fill = |out: &mut [u8]| entropy(out);
        let mut d = Disclosures::new(&mut fill);
        d.add(field::ACTOR, self.clerk.json().as_bytes());
        if let Some(detail) = detail {
            d.add_str(field::DETAIL, detail);
        }
        if let Some(approval) = approval {
            d.add(field::APPROVAL, approval.as_bytes());
        }
        let disclosed = d.finish();
        draft.sd = disclosed.digests;
        let mut slot = [0; 16];
        entropy(&mut slot);
        let sealed = SlotKey::of(&[&run, &actor])
            .seal(&recorder.origin, slot, Slot::Disclosures, disclosed.encoded)
            .map_err(StoreError::from)?;
        draft.bl.push(sealed.reference);
        Ok(carnet_store::Entry { draft, blobs: vec![sealed.bytes], keys })
    }

    /// The id of a person's key.
    pub(crate) fn key_of(&self, person: &Person) -> Result<Option<[u8; 16]>, Refused> {
        let (kind, label) = self.label(person)?;
        Ok(self.recorder.keys.labelled(kind, &label)?)
    }

    fn label(&self, person: &Person) -> Result<(KeyKind, [u8; 16]), Refused> {
        if person.kind != "actor" {
            return Ok((KeyKind::Subject, subject_label(&self.recorder.mac, &person.kind, &person.value)));
        }
        let Some((issuer, subject)) = person.value.rsplit_once('|') else {
            return not("an actor is written actor=ISSUER|SUBJECT");
        };
        Ok((KeyKind::Actor, actor_label(&self.recorder.mac, issuer, subject)))
    }

    /// The key of a person who need not be known yet.
    pub(crate) fn key_made(&self, person: &Person) -> Result<(DataKey, Option<NewKey>), Refused> {
        let (kind, label) = self.label(person)?;
        Ok(self.recorder.keys.of(kind, label)?)
    }

    /// Destroys keys whose `key.destroy` is in the log, and with them what the vault keeps under them. A crash in between
    /// leaves that to the next start.
    pub(crate) async fn destroy(&self, ids: &[[u8; 16]]) -> Result<(), Refused> {
        self.recorder.keys.destroy(ids)?;
        self.recorder.vault.erase(Erase::Marks(ids.to_vec())).await?;
        self.recorder.with_index(|index, _| ids.iter().try_for_each(|id| index.forget(id)))?;
        self.recorder.erased(ids);
        Ok(())
    }
}

/// Ids of keys as a leaf has them.
pub(crate) fn texts(ids: &[[u8; 16]]) -> Vec<String> {
    ids.iter().map(key_text).collect()
}
