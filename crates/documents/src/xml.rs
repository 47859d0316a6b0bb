//! The text of an XML part of an office document: what is between the tags, and attributes that are texts.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::Unreadable;

/// Attributes whose values people wrote.
const WRITTEN: [&str; 8] =
    ["author", "descr", "title", "Target", "tooltip", "alt", "userName", "displayName"];
/// Elements that end a line.
const LINES: [&str; 9] = ["p", "tr", "br", "cr", "row", "si", "comment", "text", "Relationship"];

/// What an XML part is read into.
pub(crate) trait Sink {
    /// An element begins.
    fn begin(&mut self, name: &str, element: &BytesStart<'_>);
    /// Characters.
    fn characters(&mut self, text: &str);
    /// An element ends.
    fn end(&mut self, name: &str);
}

/// Reads a part.
pub(crate) fn read(bytes: &[u8], sink: &mut dyn Sink) -> Result<(), Unreadable> {
    // Other encodings are never written by office programs, and could hide text.
    let text = std::str::from_utf8(bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes))
        .map_err(|_| Unreadable::Damaged)?;
    let mut reader = Reader::from_str(text);
    loop {
        match reader.read_event().map_err(|_| Unreadable::Damaged)? {
            Event::Start(e) => sink.begin(e.local_name().into_inner(), &e),
            Event::Empty(e) => {
                let name = e.local_name().into_inner().to_owned();
                sink.begin(&name, &e);
                sink.end(&name);
            }
            Event::End(e) => sink.end(e.local_name().into_inner()),
            Event::Text(t) => sink.characters(&t),
            Event::CData(t) => sink.characters(&t),
            Event::GeneralRef(r) => {
                let name: &str = &r;
                let unescaped = quick_xml::escape::unescape(&format!("&{name};"))
                    .map_err(|_| Unreadable::Damaged)?
                    .into_owned();
                sink.characters(&unescaped);
            }
            // Entities of one's own are a bomb or a disguise; office documents have none.
            Event::DocType(_) => return Err(Unreadable::Damaged),
            Event::Eof => return Ok(()),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
        }
    }
}

/// The value of an attribute by its local name.
pub(crate) fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let found = element.attributes().flatten().find(|a| a.key.local_name().into_inner() == name)?;
    Some(unescaped(&found.value))
}

fn unescaped(value: &str) -> String {
    quick_xml::escape::unescape(value).map_or_else(|_| value.to_owned(), std::borrow::Cow::into_owned)
}

/// Plain text, line by line. Elements of document properties become labels: `creator: ...`.
#[derive(Default)]
pub(crate) struct Plain {
    pub(crate) text: String,
    labels: bool,
    /// Only what people wrote of a program's own account.
    account: bool,
    /// Names of styles and fonts are no texts.
    names: bool,
    mute: bool,
    /// Inside the cells of a sheet, which are read as a table.
    cells: bool,
}

impl Plain {
    /// For a part, by its name in small letters.
    pub(crate) fn of(part: &str) -> Plain {
        let file = part.rsplit('/').next().unwrap_or_default();
        let names = part.contains("/theme/")
            || ["styles.xml", "styleswitheffects.xml", "fonttable.xml", "numbering.xml", "tablestyles.xml"]
                .contains(&file);
        Plain {
            labels: part.starts_with("docprops/"),
            account: part == "docprops/app.xml",
            names,
            ..Plain::default()
        }
    }
}

impl Sink for Plain {
    fn begin(&mut self, name: &str, element: &BytesStart<'_>) {
        self.mute = self.account && !["Manager", "Company", "HyperlinkBase", "lpstr"].contains(&name);
        self.cells |= name == "sheetData";
        match name {
            _ if self.mute => {}
            "tab" | "tc" => self.text.push('\t'),
            "creator" | "lastModifiedBy" | "Manager" if self.labels => self.text.push_str("author: "),
            _ if self.labels => {
                self.text.push_str(name);
                self.text.push_str(": ");
            }
            _ => {}
        }
        if self.names {
            return;
        }
        for a in element.attributes().flatten() {
            let key = a.key.local_name().into_inner().to_owned();
            let value = unescaped(&a.value);
            // What nearly every document of Word says of its formulas reads like a person's name.
            if name == "mathFont" && value == "Cambria Math" {
                continue;
            }
            let written = WRITTEN.contains(&key.as_str()) || value.contains([' ', '@']);
            if written && !value.starts_with("http://schemas.") && !key.starts_with("xmlns") {
                let label = if matches!(key.as_str(), "author" | "userName") { "author: " } else { "" };
                self.text.push_str(&format!("\n{label}{value}\n"));
            }
        }
    }

    fn characters(&mut self, text: &str) {
        if !self.mute && !self.cells {
            self.text.push_str(text);
        }
    }

    fn end(&mut self, name: &str) {
        self.cells &= name != "sheetData";
        if self.labels || LINES.contains(&name) {
            self.text.push('\n');
        }
    }
}
