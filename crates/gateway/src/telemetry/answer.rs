//! What kind of answer a caller got, read from the bytes that were delivered: masked by then, and only looked at where a
//! collector wants to know.

use carnet_gate::{Delivery, Recorded, Replies, Turned, Walked};
use carnet_json::Limits;
use carnet_mcp::Message;

/// Longer answers are not looked into: an error is short.
const SHORT: usize = 16 << 10;

/// What an answer was.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Answer {
    /// A result, or nothing to answer.
    #[default]
    Fine,
    /// A tool's result that says it failed.
    ToolError,
    /// A JSON-RPC error; its code where that lies in the reserved range. Any other number is the server's own, and a telephone
    /// number fits in it.
    Error(Option<i16>),
}

impl Answer {
    /// Of a message's bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Answer {
        let has = |word: &[u8]| memchr::memmem::find(bytes, word).is_some();
        if bytes.len() > SHORT || !(has(b"\"error\"") || has(b"\"isError\"")) {
            return Answer::Fine;
        }
        let Ok(message) = Message::parse_one(bytes.to_vec(), &Limits::default()) else { return Answer::Fine };
        if let Some(error) = message.error() {
            let code = error.get("code").and_then(|c| c.as_i64()).and_then(|c| i16::try_from(c).ok());
            return Answer::Error(code.filter(|c| (-32768..=-32000).contains(c)));
        }
        let failed = message.result().and_then(|r| r.get("isError")?.as_bool()) == Some(true);
        if failed { Answer::ToolError } else { Answer::Fine }
    }

    /// Of a walk: what the gate answered itself, or what was `seen` to be delivered.
    #[must_use]
    pub fn of_walk(walked: &Result<Walked, Turned>, seen: Answer) -> Answer {
        match walked {
            Err(Turned { answer: Some(answer), .. }) => Answer::of(&answer.bytes),
            _ => seen,
        }
    }
}

/// The HTTP status of a message that was turned back.
#[must_use]
pub fn status_of(turned: &Turned) -> u16 {
    turned.answer.as_ref().map_or(turned.status, |answer| answer.status)
}

/// Replies on their way, with a look at the last one.
pub struct Watched<R> {
    replies: R,
    look: bool,
    /// What the last answer was.
    pub answer: Answer,
}

impl<R> Watched<R> {
    /// Looks at answers only where `look` says so.
    pub fn new(replies: R, look: bool) -> Watched<R> {
        Watched { replies, look, answer: Answer::Fine }
    }

    /// The replies themselves.
    pub fn inner(&mut self) -> &mut R {
        &mut self.replies
    }
}

impl<R: Replies> Replies for Watched<R> {
    async fn deliver(&mut self, message: Recorded<Delivery>) -> bool {
        if self.look && message.get().last {
            self.answer = Answer::of(&message.get().bytes);
        }
        self.replies.deliver(message).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_answer_was() {
        let cases = [
            (r#"{"jsonrpc":"2.0","id":1,"result":{"content":[]}}"#, Answer::Fine),
            (r#"{"jsonrpc":"2.0","id":1,"result":{"content":[],"isError":false}}"#, Answer::Fine),
            (r#"{"jsonrpc":"2.0","id":1,"result":{"content":[],"isError":true}}"#, Answer::ToolError),
            (
                r#"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"\"isError\":true"}]}}"#,
                Answer::Fine,
            ),
            (
                r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"x"}}"#,
                Answer::Error(Some(-32602)),
            ),
            (r#"{"jsonrpc":"2.0","id":1,"error":{"code":491701234567,"message":"x"}}"#, Answer::Error(None)),
            (r#"{"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"x"}}"#, Answer::Error(None)),
            ("not json \"error\"", Answer::Fine),
        ];
        for (text, expected) in cases {
            assert_eq!(Answer::of(text.as_bytes()), expected, "{text}");
        }
    }
}
