//! The gateway's own log: structured, on standard error, without content.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use carnet_config::{LogFormat, Telemetry};

/// Starts logging as configured. `CARNET_LOG` (such as `carnet_gateway=debug`) overrides the level.
pub(crate) fn start(telemetry: &Telemetry) {
    let filter =
        EnvFilter::try_from_env("CARNET_LOG").unwrap_or_else(|_| EnvFilter::new(telemetry.level.as_str()));
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_target(false);
    let registry = tracing_subscriber::registry().with(filter);
    // A second start in one process (demo after wrap in tests) keeps the first.
    let _ = match telemetry.format {
        LogFormat::Text => registry.with(layer).try_init(),
        LogFormat::Json => registry.with(layer.json()).try_init(),
    };
}
