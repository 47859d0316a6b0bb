//! What a dry run of a held call says would come back, for approvers: how much, and its beginning with everything masked that is
//! found, whoever may see it elsewhere.

use carnet_json::Limits;
use carnet_mcp::Message;
use carnet_model::{Action, Resource};
use carnet_policy::Direction;

use crate::decide::Subject;
use crate::mask;
use crate::release::rows;
use crate::shell::Shell;
use crate::walk::Walk;

/// Approvers see so many characters of it.
const SHOWN: usize = 400;

/// See the module.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Estimate {
    /// Numbers and text.
    pub text: String,
    /// Classes of data that were found in it.
    pub classes: Vec<String>,
}

/// Reads the answer of `tool` to a dry run. `None` where it is an error, or cannot be masked.
#[must_use]
pub fn estimate<S: Shell>(at: Walk<'_, S>, tool: &str, answer: Vec<u8>) -> Option<Estimate> {
    let message = Message::parse_one(answer, &Limits::default()).ok()?;
    let result = message.result()?;
    if result.get("isError").is_some_and(|is| is.raw_str() == "true") {
        return None;
    }
    let (rows, bytes) = (rows(result, 0), result.raw().len());
    let resource = Resource::Tool { server: at.session.server.name.clone(), name: tool.into() };
    let subject = Subject { action: Action::TOOLS_CALL, resource, direction: Direction::Out };
    let (masked, classes) = mask::redacted(&at.around(&subject, Some(Action::TOOLS_CALL)), &message).ok()?;
    let result = masked.result()?;
    let first = result.get("content").and_then(|blocks| blocks.items().next()?.get("text"));
    let text = match (first.as_ref().and_then(|text| text.as_str()), result.get("structuredContent")) {
        (Some(text), _) => text.into_owned(),
        (None, Some(structured)) => structured.raw_str().to_owned(),
        (None, None) => String::new(),
    };
    let mut shown: String = text.chars().take(SHOWN).collect();
    if shown.len() < text.len() {
        shown.push_str(" ...");
    }
    let number = if rows > 0 { format!("{rows} rows, {bytes} bytes") } else { format!("{bytes} bytes") };
    Some(Estimate { text: format!("dry run: {number}: {shown}"), classes })
}
