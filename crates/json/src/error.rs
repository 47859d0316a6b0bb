//! Why a buffer is not acceptable JSON. Errors carry an offset, never the text.

/// What is wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ErrorKind {
    /// Longer than the limit, or than 4 GiB.
    #[error("too large")]
    TooLarge,
    /// Not UTF-8.
    #[error("not valid UTF-8")]
    Utf8,
    /// Not JSON.
    #[error("not valid JSON")]
    Syntax,
    /// Ends too early.
    #[error("ends too early")]
    Truncated,
    /// Something follows the value.
    #[error("bytes after the value")]
    Trailing,
    /// Arrays and objects nest deeper than the limit.
    #[error("nested too deeply")]
    Depth,
    /// An object has the same key twice.
    #[error("duplicate key in an object")]
    DuplicateKey,
}

/// An error and where it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{kind} at byte {offset}")]
pub struct Error {
    /// What is wrong.
    pub kind: ErrorKind,
    /// Byte offset into the buffer.
    pub offset: usize,
}

impl Error {
    pub(crate) fn at(kind: ErrorKind, offset: usize) -> Self {
        Error { kind, offset }
    }
}
