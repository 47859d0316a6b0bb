//! JSON Schemas in tool definitions and elicitations: keywords that give the structure are not content; titles,
//! descriptions, defaults, enumerations, constants and examples are.

use carnet_json::{Kind as JsonKind, Value};

use super::Content;

impl Content {
    /// Leaves the structural keywords of a schema out. The scanner bounds the depth, and so this recursion.
    pub(super) fn schema(&mut self, schema: Value<'_>) {
        for (key, value) in schema.entries() {
            match &*key.as_str().unwrap_or_default() {
                "type" => self.types(value),
                "format" | "pattern" | "contentEncoding" | "contentMediaType" | "x-mcp-header" => {
                    self.skip_text(value)
                }
                "$schema" | "$id" | "$ref" | "$anchor" | "$dynamicRef" | "$dynamicAnchor" => {
                    self.skip_text(value)
                }
                "required" => value.items().for_each(|name| self.skip_text(name)),
                "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" | "multipleOf"
                | "minLength" | "maxLength" | "minItems" | "maxItems" | "minProperties" | "maxProperties"
                | "minContains" | "maxContains" => self.skip_number(value),
                "properties" | "patternProperties" | "$defs" | "definitions" | "dependentSchemas" => {
                    value.entries().for_each(|(_, s)| self.schema(s));
                }
                "items" | "prefixItems" | "allOf" | "anyOf" | "oneOf" if value.kind() == JsonKind::Array => {
                    value.items().for_each(|s| self.schema(s));
                }
                "items"
                | "additionalProperties"
                | "not"
                | "if"
                | "then"
                | "else"
                | "contains"
                | "propertyNames"
                | "unevaluatedProperties"
                | "unevaluatedItems" => self.schema(value),
                _ => {}
            }
        }
    }

    fn types(&mut self, value: Value<'_>) {
        let known = |v: &Value<'_>| {
            ["object", "array", "string", "number", "integer", "boolean", "null"].iter().any(|t| v.is_str(t))
        };
        if known(&value) {
            self.skip_text(value);
        }
        value.items().filter(known).for_each(|v| self.skip_text(v));
    }
}
