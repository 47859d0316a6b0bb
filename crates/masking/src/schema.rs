//! What a tool's `outputSchema` says about members whose names say nothing: `{"c4": {"description": "customer's e-mail
//! address"}}`. The descriptions are the server's claims; they can only make more of its own answers masked.

use std::collections::HashMap;

use carnet_json::{Kind, Limits, Tape, Value};
use carnet_model::DataClass;

use crate::keys::{Hint, Keys};

/// More described members of one schema are not noted.
const MOST: usize = 1024;
/// Schemas inside one another.
const DEPTH: u8 = 24;
/// Bytes of a description that are read.
const READ: usize = 160;

/// Hints for the members of objects, by name and by the member that holds the object.
pub struct SchemaHints {
    /// By name; the name of the member above, or none at the root of the schema.
    members: HashMap<String, Vec<(Option<String>, Hint)>>,
}

impl std::fmt::Debug for SchemaHints {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SchemaHints").field("members", &self.members.len()).finish()
    }
}

impl SchemaHints {
    pub(crate) fn read(schema: &[u8], keys: &Keys) -> Option<SchemaHints> {
        let tape = Tape::parse(schema, &Limits::default()).ok()?;
        let mut hints = SchemaHints { members: HashMap::new() };
        let mut left = MOST;
        // Definitions are read like the place that refers to them: by the names of their own members.
        hints.visit(tape.root(schema), None, DEPTH, keys, &mut left);
        (!hints.members.is_empty()).then_some(hints)
    }

    fn visit(&mut self, schema: Value<'_>, above: Option<&str>, depth: u8, keys: &Keys, left: &mut usize) {
        if depth == 0 || schema.kind() != Kind::Object {
            return;
        }
        for (word, value) in schema.entries() {
            match &*word.as_str().unwrap_or_default() {
                "properties" => self.members(value, above, depth, keys, left),
                "items" | "additionalProperties" | "then" | "else" | "contains" => {
                    self.visit(value, above, depth - 1, keys, left)
                }
                "allOf" | "anyOf" | "oneOf" | "prefixItems" => {
                    value.items().for_each(|v| self.visit(v, above, depth - 1, keys, left));
                }
                "$defs" | "definitions" => {
                    value.entries().for_each(|(_, v)| self.visit(v, None, depth - 1, keys, left))
                }
                _ => {}
            }
        }
    }

    fn members(
        &mut self,
        properties: Value<'_>,
        above: Option<&str>,
        depth: u8,
        keys: &Keys,
        left: &mut usize,
    ) {
        for (name, schema) in properties.entries() {
            let Some(name) = name.as_str() else { continue };
            let text =
                |word: &str| schema.get(word).filter(|v| v.kind() == Kind::String).and_then(|v| v.as_str());
            let hint = ["title", "description"].iter().find_map(|w| describe(&text(w)?, keys));
            let format = || match &*text("format")? {
                "email" | "idn-email" => keys.hint("email"),
                _ => None,
            };
            if let Some(hint) = hint.or_else(format)
                && *left > 0
            {
                *left -= 1;
                let entry = (above.map(str::to_owned), hint);
                self.members.entry(name.clone().into_owned()).or_default().push(entry);
            }
            self.visit(schema, Some(&name), depth - 1, keys, left);
        }
    }

    /// The hint of a member; `above` is the name of the member that holds its object. What stands at the root of a schema
    /// may be anywhere, as the same object comes as structured content and as text.
    pub(crate) fn get(&self, name: &str, above: Option<&str>) -> Option<Hint> {
        let list = self.members.get(name)?;
        list.iter().find(|(a, _)| a.as_deref().is_none_or(|a| Some(a) == above)).map(|(_, h)| *h)
    }
}

/// What a description names: the longest run of its words, in its first clause, that is a term by itself.
fn describe(text: &str, keys: &Keys) -> Option<Hint> {
    let text = text.char_indices().nth(READ).map_or(text, |(i, _)| text.get(..i).unwrap_or(text));
    let clause = text.split(['.', ',', ';', '(', ':', '\n']).next()?;
    let words: Vec<&str> = clause.split_whitespace().collect();
    // `whether the e-mail address is verified` describes no e-mail address.
    if words.iter().any(|w| NOT.iter().any(|n| n.eq_ignore_ascii_case(w))) {
        return None;
    }
    for len in (1..=words.len().min(5)).rev() {
        for run in words.windows(len) {
            let hint = keys.hint(&run.join(" "));
            if let Some(hint) =
                hint.filter(|h| h.is_strong() && h.class.is_some_and(|c| c != DataClass::SECRET))
            {
                return Some(hint);
            }
        }
    }
    None
}

/// Words of descriptions about something else.
const NOT: &[&str] = &[
    "whether",
    "if",
    "count",
    "list",
    "total",
    "type",
    "kind",
    "status",
    "format",
    "flag",
    "url",
    "uri",
    "link",
    "without",
    "no",
    "not",
    "masked",
    "hash",
    "hashed",
    "anonymous",
    "enabled",
];
