//! JSON Schema (draft 2020-12) of the file format, for editors, made from the same tables as the check.

use carnet_model::DataClass;
use serde_json::{Map, Value, json};

use crate::format::FILE;
use crate::shape::{Kind, Table};

/// The schema as text, for `carnet schema` and for an editor's `# yaml-language-server: $schema=` line.
#[must_use]
pub fn schema() -> String {
    let mut root = Map::new();
    root.insert("$schema".into(), json!("https://json-schema.org/draft/2020-12/schema"));
    root.insert("title".into(), json!("Carnet configuration, version 1"));
    if let Value::Object(table) = of_table(&FILE) {
        root.extend(table);
    }
    format!("{:#}\n", Value::Object(root))
}

fn of_table(table: &Table) -> Value {
    let mut properties = Map::new();
    for key in table.keys {
        let mut schema = of_kind(&key.kind);
        if let Value::Object(fields) = &mut schema {
            fields.insert("description".into(), json!(key.about));
        }
        properties.insert(key.name.into(), schema);
    }
    let required: Vec<&str> = table.keys.iter().filter(|k| k.required).map(|k| k.name).collect();
    let mut out = json!({ "type": "object", "additionalProperties": false, "properties": properties });
    if let (Value::Object(fields), false) = (&mut out, required.is_empty()) {
        fields.insert("required".into(), json!(required));
    }
    out
}

fn of_kind(kind: &Kind) -> Value {
    match kind {
        Kind::Version => json!({ "const": 1 }),
        Kind::Text | Kind::Path | Kind::Address | Kind::Host => json!({ "type": "string", "minLength": 1 }),
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Count => json!({ "type": "integer", "minimum": 1 }),
        Kind::Words(words) => json!({ "enum": words }),
        Kind::Class => json!({ "anyOf": [
            { "enum": DataClass::BUILT_IN.iter().map(|c| c.name()).collect::<Vec<_>>() },
            { "type": "string", "pattern": "^[a-z][a-z0-9_]{1,31}$" },
        ]}),
        Kind::Decimal => json!({ "type": "number", "minimum": 0 }),
        Kind::Claim => json!({ "oneOf": [
            { "type": "string", "minLength": 1 },
            { "type": "array", "items": { "type": "string" }, "minItems": 1 },
        ]}),
        Kind::List(item) => json!({ "type": "array", "items": of_kind(item) }),
        Kind::Map(key, value) => json!({
            "type": "object", "propertyNames": of_kind(key), "additionalProperties": of_kind(value),
        }),
        Kind::Table(table) => of_table(table),
        Kind::Any => json!({}),
        other => json!({ "type": "string", "pattern": pattern(other) }),
    }
}

fn pattern(kind: &Kind) -> &'static str {
    match kind {
        Kind::Name => "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
        Kind::Url => "^https?://[^@\\s]+$",
        Kind::Origin => "^https?://[^/@\\s]+$",
        Kind::Size => "^[0-9]+ ?(B|KiB|MiB|GiB|KB|kB|MB|GB)$",
        Kind::Duration => "^[0-9]+ ?(ms|s|m|min|h|d)$",
        Kind::Rate => "^[1-9][0-9]*/[0-9]*(ms|s|m|min|h|d)( burst [1-9][0-9]*)?$",
        Kind::Secret => "^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$",
        Kind::EnvValue => "^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+|value:.*)$",
        Kind::Region => "^([A-Za-z0-9]+:)?[A-Za-z]{2}[A-Za-z0-9-]*$",
        Kind::Sha256 => "^[0-9A-Fa-f]{64}$",
        Kind::Time => "^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}Z)?$",
        Kind::HeaderName => "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$",
        Kind::Variable => "^[A-Za-z_][A-Za-z0-9_]*$",
        _ => "",
    }
}
