//! What operators see of each message: a line in the log, and, where a collector is configured, a span and metrics over OTLP
//! with OpenTelemetry's semantic conventions for MCP.
//!
//! Off unless configured (invariant 10): then a message costs one branch here. The endpoint and its headers come from the
//! configuration alone; no `OTEL_*` variable is read, because a variable set for something else on the same machine must not
//! move the gateway's data. That is why the requests are made from opentelemetry-proto and not by opentelemetry-otlp.
//!
//! Attributes come from closed lists and from the configuration (invariant 5). What a caller or a server writes freely stays
//! out: arguments, results, URIs, prompt names, request ids, session ids, `tracestate`, `baggage`, error texts, subjects,
//! addresses. A tool is named only when the server's own list has the name and it looks like one; an error's code only
//! where it lies in JSON-RPC's reserved range.

mod answer;
mod export;
mod meters;
mod trace;

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use carnet_config::Config;
use carnet_gate::ToolTable;
use carnet_mcp::{Kind, Message, Revision};
use carnet_model::Action;
use http::HeaderMap;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

pub use answer::{Answer, Watched, status_of};

use crate::metrics::Metrics;
use export::{Collector, Exporting};
use meters::Meters;
use trace::{Parent, SpanData};

/// Spans that may wait for the collector; more are dropped and counted.
const QUEUE: usize = 8192;

/// How long a stop waits for the collector.
const STOP: Duration = Duration::from_secs(3);

/// The longest tool name that MCP allows.
const TOOL_NAME: usize = 128;

/// Telemetry of a gateway.
pub struct Telemetry {
    export: Option<Box<Export>>,
}

/// The part that exists only where a collector is configured.
struct Export {
    spans: mpsc::Sender<SpanData>,
    meters: Meters,
    metrics: Arc<Metrics>,
    stop: watch::Sender<bool>,
    task: Mutex<Option<JoinHandle<()>>>,
}

/// Where a message came from.
#[derive(Clone, Copy, Debug)]
pub struct Origin {
    parent: Option<Parent>,
    revision: Option<Revision>,
    transport: &'static str,
}

impl Origin {
    /// Standard input.
    pub const PIPE: Origin = Origin { parent: None, revision: None, transport: "pipe" };
}

/// What is noted of a message before it is walked.
#[derive(Debug)]
pub struct Begun {
    origin: Origin,
    tool: Option<Arc<str>>,
    kind: Option<Kind>,
}

/// How a message ended.
#[derive(Clone, Copy, Debug)]
pub struct Done<'a> {
    /// The server's name in the configuration.
    pub server: &'a Arc<str>,
    /// The MCP method.
    pub action: Action,
    /// The word that the metrics have too.
    pub decision: &'static str,
    /// The HTTP status of the answer, or the one that would fit it.
    pub status: u16,
    /// From the message's arrival to its last answer.
    pub elapsed: Duration,
    /// What the answer was.
    pub answer: Answer,
}

impl Telemetry {
    /// No collector.
    #[must_use]
    pub const fn off() -> Telemetry {
        Telemetry { export: None }
    }

    /// Telemetry as configured. Sends in a task of its own; to be called within a tokio runtime.
    ///
    /// # Errors
    /// A sentence about an endpoint or a header that cannot be used. Holds no header's value.
    pub fn start(config: &Config, metrics: &Arc<Metrics>) -> Result<Telemetry, String> {
        let Some(otlp) = &config.telemetry.otlp else { return Ok(Telemetry::off()) };
        let collector = Collector::new(otlp).map_err(|e| format!("telemetry.otlp: {e}"))?;
        let resource = export::resource(config);
        let (meters, reading) = Meters::new(resource.clone(), metrics);
        let (spans, waiting) = mpsc::channel(QUEUE);
        let (stop, stopping) = watch::channel(false);
        let task = tokio::spawn(
            Exporting::new(collector, &resource, waiting, reading, metrics.clone()).run(stopping),
        );
        let export = Export { spans, meters, metrics: metrics.clone(), stop, task: Mutex::new(Some(task)) };
        Ok(Telemetry { export: Some(Box::new(export)) })
    }

    /// Whether there is a collector.
    #[must_use]
    pub fn on(&self) -> bool {
        self.export.is_some()
    }

    /// Where an HTTP request came from.
    #[must_use]
    pub fn origin(&self, headers: &HeaderMap) -> Origin {
        let none = Origin { transport: "tcp", ..Origin::PIPE };
        if !self.on() {
            return none;
        }
        let revision = headers.get("mcp-protocol-version").and_then(|v| Revision::parse(v.to_str().ok()?));
        Origin { parent: trace::of_headers(headers), revision, ..none }
    }

    /// Notes what is needed of a message that is about to be walked. `None` where there is no collector.
    #[must_use]
    pub fn begin(
        &self,
        origin: Origin,
        message: &Message,
        tools: &ToolTable,
        agreed: Option<Revision>,
    ) -> Option<Box<Begun>> {
        self.export.as_ref()?;
        // Within MCP the message's own context counts; the header speaks for the HTTP request around it.
        let parent = trace::of_meta(message).or(origin.parent);
        let revision =
            message.meta_version().and_then(|v| Revision::parse(&v)).or(origin.revision).or(agreed);
        let origin = Origin { parent, revision, ..origin };
        Some(Box::new(Begun { origin, tool: known_tool(message, tools), kind: Some(message.kind()) }))
    }

    /// Notes a message that could not be read, or was not let in.
    #[must_use]
    pub fn begin_unread(&self, origin: Origin) -> Option<Box<Begun>> {
        self.export.as_ref()?;
        Some(Box::new(Begun { origin, tool: None, kind: None }))
    }

    /// The line in the log, the span and the measurements of a message. Never waits.
    pub fn end(&self, begun: Option<Box<Begun>>, done: Done<'_>) {
        access(&done);
        if let (Some(export), Some(begun)) = (&self.export, begun) {
            export.end(&begun, &done);
        }
    }

    /// Sends what waits, within a bound. What could not be sent is counted and told.
    pub async fn stop(&self) {
        let Some(export) = &self.export else { return };
        let _ = export.stop.send(true);
        let task = export.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut task) = task else { return };
        if tokio::time::timeout(STOP, &mut task).await.is_err() {
            task.abort();
            let _ = task.await;
            tracing::warn!("the collector did not take everything within {STOP:?}");
        }
    }
}

impl Export {
    fn end(&self, begun: &Begun, done: &Done<'_>) {
        self.meters.message(begun, done);
        let answers_server = matches!(begun.kind, Some(Kind::Result | Kind::Error));
        // The caller's own sampling decision is followed; an answer to a server's request is no operation.
        if answers_server || begun.origin.parent.is_some_and(|p| !p.sampled) {
            return;
        }
        if self.spans.try_send(trace::span(begun, done)).is_err() {
            self.metrics.telemetry_dropped("queue-full", 1);
        }
    }
}

/// The line in the log. Fields from closed lists and numbers, never content.
fn access(done: &Done<'_>) {
    tracing::info!(
        target: "carnet::access",
        method = done.action.as_str(),
        server = &**done.server,
        decision = done.decision,
        status = done.status,
        duration_us = u64::try_from(done.elapsed.as_micros()).unwrap_or(u64::MAX),
        "message"
    );
}

/// The error's name by the conventions; `None` where all went well.
fn error_type(done: &Done<'_>) -> Option<Cow<'static, str>> {
    match (done.decision, done.answer) {
        ("permit", Answer::Fine) => None,
        ("permit", Answer::ToolError) => Some(Cow::Borrowed("tool_error")),
        ("permit", Answer::Error(Some(code))) => Some(Cow::Owned(code.to_string())),
        ("permit", Answer::Error(None)) => Some(Cow::Borrowed("_OTHER")),
        (decision, _) => Some(Cow::Borrowed(decision)),
    }
}

/// A tool's name where the server's own list has it and it looks like a name: a name is the server's text, and what does not
/// look like one may be anything.
fn known_tool(message: &Message, tools: &ToolTable) -> Option<Arc<str>> {
    if message.action() != Action::TOOLS_CALL {
        return None;
    }
    let target = message.target();
    let name = target.text()?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_-./".contains(&b);
    if name.len() > TOOL_NAME || !name.bytes().all(plain) {
        return None;
    }
    tools.get(name).map(|_| Arc::from(name))
}
