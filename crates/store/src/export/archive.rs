//! The files of a spool in one archive, written from beginning to end: it may as well go into a pipe or through a cipher.

use std::io::{Read as _, Write};

use carnet_evidence::package::archive::{Entry, directory, local};
use carnet_evidence::package::manifest::Facts;

use super::Progress;
use super::spool::Spool;
use crate::error::{At as _, StoreError};

/// What was exported.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Done {
    /// What the package says of itself.
    pub facts: Facts,
    /// Bytes of the archive.
    pub bytes: u64,
}

pub(super) fn write(
    spool: &Spool,
    facts: Facts,
    out: &mut dyn Write,
    progress: &mut Progress<'_>,
) -> Result<Done, StoreError> {
    let names = spool.all()?;
    let all = names.len() as u64;
    let (mut entries, mut at) = (Vec::new(), 0);
    let mut buffer = vec![0; 1 << 18];
    for (name, done) in names.into_iter().zip(1..) {
        let (crc, size) = crc(spool, &name, &mut buffer)?;
        let entry = Entry { name, size, crc, at };
        let header = local(&entry);
        out.write_all(&header).at("write", "the package")?;
        let mut file = spool.file(&entry.name)?.take(size);
        loop {
            let n = file.read(&mut buffer).at("read", &entry.name)?;
            if n == 0 {
                break;
            }
            out.write_all(buffer.get(..n).unwrap_or_default()).at("write", "the package")?;
        }
        at += header.len() as u64 + size;
        entries.push(entry);
        progress("files", done, all);
    }
    let end = directory(&entries, at);
    out.write_all(&end).at("write", "the package")?;
    out.flush().at("write", "the package")?;
    Ok(Done { facts, bytes: at + end.len() as u64 })
}

fn crc(spool: &Spool, name: &str, buffer: &mut [u8]) -> Result<(u32, u64), StoreError> {
    let (mut hasher, mut size, mut file) = (crc32fast::Hasher::new(), 0, spool.file(name)?);
    loop {
        let n = file.read(buffer).at("read", name)?;
        if n == 0 {
            return Ok((hasher.finalize(), size));
        }
        hasher.update(buffer.get(..n).unwrap_or_default());
        size += n as u64;
    }
}
