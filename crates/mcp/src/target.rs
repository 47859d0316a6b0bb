//! What a request or notification is about.

use std::borrow::Cow;
use std::sync::Arc;

use carnet_json::Kind as JsonKind;
use carnet_model::{Action, Resource};

use crate::message::Message;
use crate::refusal::Refusal;
use crate::revision::Era;

/// What a message names. Borrowed from the message where nothing was escaped.
#[derive(Clone, PartialEq, Eq)]
pub enum Target<'a> {
    /// A tool by name.
    Tool(Cow<'a, str>),
    /// A resource by URI.
    Resource(Cow<'a, str>),
    /// A prompt by name.
    Prompt(Cow<'a, str>),
    /// A task by id.
    Task(Cow<'a, str>),
    /// The server as a whole.
    None,
}

impl std::fmt::Debug for Target<'_> {
    /// What it is, never the name: a URI may hold personal data.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Target::Tool(_) => "Tool",
            Target::Resource(_) => "Resource",
            Target::Prompt(_) => "Prompt",
            Target::Task(_) => "Task",
            Target::None => "None",
        })
    }
}

/// The member of `params` that names the target, for methods that must have one.
pub(crate) fn naming_member(action: Action) -> Option<&'static str> {
    Some(match action {
        Action::TOOLS_CALL | Action::PROMPTS_GET => "name",
        Action::RESOURCES_READ
        | Action::RESOURCES_SUBSCRIBE
        | Action::RESOURCES_UNSUBSCRIBE
        | Action::RESOURCES_UPDATED => "uri",
        Action::TASKS_GET | Action::TASKS_RESULT | Action::TASKS_UPDATE | Action::TASKS_CANCEL => "taskId",
        _ => return None,
    })
}

/// Refuses a message that must name its target and does not: a policy would decide about nothing.
pub(crate) fn check(message: &Message) -> Result<(), Refusal> {
    let action = message.action();
    let Some(member) = naming_member(action) else { return Ok(()) };
    // 2026-07-28 took these away: whatever they carry, the server says that there is no such method.
    if matches!(action, Action::RESOURCES_SUBSCRIBE | Action::RESOURCES_UNSUBSCRIBE)
        && message.era() == Era::Modern
    {
        return Ok(());
    }
    let value = message.params().and_then(|p| p.get(member));
    match value {
        Some(v) if v.kind() == JsonKind::String && v.inner().is_some_and(|i| !i.is_empty()) => Ok(()),
        _ => Err(Refusal::params("the message does not name what it is about")),
    }
}

impl<'a> Target<'a> {
    pub(crate) fn of(message: &'a Message) -> Target<'a> {
        let action = message.action();
        if action == Action::COMPLETE {
            return Target::of_reference(message);
        }
        let named = naming_member(action).and_then(|m| message.params()?.get(m)?.as_str());
        match (action, named) {
            (Action::TOOLS_CALL, Some(name)) => Target::Tool(name),
            (Action::PROMPTS_GET, Some(name)) => Target::Prompt(name),
            (
                Action::TASKS_GET | Action::TASKS_RESULT | Action::TASKS_UPDATE | Action::TASKS_CANCEL,
                Some(id),
            ) => Target::Task(id),
            (_, Some(uri)) => Target::Resource(uri),
            (_, None) => Target::None,
        }
    }

    fn of_reference(message: &'a Message) -> Target<'a> {
        let Some(reference) = message.params().and_then(|p| p.get("ref")) else { return Target::None };
        let text = |key| reference.get(key).and_then(|v| v.as_str());
        match reference.get("type") {
            Some(t) if t.is_str("ref/prompt") => text("name").map_or(Target::None, Target::Prompt),
            Some(t) if t.is_str("ref/resource") => text("uri").map_or(Target::None, Target::Resource),
            _ => Target::None,
        }
    }

    /// As the policy's resource. A task belongs to the server as a whole.
    #[must_use]
    pub fn to_resource(&self, server: &Arc<str>) -> Resource {
        let server = server.clone();
        match self {
            Target::Tool(name) => Resource::Tool { server, name: Arc::from(&**name) },
            Target::Resource(uri) => Resource::Resource { server, uri: Arc::from(&**uri) },
            Target::Prompt(name) => Resource::Prompt { server, name: Arc::from(&**name) },
            Target::Task(_) | Target::None => Resource::Server(server),
        }
    }

    /// The name, URI or id.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Target::Tool(t) | Target::Resource(t) | Target::Prompt(t) | Target::Task(t) => Some(t),
            Target::None => None,
        }
    }
}
