//! What a front keeps: a line for each call, where it went, how large it was and the SHA-256 of the assertion that it went
//! with, which the cell's record has too. No caller, no content. Each line holds the SHA-256 of the one before it, so that a line taken
//! out shows; the proof of what happened is in the cells' logs.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, BufWriter, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use carnet_gate::Moment;
use sha2::{Digest as _, Sha256};
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinHandle;

const FILE: &str = "routes.jsonl";
/// Lines that may wait for the disk; then calls wait too.
const QUEUE: usize = 8192;
/// So long lines may wait for more to be written with them.
const GATHER: Duration = Duration::from_millis(5);

/// The writer of routing records.
pub(super) struct Routes {
    lines: Mutex<Option<mpsc::Sender<String>>>,
    sender: mpsc::WeakSender<String>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

/// One call that was passed on.
pub(super) struct Passed<'a> {
    /// When it was answered.
    pub(super) at: Moment,
    /// At which server.
    pub(super) server: &'a str,
    /// To which cell.
    pub(super) cell: &'a str,
    /// The method of HTTP.
    pub(super) method: &'a str,
    /// The status of the answer.
    pub(super) status: u16,
    /// Bytes of its body.
    pub(super) size: usize,
    /// The hash of the assertion that went with it.
    pub(super) assertion: Option<[u8; 32]>,
}

impl Routes {
    /// Goes on in a folder, which is made if it is not there.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub(super) fn open(folder: &Path) -> io::Result<Routes> {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let path = folder.join(FILE);
        let mut file = OpenOptions::new().create(true).read(true).append(true).mode(0o600).open(&path)?;
        let last = last_line(&mut file)?;
        let (sender, lines) = mpsc::channel(QUEUE);
        let writer = tokio::task::spawn_blocking(move || write(file, last, lines));
        Ok(Routes {
            sender: sender.downgrade(),
            lines: Mutex::new(Some(sender)),
            writer: Mutex::new(Some(writer)),
        })
    }

    /// Notes one call.
    pub(super) async fn note(&self, passed: &Passed<'_>) {
        let Some(sender) = self.sender.upgrade() else { return };
        let Passed { at, server, cell, method, status, size, assertion } = passed;
        let assertion = assertion.map(|hash| BASE64URL.encode(hash)).unwrap_or_default();
        // All of these are names of the configuration, words of HTTP or numbers.
        let Moment { seconds, micros } = at;
        let line = format!(
            r#""t":{seconds}.{micros:06},"server":"{server}","cell":"{cell}","method":"{method}","status":{status},"bytes":{size},"assertion":"{assertion}""#
        );
        let _ = sender.send(line).await;
    }

    /// Writes what waits, and ends.
    pub(super) async fn close(&self) {
        self.lines.lock().await.take();
        if let Some(writer) = self.writer.lock().await.take() {
            let _ = writer.await;
        }
    }
}

/// The last whole line; a half one, which a crash left, is cut off.
fn last_line(file: &mut File) -> io::Result<String> {
    file.rewind()?;
    let mut reader = BufReader::new(&*file);
    let (mut last, mut line, mut whole) = (String::new(), String::new(), 0u64);
    while reader.read_line(&mut line)? > 0 {
        if line.ends_with('\n') {
            whole = whole.saturating_add(line.len() as u64);
            std::mem::swap(&mut last, &mut line);
        }
        line.clear();
    }
    file.set_len(whole)?;
    Ok(last)
}

fn write(file: File, mut last: String, mut lines: mpsc::Receiver<String>) {
    let mut file = BufWriter::new(file);
    let mut batch = Vec::new();
    while lines.blocking_recv_many(&mut batch, QUEUE) > 0 {
        let mut written = Ok(());
        for line in batch.drain(..) {
            let before = BASE64URL.encode(Sha256::digest(last.as_bytes()));
            last = format!("{{{line},\"before\":\"{before}\"}}\n");
            written = written.and_then(|()| file.write_all(last.as_bytes()));
        }
        if let Err(error) = written.and_then(|()| file.flush()) {
            tracing::error!(kind = %error.kind(), "a routing record could not be written");
        }
        // Waking up for each line alone costs as much as passing on its call.
        std::thread::sleep(GATHER);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_follow_each_other_over_a_crash() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let now = Moment { seconds: 1, micros: 2 };
        for run in 0..3u16 {
            let routes = Routes::open(folder.path()).unwrap();
            let first = Passed {
                at: now,
                server: "crm",
                cell: "eu",
                method: "POST",
                status: 200 + run,
                size: 5,
                assertion: None,
            };
            routes.note(&first).await;
            routes.note(&Passed { status: 300 + run, assertion: Some([1; 32]), ..first }).await;
            routes.close().await;
            // What a crash leaves.
            OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"t\":9").unwrap();
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let mut before = String::new();
        let mut seen = 0;
        for line in text.lines().take(6) {
            let value: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(value["before"], BASE64URL.encode(Sha256::digest(before.as_bytes())), "{line}");
            before = format!("{line}\n");
            seen += 1;
        }
        assert_eq!(seen, 6);
    }
}
