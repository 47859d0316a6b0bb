//! Values that are written apart: digits with odd separators or one by one, numbers and e-mail addresses in words,
//! quoted-printable, and what a line break cuts. Each way finds regions of a text that may hold such a value and writes
//! them together; the recognisers then look at that reading, and only what fills a region counts.

mod letters;
mod mail;
mod printable;
mod rows;
mod words;

use std::ops::Range;

use crate::layer::Map;
use crate::scan::Seen;
pub(crate) use words::NEEDLES;

/// A region of the text and what it reads when it is written together.
pub(crate) struct Region {
    /// In the text.
    span: Range<usize>,
    out: String,
    /// Where parts of `out` come from.
    points: Vec<(usize, usize)>,
    /// What may be found in it.
    pub(crate) trust: Trust,
}

/// Which hits in a region count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Trust {
    /// Any that lie in it.
    Any,
    /// Those that fill it.
    Whole,
    /// Those that fill it and that a word or key speaks for.
    Said,
}

impl Region {
    fn new(start: usize, trust: Trust) -> Region {
        Region { span: start..start, out: String::new(), points: Vec::new(), trust }
    }

    /// Adds text that stands at `from`.
    fn push(&mut self, from: usize, text: &str) {
        self.points.push((self.out.len(), from));
        self.out.push_str(text);
    }

    fn ending(mut self, end: usize) -> Region {
        self.span.end = end;
        self
    }
}

/// A reading of a text with its regions written together.
pub(crate) struct Reading {
    pub(crate) text: String,
    pub(crate) map: Map,
    /// The regions in the reading, in order.
    pub(crate) regions: Vec<(Range<u32>, Trust)>,
}

impl Reading {
    /// The reading with these regions; of overlapping ones the first counts.
    pub(crate) fn of(text: &str, mut regions: Vec<Region>) -> Reading {
        regions.sort_by_key(|r| (r.span.start, std::cmp::Reverse(r.span.end)));
        let mut reading = Reading {
            text: String::with_capacity(text.len()),
            map: Map::default(),
            regions: Vec::with_capacity(regions.len()),
        };
        let mut done = 0;
        for region in regions {
            if region.span.start < done {
                continue;
            }
            reading.copy(text, done..region.span.start);
            let base = reading.text.len();
            for (out, from) in &region.points {
                reading.map.point(base + out, *from);
            }
            reading.text.push_str(&region.out);
            reading.regions.push((base as u32..reading.text.len() as u32, region.trust));
            done = region.span.end;
        }
        reading.copy(text, done..text.len());
        reading.map.finish(reading.text.len(), text.len());
        reading
    }

    fn copy(&mut self, text: &str, span: Range<usize>) {
        if !span.is_empty() {
            self.map.point(self.text.len(), span.start);
            self.text.push_str(text.get(span).unwrap_or_default());
        }
    }

    /// Whether a hit counts; `said` when a word or key speaks for it.
    pub(crate) fn counts(&self, hit: Range<u32>, said: bool) -> bool {
        let n = self.regions.partition_point(|(r, _)| r.end <= hit.start);
        self.regions.get(n).is_some_and(|(r, trust)| {
            let fills = hit.start <= r.start && hit.end >= r.end;
            match trust {
                Trust::Any => r.start < hit.end,
                Trust::Whole => fills,
                Trust::Said => fills && said,
            }
        })
    }
}

/// No value in words is shorter.
const WORDS: usize = 12;
/// Nor has one fewer signs: `a@b dot c`.
const SIGNS: u32 = 3;
/// No value whose digits stand apart has fewer of them.
const DIGITS: u32 = 4;

/// The regions of a text that may hold a value that is written apart: those of digits, and all others.
pub(crate) fn regions(text: &str, seen: Seen) -> [Vec<Region>; 2] {
    let rows = if seen.digits >= DIGITS { rows::find(text) } else { Vec::new() };
    let mut others = Vec::new();
    if seen.periodic.is_some() || seen.line {
        letters::find(text, seen.periodic.map(|at| at as usize), &mut others);
    }
    if text.len() >= WORDS && seen.signs >= SIGNS && !seen.unmarked && words::find(text, &mut others) {
        mail::spelled(text, &mut others);
    }
    if seen.at {
        mail::broken(text, seen.line, &mut others);
    }
    if seen.assign {
        printable::find(text, &mut others);
    }
    [rows, others]
}

/// Spaces and signs that stand between the parts of a value that is written apart: how many bytes of them are here.
fn gap(rest: &[u8]) -> usize {
    let mut n = 0;
    while let Some(b) = rest.get(n).filter(|_| n < 8) {
        n += match b {
            b' ' | b'-' | b'.' | b'/' | b'_' | b',' | b':' | b';' | b'|' | b'*' | b'~' | b'\n' | b'\r'
            | b'\t' | b'(' | b')' | b'[' | b']' | b'#' | b'\\' => 1,
            0x80.. => match sign(rest.get(n..).unwrap_or_default()) {
                Some(len) => len,
                None => break,
            },
            _ => break,
        };
    }
    n
}

/// The length of a character beyond ASCII that is neither letter nor digit.
fn sign(rest: &[u8]) -> Option<usize> {
    let head = rest.get(..rest.len().min(4))?;
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(e) => std::str::from_utf8(head.get(..e.valid_up_to())?).ok()?,
    };
    text.chars().next().filter(|c| !c.is_alphanumeric()).map(char::len_utf8)
}
