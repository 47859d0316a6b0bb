//! Why the store refuses. No variant carries content: only paths below the store, numbers and kinds.

use std::io;

use carnet_evidence::LeafError;

/// Why something could not be stored or read. `Clone`, because one failed sync answers all that waited for it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum StoreError {
    /// An operation on a file failed.
    #[error("{what} {path}: {kind}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// Path below the store's folder.
        path: String,
        /// Kind of the error.
        kind: io::ErrorKind,
    },
    /// The draft cannot become a leaf. Others of the same batch are not touched.
    #[error("record refused: {0}")]
    Leaf(#[from] LeafError),
    /// More or fewer blobs than the draft's `bl`, or over two.
    #[error("record has other blobs than it states")]
    Blobs,
    /// Larger than a segment, or than 24 MiB.
    #[error("record is too large for the log")]
    TooLarge,
    /// An outcome or orphan of a decision that does not wait for one.
    #[error("decision {0} waits for no outcome")]
    NotWaiting(u64),
    /// Another process has the store open.
    #[error("the store is in use by another process (lock is held)")]
    Locked,
    /// A synced part of the log is damaged; writing on would hide it.
    #[error("log is damaged: {what} in {path} at leaf {index}")]
    Damaged {
        /// What is wrong.
        what: &'static str,
        /// Path below the store's folder.
        path: String,
        /// Log index.
        index: u64,
    },
    /// The log was written under another key or origin.
    #[error("log belongs to another key or origin than configured")]
    OtherKey,
    /// A key cannot be wrapped, unwrapped or found.
    #[error("key store: {0}")]
    Key(&'static str),
    /// The index, which is made again from the log when its file is removed: the kind of error.
    #[error("index: {0}")]
    Index(String),
    /// The tree and checkpoint do not follow; too much is waiting for them.
    #[error("tree and checkpoint cannot be written, log is {0} leaves ahead")]
    Behind(u64),
    /// The vault keeps as many values as it may.
    #[error("the vault is full")]
    Full,
    /// A package cannot be made.
    #[error("export: {path}: {why}")]
    Export {
        /// A file of the log or of the package.
        path: String,
        /// In words.
        why: String,
    },
    /// The log is closed.
    #[error("log is closed")]
    Closed,
}

impl StoreError {
    pub(crate) fn io(what: &'static str, path: &str, error: &io::Error) -> Self {
        StoreError::Io { what, path: path.to_owned(), kind: error.kind() }
    }
}

/// Gives an I/O error its place.
pub(crate) trait At<T> {
    fn at(self, what: &'static str, path: &str) -> Result<T, StoreError>;
}

impl<T> At<T> for io::Result<T> {
    fn at(self, what: &'static str, path: &str) -> Result<T, StoreError> {
        self.map_err(|e| StoreError::io(what, path, &e))
    }
}

impl From<carnet_evidence::seal::SealError> for StoreError {
    fn from(_: carnet_evidence::seal::SealError) -> Self {
        StoreError::Key("a blob does not open")
    }
}
