//! A small sealed table in `table/`: names and values that outlive the process, such as registered passkeys and messages that
//! still have to be sent. It is read into memory whole; each change is appended, encrypted, and durable when it returns.
//!
//! ```text
//! table/<number, 20 digits>.table = "carnet/1 table\n" || wrapped key || record*
//! record = length (u32, big endian) || AES-256-GCM of (kind || length of the name (u16) || name || value)
//! ```
//!
//! Each file has a key of its own, wrapped by the key of the cell. A start, and too much that was replaced, begin a new file
//! with what is in force and remove the one before. A crash during a write leaves a record that does not open: whoever asked
//! for it was not answered. It ends the file, and the start begins a new one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use carnet_evidence::seal::{VaultKey, WRAPPED, WrappedKey};
use zeroize::Zeroizing;

use crate::disk::{Disk, DiskFile, Mode, read_file, remove_if_there, write_all_at};
use crate::error::{At as _, StoreError};
use crate::keys::Keys;

const DIR: &str = "table";
const MAGIC: &[u8] = b"carnet/1 table\n";
const PUT: u8 = 1;
const REMOVE: u8 = 2;
/// A new file is begun when a file has grown by so much since it was begun.
const GROWN: u64 = 8 << 20;
/// A value is no longer.
const LONGEST: usize = 1 << 20;

type Rows = BTreeMap<String, Zeroizing<Vec<u8>>>;

/// The table of a cell.
pub struct Table {
    disk: Arc<dyn Disk>,
    keys: Keys,
    state: Mutex<State>,
}

struct State {
    rows: Rows,
    file: Box<dyn DiskFile>,
    key: VaultKey,
    number: u64,
    /// Where the next record goes.
    at: u64,
    /// Where the file ended when it was begun.
    begun: u64,
    /// A write failed: what is behind `at` is not known, so the next change begins a new file.
    torn: bool,
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Table")
    }
}

impl Table {
    /// Opens the table, makes it at first.
    ///
    /// # Errors
    /// [`StoreError::Io`]; [`StoreError::Key`] for another key of the cell than it was made with.
    pub fn open(disk: Arc<dyn Disk>, keys: Keys) -> Result<Table, StoreError> {
        disk.make_dirs(DIR).at("make folder", DIR)?;
        let mut numbers: Vec<u64> =
            disk.list(DIR).at("list", DIR)?.iter().filter_map(|n| number(n)).collect();
        numbers.sort_unstable();
        let mut rows = Rows::new();
        // A file counts from its rename on, when all that was in force is in it.
        if let Some(last) = numbers.last() {
            rows = read(&*disk, &path(*last), &keys)?;
        }
        let next = numbers.last().map_or(0, |n| n + 1);
        let state = begin(&*disk, &keys, next, rows)?;
        for old in numbers {
            remove_if_there(&*disk, &path(old))?;
        }
        Ok(Table { disk, keys, state: Mutex::new(state) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A value.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Zeroizing<Vec<u8>>> {
        self.state().rows.get(name).cloned()
    }

    /// Names that begin so, with their values, sorted.
    #[must_use]
    pub fn starting(&self, with: &str) -> Vec<(String, Zeroizing<Vec<u8>>)> {
        let state = self.state();
        let from = state.rows.range(with.to_owned()..);
        from.take_while(|(name, _)| name.starts_with(with)).map(|(n, v)| (n.clone(), v.clone())).collect()
    }

    /// How many names begin so.
    #[must_use]
    pub fn count(&self, with: &str) -> usize {
        self.state().rows.range(with.to_owned()..).take_while(|(name, _)| name.starts_with(with)).count()
    }

    /// Keeps a value. Durable when it returns. It waits for the disk.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`]; [`StoreError::Io`]: then the value before is in force, and after a start one of the two.
    pub fn put(&self, name: &str, value: &[u8]) -> Result<(), StoreError> {
        self.put_all(&[(name, value)])
    }

    /// Keeps several values with one write. Durable when it returns. It waits for the disk.
    ///
    /// # Errors
    /// As [`Table::put`]: then none is in force, and after a start some may be.
    pub fn put_all(&self, rows: &[(&str, &[u8])]) -> Result<(), StoreError> {
        self.change(rows, &[])
    }

    /// Keeps values and forgets others with one write. Durable when it returns. It waits for the disk.
    ///
    /// # Errors
    /// As [`Table::put`]: then nothing has changed, and after a start some may have.
    pub fn change(&self, put: &[(&str, &[u8])], remove: &[&str]) -> Result<(), StoreError> {
        let mut state = self.state();
        let removed = remove.iter().filter(|name| state.rows.contains_key(**name));
        let changes: Vec<_> = put
            .iter()
            .map(|(name, value)| (PUT, *name, *value))
            .chain(removed.map(|name| (REMOVE, *name, [].as_slice())))
            .collect();
        if changes.is_empty() {
            return Ok(());
        }
        self.append(&mut state, &changes)?;
        for (name, value) in put {
            state.rows.insert((*name).to_owned(), Zeroizing::new(value.to_vec()));
        }
        for name in remove {
            state.rows.remove(*name);
        }
        Ok(())
    }

    /// Forgets a value. Durable when it returns. It waits for the disk.
    ///
    /// # Errors
    /// As [`Table::put`].
    pub fn remove(&self, name: &str) -> Result<(), StoreError> {
        self.change(&[], &[name])
    }

    fn append(&self, state: &mut State, changes: &[(u8, &str, &[u8])]) -> Result<(), StoreError> {
        if changes.iter().any(|(_, name, value)| value.len() > LONGEST || name.len() > usize::from(u16::MAX))
        {
            return Err(StoreError::TooLarge);
        }
        if state.torn || state.at.saturating_sub(state.begun) > GROWN {
            let next = begin(&*self.disk, &self.keys, state.number + 1, std::mem::take(&mut state.rows));
            match next {
                Ok(next) => {
                    let old = std::mem::replace(state, next).number;
                    remove_if_there(&*self.disk, &path(old))?;
                }
                Err((error, rows)) => {
                    state.rows = rows;
                    return Err(error);
                }
            }
        }
        let mut record = Vec::new();
        for (kind, name, value) in changes {
            let at = state.at.saturating_add(record.len() as u64);
            record.extend(seal(&state.key, at, *kind, name, value)?);
        }
        let place = path(state.number);
        let written = write_all_at(&*state.file, &record, state.at)
            .at("write", &place)
            .and_then(|()| state.file.sync_data().at("sync", &place));
        state.torn = written.is_err();
        written?;
        state.at += record.len() as u64;
        Ok(())
    }
}

fn path(number: u64) -> String {
    format!("{DIR}/{number:020}.table")
}

fn number(name: &str) -> Option<u64> {
    name.strip_suffix(".table")?.parse().ok()
}

fn seal(key: &VaultKey, at: u64, kind: u8, name: &str, value: &[u8]) -> Result<Vec<u8>, StoreError> {
    let long = u16::try_from(name.len()).map_err(|_| StoreError::TooLarge)?;
    let mut clear = Vec::with_capacity(3 + name.len() + value.len() + 16);
    clear.push(kind);
    clear.extend(long.to_be_bytes());
    clear.extend(name.as_bytes());
    clear.extend(value);
    let sealed = key.seal(at, clear)?;
    let length = u32::try_from(sealed.len()).map_err(|_| StoreError::TooLarge)?;
    Ok([length.to_be_bytes().as_slice(), &sealed].concat())
}

/// Writes a new file with these rows: whole under its name, or not at all.
fn begin(disk: &dyn Disk, keys: &Keys, number: u64, rows: Rows) -> Result<State, (StoreError, Rows)> {
    match write(disk, keys, number, &rows) {
        Ok((file, key, at)) => Ok(State { rows, file, key, number, at, begun: at, torn: false }),
        Err(error) => Err((error, rows)),
    }
}

impl From<(StoreError, Rows)> for StoreError {
    fn from((error, _): (StoreError, Rows)) -> Self {
        error
    }
}

fn write(
    disk: &dyn Disk,
    keys: &Keys,
    number: u64,
    rows: &Rows,
) -> Result<(Box<dyn DiskFile>, VaultKey, u64), StoreError> {
    let (key, wrapped) = keys.new_vault()?;
    let mut bytes = [MAGIC, wrapped.to_bytes().as_slice()].concat();
    for (name, value) in rows {
        let record = seal(&key, bytes.len() as u64, PUT, name, value)?;
        bytes.extend(record);
    }
    let (place, temporary) = (path(number), format!("{}.tmp", path(number)));
    remove_if_there(disk, &temporary)?;
    let file = disk.open(&temporary, Mode::Create).at("create", &temporary)?;
    write_all_at(&*file, &bytes, 0).at("write", &temporary)?;
    file.sync_all().at("sync", &temporary)?;
    disk.rename(&temporary, &place).at("rename", &place)?;
    disk.sync_dir(DIR).at("sync folder", DIR)?;
    Ok((file, key, bytes.len() as u64))
}

fn read(disk: &dyn Disk, place: &str, keys: &Keys) -> Result<Rows, StoreError> {
    let bytes = read_file(disk, place)?.unwrap_or_default();
    let header = MAGIC.len() + WRAPPED;
    let wrapped = bytes
        .get(..header)
        .and_then(|h| h.strip_prefix(MAGIC))
        .and_then(|w| WrappedKey::from_bytes(w).ok())
        .ok_or(StoreError::Key("a file of the table has no beginning"))?;
    let key = keys.vault(&wrapped)?;
    let (mut rows, mut at) = (Rows::new(), header);
    while let Some((head, rest)) = bytes.get(at..).and_then(<[u8]>::split_first_chunk::<4>) {
        let sealed = usize::try_from(u32::from_be_bytes(*head)).ok().and_then(|long| rest.get(..long));
        let Some(sealed) = sealed.filter(|s| !s.is_empty()) else { break };
        // A torn write is the last there is.
        let Ok(clear) = key.open(at as u64, sealed.to_vec()) else { break };
        take(&mut rows, &clear).ok_or(StoreError::Key("a record of the table cannot be read"))?;
        at += 4 + sealed.len();
    }
    Ok(rows)
}

fn take(rows: &mut Rows, clear: &[u8]) -> Option<()> {
    let (&kind, rest) = clear.split_first()?;
    let (long, rest) = rest.split_first_chunk::<2>()?;
    let (name, value) = rest.split_at_checked(usize::from(u16::from_be_bytes(*long)))?;
    let name = std::str::from_utf8(name).ok()?;
    match kind {
        PUT => drop(rows.insert(name.to_owned(), Zeroizing::new(value.to_vec()))),
        REMOVE => drop(rows.remove(name)),
        _ => return None,
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::RealDisk;

    fn open(dir: &std::path::Path) -> Result<Table, StoreError> {
        let disk: Arc<dyn Disk> = Arc::new(RealDisk::new(dir));
        let keys = Keys::open(Arc::clone(&disk), None)?;
        Table::open(disk, keys)
    }

    fn names(table: &Table, with: &str) -> Vec<String> {
        table.starting(with).into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn what_was_put_is_there_after_a_start_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let table = open(dir.path()).unwrap();
        for name in ["key/a", "key/b", "out/1"] {
            table.put(name, name.as_bytes()).unwrap();
        }
        table.put("key/a", b"new").unwrap();
        table.remove("key/b").unwrap();
        table.remove("never").unwrap();
        drop(table);
        for _ in 0..3 {
            let table = open(dir.path()).unwrap();
            assert_eq!(names(&table, "key/"), ["key/a"]);
            assert_eq!(names(&table, ""), ["key/a", "out/1"]);
            assert_eq!(*table.get("key/a").unwrap(), b"new");
        }
        let files: Vec<_> = std::fs::read_dir(dir.path().join(DIR)).unwrap().collect();
        assert_eq!(files.len(), 1, "the files before are gone");
    }

    #[test]
    fn nothing_of_it_is_readable_on_disk_and_a_torn_end_is_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let table = open(dir.path()).unwrap();
        table.put("key/ines@example.com", b"something about Ines").unwrap();
        table.put("key/omar@example.com", b"something about Omar").unwrap();
        drop(table);
        let file = std::fs::read_dir(dir.path().join(DIR)).unwrap().next().unwrap().unwrap().path();
        let mut bytes = std::fs::read(&file).unwrap();
        for word in ["ines", "Ines", "omar"] {
            assert!(!bytes.windows(word.len()).any(|w| w == word.as_bytes()), "{word} is in clear");
        }
        bytes.truncate(bytes.len() - 3);
        std::fs::write(&file, bytes).unwrap();
        let table = open(dir.path()).unwrap();
        assert_eq!(names(&table, ""), ["key/ines@example.com"]);
    }

    #[test]
    fn one_change_keeps_and_forgets() {
        let dir = tempfile::tempdir().unwrap();
        let table = open(dir.path()).unwrap();
        table.put_all(&[("one/1", b"1"), ("one/2", b"2")]).unwrap();
        table.change(&[("sum", b"3")], &["one/1", "one/2", "one/3"]).unwrap();
        assert_eq!(names(&table, ""), ["sum"]);
        drop(table);
        assert_eq!(names(&open(dir.path()).unwrap(), ""), ["sum"]);
    }

    #[test]
    fn another_key_of_the_cell_does_not_open_it() {
        let dir = tempfile::tempdir().unwrap();
        open(dir.path()).unwrap().put("a", b"b").unwrap();
        std::fs::remove_dir_all(dir.path().join("keys")).unwrap();
        assert!(open(dir.path()).is_err());
    }

    #[test]
    fn much_that_was_replaced_begins_a_new_file() {
        let dir = tempfile::tempdir().unwrap();
        let table = open(dir.path()).unwrap();
        let value = vec![7; LONGEST];
        for _ in 0..20 {
            table.put("a", &value).unwrap();
        }
        assert_eq!(table.put("a", &vec![0; LONGEST + 1]), Err(StoreError::TooLarge));
        let all = std::fs::read_dir(dir.path().join(DIR)).unwrap();
        let size: u64 = all.map(|f| f.unwrap().metadata().unwrap().len()).sum();
        assert!(size < 12 << 20, "{size}");
    }

    #[test]
    fn whatever_happens_what_was_answered_is_there() {
        use crate::disk::fault::{FAULTS, FaultDisk};
        let start = |disk: &FaultDisk| {
            let disk: Arc<dyn Disk> = Arc::new(disk.clone());
            Keys::open(disk.clone(), Some(&[7; 32])).and_then(|keys| Table::open(disk, keys))
        };
        let mut fired = 0;
        for at in 0..40 {
            for fault in FAULTS {
                let disk = FaultDisk::new();
                start(&disk).unwrap().put("first", b"1").unwrap();
                disk.plan(at, fault);
                let (mut kept, mut removed) = (vec!["first".to_owned()], false);
                if let Ok(table) = start(&disk) {
                    for n in 0..6 {
                        let name = format!("n{n}");
                        if table.put(&name, b"1").is_ok() {
                            kept.push(name);
                        }
                    }
                    // Not answered, it may have happened all the same.
                    removed = table.remove("first").is_ok();
                    kept.retain(|name| name != "first");
                }
                fired += u64::from(disk.fired());
                for after in [disk.after_power_loss(at), disk.after_kill()] {
                    drop(start(&after).unwrap());
                    let table = start(&after.after_power_loss(at)).unwrap();
                    for name in &kept {
                        assert!(table.get(name).is_some(), "{fault:?} at {at}: {name}");
                    }
                    assert!(!removed || table.get("first").is_none(), "{fault:?} at {at}: removed");
                    assert!(table.starting("").len() <= 7);
                }
            }
        }
        assert!(fired >= 100, "{fired}");
    }
}
