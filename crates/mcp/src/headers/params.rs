//! `x-mcp-header` in a tool's input schema: which arguments are mirrored into which `Mcp-Param-*` headers.

use carnet_json::{Kind as JsonKind, Limits, Tape, Value};

use crate::message::Message;

/// A tool whose `x-mcp-header` breaks the rules: clients must leave it out of the list.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("an x-mcp-header that the specification does not allow")]
pub struct InvalidSchema;

/// The headers that one tool asks for.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct ParamHeaders {
    /// Header name behind `Mcp-Param-`, and the path of property names to the argument.
    headers: Vec<(String, Vec<String>)>,
}

impl ParamHeaders {
    /// Reads a tool's `inputSchema`.
    ///
    /// # Errors
    /// An empty or repeated name, one that is no header name, on a type other than string, integer or boolean, or at a
    /// place that is not reached by `properties` alone.
    pub fn from_schema(schema: &[u8]) -> Result<ParamHeaders, InvalidSchema> {
        let tape = Tape::parse(schema, &Limits::default()).map_err(|_| InvalidSchema)?;
        let mut found = ParamHeaders::default();
        let mut seen = 0;
        found.properties(tape.root(schema), &mut Vec::new(), &mut seen)?;
        // Any annotation that the walk did not meet lies where none may be. Properties of that name do not count.
        let everywhere = annotations(tape.root(schema), false);
        if everywhere == seen { Ok(found) } else { Err(InvalidSchema) }
    }

    /// Header name behind `Mcp-Param-`, and the path to the argument.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.headers.iter().map(|(name, path)| (name.as_str(), path.as_slice()))
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.headers.is_empty()
    }

    fn properties(
        &mut self,
        schema: Value<'_>,
        path: &mut Vec<String>,
        seen: &mut usize,
    ) -> Result<(), InvalidSchema> {
        let Some(properties) = schema.get("properties") else { return Ok(()) };
        for (key, property) in properties.entries() {
            path.push(key.as_str().unwrap_or_default().into_owned());
            if let Some(name) = property.get("x-mcp-header") {
                *seen += 1;
                self.add(name, property, path)?;
            }
            self.properties(property, path, seen)?;
            path.pop();
        }
        Ok(())
    }

    fn add(&mut self, name: Value<'_>, property: Value<'_>, path: &[String]) -> Result<(), InvalidSchema> {
        let name = if name.kind() == JsonKind::String { name.as_str() } else { None }.ok_or(InvalidSchema)?;
        let primitive = property
            .get("type")
            .is_some_and(|t| t.is_str("string") || t.is_str("integer") || t.is_str("boolean"));
        let token = !name.is_empty() && name.bytes().all(is_tchar);
        if !primitive || !token || self.headers.iter().any(|(n, _)| n.eq_ignore_ascii_case(&name)) {
            return Err(InvalidSchema);
        }
        self.headers.push((name.into_owned(), path.to_vec()));
        Ok(())
    }
}

/// Counts `x-mcp-header` in schemas: everywhere but as the name of a property, and in data.
fn annotations(value: Value<'_>, names: bool) -> usize {
    let inside: usize = value
        .entries()
        .map(|(key, child)| {
            let key = key.as_str().unwrap_or_default();
            match &*key {
                _ if names => annotations(child, false),
                "x-mcp-header" => 1,
                "properties" | "patternProperties" | "$defs" | "definitions" | "dependentSchemas" => {
                    annotations(child, true)
                }
                "default" | "const" | "enum" | "examples" => 0,
                _ => annotations(child, false),
            }
        })
        .sum();
    inside + value.items().map(|item| annotations(item, false)).sum::<usize>()
}

fn is_tchar(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b)
}

/// The argument at a path of property names.
pub(super) fn argument<'a>(message: &'a Message, path: &[String]) -> Option<Value<'a>> {
    let arguments = message.params()?.get("arguments")?;
    path.iter().try_fold(arguments, |at, name| at.get(name))
}
