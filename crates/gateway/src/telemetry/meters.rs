//! Metrics for the collector: the conventions' duration of an operation, and the counters that `/metrics` shows too. Those
//! are read from there when they are sent, so that they are counted once and cost a call nothing.

use std::sync::Arc;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Histogram, Meter, MeterProvider as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::reader::MetricReader;
use opentelemetry_sdk::metrics::{InstrumentKind, ManualReader, Pipeline, SdkMeterProvider, Temporality};

use super::{Begun, Done, trace};
use crate::metrics::Metrics;

/// Bounds that the conventions advise, in seconds, and three below them for what a gateway adds.
const BOUNDS: [f64; 17] =
    [0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0];

/// Counters: the name over OTLP, the name in `/metrics`, what it is.
const COUNTERS: [(&str, &str, &str); 6] = [
    ("carnet.messages", "carnet_messages_total", "Messages of callers by server, method and decision"),
    ("carnet.masked_values", "carnet_masked_values_total", "Masked values by data class"),
    ("carnet.unauthenticated", "carnet_unauthenticated_total", "Requests without an accepted identity"),
    (
        "carnet.upstream_errors",
        "carnet_upstream_errors_total",
        "Messages that a server did not answer properly",
    ),
    ("carnet.reloads", "carnet_reloads_total", "Reloads of configuration and policies"),
    ("carnet.telemetry_dropped", "carnet_telemetry_dropped_total", "Spans that the collector did not get"),
];

/// Gauges, likewise.
const GAUGES: [(&str, &str, &str); 5] = [
    ("carnet.sessions", "carnet_sessions", "Open sessions"),
    ("carnet.in_flight", "carnet_in_flight", "Calls in work"),
    ("carnet.approvals_pending", "carnet_approvals_pending", "Calls and results that wait for an approval"),
    ("carnet.reviews_overdue", "carnet_reviews_overdue", "Emergencies whose review is overdue"),
    ("carnet.stale_configuration", "carnet_stale_configuration", "1 while the last reload failed"),
];

/// The instruments that a message touches.
pub(super) struct Meters {
    duration: Histogram<f64>,
}

/// Reads all metrics on demand.
pub(super) struct Reading {
    reader: Shared,
    // The instruments' other end: without it there is nothing to read.
    _provider: SdkMeterProvider,
}

impl Meters {
    pub(super) fn new(resource: Resource, metrics: &Arc<Metrics>) -> (Meters, Reading) {
        let reader =
            Shared(Arc::new(ManualReader::builder().with_temporality(Temporality::Cumulative).build()));
        let provider =
            SdkMeterProvider::builder().with_resource(resource).with_reader(reader.clone()).build();
        let meter = provider.meter_with_scope(trace::scope());
        mirror(&meter, metrics);
        let duration = meter
            .f64_histogram("mcp.server.operation.duration")
            .with_unit("s")
            .with_description("From a message to its last answer")
            .with_boundaries(BOUNDS.to_vec())
            .build();
        (Meters { duration }, Reading { reader, _provider: provider })
    }

    /// Measures a message.
    pub(super) fn message(&self, begun: &Begun, done: &Done<'_>) {
        self.duration.record(done.elapsed.as_secs_f64(), &trace::attributes(begun, done));
    }
}

impl Reading {
    /// Everything, as it is now.
    pub(super) fn read(&self, into: &mut ResourceMetrics) -> OTelSdkResult {
        self.reader.collect(into)
    }
}

fn mirror(meter: &Meter, metrics: &Arc<Metrics>) {
    for (name, shown, what) in COUNTERS {
        let metrics = metrics.clone();
        let builder = meter.u64_observable_counter(name).with_description(what);
        let read = builder.with_callback(move |observer| {
            for (value, labels) in samples(&metrics.render(), shown) {
                if let Ok(value) = u64::try_from(value) {
                    observer.observe(value, &labels);
                }
            }
        });
        let _ = read.build();
    }
    for (name, shown, what) in GAUGES {
        let metrics = metrics.clone();
        let builder = meter.i64_observable_gauge(name).with_description(what);
        let read = builder.with_callback(move |observer| {
            for (value, labels) in samples(&metrics.render(), shown) {
                observer.observe(value, &labels);
            }
        });
        let _ = read.build();
    }
}

/// The samples of one metric in the text of `/metrics`. Only text that [`Metrics::render`] wrote is read here.
fn samples(text: &str, name: &str) -> Vec<(i64, Vec<KeyValue>)> {
    text.lines().filter_map(|line| sample(line.strip_prefix(name)?)).collect()
}

/// `{label="value",...} number` or ` number`.
fn sample(rest: &str) -> Option<(i64, Vec<KeyValue>)> {
    let (labels, number) = match rest.strip_prefix('{') {
        Some(rest) => rest.rsplit_once("} ")?,
        None => ("", rest.strip_prefix(' ')?),
    };
    let mut pairs = Vec::new();
    let mut left = labels;
    while let Some((label, rest)) = left.split_once("=\"") {
        let (value, after) = quoted(rest)?;
        pairs.push(KeyValue::new(label.to_owned(), value));
        left = after.strip_prefix(',').unwrap_or(after);
    }
    Some((number.trim().parse().ok()?, pairs))
}

/// A label's value up to its closing quote, without the escapes of the format, and what follows.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.chars();
    loop {
        match chars.next()? {
            '"' => return Some((value, chars.as_str())),
            '\\' => match chars.next()? {
                'n' => value.push('\n'),
                other => value.push(other),
            },
            other => value.push(other),
        }
    }
}

/// The SDK takes a reader for itself; this one is read by the exporting task as well.
#[derive(Clone, Debug)]
struct Shared(Arc<ManualReader>);

impl MetricReader for Shared {
    fn register_pipeline(&self, pipeline: std::sync::Weak<Pipeline>) {
        self.0.register_pipeline(pipeline);
    }

    fn collect(&self, metrics: &mut ResourceMetrics) -> OTelSdkResult {
        self.0.collect(metrics)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: std::time::Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }

    fn temporality(&self, kind: InstrumentKind) -> Temporality {
        self.0.temporality(kind)
    }
}

#[cfg(test)]
mod tests {
    use carnet_model::Action;

    use super::*;

    #[test]
    fn every_counter_is_mirrored_with_its_labels() {
        let metrics = Metrics::default();
        metrics.message("a\"b\\c", Action::TOOLS_CALL, "permit");
        metrics.message("a\"b\\c", Action::TOOLS_CALL, "permit");
        metrics.masked("email", 3);
        metrics.unauthenticated("expired");
        metrics.upstream_error("unreachable");
        metrics.reload("failed");
        metrics.telemetry_dropped("queue-full", 7);
        let text = metrics.render();
        let labels = [("server", "a\"b\\c"), ("method", "tools/call"), ("decision", "permit")];
        let labels: Vec<_> = labels.into_iter().map(|(k, v)| KeyValue::new(k, v)).collect();
        assert_eq!(samples(&text, "carnet_messages_total"), [(2, labels)]);
        assert_eq!(samples(&text, "carnet_stale_configuration"), [(1, Vec::new())]);
        for line in text.lines().filter_map(|l| l.strip_prefix("# TYPE ")?.strip_suffix(" counter")) {
            let shown = format!("{line}_total");
            assert!(COUNTERS.iter().any(|(_, s, _)| *s == shown), "{shown} is not sent to the collector");
            assert_eq!(samples(&text, &shown).len(), 1, "{shown}");
        }
    }
}
