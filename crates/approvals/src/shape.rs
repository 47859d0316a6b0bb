//! The shape of a call's arguments: every place with its kind, and a keyed hash of what stands there. A grant for calls of
//! one shape names the places that may differ; all others must hold the same value.

use carnet_json::{Kind, Value};
use serde::{Deserialize, Serialize};

/// One place: a path such as `filter.ids[]`, and what stands there.
pub(crate) type Place = (String, String);

/// Every place of a call's arguments, in order. Elements of a list have places of their own.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Shape(pub Vec<(String, String)>);

/// Places beyond this are not told apart: such a call fits no grant.
const MOST: usize = 256;

/// Makes shapes: `mac` hashes a value under a key, so that the hash cannot be guessed back.
pub struct ShapeOf<'a>(pub &'a dyn Fn(&[u8]) -> [u8; 16]);

impl ShapeOf<'_> {
    /// The shape of arguments; `None` where they have too many places.
    #[must_use]
    pub fn of(&self, arguments: Value<'_>) -> Option<Shape> {
        let mut places = Vec::new();
        self.walk(arguments, String::new(), &mut places)?;
        places.sort();
        Some(Shape(places))
    }

    fn walk(&self, value: Value<'_>, path: String, places: &mut Vec<Place>) -> Option<()> {
        if places.len() >= MOST {
            return None;
        }
        let kind = match value.kind() {
            Kind::Object => {
                places.push((path.clone(), "object".to_owned()));
                return value.entries().try_for_each(|(key, member)| {
                    // A dot in a key is written so that no two places share a path.
                    let key = key.as_str().unwrap_or_default().replace('\\', "\\\\").replace('.', "\\.");
                    let at = if path.is_empty() { key } else { format!("{path}.{key}") };
                    self.walk(member, at, places)
                });
            }
            Kind::Array => {
                places.push((path.clone(), "list".to_owned()));
                return value
                    .items()
                    .enumerate()
                    .try_for_each(|(n, item)| self.walk(item, format!("{path}[{n}]"), places));
            }
            Kind::String | Kind::Key => "text",
            Kind::Number => "number",
            Kind::True | Kind::False => "flag",
            Kind::Null => "null",
        };
        let mac = (self.0)(crate::canonical(value).as_bytes());
        let mac: String = mac.iter().map(|b| format!("{b:02x}")).collect();
        places.push((path, format!("{kind}:{mac}")));
        Some(())
    }
}

impl Shape {
    /// Whether `other` is the same but for values at the places that are free.
    #[must_use]
    pub fn fits(&self, other: &Shape, free: &[String]) -> bool {
        let kind = |what: &str| what.split(':').next().unwrap_or_default().to_owned();
        self.0.len() == other.0.len()
            && self.0.iter().zip(&other.0).all(|((at, a), (other_at, b))| {
                at == other_at && (a == b || (free.contains(at) && kind(a) == kind(b)))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use carnet_json::{Limits, Tape};

    fn of(text: &str) -> Shape {
        let tape = Tape::parse(text.as_bytes(), &Limits::default()).expect("JSON");
        // Stands in for a keyed hash.
        let mac = |bytes: &[u8]| {
            let mut out = [0; 16];
            for (n, b) in bytes.iter().enumerate() {
                out[n % 16] ^= b.rotate_left((n / 16) as u32);
            }
            out
        };
        ShapeOf(&mac).of(tape.root(text.as_bytes())).expect("small")
    }

    #[test]
    fn only_free_places_differ() {
        let base = of(r#"{"to":"ada","n":1,"deep":{"ids":[1,2]}}"#);
        for (text, free, fits) in [
            (r#"{"n":1.0,"deep":{"ids":[1,2]},"to":"ada"}"#, "", true),
            (r#"{"to":"bob","n":1,"deep":{"ids":[1,2]}}"#, "", false),
            (r#"{"to":"bob","n":1,"deep":{"ids":[1,2]}}"#, "to", true),
            (r#"{"to":5,"n":1,"deep":{"ids":[1,2]}}"#, "to", false),
            (r#"{"to":"ada","n":1,"deep":{"ids":[1,2]},"more":1}"#, "more", false),
            (r#"{"to":"ada","n":1,"deep":{"ids":[1,2,3]}}"#, "deep.ids[2]", false),
        ] {
            assert_eq!(base.fits(&of(text), &[free.to_owned()]), fits, "{text} {free}");
        }
    }
}
