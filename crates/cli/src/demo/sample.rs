//! The sample server: a small customer register that speaks MCP over Streamable HTTP, both eras, on loopback. Like many real
//! servers it knows one key and no users, and gives whoever has the key everything.

mod calls;
mod catalog;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use carnet_mcp::headers::McpHeaders;
use carnet_mcp::{Era, Kind, Limits, Message, Refusal, Revision, code, error_response};
use http::header::{ALLOW, AUTHORIZATION};
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode};
use serde_json::{Value, json};

use super::data::{Customer, customers};
use super::http::{Reply, Site, bind, body, empty, serve};

/// Its name in the configuration.
pub(super) const NAME: &str = "crm";

/// The path of its endpoint.
const PATH: &str = "/mcp";

/// How long lists may be kept, milliseconds.
const TTL_MS: u64 = 60_000;

/// The register, and what came to it.
pub(super) struct Sample {
    key: String,
    state: Mutex<State>,
}

struct State {
    customers: Vec<Customer>,
    seen: Seen,
}

/// What came to the server, for the tour to hold against what was sent.
#[derive(Clone, Default)]
pub(super) struct Seen {
    /// Calls by tool.
    pub(super) calls: BTreeMap<String, usize>,
    /// Values of `Authorization`.
    pub(super) authorizations: BTreeSet<String>,
}

/// A running sample server.
pub(super) struct Running {
    pub(super) sample: Arc<Sample>,
    pub(super) address: SocketAddr,
}

impl Running {
    /// Where it is.
    pub(super) fn url(&self) -> String {
        format!("http://{}{PATH}", self.address)
    }
}

/// Starts it on a free port. `key` is what callers have to show.
pub(super) fn start(key: String) -> anyhow::Result<Running> {
    let listener = bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    let address = listener.local_addr()?;
    let sample = Arc::new(Sample::new(key));
    serve(listener, sample.clone())?;
    Ok(Running { sample, address })
}

/// Why a request gets an error instead of a result.
struct Wrong {
    code: i64,
    message: &'static str,
}

impl Wrong {
    fn parameters(message: &'static str) -> Wrong {
        Wrong { code: code::INVALID_PARAMS, message }
    }
}

impl Sample {
    fn new(key: String) -> Sample {
        Sample { key, state: Mutex::new(State { customers: customers(), seen: Seen::default() }) }
    }

    /// What came so far.
    pub(super) fn seen(&self) -> Seen {
        self.state().seen.clone()
    }

    /// The notes of a customer as the server has them.
    pub(super) fn notes(&self, id: &str) -> Vec<String> {
        self.state().customers.iter().find(|c| c.id == id).map(|c| c.notes.clone()).unwrap_or_default()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn knows(&self, head: &Parts) -> bool {
        let shown = head.headers.get(AUTHORIZATION).and_then(|v| v.to_str().ok()).unwrap_or_default();
        self.state().seen.authorizations.insert(shown.to_owned());
        shown.strip_prefix("Bearer ") == Some(self.key.as_str())
    }

    fn message(&self, head: &Parts, bytes: &[u8]) -> Reply {
        let message = match Message::parse_one(bytes.to_vec(), &Limits::default()) {
            Ok(message) => message,
            Err(refusal) => return refused(None, &refusal),
        };
        let id = message.id_raw().map(<[u8]>::to_vec);
        let headers =
            McpHeaders::read(head.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())));
        let era = headers.era(&message, &Revision::ALL).and_then(|era| match era {
            Era::Legacy => Ok(era),
            Era::Modern => headers.check(&message, None).map(|()| era),
        });
        let era = match era {
            Ok(era) => era,
            Err(refusal) => return refused(id.as_deref(), &refusal),
        };
        if message.kind() != Kind::Request {
            return empty(StatusCode::ACCEPTED);
        }
        let params =
            message.params().map_or(json!({}), |p| serde_json::from_slice(p.raw()).unwrap_or_default());
        let answer = self.result(&message.method().unwrap_or_default(), &params, era);
        respond(id.as_deref(), era, answer)
    }

    fn result(&self, method: &str, params: &Value, era: Era) -> Result<Value, Wrong> {
        let text = |key: &str| params.get(key).and_then(Value::as_str);
        match (method, era) {
            ("initialize", Era::Legacy) => {
                Ok(catalog::initialized(text("protocolVersion").unwrap_or_default()))
            }
            ("server/discover", Era::Modern) => Ok(kept(catalog::discovered())),
            ("ping", Era::Legacy) => Ok(json!({})),
            ("tools/list", _) => Ok(kept(json!({ "tools": catalog::tools() }))),
            ("resources/list", _) => Ok(kept(json!({ "resources": catalog::resources() }))),
            ("resources/templates/list", _) => Ok(kept(json!({ "resourceTemplates": [] }))),
            ("prompts/list", _) => Ok(kept(json!({ "prompts": catalog::prompts() }))),
            ("tools/call", _) => {
                let name = text("name").ok_or(Wrong::parameters("a tool call needs a name"))?;
                let none = json!({});
                let mut state = self.state();
                *state.seen.calls.entry(name.to_owned()).or_default() += 1;
                calls::call(&mut state.customers, name, params.get("arguments").unwrap_or(&none))
            }
            ("resources/read", _) => {
                calls::read(&self.state().customers, text("uri").unwrap_or_default()).map(kept)
            }
            ("prompts/get", _) => {
                let id = params.pointer("/arguments/id").and_then(Value::as_str).unwrap_or_default();
                calls::prompt(&self.state().customers, text("name").unwrap_or_default(), id)
            }
            _ => Err(Wrong { code: code::METHOD_NOT_FOUND, message: "there is no such method" }),
        }
    }
}

impl Site for Sample {
    fn answer(&self, head: &Parts, bytes: &[u8]) -> Reply {
        if head.uri.path() != PATH {
            return empty(StatusCode::NOT_FOUND);
        }
        if !self.knows(head) {
            return empty(StatusCode::UNAUTHORIZED);
        }
        if head.method != Method::POST {
            let mut reply = empty(StatusCode::METHOD_NOT_ALLOWED);
            reply.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
            return reply;
        }
        self.message(head, bytes)
    }
}

/// What may be kept, and by whom. The same for all callers here, since the server does not tell them apart.
fn kept(mut result: Value) -> Value {
    if let Some(members) = result.as_object_mut() {
        members.insert("ttlMs".to_owned(), json!(TTL_MS));
        members.insert("cacheScope".to_owned(), json!("private"));
    }
    result
}

fn refused(id: Option<&[u8]>, refusal: &Refusal) -> Reply {
    let status = StatusCode::from_u16(refusal.http_status).unwrap_or(StatusCode::BAD_REQUEST);
    body(status, "application/json", error_response(id, refusal))
}

fn respond(id: Option<&[u8]>, era: Era, answer: Result<Value, Wrong>) -> Reply {
    let mut result = match answer {
        Ok(result) => result,
        Err(wrong) => {
            let missing = wrong.code == code::METHOD_NOT_FOUND && era == Era::Modern;
            return refused(id, &Refusal::new(if missing { 404 } else { 200 }, wrong.code, wrong.message));
        }
    };
    if let (Era::Modern, Some(members)) = (era, result.as_object_mut()) {
        members.insert("resultType".to_owned(), json!("complete"));
    }
    // The id is repeated as it was written, not as a JSON library would write it.
    let mut out = b"{\"jsonrpc\":\"2.0\",\"id\":".to_vec();
    out.extend_from_slice(id.unwrap_or(b"null"));
    out.extend_from_slice(format!(",\"result\":{result}}}").as_bytes());
    body(StatusCode::OK, "application/json", out)
}
