//! A cell that joins a front: it dials out, over TLS with a certificate of its own, and serves HTTP/2 on the connection it
//! made. So nobody connects to the cell, and what comes through the tunnel walks the very way of what comes by a
//! listener: identified, decided, masked and recorded here. HTTP/2 brings streams that do not wait for each other,
//! flow control and an orderly end; several connections keep one lost packet from holding up everything.

mod answer;
pub mod policies;

use std::net::SocketAddr;
use std::path::Path;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use carnet_config::{Config, JoinConfig};
use carnet_tunnel::{Checker, Exported, PublicKey, bond};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls_pki_types::ServerName;
use sha2::{Digest as _, Sha256};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::gateway::Gateway;
use crate::identity::pem;
use crate::stop::reached;
use crate::tls;
use answer::{Channel, Joined};

pub use answer::{front_of, is_as_asserted};

/// The protocol's name in the TLS handshake (ALPN): who speaks anything else is not connected.
pub const ALPN: &[u8] = b"carnet-tunnel/1";

/// Either side that hears nothing for this long asks, and ends the connection when nothing comes for as long again.
pub const PING: Duration = Duration::from_secs(10);
/// Bytes of one reply that may be on their way.
pub const STREAM_WINDOW: u32 = 1 << 20;
/// Bytes of all replies of a connection that may be on their way: so many callers who read nothing hold up none of the others.
pub const CONNECTION_WINDOW: u32 = 64 << 20;
/// Bytes of one frame: a large reply is cut into fewer pieces, and one of them still holds up the others for less than a millisecond.
pub const FRAME: u32 = 64 << 10;

const CONNECT: Duration = Duration::from_secs(10);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// A connection that stood this long was a good one: the next attempt comes at once.
const STOOD: Duration = Duration::from_secs(30);

/// What every connection of a cell to a front needs.
struct Dial {
    config: JoinConfig,
    tls: TlsConnector,
    server: ServerName<'static>,
    joined: Arc<Joined>,
    /// Turns true when the front is no longer one of this cell's, or is another.
    over: watch::Sender<bool>,
}

/// The fronts that a cell joins, as its configuration has them now.
#[derive(Default)]
pub struct Joins {
    open: Mutex<Vec<Join>>,
    /// One set of distributed policies is taken at a time, whichever front brings it.
    taking: Arc<tokio::sync::Mutex<()>>,
}

/// One front, and the tasks of the connections to it.
struct Join {
    /// SHA-256 of what it was made from: its configuration and the files that this names.
    made_from: [u8; 32],
    dial: Arc<Dial>,
    tasks: Vec<JoinHandle<()>>,
}

/// The fronts of a configuration, made ready.
pub(crate) struct Ready(Vec<([u8; 32], Arc<Dial>)>);

/// Reads what a configuration says of its fronts.
///
/// # Errors
/// When a key or certificate cannot be read.
pub(crate) fn prepare(gateway: &Arc<Gateway>, config: &Config) -> Result<Ready, String> {
    let of = |front: &JoinConfig| {
        let made_from = made_from(&config.cell.name, front)?;
        Ok((made_from, Arc::new(dial(gateway, &config.cell.name, front.clone())?)))
    };
    config.all_fronts().map(of).collect::<Result<_, String>>().map(Ready)
}

/// Joins these fronts: those that are joined already as they are keep their connections, others are left, in order.
pub(crate) fn apply(gateway: &Gateway, ready: Ready) {
    let mut open = gateway.joins.open.lock().unwrap_or_else(PoisonError::into_inner);
    let mut before = std::mem::take(&mut *open);
    for (made_from, dial) in ready.0 {
        let same = before.iter().position(|join| join.made_from == made_from);
        open.push(match same {
            Some(n) => before.swap_remove(n),
            None => {
                let all = 0..dial.config.connections;
                let tasks = all.map(|_| tokio::spawn(keep(dial.clone()))).collect();
                Join { made_from, dial, tasks }
            }
        });
    }
    for gone in before {
        gone.dial.over.send_replace(true);
    }
}

impl Joins {
    /// Waits until the connections have ended, once the gateway stops.
    pub(crate) async fn ended(&self) {
        let all = std::mem::take(&mut *self.open.lock().unwrap_or_else(PoisonError::into_inner));
        for task in all.into_iter().flat_map(|join| join.tasks) {
            let _ = task.await;
        }
    }
}

fn made_from(cell: &str, front: &JoinConfig) -> Result<[u8; 32], String> {
    let mut hash = Sha256::new();
    hash.update(format!("{cell}\n{front:?}\n"));
    let read = |path: &Path| std::fs::read(path).map_err(|e| format!("{}: {}", path.display(), e.kind()));
    for file in [&front.certificate, &front.ca, &front.assertions].into_iter().chain(&front.policies) {
        hash.update(Sha256::digest(read(file)?));
    }
    hash.update(Sha256::digest(pem(&front.key)?));
    Ok(hash.finalize().into())
}

fn dial(gateway: &Arc<Gateway>, cell: &str, config: JoinConfig) -> Result<Dial, String> {
    let key = pem(&config.key)?;
    let identity = (config.certificate.as_path(), key.as_str(), "the key of the cell's certificate");
    let mut client = tls::client(Some(&config.ca), Some(identity)).map_err(|e| e.to_string())?;
    client.alpn_protocols = vec![ALPN.to_vec()];
    let server = ServerName::try_from(config.host.clone())
        .map_err(|_| format!("front.address: {} is no host name", config.host))?;
    let checker = Checker::new(&config.name, cell, public_key(&config.assertions)?);
    let policies = config.policies.as_deref().map(public_key).transpose()?;
    let joined = Arc::new(Joined::new(gateway.clone(), checker, policies, gateway.joins.taking.clone()));
    let over = watch::Sender::new(false);
    Ok(Dial { config, tls: TlsConnector::from(Arc::new(client)), server, joined, over })
}

impl Dial {
    /// Resolves when this front is to be left, or the gateway stops.
    fn over(&self) -> impl Future<Output = ()> + Send + use<> {
        let (mut over, mut stopping) = (self.over.subscribe(), self.joined.gateway.stopping.subscribe());
        async move {
            tokio::select! {
                () = reached(Some(&mut over)) => {}
                () = reached(Some(&mut stopping)) => {}
            }
        }
    }

    fn is_over(&self) -> bool {
        *self.over.borrow() || *self.joined.gateway.stopping.borrow()
    }
}

/// Reads a public key.
///
/// # Errors
/// A sentence that names the file.
pub fn public_key(path: &Path) -> Result<PublicKey, String> {
    let text = std::fs::read_to_string(path).map_err(|e| format!("{}: {}", path.display(), e.kind()))?;
    PublicKey::from_pem(&text).map_err(|e| format!("{}: {e}", path.display()))
}

/// What TLS gives to both ends of this connection and to nobody else; `None` where it is older than 1.3.
pub(crate) fn exported<D>(tls: &rustls::ConnectionCommon<D>) -> Option<Exported> {
    if tls.protocol_version() != Some(rustls::ProtocolVersion::TLSv1_3) {
        return None;
    }
    tls.export_keying_material([0; bond::EXPORTED], bond::LABEL, None).ok().map(Exported::from)
}

/// Keeps one connection up until the gateway stops.
async fn keep(dial: Arc<Dial>) {
    let mut pause = FIRST_PAUSE;
    loop {
        let began = std::time::Instant::now();
        let connected = tokio::select! {
            connected = connect(&dial) => connected,
            () = dial.over() => return,
        };
        match connected {
            Ok((stream, peer)) => {
                tracing::info!(front = %dial.config.name, "joined");
                serve(&dial, stream, peer).await;
                tracing::info!(front = %dial.config.name, "the connection to the front has ended");
            }
            Err(why) => tracing::warn!(front = %dial.config.name, why, "the front cannot be joined"),
        }
        if dial.is_over() {
            return;
        }
        pause = if began.elapsed() > STOOD { FIRST_PAUSE } else { (pause * 2).min(LONGEST_PAUSE) };
        // Cells that lost the same front do not come back in the same moment.
        let spread = pause.mul_f64(rand::random_range(0.5..1.0));
        tokio::select! {
            () = tokio::time::sleep(spread) => {}
            () = dial.over() => return,
        }
    }
}

async fn connect(dial: &Dial) -> Result<(TlsStream<TcpStream>, SocketAddr), &'static str> {
    let handshake = async {
        let stream = TcpStream::connect((dial.config.host.as_str(), dial.config.port))
            .await
            .map_err(|_| "no connection")?;
        let peer = stream.peer_addr().map_err(|_| "no connection")?;
        stream.set_nodelay(true).map_err(|_| "no connection")?;
        let stream = dial.tls.connect(dial.server.clone(), stream).await.map_err(|_| "TLS failed")?;
        if stream.get_ref().1.alpn_protocol() != Some(ALPN) {
            return Err("the other side is no front");
        }
        Ok((stream, peer))
    };
    tokio::time::timeout(CONNECT, handshake).await.map_err(|_| "no answer in time")?
}

/// Serves one connection to its end. When the gateway stops, the front is told, and open calls finish.
async fn serve(dial: &Dial, stream: TlsStream<TcpStream>, peer: SocketAddr) {
    let Some(exported) = exported(stream.get_ref().1) else {
        tracing::warn!("the front does not speak TLS 1.3");
        return;
    };
    let channel = Arc::new(Channel::new(dial.joined.clone(), exported));
    let service = service_fn(move |request| {
        let channel = channel.clone();
        async move { Ok::<_, std::convert::Infallible>(channel.answer(request, peer).await) }
    });
    let runtime = dial.joined.gateway.runtime.load_full();
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .keep_alive_interval(PING)
        .keep_alive_timeout(PING)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_frame_size(FRAME)
        .max_concurrent_streams(u32::try_from(runtime.config.limits.concurrency).unwrap_or(u32::MAX))
        .max_header_list_size(u32::try_from(runtime.config.limits.headers).unwrap_or(u32::MAX));
    drop(runtime);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        _ = connection.as_mut() => return,
        () = dial.over() => connection.as_mut().graceful_shutdown(),
    }
    let mut cut = dial.joined.gateway.ending.cut();
    tokio::select! {
        _ = connection.as_mut() => {}
        // Calls that are told to end still hand over what they end with.
        () = async { reached(Some(&mut cut)).await; tokio::time::sleep(crate::stop::LAST).await } => {}
    }
}
