//! The segment that is written: its file, how far it is durable, and how the next one begins.
//!
//! Overwrite-free: bytes before the durable end are never written again. After any failure the segment is *sealed*: cut
//! at its durable end, synced, read back, and never written again; the log goes on in a new one. That is needed after
//! a failed `fdatasync`, since the kernel may have marked the lost pages clean and the next sync would say yes to a
//! hole, and it is simplest for all other failures too.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use carnet_evidence::segment::{self, HEADER};

use crate::disk::{Disk, DiskFile, Mode, remove_if_there, write_all_at};
use crate::error::{At as _, StoreError};

pub(crate) const SEGMENTS: &str = "log/segments";
pub(crate) const SPARE: &str = "log/spare.seg";
const UNFINISHED: &str = "log/spare.tmp";

pub(crate) fn name(first: u64) -> String {
    format!("{SEGMENTS}/{first:020}.seg")
}

/// A segment open for writing.
pub(crate) struct Active {
    pub(crate) file: Box<dyn DiskFile>,
    pub(crate) path: String,
    pub(crate) first: u64,
    /// Durable length.
    pub(crate) at: u64,
    /// Offset and index of an entry: those before it were there before this process.
    pub(crate) since: (u64, u64),
}

/// The next segment, laid out ahead by one thread and taken by another. Who makes it must not find, and who takes it
/// must not lose, the file in the hands of the other: each first says what it is about to do.
#[derive(Debug)]
pub(crate) struct Spare(AtomicU8);

const NONE: u8 = 0;
const MAKING: u8 = 1;
const READY: u8 = 2;
const TAKING: u8 = 3;

impl Spare {
    pub(crate) fn new(there: bool) -> Self {
        Spare(AtomicU8::new(if there { READY } else { NONE }))
    }

    fn turn(&self, from: u8, to: u8) -> bool {
        self.0.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    pub(crate) fn wanted(&self) -> bool {
        self.0.load(Ordering::Acquire) == NONE
    }

    /// Makes it if there is none. Leaves off at `end`.
    pub(crate) fn make(&self, disk: &dyn Disk, len: u64, end: &AtomicBool) -> Result<(), StoreError> {
        if !self.turn(NONE, MAKING) {
            return Ok(());
        }
        let done = make_spare(disk, len, end);
        self.0.store(if done.is_ok() { READY } else { NONE }, Ordering::Release);
        done
    }
}

/// Writes reach to the end of a page, so that the system never reads a page to change a part of it.
const PAGE: u64 = 4096;

/// The segments, as the writer has them.
pub(crate) struct Segments {
    disk: Arc<dyn Disk>,
    active: Option<Active>,
    /// Set when the active one failed: it must be sealed first.
    failed: bool,
    limit: u64,
    spare: Arc<Spare>,
    /// Up to here the active one has its blocks; 0 for none.
    blocks: u64,
}

impl Segments {
    pub(crate) fn new(disk: Arc<dyn Disk>, active: Option<Active>, limit: u64, spare: Arc<Spare>) -> Self {
        Segments { disk, active, failed: false, limit, spare, blocks: 0 }
    }

    /// Makes durable what recovery found: a killed process may have written it only to the memory of the system.
    pub(crate) fn settle(&mut self, next: u64, torn: bool) -> Result<(), StoreError> {
        self.failed = torn;
        if torn {
            return self.seal(next);
        }
        if let Some(active) = &self.active {
            active.file.sync_all().at("sync", &active.path)?;
            self.blocks = active.file.len().at("stat", &active.path)?;
        }
        self.disk.sync_dir(SEGMENTS).at("sync folder", SEGMENTS)
    }

    /// First index and durable length of the active segment.
    pub(crate) fn place(&self) -> (u64, u64) {
        self.active.as_ref().map_or((0, 0), |a| (a.first, a.at))
    }

    /// Writes and syncs one batch that begins with log index `next`. On an error nothing of it counts. The buffer is
    /// as it was.
    pub(crate) fn write(&mut self, next: u64, bytes: &mut Vec<u8>) -> Result<(), StoreError> {
        let len = bytes.len();
        self.make_room(next, len as u64)?;
        let end = self.active.as_ref().map_or(0, |a| a.at) + len as u64;
        let pad = end.next_multiple_of(PAGE).min(self.blocks).saturating_sub(end);
        bytes.resize(len + usize::try_from(pad).unwrap_or(0), 0);
        let done = self.write_padded(next, bytes, len as u64);
        bytes.truncate(len);
        done
    }

    fn write_padded(&mut self, next: u64, bytes: &[u8], len: u64) -> Result<(), StoreError> {
        let Some(active) = &mut self.active else { return Err(StoreError::Closed) };
        let done = write_all_at(&*active.file, bytes, active.at)
            .at("write", &active.path)
            .and_then(|()| active.file.sync_data().at("sync", &active.path));
        match done {
            Ok(()) => {
                active.at += len;
                Ok(())
            }
            Err(e) => {
                self.failed = true;
                // At once, so that a full disk holds no half record. If this fails too, the next append tries again.
                let _ = self.seal(next);
                Err(e)
            }
        }
    }

    fn make_room(&mut self, next: u64, len: u64) -> Result<(), StoreError> {
        if self.failed {
            self.seal(next)?;
        }
        let full = self.active.as_ref().is_some_and(|a| a.first < next && a.at + len > self.limit);
        // A segment without blocks of its own pays a journal commit for each sync: leave it when there is a better one.
        let ready = self.active.as_ref().is_some_and(|a| a.at < self.blocks);
        let better = !ready && self.spare.0.load(Ordering::Acquire) == READY;
        let better = better && self.active.as_ref().is_some_and(|a| a.first < next);
        if (full || better)
            && let Some(old) = self.active.take()
        {
            // Gives back what is not used. Zeros to the end would do as well, so nobody waits for it.
            let _ = old.file.truncate(old.at);
        }
        if self.active.is_none() {
            self.begin(next)?;
        }
        Ok(())
    }

    /// Cuts the failed segment at its durable end, so that nothing of a refused batch can come back.
    fn seal(&mut self, next: u64) -> Result<(), StoreError> {
        let Some(active) = &self.active else {
            self.failed = false;
            return Ok(());
        };
        let path = active.path.clone();
        if active.first == next {
            // No durable entry in it: away with the file, also because its pages are not trusted.
            remove_if_there(&*self.disk, &path)?;
            self.disk.sync_dir(SEGMENTS).at("sync folder", SEGMENTS)?;
        } else {
            active.file.truncate(active.at).at("truncate", &path)?;
            active.file.sync_all().at("sync", &path)?;
            self.read_back(active, next)?;
        }
        self.active = None;
        self.failed = false;
        Ok(())
    }

    /// The sealed segment, opened anew, holds exactly the entries up to `next`.
    fn read_back(&self, active: &Active, next: u64) -> Result<(), StoreError> {
        let path = &active.path;
        let damaged = |what, index| StoreError::Damaged { what, path: path.clone(), index };
        let file = self.disk.open(path, Mode::Read).at("open", path)?;
        let head = file.read_at(0, HEADER).at("read", path)?;
        if segment::read_header(&head) != Ok(active.first) {
            return Err(damaged("header", active.first));
        }
        let (from, index) = active.since;
        let len = file.len().at("stat", path)?.saturating_sub(from);
        let bytes = file.read_at(from, usize::try_from(len).unwrap_or(0)).at("read", path)?;
        let mut entries = segment::entries_from(&bytes, 0, index);
        entries.by_ref().for_each(drop);
        if entries.next_index() == next && len == active.at.saturating_sub(from) {
            Ok(())
        } else {
            Err(damaged("sealed segment", entries.next_index()))
        }
    }

    /// A new segment, from the spare if there is one.
    fn begin(&mut self, first: u64) -> Result<(), StoreError> {
        let path = name(first);
        self.blocks = 0;
        let file = if self.spare.turn(READY, TAKING) {
            let file = self.use_spare(first, &path);
            self.spare.0.store(NONE, Ordering::Release);
            let file = file?;
            self.blocks = file.len().at("stat", &path)?;
            file
        } else {
            self.fresh(first, &path)?
        };
        self.active = Some(Active { file, path, first, at: HEADER as u64, since: (HEADER as u64, first) });
        Ok(())
    }

    fn use_spare(&self, first: u64, path: &str) -> Result<Box<dyn DiskFile>, StoreError> {
        let file = self.disk.open(SPARE, Mode::Write).at("open", SPARE)?;
        write_all_at(&*file, &segment::header(first), 0).at("write", SPARE)?;
        file.sync_data().at("sync", SPARE)?;
        self.disk.rename(SPARE, path).at("rename", path)?;
        self.disk.sync_dir("log").at("sync folder", "log")?;
        self.disk.sync_dir(SEGMENTS).at("sync folder", SEGMENTS)?;
        Ok(file)
    }

    fn fresh(&self, first: u64, path: &str) -> Result<Box<dyn DiskFile>, StoreError> {
        // What a failed attempt left under this name has no entry that counts; a new file, since its pages may lie.
        remove_if_there(&*self.disk, path)?;
        let file = self.disk.open(path, Mode::Create).at("create", path)?;
        write_all_at(&*file, &segment::header(first), 0).at("write", path)?;
        file.sync_all().at("sync", path)?;
        self.disk.sync_dir(SEGMENTS).at("sync folder", SEGMENTS)?;
        Ok(file)
    }
}

/// Makes the next segment: zeros, written and synced, so that a sync of an entry needs no commit of the journal. It has
/// its name only when it is whole; a crash leaves a file that the next call makes again.
fn make_spare(disk: &dyn Disk, len: u64, end: &AtomicBool) -> Result<(), StoreError> {
    remove_if_there(disk, UNFINISHED)?;
    let file = disk.open(UNFINISHED, Mode::Create).at("create", UNFINISHED)?;
    file.allocate(len).at("allocate", UNFINISHED)?;
    // In small steps with a sync each, so that those who wait for the log do not wait for this.
    let mut at = 0;
    while at < len {
        if end.load(Ordering::Acquire) {
            return Err(StoreError::Closed);
        }
        let n = (len - at).min(2 << 20);
        file.write_zeros(at, usize::try_from(n).unwrap_or(0)).at("write", UNFINISHED)?;
        file.sync_data().at("sync", UNFINISHED)?;
        at += n;
    }
    file.sync_all().at("sync", UNFINISHED)?;
    disk.rename(UNFINISHED, SPARE).at("rename", SPARE)?;
    disk.sync_dir("log").at("sync folder", "log")
}
