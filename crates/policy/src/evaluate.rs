//! Evaluation of single rules: with the context unknown, for what can be settled once, and with the context known.

use std::collections::BTreeMap;
use std::sync::Arc;

use carnet_model::Region;
use cedar_policy_core::ast::{
    Context as CedarContext, Entity, EntityUID, EntityUIDEntry, Expr, Literal, PartialValue, Request,
    SlotEnv, Value, ValueKind,
};
use cedar_policy_core::entities::{Entities, NoEntitiesSchema, TCComputation};
use cedar_policy_core::evaluator::Evaluator;
use cedar_policy_core::extensions::Extensions;

use crate::context::{Context, Scalar};
use crate::entity::{TYPES, action_uid, region_uid, string_set, tagged, uid};
use crate::needs::{ATTRS, Attr, Needs};
use crate::question::Question;
use crate::rule::Scope;

/// Whether a rule applies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Applies {
    Yes,
    No,
    /// It depends on the context.
    Open,
    /// It fails.
    Error,
}

/// The three names of a request.
pub(crate) struct Names {
    pub(crate) principal: EntityUID,
    pub(crate) action: EntityUID,
    pub(crate) resource: EntityUID,
}

impl Names {
    pub(crate) fn new(question: &Question<'_>, resource: EntityUID) -> Names {
        Names { principal: question.principal.uid().clone(), action: action_uid(question.action), resource }
    }

    pub(crate) fn scope<'a>(&'a self, question: &'a Question<'_>, parents: &'a [EntityUID]) -> Scope<'a> {
        Scope {
            principal: &self.principal,
            groups: question.principal.groups(),
            action: &self.action,
            resource: &self.resource,
            parents,
        }
    }

    fn request(&self, context: Option<CedarContext>) -> Request {
        let known = |uid: &EntityUID| EntityUIDEntry::known(uid.clone(), None);
        Request::new_unchecked(known(&self.principal), known(&self.action), known(&self.resource), context)
    }
}

/// Evaluates a condition with these facts; `None` for a context that is not known yet.
pub(crate) struct Evaluation<'e>(Evaluator<'e>);

impl<'e> Evaluation<'e> {
    pub(crate) fn new(
        names: &Names,
        context: Option<CedarContext>,
        entities: &'e Entities,
    ) -> Evaluation<'e> {
        Evaluation(Evaluator::new(names.request(context), entities, Extensions::all_available()))
    }

    /// Whether a rule with this condition applies, its scope being matched already.
    pub(crate) fn applies(&self, condition: Option<&Expr>) -> Applies {
        let Some(condition) = condition else { return Applies::Yes };
        match self.0.partial_interpret(condition, &SlotEnv::default()) {
            Ok(PartialValue::Value(value)) => match value.value_kind() {
                ValueKind::Lit(Literal::Bool(true)) => Applies::Yes,
                ValueKind::Lit(Literal::Bool(false)) => Applies::No,
                _ => Applies::Error,
            },
            Ok(PartialValue::Residual(_)) => Applies::Open,
            Err(_) => Applies::Error,
        }
    }
}

impl Evaluation<'_> {
    /// What is left of a condition that this evaluation cannot settle, as Cedar text.
    pub(crate) fn left_over(&self, condition: &Expr) -> Option<String> {
        match self.0.partial_interpret(condition, &SlotEnv::default()) {
            Ok(PartialValue::Residual(rest)) => {
                Some(rest.to_string().replace("unknown(\"context\")", "context"))
            }
            _ => None,
        }
    }
}

/// A store of these entities, whose ancestors are complete. Of two with one name the last is kept.
pub(crate) fn store(entities: Vec<Arc<Entity>>) -> Option<Entities> {
    Entities::new()
        .upsert_entities(
            entities,
            None::<&NoEntitiesSchema>,
            TCComputation::AssumeAlreadyComputed,
            Extensions::all_available(),
        )
        .ok()
}

/// The store with a call's own entities, whose names are in no store before.
pub(crate) fn with_call(base: &Entities, entities: Vec<Arc<Entity>>) -> Option<Entities> {
    base.clone()
        .add_entities(
            entities,
            None::<&NoEntitiesSchema>,
            TCComputation::AssumeAlreadyComputed,
            Extensions::all_available(),
        )
        .ok()
}

/// The regions that a question's context speaks of.
pub(crate) struct Places {
    pub(crate) server: Region,
    pub(crate) caller: Region,
    pub(crate) cell: Region,
    /// Whether a class comes from a server that does not declare it.
    pub(crate) undeclared: bool,
}

/// The context attributes that are known with the question.
pub(crate) fn known_pairs(question: &Question<'_>, places: &Places) -> Vec<(&'static str, Value)> {
    let region = |r: &Region| Value::from(region_uid(r));
    let mut pairs = vec![
        ("server_region", region(&places.server)),
        ("caller_region", region(&places.caller)),
        ("cell_region", region(&places.cell)),
    ];
    if let Some(flow) = &question.flow {
        pairs.push(("server", Value::from(uid(&TYPES.server, flow.server))));
        pairs.push(("direction", Value::from(flow.direction.as_str())));
        pairs.push(("undeclared", Value::from(places.undeclared)));
        if let Some(tool) = flow.tool {
            let tool = carnet_model::Resource::Tool { server: flow.server.clone(), name: tool.clone() };
            pairs.push(("tool", Value::from(uid(&TYPES.tool, &tool.id()))));
        }
    }
    if let Some(route) = &question.route {
        pairs.push(("from", region(route.from)));
        pairs.push(("to", region(route.to)));
        pairs.push(("origin_region", region(route.origin)));
        pairs.extend(route.model.map(|model| ("model_region", region(model))));
    }
    pairs
}

/// The attributes that `known_pairs` gives for a question, or that are known to be absent.
pub(crate) fn known_attrs(question: &Question<'_>) -> Needs {
    let mut known = vec![Attr::ServerRegion, Attr::CallerRegion, Attr::CellRegion];
    if question.flow.is_some() {
        known.extend([Attr::Server, Attr::Tool, Attr::Direction, Attr::Undeclared]);
    }
    if question.route.is_some() {
        known.extend([Attr::From, Attr::To, Attr::OriginRegion, Attr::ModelRegion]);
    }
    Needs::of(&known)
}

/// A Cedar context of these pairs.
pub(crate) fn cedar_context(pairs: impl IntoIterator<Item = (&'static str, Value)>) -> CedarContext {
    CedarContext::Value(Arc::new(pairs.into_iter().map(|(k, v)| (k.into(), v)).collect()))
}

/// The context that the open rules see, and the entities that carry arguments and numbers.
pub(crate) struct Seen {
    pub(crate) pairs: Vec<(&'static str, Value)>,
    pub(crate) entities: Vec<Arc<Entity>>,
}

/// The parts of the context that are needed. `None` if an argument path that a policy can ask for is given twice:
/// `{"a.b": 1, "a": {"b": 2}}` has no one answer, so there is none.
pub(crate) fn call_pairs(
    context: &Context<'_>,
    needs: &Needs,
    known: &[(&'static str, Value)],
) -> Option<Seen> {
    let mut seen = Seen { pairs: Vec::with_capacity(8), entities: Vec::new() };
    for (attr, name) in ATTRS {
        if !needs.has(attr) {
            continue;
        }
        let settled = known.iter().find(|(n, _)| *n == name).map(|(_, value)| value.clone());
        if let Some(value) = settled.or_else(|| call_value(attr, context)) {
            seen.pairs.push((name, value));
        }
    }
    if needs.has(Attr::Arguments) || needs.has(Attr::Numbers) {
        argument_entities(context, needs, &mut seen.entities)?;
    }
    if needs.has(Attr::Counters) {
        let counters = context.counters.iter().map(|(name, n)| (name.to_string(), Value::from(*n)));
        seen.entities.push(tagged(uid(&TYPES.numbers, "counters"), counters));
    }
    Some(seen)
}

fn call_value(attr: Attr, context: &Context<'_>) -> Option<Value> {
    Some(match attr {
        Attr::Arguments => Value::from(uid(&TYPES.arguments, "call")),
        Attr::Numbers => Value::from(uid(&TYPES.numbers, "call")),
        Attr::Counters => Value::from(uid(&TYPES.numbers, "counters")),
        Attr::Method => Value::from(context.method),
        Attr::Direction => Value::from(context.direction.as_str()),
        Attr::Purpose => Value::from(context.purpose?),
        Attr::LegalBasis => Value::from(context.legal_basis?),
        Attr::Now => Value::from(context.now),
        Attr::Hour => Value::from(context.now.rem_euclid(86_400) / 3_600),
        Attr::Labels => string_set(context.labels.iter().map(AsRef::as_ref)),
        Attr::Classes => string_set(context.classes.iter().map(AsRef::as_ref)),
        Attr::Approvals => string_set(context.approvals.iter().map(AsRef::as_ref)),
        Attr::SamePrincipal => Value::from(context.given?.same_principal),
        Attr::SamePurpose => Value::from(context.given?.same_purpose),
        Attr::SameServer => Value::from(context.given?.same_server),
        Attr::Origin => Value::from(uid(&TYPES.server, context.given?.origin)),
        Attr::OwnerGroups => string_set(context.given?.owner_groups.iter().map(AsRef::as_ref)),
        Attr::Mechanism => Value::from(context.crossing?.mechanism),
        Attr::Adequate => Value::from(context.crossing?.adequate()),
        Attr::Within => Value::set(context.crossing?.within.iter().map(|r| Value::from(region_uid(r))), None),
        Attr::SubjectCategories => string_set(context.crossing?.categories.iter().map(AsRef::as_ref)),
        Attr::ServerRegion | Attr::CallerRegion | Attr::CellRegion => return None,
        Attr::Server | Attr::Tool | Attr::From | Attr::To | Attr::Undeclared => return None,
        Attr::OriginRegion | Attr::ModelRegion => return None,
    })
}

/// Arguments as text and whole numbers; `None` if a path is given twice.
fn argument_entities(context: &Context<'_>, needs: &Needs, entities: &mut Vec<Arc<Entity>>) -> Option<()> {
    let (mut texts, mut numbers) = (BTreeMap::new(), Vec::new());
    let mut twice = false;
    context.arguments.visit(&mut |path, scalar| {
        if !needs.wants(path) {
            return;
        }
        let text = match scalar {
            Scalar::Text(text) => Value::from(text),
            Scalar::Int(n) => {
                numbers.push((path.to_owned(), Value::from(n)));
                Value::from(n.to_string().as_str())
            }
            Scalar::Bool(b) => Value::from(if b { "true" } else { "false" }),
            Scalar::Null => Value::from("null"),
        };
        twice |= texts.insert(path.to_owned(), text).is_some();
    });
    if twice {
        return None;
    }
    entities.push(tagged(uid(&TYPES.arguments, "call"), texts));
    entities.push(tagged(uid(&TYPES.numbers, "call"), numbers));
    Some(())
}
