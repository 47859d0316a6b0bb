//! The lines of a package's streams. Each is one JSON object with its members sorted; streams are sorted by index.

use carnet_json::{Kind, Limits, Tape, Value, escape_into};

use crate::text::{b64url, from_b64url, push_b64url, push_u64};
use crate::tree::{Frontier, Hash};

/// Why a slot is not disclosed. A closed list.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Why {
    /// The record is of another time than was asked for.
    OutsidePeriod,
    /// The record is not about what was asked for.
    OutsideFilter,
    /// The processing is restricted (Art. 18 GDPR).
    Restricted,
    /// A key was destroyed: a `key.destroy` leaf says so.
    Erased,
    /// There is no key, and no leaf says why.
    KeyMissing,
}

impl Why {
    /// Every reason.
    pub const ALL: [Why; 5] =
        [Why::OutsidePeriod, Why::OutsideFilter, Why::Restricted, Why::Erased, Why::KeyMissing];

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Why::OutsidePeriod => "outside-period",
            Why::OutsideFilter => "outside-filter",
            Why::Restricted => "restricted",
            Why::Erased => "erased",
            Why::KeyMissing => "key-missing",
        }
    }

    fn by_name(name: &str) -> Option<Why> {
        Why::ALL.into_iter().find(|why| why.as_str() == name)
    }
}

/// What is kept back of one record.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Withheld {
    /// The whole slot of disclosures.
    pub d: Option<Why>,
    /// The recording.
    pub f: Option<Why>,
    /// Names of single disclosures that were asked to be left out.
    pub names: Vec<String>,
}

impl Withheld {
    /// Whether nothing is kept back.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.d.is_none() && self.f.is_none() && self.names.is_empty()
    }
}

/// A line of [`super::LEAVES`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LeafLine {
    /// Index in the log.
    pub index: u64,
    /// Hash as the exporter states it, so that an altered leaf can be told from an altered hash.
    pub hash: Hash,
    /// The leaf, byte for byte.
    pub leaf: Vec<u8>,
}

/// Appends a line of [`super::LEAVES`].
pub fn leaf(out: &mut Vec<u8>, index: u64, hash: &Hash, leaf: &[u8]) {
    out.extend_from_slice(b"{\"h\":\"");
    push_b64url(out, hash);
    out.extend_from_slice(b"\",\"i\":");
    push_u64(out, index);
    out.extend_from_slice(b",\"leaf\":");
    out.extend_from_slice(leaf);
    out.extend_from_slice(b"}\n");
}

/// Appends a line of [`super::DISCLOSURES`]; `encoded` as they were sealed.
pub fn disclosures<'a>(out: &mut Vec<u8>, index: u64, encoded: impl Iterator<Item = &'a [u8]>) {
    out.extend_from_slice(b"{\"d\":[");
    for (i, one) in encoded.enumerate() {
        out.extend_from_slice(if i == 0 { b"\"" } else { b",\"" });
        out.extend_from_slice(one);
        out.push(b'"');
    }
    out.extend_from_slice(b"],\"i\":");
    push_u64(out, index);
    out.extend_from_slice(b"}\n");
}

/// Appends a line of [`super::FRAMES`]. A frame is JSON, so it is text.
pub fn frame(out: &mut Vec<u8>, index: u64, frame: &str) {
    out.extend_from_slice(b"{\"frame\":\"");
    escape_into(out, frame);
    out.extend_from_slice(b"\",\"i\":");
    push_u64(out, index);
    out.extend_from_slice(b"}\n");
}

/// Appends a line of [`super::WITHHELD`], if there is anything to say.
pub fn withheld(out: &mut Vec<u8>, index: u64, withheld: &Withheld) {
    if withheld.is_empty() {
        return;
    }
    out.push(b'{');
    for (slot, why) in [("d", withheld.d), ("f", withheld.f)] {
        if let Some(why) = why {
            out.extend_from_slice(format!("\"{slot}\":\"{}\",", why.as_str()).as_bytes());
        }
    }
    out.extend_from_slice(b"\"i\":");
    push_u64(out, index);
    if !withheld.names.is_empty() {
        let names: Vec<String> = withheld.names.iter().map(|n| carnet_json::quote(n)).collect();
        out.extend_from_slice(format!(",\"names\":[{}]", names.join(",")).as_bytes());
    }
    out.extend_from_slice(b"}\n");
}

/// Parses a line strictly: an object with no other members than these.
fn object<T>(line: &[u8], members: &[&str], read: impl Fn(&Value<'_>) -> Option<T>) -> Option<T> {
    let limits = Limits { bytes: usize::MAX, ..Limits::default() };
    let tape = Tape::parse(line, &limits).ok()?;
    let root = tape.root(line);
    if root.kind() != Kind::Object {
        return None;
    }
    let known = root.entries().all(|(key, _)| members.iter().any(|m| key.is_str(m)));
    if known { read(&root) } else { None }
}

fn index(root: &Value<'_>) -> Option<u64> {
    u64::try_from(root.get("i")?.as_i64()?).ok()
}

/// Reads a line of [`super::LEAVES`].
#[must_use]
pub fn read_leaf(line: &[u8]) -> Option<LeafLine> {
    object(line, &["h", "i", "leaf"], |root| {
        let hash = from_b64url(&root.get("h")?.as_str()?)?;
        Some(LeafLine { index: index(root)?, hash, leaf: root.get("leaf")?.raw().to_vec() })
    })
}

/// Reads a line of [`super::DISCLOSURES`].
#[must_use]
pub fn read_disclosures(line: &[u8]) -> Option<(u64, Vec<Vec<u8>>)> {
    object(line, &["d", "i"], |root| {
        let list = root.get("d").filter(|d| d.kind() == Kind::Array)?;
        let all = list.items().map(|v| Some(v.as_str()?.into_owned().into_bytes())).collect::<Option<_>>()?;
        Some((index(root)?, all))
    })
}

/// Reads a line of [`super::FRAMES`].
#[must_use]
pub fn read_frame(line: &[u8]) -> Option<(u64, Vec<u8>)> {
    object(line, &["frame", "i"], |root| {
        Some((index(root)?, root.get("frame")?.as_str()?.into_owned().into_bytes()))
    })
}

/// Reads a line of [`super::WITHHELD`].
#[must_use]
pub fn read_withheld(line: &[u8]) -> Option<(u64, Withheld)> {
    object(line, &["d", "f", "i", "names"], |root| {
        let why = |slot: &str| match root.get(slot) {
            None => Some(None),
            Some(v) => Why::by_name(&v.as_str()?).map(Some),
        };
        let names = match root.get("names") {
            None => Vec::new(),
            Some(v) => v.items().map(|n| Some(n.as_str()?.into_owned())).collect::<Option<_>>()?,
        };
        let withheld = Withheld { d: why("d")?, f: why("f")?, names };
        (!withheld.is_empty()).then_some((index(root)?, withheld))
    })
}

/// The file [`super::FRONTIER`].
#[must_use]
pub fn frontier(frontier: &Frontier) -> String {
    let hashes: Vec<String> = frontier.hashes().iter().map(|h| format!("\"{}\"", b64url(h))).collect();
    format!("{{\"hashes\":[{}],\"size\":{}}}\n", hashes.join(","), frontier.size())
}

/// Reads the file [`super::FRONTIER`].
#[must_use]
pub fn read_frontier(bytes: &[u8]) -> Option<Frontier> {
    object(bytes, &["hashes", "size"], |root| {
        let hashes: Option<Vec<Hash>> =
            root.get("hashes")?.items().map(|h| from_b64url(&h.as_str()?)).collect();
        Frontier::from_parts(u64::try_from(root.get("size")?.as_i64()?).ok()?, hashes?)
    })
}

/// The file [`super::CONSISTENCY`]: `old N`, `new N`, then a hash in base64 on each line.
#[must_use]
pub fn consistency(old: u64, new: u64, proof: &[Hash]) -> String {
    let mut out = format!("old {old}\nnew {new}\n");
    for hash in proof {
        out.push_str(&crate::text::b64(hash));
        out.push('\n');
    }
    out
}

/// Reads the file [`super::CONSISTENCY`].
#[must_use]
pub fn read_consistency(bytes: &[u8]) -> Option<(u64, u64, Vec<Hash>)> {
    let mut lines = std::str::from_utf8(bytes).ok()?.strip_suffix('\n')?.split('\n');
    let old = lines.next()?.strip_prefix("old ")?.parse().ok()?;
    let new = lines.next()?.strip_prefix("new ")?.parse().ok()?;
    let proof = lines.map(|l| crate::text::from_b64(l)?.try_into().ok()).collect::<Option<_>>()?;
    Some((old, new, proof))
}
