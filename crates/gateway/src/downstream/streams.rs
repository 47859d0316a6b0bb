//! A caller's standing stream: what a server sends outside any request, walked and fed into it.

use bytes::Bytes;
use carnet_gate::{Answers, Coming, InTurn, NotForwarded, Related, Unfinished, Walk};
use carnet_mcp::{Kind, Limits, Message, Refusal, code, error_response};
use http::Response;
use http_body_util::BodyExt;
use tokio::sync::mpsc;

use super::Arrived;
use crate::body::Reply;
use crate::call::CallShell;
use crate::gateway::now;

/// Walks what comes by a standing stream until the stream ends, or the caller is gone.
pub async fn stand<A: Answers>(arrived: &Arrived, shell: &CallShell, from: A) {
    let mut from = InTurn::new(shell, from);
    while let Some(Ok(coming)) = from.next().await {
        if !message(arrived, shell, coming).await {
            return;
        }
    }
}

/// The messages of a channel that belong to no request.
pub struct Unasked(pub mpsc::Receiver<Message>);

impl Answers for Unasked {
    async fn next(&mut self) -> Option<Result<(Message, Option<String>), NotForwarded>> {
        self.0.recv().await.map(|message| Ok((message, None)))
    }

    fn status(&self) -> u16 {
        200
    }
}

/// Walks one message of a server to the caller's stream. `false` when the stream is to end: the caller is gone, or its token
/// has expired.
async fn message(arrived: &Arrived, shell: &CallShell, coming: Coming) -> bool {
    if arrived.caller.expires.is_some_and(|expires| expires <= now().seconds) {
        return false;
    }
    let Some(_inside) = shell.open.enter() else { return false };
    // The stream outlives reloads: each message is decided under what is in force when it comes.
    let runtime = shell.gateway.runtime.load_full();
    let session = &shell.open.gate;
    shell.open.touch(now().seconds);
    let at = Walk::new(shell, &shell.gateway.cell, &runtime.gate, session, &arrived.caller, None);
    let related: Option<Related> = match coming.message.kind() {
        Kind::Result | Kind::Error => coming.message.id_key().and_then(|id| session.resumed(&id)),
        Kind::Request | Kind::Notification => None,
    };
    match carnet_gate::back(at, related.as_ref(), coming).await {
        Ok(Some(recorded)) => shell.reply.message(recorded.into_inner()).await,
        Ok(None) => true,
        // A call whose stream broke is not known any more: its result cannot wait, and stays.
        Err(Unfinished::Held(_) | Unfinished::Void(_)) => true,
        Err(Unfinished::Turned(turned)) => match turned.answer {
            Some(answer) => shell.reply.message(answer).await,
            None => true,
        },
    }
}

/// Copies the reply to a POST of HTTP+SSE into its stream: a document becomes an event, events go on as they are. `id` is
/// that of the request: a server's refusal over HTTP may name none, or be no message at all, and by a stream only the id
/// tells the caller what was answered.
pub async fn copy(
    response: Response<Reply>,
    id: Option<&[u8]>,
    limits: &Limits,
    stream: &mpsc::Sender<Bytes>,
) {
    let status = response.status();
    match response.into_body() {
        Reply::Whole(bytes) => {
            let json = matches!(bytes.first(), Some(b'{' | b'['));
            let answer = match id {
                None => json.then(|| bytes.to_vec()),
                Some(id) => Some(named(bytes.to_vec(), id, limits).unwrap_or_else(|| {
                    let text = format!("Carnet: the server answered {} and no message.", status.as_u16());
                    error_response(Some(id), &Refusal::new(status.as_u16(), code::UPSTREAM, text))
                })),
            };
            if let Some(answer) = answer {
                let _ = stream.send(super::message_event(answer).into()).await;
            }
        }
        mut body @ (Reply::Stream(..) | Reply::Relay(_)) => {
            while let Some(Ok(frame)) = body.frame().await {
                if let Ok(chunk) = frame.into_data()
                    && stream.send(chunk).await.is_err()
                {
                    return;
                }
            }
        }
    }
}

/// A response under the request's id; `None` where it is no response.
fn named(bytes: Vec<u8>, id: &[u8], limits: &Limits) -> Option<Vec<u8>> {
    let message = Message::parse_one(bytes, limits).ok()?;
    match message.kind() {
        Kind::Result | Kind::Error if message.id_key().is_some() => Some(message.into_bytes()),
        Kind::Error => message.with_id(id).ok().map(Message::into_bytes),
        _ => None,
    }
}
