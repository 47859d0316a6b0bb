//! What is known of a server's tools from its own lists: fingerprints of their definitions, the shape of their output.
//!
//! Tool definitions are the server's claims. They are used to check the masked output and to name in the record which
//! definition was in force; nothing is permitted because of them.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use carnet_masking::{Detector, SchemaHints};
use carnet_mcp::headers::ParamHeaders;
use jsonschema::Validator;
use sha2::{Digest, Sha256};

/// More tools than this of one server are not remembered.
const MOST: usize = 4096;

/// What is known of one tool.
pub struct ToolFacts {
    /// SHA-256 of the definition's bytes as the server sent them.
    pub fingerprint: [u8; 32],
    /// The definition's `outputSchema`, ready to check with. `Err` when there is one that cannot be used.
    pub output: Option<Result<Validator, ()>>,
    /// What that schema says about members whose names say nothing.
    pub described: Option<SchemaHints>,
    /// The headers that its input schema asks for (`x-mcp-header`, 2026-07-28).
    pub parameters: ParamHeaders,
    /// What the server says it does.
    pub description: Option<String>,
    /// The server says that it only reads (`annotations.readOnlyHint`).
    pub read_only: bool,
    /// The server says that what it gives out comes from anywhere (`annotations.openWorldHint`).
    pub open_world: bool,
    /// The fingerprint that it was first seen with.
    pub first: [u8; 32],
}

impl ToolFacts {
    /// Whether the definition is another than when the tool was first seen.
    #[must_use]
    pub fn changed(&self) -> bool {
        self.first != self.fingerprint
    }
}

impl std::fmt::Debug for ToolFacts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ToolFacts").field("output", &self.output.is_some()).finish_non_exhaustive()
    }
}

/// The tools of one server.
#[derive(Debug, Default)]
pub struct ToolTable {
    tools: RwLock<HashMap<String, Arc<ToolFacts>>>,
}

impl ToolTable {
    /// What is known of a tool.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Arc<ToolFacts>> {
        self.tools.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// Notes a definition. Costs a hash when nothing changed.
    pub(crate) fn note(
        &self,
        detector: &Detector,
        name: &str,
        definition: &[u8],
        output_schema: Option<&[u8]>,
        input_schema: Option<&[u8]>,
    ) {
        let fingerprint: [u8; 32] = Sha256::digest(definition).into();
        let known = self.get(name);
        if known.as_ref().is_some_and(|known| known.fingerprint == fingerprint) {
            return;
        }
        let first = known.map_or(fingerprint, |known| known.first);
        let output = output_schema.map(|schema| {
            let schema: serde_json::Value = serde_json::from_slice(schema).map_err(|_| ())?;
            // Only what is in the schema itself is followed: no reference leads to a file or a network.
            jsonschema::options().build(&schema).map_err(|_| ())
        });
        // A schema with an annotation where none may be asks for nothing that could be checked.
        let parameters = input_schema.and_then(|s| ParamHeaders::from_schema(s).ok()).unwrap_or_default();
        let described = output_schema.and_then(|schema| detector.schema_hints(schema));
        let Described { description, read_only, open_world } = described_as(definition);
        let facts = ToolFacts {
            fingerprint,
            output,
            described,
            parameters,
            description,
            read_only,
            open_world,
            first,
        };
        let mut tools = self.tools.write().unwrap_or_else(PoisonError::into_inner);
        if tools.len() < MOST || tools.contains_key(name) {
            tools.insert(name.to_owned(), Arc::new(facts));
        }
    }
}

/// What a definition says of its tool.
struct Described {
    /// Cut where it is longer than people read.
    description: Option<String>,
    read_only: bool,
    open_world: bool,
}

fn described_as(definition: &[u8]) -> Described {
    let definition: serde_json::Value = serde_json::from_slice(definition).unwrap_or_default();
    let text = definition.get("description").and_then(serde_json::Value::as_str);
    let hint = |name: &str| definition.get("annotations").and_then(|a| a.get(name)?.as_bool()) == Some(true);
    Described {
        description: text.map(|text| text.chars().take(4096).collect()),
        read_only: hint("readOnlyHint"),
        open_world: hint("openWorldHint"),
    }
}
