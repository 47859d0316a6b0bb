//! Listeners: accept, TLS, HTTP/1.1 and HTTP/2, limits on connections and headers, drain.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;

use crate::body::Reply;

/// Whoever answers requests.
pub trait Answer: Send + Sync + 'static {
    /// Answers one request.
    fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        peer: Peer,
    ) -> impl Future<Output = Response<Reply>> + Send;
}

/// Where a request came in.
#[derive(Clone, Debug)]
pub struct Peer {
    /// The other end.
    pub address: SocketAddr,
    /// Which of the listeners.
    pub listener: usize,
    /// SHA-256 of the client certificate, where one was shown and checked.
    pub certificate: Option<[u8; 32]>,
}

/// The limits of a listener.
#[derive(Clone, Copy, Debug)]
pub struct ListenerLimits {
    /// Bytes of a request's head.
    pub header_bytes: usize,
    /// Time for a request's head to come in.
    pub header_timeout: Duration,
    /// Time for a TLS handshake.
    pub handshake_timeout: Duration,
}

/// A bound listener.
pub struct Listener {
    /// The socket.
    pub socket: TcpListener,
    /// Its place in the configuration.
    pub index: usize,
    /// TLS in force; swapped on reload without touching open connections. `None` inside: plain HTTP.
    pub tls: Arc<ArcSwapOption<rustls::ServerConfig>>,
    /// Its limits.
    pub limits: ListenerLimits,
}

/// Accepts connections until `stop` turns true, then lets open ones finish within `drain`.
pub async fn run<A: Answer>(
    listener: Listener,
    answer: Arc<A>,
    connections: Arc<Semaphore>,
    mut stop: watch::Receiver<bool>,
    drain: Duration,
) {
    let graceful = GracefulShutdown::new();
    loop {
        // A place is taken before accepting: at the limit, connections wait in the kernel's bounded queue.
        let Ok(place) = connections.clone().acquire_owned().await else { break };
        let accepted = tokio::select! {
            accepted = listener.socket.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(e) => {
                // Out of file descriptors, mostly: a pause instead of a spin.
                tracing::warn!(error = %e.kind(), "accept failed");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let peer = Peer { address, listener: listener.index, certificate: None };
        let (limits, tls, answer, watcher) =
            (listener.limits, listener.tls.load_full(), answer.clone(), graceful.watcher());
        tokio::spawn(async move {
            connection(stream, peer, tls, limits, answer, watcher).await;
            drop(place);
        });
    }
    drop(listener);
    if tokio::time::timeout(drain, graceful.shutdown()).await.is_err() {
        tracing::warn!("connections were still open when the drain time ended");
    }
}

async fn connection<A: Answer>(
    stream: TcpStream,
    mut peer: Peer,
    tls: Option<Arc<rustls::ServerConfig>>,
    limits: ListenerLimits,
    answer: Arc<A>,
    watcher: Watcher,
) {
    if stream.set_nodelay(true).is_err() {
        return;
    }
    match tls {
        None => serve(stream, peer, limits, answer, watcher).await,
        Some(config) => {
            let handshake = TlsAcceptor::from(config).accept(stream);
            let Ok(Ok(stream)) = tokio::time::timeout(limits.handshake_timeout, handshake).await else {
                return;
            };
            peer.certificate = stream.get_ref().1.peer_certificates().and_then(|c| c.first()).map(|c| {
                use sha2::Digest;
                sha2::Sha256::digest(c).into()
            });
            serve(stream, peer, limits, answer, watcher).await;
        }
    }
}

async fn serve<A: Answer, S>(stream: S, peer: Peer, limits: ListenerLimits, answer: Arc<A>, watcher: Watcher)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let begun = Arc::new(AtomicBool::new(false));
    let noted = begun.clone();
    let service = service_fn(move |request| {
        noted.store(true, Ordering::Relaxed);
        let (answer, peer) = (answer.clone(), peer.clone());
        async move { Ok::<_, Infallible>(answer.answer(request, peer).await) }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_buf_size(limits.header_bytes.max(8192));
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(u32::try_from(limits.header_bytes).unwrap_or(u32::MAX))
        .max_concurrent_streams(256)
        .keep_alive_interval(Duration::from_secs(30));
    let connection = watcher.watch(builder.serve_connection(TokioIo::new(stream), service).into_owned());
    let mut connection = std::pin::pin!(connection);
    // Until the version of HTTP is known, hyper watches no time: a connection that says nothing would keep its place.
    // How one ended is of no interest: what mattered was answered or recorded.
    let first = tokio::time::timeout(limits.header_timeout, &mut connection).await;
    if first.is_err() && begun.load(Ordering::Relaxed) {
        let _ = connection.await;
    }
}
