//! MCP messages, revisions, SSE and session rules over bytes; no input or output.
//!
//! A [`Message`] owns the bytes that came and an index into them. Nothing is converted, so unknown members and number
//! formats pass through; what changes is spliced. What two readers could read differently is refused: duplicate keys,
//! keys that differ only in case, header and body that disagree, two revisions in one request.

pub mod content;
mod fold;
pub mod headers;
pub mod lists;
mod message;
mod refusal;
pub mod requests;
mod revision;
pub mod session;
pub mod sse;
mod target;

pub use carnet_json::Limits;
pub use message::{IdKey, Incoming, Kind, MOST_IN_BATCH, Message};
pub use refusal::{Refusal, code, error_response, tool_error};
pub use revision::{Era, Revision};
pub use target::Target;
