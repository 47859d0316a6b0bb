//! The arguments of a call as policies see them, flattened: `filter.country` is one name, `ids.0` another.

use carnet_json::{Kind, Value};
use carnet_mcp::Message;
use carnet_policy::{Arguments, Scalar};

/// A message's arguments; walked only when a policy asks for them.
pub(crate) struct CallArguments<'a>(pub &'a Message);

impl Arguments for CallArguments<'_> {
    fn visit(&self, each: &mut dyn FnMut(&str, Scalar<'_>)) {
        if let Some(arguments) = self.0.params().and_then(|p| p.get("arguments")) {
            walk(arguments, &mut String::new(), each);
        }
    }
}

/// The scanner bounds the depth, so this recursion is bounded by it.
fn walk(value: Value<'_>, path: &mut String, each: &mut dyn FnMut(&str, Scalar<'_>)) {
    match value.kind() {
        Kind::Object => {
            for (key, child) in value.entries() {
                step(&key.as_str().unwrap_or_default(), child, path, each);
            }
        }
        Kind::Array => {
            for (i, child) in value.items().enumerate() {
                step(&i.to_string(), child, path, each);
            }
        }
        Kind::String | Kind::Key => each(path, Scalar::Text(&value.as_str().unwrap_or_default())),
        Kind::Number => match value.as_i64() {
            Some(n) => each(path, Scalar::Int(n)),
            None => each(path, Scalar::Text(value.raw_str())),
        },
        Kind::True => each(path, Scalar::Bool(true)),
        Kind::False => each(path, Scalar::Bool(false)),
        Kind::Null => each(path, Scalar::Null),
    }
}

fn step(name: &str, child: Value<'_>, path: &mut String, each: &mut dyn FnMut(&str, Scalar<'_>)) {
    let base = path.len();
    if base > 0 {
        path.push('.');
    }
    path.push_str(name);
    walk(child, path, each);
    path.truncate(base);
}
