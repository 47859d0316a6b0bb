//! Keys that differ from a protocol key only in case. A peer that ignores case (Go's `encoding/json`, many JVM and .NET
//! libraries) would read them as that key, so what Carnet decided about would not be what the peer does.

use carnet_json::{Kind, Value};

use crate::refusal::Refusal;

pub(crate) const ENVELOPE: &[&str] = &["jsonrpc", "id", "method", "params", "result", "error"];

pub(crate) const PARAMS: &[&str] = &[
    "_meta",
    "name",
    "arguments",
    "uri",
    "cursor",
    "ref",
    "argument",
    "context",
    "task",
    "taskId",
    "requestState",
    "inputResponses",
    "protocolVersion",
    "capabilities",
    "clientInfo",
    "level",
    "requestId",
    "reason",
    "progressToken",
    "progress",
    "total",
    "message",
    "messages",
    "systemPrompt",
    "requestedSchema",
    "mode",
    "url",
    "elicitationId",
    "tools",
    "data",
    "logger",
    "notifications",
];

pub(crate) const RESULT: &[&str] = &[
    "_meta",
    "content",
    "structuredContent",
    "isError",
    "resultType",
    "inputRequests",
    "requestState",
    "tools",
    "resources",
    "resourceTemplates",
    "prompts",
    "contents",
    "messages",
    "description",
    "completion",
    "nextCursor",
    "ttlMs",
    "cacheScope",
    "task",
    "tasks",
    "taskId",
    "status",
    "statusMessage",
    "protocolVersion",
    "supportedVersions",
    "capabilities",
    "serverInfo",
    "instructions",
    "roots",
    "role",
    "model",
    "stopReason",
    "action",
];

pub(crate) const ERROR: &[&str] = &["code", "message", "data"];

pub(crate) const REF: &[&str] = &["type", "name", "uri"];

pub(crate) const META: &[&str] = &[
    "progressToken",
    "io.modelcontextprotocol/protocolVersion",
    "io.modelcontextprotocol/clientCapabilities",
    "io.modelcontextprotocol/clientInfo",
    "io.modelcontextprotocol/logLevel",
    "io.modelcontextprotocol/subscriptionId",
    "io.modelcontextprotocol/related-task",
];

/// Refuses an object with a key that is a case variant of one of `known`.
pub(crate) fn check(object: Value<'_>, known: &[&str]) -> Result<(), Refusal> {
    if object.kind() != Kind::Object {
        return Ok(());
    }
    for (key, _) in object.entries() {
        let text = key.as_str().unwrap_or_default();
        if !known.contains(&&*text) && known.iter().any(|k| same_but_case(&text, k)) {
            return Err(Refusal::invalid("a key differs from a protocol key only in case"));
        }
    }
    Ok(())
}

/// `known` is ASCII.
fn same_but_case(text: &str, known: &str) -> bool {
    // No character that folds to ASCII takes more than three bytes.
    if text.len() < known.len() || text.len() > known.len() * 3 {
        return false;
    }
    text.chars().map(fold).eq(known.chars().map(fold))
}

/// Lower case, with the four characters beyond ASCII that some library folds to an ASCII letter.
fn fold(c: char) -> char {
    match c {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        '\u{130}' | '\u{131}' => 'i',
        c => c.to_ascii_lowercase(),
    }
}
