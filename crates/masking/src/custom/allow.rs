//! Values that are never masked, such as one's own support address. Each says why.

use std::collections::HashSet;
use std::sync::Arc;

use carnet_model::{ClassSet, DataClass};
use regex_automata::meta::Regex;

use super::rule::{RuleMistake, compile_whole};

/// What is never masked, as the configuration writes it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct AllowSpec {
    /// Whole values; case does not matter.
    pub values: Vec<String>,
    /// A pattern that the whole value has to match.
    pub pattern: Option<String>,
    /// Only values of these classes; empty: of all.
    pub classes: ClassSet,
}

/// What is never masked, ready to be asked. `Debug` prints no value.
#[derive(Clone)]
pub struct Allow {
    values: Arc<HashSet<String>>,
    pattern: Option<Regex>,
    classes: ClassSet,
}

impl std::fmt::Debug for Allow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Allow").field("values", &self.values.len()).finish_non_exhaustive()
    }
}

impl Allow {
    /// Compiles an entry.
    ///
    /// # Errors
    /// If its pattern cannot be used.
    pub fn new(spec: &AllowSpec) -> Result<Allow, RuleMistake> {
        let pattern = spec.pattern.as_deref().map(compile_whole).transpose()?;
        let values = spec.values.iter().map(|v| v.to_lowercase()).collect();
        Ok(Allow { values: Arc::new(values), pattern, classes: spec.classes })
    }

    pub(crate) fn allows(&self, class: DataClass, value: &str) -> bool {
        (self.classes.is_empty() || self.classes.contains(class))
            && (self.values.contains(&value.to_lowercase())
                || self.pattern.as_ref().is_some_and(|p| p.is_match(value)))
    }
}
