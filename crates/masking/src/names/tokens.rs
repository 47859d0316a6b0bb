//! Text as words and signs, for the tagger. Also compiled into its trainer (`bench/names`), so it uses nothing else of the
//! crate.

/// A word or sign of a text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Token {
    pub(crate) start: u32,
    pub(crate) end: u32,
    /// White space before it: 0 none, 1 blanks, 2 a line break.
    pub(crate) gap: u8,
    /// Its first byte, which rules out most of what a word may be.
    pub(crate) first: u8,
}

/// Words that end with a dot and do not end a sentence.
const ABBREVIATIONS: [&str; 31] = [
    "mr", "mrs", "ms", "dr", "prof", "st", "jr", "sr", "inc", "ltd", "co", "corp", "rev", "hon", "gen",
    "sgt", "capt", "lt", "col", "hr", "fr", "dipl", "ing", "mag", "drs", "gov", "sen", "rep", "pres", "maj",
    "cpl",
];

/// Cuts a text into tokens. Signs stand alone, but for those inside words (`O'Neil`, `Jean-Luc`, `U.S.`).
pub(crate) fn cut(text: &str, out: &mut Vec<Token>) {
    out.clear();
    let mut gap = 2;
    let mut at = 0;
    while let Some(b) = text.as_bytes().get(at).copied() {
        // Most text is ASCII and needs no tables.
        let (white, alphanumeric, len) = if b.is_ascii() {
            (b.is_ascii_whitespace() || b == 0x0B, b.is_ascii_alphanumeric(), 1)
        } else {
            let Some(c) = text.get(at..).and_then(|rest| rest.chars().next()) else { break };
            (c.is_whitespace(), c.is_alphanumeric(), c.len_utf8())
        };
        if white {
            gap = gap.max(if b == b'\n' { 2 } else { 1 });
            at += len;
            continue;
        }
        let end = at + if alphanumeric { word(text.get(at..).unwrap_or_default()) } else { len };
        out.push(Token { start: at as u32, end: end as u32, gap, first: b });
        (at, gap) = (end, 0);
    }
}

/// Length of the word at the start of `rest`.
fn word(rest: &str) -> usize {
    let plain = rest.bytes().take_while(u8::is_ascii_alphanumeric).count();
    // A blank or a plain sign behind it ends a word.
    let inside = |b: &u8| matches!(b, b'-' | b'_' | b'@' | b'\'' | b'.' | 0x80..);
    if plain > 0 && !rest.as_bytes().get(plain).is_some_and(inside) {
        return plain;
    }
    let mut end = 0;
    let mut dotted = false;
    let mut chars = rest.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if c.is_alphanumeric() || matches!(c, '\u{300}'..='\u{36f}') {
            end = at + c.len_utf8();
            continue;
        }
        let next = chars.peek().map(|(_, c)| *c).filter(|c| c.is_alphanumeric());
        let so_far = rest.get(..at).unwrap_or_default();
        match c {
            '-' | '_' | '@' if next.is_some() => {}
            '\'' | '’' if next.is_some() && !suffix(rest.get(at + c.len_utf8()..).unwrap_or_default()) => {}
            '.' if next.is_none() => {
                let known = so_far.len() <= 5 && ABBREVIATIONS.iter().any(|a| a.eq_ignore_ascii_case(so_far));
                let initial = so_far.chars().count() == 1 && so_far.chars().all(char::is_uppercase);
                return if known || initial || dotted { at + 1 } else { at };
            }
            // `U.S.`, `a.smith`, `example.org`: one word.
            '.' => dotted = true,
            _ => return at,
        }
    }
    end
}

/// `s` and the like behind an apostrophe are words of their own.
fn suffix(rest: &str) -> bool {
    let len = rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len());
    matches!(rest.get(..len).unwrap_or_default(), "s" | "S" | "t" | "re" | "ve" | "ll" | "d" | "m")
}
