//! Documents in binary fields are read by a process of their own, `carnet document-text`: whatever a document does to its
//! reader, it ends there. Time, memory and how many at once are limited.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use carnet_documents::Text;
use carnet_gate::Unread;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;
use tokio::sync::Semaphore;

/// The longest that a document may take.
const LONGEST: Duration = Duration::from_secs(10);
/// The text of a document may be this long.
const LARGEST: u64 = 64 << 20;
/// Readers at once; more wait.
static READERS: Semaphore = Semaphore::const_new(2);

/// The text of a document.
///
/// # Errors
/// If it was not read to its end, in time.
pub async fn read(bytes: Vec<u8>) -> Result<Text, Unread> {
    let reading = async {
        let _place = READERS.acquire().await.map_err(|_| Unread)?;
        extract(&bytes).await
    };
    tokio::time::timeout(LONGEST, reading).await.unwrap_or(Err(Unread))
}

async fn extract(bytes: &[u8]) -> Result<Text, Unread> {
    let mut command = Command::new(program().ok_or(Unread)?);
    command.arg("document-text").env_clear().current_dir("/").kill_on_drop(true);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(|_| Unread)?;
    let (Some(mut input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(Unread);
    };
    let mut out = Vec::new();
    let write = async {
        let _gone = input.write_all(bytes).await;
        drop(input);
    };
    let mut output = output.take(LARGEST + 3);
    let (_, read) = tokio::join!(write, output.read_to_end(&mut out));
    let ended = child.wait().await.map_err(|_| Unread)?;
    if read.is_err() || !ended.success() {
        return Err(Unread);
    }
    text(out).ok_or(Unread)
}

/// What the reader writes: a digit for what else there is, the text, a mark at its end.
fn text(mut out: Vec<u8>) -> Option<Text> {
    let flags = out.first()?.checked_sub(b'0').filter(|flags| *flags < 4)?;
    let length = out.strip_suffix(b"\n.")?.len();
    out.truncate(length);
    out.drain(..1);
    Some(Text { text: String::from_utf8(out).ok()?, pictures: flags & 1 != 0, rest: flags & 2 != 0 })
}

/// The running program; the link leads to it also after an update has replaced its file.
fn program() -> Option<PathBuf> {
    let link = PathBuf::from("/proc/self/exe");
    if link.exists() { Some(link) } else { std::env::current_exe().ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_did_not_come_to_its_end_is_no_text() {
        assert_eq!(
            text(b"1ab\n.".to_vec()).map(|t| (t.text, t.pictures, t.rest)),
            Some(("ab".into(), true, false))
        );
        for out in [&b""[..], b"0", b"0ab", b"9ab\n.", b"\n.", b"0\xFF\n."] {
            assert!(text(out.to_vec()).is_none(), "{out:?}");
        }
    }
}
