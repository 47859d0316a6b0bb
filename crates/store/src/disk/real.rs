//! The real file system, through rustix: positioned I/O, `fdatasync`, `fallocate`, `flock`.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustix::fs::{FallocateFlags, FlockOperation, OFlags};

use super::{Disk, DiskFile, Mode, write_all_at};

/// What direct writes are aligned to: no disk asks for more.
const PAGE: usize = 4096;

/// Zeros that segments are laid out with, made once: what is never written to takes no memory.
static ZEROS: OnceLock<Vec<u8>> = OnceLock::new();
/// Written at once.
const MOST_ZEROS: usize = 2 << 20;

/// A folder of the real file system.
#[derive(Clone, Debug)]
pub struct RealDisk {
    root: PathBuf,
    /// The folder, open. `syncfs` reports what failed since this was opened, so it must be older than the writes.
    folder: Arc<OnceLock<File>>,
}

impl RealDisk {
    /// Below this folder, which is made when the log is opened.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        RealDisk { root: root.into(), folder: Arc::default() }
    }

    fn everything(&self) -> io::Result<&File> {
        match self.folder.get() {
            Some(folder) => Ok(folder),
            None => {
                let folder = File::open(&self.root)?;
                Ok(self.folder.get_or_init(|| folder))
            }
        }
    }

    fn path(&self, path: &str) -> PathBuf {
        if path.is_empty() { self.root.clone() } else { self.root.join(path) }
    }
}

fn make_dirs(dir: &Path) -> io::Result<()> {
    if dir.as_os_str().is_empty() || dir.is_dir() {
        return Ok(());
    }
    let Some(parent) = dir.parent() else { return Ok(()) };
    make_dirs(parent)?;
    match fs::DirBuilder::new().mode(0o700).create(dir) {
        Ok(()) => {}
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        Err(e) => return Err(e),
    }
    let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    File::open(parent)?.sync_all()
}

impl Disk for RealDisk {
    fn open(&self, path: &str, mode: Mode) -> io::Result<Box<dyn DiskFile>> {
        let mut options = OpenOptions::new();
        options.read(true).write(mode != Mode::Read).create(mode == Mode::Create).mode(0o600);
        Ok(Box::new(RealFile(options.open(self.path(path))?)))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path(from), self.path(to))
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        let path = self.path(path);
        fs::remove_file(&path)?;
        // The folder of a tile's partial versions goes with the last of them.
        if let Some(dir) = path.parent().filter(|d| d.extension().is_some_and(|e| e == "p")) {
            let _ = fs::remove_dir(dir);
        }
        Ok(())
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(self.path(dir)) {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(e),
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                names.extend(entry.file_name().into_string().ok());
            }
        }
        Ok(names)
    }

    fn make_dirs(&self, dir: &str) -> io::Result<()> {
        make_dirs(&self.path(dir))
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        File::open(self.path(dir))?.sync_all()
    }

    fn sync_files(&self) -> io::Result<()> {
        match rustix::fs::syncfs(self.everything()?) {
            Err(rustix::io::Errno::NOSYS) => Err(io::ErrorKind::Unsupported.into()),
            other => Ok(other?),
        }
    }

    fn lock(&self, path: &str) -> io::Result<Option<Box<dyn Send + Sync>>> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).mode(0o600);
        let file = options.open(self.path(path))?;
        // Here, because the lock is taken before anything of the log is written.
        self.everything()?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Box::new(file))),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(e) => Err(e.into()),
        }
    }
}

struct RealFile(File);

impl DiskFile for RealFile {
    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<usize> {
        self.0.write_at(bytes, at)
    }

    fn read_at(&self, at: u64, len: usize) -> io::Result<Vec<u8>> {
        let mut out = vec![0; len];
        let mut done = 0;
        while let Some(rest) = out.get_mut(done..).filter(|r| !r.is_empty()) {
            match self.0.read_at(rest, at + done as u64) {
                Ok(0) => break,
                Ok(n) => done += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        out.truncate(done);
        Ok(out)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn allocate(&self, len: u64) -> io::Result<()> {
        match rustix::fs::fallocate(&self.0, FallocateFlags::empty(), 0, len) {
            // Some file systems cannot reserve; writing zeros then does it.
            Err(rustix::io::Errno::OPNOTSUPP) => Ok(()),
            other => Ok(other?),
        }
    }

    fn write_zeros(&self, at: u64, len: usize) -> io::Result<()> {
        let zeros = ZEROS.get_or_init(|| vec![0; MOST_ZEROS + PAGE]);
        let mut done = 0;
        while done < len {
            let n = (len - done).min(MOST_ZEROS);
            self.write_aligned(zeros, at + done as u64, n)?;
            done += n;
        }
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(rustix::fs::fdatasync(&self.0)?)
    }

    fn sync_all(&self) -> io::Result<()> {
        Ok(rustix::fs::fsync(&self.0)?)
    }
}

impl RealFile {
    /// Writes `len` of these zeros, past the memory of the system where it can be done.
    fn write_aligned(&self, zeros: &[u8], at: u64, len: usize) -> io::Result<()> {
        let skip = zeros.as_ptr().align_offset(PAGE);
        let aligned = zeros.get(skip..).and_then(|z| z.get(..len)).unwrap_or_default();
        let flags = rustix::fs::fcntl_getfl(&self.0)?;
        let direct = at.is_multiple_of(PAGE as u64)
            && len.is_multiple_of(PAGE)
            && rustix::fs::fcntl_setfl(&self.0, flags | OFlags::DIRECT).is_ok();
        if direct {
            let done = write_all_at(self, aligned, at);
            rustix::fs::fcntl_setfl(&self.0, flags)?;
            match done {
                // A file system that takes the flag and not the write.
                Err(e) if e.kind() == io::ErrorKind::InvalidInput => {}
                other => return other,
            }
        }
        write_all_at(self, zeros.get(..len).unwrap_or_default(), at)
    }
}
