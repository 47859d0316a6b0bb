//! The log as files in a folder.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::bail;
use carnet_evidence::verify::{KeyIds, LogSource, SourceError};

/// A folder with a log in it.
pub(crate) struct Folder {
    log: PathBuf,
    keys: PathBuf,
}

impl Folder {
    /// `given` is the folder above `log/`, or the log itself.
    pub(crate) fn open(given: &Path) -> anyhow::Result<Folder> {
        for log in [given.join("log"), given.to_owned()] {
            if log.join("segments").is_dir() || log.join("checkpoint").is_file() {
                let keys = log.with_file_name("keys").join("data");
                return Ok(Folder { log, keys });
            }
        }
        bail!("there is no log in {}", given.display())
    }
}

/// Whether there is neither a log nor a package: no such path, or a folder without either.
pub(crate) fn holds_nothing(given: &Path) -> bool {
    match std::fs::metadata(given) {
        Ok(there) => {
            there.is_dir()
                && Folder::open(given).is_err()
                && !given.join(carnet_evidence::package::MANIFEST).exists()
        }
        Err(e) => e.kind() == ErrorKind::NotFound,
    }
}

fn failed(path: &str, e: &std::io::Error) -> SourceError {
    SourceError { path: path.to_owned(), why: e.kind().to_string() }
}

impl LogSource for Folder {
    fn file(&self, path: &str) -> Result<Option<Vec<u8>>, SourceError> {
        match std::fs::read(self.log.join(path)) {
            Ok(bytes) => Ok(Some(bytes)),
            // A tile's path may run through another tile's file when the folder is damaged: that is not there either.
            Err(e)
                if matches!(
                    e.kind(),
                    ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::IsADirectory
                ) =>
            {
                Ok(None)
            }
            Err(e) => Err(failed(path, &e)),
        }
    }

    fn segments(&self) -> Result<Vec<String>, SourceError> {
        let entries = match std::fs::read_dir(self.log.join("segments")) {
            Ok(entries) => entries,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(failed("segments", &e)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let name = entry.map_err(|e| failed("segments", &e))?.file_name();
            // Names are ASCII; what is not is no segment of ours.
            if let Some(name) = name.to_str().filter(|n| n.ends_with(".seg")) {
                names.push(name.to_owned());
            }
        }
        Ok(names)
    }

    fn keys(&self) -> Result<Option<KeyIds>, SourceError> {
        match std::fs::read(&self.keys) {
            Ok(bytes) => Ok(Some(KeyIds::read(&bytes))),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(failed("keys/data", &e)),
        }
    }

    fn anchors(&self) -> Result<Vec<String>, SourceError> {
        let entries = match std::fs::read_dir(self.log.join("anchors")) {
            Ok(entries) => entries,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(failed("anchors", &e)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let name = entry.map_err(|e| failed("anchors", &e))?.file_name();
            // What is being written has another ending.
            let whole = |n: &&str| n.trim_end_matches(".tsr").bytes().all(|b| b.is_ascii_digit());
            names.extend(name.to_str().filter(whole).map(str::to_owned));
        }
        Ok(names)
    }
}
