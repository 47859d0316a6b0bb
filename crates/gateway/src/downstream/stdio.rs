//! Standing as a stdio server: messages come by one stream, line by line, and answers go out by another.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use carnet_gate::Caller;
use carnet_mcp::{Incoming, Kind, Message, Revision, error_response};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::sync::{Semaphore, mpsc};

use super::post::Task;
use super::{Arrived, get, streams};
use crate::call::{Framing, Growing};
use crate::gateway::Gateway;
use crate::servers::Server;
use crate::sessions::Open;
use crate::stop::reached;
use crate::telemetry::Origin;
use crate::upstream::link::Link;
use crate::upstream::{UpstreamError, duplex_of};

/// Lines that may wait to be written.
const QUEUE: usize = 64;

/// Requests in work at once.
const AT_ONCE: usize = 256;

/// Why standing as a stdio server ended early.
#[derive(Debug, thiserror::Error)]
pub enum StdioError {
    /// The session's first record could not be made durable.
    #[error("the session could not be recorded")]
    NotRecorded,
    /// The server did not start.
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    /// Standard input cannot be read.
    #[error("standard input: {0}")]
    Input(std::io::ErrorKind),
}

/// Serves one caller until its stream ends.
///
/// # Errors
/// When the session cannot begin.
pub async fn serve<R, W>(
    gateway: &Arc<Gateway>,
    server: &Arc<Server>,
    caller: Arc<Caller>,
    input: R,
    output: W,
) -> Result<(), StdioError>
where
    R: AsyncRead + Unpin + Send,
    W: AsyncWrite + Unpin + Send + 'static,
{
    let runtime = gateway.runtime.load_full();
    let open = gateway.open_session(&runtime, server, &caller).await.map_err(|_| StdioError::NotRecorded)?;
    let duplex = duplex_of(server, &open, runtime.gate.limits).await?;
    let (limits, wait) = (runtime.gate.limits, server.config.timeouts.request);
    let channel =
        || Link::Channel { server: server.clone(), open: open.clone(), limits, shared: false, wait };
    let (feed, lines) = mpsc::channel(QUEUE);
    let writing = tokio::spawn(write(output, lines));
    let standing = {
        let arrived = Arrived { runtime: runtime.clone(), caller: caller.clone(), front: None };
        let link = channel();
        let shell = get::shell(gateway, &open, link, Growing::into_stream(feed.clone(), Framing::Lines));
        let messages = streams::Unasked(duplex.listen());
        tokio::spawn(async move { streams::stand(&arrived, &shell, messages).await })
    };
    let read = read(gateway, &caller, &open, &channel, input, &feed).await;
    standing.abort();
    drop(feed);
    gateway.close_session(&open, "client").await;
    let _ = writing.await;
    read
}

async fn write<W: AsyncWrite + Unpin>(mut output: W, mut lines: mpsc::Receiver<Bytes>) {
    while let Some(line) = lines.recv().await {
        if output.write_all(&line).await.is_err() || output.flush().await.is_err() {
            return;
        }
    }
}

async fn read<R: AsyncRead + Unpin>(
    gateway: &Arc<Gateway>,
    caller: &Arc<Caller>,
    open: &Arc<Open>,
    channel: &(dyn Fn() -> Link + Sync),
    input: R,
    feed: &mpsc::Sender<Bytes>,
) -> Result<(), StdioError> {
    let mut input = BufReader::new(input);
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let limit = gateway.runtime.load().gate.limits.bytes;
    let mut stopping = gateway.stopping.subscribe();
    loop {
        let mut line = Vec::new();
        let mut bounded = (&mut input).take(limit as u64 + 1);
        let read = tokio::select! {
            read = bounded.read_until(b'\n', &mut line) => read,
            () = reached(Some(&mut stopping)) => Ok(0),
        };
        if read.map_err(|e| StdioError::Input(e.kind()))? == 0 {
            break;
        }
        while let Some(b'\n' | b'\r') = line.last() {
            line.pop();
        }
        if line.is_empty() {
            continue;
        }
        let runtime = gateway.runtime.load_full();
        let messages = match Message::parse(line, &runtime.gate.limits)
            .and_then(|incoming: Incoming| incoming.into_messages(Some(Revision::R2025_03_26)))
        {
            Ok(messages) => messages,
            Err(refusal) => {
                let mut answer = error_response(None, &refusal);
                answer.push(b'\n');
                let _ = feed.send(answer.into()).await;
                continue;
            }
        };
        for message in messages {
            let task = Task {
                gateway: gateway.clone(),
                arrived: Arrived { runtime: runtime.clone(), caller: caller.clone(), front: None },
                open: open.clone(),
                reply: Growing::into_stream(feed.clone(), Framing::Lines),
                origin: Origin::PIPE,
                fetched: OnceLock::new(),
            };
            let link = channel();
            if message.kind() != Kind::Request {
                // Order matters for what is not answered: `initialized` before the first request.
                Box::pin(task.walk(message, link, None, Vec::new())).await;
                continue;
            }
            let Ok(place) = places.clone().acquire_owned().await else { break };
            let Some(inside) = open.enter() else { break };
            tokio::spawn(async move {
                Box::pin(task.walk(message, link, None, Vec::new())).await;
                drop((place, inside));
            });
        }
    }
    // What is in work is finished and recorded before the session closes.
    let drain = gateway.runtime.load().config.drain;
    if tokio::time::timeout(drain, places.acquire_many(AT_ONCE as u32)).await.is_err() {
        gateway.ending.now();
    }
    Ok(())
}
