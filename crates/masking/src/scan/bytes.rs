//! Classes of bytes, as tables.

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
