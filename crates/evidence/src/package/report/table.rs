//! A report as a table, written row by row as JSON, CSV (RFC 4180) and Markdown.

use std::fmt::Write as _;

use carnet_json::quote;

use crate::package::manifest::Facts;
use crate::package::produce::Sink;

/// Rows that are in the Markdown. All are in the other two.
const SHOWN: u64 = 1000;

/// A value in a table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Cell {
    Text(String),
    Number(u64),
    List(Vec<String>),
    Nothing,
}

impl From<&str> for Cell {
    fn from(text: &str) -> Cell {
        Cell::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Cell {
        Cell::Text(text)
    }
}

impl From<u64> for Cell {
    fn from(n: u64) -> Cell {
        Cell::Number(n)
    }
}

impl From<Option<String>> for Cell {
    fn from(text: Option<String>) -> Cell {
        text.map_or(Cell::Nothing, Cell::Text)
    }
}

impl From<Option<u64>> for Cell {
    fn from(n: Option<u64>) -> Cell {
        n.map_or(Cell::Nothing, Cell::Number)
    }
}

impl From<Vec<String>> for Cell {
    fn from(list: Vec<String>) -> Cell {
        Cell::List(list)
    }
}

impl Cell {
    fn json(&self) -> String {
        match self {
            Cell::Text(text) => quote(text),
            Cell::Number(n) => n.to_string(),
            Cell::List(list) => format!("[{}]", list.iter().map(|t| quote(t)).collect::<Vec<_>>().join(",")),
            Cell::Nothing => "null".to_owned(),
        }
    }

    fn plain(&self) -> String {
        match self {
            Cell::Text(text) => text.clone(),
            Cell::Number(n) => n.to_string(),
            Cell::List(list) => list.join("; "),
            Cell::Nothing => String::new(),
        }
    }
}

/// A cell of CSV. A spreadsheet must not take a text of a record for a formula.
fn csv(cell: &Cell) -> String {
    let mut text = cell.plain();
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        text.insert(0, '\'');
    }
    match text.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text,
    }
}

/// Text for Markdown: it stays text, on one line.
fn markdown(cell: &Cell) -> String {
    let mut out = String::new();
    for c in cell.plain().chars() {
        match c {
            '|' | '\\' | '`' | '*' | '_' | '<' | '>' | '[' | ']' | '#' | '&' => {
                out.push('\\');
                out.push(c);
            }
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' => {
                out.push('\u{fffd}')
            }
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// A table that is being written.
#[derive(Debug)]
pub(crate) struct Table {
    name: &'static str,
    title: &'static str,
    columns: &'static [&'static str],
    rows: u64,
}

impl Table {
    pub(crate) fn new(name: &'static str, title: &'static str, columns: &'static [&'static str]) -> Table {
        Table { name, title, columns, rows: 0 }
    }

    fn put(&self, ending: &str, text: &str, out: &mut dyn Sink) {
        out.write(&format!("reports/{}.{ending}", self.name), text.as_bytes());
    }

    fn begin(&self, out: &mut dyn Sink) {
        let names: Vec<String> = self.columns.iter().map(|c| quote(c)).collect();
        let head = format!(
            "{{\"columns\":[{}],\"format\":\"carnet-report/1\",\"name\":{},\"rows\":[",
            names.join(","),
            quote(self.name)
        );
        self.put("json", &head, out);
        self.put("csv", &format!("{}\r\n", self.columns.join(",")), out);
        let line = self.columns.iter().map(|_| "---").collect::<Vec<_>>().join(" | ");
        let text = format!("# {}\n\n| {} |\n| {line} |\n", self.title, self.columns.join(" | "));
        self.put("md", &text, out);
    }

    pub(crate) fn row(&mut self, cells: &[Cell], out: &mut dyn Sink) {
        if self.rows == 0 {
            self.begin(out);
        }
        let mut json = String::from(if self.rows == 0 { "\n{" } else { ",\n{" });
        for (i, (name, cell)) in self.columns.iter().zip(cells).enumerate() {
            let _ = write!(json, "{}{}:{}", if i == 0 { "" } else { "," }, quote(name), cell.json());
        }
        json.push('}');
        self.put("json", &json, out);
        self.put("csv", &format!("{}\r\n", cells.iter().map(csv).collect::<Vec<_>>().join(",")), out);
        if self.rows < SHOWN {
            let line = cells.iter().map(markdown).collect::<Vec<_>>().join(" | ");
            self.put("md", &format!("| {line} |\n"), out);
        }
        self.rows += 1;
    }

    /// The end; `note` stands below the table for people.
    pub(crate) fn finish(self, note: &str, out: &mut dyn Sink) {
        self.end("", note, out);
    }

    /// As [`Table::finish`], and says of which records the table is complete, and what shows that.
    pub(crate) fn finish_stating(self, note: &str, facts: &Facts, out: &mut dyn Sink) {
        let (from, to, origin) = (facts.from, facts.to, &facts.origin);
        if to == 0 {
            // Over the log itself: no checkpoint ends it.
            return self.end("", note, out);
        }
        let proof = "every leaf of the range, in its order and none more, folds to the root that the end checkpoint signs: step                      `completeness` of carnet-verify, which computes this table again (step `reports`)";
        let stated = format!(
            ",\"complete\":{{\"from\":{from},\"origin\":{},\"proof\":{},\"to\":{to}}}",
            quote(origin),
            quote(proof)
        );
        let last = to.saturating_sub(1);
        let note = format!("{note}\n\nComplete for the records {from} to {last} of `{origin}`: {proof}.");
        self.end(&stated, &note, out);
    }

    fn end(self, stated: &str, note: &str, out: &mut dyn Sink) {
        if self.rows == 0 {
            self.begin(out);
        }
        self.put("json", &format!("\n]{stated}}}\n"), out);
        let mut text = format!("\n{} rows in all", self.rows);
        if self.rows > SHOWN {
            let _ = write!(text, ", {SHOWN} here; the CSV and the JSON have every one");
        }
        text.push_str(".\n");
        if !note.is_empty() {
            let _ = write!(text, "\n{note}\n");
        }
        self.put("md", &text, out);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[derive(Default)]
    struct Map(BTreeMap<String, String>);

    impl Sink for Map {
        fn write(&mut self, file: &str, bytes: &[u8]) {
            self.0.entry(file.to_owned()).or_default().push_str(std::str::from_utf8(bytes).unwrap());
        }
    }

    #[test]
    fn one_table_in_three_forms() {
        let mut out = Map::default();
        let mut table = Table::new("t", "A table", &["a", "b"]);
        table.row(&["=1+1".into(), vec!["x".to_owned(), "y, z".to_owned()].into()], &mut out);
        table.row(&["say \"no\" | <b>".into(), Cell::Nothing], &mut out);
        table.finish("", &mut out);
        assert_eq!(out.0["reports/t.csv"], "a,b\r\n'=1+1,\"x; y, z\"\r\n\"say \"\"no\"\" | <b>\",\r\n");
        let json: serde_json::Value = serde_json::from_str(&out.0["reports/t.json"]).unwrap();
        assert_eq!(json["rows"][0]["b"], serde_json::json!(["x", "y, z"]));
        assert_eq!(json["rows"][1]["b"], serde_json::Value::Null);
        assert!(
            out.0["reports/t.md"].contains("| say \"no\" \\| \\<b\\> |  |\n"),
            "{}",
            out.0["reports/t.md"]
        );
    }

    #[test]
    fn a_table_without_rows_is_whole() {
        let mut out = Map::default();
        Table::new("t", "A table", &["a"]).finish("", &mut out);
        let json: serde_json::Value = serde_json::from_str(&out.0["reports/t.json"]).unwrap();
        assert_eq!(json["rows"], serde_json::json!([]));
        assert_eq!(out.0["reports/t.csv"], "a\r\n");
    }
}
