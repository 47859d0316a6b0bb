//! What keys say.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use super::*;

#[test]
fn no_term_is_two_words_by_mistake() {
    let keys = Keys::new();
    // A list with a blank inside a term would make short words strong hints.
    for (word, hint) in &keys.terms {
        let short = word.chars().count() < 3;
        assert!(!short || hint.strength == Weak, "{word}");
    }
}
