//! Text that cannot forge what stands around it. Control characters, line ends, ANSI escapes, marks that turn or hide text
//! and characters that print as nothing are written as `\u{...}`; what is left stands where it was put. Markup is for whoever
//! writes a page to escape: here `<` is a letter.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Text made harmless. There is no other way to make one.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize)]
#[serde(transparent)]
pub struct Inert(String);

/// Longest text that is shown whole.
const LONGEST: usize = 16 << 10;

impl Inert {
    /// Of any text.
    #[must_use]
    pub fn new(text: &str) -> Inert {
        Inert::with(text, false)
    }

    /// Of text over several lines: line feeds stay.
    #[must_use]
    pub fn lines(text: &str) -> Inert {
        Inert::with(text, true)
    }

    fn with(text: &str, lines: bool) -> Inert {
        let mut out = String::with_capacity(text.len());
        for (n, c) in text.chars().enumerate() {
            if n >= LONGEST {
                out.push_str("\\u{2026} (cut)");
                break;
            }
            match c {
                '\n' if lines => out.push('\n'),
                c if hides(c) => out.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
                c => out.push(c),
            }
        }
        Inert(out)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether a character is not a visible one that stays where it stands.
fn hides(c: char) -> bool {
    matches!(u32::from(c),
        0..=0x1f | 0x7f..=0x9f          // control characters, ESC and line ends among them
        | 0xad | 0x34f | 0x61c | 0x115f | 0x1160 | 0x17b4 | 0x17b5 | 0x180b..=0x180f
        | 0x200b..=0x200f | 0x2028..=0x202f // no width, direction, lines and paragraphs
        | 0x205f..=0x206f | 0x3000 | 0x2000..=0x200a | 0x1680 | 0xa0 | 0x3164 | 0xffa0
        | 0xfe00..=0xfe0f | 0xfeff | 0xfff0..=0xffff // variants, marks, no characters
        | 0x1d173..=0x1d17a | 0xe0000..=0xe0fff // tags and more variants
        | 0xe000..=0xf8ff | 0xf0000..=0x10ffff) // private use: prints as whatever a font says
        || u32::from(c) & 0xfffe == 0xfffe
}

impl fmt::Display for Inert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Inert {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Inert::lines(&String::deserialize(from)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_moves_hides_or_ends_a_line() {
        for (text, shown) in [
            ("plain <b>&amp;</b> ü 漢", "plain <b>&amp;</b> ü 漢"),
            ("\u{1b}[2Jgone", "\\u{1b}[2Jgone"),
            ("a\r\nApproved by: dpo", "a\\u{d}\\u{a}Approved by: dpo"),
            ("gpj.\u{202e}exe", "gpj.\\u{202e}exe"),
            ("a\u{200b}b\u{2066}c\u{e0041}", "a\\u{200b}b\\u{2066}c\\u{e0041}"),
        ] {
            assert_eq!(Inert::new(text).as_str(), shown);
        }
        assert_eq!(Inert::lines("a\nb\r").as_str(), "a\nb\\u{d}");
    }

    proptest::proptest! {
        #[test]
        fn whatever_comes(text in "\\PC*|.*") {
            let shown = Inert::new(&text);
            proptest::prop_assert!(shown.as_str().chars().all(|c| !hides(c)));
            let again = Inert::new(shown.as_str());
            proptest::prop_assert_eq!(again.as_str(), shown.as_str());
        }
    }
}
