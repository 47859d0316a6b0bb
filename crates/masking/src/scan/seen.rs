//! The first look at a text: which kinds of bytes and which rows of bytes occur in it. Sixteen bytes are looked at together,
//! once; what follows runs only where it can find something. A look that says too much costs time, one that says too little
//! would lose a value: each says what must be there for the recognisers behind it.

use wide::u8x16;

use crate::periodic;

/// Which kinds of bytes occur in a text.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) struct Seen {
    pub(crate) digit: bool,
    pub(crate) at: bool,
    /// `:` or `=`
    pub(crate) assign: bool,
    pub(crate) colon: bool,
    /// A byte beyond ASCII, or a control character that is no white space.
    pub(crate) high: bool,
    /// `%`, `&` or a backslash
    pub(crate) escape: bool,
    /// A line break
    pub(crate) line: bool,
    /// `{`
    pub(crate) brace: bool,
    /// A quotation mark, `>`, `/` or two hyphens
    pub(crate) sign: bool,
    /// Sixteen characters of a token in a row
    pub(crate) token: bool,
    /// Ten characters of base64 in a row, with a capital letter or a digit among them or at the end of a line
    pub(crate) coded: bool,
    /// How many digits; more than [`ENOUGH`] are as good as that many.
    pub(crate) digits: u32,
    /// How many bytes that are no ASCII letter or digit; more than [`ENOUGH`] as well.
    pub(crate) signs: u32,
    /// The first place of [`periodic::next`].
    pub(crate) periodic: Option<u32>,
}

impl Seen {
    /// Looks at all bytes once.
    pub(crate) fn of(bytes: &[u8]) -> Seen {
        #[cfg(test)]
        if tests::OPEN.get() {
            return tests::everything(bytes);
        }
        let mut look = Look::default();
        let mut from = 0;
        let (steps, rest) = bytes.as_chunks::<STEP>();
        for step in steps {
            look.next();
            for (n, part) in step.as_chunks::<LANES>().0.iter().enumerate() {
                look.part(u8x16::from(*part), n);
            }
            look.judge(bytes, from);
            from += STEP;
        }
        if !rest.is_empty() {
            look.next();
            let (parts, last) = rest.as_chunks::<LANES>();
            for (n, part) in parts.iter().enumerate() {
                look.part(u8x16::from(*part), n);
            }
            if !last.is_empty() {
                look.part(u8x16::from(padded(last)), parts.len());
            }
            look.judge(bytes, from);
            from += STEP;
        }
        // Rows that begin in the last bytes.
        if from < bytes.len() + LANES {
            look.next();
            look.judge(bytes, from);
        }
        look.end()
    }

    /// Nothing can be found in a text of this length without a key.
    pub(crate) fn quiet(self, len: usize) -> bool {
        len < 12 && !(self.digit || self.at || self.assign || self.high || self.escape)
    }
}

/// Bytes that one vector holds.
const LANES: usize = 16;
/// Bytes of one step. Behind each the look has the masks of sixty-four bytes, the last sixteen of the step before and these:
/// no row that is looked for is longer than what lies behind its first byte there.
const STEP: usize = 3 * LANES;

/// Fewer than sixteen bytes, with blanks behind them.
fn padded(bytes: &[u8]) -> [u8; LANES] {
    let n = bytes.len();
    let word = match (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        (Some(head), Some(tail)) => {
            u128::from(u64::from_le_bytes(*head)) | u128::from(u64::from_le_bytes(*tail)) << (8 * (n - 8))
        }
        _ => match (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
            (Some(head), Some(tail)) => {
                u128::from(u32::from_le_bytes(*head)) | u128::from(u32::from_le_bytes(*tail)) << (8 * (n - 4))
            }
            _ => bytes.iter().rev().fold(0, |word, b| word << 8 | u128::from(*b)),
        },
    };
    const BLANKS: u128 = u128::from_le_bytes([b' '; LANES]);
    let blanks = BLANKS.checked_shl(8 * n as u32).unwrap_or(0);
    (word | blanks).to_le_bytes()
}

/// One bit for each byte.
#[derive(Clone, Copy, Default)]
struct Masks {
    digit: u64,
    /// ASCII letters and digits.
    plain: u64,
    capital: u64,
    token: u64,
    coded: u64,
    hyphen: u64,
    /// The end of a line.
    end: u64,
}

/// The look so far.
#[derive(Default)]
struct Look {
    /// Kinds of bytes that occur in any lane, a bit for each.
    kinds: u8x16,
    masks: Masks,
    seen: Seen,
}

const AT: u8 = 1;
const COLON: u8 = 2;
const EQUALS: u8 = 4;
const ESCAPE: u8 = 8;
const LINE: u8 = 16;
const BRACE: u8 = 32;
const SIGN: u8 = 64;
const HIGH: u8 = 128;

#[inline(always)]
fn splat(b: u8) -> u8x16 {
    u8x16::splat(b)
}

/// Bytes from `low` to `high`.
#[inline(always)]
fn within(bytes: u8x16, low: u8, high: u8) -> u8x16 {
    let at = bytes - splat(low);
    at.min(splat(high - low)).simd_eq(at)
}

impl Look {
    /// Keeps the last bytes of a step for the next one.
    #[inline(always)]
    fn next(&mut self) {
        let Masks { digit, plain, capital, token, coded, hyphen, end } = &mut self.masks;
        for mask in [digit, plain, capital, token, coded, hyphen, end] {
            *mask >>= STEP;
        }
    }

    /// Looks at sixteen bytes, which are number `n` of their step.
    #[inline(always)]
    fn part(&mut self, bytes: u8x16, n: usize) {
        let is = |b: u8| bytes.simd_eq(splat(b));
        let (equals, line, slash, hyphen, cr) = (is(b'='), is(b'\n'), is(b'/'), is(b'-'), is(b'\r'));
        let escape = is(b'%') | is(b'&') | is(b'\\');
        let sign = is(b'"') | is(b'\'') | is(b'>') | slash;
        let low = bytes.min(splat(31)).simd_eq(bytes);
        let white = line | is(b'\t') | cr;
        let high = bytes | (low & (white ^ splat(0xFF))) | is(0x7F);
        self.kinds |= is(b'@') & splat(AT)
            | is(b':') & splat(COLON)
            | equals & splat(EQUALS)
            | escape & splat(ESCAPE)
            | line & splat(LINE)
            | is(b'{') & splat(BRACE)
            | sign & splat(SIGN)
            | high & splat(HIGH);
        let digit = within(bytes, b'0', b'9');
        let plain = digit | within(bytes | splat(0x20), b'a', b'z');
        let token = plain | hyphen | is(b'_');
        let coded = token | slash | is(b'+');
        let bits = |mask: u8x16| u64::from(mask.to_bitmask()) << ((n + 1) * LANES);
        let masks = &mut self.masks;
        masks.digit |= bits(digit);
        masks.plain |= bits(plain);
        masks.capital |= bits(within(bytes, b'A', b'Z'));
        masks.token |= bits(token);
        masks.coded |= bits(coded);
        masks.hyphen |= bits(hyphen);
        masks.end |= bits(line | cr);
    }

    /// Judges the rows that begin in the first [`STEP`] bytes of the masks, the last of which are those of the step at
    /// `from`.
    #[inline(always)]
    fn judge(&mut self, bytes: &[u8], from: usize) {
        let Masks { digit, plain, capital, token, coded, hyphen, end } = self.masks;
        let fresh = u64::MAX << LANES;
        // More is of no interest, and counting costs as much as the rest.
        if self.seen.digits < ENOUGH {
            self.seen.digits += (digit & fresh).count_ones();
        }
        // Bytes of the text: none are in front of it, and none behind.
        let before = if from == 0 { fresh } else { u64::MAX };
        let behind = (bytes.len() + LANES).saturating_sub(from);
        let live = before & if behind < 64 { !(u64::MAX << behind) } else { u64::MAX };
        let sign = !plain & live;
        if self.seen.signs < ENOUGH {
            self.seen.signs += (sign & fresh).count_ones();
        }
        self.seen.sign |= hyphen & hyphen >> 1 != 0;
        let token = eight(token);
        self.seen.token |= token & token >> 8 != 0;
        let ten = eight(coded) & coded >> 8 & coded >> 9;
        if ten != 0 {
            self.seen.coded |= with_nine(ten) & (digit | capital | end >> 1) != 0;
        }
        if self.seen.periodic.is_none() {
            self.seen.periodic = first_periodic(bytes, from, sign, digit);
        }
    }

    /// What was seen.
    #[inline(always)]
    fn end(self) -> Seen {
        let kinds = u128::from_le_bytes(self.kinds.to_array());
        let kinds = (kinds as u64) | (kinds >> 64) as u64;
        let kinds = kinds | kinds >> 32;
        let kinds = kinds | kinds >> 16;
        let kinds = (kinds | kinds >> 8) as u8;
        let has = |kind: u8| kinds & kind != 0;
        Seen {
            digit: self.seen.digits > 0,
            at: has(AT),
            assign: has(COLON | EQUALS),
            colon: has(COLON),
            high: has(HIGH),
            escape: has(ESCAPE),
            line: has(LINE),
            brace: has(BRACE),
            sign: self.seen.sign || has(SIGN),
            ..self.seen
        }
    }
}

/// So many digits and signs are counted at least, if there are as many.
const ENOUGH: u32 = 8;

/// Where eight set bits in a row begin.
#[inline(always)]
fn eight(bits: u64) -> u64 {
    let two = bits & bits >> 1;
    let four = two & two >> 2;
    four & four >> 4
}

/// Each set bit with the nine above it.
#[inline(always)]
fn with_nine(bits: u64) -> u64 {
    let two = bits | bits << 1;
    let four = two | two << 2;
    four | four << 4 | two << 8
}

/// The first periodic place among the first [`STEP`] bytes of the masks that end with the step at `from`. `sign` are the
/// bytes that are no letter or digit: whatever repeats is such.
#[inline(always)]
fn first_periodic(bytes: &[u8], from: usize, sign: u64, digit: u64) -> Option<u32> {
    let twice = sign >> 2 & sign >> 4 & sign >> 6;
    let thrice = sign >> 3 & sign >> 6 & sign >> 9;
    let hex = (digit >> 1 | digit >> 2) & (sign >> 5 & sign >> 10 | sign >> 6 & sign >> 12);
    let mut places = sign & (twice | thrice | hex) & (u64::MAX >> LANES);
    while places != 0 {
        let at = (from + places.trailing_zeros() as usize).wrapping_sub(LANES);
        if bytes.get(at..).is_some_and(periodic::here) {
            return u32::try_from(at).ok();
        }
        places &= places - 1;
    }
    None
}

#[cfg(test)]
pub(crate) mod tests;
