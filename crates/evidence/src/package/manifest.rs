//! The manifest: an in-toto statement (v1) that has every file of the package as a subject, signed as a DSSE envelope with
//! the key of the log.

use std::collections::BTreeMap;

use carnet_json::{Limits, Tape, Value, quote};

use super::FORMAT;
use crate::note::{Signer, Verifier};
use crate::text::{b64, from_b64};
use crate::tree::Hash;

/// Type of the statement.
const STATEMENT: &str = "https://in-toto.io/Statement/v1";
/// Type of the predicate.
pub const PREDICATE: &str = "https://github.com/carnet-gateway/carnet/package/v1";
/// Media type of the payload.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// What was asked for when the package was made.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Asked {
    /// From this time on, Unix seconds.
    pub from: Option<u64>,
    /// Before this time.
    pub to: Option<u64>,
    /// Other filters by name: `session`, `actor`, `server`, `subject`, `without`.
    pub filters: BTreeMap<String, String>,
}

/// What a package says of itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Facts {
    /// Origin of the log.
    pub origin: String,
    /// Verifier key of the log.
    pub key: String,
    /// First leaf of the range.
    pub from: u64,
    /// The leaf after the last.
    pub to: u64,
    /// What was asked for.
    pub asked: Asked,
    /// Numbers: `disclosed`, `erased`, `frames`, `leaves`, `withheld`.
    pub counts: BTreeMap<String, u64>,
    /// What was produced from the records, by name, with the version of its form.
    pub producers: BTreeMap<String, u64>,
}

/// The statement: facts, and the SHA-256 of every other file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Manifest {
    /// What the package says of itself.
    pub facts: Facts,
    /// Files by name.
    pub subjects: BTreeMap<String, Hash>,
}

fn hex(hash: &[u8]) -> String {
    hash.iter().map(|b| format!("{b:02x}")).collect()
}

fn from_hex(text: &str) -> Option<Hash> {
    let mut out = [0; 32];
    let lower = text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    if text.len() != 64 || !lower {
        return None;
    }
    for (i, byte) in out.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * i..2 * i + 2)?, 16).ok()?;
    }
    Some(out)
}

fn numbers(map: &BTreeMap<String, u64>) -> String {
    let all: Vec<String> = map.iter().map(|(name, n)| format!("{}:{n}", quote(name))).collect();
    format!("{{{}}}", all.join(","))
}

impl Manifest {
    /// The statement as JSON, members sorted: the file [`super::MANIFEST`].
    #[must_use]
    pub fn to_json(&self) -> String {
        let f = &self.facts;
        let mut asked: Vec<String> =
            f.asked.filters.iter().map(|(k, v)| format!("{}:{}", quote(k), quote(v))).collect();
        asked.extend(f.asked.from.map(|n| format!("\"from\":{n}")));
        asked.extend(f.asked.to.map(|n| format!("\"to\":{n}")));
        asked.sort();
        let subjects: Vec<String> = self
            .subjects
            .iter()
            .map(|(name, hash)| {
                format!("{{\"digest\":{{\"sha256\":\"{}\"}},\"name\":{}}}", hex(hash), quote(name))
            })
            .collect();
        format!(
            "{{\"_type\":\"{STATEMENT}\",\"predicate\":{{\"asked\":{{{}}},\"counts\":{},\"format\":\"{FORMAT}\",\
             \"key\":{},\"origin\":{},\"producers\":{},\"range\":{{\"from\":{},\"to\":{}}}}},\
             \"predicateType\":\"{PREDICATE}\",\"subject\":[{}]}}\n",
            asked.join(","),
            numbers(&f.counts),
            quote(&f.key),
            quote(&f.origin),
            numbers(&f.producers),
            f.from,
            f.to,
            subjects.join(",")
        )
    }

    /// Reads a statement. Only the bytes that [`Manifest::to_json`] writes are taken.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Manifest> {
        let limits = Limits { bytes: usize::MAX, ..Limits::default() };
        let tape = Tape::parse(bytes, &limits).ok()?;
        let root = tape.root(bytes);
        let predicate = root.get("predicate")?;
        let number = |v: &Value<'_>| u64::try_from(v.as_i64()?).ok();
        let map = |v: Value<'_>| -> Option<BTreeMap<String, u64>> {
            v.entries().map(|(k, v)| Some((k.as_str()?.into_owned(), number(&v)?))).collect()
        };
        let text = |name: &str| Some(predicate.get(name)?.as_str()?.into_owned());
        let range = predicate.get("range")?;
        let facts = Facts {
            origin: text("origin")?,
            key: text("key")?,
            from: number(&range.get("from")?)?,
            to: number(&range.get("to")?)?,
            asked: asked(&predicate.get("asked")?)?,
            counts: map(predicate.get("counts")?)?,
            producers: map(predicate.get("producers")?)?,
        };
        let mut subjects = BTreeMap::new();
        for subject in root.get("subject")?.items() {
            let hash = from_hex(&subject.get("digest")?.get("sha256")?.as_str()?)?;
            subjects.insert(subject.get("name")?.as_str()?.into_owned(), hash);
        }
        let manifest = Manifest { facts, subjects };
        (manifest.to_json().as_bytes() == bytes).then_some(manifest)
    }
}

fn asked(value: &Value<'_>) -> Option<Asked> {
    let mut out = Asked::default();
    for (key, value) in value.entries() {
        let key = key.as_str()?;
        match &*key {
            "from" => out.from = u64::try_from(value.as_i64()?).ok(),
            "to" => out.to = u64::try_from(value.as_i64()?).ok(),
            _ => drop(out.filters.insert(key.into_owned(), value.as_str()?.into_owned())),
        }
    }
    Some(out)
}

/// What DSSE signs: type and payload, each with its length in front.
fn pre_authentication(payload: &[u8]) -> Vec<u8> {
    let mut out = format!("DSSEv1 {} {PAYLOAD_TYPE} {} ", PAYLOAD_TYPE.len(), payload.len()).into_bytes();
    out.extend_from_slice(payload);
    out
}

/// The envelope of a statement, signed by the key of the log: the file [`super::ENVELOPE`].
#[must_use]
pub fn sign(manifest: &[u8], signer: &Signer) -> String {
    envelope(manifest, &key_id(signer.verifier()), &signer.sign_bytes(&pre_authentication(manifest)))
}

fn envelope(manifest: &[u8], key_id: &str, signature: &[u8]) -> String {
    format!(
        "{{\"payload\":\"{}\",\"payloadType\":\"{PAYLOAD_TYPE}\",\"signatures\":[{{\"keyid\":{},\"sig\":\"{}\"}}]}}\n",
        b64(manifest),
        quote(key_id),
        b64(signature)
    )
}

/// Name and id of a key: its verifier key without the key itself.
fn key_id(key: &Verifier) -> String {
    // The key itself may have a plus in it.
    key.to_text().splitn(3, '+').take(2).collect::<Vec<_>>().join("+")
}

/// What is wrong with an envelope.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EnvelopeError {
    /// Not the form, or around another statement.
    Malformed,
    /// Not signed by this key.
    Signature,
}

/// Checks that an envelope is around exactly this statement and signed by the key.
///
/// # Errors
/// [`EnvelopeError`].
pub fn check(bytes: &[u8], manifest: &[u8], key: &Verifier) -> Result<(), EnvelopeError> {
    let signature = signature(bytes).ok_or(EnvelopeError::Malformed)?;
    // One form only: what is left then to be wrong is the signature.
    if envelope(manifest, &key_id(key), &signature).as_bytes() != bytes {
        let foreign = std::str::from_utf8(bytes).is_ok_and(|t| !t.contains(&quote(&key_id(key))));
        return Err(if foreign { EnvelopeError::Signature } else { EnvelopeError::Malformed });
    }
    if key.verify_bytes(&pre_authentication(manifest), &signature) {
        Ok(())
    } else {
        Err(EnvelopeError::Signature)
    }
}

fn signature(bytes: &[u8]) -> Option<Vec<u8>> {
    let limits = Limits { bytes: usize::MAX, ..Limits::default() };
    let tape = Tape::parse(bytes, &limits).ok()?;
    let signatures = tape.root(bytes).get("signatures")?;
    let first = signatures.items().next()?;
    from_b64(&first.get("sig")?.as_str()?)
}
