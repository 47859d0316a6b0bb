//! The few messages that the gateway sends of its own: to probe a server, to greet it, to cancel.

use carnet_json::quote;

use crate::revision::Revision;

/// Who speaks. Self-reported; never used for security.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ClientInfo<'a> {
    /// The name.
    pub name: &'a str,
    /// The version.
    pub version: &'a str,
}

impl ClientInfo<'_> {
    fn json(self) -> String {
        format!(r#"{{"name":{},"version":{}}}"#, quote(self.name), quote(self.version))
    }

    fn meta(self, revision: Revision) -> String {
        format!(
            concat!(
                r#"{{"io.modelcontextprotocol/protocolVersion":"{}","io.modelcontextprotocol/clientInfo":{},"#,
                r#""io.modelcontextprotocol/clientCapabilities":{{}}}}"#
            ),
            revision,
            self.json()
        )
    }
}

fn request(id: &str, method: &str, params: Option<&str>) -> Vec<u8> {
    let params = params.map(|p| format!(",\"params\":{p}")).unwrap_or_default();
    format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}"{params}}}"#).into_bytes()
}

/// `initialize`. `capabilities` is a JSON object. `id` here and below is JSON: a whole number or a quoted string.
#[must_use]
pub fn initialize(id: &str, revision: Revision, client: ClientInfo<'_>, capabilities: &str) -> Vec<u8> {
    let params = format!(
        r#"{{"protocolVersion":"{revision}","capabilities":{capabilities},"clientInfo":{}}}"#,
        client.json()
    );
    request(id, "initialize", Some(&params))
}

/// `notifications/initialized`.
#[must_use]
pub fn initialized() -> Vec<u8> {
    br#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#.to_vec()
}

/// `notifications/cancelled` for the request with this id.
#[must_use]
pub fn cancelled(request_id_raw: &[u8], reason: &str) -> Vec<u8> {
    let mut out = br#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"#.to_vec();
    out.extend_from_slice(request_id_raw);
    out.extend_from_slice(format!(",\"reason\":{}}}}}", quote(reason)).as_bytes());
    out
}

/// `notifications/progress` for the request that offered this token.
#[must_use]
pub fn progress(token_raw: &[u8], progress: u64, message: &str) -> Vec<u8> {
    let mut out =
        br#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"#.to_vec();
    out.extend_from_slice(token_raw);
    out.extend_from_slice(format!(",\"progress\":{progress},\"message\":{}}}}}", quote(message)).as_bytes());
    out
}

/// `ping` (legacy).
#[must_use]
pub fn ping(id: &str) -> Vec<u8> {
    request(id, "ping", None)
}

/// `tools/list`, with the metadata that a modern revision requires.
#[must_use]
pub fn tools_list(id: &str, revision: Revision, client: ClientInfo<'_>, cursor: Option<&str>) -> Vec<u8> {
    let mut members = Vec::new();
    if revision.era() == crate::Era::Modern {
        members.push(format!("\"_meta\":{}", client.meta(revision)));
    }
    members.extend(cursor.map(|c| format!("\"cursor\":{}", quote(c))));
    request(id, "tools/list", Some(&format!("{{{}}}", members.join(","))))
}

/// `server/discover` (2026-07-28).
#[must_use]
pub fn discover(id: &str, revision: Revision, client: ClientInfo<'_>) -> Vec<u8> {
    request(id, "server/discover", Some(&format!("{{\"_meta\":{}}}", client.meta(revision))))
}
