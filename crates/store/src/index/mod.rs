//! The index: finds records by time, session, actor, tool, server, key, type and decision without reading the log.
//!
//! It is one SQLite file, `index/index.db`, written behind the log and never the truth: [`Index::follow`] takes what is
//! new since the last time, from any process, and makes everything again where the file is lost, damaged, of another
//! version, or does not fit the log. It holds no name of anybody or anything: texts are blinded with the cell's MAC
//! key, so that who has the file alone cannot even test a guess. Which person is meant is asked by the id of a key,
//! as it stands in the leaves.

mod follow;
mod query;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use carnet_evidence::seal::MacKey;
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::error::StoreError;
use crate::reader::Place;

pub use query::{ActRow, Query, SessionRow};

const DIR: &str = "index";
const FILE: &str = "index.db";
/// Another number: the file is made again.
const VERSION: i64 = 2;
/// How long one process waits for another that writes.
const PATIENCE: Duration = Duration::from_secs(10);
/// Blinded texts that are kept in memory.
const WORDS: usize = 1 << 16;

const SCHEMA: &str = "
CREATE TABLE state(id INTEGER PRIMARY KEY CHECK(id = 0), segment INTEGER, at INTEGER, next INTEGER, before INTEGER, last BLOB, mac BLOB);
CREATE TABLE words(id INTEGER PRIMARY KEY, blind BLOB NOT NULL UNIQUE);
CREATE TABLE records(idx INTEGER PRIMARY KEY, t INTEGER NOT NULL, ty INTEGER NOT NULL, session INTEGER NOT NULL,
  decision INTEGER, server INTEGER, tool INTEGER, person INTEGER, actor INTEGER);
CREATE INDEX records_t ON records(t);
CREATE INDEX records_session ON records(session);
CREATE INDEX records_server ON records(server) WHERE server IS NOT NULL;
CREATE INDEX records_tool ON records(tool) WHERE tool IS NOT NULL;
CREATE INDEX records_person ON records(person) WHERE person IS NOT NULL;
CREATE INDEX records_ty ON records(ty);
CREATE TABLE uses(key INTEGER NOT NULL, idx INTEGER NOT NULL, PRIMARY KEY(key, idx)) WITHOUT ROWID;
CREATE TABLE sessions(id INTEGER PRIMARY KEY, gs BLOB NOT NULL UNIQUE, first INTEGER NOT NULL, ty INTEGER NOT NULL,
  opened INTEGER NOT NULL, last INTEGER NOT NULL, newest INTEGER NOT NULL, closed INTEGER, calls INTEGER NOT NULL,
  records INTEGER NOT NULL, server INTEGER, person INTEGER, key BLOB);
CREATE TABLE acts(idx INTEGER PRIMARY KEY, ty TEXT NOT NULL, t INTEGER NOT NULL, of INTEGER, why TEXT, gs BLOB NOT NULL,
  keys TEXT NOT NULL);
CREATE INDEX sessions_key ON sessions(key) WHERE key IS NOT NULL;
CREATE INDEX sessions_newest ON sessions(newest);
";

/// See the module.
pub struct Index {
    db: Connection,
    file: PathBuf,
    mac: MacKey,
    origin: String,
    words: HashMap<[u8; 16], i64>,
}

impl std::fmt::Debug for Index {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Index")
    }
}

impl From<rusqlite::Error> for StoreError {
    /// The kind alone: a message of SQLite may quote.
    fn from(e: rusqlite::Error) -> Self {
        StoreError::Index(
            e.sqlite_error_code().map_or_else(|| "no SQLite error".to_owned(), |c| format!("{c:?}")),
        )
    }
}

impl Index {
    /// Opens the index of a data folder, makes it at first. `mac` is the cell's MAC key, `origin` the log's.
    ///
    /// # Errors
    /// [`StoreError::Index`] when the file can neither be opened nor made again.
    pub fn open(data: &Path, mac: MacKey, origin: &str) -> Result<Index, StoreError> {
        let dir = data.join(DIR);
        make_private(&dir).map_err(|e| StoreError::io("make folder", DIR, &e))?;
        let file = dir.join(FILE);
        let db = match connect(&file, &mac) {
            Ok(db) => db,
            // Another process that writes is no damage.
            Err(e) if busy(&e) => return Err(e.into()),
            Err(_) => {
                remove(&file)?;
                connect(&file, &mac)?
            }
        };
        Ok(Index { db, file, mac, origin: origin.to_owned(), words: HashMap::new() })
    }

    /// How far it has followed the log.
    ///
    /// # Errors
    /// [`StoreError::Index`].
    pub fn place(&self) -> Result<Place, StoreError> {
        Ok(self.state()?.0)
    }

    /// The place, and the hash of the leaf before it.
    fn state(&self) -> Result<(Place, Option<[u8; 32]>), StoreError> {
        let read = |row: &rusqlite::Row<'_>| {
            let (segment, at, next) = (number(row, 0)?, number(row, 1)?, number(row, 2)?);
            Ok((Place { segment, at, next, last: number(row, 3)? }, row.get::<_, Option<[u8; 32]>>(4)?))
        };
        Ok(self.db.query_row("SELECT segment, at, next, before, last FROM state", [], read)?)
    }

    /// What a text is called here.
    fn blind(&self, kind: &str, text: &str) -> [u8; 16] {
        let mac = self.mac.mac(kind, text.as_bytes());
        mac.first_chunk().copied().unwrap_or_default()
    }

    /// The number of a blinded text, if it was ever seen.
    fn known(&self, blind: &[u8; 16]) -> Result<Option<i64>, StoreError> {
        if let Some(id) = self.words.get(blind) {
            return Ok(Some(*id));
        }
        let mut ask = self.db.prepare_cached("SELECT id FROM words WHERE blind = ?1")?;
        Ok(ask.query_row([blind], |row| row.get(0)).optional()?)
    }

    /// The number of a blinded text, given at first sight.
    fn word(&mut self, blind: [u8; 16]) -> Result<i64, StoreError> {
        if let Some(id) = self.words.get(&blind) {
            return Ok(*id);
        }
        let id = match self.known(&blind)? {
            Some(id) => id,
            None => {
                self.db.prepare_cached("INSERT INTO words(blind) VALUES(?1)")?.execute([blind])?;
                self.db.last_insert_rowid()
            }
        };
        if self.words.len() >= WORDS {
            self.words.clear();
        }
        self.words.insert(blind, id);
        Ok(id)
    }

    fn text(&mut self, kind: &str, text: &str) -> Result<i64, StoreError> {
        self.word(self.blind(kind, text))
    }

    /// Forgets what it knows of the records that a key was used for: the key was destroyed.
    ///
    /// # Errors
    /// [`StoreError::Index`].
    pub fn forget(&mut self, key: &[u8; 16]) -> Result<(), StoreError> {
        // A session's key stands with the session, any other with the records it was used for.
        if let Some(word) = self.known(key)? {
            let sql =
                "UPDATE records SET decision = NULL, server = NULL, tool = NULL, person = NULL, actor = NULL
                       WHERE idx IN (SELECT idx FROM uses WHERE key = ?1)";
            self.db.execute(sql, [word])?;
        }
        self.db.execute(
            "UPDATE records SET decision = NULL, server = NULL, tool = NULL, person = NULL, actor = NULL
             WHERE session IN (SELECT id FROM sessions WHERE key = ?1)",
            [key],
        )?;
        Ok(())
    }

    /// Forgets everything before a log index: it was pruned.
    ///
    /// # Errors
    /// [`StoreError::Index`].
    pub fn prune(&mut self, to: u64) -> Result<(), StoreError> {
        let to = whole(to);
        let work = self.db.transaction()?;
        work.execute("DELETE FROM uses WHERE idx < ?1", [to])?;
        work.execute("DELETE FROM records WHERE idx < ?1", [to])?;
        work.execute("DELETE FROM sessions WHERE last < ?1", [to])?;
        work.commit()?;
        Ok(())
    }

    /// Makes the file again, empty.
    fn renew(&mut self) -> Result<(), StoreError> {
        self.words.clear();
        let work = self.db.transaction()?;
        for table in ["records", "uses", "sessions", "acts", "words"] {
            work.execute(&format!("DELETE FROM {table}"), [])?;
        }
        work.execute("UPDATE state SET segment = 0, at = 0, next = 0, before = 0, last = NULL", [])?;
        work.commit()?;
        tracing::info!(file = %self.file.display(), "the index is made again from the log");
        Ok(())
    }
}

fn connect(file: &Path, mac: &MacKey) -> rusqlite::Result<Connection> {
    let db = Connection::open(file)?;
    db.busy_timeout(PATIENCE)?;
    db.set_prepared_statement_cache_capacity(64);
    // What a crash of the machine takes from the index is made again from the log.
    // No temporary files: what is sorted stays in memory.
    let pragmas = "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA secure_delete = ON; PRAGMA temp_store = MEMORY;";
    db.execute_batch(pragmas)?;
    let version: i64 = db.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    // Blinded with another key, nothing would be found.
    let ours = mac.mac("index", b"");
    if version == VERSION {
        let theirs: Vec<u8> = db.query_row("SELECT mac FROM state", [], |row| row.get(0))?;
        return if theirs == ours { Ok(db) } else { Err(rusqlite::Error::QueryReturnedNoRows) };
    }
    if version != 0 {
        return Err(rusqlite::Error::QueryReturnedNoRows);
    }
    db.execute_batch(&format!("BEGIN IMMEDIATE; {SCHEMA}"))?;
    db.execute("INSERT INTO state VALUES(0, 0, 0, 0, 0, NULL, ?1)", params![ours.as_slice()])?;
    db.execute_batch(&format!("PRAGMA user_version = {VERSION}; COMMIT;"))?;
    Ok(db)
}

fn busy(e: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseBusy, DatabaseLocked};
    matches!(e.sqlite_error_code(), Some(DatabaseBusy | DatabaseLocked))
}

fn make_private(dir: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

fn remove(file: &Path) -> Result<(), StoreError> {
    for end in ["", "-wal", "-shm"] {
        let mut name = file.as_os_str().to_owned();
        name.push(end);
        match std::fs::remove_file(&name) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                return Err(StoreError::io("remove", FILE, &e));
            }
            _ => {}
        }
    }
    Ok(())
}

/// A number as SQLite keeps it. Indexes and times stay far below 2^63.
fn whole(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

fn number(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(|n| u64::try_from(n).unwrap_or(0))
}
