//! The recognisers by name: what each finds, for which country, how it makes sure, and after which specification. It is
//! for people (`carnet scan --list`, the documentation); detection does not read it.

use carnet_model::DataClass;

use crate::finding::Finding;

/// What a recogniser needs to have in front of it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Tier {
    /// The value itself, with words around it where the value alone says too little.
    Pattern,
    /// The name of the member, column or variable that the value stands under.
    Key,
    /// Free text: cues, lists of names, a small tagger.
    Names,
}

impl Tier {
    /// Its name in lists.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Tier::Pattern => "pattern",
            Tier::Key => "key",
            Tier::Names => "names",
        }
    }
}

/// One recogniser.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Recogniser {
    /// What [`Finding::kind`] says of its findings.
    pub kind: &'static str,
    /// The class that policies speak of.
    pub class: DataClass,
    /// The issuing country, ISO 3166-1; `None` when it is not of one country.
    pub country: Option<&'static str>,
    /// How a value is told from others of its looks.
    pub validation: &'static str,
    /// Who defines the format.
    pub source: &'static str,
    /// What it needs to have in front of it.
    pub tier: Tier,
}

/// Every recogniser that is built in, sorted by type.
#[must_use]
pub fn recognisers() -> Vec<Recogniser> {
    let mut all = crate::scan::recognisers();
    all.extend(crate::keys::recognisers());
    all.sort_unstable();
    all.dedup();
    all
}

/// The type of a kind and, of a secret, what it is a secret of: `SECRET_AWS_KEY` is a `SECRET` with subtype `AWS_KEY`.
#[must_use]
pub fn type_of(kind: &'static str) -> (&'static str, Option<&'static str>) {
    match kind.strip_prefix("SECRET_") {
        Some(rest) => ("SECRET", Some(rest)),
        None if kind == "SECRET" => ("SECRET", Some("GENERIC")),
        None if kind == "URL_CREDENTIALS" => ("SECRET", Some(kind)),
        None => (kind, None),
    }
}

impl Finding {
    /// Its type, as reports about text name it: Presidio's name where it has one. A secret carries a subtype.
    #[must_use]
    pub fn type_name(&self) -> (&'static str, Option<&'static str>) {
        type_of(self.kind)
    }
}
