//! Hello and announcement: the front says who it is and which policies it distributes, the cell says who it is, where, and
//! which servers it has. Asked when a tunnel begins and every few seconds while it stands.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::bundle::Bundle;

/// The path that a front asks at, inside the tunnel only.
pub const PATH: &str = "/.carnet/hello";
/// Longest hello or announcement, in bytes.
pub const MOST: usize = 4 << 20;
/// The version of this exchange.
const VERSION: u32 = 1;

/// What a front says.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hello {
    v: u32,
    /// The front's name.
    pub front: String,
    /// Its word that the connection is its own, from [`crate::Signer`].
    pub bond: String,
    /// Policies that the cell does not have yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policies: Option<Bundle>,
}

/// What a cell says.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Announcement {
    v: u32,
    /// The cell's name.
    pub cell: String,
    /// Where it is, as its configuration says.
    pub region: String,
    /// The names of its servers.
    pub servers: BTreeSet<String>,
    /// Version of the distributed policies in force; 0: none.
    pub policies: u64,
    /// Calls that wait for an approval; nothing else of them.
    #[serde(default)]
    pub waiting: u64,
    /// Why those of this hello are not in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

/// A hello or announcement that cannot be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotUnderstood {
    /// Too long.
    #[error("it is too long")]
    TooLong,
    /// Not JSON of this shape, or of another version.
    #[error("it is not of the shape that version 1 has")]
    Shape,
    /// A name is none.
    #[error("a name in it is not a name")]
    Name,
}

impl Hello {
    /// In the name of a front.
    #[must_use]
    pub fn new(front: &str, bond: String, policies: Option<Bundle>) -> Hello {
        Hello { v: VERSION, front: front.to_owned(), bond, policies }
    }

    /// As bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// From bytes.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub fn parse(bytes: &[u8]) -> Result<Hello, NotUnderstood> {
        let hello: Hello = parse(bytes)?;
        if hello.v != VERSION {
            return Err(NotUnderstood::Shape);
        }
        if name(&hello.front) { Ok(hello) } else { Err(NotUnderstood::Name) }
    }
}

impl Announcement {
    /// Of a cell.
    #[must_use]
    pub fn new<'a>(cell: &str, region: &str, servers: impl Iterator<Item = &'a str>) -> Announcement {
        Announcement {
            v: VERSION,
            cell: cell.to_owned(),
            region: region.to_owned(),
            servers: servers.map(str::to_owned).collect(),
            policies: 0,
            waiting: 0,
            refused: None,
        }
    }

    /// As bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// From bytes.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub fn parse(bytes: &[u8]) -> Result<Announcement, NotUnderstood> {
        let said: Announcement = parse(bytes)?;
        if said.v != VERSION {
            return Err(NotUnderstood::Shape);
        }
        let all = name(&said.cell) && name(&said.region) && said.servers.iter().all(|s| name(s));
        if all { Ok(said) } else { Err(NotUnderstood::Name) }
    }
}

fn parse<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, NotUnderstood> {
    if bytes.len() > MOST {
        return Err(NotUnderstood::TooLong);
    }
    serde_json::from_slice(bytes).map_err(|_| NotUnderstood::Shape)
}

/// A name as configurations have them; a region is one too.
fn name(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=63).contains(&text.len()) && text.bytes().all(inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let said = Announcement::new("eu", "de", ["crm", "files"].into_iter());
        assert_eq!(Announcement::parse(&said.to_bytes()), Ok(said));
        let hello = Hello::new("front", "bond".to_owned(), None);
        assert_eq!(Hello::parse(&hello.to_bytes()), Ok(hello));
    }

    #[test]
    fn what_is_not_exactly_so_is_refused() {
        use NotUnderstood as N;
        let rows: &[(&str, N)] = &[
            ("", N::Shape),
            ("{}", N::Shape),
            (r#"{"v":2,"cell":"eu","region":"de","servers":[],"policies":0}"#, N::Shape),
            (r#"{"v":1,"cell":"eu","region":"de","servers":[],"policies":0,"more":1}"#, N::Shape),
            (r#"{"v":1,"cell":"","region":"de","servers":[],"policies":0}"#, N::Name),
            (r#"{"v":1,"cell":"EU","region":"de","servers":[],"policies":0}"#, N::Name),
            (r#"{"v":1,"cell":"eu","region":"de","servers":["../crm"],"policies":0}"#, N::Name),
            (r#"{"v":1,"cell":"eu","region":"de\n","servers":["crm"],"policies":0}"#, N::Name),
        ];
        for (text, error) in rows {
            assert_eq!(Announcement::parse(text.as_bytes()).unwrap_err(), *error, "{text}");
        }
        assert_eq!(Hello::parse(&vec![b' '; MOST + 1]).unwrap_err(), N::TooLong);
    }
}
