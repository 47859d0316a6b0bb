//! What a [`Detector`](crate::Detector) is built from.

use carnet_model::{ClassNames, ClassSet};

use crate::custom::{Allow, Rule};
use crate::fingerprint::Fingerprints;

/// A country by its ISO 3166-1 code.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Country([u8; 2]);

impl Country {
    /// The country with this code, in any case; `None` unless it is two ASCII letters.
    #[must_use]
    pub fn new(code: &str) -> Option<Country> {
        match code.as_bytes() {
            [a, b] if a.is_ascii_alphabetic() && b.is_ascii_alphabetic() => {
                Some(Country([a.to_ascii_uppercase(), b.to_ascii_uppercase()]))
            }
            _ => None,
        }
    }

    /// Its two letters.
    pub(crate) fn code(self) -> [u8; 2] {
        self.0
    }
}

impl std::fmt::Debug for Country {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(std::str::from_utf8(&self.0).unwrap_or("??"))
    }
}

/// How far nested content is followed. Past a budget the content is withheld.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Budget {
    /// Documents or encodings inside each other.
    pub depth: u8,
    /// Bytes decoded from nested content, for one call of `find`.
    pub bytes: usize,
    /// Findings kept, for one call of `find`.
    pub findings: usize,
}

impl Default for Budget {
    /// Depth 3, 64 MiB, two million findings.
    fn default() -> Self {
        Budget { depth: 3, bytes: 64 << 20, findings: 2_000_000 }
    }
}

/// What is looked for.
#[derive(Clone, Debug, Default)]
pub struct DetectorOptions {
    /// Countries whose national numbers are reported on their check digits alone. Numbers of all other countries need a
    /// key or a context word as well, unless their format is distinctive.
    pub countries: Vec<Country>,
    /// Classes that are not looked for.
    pub disabled: ClassSet,
    /// Types, such as `DE_TAX_ID`, that are not looked for.
    pub disabled_types: Vec<String>,
    /// Rules of one's own, at most [`MAX_RULES`](crate::MAX_RULES).
    pub rules: Vec<Rule>,
    /// Values that are never masked.
    pub allow: Vec<Allow>,
    /// Fingerprints of one's own code and documents.
    pub fingerprints: Vec<Fingerprints>,
    /// What the classes are called.
    pub classes: ClassNames,
    /// How far nested content is followed.
    pub budget: Budget,
    /// Where names of people, places and organisations are looked for.
    pub names: Names,
}

/// Where names are looked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Names {
    /// Under keys, labels and column headers only.
    Keys,
    /// In running text as well, with the light tier.
    #[default]
    Light,
}
