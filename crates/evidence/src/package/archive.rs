//! The archive of a package: a zip in the one form that is written here, and read in no other.
//!
//! Every zip program opens it. Files are stored, not compressed, so there is no bomb and a verifier needs no
//! decompressor. A reader that finds an entry writes its headers anew and compares: whatever is not byte for byte what
//! the central directory gives (two sizes, two names, gaps, a comment, a second directory) is refused, and so no two
//! programs can see two different packages in one file.

use std::collections::BTreeSet;
use std::io;

use crate::verify::Fault;

/// A file in an archive.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// CRC-32 of them.
    pub crc: u32,
    /// Where its local header is.
    pub at: u64,
}

const LOCAL: u32 = 0x0403_4b50;
const CENTRAL: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;
const END64: u32 = 0x0606_4b50;
const LOCATOR: u32 = 0x0706_4b50;
/// 1 January 1980, the first day there is: a package does not depend on when it was written.
const DATE: u16 = 0x0021;
/// Unix, a file that its owner may write and others read.
const ATTRIBUTES: u32 = 0o100_644 << 16;
/// Largest directory that is read.
const MOST: u64 = 64 << 20;

struct Bytes(Vec<u8>);

impl Bytes {
    fn new(signature: u32) -> Self {
        Bytes(signature.to_le_bytes().to_vec())
    }
    fn u16(mut self, n: u16) -> Self {
        self.0.extend_from_slice(&n.to_le_bytes());
        self
    }
    fn u32(mut self, n: u32) -> Self {
        self.0.extend_from_slice(&n.to_le_bytes());
        self
    }
    fn u64(mut self, n: u64) -> Self {
        self.0.extend_from_slice(&n.to_le_bytes());
        self
    }
    fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }
}

/// A number in 32 bits, or all ones where it needs the 64-bit form.
fn short(n: u64) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

fn is_long(n: u64) -> bool {
    n >= u64::from(u32::MAX)
}

/// A 64-bit extra field, empty where nothing is long.
fn extra(numbers: &[u64]) -> Vec<u8> {
    if numbers.is_empty() {
        return Vec::new();
    }
    let len = u16::try_from(8 * numbers.len()).unwrap_or(0);
    let head = Bytes(1u16.to_le_bytes().to_vec()).u16(len);
    numbers.iter().fold(head, |out, n| out.u64(*n)).0
}

fn name_len(entry: &Entry) -> u16 {
    u16::try_from(entry.name.len()).unwrap_or(u16::MAX)
}

fn needs(extra: &[u8]) -> u16 {
    if extra.is_empty() { 10 } else { 45 }
}

/// The header in front of a file.
#[must_use]
pub fn local(entry: &Entry) -> Vec<u8> {
    let long = is_long(entry.size);
    let more = if long { extra(&[entry.size, entry.size]) } else { Vec::new() };
    let size = if long { u32::MAX } else { short(entry.size) };
    Bytes::new(LOCAL)
        .u16(needs(&more))
        .u16(0)
        .u16(0)
        .u16(0)
        .u16(DATE)
        .u32(entry.crc)
        .u32(size)
        .u32(size)
        .u16(name_len(entry))
        .u16(u16::try_from(more.len()).unwrap_or(0))
        .bytes(entry.name.as_bytes())
        .bytes(&more)
        .0
}

fn central(entry: &Entry) -> Vec<u8> {
    let mut long = Vec::new();
    if is_long(entry.size) {
        long.extend([entry.size, entry.size]);
    }
    if is_long(entry.at) {
        long.push(entry.at);
    }
    let more = extra(&long);
    let size = if is_long(entry.size) { u32::MAX } else { short(entry.size) };
    Bytes::new(CENTRAL)
        .u16(0x031e)
        .u16(needs(&more))
        .u16(0)
        .u16(0)
        .u16(0)
        .u16(DATE)
        .u32(entry.crc)
        .u32(size)
        .u32(size)
        .u16(name_len(entry))
        .u16(u16::try_from(more.len()).unwrap_or(0))
        .u16(0)
        .u16(0)
        .u16(0)
        .u32(ATTRIBUTES)
        .u32(short(entry.at))
        .bytes(entry.name.as_bytes())
        .bytes(&more)
        .0
}

/// The directory and the end, which come after the last file, at offset `at`.
#[must_use]
pub fn directory(entries: &[Entry], at: u64) -> Vec<u8> {
    let mut out = Vec::new();
    for entry in entries {
        out.extend(central(entry));
    }
    let (count, size) = (entries.len() as u64, out.len() as u64);
    let after = at + size;
    if count >= 0xffff || is_long(at) || is_long(size) {
        let end64 = Bytes::new(END64).u64(44).u16(0x031e).u16(45).u32(0).u32(0);
        out.extend(end64.u64(count).u64(count).u64(size).u64(at).0);
        out.extend(Bytes::new(LOCATOR).u32(0).u64(after).u32(1).0);
    }
    let few = u16::try_from(count).unwrap_or(u16::MAX);
    let end = Bytes::new(END).u16(0).u16(0).u16(few).u16(few).u32(short(size)).u32(short(at)).u16(0);
    out.extend(end.0);
    out
}

/// Gives bytes of a file at an offset.
pub trait ReadAt {
    /// Length of the file.
    ///
    /// # Errors
    /// As the system gives them.
    fn len(&self) -> io::Result<u64>;
    /// Whether there is nothing in it.
    ///
    /// # Errors
    /// As the system gives them.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }
    /// Fills the buffer.
    ///
    /// # Errors
    /// As the system gives them; also when the file ends before.
    fn read_at(&self, at: u64, out: &mut [u8]) -> io::Result<()>;
}

impl ReadAt for Vec<u8> {
    fn len(&self) -> io::Result<u64> {
        Ok(self.as_slice().len() as u64)
    }
    fn read_at(&self, at: u64, out: &mut [u8]) -> io::Result<()> {
        let from = usize::try_from(at).unwrap_or(usize::MAX);
        let bytes = self.get(from..).and_then(|b| b.get(..out.len())).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(bytes);
        Ok(())
    }
}

/// Why an archive is not read.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ArchiveError {
    /// It cannot be read at all.
    #[error("cannot be read: {0}")]
    Io(String),
    /// It is no archive of this form, by the name of the damage, with what is wrong.
    #[error("{name}: {1}", name = .0.as_str())]
    Damage(Fault, String),
}

impl From<io::Error> for ArchiveError {
    fn from(e: io::Error) -> Self {
        ArchiveError::Io(e.kind().to_string())
    }
}

fn damage<T>(fault: Fault, detail: impl Into<String>) -> Result<T, ArchiveError> {
    Err(ArchiveError::Damage(fault, detail.into()))
}

fn take(file: &dyn ReadAt, at: u64, len: u64) -> Result<Vec<u8>, ArchiveError> {
    let mut out = vec![0; usize::try_from(len).unwrap_or(0)];
    file.read_at(at, &mut out)?;
    Ok(out)
}

/// Reads numbers one after the other.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(head)
    }
    fn u16(&mut self) -> Option<u16> {
        Some(u16::from_le_bytes(self.take(2)?.try_into().ok()?))
    }
    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }
    fn u64(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.take(8)?.try_into().ok()?))
    }
}

/// Reads the directory of an archive and checks every header in it.
///
/// # Errors
/// [`ArchiveError`]: damage has a name of its own.
pub fn read(file: &dyn ReadAt) -> Result<Vec<Entry>, ArchiveError> {
    let len = file.len()?;
    let (at, size, count) = find(file, len)?;
    let end = at.checked_add(size).filter(|end| *end <= len);
    if size > MOST || end.is_none() {
        return damage(
            Fault::ArchiveMalformed,
            "its directory is larger than the file, or than any package's",
        );
    }
    let bytes = take(file, at, size)?;
    let mut cursor = Cursor(&bytes);
    let (mut entries, mut names, mut next) = (Vec::new(), BTreeSet::new(), 0);
    while !cursor.0.is_empty() {
        let before = cursor.0;
        let Some((entry, method)) = entry(&mut cursor) else {
            return damage(Fault::ArchiveMalformed, "its directory cannot be read");
        };
        let taken = before.get(..before.len() - cursor.0.len()).unwrap_or_default();
        check_entry(file, &entry, method, taken, next)?;
        if !names.insert(entry.name.to_ascii_lowercase()) {
            return damage(Fault::ArchiveTwice, entry.name);
        }
        next = entry.at + local(&entry).len() as u64 + entry.size;
        entries.push(entry);
    }
    let tail = take(file, at, len - at)?;
    if next != at || entries.len() as u64 != count || directory(&entries, at) != tail {
        return damage(
            Fault::ArchiveGap,
            "something lies between its files, or before or after its directory",
        );
    }
    Ok(entries)
}

/// Offset, size and number of entries of the directory.
fn find(file: &dyn ReadAt, len: u64) -> Result<(u64, u64, u64), ArchiveError> {
    let no = |why: &str| damage(Fault::ArchiveMalformed, why);
    let Some(at) = len.checked_sub(22) else { return no("too short for a zip") };
    let end = take(file, at, 22)?;
    let mut c = Cursor(&end);
    if c.u32() != Some(END) {
        return no("it does not end as a zip without comment does");
    }
    c.take(6);
    let (count, size, at) = (c.u16(), c.u32(), c.u32());
    let (Some(count), Some(size), Some(begin)) = (count, size, at) else { return no("its end is damaged") };
    if count != u16::MAX && size != u32::MAX && begin != u32::MAX {
        return Ok((begin.into(), size.into(), count.into()));
    }
    let Some(at) = len.checked_sub(22 + 20 + 56) else { return no("its end is damaged") };
    let end = take(file, at, 56)?;
    let mut c = Cursor(&end);
    if c.u32() != Some(END64) {
        return no("its 64-bit end is not where it must be");
    }
    c.take(20 + 8);
    match (c.u64(), c.u64(), c.u64()) {
        (Some(count), Some(size), Some(begin)) => Ok((begin, size, count)),
        _ => no("its 64-bit end is damaged"),
    }
}

/// One entry of the directory and its method.
fn entry(c: &mut Cursor<'_>) -> Option<(Entry, u16)> {
    if c.u32()? != CENTRAL {
        return None;
    }
    c.take(6)?;
    let method = c.u16()?;
    c.take(4)?;
    let crc = c.u32()?;
    let (_, size) = (c.u32()?, c.u32()?);
    let (name, more, comment) = (c.u16()?, c.u16()?, c.u16()?);
    c.take(8)?;
    let at = c.u32()?;
    let name = String::from_utf8(c.take(name.into())?.to_vec()).ok()?;
    let mut more = Cursor(c.take(more.into())?);
    c.take(comment.into())?;
    more.take(4);
    let (mut size, mut at) = (u64::from(size), u64::from(at));
    if size == u64::from(u32::MAX) {
        more.u64()?;
        size = more.u64().or(Some(size))?;
    }
    if at == u64::from(u32::MAX) {
        at = more.u64()?;
    }
    Some((Entry { name, size, crc, at }, method))
}

fn check_entry(
    file: &dyn ReadAt,
    entry: &Entry,
    method: u16,
    written: &[u8],
    next: u64,
) -> Result<(), ArchiveError> {
    let name = &entry.name;
    if !is_safe(name) {
        return damage(Fault::ArchiveName, "a name that could lead out of a folder, or is read in two ways");
    }
    if method != 0 {
        return damage(Fault::ArchiveCompressed, format!("{name}: unpack it, and give the folder"));
    }
    if central(entry) != written {
        return damage(
            Fault::ArchiveHeaders,
            format!("{name}: its entry in the directory is not of this form"),
        );
    }
    if entry.at != next {
        return damage(Fault::ArchiveGap, format!("{name} is not where the file before it ends"));
    }
    let want = local(entry);
    let fits = entry.at.checked_add(entry.size).is_some_and(|end| end <= file.len().unwrap_or(0));
    if !fits || take(file, entry.at, want.len() as u64)? != want {
        return damage(Fault::ArchiveHeaders, format!("{name}: header and directory differ"));
    }
    Ok(())
}

/// Whether a name is one that a package may have: plain letters, no way up, no empty part.
#[must_use]
pub fn is_safe(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    name.len() <= 200
        && name.split('/').all(|part| !part.is_empty() && !part.starts_with('.') && part.bytes().all(plain))
}
