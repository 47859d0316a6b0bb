//! Where something is.

use std::fmt;
use std::sync::Arc;

/// A place as the configuration names it: an ISO 3166-1 alpha-2 code (`de`), a subdivision (`us-ca`), a cloud
/// region (`eu-west-2`) or a zone. Lower case. The residency crate resolves it; unknown stays unknown.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Region(Arc<str>);

impl Region {
    /// A region by name; upper case is folded.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Region(name.to_ascii_lowercase().into())
    }

    /// The region nobody stated.
    #[must_use]
    pub fn unknown() -> Self {
        Region("unknown".into())
    }

    /// The name, lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
