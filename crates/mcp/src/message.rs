//! One JSON-RPC message: the bytes that came, an index into them, and what kind it is.

use std::borrow::Cow;

use carnet_json::{Edits, Error, ErrorKind, Kind as JsonKind, Limits, Tape, Value};
use carnet_model::Action;

use crate::fold;
use crate::refusal::{Refusal, code};
use crate::revision::{Era, Revision};
use crate::target::{self, Target};

/// Messages in one batch.
pub const MOST_IN_BATCH: usize = 100;

/// What kind of message it is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Kind {
    /// Has a method and an id.
    Request,
    /// Has a method and no id.
    Notification,
    /// A response that succeeded.
    Result,
    /// A response that did not.
    Error,
}

/// An id as a map's key: `1` and `"1"` are two.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum IdKey {
    /// A whole number.
    Int(i64),
    /// A string, unescaped.
    Text(Box<str>),
}

/// What one body holds.
#[derive(Clone, Debug)]
pub enum Incoming {
    /// One message.
    One(Message),
    /// A batch, which only 2025-03-26 has. Never empty.
    Batch(Vec<Message>),
}

impl Incoming {
    /// The messages, where the revision has batches or it is none.
    ///
    /// # Errors
    /// A batch in another revision.
    pub fn into_messages(self, revision: Option<Revision>) -> Result<Vec<Message>, Refusal> {
        match self {
            Incoming::One(message) => Ok(vec![message]),
            Incoming::Batch(messages) if revision.is_some_and(Revision::has_batches) => Ok(messages),
            Incoming::Batch(_) => Err(Refusal::invalid("this protocol revision has no batches")),
        }
    }
}

/// Node indexes of the envelope's members; 0 (the root) stands for none.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Members {
    id: u32,
    method: u32,
    params: u32,
    result: u32,
    error: u32,
}

/// One message.
#[derive(Clone)]
pub struct Message {
    bytes: Vec<u8>,
    tape: Tape,
    at: Members,
    kind: Kind,
    action: Action,
}

impl std::fmt::Debug for Message {
    /// Kind, action and size, never the content.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} {} ({} bytes)", self.kind, self.action, self.bytes.len())
    }
}

fn unreadable(e: Error) -> Refusal {
    let (status, code, message) = match e.kind {
        ErrorKind::TooLarge => (413, code::INVALID_REQUEST, "message too large"),
        ErrorKind::Depth => (400, code::INVALID_REQUEST, "message nested too deeply"),
        ErrorKind::DuplicateKey => (400, code::INVALID_REQUEST, "duplicate key in an object"),
        ErrorKind::Utf8 => (400, code::PARSE_ERROR, "not valid UTF-8"),
        ErrorKind::Syntax | ErrorKind::Truncated | ErrorKind::Trailing => {
            (400, code::PARSE_ERROR, "not valid JSON")
        }
    };
    Refusal::new(status, code, message)
}

impl Message {
    /// Reads a body.
    ///
    /// # Errors
    /// What is not a message, or could be read as two.
    pub fn parse(bytes: Vec<u8>, limits: &Limits) -> Result<Incoming, Refusal> {
        let tape = Tape::parse(&bytes, limits).map_err(unreadable)?;
        let root = tape.root(&bytes);
        if root.kind() != JsonKind::Array {
            return Message::classify(bytes, tape).map(Incoming::One);
        }
        let count = root.items().count();
        if count == 0 {
            return Err(Refusal::invalid("an empty batch"));
        }
        if count > MOST_IN_BATCH {
            return Err(Refusal::invalid("too many messages in a batch"));
        }
        let each = root.items().map(|item| Message::parse_one(item.raw().to_vec(), limits));
        each.collect::<Result<_, _>>().map(Incoming::Batch)
    }

    /// Reads a body that must be one message and no batch.
    ///
    /// # Errors
    /// As [`Message::parse`].
    pub fn parse_one(bytes: Vec<u8>, limits: &Limits) -> Result<Message, Refusal> {
        let tape = Tape::parse(&bytes, limits).map_err(unreadable)?;
        Message::classify(bytes, tape)
    }

    fn classify(bytes: Vec<u8>, tape: Tape) -> Result<Message, Refusal> {
        let root = tape.root(&bytes);
        let at = members(root)?;
        let kind = kind(&tape, &bytes, at)?;
        let action = match at.method {
            0 => Action::OTHER,
            i => Action::of_method(&tape.value(&bytes, i).as_str().unwrap_or_default()),
        };
        let message = Message { bytes, tape, at, kind, action };
        message.check_content()?;
        Ok(message)
    }

    fn check_content(&self) -> Result<(), Refusal> {
        for (part, known) in [
            (self.params(), fold::PARAMS),
            (self.result(), fold::RESULT),
            (self.error(), fold::ERROR),
            (self.meta(), fold::META),
            (self.params().and_then(|p| p.get("ref")), fold::REF),
        ] {
            if let Some(part) = part {
                fold::check(part, known)?;
            }
        }
        if self.params().is_some_and(|p| p.kind() != JsonKind::Object) {
            return Err(Refusal::params("params is not an object"));
        }
        if self.meta().is_some_and(|m| m.kind() != JsonKind::Object) {
            return Err(Refusal::params("_meta is not an object"));
        }
        let token = self.progress_token();
        if token.is_some_and(|t| id_key(t).is_none()) {
            return Err(Refusal::params("progressToken is neither a string nor a whole number"));
        }
        target::check(self)
    }

    fn at(&self, index: u32) -> Option<Value<'_>> {
        (index != 0).then(|| self.tape.value(&self.bytes, index))
    }

    /// What kind of message it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The id as it was written. An error response to something unreadable has none.
    #[must_use]
    pub fn id_raw(&self) -> Option<&[u8]> {
        self.at(self.at.id).filter(|v| v.kind() != JsonKind::Null).map(|v| v.raw())
    }

    /// The id as a map's key.
    #[must_use]
    pub fn id_key(&self) -> Option<IdKey> {
        self.at(self.at.id).and_then(id_key)
    }

    /// The method's text.
    #[must_use]
    pub fn method(&self) -> Option<Cow<'_, str>> {
        self.at(self.at.method)?.as_str()
    }

    /// The method as an action; [`Action::OTHER`] for a response and for unknown methods.
    #[must_use]
    pub fn action(&self) -> Action {
        self.action
    }

    /// `params`.
    #[must_use]
    pub fn params(&self) -> Option<Value<'_>> {
        self.at(self.at.params)
    }

    /// `result`.
    #[must_use]
    pub fn result(&self) -> Option<Value<'_>> {
        self.at(self.at.result)
    }

    /// `error`.
    #[must_use]
    pub fn error(&self) -> Option<Value<'_>> {
        self.at(self.at.error)
    }

    /// The whole message.
    #[must_use]
    pub fn root(&self) -> Value<'_> {
        self.tape.root(&self.bytes)
    }

    /// `_meta` of params or of result.
    #[must_use]
    pub fn meta(&self) -> Option<Value<'_>> {
        self.params().or_else(|| self.result())?.get("_meta")
    }

    /// The protocol version that the request names in its `_meta` (2026-07-28 and later).
    #[must_use]
    pub fn meta_version(&self) -> Option<Cow<'_, str>> {
        self.params()?.get("_meta")?.get("io.modelcontextprotocol/protocolVersion")?.as_str()
    }

    /// The era that the body alone speaks for: what stdio has to go by.
    #[must_use]
    pub fn era(&self) -> Era {
        match self.meta_version() {
            _ if self.action == Action::INITIALIZE => Era::Legacy,
            Some(v) if Revision::parse(&v).is_none_or(|r| r.era() == Era::Modern) => Era::Modern,
            _ => Era::Legacy,
        }
    }

    /// What a request or notification is about.
    #[must_use]
    pub fn target(&self) -> Target<'_> {
        Target::of(self)
    }

    fn progress_token(&self) -> Option<Value<'_>> {
        if self.action == Action::PROGRESS {
            return self.params()?.get("progressToken");
        }
        self.params()?.get("_meta")?.get("progressToken")
    }

    /// The progress token as it was written: the one a request offers, or the one a progress notification carries.
    #[must_use]
    pub fn progress_token_raw(&self) -> Option<&[u8]> {
        self.progress_token().map(|v| v.raw())
    }

    /// The progress token as a map's key.
    #[must_use]
    pub fn progress_token_key(&self) -> Option<IdKey> {
        self.progress_token().and_then(id_key)
    }

    /// The bytes as they came.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The index into the bytes.
    #[must_use]
    pub fn tape(&self) -> &Tape {
        &self.tape
    }

    /// The bytes as they came.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// A copy with these splices, read again from the start.
    ///
    /// # Errors
    /// When the splices overlap or the result is no longer such a message.
    pub fn edited(&self, edits: &Edits) -> Result<Message, Refusal> {
        if edits.is_empty() {
            return Ok(self.clone());
        }
        let fault = || Refusal::new(500, code::INTERNAL_ERROR, "a rewrite does not fit the message");
        let bytes = edits.apply(&self.bytes).map_err(|_| fault())?;
        // A rewrite adds at most a few levels; the limit of the incoming message has been checked.
        let message = Message::parse_one(bytes, &Limits { bytes: usize::MAX, depth: 256 })?;
        if message.kind == self.kind { Ok(message) } else { Err(fault()) }
    }

    /// A copy with another id, given as JSON.
    ///
    /// # Errors
    /// When there is no id to replace, or `raw` is none.
    pub fn with_id(&self, raw: &[u8]) -> Result<Message, Refusal> {
        let id = self.at(self.at.id).ok_or(Refusal::invalid("a message without an id"))?;
        let mut edits = Edits::new();
        edits.replace(id.span(), raw);
        self.edited(&edits)
    }

    /// A copy with another progress token, given as JSON; added where a request has none.
    ///
    /// # Errors
    /// When the message can carry none, or `raw` is none.
    pub fn with_progress_token(&self, raw: &[u8]) -> Result<Message, Refusal> {
        let mut edits = Edits::new();
        if let Some(token) = self.progress_token() {
            edits.replace(token.span(), raw);
            return self.edited(&edits);
        }
        if self.kind != Kind::Request {
            return Err(Refusal::params("only a request can offer a progress token"));
        }
        let member = [b"\"progressToken\":".as_slice(), raw].concat();
        match (self.params(), self.meta()) {
            (_, Some(meta)) => insert_first(&mut edits, meta, &member),
            (Some(params), None) => {
                insert_first(&mut edits, params, &[b"\"_meta\":{".as_slice(), &member, b"}"].concat());
            }
            (None, None) => {
                let text = [b"\"params\":{\"_meta\":{".as_slice(), &member, b"}}"].concat();
                insert_first(&mut edits, self.root(), &text);
            }
        }
        self.edited(&edits)
    }
}

/// Inserts a member in front of an object's others.
pub(crate) fn insert_first(edits: &mut Edits, object: Value<'_>, member: &[u8]) {
    let at = object.span().start + 1;
    let comma: &[u8] = if object.entries().next().is_some() { b"," } else { b"" };
    edits.replace(at..at, &[member, comma].concat());
}

/// Strings and whole numbers of 64 bits; anything else is no id.
pub(crate) fn id_key(value: Value<'_>) -> Option<IdKey> {
    match value.kind() {
        JsonKind::String => Some(IdKey::Text(value.as_str()?.into())),
        JsonKind::Number => value.as_i64().map(IdKey::Int),
        _ => None,
    }
}

fn members(root: Value<'_>) -> Result<Members, Refusal> {
    if root.kind() != JsonKind::Object {
        return Err(Refusal::invalid("a message is a JSON object"));
    }
    fold::check(root, fold::ENVELOPE)?;
    let mut at = Members::default();
    let mut version = false;
    for (key, value) in root.entries() {
        match &*key.as_str().unwrap_or_default() {
            "jsonrpc" => version = value.is_str("2.0"),
            "id" => at.id = value.index(),
            "method" => at.method = value.index(),
            "params" => at.params = value.index(),
            "result" => at.result = value.index(),
            "error" => at.error = value.index(),
            _ => {}
        }
    }
    if version { Ok(at) } else { Err(Refusal::invalid("jsonrpc is not \"2.0\"")) }
}

fn kind(tape: &Tape, bytes: &[u8], at: Members) -> Result<Kind, Refusal> {
    let value = |i: u32| tape.value(bytes, i);
    let kind = match (at.method, at.result, at.error) {
        (0, 0, 0) => return Err(Refusal::invalid("neither a request nor a response")),
        (_, 0, 0) if at.id == 0 => Kind::Notification,
        (_, 0, 0) => Kind::Request,
        (0, _, 0) => Kind::Result,
        (0, 0, _) => Kind::Error,
        _ => return Err(Refusal::invalid("both a request and a response, or both result and error")),
    };
    if at.method != 0 && value(at.method).kind() != JsonKind::String {
        return Err(Refusal::invalid("method is not a string"));
    }
    if at.method == 0 && at.params != 0 {
        return Err(Refusal::invalid("params in a response"));
    }
    if at.result != 0 && value(at.result).kind() != JsonKind::Object {
        return Err(Refusal::invalid("result is not an object"));
    }
    if at.error != 0 && value(at.error).kind() != JsonKind::Object {
        return Err(Refusal::invalid("error is not an object"));
    }
    let valid = at.id != 0 && id_key(value(at.id)).is_some();
    let nameless = at.id == 0 || value(at.id).kind() == JsonKind::Null;
    match kind {
        Kind::Notification => Ok(kind),
        // JSON-RPC 2.0 section 5: an error about something unreadable has the id null; 2026-07-28 leaves it out.
        Kind::Error if valid || nameless => Ok(kind),
        Kind::Request | Kind::Result if valid => Ok(kind),
        _ => Err(Refusal::invalid("id is neither a string nor a whole number")),
    }
}
