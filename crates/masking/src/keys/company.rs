//! What a word that says nothing by itself says in company: under the key above it and beside its siblings.

use carnet_model::DataClass;

use super::Strength::{Strong, Weak};
use super::{Company, Hint, Loose, Role, Said};
use crate::context;

pub(super) const NAME: Hint = Hint::of(DataClass::PERSON, "PERSON", 0, Strong);
/// Needs a value that is a name beyond doubt.
pub(super) const MAYBE_NAME: Hint = Hint::of(DataClass::PERSON, "PERSON", context::NAMED, Weak);
pub(super) const LIKELY_NAME: Hint = Hint::of(DataClass::PERSON, "PERSON", 0, Weak);
const STREET: Hint = Hint::of(DataClass::ADDRESS, "STREET_ADDRESS", 0, Strong);
const PLACE: Hint = Hint::of(DataClass::LOCATION, "LOCATION", 0, Strong);

/// The role of an object under a key with a role of its own.
pub(crate) fn inside(outer: Role, own: Role) -> Role {
    if own == Role::Neutral { outer } else { own }
}

/// What a word that needs company says: `role` is the object's, `above` the hint of the key above it, `company` asks what
/// its siblings say.
pub(crate) fn together(
    said: &Said,
    role: Role,
    above: Option<Hint>,
    company: impl FnOnce() -> Company,
) -> Option<Hint> {
    let named = above.is_some_and(|h| h.class == Some(DataClass::PERSON));
    match said.loose? {
        Loose::Name | Loose::Part if role == Role::Thing => None,
        Loose::Name | Loose::Part if role == Role::Person => Some(NAME),
        Loose::Part if named => Some(NAME),
        Loose::Name if named => above,
        Loose::Name | Loose::Part => name_beside(company()),
        Loose::Place if role == Role::Address => Some(PLACE),
        Loose::Place => {
            let c = company();
            (c.address || (c.person || c.contact) && !c.thing).then_some(PLACE)
        }
        Loose::Line => (role == Role::Address || company().address).then_some(STREET),
        Loose::Number | Loose::Value if role == Role::Address => Some(STREET),
        Loose::Number | Loose::Value => above.filter(|h| h.class.is_some()),
        Loose::When => above.filter(|h| h.class == Some(DataClass::BIRTH_DATE)),
    }
}

/// What a key that says nothing may hold among a person's data.
pub(crate) fn unknown(role: Role, company: impl FnOnce() -> Company) -> Option<Hint> {
    if role == Role::Thing {
        return None;
    }
    let c = company();
    (role == Role::Person || (c.person || c.contact) && !c.thing).then_some(MAYBE_NAME)
}

/// A plain `name` beside these siblings.
fn name_beside(c: Company) -> Option<Hint> {
    match () {
        () if c.thing => None,
        () if c.person => Some(NAME),
        () if c.contact => Some(LIKELY_NAME),
        () => Some(MAYBE_NAME),
    }
}
