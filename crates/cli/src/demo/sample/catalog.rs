//! What the sample server offers: its tools with their schemas, a resource and a prompt.

use carnet_mcp::Revision;
use serde_json::{Value, json};

/// The resource.
pub(super) const OVERVIEW: &str = "crm://customers/overview";
/// The prompt.
pub(super) const PROMPT: &str = "prepare_call";

fn server() -> Value {
    json!({ "name": "carnet-demo-crm", "title": "Sample CRM", "version": env!("CARGO_PKG_VERSION") })
}

fn capabilities() -> Value {
    json!({ "tools": {}, "resources": {}, "prompts": {} })
}

const INSTRUCTIONS: &str =
    "A register of fictional European customers. Find one with search_customers, then get_customer.";

/// The answer to `initialize`: the revision asked for where it has one, else the newest that has.
pub(super) fn initialized(asked: &str) -> Value {
    let legacy = Revision::parse(asked).filter(|r| *r <= Revision::LATEST_LEGACY);
    json!({
        "protocolVersion": legacy.unwrap_or(Revision::LATEST_LEGACY).as_str(),
        "capabilities": capabilities(),
        "serverInfo": server(),
        "instructions": INSTRUCTIONS,
    })
}

/// The answer to `server/discover`.
pub(super) fn discovered() -> Value {
    json!({
        "supportedVersions": Revision::ALL.map(Revision::as_str),
        "capabilities": capabilities(),
        "instructions": INSTRUCTIONS,
        "_meta": { "io.modelcontextprotocol/serverInfo": server() },
    })
}

fn text(description: &str) -> Value {
    json!({ "type": "string", "description": description })
}

fn object(properties: Value, required: &[&str]) -> Value {
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

fn plain(names: &[&str]) -> serde_json::Map<String, Value> {
    names.iter().map(|name| ((*name).to_owned(), json!({ "type": "string" }))).collect()
}

fn summary() -> Value {
    let names = ["id", "name", "email", "city", "country", "plan"];
    object(Value::Object(plain(&names)), &names)
}

fn customer() -> Value {
    let names = ["id", "name", "email", "phone", "birth_date", "national_id", "iban", "card", "plan"];
    let address = ["street", "postal_code", "city", "country"];
    let mut properties = plain(&names);
    properties.insert("address".to_owned(), object(Value::Object(plain(&address)), &address));
    properties.insert("notes".to_owned(), json!({ "type": "array", "items": { "type": "string" } }));
    let required: Vec<&str> = names.into_iter().chain(["address", "notes"]).collect();
    object(Value::Object(properties), &required)
}

fn tool(name: &str, title: &str, description: &str, input: Value, output: Value, reads: bool) -> Value {
    json!({
        "name": name,
        "title": title,
        "description": description,
        "inputSchema": input,
        "outputSchema": output,
        "annotations": { "readOnlyHint": reads, "destructiveHint": name == "delete_customer", "openWorldHint": false },
    })
}

/// The tools.
pub(super) fn tools() -> Value {
    let id = json!({ "id": text("Customer number, such as C-1001") });
    let many =
        |item: Value| object(json!({ "customers": { "type": "array", "items": item } }), &["customers"]);
    let query = json!({ "query": text("Part of a name, e-mail, city, country or plan. Empty: all.") });
    let country = json!({ "country": text("Two letters, such as DE. Without it: all customers.") });
    let note = json!({ "id": text("Customer number"), "text": text("The note") });
    let noted =
        object(json!({ "id": { "type": "string" }, "notes": { "type": "integer" } }), &["id", "notes"]);
    let deleted = object(json!({ "deleted": { "type": "string" } }), &["deleted"]);
    json!([
        tool(
            "search_customers",
            "Search customers",
            "Finds customers.",
            object(query, &[]),
            many(summary()),
            true
        ),
        tool(
            "get_customer",
            "Get a customer",
            "The whole record of one customer.",
            object(id.clone(), &["id"]),
            customer(),
            true
        ),
        tool(
            "export_customers",
            "Export customers",
            "Whole records of many customers.",
            object(country, &[]),
            many(customer()),
            true
        ),
        tool(
            "add_note",
            "Add a note",
            "Adds a note to a customer.",
            object(note, &["id", "text"]),
            noted,
            false
        ),
        tool(
            "delete_customer",
            "Delete a customer",
            "Deletes a customer for good.",
            object(id, &["id"]),
            deleted,
            false
        ),
    ])
}

/// The resources.
pub(super) fn resources() -> Value {
    json!([{
        "uri": OVERVIEW,
        "name": "overview",
        "title": "Customers by country",
        "mimeType": "application/json",
    }])
}

/// The prompts.
pub(super) fn prompts() -> Value {
    json!([{
        "name": PROMPT,
        "title": "Prepare a call",
        "description": "What to know before calling a customer.",
        "arguments": [{ "name": "id", "description": "Customer number", "required": true }],
    }])
}
