//! Binary content: what it really is ([`Kind::of`]), the text inside PDF, DOCX, XLSX and PPTX ([`text`]), and pictures and PDF
//! without their metadata ([`strip`]).
//!
//! A crate of its own because it reads what strangers made with libraries that others wrote: it is unable to do anything
//! else, and the fuzzer links it alone. Floor 1, pure. What it cannot read in full is an error or is said to be left over;
//! it never guesses. The gateway runs [`text`] in a process of its own, under limits of the system.

mod image;
mod kind;
mod ooxml;
mod pdf;
mod sheet;
mod xml;

pub use kind::Kind;

/// What reading may cost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Bytes after decompression, in all.
    pub bytes: usize,
    /// How many times its compressed size a part may have, from a mebibyte on.
    pub ratio: usize,
    /// Files in a container.
    pub parts: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { bytes: 64 << 20, ratio: 100, parts: 10_000 }
    }
}

/// The text of a document.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Text {
    /// Everything that could be read, metadata included.
    pub text: String,
    /// It holds pictures, which were not looked into.
    pub pictures: bool,
    /// It holds something else that was not read: attachments, programs.
    pub rest: bool,
}

impl std::fmt::Debug for Text {
    /// Sizes, never the content.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Text({} bytes, pictures {}, rest {})", self.text.len(), self.pictures, self.rest)
    }
}

/// Why a document was not read. It has to be withheld.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unreadable {
    /// Nothing here reads this kind.
    #[error("this kind of content is not read")]
    Kind,
    /// It is damaged, or could be read in two ways.
    #[error("the content is damaged or ambiguous")]
    Damaged,
    /// It is encrypted.
    #[error("the content is encrypted")]
    Encrypted,
    /// It would take more than the limits.
    #[error("the content is larger than is read")]
    Budget,
}

/// The text of a document.
///
/// # Errors
/// If it cannot be read.
pub fn text(bytes: &[u8], limits: &Limits) -> Result<Text, Unreadable> {
    match Kind::of(bytes) {
        Kind::Docx | Kind::Xlsx | Kind::Pptx => ooxml::text(bytes, limits),
        Kind::Pdf => pdf::text(bytes, limits),
        _ => Err(Unreadable::Kind),
    }
}

/// The same picture without EXIF, XMP and comments, and without what stands behind its end; the same PDF without its
/// information and XMP.
///
/// # Errors
/// If it is of a kind whose metadata is not known, or damaged.
pub fn strip(bytes: &[u8]) -> Result<Vec<u8>, Unreadable> {
    match Kind::of(bytes) {
        Kind::Png => image::png(bytes).ok_or(Unreadable::Damaged),
        Kind::Jpeg => image::jpeg(bytes).ok_or(Unreadable::Damaged),
        Kind::Webp => image::webp(bytes).ok_or(Unreadable::Damaged),
        Kind::Pdf => pdf::strip(bytes).ok_or(Unreadable::Damaged),
        _ => Err(Unreadable::Kind),
    }
}
