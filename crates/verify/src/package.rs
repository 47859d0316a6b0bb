//! A package as a file or as the folder that it was unpacked into.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use carnet_evidence::package::archive::{self, ArchiveError, Entry, ReadAt};
use carnet_evidence::package::{Files, MANIFEST, unreadable};
use carnet_evidence::verify::{Fault, SourceError};

/// Bytes that are read at a time.
const BUFFER: usize = 1 << 18;

/// What a path leads to.
pub(crate) enum Opened {
    /// A package.
    Package(Box<dyn Files>),
    /// An archive that is no package, by the name of the damage.
    Damaged(Fault, String),
    /// Something else: perhaps a log.
    Other,
}

/// Opens a package, or says that it is none.
pub(crate) fn open(path: &Path) -> anyhow::Result<Opened> {
    if path.is_dir() {
        let is = path.join(MANIFEST).is_file();
        return Ok(if is { Opened::Package(Box::new(Folder(path.to_owned()))) } else { Opened::Other });
    }
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut first = [0; 21];
    let n = file.read_at(&mut first, 0)?;
    if first.get(..n).is_some_and(|f| f.starts_with(b"age-encryption.org/v1")) {
        bail!("{} is encrypted: decrypt it first, with age -d -i KEY", path.display());
    }
    let file = Whole(file);
    match archive::read(&file) {
        Ok(entries) => {
            let entries = entries.into_iter().map(|e| (e.name.clone(), e)).collect();
            Ok(Opened::Package(Box::new(Archive { file, entries })))
        }
        Err(ArchiveError::Damage(fault, detail)) => Ok(Opened::Damaged(fault, detail)),
        Err(ArchiveError::Io(why)) => bail!("cannot read {}: {why}", path.display()),
    }
}

struct Folder(PathBuf);

impl Files for Folder {
    fn names(&self) -> Result<Vec<String>, SourceError> {
        let mut names = Vec::new();
        let mut folders = vec![String::new()];
        while let Some(folder) = folders.pop() {
            let entries = std::fs::read_dir(self.0.join(&folder)).map_err(|e| unreadable(&folder, &e))?;
            for entry in entries {
                let entry = entry.map_err(|e| unreadable(&folder, &e))?;
                // A name that is no text is no file of a package: the manifest does not list it.
                let name = format!("{folder}{}", entry.file_name().to_string_lossy());
                let kind = entry.file_type().map_err(|e| unreadable(&name, &e))?;
                if kind.is_dir() {
                    folders.push(format!("{name}/"));
                } else {
                    names.push(name);
                }
            }
        }
        Ok(names)
    }

    fn open<'s>(&'s self, name: &str) -> Result<Option<Box<dyn BufRead + 's>>, SourceError> {
        if !archive::is_safe(name) {
            return Ok(None);
        }
        match File::open(self.0.join(name)) {
            Ok(file) => Ok(Some(Box::new(BufReader::with_capacity(BUFFER, file)))),
            Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
            Err(e) => Err(unreadable(name, &e)),
        }
    }
}

struct Whole(File);

impl ReadAt for Whole {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }
    fn read_at(&self, at: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read_exact_at(out, at)
    }
}

struct Archive {
    file: Whole,
    entries: BTreeMap<String, Entry>,
}

/// One file in an archive.
struct Part<'a> {
    file: &'a File,
    at: u64,
    left: u64,
}

impl Read for Part<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(out.len());
        let n = self.file.read_at(out.get_mut(..most).unwrap_or_default(), self.at)?;
        if n == 0 && most > 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        self.at += n as u64;
        self.left -= n as u64;
        Ok(n)
    }
}

impl Files for Archive {
    fn names(&self) -> Result<Vec<String>, SourceError> {
        Ok(self.entries.keys().cloned().collect())
    }

    fn open<'s>(&'s self, name: &str) -> Result<Option<Box<dyn BufRead + 's>>, SourceError> {
        let Some(entry) = self.entries.get(name) else { return Ok(None) };
        let at = entry.at + archive::local(entry).len() as u64;
        let part = Part { file: &self.file.0, at, left: entry.size };
        Ok(Some(Box::new(BufReader::with_capacity(BUFFER, part))))
    }

    fn crc(&self, name: &str) -> Option<u32> {
        self.entries.get(name).map(|e| e.crc)
    }
}
