//! Arguments of a call that only exists on the command line or in a test, as policies see them: `filter.country`, `ids.0`.

use carnet_policy::{Arguments, Scalar};
use serde_json::Value;

/// Arguments as JSON.
pub(super) struct JsonArguments<'a>(pub(super) &'a Value);

impl Arguments for JsonArguments<'_> {
    fn visit(&self, each: &mut dyn FnMut(&str, Scalar<'_>)) {
        walk(self.0, &mut String::new(), each);
    }
}

fn walk(value: &Value, path: &mut String, each: &mut dyn FnMut(&str, Scalar<'_>)) {
    match value {
        Value::Object(members) => members.iter().for_each(|(key, child)| step(key, child, path, each)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(i, child)| step(&i.to_string(), child, path, each));
        }
        Value::String(text) => each(path, Scalar::Text(text)),
        Value::Number(number) => match number.as_i64() {
            Some(n) => each(path, Scalar::Int(n)),
            None => each(path, Scalar::Text(&number.to_string())),
        },
        Value::Bool(b) => each(path, Scalar::Bool(*b)),
        Value::Null => each(path, Scalar::Null),
    }
}

fn step(name: &str, child: &Value, path: &mut String, each: &mut dyn FnMut(&str, Scalar<'_>)) {
    let base = path.len();
    if base > 0 {
        path.push('.');
    }
    path.push_str(name);
    walk(child, path, each);
    path.truncate(base);
}

/// `k=v` from the command line: a number, `true`, `false` and `null` are what they look like, everything else is text.
/// A path such as `filter.country=de` stays one name, which policies cannot tell from a nested one.
pub(super) fn assign(into: &mut Value, given: &str) -> anyhow::Result<()> {
    let (path, text) =
        given.split_once('=').ok_or_else(|| anyhow::anyhow!("--arg {given}: write it as NAME=VALUE"))?;
    let Value::Object(members) = into else { anyhow::bail!("--arg needs --arguments to be a JSON object") };
    let value = match serde_json::from_str::<Value>(text) {
        Ok(value @ (Value::Number(_) | Value::Bool(_) | Value::Null)) => value,
        _ => Value::String(text.to_owned()),
    };
    members.insert(path.to_owned(), value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_flattened_as_the_gate_does_it() {
        let mut value =
            serde_json::json!({"filter": {"country": "de", "ids": [1, 2.5]}, "all": true, "x": null});
        assign(&mut value, "limit=10").unwrap();
        assign(&mut value, "name=ada=lovelace").unwrap();
        assert!(assign(&mut value, "name").is_err());
        let mut seen = Vec::new();
        JsonArguments(&value).visit(&mut |path, scalar| seen.push(format!("{path} {scalar:?}")));
        seen.sort();
        let expected = [
            "all Bool(true)",
            "filter.country Text(\"de\")",
            "filter.ids.0 Int(1)",
            "filter.ids.1 Text(\"2.5\")",
            "limit Int(10)",
            "name Text(\"ada=lovelace\")",
            "x Null",
        ];
        assert_eq!(seen, expected);
    }
}
