//! What the gate asks of the shell around it. The gate itself has no clock, no randomness and no sockets.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use carnet_documents::Text;
use carnet_evidence::seal::{DataKey, NewKey};
use carnet_masking::Report;
use carnet_mcp::Message;
use carnet_model::ClassNames;

use crate::labels::Row;
use crate::permitted::{Permitted, Recorded};
use crate::record::Entry;
use crate::reply::Delivery;
use crate::vault::{Deposit, Recall};

/// A point in time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd, Ord)]
pub struct Moment {
    /// Unix seconds.
    pub seconds: i64,
    /// Microseconds within the second.
    pub micros: u32,
}

/// Where a record stands. Only a log that has made the record durable gives one out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Receipt {
    /// Index in the log.
    pub index: u64,
}

/// A record could not be made durable (invariant 3).
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the record could not be made durable")]
pub struct NotRecorded;

/// Why a message did not reach a server, or no answer came back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NotForwarded {
    /// The server could not be reached or broke the protocol: a sentence without content, and the HTTP status to give.
    Upstream {
        /// What happened.
        reason: &'static str,
        /// The status for the caller: 502, 503 or 504.
        status: u16,
    },
    /// The caller went away, which cancels the call (revision 2026-07-28).
    Cancelled,
}

impl NotForwarded {
    /// The name in evidence and metrics.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            NotForwarded::Upstream { status: 504, .. } => "upstream-timeout",
            NotForwarded::Upstream { .. } => "upstream-failed",
            NotForwarded::Cancelled => "cancelled",
        }
    }
}

/// A document was not read to its end, in time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the document could not be read")]
pub struct Unread;

/// An analyzer did not answer in time, or may not be asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("an analyzer did not answer")]
pub struct NotAnalyzed;

/// What an analyzer found in a text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Analyzed {
    /// Its name for the type.
    pub kind: String,
    /// Code points.
    pub start: usize,
    /// Code points, exclusive.
    pub end: usize,
    /// How sure, in percent.
    pub score: u8,
}

/// The effects.
pub trait Shell: Recall + Sync {
    /// The answers to one forwarded message.
    type Answers: Answers;

    /// The time.
    fn now(&self) -> Moment;

    /// Resolves after a while.
    fn pause(&self, time: Duration) -> impl Future<Output = ()> + Send;

    /// Fills the buffer with cryptographically secure random bytes.
    fn entropy(&self, out: &mut [u8]);

    /// Makes a record durable. Resolves when it is, or when it cannot be.
    fn append(&self, entry: Entry) -> impl Future<Output = Result<Receipt, NotRecorded>> + Send;

    /// The key of the data subject with this label, made at first sight, and what is to be stored of a new one.
    ///
    /// # Errors
    /// When the key store is down.
    fn subject_key(&self, label: [u8; 16]) -> Result<(DataKey, Option<NewKey>), NotRecorded>;

    /// Keeps values whose stand-ins are about to be delivered. Resolves when they are durable, or cannot be.
    fn keep(&self, deposits: Vec<Deposit>) -> impl Future<Output = Result<(), NotRecorded>> + Send;

    /// Makes what is counted, and what is read, durable before it is given out. Resolves when it is, or cannot be.
    fn remember(&self, rows: Vec<Row>) -> impl Future<Output = Result<(), NotRecorded>> + Send;

    /// The text of a document, read where it can do no harm.
    fn read_document(&self, bytes: Vec<u8>) -> impl Future<Output = Result<Text, Unread>> + Send;

    /// What an analyzer finds in each of these texts.
    fn analyze(
        &self,
        analyzer: &str,
        texts: &[String],
    ) -> impl Future<Output = Result<Vec<Arc<Vec<Analyzed>>>, NotAnalyzed>> + Send;

    /// Something was masked: for the counters.
    fn masked(&self, report: &Report, classes: &ClassNames);

    /// The approval that this call runs by was used: its record is durable.
    fn consumed(&self) {}

    /// A server gave out classes, or kinds of numbers, that the configuration does not say it has: for an alert. No content.
    fn drifted(&self, server: &str, what: &[&str]);

    /// A server sent a response that fits no request; it was dropped.
    fn unexpected(&self);

    /// Sends a message to its server.
    fn forward(
        &self,
        message: Recorded<Permitted<Message>>,
    ) -> impl Future<Output = Result<Self::Answers, NotForwarded>> + Send;
}

/// The messages that a server sends in answer to one message, the final response the last of them.
pub trait Answers: Send {
    /// The next message and the identifier of its SSE event, if it has one. `None` at the end. Dropping the future loses
    /// no message.
    fn next(
        &mut self,
    ) -> impl Future<Output = Option<Result<(Message, Option<String>), NotForwarded>>> + Send;

    /// The HTTP status the server answered with; 200 where there is none.
    fn status(&self) -> u16;
}

/// Where the messages for the caller go.
pub trait Replies: Send {
    /// Hands over one message. `false` when the caller is gone.
    fn deliver(&mut self, message: Recorded<Delivery>) -> impl Future<Output = bool> + Send;
}
