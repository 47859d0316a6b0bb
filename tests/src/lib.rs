//! What the end-to-end tests share: a fixture MCP server on rmcp, which is as complete as the conformance suites can
//! ask for; a client on the same library; and the real peers as `cargo xtask peers` has installed them. The only thing
//! known here of the gateway is how to start it.

pub mod cells;
pub mod client;
pub mod compare;
pub mod driver;
pub mod fixture;
pub mod gateway;
pub mod http;
pub mod net;
pub mod peers;
pub mod process;
pub mod records;
pub mod suite;
pub mod upstream;
pub mod visitor;
pub mod weather;
pub mod wire;
