//! `reveal` and `transfer`: which classes of data may be shown, and which may cross a border. The default is no. `mask`: how
//! the others are hidden; the default is the configuration's. `restore`: which stand-ins become values again; the default is no.

use std::sync::Arc;

use carnet_model::{Action, ClassSet, DataClass, Decided, PolicyId, Resource, Transform, Verdict};

use crate::context::{Context, Given};
use crate::principal::PrincipalKey;
use crate::question::{Flow, Question, Route};
use crate::rule::Stop;
use crate::set::PolicySet;

/// The classes that are allowed, and the verdict on every class that was asked for.
#[derive(Clone, Debug, Default)]
pub struct Allowed {
    /// The subset that may be shown, or may cross.
    pub classes: ClassSet,
    /// The verdict on each class, in the order of their numbers.
    pub verdicts: Vec<(DataClass, Verdict)>,
    /// Whether a forbid keeps the whole message back, the strictest of them.
    pub stop: Option<Stop>,
}

/// What policies say about hiding a class.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Choice {
    /// The class.
    pub class: DataClass,
    /// How it is hidden.
    pub transform: Transform,
    /// The policies that say so.
    pub policies: Arc<[PolicyId]>,
}

impl PolicySet {
    /// How policies hide the classes, in the order of their numbers. A class that no policy speaks of is not in it. Of several
    /// transforms the strictest holds; a `forbid`, or a policy that fails, redacts.
    #[must_use]
    pub fn mask(
        &self,
        principal: &PrincipalKey,
        flow: Flow<'_>,
        classes: ClassSet,
        context: &Context<'_>,
    ) -> Vec<Choice> {
        if !self.chooses || classes.is_empty() {
            return Vec::new();
        }
        let verdicts = self.classes(Action::MASK, principal, flow, None, classes, context).verdicts;
        verdicts.into_iter().filter_map(|(class, verdict)| self.choice(class, verdict)).collect()
    }

    fn choice(&self, class: DataClass, verdict: Verdict) -> Option<Choice> {
        if verdict.decided == Decided::NoMatch {
            return None;
        }
        if !verdict.is_permit() {
            return Some(Choice { class, transform: Transform::Redact, policies: verdict.policies });
        }
        let named = || verdict.policies.iter().filter_map(|id| Some((id, *self.transforms.get(id)?)));
        let transform = named().map(|(_, t)| t).reduce(Transform::stricter)?;
        let policies = named().filter(|(_, t)| *t == transform).map(|(id, _)| id.clone()).collect();
        Some(Choice { class, transform, policies })
    }

    /// Whether a stand-in of this class becomes its value again on the way to a server.
    #[must_use]
    pub fn restore(
        &self,
        principal: &PrincipalKey,
        flow: Flow<'_>,
        class: DataClass,
        given: Given<'_>,
        context: &Context<'_>,
    ) -> Verdict {
        let context = Context { given: Some(given), ..*context };
        self.on_class(Action::RESTORE, principal, flow, class, &context)
    }

    /// The verdict on an action of Carnet's own on one class, to be explained.
    #[must_use]
    pub fn on_class(
        &self,
        action: Action,
        principal: &PrincipalKey,
        flow: Flow<'_>,
        class: DataClass,
        context: &Context<'_>,
    ) -> Verdict {
        let resource = Resource::Class(class);
        let question = Question {
            principal,
            action,
            resource: &resource,
            flow: Some(flow),
            route: None,
            foreign: false,
        };
        self.answer(&self.settled(&question).1, context)
    }

    /// Which of the classes the principal may see unmasked in this flow.
    #[must_use]
    pub fn reveal(
        &self,
        principal: &PrincipalKey,
        flow: Flow<'_>,
        classes: ClassSet,
        context: &Context<'_>,
    ) -> Allowed {
        self.classes(Action::REVEAL, principal, flow, None, classes, context)
    }

    /// Which of the classes may go from one region to another in this flow.
    #[must_use]
    pub fn transfer(
        &self,
        principal: &PrincipalKey,
        flow: Flow<'_>,
        route: Route<'_>,
        classes: ClassSet,
        context: &Context<'_>,
    ) -> Allowed {
        self.classes(Action::TRANSFER, principal, flow, Some(route), classes, context)
    }

    /// Whether a policy may keep back a message for a class that crosses a border, also where it would be masked.
    #[must_use]
    pub fn stops_transfers(&self) -> bool {
        self.stops_transfers
    }

    fn classes(
        &self,
        action: Action,
        principal: &PrincipalKey,
        flow: Flow<'_>,
        route: Option<Route<'_>>,
        classes: ClassSet,
        context: &Context<'_>,
    ) -> Allowed {
        let mut allowed = Allowed::default();
        for class in classes.iter() {
            let resource = Resource::Class(class);
            let foreign = context.foreign.contains(class);
            let question =
                Question { principal, action, resource: &resource, flow: Some(flow), route, foreign };
            let verdict = self.answer(&self.settled(&question).1, context);
            if verdict.is_permit() {
                allowed.classes.insert(class);
            } else if !self.stops.is_empty() {
                allowed.stop = allowed
                    .stop
                    .max(verdict.policies.iter().filter_map(|id| self.stops.get(id)).max().copied());
            }
            allowed.verdicts.push((class, verdict));
        }
        allowed
    }
}

impl Allowed {
    /// The ids of every policy that had a part in it, sorted, without duplicates.
    #[must_use]
    pub fn policies(&self) -> Vec<carnet_model::PolicyId> {
        let mut ids: Vec<_> =
            self.verdicts.iter().flat_map(|(_, v)| Arc::clone(&v.policies).to_vec()).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }
}
