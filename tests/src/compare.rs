//! Comparing what came through the gateway with what came directly: equal, except where a value is masked.

use serde_json::Value;

/// What a difference is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// A text in which only masked stretches differ: place, and the text as it came through.
    Masked(String, String),
    /// Anything else: place, directly, through the gateway.
    Other(String, String, String),
}

/// All differences, in order. A masked stretch is a mark such as `[EMAIL]` where the direct text has something else.
#[must_use]
pub fn differences(direct: &Value, through: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    walk("$", direct, through, &mut found);
    found
}

fn walk(place: &str, direct: &Value, through: &Value, found: &mut Vec<Difference>) {
    match (direct, through) {
        (Value::Object(a), Value::Object(b)) => {
            let mut keys: Vec<&String> = a.keys().chain(b.keys()).collect();
            keys.sort();
            keys.dedup();
            for key in keys {
                let missing = Value::String("(absent)".to_owned());
                let (a, b) = (a.get(key).unwrap_or(&missing), b.get(key).unwrap_or(&missing));
                walk(&format!("{place}.{key}"), a, b, found);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (i, (a, b)) in a.iter().zip(b).enumerate() {
                walk(&format!("{place}[{i}]"), a, b, found);
            }
        }
        (Value::String(a), Value::String(b)) if a != b && masked(a, b) => {
            found.push(Difference::Masked(place.to_owned(), b.clone()));
        }
        (a, b) if a != b => found.push(Difference::Other(place.to_owned(), a.to_string(), b.to_string())),
        _ => {}
    }
}

/// True if `through` is `direct` with some stretches replaced by marks, and everything else in place.
fn masked(direct: &str, through: &str) -> bool {
    let mut rest = direct;
    let mut parts = split_marks(through).into_iter().peekable();
    let Some(first) = parts.next() else { return false };
    if parts.peek().is_none() {
        return false;
    }
    let Some(after) = rest.strip_prefix(first) else { return false };
    rest = after;
    while let Some(part) = parts.next() {
        let last = parts.peek().is_none();
        let at = if last && part.is_empty() {
            Some(rest.len())
        } else if last {
            rest.rfind(part)
        } else {
            rest.find(part)
        };
        match at {
            // A mark stands for at least one character.
            Some(at) if at > 0 => rest = rest.get(at + part.len()..).unwrap_or_default(),
            _ => return false,
        }
    }
    rest.is_empty()
}

/// The text between marks; a mark is a word of capitals, digits, `_`, `-` and `:` in square brackets.
fn split_marks(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut from) = (0, 0);
    while let Some(open) = text.get(from..).and_then(|t| t.find('[')).map(|i| i + from) {
        let inside = text.get(open + 1..).unwrap_or_default();
        let length = inside
            .bytes()
            .take_while(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b"_-:".contains(b))
            .count();
        let is_mark = length >= 2
            && inside.as_bytes().get(length) == Some(&b']')
            && inside.as_bytes()[0].is_ascii_uppercase();
        from = open + 1;
        if is_mark {
            parts.push(&text[start..open]);
            start = open + length + 2;
            from = start;
        }
    }
    parts.push(&text[start..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_masked_stretches_may_differ() {
        let cases = [
            ("mail a@b.de now", "mail [EMAIL] now", true),
            ("a@b.de", "[EMAIL]", true),
            ("x a@b.de y c@d.de", "x [EMAIL] y [EMAIL]", true),
            ("[1,2] a@b.de", "[1,2] [EMAIL]", true),
            ("mail a@b.de now", "mail [EMAIL] soon", false),
            ("mail", "mail [EMAIL]", false),
            ("one", "two", false),
        ];
        for (direct, through, expected) in cases {
            assert_eq!(masked(direct, through), expected, "{direct:?} against {through:?}");
        }
    }

    #[test]
    fn every_other_difference_is_named_with_its_place() {
        let found = differences(&json!({ "a": [1, 2], "b": "x" }), &json!({ "a": [1, 3], "c": 0 }));
        let places: Vec<String> = found.iter().map(|d| format!("{d:?}")).collect();
        assert_eq!(places.len(), 3, "{places:?}");
        assert!(places[0].contains("$.a[1]"), "{places:?}");
    }
}
