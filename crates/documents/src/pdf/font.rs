//! Fonts: which text a code stands for, and how wide it is.

use std::collections::HashMap;

use hayro_syntax::object::dict::Dict;
use hayro_syntax::object::stream::Stream;
use hayro_syntax::object::{Array, Name, Number, Object};

use super::Reading;
use super::cmap::{ToUnicode, number};
use super::glyphs::{Base, named};
use crate::Unreadable;

/// Widths that are kept of one font.
const WIDTHS: usize = 1 << 16;

/// How codes become text.
enum Codes {
    /// One byte each.
    Simple { base: Option<Base>, names: HashMap<u8, String> },
    /// Several bytes, known by the map to text alone.
    Composite,
    /// Several bytes that are UTF-16 themselves.
    Utf16,
    /// Drawings: no text.
    Symbols,
}

/// A font as far as its text goes.
pub(super) struct Font {
    codes: Codes,
    map: Option<ToUnicode>,
    widths: HashMap<u32, f64>,
    width: f64,
}

/// One code of a string.
pub(super) struct Glyph {
    /// Its text; `None` where nobody can tell.
    pub(super) text: Option<String>,
    /// In thousandths of the size.
    pub(super) width: f64,
    /// A single byte 32, which word spacing widens.
    pub(super) space: bool,
}

impl Font {
    pub(super) fn read(dict: &Dict<'_>, reading: &mut Reading<'_>) -> Result<Font, Unreadable> {
        let map = match dict.get::<Stream<'_>>("ToUnicode") {
            Some(stream) => Some(ToUnicode::read(&reading.decoded(&stream)?)),
            None => None,
        };
        let kind = name(dict, "Subtype");
        if kind.as_deref() == Some("Type0") {
            return Ok(composite(dict, map));
        }
        let mut widths = HashMap::new();
        let first = dict.get::<Number>("FirstChar").map_or(0, |n| n.as_i64());
        // Widths of Type 3 are in a space of their own.
        if kind.as_deref() != Some("Type3")
            && let Some(list) = dict.get::<Array<'_>>("Widths")
        {
            let codes = (0..256).map(|n| u32::try_from(first + n).unwrap_or(u32::MAX));
            widths.extend(codes.zip(list.iter::<Number>().map(|n| n.as_f64())));
        }
        Ok(Font { codes: simple(dict), map, widths, width: 500.0 })
    }

    /// The glyphs of a string.
    pub(super) fn glyphs(
        &self,
        bytes: &[u8],
        mut each: impl FnMut(Glyph) -> Result<(), Unreadable>,
    ) -> Result<(), Unreadable> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let len = match (&self.codes, &self.map) {
                (Codes::Simple { .. } | Codes::Symbols, _) => 1,
                (_, Some(map)) => map.length(rest),
                _ => 2,
            };
            let (code, behind) = rest.split_at(len.min(rest.len()));
            let n = number(code);
            let width = self.widths.get(&n).copied().unwrap_or(self.width);
            each(Glyph { text: self.text(code, n), width, space: code == b" " })?;
            rest = behind;
        }
        Ok(())
    }

    fn text(&self, code: &[u8], n: u32) -> Option<String> {
        if let Some(text) = self.map.as_ref().and_then(|m| m.text(n)) {
            return Some(text);
        }
        match &self.codes {
            Codes::Simple { base, names } => {
                let byte = *code.first()?;
                let by_name = names.get(&byte);
                by_name.map_or_else(|| base.and_then(|b| b.char(byte)).map(String::from), |n| named(n))
            }
            Codes::Utf16 => char::from_u32(n).map(String::from),
            Codes::Symbols => Some(" ".to_owned()),
            Codes::Composite => None,
        }
    }
}

fn name(dict: &Dict<'_>, key: &str) -> Option<String> {
    dict.get::<Name<'_>>(key).map(|n| n.as_str().to_owned())
}

fn base(name: &str) -> Option<Base> {
    match name {
        "WinAnsiEncoding" => Some(Base::Win),
        "MacRomanEncoding" => Some(Base::Mac),
        "StandardEncoding" => Some(Base::Standard),
        _ => None,
    }
}

/// The codes of a font of one byte each.
fn simple(dict: &Dict<'_>) -> Codes {
    let called = name(dict, "BaseFont").unwrap_or_default();
    if ["Symbol", "ZapfDingbats", "Wingdings", "Webdings"].iter().any(|s| called.contains(s)) {
        return Codes::Symbols;
    }
    let descriptor = dict.get::<Dict<'_>>("FontDescriptor").unwrap_or_default();
    let flags = descriptor.get::<Number>("Flags").map_or(32, |n| n.as_i64());
    let embedded = ["FontFile", "FontFile2", "FontFile3"].iter().any(|k| descriptor.contains_key(k));
    // A font of its own making, with codes of its own making.
    let own = embedded && flags & 4 != 0 || name(dict, "Subtype").as_deref() == Some("Type3");
    let mut names = HashMap::new();
    let mut from = if own { None } else { Some(Base::Standard) };
    match dict.get::<Object<'_>>("Encoding") {
        Some(Object::Name(n)) => from = base(n.as_str()).or(from),
        Some(Object::Dict(encoding)) => {
            from = name(&encoding, "BaseEncoding").and_then(|n| base(&n)).or(from);
            let mut code = 0u8;
            for item in encoding.get::<Array<'_>>("Differences").iter().flat_map(|d| d.iter::<Object<'_>>()) {
                match item {
                    Object::Number(n) => code = u8::try_from(n.as_i64()).unwrap_or(0),
                    Object::Name(n) => {
                        names.insert(code, n.as_str().to_owned());
                        code = code.wrapping_add(1);
                    }
                    _ => {}
                }
            }
        }
        _ => {}
    }
    Codes::Simple { base: from, names }
}

/// A font whose codes take several bytes.
fn composite(dict: &Dict<'_>, map: Option<ToUnicode>) -> Font {
    let encoding = name(dict, "Encoding").unwrap_or_default();
    let unicode = encoding.starts_with("Uni") && (encoding.contains("UCS2") || encoding.contains("UTF16"));
    let codes = if unicode { Codes::Utf16 } else { Codes::Composite };
    let below = dict.get::<Array<'_>>("DescendantFonts").and_then(|a| a.iter::<Dict<'_>>().next());
    let below = below.unwrap_or_default();
    let width = below.get::<Number>("DW").map_or(1000.0, |n| n.as_f64());
    let mut widths = HashMap::new();
    let list: Vec<Object<'_>> =
        below.get::<Array<'_>>("W").iter().flat_map(|w| w.iter::<Object<'_>>()).take(WIDTHS).collect();
    let mut rest = list.as_slice();
    loop {
        match rest {
            [Object::Number(first), Object::Array(each), behind @ ..] => {
                let codes = u32::try_from(first.as_i64()).unwrap_or(0)..;
                widths.extend(codes.zip(each.iter::<Number>().take(WIDTHS).map(|n| n.as_f64())));
                rest = behind;
            }
            [Object::Number(first), Object::Number(last), Object::Number(all), behind @ ..] => {
                let (first, last) = (first.as_i64().max(0), last.as_i64().min(0xFFFF));
                widths.extend((first..=last).filter_map(|n| Some((u32::try_from(n).ok()?, all.as_f64()))));
                rest = behind;
            }
            _ => break,
        }
        if widths.len() > WIDTHS {
            break;
        }
    }
    Font { codes, map, widths, width }
}
