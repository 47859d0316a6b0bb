//! Synthetic MCP streamable-HTTP upstream.
//!
//! The server must be much cheaper than any gateway in front of it, so every large body is
//! rendered once, at first use, and then shared: a response is [head][request id][shared tail],
//! written with one vectored write and no copy of the payload.
//!
//! Protocol: 2024-11-05, 2025-03-26, 2025-06-18 and 2025-11-25 (initialize, with or without a session), and
//! 2026-07-28 (server/discover, no session, version in header and in params._meta).

mod data;

use std::collections::HashMap;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{header, HeaderValue, Method, Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::Deserialize;
use serde_json::value::RawValue;

/// A body made of a few shared chunks. `sized` decides content-length against chunked coding.
struct Parts {
    parts: [Bytes; 3],
    next: usize,
    left: u64,
    sized: bool,
}

impl Parts {
    fn new(parts: [Bytes; 3], sized: bool) -> Self {
        let left = parts.iter().map(|b| b.len() as u64).sum();
        Parts { parts, next: 0, left, sized }
    }
    fn one(b: impl Into<Bytes>) -> Self {
        Parts::new([b.into(), Bytes::new(), Bytes::new()], true)
    }
}

impl Body for Parts {
    type Data = Bytes;
    type Error = Infallible;
    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        while self.next < 3 {
            let i = self.next;
            self.next += 1;
            let b = std::mem::take(&mut self.parts[i]);
            if !b.is_empty() {
                self.left -= b.len() as u64;
                return Poll::Ready(Some(Ok(Frame::data(b))));
            }
        }
        Poll::Ready(None)
    }
    fn is_end_stream(&self) -> bool {
        self.left == 0
    }
    fn size_hint(&self) -> SizeHint {
        if self.sized {
            SizeHint::with_exact(self.left)
        } else {
            SizeHint::default()
        }
    }
}

#[derive(Deserialize)]
struct Rpc<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    method: Option<std::borrow::Cow<'a, str>>,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Call<'a> {
    #[serde(borrow)]
    name: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    arguments: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Init {
    #[serde(rename = "protocolVersion")]
    version: Option<String>,
}

#[derive(Deserialize, PartialEq, Eq, Hash, Clone)]
struct RowsArgs {
    /// Size wanted for the whole result object, in bytes.
    #[serde(default = "default_bytes")]
    bytes: usize,
    /// Answer as text/event-stream rather than application/json.
    #[serde(default)]
    sse: bool,
    /// "text": rows as JSON inside a text block; "structured": structuredContent; "both".
    #[serde(default = "default_shape")]
    shape: String,
    /// Rows without any personal data (same size), to price the "nothing to mask" case.
    #[serde(default)]
    clean: bool,
    /// Progress notifications sent before the answer (SSE only).
    #[serde(default)]
    notes: usize,
}

fn default_bytes() -> usize {
    1024
}
fn default_shape() -> String {
    "text".into()
}

#[derive(Deserialize)]
struct EchoArgs<'a> {
    #[serde(borrow, default)]
    message: Option<&'a RawValue>,
    #[serde(default)]
    sse: bool,
}

struct App {
    rows: Mutex<HashMap<RowsArgs, Arc<(Bytes, Bytes)>>>,
    sessions: bool,
    next: AtomicU64,
    calls: AtomicU64,
    tools: Bytes,
    /// The issuer's key set, for gateways that check tokens: `--jwks FILE`.
    jwks: Option<Bytes>,
}

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const SSE: HeaderValue = HeaderValue::from_static("text/event-stream");
const KNOWN: [&str; 5] = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"];

impl App {
    /// Head (before the id) and tail (after it) of a rows answer.
    fn rows(&self, a: RowsArgs) -> Arc<(Bytes, Bytes)> {
        let mut map = self.rows.lock().unwrap();
        if let Some(hit) = map.get(&a) {
            return hit.clone();
        }
        let result = data::result(a.bytes, &a.shape, a.clean);
        let made = if a.sse {
            let mut head = String::new();
            for i in 0..a.notes {
                head.push_str(&format!(
                    "event: message\ndata: {{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{{\"level\":\"info\",\"data\":\"step {i}\"}}}}\n\n"
                ));
            }
            head.push_str("event: message\ndata: {\"jsonrpc\":\"2.0\",\"id\":");
            Arc::new((Bytes::from(head), Bytes::from(format!(",\"result\":{result}}}\n\n"))))
        } else {
            Arc::new((
                Bytes::from_static(b"{\"jsonrpc\":\"2.0\",\"id\":"),
                Bytes::from(format!(",\"result\":{result}}}")),
            ))
        };
        if map.len() > 64 {
            map.clear(); // the cache is for a handful of payload kinds
        }
        map.insert(a, made.clone());
        made
    }
}

fn reply(status: StatusCode, kind: HeaderValue, body: Parts) -> Response<Parts> {
    let mut r = Response::new(body);
    *r.status_mut() = status;
    r.headers_mut().insert(header::CONTENT_TYPE, kind);
    r
}

fn empty(status: StatusCode) -> Response<Parts> {
    let mut r = Response::new(Parts::one(Bytes::new()));
    *r.status_mut() = status;
    r
}

fn rpc_error(status: StatusCode, id: &str, code: i32, message: &str) -> Response<Parts> {
    let b = format!(
        "{{\"jsonrpc\":\"2.0\",\"id\":{id},\"error\":{{\"code\":{code},\"message\":\"{message}\"}}}}"
    );
    reply(status, JSON, Parts::one(b))
}

fn result(id: &str, result: &str) -> Response<Parts> {
    reply(
        StatusCode::OK,
        JSON,
        Parts::one(format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{result}}}")),
    )
}

async fn handle(app: Arc<App>, req: Request<Incoming>) -> Response<Parts> {
    let (head, body) = req.into_parts();
    match head.method {
        Method::POST => {}
        Method::GET if head.uri.path() == "/stats" => {
            let n = app.calls.load(Ordering::Relaxed);
            return reply(StatusCode::OK, JSON, Parts::one(format!("{{\"calls\":{n}}}\n")));
        }
        Method::GET if head.uri.path() == "/health" => {
            return reply(StatusCode::OK, JSON, Parts::one("{}"))
        }
        Method::GET if head.uri.path() == "/jwks.json" => {
            return match &app.jwks {
                Some(keys) => reply(StatusCode::OK, JSON, Parts::one(keys.clone())),
                None => empty(StatusCode::NOT_FOUND),
            };
        }
        // No server-initiated stream is offered: 405 is the answer the protocol defines for that.
        Method::GET => return empty(StatusCode::METHOD_NOT_ALLOWED),
        Method::DELETE => return empty(StatusCode::OK),
        _ => return empty(StatusCode::METHOD_NOT_ALLOWED),
    }
    let Ok(body) = body.collect().await else {
        return empty(StatusCode::BAD_REQUEST);
    };
    let body = body.to_bytes();
    let Ok(rpc) = serde_json::from_slice::<Rpc>(&body) else {
        return rpc_error(StatusCode::BAD_REQUEST, "null", -32700, "parse error");
    };
    let (Some(id), Some(method)) = (rpc.id, rpc.method.as_deref()) else {
        return empty(StatusCode::ACCEPTED); // notification or response
    };
    let id = id.get();
    match method {
        "tools/call" => {
            app.calls.fetch_add(1, Ordering::Relaxed);
            let Some(Ok(call)) = rpc.params.map(|p| serde_json::from_str::<Call>(p.get())) else {
                return rpc_error(StatusCode::OK, id, -32602, "params");
            };
            let args = call.arguments.map_or("{}", |a| a.get());
            match call.name.as_ref() {
                "rows" => {
                    let Ok(a) = serde_json::from_str::<RowsArgs>(args) else {
                        return rpc_error(StatusCode::OK, id, -32602, "arguments");
                    };
                    let sse = a.sse;
                    let made = app.rows(a);
                    let parts = [made.0.clone(), Bytes::copy_from_slice(id.as_bytes()), made.1.clone()];
                    reply(
                        StatusCode::OK,
                        if sse { SSE } else { JSON },
                        Parts::new(parts, !sse),
                    )
                }
                "echo" => {
                    let Ok(a) = serde_json::from_str::<EchoArgs>(args) else {
                        return rpc_error(StatusCode::OK, id, -32602, "arguments");
                    };
                    let said = a.message.map_or("\"\"", |m| m.get());
                    let said = if said.starts_with('"') { said } else { "\"not a string\"" };
                    let r = format!(
                        "{{\"content\":[{{\"type\":\"text\",\"text\":{said}}}],\"isError\":false}}"
                    );
                    if a.sse {
                        let b = format!("event: message\ndata: {{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{r}}}\n\n");
                        let parts = [Bytes::from(b), Bytes::new(), Bytes::new()];
                        reply(StatusCode::OK, SSE, Parts::new(parts, false))
                    } else {
                        result(id, &r)
                    }
                }
                _ => result(
                    id,
                    "{\"content\":[{\"type\":\"text\",\"text\":\"ok\"}],\"isError\":false}",
                ),
            }
        }
        "initialize" => {
            let want = rpc
                .params
                .and_then(|p| serde_json::from_str::<Init>(p.get()).ok())
                .and_then(|i| i.version)
                .unwrap_or_default();
            let version = if KNOWN[..4].contains(&want.as_str()) { want.as_str() } else { "2025-11-25" };
            let mut r = result(
                id,
                &format!("{{\"protocolVersion\":\"{version}\",\"capabilities\":{{\"tools\":{{\"listChanged\":false}}}},\"serverInfo\":{{\"name\":\"bench-upstream\",\"version\":\"0.1.0\"}}}}"),
            );
            if app.sessions {
                let n = app.next.fetch_add(1, Ordering::Relaxed);
                let sid = format!("s-{:016x}", n.wrapping_mul(0x9E37_79B9_7F4A_7C15));
                r.headers_mut().insert("mcp-session-id", HeaderValue::from_str(&sid).unwrap());
            }
            r
        }
        "server/discover" => result(
            id,
            &format!(
                "{{\"supportedVersions\":{},\"capabilities\":{{\"tools\":{{}}}},\"serverInfo\":{{\"name\":\"bench-upstream\",\"version\":\"0.1.0\"}},\"resultType\":\"complete\",\"ttlMs\":0,\"cacheScope\":\"private\"}}",
                serde_json::to_string(&KNOWN).unwrap()
            ),
        ),
        "tools/list" => {
            let b = [
                Bytes::from(format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":")),
                app.tools.clone(),
                Bytes::from_static(b"}"),
            ];
            reply(StatusCode::OK, JSON, Parts::new(b, true))
        }
        "ping" | "logging/setLevel" => result(id, "{}"),
        "resources/list" => result(id, "{\"resources\":[]}"),
        "resources/templates/list" => result(id, "{\"resourceTemplates\":[]}"),
        "prompts/list" => result(id, "{\"prompts\":[]}"),
        _ => rpc_error(StatusCode::OK, id, -32601, "method not found"),
    }
}

fn arg(name: &str) -> Option<String> {
    let mut it = std::env::args().skip(1);
    while let Some(a) = it.next() {
        if a == name {
            return it.next();
        }
    }
    None
}

fn main() {
    let addr = arg("--listen").unwrap_or_else(|| "127.0.0.1:9100".into());
    let threads: usize = arg("--threads").and_then(|v| v.parse().ok()).unwrap_or(1);
    let sessions = !std::env::args().any(|a| a == "--no-sessions");
    let app = Arc::new(App {
        rows: Mutex::new(HashMap::new()),
        sessions,
        next: AtomicU64::new(1),
        calls: AtomicU64::new(0),
        tools: Bytes::from(data::tools()),
        jwks: arg("--jwks").map(|file| std::fs::read(file).expect("--jwks").into()),
    });
    let rt = if threads <= 1 {
        tokio::runtime::Builder::new_current_thread().enable_all().build()
    } else {
        tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build()
    }
    .unwrap();
    rt.block_on(async move {
        let l = tokio::net::TcpListener::bind(&addr).await.expect("bind");
        eprintln!("upstream on {}", l.local_addr().unwrap());
        loop {
            let Ok((s, _)) = l.accept().await else { continue };
            let _ = s.set_nodelay(true);
            let app = app.clone();
            tokio::spawn(async move {
                let svc = service_fn(move |r| {
                    let app = app.clone();
                    async move { Ok::<_, Infallible>(handle(app, r).await) }
                });
                let _ = http1::Builder::new()
                    .timer(TokioTimer::new())
                    .serve_connection(TokioIo::new(s), svc)
                    .await;
            });
        }
    });
}
