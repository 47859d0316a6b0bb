//! What the sample server's tools do.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Wrong;
use super::catalog::{OVERVIEW, PROMPT};
use crate::demo::data::Customer;

/// A note is cut at this many characters.
const LONGEST_NOTE: usize = 2000;
/// A customer has at most this many notes.
const MOST_NOTES: usize = 100;

/// Calls a tool.
pub(super) fn call(customers: &mut Vec<Customer>, name: &str, arguments: &Value) -> Result<Value, Wrong> {
    let text = |key: &str| arguments.get(key).and_then(Value::as_str).unwrap_or_default();
    Ok(match name {
        "search_customers" => {
            let found: Vec<_> =
                customers.iter().filter(|c| c.matches(text("query"))).map(Customer::summary).collect();
            result(json!({ "customers": found }))
        }
        "get_customer" => match customers.iter().find(|c| c.id == text("id")) {
            Some(customer) => result(customer.to_json()),
            None => failed("There is no such customer."),
        },
        "export_customers" => {
            let wanted = |c: &&Customer| text("country").is_empty() || c.country == text("country");
            let found: Vec<_> = customers.iter().filter(wanted).map(Customer::to_json).collect();
            result(json!({ "customers": found }))
        }
        "add_note" => match customers.iter_mut().find(|c| c.id == text("id")) {
            Some(customer) if customer.notes.len() < MOST_NOTES => {
                customer.notes.push(text("text").chars().take(LONGEST_NOTE).collect());
                result(json!({ "id": customer.id, "notes": customer.notes.len() }))
            }
            Some(_) => failed("This customer has too many notes."),
            None => failed("There is no such customer."),
        },
        "delete_customer" => match customers.iter().position(|c| c.id == text("id")) {
            Some(at) => result(json!({ "deleted": customers.remove(at).id })),
            None => failed("There is no such customer."),
        },
        _ => return Err(Wrong::parameters("there is no such tool")),
    })
}

/// The same content twice, as the specification recommends for older clients.
fn result(structured: Value) -> Value {
    json!({ "content": [{ "type": "text", "text": structured.to_string() }], "structuredContent": structured, "isError": false })
}

fn failed(why: &str) -> Value {
    json!({ "content": [{ "type": "text", "text": why }], "isError": true })
}

/// Reads the resource.
pub(super) fn read(customers: &[Customer], uri: &str) -> Result<Value, Wrong> {
    if uri != OVERVIEW {
        return Err(Wrong::parameters("there is no such resource"));
    }
    let mut countries: BTreeMap<&str, usize> = BTreeMap::new();
    for customer in customers {
        *countries.entry(customer.country).or_default() += 1;
    }
    let text = json!({ "customers": customers.len(), "by_country": countries }).to_string();
    Ok(json!({ "contents": [{ "uri": OVERVIEW, "mimeType": "application/json", "text": text }] }))
}

/// Fills the prompt.
pub(super) fn prompt(customers: &[Customer], name: &str, id: &str) -> Result<Value, Wrong> {
    if name != PROMPT {
        return Err(Wrong::parameters("there is no such prompt"));
    }
    let customer =
        customers.iter().find(|c| c.id == id).ok_or(Wrong::parameters("there is no such customer"))?;
    let text = format!("Prepare a call with this customer. Say what is open.\n{}", customer.to_json());
    Ok(json!({
        "description": "What to know before calling a customer.",
        "messages": [{ "role": "user", "content": { "type": "text", "text": text } }],
    }))
}
