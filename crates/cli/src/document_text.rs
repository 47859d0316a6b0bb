//! `carnet document-text`, which the gateway runs for each document that it inspects: a document on standard input becomes its text on
//! standard output. A process of its own, so that a document which takes too long, too much memory or the reader with it
//! takes nothing else. It opens no file and no socket.

use std::io::{Read as _, Write as _};
use std::process::ExitCode;

use carnet_documents::Limits;
use rustix::process::{Resource, Rlimit, setrlimit};

/// Bytes of a document that are read.
const LARGEST: u64 = 64 << 20;
/// Memory and seconds of the processor.
const MEMORY: u64 = 2 << 30;
const SECONDS: u64 = 20;

/// Runs `carnet document-text`.
pub(crate) fn run() -> anyhow::Result<ExitCode> {
    for (what, most) in
        [(Resource::As, MEMORY), (Resource::Cpu, SECONDS), (Resource::Core, 0), (Resource::Fsize, 0)]
    {
        // Where the system has no such limit the gateway's own time limit is left.
        let _ = setrlimit(what, Rlimit { current: Some(most), maximum: Some(most) });
    }
    let mut bytes = Vec::new();
    std::io::stdin().lock().take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        return Ok(ExitCode::from(3));
    }
    let Ok(read) = carnet_documents::text(&bytes, &Limits::default()) else { return Ok(ExitCode::from(3)) };
    let mut out = std::io::stdout().lock();
    out.write_all(&[b'0' + u8::from(read.pictures) + 2 * u8::from(read.rest)])?;
    out.write_all(read.text.as_bytes())?;
    // Without this mark it did not come to its end.
    out.write_all(b"\n.")?;
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}
