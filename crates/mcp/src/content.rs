//! Which parts of a message carry content that is to be inspected and masked.
//!
//! Everything does, unless it is on the list of protocol fields here (invariant 4): one root, the whole message, and the
//! nodes that are left out of it. What is left out is left out only where it has the kind the protocol gives it, so an
//! object in place of a name is inspected. URIs and base64 are parts of their own, because they are read differently.

use carnet_json::{Kind as JsonKind, Value};
use carnet_model::Action;

use crate::message::Message;

mod schema;

/// How a part is to be read.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum PartKind {
    /// A subtree of JSON: its keys, strings and numbers.
    Json,
    /// A string that is a URI.
    Uri,
    /// A string that is base64.
    Binary,
}

/// A part of a message.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Part {
    /// Its node in the message's tape.
    pub node: u32,
    /// How it is to be read.
    pub kind: PartKind,
    /// The node of the media type that binary content is said to have.
    pub declared: Option<u32>,
}

/// The content of a message.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Content {
    /// What to inspect. The first is the root, of kind Json; URIs and base64 follow.
    pub parts: Vec<Part>,
    /// Nodes inside the root that are not content, or are parts of their own; ascending.
    pub exclude: Vec<u32>,
}

/// The content of a message. `request` is the action of the request that a response answers.
#[must_use]
pub fn parts(message: &Message, request: Option<Action>) -> Content {
    let mut of = Content {
        parts: vec![Part { node: 0, kind: PartKind::Json, declared: None }],
        exclude: Vec::with_capacity(8),
    };
    for (key, value) in message.root().entries() {
        match &*key.as_str().unwrap_or_default() {
            "jsonrpc" | "id" => of.skip_scalar(value),
            "method" if message.action() != Action::OTHER => of.skip_text(value),
            "params" => of.params(value, message.action(), 0),
            "result" => of.result(value, request.unwrap_or(Action::OTHER), 0),
            "error" => of.error(value),
            // Unknown members pass, so they are inspected.
            _ => {}
        }
    }
    of.exclude.sort_unstable();
    of
}

/// Content in content (tool results in sampling messages, requests in results): deeper than this it is plain JSON.
const MOST_NESTED: u8 = 8;

impl Content {
    fn skip_text(&mut self, value: Value<'_>) {
        if value.kind() == JsonKind::String {
            self.exclude.push(value.index());
        }
    }

    fn skip_number(&mut self, value: Value<'_>) {
        if value.kind() == JsonKind::Number {
            self.exclude.push(value.index());
        }
    }

    fn skip_scalar(&mut self, value: Value<'_>) {
        if matches!(value.kind(), JsonKind::String | JsonKind::Number) {
            self.exclude.push(value.index());
        }
    }

    /// A string of its own kind; anything but a string stays in the root.
    fn own(&mut self, value: Value<'_>, kind: PartKind) {
        if value.kind() == JsonKind::String {
            self.exclude.push(value.index());
            self.parts.push(Part { node: value.index(), kind, declared: None });
        }
    }

    /// A string of base64 beside its media type.
    fn binary(&mut self, holder: Value<'_>, value: Value<'_>) {
        let before = self.parts.len();
        self.own(value, PartKind::Binary);
        let declared = holder.get("mimeType").filter(|t| t.kind() == JsonKind::String).map(|t| t.index());
        if let Some(part) = self.parts.get_mut(before) {
            part.declared = declared;
        }
    }

    fn params(&mut self, params: Value<'_>, action: Action, nested: u8) {
        if nested > MOST_NESTED {
            return;
        }
        for (key, value) in params.entries() {
            match &*key.as_str().unwrap_or_default() {
                "_meta" => self.meta(value),
                "name" if matches!(action, Action::TOOLS_CALL | Action::PROMPTS_GET) => self.skip_text(value),
                "uri" => self.own(value, PartKind::Uri),
                "cursor" | "requestState" | "taskId" | "protocolVersion" => self.skip_text(value),
                "progressToken" | "requestId" => self.skip_scalar(value),
                "clientInfo" => self.implementation(value),
                "ref" => self.reference(value),
                "inputResponses" => {
                    value.entries().for_each(|(_, v)| self.result(v, Action::OTHER, nested + 1))
                }
                "messages" => value.items().for_each(|m| self.message(m, nested + 1)),
                "tools" if action == Action::SAMPLING => value.items().for_each(|t| self.listed(t)),
                "requestedSchema" => self.schema(value),
                "url" if action == Action::ELICITATION => self.own(value, PartKind::Uri),
                "elicitationId" => self.skip_text(value),
                "notifications" => self.filter(value),
                "result" if action == Action::TASKS_STATUS => self.result(value, Action::OTHER, nested + 1),
                _ => {}
            }
        }
    }

    fn result(&mut self, result: Value<'_>, request: Action, nested: u8) {
        if nested > MOST_NESTED {
            return;
        }
        for (key, value) in result.entries() {
            match &*key.as_str().unwrap_or_default() {
                "_meta" => self.meta(value),
                "nextCursor" | "requestState" | "taskId" | "resultType" | "cacheScope" => {
                    self.skip_text(value)
                }
                "protocolVersion" => self.skip_text(value),
                "supportedVersions" => value.items().for_each(|v| self.version(v)),
                "serverInfo" => self.implementation(value),
                "content" => self.blocks(value, nested + 1),
                "contents" => value.items().for_each(|c| self.resource(c)),
                "messages" => value.items().for_each(|m| self.message(m, nested + 1)),
                "tools" if request == Action::TOOLS_LIST => value.items().for_each(|t| self.listed(t)),
                "prompts" | "resources" | "resourceTemplates" | "roots" => {
                    value.items().for_each(|item| self.listed(item));
                }
                "task" => self.task(value),
                "tasks" => value.items().for_each(|t| self.task(t)),
                "result" if is_task(request) => self.result(value, Action::TOOLS_CALL, nested + 1),
                "inputRequests" => value.entries().for_each(|(_, r)| self.input_request(r, nested + 1)),
                _ => {}
            }
        }
    }

    fn input_request(&mut self, request: Value<'_>, nested: u8) {
        let method = request.get("method").and_then(|m| m.as_str()).unwrap_or_default();
        let action = Action::of_method(&method);
        for (key, value) in request.entries() {
            match &*key.as_str().unwrap_or_default() {
                "method" if action != Action::OTHER => self.skip_text(value),
                "params" => self.params(value, action, nested),
                _ => {}
            }
        }
    }

    fn error(&mut self, error: Value<'_>) {
        if let Some(code) = error.get("code") {
            self.skip_number(code);
        }
        // URLElicitationRequiredError of 2025-11-25.
        let elicitations = error.get("data").and_then(|d| d.get("elicitations"));
        for elicitation in elicitations.iter().flat_map(|e| e.items()) {
            self.params(elicitation, Action::ELICITATION, 1);
        }
    }

    fn meta(&mut self, meta: Value<'_>) {
        for (key, value) in meta.entries() {
            match &*key.as_str().unwrap_or_default() {
                "progressToken" | "io.modelcontextprotocol/subscriptionId" => self.skip_scalar(value),
                "io.modelcontextprotocol/protocolVersion" => self.version(value),
                "io.modelcontextprotocol/clientInfo" | "io.modelcontextprotocol/serverInfo" => {
                    self.implementation(value);
                }
                "io.modelcontextprotocol/related-task" => self.task(value),
                // W3C Trace Context: hexadecimal digits could look like a number of a person.
                "traceparent" if is_traceparent(value) => self.skip_text(value),
                _ => {}
            }
        }
    }

    fn task(&mut self, task: Value<'_>) {
        if let Some(id) = task.get("taskId") {
            self.skip_text(id);
        }
    }

    /// A version is not an address, however many dots it has.
    fn version(&mut self, value: Value<'_>) {
        let plain = |b: &u8| b.is_ascii_alphanumeric() || b".-+_".contains(b);
        if value.inner().is_some_and(|v| v.len() <= 64 && v.iter().all(plain)) {
            self.skip_text(value);
        }
    }

    fn implementation(&mut self, info: Value<'_>) {
        for (key, value) in info.entries() {
            match &*key.as_str().unwrap_or_default() {
                "version" | "name" => self.version(value),
                "websiteUrl" => self.own(value, PartKind::Uri),
                "icons" => self.icons(value),
                _ => {}
            }
        }
    }

    fn icons(&mut self, icons: Value<'_>) {
        for icon in icons.items() {
            if let Some(src) = icon.get("src") {
                self.own(src, PartKind::Uri);
            }
        }
    }

    fn reference(&mut self, reference: Value<'_>) {
        for (key, value) in reference.entries() {
            match &*key.as_str().unwrap_or_default() {
                "name" => self.skip_text(value),
                "uri" => self.own(value, PartKind::Uri),
                _ => {}
            }
        }
    }

    fn filter(&mut self, filter: Value<'_>) {
        let uris = filter.get("resourceSubscriptions");
        uris.iter().flat_map(|u| u.items()).for_each(|u| self.own(u, PartKind::Uri));
    }

    /// A sampling or prompt message: `content` is one block or several.
    fn message(&mut self, message: Value<'_>, nested: u8) {
        if let Some(content) = message.get("content") {
            self.blocks(content, nested);
        }
    }

    fn blocks(&mut self, content: Value<'_>, nested: u8) {
        if content.kind() == JsonKind::Object {
            self.block(content, nested);
        }
        content.items().for_each(|block| self.block(block, nested));
    }

    fn block(&mut self, block: Value<'_>, nested: u8) {
        if nested > MOST_NESTED {
            return;
        }
        let kind = block.get("type").and_then(|t| t.as_str()).unwrap_or_default();
        match &*kind {
            "image" | "audio" => {
                if let Some(data) = block.get("data") {
                    self.binary(block, data);
                }
            }
            "resource" => {
                if let Some(resource) = block.get("resource") {
                    self.resource(resource);
                }
            }
            "resource_link" => self.listed(block),
            "tool_use" => {
                for key in ["id", "name"] {
                    block.get(key).into_iter().for_each(|v| self.skip_text(v));
                }
            }
            "tool_result" => {
                block.get("toolUseId").into_iter().for_each(|v| self.skip_text(v));
                if let Some(content) = block.get("content") {
                    self.blocks(content, nested + 1);
                }
            }
            _ => {}
        }
    }

    fn resource(&mut self, resource: Value<'_>) {
        for (key, value) in resource.entries() {
            match &*key.as_str().unwrap_or_default() {
                "uri" => self.own(value, PartKind::Uri),
                "blob" => self.binary(resource, value),
                _ => {}
            }
        }
    }

    /// A tool, prompt, resource, template, root or resource link.
    fn listed(&mut self, item: Value<'_>) {
        let by_uri = item.get("uri").is_some() || item.get("uriTemplate").is_some();
        for (key, value) in item.entries() {
            match &*key.as_str().unwrap_or_default() {
                // What is called by its name keeps it; what is called by its URI has a name for people.
                "name" if !by_uri => self.skip_text(value),
                "uri" | "uriTemplate" => self.own(value, PartKind::Uri),
                "icons" => self.icons(value),
                "inputSchema" | "outputSchema" => self.schema(value),
                "arguments" => value.items().filter_map(|a| a.get("name")).for_each(|n| self.skip_text(n)),
                _ => {}
            }
        }
    }
}

fn is_task(action: Action) -> bool {
    matches!(action, Action::TASKS_GET | Action::TASKS_RESULT | Action::TASKS_UPDATE | Action::TASKS_LIST)
}

fn is_traceparent(value: Value<'_>) -> bool {
    value
        .inner()
        .is_some_and(|t| t.len() == 55 && t.iter().all(|b| matches!(b, b'-' | b'0'..=b'9' | b'a'..=b'f')))
}
