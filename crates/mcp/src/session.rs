//! What is known of one downstream session with one upstream: the revision agreed, what is outstanding in each direction,
//! what was cancelled. Time is a parameter, in seconds.

use std::collections::{HashMap, HashSet, VecDeque};

use carnet_model::Action;

use crate::message::{IdKey, Kind, Message, id_key};
use crate::refusal::Refusal;
use crate::revision::Revision;

/// What a session may hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SessionLimits {
    /// Requests outstanding in one direction.
    pub outstanding: usize,
    /// Cancelled ids that are remembered.
    pub cancelled: usize,
    /// Seconds without a message after which it ends.
    pub idle: u64,
}

impl Default for SessionLimits {
    /// 256 requests, 256 ids, an hour.
    fn default() -> Self {
        SessionLimits { outstanding: 256, cancelled: 256, idle: 3600 }
    }
}

/// Which side sent a message.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Side {
    /// The client.
    Downstream,
    /// The server.
    Upstream,
}

/// What a message means to the session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Seen {
    /// A request that is now outstanding.
    Asked,
    /// The response to a request with this action.
    Answered(Action),
    /// A notification, or an error without an id.
    Told,
    /// The response to a request that was cancelled: nobody waits for it.
    Late,
}

#[derive(Debug)]
struct Outstanding {
    action: Action,
    token: Option<IdKey>,
}

/// The requests of one side.
#[derive(Debug, Default)]
struct Asked {
    open: HashMap<IdKey, Outstanding>,
    tokens: HashSet<IdKey>,
    cancelled: VecDeque<IdKey>,
}

/// A session.
#[derive(Debug)]
pub struct Session {
    limits: SessionLimits,
    revision: Option<Revision>,
    capabilities: Capabilities,
    down: Asked,
    up: Asked,
    last_used: u64,
    deleted: bool,
}

/// The `capabilities` objects exchanged at initialize, as their bytes.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Capabilities {
    /// The client's.
    pub client: Option<Vec<u8>>,
    /// The server's.
    pub server: Option<Vec<u8>>,
}

impl std::fmt::Debug for Capabilities {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Capabilities(client: {}, server: {})", self.client.is_some(), self.server.is_some())
    }
}

impl Session {
    /// A session that begins now.
    #[must_use]
    pub fn new(limits: SessionLimits, now: u64) -> Session {
        Session {
            limits,
            revision: None,
            capabilities: Capabilities::default(),
            down: Asked::default(),
            up: Asked::default(),
            last_used: now,
            deleted: false,
        }
    }

    /// The revision agreed at initialize.
    #[must_use]
    pub fn revision(&self) -> Option<Revision> {
        self.revision
    }

    /// The capabilities exchanged at initialize.
    #[must_use]
    pub fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// Ends it.
    pub fn delete(&mut self) {
        self.deleted = true;
        self.down = Asked::default();
        self.up = Asked::default();
    }

    /// Whether it was deleted or nothing came for too long.
    #[must_use]
    pub fn is_over(&self, now: u64) -> bool {
        self.deleted || now.saturating_sub(self.last_used) > self.limits.idle
    }

    /// How many requests of a side are not answered.
    #[must_use]
    pub fn outstanding(&self, of: Side) -> usize {
        self.asked(of).open.len()
    }

    /// Whether the request with this id of a side was cancelled.
    #[must_use]
    pub fn is_cancelled(&self, of: Side, id: &IdKey) -> bool {
        self.asked(of).cancelled.contains(id)
    }

    fn asked(&self, of: Side) -> &Asked {
        match of {
            Side::Downstream => &self.down,
            Side::Upstream => &self.up,
        }
    }

    fn both(&mut self, from: Side) -> (&mut Asked, &mut Asked) {
        match from {
            Side::Downstream => (&mut self.down, &mut self.up),
            Side::Upstream => (&mut self.up, &mut self.down),
        }
    }

    /// Takes note of a message.
    ///
    /// # Errors
    /// The session is over (404); an id or progress token is in use, too much is outstanding, a response or progress
    /// that nobody asked for. The message must not go on then.
    pub fn see(&mut self, from: Side, message: &Message, now: u64) -> Result<Seen, Refusal> {
        if self.is_over(now) {
            return Err(Refusal::new(404, crate::code::LEGACY_REQUEST_TIMEOUT, "no such session"));
        }
        let seen = match message.kind() {
            Kind::Request => self.ask(from, message),
            Kind::Notification => self.tell(from, message),
            Kind::Result | Kind::Error => self.answer(from, message),
        }?;
        self.last_used = self.last_used.max(now);
        Ok(seen)
    }

    fn ask(&mut self, from: Side, message: &Message) -> Result<Seen, Refusal> {
        let limit = self.limits.outstanding;
        let id = message.id_key().ok_or(Refusal::invalid("a request without an id"))?;
        let token = message.progress_token_key();
        let (own, _) = self.both(from);
        if own.open.contains_key(&id) {
            return Err(Refusal::invalid("a request with this id is outstanding"));
        }
        if token.as_ref().is_some_and(|t| own.tokens.contains(t)) {
            return Err(Refusal::invalid("a request with this progress token is outstanding"));
        }
        if own.open.len() >= limit {
            return Err(Refusal::new(429, crate::code::RATE_LIMITED, "too many requests are outstanding"));
        }
        own.cancelled.retain(|c| *c != id);
        own.tokens.extend(token.clone());
        own.open.insert(id, Outstanding { action: message.action(), token });
        if from == Side::Downstream && message.action() == Action::INITIALIZE {
            self.capabilities.client = capabilities(message.params());
        }
        Ok(Seen::Asked)
    }

    fn tell(&mut self, from: Side, message: &Message) -> Result<Seen, Refusal> {
        let limit = self.limits.cancelled;
        let (own, other) = self.both(from);
        match message.action() {
            Action::CANCELLED => {
                let id = message.params().and_then(|p| p.get("requestId")).and_then(id_key);
                if let Some(id) = id
                    && let Some(request) = own.open.remove(&id)
                {
                    own.forget(&request);
                    if own.cancelled.len() >= limit {
                        own.cancelled.pop_front();
                    }
                    own.cancelled.push_back(id);
                }
            }
            Action::PROGRESS => {
                let token = message.progress_token_key();
                if !token.is_some_and(|t| other.tokens.contains(&t)) {
                    return Err(Refusal::invalid("progress of a request that nobody made"));
                }
            }
            _ => {}
        }
        Ok(Seen::Told)
    }

    fn answer(&mut self, from: Side, message: &Message) -> Result<Seen, Refusal> {
        let (_, other) = self.both(from);
        let Some(id) = message.id_key() else { return Ok(Seen::Told) };
        let Some(request) = other.open.remove(&id) else {
            let at = other.cancelled.iter().position(|c| *c == id);
            return match at.and_then(|i| other.cancelled.remove(i)) {
                Some(_) => Ok(Seen::Late),
                None => Err(Refusal::invalid("a response to a request that nobody made")),
            };
        };
        other.forget(&request);
        if request.action == Action::INITIALIZE && from == Side::Upstream {
            let result = message.result();
            let version = result.and_then(|r| r.get("protocolVersion")).and_then(|v| v.as_str());
            self.revision = version.and_then(|v| Revision::parse(&v)).or(self.revision);
            self.capabilities.server = capabilities(result);
        }
        Ok(Seen::Answered(request.action))
    }
}

impl Asked {
    fn forget(&mut self, request: &Outstanding) {
        if let Some(token) = &request.token {
            self.tokens.remove(token);
        }
    }
}

fn capabilities(of: Option<carnet_json::Value<'_>>) -> Option<Vec<u8>> {
    of?.get("capabilities").map(|c| c.raw().to_vec())
}
