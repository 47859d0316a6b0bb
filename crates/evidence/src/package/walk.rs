//! Reads the streams of a package side by side: one record after the other, with what belongs to it.

use std::cell::OnceCell;
use std::io::{BufRead, Read as _};

use super::event::Event;
use super::lines::{self, LeafLine, Why, Withheld};
use super::{DISCLOSURES, FRAMES, Files, LEAVES, MOST, WITHHELD, unreadable};
use crate::disclosure::{self, Disclosure};
use crate::leaf::{Leaf, LeafError};
use crate::tree::{Hash, leaf_hash};
use crate::verify::{Fault, SourceError};

/// The lines of a stream.
struct Lines<'s> {
    name: &'static str,
    reader: Option<Box<dyn BufRead + 's>>,
    buffer: Vec<u8>,
}

impl<'s> Lines<'s> {
    fn open(files: &'s dyn Files, name: &'static str) -> Result<Self, SourceError> {
        Ok(Lines { name, reader: files.open(name)?, buffer: Vec::new() })
    }

    /// The next line without its newline. One without a newline, or longer than [`MOST`], comes with an empty text.
    fn next(&mut self) -> Result<Option<&[u8]>, SourceError> {
        let Some(reader) = &mut self.reader else { return Ok(None) };
        self.buffer.clear();
        let read = reader.take(MOST).read_until(b'\n', &mut self.buffer);
        let n = read.map_err(|e| unreadable(self.name, &e))?;
        if n == 0 {
            self.reader = None;
            return Ok(None);
        }
        if self.buffer.pop() != Some(b'\n') {
            self.reader = None;
            self.buffer.clear();
        }
        Ok(Some(&self.buffer))
    }
}

/// What is found on the way.
pub(crate) type Found = (Fault, Option<u64>, String);

/// A stream beside the leaves, read as far as the leaves are.
struct Side<'s, T> {
    lines: Lines<'s>,
    read: fn(&[u8]) -> Option<(u64, T)>,
    next: Option<(u64, T)>,
    last: Option<u64>,
    malformed: Fault,
    stray: Fault,
    count: u64,
}

impl<'s, T> Side<'s, T> {
    fn new(
        files: &'s dyn Files,
        name: &'static str,
        read: fn(&[u8]) -> Option<(u64, T)>,
        (malformed, stray): (Fault, Fault),
        found: &mut Vec<Found>,
    ) -> Result<Self, SourceError> {
        let lines = Lines::open(files, name)?;
        let mut side = Side { lines, read, next: None, last: None, malformed, stray, count: 0 };
        side.step(found)?;
        Ok(side)
    }

    fn step(&mut self, found: &mut Vec<Found>) -> Result<(), SourceError> {
        let name = self.lines.name;
        self.next = None;
        while let Some(line) = self.lines.next()? {
            self.count += 1;
            match (self.read)(line) {
                Some((index, value)) if self.last.is_none_or(|last| index > last) => {
                    self.last = Some(index);
                    self.next = Some((index, value));
                    return Ok(());
                }
                Some((index, _)) => {
                    let detail = format!("{name} line {}: out of order", self.count);
                    found.push((self.malformed, Some(index), detail));
                }
                None => {
                    found.push((self.malformed, None, format!("{name} line {} cannot be read", self.count)))
                }
            }
        }
        Ok(())
    }

    /// What belongs to a leaf. What belongs to an earlier one belongs to none.
    fn at(&mut self, index: u64, found: &mut Vec<Found>) -> Result<Option<T>, SourceError> {
        while self.next.as_ref().is_some_and(|(at, _)| *at < index) {
            self.stray(found);
            self.step(found)?;
        }
        if self.next.as_ref().is_none_or(|(at, _)| *at != index) {
            return Ok(None);
        }
        let value = self.next.take().map(|(_, value)| value);
        self.step(found)?;
        Ok(value)
    }

    fn stray(&mut self, found: &mut Vec<Found>) {
        if let Some((at, _)) = &self.next {
            found.push((self.stray, Some(*at), format!("{} has it, no leaf does", self.lines.name)));
        }
    }

    fn finish(&mut self, found: &mut Vec<Found>) -> Result<(), SourceError> {
        while self.next.is_some() {
            self.stray(found);
            self.step(found)?;
        }
        Ok(())
    }
}

/// One record of a package as its streams have it.
#[derive(Debug)]
pub struct Seen {
    /// Index that its line states.
    pub index: u64,
    /// Hash that its line states.
    pub stated: Hash,
    /// Hash of its bytes.
    pub hash: Hash,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// The leaf.
    pub leaf: Result<Leaf, LeafError>,
    /// Disclosures as they were sealed; `None` where the slot is not disclosed.
    pub encoded: Option<Vec<Vec<u8>>>,
    /// The recording.
    pub frame: Option<Vec<u8>>,
    /// What is kept back.
    pub withheld: Withheld,
}

/// A record as producers see it.
#[derive(Debug)]
pub struct Record<'a> {
    /// Index in the log.
    pub index: u64,
    /// The leaf.
    pub leaf: &'a Leaf,
    /// What is disclosed of it.
    pub disclosed: &'a [Disclosure],
    /// The masked message, where it is disclosed.
    pub frame: Option<&'a [u8]>,
    /// What is kept back of it.
    pub withheld: &'a Withheld,
    /// Bytes of the leaf.
    pub size: usize,
    event: OnceCell<Event>,
}

impl<'a> Record<'a> {
    /// A record from its parts.
    #[must_use]
    pub fn new(
        index: u64,
        leaf: &'a Leaf,
        disclosed: &'a [Disclosure],
        frame: Option<&'a [u8]>,
        withheld: &'a Withheld,
    ) -> Record<'a> {
        Record { index, leaf, disclosed, frame, withheld, size: 0, event: OnceCell::new() }
    }

    /// With the bytes of its leaf.
    #[must_use]
    pub fn of_size(self, size: usize) -> Record<'a> {
        Record { size, ..self }
    }
}

impl Record<'_> {
    /// What reports read of it.
    pub fn event(&self) -> &Event {
        self.event.get_or_init(|| Event::of(self))
    }

    /// A disclosure by its name: JSON.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&[u8]> {
        self.disclosed.iter().find(|d| d.name == name).map(|d| d.value.as_slice())
    }

    /// A disclosure that is a text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<String> {
        text(self.value(name)?)
    }

    /// The text of a member of a disclosure, such as `subject` of `actor`.
    #[must_use]
    pub fn member(&self, name: &str, member: &str) -> Option<String> {
        let bytes = self.value(name)?;
        let tape = carnet_json::Tape::parse(bytes, &carnet_json::Limits::default()).ok()?;
        Some(tape.root(bytes).get(member)?.as_str()?.into_owned())
    }

    /// A disclosure that is a list of texts.
    #[must_use]
    pub fn list(&self, name: &str) -> Vec<String> {
        let read = |bytes: &[u8]| {
            let tape = carnet_json::Tape::parse(bytes, &carnet_json::Limits::default()).ok()?;
            Some(tape.root(bytes).items().filter_map(|v| Some(v.as_str()?.into_owned())).collect())
        };
        self.value(name).and_then(read).unwrap_or_default()
    }

    /// Why the disclosures are not here, if they are not.
    #[must_use]
    pub fn closed(&self) -> Option<Why> {
        self.withheld.d
    }
}

fn text(bytes: &[u8]) -> Option<String> {
    let tape = carnet_json::Tape::parse(bytes, &carnet_json::Limits::default()).ok()?;
    Some(tape.root(bytes).as_str()?.into_owned())
}

impl Seen {
    /// The disclosures, taken apart. Those that cannot be are left out.
    #[must_use]
    pub fn disclosed(&self) -> Vec<Disclosure> {
        self.encoded.iter().flatten().filter_map(|one| disclosure::decode(one)).collect()
    }

    /// The record for producers.
    #[must_use]
    pub fn record<'a>(&'a self, leaf: &'a Leaf, disclosed: &'a [Disclosure]) -> Record<'a> {
        Record::new(self.index, leaf, disclosed, self.frame.as_deref(), &self.withheld)
            .of_size(self.bytes.len())
    }
}

/// The streams of a package.
pub struct Walk<'s> {
    leaves: Lines<'s>,
    line: u64,
    disclosures: Side<'s, Vec<Vec<u8>>>,
    frames: Side<'s, Vec<u8>>,
    withheld: Side<'s, Withheld>,
    pub(crate) found: Vec<Found>,
}

impl std::fmt::Debug for Walk<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Walk(line {})", self.line)
    }
}

impl<'s> Walk<'s> {
    /// Opens the streams.
    ///
    /// # Errors
    /// [`SourceError`].
    pub fn new(files: &'s dyn Files) -> Result<Self, SourceError> {
        let mut found = Vec::new();
        let disclosures = (Fault::DisclosureMalformed, Fault::DisclosureUnreferenced);
        let frames = (Fault::FrameMalformed, Fault::FrameUnreferenced);
        let withheld = (Fault::WithheldMalformed, Fault::WithheldUnreferenced);
        Ok(Walk {
            leaves: Lines::open(files, LEAVES)?,
            line: 0,
            disclosures: Side::new(files, DISCLOSURES, lines::read_disclosures, disclosures, &mut found)?,
            frames: Side::new(files, FRAMES, lines::read_frame, frames, &mut found)?,
            withheld: Side::new(files, WITHHELD, lines::read_withheld, withheld, &mut found)?,
            found,
        })
    }

    /// The next record.
    ///
    /// # Errors
    /// [`SourceError`]. What cannot be read as a line is a finding, not an error.
    pub fn next_record(&mut self) -> Result<Option<Seen>, SourceError> {
        let LeafLine { index, hash, leaf } = loop {
            let Some(line) = self.leaves.next()? else {
                self.disclosures.finish(&mut self.found)?;
                self.frames.finish(&mut self.found)?;
                self.withheld.finish(&mut self.found)?;
                return Ok(None);
            };
            self.line += 1;
            match lines::read_leaf(line) {
                Some(line) => break line,
                None => {
                    let detail = format!("{LEAVES} line {} cannot be read", self.line);
                    self.found.push((Fault::LeafMalformed, None, detail));
                }
            }
        };
        Ok(Some(Seen {
            index,
            stated: hash,
            hash: leaf_hash(&leaf),
            leaf: Leaf::parse(&leaf),
            bytes: leaf,
            encoded: self.disclosures.at(index, &mut self.found)?,
            frame: self.frames.at(index, &mut self.found)?,
            withheld: self.withheld.at(index, &mut self.found)?.unwrap_or_default(),
        }))
    }
}
