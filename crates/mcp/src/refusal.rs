//! Why a message is not taken, and the bytes of the answers that say so.

use std::borrow::Cow;

use carnet_json::escape_into;

use crate::revision::{Era, Revision};

/// Error codes: JSON-RPC's, the specification's, older revisions', and Carnet's own (outside -32768..-32000).
pub mod code {
    /// JSON-RPC: not JSON.
    pub const PARSE_ERROR: i64 = -32700;
    /// JSON-RPC: not a request.
    pub const INVALID_REQUEST: i64 = -32600;
    /// JSON-RPC: no such method.
    pub const METHOD_NOT_FOUND: i64 = -32601;
    /// JSON-RPC: parameters that do not fit.
    pub const INVALID_PARAMS: i64 = -32602;
    /// JSON-RPC: the receiver failed.
    pub const INTERNAL_ERROR: i64 = -32603;
    /// 2026-07-28: headers and body disagree, or a header is missing.
    pub const HEADER_MISMATCH: i64 = -32020;
    /// 2026-07-28: the client did not declare what the server needs.
    pub const MISSING_REQUIRED_CLIENT_CAPABILITY: i64 = -32021;
    /// 2026-07-28: no such revision here.
    pub const UNSUPPORTED_PROTOCOL_VERSION: i64 = -32022;
    /// Older revisions and SDKs: connection closed, or bad request.
    pub const LEGACY_CONNECTION_CLOSED: i64 = -32000;
    /// Older revisions and SDKs: timeout, or session not found.
    pub const LEGACY_REQUEST_TIMEOUT: i64 = -32001;
    /// Older revisions: resource not found.
    pub const LEGACY_RESOURCE_NOT_FOUND: i64 = -32002;
    /// 2025-11-25: a URL elicitation is required first.
    pub const LEGACY_URL_ELICITATION_REQUIRED: i64 = -32042;
    /// Carnet: a policy denies it, or none permits it.
    pub const DENIED: i64 = -31001;
    /// Carnet: waits for an approval.
    pub const HELD: i64 = -31002;
    /// Carnet: too many calls.
    pub const RATE_LIMITED: i64 = -31003;
    /// Carnet: the content cannot be masked, so it is not shown.
    pub const WITHHELD: i64 = -31004;
    /// Carnet: the record could not be made durable.
    pub const NOT_RECORDED: i64 = -31005;
    /// Carnet: the server cannot be reached or does not answer properly.
    pub const UPSTREAM: i64 = -31006;
}

/// Why a message is not taken. Carries no value of the message, with one exception: the protocol version asked for, which
/// the specification wants back.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// The HTTP status.
    pub http_status: u16,
    /// The JSON-RPC error code.
    pub code: i64,
    /// A sentence.
    pub message: Cow<'static, str>,
    /// The error's `data`, as JSON.
    pub data: Option<String>,
}

impl Refusal {
    /// A refusal without data.
    #[must_use]
    pub fn new(http_status: u16, code: i64, message: impl Into<Cow<'static, str>>) -> Refusal {
        Refusal { http_status, code, message: message.into(), data: None }
    }

    pub(crate) fn invalid(message: &'static str) -> Refusal {
        Refusal::new(400, code::INVALID_REQUEST, message)
    }

    pub(crate) fn params(message: &'static str) -> Refusal {
        Refusal::new(400, code::INVALID_PARAMS, message)
    }

    pub(crate) fn mismatch(message: impl Into<Cow<'static, str>>) -> Refusal {
        Refusal::new(400, code::HEADER_MISMATCH, message)
    }

    /// `UnsupportedProtocolVersionError` of 2026-07-28, with its `supported` and `requested`.
    #[must_use]
    pub fn unsupported_version(requested: &str, supported: &[Revision]) -> Refusal {
        let list: Vec<_> = supported.iter().map(|r| format!("\"{r}\"")).collect();
        // A version is a short word; what is longer is not sent back.
        let short: String = requested.chars().take(32).collect();
        let data =
            format!("{{\"supported\":[{}],\"requested\":{}}}", list.join(","), carnet_json::quote(&short));
        let message = Cow::Borrowed("Unsupported protocol version");
        Refusal { http_status: 400, code: code::UNSUPPORTED_PROTOCOL_VERSION, message, data: Some(data) }
    }
}

/// A JSON-RPC error response. `id_raw` is the request's id as it was written; without one the member is left out, as
/// 2026-07-28 has it.
#[must_use]
pub fn error_response(id_raw: Option<&[u8]>, refusal: &Refusal) -> Vec<u8> {
    let mut out = Vec::with_capacity(96 + refusal.message.len());
    out.extend_from_slice(b"{\"jsonrpc\":\"2.0\"");
    if let Some(id) = id_raw {
        out.extend_from_slice(b",\"id\":");
        out.extend_from_slice(id);
    }
    out.extend_from_slice(format!(",\"error\":{{\"code\":{},\"message\":\"", refusal.code).as_bytes());
    escape_into(&mut out, &refusal.message);
    out.push(b'"');
    if let Some(data) = &refusal.data {
        out.extend_from_slice(b",\"data\":");
        out.extend_from_slice(data.as_bytes());
    }
    out.extend_from_slice(b"}}");
    out
}

/// A tool result with `isError`: an answer that the model can read.
#[must_use]
pub fn tool_error(id_raw: &[u8], text: &str, era: Era) -> Vec<u8> {
    let mut out = Vec::with_capacity(128 + text.len());
    out.extend_from_slice(b"{\"jsonrpc\":\"2.0\",\"id\":");
    out.extend_from_slice(id_raw);
    out.extend_from_slice(b",\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"");
    escape_into(&mut out, text);
    out.extend_from_slice(b"\"}],\"isError\":true");
    if era == Era::Modern {
        out.extend_from_slice(b",\"resultType\":\"complete\"");
    }
    out.extend_from_slice(b"}}");
    out
}
