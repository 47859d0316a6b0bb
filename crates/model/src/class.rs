//! Classes of data that masking finds and policy speaks of.

use std::fmt;

/// A class of data, such as `iban`. Policies name it as `DataClass::"iban"`.
///
/// Built-in classes have the numbers below 96; a configuration's own classes have 96 to 127 and are named
/// by the snapshot that defines them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DataClass(u8);

macro_rules! classes {
    ($($name:ident = $n:literal, $text:literal, $label:literal);* $(;)?) => {
        impl DataClass {
            $(#[doc = concat!("`", $text, "`")] pub const $name: DataClass = DataClass($n);)*
            /// Every built-in class.
            pub const BUILT_IN: &'static [DataClass] = &[$(DataClass($n)),*];

            /// The name that policies use, `custom_NN` for a configuration's own class: only [`ClassNames`] knows
            /// what that one is called.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self.0 { $($n => $text,)* n => CUSTOM.get(usize::from(n.wrapping_sub(96))).copied().unwrap_or("unknown") }
            }

            /// The word that stands in brackets where a value was redacted, as in `[EMAIL]`.
            #[must_use]
            pub fn label(self) -> &'static str {
                match self.0 { $($n => $label,)* _ => "MASKED" }
            }
        }
    };
}

classes! {
    EMAIL = 0, "email", "EMAIL";
    PHONE = 1, "phone", "PHONE";
    CARD = 2, "card", "CARD";
    IBAN = 3, "iban", "IBAN";
    IP = 4, "ip", "IP";
    US_SSN = 5, "us_ssn", "SSN";
    NATIONAL_ID = 6, "national_id", "NATIONAL_ID";
    SECRET = 7, "secret", "SECRET";
    PERSON = 8, "person", "PERSON";
    ADDRESS = 9, "address", "ADDRESS";
    BIRTH_DATE = 10, "birth_date", "BIRTH_DATE";
    PASSPORT = 11, "passport", "PASSPORT";
    TAX_ID = 12, "tax_id", "TAX_ID";
    HEALTH_ID = 13, "health_id", "HEALTH_ID";
    DRIVING_LICENCE = 14, "driving_licence", "DRIVING_LICENCE";
    LOCATION = 15, "location", "LOCATION";
    ORGANISATION = 16, "organisation", "ORGANISATION";
    MAC_ADDRESS = 17, "mac_address", "MAC";
    CRYPTO = 18, "crypto", "CRYPTO";
    BIC = 19, "bic", "BIC";
    VEHICLE = 20, "vehicle", "VEHICLE";
    URL_CREDENTIALS = 21, "url_credentials", "CREDENTIALS";
    FREE_TEXT = 22, "free_text", "NOTE";
    PROPRIETARY = 23, "proprietary", "PROPRIETARY";
    BANK_ACCOUNT = 24, "bank_account", "ACCOUNT";
    UNINSPECTED = 25, "uninspected", "UNINSPECTED";
}

const CUSTOM: [&str; 32] = [
    "custom_0",
    "custom_1",
    "custom_2",
    "custom_3",
    "custom_4",
    "custom_5",
    "custom_6",
    "custom_7",
    "custom_8",
    "custom_9",
    "custom_10",
    "custom_11",
    "custom_12",
    "custom_13",
    "custom_14",
    "custom_15",
    "custom_16",
    "custom_17",
    "custom_18",
    "custom_19",
    "custom_20",
    "custom_21",
    "custom_22",
    "custom_23",
    "custom_24",
    "custom_25",
    "custom_26",
    "custom_27",
    "custom_28",
    "custom_29",
    "custom_30",
    "custom_31",
];

impl DataClass {
    /// The class with this name, if it is a built-in one.
    #[must_use]
    pub fn by_name(name: &str) -> Option<DataClass> {
        Self::BUILT_IN.iter().copied().find(|c| c.name() == name)
    }

    /// The n-th class of a configuration's own, n below 32.
    #[must_use]
    pub fn custom(n: u8) -> Option<DataClass> {
        (n < 32).then(|| DataClass(96 + n))
    }

    /// The class of a number that [`DataClass::index`] gave.
    #[must_use]
    pub fn from_index(n: usize) -> Option<DataClass> {
        let class = DataClass(u8::try_from(n).ok()?);
        (Self::BUILT_IN.contains(&class) || (96..128).contains(&n)).then_some(class)
    }

    /// A small number, below 128, to index tables with.
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

impl fmt::Debug for DataClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for DataClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of data classes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ClassSet(u128);

impl ClassSet {
    /// No class.
    pub const EMPTY: ClassSet = ClassSet(0);

    /// Adds a class.
    pub fn insert(&mut self, class: DataClass) {
        self.0 |= 1 << class.0;
    }

    /// Whether the class is in the set.
    #[must_use]
    pub fn contains(self, class: DataClass) -> bool {
        self.0 >> class.0 & 1 == 1
    }

    /// Whether there is no class in it.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Classes in either set.
    #[must_use]
    pub fn union(self, other: ClassSet) -> ClassSet {
        ClassSet(self.0 | other.0)
    }

    /// Classes in both sets.
    #[must_use]
    pub fn intersection(self, other: ClassSet) -> ClassSet {
        ClassSet(self.0 & other.0)
    }

    /// Classes in this set and not in the other.
    #[must_use]
    pub fn difference(self, other: ClassSet) -> ClassSet {
        ClassSet(self.0 & !other.0)
    }

    /// The classes, in the order of their numbers.
    pub fn iter(self) -> impl Iterator<Item = DataClass> {
        (0..128u8).filter(move |n| self.0 >> n & 1 == 1).map(DataClass)
    }
}

impl FromIterator<DataClass> for ClassSet {
    fn from_iter<I: IntoIterator<Item = DataClass>>(classes: I) -> Self {
        let mut set = ClassSet::EMPTY;
        for c in classes {
            set.insert(c);
        }
        set
    }
}

impl fmt::Debug for ClassSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_found_again() {
        for c in DataClass::BUILT_IN {
            assert_eq!(DataClass::by_name(c.name()), Some(*c));
        }
        assert_eq!(DataClass::custom(3).unwrap().name(), "custom_3");
        assert_eq!(DataClass::custom(32), None);
        assert_eq!(DataClass::from_index(3), Some(DataClass::IBAN));
        assert_eq!((DataClass::from_index(95), DataClass::from_index(128)), (None, None));
    }

    #[test]
    fn set_algebra() {
        let a: ClassSet = [DataClass::EMAIL, DataClass::IBAN].into_iter().collect();
        let b: ClassSet = [DataClass::IBAN].into_iter().collect();
        assert_eq!(a.difference(b).iter().collect::<Vec<_>>(), [DataClass::EMAIL]);
        assert!(a.union(b) == a && a.intersection(b) == b && b.contains(DataClass::IBAN));
    }
}
