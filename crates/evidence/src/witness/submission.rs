//! What a log submits to a witness (C2SP tlog-witness, `add-checkpoint`), and the rules by which the witness signs or not.

use crate::checkpoint::Checkpoint;
use crate::note::{Note, NoteError, Verifier};
use crate::text::{b64, from_b64};
use crate::tree::{Hash, empty_root, verify_consistency};

/// Hashes that a proof may have.
const MOST: usize = 63;
/// Largest body that is looked at: a proof and a checkpoint with many lines.
pub const MOST_BYTES: usize = 64 << 10;

/// A request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Submission {
    /// Size of the checkpoint that the witness signed last.
    pub old: u64,
    /// Consistency proof from there.
    pub proof: Vec<Hash>,
    /// The new checkpoint as it came.
    pub note: Note,
    /// What it says.
    pub checkpoint: Checkpoint,
}

/// Why a witness does not sign.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    /// Not of the form, or the old size is greater than the new one.
    #[error("not a request of this form")]
    Malformed,
    /// A log that the witness does not know.
    #[error("the log is not known here")]
    UnknownLog,
    /// Not signed by a key of the log.
    #[error("the checkpoint is not signed by the log")]
    Unsigned,
    /// The witness has signed another size last.
    #[error("the last checkpoint signed here has {0} leaves")]
    Stale(u64),
    /// The new checkpoint did not grow out of the one that was signed.
    #[error("the checkpoint is not consistent with the last one signed here")]
    Inconsistent,
}

impl Refusal {
    /// The HTTP status that the specification has for it.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Refusal::Malformed => 400,
            Refusal::Unsigned => 403,
            Refusal::UnknownLog => 404,
            Refusal::Stale(_) => 409,
            Refusal::Inconsistent => 422,
        }
    }
}

impl Submission {
    /// The body of a request.
    #[must_use]
    pub fn body(old: u64, proof: &[Hash], checkpoint: &str) -> String {
        let hashes: String = proof.iter().map(|h| b64(h) + "\n").collect();
        format!("old {old}\n{hashes}\n{checkpoint}")
    }

    /// Reads the body of a request.
    ///
    /// # Errors
    /// [`Refusal::Malformed`].
    pub fn read(body: &[u8]) -> Result<Submission, Refusal> {
        Self::read_body(body).ok_or(Refusal::Malformed)
    }

    fn read_body(body: &[u8]) -> Option<Submission> {
        let text = std::str::from_utf8(body).ok().filter(|_| body.len() <= MOST_BYTES)?;
        let (first, rest) = text.split_once('\n')?;
        let digits = first.strip_prefix("old ")?;
        let old: u64 = digits.parse().ok().filter(|n: &u64| n.to_string() == digits)?;
        let (mut proof, mut rest) = (Vec::new(), rest);
        let checkpoint = loop {
            let (line, after) = rest.split_once('\n')?;
            rest = after;
            if line.is_empty() {
                break rest;
            }
            if proof.len() == MOST {
                return None;
            }
            proof.push(Hash::try_from(from_b64(line)?).ok()?);
        };
        let note = Note::parse(checkpoint.as_bytes()).ok()?;
        let checkpoint = Checkpoint::parse_text(&note.text).ok()?;
        Some(Submission { old, proof, note, checkpoint })
    }
}

/// Decides on a request. `keys` are those that the witness trusts for the origin, `last` is the checkpoint of it that was
/// signed last. If it is `Ok`, the new checkpoint must be durable before the cosignature leaves.
///
/// # Errors
/// [`Refusal`].
pub fn consider(asked: &Submission, keys: &[&Verifier], last: Option<&Checkpoint>) -> Result<(), Refusal> {
    let new = &asked.checkpoint;
    if keys.is_empty() {
        return Err(Refusal::UnknownLog);
    }
    let mut signed = false;
    for key in keys.iter().filter(|key| key.name() == new.origin) {
        match asked.note.verify(key) {
            Ok(()) => signed = true,
            Err(NoteError::Unsigned) => {}
            Err(_) => return Err(Refusal::Unsigned),
        }
    }
    if !signed {
        return Err(Refusal::Unsigned);
    }
    if asked.old > new.size {
        return Err(Refusal::Malformed);
    }
    let (size, root) = last.map_or((0, empty_root()), |last| (last.size, last.root));
    if asked.old != size {
        return Err(Refusal::Stale(size));
    }
    if new.size == 0 && new.root != empty_root() {
        return Err(Refusal::Inconsistent);
    }
    verify_consistency(size, &root, new.size, &new.root, &asked.proof).map_err(|_| Refusal::Inconsistent)
}
