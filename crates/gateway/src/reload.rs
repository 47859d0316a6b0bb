//! Reload: on SIGHUP and when a file changes, the whole configuration anew or not at all. A bad file keeps the old snapshot
//! and says so: in the log, in `/readyz` details, in a metric and in the evidence (invariant 8).

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use notify::{RecursiveMode, Watcher};
use tokio::sync::{mpsc, watch};

use crate::desk::{self, Clerk};
use crate::gateway::Gateway;
use crate::join;
use crate::load;
use crate::run::server_tls;
use crate::sink;

/// Changes that follow each other within this time are one.
const SETTLE: Duration = Duration::from_millis(200);

/// What a reload comes from. Who changed a file is not seen; who asks is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Cause {
    /// SIGHUP. The system does not tell whose it is.
    Signal,
    /// A file has changed.
    Change,
    /// A start found another configuration than the log had last.
    Start,
    /// A front gave out policies.
    Front,
    /// Somebody asked for it over the control socket.
    Asked(Clerk),
}

/// What came of a reload.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Reloaded {
    /// It is in force as it was read.
    Same,
    /// It is in force now.
    Active,
    /// It is not, and why.
    Refused(Vec<String>),
}

/// Reloads on SIGHUP and on changes until the gateway stops; where reloads are asked for, only says that it saw one.
///
/// # Errors
/// When signals or files cannot be watched.
pub async fn watch(gateway: Arc<Gateway>) -> std::io::Result<()> {
    let stopping = gateway.stopping.subscribe();
    let act = |cause| {
        let gateway = &gateway;
        async move {
            if gateway.runtime.load().config.reload_asked {
                tracing::info!("a file has changed, or SIGHUP came: nothing is taken until `carnet reload`");
            } else {
                Box::pin(reload(gateway, &cause)).await;
            }
        }
    };
    on_change(|| folders(&gateway), stopping, act).await
}

/// Calls `act` on SIGHUP and after changes in `folders`, which may be others each time, until `stopping` turns true.
///
/// # Errors
/// When signals or files cannot be watched.
pub(crate) async fn on_change<F: Future<Output = ()>>(
    folders: impl Fn() -> Vec<PathBuf>,
    mut stopping: watch::Receiver<bool>,
    act: impl Fn(Cause) -> F,
) -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut hangup = signal(SignalKind::hangup())?;
    let (changed, mut changes) = mpsc::channel(1);
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        // Reading a file is no change; the reload itself reads.
        if event.is_ok_and(|e| !e.kind.is_access()) {
            let _ = changed.try_send(());
        }
    })
    .map_err(std::io::Error::other)?;
    let mut watched = BTreeSet::new();
    loop {
        follow(&mut watcher, &mut watched, &folders());
        let cause = tokio::select! {
            _ = hangup.recv() => Cause::Signal,
            _ = changes.recv() => {
                // An editor writes several times; a folder swapped by a link shows several events.
                tokio::time::sleep(SETTLE).await;
                while changes.try_recv().is_ok() {}
                Cause::Change
            }
            () = async { let _ = stopping.wait_for(|stop| *stop).await; } => return Ok(()),
        };
        act(cause).await;
    }
}

/// The folders of all files: a file replaced by a link or by rename is seen only there.
fn folders(gateway: &Gateway) -> Vec<PathBuf> {
    let runtime = gateway.runtime.load();
    let files = runtime.files.iter().chain(&gateway.file).filter_map(|f| f.parent());
    files.chain(runtime.config.policies.iter().map(PathBuf::as_path)).map(Path::to_owned).collect()
}

fn follow(watcher: &mut impl Watcher, watched: &mut BTreeSet<PathBuf>, folders: &[PathBuf]) {
    for folder in folders {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        if folder.is_dir() && watched.insert(folder.to_owned()) {
            let _ = watcher.watch(folder, RecursiveMode::NonRecursive);
        }
    }
}

/// Reads everything anew and swaps it in, or keeps what is there.
pub(crate) async fn reload(gateway: &Arc<Gateway>, cause: &Cause) -> Reloaded {
    let Some(file) = &gateway.file else { return Reloaded::Same };
    // One at a time: somebody may ask while a change is taken.
    let _turn = gateway.reloading.lock().await;
    let previous = gateway.runtime.load_full();
    let read = load::from_file(file, gateway.token_key, Some(&previous)).and_then(|next| {
        let kept = unchangeable(&previous.config, &next.config);
        if kept.is_empty() { Ok(next) } else { Err(kept) }
    });
    let tls = read.as_ref().map_err(Clone::clone).and_then(|next| {
        let all = next.config.listeners.iter().map(|l| l.tls.as_ref().map(server_tls).transpose());
        all.collect::<Result<Vec<_>, _>>().map_err(|e| vec![e])
    });
    let ready = read.as_ref().map_err(Clone::clone).and_then(|next| {
        let sinks = sink::prepare(&next.config).map_err(|e| vec![e])?;
        Ok((sinks, join::prepare(gateway, &next.config).map_err(|e| vec![e])?))
    });
    match (read, tls, ready) {
        (Ok(next), Ok(tls), Ok((sinks, joins))) => {
            if next.gate.epochs == previous.gate.epochs {
                swap_tls(gateway, tls);
                join::apply(gateway, joins);
                // Back to what is in force, after something that was not.
                if !std::mem::take(&mut *gateway.reload_errors.lock().unwrap_or_else(PoisonError::into_inner))
                    .is_empty()
                {
                    gateway.metrics.reload("ok");
                }
                return Reloaded::Same;
            }
            activate(gateway, next, tls, (sinks, joins), cause).await
        }
        (Err(errors), ..) | (_, Err(errors), _) | (.., Err(errors)) => {
            refused(gateway, &previous, errors, cause).await
        }
    }
}

/// What only a restart can change.
fn unchangeable(old: &carnet_config::Config, new: &carnet_config::Config) -> Vec<String> {
    let addresses = |c: &carnet_config::Config| {
        c.listeners.iter().map(|l| (l.address, l.tls.is_some())).collect::<Vec<_>>()
    };
    let mut kept = Vec::new();
    if old.data != new.data || old.cell.origin != new.cell.origin {
        kept.push("data and cell.origin need a restart: a log keeps its place and its name".to_owned());
    }
    if addresses(old) != addresses(new) {
        kept.push("a listener's address needs a restart".to_owned());
    }
    let mut restart = |what: &str, changed: bool| {
        if changed {
            kept.push(format!("a change of {what} needs a restart"));
        }
    };
    restart("telemetry", old.telemetry != new.telemetry);
    restart("evidence", old.evidence != new.evidence);
    restart("admin", old.admin != new.admin);
    let fixed = |c: &carnet_config::Config| {
        let l = &c.limits;
        (l.connections, l.concurrency, l.headers, l.header_timeout)
    };
    restart("limits.connections, concurrency, headers or header_timeout", fixed(old) != fixed(new));
    kept
}

async fn activate(
    gateway: &Arc<Gateway>,
    next: load::Runtime,
    tls: Vec<Option<rustls::ServerConfig>>,
    (sinks, joins): (sink::Ready, join::Ready),
    cause: &Cause,
) -> Reloaded {
    if crate::state::keep(&next).is_err() {
        let previous = gateway.runtime.load_full();
        let errors = vec!["what would come into force could not be kept".to_owned()];
        return refused(gateway, &previous, errors, cause).await;
    }
    // The record comes first: nothing is in force that the log does not know of.
    if desk::activated(gateway, &next, cause).await.is_err() {
        let previous = gateway.runtime.load_full();
        let errors = vec!["the change could not be recorded".to_owned()];
        return refused(gateway, &previous, errors, cause).await;
    }
    for warning in &next.warnings {
        tracing::warn!("{warning}");
    }
    let new_identities = !Arc::ptr_eq(&gateway.runtime.load().identities, &next.identities);
    gateway.runtime.store(Arc::new(next));
    if new_identities {
        gateway.tend_keys();
    }
    swap_tls(gateway, tls);
    sink::apply(gateway, sinks);
    join::apply(gateway, joins);
    gateway.reload_errors.lock().unwrap_or_else(PoisonError::into_inner).clear();
    gateway.metrics.reload("ok");
    tracing::info!("configuration reloaded");
    gateway.void_other_policies().await;
    Reloaded::Active
}

fn swap_tls(gateway: &Gateway, tls: Vec<Option<rustls::ServerConfig>>) {
    let slots = gateway.tls.lock().unwrap_or_else(PoisonError::into_inner);
    for (slot, config) in slots.iter().zip(tls) {
        slot.store(config.map(Arc::new));
    }
}

async fn refused(
    gateway: &Gateway,
    previous: &load::Runtime,
    errors: Vec<String>,
    cause: &Cause,
) -> Reloaded {
    let known = *gateway.reload_errors.lock().unwrap_or_else(PoisonError::into_inner) == errors;
    // Any write in a watched folder leads here; the same mistakes are said and recorded once. Who asks is recorded each time.
    if known && !matches!(cause, Cause::Asked(_)) {
        return Reloaded::Refused(errors);
    }
    for error in &errors {
        tracing::error!("reload refused, the old configuration stays in force: {error}");
    }
    if let Err(error) = desk::refused(gateway, previous, cause).await {
        tracing::error!(%error, "the refused reload could not be recorded");
    }
    gateway.reload_errors.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&errors);
    gateway.metrics.reload("failed");
    Reloaded::Refused(errors)
}
