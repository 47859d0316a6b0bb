//! Where a claim lies in a token.

use std::sync::Arc;

use carnet_json::Value;

/// A path to a claim. Three ways to write it:
///
/// - `groups`, `realm_access.roles`: member names with dots between. A claim that is literally called so wins.
/// - `https://example.com/groups`: anything with `://` is one member name (Auth0's namespaced claims).
/// - `/resource_access/my.client/roles`: a JSON pointer (RFC 6901), for names that contain dots.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ClaimPath {
    text: Arc<str>,
    steps: Vec<String>,
    literal: bool,
}

/// The text is not a path.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a claim path is a name, names with dots between, a name with ://, or a JSON pointer")]
pub struct ClaimPathError;

impl ClaimPath {
    /// Reads a path.
    ///
    /// # Errors
    /// [`ClaimPathError`] for an empty path or an empty step.
    pub fn parse(text: &str) -> Result<Self, ClaimPathError> {
        let (steps, literal): (Vec<String>, bool) = if text.contains("://") {
            (vec![text.to_owned()], false)
        } else if let Some(pointer) = text.strip_prefix('/') {
            (pointer.split('/').map(|s| s.replace("~1", "/").replace("~0", "~")).collect(), false)
        } else {
            (text.split('.').map(str::to_owned).collect(), text.contains('.'))
        };
        if steps.iter().any(String::is_empty) {
            return Err(ClaimPathError);
        }
        Ok(ClaimPath { text: text.into(), steps, literal })
    }

    /// A path of one plain member name.
    #[must_use]
    pub fn name(name: &str) -> Self {
        ClaimPath { text: name.into(), steps: vec![name.to_owned()], literal: false }
    }

    /// A path of member names, outermost first, each taken as it is.
    ///
    /// # Errors
    /// [`ClaimPathError`] for an empty path or an empty step.
    pub fn steps(steps: &[String]) -> Result<Self, ClaimPathError> {
        if steps.is_empty() || steps.iter().any(String::is_empty) {
            return Err(ClaimPathError);
        }
        Ok(ClaimPath { text: steps.join(".").into(), steps: steps.to_vec(), literal: false })
    }

    /// The path as it was written.
    #[must_use]
    pub fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// The member of the token that the path begins with.
    pub(crate) fn first(&self) -> &str {
        self.steps.first().map_or("", String::as_str)
    }

    /// The value at the path; `null` counts as absent.
    pub(crate) fn find<'a>(&self, root: Value<'a>) -> Option<Value<'a>> {
        let literal = if self.literal { root.get(&self.text) } else { None };
        let found = match literal {
            Some(value) => value,
            None => self.steps.iter().try_fold(root, |at, step| at.get(step))?,
        };
        (found.kind() != carnet_json::Kind::Null).then_some(found)
    }
}
