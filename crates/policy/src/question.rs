//! Who does what on what: everything a decision can depend on before the context is known.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use carnet_model::{Action, Region, Resource};

use crate::context::Direction;
use crate::principal::PrincipalKey;

/// Bytes of a tool's name or a resource's URI up to which a question is kept.
const LONGEST_NAME: usize = 512;

/// Where content comes from and which way it goes, for `reveal` and `transfer`.
#[derive(Clone, Copy, Debug)]
pub struct Flow<'a> {
    /// The server.
    pub server: &'a Arc<str>,
    /// The tool, if a tool's arguments or result.
    pub tool: Option<&'a Arc<str>>,
    /// Which way it goes.
    pub direction: Direction,
}

/// From where to where, for `transfer`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Route<'a> {
    /// Where it is.
    pub from: &'a Region,
    /// Where it would go.
    pub to: &'a Region,
    /// Whose law it is under: where it comes from in the end.
    pub origin: &'a Region,
    /// Where the model runs that the caller acts for, where that is stated.
    pub model: Option<&'a Region>,
}

impl<'a> Route<'a> {
    /// From one place to another, and nothing more.
    #[must_use]
    pub fn new(from: &'a Region, to: &'a Region) -> Route<'a> {
        Route { from, to, origin: from, model: None }
    }
}

/// A question as it is asked: all borrowed.
#[derive(Clone, Copy)]
pub(crate) struct Question<'a> {
    pub(crate) principal: &'a PrincipalKey,
    pub(crate) action: Action,
    pub(crate) resource: &'a Resource,
    pub(crate) flow: Option<Flow<'a>>,
    pub(crate) route: Option<Route<'a>>,
    /// It is a class found with numbers of a country that the server is not said to have.
    pub(crate) foreign: bool,
}

/// A question as the cache keeps it.
pub(crate) struct Asked {
    principal: PrincipalKey,
    action: Action,
    resource: Resource,
    flow: Option<(Arc<str>, Option<Arc<str>>, Direction)>,
    route: Option<[Option<Region>; 4]>,
    foreign: bool,
}

fn places<'a>(route: &Route<'a>) -> [Option<&'a Region>; 4] {
    [Some(route.from), Some(route.to), Some(route.origin), route.model]
}

impl Question<'_> {
    pub(crate) fn keep(&self) -> Asked {
        Asked {
            principal: self.principal.clone(),
            action: self.action,
            resource: self.resource.clone(),
            flow: self.flow.map(|f| (f.server.clone(), f.tool.cloned(), f.direction)),
            route: self.route.map(|r| places(&r).map(|place| place.cloned())),
            foreign: self.foreign,
        }
    }

    /// Whether it may be kept: names come from outside, and a cache of long ones would be a cache of anything.
    pub(crate) fn is_short(&self) -> bool {
        let name = match self.resource {
            Resource::Tool { name, .. } | Resource::Prompt { name, .. } => name.len(),
            Resource::Resource { uri, .. } => uri.len(),
            // Every held call is another question, asked once for a vote.
            Resource::Held(_) => usize::MAX,
            Resource::Server(_) | Resource::Class(_) | Resource::Evidence => 0,
        };
        name.max(self.flow.and_then(|f| f.tool).map_or(0, |t| t.len())) <= LONGEST_NAME
    }

    pub(crate) fn is(&self, asked: &Asked) -> bool {
        self.action == asked.action
            && self.resource == &asked.resource
            && self.flow.map(|f| (f.server, f.tool, f.direction))
                == asked.flow.as_ref().map(|(s, t, d)| (s, t.as_ref(), *d))
            && self.route.map(|r| places(&r))
                == asked.route.as_ref().map(|all| all.each_ref().map(Option::as_ref))
            && self.foreign == asked.foreign
            && self.principal == &asked.principal
    }

    /// Where to look in the cache. Collisions cost a repeated evaluation, never a wrong answer.
    pub(crate) fn place(&self) -> u64 {
        let mut hash = DefaultHasher::new();
        hash.write(self.principal.digest().get(..8).unwrap_or_default());
        self.action.hash(&mut hash);
        self.resource.hash(&mut hash);
        if let Some(flow) = &self.flow {
            (flow.server, flow.tool, flow.direction).hash(&mut hash);
        }
        self.route.hash(&mut hash);
        self.foreign.hash(&mut hash);
        hash.finish()
    }
}
