//! Sheets of a workbook as lines of cells with tabs between them: so the names of columns are read as those of any table.
//! Dates are numbers with a format; they are written as dates.

use quick_xml::events::BytesStart;

use crate::Unreadable;
use crate::xml::{self, Plain, Sink, attribute};

/// More empty cells in a row are not written.
const GAP: usize = 64;

/// What the cells of sheets refer to.
#[derive(Default)]
pub(crate) struct Workbook {
    strings: Vec<String>,
    /// By the number of a style: it shows dates.
    dates: Vec<bool>,
}

impl Workbook {
    pub(crate) fn strings(&mut self, part: &[u8]) -> Result<(), Unreadable> {
        let mut items = Items { items: Vec::new(), inside: false };
        xml::read(part, &mut items)?;
        self.strings = items.items;
        Ok(())
    }

    pub(crate) fn styles(&mut self, part: &[u8]) -> Result<(), Unreadable> {
        let mut formats = Formats::default();
        xml::read(part, &mut formats)?;
        self.dates = formats.dates;
        Ok(())
    }

    /// Every string, a line each.
    pub(crate) fn all(&self) -> String {
        self.strings.iter().map(|s| format!("{s}\n")).collect()
    }

    pub(crate) fn sheet(&self, part: &[u8], out: &mut String) -> Result<(), Unreadable> {
        let mut rows = Rows { book: self, out, cell: None, value: String::new(), inside: false, column: 0 };
        xml::read(part, &mut rows)?;
        // Headers, footers, validations, hyperlinks: what is no cell.
        let mut plain = Plain::default();
        xml::read(part, &mut plain)?;
        out.push('\n');
        out.push_str(&plain.text);
        Ok(())
    }
}

/// Shared strings; the runs of a rich one belong together.
struct Items {
    items: Vec<String>,
    inside: bool,
}

impl Sink for Items {
    fn begin(&mut self, name: &str, _: &BytesStart<'_>) {
        match name {
            "si" => self.items.push(String::new()),
            "t" => self.inside = true,
            _ => {}
        }
    }

    fn characters(&mut self, text: &str) {
        if let (true, Some(last)) = (self.inside, self.items.last_mut()) {
            last.push_str(text);
        }
    }

    fn end(&mut self, name: &str) {
        self.inside &= name != "t";
    }
}

/// Which styles show dates.
#[derive(Default)]
struct Formats {
    own: Vec<String>,
    cells: bool,
    dates: Vec<bool>,
}

impl Sink for Formats {
    fn begin(&mut self, name: &str, element: &BytesStart<'_>) {
        match name {
            "numFmt" => {
                let code = attribute(element, "formatCode").unwrap_or_default().to_ascii_lowercase();
                if code.contains('y') || code.contains("d/") || code.contains("mmm") {
                    self.own.extend(attribute(element, "numFmtId"));
                }
            }
            "cellXfs" => self.cells = true,
            "xf" if self.cells => {
                let id = attribute(element, "numFmtId").unwrap_or_default();
                let number: u32 = id.parse().unwrap_or(0);
                self.dates.push(matches!(number, 14..=22 | 27..=36 | 50..=58) || self.own.contains(&id));
            }
            _ => {}
        }
    }

    fn characters(&mut self, _: &str) {}

    fn end(&mut self, name: &str) {
        self.cells &= name != "cellXfs";
    }
}

/// Rows and cells.
struct Rows<'a> {
    book: &'a Workbook,
    out: &'a mut String,
    /// Type and style of the cell at hand.
    cell: Option<(String, usize)>,
    value: String,
    inside: bool,
    column: usize,
}

impl Rows<'_> {
    fn write(&mut self) {
        let Some((kind, style)) = self.cell.take() else { return };
        let value = std::mem::take(&mut self.value);
        let shown = match kind.as_str() {
            "s" => value.trim().parse::<usize>().ok().and_then(|n| self.book.strings.get(n)).cloned(),
            "" | "n" if self.book.dates.get(style).copied().unwrap_or(false) => date(&value),
            _ => None,
        };
        self.out.push_str(&shown.unwrap_or(value).replace(['\t', '\n', '\r'], " "));
    }
}

impl Sink for Rows<'_> {
    fn begin(&mut self, name: &str, element: &BytesStart<'_>) {
        match name {
            "row" => self.column = 0,
            "c" => {
                let column = attribute(element, "r").map_or(self.column, |r| column(&r));
                let tabs = column.saturating_sub(self.column).min(GAP);
                self.out.extend(std::iter::repeat_n('\t', tabs));
                self.column = column;
                let style = attribute(element, "s").and_then(|s| s.parse().ok()).unwrap_or(0);
                self.cell = Some((attribute(element, "t").unwrap_or_default(), style));
            }
            "v" | "t" => self.inside = true,
            _ => {}
        }
    }

    fn characters(&mut self, text: &str) {
        if self.inside && self.cell.is_some() {
            self.value.push_str(text);
        }
    }

    fn end(&mut self, name: &str) {
        match name {
            "v" | "t" => self.inside = false,
            "c" => self.write(),
            "row" => self.out.push('\n'),
            _ => {}
        }
    }
}

/// The number of a column from a reference such as `AB12`, from 0.
fn column(reference: &str) -> usize {
    let letters = reference.bytes().take_while(u8::is_ascii_uppercase).take(4);
    letters.fold(0, |n, b| n * 26 + usize::from(b - b'A') + 1).saturating_sub(1)
}

/// The date of a day's number, counted from the end of 1899 as workbooks do.
fn date(serial: &str) -> Option<String> {
    let days = serial.trim().split('.').next()?.parse::<i64>().ok().filter(|n| (1..2_958_466).contains(n))?;
    // Days since 1970-01-01 to year, month, day: the civil calendar by eras of 400 years.
    let z = days - 25_569 + 719_468;
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, year) = if month < 10 { (month + 3, year) } else { (month - 9, year + 1) };
    Some(format!("{:04}-{month:02}-{day:02}", year + era * 400))
}
