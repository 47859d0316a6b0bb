//! `reveal` and `transfer`: which classes of data may be shown, and which may cross a border. The default is no.

use std::sync::Arc;

use carnet_model::{Action, ClassSet, DataClass, Region, Resource, Verdict};

use crate::context::Context;
use crate::principal::PrincipalKey;
use crate::question::{Flow, Question};
use crate::set::PolicySet;

/// The classes that are allowed, and the verdict on every class that was asked for.
#[derive(Clone, Debug, Default)]
pub struct Allowed {
    /// The subset that may be shown, or may cross.
    pub classes: ClassSet,
    /// The verdict on each class, in the order of their numbers.
    pub verdicts: Vec<(DataClass, Verdict)>,
}

impl PolicySet {
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
        (from, to): (&Region, &Region),
        classes: ClassSet,
        context: &Context<'_>,
    ) -> Allowed {
        self.classes(Action::TRANSFER, principal, flow, Some((from, to)), classes, context)
    }

    fn classes(
        &self,
        action: Action,
        principal: &PrincipalKey,
        flow: Flow<'_>,
        route: Option<(&Region, &Region)>,
        classes: ClassSet,
        context: &Context<'_>,
    ) -> Allowed {
        let mut allowed = Allowed::default();
        for class in classes.iter() {
            let resource = Resource::Class(class);
            let question = Question { principal, action, resource: &resource, flow: Some(flow), route };
            let verdict = self.answer(&self.settled(&question).1, context);
            if verdict.is_permit() {
                allowed.classes.insert(class);
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
