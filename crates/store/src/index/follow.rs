//! From the log to the index: each new record once, in one transaction with the place that was reached.

use carnet_evidence::seal::{KeyRef, Slot};
use carnet_evidence::{Ext, LeafType, disclosure, field};
use carnet_json::{Limits, Tape};
use rusqlite::{OptionalExtension as _, params};

use super::{Index, whole};
use crate::error::StoreError;
use crate::keys::KeyStore;
use crate::reader::{Place, Reader, Stored};

/// Acts on keys and evidence.
const ACTS: [LeafType; 9] = [
    LeafType::KeyDestroy,
    LeafType::ErasureRequest,
    LeafType::ErasureDone,
    LeafType::HoldSet,
    LeafType::HoldRelease,
    LeafType::RestrictSet,
    LeafType::RestrictRelease,
    LeafType::ExportMade,
    LeafType::RetentionPrune,
];

/// Records of one transaction.
const BATCH: u64 = 5_000;

/// What the disclosures of a record say that is searched for.
#[derive(Default)]
struct Known {
    decision: Option<String>,
    server: Option<String>,
    tool: Option<String>,
    issuer: String,
    subject: Option<String>,
}

impl Index {
    /// Takes what is new in the log. Gives how many records that were. Any process may do so at any time.
    ///
    /// # Errors
    /// [`StoreError::Index`], [`StoreError::Io`]. What was taken stays taken.
    pub fn follow(&mut self, reader: &Reader, keys: &dyn KeyStore) -> Result<u64, StoreError> {
        if !self.fits(reader)? {
            self.renew()?;
        }
        let mut taken = 0;
        loop {
            self.db.execute_batch("BEGIN IMMEDIATE")?;
            let done = self.batch(reader, keys);
            self.db.execute_batch(if done.is_ok() { "COMMIT" } else { "ROLLBACK" })?;
            if done.is_err() {
                // Numbers of words that were given in this transaction are gone with it.
                self.words.clear();
            }
            let n = done?;
            taken += n;
            if n < BATCH {
                return Ok(taken);
            }
        }
    }

    /// Whether the log still has what was taken last: a record that a crash of the machine took from the end of the log
    /// may have been replaced, and a log may be restored from a backup.
    fn fits(&self, reader: &Reader) -> Result<bool, StoreError> {
        let (place, last) = self.state()?;
        let Some(last) = last else { return Ok(place.next == 0) };
        let mut found = None;
        let index = place.next.saturating_sub(1);
        let mut at = match place.last {
            0 => reader.locate(index)?,
            last => Place { at: last, next: index, last: 0, ..place },
        };
        reader.follow(&mut at, &mut |stored| {
            if stored.index == index {
                found = Some(stored.leaf_hash);
            }
            Ok(stored.index < index)
        })?;
        Ok(found == Some(last))
    }

    fn batch(&mut self, reader: &Reader, keys: &dyn KeyStore) -> Result<u64, StoreError> {
        // Read inside the transaction: another process may have followed meanwhile.
        let (mut place, mut last) = self.state()?;
        let mut n = 0;
        reader.follow(&mut place, &mut |stored| {
            self.take(&stored, keys)?;
            last = Some(stored.leaf_hash);
            n += 1;
            Ok(n < BATCH)
        })?;
        if n > 0 {
            let [segment, at, next, before] = [place.segment, place.at, place.next, place.last].map(whole);
            self.db.execute(
                "UPDATE state SET segment = ?1, at = ?2, next = ?3, before = ?4, last = ?5",
                params![segment, at, next, before, last],
            )?;
        }
        Ok(n)
    }

    fn take(&mut self, stored: &Stored, keys: &dyn KeyStore) -> Result<(), StoreError> {
        let draft = &stored.leaf.draft;
        let known = disclosed(stored, &self.origin, keys)?;
        let ty = self.text("index/type", draft.ty.as_str())?;
        let idx = whole(stored.index);
        let mut decision = None;
        if let Some(text) = &known.decision {
            decision = Some(self.text("index/decision", text)?);
        }
        let mut server = None;
        if let Some(text) = &known.server {
            server = Some(self.text("index/server", text)?);
        }
        let (mut person, mut actor) = (None, None);
        if let Some(subject) = &known.subject {
            person = Some(self.text("index/person", subject)?);
            actor = Some(self.text("index/actor", &format!("{}\0{subject}", known.issuer))?);
        }
        // What was asked stands in the decision; its outcome is found by the same words.
        let mut tool = None;
        if let Some(text) = &known.tool {
            tool = Some(self.text("index/tool", text)?);
        } else if let Some(of) = draft.of.filter(|_| draft.ty.answers()) {
            let mut ask = self.db.prepare_cached("SELECT tool FROM records WHERE idx = ?1")?;
            tool = ask.query_row([whole(of)], |row| row.get(0)).optional()?.flatten();
        }
        let used = key_ids(stored);
        let session = self.session(stored, server, person, used.first())?;
        self.db
            .prepare_cached("INSERT OR REPLACE INTO records VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")?
            .execute(params![idx, whole(draft.t), ty, session, decision, server, tool, person, actor])?;
        if ACTS.contains(&draft.ty) {
            self.act(stored)?;
        }
        // The key of the session is in the session's row.
        for key in used.iter().skip(1) {
            let word = self.word(*key)?;
            self.db
                .prepare_cached("INSERT OR IGNORE INTO uses VALUES(?1, ?2)")?
                .execute(params![word, idx])?;
        }
        Ok(())
    }

    /// What the leaf of an act on keys and evidence states: it is asked for at each start, and without reading the log.
    fn act(&mut self, stored: &Stored) -> Result<(), StoreError> {
        let draft = &stored.leaf.draft;
        let why = draft.ext.iter().find_map(|(k, v)| match v {
            Ext::Text(text) if *k == "why" => Some(text.as_str()),
            _ => None,
        });
        self.db.prepare_cached("INSERT OR REPLACE INTO acts VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)")?.execute(
            params![
                whole(stored.index),
                draft.ty.as_str(),
                whole(draft.t),
                draft.of.map(whole),
                why,
                draft.gs,
                draft.kr.join(" ")
            ],
        )?;
        Ok(())
    }

    /// The row of the record's session, made at first sight.
    fn session(
        &mut self,
        stored: &Stored,
        server: Option<i64>,
        person: Option<i64>,
        key: Option<&[u8; 16]>,
    ) -> Result<i64, StoreError> {
        let draft = &stored.leaf.draft;
        let (idx, t) = (whole(stored.index), whole(draft.t));
        let call = i64::from(draft.ty == LeafType::CallDecision);
        let closed = matches!(draft.ty, LeafType::SessionClose | LeafType::GwStop).then_some(idx);
        let sql = "UPDATE sessions SET last = ?2, newest = max(newest, ?3), calls = calls + ?4, records = records + 1,
                   closed = coalesce(?5, closed), key = coalesce(key, ?6) WHERE gs = ?1 RETURNING id";
        let mut change = self.db.prepare_cached(sql)?;
        let there =
            change.query_row(params![draft.gs, idx, t, call, closed, key], |row| row.get(0)).optional()?;
        if let Some(id) = there {
            return Ok(id);
        }
        drop(change);
        let ty = self.text("index/type", draft.ty.as_str())?;
        self.db
            .prepare_cached(
                "INSERT INTO sessions(gs, first, ty, opened, last, newest, closed, calls, records, server, person, key)
                 VALUES(?1, ?2, ?3, ?4, ?2, ?4, ?5, ?6, 1, ?7, ?8, ?9)",
            )?
            .execute(params![draft.gs, idx, ty, t, closed, call, server, person, key])?;
        Ok(self.db.last_insert_rowid())
    }
}

/// The ids of all keys of a record's slots, each once, the session's first.
fn key_ids(stored: &Stored) -> Vec<[u8; 16]> {
    let mut ids: Vec<[u8; 16]> = Vec::new();
    for reference in &stored.leaf.draft.bl {
        let Ok(at) = KeyRef::parse(&reference.k) else { continue };
        for id in at.keys {
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
    }
    ids
}

/// What the record says, as far as its keys are there. What cannot be opened is indexed by what stands in the leaf.
fn disclosed(stored: &Stored, origin: &str, keys: &dyn KeyStore) -> Result<Known, StoreError> {
    let mut known = Known::default();
    let clear = match stored.unseal_one(origin, keys, Slot::Disclosures) {
        Ok(Some(clear)) => clear,
        Ok(None) | Err(StoreError::Key(_)) => return Ok(known),
        Err(e) => return Err(e),
    };
    for one in disclosure::split(&clear).unwrap_or_default() {
        let Some(read) = disclosure::decode(&one) else { continue };
        let Ok(tape) = Tape::parse(&read.value, &Limits::default()) else { continue };
        let value = tape.root(&read.value);
        let text = value.as_str().map(std::borrow::Cow::into_owned);
        match read.name.as_str() {
            field::DECISION => known.decision = text,
            field::SERVER => known.server = text,
            field::TOOL => known.tool = text,
            field::ACTOR => {
                let member = |name: &str| value.get(name)?.as_str().map(std::borrow::Cow::into_owned);
                known.subject = member("subject");
                known.issuer = member("issuer").unwrap_or_default();
            }
            _ => {}
        }
    }
    Ok(known)
}
