//! Policies by scope: which can match a request, found without looking at the others.

use std::collections::HashMap;

use carnet_model::Action;
use cedar_policy_core::ast::{ActionConstraint, EntityUID};

use crate::entity::action_uid;
use crate::rule::{Rule, Scope, named};

/// Rules by the entity their scope names, `None` for those that name none.
type By<T> = HashMap<Option<EntityUID>, T>;

/// Per action, by resource, by principal: the numbers of the rules.
#[derive(Default)]
pub(crate) struct Index {
    actions: HashMap<Action, By<By<Vec<u32>>>>,
}

impl Index {
    pub(crate) fn new(rules: &[Rule]) -> Index {
        let mut index = Index::default();
        for action in Action::ALL {
            let uid = action_uid(*action);
            let slot = index.actions.entry(*action).or_default();
            for (n, rule) in (0u32..).zip(rules) {
                if names_action(&rule.action, &uid) {
                    let by_principal = slot.entry(named(&rule.resource).cloned()).or_default();
                    by_principal.entry(named(&rule.principal).cloned()).or_default().push(n);
                }
            }
        }
        index
    }

    /// The numbers of the rules whose scope matches, ascending.
    pub(crate) fn slice(&self, rules: &[Rule], action: Action, scope: &Scope<'_>) -> Vec<u32> {
        let mut found = Vec::new();
        let Some(by_resource) = self.actions.get(&action) else { return found };
        let resources = std::iter::once(scope.resource).chain(scope.parents).cloned().map(Some).chain([None]);
        let principals: Vec<_> =
            std::iter::once(scope.principal).chain(scope.groups).cloned().map(Some).chain([None]).collect();
        for by_principal in resources.filter_map(|r| by_resource.get(&r)) {
            for numbers in principals.iter().filter_map(|p| by_principal.get(p)) {
                found.extend_from_slice(numbers);
            }
        }
        // The lists named the right entities; `is` and the difference between `==` and `in` are looked at here.
        found.retain(|n| rules.get(*n as usize).is_some_and(|r| r.matches(scope)));
        found.sort_unstable();
        found.dedup();
        found
    }
}

fn names_action(constraint: &ActionConstraint, uid: &EntityUID) -> bool {
    match constraint {
        ActionConstraint::Any => true,
        ActionConstraint::In(actions) => actions.iter().any(|a| a.as_ref() == uid),
        ActionConstraint::Eq(action) => action.as_ref() == uid,
    }
}
