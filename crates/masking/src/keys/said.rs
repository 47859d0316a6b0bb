//! What a key can say: a class for its value, a role for the object under it, and what it tells of its siblings.

use carnet_model::DataClass;

use crate::context::Bits;
use crate::custom::Own;

/// How much a key says by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Strength {
    /// The value has to look like it too.
    Weak,
    /// The key is enough.
    Strong,
}

/// What a key says about the value under it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Hint {
    /// The class of the whole value; `None` when the key only speaks for or against recognisers.
    pub(crate) class: Option<DataClass>,
    pub(crate) kind: &'static str,
    pub(crate) bits: Bits,
    pub(crate) strength: Strength,
    /// Which of a configuration's own rules it speaks for.
    pub(crate) own: Own,
}

impl Hint {
    pub(crate) fn is_strong(&self) -> bool {
        self.strength == Strength::Strong
    }

    /// A number of a document of any kind, or nothing that has a class.
    pub(crate) fn is_general(&self) -> bool {
        self.class.is_none() || self.kind == "NATIONAL_ID"
    }

    pub(super) const fn of(class: DataClass, kind: &'static str, bits: Bits, strength: Strength) -> Hint {
        Hint { class: Some(class), kind, bits, strength, own: 0 }
    }
}

/// What the object under a key is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Role {
    /// Nothing is known.
    #[default]
    Unknown,
    /// A person, or a person's name.
    Person,
    /// An address.
    Address,
    /// Something that has a name and is no person.
    Thing,
    /// Whatever the object around it is.
    Neutral,
}

/// A word that needs company to say something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Loose {
    /// `name`, `display`: of whom?
    Name,
    /// `first`, `family`: a part of a name.
    Part,
    /// `city`, `state`: of an address?
    Place,
    /// `line`, `house`: of an address?
    Line,
    /// `number`, `id`: of what is above.
    Number,
    /// `value`: of what a sibling names, or of what is above.
    Value,
    /// `date`, `on`: of the birth above?
    When,
}

/// Whether the value of a key tells what its siblings are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Tells {
    Nothing,
    /// Of documents alone.
    Kind,
    /// `name`, `title`: of a `value`, and of a number where no thing is named.
    Title,
    Label,
}

/// All that a key says.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Said {
    pub(crate) hint: Option<Hint>,
    pub(crate) role: Role,
    pub(crate) loose: Option<Loose>,
    /// `name` by itself, which people have and things as well.
    pub(crate) alone: bool,
    /// What it says about its siblings.
    pub(crate) beside: Company,
    /// Nothing is known of it.
    pub(crate) open: bool,
    /// Which of a configuration's own rules it speaks for.
    pub(crate) own: Own,
}

/// What the keys of one object say together.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Company {
    /// Something only people have: a birth date, a gender.
    pub(crate) person: bool,
    /// A phone number or an e-mail address, which firms have too.
    pub(crate) contact: bool,
    /// Something that people do not have: a price, a path.
    pub(crate) thing: bool,
    /// A street or a postal code.
    pub(crate) address: bool,
}

impl Company {
    /// Adds what another key says.
    pub(crate) fn join(&mut self, other: Company) {
        self.person |= other.person;
        self.contact |= other.contact;
        self.thing |= other.thing;
        self.address |= other.address;
    }
}
