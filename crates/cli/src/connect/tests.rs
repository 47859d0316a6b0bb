//! The bridge against a small server over real sockets: what goes out, in which order, and what the client reads.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, Lines};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::bridge;
use super::http::Http;

type Body = BoxBody<Bytes, Infallible>;

/// What the server has seen, one line for each request.
type Seen = Arc<Mutex<Vec<String>>>;

fn header(headers: &HeaderMap, name: &str) -> String {
    headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or("-").to_owned()
}

fn full(status: u16, kind: &str, body: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Full::new(body.into()).boxed());
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response.headers_mut().insert("content-type", kind.parse().unwrap());
    response
}

/// A stream of these chunks, then its end.
fn stream(chunks: Vec<String>) -> Response<Body> {
    let (sender, receiver) = mpsc::unbounded_channel();
    for chunk in chunks {
        sender.send(Ok(Frame::data(Bytes::from(chunk)))).unwrap();
    }
    let body = futures_stream(receiver);
    let mut response = Response::new(StreamBody::new(body).boxed());
    response.headers_mut().insert("content-type", "text/event-stream; charset=utf-8".parse().unwrap());
    response
}

fn futures_stream(
    mut receiver: mpsc::UnboundedReceiver<Result<Frame<Bytes>, Infallible>>,
) -> impl futures_util::Stream<Item = Result<Frame<Bytes>, Infallible>> {
    futures_util::stream::poll_fn(move |cx| receiver.poll_recv(cx))
}

/// One request to the test server: method, headers, body as JSON.
struct Asked {
    method: Method,
    headers: HeaderMap,
    body: serde_json::Value,
}

/// Starts a server; `answer` makes each response.
async fn server(answer: impl Fn(&Asked) -> Response<Body> + Send + Sync + 'static) -> (String, Seen) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/s/mcp", listener.local_addr().unwrap());
    let seen = Seen::default();
    let (log, answer) = (seen.clone(), Arc::new(answer));
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let (log, answer) = (log.clone(), answer.clone());
            let service = service_fn(move |request: Request<Incoming>| {
                let (log, answer) = (log.clone(), answer.clone());
                async move {
                    let (parts, body) = request.into_parts();
                    let body = body.collect().await.unwrap().to_bytes();
                    let asked = Asked {
                        method: parts.method,
                        headers: parts.headers,
                        body: serde_json::from_slice(&body).unwrap_or_default(),
                    };
                    log.lock().unwrap().push(line(&asked));
                    Ok::<_, Infallible>(answer(&asked))
                }
            });
            tokio::spawn(
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(socket), service),
            );
        }
    });
    (url, seen)
}

fn line(asked: &Asked) -> String {
    let of = |name| header(&asked.headers, name);
    let what = asked.body.get("method").and_then(|m| m.as_str()).unwrap_or(match asked.body.get("result") {
        Some(_) => "(response)",
        None => "",
    });
    let more: Vec<String> = [
        "mcp-session-id",
        "mcp-protocol-version",
        "last-event-id",
        "mcp-method",
        "mcp-name",
        "mcp-param-region",
    ]
    .into_iter()
    .filter(|name| asked.headers.contains_key(*name))
    .map(|name| format!("{name}={}", of(name)))
    .collect();
    format!("{} {what} {}", asked.method, more.join(" ")).trim_end().replace("  ", " ")
}

/// The client's two ends.
struct Client {
    input: DuplexStream,
    output: Lines<BufReader<DuplexStream>>,
    bridge: tokio::task::JoinHandle<()>,
}

fn client(url: &str) -> Client {
    let http = Http::new(url, None, None, false).unwrap();
    let (input, stdin) = tokio::io::duplex(1 << 16);
    let (stdout, output) = tokio::io::duplex(1 << 16);
    let bridge = tokio::spawn(bridge(http, stdin, stdout, std::future::pending()));
    Client { input, output: BufReader::new(output).lines(), bridge }
}

impl Client {
    async fn say(&mut self, line: &str) {
        self.input.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    }

    async fn hear(&mut self) -> String {
        tokio::time::timeout(Duration::from_secs(20), self.output.next_line())
            .await
            .unwrap()
            .unwrap()
            .unwrap()
    }

    async fn end(self) {
        drop(self.input);
        tokio::time::timeout(Duration::from_secs(20), self.bridge).await.unwrap().unwrap();
    }
}

const INITIALIZE: &str = r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{}}}"#;
const INITIALIZED: &str = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;

fn result(asked: &Asked, result: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{},"result":{result}}}"#, asked.body["id"])
}

/// A server of the legacy era with a session.
fn legacy(asked: &Asked) -> Response<Body> {
    let json = |text: String| full(200, "application/json", text);
    match (asked.method.as_str(), asked.body["method"].as_str()) {
        ("POST", Some("initialize")) => {
            let mut response = json(result(asked, r#"{"protocolVersion":"2025-06-18"}"#));
            response.headers_mut().insert("mcp-session-id", "one".parse().unwrap());
            response
        }
        ("POST", Some("tools/list")) => json(result(asked, "{\n \"tools\":[]\n}")),
        ("POST", Some(_)) if asked.body.get("id").is_some() => stream(vec![
            "id: 1\nretry: 5\ndata: {\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"ping\"}\n\n".to_owned(),
            "id: 2\ndata:\n\n".to_owned(),
        ]),
        ("GET", _) if header(&asked.headers, "last-event-id") == "2" => {
            stream(vec!["data: {\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"late\":1}}\n\n".to_owned()])
        }
        ("GET", _) => full(405, "text/plain", ""),
        _ => full(202, "text/plain", ""),
    }
}

#[tokio::test]
async fn a_legacy_session_from_begin_to_end() {
    let (url, seen) = server(legacy).await;
    let mut client = client(&url);
    client.say(INITIALIZE).await;
    assert_eq!(client.hear().await, r#"{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-06-18"}}"#);
    client.say(INITIALIZED).await;
    client.say(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#).await;
    // What the server wrote in several lines is one line here, and nothing else is changed.
    assert_eq!(client.hear().await, r#"{"jsonrpc":"2.0","id":1,"result":{  "tools":[] }}"#);
    client.say(r#"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"slow"}}"#).await;
    assert_eq!(client.hear().await, r#"{"jsonrpc":"2.0","id":7,"method":"ping"}"#);
    client.say(r#"{"jsonrpc":"2.0","id":7,"result":{}}"#).await;
    // The stream broke off after event 2 and was taken up again.
    assert_eq!(client.hear().await, r#"{"jsonrpc":"2.0","id":2,"result":{"late":1}}"#);
    client.end().await;
    let mut seen = seen.lock().unwrap().clone();
    assert_eq!(seen.first().unwrap(), "POST initialize");
    assert_eq!(
        seen.get(1).unwrap(),
        "POST notifications/initialized mcp-session-id=one mcp-protocol-version=2025-06-18"
    );
    assert_eq!(seen.last().unwrap(), "DELETE mcp-session-id=one mcp-protocol-version=2025-06-18");
    seen.sort();
    expect_test::expect![[r#"
        DELETE mcp-session-id=one mcp-protocol-version=2025-06-18
        GET mcp-session-id=one mcp-protocol-version=2025-06-18
        GET mcp-session-id=one mcp-protocol-version=2025-06-18 last-event-id=2
        POST (response) mcp-session-id=one mcp-protocol-version=2025-06-18
        POST initialize
        POST notifications/initialized mcp-session-id=one mcp-protocol-version=2025-06-18
        POST tools/call mcp-session-id=one mcp-protocol-version=2025-06-18
        POST tools/list mcp-session-id=one mcp-protocol-version=2025-06-18"#]]
    .assert_eq(&seen.join("\n"));
}

#[tokio::test]
async fn a_modern_client_gets_its_headers() {
    let (url, seen) = server(|asked| {
        let tool = r#"{"name":"find","inputSchema":{"type":"object","properties":{"region":{"type":"string","x-mcp-header":"Region"}}}}"#;
        let text = match asked.body["method"].as_str() {
            Some("tools/list") => result(asked, &format!(r#"{{"tools":[{tool}]}}"#)),
            _ => result(asked, "{}"),
        };
        full(200, "application/json", text)
    })
    .await;
    let meta = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;
    let mut client = client(&url);
    client.say(&format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{{{meta}}}}}"#)).await;
    client.hear().await;
    let call = format!(
        r#"{{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{{"name":"find","arguments":{{"region":"de"}},{meta}}}}}"#
    );
    client.say(&call).await;
    client.hear().await;
    client.end().await;
    expect_test::expect![[r#"
        POST tools/list mcp-protocol-version=2026-07-28 mcp-method=tools/list
        POST tools/call mcp-protocol-version=2026-07-28 mcp-method=tools/call mcp-name=find mcp-param-region=de"#]].assert_eq(&seen.lock().unwrap().join("\n"));
}

#[tokio::test]
async fn a_forgotten_session_is_begun_anew() {
    let (url, seen) = server(|asked| {
        let old = header(&asked.headers, "mcp-session-id") == "one";
        match asked.body["method"].as_str() {
            Some("initialize") => {
                let mut response = legacy(asked);
                if asked.body["id"] == "carnet-connect" {
                    response.headers_mut().insert("mcp-session-id", "two".parse().unwrap());
                }
                response
            }
            Some("tools/list") if old => full(404, "text/plain", ""),
            _ => legacy(asked),
        }
    })
    .await;
    let mut client = client(&url);
    client.say(INITIALIZE).await;
    client.hear().await;
    client.say(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#).await;
    assert_eq!(client.hear().await, r#"{"jsonrpc":"2.0","id":1,"result":{  "tools":[] }}"#);
    client.end().await;
    expect_test::expect![[r#"
        POST initialize
        POST tools/list mcp-session-id=one mcp-protocol-version=2025-06-18
        POST initialize
        POST notifications/initialized mcp-session-id=two mcp-protocol-version=2025-06-18
        POST tools/list mcp-session-id=two mcp-protocol-version=2025-06-18
        DELETE mcp-session-id=two mcp-protocol-version=2025-06-18"#]]
    .assert_eq(&seen.lock().unwrap().join("\n"));
}

#[tokio::test]
async fn refusals_are_answers_with_a_sentence() {
    let (url, _) = server(|asked| match asked.body["id"].as_i64() {
        Some(1) => {
            let mut response = full(401, "text/plain", "");
            let challenge =
                r#"Bearer resource_metadata="https://gw.example/.well-known/oauth-protected-resource""#;
            response.headers_mut().insert("www-authenticate", challenge.parse().unwrap());
            response
        }
        Some(2) => full(
            400,
            "application/json",
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32022,"message":"m"}}"#,
        ),
        Some(3) => full(200, "application/json", "no message"),
        Some(4) => {
            stream(vec!["data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\"}\n\n".to_owned()])
        }
        Some(5) => full(302, "text/plain", ""),
        _ => full(202, "text/plain", ""),
    })
    .await;
    let mut client = client(&url);
    let mut heard = Vec::new();
    for id in 1..=6 {
        client.say(&format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/list"}}"#)).await;
        heard.push(client.hear().await);
        if id == 4 {
            heard.push(client.hear().await);
        }
    }
    client.say("{not json").await;
    heard.push(client.hear().await);
    client.end().await;
    let host = url.strip_prefix("http://").unwrap().strip_suffix("/s/mcp").unwrap();
    expect_test::expect![[r#"
        {"jsonrpc":"2.0","id":1,"error":{"code":-31006,"message":"HOST asks for a token; give one with --token env:NAME or --token file:PATH. Where to get one: https://gw.example/.well-known/oauth-protected-resource"}}
        {"jsonrpc":"2.0","id":2,"error":{"code":-32022,"message":"m"}}
        {"jsonrpc":"2.0","id":3,"error":{"code":-31006,"message":"HOST sent something that is no MCP message"}}
        {"jsonrpc":"2.0","method":"notifications/progress"}
        {"jsonrpc":"2.0","id":4,"error":{"code":-31006,"message":"HOST ended the stream before the answer; the call may have run"}}
        {"jsonrpc":"2.0","id":5,"error":{"code":-31006,"message":"HOST redirects (302), which is not followed; use the address it moved to"}}
        {"jsonrpc":"2.0","id":6,"error":{"code":-31006,"message":"HOST took the message and gave no answer"}}
        {"jsonrpc":"2.0","error":{"code":-32700,"message":"not valid JSON"}}"#]].assert_eq(&heard.join("\n").replace(host, "HOST"));
}

#[tokio::test]
async fn requests_run_side_by_side() {
    // The first is answered only when the second has come.
    let (sender, receiver) = mpsc::unbounded_channel();
    let first = Mutex::new(Some(receiver));
    let (url, _) = server(move |asked| {
        let answer = result(asked, "{}");
        let Some(receiver) = first.lock().unwrap().take() else {
            sender
                .send(Ok(Frame::data(Bytes::from_static(b"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}"))))
                .unwrap();
            return full(200, "application/json", answer);
        };
        let mut response = full(200, "text/event-stream", "");
        let chunks = futures_stream(receiver);
        let event = |chunk: Result<Frame<Bytes>, Infallible>| {
            let data = chunk.unwrap().into_data().unwrap();
            Ok(Frame::data(Bytes::from([b"data: ", &data[..], b"\n\n"].concat())))
        };
        *response.body_mut() = StreamBody::new(futures_util::StreamExt::map(chunks, event)).boxed();
        response
    })
    .await;
    let mut client = client(&url);
    for id in 1..=2 {
        client
            .say(&format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"t"}}}}"#))
            .await;
    }
    let mut heard = [client.hear().await, client.hear().await];
    heard.sort();
    assert_eq!(heard[0], r#"{"jsonrpc":"2.0","id":1,"result":{}}"#);
    client.end().await;
}

#[tokio::test]
async fn a_modern_cancel_closes_the_stream_and_is_not_sent() {
    let (gone, mut closed) = mpsc::unbounded_channel::<()>();
    let (held, receiver) = mpsc::unbounded_channel();
    let parts = Mutex::new(Some((gone, receiver)));
    let (url, seen) = server(move |asked| {
        let Some((gone, receiver)) = parts.lock().unwrap().take() else {
            return full(200, "application/json", result(asked, "{}"));
        };
        let mut response = full(200, "text/event-stream", "");
        let chunks = futures_util::StreamExt::map(futures_stream(receiver), move |chunk| {
            let _ = &gone;
            chunk
        });
        *response.body_mut() = StreamBody::new(chunks).boxed();
        response
    })
    .await;
    let meta = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;
    let mut client = client(&url);
    client
        .say(&format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"t",{meta}}}}}"#))
        .await;
    let started = "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\"}\n\n";
    held.send(Ok(Frame::data(Bytes::from(started)))).unwrap();
    client.hear().await;
    client.say(r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#).await;
    // The server's side of the stream is dropped when the client's is closed.
    assert!(tokio::time::timeout(Duration::from_secs(20), closed.recv()).await.unwrap().is_none());
    client.end().await;
    assert_eq!(seen.lock().unwrap().len(), 1);
}
