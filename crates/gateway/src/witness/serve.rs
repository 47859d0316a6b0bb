//! A witness: `POST /add-checkpoint` of C2SP tlog-witness, and `GET /healthz`. What it answers is durable before.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use carnet_evidence::note::Verifier;
use carnet_evidence::witness::{Refusal, Submission, submission::MOST_BYTES};
use carnet_store::witness::WitnessStore;
use http::header::HeaderValue;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

use crate::body::{self, Reply};
use crate::record::seconds;
use crate::server::{self, Answer, Listener, ListenerLimits, Peer};

/// For a body to come in.
const PATIENCE: Duration = Duration::from_secs(10);
/// Connections at once.
const CONNECTIONS: usize = 256;

/// Answers logs.
pub struct WitnessDesk {
    /// Key and memory.
    pub store: WitnessStore,
    /// Keys of the logs that it signs for.
    pub logs: Vec<Verifier>,
}

impl Answer for WitnessDesk {
    async fn answer(self: Arc<Self>, request: Request<Incoming>, _: Peer) -> Response<Reply> {
        match (request.method(), request.uri().path()) {
            (&Method::GET, "/healthz") => body::text(StatusCode::OK, "ok\n"),
            (&Method::POST, path) if path.ends_with("/add-checkpoint") => {
                let body = Limited::new(request.into_body(), MOST_BYTES).collect();
                match tokio::time::timeout(PATIENCE, body).await {
                    Ok(Ok(body)) => self.add(body.to_bytes()).await,
                    _ => refused(Refusal::Malformed),
                }
            }
            _ => body::empty(StatusCode::NOT_FOUND),
        }
    }
}

impl WitnessDesk {
    async fn add(self: Arc<Self>, bytes: Bytes) -> Response<Reply> {
        let asked = match Submission::read(&bytes) {
            Ok(asked) => asked,
            Err(refusal) => return refused(refusal),
        };
        let size = asked.checkpoint.size;
        let done = tokio::task::spawn_blocking(move || {
            let origin = asked.checkpoint.origin.clone();
            (origin, self.store.add(&asked, &self.logs, seconds()))
        });
        match done.await {
            Ok((origin, Ok(Ok(line)))) => {
                tracing::info!(origin, size, "signed");
                body::text(StatusCode::OK, line.to_line())
            }
            Ok((origin, Ok(Err(refusal)))) => {
                // Only what a key of the log has signed is worth a line that names it; anybody can send the rest.
                match refusal {
                    Refusal::Inconsistent => tracing::error!(origin, size, "a log shows another history"),
                    refusal => tracing::debug!(%refusal, "not signed"),
                }
                refused(refusal)
            }
            Ok((_, Err(error))) => {
                tracing::error!(%error, "nothing can be signed");
                body::empty(StatusCode::SERVICE_UNAVAILABLE)
            }
            Err(_) => body::empty(StatusCode::INTERNAL_SERVER_ERROR),
        }
    }
}

fn refused(refusal: Refusal) -> Response<Reply> {
    let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::BAD_REQUEST);
    match refusal {
        Refusal::Stale(size) => {
            body::typed(status, HeaderValue::from_static("text/x.tlog.size"), format!("{size}\n"))
        }
        refusal => body::text(status, format!("{refusal}\n")),
    }
}

/// Serves a witness until `stop` turns true.
pub fn serve(
    desk: WitnessDesk,
    socket: TcpListener,
    tls: Option<rustls::ServerConfig>,
    stop: watch::Receiver<bool>,
) -> impl Future<Output = ()> + Send {
    let limits =
        ListenerLimits { header_bytes: 16 << 10, header_timeout: PATIENCE, handshake_timeout: PATIENCE };
    let listener = Listener { socket, index: 0, tls: Arc::new(ArcSwapOption::from_pointee(tls)), limits };
    server::run(listener, Arc::new(desk), Arc::new(Semaphore::new(CONNECTIONS)), stop, PATIENCE)
}
