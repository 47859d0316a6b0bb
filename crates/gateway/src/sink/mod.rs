//! Sinks: records leave as they become durable, to a file, a syslog receiver or an HTTP endpoint. Each sink has a task, and a cursor
//! on disk that moves after the receiver has taken a batch: after a crash of either side records come again, and none is
//! left out. Messages do not go to sinks, only what is said of them; and what `transfer` does not permit to go to a sink's
//! place stays behind, and the record says so.

mod cursor;
mod http;
mod render;
mod syslog;

use std::collections::{HashMap, HashSet};
use std::fs::OpenOptions;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use carnet_config::{Config, Sink, SinkFormat, SinkTarget};
use carnet_evidence::package::export::Form;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::gateway::Gateway;
use crate::record::seconds;
use crate::stop::reached;
use cursor::Cursor;
use render::Batch;

/// How often it is looked for new records.
const LOOK: Duration = Duration::from_millis(100);
/// The first pause after a failure; each is twice the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Records of one batch.
const MOST: u64 = 512;
/// How long the last batch may take when the gateway stops.
const LAST: Duration = Duration::from_secs(3);

/// Why a batch was not taken. For the log: it names no content.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotTaken {
    /// The file, or the connection.
    #[error("{0}")]
    Io(std::io::ErrorKind),
    /// What the receiver answered.
    #[error("the receiver answered {0}")]
    Status(u16),
    /// No answer in time.
    #[error("the receiver does not answer in time")]
    Slow,
    /// The request could not be made.
    #[error("{0}")]
    Http(#[from] crate::outbound::OutboundError),
    /// Something of the configuration cannot be used.
    #[error("{0}")]
    Unusable(String),
    /// The log cannot be read.
    #[error("{0}")]
    Log(#[from] carnet_store::StoreError),
}

impl From<std::io::Error> for NotTaken {
    fn from(e: std::io::Error) -> Self {
        NotTaken::Io(e.kind())
    }
}

/// Sinks at work, by name.
#[derive(Default)]
pub(crate) struct Sinks(Mutex<HashMap<Arc<str>, Working>>);

/// One of them.
struct Working {
    sink: Sink,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

/// Sinks that can be used, and are not at work yet.
pub(crate) struct Ready(Vec<(Sink, Receiver)>);

/// Makes ready the sinks of a configuration. Nothing of them has an effect yet.
///
/// # Errors
/// A sentence for a sink that cannot be used: a folder that cannot be written, a certificate that cannot be read.
pub(crate) fn prepare(config: &Config) -> Result<Ready, String> {
    let mut ready = Vec::new();
    for sink in &config.sinks {
        let at = |why: String| format!("sink {}: {why}", sink.name);
        Cursor::open(&config.data, &sink.name).map_err(|e| at(e.kind().to_string()))?;
        ready.push((sink.clone(), Receiver::new(sink).map_err(|e| at(e.to_string()))?));
    }
    Ok(Ready(ready))
}

/// Puts sinks to work. What is as it was works on; what has changed goes on from where its predecessor stopped; what is not there
/// any more stops, and its cursor stays.
pub(crate) fn apply(gateway: &Arc<Gateway>, ready: Ready) {
    let mut working = gateway.sinks.0.lock().unwrap_or_else(PoisonError::into_inner);
    let wanted: HashSet<Arc<str>> = ready.0.iter().map(|(sink, _)| sink.name.clone()).collect();
    working.retain(|name, old| {
        let stays = wanted.contains(name);
        if !stays {
            let _ = old.stop.send(true);
            gateway.metrics.sink_gone(name);
        }
        stays
    });
    for (sink, receiver) in ready.0 {
        let before = match working.remove(&sink.name) {
            Some(old) if old.sink == sink => {
                working.insert(sink.name.clone(), old);
                continue;
            }
            Some(old) => {
                let _ = old.stop.send(true);
                Some(old.task)
            }
            None => None,
        };
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(work(gateway.clone(), sink.clone(), receiver, stopped, before));
        working.insert(sink.name.clone(), Working { sink, stop, task });
    }
}

/// Streams once the one before has stopped: one cursor has one writer.
async fn work(
    gateway: Arc<Gateway>,
    sink: Sink,
    receiver: Receiver,
    stopped: watch::Receiver<bool>,
    before: Option<JoinHandle<()>>,
) {
    if let Some(before) = before {
        let _ = before.await;
    }
    let data = gateway.runtime.load().config.data.clone();
    let cursor = match Cursor::open(&data, &sink.name) {
        Ok(cursor) => cursor,
        Err(error) => {
            tracing::error!(sink = %sink.name, kind = %error.kind(), "a sink's cursor cannot be read: it gets nothing until the next change");
            return;
        }
    };
    Streaming { gateway, sink, receiver, cursor, stopped, size: MOST, up: true, blocking: false }.run().await;
}

/// What takes a batch.
enum Receiver {
    File,
    Syslog(Box<syslog::Syslog>),
    Http(Box<http::Http>),
}

impl Receiver {
    fn new(sink: &Sink) -> Result<Receiver, NotTaken> {
        Ok(match &sink.target {
            SinkTarget::File(_) => Receiver::File,
            SinkTarget::Syslog { host, port, tls } => {
                Receiver::Syslog(Box::new(syslog::Syslog::new(host, *port, *tls, sink.ca.as_deref())?))
            }
            SinkTarget::Http(url) => Receiver::Http(Box::new(http::Http::new(url, sink)?)),
        })
    }

    async fn take(&mut self, sink: &Sink, origin: &str, batch: &Batch) -> Result<(), NotTaken> {
        match (self, &sink.target) {
            (Receiver::Syslog(syslog), _) => syslog.take(origin, batch).await,
            (Receiver::Http(http), _) => http.take(sink, origin, batch).await,
            (Receiver::File, SinkTarget::File(path)) => {
                let (path, text) = (path.clone(), batch.lines());
                let written = tokio::task::spawn_blocking(move || append(&path, text.as_bytes())).await;
                written.map_err(|_| NotTaken::Slow)??;
                Ok(())
            }
            (Receiver::File, _) => Err(NotTaken::Unusable("not a file".to_owned())),
        }
    }
}

/// Appends lines and makes them durable. A line that a crash has cut is taken off first: it comes again.
fn append(path: &Path, lines: &[u8]) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    // Opened each time, so that the file may be renamed away.
    let mut file =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
    let end = whole(&mut file)?;
    file.set_len(end)?;
    file.seek(SeekFrom::Start(end))?;
    file.write_all(lines)?;
    file.sync_data()
}

/// The end of the last whole line.
fn whole(file: &mut std::fs::File) -> std::io::Result<u64> {
    let mut end = file.metadata()?.len();
    let mut piece = vec![0; 64 << 10];
    while end > 0 {
        let from = end.saturating_sub(piece.len() as u64);
        let n = usize::try_from(end - from).unwrap_or(piece.len());
        file.seek(SeekFrom::Start(from))?;
        let part = piece.get_mut(..n).unwrap_or_default();
        file.read_exact(part)?;
        if let Some(at) = part.iter().rposition(|b| *b == b'\n') {
            return Ok(from + at as u64 + 1);
        }
        end = from;
    }
    Ok(0)
}

/// The form of a sink.
fn form(format: SinkFormat) -> Form {
    match format {
        SinkFormat::Json => Form::Jsonl,
        SinkFormat::Ocsf => Form::Ocsf,
        SinkFormat::Ecs => Form::Ecs,
        SinkFormat::Cef => Form::Cef,
        SinkFormat::Otlp => Form::Otlp,
    }
}

/// One sink at work.
struct Streaming {
    gateway: Arc<Gateway>,
    sink: Sink,
    receiver: Receiver,
    cursor: Cursor,
    /// Turns true when the configuration has no such sink any more.
    stopped: watch::Receiver<bool>,
    /// Records of a batch: fewer after a receiver found one too large.
    size: u64,
    up: bool,
    blocking: bool,
}

impl Streaming {
    async fn run(mut self) {
        let mut stopping = self.gateway.stopping.subscribe();
        let mut pause = FIRST_PAUSE;
        loop {
            if *self.stopped.borrow() {
                return self.release();
            }
            let stopped = *stopping.borrow();
            let wait = match self.step().await {
                Ok(true) => {
                    pause = FIRST_PAUSE;
                    Duration::ZERO
                }
                Ok(false) if stopped => break,
                Ok(false) => LOOK,
                Err(_) if stopped => break,
                Err(error) => {
                    self.failed(&error);
                    let wait = pause;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                    wait
                }
            };
            if !wait.is_zero() {
                tokio::select! {
                    () = rest(wait, &mut stopping) => {}
                    // Where nothing can send it any more, it is not told to stop.
                    () = async { if self.stopped.wait_for(|s| *s).await.is_err() { std::future::pending().await } } => {}
                }
            }
        }
        // What the stop itself wrote: as much of it as goes quickly. The next start goes on from the cursor.
        let _ = tokio::time::timeout(LAST, async { while self.step().await.is_ok_and(|more| more) {} }).await;
    }

    /// One batch. Whether there may be more.
    async fn step(&mut self) -> Result<bool, NotTaken> {
        let durable = self.gateway.recorder.durable();
        self.gateway.metrics.sink_lag(&self.sink.name, durable.saturating_sub(self.cursor.next()));
        if self.cursor.next() >= durable {
            self.gateway.metrics.sink_age(&self.sink.name, 0);
            self.well();
            return Ok(false);
        }
        let (gateway, sink, place) = (self.gateway.clone(), self.sink.clone(), self.cursor.place);
        let most = durable.min(self.cursor.next() + self.size);
        let made = tokio::task::spawn_blocking(move || render::batch(&gateway, &sink, place, most)).await;
        let batch = made.map_err(|_| NotTaken::Slow)??;
        let oldest = batch.records.first().map_or(0, |one| one.micros / 1_000_000);
        self.gateway.metrics.sink_age(&self.sink.name, seconds().saturating_sub(oldest.max(1)));
        if batch.records.is_empty() {
            if batch.place.next <= self.cursor.next() {
                return Ok(false);
            }
            let (from, to) = (self.cursor.next(), batch.place.next);
            tracing::warn!(sink = %self.sink.name, from, to, "records were pruned before a sink took them");
            self.cursor.moved(batch.place)?;
            return Ok(true);
        }
        let origin = self.gateway.recorder.origin.clone();
        match self.receiver.take(&self.sink, &origin, &batch).await {
            Ok(()) => {}
            Err(NotTaken::Status(413)) if self.size > 1 => {
                self.size /= 2;
                return Ok(true);
            }
            Err(e) => return Err(e),
        }
        match self.receiver {
            // It has read the batch and may not have kept it: only the next one shows that it lived on.
            Receiver::Syslog(_) => self.cursor.ahead(batch.place)?,
            Receiver::File | Receiver::Http(_) => self.cursor.moved(batch.place)?,
        }
        self.gateway.metrics.sink_sent(&self.sink.name, batch.records.len() as u64);
        self.gateway.metrics.sink_lag(&self.sink.name, durable.saturating_sub(self.cursor.next()));
        self.well();
        Ok(true)
    }

    /// A change is told, not each failure.
    fn failed(&mut self, error: &NotTaken) {
        self.cursor.back();
        self.gateway.metrics.sink_failed(&self.sink.name);
        if std::mem::replace(&mut self.up, false) {
            tracing::warn!(sink = %self.sink.name, %error, "a sink does not take records; they wait in the log");
        }
        if self.sink.blocks && !std::mem::replace(&mut self.blocking, true) {
            self.gateway.recorder.block(true);
        }
    }

    fn well(&mut self) {
        if !std::mem::replace(&mut self.up, true) {
            tracing::info!(sink = %self.sink.name, "a sink takes records again");
        }
        self.release();
    }

    /// Calls need not wait for it.
    fn release(&mut self) {
        if std::mem::replace(&mut self.blocking, false) {
            self.gateway.recorder.block(false);
        }
    }
}

/// A pause, cut short when the gateway stops.
async fn rest(wait: Duration, stopping: &mut watch::Receiver<bool>) {
    if *stopping.borrow() {
        return tokio::time::sleep(wait).await;
    }
    tokio::select! {
        () = tokio::time::sleep(wait) => {}
        () = reached(Some(stopping)) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_line_is_taken_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/records.jsonl");
        append(&path, b"{\"i\":1}\n").unwrap();
        std::fs::write(&path, b"{\"i\":1}\n{\"i\":").unwrap();
        append(&path, b"{\"i\":2}\n").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"{\"i\":1}\n{\"i\":2}\n");
        std::fs::write(&path, vec![b'x'; 200_000]).unwrap();
        append(&path, b"{}\n").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"{}\n");
    }
}
