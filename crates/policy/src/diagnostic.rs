//! What is wrong with a policy file, where, and a picture of it.

use std::fmt;
use std::sync::Arc;

/// One mistake, or one thing worth a second look.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnostic {
    /// The file's name as it was given.
    pub file: Arc<str>,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub col: usize,
    /// How many characters are meant, at least 1.
    pub length: usize,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// The source line, for the picture.
    pub source: String,
}

impl Diagnostic {
    /// A diagnostic about the bytes `start..end` of `text`. Places outside the text are moved to its end.
    pub(crate) fn at(file: &Arc<str>, text: &str, start: usize, end: usize, message: String) -> Diagnostic {
        let (line, col, source) = place(text, start);
        let meant = text.get(floor(text, start)..floor(text, end.max(start))).unwrap_or_default();
        let length = meant.lines().next().unwrap_or_default().chars().count().max(1);
        Diagnostic { file: file.clone(), line, col, length, message, help: None, source: source.to_owned() }
    }

    pub(crate) fn with_help(mut self, help: Option<String>) -> Diagnostic {
        self.help = help;
        self
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}:{}:{}: {}", self.file, self.line, self.col, self.message)?;
        let margin = self.line.to_string();
        let pad = " ".repeat(margin.len());
        writeln!(f, "{pad} |")?;
        writeln!(f, "{margin} | {}", self.source)?;
        // Tabs stay tabs, so that the underline stands under what it means.
        let lead: String = self
            .source
            .chars()
            .take(self.col.saturating_sub(1))
            .map(|c| if c == '\t' { c } else { ' ' })
            .collect();
        write!(f, "{pad} | {lead}{}", "^".repeat(self.length))?;
        if let Some(help) = &self.help {
            write!(f, "\n{pad} = help: {help}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostic {}

/// Line and column, both from 1, and the text of the line of a byte offset.
pub(crate) fn place(text: &str, offset: usize) -> (usize, usize, &str) {
    let before = text.get(..floor(text, offset)).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let col = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, col, text.lines().nth(line - 1).unwrap_or_default())
}

fn floor(text: &str, offset: usize) -> usize {
    (0..=offset.min(text.len())).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0)
}
