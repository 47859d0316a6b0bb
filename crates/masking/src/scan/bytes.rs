//! Byte classes: the first look at a text, vectorised by the compiler.

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
}

impl Seen {
    /// Looks at all bytes once, without a branch.
    pub(crate) fn of(bytes: &[u8]) -> Seen {
        if bytes.len() < SHORT {
            let seen =
                bytes.iter().fold(0u8, |seen, b| seen | KINDS.get(usize::from(*b)).copied().unwrap_or(0));
            return Seen {
                digit: seen & 1 != 0,
                at: seen & 2 != 0,
                assign: seen & (4 | 8) != 0,
                colon: seen & 4 != 0,
                high: seen & 16 != 0,
                escape: seen & 32 != 0,
                line: seen & 64 != 0,
                brace: seen & 128 != 0,
            };
        }
        let (mut digit, mut at, mut equals, mut colon, mut high, mut escape) = (0u8, 0u8, 0u8, 0u8, 0u8, 0u8);
        let (mut line, mut brace) = (0u8, 0u8);
        for b in bytes {
            digit |= u8::from(b.wrapping_sub(b'0') < 10);
            at |= u8::from(*b == b'@');
            colon |= u8::from(*b == b':');
            equals |= u8::from(*b == b'=');
            escape |= u8::from(*b == b'%') | u8::from(*b == b'&') | u8::from(*b == b'\\');
            line |= u8::from(*b == b'\n');
            brace |= u8::from(*b == b'{');
            high |= *b | (u8::from(control(*b)) << 7);
        }
        Seen {
            digit: digit != 0,
            at: at != 0,
            assign: colon | equals != 0,
            colon: colon != 0,
            high: high >= 0x80,
            escape: escape != 0,
            line: line != 0,
            brace: brace != 0,
        }
    }

    /// Nothing can be found in a text of this length without a key.
    pub(crate) fn quiet(self, len: usize) -> bool {
        len < 12 && Seen { line: false, brace: false, ..self } == Seen::default()
    }
}

#[inline]
fn control(b: u8) -> bool {
    b < 9 || b.wrapping_sub(11) < 2 || b.wrapping_sub(14) < 18 || b == 0x7F
}

/// Below this a table costs less than setting up vectors.
const SHORT: usize = 32;

// Evaluated by the compiler: an index out of bounds would not build.
#[allow(clippy::indexing_slicing)]
const fn kinds() -> [u8; 256] {
    let mut t = [0u8; 256];
    let mut i = 0usize;
    while i < 256 {
        t[i] = match i as u8 {
            b'0'..=b'9' => 1,
            b'@' => 2,
            b':' => 4,
            b'=' => 8,
            0x7F.. | 0..=8 | 11 | 12 | 14..=31 => 16,
            b'%' | b'&' | b'\\' => 32,
            b'\n' => 64,
            b'{' => 128,
            _ => 0,
        };
        i += 1;
    }
    t
}

/// What [`Seen::of`] notes for each byte.
static KINDS: [u8; 256] = kinds();

const DIGIT: u8 = 2;
const LOCAL: u8 = 4;
const HOST: u8 = 8;
const HEX: u8 = 16;
const TOKEN: u8 = 32;
const ENCODED: u8 = 64;

// Evaluated by the compiler: an index out of bounds would not build.
#[allow(clippy::indexing_slicing)]
const fn table() -> [u8; 256] {
    let mut t = [0u8; 256];
    let mut i = 0usize;
    while i < 256 {
        let b = i as u8;
        let mut c = 0;
        if b.is_ascii_alphanumeric() {
            c |= LOCAL | HOST | TOKEN | ENCODED;
        }
        if b.is_ascii_digit() {
            c |= DIGIT;
        }
        if b.is_ascii_hexdigit() {
            c |= HEX;
        }
        // RFC 5322 atext and the dot; RFC 6531 adds everything beyond ASCII.
        if matches!(
            b,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'/'
                | b'='
                | b'?'
                | b'^'
                | b'_'
                | b'`'
                | b'{'
                | b'|'
                | b'}'
                | b'~'
                | b'.'
        ) {
            c |= LOCAL;
        }
        if matches!(b, b'-' | b'.') {
            c |= HOST;
        }
        if matches!(b, b'-' | b'_') {
            c |= TOKEN;
        }
        if matches!(b, b'-' | b'_' | b'+' | b'/') {
            c |= ENCODED;
        }
        if b >= 0x80 {
            c |= LOCAL | HOST;
        }
        t[i] = c;
        i += 1;
    }
    t
}

static TABLE: [u8; 256] = table();

#[inline]
fn has(b: u8, class: u8) -> bool {
    TABLE.get(usize::from(b)).is_some_and(|c| c & class != 0)
}

/// A decimal digit.
#[inline]
pub(crate) fn digit(b: u8) -> bool {
    has(b, DIGIT)
}

/// May stand in the local part of an e-mail address.
#[inline]
pub(crate) fn local(b: u8) -> bool {
    has(b, LOCAL)
}

/// May stand in a host name.
#[inline]
pub(crate) fn host(b: u8) -> bool {
    has(b, HOST)
}

/// A hexadecimal digit.
#[inline]
pub(crate) fn hex(b: u8) -> bool {
    has(b, HEX)
}

/// Letters, digits, `-` and `_`: what keys and tokens are spelled with.
#[inline]
pub(crate) fn token(b: u8) -> bool {
    has(b, TOKEN)
}

/// May stand in base64 of either alphabet.
#[inline]
pub(crate) fn encoded(b: u8) -> bool {
    has(b, ENCODED)
}
