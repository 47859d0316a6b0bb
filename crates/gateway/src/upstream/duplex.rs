//! A server on a two-way channel: a child's standard streams, or HTTP+SSE of revision 2024-11-05.
//!
//! Messages come back in any order and belong to requests only by their id, so they are sorted here: a response to the
//! request it answers, progress to the request whose token it carries, the rest to the caller's open stream, or to the
//! newest request that is still open.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use carnet_mcp::{IdKey, Incoming, Kind, Limits, Message};
use tokio::sync::mpsc;

use super::UpstreamError;

/// Messages that may wait for one request's reader.
const QUEUE: usize = 64;

/// Messages kept while no stream is open; then the oldest go.
const BACKLOG: usize = 256;

/// Requests open at once on one channel.
const MOST_OPEN: usize = 1024;

/// One channel to a server.
pub struct Duplex {
    out: mpsc::Sender<Vec<u8>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    open: HashMap<IdKey, Waiting>,
    /// The ids in `open`, oldest first.
    order: Vec<IdKey>,
    listener: Option<mpsc::Sender<Message>>,
    backlog: VecDeque<Message>,
    closed: bool,
    /// Makes the ids of shared channels unique.
    next_id: u64,
}

struct Waiting {
    to: mpsc::Sender<Message>,
    token: Option<Vec<u8>>,
}

impl Duplex {
    /// A channel over a pair of queues. `limits` bound what the server may send.
    #[must_use]
    pub fn new(out: mpsc::Sender<Vec<u8>>, mut from: mpsc::Receiver<Vec<u8>>, limits: Limits) -> Arc<Duplex> {
        let duplex = Arc::new(Duplex { out, state: Mutex::default() });
        let weak = Arc::downgrade(&duplex);
        tokio::spawn(async move {
            while let Some(bytes) = from.recv().await {
                let Some(duplex) = weak.upgrade() else { return };
                match Message::parse(bytes, &limits) {
                    Ok(Incoming::One(message)) => duplex.sort(message).await,
                    Ok(Incoming::Batch(messages)) => {
                        for message in messages {
                            duplex.sort(message).await;
                        }
                    }
                    // Servers that log to their standard output are common. It is no message and goes nowhere.
                    Err(_) => tracing::warn!("a server sent something that is no message; it was dropped"),
                }
            }
            if let Some(duplex) = weak.upgrade() {
                duplex.close();
            }
        });
        duplex
    }

    /// Whether the server is gone.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Sends a message that expects no answer.
    ///
    /// # Errors
    /// When the server is gone.
    pub async fn tell(&self, bytes: Vec<u8>) -> Result<(), UpstreamError> {
        self.out.send(bytes).await.map_err(|_| UpstreamError::Process)
    }

    /// Sends a request; its messages come out of the receiver, the response last.
    ///
    /// # Errors
    /// When the server is gone, too many requests are open, or the id is in use.
    pub async fn ask(self: &Arc<Self>, message: Message) -> Result<Asked, UpstreamError> {
        let id = message.id_key().ok_or(UpstreamError::Protocol("a request without an id"))?;
        let token = message.progress_token_raw().map(<[u8]>::to_vec);
        let (to, from) = mpsc::channel(QUEUE);
        {
            let mut state = self.lock();
            if state.closed {
                return Err(UpstreamError::Process);
            }
            if state.open.len() >= MOST_OPEN {
                return Err(UpstreamError::Busy);
            }
            if state.open.contains_key(&id) {
                return Err(UpstreamError::Protocol("a request id that is in use"));
            }
            state.order.push(id.clone());
            state.open.insert(id.clone(), Waiting { to, token });
        }
        let id_raw = message.id_raw().unwrap_or_default().to_vec();
        let asked = Asked { duplex: self.clone(), id, id_raw, from };
        self.tell(message.into_bytes()).await?;
        Ok(asked)
    }

    /// Opens the caller's stream, in place of an earlier one, with what has waited for it.
    #[must_use]
    pub fn listen(&self) -> mpsc::Receiver<Message> {
        let (to, from) = mpsc::channel(BACKLOG);
        let mut state = self.lock();
        while let Some(message) = state.backlog.pop_front() {
            // The queue is as long as the backlog.
            let _ = to.try_send(message);
        }
        if !state.closed {
            state.listener = Some(to);
        }
        from
    }

    /// A number for a request's id on a channel that several callers share.
    #[must_use]
    pub fn fresh_id(&self) -> u64 {
        let mut state = self.lock();
        state.next_id += 1;
        state.next_id
    }

    async fn sort(&self, message: Message) {
        let to = self.destination(&message);
        if let Some(to) = to {
            // A slow reader holds up this channel and nothing else.
            let _ = to.send(message).await;
            return;
        }
        if matches!(message.kind(), Kind::Result | Kind::Error) {
            tracing::debug!("a server answered a request that nobody waits for");
            return;
        }
        let mut state = self.lock();
        if state.backlog.len() >= BACKLOG {
            state.backlog.pop_front();
            tracing::warn!("a server's message waited for a stream too long and was dropped");
        }
        state.backlog.push_back(message);
    }

    fn destination(&self, message: &Message) -> Option<mpsc::Sender<Message>> {
        let state = self.lock();
        if matches!(message.kind(), Kind::Result | Kind::Error) {
            return message.id_key().and_then(|id| state.open.get(&id)).map(|w| w.to.clone());
        }
        let by_token = message.progress_token_raw().and_then(|token| {
            state.open.values().find(|w| w.token.as_deref() == Some(token)).map(|w| w.to.clone())
        });
        let newest = || state.order.last().and_then(|id| state.open.get(id)).map(|w| w.to.clone());
        let listener = || state.listener.as_ref().filter(|l| !l.is_closed()).cloned();
        match message.kind() {
            // A question belongs to the call that made the server ask.
            Kind::Request => by_token.or_else(newest).or_else(listener),
            _ => by_token.or_else(listener).or_else(newest),
        }
    }

    /// Ends the channel for everybody who waits on it.
    pub fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.open.clear();
        state.order.clear();
        state.listener = None;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An open request.
pub struct Asked {
    duplex: Arc<Duplex>,
    id: IdKey,
    id_raw: Vec<u8>,
    from: mpsc::Receiver<Message>,
}

impl Asked {
    /// The next message for this request; `None` when the server is gone.
    pub async fn next(&mut self) -> Option<Message> {
        self.from.recv().await
    }

    /// The request's id on this channel, as JSON.
    #[must_use]
    pub fn id_raw(&self) -> &[u8] {
        &self.id_raw
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        let mut state = self.duplex.lock();
        state.open.remove(&self.id);
        state.order.retain(|id| *id != self.id);
    }
}
