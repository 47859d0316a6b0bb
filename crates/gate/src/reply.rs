//! reply: what is handed to the caller.

/// A message for the caller: a server's, masked, or an answer of the gate's own.
#[derive(Clone)]
pub struct Delivery {
    /// The JSON-RPC message.
    pub bytes: Vec<u8>,
    /// The identifier of the SSE event that brought it, passed on so that a stream can be resumed.
    pub event_id: Option<String>,
    /// The HTTP status that fits when this is the only message.
    pub status: u16,
    /// Whether this is the response that ends the request.
    pub last: bool,
}

impl std::fmt::Debug for Delivery {
    /// Size and status, never the content.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Delivery({} bytes, {}, last: {})", self.bytes.len(), self.status, self.last)
    }
}

impl Delivery {
    /// A response that ends its request.
    pub(crate) fn new(bytes: Vec<u8>, status: u16) -> Delivery {
        Delivery { bytes, event_id: None, status, last: true }
    }

    /// A server's response.
    pub(crate) fn response(bytes: Vec<u8>, event_id: Option<String>) -> Delivery {
        Delivery { bytes, event_id, status: 200, last: true }
    }

    /// A server's request or notification.
    pub(crate) fn message(bytes: Vec<u8>, event_id: Option<String>) -> Delivery {
        Delivery { bytes, event_id, status: 200, last: false }
    }
}
