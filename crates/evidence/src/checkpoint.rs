//! C2SP tlog-checkpoint: origin, size and root of a tree in a signed note. The key has the name of the origin.

use crate::note::{Note, NoteError, Signer, Verifier};
use crate::text::{b64, from_b64};
use crate::tree::Hash;

/// Why a checkpoint is not accepted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The note around it.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// Its text is no checkpoint.
    #[error("not a checkpoint")]
    Malformed,
    /// Its origin is not the name of the key.
    #[error("checkpoint is of another origin than the key")]
    Origin,
}

/// The state of a log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Checkpoint {
    /// Origin of the log, `<host>/<tenant>/<region>/<epoch>`.
    pub origin: String,
    /// Number of leaves.
    pub size: u64,
    /// Root of the tree.
    pub root: Hash,
    /// Extension lines; none are defined in `carnet/1`.
    pub extensions: Vec<String>,
}

impl Checkpoint {
    /// A checkpoint without extensions.
    #[must_use]
    pub fn new(origin: &str, size: u64, root: Hash) -> Self {
        Checkpoint { origin: origin.to_owned(), size, root, extensions: Vec::new() }
    }

    /// The text that is signed.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut out = format!("{}\n{}\n{}\n", self.origin, self.size, b64(&self.root));
        for line in &self.extensions {
            out.push_str(line);
            out.push('\n');
        }
        out
    }

    /// Reads the text of a checkpoint.
    ///
    /// # Errors
    /// [`CheckpointError::Malformed`].
    pub fn parse_text(text: &str) -> Result<Checkpoint, CheckpointError> {
        Self::read(text).ok_or(CheckpointError::Malformed)
    }

    fn read(text: &str) -> Option<Checkpoint> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        let origin = lines.next().filter(|o| !o.is_empty())?;
        let digits = lines.next()?;
        let size: u64 = digits.parse().ok()?;
        // One form for one number: no sign, no zeros in front.
        if size.to_string() != digits {
            return None;
        }
        let root: Hash = from_b64(lines.next()?)?.try_into().ok()?;
        let extensions: Vec<String> = lines.map(str::to_owned).collect();
        let whole = extensions.iter().all(|line| !line.is_empty());
        whole.then(|| Checkpoint { origin: origin.to_owned(), size, root, extensions })
    }

    /// The signed checkpoint, ready to be stored.
    ///
    /// # Errors
    /// [`CheckpointError::Origin`] when the signer has another name.
    pub fn sign(&self, signer: &Signer) -> Result<Note, CheckpointError> {
        if signer.verifier().name() != self.origin {
            return Err(CheckpointError::Origin);
        }
        Ok(signer.sign(&self.to_text())?)
    }

    /// Reads a signed checkpoint and checks its signature and origin.
    ///
    /// # Errors
    /// See [`CheckpointError`].
    pub fn open(bytes: &[u8], key: &Verifier) -> Result<(Checkpoint, Note), CheckpointError> {
        let note = Note::parse(bytes)?;
        note.verify(key)?;
        let checkpoint = Self::parse_text(&note.text)?;
        if checkpoint.origin != key.name() {
            return Err(CheckpointError::Origin);
        }
        Ok((checkpoint, note))
    }
}
