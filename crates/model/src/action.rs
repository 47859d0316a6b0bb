//! What is done: an MCP method, or one of Carnet's own actions.

use std::fmt;

/// An action, named as in the Cedar schema: the MCP method for messages, a plain verb for Carnet's own.
///
/// A method that no revision of MCP knows is [`Action::OTHER`]; the method's text is then in the context.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Action(&'static str);

macro_rules! actions {
    ($($name:ident = $text:literal),* $(,)?) => {
        impl Action {
            $(#[doc = concat!("`", $text, "`")] pub const $name: Action = Action($text);)*
            /// Every action that a policy may name.
            pub const ALL: &'static [Action] = &[$(Action::$name),*];
        }
    };
}

actions! {
    INITIALIZE = "initialize",
    INITIALIZED = "notifications/initialized",
    PING = "ping",
    DISCOVER = "server/discover",
    TOOLS_LIST = "tools/list",
    TOOLS_CALL = "tools/call",
    RESOURCES_LIST = "resources/list",
    RESOURCES_TEMPLATES_LIST = "resources/templates/list",
    RESOURCES_READ = "resources/read",
    RESOURCES_SUBSCRIBE = "resources/subscribe",
    RESOURCES_UNSUBSCRIBE = "resources/unsubscribe",
    PROMPTS_LIST = "prompts/list",
    PROMPTS_GET = "prompts/get",
    COMPLETE = "completion/complete",
    SET_LEVEL = "logging/setLevel",
    SUBSCRIPTIONS_LISTEN = "subscriptions/listen",
    TASKS_GET = "tasks/get",
    TASKS_LIST = "tasks/list",
    TASKS_RESULT = "tasks/result",
    TASKS_UPDATE = "tasks/update",
    TASKS_CANCEL = "tasks/cancel",
    SAMPLING = "sampling/createMessage",
    ELICITATION = "elicitation/create",
    ROOTS_LIST = "roots/list",
    CANCELLED = "notifications/cancelled",
    PROGRESS = "notifications/progress",
    MESSAGE = "notifications/message",
    RESOURCES_UPDATED = "notifications/resources/updated",
    RESOURCES_LIST_CHANGED = "notifications/resources/list_changed",
    TOOLS_LIST_CHANGED = "notifications/tools/list_changed",
    PROMPTS_LIST_CHANGED = "notifications/prompts/list_changed",
    ROOTS_LIST_CHANGED = "notifications/roots/list_changed",
    ELICITATION_COMPLETE = "notifications/elicitation/complete",
    TASKS_STATUS = "notifications/tasks/status",
    SUBSCRIPTIONS_ACKNOWLEDGED = "notifications/subscriptions/acknowledged",
    OTHER = "other",
    REVEAL = "reveal",
    TRANSFER = "transfer",
    MASK = "mask",
    RESTORE = "restore",
    RELEASE = "release",
    APPROVE = "approve",
    BREAK_GLASS = "breakglass",
    UNMASK = "unmask",
    EVIDENCE_READ = "evidence:read",
    EVIDENCE_EXPORT = "evidence:export",
    SUBJECT_ERASE = "subject:erase",
}

impl Action {
    /// The action of an MCP method; [`Action::OTHER`] for a method no revision names, and for Carnet's
    /// own verbs, which no message can ask for.
    #[must_use]
    pub fn of_method(method: &str) -> Action {
        Self::ALL.iter().copied().find(|a| a.0 == method && !a.is_own()).unwrap_or(Action::OTHER)
    }

    /// Whether this is one of Carnet's own actions rather than an MCP method.
    #[must_use]
    pub fn is_own(self) -> bool {
        matches!(
            self,
            Action::OTHER
                | Action::REVEAL
                | Action::TRANSFER
                | Action::MASK
                | Action::RESTORE
                | Action::RELEASE
                | Action::APPROVE
                | Action::BREAK_GLASS
                | Action::UNMASK
                | Action::EVIDENCE_READ
                | Action::EVIDENCE_EXPORT
                | Action::SUBJECT_ERASE
        )
    }

    /// The name as policies write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_cannot_name_an_own_action() {
        assert_eq!(Action::of_method("reveal"), Action::OTHER);
        assert_eq!(Action::of_method("tools/call"), Action::TOOLS_CALL);
        assert_eq!(Action::of_method("x/y"), Action::OTHER);
    }
}
