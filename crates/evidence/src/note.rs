//! C2SP signed notes: a text and signature lines, Ed25519 now. Lines of other algorithms and of cosigners are kept.

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest as _, Sha256};

use crate::text::{b64, from_b64};

const ED25519: u8 = 0x01;
/// The dash that begins a signature line, with its space.
const DASH: &str = "\u{2014} ";

/// Why a note or a key is not accepted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NoteError {
    /// Not the form of a signed note.
    #[error("not a signed note")]
    Malformed,
    /// Not the form of a verifier key, or of an algorithm that this program does not know.
    #[error("not a verifier key, or of an unknown algorithm")]
    Key,
    /// A key name with a space, a plus or nothing in it.
    #[error("key name is empty or has a space or plus in it")]
    Name,
    /// No line by this key.
    #[error("note is not signed by this key")]
    Unsigned,
    /// A line by this key that does not verify.
    #[error("signature by this key does not verify")]
    Signature,
}

/// One signature line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NoteSignature {
    /// Name of the key.
    pub name: String,
    /// Id of the key.
    pub id: [u8; 4],
    /// The signature.
    pub bytes: Vec<u8>,
}

/// A text with its signature lines.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Note {
    /// The text, with the newline that ends it.
    pub text: String,
    /// All lines, of known keys or not.
    pub signatures: Vec<NoteSignature>,
}

impl Note {
    /// Reads a note.
    ///
    /// # Errors
    /// [`NoteError::Malformed`].
    pub fn parse(bytes: &[u8]) -> Result<Note, NoteError> {
        let all = std::str::from_utf8(bytes).map_err(|_| NoteError::Malformed)?;
        if all.chars().any(|c| c < ' ' && c != '\n') {
            return Err(NoteError::Malformed);
        }
        // The last empty line divides text and signatures; the text may have empty lines of its own.
        let at = all.rfind("\n\n").ok_or(NoteError::Malformed)?;
        let (text, lines) = all.split_at_checked(at + 1).ok_or(NoteError::Malformed)?;
        let lines =
            lines.strip_prefix('\n').and_then(|l| l.strip_suffix('\n')).ok_or(NoteError::Malformed)?;
        let signatures: Option<Vec<_>> = lines.split('\n').map(signature_line).collect();
        Ok(Note { text: text.to_owned(), signatures: signatures.ok_or(NoteError::Malformed)? })
    }

    /// Checks the line of one key.
    ///
    /// # Errors
    /// [`NoteError::Unsigned`], [`NoteError::Signature`].
    pub fn verify(&self, key: &Verifier) -> Result<(), NoteError> {
        let ours = |s: &&NoteSignature| s.name == key.name && s.id == key.id;
        let line = self.signatures.iter().find(ours).ok_or(NoteError::Unsigned)?;
        let signature = Signature::from_slice(&line.bytes).map_err(|_| NoteError::Signature)?;
        key.key.verify_strict(self.text.as_bytes(), &signature).map_err(|_| NoteError::Signature)
    }

    /// The note as text.
    #[must_use]
    pub fn to_text(&self) -> String {
        let lines = self.signatures.iter().map(NoteSignature::to_line);
        format!("{}\n{}", self.text, lines.collect::<String>())
    }
}

impl NoteSignature {
    /// The signature as a line, with its newline.
    #[must_use]
    pub fn to_line(&self) -> String {
        let bytes = [self.id.as_slice(), self.bytes.as_slice()].concat();
        format!("{DASH}{} {}\n", self.name, b64(&bytes))
    }

    /// Reads lines that somebody else adds to a note.
    ///
    /// # Errors
    /// [`NoteError::Malformed`].
    pub fn read_lines(text: &str) -> Result<Vec<NoteSignature>, NoteError> {
        let lines = text.strip_suffix('\n').ok_or(NoteError::Malformed)?;
        let lines: Option<Vec<_>> = lines.split('\n').map(signature_line).collect();
        lines.ok_or(NoteError::Malformed)
    }
}

fn signature_line(line: &str) -> Option<NoteSignature> {
    let (name, encoded) = line.strip_prefix(DASH)?.split_once(' ')?;
    check_name(name).ok()?;
    let bytes = from_b64(encoded)?;
    let (id, bytes) = bytes.split_first_chunk::<4>()?;
    (!bytes.is_empty()).then(|| NoteSignature { name: name.to_owned(), id: *id, bytes: bytes.to_vec() })
}

pub(crate) fn check_name(name: &str) -> Result<(), NoteError> {
    let bad = name.is_empty() || name.chars().any(|c| c.is_whitespace() || c.is_control() || c == '+');
    if bad { Err(NoteError::Name) } else { Ok(()) }
}

/// Key id: the first four bytes of SHA-256(name || newline || algorithm || public key).
pub(crate) fn key_id(name: &str, algorithm: u8, public: &[u8]) -> [u8; 4] {
    let mut sha = Sha256::new();
    sha.update(name.as_bytes());
    sha.update([b'\n', algorithm]);
    sha.update(public);
    let hash: [u8; 32] = sha.finalize().into();
    hash.first_chunk().copied().unwrap_or_default()
}

/// A verifier key of any algorithm, taken apart.
pub(crate) struct VerifierText {
    pub(crate) name: String,
    pub(crate) id: [u8; 4],
    pub(crate) algorithm: u8,
    pub(crate) public: Vec<u8>,
}

/// Takes a verifier key apart and checks its id.
pub(crate) fn verifier_text(vkey: &str) -> Result<VerifierText, NoteError> {
    let mut parts = vkey.trim().splitn(3, '+');
    let (name, id, key) = match (parts.next(), parts.next(), parts.next()) {
        (Some(name), Some(id), Some(key)) => (name, id, key),
        _ => return Err(NoteError::Key),
    };
    check_name(name)?;
    let bytes = from_b64(key).ok_or(NoteError::Key)?;
    let (algorithm, public) = bytes.split_first().ok_or(NoteError::Key)?;
    let computed = key_id(name, *algorithm, public);
    if id.len() != 8 || u32::from_str_radix(id, 16) != Ok(u32::from_be_bytes(computed)) {
        return Err(NoteError::Key);
    }
    Ok(VerifierText { name: name.to_owned(), id: computed, algorithm: *algorithm, public: public.to_vec() })
}

/// A public key with its name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verifier {
    name: String,
    id: [u8; 4],
    key: VerifyingKey,
}

impl Verifier {
    /// Reads a verifier key, `name+id+key`, white space around it allowed.
    ///
    /// # Errors
    /// [`NoteError::Key`], [`NoteError::Name`].
    pub fn parse(vkey: &str) -> Result<Verifier, NoteError> {
        let VerifierText { name, id, algorithm, public } = verifier_text(vkey)?;
        let public: &[u8; 32] = match algorithm {
            ED25519 => public.as_slice().try_into().map_err(|_| NoteError::Key)?,
            _ => return Err(NoteError::Key),
        };
        let key = VerifyingKey::from_bytes(public).map_err(|_| NoteError::Key)?;
        Ok(Verifier { name, id, key })
    }

    /// Name of the key: the origin of the log.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The public key, by which duplicates are known.
    #[must_use]
    pub fn public(&self) -> &[u8] {
        self.key.as_bytes()
    }

    /// Whether a signature over some bytes is by this key. For what is no note; the bytes must say what they are.
    #[must_use]
    pub fn verify_bytes(&self, bytes: &[u8], signature: &[u8]) -> bool {
        Signature::from_slice(signature).is_ok_and(|s| self.key.verify_strict(bytes, &s).is_ok())
    }

    /// The verifier key as text, without newline.
    #[must_use]
    pub fn to_text(&self) -> String {
        let bytes = [&[ED25519], self.key.as_bytes().as_slice()].concat();
        format!("{}+{:08x}+{}", self.name, u32::from_be_bytes(self.id), b64(&bytes))
    }
}

/// A signing key with its name. Its memory is overwritten when it is dropped.
pub struct Signer {
    verifier: Verifier,
    key: SigningKey,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Signer({})", self.verifier.name)
    }
}

impl Signer {
    /// A signer from a random seed.
    ///
    /// # Errors
    /// [`NoteError::Name`].
    pub fn new(name: &str, seed: &[u8; 32]) -> Result<Signer, NoteError> {
        check_name(name)?;
        let key = SigningKey::from_bytes(seed);
        let public = key.verifying_key();
        let id = key_id(name, ED25519, public.as_bytes());
        Ok(Signer { verifier: Verifier { name: name.to_owned(), id, key: public }, key })
    }

    /// Its public half.
    #[must_use]
    pub fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// A signature over bytes that are no note; they must say what they are, so that they are never taken for one.
    #[must_use]
    pub fn sign_bytes(&self, bytes: &[u8]) -> [u8; 64] {
        self.key.sign(bytes).to_bytes()
    }

    /// The signed note of a text, which ends in a newline.
    ///
    /// # Errors
    /// [`NoteError::Malformed`] for a text without newline at its end.
    pub fn sign(&self, text: &str) -> Result<Note, NoteError> {
        if !text.ends_with('\n') {
            return Err(NoteError::Malformed);
        }
        let line = NoteSignature {
            name: self.verifier.name.clone(),
            id: self.verifier.id,
            bytes: self.key.sign(text.as_bytes()).to_bytes().to_vec(),
        };
        Ok(Note { text: text.to_owned(), signatures: vec![line] })
    }
}
