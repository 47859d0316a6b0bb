//! What a text is, and a sentence in it: names are looked for in prose, and with care in what is shorter or looks otherwise.

use super::features;
use super::tokens::Token;

/// Longer lines of words with capitals are not looked at.
const ROLL: usize = 80;
/// Texts from this length on are written by somebody, not the value of a field.
const LETTER: usize = 160;
/// One sign of code to so many bytes makes a text code; in longer texts also one of any sign to so many.
const SIGNS: usize = 72;
const ANY_SIGN: usize = 16;
/// As much of a text tells whether it is code.
const SAMPLE: usize = 8 << 10;

/// What a text is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Text {
    /// A value of a field, or code.
    Value,
    /// Written by somebody to somebody.
    Free,
}

/// What a sentence is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Three words, one of them in small letters, and not mostly signs and numbers.
    Prose,
    /// Less than that, in a text that somebody wrote.
    Loose,
    /// Words with capitals: a list of names, a signature, a heading.
    Roll,
    /// The same in a text that somebody wrote, also one word.
    Brief,
}

impl Text {
    /// `note` says that the text stands alone, or is free text by its key.
    pub(super) fn of(text: &str, note: bool) -> Text {
        let free = (note || text.len() >= LETTER) && !is_code(text.as_bytes());
        if free { Text::Free } else { Text::Value }
    }

    /// What a sentence of the text is; `None` for what holds no names.
    pub(super) fn sentence(self, text: &str, tokens: &[Token]) -> Option<Kind> {
        let count = Count::of(text, tokens);
        let last = tokens.last().and_then(|t| text.get(t.start as usize..t.end as usize));
        let enough = if matches!(last, Some("." | "!" | "?")) { 1 } else { 2 };
        let Count { words, small, other, capital, signs } = count;
        if words >= 3 && small >= enough && capital >= 1 && other * 3 <= words && signs * 4 <= words {
            return Some(Kind::Prose);
        }
        if self == Text::Free && capital >= 1 && other <= words && signs * 2 <= words + 2 {
            if words >= 2 && small >= 1 {
                return Some(Kind::Loose);
            }
            if tokens.len() <= ROLL {
                return Some(Kind::Brief);
            }
        }
        (capital >= 2 && other <= words && tokens.len() <= ROLL).then_some(Kind::Roll)
    }
}

/// The words and signs of a sentence.
#[derive(Default)]
struct Count {
    words: usize,
    /// Words in small letters of more than one.
    small: usize,
    capital: usize,
    /// Quotation marks and brackets.
    signs: usize,
    /// Numbers and what prose does not have.
    other: usize,
}

impl Count {
    fn of(text: &str, tokens: &[Token]) -> Count {
        let mut count = Count::default();
        for t in tokens {
            match features::shape(text.get(t.start as usize..t.end as usize).unwrap_or_default()) {
                0 => {
                    count.small += usize::from(t.end - t.start > 1);
                    count.words += 1;
                }
                1..=4 | 6..=7 | 9 => {
                    count.capital += 1;
                    count.words += 1;
                }
                13..=15 => count.signs += 1,
                // Signs that prose has.
                10..=19 if t.end - t.start == 1 && sign(text, t) => {}
                _ => count.other += 1,
            }
        }
        count
    }
}

fn sign(text: &str, t: &Token) -> bool {
    matches!(
        text.as_bytes().get(t.start as usize),
        Some(b'.' | b',' | b'!' | b'?' | b'\'' | b'"' | b'(' | b')' | b'-' | b':' | b'@' | b'#')
    )
}

/// Whether a text has as many signs as code has.
fn is_code(text: &[u8]) -> bool {
    let text = text.get(..SAMPLE).unwrap_or(text);
    let (mut code, mut any) = (0, 0);
    for b in text {
        match b {
            b'{' | b'}' | b';' | b'=' | b'_' | b'`' | b'\\' | b'|' | b'$' => code += 1,
            b'[' | b']' | b'<' | b'>' | b':' | b'(' | b')' | b'"' => any += 1,
            _ => {}
        }
    }
    code >= 3 && code * SIGNS > text.len() || text.len() > LETTER && (code + any) * ANY_SIGN > text.len()
}
