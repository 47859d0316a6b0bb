//! From a configuration to a running gateway, and in order down again.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use carnet_config::{Loaded, SecretRef};
use carnet_gate::Cell;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

use crate::gateway::Gateway;
use crate::hold::Holds;
use crate::identity::pem;
use crate::load::{self, PolicySource, Runtime};
use crate::metrics::Metrics;
use crate::page::Approvers;
use crate::record::{self, Opened};
use crate::server::{self, Listener, ListenerLimits};
use crate::sessions::Sessions;
use crate::state;
use crate::stop::{self, Ending};
use crate::telemetry::Telemetry;
use crate::tls;

/// What a gateway is started from.
pub struct Start {
    /// The configuration.
    pub loaded: Loaded,
    /// The policies.
    pub policies: Vec<PolicySource>,
    /// The configuration's file, for reloads; `None` where it was made in the process.
    pub file: Option<PathBuf>,
}

/// A gateway that runs.
pub struct Running {
    /// The gateway.
    pub gateway: Arc<Gateway>,
    /// Where it listens, in the order of the configuration.
    pub addresses: Vec<SocketAddr>,
    /// Where the operator's own listener is.
    pub admin: Option<SocketAddr>,
    pub(crate) listeners: Vec<JoinHandle<()>>,
    pub(crate) heartbeats: JoinHandle<()>,
}

/// Brings a gateway up: log, listeners, keys of the issuers.
///
/// # Errors
/// Everything that keeps it from starting, rendered.
pub async fn start(start: Start) -> Result<Running, Vec<String>> {
    let one = |e: String| vec![e];
    let mut opened = record::open(&start.loaded.config).map_err(one)?;
    let runtime = load::runtime(start.loaded, &start.policies, opened.token_key, None)?;
    let anchoring = crate::witness::Anchoring::read(&runtime.config).map_err(one)?;
    let sockets = bind(&runtime).await?;
    let admin = match &runtime.config.admin {
        None => None,
        Some(admin) => Some(
            TcpListener::bind(admin.address)
                .await
                .map_err(|e| one(format!("cannot listen on {}: {}", admin.address, e.kind())))?,
        ),
    };
    let metrics = Arc::new(Metrics::default());
    let telemetry = Telemetry::start(&runtime.config, &metrics).map_err(one)?;
    state::keep(&runtime).map_err(|e| one(e.to_string()))?;
    let known = runtime.gate.residency.cell_known;
    Box::pin(opened.begin(&runtime.config, runtime.gate.epochs, known))
        .await
        .map_err(|e| one(e.to_string()))?;
    let Opened { recorder, mac, token_key, held, before, .. } = opened;
    let holds = Holds::open(held, &recorder.reader(), record::seconds()).map_err(|e| one(e.to_string()))?;
    let approvers = Approvers::new(recorder.table.clone()).map_err(one)?;
    let (table, window) = (&recorder.table, runtime.gate.approvals.window);
    let tallies = crate::tallies::Tallies::open(table, crate::gateway::now().seconds, window);
    let readers = crate::remembered::Readers::open(table);
    let addresses: Vec<SocketAddr> = sockets.iter().map(|(_, address, _)| *address).collect();
    let cell = Cell { origin: runtime.config.cell.origin.to_string(), mac };
    let gateway = Arc::new(Gateway {
        places: Arc::new(Semaphore::new(runtime.config.limits.concurrency.min(Semaphore::MAX_PERMITS))),
        recorder,
        holds: Arc::new(holds),
        tallies,
        readers,
        queue: crate::remembered::Queue::default(),
        token_key,
        cell,
        sessions: Sessions::default(),
        metrics,
        telemetry,
        approvers,
        sinks: crate::sink::Sinks::default(),
        joins: crate::join::Joins::default(),
        tls: Mutex::default(),
        stopping: watch::Sender::new(false),
        ending: Ending::new(runtime.config.limits.concurrency.min(Semaphore::MAX_PERMITS)),
        file: start.file,
        keys: Mutex::default(),
        reload_errors: Mutex::default(),
        reloading: tokio::sync::Mutex::default(),
        bound: Mutex::new(addresses.clone()),
        runtime: ArcSwap::from_pointee(runtime),
    });
    Box::pin(crate::desk::started(&gateway, before)).await.map_err(|e| one(e.to_string()))?;
    let sinks = crate::sink::prepare(&gateway.runtime.load().config).map_err(one)?;
    crate::sink::apply(&gateway, sinks);
    if let Some(control) = crate::control::open(&gateway) {
        tokio::spawn(crate::control::serve(gateway.clone(), control));
    }
    let mut listeners = listen(&gateway, sockets);
    let mut admin_address = None;
    if let Some(socket) = admin {
        admin_address = socket.local_addr().ok();
        listeners.push(tokio::spawn(serve_admin(&gateway, socket)));
    }
    let joins = crate::join::prepare(&gateway, &gateway.runtime.load().config).map_err(one)?;
    crate::join::apply(&gateway, joins);
    let heartbeats = tokio::spawn(record::heartbeat(gateway.clone()));
    tokio::spawn(crate::hold::tick(gateway.clone()));
    tokio::spawn(crate::tallies::tend(gateway.clone()));
    tokio::spawn(crate::desk::tend(gateway.clone()));
    tokio::spawn(crate::witness::tend(gateway.clone(), anchoring));
    tokio::spawn(record::settle(gateway.clone()));
    tokio::spawn(crate::channels::deliver(gateway.clone()));
    tokio::spawn(crate::channels::follow(gateway.clone()));
    tokio::spawn(gateway.clone().sweep());
    gateway.tend_keys();
    Ok(Running { gateway, addresses, admin: admin_address, listeners, heartbeats })
}

type Bound = (TcpListener, SocketAddr, Option<rustls::ServerConfig>);

async fn bind(runtime: &Runtime) -> Result<Vec<Bound>, Vec<String>> {
    let mut sockets = Vec::new();
    let mut errors = Vec::new();
    for listener in &runtime.config.listeners {
        let tls = match &listener.tls {
            None => Ok(None),
            Some(tls) => server_tls(tls).map(Some),
        };
        let socket = TcpListener::bind(listener.address).await;
        match (socket.and_then(|s| Ok((s.local_addr()?, s))), tls) {
            (Ok((address, socket)), Ok(tls)) => sockets.push((socket, address, tls)),
            (Err(e), _) => errors.push(format!("cannot listen on {}: {}", listener.address, e.kind())),
            (_, Err(e)) => errors.push(format!("listener {}: {e}", listener.address)),
        }
    }
    if errors.is_empty() { Ok(sockets) } else { Err(errors) }
}

/// The TLS of a listener, from its files.
///
/// # Errors
/// A sentence that names the file.
pub fn server_tls(tls: &carnet_config::ListenerTls) -> Result<rustls::ServerConfig, String> {
    let key: &SecretRef = &tls.key;
    tls::server(&tls.certificate, &pem(key)?, &key.to_string(), tls.client_ca.as_deref())
        .map_err(|e| e.to_string())
}

fn listen(gateway: &Arc<Gateway>, sockets: Vec<Bound>) -> Vec<JoinHandle<()>> {
    let runtime = gateway.runtime.load();
    let limits = &runtime.config.limits;
    let connections = Arc::new(Semaphore::new(limits.connections.min(Semaphore::MAX_PERMITS)));
    let each = ListenerLimits {
        header_bytes: usize::try_from(limits.headers).unwrap_or(64 << 10),
        header_timeout: limits.header_timeout,
        handshake_timeout: limits.header_timeout,
    };
    let mut tasks = Vec::new();
    for (index, (socket, _, tls)) in sockets.into_iter().enumerate() {
        let tls = Arc::new(ArcSwapOption::from_pointee(tls));
        gateway.tls.lock().unwrap_or_else(PoisonError::into_inner).push(tls.clone());
        let listener = Listener { socket, index, tls, limits: each };
        let stop = gateway.stopping.subscribe();
        tasks.push(tokio::spawn(server::run(
            listener,
            gateway.clone(),
            connections.clone(),
            stop,
            // Once calls are told to end, their replies still have to be read.
            runtime.config.drain.saturating_add(stop::LAST),
        )));
    }
    tasks
}

/// The operator's listener; its few connections are not counted among the callers'.
fn serve_admin(gateway: &Arc<Gateway>, socket: TcpListener) -> impl Future<Output = ()> + Send + use<> {
    let limits = ListenerLimits {
        header_bytes: 16 << 10,
        header_timeout: Duration::from_secs(10),
        handshake_timeout: Duration::from_secs(10),
    };
    let listener = Listener { socket, index: usize::MAX, tls: Arc::new(ArcSwapOption::empty()), limits };
    let admin = Arc::new(crate::admin::Admin(gateway.clone()));
    server::run(
        listener,
        admin,
        Arc::new(Semaphore::new(32)),
        gateway.stopping.subscribe(),
        Duration::from_secs(1),
    )
}
