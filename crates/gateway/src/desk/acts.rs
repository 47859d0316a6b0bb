//! The acts themselves, as they are asked for over the control socket or by a command while no gateway runs.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use carnet_evidence::LeafType;
use carnet_store::Stored;
use serde::{Deserialize, Serialize};

use super::{Case, Cases, Clerk, Desk, Refused, not, texts};
use crate::record::seconds;

/// A reference to a person.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// What the reference is called: a class such as `email`, the `kind` of a configured place, or `actor`.
    pub kind: String,
    /// The reference; `ISSUER|SUBJECT` for an actor.
    pub value: String,
}

impl std::fmt::Debug for Person {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Person({})", self.kind)
    }
}

/// What is asked for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Act {
    /// Somebody is about to read evidence: what, in words.
    Read {
        /// Such as `session ID`.
        what: String,
        /// The person whose data is read.
        person: Option<Person>,
    },
    /// A package was exported.
    Exported {
        /// SHA-256 of the package, base64url.
        hash: String,
        /// What is in it, in words.
        what: String,
    },
    /// Something else of the operator's: a backup, another KEK.
    Note {
        /// In a word, such as `keys-backup`.
        why: String,
        /// In words.
        what: String,
    },
    /// Art. 17: the first of two.
    Erase {
        /// Whom.
        person: Person,
        /// Why, in words.
        reason: String,
    },
    /// The second of two.
    Confirm {
        /// Number of the request.
        id: u64,
    },
    /// A legal hold.
    Hold {
        /// Over a person's data.
        person: Option<Person>,
        /// Over a session, by its pseudonym. Neither: over everything.
        session: Option<String>,
        /// Why, in words.
        reason: String,
    },
    /// Art. 18.
    Restrict {
        /// Whom.
        person: Person,
        /// Why, in words.
        reason: String,
    },
    /// Ends a hold or a restriction.
    Release {
        /// Its number.
        id: u64,
        /// Why, in words.
        reason: String,
    },
    /// Retention now instead of at the next hour.
    Prune,
    /// The open cases.
    Cases,
    /// The configuration anew.
    Reload,
    /// Something about held calls. Only a gateway that runs has any.
    Held(crate::hold::Ask),
}

/// An act and, where it is done in somebody's own name, their token.
#[derive(Clone, Serialize, Deserialize)]
pub struct Ask {
    /// The act.
    pub act: Act,
    /// A token that the gateway accepts.
    pub token: Option<String>,
}

/// What came of it.
#[derive(Clone, Default, Debug, Serialize, Deserialize)]
pub struct Answer {
    /// Log index of the record.
    pub index: Option<u64>,
    /// In words.
    pub said: String,
    /// Why it was not done.
    pub error: Option<String>,
}

impl Answer {
    fn of(index: u64, said: impl Into<String>) -> Answer {
        Answer { index: Some(index), said: said.into(), error: None }
    }
}

impl Desk<'_> {
    /// Does it.
    ///
    /// # Errors
    /// [`Refused`]: why not, for the person who asked.
    pub async fn act(&self, act: Act) -> Result<Answer, Refused> {
        match act {
            Act::Read { what, person } => {
                let keys: Vec<[u8; 16]> =
                    person.map(|p| self.key_of(&p)).transpose()?.flatten().into_iter().collect();
                let index =
                    self.record(LeafType::AdminRead, "read", |d| d.kr = texts(&keys), Some(&what)).await?;
                Ok(Answer::of(index, "recorded"))
            }
            Act::Exported { hash, what } => {
                let stated = carnet_evidence::Ext::Text(hash);
                let change = |d: &mut carnet_evidence::Draft| d.ext.push(("hash", stated));
                let index = self.record(LeafType::ExportMade, "export", change, Some(&what)).await?;
                Ok(Answer::of(index, "recorded"))
            }
            Act::Note { why, what } => {
                let index = self.record(LeafType::AdminRead, &why, |_| {}, Some(&what)).await?;
                Ok(Answer::of(index, "recorded"))
            }
            Act::Erase { person, reason } => self.erase(&person, &reason).await,
            Act::Confirm { id } => self.confirm(id).await,
            Act::Hold { person, session, reason } => self.hold(person, session, &reason).await,
            Act::Restrict { person, reason } => self.restrict(&person, &reason).await,
            Act::Release { id, reason } => self.release(id, &reason).await,
            Act::Prune => {
                self.record(LeafType::AdminRead, "prune", |_| {}, Some("retention, asked for")).await?;
                self.prune().await
            }
            Act::Cases => {
                let what = "open erasures, holds and restrictions";
                let index = self.record(LeafType::AdminRead, "read", |_| {}, Some(what)).await?;
                Ok(Answer::of(index, self.list()?))
            }
            Act::Reload => not("no gateway runs: the next start reads the configuration"),
            Act::Held(_) => not("no gateway runs: calls are held by one that does"),
        }
    }

    /// The cases as the log has them now.
    pub(crate) fn cases(&self) -> Result<Cases, Refused> {
        Ok(self.recorder.with_index(|index, _| Ok(Cases::of(&index.acts()?)))?)
    }

    async fn erase(&self, person: &Person, reason: &str) -> Result<Answer, Refused> {
        let Some(key) = self.key_of(person)? else {
            let what = "erasure: nothing is known of the person";
            let index = self.record(LeafType::AdminRead, "read", |_| {}, Some(what)).await?;
            return Ok(Answer::of(index, "no record is sealed for this person: there is nothing to erase"));
        };
        let id =
            self.record(LeafType::ErasureRequest, "art-17", |d| d.kr = texts(&[key]), Some(reason)).await?;
        let held = self.held(&[key])?;
        let held = held.map_or_else(String::new, |hold| {
            format!(" Legal hold {hold} stands in the way: it must be released first.")
        });
        Ok(Answer::of(
            id,
            format!(
                "erasure {id} is requested. Another person confirms: carnet subject erase --confirm {id}.{held}"
            ),
        ))
    }

    fn held(&self, keys: &[[u8; 16]]) -> Result<Option<u64>, Refused> {
        Ok(self.recorder.with_index(|index, _| Cases::of(&index.acts()?).held(keys, index))?)
    }

    async fn confirm(&self, id: u64) -> Result<Answer, Refused> {
        // One at a time: a hold that is set meanwhile is seen, or comes after.
        let _turn = self.recorder.turn.lock().await;
        let cases = self.cases()?;
        let Some(case) = cases.get(id, LeafType::ErasureRequest) else {
            return not(format!("{id} is no open request for erasure"));
        };
        if case.destroyed.is_some() {
            return not(format!("erasure {id} is confirmed already"));
        }
        self.second_person(case)?;
        if let Some(hold) = self.held(&case.keys)? {
            return not(format!("legal hold {hold} stands in the way of erasure {id}"));
        }
        let keys = case.keys.clone();
        let change = |d: &mut carnet_evidence::Draft| {
            d.kr = texts(&keys);
            d.of = Some(id);
        };
        let index = self.record(LeafType::KeyDestroy, "erasure", change, None).await?;
        self.destroy(&keys).await?;
        Ok(Answer::of(
            index,
            format!("erasure {id}: the keys are destroyed. It is done when no backup can bring them back"),
        ))
    }

    /// Four eyes: the request is somebody else's, and both are known in the same way, or one person with two kinds of
    /// identity would be two.
    fn second_person(&self, case: &Case) -> Result<(), Refused> {
        let mut stored: Option<Stored> = None;
        self.recorder.reader().read(case.id, &mut |s| {
            stored = Some(s);
            Ok(false)
        })?;
        let Some(first) = stored.and_then(|s| self.recorder.clerk_of(&s)) else {
            return not("who asked for it cannot be read any more: ask for it again");
        };
        if first.issuer != self.clerk.issuer {
            return not(
                "request and confirmation need the same kind of identity: two tokens of one issuer, or two users of the system",
            );
        }
        if first.subject == self.clerk.subject {
            return not("who asked for an erasure cannot confirm it: another person must");
        }
        Ok(())
    }

    async fn hold(
        &self,
        person: Option<Person>,
        session: Option<String>,
        reason: &str,
    ) -> Result<Answer, Refused> {
        let _turn = self.recorder.turn.lock().await;
        let mut keys = Vec::new();
        let mut new = None;
        if let Some(person) = &person {
            let (key, first) = self.key_made(person)?;
            keys.push(key.id());
            new = first;
        }
        if let Some(session) = &session {
            keys.push(self.session_key(session)?);
        }
        if let Some(new) = new {
            self.recorder.store_key(new, self.epochs).await?;
        }
        let id = self.record(LeafType::HoldSet, "legal-hold", |d| d.kr = texts(&keys), Some(reason)).await?;
        Ok(Answer::of(id, format!("legal hold {id} is set")))
    }

    fn session_key(&self, session: &str) -> Result<[u8; 16], Refused> {
        let gs = URL_SAFE_NO_PAD.decode(session).ok().and_then(|b| <[u8; 16]>::try_from(b).ok());
        let Some(gs) = gs else { return not("a session is named by its 22 characters") };
        let row = self.recorder.with_index(|index, _| index.session_row(&gs))?;
        match row.and_then(|row| row.key) {
            Some(key) => Ok(key),
            None => not("there is no such session"),
        }
    }

    async fn restrict(&self, person: &Person, reason: &str) -> Result<Answer, Refused> {
        let Some(key) = self.key_of(person)? else { return not("no record is sealed for this person") };
        let id = self.record(LeafType::RestrictSet, "art-18", |d| d.kr = texts(&[key]), Some(reason)).await?;
        Ok(Answer::of(id, format!("restriction {id} is set: what concerns this person is not shown")))
    }

    async fn release(&self, id: u64, reason: &str) -> Result<Answer, Refused> {
        let cases = self.cases()?;
        let case = cases.0.get(&id).filter(|case| !case.closed);
        let ty = match case.map(|case| case.ty) {
            Some(LeafType::HoldSet) => LeafType::HoldRelease,
            Some(LeafType::RestrictSet) => LeafType::RestrictRelease,
            _ => return not(format!("{id} is no open hold or restriction")),
        };
        let index = self.record(ty, "released", |d| d.of = Some(id), Some(reason)).await?;
        Ok(Answer::of(index, format!("{id} is released")))
    }

    fn list(&self) -> Result<String, Refused> {
        let cases = self.cases()?;
        let mut out = String::new();
        for case in cases.0.values().filter(|case| !case.closed) {
            let state = match (case.ty, case.destroyed) {
                (LeafType::ErasureRequest, None) => "waits for a second person",
                (LeafType::ErasureRequest, Some(_)) => "keys destroyed, backups may still hold them",
                _ => "in force",
            };
            let scope = if case.keys.is_empty() { "everything" } else { "one person or session" };
            out.push_str(&format!("{}  {}  {scope}  {state}\n", case.id, case.ty.as_str()));
        }
        Ok(if out.is_empty() { "no open case".to_owned() } else { out })
    }

    /// `erasure.done` for what no backup can bring back any more. How many.
    pub(crate) async fn finish_erasures(&self, horizon: u64) -> Result<u64, Refused> {
        let now = seconds();
        let mut done = 0;
        for case in self.cases()?.open(LeafType::ErasureRequest) {
            let Some(destroyed) = case.destroyed.filter(|t| t.saturating_add(horizon) <= now) else {
                continue;
            };
            let _ = destroyed;
            let keys = case.keys.clone();
            let change = |d: &mut carnet_evidence::Draft| {
                d.of = Some(case.id);
                d.kr = texts(&keys);
            };
            self.record(LeafType::ErasureDone, "backup-horizon", change, None).await?;
            done += 1;
        }
        Ok(done)
    }

    /// The gateway itself, for what runs by itself.
    #[must_use]
    pub fn itself() -> Clerk {
        let own = |text: &str| text.to_owned();
        Clerk {
            kind: own("workload"),
            issuer: own("carnet"),
            subject: own("gateway"),
            authenticated: own("local"),
        }
    }
}
