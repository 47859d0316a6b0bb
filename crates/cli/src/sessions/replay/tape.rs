//! The recorded requests of a session with their answers, and which answer a new request gets.

use anyhow::Context as _;
use carnet_evidence::{LeafType, field};
use serde_json::{Value, json};

use crate::sessions::opened::Opened;
use crate::sessions::place::Place;
use crate::sessions::show;

/// A request that was recorded, and what came of it.
struct Entry {
    method: String,
    params: Value,
    /// The message that answered; none where the gateway stopped it, or the answer is not there.
    answer: Option<Value>,
    said: String,
    used: bool,
}

/// The requests of a client in a session, in their order.
#[derive(Default)]
pub(super) struct Tape(Vec<Entry>);

/// The pseudonym and the tape of a session.
pub(super) fn of(place: &Place, id: &str) -> anyhow::Result<(String, Tape)> {
    let (id, records) = show::session(place, id)?;
    let tape = Tape::new(&records);
    anyhow::ensure!(!tape.0.is_empty(), "session {id} has no request that can be read");
    Ok((id, tape))
}

impl Tape {
    fn new(records: &[Opened]) -> Tape {
        let mut tape = Tape::default();
        let mut places = std::collections::HashMap::new();
        for record in records {
            let frame = || serde_json::from_slice::<Value>(record.frame.as_deref()?).ok();
            match record.ty {
                LeafType::CallDecision if record.text(field::DIRECTION).as_deref() != Some("to_client") => {
                    let Some(message) = frame().filter(|m| m.get("id").is_some()) else { continue };
                    let text = |name: &str| message.get(name).and_then(Value::as_str).map(str::to_owned);
                    let Some(method) = text("method") else { continue };
                    places.insert(record.index, tape.0.len());
                    let params = message.get("params").cloned().unwrap_or(Value::Null);
                    let said = record.text(field::DECISION).unwrap_or_default();
                    tape.0.push(Entry { method, params: plain(params), answer: None, said, used: false });
                }
                LeafType::CallOutcome => {
                    let entry = record.of.and_then(|of| places.get(&of)).and_then(|at| tape.0.get_mut(*at));
                    // Of a stream of messages, the last is the response.
                    if let (Some(entry), Some(message)) = (entry, frame()) {
                        entry.answer = Some(message);
                    }
                }
                _ => {}
            }
        }
        tape
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The answer to a message: that of the same request, else of the next one for the same tool, else of the same method. `None`
    /// for a notification.
    pub(super) fn answer(&mut self, message: &Value) -> Option<Value> {
        let id = message.get("id")?.clone();
        let method = message.get("method").and_then(Value::as_str)?;
        let params = plain(message.get("params").cloned().unwrap_or(Value::Null));
        let Some(entry) = self.find(method, &params) else { return Some(made_up(id, method, &params)) };
        entry.used = true;
        let error =
            |text: String| json!({"jsonrpc": "2.0", "id": id, "error": {"code": -32000, "message": text}});
        let Some(answer) = &entry.answer else {
            return Some(error(format!("in the recording this got no answer (decision: {})", entry.said)));
        };
        let mut answer = answer.clone();
        let object = answer.as_object_mut()?;
        object.insert("id".to_owned(), id);
        Some(answer)
    }

    fn find(&mut self, method: &str, params: &Value) -> Option<&mut Entry> {
        let name = named(params);
        let same = |e: &Entry| e.method == method && e.params == *params;
        let alike = |e: &Entry| e.method == method && named(&e.params) == name;
        let at = [
            self.0.iter().position(|e| same(e) && !e.used),
            self.0.iter().position(same),
            self.0.iter().position(|e| alike(e) && !e.used),
            self.0.iter().rposition(alike),
        ];
        self.0.get_mut(at.into_iter().flatten().next()?)
    }
}

/// What a request names.
fn named(params: &Value) -> Option<&str> {
    params.get("name").or_else(|| params.get("uri"))?.as_str()
}

/// Parameters without what differs in each run.
fn plain(mut params: Value) -> Value {
    if let Some(object) = params.as_object_mut() {
        object.remove("_meta");
    }
    params
}

/// What a client needs for a session although the recording does not have it.
fn made_up(id: Value, method: &str, params: &Value) -> Value {
    let result = match method {
        "initialize" => {
            let version = params.get("protocolVersion").cloned().unwrap_or_else(|| json!("2025-11-25"));
            json!({
                "protocolVersion": version,
                "capabilities": {"tools": {}, "resources": {}, "prompts": {}},
                "serverInfo": {"name": "carnet-replay", "version": env!("CARGO_PKG_VERSION")},
            })
        }
        "ping" => json!({}),
        "tools/list" => json!({"tools": []}),
        "resources/list" => json!({"resources": []}),
        "prompts/list" => json!({"prompts": []}),
        _ => {
            let error = json!({"code": -32601, "message": "the recording has no such request"});
            return json!({"jsonrpc": "2.0", "id": id, "error": error});
        }
    };
    json!({"jsonrpc": "2.0", "id": id, "result": result})
}

/// Reads one message.
pub(super) fn message(bytes: &[u8]) -> anyhow::Result<Value> {
    serde_json::from_slice(bytes).context("not JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(method: &str, params: Value, answer: Option<Value>) -> Entry {
        Entry { method: method.to_owned(), params, answer, said: "permit".to_owned(), used: false }
    }

    fn ask(tape: &mut Tape, method: &str, params: Value) -> Value {
        tape.answer(&json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": params})).unwrap()
    }

    #[test]
    fn the_nearest_recorded_answer_is_given() {
        let result = |n: u64| Some(json!({"jsonrpc": "2.0", "id": 1, "result": n}));
        let call = |name: &str, x: u64| json!({"name": name, "arguments": {"x": x}});
        let mut tape = Tape(vec![
            entry("tools/call", call("a", 1), result(10)),
            entry("tools/call", call("a", 2), result(20)),
            entry("tools/call", call("b", 1), None),
        ]);
        // The same request, also a second time; another one for the same tool gets the next that was not used, then the last.
        for (params, want) in [(call("a", 2), 20), (call("a", 2), 20), (call("a", 9), 10), (call("a", 9), 20)]
        {
            let answer = ask(&mut tape, "tools/call", params);
            assert_eq!((answer["result"].clone(), answer["id"].clone()), (json!(want), json!(7)));
        }
        let none = ask(&mut tape, "tools/call", call("b", 1));
        assert!(none["error"]["message"].as_str().unwrap().contains("no answer"), "{none}");
        assert_eq!(ask(&mut tape, "tools/call", call("c", 1))["error"]["code"], -32601);
        assert_eq!(ask(&mut tape, "ping", Value::Null)["result"], json!({}));
        assert!(tape.answer(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).is_none());
    }
}
