//! What the tagger looks at: hashed properties of a word and its neighbours. Also compiled into the trainer.

use super::lists;
use super::tokens::Token;

/// Most features of one token.
pub(crate) const MOST: usize = 40;
/// Rows of the table of weights.
pub(crate) const ROWS: usize = 1 << 19;

/// What is known of one token.
#[derive(Clone, Copy, Default)]
pub(crate) struct Word {
    /// Hash of the lower-case word.
    lower: u64,
    shape: u8,
    lists: u8,
    /// Hashes of the first three and the last two, three and four letters.
    ends: [u64; 4],
    /// The last three letters.
    tail: u64,
    gap: u8,
    /// Ends a sentence.
    stop: bool,
    /// All of this as one number.
    id: u64,
}

impl Word {
    fn named(self) -> Word {
        let kind = u64::from(self.shape) | u64::from(self.lists) << 8 | u64::from(self.gap) << 16;
        let id = self.lower ^ (kind + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        Word { id: id ^ id >> 29, ..self }
    }
}

/// A number for a word between its neighbours: the features follow from it.
pub(crate) fn context(words: &[Word], at: usize) -> u64 {
    let id = |d: isize| at.checked_add_signed(d).and_then(|i| words.get(i)).map_or(0, |w| w.id);
    (-2..=2).fold(1 + u64::from(at == 0), |sum, d| {
        (sum.rotate_left(23) ^ id(d)).wrapping_mul(0xff51_afd7_ed55_8ccd)
    })
}

const CAPITAL: u8 = 1;

// Evaluated by the compiler: an index out of bounds would not build.
#[allow(clippy::indexing_slicing)]
const fn counts() -> [u64; 256] {
    let mut t = [0u64; 256];
    let mut i = 0usize;
    while i < 256 {
        t[i] = match i as u8 {
            b'a'..=b'z' => 1,
            b'A'..=b'Z' => 1 << 21,
            b'0'..=b'9' => 1 << 42,
            _ => 0,
        };
        i += 1;
    }
    t
}

/// A small letter, a capital and a digit count for different parts of a number. A text of two million letters would be
/// counted wrongly, and no word has so many.
static COUNTS: [u64; 256] = counts();

/// Kinds of words by their letters.
pub(crate) fn shape(word: &str) -> u8 {
    let mut upper = 0u32;
    let mut lower = 0u32;
    let mut digit = 0u32;
    let mut inner = 0u32;
    let first = word.chars().next();
    // Most words are ASCII, and counting their bytes needs no tables.
    let ascii = word.is_ascii();
    if ascii {
        // Words are short: three counts in one number are faster than vectors.
        let counts = |b: u8| COUNTS.get(usize::from(b)).copied().unwrap_or(0);
        let all = word.bytes().fold(0u64, |sum, b| sum + counts(b));
        lower = all as u32 & 0x1F_FFFF;
        upper = (all >> 21) as u32 & 0x1F_FFFF;
        digit = (all >> 42) as u32;
        inner = word.len() as u32 - lower - upper - digit;
    }
    for c in word.chars().take_while(|_| !ascii) {
        match c {
            c if c.is_lowercase() => lower += 1,
            c if c.is_uppercase() => upper += 1,
            c if c.is_numeric() => digit += 1,
            c if c.is_alphabetic() => lower += 1,
            _ => inner += 1,
        }
    }
    let capital = first.is_some_and(char::is_uppercase);
    match (upper, lower, digit) {
        (0, 0, 0) => match first {
            Some('.' | '!' | '?') => 10,
            Some(',') => 11,
            Some('\'' | '’') => 12,
            Some('"' | '“' | '”' | '«' | '»' | '„') => 13,
            Some('(' | '[') => 14,
            Some(')' | ']') => 15,
            Some('-' | '–' | '—') => 16,
            Some('@' | '#') => 17,
            Some(':') => 18,
            _ => 19,
        },
        (0, 0, 1..=4) => 20,
        (0, 0, _) => 21,
        (_, _, 1..) => 22,
        (1, 0, _) if inner > 0 => 3,
        (1, 0, _) => 4,
        (_, 0, _) if inner > 0 => 5,
        (_, 0, _) if upper < 4 => 6,
        (_, 0, _) => 7,
        (0, _, _) if inner > 0 => 9,
        (0, _, _) => 0,
        (1, _, _) if capital && inner == 0 => CAPITAL,
        _ if capital => 2,
        _ => 8,
    }
}

/// Reads one token.
pub(crate) fn word(text: &str, token: &Token, filters: &[u8]) -> Word {
    let word = text.get(token.start as usize..token.end as usize).unwrap_or_default();
    let shape = shape(word);
    let lower = lists::hash(word);
    if shape >= 10 {
        let stop = shape == 10;
        return Word { lower, shape, gap: token.gap, stop, ..Word::default() }.named();
    }
    let (head, tails) = if word.is_ascii() {
        let n = word.len();
        (n.min(3), [n.saturating_sub(2), n.saturating_sub(3), n.saturating_sub(4)])
    } else {
        let at = |n: usize| word.char_indices().rev().nth(n - 1).map_or(0, |(i, _)| i);
        (word.char_indices().nth(3).map_or(word.len(), |(i, _)| i), [2, 3, 4].map(at))
    };
    let [two, three, four] = tails;
    let tail = |at: usize| lists::hash(word.get(at..).unwrap_or_default());
    let (two, three, four) = (tail(two), tail(three), tail(four));
    Word {
        lower,
        shape,
        lists: if shape == 9 { 0 } else { lists::hold(filters, lower) },
        ends: [lists::hash(word.get(..head).unwrap_or_default()), two, three, four],
        tail: three,
        gap: token.gap,
        stop: false,
        id: 0,
    }
    .named()
}

/// Rows of the table for token `at`.
pub(crate) fn rows(words: &[Word], at: usize, out: &mut [u32; MOST]) -> usize {
    let none = Word { shape: 31, ..Word::default() };
    let get = |d: isize| at.checked_add_signed(d).and_then(|i| words.get(i)).unwrap_or(&none);
    let (p2, p, w, n, n2) = (get(-2), get(-1), get(0), get(1), get(2));
    let start = u64::from(at == 0 || p.stop || w.gap == 2 || p.shape == 13);
    let mut count = 0;
    let mut add = |kind: u64, value: u64| {
        let h = (value ^ kind.wrapping_mul(0x9E37_79B9_7F4A_7C15)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        if let Some(slot) = out.get_mut(count) {
            *slot = ((h ^ (h >> 31)).wrapping_mul(0xc4ce_b9fe_1a85_ec53) >> 36) as u32 & (ROWS as u32 - 1);
            count += 1;
        }
    };
    let small = |w: &Word| u64::from(w.shape) << 3 | u64::from(w.lists);
    add(0, 0);
    add(1, w.lower);
    add(2, p.lower);
    add(3, n.lower);
    add(4, p2.lower);
    add(5, n2.lower);
    add(6, small(w) << 1 | start);
    add(7, small(w) << 8 | small(p));
    add(8, small(w) << 8 | small(n));
    add(9, small(p) << 16 | small(w) << 8 | small(n));
    add(10, u64::from(p2.shape) << 16 | u64::from(p.shape) << 8 | u64::from(w.shape));
    add(11, u64::from(n2.shape) << 16 | u64::from(n.shape) << 8 | u64::from(w.shape));
    add(12, u64::from(w.shape) << 2 | u64::from(p.gap.min(1)) << 1 | u64::from(w.gap.min(1)));
    if w.shape < 10 {
        for (i, e) in w.ends.into_iter().enumerate() {
            add(13 + i as u64, e);
        }
        add(17, w.tail ^ u64::from(w.shape) << 56);
        add(18, p.lower ^ u64::from(w.shape) << 56);
        add(19, n.lower ^ u64::from(w.shape) << 56);
        add(20, p.lower ^ small(w) << 48);
        add(21, p.lower.rotate_left(17) ^ p2.lower);
        add(22, n.lower.rotate_left(17) ^ n2.lower);
        add(23, w.lower.rotate_left(17) ^ p.lower);
        add(24, w.lower.rotate_left(17) ^ n.lower);
        add(25, n.tail ^ u64::from(w.shape) << 56);
        add(26, p.tail ^ u64::from(w.shape) << 56);
        add(27, small(w) << 16 | small(n) << 8 | small(n2));
        add(28, small(w) << 16 | small(p) << 8 | small(p2));
    }
    count
}
