//! What a collector, the log and `/metrics` get to see: the gateway in this process, a server, a caller and a collector around
//! it over real sockets.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use carnet_gateway::run::{Running, Start, start};
use expect_test::expect;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use tokio::net::TcpListener;

/// A request that a peer of the gateway got.
#[derive(Clone)]
struct Seen {
    path: String,
    headers: HeaderMap,
    body: Bytes,
}

type Log = Arc<Mutex<Vec<Seen>>>;

/// A server that keeps what it gets and answers with `answer`.
async fn peer(answer: impl Fn(&Seen) -> Response<Full<Bytes>> + Send + Sync + 'static) -> (SocketAddr, Log) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let log = Log::default();
    let (kept, answer) = (log.clone(), Arc::new(answer));
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let (kept, answer) = (kept.clone(), answer.clone());
            let service = service_fn(move |request: Request<Incoming>| {
                let (kept, answer) = (kept.clone(), answer.clone());
                async move {
                    let (head, body) = request.into_parts();
                    let body = body.collect().await.unwrap().to_bytes();
                    let seen = Seen { path: head.uri.path().to_owned(), headers: head.headers, body };
                    kept.lock().unwrap().push(seen.clone());
                    Ok::<_, Infallible>(answer(&seen))
                }
            });
            tokio::spawn(
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(socket), service),
            );
        }
    });
    (address, log)
}

fn json(text: String) -> Response<Full<Bytes>> {
    let response = Response::builder().header("content-type", "application/json");
    response.body(Full::from(text)).unwrap()
}

/// An MCP server whose every text is a marker.
fn mcp(seen: &Seen) -> Response<Full<Bytes>> {
    let message: serde_json::Value = serde_json::from_slice(&seen.body).unwrap();
    let id = &message["id"];
    let result = |result: &str| json(format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#));
    match (message["method"].as_str(), message["params"]["name"].as_str()) {
        (Some("tools/list"), _) => result(
            r#"{"tools":[{"name":"lookup","description":"Lindworm-0","inputSchema":{"type":"object"}},
                {"name":"broken","inputSchema":{"type":"object"}},
                {"name":"Erika Lindworm-1","inputSchema":{"type":"object"}},
                {"name":"secret","inputSchema":{"type":"object"}}]}"#,
        ),
        (_, Some("broken")) => result(r#"{"content":[{"type":"text","text":"Lindworm-2"}],"isError":true}"#),
        (_, Some("lookup" | "Erika Lindworm-1")) => result(
            r#"{"content":[{"type":"text","text":"Lindworm-3 erika@lindworm.example DE89370400440532013000"}]}"#,
        ),
        (Some("resources/read"), _) => json(format!(
            r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":491701234567,"message":"Lindworm-4"}}}}"#
        )),
        _ if id.is_null() => Response::builder().status(202).body(Full::default()).unwrap(),
        _ => json(format!(
            r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":-32602,"message":"no tool Lindworm-5"}}}}"#
        )),
    }
}

/// What must be nowhere: content of both directions, the caller, credentials, and what a caller writes around a call.
const MARKERS: [&str; 9] = [
    "lindworm",
    "DE89370400440532013000",
    "491701234567",
    "tester-subject",
    "tester-group",
    "carnet_1fJjkkpe9PiTw9KSulA8Ghct30vZz4HpdQ5c5b9cPF12dZ9Ea",
    "collector-secret",
    "file:///",
    "baggage",
];

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const OTHER_TRACE: &str = "1bf7651916cd43dd8448eb211c80319c";

/// The gateway with a folder of its own.
struct Setup {
    running: Running,
    folder: tempfile::TempDir,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Setup {
    async fn new(server: SocketAddr, collector: Option<SocketAddr>) -> Setup {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("secret"), "collector-secret-1").unwrap();
        let otlp = collector.map_or(String::new(), |address| {
            format!(
                "telemetry: {{ otlp: {{ endpoint: \"http://{address}\", region: de, \
                 headers: {{ x-key: \"file:secret\" }} }} }}\n"
            )
        });
        let token: String = sha256("carnet_1fJjkkpe9PiTw9KSulA8Ghct30vZz4HpdQ5c5b9cPF12dZ9Ea");
        let text = format!(
            "version: 1\ncell: {{ name: test, region: de }}\ndata: ./data\nlisteners:\n  - address: 127.0.0.1:0\n\
             policies: [./none]\nidentity:\n  tokens:\n    - {{ name: tests, sha256: \"{token}\", \
             subject: tester-subject, kind: workload, groups: [tester-group], expires: 2099-01-01T00:00:00Z }}\n\
             servers:\n  crm:\n    url: \"http://{server}/mcp\"\n{otlp}"
        );
        let environment = BTreeMap::new();
        let source = carnet_config::Source {
            file: "test.yaml",
            text: &text,
            folder: folder.path(),
            environment: &environment,
            now: 0,
        };
        let loaded = carnet_config::load(source)
            .unwrap_or_else(|all| panic!("{}", all.iter().map(ToString::to_string).collect::<String>()));
        let policy = r#"@id("all") permit (principal, action, resource);
            @id("masked") forbid (principal, action == Action::"reveal", resource);
            @id("no") forbid (principal, action == Action::"tools/call", resource == Tool::"crm.secret");"#;
        let policies = vec![("test.cedar".to_owned(), policy.to_owned())];
        let running = start(Start { loaded, policies, file: None })
            .await
            .unwrap_or_else(|e| panic!("{}", e.join("\n")));
        Setup { running, folder, client: Client::builder(TokioExecutor::new()).build_http() }
    }

    async fn send(&self, body: &str, headers: &[(&str, &str)]) -> (StatusCode, String) {
        let mut request = Request::post(format!("http://{}/mcp/crm", self.running.addresses[0]))
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream")
            .header("authorization", "Bearer carnet_1fJjkkpe9PiTw9KSulA8Ghct30vZz4HpdQ5c5b9cPF12dZ9Ea");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.client.request(request.body(Full::from(body.to_owned())).unwrap()).await.unwrap();
        let status = response.status();
        (
            status,
            String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap(),
        )
    }

    /// A call of a tool, with a marker as its argument.
    async fn call(&self, tool: &str, headers: &[(&str, &str)]) -> (StatusCode, String) {
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":"lindworm-6","method":"tools/call",
                "params":{{"name":"{tool}","arguments":{{"who":"Erika Lindworm-7"}}}}}}"#
        );
        self.send(&body, headers).await
    }

    async fn list(&self) {
        let (status, text) = self.send(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#, &[]).await;
        assert_eq!(status, 200, "{text}");
    }
}

fn sha256(text: &str) -> String {
    use sha2::Digest;
    sha2::Sha256::digest(text).iter().map(|b| format!("{b:02x}")).collect()
}

fn value(pair: &KeyValue) -> String {
    match pair.value.as_ref().and_then(|v| v.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    }
}

fn attributes(pairs: &[KeyValue]) -> String {
    let mut all: Vec<_> = pairs.iter().map(|p| format!("{}={}", p.key, value(p))).collect();
    all.sort();
    all.join(" ")
}

fn spans(seen: &[Seen]) -> Vec<Span> {
    let bodies = seen.iter().filter(|s| s.path == "/v1/traces");
    let requests = bodies.map(|s| ExportTraceServiceRequest::decode(s.body.clone()).unwrap());
    requests.flat_map(|r| r.resource_spans).flat_map(|r| r.scope_spans).flat_map(|s| s.spans).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Every line that is logged in this process, at every level.
fn log() -> &'static Arc<Mutex<Vec<u8>>> {
    static LOG: OnceLock<Arc<Mutex<Vec<u8>>>> = OnceLock::new();
    struct Writer(Arc<Mutex<Vec<u8>>>);
    impl std::io::Write for Writer {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    LOG.get_or_init(|| {
        let buffer = Arc::<Mutex<Vec<u8>>>::default();
        let kept = buffer.clone();
        let lines = tracing_subscriber::fmt().json().with_max_level(tracing::Level::TRACE);
        lines.with_writer(move || Writer(kept.clone())).init();
        buffer
    })
}

fn collector_takes(_: &Seen) -> Response<Full<Bytes>> {
    Response::new(Full::default())
}

/// All the ways of a message, each with markers in it.
async fn all_ways(gateway: &Setup) {
    let parent = format!("00-{TRACE}-b7ad6b7169203331-01");
    gateway.list().await;
    let around = [
        ("traceparent", parent.as_str()),
        ("tracestate", "vendor=lindworm-8"),
        ("baggage", "user=lindworm-9"),
    ];
    let (_, answer) = gateway.call("lookup", &around).await;
    assert!(answer.contains("Lindworm-3") && !answer.contains("DE89"), "{answer}");
    gateway.call("broken", &[]).await;
    gateway.call("secret", &[]).await;
    gateway.call("lindworm-unknown", &[]).await;
    gateway.call("Erika Lindworm-1", &[]).await;
    let read = r#"{"jsonrpc":"2.0","id":2,"method":"resources/read","params":{"uri":"file:///lindworm-10"}}"#;
    gateway.send(read, &[]).await;
    gateway.send(r#"{"jsonrpc":"2.0","id":3,"method":"lindworm/eleven","params":{}}"#, &[]).await;
    assert_eq!(gateway.send(r#"{"jsonrpc":"2.0","id":4,"method":"Lindworm-12""#, &[]).await.0, 400);
    // Within MCP the message's own context counts, not that of the HTTP request around it.
    let modern = format!(
        r#"{{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{{"name":"lookup","arguments":{{"who":"Lindworm-13"}},
            "_meta":{{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{{}},
            "traceparent":"00-{OTHER_TRACE}-b7ad6b7169203331-01"}}}}}}"#
    );
    let headers = [
        ("traceparent", parent.as_str()),
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", "tools/call"),
        ("mcp-name", "lookup"),
    ];
    assert_eq!(gateway.send(&modern, &headers).await.0, 200);
    // Whoever does not record its trace gets no span.
    let unsampled = format!("00-{TRACE}-b7ad6b7169203331-00");
    gateway.call("lookup", &[("traceparent", &unsampled)]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invariant_5_no_content_in_logs_metrics_or_traces() {
    let logged = log();
    let (server, asked) = peer(mcp).await;
    let (collector, exported) = peer(collector_takes).await;
    let gateway = Setup::new(server, Some(collector)).await;
    all_ways(&gateway).await;
    let metrics = gateway.running.gateway.metrics.clone();
    gateway.running.stop().await;

    let exported = exported.lock().unwrap().clone();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).to_lowercase();
    let logged = text(&logged.lock().unwrap());
    assert!(logged.contains("\"method\":\"tools/call\"") && logged.contains("\"duration_us\""), "{logged}");
    for marker in MARKERS {
        let marker = marker.to_lowercase();
        assert!(!logged.contains(&marker), "{marker} in the log");
        assert!(!text(metrics.render().as_bytes()).contains(&marker), "{marker} in /metrics");
        for seen in &exported {
            assert!(!text(&seen.body).contains(&marker), "{marker} in {}", seen.path);
        }
    }
    // The markers were really on the way, and the collector got its own secret.
    let asked = asked.lock().unwrap().iter().map(|s| text(&s.body)).collect::<String>();
    assert!(asked.contains("lindworm-7") && asked.contains("lindworm-10"));
    assert!(exported.iter().all(|s| s.headers["x-key"] == "collector-secret-1"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spans_and_metrics_follow_the_conventions() {
    let (server, asked) = peer(mcp).await;
    let (collector, exported) = peer(collector_takes).await;
    let gateway = Setup::new(server, Some(collector)).await;
    all_ways(&gateway).await;
    gateway.running.stop().await;
    let exported = exported.lock().unwrap().clone();

    let mut spans = spans(&exported);
    spans.sort_by_key(|s| s.start_time_unix_nano);
    let lines: Vec<_> = spans
        .iter()
        .map(|s| {
            let status = s.status.as_ref().map_or("", |s| s.message.as_str());
            format!("{} kind={} [{status}] {}\n", s.name, s.kind, attributes(&s.attributes))
        })
        .collect();
    expect![[r#"
        tools/list kind=2 [] carnet.decision=permit carnet.server=crm http.response.status_code=200 mcp.method.name=tools/list network.protocol.name=http network.transport=tcp rpc.system=jsonrpc
        tools/call lookup kind=2 [] carnet.decision=permit carnet.server=crm gen_ai.operation.name=execute_tool gen_ai.tool.name=lookup http.response.status_code=200 mcp.method.name=tools/call network.protocol.name=http network.transport=tcp rpc.system=jsonrpc
        tools/call broken kind=2 [tool_error] carnet.decision=permit carnet.server=crm error.type=tool_error gen_ai.operation.name=execute_tool gen_ai.tool.name=broken http.response.status_code=200 mcp.method.name=tools/call network.protocol.name=http network.transport=tcp rpc.system=jsonrpc
        tools/call secret kind=2 [deny] carnet.decision=deny carnet.server=crm error.type=deny gen_ai.operation.name=execute_tool gen_ai.tool.name=secret http.response.status_code=200 mcp.method.name=tools/call network.protocol.name=http network.transport=tcp rpc.system=jsonrpc
        tools/call kind=2 [-32602] carnet.decision=permit carnet.server=crm error.type=-32602 gen_ai.operation.name=execute_tool http.response.status_code=200 mcp.method.name=tools/call network.protocol.name=http network.transport=tcp rpc.response.status_code=-32602 rpc.system=jsonrpc
        tools/call kind=2 [] carnet.decision=permit carnet.server=crm gen_ai.operation.name=execute_tool http.response.status_code=200 mcp.method.name=tools/call network.protocol.name=http network.transport=tcp rpc.system=jsonrpc
        resources/read kind=2 [_OTHER] carnet.decision=permit carnet.server=crm error.type=_OTHER http.response.status_code=200 mcp.method.name=resources/read network.protocol.name=http network.transport=tcp rpc.system=jsonrpc
        other kind=2 [-32602] carnet.decision=permit carnet.server=crm error.type=-32602 http.response.status_code=200 mcp.method.name=other network.protocol.name=http network.transport=tcp rpc.response.status_code=-32602 rpc.system=jsonrpc
        other kind=2 [refused] carnet.decision=refused carnet.server=crm error.type=refused http.response.status_code=400 mcp.method.name=other network.protocol.name=http network.transport=tcp rpc.system=jsonrpc
        tools/call lookup kind=2 [] carnet.decision=permit carnet.server=crm gen_ai.operation.name=execute_tool gen_ai.tool.name=lookup http.response.status_code=200 mcp.method.name=tools/call mcp.protocol.version=2026-07-28 network.protocol.name=http network.transport=tcp rpc.system=jsonrpc
    "#]].assert_eq(&lines.concat());
    let of = |trace: &str| spans.iter().filter(|s| hex(&s.trace_id) == trace).collect::<Vec<_>>();
    for trace in [TRACE, OTHER_TRACE] {
        let parents: Vec<_> = of(trace).iter().map(|s| hex(&s.parent_span_id)).collect();
        assert_eq!(parents, ["b7ad6b7169203331"], "one span in {trace}");
    }
    assert!(spans.iter().all(|s| s.end_time_unix_nano > 0 && s.trace_state.is_empty()));
    // The context goes on to the server as it came.
    let passed = asked
        .lock()
        .unwrap()
        .iter()
        .filter(|s| s.headers.get("traceparent").is_some_and(|v| v.to_str().unwrap().contains(TRACE)))
        .count();
    assert_eq!(passed, 3);

    let last = exported.iter().rfind(|s| s.path == "/v1/metrics").unwrap();
    let metrics = ExportMetricsServiceRequest::decode(last.body.clone()).unwrap().resource_metrics;
    let resource = attributes(&metrics[0].resource.as_ref().unwrap().attributes);
    assert_eq!(
        resource,
        format!(
            "carnet.region=de service.instance.id=test service.name=carnet service.version={}",
            env!("CARGO_PKG_VERSION")
        )
    );
    let mut shown = Vec::new();
    for metric in metrics.iter().flat_map(|m| &m.scope_metrics).flat_map(|s| &s.metrics) {
        match metric.data.as_ref().unwrap() {
            Data::Histogram(h) => {
                let count: u64 = h.data_points.iter().map(|p| p.count).sum();
                shown.push(format!("{} ({}) {count}\n", metric.name, metric.unit));
            }
            Data::Sum(s) => {
                shown.extend(s.data_points.iter().map(|p| {
                    format!("{} {} {:?}\n", metric.name, attributes(&p.attributes), p.value.unwrap())
                }))
            }
            _ => {}
        }
    }
    shown.sort();
    expect![[r#"
        carnet.masked_values class=email AsInt(4)
        carnet.masked_values class=iban AsInt(4)
        carnet.messages decision=deny method=tools/call server=crm AsInt(1)
        carnet.messages decision=permit method=other server=crm AsInt(1)
        carnet.messages decision=permit method=resources/read server=crm AsInt(1)
        carnet.messages decision=permit method=tools/call server=crm AsInt(6)
        carnet.messages decision=permit method=tools/list server=crm AsInt(1)
        carnet.messages decision=refused method=other server=crm AsInt(1)
        mcp.server.operation.duration (s) 11
    "#]]
    .assert_eq(&shown.concat());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_is_gone_costs_spans_and_no_call() {
    let (server, _) = peer(mcp).await;
    // Bound and not listening: nobody else gets the port, and connections are refused.
    let gone = tokio::net::TcpSocket::new_v4().unwrap();
    gone.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let gateway = Setup::new(server, Some(gone.local_addr().unwrap())).await;
    gateway.list().await;
    for _ in 0..3 {
        assert_eq!(gateway.call("lookup", &[]).await.0, 200);
    }
    let metrics = gateway.running.gateway.metrics.clone();
    gateway.running.stop().await;
    let text = metrics.render();
    assert!(text.contains("carnet_telemetry_dropped_total{cause=\"not-taken\"} 4"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_hangs_does_not_hold_up_a_stop() {
    let (server, _) = peer(mcp).await;
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gateway = Setup::new(server, Some(silent.local_addr().unwrap())).await;
    gateway.list().await;
    assert_eq!(gateway.call("lookup", &[]).await.0, 200);
    let metrics = gateway.running.gateway.metrics.clone();
    let began = Instant::now();
    gateway.running.stop().await;
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    let text = metrics.render();
    assert!(text.contains("carnet_telemetry_dropped_total{cause=\"stopped\"} 2"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renewed_header_is_read_again_when_the_old_one_is_refused() {
    let (server, _) = peer(mcp).await;
    let (collector, exported) = peer(|seen| {
        let status = if seen.headers["x-key"] == "collector-secret-2" { 200 } else { 401 };
        Response::builder().status(status).body(Full::default()).unwrap()
    })
    .await;
    let gateway = Setup::new(server, Some(collector)).await;
    std::fs::write(gateway.folder.path().join("secret"), "collector-secret-2").unwrap();
    gateway.list().await;
    gateway.running.stop().await;
    let exported = exported.lock().unwrap();
    let keys: Vec<_> = exported.iter().map(|s| s.headers["x-key"].to_str().unwrap()).collect();
    assert_eq!(keys.first(), Some(&"collector-secret-1"));
    assert_eq!(keys.last(), Some(&"collector-secret-2"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_collector_nothing_is_noted() {
    let (server, _) = peer(mcp).await;
    let gateway = Setup::new(server, None).await;
    gateway.list().await;
    let telemetry = &gateway.running.gateway.telemetry;
    assert!(!telemetry.on());
    let headers = [(
        http::HeaderName::from_static("traceparent"),
        format!("00-{TRACE}-b7ad6b7169203331-01").parse().unwrap(),
    )];
    assert!(telemetry.begin_unread(telemetry.origin(&headers.into_iter().collect())).is_none());
    gateway.running.stop().await;
}

/// The tests above once more, in a process whose environment asks for another collector, other headers and other settings.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invariant_10_the_environment_neither_starts_nor_moves_it() {
    let (elsewhere, got) = peer(collector_takes).await;
    for again in ["without_a_collector_nothing_is_noted", "spans_and_metrics_follow_the_conventions"] {
        let mut command = std::process::Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", again]);
        for name in ["", "_TRACES", "_METRICS"] {
            command.env(format!("OTEL_EXPORTER_OTLP{name}_ENDPOINT"), format!("http://{elsewhere}"));
            command.env(format!("OTEL_EXPORTER_OTLP{name}_HEADERS"), "x-key=elsewhere");
            command.env(format!("OTEL_EXPORTER_OTLP{name}_COMPRESSION"), "gzip");
        }
        command.env("OTEL_RESOURCE_ATTRIBUTES", "service.name=elsewhere,host.name=elsewhere");
        command.env("OTEL_TRACES_SAMPLER", "always_off");
        let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && text.contains("1 passed"), "{text}");
    }
    assert!(got.lock().unwrap().is_empty());
}
