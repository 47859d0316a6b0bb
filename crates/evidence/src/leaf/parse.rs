//! Bytes back to a leaf, strictly: an unknown member, a wrong shape or any form but the canonical one is refused.

use carnet_json::{Kind, Limits, Tape, Value};

use super::{BlobRef, Draft, Epochs, Ext, FORMAT, LeafType, MAX_LEAF, MAX_NUMBER};
use crate::text::from_b64url;

/// Why something is no leaf of `carnet/1`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum LeafError {
    /// Longer than [`MAX_LEAF`].
    #[error("leaf is longer than 65535 bytes")]
    TooLong,
    /// Not JSON, or JSON that Carnet refuses (duplicate keys, bad UTF-8).
    #[error("leaf is not strict JSON")]
    Json,
    /// Not an object, or a member of another kind than it must be.
    #[error("leaf member `{0}` is missing or has a wrong shape")]
    Member(&'static str),
    /// A member that `carnet/1` does not have.
    #[error("leaf has a member that carnet/1 does not have")]
    Unknown,
    /// Another format than `carnet/1`.
    #[error("leaf is of another format than carnet/1")]
    Version,
    /// A type that is not on the list.
    #[error("leaf is of a type that is not on the list")]
    Type,
    /// The right content, but not its canonical bytes.
    #[error("leaf is not in canonical form")]
    Canonical,
    /// A number over [`MAX_NUMBER`].
    #[error("leaf has a number over 2^53 - 1")]
    Number,
    /// `ps` with `n` = 0, or no `ps` with another.
    #[error("leaf must have `ps` exactly when `n` is not 0")]
    Link,
    /// An outcome or orphan without `of`.
    #[error("an outcome must name its decision in `of`")]
    Answer,
    /// `ow` in anything but a decision.
    #[error("only a decision can be one way")]
    OneWay,
    /// A key in `x` that the type does not have.
    #[error("leaf has a key in `x` that its type does not have")]
    Ext,
}

/// A leaf as it stands in the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Leaf {
    /// Its content.
    pub draft: Draft,
    /// Its number in the session, from 0.
    pub n: u64,
    /// RFC 6962 leaf hash of the session's leaf `n - 1`.
    pub ps: Option<[u8; 32]>,
}

const MEMBERS: [&str; 14] =
    ["_sd", "_sd_alg", "bl", "ep", "gs", "kr", "n", "of", "ow", "ps", "t", "ty", "v", "x"];

impl Leaf {
    /// Reads one leaf.
    ///
    /// # Errors
    /// The first thing that is wrong. Content is judged before form, so that a newer format is called that.
    pub fn parse(bytes: &[u8]) -> Result<Leaf, LeafError> {
        if bytes.len() > MAX_LEAF {
            return Err(LeafError::TooLong);
        }
        let limits = Limits { bytes: MAX_LEAF, depth: 4 };
        let tape = Tape::parse(bytes, &limits).map_err(|_| LeafError::Json)?;
        let root = tape.root(bytes);
        if root.kind() != Kind::Object {
            return Err(LeafError::Json);
        }
        match root.get("v") {
            Some(v) if v.is_str(FORMAT) => {}
            Some(v) if v.kind() == Kind::String => return Err(LeafError::Version),
            _ => return Err(LeafError::Member("v")),
        }
        if root.entries().any(|(k, _)| !MEMBERS.iter().any(|m| k.is_str(m))) {
            return Err(LeafError::Unknown);
        }
        let leaf = read(&root)?;
        let again = leaf.draft.finish(leaf.n, leaf.ps.as_ref())?;
        if again == bytes { Ok(leaf) } else { Err(LeafError::Canonical) }
    }
}

fn read(root: &Value<'_>) -> Result<Leaf, LeafError> {
    let ty = root.get("ty").and_then(|v| v.as_str()).ok_or(LeafError::Member("ty"))?;
    let ty = LeafType::by_name(&ty).ok_or(LeafError::Type)?;
    let ow = match root.get("ow") {
        None => false,
        Some(v) if v.as_bool() == Some(true) => true,
        Some(_) => return Err(LeafError::Member("ow")),
    };
    if root.get("_sd").is_some() != root.get("_sd_alg").is_some_and(|v| v.is_str("sha-256")) {
        return Err(LeafError::Member("_sd_alg"));
    }
    let draft = Draft {
        ty,
        t: number(root, "t")?.ok_or(LeafError::Member("t"))?,
        gs: bytes(root, "gs")?.ok_or(LeafError::Member("gs"))?,
        of: number(root, "of")?,
        ow,
        ep: epochs(root)?,
        sd: list(root, "_sd", |v| from_b64url(&v.as_str()?))?,
        bl: list(root, "bl", |v| blob(&v))?,
        kr: list(root, "kr", |v| Some(v.as_str()?.into_owned()))?,
        ext: ext(root, ty)?,
    };
    Ok(Leaf { draft, n: number(root, "n")?.ok_or(LeafError::Member("n"))?, ps: bytes(root, "ps")? })
}

fn whole(v: &Value<'_>) -> Option<u64> {
    v.as_i64().and_then(|n| u64::try_from(n).ok()).filter(|n| *n <= MAX_NUMBER)
}

fn number(root: &Value<'_>, name: &'static str) -> Result<Option<u64>, LeafError> {
    root.get(name).map(|v| whole(&v).ok_or(LeafError::Member(name))).transpose()
}

fn bytes<const N: usize>(root: &Value<'_>, name: &'static str) -> Result<Option<[u8; N]>, LeafError> {
    let read = |v: Value<'_>| v.as_str().and_then(|s| from_b64url(&s)).ok_or(LeafError::Member(name));
    root.get(name).map(read).transpose()
}

/// An array that is not empty, or no member at all.
fn list<T>(
    root: &Value<'_>,
    name: &'static str,
    read: impl Fn(Value<'_>) -> Option<T>,
) -> Result<Vec<T>, LeafError> {
    let Some(value) = root.get(name) else { return Ok(Vec::new()) };
    let items: Option<Vec<T>> = value.items().map(read).collect();
    items.filter(|items| !items.is_empty()).ok_or(LeafError::Member(name))
}

fn epochs(root: &Value<'_>) -> Result<Epochs, LeafError> {
    const ERR: LeafError = LeafError::Member("ep");
    let ep = root.get("ep").ok_or(ERR)?;
    if ep.entries().count() != 4 {
        return Err(ERR);
    }
    let hash = |name: &str| ep.get(name).and_then(|v| from_b64url(&v.as_str()?)).ok_or(ERR);
    Ok(Epochs { policy: hash("p")?, configuration: hash("c")?, build: hash("b")?, jurisdiction: hash("j")? })
}

fn blob(value: &Value<'_>) -> Option<BlobRef> {
    if value.entries().count() != 2 {
        return None;
    }
    let h = from_b64url(&value.get("h")?.as_str()?)?;
    Some(BlobRef { h, k: value.get("k")?.as_str()?.into_owned() })
}

fn ext(root: &Value<'_>, ty: LeafType) -> Result<Vec<(&'static str, Ext)>, LeafError> {
    let Some(x) = root.get("x") else { return Ok(Vec::new()) };
    let mut out = Vec::new();
    for (key, value) in x.entries() {
        let key = ty.ext_keys().iter().find(|k| key.is_str(k)).ok_or(LeafError::Ext)?;
        let value = match value.kind() {
            Kind::Number => Ext::Int(whole(&value).ok_or(LeafError::Member("x"))?),
            Kind::String => Ext::Text(value.as_str().ok_or(LeafError::Member("x"))?.into_owned()),
            _ => return Err(LeafError::Member("x")),
        };
        out.push((*key, value));
    }
    if out.is_empty() { Err(LeafError::Member("x")) } else { Ok(out) }
}
