//! Which parts of the context a policy looks at, so that only those are built.

/// The context's attributes, as the schema names them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Attr {
    Arguments,
    Numbers,
    Method,
    Direction,
    Purpose,
    LegalBasis,
    ServerRegion,
    CallerRegion,
    CellRegion,
    Now,
    Hour,
    Labels,
    Classes,
    Counters,
    Approvals,
    Server,
    Tool,
    From,
    To,
    SamePrincipal,
    SamePurpose,
    SameServer,
    Origin,
    OwnerGroups,
    OriginRegion,
    ModelRegion,
    Mechanism,
    Adequate,
    Within,
    SubjectCategories,
    Undeclared,
}

/// Every attribute with its name in the schema.
pub(crate) const ATTRS: [(Attr, &str); 31] = [
    (Attr::Arguments, "arguments"),
    (Attr::Numbers, "numbers"),
    (Attr::Method, "method"),
    (Attr::Direction, "direction"),
    (Attr::Purpose, "purpose"),
    (Attr::LegalBasis, "legal_basis"),
    (Attr::ServerRegion, "server_region"),
    (Attr::CallerRegion, "caller_region"),
    (Attr::CellRegion, "cell_region"),
    (Attr::Now, "now"),
    (Attr::Hour, "hour"),
    (Attr::Labels, "labels"),
    (Attr::Classes, "classes"),
    (Attr::Counters, "counters"),
    (Attr::Approvals, "approvals"),
    (Attr::Server, "server"),
    (Attr::Tool, "tool"),
    (Attr::From, "from"),
    (Attr::To, "to"),
    (Attr::SamePrincipal, "same_principal"),
    (Attr::SamePurpose, "same_purpose"),
    (Attr::SameServer, "same_server"),
    (Attr::Origin, "origin"),
    (Attr::OwnerGroups, "owner_groups"),
    (Attr::OriginRegion, "origin_region"),
    (Attr::ModelRegion, "model_region"),
    (Attr::Mechanism, "mechanism"),
    (Attr::Adequate, "adequate"),
    (Attr::Within, "within"),
    (Attr::SubjectCategories, "subject_categories"),
    (Attr::Undeclared, "undeclared"),
];

/// A set of context attributes, with the argument paths where they are known.
#[derive(Clone, Debug)]
pub(crate) struct Needs {
    bits: u64,
    /// The only argument paths asked for; `None` for any.
    pub(crate) paths: Option<Vec<String>>,
}

impl Default for Needs {
    fn default() -> Self {
        Needs { bits: 0, paths: Some(Vec::new()) }
    }
}

impl Needs {
    /// Every attribute and every argument.
    pub(crate) fn all() -> Needs {
        Needs { bits: u64::MAX, paths: None }
    }

    /// The attributes given.
    pub(crate) fn of(attrs: &[Attr]) -> Needs {
        Needs { bits: attrs.iter().fold(0, |bits, a| bits | bit(*a)), paths: Some(Vec::new()) }
    }

    /// Adds an attribute by name. A name that the schema does not have counts as all of them.
    pub(crate) fn add(&mut self, name: &str) {
        match ATTRS.iter().find(|(_, n)| *n == name) {
            Some((attr, _)) => self.bits |= bit(*attr),
            None => self.add_all(),
        }
    }

    pub(crate) fn add_all(&mut self) {
        *self = Needs::all();
    }

    pub(crate) fn has(&self, attr: Attr) -> bool {
        self.bits & bit(attr) != 0
    }

    /// Whether everything needed is among `known`.
    pub(crate) fn within(&self, known: &Needs) -> bool {
        self.bits & !known.bits == 0
    }

    pub(crate) fn union(&mut self, other: &Needs) {
        self.bits |= other.bits;
        match (&mut self.paths, &other.paths) {
            (Some(mine), Some(theirs)) => mine.extend(theirs.iter().cloned()),
            (mine, _) => *mine = None,
        }
    }

    /// Whether an argument of this path can be asked for.
    pub(crate) fn wants(&self, path: &str) -> bool {
        self.paths.as_ref().is_none_or(|paths| paths.iter().any(|p| p == path))
    }
}

fn bit(attr: Attr) -> u64 {
    1 << attr as u8
}
