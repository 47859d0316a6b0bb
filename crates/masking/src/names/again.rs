//! Names that were found in full stand elsewhere in the same text by a part of them: `Margaret Holloway ... Holloway said`.

use carnet_model::DataClass;

use super::anchors;
use super::tokens::Token;
use crate::scan::Hit;

/// Not more words of names are looked for in one text.
const MOST: usize = 256;

/// Adds the words of full names where they stand alone. `found` is in order, and stays so.
pub(super) fn scan(text: &str, tokens: &[Token], found: &mut Vec<Hit>) {
    let mut parts: Vec<&str> = Vec::new();
    for hit in found.iter().filter(|h| h.class == DataClass::PERSON) {
        let name = text.get(hit.start as usize..hit.end as usize).unwrap_or_default();
        if name.trim().contains(' ') {
            parts.extend(name.split(' ').filter(|w| is_part(w)).take(MOST - parts.len().min(MOST)));
        }
    }
    if parts.is_empty() {
        return;
    }
    parts.sort_unstable();
    let word = |at: usize| {
        tokens.get(at).and_then(|t| text.get(t.start as usize..t.end as usize)).unwrap_or_default()
    };
    let capital = |at: usize| word(at).chars().next().is_some_and(char::is_uppercase);
    let known = found.len();
    let mut near = found.iter().map(|h| (h.start, h.end)).collect::<Vec<_>>().into_iter().peekable();
    for (at, token) in tokens.iter().enumerate() {
        while near.next_if(|h| h.1 <= token.start).is_some() {}
        if near.peek().is_some_and(|h| h.0 < token.end) || parts.binary_search(&word(at)).is_err() {
            continue;
        }
        // `Holloway Street`, `Bank of Holloway`: parts of other names.
        let joined = |at: usize| tokens.get(at).is_some_and(|t| t.gap == 1);
        let beside = joined(at + 1) && capital(at + 1)
            || joined(at) && at.checked_sub(1).is_some_and(|b| capital(b) && !anchors::common(word(b)));
        if !beside {
            found.push(Hit {
                start: token.start,
                end: token.end,
                class: DataClass::PERSON,
                kind: "PERSON",
                rule: "name_again",
                score: 66,
            });
        }
    }
    if found.len() > known {
        found.sort_by_key(|h| h.start);
    }
}

/// Whether a word of a name tells of it by itself.
fn is_part(word: &str) -> bool {
    word.chars().count() > 2
        && word.chars().next().is_some_and(char::is_uppercase)
        && word.chars().all(|c| c.is_alphabetic() || matches!(c, '-' | '\'' | '’'))
        && !anchors::common(word)
}
