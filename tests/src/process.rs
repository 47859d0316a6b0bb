//! Child processes that are ready when they say so and gone when they are dropped.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// The longest that a peer may take to say that it is ready.
const READY: Duration = Duration::from_secs(60);

/// A running child. Dropping it kills it.
pub struct Process {
    child: Child,
    /// What followed the mark in the line that said it was ready.
    pub ready: String,
    output: Arc<Mutex<String>>,
}

impl Process {
    /// Starts `command` and waits for a line of either output that holds `mark`; the rest of that line is `ready`.
    ///
    /// # Errors
    /// When it cannot be started, ends first, or takes more than a minute: with what it printed.
    pub fn start(mut command: Command, mark: &str) -> Result<Process> {
        let name = format!("{:?}", command.get_program());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("start {name}"))?;
        let output = Arc::<Mutex<String>>::default();
        let (send, lines) = channel();
        if let (Some(out), Some(err)) = (child.stdout.take(), child.stderr.take()) {
            follow(out, send.clone(), output.clone());
            follow(err, send, output.clone());
        }
        let mut process = Process { child, ready: String::new(), output };
        match wait_for(&lines, mark) {
            Some(rest) => process.ready = rest,
            None => bail!("{name} did not say `{mark}`; it said:\n{}", process.output()),
        }
        Ok(process)
    }

    /// All that it has printed so far, on both outputs.
    #[must_use]
    pub fn output(&self) -> String {
        self.output.lock().map(|text| text.clone()).unwrap_or_default()
    }

    /// Waits until `find` finds something in what was printed; `None` after a minute.
    pub fn wait_for<T>(&self, find: impl Fn(&str) -> Option<T>) -> Option<T> {
        let end = Instant::now() + READY;
        while Instant::now() < end {
            if let Some(found) = self.output.lock().ok().and_then(|text| find(&text)) {
                return Some(found);
            }
            thread::yield_now();
        }
        None
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL, and waits until it is gone.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// SIGTERM, and the status it ends with.
    ///
    /// # Errors
    /// When it is still there after `limit`.
    pub fn terminate(&mut self, limit: Duration) -> Result<std::process::ExitStatus> {
        self.ask_to_stop()?;
        self.ended(limit)
    }

    /// SIGTERM.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn ask_to_stop(&self) -> Result<()> {
        let sent = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status()?;
        anyhow::ensure!(sent.success(), "SIGTERM could not be sent");
        Ok(())
    }

    /// The status it ends with.
    ///
    /// # Errors
    /// When it is still there after `limit`.
    pub fn ended(&mut self, limit: Duration) -> Result<std::process::ExitStatus> {
        let end = Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            anyhow::ensure!(Instant::now() < end, "still running {limit:?} after SIGTERM");
            thread::yield_now();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _gone = self.kill();
    }
}

fn follow(from: impl Read + Send + 'static, lines: Sender<String>, all: Arc<Mutex<String>>) {
    thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            if let Ok(mut all) = all.lock() {
                all.push_str(&line);
                all.push('\n');
            }
            let _nobody_waits = lines.send(line);
        }
    });
}

fn wait_for(lines: &Receiver<String>, mark: &str) -> Option<String> {
    let end = Instant::now() + READY;
    loop {
        match lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(line) => {
                if let Some((_, rest)) = line.split_once(mark) {
                    return Some(rest.trim().to_owned());
                }
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return None,
        }
    }
}
