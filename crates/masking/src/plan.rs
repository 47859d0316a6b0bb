//! What is to happen with what was found, and the account of what happened.

use carnet_model::{ClassSet, DataClass, Transform};

use crate::stand_in::Deposits;

/// One transform for every class.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Transforms {
    table: [Transform; 128],
}

impl Default for Transforms {
    fn default() -> Self {
        Transforms { table: [Transform::Redact; 128] }
    }
}

impl Transforms {
    /// The same for all classes.
    #[must_use]
    pub fn all(transform: Transform) -> Self {
        Transforms { table: [transform; 128] }
    }

    /// Sets one class.
    pub fn set(&mut self, class: DataClass, transform: Transform) {
        if let Some(t) = self.table.get_mut(class.index()) {
            *t = transform;
        }
    }

    /// The transform of a class.
    #[must_use]
    pub fn get(&self, class: DataClass) -> Transform {
        self.table.get(class.index()).copied().unwrap_or_default()
    }
}

/// What a masked JSON number becomes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Numbers {
    /// A number of the same length and format that is not the value, the same for the same value under the same
    /// key, so that `outputSchema` stays satisfied.
    #[default]
    Keep,
    /// A string with what the transform gives.
    Text,
}

/// Which classes may be seen, and how the others are replaced.
#[derive(Clone, Copy, Debug)]
pub struct Plan<'a> {
    /// Classes that stay as they are.
    pub shown: ClassSet,
    /// What happens to all others.
    pub transforms: &'a Transforms,
    /// What masked numbers become.
    pub numbers: Numbers,
    /// The tenant's key for tokens and stand-in numbers.
    pub token_key: &'a TokenKey,
}

/// The key that tokens are made with. Not printable.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenKey(pub [u8; 32]);

impl std::fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenKey(…)")
    }
}

/// One masked place. No value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// The class that was masked.
    pub class: DataClass,
    /// The finer type.
    pub kind: &'static str,
    /// Where, as [`Findings::path`](crate::Findings::path) says it.
    pub path: String,
    /// The rule that found it.
    pub rule: &'static str,
    /// What was done.
    pub transform: &'static str,
}

/// What was masked and what was shown. No value.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Report {
    /// Masked values per class.
    pub masked: Vec<(DataClass, u32)>,
    /// Values that were found and stay visible, per class.
    pub shown: Vec<(DataClass, u32)>,
    /// The first masked places, at most [`MAX_PLACES`](crate::MAX_PLACES).
    pub places: Vec<Place>,
    /// Masked places that are not in `places`.
    pub more: u32,
    /// Values whose stand-ins may come back. Printed as a count.
    pub deposits: Deposits,
}

/// The content cannot be inspected in full: it has to be withheld (invariant 4).
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Uninspectable {
    /// JSON documents or encodings nest deeper than the budget.
    #[error("content at byte {at} nests deeper than is inspected")]
    Depth {
        /// Byte in the outer buffer.
        at: u32,
    },
    /// Decoding would take more bytes than the budget.
    #[error("content at byte {at} decodes to more than is inspected")]
    Budget {
        /// Byte in the outer buffer.
        at: u32,
    },
    /// More findings than are kept.
    #[error("more findings than are kept, at byte {at}")]
    Findings {
        /// Byte in the outer buffer.
        at: u32,
    },
    /// The part names a node that is not in the tape.
    #[error("no such node {node}")]
    Node {
        /// The node.
        node: u32,
    },
}

/// The content cannot be rewritten safely: it has to be withheld (invariant 4).
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Withheld {
    /// A finding lies outside the buffer, or the findings belong to another buffer.
    #[error("a finding lies outside the buffer")]
    Span,
    /// The rewritten document would not be valid JSON, such as by two equal keys.
    #[error("the masked document would not be valid")]
    Invalid,
}
