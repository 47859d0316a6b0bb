//! PDF: the text that its pages show, and the strings that are in it besides: information, XMP, annotations, values of
//! forms, bookmarks. What cannot be read as text (glyphs without a meaning, attachments, earlier revisions, forms in XML) is said to be
//! there; what is encrypted is not read at all.

mod cmap;
mod font;
mod glyphs;
mod page;
mod strip;

use std::borrow::Cow;
use std::collections::HashSet;
use std::io::Read;

use hayro_syntax::object::dict::Dict;
use hayro_syntax::object::stream::Stream;
use hayro_syntax::object::{Array, MaybeRef, Object};
use hayro_syntax::{Filter, LoadPdfError, Pdf};

use crate::{Limits, Text, Unreadable};
pub(crate) use strip::strip;

/// Objects of a document for each part that the limits allow.
const OBJECTS: usize = 20;
/// How deep arrays and dictionaries lie in each other.
const DEPTH: usize = 24;
/// Strings of these members are made by programs, and are not text.
const MACHINE: [&[u8]; 8] = [b"ID", b"CheckSum", b"Contents", b"Cert", b"O", b"U", b"CharSet", b"FontFamily"];

/// What is read, and what it has cost.
pub(crate) struct Reading<'l> {
    pub(crate) out: Text,
    limits: &'l Limits,
    left: usize,
}

impl Reading<'_> {
    /// Adds text, within the limits.
    pub(crate) fn push(&mut self, text: &str) -> Result<(), Unreadable> {
        self.left = self.left.checked_sub(text.len()).ok_or(Unreadable::Budget)?;
        self.out.text.push_str(text);
        Ok(())
    }

    /// The bytes of a stream, within the limits whatever it says of itself.
    pub(crate) fn decoded(&mut self, stream: &Stream<'_>) -> Result<Vec<u8>, Unreadable> {
        let raw = stream.raw_data();
        let filters = stream.filters();
        let grows =
            |f: &&Filter| matches!(f, Filter::LzwDecode | Filter::FlateDecode | Filter::RunLengthDecode);
        if filters.iter().filter(grows).count() > 1 {
            return Err(Unreadable::Budget);
        }
        let most = self.left.min(raw.len().saturating_mul(self.limits.ratio).max(1 << 20));
        let (packed, filters) = match filters.split_first() {
            Some((Filter::Ascii85Decode, rest)) => (Cow::Owned(ascii85(&raw)), rest),
            _ => (Cow::Borrowed(&*raw), &*filters),
        };
        match filters.first() {
            Some(Filter::FlateDecode) => {
                let counted = flate2::read::ZlibDecoder::new(&*packed).take(most as u64 + 1);
                if std::io::copy(&mut { counted }, &mut std::io::sink()).unwrap_or(0) > most as u64 {
                    return Err(Unreadable::Budget);
                }
            }
            // The most that these can grow.
            _ if filters.iter().any(|f| grows(&f)) && packed.len().saturating_mul(4096) > self.left => {
                return Err(Unreadable::Budget);
            }
            _ => {}
        }
        let data = stream.decoded_data().map_err(|_| Unreadable::Damaged)?;
        self.left = self.left.checked_sub(data.len()).ok_or(Unreadable::Budget)?;
        Ok(data.into_owned())
    }
}

/// Five letters for four bytes, to see how much is in them: the library decodes them itself.
fn ascii85(text: &[u8]) -> Vec<u8> {
    let (mut out, mut group) = (Vec::with_capacity(text.len() / 5 * 4), Vec::with_capacity(5));
    let number = |group: &[u8]| {
        let digit = |n: usize| u64::from(group.get(n).copied().unwrap_or(84));
        (0..5).fold(0u64, |sum, n| sum * 85 + digit(n)).to_be_bytes()
    };
    for b in text.iter().take_while(|b| **b != b'~') {
        match b {
            b'z' if group.is_empty() => out.extend_from_slice(&[0; 4]),
            b'!'..=b'u' => group.push(b - b'!'),
            _ => {}
        }
        if group.len() == 5 {
            out.extend_from_slice(number(&group).get(4..).unwrap_or_default());
            group.clear();
        }
    }
    if group.len() > 1 {
        out.extend_from_slice(number(&group).get(4..3 + group.len()).unwrap_or_default());
    }
    out
}

/// The text of a document.
pub(crate) fn text(bytes: &[u8], limits: &Limits) -> Result<Text, Unreadable> {
    // With an empty password it would open, but not for everybody who reads it the same way.
    if memchr::memmem::find(bytes, b"/Encrypt").is_some() {
        return Err(Unreadable::Encrypted);
    }
    let pdf = Pdf::new(bytes.to_vec()).map_err(|e| match e {
        LoadPdfError::Decryption(_) => Unreadable::Encrypted,
        LoadPdfError::Invalid => Unreadable::Damaged,
    })?;
    if pdf.len() > limits.parts.saturating_mul(OBJECTS) {
        return Err(Unreadable::Budget);
    }
    let mut reading = Reading { out: Text::default(), limits, left: limits.bytes };
    reading.out.rest = revised(bytes);
    let pages = pdf.pages();
    if pages.is_empty() || pages.len() > limits.parts {
        return Err(if pages.is_empty() { Unreadable::Damaged } else { Unreadable::Budget });
    }
    for page in pages.iter() {
        page::read(page, &mut reading)?;
        reading.push("\n")?;
    }
    let mut seen = HashSet::new();
    for object in pdf.objects() {
        walk(&object, &mut seen, &mut reading, 0)?;
    }
    Ok(reading.out)
}

/// Whether the file holds earlier revisions of itself: what they showed is in it and is not read.
fn revised(bytes: &[u8]) -> bool {
    let ends = memchr::memmem::find_iter(bytes, b"startxref").count();
    let head = bytes.get(..bytes.len().min(2048)).unwrap_or_default();
    let linear = memchr::memmem::find(head, b"/Linearized").is_some();
    ends > if linear { 2 } else { 1 }
}

/// The strings of an object, and what kinds of streams there are.
fn walk(
    object: &Object<'_>,
    seen: &mut HashSet<Vec<u8>>,
    reading: &mut Reading<'_>,
    depth: usize,
) -> Result<(), Unreadable> {
    if depth > DEPTH {
        reading.out.rest = true;
        return Ok(());
    }
    match object {
        Object::String(s) => said(s.as_bytes(), seen, reading),
        Object::Array(array) => items(array, seen, reading, depth),
        Object::Dict(dict) => members(dict, seen, reading, depth),
        Object::Stream(stream) => {
            members(stream.dict(), seen, reading, depth)?;
            told(stream, reading)
        }
        _ => Ok(()),
    }
}

fn items(
    array: &Array<'_>,
    seen: &mut HashSet<Vec<u8>>,
    reading: &mut Reading<'_>,
    depth: usize,
) -> Result<(), Unreadable> {
    // What is referred to is an object of its own and comes by itself.
    for item in array.raw_iter() {
        if let MaybeRef::NotRef(item) = item {
            walk(&item, seen, reading, depth + 1)?;
        }
    }
    Ok(())
}

fn members(
    dict: &Dict<'_>,
    seen: &mut HashSet<Vec<u8>>,
    reading: &mut Reading<'_>,
    depth: usize,
) -> Result<(), Unreadable> {
    let annotation = dict.contains_key("Rect");
    for (key, value) in dict.entries() {
        let key: &[u8] = &key;
        if matches!(key, b"EF" | b"XFA" | b"RichMediaContent" | b"3DD" | b"Movie" | b"Sound" | b"Collection")
        {
            reading.out.rest = true;
        }
        let machine = MACHINE.contains(&key) && !(key == b"Contents" && annotation);
        if let MaybeRef::NotRef(value) = value
            && !machine
        {
            walk(&value, seen, reading, depth + 1)?;
        }
    }
    Ok(())
}

/// A string that a person may read.
fn said(bytes: &[u8], seen: &mut HashSet<Vec<u8>>, reading: &mut Reading<'_>) -> Result<(), Unreadable> {
    if bytes.len() < 2 || !seen.insert(bytes.to_vec()) {
        return Ok(());
    }
    reading.push(&glyphs::document_text(bytes))?;
    reading.push("\n")
}

/// What a stream is, where it is no page.
fn told(stream: &Stream<'_>, reading: &mut Reading<'_>) -> Result<(), Unreadable> {
    let dict = stream.dict();
    let name = |key: &str| dict.get::<hayro_syntax::object::Name<'_>>(key).map(|n| n.as_str().to_owned());
    match (name("Type").as_deref(), name("Subtype").as_deref()) {
        (Some("EmbeddedFile"), _) => reading.out.rest = true,
        (Some("Metadata"), _) => {
            let data = reading.decoded(stream)?;
            let mut plain = crate::xml::Plain::of("xmp.xml");
            match crate::xml::read(&data, &mut plain) {
                Ok(()) => reading.push(&plain.text)?,
                Err(_) => reading.push(&String::from_utf8_lossy(&data))?,
            }
            reading.push("\n")?;
        }
        (_, Some("Image")) => reading.out.pictures = true,
        (_, Some("Form")) => {
            page::form(stream, reading)?;
            reading.push("\n")?;
        }
        _ => {}
    }
    Ok(())
}
