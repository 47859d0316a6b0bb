//! What comes back: one JSON document, a stream of events, or a refusal. Each message goes to the client as a line.

use bytes::Bytes;
use carnet_mcp::{Era, Kind, Message};
use http::Response;
use http::header::CONTENT_TYPE;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;

use super::http::Trouble;
use super::link::Link;
use super::outgoing::{Asked, limits};

/// Bytes of a refusal's body that are looked at.
const REFUSAL: usize = 1 << 20;

impl Link {
    /// Reads a reply to requests. What is answered is taken out of `open`.
    pub(super) async fn read(
        &self,
        response: Response<Incoming>,
        era: Era,
        open: &mut Vec<Asked>,
    ) -> Result<(), Trouble> {
        if !response.status().is_success() {
            return self.read_refusal(response, open).await;
        }
        match kind(&response) {
            Some("text/event-stream") => return self.read_events(response, era, open).await,
            Some("application/json") => {
                let largest = usize::try_from(super::LARGEST).unwrap_or(usize::MAX);
                let body =
                    whole(response, largest).await.ok_or_else(|| self.trouble("broke off its answer"))?;
                self.deliver(body.to_vec(), open).await?;
            }
            _ => {}
        }
        if open.is_empty() { Ok(()) } else { Err(self.trouble("took the message and gave no answer")) }
    }

    /// A refusal that is a JSON-RPC error goes to the client as it is; of any other only the meaning.
    async fn read_refusal(&self, response: Response<Incoming>, open: &mut Vec<Asked>) -> Result<(), Trouble> {
        let trouble = self.http.refused(&response);
        if kind(&response) != Some("application/json") {
            return Err(trouble);
        }
        let body = whole(response, REFUSAL).await.unwrap_or_default();
        let error = Message::parse_one(body.to_vec(), &limits()).ok().filter(|m| m.kind() == Kind::Error);
        let Some(error) = error else { return Err(trouble) };
        self.tell_person(&trouble);
        for asked in open.drain(..) {
            let raw = error.error().map(|e| e.raw()).unwrap_or_default();
            let line =
                [br#"{"jsonrpc":"2.0","id":"#.as_slice(), &asked.id, br#","error":"#, raw, b"}"].concat();
            let _ = self.lines.send(line).await;
        }
        Ok(())
    }

    /// Gives a message, or a batch, to the client, and notes which requests it answers.
    pub(super) async fn deliver(&self, bytes: Vec<u8>, open: &mut Vec<Asked>) -> Result<(), Trouble> {
        let messages = match Message::parse(bytes.clone(), &limits()) {
            Ok(carnet_mcp::Incoming::One(message)) => vec![message],
            Ok(carnet_mcp::Incoming::Batch(messages)) => messages,
            Err(_) => return Err(self.trouble("sent something that is no MCP message")),
        };
        for message in messages.iter().filter(|m| matches!(m.kind(), Kind::Result | Kind::Error)) {
            let place = open.iter().position(|a| a.key.is_some() && a.key == message.id_key());
            if let Some(asked) = place.map(|n| open.swap_remove(n)) {
                self.note(asked.action, message);
            }
        }
        self.lines.send(bytes).await.map_err(|_| Trouble::new("the client does not read any more"))
    }

    /// The answer to a request of our own, which is not for the client.
    pub(super) async fn first_answer(&self, response: Response<Incoming>) -> Option<Message> {
        let is_stream = kind(&response) == Some("text/event-stream");
        if !is_stream {
            return Message::parse_one(whole(response, REFUSAL).await?.to_vec(), &limits()).ok();
        }
        let mut decoder = carnet_mcp::sse::Decoder::new(REFUSAL);
        let mut body = response.into_body();
        while let Some(Ok(frame)) = body.frame().await {
            let Ok(data) = frame.into_data() else { continue };
            for event in decoder.push(&data).ok()? {
                let message = event.data.and_then(|d| Message::parse_one(d, &limits()).ok());
                if let Some(answer) = message.filter(|m| m.kind() == Kind::Result) {
                    return Some(answer);
                }
            }
        }
        None
    }

    pub(super) fn trouble(&self, what: &str) -> Trouble {
        Trouble::new(format!("{} {what}", self.http.host()))
    }
}

/// The media type, without parameters.
pub(super) fn kind(response: &Response<Incoming>) -> Option<&str> {
    let value = response.headers().get(CONTENT_TYPE)?.to_str().ok()?;
    value.split(';').next().map(str::trim)
}

async fn whole(response: Response<Incoming>, most: usize) -> Option<Bytes> {
    let body = Limited::new(response.into_body(), most).collect().await.ok()?;
    Some(body.to_bytes())
}
