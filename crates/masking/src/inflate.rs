//! Compressed text: gzip (RFC 1952), zlib (RFC 1950) and bare deflate (RFC 1951), within a size and a ratio.

use miniz_oxide::inflate::{TINFLStatus, decompress_to_vec_with_limit};

use crate::deflate::{self, Look};

/// No text is worth more when it is decompressed; what claims to be is an attack on the reader.
const RATIO: usize = 200;
/// Enough of the output to see whether it is text.
const PROBE: usize = 256;

/// What came out.
pub(crate) enum Inflated {
    Bytes(Vec<u8>),
    /// Text, and more of it than may be inspected.
    TooLarge,
}

/// Whether bytes that begin like this may be compressed text: a look at the header, or at what the beginning inflates to.
pub(crate) fn promising(head: &[u8]) -> bool {
    body(head).is_some_and(|body| match deflate::look(body) {
        Look::No => false,
        Look::Cut => true,
        Look::Open => begins_as_text(body),
    })
}

/// The deflate stream of compressed bytes. Bare deflate has no mark: everything is worth the look that follows.
fn body(raw: &[u8]) -> Option<&[u8]> {
    match raw {
        [0x1F, 0x8B, 8, flags, _, _, _, _, _, _, rest @ ..] => gzip(*flags, rest),
        [cmf @ 0x78, flg, rest @ ..] if (u16::from(*cmf) * 256 + u16::from(*flg)).is_multiple_of(31) => {
            Some(rest)
        }
        // Reserved block type.
        [first, ..] if first & 6 != 6 => Some(raw),
        _ => None,
    }
}

/// Skips the optional fields of a gzip header.
fn gzip(flags: u8, mut rest: &[u8]) -> Option<&[u8]> {
    if flags & 4 != 0 {
        let len = usize::from(*rest.first()?) + usize::from(*rest.get(1)?) * 256;
        rest = rest.get(2 + len..)?;
    }
    for flag in [8, 16] {
        if flags & flag != 0 {
            let end = memchr::memchr(0, rest)?;
            rest = rest.get(end + 1..)?;
        }
    }
    if flags & 2 != 0 { rest.get(2..) } else { Some(rest) }
}

/// Whether the first bytes that come out are text.
fn begins_as_text(body: &[u8]) -> bool {
    let out = match decompress_to_vec_with_limit(body, PROBE) {
        Ok(out) => out,
        Err(e) => match e.status {
            TINFLStatus::HasMoreOutput
            | TINFLStatus::FailedCannotMakeProgress
            | TINFLStatus::NeedsMoreInput => e.output,
            _ => return false,
        },
    };
    // What was not written stays zero.
    let written = out.iter().rposition(|b| *b != 0).map_or(0, |n| n + 1);
    let out = out.get(..written).unwrap_or_default();
    // Dynamic tables may take all of a short beginning.
    out.is_empty() && body.len() < 128 && body.first().is_some_and(|b| b & 6 == 4) || deflate::is_text(out)
}

/// Decompresses text. `None` if the bytes are something else.
pub(crate) fn inflate(raw: &[u8], most: usize) -> Option<Inflated> {
    // A stream that is cut gives nothing.
    let body = body(raw).filter(|b| deflate::look(b) == Look::Open && begins_as_text(b))?;
    match decompress_to_vec_with_limit(body, most.min(raw.len().saturating_mul(RATIO))) {
        Ok(out) => Some(Inflated::Bytes(out)),
        Err(e) if e.status == TINFLStatus::HasMoreOutput => Some(Inflated::TooLarge),
        Err(_) => None,
    }
}
