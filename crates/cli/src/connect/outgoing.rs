//! A line of the client, and what has to be known of it to send it: which answers are due, its era, its headers.

use std::sync::Arc;

use bytes::Bytes;
use carnet_mcp::headers::{ParamHeaders, recompute};
use carnet_mcp::{Era, IdKey, Incoming, Kind, Limits, Message, Refusal};
use carnet_model::Action;

/// A request that waits for its answer.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    /// The id as the client wrote it.
    pub(super) id: Vec<u8>,
    pub(super) key: Option<IdKey>,
    pub(super) action: Action,
}

/// A message, or a batch of 2025-03-26, on its way to the server.
#[derive(Clone, Debug)]
pub(super) struct Outgoing {
    pub(super) body: Bytes,
    pub(super) asked: Vec<Asked>,
    pub(super) era: Era,
    /// Of the only or first message.
    pub(super) action: Action,
    /// Headers of the modern era that mirror the body.
    pub(super) headers: Vec<(String, Vec<u8>)>,
    /// The request that a `notifications/cancelled` names.
    pub(super) cancels: Option<IdKey>,
}

/// Limits for messages of the client, which is this user's own program, and for answers.
pub(super) fn limits() -> Limits {
    Limits { bytes: usize::try_from(super::LARGEST).unwrap_or(usize::MAX), depth: 512 }
}

impl Outgoing {
    /// Reads a line. `params` knows the headers that a tool's schema asks for.
    pub(super) fn read(
        line: Vec<u8>,
        params: &dyn Fn(&str) -> Option<Arc<ParamHeaders>>,
    ) -> Result<Outgoing, Refusal> {
        let body = Bytes::from(line.clone());
        let messages = match Message::parse(line, &limits())? {
            Incoming::One(message) => vec![message],
            Incoming::Batch(messages) => messages,
        };
        let asked = messages.iter().filter(|m| m.kind() == Kind::Request).filter_map(asked).collect();
        let first = messages.first();
        let era = first.map_or(Era::Legacy, Message::era);
        let headers = match first {
            Some(message) if era == Era::Modern => {
                let tool = match message.target() {
                    carnet_mcp::Target::Tool(tool) => Some(tool),
                    _ => None,
                };
                recompute(message, tool.and_then(|t| params(&t)).as_deref())
            }
            _ => Vec::new(),
        };
        Ok(Outgoing {
            body,
            asked,
            era,
            action: first.map_or(Action::OTHER, Message::action),
            headers,
            cancels: first.and_then(cancelled),
        })
    }
}

fn asked(message: &Message) -> Option<Asked> {
    Some(Asked { id: message.id_raw()?.to_vec(), key: message.id_key(), action: message.action() })
}

fn cancelled(message: &Message) -> Option<IdKey> {
    if message.action() != Action::CANCELLED {
        return None;
    }
    let id = message.params()?.get("requestId")?;
    match id.as_i64() {
        Some(n) => Some(IdKey::Int(n)),
        None => id.as_str().map(|text| IdKey::Text(text.into())),
    }
}
