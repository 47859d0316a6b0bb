//! On what ground data may go from one place to another: none needed, a decision of adequacy, or what the parties have agreed.
//!
//! A ground is what a policy may ask for; none of them permits anything by itself.

use std::sync::Arc;

use carnet_model::Region;

use crate::day::Day;
use crate::table::Jurisdictions;

/// The kind of ground, the strongest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Mechanism {
    /// It stays in one country, or in a zone within which data moves freely.
    NotNeeded,
    /// The law of where it comes from finds where it goes adequate, for this recipient.
    Adequacy,
    /// Binding corporate rules.
    Bcr,
    /// Standard contractual clauses.
    Scc,
    /// A derogation for a specific situation (Art. 49 GDPR).
    Derogation,
    /// None is known.
    None,
}

impl Mechanism {
    /// The word in policies and records.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Mechanism::NotNeeded => "not-needed",
            Mechanism::Adequacy => "adequacy",
            Mechanism::Bcr => "bcr",
            Mechanism::Scc => "scc",
            Mechanism::Derogation => "art49",
            Mechanism::None => "none",
        }
    }
}

/// A situation of Art. 49(1) GDPR.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs)]
pub enum Ground {
    Consent,
    Contract,
    ThirdPartyContract,
    PublicInterest,
    LegalClaims,
    VitalInterests,
    PublicRegister,
}

impl Ground {
    /// Every ground's word.
    pub const WORDS: &'static [&'static str] = &[
        "consent",
        "contract",
        "third-party-contract",
        "public-interest",
        "legal-claims",
        "vital-interests",
        "public-register",
    ];

    const ALL: [Ground; 7] = [
        Ground::Consent,
        Ground::Contract,
        Ground::ThirdPartyContract,
        Ground::PublicInterest,
        Ground::LegalClaims,
        Ground::VitalInterests,
        Ground::PublicRegister,
    ];

    /// The word.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::WORDS.get(self as usize).copied().unwrap_or("")
    }

    /// The ground of this word.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Ground> {
        Self::ALL.into_iter().find(|g| g.name() == name)
    }
}

/// What the parties of a transfer state.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Safeguard {
    /// The recipient is under the framework that an adequacy decision asks for, such as `dpf`.
    Framework(Arc<str>),
    /// Standard contractual clauses, module 1 to 4.
    Scc(u8),
    /// Binding corporate rules.
    Bcr,
    /// A derogation.
    Derogation(Ground),
}

/// A ground that the configuration states, and for which transfers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Declared {
    /// What is stated.
    pub safeguard: Safeguard,
    /// Where it is written: a contract's number, say.
    pub reference: Arc<str>,
    /// From where; anywhere if absent.
    pub from: Option<Region>,
    /// To where. A recipient whose place nobody knows is covered by nothing.
    pub to: Region,
    /// With which servers; with all if empty.
    pub servers: Vec<Arc<str>>,
    /// Last day.
    pub until: Option<Day>,
}

/// What goes from where to where.
#[derive(Clone, Copy, Debug)]
pub struct Crossing<'a> {
    /// Whose law protects it: where it comes from.
    pub from: &'a Region,
    /// Where it goes.
    pub to: &'a Region,
    /// The server that sends it or gets it.
    pub server: &'a str,
    /// When.
    pub day: Day,
}

/// The ground that was found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Basis<'a> {
    /// Its kind.
    pub mechanism: Mechanism,
    /// Where it is written.
    pub reference: Option<&'a str>,
    /// Module of the clauses.
    pub module: Option<u8>,
    /// Ground of the derogation.
    pub ground: Option<Ground>,
}

impl<'a> Basis<'a> {
    fn of(mechanism: Mechanism, reference: Option<&'a str>) -> Basis<'a> {
        Basis { mechanism, reference, module: None, ground: None }
    }
}

impl Declared {
    fn applies(&self, table: &Jurisdictions, at: &Crossing<'_>) -> bool {
        self.until.is_none_or(|until| at.day <= until)
            && (self.servers.is_empty() || self.servers.iter().any(|s| **s == *at.server))
            && self.from.as_ref().is_none_or(|from| table.covers(from, at.from))
            && table.covers(&self.to, at.to)
    }
}

impl Jurisdictions {
    /// The strongest ground on which data may go. Where either place is unknown there is none.
    #[must_use]
    pub fn basis<'a>(&'a self, declared: &'a [Declared], at: &Crossing<'_>) -> Basis<'a> {
        if self.same_place(at.from, at.to) || self.moves_freely(at.from, at.to) {
            return Basis::of(Mechanism::NotNeeded, None);
        }
        let Some(country) = self.resolve(at.to).filter(|_| self.is_known(at.from)) else {
            return Basis::of(Mechanism::None, None);
        };
        let applying = || declared.iter().filter(|d| d.applies(self, at));
        let under = |framework: &str| {
            applying().any(|d| matches!(&d.safeguard, Safeguard::Framework(name) if **name == *framework))
        };
        let adequate =
            self.adequacy(at.from, country, at.day).find(|a| a.framework.as_deref().is_none_or(under));
        if let Some(adequacy) = adequate {
            return Basis::of(Mechanism::Adequacy, Some(&adequacy.reference));
        }
        let agreed = applying().filter_map(|d| {
            let found = |mechanism| Basis::of(mechanism, Some(&*d.reference));
            match d.safeguard {
                Safeguard::Framework(_) => None,
                Safeguard::Bcr => Some(found(Mechanism::Bcr)),
                Safeguard::Scc(module) => Some(Basis { module: Some(module), ..found(Mechanism::Scc) }),
                Safeguard::Derogation(g) => Some(Basis { ground: Some(g), ..found(Mechanism::Derogation) }),
            }
        });
        agreed.min_by_key(|b| b.mechanism).unwrap_or(Basis::of(Mechanism::None, None))
    }
}
