//! Listeners, upstreams, sessions, reload, drain, metrics: the shell around the gate.
//!
//! [`run::start`] brings a configuration up. A request is accepted by [`server`], routed and identified by
//! [`downstream`], walked by the gate with the effects of [`call`], and reaches its server through [`upstream`].

pub mod admin;
pub mod analyzers;
pub mod body;
pub mod call;
mod channels;
pub mod control;
pub mod credentials;
pub mod desk;
pub mod detectors;
pub mod documents;
pub mod downstream;
pub mod front;
pub mod gateway;
pub mod hold;
pub mod identity;
pub mod join;
pub mod kek;
pub mod keys;
pub mod limits;
pub mod load;
pub mod memory;
pub mod metrics;
pub mod observed;
pub mod outbound;
pub mod page;
pub mod record;
pub mod reload;
mod remembered;
pub mod residency;
pub mod run;
pub mod server;
pub mod servers;
pub mod sessions;
mod sink;
mod state;
pub mod stop;
mod tallies;
pub mod telemetry;
pub mod tls;
pub mod upstream;
pub mod witness;
