//! The file system as the store sees it: a trait, the real one, and one that fails on purpose.

#[cfg(any(test, feature = "fault"))]
pub mod fault;
mod real;

use std::fmt::Debug;
use std::io;

pub use real::RealDisk;

use crate::error::{At as _, StoreError};

/// How a file is opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// To read; it must be there.
    Read,
    /// To read and write; it must be there.
    Write,
    /// To read and write; made if it is not there, mode 0600.
    Create,
}

/// A folder and what is below it. Paths are relative, with `/`.
pub trait Disk: Send + Sync + Debug {
    /// Opens a file.
    ///
    /// # Errors
    /// As the system gives them.
    fn open(&self, path: &str, mode: Mode) -> io::Result<Box<dyn DiskFile>>;
    /// Renames a file over whatever has the name. Durable after [`Disk::sync_dir`] of both folders.
    ///
    /// # Errors
    /// As the system gives them.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Removes a file.
    ///
    /// # Errors
    /// As the system gives them.
    fn remove(&self, path: &str) -> io::Result<()>;
    /// Names of the files in a folder; empty if it is not there.
    ///
    /// # Errors
    /// As the system gives them.
    fn list(&self, dir: &str) -> io::Result<Vec<String>>;
    /// Makes a folder and those above it, durably.
    ///
    /// # Errors
    /// As the system gives them.
    fn make_dirs(&self, dir: &str) -> io::Result<()>;
    /// Makes names in a folder durable.
    ///
    /// # Errors
    /// As the system gives them.
    fn sync_dir(&self, dir: &str) -> io::Result<()>;
    /// Makes all that was written to any file durable, with one call (`syncfs`). Names are not promised. One commit of
    /// the file system's journal instead of one a file: for who has written many.
    ///
    /// # Errors
    /// [`io::ErrorKind::Unsupported`] where there is none: then sync each file. Others as [`DiskFile::sync_data`].
    fn sync_files(&self) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
    /// Takes the lock of the store; `None` if somebody else has it. Held until the guard is dropped.
    ///
    /// # Errors
    /// As the system gives them.
    fn lock(&self, path: &str) -> io::Result<Option<Box<dyn Send + Sync>>>;
}

/// An open file. Offsets are bytes.
pub trait DiskFile: Send + Sync {
    /// Writes at an offset and says how much it wrote.
    ///
    /// # Errors
    /// As the system gives them.
    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<usize>;
    /// Reads at an offset; less only at the end.
    ///
    /// # Errors
    /// As the system gives them.
    fn read_at(&self, at: u64, len: usize) -> io::Result<Vec<u8>>;
    /// Length.
    ///
    /// # Errors
    /// As the system gives them.
    fn len(&self) -> io::Result<u64>;
    /// Whether it has no bytes.
    ///
    /// # Errors
    /// As the system gives them.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }
    /// Cuts or extends with zeros.
    ///
    /// # Errors
    /// As the system gives them.
    fn truncate(&self, len: u64) -> io::Result<()>;
    /// Reserves blocks up to a length (`fallocate`).
    ///
    /// # Errors
    /// As the system gives them.
    fn allocate(&self, len: u64) -> io::Result<()>;
    /// Writes zeros, if possible past the memory of the system, which nobody reads them from.
    ///
    /// # Errors
    /// As the system gives them.
    fn write_zeros(&self, at: u64, len: usize) -> io::Result<()> {
        write_all_at(self, &vec![0; len], at)
    }
    /// `fdatasync`.
    ///
    /// # Errors
    /// As the system gives them. After one, what was written since the last success may be lost without another.
    fn sync_data(&self) -> io::Result<()>;
    /// `fsync`.
    ///
    /// # Errors
    /// As [`DiskFile::sync_data`].
    fn sync_all(&self) -> io::Result<()>;
}

/// The folder of a path; empty for the root.
pub(crate) fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(dir, _)| dir)
}

/// Writes all, however the system portions it.
pub(crate) fn write_all_at<F: DiskFile + ?Sized>(file: &F, mut bytes: &[u8], mut at: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        let n = match file.write_at(bytes, at) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(n) => n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(e),
        };
        bytes = bytes.get(n..).unwrap_or_default();
        at += n as u64;
    }
    Ok(())
}

/// A whole file, `None` if it is not there.
pub(crate) fn read_file(disk: &dyn Disk, path: &str) -> Result<Option<Vec<u8>>, StoreError> {
    let file = match disk.open(path, Mode::Read) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(StoreError::io("open", path, &e)),
    };
    let len = usize::try_from(file.len().at("stat", path)?).unwrap_or(usize::MAX);
    file.read_at(0, len).at("read", path).map(Some)
}

/// Removes a file, if it is there.
pub(crate) fn remove_if_there(disk: &dyn Disk, path: &str) -> Result<(), StoreError> {
    match disk.remove(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other.at("remove", path),
    }
}

/// From this number of files on, [`Disk::sync_files`] is cheaper than a sync of each.
const MANY: usize = if cfg!(test) { 2 } else { 12 };

/// Replaces files so that each is old or new whatever happens: write all beside, sync all, rename all, sync folders.
/// When this returns `Ok`, all are durable.
pub(crate) fn replace(disk: &dyn Disk, files: &[(String, &[u8])]) -> Result<(), StoreError> {
    let mut dirs: Vec<&str> = files.iter().map(|(path, _)| parent(path)).collect();
    dirs.sort_unstable();
    dirs.dedup();
    for dir in &dirs {
        disk.make_dirs(dir).at("make folder", dir)?;
    }
    let temporary: Vec<String> = files.iter().map(|(path, _)| format!("{path}.tmp")).collect();
    let mut open = Vec::new();
    for (tmp, (_, bytes)) in temporary.iter().zip(files) {
        // A new file: of one that is left from a failed sync, the system may believe that it is on disk.
        remove_if_there(disk, tmp)?;
        let file = disk.open(tmp, Mode::Create).at("create", tmp)?;
        write_all_at(&*file, bytes, 0).at("write", tmp)?;
        if files.len() < MANY {
            open.push((tmp, file));
        }
    }
    if files.len() < MANY {
        open.iter().try_for_each(|(tmp, file)| file.sync_all().at("sync", tmp))?;
    } else {
        sync_many(disk, &temporary)?;
    }
    for (tmp, (path, _)) in temporary.iter().zip(files) {
        disk.rename(tmp, path).at("rename", path)?;
    }
    for dir in dirs {
        disk.sync_dir(dir).at("sync folder", dir)?;
    }
    Ok(())
}

/// All at once, or each by itself where the system cannot.
fn sync_many(disk: &dyn Disk, paths: &[String]) -> Result<(), StoreError> {
    match disk.sync_files() {
        Err(e) if e.kind() == io::ErrorKind::Unsupported => {}
        other => return other.at("sync", "log"),
    }
    for path in paths {
        let file = disk.open(path, Mode::Write).at("open", path)?;
        file.sync_all().at("sync", path)?;
    }
    Ok(())
}
