//! One loaded policy: where it stands, whom its scope matches, and what its conditions look at.

use std::sync::Arc;

use carnet_model::{Effect, PolicyId, Transform};
use cedar_policy_core::ast::{
    ActionConstraint, BinaryOp, EntityReference, EntityUID, Expr, ExprKind, Literal,
    PrincipalOrResourceConstraint, Var,
};

use crate::needs::{Attr, Needs};

/// What a forbid of `reveal` or `transfer` does with the message, besides masking the class: from `@verdict("...")`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Stop {
    /// It waits for an approval; without one it is kept back.
    Hold,
    /// It is kept back.
    Block,
}

impl Stop {
    /// The words.
    pub const WORDS: [&'static str; 2] = ["hold", "block"];

    /// The word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Stop::Hold => "hold",
            Stop::Block => "block",
        }
    }

    /// The one of this word.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Stop> {
        [Stop::Hold, Stop::Block].into_iter().find(|s| s.name() == name)
    }
}

/// A policy as the slices hold it.
pub(crate) struct Rule {
    pub(crate) id: PolicyId,
    pub(crate) effect: Effect,
    pub(crate) file: Arc<str>,
    /// Line and column of its first character, from 1.
    pub(crate) place: (usize, usize),
    pub(crate) text: Arc<str>,
    pub(crate) reason: Option<Arc<str>>,
    /// Who may lift it, from `@hold("...")`.
    pub(crate) hold: Option<Arc<str>>,
    /// How that is to be had: `@quorum("2")` and the like, as they are written.
    pub(crate) terms: Vec<(Arc<str>, Arc<str>)>,
    /// How what may not be seen is hidden, from `@transform("...")`.
    pub(crate) transform: Option<Transform>,
    /// Whether the whole message is kept back where it forbids.
    pub(crate) stop: Option<Stop>,
    pub(crate) principal: PrincipalOrResourceConstraint,
    pub(crate) action: ActionConstraint,
    pub(crate) resource: PrincipalOrResourceConstraint,
    /// The `when` and `unless` clauses in one; none if the scope is all there is.
    pub(crate) condition: Option<Arc<Expr>>,
    pub(crate) needs: Needs,
    /// Entities that the conditions name in so many words.
    pub(crate) literals: Vec<EntityUID>,
}

impl Rule {
    /// Whether the scope matches. `groups` and `parents` are complete, so this is exactly Cedar's `==`, `in` and `is`.
    pub(crate) fn matches(&self, request: &Scope<'_>) -> bool {
        constraint_holds(&self.principal, request.principal, request.groups)
            && self.matches_but_principal(request)
    }

    /// Whether action and resource match, whoever it is.
    pub(crate) fn matches_but_principal(&self, request: &Scope<'_>) -> bool {
        covers(&self.action, request.action)
            && constraint_holds(&self.resource, request.resource, request.parents)
    }
}

/// Whether a scope's action is one.
pub(crate) fn covers(constraint: &ActionConstraint, action: &EntityUID) -> bool {
    match constraint {
        ActionConstraint::Any => true,
        ActionConstraint::In(actions) => actions.iter().any(|a| a.as_ref() == action),
        ActionConstraint::Eq(only) => only.as_ref() == action,
    }
}

/// What scopes are matched against.
pub(crate) struct Scope<'a> {
    pub(crate) principal: &'a EntityUID,
    pub(crate) groups: &'a [EntityUID],
    pub(crate) action: &'a EntityUID,
    pub(crate) resource: &'a EntityUID,
    pub(crate) parents: &'a [EntityUID],
}

fn constraint_holds(
    constraint: &PrincipalOrResourceConstraint,
    uid: &EntityUID,
    ancestors: &[EntityUID],
) -> bool {
    let within = |reference: &EntityReference| match reference {
        EntityReference::EUID(target) => uid == target.as_ref() || ancestors.contains(target),
        // Templates are refused when loading.
        EntityReference::Slot(_) => false,
    };
    match constraint {
        PrincipalOrResourceConstraint::Any => true,
        PrincipalOrResourceConstraint::In(target) => within(target),
        PrincipalOrResourceConstraint::Eq(EntityReference::EUID(target)) => uid == target.as_ref(),
        PrincipalOrResourceConstraint::Eq(EntityReference::Slot(_)) => false,
        PrincipalOrResourceConstraint::Is(ty) => uid.entity_type() == ty.as_ref(),
        PrincipalOrResourceConstraint::IsIn(ty, target) => uid.entity_type() == ty.as_ref() && within(target),
    }
}

/// The entity that a constraint names, to index by.
pub(crate) fn named(constraint: &PrincipalOrResourceConstraint) -> Option<&EntityUID> {
    match constraint {
        PrincipalOrResourceConstraint::In(EntityReference::EUID(uid))
        | PrincipalOrResourceConstraint::Eq(EntityReference::EUID(uid))
        | PrincipalOrResourceConstraint::IsIn(_, EntityReference::EUID(uid)) => Some(uid),
        _ => None,
    }
}

/// Which context attributes an expression can look at. A use of the context as a whole counts as all of them.
pub(crate) fn needs_of(condition: &Expr) -> Needs {
    let mut needs = Needs::default();
    let (mut uses, mut explained) = (0usize, 0usize);
    for part in condition.subexpressions() {
        match part.expr_kind() {
            ExprKind::Var(Var::Context) => uses += 1,
            ExprKind::GetAttr { expr, attr } | ExprKind::HasAttr { expr, attr } if is_context(expr) => {
                explained += 1;
                needs.add(attr);
            }
            ExprKind::ExtHasAttr { expr, attrs } if is_context(expr) => {
                explained += 1;
                needs.add(&attrs.head);
            }
            _ => {}
        }
    }
    if uses > explained {
        return Needs::all();
    }
    if needs.has(Attr::Arguments) || needs.has(Attr::Numbers) {
        needs.paths = argument_paths(condition);
    }
    needs
}

fn is_context(expr: &Expr) -> bool {
    matches!(expr.expr_kind(), ExprKind::Var(Var::Context))
}

/// The argument paths that can be asked for, if every one is a literal at the place of use; else none, which means all.
fn argument_paths(condition: &Expr) -> Option<Vec<String>> {
    let (mut paths, mut uses, mut explained) = (Vec::new(), 0usize, 0usize);
    for part in condition.subexpressions() {
        match part.expr_kind() {
            ExprKind::GetAttr { expr, attr }
                if is_context(expr) && (attr == "arguments" || attr == "numbers") =>
            {
                uses += 1
            }
            ExprKind::BinaryApp { op: BinaryOp::GetTag | BinaryOp::HasTag, arg1, arg2 } => {
                let ExprKind::GetAttr { expr, attr } = arg1.expr_kind() else { continue };
                if is_context(expr) && (attr == "arguments" || attr == "numbers") {
                    let ExprKind::Lit(Literal::String(path)) = arg2.expr_kind() else { return None };
                    explained += 1;
                    paths.push(path.to_string());
                }
            }
            _ => {}
        }
    }
    (uses == explained).then_some(paths)
}

pub(crate) fn literals_of(condition: &Expr) -> Vec<EntityUID> {
    let literal = |part: &Expr| match part.expr_kind() {
        ExprKind::Lit(Literal::EntityUID(uid)) => Some(uid.as_ref().clone()),
        _ => None,
    };
    condition.subexpressions().filter_map(literal).collect()
}
