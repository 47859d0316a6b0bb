//! Lists of tools, resources, templates and prompts: their items, and the splices that take items out.

use std::borrow::Cow;
use std::collections::HashSet;

use carnet_json::{Edits, Kind as JsonKind};
use carnet_model::Action;

use crate::message::Message;

/// One item of a list.
#[derive(Clone)]
pub struct Item<'a> {
    /// The name; for resources and templates the URI or its template.
    pub name: Cow<'a, str>,
    /// Its node in the message's tape.
    pub node: u32,
    /// The definition's bytes as the server wrote them: what a fingerprint is taken of.
    pub definition: &'a [u8],
    /// A tool's `inputSchema`.
    pub input_schema: Option<&'a [u8]>,
    /// A tool's `outputSchema`.
    pub output_schema: Option<&'a [u8]>,
}

/// The items of one list result.
#[derive(Clone)]
pub struct List<'a> {
    /// Those that have a name.
    pub items: Vec<Item<'a>>,
    /// Those without: no policy can be asked about them, so [`remove`] always takes them out.
    pub nameless: Vec<u32>,
    /// The node of the array.
    node: u32,
}

impl std::fmt::Debug for List<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "List({} items)", self.items.len())
    }
}

/// Reads the result of a list request. `None` if `request` is no list method or the message has no such list.
#[must_use]
pub fn read(message: &Message, request: Action) -> Option<List<'_>> {
    let (member, name) = match request {
        Action::TOOLS_LIST => ("tools", "name"),
        Action::PROMPTS_LIST => ("prompts", "name"),
        Action::RESOURCES_LIST => ("resources", "uri"),
        Action::RESOURCES_TEMPLATES_LIST => ("resourceTemplates", "uriTemplate"),
        _ => return None,
    };
    let array = message.result()?.get(member)?;
    let mut list = List { items: Vec::new(), nameless: Vec::new(), node: array.index() };
    for item in array.items() {
        let named = item.get(name).and_then(|n| n.as_str()).filter(|n| !n.is_empty());
        let Some(name) = named else {
            list.nameless.push(item.index());
            continue;
        };
        let raw = |key| item.get(key).map(|v| v.raw());
        list.items.push(Item {
            name,
            node: item.index(),
            definition: item.raw(),
            input_schema: raw("inputSchema"),
            output_schema: raw("outputSchema"),
        });
    }
    Some(list)
}

/// The splices that take out the items with these nodes, those without a name, and a list that is no array; and that mark
/// the result as `private` where it says how it may be cached (2026-07-28: a list made for one caller must be).
#[must_use]
pub fn remove(message: &Message, list: &List<'_>, hidden: &[u32]) -> Edits {
    let mut edits = Edits::new();
    let array = message.tape().value(message.bytes(), list.node);
    if array.kind() != JsonKind::Array {
        edits.replace(array.span(), b"[]");
    }
    let gone: HashSet<u32> = hidden.iter().chain(&list.nameless).copied().collect();
    let gone = |node: u32| gone.contains(&node);
    let mut items = array.items().peekable();
    let (mut kept, mut last_end) = (false, 0);
    while let Some(item) = items.next() {
        let span = item.span();
        if gone(item.index()) {
            // The comma goes with the item: the one before it, or behind it while nothing is kept yet.
            let next = items.peek().map_or(span.end, |n| n.span().start);
            edits.replace(if kept { last_end..span.end } else { span.start..next }, b"");
        } else {
            kept = true;
        }
        last_end = span.end;
    }
    make_private(message, &mut edits);
    edits
}

/// Sets a `cacheScope` to `private`.
pub fn make_private(message: &Message, edits: &mut Edits) {
    let scope = message.result().and_then(|r| r.get("cacheScope"));
    if let Some(scope) = scope.filter(|s| !s.is_str("private")) {
        edits.replace(scope.span(), b"\"private\"");
    }
}
