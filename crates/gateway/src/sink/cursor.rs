//! How far a sink is, in `sinks/NAME` of the data folder: the next record, as a number.

use std::fs;
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use carnet_store::Place;

/// The place of a sink in the log.
pub(super) struct Cursor {
    file: PathBuf,
    pub(super) place: Place,
    /// What the file says: before `place` where the last batch is not sure to be kept.
    sure: Place,
}

impl Cursor {
    /// Of a sink of this name. A new one begins at the beginning of the log.
    pub(super) fn open(data: &Path, name: &str) -> io::Result<Cursor> {
        let folder = data.join("sinks");
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        let file = folder.join(name);
        let next = match fs::read_to_string(&file) {
            Ok(text) => text.trim().parse().map_err(|_| io::Error::from(ErrorKind::InvalidData))?,
            Err(e) if e.kind() == ErrorKind::NotFound => 0,
            Err(e) => return Err(e),
        };
        let place = Place { next, ..Place::default() };
        Ok(Cursor { file, place, sure: place })
    }

    /// The next record.
    pub(super) fn next(&self) -> u64 {
        self.place.next
    }

    /// What is before `place` was read, and what was read before it was taken: who reads on has lived on.
    pub(super) fn ahead(&mut self, place: Place) -> io::Result<()> {
        let before = self.place;
        self.moved(before)?;
        self.place = place;
        Ok(())
    }

    /// Back to what is sure.
    pub(super) fn back(&mut self) {
        self.place = self.sure;
    }

    /// What is before `place` was taken.
    pub(super) fn moved(&mut self, place: Place) -> io::Result<()> {
        self.place = place;
        let new = self.file.with_extension("new");
        let mut file =
            fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        writeln!(file, "{}", place.next)?;
        file.sync_all()?;
        fs::rename(&new, &self.file)?;
        let folder = self.file.parent().unwrap_or(Path::new("."));
        fs::File::open(folder)?.sync_all()?;
        self.sure = place;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_where_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let mut cursor = Cursor::open(folder.path(), "siem").unwrap();
        assert_eq!(cursor.next(), 0);
        cursor.moved(Place { next: 41, ..Place::default() }).unwrap();
        assert_eq!(Cursor::open(folder.path(), "siem").unwrap().next(), 41);
        // The batch after 41 was read; then the receiver died.
        cursor.ahead(Place { next: 50, ..Place::default() }).unwrap();
        assert_eq!((cursor.next(), Cursor::open(folder.path(), "siem").unwrap().next()), (50, 41));
        cursor.ahead(Place { next: 60, ..Place::default() }).unwrap();
        cursor.back();
        assert_eq!((cursor.next(), Cursor::open(folder.path(), "siem").unwrap().next()), (50, 50));
        fs::write(folder.path().join("sinks/siem"), "x").unwrap();
        assert!(Cursor::open(folder.path(), "siem").is_err());
    }
}
