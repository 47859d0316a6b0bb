//! `carnet front`: one address for callers, in front of cells that have dialled in. It checks the caller's token, finds the
//! cell that owns the server, puts its signed word beside the call, and passes bytes both ways. It holds no key of a cell,
//! decides nothing about content and keeps nothing but a line for each call: what goes where is decided in the cell.

mod admin;
mod cells;
mod metrics;
mod route;
mod routes;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::{ArcSwap, ArcSwapOption};
use carnet_config::{FrontConfig, LoadedFront};
use carnet_tunnel::{Bundle, Signer, SigningKey};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

use crate::identity::{Identities, pem};
use crate::join::ALPN;
use crate::run::server_tls;
use crate::server::{self, Listener, ListenerLimits};
use cells::Cells;
use metrics::Metrics;
use routes::Routes;

/// A front.
pub struct Front {
    config: FrontConfig,
    identities: Arc<Identities>,
    signer: Signer,
    cells: Cells,
    routes: Routes,
    metrics: Metrics,
    places: Semaphore,
    stopping: watch::Sender<bool>,
    /// Turns true when the tunnels are to end.
    over: watch::Sender<bool>,
    bound: Mutex<Option<String>>,
    policies: ArcSwap<Option<Bundle>>,
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

/// Brings a front up.
///
/// # Errors
/// Everything that keeps it from starting, rendered.
pub async fn start(loaded: LoadedFront) -> Result<RunningFront, Vec<String>> {
    let config = loaded.config;
    let one = |e: String| vec![e];
    let identities = Arc::new(Identities::load(&config.identity)?);
    let key = SigningKey::from_pem(&pem(&config.assertions).map_err(one)?)
        .map_err(|e| one(format!("assertions: {e}")))?;
    let mut tls = server_tls(&config.tunnel_tls).map_err(|e| one(format!("tunnel: {e}")))?;
    tls.alpn_protocols = vec![ALPN.to_vec()];
    let policies = config.policies.as_deref().map(bundle).transpose().map_err(one)?;
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
        signer: Signer::new(&config.name, key),
        cells: Cells::new(&config),
        metrics: Metrics::default(),
        stopping: watch::Sender::new(false),
        over: watch::Sender::new(false),
        bound: Mutex::default(),
        policies: ArcSwap::from_pointee(policies),
        identities,
        routes,
        config,
    });
    let addresses: Vec<_> = sockets.iter().filter_map(|(socket, _)| socket.local_addr().ok()).collect();
    front.note_bound(&addresses);
    let mut listeners = listen(&front, sockets);
    let admin_address = admin.as_ref().and_then(|a| a.local_addr().ok());
    listeners.extend(admin.map(|socket| tokio::spawn(admin::serve(&front, socket))));
    let tunnels = tokio::spawn(cells::accept(front.clone(), tunnel, Arc::new(tls)));
    tokio::spawn(front.identities.keys.clone().keep_fresh());
    if front.config.policies.is_some() {
        tokio::spawn(follow_policies(front.clone()));
    }
    Ok(RunningFront { front, addresses, tunnel: tunnel_address, admin: admin_address, listeners, tunnels })
}

impl RunningFront {
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
    fn public_url(&self) -> String {
        let bound = || self.bound.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.config.public_url.clone().or_else(bound).unwrap_or_default()
    }

    fn note_bound(&self, addresses: &[SocketAddr]) {
        let scheme =
            if self.config.listeners.first().is_some_and(|l| l.tls.is_some()) { "https" } else { "http" };
        *self.bound.lock().unwrap_or_else(PoisonError::into_inner) =
            addresses.first().map(|a| format!("{scheme}://{a}"));
    }
}

fn bundle(path: &Path) -> Result<Bundle, String> {
    let text = std::fs::read_to_string(path).map_err(|e| format!("{}: {}", path.display(), e.kind()))?;
    Bundle::parse(&text).map_err(|e| format!("{}: {e}", path.display()))
}

/// Reads the file of signed policies again when it changes. A bad file changes nothing.
async fn follow_policies(front: Arc<Front>) {
    let Some(path) = front.config.policies.clone() else { return };
    let mut stopping = front.stopping.subscribe();
    let changed = || std::fs::metadata(&path).and_then(|m| m.modified()).ok();
    let mut last = changed();
    loop {
        tokio::select! {
            () = tokio::time::sleep(cells::HELLO) => {}
            _ = stopping.wait_for(|stop| *stop) => return,
        }
        let now = changed();
        if now == last {
            continue;
        }
        last = now;
        match bundle(&path) {
            Ok(bundle) => front.policies.store(Arc::new(Some(bundle))),
            Err(error) => tracing::error!(error, "the signed policies cannot be read; the last ones stay"),
        }
    }
}

async fn bind_one(address: SocketAddr) -> Result<TcpListener, String> {
    TcpListener::bind(address).await.map_err(|e| format!("cannot listen on {address}: {}", e.kind()))
}

type Bound = (TcpListener, Option<rustls::ServerConfig>);

async fn bind(config: &FrontConfig) -> Result<Vec<Bound>, Vec<String>> {
    let (mut sockets, mut errors) = (Vec::new(), Vec::new());
    for listener in &config.listeners {
        let tls = listener.tls.as_ref().map(server_tls).transpose();
        match (bind_one(listener.address).await, tls) {
            (Ok(socket), Ok(tls)) => sockets.push((socket, tls)),
            (Err(e), _) | (_, Err(e)) => errors.push(e),
        }
    }
    if errors.is_empty() { Ok(sockets) } else { Err(errors) }
}

fn listen(front: &Arc<Front>, sockets: Vec<Bound>) -> Vec<JoinHandle<()>> {
    let limits = &front.config.limits;
    let connections = Arc::new(Semaphore::new(limits.connections.min(Semaphore::MAX_PERMITS)));
    let each = ListenerLimits {
        header_bytes: usize::try_from(limits.headers).unwrap_or(64 << 10),
        header_timeout: limits.header_timeout,
        handshake_timeout: limits.header_timeout,
    };
    let run = |(index, (socket, tls)): (usize, Bound)| {
        let listener =
            Listener { socket, index, tls: Arc::new(ArcSwapOption::from_pointee(tls)), limits: each };
        let stop = front.stopping.subscribe();
        let serving = server::run(listener, front.clone(), connections.clone(), stop, front.config.drain);
        tokio::spawn(serving)
    };
    sockets.into_iter().enumerate().map(run).collect()
}
