//! The policy set of a snapshot: loaded, sliced, and remembering what does not depend on the context.

use std::collections::HashMap;
use std::sync::Arc;

use carnet_model::{Action, ClassSet, Decided, Effect, PolicyId, Region, Resource, Transform, Verdict};
use cedar_policy_core::ast::{EntityUID, Value};
use cedar_policy_core::entities::Entities;
use sha2::{Digest as _, Sha256};

use crate::cache::Cache;
use crate::context::{Context, Direction};
use crate::diagnostic::Diagnostic;
use crate::entity::{Facts, ServerFacts, action_uid};
use crate::evaluate::{
    Applies, Evaluation, Names, Places, call_pairs, cedar_context, known_attrs, known_pairs, store, with_call,
};
use crate::index::Index;
use crate::load;
use crate::needs::{Attr, Needs};
use crate::principal::PrincipalKey;
use crate::question::{Asked, Question};
use crate::rule::{Rule, Stop, covers};

/// What the snapshot knows besides the policies.
#[derive(Clone, Debug)]
pub struct Options {
    /// The servers of the configuration.
    pub servers: Vec<ServerFacts>,
    /// For each region the zones it lies in, such as `de` in `eu`; zones may lie in zones.
    pub zones: Vec<(Region, Vec<Region>)>,
    /// Where this cell runs.
    pub cell_region: Region,
    /// Names of the configuration's own data classes, the n-th for `DataClass::custom(n)`.
    pub custom_classes: Vec<Arc<str>>,
    /// How many decisions are remembered.
    pub cache_entries: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            servers: Vec::new(),
            zones: Vec::new(),
            cell_region: Region::unknown(),
            custom_classes: Vec::new(),
            cache_entries: 16_384,
        }
    }
}

/// One request to decide.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// Who.
    pub principal: &'a PrincipalKey,
    /// Does what.
    pub action: Action,
    /// On what.
    pub resource: &'a Resource,
    /// And what the call brings with it.
    pub context: &'a Context<'a>,
}

/// The policies of a snapshot. It never changes; what it remembers dies with it.
pub struct PolicySet {
    pub(crate) rules: Vec<Rule>,
    index: Index,
    pub(crate) facts: Facts,
    cache: Cache<Settled>,
    state: Vec<u8>,
    hash: [u8; 32],
    warnings: Vec<Diagnostic>,
    /// What the policies of `mask` choose.
    pub(crate) transforms: HashMap<PolicyId, Transform>,
    /// Whether any policy forbids a `release`.
    pub(crate) releases: bool,
    /// Whether any policy asks for counters.
    pub(crate) counts: bool,
    /// Whether any policy asks what was read.
    pub(crate) remembers: bool,
    /// Whether any policy of calls asks what is in them.
    pub(crate) inspects: bool,
    /// Whether any policy has a say in `mask`.
    pub(crate) chooses: bool,
    /// Forbids that keep back more than the class they forbid.
    pub(crate) stops: HashMap<PolicyId, Stop>,
    /// Whether one of them is about `transfer`.
    pub(crate) stops_transfers: bool,
}

/// What is known of a question before the context is.
pub(crate) enum Settled {
    /// Everything.
    Final(Verdict),
    /// Some rules must see the context.
    Open(Box<Open>),
}

pub(crate) struct Open {
    names: Names,
    entities: Entities,
    known: Vec<(&'static str, Value)>,
    needs: Needs,
    /// Permits that apply whatever the context.
    permits: Vec<u32>,
    /// Rules that depend on the context.
    open: Vec<u32>,
}

/// What a question stands on.
pub(crate) struct Ground {
    pub(crate) names: Names,
    pub(crate) parents: Vec<EntityUID>,
    pub(crate) slice: Vec<u32>,
    pub(crate) known: Vec<(&'static str, Value)>,
}

/// The rules of a slice that turned out to matter.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) permits: Vec<u32>,
    pub(crate) forbids: Vec<u32>,
    pub(crate) errors: Vec<u32>,
    pub(crate) open: Vec<u32>,
}

impl PolicySet {
    /// Loads policies from `(name, text)` sources.
    ///
    /// # Errors
    /// Every mistake of every source: syntax, names and types the schema does not have, ids used twice.
    pub fn load(sources: &[(&str, &str)], options: &Options) -> Result<PolicySet, Vec<Diagnostic>> {
        let (rules, warnings) = load::load(sources)?;
        let transforms: HashMap<_, _> =
            rules.iter().filter_map(|r| Some((r.id.clone(), r.transform?))).collect();
        let mask = action_uid(Action::MASK);
        let forbids = |r: &Rule| r.effect == Effect::Forbid && covers(&r.action, &mask);
        let release = action_uid(Action::RELEASE);
        let keeps = |r: &Rule| r.effect == Effect::Forbid && covers(&r.action, &release);
        let state = crate::state::write(sources, options);
        let transfer = action_uid(Action::TRANSFER);
        Ok(PolicySet {
            chooses: !transforms.is_empty() || rules.iter().any(forbids),
            stops: rules.iter().filter_map(|r| Some((r.id.clone(), r.stop?))).collect(),
            stops_transfers: rules.iter().any(|r| r.stop.is_some() && covers(&r.action, &transfer)),
            releases: rules.iter().any(keeps),
            counts: rules.iter().any(|r| r.needs.has(Attr::Counters)),
            remembers: rules.iter().any(|r| r.needs.has(Attr::Labels)),
            inspects: rules.iter().any(|r| r.needs.has(Attr::Classes)),
            transforms,
            index: Index::new(&rules),
            rules,
            facts: Facts::new(options),
            cache: Cache::new(options.cache_entries),
            hash: Sha256::digest(&state).into(),
            state,
            warnings,
        })
    }

    /// SHA-256 of [`PolicySet::state`]. Kept in every record.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        self.hash
    }

    /// All that decisions of this set depend on besides the request, as JSON: names and texts of the policies, sorted, and
    /// what the configuration says about servers and regions. [`PolicySet::from_state`] makes the set again.
    #[must_use]
    pub fn state(&self) -> &[u8] {
        &self.state
    }

    /// The set that a [`PolicySet::state`] was written from.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn from_state(state: &[u8]) -> Result<PolicySet, String> {
        let (sources, options) = crate::state::read(state).ok_or("not the state of a policy set")?;
        let sources: Vec<(&str, &str)> = sources.iter().map(|(n, t)| (n.as_str(), t.as_str())).collect();
        PolicySet::load(&sources, &options).map_err(|all| {
            let all: Vec<String> = all.iter().map(ToString::to_string).collect();
            all.join("; ")
        })
    }

    /// What is worth a second look, such as a policy that can never apply.
    #[must_use]
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }

    /// How many policies there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Whether there is no policy, so that everything is denied.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Decides a request. Invariant 1: no match is a no, and so is any policy of the slice that fails.
    #[must_use]
    pub fn decide(&self, request: &Request<'_>) -> Verdict {
        let question = request.question();
        self.answer(&self.settled(&question).1, request.context)
    }

    /// Whether the decision depends on the context at all; if not, any context will do.
    #[must_use]
    pub fn needs_context(&self, principal: &PrincipalKey, action: Action, resource: &Resource) -> bool {
        let question = Question { principal, action, resource, flow: None, route: None, foreign: false };
        matches!(self.settled(&question).1, Settled::Open(_))
    }

    /// Whether some context could permit it: what a list shows.
    #[must_use]
    pub fn may_list(&self, principal: &PrincipalKey, action: Action, resource: &Resource) -> bool {
        let question = Question { principal, action, resource, flow: None, route: None, foreign: false };
        match &self.settled(&question).1 {
            Settled::Final(verdict) => verdict.is_permit(),
            // Questions that no context can permit are final.
            Settled::Open(_) => true,
        }
    }

    pub(crate) fn settled(&self, question: &Question<'_>) -> Arc<(Asked, Settled)> {
        if !question.is_short() {
            return Arc::new((question.keep(), self.settle(question)));
        }
        self.cache.get(question, || self.settle(question))
    }

    /// Decides with the context known.
    pub(crate) fn answer(&self, settled: &Settled, context: &Context<'_>) -> Verdict {
        let open = match settled {
            Settled::Final(verdict) => return verdict.clone(),
            Settled::Open(open) => open,
        };
        let tally = self.tally_open(open, context);
        self.verdict(&tally)
    }

    pub(crate) fn tally_open(&self, open: &Open, context: &Context<'_>) -> Tally {
        let mut tally = Tally { permits: open.permits.clone(), ..Tally::default() };
        let seen = call_pairs(context, &open.needs, &open.known);
        let with_arguments;
        let (pairs, entities) = match seen {
            Some(seen) if seen.entities.is_empty() => (seen.pairs, &open.entities),
            Some(seen) => match with_call(&open.entities, seen.entities) {
                Some(all) => {
                    with_arguments = all;
                    (seen.pairs, &with_arguments)
                }
                None => return Tally { errors: open.open.clone(), ..Tally::default() },
            },
            None => return Tally { errors: open.open.clone(), ..Tally::default() },
        };
        let evaluation = Evaluation::new(&open.names, Some(cedar_context(pairs)), entities);
        self.count(&open.open, &evaluation, &mut tally);
        // With the context known nothing may stay open; if it does, it is an error.
        tally.errors.append(&mut tally.open);
        tally
    }

    fn settle(&self, question: &Question<'_>) -> Settled {
        let ground = self.ground(question);
        let Some(entities) = self.entities(question, &ground.slice, &ground.known) else {
            return Settled::Final(self.verdict(&Tally { errors: ground.slice, ..Tally::default() }));
        };
        let attrs = known_attrs(question);
        let (now, later): (Vec<u32>, Vec<u32>) =
            ground.slice.iter().partition(|n| self.rule(**n).is_some_and(|r| r.needs.within(&attrs)));
        let mut tally = Tally::default();
        let known = cedar_context(ground.known.clone());
        self.count(&now, &Evaluation::new(&ground.names, Some(known), &entities), &mut tally);
        self.count(&later, &Evaluation::new(&ground.names, None, &entities), &mut tally);
        if self.is_settled(&tally) {
            return Settled::Final(self.verdict(&tally));
        }
        let mut needs = Needs::default();
        tally.open.iter().filter_map(|n| self.rule(*n)).for_each(|r| needs.union(&r.needs));
        let Ground { names, known, .. } = ground;
        Settled::Open(Box::new(Open {
            names,
            entities,
            known,
            needs,
            permits: tally.permits,
            open: tally.open,
        }))
    }

    /// The names, the slice and the context attributes that come with the question.
    pub(crate) fn ground(&self, question: &Question<'_>) -> Ground {
        let names = Names::new(question, self.facts.resource_uid(question.resource));
        let parents = self.parents(question.resource);
        let slice = self.index.slice(&self.rules, question.action, &names.scope(question, &parents));
        let server = question.flow.map(|f| f.server).or_else(|| question.resource.server());
        let places = Places {
            server: server.map_or_else(Region::unknown, |s| self.facts.server_region(s)),
            caller: question.principal.region().clone(),
            cell: self.facts.cell.clone(),
            undeclared: self.undeclared(question),
        };
        Ground { names, parents, slice, known: known_pairs(question, &places) }
    }

    /// Whether a server gives out a class that the configuration does not say it has, or numbers of another country.
    fn undeclared(&self, question: &Question<'_>) -> bool {
        match (question.flow, question.resource) {
            (Some(flow), Resource::Class(class)) if flow.direction == Direction::Out => {
                let unsaid = |declared: ClassSet| !declared.contains(*class);
                question.foreign || self.facts.declared(flow.server).is_some_and(unsaid)
            }
            _ => false,
        }
    }

    fn parents(&self, resource: &Resource) -> Vec<EntityUID> {
        match resource {
            Resource::Server(_) => Vec::new(),
            Resource::Held(held) => {
                let mut within = self.parents(&held.on);
                within.push(self.facts.resource_uid(&held.on));
                within
            }
            other => other
                .server()
                .map(|s| self.facts.resource_uid(&Resource::Server(s.clone())))
                .into_iter()
                .collect(),
        }
    }

    /// Whether no context can change the effect: something failed, something forbids, or nothing can permit.
    fn is_settled(&self, tally: &Tally) -> bool {
        let could_permit =
            || tally.open.iter().filter_map(|n| self.rule(*n)).any(|r| r.effect == Effect::Permit);
        tally.open.is_empty()
            || !tally.errors.is_empty()
            || !tally.forbids.is_empty()
            || (tally.permits.is_empty() && !could_permit())
    }

    /// The entities that the question and the slice speak of.
    pub(crate) fn entities(
        &self,
        question: &Question<'_>,
        slice: &[u32],
        known: &[(&'static str, Value)],
    ) -> Option<Entities> {
        let mut all = question.principal.entities().to_vec();
        all.extend(self.facts.resource(question.resource));
        if let Some(flow) = &question.flow {
            match flow.tool {
                Some(tool) => {
                    let tool = Resource::Tool { server: flow.server.clone(), name: tool.clone() };
                    all.extend(self.facts.resource(&tool));
                }
                None => all.push(self.facts.server(flow.server)),
            }
        }
        let mut regions = vec![crate::entity::region_uid(question.principal.region())];
        regions.extend(known.iter().filter_map(|(_, v)| v.all_literal_uids().into_iter().next()));
        all.extend(regions.iter().filter_map(|r| self.facts.region(r)));
        let literals = slice.iter().filter_map(|n| self.rule(*n)).flat_map(|r| &r.literals);
        all.extend(literals.filter_map(|uid| self.facts.literal(uid)));
        store(all)
    }

    fn count(&self, numbers: &[u32], evaluation: &Evaluation<'_>, tally: &mut Tally) {
        for n in numbers {
            let Some(rule) = self.rule(*n) else { continue };
            match (evaluation.applies(rule.condition.as_deref()), rule.effect) {
                (Applies::Yes, Effect::Permit) => tally.permits.push(*n),
                (Applies::Yes, Effect::Forbid) => tally.forbids.push(*n),
                (Applies::No, _) => {}
                (Applies::Open, _) => tally.open.push(*n),
                (Applies::Error, _) => tally.errors.push(*n),
            }
        }
    }

    pub(crate) fn rule(&self, n: u32) -> Option<&Rule> {
        self.rules.get(n as usize)
    }

    /// Errors before forbids before permits; none of them is a no.
    pub(crate) fn verdict(&self, tally: &Tally) -> Verdict {
        let (effect, decided, numbers) = if !tally.errors.is_empty() {
            (Effect::Forbid, Decided::EvaluationError, &tally.errors)
        } else if !tally.forbids.is_empty() {
            (Effect::Forbid, Decided::ByPolicy, &tally.forbids)
        } else if !tally.permits.is_empty() {
            (Effect::Permit, Decided::ByPolicy, &tally.permits)
        } else {
            (Effect::Forbid, Decided::NoMatch, &tally.permits)
        };
        let mut rules: Vec<_> = numbers.iter().filter_map(|n| self.rule(*n)).collect();
        rules.sort_by(|a, b| a.id.cmp(&b.id));
        Verdict {
            effect,
            decided,
            policies: rules.iter().map(|r| r.id.clone()).collect::<Vec<PolicyId>>().into(),
            reasons: rules.iter().filter_map(|r| r.reason.clone()).collect::<Vec<_>>().into(),
        }
    }
}

impl<'a> Request<'a> {
    pub(crate) fn question(&self) -> Question<'a> {
        Question {
            principal: self.principal,
            action: self.action,
            resource: self.resource,
            flow: None,
            route: None,
            foreign: false,
        }
    }
}
