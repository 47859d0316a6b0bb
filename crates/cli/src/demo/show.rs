//! How the tour looks on a terminal: 80 columns, colours only where somebody looks.

use std::io::IsTerminal;

use crate::output;

/// Columns of the terminal that the tour is written for.
const WIDTH: usize = 80;

/// What a piece of text is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    /// A heading.
    Head,
    /// Good news.
    Good,
    /// A refusal, or damage.
    Bad,
    /// What Carnet put there.
    Masked,
    /// Of less weight.
    Quiet,
}

/// Writes the tour.
pub(super) struct Show {
    colours: bool,
}

impl Show {
    /// Colours on a terminal, unless `NO_COLOR` is set or the terminal has none.
    pub(super) fn new() -> Show {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty())
            || std::env::var_os("TERM").is_some_and(|t| t == "dumb");
        Show { colours: !plain && std::io::stdout().is_terminal() }
    }

    /// Text in its tone.
    pub(super) fn paint(&self, tone: Tone, text: &str) -> String {
        let code = match tone {
            Tone::Head => "1",
            Tone::Good => "32",
            Tone::Bad => "31",
            Tone::Masked => "33",
            Tone::Quiet => "2",
        };
        if self.colours && !text.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// A line.
    pub(super) fn line(&self, text: &str) {
        output::line(text);
    }

    /// An empty line.
    pub(super) fn gap(&self) {
        output::line("");
    }

    /// A step of the tour.
    pub(super) fn step(&self, number: usize, title: &str) {
        self.gap();
        self.line(&self.paint(Tone::Head, &format!("{number}. {title}")));
    }

    /// A paragraph, wrapped.
    pub(super) fn text(&self, text: &str) {
        for line in wrap(text, WIDTH - 3) {
            self.line(&format!("   {line}"));
        }
    }

    /// A label and something that belongs to it, wrapped under itself.
    pub(super) fn pair(&self, label: &str, tone: Option<Tone>, text: &str) {
        for (n, line) in wrap(text, WIDTH - 18).into_iter().enumerate() {
            let label = if n == 0 { label } else { "" };
            let line = tone.map_or_else(|| line.clone(), |t| self.paint(t, &line));
            self.line(&format!("   {label:<14} {line}"));
        }
    }

    /// A row of a table: cells with their widths, the last one without.
    pub(super) fn row(&self, cells: &[(&str, usize, Option<Tone>)]) {
        let mut line = String::from("  ");
        for (text, width, tone) in cells {
            let text = shorten(text, *width);
            let pad = width.saturating_sub(text.chars().count());
            line.push(' ');
            line.push_str(&tone.map_or_else(|| text.clone(), |t| self.paint(t, &text)));
            line.push_str(&" ".repeat(pad));
        }
        self.line(line.trim_end());
    }
}

/// Lines of at most so many characters, broken at spaces.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines
}

/// At most so many characters.
pub(super) fn shorten(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept: String = text.chars().take(width.saturating_sub(1)).collect();
    format!("{kept}…")
}

/// A name from a server or a token, fit for a terminal: nothing in it moves the cursor or reorders the line.
pub(super) fn clean(text: &str) -> String {
    let steers = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|c| if steers(c) { '?' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_at_spaces() {
        assert_eq!(wrap("aa bb cc", 5), ["aa bb", "cc"]);
        assert_eq!(wrap("aaaaaaaa b", 5), ["aaaaaaaa", "b"]);
        assert_eq!(wrap("", 5), [""]);
    }

    #[test]
    fn cells_keep_their_width() {
        assert_eq!(shorten("München", 7), "München");
        assert_eq!(shorten("Münchener", 7), "Münche…");
    }

    #[test]
    fn a_terminal_is_not_steered() {
        assert_eq!(clean("a\u{1b}[2J\u{202e}ä"), "a?[2J?ä");
    }

    #[test]
    fn nothing_is_coloured_without_a_terminal() {
        assert_eq!(Show { colours: false }.paint(Tone::Bad, "no"), "no");
        assert_eq!(Show { colours: true }.paint(Tone::Bad, "no"), "\x1b[31mno\x1b[0m");
    }
}
