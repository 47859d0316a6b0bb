//! A server as a child process that speaks over its standard streams, one message a line.
//!
//! The child gets only the environment it is given. Its standard error is counted, not logged: it may hold content.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use carnet_model::Sensitive;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::{mpsc, oneshot};

use super::UpstreamError;

/// Lines that may wait in either direction before the other side is held up.
const QUEUE: usize = 64;

/// How long a child may take to end by itself after its standard input was closed, and again after SIGTERM.
const GRACE: Duration = Duration::from_secs(2);

/// How to start a server.
#[derive(Clone, Debug)]
pub struct ChildCommand {
    /// The program, looked up in `PATH` of the gateway.
    pub program: String,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// All of its environment.
    pub environment: BTreeMap<String, Sensitive<String>>,
    /// Where it runs.
    pub folder: Option<PathBuf>,
    /// The longest line it may write, in bytes.
    pub line_limit: usize,
}

/// The two ends of a running child. Dropping `lines_in` closes its standard input and ends it.
pub struct Running {
    /// Messages for the child, without a line end.
    pub to_child: mpsc::Sender<Vec<u8>>,
    /// Messages from the child, without a line end. Ends when the child does.
    pub from_child: mpsc::Receiver<Vec<u8>>,
    /// Resolves when the process is gone.
    pub ended: oneshot::Receiver<()>,
}

/// Starts a child.
///
/// # Errors
/// [`UpstreamError::Process`] when it cannot be started.
pub fn start(command: &ChildCommand) -> Result<Running, UpstreamError> {
    let mut process = Command::new(&command.program);
    process
        .args(&command.arguments)
        .env_clear()
        .envs(command.environment.iter().map(|(k, v)| (k, v.expose())))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    if let Some(folder) = &command.folder {
        process.current_dir(folder);
    }
    let mut child = process.spawn().map_err(|_| UpstreamError::Process)?;
    let (Some(stdin), Some(stdout), Some(stderr)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(UpstreamError::Process);
    };
    let (to_child, outgoing) = mpsc::channel(QUEUE);
    let (incoming, from_child) = mpsc::channel(QUEUE);
    let (gone, ended) = oneshot::channel();
    tokio::spawn(read_lines(BufReader::with_capacity(64 << 10, stdout), incoming, command.line_limit));
    tokio::spawn(count_stderr(stderr));
    tokio::spawn(async move {
        write_lines(stdin, outgoing, &mut child).await;
        end(&mut child).await;
        let _ = gone.send(());
    });
    Ok(Running { to_child, from_child, ended })
}

async fn write_lines(mut stdin: ChildStdin, mut outgoing: mpsc::Receiver<Vec<u8>>, child: &mut Child) {
    loop {
        let mut line = tokio::select! {
            line = outgoing.recv() => match line { Some(line) => line, None => return },
            _ = child.wait() => return,
        };
        // A message is one line: any line end inside it is JSON white space and may become a blank.
        for b in &mut line {
            if matches!(b, b'\n' | b'\r') {
                *b = b' ';
            }
        }
        line.push(b'\n');
        if stdin.write_all(&line).await.is_err() || stdin.flush().await.is_err() {
            return;
        }
    }
}

async fn read_lines<R: tokio::io::AsyncRead + Unpin>(
    mut from: BufReader<R>,
    to: mpsc::Sender<Vec<u8>>,
    limit: usize,
) {
    let mut line = Vec::new();
    loop {
        line.clear();
        // One byte more than the limit tells a line that is too long from one that just fits.
        match (&mut from).take(limit as u64 + 1).read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        if line.len() > limit {
            tracing::warn!(limit, "a server's line is longer than the limit; its process is ended");
            return;
        }
        while let Some(b'\n' | b'\r') = line.last() {
            line.pop();
        }
        if !line.is_empty() && to.send(std::mem::take(&mut line)).await.is_err() {
            return;
        }
    }
}

async fn count_stderr(mut stderr: tokio::process::ChildStderr) {
    let mut buffer = [0u8; 4096];
    let mut bytes = 0usize;
    while let Ok(n) = stderr.read(&mut buffer).await {
        if n == 0 {
            break;
        }
        bytes = bytes.saturating_add(n);
    }
    tracing::debug!(bytes, "a server's standard error ended");
}

/// Shutdown as the specification orders it for stdio: input is closed by now; then SIGTERM, then SIGKILL.
async fn end(child: &mut Child) {
    if tokio::time::timeout(GRACE, child.wait()).await.is_ok() {
        return;
    }
    let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
    if let Some(group) = group {
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::TERM);
        if tokio::time::timeout(GRACE, child.wait()).await.is_ok() {
            return;
        }
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    let _ = child.kill().await;
}
