//! Columns in text: the header of a CSV, TSV, Markdown or terminal table, and the keys of a Python dictionary, are keys for
//! the cells under them.
//!
//! A table is recognised by its first line: at least two fields, one of which is a key of something sensitive, and no
//! values among them. Every line costs a look at its separators, nothing is parsed twice.

use std::ops::Range;

use crate::keys::{Company, Hint, Keys, Role, Said, together};

/// Headers with more fields are no headers.
const FIELDS: usize = 128;
/// A header field is no longer than this.
const NAME: usize = 48;
/// Lines that are tried as a header.
const TRIES: usize = 4096;

/// Gives each cell of each table in the text, with what its header says.
pub(crate) fn cells(text: &str, keys: &Keys, each: &mut dyn FnMut(Range<usize>, Hint)) {
    let mut tries = 0;
    let mut at = 0;
    while let Some(end) = line(text, at) {
        let header = text.get(at..end).unwrap_or_default();
        let next = end + 1;
        if tries < TRIES
            && let Some(sign) = separator(header)
        {
            tries += 1;
            if let Some(hints) = read_header(header, sign, keys) {
                at = rows(text, next, sign, &hints, at, each);
                continue;
            }
        }
        at = next;
    }
}

/// The end of the line that begins at `at`; `None` behind the text.
fn line(text: &str, at: usize) -> Option<usize> {
    let rest = text.as_bytes().get(at..).filter(|r| !r.is_empty())?;
    Some(memchr::memchr(b'\n', rest).map_or(text.len(), |n| at + n))
}

/// What separates the fields of a header.
fn separator(line: &str) -> Option<u8> {
    let b = line.as_bytes();
    if b.len() < 5 || b.len() > 4096 {
        return None;
    }
    let place = |sign: u8| memchr::memchr(sign, b).map(|at| (sign, at));
    let (sign, at) = match memchr::memchr3(b'|', b'\t', b';', b) {
        Some(_) => [b'|', b'\t', b';'].into_iter().find_map(place)?,
        None => place(b',')?,
    };
    // Most lines with a comma are sentences: what stands in front of it is no name.
    let first = line.get(..at).unwrap_or_default().trim();
    (first.len() <= NAME || first.starts_with('"')).then_some(sign)
}

/// The fields of a line, as spans without blanks and quotes.
fn fields(line: &str, sign: u8, out: &mut Vec<Range<usize>>) {
    out.clear();
    let b = line.as_bytes();
    let mut at = 0;
    while at <= b.len() && out.len() <= FIELDS {
        let blank = b.get(at..).unwrap_or_default().iter().take_while(|c| **c == b' ').count();
        let quoted = sign != b'|' && b.get(at + blank) == Some(&b'"');
        let mut end = at;
        if quoted {
            end = at + blank + 1;
            // A doubled quote stands for one.
            while let Some(n) = memchr::memchr(b'"', b.get(end..).unwrap_or_default()) {
                end += n + 1;
                if b.get(end) != Some(&b'"') {
                    break;
                }
                end += 1;
            }
        }
        end += memchr::memchr(sign, b.get(end..).unwrap_or_default()).unwrap_or(b.len().saturating_sub(end));
        out.push(trim(line, at..end));
        at = end + 1;
    }
}

/// Without blanks, then without the quotes around it.
fn trim(line: &str, span: Range<usize>) -> Range<usize> {
    let text = line.get(span.clone()).unwrap_or_default();
    let start = span.start + (text.len() - text.trim_start().len());
    let text = text.trim();
    match text.strip_prefix('"').and_then(|t| t.strip_suffix('"')) {
        Some(inner) => start + 1..start + 1 + inner.len(),
        None => start..start + text.len(),
    }
}

/// The hints of a header; `None` if the line is none, or says nothing.
fn read_header(line: &str, sign: u8, keys: &Keys) -> Option<Vec<Option<Hint>>> {
    let mut spans = Vec::new();
    fields(line, sign, &mut spans);
    let names: Vec<&str> = spans.iter().map(|s| line.get(s.clone()).unwrap_or_default()).collect();
    let named = names.iter().filter(|n| !n.is_empty()).count();
    if named < 2 || names.len() > FIELDS || !names.iter().all(|n| is_name(n)) {
        return None;
    }
    let hints = hints(&names, keys);
    hints.iter().any(Option::is_some).then_some(hints)
}

/// Looks like a column's name and not like a value.
fn is_name(text: &str) -> bool {
    text.len() <= NAME
        && text.split(' ').count() <= 4
        && text.chars().all(|c| {
            c.is_alphanumeric() || matches!(c, ' ' | '_' | '-' | '.' | '/' | '(' | ')' | '#' | '*' | '\'')
        })
        && text.bytes().filter(u8::is_ascii_digit).count() < 3
}

/// What the names of columns say, each beside the others.
pub(crate) fn hints(names: &[&str], keys: &Keys) -> Vec<Option<Hint>> {
    let said: Vec<Said> = names.iter().map(|n| keys.read(n.trim_matches(['*', '#', ' ']))).collect();
    let mut company = Company::default();
    said.iter().for_each(|s| company.join(s.beside));
    let one = |s: &Said| {
        let together = together(s, Role::Unknown, None, || company);
        s.hint.filter(|h| h.is_strong()).or(together).or(s.hint).filter(|h| h.class.is_some())
    };
    said.iter().map(one).collect()
}

/// The rows under a header; gives where the table ends.
fn rows(
    text: &str,
    from: usize,
    sign: u8,
    hints: &[Option<Hint>],
    header: usize,
    each: &mut dyn FnMut(Range<usize>, Hint),
) -> usize {
    let mut at = from;
    let mut spans = Vec::new();
    while let Some(end) = line(text, at) {
        let row = text.get(at..end).unwrap_or_default();
        if rule(row) {
            at = end + 1;
            continue;
        }
        fields(row, sign, &mut spans);
        // psql leaves out the outer signs, others the last empty fields.
        // With commas, which prose has as well, every line must have the same fields.
        let other = matches!(sign, b',' | b';') && spans.len() != hints.len();
        if other || spans.len() < 2 || spans.len() > hints.len() + 1 || row.trim().is_empty() {
            break;
        }
        for (span, hint) in spans.iter().zip(hints) {
            if let Some(hint) = hint
                && span.len() > 1
            {
                each(at + span.start..at + span.end, *hint);
            }
        }
        at = end + 1;
    }
    at.max(header + 1)
}

/// `+----+----+`, `|:---|---:|`, `----+----`
fn rule(line: &str) -> bool {
    line.len() > 2
        && line.contains("--")
        && line.bytes().all(|b| matches!(b, b'-' | b'+' | b'|' | b':' | b'=' | b' ' | b'\r'))
}

/// Gives each value of each Python dictionary in the text (`{'name': 'Jane', ...}`), with what its key says.
pub(crate) fn dictionaries(text: &str, keys: &Keys, each: &mut dyn FnMut(Range<usize>, Hint)) {
    let b = text.as_bytes();
    let mut at = 0;
    let mut entries: Vec<(&str, Range<usize>)> = Vec::new();
    while let Some(open) = memchr::memmem::find(b.get(at..).unwrap_or_default(), b"{'").map(|n| at + n) {
        entries.clear();
        at = dictionary(text, open + 1, &mut entries).max(open + 2);
        let names: Vec<&str> = entries.iter().map(|e| e.0).collect();
        if names.is_empty() || names.len() > FIELDS {
            continue;
        }
        for (hint, (_, span)) in hints(&names, keys).into_iter().zip(&entries) {
            if let Some(hint) = hint {
                each(span.clone(), hint);
            }
        }
    }
}

/// Reads entries until something else comes; gives where that is.
fn dictionary<'a>(text: &'a str, from: usize, out: &mut Vec<(&'a str, Range<usize>)>) -> usize {
    let b = text.as_bytes();
    let blank = |at: usize| {
        at + b.get(at..).unwrap_or_default().iter().take_while(|c| c.is_ascii_whitespace()).count()
    };
    let mut at = from;
    loop {
        at = blank(at);
        let Some(key) = literal(b, at) else { return at };
        let colon = blank(key.end + 1);
        if b.get(colon) != Some(&b':') {
            return colon;
        }
        let start = blank(colon + 1);
        at = match literal(b, start) {
            Some(value) => {
                out.push((text.get(key).unwrap_or_default(), value.clone()));
                value.end + 1
            }
            None => {
                let len = b
                    .get(start..)
                    .unwrap_or_default()
                    .iter()
                    .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'-' | b'+' | b'_'))
                    .count();
                if len > 0 {
                    out.push((text.get(key).unwrap_or_default(), start..start + len));
                }
                start + len
            }
        };
        at = blank(at);
        if b.get(at) != Some(&b',') {
            return at;
        }
        at += 1;
    }
}

/// The inside of a quoted literal.
fn literal(b: &[u8], at: usize) -> Option<Range<usize>> {
    let quote = b.get(at).copied().filter(|q| matches!(q, b'\'' | b'"'))?;
    let mut end = at + 1;
    loop {
        let n = memchr::memchr2(quote, b'\\', b.get(end..)?)?;
        if b.get(end + n) == Some(&quote) {
            return Some(at + 1..end + n);
        }
        end += n + 2;
    }
}
