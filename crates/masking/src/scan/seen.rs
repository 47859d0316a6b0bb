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
    /// Sixteen characters of a token in a row, or of base64
    pub(crate) token: bool,
    /// Ten characters of base64 in a row, with a capital letter or a digit among them or at the end of a line
    pub(crate) coded: bool,
    /// Where the first of those characters stand, and where the last such run begins at the latest.
    pub(crate) codes: (u32, u32),
    /// `<` or `~`
    pub(crate) short: bool,
    /// None of the words of [`super::survey`] is in the text: it was looked for them as a part of its document.
    pub(crate) unmarked: bool,
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
        // Short words, of which records are full, cost less than setting up vectors.
        if bytes.len() < LANES && bytes.iter().all(u8::is_ascii_lowercase) {
            return Seen::default();
        }
        let mut look = Look::default();
        let mut from = 0;
        let (steps, rest) = bytes.as_chunks::<STEP>();
        for step in steps {
            look.next();
            if let [one, two, three] = step.as_chunks::<LANES>().0 {
                look.part(u8x16::from(*one), LANES);
                look.part(u8x16::from(*two), 2 * LANES);
                look.part(u8x16::from(*three), 3 * LANES);
            }
            look.judge(bytes, from);
            from += STEP;
        }
        if !rest.is_empty() {
            look.next();
            let (parts, last) = rest.as_chunks::<LANES>();
            let mut shift = LANES;
            for part in parts {
                look.part(u8x16::from(*part), shift);
                shift += LANES;
            }
            if !last.is_empty() {
                look.part(u8x16::from(padded(last)), shift);
            }
            look.judge(bytes, from);
            from += STEP;
        }
        // Rows that begin in the last bytes.
        if from < bytes.len() + LANES {
            look.next();
            look.judge(bytes, from);
        }
        look.end(bytes)
    }

    /// Nothing can be found in a text of this length without a key.
    pub(crate) fn quiet(self, len: usize) -> bool {
        len < 12 && !(self.digit || self.at || self.assign || self.high || self.escape)
    }
}

/// Bytes that one vector holds.
const LANES: usize = 16;
/// The mask of as many bytes.
const ALL: u32 = 0xFFFF;
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
    coded: u64,
}

/// The look so far: of each kind of bytes, the lanes that had any.
#[derive(Default)]
struct Look {
    at: u8x16,
    colon: u8x16,
    equals: u8x16,
    escape: u8x16,
    line: u8x16,
    brace: u8x16,
    sign: u8x16,
    hyphen: u8x16,
    short: u8x16,
    high: u8x16,
    masks: Masks,
    seen: Seen,
}

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
        let Masks { digit, plain, coded } = self.masks;
        self.masks = Masks { digit: digit >> STEP, plain: plain >> STEP, coded: coded >> STEP };
    }

    /// Looks at sixteen bytes, whose bits are from `shift` on.
    #[inline(always)]
    fn part(&mut self, bytes: u8x16, shift: usize) {
        let is = |b: u8| bytes.simd_eq(splat(b));
        let (slash, hyphen) = (is(b'/'), is(b'-'));
        let digit = within(bytes, b'0', b'9');
        let plain = digit | within(bytes | splat(0x20), b'a', b'z');
        let coded = plain | hyphen | slash | is(b'_') | is(b'+');
        self.hyphen |= hyphen;
        self.sign |= slash;
        self.masks.digit |= u64::from(digit.to_bitmask()) << shift;
        self.masks.plain |= u64::from(plain.to_bitmask()) << shift;
        self.masks.coded |= u64::from(coded.to_bitmask()) << shift;
        // Most of any text is this, and then there is nothing else to look for.
        let common = coded | is(b' ') | is(b',') | is(b'.');
        if common.to_bitmask() == ALL {
            return;
        }
        let line = is(b'\n');
        let low = bytes.min(splat(31)).simd_eq(bytes);
        let white = line | is(b'\t') | is(b'\r');
        self.at |= is(b'@');
        self.colon |= is(b':');
        self.equals |= is(b'=');
        self.escape |= is(b'%') | is(b'&') | is(b'\\');
        self.line |= line;
        self.brace |= is(b'{');
        self.sign |= is(b'"') | is(b'\'') | is(b'>');
        self.short |= is(b'<') | is(b'~');
        // White space is low too, so one of the two is taken off the other.
        self.high |= bytes | (low ^ white) | is(0x7F);
    }

    /// Judges the rows that begin in the first [`STEP`] bytes of the masks, the last of which are those of the step at
    /// `from`.
    #[inline(always)]
    fn judge(&mut self, bytes: &[u8], from: usize) {
        let Masks { digit, plain, coded } = self.masks;
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
        let eight = eight(coded);
        if eight != 0 {
            self.seen.token |= eight & eight >> 8 != 0;
            let ten = eight & coded >> 8 & coded >> 9;
            if ten != 0 && (self.seen.coded || strong(bytes, from, with_nine(ten))) {
                let at = |bit: u32| (from as u32).wrapping_add(bit).wrapping_sub(LANES as u32);
                if !self.seen.coded {
                    self.seen.codes.0 = at(ten.trailing_zeros());
                }
                self.seen.codes.1 = at(63 - ten.leading_zeros());
                self.seen.coded = true;
            }
        }
        if self.seen.periodic.is_none() {
            self.seen.periodic = first_periodic(bytes, from, sign, digit);
        }
    }

    /// What was seen.
    #[inline(always)]
    fn end(self, bytes: &[u8]) -> Seen {
        let any = |lanes: u8x16| lanes.to_bitmask() != 0;
        let (colon, equals) = (any(self.colon), any(self.equals));
        let next = |n: usize| bytes.get(n + 1) == Some(&b'-');
        let hyphens = || any(self.hyphen) && memchr::memchr_iter(b'-', bytes).any(next);
        Seen {
            digit: self.seen.digits > 0,
            at: any(self.at),
            assign: colon || equals,
            colon,
            high: any(self.high),
            escape: any(self.escape),
            line: any(self.line),
            brace: any(self.brace),
            sign: any(self.sign) || hyphens(),
            short: any(self.short),
            ..self.seen
        }
    }
}

/// Whether a capital letter or a digit is among these bytes, or the end of a line behind one of them. The first bit is that
/// of the byte [`LANES`] in front of `from`.
#[inline(never)]
fn strong(bytes: &[u8], from: usize, mut places: u64) -> bool {
    while places != 0 {
        let at = (from + places.trailing_zeros() as usize).wrapping_sub(LANES);
        let here = bytes.get(at).is_some_and(|b| *b < b'a' && b.is_ascii_alphanumeric());
        if here || matches!(bytes.get(at + 1), Some(b'\n' | b'\r')) {
            return true;
        }
        places &= places - 1;
    }
    false
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
