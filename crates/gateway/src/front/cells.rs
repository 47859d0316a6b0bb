//! The cells' side of a front: connections that cells have dialled, each known by its certificate. The front is the HTTP/2
//! client on them. What a cell may own is in the front's configuration; what it says of itself must agree.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use carnet_config::{CellOfFront, FrontConfig};
use carnet_tunnel::announce::{self, Announcement, Hello};
use carnet_tunnel::{CallKey, Exported};
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use sha2::{Digest, Sha256};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::Front;
use crate::gateway::now;
use crate::join::{ALPN, CONNECTION_WINDOW, FRAME, PING, STREAM_WINDOW, exported};

/// How often a cell is asked how it is.
pub(super) const HELLO: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(10);
/// Connections of cells, and such as want to be, at once.
const MOST: usize = 4096;

/// A connection of a cell.
pub(super) struct Tunnel {
    number: usize,
    pub(super) send: SendRequest<Full<Bytes>>,
    /// What its calls are asserted with.
    pub(super) key: CallKey,
}

/// A cell as it is configured, and its connections.
pub(super) struct Cell {
    pub(super) name: Arc<str>,
    config: CellOfFront,
    live: Arc<Live>,
}

/// What outlasts a reload: the connections of a cell, and what it said last.
#[derive(Default)]
struct Live {
    state: RwLock<State>,
    next: AtomicUsize,
}

#[derive(Default)]
struct State {
    tunnels: Vec<Arc<Tunnel>>,
    servers: BTreeSet<String>,
    policies: u64,
    waiting: u64,
}

/// Why a call has no way to its server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Away {
    /// The cell is not connected.
    Cell,
    /// It is, and does not have the server now.
    Server,
}

impl Cell {
    /// A way to a server of this cell, other than those tried.
    pub(super) fn way(&self, server: &str, tried: &[Arc<Tunnel>]) -> Result<Arc<Tunnel>, Away> {
        let state = self.live.state.read().unwrap_or_else(PoisonError::into_inner);
        let usable =
            |t: &&Arc<Tunnel>| !t.send.is_closed() && !tried.iter().any(|other| Arc::ptr_eq(t, other));
        let open = state.tunnels.iter().filter(usable).count();
        let turn = self.live.next.fetch_add(1, Ordering::Relaxed).checked_rem(open).unwrap_or(0);
        let tunnel = state.tunnels.iter().filter(usable).nth(turn).ok_or(Away::Cell)?;
        if !state.servers.contains(server) {
            return Err(Away::Server);
        }
        Ok(tunnel.clone())
    }

    /// Connections, servers and version of distributed policies.
    pub(super) fn status(&self) -> (usize, Vec<String>, u64) {
        let state = self.live.state.read().unwrap_or_else(PoisonError::into_inner);
        let open = state.tunnels.iter().filter(|t| !t.send.is_closed()).count();
        (open, state.servers.iter().cloned().collect(), state.policies)
    }

    /// Calls that wait for an approval there.
    pub(super) fn waiting(&self) -> u64 {
        self.live.state.read().unwrap_or_else(PoisonError::into_inner).waiting
    }

    fn note(&self, said: Announcement) {
        let mut state = self.live.state.write().unwrap_or_else(PoisonError::into_inner);
        state.servers = said.servers;
        state.policies = said.policies;
        state.waiting = said.waiting;
    }

    fn add(&self, tunnel: Arc<Tunnel>) {
        self.live.state.write().unwrap_or_else(PoisonError::into_inner).tunnels.push(tunnel);
    }

    fn remove(&self, number: usize) {
        let mut state = self.live.state.write().unwrap_or_else(PoisonError::into_inner);
        state.tunnels.retain(|t| t.number != number);
    }

    /// What a cell says of itself must be what it was configured to be.
    fn agrees(&self, said: &Announcement) -> Result<(), &'static str> {
        let owned = |server: &String| self.config.servers.iter().any(|s| **s == **server);
        if *said.cell != *self.name {
            return Err(ANOTHER);
        }
        if said.region != self.config.region.as_str() {
            return Err("it says that it is in another region");
        }
        if !said.servers.iter().all(owned) {
            return Err("it offers a server that is not its own");
        }
        Ok(())
    }
}

/// All cells of the configuration.
pub(super) struct Cells {
    by_certificate: BTreeMap<[u8; 32], Arc<Cell>>,
    by_server: BTreeMap<Arc<str>, Arc<Cell>>,
}

impl Cells {
    /// Those of a configuration. A cell of the same name with the same certificate keeps its connections.
    pub(super) fn new(config: &FrontConfig, previous: Option<&Cells>) -> Cells {
        let (mut by_certificate, mut by_server) = (BTreeMap::new(), BTreeMap::new());
        for (name, cell) in &config.cells {
            let same = previous.and_then(|p| p.by_certificate.get(&cell.certificate));
            let live = same.filter(|same| same.name == *name).map(|same| same.live.clone());
            let live = live.unwrap_or_default();
            let known = Arc::new(Cell { name: name.clone(), config: cell.clone(), live });
            by_server.extend(cell.servers.iter().map(|s| (s.clone(), known.clone())));
            by_certificate.insert(cell.certificate, known);
        }
        Cells { by_certificate, by_server }
    }

    /// The cell that owns a server.
    pub(super) fn owner(&self, server: &str) -> Option<&Arc<Cell>> {
        self.by_server.get(server)
    }

    /// The names of all servers.
    pub(super) fn servers(&self) -> impl Iterator<Item = &Arc<str>> {
        self.by_server.keys()
    }

    /// Every cell.
    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<Cell>> {
        self.by_certificate.values()
    }
}

/// Accepts cells until the front is over. Open tunnels end with it.
pub(super) async fn accept(front: Arc<Front>, socket: TcpListener) {
    let places = Arc::new(tokio::sync::Semaphore::new(MOST));
    let mut over = front.over.subscribe();
    let mut open = tokio::task::JoinSet::new();
    loop {
        while open.try_join_next().is_some() {}
        let Ok(place) = places.clone().acquire_owned().await else { return };
        let accepted = tokio::select! {
            accepted = socket.accept() => accepted,
            _ = over.wait_for(|over| *over) => break,
        };
        let Ok((stream, _)) = accepted else {
            // Out of file descriptors, mostly: a pause instead of a spin.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let front = front.clone();
        open.spawn(async move {
            if let Err(why) = tunnel(&front, stream).await {
                tracing::warn!(why, "a connection of a cell was not accepted");
            }
            drop(place);
        });
    }
    open.shutdown().await;
}

/// One connection, from its handshake to its end.
async fn tunnel(front: &Arc<Front>, stream: TcpStream) -> Result<(), &'static str> {
    stream.set_nodelay(true).map_err(|_| "no connection")?;
    let mut changed = front.changed.subscribe();
    let acceptor = TlsAcceptor::from(front.tunnel_tls.load_full());
    let handshake = tokio::time::timeout(PATIENCE, acceptor.accept(stream)).await;
    let stream = handshake.map_err(|_| "no handshake in time")?.map_err(|_| "TLS failed")?;
    let certificate = certificate(&stream)?;
    let cell = known(front, &certificate)?;
    let exported = exported(stream.get_ref().1).ok_or("it does not speak TLS 1.3")?;
    let (mut send, connection) = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .keep_alive_interval(PING)
        .keep_alive_timeout(PING)
        .keep_alive_while_idle(true)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_frame_size(FRAME)
        .max_header_list_size(64 << 10)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|_| "it does not speak HTTP/2")?;
    let mut connection = tokio::spawn(connection);
    let said = tokio::time::timeout(PATIENCE, hello(front, &cell, &exported, &mut send)).await;
    let said = said.map_err(|_| "it does not say who it is")??;
    cell.note(said);
    let number = front.numbers.fetch_add(1, Ordering::Relaxed);
    let key = CallKey::new(&front.force.load().config.name, &cell.name, &exported);
    cell.add(Arc::new(Tunnel { number, send: send.clone(), key }));
    tracing::info!(cell = %cell.name, "a cell has joined");
    let known = Known { certificate, exported, name: cell.name.clone() };
    let ended = stand(front, &known, &mut send, &mut connection, &mut changed).await;
    cell.remove(number);
    tracing::info!(cell = %cell.name, "a connection of a cell has ended");
    if ended.is_err() {
        connection.abort();
    }
    ended
}

/// The SHA-256 of the certificate that the other side has shown.
fn certificate(stream: &TlsStream<TcpStream>) -> Result<[u8; 32], &'static str> {
    let tls = stream.get_ref().1;
    if tls.alpn_protocol() != Some(ALPN) {
        return Err("it is no cell");
    }
    let certificate = tls.peer_certificates().and_then(|c| c.first()).ok_or("it has no certificate")?;
    Ok(Sha256::digest(certificate).into())
}

/// The cell that a certificate is of, as it is configured now.
fn known(front: &Front, certificate: &[u8; 32]) -> Result<Arc<Cell>, &'static str> {
    let force = front.force.load();
    force.cells.by_certificate.get(certificate).cloned().ok_or("its certificate is not that of a cell")
}

/// What a connection was known by when it began.
struct Known {
    certificate: [u8; 32],
    exported: Exported,
    name: Arc<str>,
}

/// Asks how the cell is until the connection ends, or the cell is no longer one of this front's.
async fn stand(
    front: &Arc<Front>,
    joined: &Known,
    send: &mut SendRequest<Full<Bytes>>,
    connection: &mut tokio::task::JoinHandle<hyper::Result<()>>,
    changed: &mut watch::Receiver<u64>,
) -> Result<(), &'static str> {
    loop {
        tokio::select! {
            _ = &mut *connection => return Ok(()),
            _ = changed.changed() => {}
            () = tokio::time::sleep(HELLO) => {}
        }
        let cell = &known(front, &joined.certificate)?;
        if cell.name != joined.name {
            return Err("its certificate is another cell's now");
        }
        if send.is_closed() {
            // It drains: open calls finish, new ones go elsewhere.
            let _ = (&mut *connection).await;
            return Ok(());
        }
        match tokio::time::timeout(PATIENCE, hello(front, cell, &joined.exported, send)).await {
            Ok(Ok(said)) => cell.note(said),
            // A cell that drains meanwhile, or is gone: the connection says so.
            Ok(Err(NO_ANSWER)) => {}
            Ok(Err(why)) => return Err(why),
            Err(_) => return Err("it answers no longer"),
        }
    }
}

const NO_ANSWER: &str = "it gives no answer";
const ANOTHER: &str = "it says that it is another cell";

async fn hello(
    front: &Arc<Front>,
    cell: &Cell,
    exported: &Exported,
    send: &mut SendRequest<Full<Bytes>>,
) -> Result<Announcement, &'static str> {
    let has = cell.status().2;
    let force = front.force.load_full();
    let newer = force.policies.as_ref().filter(|bundle| bundle.version() > has).cloned();
    let bond = force.signer.bind(&cell.name, exported, now().seconds);
    let hello = Hello::new(&force.config.name, bond, newer);
    let request = Request::post(format!("https://cell{}", announce::PATH))
        .body(Full::new(Bytes::from(hello.to_bytes())))
        .map_err(|_| NO_ANSWER)?;
    let response = send.send_request(request).await.map_err(|_| NO_ANSWER)?;
    match response.status() {
        StatusCode::FORBIDDEN => return Err("the cell does not accept this front's key"),
        StatusCode::MISDIRECTED_REQUEST => return Err(ANOTHER),
        _ => {}
    }
    let body = Limited::new(response.into_body(), announce::MOST).collect().await.map_err(|_| NO_ANSWER)?;
    let said = Announcement::parse(&body.to_bytes()).map_err(|_| "its announcement cannot be used")?;
    cell.agrees(&said)?;
    if let Some(why) = &said.refused {
        tracing::warn!(cell = %cell.name, why, "a cell has not taken the distributed policies");
    }
    Ok(said)
}
