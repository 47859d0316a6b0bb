//! A file system in memory that fails on purpose: at any operation, with any fault, and that loses at a crash what was
//! never synced.
//!
//! A file has what programs see, what is on disk, and which bytes were written since the last sync. A failed sync
//! forgets the last and leaves the second: as on Linux, the next sync succeeds and the bytes are still lost, also for
//! a process that starts later and reads them from the memory of the system.
//! At a crash each sector of 512 bytes that was not synced survives or not, by chance. Names survive in order, up to
//! some point after the last sync of a folder that they are in.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Disk, DiskFile, Mode, parent};

const SECTOR: usize = 512;

/// What goes wrong at the chosen operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// No space: on writes and everything that makes a file. Nothing is done.
    NoSpace,
    /// Half of a write is done, and the next operation has no space.
    Short,
    /// An input/output error. For a sync: nothing is durable, and nobody will say so again.
    Io,
    /// The process dies before the operation.
    CrashBefore,
    /// The process dies after the operation.
    CrashAfter,
}

/// Every fault.
pub const FAULTS: [Fault; 5] =
    [Fault::NoSpace, Fault::Short, Fault::Io, Fault::CrashBefore, Fault::CrashAfter];

#[derive(Clone, Default)]
struct Node {
    seen: Vec<u8>,
    durable: Vec<u8>,
    /// For each byte of `seen`: written since the last sync.
    dirty: Vec<bool>,
}

impl Node {
    fn set_len(&mut self, len: usize) {
        self.seen.resize(len, 0);
        self.dirty.resize(len, true);
    }

    fn sync(&mut self) {
        self.durable.resize(self.seen.len(), 0);
        copy_dirty(&mut self.durable, &self.seen, &self.dirty);
        self.dirty.fill(false);
    }

    fn extend(&mut self, len: usize) {
        if self.seen.len() < len {
            self.set_len(len);
        }
    }
}

#[derive(Clone)]
enum Change {
    Link(String, usize),
    Unlink(String),
    Rename(String, String),
}

impl Change {
    fn touches(&self, dir: &str) -> bool {
        match self {
            Change::Link(path, _) | Change::Unlink(path) => parent(path) == dir,
            Change::Rename(from, to) => parent(from) == dir || parent(to) == dir,
        }
    }

    fn apply(self, names: &mut BTreeMap<String, usize>) {
        match self {
            Change::Link(path, node) => drop(names.insert(path, node)),
            Change::Unlink(path) => drop(names.remove(&path)),
            Change::Rename(from, to) => {
                if let Some(node) = names.remove(&from) {
                    names.insert(to, node);
                }
            }
        }
    }
}

#[derive(Default)]
struct Inner {
    nodes: Vec<Node>,
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    changes: Vec<Change>,
    operations: u64,
    plan: Option<(u64, Fault)>,
    crashed: bool,
    /// No space until it is given back.
    full: bool,
    next_full: bool,
    fired: bool,
    locked: bool,
    /// Has no [`Disk::sync_files`].
    each: bool,
}

/// See the module. Clones are the same disk.
#[derive(Clone, Default)]
pub struct FaultDisk(Arc<Mutex<Inner>>);

impl std::fmt::Debug for FaultDisk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FaultDisk")
    }
}

/// What an operation may do.
enum Go {
    On,
    Half,
    /// Do it and then be dead.
    Last,
}

fn no_space() -> io::Error {
    io::ErrorKind::StorageFull.into()
}

impl FaultDisk {
    /// An empty disk without faults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Plans a fault at the operation of this number, counted from now.
    pub fn plan(&self, operation: u64, fault: Fault) {
        let mut inner = self.lock();
        inner.plan = Some((inner.operations + operation, fault));
        inner.fired = false;
    }

    /// Operations so far.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.lock().operations
    }

    /// Whether the planned fault has happened.
    #[must_use]
    pub fn fired(&self) -> bool {
        self.lock().fired
    }

    /// Takes all space away, or gives it back.
    pub fn set_full(&self, full: bool) {
        self.lock().full = full;
    }

    /// From now on each file must be synced by itself.
    pub fn sync_each(&self) {
        self.lock().each = true;
    }

    /// Whether the process is dead.
    #[must_use]
    pub fn crashed(&self) -> bool {
        self.lock().crashed
    }

    /// The disk after a loss of power, with `seed` to choose what of the unsynced survives.
    #[must_use]
    pub fn after_power_loss(&self, seed: u64) -> FaultDisk {
        let inner = self.lock();
        let mut dice = seed | 1;
        let mut roll = move || {
            dice ^= dice << 13;
            dice ^= dice >> 7;
            dice ^= dice << 17;
            dice >> 11
        };
        let nodes = inner.nodes.iter().map(|n| survivor(n, &mut roll)).collect();
        let mut names = inner.durable_names.clone();
        let keep = usize::try_from(roll() % (inner.changes.len() as u64 + 1)).unwrap_or(0);
        inner.changes.iter().take(keep).cloned().for_each(|c| c.apply(&mut names));
        let inner = Inner { nodes, names: names.clone(), durable_names: names, ..Inner::default() };
        FaultDisk(Arc::new(Mutex::new(inner)))
    }

    /// The disk after the process was killed: all that was written is there, though not all of it is durable.
    #[must_use]
    pub fn after_kill(&self) -> FaultDisk {
        let inner = self.lock();
        let inner = Inner {
            nodes: inner.nodes.clone(),
            names: inner.names.clone(),
            durable_names: inner.durable_names.clone(),
            changes: inner.changes.clone(),
            ..Inner::default()
        };
        FaultDisk(Arc::new(Mutex::new(inner)))
    }
}

fn survivor(node: &Node, roll: &mut dyn FnMut() -> u64) -> Node {
    let mut bytes = node.durable.clone();
    // All, nothing, or each sector by itself.
    let how = roll() % 4;
    if how == 0 || (how > 1 && roll().is_multiple_of(2)) {
        bytes.resize(node.seen.len(), 0);
    }
    let sectors = bytes.chunks_mut(SECTOR).zip(node.seen.chunks(SECTOR)).zip(node.dirty.chunks(SECTOR));
    for ((to, seen), dirty) in sectors {
        if how == 0 || (how > 1 && roll().is_multiple_of(2)) {
            copy_dirty(to, seen, dirty);
        }
    }
    Node { seen: bytes.clone(), dirty: vec![false; bytes.len()], durable: bytes }
}

fn copy_dirty(to: &mut [u8], seen: &[u8], dirty: &[bool]) {
    for ((to, seen), dirty) in to.iter_mut().zip(seen).zip(dirty) {
        if *dirty {
            *to = *seen;
        }
    }
}

impl Inner {
    /// Counts an operation. `space`: it needs some. `write`: it can be done by half.
    fn go(&mut self, space: bool, write: bool) -> io::Result<Go> {
        if self.crashed {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        let number = self.operations;
        self.operations += 1;
        if space && (self.full || std::mem::take(&mut self.next_full)) {
            return Err(no_space());
        }
        let Some((_, fault)) = self.plan.take_if(|(at, _)| *at == number) else { return Ok(Go::On) };
        self.fired = true;
        match fault {
            Fault::NoSpace if space => Err(no_space()),
            Fault::Short if write => {
                self.next_full = true;
                Ok(Go::Half)
            }
            Fault::Io => Err(io::Error::from_raw_os_error(5)),
            Fault::CrashBefore => {
                self.crashed = true;
                Err(io::ErrorKind::ConnectionAborted.into())
            }
            Fault::CrashAfter => {
                self.crashed = true;
                Ok(Go::Last)
            }
            Fault::NoSpace | Fault::Short => Ok(Go::On),
        }
    }

    fn change(&mut self, change: Change) {
        change.clone().apply(&mut self.names);
        self.changes.push(change);
    }

    fn node(&mut self, number: usize) -> io::Result<&mut Node> {
        self.nodes.get_mut(number).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

/// An operation that was the last: done, but nobody hears of it.
fn told(go: &Go) -> io::Result<()> {
    if matches!(go, Go::Last) { Err(io::ErrorKind::ConnectionAborted.into()) } else { Ok(()) }
}

impl Disk for FaultDisk {
    fn open(&self, path: &str, mode: Mode) -> io::Result<Box<dyn DiskFile>> {
        let mut inner = self.lock();
        if let Some(number) = inner.names.get(path).copied() {
            return Ok(Box::new(FaultFile { disk: self.clone(), number }));
        }
        if mode != Mode::Create {
            return Err(io::ErrorKind::NotFound.into());
        }
        let go = inner.go(true, false)?;
        let number = inner.nodes.len();
        inner.nodes.push(Node::default());
        inner.change(Change::Link(path.to_owned(), number));
        told(&go)?;
        Ok(Box::new(FaultFile { disk: self.clone(), number }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut inner = self.lock();
        let go = inner.go(false, false)?;
        if !inner.names.contains_key(from) {
            return Err(io::ErrorKind::NotFound.into());
        }
        inner.change(Change::Rename(from.to_owned(), to.to_owned()));
        told(&go)
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        let mut inner = self.lock();
        if !inner.names.contains_key(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let go = inner.go(false, false)?;
        inner.change(Change::Unlink(path.to_owned()));
        told(&go)
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        let inner = self.lock();
        let names = inner.names.keys().filter(|p| parent(p) == dir);
        Ok(names.map(|p| p.rsplit_once('/').map_or(p.as_str(), |(_, n)| n).to_owned()).collect())
    }

    fn make_dirs(&self, _: &str) -> io::Result<()> {
        Ok(())
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        let mut inner = self.lock();
        let go = inner.go(false, false)?;
        let upto = inner.changes.iter().rposition(|c| c.touches(dir)).map_or(0, |at| at + 1);
        let done: Vec<Change> = inner.changes.drain(..upto).collect();
        done.into_iter().for_each(|c| c.apply(&mut inner.durable_names));
        told(&go)
    }

    fn sync_files(&self) -> io::Result<()> {
        let mut inner = FaultDisk::lock(self);
        if inner.each {
            return Err(io::ErrorKind::Unsupported.into());
        }
        let go = inner.go(false, false);
        for node in &mut inner.nodes {
            match &go {
                Err(e) if e.raw_os_error().is_some() => node.dirty.fill(false),
                Err(_) => {}
                Ok(_) => node.sync(),
            }
        }
        told(&go?)
    }

    fn lock(&self, _: &str) -> io::Result<Option<Box<dyn Send + Sync>>> {
        let mut inner = FaultDisk::lock(self);
        if std::mem::replace(&mut inner.locked, true) {
            return Ok(None);
        }
        Ok(Some(Box::new(Guard(self.clone()))))
    }
}

struct Guard(FaultDisk);

impl Drop for Guard {
    fn drop(&mut self) {
        FaultDisk::lock(&self.0).locked = false;
    }
}

struct FaultFile {
    disk: FaultDisk,
    number: usize,
}

impl FaultFile {
    fn sync(&self) -> io::Result<()> {
        let mut inner = self.disk.lock();
        let go = inner.go(false, false);
        let node = inner.node(self.number)?;
        if let Err(e) = go {
            if e.raw_os_error().is_some() {
                node.dirty.fill(false);
            }
            return Err(e);
        }
        node.sync();
        told(&go?)
    }
}

impl DiskFile for FaultFile {
    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<usize> {
        let mut inner = self.disk.lock();
        let go = inner.go(true, true)?;
        let bytes = if matches!(go, Go::Half) { bytes.split_at(bytes.len() / 2).0 } else { bytes };
        let at = usize::try_from(at).map_err(|_| no_space())?;
        let node = inner.node(self.number)?;
        node.extend(at + bytes.len());
        if let Some(to) = node.seen.get_mut(at..at + bytes.len()) {
            to.copy_from_slice(bytes);
        }
        if let Some(to) = node.dirty.get_mut(at..at + bytes.len()) {
            to.fill(true);
        }
        told(&go)?;
        Ok(bytes.len())
    }

    fn read_at(&self, at: u64, len: usize) -> io::Result<Vec<u8>> {
        let mut inner = self.disk.lock();
        if inner.crashed {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        let at = usize::try_from(at).unwrap_or(usize::MAX);
        let rest = inner.node(self.number)?.seen.get(at..).unwrap_or_default();
        Ok(rest.get(..len).unwrap_or(rest).to_vec())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.disk.lock().node(self.number)?.seen.len() as u64)
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        let mut inner = self.disk.lock();
        let go = inner.go(false, false)?;
        let len = usize::try_from(len).map_err(|_| no_space())?;
        inner.node(self.number)?.set_len(len);
        told(&go)
    }

    fn allocate(&self, _: u64) -> io::Result<()> {
        let go = self.disk.lock().go(true, false)?;
        told(&go)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.sync()
    }

    fn sync_all(&self) -> io::Result<()> {
        self.sync()
    }
}
