//! Questions to the index.

use carnet_evidence::LeafType;
use rusqlite::types::Value;
use rusqlite::{Row, params_from_iter};

use super::{Index, number, whole};
use crate::error::StoreError;

/// What is looked for: records for which everything given holds. The default is every record.
#[derive(Clone, Default, Debug)]
pub struct Query {
    /// Not before, Unix seconds.
    pub from: Option<u64>,
    /// Before, Unix seconds.
    pub to: Option<u64>,
    /// From this log index on.
    pub after: Option<u64>,
    /// Pseudonym of the session.
    pub session: Option<[u8; 16]>,
    /// Subject of the actor.
    pub actor: Option<String>,
    /// Issuer of the actor, together with `actor`.
    pub issuer: Option<String>,
    /// Name of the server.
    pub server: Option<String>,
    /// Name of the tool or prompt, of decisions and their outcomes.
    pub tool: Option<String>,
    /// Id of a key that applies to a slot of the record: a data subject's or an actor's.
    pub key: Option<[u8; 16]>,
    /// One of these types; empty for any.
    pub types: Vec<LeafType>,
    /// `permit`, `deny`, `withhold` or `refuse`.
    pub decision: Option<String>,
    /// At most so many.
    pub limit: Option<u64>,
}

/// What the index knows of a session.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SessionRow {
    /// Its pseudonym.
    pub gs: [u8; 16],
    /// Log index of its first record that is there.
    pub first: u64,
    /// Log index of its last record.
    pub last: u64,
    /// Time of its first record, Unix seconds.
    pub opened: u64,
    /// Time of its newest record.
    pub newest: u64,
    /// Log index of the record that closed it.
    pub closed: Option<u64>,
    /// Its `call.decision` records.
    pub calls: u64,
    /// All its records.
    pub records: u64,
    /// Id of its key, where a slot is sealed with one.
    pub key: Option<[u8; 16]>,
}

/// An act on keys and evidence, as its leaf states it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ActRow {
    /// Log index.
    pub index: u64,
    /// Its type.
    pub ty: LeafType,
    /// Unix seconds.
    pub t: u64,
    /// The act that it answers.
    pub of: Option<u64>,
    /// Why, in a word.
    pub why: Option<String>,
    /// Ids of the keys that it concerns.
    pub keys: Vec<[u8; 16]>,
}

/// A condition, or that it can never hold.
struct Where {
    sql: Vec<String>,
    values: Vec<Value>,
    never: bool,
}

impl Where {
    fn add(&mut self, sql: &str, value: i64) {
        self.sql.push(sql.to_owned());
        self.values.push(Value::Integer(value));
    }
}

impl Index {
    /// Log indexes of the records, in ascending order. What the log has and [`Index::follow`] has not taken is not among
    /// them.
    ///
    /// # Errors
    /// [`StoreError::Index`].
    pub fn find(&self, query: &Query) -> Result<std::vec::IntoIter<u64>, StoreError> {
        let found = self.conditions(query)?;
        if found.never {
            return Ok(Vec::new().into_iter());
        }
        let conditions = if found.sql.is_empty() { "1".to_owned() } else { found.sql.join(" AND ") };
        let limit = query.limit.map_or(-1, whole);
        let sql = format!("SELECT idx FROM records WHERE {conditions} ORDER BY idx LIMIT {limit}");
        let mut ask = self.db.prepare_cached(&sql)?;
        let rows = ask.query_map(params_from_iter(found.values), |row| number(row, 0))?;
        Ok(rows.collect::<Result<Vec<u64>, _>>()?.into_iter())
    }

    /// How many records those are.
    ///
    /// # Errors
    /// [`StoreError::Index`].
    pub fn count(&self, query: &Query) -> Result<u64, StoreError> {
        let found = self.conditions(query)?;
        if found.never {
            return Ok(0);
        }
        let conditions = if found.sql.is_empty() { "1".to_owned() } else { found.sql.join(" AND ") };
        let sql = format!("SELECT count(*) FROM records WHERE {conditions}");
        Ok(self.db.prepare_cached(&sql)?.query_row(params_from_iter(found.values), |row| number(row, 0))?)
    }

    fn conditions(&self, query: &Query) -> Result<Where, StoreError> {
        let mut out = Where { sql: Vec::new(), values: Vec::new(), never: false };
        let Query { from, to, after, session, actor, issuer, server, tool, key, types, decision, .. } = query;
        from.iter().for_each(|t| out.add("t >= ?", whole(*t)));
        to.iter().for_each(|t| out.add("t < ?", whole(*t)));
        after.iter().for_each(|n| out.add("idx >= ?", whole(*n)));
        if let Some(gs) = session {
            let id = self
                .db
                .prepare_cached("SELECT id FROM sessions WHERE gs = ?1")?
                .query_row([gs], |r| r.get(0));
            match id {
                Ok(id) => out.add("session = ?", id),
                Err(rusqlite::Error::QueryReturnedNoRows) => out.never = true,
                Err(e) => return Err(e.into()),
            }
        }
        let full =
            actor.as_ref().zip(issuer.as_ref()).map(|(subject, issuer)| format!("{issuer}\0{subject}"));
        let words = [
            ("person = ?", "index/person", actor.as_deref()),
            ("actor = ?", "index/actor", full.as_deref()),
            ("server = ?", "index/server", server.as_deref()),
            ("tool = ?", "index/tool", tool.as_deref()),
            ("decision = ?", "index/decision", decision.as_deref()),
        ];
        for (sql, kind, text) in words {
            let Some(text) = text else { continue };
            self.one(&mut out, sql, self.known(&self.blind(kind, text))?);
        }
        if let Some(key) = key {
            self.one(&mut out, "idx IN (SELECT idx FROM uses WHERE key = ?)", self.known(key)?);
        }
        if !types.is_empty() {
            let mut known = Vec::new();
            for ty in types {
                known.extend(self.known(&self.blind("index/type", ty.as_str()))?);
            }
            let list: Vec<String> = known.iter().map(i64::to_string).collect();
            out.never |= known.is_empty();
            out.sql.push(format!("ty IN ({})", list.join(",")));
        }
        Ok(out)
    }

    #[expect(clippy::unused_self, reason = "reads as the others")]
    fn one(&self, out: &mut Where, sql: &str, word: Option<i64>) {
        match word {
            Some(word) => out.add(sql, word),
            None => out.never = true,
        }
    }

    /// Acts on keys and evidence, oldest first: erasures, holds, restrictions, destroyed keys, exports, prunings.
    ///
    /// # Errors
    /// [`StoreError::Index`].
    pub fn acts(&self) -> Result<Vec<ActRow>, StoreError> {
        let mut ask = self.db.prepare_cached("SELECT idx, ty, t, of, why, keys FROM acts ORDER BY idx")?;
        let rows = ask.query_map([], act_row)?;
        Ok(rows.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
    }

    /// Sessions of callers, the newest last, at most `newest` of them. Runs of the gateway are not among them.
    ///
    /// # Errors
    /// [`StoreError::Index`].
    pub fn sessions(&self, newest: u64) -> Result<Vec<SessionRow>, StoreError> {
        let Some(ty) = self.known(&self.blind("index/type", LeafType::SessionOpen.as_str()))? else {
            return Ok(Vec::new());
        };
        let sql = format!("SELECT {ROW} FROM sessions WHERE ty = ?1 ORDER BY first DESC LIMIT ?2");
        let mut rows = self.rows(&sql, vec![Value::Integer(ty), Value::Integer(whole(newest))])?;
        rows.reverse();
        Ok(rows)
    }

    /// The pseudonyms of all sessions and runs.
    ///
    /// # Errors
    /// [`StoreError::Index`].
    pub fn pseudonyms(&self) -> Result<Vec<[u8; 16]>, StoreError> {
        let mut ask = self.db.prepare_cached("SELECT gs FROM sessions ORDER BY first")?;
        let rows = ask.query_map([], |row| row.get(0))?;
        Ok(rows.collect::<Result<Vec<_>, _>>()?)
    }

    /// How many sessions of callers there are.
    ///
    /// # Errors
    /// [`StoreError::Index`].
    pub fn session_count(&self) -> Result<u64, StoreError> {
        let Some(ty) = self.known(&self.blind("index/type", LeafType::SessionOpen.as_str()))? else {
            return Ok(0);
        };
        Ok(self.db.query_row("SELECT count(*) FROM sessions WHERE ty = ?1", [ty], |row| number(row, 0))?)
    }

    /// Sessions whose newest record is older than `before`, Unix seconds, and whose server is `server` if one is named.
    ///
    /// # Errors
    /// [`StoreError::Index`].
    pub fn sessions_before(&self, before: u64, server: Option<&str>) -> Result<Vec<SessionRow>, StoreError> {
        let mut sql = format!("SELECT {ROW} FROM sessions WHERE newest < ?1");
        let mut values = vec![Value::Integer(whole(before))];
        if let Some(server) = server {
            let Some(word) = self.known(&self.blind("index/server", server))? else { return Ok(Vec::new()) };
            sql.push_str(" AND server = ?2");
            values.push(Value::Integer(word));
        }
        self.rows(&format!("{sql} ORDER BY first"), values)
    }

    /// Whether two keys were used for one record, or one is of a session in which the other was used.
    ///
    /// # Errors
    /// [`StoreError::Index`].
    pub fn together(&self, one: &[u8; 16], other: &[u8; 16]) -> Result<bool, StoreError> {
        for (one, other) in [(one, other), (other, one)] {
            let Some(word) = self.known(one)? else { continue };
            if let Some(session) = self.session_of(other)? {
                let sql = "SELECT EXISTS(SELECT 1 FROM uses JOIN records USING(idx) JOIN sessions
                           ON sessions.id = records.session WHERE uses.key = ?1 AND sessions.gs = ?2)";
                if self
                    .db
                    .prepare_cached(sql)?
                    .query_row(rusqlite::params![word, session.gs], |r| r.get(0))?
                {
                    return Ok(true);
                }
            }
            if let Some(second) = self.known(other)? {
                let sql = "SELECT EXISTS(SELECT 1 FROM uses a JOIN uses b USING(idx) WHERE a.key = ?1 AND b.key = ?2)";
                if self.db.prepare_cached(sql)?.query_row([word, second], |r| r.get(0))? {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// The session that a key is of.
    ///
    /// # Errors
    /// [`StoreError::Index`].
    pub fn session_of(&self, key: &[u8; 16]) -> Result<Option<SessionRow>, StoreError> {
        let sql = format!("SELECT {ROW} FROM sessions WHERE key = ?1");
        Ok(self.rows(&sql, vec![Value::Blob(key.to_vec())])?.pop())
    }

    /// One session.
    ///
    /// # Errors
    /// [`StoreError::Index`].
    pub fn session_row(&self, gs: &[u8; 16]) -> Result<Option<SessionRow>, StoreError> {
        let sql = format!("SELECT {ROW} FROM sessions WHERE gs = ?1");
        Ok(self.rows(&sql, vec![Value::Blob(gs.to_vec())])?.pop())
    }

    fn rows(&self, sql: &str, values: Vec<Value>) -> Result<Vec<SessionRow>, StoreError> {
        let mut ask = self.db.prepare_cached(sql)?;
        let rows = ask.query_map(params_from_iter(values), session_row)?;
        Ok(rows.collect::<Result<Vec<_>, _>>()?)
    }
}

fn act_row(row: &Row<'_>) -> rusqlite::Result<Option<ActRow>> {
    let keys: String = row.get(5)?;
    let keys = keys.split_ascii_whitespace().filter_map(carnet_evidence::seal::key_id).collect();
    let (index, t, of) = (number(row, 0)?, number(row, 2)?, row.get::<_, Option<i64>>(3)?);
    let of = of.map(|n| u64::try_from(n).unwrap_or(0));
    let ty = LeafType::by_name(&row.get::<_, String>(1)?);
    let why = row.get(4)?;
    Ok(ty.map(|ty| ActRow { index, ty, t, of, why, keys }))
}

const ROW: &str = "gs, first, last, opened, newest, closed, calls, records, key";

fn session_row(row: &Row<'_>) -> rusqlite::Result<SessionRow> {
    Ok(SessionRow {
        gs: row.get(0)?,
        first: number(row, 1)?,
        last: number(row, 2)?,
        opened: number(row, 3)?,
        newest: number(row, 4)?,
        closed: row.get::<_, Option<i64>>(5)?.map(|n| u64::try_from(n).unwrap_or(0)),
        calls: number(row, 6)?,
        records: number(row, 7)?,
        key: row.get(8)?,
    })
}
