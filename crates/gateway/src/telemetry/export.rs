//! Sending to the collector: OTLP over HTTP with protobuf bodies, from one task. Calls only put spans into a queue with a
//! bound; a collector that is slow, broken or gone costs spans, which are counted, and never a call.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use carnet_config::{Config, Otlp};
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http::{Request, StatusCode, Uri};
use http_body_util::Full;
use opentelemetry::KeyValue;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use prost::Message as _;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior};

use super::meters::Reading;
use super::trace::SpanData;
use crate::credentials::resolve;
use crate::metrics::Metrics;
use crate::outbound::{Outbound, OutboundError, OutboundLimits, WrittenBy};
use crate::tls;

/// Spans in one request.
const BATCH: usize = 512;

/// How long a span waits for others.
const GATHER: Duration = Duration::from_secs(1);

/// How often metrics are sent.
const METRICS: Duration = Duration::from_secs(30);

/// Pauses before a batch is sent again; after the last the batch is dropped.
const PAUSES: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4), Duration::from_secs(8)];

/// What a request to the collector may cost.
const LIMITS: OutboundLimits =
    OutboundLimits { connect: Duration::from_secs(2), total: Duration::from_secs(5), body: 64 << 10 };

/// Who sends: from the configuration, and nothing of the machine or of the environment.
pub(super) fn resource(config: &Config) -> Resource {
    let attributes = [
        KeyValue::new("service.name", "carnet"),
        KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
        KeyValue::new("service.instance.id", config.cell.name.clone()),
        KeyValue::new("carnet.region", config.cell.region.as_str().to_owned()),
    ];
    Resource::builder_empty().with_attributes(attributes).build()
}

/// Why a body was not taken.
#[derive(Debug, thiserror::Error)]
enum NotTaken {
    #[error(transparent)]
    Outbound(#[from] OutboundError),
    #[error("the collector answered {0}")]
    Status(StatusCode),
}

impl NotTaken {
    /// Whether the same body may be taken later (OTLP, "Retryable Response Codes").
    fn may_pass(&self) -> bool {
        match self {
            NotTaken::Outbound(error) => {
                matches!(error, OutboundError::Failed(_) | OutboundError::Timeout(_))
            }
            NotTaken::Status(status) => matches!(status.as_u16(), 401 | 403 | 429 | 502 | 503 | 504),
        }
    }
}

/// The collector of a configuration.
pub(super) struct Collector {
    outbound: Outbound,
    traces: Uri,
    metrics: Uri,
    by: WrittenBy<'static>,
    headers: RwLock<HeaderMap>,
    otlp: Otlp,
}

impl Collector {
    /// Reads the headers' secrets; connects to nothing yet.
    ///
    /// # Errors
    /// A sentence that names what cannot be used, never its value.
    pub(super) fn new(otlp: &Otlp) -> Result<Collector, String> {
        let base = otlp.endpoint.trim_end_matches('/');
        let url =
            |path: &str| format!("{base}{path}").parse().map_err(|_| "its endpoint is not a URL".to_owned());
        let tls = tls::client(None, None).map_err(|e| e.to_string())?;
        Ok(Collector {
            outbound: Outbound::new(tls, LIMITS),
            traces: url("/v1/traces")?,
            metrics: url("/v1/metrics")?,
            by: if otlp.allow_plaintext { WrittenBy::ConfigurationPlain } else { WrittenBy::Configuration },
            headers: RwLock::new(headers(otlp)?),
            otlp: otlp.clone(),
        })
    }

    async fn send(&self, url: &Uri, body: Vec<u8>) -> Result<Bytes, NotTaken> {
        let mut request = Request::new(Full::from(body));
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = url.clone();
        *request.headers_mut() = self.headers.read().unwrap_or_else(PoisonError::into_inner).clone();
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
        let reply = self.outbound.send(request, self.by).await?;
        if matches!(reply.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            // A secret in a file may have been renewed since.
            if let Ok(renewed) = headers(&self.otlp) {
                *self.headers.write().unwrap_or_else(PoisonError::into_inner) = renewed;
            }
        }
        if reply.status.is_success() { Ok(reply.body) } else { Err(NotTaken::Status(reply.status)) }
    }
}

fn headers(otlp: &Otlp) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for (name, reference) in &otlp.headers {
        let secret = resolve(reference).map_err(|e| e.to_string())?;
        let unusable = || format!("its header {name} cannot be sent");
        let mut value = HeaderValue::from_str(secret.expose()).map_err(|_| unusable())?;
        value.set_sensitive(true);
        headers.insert(HeaderName::try_from(name).map_err(|_| unusable())?, value);
    }
    Ok(headers)
}

/// The task that sends.
pub(super) struct Exporting {
    collector: Collector,
    resource: ResourceAttributesWithSchema,
    spans: mpsc::Receiver<SpanData>,
    /// Spans taken from the queue and not sent yet.
    batch: Vec<SpanData>,
    reading: Reading,
    metrics: Arc<Metrics>,
    /// Whether the last request was taken: a change is told, not each failure.
    reached: bool,
}

impl Exporting {
    pub(super) fn new(
        collector: Collector,
        resource: &Resource,
        spans: mpsc::Receiver<SpanData>,
        reading: Reading,
        metrics: Arc<Metrics>,
    ) -> Exporting {
        let resource = ResourceAttributesWithSchema::from(resource);
        Exporting { collector, resource, spans, batch: Vec::new(), reading, metrics, reached: true }
    }

    /// Sends until it is to stop, and then what is left.
    pub(super) async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let mut ticks = tokio::time::interval_at(Instant::now() + METRICS, METRICS);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = told_to(&mut stop) => break,
                _ = ticks.tick() => self.send_metrics().await,
                open = gather(&mut self.spans, &mut self.batch) => {
                    self.send_batch(&mut stop).await;
                    if !open {
                        break;
                    }
                }
            }
        }
        self.spans.close();
        while gather(&mut self.spans, &mut self.batch).await || !self.batch.is_empty() {
            self.send_batch(&mut stop).await;
        }
        self.send_metrics().await;
    }

    /// Sends the batch, again after pauses where that can help; while stopping, once.
    async fn send_batch(&mut self, stop: &mut watch::Receiver<bool>) {
        if self.batch.is_empty() {
            return;
        }
        let count = self.batch.len() as u64;
        let body = self.encode_batch();
        let mut pauses = PAUSES.iter();
        let taken = loop {
            let taken = self.collector.send(&self.collector.traces, body.clone()).await;
            let Err(error) = &taken else { break taken };
            let pause = pauses.next().filter(|_| error.may_pass() && !over(stop));
            let Some(pause) = pause else { break taken };
            self.told(&taken);
            tokio::select! {
                () = tokio::time::sleep(*pause) => {}
                () = told_to(stop) => {}
            }
        };
        self.told(&taken);
        self.batch.clear();
        match taken {
            Ok(reply) => self.rejected(&reply),
            Err(_) => self.metrics.telemetry_dropped("not-taken", count),
        }
    }

    fn encode_batch(&self) -> Vec<u8> {
        // Cloned, not taken: what is on its way when the task is ended still counts as lost.
        let resource_spans = group_spans_by_resource_and_scope(self.batch.clone(), &self.resource);
        ExportTraceServiceRequest { resource_spans }.encode_to_vec()
    }

    /// Counts what the collector says it took and threw away. Its text is not looked at.
    fn rejected(&self, reply: &[u8]) {
        let partial = ExportTraceServiceResponse::decode(reply).ok().and_then(|r| r.partial_success);
        let rejected = partial.and_then(|p| u64::try_from(p.rejected_spans).ok()).unwrap_or(0);
        if rejected > 0 {
            self.metrics.telemetry_dropped("rejected", rejected);
        }
    }

    async fn send_metrics(&mut self) {
        let mut all = ResourceMetrics::default();
        if self.reading.read(&mut all).is_err() {
            return;
        }
        let body = ExportMetricsServiceRequest::from(&all).encode_to_vec();
        // Metrics are totals: what one request loses, the next one says.
        let taken = self.collector.send(&self.collector.metrics, body).await;
        self.told(&taken);
    }

    fn told<T>(&mut self, taken: &Result<T, NotTaken>) {
        match taken {
            Err(error) if self.reached => tracing::warn!(%error, "the collector does not take telemetry"),
            Ok(_) if !self.reached => tracing::info!("the collector takes telemetry again"),
            _ => {}
        }
        self.reached = taken.is_ok();
    }
}

impl Drop for Exporting {
    /// Counts what was lost because the time to stop was over.
    fn drop(&mut self) {
        let lost = self.batch.len() + self.spans.len();
        if lost > 0 {
            self.metrics.telemetry_dropped("stopped", lost as u64);
        }
    }
}

/// Resolves when it is time to stop, or nobody is left who could say so.
async fn told_to(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

fn over(stop: &watch::Receiver<bool>) -> bool {
    *stop.borrow() || stop.has_changed().is_err()
}

/// Waits for a span and gathers more until the batch is full or the first has waited long enough. `false` when no more can
/// come. Nothing is lost when it is dropped half-way.
async fn gather(spans: &mut mpsc::Receiver<SpanData>, batch: &mut Vec<SpanData>) -> bool {
    if batch.is_empty() && spans.recv_many(batch, BATCH).await == 0 {
        return false;
    }
    let full = Instant::now() + GATHER;
    while batch.len() < BATCH {
        let room = BATCH.saturating_sub(batch.len());
        match tokio::time::timeout_at(full, spans.recv_many(batch, room)).await {
            Ok(0) => return false,
            Ok(_) => {}
            Err(_) => break,
        }
    }
    true
}
