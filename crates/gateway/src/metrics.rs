//! Metrics in the Prometheus text format. Labels come from closed lists and from the configuration, never from content.

use std::sync::atomic::{AtomicI64, AtomicU64};

use carnet_model::Action;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// One message that a caller sent.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct MessageLabels {
    /// The server's name in the configuration.
    pub server: String,
    /// The MCP method, `other` if no revision names it.
    pub method: &'static str,
    /// `permit`, `deny`, `refused`, `withheld`, `limited`, `busy`, `unforwarded`, `cancelled`, `unrecorded`.
    pub decision: &'static str,
}

/// One masked value.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ClassLabels {
    /// The data class.
    pub class: String,
}

/// What a server gives out and is not said to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct DriftLabels {
    /// The server's name in the configuration.
    pub server: String,
    /// The data class, or the kind of a country's number.
    pub found: String,
}

/// Something with a cause from a closed list.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct CauseLabels {
    /// The cause.
    pub cause: &'static str,
}

/// A sink by its name in the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct SinkLabels {
    /// The sink.
    pub sink: String,
}

/// All of the gateway's metrics.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    messages: Family<MessageLabels, Counter>,
    masked: Family<ClassLabels, Counter>,
    drift: Family<DriftLabels, Counter>,
    elsewhere: Family<CauseLabels, Counter>,
    unauthenticated: Family<CauseLabels, Counter>,
    upstream_errors: Family<CauseLabels, Counter>,
    reloads: Family<CauseLabels, Counter>,
    telemetry_dropped: Family<CauseLabels, Counter>,
    sink_records: Family<SinkLabels, Counter>,
    sink_failures: Family<SinkLabels, Counter>,
    sink_lag: Family<SinkLabels, Gauge<u64, AtomicU64>>,
    sink_age: Family<SinkLabels, Gauge<u64, AtomicU64>>,
    /// Whether the last reload failed: then an older snapshot is in force.
    pub stale_configuration: Gauge<i64, AtomicI64>,
    /// Open sessions.
    pub sessions: Gauge<i64, AtomicI64>,
    /// Calls in work.
    pub in_flight: Gauge<i64, AtomicI64>,
    /// Calls and results that wait for an approval.
    pub approvals_pending: Gauge<i64, AtomicI64>,
    /// Emergencies whose review is overdue.
    pub reviews_overdue: Gauge<i64, AtomicI64>,
    /// Seconds from a request to its last message.
    pub duration: Histogram,
    /// Durable records.
    pub records: Gauge<u64, AtomicU64>,
    /// Whether records can be made durable.
    pub store_healthy: Gauge<i64, AtomicI64>,
}

impl Default for Metrics {
    fn default() -> Self {
        let bounds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0];
        let mut m = Metrics {
            registry: Registry::with_prefix("carnet"),
            messages: Family::default(),
            masked: Family::default(),
            drift: Family::default(),
            elsewhere: Family::default(),
            unauthenticated: Family::default(),
            upstream_errors: Family::default(),
            reloads: Family::default(),
            telemetry_dropped: Family::default(),
            sink_records: Family::default(),
            sink_failures: Family::default(),
            sink_lag: Family::default(),
            sink_age: Family::default(),
            stale_configuration: Gauge::default(),
            sessions: Gauge::default(),
            in_flight: Gauge::default(),
            approvals_pending: Gauge::default(),
            reviews_overdue: Gauge::default(),
            duration: Histogram::new(bounds),
            records: Gauge::default(),
            store_healthy: Gauge::default(),
        };
        let r = &mut m.registry;
        r.register("messages", "Messages of callers by server, method and decision", m.messages.clone());
        r.register("masked_values", "Masked values by data class", m.masked.clone());
        r.register("drift", "Messages of servers with what they are not said to have", m.drift.clone());
        let help = "Messages of callers, or to servers, whose address is in another country than is said";
        r.register("elsewhere", help, m.elsewhere.clone());
        r.register("unauthenticated", "Requests without an accepted identity", m.unauthenticated.clone());
        r.register(
            "upstream_errors",
            "Messages that a server did not answer properly",
            m.upstream_errors.clone(),
        );
        r.register("reloads", "Reloads of configuration and policies", m.reloads.clone());
        r.register("telemetry_dropped", "Spans that the collector did not get", m.telemetry_dropped.clone());
        r.register("sink_records", "Records that a sink has taken", m.sink_records.clone());
        r.register("sink_failures", "Batches that a sink did not take", m.sink_failures.clone());
        r.register("sink_lag_records", "Durable records that a sink has not taken yet", m.sink_lag.clone());
        r.register(
            "sink_lag_seconds",
            "Age of the oldest record that a sink has not taken",
            m.sink_age.clone(),
        );
        let help = "Calls and results that wait for an approval";
        r.register("approvals_pending", help, m.approvals_pending.clone());
        r.register("reviews_overdue", "Emergencies whose review is overdue", m.reviews_overdue.clone());
        r.register(
            "stale_configuration",
            "1 while the last reload failed and an older snapshot is in force",
            m.stale_configuration.clone(),
        );
        r.register("sessions", "Open sessions", m.sessions.clone());
        r.register("in_flight", "Calls in work", m.in_flight.clone());
        r.register("request_duration_seconds", "From a request to its last message", m.duration.clone());
        r.register("records", "Records in the log", m.records.clone());
        r.register("store_healthy", "1 while records can be made durable", m.store_healthy.clone());
        m
    }
}

impl Metrics {
    /// Counts a message with what its server is not said to have.
    pub fn drifted(&self, server: &str, what: &[&str]) {
        for found in what {
            let labels = DriftLabels { server: server.to_owned(), found: (*found).to_owned() };
            self.drift.get_or_create(&labels).inc();
        }
    }

    /// Counts a message from or to an address in another country than is said.
    pub fn elsewhere(&self, who: &'static str) {
        self.elsewhere.get_or_create(&CauseLabels { cause: who }).inc();
    }

    /// Counts a message.
    pub fn message(&self, server: &str, action: Action, decision: &'static str) {
        let labels = MessageLabels { server: server.to_owned(), method: action.as_str(), decision };
        self.messages.get_or_create(&labels).inc();
    }

    /// Counts masked values.
    pub fn masked(&self, class: &str, count: u32) {
        self.masked.get_or_create(&ClassLabels { class: class.to_owned() }).inc_by(u64::from(count));
    }

    /// Counts a request without an accepted identity.
    pub fn unauthenticated(&self, cause: &'static str) {
        self.unauthenticated.get_or_create(&CauseLabels { cause }).inc();
    }

    /// Counts a failure of a server.
    pub fn upstream_error(&self, cause: &'static str) {
        self.upstream_errors.get_or_create(&CauseLabels { cause }).inc();
    }

    /// Counts a reload: `ok` or `failed`.
    pub fn reload(&self, cause: &'static str) {
        self.reloads.get_or_create(&CauseLabels { cause }).inc();
        self.stale_configuration.set(i64::from(cause != "ok"));
    }

    /// Counts spans that the collector did not get.
    pub fn telemetry_dropped(&self, cause: &'static str, count: u64) {
        self.telemetry_dropped.get_or_create(&CauseLabels { cause }).inc_by(count);
    }

    /// Counts records that a sink has taken.
    pub fn sink_sent(&self, sink: &str, count: u64) {
        self.sink_records.get_or_create(&SinkLabels { sink: sink.to_owned() }).inc_by(count);
    }

    /// Counts a batch that a sink did not take.
    pub fn sink_failed(&self, sink: &str) {
        self.sink_failures.get_or_create(&SinkLabels { sink: sink.to_owned() }).inc();
    }

    /// How old the oldest record is that a sink has not taken.
    pub fn sink_age(&self, sink: &str, seconds: u64) {
        self.sink_age.get_or_create(&SinkLabels { sink: sink.to_owned() }).set(seconds);
    }

    /// A sink is not configured any more.
    pub fn sink_gone(&self, sink: &str) {
        let labels = SinkLabels { sink: sink.to_owned() };
        self.sink_lag.remove(&labels);
        self.sink_age.remove(&labels);
    }

    /// How many durable records a sink has not taken.
    pub fn sink_lag(&self, sink: &str, records: u64) {
        self.sink_lag.get_or_create(&SinkLabels { sink: sink.to_owned() }).set(records);
    }

    /// The text of `/metrics` (OpenMetrics).
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail; an empty page is what remains if it did.
        let _ = encode(&mut text, &self.registry);
        text
    }
}
