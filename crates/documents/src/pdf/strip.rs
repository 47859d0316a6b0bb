//! A PDF without its information dictionary and XMP. They are overwritten in their places, so that nothing else moves; where they
//! cannot be, the document is refused.

use memchr::memmem;

/// An empty zlib stream, for what says that it is compressed.
const EMPTY: &[u8] = b"\x78\x01\x01\x00\x00\xff\xff\x00\x00\x00\x01";

/// How often a document is looked through again: what overlaps in a damaged one shows only when the first is gone.
const ROUNDS: usize = 4;

/// The same document without what it says about itself; `None` if that cannot be reached.
pub(crate) fn strip(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut out = bytes.to_vec();
    for _ in 0..ROUNDS {
        let less = once(&out)?;
        if less == out {
            return Some(out);
        }
        out = less;
    }
    None
}

fn once(bytes: &[u8]) -> Option<Vec<u8>> {
    if memmem::find(bytes, b"/Encrypt").is_some() {
        return None;
    }
    let mut out = bytes.to_vec();
    // Every trailer of every revision names one.
    for at in memmem::find_iter(bytes, b"/Info") {
        let number = reference(bytes.get(at + 5..)?)?;
        blank_object(bytes, &number, &mut out)?;
    }
    for at in memmem::find_iter(bytes, b"/Metadata") {
        match reference(bytes.get(at + 9..)?) {
            // `/Metadata 12 0 R`
            Some(number) => blank_stream(bytes, &number, &mut out)?,
            // `/Type /Metadata`
            None => continue,
        }
    }
    // What stands in XMP without being called so.
    let left =
        memmem::find(&out, b"<?xpacket begin").is_some() || memmem::find(&out, b"<x:xmpmeta").is_some();
    (!left).then_some(out)
}

/// `12 0 R`
fn reference(rest: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(rest.get(..rest.len().min(32))?).into_owned();
    let mut words = text.split_ascii_whitespace();
    let (number, generation, r) = (words.next()?, words.next()?, words.next()?);
    let digits = |w: &str| !w.is_empty() && w.bytes().all(|b| b.is_ascii_digit());
    (digits(number) && digits(generation) && r.starts_with('R')).then(|| format!("{number} {generation} obj"))
}

/// Where the objects of this number stand: one in each revision.
fn places(bytes: &[u8], head: &str) -> Vec<usize> {
    let own = |at: &usize| at.checked_sub(1).and_then(|i| bytes.get(i)).is_none_or(u8::is_ascii_whitespace);
    memmem::find_iter(bytes, head.as_bytes()).filter(own).map(|at| at + head.len()).collect()
}

/// Overwrites the strings of a dictionary.
fn blank_object(bytes: &[u8], head: &str, out: &mut [u8]) -> Option<()> {
    let places = places(bytes, head);
    // In a compressed stream of objects it cannot be reached.
    if places.is_empty() {
        return None;
    }
    for from in places {
        let body = bytes.get(from..)?;
        let end = memmem::find(body, b"endobj")?;
        blank_strings(out.get_mut(from..from + end)?)?;
    }
    Some(())
}

/// Spaces, or zeros in hexadecimal, in place of every string.
fn blank_strings(body: &mut [u8]) -> Option<()> {
    let mut rest = body.iter_mut().peekable();
    while let Some(b) = rest.next() {
        match *b {
            b'(' => {
                let mut depth = 1;
                while depth > 0 {
                    let b = rest.next()?;
                    match *b {
                        b'\\' => {
                            *b = b' ';
                            *rest.next()? = b' ';
                            continue;
                        }
                        b'(' => depth += 1,
                        b')' => depth -= 1,
                        _ => {}
                    }
                    if depth > 0 {
                        *b = b' ';
                    }
                }
            }
            b'<' if rest.peek().is_some_and(|b| **b == b'<') => {
                rest.next();
            }
            b'<' => loop {
                let b = rest.next()?;
                if *b == b'>' {
                    break;
                }
                *b = b'0';
            },
            _ => {}
        }
    }
    Some(())
}

/// Overwrites the content of a stream.
fn blank_stream(bytes: &[u8], head: &str, out: &mut [u8]) -> Option<()> {
    let places = places(bytes, head);
    if places.is_empty() {
        return None;
    }
    for from in places {
        let body = bytes.get(from..)?;
        let start = memmem::find(body, b"stream")? + 6;
        let end = start + memmem::find(body.get(start..)?, b"endstream")?;
        let dict = body.get(..start)?;
        let lead = body.get(start..)?.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count().min(2);
        let content = out.get_mut(from + start + lead..from + end)?;
        content.fill(b' ');
        if memmem::find(dict, b"/Filter").is_some() {
            let plain = memmem::find(dict, b"FlateDecode").is_some() && content.len() >= EMPTY.len();
            content.get_mut(..EMPTY.len()).filter(|_| plain)?.copy_from_slice(EMPTY);
        }
    }
    Some(())
}
