//! Cosignatures (C2SP tlog-cosignature, Ed25519): that of all checkpoints of this origin that the signer has seen at a time,
//! the largest has this root.

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};

use crate::note::{Note, NoteError, NoteSignature, check_name, key_id, verifier_text};
use crate::text::b64;

const COSIGNATURE_ED25519: u8 = 0x04;

fn message(t: u64, text: &str) -> Vec<u8> {
    format!("cosignature/v1\ntime {t}\n{text}").into_bytes()
}

/// The public key of a witness. One of an algorithm that this program does not know is kept by name and never verifies.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CosignerKey {
    name: String,
    id: [u8; 4],
    algorithm: u8,
    public: Vec<u8>,
}

impl CosignerKey {
    /// Reads a verifier key, `name+id+key`.
    ///
    /// # Errors
    /// [`NoteError::Key`] for one that is no key of a cosigner (a log's own, for example), [`NoteError::Name`].
    pub fn parse(vkey: &str) -> Result<CosignerKey, NoteError> {
        let read = verifier_text(vkey)?;
        // 0x01 is a log's key: what it signs has no time, and says nothing about other checkpoints.
        if read.algorithm == 0x01 {
            return Err(NoteError::Key);
        }
        let key =
            CosignerKey { name: read.name, id: read.id, algorithm: read.algorithm, public: read.public };
        if key.algorithm == COSIGNATURE_ED25519 && key.ed25519().is_none() {
            return Err(NoteError::Key);
        }
        Ok(key)
    }

    fn ed25519(&self) -> Option<VerifyingKey> {
        let public: &[u8; 32] = self.public.as_slice().try_into().ok()?;
        VerifyingKey::from_bytes(public).ok().filter(|_| self.algorithm == COSIGNATURE_ED25519)
    }

    /// Name of the key.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The public key, by which duplicates are known.
    #[must_use]
    pub fn public(&self) -> &[u8] {
        &self.public
    }

    /// Whether this program can check signatures by it.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.ed25519().is_some()
    }

    /// Whether a line says that it is by this key.
    #[must_use]
    pub fn claims(&self, line: &NoteSignature) -> bool {
        line.name == self.name && line.id == self.id
    }

    /// The time of the cosignature by this key.
    ///
    /// # Errors
    /// [`NoteError::Unsigned`] without one, [`NoteError::Signature`] for one that does not verify.
    pub fn verify(&self, note: &Note) -> Result<u64, NoteError> {
        let line = note.signatures.iter().find(|line| self.claims(line)).ok_or(NoteError::Unsigned)?;
        self.time_of(&note.text, line).ok_or(NoteError::Signature)
    }

    fn time_of(&self, text: &str, line: &NoteSignature) -> Option<u64> {
        let (t, signature) = line.bytes.split_first_chunk::<8>()?;
        let t = u64::from_be_bytes(*t);
        // No time, and times that no clock shows, are none of a cosignature on a checkpoint.
        if t == 0 || t > i64::MAX.unsigned_abs() {
            return None;
        }
        let signature = Signature::from_slice(signature).ok()?;
        self.ed25519()?.verify_strict(&message(t, text), &signature).ok().map(|()| t)
    }

    /// The verifier key as text, without newline.
    #[must_use]
    pub fn to_text(&self) -> String {
        let bytes = [&[self.algorithm], self.public.as_slice()].concat();
        format!("{}+{:08x}+{}", self.name, u32::from_be_bytes(self.id), b64(&bytes))
    }
}

/// The signing key of a witness. Its memory is overwritten when it is dropped.
pub struct Cosigner {
    public: CosignerKey,
    key: SigningKey,
}

impl std::fmt::Debug for Cosigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Cosigner({})", self.public.name)
    }
}

impl Cosigner {
    /// A cosigner from a random seed, which must be used for nothing else.
    ///
    /// # Errors
    /// [`NoteError::Name`].
    pub fn new(name: &str, seed: &[u8; 32]) -> Result<Cosigner, NoteError> {
        check_name(name)?;
        let key = SigningKey::from_bytes(seed);
        let public = key.verifying_key().as_bytes().to_vec();
        let id = key_id(name, COSIGNATURE_ED25519, &public);
        let public = CosignerKey { name: name.to_owned(), id, algorithm: COSIGNATURE_ED25519, public };
        Ok(Cosigner { public, key })
    }

    /// Its public half.
    #[must_use]
    pub fn public(&self) -> &CosignerKey {
        &self.public
    }

    /// The cosignature on a checkpoint at a time.
    #[must_use]
    pub fn cosign(&self, text: &str, t: u64) -> NoteSignature {
        let signature = self.key.sign(&message(t, text)).to_bytes();
        let bytes = [t.to_be_bytes().as_slice(), &signature].concat();
        NoteSignature { name: self.public.name.clone(), id: self.public.id, bytes }
    }
}
