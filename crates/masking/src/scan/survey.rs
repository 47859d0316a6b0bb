//! One look at a whole document for words that begin something wherever they stand: marks of secrets that no sign tells of, and
//! digits and signs of addresses in words. Most documents have few of them, so most strings need no such look of their own.
//! It is a look at the bytes as they stand, so it says nothing about strings with escapes.

use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::packed::{Config, MatchKind, Searcher};

use super::secret;
use crate::spread;

/// Shorter documents are looked at string by string.
const SHORTEST: usize = 256;
/// So much is looked at together, where a string is asked about: strings with escapes may be all that follows.
const AHEAD: u32 = 16 << 10;
/// So many places are kept; behind the last of them each string is looked at.
const MOST: usize = 1 << 16;
/// No word is longer.
const WORD: usize = 32;

/// Two searchers of half the words each cost less than one of all: only few words fit into the faster kind.
static WORDS: LazyLock<Option<[Searcher; 2]>> = LazyLock::new(|| {
    let words: Vec<&str> = secret::marks().chain(spread::NEEDLES).collect();
    let (one, two) = words.split_at_checked(words.len().div_ceil(2))?;
    let searcher =
        |words: &[&str]| Config::new().match_kind(MatchKind::LeftmostFirst).builder().extend(words).build();
    Some([searcher(one)?, searcher(two)?])
});

/// Where such words begin.
#[derive(Default)]
pub(crate) struct Survey {
    /// In ascending order.
    places: Vec<u32>,
    /// The document, and what of it was looked at.
    document: Range<u32>,
    done: Range<u32>,
    /// The first place that is not in front of the last text that was asked about.
    next: usize,
}

impl Survey {
    /// Begins with a document, which is a part of a buffer.
    pub(crate) fn begin(&mut self, document: Range<u32>) {
        self.places.clear();
        (self.done, self.next) = (0..0, 0);
        self.document = if document.len() < SHORTEST { 0..0 } else { document };
    }

    /// Whether none of the words is in a string, given by what is between its quotes.
    pub(crate) fn is_free(&mut self, buffer: &[u8], text: Range<u32>) -> bool {
        #[cfg(test)]
        if super::OPEN.get() {
            return false;
        }
        if text.start < self.document.start || text.end > self.document.end || text.start < self.done.start {
            return false;
        }
        if text.end > self.done.end && !self.look(buffer, &text) {
            return false;
        }
        // Strings are asked about in the order of the document, but for the parts of a message.
        if self.next.checked_sub(1).and_then(|n| self.places.get(n)).is_some_and(|p| *p >= text.start) {
            self.next = self.places.partition_point(|p| *p < text.start);
        }
        while self.places.get(self.next).is_some_and(|p| *p < text.start) {
            self.next += 1;
        }
        self.places.get(self.next).is_none_or(|p| *p >= text.end)
    }

    /// Goes on until behind a text; `false` if that cannot be.
    fn look(&mut self, buffer: &[u8], text: &Range<u32>) -> bool {
        let Some(words) = WORDS.as_ref().filter(|_| self.places.len() < MOST) else { return false };
        if text.start > self.done.end {
            self.done = text.start..text.start;
        }
        let end = text.end.max(text.start.saturating_add(AHEAD)).min(self.document.end);
        // A word may begin in what was looked at and end behind it.
        let begin = (self.done.end as usize).saturating_sub(WORD).max(self.done.start as usize);
        let Some(part) = buffer.get(begin..end as usize) else { return false };
        let first = self.places.len();
        for searcher in words {
            // Words that are found may hide others that begin inside them: the same string holds both.
            self.places.extend(searcher.find_iter(part).map(|word| (begin + word.start()) as u32));
        }
        if let Some(new) = self.places.get_mut(first.saturating_sub(2 * WORD)..) {
            new.sort_unstable();
        }
        self.done.end = end;
        true
    }

    /// Forgets everything and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.begin(0..0);
        self.places.shrink_to(MOST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_free_of_words_is_said_in_any_order() {
        let text = format!(r#"["{}","password is x","plain","one two three"]"#, "a".repeat(300));
        let mut survey = Survey::default();
        survey.begin(0..text.len() as u32);
        let at = |part: &str| {
            let start = text.find(part).unwrap_or_default() as u32;
            start..start + part.len() as u32
        };
        let cases = [("aaa", true), ("password is x", false), ("plain", true), ("one two three", false)];
        for (part, free) in cases.iter().chain(cases.iter().rev()).chain(&cases) {
            assert_eq!(survey.is_free(text.as_bytes(), at(part)), *free, "{part}");
        }
        assert!(!survey.is_free(text.as_bytes(), 10..text.len() as u32 + 1));
        survey.begin(0..7);
        assert!(!survey.is_free(b"\"short\"", 1..6));
    }

    #[test]
    fn words_are_seen_where_one_look_ends_and_the_next_begins() {
        for before in AHEAD as usize - 40..AHEAD as usize + 10 {
            let text = format!("[\"a\",\"{}\",\"the password is x\",\"b\"]", "x".repeat(before));
            let mut survey = Survey::default();
            survey.begin(0..text.len() as u32);
            let start = text.find("the").unwrap_or_default() as u32;
            assert!(survey.is_free(text.as_bytes(), 2..3));
            assert!(!survey.is_free(text.as_bytes(), start..start + 17), "{before}");
            assert!(survey.is_free(text.as_bytes(), start + 20..start + 21), "{before}");
        }
        assert!(secret::marks().chain(spread::NEEDLES).all(|word| word.len() <= WORD));
    }

    #[test]
    fn past_so_many_words_each_string_is_looked_at() {
        let text = "nine ".repeat(MOST + 10_000);
        let mut survey = Survey::default();
        survey.begin(0..text.len() as u32);
        let all = 0..text.len() as u32 / 5;
        let free: Vec<bool> = all.map(|n| survey.is_free(text.as_bytes(), n * 5 + 4..n * 5 + 5)).collect();
        assert!(free.iter().take(MOST - 1000).all(|free| *free) && !free.last().copied().unwrap_or(true));
        assert!(survey.places.len() < MOST + AHEAD as usize);
    }
}
