//! `ToUnicode`: which text the codes of a font stand for (ISO 32000-1, 9.10.3).

use std::collections::HashMap;

/// Entries of one map that are kept.
const ENTRIES: usize = 1 << 17;

/// The text of codes.
#[derive(Debug, Default)]
pub(super) struct ToUnicode {
    /// Length of the codes from a first to a last one.
    spaces: Vec<(usize, u32, u32)>,
    single: HashMap<u32, String>,
    /// From, to, the text of the first one; in order.
    ranges: Vec<(u32, u32, Vec<u16>)>,
}

enum Token<'a> {
    Hex(Vec<u8>),
    Open,
    Close,
    Word(&'a [u8]),
}

impl ToUnicode {
    pub(super) fn read(data: &[u8]) -> ToUnicode {
        let mut map = ToUnicode::default();
        let (mut held, mut at): (Vec<Token<'_>>, usize) = (Vec::new(), 0);
        while let Some((token, next)) = token(data, at) {
            at = next;
            match token {
                Token::Word(b"endcodespacerange") => map.space(&held),
                Token::Word(b"endbfchar") => map.chars(&held),
                Token::Word(b"endbfrange") => map.range(&held),
                Token::Word(word) if word.starts_with(b"begin") => {}
                Token::Word(_) => {
                    held.clear();
                    continue;
                }
                other => {
                    held.push(other);
                    continue;
                }
            }
            held.clear();
            if map.single.len() + map.ranges.len() > ENTRIES {
                break;
            }
        }
        map.ranges.sort_by_key(|r| r.0);
        map
    }

    fn space(&mut self, held: &[Token<'_>]) {
        for pair in held.chunks_exact(2) {
            if let [Token::Hex(lo), Token::Hex(hi)] = pair {
                self.spaces.push((lo.len(), number(lo), number(hi)));
            }
        }
    }

    fn chars(&mut self, held: &[Token<'_>]) {
        for pair in held.chunks_exact(2) {
            if let [Token::Hex(code), Token::Hex(text)] = pair {
                self.single.insert(number(code), String::from_utf16_lossy(&units(text)));
            }
        }
    }

    fn range(&mut self, held: &[Token<'_>]) {
        let mut rest = held.iter();
        while let (Some(Token::Hex(lo)), Some(Token::Hex(hi))) = (rest.next(), rest.next()) {
            let (lo, hi) = (number(lo), number(hi));
            match rest.next() {
                Some(Token::Hex(text)) => self.ranges.push((lo, hi, units(text))),
                Some(Token::Open) => {
                    for code in lo.. {
                        let Some(Token::Hex(text)) = rest.next() else { break };
                        self.single.insert(code, String::from_utf16_lossy(&units(text)));
                    }
                }
                _ => return,
            }
        }
    }

    /// The text of a code; `None` where the map does not know it.
    pub(super) fn text(&self, code: u32) -> Option<String> {
        if let Some(text) = self.single.get(&code) {
            return Some(text.clone());
        }
        let before = self.ranges.partition_point(|r| r.0 <= code);
        // Ranges may lie in each other, in files of odd programs.
        let near = self.ranges.get(before.saturating_sub(8)..before)?;
        let (lo, _, text) = near.iter().rev().find(|r| r.1 >= code)?;
        let mut text = text.clone();
        let last = text.last_mut()?;
        *last = last.wrapping_add(u16::try_from(code - lo).ok()?);
        Some(String::from_utf16_lossy(&text))
    }

    /// How long the code at the beginning of these bytes is.
    pub(super) fn length(&self, bytes: &[u8]) -> usize {
        let fits = |n: &usize| {
            let code = bytes.get(..*n).map(number);
            self.spaces.iter().any(|(len, lo, hi)| len == n && code.is_some_and(|c| (*lo..=*hi).contains(&c)))
        };
        (1..=4).find(fits).unwrap_or(2)
    }
}

/// A big-endian number of up to four bytes.
pub(super) fn number(bytes: &[u8]) -> u32 {
    bytes.iter().take(4).fold(0, |n, b| n << 8 | u32::from(*b))
}

fn units(bytes: &[u8]) -> Vec<u16> {
    if let [one] = bytes {
        return vec![u16::from(*one)];
    }
    bytes.as_chunks::<2>().0.iter().map(|pair| u16::from_be_bytes(*pair)).collect()
}

/// The token at `at` or behind it, and where it ends.
fn token(data: &[u8], mut at: usize) -> Option<(Token<'_>, usize)> {
    loop {
        let rest = data.get(at..)?;
        match rest.first()? {
            b if b.is_ascii_whitespace() || *b == 0 => at += 1,
            b'%' => at += rest.iter().position(|b| matches!(b, b'\n' | b'\r')).unwrap_or(rest.len()),
            b'<' if rest.get(1) != Some(&b'<') => {
                let end = rest.iter().position(|b| *b == b'>')?;
                return Some((Token::Hex(hex(rest.get(1..end)?)), at + end + 1));
            }
            b'[' => return Some((Token::Open, at + 1)),
            b']' => return Some((Token::Close, at + 1)),
            _ => {
                let stop = |b: &u8| b.is_ascii_whitespace() || matches!(b, b'<' | b'[' | b']' | b'%');
                let len = 1 + rest.iter().skip(1).position(stop).unwrap_or(rest.len() - 1);
                return Some((Token::Word(rest.get(..len)?), at + len));
            }
        }
    }
}

fn hex(text: &[u8]) -> Vec<u8> {
    let digits: Vec<u8> = text
        .iter()
        .filter_map(|b| char::from(*b).to_digit(16))
        .filter_map(|d| u8::try_from(d).ok())
        .collect();
    digits.chunks(2).map(|p| p.iter().fold(0, |n, d| n << 4 | d) << (4 * (2 - p.len()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_their_text() {
        let map = ToUnicode::read(
            b"/CIDInit /ProcSet findresource begin 1 begincodespacerange <0000> <FFFF> endcodespacerange
            2 beginbfchar <0003> <0020> <0010> <00660069> endbfchar
            2 beginbfrange <0024> <003D> <0041> <0050> <0051> [<0061> <0062>] endbfrange endcmap",
        );
        let text = |code| map.text(code);
        assert_eq!(text(3).as_deref(), Some(" "));
        assert_eq!(text(0x10).as_deref(), Some("fi"));
        assert_eq!(text(0x25).as_deref(), Some("B"));
        assert_eq!(text(0x51).as_deref(), Some("b"));
        assert_eq!(text(0x99), None);
        assert_eq!(map.length(b"\x00\x24"), 2);
        assert_eq!(ToUnicode::read(b"<<<[[ <00 endbfrange <").text(0), None);
    }
}
