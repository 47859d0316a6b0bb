//! DOCX, XLSX and PPTX: a zip of XML parts (ECMA-376). All XML is read, whatever part it is; the rest is said to be there.

use std::borrow::Cow;
use std::io::{Cursor, Read};

use zip::ZipArchive;

use crate::sheet::Workbook;
use crate::xml::{self, Plain};
use crate::{Limits, Text, Unreadable};

/// Parts up to this size may have any ratio: XML of a few elements repeated compresses well.
const SMALL: usize = 1 << 20;

type Archive<'a> = ZipArchive<Cursor<&'a [u8]>>;

/// The text of an office document.
pub(crate) fn text(bytes: &[u8], limits: &Limits) -> Result<Text, Unreadable> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|_| Unreadable::Damaged)?;
    if archive.len() > limits.parts {
        return Err(Unreadable::Budget);
    }
    // What stands in front of the container, or twice in it, others might read instead.
    if archive.offset() != 0 || entries(bytes) != archive.len() {
        return Err(Unreadable::Damaged);
    }
    let (mut out, mut left, mut book) = (Text::default(), limits.bytes, Workbook::default());
    let names: Result<Vec<String>, _> = archive.file_names().map(|n| n.map(Cow::into_owned)).collect();
    let mut names = names.map_err(|_| Unreadable::Damaged)?;
    // Strings and formats of a workbook come before its sheets.
    names.sort_by_key(|name| (name.contains("/worksheets/"), name.clone()));
    for name in names {
        let lower = name.to_ascii_lowercase();
        if lower.ends_with('/') {
            continue;
        }
        match lower.rsplit('.').next().unwrap_or_default() {
            "xml" | "rels" | "vml" => {
                let part = part(&mut archive, &name, &mut left, limits)?;
                read(&lower, &part, &mut book, &mut out.text)?;
            }
            "png" | "jpg" | "jpeg" | "gif" | "bmp" | "tif" | "tiff" | "emf" | "wmf" | "svg" | "webp" => {
                out.pictures = true;
            }
            _ => out.rest = true,
        }
    }
    Ok(out)
}

/// One part by its kind.
fn read(name: &str, part: &[u8], book: &mut Workbook, out: &mut String) -> Result<(), Unreadable> {
    match name {
        "xl/sharedstrings.xml" => book.strings(part)?,
        "xl/styles.xml" => book.styles(part)?,
        _ if name.starts_with("xl/worksheets/") && name.ends_with(".xml") => book.sheet(part, out)?,
        _ => {
            let mut plain = Plain::of(name);
            xml::read(part, &mut plain)?;
            out.push_str(&plain.text);
        }
    }
    out.push('\n');
    // A string that no cell shows is in the file all the same.
    if name == "xl/sharedstrings.xml" {
        out.push_str(&book.all());
    }
    Ok(())
}

/// The bytes of a part, within the limits whatever its header says.
fn part(
    archive: &mut Archive<'_>,
    name: &str,
    left: &mut usize,
    limits: &Limits,
) -> Result<Vec<u8>, Unreadable> {
    let file = archive.by_name(name).map_err(|e| match e {
        zip::result::ZipError::UnsupportedArchive(_) => Unreadable::Encrypted,
        _ => Unreadable::Damaged,
    })?;
    if file.encrypted() {
        return Err(Unreadable::Encrypted);
    }
    let compressed = usize::try_from(file.compressed_size()).unwrap_or(usize::MAX);
    let most = (*left).min(compressed.saturating_mul(limits.ratio).max(SMALL));
    let mut bytes = Vec::new();
    file.take(most as u64 + 1).read_to_end(&mut bytes).map_err(|_| Unreadable::Damaged)?;
    if bytes.len() > most {
        return Err(Unreadable::Budget);
    }
    *left -= bytes.len();
    Ok(bytes)
}

/// How many entries the directory at the end has, counted by their marks: the library keeps one of those of one name.
fn entries(bytes: &[u8]) -> usize {
    let end = bytes.windows(4).rposition(|w| w == b"PK\x05\x06").unwrap_or(0);
    let count = bytes.get(end + 10..end + 12).and_then(|n| n.try_into().ok()).map_or(0, u16::from_le_bytes);
    usize::from(count)
}
