//! What the command prints: answers to standard output, everything else to standard error.

use std::io::Write;

/// A line of an answer. A reader that has gone away (`| head`) is no error of ours.
pub(crate) fn line(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}");
}

/// Bytes of an answer, as they are.
pub(crate) fn bytes(bytes: &[u8]) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(bytes).and_then(|()| out.flush());
}

/// A line for the person at the terminal.
pub(crate) fn note(text: &str) {
    let mut err = std::io::stderr().lock();
    let _ = writeln!(err, "{text}");
}

/// What went wrong.
pub(crate) fn error(text: &str) {
    note(&format!("carnet: {text}"));
}
