//! The client's side: one writer, so that lines of answers that come at the same time never mix.

use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Lines that may wait for a slow client before the servers' answers are held up.
const WAITING: usize = 64;

/// Starts the writer. It ends when every sender is gone or the client does not read any more.
pub(super) fn writer<W>(mut output: W) -> (mpsc::Sender<Vec<u8>>, JoinHandle<()>)
where
    W: AsyncWrite + Send + Unpin + 'static,
{
    let (sender, mut lines) = mpsc::channel::<Vec<u8>>(WAITING);
    let writer = tokio::spawn(async move {
        while let Some(line) = lines.recv().await {
            let line = one_line(line);
            if output.write_all(&line).await.is_err() || output.flush().await.is_err() {
                return;
            }
        }
    });
    (sender, writer)
}

/// A message as one line. In JSON a line break can only stand between values, where a space says the same.
fn one_line(mut message: Vec<u8>) -> Vec<u8> {
    for byte in &mut message {
        if matches!(byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
    message.push(b'\n');
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_one_line() {
        assert_eq!(one_line(b"{\r\n \"a\":1}".to_vec()), b"{   \"a\":1}\n");
    }
}
