//! A question to the policies, from `METHOD TARGET` to a verdict: on a call, on a class of data, or on the evidence.

use std::sync::Arc;

use carnet_model::{
    Action, ClassNames, ClassSet, DataClass, Decided, HeldCall, Principal, Region, Resource, Verdict,
};
use carnet_policy::{Context, Direction, Explanation, Flow, Given, Outcome, PrincipalKey, Request};
use serde_json::Value;

use super::arguments::JsonArguments;
use super::world::World;

/// What is asked about.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) action: Action,
    pub(super) resource: Resource,
    /// For `reveal` and `transfer`: the server or tool that the data comes from or goes to.
    pub(super) on: Option<Resource>,
    /// For `transfer`: from where to where.
    pub(super) route: Option<(Region, Region)>,
}

/// The rest of the context, owned.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    pub(super) arguments: Value,
    pub(super) method: Option<String>,
    pub(super) direction: Option<Direction>,
    pub(super) purpose: Option<String>,
    pub(super) legal_basis: Option<String>,
    pub(super) now: i64,
    pub(super) labels: Vec<Arc<str>>,
    pub(super) classes: Vec<Arc<str>>,
    pub(super) counters: Vec<(Arc<str>, i64)>,
    pub(super) approvals: Vec<Arc<str>>,
    /// For `transfer`, where the configuration does not say it: whose law, where the model runs, the ground.
    pub(super) origin: Option<Region>,
    pub(super) model: Option<Region>,
    pub(super) mechanism: Option<String>,
    pub(super) categories: Option<Vec<Arc<str>>>,
}

impl Asked {
    /// Reads `METHOD TARGET`. `on`, `from` and `to` matter for `reveal` and `transfer` only.
    pub(super) fn parse(
        action: Action,
        target: &str,
        classes: &ClassNames,
        on: Option<&str>,
        (from, to): (Option<&Region>, Option<&Region>),
    ) -> anyhow::Result<Asked> {
        let resource = resource(action, target, classes)?;
        let on = on.map(resource_of_server).transpose()?;
        let data = matches!(action, Action::REVEAL | Action::TRANSFER | Action::MASK | Action::RESTORE);
        if data && on.is_none() {
            anyhow::bail!(
                "`{action}` needs `on`: the server or tool that the data comes from, such as crm.find"
            );
        }
        let route = match (action, from, to) {
            (Action::TRANSFER, Some(from), Some(to)) => Some((from.clone(), to.clone())),
            (Action::TRANSFER, ..) => {
                anyhow::bail!("`transfer` needs two places, `from` and `to`, such as de and us")
            }
            _ => None,
        };
        Ok(Asked { action, resource, on, route })
    }

    /// The server concerned, if there is one.
    pub(super) fn server(&self) -> Option<&Arc<str>> {
        self.resource.server().or_else(|| self.on.as_ref()?.server())
    }

    /// Asks, and says who decided what.
    pub(super) fn explain(&self, world: &World, principal: &Principal, facts: &Facts) -> Explanation {
        let key = PrincipalKey::new(principal);
        let arguments = JsonArguments(&facts.arguments);
        let context = self.context(world, principal, facts, &arguments);
        let request =
            Request { principal: &key, action: self.action, resource: &self.resource, context: &context };
        let mut explanation = world.policies.explain(&request);
        if let Some(verdict) = self.on_data(world, principal, &key, &context, facts) {
            overlay(&mut explanation, verdict);
        }
        explanation
    }

    fn context<'a>(
        &'a self,
        world: &'a World,
        principal: &'a Principal,
        facts: &'a Facts,
        arguments: &'a JsonArguments<'a>,
    ) -> Context<'a> {
        let server_name = self.server();
        let server = server_name.and_then(|name| world.server(name));
        let stated = facts.purpose.as_deref().or(principal.purpose.as_deref());
        let out = self.on.is_some();
        Context {
            arguments,
            method: facts.method.as_deref().unwrap_or(self.action.as_str()),
            direction: facts.direction.unwrap_or(match self.action {
                Action::RESTORE => Direction::In,
                _ if out => Direction::Out,
                _ => Direction::In,
            }),
            purpose: stated.or_else(|| server?.purpose.as_deref()),
            legal_basis: facts.legal_basis.as_deref().or_else(|| server?.legal_basis.as_deref()),
            now: facts.now,
            labels: &facts.labels,
            classes: &facts.classes,
            counters: &facts.counters,
            approvals: &facts.approvals,
            crossing: None,
            foreign: carnet_model::ClassSet::EMPTY,
            // Asked for somebody who brings back what was given to them, where it was given to them.
            given: server_name.filter(|_| self.action == Action::RESTORE).map(|origin| Given {
                same_principal: true,
                same_purpose: true,
                same_server: true,
                origin,
                owner_groups: &principal.groups,
            }),
        }
    }

    /// The verdict on a class of data, which is asked with its flow.
    fn on_data(
        &self,
        world: &World,
        principal: &Principal,
        key: &PrincipalKey,
        context: &Context<'_>,
        facts: &Facts,
    ) -> Option<Verdict> {
        let (Resource::Class(class), Some(on)) = (&self.resource, &self.on) else { return None };
        let tool = match on {
            Resource::Tool { name, .. } => Some(name),
            _ => None,
        };
        let flow = Flow { server: on.server()?, tool, direction: context.direction };
        let classes: ClassSet = [*class].into_iter().collect();
        let allowed = match &self.route {
            Some((from, to)) => {
                let crossing = world.crossing(principal, flow, (from, to), facts);
                let configured = world.server(flow.server).map(|s| s.subject_categories.as_slice());
                let categories = facts.categories.as_deref().or(configured).unwrap_or_default();
                let mut known = crossing.facts(categories);
                known.mechanism = facts.mechanism.as_deref().unwrap_or(known.mechanism);
                let context = Context { crossing: Some(known), ..*context };
                world.policies.transfer(key, flow, crossing.route(), classes, &context)
            }
            None if self.action == Action::REVEAL => world.policies.reveal(key, flow, classes, context),
            None => return Some(world.policies.on_class(self.action, key, flow, *class, context)),
        };
        allowed.verdicts.into_iter().next().map(|(_, verdict)| verdict)
    }
}

/// An explanation is made without the flow of data; the verdict that was made with it is the one that counts.
fn overlay(explanation: &mut Explanation, verdict: Verdict) {
    for policy in &mut explanation.policies {
        policy.outcome = match (verdict.policies.contains(&policy.id), verdict.decided) {
            (true, Decided::EvaluationError) => Outcome::Failed,
            (true, _) => Outcome::Applies,
            (false, _) => match std::mem::replace(&mut policy.outcome, Outcome::Applies) {
                // Without the flow it could not be said; it had no part in the decision.
                Outcome::Failed => Outcome::Unmet(None),
                other => other,
            },
        };
    }
    explanation.verdict = verdict;
    explanation.held_by = None;
}

/// The resource that a target names for an action.
fn resource(action: Action, target: &str, classes: &ClassNames) -> anyhow::Result<Resource> {
    let dotted = || {
        target.split_once('.').filter(|(server, name)| !server.is_empty() && !name.is_empty()).ok_or_else(
            || {
                anyhow::anyhow!(
                    "`{action}` needs a server and a name joined by a dot, such as `{action} crm.name`"
                )
            },
        )
    };
    Ok(match action {
        Action::TOOLS_CALL | Action::RELEASE => resource_of_server(&dotted().map(|_| target.to_owned())?)?,
        Action::RESOURCES_READ
        | Action::RESOURCES_SUBSCRIBE
        | Action::RESOURCES_UNSUBSCRIBE
        | Action::RESOURCES_UPDATED => {
            let (server, uri) = dotted()?;
            Resource::Resource { server: server.into(), uri: uri.into() }
        }
        Action::PROMPTS_GET => {
            let (server, name) = dotted()?;
            Resource::Prompt { server: server.into(), name: name.into() }
        }
        Action::REVEAL | Action::TRANSFER | Action::MASK | Action::RESTORE => {
            Resource::Class(class(action, target, classes)?)
        }
        Action::EVIDENCE_READ | Action::EVIDENCE_EXPORT | Action::SUBJECT_ERASE => Resource::Evidence,
        Action::APPROVE | Action::BREAK_GLASS | Action::UNMASK => held_call(target)?,
        _ if target.is_empty() => anyhow::bail!("`{action}` needs a server, such as `{action} crm`"),
        Action::COMPLETE if target.contains('.') => {
            let (server, name) = dotted()?;
            Resource::Prompt { server: server.into(), name: name.into() }
        }
        _ => Resource::Server(target.into()),
    })
}

fn class(action: Action, name: &str, classes: &ClassNames) -> anyhow::Result<DataClass> {
    classes.by_name(name).ok_or_else(|| {
        let all: Vec<&str> = classes.all().iter().map(|c| classes.name(c)).collect();
        anyhow::anyhow!("`{action}` needs a class of data, and {name:?} is none; one of: {}", all.join(", "))
    })
}

/// `crm.export_customers`, or `crm.export_customers@dpo` for the approval of that name.
fn held_call(target: &str) -> anyhow::Result<Resource> {
    let (on, hold) = target.rsplit_once('@').unwrap_or((target, ""));
    Ok(Resource::Held(Arc::new(HeldCall {
        on: resource_of_server(on)?,
        method: Action::TOOLS_CALL.as_str().into(),
        hold: hold.into(),
        requester: "".into(),
        classes: Vec::new(),
        escalated: false,
        result: false,
    })))
}

/// `crm` or `crm.search_customers`.
fn resource_of_server(target: &str) -> anyhow::Result<Resource> {
    Ok(match target.split_once('.') {
        Some((server, name)) => Resource::Tool { server: server.into(), name: name.into() },
        None if target.is_empty() => anyhow::bail!("which server or tool?"),
        None => Resource::Server(target.into()),
    })
}
