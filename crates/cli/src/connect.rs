//! `carnet connect`: joins a client that only speaks stdio to a gateway or server over Streamable HTTP. A line from the
//! client becomes a POST, what comes back becomes lines. Nothing is inspected or changed here: the other end does that.
//!
//! Notifications and responses are sent one after the other in the order of the client's lines; requests are sent in that
//! order too and then run side by side, as MCP allows.

use std::collections::HashMap;
use std::future::Future;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use carnet_mcp::{Era, IdKey, error_response};
use carnet_model::Action;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, BufReader};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::{AbortHandle, JoinSet};

use crate::output;

mod http;
mod lines;
mod link;
mod outgoing;
mod reply;
mod stream;
#[cfg(test)]
mod tests;

use http::{Http, Token};
use link::Link;
use outgoing::Outgoing;

/// Bytes of one message.
const LARGEST: u64 = 64 << 20;
/// Requests that run side by side. A client that has more waits.
const AT_ONCE: usize = 128;
/// For answers that are still due when the client has closed its side.
const LAST_ANSWERS: Duration = Duration::from_secs(30);

/// Arguments of `carnet connect`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Address of the server behind the gateway, such as https://gateway.example/mcp/crm.
    url: String,
    /// Where the token is read from. Read again when the gateway no longer accepts it.
    #[arg(long, value_name = "env:NAME|file:PATH")]
    token: Option<String>,
    /// PEM roots to trust instead of the system's.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Allow http:// to another machine: messages and token are then readable on the way.
    #[arg(long)]
    allow_plaintext: bool,
}

/// Runs `carnet connect`.
pub(crate) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let token = args.token.as_deref().map(Token::parse).transpose()?;
    let http = Http::new(&args.url, token, args.ca.as_deref(), args.allow_plaintext)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(bridge(http, tokio::io::stdin(), tokio::io::stdout(), signal()));
    // A read of standard input cannot be interrupted; it must not keep the process.
    runtime.shutdown_background();
    Ok(ExitCode::SUCCESS)
}

/// Ends when the process is asked to end.
async fn signal() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = interrupt => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = interrupt.await;
}

/// Requests that wait for an answer: their era and how to stop them.
type InFlight = Arc<Mutex<HashMap<IdKey, (Era, AbortHandle)>>>;

/// Joins the two sides until the client closes its side or `stop` ends.
async fn bridge<R, W>(http: Http, input: R, output: W, stop: impl Future<Output = ()>)
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Send + Unpin + 'static,
{
    let (lines, writer) = lines::writer(output);
    let link = Arc::new(Link::new(http, lines.clone()));
    let mut bridge = Bridge {
        link: link.clone(),
        lines,
        room: Arc::new(Semaphore::new(AT_ONCE)),
        calls: JoinSet::new(),
        streams: JoinSet::new(),
        listening: None,
        in_flight: InFlight::default(),
    };
    let mut reader = BufReader::new(input);
    tokio::pin!(stop);
    let stopped = loop {
        let mut line = Vec::new();
        let mut limited = (&mut reader).take(LARGEST);
        tokio::select! {
            read = limited.read_until(b'\n', &mut line) => match read {
                Ok(n) if n > 0 => bridge.take(line).await,
                _ => break false,
            },
            () = &mut stop => break true,
            () = bridge.lines.closed() => break true,
        }
    };
    bridge.finish(stopped).await;
    link.end().await;
    drop((bridge, link));
    // Every sender is gone, so the writer ends when the last line is out.
    let _ = tokio::time::timeout(Duration::from_secs(5), writer).await;
}

struct Bridge {
    link: Arc<Link>,
    lines: mpsc::Sender<Vec<u8>>,
    room: Arc<Semaphore>,
    /// Requests that will be answered.
    calls: JoinSet<()>,
    /// Requests and streams that last as long as the client does.
    streams: JoinSet<()>,
    listening: Option<AbortHandle>,
    in_flight: InFlight,
}

impl Bridge {
    /// One line of the client.
    async fn take(&mut self, line: Vec<u8>) {
        if line.iter().all(u8::is_ascii_whitespace) {
            return;
        }
        while self.calls.try_join_next().is_some() {}
        let outgoing = match Outgoing::read(line, &|tool| self.link.params(tool)) {
            Ok(outgoing) => outgoing,
            Err(refusal) => {
                let _ = self.lines.send(error_response(None, &refusal)).await;
                return;
            }
        };
        if outgoing.asked.is_empty() {
            self.tell(outgoing).await;
        } else {
            self.ask(outgoing).await;
        }
    }

    /// A notification or a response: there is no answer, and the next line waits until it was taken.
    async fn tell(&mut self, outgoing: Outgoing) {
        if let Some(id) = &outgoing.cancels
            && self.cancel(id)
        {
            return;
        }
        self.link.tell(&outgoing).await;
        if outgoing.action == Action::INITIALIZED && outgoing.era == Era::Legacy {
            if let Some(listening) = self.listening.take() {
                listening.abort();
            }
            let link = self.link.clone();
            self.listening = Some(self.streams.spawn(async move { link.listen().await }));
        }
    }

    /// Cancels a request of the modern era by closing its stream. Whether it was one; older servers want to be told.
    fn cancel(&self, id: &IdKey) -> bool {
        let mut in_flight = self.in_flight.lock().unwrap_or_else(PoisonError::into_inner);
        match in_flight.get(id) {
            Some((Era::Modern, call)) => {
                call.abort();
                in_flight.remove(id);
                true
            }
            _ => false,
        }
    }

    async fn ask(&mut self, outgoing: Outgoing) {
        if outgoing.action == Action::INITIALIZE {
            // The session begins with the head of this answer; nothing may be sent before.
            let begun = self.link.begin(&outgoing).await;
            let link = self.link.clone();
            self.calls.spawn(async move { link.finish(&outgoing, begun).await });
            return;
        }
        let endless = outgoing.action == Action::SUBSCRIPTIONS_LISTEN;
        let Ok(room) = self.room.clone().acquire_owned().await else { return };
        let (link, in_flight) = (self.link.clone(), self.in_flight.clone());
        let (ids, era): (Vec<IdKey>, _) =
            (outgoing.asked.iter().filter_map(|a| a.key.clone()).collect(), outgoing.era);
        let mine = ids.clone();
        // Nothing is looked up before it is entered: the lock is held until then.
        let mut entered = self.in_flight.lock().unwrap_or_else(PoisonError::into_inner);
        let call = async move {
            link.ask(&outgoing).await;
            let mut in_flight = in_flight.lock().unwrap_or_else(PoisonError::into_inner);
            mine.iter().for_each(|id| drop(in_flight.remove(id)));
            drop((in_flight, room));
        };
        let handle = if endless { self.streams.spawn(call) } else { self.calls.spawn(call) };
        entered.extend(ids.into_iter().map(|id| (id, (era, handle.clone()))));
    }

    /// Lets the last answers come in, unless there is no one to read them.
    async fn finish(&mut self, stopped: bool) {
        if !stopped {
            let answers = async { while self.calls.join_next().await.is_some() {} };
            if tokio::time::timeout(LAST_ANSWERS, answers).await.is_err() {
                output::note("carnet connect: some requests had no answer when the client ended");
            }
        }
        self.calls.shutdown().await;
        self.streams.shutdown().await;
    }
}
