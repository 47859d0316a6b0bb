//! inspect: what a message from the server is, and what of it the caller may see at all, before its values are looked at.

use std::sync::Arc;

use carnet_json::Edits;
use carnet_mcp::{Message, lists};
use carnet_model::{Action, Resource};

use crate::facts::Caller;
use crate::session::Session;
use crate::snapshot::Snapshot;
use crate::withheld::Withheld;

/// Takes out of a list what the caller may not use, and notes the definitions of tools.
///
/// # Errors
/// The message, when the list cannot be rewritten.
pub(crate) fn inspect(
    snapshot: &Snapshot,
    session: &Session,
    caller: &Caller,
    request: Action,
    message: Message,
) -> Result<Message, (Message, Withheld)> {
    let Some((action, kind)) = listed(request) else { return Ok(message) };
    let Some(list) = lists::read(&message, request) else { return Ok(message) };
    let server = &session.server.name;
    let mut hidden = Vec::new();
    for item in &list.items {
        if kind == Kind::Tool {
            session.tools.note(
                &snapshot.detector,
                &item.name,
                item.definition,
                item.output_schema,
                item.input_schema,
            );
        }
        let name: Arc<str> = item.name.as_ref().into();
        let server = server.clone();
        let resource = match kind {
            Kind::Tool => Resource::Tool { server, name },
            Kind::Prompt => Resource::Prompt { server, name },
            Kind::Resource => Resource::Resource { server, uri: name },
        };
        if !snapshot.policies.may_list(&caller.key, action, &resource) {
            hidden.push(item.node);
        }
    }
    let edits: Edits = lists::remove(&message, &list, &hidden);
    if edits.is_empty() {
        return Ok(message);
    }
    // Splices that take whole items out of an array always fit; if they did not, nothing of the list may be seen.
    message.edited(&edits).map_err(|_| (message, Withheld::Unmaskable))
}

/// What a result asks the caller for (`input_required`, 2026-07-28; the elicitations of error -32042): actions and methods.
pub(crate) fn asked(message: &Message) -> Vec<(Action, String)> {
    let requests = message.result().and_then(|r| r.get("inputRequests"));
    let mut asked: Vec<_> = requests
        .iter()
        .flat_map(|requests| requests.entries())
        .map(|(_, request)| request.get("method").and_then(|m| m.as_str()).unwrap_or_default().into_owned())
        .map(|method| (Action::of_method(&method), method))
        .collect();
    let elicitations = message.error().and_then(|e| e.get("data")).and_then(|d| d.get("elicitations"));
    if elicitations.is_some() {
        asked.push((Action::ELICITATION, Action::ELICITATION.as_str().to_owned()));
    }
    asked
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Tool,
    Prompt,
    Resource,
}

/// What one does with the items of a list.
fn listed(request: Action) -> Option<(Action, Kind)> {
    Some(match request {
        Action::TOOLS_LIST => (Action::TOOLS_CALL, Kind::Tool),
        Action::PROMPTS_LIST => (Action::PROMPTS_GET, Kind::Prompt),
        Action::RESOURCES_LIST | Action::RESOURCES_TEMPLATES_LIST => (Action::RESOURCES_READ, Kind::Resource),
        _ => return None,
    })
}
