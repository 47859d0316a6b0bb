//! Collects what is wrong with one text, and keeps out of every printed line what may be a secret.

use crate::diagnostic::{Diagnostic, Severity};
use crate::yaml::{Node, Place, Value};

/// Everything found so far.
pub(crate) struct Report {
    found: Vec<(Place, Severity, String, Option<String>, bool)>,
    /// Values that may be secrets written where they must not stand: printed lines end before them.
    hidden: Vec<Place>,
}

impl Report {
    pub(crate) fn new() -> Report {
        Report { found: Vec::new(), hidden: Vec::new() }
    }

    /// A mistake.
    pub(crate) fn error(&mut self, at: Place, message: impl Into<String>, help: Option<String>) {
        self.found.push((at, Severity::Error, message.into(), help, false));
    }

    /// Something to say that stops nothing.
    pub(crate) fn warn(&mut self, at: Place, message: impl Into<String>, help: Option<String>) {
        self.found.push((at, Severity::Warning, message.into(), help, false));
    }

    /// The text is not YAML. The parser's own words may quote the text, so they are not passed on; the line is
    /// shown up to its first colon.
    pub(crate) fn syntax(&mut self, at: Place) {
        let help = "check the indentation, quotes and brackets here and in the line before";
        self.found.push((at, Severity::Error, "this is not valid YAML".into(), Some(help.into()), true));
    }

    /// Keeps a value out of every printed line.
    pub(crate) fn hide(&mut self, node: &Node) {
        match &node.value {
            Value::Null | Value::Refused => {}
            Value::Scalar { .. } => self.hidden.push(node.at),
            Value::List(items) => items.iter().for_each(|n| self.hide(n)),
            Value::Map(entries) => entries.iter().for_each(|e| self.hide(&e.node)),
        }
    }

    /// Keeps what stands at a place out of every printed line.
    pub(crate) fn hide_place(&mut self, at: Place) {
        self.hidden.push(at);
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.found.iter().any(|f| f.1 == Severity::Error)
    }

    /// All of it in the order of the text; only the errors if there are any.
    pub(crate) fn finish(mut self, file: &str, text: &str) -> Vec<Diagnostic> {
        if self.has_errors() {
            self.found.retain(|f| f.1 == Severity::Error);
        }
        self.found.sort_by_key(|f| f.0);
        self.found.dedup();
        let lines: Vec<&str> = text.split('\n').map(|l| l.trim_end_matches('\r')).collect();
        let hidden = self.hidden;
        let diagnostic = |(at, severity, message, help, syntax): (Place, Severity, String, _, bool)| {
            let line = lines.get(at.line.wrapping_sub(1)).copied().unwrap_or("");
            let (snippet, length) = snippet(line, at, &hidden, syntax);
            Diagnostic {
                severity,
                file: file.to_owned(),
                line: at.line,
                col: at.col,
                length,
                message,
                help,
                snippet,
            }
        };
        self.found.into_iter().map(diagnostic).collect()
    }
}

/// The line as it may be printed, and how many characters to underline.
fn snippet(line: &str, at: Place, hidden: &[Place], syntax: bool) -> (Option<String>, usize) {
    let whole = line.chars().count();
    // A hidden value that began in an earlier line goes on in this one.
    if hidden.iter().any(|h| h.line < at.line && at.line <= h.last_line) {
        return (None, 1);
    }
    let cut_value = hidden.iter().filter(|h| h.line == at.line).map(|h| h.col - 1).min();
    let lead = line.chars().take_while(|c| *c != ':').count();
    if syntax && (lead == whole || !is_key(line)) {
        return (None, 1);
    }
    let cut_syntax = syntax.then_some(lead + 1);
    let cut = cut_value.into_iter().chain(cut_syntax).min().filter(|c| *c < whole);
    let shown = match cut {
        Some(n) => line.chars().take(n).collect::<String>().trim_end().to_owned() + " …",
        None => line.to_owned(),
    };
    let width = shown.chars().count();
    if at.col > width.max(1) {
        return (if syntax { Some(shown) } else { None }, 1);
    }
    (Some(shown), at.len.min(width + 1 - at.col).max(1))
}

/// Whether a line begins as `key:` or `- key:` does. Any other line of a broken text may be part of a value.
fn is_key(line: &str) -> bool {
    let text = line.trim_start();
    let text = text.strip_prefix("- ").unwrap_or(text).trim_start();
    let key = text.split(':').next().unwrap_or("");
    !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
}
