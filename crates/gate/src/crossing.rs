//! Where a message's content comes from and goes, on what ground it may, and what holds every place concerned. A policy decides;
//! this says what it decides about.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use carnet_model::{ClassNames, ClassSet, IdentityKind, Principal, Region};
use carnet_policy::{Direction, Route};
use carnet_residency::{Basis, Country, Crossing as Ends, Day, Declared, Jurisdictions, Known, Mechanism};

use crate::facts::{Caller, Seen, ServerFacts};
use crate::recipients::{self, Reach, Recipients};
use crate::shell::Moment;
use crate::snapshot::Snapshot;

/// What the configuration says of places and grounds.
#[derive(Clone, Debug)]
pub struct ResidencyRules {
    /// Where a place is unknown nothing unmasked crosses, whatever the policies say.
    pub enforce: bool,
    /// Grounds that are stated.
    pub declared: Vec<Declared>,
    /// Where the models run of agents, by the agent's subject.
    pub models: BTreeMap<Arc<str>, Region>,
    /// How the place of this cell is known.
    pub cell_known: Known,
    /// Who else gets something of messages.
    pub recipients: Recipients,
}

impl Default for ResidencyRules {
    fn default() -> Self {
        ResidencyRules {
            enforce: false,
            declared: Vec::new(),
            models: BTreeMap::new(),
            cell_known: Known::Asserted,
            recipients: Recipients::default(),
        }
    }
}

impl ResidencyRules {
    /// Where the model runs for which somebody acts: by the agent, or by the caller where it is a program itself.
    #[must_use]
    pub fn model(&self, principal: &Principal) -> Option<&Region> {
        let itself = || Some(&principal.identity).filter(|i| i.kind == IdentityKind::Workload);
        let program = principal.agent.as_ref().or_else(itself)?;
        self.models.get(&program.subject)
    }
}

/// The places of one crossing.
#[derive(Clone, Copy, Debug)]
pub struct Places<'a> {
    /// Where it is.
    pub from: &'a Region,
    /// Where it goes.
    pub to: &'a Region,
    /// Whose law it is under.
    pub origin: &'a Region,
    /// Where the caller's model runs, where it gets it.
    pub model: Option<&'a Region>,
    /// Where this gateway masks and records.
    pub cell: &'a Region,
}

/// One crossing, looked up.
#[derive(Clone, Debug)]
pub struct Crossing {
    from: Region,
    to: Region,
    origin: Region,
    model: Option<Region>,
    /// All of it is surely in one country: no border is crossed.
    pub stays: bool,
    /// One of the places is not known.
    pub unknown: bool,
    /// The ground.
    pub mechanism: Mechanism,
    reference: Option<String>,
    /// The country and the zones that hold every place.
    pub within: Vec<Region>,
}

impl Crossing {
    /// Looks a crossing up.
    #[must_use]
    pub fn find(
        table: &Jurisdictions,
        declared: &[Declared],
        at: Places<'_>,
        server: &str,
        now: i64,
    ) -> Crossing {
        let Places { from, to, origin, model, cell } = at;
        let mut all = vec![from, to, origin, cell];
        all.extend(model);
        let stays = table.in_one_country(&all);
        let found = |reference: Option<String>, mechanism, within| Crossing {
            from: from.clone(),
            to: to.clone(),
            origin: origin.clone(),
            model: model.cloned(),
            stays,
            unknown: all.iter().any(|place| !table.is_known(place)),
            mechanism,
            reference,
            within,
        };
        if stays {
            return found(None, Mechanism::NotNeeded, Vec::new());
        }
        // Who gets it: the other side, this gateway on the way, and the model. The weakest ground counts.
        let day = Day::of(now);
        let ground = |to| table.basis(declared, &Ends { from: origin, to, server, day });
        let grounds = [to, cell].into_iter().chain(model).map(ground);
        let basis = grounds.max_by_key(|basis| basis.mechanism);
        let mechanism = basis.map_or(Mechanism::None, |basis| basis.mechanism);
        found(basis.as_ref().and_then(reference), mechanism, table.common(&all))
    }

    /// The route, for a policy.
    #[must_use]
    pub fn route(&self) -> Route<'_> {
        Route { from: &self.from, to: &self.to, origin: &self.origin, model: self.model.as_ref() }
    }

    /// What a policy may know of it.
    #[must_use]
    pub fn facts<'a>(&'a self, categories: &'a [Arc<str>]) -> carnet_policy::Crossing<'a> {
        carnet_policy::Crossing { mechanism: self.mechanism.name(), within: &self.within, categories }
    }

    /// Of a message between a caller and a server.
    pub(crate) fn of(
        snapshot: &Snapshot,
        server: &ServerFacts,
        caller: &Caller,
        direction: Direction,
        now: Moment,
    ) -> Crossing {
        let unknown = Region::unknown();
        let place = caller.principal.region.as_ref().unwrap_or(&unknown);
        let its = server.place();
        let (from, to) = match direction {
            Direction::In => (place, &its),
            Direction::Out => (&its, place),
        };
        let out = direction == Direction::Out;
        let at = Places {
            from,
            to,
            origin: server.origin.as_ref().filter(|_| out).unwrap_or(from),
            model: snapshot.residency.model(&caller.principal).filter(|_| out),
            cell: &snapshot.cell_region,
        };
        let (table, rules) = (&snapshot.jurisdictions, &snapshot.residency);
        Crossing::find(table, &rules.declared, at, &server.name, now.seconds)
    }
}

/// `contract 7, module 2`.
fn reference(basis: &Basis<'_>) -> Option<String> {
    let mut text = basis.reference?.to_owned();
    if let Some(module) = basis.module {
        let _ = write!(text, ", module {module}");
    }
    if let Some(ground) = basis.ground {
        let _ = write!(text, ", {}", ground.name());
    }
    Some(text)
}

/// What was decided about the classes of one message.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Moved {
    /// Classes that were found.
    pub(crate) found: ClassSet,
    /// Those that went as they are.
    pub(crate) moved: ClassSet,
    /// `hold` or `block`, where the whole message was kept back.
    pub(crate) kept_back: Option<&'static str>,
}

impl Moved {
    fn verdict(&self) -> &'static str {
        match self.kept_back {
            Some(word) => word,
            None if self.moved == self.found => "allow",
            None => "mask",
        }
    }
}

/// The `residency` disclosure: places, how they are known, and of a border the ground and the verdict.
pub(crate) fn disclosed(
    snapshot: &Snapshot,
    server: &ServerFacts,
    caller: &Caller,
    crossing: &Crossing,
    moved: Option<(&Moved, &ClassNames)>,
    reach: &Reach,
) -> String {
    let recipient = caller.principal.region.as_ref().map_or("unknown", |r| r.as_str());
    let mut members: Vec<(&str, String)> = vec![
        ("known", quoted(Known::Asserted.name())),
        ("processing", quoted(server.region.as_str())),
        ("recipient", quoted(recipient)),
        ("storage", quoted(snapshot.cell_region.as_str())),
    ];
    if snapshot.residency.cell_known != Known::Asserted {
        members.push(("storage_known", quoted(snapshot.residency.cell_known.name())));
    }
    let known = |known: Known| quoted(known.name());
    match server.seen.get() {
        Seen::Nothing => {}
        Seen::There => members.push(("processing_known", known(Known::Observed))),
        Seen::Elsewhere => members.push(("processing_known", known(Known::Unknown))),
    }
    // Of a place that nobody states nothing is known, which `unknown` says.
    if caller.known == Known::Observed || caller.elsewhere {
        members.push(("recipient_known", known(caller.known)));
    }
    members.extend(snapshot.residency.recipients.disclosed(reach).map(|all| ("recipients", all)));
    if !crossing.stays {
        members.push(("from", quoted(crossing.from.as_str())));
        members.push(("to", quoted(crossing.to.as_str())));
        members.push(("mechanism", quoted(crossing.mechanism.name())));
        members.extend(crossing.reference.as_deref().map(|r| ("reference", quoted(r))));
        members.extend(crossing.model.as_ref().map(|m| ("model", quoted(m.as_str()))));
        if crossing.origin != crossing.from {
            members.push(("origin", quoted(crossing.origin.as_str())));
        }
        if let Some((moved, names)) = moved.filter(|(m, _)| !m.found.is_empty()) {
            let list = recipients::named(moved.moved, names).join(",");
            members.push(("moved", format!("[{list}]")));
            members.push(("verdict", quoted(moved.verdict())));
        }
    }
    members.sort_unstable();
    let members: Vec<String> = members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    format!("{{{}}}", members.join(","))
}

fn quoted(text: &str) -> String {
    carnet_json::quote(text)
}

/// The country in the name of a kind of number, such as `DE_TAX_ID`.
pub(crate) fn country_of(table: &Jurisdictions, kind: &str) -> Option<Country> {
    let (prefix, _) = kind.split_once('_').filter(|(prefix, _)| prefix.len() == 2)?;
    table.resolve(&Region::new(if prefix == "UK" { "gb" } else { prefix }))
}
