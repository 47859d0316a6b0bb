//! What a server tells while it works comes in pieces: a value may begin in one message and end in the next. A message whose
//! text may end inside a value waits for what follows it in the same stream, for a moment; those behind it wait too, so that
//! the order stays. What stood around a message is told to the detector with it.
//!
//! A stream is what comes for one request, or outside all of them. Within it each kind of text goes on by itself: the
//! messages of one progress token, the data of log messages, the texts of other notifications by their place. The answer
//! ends it, and its first text may be the end of a value that was begun before.

use std::collections::VecDeque;
use std::time::Duration;

use carnet_json::Kind as JsonKind;
use carnet_json::Value;
use carnet_masking::{Flow, Seam, Stream};
use carnet_mcp::{Kind, Message};

use crate::shell::{Answers, Moment, NotForwarded, Shell};

/// The longest that a message waits for the next.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_millis(250);

/// More messages do not wait.
const WAITING: usize = 256;
/// Nor do more bytes.
const BYTES: usize = 1 << 20;
/// More kinds of text in one stream share the last.
const LANES: usize = 64;

/// Members that hold text which others may go on with.
const TEXTS: [&str; 16] = [
    "message",
    "msg",
    "data",
    "text",
    "content",
    "contents",
    "delta",
    "chunk",
    "partial",
    "output",
    "line",
    "stdout",
    "stderr",
    "body",
    "token",
    "statusMessage",
];

/// A message of a server whose turn it is.
#[derive(Debug)]
pub struct Coming {
    /// The message.
    pub message: Message,
    /// The identifier of its SSE event.
    pub event_id: Option<String>,
    /// What stands around its pieces: their number in [`pieces`], and the seam.
    pub(crate) seams: Vec<(usize, Seam)>,
}

/// A message that waits.
struct Waiting {
    coming: Coming,
    /// The lane of each piece, and how many of them have gone.
    lanes: Vec<usize>,
    gone: usize,
    since: Moment,
}

/// One stream: messages in the order in which they came, some of which wait.
#[derive(Default)]
pub(crate) struct Turns {
    lanes: Vec<(String, Stream)>,
    waiting: VecDeque<Waiting>,
    bytes: usize,
    /// Nothing follows that could go on with what waits.
    ended: bool,
}

impl std::fmt::Debug for Turns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Turns({} waiting)", self.waiting.len())
    }
}

impl Turns {
    /// Adds the next message of the server.
    pub(crate) fn push(&mut self, message: Message, event_id: Option<String>, now: Moment) {
        let answer = matches!(message.kind(), Kind::Result | Kind::Error);
        let mut lanes = Vec::new();
        if answer {
            self.ended = true;
            if let Some(text) = first_text(&message).and_then(|text| text.as_str()) {
                // It may go on with any of them.
                for (lane, (_, stream)) in self.lanes.iter_mut().enumerate() {
                    stream.push(text.clone().into_owned());
                    lanes.push(lane);
                }
            }
        } else {
            for (name, text) in pieces(&message) {
                let lane = self.lane(name);
                let Some((_, stream)) = self.lanes.get_mut(lane) else { continue };
                let whole = whole(&message, text);
                stream.push(text.as_str().unwrap_or_default().into_owned() + whole);
                lanes.push(lane);
            }
        }
        self.bytes += message.bytes().len();
        let coming = Coming { message, event_id, seams: Vec::new() };
        self.waiting.push_back(Waiting { coming, lanes, gone: 0, since: now });
    }

    /// Nothing more will come.
    pub(crate) fn end(&mut self) {
        self.ended = true;
    }

    /// The next message whose turn it is.
    pub(crate) fn pop(&mut self, now: Moment) -> Option<Coming> {
        let crowded = self.waiting.len() > WAITING || self.bytes > BYTES;
        let first = self.waiting.front_mut()?;
        let overdue = crowded || left(first.since, now).is_zero();
        let flow = match (self.ended, overdue) {
            (true, _) => Flow::End,
            (false, true) => Flow::Quiet,
            (false, false) => Flow::More,
        };
        let answer = matches!(first.coming.message.kind(), Kind::Result | Kind::Error);
        while let Some(lane) = first.lanes.get(first.gone) {
            let (_, stream) = self.lanes.get_mut(*lane)?;
            let seam = stream.pop(flow)?;
            if !seam.is_empty() {
                first.coming.seams.push((if answer { 0 } else { first.gone }, seam));
            }
            first.gone += 1;
        }
        let gone = self.waiting.pop_front()?;
        self.bytes -= gone.coming.message.bytes().len();
        Some(gone.coming)
    }

    /// How long the oldest message may still wait; `None` where none does.
    pub(crate) fn wait(&self, now: Moment) -> Option<Duration> {
        self.waiting.front().map(|first| left(first.since, now))
    }

    /// The number of a kind of text.
    fn lane(&mut self, name: String) -> usize {
        let known = self.lanes.iter().position(|(known, _)| *known == name);
        known.unwrap_or_else(|| {
            if self.lanes.len() < LANES {
                self.lanes.push((name, Stream::default()));
            }
            self.lanes.len() - 1
        })
    }
}

/// What is left of the time that a message may wait.
fn left(since: Moment, now: Moment) -> Duration {
    let micros = |at: Moment| i128::from(at.seconds) * 1_000_000 + i128::from(at.micros);
    // A clock that was set back does not make it longer.
    let waited = u64::try_from((micros(now) - micros(since)).max(0)).unwrap_or(u64::MAX);
    LONGEST_WAIT.saturating_sub(Duration::from_micros(waited))
}

/// The texts of a notification that others may go on with, each with the name of its lane.
pub(crate) fn pieces(message: &Message) -> Vec<(String, Value<'_>)> {
    let mut out = Vec::new();
    let Some(params) = message.params().filter(|_| message.kind() == Kind::Notification) else { return out };
    let method = message.method().unwrap_or_default();
    let token = message.progress_token_raw().map(String::from_utf8_lossy).unwrap_or_default();
    texts(params, &format!("{method} {token}"), false, &mut out);
    out
}

/// Collects strings under the names of [`TEXTS`], at any depth. Elements of an array are pieces of one text.
fn texts<'a>(value: Value<'a>, path: &str, inside: bool, out: &mut Vec<(String, Value<'a>)>) {
    match value.kind() {
        JsonKind::String if inside => out.push((path.to_owned(), value)),
        JsonKind::Array => value.items().for_each(|item| texts(item, path, inside, out)),
        JsonKind::Object => {
            for (key, value) in value.entries() {
                let key = key.as_str().unwrap_or_default();
                let inside = TEXTS.contains(&&*key);
                texts(value, &format!("{path}/{key}"), inside, out);
            }
        }
        _ => {}
    }
}

/// What is put behind a text that is known to end with a whole number: the count that the notification also has as such.
fn whole(message: &Message, text: Value<'_>) -> &'static str {
    let Some(params) = message.params() else { return "" };
    let text = text.as_str().unwrap_or_default();
    let digits = text.len() - text.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    let number = text.get(text.len() - digits..).unwrap_or_default();
    let count =
        |key: &str| params.get(key).is_some_and(|n| n.kind() == JsonKind::Number && n.raw_str() == number);
    let before = text.get(..text.len() - digits).unwrap_or_default();
    let counted = before.ends_with(" of ") || before.ends_with('/');
    if counted && (count("progress") || count("total")) { "," } else { "" }
}

/// The text that an answer begins with.
pub(crate) fn first_text(message: &Message) -> Option<Value<'_>> {
    let content = message.result()?.get("content")?;
    let text = content.items().next()?.get("text")?;
    (text.kind() == JsonKind::String).then_some(text)
}

/// The nodes of the pieces of a message, in their order.
pub(crate) fn nodes(message: &Message) -> Vec<u32> {
    match message.kind() {
        Kind::Result | Kind::Error => first_text(message).iter().map(Value::index).collect(),
        Kind::Request | Kind::Notification => pieces(message).iter().map(|(_, v)| v.index()).collect(),
    }
}

/// What comes by one stream, each message when its turn has come.
pub struct InTurn<'a, S, A> {
    shell: &'a S,
    answers: A,
    turns: Turns,
    /// How the answers ended, told after those that waited.
    end: Option<Option<NotForwarded>>,
}

impl<S, A> std::fmt::Debug for InTurn<'_, S, A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.turns.fmt(f)
    }
}

impl<'a, S: Shell, A: Answers> InTurn<'a, S, A> {
    /// Of a stream that begins.
    pub fn new(shell: &'a S, answers: A) -> Self {
        InTurn { shell, answers, turns: Turns::default(), end: None }
    }

    /// The HTTP status the server answered with.
    pub fn status(&self) -> u16 {
        self.answers.status()
    }

    /// The next message; `None` at the end.
    pub async fn next(&mut self) -> Option<Result<Coming, NotForwarded>> {
        loop {
            if let Some(coming) = self.turns.pop(self.shell.now()) {
                return Some(Ok(coming));
            }
            if let Some(end) = self.end.take() {
                return end.map(Err);
            }
            let came = match self.turns.wait(self.shell.now()) {
                None => self.answers.next().await,
                Some(wait) => match sooner(self.answers.next(), self.shell.pause(wait)).await {
                    Some(came) => came,
                    None => continue,
                },
            };
            match came {
                Some(Ok((message, event_id))) => self.turns.push(message, event_id, self.shell.now()),
                ended => {
                    self.turns.end();
                    self.end = Some(ended.and_then(Result::err));
                }
            }
        }
    }
}

/// What the first comes to, unless the second is there sooner.
async fn sooner<T>(first: impl Future<Output = T>, second: impl Future<Output = ()>) -> Option<T> {
    let (mut first, mut second) = (std::pin::pin!(first), std::pin::pin!(second));
    std::future::poll_fn(|cx| {
        if let std::task::Poll::Ready(done) = first.as_mut().poll(cx) {
            return std::task::Poll::Ready(Some(done));
        }
        second.as_mut().poll(cx).map(|()| None)
    })
    .await
}

#[cfg(test)]
mod tests;
