//! Connections to one upstream origin: HTTP/1.1, plain or TLS, kept and used again.
//!
//! A request is sent again on a new connection only when hyper hands it back untouched, so a call never runs twice.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::UpstreamError;
use crate::observed::Sight;

/// The body of a request to an upstream: one owned buffer.
pub type Outgoing = Full<Bytes>;

/// The connections of one origin.
pub struct Pool {
    host: String,
    port: u16,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    connect_timeout: Duration,
    most_idle: usize,
    idle: Mutex<VecDeque<Idle>>,
    sight: Arc<Sight>,
}

/// A connection that waits, and by which table of addresses it was made.
type Idle = (u64, SendRequest<Outgoing>);

/// A connection on loan. Given back by [`Lease::give_back`] once its response was read to the end; dropped, it closes.
pub struct Lease {
    pool: Arc<Pool>,
    /// By which table of addresses it was made.
    age: u64,
    sender: SendRequest<Outgoing>,
}

impl Lease {
    /// Returns the connection for the next request.
    pub fn give_back(self) {
        if self.sender.is_closed() {
            return;
        }
        let mut idle = self.pool.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < self.pool.most_idle {
            idle.push_back((self.age, self.sender));
        }
    }
}

impl Pool {
    /// A pool for the origin of `url`; `tls` is used when its scheme is https.
    ///
    /// # Errors
    /// When the URL has no host or the host is no valid server name.
    pub fn new(
        url: &Uri,
        tls: Arc<rustls::ClientConfig>,
        connect_timeout: Duration,
        most_idle: usize,
        sight: Arc<Sight>,
    ) -> Result<Arc<Pool>, UpstreamError> {
        let host = url.host().ok_or(UpstreamError::Address)?.trim_matches(['[', ']']).to_owned();
        let https = url.scheme_str() == Some("https");
        let port = url.port_u16().unwrap_or(if https { 443 } else { 80 });
        let tls = if https {
            let name = ServerName::try_from(host.clone()).map_err(|_| UpstreamError::Address)?;
            Some((TlsConnector::from(tls), name))
        } else {
            None
        };
        Ok(Arc::new(Pool { host, port, tls, connect_timeout, most_idle, idle: Mutex::default(), sight }))
    }

    /// Sends one request and waits for the head of its response.
    ///
    /// # Errors
    /// Connection failures. [`UpstreamError::Closed`] means the request may have reached the upstream.
    pub async fn send(
        self: &Arc<Self>,
        mut request: Request<Outgoing>,
    ) -> Result<(Response<Incoming>, Lease), UpstreamError> {
        while let Some((age, mut sender)) = self.take_idle() {
            // A connection whose last response is still being finished is waited for only briefly: ready() resolves
            // as soon as its task has run.
            if sender.ready().await.is_err() {
                continue;
            }
            match sender.try_send_request(request).await {
                Ok(response) => return Ok((response, Lease { pool: self.clone(), age, sender })),
                Err(mut e) => match e.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(UpstreamError::Closed),
                },
            }
        }
        let age = self.sight.age();
        let mut sender = self.connect().await?;
        sender.ready().await.map_err(|_| UpstreamError::Connect)?;
        let response = sender.send_request(request).await.map_err(|_| UpstreamError::Closed)?;
        Ok((response, Lease { pool: self.clone(), age, sender }))
    }

    fn take_idle(&self) -> Option<Idle> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        // Last in, first out: what was used last is likeliest to be alive, and the rest can age.
        while let Some((age, sender)) = idle.pop_back() {
            // One that was made before addresses were looked up otherwise is not used again.
            if !sender.is_closed() && age == self.sight.age() {
                return Some((age, sender));
            }
        }
        None
    }

    async fn connect(&self) -> Result<SendRequest<Outgoing>, UpstreamError> {
        tokio::time::timeout(self.connect_timeout, self.connect_unbounded())
            .await
            .map_err(|_| UpstreamError::Timeout)?
    }

    async fn connect_unbounded(&self) -> Result<SendRequest<Outgoing>, UpstreamError> {
        let addresses: Vec<SocketAddr> = tokio::net::lookup_host((self.host.as_str(), self.port))
            .await
            .map_err(|_| UpstreamError::Resolve)?
            .collect();
        let (mut stream, mut elsewhere) = (None, false);
        for address in addresses {
            if !self.sight.admits(address.ip()) {
                elsewhere = true;
                continue;
            }
            if let Ok(s) = TcpStream::connect(address).await {
                stream = Some(s);
                break;
            }
        }
        let none = if elsewhere { UpstreamError::Elsewhere } else { UpstreamError::Connect };
        let stream = stream.ok_or(none)?;
        // Small writes wait 40 ms for an acknowledgement without this.
        stream.set_nodelay(true).map_err(|_| UpstreamError::Connect)?;
        match &self.tls {
            None => Self::handshake(TokioIo::new(stream)).await,
            Some((connector, name)) => {
                let tls = connector.connect(name.clone(), stream).await.map_err(|_| UpstreamError::Tls)?;
                Self::handshake(TokioIo::new(tls)).await
            }
        }
    }

    async fn handshake<I>(io: I) -> Result<SendRequest<Outgoing>, UpstreamError>
    where
        I: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
    {
        let (sender, connection) = http1::handshake(io).await.map_err(|_| UpstreamError::Connect)?;
        tokio::spawn(async move {
            // The error, if any, reaches whoever waits for a response on this connection.
            let _ = connection.await;
        });
        Ok(sender)
    }
}
