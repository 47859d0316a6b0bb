//! One mistake in a text, with its place, rendered with the line and an underline.

use std::fmt;

/// How bad it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Severity {
    /// Carnet does not start.
    Error,
    /// Carnet starts and says so.
    Warning,
}

/// One mistake. Never holds a secret: a message names keys and kinds, and [`Diagnostic::snippet`] is left out
/// where the line may carry a secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// The file's name as given.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub col: usize,
    /// Characters to underline, at least 1.
    pub length: usize,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// The line of text, absent where it may carry a secret.
    pub snippet: Option<String>,
}

impl fmt::Display for Diagnostic {
    /// ```text
    /// carnet.yaml:3:1: unknown key `listners` in the configuration
    ///   |
    /// 3 | listners:
    ///   | ^^^^^^^^
    ///   = help: did you mean `listeners`?
    /// ```
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.severity {
            Severity::Error => "",
            Severity::Warning => "warning: ",
        };
        write!(f, "{}:{}:{}: {word}{}", self.file, self.line, self.col, self.message)?;
        let number = self.line.to_string();
        let pad = " ".repeat(number.len());
        if let Some(text) = &self.snippet {
            // Tabs stay tabs, so that the underline stands under what it means.
            let before = text.chars().chain(std::iter::repeat(' ')).take(self.col.saturating_sub(1));
            let lead: String = before.map(|c| if c == '\t' { c } else { ' ' }).collect();
            write!(f, "\n{pad} |\n{number} | {text}\n{pad} | {lead}{}", "^".repeat(self.length.max(1)))?;
        }
        if let Some(help) = &self.help {
            write!(f, "\n{pad} = help: {help}")?;
        }
        Ok(())
    }
}

/// All of them, one after the other, with an empty line between.
#[must_use]
pub fn render(diagnostics: &[Diagnostic]) -> String {
    diagnostics.iter().map(|d| format!("{d}\n")).collect::<Vec<_>>().join("\n")
}
