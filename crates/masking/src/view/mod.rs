//! A second view of a text in which disguised characters are plain: compatibility forms and the digits of all scripts,
//! invisible characters, odd spaces and dashes, look-alikes, percent, HTML and backslash escapes. Made only where such a
//! character occurs.

mod escape;
mod lookalike;

use crate::layer::Map;
use crate::scan::Seen;
use escape::escape;
use lookalike::Words;

/// What becomes of a character.
#[derive(Clone, Copy, PartialEq)]
enum Plain {
    Keep,
    Drop,
    As(char),
    /// Several ASCII characters, such as the three of a ligature.
    Text([u8; LONGEST], u8),
}

/// Compatibility forms of more characters stay as they are.
const LONGEST: usize = 6;

/// The plain view, if it differs from the text.
pub(crate) fn plain(text: &str, seen: Seen) -> Option<(String, Map)> {
    if !(seen.escape || seen.high) {
        return None;
    }
    let mut words = Words::new(text);
    let mut out: Option<View> = None;
    let mut i = 0;
    while let Some(at) = next(text.as_bytes(), i, seen) {
        let Some(first) = text.get(at..).and_then(|rest| rest.chars().next()) else { break };
        let (plain, used) = match escape(text.as_bytes().get(at..).unwrap_or_default()) {
            Some((c, used)) => (read(c, at, &mut words).or(c), used),
            None => (read(first, at, &mut words), first.len_utf8()),
        };
        if plain != Plain::Keep {
            let view = out.get_or_insert_with(|| View::new(text));
            view.change(text, at, at + used, plain);
        }
        i = at + used;
    }
    out.map(|view| view.finish(text))
}

/// The view as it comes to be.
struct View {
    out: String,
    map: Map,
    /// The text up to here is in the view.
    done: usize,
}

impl View {
    fn new(text: &str) -> View {
        View { out: String::with_capacity(text.len()), map: Map::default(), done: 0 }
    }

    fn keep(&mut self, text: &str, to: usize) {
        if to > self.done {
            self.map.point(self.out.len(), self.done);
            self.out.push_str(text.get(self.done..to).unwrap_or_default());
            self.done = to;
        }
    }

    fn change(&mut self, text: &str, from: usize, to: usize, plain: Plain) {
        self.keep(text, from);
        match plain {
            Plain::Keep => return,
            Plain::Drop => {}
            Plain::As(c) => {
                self.map.point(self.out.len(), from);
                self.out.push(c);
            }
            Plain::Text(ascii, n) => {
                for b in ascii.iter().take(usize::from(n)) {
                    self.map.point(self.out.len(), from);
                    self.out.push(char::from(*b));
                }
            }
        }
        self.done = to;
    }

    fn finish(mut self, text: &str) -> (String, Map) {
        self.keep(text, text.len());
        self.map.finish(self.out.len(), text.len());
        (self.out, self.map)
    }
}

impl Plain {
    /// An escaped character that would stay as it is stands for itself.
    fn or(self, c: char) -> Plain {
        if self == Plain::Keep { Plain::As(c) } else { self }
    }
}

/// The next byte from `i` on that may be a disguise.
fn next(bytes: &[u8], mut i: usize, seen: Seen) -> Option<usize> {
    let odd = |b: &u8| *b >= 0x7F || matches!(b, b'%' | b'&' | b'\\') || *b < 0x20 && !white(*b);
    if !seen.high {
        return memchr::memchr3(b'%', b'&', b'\\', bytes.get(i..)?).map(|n| i + n);
    }
    loop {
        let rest = bytes.get(i..)?;
        if let Some((block, _)) = rest.split_first_chunk::<16>()
            && block.iter().fold(0u8, |any, b| any | u8::from(odd(b))) == 0
        {
            i += block.len();
            continue;
        }
        return rest.iter().position(odd).map(|n| i + n);
    }
}

fn white(b: u8) -> bool {
    matches!(b, b'\t' | b'\n' | b'\r')
}

/// What a character at `at` stands for.
fn read(c: char, at: usize, words: &mut Words<'_>) -> Plain {
    let n = c as u32;
    match n {
        0..=0x7F if c.is_ascii_control() && !white(n as u8) => Plain::Drop,
        // Letters with diacritics, kana, ideographs and Hangul: nothing but themselves.
        0..=0x7F | 0xC0..=0x17F | 0x3041..=0x30FE | 0x3400..=0x9FFF | 0xAC00..=0xD7A3 => Plain::Keep,
        // Default ignorable characters, interlinear annotation, and marks that stand over what they decorate.
        0x80..=0x84
        | 0x86..=0x9F
        | 0xAD
        | 0x0300..=0x036F
        | 0x061C
        | 0x115F
        | 0x1160
        | 0x17B4
        | 0x17B5
        | 0x180B..=0x180F
        | 0x1AB0..=0x1AFF
        | 0x1DC0..=0x1DFF
        | 0x200B..=0x200F
        | 0x202A..=0x202E
        | 0x2060..=0x206F
        | 0x20D0..=0x20FF
        | 0x3164
        | 0xFE00..=0xFE0F
        | 0xFE20..=0xFE2F
        | 0xFEFF
        | 0xFFA0
        | 0xFFF0..=0xFFFB
        | 0x1BCA0..=0x1BCA3
        | 0x1D173..=0x1D17A
        | 0xE0000..=0xE0FFF => Plain::Drop,
        0x85 | 0x2028 | 0x2029 => Plain::As('\n'),
        0xA0 | 0x1680 | 0x2000..=0x200A | 0x202F | 0x205F | 0x2800 | 0x3000 => Plain::As(' '),
        0x058A | 0x05BE | 0x2010..=0x2015 | 0x2043 | 0x2212 | 0x2E3A | 0x2E3B | 0xFE31 | 0xFE32 => {
            Plain::As('-')
        }
        0x2024 | 0x3002 | 0xFF61 => Plain::As('.'),
        0x2044 | 0x2215 | 0x29F8 => Plain::As('/'),
        0x02D0 | 0x2236 | 0xA789 => Plain::As(':'),
        0x2795 => Plain::As('+'),
        _ => match lookalike::digit(n) {
            Some(d) => Plain::As(char::from(b'0' + d)),
            None => words.letter(c, at).map_or_else(|| compatible(c), Plain::As),
        },
    }
}

/// The compatibility form (NFKC) if it is ASCII: full-width, mathematical, circled, small and raised letters, ligatures.
fn compatible(c: char) -> Plain {
    let mut text = [0u8; LONGEST];
    let mut n = 0usize;
    let mut fits = true;
    unicode_normalization::char::decompose_compatible(c, |c| match (u8::try_from(c), text.get_mut(n)) {
        (Ok(b), Some(slot)) if b.is_ascii() => (*slot, n) = (b, n + 1),
        _ => fits = false,
    });
    match (fits, text.first()) {
        (true, Some(b)) if n == 1 => Plain::As(char::from(*b)),
        (true, Some(_)) if n > 1 => Plain::Text(text, n as u8),
        _ => Plain::Keep,
    }
}
