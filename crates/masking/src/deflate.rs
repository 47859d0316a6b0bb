//! A look at the first block of a deflate stream (RFC 1951) that tells whether text can come out, without a decompressor's
//! tables: any word may be the beginning of bare deflate, and setting those up for each word costs more than all else.

/// What a look at the first block tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Look {
    /// Nothing: it has to be decompressed.
    Open,
    /// No text comes out, or nothing at all.
    No,
    /// The bytes end before the block does; what came out so far is text, or its tables are not complete.
    Cut,
}

/// As much of the output as is looked at.
const PROBE: usize = 256;

/// Looks at the first block.
pub(crate) fn look(body: &[u8]) -> Look {
    match body {
        [] => Look::No,
        [first, rest @ ..] if first & 6 == 0 => stored(rest),
        [first, ..] if first & 6 == 2 => Fixed { bits: Bits { body, at: 3 }, out: [0; PROBE], n: 0 }.look(),
        [first, ..] if first & 6 == 4 => dynamic(body),
        _ => Look::No,
    }
}

/// Length and its complement.
fn stored(rest: &[u8]) -> Look {
    match rest {
        [a, b, c, d, ..] if (*a, *b) == (!c, !d) => Look::Open,
        _ => Look::No,
    }
}

/// The lengths of the code of code lengths have to use up all codes.
fn dynamic(body: &[u8]) -> Look {
    let mut bits = Bits { body, at: 3 };
    let (Some(literals), Some(distances), Some(count)) = (bits.take(5), bits.take(5), bits.take(4)) else {
        return Look::Cut;
    };
    if literals > 29 || distances > 29 {
        return Look::No;
    }
    let (mut used, mut codes) = (0, 0);
    for _ in 0..count + 4 {
        let Some(len) = bits.take(3) else { return Look::Cut };
        if len > 0 {
            used += 128 >> len;
            codes += 1;
        }
    }
    if codes > 1 && used != 128 { Look::No } else { Look::Open }
}

/// Bits from the lowest of each byte on.
struct Bits<'a> {
    body: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    /// The next bits, up to thirteen of them; zeros behind the end.
    fn peek(&self, n: usize) -> u32 {
        let at = self.at / 8;
        let byte = |i: usize| u32::from(self.body.get(at + i).copied().unwrap_or(0));
        (byte(0) | byte(1) << 8 | byte(2) << 16) >> (self.at % 8) & ((1 << n) - 1)
    }

    fn skip(&mut self, n: usize) -> Option<()> {
        self.at += n;
        (self.at <= self.body.len() * 8).then_some(())
    }

    fn take(&mut self, n: usize) -> Option<u32> {
        let value = self.peek(n);
        self.skip(n).map(|()| value)
    }
}

/// A block with the fixed codes, and what came out of it.
struct Fixed<'a> {
    bits: Bits<'a>,
    out: [u8; PROBE],
    n: usize,
}

/// Extra bits and shortest length of the symbols from 257 on.
#[rustfmt::skip]
const LENGTHS: [(u8, u16); 29] = [
    (0, 3), (0, 4), (0, 5), (0, 6), (0, 7), (0, 8), (0, 9), (0, 10), (1, 11), (1, 13), (1, 15), (1, 17), (2, 19), (2, 23),
    (2, 27), (2, 31), (3, 35), (3, 43), (3, 51), (3, 59), (4, 67), (4, 83), (4, 99), (4, 115), (5, 131), (5, 163), (5, 195),
    (5, 227), (0, 258),
];

impl Fixed<'_> {
    fn look(mut self) -> Look {
        while self.n < PROBE {
            let Some(symbol) = self.symbol() else { return self.text(Look::Cut) };
            match symbol {
                0..=255 => self.put(symbol as u8),
                // The end of a block that is not the last: more may follow.
                256 if self.bits.body.first().is_none_or(|b| b & 1 == 0) => return Look::Open,
                256 => return self.text(Look::Open),
                _ => match self.copy(symbol) {
                    Some(true) => {}
                    Some(false) => return Look::No,
                    None => return self.text(Look::Cut),
                },
            }
        }
        Look::Open
    }

    /// The next symbol; `None` behind the end.
    fn symbol(&mut self) -> Option<u32> {
        let code = self.bits.peek(9).reverse_bits() >> 23;
        let (symbol, len) = match code {
            0..=95 => (256 + (code >> 2), 7),
            96..=383 => ((code >> 1) - 48, 8),
            384..=399 => ((code >> 1) - 192 + 280, 8),
            _ => (code - 400 + 144, 9),
        };
        self.bits.skip(len).map(|()| symbol)
    }

    fn put(&mut self, byte: u8) {
        if let Some(slot) = self.out.get_mut(self.n) {
            *slot = byte;
            self.n += 1;
        }
    }

    /// Copies what came out before; `Some(false)` when there is no such length or distance.
    fn copy(&mut self, symbol: u32) -> Option<bool> {
        let Some((extra, least)) = LENGTHS.get((symbol - 257) as usize) else { return Some(false) };
        let len = usize::from(*least) + self.bits.take(usize::from(*extra))? as usize;
        let code = self.bits.peek(5).reverse_bits() >> 27;
        self.bits.skip(5)?;
        if code > 29 {
            return Some(false);
        }
        let extra = (code / 2).saturating_sub(1);
        let base = if code < 4 { code } else { (2 + code % 2) << extra };
        let distance = 1 + (base + self.bits.take(extra as usize)?) as usize;
        let Some(from) = self.n.checked_sub(distance) else { return Some(false) };
        for i in 0..len {
            self.put(self.out.get(from + i).copied().unwrap_or(0));
        }
        Some(true)
    }

    /// `otherwise`, if what came out is text.
    fn text(&self, otherwise: Look) -> Look {
        let out = self.out.get(..self.n).unwrap_or_default();
        if is_text(out) { otherwise } else { Look::No }
    }
}

/// More than nine in ten bytes are text.
pub(crate) fn is_text(out: &[u8]) -> bool {
    let text = out.iter().filter(|b| matches!(b, b' '..=b'~' | b'\n' | b'\r' | b'\t' | 0x80..)).count();
    text > 0 && text * 10 > out.len() * 9
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use miniz_oxide::deflate::compress_to_vec;
    use miniz_oxide::inflate::decompress_to_vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn compressed_text_is_never_denied(text in "[a-zA-Z0-9 .,@:+-]{1,300}", level in 0u8..10) {
            let body = compress_to_vec(text.as_bytes(), level);
            prop_assert_eq!(look(&body), Look::Open);
            for cut in 1..body.len() {
                prop_assert!(look(&body[..cut]) != Look::No || cut < 6, "{} of {}", cut, body.len());
            }
        }

        #[test]
        fn what_is_denied_gives_no_text(mut body in prop::collection::vec(any::<u8>(), 1..60), kind in 0u8..3) {
            body[0] = body[0] & !6 | kind << 1 | 1;
            if look(&body) != Look::Open {
                let text = decompress_to_vec(&body).ok().filter(|out| is_text(out));
                prop_assert_eq!(text, None);
            }
        }
    }
}
