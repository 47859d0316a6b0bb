//! The folder in which a package grows: streams that are appended to, a note of how far they are, and small files. Mode 0700:
//! what is in it is as open as the package will be.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{BufRead, BufReader, BufWriter, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use carnet_evidence::Hash;
use carnet_evidence::package::produce::Sink;
use carnet_evidence::package::{
    DISCLOSURES, FRAMES, Files, LEAVES, WITHHELD, archive::is_safe, lines, unreadable,
};
use carnet_evidence::verify::SourceError;
use sha2::{Digest as _, Sha256};

use super::Sealed;
use crate::error::{At as _, StoreError};

const NOTE: &str = ".progress";
/// Records between two notes.
const EVERY: u64 = if cfg!(test) { 500 } else { 20_000 };
const STREAMS: [&str; 4] = [LEAVES, DISCLOSURES, FRAMES, WITHHELD];
const BUFFER: usize = 1 << 18;

pub(super) struct Spool {
    folder: PathBuf,
    parameters: String,
    streams: Vec<BufWriter<File>>,
    lens: [u64; 4],
    next: Option<u64>,
    noted: u64,
    line: Vec<u8>,
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true).mode(0o600);
    options
}

impl Spool {
    pub(super) fn open(folder: &Path, parameters: &str) -> Result<Spool, StoreError> {
        let parameters: String = Sha256::digest(parameters).iter().map(|b| format!("{b:02x}")).collect();
        let noted = fs::read_to_string(folder.join(NOTE)).ok().and_then(|t| read_note(&t, &parameters));
        let fits = |(_, lens): &(u64, [u64; 4])| {
            STREAMS
                .iter()
                .zip(lens)
                .all(|(name, len)| fs::metadata(folder.join(name)).is_ok_and(|m| m.len() >= *len))
        };
        let noted = noted.filter(fits);
        if noted.is_none() && folder.exists() {
            if !folder.join(NOTE).exists() {
                return Err(super::other(&folder.display().to_string(), "is there, and is not of an export"));
            }
            fs::remove_dir_all(folder).at("remove", &folder.display().to_string())?;
        }
        let (next, lens) = noted.map_or((None, [0; 4]), |(next, lens)| (Some(next), lens));
        let mut spool = Spool {
            folder: folder.to_owned(),
            parameters,
            streams: Vec::new(),
            lens,
            next,
            noted: next.unwrap_or(0),
            line: Vec::new(),
        };
        for (name, len) in STREAMS.iter().zip(lens) {
            let path = spool.make(name)?;
            let file = private().open(&path).at("create", name)?;
            file.set_len(len).at("truncate", name)?;
            let mut writer = BufWriter::with_capacity(BUFFER, file);
            std::io::Seek::seek(&mut writer, std::io::SeekFrom::Start(len)).at("seek", name)?;
            spool.streams.push(writer);
        }
        if next.is_none() {
            spool.note(0)?;
        }
        Ok(spool)
    }

    /// The path of a file, its folder made.
    fn make(&self, name: &str) -> Result<PathBuf, StoreError> {
        let path = self.folder.join(name);
        if let Some(parent) = path.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(parent).at("make folder", name)?;
        }
        Ok(path)
    }

    /// The next record to stream, where it begins at `from`.
    pub(super) fn next(&self, from: u64) -> u64 {
        self.next.filter(|next| *next > 0).unwrap_or(from)
    }

    pub(super) fn record(
        &mut self,
        index: u64,
        hash: &Hash,
        leaf: &[u8],
        found: &Sealed,
    ) -> Result<(), StoreError> {
        self.append(0, |line| lines::leaf(line, index, hash, leaf))?;
        if let Some(encoded) = &found.encoded {
            self.append(1, |line| lines::disclosures(line, index, encoded.iter().map(Vec::as_slice)))?;
        }
        if let Some(frame) = &found.frame {
            self.append(2, |line| lines::frame(line, index, frame))?;
        }
        self.append(3, |line| lines::withheld(line, index, &found.withheld))?;
        self.next = Some(index + 1);
        if index + 1 - self.noted.min(index) >= EVERY {
            self.note(index + 1)?;
        }
        Ok(())
    }

    fn append(&mut self, stream: usize, write: impl Fn(&mut Vec<u8>)) -> Result<(), StoreError> {
        self.line.clear();
        write(&mut self.line);
        if let (Some(writer), Some(len)) = (self.streams.get_mut(stream), self.lens.get_mut(stream)) {
            writer.write_all(&self.line).at("write", "a stream")?;
            *len += self.line.len() as u64;
        }
        Ok(())
    }

    /// Notes how far the streams are. What is behind the note after a crash is cut off.
    fn note(&mut self, next: u64) -> Result<(), StoreError> {
        for writer in &mut self.streams {
            writer.flush().at("write", "a stream")?;
            writer.get_ref().sync_data().at("sync", "a stream")?;
        }
        let lens: Vec<String> = self.lens.iter().map(u64::to_string).collect();
        let text = format!("{} {next} {}\n", self.parameters, lens.join(" "));
        let (new, path) = (self.folder.join(".progress.new"), self.folder.join(NOTE));
        fs::write(&new, text).at("write", NOTE)?;
        fs::rename(new, path).at("rename", NOTE)?;
        self.noted = next;
        Ok(())
    }

    /// The end of the streams.
    pub(super) fn finish(&mut self) -> Result<(), StoreError> {
        match self.next {
            Some(next) => self.note(next),
            None => Ok(()),
        }
    }

    /// A small file.
    pub(super) fn put(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let path = self.make(name)?;
        let mut file = private().truncate(true).open(path).at("create", name)?;
        file.write_all(bytes).at("write", name)
    }

    /// Takes away what an earlier attempt computed from the streams.
    pub(super) fn clear_computed(&self) -> Result<(), StoreError> {
        for name in self.all()? {
            let streams = STREAMS.contains(&name.as_str());
            let computed =
                name.starts_with("reports/") || name.starts_with("exports/") || !name.contains('/');
            if computed && !streams {
                fs::remove_file(self.folder.join(&name)).at("remove", &name)?;
            }
        }
        Ok(())
    }

    pub(super) fn sink(&self) -> Appending<'_> {
        Appending { spool: self, open: BTreeMap::new(), failed: None }
    }

    /// The hash of every file, for the manifest.
    pub(super) fn hashes(&self) -> Result<BTreeMap<String, Hash>, StoreError> {
        let mut out = BTreeMap::new();
        for name in self.all()? {
            let (mut sha, mut buffer) = (Sha256::new(), vec![0; BUFFER]);
            let mut file = self.file(&name)?;
            loop {
                match file.read(&mut buffer).at("read", &name)? {
                    0 => break,
                    n => sha.update(buffer.get(..n).unwrap_or_default()),
                }
            }
            out.insert(name, sha.finalize().into());
        }
        Ok(out)
    }

    pub(super) fn file(&self, name: &str) -> Result<File, StoreError> {
        File::open(self.folder.join(name)).at("open", name)
    }

    /// Names of all files of the package, sorted.
    pub(super) fn all(&self) -> Result<Vec<String>, StoreError> {
        let mut names = self.names().map_err(|e| super::other(&e.path, &e.why))?;
        names.sort();
        Ok(names)
    }
}

fn read_note(text: &str, parameters: &str) -> Option<(u64, [u64; 4])> {
    let mut words = text.trim_end().split(' ');
    if words.next()? != parameters {
        return None;
    }
    let numbers: Vec<u64> = words.map(|w| w.parse().ok()).collect::<Option<_>>()?;
    let (next, lens) = numbers.split_first()?;
    Some((*next, lens.try_into().ok()?))
}

impl Files for Spool {
    fn names(&self) -> Result<Vec<String>, SourceError> {
        let (mut names, mut folders) = (Vec::new(), vec![String::new()]);
        while let Some(folder) = folders.pop() {
            let path = self.folder.join(&folder);
            for entry in fs::read_dir(path).map_err(|e| unreadable(&folder, &e))? {
                let entry = entry.map_err(|e| unreadable(&folder, &e))?;
                let name = format!("{folder}{}", entry.file_name().to_string_lossy());
                if entry.file_type().map_err(|e| unreadable(&name, &e))?.is_dir() {
                    folders.push(format!("{name}/"));
                } else if is_safe(&name) {
                    names.push(name);
                }
            }
        }
        Ok(names)
    }

    fn open<'s>(&'s self, name: &str) -> Result<Option<Box<dyn BufRead + 's>>, SourceError> {
        match File::open(self.folder.join(name)) {
            Ok(file) => Ok(Some(Box::new(BufReader::with_capacity(BUFFER, file)))),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(unreadable(name, &e)),
        }
    }
}

/// Where producers write. The first error is kept: they know of none.
pub(super) struct Appending<'a> {
    spool: &'a Spool,
    open: BTreeMap<String, BufWriter<File>>,
    failed: Option<StoreError>,
}

/// Files of producers that are open at one time.
const OPEN: usize = 64;

impl Appending<'_> {
    fn append(&mut self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        if !is_safe(name) {
            return Err(super::other(name, "is no name for a file of a package"));
        }
        if !self.open.contains_key(name) {
            if self.open.len() >= OPEN {
                self.flush()?;
                self.open.clear();
            }
            let path = self.spool.make(name)?;
            let file = private().append(true).open(path).at("create", name)?;
            self.open.insert(name.to_owned(), BufWriter::new(file));
        }
        match self.open.get_mut(name) {
            Some(writer) => writer.write_all(bytes).at("write", name),
            None => Ok(()),
        }
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        self.open.iter_mut().try_for_each(|(name, writer)| writer.flush().at("write", name))
    }

    pub(super) fn finish(mut self) -> Result<(), StoreError> {
        match self.failed.take() {
            Some(error) => Err(error),
            None => self.flush(),
        }
    }
}

impl Sink for Appending<'_> {
    fn write(&mut self, file: &str, bytes: &[u8]) {
        if self.failed.is_none() {
            self.failed = self.append(file, bytes).err();
        }
    }
}
