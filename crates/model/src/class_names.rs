//! What a configuration's own classes are called. A snapshot carries one of these; everything that prints a class asks it.

use std::sync::Arc;

use crate::{ClassSet, DataClass};

/// At most so many classes of a configuration's own.
const MOST: usize = 32;

/// The names of all classes: the built-in ones and a configuration's own.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct ClassNames {
    /// Name and label of each own class, in the order of [`DataClass::custom`].
    own: Arc<[(Arc<str>, Box<str>)]>,
}

impl ClassNames {
    /// Names for `DataClass::custom(0)` and so on. Names past the 32nd are not kept.
    #[must_use]
    pub fn new<'a>(own: impl IntoIterator<Item = &'a str>) -> Self {
        let own = own.into_iter().take(MOST);
        ClassNames { own: own.map(|name| (name.into(), name.to_ascii_uppercase().into())).collect() }
    }

    /// Whether a class of one's own may be called so: small letters, digits and `_`, a letter first, at most 32 of them,
    /// and not the name of a built-in class.
    #[must_use]
    pub fn acceptable(name: &str) -> bool {
        let b = name.as_bytes();
        (2..=32).contains(&b.len())
            && b.first().is_some_and(u8::is_ascii_lowercase)
            && b.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'_')
            && DataClass::by_name(name).is_none()
            && !["masked", "unknown"].contains(&name)
            && !name.starts_with("custom_")
    }

    /// The name that policies use.
    #[must_use]
    pub fn name(&self, class: DataClass) -> &str {
        self.entry(class).map_or_else(|| class.name(), |(name, _)| name)
    }

    /// The word that stands in brackets where a value was redacted.
    #[must_use]
    pub fn label(&self, class: DataClass) -> &str {
        self.entry(class).map_or_else(|| class.label(), |(_, label)| label)
    }

    /// The class with this name.
    #[must_use]
    pub fn by_name(&self, name: &str) -> Option<DataClass> {
        let own = || self.own.iter().position(|(n, _)| **n == *name);
        DataClass::by_name(name).or_else(|| own().and_then(|n| DataClass::custom(n as u8)))
    }

    /// A configuration's own classes, in the order of their numbers.
    pub fn own(&self) -> impl Iterator<Item = (DataClass, &Arc<str>)> {
        self.own.iter().enumerate().filter_map(|(n, (name, _))| Some((DataClass::custom(n as u8)?, name)))
    }

    /// Every class that there is: the built-in ones and a configuration's own.
    #[must_use]
    pub fn all(&self) -> ClassSet {
        DataClass::BUILT_IN.iter().copied().chain(self.own().map(|(class, _)| class)).collect()
    }

    fn entry(&self, class: DataClass) -> Option<&(Arc<str>, Box<str>)> {
        class.index().checked_sub(96).and_then(|n| self.own.get(n))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_classes_have_names_beside_the_built_in_ones() {
        let names = ClassNames::new(["customer_number", "project"]);
        let own = names.by_name("project").unwrap();
        assert_eq!((names.name(own), names.label(own)), ("project", "PROJECT"));
        assert_eq!((names.name(DataClass::IBAN), names.label(DataClass::IBAN)), ("iban", "IBAN"));
        assert_eq!(names.by_name("iban"), Some(DataClass::IBAN));
        assert_eq!(names.by_name("custom_0"), None);
        assert_eq!(names.all().iter().count(), DataClass::BUILT_IN.len() + 2);
        // A class that nobody named still prints.
        assert_eq!(ClassNames::default().name(own), "custom_1");
    }

    #[test]
    fn some_names_are_taken() {
        for (name, fine) in
            [("customer_number", true), ("email", false), ("Kunde", false), ("custom_3", false), ("x", false)]
        {
            assert_eq!(ClassNames::acceptable(name), fine, "{name}");
        }
    }
}
