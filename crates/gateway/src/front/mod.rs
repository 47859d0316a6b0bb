//! `carnet front`: one address for callers, in front of cells that have dialled in. It checks the caller's token, finds the
//! cell that owns the server, puts its signed word beside the call, and passes bytes both ways. It holds no key of a cell,
//! decides nothing about content and keeps nothing but a line for each call: what goes where is decided in the cell.

mod admin;
mod approvals;
mod cells;
mod force;
mod metrics;
mod reload;
mod route;
mod routes;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::{ArcSwap, ArcSwapOption};
use carnet_config::{FrontConfig, LoadedFront};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

use crate::run::server_tls;
use crate::server::{self, Listener, ListenerLimits};
use force::InForce;
use metrics::Metrics;
use routes::Routes;

pub use reload::watch;

/// A front.
pub struct Front {
    /// What a reload replaces.
    force: ArcSwap<InForce>,
    /// TLS of the listeners, in their order, and of the tunnel.
    tls: Vec<Arc<ArcSwapOption<rustls::ServerConfig>>>,
    tunnel_tls: ArcSwap<rustls::ServerConfig>,
    routes: Routes,
    metrics: Metrics,
    places: Semaphore,
    /// Numbers of connections of cells.
    numbers: AtomicUsize,
    stopping: watch::Sender<bool>,
    /// Turns true when the tunnels are to end.
    over: watch::Sender<bool>,
    /// Grows with each reload: connections of cells are looked at again.
    changed: watch::Sender<u64>,
    bound: Mutex<Option<String>>,
    file: Option<PathBuf>,
    reload_errors: Mutex<Vec<String>>,
}

/// A front that runs.
pub struct RunningFront {
    front: Arc<Front>,
    /// Where callers connect, in the order of the configuration.
    pub addresses: Vec<SocketAddr>,
    /// Where cells connect.
    pub tunnel: SocketAddr,
    /// Where the operator's own listener is.
    pub admin: Option<SocketAddr>,
    listeners: Vec<JoinHandle<()>>,
    tunnels: JoinHandle<()>,
}

/// Brings a front up. `file` is its configuration's, for reloads.
///
/// # Errors
/// Everything that keeps it from starting, rendered.
pub async fn start(loaded: LoadedFront, file: Option<PathBuf>) -> Result<RunningFront, Vec<String>> {
    let one = |e: String| vec![e];
    let (force, tls) = InForce::load(loaded.config, None)?;
    let config = force.config.clone();
    let routes =
        Routes::open(&config.data).map_err(|e| one(format!("{}: {}", config.data.display(), e.kind())))?;
    let sockets = bind(&config).await?;
    let tunnel = bind_one(config.tunnel).await.map_err(one)?;
    let tunnel_address = tunnel.local_addr().map_err(|e| one(e.to_string()))?;
    let admin = match &config.admin {
        None => None,
        Some(admin) => Some(bind_one(admin.address).await.map_err(one)?),
    };
    let front = Arc::new(Front {
        places: Semaphore::new(config.limits.concurrency.min(Semaphore::MAX_PERMITS)),
        force: ArcSwap::from_pointee(force),
        tls: tls.listeners.into_iter().map(|tls| Arc::new(ArcSwapOption::from_pointee(tls))).collect(),
        tunnel_tls: ArcSwap::from_pointee(tls.tunnel),
        metrics: Metrics::default(),
        numbers: AtomicUsize::new(0),
        stopping: watch::Sender::new(false),
        over: watch::Sender::new(false),
        changed: watch::Sender::new(0),
        bound: Mutex::default(),
        reload_errors: Mutex::default(),
        file,
        routes,
    });
    let addresses: Vec<_> = sockets.iter().filter_map(|socket| socket.local_addr().ok()).collect();
    front.note_bound(&config, &addresses);
    let mut listeners = listen(&front, &config, sockets);
    let admin_address = admin.as_ref().and_then(|a| a.local_addr().ok());
    listeners.extend(admin.map(|socket| tokio::spawn(admin::serve(&front, socket))));
    let tunnels = tokio::spawn(cells::accept(front.clone(), tunnel));
    Ok(RunningFront { front, addresses, tunnel: tunnel_address, admin: admin_address, listeners, tunnels })
}

impl RunningFront {
    /// The front itself, for [`watch`].
    #[must_use]
    pub fn front(&self) -> Arc<Front> {
        self.front.clone()
    }

    /// Stops: no new calls, open ones finish within the drain time, then the tunnels end.
    pub async fn stop(self) {
        self.front.stopping.send_replace(true);
        for task in self.listeners {
            let _ = task.await;
        }
        self.front.over.send_replace(true);
        let _ = self.tunnels.await;
        self.front.routes.close().await;
    }
}

impl Front {
    /// The address that callers know, without a trailing slash.
    fn public_url(&self, config: &FrontConfig) -> String {
        let bound = || self.bound.lock().unwrap_or_else(PoisonError::into_inner).clone();
        config.public_url.clone().or_else(bound).unwrap_or_default()
    }

    fn note_bound(&self, config: &FrontConfig, addresses: &[SocketAddr]) {
        let scheme = if config.listeners.first().is_some_and(|l| l.tls.is_some()) { "https" } else { "http" };
        *self.bound.lock().unwrap_or_else(PoisonError::into_inner) =
            addresses.first().map(|a| format!("{scheme}://{a}"));
    }
}

async fn bind_one(address: SocketAddr) -> Result<TcpListener, String> {
    TcpListener::bind(address).await.map_err(|e| format!("cannot listen on {address}: {}", e.kind()))
}

async fn bind(config: &FrontConfig) -> Result<Vec<TcpListener>, Vec<String>> {
    let (mut sockets, mut errors) = (Vec::new(), Vec::new());
    for listener in &config.listeners {
        match bind_one(listener.address).await {
            Ok(socket) => sockets.push(socket),
            Err(e) => errors.push(e),
        }
    }
    if errors.is_empty() { Ok(sockets) } else { Err(errors) }
}

fn listen(front: &Arc<Front>, config: &FrontConfig, sockets: Vec<TcpListener>) -> Vec<JoinHandle<()>> {
    let limits = &config.limits;
    let connections = Arc::new(Semaphore::new(limits.connections.min(Semaphore::MAX_PERMITS)));
    let each = ListenerLimits {
        header_bytes: usize::try_from(limits.headers).unwrap_or(64 << 10),
        header_timeout: limits.header_timeout,
        handshake_timeout: limits.header_timeout,
    };
    let run = |((index, socket), tls): ((usize, TcpListener), &Arc<_>)| {
        let listener = Listener { socket, index, tls: Arc::clone(tls), limits: each };
        let stop = front.stopping.subscribe();
        let serving = server::run(listener, front.clone(), connections.clone(), stop, config.drain);
        tokio::spawn(serving)
    };
    sockets.into_iter().enumerate().zip(&front.tls).map(run).collect()
}

/// The TLS of a front, from its files.
struct Tls {
    listeners: Vec<Option<rustls::ServerConfig>>,
    tunnel: rustls::ServerConfig,
}

impl Tls {
    fn read(config: &FrontConfig) -> Result<Tls, Vec<String>> {
        let mut errors = Vec::new();
        let listeners = config.listeners.iter().map(|l| l.tls.as_ref().map(server_tls).transpose());
        let listeners = listeners.collect::<Result<Vec<_>, _>>().map_err(|e| errors.push(e));
        let tunnel = server_tls(&config.tunnel_tls).map_err(|e| errors.push(format!("tunnel: {e}")));
        match (listeners, tunnel) {
            (Ok(listeners), Ok(mut tunnel)) => {
                tunnel.alpn_protocols = vec![crate::join::ALPN.to_vec()];
                #[cfg(debug_assertions)]
                note_keys(&mut tunnel);
                Ok(Tls { listeners, tunnel })
            }
            _ => Err(errors),
        }
    }
}

/// For tests that look into tunnels: the keys of their connections go to the file that `SSLKEYLOGFILE` names. Only builds with
/// debug assertions have this at all.
#[cfg(debug_assertions)]
fn note_keys(tunnel: &mut rustls::ServerConfig) {
    if std::env::var_os("SSLKEYLOGFILE").is_some() {
        tracing::warn!("a build for tests: the keys of tunnels are written down (SSLKEYLOGFILE)");
        tunnel.key_log = Arc::new(rustls::KeyLogFile::new());
    }
}
