//! Upstreams: the MCP servers behind the gateway, over Streamable HTTP, HTTP+SSE or a child's standard streams.
//!
//! Everything that goes to a server is a `Recorded<Permitted<_>>` of the gate: there is no other way to send.

pub mod child;
pub mod duplex;
pub mod http;
pub mod legacy;
pub mod link;
pub mod pool;

use std::sync::Arc;

use carnet_json::Limits;

use crate::servers::{Reach, Server};
use crate::sessions::Open;
use duplex::Duplex;

/// Why an upstream could not be used. Carries no content of any message.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum UpstreamError {
    /// The configured URL cannot be used.
    #[error("the server's address cannot be used")]
    Address,
    /// The host name did not resolve.
    #[error("the server's host name does not resolve")]
    Resolve,
    /// All of its addresses are in other countries than it is said to be.
    #[error("the server's address is in another country than it is said to be")]
    Elsewhere,
    /// No connection.
    #[error("the server does not accept connections")]
    Connect,
    /// The TLS handshake failed.
    #[error("the TLS handshake with the server failed")]
    Tls,
    /// The connection ended before the answer; the server may have seen the request.
    #[error("the server closed the connection before it answered")]
    Closed,
    /// No answer in time.
    #[error("the server did not answer in time")]
    Timeout,
    /// The answer is larger than allowed.
    #[error("the server's answer is larger than the limit")]
    TooLarge,
    /// The answer does not follow the protocol.
    #[error("the server's answer does not follow the protocol: {0}")]
    Protocol(&'static str),
    /// The server refused the gateway's own credential.
    #[error("the server refused the gateway's credential")]
    Credential,
    /// The child process could not be started or has ended.
    #[error("the server's process is not running")]
    Process,
    /// Too many messages wait for this server.
    #[error("too many requests wait for this server")]
    Busy,
}

/// The channel of a session with a server over stdio or HTTP+SSE, opened if there is none.
///
/// # Errors
/// When the child does not start or the stream does not open.
pub async fn duplex_of(server: &Server, open: &Open, limits: Limits) -> Result<Arc<Duplex>, UpstreamError> {
    if let Some(duplex) = open.duplex.get() {
        return if duplex.is_closed() { Err(UpstreamError::Process) } else { Ok(duplex.clone()) };
    }
    let duplex = match &server.reach {
        Reach::Stdio(command) => {
            let child = child::start(command)?;
            Duplex::new(child.to_child, child.from_child, limits)
        }
        Reach::LegacySse { http, credentials } => {
            let credential = credentials.header().await.map_err(|_| UpstreamError::Credential)?;
            let headers = credential.into_iter().collect();
            let (to, from) = legacy::open(http.clone(), headers, server.config.timeouts.connect).await?;
            Duplex::new(to, from, limits)
        }
        Reach::Http { .. } => return Err(UpstreamError::Protocol("not a channel")),
    };
    let duplex = open.duplex.get_or_init(|| duplex).clone();
    open.opened.notify_one();
    Ok(duplex)
}
