//! Streams of events: the answers to a request, gone on with after a break, and the server's own messages (GET).
//!
//! Rules of reconnection (2025-03-26 to 2025-11-25): a stream that named event ids is taken up again with `Last-Event-ID`, after
//! the time the server asked for; one that did not is over. In 2026-07-28 a stream that breaks is over.

use std::time::Duration;

use carnet_mcp::Era;
use carnet_mcp::sse::{Decoder, Event};
use http::{Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::http::Trouble;
use super::link::Link;
use super::outgoing::Asked;
use super::reply::kind;

/// Before a stream is opened again, unless the server asks for another time.
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Tries to take up a stream on which an answer is due.
const TRIES: u32 = 6;
/// For the end of a stream whose answers have all come, so that its connection can be used again.
const GRACE: Duration = Duration::from_millis(200);

/// Where a stream stands.
struct Cursor {
    last_event: Option<String>,
    pause: Duration,
}

impl Default for Cursor {
    fn default() -> Self {
        Cursor { last_event: None, pause: PAUSE }
    }
}

impl Cursor {
    fn see(&mut self, event: &Event) {
        if let Some(id) = &event.id {
            self.last_event = Some(id.clone()).filter(|id| !id.is_empty());
        }
        if let Some(retry) = event.retry {
            self.pause = Duration::from_millis(retry).min(LONGEST_PAUSE);
        }
    }
}

impl Link {
    /// Reads the stream that answers requests, and takes it up again while answers are due.
    pub(super) async fn read_events(
        &self,
        response: Response<Incoming>,
        era: Era,
        open: &mut Vec<Asked>,
    ) -> Result<(), Trouble> {
        let mut cursor = Cursor::default();
        self.events(response, &mut cursor, open, true).await?;
        let (mut failed, mut backoff) = (0, cursor.pause);
        while !open.is_empty() {
            if era == Era::Modern || cursor.last_event.is_none() || failed >= TRIES {
                return Err(self.trouble("ended the stream before the answer; the call may have run"));
            }
            tokio::time::sleep(backoff).await;
            match self.get(cursor.last_event.as_deref()).await {
                Ok(next) if is_stream(&next) => {
                    self.events(next, &mut cursor, open, true).await?;
                    (failed, backoff) = (0, cursor.pause);
                }
                Ok(refused) if refused.status().is_client_error() => return Err(self.http.refused(&refused)),
                _ => {
                    failed += 1;
                    backoff = (backoff * 2).min(LONGEST_PAUSE);
                }
            }
        }
        Ok(())
    }

    /// Gives every message of one stream to the client, to its end. `until_answered`: no longer than answers are due.
    async fn events(
        &self,
        response: Response<Incoming>,
        cursor: &mut Cursor,
        open: &mut Vec<Asked>,
        until_answered: bool,
    ) -> Result<(), Trouble> {
        let mut decoder = Decoder::new(usize::try_from(super::LARGEST).unwrap_or(usize::MAX));
        let mut body = response.into_body();
        loop {
            let frame = if until_answered && open.is_empty() {
                let Ok(frame) = tokio::time::timeout(GRACE, body.frame()).await else { return Ok(()) };
                frame
            } else {
                body.frame().await
            };
            // A stream that breaks is like one that ends: what follows depends on its event ids.
            let Some(Ok(frame)) = frame else { return Ok(()) };
            let Ok(data) = frame.into_data() else { continue };
            let events = decoder.push(&data).map_err(|_| self.trouble("sent a message over 64 MiB"))?;
            for event in events {
                cursor.see(&event);
                let message = event.event.as_deref().is_none_or(|name| name == "message");
                let data = event.data.filter(|d| message && !d.iter().all(u8::is_ascii_whitespace));
                if let Some(data) = data {
                    self.deliver(data, open).await?;
                }
            }
        }
    }

    /// Listens for the server's own messages, where the server offers that, until the client ends.
    pub(super) async fn listen(&self) {
        let mut cursor = Cursor::default();
        let mut backoff = PAUSE;
        loop {
            let session = self.session();
            match self.get(cursor.last_event.as_deref()).await {
                Ok(response) if is_stream(&response) => {
                    if self.events(response, &mut cursor, &mut Vec::new(), false).await.is_err() {
                        return;
                    }
                    backoff = cursor.pause;
                }
                Ok(response) if response.status() == StatusCode::NOT_FOUND && session.is_some() => {
                    if self.renew(session).await.is_err() {
                        return;
                    }
                    cursor = Cursor::default();
                }
                Ok(response) if response.status() == StatusCode::UNAUTHORIZED => {
                    return self.tell_person(&self.http.refused(&response));
                }
                // 405 is how a server says that it has no such stream; the rest of these will not change either.
                Ok(response)
                    if !response.status().is_server_error()
                        && response.status() != StatusCode::TOO_MANY_REQUESTS =>
                {
                    return;
                }
                _ => backoff = (backoff * 2).min(LONGEST_PAUSE),
            }
            tokio::time::sleep(backoff).await;
        }
    }
}

fn is_stream(response: &Response<Incoming>) -> bool {
    response.status() == StatusCode::OK && kind(response) == Some("text/event-stream")
}
