//! A front's metrics in the Prometheus text format: names of the configuration and numbers.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Where a request went, and how it was answered.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct RouteLabels {
    server: String,
    status: u16,
}

/// A cell.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct CellLabels {
    cell: String,
}

/// All of a front's metrics.
pub(super) struct Metrics {
    registry: Registry,
    routed: Family<RouteLabels, Counter>,
    connections: Family<CellLabels, Gauge>,
    stale: Gauge,
    pub(super) unauthenticated: Counter,
}

impl Default for Metrics {
    fn default() -> Metrics {
        let mut registry = Registry::with_prefix("carnet_front");
        let (routed, connections, unauthenticated) =
            (Family::default(), Family::default(), Counter::default());
        let stale = Gauge::default();
        let help = "1 while the file could not be read anew and the old configuration is in force";
        registry.register("stale_configuration", help, stale.clone());
        registry.register("requests", "Requests that went to a cell, or had none to go to", routed.clone());
        registry.register("cell_connections", "Open connections of a cell", connections.clone());
        registry.register("unauthenticated", "Requests that were not identified", unauthenticated.clone());
        Metrics { registry, routed, connections, stale, unauthenticated }
    }
}

impl Metrics {
    /// Whether the file in place is another one than that in force.
    pub(super) fn stale(&self, stale: bool) {
        self.stale.set(i64::from(stale));
    }

    pub(super) fn routed(&self, server: &str, status: u16) {
        self.routed.get_or_create(&RouteLabels { server: server.to_owned(), status }).inc();
    }

    pub(super) fn connections(&self, cell: &str, open: usize) {
        let open = i64::try_from(open).unwrap_or(i64::MAX);
        self.connections.get_or_create(&CellLabels { cell: cell.to_owned() }).set(open);
    }

    pub(super) fn render(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}
