//! Packages: what an auditor gets for a range of the log, in one archive that also reads well in a browser.
//!
//! A package is a set of [`Files`]: a zip ([`archive`]) or the folder that it was unpacked into. [`lines`] has the forms of the
//! streams, [`manifest`] the signed list of files, [`produce`] what is computed from records and computed again by the
//! verifier, [`walk`] reads the streams side by side, [`verify`] is the auditor's check. Memory does not grow with
//! the number of records. Pure: who calls gives the files.

pub mod archive;
pub mod assemble;
pub mod event;
pub mod export;
pub mod lines;
pub mod manifest;
mod page;
mod plot;
pub mod produce;
pub mod report;
#[cfg(test)]
mod tests;
pub mod verify;
mod view;
pub mod walk;

use std::io::{BufRead, Read as _};

use crate::verify::SourceError;

/// Name of the form, in the manifest.
pub const FORMAT: &str = "carnet-package/1";
/// The signed statement.
pub const MANIFEST: &str = "manifest.json";
/// Its signature.
pub const ENVELOPE: &str = "manifest.dsse.json";
/// Verifier key of the log: a convenience, the auditor's own copy wins.
pub const VKEY: &str = "trust/vkey";
/// Checkpoint at which the range begins; not there when that is the beginning of the log.
pub const START: &str = "log/checkpoint.start";
/// Checkpoint at which the range ends.
pub const END: &str = "log/checkpoint.end";
/// The frontier of the tree at the start.
pub const FRONTIER: &str = "log/frontier.start.json";
/// RFC 9162 consistency proof from start to end.
pub const CONSISTENCY: &str = "log/consistency.txt";
/// Checkpoints of the range that others signed, and time stamps.
pub const ANCHORS: &str = "log/anchors/";
/// Every leaf of the range.
pub const LEAVES: &str = "log/leaves.jsonl";
/// What is disclosed.
pub const DISCLOSURES: &str = "disclosures.jsonl";
/// What is not, and why.
pub const WITHHELD: &str = "withheld.jsonl";
/// The recordings.
pub const FRAMES: &str = "frames/frames.jsonl";
/// Longest line of a stream, and largest file that is read as a whole. Longer ones are refused, not read.
pub const MOST: u64 = 64 << 20;

/// The files of a package.
pub trait Files {
    /// Names of all files, in any order.
    ///
    /// # Errors
    /// When they cannot be listed.
    fn names(&self) -> Result<Vec<String>, SourceError>;

    /// A file to read, `None` if it is not there.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    fn open<'s>(&'s self, name: &str) -> Result<Option<Box<dyn BufRead + 's>>, SourceError>;

    /// The CRC-32 that an archive states for a file; `None` where there is no archive.
    fn crc(&self, _name: &str) -> Option<u32> {
        None
    }
}

/// A small file as a whole, `None` if it is not there. Of one longer than [`MOST`] only so much, which then fits nothing.
///
/// # Errors
/// [`SourceError`].
pub fn whole(files: &dyn Files, name: &str) -> Result<Option<Vec<u8>>, SourceError> {
    let Some(reader) = files.open(name)? else { return Ok(None) };
    let mut out = Vec::new();
    reader.take(MOST).read_to_end(&mut out).map_err(|e| unreadable(name, &e))?;
    Ok(Some(out))
}

/// The error for a file that is there and cannot be read.
#[must_use]
pub fn unreadable(name: &str, e: &std::io::Error) -> SourceError {
    SourceError { path: name.to_owned(), why: e.kind().to_string() }
}
