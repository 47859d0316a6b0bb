//! Why a request comes out as it does: every policy of the slice, whether it applied, and what it would take.

use std::fmt;
use std::sync::Arc;

use carnet_model::{Action, Decided, Effect, PolicyId, Verdict};

use crate::context::Context;
use crate::data::Allowed;
use crate::evaluate::{Applies, Evaluation, call_pairs, cedar_context, with_call};
use crate::needs::Needs;
use crate::rule::{Rule, Stop};
use crate::set::{Ground, PolicySet, Request};

/// Policies for other principals are listed up to this many.
const OTHERS: usize = 10;

/// The answer of `carnet policy explain`.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The action.
    pub action: Action,
    /// The resource as policies write it.
    pub resource: String,
    /// The decision.
    pub verdict: Verdict,
    /// Who could approve, if only approvals are missing.
    pub held_by: Option<Vec<Arc<str>>>,
    /// Every policy whose scope matches, in the order of the files.
    pub policies: Vec<Explained>,
    /// Permits that name this action and resource, for somebody else.
    pub others: Vec<Explained>,
}

/// One policy's part in it.
#[derive(Clone, Debug)]
pub struct Explained {
    /// Its id.
    pub id: PolicyId,
    /// What it does when it applies.
    pub effect: Effect,
    /// `file:line:col` of its first character.
    pub place: String,
    /// Its text.
    pub text: Arc<str>,
    /// Its `@reason`.
    pub reason: Option<Arc<str>>,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a policy.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It applies.
    Applies,
    /// Its condition does not hold. The rest of it that depends on the context, if any: this would have to hold.
    Unmet(Option<String>),
    /// It failed to evaluate, so the request is denied.
    Failed,
    /// It is for another principal.
    OtherPrincipal,
}

impl PolicySet {
    /// Explains a request. It evaluates everything afresh: for people, not for the path of a call.
    #[must_use]
    pub fn explain(&self, request: &Request<'_>) -> Explanation {
        let question = request.question();
        let ground = self.ground(&question);
        let policies = self.explain_slice(request, &ground);
        let scope = ground.names.scope(&question, &ground.parents);
        let other =
            |r: &&Rule| r.effect == Effect::Permit && r.matches_but_principal(&scope) && !r.matches(&scope);
        Explanation {
            action: request.action,
            resource: ground.names.resource.to_string(),
            verdict: self.decide(request),
            held_by: self.held_by(request),
            policies,
            others: self
                .rules
                .iter()
                .filter(other)
                .take(OTHERS)
                .map(|r| explained(r, Outcome::OtherPrincipal))
                .collect(),
        }
    }

    fn explain_slice(&self, request: &Request<'_>, ground: &Ground) -> Vec<Explained> {
        let rules = || ground.slice.iter().filter_map(|n| self.rule(*n));
        let failed = || rules().map(|r| explained(r, Outcome::Failed)).collect();
        let Some(base) = self.entities(&request.question(), &ground.slice, &ground.known) else {
            return failed();
        };
        let mut needs = Needs::default();
        rules().for_each(|r| needs.union(&r.needs));
        let Some(seen) = call_pairs(request.context, &needs, &ground.known) else { return failed() };
        let Some(all) = with_call(&base, seen.entities) else { return failed() };
        let whole = Evaluation::new(&ground.names, Some(cedar_context(seen.pairs)), &all);
        let without = Evaluation::new(&ground.names, None, &base);
        let outcome = |r: &Rule| match whole.applies(r.condition.as_deref()) {
            Applies::Yes => Outcome::Applies,
            Applies::No => Outcome::Unmet(r.condition.as_deref().and_then(|c| without.left_over(c))),
            Applies::Open | Applies::Error => Outcome::Failed,
        };
        rules().map(|r| explained(r, outcome(r))).collect()
    }

    /// Who could approve a request that is denied, if nothing else stands in its way: the names in the `@hold("...")`
    /// of the policies that forbid it. `None` if it is permitted, or if their approval would not be enough.
    #[must_use]
    pub fn held_by(&self, request: &Request<'_>) -> Option<Vec<Arc<str>>> {
        let verdict = self.decide(request);
        if verdict.is_permit() || verdict.decided != Decided::ByPolicy {
            return None;
        }
        let named = |id: &PolicyId| self.rules.iter().find(|r| r.id == *id)?.hold.clone();
        let mut names = verdict.policies.iter().map(named).collect::<Option<Vec<_>>>()?;
        names.sort_unstable();
        names.dedup();
        let approvals: Vec<_> = request.context.approvals.iter().chain(&names).cloned().collect();
        let context = Context { approvals: &approvals, ..*request.context };
        self.decide(&Request { context: &context, ..*request }).is_permit().then_some(names)
    }
}

/// What policies say of a result that is to go out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Withholding {
    /// It goes.
    Free,
    /// Only approvals are missing.
    Held(Vec<Holding>, Verdict),
    /// It stays.
    Never(Verdict),
}

/// A policy that approvals can lift, as it is written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Holding {
    /// Its id.
    pub id: PolicyId,
    /// Its `@hold`.
    pub hold: Arc<str>,
    /// Its other annotations on approvals.
    pub terms: Vec<(Arc<str>, Arc<str>)>,
    /// Its `@reason`.
    pub reason: Option<Arc<str>>,
    /// Its text.
    pub text: Arc<str>,
}

impl Holding {
    fn of(rule: &Rule) -> Option<Holding> {
        let (id, hold, terms) = (rule.id.clone(), rule.hold.clone()?, rule.terms.clone());
        Some(Holding { id, hold, terms, reason: rule.reason.clone(), text: rule.text.clone() })
    }
}

impl PolicySet {
    /// The policies that forbid a request which only approvals are missing for. `None` as for [`PolicySet::held_by`].
    #[must_use]
    pub fn holding(&self, request: &Request<'_>, verdict: &Verdict) -> Option<Vec<Holding>> {
        // Most denials are not about approvals: that is seen without deciding again.
        let named = |id: &PolicyId| Holding::of(self.rules.iter().find(|r| r.id == *id)?);
        let holding = verdict.policies.iter().map(named).collect::<Option<Vec<_>>>()?;
        self.held_by(request).filter(|_| !holding.is_empty()).map(|_| holding)
    }

    /// The policies that keep a message back until somebody has approved that it goes. `None` where one of those that keep it
    /// back names no approval.
    #[must_use]
    pub fn stopped_by(&self, allowed: &Allowed) -> Option<Vec<Holding>> {
        let denied = allowed.verdicts.iter().filter(|(_, verdict)| !verdict.is_permit());
        let mut ids: Vec<&PolicyId> =
            denied.flat_map(|(_, v)| v.policies.iter()).filter(|id| self.stops.contains_key(*id)).collect();
        ids.sort_unstable();
        ids.dedup();
        let named = |id: &PolicyId| {
            let holds = self.stops.get(id) == Some(&Stop::Hold);
            Holding::of(self.rules.iter().find(|r| r.id == *id).filter(|_| holds)?)
        };
        ids.into_iter().map(named).collect()
    }

    /// Whether a policy keeps content back until an approval.
    #[must_use]
    pub fn holds_content(&self) -> bool {
        self.rules.iter().any(|r| r.stop == Some(Stop::Hold) && r.hold.is_some())
    }

    /// Whether a policy asks for counters, so that there must be some.
    #[must_use]
    pub fn counts(&self) -> bool {
        self.counts
    }

    /// Whether a policy asks what callers have read, so that it must be remembered.
    #[must_use]
    pub fn remembers(&self) -> bool {
        self.remembers
    }

    /// Whether a policy asks which classes of data are in a message, so that it must be looked through before it is decided.
    #[must_use]
    pub fn inspects(&self) -> bool {
        self.inspects
    }

    /// Whether any policy has a say in `release`, so that results must be asked about.
    #[must_use]
    pub fn releases(&self) -> bool {
        self.releases
    }

    /// Whether a result may go out. Only `forbid` counts; one that fails to evaluate keeps it back.
    #[must_use]
    pub fn withholding(&self, request: &Request<'_>) -> Withholding {
        let free = |verdict: &Verdict| verdict.is_permit() || verdict.decided == Decided::NoMatch;
        let verdict = self.decide(request);
        if free(&verdict) {
            return Withholding::Free;
        }
        let named = |id: &PolicyId| Holding::of(self.rules.iter().find(|r| r.id == *id)?);
        let holding = verdict.policies.iter().map(named).collect::<Option<Vec<_>>>();
        let Some(holding) = holding.filter(|_| verdict.decided == Decided::ByPolicy) else {
            return Withholding::Never(verdict);
        };
        let approvals: Vec<_> = holding.iter().map(|h| h.hold.clone()).collect();
        let context = Context { approvals: &approvals, ..*request.context };
        if free(&self.decide(&Request { context: &context, ..*request })) {
            Withholding::Held(holding, verdict)
        } else {
            Withholding::Never(verdict)
        }
    }

    /// Every policy with an `@hold`.
    #[must_use]
    pub fn holdings(&self) -> Vec<Holding> {
        self.rules.iter().filter_map(Holding::of).collect()
    }
}

fn explained(rule: &Rule, outcome: Outcome) -> Explained {
    Explained {
        id: rule.id.clone(),
        effect: rule.effect,
        place: format!("{}:{}:{}", rule.file, rule.place.0, rule.place.1),
        text: rule.text.clone(),
        reason: rule.reason.clone(),
        outcome,
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = match (self.verdict.effect, self.verdict.decided) {
            (Effect::Permit, _) => "permitted by",
            (_, Decided::ByPolicy) => "forbidden by",
            (_, Decided::NoMatch) => "denied: no policy permits it",
            (_, Decided::EvaluationError) => "denied: these policies failed to evaluate:",
        };
        let ids: Vec<_> = self.verdict.policies.iter().map(|id| id.0.as_ref()).collect();
        let space = if ids.is_empty() { "" } else { " " };
        writeln!(f, "{} on {}: {why}{space}{}", self.action, self.resource, ids.join(", "))?;
        for reason in self.verdict.reasons.iter() {
            writeln!(f, "  reason: {reason}")?;
        }
        if let Some(names) = &self.held_by {
            writeln!(f, "  held: permitted once approved by {}", names.join(" and "))?;
        }
        for policy in self.policies.iter().chain(&self.others) {
            write!(f, "\n{policy}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Explained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let effect = match self.effect {
            Effect::Permit => "permit",
            Effect::Forbid => "forbid",
        };
        let outcome = match &self.outcome {
            Outcome::Applies => "applies",
            Outcome::Unmet(_) => "does not apply",
            Outcome::Failed => "failed to evaluate",
            Outcome::OtherPrincipal => "is for another principal",
        };
        writeln!(f, "{} ({}) {effect} {outcome}", self.id, self.place)?;
        if let Outcome::Unmet(Some(rest)) = &self.outcome {
            writeln!(f, "  it would apply if: {rest}")?;
        }
        for line in self.text.lines() {
            writeln!(f, "  | {line}")?;
        }
        Ok(())
    }
}
