//! How a value that may not be seen is replaced: the word that configurations, policies and records use.

use std::fmt;

/// What stands in place of a hidden value.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Transform {
    /// Nothing. A member's name is redacted instead, a number becomes `0`.
    Drop,
    /// `[EMAIL]`: the class's label in brackets.
    #[default]
    Redact,
    /// `[EMAIL:7f3k9q2mbx4d]`: the same for the same canonical value under the same key.
    Token,
    /// Other digits and letters in the same places, with a right check digit. Kept as by [`Transform::Vault`]. Values
    /// without such a form get a token.
    FormatPreserving,
    /// As [`Transform::Token`], and the value is kept, so that a token that comes back can become the value again. JSON
    /// numbers are replaced as by [`Transform::FormatPreserving`].
    Vault,
    /// Less exact: a date's year, an address's network, a postcode's beginning. Else as [`Transform::Redact`].
    Generalise,
    /// Stars, with the last n letters or digits and the separators kept: `**** **** **** 4242`. At most half of the
    /// letters and digits are ever kept.
    KeepLast(u8),
}

/// Every transform with its word, the strictest first.
const WORDS: [(Transform, &str); 10] = [
    (Transform::Drop, "drop"),
    (Transform::Redact, "redact"),
    (Transform::Token, "token"),
    (Transform::FormatPreserving, "format-preserving"),
    (Transform::Vault, "vault"),
    (Transform::Generalise, "generalise"),
    (Transform::KeepLast(2), "keep-last-2"),
    (Transform::KeepLast(3), "keep-last-3"),
    (Transform::KeepLast(4), "keep-last-4"),
    (Transform::KeepLast(6), "keep-last-6"),
];

impl Transform {
    /// The words, the strictest first.
    pub const WORDS: &'static [&'static str] = &[
        "drop",
        "redact",
        "token",
        "format-preserving",
        "vault",
        "generalise",
        "keep-last-2",
        "keep-last-3",
        "keep-last-4",
        "keep-last-6",
    ];

    /// The transform of a word.
    #[must_use]
    pub fn by_name(word: &str) -> Option<Transform> {
        WORDS.iter().find(|(_, w)| *w == word).map(|(t, _)| *t)
    }

    /// Its word in configurations, policies and records.
    #[must_use]
    pub fn name(self) -> &'static str {
        WORDS.iter().find(|(t, _)| *t == self).map_or("keep-last", |(_, w)| w)
    }

    /// Of two, the one that shows less. What two policies ask for at once is given the stricter form.
    #[must_use]
    pub fn stricter(self, other: Transform) -> Transform {
        if self.rank() <= other.rank() { self } else { other }
    }

    /// From the strictest up: what can be told of the value, alone or by comparing.
    fn rank(self) -> u16 {
        match self {
            Transform::Drop => 0,
            Transform::Redact => 1,
            Transform::Token => 2,
            Transform::FormatPreserving => 3,
            Transform::Vault => 4,
            Transform::Generalise => 5,
            Transform::KeepLast(n) => 6 + u16::from(n),
        }
    }
}

impl fmt::Display for Transform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_again_and_go_from_strict_to_lax() {
        assert_eq!(WORDS.map(|(_, word)| word), Transform::WORDS);
        for word in Transform::WORDS {
            assert_eq!(Transform::by_name(word).unwrap().name(), *word);
        }
        assert_eq!(Transform::by_name("keep-last-9"), None);
        for pair in WORDS.windows(2) {
            let (a, b) = (pair[0].0, pair[1].0);
            assert_eq!((a.stricter(b), b.stricter(a)), (a, a));
        }
    }
}
