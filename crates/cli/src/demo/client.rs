//! The tour's own MCP client: a request, a reply, over real HTTP. It sees what any client sees.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, bail};
use carnet_mcp::Revision;
use carnet_mcp::sse::Decoder;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, Request};
use http_body_util::Full;
use serde_json::{Value, json};

use super::http::send;

/// Bytes of one event of a stream.
const LARGEST_EVENT: usize = 4 << 20;

/// A client with a token.
pub(super) struct Client {
    address: SocketAddr,
    path: String,
    token: String,
    revision: Revision,
    session: Option<String>,
    next: AtomicU64,
}

impl Client {
    /// A client of the newest revision, in which every request stands alone.
    pub(super) fn new(address: SocketAddr, path: &str, token: &str) -> Client {
        let (path, token) = (path.to_owned(), token.to_owned());
        Client { address, path, token, revision: Revision::LATEST, session: None, next: AtomicU64::new(1) }
    }

    /// A client of the revision before, as most stdio servers still need it: greets the server first.
    pub(super) async fn greeting(address: SocketAddr, path: &str, token: &str) -> anyhow::Result<Client> {
        let mut client = Client { revision: Revision::LATEST_LEGACY, ..Client::new(address, path, token) };
        let params = json!({
            "protocolVersion": client.revision.as_str(),
            "capabilities": {},
            "clientInfo": client_info(),
        });
        let (headers, reply) = client.exchange("initialize", params, true).await?;
        result(&reply).context("the server did not take initialize")?;
        client.session = headers.get("mcp-session-id").and_then(|v| v.to_str().ok()).map(str::to_owned);
        client.exchange("notifications/initialized", json!({}), false).await?;
        Ok(client)
    }

    /// The names of the tools that this caller is shown.
    pub(super) async fn tools(&self) -> anyhow::Result<Vec<String>> {
        let listed = self.request("tools/list", json!({})).await?;
        let tools =
            listed.get("tools").and_then(Value::as_array).context("the answer has no list of tools")?;
        Ok(tools.iter().filter_map(|t| t.get("name")?.as_str()).map(str::to_owned).collect())
    }

    /// Calls a tool.
    pub(super) async fn call(&self, tool: &str, arguments: Value) -> anyhow::Result<Called> {
        let result = self.request("tools/call", json!({ "name": tool, "arguments": arguments })).await?;
        let text = result.pointer("/content/0/text").and_then(Value::as_str).unwrap_or_default().to_owned();
        let failed = result.get("isError").and_then(Value::as_bool).unwrap_or(false);
        let structured = result.get("structuredContent").cloned().unwrap_or_default();
        Ok(Called { whole: result.to_string(), text, structured, failed })
    }

    /// A request and its result.
    pub(super) async fn request(&self, method: &str, params: Value) -> anyhow::Result<Value> {
        let (_, reply) = self.exchange(method, params, true).await?;
        result(&reply).with_context(|| format!("{method} failed"))
    }

    async fn exchange(
        &self,
        method: &str,
        mut params: Value,
        asks: bool,
    ) -> anyhow::Result<(HeaderMap, Value)> {
        let modern = self.revision == Revision::LATEST;
        let mut request = Request::post(self.path.as_str())
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "application/json, text/event-stream")
            .header(AUTHORIZATION, format!("Bearer {}", self.token));
        if modern || method != "initialize" {
            request = request.header("mcp-protocol-version", self.revision.as_str());
        }
        if let Some(session) = &self.session {
            request = request.header("mcp-session-id", session);
        }
        if modern {
            request = request.header("mcp-method", method);
            if let Some(name) = params.get("name").and_then(Value::as_str) {
                request = request.header("mcp-name", name);
            }
            if let Some(members) = params.as_object_mut() {
                members.insert("_meta".to_owned(), meta(self.revision));
            }
        }
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let mut message = json!({ "jsonrpc": "2.0", "method": method, "params": params });
        if let (true, Some(members)) = (asks, message.as_object_mut()) {
            members.insert("id".to_owned(), json!(id));
        }
        let (head, body) =
            send(self.address, request.body(Full::from(message.to_string()))?).await?.into_parts();
        if !asks {
            return Ok((head.headers, Value::Null));
        }
        let is_stream =
            head.headers.get(CONTENT_TYPE).is_some_and(|v| v.as_bytes().starts_with(b"text/event-stream"));
        let reply = if is_stream {
            from_stream(&body, id)?
        } else {
            serde_json::from_slice(&body).unwrap_or_default()
        };
        if reply.is_null() {
            bail!("{method} was answered with HTTP {} and no message", head.status.as_u16());
        }
        Ok((head.headers, reply))
    }
}

/// What a call of a tool gave.
pub(super) struct Called {
    /// The whole result, to look for what must not be in it.
    pub(super) whole: String,
    /// The first text.
    pub(super) text: String,
    /// `structuredContent`.
    pub(super) structured: Value,
    /// `isError`.
    pub(super) failed: bool,
}

fn client_info() -> Value {
    json!({ "name": "carnet-demo", "version": env!("CARGO_PKG_VERSION") })
}

fn meta(revision: Revision) -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": revision.as_str(),
        "io.modelcontextprotocol/clientInfo": client_info(),
        "io.modelcontextprotocol/clientCapabilities": {},
    })
}

/// The response among the events of a stream.
fn from_stream(body: &[u8], id: u64) -> anyhow::Result<Value> {
    let events = Decoder::new(LARGEST_EVENT).push(body).ok().context("an event is too large")?;
    let messages = events.iter().filter_map(|e| serde_json::from_slice::<Value>(e.data.as_ref()?).ok());
    Ok(messages.into_iter().find(|m| m.get("id").and_then(Value::as_u64) == Some(id)).unwrap_or_default())
}

fn result(reply: &Value) -> anyhow::Result<Value> {
    if let Some(result) = reply.get("result") {
        return Ok(result.clone());
    }
    let text =
        reply.pointer("/error/message").and_then(Value::as_str).unwrap_or("neither a result nor an error");
    bail!("{text}")
}
