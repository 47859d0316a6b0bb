//! End to end: the real binary on real sockets, driven by real clients, in front of real servers. `cargo xtask test`
//! installs the peers and builds the binaries first.

mod approvals;
mod approvers;
mod approvers_who;
mod attacks;
mod batch;
mod binary;
mod borders;
mod bulk;
mod cells;
mod channels;
mod conformance;
mod content;
mod disk;
mod drain;
mod foreign;
mod hsm;
mod invariants;
mod kill;
mod matrix;
mod modern;
mod oidc;
mod package;
mod places;
mod privacy;
mod replay;
mod reports;
mod residency;
mod retention;
mod sdk;
mod servers;
mod shell;
mod sinks;
mod vault;
mod waiting;
mod witness;
