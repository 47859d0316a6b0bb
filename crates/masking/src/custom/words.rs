//! Words beside a value that speak for a rule or against it.

/// Bytes that are looked at before and behind a value.
const BEFORE: usize = 64;
const BEHIND: usize = 32;

/// Words in small letters.
#[derive(Clone, Debug, Default)]
pub(crate) struct Beside {
    words: Vec<String>,
}

impl Beside {
    pub(crate) fn new(words: &[String]) -> Self {
        Beside { words: words.iter().map(|w| w.trim().to_lowercase()).filter(|w| !w.is_empty()).collect() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Whether one of the words stands near `start..end`. Longer words may be the head of a compound.
    pub(crate) fn near(&self, text: &str, start: usize, end: usize) -> bool {
        if self.words.is_empty() {
            return false;
        }
        let from = floor(text, start.saturating_sub(BEFORE));
        let to = floor(text, text.len().min(end + BEHIND)).max(end);
        [(from, start), (end, to)].into_iter().any(|(a, b)| {
            let side = text.get(a..b).unwrap_or_default().to_lowercase();
            self.words.iter().any(|w| stands(&side, w))
        })
    }
}

fn stands(side: &str, word: &str) -> bool {
    side.match_indices(word).any(|(at, _)| {
        let before = side.get(..at).and_then(|s| s.chars().next_back());
        let behind = side.get(at + word.len()..).and_then(|s| s.chars().next());
        before.is_none_or(|c| !c.is_alphanumeric())
            && (word.len() > 5 || behind.is_none_or(|c| !c.is_alphanumeric()))
    })
}

/// The nearest character boundary at or before an index.
pub(crate) fn floor(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// The nearest character boundary at or behind an index.
pub(crate) fn ceil(text: &str, mut at: usize) -> usize {
    while at < text.len() && !text.is_char_boundary(at) {
        at += 1;
    }
    at.min(text.len())
}
